/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */

/*
 * At the egress of the host side of a port: what the guest receives. For ports of a switch with VLANs, for ports whose
 * frames are copied, and for those without a virtual subnet that have inbound rules: to them the kernel's bridge
 * delivers. Where there is a virtual subnet, deliver.h and ring.h have asked.
 */
#include "acl.h"
#include "mirror.h"
#include "vlan.h"

SEC("tc")
int nestor_vport_egress(struct __sk_buff *skb)
{
	const struct dp_port *port = port_get(skb->ifindex);
	int action;

	if (!port)
		return TC_ACT_UNSPEC;
	if (port->flags & DP_PORT_VLAN) {
		action = vlan_to_guest(skb, port);
		if (action != NEXT)
			return action;
	}
	if ((port->flags & DP_PORT_ACL_IN) && !port->segment) {
		action = acl_check(skb, skb->ifindex, DP_ACL_IN);
		if (action != NEXT)
			return action;
	}
	if (port->flags & DP_PORT_MIRROR)
		mirror(skb, port);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
