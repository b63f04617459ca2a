/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */

/*
 * At the ingress of the uplink: what the wire brings. NVGRE for a provider address of this host: outer headers ->
 * records of the inner source -> decapsulate -> deliver. IP rewrite: provider addresses -> customer addresses -> deliver.
 * Everything else goes on to the kernel, untouched.
 */
#include "deliver.h"
#include "icmp6.h"
#include "meta.h"
#include "rewrite.h"
#include "wire.h"

/* outer headers, inner Ethernet and IPv4; also enough for inner ARP */
#define PULL_HEADERS (NVGRE_PAYLOAD + 40)

/*
 * Cuts the outer headers out, between the outer Ethernet header and the inner packet, and puts the inner Ethernet
 * header in the outer one's place. Padding that the wire added to a short frame goes too.
 */
stage int decapsulate(struct __sk_buff *skb, const struct wire *w, struct ether inner)
{
	struct ethhdr frame;

	if (unlikely(w->inner_len && skb->len > NVGRE_INNER + w->inner_len))
		bpf_skb_change_tail(skb, NVGRE_INNER + w->inner_len, 0);
	/* the kernel cuts nothing out of a packet when less than an IPv4 header would remain: to Ethernet's minimum then */
	if (unlikely(skb->len < NVGRE_PAYLOAD + sizeof(struct iphdr)))
		bpf_skb_change_tail(skb, NVGRE_INNER + ETH_ZLEN, 0);
	if (unlikely(bpf_skb_adjust_room(skb, -NVGRE_GROWTH, BPF_ADJ_ROOM_MAC, PLAIN_FLAGS) != 0))
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

/* Neighbour discovery never crosses hosts: each answers from its records. at: the inner IPv6 header */
static __noinline int find_nd(struct __sk_buff *skb, __u32 at)
{
	struct headers h = { .at = at, .end = skb->len };
	int type = icmp6_local_type(skb, &h);

	if (type < 0)
		return DP_DROP_IPV6_HEADERS;
	return type ? DP_DROP_ND_FROM_WIRE : WIRE_OURS;
}

stage int uplink(struct __sk_buff *skb)
{
	const struct dp_port *port;
	const struct dp_dest *dest;
	struct wire w = {};
	struct ether inner;
	const void *p, *end;
	int reason, action;

	port = port_get(skb->ifindex);
	if (unlikely(!port))
		return pass(skb);
	if (port->flags & DP_PORT_XDP) {
		reason = deliver_by_meta(skb);
		if (reason != NEXT)
			return reason;
	}
	if (skb->protocol != ETHERTYPE_IP4)
		return pass(skb);
	p = frame_data(skb), end = frame_end(skb);
	if (unlikely(p + PULL_HEADERS > end)) {
		bpf_skb_pull_data(skb, skb->len < PULL_HEADERS ? skb->len : PULL_HEADERS);
		p = frame_data(skb), end = frame_end(skb);
	}
	if ((port->flags & DP_PORT_REWRITE) && rewrite_receive(skb, p, end, &action))
		return action;
	reason = wire_outer(p, end, skb->len, skb->gso_size, port, &w);
	if (reason == WIRE_OTHER) {
		trace(WIRE_OTHER);
		return pass(skb);
	}
	if (likely(reason == WIRE_OURS)) {
		trace_inner(NVGRE_INNER);
		trace(WIRE_NVGRE, w.source_pa, w.vsid);
		reason = wire_inner(p + NVGRE_INNER, end, &w, port);
	}
	if (unlikely(reason != WIRE_OURS))
		return drop(skb, reason);
	if (unlikely(p + NVGRE_PAYLOAD > end))
		return drop(skb, DP_DROP_INNER_TRUNCATED);
	inner = ether_load(p + NVGRE_INNER);
	if (unlikely(inner.type == ETHERTYPE_IP6)) {
		reason = find_nd(skb, NVGRE_PAYLOAD);
		if (reason != WIRE_OURS)
			return drop(skb, reason);
	}
	if (unlikely(mac_is_group(&inner)))
		return drop(skb, DP_DROP_BROADCAST_OFF);
	dest = dest_get(w.vsid, &inner);
	if (unlikely(!dest || dest->kind != DP_DEST_LOCAL))
		return drop(skb, DP_DROP_DESTINATION_NOT_LOCAL);
	trace(DEST_LOCAL, trace_mac(&inner), dest->target);
	reason = decapsulate(skb, &w, inner);
	if (unlikely(reason != WIRE_OURS))
		return drop(skb, reason);
	trace(DECAP, skb->len);
	return deliver(skb, w.vsid, dest->target, &inner, inner.type == ETHERTYPE_IP4);
}

SEC("tc")
int nestor_uplink(struct __sk_buff *skb)
{
	return TRACED(skb, 1, uplink(skb));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
