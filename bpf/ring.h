/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_RING_H
#define NESTOR_BPF_RING_H

#include "acl.h"
#include "learn.h"
#include "verdict.h"

/* The ports of a segment on this host are a ring: from each the next one is known (dp_port.flood_next). */

/* A ring longer than this is cut: the bound keeps one broadcast from holding the CPU. */
#define FLOOD_MAX 4096

/* 01-80-C2-00-00-00 to -0F: for the next machine on the cable, which a virtual subnet does not have (IEEE 802.1D 7.12.6). */
stage _Bool mac_is_reserved(const void *mac)
{
	return *(const __u32 *)mac == bpf_htonl(0x0180c200) &&
	       (*(const __u16 *)((const char *)mac + 4) & bpf_htons(0xfff0)) == 0;
}

struct flood {
	struct __sk_buff *skb;
	__u32 segment;
	__u32 end; /* the port where the ring is over; 0: the next one, once it has its copy */
	__u32 next;
	__u32 copies;
};

static long flood_one(__u32 i __attribute__((unused)), void *arg)
{
	struct flood *f = arg;
	const struct dp_port *port;

	if (!f->next || f->next == f->end)
		return 1;
	port = port_get(f->next);
	if (!port || port->segment != f->segment)
		return 1;
	if ((!(port->flags & DP_PORT_ACL_IN) || acl_check(f->skb, f->next, DP_ACL_IN) == NEXT) &&
	    (TRACE_DRY || bpf_clone_redirect(f->skb, f->next, 0) == 0)) {
		if (unlikely(port->flags & DP_PORT_LEARNS))
			learn_lease(f->skb, port, f->next);
		count_received(port, frame_packets(f->skb), f->skb->len);
		f->copies++;
	}
	if (!f->end)
		f->end = f->next;
	f->next = port->flood_next;
	return 0;
}

/* A copy to each port of the ring. */
stage void flood_ring(struct flood *f)
{
	bpf_loop(FLOOD_MAX, flood_one, f, 0);
	trace(FLOOD, f->copies);
}

#endif
