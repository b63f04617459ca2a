/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "adapter.h"
#include "map.h"
#include "netvirt.h"

/*
 * Addresses that are learnt (HN-8): a machine with an L2Only record gets a Dynamic record for each address that it announces,
 * and one for its lease, as far as DynamicIPAddressLimit allows. They are written inside the transaction that is open.
 */
#define LEARN_LIMIT 16	    /* of an adapter whose DynamicIPAddressLimit is 0 */
#define LEARN_LIMIT_MAX 256 /* whatever DynamicIPAddressLimit says: bounds what guests can have this host remember */

/* How many a port may have. */
uint32_t learn_limit(const struct adapter_doc *a);

struct learn {
	uint32_t vsid;
	struct mac mac;
	struct ip ca;
	bool leased; /* by a DHCP server: a machine has one lease of each family, the former one goes */
};

/*
 * 0 with the record's key in *ret_key (owned by the caller), or NULL there: there is nothing to learn from this, or nothing new.
 * Refused, and said so once in a while by the caller: Wnv.DynamicAddressLimit, Wnv.DynamicAddressOutside,
 * Wnv.CustomerAddressInUse and what else record_check() finds.
 */
int netvirt_learn(struct docs *d, const struct learn *l, char **ret_key, struct err **e);

/*
 * May a learnt record stay? While its L2Only record is there, and a port of this host with its MAC address or one that the
 * machine may be behind, which is any in its virtual subnet where spoofing is on. ports: of those, as netvirt_ports_by_mac() has
 * them.
 */
bool netvirt_learnt_holds(const struct docs *d, const struct record_doc *r, const struct map *ports);
/* The ports of adapters that are on, by (VSID, MAC), and one with spoofing by (VSID, no MAC); the caller's to free. */
struct map *netvirt_ports_by_mac(const struct docs *d);

/* The learnt records of a machine are where its L2Only record says: after that was changed. */
void netvirt_learnt_follow(struct docs *d, const struct record_doc *l2only);
/* A record that somebody made takes its address from whom it was learnt of: the MAC it had, or false. */
bool netvirt_learnt_yield(struct docs *d, const struct record_doc *r, struct mac *ret_mac);
