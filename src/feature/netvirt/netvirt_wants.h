/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <nestor/dataplane.h>

#include "netvirt.h"

/*
 * What network virtualization wants of this host's dataplane, as a pure function of the documents: who is where, by names of
 * links and by addresses. The engine puts numbers (ifindex, next hop index) in their place.
 *
 * The segment is the key of a virtual subnet on this host: the VSID where there is policy for it; else a number above 2^24
 * made of the switch and the VSID, since without policy a VSID only keeps ports of one switch apart (lab 1).
 */
#define NETVIRT_PORT_CAS 4

/* Are addresses of a family learnt, how many have been, and is that as many as may be? */
struct want_learn {
	bool wanted;
	uint32_t n;
	bool full;
};

struct want_vport {
	char link[16];         /* host end of the port */
	char flood_next[16];   /* next port of the segment, in a ring; without policy or with broadcast, and another port */
	uint32_t vsid;         /* 0: the bridge switches */
	uint32_t segment;
	struct mac mac;
	bool spoofing;
	bool policy;
	bool any_ca;           /* HN-7: of IPv4 */
	bool any_ca6;          /* of IPv6 */
	bool ca6;              /* some record of its MAC address is of IPv6 */
	uint32_t learn_limit;  /* HN-8: how many addresses of each family may be learnt */
	struct want_learn learn4, learn6;
	bool more_ca;          /* more addresses than fit here */
	bool inner_elsewhere;  /* the inner end is in another network namespace */
	struct ip cas[NETVIRT_PORT_CAS]; /* of IPv4 */
	size_t n_cas;
	/* Provider addresses of the guest's records, one of each family (WG-8); zero: none of this host's is a record's. */
	struct ip src_pa4;
	struct ip src_pa6;
	bool more_pa;          /* what it sends may come from another provider address: each source's record tells (2.5) */
	bool rewrite;          /* src_pa4 is that of a record of IP rewrite (2.7) */
	uint8_t overhead;      /* the most that outer headers add to packets of the virtual subnet; 0: it has IP rewrite alone */
	struct ip rewrites[NETVIRT_PORT_CAS]; /* by cas: what it becomes on the wire; zero: it is encapsulated */
	bool vm_mac[NETVIRT_PORT_CAS];        /* by cas: UseVmMACAddress */
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
	bool any_known;        /* any_ca, also an address that another record has (HN-7) */
	bool any_ca6;          /* of IPv6 */
	bool any_known6;
	bool ca6;              /* some record of the MAC is of IPv6 */
	bool remote;
	char link[16];         /* of the local port; "": the machine is this host's, but has no port now */
	bool inner;            /* so: it is off, or inside another machine (NN-1) */
	struct ip pa;
	enum dp_encap encap;   /* remote: of the next hop */
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

/* One for each provider address and how it is sent to: records of different rules may have the same address. */
struct want_hop {
	struct ip pa;          /* or a multicast address: it needs no link address asked for */
	enum dp_encap encap;
	char nic[16];
	struct ip via;         /* gateway or the address itself: whose link address is needed */
};

/* What a next hop is known by; without padding, for struct map. */
struct hop_key {
	struct ip pa;
	uint8_t encap; /* enum dp_encap */
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

struct want_peer {
	struct ip pa;
	enum dp_encap encap;
};

/* A virtual subnet with broadcast and multicast (WG-7). */
struct want_group {
	uint32_t segment;
	struct ip pa;          /* multicast; zero: copies */
	struct ip src_pa;      /* provider address of this host that decides about nic; zero: none */
	char nic[16];          /* where the multicast address is listened to; "": nowhere */
	char first[16];        /* port where the ring begins; "": no port on this host */
	VEC(struct want_peer) peers; /* who gets a copy each, the smallest outer headers first */
};

/*
 * What is wanted, but for the entries that lookup records have of their own, of which there may be a million: those are asked
 * for one by one (below).
 */
struct netvirt_wants {
	const struct docs *docs;
	struct map *local_pas;   /* the addresses in pas */
	struct map *port_by_mac; /* of ports with a VSID: who has a MAC in a segment */
	struct map *subnet_by_vsid;
	VEC(struct want_vport) ports;
	VEC(struct want_hop) hops;
	VEC(struct want_pa) pas;
	VEC(struct want_pa) heard; /* multicast addresses that this host listens to, each once (WG-7) */
	VEC(struct want_provider_route) routes;
	VEC(struct want_route) customer_routes;
	VEC(struct want_subnet) subnets;
	VEC(const char *) uplinks; /* NICs where network virtualization is bound and a switch is; owned by the documents */
	VEC(struct want_group) groups; /* by segment */
	bool vxlan;            /* there are records of that rule: what comes in VXLAN is for the dataplane */
};

/* Takes time by the number of ports, provider addresses, hosts and routes, not of records. */
void netvirt_wants(const struct docs *d, struct netvirt_wants *ret);
void netvirt_wants_done(struct netvirt_wants *w);

/*
 * The entries of tables that have one for each record or nearly so, as pure functions of their keys: what is wanted under this
 * key, if anything. *ret_by is the number (docs_next()) of the record that made the entry, of several the one that decides;
 * 0: a port did. So who goes through all records and takes the entry under each one's key, when that record made it, has
 * every entry of the table once; but for those of ports without policy (netvirt_is_port_dest()).
 */
bool netvirt_want_dest(const struct netvirt_wants *w, uint32_t segment, const struct mac *mac, struct want_dest *ret,
		       size_t *ret_by);
bool netvirt_want_ca(const struct netvirt_wants *w, uint32_t segment, const struct ip *ca, struct want_ca *ret, size_t *ret_by);
bool netvirt_want_rewrite(const struct netvirt_wants *w, const struct ip *pa, struct want_rewrite *ret, size_t *ret_by);
bool netvirt_want_source(const struct netvirt_wants *w, const struct guid *rdid, const struct ip *ca, const struct ip *pa,
			 struct want_source *ret, size_t *ret_by);
/* A port that has an entry among the dests without a record, under its segment and MAC. */
bool netvirt_is_port_dest(const struct want_vport *p);
bool netvirt_is_local(const struct netvirt_wants *w, const struct ip *pa);
/* Key of port_by_mac. */
struct port_key {
	uint32_t segment;
	struct mac mac;
	uint8_t pad[2];
};
/* The port that has the MAC in the segment, or NULL. */
const struct want_vport *netvirt_port_with(const struct netvirt_wants *w, uint32_t segment, const struct mac *mac);
/* The virtual subnet, where its domain is routed; else NULL. */
const struct want_subnet *netvirt_routed_subnet(const struct netvirt_wants *w, uint32_t vsid);
