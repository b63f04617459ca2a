/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */

/*
 * At XDP of an uplink, before uplink.bpf.c, where the driver can do it natively: takes the outer headers off good
 * frames before the kernel builds a packet around them. Then GRO joins what the guest will see, nothing of the tunnel
 * lingers in the packet, and nothing is copied. Whatever is not plainly good goes on as it came: the TC program judges
 * and counts.
 */
#include "meta.h"
#include "rewrite_map.h"
#include "flow_cache.h"

/* Metadata before the frame; 0 where the driver has no room for it. */
stage _Bool meta_write(struct xdp_md *ctx, struct meta value)
{
	struct meta *meta;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)) != 0)
		return 0;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > (void *)(long)ctx->data)
		return 0;
	*meta = value;
	return 1;
}

/*
 * Left as it came. It is marked as such, because on a veth it may be a packet of this kernel that has metadata already,
 * from who knows whom, and would keep it.
 */
stage int untouched(struct xdp_md *ctx)
{
	meta_write(ctx, (struct meta){});
	return XDP_PASS;
}

/* What may fail on a driver comes first, while the frame is still whole. */
stage int decapsulate(struct xdp_md *ctx, __u32 segment, __u32 ifindex, const __u32 encap)
{
	struct meta *meta;
	__u8 *source;

	if (!meta_write(ctx, (struct meta){}))
		return XDP_PASS;
	if (bpf_xdp_adjust_head(ctx, INNER_AT(encap)) != 0)
		return XDP_PASS;
	meta = (void *)(long)ctx->data_meta;
	source = (void *)(long)ctx->data + ETH_ALEN;
	if ((void *)(meta + 1) > (void *)(long)ctx->data || (void *)(source + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	*source |= META_MARK;
	*meta = (struct meta){ .magic = META_MAGIC, .segment = segment, .ifindex = ifindex };
	return XDP_PASS;
}

/* The port of this host that a good frame is for; 0: the frame is not plainly good. */
stage __u32 judge(struct xdp_md *ctx, const struct dp_port *uplink, __u32 *segment, const __u32 encap)
{
	const void *p = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const void *inner = p + INNER_AT(encap);
	const struct dp_dest *dest;
	struct flow flow = {};
	struct wire w = {};
	__u32 len, known;
	int reason;

	if (inner + ETH_HLEN > end || ether_type(p) != ETHERTYPE_IP4)
		return 0;
	/* it may be what a guest sends in its own virtual subnet: the TC program tells */
	if ((uplink->flags & DP_PORT_REWRITE) && rewrite_get(*(const __u32 *)(p + OUTER_IP + 16)))
		return 0;
	len = bpf_xdp_get_buff_len(ctx);
	reason = encap == DP_ENCAP_VXLAN4 ? wire_vxlan4(p, end, len, 0, uplink, &w) : wire_nvgre4(p, end, len, 0, uplink, &w);
	/* padding is the TC program's business, and so is a checksum over all of the packet, about which the NIC may know */
	if (reason != WIRE_OURS || outer_is_group(uplink, p, &w) || w.inner_len + INNER_AT(encap) != len || w.checksum)
		return 0;
	*segment = w.vsid;
	known = flow_find(&flow, inner, end, &w);
	if (likely(known))
		return known;
	if (wire_inner(inner, end, &w, uplink) != WIRE_OURS)
		return 0;
	if (ether_type(inner) == ETHERTYPE_IP6 && !wire_is_plain6(inner + ETH_HLEN, end))
		return 0;
	/* a group address is nobody's destination entry */
	dest = dest_get(w.vsid, inner);
	if (!dest || dest->kind != DP_DEST_LOCAL)
		return 0;
	flow_keep(&flow, dest->target);
	return dest->target;
}

stage int take(struct xdp_md *ctx, const struct dp_port *uplink, const __u32 encap)
{
	__u32 segment = 0, ifindex = judge(ctx, uplink, &segment, encap);

	return ifindex ? decapsulate(ctx, segment, ifindex, encap) : untouched(ctx);
}

/* What comes over IPv6 is the TC program's. */
static __noinline int take_vxlan4(struct xdp_md *ctx, const struct dp_port *uplink)
{
	return uplink ? take(ctx, uplink, DP_ENCAP_VXLAN4) : XDP_PASS;
}

stage _Bool is_udp4(struct xdp_md *ctx)
{
	const void *p = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	return p + OUTER_L4(DP_ENCAP_VXLAN4) <= end && ether_type(p) == ETHERTYPE_IP4 &&
	       *(const __u8 *)(p + OUTER_IP + 9) == IPPROTO_UDP;
}

SEC("xdp.frags")
int nestor_uplink_xdp(struct xdp_md *ctx)
{
	const struct dp_port *uplink = port_get(ctx->ingress_ifindex);

	if (!uplink || !(uplink->flags & DP_PORT_XDP))
		return XDP_PASS;
	/* while somebody follows packets, the TC program does all of it, where each step can be seen */
	if (TRACING)
		return untouched(ctx);
	if ((uplink->flags & DP_PORT_OUTER) && is_udp4(ctx))
		return take_vxlan4(ctx, uplink);
	return take(ctx, uplink, DP_ENCAP_NVGRE4);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
