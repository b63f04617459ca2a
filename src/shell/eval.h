/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ast.h"
#include "command.h"
#include "convert.h"
#include "map.h"
#include "shell.h"
#include "value.h"

/* Inside the evaluator: eval_*.c, operator.c, member.c, builtin_*.c, output.c. */

/* How a piece of a script ended. Everything but FLOW_OK unwinds. */
enum flow {
	FLOW_OK = 0,
	FLOW_ERROR = -1, /* sh->error is the record */
	FLOW_BREAK = -2,
	FLOW_CONTINUE = -3,
	FLOW_RETURN = -4,
	FLOW_EXIT = -5, /* sh->exit_code */
};

#define EVAL_MAX_DEPTH 1500u
#define ERRORS_KEPT 256u

/* Where a statement's output goes: collected, or written out after each statement. */
struct sink {
	struct value *items; /* V_ARRAY, owned by whoever made the sink; NULL: the console */
};

struct scope {
	struct scope *parent;
	struct value *vars; /* V_HASH */
};

struct shell {
	struct heap heap;
	const struct shell_host *host;
	struct shell_options options;
	struct scope *global, *scope;
	struct map *functions; /* lower case name -> struct command_spec */
	struct map *specs;     /* the same, built-ins and catalogue as they are used */
	VEC(struct command_spec *) retired; /* functions defined anew while they may run */
	struct script *script; /* that runs now */
	const json_t *catalogue;
	struct map *cmdlets, *types; /* lower case name -> borrowed json_t */
	struct value *error;   /* of FLOW_ERROR */
	bool error_stops;      /* it ends the script, not the statement alone */
	struct value *errors;  /* $Error, newest last */
	struct value *kept;    /* objects for -o json and csv */
	int exit_code;
	bool failed;	       /* an error was shown: exit code 1 */
	bool ok;	       /* $? */
	bool trapping;	       /* inside try: a failed cmdlet goes to catch */
	unsigned depth;
	uint64_t steps;
	struct value *item;    /* $_ */
};

/* One command on its way: arguments are bound, names canonical. */
struct call {
	struct shell *sh;
	const struct node *node;
	const struct command_spec *spec;
	struct value *args;  /* V_HASH: parameter -> value */
	struct value *rest;  /* V_ARRAY: positional arguments beyond the parameters (functions) */
	struct value *input; /* V_ARRAY, or NULL without a pipeline */
	struct sink *out;
};

struct builtin {
	const char *name, *params, *help;
	int (*run)(struct call *c);
};

extern const struct builtin builtins[];
extern const size_t builtins_count;

/* ---- Errors (eval_error.c) ---- */

/* Throws an error about a node: ends the statement. Returns FLOW_ERROR. */
int sh_throw(struct shell *sh, const struct node *at, const char *id, const char *format, ...) _printf_(4, 5);
int sh_throw_err(struct shell *sh, const struct node *at, const char *command, const struct err *e);
/* The record of one error, as $Error keeps it. A new reference. */
struct value *sh_record(struct shell *sh, const struct node *at, const char *command, const char *id, const char *category,
			const char *target, const char *message, const char *advice);
/* Shows an error and goes on (or throws it when preference is Stop). preference: NULL asks $ErrorActionPreference. */
int sh_report(struct shell *sh, struct value *record, const char *preference, bool quiet);
/* Shows what ended a statement, and forgets it. */
void sh_show_error(struct shell *sh);
void sh_write(struct shell *sh, bool to_stderr, const char *text);
void sh_writef(struct shell *sh, bool to_stderr, const char *format, ...) _printf_(3, 4);

/* ---- Variables (eval_var.c) ---- */

/* A new reference; NULL (that is $null) when there is none. */
struct value *var_get(struct shell *sh, const char *name);
int var_set(struct shell *sh, const struct node *at, const char *name, struct value *v);
void scope_push(struct shell *sh);
void scope_pop(struct shell *sh);

/* ---- Evaluation ---- */

/* A step of a loop or a call: FLOW_ERROR when interrupted or beyond a limit. */
int eval_step(struct shell *sh, const struct node *at);
int eval_enter(struct shell *sh, const struct node *at);
static inline void eval_leave(struct shell *sh)
{
	sh->depth--;
}
int eval_expr(struct shell *sh, const struct node *n, struct value **ret);
int eval_statement(struct shell *sh, const struct node *n, struct sink *out);
int eval_statements(struct shell *sh, const struct node *n, struct sink *out);
/* A pipeline or other statement whose output is wanted as a value. */
int eval_to_value(struct shell *sh, const struct node *n, struct value **ret);
int eval_to_array(struct shell *sh, const struct node *n, struct value **ret);
int eval_assign_to(struct shell *sh, const struct node *target, struct value *v);
int eval_pipeline(struct shell *sh, const struct node *n, struct sink *out);
/* input may be NULL. */
int eval_command(struct shell *sh, const struct node *n, struct value *input, struct sink *out);
/* Runs a script block with $_ = item in the present scope. */
int eval_block_item(struct shell *sh, const struct value *block, struct value *item, struct sink *out);
int eval_block_value(struct shell *sh, const struct value *block, struct value *item, struct value **ret);
/* Calls a block or function in a scope of its own; args: V_HASH by parameter's name, rest: V_ARRAY; input may be NULL. */
int eval_call(struct shell *sh, const struct node *at, struct script *script, const struct node *block, struct value *args,
	      struct value *rest, struct value *input, struct sink *out);
int sink_add(struct shell *sh, struct sink *out, struct value *v);
/* Adds an array's items one by one. */
int sink_add_all(struct shell *sh, struct sink *out, struct value *v);

/* ---- operator.c, member.c ---- */
int op_binary(struct shell *sh, const struct node *at, int op, struct value *a, struct value *b, struct value **ret);
int op_unary(struct shell *sh, const struct node *at, int op, struct value *a, struct value **ret);
/* -1, 0, 1; mixed kinds compare as the left one's, as PowerShell does. */
int op_compare(const struct value *a, const struct value *b, bool with_case);
bool op_equal(const struct value *a, const struct value *b, bool with_case);
int op_like(struct shell *sh, const struct value *a, const struct value *pattern, bool with_case);
int op_match(struct shell *sh, const struct node *at, const char *text, const char *pattern, bool with_case, bool *ret);
int op_format(struct shell *sh, const struct node *at, const char *format, const struct value *args, struct value **ret);
/* Borrowed or new: *ret is always a reference of the caller. Arrays give the members of their items. */
int member_get(struct shell *sh, const struct node *at, struct value *object, const char *name, struct value **ret);
int member_set(struct shell *sh, const struct node *at, struct value *object, const char *name, struct value *v);
int member_call(struct shell *sh, const struct node *at, struct value *object, const char *name, struct value *args,
		struct value **ret);
int member_static(struct shell *sh, const struct node *at, int type, const char *name, struct value *args, struct value **ret);
int member_index(struct shell *sh, const struct node *at, struct value *object, struct value *index, struct value **ret);
int member_index_set(struct shell *sh, const struct node *at, struct value *object, struct value *index, struct value *v);

/* ---- Commands (lookup.c, hosted.c) ---- */

/* Function, built-in or cmdlet by name or alias; NULL when unknown, or *e when the catalogue cannot be had. */
const struct command_spec *sh_lookup(struct shell *sh, const char *name, struct err **e);
int sh_need_catalogue(struct shell *sh, struct err **e);
const json_t *sh_type(struct shell *sh, const char *type);
int hosted_run(struct call *c);
/* Walks the tree before anything runs: commands are known, names of parameters bind. A shell_exit; messages written. */
int sh_check(struct shell *sh, struct script *script);

/* ---- Output (output.c, table.c) ---- */

/* What a console shows of values: text in lines, objects in tables or lists. */
void out_console(struct shell *sh, struct value *items);
/* The same as text. */
void out_render(struct shell *sh, struct str *s, const struct value *items, enum shell_output mode);

void out_csv(struct str *s, const struct value *items, bool quote_all, char separator, const char *line_end);

struct column {
	char *label;
	char *property; /* NULL: expression */
	struct value *expression;
	bool right;
	bool own_alignment; /* not by the kind of the values */
	size_t width;	    /* 0: as wide as needed */
	char *format;	    /* as for -f */
};

struct view {
	VEC(struct column) columns;
	bool list, spread, wrap, no_header;
};

void view_done(struct view *v);
/* The default view of an object. */
void view_default(struct shell *sh, struct view *v, const struct value *object, enum shell_output mode);
/* Columns from -Property values: names, wildcards, @{Name/Label/Expression/Width/Alignment/FormatString}. */
int view_columns(struct shell *sh, const struct node *at, struct view *v, const struct value *properties,
		 const struct value *sample);
/* The column's value of an object: a new reference. */
int view_cell(struct shell *sh, const struct column *c, struct value *object, struct value **ret);
int view_render(struct shell *sh, struct str *s, const struct view *v, struct value *const *objects, size_t n);

/* Arguments of a built-in. */
static inline struct value *call_arg(const struct call *c, const char *name)
{
	return bag_get(c->args, name);
}
static inline bool call_switch(const struct call *c, const char *name)
{
	return value_truth(bag_get(c->args, name));
}
