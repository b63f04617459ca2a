/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_GROUP_WIRE_H
#define NESTOR_BPF_GROUP_WIRE_H

#include "ring.h"
#include "wire.h"

/* Broadcast and multicast that another host has sent (WG-7). */

/*
 * May the frame be for many, and where does the ring of ports begin? to: the multicast address that it was sent to, zero: none;
 * inner: its Ethernet header.
 */
static __noinline int group_find(__u32 vsid, const union dp_addr *to, const void *inner, const void *end, __u32 *ret_first)
{
	const struct dp_group *group = bpf_map_lookup_elem(&groups, &vsid);

	if (!inner || inner + ETH_HLEN > end || !to || !ret_first)
		return DP_DROP_INNER_TRUNCATED;
	if (!group)
		return DP_DROP_BROADCAST_OFF;
	if ((to->d[0] | to->d[1]) && !addr_equal(to, &group->pa))
		return DP_DROP_GROUP_NOT_OF_SUBNET;
	if (!mac_is_group(inner))
		return DP_DROP_GROUP_UNICAST;
	if (mac_is_reserved(inner))
		return DP_DROP_GROUP_RESERVED_MAC;
	if (ether_type(inner) == ETHERTYPE_ARP)
		return DP_DROP_GROUP_ARP;
	if (!group->first)
		return DP_DROP_GROUP_NO_PORT;
	*ret_first = group->first;
	return WIRE_OURS;
}

/* p: a frame that is for many by its inner or its outer destination; inner: its inner Ethernet header */
stage int group_accept(const void *p, const void *inner, const void *end, const struct wire *w, _Bool to_group, __u32 *ret_first)
{
	union dp_addr to = {};

	if (to_group)
		to = outer_destination(p, w);
	return group_find(w->vsid, &to, inner, end, ret_first);
}

/* A decapsulated frame to all ports of the subnet on this host, and nowhere else: whoever sent it has sent to the others. */
static __noinline int group_receive(struct __sk_buff *skb, __u32 segment, __u32 first)
{
	struct flood f = { .skb = skb, .segment = segment, .next = first };

	flood_ring(&f);
	return verdict(skb, DP_VERDICT_FLOOD, f.copies, TC_ACT_SHOT);
}

#endif
