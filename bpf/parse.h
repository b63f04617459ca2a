/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_PARSE_H
#define NESTOR_BPF_PARSE_H

#include "common.h"

#define ETHERTYPE_IP4 bpf_htons(ETH_P_IP)
#define ETHERTYPE_IP6 bpf_htons(ETH_P_IPV6)
#define ETHERTYPE_ARP bpf_htons(ETH_P_ARP)

/* The Ethernet header in registers: it is read once, and survives that the packet moves. */
struct ether {
	__u64 head;		/* destination, first two bytes of source */
	__u32 tail;		/* the rest of source */
	__u16 type;		/* network order */
};

struct arp4 {
	__u16 htype, ptype;
	__u8 hlen, plen;
	__u16 op;
	__u8 sha[6], spa[4], tha[6], tpa[4];
};

/* The first n bytes in one piece: true when the frame has them; packet pointers are stale then. */
stage _Bool frame_linear(struct __sk_buff *skb, __u32 n)
{
	if (likely(frame_data(skb) + n <= frame_end(skb)))
		return 1;
	return skb->len >= n && bpf_skb_pull_data(skb, n) == 0;
}

stage __u16 ether_type(const void *eth)
{
	return *(const __u16 *)(eth + 12);
}

stage struct ether ether_load(const void *eth)
{
	return (struct ether) {
		.head = *(const __u64 *)eth, .tail = *(const __u32 *)(eth + 8), .type = ether_type(eth),
	};
}

stage void ether_store(void *eth, struct ether e)
{
	*(__u64 *)eth = e.head;
	*(__u32 *)(eth + 8) = e.tail;
	*(__u16 *)(eth + 12) = e.type;
}

stage _Bool ethertype_is_tag(__u16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD) || type == bpf_htons(ETH_P_QINQ1);
}

stage __u32 arp_spa(const struct arp4 *arp)
{
	return *(const __u32 *)arp->spa;
}

stage __u32 arp_tpa(const struct arp4 *arp)
{
	return *(const __u32 *)arp->tpa;
}

stage _Bool arp_is_ip4(const struct arp4 *arp)
{
	return arp->htype == bpf_htons(1) && arp->ptype == ETHERTYPE_IP4 && arp->hlen == 6 && arp->plen == 4;
}

#endif
