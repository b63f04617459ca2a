/* SPDX-License-Identifier: Apache-2.0 */
#include "feature.h"

#include <errno.h>

#include "map.h"

/* The documents that were selected so far, so that each is taken once; kept by their address. */
struct selection {
	struct call *c;
	const struct selector *s;
	const void **all;
	size_t n_all;
	struct map *taken;
	doc_vec *ret;
};

static void selection_take(struct selection *sel, const void *doc)
{
	if (!map_put(sel->taken, &doc, sizeof(doc), sel))
		vec_push(sel->ret, doc);
}

static void selection_unknown(struct selection *sel, const char *what)
{
	struct err *e = NULL;

	sel->s->unknown(what, &e);
	call_error(sel->c, &e);
}

static void select_name(struct selection *sel, const char *name)
{
	bool exact = false;

	for (size_t i = 0; i < sel->n_all; i++) {
		if (strieq(sel->s->name(sel->all[i]), name)) {
			selection_take(sel, sel->all[i]);
			exact = true;
		}
	}
	if (exact)
		return;
	if (!wildcard_has(name)) {
		selection_unknown(sel, name);
		return;
	}
	for (size_t i = 0; i < sel->n_all; i++)
		if (wildcard_match(name, sel->s->name(sel->all[i])))
			selection_take(sel, sel->all[i]);
}

static void select_id(struct selection *sel, const struct guid *id)
{
	char text[GUID_TEXT_SIZE];
	const void *doc = docs_get(call_docs(sel->c), sel->s->kind, guid_format(id, text));

	if (doc)
		selection_take(sel, doc);
	else
		selection_unknown(sel, text);
}

static void select_object(struct selection *sel, const json_t *object)
{
	const void *doc = object_doc(sel->c, sel->s->kind, object, "Id", "Name", sel->s->unknown);

	if (doc)
		selection_take(sel, doc);
}

struct named {
	const char *name;
	const void *doc;
};

static int named_compare(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return stricmp(x->name, y->name);
}

static void selection_sort(struct selection *sel)
{
	_cleanup_free_ struct named *named = xcalloc(sel->ret->n + 1, sizeof(*named));

	for (size_t i = 0; i < sel->ret->n; i++)
		named[i] = (struct named){ sel->s->name(sel->ret->items[i]), sel->ret->items[i] };
	qsort(named, sel->ret->n, sizeof(*named), named_compare);
	for (size_t i = 0; i < sel->ret->n; i++)
		sel->ret->items[i] = named[i].doc;
}

void select_docs(struct call *c, const struct selector *s, const struct arg *names, const struct arg *objects,
		 const struct arg *ids, doc_vec *ret)
{
	_cleanup_map_ struct map *taken = map_new();
	struct selection sel = { .c = c, .s = s, .taken = taken, .ret = ret };
	bool by_name = names && names->given, by_object = objects && objects->given, by_id = ids && ids->given;

	sel.n_all = docs_list(call_docs(c), s->kind, &sel.all);
	for (size_t i = 0; by_name && i < names->n; i++)
		select_name(&sel, names->values[i].str);
	for (size_t i = 0; by_object && i < objects->n; i++)
		select_object(&sel, objects->values[i].object);
	for (size_t i = 0; by_id && i < ids->n; i++)
		select_id(&sel, &ids->values[i].guid);
	for (size_t i = 0; !by_name && !by_object && !by_id && i < sel.n_all; i++)
		selection_take(&sel, sel.all[i]);
	selection_sort(&sel);
	free(sel.all);
}

bool arg_matches(const struct arg *names, const char *name)
{
	for (size_t i = 0; names->given && i < names->n; i++)
		if (strieq(names->values[i].str, name) || wildcard_match(names->values[i].str, name))
			return true;
	return !names->given;
}

const char *object_text(const json_t *object, const char *property)
{
	return json_string_value(json_object_get(object, property));
}

/* By id: the object may be older than a rename. */
const void *object_doc(struct call *c, const struct doc_kind *kind, const json_t *object, const char *id, const char *label,
		       int (*unknown)(const char *name, struct err **e))
{
	const char *name = object_text(object, label);
	char text[GUID_TEXT_SIZE] = "";
	const void *doc = NULL;
	struct err *e = NULL;
	struct guid guid;

	if (object_guid(object, id, &guid))
		doc = docs_get(call_docs(c), kind, guid_format(&guid, text));
	if (doc)
		return doc;
	unknown(name ? name : text, &e);
	call_error(c, &e);
	return NULL;
}

bool object_guid(const json_t *object, const char *property, struct guid *ret)
{
	const char *text = object_text(object, property);

	return text && guid_parse(text, ret) == 0;
}

json_t *json_guid(const struct guid *id)
{
	char text[GUID_TEXT_SIZE];

	return guid_is_zero(id) ? json_null() : json_string(guid_format(id, text));
}

json_t *json_text(const char *text)
{
	return text ? json_string(text) : json_null();
}

int check_name(const char *name, size_t max, struct err **e)
{
	size_t len = strlen(name);
	int r;

	if (len > max) {
		r = err_set(e, "InvalidName", ERR_INVALID_ARGUMENT, name,
			    "The name \"%.40s...\" is longer than %zu bytes.", name, max);
		return err_advise(e, r, "Choose a shorter name.");
	}
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return err_set(e, "InvalidName", ERR_INVALID_ARGUMENT, NULL,
				       "A name cannot contain control characters.");
	if (!len || name[0] == ' ' || name[len - 1] == ' ') {
		r = err_set(e, "InvalidName", ERR_INVALID_ARGUMENT, name,
			    "The name \"%s\" is empty, or begins or ends with a space.", name);
		return err_advise(e, r, "Choose a name that can be told from others when it is printed.");
	}
	return 0;
}

int refuse_state(const char *target, const char *advice, struct err **e)
{
	int r = err_set(e, "InvalidState", ERR_INVALID_OPERATION, target,
			"The operation cannot be performed while the virtual machine is in its current state.");

	return err_advise(e, r, "%s", advice);
}
