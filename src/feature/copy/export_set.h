/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "checkpoint.h"

/*
 * What the directory of an exported machine has, as host->export_machine() wants it: its configuration and state, its disks, its
 * checkpoints. Pure but for the names of files, which the host says.
 */
struct export_set {
	struct host_export x; /* its texts belong to the set */
	json_t *config;
	VEC(char *) texts;
};

/*
 * source: the checkpoint that the machine is exported as; NULL: as it is now, off. whole: with all its checkpoints, each disk as a chain of
 * images, where there are any; else each disk is one image. The caller frees it by export_set_done().
 */
void export_set_make(struct call *c, const struct vm_doc *vm, const struct checkpoint_doc *source, bool whole, struct export_set *ret);
void export_set_done(struct export_set *s);
