/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"

#include <strings.h>

static const int go_on = 1; /* inside loops: next turn */

int sink_add(struct shell *sh, struct sink *out, struct value *v)
{
	_cleanup_value_ struct value *one = NULL;

	if (out->items) {
		if (array_add(out->items, v) < 0)
			return sh_throw(sh, NULL, "LimitsExceeded", "There are more than %u objects.", VALUE_MAX_ITEMS);
		return FLOW_OK;
	}
	if (!v)
		return FLOW_OK;
	one = value_array(&sh->heap);
	array_add(one, v);
	out_console(sh, one);
	return FLOW_OK;
}

int sink_add_all(struct shell *sh, struct sink *out, struct value *v)
{
	if (!value_is_array(v))
		return sink_add(sh, out, v);
	if (!out->items) {
		out_console(sh, v);
		return FLOW_OK;
	}
	if (array_add_all(out->items, v) < 0)
		return sh_throw(sh, NULL, "LimitsExceeded", "There are more than %u objects.", VALUE_MAX_ITEMS);
	return FLOW_OK;
}

int eval_to_array(struct shell *sh, const struct node *n, struct value **ret)
{
	_cleanup_value_ struct value *items = value_array(&sh->heap);
	struct sink out = { items };
	int r = n->kind == N_STATEMENTS ? eval_statements(sh, n, &out) : eval_statement(sh, n, &out);

	if (r == 0)
		*ret = TAKE_PTR(items);
	return r;
}

int eval_to_value(struct shell *sh, const struct node *n, struct value **ret)
{
	_cleanup_value_ struct value *items = NULL;
	int r;

	/* A lone expression keeps what it is: an array of one stays an array. */
	if (n->kind == N_PIPELINE && n->nkids == 1 && n->kids[0]->kind != N_COMMAND) {
		r = eval_expr(sh, n->kids[0], ret);
		if (r == 0)
			sh->ok = true;
		return r;
	}
	r = eval_to_array(sh, n, &items);
	if (r == 0)
		*ret = array_collapse(items);
	return r;
}

static int eval_assign(struct shell *sh, const struct node *n)
{
	_cleanup_value_ struct value *v = NULL, *old = NULL, *sum = NULL;
	int r;

	if (n->kids[1]->kind == N_ASSIGN) { /* $a = $b = 1 */
		r = eval_assign(sh, n->kids[1]);
		if (r == 0)
			r = eval_expr(sh, n->kids[1]->kids[0], &v);
	} else {
		r = eval_to_value(sh, n->kids[1], &v);
	}
	if (r < 0)
		return r;
	if (n->op == OP_NONE)
		return eval_assign_to(sh, n->kids[0], v);
	r = eval_expr(sh, n->kids[0], &old);
	if (r == 0)
		r = op_binary(sh, n, n->op, old, v, &sum);
	return r < 0 ? r : eval_assign_to(sh, n->kids[0], sum);
}

static int eval_condition(struct shell *sh, const struct node *n, bool *ret)
{
	_cleanup_value_ struct value *v = NULL;
	int r = eval_to_value(sh, n, &v);

	if (r == 0)
		*ret = value_truth(v);
	return r;
}

static int eval_if(struct shell *sh, const struct node *n, struct sink *out)
{
	size_t i;

	for (i = 0; i + 1 < n->nkids; i += 2) {
		bool yes = false;
		int r = eval_condition(sh, n->kids[i], &yes);

		if (r < 0)
			return r;
		if (yes)
			return eval_statements(sh, n->kids[i + 1], out);
	}
	return i < n->nkids ? eval_statements(sh, n->kids[i], out) : FLOW_OK;
}

static int pattern_fits(struct shell *sh, const struct node *n, const struct node *pattern, struct value *item, bool *ret)
{
	_cleanup_value_ struct value *p = NULL, *v = NULL;
	_cleanup_free_ char *text = NULL, *regex = NULL;
	int r = eval_expr(sh, pattern, &p);

	if (r < 0)
		return r;
	if (value_kind(p) == V_BLOCK) {
		r = eval_block_value(sh, p, item, &v);
		*ret = r == 0 && value_truth(v);
		return r;
	}
	if (n->flags & NF_WILDCARD) {
		*ret = op_like(sh, item, p, n->flags & NF_CASE) > 0;
		return FLOW_OK;
	}
	if (n->flags & NF_REGEX) {
		text = value_text(item);
		regex = value_text(p);
		return op_match(sh, pattern, text, regex, n->flags & NF_CASE, ret);
	}
	*ret = op_equal(item, p, n->flags & NF_CASE);
	return FLOW_OK;
}

/* Every clause that fits runs, as PowerShell does it; default when none did. */
static int switch_item(struct shell *sh, const struct node *n, struct value *item, struct sink *out)
{
	bool any = false;

	for (size_t i = 1; i + 1 < n->nkids; i += 2) {
		bool fits = false;
		int r;

		if (!n->kids[i])
			continue;
		r = pattern_fits(sh, n, n->kids[i], item, &fits);
		if (r == 0 && fits) {
			any = true;
			r = eval_statements(sh, n->kids[i + 1], out);
		}
		if (r < 0)
			return r == FLOW_CONTINUE ? FLOW_OK : r;
	}
	for (size_t i = 1; i + 1 < n->nkids && !any; i += 2) {
		int r = n->kids[i] ? FLOW_OK : eval_statements(sh, n->kids[i + 1], out);

		if (r < 0)
			return r == FLOW_CONTINUE ? FLOW_OK : r;
	}
	return FLOW_OK;
}

static int eval_switch(struct shell *sh, const struct node *n, struct sink *out)
{
	_cleanup_value_ struct value *v = NULL, *list = NULL, *saved = value_ref(sh->item);
	int r = eval_to_value(sh, n->kids[0], &v);

	if (r < 0)
		return r;
	list = value_array(&sh->heap);
	array_add_all(list, v);
	for (size_t i = 0; i < list->n && r == 0; i++) {
		value_unref(sh->item);
		sh->item = value_ref(list->items[i]);
		r = switch_item(sh, n, list->items[i], out);
	}
	value_unref(sh->item);
	sh->item = TAKE_PTR(saved);
	return r == FLOW_BREAK ? FLOW_OK : r;
}

/* One turn of a loop's body: go_on, FLOW_OK when the loop ends in peace, or what unwinds. */
static int loop_turn(struct shell *sh, const struct node *body, struct sink *out)
{
	int r = eval_step(sh, body);

	if (r == 0)
		r = eval_statements(sh, body, out);
	if (r == 0 || r == FLOW_CONTINUE)
		return go_on;
	return r == FLOW_BREAK ? FLOW_OK : r;
}

static int eval_for(struct shell *sh, const struct node *n, struct sink *out)
{
	_cleanup_value_ struct value *none = value_array(&sh->heap);
	struct sink nowhere = { none };
	int r = n->kids[0] ? eval_statement(sh, n->kids[0], &nowhere) : FLOW_OK;

	while (r == 0) {
		bool yes = true;

		if (n->kids[1])
			r = eval_condition(sh, n->kids[1], &yes);
		if (r < 0 || !yes)
			break;
		r = loop_turn(sh, n->kids[3], out);
		if (r != go_on)
			break;
		r = n->kids[2] ? eval_statement(sh, n->kids[2], &nowhere) : FLOW_OK;
	}
	return r;
}

static int eval_foreach(struct shell *sh, const struct node *n, struct sink *out)
{
	_cleanup_value_ struct value *v = NULL, *list = NULL;
	int r = eval_to_value(sh, n->kids[1], &v);

	if (r < 0)
		return r;
	list = value_array(&sh->heap);
	if (v)
		array_add_all(list, v);
	for (size_t i = 0; i < list->n; i++) {
		r = var_set(sh, n, n->kids[0]->text, list->items[i]);
		if (r == 0)
			r = loop_turn(sh, n->kids[2], out);
		if (r != go_on)
			return r;
	}
	return FLOW_OK;
}

static int eval_while(struct shell *sh, const struct node *n, struct sink *out)
{
	for (;;) {
		bool yes = false;
		int r = eval_condition(sh, n->kids[0], &yes);

		if (r < 0 || !yes)
			return r;
		r = loop_turn(sh, n->kids[1], out);
		if (r != go_on)
			return r;
	}
}

static int eval_do(struct shell *sh, const struct node *n, struct sink *out)
{
	for (;;) {
		bool yes = false;
		int r = loop_turn(sh, n->kids[0], out);

		if (r != go_on)
			return r;
		r = eval_condition(sh, n->kids[1], &yes);
		if (r < 0 || yes == (n->op == OP_UNTIL))
			return r;
	}
}

static bool catches(const struct node *n, const struct value *record)
{
	/* Types of exceptions of Windows do not exist here: a typed catch takes what a general one would. */
	return n->kind == N_CATCH && record;
}

static int eval_try(struct shell *sh, const struct node *n, struct sink *out)
{
	bool was_trapping = sh->trapping;
	int r, f;

	sh->trapping = true;
	r = eval_statements(sh, n->kids[0], out);
	sh->trapping = was_trapping;
	for (size_t i = 1; i < n->nkids && r == FLOW_ERROR; i++) {
		_cleanup_value_ struct value *saved = NULL;

		if (!catches(n->kids[i], sh->error) || (sh->host->interrupted && *sh->host->interrupted) ||
		    heap_is_full(&sh->heap))
			continue;
		array_add(sh->errors, sh->error);
		saved = sh->item;
		sh->item = TAKE_PTR(sh->error);
		sh->error_stops = false;
		r = eval_statements(sh, n->kids[i]->kids[0], out);
		value_unref(sh->item);
		sh->item = TAKE_PTR(saved);
		break;
	}
	if (n->kids[n->nkids - 1]->kind == N_CATCH || n->nkids < 2)
		return r;
	{
		_cleanup_value_ struct value *held = TAKE_PTR(sh->error);
		bool stops = sh->error_stops;

		f = eval_statements(sh, n->kids[n->nkids - 1], out);
		if (f < 0)
			return f;
		value_unref(sh->error);
		sh->error = TAKE_PTR(held);
		sh->error_stops = stops;
	}
	return r;
}

static int eval_throw(struct shell *sh, const struct node *n)
{
	_cleanup_value_ struct value *v = NULL;
	_cleanup_free_ char *message = NULL;
	int r = FLOW_OK;

	if (n->nkids)
		r = eval_to_value(sh, n->kids[0], &v);
	else
		v = value_ref(sh->item);
	if (r < 0)
		return r;
	if (value_is_type(v, T_ERRORRECORD)) {
		value_unref(sh->error);
		sh->error = TAKE_PTR(v);
	} else {
		message = v ? value_text(v) : xstrdup("ScriptHalted");
		value_unref(sh->error);
		sh->error = sh_record(sh, n, NULL, message, "OperationStopped", message, message, NULL);
	}
	sh->ok = false;
	sh->error_stops = true;
	return FLOW_ERROR;
}

static int eval_leaving(struct shell *sh, const struct node *n, struct sink *out)
{
	_cleanup_value_ struct value *v = NULL;
	int64_t code = 0;
	int r = FLOW_OK;

	if (n->kind == N_BREAK)
		return FLOW_BREAK;
	if (n->kind == N_CONTINUE)
		return FLOW_CONTINUE;
	if (n->kind == N_RETURN) {
		if (n->nkids)
			r = eval_statement(sh, n->kids[0], out);
		return r < 0 ? r : FLOW_RETURN;
	}
	if (n->nkids)
		r = eval_to_value(sh, n->kids[0], &v);
	if (r < 0)
		return r;
	if (v && value_to_int(v, &code) < 0)
		code = 1;
	sh->exit_code = (int)(code & 0xff);
	return FLOW_EXIT;
}

static int define_function(struct shell *sh, const struct node *n)
{
	struct command_spec *spec = command_spec_function(n->text, sh->script, n->kids[0]), *old;
	_cleanup_free_ char *key = xstrdup(n->text);

	for (char *c = key; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	old = map_put_str(sh->functions, key, spec);
	if (old)
		vec_push(&sh->retired, old);
	return FLOW_OK;
}

static int eval_chain(struct shell *sh, const struct node *n, struct sink *out)
{
	int r = eval_statement(sh, n->kids[0], out);

	if (r == FLOW_ERROR && !sh->error_stops && !sh->trapping) {
		sh_show_error(sh);
		r = FLOW_OK;
	}
	if (r < 0 || sh->ok != (n->op == OP_ANDAND))
		return r;
	return eval_statement(sh, n->kids[1], out);
}

static int eval_statement_inner(struct shell *sh, const struct node *n, struct sink *out)
{
	switch (n->kind) {
	case N_PIPELINE:
		return eval_pipeline(sh, n, out);
	case N_ASSIGN:
		return eval_assign(sh, n);
	case N_CHAIN:
		return eval_chain(sh, n, out);
	case N_IF:
		return eval_if(sh, n, out);
	case N_SWITCH:
		return eval_switch(sh, n, out);
	case N_FOR:
		return eval_for(sh, n, out);
	case N_FOREACH:
		return eval_foreach(sh, n, out);
	case N_WHILE:
		return eval_while(sh, n, out);
	case N_DO:
		return eval_do(sh, n, out);
	case N_FUNCTION:
		return define_function(sh, n);
	case N_TRY:
		return eval_try(sh, n, out);
	case N_THROW:
		return eval_throw(sh, n);
	case N_STATEMENTS:
		return eval_statements(sh, n, out);
	default:
		return eval_leaving(sh, n, out);
	}
}

int eval_statement(struct shell *sh, const struct node *n, struct sink *out)
{
	int r = eval_enter(sh, n);

	if (r < 0)
		return r;
	r = eval_statement_inner(sh, n, out);
	eval_leave(sh);
	return r;
}

/* An error that ends a statement does not end what follows, unless something waits to catch it. */
int eval_statements(struct shell *sh, const struct node *n, struct sink *out)
{
	for (size_t i = 0; i < n->nkids; i++) {
		int r = eval_statement(sh, n->kids[i], out);

		if (r == FLOW_ERROR && !sh->error_stops && !sh->trapping) {
			_cleanup_value_ struct value *preference = var_get(sh, "ErrorActionPreference");

			if (value_is_string(preference) && strieq(preference->s, "Stop")) {
				sh->error_stops = true;
				return r;
			}
			sh_show_error(sh);
			continue;
		}
		if (r < 0)
			return r;
	}
	return FLOW_OK;
}
