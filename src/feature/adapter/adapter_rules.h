/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "adapter.h"

/* The rules of virtual network adapters, as pure functions of the documents. 0, or negative with *e. */

#define ADAPTER_NAME_MAX 100

/* No adapter has that name. Always negative. */
int adapter_unknown(const char *name, struct err **e);
/* Names of VMs' adapters are labels, not unique: InvalidName alone. */
int adapter_check_name(const char *name, struct err **e);
/*
 * A host vNIC is the host's network adapter "vEthernet (NAME)", whose names are unique: Adapter.NameNotUnique,
 * InvalidName. self: the adapter that will bear the name, NULL for a new one.
 */
int adapter_check_host_name(const struct docs *d, const struct adapter_doc *self, const char *name, struct err **e);
/* Adapter.MacNotUnicast */
int adapter_check_mac(const struct mac *mac, struct err **e);
/* Another adapter of this host with that MAC, or NULL. self may be NULL. */
const struct adapter_doc *adapter_by_mac(const struct docs *d, const struct adapter_doc *self, const struct mac *mac);
/* E-4: the adapter's VM must be off (a host vNIC has none). */
int adapter_check_off(const struct docs *d, const struct adapter_doc *a, struct err **e);
/* HN-12: Wnv.VlanAndVsid. What the adapter is to have. */
int adapter_check_vlan(const struct adapter_doc *a, uint32_t vsid, enum adapter_vlan_mode mode, struct err **e);
/* Bits a second as the kernel takes them: whole bytes, and no limit below one. */
uint64_t adapter_round_bandwidth(uint64_t bits);
/* Adapter.MinimumBandwidthUnavailable, always negative. */
int adapter_refuse_minimum_bandwidth(const char *parameter, struct err **e);
/* A machine can have that many (Adapter.TooMany); one that is saved gets none, because its state is of those it had (E-4). */
int adapter_check_add(const struct docs *d, const struct vm_doc *vm, struct err **e);
/* An internal switch keeps its last host vNIC: Switch.ManagementOsFixed. A saved machine keeps what it had (E-4). */
int adapter_check_remove(const struct docs *d, const struct adapter_doc *a, struct err **e);
/* Host vNICs stay on the switch that they were made for: Adapter.ManagementOsFixed. */
int adapter_check_reconnect(const struct adapter_doc *a, struct err **e);
