/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_WIRE_H
#define NESTOR_BPF_WIRE_H

#include "flow.h"
#include "maps.h"
#include "outer.h"
#include "parse.h"
#include "scratch.h"
#include "trace.h"

/*
 * What comes from the wire: the outer headers, checked. Only pure functions of the bytes and of the maps here, so that TC and
 * XDP programs share them. wire_nvgre4() is inlined on the way of most packets; all others go by wire_other().
 */

#define WIRE_UNTOLD 0xffffffff

/* What the outer headers say. */
struct wire {
	__u32 vsid;
	__u32 source_pa;	/* outer source of IPv4, network order */
	__u32 inner_len;	/* of the inner frame as the outer header tells it; WIRE_UNTOLD of a large segment */
	__u32 inner;		/* where the inner frame begins */
	_Bool vxlan;		/* else NVGRE */
	_Bool is_ip6;		/* the outer header is IPv6, and its source in source_pa6 */
	_Bool checksum;		/* a checksum of the outer packet covers the inner frame (UDP) */
	union dp_addr source_pa6;
};

/* Results besides drop reasons */
#define WIRE_OURS 0	/* for us, well-formed */
#define WIRE_OTHER (-1) /* not ours: the kernel goes on */

stage int wire_vsid(__u32 vsid, struct wire *w)
{
	w->vsid = vsid;
	return unlikely(vsid < DP_VSID_MIN || vsid > DP_VSID_MAX) ? DP_DROP_VSID_RESERVED : WIRE_OURS;
}

/* gre: eight bytes that are there */
stage int wire_gre(const void *gre, struct wire *w)
{
	__u16 flags = bpf_ntohs(*(const __u16 *)gre);

	if (unlikely(flags != GRE_FLAGS_KEY)) {
		if (flags & GRE_VERSION_MASK)
			return DP_DROP_GRE_VERSION;
		return flags & ~GRE_FLAG_K ? DP_DROP_GRE_FLAGS : DP_DROP_GRE_NO_KEY;
	}
	return wire_vsid(bpf_ntohl(*(const __u32 *)(gre + 4)) >> 8, w);
}

/*
 * NVGRE over IPv4. p: start of the frame, len: all of it, segmented: its length fields are those of a large segment. The caller
 * has made as much of INNER_AT() + ETH_HLEN bytes linear as the frame has. A packet is ours when it is protocol 47 to a provider
 * address of this host with GRE protocol type 0x6558; of one too short to tell, the first part that is there decides.
 */
stage int wire_nvgre4(const void *p, const void *end, __u32 len, _Bool segmented, const struct dp_port *uplink,
		      struct wire *w)
{
	const __u32 headers = INNER_AT(DP_ENCAP_NVGRE4) - OUTER_IP;
	const void *gre = p + OUTER_L4(DP_ENCAP_NVGRE4);
	const struct iphdr *ip = p + OUTER_IP;
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
	if (unlikely(gre + 4 > end))
		return DP_DROP_OUTER_TRUNCATED;
	if (*(const __u16 *)(gre + 2) != bpf_htons(GRE_PROTO_TEB))
		return WIRE_OTHER;
	if (unlikely(gre + 8 > end))
		return DP_DROP_OUTER_TRUNCATED;
	tot_len = bpf_ntohs(ip->tot_len);
	w->inner = INNER_AT(DP_ENCAP_NVGRE4);
	w->inner_len = segmented ? WIRE_UNTOLD : tot_len - headers;
	if (unlikely(!segmented && (tot_len < headers || tot_len > len - OUTER_IP)))
		return DP_DROP_OUTER_TRUNCATED;
	w->source_pa = ip->saddr;
	return wire_gre(gre, w);
}

/*
 * UDP and VXLAN (RFC 7348 section 5). v: in the packet, checked; payload: of the IP packet as its header says, rest: as there is.
 * Reserved bits are ignored on receipt.
 */
stage int wire_vxlan(const struct vxlan *v, __u32 payload, __u32 rest, _Bool segmented, struct wire *w)
{
	__u32 udp_len = bpf_ntohs(v->len);

	if (unlikely(!segmented && (payload > rest || udp_len > payload || udp_len < sizeof(*v))))
		return DP_DROP_OUTER_TRUNCATED;
	w->inner_len = segmented ? WIRE_UNTOLD : udp_len - sizeof(*v);
	w->vxlan = 1;
	w->checksum = v->check != 0;
	if (unlikely(!(v->flags & VXLAN_FLAG_I)))
		return DP_DROP_VXLAN_NO_VNI;
	return wire_vsid(bpf_ntohl(v->vni) >> 8, w);
}

/* Is it UDP for VXLAN's port? v: where UDP would be. */
stage _Bool wire_is_vxlan(const struct vxlan *v, const void *end, const struct dp_port *uplink)
{
	return uplink->vxlan_port && (const void *)&v->len <= end && v->dport == uplink->vxlan_port;
}

/* VXLAN over IPv4, as wire_nvgre4(). Of fragments only the first tells by its port that it is ours. */
stage int wire_vxlan4(const void *p, const void *end, __u32 len, _Bool segmented, const struct dp_port *uplink,
		      struct wire *w)
{
	const struct vxlan *v = p + OUTER_L4(DP_ENCAP_VXLAN4);
	const struct iphdr *ip = p + OUTER_IP;
	__u32 tot_len;

	if ((const void *)(ip + 1) > end)
		return DP_DROP_OUTER_TRUNCATED;
	if (ip->protocol != IPPROTO_UDP || ip->version != 4 || ip->ihl < 5 || (ip->frag_off & IP_OFFSET) ||
	    !pa4_is_local(uplink, ip->daddr) || !wire_is_vxlan((const void *)ip + ip->ihl * 4, end, uplink))
		return WIRE_OTHER;
	if (unlikely(ip->frag_off & IP_FRAGMENT))
		return DP_DROP_OUTER_FRAGMENT;
	if (unlikely(ip->ihl != 5))
		return DP_DROP_OUTER_OPTIONS;
	if (unlikely((const void *)(v + 1) > end))
		return DP_DROP_OUTER_TRUNCATED;
	tot_len = bpf_ntohs(ip->tot_len);
	w->inner = INNER_AT(DP_ENCAP_VXLAN4);
	w->source_pa = ip->saddr;
	return wire_vxlan(v, tot_len < 20 ? 0 : tot_len - 20, len - OUTER_L4(DP_ENCAP_VXLAN4), segmented, w);
}

/* A fragment, whose first part says whether it is ours. at: the fragment header */
stage int wire_fragment6(const __u8 *at, const void *end, const struct dp_port *uplink)
{
	if ((const void *)(at + 8) > end)
		return DP_DROP_OUTER_TRUNCATED;
	if (at[0] == IPPROTO_GRE)
		return DP_DROP_OUTER_FRAGMENT;
	if (at[0] == IPPROTO_UDP && !at[2] && !(at[3] & 0xf8) && wire_is_vxlan((const void *)(at + 8), end, uplink))
		return DP_DROP_OUTER_FRAGMENT;
	return WIRE_OTHER;
}

/*
 * Over IPv6, as wire_nvgre4(). Other extension headers than that of a fragment make it somebody else's: no peer sends any.
 * An IPv4 address in IPv6's clothes is none (RFC 4291 2.5.5.2), or an IPv6 packet could come from an IPv4 provider address.
 */
stage int wire_outer6(const void *p, const void *end, __u32 len, _Bool segmented, const struct dp_port *uplink,
		      struct wire *w)
{
	const __u32 l4 = OUTER_L4(DP_ENCAP_NVGRE6);
	const struct ipv6hdr *ip = p + OUTER_IP;
	const struct vxlan *v = p + l4;
	union dp_addr to;
	__u32 payload;

	if ((const void *)(ip + 1) > end)
		return DP_DROP_OUTER_TRUNCATED;
	__builtin_memcpy(&to, &ip->daddr, sizeof(to));
	__builtin_memcpy(&w->source_pa6, &ip->saddr, sizeof(w->source_pa6));
	if (ip->version != 6 || addr_is_v4(&to) || addr_is_v4(&w->source_pa6) || !bpf_map_lookup_elem(&pas, &to))
		return WIRE_OTHER;
	w->is_ip6 = 1;
	payload = bpf_ntohs(ip->payload_len);
	if (ip->nexthdr == IPPROTO_FRAGMENT)
		return wire_fragment6(p + l4, end, uplink);
	if (ip->nexthdr == IPPROTO_UDP) {
		if (!wire_is_vxlan(v, end, uplink))
			return WIRE_OTHER;
		if (unlikely((const void *)(v + 1) > end))
			return DP_DROP_OUTER_TRUNCATED;
		w->inner = INNER_AT(DP_ENCAP_VXLAN6);
		return wire_vxlan(v, payload, len - l4, segmented, w);
	}
	if (ip->nexthdr != IPPROTO_GRE)
		return WIRE_OTHER;
	if (p + l4 + 4 > end)
		return DP_DROP_OUTER_TRUNCATED;
	if (*(const __u16 *)(p + l4 + 2) != bpf_htons(GRE_PROTO_TEB))
		return WIRE_OTHER;
	if (p + l4 + 8 > end)
		return DP_DROP_OUTER_TRUNCATED;
	w->inner = INNER_AT(DP_ENCAP_NVGRE6);
	w->inner_len = segmented ? WIRE_UNTOLD : payload - 8;
	if (unlikely(!segmented && (payload < 8 || payload > len - l4)))
		return DP_DROP_OUTER_TRUNCATED;
	return wire_gre(p + l4, w);
}

/* Whatever can come. The caller has made as much linear as OUTER_HEADERS_MAX and the inner headers are. */
#define OUTER_HEADERS_MAX INNER_AT(DP_ENCAP_VXLAN6)

stage int wire_other(const void *p, const void *end, __u32 len, _Bool segmented, const struct dp_port *uplink,
		     struct wire *w)
{
	int reason;

	if (p + ETH_HLEN > end)
		return WIRE_OTHER;
	if (ether_type(p) == ETHERTYPE_IP6)
		return wire_outer6(p, end, len, segmented, uplink, w);
	reason = wire_nvgre4(p, end, len, segmented, uplink, w);
	if (reason != WIRE_OTHER || ether_type(p) != ETHERTYPE_IP4)
		return reason;
	return wire_vxlan4(p, end, len, segmented, uplink, w);
}

/* Is the outer source this provider address? */
stage _Bool wire_from(const union dp_addr *pa, const struct wire *w)
{
	return w->is_ip6 ? addr_equal(pa, &w->source_pa6) : addr_equals_v4(pa, w->source_pa);
}

stage _Bool wire_from_here(const struct wire *w, const struct dp_port *uplink)
{
	union dp_addr key;

	if (!w->is_ip6)
		return pa4_is_local(uplink, w->source_pa);
	/* a copy, so that w can stay in registers where it is known to be IPv4 */
	key = w->source_pa6;
	return bpf_map_lookup_elem(&pas, &key) != NULL;
}

/*
 * The record of the inner source must name the outer source (section 2.5, inbound). Nobody else may send from an
 * address of this host: whose record it is tells that without a lookup on the way of good packets.
 */
stage int wire_source_pa(const struct dp_dest *d, const struct wire *w, const struct dp_port *uplink)
{
	if (d)
		trace(INNER_SOURCE, 0, 0, 0, &d->pa);
	if (likely(d && d->kind == DP_DEST_REMOTE && wire_from(&d->pa, w)))
		return WIRE_OURS;
	if (wire_from_here(w, uplink))
		return DP_DROP_OWN_PA_AS_SOURCE;
	return d ? DP_DROP_WRONG_SOURCE_PA : DP_DROP_INNER_SOURCE_UNKNOWN;
}

stage int wire_source_mac(const void *inner, const struct wire *w, const struct dp_port *uplink)
{
	return wire_source_pa(dest_get(w->vsid, inner + ETH_ALEN), w, uplink);
}

/*
 * Of a machine with several addresses, each may have its own provider address; its host may as well send from the first one for
 * all of them.
 */
stage int wire_source4(const void *inner, __u32 ca, const struct wire *w, const struct dp_port *uplink)
{
	const struct dp_dest *d = dest_get(w->vsid, inner + ETH_ALEN);
	const struct dp_ca *c;
	_Bool others;

	if (unlikely(d && (d->ca4 != ca || !ca))) {
		c = ca4_get(w->vsid, ca);
		others = c && ((c->flags & DP_CA_ROUTER) || !mac_equal(c->mac, inner + ETH_ALEN));
		if (c && !others && !(c->flags & DP_CA_LOCAL) && wire_from(&c->pa, w))
			return WIRE_OURS;
		/* HN-7: a gateway may be anybody; HN-8: a machine whose address is learnt nobody who has a record */
		if ((!c || others) && (!(d->flags & DP_DEST_ANY_CA) || (others && (d->flags & DP_DEST_L2ONLY))))
			d = NULL;
	}
	return wire_source_pa(d, w, uplink);
}

SCRATCH_FITS(struct dp_source_key);

/* The part of the key that the outer headers say. */
stage void wire_source_key(struct dp_source_key *key, const struct wire *w)
{
	for (int i = 0; i < 4; i++)
		key->pa.w[i] = w->is_ip6 ? w->source_pa6.w[i] : i == 3 ? w->source_pa : i == 2 ? ADDR4_PREFIX : 0;
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
	struct dp_source_key *key = scratch_get();

	if (!subnet || !key)
		return DP_DROP_INNER_SOURCE_UNKNOWN;
	__builtin_memcpy(key->domain, subnet->domain, sizeof(key->domain));
	key->ca = (union dp_addr){ .w = { 0, 0, ADDR4_PREFIX, ip->saddr } };
	wire_source_key(key, w);
	return wire_routed(key, subnet->router_mac, inner + ETH_ALEN);
}

/* WG-7: was it sent to a multicast provider address? p: a frame whose outer headers are good. */
stage _Bool outer_is_group(const struct dp_port *uplink, const void *p, const struct wire *w)
{
	const __u8 *to = p + OUTER_IP + (w->is_ip6 ? 24 : 16);

	return unlikely(uplink->flags & DP_PORT_GROUPS) && *to >= (w->is_ip6 ? 0xff : 224);
}

/* The address that it was sent to. */
stage union dp_addr outer_destination(const void *p, const struct wire *w)
{
	const __u32 *to = p + OUTER_IP + (w->is_ip6 ? 24 : 16);

	if (!w->is_ip6)
		return (union dp_addr){ .w = { 0, 0, ADDR4_PREFIX, to[0] } };
	return (union dp_addr){ .w = { to[0], to[1], to[2], to[3] } };
}

#include "wire6.h"

/* The inner frame, inner: its Ethernet header. */
stage int wire_inner(const void *inner, const void *end, const struct wire *w, const struct dp_port *uplink)
{
	const struct iphdr *ip = inner + ETH_HLEN;
	const struct arp4 *arp = inner + ETH_HLEN;
	__u16 type;
	int reason;

	if (unlikely(inner + ETH_HLEN > end || w->inner_len < ETH_HLEN))
		return DP_DROP_INNER_TRUNCATED;
	type = ether_type(inner);
	if (unlikely(ethertype_is_tag(type)))
		return DP_DROP_INNER_VLAN_TAG;
	if (unlikely(mac_is_group(inner + ETH_ALEN)))
		return DP_DROP_SOURCE_MAC_GROUP;
	if (likely(type == ETHERTYPE_IP4)) {
		if (unlikely((const void *)(ip + 1) > end))
			return DP_DROP_INNER_TRUNCATED;
		if (unlikely(ETH_HLEN + bpf_ntohs(ip->tot_len) > w->inner_len))
			return DP_DROP_INNER_TRUNCATED;
		reason = wire_source4(inner, ip->saddr, w, uplink);
		if (unlikely(reason == DP_DROP_INNER_SOURCE_UNKNOWN))
			reason = wire_routed4(inner, w);
		return reason;
	}
	if (type == ETHERTYPE_ARP) {
		if ((const void *)(arp + 1) > end || w->inner_len < ETH_HLEN + sizeof(*arp))
			return DP_DROP_INNER_TRUNCATED;
		if (!arp_is_ip4(arp))
			return DP_DROP_ARP_MALFORMED;
		if (!mac_equal(arp->sha, inner + ETH_ALEN))
			return DP_DROP_ARP_SPOOFED;
		return wire_source4(inner, arp_spa(arp), w, uplink);
	}
	if (type == ETHERTYPE_IP6) {
		const __u16 *payload_len = inner + ETH_HLEN + offsetof(struct ip6, payload_len);
		union dp_addr pa = { .w = { 0, 0, ADDR4_PREFIX, w->source_pa } };

		if ((const void *)(payload_len + 1) > end || ETH_HLEN + sizeof(struct ip6) + bpf_ntohs(*payload_len) > w->inner_len)
			return DP_DROP_INNER_TRUNCATED;
		if (w->is_ip6)
			pa = w->source_pa6;
		return wire_inner6(inner, end, w->vsid, &pa, uplink);
	}
	return wire_source_mac(inner, w, uplink);
}

#endif
