/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cmdlet.h"
#include "map.h"

extern const struct cmdlet help_cmdlets[];

/* What the files of this directory share: a cmdlet with its common parameters added, a request, one invocation of it. */

#define CMDLET_MAX_PARAMS 64
#define CMDLET_MAX_STRING 4096
#define CMDLET_MAX_VALUES 100000
#define CMDLET_MAX_INPUT 100000

struct command {
	const struct cmdlet *row;
	struct param params[CMDLET_MAX_PARAMS]; /* the row's, then the common ones */
	size_t n_params;
	uint32_t all_sets; /* mask of the parameter sets that the row uses; 1 when it has but one */
};

struct cmdlet_server {
	struct cmdlet_server_config config;
	VEC(struct command *) commands; /* by name */
	struct map *types;              /* name -> const struct object_type * */
	struct request *requests;       /* pending */
};

struct emit {
	object_fn make; /* NULL: json holds the object */
	const struct doc_kind *kind;
	char *key;
	json_t *json;
};

/* The newest word of a call (NULL: of what the change began) about its progress. */
#define PROGRESS_TARGET_MAX 512

struct spoken {
	const struct call *call;
	struct progress progress; /* without its target */
	char *target;
};

/* What to do when nobody waits for a call's answer any more. */
struct cancel {
	struct call *call;
	void (*fn)(void *arg);
	void *arg;
};

/* One POST: its invocations (one per pipeline object) share the answer. */
struct request {
	struct cmdlet_server *server;
	const struct command *command;
	const struct object_type *type; /* of the answer's objects; NULL: none */
	cmdlet_done_fn done;
	cmdlet_progress_fn progress; /* NULL: nobody wants to know */
	void *arg;
	VEC(struct emit) emits;
	json_t *errors;
	json_t *warnings;
	json_t *what_if;
	json_t *stream;
	enum err_category first_category;
	size_t succeeded; /* invocations */
	size_t calls, ended; /* invocations: all, and those that are over */
	size_t pending;   /* calls that will complete later */
	bool running;     /* handlers are still being called */
	bool large;       /* it took so much memory that some is worth giving back */
	VEC(struct cancel) cancels;
	VEC(struct spoken) spoken; /* those who spoke first are first */
	struct request *next; /* of those that are pending */
};

struct call {
	struct request *request;
	object_finish_fn finish; /* call_emit_now() */
	const void *finish_arg;
	struct arg args[CMDLET_MAX_PARAMS];
};

/* One value of a parameter from JSON; v->str points into *ret_text (owned by the caller) or the JSON. */
int convert_value(const struct command *cmd, const struct param *p, const json_t *json, union value *v, char **ret_text,
		  struct err **e);

const struct param *command_resolve(const struct command *cmd, const char *name, struct err **e);
int bind_explicit(struct call *c, const json_t *parameters, struct err **e);
int bind_input(struct call *c, const json_t *input, struct err **e);
int bind_check(const struct call *c, struct err **e);
void bind_done(struct call *c);
/* The property of a JSON object, found without case; NULL when absent. */
const json_t *object_property(const json_t *object, const char *name);
bool object_is(const json_t *object, const struct object_type *type);
json_t *object_arrange(const struct object_type *type, json_t *object);
json_t *describe_command(const struct command *cmd);
json_t *describe_type(const struct object_type *type);
/* What call says of its progress; c NULL: what the change began. */
void request_progress(struct request *r, const struct call *c, const struct progress *p);
/* It is over: the next one has the word. */
void request_progress_over(struct request *r, const struct call *c);
void request_progress_done(struct request *r);
/* Notes a failure of the request; takes *e and resets it. */
void request_error(struct request *r, struct err **e);
json_t *text_to_json(const char *s);
json_t *error_to_json(const struct err *e, const char *cmdlet);
