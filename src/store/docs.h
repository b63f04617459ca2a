/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "err.h"
#include "guid.h"
#include "ip.h"
#include "mac.h"
#include "prefix.h"
#include "str.h"

struct store;

/*
 * Typed documents over the store. A kind of document is a plain struct and one table of its fields; loading, saving,
 * copying, comparing and printing follow from the table. All documents live in memory; the store is what survives.
 */
enum doc_type {
	DOC_STR,         /* char *, owned, may be NULL */
	DOC_STRV,        /* char **, owned, NULL-terminated, may be NULL */
	DOC_BOOL,        /* bool */
	DOC_U32,         /* uint32_t */
	DOC_U64,         /* uint64_t */
	DOC_ENUM,        /* uint32_t, index into values */
	DOC_MAC,         /* struct mac; zero: absent */
	DOC_IP,          /* struct ip; an address like any other is ::, and absent reads as it */
	DOC_PREFIX,      /* struct prefix */
	DOC_GUID,        /* struct guid; zero: absent; printed without braces */
	DOC_GUID_BRACES, /* struct guid, printed in braces, as routing domains are */
};

struct doc_field {
	const char *name;
	enum doc_type type;
	size_t offset;
	const char *const *values; /* DOC_ENUM: NULL-terminated names */
};

#define DOC_FIELD(struct_, member, type_, name_) { (name_), (type_), offsetof(struct struct_, member), NULL }
#define DOC_ENUM_FIELD(struct_, member, values_, name_) { (name_), DOC_ENUM, offsetof(struct struct_, member), (values_) }

/*
 * Documents by a part of them: those for which key() writes the same bytes are a group, found without looking at others.
 * Indexes are in memory alone and follow every change at once, a transaction's own writes and its rollback included.
 */
#define DOC_INDEX_KEY_MAX 64
#define DOC_INDEXES_MAX 8
struct doc_index {
	size_t key_size;
	/* Writes all of the key, padding included; false: the document is in no group. Pure. */
	bool (*key)(const void *doc, void *ret_key);
};

struct doc_kind {
	const char *name; /* [a-z0-9-]+, the kind in the store */
	size_t size;      /* of the struct */
	const struct doc_field *fields;
	size_t n_fields;
	void (*key)(const void *doc, struct str *ret); /* the document's key; must depend on immutable fields alone */
	const struct doc_index *const *indexes;
	size_t n_indexes; /* at most DOC_INDEXES_MAX */
};

void *doc_new(const struct doc_kind *kind);
void *doc_copy(const struct doc_kind *kind, const void *doc);
void doc_free(const struct doc_kind *kind, void *doc);
bool doc_equal(const struct doc_kind *kind, const void *a, const void *b);
char *doc_key(const struct doc_kind *kind, const void *doc); /* owned by the caller */
/* One JSON object with all fields in table order; new reference. Absent values are null. */
json_t *doc_to_json(const struct doc_kind *kind, const void *doc);
/* Reads what doc_to_json() wrote; unknown members are ignored, a member of the wrong shape is refused. */
int doc_from_json(const struct doc_kind *kind, const json_t *json, void **ret, struct err **e);
/* The same as text, as the store has it: without what is absent. Owned by the caller. */
char *doc_to_text(const struct doc_kind *kind, const void *doc);
/* Reads such a text, or any JSON text of doc_to_json(). */
int doc_from_text(const struct doc_kind *kind, const char *text, size_t size, void **ret, struct err **e);

struct docs;

/* Loads every document of the given kinds. store stays the caller's and must outlive docs. */
int docs_open(struct store *store, const struct doc_kind *const *kinds, size_t n_kinds, struct docs **ret, struct err **e);
void docs_free(struct docs *d);
DEFINE_CLEANUP(struct docs *, docs_free)

/* The document or NULL; owned by docs, valid until the end of the transaction that changes it. Own writes are seen. */
const void *docs_get(const struct docs *d, const struct doc_kind *kind, const char *key);
size_t docs_count(const struct docs *d, const struct doc_kind *kind);
/*
 * Walk in no order: start with *pos = 0; NULL at the end. Nothing may be written meanwhile. *pos is then the document's
 * number, by which something can be noted of it for as long as nothing is written; docs_numbers() is above all of them.
 */
const void *docs_next(const struct docs *d, const struct doc_kind *kind, size_t *pos);
size_t docs_numbers(const struct docs *d, const struct doc_kind *kind);
/* The same over one group of an index of the kind. */
const void *docs_find(const struct docs *d, const struct doc_kind *kind, const struct doc_index *index, const void *key,
		      size_t *pos);
/* One document of each group of the index; *pos is no number here. */
const void *docs_group(const struct docs *d, const struct doc_kind *kind, const struct doc_index *index, size_t *pos);
/* All documents of a kind sorted by key; *ret (an array of pointers) is the caller's to free. */
size_t docs_list(const struct docs *d, const struct doc_kind *kind, const void ***ret);
void docs_sort(const struct doc_kind *kind, const void **docs, size_t n);

/* One transaction at a time. docs_put takes the document; it replaces the one with the same key. */
void docs_begin(struct docs *d);
void docs_put(struct docs *d, const struct doc_kind *kind, void *doc);
void docs_delete(struct docs *d, const struct doc_kind *kind, const char *key);
/* A point to return to inside the transaction, so that one failing object leaves the others' changes alone. */
size_t docs_mark(const struct docs *d);
void docs_rollback_to(struct docs *d, size_t mark);
/* Writes all changes to the store at once. On failure everything is as it was at docs_begin(). *ret_changed may be NULL. */
int docs_commit(struct docs *d, bool *ret_changed, struct err **e);
void docs_rollback(struct docs *d);

/*
 * fn is told of each document that a commit changed, after it is in the store: as it was (NULL: it is new) and as it is
 * (NULL: it is gone), both valid during the call only. It may read documents and not write any.
 */
typedef void (*docs_watch_fn)(void *arg, const struct doc_kind *kind, const void *old, const void *now);
void docs_watch(struct docs *d, docs_watch_fn fn, void *arg);
void docs_unwatch(struct docs *d, docs_watch_fn fn, void *arg);
