/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_ACL_H
#define NESTOR_BPF_ACL_H

#include "acl_session.h"
#include "verdict.h"

/*
 * The access control lists of a port (cmdlets.md 2.12). A packet of a flow that the rules have been asked about costs
 * one lookup; the others ask the rules. Ports without rules for the direction do not come here: flags DP_PORT_ACL_OUT
 * and DP_PORT_ACL_IN.
 */

/*
 * Rules of MAC addresses hold for every frame. The more exact one wins; the other end's address counts more than the
 * own one.
 */
__noinline __u32 acl_mac_rule(struct __sk_buff *skb)
{
	struct acl_packet *p = acl_packet();
	struct dp_acl_mac_key key = {};
	const __u32 *found = NULL;

	if (!p || bpf_skb_load_bytes(skb, 0, p->head, 12) != 0)
		return 0;
	for (__u32 i = 0; i < 4 && !found; i++) {
		const void *local = p->head + (p->direction == DP_ACL_OUT ? 6 : 0);
		const void *remote = p->head + (p->direction == DP_ACL_OUT ? 0 : 6);

		key = (struct dp_acl_mac_key){ .set = p->set };
		if (!(i & 1))
			__builtin_memcpy(key.local, local, 6);
		if (!(i & 2))
			__builtin_memcpy(key.remote, remote, 6);
		found = bpf_map_lookup_elem(&acl_macs, &key);
	}
	return found ? *found : 0;
}

stage int acl_drop(struct __sk_buff *skb, __u32 ifindex, __u32 reason, __u32 number)
{
	skb->cb[DP_CB_RULE] = number;
	if (number)
		trace(ACL_DENIED, number);
	return drop_at(skb, ifindex, reason);
}

stage void acl_count(struct __sk_buff *skb, __u32 ifindex, __u32 number)
{
	struct dp_acl_meter_key key = { .ifindex = ifindex, .number = number };
	struct dp_acl_meter *meter = bpf_map_lookup_elem(&acl_meters, &key);

	if (meter) {
		meter->packets += frame_packets(skb);
		meter->bytes += skb->len;
	}
}

/* From p->key, that of the flow, to that of the fragments of the packet at hand. */
stage void acl_fragments_key(struct acl_packet *p)
{
	p->key.kind = DP_ACL_FRAGMENTS;
	p->key.ports = p->ident;
	if (p->family == DP_ACL_IP6)
		p->key.protocol = 0;
}

/* A later fragment goes the way of its first one, where that has been seen; else it is judged by what it has. */
__noinline __u64 acl_later_fragment(void)
{
	struct acl_packet *p = acl_packet();
	const struct dp_acl_flow *f;
	__u64 verdict;
	__u8 protocol;

	if (!p)
		return 0;
	protocol = p->key.protocol;
	acl_fragments_key(p);
	f = acl_flow(p);
	if (f && DP_ACL_VERDICT_SET(f->verdict[p->direction & 1]) == p->set &&
	    !acl_expired(f, bpf_ktime_get_coarse_ns())) {
		p->flow.rule[p->direction & 1] = f->rule[p->direction & 1];
		return f->verdict[p->direction & 1];
	}
	p->key.protocol = protocol;
	verdict = acl_classify(p->set, p->direction);
	return verdict & ~(__u64)DP_ACL_VERDICT_STATEFUL;
}

__noinline int acl_first_fragment(__u64 verdict)
{
	struct acl_packet *p = acl_packet();
	__u32 rule;

	if (!p)
		return 0;
	rule = p->flow.rule[p->direction & 1];
	acl_fragments_key(p);
	p->flow = (struct dp_acl_flow){ .seen = bpf_ktime_get_coarse_ns(), .timeout = DP_ACL_IDLE_FRAGMENTS };
	p->flow.verdict[p->direction & 1] = verdict & ~(__u64)DP_ACL_VERDICT_STATEFUL;
	p->flow.rule[p->direction & 1] = rule;
	acl_keep(p);
	return 0;
}

/*
 * An ICMP error about a packet of a session belongs to it (RFC 5508 section 4, RFC 4890 4.3.1: what is dropped of them
 * breaks connections). It must be for the sender of the packet that it quotes. True: it quotes one, to which p->key
 * leads now.
 */
__noinline int acl_quotes(struct __sk_buff *skb)
{
	struct acl_packet *p = acl_packet();
	_Bool ip4, out;
	union dp_addr local;
	__u32 at, quote;

	if (!p)
		return 0;
	ip4 = p->family == DP_ACL_IP4;
	at = p->at + 8;
	quote = ip4 ? 20 : 40;
	if (ip4 ? p->key.protocol != IPPROTO_ICMP || !acl_icmp4_is_error(p->icmp_type)
		: p->key.protocol != IPPROTO_ICMPV6 || !acl_icmp6_is_error(p->icmp_type))
		return 0;
	if (bpf_skb_load_bytes(skb, at, p->head, 20) != 0 ||
	    (!ip4 && bpf_skb_load_bytes(skb, at + 20, p->head + 20, 20) != 0))
		return 0;
	/* the quoted packet went the other way */
	out = p->direction != DP_ACL_OUT;
	local = p->key.local;
	if (ip4) {
		const struct iphdr *ip = (const void *)p->head;

		if (ip->version != 4 || ip->ihl != 5 || (ip->frag_off & bpf_htons(0x1fff)))
			return 0;
		p->key.local.w[3] = out ? ip->saddr : ip->daddr;
		p->key.remote.w[3] = out ? ip->daddr : ip->saddr;
		p->key.protocol = ip->protocol;
	} else {
		if (p->head[0] >> 4 != 6)
			return 0;
		__builtin_memcpy(&p->key.local, p->head + (out ? 8 : 24), 16);
		__builtin_memcpy(&p->key.remote, p->head + (out ? 24 : 8), 16);
		p->key.protocol = p->head[6];
	}
	if (!addr_equal(&local, &p->key.local) || bpf_skb_load_bytes(skb, at + quote, p->head, 8) != 0)
		return 0;
	p->direction = out ? DP_ACL_OUT : DP_ACL_IN;
	p->key.ports = 0;
	if (p->key.protocol == IPPROTO_ICMP)
		acl_icmp(p, 8, 0);
	else if (p->key.protocol == IPPROTO_ICMPV6)
		acl_icmp(p, 128, 129);
	else if (p->key.protocol == IPPROTO_TCP || p->key.protocol == IPPROTO_UDP)
		acl_ports(p, *(const __u16 *)p->head, *(const __u16 *)(p->head + 2));
	at = p->set, p->set = p->other_set, p->other_set = at;
	return 1;
}

stage _Bool acl_is_related(struct __sk_buff *skb, struct acl_packet *p)
{
	const struct dp_acl_flow *f = acl_quotes(skb) ? acl_flow(p) : NULL;

	return f && acl_session_alive(p, f, bpf_ktime_get_coarse_ns());
}

/* The verdict on an IP packet. The number of the rule is in p->flow when it denies. */
stage __u64 acl_verdict(struct acl_packet *p)
{
	struct dp_acl_flow *f;
	__u64 verdict;

	if (unlikely(p->fragment == ACL_FRAGMENT_LATER))
		return acl_later_fragment();
	f = acl_flow(p);
	if (unlikely(!f || DP_ACL_VERDICT_SET(f->verdict[p->direction & 1]) != p->set)) {
		acl_ask();
		/* of a made packet nothing was kept */
		f = TRACE_DRY ? NULL : acl_flow(p);
		if (!f)
			f = &p->flow;
	}
	verdict = acl_judge(p, f);
	if (DP_ACL_VERDICT_REASON(verdict))
		p->flow.rule[p->direction & 1] = f->rule[p->direction & 1];
	if (unlikely(p->fragment == ACL_FRAGMENT_FIRST))
		acl_first_fragment(verdict);
	return verdict;
}

/*
 * May the packet pass the port, in this direction? NEXT, or it was dropped, and counted at the port. A global function:
 * verified once, wherever it is called from. It moves nothing: packet pointers stay good.
 */
__noinline int acl_check(struct __sk_buff *skb, __u32 ifindex, __u32 direction)
{
	const struct dp_port *port = port_get(ifindex);
	struct acl_packet *p;
	__u32 reason, number, id;
	__u64 verdict;

	p = acl_packet();
	if (!port || !p || direction >= DP_ACL_DIRECTIONS)
		return drop_at(skb, ifindex, DP_DROP_PORT_GONE);
	__builtin_memset(p, 0, offsetof(struct acl_packet, match));
	id = p->set = port->acl_sets[direction];
	p->other_set = port->acl_sets[!direction];
	p->direction = direction;
	p->key.ifindex = ifindex;
	if (unlikely(id & DP_ACL_ID_MAC)) {
		number = acl_mac_rule(skb);
		if (number & DP_ACL_MAC_DENY)
			return acl_drop(skb, ifindex, DP_DROP_ACL_OUTBOUND + direction, number & ~DP_ACL_MAC_DENY);
	}
	if (!(id & DP_ACL_ID_IP))
		return NEXT;
	if (unlikely(!acl_parse(skb)))
		return acl_drop(skb, ifindex, DP_DROP_ACL_HEADERS, 0);
	if (unlikely(!p->family || p->neighbour))
		return NEXT;
	verdict = acl_verdict(p);
	reason = DP_ACL_VERDICT_REASON(verdict);
	number = p->flow.rule[direction & 1];
	if (unlikely(reason) && !(reason == DP_DROP_EXTENDED_ACL_OUTBOUND + direction && acl_is_related(skb, p)))
		return acl_drop(skb, ifindex, reason, number);
	if (DP_ACL_VERDICT_METER(verdict))
		acl_count(skb, ifindex, DP_ACL_VERDICT_METER(verdict));
	trace(ACL_PASSED, ifindex);
	return NEXT;
}

#endif
