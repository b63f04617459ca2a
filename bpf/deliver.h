/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_DELIVER_H
#define NESTOR_BPF_DELIVER_H

#include "acl.h"
#include "inner.h"
#include "learn.h"
#include "parse.h"
#include "verdict.h"

/*
 * To a port of this host. The port's own entry has the last word on the virtual subnet (section 2.5, inbound).
 * redirect_peer skips the guest's backlog, but leaves protocol and packet type of the frame as they are: so only where
 * the protocol is right (peer), only to the adapter's own MAC, and never for a tap or a veth in the same namespace (flag
 * DP_PORT_PEER).
 */
stage int deliver_to(struct __sk_buff *skb, __u32 segment, const struct dp_port *port, __u32 ifindex, const void *mac, _Bool peer,
		     const __u32 learns)
{
	if (unlikely(port->segment != segment))
		return drop(skb, DP_DROP_PORT_VSID_MISMATCH);
	if (unlikely(port->flags & DP_PORT_ACL_IN)) {
		int action = acl_check(skb, ifindex, DP_ACL_IN);

		if (action != NEXT)
			return action;
	}
	trace(DELIVER, ifindex, port->vsid);
	if (unlikely(port->flags & learns))
		learn_lease(skb, port, ifindex);
	count_received(port, frame_packets(skb), skb->len);
	if (likely(peer && (port->flags & DP_PORT_PEER) && mac_equal(mac, port->mac))) {
		if (skb->pkt_type != PACKET_HOST)
			bpf_skb_change_type(skb, PACKET_HOST);
		return verdict(skb, DP_VERDICT_DELIVER_PEER, ifindex, bpf_redirect_peer(ifindex, 0));
	}
	return verdict(skb, DP_VERDICT_DELIVER, ifindex, bpf_redirect(ifindex, 0));
}

struct inner_flood {
	struct __sk_buff *skb;
	const struct dp_inner_ports *to;
	__u32 segment, copies;
};

static long inner_flood_one(__u32 i, void *arg)
{
	struct inner_flood *f = arg;
	const struct dp_port *port;
	__u32 ifindex;

	if (i >= DP_INNER_PORTS || i >= f->to->n)
		return 1;
	ifindex = f->to->ports[i];
	port = inner_port(f->segment, ifindex);
	if (!port || ifindex == f->skb->ifindex || ((port->flags & DP_PORT_ACL_IN) && acl_check(f->skb, ifindex, DP_ACL_IN) != NEXT) ||
	    (!TRACE_DRY && bpf_clone_redirect(f->skb, ifindex, 0) != 0))
		return 0;
	learn_lease(f->skb, port, ifindex);
	count_received(port, frame_packets(f->skb), f->skb->len);
	f->copies++;
	return 0;
}

/*
 * What no port has the MAC address of: for a machine inside one (inner.h). Where that is, is not known before it has sent
 * anything; until then it is as with a switch, which gives what is for an unknown one to all that may have it.
 */
static __noinline int deliver_inner(struct __sk_buff *skb, __u32 segment)
{
	struct inner_flood f = { .skb = skb, .segment = segment };
	__s32 at = inner_find(skb, segment);
	const struct dp_port *port;

	if (at < 0)
		return drop(skb, -at);
	if (at > 0) {
		port = inner_port(segment, at);
		return port ? deliver_to(skb, segment, port, at, NULL, 0, DP_PORT_LEARNS) : drop(skb, DP_DROP_PORT_GONE);
	}
	f.to = bpf_map_lookup_elem(&inner_ports, &segment);
	if (!f.to)
		return drop(skb, DP_DROP_PORT_GONE);
	bpf_loop(DP_INNER_PORTS, inner_flood_one, &f, 0);
	/* the frame itself is used up; not a drop */
	return verdict(skb, DP_VERDICT_FLOOD, f.copies, TC_ACT_SHOT);
}

/*
 * Besides actions: it is for a machine that no port has, in the segment that the verdict's detail says. Done in the end, by
 * deliver_late(): the stack would not do for both, the way to there and all ports behind which that machine may be.
 */
#define DELIVER_LATE (-2)

/* mac: the frame's destination. ifindex 0: no port has it. */
stage int deliver(struct __sk_buff *skb, __u32 segment, __u32 ifindex, const void *mac, _Bool peer)
{
	const struct dp_port *port = port_get(ifindex);

	if (unlikely(!port))
		return verdict(skb, DP_VERDICT_NONE, segment, DELIVER_LATE);
	return deliver_to(skb, segment, port, ifindex, mac, peer, DP_PORT_LEARN);
}

stage int deliver_late(struct __sk_buff *skb, int action)
{
	return unlikely(action == DELIVER_LATE) ? deliver_inner(skb, skb->cb[DP_CB_DETAIL]) : action;
}

#endif
