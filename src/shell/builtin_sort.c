/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "builtin.h"

/* Sort-Object, Group-Object, Measure-Object. */

struct sort_key {
	struct value *item;
	struct value **keys;
	size_t position;
};

struct sort_order {
	size_t n;
	bool *descending;
	bool with_case;
};

static int compare_keys(const void *x, const void *y, void *userdata)
{
	const struct sort_key *a = x, *b = y;
	const struct sort_order *o = userdata;

	for (size_t i = 0; i < o->n; i++) {
		int r = op_compare(a->keys[i], b->keys[i], o->with_case);

		/* Not of one kind: by text, so that the order is one. */
		if (r == 0 && op_compare(b->keys[i], a->keys[i], o->with_case) != 0)
			r = -op_compare(b->keys[i], a->keys[i], o->with_case);
		if (r)
			return o->descending[i] ? -r : r;
	}
	return (a->position > b->position) - (a->position < b->position);
}

static void keys_free(struct sort_key *keys, size_t n, size_t columns)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < columns && keys[i].keys; k++)
			value_unref(keys[i].keys[k]);
		free(keys[i].keys);
	}
	free(keys);
}

static int fill_keys(struct call *c, const struct view *v, struct sort_key *keys, size_t n, size_t columns)
{
	for (size_t i = 0; i < n; i++) {
		keys[i] = (struct sort_key){ c->input->items[i], xcalloc(columns, sizeof(struct value *)), i };
		for (size_t k = 0; k < v->columns.n; k++) {
			int r = view_cell(c->sh, &v->columns.items[k], keys[i].item, &keys[i].keys[k]);

			if (r < 0)
				return r;
		}
		if (!v->columns.n)
			keys[i].keys[0] = value_ref(keys[i].item);
	}
	return FLOW_OK;
}

static int put_sorted(struct call *c, const struct sort_key *keys, size_t n, const struct sort_order *o)
{
	bool unique = call_switch(c, "Unique");

	for (size_t i = 0; i < n; i++) {
		bool same = i > 0;
		int r;

		for (size_t k = 0; same && k < o->n; k++)
			same = op_compare(keys[i].keys[k], keys[i - 1].keys[k], o->with_case) == 0;
		if (unique && same)
			continue;
		r = sink_add(c->sh, c->out, keys[i].item);
		if (r < 0)
			return r;
	}
	return FLOW_OK;
}

/* @{Expression=...; Descending=$true} */
static void own_order(const struct value *properties, const struct view *v, bool *descending)
{
	for (size_t i = 0; i < v->columns.n; i++) {
		const struct value *p = value_is_array(properties) ? (i < properties->n ? properties->items[i] : NULL) : properties;

		if (value_kind(p) == V_HASH && bag_find(p, "Descending"))
			descending[i] = value_truth(bag_get(p, "Descending"));
		if (value_kind(p) == V_HASH && bag_find(p, "Ascending"))
			descending[i] = !value_truth(bag_get(p, "Ascending"));
	}
}

int builtin_sort(struct call *c)
{
	size_t n = c->input ? c->input->n : 0, columns;
	_cleanup_(view_done) struct view v = {};
	_cleanup_free_ bool *descending = NULL;
	struct sort_key *keys;
	struct sort_order o;
	int r = FLOW_OK;

	if (!n)
		return FLOW_OK;
	if (call_arg(c, "Property"))
		r = view_columns(c->sh, c->node, &v, call_arg(c, "Property"), c->input->items[0]);
	if (r < 0)
		return r;
	columns = MAX(v.columns.n, 1u);
	descending = xcalloc(columns, sizeof(*descending));
	for (size_t i = 0; i < columns; i++)
		descending[i] = call_switch(c, "Descending");
	own_order(call_arg(c, "Property"), &v, descending);
	o = (struct sort_order){ columns, descending, call_switch(c, "CaseSensitive") };
	keys = xcalloc(n, sizeof(*keys));
	r = fill_keys(c, &v, keys, n, columns);
	if (r == 0) {
		qsort_r(keys, n, sizeof(*keys), compare_keys, &o);
		r = put_sorted(c, keys, n, &o);
	}
	keys_free(keys, n, columns);
	return r;
}

static struct value *find_group(struct call *c, struct value *groups, struct map *index, const char *name)
{
	struct value *g = map_get_str(index, name);

	if (g)
		return g;
	g = value_object(&c->sh->heap, "GroupInfo");
	bag_set_take(g, "Count", value_int(&c->sh->heap, 0));
	bag_set_take(g, "Name", value_string(&c->sh->heap, name));
	bag_set_take(g, "Group", value_array(&c->sh->heap));
	map_put_str(index, name, g);
	array_add_take(groups, g);
	return g;
}

int builtin_group(struct call *c)
{
	_cleanup_value_ struct value *groups = value_array(&c->sh->heap), *table = NULL;
	_cleanup_map_ struct map *index = map_new();
	_cleanup_(view_done) struct view v = {};
	size_t n = c->input ? c->input->n : 0;
	int r = FLOW_OK;

	if (n && call_arg(c, "Property"))
		r = view_columns(c->sh, c->node, &v, call_arg(c, "Property"), c->input->items[0]);
	for (size_t i = 0; i < n && r == 0; i++) {
		_cleanup_str_ struct str name = {};
		struct value *g;

		for (size_t k = 0; k < v.columns.n && r == 0; k++) {
			_cleanup_value_ struct value *cell = NULL;

			r = view_cell(c->sh, &v.columns.items[k], c->input->items[i], &cell);
			if (k)
				str_add(&name, ", ");
			value_add_text(&name, cell);
		}
		if (!v.columns.n)
			value_add_text(&name, c->input->items[i]);
		g = find_group(c, groups, index, str_get(&name));
		array_add(bag_get(g, "Group"), c->input->items[i]);
		bag_set_take(g, "Count", value_int(&c->sh->heap, (int64_t)bag_get(g, "Group")->n));
	}
	if (r < 0)
		return r;
	for (size_t i = 0; call_switch(c, "NoElement") && i < groups->n; i++)
		bag_del(groups->items[i], "Group");
	if (!call_switch(c, "AsHashTable"))
		return sink_add_all(c->sh, c->out, groups);
	table = value_hash(&c->sh->heap);
	for (size_t i = 0; i < groups->n; i++)
		bag_set(table, bag_get_string(groups->items[i], "Name"), bag_get(groups->items[i], "Group"));
	return sink_add(c->sh, c->out, table);
}

struct measure {
	int64_t count;
	double sum;
	bool whole;
	struct value *min, *max; /* borrowed from the values, held */
};

static int measure_add(struct call *c, struct measure *m, struct value *v, bool numeric)
{
	double d;

	if (numeric) {
		if (value_to_real(v, &d) < 0)
			return sh_throw(c->sh, c->node, "NonNumericInputObject,Measure-Object", "Input object is not numeric.");
		m->sum += d;
		m->whole &= value_kind(v) != V_REAL && d == rint(d);
	}
	m->count++;
	if (!m->min || op_compare(v, m->min, false) < 0) {
		value_unref(m->min);
		m->min = value_ref(v);
	}
	if (!m->max || op_compare(v, m->max, false) > 0) {
		value_unref(m->max);
		m->max = value_ref(v);
	}
	return FLOW_OK;
}

static int put_measure(struct call *c, struct measure *m, const char *property)
{
	struct heap *h = &c->sh->heap;
	_cleanup_value_ struct value *o = value_object(h, "MeasureInfo");
	bool whole = m->whole && m->sum < 9e15 && m->sum > -9e15;

	bag_set_take(o, "Count", value_int(h, m->count));
	bag_set_take(o, "Average", call_switch(c, "Average") && m->count ? value_real(h, m->sum / (double)m->count) : NULL);
	bag_set_take(o, "Sum", !call_switch(c, "Sum") ? NULL : whole ? value_int(h, (int64_t)m->sum) : value_real(h, m->sum));
	bag_set(o, "Maximum", call_switch(c, "Maximum") ? m->max : NULL);
	bag_set(o, "Minimum", call_switch(c, "Minimum") ? m->min : NULL);
	bag_set_take(o, "Property", property ? value_string(h, property) : NULL);
	return sink_add(c->sh, c->out, o);
}

static int measure_property(struct call *c, const char *property)
{
	bool numeric = call_switch(c, "Sum") || call_switch(c, "Average");
	struct measure m = { .whole = true };
	int r = FLOW_OK;

	for (size_t i = 0; c->input && i < c->input->n && r == 0; i++) {
		_cleanup_value_ struct value *v = value_ref(c->input->items[i]), *inner = NULL;

		if (property) {
			if (!bag_find(v, property) && !value_is_string(v))
				continue;
			r = member_get(c->sh, c->node, v, property, &inner);
			if (r < 0)
				break;
			value_unref(v);
			v = TAKE_PTR(inner);
		}
		if (v)
			r = measure_add(c, &m, v, numeric);
	}
	if (r == 0)
		r = put_measure(c, &m, property);
	value_unref(m.min);
	value_unref(m.max);
	return r;
}

int builtin_measure(struct call *c)
{
	_cleanup_value_ struct value *list = NULL;
	int r = FLOW_OK;

	if (!call_arg(c, "Property"))
		return measure_property(c, NULL);
	list = value_array(&c->sh->heap);
	array_add_all(list, call_arg(c, "Property"));
	for (size_t i = 0; i < list->n && r == 0; i++) {
		_cleanup_free_ char *name = value_text(list->items[i]);

		r = measure_property(c, name);
	}
	return r;
}
