/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_SEND_H
#define NESTOR_BPF_SEND_H

#include "icmp.h"
#include "nvgre.h"

/* The way to the host of a remote destination; NULL: *ret_reason says why there is none. */
stage const struct dp_nexthop *send_way(const struct dp_port *port, __u32 index, __u32 *ret_reason)
{
	const struct dp_nexthop *nh = bpf_map_lookup_elem(&nexthops, &index);

	*ret_reason = DP_DROP_NO_NEXT_HOP;
	if (unlikely(!nh || !(nh->flags & DP_NEXTHOP_PRESENT)))
		return NULL;
	*ret_reason = port->src_pa.w[3] ? DP_DROP_PA_FAMILY : DP_DROP_NO_SOURCE_PA;
	if (unlikely(!addr_is_v4(&port->src_pa)))
		return NULL;
	*ret_reason = DP_DROP_PA_FAMILY;
	return likely(addr_is_v4(&nh->pa)) ? nh : NULL;
}

/* WG-5: the guest that asked for it (DF) is told what fits; nothing is ever fragmented. */
stage int send_too_big(struct __sk_buff *skb, const struct dp_port *port, const struct dp_nexthop *nh, const void *eth,
		       const void *end)
{
	const struct iphdr *ip = eth + ETH_HLEN;

	if (ether_type(eth) != ETHERTYPE_IP4 || (const void *)(ip + 1) > end || !(ip->frag_off & IP_DF))
		return drop(skb, DP_DROP_TOO_BIG);
	return icmp_answer(skb, port, DP_DROP_TOO_BIG, ICMP_DEST_UNREACH << 8 | ICMP_FRAG_NEEDED, nh->mtu);
}

/* To another host, within the virtual subnet. */
stage int send(struct __sk_buff *skb, const struct dp_port *port, const struct dp_dest *dest, const void *eth,
	       const void *end)
{
	const struct dp_nexthop *nh;
	__u32 reason;

	nh = send_way(port, dest->target, &reason);
	if (unlikely(!nh))
		return drop(skb, reason);
	if (unlikely(!nvgre_fits(skb, nh, eth + ETH_HLEN, end)))
		return send_too_big(skb, port, nh, eth, end);
	return nvgre_send(skb, port, nh, port->vsid, eth, end);
}

#endif
