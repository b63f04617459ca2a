/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "switch.h"

/* The rules of virtual switches, as pure functions of the documents. 0, or negative with *e. */

/* "vEthernet (NAME)" is the name of the switch's host vNIC and must fit into host_nic.name. */
#define SWITCH_NAME_MAX 51

/* E-2: no switch has that name. Always negative. */
int switch_unknown(const char *name, struct err **e);
int switch_find(const struct docs *d, const char *name, const struct switch_doc **ret, struct err **e);
/* InvalidName, Switch.NameNotUnique, Switch.TooMany */
int switch_check_new(const struct docs *d, const char *name, struct err **e);
/* The lowest free switch_doc.number, or 0. */
uint32_t switch_free_number(const struct docs *d);
/*
 * May the NIC become the uplink of that switch (NULL: a new one)? Not when it is made by Nestor itself
 * (Switch.NetAdapterNotUsable) or serves another switch (Switch.NetAdapterInUse).
 */
int switch_check_nic(const struct docs *d, const struct switch_doc *self, const struct host_nic *nic, struct err **e);
/* An internal switch always has a host vNIC, a private one never: Switch.ManagementOsFixed. */
int switch_check_management_os(const char *name, enum switch_type type, bool wanted, struct err **e);

/* Makes a host vNIC named after the switch where there is none, or removes all of them: documents, inside a
 * transaction. */
void switch_put_management_os(struct docs *d, const struct switch_doc *sw, bool wanted, const char *host_name);
/* Disconnects the VMs' adapters from the switch and removes its host vNICs. */
void switch_detach_all(struct docs *d, const struct switch_doc *sw);
