/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_SOURCE_H
#define NESTOR_BPF_SOURCE_H

#include "ip6.h"
#include "parse.h"
#include "verdict.h"

/*
 * A record lets this MAC send from this port: the adapter's own, or that of a machine behind it. With DP_DEST_ANY_CA: a record
 * without address (L2Only, GatewayWildcard: HN-7, HN-8).
 */
stage _Bool source_has_mac(__u32 ifindex, const struct dp_port *port, const void *mac, __u8 flags)
{
	const struct dp_dest *d = dest_get(port->segment, mac);

	if (!d || (d->flags & flags) != flags)
		return 0;
	return mac_equal(mac, port->mac) || d->kind == DP_DEST_INNER || (d->kind == DP_DEST_LOCAL && d->target == ifindex);
}

/* The slow half: nested guests with MACs of their own, ports with many addresses, or with addresses that are learnt. */
static __noinline int source_valid4_by_map(struct __sk_buff *skb, const struct dp_port *port, __u32 ip)
{
	const struct dp_ca *ca = port ? ca4_get(port->segment, ip) : NULL;
	const void *mac = frame_data(skb) + ETH_ALEN;
	_Bool own;

	if (!port || mac + ETH_ALEN > frame_end(skb))
		return 0;
	own = mac_equal(mac, port->mac);
	if (ca && (own || (ca->flags & DP_CA_LOCAL)) && !(ca->flags & DP_CA_ROUTER) && mac_equal(ca->mac, mac)) {
		trace(SOURCE_RECORD, trace_mac(mac), ip);
		return 1;
	}
	/* HN-8: what another record has is not for a machine to take whose address is learnt */
	if (own ? !(port->learn & DP_PORT_LEARN_4) || ca :
		  !source_has_mac(skb->ifindex, port, mac, DP_DEST_ANY_CA) ||
			  (ca && !mac_equal(ca->mac, mac) && source_has_mac(skb->ifindex, port, mac, DP_DEST_L2ONLY)))
		return 0;
	trace(SOURCE_ANY, trace_mac(mac), ip);
	return 1;
}

/*
 * Section 2.5, outbound step 1: (virtual subnet, source MAC, source address) must be those of a lookup record. The
 * port's own few addresses are inline in its entry: no lookup for them.
 */
stage _Bool source_valid4(struct __sk_buff *skb, const struct dp_port *port, const void *mac, __u32 ip)
{
	if (likely(!(port->flags & DP_PORT_SPOOFING) || mac_equal(mac, port->mac))) {
		if (likely(ip && (ip == port->addr4[0] || ip == port->addr4[1] || ip == port->addr4[2] ||
				  ip == port->addr4[3]))) {
			trace(SOURCE_ADAPTER, trace_mac(mac), ip);
			return 1;
		}
		if (port->flags & DP_PORT_ANY_CA) {
			trace(SOURCE_ANY, trace_mac(mac), ip);
			return 1;
		}
		if (!(port->flags & (DP_PORT_MORE_CA | DP_PORT_LEARN)))
			return 0;
	}
	return source_valid4_by_map(skb, port, ip);
}

/*
 * DP_PORT_MORE_PA: the source's own record, by which the receiver judges (section 2.5): of one of several addresses of the machine, or
 * of a machine behind the port. NULL: there is none, what the port's entry says will do. Before the packet is routed: by its MAC.
 */
static __noinline const struct dp_ca *source_of_record(struct __sk_buff *skb, const struct dp_port *port)
{
	const void *eth = frame_data(skb), *end = frame_end(skb);
	const struct iphdr *ip = eth + ETH_HLEN;
	const struct ip6 *ip6 = eth + ETH_HLEN;
	const struct dp_ca *ca = NULL;
	union dp_addr source;

	if (!port || (const void *)(ip + 1) > end)
		return NULL;
	if (ether_type(eth) == ETHERTYPE_IP4) {
		ca = ca4_get(port->segment, ip->saddr);
	} else if (ether_type(eth) == ETHERTYPE_IP6 && (const void *)(ip6 + 1) <= end) {
		source = addr_load(&ip6->src);
		ca = ca6_get(port->segment, &source);
	}
	if (!ca || (ca->flags & (DP_CA_LOCAL | DP_CA_ROUTER)) != DP_CA_LOCAL)
		return NULL;
	return mac_equal(ca->mac, eth + ETH_ALEN) ? ca : NULL;
}

/* The same of a machine behind the port that sends from an address without a record (HN-7, HN-8): its own is judged by, not the port's. */
static __noinline const struct dp_dest *source_of_inner(struct __sk_buff *skb, const struct dp_port *port)
{
	const void *mac = frame_data(skb) + ETH_ALEN;
	const struct dp_dest *d;

	if (!port || mac + ETH_ALEN > frame_end(skb) || mac_equal(mac, port->mac))
		return NULL;
	d = dest_get(port->segment, mac);
	return d && d->kind == DP_DEST_INNER ? d : NULL;
}

#endif
