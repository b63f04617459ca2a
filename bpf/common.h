/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_COMMON_H
#define NESTOR_BPF_COMMON_H

/*
 * What every stage includes. A stage is a header of always-inlined functions; a function that decides the fate of a
 * frame returns a TC action, or NEXT when the next stage shall go on. Only UAPI headers: the programs touch no kernel
 * structure, so they need neither vmlinux.h nor relocation.
 */
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <nestor/dataplane.h>

#define NEXT (-1)

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define stage static __always_inline

/*
 * The context's fields for packet pointers are 32 bits wide to the compiler, but become pointers when the verifier
 * rewrites the load. Loaded by hand, so that no 32-bit move ever gets between; volatile, so that a pointer is never
 * carried across a call that moves the packet.
 */
stage void *frame_data(const struct __sk_buff *skb)
{
	void *p;

	asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(p) : "r"(skb), "i"(offsetof(struct __sk_buff, data)));
	return p;
}

stage void *frame_end(const struct __sk_buff *skb)
{
	void *p;

	asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(p) : "r"(skb), "i"(offsetof(struct __sk_buff, data_end)));
	return p;
}

stage _Bool mac_equal(const void *a, const void *b)
{
	return *(const __u32 *)a == *(const __u32 *)b &&
	       *(const __u16 *)((const char *)a + 4) == *(const __u16 *)((const char *)b + 4);
}

stage _Bool mac_is_zero(const void *mac)
{
	return !*(const __u32 *)mac && !*(const __u16 *)((const char *)mac + 4);
}

stage void mac_copy(void *to, const void *from)
{
	*(__u32 *)to = *(const __u32 *)from;
	*(__u16 *)((char *)to + 4) = *(const __u16 *)((const char *)from + 4);
}

/* Its six bytes as they lie in memory. */
stage __u64 mac_number(const void *mac)
{
	return *(const __u32 *)mac | (__u64)*(const __u16 *)((const char *)mac + 4) << 32;
}

stage _Bool mac_is_group(const void *mac)
{
	return *(const __u8 *)mac & 1;
}

#define ADDR4_PREFIX bpf_htonl(0xffff)

stage _Bool addr_equal(const union dp_addr *a, const union dp_addr *b)
{
	/* by words: the addresses in packed keys are aligned to 4 */
	return a->w[3] == b->w[3] && a->w[2] == b->w[2] && a->w[1] == b->w[1] && a->w[0] == b->w[0];
}

stage _Bool addr_is_zero(const union dp_addr *a)
{
	return !(a->w[0] | a->w[1] | a->w[2] | a->w[3]);
}

stage _Bool addr_is_v4(const union dp_addr *a)
{
	return a->w[2] == ADDR4_PREFIX && !a->w[1] && !a->w[0];
}

stage _Bool addr_equals_v4(const union dp_addr *a, __u32 v4)
{
	return a->w[3] == v4 && addr_is_v4(a);
}

#endif
