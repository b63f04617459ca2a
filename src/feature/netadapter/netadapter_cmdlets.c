/* SPDX-License-Identifier: Apache-2.0 */
#include "feature.h"
#include "netadapter_binding.h"
#include "netadapter_select.h"

static const char *const netadapter_properties[] = {
	"Name",
	"InterfaceDescription",
	"ifIndex",
	"Status",
	"MacAddress",
	"LinkSpeed",
	"InterfaceIndex",
	"InterfaceAlias",
	"InterfaceName",
	"AdminStatus",
	"MediaConnectionState",
	"Speed",
	"MtuSize",
	"DriverName",
	"Virtual",
	"HardwareInterface",
	"SystemName",
	NULL,
};
static const struct column netadapter_columns[] = {
	{ "Name" },   { "InterfaceDescription" }, { "ifIndex", NULL, true },
	{ "Status" }, { "MacAddress" },		  { "LinkSpeed", NULL, true },
	{ 0 },
};
static const struct object_type netadapter_object = { "NetAdapter", netadapter_properties, netadapter_columns };

static const struct param get_params[] = {
	{ "Name", P_STRING, ARRAY | POS(0), "names of network adapters, or wildcards",
	  .aliases = "ifAlias,InterfaceAlias", .sets = IN_SET(0) },
	{ "InterfaceDescription", P_STRING, REQUIRED | ARRAY | PIPE_NAME, "descriptions, or wildcards",
	  .aliases = "ifDesc", .sets = IN_SET(1) },
	{ "InterfaceIndex", P_UINT, REQUIRED | ARRAY | PIPE_NAME, "interface indexes", .aliases = "ifIndex",
	  .max = INT32_MAX, .sets = IN_SET(2) },
	{ "Physical", P_SWITCH, 0, "only adapters that are hardware" },
	{ "IncludeHidden", P_SWITCH, 0, "also hidden adapters; none is hidden here" },
	{ 0 },
};

/* "10 Gbps", "2.5 Gbps", "100 Mbps" */
static json_t *link_speed(uint64_t speed)
{
	static const struct {
		uint64_t unit;
		const char *name;
	} units[] = { { 1000000000, "Gbps" }, { 1000000, "Mbps" }, { 1000, "Kbps" } };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		uint64_t tenths = speed / (units[i].unit / 10);

		if (speed < units[i].unit)
			continue;
		if (tenths % 10)
			return json_sprintf("%llu.%llu %s", (unsigned long long)(tenths / 10),
					    (unsigned long long)(tenths % 10), units[i].name);
		return json_sprintf("%llu %s", (unsigned long long)(tenths / 10), units[i].name);
	}
	return json_sprintf("%llu bps", (unsigned long long)speed);
}

static const char *status(const struct host_nic *nic)
{
	if (!nic->up)
		return "Disabled";
	return nic->carrier ? "Up" : "Disconnected";
}

static json_t *netadapter_to_object(struct call *c, const struct host_nic *nic)
{
	json_t *o = json_object();
	char mac[MAC_TEXT_SIZE];

	json_object_set_new(o, "Name", json_text(nic->name));
	json_object_set_new(o, "InterfaceAlias", json_text(nic->name));
	json_object_set_new(o, "InterfaceName", json_text(nic->link));
	json_object_set_new(o, "InterfaceDescription", json_text(nic->description));
	json_object_set_new(o, "ifIndex", json_integer(nic->ifindex));
	json_object_set_new(o, "InterfaceIndex", json_integer(nic->ifindex));
	json_object_set_new(o, "Status", json_string(status(nic)));
	json_object_set_new(o, "AdminStatus", json_string(nic->up ? "Up" : "Down"));
	json_object_set_new(o, "MediaConnectionState", json_string(nic->carrier ? "Connected" : "Disconnected"));
	json_object_set_new(o, "MacAddress", json_string(mac_format_dashes(&nic->mac, mac)));
	json_object_set_new(o, "LinkSpeed", link_speed(nic->speed));
	json_object_set_new(o, "Speed", json_integer((json_int_t)nic->speed));
	json_object_set_new(o, "MtuSize", json_integer(nic->mtu));
	json_object_set_new(o, "DriverName", json_text(nic->driver));
	json_object_set_new(o, "Virtual", json_boolean(nic->is_virtual));
	json_object_set_new(o, "HardwareInterface", json_boolean(!nic->is_virtual));
	json_object_set_new(o, "SystemName", json_text(call_host(c)->name));
	return o;
}

/* The adapters of -InterfaceIndex; not given: all. */
static bool index_wanted(const struct arg *indexes, int ifindex)
{
	for (size_t i = 0; i < indexes->n; i++)
		if (indexes->values[i].u == (uint64_t)ifindex)
			return true;
	return !indexes->given;
}

static void check_indexes(struct call *c, const struct arg *indexes, const host_nic_vec *nics)
{
	for (size_t i = 0; i < indexes->n; i++) {
		struct err *e = NULL;

		if (netadapter_by_index(nics, (int)indexes->values[i].u))
			continue;
		netadapter_not_found(CLASS_ADAPTER, "InterfaceIndex", indexes->texts[i], &e);
		call_error(c, &e);
	}
}

static int get_netadapter(struct call *c, struct err **e)
{
	const struct arg *indexes = call_arg(c, "InterfaceIndex");
	nic_ptr_vec selected = { 0 };
	host_nic_vec nics = { 0 };
	int r = netadapter_list(c, &nics, e);

	if (r < 0)
		return r;
	check_indexes(c, indexes, &nics);
	netadapter_select(c, &nics, &selected);
	vec_foreach(&selected, nic)
		if (index_wanted(indexes, (*nic)->ifindex) && !((*nic)->is_virtual && call_bool(c, "Physical", false)))
			call_emit_json(c, netadapter_to_object(c, *nic));
	vec_done(&selected);
	vec_done(&nics);
	return 0;
}

const struct cmdlet netadapter_cmdlets[] = {
	{ "Get-NetAdapter", "list the network adapters of this host", get_params, &netadapter_object, get_netadapter },
	{ "Get-NetAdapterBinding", "list what is bound to the network adapters", netadapter_get_binding_params,
	  &netadapter_binding_object, netadapter_get_binding },
	{ "Enable-NetAdapterBinding", "bind a component, as ms_netwnv, to network adapters",
	  netadapter_change_binding_params, &netadapter_binding_object, netadapter_enable_binding, CHANGES | PASSTHRU },
	{ "Disable-NetAdapterBinding",
	  "unbind a component; with the last ms_netwnv all network virtualization policy goes",
	  netadapter_change_binding_params, &netadapter_binding_object, netadapter_disable_binding,
	  CHANGES | PASSTHRU },
	{ 0 },
};
