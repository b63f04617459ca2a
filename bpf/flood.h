/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_FLOOD_H
#define NESTOR_BPF_FLOOD_H

#include "ring.h"

/* To every other port of a segment without policy: broadcast, multicast, unknown unicast, as a switch does. */
static __noinline int flood(struct __sk_buff *skb, const struct dp_port *port)
{
	struct flood f = { .skb = skb, .end = skb->ifindex };

	if (!port)
		return TC_ACT_SHOT;
	f.segment = port->segment;
	f.next = port->flood_next;
	count_sent(port, frame_packets(skb), skb->len);
	flood_ring(&f);
	/* the frame itself is used up; not a drop */
	return verdict(skb, DP_VERDICT_FLOOD, f.copies, TC_ACT_SHOT);
}

#endif
