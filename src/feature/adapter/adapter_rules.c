/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter_rules.h"

#include "acl.h"
#include "feature.h"
#include "map.h"
#include "switch_rules.h"
#include "vm_metering.h"

const char *const adapter_on_off[] = { "Off", "On", NULL };
const char *const adapter_mirroring_names[] = { "None", "Destination", "Source", NULL };

const char *const adapter_vlan_modes[] = { "Untagged", "Access", "Trunk", NULL };

static const struct doc_field adapter_fields[] = {
	DOC_FIELD(adapter_doc, id, DOC_GUID, "id"),
	DOC_FIELD(adapter_doc, vm, DOC_GUID, "vm"),
	DOC_FIELD(adapter_doc, name, DOC_STR, "name"),
	DOC_FIELD(adapter_doc, switch_id, DOC_GUID, "switch"),
	DOC_FIELD(adapter_doc, mac, DOC_MAC, "mac"),
	DOC_FIELD(adapter_doc, dynamic_mac, DOC_BOOL, "dynamicMac"),
	DOC_FIELD(adapter_doc, vsid, DOC_U32, "virtualSubnetId"),
	DOC_ENUM_FIELD(adapter_doc, spoofing, adapter_on_off, "macAddressSpoofing"),
	DOC_ENUM_FIELD(adapter_doc, dhcp_guard, adapter_on_off, "dhcpGuard"),
	DOC_ENUM_FIELD(adapter_doc, router_guard, adapter_on_off, "routerGuard"),
	DOC_FIELD(adapter_doc, storm_limit, DOC_U32, "stormLimit"),
	DOC_FIELD(adapter_doc, dynamic_limit, DOC_U32, "dynamicIpAddressLimit"),
	DOC_ENUM_FIELD(adapter_doc, mirroring, adapter_mirroring_names, "portMirroring"),
	DOC_FIELD(adapter_doc, max_bandwidth, DOC_U64, "maximumBandwidth"),
	DOC_ENUM_FIELD(adapter_doc, vlan_mode, adapter_vlan_modes, "vlanMode"),
	DOC_FIELD(adapter_doc, vlan, DOC_U32, "vlan"),
	DOC_FIELD(adapter_doc, vlan_allowed, DOC_STR, "allowedVlans"),
	DOC_FIELD(adapter_doc, slot, DOC_U32, "slot"),
};

static void adapter_key(const void *doc, struct str *ret)
{
	const struct adapter_doc *a = doc;
	char text[GUID_TEXT_SIZE];

	str_add(ret, guid_format(&a->id, text));
}

const struct doc_kind adapter_kind = {
	.name = "adapter",
	.size = sizeof(struct adapter_doc),
	.fields = adapter_fields,
	.n_fields = ARRAY_SIZE(adapter_fields),
	.key = adapter_key,
};

const struct adapter_doc *adapter_get(const struct docs *d, const struct guid *id)
{
	char text[GUID_TEXT_SIZE];

	return docs_get(d, &adapter_kind, guid_format(id, text));
}

void adapter_delete(struct docs *d, const struct adapter_doc *a)
{
	_cleanup_free_ char *key = doc_key(&adapter_kind, a);

	acl_forget(d, &a->id);
	adapter_metering_delete(d, &a->id);
	docs_delete(d, &adapter_kind, key);
}

static const char *link_name(const char *prefix, const struct guid *id, char buf[static 16])
{
	snprintf(buf, 16, "%s%02x%02x%02x%02x%02x", prefix, id->b[0], id->b[1], id->b[2], id->b[3], id->b[4]);
	return buf;
}

const char *adapter_port_name(const struct guid *id, char buf[static 16])
{
	return link_name("np", id, buf);
}

const char *adapter_host_link_name(const struct guid *id, char buf[static 16])
{
	return link_name("nv", id, buf);
}

static int slot_compare(const void *a, const void *b)
{
	const struct adapter_doc *const *x = a, *const *y = b;
	int r;

	if ((*x)->slot != (*y)->slot)
		return (*x)->slot < (*y)->slot ? -1 : 1;
	r = stricmp((*x)->name, (*y)->name);
	return r ? r : memcmp(&(*x)->id, &(*y)->id, sizeof((*x)->id));
}

void adapter_of_vm(const struct docs *d, const struct guid *vm, adapter_vec *ret)
{
	adapter_vec found = { 0 };
	const struct adapter_doc *a;

	for (size_t pos = 0; (a = docs_next(d, &adapter_kind, &pos));)
		if (guid_equal(&a->vm, vm))
			vec_push(&found, a);
	vec_sort(&found, slot_compare);
	vec_foreach(&found, f)
		vec_push(ret, *f);
	vec_done(&found);
}

static uint32_t free_slot(const struct docs *d, const struct guid *vm)
{
	adapter_vec adapters = { 0 };
	uint32_t slot = 0;

	adapter_of_vm(d, vm, &adapters);
	vec_foreach(&adapters, a)
		slot += (*a)->slot == slot;
	vec_done(&adapters);
	return slot;
}

struct mac adapter_new_mac(const struct docs *d, const char *host_name)
{
	_cleanup_map_ struct map *used = map_new();
	struct mac mac = { { 0x00, 0x15, 0x5d } };
	const struct adapter_doc *a;
	uint32_t hash = 2166136261u;

	for (size_t pos = 0; (a = docs_next(d, &adapter_kind, &pos));)
		map_put(used, &a->mac, sizeof(a->mac), used);
	/* Bytes 4 and 5 tell hosts apart, so that pools of hosts on one network seldom meet. */
	for (const char *p = host_name; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	hash ^= hash >> 16;
	for (uint32_t n = (hash & 0xffff) << 8;; n++) {
		mac.b[3] = (uint8_t)(n >> 16);
		mac.b[4] = (uint8_t)(n >> 8);
		mac.b[5] = (uint8_t)n;
		if (!map_get(used, &mac, sizeof(mac)))
			return mac;
	}
}

struct adapter_doc *adapter_make(const struct docs *d, const struct guid *vm, const char *name,
				 const struct guid *switch_id, const char *host_name)
{
	struct adapter_doc *a = doc_new(&adapter_kind);

	a->id = guid_new();
	a->vm = *vm;
	a->name = xstrdup(name ? name : "Network Adapter");
	if (switch_id)
		a->switch_id = *switch_id;
	a->mac = adapter_new_mac(d, host_name);
	a->dynamic_mac = true;
	a->slot = guid_is_zero(vm) ? 0 : free_slot(d, vm);
	return a;
}

int adapter_unknown(const char *name, struct err **e)
{
	int r = err_set(e, "InvalidParameter", ERR_INVALID_ARGUMENT, name,
			"Hyper-V was unable to find a network adapter with name \"%s\".", name);

	return err_advise(e, r, "Get-VMNetworkAdapter -All lists the network adapters of this host.");
}

int adapter_check_name(const char *name, struct err **e)
{
	return check_name(name, ADAPTER_NAME_MAX, e);
}

int adapter_check_host_name(const struct docs *d, const struct adapter_doc *self, const char *name, struct err **e)
{
	struct guid host = { 0 };
	adapter_vec adapters = { 0 };
	int r = check_name(name, SWITCH_NAME_MAX, e);

	adapter_of_vm(d, &host, &adapters);
	vec_foreach(&adapters, a) {
		if (r < 0 || (self && guid_equal(&(*a)->id, &self->id)) || !strieq((*a)->name, name))
			continue;
		r = err_set(e, "Adapter.NameNotUnique", ERR_RESOURCE_EXISTS, name,
			    "The management operating system has a network adapter with the name \"%s\" already.",
			    (*a)->name);
		err_advise(e, r, "Choose another name: it becomes the host's network adapter \"vEthernet (NAME)\".");
	}
	vec_done(&adapters);
	return r;
}

int adapter_check_mac(const struct mac *mac, struct err **e)
{
	char text[MAC_TEXT_SIZE];
	int r;

	if (mac_is_unicast(mac))
		return 0;
	r = err_set(e, "Adapter.MacNotUnicast", ERR_INVALID_ARGUMENT, mac_format(mac, text),
		    "The MAC address %s cannot be an adapter's: it is %s.", text,
		    mac_is_zero(mac) ? "zero" : "a group address");
	return err_advise(e, r, "The lowest bit of the first byte must be 0, and the address not all zero.");
}

const struct adapter_doc *adapter_by_mac(const struct docs *d, const struct adapter_doc *self, const struct mac *mac)
{
	const struct adapter_doc *a;

	for (size_t pos = 0; (a = docs_next(d, &adapter_kind, &pos));)
		if (mac_equal(&a->mac, mac) && (!self || !guid_equal(&a->id, &self->id)))
			return a;
	return NULL;
}

int adapter_check_off(const struct docs *d, const struct adapter_doc *a, struct err **e)
{
	const struct vm_doc *vm = vm_get(d, &a->vm);

	if (!vm || vm->state == VM_OFF)
		return 0;
	return refuse_state(vm->name, "Stop the virtual machine first (Stop-VM).", e);
}

int adapter_check_vlan(const struct adapter_doc *a, uint32_t vsid, enum adapter_vlan_mode mode, struct err **e)
{
	int r;

	if (!vsid || mode == VLAN_UNTAGGED)
		return 0;
	r = err_set(e, "Wnv.VlanAndVsid", ERR_INVALID_OPERATION, a->name,
		    "The network adapter \"%s\" cannot be in a virtual subnet and in a VLAN.", a->name);
	return err_advise(e, r, a->vsid ? "Take it out of its virtual subnet first: Set-VMNetworkAdapter -VirtualSubnetId 0." :
					  "Take it out of its VLAN first: Set-VMNetworkAdapterVlan -Untagged.");
}

uint64_t adapter_round_bandwidth(uint64_t bits)
{
	return bits && bits < 8 ? 8 : bits & ~7ull;
}

int adapter_refuse_minimum_bandwidth(const char *parameter, struct err **e)
{
	int r = err_set(e, "Adapter.MinimumBandwidthUnavailable", ERR_NOT_IMPLEMENTED, parameter,
			"-%s is not available: shares of an uplink need a queue of their own at the network adapter, and its queues "
			"are the host's.", parameter);

	return err_advise(e, r, "Limit the others by -MaximumBandwidth.");
}

static int check_not_saved(const struct vm_doc *vm, struct err **e)
{
	if (vm->state != VM_SAVED)
		return 0;
	return refuse_state(vm->name, "Start it, or discard its saved state first (Remove-VMSavedState).", e);
}

int adapter_check_add(const struct docs *d, const struct vm_doc *vm, struct err **e)
{
	adapter_vec adapters = { 0 };
	size_t n;
	int r;

	adapter_of_vm(d, &vm->id, &adapters);
	n = adapters.n;
	vec_done(&adapters);
	if (vm->engine != VM_ENGINE_QEMU || n < ADAPTERS_OF_A_MACHINE)
		return check_not_saved(vm, e);
	r = err_set(e, "Adapter.TooMany", ERR_LIMITS_EXCEEDED, vm->name, "The virtual machine \"%s\" has %zu network adapters, and can have no more.",
		    vm->name, n);
	return err_advise(e, r, "Remove one that is not used (Remove-VMNetworkAdapter).");
}

int adapter_check_remove(const struct docs *d, const struct adapter_doc *a, struct err **e)
{
	const struct switch_doc *sw = guid_is_zero(&a->vm) ? switch_get(d, &a->switch_id) : NULL;
	const struct vm_doc *vm = vm_get(d, &a->vm);
	const struct adapter_doc *other;

	if (vm)
		return check_not_saved(vm, e);
	if (!sw || sw->type != SWITCH_INTERNAL)
		return 0;
	for (size_t pos = 0; (other = docs_next(d, &adapter_kind, &pos));)
		if (!guid_equal(&other->id, &a->id) && guid_is_zero(&other->vm) &&
		    guid_equal(&other->switch_id, &sw->id))
			return 0;
	return switch_check_management_os(sw->name, SWITCH_INTERNAL, false, e);
}

int adapter_check_reconnect(const struct adapter_doc *a, struct err **e)
{
	int r;

	if (!guid_is_zero(&a->vm))
		return 0;
	r = err_set(e, "Adapter.ManagementOsFixed", ERR_INVALID_OPERATION, a->name,
		    "The network adapter \"%s\" of the management operating system stays on its switch.", a->name);
	return err_advise(e, r, "Remove it, and add one to the other switch (Add-VMNetworkAdapter -ManagementOS).");
}
