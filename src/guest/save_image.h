/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * libvirt's file with the memory of a machine: a head, the machine's XML, and what QEMU reads. One that comes from elsewhere is untrusted:
 * its head is held against what it must be, and of the rest nothing is believed.
 */
struct save_image_id {
	char *from, *to; /* of one length */
};

/*
 * Puts other ids into the XML of the file. -EINVAL: it is no such file, or compressed by a program; -Exxx of reading and writing, after
 * which the file is worth nothing.
 */
int save_image_rename(const char *path, const struct save_image_id *ids, size_t n);
/* The same of the text, which need not be terminated: all occurrences. */
void save_image_rename_text(char *text, size_t size, const struct save_image_id *ids, size_t n);
/*
 * Gives the machine in the file a name: libvirt goes on from it under no other. It may be compressed. -EINVAL: it is no such file; -ENOSPC:
 * libvirt has left no room for a name of that length; -Exxx of reading and writing.
 */
int save_image_set_name(const char *path, const char *name);
