/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter_select.h"

#include "adapter_rules.h"
#include "feature.h"
#include "switch_rules.h"

static const char *adapter_name(const void *doc)
{
	return ((const struct adapter_doc *)doc)->name;
}

static const struct selector adapter_selector = { &adapter_kind, adapter_name, adapter_unknown };

static void select_objects(struct call *c, const struct arg *objects, adapter_vec *ret)
{
	doc_vec docs = { 0 };

	select_docs(c, &adapter_selector, NULL, objects, NULL, &docs);
	vec_foreach(&docs, doc)
		vec_push(ret, *doc);
	vec_done(&docs);
}

static void select_host(struct call *c, unsigned flags, adapter_vec *ret)
{
	const char *name = flags & SELECT_SWITCH ? call_str(c, "SwitchName", NULL) : NULL;
	const struct switch_doc *sw = NULL;
	const struct guid host = { 0 };
	adapter_vec found = { 0 };
	struct err *e = NULL;

	if (name && switch_find(call_docs(c), name, &sw, &e) < 0) {
		call_error(c, &e);
		return;
	}
	adapter_of_vm(call_docs(c), &host, &found);
	vec_foreach(&found, a)
		if (!sw || guid_equal(&(*a)->switch_id, &sw->id))
			vec_push(ret, *a);
	vec_done(&found);
}

static void select_of_vms(struct call *c, const vm_vec *vms, adapter_vec *ret)
{
	vec_foreach(vms, vm)
		adapter_of_vm(call_docs(c), &(*vm)->id, ret);
}

static void select_all(struct call *c, adapter_vec *ret)
{
	vm_vec vms = { 0 };

	select_host(c, 0, ret);
	vm_select(c, NULL, NULL, &vms);
	select_of_vms(c, &vms, ret);
	vec_done(&vms);
}

static bool vec_has_name(const adapter_vec *all, const char *name)
{
	vec_foreach(all, a)
		if (strieq((*a)->name, name))
			return true;
	return false;
}

/* Keeps what -Name names. An exact name that none of the candidates has is an error, where there are candidates'
 * owners. */
static void filter_names(struct call *c, const struct arg *names, bool owners, adapter_vec *all)
{
	size_t kept = 0;

	for (size_t i = 0; names->given && i < names->n; i++) {
		const char *name = names->values[i].str;
		struct err *e = NULL;

		if (!owners || wildcard_has(name) || vec_has_name(all, name))
			continue;
		adapter_unknown(name, &e);
		call_error(c, &e);
	}
	vec_foreach(all, a)
		if (arg_matches(names, (*a)->name))
			all->items[kept++] = *a;
	all->n = kept;
}

int adapter_select(struct call *c, unsigned flags, adapter_vec *ret, struct err **e)
{
	const char *vm_param = flags & SELECT_NO_VM ? NULL : "VM";
	const struct arg *names = call_arg(c, flags & SELECT_LONG_NAME ? "VMNetworkAdapterName" : "Name");
	bool owners = true;

	if ((flags & SELECT_OBJECT) && call_given(c, "VMNetworkAdapter")) {
		select_objects(c, call_arg(c, "VMNetworkAdapter"), ret);
		return 0;
	}
	if ((flags & SELECT_HOST) && call_bool(c, "ManagementOS", false)) {
		select_host(c, flags, ret);
	} else if ((flags & SELECT_ALL) && call_bool(c, "All", false)) {
		select_all(c, ret);
	} else if (call_given(c, "VMName") || (vm_param && call_given(c, vm_param)) ||
		   (flags & SELECT_KEPT && call_given(c, "VMSnapshot")) ||
		   (flags & SELECT_NOTHING && !call_given(c, "ManagementOS"))) {
		vm_vec vms = { 0 };

		if (flags & SELECT_KEPT)
			vm_select_or_kept(c, &vms);
		else
			vm_select(c, "VMName", vm_param, &vms);
		owners = vms.n > 0;
		select_of_vms(c, &vms, ret);
		vec_done(&vms);
	} else {
		/* -ManagementOS:$false satisfies its parameter set, and selects nothing. */
		return err_set(e, "MissingMandatoryParameter", ERR_INVALID_ARGUMENT, "VMName",
			       "Cannot process command because of one or more missing mandatory parameters: VMName.");
	}
	filter_names(c, names, owners, ret);
	return 0;
}
