/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_GROUP_H
#define NESTOR_BPF_GROUP_H

#include "nvgre.h"
#include "ring.h"

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
	__u8 flow_id;
	_Bool grown;
};

/* Of one copy; the loop goes on or ends. */
stage long replica_drop(const struct replication *r, __u32 reason, long end)
{
	drop(r->skb, reason);
	return end;
}

/* Room is made once; each copy gets its outer headers written over those of the one before. */
static long replicate_one(__u32 i, void *arg)
{
	const __u32 ready = DP_NEXTHOP_PRESENT | DP_NEXTHOP_RESOLVED;
	struct replication *r = arg;
	const struct dp_nexthop *nh;
	void *p;

	if (i >= DP_GROUP_PEERS || i >= r->group->n_peers)
		return 1;
	nh = bpf_map_lookup_elem(&nexthops, &r->group->peers[i]);
	if (!nh || (nh->flags & ready) != ready)
		return replica_drop(r, DP_DROP_NO_NEXT_HOP, 0);
	if (!addr_is_v4(&nh->pa))
		return replica_drop(r, DP_DROP_PA_FAMILY, 0);
	if (nh->mtu && r->largest > nh->mtu)
		return replica_drop(r, DP_DROP_TOO_BIG, 0);
	if (!r->grown && nvgre_grow(r->skb, r->inner.type == ETHERTYPE_IP4) != 0)
		return replica_drop(r, DP_DROP_ENCAP_FAILED, 1);
	r->grown = 1;
	p = frame_data(r->skb);
	if (p + NVGRE_PAYLOAD > frame_end(r->skb))
		return replica_drop(r, DP_DROP_ENCAP_FAILED, 1);
	nvgre_write(p, r->port, nh, r->port->vsid, r->bytes + NVGRE_GROWTH - ETH_HLEN,
		    nh->flags & DP_NEXTHOP_NO_FLOWID ? 0 : r->flow_id);
	ether_store(p + NVGRE_INNER, r->inner);
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
	const struct iphdr *ip = eth + ETH_HLEN;

	if (!port || !group || !group->n_peers || eth + ETH_HLEN > end)
		return 0;
	if (!addr_is_v4(&port->src_pa)) {
		drop(skb, port->src_pa.w[3] ? DP_DROP_PA_FAMILY : DP_DROP_NO_SOURCE_PA);
		return 0;
	}
	r.inner = ether_load(eth);
	r.bytes = skb->len;
	/* of a large segment, which is UDP's here: its pieces with the longest headers there are */
	r.largest = skb->gso_size ? skb->gso_size + 60 + 8 : skb->len - ETH_HLEN;
	if (r.inner.type == ETHERTYPE_IP4 && (const void *)(ip + 1) <= end)
		r.flow_id = flow_id_ip4(ip, end);
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
