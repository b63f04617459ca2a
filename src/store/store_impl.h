/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "map.h"
#include "store.h"
#include "vec.h"

/*
 * What an implementation provides. store.c has checked the arguments and the order of the calls before: write functions
 * come inside a transaction only, never after one of them failed, and never from a callback.
 */
struct store_ops {
	void (*close)(struct store *s);
	int (*begin)(struct store *s, struct err **e);
	int (*put)(struct store *s, const char *kind, const char *key, const char *value, size_t value_size,
		   struct err **e);
	int (*del)(struct store *s, const char *kind, const char *key, struct err **e);
	/* wrote: false when the transaction holds no write. Sets s->revision when it wrote; has rolled back when it
	 * fails. */
	int (*commit)(struct store *s, bool wrote, struct err **e);
	void (*rollback)(struct store *s);
	int (*get)(struct store *s, const char *kind, const char *key, char **ret_value, struct err **e);
	int (*scan)(struct store *s, const char *kind, store_scan_fn fn, void *arg, struct err **e);
};

struct store_watcher {
	store_watch_fn fn; /* NULL: removed while watchers ran */
	void *arg;
};

/* The first member of an implementation's own struct. */
struct store {
	const struct store_ops *ops;
	uint64_t revision;
	bool in_transaction;
	bool wrote;
	bool failed;
	unsigned callbacks; /* how deep inside scans and watches */
	VEC(struct store_watcher) watchers;
	/* Of the open transaction, kept only while somebody watches. pending: "kind/key" -> index + 1 in changes. */
	VEC(struct store_change) changes;
	struct map *pending;
};

/* For changes that arrive from elsewhere, and for store.c after a commit. */
void store_notify(struct store *s, uint64_t revision, const struct store_change *changes, size_t n_changes);
