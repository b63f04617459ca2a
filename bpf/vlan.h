/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_VLAN_H
#define NESTOR_BPF_VLAN_H

#include "parse.h"
#include "verdict.h"

/*
 * VLANs of a switch, at its ports: what a guest sends without a tag gets the tag of its VLAN, what it may not send is dropped,
 * and at the egress it only gets what is in one of its VLANs. Between ports and on the wire a VLAN is a tag, which the
 * kernel's bridge carries like any frame: it need not know about VLANs.
 */
#define VLAN_ID_MASK 0x0fff
#define VLAN_FOREIGN 0x1000 /* a tag that is no 802.1Q: of no VLAN here */

struct vlan_tag {
	__u32 id;	/* 0: none; a tag with priority alone is of none */
	_Bool tagged;
};

/* The kernel takes the tag out of a frame before it gets here; in a made frame it may be there still. */
stage struct vlan_tag vlan_tag(struct __sk_buff *skb)
{
	const void *eth = frame_data(skb);
	__u16 proto, tci;

	if (skb->vlan_present) {
		proto = skb->vlan_proto;
		tci = skb->vlan_tci;
	} else {
		if (eth + ETH_HLEN + 4 > frame_end(skb) || !ethertype_is_tag(ether_type(eth)))
			return (struct vlan_tag){ 0 };
		proto = ether_type(eth);
		tci = bpf_ntohs(*(const __u16 *)(eth + ETH_HLEN));
	}
	return (struct vlan_tag){ proto == bpf_htons(ETH_P_8021Q) ? tci & VLAN_ID_MASK : VLAN_FOREIGN, 1 };
}

stage _Bool vlan_allowed(__u32 ifindex, const struct dp_port *port, __u32 id)
{
	const struct dp_trunk *t;

	if (!port->trunk || !id || id >= VLAN_FOREIGN)
		return 0;
	t = bpf_map_lookup_elem(&trunks, &ifindex);
	return t && t->allowed[(id >> 6) & 63] >> (id & 63) & 1;
}

/* From the guest, at the end of all that its port asks of it. */
stage int vlan_from_guest(struct __sk_buff *skb, const struct dp_port *port)
{
	struct vlan_tag tag = vlan_tag(skb);
	__u32 own;

	if (!port)
		return TC_ACT_SHOT;
	own = port->vlan;
	if (tag.id) {
		if (!port->trunk || (tag.id != own && !vlan_allowed(skb->ifindex, port, tag.id)))
			return drop(skb, DP_DROP_VLAN_NOT_ALLOWED);
		trace(VLAN_TRUNK, tag.id);
		return NEXT;
	}
	if (tag.tagged && bpf_skb_vlan_pop(skb) != 0)
		return drop(skb, DP_DROP_VLAN_FAILED);
	if (own && bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), own) != 0)
		return drop(skb, DP_DROP_VLAN_FAILED);
	trace(VLAN_OWN, own);
	return NEXT;
}

/* To the guest. What is of another VLAN is not for this port, which is no drop: a switch does not send it there. */
stage int vlan_to_guest(struct __sk_buff *skb, const struct dp_port *port)
{
	struct vlan_tag tag = vlan_tag(skb);

	if (!port)
		return TC_ACT_SHOT;
	if (tag.id != port->vlan)
		return vlan_allowed(skb->ifindex, port, tag.id) ? NEXT : TC_ACT_SHOT;
	if (tag.tagged && bpf_skb_vlan_pop(skb) != 0)
		return drop(skb, DP_DROP_VLAN_FAILED);
	return NEXT;
}

#endif
