/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "str.h"
#include "util.h"

/*
 * The values of the language. $null is the NULL pointer: every function here takes it. Values are counted references; all
 * of one shell hang on its heap, so that what refers to itself is released with the shell at the latest.
 */
enum value_kind {
	V_NULL,
	V_BOOL,
	V_INT,
	V_REAL,
	V_STRING, /* UTF-8 without NUL bytes */
	V_TEXT,   /* what Format-* made: printed as it is */
	V_ARRAY,
	V_OBJECT, /* properties in order, and a type name */
	V_HASH,   /* @{}: the same, but compares and prints as a table of keys */
	V_BLOCK,  /* { } */
	V_TYPE,   /* [int] */
};

struct node;
struct script;
struct value;

#define VALUE_MAX_ITEMS 1000000u
#define VALUE_MAX_STRING (16u << 20)
#define VALUE_MAX_DEPTH 64u

/* Where values live: counts what they take, for the limit on memory. Zero-initialise, set limit (bytes). */
struct heap {
	size_t bytes;
	size_t limit;
	struct value *live;
	struct value *dead;
	bool draining;
};

struct prop {
	char *name;
	struct value *value;
};

struct value {
	unsigned refs;
	enum value_kind kind;
	size_t bytes;
	struct heap *heap;
	struct value *prev, *next;
	union {
		bool b;
		int64_t i;
		double d;
		struct {
			char *s;
			size_t len;
		};
		struct {
			struct value **items;
			size_t n, room;
		};
		struct {
			struct prop *props;
			size_t nprops, props_room;
			char *type; /* NULL: a plain object */
			struct map *index;
		};
		struct {
			struct script *script;
			const struct node *node;
		};
		int type_id;
	};
};

static inline enum value_kind value_kind(const struct value *v)
{
	return v ? v->kind : V_NULL;
}

static inline bool value_is_bag(const struct value *v)
{
	return v && (v->kind == V_OBJECT || v->kind == V_HASH);
}

static inline bool value_is_number(const struct value *v)
{
	return v && (v->kind == V_INT || v->kind == V_REAL);
}

static inline bool value_is_string(const struct value *v)
{
	return v && v->kind == V_STRING;
}

static inline bool value_is_array(const struct value *v)
{
	return v && v->kind == V_ARRAY;
}

/* Releases everything that is left, cycles included. No value of the heap may be used afterwards. */
void heap_done(struct heap *h);
static inline bool heap_is_full(const struct heap *h)
{
	return h->bytes > h->limit;
}

struct value *value_ref(struct value *v);
void value_unref(struct value *v);
DEFINE_CLEANUP(struct value *, value_unref)
#define _cleanup_value_ _cleanup_(value_unrefp)

struct value *value_bool(struct heap *h, bool b);
struct value *value_int(struct heap *h, int64_t i);
struct value *value_real(struct heap *h, double d);
struct value *value_string(struct heap *h, const char *s);
struct value *value_stringn(struct heap *h, const char *s, size_t n);
/* Takes over the allocated string. */
struct value *value_string_take(struct heap *h, char *s);
struct value *value_text_take(struct heap *h, char *s);
struct value *value_array(struct heap *h);
struct value *value_object(struct heap *h, const char *type);
struct value *value_hash(struct heap *h);
/* Holds a reference to the script that the node belongs to. */
struct value *value_block(struct heap *h, struct script *script, const struct node *node);
struct value *value_type(struct heap *h, int type_id);

/* Adds one item (taking a reference of its own). -E2BIG above VALUE_MAX_ITEMS. */
int array_add(struct value *array, struct value *item);
/* The same, and consumes the caller's reference. */
int array_add_take(struct value *array, struct value *item);
/* Adds all items of an array, or the one value; nothing for $null when skip_null. */
int array_add_all(struct value *array, struct value *v);
/* What a pipeline left: nothing is $null, one is itself, more are the array. Returns a reference of its own. */
struct value *array_collapse(struct value *array);

/* Names compare without case; a set keeps the spelling of the first. -E2BIG above VALUE_MAX_ITEMS. */
int bag_set(struct value *bag, const char *name, struct value *v);
int bag_set_take(struct value *bag, const char *name, struct value *v);
bool bag_del(struct value *bag, const char *name);
/* The property or NULL when there is none. */
struct prop *bag_find(const struct value *bag, const char *name);
/* Borrowed; NULL is also $null. */
struct value *bag_get(const struct value *bag, const char *name);
const char *bag_get_string(const struct value *bag, const char *name);
