/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_OUTER_H
#define NESTOR_BPF_OUTER_H

#include <linux/ipv6.h>
#include <linux/udp.h>

#include "common.h"

/*
 * What is around a guest's frame on the wire, by enum dp_encap:
 *   Ethernet 14, IPv4 20 or IPv6 40, then GRE 8 (RFC 7637: flags, protocol, key VSID << 8 | FlowID), or UDP 8 and VXLAN 8
 *   (RFC 7348: flags, VNI << 8), then the guest's frame with its Ethernet header.
 * The outer Ethernet header is as long as the inner one: so the frame begins at DP_ENCAP_OVERHEAD(encap).
 */
#define OUTER_IP ETH_HLEN
#define OUTER_L4(encap) (OUTER_IP + ((encap) & DP_ENCAP_IP6 ? 40 : 20))
#define INNER_AT(encap) DP_ENCAP_OVERHEAD(encap)
_Static_assert(INNER_AT(DP_ENCAP_NVGRE4) == OUTER_L4(DP_ENCAP_NVGRE4) + 8, "GRE is 8 bytes");
_Static_assert(INNER_AT(DP_ENCAP_VXLAN6) == OUTER_L4(DP_ENCAP_VXLAN6) + 16, "UDP and VXLAN are 16 bytes");

#define GRE_FLAGS_KEY 0x2000 /* K alone, version 0 (WG-1) */
#define GRE_FLAG_K 0x2000
#define GRE_VERSION_MASK 0x0007
#define GRE_PROTO_TEB 0x6558

#define VXLAN_FLAG_I 0x08 /* there is a VNI; what else is in that byte is ignored on receipt (RFC 7348 section 5) */
#define VXLAN_PORT_MIN 49152 /* of the source: the dynamic ports (RFC 7348 section 5) */
#define VXLAN_PORT_MASK 0x3fff

/* Linux 6.3; older ones refuse it */
#define ROOM_DECAP_L3_IPV4 (1ULL << 7)
#define ROOM_DECAP_L3_IPV6 (1ULL << 8)
#define ROOM_FLAGS (BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET)

/* In packets, and on the stack: aligned to 2 at least. */
struct vxlan {
	__be16 sport, dport, len, check;
	__u8 flags;
	__u8 reserved[3];
	__be32 vni;		/* << 8 */
};
_Static_assert(sizeof(struct vxlan) == 16, "RFC 7348");

#endif
