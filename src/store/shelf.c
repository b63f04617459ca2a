/* SPDX-License-Identifier: Apache-2.0 */
#include "shelf.h"

#include "hash.h"
#include "vec.h"

/*
 * Documents have numbers, and everything else holds numbers: 4 bytes where a pointer takes 8, and a hash of 32 bits beside
 * each in the tables, so that they grow without looking at a document. Tables are open addressing with linear probing and
 * backward-shift deletion.
 */
struct slot {
	uint32_t hash;
	uint32_t number; /* 0: free */
};

struct table {
	struct slot *slots;
	size_t room; /* a power of two, or 0 */
	size_t n;
};

/* The documents of a group are a chain; its table has the first one's number. */
struct chain {
	uint32_t next, previous; /* 0: none */
};

struct index {
	const struct doc_index *index;
	struct table table;
	struct chain *chains; /* by number */
};

struct shelf {
	const struct doc_kind *kind;
	uint64_t seed;
	struct table keys;
	VEC(void *) docs;     /* by number; NULL: free, and 0 always is */
	VEC(uint32_t) unused; /* numbers below docs.n */
	struct index *indexes;
	size_t chains_room;
};

/* ---- tables ---- */

static uint32_t fold(uint64_t hash)
{
	return (uint32_t)(hash ^ hash >> 32);
}

static void table_grow(struct table *t)
{
	struct slot *old = t->slots;
	size_t old_room = t->room;

	t->room = old_room ? old_room * 2 : 16;
	t->slots = xcalloc(t->room, sizeof(*t->slots));
	for (size_t i = 0; i < old_room; i++) {
		size_t at = old[i].hash & (t->room - 1);

		if (!old[i].number)
			continue;
		while (t->slots[at].number)
			at = (at + 1) & (t->room - 1);
		t->slots[at] = old[i];
	}
	free(old);
}

static void table_add(struct table *t, uint32_t hash, uint32_t number)
{
	size_t at;

	if ((t->n + 1) * 4 > t->room * 3)
		table_grow(t);
	for (at = hash & (t->room - 1); t->slots[at].number; at = (at + 1) & (t->room - 1))
		;
	t->slots[at] = (struct slot){ hash, number };
	t->n++;
}

static void table_remove(struct table *t, size_t at)
{
	size_t hole = at;

	for (size_t i = (at + 1) & (t->room - 1); t->slots[i].number; i = (i + 1) & (t->room - 1)) {
		size_t home = t->slots[i].hash & (t->room - 1);

		/* Shift back only what could not have been found past the hole. */
		if (((i - home) & (t->room - 1)) >= ((i - hole) & (t->room - 1))) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole].number = 0;
	t->n--;
}

/* Slots with the hash: start with *at = hash. False at the first free one. */
static bool table_probe(const struct table *t, uint32_t hash, size_t *at)
{
	if (!t->room)
		return false;
	for (*at &= t->room - 1; t->slots[*at].number; *at = (*at + 1) & (t->room - 1))
		if (t->slots[*at].hash == hash)
			return true;
	return false;
}

/* ---- indexes ---- */

/* The slot of the group; false: there is no such group. */
static bool group_find(const struct shelf *s, const struct index *x, const void *key, uint32_t hash, size_t *ret_at)
{
	unsigned char other[DOC_INDEX_KEY_MAX];

	for (size_t at = hash; table_probe(&x->table, hash, &at); at++) {
		x->index->key(s->docs.items[x->table.slots[at].number], other);
		if (memcmp(key, other, x->index->key_size) == 0) {
			*ret_at = at;
			return true;
		}
	}
	return false;
}

/* Where a document belongs in an index. */
struct spot {
	bool belongs;
	uint32_t hash;
	unsigned char key[DOC_INDEX_KEY_MAX];
};

static void spot_find(const struct shelf *s, const struct index *x, const void *doc, struct spot *ret)
{
	ret->belongs = x->index->key(doc, ret->key);
	if (!ret->belongs)
		return;
	ret->hash = fold(hash_bytes(s->seed, ret->key, x->index->key_size));
	/* Of a large table the slot is in no cache; those of all indexes are fetched at the same time. */
	if (x->table.room)
		__builtin_prefetch(&x->table.slots[ret->hash & (x->table.room - 1)]);
}

static void index_add(const struct shelf *s, struct index *x, uint32_t number, const struct spot *spot)
{
	struct chain *own = &x->chains[number], *first;
	size_t at;

	*own = (struct chain){ 0 };
	if (!spot->belongs)
		return;
	if (!group_find(s, x, spot->key, spot->hash, &at)) {
		table_add(&x->table, spot->hash, number);
		return;
	}
	/* Behind the first, which stays first. */
	first = &x->chains[x->table.slots[at].number];
	*own = (struct chain){ first->next, x->table.slots[at].number };
	if (first->next)
		x->chains[first->next].previous = number;
	first->next = number;
}

static void index_remove(const struct shelf *s, struct index *x, uint32_t number)
{
	struct chain *own = &x->chains[number];
	struct spot spot;
	size_t at;

	if (own->next)
		x->chains[own->next].previous = own->previous;
	if (own->previous) {
		x->chains[own->previous].next = own->next;
		return;
	}
	spot_find(s, x, s->docs.items[number], &spot);
	if (!spot.belongs)
		return;
	if (!group_find(s, x, spot.key, spot.hash, &at))
		abort();
	if (own->next)
		x->table.slots[at].number = own->next;
	else
		table_remove(&x->table, at);
}

static const struct index *index_of(const struct shelf *s, const struct doc_index *index)
{
	for (size_t i = 0; i < s->kind->n_indexes; i++)
		if (s->indexes[i].index == index)
			return &s->indexes[i];
	abort();
}

const void *shelf_find(const struct shelf *s, const struct doc_index *index, const void *key, size_t *pos)
{
	const struct index *x = index_of(s, index);
	uint32_t hash;
	size_t at;

	if (*pos) {
		*pos = x->chains[*pos].next;
	} else {
		hash = fold(hash_bytes(s->seed, key, index->key_size));
		*pos = group_find(s, x, key, hash, &at) ? x->table.slots[at].number : 0;
	}
	return s->docs.n ? s->docs.items[*pos] : NULL;
}

const void *shelf_group(const struct shelf *s, const struct doc_index *index, size_t *pos)
{
	const struct table *t = &index_of(s, index)->table;

	while (*pos < t->room) {
		uint32_t number = t->slots[(*pos)++].number;

		if (number)
			return s->docs.items[number];
	}
	return NULL;
}

/* ---- documents ---- */

struct shelf *shelf_new(const struct doc_kind *kind)
{
	struct shelf *s = xcalloc(1, sizeof(*s));

	s->kind = kind;
	s->seed = hash_seed();
	if (kind->n_indexes > DOC_INDEXES_MAX)
		abort();
	s->indexes = xcalloc(kind->n_indexes, sizeof(*s->indexes));
	for (size_t i = 0; i < kind->n_indexes; i++) {
		if (kind->indexes[i]->key_size > DOC_INDEX_KEY_MAX)
			abort();
		s->indexes[i].index = kind->indexes[i];
	}
	vec_push(&s->docs, NULL);
	return s;
}

void shelf_free(struct shelf *s)
{
	if (!s)
		return;
	vec_foreach(&s->docs, doc)
		doc_free(s->kind, *doc);
	for (size_t i = 0; i < s->kind->n_indexes; i++) {
		free(s->indexes[i].table.slots);
		free(s->indexes[i].chains);
	}
	free(s->indexes);
	free(s->keys.slots);
	vec_done(&s->docs);
	vec_done(&s->unused);
	free(s);
}

static bool key_find(const struct shelf *s, const char *key, uint32_t *ret_hash, size_t *ret_at)
{
	uint32_t hash = fold(hash_bytes(s->seed, key, strlen(key)));
	_cleanup_str_ struct str other = { 0 };

	*ret_hash = hash;
	for (size_t at = hash; table_probe(&s->keys, hash, &at); at++) {
		other.len = 0;
		s->kind->key(s->docs.items[s->keys.slots[at].number], &other);
		if (streq(str_get(&other), key)) {
			*ret_at = at;
			return true;
		}
	}
	return false;
}

static uint32_t number_new(struct shelf *s)
{
	if (s->unused.n)
		return s->unused.items[--s->unused.n];
	if (s->docs.n > UINT32_MAX)
		abort();
	vec_push(&s->docs, NULL);
	if (s->chains_room < s->docs.room) {
		s->chains_room = s->docs.room;
		for (size_t i = 0; i < s->kind->n_indexes; i++)
			s->indexes[i].chains = xreallocarray(s->indexes[i].chains, s->chains_room, sizeof(struct chain));
	}
	return (uint32_t)(s->docs.n - 1);
}

static void place(struct shelf *s, uint32_t number, void *doc)
{
	struct spot spots[DOC_INDEXES_MAX];

	s->docs.items[number] = doc;
	for (size_t i = 0; i < s->kind->n_indexes; i++)
		spot_find(s, &s->indexes[i], doc, &spots[i]);
	for (size_t i = 0; i < s->kind->n_indexes; i++)
		index_add(s, &s->indexes[i], number, &spots[i]);
}

static void *displace(struct shelf *s, uint32_t number)
{
	void *doc = s->docs.items[number];

	for (size_t i = 0; i < s->kind->n_indexes; i++)
		index_remove(s, &s->indexes[i], number);
	s->docs.items[number] = NULL;
	return doc;
}

void *shelf_get(const struct shelf *s, const char *key)
{
	uint32_t hash;
	size_t at;

	return key_find(s, key, &hash, &at) ? s->docs.items[s->keys.slots[at].number] : NULL;
}

void *shelf_put(struct shelf *s, const char *key, void *doc)
{
	void *old = NULL;
	uint32_t hash, number;
	size_t at;

	if (key_find(s, key, &hash, &at)) {
		number = s->keys.slots[at].number;
		old = displace(s, number);
	} else {
		number = number_new(s);
		table_add(&s->keys, hash, number);
	}
	place(s, number, doc);
	return old;
}

void *shelf_take(struct shelf *s, const char *key)
{
	uint32_t hash, number;
	size_t at;

	if (!key_find(s, key, &hash, &at))
		return NULL;
	number = s->keys.slots[at].number;
	table_remove(&s->keys, at);
	vec_push(&s->unused, number);
	return displace(s, number);
}

size_t shelf_count(const struct shelf *s)
{
	return s->keys.n;
}

size_t shelf_numbers(const struct shelf *s)
{
	return s->docs.n;
}

const void *shelf_next(const struct shelf *s, size_t *pos)
{
	while (*pos + 1 < s->docs.n) {
		const void *doc = s->docs.items[++*pos];

		if (doc)
			return doc;
	}
	return NULL;
}
