/* SPDX-License-Identifier: Apache-2.0 */
#include "docs.h"

#include <errno.h>

#include "map.h"
#include "store.h"
#include "vec.h"

/*
 * Writes go to memory at once and are noted in an undo log; the store gets them at commit, in one transaction. So own
 * writes are seen, a savepoint is an index into the log, and a failed commit is undone from it.
 */

struct undo {
	const struct doc_kind *kind;
	char *key;
	void *old; /* owned; NULL: there was none */
};

struct shelf {
	const struct doc_kind *kind;
	struct map *map;
};

struct docs {
	struct store *store;
	VEC(struct shelf) shelves;
	VEC(struct undo) log;
	bool open;
};

static struct map *docs_map(const struct docs *d, const struct doc_kind *kind)
{
	vec_foreach(&d->shelves, s)
		if (s->kind == kind)
			return s->map;
	abort();
}

struct load {
	struct docs *docs;
	const struct shelf *shelf;
	struct err **e;
};

static int load_one(void *arg, const struct store_document *document)
{
	struct load *l = arg;
	const struct doc_kind *kind = l->shelf->kind;
	const char *key = document->key;
	json_error_t je;
	json_t *json = json_loadb(document->value, document->value_size, 0, &je);
	_cleanup_free_ char *own_key = NULL;
	void *doc = NULL;
	int r;

	if (!json)
		return err_set(l->e, "Store.BadDocument", ERR_INVALID_OPERATION, key, "The stored document %s %s is not JSON: %s.",
			       kind->name, key, je.text);
	r = doc_from_json(kind, json, &doc, l->e);
	json_decref(json);
	if (r < 0)
		return r;
	own_key = doc_key(kind, doc);
	if (!streq(own_key, key)) {
		doc_free(kind, doc);
		return err_set(l->e, "Store.BadDocument", ERR_INVALID_OPERATION, key,
			       "The stored document %s %s says that its key is %s.", kind->name, key, own_key);
	}
	doc_free(kind, map_put_str(l->shelf->map, key, doc));
	return 0;
}

int docs_open(struct store *store, const struct doc_kind *const *kinds, size_t n_kinds, struct docs **ret, struct err **e)
{
	_cleanup_(docs_freep) struct docs *d = xcalloc(1, sizeof(*d));

	d->store = store;
	for (size_t i = 0; i < n_kinds; i++) {
		struct load l = { .docs = d, .e = e };
		int r;

		vec_push(&d->shelves, (struct shelf){ kinds[i], map_new() });
		l.shelf = vec_last(&d->shelves);
		r = store_scan(store, kinds[i]->name, load_one, &l, e);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(d);
	return 0;
}

static void log_drop(struct docs *d)
{
	vec_foreach(&d->log, u) {
		free(u->key);
		doc_free(u->kind, u->old);
	}
	d->log.n = 0;
}

void docs_free(struct docs *d)
{
	if (!d)
		return;
	log_drop(d);
	vec_done(&d->log);
	vec_foreach(&d->shelves, s) {
		void *doc;

		for (size_t pos = 0; map_next(s->map, &pos, NULL, NULL, &doc);)
			doc_free(s->kind, doc);
		map_free(s->map);
	}
	vec_done(&d->shelves);
	free(d);
}

const void *docs_get(const struct docs *d, const struct doc_kind *kind, const char *key)
{
	return map_get_str(docs_map(d, kind), key);
}

size_t docs_count(const struct docs *d, const struct doc_kind *kind)
{
	return map_count(docs_map(d, kind));
}

const void *docs_next(const struct docs *d, const struct doc_kind *kind, size_t *pos)
{
	void *doc;

	return map_next(docs_map(d, kind), pos, NULL, NULL, &doc) ? doc : NULL;
}

struct keyed {
	const char *key;
	size_t size;
	void *doc;
};

static int keyed_compare(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	int r = memcmp(x->key, y->key, MIN(x->size, y->size));

	return r ? r : (x->size > y->size) - (x->size < y->size);
}

size_t docs_list(const struct docs *d, const struct doc_kind *kind, const void ***ret)
{
	const struct map *map = docs_map(d, kind);
	size_t n = map_count(map), i = 0;
	_cleanup_free_ struct keyed *all = xcalloc(n, sizeof(*all));
	const void **list = xcalloc(n, sizeof(*list));
	const void *key;

	for (size_t pos = 0; map_next(map, &pos, &key, &all[i].size, &all[i].doc);) {
		all[i++].key = key;
		if (i == n)
			break;
	}
	qsort(all, n, sizeof(*all), keyed_compare);
	for (i = 0; i < n; i++)
		list[i] = all[i].doc;
	*ret = list;
	return n;
}

void docs_begin(struct docs *d)
{
	if (d->open)
		abort();
	d->open = true;
}

void docs_put(struct docs *d, const struct doc_kind *kind, void *doc)
{
	char *key = doc_key(kind, doc);

	if (!d->open)
		abort();
	vec_push(&d->log, (struct undo){ kind, key, map_put_str(docs_map(d, kind), key, doc) });
}

void docs_delete(struct docs *d, const struct doc_kind *kind, const char *key)
{
	/* The key may belong to the document that goes. */
	char *copy = xstrdup(key);
	void *old;

	if (!d->open)
		abort();
	old = map_del_str(docs_map(d, kind), copy);
	if (old)
		vec_push(&d->log, (struct undo){ kind, copy, old });
	else
		free(copy);
}

size_t docs_mark(const struct docs *d)
{
	return d->log.n;
}

void docs_rollback_to(struct docs *d, size_t mark)
{
	while (d->log.n > mark) {
		struct undo *u = vec_last(&d->log);
		struct map *map = docs_map(d, u->kind);
		void *now = u->old ? map_put_str(map, u->key, u->old) : map_del_str(map, u->key);

		doc_free(u->kind, now);
		free(u->key);
		d->log.n--;
	}
}

void docs_rollback(struct docs *d)
{
	docs_rollback_to(d, 0);
	d->open = false;
}

static int write_one(struct docs *d, const struct undo *u, bool *changed, struct err **e)
{
	const void *now = docs_get(d, u->kind, u->key);
	_cleanup_free_ char *text = NULL;
	json_t *json;

	if (!now) {
		int r = store_delete(d->store, u->kind->name, u->key, e);

		*changed = *changed || r == 1;
		return MIN(r, 0);
	}
	if (u->old && doc_equal(u->kind, u->old, now))
		return 0;
	*changed = true;
	json = doc_to_json(u->kind, now);
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (!text)
		abort();
	return store_put(d->store, u->kind->name, u->key, text, e);
}

int docs_commit(struct docs *d, bool *ret_changed, struct err **e)
{
	_cleanup_map_ struct map *seen = map_new();
	bool changed = false;
	int r = 0;

	if (!d->open)
		abort();
	if (d->log.n)
		r = store_begin(d->store, e);
	/* The oldest entry of a key holds what the store has; later ones are steps in between. */
	for (size_t i = 0; r == 0 && i < d->log.n; i++) {
		_cleanup_free_ char *name = xasprintf("%s/%s", d->log.items[i].kind->name, d->log.items[i].key);

		if (!map_put_str(seen, name, d))
			r = write_one(d, &d->log.items[i], &changed, e);
		if (r < 0)
			store_rollback(d->store);
	}
	if (r == 0 && d->log.n) {
		if (changed)
			r = store_commit(d->store, e);
		else
			store_rollback(d->store);
	}
	if (r < 0) {
		docs_rollback(d);
		return r;
	}
	log_drop(d);
	d->open = false;
	if (ret_changed)
		*ret_changed = changed;
	return 0;
}
