/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_WIRE_H
#define NESTOR_BPF_WIRE_H

#include "nvgre.h"
#include "trace.h"

/*
 * What comes from the wire: the outer headers of NVGRE over IPv4, checked and removed. Only pure functions of the
 * bytes and of the maps here, so that TC and XDP programs share them.
 */

/* What decapsulation learnt of a packet. */
struct wire {
	__u32 vsid;
	__u32 source_pa;	/* network order */
	__u32 inner_len;	/* of the inner frame as the outer header tells it; 0: not known (large segment) */
};

/* Results besides drop reasons */
#define WIRE_OURS 0	/* NVGRE for us, well-formed */
#define WIRE_OTHER (-1) /* not ours: the kernel goes on */

stage int wire_gre(const void *p, struct wire *w)
{
	__u16 flags = bpf_ntohs(*(const __u16 *)(p + NVGRE_GRE));

	if (unlikely(flags != GRE_FLAGS_KEY)) {
		if (flags & GRE_VERSION_MASK)
			return DP_DROP_GRE_VERSION;
		return flags & ~GRE_FLAG_K ? DP_DROP_GRE_FLAGS : DP_DROP_GRE_NO_KEY;
	}
	w->vsid = bpf_ntohl(*(const __u32 *)(p + 38)) >> 8;
	if (unlikely(w->vsid < DP_VSID_MIN || w->vsid > DP_VSID_MAX))
		return DP_DROP_VSID_RESERVED;
	return WIRE_OURS;
}

/*
 * Outer headers, p: start of the frame, len: all of it, segmented: its length fields are those of a large segment.
 * The caller has made as much of NVGRE_PAYLOAD bytes linear as the frame has. A packet is ours when it is protocol 47
 * to a provider address of this host with GRE protocol type 0x6558; of one too short to tell, the first part that is
 * there decides.
 */
stage int wire_outer(const void *p, const void *end, __u32 len, _Bool segmented, const struct dp_port *uplink,
		     struct wire *w)
{
	const struct iphdr *ip = p + NVGRE_IP;
	__u32 tot_len;

	if (p + ETH_HLEN > end || ether_type(p) != ETHERTYPE_IP4)
		return WIRE_OTHER;
	/* less than an IPv4 header: nobody can tell whom it is for, so it is nobody's */
	if ((const void *)(ip + 1) > end)
		return DP_DROP_OUTER_TRUNCATED;
	if (ip->protocol != IPPROTO_GRE || ip->version != 4 || !pa4_is_local(uplink, ip->daddr))
		return WIRE_OTHER;
	if (unlikely(ip->frag_off & IP_FRAGMENT))
		return DP_DROP_OUTER_FRAGMENT;
	if (unlikely(ip->ihl != 5))
		return DP_DROP_OUTER_OPTIONS;
	if (unlikely(p + NVGRE_GRE + 4 > end))
		return DP_DROP_OUTER_TRUNCATED;
	if (*(const __u16 *)(p + NVGRE_GRE + 2) != bpf_htons(GRE_PROTO_TEB))
		return WIRE_OTHER;
	if (unlikely(p + NVGRE_INNER > end))
		return DP_DROP_OUTER_TRUNCATED;
	tot_len = bpf_ntohs(ip->tot_len);
	w->inner_len = segmented ? 0 : tot_len - (NVGRE_INNER - NVGRE_IP);
	if (unlikely(!segmented && (tot_len < NVGRE_INNER - NVGRE_IP || tot_len > len - NVGRE_IP)))
		return DP_DROP_OUTER_TRUNCATED;
	w->source_pa = ip->saddr;
	return wire_gre(p, w);
}

/*
 * The record of the inner source must name the outer source (section 2.5, inbound). Nobody else may send from an
 * address of this host: whose record it is tells that without a lookup on the way of good packets.
 */
stage int wire_source_pa(const struct dp_dest *d, const struct wire *w, const struct dp_port *uplink)
{
	if (d)
		trace(INNER_SOURCE, 0, 0, 0, &d->pa);
	if (likely(d && d->kind != DP_DEST_LOCAL && addr_equals_v4(&d->pa, w->source_pa)))
		return WIRE_OURS;
	if (pa4_is_local(uplink, w->source_pa))
		return DP_DROP_OWN_PA_AS_SOURCE;
	return d ? DP_DROP_WRONG_SOURCE_PA : DP_DROP_INNER_SOURCE_UNKNOWN;
}

stage int wire_source_mac(const void *inner, const struct wire *w, const struct dp_port *uplink)
{
	return wire_source_pa(dest_get(w->vsid, inner + ETH_ALEN), w, uplink);
}

stage int wire_source4(const void *inner, __u32 ca, const struct wire *w, const struct dp_port *uplink)
{
	const struct dp_dest *d = dest_get(w->vsid, inner + ETH_ALEN);
	const struct dp_ca *c;

	if (unlikely(d && (d->ca4 != ca || !ca)) && !(d->flags & DP_DEST_ANY_CA)) {
		c = ca4_get(w->vsid, ca);
		if (!c || (c->flags & DP_CA_ROUTER) || !mac_equal(c->mac, inner + ETH_ALEN))
			d = NULL;
	}
	return wire_source_pa(d, w, uplink);
}

stage void wire_source_key(struct dp_source_key *key, const struct wire *w)
{
	key->pa.w[2] = ADDR4_PREFIX;
	key->pa.w[3] = w->source_pa;
}

/*
 * A routed packet: its source MAC is the router's of its subnet or, where that has none, of the sender's. It is good when the
 * routing domain has a record of the inner source, in whichever subnet, at the outer source. router: of the subnet.
 */
static __noinline int wire_routed(struct dp_source_key *key, const __u8 *router, const void *mac)
{
	const struct dp_source *source;
	union dp_addr ca;

	if (!key || !router || !mac)
		return DP_DROP_INNER_SOURCE_UNKNOWN;
	if (mac_is_zero(mac) || (!mac_is_zero(router) && !mac_equal(mac, router)))
		return DP_DROP_INNER_SOURCE_UNKNOWN;
	ca = key->ca;
	source = bpf_map_lookup_elem(&sources, key);
	if (!source) {
		/* any of the family (HN-7) */
		key->ca = (union dp_addr){ .w = { 0, 0, addr_is_v4(&ca) ? ADDR4_PREFIX : 0, 0 } };
		source = bpf_map_lookup_elem(&sources, key);
	}
	if (!source)
		return mac_is_zero(router) ? DP_DROP_INNER_SOURCE_UNKNOWN : DP_DROP_ROUTED_SOURCE_UNKNOWN;
	if (mac_is_zero(router) && !mac_equal(mac, source->router_mac))
		return DP_DROP_INNER_SOURCE_UNKNOWN;
	trace(INNER_ROUTED, 0, 0, 0, &ca);
	return WIRE_OURS;
}

/* inner: Ethernet and IPv4, checked */
stage int wire_routed4(const void *inner, const struct wire *w)
{
	const struct iphdr *ip = inner + ETH_HLEN;
	__u32 vsid = w->vsid;
	const struct dp_subnet *subnet = bpf_map_lookup_elem(&subnets, &vsid);
	struct dp_source_key key = { .ca.w = { 0, 0, ADDR4_PREFIX, ip->saddr } };

	if (!subnet)
		return DP_DROP_INNER_SOURCE_UNKNOWN;
	__builtin_memcpy(key.domain, subnet->domain, sizeof(key.domain));
	wire_source_key(&key, w);
	return wire_routed(&key, subnet->router_mac, inner + ETH_ALEN);
}

#include "wire6.h"

/* The inner frame, inner: its Ethernet header. */
stage int wire_inner(const void *inner, const void *end, const struct wire *w, const struct dp_port *uplink)
{
	const struct iphdr *ip = inner + ETH_HLEN;
	const struct arp4 *arp = inner + ETH_HLEN;
	__u16 type;
	int reason;

	if (unlikely(inner + ETH_HLEN > end || (w->inner_len && w->inner_len < ETH_HLEN)))
		return DP_DROP_INNER_TRUNCATED;
	type = ether_type(inner);
	if (unlikely(ethertype_is_tag(type)))
		return DP_DROP_INNER_VLAN_TAG;
	if (unlikely(mac_is_group(inner + ETH_ALEN)))
		return DP_DROP_SOURCE_MAC_GROUP;
	if (likely(type == ETHERTYPE_IP4)) {
		if (unlikely((const void *)(ip + 1) > end))
			return DP_DROP_INNER_TRUNCATED;
		if (unlikely(w->inner_len && ETH_HLEN + bpf_ntohs(ip->tot_len) > w->inner_len))
			return DP_DROP_INNER_TRUNCATED;
		reason = wire_source4(inner, ip->saddr, w, uplink);
		if (unlikely(reason == DP_DROP_INNER_SOURCE_UNKNOWN))
			reason = wire_routed4(inner, w);
		return reason;
	}
	if (type == ETHERTYPE_ARP) {
		if ((const void *)(arp + 1) > end || (w->inner_len && w->inner_len < ETH_HLEN + sizeof(*arp)))
			return DP_DROP_INNER_TRUNCATED;
		if (!arp_is_ip4(arp))
			return DP_DROP_ARP_MALFORMED;
		if (!mac_equal(arp->sha, inner + ETH_ALEN))
			return DP_DROP_ARP_SPOOFED;
		return wire_source4(inner, arp_spa(arp), w, uplink);
	}
	if (type == ETHERTYPE_IP6) {
		/* a copy, so that the other one can stay in registers */
		struct wire copy = *w;

		return wire_inner6(inner, end, &copy, uplink);
	}
	return wire_source_mac(inner, w, uplink);
}

#endif
