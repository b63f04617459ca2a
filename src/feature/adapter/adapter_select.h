/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "adapter.h"

/* Which selecting parameters a cmdlet's row has, besides -VMName and -VM. */
#define SELECT_OBJECT (1u << 0) /* -VMNetworkAdapter */
#define SELECT_HOST (1u << 1)	/* -ManagementOS */
#define SELECT_ALL (1u << 2)	/* -All */
#define SELECT_SWITCH (1u << 3) /* -SwitchName filters those of the management OS */
#define SELECT_NO_VM (1u << 4)	/* the row has no -VM */
#define SELECT_LONG_NAME (1u << 5) /* the name is -VMNetworkAdapterName */
#define SELECT_NOTHING (1u << 6) /* nothing given selects the adapters of all virtual machines */
#define SELECT_KEPT (1u << 7) /* -VMSnapshot */

/*
 * The adapters that -VMName, -VM, -VMNetworkAdapter, -ManagementOS or -All select, filtered by -Name: by VM, then slot.
 * Unknown exact names (E-1, and of adapters) are noted by call_error(); wildcards that match nothing are no error.
 * Negative with *e when nothing selects (-ManagementOS:$false alone).
 */
int adapter_select(struct call *c, unsigned flags, adapter_vec *ret, struct err **e);
