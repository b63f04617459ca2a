/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"

#include "text.h"

/* What stands in one table: the same type, or the same properties. */
static bool same_shape(const struct value *a, const struct value *b)
{
	if (value_kind(a) != value_kind(b))
		return false;
	if (a->kind == V_HASH)
		return true;
	if (a->type || b->type)
		return streq_ptr(a->type, b->type);
	if (a->nprops != b->nprops)
		return false;
	for (size_t i = 0; i < a->nprops; i++)
		if (!strieq(a->props[i].name, b->props[i].name))
			return false;
	return true;
}

static bool is_plain(const struct value *v)
{
	return !value_is_bag(v) || value_is_type(v, T_ERRORRECORD) || (v->kind == V_OBJECT && v->type && streq(v->type, "Exception"));
}

static void render_hashes(struct shell *sh, struct str *s, struct value *const *items, size_t n)
{
	_cleanup_value_ struct value *rows = value_array(&sh->heap);
	_cleanup_(view_done) struct view v = {};

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < items[i]->nprops; k++) {
			struct value *row = value_object(&sh->heap, NULL);

			bag_set_take(row, "Name", value_string(&sh->heap, items[i]->props[k].name));
			bag_set(row, "Value", items[i]->props[k].value);
			array_add_take(rows, row);
		}
	if (!rows->n)
		return;
	view_default(sh, &v, rows->items[0], SHELL_OUTPUT_TABLE);
	vec_foreach(&v.columns, c)
		c->own_alignment = true;
	view_render(sh, s, &v, rows->items, rows->n);
}

static void render(struct shell *sh, struct str *s, const struct value *items, enum shell_output mode, unsigned depth)
{
	for (size_t i = 0; i < items->n;) {
		struct value *v = items->items[i];
		_cleanup_(view_done) struct view view = {};
		size_t n = 1;

		if (s->len > 4u * VALUE_MAX_STRING)
			return;
		if (value_is_array(v) && depth < 4) {
			render(sh, s, v, mode, depth + 1);
		} else if (value_kind(v) == V_TEXT) {
			str_addn(s, v->s, v->len);
		} else if (v && is_plain(v)) {
			value_add_text(s, v);
			str_addc(s, '\n');
		} else if (v) {
			while (i + n < items->n && value_is_bag(items->items[i + n]) && !is_plain(items->items[i + n]) &&
			       same_shape(v, items->items[i + n]))
				n++;
			if (v->kind == V_HASH) {
				render_hashes(sh, s, items->items + i, n);
			} else {
				view_default(sh, &view, v, mode);
				view_render(sh, s, &view, items->items + i, n);
			}
		}
		i += n;
	}
}

void out_render(struct shell *sh, struct str *s, const struct value *items, enum shell_output mode)
{
	render(sh, s, items, mode, 0);
}

void out_console(struct shell *sh, struct value *items)
{
	_cleanup_str_ struct str s = {};

	if (sh->options.output == SHELL_OUTPUT_JSON || sh->options.output == SHELL_OUTPUT_CSV) {
		for (size_t i = 0; i < items->n; i++)
			if (items->items[i])
				array_add(sh->kept, items->items[i]);
		return;
	}
	out_render(sh, &s, items, sh->options.output);
	sh->host->write(sh->host->userdata, false, str_get(&s), s.len);
}

/* RFC 4180: fields with commas, quotes or line breaks are quoted, quotes doubled. */
static void csv_field(struct str *s, const char *text, bool always, char separator)
{
	if (!always && !strpbrk(text, "\",\r\n") && !strchr(text, separator)) {
		str_add(s, text);
		return;
	}
	str_addc(s, '"');
	for (; *text; text++) {
		if (*text == '"')
			str_addc(s, '"');
		str_addc(s, *text);
	}
	str_addc(s, '"');
}

void out_csv(struct str *s, const struct value *items, bool quote_all, char separator, const char *line_end)
{
	const struct value *first = NULL;

	for (size_t i = 0; i < items->n; i++) {
		const struct value *v = items->items[i];

		if (!value_is_bag(v)) {
			_cleanup_free_ char *text = value_text(v);

			csv_field(s, text, quote_all, separator);
			str_add(s, line_end);
			continue;
		}
		if (!first) {
			first = v;
			for (size_t k = 0; k < v->nprops; k++) {
				if (k)
					str_addc(s, separator);
				csv_field(s, v->props[k].name, quote_all, separator);
			}
			str_add(s, line_end);
		}
		for (size_t k = 0; k < first->nprops; k++) {
			_cleanup_free_ char *text = value_text(bag_get(v, first->props[k].name));

			if (k)
				str_addc(s, separator);
			csv_field(s, text, quote_all, separator);
		}
		str_add(s, line_end);
	}
}

void shell_flush(struct shell *sh)
{
	_cleanup_str_ struct str s = {};
	json_t *j;
	char *text;

	if (sh->options.output == SHELL_OUTPUT_CSV) {
		out_csv(&s, sh->kept, false, ',', "\r\n");
		sh_write(sh, false, str_get(&s));
	} else if (sh->options.output == SHELL_OUTPUT_JSON) {
		j = value_to_json(sh->kept, VALUE_MAX_DEPTH);
		text = json_dumps(j, JSON_INDENT(2));
		if (text)
			sh_writef(sh, false, "%s\n", text);
		free(text);
		json_decref(j);
	}
	while (sh->kept->n)
		value_unref(sh->kept->items[--sh->kept->n]);
}
