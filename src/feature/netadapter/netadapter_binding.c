/* SPDX-License-Identifier: Apache-2.0 */
#include "netadapter_binding.h"

#include "feature.h"
#include "netadapter_select.h"
#include "netvirt.h"

static const char *const binding_type[] = { "NetAdapterBinding", NULL };

static const char *const binding_properties[] = { "Name",    "DisplayName",	     "ComponentID",
						  "Enabled", "InterfaceDescription", NULL };
static const struct column binding_columns[] = {
	{ "Name" }, { "DisplayName" }, { "ComponentID" }, { "Enabled" }, { 0 }
};
const struct object_type netadapter_binding_object = { "NetAdapterBinding", binding_properties, binding_columns };

#define HELP_COMPONENT "components (ms_netwnv, vms_pp, ms_tcpip, ms_tcpip6), or wildcards"

const struct param netadapter_get_binding_params[] = {
	{ "Name", P_STRING, ARRAY | POS(0) | PIPE_NAME, "names of network adapters, or wildcards",
	  .aliases = "ifAlias,InterfaceAlias", .sets = IN_SET(0) },
	{ "InterfaceDescription", P_STRING, REQUIRED | ARRAY | PIPE_NAME, "descriptions, or wildcards",
	  .aliases = "ifDesc,InstanceID", .sets = IN_SET(1) },
	{ "ComponentID", P_STRING, ARRAY, "only these " HELP_COMPONENT },
	{ "DisplayName", P_STRING, ARRAY, "only bindings with these display names, or wildcards" },
	{ "AllBindings", P_SWITCH, 0, "every binding, which is what is shown anyway" },
	{ 0 },
};

const struct param netadapter_change_binding_params[] = {
	{ "Name", P_STRING, REQUIRED | ARRAY | POS(0) | PIPE_NAME, "names of network adapters, or wildcards",
	  .aliases = "ifAlias,InterfaceAlias", .sets = IN_SET(0) },
	{ "InterfaceDescription", P_STRING, REQUIRED | ARRAY | PIPE_NAME, "descriptions, or wildcards",
	  .aliases = "ifDesc,InstanceID", .sets = IN_SET(1) },
	{ "InputObject", P_OBJECT, REQUIRED | ARRAY | PIPE_VALUE, "bindings, as Get-NetAdapterBinding returns them",
	  .values = binding_type, .sets = IN_SET(2) },
	{ "ComponentID", P_STRING, ARRAY, HELP_COMPONENT, .sets = IN_SET(0) | IN_SET(1) },
	{ "DisplayName", P_STRING, ARRAY, "bindings with these display names, or wildcards",
	  .sets = IN_SET(0) | IN_SET(1) },
	{ "AllBindings", P_SWITCH, 0, "every binding", .sets = IN_SET(0) | IN_SET(1) },
	{ 0 },
};

struct target {
	const struct host_nic *nic;
	enum component_id component;
};
typedef VEC(struct target) target_vec;

static json_t *binding_to_object(const struct docs *d, const struct target *t)
{
	const struct component *component = &netadapter_components[t->component];
	json_t *o = json_object();

	json_object_set_new(o, "Name", json_text(t->nic->name));
	json_object_set_new(o, "DisplayName", json_text(component->display_name));
	json_object_set_new(o, "ComponentID", json_text(component->id));
	json_object_set_new(o, "Enabled", json_boolean(netadapter_bound(d, t->component, t->nic->link)));
	json_object_set_new(o, "InterfaceDescription", json_text(t->nic->description));
	return o;
}

static const char *component_id(const struct component *component)
{
	return component->id;
}

static const char *component_display_name(const struct component *component)
{
	return component->display_name;
}

/* Notes an error for each exact value that no component has. */
static void check_components(struct call *c, const struct arg *values, const char *property,
			     const char *(*get)(const struct component *component))
{
	for (size_t i = 0; values->given && i < values->n; i++) {
		struct err *e = NULL;
		bool known = wildcard_has(values->values[i].str);

		for (size_t k = 0; k < COMPONENT_COUNT; k++)
			known |= strieq(get(&netadapter_components[k]), values->values[i].str);
		if (known)
			continue;
		netadapter_not_found(CLASS_BINDING, property, values->values[i].str, &e);
		call_error(c, &e);
	}
}

static void select_bindings(struct call *c, const host_nic_vec *nics, target_vec *ret)
{
	const struct arg *ids = call_arg(c, "ComponentID"), *names = call_arg(c, "DisplayName");
	nic_ptr_vec selected = { 0 };

	check_components(c, ids, "ComponentID", component_id);
	check_components(c, names, "DisplayName", component_display_name);
	netadapter_select(c, nics, &selected);
	vec_foreach(&selected, nic)
		for (size_t k = 0; k < COMPONENT_COUNT; k++)
			if (arg_matches(ids, netadapter_components[k].id) &&
			    arg_matches(names, netadapter_components[k].display_name))
				vec_push(ret, (struct target){ *nic, k });
	vec_done(&selected);
}

static void select_objects(struct call *c, const struct arg *objects, const host_nic_vec *nics, target_vec *ret)
{
	for (size_t i = 0; i < objects->n; i++) {
		const char *name = object_text(objects->values[i].object, "Name");
		const char *id = object_text(objects->values[i].object, "ComponentID");
		const struct host_nic *nic = netadapter_by_name(nics, name ? name : "");
		struct err *e = NULL;
		size_t k = 0;

		while (nic && id && k < COMPONENT_COUNT && !strieq(netadapter_components[k].id, id))
			k++;
		if (nic && id && k < COMPONENT_COUNT) {
			vec_push(ret, (struct target){ nic, k });
			continue;
		}
		netadapter_not_found(CLASS_BINDING, nic ? "ComponentID" : "Name", (nic ? id : name) ?: "", &e);
		call_error(c, &e);
	}
}

int netadapter_get_binding(struct call *c, struct err **e)
{
	target_vec targets = { 0 };
	host_nic_vec nics = { 0 };
	int r = netadapter_list(c, &nics, e);

	if (r < 0)
		return r;
	select_bindings(c, &nics, &targets);
	vec_foreach(&targets, t)
		call_emit_json(c, binding_to_object(call_docs(c), t));
	vec_done(&targets);
	vec_done(&nics);
	return 0;
}

/* 1 when it was done, 0 when only asked for (-WhatIf). */
static int change_one(struct call *c, const struct target *t, bool enable, struct err **e)
{
	const char *id = netadapter_components[t->component].id;
	_cleanup_free_ char *target = xasprintf("%s, %s", t->nic->name, id);
	struct docs *d = call_docs(c);
	int r = netadapter_check_change(d, t->component, t->nic, enable, e);

	if (r < 0)
		return r;
	if (!call_should(c, target, "%s", call_name(c)))
		return 0;
	if (t->component == COMPONENT_NETWNV) {
		netadapter_put_binding(d, t->nic->link, enable);
		if (!enable)
			netvirt_wipe_nic(d, t->nic->link);
	}
	if (call_bool(c, "PassThru", false))
		call_emit_json(c, binding_to_object(d, t));
	return 1;
}

static void change_all(struct call *c, const host_nic_vec *nics, const target_vec *targets, bool enable)
{
	struct docs *d = call_docs(c);
	bool unbound = false;

	vec_foreach(targets, t) {
		struct err *e = NULL;
		int r = change_one(c, t, enable, &e);

		if (r < 0)
			call_error(c, &e);
		else if (r && !enable && t->component == COMPONENT_NETWNV)
			unbound = true;
	}
	/* Scripts unbind to start afresh, also where nothing was bound (cmdlets.md 3.8): without a binding there is no
	 * policy. */
	if (unbound && netadapter_none_bound(d, nics))
		netvirt_wipe(d);
}

static int change_bindings(struct call *c, bool enable, struct err **e)
{
	const struct arg *objects = call_arg(c, "InputObject");
	target_vec targets = { 0 };
	host_nic_vec nics = { 0 };
	int r;

	if (!objects->given && !call_given(c, "ComponentID") && !call_given(c, "DisplayName") &&
	    !call_bool(c, "AllBindings", false)) {
		r = err_set(e, "MissingMandatoryParameter", ERR_INVALID_ARGUMENT, "ComponentID",
			    "Cannot process command because of one or more missing mandatory parameters: ComponentID.");
		return err_advise(e, r, "Give -ComponentID, -DisplayName or -AllBindings.");
	}
	r = netadapter_list(c, &nics, e);
	if (r < 0)
		return r;
	if (objects->given)
		select_objects(c, objects, &nics, &targets);
	else
		select_bindings(c, &nics, &targets);
	change_all(c, &nics, &targets, enable);
	vec_done(&targets);
	vec_done(&nics);
	return 0;
}

int netadapter_enable_binding(struct call *c, struct err **e)
{
	return change_bindings(c, true, e);
}

int netadapter_disable_binding(struct call *c, struct err **e)
{
	return change_bindings(c, false, e);
}
