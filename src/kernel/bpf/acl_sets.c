/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "acl_compile.h"
#include "internal.h"
#include "map.h"

/*
 * Rule sets and meters. The rules themselves are the first that is written of a set and the last that goes, so that
 * what follows from them can always be found; the entry of the set comes last and goes first: without it nobody
 * believes the others.
 */

/* ---- one set ---- */

#define WRITE(d, map, vec) table_set((d)->maps[map], (vec)->items, (vec)->n, LAYOUT(typeof(*(vec)->items)))

static int set_write(struct bpf_driver *d, uint32_t id, const struct acl_compiled *c)
{
	int r = WRITE(d, MAP_ACL_RULES, &c->rules);

	if (r == 0)
		r = WRITE(d, MAP_ACL_VECTORS, &c->vectors);
	if (r == 0)
		r = WRITE(d, MAP_ACL_MATCHES, &c->matches);
	if (r == 0)
		r = WRITE(d, MAP_ACL_MACS, &c->macs);
	if (r == 0 && bpf_map_update_elem(d->maps[MAP_ACL_SETS], &id, &c->set, BPF_ANY) != 0)
		r = -errno;
	return r;
}

/* What is not there need not be deleted: a set may have been left unfinished. */
#define DELETE(d, map, vec)                                                                                            \
	({                                                                                                             \
		int first_ = 0;                                                                                        \
		vec_foreach (vec, item_)                                                                               \
			if (bpf_map_delete_elem((d)->maps[map], &item_->key) != 0 && errno != ENOENT && !first_)       \
				first_ = -errno;                                                                       \
		first_;                                                                                                \
	})

static int set_erase(struct bpf_driver *d, uint32_t id, const struct acl_compiled *c)
{
	int r = bpf_map_delete_elem(d->maps[MAP_ACL_SETS], &id) == 0 || errno == ENOENT ? 0 : -errno;

	if (r == 0)
		r = DELETE(d, MAP_ACL_MACS, &c->macs);
	if (r == 0)
		r = DELETE(d, MAP_ACL_MATCHES, &c->matches);
	return r == 0 ? DELETE(d, MAP_ACL_VECTORS, &c->vectors) : r;
}

/* Of a set whose deletion was begun, rules are missing, and what followed from them is gone. */
static int rules_erase(struct bpf_driver *d, uint32_t id, const uint32_t *index, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		struct dp_acl_rule_key key = { id, index[i] };

		if (bpf_map_delete_elem(d->maps[MAP_ACL_RULES], &key) != 0 && errno != ENOENT)
			r = -errno;
	}
	return r;
}

/* A number that no set has had: every change of the tables raises the generation. */
static int new_id(struct bpf_driver *d, uint32_t bits, uint32_t *ret)
{
	struct dp_acl_set set;
	uint64_t generation = 0;
	int r = bpf_driver_get_generation(d, &generation);
	uint32_t id;

	if (r < 0)
		return r;
	do
		id = (uint32_t)(++generation & DP_ACL_ID_NUMBER) | bits;
	while (bpf_map_lookup_elem(d->maps[MAP_ACL_SETS], &id, &set) == 0);
	*ret = id;
	return 0;
}

int bpf_driver_add_acl_set(struct bpf_driver *d, const struct dp_acl_rule *rules, size_t n, uint32_t *ret_id)
{
	_cleanup_free_ uint32_t *index = xcalloc(n + 1, sizeof(*index));
	struct acl_compiled c;
	struct dp_acl_set set;
	uint32_t id = 0, bits = 0;
	int r = acl_place(rules, n, &set, index, &bits);

	if (r == 0)
		r = new_id(d, bits, &id);
	if (r < 0)
		return r;
	acl_compile(id, rules, index, n, &set, &c);
	r = set_write(d, id, &c);
	if (r < 0 && set_erase(d, id, &c) == 0)
		rules_erase(d, id, index, n);
	acl_compiled_done(&c);
	r = table_changed(d, r);
	if (r == 0)
		*ret_id = id;
	return r;
}

int bpf_driver_delete_acl_set(struct bpf_driver *d, const struct bpf_acl_set *set)
{
	_cleanup_free_ uint32_t *index = xcalloc(set->n + 1, sizeof(*index));
	struct acl_compiled c;
	struct dp_acl_set header;
	uint32_t bits;
	int r = acl_place(set->rules, set->n, &header, index, &bits);

	if (r < 0)
		return r;
	acl_compile(set->id, set->rules, index, set->n, &header, &c);
	r = set_erase(d, set->id, &c);
	if (r == 0)
		r = rules_erase(d, set->id, set->index, set->n);
	acl_compiled_done(&c);
	return table_changed(d, r);
}

/* ---- all sets ---- */

typedef VEC(struct acl_rule) rule_vec;

static int push_rule(void *arg, const void *key, const void *value)
{
	rule_vec *out = arg;
	struct acl_rule item;

	memcpy(&item.key, key, sizeof(item.key));
	memcpy(&item.value, value, sizeof(item.value));
	vec_push(out, item);
	return 0;
}

static int rule_compare(const void *a, const void *b)
{
	const struct acl_rule *x = a, *y = b;

	if (x->key.set != y->key.set)
		return x->key.set < y->key.set ? -1 : 1;
	return x->key.index < y->key.index ? -1 : x->key.index > y->key.index;
}

int bpf_driver_observe_acl_sets(struct bpf_driver *d, struct bpf_acl_set_vec *out)
{
	rule_vec rules = { 0 };
	int r = table_walk(d->maps[MAP_ACL_RULES], sizeof(struct dp_acl_rule_key), sizeof(struct dp_acl_rule),
			   push_rule, &rules);

	vec_sort(&rules, rule_compare);
	for (size_t i = 0, n; i < rules.n; i += n) {
		struct bpf_acl_set set = { .id = rules.items[i].key.set };
		struct dp_acl_set header;

		for (n = 0; i + n < rules.n && rules.items[i + n].key.set == set.id;)
			n++;
		set.n = n;
		set.rules = xcalloc(n, sizeof(*set.rules));
		set.index = xcalloc(n, sizeof(*set.index));
		for (size_t k = 0; k < n; k++) {
			set.rules[k] = rules.items[i + k].value;
			set.index[k] = rules.items[i + k].key.index;
		}
		set.complete = bpf_map_lookup_elem(d->maps[MAP_ACL_SETS], &set.id, &header) == 0;
		vec_push(out, set);
	}
	vec_done(&rules);
	return r;
}

void bpf_acl_sets_done(struct bpf_acl_set_vec *sets)
{
	vec_foreach (sets, s) {
		free(s->rules);
		free(s->index);
	}
	vec_done(sets);
}

/* ---- flows ---- */

struct flow_walk {
	uint32_t ifindex;
	VEC(struct dp_acl_flow_key) keys;
};

static int push_flow(void *arg, const void *key, const void *value)
{
	struct flow_walk *walk = arg;
	struct dp_acl_flow_key k;

	(void)value;
	memcpy(&k, key, sizeof(k));
	if (k.ifindex == walk->ifindex)
		vec_push(&walk->keys, k);
	return 0;
}

int flows_forget(struct bpf_driver *d, uint32_t ifindex)
{
	struct flow_walk walk = { .ifindex = ifindex };
	int r = table_walk(d->maps[MAP_ACL_FLOWS], sizeof(struct dp_acl_flow_key), sizeof(struct dp_acl_flow),
			   push_flow, &walk);

	/* what has been given up meanwhile is forgotten, too */
	if (r == 0)
		r = table_delete(d->maps[MAP_ACL_FLOWS], walk.keys.items, walk.keys.n, sizeof(*walk.keys.items));
	vec_done(&walk.keys);
	return r == -ENOENT ? 0 : r;
}

/* ---- meters ---- */

int bpf_driver_add_acl_meter(struct bpf_driver *d, const struct dp_acl_meter_key *key)
{
	int n = libbpf_num_possible_cpus();
	_cleanup_free_ struct dp_acl_meter *cpus = n > 0 ? xcalloc(n, sizeof(*cpus)) : NULL;

	if (n < 0)
		return n;
	return bpf_map_update_elem(d->maps[MAP_ACL_METERS], key, cpus, BPF_NOEXIST) == 0 || errno == EEXIST ? 0
													    : -errno;
}

int bpf_driver_delete_acl_meter(struct bpf_driver *d, const struct dp_acl_meter_key *key)
{
	return bpf_map_delete_elem(d->maps[MAP_ACL_METERS], key) == 0 ? 0 : -errno;
}

int bpf_driver_read_acl_meter(struct bpf_driver *d, const struct dp_acl_meter_key *key, struct dp_acl_meter *ret)
{
	int n = libbpf_num_possible_cpus();
	_cleanup_free_ struct dp_acl_meter *cpus = n > 0 ? xcalloc(n, sizeof(*cpus)) : NULL;
	struct dp_acl_meter sum = { 0 };

	if (n < 0)
		return n;
	if (bpf_map_lookup_elem(d->maps[MAP_ACL_METERS], key, cpus) != 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		sum.packets += cpus[i].packets;
		sum.bytes += cpus[i].bytes;
	}
	*ret = sum;
	return 0;
}

int bpf_driver_observe_acl_meters(struct bpf_driver *d, struct bpf_acl_meter_vec *out)
{
	struct dp_acl_meter_key key, next;
	bool first = true;

	/* one by one: what a walk in batches would need for values of all CPUs is not worth it for a few */
	while (bpf_map_get_next_key(d->maps[MAP_ACL_METERS], first ? NULL : &key, &next) == 0) {
		struct bpf_acl_meter item = { .key = next };

		if (bpf_driver_read_acl_meter(d, &next, &item.value) == 0)
			vec_push(out, item);
		key = next;
		first = false;
	}
	return errno == ENOENT ? 0 : -errno;
}
