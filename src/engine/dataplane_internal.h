/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "internal.h"
#include "records_table.h"

/* What the files share that write the dataplane's maps. */

static inline void dataplane_failed(struct pass *p, int r, const char *what)
{
	if (r < 0)
		pass_failed(p, r, NULL, "cannot write the dataplane's %s", what);
}

/* HN-8: what it says of a port. */
void learn_port(const struct want_vport *w, struct dp_port *port);

/* Guards and limits: what they say of a port. */
void guards_port(struct pass *p, const struct want_port *w, struct dp_port *port);
/* Is anything of that port decided where its guest receives? */
bool guards_want_egress(struct pass *p, const struct want_port *port);
/* MaximumBandwidth: what it says of a port, and the device that holds packets back. */
void pacer_port(struct pass *p, const struct want_port *w, const struct link *l, struct dp_port *port);
void pacer_classes_write(struct pass *p);
void pacer_classes_delete(struct pass *p);
/* The far end, where packets come back; NULL: nobody is limited. */
const struct link *pacer_far_end(struct pass *p);
/* VLANs: what they say of a port, and their own map. */
void vlans_port(struct pass *p, const struct want_port *w, struct dp_port *port);
bool vlans_matter(const struct pass *p, const struct want_port *port);
void trunks_write(struct pass *p, struct bpf_trunk_vec *ret_gone);
void trunks_delete(struct pass *p, const struct bpf_trunk_vec *gone);

/* Broadcast and multicast (group.c); hops: struct hop_key -> next hop index + 1. */
void groups_write(struct pass *p, struct map *hops, struct bpf_group_vec *ret_gone);
void groups_delete(struct pass *p, const struct bpf_group_vec *gone);
/* Machines inside machines (inner.c). */
void inner_write(struct pass *p, struct bpf_inner_ports_vec *ret_gone);
void inner_delete(struct pass *p, const struct bpf_inner_ports_vec *gone);
/* A multicast address has the link address that follows from it (RFC 1112 6.4, RFC 2464 7); false: it is none. */
bool group_link_address(const struct ip *pa, struct mac *ret);
/* What it says of an uplink: whether multicast addresses are listened to there. */
uint32_t group_uplink_flags(const struct pass *p, const char *nic);

/*
 * Access control lists (acl.c). The sets that ports are to hold are written before the ports, which name them, and
 * deleted when no port does any more.
 */
struct acl_sets {
	struct bpf_acl_set_vec have;
	struct map *by_content;	/* rules, as the driver gets them -> id */
	struct map *by_port;	/* link -> struct acl_ids * */
	VEC(struct acl_ids *) owned;
	struct bpf_acl_meter_vec meters;
	struct map *wanted;	/* id or meter key -> anything */
};
void acl_write(struct pass *p, struct acl_sets *x);
void acl_port(const struct acl_sets *x, const char *link, struct dp_port *port);
void acl_delete(struct pass *p, struct acl_sets *x);
void acl_sets_done(struct acl_sets *x);
/* Is the program at the egress of that port needed? */
bool acl_has_inbound(const struct pass *p, const char *link);

/* IP rewrite: what it says of a port and of an uplink. */
void rewrite_port(const struct want_vport *w, struct dp_port *port);
uint32_t rewrite_uplink_flags(const struct pass *p);
