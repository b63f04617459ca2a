/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "harness.h"

/*
 * IPv6 on top of the harness' fixture. Last byte of the MAC address, then the address:
 *
 *   VSID 5010  11 2001:db8:10::11 BLUE1   13 2001:db8:10::13 BLUE3   51 2001:db8:10::51 behind HOST
 *              12 2001:db8:10::12 at the peer, and fe80::12   14 none, at the peer   17 2001:db8:10::17 by a path of 1400 bytes
 *              61 any, WILD   62 any, at the peer   router 06 2001:db8:10::1 (of IPv4: 01)
 *   VSID 5012  83 2001:db8:12::13 SHOP   82 2001:db8:12::12 at the peer   88 2001:db8:12::18 by a path of 1400 bytes
 *              router 07 2001:db8:12::1
 *   VSID 5013  92 2001:db8:13::12 at the peer; no router
 *   domain 1   all on-link; 2001:db8:20::/48 and ::/0 by 82; 2001:db8:21::/48 by nobody known
 *   VSID 5011  21 2001:db8:10::11 RED1   22 2001:db8:10::12 at the peer; in no domain
 */
enum { SHOP = LAB3, NH_1400 = 7 };

#define PEER "214.214.51.43"
#define HERE "214.214.51.42"
#define ROUTER_LL "fe80::200:ff:fe00:6"

int fixture6_up(void **state);

/* Changes the flags of a port's entry. */
void port_set_flags(uint32_t ifindex, uint32_t set, uint32_t clear);
void port_set_router6(uint32_t ifindex, uint8_t mac, const char *address);

struct nd {
	uint8_t dst_mac, src_mac, type, code;
	uint8_t hop_limit; /* 0: 255 */
	const char *dst, *src, *target;
	uint32_t flags;
	uint8_t option, option_mac; /* 0: none */
};

/* A neighbour solicitation or advertisement, with a checksum that is right. */
struct frame frame_nd(struct nd p);
