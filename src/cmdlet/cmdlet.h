/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "docs.h"
#include "err.h"
#include "host.h"
#include "vec.h"
#include "vsid.h"

/*
 * The vocabulary. One row per cmdlet is the single source for binding, validation, help, completion and the API's
 * description; a handler reads bound arguments, checks rules against the documents and writes documents.
 */

enum param_type {
	P_STRING,
	P_INT,    /* signed, min..max of the row */
	P_UINT,   /* unsigned, min..max of the row (max 0: no limit); KB MB GB TB suffixes accepted */
	P_BOOL,   /* $true/$false/1/0/true/false, On/Off not */
	P_SWITCH, /* presence = true */
	P_ENUM,   /* one of values, case-insensitive */
	P_MAC,
	P_IP,
	P_PREFIX, /* CIDR */
	P_GUID,
	P_VSID,   /* 0 only with the flag VSID_ZERO; else 4096..16777214 (HN-1, D-1): Wnv.VsidOutOfRange */
	P_SCRIPT, /* the raw text of a script block */
	P_OBJECT, /* an object of the type named by values[0], normally from the pipeline */
};

#define REQUIRED   (1u << 0) /* in its sets */
#define ARRAY      (1u << 1)
#define PIPE_VALUE (1u << 2) /* takes the pipeline object itself */
#define PIPE_NAME  (1u << 3) /* takes the pipeline object's property of its name or alias */
#define VSID_ZERO  (1u << 4)
#define MAY_BE_EMPTY (1u << 5) /* P_STRING: "" clears */
#define POS(n)     ((((n) + 1u) & 0xf) << 8) /* position n = 0.. */
#define PARAM_POSITION(flags) ((int)(((flags) >> 8) & 0xf) - 1)

struct param {
	const char *name;
	enum param_type type;
	uint32_t flags;
	const char *help;
	const char *aliases;       /* "A,B" or NULL */
	const char *const *values; /* P_ENUM: names, P_OBJECT: { type name }; NULL-terminated */
	int64_t min;
	uint64_t max;
	const char *def;           /* shown as default; binding does not apply it */
	uint32_t sets;             /* bit i: belongs to parameter set i; 0: to all. Set 0 is the default set. */
};

/* What a cmdlet returns: the properties in order and the default table view (none: list view). */
struct column {
	const char *property;
	const char *label; /* NULL: the property's name */
	bool right;        /* numbers */
};

struct object_type {
	const char *name;
	const char *const *properties; /* NULL-terminated */
	const struct column *columns;  /* property NULL ends; NULL: list view of all properties */
	bool list;                     /* the default view shows the columns as a list */
};

struct call;
#define CALL_PENDING 1 /* the handler finishes later by call_complete() */

struct cmdlet {
	const char *name;
	const char *help;
	const struct param *params; /* name NULL ends; NULL: none */
	const struct object_type *output; /* NULL: nothing */
	/* 0, CALL_PENDING, or negative with *e: this invocation failed and changed nothing. */
	int (*run)(struct call *c, struct err **e);
	uint32_t flags;
	const struct object_type *other; /* what call_output_other() makes it return instead; NULL: nothing else */
};
#define CHANGES  (1u << 0) /* changes state: has -WhatIf and -Confirm, and is followed by a reconcile */
#define STREAM   (1u << 2) /* answers by a stream of bytes: call_stream() */
#define PASSTHRU (1u << 1) /* has -PassThru */

union value {
	const char *str; /* P_STRING, P_ENUM (canonical spelling), P_SCRIPT */
	int64_t i;
	uint64_t u;      /* P_UINT, P_VSID; P_ENUM: index into values */
	bool b;
	struct mac mac;
	struct ip ip;
	struct prefix prefix;
	struct guid guid;
	json_t *object;
};

struct arg {
	bool given;
	size_t n;
	union value *values;
	const char **texts; /* as the caller wrote each, for messages; P_ENUM: canonical */
};

/* Bound arguments, by the parameter's name in the row; aborts on a name that the row does not have. */
const struct arg *call_arg(const struct call *c, const char *name);
bool call_given(const struct call *c, const char *name);
/* First value, or the fallback when not given. */
const char *call_str(const struct call *c, const char *name, const char *fallback);
uint64_t call_uint(const struct call *c, const char *name, uint64_t fallback);
bool call_bool(const struct call *c, const char *name, bool fallback);
/* Index of an enum's value, or fallback. */
uint32_t call_enum(const struct call *c, const char *name, uint32_t fallback);

struct docs *call_docs(struct call *c);
struct host *call_host(struct call *c);
const char *call_name(const struct call *c); /* the cmdlet's */

/*
 * True when the change may be made; with -WhatIf notes "What if: Performing the operation "..." on target "..."." and
 * returns false. Every changing handler asks once per target, after its checks and before it writes.
 */
bool call_should(struct call *c, const char *target, const char *format, ...) _printf_(3, 4);

/* A failure of one target: the others go on. Takes *e and resets it. */
void call_error(struct call *c, struct err **e);
void call_warn(struct call *c, const char *format, ...) _printf_(2, 3);

/*
 * Output. call_emit() returns the document's object as it is after the changes took effect: make is called once the
 * reconcile is done (doc is then the document's current version; a document that is gone is left out).
 * call_emit_json() takes the object as it is now. Properties are ordered, and absent ones filled with null, by the
 * cmdlet's output type.
 */
typedef json_t *(*object_fn)(struct call *c, const void *doc);
/* An answer is made as a whole: with more objects the invocation fails (AnswerTooLarge), and has changed nothing. */
#define CMDLET_MAX_OUTPUT 100000
void call_emit(struct call *c, object_fn make, const struct doc_kind *kind, const void *doc);
void call_emit_json(struct call *c, json_t *object);
/*
 * From now on, until it is called with NULL, call_emit() makes its object at once, of the documents as they are inside the transaction, and
 * finish has the last word about it.
 */
typedef void (*object_finish_fn)(json_t *object, const void *arg);
void call_emit_now(struct call *c, object_finish_fn finish, const void *arg);
/*
 * The answer is no objects but a stream of bytes both ways, which whoever serves the vocabulary finds by this description (taken over;
 * status 101). One of a request can have that. Errors win.
 */
void call_stream(struct call *c, json_t *description);
/* This answer's objects are of the row's other type. All invocations of a call must agree: a switch decides, not an object. */
void call_output_other(struct call *c);

/*
 * How far the call is, for whoever waits and wants to know: the same handlers may say so as often as they like, and the newest word
 * counts. Nothing else depends on it. Several targets of one call are told apart by number and of; the objects of a pipeline are
 * counted by whoever calls.
 */
void call_progress(struct call *c, const char *activity, const char *target, int percent);
void call_progress_of(struct call *c, const struct progress *p);

/* For handlers that returned CALL_PENDING: exactly once. *e (may be NULL or hold NULL) is the invocation's failure. */
void call_complete(struct call *c, struct err **e);
/*
 * The same handlers, from the event loop: goes on with the invocation in a transaction of its own. What run returns is as if the handler
 * had: 0 or negative end it, and what was written is committed and reconciled; CALL_PENDING waits on, and must have written nothing.
 */
void call_resume(struct call *c, int (*run)(struct call *c, void *arg, struct err **e), void *arg);
/* The same handlers: cancel(arg) is called when nobody waits for the answer any more. call_complete() follows, from within or later. */
void call_on_cancel(struct call *c, void (*cancel)(void *arg), void *arg);

/* The running server: vocabulary + documents + host. */
struct cmdlet_server;
struct cmdlet_server_config {
	const struct cmdlet *const *tables; /* NULL-terminated list of tables, each ended by a row without a name */
	struct docs *docs;
	struct host *host;
	/* Brings the kernel to what the documents want; called after each committed change. */
	int (*reconcile)(void *arg, struct err **e);
	/*
	 * Is something still under way that the reconcile began? Then the answer waits until done is called, once, with what failed
	 * (borrowed, or NULL), and progress, when there is something new to tell about it, before; progress NULL: nobody wants to know.
	 * NULL: nothing ever is.
	 */
	bool (*settle)(void *arg, void (*done)(void *request, const struct err *e),
		       void (*progress)(void *request, const struct progress *p), void *request);
	void *arg;
};

/* Aborts when a table contradicts itself (a test walks all tables through it). */
struct cmdlet_server *cmdlet_server_new(const struct cmdlet_server_config *config);
void cmdlet_server_free(struct cmdlet_server *s);

/* The catalogue of GET /v1/cmdlet, or of one cmdlet (NULL: unknown). New reference. */
json_t *cmdlet_server_describe(struct cmdlet_server *s, const char *name);

/*
 * Runs a cmdlet; calls done exactly once, at once or later. result is a new reference. request is borrowed.
 * HTTP status: 200, or 4xx/5xx when the whole call failed; 101 with the description of call_stream().
 */
typedef void (*cmdlet_done_fn)(void *arg, int status, json_t *result);
/*
 * Before done: {"activity", "target" (or null), "number", "of", "percent" (or null)}, a new reference; what changed is told, and a
 * percentage never falls while the others stay.
 */
typedef void (*cmdlet_progress_fn)(void *arg, json_t *progress);
/* progress may be NULL. */
void cmdlet_server_invoke(struct cmdlet_server *s, const char *name, const json_t *request, cmdlet_done_fn done,
			  cmdlet_progress_fn progress, void *arg);
/* Nobody waits for the call that was given this arg any more. Its done() is called all the same, now or later. */
void cmdlet_server_cancel(struct cmdlet_server *s, void *arg);
const struct cmdlet *cmdlet_server_find(struct cmdlet_server *s, const char *name);
