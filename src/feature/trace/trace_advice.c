/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include "netvirt.h"
#include "packet_read.h"

/*
 * What to do about a drop: the record that is missing, or the field that differs (HN-17), as a command wherever the documents
 * know enough to write one.
 */

struct drop {
	const struct docs *docs;
	const struct adapter_doc *adapter;
	uint32_t vsid;
	struct frame_view inner; /* the guest's frame */
	struct frame_view outer; /* from the wire: around it */
	bool at_receiver;        /* the port that dropped it is that of the packet's destination, another one */
};

#define TEXT PREFIX_TEXT_SIZE /* enough for each kind of address */

static const char *machine(const struct drop *x)
{
	const struct vm_doc *vm = vm_get(x->docs, &x->adapter->vm);

	return vm ? vm->name : x->adapter->name;
}

static const struct record_doc *record_elsewhere(const struct drop *x, const struct ip *ca)
{
	const struct record_doc *r;

	for (size_t pos = 0; (r = docs_next(x->docs, &record_kind, &pos));)
		if (r->vsid != x->vsid && ip_equal(&r->ca, ca))
			return r;
	return NULL;
}

static const struct record_doc *record_by_mac(const struct drop *x, const struct mac *mac)
{
	return records_at_mac(x->docs, x->vsid, mac, &(size_t){ 0 });
}

/* mac, pa: NULL where nobody knows. */
static char *new_record(uint32_t vsid, const struct ip *ca, const struct mac *mac, const struct ip *pa, const char *before)
{
	char a[TEXT], m[TEXT], p[TEXT];

	return xasprintf("%sNew-NetVirtualizationLookupRecord -VirtualSubnetID %u -CustomerAddress %s -MACAddress %s "
			 "-ProviderAddress %s -Rule TranslationMethodEncap",
			 before, vsid, ip_format(ca, a), mac ? mac_format(mac, m) : "<its MAC address>",
			 pa ? ip_format(pa, p) : "<its host's>");
}

/* HN-6: a router's record has a provider address that stands for none. */
static char *missing_router(const struct drop *x, const struct ip *router)
{
	struct ip nobody;

	ip_parse(NETVIRT_GATEWAY_PA, &nobody);
	return new_record(x->vsid, router, NULL, &nobody, "The virtual subnet has no router yet. ");
}

static char *missing_destination(const struct drop *x)
{
	const struct prefix *own;
	const struct record_doc *other;
	_cleanup_free_ char *before = NULL;
	struct ip router;

	if (!x->inner.has_addresses)
		return NULL;
	own = netvirt_vsid_prefix(x->docs, x->vsid, ip_is_v4(&x->inner.destination));
	if (own) {
		router = prefix_first_host(own);
		if (ip_equal(&router, &x->inner.destination))
			return missing_router(x, &router);
	}
	other = record_elsewhere(x, &x->inner.destination);
	before = other ? xasprintf("Only virtual subnet %u has a record of that address. ", other->vsid) : xstrdup("");
	return new_record(x->vsid, &x->inner.destination, NULL, NULL, before);
}

static char *destination(const struct drop *x)
{
	const struct record_doc *r = x->inner.has_addresses ? netvirt_record(x->docs, x->vsid, &x->inner.destination) : NULL;
	const struct prefix *own = netvirt_vsid_prefix(x->docs, x->vsid, ip_is_v4(&x->inner.destination));
	char a[TEXT], m[TEXT], p[TEXT];
	struct ip router;

	if (r)
		return xasprintf("The lookup record of %s has the MAC address %s: clear the guest's neighbour table, or correct the record.",
				 ip_format(&r->ca, a), mac_format_dashes(&r->mac, m));
	if (!own || !x->inner.has_addresses || prefix_contains(own, &x->inner.destination))
		return missing_destination(x);
	router = prefix_first_host(own);
	if (netvirt_record(x->docs, x->vsid, &router))
		return xasprintf("%s is outside of %s: the guest has to send it to its router %s.",
				 ip_format(&x->inner.destination, a), prefix_format(own, m), ip_format(&router, p));
	return missing_router(x, &router);
}

static char *source(const struct drop *x)
{
	const struct record_doc *r = x->inner.has_addresses ? netvirt_record(x->docs, x->vsid, &x->inner.source) : NULL;
	char a[TEXT], m[TEXT], b[TEXT];

	if (!x->inner.has_addresses)
		return NULL;
	if (r)
		return xasprintf("The lookup record of %s has the MAC address %s, the packet has %s: one of the two is wrong.",
				 ip_format(&r->ca, a), mac_format_dashes(&r->mac, m), mac_format_dashes(&x->inner.source_mac, b));
	r = record_by_mac(x, &x->inner.source_mac);
	if (r && !ip_is_any(&r->ca))
		return xasprintf("The lookup record of this MAC address has %s: give the guest that address, or make one for %s:\n"
				 "New-NetVirtualizationLookupRecord -VirtualSubnetID %u -CustomerAddress %s -MACAddress %s "
				 "-ProviderAddress %s -Rule %s", ip_format(&r->ca, a), ip_format(&x->inner.source, b), x->vsid, b,
				 mac_format(&r->mac, m), ip_format(&r->pa, (char[IP_TEXT_SIZE]){ 0 }), netvirt_rules[r->rule]);
	return new_record(x->vsid, &x->inner.source, &x->inner.source_mac, NULL, "");
}

static char *no_route(const struct drop *x)
{
	const struct guid *rdid = netvirt_vsid_domain(x->docs, x->vsid);
	char text[GUID_TEXT_SIZE];
	char a[TEXT];

	if (!rdid)
		return xasprintf("Virtual subnet %u belongs to no routing domain: New-NetVirtualizationCustomerRoute declares its prefix.",
				 x->vsid);
	return xasprintf("New-NetVirtualizationCustomerRoute -RoutingDomainID \"%s\" -VirtualSubnetID <of %s> "
			 "-DestinationPrefix <its prefix> -NextHop %s", guid_format_braces(rdid, text),
			 ip_format(&x->inner.destination, a), ip_is_v4(&x->inner.destination) ? "0.0.0.0" : "::");
}

/* The virtual subnet of the routing domain that the address is in; 0: none. */
static uint32_t subnet_of(const struct drop *x, const struct ip *ip)
{
	const struct guid *rdid = netvirt_vsid_domain(x->docs, x->vsid);
	const struct customer_route_doc *r;

	for (size_t pos = 0; rdid && (r = docs_next(x->docs, &customer_route_kind, &pos));)
		if (guid_equal(&r->rdid, rdid) && ip_is_any(&r->next_hop) && prefix_contains(&r->prefix, ip))
			return r->vsid;
	return 0;
}

static char *next_hop_record(const struct drop *x)
{
	uint32_t vsid = subnet_of(x, &x->inner.destination);
	const struct record_doc *hop;
	_cleanup_err_ struct err *e = NULL;

	if (vsid)
		return new_record(vsid, &x->inner.destination, NULL, NULL, "");
	/* it is the next hop of a route that has none */
	if (netvirt_next_hop(x->docs, x->vsid, &x->inner.destination, &hop, &e) == 0)
		return NULL;
	return xstrdup(e->message);
}

static char *no_source_pa(const struct drop *x)
{
	const struct record_doc *r = x->inner.has_addresses ? netvirt_record(x->docs, x->vsid, &x->inner.source) : NULL;
	char a[TEXT], b[TEXT];

	if (!r)
		return xstrdup("New-NetVirtualizationProviderAddress gives the host one; the sender's lookup record has to name it.");
	return xasprintf("The lookup record of %s names %s, which this host does not have: New-NetVirtualizationProviderAddress "
			 "-ProviderAddress %s -InterfaceIndex <of the NIC> -PrefixLength 24, or correct the record by "
			 "Set-NetVirtualizationLookupRecord.", ip_format(&r->ca, a), ip_format(&r->pa, b), b);
}

static char *no_next_hop(const struct drop *x)
{
	const struct record_doc *hop;
	char a[TEXT];

	if (!x->inner.has_addresses || netvirt_next_hop(x->docs, x->vsid, &x->inner.destination, &hop, NULL) < 0)
		return NULL;
	return xasprintf("%s is in no prefix of this host's provider addresses: New-NetVirtualizationProviderRoute says by which "
			 "gateway it is reached.", ip_format(&hop->pa, a));
}

static char *wrong_source_pa(const struct drop *x)
{
	const struct record_doc *r = x->inner.has_addresses ? netvirt_record(x->docs, x->vsid, &x->inner.source) : NULL;
	char a[TEXT], b[TEXT], p[TEXT];

	if (!r || !x->outer.has_addresses)
		return NULL;
	return xasprintf("The record of %s names %s, the packet came from %s. If the machine is there now:\n"
			 "Set-NetVirtualizationLookupRecord -VirtualSubnetID %u -CustomerAddress %s -ProviderAddress %s",
			 ip_format(&r->ca, a), ip_format(&r->pa, p), ip_format(&x->outer.source, b), x->vsid, a, b);
}

static char *inner_source(const struct drop *x)
{
	const struct record_doc *r = x->inner.has_addresses ? netvirt_record(x->docs, x->vsid, &x->inner.source) : NULL;
	char a[TEXT], m[TEXT];

	if (!x->inner.has_addresses || !x->outer.has_addresses)
		return NULL;
	if (r)
		return xasprintf("The lookup record of %s has the MAC address %s: one of the two is wrong.", ip_format(&r->ca, a),
				 mac_format_dashes(&r->mac, m));
	return new_record(x->vsid, &x->inner.source, &x->inner.source_mac, &x->outer.source, "");
}

static char *not_local(const struct drop *x)
{
	const struct adapter_doc *a;
	const struct vm_doc *vm;
	char m[TEXT];

	for (size_t pos = 0; (a = docs_next(x->docs, &adapter_kind, &pos));) {
		if (!mac_equal(&a->mac, &x->inner.destination_mac))
			continue;
		vm = vm_get(x->docs, &a->vm);
		if (vm && a->vsid != x->vsid)
			return xasprintf("The adapter with that MAC address is in VSID %u: Set-VMNetworkAdapter -VMName %s "
					 "-VirtualSubnetId %u", a->vsid, vm->name, x->vsid);
		if (vm && vm->state != VM_RUNNING)
			return xasprintf("Its machine is off: Start-VM -Name %s", vm->name);
	}
	return xasprintf("No machine of this host has the MAC address %s: correct the lookup record on the sender's host.",
			 mac_format_dashes(&x->inner.destination_mac, m));
}

static char *spoofed(const struct drop *x)
{
	char m[TEXT];

	return xasprintf("The adapter's address is %s. If there are machines inside of %s: Set-VMNetworkAdapter -VMName %s "
			 "-MacAddressSpoofing On", mac_format_dashes(&x->adapter->mac, m), machine(x), machine(x));
}

static char *broadcast_off(const struct drop *x)
{
	return xasprintf("New-NetVirtualizationBroadcast -VirtualSubnetID %u, on every host that has machines of it.", x->vsid);
}

static char *guard(const struct drop *x)
{
	return xasprintf("If %s is a DHCP server or a router: Set-VMNetworkAdapter -VMName %s -DhcpGuard Off, or -RouterGuard Off.",
			 machine(x), machine(x));
}

static char *storm(const struct drop *x)
{
	return xasprintf("The next second has room again. More of it: Set-VMNetworkAdapter -VMName %s -StormLimit <packets>",
			 machine(x));
}

/* Whose rules they are: of what a packet meets on its way out, or at the end of its way. */
static const char *ruled(const struct drop *x)
{
	return x->at_receiver ? "<the receiver>" : machine(x);
}

static char *entries(const struct drop *x)
{
	return xasprintf("Get-VMNetworkAdapterAcl -VMName %s lists the entries; the longest prefix decides.", ruled(x));
}

static char *rules(const struct drop *x)
{
	return xasprintf("Get-VMNetworkAdapterExtendedAcl -VMName %s lists the rules in the order in which they are tried.", ruled(x));
}

#define OUT_OF_STEP \
	"Tables and ports differ for the moment: Get-NetVirtualizationStatistics -Summary tells of the last pass over them."

static const struct {
	const char *reason;
	char *(*advice)(const struct drop *x);
	const char *text; /* where it does not depend on the packet */
} table[] = {
	{ "ARP_UNKNOWN_TARGET", missing_destination },
	{ "ND_UNKNOWN_TARGET", missing_destination },
	{ "DESTINATION_NOT_IN_POLICY", destination },
	{ "SOURCE_NOT_IN_POLICY", source },
	{ "NO_ROUTE", no_route },
	{ "NO_NEXT_HOP_RECORD", next_hop_record },
	{ "NO_SOURCE_PA", no_source_pa },
	{ "NO_NEXT_HOP", no_next_hop },
	{ "WRONG_SOURCE_PA", wrong_source_pa },
	{ "INNER_SOURCE_UNKNOWN", inner_source },
	{ "ROUTED_SOURCE_UNKNOWN", inner_source },
	{ "DESTINATION_NOT_LOCAL", not_local },
	{ "SOURCE_MAC_SPOOFED", spoofed },
	{ "TOO_BIG", .text = "Lower the guest's MTU, or raise that of the underlay's NICs: outer headers need room, too (WG-5)." },
	{ "BROADCAST_OFF", broadcast_off },
	{ "DHCP_GUARD", guard },
	{ "ROUTER_GUARD", guard },
	{ "STORM_LIMIT", storm },
	{ "ACL_OUTBOUND", entries },
	{ "ACL_INBOUND", entries },
	{ "EXTENDED_ACL_OUTBOUND", rules },
	{ "EXTENDED_ACL_INBOUND", rules },
	{ "ACL_NOT_READY", .text = OUT_OF_STEP },
	{ "ND_SPOOFED", spoofed },
	{ "ARP_SPOOFED", spoofed },
	{ "PORT_GONE", .text = OUT_OF_STEP },
	{ "PORT_VSID_MISMATCH", .text = OUT_OF_STEP },
};

char *trace_advice(const struct docs *d, const struct adapter_doc *a, bool inbound, const struct host_trace *t)
{
	struct drop x = { .docs = d, .adapter = a, .vsid = a->vsid, .inner = frame_read(t->in, t->n_in),
			  .at_receiver = !inbound && strstr(t->reason->name, "INBOUND") };

	if (inbound && x.inner.inner) {
		x.outer = x.inner;
		x.vsid = x.outer.vsid;
		x.inner = frame_read(t->in + x.outer.inner, t->n_in - x.outer.inner);
	}
	if (!ip_is_zero(&x.inner.asked))
		x.inner.destination = x.inner.asked;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (streq(table[i].reason, t->reason->name))
			return table[i].advice ? table[i].advice(&x) : xstrdup(table[i].text);
	return NULL;
}
