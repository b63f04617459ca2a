/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_ROUTE_H
#define NESTOR_BPF_ROUTE_H

#include "deliver.h"
#include "icmp.h"
#include "icmp6.h"
#include "send.h"

/*
 * The distributed router (section 2.5, outbound step 3): a frame to the MAC of the virtual subnet's gateway record is routed
 * within its routing domain, here, at the sender's port. All of it is off the way of frames that stay in their subnet: a
 * router's MAC is nobody's destination entry.
 */

/* What the router looks at, of either family. */
struct routed {
	union dp_addr daddr;
	__u8 ttl;
	_Bool is_ip6;
};

#define PREFIX4_BITS 96 /* of an IPv4 prefix, before it */

/*
 * Longest prefix, then lowest metric (HN-9); among equals the sender's subnet may have a choice of its own. Both families are in
 * one table, and a short prefix of IPv6 covers where IPv4 is: it is none for IPv4.
 */
stage const struct dp_route *route_lookup(const struct dp_port *port, const struct routed *p)
{
	struct dp_route_key key = { .prefixlen = DP_ROUTE_KEY_BITS + 128 };
	const struct dp_route *r, *own;

	__builtin_memcpy(key.domain, port->domain, sizeof(key.domain));
	key.ca = p->daddr;
	r = bpf_map_lookup_elem(&routes, &key);
	if (unlikely(!r || (!p->is_ip6 && r->prefixlen < PREFIX4_BITS)))
		return NULL;
	if (likely(!(r->flags & DP_ROUTE_OWN))) {
		trace(ROUTE, r->prefixlen, r->vsid, 0, &p->daddr);
		return r;
	}
	key.vsid = port->vsid;
	own = bpf_map_lookup_elem(&routes, &key);
	r = own && own->prefixlen == r->prefixlen ? own : r;
	trace(ROUTE, r->prefixlen, r->vsid, 0, &p->daddr);
	return r;
}

/* "This" network, loopback, multicast, reserved and broadcast: never forwarded (RFC 1812 4.2.2.11, 5.3.7). */
stage _Bool route_never4(__u32 daddr)
{
	__u8 first = *(const __u8 *)&daddr;

	return first == 0 || first == 127 || first >= 224;
}

/* Nor unspecified, loopback, multicast, and what has IPv4 in it or a narrower scope (RFC 4291 2.5). */
stage _Bool route_never6(const union dp_addr *a)
{
	return !addr_is_machine6(a) || addr_is_link_local(a) || (!a->d[0] && !a->w[2] && a->w[3] == bpf_htonl(1));
}

/* The entry of the machine that gets the packet, and its MAC; NULL: *ret_reason */
stage const struct dp_dest *route_dest(const struct dp_route *r, const struct routed *p, __u8 *ret_mac, __u32 *ret_reason)
{
	const struct dp_ca *ca = r->flags & DP_ROUTE_ONLINK ? ca_get(r->vsid, &p->daddr) : NULL;

	*ret_reason = DP_DROP_ROUTER_ADDRESS;
	if (ca && ca->flags & DP_CA_ROUTER)
		return NULL;
	*ret_reason = DP_DROP_NO_NEXT_HOP_RECORD;
	mac_copy(ret_mac, ca ? ca->mac : r->mac);
	if (mac_is_zero(ret_mac))
		return NULL;
	if (ca)
		trace(ROUTE_RECORD, trace_mac(ret_mac), r->vsid, 0, &p->daddr);
	else
		trace(ROUTE_NEXT_HOP, trace_mac(ret_mac));
	return dest_get(r->vsid, ret_mac);
}

/*
 * Where the way to an address is kept, or will be. A program that traces has its own place: it may be run on made packets while
 * real ones come. *ret_generation: of the tables, read before they are; 0: nothing that is kept is worth anything.
 */
stage struct dp_way *way_slot(struct __sk_buff *skb, const struct routed *p, __u64 *ret_generation)
{
	const struct dp_config *c;
	__u32 index = 0;

	*ret_generation = 0;
	if (TRACING)
		return scratch_get();
	c = bpf_map_lookup_elem(&config, &index);
	if (c)
		*ret_generation = c->generation;
	index = flow_mix(p->daddr.w[3] ^ skb->ifindex << 16) & (DP_WAYS - 1);
	return bpf_map_lookup_elem(&ways, &index);
}

SCRATCH_FITS(struct dp_way);

stage _Bool way_is_known(const struct dp_way *way, struct __sk_buff *skb, const struct routed *p, __u64 generation)
{
	return generation && way->generation == generation && way->ifindex == skb->ifindex && addr_equal(&way->ca, &p->daddr);
}

/* Asks the tables. 0, or why there is no way. */
stage __u32 way_find(struct dp_way *way, struct __sk_buff *skb, const struct dp_port *port, const struct routed *p,
		     __u64 generation)
{
	const struct dp_route *r = route_lookup(port, p);
	const struct dp_dest *dest;
	__u32 reason;

	if (unlikely(!r))
		return DP_DROP_NO_ROUTE;
	way->generation = 0;
	dest = route_dest(r, p, way->mac, &reason);
	if (unlikely(!dest))
		return reason;
	/* The receiver would take what is encapsulated between two such addresses for what a guest sends. */
	if (unlikely(dest->kind == DP_DEST_REMOTE && rewrite_both(skb, port, dest)))
		return DP_DROP_REWRITE_ROUTED;
	way->ifindex = skb->ifindex;
	way->vsid = r->vsid;
	way->ca = p->daddr;
	way->target = dest->target;
	way->kind = dest->kind;
	mac_copy(way->router_mac, !mac_is_zero(r->router_mac) ? r->router_mac : p->is_ip6 ? port->router_mac6 : port->router_mac);
	/* with IP rewrite it is a matter of the sender's address, too */
	if (likely(!(dest->flags & DP_DEST_REWRITE)))
		way->generation = generation;
	return 0;
}

/* The checksum by difference (RFC 1624): one that was wrong stays wrong. */
stage void route_age4(struct iphdr *ip)
{
	__u32 sum = (__u16)~ip->check + (__u16)~bpf_htons(0x0100);

	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = ~sum;
	ip->ttl--;
}

/* TTL and MACs. */
stage int route_rewrite(struct __sk_buff *skb, const struct dp_way *way, const struct routed *p)
{
	void *eth = frame_data(skb);
	struct iphdr *ip = eth + ETH_HLEN;
	__u8 *hop_limit = eth + ETH_HLEN + offsetof(struct ip6, hop_limit);

	if ((void *)(ip + 1) > frame_end(skb))
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	if (p->is_ip6)
		--*hop_limit;
	else
		route_age4(ip);
	mac_copy(eth, way->mac);
	mac_copy(eth + ETH_ALEN, way->router_mac);
	trace(ROUTED, trace_mac(eth + ETH_ALEN), trace_mac(eth), p->ttl - 1);
	return NEXT;
}

stage int route_deliver(struct __sk_buff *skb, const struct dp_port *port, const struct dp_way *way, const struct routed *p)
{
	int action;

	if (unlikely(way->target == skb->ifindex))
		return drop(skb, DP_DROP_DESTINATION_IS_SOURCE);
	action = route_rewrite(skb, way, p);
	if (action != NEXT)
		return action;
	count_sent(port, frame_packets(skb), skb->len);
	return deliver(skb, way->vsid, way->target, way->mac, 1);
}

stage int route_send(struct __sk_buff *skb, const struct dp_port *port, const struct dp_way *way, const struct routed *p)
{
	const void *eth = frame_data(skb), *end = frame_end(skb);
	const union dp_addr *source;
	const struct dp_nexthop *nh;
	__u32 reason;
	int action;

	nh = send_way_from(skb, port, way->target, &source, &reason);
	if (unlikely(!nh))
		return drop(skb, reason);
	if (eth + ETH_HLEN > end)
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	if (unlikely(!path_fits(skb, nh->mtu, eth, end)))
		return too_big(skb, port, nh->mtu, eth, end);
	action = route_rewrite(skb, way, p);
	if (action != NEXT)
		return action;
	eth = frame_data(skb), end = frame_end(skb);
	if (eth + ETH_HLEN > end)
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	return encap_send(skb, port, nh, way->vsid, source, eth, end);
}

/* Is it for the router at all, and may it be routed? NEXT, with what there is to know of it. */
stage int route_parse(struct __sk_buff *skb, const struct dp_port *port, struct routed *ret)
{
	const void *eth = frame_data(skb), *end = frame_end(skb), *packet = eth + ETH_HLEN;
	const struct iphdr *ip = packet;
	union dp_addr src;

	if (likely(packet + sizeof(*ip) <= end && ether_type(eth) == ETHERTYPE_IP4 && !mac_is_zero(port->router_mac) &&
		   mac_equal(eth, port->router_mac))) {
		trace(DEST_ROUTER, trace_mac(port->router_mac));
		*ret = (struct routed){ .daddr.w = { 0, 0, ADDR4_PREFIX, ip->daddr }, .ttl = ip->ttl };
		return route_never4(ip->daddr) ? drop(skb, DP_DROP_NO_ROUTE) : NEXT;
	}
	if (packet + sizeof(struct ip6) > end || ether_type(eth) != ETHERTYPE_IP6 || mac_is_zero(port->router_mac6) ||
	    !mac_equal(eth, port->router_mac6))
		return drop(skb, DP_DROP_DESTINATION_NOT_IN_POLICY);
	trace(DEST_ROUTER, trace_mac(port->router_mac6));
	src = addr_load(packet + offsetof(struct ip6, src));
	*ret = (struct routed){ .daddr = addr_load(packet + offsetof(struct ip6, dst)),
				.ttl = ((const __u8 *)packet)[offsetof(struct ip6, hop_limit)], .is_ip6 = 1 };
	if (addr_is_link_local(&src) || addr_is_link_local(&ret->daddr))
		return drop(skb, DP_DROP_ROUTED_LINK_LOCAL);
	return route_never6(&ret->daddr) ? drop(skb, DP_DROP_NO_ROUTE) : NEXT;
}

/* A frame whose destination MAC is nobody's in its virtual subnet. */
static __noinline int route(struct __sk_buff *skb, const struct dp_port *port)
{
	struct dp_way *way;
	__u64 generation;
	struct routed p = {};
	__u32 reason;
	int action;

	if (!port)
		return drop(skb, DP_DROP_DESTINATION_NOT_IN_POLICY);
	action = route_parse(skb, port, &p);
	if (action != NEXT)
		return action;
	way = way_slot(skb, &p, &generation);
	if (!way)
		return drop(skb, DP_DROP_NO_ROUTE);
	reason = likely(way_is_known(way, skb, &p, generation)) ? 0 : way_find(way, skb, port, &p, generation);
	if (unlikely(reason))
		return drop(skb, reason);
	if (unlikely(p.ttl <= 1 && p.is_ip6))
		return icmp6_answer(skb, port, DP_DROP_TTL_EXCEEDED, ICMP6_TIME_EXCEEDED << 8, 0);
	if (unlikely(p.ttl <= 1))
		return icmp_answer(skb, port, DP_DROP_TTL_EXCEEDED, ICMP_TIME_EXCEEDED << 8, 0);
	return way->kind == DP_DEST_REMOTE ? route_send(skb, port, way, &p) : route_deliver(skb, port, way, &p);
}

#endif
