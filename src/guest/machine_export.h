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
};

struct machine_export {
	struct guid machine;
	char *parent;             /* existing or to be made */
	char *name;               /* of the directory; new */
	char *config_name, *config; /* the file's name, relative to the directory, and what is in it */
	VEC(char *) directories;  /* relative, parents first */
	VEC(struct machine_export_disk) disks;
};

/* error: a sentence's end, NULL when r is 0; borrowed. -EEXIST: the directory is there already. -ENOSPC: the disk is full. */
typedef void (*machine_export_fn)(void *arg, int r, const char *error);
/* What parent/name is called until it is whole; owned by the caller. */
char *machine_export_top(const char *parent, const char *name, const char *instance);
/* Takes x; done is called later from machines_dispatch() or machines_close(), exactly once. No step of the machine begins before. */
void machines_export(struct machines *m, struct machine_export *x, machine_export_fn done, void *arg);
