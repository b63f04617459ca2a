/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_IP6_H
#define NESTOR_BPF_IP6_H

#include <linux/in6.h>

#include "maps.h"

/* IPv6 of guests: its header, and what an address says of itself. */

/* RFC 8200 section 3; in packets, and copied to the stack */
struct ip6 {
	__u32 flow; /* version, traffic class, flow label */
	__u16 payload_len;
	__u8 next, hop_limit;
	union dp_addr src, dst;
};
_Static_assert(sizeof(struct ip6) == 40, "RFC 8200");

#define IP6_MIN_MTU 1280

/*
 * Messages of ICMPv6 that never leave a port, nor come from another host: neighbour discovery (RFC 4861) and multicast listener
 * discovery (RFC 2710, 3810).
 */
#define ICMP6_MLD_QUERY 130
#define ICMP6_REDIRECT 137
#define ICMP6_MLD2_REPORT 143

stage _Bool icmp6_is_local(__u8 type)
{
	return (type >= ICMP6_MLD_QUERY && type <= ICMP6_REDIRECT) || type == ICMP6_MLD2_REPORT;
}

/* By words: a packet is not aligned to more. */
stage union dp_addr addr_load(const void *p)
{
	const __u32 *w = p;

	return (union dp_addr){ .w = { w[0], w[1], w[2], w[3] } };
}

stage _Bool addr_is_multicast6(const union dp_addr *a)
{
	return a->b[0] == 0xff;
}

/* fe80::/10 */
stage _Bool addr_is_link_local(const union dp_addr *a)
{
	return (a->w[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

/* Of a machine, in an IPv6 packet. An IPv4 address in IPv6's clothes is none: the tables would take it for that of IPv4. */
stage _Bool addr_is_machine6(const union dp_addr *a)
{
	return !addr_is_multicast6(a) && !addr_is_v4(a) && (a->d[0] || a->d[1]);
}

/*
 * The MAC address that a link-local address is made of (RFC 4291 appendix A); false: of none, as are most of other making
 * (RFC 7217). ret_mac: room for 8 bytes, aligned to 4.
 */
stage _Bool addr_eui64(const union dp_addr *a, __u8 *ret_mac)
{
	if (a->w[0] != bpf_htonl(0xfe800000) || a->w[1] || a->b[11] != 0xff || a->b[12] != 0xfe)
		return 0;
	ret_mac[0] = a->b[8] ^ 2;
	ret_mac[1] = a->b[9];
	ret_mac[2] = a->b[10];
	ret_mac[3] = a->b[13];
	ret_mac[4] = a->b[14];
	ret_mac[5] = a->b[15];
	return 1;
}

stage const struct dp_ca *ca6_get(__u32 segment, const union dp_addr *ca)
{
	return addr_is_machine6(ca) ? ca_get(segment, ca) : NULL;
}

/*
 * May the machine with this MAC address use this link-local address? One with a record is whose the record says. One that is
 * made of a MAC address is for its owner, where the virtual subnet has one: a machine, or the router. Others are anybody's:
 * guests make them up. router: its MAC address, or zero.
 */
static __noinline _Bool link_local_valid(__u32 segment, const union dp_addr *ca, const void *mac, const void *router)
{
	const struct dp_ca *c = ca ? ca6_get(segment, ca) : NULL;
	__u8 owner[8] __attribute__((aligned(8))) = {};

	if (!ca || !mac || !router)
		return 0;
	if (c)
		return !(c->flags & DP_CA_ROUTER) && mac_equal(c->mac, mac);
	if (!addr_eui64(ca, owner) || mac_equal(owner, mac))
		return 1;
	return !mac_equal(owner, router) && !dest_get(segment, owner);
}

#endif
