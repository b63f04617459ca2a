/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ip.h"
#include "mac.h"
#include "netlink.h"

/* NDA_PROTOCOL of neighbours that Nestor asks for: an ownership mark. */
#define NEIGH_PROTOCOL_NESTOR 0x4e

enum neigh_state {
	NEIGH_UNRESOLVED, /* nothing known yet, or being asked */
	NEIGH_RESOLVED,   /* mac is valid (reachable, stale, delayed or probed) */
	NEIGH_PERMANENT,  /* mac was set, nobody asks */
	NEIGH_FAILED,     /* nobody answered */
};

/* The link address of a neighbour. Key: ifindex and ip. */
struct neigh {
	int ifindex;
	struct ip ip;
	struct mac mac;  /* valid when RESOLVED or PERMANENT, else zero */
	enum neigh_state state;
	bool managed;    /* the kernel keeps it resolved by itself (Linux 5.16) */
	uint8_t protocol;
};

struct neigh_vec {
	struct neigh *items;
	size_t n;
	size_t room;
};

/* Appends the IPv4 and IPv6 neighbours of a link (0: of all) to ret; on failure ret is as before. */
int neigh_observe(struct nl *nl, int ifindex, struct neigh_vec *ret);

/*
 * ADD and MODIFY: a managed entry (new->managed; mac and state are the kernel's business) or a permanent one with mac.
 * An entry that the kernel has learned by itself is taken over. Where the kernel has no managed entries it is asked
 * once: neigh_is_managed() tells, and the caller repeats neigh_probe() as long as it wants the entry. DELETE removes
 * it.
 */
int neigh_apply(struct nl *nl, enum change change, const struct neigh *old, const struct neigh *new);

/* Does this kernel keep managed entries resolved? Known after the first managed entry was added; true before. */
bool neigh_is_managed(void);

/* Asks for the address now, as a packet for it would. Creates the entry when there is none. */
int neigh_probe(struct nl *nl, int ifindex, const struct ip *ip);
