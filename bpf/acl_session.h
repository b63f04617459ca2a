/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_ACL_SESSION_H
#define NESTOR_BPF_ACL_SESSION_H

#include "acl_classify.h"
#include "trace.h"

/*
 * Flows and the sessions of stateful rules. Entries of an LRU map may come to stand for another flow while they are
 * looked at: so what lets packets pass is written by key alone, never in place.
 */

#define ACL_SECOND     1000000000ull
#define ACL_SEEN_STEP  (ACL_SECOND / 2)
#define ACL_TCP_CLOSED (DP_ACL_TCP_FIN_OUT | DP_ACL_TCP_FIN_IN)

stage struct dp_acl_flow *acl_flow(struct acl_packet *p)
{
	return bpf_map_lookup_elem(&acl_flows, &p->key);
}

stage _Bool acl_is_closed(const struct dp_acl_flow *f)
{
	return (f->tcp & DP_ACL_TCP_RST) || (f->tcp & ACL_TCP_CLOSED) == ACL_TCP_CLOSED;
}

stage _Bool acl_expired(const struct dp_acl_flow *f, __u64 now)
{
	__u32 timeout = f->timeout;

	if (acl_is_closed(f) && timeout > DP_ACL_IDLE_CLOSED)
		timeout = DP_ACL_IDLE_CLOSED;
	return (__s64)(now - f->seen) > (__s64)(timeout * ACL_SECOND);
}

/* Writes p->flow. What has no room stays without a memory: it is judged anew the next time. */
stage void acl_keep(struct acl_packet *p)
{
	if (!TRACE_DRY)
		bpf_map_update_elem(&acl_flows, &p->key, &p->flow, BPF_ANY);
}

/*
 * The rules of the session's first packet have changed. It goes on where the new ones let that packet pass, too, and
 * ends where they do not. The packet at hand need not have been of that direction.
 */
__noinline int acl_session_confirm(void)
{
	struct acl_packet *p = acl_packet();
	const struct dp_acl_flow *f = p ? acl_flow(p) : NULL;
	__u32 origin, set;

	if (!f)
		return 0;
	p->flow = *f;
	origin = p->flow.origin & 1;
	set = origin == p->direction ? p->set : p->other_set;
	p->flow.verdict[origin] = set ? acl_classify(set, origin) : 0;
	p->flow.session = p->flow.verdict[origin] & DP_ACL_VERDICT_STATEFUL ? set : 0;
	acl_keep(p);
	return p->flow.session != 0;
}

/* Is there a session that this packet belongs to? */
stage _Bool acl_session_alive(const struct acl_packet *p, const struct dp_acl_flow *f, __u64 now)
{
	__u32 set;

	if (!f->session || acl_expired(f, now))
		return 0;
	set = f->origin == p->direction ? p->set : p->other_set;
	return likely(f->session == set) || acl_session_confirm();
}

/* Of the packet that belongs to it: when it was, and how far a connection is closed. */
stage void acl_session_note(struct acl_packet *p, struct dp_acl_flow *f, __u64 now)
{
	__u8 tcp = f->tcp;

	if (TRACE_DRY)
		return;
	if (now - f->seen > ACL_SEEN_STEP)
		f->seen = now;
	if (unlikely(p->tcp_flags & ACL_TCP_FIN))
		tcp |= DP_ACL_TCP_FIN_OUT << p->direction;
	if (unlikely(p->tcp_flags & ACL_TCP_RST))
		tcp |= DP_ACL_TCP_RST;
	if (unlikely(tcp != f->tcp))
		f->tcp = tcp;
}
_Static_assert(DP_ACL_TCP_FIN_OUT << DP_ACL_IN == DP_ACL_TCP_FIN_IN, "by direction");

/* A new session: p->flow has the verdict on its first packet, and the timeout. A reset begins nothing. */
stage void acl_session_begin(struct acl_packet *p, __u64 now)
{
	p->flow.session = p->tcp_flags & ACL_TCP_RST ? 0 : p->set;
	p->flow.origin = p->direction;
	p->flow.seen = now;
	p->flow.tcp = 0;
}

/* Asks the rules, and remembers what they said: in the map, and in p->flow. */
__noinline int acl_ask(void)
{
	struct acl_packet *p = acl_packet();
	const struct dp_acl_flow *old = p ? acl_flow(p) : NULL;
	__u64 verdict;

	if (!p)
		return 0;
	if (old)
		p->flow = *old;
	else
		p->flow = (struct dp_acl_flow){};
	verdict = acl_classify(p->set, p->direction);
	p->flow.verdict[p->direction & 1] = verdict;
	if ((verdict & DP_ACL_VERDICT_STATEFUL) && !p->flow.session)
		acl_session_begin(p, bpf_ktime_get_coarse_ns());
	acl_keep(p);
	return 0;
}

/* The verdict is that a stateful rule lets the packet pass: there is a session from here on. */
stage void acl_session_open(struct acl_packet *p, struct dp_acl_flow *f, __u64 now)
{
	_Bool again = (p->tcp_flags & (ACL_TCP_SYN | ACL_TCP_ACK)) == ACL_TCP_SYN && acl_is_closed(f);

	if (likely(f->session && !again && acl_session_alive(p, f, now))) {
		acl_session_note(p, f, now);
		return;
	}
	/* the old session's timeout may have been another rule's */
	acl_ask();
	acl_session_begin(p, now);
	acl_keep(p);
}

/* An echo request is never an answer, although it has the identifier of one. */
stage _Bool acl_may_answer(const struct acl_packet *p, const struct dp_acl_flow *f)
{
	if (f->origin == p->direction || !(p->key.ports & ACL_ECHO) ||
	    (p->key.protocol != IPPROTO_ICMP && p->key.protocol != IPPROTO_ICMPV6))
		return 1;
	return p->icmp_type == 0 || p->icmp_type == 129;
}

/* The verdict, and what sessions change of it. */
stage __u64 acl_judge(struct acl_packet *p, struct dp_acl_flow *f)
{
	__u64 verdict = f->verdict[p->direction & 1], now;
	__u32 reason = DP_ACL_VERDICT_REASON(verdict);

	if (likely(!(verdict & DP_ACL_VERDICT_STATEFUL) && !f->session))
		return verdict;
	if (reason && reason != DP_DROP_EXTENDED_ACL_OUTBOUND && reason != DP_DROP_EXTENDED_ACL_INBOUND)
		return verdict;
	now = bpf_ktime_get_coarse_ns();
	if (verdict & DP_ACL_VERDICT_STATEFUL)
		acl_session_open(p, f, now);
	else if (acl_may_answer(p, f) && acl_session_alive(p, f, now)) {
		acl_session_note(p, f, now);
		trace(ACL_SESSION);
		verdict &= ~DP_ACL_VERDICT(0, 0, 0xff, 0);
	}
	return verdict;
}

#endif
