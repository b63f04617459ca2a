/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_ND_H
#define NESTOR_BPF_ND_H

#include "guard.h"
#include "icmp6.h"
#include "learn_announced.h"
#include "source6.h"

/*
 * Neighbour discovery and multicast listener discovery (RFC 4861, 4862, 3810) in a virtual subnet with policy: none of it leaves
 * the port (section 2.5, outbound step 2). Solicitations are answered in place from the records; everything else would only tell
 * what the records know better, or ask for what there is not: a router that advertises itself, multicast.
 */
#define ND_HOP_LIMIT 255

#define ND_FLAG_ROUTER bpf_htonl(0x80000000)
#define ND_FLAG_SOLICITED bpf_htonl(0x40000000)
#define ND_FLAG_OVERRIDE bpf_htonl(0x20000000)

/* A solicitation or an advertisement; what is an answer has the one option. */
struct nd_packet {
	struct ip6 ip;
	__u8 type, code;
	__u16 checksum;
	__u32 flags;
	union dp_addr target;
	__u8 option, option_len;
	__u8 mac[6];
};
#define ND_LEN offsetof(struct nd_packet, option) /* without options */
_Static_assert(ND_LEN == 64 && sizeof(struct nd_packet) == 72, "RFC 4861 4.3, 4.4, 4.6.1");
SCRATCH_FITS(struct nd_packet);

/* ff02::1:ff00:0/104 */
stage _Bool addr_is_solicited_node(const union dp_addr *a)
{
	return a->w[0] == bpf_htonl(0xff020000) && !a->w[1] && a->w[2] == bpf_htonl(1) && a->b[12] == 0xff;
}

/* RFC 4861 7.1: 0 when the message may be taken for what it says. */
stage __u32 nd_check(struct __sk_buff *skb, const struct nd_packet *p, const __u8 *sender)
{
	__u32 n = bpf_ntohs(p->ip.payload_len), reason;
	struct headers h = { .at = ETH_HLEN + ND_LEN, .end = ICMP6_AT + n };
	_Bool claimed;

	if (n > IP6_MIN_MTU)
		return DP_DROP_ND_MALFORMED;
	if (h.end > skb->len)
		return DP_DROP_FRAME_TRUNCATED;
	if (h.at > h.end || p->ip.hop_limit != ND_HOP_LIMIT || p->code || icmp6_checksum(skb, n) != 0 ||
	    addr_is_multicast6(&p->target))
		return DP_DROP_ND_MALFORMED;
	reason = nd_options(skb, sender, &h, p->type, &claimed);
	if (reason)
		return reason;
	if (p->type == ICMP6_NEIGHBOR_SOLICITATION && !(p->ip.src.d[0] | p->ip.src.d[1]))
		return claimed || !addr_is_solicited_node(&p->ip.dst) ? DP_DROP_ND_MALFORMED : 0;
	return source_valid6(skb, port_get(skb->ifindex), &p->ip.src) ? 0 : DP_DROP_SOURCE_NOT_IN_POLICY;
}

/*
 * Who has the address, by the records; a link-local address that is made of a MAC address needs none, where that is the router's
 * or that of a machine with another IPv6 address. False: nobody.
 */
stage _Bool nd_find(const struct dp_port *port, const union dp_addr *target, __u8 *ret_mac, __u32 *ret_flags)
{
	const struct dp_ca *ca = ca6_get(port->segment, target);
	const struct dp_dest *d;

	*ret_flags = ND_FLAG_OVERRIDE;
	if (ca) {
		__builtin_memcpy(ret_mac, ca->mac, ETH_ALEN);
		if (ca->flags & DP_CA_ROUTER)
			*ret_flags |= ND_FLAG_ROUTER;
		return 1;
	}
	if (!addr_eui64(target, ret_mac))
		return 0;
	if (!mac_is_zero(port->router_mac6) && mac_equal(ret_mac, port->router_mac6)) {
		*ret_flags |= ND_FLAG_ROUTER;
		return 1;
	}
	d = dest_get(port->segment, ret_mac);
	return d && d->flags & DP_DEST_CA6;
}

/* p: the solicitation, and room for the answer; mac: the solicitor's, then whose address it is. */
stage int nd_answer(struct __sk_buff *skb, struct nd_packet *p, const __u8 *asker, const __u8 *mac, __u32 flags)
{
	_Bool probe = !(p->ip.src.d[0] | p->ip.src.d[1]);
	struct ethhdr eth = { .h_proto = ETHERTYPE_IP6 };

	__builtin_memcpy(eth.h_source, mac, ETH_ALEN);
	/* RFC 4861 7.2.4: who asks for an address that it does not have yet is told together with all others */
	if (probe)
		__builtin_memcpy(eth.h_dest, "\x33\x33\0\0\0\1", ETH_ALEN);
	else
		__builtin_memcpy(eth.h_dest, asker, ETH_ALEN);
	p->ip.flow = bpf_htonl(0x60000000);
	p->ip.payload_len = bpf_htons(sizeof(*p) - sizeof(p->ip));
	p->ip.dst = probe ? (union dp_addr){ .w = { bpf_htonl(0xff020000), 0, 0, bpf_htonl(1) } } : p->ip.src;
	p->ip.src = p->target;
	p->type = ICMP6_NEIGHBOR_ADVERTISEMENT;
	p->checksum = 0;
	p->flags = flags | (probe ? 0 : ND_FLAG_SOLICITED);
	p->option = ND_TARGET_ADDRESS;
	p->option_len = 1;
	__builtin_memcpy(p->mac, mac, ETH_ALEN);
	if (bpf_skb_change_tail(skb, ETH_HLEN + sizeof(*p), 0) != 0 || bpf_skb_store_bytes(skb, 0, &eth, ETH_HLEN, 0) != 0 ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, p, sizeof(*p), 0) != 0)
		return drop(skb, DP_DROP_ND_MALFORMED);
	trace(ND_ANSWERED, trace_mac(mac), 0, 0, &p->target);
	p->checksum = icmp6_checksum(skb, sizeof(*p) - sizeof(p->ip));
	if (bpf_skb_store_bytes(skb, ICMP6_AT + 2, &p->checksum, 2, 0) != 0)
		return drop(skb, DP_DROP_ND_MALFORMED);
	return verdict(skb, DP_VERDICT_REPLY, skb->ifindex, bpf_redirect(skb->ifindex, 0));
}

/* A neighbour solicitation or advertisement, right behind the IPv6 header. */
static __noinline int nd_neighbour(struct __sk_buff *skb, const struct dp_port *port)
{
	__u8 asker[8] __attribute__((aligned(8))), mac[8] __attribute__((aligned(8))) = {};
	struct nd_packet *p = scratch_get();
	__u32 flags, reason;

	if (!port || !p || bpf_skb_load_bytes(skb, ETH_ALEN, asker, ETH_ALEN) != 0 ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, p, ND_LEN) != 0)
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	reason = nd_check(skb, p, asker);
	if (reason)
		return drop(skb, reason);
	if (unlikely(port->flags & DP_PORT_LEARNS))
		learn_announced6(skb, port, asker, p->type == ICMP6_NEIGHBOR_ADVERTISEMENT ? &p->target : &p->ip.src);
	if (p->type == ICMP6_NEIGHBOR_ADVERTISEMENT)
		return drop(skb, DP_DROP_ND_ADVERTISEMENT);
	if (!nd_find(port, &p->target, mac, &flags))
		return drop(skb, DP_DROP_ND_UNKNOWN_TARGET);
	if (mac_equal(mac, asker))
		return drop(skb, DP_DROP_ND_OWN_ADDRESS);
	return nd_answer(skb, p, asker, mac, flags);
}

/* h: at the ICMPv6 header. Extension headers before neighbour discovery are nobody's habit, and fragments forbidden (RFC 6980). */
stage int nd(struct __sk_buff *skb, const struct dp_port *port, const struct headers *h, __u8 type)
{
	switch (type) {
	case ICMP6_ROUTER_SOLICITATION:
		return drop(skb, DP_DROP_ND_ROUTER_SOLICITATION);
	case ICMP6_ROUTER_ADVERTISEMENT:
	case ICMP6_REDIRECT:
		return drop(skb, DP_DROP_ND_FROM_NO_ROUTER);
	case ICMP6_NEIGHBOR_SOLICITATION:
	case ICMP6_NEIGHBOR_ADVERTISEMENT:
		return h->at == ICMP6_AT ? nd_neighbour(skb, port) : drop(skb, DP_DROP_ND_MALFORMED);
	}
	return drop(skb, DP_DROP_MLD);
}

/* Source rules for IPv6 of a virtual subnet with policy; neighbour discovery ends here. */
static __noinline int policy_source6(struct __sk_buff *skb, const struct dp_port *port)
{
	struct headers h = { .at = ETH_HLEN, .end = skb->len };
	union dp_addr src;
	int type = 0;
	__u8 next;

	if (!port || skb->len < ETH_HLEN + sizeof(struct ip6) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct ip6, src), &src, sizeof(src)) != 0 ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct ip6, next), &next, 1) != 0)
		return drop(skb, DP_DROP_FRAME_TRUNCATED);
	if (!source_speaks6(skb, port))
		return drop(skb, DP_DROP_IPV6_NOT_CARRIED);
	if (next != IPPROTO_TCP && next != IPPROTO_UDP)
		type = icmp6_local_type(skb, &h);
	if (type < 0)
		return drop(skb, DP_DROP_IPV6_HEADERS);
	if (type)
		return nd(skb, port, &h, type);
	return source_valid6(skb, port, &src) ? NEXT : drop(skb, DP_DROP_SOURCE_NOT_IN_POLICY);
}

#endif
