/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util.h"

/*
 * Hash map from a byte string to a pointer. Keys are copied, values belong to the caller. Iteration order is not defined:
 * sort where order is seen from outside. Seeded per process, so that keys from outside cannot be chosen to collide.
 */
struct map;

struct map *map_new(void);
void map_free(struct map *m);
DEFINE_CLEANUP(struct map *, map_free)
#define _cleanup_map_ _cleanup_(map_freep)

/* Sets key to value and returns the value that it replaced, or NULL. value must not be NULL. */
void *map_put(struct map *m, const void *key, size_t key_size, void *value);
void *map_get(const struct map *m, const void *key, size_t key_size);
/* Removes the key and returns its value, or NULL. */
void *map_del(struct map *m, const void *key, size_t key_size);
size_t map_count(const struct map *m);

/* Walk: start with *pos = 0; false at the end. The map must not change meanwhile. */
bool map_next(const struct map *m, size_t *pos, const void **ret_key, size_t *ret_key_size, void **ret_value);

static inline void *map_put_str(struct map *m, const char *key, void *value)
{
	return map_put(m, key, strlen(key), value);
}

static inline void *map_get_str(const struct map *m, const char *key)
{
	return map_get(m, key, strlen(key));
}

static inline void *map_del_str(struct map *m, const char *key)
{
	return map_del(m, key, strlen(key));
}
