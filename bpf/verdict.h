/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_VERDICT_H
#define NESTOR_BPF_VERDICT_H

#include "maps.h"
#include "trace.h"

stage int verdict(struct __sk_buff *skb, __u32 what, __u32 detail, int action)
{
	skb->cb[DP_CB_VERDICT] = what;
	skb->cb[DP_CB_DETAIL] = detail;
	return action;
}

stage int pass(struct __sk_buff *skb)
{
	return verdict(skb, DP_VERDICT_PASS, 0, TC_ACT_OK);
}

/* A function of its own, not inlined: cold, and called from everywhere. ifindex: the device whose count it is. */
static __noinline int drop_at(struct __sk_buff *skb, __u32 ifindex, __u32 reason)
{
	struct dp_drop_key key = { .ifindex = ifindex, .reason = reason };
	__u64 one = 1, *count;

	trace(DROP, reason);
	count = bpf_map_lookup_elem(&drops, &key);
	if (!count && bpf_map_update_elem(&drops, &key, &one, BPF_NOEXIST) != 0) {
		/* another CPU was first, or the map is full: then the host's own entry takes it */
		count = bpf_map_lookup_elem(&drops, &key);
		if (!count) {
			key.ifindex = 0;
			count = bpf_map_lookup_elem(&drops, &key);
			if (!count)
				bpf_map_update_elem(&drops, &key, &one, BPF_NOEXIST);
		}
	}
	if (count)
		__sync_fetch_and_add(count, 1);
	return verdict(skb, DP_VERDICT_DROP, reason, TC_ACT_SHOT);
}

stage int drop(struct __sk_buff *skb, __u32 reason)
{
	return drop_at(skb, skb->ifindex, reason);
}

stage void count_sent(const struct dp_port *port, __u32 packets, __u32 bytes)
{
	__u32 slot = port->slot;
	struct dp_counters *c = bpf_map_lookup_elem(&counters, &slot);

	if (likely(c)) {
		c->sent_packets += packets;
		c->sent_bytes += bytes;
	}
}

stage void count_received(const struct dp_port *port, __u32 packets, __u32 bytes)
{
	__u32 slot = port->slot;
	struct dp_counters *c = bpf_map_lookup_elem(&counters, &slot);

	if (likely(c)) {
		c->received_packets += packets;
		c->received_bytes += bytes;
	}
}

stage __u32 frame_packets(const struct __sk_buff *skb)
{
	__u32 n = skb->gso_segs;

	return n ? n : 1;
}

#endif
