/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "acl.h"
#include "adapter_select.h"
#include "checkpoint_view.h"
#include "feature.h"

/* What the cmdlets of entries and of extended rules share: rows that select adapters, and the adapter in an object. */

extern const char *const acl_vm_type[], *const acl_adapter_type[];

#define ACL_BY_VMNAME IN_SET(0)
#define ACL_BY_VM IN_SET(1)
#define ACL_BY_HOST IN_SET(2)
#define ACL_BY_ADAPTER IN_SET(3)
#define ACL_BY_OBJECT IN_SET(4) /* a rule itself */
#define ACL_BY_KEPT IN_SET(5)   /* those of a checkpoint */
#define ACL_BY_ANY_ADAPTER (ACL_BY_VMNAME | ACL_BY_VM | ACL_BY_HOST | ACL_BY_ADAPTER)

/* required: REQUIRED, or 0 where no adapter given means all. */
#define ACL_SELECT_PARAMS(required)                                                                                    \
	{ "VMName", P_STRING, (required) | ARRAY | POS(0) | PIPE_VALUE, "names of virtual machines, or wildcards",     \
	  .sets = ACL_BY_VMNAME },                                                                                     \
	{ "VM", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, "virtual machines, as Get-VM returns them",          \
	  .values = acl_vm_type, .sets = ACL_BY_VM },                                                                  \
	{ "ManagementOS", P_SWITCH, REQUIRED, "adapters of the management operating system", .sets = ACL_BY_HOST },    \
	{ "VMNetworkAdapter", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE,                                        \
	  "network adapters, as Get-VMNetworkAdapter returns them", .values = acl_adapter_type, .sets = ACL_BY_ADAPTER }, \
	{ "VMNetworkAdapterName", P_STRING, 0, "only adapters of this name, or matching the wildcards",                \
	  .sets = ACL_BY_VMNAME | ACL_BY_VM | ACL_BY_HOST | ACL_BY_KEPT }

#define ACL_SELECT (SELECT_OBJECT | SELECT_HOST | SELECT_LONG_NAME)

/* "VM, adapter", for -WhatIf; the caller's to free. */
char *acl_target(struct call *c, const struct adapter_doc *a);
/* The properties of all rules: whose they are. */
void acl_add_owner(struct call *c, const struct guid *adapter, json_t *o);
/* The adapter that an object of a rule names, or NULL. */
const struct adapter_doc *acl_owner(struct call *c, const json_t *object);
/* Error: what was to be removed is not there. Acl.NotFound */
int acl_not_found(const char *what, const struct adapter_doc *a, struct err **e);
