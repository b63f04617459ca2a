/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_GUARD_H
#define NESTOR_BPF_GUARD_H

#include "parse.h"
#include "verdict.h"

/* NN-3: with spoofing off, ARP must not speak for another MAC either. */
static __noinline int guard_arp(struct __sk_buff *skb)
{
	const void *eth;
	const struct arp4 *arp;

	if (!frame_linear(skb, ETH_HLEN + sizeof(*arp)))
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	eth = frame_data(skb);
	arp = eth + ETH_HLEN;
	if ((const void *)(arp + 1) > frame_end(skb))
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	if (!arp_is_ip4(arp))
		return drop(skb, DP_DROP_ARP_MALFORMED);
	if (!mac_equal(arp->sha, eth + ETH_ALEN))
		return drop(skb, DP_DROP_ARP_SPOOFED);
	trace(GUARD_ARP);
	return NEXT;
}

/* What holds on every port, with or without a virtual subnet. */
stage int guard(struct __sk_buff *skb, const struct dp_port *port, const void *eth)
{
	if (unlikely(mac_is_group(eth + ETH_ALEN)))
		return drop(skb, DP_DROP_SOURCE_MAC_GROUP);
	if (port->flags & DP_PORT_SPOOFING) {
		trace(GUARD_SPOOFING, trace_mac(eth + ETH_ALEN));
		return NEXT;
	}
	if (unlikely(!mac_equal(eth + ETH_ALEN, port->mac)))
		return drop(skb, DP_DROP_SOURCE_MAC_SPOOFED);
	trace(GUARD_MAC, trace_mac(eth + ETH_ALEN));
	return unlikely(ether_type(eth) == ETHERTYPE_ARP) ? guard_arp(skb) : NEXT;
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
