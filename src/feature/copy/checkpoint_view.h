/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "checkpoint.h"

/* -VMSnapshot of Get cmdlets: what a checkpoint has kept of a virtual machine, instead of what it is. */

extern const char *const snapshot_type[];
#define SNAPSHOT_PARAM(sets_)                                                                                          \
	{                                                                                                              \
		"VMSnapshot", P_OBJECT, REQUIRED | POS(0) | PIPE_VALUE, "a checkpoint, as Get-VMSnapshot returns it: what it has kept", \
			.aliases = "VMCheckpoint", .values = snapshot_type, .sets = (sets_)                            \
	}

/*
 * The row's handler: calls get, and with -VMSnapshot does so while the checkpoint's documents are in the place of the machine's, until the
 * objects are made. Those say which checkpoint they are of (VMSnapshotId, VMSnapshotName), by which every parameter refuses them, and
 * nothing of what the machine is doing now. get selects by vm_select_or_kept().
 */
int checkpoint_view(struct call *c, int (*get)(struct call *c, struct err **e), struct err **e);
/* The checkpoint that the object is of; NULL, with an error noted: there is none any more. */
const struct checkpoint_doc *checkpoint_of_object(struct call *c, const json_t *object);
