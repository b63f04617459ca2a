/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_FLOOD_H
#define NESTOR_BPF_FLOOD_H

#include "verdict.h"

/* A ring longer than this is cut: the bound keeps one broadcast from holding the CPU. */
#define FLOOD_MAX 4096

struct flood {
	struct __sk_buff *skb;
	__u32 segment;
	__u32 from;
	__u32 next;
	__u32 copies;
};

static long flood_one(__u32 i __attribute__((unused)), void *arg)
{
	struct flood *f = arg;
	const struct dp_port *port;

	if (!f->next || f->next == f->from)
		return 1;
	port = port_get(f->next);
	if (!port || port->segment != f->segment)
		return 1;
	if (TRACE_DRY || bpf_clone_redirect(f->skb, f->next, 0) == 0) {
		count_received(port, frame_packets(f->skb), f->skb->len);
		f->copies++;
	}
	f->next = port->flood_next;
	return 0;
}

/* To every other port of a segment without policy: broadcast, multicast, unknown unicast, as a switch does. */
static __noinline int flood(struct __sk_buff *skb, const struct dp_port *port)
{
	struct flood f = { .skb = skb, .from = skb->ifindex };

	if (!port)
		return TC_ACT_SHOT;
	f.segment = port->segment;
	f.next = port->flood_next;
	count_sent(port, frame_packets(skb), skb->len);
	bpf_loop(FLOOD_MAX, flood_one, &f, 0);
	trace(FLOOD, f.copies);
	/* the frame itself is used up; not a drop */
	return verdict(skb, DP_VERDICT_FLOOD, f.copies, TC_ACT_SHOT);
}

#endif
