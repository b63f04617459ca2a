/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter_rules.h"
#include "adapter_select.h"
#include "checkpoint_view.h"
#include "feature.h"
#include "vlan_set.h"

/* Set- and Get-VMNetworkAdapterVlan: in which VLANs of its switch a port is. */

static const char *const vm_type[] = { "VirtualMachine", NULL };
static const char *const adapter_type[] = { "VMNetworkAdapter", NULL };

static const char *const vlan_properties[] = {
	"VMName", "VMNetworkAdapterName", "OperationMode", "VlanList", "AccessVlanId", "NativeVlanId", "AllowedVlanIdList",
	"AllowedVlanIdListString", "IsManagementOs", NULL,
};
static const struct column vlan_columns[] = {
	{ "VMName" }, { "VMNetworkAdapterName" }, { "OperationMode", "Mode" }, { "VlanList" }, { 0 },
};
static const struct object_type vlan_object = { "VMNetworkAdapterVlanSetting", vlan_properties, vlan_columns };

#define HELP_VMNAME "names of virtual machines, or wildcards"
#define HELP_VM "virtual machines, as Get-VM returns them"
#define HELP_ADAPTER "network adapters, as Get-VMNetworkAdapter returns them"
#define HELP_HOST "adapters of the management operating system"
#define HELP_NAME "only adapters of this name, or matching the wildcards"
#define HELP_PRIVATE "not available: private VLANs"
#define VLAN_ID .min = VLAN_MIN, .max = VLAN_MAX

static const struct param set_params[] = {
	{ "VMName", P_STRING, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_VMNAME, .sets = IN_SET(0) },
	{ "VMNetworkAdapter", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_ADAPTER, .values = adapter_type,
	  .sets = IN_SET(1) },
	{ "ManagementOS", P_SWITCH, REQUIRED, HELP_HOST, .sets = IN_SET(2) },
	{ "VM", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_VM, .values = vm_type, .sets = IN_SET(3) },
	{ "VMNetworkAdapterName", P_STRING, 0, HELP_NAME, .sets = IN_SET(0) | IN_SET(2) | IN_SET(3) },
	{ "Untagged", P_SWITCH, 0, "in no VLAN: the network of the wire's untagged frames", .aliases = "u" },
	{ "Access", P_SWITCH, 0, "in the VLAN -VlanId, of which the guest sees nothing", .aliases = "a" },
	{ "VlanId", P_UINT, 0, "VLAN of an Access port, 1 to 4094", .aliases = "AccessVlanId", VLAN_ID },
	{ "Trunk", P_SWITCH, 0, "in the VLANs -AllowedVlanIdList, by tags, and in -NativeVlanId without", .aliases = "t" },
	{ "AllowedVlanIdList", P_STRING, 0, "VLANs of a Trunk port, for example 1-100,200" },
	{ "NativeVlanId", P_UINT, 0, "VLAN of a Trunk port's untagged frames; 0: the network of Untagged ports", .max = VLAN_MAX },
	{ "Isolated", P_SWITCH, 0, HELP_PRIVATE, .aliases = "i" },
	{ "Community", P_SWITCH, 0, HELP_PRIVATE, .aliases = "c" },
	{ "Promiscuous", P_SWITCH, 0, HELP_PRIVATE, .aliases = "p" },
	{ "PrimaryVlanId", P_UINT, 0, HELP_PRIVATE, VLAN_ID },
	{ "SecondaryVlanId", P_UINT, 0, HELP_PRIVATE, VLAN_ID },
	{ "SecondaryVlanIdList", P_STRING, 0, HELP_PRIVATE },
	{ 0 },
};

static const struct param get_params[] = {
	{ "VMName", P_STRING, ARRAY | POS(0) | PIPE_VALUE, HELP_VMNAME, .sets = IN_SET(0) },
	{ "VMNetworkAdapter", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_ADAPTER, .values = adapter_type,
	  .sets = IN_SET(1) },
	{ "ManagementOS", P_SWITCH, REQUIRED, HELP_HOST, .sets = IN_SET(2) },
	{ "VM", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_VM, .values = vm_type, .sets = IN_SET(3) },
	{ "VMNetworkAdapterName", P_STRING, 0, HELP_NAME, .sets = IN_SET(0) | IN_SET(2) | IN_SET(3) | IN_SET(4) },
	SNAPSHOT_PARAM(IN_SET(4)),
	{ 0 },
};

static json_t *allowed_ids(const struct adapter_doc *a)
{
	json_t *list = json_array();
	struct vlan_set s = { 0 };
	unsigned first = 0, last;

	if (a->vlan_allowed)
		vlan_set_parse(a->vlan_allowed, &s);
	for (; vlan_set_run(&s, &first, &last); first = last + 1)
		for (unsigned id = first; id <= last; id++)
			json_array_append_new(list, json_integer(id));
	return list;
}

json_t *adapter_vlan_to_object(struct call *c, const void *doc)
{
	const struct adapter_doc *a = doc;
	const struct vm_doc *vm = vm_get(call_docs(c), &a->vm);
	bool trunk = a->vlan_mode == VLAN_TRUNK;
	json_t *o = json_object(), *list;

	list = trunk ? json_sprintf("%u,%s", a->vlan, a->vlan_allowed ? a->vlan_allowed : "") :
	       a->vlan_mode == VLAN_ACCESS ? json_sprintf("%u", a->vlan) : json_string("");
	json_object_set_new(o, "VMName", json_text(vm ? vm->name : NULL));
	json_object_set_new(o, "VMNetworkAdapterName", json_text(a->name));
	json_object_set_new(o, "IsManagementOs", json_boolean(!vm));
	json_object_set_new(o, "OperationMode", json_string(adapter_vlan_modes[a->vlan_mode]));
	json_object_set_new(o, "VlanList", list);
	json_object_set_new(o, "AccessVlanId", json_integer(a->vlan_mode == VLAN_ACCESS ? a->vlan : 0));
	json_object_set_new(o, "NativeVlanId", json_integer(trunk ? a->vlan : 0));
	json_object_set_new(o, "AllowedVlanIdList", allowed_ids(a));
	json_object_set_new(o, "AllowedVlanIdListString", json_string(trunk && a->vlan_allowed ? a->vlan_allowed : ""));
	return o;
}

/* ---- what is asked for ---- */

struct choice {
	enum adapter_vlan_mode mode;
	uint32_t vlan;
	char *allowed; /* owned; NULL: none */
};

static int missing(const char *name, struct err **e)
{
	return err_set(e, "MissingMandatoryParameter", ERR_INVALID_ARGUMENT, name,
		       "Cannot process command because of one or more missing mandatory parameters: %s.", name);
}

static int check_private(struct call *c, struct err **e)
{
	static const char *const names[] = { "Isolated",      "Community",	 "Promiscuous",
					     "PrimaryVlanId", "SecondaryVlanId", "SecondaryVlanIdList" };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!call_given(c, names[i]))
			continue;
		r = err_set(e, "Adapter.PrivateVlanUnavailable", ERR_NOT_IMPLEMENTED, names[i],
			    "-%s is not available: a port is in its VLANs, or not; there are no private VLANs.", names[i]);
		return err_advise(e, r, "Use -Access with VLANs of their own, or virtual subnets (Set-VMNetworkAdapter "
					"-VirtualSubnetId).");
	}
	return 0;
}

/* Exactly one of the three modes, and nothing that belongs to another. */
static int check_mode(struct call *c, struct choice *ret, struct err **e)
{
	static const struct {
		const char *name;
		enum adapter_vlan_mode mode;
	} belongs[] = { { "VlanId", VLAN_ACCESS }, { "AllowedVlanIdList", VLAN_TRUNK }, { "NativeVlanId", VLAN_TRUNK } };
	unsigned modes = 0;

	for (unsigned m = 0; adapter_vlan_modes[m]; m++) {
		if (!call_bool(c, adapter_vlan_modes[m], false))
			continue;
		modes++;
		ret->mode = m;
	}
	if (!modes)
		return missing("Access", e);
	for (size_t i = 0; i < ARRAY_SIZE(belongs); i++)
		modes += call_given(c, belongs[i].name) && belongs[i].mode != ret->mode;
	if (modes > 1)
		return err_set(e, "AmbiguousParameterSet", ERR_INVALID_ARGUMENT, NULL,
			       "Parameter set cannot be resolved: -Untagged, -Access with -VlanId, and -Trunk with "
			       "-AllowedVlanIdList and -NativeVlanId exclude each other.");
	for (size_t i = 0; i < ARRAY_SIZE(belongs); i++)
		if (belongs[i].mode == ret->mode && !call_given(c, belongs[i].name))
			return missing(belongs[i].name, e);
	return 0;
}

static int take_choice(struct call *c, struct choice *ret, struct err **e)
{
	const char *list = call_str(c, "AllowedVlanIdList", NULL);
	struct vlan_set set;
	int r = check_private(c, e);

	if (r == 0)
		r = check_mode(c, ret, e);
	if (r < 0)
		return r;
	ret->vlan = (uint32_t)call_uint(c, ret->mode == VLAN_TRUNK ? "NativeVlanId" : "VlanId", 0);
	if (!list)
		return 0;
	if (vlan_set_parse(list, &set) < 0) {
		r = err_set(e, "Adapter.BadVlanList", ERR_INVALID_ARGUMENT, list, "\"%s\" is not a list of VLANs.", list);
		return err_advise(e, r, "Give numbers and ranges from 1 to 4094, for example 1-100,200.");
	}
	ret->allowed = vlan_set_format(&set);
	return 0;
}

/* ---- the cmdlets ---- */

static int set_one(struct call *c, const struct adapter_doc *a, const struct choice *choice, struct err **e)
{
	const struct vm_doc *vm = vm_get(call_docs(c), &a->vm);
	_cleanup_free_ char *target = vm ? xasprintf("%s, %s", vm->name, a->name) : xstrdup(a->name);
	struct adapter_doc *changed;
	int r = adapter_check_vlan(a, a->vsid, choice->mode, e);

	if (r < 0 || !call_should(c, target, "%s", call_name(c)))
		return r;
	changed = doc_copy(&adapter_kind, a);
	changed->vlan_mode = choice->mode;
	changed->vlan = choice->vlan;
	free(changed->vlan_allowed);
	changed->vlan_allowed = choice->allowed ? xstrdup(choice->allowed) : NULL;
	docs_put(call_docs(c), &adapter_kind, changed);
	if (call_bool(c, "PassThru", false))
		call_emit(c, adapter_vlan_to_object, &adapter_kind, changed);
	return 0;
}

static int set_vlan(struct call *c, struct err **e)
{
	struct choice choice = { 0 };
	adapter_vec adapters = { 0 };
	int r = take_choice(c, &choice, e);

	if (r == 0)
		r = adapter_select(c, SELECT_OBJECT | SELECT_HOST | SELECT_LONG_NAME, &adapters, e);
	vec_foreach(&adapters, a) {
		struct err *one = NULL;

		if (set_one(c, *a, &choice, &one) < 0)
			call_error(c, &one);
	}
	free(choice.allowed);
	vec_done(&adapters);
	return r;
}

static int get_vlans(struct call *c, struct err **e)
{
	adapter_vec adapters = { 0 };
	int r = adapter_select(c, SELECT_OBJECT | SELECT_HOST | SELECT_LONG_NAME | SELECT_NOTHING | SELECT_KEPT, &adapters, e);

	vec_foreach(&adapters, a)
		call_emit(c, adapter_vlan_to_object, &adapter_kind, *a);
	vec_done(&adapters);
	return r;
}

static int get_vlan(struct call *c, struct err **e)
{
	return checkpoint_view(c, get_vlans, e);
}

const struct cmdlet adapter_vlan_cmdlets[] = {
	{ "Set-VMNetworkAdapterVlan", "put virtual network adapters into VLANs of their switch", set_params, &vlan_object, set_vlan,
	  CHANGES | PASSTHRU },
	{ "Get-VMNetworkAdapterVlan", "show the VLANs of virtual network adapters", get_params, &vlan_object, get_vlan },
	{ 0 },
};
