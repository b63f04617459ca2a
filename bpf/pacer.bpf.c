/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */

/*
 * At the ingress of the far end of the device that holds packets back (pace.h): each goes back to the port that its mark names,
 * as if its guest had sent it now. Nothing else comes this way.
 */
#include "maps.h"

SEC("tc")
int nestor_pacer(struct __sk_buff *skb)
{
	__u32 ifindex = skb->mark & (DP_MAX_IFINDEX - 1);
	const struct dp_port *port = port_get(ifindex);

	if ((skb->mark & ~(DP_MAX_IFINDEX - 1)) != DP_PACE_MARK || !port)
		return TC_ACT_SHOT;
	/* the limit went while the packet waited: the port will not know the mark */
	if (!(port->flags & DP_PORT_PACED))
		skb->mark = 0;
	return bpf_redirect(ifindex, BPF_F_INGRESS);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
