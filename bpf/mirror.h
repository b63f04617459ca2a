/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_MIRROR_H
#define NESTOR_BPF_MIRROR_H

#include "maps.h"
#include "trace.h"

/* Ports that get copies of one port's frames; the bound keeps one frame from holding the CPU. */
#define MIRRORS_MAX 16

/*
 * PortMirroring: a copy of the frame, as it is here, to every port that gets them. A copy leaves at the port and passes no
 * program of ours again but the one at that port's egress, which copies nothing: who gets copies is no source of them.
 */
static __noinline int mirror(struct __sk_buff *skb, const struct dp_port *port)
{
	__u32 next, copies = 0;

	if (!port || TRACE_DRY)
		return 0;
	next = port->mirror;
	for (int i = 0; i < MIRRORS_MAX && next; i++) {
		const struct dp_port *to = port_get(next);

		if (!to || (to->flags & DP_PORT_MIRROR))
			break;
		if (bpf_clone_redirect(skb, next, 0) == 0)
			copies++;
		next = to->mirror;
	}
	trace(MIRRORED, copies);
	return copies;
}

#endif
