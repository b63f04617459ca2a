/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cmdlet.h"
#include "vm.h"

/*
 * A drive of a virtual machine of engine Qemu: a hard disk or a DVD drive, where it is plugged in, and the image in it. The image
 * itself is a file that the administrator owns: no drive makes or removes one. What points a drive to another image (a checkpoint's
 * overlay) changes path and format and leaves the id alone, by which the guest recognizes a disk.
 */
extern const char *const drive_types[]; /* HardDisk, Dvd */
enum drive_type { DRIVE_HARD_DISK, DRIVE_DVD };

extern const char *const drive_controllers[]; /* IDE, SCSI */
enum drive_controller { DRIVE_IDE, DRIVE_SCSI };

/* As what QEMU opens the image. It is never guessed when a machine starts: a guest could write a header into a raw disk. */
extern const char *const drive_formats[]; /* raw, qcow2, vhdx, vhd */
enum drive_format { DRIVE_RAW, DRIVE_QCOW2, DRIVE_VHDX, DRIVE_VHD };

struct drive_doc {
	struct guid id;
	struct guid vm;
	uint32_t type;	     /* enum drive_type */
	uint32_t controller; /* enum drive_controller; IDE: generation 1 alone */
	uint32_t number;     /* of the controller: 0..1, 0..3 */
	uint32_t location;   /* on it: 0..1, 0..63 */
	char *path;	     /* absolute; NULL: a DVD drive without medium */
	uint32_t format;     /* enum drive_format */
};
#define DRIVE_IDE_NUMBERS 2
#define DRIVE_IDE_LOCATIONS 2
#define DRIVE_SCSI_NUMBERS 4
#define DRIVE_SCSI_LOCATIONS 64

/* Bytes of a virtual hard disk. */
#define VHD_SIZE_MIN (1u << 20)
#define VHD_SIZE_MAX (64ull << 40)

extern const struct doc_kind drive_kind; /* key: id */
extern const struct cmdlet drive_cmdlets[];
extern const struct cmdlet controller_cmdlets[];
extern const char *const drive_controller_type[]; /* "VMDriveController" */
extern const struct object_type hard_disk_object; /* "HardDiskDrive" */
extern const struct object_type dvd_object;	  /* "DvdDrive" */

const struct drive_doc *drive_get(const struct docs *d, const struct guid *id);
json_t *drive_to_object(struct call *c, const void *doc);

typedef VEC(const struct drive_doc *) drive_vec;
/* Of one VM: by controller (IDE first), its number, and location. */
void drive_of_vm(const struct docs *d, const struct guid *vm, drive_vec *ret);

/* Makes a document (not yet written); path NULL: none. Caller owns it. */
struct drive_doc *drive_make(const struct guid *vm, enum drive_type type, enum drive_controller controller, uint32_t number,
			     uint32_t location, const char *path, enum drive_format format);
/* Removes the documents of all drives of the VM; the images stay. */
void drive_delete_of_vm(struct docs *d, const struct guid *vm);
