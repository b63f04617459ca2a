/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_DELIVER_H
#define NESTOR_BPF_DELIVER_H

#include "acl.h"
#include "learn.h"
#include "parse.h"
#include "verdict.h"

/*
 * To a port of this host. The port's own entry has the last word on the virtual subnet (section 2.5, inbound).
 * redirect_peer skips the guest's backlog, but leaves protocol and packet type of the frame as they are: so only where
 * the protocol is right (peer), only to the adapter's own MAC, and never for a tap or a veth in the same namespace (flag
 * DP_PORT_PEER).
 */
stage int deliver(struct __sk_buff *skb, __u32 segment, __u32 ifindex, const void *mac, _Bool peer)
{
	const struct dp_port *port = port_get(ifindex);

	if (unlikely(!port))
		return drop(skb, DP_DROP_PORT_GONE);
	if (unlikely(port->segment != segment))
		return drop(skb, DP_DROP_PORT_VSID_MISMATCH);
	if (unlikely(port->flags & DP_PORT_ACL_IN)) {
		int action = acl_check(skb, ifindex, DP_ACL_IN);

		if (action != NEXT)
			return action;
	}
	trace(DELIVER, ifindex, port->vsid);
	if (unlikely(port->flags & DP_PORT_LEARN))
		learn_lease(skb, port, ifindex);
	count_received(port, frame_packets(skb), skb->len);
	if (likely(peer && (port->flags & DP_PORT_PEER) && mac_equal(mac, port->mac))) {
		if (skb->pkt_type != PACKET_HOST)
			bpf_skb_change_type(skb, PACKET_HOST);
		return verdict(skb, DP_VERDICT_DELIVER_PEER, ifindex, bpf_redirect_peer(ifindex, 0));
	}
	return verdict(skb, DP_VERDICT_DELIVER, ifindex, bpf_redirect(ifindex, 0));
}

#endif
