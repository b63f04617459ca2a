/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"

/* A cmdlet of the catalogue: one request, or one for each host that -ComputerName or -CimSession names. */

static json_t *parameter_json(const struct param_spec *p, const struct value *v)
{
	_cleanup_free_ char *text = NULL;
	const char *name;
	json_t *list;

	if (p->array) {
		list = json_array();
		for (size_t i = 0; i < (value_is_array(v) ? v->n : 1); i++) {
			struct param_spec one = *p;

			one.array = false;
			json_array_append_new(list, parameter_json(&one, value_is_array(v) ? v->items[i] : v));
		}
		return list;
	}
	if (value_is_bag(v) && p->kind != PK_OBJECT) {
		name = bag_get_string(v, "Name");
		text = name ? xstrdup(name) : value_text(v);
		return json_string_nocheck(text);
	}
	return value_to_json(v, VALUE_MAX_DEPTH);
}

static json_t *parameters_json(const struct call *c)
{
	json_t *body = json_object();

	for (size_t i = 0; i < c->args->nprops; i++) {
		const struct param_spec *p = NULL;

		if (command_find_param(c->spec, c->args->props[i].name, &p, NULL) < 0 || p->common)
			continue;
		json_object_set_new(body, p->name, parameter_json(p, c->args->props[i].value));
	}
	return body;
}

static const char *preference_of(const struct call *c)
{
	static const char *const numbers[] = { "SilentlyContinue", "Stop", "Continue", "Inquire", "Ignore" };
	const struct value *v = bag_get(c->args, "ErrorAction");
	const char *given = value_is_string(v) ? v->s : NULL;

	if (value_kind(v) == V_INT && v->i >= 0 && (uint64_t)v->i < ARRAY_SIZE(numbers))
		given = numbers[v->i];
	return given ? given : c->node->flags & NF_NOERR ? "SilentlyContinue" : NULL;
}

static struct value *record_of(const struct call *c, const json_t *error, const char *where)
{
	const char *id = json_string_value(json_object_get(error, "fullyQualifiedErrorId"));
	const char *category = json_string_value(json_object_get(error, "category"));
	const char *message = json_string_value(json_object_get(error, "message"));
	_cleanup_free_ char *own_id = NULL, *own_message = NULL;

	if (!id) {
		id = json_string_value(json_object_get(error, "id"));
		own_id = xasprintf("%s,%s", id ? id : "Nestor.Error", c->spec->name);
		id = own_id;
	}
	if (where && message) {
		own_message = xasprintf("[%s] %s", where, message);
		message = own_message;
	}
	return sh_record(c->sh, c->node, c->spec->name, id, category, json_string_value(json_object_get(error, "target")),
			 message, json_string_value(json_object_get(error, "recommendation")));
}

static void remember_variable(const struct call *c, struct value *record)
{
	const char *name = bag_get_string(c->args, "ErrorVariable");
	_cleanup_value_ struct value *list = NULL, *old = NULL;

	if (!name)
		return;
	list = value_array(&c->sh->heap);
	old = var_get(c->sh, *name == '+' ? name + 1 : name);
	if (value_is_array(old))
		array_add_all(list, old);
	array_add(list, record);
	var_set(c->sh, c->node, *name == '+' ? name + 1 : name, list);
}

/* whole: the call failed as a whole, and so does the statement. */
static int report_errors(const struct call *c, const json_t *response, const char *where, bool whole)
{
	const json_t *errors = json_object_get(response, "errors"), *error;
	const char *preference = preference_of(c);
	bool silent = preference && (strieq(preference, "SilentlyContinue") || strieq(preference, "Ignore"));
	size_t i, n = json_array_size(errors);
	int r = FLOW_OK;

	json_array_foreach(errors, i, error) {
		struct value *record = record_of(c, error, where);

		remember_variable(c, record);
		if (whole && i + 1 == n && !silent && (!preference || !strieq(preference, "Stop"))) {
			value_unref(c->sh->error);
			c->sh->error = record;
			c->sh->error_stops = false;
			return FLOW_ERROR;
		}
		r = sh_report(c->sh, record, preference, false);
		value_unref(record);
		if (r < 0)
			return r;
	}
	return r;
}

static void show_texts(const struct call *c, const json_t *list, bool to_stderr, const char *prefix)
{
	const json_t *text;
	size_t i;

	json_array_foreach(list, i, text)
		if (json_is_string(text))
			sh_writef(c->sh, to_stderr, "%s%s\n", prefix, json_string_value(text));
}

static int put_objects(const struct call *c, const json_t *response, const char *where)
{
	const char *type = json_string_value(json_object_get(response, "type"));
	const json_t *object;
	size_t i;

	json_array_foreach(json_object_get(response, "objects"), i, object) {
		_cleanup_value_ struct value *v = value_from_json(&c->sh->heap, object, type);
		int r;

		if (where && value_is_bag(v))
			bag_set_take(v, "PSComputerName", value_string(&c->sh->heap, where));
		r = sink_add(c->sh, c->out, v);
		if (r < 0)
			return r;
	}
	return FLOW_OK;
}

/* Another host that does not answer is one error among others; the own daemon is the end: what follows needs it too. */
static int no_answer(const struct call *c, const char *where, const struct err *given)
{
	_cleanup_value_ struct value *record = NULL;
	_cleanup_err_ struct err *unknown = NULL;
	const struct err *e = given;

	if (!e) {
		err_set(&unknown, "Nestor.NoAnswer", ERR_RESOURCE_UNAVAILABLE, where, "The daemon did not answer.");
		e = unknown;
	}
	if (!where) {
		sh_throw_err(c->sh, c->node, c->spec->name, e);
		c->sh->error_stops = true;
		return FLOW_ERROR;
	}
	record = sh_record(c->sh, c->node, c->spec->name, e->id, err_category_name(e->category), e->target, e->message, e->advice);
	remember_variable(c, record);
	return sh_report(c->sh, record, preference_of(c), false);
}

/* The daemon takes a megabyte (api.h); this leaves room for what is around the input. */
#define INPUT_BYTES (768 * 1024)

/* As many of the objects from *at on as one request can hold, at least one. */
static json_t *take_input(const json_t *all, size_t *at)
{
	json_t *some = json_array();
	size_t bytes = 0;

	for (; *at < json_array_size(all); ++*at) {
		json_t *object = json_array_get(all, *at);

		bytes += json_dumpb(object, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) + 1;
		if (bytes > INPUT_BYTES && json_array_size(some))
			break;
		json_array_append(some, object);
	}
	return some;
}

static bool is_quiet(const struct call *c)
{
	_cleanup_value_ struct value *preference = var_get(c->sh, "ProgressPreference");

	return value_is_string(preference) && (strieq(preference->s, "SilentlyContinue") || strieq(preference->s, "Ignore"));
}

/* all_failed: nothing has succeeded so far. */
static int run_request(const struct call *c, const char *where, json_t *parameters, json_t *input, bool last, bool *all_failed)
{
	struct shell *sh = c->sh;
	_cleanup_err_ struct err *e = NULL;
	const char *wa = bag_get_string(c->args, "WarningAction");
	json_t *response = NULL;
	int status = 0, r;

	r = sh->host->run_cmdlet(sh->host->userdata, where, c->spec->name, parameters, input, is_quiet(c), &response, &status, &e);
	if (r < 0)
		return no_answer(c, where, e);
	if (!wa || (!strieq(wa, "SilentlyContinue") && !strieq(wa, "Ignore")))
		show_texts(c, json_object_get(response, "warnings"), true, "WARNING: ");
	show_texts(c, json_object_get(response, "whatIf"), false, "");
	*all_failed = *all_failed && status >= 400;
	r = put_objects(c, response, where);
	if (r == 0)
		r = report_errors(c, response, where, last && *all_failed);
	json_decref(response);
	return r;
}

/* More input than a request can hold goes in several: each object is an invocation by itself anyway. */
static int run_on(const struct call *c, const char *where)
{
	json_t *parameters = parameters_json(c), *input = c->input ? value_to_json(c->input, VALUE_MAX_DEPTH) : NULL;
	bool all_failed = true, last;
	size_t at = 0;
	int r;

	do {
		json_t *some = input ? take_input(input, &at) : NULL;

		last = at >= json_array_size(input);
		r = run_request(c, where, parameters, some, last, &all_failed);
		json_decref(some);
	} while (r == 0 && !last);
	json_decref(parameters);
	json_decref(input);
	return r;
}

int hosted_run(struct call *c)
{
	_cleanup_value_ struct value *hosts = value_array(&c->sh->heap);
	int r = FLOW_OK;

	/* What came before found nothing: there is nothing to do, least of all to everything. */
	if (c->input && !c->input->n)
		return FLOW_OK;
	if (call_arg(c, "CimSession"))
		array_add_all(hosts, call_arg(c, "CimSession"));
	if (call_arg(c, "ComputerName"))
		array_add_all(hosts, call_arg(c, "ComputerName"));
	if (!hosts->n)
		return run_on(c, NULL);
	for (size_t i = 0; i < hosts->n && r == 0; i++) {
		_cleanup_free_ char *where = value_text(hosts->items[i]);

		r = run_on(c, where);
	}
	return r;
}
