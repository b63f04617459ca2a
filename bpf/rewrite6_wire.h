/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_REWRITE6_WIRE_H
#define NESTOR_BPF_REWRITE6_WIRE_H

#include "rewrite6.h"

/* IP rewrite of IPv6 from the wire. */

/* What the hosts themselves say to each other: neighbour discovery is theirs, and tunnels where the sender has no such record. */
stage _Bool rewrite6_is_hosts(struct __sk_buff *skb, const struct dp_port *uplink, _Bool known_sender)
{
	struct headers h = { .at = ETH_HLEN, .end = skb->len };
	__u16 port = 0;

	if (icmp6_local_type(skb, &h) > 0)
		return 1;
	if (known_sender)
		return 0;
	if (h.proto == IPPROTO_UDP)
		bpf_skb_load_bytes(skb, h.at + 2, &port, sizeof(port));
	return h.proto == IPPROTO_GRE || (port && port == uplink->vxlan_port);
}

stage int rewrite6_in(struct __sk_buff *skb, struct rewrite6 *a, const struct dp_rewrite *to, const struct dp_rewrite *from)
{
	struct ethhdr eth = { .h_proto = ETHERTYPE_IP6 };
	__u16 payload_len;

	if (bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct ip6, payload_len), &payload_len, sizeof(payload_len)) != 0 ||
	    (!skb->gso_size && sizeof(struct ip6) + bpf_ntohs(payload_len) > skb->len - ETH_HLEN))
		return drop(skb, DP_DROP_REWRITE_MALFORMED);
	__builtin_memcpy(eth.h_dest, to->mac, ETH_ALEN);
	__builtin_memcpy(eth.h_source, from->mac, ETH_ALEN);
	a->new_src = from->ca;
	a->new_dst = to->ca;
	if (!rewrite6(skb, a, &eth))
		return drop(skb, DP_DROP_REWRITE_MALFORMED);
	trace(REWRITE_IN6, 0, 0, to->segment, &to->ca);
	return deliver(skb, to->segment, to->target, to->mac, 1);
}

/* As rewrite_receive(). NEXT: it is not for a machine's own provider address. */
static __noinline int rewrite6_receive(struct __sk_buff *skb, const struct dp_port *uplink)
{
	struct rewrite6 *a = scratch_get();
	const struct dp_rewrite *to, *from;

	if (!uplink || !a || skb->vlan_present || !rewrite6_load(skb, a) || addr_is_v4(&a->src) || addr_is_v4(&a->dst))
		return NEXT;
	to = bpf_map_lookup_elem(&rewrites, &a->dst);
	if (!to || !(to->flags & DP_REWRITE_LOCAL))
		return NEXT;
	from = bpf_map_lookup_elem(&rewrites, &a->src);
	if (rewrite6_is_hosts(skb, uplink, from != NULL))
		return NEXT;
	if (!from)
		return drop(skb, DP_DROP_REWRITE_SOURCE_UNKNOWN);
	if (from->flags & DP_REWRITE_LOCAL)
		return drop(skb, DP_DROP_OWN_PA_AS_SOURCE);
	if (from->segment != to->segment)
		return drop(skb, DP_DROP_REWRITE_SOURCE_ELSEWHERE);
	if (!to->target && !inner_is_here(to->segment, to->mac))
		return drop(skb, DP_DROP_REWRITE_NO_PORT);
	return rewrite6_in(skb, a, to, from);
}

#endif
