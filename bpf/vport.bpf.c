/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */

/*
 * At the ingress of the host side of a port: what the guest sends. port -> guards -> virtual subnet: tag, ARP, source
 * check -> destination, or route -> deliver on this host, or encapsulate or rewrite, and send.
 */
#include "acl.h"
#include "arp.h"
#include "deliver.h"
#include "encap.h"
#include "flood.h"
#include "group.h"
#include "guard.h"
#include "mirror.h"
#include "nd.h"
#include "pace.h"
#include "route.h"
#include "send.h"
#include "service_guard.h"
#include "source.h"
#include "storm.h"
#include "vlan.h"

/* Ethernet, IPv4 and the ports or the TCP header: what the stages read of a packet */
#define PULL_HEADERS (ETH_HLEN + 20 + 20)

/* Source rules of a virtual subnet with policy; ARP ends here. */
stage int policy_source(struct __sk_buff *skb, const struct dp_port *port, const void *eth, const void *end)
{
	const struct iphdr *ip = eth + ETH_HLEN;
	__u16 type = ether_type(eth);

	if (likely(type == ETHERTYPE_IP4)) {
		if (unlikely((const void *)(ip + 1) > end))
			return drop(skb, DP_DROP_FRAME_TRUNCATED);
		if (unlikely(!source_valid4(skb, port, eth + ETH_ALEN, ip->saddr)))
			return drop(skb, DP_DROP_SOURCE_NOT_IN_POLICY);
		return NEXT;
	}
	if (type == ETHERTYPE_ARP)
		return arp(skb, port);
	if (type == ETHERTYPE_IP6)
		return policy_source6(skb, port);
	if (!source_has_mac(skb->ifindex, port, eth + ETH_ALEN, 0))
		return drop(skb, DP_DROP_SOURCE_NOT_IN_POLICY);
	trace(SOURCE_MAC, trace_mac(eth + ETH_ALEN));
	return NEXT;
}

/* To a MAC address that nobody has: it goes to all, and counts as that. */
static __noinline int flood_unknown(struct __sk_buff *skb, const struct dp_port *port)
{
	int action = port && port->flags & DP_PORT_STORM ? storm_count(skb, port) : NEXT;

	return action == NEXT ? flood(skb, port) : action;
}

stage int forward(struct __sk_buff *skb, const struct dp_port *port, const void *eth, const void *end)
{
	const struct dp_dest *dest;

	if (unlikely(mac_is_group(eth)))
		return port->flags & DP_PORT_POLICY ? group_send(skb, port) : flood(skb, port);
	dest = dest_get(port->segment, eth);
	if (unlikely(!dest))
		return port->flags & DP_PORT_POLICY ? route(skb, port) : flood_unknown(skb, port);
	if (dest->kind == DP_DEST_REMOTE) {
		trace(DEST_REMOTE, trace_mac(eth), 0, 0, &dest->pa);
		return send(skb, port, dest, eth, end);
	}
	trace(DEST_LOCAL, trace_mac(eth), dest->target);
	if (unlikely(dest->target == skb->ifindex))
		return drop(skb, DP_DROP_DESTINATION_IS_SOURCE);
	count_sent(port, frame_packets(skb), skb->len);
	return deliver(skb, port->segment, dest->target, eth, 1);
}

stage void trace_port(const struct dp_port *port)
{
	if (!port->segment)
		trace(PORT_PLAIN);
	else if (port->flags & DP_PORT_POLICY)
		trace(PORT_POLICY, port->vsid);
	else
		trace(PORT_SEGMENT, port->vsid);
}

/* A frame of a virtual subnet. Packet pointers are loaded anew after each stage that may have moved the packet. */
stage int segment(struct __sk_buff *skb, const struct dp_port *port)
{
	const void *eth = frame_data(skb), *end = frame_end(skb);
	int action;

	if (unlikely(eth + ETH_HLEN > end))
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	if (unlikely(skb->vlan_present || ethertype_is_tag(ether_type(eth)))) {
		action = vlan_strip(skb);
		if (action != NEXT)
			return action;
	}
	if (likely(port->flags & DP_PORT_POLICY)) {
		eth = frame_data(skb), end = frame_end(skb);
		if (unlikely(eth + ETH_HLEN > end))
			return drop(skb, DP_DROP_FRAME_TRUNCATED);
		action = policy_source(skb, port, eth, end);
		if (action != NEXT)
			return action;
	}
	eth = frame_data(skb), end = frame_end(skb);
	if (unlikely(eth + ETH_HLEN > end))
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	return forward(skb, port, eth, end);
}

/* What few ports have, in the order of AC-7. */
static __noinline int rare(struct __sk_buff *skb, const struct dp_port *port)
{
	int action;

	if (!port)
		return TC_ACT_SHOT;
	if ((port->flags & DP_PORT_PACED) && pace_done(skb))
		return NEXT;
	if (port->flags & DP_PORT_GUARDS) {
		action = guard_services(skb, port);
		if (action != NEXT)
			return action;
	}
	if (port->flags & DP_PORT_STORM) {
		action = storm(skb, port);
		if (action != NEXT)
			return action;
	}
	if (port->flags & DP_PORT_ACL_OUT) {
		action = acl_check(skb, skb->ifindex, DP_ACL_OUT);
		if (action != NEXT)
			return action;
	}
	if (port->flags & DP_PORT_MIRROR)
		mirror(skb, port);
	return port->flags & DP_PORT_PACED ? pace(skb, port) : NEXT;
}

/* VSID 0: the bridge switches it. */
static __noinline int plain_vlan(struct __sk_buff *skb, const struct dp_port *port)
{
	int action = vlan_from_guest(skb, port);

	return action == NEXT ? pass(skb) : action;
}

stage int plain(struct __sk_buff *skb, const struct dp_port *port)
{
	return unlikely(port->flags & DP_PORT_VLAN) ? plain_vlan(skb, port) : pass(skb);
}

stage int vport(struct __sk_buff *skb)
{
	const struct dp_port *port = port_get(skb->ifindex);
	const void *eth = frame_data(skb);
	int action;

	if (unlikely(!port))
		return drop(skb, DP_DROP_NO_PORT);
	trace_port(port);
	if (unlikely(eth + PULL_HEADERS > frame_end(skb))) {
		bpf_skb_pull_data(skb, skb->len < PULL_HEADERS ? skb->len : PULL_HEADERS);
		eth = frame_data(skb);
		if (eth + ETH_HLEN > frame_end(skb))
			return drop(skb, DP_DROP_FRAME_TRUNCATED);
	}
	action = guard(skb, port, eth);
	if (unlikely(action != NEXT))
		return action;
	if (unlikely(port->flags & DP_PORT_RARE)) {
		action = rare(skb, port);
		if (action != NEXT)
			return action;
	}
	return port->segment ? segment(skb, port) : plain(skb, port);
}

SEC("tc")
int nestor_vport(struct __sk_buff *skb)
{
	return TRACED(skb, 0, deliver_late(skb, vport(skb)));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
