/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "internal.h"

/* What a handler sees of its call. */

const struct arg *call_arg(const struct call *c, const char *name)
{
	const struct command *cmd = c->request->command;

	for (size_t i = 0; i < cmd->n_params; i++)
		if (streq(cmd->params[i].name, name))
			return &c->args[i];
	abort();
}

bool call_given(const struct call *c, const char *name)
{
	return call_arg(c, name)->given;
}

const char *call_str(const struct call *c, const char *name, const char *fallback)
{
	const struct arg *a = call_arg(c, name);

	return a->given ? a->texts[0] : fallback;
}

uint64_t call_uint(const struct call *c, const char *name, uint64_t fallback)
{
	const struct arg *a = call_arg(c, name);

	return a->given ? a->values[0].u : fallback;
}

bool call_bool(const struct call *c, const char *name, bool fallback)
{
	const struct arg *a = call_arg(c, name);

	return a->given ? a->values[0].b : fallback;
}

uint32_t call_enum(const struct call *c, const char *name, uint32_t fallback)
{
	const struct arg *a = call_arg(c, name);

	return a->given ? (uint32_t)a->values[0].u : fallback;
}

struct docs *call_docs(struct call *c)
{
	return c->request->server->config.docs;
}

struct host *call_host(struct call *c)
{
	return c->request->server->config.host;
}

const char *call_name(const struct call *c)
{
	return c->request->command->row->name;
}

bool call_should(struct call *c, const char *target, const char *format, ...)
{
	_cleanup_free_ char *action = NULL, *line = NULL;
	va_list ap;

	if (!call_bool(c, "WhatIf", false))
		return true;
	va_start(ap, format);
	action = xvasprintf(format, ap);
	va_end(ap);
	line = xasprintf("What if: Performing the operation \"%s\" on target \"%s\".", action, target);
	json_array_append_new(c->request->what_if, text_to_json(line));
	return false;
}

void request_error(struct request *r, struct err **e)
{
	if (!json_array_size(r->errors))
		r->first_category = (*e)->category;
	json_array_append_new(r->errors, error_to_json(*e, r->command->row->name));
	err_free(TAKE_PTR(*e));
}

void call_error(struct call *c, struct err **e)
{
	request_error(c->request, e);
}

void call_warn(struct call *c, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = xvasprintf(format, ap);
	va_end(ap);
	json_array_append_new(c->request->warnings, text_to_json(text));
}

/* One more than there may be, so that it is seen; nothing beyond is kept. */
static bool emits_full(const struct call *c)
{
	return c->request->emits.n > CMDLET_MAX_OUTPUT;
}

void call_emit_now(struct call *c, object_finish_fn finish, const void *arg)
{
	c->finish = finish;
	c->finish_arg = arg;
}

void call_emit(struct call *c, object_fn make, const struct doc_kind *kind, const void *doc)
{
	json_t *object = c->finish ? make(c, doc) : NULL;

	if (object) {
		c->finish(object, c->finish_arg);
		call_emit_json(c, object);
	} else if (!emits_full(c))
		vec_push(&c->request->emits, (struct emit){ make, kind, doc_key(kind, doc), NULL });
}

void call_output_other(struct call *c)
{
	const struct object_type *other = c->request->command->row->other;

	if (!other)
		abort();
	c->request->type = other;
}

void call_emit_json(struct call *c, json_t *object)
{
	if (emits_full(c))
		json_decref(object);
	else
		vec_push(&c->request->emits, (struct emit){ .json = object });
}
