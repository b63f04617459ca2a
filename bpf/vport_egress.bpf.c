/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */

/*
 * At the egress of the host side of a port: what the kernel's bridge delivers to a guest. Only at ports without a virtual subnet
 * whose inbound traffic has rules; where there is a virtual subnet, deliver.h asks them.
 */
#include "acl.h"

SEC("tc")
int nestor_vport_egress(struct __sk_buff *skb)
{
	const struct dp_port *port = port_get(skb->ifindex);
	int action;

	if (!port || port->segment || !(port->flags & DP_PORT_ACL_IN))
		return TC_ACT_UNSPEC;
	action = acl_check(skb, skb->ifindex, DP_ACL_IN);
	return action == NEXT ? verdict(skb, DP_VERDICT_PASS, 0, TC_ACT_UNSPEC) : action;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
