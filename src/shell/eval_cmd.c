/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"

static void set_item(struct shell *sh, struct value *item)
{
	struct value *old = sh->item;

	sh->item = value_ref(item);
	value_unref(old);
}

int eval_block_item(struct shell *sh, const struct value *block, struct value *item, struct sink *out)
{
	_cleanup_value_ struct value *saved = value_ref(sh->item);
	_cleanup_value_ _unused_ struct value *held = value_ref((struct value *)block);
	struct script *script = sh->script;
	int r = eval_enter(sh, block->node);

	if (r < 0)
		return r;
	set_item(sh, item);
	sh->script = block->script;
	for (size_t i = 1; i < block->node->nkids && r == 0; i++)
		if (block->node->kids[i])
			r = eval_statements(sh, block->node->kids[i], out);
	sh->script = script;
	set_item(sh, saved);
	eval_leave(sh);
	return r == FLOW_RETURN ? FLOW_OK : r;
}

int eval_block_value(struct shell *sh, const struct value *block, struct value *item, struct value **ret)
{
	_cleanup_value_ struct value *items = value_array(&sh->heap);
	struct sink out = { items };
	int r = eval_block_item(sh, block, item, &out);

	if (r == 0)
		*ret = array_collapse(items);
	return r;
}

static int bind_param(struct shell *sh, const struct node *at, const struct node *def, struct value *args)
{
	_cleanup_value_ struct value *v = value_ref(bag_get(args, def->text)), *cast = NULL;
	_cleanup_err_ struct err *e = NULL;
	bool given = bag_find(args, def->text);
	int r = FLOW_OK;

	if (!given && (def->flags & NF_MANDATORY)) {
		sh_throw(sh, at, "MissingMandatoryParameter",
			 "Cannot process command because of one or more missing mandatory parameters: %s.", def->text);
		return FLOW_ERROR;
	}
	if (!given && def->nkids)
		r = eval_expr(sh, def->kids[0], &v);
	if (r == 0 && def->op >= 0 && (given || def->nkids || def->op == T_SWITCH || def->op == T_BOOL)) {
		if (value_cast(&sh->heap, v, def->op, &cast, &e) < 0)
			return sh_throw_err(sh, at, NULL, e);
		return var_set(sh, def, def->text, cast);
	}
	return r < 0 ? r : var_set(sh, def, def->text, v);
}

static int run_parts(struct shell *sh, const struct node *block, struct value *input, struct sink *out)
{
	const struct node *begin = node_kid(block, 1), *process = node_kid(block, 2), *end = node_kid(block, 3);
	int r = begin ? eval_statements(sh, begin, out) : FLOW_OK;

	for (size_t i = 0; process && i < (input ? input->n : 1) && r == 0; i++) {
		_cleanup_value_ struct value *saved = value_ref(sh->item);

		if (input)
			set_item(sh, input->items[i]);
		r = eval_statements(sh, process, out);
		set_item(sh, saved);
	}
	if (r == 0 && end)
		r = eval_statements(sh, end, out);
	return r;
}

int eval_call(struct shell *sh, const struct node *at, struct script *script, const struct node *block, struct value *args,
	      struct value *rest, struct value *input, struct sink *out)
{
	const struct node *params = node_kid(block, 0);
	_cleanup_script_ _unused_ struct script *held = script_ref(script);
	struct script *caller = sh->script;
	struct value *none;
	int r = eval_enter(sh, at);

	if (r < 0)
		return r;
	scope_push(sh);
	sh->script = script;
	for (size_t i = 0; params && i < params->nkids && r == 0; i++)
		r = bind_param(sh, params->kids[i], params->kids[i], args);
	none = value_array(&sh->heap);
	if (r == 0)
		r = var_set(sh, at, "args", rest ? rest : none);
	if (r == 0)
		r = var_set(sh, at, "input", input ? input : none);
	if (r == 0 && bag_find(args, "ErrorAction"))
		r = var_set(sh, at, "ErrorActionPreference", bag_get(args, "ErrorAction"));
	value_unref(none);
	if (r == 0)
		r = run_parts(sh, block, input, out);
	sh->script = caller;
	scope_pop(sh);
	eval_leave(sh);
	return r == FLOW_RETURN ? FLOW_OK : r;
}

/* A number that stood in the text keeps its spelling where a name or an address is wanted. */
static int eval_argument(struct shell *sh, const struct node *n, enum param_kind kind, struct value **ret)
{
	if ((n->kind == N_INT || n->kind == N_REAL) && n->text && kind == PK_TEXT) {
		*ret = value_string(&sh->heap, n->text);
		return FLOW_OK;
	}
	if (n->kind == N_ARRAY) {
		_cleanup_value_ struct value *list = value_array(&sh->heap);

		for (size_t i = 0; i < n->nkids; i++) {
			struct value *v = NULL;
			int r = eval_argument(sh, n->kids[i], kind, &v);

			if (r < 0)
				return r;
			array_add_take(list, v);
		}
		*ret = TAKE_PTR(list);
		return FLOW_OK;
	}
	return eval_expr(sh, n, ret);
}

static int bind_named(struct call *c, const struct bind_plan *plan, bool *taken)
{
	for (size_t i = 0; i < plan->named.n; i++) {
		const struct bound_arg *a = &plan->named.items[i];
		_cleanup_value_ struct value *v = NULL, *flag = NULL;
		int r = FLOW_OK;

		if (a->value)
			r = eval_argument(c->sh, a->value, a->param->kind, &v);
		if (r < 0)
			return r;
		if (a->param->kind == PK_SWITCH) {
			flag = value_bool(&c->sh->heap, a->value ? value_truth(v) : true);
			bag_set(c->args, a->param->name, flag);
		} else {
			bag_set(c->args, a->param->name, v);
		}
		taken[a->param - c->spec->params.items] = true;
	}
	return FLOW_OK;
}

static int bind_splat(struct call *c, const struct node *n, bool *taken, struct value *rest)
{
	_cleanup_value_ struct value *v = var_get(c->sh, n->text);

	if (!value_is_bag(v)) {
		array_add_all(rest, v);
		return FLOW_OK;
	}
	for (size_t i = 0; i < v->nprops; i++) {
		_cleanup_err_ struct err *e = NULL;
		const struct param_spec *p;

		if (command_find_param(c->spec, v->props[i].name, &p, &e) < 0)
			return sh_throw_err(c->sh, n, c->spec->name, e);
		bag_set(c->args, p->name, v->props[i].value);
		taken[p - c->spec->params.items] = true;
	}
	return FLOW_OK;
}

static int bind_one(struct call *c, const struct node *n, struct value *given, bool *taken)
{
	_cleanup_value_ struct value *v = value_ref(given);
	const struct param_spec *p;
	struct value *list;
	int r;

	p = command_positional(c->spec, taken, v);
	if (n) {
		r = eval_argument(c->sh, n, p ? p->kind : PK_ANY, &v);
		if (r < 0)
			return r;
		if (value_is_bag(v))
			p = command_positional(c->spec, taken, v);
	}
	if (!p && c->spec->function) {
		array_add(c->rest, v);
		return FLOW_OK;
	}
	if (!p) {
		_cleanup_free_ char *text = value_text(v), *id = xasprintf("PositionalParameterNotFound,%s", c->spec->name);

		return sh_throw(c->sh, n ? n : c->node, id,
				"A positional parameter cannot be found that accepts argument '%s'.", text);
	}
	taken[p - c->spec->params.items] = true;
	if (!p->rest) {
		bag_set(c->args, p->name, v);
		return FLOW_OK;
	}
	list = bag_get(c->args, p->name);
	if (!list) {
		list = value_array(&c->sh->heap);
		bag_set_take(c->args, p->name, list);
	}
	array_add(list, v);
	return FLOW_OK;
}

static int bind_all(struct call *c, const struct bind_plan *plan)
{
	_cleanup_free_ bool *taken = xcalloc(c->spec->params.n + 1, sizeof(*taken));
	_cleanup_value_ struct value *splatted = value_array(&c->sh->heap);
	int r = bind_named(c, plan, taken);

	for (size_t i = 0; i < c->node->nkids && plan->has_splat && r == 0; i++)
		if (c->node->kids[i]->kind == N_SPLAT)
			r = bind_splat(c, c->node->kids[i], taken, splatted);
	for (size_t i = 0; i < plan->positional.n && r == 0; i++)
		r = bind_one(c, plan->positional.items[i], NULL, taken);
	for (size_t i = 0; i < splatted->n && r == 0; i++)
		r = bind_one(c, NULL, splatted->items[i], taken);
	return r;
}

static int run_spec(struct call *c)
{
	_cleanup_err_ struct err *e = NULL;
	_cleanup_plan_ struct bind_plan plan = {};
	const struct node *at;
	int r;

	if (command_plan(c->spec, c->node, &plan, &at, &e) < 0)
		return sh_throw_err(c->sh, at, c->spec->name, e);
	r = bind_all(c, &plan);
	if (r < 0)
		return r;
	if (c->spec->function)
		return eval_call(c->sh, c->node, c->spec->script, c->spec->function, c->args, c->rest, c->input, c->out);
	c->sh->ok = true;
	if (c->spec->builtin)
		return c->spec->builtin->run(c);
	return hosted_run(c);
}

static int call_value(struct call *c)
{
	_cleanup_value_ struct value *callee = NULL;
	_cleanup_free_ char *name = NULL;
	_cleanup_err_ struct err *e = NULL;
	struct command_spec *spec;
	int r = eval_expr(c->sh, c->node->kids[0], &callee);

	if (r < 0)
		return r;
	if (value_kind(callee) == V_BLOCK) {
		spec = command_spec_function("&", callee->script, callee->node);
		vec_push(&c->sh->retired, spec);
		c->spec = spec;
		r = run_spec(c);
		c->sh->retired.n--;
		command_spec_free(spec);
		return r;
	}
	name = value_text(callee);
	c->spec = sh_lookup(c->sh, name, &e);
	if (e)
		return sh_throw_err(c->sh, c->node, name, e);
	if (!c->spec)
		return sh_throw(c->sh, c->node, "CommandNotFoundException", "The term '%s' is not recognized as the name of a "
				"cmdlet, function or alias.", name);
	return run_spec(c);
}

static int run_named(struct call *c)
{
	_cleanup_err_ struct err *e = NULL;

	if (c->node->flags & NF_CALL)
		return call_value(c);
	c->spec = sh_lookup(c->sh, c->node->text, &e);
	if (e)
		return sh_throw_err(c->sh, c->node, c->node->text, e);
	if (!c->spec)
		return sh_throw(c->sh, c->node, "CommandNotFoundException", "The term '%s' is not recognized as the name of a "
				"cmdlet, function or alias.", c->node->text);
	return run_spec(c);
}

int eval_command(struct shell *sh, const struct node *n, struct value *input, struct sink *out)
{
	_cleanup_value_ struct value *args = value_hash(&sh->heap), *rest = value_array(&sh->heap);
	_cleanup_value_ struct value *nothing = value_array(&sh->heap);
	struct sink nowhere = { nothing };
	struct call c = { .sh = sh, .node = n, .args = args, .rest = rest, .input = input,
			  .out = n->flags & NF_NOOUT ? &nowhere : out };
	int r = run_named(&c);

	if (r == FLOW_ERROR && (n->flags & NF_NOERR) && !sh->error_stops && !sh->trapping) {
		array_add(sh->errors, sh->error);
		value_unref(TAKE_PTR(sh->error));
		return FLOW_OK;
	}
	return r;
}

static int first_element(struct shell *sh, const struct node *n, bool alone, struct sink *out)
{
	_cleanup_value_ struct value *v = NULL;
	int r;

	if (n->kind == N_COMMAND)
		return eval_command(sh, n, NULL, out);
	r = eval_expr(sh, n, &v);
	if (r < 0)
		return r;
	sh->ok = true;
	if (alone && (n->kind == N_INCDEC || (n->kind == N_CAST && n->op == T_VOID)))
		return FLOW_OK;
	if (!v && (n->kind == N_INVOKE || n->kind == N_PAREN || n->kind == N_SUB))
		return FLOW_OK;
	return sink_add_all(sh, out, v);
}

static int run_stages(struct shell *sh, const struct node *n, struct sink *out)
{
	_cleanup_value_ struct value *flow = NULL;
	int r = FLOW_OK;

	for (size_t i = 0; i < n->nkids && r == 0; i++) {
		_cleanup_value_ struct value *next = value_array(&sh->heap);
		struct sink between = { next }, *to = i + 1 == n->nkids ? out : &between;

		if (i == 0)
			r = first_element(sh, n->kids[0], n->nkids == 1, to);
		else
			r = eval_command(sh, n->kids[i], flow, to);
		value_unref(flow);
		flow = TAKE_PTR(next);
	}
	return r;
}

int eval_pipeline(struct shell *sh, const struct node *n, struct sink *out)
{
	_cleanup_value_ struct value *items = NULL;
	struct sink collected;
	const struct node *last = n->kids[n->nkids - 1];
	_cleanup_err_ struct err *e = NULL;
	const struct command_spec *spec = NULL;
	int r;

	if (out->items)
		return run_stages(sh, n, out);
	/* What a function puts out is shown as it comes; what one cmdlet puts out is one table. */
	if (last->kind == N_COMMAND && !(last->flags & NF_CALL))
		spec = sh_lookup(sh, last->text, &e);
	if (last->kind == N_COMMAND && ((last->flags & NF_CALL) || (spec && spec->function)))
		return run_stages(sh, n, out);
	items = value_array(&sh->heap);
	collected.items = items;
	r = run_stages(sh, n, &collected);
	if (items->n)
		out_console(sh, items);
	return r;
}
