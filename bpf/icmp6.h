/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_ICMP6_H
#define NESTOR_BPF_ICMP6_H

#include "headers.h"
#include "ip6.h"
#include "scratch.h"
#include "verdict.h"

/* ICMP for IPv6, RFC 4443: what a guest is told about a packet of its own, made of that packet in place. */

#define ICMP6_PACKET_TOO_BIG 2
#define ICMP6_TIME_EXCEEDED 3
#define ICMP6_INFORMATIONAL 128 /* types from here on are no errors */

#define ICMP6_AT (ETH_HLEN + sizeof(struct ip6))

struct icmp6_answer {
	struct ip6 ip;
	__u8 type, code;
	__u16 checksum;
	__u32 mtu;
};
_Static_assert(sizeof(struct icmp6_answer) == 48, "no padding");
SCRATCH_FITS(struct icmp6_answer);

#define ICMP6_QUOTE_MAX (IP6_MIN_MTU - sizeof(struct icmp6_answer))
#define ICMP6_SUM_CHUNK 64
#define ICMP6_SUM_CHUNKS (IP6_MIN_MTU / ICMP6_SUM_CHUNK)

/*
 * The type of an ICMPv6 message that never leaves a port; 0: it is something else. h: at the IPv6 header, and then at ICMPv6.
 * Negative: the packet hides it.
 */
stage int icmp6_local_type(struct __sk_buff *skb, struct headers *h)
{
	enum headers_found found = headers_ip6(skb, h);
	__u8 type;

	if (found == HEADERS_HIDDEN)
		return -1;
	if (found == HEADERS_LATER || h->proto != IPPROTO_ICMPV6)
		return 0;
	if (!headers_has(h, 1) || bpf_skb_load_bytes(skb, h->at, &type, 1) != 0)
		return -1;
	return icmp6_is_local(type) ? type : 0;
}

/*
 * The checksum of an ICMPv6 message of n bytes right behind the IPv6 header, over the pseudo header and what is there (RFC 4443
 * 2.3): of one that is right, 0. n: at most IP6_MIN_MTU. Verified once, not at every place where it is called: so not static.
 */
__attribute__((noinline)) __u32 icmp6_checksum(struct __sk_buff *skb, __u32 n)
{
	__u8 chunk[ICMP6_SUM_CHUNK] __attribute__((aligned(8)));
	__u32 at = ICMP6_AT, sum = bpf_htonl(n + IPPROTO_ICMPV6);

	if (bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct ip6, src), chunk, 32) != 0)
		return 0xffff;
	sum = bpf_csum_diff(NULL, 0, (__be32 *)chunk, 32, sum);
	for (int i = 0; i < ICMP6_SUM_CHUNKS && n; i++) {
		__u32 size = n < sizeof(chunk) ? n : sizeof(chunk);

		__builtin_memset(chunk, 0, sizeof(chunk));
		if (bpf_skb_load_bytes(skb, at, chunk, size) != 0)
			return 0xffff;
		sum = bpf_csum_diff(NULL, 0, (__be32 *)chunk, sizeof(chunk), sum);
		at += size;
		n -= size;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/*
 * RFC 4443 2.4 (e): never about an error or a redirect, about what was for many, or to who is not one machine. Packet too big is
 * the exception for many, which has no use here: who is many gets no answer from "the destination".
 */
stage _Bool icmp6_may_answer(struct __sk_buff *skb, const struct ip6 *ip)
{
	struct headers h = { .at = ETH_HLEN, .end = skb->len };
	enum headers_found found;
	__u8 type;

	if (!addr_is_machine6(&ip->src) || !addr_is_machine6(&ip->dst))
		return 0;
	found = headers_ip6(skb, &h);
	if (found == HEADERS_HIDDEN)
		return 0;
	if (h.proto != IPPROTO_ICMPV6)
		return 1;
	if (found == HEADERS_LATER || !headers_has(&h, 1) || bpf_skb_load_bytes(skb, h.at, &type, 1) != 0)
		return 0;
	return type >= ICMP6_INFORMATIONAL && type != ICMP6_REDIRECT;
}

/* As much of the packet as fits (RFC 4443 2.4 (c)); what follows it in a short frame is padding. */
stage __u32 icmp6_quote(const struct __sk_buff *skb, const struct ip6 *ip)
{
	__u32 quote = skb->len - ETH_HLEN, packet = sizeof(*ip) + bpf_ntohs(ip->payload_len);

	if (!skb->gso_size && packet < quote)
		quote = packet;
	return quote < ICMP6_QUOTE_MAX ? quote : ICMP6_QUOTE_MAX;
}

/* Back to who sent it: from the router or, where there is none, from the destination. */
stage void icmp6_turn(struct ethhdr *eth, struct ip6 *ip, const struct dp_port *port)
{
	_Bool router = port->router6.d[0] || port->router6.d[1];

	for (int i = 0; i < 4; i++) {
		__u32 sender = ip->src.w[i];

		ip->src.w[i] = router ? port->router6.w[i] : ip->dst.w[i];
		ip->dst.w[i] = sender;
	}
	for (int i = 0; i < ETH_ALEN; i++) {
		__u8 sender = eth->h_source[i];

		eth->h_source[i] = router ? port->router_mac6[i] : eth->h_dest[i];
		eth->h_dest[i] = sender;
	}
}

/*
 * Answers the packet by an ICMPv6 error from the distributed router or, where there is none, from the destination. The drop is
 * counted under its reason all the same. A packet that gets no answer is just dropped. No limit on their number (RFC 4443 2.4
 * (f)): each takes the place of a packet, and goes back to its sender's port and nowhere else.
 */
static __noinline int icmp6_answer(struct __sk_buff *skb, const struct dp_port *port, __u32 reason, __u32 type_code, __u32 mtu)
{
	struct icmp6_answer *a = scratch_get();
	struct ethhdr eth;
	__u32 quote;
	int action = drop(skb, reason);

	if (!port || !a || bpf_skb_load_bytes(skb, 0, &eth, ETH_HLEN) != 0 ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &a->ip, sizeof(a->ip)) != 0 || !icmp6_may_answer(skb, &a->ip))
		return action;
	quote = icmp6_quote(skb, &a->ip);
	icmp6_turn(&eth, &a->ip, port);
	a->ip.flow = bpf_htonl(0x60000000);
	a->ip.payload_len = bpf_htons(sizeof(*a) - sizeof(a->ip) + quote);
	a->ip.next = IPPROTO_ICMPV6;
	a->ip.hop_limit = 64;
	a->type = type_code >> 8;
	a->code = type_code & 0xff;
	a->checksum = 0;
	a->mtu = bpf_htonl(mtu);
	/* makes an ordinary packet of a large segment, too; the second makes room for Ethernet, IPv6 and ICMPv6, over the old Ethernet */
	if (bpf_skb_change_tail(skb, ETH_HLEN + quote, 0) != 0 || bpf_skb_change_head(skb, sizeof(*a), 0) != 0 ||
	    bpf_skb_store_bytes(skb, 0, &eth, ETH_HLEN, 0) != 0 || bpf_skb_store_bytes(skb, ETH_HLEN, a, sizeof(*a), 0) != 0)
		return action;
	a->checksum = icmp6_checksum(skb, sizeof(*a) - sizeof(a->ip) + quote);
	trace(ICMP6, a->type, a->code, mtu);
	if (bpf_skb_store_bytes(skb, ICMP6_AT + 2, &a->checksum, 2, 0) != 0)
		return action;
	return verdict(skb, DP_VERDICT_REPLY, skb->ifindex, bpf_redirect(skb->ifindex, 0));
}

#endif
