/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_GUARD_H
#define NESTOR_BPF_GUARD_H

#include "headers.h"
#include "inner.h"
#include "ip6.h"
#include "verdict.h"

/* NN-3: with spoofing off, ARP must not speak for another MAC either. */
stage int guard_arp(struct __sk_buff *skb, const struct dp_port *port, const struct headers *h)
{
	struct arp4 arp;

	if (bpf_skb_load_bytes(skb, h->at, &arp, sizeof(arp)) != 0)
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	if (!arp_is_ip4(&arp))
		return drop(skb, DP_DROP_ARP_MALFORMED);
	if (!mac_equal(arp.sha, port->mac))
		return drop(skb, DP_DROP_ARP_SPOOFED);
	trace(GUARD_ARP);
	return NEXT;
}

/* Neighbour discovery, RFC 4861 */
#define ICMP6_ROUTER_SOLICITATION 133
#define ICMP6_ROUTER_ADVERTISEMENT 134
#define ICMP6_NEIGHBOR_SOLICITATION 135
#define ICMP6_NEIGHBOR_ADVERTISEMENT 136
#define ND_SOURCE_ADDRESS 1
#define ND_TARGET_ADDRESS 2
#define ND_OPTIONS_MAX 16

/* RFC 4861, 4.1 to 4.5: what stands before the options */
stage __u32 nd_fixed(__u8 type)
{
	switch (type) {
	case ICMP6_ROUTER_SOLICITATION:
		return 8;
	case ICMP6_ROUTER_ADVERTISEMENT:
		return 16;
	case ICMP6_NEIGHBOR_SOLICITATION:
	case ICMP6_NEIGHBOR_ADVERTISEMENT:
		return 24;
	case ICMP6_REDIRECT:
		return 40;
	}
	return 0;
}

/* Whose MAC address the sender says is its own: a redirect's target is somebody else's by its nature. */
stage _Bool nd_claims(__u8 type, __u8 option)
{
	return option == ND_SOURCE_ADDRESS || (option == ND_TARGET_ADDRESS && type == ICMP6_NEIGHBOR_ADVERTISEMENT);
}

/* h: at the options; sender: its MAC address, aligned to 4. 0, or why the message is dropped; *ret_claimed: it names its address. */
stage __u32 nd_options(struct __sk_buff *skb, const void *sender, struct headers *h, __u8 type, _Bool *ret_claimed)
{
	__u8 mac[8] __attribute__((aligned(8))), o[2];

	*ret_claimed = 0;
	for (int i = 0; i < ND_OPTIONS_MAX && h->at < h->end; i++) {
		if (!headers_has(h, 8) || bpf_skb_load_bytes(skb, h->at, o, sizeof(o)) != 0 || !o[1] ||
		    bpf_skb_load_bytes(skb, h->at + 2, mac, 6) != 0)
			return DP_DROP_ND_MALFORMED;
		if (nd_claims(type, o[0])) {
			if (!mac_equal(mac, sender))
				return DP_DROP_ND_SPOOFED;
			*ret_claimed = 1;
		}
		h->at += o[1] * 8;
	}
	return h->at == h->end ? 0 : DP_DROP_ND_MALFORMED;
}

/*
 * The same for neighbour discovery: the link-layer addresses in its options. In fragments it is for nobody (RFC 6980), and a
 * first fragment that does not show what it is might be it.
 */
stage int guard_nd(struct __sk_buff *skb, const struct dp_port *port, struct headers *h)
{
	enum headers_found found = headers_ip6(skb, h);
	_Bool claimed;
	__u32 reason;
	__u8 type;

	if (found != HEADERS_UPPER)
		return found == HEADERS_LATER ? NEXT : drop(skb, DP_DROP_GUARD_HIDDEN);
	if (h->proto != IPPROTO_ICMPV6)
		return NEXT;
	if (!headers_has(h, 1) || bpf_skb_load_bytes(skb, h->at, &type, 1) != 0)
		return drop(skb, DP_DROP_GUARD_HIDDEN);
	if (!nd_fixed(type))
		return NEXT;
	if (h->fragment || !headers_has(h, nd_fixed(type)))
		return drop(skb, DP_DROP_ND_MALFORMED);
	h->at += nd_fixed(type);
	reason = nd_options(skb, port->mac, h, type, &claimed);
	if (reason)
		return drop(skb, reason);
	trace(GUARD_ND);
	return NEXT;
}

/* What says which MAC address somebody has: must not be somebody else's. Within a policy, records say that of IPv6. */
static __noinline int guard_neighbours(struct __sk_buff *skb, const struct dp_port *port)
{
	struct headers h = {};

	if (!port || !headers_ether(skb, &h))
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	if (h.type == ETHERTYPE_ARP)
		return guard_arp(skb, port, &h);
	if (h.type == ETHERTYPE_IP6 && !(port->flags & DP_PORT_POLICY))
		return guard_nd(skb, port, &h);
	return NEXT;
}

/* From a port where spoofing is on, not with its own MAC address. */
static __noinline int inner_seen(struct __sk_buff *skb, const struct dp_port *port)
{
	struct dp_dest_key key = {};
	const struct dp_dest *dest;
	__u32 here = skb->ifindex, *at;

	if (!port || bpf_skb_load_bytes(skb, ETH_ALEN, key.mac, ETH_ALEN) != 0)
		return NEXT;
	key.segment = port->segment;
	dest = bpf_map_lookup_elem(&dests, &key);
	if (!dest || dest->kind != DP_DEST_INNER)
		return NEXT;
	at = bpf_map_lookup_elem(&inner, &key);
	if (!TRACE_DRY && (!at || *at != here))
		bpf_map_update_elem(&inner, &key, &here, BPF_ANY);
	return NEXT;
}

/* What holds on every port, with or without a virtual subnet. */
stage int guard(struct __sk_buff *skb, const struct dp_port *port, const void *eth)
{
	if (unlikely(mac_is_group(eth + ETH_ALEN)))
		return drop(skb, DP_DROP_SOURCE_MAC_GROUP);
	if (port->flags & DP_PORT_SPOOFING) {
		trace(GUARD_SPOOFING, trace_mac(eth + ETH_ALEN));
		if ((port->flags & DP_PORT_POLICY) && unlikely(!mac_equal(eth + ETH_ALEN, port->mac)))
			return inner_seen(skb, port);
		return NEXT;
	}
	if (unlikely(!mac_equal(eth + ETH_ALEN, port->mac)))
		return drop(skb, DP_DROP_SOURCE_MAC_SPOOFED);
	trace(GUARD_MAC, trace_mac(eth + ETH_ALEN));
	return likely(ether_type(eth) == ETHERTYPE_IP4) ? NEXT : guard_neighbours(skb, port);
}

/*
 * WG-4: no 802.1Q tag inside a virtual subnet. A single tag is removed, as RFC 7637 asks of the encapsulator; the same
 * towards a port of this host, so that it makes no difference where a guest runs. What is still tagged after that, or
 * carries a provider tag, is dropped.
 */
static __noinline int vlan_strip(struct __sk_buff *skb)
{
	const void *eth = frame_data(skb);
	__u16 proto;

	if (eth + ETH_HLEN > frame_end(skb))
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	proto = skb->vlan_present ? (__u16)skb->vlan_proto : ether_type(eth);
	if (proto != bpf_htons(ETH_P_8021Q) || bpf_skb_vlan_pop(skb) != 0)
		return drop(skb, DP_DROP_GUEST_VLAN_TAG);
	eth = frame_data(skb);
	if (eth + ETH_HLEN > frame_end(skb))
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	if (skb->vlan_present || ethertype_is_tag(ether_type(eth)))
		return drop(skb, DP_DROP_GUEST_VLAN_TAG);
	trace(VLAN_STRIPPED);
	return NEXT;
}

#endif
