/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_LEARN_ANNOUNCED_H
#define NESTOR_BPF_LEARN_ANNOUNCED_H

#include "ip6.h"
#include "learn.h"

stage void learn_announced(struct __sk_buff *skb, const struct dp_port *port, const void *mac, const union dp_addr *ca)
{
	struct dp_learnt *l = bpf_ringbuf_reserve(&learnt, offsetof(struct dp_learnt, message), 0);

	if (!l)
		return;
	learn_header(l, port, mac, skb->ifindex, DP_LEARNT_ANNOUNCED);
	l->ca = *ca;
	bpf_ringbuf_submit(l, 0);
}

/* Are addresses of the machine learnt, and may it have more? Of one behind the port the daemon counts them. */
stage _Bool learn_wanted(const struct dp_port *port, const void *mac, __u8 wanted, __u8 full, __u8 flag)
{
	return mac_equal(mac, port->mac) ? (port->learn & (wanted | full)) == wanted : learn_of_inner(port, mac, flag);
}

/* From the guest, with a source that is valid; mac: who says so. */
static __noinline void learn_announced4(struct __sk_buff *skb, const struct dp_port *port, const void *mac, __u32 ca)
{
	if (!port || !mac || !learn_wanted(port, mac, DP_PORT_LEARN_4, DP_PORT_LEARN_FULL, DP_DEST_L2ONLY) ||
	    !learn_is_machine4(ca) || ca4_get(port->segment, ca) || !learn_allowed(port))
		return;
	learn_announced(skb, port, mac, &(union dp_addr){ .w = { 0, 0, ADDR4_PREFIX, ca } });
}

/* A link-local address needs no record (nd.h). */
static __noinline void learn_announced6(struct __sk_buff *skb, const struct dp_port *port, const void *mac, const union dp_addr *ca)
{
	if (!port || !mac || !ca || !learn_wanted(port, mac, DP_PORT_LEARN_6, DP_PORT_LEARN_FULL6, DP_DEST_L2ONLY6) ||
	    !addr_is_machine6(ca) || addr_is_link_local(ca) || ca6_get(port->segment, ca) ||
	    !learn_allowed(port))
		return;
	learn_announced(skb, port, mac, ca);
}

#endif
