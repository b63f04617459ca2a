/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink.h"
#include "prefix.h"

/* rtm_protocol of routes that Nestor sets: an ownership mark (`ip route` prints "proto 78"). */
#define ROUTE_PROTOCOL_NESTOR 0x4e

/* The kernel's own metric for an IPv6 route that names none: 0 does not exist there, so write this. */
#define ROUTE_METRIC_IPV6 1024u

/* A unicast route of table main. Key: dst and metric. */
struct route {
	struct prefix dst;
	struct ip gateway; /* zero: dst is on the link */
	struct ip source;  /* preferred source address; zero: the kernel's choice */
	int ifindex;       /* 0: by the gateway */
	uint32_t metric;   /* IPv6: never 0, see above */
	uint8_t protocol;
};

struct route_vec {
	struct route *items;
	size_t n;
	size_t room;
};

/*
 * Appends the routes of table main with this protocol (0: all protocols) to ret; of a route with several next hops one
 * entry each. On failure ret is as before.
 */
int route_observe(struct nl *nl, uint8_t protocol, struct route_vec *ret);

/*
 * ADD, DELETE (only what has old's protocol too, when that is not 0), and MODIFY: in one step, no packet finds no
 * route; dst and metric must be the same, else -EINVAL. ADD: -EEXIST when there is a route with this key; -ENETUNREACH
 * when the gateway is on no link.
 */
int route_apply(struct nl *nl, enum change change, const struct route *old, const struct route *new);
