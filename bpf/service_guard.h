/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_SERVICE_GUARD_H
#define NESTOR_BPF_SERVICE_GUARD_H

#include "guard.h"
#include "icmp.h"

/*
 * DhcpGuard and RouterGuard: a guest that is no DHCP server and no router must not look like one (AC-7: after the spoofing
 * guard, before everything else). Like RFC 7113 and RFC 7610 at a switch's port: what a first fragment hides is dropped.
 */
#define DHCP4_SERVER 67
#define DHCP4_CLIENT 68
#define DHCP6_CLIENT 546
#define DHCP6_SERVER 547
#define BOOTP_REPLY 2
#define DHCP6_RELAY_REPLY 13
#define ICMP4_ROUTER_ADVERTISEMENT 9
#define ICMP4_REDIRECT 5

/* The byte at h.at + offset of the upper layer; -1: the packet ends before. */
stage int guard_byte(struct __sk_buff *skb, const struct headers *h, __u32 offset)
{
	__u8 b;

	if (!headers_has(h, offset + 1) || bpf_skb_load_bytes(skb, h->at + offset, &b, 1) != 0)
		return -1;
	return b;
}

/*
 * What goes to a client's port comes from a server or relay, whatever it says; what goes to a server's port does when it is a
 * reply: to a relay. A packet without the byte that tells is one that hides it.
 */
stage __u32 guard_dhcp(struct __sk_buff *skb, const struct headers *h, __u16 client, __u16 server, int reply)
{
	__u16 ports[2];
	int message;

	if (!headers_has(h, 8) || bpf_skb_load_bytes(skb, h->at, ports, sizeof(ports)) != 0)
		return DP_DROP_GUARD_HIDDEN;
	if (ports[1] == bpf_htons(client))
		return DP_DROP_DHCP_GUARD;
	if (ports[1] != bpf_htons(server))
		return 0;
	message = guard_byte(skb, h, 8);
	if (message < 0)
		return DP_DROP_GUARD_HIDDEN;
	return message == reply ? DP_DROP_DHCP_GUARD : 0;
}

/* one, other: the ICMP types that only a router sends */
stage __u32 guard_router(struct __sk_buff *skb, const struct headers *h, int one, int other)
{
	int type = guard_byte(skb, h, 0);

	if (type < 0)
		return DP_DROP_GUARD_HIDDEN;
	return type == one || type == other ? DP_DROP_ROUTER_GUARD : 0;
}

stage __u32 guard_services4(struct __sk_buff *skb, const struct dp_port *port, struct headers *h)
{
	__u32 offset = 0;
	enum headers_found found = headers_ip4(skb, h, &offset);

	if (found == HEADERS_HIDDEN)
		return DP_DROP_GUARD_HIDDEN;
	if (h->proto == IPPROTO_UDP && (port->guards & DP_GUARD_DHCP)) {
		/* the second eight bytes of the packet are in the first fragment, unless they are to replace what was seen there */
		if (offset == 8)
			return DP_DROP_GUARD_HIDDEN;
		return offset ? 0 : guard_dhcp(skb, h, DHCP4_CLIENT, DHCP4_SERVER, BOOTP_REPLY);
	}
	if (h->proto == IPPROTO_ICMP && (port->guards & DP_GUARD_ROUTER) && !offset)
		return guard_router(skb, h, ICMP4_ROUTER_ADVERTISEMENT, ICMP4_REDIRECT);
	return 0;
}

/* Fragments that overlap are for nobody (RFC 5722). */
stage __u32 guard_services6(struct __sk_buff *skb, const struct dp_port *port, struct headers *h)
{
	enum headers_found found = headers_ip6(skb, h);

	if (found != HEADERS_UPPER)
		return found == HEADERS_LATER ? 0 : DP_DROP_GUARD_HIDDEN;
	if (h->proto == IPPROTO_UDP && (port->guards & DP_GUARD_DHCP))
		return guard_dhcp(skb, h, DHCP6_CLIENT, DHCP6_SERVER, DHCP6_RELAY_REPLY);
	if (h->proto == IPPROTO_ICMPV6 && (port->guards & DP_GUARD_ROUTER))
		return guard_router(skb, h, ICMP6_ROUTER_ADVERTISEMENT, ICMP6_REDIRECT);
	return 0;
}

static __noinline int guard_services(struct __sk_buff *skb, const struct dp_port *port)
{
	struct headers h = {};
	__u32 reason = 0;

	if (!port || !headers_ether(skb, &h))
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	if (h.type == ETHERTYPE_IP4)
		reason = guard_services4(skb, port, &h);
	else if (h.type == ETHERTYPE_IP6)
		reason = guard_services6(skb, port, &h);
	else if (ethertype_is_tag(h.type))
		reason = DP_DROP_GUARD_HIDDEN;
	if (reason)
		return drop(skb, reason);
	trace(GUARD_SERVICES);
	return NEXT;
}

#endif
