/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "drive.h"

/* The rules of drives, as pure functions of the documents. 0, or negative with *e. */

/* Where a drive is, or shall be. */
struct drive_place {
	enum drive_controller controller;
	uint32_t number;
	uint32_t location;
};

/*
 * A path that an image of the type can have: absolute (Vm.PathInvalid), and its ending says what it is (Vhd.FormatUnknown):
 * .qcow2, .img, .raw, .vhd, and for DVDs .iso. Drive.FormatUnavailable: a .vhdx, which libvirt cannot run from.
 */
int drive_check_path(const char *param, enum drive_type type, const char *path, enum drive_format *ret, struct err **e);
/* The format of the path's ending. False: it says none. */
bool drive_format_of(const char *path, enum drive_format *ret);

/* Drive.PlaceInvalid: there is no such place in a VM of its generation; Drive.PlaceInUse. self: a drive that moves there, or NULL. */
int drive_check_place(const struct docs *d, const struct vm_doc *vm, const struct drive_doc *self, const struct drive_place *place,
		      struct err **e);
/*
 * The first free place that agrees with what is given (NULL: open), where a drive may be plugged in now; Drive.NoPlace. IDE comes first
 * where the VM has it and is off.
 */
int drive_find_place(const struct docs *d, const struct vm_doc *vm, const uint32_t *controller, const uint32_t *number,
		     const uint32_t *location, struct drive_place *ret, struct err **e);
/* How many SCSI controllers a VM of engine Qemu has: one at least, those that were added, and those with something on them. */
uint32_t drive_scsi_controllers(const struct docs *d, const struct vm_doc *vm);
/* The VM and the place of the controller that an object is of; NULL, with an error noted: the VM is gone, or there is no such number. */
const struct vm_doc *drive_controller_of(struct call *c, const json_t *object, uint32_t *ret_type, uint32_t *ret_number);
/*
 * May a drive be plugged in or out there now (E-4)? A disk on a SCSI controller while the VM is on, everything while it is off, nothing
 * while it is saved.
 */
int drive_check_pluggable(const struct docs *d, const struct vm_doc *vm, enum drive_type type, const struct drive_place *place,
			  struct err **e);
/* Drive.ImageAttached: the VM has that image in another drive already. */
int drive_check_image(const struct docs *d, const struct vm_doc *vm, const struct drive_doc *self, const char *path, struct err **e);
/* Drive.NotFound; always negative. */
int drive_unknown(const char *what, struct err **e);
/* "SCSI controller number 0 at location 1" */
char *drive_place_text(const struct drive_doc *drive);
struct drive_place drive_place_of(const struct drive_doc *drive);
