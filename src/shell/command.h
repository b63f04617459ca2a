/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ast.h"
#include "err.h"
#include "shell.h"
#include "value.h"

/* What a parameter takes, as far as the client has to know; the daemon checks everything again. */
enum param_kind {
	PK_ANY,	   /* values as they are */
	PK_TEXT,   /* names, addresses...: a number keeps the text it was written as */
	PK_NUMBER,
	PK_SWITCH, /* takes no value */
	PK_BLOCK,  /* of the catalogue: the text between braces */
	PK_OBJECT,
};

struct param_spec {
	char *name;
	char *aliases; /* "|A|B|", or NULL */
	enum param_kind kind;
	bool array;
	bool rest;	/* takes all positional arguments that are left */
	bool common;	/* -ErrorAction and the like: for the client */
	int position;	/* -1: only by name */
	const json_t *sets, *enums; /* borrowed from the catalogue, or NULL */
	const char *type;	    /* as the catalogue says, or NULL */
};

struct builtin;

/* Something that can stand first in a command: a built-in, a cmdlet of the catalogue or a function of the script. */
struct command_spec {
	char *name;
	VEC(struct param_spec) params;
	const struct builtin *builtin; /* NULL: not a built-in */
	const json_t *entry;	       /* the catalogue's, borrowed; NULL: none */
	const struct node *function;   /* its N_BLOCK; NULL: none */
	struct script *script;	       /* of the function, owned */
};

/* A named argument of a command, resolved; value is NULL for a switch that is simply present. */
struct bound_arg {
	const struct param_spec *param;
	const struct node *at, *value;
};

struct bind_plan {
	VEC(struct bound_arg) named;
	VEC(const struct node *) positional; /* N_SPLATs are in neither */
	bool has_splat;
};

/* The aliases of PowerShell that are known; the name itself when it is none. */
const char *command_alias(const char *name);
/* Calls each() with every alias and what it stands for. */
void command_aliases(void (*each)(void *userdata, const char *alias, const char *command), void *userdata);

/* Parses "Name|Alias@0?* ...": @N position, ? switch, * rest. */
struct command_spec *command_spec_builtin(const struct builtin *b, const char *name, const char *params);
/* entry: borrowed, must outlive the spec. NULL when it is no catalogue entry. */
struct command_spec *command_spec_catalogue(const json_t *entry);
struct command_spec *command_spec_function(const char *name, struct script *script, const struct node *block);
void command_spec_free(struct command_spec *spec);
DEFINE_CLEANUP(struct command_spec *, command_spec_free)

/* Exact name or alias, else a unique prefix. Errors NamedParameterNotFound and AmbiguousParameter, with ",COMMAND". */
int command_find_param(const struct command_spec *spec, const char *name, const struct param_spec **ret, struct err **e);
/* Sorts the arguments of an N_COMMAND, without evaluating any. *ret_at is the node that an error is about. */
int command_plan(const struct command_spec *spec, const struct node *command, struct bind_plan *ret,
		 const struct node **ret_at, struct err **e);
void bind_plan_done(struct bind_plan *plan);
#define _cleanup_plan_ _cleanup_(bind_plan_done)
/*
 * The parameter that takes the next positional argument: the lowest position that is not in taken (one flag a parameter)
 * and in a set with what was named; value (may be NULL: not known yet) decides between an object and a name. NULL: none.
 */
const struct param_spec *command_positional(const struct command_spec *spec, const bool *taken, const struct value *value);
