/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_NVGRE_H
#define NESTOR_BPF_NVGRE_H

#include "flow.h"
#include "parse.h"
#include "verdict.h"

/*
 * NVGRE over IPv4, RFC 7637. On the wire, and at the same offsets in this file:
 *   0 outer Ethernet, 14 IPv4, 34 GRE (flags, protocol), 38 key (VSID << 8 | FlowID), 42 inner Ethernet,
 *   56 inner packet
 */
#define NVGRE_IP 14
#define NVGRE_GRE 34
#define NVGRE_INNER 42
#define NVGRE_PAYLOAD 56
#define NVGRE_GROWTH (NVGRE_PAYLOAD - ETH_HLEN)
_Static_assert(NVGRE_GROWTH == DP_NVGRE4_OVERHEAD, "WG-5");

#define GRE_FLAGS_KEY 0x2000 /* K alone, version 0 (WG-1) */
#define GRE_FLAG_K 0x2000
#define GRE_VERSION_MASK 0x0007
#define GRE_PROTO_TEB 0x6558

#define ENCAP_FLAGS                                                                                                    \
	(BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 |                      \
	 BPF_F_ADJ_ROOM_ENCAP_L4_GRE | BPF_F_ADJ_ROOM_ENCAP_L2(ETH_HLEN) | BPF_F_ADJ_ROOM_ENCAP_L2_ETH)
#define PLAIN_FLAGS (BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET)

/*
 * Room for the outer headers. The ENCAP flags keep large segments large. The kernel refuses them for a packet that is
 * marked as encapsulated already (a guest that forwards what came to it through a tunnel): growing it without them
 * works. It refuses any other EtherType than IP altogether: those are never segmented, so plain room will do.
 */
stage long nvgre_grow(struct __sk_buff *skb, _Bool is_ip)
{
	if (unlikely(!is_ip))
		return bpf_skb_change_head(skb, NVGRE_GROWTH, 0);
	if (likely(bpf_skb_adjust_room(skb, NVGRE_GROWTH, BPF_ADJ_ROOM_MAC, ENCAP_FLAGS) == 0))
		return 0;
	return bpf_skb_adjust_room(skb, NVGRE_GROWTH, BPF_ADJ_ROOM_MAC, PLAIN_FLAGS);
}

/* Sum over the header with identification 0, DF, TTL 64; the words are summed as they lie in memory (RFC 1071). */
stage __u16 nvgre_ip_checksum(__u16 tot_len, __u32 saddr, __u32 daddr)
{
	__u32 sum = bpf_htons(0x4500) + IP_DF + bpf_htons(64 << 8 | IPPROTO_GRE);

	sum += tot_len + (saddr & 0xffff) + (saddr >> 16) + (daddr & 0xffff) + (daddr >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

stage void nvgre_write(void *p, const struct dp_port *port, const struct dp_nexthop *nh, __u32 vsid, __u32 tot_len,
		       __u8 flow_id)
{
	__u32 saddr = port->src_pa.w[3], daddr = nh->pa.w[3];
	/* A large segment may be longer than the field can say; segmentation writes the real lengths. */
	__u16 len = tot_len > 0xffff ? 0 : bpf_htons(tot_len);

	*(__u64 *)p = *(const __u64 *)nh->dst_mac;
	*(__u32 *)(p + 8) = *(const __u32 *)(nh->dst_mac + 8);
	*(__u16 *)(p + 12) = ETHERTYPE_IP4;
	*(__u16 *)(p + 14) = bpf_htons(0x4500);
	*(__u16 *)(p + 16) = len;
	*(__u32 *)(p + 18) = bpf_htonl(0x00004000);
	*(__u16 *)(p + 22) = bpf_htons(64 << 8 | IPPROTO_GRE);
	*(__u16 *)(p + 24) = nvgre_ip_checksum(len, saddr, daddr);
	*(__u32 *)(p + 26) = saddr;
	*(__u32 *)(p + 30) = daddr;
	*(__u32 *)(p + NVGRE_GRE) = bpf_htonl(GRE_FLAGS_KEY << 16 | GRE_PROTO_TEB);
	*(__u32 *)(p + 38) = bpf_htonl(vsid << 8 | flow_id);
}

/* WG-5: never fragment. Of a large segment the pieces count that will be on the wire. */
stage _Bool path_fits(struct __sk_buff *skb, __u32 room, const struct iphdr *ip, const void *end)
{
	__u32 headers = 60 + 60;

	if (!room || skb->len - ETH_HLEN <= room)
		return 1;
	if (!skb->gso_size)
		return 0;
	if ((const void *)(ip + 1) <= end && ip->ihl == 5) {
		const __u8 *l4 = (const void *)(ip + 1);

		if (ip->protocol == IPPROTO_UDP)
			headers = 20 + 8;
		else if (ip->protocol == IPPROTO_TCP && (const void *)(l4 + 20) <= end)
			headers = 20 + (l4[12] >> 4) * 4;
	}
	return skb->gso_size + headers <= room;
}

stage int nvgre_redirect(struct __sk_buff *skb, const struct dp_nexthop *nh)
{
	if (likely(nh->flags & DP_NEXTHOP_RESOLVED)) {
		trace(NEXT_HOP, trace_mac(nh->dst_mac), nh->ifindex, 0, &nh->pa);
		return verdict(skb, DP_VERDICT_SEND, nh->ifindex, bpf_redirect(nh->ifindex, 0));
	}
	trace(NEXT_HOP_ASKED, 0, nh->neigh_ifindex, 0, &nh->pa);
	return verdict(skb, DP_VERDICT_SEND_NEIGH, nh->neigh_ifindex, bpf_redirect_neigh(nh->neigh_ifindex, NULL, 0, 0));
}

/*
 * Encapsulates and sends a frame that fits; vsid: what the wire carries; eth: the frame's Ethernet header, checked; the
 * packet's headers are in the linear part.
 */
stage int nvgre_send(struct __sk_buff *skb, const struct dp_port *port, const struct dp_nexthop *nh, __u32 vsid,
		     const void *eth, const void *end)
{
	__u32 bytes = skb->len, packets = frame_packets(skb);
	const struct iphdr *ip = eth + ETH_HLEN;
	struct ether inner = ether_load(eth);
	_Bool is_ip4 = inner.type == ETHERTYPE_IP4;
	__u8 flow_id = 0;
	void *p;

	if (likely(is_ip4 && !(nh->flags & DP_NEXTHOP_NO_FLOWID)) && (const void *)(ip + 1) <= end)
		flow_id = flow_id_ip4(ip, end);
	/* the kernel resolves for IP only */
	if (unlikely(!is_ip4 && !(nh->flags & DP_NEXTHOP_RESOLVED)))
		return drop(skb, DP_DROP_NO_NEXT_HOP);
	if (unlikely(nvgre_grow(skb, is_ip4) != 0))
		return drop(skb, DP_DROP_ENCAP_FAILED);
	p = frame_data(skb);
	if (unlikely(p + NVGRE_PAYLOAD > frame_end(skb)))
		return drop(skb, DP_DROP_ENCAP_FAILED);
	nvgre_write(p, port, nh, vsid, bytes + NVGRE_GROWTH - ETH_HLEN, flow_id);
	ether_store(p + NVGRE_INNER, inner);
	trace(ENCAP_NVGRE, port->src_pa.w[3], vsid, flow_id, &nh->pa);
	count_sent(port, packets, bytes);
	return nvgre_redirect(skb, nh);
}

#endif
