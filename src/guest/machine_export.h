/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "machine.h"
#include "vec.h"

/*
 * A directory with all that a machine is made of. It is made under another name and renamed when everything in it is on the disk, so that
 * one that was cut short is never taken for a whole one; what an earlier attempt left under that other name is removed first.
 */
struct machine_export_disk {
	char *from, *format;      /* with all that it lies on */
	char *to, *to_format;     /* relative to the directory */
	char *backing, *backing_format; /* NULL: all of it is in the copy; else only the image's own, on that one, which is beside the copy */
};

/* A file to be copied as it is; where it is not there, it is not in the copy either. */
struct machine_export_file {
	char *from, *to;
};

/* A file to be written. */
struct machine_export_text {
	char *to, *text;
};

struct machine_export {
	struct guid machine;
	bool holds; /* no step of it is taken meanwhile; else what is copied stays as it is anyway */
	char *parent;             /* existing or to be made */
	char *name;               /* of the directory; new */
	VEC(char *) directories;  /* relative, parents first */
	VEC(struct machine_export_text) texts;
	VEC(struct machine_export_file) files;
	VEC(struct machine_export_disk) disks;
};

/* error: a sentence's end, NULL when r is 0; borrowed. -EEXIST: the directory is there already. -ENOSPC: the disk is full. */
typedef void (*machine_export_fn)(void *arg, int r, const char *error);
/* What parent/name is called until it is whole; owned by the caller. */
char *machine_export_top(const char *parent, const char *name, const char *instance);
/* Takes x; done is called later from machines_dispatch() or machines_close(), exactly once. No step of the machine begins before. */
void machines_export(struct machines *m, struct machine_export *x, machine_export_fn done, void *arg);
