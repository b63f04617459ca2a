/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cmdlet.h"

/* What the features share: selecting documents by names, wildcards and objects, and small pieces of objects. */

/* The parameter (or object) belongs to set n. */
#define IN_SET(n) (1u << (n))

typedef VEC(const void *) doc_vec;

/* How a kind of document is selected by its name. */
struct selector {
	const struct doc_kind *kind;
	const char *(*name)(const void *doc);
	/* Errors for a name or an id that no document has; id is its text. */
	int (*unknown)(const char *name, struct err **e);
};

/*
 * Adds to *ret the documents that the arguments select, by name, each once. names are names or wildcards: a name that a
 * document really has stands for that one, even where it looks like a wildcard. objects and ids may be NULL. Whatever
 * selects nothing without being a wildcard is noted by call_error(), and the rest goes on.
 * When none of the arguments is given, all documents are selected.
 */
void select_docs(struct call *c, const struct selector *s, const struct arg *names, const struct arg *objects,
		 const struct arg *ids, doc_vec *ret);

/* Does one of the values match? Not given: everything does. */
bool arg_matches(const struct arg *names, const char *name);

/*
 * The document whose id an object of a pipeline has in the property id. NULL: there is none, which is noted by unknown(), with what the
 * object has in the property label.
 */
const void *object_doc(struct call *c, const struct doc_kind *kind, const json_t *object, const char *id, const char *label,
		       int (*unknown)(const char *name, struct err **e));

/* The guid in an object's property; false when there is none. */
bool object_guid(const json_t *object, const char *property, struct guid *ret);
/* The text in an object's property, or NULL; owned by the object. */
const char *object_text(const json_t *object, const char *property);

/* New references. A zero guid and NULL are JSON's null. */
json_t *json_guid(const struct guid *id);
json_t *json_text(const char *text);

/*
 * A name that an administrator gives: 1..max bytes, no control characters, no space at its ends.
 * Error id: InvalidName.
 */
int check_name(const char *name, size_t max, struct err **e);

/* E-4 (cmdlets.md 5.1), id InvalidState: the VM named target must be in another state. */
int refuse_state(const char *target, const char *advice, struct err **e);
