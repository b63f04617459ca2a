/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter_rules.h"
#include "adapter_select.h"
#include "checkpoint_view.h"
#include "feature.h"
#include "switch_rules.h"

static const char *const vm_type[] = { "VirtualMachine", NULL };
static const char *const adapter_type[] = { "VMNetworkAdapter", NULL };
static const char *const switch_type_name[] = { "VMSwitch", NULL };

#define HELP_VMNAME "names of virtual machines, or wildcards"
#define HELP_VM "virtual machines, as Get-VM returns them"
#define HELP_ADAPTER "network adapters, as Get-VMNetworkAdapter returns them"
#define HELP_HOST "adapters of the management operating system"
#define HELP_NAME "only adapters of this name, or matching the wildcards"

static const struct param add_params[] = {
	{ "VMName", P_STRING, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_VMNAME, .sets = IN_SET(0) },
	{ "VM", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_VM, .values = vm_type, .sets = IN_SET(2) },
	{ "ManagementOS", P_SWITCH, REQUIRED, "an adapter of the management operating system", .sets = IN_SET(1) },
	{ "Name", P_STRING, 0, "name of the new adapter", .aliases = "VMNetworkAdapterName", .def = "Network Adapter" },
	{ "SwitchName", P_STRING, 0, "switch that it is connected to" },
	{ "StaticMacAddress", P_MAC, 0, "its MAC address; else one of the host's pool" },
	{ "DynamicMacAddress", P_SWITCH, 0,
	  "a MAC address of the host's pool 00-15-5D-xx-xx-xx, which is the default" },
	{ 0 },
};

static const struct param get_params[] = {
	{ "VMName", P_STRING, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_VMNAME, .sets = IN_SET(0) },
	{ "VM", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_VM, .values = vm_type, .sets = IN_SET(1) },
	{ "ManagementOS", P_SWITCH, REQUIRED, HELP_HOST, .sets = IN_SET(2) },
	{ "All", P_SWITCH, REQUIRED, "adapters of all virtual machines and of the management operating system",
	  .sets = IN_SET(3) },
	{ "Name", P_STRING, POS(1), HELP_NAME, .aliases = "VMNetworkAdapterName" },
	{ "SwitchName", P_STRING, 0, "only adapters on this switch", .sets = IN_SET(2) },
	SNAPSHOT_PARAM(IN_SET(4)),
	{ 0 },
};

static const struct param set_params[] = {
	{ "VMName", P_STRING, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_VMNAME, .sets = IN_SET(0) },
	{ "ManagementOS", P_SWITCH, REQUIRED, HELP_HOST, .sets = IN_SET(1) },
	{ "VMNetworkAdapter", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_ADAPTER, .values = adapter_type,
	  .sets = IN_SET(2) },
	{ "VM", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_VM, .values = vm_type, .sets = IN_SET(3) },
	{ "Name", P_STRING, 0, HELP_NAME, .aliases = "VMNetworkAdapterName",
	  .sets = IN_SET(0) | IN_SET(1) | IN_SET(3) },
	{ "StaticMacAddress", P_MAC, 0, "its MAC address; the virtual machine must be off",
	  .sets = IN_SET(0) | IN_SET(2) | IN_SET(3) },
	{ "DynamicMacAddress", P_SWITCH, 0, "a MAC address of the host's pool; the virtual machine must be off",
	  .sets = IN_SET(0) | IN_SET(2) | IN_SET(3) },
	{ "VirtualSubnetId", P_VSID, VSID_ZERO, "virtual subnet of the port, 4096 to 16777214; 0: none" },
	{ "MacAddressSpoofing", P_ENUM, 0,
	  "On: the guest may send from other MAC addresses, and gets what is sent to unknown ones",
	  .values = adapter_on_off, .def = "Off" },
	{ "DhcpGuard", P_ENUM, 0, "On: the guest may not be a DHCP server, of IPv4 or IPv6", .values = adapter_on_off, .def = "Off" },
	{ "RouterGuard", P_ENUM, 0, "On: the guest may not send router advertisements and redirects, of IPv4 or IPv6",
	  .values = adapter_on_off, .def = "Off" },
	{ "DynamicIPAddressLimit", P_UINT, 0,
	  "how many addresses the host may learn of an L2Only record's machine, 256 at most; 0: 16", .max = UINT32_MAX, .def = "0" },
	{ "StormLimit", P_UINT, 0, "broadcast, multicast and flooded packets that the guest may send in a second; 0: no limit",
	  .max = UINT32_MAX, .def = "0" },
	{ "PortMirroring", P_ENUM, 0,
	  "Source: all that it sends and receives is copied to each Destination on the same switch", .values = adapter_mirroring_names,
	  .def = "None" },
	{ "MaximumBandwidth", P_UINT, 0, "bits a second that the guest may send, a multiple of 8; 0: no limit", .max = INT64_MAX,
	  .def = "0" },
	{ "MinimumBandwidthAbsolute", P_UINT, 0, "not available: a share of the uplink, in bits a second", .max = INT64_MAX },
	{ "MinimumBandwidthWeight", P_UINT, 0, "not available: a share of the uplink, by weight", .max = 100 },
	{ 0 },
};

/* Sets: name and switch name, object and switch name, object and switch, name and switch. */
static const struct param connect_params[] = {
	{ "VMName", P_STRING, REQUIRED | ARRAY | POS(0), HELP_VMNAME, .sets = IN_SET(0) | IN_SET(3) },
	{ "VMNetworkAdapter", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_ADAPTER, .values = adapter_type,
	  .sets = IN_SET(1) | IN_SET(2) },
	{ "Name", P_STRING, ARRAY | POS(1), HELP_NAME, .aliases = "VMNetworkAdapterName",
	  .sets = IN_SET(0) | IN_SET(3) },
	{ "SwitchName", P_STRING, REQUIRED | POS(2), "switch to connect to", .sets = IN_SET(0) | IN_SET(1) },
	{ "VMSwitch", P_OBJECT, REQUIRED | POS(2) | PIPE_VALUE, "switch to connect to, as Get-VMSwitch returns it",
	  .values = switch_type_name, .sets = IN_SET(2) | IN_SET(3) },
	{ 0 },
};

static const struct param disconnect_params[] = {
	{ "VMName", P_STRING, REQUIRED | ARRAY | POS(0), HELP_VMNAME, .sets = IN_SET(0) },
	{ "VMNetworkAdapter", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_ADAPTER, .values = adapter_type,
	  .sets = IN_SET(1) },
	{ "Name", P_STRING, ARRAY | POS(1), HELP_NAME, .aliases = "VMNetworkAdapterName", .sets = IN_SET(0) },
	{ 0 },
};

static const struct param remove_params[] = {
	{ "VMName", P_STRING, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_VMNAME, .sets = IN_SET(0) },
	{ "VMNetworkAdapter", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_ADAPTER, .values = adapter_type,
	  .sets = IN_SET(1) },
	{ "ManagementOS", P_SWITCH, REQUIRED, HELP_HOST, .sets = IN_SET(2) },
	{ "VM", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_VM, .values = vm_type, .sets = IN_SET(3) },
	{ "Name", P_STRING, 0, HELP_NAME, .aliases = "VMNetworkAdapterName",
	  .sets = IN_SET(0) | IN_SET(2) | IN_SET(3) },
	{ "SwitchName", P_STRING, 0, "only adapters on this switch", .sets = IN_SET(2) },
	{ 0 },
};

static const struct param rename_params[] = {
	{ "VMName", P_STRING, REQUIRED | ARRAY | POS(0), HELP_VMNAME, .sets = IN_SET(0) },
	{ "VMNetworkAdapter", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_ADAPTER, .values = adapter_type,
	  .sets = IN_SET(1) },
	{ "ManagementOS", P_SWITCH, REQUIRED, HELP_HOST, .sets = IN_SET(2) },
	{ "VM", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, HELP_VM, .values = vm_type, .sets = IN_SET(3) },
	{ "Name", P_STRING, POS(1), HELP_NAME, .aliases = "VMNetworkAdapterName",
	  .sets = IN_SET(0) | IN_SET(2) | IN_SET(3) },
	{ "NewName", P_STRING, REQUIRED | POS(2), "the new name" },
	{ 0 },
};

typedef int (*adapter_fn)(struct call *c, const struct adapter_doc *a, struct err **e);

static int adapter_each(struct call *c, unsigned flags, adapter_fn fn, struct err **e)
{
	adapter_vec adapters = { 0 };
	int r = adapter_select(c, flags, &adapters, e);

	vec_foreach(&adapters, a) {
		struct err *one = NULL;

		if (fn(c, *a, &one) < 0)
			call_error(c, &one);
	}
	vec_done(&adapters);
	return r;
}

static void adapter_write(struct call *c, struct adapter_doc *changed)
{
	docs_put(call_docs(c), &adapter_kind, changed);
	if (call_bool(c, "PassThru", false))
		call_emit(c, adapter_to_object, &adapter_kind, changed);
}

static bool should(struct call *c, const struct adapter_doc *a)
{
	const struct vm_doc *vm = vm_get(call_docs(c), &a->vm);
	_cleanup_free_ char *target = vm ? xasprintf("%s, %s", vm->name, a->name) : xstrdup(a->name);

	return call_should(c, target, "%s", call_name(c));
}

/* Checks -StaticMacAddress and -DynamicMacAddress as such. */
static int check_mac_choice(struct call *c, struct err **e)
{
	const struct arg *mac = call_arg(c, "StaticMacAddress");

	if (mac->given && call_bool(c, "DynamicMacAddress", false))
		return err_set(
			e, "AmbiguousParameterSet", ERR_INVALID_ARGUMENT, NULL,
			"Parameter set cannot be resolved: -StaticMacAddress and -DynamicMacAddress exclude each "
			       "other.");
	return mac->given ? adapter_check_mac(&mac->values[0].mac, e) : 0;
}

static void set_static_mac(struct call *c, struct adapter_doc *a, const struct mac *mac)
{
	const struct adapter_doc *other = adapter_by_mac(call_docs(c), a, mac);
	const struct vm_doc *vm = other ? vm_get(call_docs(c), &other->vm) : NULL;
	char text[MAC_TEXT_SIZE];

	/* Hyper-V allows it, and it is right where the two are in different virtual subnets. */
	if (other)
		call_warn(c, "The MAC address %s is also that of the network adapter \"%s\" of %s%s%s.",
			  mac_format(mac, text), other->name,
			  vm ? "the virtual machine \"" : "the management operating system", vm ? vm->name : "",
			  vm ? "\"" : "");
	a->mac = *mac;
	a->dynamic_mac = false;
}

static int add_one(struct call *c, const struct vm_doc *vm, const struct switch_doc *sw, const char *name, struct err **e)
{
	static const struct guid host;
	const struct arg *mac = call_arg(c, "StaticMacAddress");
	struct adapter_doc *a;
	int r = vm ? adapter_check_add(call_docs(c), vm, e) : 0;

	if (r < 0 || !call_should(c, vm ? vm->name : name, "%s", call_name(c)))
		return r;
	a = adapter_make(call_docs(c), vm ? &vm->id : &host, name, sw ? &sw->id : NULL, call_host(c)->name);
	if (mac->given)
		set_static_mac(c, a, &mac->values[0].mac);
	adapter_write(c, a);
	return 0;
}

static int add_to_host(struct call *c, const struct switch_doc *sw, struct err **e)
{
	const char *name = call_str(c, "Name", sw ? sw->name : NULL);
	int r;

	if (!sw) {
		r = err_set(e, "Adapter.SwitchRequired", ERR_INVALID_ARGUMENT, NULL,
			    "A network adapter of the management operating system is always on a switch.");
		return err_advise(e, r, "Give -SwitchName.");
	}
	r = sw->type == SWITCH_PRIVATE ? switch_check_management_os(sw->name, sw->type, true, e) : 0;
	if (r == 0)
		r = adapter_check_host_name(call_docs(c), NULL, name, e);
	return r == 0 ? add_one(c, NULL, sw, name, e) : r;
}

static int add_adapter(struct call *c, struct err **e)
{
	const char *switch_name = call_str(c, "SwitchName", NULL), *name = call_str(c, "Name", NULL);
	const struct switch_doc *sw = NULL;
	vm_vec vms = { 0 };
	int r = switch_name ? switch_find(call_docs(c), switch_name, &sw, e) : 0;

	if (r == 0)
		r = check_mac_choice(c, e);
	if (r == 0 && name)
		r = adapter_check_name(name, e);
	if (r < 0)
		return r;
	if (call_bool(c, "ManagementOS", false))
		return add_to_host(c, sw, e);
	if (!call_given(c, "VMName") && !call_given(c, "VM"))
		return err_set(e, "MissingMandatoryParameter", ERR_INVALID_ARGUMENT, "VMName",
			       "Cannot process command because of one or more missing mandatory parameters: VMName.");
	vm_select(c, "VMName", "VM", &vms);
	vec_foreach(&vms, vm) {
		struct err *one = NULL;

		if (add_one(c, *vm, sw, name, &one) < 0)
			call_error(c, &one);
	}
	vec_done(&vms);
	return 0;
}

static int get_adapters(struct call *c, struct err **e)
{
	adapter_vec adapters = { 0 };
	int r = adapter_select(c, SELECT_HOST | SELECT_ALL | SELECT_SWITCH | SELECT_KEPT, &adapters, e);

	vec_foreach(&adapters, a)
		call_emit(c, adapter_to_object, &adapter_kind, *a);
	vec_done(&adapters);
	return r;
}

static int get_adapter(struct call *c, struct err **e)
{
	return checkpoint_view(c, get_adapters, e);
}

static int set_one(struct call *c, const struct adapter_doc *a, struct err **e)
{
	const struct arg *mac = call_arg(c, "StaticMacAddress");
	bool dynamic = call_bool(c, "DynamicMacAddress", false);
	struct adapter_doc *changed;
	int r = mac->given || dynamic ? adapter_check_off(call_docs(c), a, e) : 0;

	if (r == 0)
		r = adapter_check_vlan(a, (uint32_t)call_uint(c, "VirtualSubnetId", a->vsid), a->vlan_mode, e);
	if (r < 0 || !should(c, a))
		return r;
	changed = doc_copy(&adapter_kind, a);
	if (mac->given)
		set_static_mac(c, changed, &mac->values[0].mac);
	if (dynamic && !a->dynamic_mac) {
		changed->mac = adapter_new_mac(call_docs(c), call_host(c)->name);
		changed->dynamic_mac = true;
	}
	changed->vsid = call_uint(c, "VirtualSubnetId", a->vsid);
	changed->spoofing = call_enum(c, "MacAddressSpoofing", a->spoofing);
	changed->dhcp_guard = call_enum(c, "DhcpGuard", a->dhcp_guard);
	changed->router_guard = call_enum(c, "RouterGuard", a->router_guard);
	changed->dynamic_limit = (uint32_t)call_uint(c, "DynamicIPAddressLimit", a->dynamic_limit);
	changed->storm_limit = (uint32_t)call_uint(c, "StormLimit", a->storm_limit);
	changed->mirroring = call_enum(c, "PortMirroring", a->mirroring);
	changed->max_bandwidth = adapter_round_bandwidth(call_uint(c, "MaximumBandwidth", a->max_bandwidth));
	adapter_write(c, changed);
	return 0;
}

/* 0 asks for nothing. */
static int check_minimum_bandwidth(struct call *c, struct err **e)
{
	static const char *const names[] = { "MinimumBandwidthAbsolute", "MinimumBandwidthWeight" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (call_uint(c, names[i], 0))
			return adapter_refuse_minimum_bandwidth(names[i], e);
	return 0;
}

static int set_adapter(struct call *c, struct err **e)
{
	int r = check_mac_choice(c, e);

	if (r == 0)
		r = check_minimum_bandwidth(c, e);
	return r < 0 ? r : adapter_each(c, SELECT_OBJECT | SELECT_HOST, set_one, e);
}

static int reconnect_one(struct call *c, const struct adapter_doc *a, const struct switch_doc *sw, struct err **e)
{
	struct adapter_doc *changed;
	int r = adapter_check_reconnect(a, e);

	if (r < 0 || !should(c, a))
		return r;
	changed = doc_copy(&adapter_kind, a);
	changed->switch_id = sw ? sw->id : (struct guid){ 0 };
	adapter_write(c, changed);
	return 0;
}

/* The switch that -SwitchName or -VMSwitch gives. */
static int given_switch(struct call *c, const struct switch_doc **ret, struct err **e)
{
	const struct arg *object = call_arg(c, "VMSwitch");
	const char *name;
	struct guid id;

	if (!object->given)
		return switch_find(call_docs(c), call_str(c, "SwitchName", NULL), ret, e);
	name = object_text(object->values[0].object, "Name");
	if (object_guid(object->values[0].object, "Id", &id) && switch_get(call_docs(c), &id)) {
		*ret = switch_get(call_docs(c), &id);
		return 0;
	}
	return switch_unknown(name ? name : "", e);
}

static int connect_one(struct call *c, const struct adapter_doc *a, struct err **e)
{
	const struct switch_doc *sw;
	int r = given_switch(c, &sw, e);

	return r < 0 ? r : reconnect_one(c, a, sw, e);
}

static int connect_adapter(struct call *c, struct err **e)
{
	const struct switch_doc *sw;
	int r = given_switch(c, &sw, e);

	return r < 0 ? r : adapter_each(c, SELECT_OBJECT | SELECT_NO_VM, connect_one, e);
}

static int disconnect_one(struct call *c, const struct adapter_doc *a, struct err **e)
{
	return reconnect_one(c, a, NULL, e);
}

static int disconnect_adapter(struct call *c, struct err **e)
{
	return adapter_each(c, SELECT_OBJECT | SELECT_NO_VM, disconnect_one, e);
}

static int remove_one(struct call *c, const struct adapter_doc *a, struct err **e)
{
	int r = adapter_check_remove(call_docs(c), a, e);

	if (r < 0 || !should(c, a))
		return r;
	if (call_bool(c, "PassThru", false))
		call_emit_json(c, adapter_to_object(c, a));
	adapter_delete(call_docs(c), a);
	return 0;
}

static int remove_adapter(struct call *c, struct err **e)
{
	return adapter_each(c, SELECT_OBJECT | SELECT_HOST | SELECT_SWITCH, remove_one, e);
}

static int rename_one(struct call *c, const struct adapter_doc *a, struct err **e)
{
	const char *new_name = call_str(c, "NewName", NULL);
	struct adapter_doc *changed;
	int r;

	r = guid_is_zero(&a->vm) ? adapter_check_host_name(call_docs(c), a, new_name, e)
				 : adapter_check_name(new_name, e);
	if (r < 0 || !should(c, a))
		return r;
	changed = doc_copy(&adapter_kind, a);
	free(changed->name);
	changed->name = xstrdup(new_name);
	adapter_write(c, changed);
	return 0;
}

static int rename_adapter(struct call *c, struct err **e)
{
	return adapter_each(c, SELECT_OBJECT | SELECT_HOST, rename_one, e);
}

#define CHANGE CHANGES | PASSTHRU

const struct cmdlet adapter_cmdlets[] = {
	{ "Add-VMNetworkAdapter", "add a network adapter to virtual machines or to the host", add_params,
	  &adapter_object, add_adapter, CHANGE },
	{ "Get-VMNetworkAdapter", "list virtual network adapters", get_params, &adapter_object, get_adapter },
	{ "Set-VMNetworkAdapter", "change virtual network adapters and their ports", set_params, &adapter_object,
	  set_adapter, CHANGE },
	{ "Connect-VMNetworkAdapter", "connect virtual network adapters to a switch", connect_params, &adapter_object,
	  connect_adapter, CHANGE },
	{ "Disconnect-VMNetworkAdapter", "take virtual network adapters off their switch", disconnect_params,
	  &adapter_object, disconnect_adapter, CHANGE },
	{ "Remove-VMNetworkAdapter", "delete virtual network adapters", remove_params, &adapter_object, remove_adapter,
	  CHANGE },
	{ "Rename-VMNetworkAdapter", "rename virtual network adapters", rename_params, &adapter_object, rename_adapter,
	  CHANGE },
	{ 0 },
};
