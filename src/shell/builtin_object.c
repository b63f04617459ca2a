/* SPDX-License-Identifier: Apache-2.0 */
#include "builtin.h"

/* Where-Object, ForEach-Object, Select-Object, New-Object, Add-Member, Get-Member. */

static const struct { const char *name; int op; } where_ops[] = {
	{ "EQ", OP_EQ }, { "NE", OP_NE }, { "GT", OP_GT }, { "GE", OP_GE }, { "LT", OP_LT }, { "LE", OP_LE },
	{ "Like", OP_LIKE }, { "NotLike", OP_NOTLIKE }, { "Match", OP_MATCH }, { "NotMatch", OP_NOTMATCH },
	{ "Contains", OP_CONTAINS }, { "NotContains", OP_NOTCONTAINS }, { "In", OP_IN }, { "NotIn", OP_NOTIN },
	{ "CEQ", OP_EQ | OP_CASE }, { "CNE", OP_NE | OP_CASE }, { "CLike", OP_LIKE | OP_CASE }, { "CMatch", OP_MATCH | OP_CASE },
	{ "Is", OP_IS }, { "IsNot", OP_ISNOT },
};

static int where_simple(struct call *c, struct value *item, bool *ret)
{
	_cleanup_free_ char *name = value_text(call_arg(c, "Property"));
	_cleanup_value_ struct value *v = NULL, *result = NULL;
	int r = member_get(c->sh, c->node, item, name, &v);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(where_ops); i++) {
		if (!call_switch(c, where_ops[i].name))
			continue;
		r = op_binary(c->sh, c->node, where_ops[i].op, v, call_arg(c, "Value"), &result);
		*ret = r == 0 && value_truth(result);
		return r;
	}
	*ret = value_truth(v) != call_switch(c, "Not");
	return FLOW_OK;
}

int builtin_where(struct call *c)
{
	struct value *block = call_arg(c, "FilterScript") ? call_arg(c, "FilterScript") : call_arg(c, "Property");

	for (size_t i = 0; c->input && i < c->input->n; i++) {
		_cleanup_value_ struct value *v = NULL;
		bool yes = false;
		int r;

		if (value_kind(block) == V_BLOCK) {
			r = eval_block_value(c->sh, block, c->input->items[i], &v);
			yes = r == 0 && value_truth(v);
		} else if (!block) {
			return sh_throw(c->sh, c->node, "MissingMandatoryParameter,Where-Object", "Where-Object wants a filter.");
		} else {
			r = where_simple(c, c->input->items[i], &yes);
		}
		if (r == 0 && yes)
			r = sink_add(c->sh, c->out, c->input->items[i]);
		if (r < 0)
			return r;
	}
	return FLOW_OK;
}

static int foreach_member(struct call *c, struct value *item, const char *name)
{
	_cleanup_value_ struct value *v = NULL, *none = NULL;
	int r;

	if (!bag_find(item, name) && method_known(name)) {
		none = value_array(&c->sh->heap);
		r = member_call(c->sh, c->node, item, name, none, &v);
	} else {
		r = member_get(c->sh, c->node, item, name, &v);
	}
	return r < 0 ? r : sink_add_all(c->sh, c->out, v);
}

/* The blocks in the order they stand: begin, process, end; one is process. */
static int run_process(struct call *c, const struct value *blocks, size_t from, size_t to)
{
	for (size_t i = 0; i < (c->input ? c->input->n : 1); i++)
		for (size_t k = from; k < to; k++) {
			_cleanup_free_ char *name = NULL;
			struct value *item = c->input ? c->input->items[i] : NULL;
			int r;

			if (value_kind(blocks->items[k]) == V_BLOCK) {
				r = eval_block_item(c->sh, blocks->items[k], item, c->out);
			} else {
				name = value_text(blocks->items[k]);
				r = foreach_member(c, item, name);
			}
			if (r < 0)
				return r;
		}
	return FLOW_OK;
}

int builtin_foreach(struct call *c)
{
	_cleanup_value_ struct value *blocks = value_array(&c->sh->heap);
	struct value *begin = call_arg(c, "Begin"), *end = call_arg(c, "End"), *member = call_arg(c, "MemberName");
	size_t from = 0, to;
	int r = FLOW_OK;

	if (call_arg(c, "Process"))
		array_add_all(blocks, call_arg(c, "Process"));
	if (member)
		array_add(blocks, member);
	if (call_arg(c, "RemainingScripts"))
		array_add_all(blocks, call_arg(c, "RemainingScripts"));
	to = blocks->n;
	if (!begin && to >= 2)
		begin = blocks->items[from++];
	if (!end && to - from >= 2)
		end = blocks->items[--to];
	if (value_kind(begin) == V_BLOCK)
		r = eval_block_item(c->sh, begin, NULL, c->out);
	if (r == 0)
		r = run_process(c, blocks, from, to);
	if (r == 0 && value_kind(end) == V_BLOCK)
		r = eval_block_item(c->sh, end, NULL, c->out);
	return r;
}

static int64_t number_arg(const struct call *c, const char *name, int64_t otherwise)
{
	int64_t v;

	return call_arg(c, name) && value_to_int(call_arg(c, name), &v) == 0 ? MAX(v, 0) : otherwise;
}

static bool same_objects(const struct value *a, const struct value *b)
{
	if (!value_is_bag(a) || !value_is_bag(b))
		return op_equal(a, b, true);
	if (a->nprops != b->nprops)
		return false;
	for (size_t i = 0; i < a->nprops; i++) {
		_cleanup_free_ char *x = value_text(a->props[i].value), *y = value_text(b->props[i].value);

		if (!strieq(a->props[i].name, b->props[i].name) || !streq(x, y))
			return false;
	}
	return true;
}

static int put_unique(struct call *c, struct value *seen, struct value *v, bool unique)
{
	for (size_t i = 0; unique && i < seen->n; i++) {
		int r = eval_step(c->sh, c->node);

		if (r < 0 || same_objects(seen->items[i], v))
			return r;
	}
	if (unique)
		array_add(seen, v);
	return sink_add(c->sh, c->out, v);
}

static int select_properties(struct call *c, struct value *item, struct value **ret)
{
	_cleanup_value_ struct value *object = value_object(&c->sh->heap, NULL), *excluded = NULL;
	_cleanup_(view_done) struct view v = {};
	int r = view_columns(c->sh, c->node, &v, call_arg(c, "Property"), item);

	if (r < 0)
		return r;
	excluded = value_array(&c->sh->heap);
	if (call_arg(c, "ExcludeProperty"))
		array_add_all(excluded, call_arg(c, "ExcludeProperty"));
	vec_foreach(&v.columns, column) {
		struct value *cell = NULL;
		bool skip = false;

		for (size_t i = 0; i < excluded->n && !skip; i++)
			skip = value_is_string(excluded->items[i]) && wildcard_match(excluded->items[i]->s, column->label);
		if (skip)
			continue;
		r = view_cell(c->sh, column, item, &cell);
		if (r < 0)
			return r;
		bag_set_take(object, column->label, cell);
	}
	*ret = TAKE_PTR(object);
	return FLOW_OK;
}

static int select_one(struct call *c, struct value *item, struct value *seen)
{
	_cleanup_value_ struct value *v = NULL;
	_cleanup_free_ char *expand = NULL;
	bool unique = call_switch(c, "Unique");
	int r;

	if (call_arg(c, "ExpandProperty")) {
		expand = value_text(call_arg(c, "ExpandProperty"));
		if (value_is_bag(item) && !bag_find(item, expand))
			return sh_throw(c->sh, c->node, "ExpandPropertyNotFound,Select-Object", "Property \"%s\" cannot be found.", expand);
		r = member_get(c->sh, c->node, item, expand, &v);
		for (size_t i = 0; r == 0 && i < (value_is_array(v) ? v->n : 1); i++)
			r = put_unique(c, seen, value_is_array(v) ? v->items[i] : v, unique);
		return r;
	}
	if (call_arg(c, "ExcludeProperty") && !call_arg(c, "Property"))
		bag_set_take(c->args, "Property", value_string(&c->sh->heap, "*"));
	if (!call_arg(c, "Property"))
		return put_unique(c, seen, item, unique);
	r = select_properties(c, item, &v);
	return r < 0 ? r : put_unique(c, seen, v, unique);
}

int builtin_select(struct call *c)
{
	_cleanup_value_ struct value *seen = value_array(&c->sh->heap);
	size_t n = c->input ? c->input->n : 0, start, end;

	start = (size_t)MIN(number_arg(c, "Skip", 0), (int64_t)n);
	end = n - (size_t)MIN(number_arg(c, "SkipLast", 0), (int64_t)(n - start));
	if (call_arg(c, "Index")) {
		_cleanup_value_ struct value *list = value_array(&c->sh->heap);
		int64_t i;

		array_add_all(list, call_arg(c, "Index"));
		for (size_t k = 0; k < list->n; k++)
			if (value_to_int(list->items[k], &i) == 0 && i >= 0 && (uint64_t)i < n) {
				int r = select_one(c, c->input->items[i], seen);

				if (r < 0)
					return r;
			}
		return FLOW_OK;
	}
	if (call_arg(c, "First"))
		end = MIN(end, start + (size_t)MIN(number_arg(c, "First", 0), (int64_t)n));
	else if (call_arg(c, "Last"))
		start = MAX(start, end - (size_t)MIN(number_arg(c, "Last", 0), (int64_t)end));
	for (size_t i = start; i < end; i++) {
		int r = select_one(c, c->input->items[i], seen);

		if (r < 0)
			return r;
	}
	return FLOW_OK;
}

int builtin_new_object(struct call *c)
{
	_cleanup_free_ char *type = value_text(call_arg(c, "TypeName"));
	struct value *properties = call_arg(c, "Property");
	_cleanup_value_ struct value *v = NULL;
	int id = type_find(type);

	if (id == T_ARRAY)
		v = value_array(&c->sh->heap);
	else if (id == T_HASHTABLE || id == T_ORDERED)
		v = value_hash(&c->sh->heap);
	else if (id == T_PSCUSTOM || id == T_OBJECT)
		v = value_object(&c->sh->heap, NULL);
	else
		return sh_throw(c->sh, c->node, "TypeNotFound,New-Object", "Cannot make an object of type [%s].", type);
	for (size_t i = 0; value_is_bag(v) && value_is_bag(properties) && i < properties->nprops; i++)
		bag_set(v, properties->props[i].name, properties->props[i].value);
	return sink_add(c->sh, c->out, v);
}

int builtin_add_member(struct call *c)
{
	_cleanup_free_ char *kind = value_text(call_arg(c, "MemberType")), *name = value_text(call_arg(c, "Name"));
	struct value *object = call_arg(c, "InputObject") ? call_arg(c, "InputObject") : c->input && c->input->n ? c->input->items[0] : NULL;
	struct value *many = call_arg(c, "NotePropertyMembers");

	if (*kind && !strieq(kind, "NoteProperty"))
		return sh_throw(c->sh, c->node, "NotSupported,Add-Member", "Members of type %s are not supported.", kind);
	if (call_arg(c, "NotePropertyName")) {
		free(name);
		name = value_text(call_arg(c, "NotePropertyName"));
	}
	if (!value_is_bag(object))
		return sh_throw(c->sh, c->node, "NotSupported,Add-Member", "Only objects take members.");
	if (value_is_bag(many))
		for (size_t i = 0; i < many->nprops; i++)
			bag_set(object, many->props[i].name, many->props[i].value);
	else
		bag_set(object, name, call_arg(c, call_arg(c, "NotePropertyValue") ? "NotePropertyValue" : "Value"));
	return call_switch(c, "PassThru") ? sink_add(c->sh, c->out, object) : FLOW_OK;
}

int builtin_get_member(struct call *c)
{
	const struct value *v = call_arg(c, "InputObject") ? call_arg(c, "InputObject") :
		c->input && c->input->n ? c->input->items[0] : NULL;

	for (size_t i = 0; value_is_bag(v) && i < v->nprops; i++) {
		struct value *m = value_object(&c->sh->heap, NULL);
		int r;

		bag_set_take(m, "Name", value_string(&c->sh->heap, v->props[i].name));
		bag_set_take(m, "MemberType", value_string(&c->sh->heap, "Property"));
		bag_set_take(m, "Definition", value_string(&c->sh->heap, value_type_name(v->props[i].value)));
		r = sink_add(c->sh, c->out, m);
		value_unref(m);
		if (r < 0)
			return r;
	}
	return FLOW_OK;
}
