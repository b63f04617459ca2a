/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libvirt/libvirt.h>

#include "machine.h"

/* The network adapters of a machine that runs: they come, go, and are connected and disconnected. */

/* One number for a set of adapters, whatever their order: their taps, and whether they are connected. */
uint64_t nics_digest(const struct machine_nic *nics, size_t n);

/* What a machine has, as libvirt tells it: tap, and connected. Adapters that are not of machine_xml() are not among them. */
struct nic_vec {
	struct machine_nic *items;
	size_t n;
	size_t room;
};
void nics_parse(const char *xml, struct nic_vec *ret);

/*
 * Makes what a running machine has the same as these. What the guest has to let go of may still be there afterwards. 0, or -1 with
 * an error of libvirt's.
 */
int nics_apply(virDomainPtr domain, const struct machine_nic *want, size_t n);
/* nics_digest() of what it has; 0, or -1 when it has gone meanwhile. */
int nics_seen(virDomainPtr domain, uint64_t *ret_digest);
