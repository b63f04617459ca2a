/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_REWRITE6_H
#define NESTOR_BPF_REWRITE6_H

#include "icmp6.h"
#include "rewrite.h"

/*
 * IP rewrite of IPv6 (section 2.7), as rewrite.h says of IPv4: addresses of the same size, so that nothing but they, the MAC
 * addresses and the checksums change. Link-local addresses stand for no provider address, and are not carried.
 */

/* <linux/bpf.h> of Linux 6.16: of IPv6 a sum over the whole packet stays what it is. Older kernels refuse it. */
#define CSUM_IPV6 (1ULL << 7)

struct rewrite6 {
	union dp_addr src, dst;         /* in the packet */
	union dp_addr new_src, new_dst;
};
SCRATCH_FITS(struct rewrite6);

/* Where the checksum is that covers the addresses; 0: none does, or it is in another fragment. Negative: nobody can tell. */
stage int rewrite6_checksum_at(struct __sk_buff *skb, __u64 *flags)
{
	struct headers h = { .at = ETH_HLEN, .end = skb->len };
	enum headers_found found = headers_ip6(skb, &h);

	*flags = BPF_F_PSEUDO_HDR;
	if (found != HEADERS_UPPER)
		return found == HEADERS_LATER ? 0 : -1;
	switch (h.proto) {
	case IPPROTO_TCP:
		return h.at + 16;
	case IPPROTO_ICMPV6:
		return h.at + 2;
	case IPPROTO_UDP:
		*flags |= BPF_F_MARK_MANGLED_0;
		return h.at + 6;
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		return h.at + 6;
	}
	return 0;
}

/* Writes the addresses and MAC addresses. By helpers alone, as rewrite(). */
static __noinline _Bool rewrite6(struct __sk_buff *skb, struct rewrite6 *a, const struct ethhdr *eth)
{
	__u32 difference;
	__u64 flags;
	int at;

	if (!a || !eth)
		return 0;
	at = rewrite6_checksum_at(skb, &flags);
	if (at < 0)
		return 0;
	difference = bpf_csum_diff((__be32 *)&a->src, 32, (__be32 *)&a->new_src, 32, 0);
	if (at && bpf_l4_csum_replace(skb, at, 0, difference, flags | CSUM_IPV6) != 0 &&
	    bpf_l4_csum_replace(skb, at, 0, difference, flags) != 0)
		return 0;
	return bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct ip6, src), &a->new_src, 32, 0) == 0 &&
	       bpf_skb_store_bytes(skb, 0, eth, ETH_HLEN, 0) == 0;
}

stage _Bool rewrite6_load(struct __sk_buff *skb, struct rewrite6 *a)
{
	return bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct ip6, src), &a->src, 32) == 0;
}

#endif
