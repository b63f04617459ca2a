/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vm.h"

/* Waiting until guests are up: Wait-VM, Restart-VM -Wait. */

extern const char *const vm_wait_kinds[];	  /* of -For of Wait-VM */
extern const char *const vm_wait_restart_kinds[]; /* and of Restart-VM (cmdlets.md 3.1) */
enum vm_wait_kind { VM_WAIT_HEARTBEAT, VM_WAIT_ADDRESS, VM_WAIT_MEMORY, VM_WAIT_REBOOT };

/* Their parameters besides -Wait; kinds: one of the above. */
#define WAIT_PARAMS(kinds)                                                                                             \
	{ "For",                                                                                                       \
	  P_ENUM,                                                                                                      \
	  0,                                                                                                           \
	  "what it is waited for: a sign of life, or an address (of the guest agent's, in a real machine)",            \
	  .values = (kinds),                                                                                           \
	  .def = "Heartbeat" },                                                                                        \
		{ "Timeout",                                                                                           \
		  P_UINT,                                                                                              \
		  0,                                                                                                   \
		  "seconds; without it there is no end to waiting",                                                    \
		  .aliases = "TimeoutSec",                                                                             \
		  .min = 1,                                                                                            \
		  .max = INT32_MAX },                                                                                  \
	{                                                                                                              \
		"Delay", P_UINT, 0, "seconds between two looks", .min = 1, .max = UINT16_MAX, .def = "1"               \
	}

struct vm_waits;
/* Waits for the start of each that has been added, beginning when the call's changes are in effect. */
struct vm_waits *vm_waits_new(struct call *c);
void vm_waits_add(struct vm_waits *w, const struct vm_doc *vm);
/* What the handler returns: CALL_PENDING, or 0 when none was added. Takes w. */
int vm_waits_begin(struct vm_waits *w);
/* Vm.WaitUnavailable: what nobody here can tell. */
int vm_wait_check(struct call *c, struct err **e);

int vm_wait(struct call *c, struct err **e);
