/* SPDX-License-Identifier: Apache-2.0 */
#include "map.h"

#include "hash.h"

/* Open addressing with linear probing and backward-shift deletion: no tombstones, one pointer a slot. */

struct entry {
	uint64_t hash;
	void *value;
	uint32_t key_size;
	unsigned char key[];
};

struct map {
	struct entry **slots;
	size_t room; /* a power of two, or 0 */
	size_t n;
	uint64_t seed;
};

struct map *map_new(void)
{
	struct map *m = xcalloc(1, sizeof(*m));

	m->seed = hash_seed();
	return m;
}

void map_free(struct map *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->room; i++)
		free(m->slots[i]);
	free(m->slots);
	free(m);
}

size_t map_count(const struct map *m)
{
	return m->n;
}

/* The slot that holds the key, or the free one where it belongs. room must not be 0. */
static size_t map_slot(const struct map *m, uint64_t hash, const void *key, size_t key_size)
{
	size_t i = hash & (m->room - 1);

	for (; m->slots[i]; i = (i + 1) & (m->room - 1)) {
		const struct entry *e = m->slots[i];

		if (e->hash == hash && e->key_size == key_size && memcmp(e->key, key, key_size) == 0)
			break;
	}
	return i;
}

static void map_grow(struct map *m)
{
	struct entry **old = m->slots;
	size_t old_room = m->room;

	m->room = old_room ? old_room * 2 : 16;
	m->slots = xcalloc(m->room, sizeof(*m->slots));
	for (size_t i = 0; i < old_room; i++)
		if (old[i])
			m->slots[map_slot(m, old[i]->hash, old[i]->key, old[i]->key_size)] = old[i];
	free(old);
}

void *map_put(struct map *m, const void *key, size_t key_size, void *value)
{
	uint64_t hash = hash_bytes(m->seed, key, key_size);
	struct entry *e;
	size_t i;

	if ((m->n + 1) * 4 > m->room * 3)
		map_grow(m);
	i = map_slot(m, hash, key, key_size);
	if (m->slots[i]) {
		void *old = m->slots[i]->value;

		m->slots[i]->value = value;
		return old;
	}
	e = xmalloc(sizeof(*e) + key_size);
	e->hash = hash;
	e->value = value;
	e->key_size = (uint32_t)key_size;
	memcpy(e->key, key, key_size);
	m->slots[i] = e;
	m->n++;
	return NULL;
}

void *map_get(const struct map *m, const void *key, size_t key_size)
{
	size_t i;

	if (!m->n)
		return NULL;
	i = map_slot(m, hash_bytes(m->seed, key, key_size), key, key_size);
	return m->slots[i] ? m->slots[i]->value : NULL;
}

void *map_del(struct map *m, const void *key, size_t key_size)
{
	size_t i, hole;
	void *value;

	if (!m->n)
		return NULL;
	i = map_slot(m, hash_bytes(m->seed, key, key_size), key, key_size);
	if (!m->slots[i])
		return NULL;
	value = m->slots[i]->value;
	free(m->slots[i]);
	m->n--;
	hole = i;
	for (i = (i + 1) & (m->room - 1); m->slots[i]; i = (i + 1) & (m->room - 1)) {
		size_t home = m->slots[i]->hash & (m->room - 1);

		/* Shift back only what could not have been found past the hole. */
		if (((i - home) & (m->room - 1)) >= ((i - hole) & (m->room - 1))) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = NULL;
	return value;
}

bool map_next(const struct map *m, size_t *pos, const void **ret_key, size_t *ret_key_size, void **ret_value)
{
	for (; *pos < m->room; (*pos)++) {
		struct entry *e = m->slots[*pos];

		if (!e)
			continue;
		if (ret_key)
			*ret_key = e->key;
		if (ret_key_size)
			*ret_key_size = e->key_size;
		if (ret_value)
			*ret_value = e->value;
		(*pos)++;
		return true;
	}
	return false;
}
