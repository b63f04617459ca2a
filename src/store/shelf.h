/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "docs.h"

/*
 * The documents of one kind in memory, of which there may be a million: found by their key, by the kind's indexes, and
 * walked by number. Beside the document itself one costs 16 to 32 bytes, and 16 to 32 more for each index with few documents
 * a group, 8 for one with many. Keys are not kept: they follow from the documents.
 *
 * A document's number is above 0, stays with its key until that is removed, and is given again later.
 */
struct shelf;

struct shelf *shelf_new(const struct doc_kind *kind);
/* With all documents. NULL is allowed. */
void shelf_free(struct shelf *s);

void *shelf_get(const struct shelf *s, const char *key);
/* key: the document's. Returns the document that it replaces, or NULL; that one is the caller's. */
void *shelf_put(struct shelf *s, const char *key, void *doc);
/* The document, now the caller's, or NULL. */
void *shelf_take(struct shelf *s, const char *key);
size_t shelf_count(const struct shelf *s);
/* Above all numbers that are in use. */
size_t shelf_numbers(const struct shelf *s);

/* As docs_next(), docs_find(), docs_group(). */
const void *shelf_next(const struct shelf *s, size_t *pos);
const void *shelf_find(const struct shelf *s, const struct doc_index *index, const void *key, size_t *pos);
const void *shelf_group(const struct shelf *s, const struct doc_index *index, size_t *pos);
