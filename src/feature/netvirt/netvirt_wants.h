/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "adapter_wants.h"
#include "netvirt.h"

/*
 * What network virtualization wants of this host's dataplane, as a pure function of the documents: who is where, by names of
 * links and by addresses. The engine puts numbers (ifindex, next hop index) in their place.
 *
 * The segment is the key of a virtual subnet on this host: the VSID where there is policy for it; else a number above 2^24
 * made of the switch and the VSID, since without policy a VSID only keeps ports of one switch apart (lab 1).
 */
#define NETVIRT_PORT_CAS 4

struct want_vport {
	char link[16];         /* host end of the port */
	char flood_next[16];   /* next port of the segment, in a ring; only without policy and with another port */
	uint32_t vsid;         /* 0: the bridge switches */
	uint32_t segment;
	struct mac mac;
	bool spoofing;
	bool policy;
	bool any_ca;           /* HN-7, HN-8: of IPv4 */
	bool any_ca6;          /* of IPv6 */
	bool ca6;              /* some record of its MAC address is of IPv6 */
	bool more_ca;          /* more addresses than fit here */
	bool inner_elsewhere;  /* the inner end is in another network namespace */
	struct ip cas[NETVIRT_PORT_CAS]; /* of IPv4 */
	size_t n_cas;
	struct ip src_pa;      /* zero: none of this host's addresses is the record's */
	bool rewrite;          /* src_pa is that of a record of IP rewrite (2.7) */
	bool only_rewrite;     /* no record of the virtual subnet needs room for outer headers */
	struct ip rewrites[NETVIRT_PORT_CAS]; /* by cas: what it becomes on the wire; zero: it is encapsulated */
	bool vm_mac[NETVIRT_PORT_CAS];        /* by cas: UseVmMACAddress */
	struct want_guards guards;
	struct guid rdid;      /* routing domain; zero: none */
	struct mac router_mac; /* zero: frames are not routed */
	struct ip router;      /* its IPv4 address; zero: none */
	struct mac router_mac6; /* as router_mac, of IPv6 */
	struct ip router6;
};

struct want_dest {
	uint32_t segment;
	struct mac mac;
	bool any_ca;           /* HN-7, HN-8: of IPv4 */
	bool any_ca6;
	bool ca6;              /* some record of the MAC is of IPv6 */
	bool remote;
	char link[16];         /* of the local port; "": the machine is this host's, but has no port now */
	struct ip pa;
	struct ip ca;          /* the lowest of its customer addresses; zero: none is known (HN-7, HN-8), or no policy */
	bool rewrite;          /* the record of pa and ca is of IP rewrite */
	bool some_rewrite;     /* some record of the MAC is */
};

struct want_ca {
	uint32_t segment;
	struct ip ca;
	struct mac mac;
	struct ip pa;
	bool local;
	bool router;
	bool rewrite;
	bool vm_mac;
};

/* What a provider address of IP rewrite stands for, on whatever host; one entry a provider address. */
struct want_rewrite {
	struct ip pa;
	uint32_t segment;
	struct ip ca;
	struct mac mac;
	bool local;            /* pa is this host's */
	bool vm_mac;
	char link[16];         /* of the local port; "": none now */
};

struct want_hop {
	struct ip pa;
	char nic[16];
	struct ip via;         /* gateway or the address itself: whose link address is needed */
};

struct want_pa {
	struct ip pa;
	char nic[16];
	uint8_t prefix_len;
};

struct want_provider_route {
	char nic[16];
	struct prefix prefix;
	struct ip next_hop;
	uint32_t metric;
};

/* The distributed router's table (HN-9). */
struct want_route {
	struct guid rdid;
	uint32_t sender;       /* 0: of the domain; else what this virtual subnet prefers among routes of equal prefix */
	struct prefix prefix;
	uint32_t vsid;         /* where the packet goes */
	bool on_link;
	bool own;              /* there are entries for single senders */
	struct mac router_mac; /* of vsid; zero: it has no router */
	struct mac mac;        /* of the next hop's or the wildcard's record (HN-7); zero: none */
};

/* A virtual subnet that routed packets may come to. */
struct want_subnet {
	uint32_t vsid;
	struct guid rdid;
	struct mac router_mac; /* zero: none */
	struct mac router_mac6;
};

/* Who may send routed packets to this host. */
struct want_source {
	struct guid rdid;
	struct ip ca;          /* 0.0.0.0 or ::: any (HN-7) */
	struct ip pa;
	struct mac router_mac; /* of the record's virtual subnet; zero: none */
};

struct netvirt_wants {
	VEC(struct want_vport) ports;
	VEC(struct want_dest) dests;
	VEC(struct want_ca) cas;
	VEC(struct want_hop) hops;
	VEC(struct want_pa) pas;
	VEC(struct want_provider_route) routes;
	VEC(struct want_route) customer_routes;
	VEC(struct want_subnet) subnets;
	VEC(struct want_source) sources;
	VEC(const char *) uplinks; /* NICs where network virtualization is bound and a switch is; owned by the documents */
	VEC(struct want_rewrite) rewrites;
};

void netvirt_wants(const struct docs *d, struct netvirt_wants *ret);
void netvirt_wants_done(struct netvirt_wants *w);
