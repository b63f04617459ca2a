/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_ACL_PACKET_H
#define NESTOR_BPF_ACL_PACKET_H

#include "acl_maps.h"
#include "flow.h"
#include "parse.h"

#include <linux/ipv6.h>

/*
 * What the rules of a port are held against. Headers are copied out rather than looked at in place: they may lie
 * anywhere in the packet, behind tags and extension headers, and the caller's packet pointers stay good.
 */

enum acl_fragment {
	ACL_WHOLE,
	ACL_FRAGMENT_FIRST,
	ACL_FRAGMENT_LATER, /* no ports */
};

struct acl_packet {
	struct dp_acl_flow_key key;
	__u32 set;	 /* the set of the direction */
	__u32 other_set; /* that of the opposite one */
	__u32 at;	 /* where the headers that were read end */
	__u32 ident;	 /* of a fragment */
	__u32 direction; /* enum dp_acl_direction */
	__u8 family;	 /* DP_ACL_IP4, DP_ACL_IP6; 0: not IP */
	__u8 fragment;	 /* enum acl_fragment */
	__u8 icmp_type;
	__u8 tcp_flags;
	__u8 neighbour; /* neighbour discovery: as ARP, no rule of IP addresses holds for it */
	__u8 pad[3];
	/* scratch of the classification, and an entry of acl_flows before it is written */
	struct dp_acl_match_key match;
	__u32 found;
	struct dp_acl_flow flow;
	__u8 head[40] __attribute__((aligned(8)));
};

/* One for each CPU: programs at TC are not interrupted by each other, and the stack is too small for it. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct acl_packet);
} acl_packets SEC(".maps");

/*
 * The packet at hand. Functions that are not static have it from here, not as an argument: they are verified once each,
 * whatever calls them, and take nothing but numbers and the context for that.
 */
stage struct acl_packet *acl_packet(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&acl_packets, &zero);
}

#define ACL_TCP_FIN  0x01
#define ACL_TCP_SYN  0x02
#define ACL_TCP_RST  0x04
#define ACL_TCP_ACK  0x10
#define ACL_TCP_READ 14 /* up to the flags */

#define ACL_ECHO 0x10000 /* in dp_acl_flow_key.ports: tells an identifier from a type and code */

/* Extension headers of IPv6 that a packet may have before the rules give up on it. */
#define ACL_EXTENSIONS 8

#define ACL_FARTHEST 0x3fff /* no header that begins behind this is looked for */

/*
 * n bytes from p->at on to p->head; n is constant. By the helper only where the packet is not in one piece there.
 */
#define acl_read(skb, p, n)                                                                                            \
	({                                                                                                             \
		__u32 at_ = (p)->at;                                                                                   \
		_Bool ok_ = at_ <= ACL_FARTHEST;                                                                       \
                                                                                                                       \
		if (likely(ok_)) {                                                                                     \
			const void *from_ = frame_data(skb) + at_;                                                     \
                                                                                                                       \
			if (likely(from_ + (n) <= frame_end(skb)))                                                     \
				__builtin_memcpy((p)->head, from_, n);                                                 \
			else                                                                                           \
				ok_ = bpf_skb_load_bytes(skb, at_, (p)->head, n) == 0;                                 \
		}                                                                                                      \
		ok_;                                                                                                   \
	})

stage _Bool acl_icmp4_is_error(__u8 type)
{
	return type == 3 || type == 11 || type == 12;
}

stage _Bool acl_icmp6_is_error(__u8 type)
{
	return type >= 1 && type <= 4;
}

/*
 * RFC 4861: 133 to 136, never forwarded; RFC 2710, 3810: what it needs behind a switch that listens to it. Not
 * redirects.
 */
stage _Bool acl_icmp6_is_neighbour(__u8 type, __u8 hop_limit)
{
	return (type >= 133 && type <= 136 && hop_limit == 255) ||
	       (((type >= 130 && type <= 132) || type == 143) && hop_limit == 1);
}

stage void acl_ports(struct acl_packet *p, __u16 source, __u16 destination)
{
	p->key.ports =
		p->direction == DP_ACL_OUT ? source | (__u32)destination << 16 : destination | (__u32)source << 16;
}

stage void acl_icmp(struct acl_packet *p, __u8 echo, __u8 reply)
{
	__u8 type = p->head[0];

	p->icmp_type = type;
	p->key.ports = type == echo || type == reply ? *(const __u16 *)(p->head + 4) | ACL_ECHO
						     : (__u32)type << 8 | p->head[1];
}

/*
 * Layer 4, of whole packets and first fragments. One that does not have all that the rules read is refused: a receiver
 * might put the rest together in another way (RFC 1858, 3128).
 */
stage _Bool acl_parse_l4(struct __sk_buff *skb, struct acl_packet *p)
{
	__u8 protocol = p->key.protocol;

	if (p->fragment == ACL_FRAGMENT_LATER)
		return 1;
	if (protocol == IPPROTO_TCP) {
		if (!acl_read(skb, p, ACL_TCP_READ))
			return 0;
		p->tcp_flags = p->head[13];
	} else if (protocol == IPPROTO_UDP || (protocol == IPPROTO_ICMP && p->family == DP_ACL_IP4) ||
		   (protocol == IPPROTO_ICMPV6 && p->family == DP_ACL_IP6)) {
		if (!acl_read(skb, p, 8))
			return 0;
	} else {
		return 1;
	}
	if (protocol == IPPROTO_ICMP)
		acl_icmp(p, 8, 0);
	else if (protocol == IPPROTO_ICMPV6)
		acl_icmp(p, 128, 129);
	else
		acl_ports(p, *(const __u16 *)p->head, *(const __u16 *)(p->head + 2));
	return 1;
}

stage _Bool acl_parse4(struct __sk_buff *skb, struct acl_packet *p)
{
	const struct iphdr *ip = (const void *)p->head;
	_Bool out = p->direction == DP_ACL_OUT;
	__u16 fragment;

	if (!acl_read(skb, p, sizeof(*ip)) || ip->version != 4 || ip->ihl < 5)
		return 0;
	p->family = DP_ACL_IP4;
	p->key.local = (union dp_addr){ .w = { 0, 0, ADDR4_PREFIX, out ? ip->saddr : ip->daddr } };
	p->key.remote = (union dp_addr){ .w = { 0, 0, ADDR4_PREFIX, out ? ip->daddr : ip->saddr } };
	p->key.protocol = ip->protocol;
	fragment = ip->frag_off;
	p->ident = ip->id;
	p->at += ip->ihl * 4;
	if (unlikely(fragment & IP_FRAGMENT)) {
		p->fragment = fragment & bpf_htons(0x1fff) ? ACL_FRAGMENT_LATER : ACL_FRAGMENT_FIRST;
		/* would overwrite the flags that a first fragment of 8 bytes left out */
		if ((fragment & bpf_htons(0x1fff)) == bpf_htons(1) && p->key.protocol == IPPROTO_TCP)
			return 0;
	}
	return acl_parse_l4(skb, p);
}

/* Behind the extension headers; the packet's protocol is the next header then. */
stage _Bool acl_skip_extensions(struct __sk_buff *skb, struct acl_packet *p)
{
	__u32 next = p->key.protocol;
	__u16 fragment;
	__u8 h[8];

	for (int i = 0; i < ACL_EXTENSIONS; i++) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
		    next != IPPROTO_AH && next != IPPROTO_FRAGMENT) {
			p->key.protocol = next;
			return 1;
		}
		if (bpf_skb_load_bytes(skb, p->at, h, sizeof(h)) != 0)
			return 0;
		if (next == IPPROTO_FRAGMENT) {
			fragment = (__u16)h[2] << 8 | h[3];
			p->ident = (__u32)h[4] << 24 | (__u32)h[5] << 16 | (__u32)h[6] << 8 | h[7];
			p->at += 8;
			if (fragment & 0xfff8) {
				p->fragment = ACL_FRAGMENT_LATER;
				p->key.protocol = h[0];
				return 1;
			}
			if (fragment & 1)
				p->fragment = ACL_FRAGMENT_FIRST;
		} else {
			p->at += next == IPPROTO_AH ? (h[1] + 2) * 4 : (h[1] + 1) * 8;
		}
		next = h[0];
	}
	return 0;
}

stage _Bool acl_parse6(struct __sk_buff *skb, struct acl_packet *p)
{
	const struct ipv6hdr *ip = (const void *)p->head;
	_Bool out = p->direction == DP_ACL_OUT;
	__u8 hop_limit;

	if (!acl_read(skb, p, sizeof(*ip)) || ip->version != 6)
		return 0;
	p->family = DP_ACL_IP6;
	__builtin_memcpy(&p->key.local, p->head + (out ? 8 : 24), 16);
	__builtin_memcpy(&p->key.remote, p->head + (out ? 24 : 8), 16);
	p->key.protocol = ip->nexthdr;
	hop_limit = ip->hop_limit;
	p->at += sizeof(*ip);
	if (!acl_skip_extensions(skb, p) || !acl_parse_l4(skb, p))
		return 0;
	p->neighbour = p->key.protocol == IPPROTO_ICMPV6 && p->fragment == ACL_WHOLE &&
		       acl_icmp6_is_neighbour(p->icmp_type, hop_limit);
	return 1;
}

/* All that the rules look at, tags skipped. 0: the headers cannot be read. */
__noinline int acl_parse(struct __sk_buff *skb)
{
	struct acl_packet *p = acl_packet();
	__u16 type;

	if (!p)
		return 0;
	p->at = 12;
	for (int i = 0; i < 3; i++) {
		if (!acl_read(skb, p, 2))
			return 0;
		type = *(const __u16 *)p->head;
		if (likely(!ethertype_is_tag(type)))
			break;
		if (i == 2)
			return 0;
		p->at += 4;
	}
	p->at += 2;
	if (type == ETHERTYPE_IP4)
		return acl_parse4(skb, p);
	if (type == ETHERTYPE_IP6)
		return acl_parse6(skb, p);
	return 1;
}

#endif
