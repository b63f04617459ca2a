/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_META_H
#define NESTOR_BPF_META_H

#include "common.h"

/*
 * What the XDP program tells the TC program of the same uplink about a frame that it has decapsulated. It lies before
 * the frame, where only a program at XDP can write. Equal for all frames of a flow, else GRO would not join them.
 */
struct meta {
	__u32 magic;
	__u32 segment;
	__u32 ifindex;
};

#define META_MAGIC 0x4e535452

/*
 * The frame itself is marked by the group bit in its source address, until the TC program has delivered it. Should the
 * metadata get lost on the way, a tenant's frame must not be taken for one of the plain switch: no bridge accepts a
 * source address like that.
 */
#define META_MARK 0x01

stage const struct meta *frame_meta(const struct __sk_buff *skb)
{
	void *p;

	asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(p) : "r"(skb), "i"(offsetof(struct __sk_buff, data_meta)));
	return p;
}

#endif
