/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_ENCAP_H
#define NESTOR_BPF_ENCAP_H

#include "flow.h"
#include "outer.h"
#include "parse.h"
#include "verdict.h"

/*
 * Around a guest's frame, and out: encap_send() for whatever frame and next hop. IPv4 in NVGRE over IPv4 is inlined where it is
 * called; the rest, which differs in offsets and flags alone, is one function.
 */

#define ENCAP_FLAGS(encap)                                                                                             \
	(ROOM_FLAGS | BPF_F_ADJ_ROOM_ENCAP_L2(ETH_HLEN) | BPF_F_ADJ_ROOM_ENCAP_L2_ETH |                                \
	 ((encap) & DP_ENCAP_IP6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4) |                      \
	 ((encap) & DP_ENCAP_VXLAN ? BPF_F_ADJ_ROOM_ENCAP_L4_UDP : BPF_F_ADJ_ROOM_ENCAP_L4_GRE))

/*
 * Room in a packet that is marked as encapsulated already. The kernel then takes it for one of the inner family still, and would
 * cut a large one in pieces by the wrong headers. It lets itself be told better when headers are taken away (Linux 6.3): so there
 * are some too many first.
 */
static __noinline long encap_grow_again(struct __sk_buff *skb, __u32 bytes, __u32 to_ip6)
{
	const __u32 too_many = 4;
	_Bool is_ip6 = skb->protocol == ETHERTYPE_IP6;

	if (is_ip6 == !!to_ip6)
		return bpf_skb_adjust_room(skb, bytes, BPF_ADJ_ROOM_MAC, ROOM_FLAGS);
	if (bpf_skb_adjust_room(skb, bytes + too_many, BPF_ADJ_ROOM_MAC, ROOM_FLAGS) != 0)
		return -1;
	return bpf_skb_adjust_room(skb, -(__s32)too_many, BPF_ADJ_ROOM_MAC,
				   ROOM_FLAGS | (is_ip6 ? ROOM_DECAP_L3_IPV4 : ROOM_DECAP_L3_IPV6));
}

/*
 * Room for the outer headers. The ENCAP flags keep large segments large. The kernel refuses them for a packet that is
 * marked as encapsulated already (a guest that forwards what came to it through a tunnel): growing it without them
 * works. It refuses any other EtherType than IP altogether: those are never segmented, so plain room will do.
 */
stage long encap_grow(struct __sk_buff *skb, _Bool is_ip, const __u32 encap)
{
	if (unlikely(!is_ip))
		return bpf_skb_change_head(skb, INNER_AT(encap), 0);
	if (likely(bpf_skb_adjust_room(skb, INNER_AT(encap), BPF_ADJ_ROOM_MAC, ENCAP_FLAGS(encap)) == 0))
		return 0;
	return encap_grow_again(skb, INNER_AT(encap), encap & DP_ENCAP_IP6);
}

/* A large segment may be longer than a field can say; segmentation writes the real lengths. */
stage __u16 outer_length(__u32 len)
{
	return len > 0xffff ? 0 : bpf_htons(len);
}

/* The provider address that a frame is sent from, of the next hop's family. */
struct source_pa {
	__u32 v4;
	const union dp_addr *v6;
};

stage struct source_pa source_of_port(const struct dp_port *port)
{
	return (struct source_pa){ port->src_pa4, &port->src_pa6 };
}

/* Sum over the header with identification 0, DF, TTL 64; the words are summed as they lie in memory (RFC 1071). */
stage __u16 outer_ip4_checksum(__u16 tot_len, __u8 protocol, __u32 saddr, __u32 daddr)
{
	__u32 sum = bpf_htons(0x4500) + IP_DF + bpf_htons(64 << 8 | protocol);

	sum += tot_len + (saddr & 0xffff) + (saddr >> 16) + (daddr & 0xffff) + (daddr >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* p: the frame's beginning; tot_len: of the outer packet */
stage void outer_ip4(void *p, __u32 saddr, const struct dp_nexthop *nh, __u32 tot_len, __u8 protocol)
{
	__u32 daddr = nh->pa.w[3];
	__u16 len = outer_length(tot_len);

	*(__u64 *)p = *(const __u64 *)nh->dst_mac;
	*(__u32 *)(p + 8) = *(const __u32 *)(nh->dst_mac + 8);
	*(__u16 *)(p + 12) = ETHERTYPE_IP4;
	*(__u16 *)(p + 14) = bpf_htons(0x4500);
	*(__u16 *)(p + 16) = len;
	*(__u32 *)(p + 18) = bpf_htonl(0x00004000);
	*(__u16 *)(p + 22) = bpf_htons(64 << 8 | protocol);
	*(__u16 *)(p + 24) = outer_ip4_checksum(len, protocol, saddr, daddr);
	*(__u32 *)(p + 26) = saddr;
	*(__u32 *)(p + 30) = daddr;
}

/* RFC 6438: the flow label is what routers and bonds spread tunnels by. */
stage void outer_ip6(void *p, const union dp_addr *saddr, const struct dp_nexthop *nh, __u32 payload_len, __u8 protocol,
		     __u32 hash)
{
	*(__u64 *)p = *(const __u64 *)nh->dst_mac;
	*(__u32 *)(p + 8) = *(const __u32 *)(nh->dst_mac + 8);
	*(__u16 *)(p + 12) = ETHERTYPE_IP6;
	*(__u32 *)(p + 14) = bpf_htonl(0x60000000 | (hash & 0xfffff));
	*(__u16 *)(p + 18) = outer_length(payload_len);
	*(__u16 *)(p + 20) = bpf_htons(protocol << 8 | 64);
	for (int i = 0; i < 4; i++) {
		*(__u32 *)(p + 22 + 4 * i) = saddr->w[i];
		*(__u32 *)(p + 38 + 4 * i) = nh->pa.w[i];
	}
}

stage void outer_gre(void *p, __u32 vsid, __u32 hash)
{
	*(__u32 *)p = bpf_htonl(GRE_FLAGS_KEY << 16 | GRE_PROTO_TEB);
	*(__u32 *)(p + 4) = bpf_htonl(vsid << 8 | hash >> 24);
}

stage __u16 vxlan_source_port(__u32 hash)
{
	return VXLAN_PORT_MIN | (hash >> 18 & VXLAN_PORT_MASK);
}

/* Without a checksum, over IPv6 too (RFC 6935, docs/decisions/0009). */
stage void outer_vxlan(void *p, __u32 vsid, __u32 hash, __u32 len)
{
	*(__u16 *)p = bpf_htons(vxlan_source_port(hash));
	*(__u16 *)(p + 2) = bpf_htons(DP_VXLAN_PORT);
	*(__u16 *)(p + 4) = outer_length(len);
	*(__u16 *)(p + 6) = 0;
	*(__u32 *)(p + 8) = bpf_htonl(VXLAN_FLAG_I << 24);
	*(__u32 *)(p + 12) = bpf_htonl(vsid << 8);
}

stage void outer_write(void *p, struct source_pa source, const struct dp_nexthop *nh, __u32 vsid, __u32 bytes, __u32 hash,
		       const __u32 encap)
{
	const __u32 l4 = OUTER_L4(encap);
	const __u8 protocol = encap & DP_ENCAP_VXLAN ? IPPROTO_UDP : IPPROTO_GRE;

	if (encap & DP_ENCAP_IP6)
		outer_ip6(p, source.v6, nh, bytes + INNER_AT(encap) - l4, protocol, hash);
	else
		outer_ip4(p, source.v4, nh, bytes + INNER_AT(encap) - OUTER_IP, protocol);
	if (encap & DP_ENCAP_VXLAN)
		outer_vxlan(p + l4, vsid, hash, bytes + INNER_AT(encap) - l4);
	else
		outer_gre(p + l4, vsid, hash);
}

/* What each segment of a large one has before its data; of a packet that does not show it, as much as it may be. */
stage __u32 segment_headers(const void *eth, const void *end)
{
	const __u8 *ip = eth + ETH_HLEN, *l4;
	_Bool is_ip6 = ether_type(eth) == ETHERTYPE_IP6;
	__u32 len = is_ip6 ? 40 : 20, other = len + 40 + 60;
	__u8 protocol;

	l4 = ip + len;
	if ((const void *)(l4 + 8) > end || (!is_ip6 && ip[0] != 0x45))
		return other;
	protocol = is_ip6 ? ip[6] : ip[9];
	if (protocol == IPPROTO_UDP)
		return len + 8;
	if (protocol != IPPROTO_TCP || (const void *)(l4 + 20) > end)
		return other;
	return len + (l4[12] >> 4) * 4;
}

/*
 * WG-5: never fragment. Of a large segment the pieces count that will be on the wire. room: largest IP packet, 0: any; eth: the
 * frame's Ethernet header, checked.
 */
stage _Bool path_fits(struct __sk_buff *skb, __u32 room, const void *eth, const void *end)
{
	if (!room || skb->len - ETH_HLEN <= room)
		return 1;
	if (!skb->gso_size)
		return 0;
	return skb->gso_size + segment_headers(eth, end) <= room;
}

/* Where the link address is not known the kernel asks for it: for IP only, and where there is a way at all. */
stage _Bool nexthop_can_send(const struct dp_nexthop *nh, _Bool is_ip)
{
	return likely(nh->flags & DP_NEXTHOP_RESOLVED) || (is_ip && nh->neigh_ifindex);
}

stage int encap_redirect(struct __sk_buff *skb, const struct dp_nexthop *nh)
{
	if (likely(nh->flags & DP_NEXTHOP_RESOLVED)) {
		trace(NEXT_HOP, trace_mac(nh->dst_mac), nh->ifindex, 0, &nh->pa);
		return verdict(skb, DP_VERDICT_SEND, nh->ifindex, bpf_redirect(nh->ifindex, 0));
	}
	trace(NEXT_HOP_ASKED, 0, nh->neigh_ifindex, 0, &nh->pa);
	return verdict(skb, DP_VERDICT_SEND_NEIGH, nh->neigh_ifindex, bpf_redirect_neigh(nh->neigh_ifindex, NULL, 0, 0));
}

/* encap: constant; inner: the frame's Ethernet header */
stage int encap_as(struct __sk_buff *skb, const struct dp_port *port, struct source_pa source, const struct dp_nexthop *nh,
		   __u32 vsid, struct ether inner, _Bool is_ip, __u32 hash, const __u32 encap)
{
	__u32 bytes = skb->len, packets = frame_packets(skb);
	void *p;

	if (unlikely(!nexthop_can_send(nh, is_ip)))
		return drop(skb, DP_DROP_NO_NEXT_HOP);
	if (unlikely(encap_grow(skb, is_ip, encap) != 0))
		return drop(skb, DP_DROP_ENCAP_FAILED);
	p = frame_data(skb);
	if (unlikely(p + INNER_AT(encap) + ETH_HLEN > frame_end(skb)))
		return drop(skb, DP_DROP_ENCAP_FAILED);
	outer_write(p, source, nh, vsid, bytes, hash, encap);
	ether_store(p + INNER_AT(encap), inner);
	if (encap == DP_ENCAP_NVGRE4)
		trace(ENCAP_NVGRE, source.v4, vsid, hash >> 24, &nh->pa);
	else if (encap == DP_ENCAP_VXLAN4)
		trace(ENCAP_VXLAN, source.v4, vsid, vxlan_source_port(hash), &nh->pa);
	else if (encap == DP_ENCAP_NVGRE6)
		trace(ENCAP_NVGRE6, 0, vsid, hash >> 24, &nh->pa);
	else
		trace(ENCAP_VXLAN6, 0, vsid, vxlan_source_port(hash), &nh->pa);
	count_sent(port, packets, bytes);
	return encap_redirect(skb, nh);
}

/* Of whatever frame; eth: its Ethernet header, checked. 0 of what is not IP. */
stage __u32 flow_hash(const void *eth, const void *end)
{
	const void *ip = eth + ETH_HLEN;

	if (ether_type(eth) == ETHERTYPE_IP4 && ip + sizeof(struct iphdr) <= end)
		return flow_hash4(ip, end);
	if (ether_type(eth) == ETHERTYPE_IP6 && ip + sizeof(struct ipv6hdr) <= end)
		return flow_hash6(ip, end);
	return 0;
}

/* source: NULL, or another provider address than the port's */
static __noinline int encap_other(struct __sk_buff *skb, const struct dp_port *port, const struct dp_nexthop *nh, __u32 vsid,
				  const union dp_addr *source)
{
	const void *eth = frame_data(skb), *end = frame_end(skb);
	struct source_pa from;
	struct ether inner;
	_Bool is_ip;
	__u32 hash;

	if (!port || !nh || eth + ETH_HLEN > end)
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	from = source ? (struct source_pa){ source->w[3], source } : source_of_port(port);
	inner = ether_load(eth);
	is_ip = inner.type == ETHERTYPE_IP4 || inner.type == ETHERTYPE_IP6;
	hash = nh->flags & DP_NEXTHOP_NO_FLOWID ? 0 : flow_hash(eth, end);
	switch (nh->encap) {
	case DP_ENCAP_NVGRE4:
		return encap_as(skb, port, from, nh, vsid, inner, is_ip, hash, DP_ENCAP_NVGRE4);
	case DP_ENCAP_VXLAN4:
		return encap_as(skb, port, from, nh, vsid, inner, is_ip, hash, DP_ENCAP_VXLAN4);
	case DP_ENCAP_NVGRE6:
		return encap_as(skb, port, from, nh, vsid, inner, is_ip, hash, DP_ENCAP_NVGRE6);
	case DP_ENCAP_VXLAN6:
		return encap_as(skb, port, from, nh, vsid, inner, is_ip, hash, DP_ENCAP_VXLAN6);
	}
	return drop(skb, DP_DROP_ENCAP_FAILED);
}

/*
 * Encapsulates and sends a frame that fits, by a next hop of a family that this host has a source address of (send_way());
 * vsid: what the wire carries; source: NULL, or another provider address than the port's; eth: the frame's Ethernet header, checked; the packet's headers are in the linear part.
 */
stage int encap_send(struct __sk_buff *skb, const struct dp_port *port, const struct dp_nexthop *nh, __u32 vsid,
		     const union dp_addr *source, const void *eth, const void *end)
{
	const struct iphdr *ip = eth + ETH_HLEN;
	struct ether inner = ether_load(eth);
	__u32 hash = 0;

	if (unlikely(nh->encap != DP_ENCAP_NVGRE4 || inner.type != ETHERTYPE_IP4 || source))
		return encap_other(skb, port, nh, vsid, source);
	if (likely(!(nh->flags & DP_NEXTHOP_NO_FLOWID)) && (const void *)(ip + 1) <= end)
		hash = flow_hash4(ip, end);
	return encap_as(skb, port, source_of_port(port), nh, vsid, inner, 1, hash, DP_ENCAP_NVGRE4);
}

#endif
