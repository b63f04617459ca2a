/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netadapter.h"

/* The components that are bound to every NIC, in the order in which they are shown. */
enum component_id { COMPONENT_NETWNV, COMPONENT_VMS_PP, COMPONENT_TCPIP, COMPONENT_TCPIP6, COMPONENT_COUNT };

struct component {
	const char *id;
	const char *display_name;
};
extern const struct component netadapter_components[COMPONENT_COUNT];

/* Is the component bound to that Linux interface? */
bool netadapter_bound(const struct docs *d, enum component_id component, const char *nic);
/* Only ms_netwnv can be bound and unbound: NetAdapter.BindingFixed for the others, unless they are as wanted already.
 */
int netadapter_check_change(const struct docs *d, enum component_id component, const struct host_nic *nic, bool enable,
			    struct err **e);
/* Binds or unbinds ms_netwnv: documents, inside a transaction. */
void netadapter_put_binding(struct docs *d, const char *nic, bool enable);
/* No NIC of the host has ms_netwnv bound. */
bool netadapter_none_bound(const struct docs *d, const host_nic_vec *nics);
/* Nothing has that value in that property: CmdletizationQuery_NotFound_PROPERTY, ObjectNotFound. class:
 * "MSFT_NetAdapter". */
int netadapter_not_found(const char *class, const char *property, const char *value, struct err **e);
