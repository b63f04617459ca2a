/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libvirt/libvirt.h>

#include "machine.h"

/* The memory of a running machine, and whether a hypervisor runs in it. Called by a step's thread; 0, or negative (libvirt's error). */

/*
 * Does a guest of the guest run, or could one at any moment (NV-14)? Any virtual processor has EFER.SVME or CR4.VMXE set. Linux
 * sets them while it has a virtual machine, other hypervisors while they run. False where QEMU does not tell.
 */
bool memory_hypervisor_runs(virDomainPtr domain);
/* The same of the text that QEMU answers to "info registers -a". */
bool memory_registers_tell(const char *text);

/*
 * Makes the guest have `target` bytes: beyond what it booted with by virtio-mem, below by its balloon. It takes effect as far and
 * as fast as the guest plays along.
 */
int memory_resize(virDomainPtr domain, uint64_t boot, uint64_t target);

/*
 * The memory device in a domain's XML, with another amount requested (at most its size). Owned by the caller; NULL: it has none
 * that we could change.
 */
char *memory_device_change(const char *xml, uint64_t bytes);

/* What the guest needs by its own statistics: what is in use. 0: it has not said. */
uint64_t memory_demand(virDomainPtr domain, uint64_t assigned);
/* The same from what the guest says of its memory: bytes that it could still use, of those that it has. */
uint64_t memory_demand_of(uint64_t usable, uint64_t available, uint64_t assigned);

/*
 * What dynamic memory should be at this demand: with the buffer, within minimum and maximum; `assigned` as long as it is near
 * enough, so that the balloon does not breathe.
 */
uint64_t memory_target(const struct machine_memory *memory, uint64_t assigned, uint64_t demand);
