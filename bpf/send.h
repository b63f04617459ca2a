/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_SEND_H
#define NESTOR_BPF_SEND_H

#include "encap.h"
#include "icmp.h"
#include "rewrite6_send.h"

/*
 * The way to the host of a remote destination; NULL: *ret_reason says why there is none. Source and destination provider address
 * are of one family (WG-8): the record of the destination chooses, and the port must have a record with one of that family.
 */
stage const struct dp_nexthop *send_way(const struct dp_port *port, __u32 index, __u32 *ret_reason)
{
	const struct dp_nexthop *nh = bpf_map_lookup_elem(&nexthops, &index);
	_Bool has4 = port->src_pa4, has6;

	*ret_reason = DP_DROP_NO_NEXT_HOP;
	if (unlikely(!nh || !(nh->flags & DP_NEXTHOP_PRESENT)))
		return NULL;
	if (likely(!(nh->encap & DP_ENCAP_IP6) && has4))
		return nh;
	has6 = !addr_is_zero(&port->src_pa6);
	*ret_reason = has4 || has6 ? DP_DROP_PA_FAMILY : DP_DROP_NO_SOURCE_PA;
	return (nh->encap & DP_ENCAP_IP6) && has6 ? nh : NULL;
}

/* The same from whatever provider address is right for the frame. *ret_source: NULL, or it, where it is not the port's. */
stage const struct dp_nexthop *send_way_from(struct __sk_buff *skb, const struct dp_port *port, __u32 index,
					     const union dp_addr **ret_source, __u32 *ret_reason)
{
	const struct dp_nexthop *nh;
	const struct dp_dest *inner;
	const struct dp_ca *ca;

	*ret_source = NULL;
	if (unlikely(port->flags & DP_PORT_MORE_PA)) {
		ca = source_of_record(skb, port);
		inner = ca ? NULL : source_of_inner(skb, port);
		*ret_source = ca ? &ca->pa : inner ? &inner->pa : NULL;
	}
	if (likely(!*ret_source))
		return send_way(port, index, ret_reason);
	nh = bpf_map_lookup_elem(&nexthops, &index);
	*ret_reason = DP_DROP_NO_NEXT_HOP;
	if (!nh || !(nh->flags & DP_NEXTHOP_PRESENT))
		return NULL;
	*ret_reason = DP_DROP_PA_FAMILY;
	return addr_is_v4(*ret_source) == !(nh->encap & DP_ENCAP_IP6) ? nh : NULL;
}

/* To another host, within the virtual subnet. */
stage int send(struct __sk_buff *skb, const struct dp_port *port, const struct dp_dest *dest, const void *eth,
	       const void *end)
{
	const union dp_addr *source;
	const struct dp_nexthop *nh;
	__u32 reason;
	int action;

	if (unlikely((dest->flags & (DP_DEST_REWRITE | DP_DEST_REWRITE_MORE)) && ether_type(eth) == ETHERTYPE_IP6)) {
		action = rewrite6_send(skb, port, dest);
		if (action != NEXT)
			return action;
		eth = frame_data(skb), end = frame_end(skb);
		if (eth + ETH_HLEN > end)
			return drop(skb, DP_DROP_FRAME_TRUNCATED);
	} else if ((dest->flags & (DP_DEST_REWRITE | DP_DEST_REWRITE_MORE)) &&
		   rewrite_send(skb, port, dest, eth, end, &action)) {
		return action;
	}
	nh = send_way_from(skb, port, dest->target, &source, &reason);
	if (unlikely(!nh))
		return drop(skb, reason);
	if (unlikely(!path_fits(skb, nh->mtu, eth, end)))
		return too_big(skb, port, nh->mtu, eth, end);
	return encap_send(skb, port, nh, port->vsid, source, eth, end);
}

#endif
