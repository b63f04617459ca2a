/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vm.h"

/*
 * Stop-VM without -TurnOff. Real machines that run are asked to shut down, all at once, and the answer comes when the last of them
 * is off or has not been in time; -Force cuts the power of those. stop_one: how all other ones are stopped.
 */
int vm_stop_orderly(struct call *c, int (*stop_one)(struct call *c, const struct vm_doc *vm, struct err **e));
