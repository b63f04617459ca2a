/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_REWRITE6_SEND_H
#define NESTOR_BPF_REWRITE6_SEND_H

#include "rewrite6.h"

/* IP rewrite of IPv6 from a guest. */

/* The record of IP rewrite that the address is of in the virtual subnet, at this MAC address; NULL: there is none. */
stage const struct dp_ca *rewrite6_record(__u32 segment, const union dp_addr *ca, const __u8 *mac)
{
	const struct dp_ca *c = ca6_get(segment, ca);
	const __u16 *a = (const void *)mac, *b;

	if (!c || !(c->flags & DP_CA_REWRITE))
		return NULL;
	b = (const void *)c->mac;
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] ? c : NULL;
}

/* The way to the other host, whose provider address the destination becomes; NULL: it is not to be rewritten. */
stage const struct dp_nexthop *rewrite6_way(const struct dp_port *port, struct rewrite6 *a, const struct ethhdr *eth, _Bool *ret_vm_mac)
{
	const struct dp_ca *from = rewrite6_record(port->segment, &a->src, eth->h_source);
	const struct dp_ca *to = rewrite6_record(port->segment, &a->dst, eth->h_dest);
	const struct dp_rewrite *r;
	__u32 index;

	if (!from || !(from->flags & DP_CA_LOCAL) || !to)
		return NULL;
	a->new_src = from->pa;
	a->new_dst = to->pa;
	*ret_vm_mac = from->flags & DP_CA_REWRITE_VM_MAC;
	r = bpf_map_lookup_elem(&rewrites, &a->new_dst);
	if (!r || (r->flags & DP_REWRITE_LOCAL))
		return NULL;
	index = r->target;
	return bpf_map_lookup_elem(&nexthops, &index);
}

stage int rewrite6_out(struct __sk_buff *skb, const struct dp_port *port, const struct dp_nexthop *nh, struct rewrite6 *a,
		       struct ethhdr *eth, _Bool vm_mac)
{
	__u32 room = nh->mtu ? nh->mtu + DP_ENCAP_OVERHEAD(DP_ENCAP_NVGRE6) : 0, packets = frame_packets(skb), bytes = skb->len;
	const void *p = frame_data(skb), *end = frame_end(skb);

	if (!(nh->flags & DP_NEXTHOP_PRESENT) || !nexthop_can_send(nh, 1))
		return drop(skb, DP_DROP_NO_NEXT_HOP);
	if (!(nh->encap & DP_ENCAP_IP6))
		return drop(skb, DP_DROP_PA_FAMILY);
	if (p + ETH_HLEN > end)
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	if (!path_fits(skb, room, p, end))
		return too_big(skb, port, room, p, end);
	__builtin_memcpy(eth->h_dest, nh->dst_mac, ETH_ALEN);
	if (!vm_mac)
		__builtin_memcpy(eth->h_source, nh->src_mac, ETH_ALEN);
	if (!rewrite6(skb, a, eth))
		return drop(skb, DP_DROP_REWRITE_FAILED);
	trace(REWRITE_OUT6, 0, 0, 0, &nh->pa);
	count_sent(port, packets, bytes);
	return encap_redirect(skb, nh);
}

/* To a machine on another host some of whose records are of IP rewrite. NEXT: it is to be encapsulated, and nothing has moved. */
static __noinline int rewrite6_send(struct __sk_buff *skb, const struct dp_port *port, const struct dp_dest *dest)
{
	struct rewrite6 *a = scratch_get();
	const struct dp_nexthop *nh;
	const struct dp_ca *from;
	_Bool vm_mac = 0;
	struct ethhdr eth;

	if (!port || !dest || !a || bpf_skb_load_bytes(skb, 0, &eth, ETH_HLEN) != 0 || !rewrite6_load(skb, a))
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	nh = rewrite6_way(port, a, &eth, &vm_mac);
	if (nh)
		return rewrite6_out(skb, port, nh, a, &eth, vm_mac);
	/* it may have a provider address of encapsulation of its own, beside that of another address of the machine */
	from = ca6_get(port->segment, &a->src);
	if (from && (port->flags & DP_PORT_MORE_PA) && (from->flags & (DP_CA_LOCAL | DP_CA_REWRITE)) == DP_CA_LOCAL)
		return NEXT;
	return rewrite_both(skb, port, dest) ? drop(skb, DP_DROP_REWRITE_NO_ADDRESS) : NEXT;
}

#endif
