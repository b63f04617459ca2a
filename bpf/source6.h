/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_SOURCE6_H
#define NESTOR_BPF_SOURCE6_H

#include "ip6.h"
#include "source.h"

/*
 * Section 2.5, outbound step 1, for IPv6. A machine speaks IPv6 when a record gives it an IPv6 address, or any: else policy that
 * was written for IPv4 alone would leave link-local addresses open.
 */
stage _Bool source_speaks6(struct __sk_buff *skb, const struct dp_port *port)
{
	const void *mac = frame_data(skb) + ETH_ALEN;
	const struct dp_dest *d;

	if (mac + ETH_ALEN > frame_end(skb))
		return 0;
	if (likely(!(port->flags & DP_PORT_SPOOFING) || mac_equal(mac, port->mac)))
		return !!(port->flags & DP_PORT_CA6);
	d = dest_get(port->segment, mac);
	return d && d->kind != DP_DEST_REMOTE && d->flags & DP_DEST_CA6;
}

/* The frame's sender speaks IPv6; may it use this address? */
static __noinline _Bool source_valid6(struct __sk_buff *skb, const struct dp_port *port, const union dp_addr *ip)
{
	const void *mac = frame_data(skb) + ETH_ALEN;
	const struct dp_ca *ca;

	if (!port || !ip || mac + ETH_ALEN > frame_end(skb) || !addr_is_machine6(ip))
		return 0;
	ca = ca6_get(port->segment, ip);
	if (likely(ca && !(ca->flags & DP_CA_ROUTER) && mac_equal(ca->mac, mac) &&
		   ((ca->flags & DP_CA_LOCAL) || mac_equal(mac, port->mac)))) {
		trace(SOURCE_RECORD6, trace_mac(mac), 0, 0, ip);
		return 1;
	}
	if (addr_is_link_local(ip)) {
		if (!link_local_valid(port->segment, ip, mac, port->router_mac6))
			return 0;
		trace(SOURCE_LINK_LOCAL, trace_mac(mac), 0, 0, ip);
		return 1;
	}
	/* HN-8: what another record has is not for a machine to take whose address is not known yet */
	if (!((port->flags & DP_PORT_ANY_CA6) && mac_equal(mac, port->mac)) &&
	    (!source_has_mac(skb->ifindex, port, mac, DP_DEST_ANY_CA6) ||
	     (ca && source_has_mac(skb->ifindex, port, mac, DP_DEST_L2ONLY6))))
		return 0;
	trace(SOURCE_ANY6, trace_mac(mac), 0, 0, ip);
	return 1;
}

#endif
