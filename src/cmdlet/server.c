/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <malloc.h>

#include "internal.h"

/* The vocabulary as a server: tables in, requests answered. */

static const struct param change_params[] = {
	{ "WhatIf", P_SWITCH, 0, "say what would happen; change nothing" },
	{ "Confirm", P_SWITCH, 0, "accepted; nothing is ever asked here" },
	{ 0 },
};
static const struct param passthru_params[] = {
	{ "PassThru", P_SWITCH, 0, "return the changed objects" },
	{ 0 },
};
static const struct param common_params[] = {
	{ "Verbose", P_SWITCH, 0, "accepted; there is no more to say" },
	{ "ThrottleLimit", P_UINT, 0, "accepted; one command runs at a time", .max = UINT32_MAX },
	{ 0 },
};

static void command_add(struct command *cmd, const struct param *params)
{
	for (const struct param *p = params; p && p->name; p++) {
		if (cmd->n_params == CMDLET_MAX_PARAMS || (p->type == P_ENUM && !p->values) || (p->type == P_OBJECT && !p->values))
			abort();
		for (size_t i = 0; i < cmd->n_params; i++)
			if (strieq(cmd->params[i].name, p->name))
				abort();
		cmd->params[cmd->n_params++] = *p;
		cmd->all_sets |= p->sets;
	}
}

static struct command *command_new(const struct cmdlet *row)
{
	struct command *cmd = xcalloc(1, sizeof(*cmd));

	if (!row->run || !row->help)
		abort();
	cmd->row = row;
	command_add(cmd, row->params);
	if (row->flags & CHANGES)
		command_add(cmd, change_params);
	if (row->flags & PASSTHRU)
		command_add(cmd, passthru_params);
	command_add(cmd, common_params);
	if (!cmd->all_sets)
		cmd->all_sets = 1;
	return cmd;
}

static int command_compare(const void *a, const void *b)
{
	const struct command *const *x = a, *const *y = b;

	return stricmp((*x)->row->name, (*y)->row->name);
}

static void server_add(struct cmdlet_server *s, const struct cmdlet *row)
{
	if (cmdlet_server_find(s, row->name))
		abort();
	vec_push(&s->commands, command_new(row));
	if (row->output)
		map_put_str(s->types, row->output->name, (void *)(uintptr_t)row->output);
	if (row->other)
		map_put_str(s->types, row->other->name, (void *)(uintptr_t)row->other);
}

struct cmdlet_server *cmdlet_server_new(const struct cmdlet_server_config *config)
{
	struct cmdlet_server *s = xcalloc(1, sizeof(*s));

	s->config = *config;
	s->types = map_new();
	for (const struct cmdlet *row = help_cmdlets; row->name; row++)
		server_add(s, row);
	for (const struct cmdlet *const *table = config->tables; *table; table++)
		for (const struct cmdlet *row = *table; row->name; row++)
			server_add(s, row);
	vec_sort(&s->commands, command_compare);
	return s;
}

void cmdlet_server_free(struct cmdlet_server *s)
{
	if (!s)
		return;
	vec_foreach(&s->commands, cmd)
		free(*cmd);
	vec_done(&s->commands);
	map_free(s->types);
	free(s);
}

static const struct command *server_command(struct cmdlet_server *s, const char *name)
{
	vec_foreach(&s->commands, cmd)
		if (strieq((*cmd)->row->name, name))
			return *cmd;
	return NULL;
}

const struct cmdlet *cmdlet_server_find(struct cmdlet_server *s, const char *name)
{
	const struct command *cmd = server_command(s, name);

	return cmd ? cmd->row : NULL;
}

json_t *cmdlet_server_describe(struct cmdlet_server *s, const char *name)
{
	json_t *all = json_object(), *list = json_array(), *types = json_object();

	vec_foreach(&s->commands, cmd) {
		const struct object_type *type = (*cmd)->row->output, *other = (*cmd)->row->other;

		if (name && !strieq((*cmd)->row->name, name))
			continue;
		json_array_append_new(list, describe_command(*cmd));
		if (type)
			json_object_set_new(types, type->name, describe_type(type));
		if (other)
			json_object_set_new(types, other->name, describe_type(other));
	}
	json_object_set_new(all, "cmdlets", list);
	json_object_set_new(all, "types", types);
	if (name && !json_array_size(list)) {
		json_decref(all);
		return NULL;
	}
	return all;
}

static int category_status(enum err_category category)
{
	switch (category) {
	case ERR_OBJECT_NOT_FOUND:
		return 404;
	case ERR_RESOURCE_EXISTS:
	case ERR_RESOURCE_BUSY:
		return 409;
	case ERR_RESOURCE_UNAVAILABLE:
		return 503;
	case ERR_PERMISSION_DENIED:
		return 403;
	case ERR_NOT_IMPLEMENTED:
		return 501;
	case ERR_WRITE_ERROR:
		return 507;
	case ERR_NOT_SPECIFIED:
		return 500;
	default:
		return 400;
	}
}

static json_t *request_objects(struct request *r, struct call *c)
{
	json_t *objects = json_array();

	vec_foreach(&r->emits, m) {
		const void *doc = m->make ? docs_get(r->server->config.docs, m->kind, m->key) : NULL;
		json_t *object = m->make ? (doc ? m->make(c, doc) : NULL) : TAKE_PTR(m->json);

		if (object)
			json_array_append_new(objects, object_arrange(r->type, object));
	}
	return objects;
}

/* Takes back what was emitted after the first n. */
static void request_drop_emits(struct request *r, size_t n)
{
	for (size_t i = n; i < r->emits.n; i++) {
		free(r->emits.items[i].key);
		json_decref(r->emits.items[i].json);
	}
	r->emits.n = MIN(n, r->emits.n);
}

static void request_free(struct request *r)
{
	request_drop_emits(r, 0);
	vec_done(&r->emits);
	json_decref(r->errors);
	json_decref(r->warnings);
	json_decref(r->what_if);
	json_decref(r->stream);
	vec_done(&r->cancels);
	request_progress_done(r);
	free(r);
}

static void request_forget(struct request *r)
{
	for (struct request **p = &r->server->requests; *p; p = &(*p)->next) {
		if (*p == r) {
			*p = r->next;
			break;
		}
	}
}

static void request_answer(struct request *r)
{
	struct call c = { .request = r };
	json_t *objects = request_objects(r, &c), *result = json_object();
	const struct object_type *type = r->type;
	bool failed = json_array_size(r->errors) && !r->succeeded, large;

	json_object_set_new(result, "type", type && json_array_size(objects) ? json_string(type->name) : json_null());
	json_object_set_new(result, "objects", objects);
	json_object_set(result, "errors", r->errors);
	json_object_set(result, "warnings", r->warnings);
	json_object_set(result, "whatIf", r->what_if);
	request_forget(r);
	r->done(r->arg, failed ? category_status(r->first_category) : 200, result);
	large = r->large;
	request_free(r);
	/* What a hundred thousand objects took in small pieces would stay the process's for ever. */
	if (large)
		malloc_trim(0);
}

void call_stream(struct call *c, json_t *description)
{
	struct request *r = c->request;
	struct err *e = NULL;

	if (!r->stream) {
		r->stream = description;
		return;
	}
	json_decref(description);
	err_set(&e, "StreamNotUnique", ERR_INVALID_ARGUMENT, NULL, "%s attaches to one at a time.", r->command->row->name);
	call_error(c, &e);
}

static void request_finish(struct request *r)
{
	if (r->stream && !json_array_size(r->errors)) {
		request_forget(r);
		r->done(r->arg, 101, json_incref(r->stream));
		request_free(r);
		return;
	}
	request_answer(r);
}

void call_on_cancel(struct call *c, void (*cancel)(void *arg), void *arg)
{
	vec_push(&c->request->cancels, (struct cancel){ c, cancel, arg });
}

static void forget_cancel(struct request *r, const struct call *c)
{
	size_t kept = 0;

	vec_foreach(&r->cancels, x)
		if (x->call != c)
			r->cancels.items[kept++] = *x;
	r->cancels.n = kept;
}

/* A cancelled call may be the last of its request, which is gone then. */
void cmdlet_server_cancel(struct cmdlet_server *s, void *arg)
{
	for (;;) {
		struct request *r = s->requests;
		struct cancel x;

		while (r && r->arg != arg)
			r = r->next;
		if (!r || !r->cancels.n)
			return;
		x = r->cancels.items[--r->cancels.n];
		x.fn(x.arg);
	}
}

static void call_end(struct call *c)
{
	struct request *r = c->request;

	forget_cancel(r, c);
	r->ended++;
	request_progress_over(r, c);
	bind_done(c);
	free(c);
}

void call_complete(struct call *c, struct err **e)
{
	struct request *r = c->request;

	if (e && *e)
		call_error(c, e);
	else
		r->succeeded++;
	call_end(c);
	if (--r->pending == 0 && !r->running)
		request_finish(r);
}

static int check_output(const struct request *r, struct err **e)
{
	int result;

	if (r->emits.n <= CMDLET_MAX_OUTPUT)
		return 0;
	result = err_set(e, "AnswerTooLarge", ERR_LIMITS_EXCEEDED, NULL, "%s would return more than %d objects, which is the most that an answer can hold.",
			 r->command->row->name, CMDLET_MAX_OUTPUT);
	return err_advise(e, result, "Ask for some of them by the cmdlet's parameters.");
}

static void invoke_one(struct request *r, const json_t *parameters, const json_t *input)
{
	struct docs *docs = r->server->config.docs;
	struct call *c = xcalloc(1, sizeof(*c));
	_cleanup_err_ struct err *e = NULL;
	size_t mark = docs_mark(docs), errors = json_array_size(r->errors), emits = r->emits.n;
	int result;

	c->request = r;
	result = bind_explicit(c, parameters, &e);
	if (result == 0 && input)
		result = bind_input(c, input, &e);
	if (result == 0)
		result = bind_check(c, &e);
	if (result == 0) {
		r->pending++;
		result = r->command->row->run(c, &e);
		if (result == CALL_PENDING)
			return;
		r->pending--;
		if (result == 0)
			result = check_output(r, &e);
	}
	if (result < 0) {
		docs_rollback_to(docs, mark);
		request_drop_emits(r, emits);
		if (!e)
			err_set_errno(&e, "InternalError", -result, NULL, "%s failed: %s.", r->command->row->name, strerror(-result));
		call_error(c, &e);
	} else if (json_array_size(r->errors) == errors || docs_mark(docs) != mark || r->emits.n != emits) {
		/* A handler that noted a failure for each of its targets, and did nothing, has failed. */
		r->succeeded++;
	}
	call_end(c);
}

/* What the change began has come to its end. */
static void request_settled(void *arg, const struct err *failed)
{
	struct request *r = arg;
	struct err *e = NULL;

	request_progress_over(r, NULL);
	if (failed) {
		e = err_copy(failed);
		request_error(r, &e);
		err_free(e);
	}
	if (--r->pending == 0 && !r->running)
		request_finish(r);
}

static void request_settling(void *arg, const struct progress *p)
{
	request_progress(arg, NULL, p);
}

/* Objects or changes of one request. */
#define LARGE 10000

/* Writes what was changed, and has it applied. Negative: nothing was kept. */
static int request_commit(struct request *r, struct err **e)
{
	struct cmdlet_server *s = r->server;
	_cleanup_err_ struct err *failed = NULL;
	bool changed = false;
	int result;

	r->large |= docs_mark(s->config.docs) > LARGE || r->emits.n > LARGE;
	if (!(r->command->row->flags & CHANGES)) {
		docs_rollback(s->config.docs);
		return 0;
	}
	result = docs_commit(s->config.docs, &changed, e);
	if (result < 0 || !changed || !s->config.reconcile)
		return result;
	if (s->config.reconcile(s->config.arg, &failed) < 0)
		request_error(r, &failed);
	if (s->config.settle && s->config.settle(s->config.arg, request_settled, r->progress ? request_settling : NULL, r))
		r->pending++;
	return 0;
}

static void request_commit_all(struct request *r)
{
	_cleanup_err_ struct err *e = NULL;
	enum err_category category;

	if (request_commit(r, &e) >= 0)
		return;
	/* Nothing was kept: what the handlers would have returned does not exist, and this is what failed the call. */
	category = e->category;
	r->succeeded = 0;
	request_drop_emits(r, 0);
	request_error(r, &e);
	r->first_category = category;
}

/* As invoke_one() and request_commit_all(), for a handler that could not go on at once. */
void call_resume(struct call *c, int (*run)(struct call *c, void *arg, struct err **e), void *arg)
{
	struct request *r = c->request;
	struct docs *docs = r->server->config.docs;
	size_t errors = json_array_size(r->errors), emits = r->emits.n;
	_cleanup_err_ struct err *e = NULL;
	int result;

	docs_begin(docs);
	result = run(c, arg, &e);
	if (result == CALL_PENDING) {
		docs_rollback(docs);
		return;
	}
	if (result == 0)
		result = check_output(r, &e);
	if (result < 0)
		docs_rollback(docs);
	else
		result = request_commit(r, &e);
	if (result < 0) {
		request_drop_emits(r, emits);
		if (!e)
			err_set_errno(&e, "InternalError", -result, NULL, "%s failed: %s.", r->command->row->name, strerror(-result));
		call_error(c, &e);
	} else if (json_array_size(r->errors) == errors) {
		r->succeeded++;
	}
	call_end(c);
	if (--r->pending == 0 && !r->running)
		request_finish(r);
}

static void request_run(struct request *r, const json_t *parameters, const json_t *input)
{
	size_t i;
	json_t *object;

	r->running = true;
	r->calls = json_is_array(input) ? json_array_size(input) : 1;
	docs_begin(r->server->config.docs);
	if (json_is_array(input)) {
		json_array_foreach((json_t *)(uintptr_t)input, i, object)
			invoke_one(r, parameters, object);
	} else {
		invoke_one(r, parameters, NULL);
	}
	request_commit_all(r);
	r->running = false;
	if (!r->pending) {
		request_finish(r);
		return;
	}
	r->next = r->server->requests;
	r->server->requests = r;
}

static void refuse(cmdlet_done_fn done, void *arg, const char *cmdlet, int status, struct err *e)
{
	json_t *result = json_pack("{s:n, s:[], s:[o], s:[], s:[]}", "type", "objects", "errors", error_to_json(e, cmdlet),
				   "warnings", "whatIf");

	err_free(e);
	done(arg, status, result);
}

static int request_check(const json_t *request, struct err **e)
{
	const json_t *parameters = json_object_get(request, "parameters"), *input = json_object_get(request, "input");

	if (!json_is_object(request) || (parameters && !json_is_object(parameters)) || (input && !json_is_array(input)))
		return err_set(e, "RequestNotUnderstood", ERR_INVALID_ARGUMENT, NULL,
			       "A request is an object with the optional members \"parameters\" (an object) and \"input\" (an array).");
	if (json_array_size(input) > CMDLET_MAX_INPUT)
		return err_set(e, "RequestTooLarge", ERR_LIMITS_EXCEEDED, NULL, "A request takes at most %d input objects.",
			       CMDLET_MAX_INPUT);
	return 0;
}

void cmdlet_server_invoke(struct cmdlet_server *s, const char *name, const json_t *request, cmdlet_done_fn done,
			  cmdlet_progress_fn progress, void *arg)
{
	const struct command *cmd = server_command(s, name);
	struct err *e = NULL;
	struct request *r;
	json_t *none;

	if (!cmd) {
		err_advise(&e, err_set(&e, "CommandNotFoundException", ERR_OBJECT_NOT_FOUND, name,
				       "The term '%.100s' is not recognized as the name of a cmdlet.", name),
			   "Get-Command lists the cmdlets.");
		refuse(done, arg, name, 404, e);
		return;
	}
	if (request_check(request, &e) < 0) {
		refuse(done, arg, cmd->row->name, 400, e);
		return;
	}
	r = xcalloc(1, sizeof(*r));
	r->server = s;
	r->command = cmd;
	r->type = cmd->row->output;
	r->done = done;
	r->progress = progress;
	r->arg = arg;
	r->errors = json_array();
	r->warnings = json_array();
	r->what_if = json_array();
	none = json_object();
	request_run(r, json_object_get(request, "parameters") ? json_object_get(request, "parameters") : none,
		    json_object_get(request, "input"));
	json_decref(none);
}
