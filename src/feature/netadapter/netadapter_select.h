/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netadapter_rules.h"

#define CLASS_ADAPTER "MSFT_NetAdapter"
#define CLASS_BINDING "MSFT_NetAdapterBindingSettingData"

/* The adapters of this host; NetAdapter.ListFailed. The caller frees the vec. */
int netadapter_list(struct call *c, host_nic_vec *ret, struct err **e);

typedef VEC(const struct host_nic *) nic_ptr_vec;
/*
 * Those of nics that -Name or -InterfaceDescription (names or wildcards) select, in the order of nics, each once;
 * neither given: all. Exact values that no adapter has are noted by call_error().
 */
void netadapter_select(struct call *c, const host_nic_vec *nics, nic_ptr_vec *ret);
