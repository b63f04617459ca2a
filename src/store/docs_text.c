/* SPDX-License-Identifier: Apache-2.0 */
#include "docs_internal.h"

#include <errno.h>

/*
 * Documents to and from the store's text. It is JSON, but no JSON is built for it where a document is plain, which is
 * nearly always: that takes a tenth of the time, and there may be a million of them when a daemon starts. Whatever is not
 * plain (escapes, lists, other bytes than ASCII, anything unexpected) is left to the JSON library.
 */

/* ---- to text ---- */

static bool is_plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || (unsigned char)*s > '~' || *s == '"' || *s == '\\')
			return false;
	return true;
}

static void add_text(struct str *out, const char *s)
{
	str_addc(out, '"');
	str_add(out, s);
	str_addc(out, '"');
}

static void add_json(struct str *out, const struct doc_field *f, const void *p)
{
	json_t *json = field_to_json(f, p);
	_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

	if (!text)
		abort();
	str_add(out, text);
	json_decref(json);
}

static void add_value(struct str *out, const struct doc_field *f, const void *p)
{
	char buf[IP_TEXT_SIZE];

	if (f->type == DOC_STR && is_plain(*(char *const *)p))
		add_text(out, *(char *const *)p);
	else if (f->type == DOC_MAC)
		add_text(out, mac_format(p, buf));
	else if (f->type == DOC_IP)
		add_text(out, ip_format(p, buf));
	else if (f->type == DOC_ENUM)
		add_text(out, f->values[*(const uint32_t *)p]);
	else if (f->type == DOC_BOOL)
		str_add(out, *(const bool *)p ? "true" : "false");
	else
		add_json(out, f, p);
}

/* What doc_from_text() reads as the same when nothing is said. */
static bool is_absent(const struct doc_field *f, const void *p)
{
	switch (f->type) {
	case DOC_STR:
		return !*(char *const *)p;
	case DOC_MAC:
		return mac_is_zero(p);
	case DOC_GUID:
	case DOC_GUID_BRACES:
		return guid_is_zero(p);
	default:
		return false;
	}
}

char *doc_to_text(const struct doc_kind *kind, const void *doc)
{
	struct str out = { 0 };

	str_addc(&out, '{');
	for (size_t i = 0; i < kind->n_fields; i++) {
		const struct doc_field *f = &kind->fields[i];

		if (is_absent(f, field_at(f, doc)))
			continue;
		if (out.len > 1)
			str_addc(&out, ',');
		add_text(&out, f->name);
		str_addc(&out, ':');
		add_value(&out, f, field_at(f, doc));
	}
	str_addc(&out, '}');
	return str_take(&out);
}

/* ---- from text ---- */

struct reader {
	const char *at, *end;
	size_t field; /* the one that comes next, when they come in the table's order */
	uint64_t seen;
};

static bool take(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static bool take_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
		return false;
	r->at += n;
	return true;
}

/* The inside of a string; false: it is not plain. */
static bool take_text(struct reader *r, const char **ret, size_t *ret_size)
{
	const char *start;

	if (!take(r, '"'))
		return false;
	for (start = r->at; r->at < r->end && *r->at != '"'; r->at++)
		if (*r->at < ' ' || *r->at > '~' || *r->at == '\\')
			return false;
	*ret = start;
	*ret_size = (size_t)(r->at - start);
	return take(r, '"');
}

/* Digits that are an integer and nothing else. */
static bool take_number(struct reader *r, int64_t *ret)
{
	const char *start = r->at;
	int64_t v = 0;

	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9' && r->at - start < 18; r->at++)
		v = v * 10 + (*r->at - '0');
	if (r->at == start || (*start == '0' && r->at - start > 1) || r->at == r->end || (*r->at != ',' && *r->at != '}'))
		return false;
	*ret = v;
	return true;
}

static const struct doc_field *find_field(const struct doc_kind *kind, struct reader *r, const char *name, size_t size)
{
	for (size_t k = 0; k < kind->n_fields; k++) {
		size_t i = (r->field + k) % kind->n_fields;
		const struct doc_field *f = &kind->fields[i];

		if (strlen(f->name) != size || memcmp(f->name, name, size) != 0)
			continue;
		if (r->seen & 1ull << i)
			return NULL;
		r->seen |= 1ull << i;
		r->field = i + 1;
		return f;
	}
	return NULL;
}

static bool set_text(const struct doc_field *f, const char *text, size_t size, void *p)
{
	char buf[128];

	if (f->type == DOC_STR) {
		*(char **)p = xstrndup(text, size);
		return true;
	}
	if (size >= sizeof(buf))
		return false;
	memcpy(buf, text, size);
	buf[size] = 0;
	return field_from_text(f, buf, p) == 0;
}

static bool take_value(struct reader *r, const struct doc_field *f, void *p)
{
	const char *text;
	size_t size;
	int64_t v;

	if (r->at == r->end || take_word(r, "null"))
		return r->at != r->end;
	if (*r->at == '"')
		return take_text(r, &text, &size) && set_text(f, text, size, p);
	if (f->type == DOC_BOOL) {
		*(bool *)p = take_word(r, "true");
		return *(bool *)p || take_word(r, "false");
	}
	return take_number(r, &v) && field_from_number(f, v, p) == 0;
}

/* False: not plain, or wrong; the document may be filled in part. */
static bool read_plain(const struct doc_kind *kind, struct reader *r, void *doc)
{
	const struct doc_field *f;
	const char *name;
	size_t size;

	if (!take(r, '{'))
		return false;
	while (!take(r, '}')) {
		if (r->seen && !take(r, ','))
			return false;
		if (!take_text(r, &name, &size) || !take(r, ':'))
			return false;
		f = find_field(kind, r, name, size);
		if (!f || !take_value(r, f, field_at(f, doc)))
			return false;
	}
	return r->at == r->end;
}

int doc_from_text(const struct doc_kind *kind, const char *text, size_t size, void **ret, struct err **e)
{
	struct reader reader = { .at = text, .end = text + size };
	void *doc = doc_new(kind);
	json_error_t je;
	json_t *json;
	int r;

	if (kind->n_fields <= 64 && read_plain(kind, &reader, doc)) {
		*ret = doc;
		return 0;
	}
	doc_free(kind, doc);
	json = json_loadb(text, size, 0, &je);
	if (!json)
		return err_set(e, "Store.BadDocument", ERR_INVALID_OPERATION, kind->name, "A stored %s is not JSON: %s.", kind->name,
			       je.text);
	r = doc_from_json(kind, json, ret, e);
	json_decref(json);
	return r;
}
