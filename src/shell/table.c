/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"
#include "text.h"

/* Tables and lists as Windows prints them. */

void view_done(struct view *v)
{
	vec_foreach(&v->columns, c) {
		free(c->label);
		free(c->property);
		free(c->format);
		value_unref(c->expression);
	}
	vec_done(&v->columns);
}

static void add_column(struct view *v, const char *property, const char *label)
{
	struct column c = { .label = xstrdup(label), .property = xstrdup(property) };

	vec_push(&v->columns, c);
}

static bool has_column(const struct view *v, const char *property)
{
	vec_foreach(&v->columns, c)
		if (c->property && strieq(c->property, property))
			return true;
	return false;
}

static void columns_of_type(struct view *v, const json_t *type, const struct value *object, bool list)
{
	const json_t *item;
	size_t i;

	if (list) {
		json_array_foreach(json_object_get(type, "properties"), i, item)
			if (json_is_string(item))
				add_column(v, json_string_value(item), json_string_value(item));
	} else {
		json_array_foreach(json_object_get(type, "columns"), i, item) {
			const char *property = json_string_value(json_object_get(item, "property"));
			const char *label = json_string_value(json_object_get(item, "label"));
			const char *align = json_string_value(json_object_get(item, "align"));

			if (!property)
				continue;
			add_column(v, property, label ? label : property);
			vec_last(&v->columns)->own_alignment = align;
			vec_last(&v->columns)->right = align && streq(align, "right");
		}
	}
	if (v->columns.n && bag_find(object, "PSComputerName") && !has_column(v, "PSComputerName"))
		add_column(v, "PSComputerName", "PSComputerName");
}

void view_default(struct shell *sh, struct view *v, const struct value *object, enum shell_output mode)
{
	const json_t *type = object->kind == V_OBJECT ? sh_type(sh, object->type) : NULL;
	const char *view = json_string_value(json_object_get(type, "view"));

	v->list = mode == SHELL_OUTPUT_LIST || (view && streq(view, "list"));
	if (type)
		columns_of_type(v, type, object, v->list && (mode == SHELL_OUTPUT_LIST || !json_array_size(json_object_get(type, "columns"))));
	if (v->columns.n)
		return;
	for (size_t i = 0; i < object->nprops; i++)
		add_column(v, object->props[i].name, object->props[i].name);
	if (!type && object->nprops > 4)
		v->list = true;
}

/* Keys of @{} in -Property: unique beginnings will do. */
static struct value *calculated(const struct value *hash, const char *const *names)
{
	for (; *names; names++)
		for (size_t i = 0; i < hash->nprops; i++)
			if (*hash->props[i].name && str_has_prefix_nocase(*names, hash->props[i].name))
				return hash->props[i].value;
	return NULL;
}

static int column_of_hash(struct shell *sh, const struct node *at, struct view *v, const struct value *hash)
{
	static const char *const labels[] = { "Name", "Label", NULL }, *const expressions[] = { "Expression", NULL };
	static const char *const widths[] = { "Width", NULL }, *const alignments[] = { "Alignment", NULL };
	static const char *const formats[] = { "FormatString", NULL };
	struct value *expression = calculated(hash, expressions), *alignment = calculated(hash, alignments);
	_cleanup_free_ char *label = value_text(calculated(hash, labels)), *align = value_text(alignment);
	struct column c = {};
	int64_t width = 0;

	if (!expression)
		return sh_throw(sh, at, "DictionaryKeyMissing", "The calculated property has no Expression.");
	if (value_kind(expression) == V_BLOCK)
		c.expression = value_ref(expression);
	else
		c.property = value_text(expression);
	if (!*label) {
		free(TAKE_PTR(label));
		label = value_text(expression);
	}
	c.label = TAKE_PTR(label);
	c.own_alignment = alignment;
	c.right = strieq(align, "right");
	if (calculated(hash, widths) && value_to_int(calculated(hash, widths), &width) == 0 && width > 0)
		c.width = (size_t)MIN(width, 1000);
	if (calculated(hash, formats))
		c.format = value_text(calculated(hash, formats));
	vec_push(&v->columns, c);
	return FLOW_OK;
}

static void columns_of_name(struct view *v, const char *name, const struct value *sample)
{
	const struct prop *p = bag_find(sample, name);

	if (!p && wildcard_has(name) && value_is_bag(sample)) {
		for (size_t i = 0; i < sample->nprops; i++)
			if (wildcard_match(name, sample->props[i].name) && !has_column(v, sample->props[i].name))
				add_column(v, sample->props[i].name, sample->props[i].name);
		return;
	}
	add_column(v, name, p ? p->name : name);
}

int view_columns(struct shell *sh, const struct node *at, struct view *v, const struct value *properties,
		 const struct value *sample)
{
	for (size_t i = 0; i < (value_is_array(properties) ? properties->n : 1); i++) {
		struct value *p = value_is_array(properties) ? properties->items[i] : (struct value *)properties;
		_cleanup_free_ char *name = NULL;
		int r = FLOW_OK;

		if (v->columns.n > 1000)
			return sh_throw(sh, at, "LimitsExceeded", "There are too many columns.");
		if (value_is_array(p)) {
			for (size_t k = 0; k < p->n && r == 0; k++) {
				_cleanup_free_ char *inner = value_text(p->items[k]);

				columns_of_name(v, inner, sample);
			}
		} else if (value_kind(p) == V_HASH) {
			r = column_of_hash(sh, at, v, p);
		} else if (value_kind(p) == V_BLOCK) {
			struct column c = { .label = value_text(p), .expression = value_ref(p) };

			vec_push(&v->columns, c);
		} else {
			name = value_text(p);
			columns_of_name(v, name, sample);
		}
		if (r < 0)
			return r;
	}
	return FLOW_OK;
}

int view_cell(struct shell *sh, const struct column *c, struct value *object, struct value **ret)
{
	*ret = NULL;
	if (c->expression)
		return eval_block_value(sh, c->expression, object, ret);
	return member_get(sh, NULL, object, c->property, ret);
}

struct grid {
	char **cells; /* row by row */
	size_t rows, cols;
	size_t *width;
	bool *right;
};

static void grid_done(struct grid *g)
{
	for (size_t i = 0; g->cells && i < g->rows * g->cols; i++)
		free(g->cells[i]);
	free(g->cells);
	free(g->width);
	free(g->right);
}

static void flatten(char *s)
{
	for (; *s; s++)
		if (*s == '\n' || *s == '\r' || *s == '\t')
			*s = ' ';
}

static int grid_fill(struct shell *sh, const struct view *v, struct value *const *objects, struct grid *g)
{
	for (size_t i = 0; i < g->rows * g->cols; i++) {
		const struct column *c = &v->columns.items[i % g->cols];
		_cleanup_value_ struct value *cell = NULL, *formatted = NULL;
		_cleanup_free_ char *hole = NULL;
		struct str s = {};
		int r = view_cell(sh, c, objects[i / g->cols], &cell);

		if (r == 0 && c->format) {
			hole = xasprintf("{0:%s}", c->format);
			r = op_format(sh, NULL, hole, cell, &formatted);
		}
		if (r < 0)
			return r;
		value_add_cell(&s, formatted ? formatted : cell);
		g->cells[i] = str_take(&s);
		if (!v->list)
			flatten(g->cells[i]);
		if (i < g->cols)
			g->right[i] = c->own_alignment ? c->right : value_is_number(cell);
	}
	return FLOW_OK;
}

static void grid_measure(const struct view *v, struct grid *g, size_t width)
{
	size_t total, gaps = g->cols - 1;

	for (size_t c = 0; c < g->cols; c++) {
		const struct column *col = &v->columns.items[c];

		g->width[c] = text_width(col->label);
		for (size_t r = 0; r < g->rows; r++)
			g->width[c] = MAX(g->width[c], text_width(g->cells[r * g->cols + c]));
		if (v->spread)
			g->width[c] = width > gaps ? MAX((width - gaps) / g->cols, 1u) : 1;
		if (col->width)
			g->width[c] = col->width;
	}
	/* What does not fit is taken from the widest columns. */
	for (;;) {
		size_t widest = 0;

		total = gaps;
		for (size_t c = 0; c < g->cols; c++) {
			total += g->width[c];
			if (g->width[c] > g->width[widest])
				widest = c;
		}
		if (total <= width || g->width[widest] <= 4)
			return;
		g->width[widest] -= MIN(total - width, MAX(g->width[widest] / 8, 1u));
	}
}

static void put_cell(struct str *s, const char *text, size_t width, bool right)
{
	size_t used = text_width(text), fit;

	if (used > width) {
		fit = text_fit(text, width > 4 ? width - 3 : width);
		str_addn(s, text, fit);
		if (width > 4)
			str_add(s, "...");
		used = MIN(width, text_width(text));
		return;
	}
	if (right)
		str_pad(s, ' ', width - used);
	str_add(s, text);
	if (!right)
		str_pad(s, ' ', width - used);
}

static void end_line(struct str *s)
{
	while (s->len && s->data[s->len - 1] == ' ')
		s->data[--s->len] = 0;
	str_addc(s, '\n');
}

/* One row; with wrap it takes as many lines as its longest cell needs. */
static void put_row(struct str *s, const struct grid *g, char *const *cells, bool wrap)
{
	const char **rest = xcalloc(g->cols, sizeof(*rest));
	bool more = true;

	for (size_t c = 0; c < g->cols; c++)
		rest[c] = cells[c];
	while (more) {
		more = false;
		for (size_t c = 0; c < g->cols; c++) {
			size_t n = wrap ? text_fit(rest[c], g->width[c]) : strlen(rest[c]);
			_cleanup_free_ char *part = NULL;

			if (!n && *rest[c])
				n = text_char(rest[c]);
			part = xstrndup(rest[c], n);
			put_cell(s, part, g->width[c], g->right[c]);
			if (c + 1 < g->cols)
				str_addc(s, ' ');
			rest[c] += n;
			more |= *rest[c] != 0;
		}
		end_line(s);
	}
	free(rest);
}

static void put_header(struct str *s, const struct view *v, const struct grid *g)
{
	for (size_t c = 0; c < g->cols; c++) {
		put_cell(s, v->columns.items[c].label, g->width[c], g->right[c]);
		if (c + 1 < g->cols)
			str_addc(s, ' ');
	}
	end_line(s);
	for (size_t c = 0; c < g->cols; c++) {
		size_t n = MIN(text_width(v->columns.items[c].label), g->width[c]);

		str_pad(s, ' ', g->right[c] ? g->width[c] - n : 0);
		str_pad(s, '-', n);
		str_pad(s, ' ', g->right[c] ? 0 : g->width[c] - n);
		if (c + 1 < g->cols)
			str_addc(s, ' ');
	}
	end_line(s);
}

static void put_list(struct str *s, const struct view *v, const struct grid *g)
{
	size_t width = 0;

	for (size_t c = 0; c < g->cols; c++)
		width = MAX(width, text_width(v->columns.items[c].label));
	for (size_t r = 0; r < g->rows; r++) {
		for (size_t c = 0; c < g->cols; c++) {
			const char *text = g->cells[r * g->cols + c];

			str_add(s, v->columns.items[c].label);
			str_pad(s, ' ', width - text_width(v->columns.items[c].label));
			str_add(s, " : ");
			for (; *text; text++) {
				str_addc(s, *text);
				if (*text == '\n')
					str_pad(s, ' ', width + 3);
			}
			end_line(s);
		}
		str_addc(s, '\n');
	}
}

int view_render(struct shell *sh, struct str *s, const struct view *v, struct value *const *objects, size_t n)
{
	_cleanup_(grid_done) struct grid g = { .rows = n, .cols = v->columns.n };
	int r;

	if (!n || !g.cols)
		return FLOW_OK;
	if (n * g.cols > VALUE_MAX_ITEMS)
		return sh_throw(sh, NULL, "LimitsExceeded", "The table has too many cells.");
	g.cells = xcalloc(g.rows * g.cols, sizeof(*g.cells));
	g.width = xcalloc(g.cols, sizeof(*g.width));
	g.right = xcalloc(g.cols, sizeof(*g.right));
	r = grid_fill(sh, v, objects, &g);
	if (r < 0)
		return r;
	str_addc(s, '\n');
	if (v->list) {
		put_list(s, v, &g);
		return FLOW_OK;
	}
	grid_measure(v, &g, sh->options.width ? sh->options.width : 120);
	if (!v->no_header)
		put_header(s, v, &g);
	for (size_t i = 0; i < n; i++)
		put_row(s, &g, g.cells + i * g.cols, v->wrap);
	str_addc(s, '\n');
	return FLOW_OK;
}
