/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"

#include <errno.h>
#include <strings.h>

int eval_step(struct shell *sh, const struct node *at)
{
	if (sh->host->interrupted && *sh->host->interrupted) {
		sh_throw(sh, at, "PipelineStopped", "The run was interrupted.");
		sh->error_stops = true;
		return FLOW_ERROR;
	}
	sh->steps++;
	if ((sh->options.step_limit && sh->steps > sh->options.step_limit) || heap_is_full(&sh->heap)) {
		sh_throw(sh, at, "LimitsExceeded", heap_is_full(&sh->heap) ? "The values of the script take more memory than %s." :
			 "The script takes more steps than %s.", "allowed");
		sh->error_stops = true;
		return FLOW_ERROR;
	}
	return FLOW_OK;
}

int eval_enter(struct shell *sh, const struct node *at)
{
	int r = eval_step(sh, at);

	if (r < 0)
		return r;
	if (sh->depth >= EVAL_MAX_DEPTH) {
		sh_throw(sh, at, "CallDepthOverflow", "The call depth is beyond the limit.");
		sh->error_stops = true;
		return FLOW_ERROR;
	}
	sh->depth++;
	return FLOW_OK;
}

static int eval_expand(struct shell *sh, const struct node *n, struct value **ret)
{
	_cleanup_str_ struct str s = {};

	for (size_t i = 0; i < n->nkids; i++) {
		_cleanup_value_ struct value *v = NULL;
		int r;

		if (n->kids[i]->kind == N_STRING) {
			str_add(&s, n->kids[i]->text);
			continue;
		}
		r = eval_expr(sh, n->kids[i], &v);
		if (r < 0)
			return r;
		value_add_text(&s, v);
		if (s.len > VALUE_MAX_STRING)
			return sh_throw(sh, n, "LimitsExceeded", "The string is longer than %u bytes.", VALUE_MAX_STRING);
	}
	*ret = value_string_take(&sh->heap, str_take(&s));
	return FLOW_OK;
}

static int eval_items(struct shell *sh, const struct node *n, size_t from, struct value **ret)
{
	_cleanup_value_ struct value *list = value_array(&sh->heap);

	for (size_t i = from; i < n->nkids; i++) {
		struct value *v = NULL;
		int r = eval_expr(sh, n->kids[i], &v);

		if (r < 0)
			return r;
		array_add_take(list, v);
	}
	*ret = TAKE_PTR(list);
	return FLOW_OK;
}

static int eval_hash(struct shell *sh, const struct node *n, struct value **ret)
{
	_cleanup_value_ struct value *hash = value_hash(&sh->heap);

	for (size_t i = 0; i + 1 < n->nkids; i += 2) {
		_cleanup_value_ struct value *key = NULL, *v = NULL;
		_cleanup_free_ char *name = NULL;
		int r = eval_expr(sh, n->kids[i], &key);

		if (r == 0)
			r = eval_to_value(sh, n->kids[i + 1], &v);
		if (r < 0)
			return r;
		name = value_text(key);
		if (bag_find(hash, name))
			return sh_throw(sh, n->kids[i], "DuplicateKeyInHashLiteral",
					"Duplicate keys '%s' are not allowed in hash literals.", name);
		bag_set(hash, name, v);
	}
	*ret = TAKE_PTR(hash);
	return FLOW_OK;
}

static int eval_logic(struct shell *sh, const struct node *n, struct value **ret)
{
	_cleanup_value_ struct value *a = NULL, *b = NULL;
	int r = eval_expr(sh, n->kids[0], &a);
	bool left;

	if (r < 0)
		return r;
	left = value_truth(a);
	if ((n->op == OP_AND && !left) || (n->op == OP_OR && left)) {
		*ret = value_bool(&sh->heap, left);
		return FLOW_OK;
	}
	r = eval_expr(sh, n->kids[1], &b);
	if (r < 0)
		return r;
	*ret = value_bool(&sh->heap, n->op == OP_XOR ? left != value_truth(b) : value_truth(b));
	return FLOW_OK;
}

static int eval_binary(struct shell *sh, const struct node *n, struct value **ret)
{
	_cleanup_value_ struct value *a = NULL, *b = NULL;
	int r;

	if (n->op == OP_AND || n->op == OP_OR || n->op == OP_XOR)
		return eval_logic(sh, n, ret);
	r = eval_expr(sh, n->kids[0], &a);
	if (r == 0)
		r = eval_expr(sh, n->kids[1], &b);
	return r < 0 ? r : op_binary(sh, n, n->op, a, b, ret);
}

static int eval_incdec(struct shell *sh, const struct node *n, struct value **ret)
{
	_cleanup_value_ struct value *old = NULL, *one = value_int(&sh->heap, 1), *v = NULL;
	int r = eval_expr(sh, n->kids[0], &old);

	if (r == 0)
		r = op_binary(sh, n, n->op == OP_INC ? OP_ADD : OP_SUB, old ? old : one, one, &v);
	if (r == 0 && !old) {
		value_unref(v);
		v = value_int(&sh->heap, n->op == OP_INC ? 1 : -1);
	}
	if (r == 0)
		r = eval_assign_to(sh, n->kids[0], v);
	if (r < 0)
		return r;
	if (n->flags & NF_PREFIX)
		*ret = TAKE_PTR(v);
	else
		*ret = old ? TAKE_PTR(old) : value_int(&sh->heap, 0);
	return FLOW_OK;
}

static int eval_name(struct shell *sh, const struct node *n, char **ret)
{
	_cleanup_value_ struct value *v = NULL;
	int r = eval_expr(sh, n, &v);

	if (r == 0)
		*ret = value_text(v);
	return r;
}

static int eval_member(struct shell *sh, const struct node *n, struct value **ret)
{
	_cleanup_value_ struct value *object = NULL, *args = NULL;
	_cleanup_free_ char *name = NULL;
	int r = eval_expr(sh, n->kids[0], &object);

	if (r == 0)
		r = eval_name(sh, n->kids[1], &name);
	if (r == 0 && n->kind == N_INVOKE)
		r = eval_items(sh, n, 2, &args);
	if (r < 0)
		return r;
	if (n->flags & NF_STATIC)
		return value_kind(object) == V_TYPE ? member_static(sh, n, object->type_id, name, args, ret) :
			sh_throw(sh, n, "NotAType", "'::' must follow a [type].");
	if (n->kind == N_INVOKE)
		return member_call(sh, n, object, name, args, ret);
	return member_get(sh, n, object, name, ret);
}

static int eval_index(struct shell *sh, const struct node *n, struct value **ret)
{
	_cleanup_value_ struct value *object = NULL, *index = NULL;
	int r = eval_expr(sh, n->kids[0], &object);

	if (r == 0)
		r = eval_expr(sh, n->kids[1], &index);
	return r < 0 ? r : member_index(sh, n, object, index, ret);
}

static int eval_cast(struct shell *sh, const struct node *n, struct value **ret)
{
	_cleanup_value_ struct value *v = NULL;
	_cleanup_err_ struct err *e = NULL;
	int r = eval_expr(sh, n->kids[0], &v);

	if (r < 0)
		return r;
	/* [PSCustomObject]@{} and [ordered]@{} keep the order of the literal: all tables here do. */
	if (value_cast(&sh->heap, v, n->op, ret, &e) < 0)
		return sh_throw_err(sh, n, NULL, e);
	return FLOW_OK;
}

static int eval_leaf(struct shell *sh, const struct node *n, struct value **ret)
{
	switch (n->kind) {
	case N_INT:
		*ret = value_int(&sh->heap, n->num);
		break;
	case N_REAL:
		*ret = value_real(&sh->heap, n->real);
		break;
	case N_STRING:
	case N_RAWBLOCK:
		*ret = value_string(&sh->heap, n->text);
		break;
	case N_VAR:
		*ret = var_get(sh, n->text);
		break;
	case N_BLOCK:
		*ret = value_block(&sh->heap, sh->script, n);
		break;
	case N_TYPE:
		*ret = value_type(&sh->heap, n->op);
		break;
	default:
		return sh_throw(sh, n, "NotAnExpression", "This has no value.");
	}
	return FLOW_OK;
}

static int eval_inner(struct shell *sh, const struct node *n, struct value **ret)
{
	_cleanup_value_ struct value *a = NULL;
	int r;

	switch (n->kind) {
	case N_EXPAND:
		return eval_expand(sh, n, ret);
	case N_ARRAY:
		return eval_items(sh, n, 0, ret);
	case N_PAREN:
	case N_SUB:
		return eval_to_value(sh, n->kids[0], ret);
	case N_ARRAYSUB:
		return eval_to_array(sh, n->kids[0], ret);
	case N_HASH:
		return eval_hash(sh, n, ret);
	case N_CAST:
		return eval_cast(sh, n, ret);
	case N_UNARY:
		r = eval_expr(sh, n->kids[0], &a);
		return r < 0 ? r : op_unary(sh, n, n->op, a, ret);
	case N_BINARY:
		return eval_binary(sh, n, ret);
	case N_INCDEC:
		return eval_incdec(sh, n, ret);
	case N_MEMBER:
	case N_INVOKE:
		return eval_member(sh, n, ret);
	case N_INDEX:
		return eval_index(sh, n, ret);
	default:
		return eval_leaf(sh, n, ret);
	}
}

int eval_expr(struct shell *sh, const struct node *n, struct value **ret)
{
	struct value *v = NULL;
	int r = eval_enter(sh, n);

	if (r < 0)
		return r;
	r = eval_inner(sh, n, &v);
	eval_leave(sh);
	if (r == 0)
		*ret = v;
	return r;
}

static int assign_list(struct shell *sh, const struct node *target, struct value *v)
{
	size_t n = value_is_array(v) ? v->n : 1;

	for (size_t i = 0; i < target->nkids; i++) {
		_cleanup_value_ struct value *part = NULL;
		int r;

		if (i + 1 == target->nkids && n > target->nkids) {
			part = value_array(&sh->heap);
			for (size_t k = i; k < n; k++)
				array_add(part, v->items[k]);
		} else if (i < n) {
			part = value_ref(value_is_array(v) ? v->items[i] : v);
		}
		r = eval_assign_to(sh, target->kids[i], part);
		if (r < 0)
			return r;
	}
	return FLOW_OK;
}

int eval_assign_to(struct shell *sh, const struct node *target, struct value *v)
{
	_cleanup_value_ struct value *object = NULL, *index = NULL, *cast = NULL;
	_cleanup_err_ struct err *e = NULL;
	_cleanup_free_ char *name = NULL;
	int r;

	switch (target->kind) {
	case N_VAR:
		return var_set(sh, target, target->text, v);
	case N_ARRAY:
		return assign_list(sh, target, v);
	case N_CAST:
		if (value_cast(&sh->heap, v, target->op, &cast, &e) < 0)
			return sh_throw_err(sh, target, NULL, e);
		return eval_assign_to(sh, target->kids[0], cast);
	case N_MEMBER:
		r = eval_expr(sh, target->kids[0], &object);
		if (r == 0)
			r = eval_name(sh, target->kids[1], &name);
		return r < 0 ? r : member_set(sh, target, object, name, v);
	case N_INDEX:
		r = eval_expr(sh, target->kids[0], &object);
		if (r == 0)
			r = eval_expr(sh, target->kids[1], &index);
		return r < 0 ? r : member_index_set(sh, target, object, index, v);
	default:
		return sh_throw(sh, target, "InvalidLeftHandSide", "This cannot be assigned to.");
	}
}
