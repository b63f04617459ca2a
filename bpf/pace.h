/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_PACE_H
#define NESTOR_BPF_PACE_H

#include "verdict.h"

/*
 * MaximumBandwidth: what a guest sends takes a way round, over a device where the kernel holds it back to the port's rate, and
 * comes back to the port (pacer.bpf.c), marked, to go on where it left off. How long the queue there is follows from the rate
 * and from what was sent, so that a packet that would have to wait too long is dropped here, and counted.
 */
#define PACE_SECOND 1000000000ull
#define PACE_WAIT (50 * 1000 * 1000ull) /* ns that a packet may wait; but two large segments always find room */
#define PACE_ROOM (128 * 1024)

/* Of each packet but the first of a large segment: Ethernet, IPv4, TCP with the options that it has in bulk */
#define PACE_HEADERS 66

stage __u64 pace_time(__u64 bytes, __u64 rate)
{
	return bytes * PACE_SECOND / rate;
}

/* It has been there: true once, the mark is gone then. */
stage _Bool pace_done(struct __sk_buff *skb)
{
	if (skb->mark != (DP_PACE_MARK | skb->ifindex))
		return 0;
	skb->mark = 0;
	return 1;
}

static __noinline int pace(struct __sk_buff *skb, const struct dp_port *port)
{
	__u32 slot, pacer, bytes = skb->len + (frame_packets(skb) - 1) * PACE_HEADERS;
	__u64 now = bpf_ktime_get_ns(), rate, most, backlog;
	struct dp_limit *l;

	if (!port)
		return TC_ACT_SHOT;
	slot = port->slot;
	pacer = port->pacer;
	rate = port->rate;
	l = bpf_map_lookup_elem(&limits, &slot);
	if (!l || !rate)
		return NEXT;
	most = pace_time(PACE_ROOM, rate);
	if (most < PACE_WAIT)
		most = PACE_WAIT;
	bpf_spin_lock(&l->lock);
	if (l->pace_free < now)
		l->pace_free = now;
	backlog = l->pace_free - now;
	if (backlog <= most)
		l->pace_free += pace_time(bytes, rate);
	bpf_spin_unlock(&l->lock);
	if (backlog > most)
		return drop(skb, DP_DROP_BANDWIDTH_LIMIT);
	trace(PACED, backlog / 1000);
	if (TRACE_DRY)
		return NEXT;
	skb->mark = DP_PACE_MARK | skb->ifindex;
	skb->priority = port->pace_class;
	return verdict(skb, DP_VERDICT_QUEUE, pacer, bpf_redirect(pacer, 0));
}

#endif
