/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ip.h"
#include "netlink.h"

/* IFA_PROTO of addresses that Nestor sets: an ownership mark, as a route's protocol is. */
#define ADDRESS_PROTO_NESTOR 0x4e

/* An address of a link. Key: ifindex, ip and prefix_len. */
struct address {
	int ifindex;
	struct ip ip;
	uint8_t prefix_len; /* of the address's own family */
	uint8_t proto;      /* who set it: 0 unknown or a kernel before 5.18, which drops the mark */
	uint32_t flags;     /* ADDRESS_x */
};

#define ADDRESS_NOPREFIXROUTE (1u << 0) /* no route to the prefix comes with the address */
#define ADDRESS_NODAD         (1u << 1) /* IPv6: usable at once, no duplicate address detection */
#define ADDRESS_TENTATIVE     (1u << 2) /* observed only: duplicate address detection is not done, or failed */
#define ADDRESS_JOIN          (1u << 4) /* a multicast address: the kernel joins the group, for as long as the link has it */
#define ADDRESS_DYNAMIC       (1u << 3) /* observed only: has a lifetime (router advertisement, DHCP) */

struct address_vec {
	struct address *items;
	size_t n;
	size_t room;
};

/* Appends the addresses of a link (0: of all), IPv4 and IPv6, to ret; on failure ret is as before. */
int address_observe(struct nl *nl, int ifindex, struct address_vec *ret);

/*
 * ADD, DELETE, and MODIFY of flags and proto. -EINVAL: prefix_len does not fit the family, or the address cannot be an
 * interface's (multicast: only with ADDRESS_JOIN, and only multicast); -ENODEV.
 */
int address_apply(struct nl *nl, enum change change, const struct address *old, const struct address *new);
