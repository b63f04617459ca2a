/* SPDX-License-Identifier: Apache-2.0 */
#include "docs.h"

#include <errno.h>

#include "map.h"
#include "shelf.h"
#include "store.h"
#include "vec.h"

/*
 * Writes go to memory at once and are noted in an undo log; the store gets them at commit, in one transaction. So own
 * writes are seen, a savepoint is an index into the log, and a failed commit is undone from it.
 */

struct undo {
	const struct doc_kind *kind;
	char *key;
	void *old;    /* owned; NULL: there was none */
	bool changed; /* set by the commit, in the oldest entry of a key: it is not as it was */
};

struct place {
	const struct doc_kind *kind;
	struct shelf *shelf;
};

struct watcher {
	docs_watch_fn fn;
	void *arg;
};

struct docs {
	struct store *store;
	VEC(struct place) places;
	VEC(struct undo) log;
	VEC(struct watcher) watchers;
	bool open;
};

static struct shelf *shelf_of(const struct docs *d, const struct doc_kind *kind)
{
	vec_foreach(&d->places, p)
		if (p->kind == kind)
			return p->shelf;
	abort();
}

struct load {
	const struct doc_kind *kind;
	struct shelf *shelf;
	struct str key;
	struct err **e;
};

static int load_one(void *arg, const struct store_document *document)
{
	struct load *l = arg;
	const struct doc_kind *kind = l->kind;
	void *doc = NULL;
	int r = doc_from_text(kind, document->value, document->value_size, &doc, l->e);

	if (r < 0)
		return r;
	l->key.len = 0;
	kind->key(doc, &l->key);
	if (!streq(str_get(&l->key), document->key)) {
		doc_free(kind, doc);
		return err_set(l->e, "Store.BadDocument", ERR_INVALID_OPERATION, document->key,
			       "The stored document %s %s says that its key is %s.", kind->name, document->key, str_get(&l->key));
	}
	doc_free(kind, shelf_put(l->shelf, document->key, doc));
	return 0;
}

int docs_open(struct store *store, const struct doc_kind *const *kinds, size_t n_kinds, struct docs **ret, struct err **e)
{
	_cleanup_(docs_freep) struct docs *d = xcalloc(1, sizeof(*d));

	d->store = store;
	for (size_t i = 0; i < n_kinds; i++) {
		struct load l = { .kind = kinds[i], .shelf = shelf_new(kinds[i]), .e = e };
		int r;

		vec_push(&d->places, (struct place){ kinds[i], l.shelf });
		r = store_scan(store, kinds[i]->name, load_one, &l, e);
		str_done(&l.key);
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
	vec_foreach(&d->places, p)
		shelf_free(p->shelf);
	vec_done(&d->places);
	vec_done(&d->watchers);
	free(d);
}

const void *docs_get(const struct docs *d, const struct doc_kind *kind, const char *key)
{
	return shelf_get(shelf_of(d, kind), key);
}

size_t docs_count(const struct docs *d, const struct doc_kind *kind)
{
	return shelf_count(shelf_of(d, kind));
}

const void *docs_next(const struct docs *d, const struct doc_kind *kind, size_t *pos)
{
	return shelf_next(shelf_of(d, kind), pos);
}

size_t docs_numbers(const struct docs *d, const struct doc_kind *kind)
{
	return shelf_numbers(shelf_of(d, kind));
}

const void *docs_find(const struct docs *d, const struct doc_kind *kind, const struct doc_index *index, const void *key,
		      size_t *pos)
{
	return shelf_find(shelf_of(d, kind), index, key, pos);
}

const void *docs_group(const struct docs *d, const struct doc_kind *kind, const struct doc_index *index, size_t *pos)
{
	return shelf_group(shelf_of(d, kind), index, pos);
}

struct keyed {
	size_t key; /* where it begins among all keys */
	const void *doc;
};

static int keyed_compare(const void *a, const void *b, void *keys)
{
	const struct keyed *x = a, *y = b;

	return strcmp((const char *)keys + x->key, (const char *)keys + y->key);
}

void docs_sort(const struct doc_kind *kind, const void **docs, size_t n)
{
	_cleanup_free_ struct keyed *all = xcalloc(n, sizeof(*all));
	_cleanup_str_ struct str keys = { 0 };

	for (size_t i = 0; i < n; i++) {
		all[i] = (struct keyed){ keys.len, docs[i] };
		kind->key(docs[i], &keys);
		str_addc(&keys, 0);
	}
	qsort_r(all, n, sizeof(*all), keyed_compare, keys.data);
	for (size_t i = 0; i < n; i++)
		docs[i] = all[i].doc;
}

size_t docs_list(const struct docs *d, const struct doc_kind *kind, const void ***ret)
{
	size_t n = docs_count(d, kind), i = 0;
	const void **list = xcalloc(n, sizeof(*list)), *doc;

	for (size_t pos = 0; (doc = docs_next(d, kind, &pos));)
		list[i++] = doc;
	docs_sort(kind, list, n);
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
	vec_push(&d->log, (struct undo){ kind, key, shelf_put(shelf_of(d, kind), key, doc), false });
}

void docs_delete(struct docs *d, const struct doc_kind *kind, const char *key)
{
	/* The key may belong to the document that goes. */
	char *copy = xstrdup(key);
	void *old;

	if (!d->open)
		abort();
	old = shelf_take(shelf_of(d, kind), copy);
	if (old)
		vec_push(&d->log, (struct undo){ kind, copy, old, false });
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
		struct shelf *shelf = shelf_of(d, u->kind);
		void *now = u->old ? shelf_put(shelf, u->key, u->old) : shelf_take(shelf, u->key);

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

/* 1: it changed in the transaction, 0: it is as it was. */
static int write_one(struct docs *d, const struct undo *u, struct err **e)
{
	const void *now = docs_get(d, u->kind, u->key);
	_cleanup_free_ char *text = NULL;
	int r;

	if (!now)
		return u->old ? store_delete(d->store, u->kind->name, u->key, e) : 0;
	if (u->old && doc_equal(u->kind, u->old, now))
		return 0;
	text = doc_to_text(u->kind, now);
	r = store_put(d->store, u->kind->name, u->key, text, e);
	return r < 0 ? r : 1;
}

static void tell_watchers(const struct docs *d, const struct undo *u)
{
	const void *now = docs_get(d, u->kind, u->key);

	vec_foreach(&d->watchers, w)
		w->fn(w->arg, u->kind, u->old, now);
}

void docs_watch(struct docs *d, docs_watch_fn fn, void *arg)
{
	vec_push(&d->watchers, (struct watcher){ fn, arg });
}

void docs_unwatch(struct docs *d, docs_watch_fn fn, void *arg)
{
	for (size_t i = d->watchers.n; i-- > 0;)
		if (d->watchers.items[i].fn == fn && d->watchers.items[i].arg == arg)
			d->watchers.items[i] = d->watchers.items[--d->watchers.n];
}

/* The oldest entry of a key holds what the store has; later ones are steps in between. Notes what has changed. */
static int write_log(struct docs *d, bool *changed, struct err **e)
{
	_cleanup_map_ struct map *seen = map_new();
	struct { const struct doc_kind *kind; char key[STORE_KEY_MAX + 1]; } name;
	int r = 0;

	memset(&name, 0, sizeof(name));
	for (size_t i = 0; r >= 0 && i < d->log.n; i++) {
		struct undo *u = &d->log.items[i];
		size_t size = strnlen(u->key, STORE_KEY_MAX);

		name.kind = u->kind;
		memcpy(name.key, u->key, size);
		if (map_put(seen, &name, offsetof(typeof(name), key) + size, d))
			continue;
		r = write_one(d, u, e);
		u->changed = r > 0;
		*changed |= u->changed;
	}
	return MIN(r, 0);
}

int docs_commit(struct docs *d, bool *ret_changed, struct err **e)
{
	bool changed = false;
	int r = 0;

	if (!d->open)
		abort();
	if (d->log.n) {
		r = store_begin(d->store, e);
		if (r == 0)
			r = write_log(d, &changed, e);
		if (r == 0 && changed)
			r = store_commit(d->store, e);
		else
			store_rollback(d->store);
	}
	if (r < 0) {
		docs_rollback(d);
		return r;
	}
	vec_foreach(&d->log, u)
		if (u->changed)
			tell_watchers(d, u);
	log_drop(d);
	d->open = false;
	if (ret_changed)
		*ret_changed = changed;
	return 0;
}
