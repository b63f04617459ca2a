/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_TRACE_H
#define NESTOR_BPF_TRACE_H

#include "common.h"

/*
 * Why a packet goes where it goes. A stage notes what it decided by trace(NAME, a, b, c, addr), with as many of the four as
 * the sentence in trace_stage.h has holes. In the programs that carry the traffic that is nothing at all, not even its
 * arguments. A second build of the same source, with NESTOR_TRACE, keeps what is noted and hands it out with the packet:
 * the daemon runs it on made packets (BPF_PROG_TEST_RUN), or puts it in a port's place while somebody watches.
 */
#ifdef NESTOR_TRACE

#include <nestor/trace_stage.h>

#define TRACING 1

/* The packet in work; a program is not interrupted by another packet on its CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dp_trace);
} trace_packet SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} trace_ring SEC(".maps");

/* Set before the program is loaded. */
SEC(".rodata.trace") const volatile struct dp_trace_options trace_options = {};
#define trace_filter trace_options.filter

/* The packet is a made one: nothing may leave, and nothing may be changed that outlives it. */
#define TRACE_DRY (trace_options.dry != 0)

static __always_inline struct dp_trace *trace_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&trace_packet, &zero);
}

/* Verified once, not at every place where it is called: so not static. */
__attribute__((noinline)) int trace_note(__u32 code, __u64 a, __u64 b, __u64 c, const union dp_addr *addr)
{
	struct dp_trace *t = trace_get();
	struct dp_trace_step *s;

	if (!t || t->n_steps >= DP_TRACE_STEPS)
		return 0;
	s = &t->steps[t->n_steps];
	s->code = code;
	s->a = a;
	s->b = b;
	s->c = c;
	s->addr = addr ? *addr : (union dp_addr){};
	t->n_steps++;
	return 0;
}

#define TRACE_FOUR(_, a, b, c, addr, ...) (__u64)(a), (__u64)(b), (__u64)(c), (const void *)(addr)
#define trace(stage, ...) ((void)trace_note(DP_TRACE_##stage, TRACE_FOUR(0, ##__VA_ARGS__, 0, 0, 0, 0)))

/* Where in the frame that came in the guest's frame begins. */
#define trace_inner(at) trace_set_inner(at)

static __always_inline void trace_set_inner(__u32 at)
{
	struct dp_trace *t = trace_get();

	if (t)
		t->inner = at;
}

/* The first bytes of the frame; the rest of the room is zeroes. */
static __always_inline void trace_bytes(struct __sk_buff *skb, __u8 *to)
{
	__u32 n = skb->len;

	__builtin_memset(to, 0, DP_TRACE_BYTES);
	if (n > DP_TRACE_BYTES)
		n = DP_TRACE_BYTES;
	/* the compiler knows that n is not negative; the verifier wants to see it */
	asm volatile("" : "+r"(n));
	if (n && n <= DP_TRACE_BYTES)
		bpf_skb_load_bytes(skb, 0, to, n);
}

static __always_inline void trace_begin(struct __sk_buff *skb)
{
	struct dp_trace *t = trace_get();

	if (!t)
		return;
	t->ifindex = skb->ifindex;
	t->len = skb->len;
	t->segments = skb->gso_segs;
	t->inner = 0;
	t->n_steps = 0;
	trace_bytes(skb, t->in);
}

static __always_inline _Bool trace_ports_match(const __u8 *p, __u32 at, __u8 protocol, _Bool later)
{
	const volatile struct dp_trace_filter *f = &trace_filter;
	__u16 source, destination;

	if ((f->fields & DP_TRACE_PROTOCOL) && protocol != f->protocol)
		return 0;
	if (!(f->fields & (DP_TRACE_SOURCE_PORT | DP_TRACE_DESTINATION_PORT | DP_TRACE_ECHO)))
		return 1;
	if (later || at > DP_TRACE_BYTES - 8)
		return 0;
	if ((f->fields & DP_TRACE_ECHO) && (p[at] != f->icmp_type || *(const __u32 *)(p + at + 4) != f->echo))
		return 0;
	source = *(const __u16 *)(p + at);
	destination = *(const __u16 *)(p + at + 2);
	return (!(f->fields & DP_TRACE_SOURCE_PORT) || source == f->source_port) &&
	       (!(f->fields & DP_TRACE_DESTINATION_PORT) || destination == f->destination_port);
}

static __always_inline _Bool trace_address_matches(__u32 field, const volatile union dp_addr *want, const __u8 *p, _Bool v4)
{
	const __u16 *h = (const void *)p;

	if (!(trace_filter.fields & field))
		return 1;
	if (v4)
		return !want->d[0] && want->w[2] == bpf_htonl(0xffff) && (want->w[3] & 0xffff) == h[0] && want->w[3] >> 16 == h[1];
	for (int i = 0; i < 4; i++)
		if ((want->w[i] & 0xffff) != h[2 * i] || want->w[i] >> 16 != h[2 * i + 1])
			return 0;
	return 1;
}

static __always_inline _Bool trace_addresses_match(const __u8 *source, const __u8 *destination, _Bool v4)
{
	return trace_address_matches(DP_TRACE_SOURCE, &trace_filter.source, source, v4) &&
	       trace_address_matches(DP_TRACE_DESTINATION, &trace_filter.destination, destination, v4);
}

/* frame: DP_TRACE_BYTES, of which the guest's frame begins at `at`, below 128 */
static __always_inline _Bool trace_frame_matches(const __u8 *frame, __u32 at)
{
	const volatile struct dp_trace_filter *f = &trace_filter;
	const __u8 *p = frame + at;
	__u16 type = *(const __u16 *)(p + 12);
	__u32 l4;

	if ((f->fields & DP_TRACE_MAC) &&
	    (*(const __u32 *)p != *(const volatile __u32 *)f->mac || *(const __u16 *)(p + 4) != *(const volatile __u16 *)(f->mac + 4)))
		return 0;
	if ((f->fields & DP_TRACE_ETHERTYPE) && type != f->ethertype)
		return 0;
	if (type == bpf_htons(ETH_P_IP)) {
		l4 = at + ETH_HLEN + (p[ETH_HLEN] & 0x0f) * 4;
		return trace_addresses_match(p + ETH_HLEN + 12, p + ETH_HLEN + 16, 1) &&
		       trace_ports_match(frame, l4, p[ETH_HLEN + 9], (p[ETH_HLEN + 6] & 0x1f) || p[ETH_HLEN + 7]);
	}
	if (type == bpf_htons(ETH_P_IPV6))
		return trace_addresses_match(p + ETH_HLEN + 8, p + ETH_HLEN + 24, 0) &&
		       trace_ports_match(frame, at + ETH_HLEN + 40, p[ETH_HLEN + 6], 0);
	if (f->fields & (DP_TRACE_PROTOCOL | DP_TRACE_SOURCE_PORT | DP_TRACE_DESTINATION_PORT))
		return 0;
	if (type == bpf_htons(ETH_P_ARP))
		return trace_addresses_match(p + ETH_HLEN + 14, p + ETH_HLEN + 24, 1);
	return !(f->fields & (DP_TRACE_SOURCE | DP_TRACE_DESTINATION));
}

/*
 * Of what comes from the wire the guest's frame is judged: inside its outer headers, or as it was delivered. A frame for a
 * provider address that is dropped before anybody can say for whom it is may be the one looked for, unless that is said.
 */
static __always_inline _Bool trace_matches(const struct dp_trace *t, _Bool from_wire)
{
	__u32 at = t->inner;

	if (!trace_filter.fields)
		return 1;
	/* a routed packet has the receiver's MAC address in the end */
	if (!from_wire && trace_frame_matches(t->in, 0))
		return 1;
	if (at) {
		at &= 127;
		return trace_frame_matches(t->in, at);
	}
	if (t->verdict == DP_VERDICT_DELIVER || t->verdict == DP_VERDICT_DELIVER_PEER)
		return trace_frame_matches(t->out, 0);
	return from_wire && t->verdict == DP_VERDICT_DROP && !(trace_filter.fields & ~(DP_TRACE_DESTINATION | DP_TRACE_MAC));
}

static __always_inline int trace_end(struct __sk_buff *skb, int action, _Bool from_wire)
{
	struct dp_trace *t = trace_get();

	if (!t)
		return action;
	t->verdict = skb->cb[DP_CB_VERDICT];
	t->detail = skb->cb[DP_CB_DETAIL];
	t->out_len = skb->len;
	trace_bytes(skb, t->out);
	/* one that waits for its turn is told of when it goes on */
	if (t->verdict == DP_VERDICT_QUEUE || !trace_matches(t, from_wire))
		return action;
	t->time = bpf_ktime_get_ns();
	if (bpf_ringbuf_output(&trace_ring, t, sizeof(*t), 0) == 0)
		t->lost = 0;
	else
		t->lost++;
	return action;
}

#define TRACED(skb, from_wire, body) (trace_begin(skb), trace_end(skb, body, from_wire))

#else

#define TRACING 0
#define TRACE_DRY 0
#define trace(stage, ...) ((void)0)
#define trace_inner(at) ((void)0)
#define TRACED(skb, from_wire, body) (body)

#endif

/* For trace(): the bytes of a MAC address. */
#define trace_mac(mac) mac_number(mac)

#endif
