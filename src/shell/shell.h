/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <signal.h>

#include "err.h"
#include "util.h"

/*
 * Nestor's language: docs/language.md. A library without I/O: everything outside goes through struct shell_host.
 * One shell is one session: variables, functions and $Error last as long as it does. Not thread safe.
 */

enum shell_output {
	SHELL_OUTPUT_TABLE, /* the default view of each type */
	SHELL_OUTPUT_LIST,
	SHELL_OUTPUT_JSON,  /* one array of all objects, at shell_flush() */
	SHELL_OUTPUT_CSV,   /* RFC 4180, at shell_flush() */
};

/* Exit codes of runs and of the program. */
enum shell_exit {
	SHELL_DONE = 0,
	SHELL_FAILED = 1,	  /* a cmdlet failed */
	SHELL_NOT_UNDERSTOOD = 2, /* syntax, unknown command or construct: nothing ran */
};

struct shell_host {
	void *userdata;
	/* The catalogue (GET /v1/cmdlet), borrowed until the host ends; NULL with *e when it cannot be had. */
	const json_t *(*catalogue)(void *userdata, struct err **e);
	/*
	 * One stage: POST /v1/cmdlet/NAME. where: a host's name, NULL for the own daemon. input: NULL when there is no
	 * pipeline. quiet: its progress is not to be shown ($ProgressPreference). *ret_response is the body (owned by the caller), *ret_status the HTTP status. A negative errno with *e
	 * when there was no answer.
	 */
	int (*run_cmdlet)(void *userdata, const char *where, const char *name, json_t *parameters, json_t *input, bool quiet,
			  json_t **ret_response, int *ret_status, struct err **e);
	/* Text for standard output or standard error. */
	void (*write)(void *userdata, bool to_stderr, const char *text, size_t size);
	/* Pauses; returns early when interrupted. */
	void (*sleep_ms)(void *userdata, uint64_t ms);
	/* One echo request: *ret_ms round trip, *ret_address (at least 64 bytes) the address. Negative errno: no answer. */
	int (*ping)(void *userdata, const char *target, unsigned timeout_ms, double *ret_ms, char *ret_address);
	/* Environment ($env:X), NULL when not set. */
	const char *(*env)(void *userdata, const char *name);
	/* Seconds since 1970, for Get-Date. */
	int64_t (*now)(void *userdata);
	/* Set by a signal handler: stops the run. May be NULL. */
	const volatile sig_atomic_t *interrupted;
};

struct shell_options {
	enum shell_output output;
	unsigned width;	      /* columns of tables; 0: 120 */
	size_t memory_limit;  /* bytes that values may take; 0: 1 GiB */
	uint64_t step_limit;  /* evaluation steps; 0: none */
};

struct shell;

/* host and what it refers to must outlive the shell. */
struct shell *shell_new(const struct shell_host *host, const struct shell_options *options);
void shell_free(struct shell *sh);
DEFINE_CLEANUP(struct shell *, shell_free)

/*
 * Parses, checks and (unless check_only) runs a source text. name is shown in messages. Problems are written to standard
 * error by the host. Returns an enum shell_exit, or what the script's exit said.
 */
int shell_run(struct shell *sh, const char *name, const char *source, size_t size, bool check_only);
/* One command whose arguments are exactly argv[1..]: -Name, -Name:value, value, a,b. Nothing in them is expanded. */
int shell_run_argv(struct shell *sh, int argc, char *const *argv);
/* Writes what -o json and csv kept; does nothing for the others. */
void shell_flush(struct shell *sh);

/* Whether a text is a complete statement, or waits for more lines (an open bracket, quote or here-string). */
bool shell_is_complete(struct shell *sh, const char *source, size_t size);
/*
 * Candidates for the word that ends at the text's end: commands, parameters, values of enums. Each is what the whole word
 * becomes. *ret_start is the word's offset. Free with json_decref().
 */
json_t *shell_complete(struct shell *sh, const char *text, size_t size, size_t *ret_start);
/* Help from the catalogue: of one cmdlet, or the list of all when name is NULL. An enum shell_exit. */
int shell_help(struct shell *sh, const char *name);
/* The class of a single value, without a view: for programs around the shell. Borrowed entry, NULL when unknown. */
const json_t *shell_find_cmdlet(struct shell *sh, const char *name);
