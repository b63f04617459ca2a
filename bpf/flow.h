/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_FLOW_H
#define NESTOR_BPF_FLOW_H

#include <linux/ipv6.h>

#include "common.h"

#define IP_DF bpf_htons(0x4000)
#define IP_FRAGMENT bpf_htons(0x3fff) /* more fragments, or an offset */
#define IP_OFFSET bpf_htons(0x1fff)

stage __u32 flow_mix(__u32 h)
{
	/* the finisher of MurmurHash3: every input bit reaches the top byte */
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	return h ^ h >> 16;
}

/*
 * Hash of an IPv4 packet: the same for all packets of a flow, spread over flows. FlowID (WG-2) and VXLAN's source port are
 * bits of it. Of fragments, and of packets with options, only addresses and protocol count: the later fragments of a flow
 * have no ports. bpf_get_hash_recalc would dissect the whole packet for the same few bits.
 */
stage __u32 flow_hash4(const struct iphdr *ip, const void *end)
{
	const __u32 *ports = (const void *)(ip + 1);
	__u32 h = ip->saddr * 0x9e3779b1 ^ (ip->daddr << 15 | ip->daddr >> 17) ^ ip->protocol;

	if (ip->ihl == 5 && !(ip->frag_off & IP_FRAGMENT) && (const void *)(ports + 1) <= end &&
	    (ip->protocol == IPPROTO_TCP || ip->protocol == IPPROTO_UDP || ip->protocol == IPPROTO_SCTP))
		h ^= *ports * 0x85ebca77;
	return flow_mix(h);
}

/* Of an IPv6 packet. Without the flow label, which a sender may change within a flow; ports only right behind the header. */
stage __u32 flow_hash6(const struct ipv6hdr *ip, const void *end)
{
	const __u32 *ports = (const void *)(ip + 1), *addresses = (const void *)&ip->saddr;
	__u32 h = ip->nexthdr;

	for (int i = 0; i < 8; i++)
		h = (h << 15 | h >> 17) ^ addresses[i] * 0x9e3779b1;
	if ((const void *)(ports + 1) <= end &&
	    (ip->nexthdr == IPPROTO_TCP || ip->nexthdr == IPPROTO_UDP || ip->nexthdr == IPPROTO_SCTP))
		h ^= *ports * 0x85ebca77;
	return flow_mix(h);
}

#endif
