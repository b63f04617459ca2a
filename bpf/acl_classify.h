/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_ACL_CLASSIFY_H
#define NESTOR_BPF_ACL_CLASSIFY_H

#include "acl_packet.h"

/*
 * What a set says of a packet: each value of the packet leads to a vector with a bit for each rule that it may match;
 * the rules that match are the bits that all vectors have, and the lowest one of a section decides there. The cost
 * hardly grows with the number of rules: five lookups and DP_ACL_WORDS words at most.
 */
struct acl_vectors {
	const struct dp_acl_vector *local, *remote, *local_port, *remote_port, *protocol;
};

#define ACL_NO_RULE   DP_ACL_RULES
#define ACL_PORT_DIMS (1 << DP_ACL_LOCAL_PORT | 1 << DP_ACL_REMOTE_PORT)

stage const struct dp_acl_vector *acl_vector(__u32 set, __u32 class)
{
	struct dp_acl_vector_key key = { .set = set, .class = class };

	return bpf_map_lookup_elem(&acl_vectors, &key);
}

/* p->match.value holds the value. NULL: no rule has it. */
stage const struct dp_acl_vector *acl_lookup(struct acl_packet *p, __u32 set, __u32 dim, __u32 bits)
{
	const __u32 *class;

	p->match.prefixlen = DP_ACL_MATCH_BITS + bits;
	p->match.set = set;
	p->match.dim = dim;
	class = bpf_map_lookup_elem(&acl_matches, &p->match);
	return class ? acl_vector(set, *class) : NULL;
}

stage const struct dp_acl_vector *acl_lookup_address(struct acl_packet *p, __u32 set, __u32 dim, const union dp_addr *a)
{
	if (p->family == DP_ACL_IP4) {
		*(__u32 *)p->match.value = a->w[3];
		return acl_lookup(p, set, dim, 32);
	}
	__builtin_memcpy(p->match.value, a, 16);
	return acl_lookup(p, set, dim + 1, 128);
}

/* False: some dimension has no rule for the packet, so none matches. */
stage _Bool acl_vectors_get(struct acl_packet *p, __u32 id, __u16 dims, struct acl_vectors *v)
{
	const struct dp_acl_vector *all = acl_vector(id, DP_ACL_CLASS_ALL), *x;

	if (!all)
		return 0;
	v->local = v->remote = v->local_port = v->remote_port = v->protocol = all;
	if (dims & 1 << DP_ACL_LOCAL4) {
		x = acl_lookup_address(p, id, DP_ACL_LOCAL4, &p->key.local);
		if (!x)
			return 0;
		v->local = x;
	}
	if (dims & 1 << DP_ACL_REMOTE4) {
		x = acl_lookup_address(p, id, DP_ACL_REMOTE4, &p->key.remote);
		if (!x)
			return 0;
		v->remote = x;
	}
	if (dims & 1 << DP_ACL_PROTOCOL) {
		p->match.value[0] = p->key.protocol;
		x = acl_lookup(p, id, DP_ACL_PROTOCOL, 8);
		if (!x)
			return 0;
		v->protocol = x;
	}
	if (!(dims & ACL_PORT_DIMS) || (p->key.protocol != IPPROTO_TCP && p->key.protocol != IPPROTO_UDP))
		return 1;
	if (p->fragment == ACL_FRAGMENT_LATER) {
		x = acl_vector(id, DP_ACL_CLASS_NO_PORTS);
		if (!x)
			return 0;
		v->local_port = x;
		return 1;
	}
	if (dims & 1 << DP_ACL_LOCAL_PORT) {
		*(__u16 *)p->match.value = p->key.ports;
		x = acl_lookup(p, id, DP_ACL_LOCAL_PORT, 16);
		if (!x)
			return 0;
		v->local_port = x;
	}
	if (dims & 1 << DP_ACL_REMOTE_PORT) {
		*(__u16 *)p->match.value = p->key.ports >> 16;
		x = acl_lookup(p, id, DP_ACL_REMOTE_PORT, 16);
		if (!x)
			return 0;
		v->remote_port = x;
	}
	return 1;
}

/* Number of the lowest bit that is set; w is not 0. The machine has no instruction for it. */
stage __u32 acl_lowest_bit(__u64 w)
{
	__u32 n = 0;

	w &= -w;
	n |= (w & 0xaaaaaaaaaaaaaaaa) ? 1 : 0;
	n |= (w & 0xcccccccccccccccc) ? 2 : 0;
	n |= (w & 0xf0f0f0f0f0f0f0f0) ? 4 : 0;
	n |= (w & 0xff00ff00ff00ff00) ? 8 : 0;
	n |= (w & 0xffff0000ffff0000) ? 16 : 0;
	n |= (w & 0xffffffff00000000) ? 32 : 0;
	return n;
}

/*
 * The first rule from one word to another goes to p->found, ACL_NO_RULE if there is none. Through memory: to the
 * verifier the number found in each word would be a case of its own, three times in a row.
 */
stage void acl_first(struct acl_packet *p, const struct acl_vectors *v, __u32 from, __u32 to)
{
	p->found = ACL_NO_RULE;
	for (__u32 i = 0; i < DP_ACL_WORDS; i++) {
		__u32 n = from + i;
		__u64 w;

		if (n >= to || n >= DP_ACL_WORDS)
			break;
		w = v->local->w[n] & v->remote->w[n] & v->local_port->w[n] & v->remote_port->w[n] & v->protocol->w[n];
		if (w) {
			p->found = n * 64 + acl_lowest_bit(w);
			break;
		}
	}
}

stage const struct dp_acl_rule *acl_rule(struct acl_packet *p, const struct acl_vectors *v, __u32 set, __u32 from,
					 __u32 to)
{
	struct dp_acl_rule_key key = { .set = set };

	acl_first(p, v, from, to);
	key.index = p->found;
	return key.index == ACL_NO_RULE ? NULL : bpf_map_lookup_elem(&acl_rules, &key);
}

stage __u16 acl_idle(const struct dp_acl_rule *rule, __u8 protocol)
{
	if (rule->timeout)
		return rule->timeout;
	return protocol == IPPROTO_TCP	 ? DP_ACL_IDLE_TCP
	       : protocol == IPPROTO_UDP ? DP_ACL_IDLE_UDP
					 : DP_ACL_IDLE_OTHER;
}

/*
 * The verdict of set id, of the given direction, on the packet; the number of the rule and its timeout go to p->flow.
 */
__noinline __u64 acl_classify(__u32 id, __u32 direction)
{
	struct acl_packet *p = acl_packet();
	const struct dp_acl_set *set;
	const struct dp_acl_rule *rule;
	struct acl_vectors v;
	__u32 meter = 0;

	if (!p || direction >= DP_ACL_DIRECTIONS)
		return 0;
	p->flow.rule[direction] = 0;
	set = bpf_map_lookup_elem(&acl_sets, &id);
	if (!set)
		return DP_ACL_VERDICT(id, 0, DP_DROP_ACL_NOT_READY, 0);
	if (!acl_vectors_get(p, id, set->dims, &v))
		return DP_ACL_VERDICT(id, 0, 0, 0);
	rule = acl_rule(p, &v, id, 0, set->end[DP_ACL_METER]);
	if (rule)
		meter = rule->number & DP_ACL_METER_MAX;
	rule = acl_rule(p, &v, id, set->end[DP_ACL_METER], set->end[DP_ACL_BASIC]);
	if (rule && (rule->flags & DP_ACL_DENY)) {
		p->flow.rule[direction] = rule->number;
		return DP_ACL_VERDICT(id, meter, DP_DROP_ACL_OUTBOUND + direction, 0);
	}
	rule = acl_rule(p, &v, id, set->end[DP_ACL_BASIC], set->end[DP_ACL_EXTENDED]);
	if (!rule)
		return DP_ACL_VERDICT(id, meter, 0, 0);
	p->flow.rule[direction] = rule->number;
	if (rule->flags & DP_ACL_DENY)
		return DP_ACL_VERDICT(id, meter, DP_DROP_EXTENDED_ACL_OUTBOUND + direction, 0);
	if (!(rule->flags & DP_ACL_STATEFUL))
		return DP_ACL_VERDICT(id, meter, 0, 0);
	p->flow.timeout = acl_idle(rule, p->key.protocol);
	return DP_ACL_VERDICT(id, meter, 0, DP_ACL_VERDICT_STATEFUL);
}
_Static_assert(DP_ACL_OUT == 0 && DP_DROP_ACL_INBOUND == DP_DROP_ACL_OUTBOUND + DP_ACL_IN &&
		       DP_DROP_EXTENDED_ACL_INBOUND == DP_DROP_EXTENDED_ACL_OUTBOUND + DP_ACL_IN,
	       "reasons by direction");

#endif
