/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_WIRE6_H
#define NESTOR_BPF_WIRE6_H

#include "ip6.h"

/* IPv6 of guests from the wire; included by wire.h, which has the types. */

/* As wire_source4(). Whose MAC address has no record with IPv6 has no link-local address either (source_speaks6()). */
stage int wire_source6(const void *inner, const union dp_addr *ca, const struct wire *w, const struct dp_port *uplink)
{
	const __u8 no_router[8] __attribute__((aligned(8))) = {};
	const struct dp_dest *d = dest_get(w->vsid, inner + ETH_ALEN);
	const struct dp_ca *c;

	if (d && !(d->flags & DP_DEST_CA6))
		return DP_DROP_IPV6_NOT_CARRIED;
	if (d && !(d->flags & DP_DEST_ANY_CA6)) {
		c = ca6_get(w->vsid, ca);
		if (c ? (c->flags & DP_CA_ROUTER) || !mac_equal(c->mac, inner + ETH_ALEN)
		      : !addr_is_link_local(ca) || !link_local_valid(w->vsid, ca, inner + ETH_ALEN, no_router))
			d = NULL;
	}
	return wire_source_pa(d, w, uplink);
}

/* As wire_routed4(). */
stage int wire_routed6(const void *inner, const union dp_addr *ca, const struct wire *w)
{
	__u32 vsid = w->vsid;
	const struct dp_subnet *subnet = bpf_map_lookup_elem(&subnets, &vsid);
	struct dp_source_key key = {};

	if (!subnet || addr_is_link_local(ca))
		return DP_DROP_INNER_SOURCE_UNKNOWN;
	__builtin_memcpy(key.domain, subnet->domain, sizeof(key.domain));
	key.ca = *ca;
	wire_source_key(&key, w);
	return wire_routed(&key, subnet->router_mac6, inner + ETH_ALEN);
}

/* inner: the frame's Ethernet header */
static __noinline int wire_inner6(const void *inner, const void *end, const struct wire *w, const struct dp_port *uplink)
{
	const void *ip = inner + ETH_HLEN;
	union dp_addr src;
	__u32 length;
	int reason;

	if (!inner || !w || !uplink || ip + sizeof(struct ip6) > end)
		return DP_DROP_INNER_TRUNCATED;
	length = sizeof(struct ip6) + bpf_ntohs(*(const __u16 *)(ip + offsetof(struct ip6, payload_len)));
	if (w->inner_len && ETH_HLEN + length > w->inner_len)
		return DP_DROP_INNER_TRUNCATED;
	src = addr_load(ip + offsetof(struct ip6, src));
	if (!addr_is_machine6(&src))
		return DP_DROP_INNER_SOURCE_UNKNOWN;
	reason = wire_source6(inner, &src, w, uplink);
	return reason == DP_DROP_INNER_SOURCE_UNKNOWN ? wire_routed6(inner, &src, w) : reason;
}

/* A packet that plainly is no neighbour discovery: what else may be, the TC program finds out. ip: of a frame that is good. */
stage _Bool wire_is_plain6(const __u8 *ip, const void *end)
{
	__u8 next;

	if ((const void *)(ip + sizeof(struct ip6) + 1) > end)
		return 0;
	next = ip[offsetof(struct ip6, next)];
	return next == IPPROTO_TCP || next == IPPROTO_UDP ||
	       (next == IPPROTO_ICMPV6 && !icmp6_is_local(ip[sizeof(struct ip6)]));
}

#endif
