/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_ICMP_H
#define NESTOR_BPF_ICMP_H

#include "flow.h"
#include "icmp6.h"
#include "parse.h"
#include "verdict.h"

/*
 * What a guest is told about a packet of its own that cannot go on: ICMP over IPv4, made of that packet in place. One
 * answer for a packet, nothing kept.
 */
#define ICMP_ECHOREPLY 0 /* types and codes by hand: <linux/icmp.h> wants the C library */
#define ICMP_DEST_UNREACH 3
#define ICMP_FRAG_NEEDED 4
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMP_QUOTE (20 + 8) /* IPv4 header and the eight bytes that RFC 792 asks for */

struct icmp_answer {
	struct iphdr ip;
	__u8 type, code;
	__u16 checksum;
	__u16 unused, mtu;
	__u8 quote[ICMP_QUOTE];
};
_Static_assert(sizeof(struct icmp_answer) == 20 + 8 + ICMP_QUOTE, "no padding");

#define ICMP_FRAME (ETH_HLEN + sizeof(struct icmp_answer))

/* n: a multiple of 4, constant */
stage __u16 icmp_sum(const void *p, __u32 n)
{
	__u32 sum = bpf_csum_diff(NULL, 0, (__be32 *)p, n, 0);

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* RFC 1122 3.2.2: never about an ICMP error, a later fragment, or a packet that names no sender to answer. */
stage _Bool icmp_may_answer(const struct iphdr *ip, __u8 inner_type)
{
	if (ip->ihl != 5 || (ip->frag_off & bpf_htons(0x1fff)) || !ip->saddr || *(const __u8 *)&ip->saddr >= 224)
		return 0;
	return ip->protocol != IPPROTO_ICMP || inner_type == ICMP_ECHO || inner_type == ICMP_ECHOREPLY ||
	       inner_type > ICMP_PARAMETERPROB;
}

/*
 * Answers the packet by an ICMP error from the distributed router or, where there is none, from the destination. The drop
 * is counted under its reason all the same. A packet that gets no answer is just dropped.
 */
static __noinline int icmp_answer(struct __sk_buff *skb, const struct dp_port *port, __u32 reason, __u32 type_code,
				  __u32 mtu)
{
	struct icmp_answer a = {};
	const struct iphdr *ip = (const void *)a.quote;
	struct ethhdr eth, reply;
	const void *from;
	int action = drop(skb, reason);

	if (!port || bpf_skb_load_bytes(skb, 0, &eth, ETH_HLEN) != 0 ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, a.quote, ICMP_QUOTE) != 0)
		return action;
	if (!icmp_may_answer(ip, a.quote[20]))
		return action;
	a.type = type_code >> 8;
	a.code = type_code & 0xff;
	a.mtu = bpf_htons(mtu);
	a.checksum = icmp_sum(&a.type, 8 + ICMP_QUOTE);
	a.ip.version = 4;
	a.ip.ihl = 5;
	a.ip.ttl = 64;
	a.ip.protocol = IPPROTO_ICMP;
	a.ip.tot_len = bpf_htons(sizeof(a));
	a.ip.saddr = port->router4 ? port->router4 : ip->daddr;
	a.ip.daddr = ip->saddr;
	a.ip.check = icmp_sum(&a.ip, sizeof(a.ip));
	from = port->router4 ? port->router_mac : eth.h_dest;
	/* not mac_copy(): on the stack the second address is not aligned to 4 */
	__builtin_memcpy(reply.h_source, from, ETH_ALEN);
	__builtin_memcpy(reply.h_dest, eth.h_source, ETH_ALEN);
	reply.h_proto = ETHERTYPE_IP4;
	/* makes an ordinary packet of a large segment, too */
	if (bpf_skb_change_tail(skb, ICMP_FRAME, 0) != 0 || bpf_skb_store_bytes(skb, 0, &reply, ETH_HLEN, 0) != 0 ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, &a, sizeof(a), 0) != 0)
		return action;
	trace(ICMP, a.type, a.code, mtu);
	return verdict(skb, DP_VERDICT_REPLY, skb->ifindex, bpf_redirect(skb->ifindex, 0));
}

/* WG-5: the guest that asked for it (DF; in IPv6 all do) is told what fits; nothing is ever fragmented. */
stage int too_big(struct __sk_buff *skb, const struct dp_port *port, __u32 mtu, const void *eth, const void *end)
{
	const struct iphdr *ip = eth + ETH_HLEN;

	if (ether_type(eth) == ETHERTYPE_IP6)
		return icmp6_answer(skb, port, DP_DROP_TOO_BIG, ICMP6_PACKET_TOO_BIG << 8, mtu);
	if (ether_type(eth) != ETHERTYPE_IP4 || (const void *)(ip + 1) > end || !(ip->frag_off & IP_DF))
		return drop(skb, DP_DROP_TOO_BIG);
	return icmp_answer(skb, port, DP_DROP_TOO_BIG, ICMP_DEST_UNREACH << 8 | ICMP_FRAG_NEEDED, mtu);
}

#endif
