/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <nestor/dataplane.h>
#include <nestor/dataplane_acl.h>

#include "vec.h"

/*
 * The dataplane in the kernel: programs, their attachments, and the maps they read. No policy here: every entry is what
 * the caller says. All of it is pinned in one directory and outlives the process; a process that opens the directory
 * again finds the entries and attachments as they were, and writes nothing while the code is the same.
 *
 * All functions return 0 or -Exxx. Entries are replaced whole. Observing appends to the caller's vector, which the
 * caller frees with vec_done(). Not thread-safe.
 */

struct bpf_driver;

struct bpf_driver_options {
	uint32_t max_ports;    /* ports with counters at the same time; 0: 4096 */
	uint32_t max_records;  /* entries of each table in enum bpf_table, at least; 0: 1048576, or as many as those pinned have */
	uint32_t max_nexthops; /* 0: 16384 */
	uint32_t max_flows;    /* flows of ports with ACLs that are remembered at the same time; 0: 65536 */
	bool clsact;           /* attach by clsact also where the kernel has tcx */
};

enum bpf_role {
	BPF_ROLE_VPORT,  /* at the host side of a port */
	BPF_ROLE_UPLINK, /* at an uplink */
	/*
	 * Besides, at the XDP of an uplink with DP_PORT_XDP in its entry; -EOPNOTSUPP where the driver has no native
	 * XDP, or cannot as things are (MTU, another program). Attach it last and detach it first: what it decapsulates
	 * must not meet a kernel without the TC program.
	 */
	BPF_ROLE_UPLINK_XDP,
	/* besides, at the egress of a port with DP_PORT_MIRROR, or with DP_PORT_ACL_IN and without a virtual subnet */
	BPF_ROLE_VPORT_EGRESS,
	BPF_ROLE_PACER, /* at the far end of the device that dp_port.pacer names */
	BPF_ROLE_COUNT,
};

struct bpf_port {
	uint32_t ifindex;
	struct dp_port value; /* slot: always 0 here */
};

struct bpf_dest {
	struct dp_dest_key key;
	struct dp_dest value;
};

struct bpf_ca {
	struct dp_ca_key key;
	struct dp_ca value;
};

struct bpf_nexthop {
	uint32_t index;
	struct dp_nexthop value;
};

struct bpf_pa {
	union dp_addr key;
	struct dp_pa value;
};

struct bpf_rewrite {
	union dp_addr key;
	struct dp_rewrite value;
};

struct bpf_route {
	struct dp_route_key key;
	struct dp_route value;
};

struct bpf_subnet {
	uint32_t key; /* VSID */
	struct dp_subnet value;
};

struct bpf_source {
	struct dp_source_key key;
	struct dp_source value;
};

struct bpf_group {
	uint32_t key; /* segment */
	struct dp_group value;
};

struct bpf_inner_ports {
	uint32_t key; /* segment */
	struct dp_inner_ports value;
};

struct bpf_learnt {
	uint32_t ifindex; /* of the machine's port, or of that which it is behind */
	uint32_t segment;
	uint8_t mac[6];   /* the machine's */
	bool leased;      /* by a DHCP server; else the machine announced it itself */
	union dp_addr ca;
};

/* Rules that ports hold against the packets of one direction (dataplane_acl.h). */
struct bpf_acl_set {
	uint32_t id;
	bool complete;			/* else its maker died on the way: to be deleted */
	struct dp_acl_rule *rules;	/* by section, MAC rules last, in the order in which they are tried; owned */
	uint32_t *index;		/* where they are in the dataplane; owned */
	size_t n;
};

struct bpf_acl_meter {
	struct dp_acl_meter_key key;
	struct dp_acl_meter value;	/* summed over the CPUs */
};

struct bpf_trunk {
	uint32_t key; /* ifindex */
	struct dp_trunk value;
};

struct bpf_attachment {
	uint32_t ifindex;
	enum bpf_role role;
};

struct bpf_drop_count {
	uint32_t ifindex; /* 0: devices that found the map of counts full */
	enum dp_drop_reason reason;
	uint64_t packets;
};

/* As VEC() of vec.h, with a tag, so that it can be passed to functions. */
#define BPF_VEC(tag, type) \
	struct tag { type *items; size_t n, room; }
BPF_VEC(bpf_port_vec, struct bpf_port);
BPF_VEC(bpf_dest_vec, struct bpf_dest);
BPF_VEC(bpf_ca_vec, struct bpf_ca);
BPF_VEC(bpf_nexthop_vec, struct bpf_nexthop);
BPF_VEC(bpf_pa_vec, struct bpf_pa);
BPF_VEC(bpf_rewrite_vec, struct bpf_rewrite);
BPF_VEC(bpf_route_vec, struct bpf_route);
BPF_VEC(bpf_subnet_vec, struct bpf_subnet);
BPF_VEC(bpf_source_vec, struct bpf_source);
BPF_VEC(bpf_acl_set_vec, struct bpf_acl_set);
BPF_VEC(bpf_acl_meter_vec, struct bpf_acl_meter);
BPF_VEC(bpf_group_vec, struct bpf_group);
BPF_VEC(bpf_inner_ports_vec, struct bpf_inner_ports);
BPF_VEC(bpf_trunk_vec, struct bpf_trunk);
BPF_VEC(bpf_learnt_vec, struct bpf_learnt);
BPF_VEC(bpf_attachment_vec, struct bpf_attachment);
BPF_VEC(bpf_drop_vec, struct bpf_drop_count);

/*
 * Opens or creates the dataplane pinned in dirfd (bpffs_open(); stays the caller's, must stay open as long as the
 * driver). opt may be NULL. Maps pinned there are reused, with the sizes they have, when they are of this ABI; but
 * tables that are too small for max_records are made anew. Those, and all of another ABI, are empty, beside the old
 * ones, whose programs go on forwarding until bpf_driver_attach() changes each attachment over. Where only the code
 * differs, attachments change over at once and the maps stay.
 */
int bpf_driver_open(int dirfd, const struct bpf_driver_options *opt, struct bpf_driver **ret);

/* Frees the handle; everything stays pinned and packets flow on. NULL is allowed. */
void bpf_driver_close(struct bpf_driver *d);
static inline void bpf_driver_closep(struct bpf_driver **d)
{
	bpf_driver_close(*d);
}

/* Detaches everything, removes all pins and frees the handle. */
void bpf_driver_destroy(struct bpf_driver *d);

/* ifindex is below DP_MAX_IFINDEX, else -ERANGE; -ENOSPC: max_ports are in use. A new port's counters start at 0. */
int bpf_driver_set_port(struct bpf_driver *d, const struct bpf_port *port);
/* Its counters and sessions go with it. */
int bpf_driver_delete_port(struct bpf_driver *d, uint32_t ifindex);
int bpf_driver_observe_ports(struct bpf_driver *d, struct bpf_port_vec *out);

/* Added or changed. Many at once go in one system call; of a batch that failed, some may have been done. */
int bpf_driver_set_dests(struct bpf_driver *d, const struct bpf_dest *items, size_t n);
int bpf_driver_delete_dests(struct bpf_driver *d, const struct dp_dest_key *keys, size_t n);
int bpf_driver_observe_dests(struct bpf_driver *d, struct bpf_dest_vec *out);

int bpf_driver_set_cas(struct bpf_driver *d, const struct bpf_ca *items, size_t n);
int bpf_driver_delete_cas(struct bpf_driver *d, const struct dp_ca_key *keys, size_t n);
int bpf_driver_observe_cas(struct bpf_driver *d, struct bpf_ca_vec *out);

/* index is below max_nexthops, else -ERANGE. The caller gives the indexes out. */
int bpf_driver_set_nexthop(struct bpf_driver *d, const struct bpf_nexthop *nexthop);
int bpf_driver_delete_nexthop(struct bpf_driver *d, uint32_t index);
int bpf_driver_observe_nexthops(struct bpf_driver *d, struct bpf_nexthop_vec *out);
uint32_t bpf_driver_max_nexthops(const struct bpf_driver *d);

/*
 * The tables that may have a million entries, without making a vector of them: keys and values lie as in dataplane.h,
 * arrays of them one after the other.
 */
enum bpf_table {
	BPF_TABLE_DESTS,    /* struct dp_dest_key, struct dp_dest */
	BPF_TABLE_CAS,      /* struct dp_ca_key, struct dp_ca */
	BPF_TABLE_REWRITES, /* union dp_addr, struct dp_rewrite */
	BPF_TABLE_SOURCES,  /* struct dp_source_key, struct dp_source */
	BPF_TABLE_COUNT,
};
/* Calls each() for all entries; stops at its first error, which it returns. Nothing may be written meanwhile. */
int bpf_driver_walk(struct bpf_driver *d, enum bpf_table table, int (*each)(void *arg, const void *key, const void *value),
		    void *arg);
/* -ENOENT: there is none. */
int bpf_driver_get(struct bpf_driver *d, enum bpf_table table, const void *key, void *ret_value);
/* -E2BIG: the table is full. */
int bpf_driver_set(struct bpf_driver *d, enum bpf_table table, const void *keys, const void *values, size_t n);
int bpf_driver_delete(struct bpf_driver *d, enum bpf_table table, const void *keys, size_t n);

int bpf_driver_set_pa(struct bpf_driver *d, const struct bpf_pa *pa);
int bpf_driver_delete_pa(struct bpf_driver *d, const union dp_addr *pa);
int bpf_driver_observe_pas(struct bpf_driver *d, struct bpf_pa_vec *out);

int bpf_driver_set_rewrites(struct bpf_driver *d, const struct bpf_rewrite *items, size_t n);
int bpf_driver_delete_rewrites(struct bpf_driver *d, const union dp_addr *keys, size_t n);
int bpf_driver_observe_rewrites(struct bpf_driver *d, struct bpf_rewrite_vec *out);
/* The distributed router; as with dests. At most 262,144 routes and 65,536 subnets, -ENOSPC beyond. */
int bpf_driver_set_routes(struct bpf_driver *d, const struct bpf_route *items, size_t n);
int bpf_driver_delete_routes(struct bpf_driver *d, const struct dp_route_key *keys, size_t n);
int bpf_driver_observe_routes(struct bpf_driver *d, struct bpf_route_vec *out);

int bpf_driver_set_subnets(struct bpf_driver *d, const struct bpf_subnet *items, size_t n);
int bpf_driver_delete_subnets(struct bpf_driver *d, const uint32_t *vsids, size_t n);
int bpf_driver_observe_subnets(struct bpf_driver *d, struct bpf_subnet_vec *out);

int bpf_driver_set_sources(struct bpf_driver *d, const struct bpf_source *items, size_t n);
int bpf_driver_delete_sources(struct bpf_driver *d, const struct dp_source_key *keys, size_t n);
int bpf_driver_observe_sources(struct bpf_driver *d, struct bpf_source_vec *out);

/* Virtual subnets with broadcast and multicast; as with dests. At most 65,536. */
int bpf_driver_set_groups(struct bpf_driver *d, const struct bpf_group *items, size_t n);
int bpf_driver_delete_groups(struct bpf_driver *d, const uint32_t *segments, size_t n);
int bpf_driver_observe_groups(struct bpf_driver *d, struct bpf_group_vec *out);

/* Ports behind which there may be machines (NN-1), by segment; as with dests. At most 65,536 segments. */
int bpf_driver_set_inner_ports(struct bpf_driver *d, const struct bpf_inner_ports *items, size_t n);
int bpf_driver_delete_inner_ports(struct bpf_driver *d, const uint32_t *segments, size_t n);
int bpf_driver_observe_inner_ports(struct bpf_driver *d, struct bpf_inner_ports_vec *out);

/*
 * Addresses that machines of L2Only records were seen to have (HN-8). The descriptor, owned by the driver, is readable
 * when there are any; reading appends at most `most` to out and leaves the rest. What a packet says is checked for its
 * form, not for whether it may be believed.
 */
int bpf_driver_learnt_fd(struct bpf_driver *d);
int bpf_driver_read_learnt(struct bpf_driver *d, size_t most, struct bpf_learnt_vec *out);
/* One entry of the map, as the kernel hands it out; also a DHCP message that is none. -EBADMSG: it says nothing. */
int learnt_parse(const void *entry, size_t size, struct bpf_learnt *ret);

/*
 * Adds a set, never changed afterwards, under a number that no set has had. The rules are ordered as in struct
 * bpf_acl_set. -E2BIG: they do not fit, each section filled up to a multiple of 64, into DP_ACL_RULES. A set may be
 * deleted when no port names it.
 */
int bpf_driver_add_acl_set(struct bpf_driver *d, const struct dp_acl_rule *rules, size_t n, uint32_t *ret_id);
int bpf_driver_delete_acl_set(struct bpf_driver *d, const struct bpf_acl_set *set);
/* Sorted by id. Freed by bpf_acl_sets_done(). */
int bpf_driver_observe_acl_sets(struct bpf_driver *d, struct bpf_acl_set_vec *out);
void bpf_acl_sets_done(struct bpf_acl_set_vec *sets);

/*
 * Returns when every program that runs now has ended (a grace period, some 10 ms): what nobody finds any more is unused
 * then.
 */
void bpf_driver_wait(struct bpf_driver *d);

/* A meter that begins at 0; one that is there counts on. */
int bpf_driver_add_acl_meter(struct bpf_driver *d, const struct dp_acl_meter_key *key);
int bpf_driver_delete_acl_meter(struct bpf_driver *d, const struct dp_acl_meter_key *key);
int bpf_driver_observe_acl_meters(struct bpf_driver *d, struct bpf_acl_meter_vec *out);
/* -ENOENT: there is no such meter. */
int bpf_driver_read_acl_meter(struct bpf_driver *d, const struct dp_acl_meter_key *key, struct dp_acl_meter *ret);

int bpf_driver_set_trunk(struct bpf_driver *d, const struct bpf_trunk *trunk);
int bpf_driver_delete_trunk(struct bpf_driver *d, uint32_t ifindex);
int bpf_driver_observe_trunks(struct bpf_driver *d, struct bpf_trunk_vec *out);

/*
 * Attachments, in the caller's network namespace: TC by tcx link where the kernel has it, else by clsact. attach is
 * idempotent. Observed are those which run this driver's code; leftovers of devices that are gone are removed on the
 * way.
 */
int bpf_driver_attach(struct bpf_driver *d, uint32_t ifindex, enum bpf_role role);
int bpf_driver_detach(struct bpf_driver *d, uint32_t ifindex, enum bpf_role role);
int bpf_driver_observe_attachments(struct bpf_driver *d, struct bpf_attachment_vec *out);

/* Traffic of a port, summed over the CPUs; -ENOENT: no such port. VSID 0 traffic is not counted here: the link does. */
int bpf_driver_read_counters(struct bpf_driver *d, uint32_t ifindex, struct dp_counters *ret);
/* Drops by device and reason, of all devices. */
int bpf_driver_read_drops(struct bpf_driver *d, struct bpf_drop_vec *out);
/* Of one; 0 packets where nothing was dropped. */
int bpf_driver_read_drop(struct bpf_driver *d, uint32_t ifindex, enum dp_drop_reason reason, uint64_t *ret_packets);
/* Back to 0: traffic and drops of the device, and how far it is with its limits. */
int bpf_driver_reset_counters(struct bpf_driver *d, uint32_t ifindex);

/* The tables' generation: the driver raises it after every change; what programs keep for themselves goes by it. */
int bpf_driver_get_generation(struct bpf_driver *d, uint64_t *ret);
int bpf_driver_set_generation(struct bpf_driver *d, uint64_t generation);

/* A reason's name, rule and sentence (drop_reason.h); NULL for a code that is none. */
const char *drop_reason_name(enum dp_drop_reason reason);
const char *drop_reason_rule(enum dp_drop_reason reason);
const char *drop_reason_sentence(enum dp_drop_reason reason);
