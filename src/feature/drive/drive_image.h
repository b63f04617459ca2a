/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "drive.h"

/* Images, before they are used: cmdlets that must look at one, or work on it, before they can go on. */

/* QEMU's name of the format, and back; false: none of ours. */
const char *drive_format_qemu(enum drive_format format);
bool drive_format_from_qemu(const char *name, enum drive_format *ret);

/* The path itself, or (a bare file name) that file in the host's directory of images; "" stays; owned by the caller. */
char *drive_path_resolve(struct call *c, const char *path);

/*
 * Is it there, and what its name says it is (Vhd.WrongFormat); and so are its parents, which must be images by their names, too: an
 * image may come from anybody, and could name any file of the host as its parent (Vhd.ParentRefused). in_use: others may use it, else
 * Vhd.InUse. done is called once, later, as host->image()'s, with the image itself; drive_look_end(): before its time.
 */
struct drive_look;
int drive_look(struct host *h, const char *path, bool in_use, host_image_fn done, void *arg, struct drive_look **ret, struct err **e);
void drive_look_end(struct drive_look *look);

/* What the cmdlet does then, as call_resume()'s. */
typedef int (*drive_image_fn)(struct call *c, void *arg, struct err **e);

/*
 * Both: CALL_PENDING: fn is called when it is done, unless it failed, which fails the call. Negative: it could not begin. arg is freed
 * in any case.
 */
int drive_image_run(struct call *c, const struct host_image_job *job, drive_image_fn fn, void *arg, struct err **e);
int drive_image_check(struct call *c, const char *path, bool in_use, drive_image_fn fn, void *arg, struct err **e);
