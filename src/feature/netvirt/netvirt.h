/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <nestor/dataplane.h>

#include "cmdlet.h"

/*
 * Hyper-V Network Virtualization policy: lookup records, customer routes, provider addresses and routes (catalogue 2.4, 3.5).
 *   record          (VSID, CA, MAC) -> PA and rule                  HN-5..HN-8, HN-11
 *   customer route  (RDID, VSID, prefix, next hop), metric          HN-2, HN-3, HN-9
 *   provider address  of this host, on a NIC with ms_netwnv bound   HN-13
 *   broadcast       VSID -> multicast provider address, or copies  WG-7
 *   provider route  (NIC, prefix, next hop), metric                 HN-13
 */
/* TranslationMethodNat: IP rewrite, -Encap: NVGRE, -None, -EncapVxlan (WG-10: shares every rule of -Encap) */
extern const char *const netvirt_rules[];
enum netvirt_rule { NETVIRT_NAT, NETVIRT_ENCAP, NETVIRT_NONE, NETVIRT_ENCAP_VXLAN };
extern const char *const netvirt_types[]; /* Static, Dynamic, GatewayWildcard, L2Only */
enum netvirt_type { NETVIRT_STATIC, NETVIRT_DYNAMIC, NETVIRT_GATEWAY_WILDCARD, NETVIRT_L2ONLY };

/* How a Dynamic record came about (HN-8); netvirt_learn.h. */
enum netvirt_learnt { NETVIRT_NOT_LEARNT, NETVIRT_ANNOUNCED, NETVIRT_LEASED };

struct record_doc {
	uint32_t vsid;
	struct ip ca;
	struct mac mac;
	struct ip pa;
	uint32_t rule; /* enum netvirt_rule */
	uint32_t type; /* enum netvirt_type */
	bool use_vm_mac;
	uint32_t learnt; /* enum netvirt_learnt; else somebody made it */
	char *customer_id;
	char *context;
	char *vm_name;
};
extern const struct doc_kind record_kind; /* key: vsid/ca/mac */

struct customer_route_doc {
	struct guid rdid;
	uint32_t vsid;
	struct prefix prefix;
	struct ip next_hop; /* 0.0.0.0 or ::: on-link, declares the subnet (HN-3) */
	uint32_t metric;
};
extern const struct doc_kind customer_route_kind; /* key: rdid/vsid/prefix/nexthop */

struct provider_address_doc {
	struct ip pa;
	char *nic; /* Linux interface of the NIC */
	uint32_t prefix_len;
	uint32_t vlan;
	struct mac mac; /* zero: the NIC's */
};
extern const struct doc_kind provider_address_kind; /* key: pa */

struct provider_route_doc {
	char *nic;
	struct prefix prefix;
	struct ip next_hop;
	uint32_t metric;
};
extern const struct doc_kind provider_route_kind; /* key: nic/prefix/nexthop */

/* Broadcast and multicast are on in the virtual subnet; without a document they are off. */
struct broadcast_doc {
	uint32_t vsid;
	struct ip pa; /* multicast; 0.0.0.0: a copy to each provider address that has a record in the subnet */
};
extern const struct doc_kind broadcast_kind; /* key: vsid */

struct netvirt_global_doc {
	bool use_external_router;
};
extern const struct doc_kind netvirt_global_kind; /* key: "global" */

extern const struct cmdlet netvirt_record_cmdlets[];
extern const struct cmdlet netvirt_route_cmdlets[];
extern const struct cmdlet netvirt_provider_cmdlets[];
extern const struct cmdlet netvirt_broadcast_cmdlets[];
extern const struct cmdlet netvirt_query_cmdlets[]; /* Global, Select-NetVirtualizationNextHop */
extern const struct cmdlet netvirt_statistics_cmdlets[];

/* Removes all policy: what unbinding the last ms_netwnv does. */
void netvirt_wipe(struct docs *d);
/* Removes what belongs to one NIC: its provider addresses and routes. */
void netvirt_wipe_nic(struct docs *d, const char *nic);

/* The dummy PA of a distributed router's record in the documents' scripts (HN-6). */
#define NETVIRT_GATEWAY_PA "169.254.254.254"
bool netvirt_is_gateway_record(const struct record_doc *r);
/* Is the record carried by IP rewrite (2.7)? By its rule, and because it has one IPv4 customer and one provider address. */
bool netvirt_is_rewrite(const struct record_doc *r);
/* Is it carried in outer headers, NVGRE or VXLAN? */
bool netvirt_is_encap(const struct record_doc *r);
/* By which; of a record of IP rewrite: for senders that have none of that rule. */
enum dp_encap netvirt_encap(const struct record_doc *r);
/* Can packets be carried by the record's rule at all? */
bool netvirt_is_carried(const struct record_doc *r);
/* HN-7: a record that stands for every address without one; also Static with 0.0.0.0, which is taken as that. */
bool netvirt_is_wildcard(const struct record_doc *r);
/* Does the VSID have any policy (record or customer route) on this host? Without it, it only isolates (lab 1). */
bool netvirt_vsid_has_policy(const struct docs *d, uint32_t vsid);

/* What of the host's tables a record has a part in. */
enum record_class {
	RECORD_UNUSABLE, /* nothing: it is not carried */
	RECORD_ROUTER,   /* HN-6 */
	RECORD_WILDCARD, /* HN-7 */
	RECORD_REWRITE,  /* 2.7 */
	RECORD_ENCAP,    /* and enum dp_encap: all others, L2Only (HN-8) among them */
	RECORD_CLASSES = RECORD_ENCAP + DP_ENCAPS,
};
enum record_class netvirt_record_class(const struct record_doc *r);
/* Must a routed packet of this address come from the record's provider address (2.6)? */
bool netvirt_is_source(const struct record_doc *r);

/*
 * There may be a million records: who looks for some of them takes one of these walks (as docs_next()), not all records. By
 * customer address, by MAC, and of a class in a virtual subnet; by provider address, and at a pair of addresses as sources of
 * routed packets, in whatever virtual subnet.
 */
const struct record_doc *records_at_ca(const struct docs *d, uint32_t vsid, const struct ip *ca, size_t *pos);
const struct record_doc *records_at_mac(const struct docs *d, uint32_t vsid, const struct mac *mac, size_t *pos);
const struct record_doc *records_in_subnet(const struct docs *d, uint32_t vsid, enum record_class class, size_t *pos);
const struct record_doc *records_at_pa(const struct docs *d, const struct ip *pa, enum netvirt_rule rule, bool carried,
				       size_t *pos);
const struct record_doc *records_at_source(const struct docs *d, const struct ip *ca, const struct ip *pa, size_t *pos);
bool netvirt_has_records(const struct docs *d, uint32_t vsid, enum record_class class);
/* Are there machines of the virtual subnet at the provider address, by that encapsulation? */
bool netvirt_has_records_at(const struct docs *d, uint32_t vsid, const struct ip *pa, enum dp_encap encap);
/* One record of each provider address; of more where it has records of different rules. */
const struct record_doc *records_each_pa(const struct docs *d, size_t *pos);
const struct customer_route_doc *customer_routes_of(const struct docs *d, uint32_t vsid, size_t *pos);

#define RECORD_INDEXES 6
extern const struct doc_index *const record_indexes[RECORD_INDEXES];
#define CUSTOMER_ROUTE_INDEXES 1
extern const struct doc_index *const customer_route_indexes[CUSTOMER_ROUTE_INDEXES];

/* The routing domain that owns the VSID (HN-2), by its customer routes; NULL: none yet. */
const struct guid *netvirt_vsid_domain(const struct docs *d, uint32_t vsid);
/* The on-link prefix of the VSID in that family (HN-3), or NULL. */
const struct prefix *netvirt_vsid_prefix(const struct docs *d, uint32_t vsid, bool v4);
/* The record of a customer address in a VSID, or NULL. */
const struct record_doc *netvirt_record(const struct docs *d, uint32_t vsid, const struct ip *ca);

/*
 * Where a packet to a customer address goes next (2.5 step 3, HN-9): within the subnet to the address itself, else by the
 * customer route of the routing domain with the longest prefix, then the lowest metric; of a default route whose next hop has
 * no record, the wildcard record of the route's subnet (HN-7). The dataplane's table (router_wants.c) says the same. 0 with the
 * record of the next hop;
 * Wnv.NextHopUnresolvable says which step had no answer.
 */
int netvirt_next_hop(const struct docs *d, uint32_t vsid, const struct ip *destination, const struct record_doc **ret,
		     struct err **e);
