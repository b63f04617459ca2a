/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt.h"

/* Does a win over b? What HN-9 leaves equal is decided by the sender's own subnet, then by the key: always the same. */
static bool route_wins(const struct customer_route_doc *a, const struct customer_route_doc *b, uint32_t vsid)
{
	if (a->prefix.len != b->prefix.len)
		return a->prefix.len > b->prefix.len;
	if (a->metric != b->metric)
		return a->metric < b->metric;
	if ((a->vsid == vsid) != (b->vsid == vsid))
		return a->vsid == vsid;
	if (a->vsid != b->vsid)
		return a->vsid < b->vsid;
	return ip_compare(&a->next_hop, &b->next_hop) < 0;
}

/* Longest prefix, then lowest metric, among the routes of a routing domain (HN-9). */
static const struct customer_route_doc *best_route(const struct docs *d, const struct guid *rdid, uint32_t vsid,
						   const struct ip *to)
{
	const struct customer_route_doc *r, *best = NULL;

	for (size_t pos = 0; (r = docs_next(d, &customer_route_kind, &pos));)
		if (guid_equal(&r->rdid, rdid) && prefix_contains(&r->prefix, to) && (!best || route_wins(r, best, vsid)))
			best = r;
	return best;
}

/* HN-7; of several the one with the lowest MAC, so that it is decided. */
static const struct record_doc *wildcard_record(const struct docs *d, uint32_t vsid, bool v4)
{
	const struct record_doc *r, *best = NULL;

	for (size_t pos = 0; (r = records_in_subnet(d, vsid, RECORD_WILDCARD, &pos));)
		if (ip_is_v4(&r->ca) == v4 && (!best || memcmp(&r->mac, &best->mac, sizeof(r->mac)) < 0))
			best = r;
	return best;
}

static bool external_router(const struct docs *d)
{
	const struct netvirt_global_doc *g = docs_get(d, &netvirt_global_kind, "global");

	return g && g->use_external_router;
}

static int unresolvable(const struct ip *to, struct err **e, const char *why)
{
	char text[IP_TEXT_SIZE];

	return err_set(e, "Wnv.NextHopUnresolvable", ERR_OBJECT_NOT_FOUND, ip_format(to, text),
		       "There is no way to %s: %s.", ip_format(to, text), why);
}

int netvirt_next_hop(const struct docs *d, uint32_t vsid, const struct ip *destination, const struct record_doc **ret,
		     struct err **e)
{
	const struct prefix *own = netvirt_vsid_prefix(d, vsid, ip_is_v4(destination));
	const struct guid *rdid = netvirt_vsid_domain(d, vsid);
	const struct customer_route_doc *route;
	const struct record_doc *record;

	/* what is link-local stays on the link (RFC 4291) */
	if ((own && prefix_contains(own, destination)) || !rdid || ip_is_link_local(destination)) {
		record = netvirt_record(d, vsid, destination);
		if (!record)
			return unresolvable(destination, e, rdid ? "no lookup record of its virtual subnet has the address"
								 : "the virtual subnet has no customer route and no lookup "
								   "record with the address");
		*ret = record;
		return 0;
	}
	if (external_router(d))
		return unresolvable(destination, e, "it is in another subnet, and routers outside do the routing (UseExternalRouter)");
	route = best_route(d, rdid, vsid, destination);
	if (!route)
		return unresolvable(destination, e, "no customer route of the routing domain leads there");
	record = netvirt_record(d, route->vsid, ip_is_any(&route->next_hop) ? destination : &route->next_hop);
	if (!record && route->prefix.len == 0)
		record = wildcard_record(d, route->vsid, ip_is_v4(destination));
	if (!record)
		return unresolvable(destination, e, ip_is_any(&route->next_hop)
						    ? "no lookup record of its virtual subnet has the address"
						    : "no lookup record has the next hop of the customer route");
	*ret = record;
	return 0;
}
