/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * An emulated cable: what enters one of its two ends leaves by the other, as a fresh packet.
 *
 * XDP_REDIRECT turns the socket buffer that a veth hands over into a bare frame, so that the far host sees what a
 * NIC would give it: wire bytes, no segmentation left to do, no checksum left to fill in. The ends are an even
 * interface index and the odd one above it; whoever builds the cable chooses the indexes, which saves a map and a
 * loader.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int cable(struct xdp_md *ctx)
{
	return bpf_redirect(ctx->ingress_ifindex ^ 1, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
