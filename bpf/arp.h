/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_ARP_H
#define NESTOR_BPF_ARP_H

#include "learn_announced.h"
#include "parse.h"
#include "source.h"

#define ARP_REQUEST bpf_htons(1)
#define ARP_REPLY bpf_htons(2)

stage int arp_answer(struct __sk_buff *skb, void *eth, struct arp4 *arp, const struct dp_ca *ca)
{
	__u32 asker = arp_spa(arp), asked = arp_tpa(arp);

	trace(ARP_ANSWERED, asked, trace_mac(ca->mac));
	mac_copy(eth, eth + ETH_ALEN);
	mac_copy(eth + ETH_ALEN, ca->mac);
	arp->op = ARP_REPLY;
	mac_copy(arp->tha, arp->sha);
	mac_copy(arp->sha, ca->mac);
	*(__u32 *)arp->spa = asked;
	*(__u32 *)arp->tpa = asker;
	return verdict(skb, DP_VERDICT_REPLY, skb->ifindex, bpf_redirect(skb->ifindex, 0));
}

/*
 * Section 2.5, outbound step 2: ARP in a virtual subnet with policy never leaves the port. Requests are answered from
 * the records; everything else would only tell what the records know better. A probe (RFC 5227) for an address whose
 * record has another MAC is answered: that is a conflict.
 */
static __noinline int arp(struct __sk_buff *skb, const struct dp_port *port)
{
	const struct dp_ca *ca;
	struct arp4 *arp;
	void *eth;

	if (!port || !frame_linear(skb, ETH_HLEN + sizeof(*arp)))
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	eth = frame_data(skb);
	arp = eth + ETH_HLEN;
	if ((void *)(arp + 1) > frame_end(skb))
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	if (!arp_is_ip4(arp))
		return drop(skb, DP_DROP_ARP_MALFORMED);
	if (!mac_equal(arp->sha, eth + ETH_ALEN))
		return drop(skb, DP_DROP_ARP_SPOOFED);
	if (arp_spa(arp) && !source_valid4(skb, port, arp->sha, arp_spa(arp)))
		return drop(skb, DP_DROP_SOURCE_NOT_IN_POLICY);
	if (unlikely(port->flags & DP_PORT_LEARNS) && arp_spa(arp))
		learn_announced4(skb, port, arp->sha, arp_spa(arp));
	if (arp->op != ARP_REQUEST || arp_spa(arp) == arp_tpa(arp))
		return drop(skb, DP_DROP_ARP_ANNOUNCEMENT);
	ca = ca4_get(port->segment, arp_tpa(arp));
	if (!ca)
		return drop(skb, DP_DROP_ARP_UNKNOWN_TARGET);
	if (mac_equal(ca->mac, arp->sha))
		return drop(skb, DP_DROP_ARP_OWN_ADDRESS);
	return arp_answer(skb, eth, arp, ca);
}

#endif
