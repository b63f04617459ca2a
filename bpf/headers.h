/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_HEADERS_H
#define NESTOR_BPF_HEADERS_H

#include <linux/in6.h>

#include "parse.h"

/*
 * What a packet is, behind everything that may stand before it: VLAN tags, IPv4 options, IPv6 extension headers. For the
 * guards, which somebody may want to get past: every walk is bounded, and what does not show is a finding of its own
 * (RFC 7113). By helpers alone, so that it does not matter where the bytes lie.
 */

#define HEADERS_TAGS_MAX 2 /* besides the one that the kernel has taken out of the frame */
#define HEADERS_IP6_MAX 8  /* extension headers */

#define PROTO_HIP 139
#define PROTO_SHIM6 140

enum headers_found {
	HEADERS_UPPER,	/* at: the header of the upper layer */
	HEADERS_LATER,	/* a later fragment: what the first one was decides */
	HEADERS_HIDDEN, /* the first fragment, or the whole packet, ends before, or there is too much to go through */
};

struct headers {
	__u32 at;  /* where the layer begins that was found last */
	__u32 end; /* of the packet by its own account: what follows is padding, which the receiver never sees */
	__u16 type;
	__u8 proto;
	_Bool fragment;
};

stage _Bool headers_has(const struct headers *h, __u32 n)
{
	return h->at + n <= h->end;
}

/* Behind Ethernet and tags. False: there is nothing. */
stage _Bool headers_ether(struct __sk_buff *skb, struct headers *h)
{
	__u32 at = ETH_HLEN - 2;

	h->end = skb->len;
	for (int i = 0; i <= HEADERS_TAGS_MAX; i++) {
		if (bpf_skb_load_bytes(skb, at, &h->type, 2) != 0)
			return 0;
		h->at = at + 2;
		if (!ethertype_is_tag(h->type))
			return 1;
		at += 4;
	}
	return 1;
}

/* Where the packet ends by its length field; a large segment's field may not be able to say it. */
stage void headers_limit(const struct __sk_buff *skb, struct headers *h, __u32 length)
{
	if (!skb->gso_size && h->at + length < h->end)
		h->end = h->at + length;
}

stage enum headers_found headers_ip4(struct __sk_buff *skb, struct headers *h, __u32 *ret_offset)
{
	struct iphdr ip;
	__u32 offset;

	if (bpf_skb_load_bytes(skb, h->at, &ip, sizeof(ip)) != 0)
		return HEADERS_HIDDEN;
	headers_limit(skb, h, bpf_ntohs(ip.tot_len));
	offset = bpf_ntohs(ip.frag_off) & 0x1fff;
	h->at += ip.ihl * 4;
	h->proto = ip.protocol;
	*ret_offset = offset * 8;
	return offset ? HEADERS_LATER : HEADERS_UPPER;
}

stage _Bool headers_ip6_extends(__u8 proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT || proto == IPPROTO_AH ||
	       proto == IPPROTO_DSTOPTS || proto == IPPROTO_MH || proto == PROTO_HIP || proto == PROTO_SHIM6;
}

/* units: the second byte of the header */
stage __u32 headers_ip6_length(__u8 proto, __u8 units)
{
	if (proto == IPPROTO_FRAGMENT)
		return 8;
	return proto == IPPROTO_AH ? (units + 2) * 4 : (units + 1) * 8;
}

stage enum headers_found headers_ip6(struct __sk_buff *skb, struct headers *h)
{
	__u8 fixed[8] __attribute__((aligned(8))), b[8] __attribute__((aligned(8)));
	__u32 length;

	if (h->at + 40 > h->end || bpf_skb_load_bytes(skb, h->at, fixed, sizeof(fixed)) != 0)
		return HEADERS_HIDDEN;
	headers_limit(skb, h, 40 + bpf_ntohs(*(__u16 *)(fixed + 4)));
	h->proto = fixed[6];
	h->at += 40;
	for (int i = 0; i <= HEADERS_IP6_MAX; i++) {
		if (!headers_ip6_extends(h->proto))
			return HEADERS_UPPER;
		if (!headers_has(h, 8) || bpf_skb_load_bytes(skb, h->at, b, sizeof(b)) != 0)
			return HEADERS_HIDDEN;
		if (h->proto == IPPROTO_FRAGMENT) {
			h->fragment = 1;
			if (*(__u16 *)(b + 2) & bpf_htons(0xfff8)) {
				h->proto = b[0];
				return HEADERS_LATER;
			}
		}
		length = headers_ip6_length(h->proto, b[1]);
		h->proto = b[0];
		h->at += length;
	}
	return HEADERS_HIDDEN;
}

#endif
