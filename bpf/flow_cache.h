/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_FLOW_CACHE_H
#define NESTOR_BPF_FLOW_CACHE_H

#include "wire.h"

/*
 * What was found out about the sender of a packet from the wire and the port that it is for, kept for the next one like it.
 * The generation is read before the tables are: what was learnt from tables that change meanwhile is never believed.
 */
struct flow {
	struct dp_flow *slot;
	struct dp_flow key;
};

/*
 * The ifindex of the port that a frame is for, when the tables have said so since they changed last; 0: ask them. inner: the frame.
 * Only of whole IPv4 packets; a program that traces shows what the tables say.
 */
stage __u32 flow_find(struct flow *f, const void *inner, const void *end, const struct wire *w)
{
	const struct iphdr *ip = inner + ETH_HLEN;
	const struct dp_config *c;
	__u32 index = 0;

	if (TRACING || (const void *)(ip + 1) > end || ether_type(inner) != ETHERTYPE_IP4 ||
	    unlikely(ETH_HLEN + bpf_ntohs(ip->tot_len) > w->inner_len))
		return 0;
	c = bpf_map_lookup_elem(&config, &index);
	if (!c || !c->generation)
		return 0;
	f->key.generation = c->generation;
	f->key.mac_head = *(const __u64 *)inner;
	f->key.mac_tail = *(const __u32 *)(inner + 8);
	f->key.source_pa = w->source_pa;
	f->key.vsid = w->vsid;
	f->key.ca = ip->saddr;
	index = flow_mix(f->key.ca ^ f->key.vsid << 8 ^ f->key.mac_tail) & (DP_FLOWS - 1);
	f->slot = bpf_map_lookup_elem(&flows, &index);
	if (!f->slot || f->slot->generation != f->key.generation || f->slot->mac_head != f->key.mac_head ||
	    f->slot->mac_tail != f->key.mac_tail || f->slot->source_pa != f->key.source_pa || f->slot->vsid != f->key.vsid ||
	    f->slot->ca != f->key.ca)
		return 0;
	return f->slot->ifindex;
}

stage void flow_keep(struct flow *f, __u32 ifindex)
{
	if (TRACING || !f->slot)
		return;
	f->key.ifindex = ifindex;
	*f->slot = f->key;
}

#endif
