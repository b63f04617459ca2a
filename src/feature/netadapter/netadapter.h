/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cmdlet.h"

/*
 * Physical adapters of the host and their bindings. ms_netwnv is the HNV filter: bound to the NIC under a switch, it
 * lets the NIC carry virtual subnets. Where the last binding goes, all network virtualization policy of the host goes
 * with it (cmdlets.md 3.8, Disable-NetAdapterBinding). The other components are shown as they are and cannot be changed
 * here.
 */
struct binding_doc {
	char *nic;	 /* the Linux interface */
	char *component; /* "ms_netwnv" */
};
extern const struct doc_kind binding_kind; /* key: nic/component; the document exists where the binding is enabled */
extern const struct cmdlet netadapter_cmdlets[];

/* Is ms_netwnv bound to that Linux interface? */
bool netadapter_wnv_bound(const struct docs *d, const char *nic);
/* Finds a NIC by Name (exact, case-insensitive), description or ifindex in what the host has. NULL: none. */
const struct host_nic *netadapter_by_name(const host_nic_vec *nics, const char *name);
const struct host_nic *netadapter_by_description(const host_nic_vec *nics, const char *description);
const struct host_nic *netadapter_by_index(const host_nic_vec *nics, int ifindex);
