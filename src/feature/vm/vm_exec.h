/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vm.h"

/* Invoke-Command -VMName: runs in all the VMs at once, answers when the last is done, in the order of the VMs' names.
 */
enum { vm_exec_timeout = 3600 }; /* seconds, unless -TimeoutSec says something else */
int vm_invoke_command(struct call *c, struct err **e);
