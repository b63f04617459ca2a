/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Plain redirection, the limit for any overlay that works at TC ingress: port to uplink and uplink to port,
 * nothing looked at and nothing added. As with the cable, the two are an even interface index and the odd one
 * above it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int redirect(struct __sk_buff *skb)
{
	return bpf_redirect(skb->ifindex ^ 1, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
