/* SPDX-License-Identifier: Apache-2.0 */
#include "records.h"

#include <errno.h>

#include "records_table.h"

/* Entries a call: a system call for each would cost as much again as the kernel's work. */
#define BATCH 4096
/* More changes than this are not looked at one by one: comparing everything is about as fast, and takes no memory. */
#define NOTED_MAX 100000
#define TOUCHED_MAX 500000

/*
 * What entries are made of besides documents: what is known of this host. A fact that came or went has touched the entries
 * made of it. Compared as bytes.
 */
enum fact_kind { FACT_LOCAL, FACT_HOP, FACT_PORT, FACT_SUBNET };

struct fact {
	uint32_t kind;
	uint32_t number;  /* FACT_HOP: in "nexthops"; FACT_PORT: ifindex */
	uint32_t segment; /* FACT_PORT, FACT_SUBNET */
	uint32_t encap;   /* FACT_HOP */
	struct mac mac;   /* FACT_PORT: its own; FACT_SUBNET: the router's of IPv4 */
	struct mac mac6;  /* FACT_SUBNET: the router's of IPv6 */
	struct ip pa;     /* FACT_LOCAL, FACT_HOP */
	struct guid rdid; /* FACT_SUBNET */
};

struct keys {
	char *items;
	size_t n, room;
};

struct records {
	const struct records_ops *ops;
	bool compare_all;
	struct map *facts;             /* of the last time */
	VEC(struct record_doc) noted;  /* as they were and as they are; without their texts */
	struct keys gone[BPF_TABLE_COUNT];
};

/* One call of records_update(). */
struct update {
	struct records *x;
	struct record_view view;
	void *arg;
	enum bpf_table table;
	const struct record_table *t;
	struct keys touched[BPF_TABLE_COUNT];
	char *keys, *values; /* of entries to be set */
	size_t n;
};

static void keys_add(struct keys *k, const void *key, size_t size)
{
	if (k->n == k->room) {
		k->room = k->room ? k->room * 2 : 64;
		k->items = xreallocarray(k->items, k->room, size);
	}
	memcpy(k->items + k->n++ * size, key, size);
}

static void keys_done(struct keys *k)
{
	free(k->items);
	*k = (struct keys){ 0 };
}

static int key_order(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(size_t *)size);
}

static void keys_unique(struct keys *k, size_t size)
{
	size_t n = 0;

	if (k->n)
		qsort_r(k->items, k->n, size, key_order, &size);
	for (size_t i = 0; i < k->n; i++)
		if (i == 0 || memcmp(k->items + (n - 1) * size, k->items + i * size, size) != 0)
			memmove(k->items + n++ * size, k->items + i * size, size);
	k->n = n;
}

/* ---- what was touched ---- */

static struct map *facts_of(const struct record_view *v)
{
	const struct netvirt_wants *w = v->host->wants;
	struct map *facts = map_new();
	const void *hop;
	void *number;

	vec_foreach(&w->pas, p) {
		struct fact f = { .kind = FACT_LOCAL, .pa = p->pa };

		map_put(facts, &f, sizeof(f), facts);
	}
	for (size_t pos = 0; map_next(v->host->hops, &pos, &hop, NULL, &number);) {
		const struct hop_key *key = hop;
		struct fact f = { .kind = FACT_HOP, .number = (uint32_t)(uintptr_t)number, .encap = key->encap, .pa = key->pa };

		map_put(facts, &f, sizeof(f), facts);
	}
	vec_foreach(&w->ports, p) {
		struct fact f = { .kind = FACT_PORT, .segment = p->segment, .mac = p->mac };

		if (!p->vsid || netvirt_port_with(w, p->segment, &p->mac) != p)
			continue;
		f.number = v->host->ifindex(v->arg, p->link);
		map_put(facts, &f, sizeof(f), facts);
	}
	vec_foreach(&w->subnets, s) {
		struct fact f = { .kind = FACT_SUBNET, .segment = s->vsid, .mac = s->router_mac, .mac6 = s->router_mac6, .rdid = s->rdid };

		map_put(facts, &f, sizeof(f), facts);
	}
	return facts;
}

static void touch(struct update *u, enum bpf_table table, const struct record_doc *r, const struct guid *rdid)
{
	union record_key key;

	if (record_tables[table].key(r, rdid, &key))
		keys_add(&u->touched[table], &key, record_tables[table].key_size);
}

static void touch_record(struct update *u, const struct record_doc *r)
{
	const struct want_subnet *s = netvirt_routed_subnet(u->view.host->wants, r->vsid);

	for (enum bpf_table table = 0; table < BPF_TABLE_COUNT; table++)
		touch(u, table, r, s ? &s->rdid : NULL);
}

static void touch_subnet(struct update *u, const struct fact *f)
{
	const struct docs *docs = u->view.host->wants->docs;
	const struct record_doc *r;

	for (enum record_class class = 0; class < RECORD_CLASSES; class++)
		for (size_t pos = 0; (r = records_in_subnet(docs, f->segment, class, &pos));)
			touch(u, BPF_TABLE_SOURCES, r, &f->rdid);
	/* Those that went with the same change. */
	vec_foreach(&u->x->noted, noted)
		if (noted->vsid == f->segment)
			touch(u, BPF_TABLE_SOURCES, noted, &f->rdid);
}

static void touch_fact(struct update *u, const struct fact *f)
{
	static const enum netvirt_rule rules[] = { NETVIRT_ENCAP, NETVIRT_ENCAP_VXLAN, NETVIRT_NAT };
	const struct docs *docs = u->view.host->wants->docs;
	struct dp_dest_key key = { .segment = f->segment };
	const struct record_doc *r;

	switch ((enum fact_kind)f->kind) {
	case FACT_LOCAL:
	case FACT_HOP:
		for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
			for (size_t pos = 0; (r = records_at_pa(docs, &f->pa, rules[i], true, &pos));)
				touch_record(u, r);
		break;
	case FACT_PORT:
		memcpy(key.mac, f->mac.b, 6);
		keys_add(&u->touched[BPF_TABLE_DESTS], &key, sizeof(key));
		for (size_t pos = 0; (r = records_at_mac(docs, f->segment, &f->mac, &pos));)
			touch_record(u, r);
		break;
	case FACT_SUBNET:
		touch_subnet(u, f);
		break;
	}
}

static void touch_difference(struct update *u, const struct map *one, const struct map *other)
{
	const void *fact;
	struct fact f;

	for (size_t pos = 0; map_next(one, &pos, &fact, NULL, NULL);) {
		if (map_get(other, fact, sizeof(f)))
			continue;
		memcpy(&f, fact, sizeof(f));
		touch_fact(u, &f);
	}
}

static void find_touched(struct update *u, const struct map *facts)
{
	touch_difference(u, u->x->facts, facts);
	touch_difference(u, facts, u->x->facts);
	vec_foreach(&u->x->noted, r)
		touch_record(u, r);
	for (enum bpf_table table = 0; table < BPF_TABLE_COUNT; table++) {
		keys_unique(&u->touched[table], record_tables[table].key_size);
		u->x->compare_all |= u->touched[table].n > TOUCHED_MAX;
	}
}

/* ---- entries of one table ---- */

static void done(struct update *u, int r, size_t n, bool set)
{
	if (r < 0)
		u->x->compare_all = true;
	u->x->ops->done(u->arg, r, u->t->name, n, set);
}

static void flush(struct update *u)
{
	if (u->n)
		done(u, u->x->ops->set(u->arg, u->table, u->keys, u->values, u->n), u->n, true);
	u->n = 0;
}

static void set(struct update *u, const void *key, const void *value)
{
	memcpy(u->keys + u->n * u->t->key_size, key, u->t->key_size);
	memcpy(u->values + u->n * u->t->value_size, value, u->t->value_size);
	if (++u->n == BATCH)
		flush(u);
}

static void delete_gone(struct records *x, enum bpf_table table, void *arg)
{
	struct keys *gone = &x->gone[table];
	int r = gone->n ? x->ops->del(arg, table, gone->items, gone->n) : 0;

	/* What is not there any more is as good as deleted. */
	r = r == -ENOENT ? 0 : r;
	x->compare_all |= r < 0;
	if (gone->n)
		x->ops->done(arg, r, record_tables[table].name, gone->n, false);
	keys_done(gone);
}

static void compare_key(struct update *u, const void *key)
{
	union record_value want, have;
	size_t by;
	bool wanted = u->t->want(&u->view, key, &want, &by);
	int r = u->x->ops->get(u->arg, u->table, key, &have);

	if (r < 0 && r != -ENOENT)
		done(u, r, 0, true);
	else if (!wanted && r == 0)
		keys_add(&u->x->gone[u->table], key, u->t->key_size);
	else if (wanted && (r != 0 || memcmp(&want, &have, u->t->value_size) != 0))
		set(u, key, &want);
}

static void update_touched(struct update *u)
{
	struct keys *touched = &u->touched[u->table];

	for (size_t i = 0; i < touched->n; i++)
		compare_key(u, touched->items + i * u->t->key_size);
	if (u->t->delete_first)
		delete_gone(u->x, u->table, u->arg);
	flush(u);
}

/* ---- a whole table ---- */

struct comparison {
	struct update *u;
	struct keys differ;
	uint8_t *seen; /* a bit for each number of a record: its entry is there */
};

static int compare_entry(void *arg, const void *key, const void *have)
{
	struct comparison *c = arg;
	struct update *u = c->u;
	union record_value want;
	size_t by = 0;

	if (!u->t->want(&u->view, key, &want, &by)) {
		keys_add(&u->x->gone[u->table], key, u->t->key_size);
		return 0;
	}
	c->seen[by / 8] |= (uint8_t)(1 << by % 8);
	if (memcmp(&want, have, u->t->value_size) != 0)
		keys_add(&c->differ, key, u->t->key_size);
	return 0;
}

static void set_missing(struct comparison *c)
{
	const struct netvirt_wants *w = c->u->view.host->wants;
	const struct record_doc *r;
	struct update *u = c->u;
	union record_value want;
	union record_key key;

	for (size_t pos = 0, by = 0; (r = docs_next(w->docs, &record_kind, &pos));) {
		const struct want_subnet *s;

		if (c->seen[pos / 8] & 1 << pos % 8)
			continue;
		s = u->table == BPF_TABLE_SOURCES ? netvirt_routed_subnet(w, r->vsid) : NULL;
		if (u->t->key(r, s ? &s->rdid : NULL, &key) && u->t->want(&u->view, &key, &want, &by) && by == pos)
			set(u, &key, &want);
	}
}

static void compare_table(struct update *u)
{
	const struct netvirt_wants *w = u->view.host->wants;
	struct comparison c = { .u = u, .seen = xcalloc(docs_numbers(w->docs, &record_kind) / 8 + 1, 1) };
	struct dp_dest_key key;
	int r = u->x->ops->walk(u->arg, u->table, compare_entry, &c);

	if (r < 0)
		done(u, r, 0, true);
	if (u->t->delete_first)
		delete_gone(u->x, u->table, u->arg);
	for (size_t i = 0; i < c.differ.n; i++)
		compare_key(u, c.differ.items + i * u->t->key_size);
	set_missing(&c);
	if (u->table == BPF_TABLE_DESTS) {
		vec_foreach(&w->ports, p) {
			if (!netvirt_is_port_dest(p))
				continue;
			key = (struct dp_dest_key){ .segment = p->segment };
			memcpy(key.mac, p->mac.b, 6);
			compare_key(u, &key);
		}
	}
	flush(u);
	keys_done(&c.differ);
	free(c.seen);
}

/* ---- all of it ---- */

struct records *records_new(const struct records_ops *ops)
{
	struct records *x = xcalloc(1, sizeof(*x));

	x->ops = ops;
	x->compare_all = true;
	x->facts = map_new();
	return x;
}

void records_free(struct records *x)
{
	if (!x)
		return;
	map_free(x->facts);
	vec_done(&x->noted);
	for (enum bpf_table table = 0; table < BPF_TABLE_COUNT; table++)
		keys_done(&x->gone[table]);
	free(x);
}

static void note(struct records *x, const struct record_doc *r)
{
	if (!r || x->compare_all)
		return;
	vec_push(&x->noted, *r);
	vec_last(&x->noted)->customer_id = vec_last(&x->noted)->context = vec_last(&x->noted)->vm_name = NULL;
	if (x->noted.n > NOTED_MAX)
		records_compare_all(x);
}

void records_note(void *arg, const struct doc_kind *kind, const void *old, const void *now)
{
	if (kind != &record_kind)
		return;
	note(arg, old);
	note(arg, now);
}

void records_compare_all(struct records *x)
{
	x->compare_all = true;
	vec_done(&x->noted);
}

void records_update(struct records *x, const struct records_host *host, void *arg)
{
	struct update u = { .x = x, .view = { host, arg }, .arg = arg };
	struct map *facts = facts_of(&u.view);
	bool all;

	if (!x->compare_all)
		find_touched(&u, facts);
	all = x->compare_all;
	/* From here on it says that something failed. */
	x->compare_all = false;
	vec_done(&x->noted);
	map_free(x->facts);
	x->facts = facts;
	u.keys = xreallocarray(NULL, BATCH, sizeof(union record_key));
	u.values = xreallocarray(NULL, BATCH, sizeof(union record_value));
	for (u.table = 0; u.table < BPF_TABLE_COUNT; u.table++) {
		u.t = &record_tables[u.table];
		if (all)
			compare_table(&u);
		else
			update_touched(&u);
		keys_done(&u.touched[u.table]);
	}
	free(u.keys);
	free(u.values);
}

void records_delete(struct records *x, void *arg)
{
	for (enum bpf_table table = 0; table < BPF_TABLE_COUNT; table++)
		delete_gone(x, table, arg);
}
