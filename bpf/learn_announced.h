/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_LEARN_ANNOUNCED_H
#define NESTOR_BPF_LEARN_ANNOUNCED_H

#include "learn.h"

/* From the guest, with a source that is valid; mac: who says so. */
static __noinline void learn_announced4(struct __sk_buff *skb, const struct dp_port *port, const void *mac, __u32 ca)
{
	struct dp_learnt *l;

	if (!port || !mac || (port->learn & (DP_PORT_LEARN_4 | DP_PORT_LEARN_FULL)) != DP_PORT_LEARN_4 ||
	    !mac_equal(mac, port->mac) || !learn_is_machine4(ca) || ca4_get(port->segment, ca) || !learn_allowed(port))
		return;
	l = bpf_ringbuf_reserve(&learnt, offsetof(struct dp_learnt, message), 0);
	if (!l)
		return;
	learn_header(l, port, skb->ifindex, DP_LEARNT_ANNOUNCED);
	l->ca = (union dp_addr){ .w = { 0, 0, ADDR4_PREFIX, ca } };
	bpf_ringbuf_submit(l, 0);
}

#endif
