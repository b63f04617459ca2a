/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */

/* At the egress of the host side of a port whose frames are copied: what the guest receives. Nothing is decided here. */
#include "mirror.h"

SEC("tc")
int nestor_mirror(struct __sk_buff *skb)
{
	const struct dp_port *port = port_get(skb->ifindex);

	if (port && (port->flags & DP_PORT_MIRROR))
		mirror(skb, port);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
