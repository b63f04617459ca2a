/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_LEARN_H
#define NESTOR_BPF_LEARN_H

#include "parse.h"
#include "verdict.h"

/*
 * Addresses of machines whose record has none (L2Only, HN-8): what the guest announces by ARP or neighbour discovery, and what a DHCP server gives
 * it. The programs only tell the daemon, which makes records of it; an address that a record has is no news. So many in a
 * second are told of a port that it cannot keep the daemon busy.
 */
#define DHCP_SERVER bpf_htons(67)
#define DHCP_CLIENT bpf_htons(68)
#define DHCP_MIN 240 /* up to the first option (RFC 2131 2) */

struct dhcp {
	__u8 op, htype, hlen, hops;
	__u32 xid;
	__u16 secs, flags;
	__u32 ciaddr, yiaddr, siaddr, giaddr;
	__u8 chaddr[16];
};

stage _Bool learn_allowed(const struct dp_port *port)
{
	__u64 second = bpf_ktime_get_ns() / 1000000000;
	__u32 slot = port->slot;
	struct dp_learn_rate *r;

	r = TRACE_DRY ? NULL : bpf_map_lookup_elem(&learn_rates, &slot);
	if (!r)
		return 0;
	if (r->second != second) {
		r->second = second;
		r->n = 0;
	}
	return r->n < DP_LEARNT_RATE && ++r->n;
}

/* What is never one machine's. */
stage _Bool learn_is_machine4(__u32 ca)
{
	__u8 first = *(const __u8 *)&ca;

	return first && first != 127 && first < 224;
}

/* The same of a machine behind a port where spoofing is on. flag: DP_DEST_L2ONLY, or that of IPv6 */
stage _Bool learn_of_inner(const struct dp_port *port, const void *mac, __u8 flag)
{
	const struct dp_dest *d = port->flags & DP_PORT_SPOOFING ? dest_get(port->segment, mac) : NULL;

	return d && d->kind == DP_DEST_INNER && (d->flags & flag);
}

stage void learn_header(struct dp_learnt *l, const struct dp_port *port, const void *mac, __u32 ifindex, __u32 kind)
{
	l->kind = kind;
	l->ifindex = ifindex;
	l->segment = port->segment;
	mac_copy(l->mac, mac);
	l->len = 0;
	l->pad = 0;
}

/* Where a DHCP server's message to a client begins, and how long it is; 0: it is none. */
stage __u32 learn_find_dhcp(struct __sk_buff *skb, __u32 *ret_len)
{
	struct { __u16 sport, dport, len, check; } udp;
	struct iphdr ip;
	__u16 type;
	__u32 at;

	if (bpf_skb_load_bytes(skb, 12, &type, sizeof(type)) != 0 || type != ETHERTYPE_IP4 ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) != 0 || ip.version != 4 || ip.protocol != IPPROTO_UDP ||
	    (ip.frag_off & bpf_htons(0x3fff)))
		return 0;
	at = ETH_HLEN + ip.ihl * 4;
	if (bpf_skb_load_bytes(skb, at, &udp, sizeof(udp)) != 0 || udp.sport != DHCP_SERVER || udp.dport != DHCP_CLIENT ||
	    bpf_ntohs(udp.len) < sizeof(udp) + DHCP_MIN)
		return 0;
	*ret_len = bpf_ntohs(udp.len) - sizeof(udp);
	return at + sizeof(udp);
}

/* To the port at ifindex: an address for its guest, or one inside that, that no record gives it yet. The options say whether it is an ACK. */
static __noinline void learn_lease(struct __sk_buff *skb, const struct dp_port *port, __u32 ifindex)
{
	const struct dp_ca *ca;
	struct dp_learnt *l;
	struct dhcp dhcp;
	__u32 at, len = 0;

	if (!port || (!(port->learn & DP_PORT_LEARN_4) && !(port->flags & DP_PORT_SPOOFING)))
		return;
	at = learn_find_dhcp(skb, &len);
	if (!at || bpf_skb_load_bytes(skb, at, &dhcp, sizeof(dhcp)) != 0 || dhcp.op != 2 || dhcp.htype != 1 || dhcp.hlen != 6 ||
	    !learn_is_machine4(dhcp.yiaddr))
		return;
	if (mac_equal(dhcp.chaddr, port->mac) ? !(port->learn & DP_PORT_LEARN_4) : !learn_of_inner(port, dhcp.chaddr, DP_DEST_L2ONLY))
		return;
	ca = ca4_get(port->segment, dhcp.yiaddr);
	if ((ca && mac_equal(ca->mac, dhcp.chaddr)) || !learn_allowed(port))
		return;
	if (len > skb->len - at)
		len = skb->len - at;
	if (len > DP_LEARNT_MESSAGE)
		len = DP_LEARNT_MESSAGE;
	l = bpf_ringbuf_reserve(&learnt, sizeof(*l), 0);
	if (!l)
		return;
	learn_header(l, port, dhcp.chaddr, ifindex, DP_LEARNT_LEASED);
	l->ca = (union dp_addr){};
	/* the compiler knows that len is small; the verifier wants to see it */
	asm volatile("" : "+r"(len));
	if (len >= DHCP_MIN && len <= DP_LEARNT_MESSAGE && bpf_skb_load_bytes(skb, at, l->message, len) == 0) {
		l->len = len;
		bpf_ringbuf_submit(l, 0);
	} else {
		bpf_ringbuf_discard(l, 0);
	}
}

#endif
