/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "bpf_driver.h"

struct bpf_live;
struct reading;
struct ring_buffer;
struct bpf_object;

/* What the files of this directory share. */

enum map_id {
	MAP_PORTS,
	MAP_DESTS,
	MAP_CAS,
	MAP_NEXTHOPS,
	MAP_PAS,
	MAP_REWRITES,
	MAP_COUNTERS,
	MAP_LIMITS,
	MAP_TRUNKS,
	MAP_DROPS,
	MAP_ROUTES,
	MAP_SUBNETS,
	MAP_SOURCES,
	MAP_GROUPS,
	MAP_INNER,
	MAP_INNER_PORTS,
	MAP_LEARNT,
	MAP_LEARN_RATES,
	MAP_FLOWS,
	MAP_WAYS,
	MAP_ACL_RULES,
	MAP_ACL_SETS,
	MAP_ACL_MATCHES,
	MAP_ACL_VECTORS,
	MAP_ACL_MACS,
	MAP_ACL_METERS,
	MAP_ACL_FLOWS,
	MAP_CONFIG, /* pinned last: with it, the set is complete */
	MAP_COUNT,
};

struct bpf_driver {
	int dirfd; /* borrowed */
	bool clsact;
	int maps[MAP_COUNT];
	int programs[BPF_ROLE_COUNT];
	uint32_t program_ids[BPF_ROLE_COUNT];
	uint32_t max_entries[MAP_COUNT];
	const struct dp_port *ports; /* the map itself, read-only */
	const struct dp_nexthop *nexthops;
	struct bpf_object *dry[BPF_ROLE_COUNT]; /* tracing programs for made packets; NULL: not loaded yet */
	struct bpf_live *lives;
	struct ring_buffer *learnt; /* NULL: not asked for yet */
	struct reading *reading;    /* of it, while it goes on */
	uint8_t *slots; /* a byte for each slot of MAP_COUNTERS: in use */
};

/* Gives an object that is not loaded yet the maps of the driver; own_state: but fresh ones where packets leave traces. */
int maps_prepare(struct bpf_driver *d, struct bpf_object *obj, bool own_state);

/* The path of a pin, in the directory of this ABI or (links) above it. */
#define PIN_PATH_SIZE 128
void pin_path(const struct bpf_driver *d, const char *name, char path[static PIN_PATH_SIZE]);
void link_path(const struct bpf_driver *d, const char *kind, enum bpf_role role, uint32_t ifindex,
	       char path[static PIN_PATH_SIZE]);
extern const char *const role_names[BPF_ROLE_COUNT];

/* Moves the attachments of one role that run old_id to the driver's program. */
int attachments_replace(struct bpf_driver *d, enum bpf_role role, uint32_t old_id);
void attachments_remove_all(struct bpf_driver *d);
/* Puts another program in the place of an attachment's; -ENOENT: there is none. */
int attachment_swap(struct bpf_driver *d, uint32_t ifindex, enum bpf_role role, int program);
/* Is that program there to follow packets? program_id 0: any. */
bool live_runs(const struct bpf_driver *d, uint32_t ifindex, enum bpf_role role, uint32_t program_id);

/* Calls each() for all entries of a hash; stops at its first error, which it returns. */
int table_walk(int fd, size_t key_size, size_t value_size, int (*each)(void *arg, const void *key, const void *value),
	       void *arg);

/* How an array of items {key, value} lies in memory: there may be padding between the two. */
struct layout {
	size_t item, key, value, value_at;
};
#define LAYOUT(type) \
	((struct layout){ sizeof(type), sizeof(((type *)0)->key), sizeof(((type *)0)->value), offsetof(type, value) })

int table_set(int fd, const void *items, size_t n, struct layout l);
/* An entry that is not there is as good as deleted, but reported in the end. */
int table_delete(int fd, const void *keys, size_t n, size_t key_size);
/* Sessions of a port end with it, and with its virtual subnet: another may get its number, and the addresses overlap. */
int flows_forget(struct bpf_driver *d, uint32_t ifindex);
/*
 * After a change of a table, also one that failed in part (r): what programs have kept for themselves is worth nothing from here
 * on. Returns r, or what this failed with.
 */
int table_changed(struct bpf_driver *d, int r);
