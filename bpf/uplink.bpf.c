/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */

/*
 * At the ingress of the uplink: what the wire brings. NVGRE or VXLAN for a provider address of this host: outer headers ->
 * records of the inner source -> decapsulate -> deliver, to one port or to all (WG-7). IP rewrite: provider addresses ->
 * customer addresses -> deliver.
 * Everything else goes on to the kernel, untouched.
 */
#include "deliver.h"
#include "flow_cache.h"
#include "icmp6.h"
#include "group_wire.h"
#include "meta.h"
#include "rewrite6_wire.h"
#include "wire.h"

/* outer headers, inner Ethernet and IPv4; also enough for inner ARP */
#define PULL_HEADERS (INNER_AT(DP_ENCAP_NVGRE4) + ETH_HLEN + 28)
/* the same for whatever outer headers, and inner IPv6 */
#define PULL_OTHER (OUTER_HEADERS_MAX + ETH_HLEN + 40)

/* The kernel also notes what family the packet is of now; before Linux 6.3 it does not. */
stage __u64 decap_flags(const struct wire *w, __u16 inner_type)
{
	if (unlikely(inner_type == ETHERTYPE_IP6 && !w->is_ip6))
		return ROOM_FLAGS | ROOM_DECAP_L3_IPV6;
	return w->is_ip6 && inner_type == ETHERTYPE_IP4 ? ROOM_FLAGS | ROOM_DECAP_L3_IPV4 : ROOM_FLAGS;
}

/*
 * The kernel cuts nothing out of a packet when less than an IP header of the family that it takes it for would remain: to
 * Ethernet's minimum then. And without flags that it may not know.
 */
stage _Bool decapsulate_anyhow(struct __sk_buff *skb, const struct wire *w, __u64 flags, _Bool *ret_peer)
{
	*ret_peer = *ret_peer && flags == ROOM_FLAGS;
	if (skb->len < w->inner + ETH_ZLEN)
		bpf_skb_change_tail(skb, w->inner + ETH_ZLEN, 0);
	return bpf_skb_adjust_room(skb, -(__s32)w->inner, BPF_ADJ_ROOM_MAC, ROOM_FLAGS) == 0;
}

/*
 * Cuts the outer headers out, between the outer Ethernet header and the inner packet, and puts the inner Ethernet
 * header in the outer one's place. Padding that the wire added to a short frame goes too. *ret_peer: the kernel has the right
 * idea of the packet's protocol.
 */
stage int decapsulate(struct __sk_buff *skb, const struct wire *w, struct ether inner, _Bool *ret_peer)
{
	__u64 flags = decap_flags(w, inner.type);
	struct ethhdr frame;

	*ret_peer = inner.type == ETHERTYPE_IP4 || inner.type == ETHERTYPE_IP6;
	if (unlikely(skb->len - w->inner > w->inner_len))
		bpf_skb_change_tail(skb, w->inner + w->inner_len, 0);
	/* what the NIC has verified first was the outer checksum */
	if (unlikely(w->checksum))
		bpf_csum_level(skb, BPF_CSUM_LEVEL_DEC);
	if (unlikely(bpf_skb_adjust_room(skb, -(__s32)w->inner, BPF_ADJ_ROOM_MAC, flags) != 0 &&
		     !decapsulate_anyhow(skb, w, flags, ret_peer)))
		return DP_DROP_DECAP_FAILED;
	/*
	 * By the helper: with a direct write anywhere, the verifier has every packet's head made private at the start of the
	 * program, which takes the metadata of the XDP program from a packet that somebody else looks at, too (tcpdump).
	 */
	ether_store(&frame, inner);
	if (unlikely(bpf_skb_store_bytes(skb, 0, &frame, ETH_HLEN, 0) != 0))
		return DP_DROP_DECAP_FAILED;
	return WIRE_OURS;
}

/* Neighbour discovery never crosses hosts: each answers from its records. at: the inner IPv6 header */
static __noinline int find_nd(struct __sk_buff *skb, __u32 at)
{
	struct headers h = { .at = at, .end = skb->len };
	int type = icmp6_local_type(skb, &h);

	if (type < 0)
		return DP_DROP_IPV6_HEADERS;
	return type ? DP_DROP_ND_FROM_WIRE : WIRE_OURS;
}

stage int find_port(__u32 vsid, const void *mac, __u32 *ret_ifindex)
{
	const struct dp_dest *dest = dest_get(vsid, mac);

	if (likely(dest && dest->kind == DP_DEST_LOCAL)) {
		*ret_ifindex = dest->target;
		return WIRE_OURS;
	}
	*ret_ifindex = 0;
	return inner_is_here(vsid, mac) ? WIRE_OURS : DP_DROP_DESTINATION_NOT_LOCAL;
}

/* A frame that is for one port. */
stage int receive_one(struct __sk_buff *skb, const struct wire *w, struct ether inner, __u32 target)
{
	_Bool peer;
	int reason;

	trace(DEST_LOCAL, trace_mac(&inner), target);
	reason = decapsulate(skb, w, inner, &peer);
	if (unlikely(reason != WIRE_OURS))
		return drop(skb, reason);
	trace(DECAP, skb->len);
	return deliver(skb, w->vsid, target, &inner, peer);
}

/* A packet that is good as far as its inner source. p: its first bytes; at: where the inner frame begins. */
stage int receive(struct __sk_buff *skb, const void *p, const void *at, const void *end, const struct wire *w,
		  const struct dp_port *uplink, struct flow *flow)
{
	_Bool peer, for_many, to_group;
	struct ether inner;
	__u32 target = 0;
	int reason;

	if (unlikely(at + ETH_HLEN > end))
		return drop(skb, DP_DROP_INNER_TRUNCATED);
	inner = ether_load(at);
	if (unlikely(inner.type == ETHERTYPE_IP6)) {
		reason = find_nd(skb, w->inner + ETH_HLEN);
		if (reason != WIRE_OURS)
			return drop(skb, reason);
	}
	to_group = outer_is_group(uplink, p, w);
	for_many = to_group || mac_is_group(&inner);
	reason = likely(!for_many) ? find_port(w->vsid, &inner, &target) : group_accept(p, at, end, w, to_group, &target);
	if (unlikely(reason != WIRE_OURS))
		return drop(skb, reason);
	if (likely(!for_many)) {
		flow_keep(flow, target);
		return receive_one(skb, w, inner, target);
	}
	trace(WIRE_FOR_MANY);
	reason = decapsulate(skb, w, inner, &peer);
	if (unlikely(reason != WIRE_OURS))
		return drop(skb, reason);
	trace(DECAP, skb->len);
	return group_receive(skb, w->vsid, target);
}

stage void wire_trace(const struct wire *w)
{
	if (!w->is_ip6 && !w->vxlan)
		trace(WIRE_NVGRE, w->source_pa, w->vsid);
	else if (!w->is_ip6)
		trace(WIRE_VXLAN, w->source_pa, w->vsid);
	else if (!w->vxlan)
		trace(WIRE_NVGRE6, 0, w->vsid, 0, &w->source_pa6);
	else
		trace(WIRE_VXLAN6, 0, w->vsid, 0, &w->source_pa6);
}

/* A function of its own so that its stack is free again when the packet is delivered. */
static __noinline int other_headers(struct __sk_buff *skb, const struct dp_port *uplink, struct wire *w)
{
	const void *p = frame_data(skb), *end = frame_end(skb), *at;
	int reason;

	if (!uplink || !w)
		return WIRE_OTHER;
	if (p + PULL_OTHER > end) {
		bpf_skb_pull_data(skb, skb->len < PULL_OTHER ? skb->len : PULL_OTHER);
		p = frame_data(skb), end = frame_end(skb);
	}
	reason = wire_other(p, end, skb->len, skb->gso_size, uplink, w);
	if (reason != WIRE_OURS)
		return reason;
	trace_inner(w->inner);
	wire_trace(w);
	/* for the verifier: an offset that is small, and one pointer, as each sum of its own would have to be checked again */
	at = p + (w->inner & 127);
	asm volatile("" : "+r"(at));
	return wire_inner(at, end, w, uplink);
}

/* All but IPv4 in NVGRE over IPv4, and what is not ours. */
static __noinline int uplink_other(struct __sk_buff *skb, const struct dp_port *uplink)
{
	struct flow none = {};
	struct wire w = {};
	const void *p, *at;
	int reason;

	if (!uplink)
		return pass(skb);
	reason = other_headers(skb, uplink, &w);
	if (reason == WIRE_OTHER) {
		trace(WIRE_OTHER);
		return pass(skb);
	}
	if (reason != WIRE_OURS)
		return drop(skb, reason);
	p = frame_data(skb);
	if (p + OUTER_IP + 40 > frame_end(skb))
		return drop(skb, DP_DROP_OUTER_TRUNCATED);
	at = p + (w.inner & 127);
	asm volatile("" : "+r"(at));
	return receive(skb, p, at, frame_end(skb), &w, uplink, &none);
}

/* Rare enough for uplink_other() */
stage _Bool inner_is_ip6(const void *p, const void *end)
{
	return p + INNER_AT(DP_ENCAP_NVGRE4) + ETH_HLEN <= end && ether_type(p + INNER_AT(DP_ENCAP_NVGRE4)) == ETHERTYPE_IP6;
}

/*
 * A frame that the XDP program has judged and decapsulated. The kernel looked at it only after that: its protocol is
 * right, whatever it is.
 */
stage int deliver_by_meta(struct __sk_buff *skb)
{
	const struct meta *meta = frame_meta(skb);
	const void *p = frame_data(skb);
	__u32 segment, ifindex;
	__u8 source;

	if (p + ETH_HLEN > frame_end(skb))
		return NEXT;
	source = *(const __u8 *)(p + ETH_ALEN);
	if ((const void *)(meta + 1) > p || meta->magic != META_MAGIC)
		return source & META_MARK ? drop(skb, DP_DROP_DECAP_FAILED) : NEXT;
	segment = meta->segment;
	ifindex = meta->ifindex;
	source &= ~META_MARK;
	if (bpf_skb_store_bytes(skb, ETH_ALEN, &source, 1, 0) != 0)
		return drop(skb, DP_DROP_DECAP_FAILED);
	p = frame_data(skb);
	if (p + ETH_HLEN > frame_end(skb))
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	trace(WIRE_META);
	return deliver(skb, segment, ifindex, p, 1);
}

stage int uplink(struct __sk_buff *skb)
{
	const struct dp_port *port;
	const void *p, *end, *inner;
	struct flow flow = {};
	struct wire w = {};
	int reason, action;
	__u32 known;

	port = port_get(skb->ifindex);
	if (unlikely(!port))
		return pass(skb);
	if (port->flags & DP_PORT_XDP) {
		reason = deliver_by_meta(skb);
		if (reason != NEXT)
			return reason;
	}
	if (unlikely(skb->protocol != ETHERTYPE_IP4)) {
		if (skb->protocol == ETHERTYPE_IP6 && (port->flags & DP_PORT_OUTER)) {
			action = port->flags & DP_PORT_REWRITE ? rewrite6_receive(skb, port) : NEXT;
			return action != NEXT ? action : uplink_other(skb, port);
		}
		trace(WIRE_OTHER);
		return pass(skb);
	}
	p = frame_data(skb), end = frame_end(skb);
	if (unlikely(p + PULL_HEADERS > end)) {
		bpf_skb_pull_data(skb, skb->len < PULL_HEADERS ? skb->len : PULL_HEADERS);
		p = frame_data(skb), end = frame_end(skb);
	}
	if ((port->flags & DP_PORT_REWRITE) && rewrite_receive(skb, p, end, port, &action))
		return action;
	reason = wire_nvgre4(p, end, skb->len, skb->gso_size, port, &w);
	if (reason == WIRE_OTHER && (port->flags & DP_PORT_OUTER))
		return uplink_other(skb, port);
	if (reason == WIRE_OTHER) {
		trace(WIRE_OTHER);
		return pass(skb);
	}
	if (unlikely(reason != WIRE_OURS))
		return drop(skb, reason);
	if (unlikely(inner_is_ip6(p, end)))
		return uplink_other(skb, port);
	trace_inner(INNER_AT(DP_ENCAP_NVGRE4));
	wire_trace(&w);
	inner = p + INNER_AT(DP_ENCAP_NVGRE4);
	/* to a group it may be another packet with the same addresses inside */
	known = likely(!outer_is_group(port, p, &w)) ? flow_find(&flow, inner, end, &w) : 0;
	if (likely(known))
		return receive_one(skb, &w, ether_load(inner), known);
	reason = wire_inner(inner, end, &w, port);
	if (unlikely(reason != WIRE_OURS))
		return drop(skb, reason);
	return receive(skb, p, inner, end, &w, port, &flow);
}

SEC("tc")
int nestor_uplink(struct __sk_buff *skb)
{
	return TRACED(skb, 1, deliver_late(skb, uplink(skb)));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
