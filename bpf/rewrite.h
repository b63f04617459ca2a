/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_REWRITE_H
#define NESTOR_BPF_REWRITE_H

#include "deliver.h"
#include "icmp.h"
#include "encap.h"
#include "rewrite_map.h"
#include "source.h"
#include "wire.h"

/*
 * IP rewrite (section 2.7): customer addresses become the provider addresses that stand for them alone, and back at the
 * other end. Nothing else of the packet changes but the MAC addresses and the checksums that cover the addresses.
 *
 * A packet on the wire is one of IP rewrite exactly when both its addresses are provider addresses of such records.
 * Between a record of each rule packets are encapsulated; between two of rewrite never, or the receiver would take
 * them for what a guest sends.
 */

#define REWRITE_HEADERS (ETH_HLEN + 20)

/* Where the checksum is that covers the addresses; 0: none does, or it is in another fragment. */
stage __u32 rewrite_checksum_at(const struct iphdr *ip, __u64 *flags)
{
	__u32 l4 = ETH_HLEN + ip->ihl * 4;

	*flags = BPF_F_PSEUDO_HDR;
	if (ip->frag_off & IP_OFFSET)
		return 0;
	switch (ip->protocol) {
	case IPPROTO_TCP:
		return l4 + 16;
	case IPPROTO_UDP:
		/* 0 says that there is none: it stays 0, and no other becomes it */
		*flags |= BPF_F_MARK_MANGLED_0;
		return l4 + 6;
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		return l4 + 6;
	}
	return 0;
}

/* What replacing the addresses adds to a sum over them, in one's complement (RFC 1624). */
stage __u32 rewrite_difference(const struct iphdr *ip, __u32 saddr, __u32 daddr)
{
	__u64 sum = (__u64)(__u32)~ip->saddr + (__u32)~ip->daddr + saddr + daddr;

	sum = (sum & 0xffffffff) + (sum >> 32);
	return (sum & 0xffffffff) + (sum >> 32);
}

stage __u16 rewrite_header_checksum(__u16 check, __u32 difference)
{
	__u32 sum = (__u16)~check + (difference & 0xffff) + (difference >> 16);

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/*
 * Writes the addresses; eth: the frame's first REWRITE_HEADERS bytes, checked. By helpers alone: see decapsulate() of
 * the uplink for direct writes; and the checksum of layer 4 may be one that the NIC has yet to finish.
 */
stage _Bool rewrite(struct __sk_buff *skb, const void *eth, struct ether macs, __u32 saddr, __u32 daddr)
{
	const struct iphdr *ip = eth + ETH_HLEN;
	__u32 difference = rewrite_difference(ip, saddr, daddr), at;
	__u16 new[REWRITE_HEADERS / 2] __attribute__((aligned(8)));
	__u64 flags;

	at = rewrite_checksum_at(ip, &flags);
	ether_store(new, macs);
	/* by halves: IPv4 is not aligned to more behind Ethernet, and the stack has to be */
	for (int i = 0; i < 5; i++)
		new[ETH_HLEN / 2 + i] = ((const __u16 *)ip)[i];
	new[12] = rewrite_header_checksum(ip->check, difference);
	new[13] = saddr & 0xffff;
	new[14] = saddr >> 16;
	new[15] = daddr & 0xffff;
	new[16] = daddr >> 16;
	if (at && unlikely(bpf_l4_csum_replace(skb, at, 0, difference, flags) != 0))
		return 0;
	return likely(bpf_skb_store_bytes(skb, 0, new, REWRITE_HEADERS, 0) == 0);
}

/* ---- from a guest ---- */

struct rewrite_source {
	__u32 pa; /* 0: not one of IP rewrite */
	_Bool vm_mac;
};

stage struct rewrite_source rewrite_source(const struct dp_port *port, __u32 ca)
{
	const struct dp_ca *c;

	for (int i = 0; i < DP_PORT_ADDR4; i++)
		if (ca == port->addr4[i] && port->rewrite4[i])
			return (struct rewrite_source){ port->rewrite4[i], port->rewrite_vm_mac >> i & 1 };
	/* many addresses, or a machine behind the port */
	if (!(port->flags & (DP_PORT_MORE_CA | DP_PORT_SPOOFING)))
		return (struct rewrite_source){ 0 };
	c = ca4_get(port->segment, ca);
	if (!c || (c->flags & (DP_CA_LOCAL | DP_CA_REWRITE)) != (DP_CA_LOCAL | DP_CA_REWRITE))
		return (struct rewrite_source){ 0 };
	return (struct rewrite_source){ c->pa.w[3], !!(c->flags & DP_CA_REWRITE_VM_MAC) };
}

/* The next hop for a customer address; its own pa is what the address becomes. */
stage const struct dp_nexthop *rewrite_destination(const struct dp_port *port, const struct dp_dest *dest,
						   const void *mac, __u32 ca)
{
	__u32 index = dest->target;
	const struct dp_rewrite *r;
	const struct dp_ca *c;

	if (unlikely(!(dest->flags & DP_DEST_REWRITE) || dest->ca4 != ca)) {
		c = ca4_get(port->segment, ca);
		if (!c || !(c->flags & DP_CA_REWRITE) || !mac_equal(c->mac, mac))
			return NULL;
		r = rewrite_get(c->pa.w[3]);
		if (!r || (r->flags & DP_REWRITE_LOCAL))
			return NULL;
		index = r->target;
	}
	return bpf_map_lookup_elem(&nexthops, &index);
}

stage struct ether rewrite_macs(const struct dp_nexthop *nh, struct ether old, _Bool vm_mac)
{
	struct ether new = old;

	__builtin_memcpy(&new.head, nh->dst_mac, 8);
	__builtin_memcpy(&new.tail, nh->dst_mac + 8, 4);
	if (vm_mac) {
		const __u64 destination = bpf_cpu_to_be64(0xffffffffffff0000);

		new.head = (new.head & destination) | (old.head & ~destination);
		new.tail = old.tail;
	}
	return new;
}

stage int rewrite_out(struct __sk_buff *skb, const struct dp_port *port, const struct dp_nexthop *nh,
		      struct rewrite_source source, const void *eth, const void *end)
{
	__u32 room = nh->mtu ? nh->mtu + DP_ENCAP_OVERHEAD(DP_ENCAP_NVGRE4) : 0, packets = frame_packets(skb), bytes = skb->len;

	if (unlikely(!(nh->flags & DP_NEXTHOP_PRESENT) || !nexthop_can_send(nh, 1)))
		return drop(skb, DP_DROP_NO_NEXT_HOP);
	if (unlikely(!addr_is_v4(&nh->pa)))
		return drop(skb, DP_DROP_PA_FAMILY);
	if (unlikely(!path_fits(skb, room, eth, end)))
		return too_big(skb, port, room, eth, end);
	if (unlikely(!rewrite(skb, eth, rewrite_macs(nh, ether_load(eth), source.vm_mac), source.pa, nh->pa.w[3])))
		return drop(skb, DP_DROP_REWRITE_FAILED);
	trace(REWRITE_OUT, source.pa, 0, 0, &nh->pa);
	count_sent(port, packets, bytes);
	return encap_redirect(skb, nh);
}

/* The end of a frame: true, whatever the action; the verifier would have to believe that no redirect returns NEXT. */
stage _Bool done(int *ret_action, int action)
{
	*ret_action = action;
	return 1;
}

/*
 * Would what is encapsulated go from one provider address of IP rewrite to another? The receiver would take it for what a guest
 * sends.
 */
stage _Bool rewrite_both(struct __sk_buff *skb, const struct dp_port *port, const struct dp_dest *dest)
{
	const struct dp_dest *inner;
	const struct dp_ca *source;
	union dp_addr pa;

	if (!(dest->flags & DP_DEST_REWRITE))
		return 0;
	if (unlikely(port->flags & DP_PORT_MORE_PA)) {
		source = source_of_record(skb, port);
		if (source)
			return !!(source->flags & DP_CA_REWRITE);
		inner = source_of_inner(skb, port);
		if (inner)
			return !!(inner->flags & DP_DEST_REWRITE);
	}
	if (likely(addr_is_v4(&dest->pa)))
		return port->flags & DP_PORT_REWRITE;
	pa = port->src_pa6;
	return bpf_map_lookup_elem(&rewrites, &pa) != NULL;
}

/* To a machine with a record of IP rewrite on another host. False: it is to be encapsulated, and nothing has moved. */
stage _Bool rewrite_send(struct __sk_buff *skb, const struct dp_port *port, const struct dp_dest *dest, const void *eth,
			 const void *end, int *ret_action)
{
	_Bool both = rewrite_both(skb, port, dest);
	const struct iphdr *ip = eth + ETH_HLEN;
	struct rewrite_source source;
	const struct dp_nexthop *nh;

	if (unlikely(ether_type(eth) != ETHERTYPE_IP4 || (const void *)(ip + 1) > end))
		return both && done(ret_action, drop(skb, DP_DROP_REWRITE_NOT_IP));
	source = rewrite_source(port, ip->saddr);
	if (likely(source.pa)) {
		nh = rewrite_destination(port, dest, eth, ip->daddr);
		if (likely(nh))
			return done(ret_action, rewrite_out(skb, port, nh, source, eth, end));
	}
	return both && done(ret_action, drop(skb, DP_DROP_REWRITE_NO_ADDRESS));
}

/* ---- from the wire ---- */

/* The frame with the MAC addresses of the two machines. */
stage struct ether rewrite_inner(const struct dp_rewrite *to, const struct dp_rewrite *from)
{
	__u16 e[8] __attribute__((aligned(8))) = { 0 };
	const __u16 *dst = (const void *)to->mac, *src = (const void *)from->mac;

	for (int i = 0; i < 3; i++) {
		e[i] = dst[i];
		e[3 + i] = src[i];
	}
	e[6] = ETHERTYPE_IP4;
	return ether_load(e);
}

stage int rewrite_in(struct __sk_buff *skb, const void *p, const struct dp_rewrite *to, const struct dp_rewrite *from)
{
	const struct iphdr *ip = p + ETH_HLEN;
	struct ether inner;

	if (unlikely(ip->ihl < 5 || (!skb->gso_size && (bpf_ntohs(ip->tot_len) > skb->len - ETH_HLEN ||
							 bpf_ntohs(ip->tot_len) < ip->ihl * 4))))
		return drop(skb, DP_DROP_REWRITE_MALFORMED);
	inner = rewrite_inner(to, from);
	if (unlikely(!rewrite(skb, p, inner, from->ca.w[3], to->ca.w[3])))
		return drop(skb, DP_DROP_REWRITE_MALFORMED);
	trace(REWRITE_IN, from->ca.w[3], to->ca.w[3], to->segment);
	return deliver(skb, to->segment, to->target, to->mac, 1);
}

stage _Bool rewrite_is_vxlan(const struct iphdr *ip, const void *end, const struct dp_port *uplink)
{
	return ip->protocol == IPPROTO_UDP && ip->ihl == 5 && !(ip->frag_off & IP_OFFSET) &&
	       wire_is_vxlan((const void *)(ip + 1), end, uplink);
}

/*
 * p: the frame's first bytes. All that is IPv4 to such an address of this host belongs to the machine behind it, and must
 * come from another machine of its virtual subnet; but NVGRE or VXLAN where the other machine has a record of encapsulation.
 * False: not so, go on.
 */
stage _Bool rewrite_receive(struct __sk_buff *skb, const void *p, const void *end, const struct dp_port *uplink, int *ret_action)
{
	const struct dp_rewrite *to, *from;
	const struct iphdr *ip = p + ETH_HLEN;

	if (p + REWRITE_HEADERS > end || ip->version != 4 || skb->vlan_present)
		return 0;
	to = rewrite_get(ip->daddr);
	if (!to || !(to->flags & DP_REWRITE_LOCAL))
		return 0;
	from = rewrite_get(ip->saddr);
	if (unlikely(!from))
		return ip->protocol != IPPROTO_GRE && !rewrite_is_vxlan(ip, end, uplink) &&
		       done(ret_action, drop(skb, DP_DROP_REWRITE_SOURCE_UNKNOWN));
	if (unlikely(from->flags & DP_REWRITE_LOCAL))
		return done(ret_action, drop(skb, DP_DROP_OWN_PA_AS_SOURCE));
	if (unlikely(from->segment != to->segment))
		return done(ret_action, drop(skb, DP_DROP_REWRITE_SOURCE_ELSEWHERE));
	if (unlikely(!to->target) && !inner_is_here(to->segment, to->mac))
		return done(ret_action, drop(skb, DP_DROP_REWRITE_NO_PORT));
	return done(ret_action, rewrite_in(skb, p, to, from));
}

#endif
