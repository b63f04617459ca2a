/* SPDX-License-Identifier: Apache-2.0 */
#include "store_impl.h"

#include <assert.h>
#include <errno.h>

static int check_kind(const char *kind, struct err **e)
{
	size_t n = strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (n == 0 || n > STORE_KIND_MAX || kind[n])
		return err_set(e, "Store.BadKind", ERR_INVALID_ARGUMENT, kind,
			       "A kind of documents has 1 to %d characters a-z, 0-9 and '-'.", STORE_KIND_MAX);
	return 0;
}

static int check_name(const char *kind, const char *key, struct err **e)
{
	size_t n = strnlen(key, STORE_KEY_MAX + 1);

	if (n == 0 || n > STORE_KEY_MAX)
		return err_set(e, "Store.BadKey", ERR_INVALID_ARGUMENT, kind, "A document's key has 1 to %d bytes.",
			       STORE_KEY_MAX);
	return check_kind(kind, e);
}

static int check_callback(const struct store *s, struct err **e)
{
	if (s->callbacks)
		return err_set_errno(e, "Store.InCallback", EBUSY, NULL,
				     "The store cannot be written from within a scan or a watch of it.");
	return 0;
}

static int check_write(const struct store *s, struct err **e)
{
	if (!s->in_transaction)
		return err_set(e, "Store.NoTransaction", ERR_INVALID_OPERATION, NULL, "No transaction is open.");
	if (s->failed)
		return err_set(e, "Store.TransactionFailed", ERR_WRITE_ERROR, NULL,
			       "An earlier write of this transaction failed; it can only be rolled back.");
	return check_callback(s, e);
}

/* Each change owns one block: kind, key and value behind each other; kind points to its start. */
static struct store_change change_new(const char *kind, const char *key, const char *value)
{
	size_t kind_size = strlen(kind) + 1, key_size = strlen(key) + 1, value_size = value ? strlen(value) + 1 : 0;
	char *block = xmalloc(kind_size + key_size + value_size);

	memcpy(block, kind, kind_size);
	memcpy(block + kind_size, key, key_size);
	if (value)
		memcpy(block + kind_size + key_size, value, value_size);
	return (struct store_change){ block, block + kind_size, value ? block + kind_size + key_size : NULL };
}

static void changes_done(struct store *s)
{
	vec_foreach(&s->changes, change)
		free((char *)change->kind);
	vec_done(&s->changes);
	map_free(TAKE_PTR(s->pending));
}

static void note_change(struct store *s, const char *kind, const char *key, const char *value)
{
	struct store_change change;
	size_t index, name_size;

	s->wrote = true;
	if (!s->watchers.n)
		return;
	change = change_new(kind, key, value);
	/* kind NUL key: unambiguous, since neither holds a NUL. */
	name_size = (size_t)(change.key - change.kind) + strlen(key);
	if (!s->pending)
		s->pending = map_new();
	index = (size_t)(uintptr_t)map_get(s->pending, change.kind, name_size);
	if (index) {
		free((char *)s->changes.items[index - 1].kind);
		s->changes.items[index - 1] = change;
		return;
	}
	vec_push(&s->changes, change);
	map_put(s->pending, change.kind, name_size, (void *)(uintptr_t)s->changes.n);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_rollback(s);
	vec_done(&s->watchers);
	s->ops->close(s);
}

int store_begin(struct store *s, struct err **e)
{
	int r;

	if (s->in_transaction)
		return err_set_errno(e, "Store.InTransaction", EBUSY, NULL, "A transaction is open already.");
	r = check_callback(s, e);
	if (r < 0)
		return r;
	r = s->ops->begin(s, e);
	if (r < 0)
		return r;
	s->in_transaction = true;
	s->wrote = s->failed = false;
	return 0;
}

int store_put(struct store *s, const char *kind, const char *key, const char *value, struct err **e)
{
	size_t size = strnlen(value, STORE_VALUE_MAX + 1);
	int r = check_write(s, e);

	if (r >= 0)
		r = check_name(kind, key, e);
	if (r < 0)
		return r;
	if (size > STORE_VALUE_MAX)
		return err_set(e, "Store.ValueTooLarge", ERR_LIMITS_EXCEEDED, key,
			       "A document has at most %d bytes.", STORE_VALUE_MAX);
	r = s->ops->put(s, kind, key, value, size, e);
	if (r < 0) {
		s->failed = true;
		return r;
	}
	note_change(s, kind, key, value);
	return 0;
}

int store_delete(struct store *s, const char *kind, const char *key, struct err **e)
{
	int r = check_write(s, e);

	if (r >= 0)
		r = check_name(kind, key, e);
	if (r < 0)
		return r;
	r = s->ops->del(s, kind, key, e);
	if (r < 0)
		s->failed = true;
	else if (r > 0)
		note_change(s, kind, key, NULL);
	return r;
}

int store_commit(struct store *s, struct err **e)
{
	int r;

	/* In a callback the transaction stays as it is: the caller of the scan goes on with it. */
	r = check_callback(s, e);
	if (r < 0)
		return r;
	r = check_write(s, e);
	if (r < 0) {
		store_rollback(s);
		return r;
	}
	r = s->ops->commit(s, s->wrote, e);
	s->in_transaction = false;
	if (r >= 0 && s->wrote)
		store_notify(s, s->revision, s->changes.items, s->changes.n);
	changes_done(s);
	return r;
}

void store_rollback(struct store *s)
{
	if (!s->in_transaction)
		return;
	s->ops->rollback(s);
	s->in_transaction = false;
	changes_done(s);
}

bool store_in_transaction(const struct store *s)
{
	return s->in_transaction;
}

int store_get(struct store *s, const char *kind, const char *key, char **ret_value, struct err **e)
{
	int r = check_name(kind, key, e);

	return r < 0 ? r : s->ops->get(s, kind, key, ret_value, e);
}

int store_scan(struct store *s, const char *kind, store_scan_fn fn, void *arg, struct err **e)
{
	int r = kind ? check_kind(kind, e) : 0;

	if (r < 0)
		return r;
	s->callbacks++;
	r = s->ops->scan(s, kind, fn, arg, e);
	s->callbacks--;
	return r;
}

uint64_t store_revision(const struct store *s)
{
	return s->revision;
}

void store_watch(struct store *s, store_watch_fn fn, void *arg)
{
	/* The changes so far were not kept: this watch would see half a commit. */
	assert(!s->in_transaction);
	vec_push(&s->watchers, (struct store_watcher){ fn, arg });
}

void store_unwatch(struct store *s, store_watch_fn fn, void *arg)
{
	vec_foreach(&s->watchers, watcher) {
		if (watcher->fn == fn && watcher->arg == arg) {
			watcher->fn = NULL;
			break;
		}
	}
}

void store_notify(struct store *s, uint64_t revision, const struct store_change *changes, size_t n_changes)
{
	size_t n = s->watchers.n, kept = 0;

	s->callbacks++;
	/* By index: a watcher may add or remove watchers. Those added now hear of the next commit first. */
	for (size_t i = 0; i < n; i++)
		if (s->watchers.items[i].fn)
			s->watchers.items[i].fn(s->watchers.items[i].arg, revision, changes, n_changes);
	s->callbacks--;
	for (size_t i = 0; i < s->watchers.n; i++)
		if (s->watchers.items[i].fn)
			s->watchers.items[kept++] = s->watchers.items[i];
	s->watchers.n = kept;
}
