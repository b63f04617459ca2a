/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_WIRE6_H
#define NESTOR_BPF_WIRE6_H

#include "ip6.h"
#include "scratch.h"

/* IPv6 of guests from the wire; included by wire.h. */

/* As wire_source_pa(), of either family. */
stage int wire_source_pa6(const struct dp_dest *d, const union dp_addr *pa, const struct dp_port *uplink)
{
	if (d)
		trace(INNER_SOURCE, 0, 0, 0, &d->pa);
	if (likely(d && d->kind == DP_DEST_REMOTE && addr_equal(&d->pa, pa)))
		return WIRE_OURS;
	if (addr_is_v4(pa) ? pa4_is_local(uplink, pa->w[3]) : bpf_map_lookup_elem(&pas, pa) != NULL)
		return DP_DROP_OWN_PA_AS_SOURCE;
	return d ? DP_DROP_WRONG_SOURCE_PA : DP_DROP_INNER_SOURCE_UNKNOWN;
}

/* As wire_source4(). Whose MAC address has no record with IPv6 has no link-local address either (source_speaks6()). */
stage int wire_source6(const void *mac, __u32 vsid, const union dp_addr *ca, const union dp_addr *pa, const struct dp_port *uplink)
{
	const __u8 no_router[8] __attribute__((aligned(8))) = {};
	const struct dp_dest *d = dest_get(vsid, mac);
	const struct dp_ca *c;
	_Bool others, any;

	if (d && !(d->flags & DP_DEST_CA6))
		return DP_DROP_IPV6_NOT_CARRIED;
	if (d) {
		c = ca6_get(vsid, ca);
		others = c && ((c->flags & DP_CA_ROUTER) || !mac_equal(c->mac, mac));
		if (c && !others && !(c->flags & DP_CA_LOCAL) && addr_equal(&c->pa, pa))
			return WIRE_OURS;
		any = (d->flags & DP_DEST_ANY_CA6) && !(others && (d->flags & DP_DEST_L2ONLY6));
		if ((!c || others) && !any && (!addr_is_link_local(ca) || !link_local_valid(vsid, ca, mac, no_router)))
			d = NULL;
	}
	return wire_source_pa6(d, pa, uplink);
}

/* An inner IPv6 packet from a provider address; inner: its Ethernet header, with an IPv6 header behind it. */
static __noinline int wire_inner6(const void *inner, const void *end, __u32 vsid, const union dp_addr *pa,
				  const struct dp_port *uplink)
{
	struct dp_source_key *key = scratch_get();
	const struct dp_subnet *subnet;
	union dp_addr ca;
	int reason;

	if (!inner || !key || !pa || !uplink || inner + ETH_HLEN + sizeof(struct ip6) > end)
		return DP_DROP_INNER_TRUNCATED;
	ca = addr_load(inner + ETH_HLEN + offsetof(struct ip6, src));
	if (!addr_is_machine6(&ca))
		return DP_DROP_INNER_SOURCE_UNKNOWN;
	reason = wire_source6(inner + ETH_ALEN, vsid, &ca, pa, uplink);
	if (reason != DP_DROP_INNER_SOURCE_UNKNOWN || addr_is_link_local(&ca))
		return reason;
	subnet = bpf_map_lookup_elem(&subnets, &vsid);
	if (!subnet)
		return reason;
	__builtin_memcpy(key->domain, subnet->domain, sizeof(key->domain));
	key->ca = ca;
	key->pa = *pa;
	return wire_routed(key, subnet->router_mac6, inner + ETH_ALEN);
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
