/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt_rules.h"

#include <arpa/inet.h>

static bool same_record(const struct record_doc *a, const struct record_doc *b)
{
	return a->vsid == b->vsid && ip_equal(&a->ca, &b->ca) && mac_equal(&a->mac, &b->mac);
}

static int reserved_refused(const char *ca, uint32_t vsid, const struct prefix *prefix, struct err **e)
{
	char text[PREFIX_TEXT_SIZE];
	int r = err_set(e, "Wnv.GatewayAddressReserved", ERR_INVALID_ARGUMENT, ca,
			"%s is the lowest address of %s, the subnet of virtual subnet %u: it belongs to the distributed router.",
			ca, prefix_format(prefix, text), vsid);

	return err_advise(e, r, "Give the VM another address; a record for the router itself has the provider address "
				NETVIRT_GATEWAY_PA ".");
}

static bool is_router_address(const struct prefix *prefix, const struct ip *ca)
{
	struct ip first = prefix_first_host(prefix);

	return ip_equal(&first, ca);
}

/* HN-7, HN-8: 0.0.0.0 stands for "any" or "not known yet", and only there. */
static int record_check_type(const struct record_doc *r, const char *ca, struct err **e)
{
	bool wildcard = r->type == NETVIRT_GATEWAY_WILDCARD || r->type == NETVIRT_L2ONLY;

	if (wildcard && !ip_is_any(&r->ca))
		return err_set(e, "Wnv.TypeNeedsAnyAddress", ERR_INVALID_ARGUMENT, ca,
			       "A record of type %s has the customer address 0.0.0.0 or ::, not %s.", netvirt_types[r->type], ca);
	if (ip_is_multicast(&r->ca) || ip_is_loopback(&r->ca))
		return err_set(e, "Wnv.BadCustomerAddress", ERR_INVALID_ARGUMENT, ca,
			       "%s cannot be a customer address: it is not the address of one machine.", ca);
	if (!mac_is_unicast(&r->mac))
		return err_set(e, "Wnv.BadMacAddress", ERR_INVALID_ARGUMENT, ca,
			       "The MAC address of a record must be a unicast address.");
	if (r->use_vm_mac && r->rule != NETVIRT_NAT)
		return err_set(e, "Wnv.UseVmMacNeedsNat", ERR_INVALID_ARGUMENT, ca,
			       "UseVmMACAddress is possible with Rule TranslationMethodNat only.");
	return 0;
}

static const struct record_doc *other_at_pa(const struct docs *d, const struct record_doc *r, enum netvirt_rule rule)
{
	const struct record_doc *other;

	for (int carried = 0; carried < 2; carried++)
		for (size_t pos = 0; (other = records_at_pa(d, &r->pa, rule, carried, &pos));)
			if (!same_record(other, r))
				return other;
	return NULL;
}

/*
 * 2.7: a provider address of IP rewrite stands for one customer address of one virtual subnet, and is no other record's,
 * of whatever rule: else what comes for it would be of two kinds.
 */
static const struct record_doc *shares_rewrite(const struct docs *d, const struct record_doc *r)
{
	const struct record_doc *other = NULL;

	if (r->rule == NETVIRT_NONE || netvirt_is_gateway_record(r))
		return NULL;
	if (r->rule == NETVIRT_NAT)
		other = other_at_pa(d, r, NETVIRT_ENCAP);
	if (!other && r->rule == NETVIRT_NAT)
		other = other_at_pa(d, r, NETVIRT_ENCAP_VXLAN);
	return other ? other : other_at_pa(d, r, NETVIRT_NAT);
}

static int record_check_others(const struct docs *d, const struct record_doc *r, const char *ca, struct err **e)
{
	const struct record_doc *other;
	char text[MAX(IP_TEXT_SIZE, MAC_TEXT_SIZE)];

	/* what was learnt gives way to what somebody says (HN-8) */
	for (size_t pos = 0; !ip_is_any(&r->ca) && (other = records_at_ca(d, r->vsid, &r->ca, &pos));)
		if (!same_record(other, r) && (r->learnt || !other->learnt))
			return err_set(e, "Wnv.CustomerAddressInUse", ERR_RESOURCE_EXISTS, ca,
				       "Customer address %s of virtual subnet %u belongs to %s already.", ca, r->vsid,
				       mac_format(&other->mac, text));
	other = shares_rewrite(d, r);
	if (other)
		return err_set(e, "Wnv.RewritePaShared", ERR_RESOURCE_EXISTS, ca,
			       "Provider address %s is that of another customer address already, in virtual subnet %u: IP rewrite "
			       "needs one provider address per customer address.", ip_format(&r->pa, text), other->vsid);
	return 0;
}

/* HN-13: the address of one host, from wherever it is seen; an IPv6 link-local one means another host on each link. */
static bool is_host_address(const struct ip *ip)
{
	return !ip_is_any(ip) && !ip_is_multicast(ip) && !ip_is_loopback(ip) && !ip_is_link_local(ip);
}

int record_check(const struct docs *d, const struct record_doc *r, struct err **e)
{
	const struct prefix *prefix = netvirt_vsid_prefix(d, r->vsid, ip_is_v4(&r->ca));
	char ca[IP_TEXT_SIZE], pa[IP_TEXT_SIZE];
	int result;

	ip_format(&r->ca, ca);
	result = record_check_type(r, ca, e);
	if (result < 0)
		return result;
	if (!is_host_address(&r->pa))
		return err_set(e, "Wnv.BadProviderAddress", ERR_INVALID_ARGUMENT, ip_format(&r->pa, pa),
			       "%s cannot be a provider address: it is not the address of one host.", ip_format(&r->pa, pa));
	if (prefix && is_router_address(prefix, &r->ca) && !netvirt_is_gateway_record(r))
		return reserved_refused(ca, r->vsid, prefix, e);
	/* 2.7: no size change */
	if (r->rule == NETVIRT_NAT && !netvirt_is_gateway_record(r) && ip_is_v4(&r->ca) != ip_is_v4(&r->pa)) {
		result = err_set(e, "Wnv.RewriteFamily", ERR_INVALID_ARGUMENT, ca,
				 "IP rewrite puts the provider address in the place of the customer address: %s and %s are not of one "
				 "address family.", ca, ip_format(&r->pa, pa));
		return err_advise(e, result, "Use Rule TranslationMethodEncap, which carries either family over either.");
	}
	return record_check_others(d, r, ca, e);
}

char *record_warning(const struct docs *d, const struct record_doc *r)
{
	const struct prefix *prefix = netvirt_vsid_prefix(d, r->vsid, ip_is_v4(&r->ca));
	char ca[IP_TEXT_SIZE], text[PREFIX_TEXT_SIZE];
	const struct record_doc *other;

	if (ip_is_any(&r->ca) && r->type == NETVIRT_STATIC)
		return xasprintf("Wnv.WildcardNeedsType: customer address %s is meant with -Type GatewayWildcard or L2Only; it is "
				 "taken as GatewayWildcard.", ip_format(&r->ca, ca));
	if (r->rule == NETVIRT_NONE)
		return xasprintf("Rule %s is stored, but carries nothing: the record is unusable.", netvirt_rules[r->rule]);
	if (!netvirt_is_carried(r))
		return xasprintf("Rule %s is for records with one customer address: this record is unusable.", netvirt_rules[r->rule]);
	if (prefix && !ip_is_any(&r->ca) && !prefix_contains(prefix, &r->ca))
		return xasprintf("Customer address %s is outside %s, the prefix of virtual subnet %u.", ip_format(&r->ca, ca),
				 prefix_format(prefix, text), r->vsid);
	for (size_t pos = 0; (other = records_at_mac(d, r->vsid, &r->mac, &pos));)
		if (!ip_equal(&other->pa, &r->pa) && !same_record(other, r))
			return xasprintf("%s has records with different provider addresses in virtual subnet %u: the one with the "
					 "lowest customer address counts.", mac_format(&r->mac, text), r->vsid);
	return NULL;
}

static int route_check_other(const struct customer_route_doc *r, const struct customer_route_doc *other, struct err **e)
{
	char mine[PREFIX_TEXT_SIZE], theirs[PREFIX_TEXT_SIZE], rdid[GUID_TEXT_SIZE];

	prefix_format(&r->prefix, mine);
	prefix_format(&other->prefix, theirs);
	if (other->vsid == r->vsid && !guid_equal(&other->rdid, &r->rdid))
		return err_set(e, "Wnv.VsidInOtherRoutingDomain", ERR_RESOURCE_EXISTS, mine,
			       "Virtual subnet %u belongs to routing domain %s; a virtual subnet belongs to exactly one.", r->vsid,
			       guid_format_braces(&other->rdid, rdid));
	if (!guid_equal(&other->rdid, &r->rdid) || !ip_is_any(&r->next_hop) || !ip_is_any(&other->next_hop) ||
	    ip_is_v4(&other->prefix.ip) != ip_is_v4(&r->prefix.ip) ||
	    (other->vsid == r->vsid && prefix_equal(&other->prefix, &r->prefix)))
		return 0;
	if (other->vsid == r->vsid)
		return err_set(e, "Wnv.SubnetPrefixConflict", ERR_RESOURCE_EXISTS, mine,
			       "Virtual subnet %u is %s already; a virtual subnet has one on-link prefix.", r->vsid, theirs);
	if (prefix_overlaps(&r->prefix, &other->prefix))
		return err_set(e, "Wnv.PrefixOverlapInRoutingDomain", ERR_RESOURCE_EXISTS, mine,
			       "%s overlaps %s of virtual subnet %u in the same routing domain %s.", mine, theirs, other->vsid,
			       guid_format_braces(&r->rdid, rdid));
	return 0;
}

int customer_route_check(const struct docs *d, const struct customer_route_doc *r, struct err **e)
{
	const struct customer_route_doc *other;
	const struct record_doc *record;
	struct ip first = prefix_first_host(&r->prefix);
	char text[IP_TEXT_SIZE];

	if (ip_is_v4(&r->next_hop) != ip_is_v4(&r->prefix.ip))
		return err_set(e, "Wnv.NextHopFamily", ERR_INVALID_ARGUMENT, ip_format(&r->next_hop, text),
			       "The next hop and the destination prefix are not of the same address family.");
	for (size_t pos = 0; (other = docs_next(d, &customer_route_kind, &pos));) {
		int result = route_check_other(r, other, e);

		if (result < 0)
			return result;
	}
	if (!ip_is_any(&r->next_hop))
		return 0;
	record = netvirt_record(d, r->vsid, &first);
	if (record && !netvirt_is_gateway_record(record))
		return reserved_refused(ip_format(&first, text), r->vsid, &r->prefix, e);
	return 0;
}

char *customer_route_warning(const struct docs *d, const struct customer_route_doc *r)
{
	const struct customer_route_doc *other;
	char text[IP_TEXT_SIZE];

	if (ip_is_any(&r->next_hop) || netvirt_record(d, r->vsid, &r->next_hop))
		return NULL;
	for (size_t pos = 0; (other = docs_next(d, &customer_route_kind, &pos));)
		if (guid_equal(&other->rdid, &r->rdid) && netvirt_record(d, other->vsid, &r->next_hop))
			return NULL;
	return xasprintf("Wnv.NextHopUnresolvable: no lookup record of the routing domain has the next hop %s yet.",
			 ip_format(&r->next_hop, text));
}

/*
 * 224.0.0.0/24, and IPv6 multicast up to the scope of a link, are for the protocols of one network: no router forwards them, and
 * switches flood them (RFC 5771 4, RFC 4291 2.7).
 */
static bool is_reserved_group(const struct ip *pa)
{
	return ip_is_v4(pa) ? ntohl(ip_v4(pa)) >> 8 == 0xe00000 : (pa->b[1] & 0xf) <= 2 || (pa->b[1] & 0xf) == 0xf;
}

/* Administratively scoped (WG-7): RFC 2365; RFC 7346: all scopes but the global one. */
static bool is_scoped_group(const struct ip *pa)
{
	return ip_is_v4(pa) ? ntohl(ip_v4(pa)) >> 24 == 239 : (pa->b[1] & 0xf) < 0xe;
}

int broadcast_check(const struct broadcast_doc *b, struct err **e)
{
	char pa[IP_TEXT_SIZE];

	ip_format(&b->pa, pa);
	if (ip_is_any(&b->pa))
		return 0;
	if (!ip_is_multicast(&b->pa) || is_reserved_group(&b->pa))
		return err_advise(e, err_set(e, "Wnv.BadMulticastAddress", ERR_INVALID_ARGUMENT, pa,
					     "%s cannot be the multicast provider address of a virtual subnet.", pa),
				  "Give one of 239.0.0.0/8 or ff08::/16, or 0.0.0.0 for a copy to each host.");
	return 0;
}

char *broadcast_warning(const struct docs *d, const struct broadcast_doc *b)
{
	char pa[IP_TEXT_SIZE];

	if (ip_is_multicast(&b->pa) && !is_scoped_group(&b->pa))
		return xasprintf("%s is not administratively scoped, as those of 239.0.0.0/8 and ff08::/16 are: routers may carry it "
				 "beyond the provider network (WG-7).", ip_format(&b->pa, pa));
	if (!netvirt_vsid_has_policy(d, b->vsid))
		return xasprintf("Virtual subnet %u has no policy: until it has, its ports on one switch hear each other, and no others.",
				 b->vsid);
	return NULL;
}

int provider_address_check(const struct docs *d, const struct provider_address_doc *p, struct err **e)
{
	char pa[IP_TEXT_SIZE];

	(void)d;
	ip_format(&p->pa, pa);
	if (!is_host_address(&p->pa))
		return err_set(e, "Wnv.BadProviderAddress", ERR_INVALID_ARGUMENT, pa,
			       "%s cannot be a provider address: it is not the address of one host.", pa);
	if (p->prefix_len == 0 || p->prefix_len > (ip_is_v4(&p->pa) ? 32 : 128))
		return err_set(e, "Wnv.BadPrefixLength", ERR_INVALID_ARGUMENT, pa, "%u is no prefix length for %s.", p->prefix_len,
			       pa);
	if (p->vlan)
		return err_set(e, "Wnv.ProviderVlan", ERR_NOT_IMPLEMENTED, pa,
			       "A provider address in a VLAN (VlanID %u) is not carried by this version.", p->vlan);
	if (!mac_is_zero(&p->mac))
		return err_set(e, "Wnv.ProviderMac", ERR_NOT_IMPLEMENTED, pa,
			       "A provider address with a MAC address of its own is not carried by this version: it has the NIC's.");
	return 0;
}

int provider_route_check(const struct docs *d, const struct provider_route_doc *r, struct err **e)
{
	char text[PREFIX_TEXT_SIZE];

	(void)d;
	if (ip_is_v4(&r->next_hop) != ip_is_v4(&r->prefix.ip))
		return err_set(e, "Wnv.NextHopFamily", ERR_INVALID_ARGUMENT, prefix_format(&r->prefix, text),
			       "The next hop and the destination prefix are not of the same address family.");
	if (ip_is_multicast(&r->next_hop) || ip_is_loopback(&r->next_hop))
		return err_set(e, "Wnv.BadNextHop", ERR_INVALID_ARGUMENT, prefix_format(&r->prefix, text),
			       "The next hop is not the address of one machine.");
	/* The kernel takes 0 for its own default there. */
	if (!ip_is_v4(&r->prefix.ip) && r->metric == 0)
		return err_set(e, "Wnv.ProviderRouteMetric", ERR_INVALID_ARGUMENT, prefix_format(&r->prefix, text),
			       "The metric of an IPv6 provider route is at least 1.");
	return 0;
}
