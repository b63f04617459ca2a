/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util.h"

/* VLAN ids of IEEE 802.1Q that a network may have; 0 stands for none, 4095 is reserved. */
#define VLAN_MIN 1
#define VLAN_MAX 4094

struct vlan_set {
	uint64_t bits[64];
};

static inline bool vlan_set_has(const struct vlan_set *s, unsigned id)
{
	return id < 4096 && (s->bits[id / 64] >> (id % 64) & 1);
}

static inline void vlan_set_add(struct vlan_set *s, unsigned id)
{
	s->bits[id / 64] |= 1ull << (id % 64);
}

static inline void vlan_set_remove(struct vlan_set *s, unsigned id)
{
	s->bits[id / 64] &= ~(1ull << (id % 64));
}

static inline void vlan_set_join(struct vlan_set *s, const struct vlan_set *other)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->bits); i++)
		s->bits[i] |= other->bits[i];
}

bool vlan_set_is_empty(const struct vlan_set *s);
/* "1-100,200": ids and ranges from low to high, in any order, blanks around them allowed. -EINVAL: not one, or beyond 1..4094. */
int vlan_set_parse(const char *text, struct vlan_set *ret);
/* The same in order, with the fewest and longest ranges; "" for none. The caller frees it. */
char *vlan_set_format(const struct vlan_set *s);
/* The next run of ids from *first on that are in the set: false, or *first..*last. */
bool vlan_set_run(const struct vlan_set *s, unsigned *first, unsigned *last);
