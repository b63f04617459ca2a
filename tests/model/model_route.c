/* SPDX-License-Identifier: Apache-2.0 */
#include "model_internal.h"

/* The distributed router: catalogue 2.4 (HN-2, HN-4, HN-6, HN-7, HN-9) and 2.5, step 3. */

const struct guid *domain_of(const struct model *m, uint32_t vsid)
{
	vec_foreach (&m->routes, r)
		if ((*r)->vsid == vsid)
			return &(*r)->rdid;
	return NULL;
}

const struct record_doc *router_of(const struct model *m, uint32_t vsid)
{
	const struct record_doc *found = NULL;

	if (m->external_router || !domain_of(m, vsid))
		return NULL;
	vec_foreach (&m->records, r)
		if ((*r)->vsid == vsid && is_router(*r) && ip_is_v4(&(*r)->ca) &&
		    (!found || ip_compare(&(*r)->ca, &found->ca) < 0))
			found = *r;
	return found;
}

/* "This" network, loopback, multicast, reserved and broadcast: never forwarded (RFC 1812 4.2.2.11, 5.3.7). */
static bool never_forwarded(const struct ip *to)
{
	uint32_t first = ntohl(ip_v4(to)) >> 24;

	return first == 0 || first == 127 || first >= 224;
}

/*
 * HN-9: the longest prefix, then the lowest metric; among equals the sender's own subnet, then the lower VSID and next hop.
 * What is in the sender's own subnet is on its link.
 */
static bool better(const struct customer_route_doc *a, const struct customer_route_doc *b, uint32_t vsid)
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

static const struct customer_route_doc *find_route(const struct model *m, uint32_t vsid, const struct ip *to)
{
	const struct guid *domain = domain_of(m, vsid);
	const struct customer_route_doc *best = NULL;

	vec_foreach (&m->routes, p) {
		const struct customer_route_doc *r = *p;

		if (!guid_equal(&r->rdid, domain) || !prefix_contains(&r->prefix, to))
			continue;
		if (r->vsid == vsid && is_any(&r->next_hop))
			return r;
		if (!best || better(r, best, vsid))
			best = r;
	}
	return best;
}

/* HN-7; of several the one with the lowest MAC address. */
static const struct record_doc *wildcard_of(const struct model *m, uint32_t vsid)
{
	const struct record_doc *best = NULL;

	vec_foreach (&m->records, p) {
		const struct record_doc *r = *p;

		if (r->vsid == vsid && is_wildcard(r) && ip_is_v4(&r->ca) &&
		    (!best || memcmp(&r->mac, &best->mac, 6) < 0))
			best = r;
	}
	return best;
}

/* The record of who gets a packet by this route; NULL: nobody. */
static const struct record_doc *receiver(const struct model *m, const struct customer_route_doc *route,
					 const struct ip *to)
{
	const struct record_doc *r = record_of(m, route->vsid, is_any(&route->next_hop) ? to : &route->next_hop);

	return !r && route->prefix.len == 0 ? wildcard_of(m, route->vsid) : r;
}

/* The frame as it is in the other subnet: its router sends it, and the time to live is one less. */
static struct frame routed(const struct model *m, const struct model_port *from, uint32_t vsid, const struct mac *to,
			   const struct frame *in)
{
	const struct record_doc *router = router_of(m, vsid);
	struct frame f = *in;
	uint32_t sum;

	if (!router)
		router = router_of(m, from->adapter->vsid);
	memcpy(f.b, to->b, 6);
	memcpy(f.b + 6, router->mac.b, 6);
	f.b[ETHER + 8]--;
	/* RFC 1624: HC' = ~(~HC + ~m + m'), so that a wrong checksum stays wrong */
	sum = (uint32_t)(uint16_t)~get16(f.b + ETHER + 10) + (uint16_t)~get16(in->b + ETHER + 8) +
	      get16(f.b + ETHER + 8);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(f.b + ETHER + 10, (uint16_t)~sum);
	return f;
}

void route(const struct model *m, const struct model_port *from, const struct frame *in, struct outcome *o)
{
	struct ip destination = ip4_at(in->b + ETHER + 16);
	const struct customer_route_doc *r =
		never_forwarded(&destination) ? NULL : find_route(m, from->adapter->vsid, &destination);
	const struct record_doc *to = r ? receiver(m, r, &destination) : NULL, *at, *own;
	const struct model_port *port;
	struct frame f;

	if (!r) {
		dropped(o, DP_DROP_NO_ROUTE);
		return;
	}
	if (to && is_router(to)) {
		dropped(o, is_any(&r->next_hop) ? DP_DROP_ROUTER_ADDRESS : DP_DROP_NO_NEXT_HOP_RECORD);
		return;
	}
	at = to ? machine(m, r->vsid, &to->mac) : NULL;
	own = speaker(m, from, in);
	if (!at)
		dropped(o, DP_DROP_NO_NEXT_HOP_RECORD);
	else if (!is_local(m, &at->pa) && is_rewrite(at) && own && is_rewrite(own)) /* 2.7: no VSID on the wire */
		dropped(o, DP_DROP_REWRITE_ROUTED);
	else if (in->b[ETHER + 8] <= 1)
		icmp_error(m, from, in, DP_DROP_TTL_EXCEEDED, 11, 0, 0, o);
	else {
		f = routed(m, from, r->vsid, &at->mac, in);
		port = port_of(m, r->vsid, &at->mac);
		if (!is_local(m, &at->pa))
			send_frame(m, from, at, r->vsid, &f, in, o);
		else if (port == from)
			dropped(o, DP_DROP_DESTINATION_IS_SOURCE);
		else {
			sent(o, &f);
			if (port)
				deliver(o, port, &f, true);
			else
				deliver_inner(m, from->ifindex, r->vsid, &f, o);
		}
	}
}
