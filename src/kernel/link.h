/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "mac.h"
#include "netlink.h"

#define LINK_NAME_SIZE  16  /* with the terminating zero (IFNAMSIZ) */
#define LINK_KIND_SIZE  16
#define LINK_ALIAS_SIZE 256 /* with the terminating zero (IFALIASZ) */

/* How a bridge treats one of its ports; means something only for a link whose master is a bridge. */
struct link_port {
	bool learning;
	bool unicast_flood;
	bool mcast_flood;
	bool bcast_flood;
	bool isolated;
	bool hairpin;
};

/* What the kernel gives a fresh bridge port. */
#define LINK_PORT_DEFAULT \
	((struct link_port){ .learning = true, .unicast_flood = true, .mcast_flood = true, .bcast_flood = true })

/* The other end of a veth pair, as it is created. */
struct link_peer {
	char name[LINK_NAME_SIZE];
	struct mac mac;  /* zero: the kernel's choice */
	uint32_t mtu;    /* 0: as the link */
	int netns_fd;    /* an open /proc/PID/ns/net; -1: in the namespace of the link */
};

/* A network device. Key: ifindex; names are unique too. */
struct link {
	int ifindex;
	char name[LINK_NAME_SIZE];
	char kind[LINK_KIND_SIZE]; /* "bridge", "veth", "vxlan", "tun", ...; "" for hardware and loopback */
	struct mac mac;            /* zero when the device has no Ethernet address */
	uint32_t mtu;
	int master;                /* ifindex of the bridge, 0: none */
	bool up;                   /* administratively */
	bool carrier;
	bool no_linklocal;         /* the kernel makes no IPv6 link-local address: a port stays silent */
	bool ether;                /* an Ethernet device (loopback and tunnels are not) */
	char alias[LINK_ALIAS_SIZE];
	int peer_ifindex;          /* IFLA_LINK: of a veth its other end; 0: none */
	int peer_netnsid;          /* the namespace of peer_ifindex; -1: the link's own, or one without an id */
	struct link_port port;     /* of a bridge port */
	struct link_peer peer;     /* read when a veth is created; empty when observed */
	uint32_t vni;              /* read when a VXLAN device is created: unique in the namespace; 0 when observed */
};

struct link_vec {
	struct link *items;
	size_t n;
	size_t room;
};

/* An empty link: zero, peer.netns_fd -1, port as LINK_PORT_DEFAULT. Start from this to describe one. */
struct link link_empty(void);

/*
 * Appends all links of the namespace to ret; on failure ret is as before.
 */
int link_observe(struct nl *nl, struct link_vec *ret);

/* -ENODEV when there is none, -EINVAL when the name cannot be one. */
int link_get_by_name(struct nl *nl, const char *name, struct link *ret);
int link_get_by_index(struct nl *nl, int ifindex, struct link *ret);

/* What went through a link since it exists, in frames of the link (a large segment is one) with their Ethernet headers. */
struct link_traffic {
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t tx_packets;
	uint64_t tx_bytes;
};

/* -ENODEV and -EINVAL as link_get_by_name(). */
int link_read_traffic(struct nl *nl, const char *name, struct link_traffic *ret);

/* 1..15 characters without '/', ':' or white space, and neither "." nor ".." (as the kernel wants them). */
bool link_name_is_valid(const char *name);

/*
 * Makes one difference.
 *
 * ADD: kinds "bridge" (no STP, ageing by default, no VLAN filtering, no multicast snooping), "veth" (both ends at
 * once, new->peer says how), "vxlan" (never up: a bridge that holds one gives all of its ports headroom for
 * encapsulation) and "tun" (a persistent tap with virtio headers; without its alias for a moment). name and kind are needed; mac zero, mtu 0, ifindex 0 are the kernel's choice; master, up, alias and
 * port are applied. The alias is set in the same system call, so that a link never stays behind without its owner's
 * mark; when any step fails the link is removed again. -EEXIST: the name (or ifindex) is taken; -EINVAL: no valid
 * name; -EOPNOTSUPP: no such kind.
 *
 * MODIFY: the link old->ifindex gets what differs in name, mac (unless zero), mtu (unless 0), master, up,
 * no_linklocal, alias and port. Other differences are ignored (carrier and peer cannot be set, a kind cannot change).
 *
 * DELETE: old->ifindex, or old->name when that is 0. Deleting one end of a veth deletes both.
 */
int link_apply(struct nl *nl, enum change change, const struct link *old, const struct link *new);

/* Would link_apply(CHANGE_MODIFY) have something to do? */
bool link_differs(const struct link *old, const struct link *new);
