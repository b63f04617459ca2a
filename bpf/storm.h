/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_STORM_H
#define NESTOR_BPF_STORM_H

#include "parse.h"
#include "verdict.h"

#define STORM_SECOND 1000000000ull

/*
 * StormLimit: at most so many packets in a second, which begins with the first of them; the rest of that second nothing more
 * goes through. A large segment counts as what it is on a wire, and goes as a whole or not at all.
 */
static __noinline int storm_count(struct __sk_buff *skb, const struct dp_port *port)
{
	__u32 packets = frame_packets(skb), slot, limit, seen;
	__u64 now = bpf_ktime_get_ns();
	struct dp_limit *l;

	if (!port)
		return TC_ACT_SHOT;
	slot = port->slot;
	limit = port->storm_limit;
	l = bpf_map_lookup_elem(&limits, &slot);
	if (!l)
		return NEXT;
	bpf_spin_lock(&l->lock);
	if (now - l->storm_start >= STORM_SECOND) {
		l->storm_start = now;
		l->storm_packets = 0;
	}
	seen = l->storm_packets + packets;
	if (seen <= limit)
		l->storm_packets = seen;
	bpf_spin_unlock(&l->lock);
	if (seen > limit)
		return drop(skb, DP_DROP_STORM_LIMIT);
	trace(STORM, seen, limit);
	return NEXT;
}

/* Broadcast and multicast. */
stage int storm(struct __sk_buff *skb, const struct dp_port *port)
{
	const void *eth = frame_data(skb);

	if (eth + ETH_HLEN > frame_end(skb))
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	return mac_is_group(eth) ? storm_count(skb, port) : NEXT;
}

#endif
