/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt_filter.h"

#include <errno.h>

static bool value_matches(const struct doc_field *f, const void *p, const struct arg *a, size_t i)
{
	const char *s;

	switch (f->type) {
	case DOC_STR:
		s = *(char *const *)p;
		return wildcard_match(a->texts[i], s ? s : "");
	case DOC_BOOL:
		return *(const bool *)p == a->values[i].b;
	case DOC_U32:
	case DOC_ENUM:
		return *(const uint32_t *)p == a->values[i].u;
	case DOC_U64:
		return *(const uint64_t *)p == a->values[i].u;
	case DOC_MAC:
		return mac_equal(p, &a->values[i].mac);
	case DOC_IP:
		return ip_equal(p, &a->values[i].ip);
	case DOC_PREFIX:
		return prefix_equal(p, &a->values[i].prefix);
	case DOC_GUID:
	case DOC_GUID_BRACES:
		return guid_equal(p, &a->values[i].guid);
	case DOC_STRV:
		break;
	}
	abort();
}

static const struct doc_field *field_of(const struct doc_kind *kind, const char *name)
{
	for (size_t i = 0; i < kind->n_fields; i++)
		if (streq(kind->fields[i].name, name))
			return &kind->fields[i];
	abort();
}

/* The parameters that were given, with the fields that they are held against: looked up once, not for each document. */
struct filter {
	const struct doc_field *field;
	const struct arg *arg;
};
typedef VEC(struct filter) filter_vec;

static void filters_given(struct call *c, const struct doc_kind *kind, const char *const *fields, filter_vec *ret)
{
	for (; *fields; fields++)
		if (call_given(c, *fields))
			vec_push(ret, (struct filter){ field_of(kind, *fields), call_arg(c, *fields) });
}

static bool matches(const filter_vec *filters, const void *doc)
{
	vec_foreach(filters, f) {
		bool any = false;

		for (size_t i = 0; !any && i < f->arg->n; i++)
			any = value_matches(f->field, (const char *)doc + f->field->offset, f->arg, i);
		if (!any)
			return false;
	}
	return true;
}

static bool nic_matches(struct call *c, const host_nic_vec *nics, const char *nic)
{
	const struct arg *a = call_arg(c, "InterfaceIndex");

	for (size_t i = 0; i < a->n; i++)
		vec_foreach(nics, n)
			if ((uint64_t)n->ifindex == a->values[i].u && streq(n->link, nic))
				return true;
	return !a->given;
}

static int not_found(struct call *c, const char *const *fields, bool by_nic, const char *cim_class, struct err **e)
{
	const char *name = by_nic && call_given(c, "InterfaceIndex") ? "InterfaceIndex" : NULL;

	for (; !name && *fields; fields++)
		if (call_given(c, *fields))
			name = *fields;
	return name ? filter_not_found(c, name, cim_class, e) : 0;
}

int filter_not_found(struct call *c, const char *name, const char *cim_class, struct err **e)
{
	_cleanup_free_ char *id = xasprintf("CmdletizationQuery_NotFound_%s", name);
	const char *value = call_str(c, name, "");

	return err_set(e, id, ERR_OBJECT_NOT_FOUND, value,
		       "No %s objects found with property '%s' equal to '%s'. Verify the value of the property and retry.", cim_class,
		       name, value);
}

/* The objects that came by the pipeline: each is looked up by the key it carries. */
static int select_input(struct call *c, const struct doc_kind *kind, const char *cim_class, doc_vec *ret, struct err **e)
{
	const struct arg *a = call_arg(c, "InputObject");

	for (size_t i = 0; i < a->n; i++) {
		_cleanup_free_ char *key = NULL;
		const void *found;
		void *doc = NULL;
		int r = doc_from_json(kind, a->values[i].object, &doc, e);

		if (r < 0)
			return r;
		key = doc_key(kind, doc);
		doc_free(kind, doc);
		found = docs_get(call_docs(c), kind, key);
		if (!found)
			return err_set(e, "CmdletizationQuery_NotFound", ERR_OBJECT_NOT_FOUND, key, "The %s object %s is gone.",
				       cim_class, key);
		vec_push(ret, found);
	}
	return 0;
}

bool filter_has_input(struct call *c)
{
	const char *verb = call_name(c);

	return (str_has_prefix_nocase(verb, "Set-") || str_has_prefix_nocase(verb, "Remove-")) && call_given(c, "InputObject");
}

/* By key, each once: two values of a parameter may mean the same document. Of more than an answer can hold nobody sees the order. */
static void sort_unique(const struct doc_kind *kind, doc_vec *docs)
{
	size_t n = 0;

	if (docs->n > CMDLET_MAX_OUTPUT)
		return;
	docs_sort(kind, docs->items, docs->n);
	for (size_t i = 0; i < docs->n; i++)
		if (i == 0 || docs->items[i] != docs->items[n - 1])
			docs->items[n++] = docs->items[i];
	docs->n = n;
}

int filter_among(struct call *c, const struct doc_kind *kind, const char *const *fields, nic_of_fn nic_of, const char *cim_class,
		 doc_vec *ret, struct err **e)
{
	filter_vec filters = { 0 };
	host_nic_vec nics = { 0 };
	size_t kept = 0;

	if (nic_of)
		call_host(c)->nics(call_host(c), &nics);
	filters_given(c, kind, fields, &filters);
	vec_foreach(ret, doc)
		if (matches(&filters, *doc) && (!nic_of || nic_matches(c, &nics, nic_of(*doc))))
			ret->items[kept++] = *doc;
	ret->n = kept;
	sort_unique(kind, ret);
	vec_done(&filters);
	vec_done(&nics);
	return ret->n ? 0 : not_found(c, fields, nic_of != NULL, cim_class, e);
}

int filter_select(struct call *c, const struct doc_kind *kind, const char *const *fields, nic_of_fn nic_of, const char *cim_class,
		  doc_vec *ret, struct err **e)
{
	const void *doc;

	if (filter_has_input(c))
		return select_input(c, kind, cim_class, ret, e);
	for (size_t pos = 0; (doc = docs_next(call_docs(c), kind, &pos));)
		vec_push(ret, doc);
	return filter_among(c, kind, fields, nic_of, cim_class, ret, e);
}

json_t *filter_nic_index(struct call *c, const char *nic)
{
	host_nic_vec nics = { 0 };
	json_t *j = NULL;

	call_host(c)->nics(call_host(c), &nics);
	vec_foreach(&nics, n)
		if (!j && streq(n->link, nic))
			j = json_integer(n->ifindex);
	vec_done(&nics);
	return j ? j : json_null();
}

int filter_nic_argument(struct call *c, struct host_nic *ret, struct err **e)
{
	uint64_t index = call_uint(c, "InterfaceIndex", 0);
	host_nic_vec nics = { 0 };
	bool found = false;

	call_host(c)->nics(call_host(c), &nics);
	vec_foreach(&nics, n) {
		if ((uint64_t)n->ifindex == index) {
			*ret = *n;
			found = true;
		}
	}
	vec_done(&nics);
	if (found)
		return 0;
	return err_advise(e, err_set(e, "CmdletizationQuery_NotFound_InterfaceIndex", ERR_OBJECT_NOT_FOUND,
				     call_str(c, "InterfaceIndex", ""), "This host has no network adapter with InterfaceIndex %llu.",
				     (unsigned long long)index),
			  "Get-NetAdapter lists the adapters and their ifIndex.");
}

int filter_remove(struct call *c, const struct doc_kind *kind, object_fn make, const doc_vec *docs)
{
	vec_foreach(docs, doc) {
		_cleanup_free_ char *key = doc_key(kind, *doc);

		if (!call_should(c, key, "%s", call_name(c)))
			continue;
		if (call_bool(c, "PassThru", false))
			call_emit_json(c, make(c, *doc));
		docs_delete(call_docs(c), kind, key);
	}
	return 0;
}
