/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_GROUP_H
#define NESTOR_BPF_GROUP_H

#include "encap.h"
#include "ring.h"
#include "send.h"

/*
 * Broadcast and multicast from a guest of a virtual subnet with policy, where they are on (WG-7): a copy to every other port
 * of the subnet on this host and, encapsulated, one to its multicast provider address or one to each host that has a machine
 * of it. ARP is never among it: it ends in an earlier stage (section 2.5).
 */

struct replication {
	struct __sk_buff *skb;
	const struct dp_port *port;
	const struct dp_group *group;
	struct ether inner;
	__u32 bytes;   /* of the frame, without outer headers */
	__u32 largest; /* inner packet on the wire */
	__u32 copies;
	__u32 hash;
	__u32 encap;   /* whose headers there is room for, once it is grown */
	_Bool grown, is_ip;
};

/* Of one copy; the loop goes on or ends. */
stage long replica_drop(const struct replication *r, __u32 reason, long end)
{
	drop(r->skb, reason);
	return end;
}

stage long replica_grow(struct replication *r, __u32 encap)
{
	switch (encap) {
	case DP_ENCAP_NVGRE4:
		return encap_grow(r->skb, r->is_ip, DP_ENCAP_NVGRE4);
	case DP_ENCAP_VXLAN4:
		return encap_grow(r->skb, r->is_ip, DP_ENCAP_VXLAN4);
	case DP_ENCAP_NVGRE6:
		return encap_grow(r->skb, r->is_ip, DP_ENCAP_NVGRE6);
	case DP_ENCAP_VXLAN6:
		return encap_grow(r->skb, r->is_ip, DP_ENCAP_VXLAN6);
	}
	return -1;
}

/*
 * Room for the outer headers of the next copy. Peers come in the order of enum dp_encap, which is that of the headers' sizes: so it
 * only grows. How a large segment is to be segmented cannot be changed once it has been said.
 */
stage _Bool replica_room(struct replication *r, __u32 encap)
{
	__u32 more;
	long e;

	if (r->grown && r->encap == encap)
		return 1;
	if (!r->grown) {
		e = replica_grow(r, encap);
	} else {
		more = DP_ENCAP_OVERHEAD(encap) - DP_ENCAP_OVERHEAD(r->encap);
		if (more > 28 || r->skb->gso_size)
			return 0;
		e = r->is_ip ? bpf_skb_adjust_room(r->skb, more, BPF_ADJ_ROOM_MAC, ROOM_FLAGS) : bpf_skb_change_head(r->skb, more, 0);
	}
	r->grown = 1;
	r->encap = encap;
	return e == 0;
}

/* encap: constant */
stage _Bool replica_write_as(struct replication *r, const struct dp_nexthop *nh, const __u32 encap)
{
	__u32 hash = nh->flags & DP_NEXTHOP_NO_FLOWID ? 0 : r->hash;
	void *p = frame_data(r->skb);

	if (p + INNER_AT(encap) + ETH_HLEN > frame_end(r->skb))
		return 0;
	outer_write(p, source_of_port(r->port), nh, r->port->vsid, r->bytes, hash, encap);
	ether_store(p + INNER_AT(encap), r->inner);
	return 1;
}

stage _Bool replica_write(struct replication *r, const struct dp_nexthop *nh)
{
	switch (r->encap) {
	case DP_ENCAP_NVGRE4:
		return replica_write_as(r, nh, DP_ENCAP_NVGRE4);
	case DP_ENCAP_VXLAN4:
		return replica_write_as(r, nh, DP_ENCAP_VXLAN4);
	case DP_ENCAP_NVGRE6:
		return replica_write_as(r, nh, DP_ENCAP_NVGRE6);
	case DP_ENCAP_VXLAN6:
		return replica_write_as(r, nh, DP_ENCAP_VXLAN6);
	}
	return 0;
}

/* Room is made once for a kind; each copy gets its outer headers written over those of the one before. */
static long replicate_one(__u32 i, void *arg)
{
	const __u32 ready = DP_NEXTHOP_PRESENT | DP_NEXTHOP_RESOLVED;
	struct replication *r = arg;
	const struct dp_nexthop *nh;
	__u32 reason;

	if (i >= DP_GROUP_PEERS || i >= r->group->n_peers)
		return 1;
	nh = send_way(r->port, r->group->peers[i], &reason);
	if (!nh)
		return replica_drop(r, reason, 0);
	if ((nh->flags & ready) != ready)
		return replica_drop(r, DP_DROP_NO_NEXT_HOP, 0);
	if (nh->mtu && r->largest > nh->mtu)
		return replica_drop(r, DP_DROP_TOO_BIG, 0);
	if (!replica_room(r, nh->encap) || !replica_write(r, nh))
		return replica_drop(r, DP_DROP_ENCAP_FAILED, 1);
	trace(COPY_SENT, trace_mac(nh->dst_mac), nh->ifindex, 0, &nh->pa);
	if (TRACE_DRY || bpf_clone_redirect(r->skb, nh->ifindex, 0) == 0)
		r->copies++;
	return 0;
}

/* To the other hosts; the number of copies. */
static __noinline __u32 replicate(struct __sk_buff *skb, const struct dp_port *port, const struct dp_group *group)
{
	struct replication r = { .skb = skb, .port = port, .group = group };
	const void *eth = frame_data(skb), *end = frame_end(skb);

	if (!port || !group || !group->n_peers || eth + ETH_HLEN > end)
		return 0;
	r.inner = ether_load(eth);
	r.is_ip = r.inner.type == ETHERTYPE_IP4 || r.inner.type == ETHERTYPE_IP6;
	r.bytes = skb->len;
	/* of a large segment, which is UDP's here: its pieces with the longest headers there are */
	r.largest = skb->gso_size ? skb->gso_size + 60 + 8 : skb->len - ETH_HLEN;
	r.hash = flow_hash(eth, end);
	bpf_loop(DP_GROUP_PEERS, replicate_one, &r, 0);
	return r.copies;
}

static __noinline int group_send(struct __sk_buff *skb, const struct dp_port *port)
{
	struct flood f = { .skb = skb, .end = skb->ifindex };
	const void *eth = frame_data(skb);
	const struct dp_group *group;
	__u32 segment;

	if (!port || eth + ETH_HLEN > frame_end(skb))
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	segment = port->segment;
	group = bpf_map_lookup_elem(&groups, &segment);
	if (!group)
		return drop(skb, DP_DROP_BROADCAST_OFF);
	if (mac_is_reserved(eth))
		return drop(skb, DP_DROP_GROUP_RESERVED_MAC);
	count_sent(port, frame_packets(skb), skb->len);
	f.segment = segment;
	f.next = port->flood_next;
	flood_ring(&f);
	f.copies += replicate(skb, port, group);
	/* the frame itself is used up; not a drop */
	return verdict(skb, DP_VERDICT_FLOOD, f.copies, TC_ACT_SHOT);
}

#endif
