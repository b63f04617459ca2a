/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <arpa/inet.h>

#include "model.h"

/* What the files of the model share. */

/*
 * NO_LARGE_TUNNELS: a large segment in a test run has a size and no protocol, and the kernel refuses to put headers around it
 * or to take them off. Up to there it is decided as any other; real ones are in tests/netns.
 */

bool is_router(const struct record_doc *r);
bool is_any(const struct ip *ip);
bool is_rewrite(const struct record_doc *r);
bool is_wildcard(const struct record_doc *r);
bool is_uplink(const struct model *m, const char *nic);
const struct nic *nic_named(const struct model *m, const char *name);
uint32_t bridge_of(const struct model *m, const char *nic);
bool has_policy(const struct model *m, uint32_t vsid);
bool is_local(const struct model *m, const struct ip *pa);
const struct model_port *port_at(const struct model *m, uint32_t ifindex);
const struct model_port *port_of(const struct model *m, uint32_t vsid, const struct mac *mac);
/* HN-8: is the address another's, so that a record without address does not let the machine have it? A gateway's may (HN-7). */
bool is_taken(const struct model *m, const struct record_doc *r, const struct ip *ca);
const struct record_doc *record_of(const struct model *m, uint32_t vsid, const struct ip *ca);
const struct record_doc *machine(const struct model *m, uint32_t vsid, const struct mac *mac);

struct way {
	const struct nic *nic;
	uint32_t bridge;
	struct ip via; /* whose link address is needed */
};
bool way_to(const struct model *m, const struct ip *pa, struct way *ret);

void dropped(struct outcome *o, enum dp_drop_reason reason);
struct mac mac_at(const uint8_t *p);
struct ip ip4_at(const uint8_t *p);
static inline uint16_t type_of(const struct frame *f)
{
	return get16(f->b + 12);
}
static inline bool is_tag(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}
void sent(struct outcome *o, const struct frame *f);
void deliver(struct outcome *o, const struct model_port *to, const struct frame *f, bool early);

/* ---- machines inside machines (NN-1, decision 0020) ---- */

/* Is it at this host, and no port's? */
bool is_inner(const struct model *m, uint32_t vsid, const struct mac *mac);
/* Might a port of this host have such a machine behind it? */
bool inner_is_here(const struct model *m, uint32_t vsid, const struct mac *mac);
/* It has sent something from there. */
void inner_seen(const struct model *m, const struct model_port *from, const struct mac *mac);
/* A frame for it, from that interface. */
void deliver_inner(const struct model *m, uint32_t ifindex, uint32_t vsid, const struct frame *f, struct outcome *o);

/* ---- the distributed router ---- */

/* The record of the router of a virtual subnet (HN-6), in effect; NULL: its frames are not routed. */
const struct record_doc *router_of(const struct model *m, uint32_t vsid);
/* RDID of a VSID (HN-2); NULL: in none. */
const struct guid *domain_of(const struct model *m, uint32_t vsid);
/* A frame to the router's MAC: out through o, or as a frame for another subnet. */
void route(const struct model *m, const struct model_port *from, const struct frame *in, struct outcome *o);

/* ---- the wire ---- */

/* v4: of the two families of provider addresses */
const struct record_doc *sender(const struct model *m, const struct model_port *from, bool v4);

const struct record_doc *speaker(const struct model *m, const struct model_port *from, const struct frame *f);

/* To the machine of record `to`, at another host. vsid: what the wire carries; routed: by the distributed router. */
void send_frame(const struct model *m, const struct model_port *from, const struct record_doc *to, uint32_t vsid,
		const struct frame *f, const struct frame *original, struct outcome *o);
/* ICMP to the sender of a packet that cannot go on; counted as a drop. */
void icmp_error(const struct model *m, const struct model_port *from, const struct frame *f, enum dp_drop_reason reason,
		uint8_t type, uint8_t code, uint16_t mtu, struct outcome *o);
/* Replaces both addresses; false: the packet ends before its checksum does. */
bool rewrite_addresses(struct frame *f, const struct ip *source, const struct ip *destination);
