/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "adapter.h"
#include "feature.h"
#include "netadapter.h"
#include "netvirt.h"

/* The object VMNetworkAdapter (cmdlets.md 4.1): the document, and what the running guest or host says of it. */

static const char *const adapter_properties[] = {
	"Name",
	"IsManagementOs",
	"VMName",
	"SwitchName",
	"MacAddress",
	"Status",
	"IPAddresses",
	"VirtualSubnetId",
	"StatusDescription",
	"Connected",
	"DynamicMacAddressEnabled",
	"MacAddressSpoofing",
	"DhcpGuard",
	"RouterGuard",
	"DynamicIPAddressLimit",
	"StormLimit",
	"PortMirroringMode",
	"BandwidthSetting",
	"VlanSetting",
	"Id",
	"VMId",
	"SwitchId",
	"IsLegacy",
	"InterfaceName",
	"PortName",
	"ComputerName",
	NULL,
};
static const struct column adapter_columns[] = {
	{ "Name" },	  { "IsManagementOs" }, { "VMName" },	   { "SwitchName" },
	{ "MacAddress" }, { "Status" },		{ "IPAddresses" }, { 0 },
};
const struct object_type adapter_object = { "VMNetworkAdapter", adapter_properties, adapter_columns };

struct view {
	const struct adapter_doc *adapter;
	const struct vm_doc *vm; /* NULL: the management OS's */
	const struct switch_doc *sw;
	bool alive; /* its guest runs, or the host has it */
	ip_vec addresses;
};

/* A host vNIC is found among the host's adapters by its Linux interface. */
static void look_at_host(struct call *c, struct view *v)
{
	struct host *host = call_host(c);
	host_nic_vec nics = { 0 };
	char link[16];

	adapter_host_link_name(&v->adapter->id, link);
	if (host->nics(host, &nics) < 0)
		return;
	vec_foreach(&nics, nic) {
		if (!streq(nic->link, link))
			continue;
		v->alive = nic->up;
		if (host->nic_addresses(host, nic->ifindex, &v->addresses) < 0)
			v->addresses.n = 0;
	}
	vec_done(&nics);
}

static void look_at_guest(struct call *c, struct view *v)
{
	struct host *host = call_host(c);
	struct host_guest guest = { 0 };

	v->alive = host->guest(host, &v->vm->id, &guest) == 0 && guest.running;
	if (v->alive && host->guest_addresses(host, &v->vm->id, &v->adapter->id, &v->addresses) < 0)
		v->addresses.n = 0;
}

/* Says what is wrong, NULL when all is well. Where a guest is off on purpose, nothing is wrong and nothing works. */
static const char *degradation(struct call *c, const struct view *v)
{
	const struct docs *d = call_docs(c);
	const struct adapter_doc *a = v->adapter;

	if (v->vm && !v->alive)
		return vm_is_on(v->vm) ? "The guest does not run, although it should"
						  : "The virtual machine is off";
	if (!v->sw)
		return "Not connected to a switch";
	if (!v->alive)
		return "The host's network adapter is missing or disabled";
	if (a->vsid && netvirt_vsid_has_policy(d, a->vsid) && !(v->sw->nic && netadapter_wnv_bound(d, v->sw->nic)))
		return "The virtual subnet has policy, but ms_netwnv is not bound to the uplink of the switch";
	return NULL;
}

/* Machines inside the guest that send, and are not allowed to (NN-1); NULL: there are none. */
static char *spoofing_denied(struct call *c, const struct view *v)
{
	struct host *host = call_host(c);
	uint64_t packets = 0;
	char link[16];

	if (v->adapter->spoofing || host->port_spoofed(host, adapter_port_name(&v->adapter->id, link), &packets) < 0 || !packets)
		return NULL;
	return xasprintf("MacAddressSpoofing is off, and %" PRIu64 " frames with other MAC addresses than the adapter's were dropped: "
			 "machines inside the guest need it on", packets);
}

static void add_status(struct call *c, const struct view *v, json_t *o)
{
	const char *wrong = degradation(c, v);
	_cleanup_free_ char *denied = wrong ? NULL : spoofing_denied(c, v);
	bool off = v->vm && !v->alive && !vm_is_on(v->vm);

	wrong = wrong ? wrong : denied;
	/* As on Windows: no status while the virtual machine is off. */
	json_object_set_new(o, "Status", json_string(!wrong ? "Ok" : off ? "" : "Degraded"));
	json_object_set_new(o, "StatusDescription", json_string(wrong ? wrong : "OK"));
}

static void add_links(const struct view *v, json_t *o)
{
	const struct adapter_doc *a = v->adapter;
	char link[16];

	if (v->vm) {
		json_object_set_new(o, "InterfaceName", json_sprintf("eth%u", a->slot));
		json_object_set_new(o, "PortName", json_string(adapter_port_name(&a->id, link)));
	} else {
		json_object_set_new(o, "InterfaceName", json_string(adapter_host_link_name(&a->id, link)));
		json_object_set_new(o, "PortName", json_null());
	}
}

static json_t *bandwidth_setting(const struct adapter_doc *a)
{
	if (!a->max_bandwidth)
		return json_null();
	return json_pack("{s:I, s:i, s:i}", "MaximumBandwidth", (json_int_t)a->max_bandwidth, "MinimumBandwidthAbsolute", 0,
			 "MinimumBandwidthWeight", 0);
}

json_t *adapter_to_object(struct call *c, const void *doc)
{
	const struct adapter_doc *a = doc;
	const struct docs *d = call_docs(c);
	struct view v = { .adapter = a, .vm = vm_get(d, &a->vm), .sw = switch_get(d, &a->switch_id) };
	json_t *o = json_object(), *addresses = json_array();
	char mac[MAC_TEXT_SIZE];

	if (v.vm)
		look_at_guest(c, &v);
	else
		look_at_host(c, &v);
	vec_foreach(&v.addresses, ip) {
		char text[IP_TEXT_SIZE];

		json_array_append_new(addresses, json_string(ip_format(ip, text)));
	}
	json_object_set_new(o, "Name", json_text(a->name));
	json_object_set_new(o, "Id", json_guid(&a->id));
	json_object_set_new(o, "VMId", json_guid(&a->vm));
	json_object_set_new(o, "VMName", json_text(v.vm ? v.vm->name : NULL));
	json_object_set_new(o, "IsManagementOs", json_boolean(guid_is_zero(&a->vm)));
	json_object_set_new(o, "IsLegacy", json_false());
	json_object_set_new(o, "SwitchId", json_guid(&a->switch_id));
	json_object_set_new(o, "SwitchName", json_text(v.sw ? v.sw->name : NULL));
	json_object_set_new(o, "Connected", json_boolean(v.sw != NULL));
	json_object_set_new(o, "MacAddress", json_string(mac_format(&a->mac, mac)));
	json_object_set_new(o, "DynamicMacAddressEnabled", json_boolean(a->dynamic_mac));
	json_object_set_new(o, "MacAddressSpoofing", json_string(adapter_on_off[a->spoofing]));
	json_object_set_new(o, "DhcpGuard", json_string(adapter_on_off[a->dhcp_guard]));
	json_object_set_new(o, "RouterGuard", json_string(adapter_on_off[a->router_guard]));
	json_object_set_new(o, "DynamicIPAddressLimit", json_integer(a->dynamic_limit));
	json_object_set_new(o, "StormLimit", json_integer(a->storm_limit));
	json_object_set_new(o, "PortMirroringMode", json_string(adapter_mirroring_names[a->mirroring]));
	json_object_set_new(o, "BandwidthSetting", bandwidth_setting(a));
	json_object_set_new(o, "VlanSetting", adapter_vlan_to_object(c, a));
	json_object_set_new(o, "VirtualSubnetId", json_integer(a->vsid));
	json_object_set_new(o, "IPAddresses", addresses);
	json_object_set_new(o, "ComputerName", json_text(call_host(c)->name));
	add_status(c, &v, o);
	add_links(&v, o);
	vec_done(&v.addresses);
	return o;
}
