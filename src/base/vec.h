/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util.h"

/*
 * Growing arrays. VEC(type) declares one: struct { type *items; size_t n, room; }, zero-initialised.
 * What the items own is the caller's business; vec_done() frees the array alone.
 */
#define VEC(type)            \
	struct {             \
		type *items; \
		size_t n;    \
		size_t room; \
	}

#define vec_push(v, ...)                                                                          \
	do {                                                                                      \
		if ((v)->n == (v)->room) {                                                        \
			(v)->room = (v)->room ? (v)->room * 2 : 8;                                \
			(v)->items = xreallocarray((v)->items, (v)->room, sizeof(*(v)->items));   \
		}                                                                                 \
		(v)->items[(v)->n++] = (__VA_ARGS__);                                             \
	} while (0)

#define vec_last(v) (&(v)->items[(v)->n - 1])
#define vec_foreach(v, it) for (typeof(*(v)->items) *it = (v)->items; (v)->n && it < (v)->items + (v)->n; it++)
#define vec_sort(v, cmp) ((v)->n ? qsort((v)->items, (v)->n, sizeof(*(v)->items), cmp) : (void)0)
#define vec_done(v)                        \
	do {                               \
		free((v)->items);          \
		(v)->items = NULL;         \
		(v)->n = (v)->room = 0;    \
	} while (0)
