/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "checkpoint.h"

/*
 * What the directory of an exported machine says, read and held together: nothing of it is believed. Ids are those that the machine shall
 * have here, paths of images where they shall be.
 */
struct import_disk {
	char *name; /* in the directory of disks */
	char *from, *to;
	const char *format; /* as QEMU calls it */
	size_t backing;     /* of the disks; itself: it lies on none of them */
	bool made;
};

struct import_checkpoint {
	struct guid was; /* its id in the directory */
	struct checkpoint_doc *doc; /* its id, parent, name, time and type */
	struct vm_config config;
	bool memory, variables;
};

struct import_id {
	struct guid was, is;
};

struct import_parts {
	struct vm_config config;
	json_t *switches; /* id -> name, where it comes from */
	struct guid was;
	bool saved;
	VEC(struct import_checkpoint) checkpoints;
	VEC(struct import_disk) disks; /* what one lies on comes before it */
	VEC(struct import_id) ids;
};

struct import_how {
	const char *root;      /* of the directory */
	const char *directory; /* where copies of the disks go; NULL: they stay */
	bool new_ids;
};

/* Config.Invalid, Vhd.NotFound, Import.NotFound. text: the machine's file. */
int import_parts_read(const char *text, const struct import_how *how, struct import_parts *ret, struct err **e);
void import_parts_done(struct import_parts *p);

/* -Exxx. Of a regular file that is not larger than a configuration is; owned by the caller. */
int import_read_file(const char *path, char **ret);
