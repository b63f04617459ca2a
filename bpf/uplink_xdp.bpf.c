/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */

/*
 * At XDP of an uplink, before uplink.bpf.c, where the driver can do it natively: takes the outer headers off good
 * frames before the kernel builds a packet around them. Then GRO joins what the guest will see, nothing of the tunnel
 * lingers in the packet, and nothing is copied. Whatever is not plainly good goes on as it came: the TC program judges
 * and counts.
 */
#include "meta.h"
#include "wire.h"

stage int decapsulate(struct xdp_md *ctx, __u32 segment, __u32 ifindex)
{
	struct meta *meta;
	void *data;

	/* first what may fail on a driver that has no room for it */
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)) != 0)
		return XDP_PASS;
	data = (void *)(long)ctx->data;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > data)
		return XDP_PASS;
	if (bpf_xdp_adjust_head(ctx, NVGRE_INNER) != 0) {
		bpf_xdp_adjust_meta(ctx, sizeof(*meta));
		return XDP_PASS;
	}
	data = (void *)(long)ctx->data;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > data)
		return XDP_DROP;
	*meta = (struct meta){ .magic = META_MAGIC, .segment = segment, .ifindex = ifindex };
	return XDP_PASS;
}

SEC("xdp.frags")
int nestor_uplink_xdp(struct xdp_md *ctx)
{
	const void *p = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct dp_port *uplink;
	const struct dp_dest *dest;
	struct wire w = {};
	__u32 len;

	if (p + NVGRE_PAYLOAD > end || ether_type(p) != ETHERTYPE_IP4)
		return XDP_PASS;
	uplink = port_get(ctx->ingress_ifindex);
	if (!uplink || !(uplink->flags & DP_PORT_XDP))
		return XDP_PASS;
	len = bpf_xdp_get_buff_len(ctx);
	if (wire_outer(p, end, len, 0, uplink, &w) != WIRE_OURS)
		return XDP_PASS;
	/* padding is the TC program's business */
	if (w.inner_len + NVGRE_INNER != len || wire_inner(p + NVGRE_INNER, end, &w, uplink) != WIRE_OURS)
		return XDP_PASS;
	/* a group address is nobody's destination entry */
	dest = dest_get(w.vsid, p + NVGRE_INNER);
	if (!dest || dest->kind != DP_DEST_LOCAL)
		return XDP_PASS;
	return decapsulate(ctx, w.vsid, dest->target);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
