/* SPDX-License-Identifier: Apache-2.0 */
#include "value.h"

#include <errno.h>

#include "ast.h"
#include "map.h"

/* A bag with more properties than this is searched by a map. */
#define BAG_LINEAR 16

static void heap_account(struct value *v, size_t bytes)
{
	v->heap->bytes += bytes - v->bytes;
	v->bytes = bytes;
}

static struct value *value_new(struct heap *h, enum value_kind kind)
{
	struct value *v = xcalloc(1, sizeof(*v));

	v->refs = 1;
	v->kind = kind;
	v->heap = h;
	v->next = h->live;
	if (h->live)
		h->live->prev = v;
	h->live = v;
	heap_account(v, sizeof(*v));
	return v;
}

static void value_release_own(struct value *v)
{
	switch (v->kind) {
	case V_STRING:
	case V_TEXT:
		free(v->s);
		break;
	case V_ARRAY:
		free(v->items);
		break;
	case V_OBJECT:
	case V_HASH:
		for (size_t i = 0; i < v->nprops; i++)
			free(v->props[i].name);
		free(v->props);
		free(v->type);
		if (v->index)
			map_free(v->index);
		break;
	case V_BLOCK:
		script_unref(v->script);
		break;
	default:
		break;
	}
	v->heap->bytes -= v->bytes;
	free(v);
}

static void value_release_children(struct value *v)
{
	if (v->kind == V_ARRAY)
		for (size_t i = 0; i < v->n; i++)
			value_unref(v->items[i]);
	if (value_is_bag(v))
		for (size_t i = 0; i < v->nprops; i++)
			value_unref(v->props[i].value);
}

struct value *value_ref(struct value *v)
{
	if (v)
		v->refs++;
	return v;
}

/* Not recursive: a list linked a million deep must not end on the stack. */
void value_unref(struct value *v)
{
	struct heap *h;

	if (!v || --v->refs)
		return;
	h = v->heap;
	if (v->prev)
		v->prev->next = v->next;
	else
		h->live = v->next;
	if (v->next)
		v->next->prev = v->prev;
	v->next = h->dead;
	h->dead = v;
	if (h->draining)
		return;
	h->draining = true;
	while (h->dead) {
		struct value *d = h->dead;

		h->dead = d->next;
		value_release_children(d);
		value_release_own(d);
	}
	h->draining = false;
}

void heap_done(struct heap *h)
{
	while (h->live) {
		struct value *v = h->live;

		h->live = v->next;
		value_release_own(v);
	}
}

struct value *value_bool(struct heap *h, bool b)
{
	struct value *v = value_new(h, V_BOOL);

	v->b = b;
	return v;
}

struct value *value_int(struct heap *h, int64_t i)
{
	struct value *v = value_new(h, V_INT);

	v->i = i;
	return v;
}

struct value *value_real(struct heap *h, double d)
{
	struct value *v = value_new(h, V_REAL);

	v->d = d;
	return v;
}

struct value *value_string_take(struct heap *h, char *s)
{
	struct value *v = value_new(h, V_STRING);

	v->s = s;
	v->len = strlen(s);
	heap_account(v, sizeof(*v) + v->len);
	return v;
}

struct value *value_text_take(struct heap *h, char *s)
{
	struct value *v = value_string_take(h, s);

	v->kind = V_TEXT;
	return v;
}

struct value *value_string(struct heap *h, const char *s)
{
	return value_string_take(h, xstrdup(s));
}

struct value *value_stringn(struct heap *h, const char *s, size_t n)
{
	return value_string_take(h, xstrndup(s, n));
}

struct value *value_array(struct heap *h)
{
	return value_new(h, V_ARRAY);
}

struct value *value_object(struct heap *h, const char *type)
{
	struct value *v = value_new(h, V_OBJECT);

	v->type = type ? xstrdup(type) : NULL;
	return v;
}

struct value *value_hash(struct heap *h)
{
	return value_new(h, V_HASH);
}

struct value *value_block(struct heap *h, struct script *script, const struct node *node)
{
	struct value *v = value_new(h, V_BLOCK);

	v->script = script_ref(script);
	v->node = node;
	return v;
}

struct value *value_type(struct heap *h, int type_id)
{
	struct value *v = value_new(h, V_TYPE);

	v->type_id = type_id;
	return v;
}

int array_add_take(struct value *array, struct value *item)
{
	if (array->n >= VALUE_MAX_ITEMS) {
		value_unref(item);
		return -E2BIG;
	}
	if (array->n == array->room) {
		array->room = array->room ? array->room * 2 : 4;
		array->items = xreallocarray(array->items, array->room, sizeof(*array->items));
		heap_account(array, sizeof(*array) + array->room * sizeof(*array->items));
	}
	array->items[array->n++] = item;
	return 0;
}

int array_add(struct value *array, struct value *item)
{
	return array_add_take(array, value_ref(item));
}

int array_add_all(struct value *array, struct value *v)
{
	int r = 0;

	if (!value_is_array(v))
		return array_add(array, v);
	/* The count first: an array may be added to itself. */
	for (size_t i = 0, n = v->n; i < n && r == 0; i++)
		r = array_add(array, v->items[i]);
	return r;
}

struct value *array_collapse(struct value *array)
{
	if (array->n == 0)
		return NULL;
	if (array->n == 1)
		return value_ref(array->items[0]);
	return value_ref(array);
}

static char *fold(const char *name)
{
	char *s = xstrdup(name);

	for (char *p = s; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return s;
}

static void bag_index(struct value *bag)
{
	if (bag->index)
		map_free(bag->index);
	bag->index = NULL;
	if (bag->nprops <= BAG_LINEAR)
		return;
	bag->index = map_new();
	for (size_t i = 0; i < bag->nprops; i++) {
		_cleanup_free_ char *key = fold(bag->props[i].name);

		map_put_str(bag->index, key, (void *)(i + 1));
	}
}

struct prop *bag_find(const struct value *bag, const char *name)
{
	if (!value_is_bag(bag))
		return NULL;
	if (bag->index) {
		_cleanup_free_ char *key = fold(name);
		size_t i = (size_t)map_get_str(bag->index, key);

		return i ? &bag->props[i - 1] : NULL;
	}
	for (size_t i = 0; i < bag->nprops; i++)
		if (strieq(bag->props[i].name, name))
			return &bag->props[i];
	return NULL;
}

struct value *bag_get(const struct value *bag, const char *name)
{
	struct prop *p = bag_find(bag, name);

	return p ? p->value : NULL;
}

const char *bag_get_string(const struct value *bag, const char *name)
{
	struct value *v = bag_get(bag, name);

	return value_is_string(v) ? v->s : NULL;
}

int bag_set_take(struct value *bag, const char *name, struct value *v)
{
	struct prop *p = bag_find(bag, name);
	_cleanup_free_ char *key = NULL;

	if (p) {
		struct value *old = p->value;

		p->value = v;
		value_unref(old);
		return 0;
	}
	if (bag->nprops >= VALUE_MAX_ITEMS) {
		value_unref(v);
		return -E2BIG;
	}
	if (bag->nprops == bag->props_room) {
		bag->props_room = bag->props_room ? bag->props_room * 2 : 4;
		bag->props = xreallocarray(bag->props, bag->props_room, sizeof(*bag->props));
		heap_account(bag, sizeof(*bag) + bag->props_room * (sizeof(*bag->props) + 16));
	}
	bag->props[bag->nprops++] = (struct prop){ xstrdup(name), v };
	if (bag->index) {
		key = fold(name);
		map_put_str(bag->index, key, (void *)bag->nprops);
	} else if (bag->nprops > BAG_LINEAR) {
		bag_index(bag);
	}
	return 0;
}

int bag_set(struct value *bag, const char *name, struct value *v)
{
	return bag_set_take(bag, name, value_ref(v));
}

bool bag_del(struct value *bag, const char *name)
{
	struct prop *p = bag_find(bag, name);
	struct prop old;

	if (!p)
		return false;
	old = *p;
	memmove(p, p + 1, (size_t)(bag->props + bag->nprops - (p + 1)) * sizeof(*p));
	bag->nprops--;
	bag_index(bag);
	free(old.name);
	value_unref(old.value);
	return true;
}
