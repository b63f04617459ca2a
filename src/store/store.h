/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "err.h"

/*
 * Documents by kind and key, changed in transactions, watched by whoever must know. One interface for a file on this
 * host (SQLite) and for a cluster: every caller sees the same documents, the same transactions and the same watch. The
 * store does not look into documents.
 *
 * kind   1..STORE_KIND_MAX bytes of [a-z0-9-]
 * key    1..STORE_KEY_MAX bytes, none of them NUL; ordered bytewise
 * value  at most STORE_VALUE_MAX bytes of text (JSON, by convention), without NUL
 *
 * Results: 0 or a negative errno with *e set. Errors that any function may give:
 *   Store.BadKind, Store.BadKey, Store.ValueTooLarge   refused, nothing happened, an open transaction goes on
 *   Store.NoTransaction, Store.InTransaction, Store.InCallback   called at the wrong time
 *   Store.Full (ENOSPC), Store.WriteFailed, Store.ReadFailed, Store.Busy (EBUSY), Store.Corrupt
 *   Store.TransactionFailed   a write of this transaction failed before: it can only be rolled back
 *   Store.Conflict (EAGAIN)   somebody else changed what this transaction read: start again (clusters only)
 */
#define STORE_KIND_MAX 64
#define STORE_KEY_MAX 512
#define STORE_VALUE_MAX (256 * 1024)

struct store;

/* A document as a scan shows it; valid during the callback only. value is NUL-terminated after value_size bytes. */
struct store_document {
	const char *kind;
	const char *key;
	const char *value;
	size_t value_size;
};

/* What a commit did to one document: value is NULL when it was deleted. Valid during the callback only. */
struct store_change {
	const char *kind;
	const char *key;
	const char *value;
};

/* Return 0 to go on; anything else ends the scan and is returned by store_scan(). */
typedef int (*store_scan_fn)(void *arg, const struct store_document *document);

/*
 * One commit: each document that it wrote exactly once with its last state, in the order in which they were first
 * written. Commits arrive in the order of their revisions, whoever made them.
 */
typedef void (*store_watch_fn)(void *arg, uint64_t revision, const struct store_change *changes, size_t n_changes);

/*
 * Opens the file, or creates it (mode 0600, in an existing directory). What is there and is not a whole store of this
 * or an older format is refused and left as it is:
 *
 *   Store.Foreign    a file of something else
 *   Store.TooNew     written by a newer Nestor
 *   Store.Corrupt    damaged or cut short
 *   Store.InUse      another process has it open
 *   Store.OpenFailed anything else (errnum says what)
 */
int store_open_sqlite(const char *path, struct store **ret, struct err **e);

/* Rolls an open transaction back. */
void store_close(struct store *s);
DEFINE_CLEANUP(struct store *, store_close)
#define _cleanup_store_ _cleanup_(store_closep)

/* One transaction at a time. Until store_commit() its writes are seen by this store's own reads alone. */
int store_begin(struct store *s, struct err **e);
int store_put(struct store *s, const char *kind, const char *key, const char *value, struct err **e);
/* 1: it was there, 0: it was not (which is no error), or a negative errno. */
int store_delete(struct store *s, const char *kind, const char *key, struct err **e);
/*
 * All or nothing, and on the disk when it returns 0. The transaction is over either way; after a failure the documents
 * are as they were before store_begin() and the store can be used further. Watches run before it returns. A transaction
 * without writes changes no revision and wakes nobody.
 */
int store_commit(struct store *s, struct err **e);
/* Does nothing when no transaction is open, so that cleanup paths may call it always. */
void store_rollback(struct store *s);
bool store_in_transaction(const struct store *s);

/* 1: *ret_value is the caller's to free; 0: not there; or a negative errno. */
int store_get(struct store *s, const char *kind, const char *key, char **ret_value, struct err **e);

/*
 * Calls fn for each document of the kind, by key; with kind NULL for all documents, by kind and key. The callback may
 * read the store, not write it. Returns 0, what fn returned, or a negative errno with *e set.
 */
int store_scan(struct store *s, const char *kind, store_scan_fn fn, void *arg, struct err **e);

/* The number of commits that this store has seen in its life: grows by one with each. */
uint64_t store_revision(const struct store *s);

/*
 * fn runs after each commit from now on: inside store_commit() for those of this process, from the event loop for those
 * of others. It may read the store, not write it: whoever wants to write because of a change does it from the event
 * loop later. Watching begins between transactions, never inside one.
 */
void store_watch(struct store *s, store_watch_fn fn, void *arg);
void store_unwatch(struct store *s, store_watch_fn fn, void *arg);
