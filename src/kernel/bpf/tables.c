/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>

#include "internal.h"

/* Entries a system call; also the first guess at what a bucket of a hash may hold. */
#define BATCH 4096
/* Below this, single calls are not slower than copying into a batch. */
#define BATCH_MIN 4

/* ---- hashes, whatever is in them ---- */

int table_walk(int fd, size_t key_size, size_t value_size, int (*each)(void *arg, const void *key, const void *value),
	       void *arg)
{
	_cleanup_free_ char *keys = NULL, *values = NULL;
	/* where the walk stands: a number for hashes, a key for tries */
	_cleanup_free_ char *in = xcalloc(1, MAX(key_size, sizeof(uint32_t))), *out = xcalloc(1, MAX(key_size, sizeof(uint32_t)));
	uint32_t room = BATCH, n;
	bool first = true, last = false;
	int r;

	keys = xreallocarray(NULL, room, key_size);
	values = xreallocarray(NULL, room, value_size);
	while (!last) {
		n = room;
		r = bpf_map_lookup_batch(fd, first ? NULL : in, out, keys, values, &n, NULL);
		if (r != 0 && errno == ENOSPC) {
			/* one bucket has more than fits */
			room *= 2;
			keys = xreallocarray(keys, room, key_size);
			values = xreallocarray(values, room, value_size);
			continue;
		}
		if (r != 0 && errno != ENOENT)
			return -errno;
		last = r != 0;
		for (uint32_t i = 0; i < n; i++) {
			r = each(arg, keys + i * key_size, values + i * value_size);
			if (r != 0)
				return r;
		}
		memcpy(in, out, MAX(key_size, sizeof(uint32_t)));
		first = false;
	}
	return 0;
}

int table_changed(struct bpf_driver *d, int r)
{
	uint64_t generation = 0;
	int g = bpf_driver_get_generation(d, &generation);

	if (g == 0)
		g = bpf_driver_set_generation(d, generation + 1);
	return r ? r : g;
}

int table_set(int fd, const void *items, size_t n, struct layout l)
{
	_cleanup_free_ char *keys = NULL, *values = NULL;
	const char *item = items;
	uint32_t count;

	for (; n && n < BATCH_MIN; n--, item += l.item)
		if (bpf_map_update_elem(fd, item, item + l.value_at, BPF_ANY) != 0)
			return -errno;
	if (!n)
		return 0;
	keys = xreallocarray(NULL, MIN(n, BATCH), l.key);
	values = xreallocarray(NULL, MIN(n, BATCH), l.value);
	for (; n; n -= count) {
		count = MIN(n, BATCH);
		for (uint32_t i = 0; i < count; i++, item += l.item) {
			memcpy(keys + i * l.key, item, l.key);
			memcpy(values + i * l.value, item + l.value_at, l.value);
		}
		if (bpf_map_update_batch(fd, keys, values, &count, NULL) != 0)
			return -errno;
	}
	return 0;
}

int table_delete(int fd, const void *keys, size_t n, size_t key_size)
{
	const char *key = keys;
	int r = 0;

	while (n) {
		uint32_t count = n;

		if (n < BATCH_MIN) {
			if (bpf_map_delete_elem(fd, key) != 0)
				r = -errno;
			count = 1;
		} else if (bpf_map_delete_batch(fd, key, &count, NULL) != 0) {
			if (errno != ENOENT)
				return -errno;
			/* count: how many went before the one that is missing */
			r = -ENOENT;
			count++;
		}
		n -= count;
		key += count * key_size;
	}
	return r;
}

static const struct {
	enum map_id map;
	size_t key, value;
} tables[BPF_TABLE_COUNT] = {
	[BPF_TABLE_DESTS] = { MAP_DESTS, sizeof(struct dp_dest_key), sizeof(struct dp_dest) },
	[BPF_TABLE_CAS] = { MAP_CAS, sizeof(struct dp_ca_key), sizeof(struct dp_ca) },
	[BPF_TABLE_REWRITES] = { MAP_REWRITES, sizeof(union dp_addr), sizeof(struct dp_rewrite) },
	[BPF_TABLE_SOURCES] = { MAP_SOURCES, sizeof(struct dp_source_key), sizeof(struct dp_source) },
};

int bpf_driver_walk(struct bpf_driver *d, enum bpf_table table, int (*each)(void *arg, const void *key, const void *value),
		    void *arg)
{
	return table_walk(d->maps[tables[table].map], tables[table].key, tables[table].value, each, arg);
}

int bpf_driver_get(struct bpf_driver *d, enum bpf_table table, const void *key, void *ret_value)
{
	return bpf_map_lookup_elem(d->maps[tables[table].map], key, ret_value) == 0 ? 0 : -errno;
}

int bpf_driver_set(struct bpf_driver *d, enum bpf_table table, const void *keys, const void *values, size_t n)
{
	int fd = d->maps[tables[table].map], r = 0;
	const char *key = keys, *value = values;

	for (uint32_t count; n && r == 0; n -= count, key += count * tables[table].key, value += count * tables[table].value) {
		count = (uint32_t)MIN(n, BATCH);
		if (n < BATCH_MIN) {
			count = 1;
			r = bpf_map_update_elem(fd, key, value, BPF_ANY) == 0 ? 0 : -errno;
		} else {
			r = bpf_map_update_batch(fd, key, value, &count, NULL) == 0 ? 0 : -errno;
		}
	}
	return table_changed(d, r);
}

int bpf_driver_delete(struct bpf_driver *d, enum bpf_table table, const void *keys, size_t n)
{
	return table_changed(d, table_delete(d->maps[tables[table].map], keys, n, tables[table].key));
}

int bpf_driver_set_dests(struct bpf_driver *d, const struct bpf_dest *items, size_t n)
{
	return table_changed(d, table_set(d->maps[MAP_DESTS], items, n, LAYOUT(typeof(*items))));
}

int bpf_driver_delete_dests(struct bpf_driver *d, const struct dp_dest_key *keys, size_t n)
{
	return table_changed(d, table_delete(d->maps[MAP_DESTS], keys, n, sizeof(*keys)));
}

static int push_dest(void *arg, const void *key, const void *value)
{
	struct bpf_dest_vec *out = arg;
	struct bpf_dest item;

	memcpy(&item.key, key, sizeof(item.key));
	memcpy(&item.value, value, sizeof(item.value));
	vec_push(out, item);
	return 0;
}

int bpf_driver_observe_dests(struct bpf_driver *d, struct bpf_dest_vec *out)
{
	return table_walk(d->maps[MAP_DESTS], sizeof(struct dp_dest_key), sizeof(struct dp_dest), push_dest, out);
}

int bpf_driver_set_cas(struct bpf_driver *d, const struct bpf_ca *items, size_t n)
{
	return table_changed(d, table_set(d->maps[MAP_CAS], items, n, LAYOUT(typeof(*items))));
}

int bpf_driver_delete_cas(struct bpf_driver *d, const struct dp_ca_key *keys, size_t n)
{
	return table_changed(d, table_delete(d->maps[MAP_CAS], keys, n, sizeof(*keys)));
}

static int push_ca(void *arg, const void *key, const void *value)
{
	struct bpf_ca_vec *out = arg;
	struct bpf_ca item;

	memcpy(&item.key, key, sizeof(item.key));
	memcpy(&item.value, value, sizeof(item.value));
	vec_push(out, item);
	return 0;
}

int bpf_driver_observe_cas(struct bpf_driver *d, struct bpf_ca_vec *out)
{
	return table_walk(d->maps[MAP_CAS], sizeof(struct dp_ca_key), sizeof(struct dp_ca), push_ca, out);
}

int bpf_driver_set_pa(struct bpf_driver *d, const struct bpf_pa *pa)
{
	return table_changed(d, table_set(d->maps[MAP_PAS], pa, 1, LAYOUT(typeof(*pa))));
}

int bpf_driver_delete_pa(struct bpf_driver *d, const union dp_addr *pa)
{
	return table_changed(d, table_delete(d->maps[MAP_PAS], pa, 1, sizeof(*pa)));
}

static int push_pa(void *arg, const void *key, const void *value)
{
	struct bpf_pa_vec *out = arg;
	struct bpf_pa item;

	memcpy(&item.key, key, sizeof(item.key));
	memcpy(&item.value, value, sizeof(item.value));
	vec_push(out, item);
	return 0;
}

int bpf_driver_observe_pas(struct bpf_driver *d, struct bpf_pa_vec *out)
{
	return table_walk(d->maps[MAP_PAS], sizeof(union dp_addr), sizeof(struct dp_pa), push_pa, out);
}

int bpf_driver_set_rewrites(struct bpf_driver *d, const struct bpf_rewrite *items, size_t n)
{
	return table_changed(d, table_set(d->maps[MAP_REWRITES], items, n, LAYOUT(typeof(*items))));
}

int bpf_driver_delete_rewrites(struct bpf_driver *d, const union dp_addr *keys, size_t n)
{
	return table_changed(d, table_delete(d->maps[MAP_REWRITES], keys, n, sizeof(*keys)));
}

static int push_rewrite(void *arg, const void *key, const void *value)
{
	struct bpf_rewrite_vec *out = arg;
	struct bpf_rewrite item;

	memcpy(&item.key, key, sizeof(item.key));
	memcpy(&item.value, value, sizeof(item.value));
	vec_push(out, item);
	return 0;
}

int bpf_driver_observe_rewrites(struct bpf_driver *d, struct bpf_rewrite_vec *out)
{
	return table_walk(d->maps[MAP_REWRITES], sizeof(union dp_addr), sizeof(struct dp_rewrite), push_rewrite, out);
}

/* ---- the distributed router ---- */

int bpf_driver_set_routes(struct bpf_driver *d, const struct bpf_route *items, size_t n)
{
	return table_changed(d, table_set(d->maps[MAP_ROUTES], items, n, LAYOUT(typeof(*items))));
}

int bpf_driver_delete_routes(struct bpf_driver *d, const struct dp_route_key *keys, size_t n)
{
	return table_changed(d, table_delete(d->maps[MAP_ROUTES], keys, n, sizeof(*keys)));
}

static int push_route(void *arg, const void *key, const void *value)
{
	struct bpf_route_vec *out = arg;
	struct bpf_route item;

	memcpy(&item.key, key, sizeof(item.key));
	memcpy(&item.value, value, sizeof(item.value));
	vec_push(out, item);
	return 0;
}

int bpf_driver_observe_routes(struct bpf_driver *d, struct bpf_route_vec *out)
{
	return table_walk(d->maps[MAP_ROUTES], sizeof(struct dp_route_key), sizeof(struct dp_route), push_route, out);
}

int bpf_driver_set_subnets(struct bpf_driver *d, const struct bpf_subnet *items, size_t n)
{
	return table_changed(d, table_set(d->maps[MAP_SUBNETS], items, n, LAYOUT(typeof(*items))));
}

int bpf_driver_delete_subnets(struct bpf_driver *d, const uint32_t *vsids, size_t n)
{
	return table_changed(d, table_delete(d->maps[MAP_SUBNETS], vsids, n, sizeof(*vsids)));
}

static int push_subnet(void *arg, const void *key, const void *value)
{
	struct bpf_subnet_vec *out = arg;
	struct bpf_subnet item;

	memcpy(&item.key, key, sizeof(item.key));
	memcpy(&item.value, value, sizeof(item.value));
	vec_push(out, item);
	return 0;
}

int bpf_driver_observe_subnets(struct bpf_driver *d, struct bpf_subnet_vec *out)
{
	return table_walk(d->maps[MAP_SUBNETS], sizeof(uint32_t), sizeof(struct dp_subnet), push_subnet, out);
}

int bpf_driver_set_sources(struct bpf_driver *d, const struct bpf_source *items, size_t n)
{
	return table_changed(d, table_set(d->maps[MAP_SOURCES], items, n, LAYOUT(typeof(*items))));
}

int bpf_driver_delete_sources(struct bpf_driver *d, const struct dp_source_key *keys, size_t n)
{
	return table_changed(d, table_delete(d->maps[MAP_SOURCES], keys, n, sizeof(*keys)));
}

static int push_source(void *arg, const void *key, const void *value)
{
	struct bpf_source_vec *out = arg;
	struct bpf_source item;

	memcpy(&item.key, key, sizeof(item.key));
	memcpy(&item.value, value, sizeof(item.value));
	vec_push(out, item);
	return 0;
}

int bpf_driver_observe_sources(struct bpf_driver *d, struct bpf_source_vec *out)
{
	return table_walk(d->maps[MAP_SOURCES], sizeof(struct dp_source_key), sizeof(struct dp_source), push_source, out);
}

/* ---- broadcast and multicast ---- */

int bpf_driver_set_groups(struct bpf_driver *d, const struct bpf_group *items, size_t n)
{
	return table_changed(d, table_set(d->maps[MAP_GROUPS], items, n, LAYOUT(typeof(*items))));
}

int bpf_driver_delete_groups(struct bpf_driver *d, const uint32_t *segments, size_t n)
{
	return table_changed(d, table_delete(d->maps[MAP_GROUPS], segments, n, sizeof(*segments)));
}

static int push_group(void *arg, const void *key, const void *value)
{
	struct bpf_group_vec *out = arg;
	struct bpf_group item;

	memcpy(&item.key, key, sizeof(item.key));
	memcpy(&item.value, value, sizeof(item.value));
	vec_push(out, item);
	return 0;
}

int bpf_driver_observe_groups(struct bpf_driver *d, struct bpf_group_vec *out)
{
	return table_walk(d->maps[MAP_GROUPS], sizeof(uint32_t), sizeof(struct dp_group), push_group, out);
}

/* ---- machines inside machines ---- */

int bpf_driver_set_inner_ports(struct bpf_driver *d, const struct bpf_inner_ports *items, size_t n)
{
	return table_changed(d, table_set(d->maps[MAP_INNER_PORTS], items, n, LAYOUT(typeof(*items))));
}

int bpf_driver_delete_inner_ports(struct bpf_driver *d, const uint32_t *segments, size_t n)
{
	return table_changed(d, table_delete(d->maps[MAP_INNER_PORTS], segments, n, sizeof(*segments)));
}

static int push_inner_ports(void *arg, const void *key, const void *value)
{
	struct bpf_inner_ports_vec *out = arg;
	struct bpf_inner_ports item;

	memcpy(&item.key, key, sizeof(item.key));
	memcpy(&item.value, value, sizeof(item.value));
	vec_push(out, item);
	return 0;
}

int bpf_driver_observe_inner_ports(struct bpf_driver *d, struct bpf_inner_ports_vec *out)
{
	return table_walk(d->maps[MAP_INNER_PORTS], sizeof(uint32_t), sizeof(struct dp_inner_ports), push_inner_ports, out);
}

/* ---- VLANs ---- */

int bpf_driver_set_trunk(struct bpf_driver *d, const struct bpf_trunk *trunk)
{
	return table_changed(d, table_set(d->maps[MAP_TRUNKS], trunk, 1, LAYOUT(typeof(*trunk))));
}

int bpf_driver_delete_trunk(struct bpf_driver *d, uint32_t ifindex)
{
	return table_changed(d, table_delete(d->maps[MAP_TRUNKS], &ifindex, 1, sizeof(ifindex)));
}

static int push_trunk(void *arg, const void *key, const void *value)
{
	struct bpf_trunk_vec *out = arg;
	struct bpf_trunk item;

	memcpy(&item.key, key, sizeof(item.key));
	memcpy(&item.value, value, sizeof(item.value));
	vec_push(out, item);
	return 0;
}

int bpf_driver_observe_trunks(struct bpf_driver *d, struct bpf_trunk_vec *out)
{
	return table_walk(d->maps[MAP_TRUNKS], sizeof(uint32_t), sizeof(struct dp_trunk), push_trunk, out);
}

/* ---- arrays: an entry without its PRESENT flag is not there ---- */

/* A slot of its own for a new port; the uplinks share slot 0, which nobody counts in. */
static int slot_for(struct bpf_driver *d, const struct bpf_port *port, uint32_t *ret)
{
	const struct dp_port *old = &d->ports[port->ifindex];

	if (port->value.flags & DP_PORT_UPLINK) {
		*ret = 0;
		return 0;
	}
	if ((old->flags & DP_PORT_PRESENT) && old->slot) {
		*ret = old->slot;
		return 0;
	}
	for (uint32_t i = 1; i < d->max_entries[MAP_COUNTERS]; i++) {
		if (!d->slots[i]) {
			*ret = i;
			return 0;
		}
	}
	return -ENOSPC;
}

static int write_port(struct bpf_driver *d, uint32_t ifindex, const struct dp_port *value)
{
	return bpf_map_update_elem(d->maps[MAP_PORTS], &ifindex, value, BPF_ANY) == 0 ? 0 : -errno;
}

void bpf_driver_wait(struct bpf_driver *d)
{
	(void)d;
	syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

/*
 * The kernel copies an entry while programs read it. A port that moves to another virtual subnet or VLAN must not be seen half
 * here and half there: it is no port until every program that read the old entry has ended (a grace period, some 10 ms).
 */
static int withdraw_port(struct bpf_driver *d, uint32_t ifindex, const struct dp_port *old, const struct dp_port *new)
{
	struct dp_port none = *old;
	int r;

	if (!(old->flags & DP_PORT_PRESENT) || (old->segment == new->segment && old->vsid == new->vsid &&
						 old->vlan == new->vlan && old->trunk == new->trunk))
		return 0;
	none.flags = 0;
	r = write_port(d, ifindex, &none);
	if (r < 0)
		return r;
	bpf_driver_wait(d);
	return flows_forget(d, ifindex);
}

int bpf_driver_set_port(struct bpf_driver *d, const struct bpf_port *port)
{
	struct dp_port value = port->value, old;
	uint32_t slot;
	int r;

	if (!port->ifindex || port->ifindex >= d->max_entries[MAP_PORTS])
		return -ERANGE;
	old = d->ports[port->ifindex];
	r = slot_for(d, port, &slot);
	if (r != 0)
		return r;
	value.slot = slot;
	value.flags |= DP_PORT_PRESENT;
	r = withdraw_port(d, port->ifindex, &old, &value);
	if (r == 0)
		r = write_port(d, port->ifindex, &value);
	if (r != 0)
		return r;
	if ((old.flags & DP_PORT_PRESENT) && old.slot != slot)
		d->slots[old.slot] = old.slot == 0;
	d->slots[slot] = 1;
	return old.flags & DP_PORT_PRESENT ? 0 : bpf_driver_reset_counters(d, port->ifindex);
}

int bpf_driver_delete_port(struct bpf_driver *d, uint32_t ifindex)
{
	struct dp_port none = { 0 };
	bool had_sessions;
	uint32_t slot;
	int r;

	if (!ifindex || ifindex >= d->max_entries[MAP_PORTS])
		return -ERANGE;
	if (!(d->ports[ifindex].flags & DP_PORT_PRESENT))
		return -ENOENT;
	slot = d->ports[ifindex].slot;
	had_sessions = d->ports[ifindex].flags & (DP_PORT_ACL_OUT | DP_PORT_ACL_IN);
	if (write_port(d, ifindex, &none) != 0)
		return -errno;
	if (slot)
		d->slots[slot] = 0;
	if (had_sessions)
		bpf_driver_wait(d);
	r = flows_forget(d, ifindex);
	return r < 0 ? r : bpf_driver_reset_counters(d, ifindex);
}

int bpf_driver_observe_ports(struct bpf_driver *d, struct bpf_port_vec *out)
{
	for (uint32_t i = 0; i < d->max_entries[MAP_PORTS]; i++) {
		if (!(d->ports[i].flags & DP_PORT_PRESENT))
			continue;
		vec_push(out, (struct bpf_port){ .ifindex = i, .value = d->ports[i] });
		vec_last(out)->value.slot = 0;
	}
	return 0;
}

int bpf_driver_set_nexthop(struct bpf_driver *d, const struct bpf_nexthop *nexthop)
{
	struct dp_nexthop value = nexthop->value;

	if (nexthop->index >= d->max_entries[MAP_NEXTHOPS])
		return -ERANGE;
	value.flags |= DP_NEXTHOP_PRESENT;
	return bpf_map_update_elem(d->maps[MAP_NEXTHOPS], &nexthop->index, &value, BPF_ANY) == 0 ? 0 : -errno;
}

int bpf_driver_delete_nexthop(struct bpf_driver *d, uint32_t index)
{
	struct dp_nexthop none = { 0 };

	if (index >= d->max_entries[MAP_NEXTHOPS])
		return -ERANGE;
	if (!(d->nexthops[index].flags & DP_NEXTHOP_PRESENT))
		return -ENOENT;
	return bpf_map_update_elem(d->maps[MAP_NEXTHOPS], &index, &none, BPF_ANY) == 0 ? 0 : -errno;
}

int bpf_driver_observe_nexthops(struct bpf_driver *d, struct bpf_nexthop_vec *out)
{
	for (uint32_t i = 0; i < d->max_entries[MAP_NEXTHOPS]; i++)
		if (d->nexthops[i].flags & DP_NEXTHOP_PRESENT)
			vec_push(out, (struct bpf_nexthop){ .index = i, .value = d->nexthops[i] });
	return 0;
}
