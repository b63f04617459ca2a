/* SPDX-License-Identifier: Apache-2.0 */
#include "docs_internal.h"

#include <errno.h>
#include <math.h>

#include "vec.h"

/* What follows from a kind's table of fields: copy, compare, free, to and from JSON. */

static size_t strv_length(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static void strv_free(char **v)
{
	for (char **p = v; p && *p; p++)
		free(*p);
	free(v);
}

static char **strv_copy(char *const *v)
{
	size_t n = strv_length(v);
	char **copy;

	if (!v)
		return NULL;
	copy = xcalloc(n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(v[i]);
	return copy;
}

static size_t field_size(enum doc_type type)
{
	switch (type) {
	case DOC_STR:
		return sizeof(char *);
	case DOC_STRV:
		return sizeof(char **);
	case DOC_BOOL:
		return sizeof(bool);
	case DOC_U32:
	case DOC_ENUM:
		return sizeof(uint32_t);
	case DOC_U64:
		return sizeof(uint64_t);
	case DOC_MAC:
		return sizeof(struct mac);
	case DOC_IP:
		return sizeof(struct ip);
	case DOC_PREFIX:
		return sizeof(struct prefix);
	case DOC_GUID:
	case DOC_GUID_BRACES:
		return sizeof(struct guid);
	}
	abort();
}

void *doc_new(const struct doc_kind *kind)
{
	return xcalloc(1, kind->size);
}

void *doc_copy(const struct doc_kind *kind, const void *doc)
{
	char *copy = doc_new(kind);

	for (size_t i = 0; i < kind->n_fields; i++) {
		const struct doc_field *f = &kind->fields[i];
		void *to = copy + f->offset;

		if (f->type == DOC_STR) {
			char *s = *(char **)field_at(f, doc);

			*(char **)to = s ? xstrdup(s) : NULL;
		} else if (f->type == DOC_STRV) {
			*(char ***)to = strv_copy(*(char ***)field_at(f, doc));
		} else {
			memcpy(to, field_at(f, doc), field_size(f->type));
		}
	}
	return copy;
}

void doc_free(const struct doc_kind *kind, void *doc)
{
	if (!doc)
		return;
	for (size_t i = 0; i < kind->n_fields; i++) {
		const struct doc_field *f = &kind->fields[i];

		if (f->type == DOC_STR)
			free(*(char **)field_at(f, doc));
		else if (f->type == DOC_STRV)
			strv_free(*(char ***)field_at(f, doc));
	}
	free(doc);
}

static bool strv_equal(char *const *a, char *const *b)
{
	size_t n = strv_length(a);

	if (n != strv_length(b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!streq(a[i], b[i]))
			return false;
	return true;
}

bool doc_equal(const struct doc_kind *kind, const void *a, const void *b)
{
	for (size_t i = 0; i < kind->n_fields; i++) {
		const struct doc_field *f = &kind->fields[i];
		bool same;

		if (f->type == DOC_STR)
			same = streq_ptr(*(char **)field_at(f, a), *(char **)field_at(f, b));
		else if (f->type == DOC_STRV)
			same = strv_equal(*(char ***)field_at(f, a), *(char ***)field_at(f, b));
		else
			same = memcmp(field_at(f, a), field_at(f, b), field_size(f->type)) == 0;
		if (!same)
			return false;
	}
	return true;
}

char *doc_key(const struct doc_kind *kind, const void *doc)
{
	struct str key = { 0 };

	kind->key(doc, &key);
	return str_take(&key);
}

static json_t *text_or_null(const char *s)
{
	json_t *j = s ? json_string(s) : json_null();

	/* Only a string that is not UTF-8 fails; the API's own JSON cannot have made one. */
	return j ? j : json_string("?");
}

static json_t *strv_to_json(char *const *v)
{
	json_t *array = json_array();

	for (; v && *v; v++)
		json_array_append_new(array, text_or_null(*v));
	return array;
}

json_t *field_to_json(const struct doc_field *f, const void *p)
{
	char buf[PREFIX_TEXT_SIZE];

	switch (f->type) {
	case DOC_STR:
		return text_or_null(*(char *const *)p);
	case DOC_STRV:
		return strv_to_json(*(char **const *)p);
	case DOC_BOOL:
		return json_boolean(*(const bool *)p);
	case DOC_U32:
		return json_integer(*(const uint32_t *)p);
	case DOC_U64:
		return json_integer((json_int_t)*(const uint64_t *)p);
	case DOC_ENUM:
		return json_string(f->values[*(const uint32_t *)p]);
	case DOC_MAC:
		return mac_is_zero(p) ? json_null() : json_string(mac_format(p, buf));
	case DOC_IP:
		return json_string(ip_format(p, buf));
	case DOC_PREFIX:
		return json_string(prefix_format(p, buf));
	case DOC_GUID:
		return guid_is_zero(p) ? json_null() : json_string(guid_format(p, buf));
	case DOC_GUID_BRACES:
		return guid_is_zero(p) ? json_null() : json_string(guid_format_braces(p, buf));
	}
	abort();
}

json_t *doc_to_json(const struct doc_kind *kind, const void *doc)
{
	json_t *json = json_object();

	for (size_t i = 0; i < kind->n_fields; i++)
		json_object_set_new(json, kind->fields[i].name, field_to_json(&kind->fields[i], field_at(&kind->fields[i], doc)));
	return json;
}

/* A string without NUL inside: that is what a char * can hold. */
static bool is_text(const json_t *j)
{
	return json_is_string(j) && strlen(json_string_value(j)) == json_string_length(j);
}

static int strv_from_json(const json_t *j, char ***ret)
{
	size_t n = json_array_size(j);
	char **v;

	if (!json_is_array(j))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!is_text(json_array_get(j, i)))
			return -EINVAL;
	v = xcalloc(n + 1, sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i] = xstrdup(json_string_value(json_array_get(j, i)));
	*ret = v;
	return 0;
}

static int enum_from_text(const char *const *values, const char *s, uint32_t *ret)
{
	for (uint32_t i = 0; values[i]; i++) {
		if (streq(values[i], s)) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

int field_from_text(const struct doc_field *f, const char *s, void *p)
{
	switch (f->type) {
	case DOC_STR:
		*(char **)p = xstrdup(s);
		return 0;
	case DOC_ENUM:
		return enum_from_text(f->values, s, p);
	case DOC_MAC:
		return mac_parse(s, p);
	case DOC_IP:
		return ip_parse(s, p);
	case DOC_PREFIX:
		return prefix_parse(s, p, NULL);
	case DOC_GUID:
	case DOC_GUID_BRACES:
		return guid_parse(s, p);
	default:
		return -EINVAL;
	}
}

int field_from_number(const struct doc_field *f, int64_t v, void *p)
{
	if (v < 0)
		return -ERANGE;
	if (f->type == DOC_U64) {
		*(uint64_t *)p = (uint64_t)v;
		return 0;
	}
	if (f->type != DOC_U32 || v > UINT32_MAX)
		return -ERANGE;
	*(uint32_t *)p = (uint32_t)v;
	return 0;
}

static int field_from_json(const struct doc_field *f, const json_t *j, void *p)
{
	if (f->type == DOC_STRV)
		return strv_from_json(j, p);
	if (f->type == DOC_BOOL) {
		if (!json_is_boolean(j))
			return -EINVAL;
		*(bool *)p = json_is_true(j);
		return 0;
	}
	if (json_is_integer(j))
		return field_from_number(f, json_integer_value(j), p);
	if (is_text(j))
		return field_from_text(f, json_string_value(j), p);
	return -EINVAL;
}

int doc_from_json(const struct doc_kind *kind, const json_t *json, void **ret, struct err **e)
{
	void *doc;

	if (!json_is_object(json))
		return err_set(e, "Store.BadDocument", ERR_INVALID_OPERATION, kind->name, "A stored %s is not an object.",
			       kind->name);
	doc = doc_new(kind);
	for (size_t i = 0; i < kind->n_fields; i++) {
		const struct doc_field *f = &kind->fields[i];
		const json_t *j = json_object_get(json, f->name);

		if (!j || json_is_null(j))
			continue;
		if (field_from_json(f, j, field_at(f, doc)) < 0) {
			doc_free(kind, doc);
			return err_set(e, "Store.BadDocument", ERR_INVALID_OPERATION, f->name,
				       "A stored %s has a bad value for %s.", kind->name, f->name);
		}
	}
	*ret = doc;
	return 0;
}
