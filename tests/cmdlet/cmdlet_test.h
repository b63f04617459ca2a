/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmdlet.h"
#include "str.h"

/*
 * A vocabulary of its own over real documents, so that binding is seen without the meaning of any feature. ' stands
 * for " in the JSON texts here.
 */
struct fixture {
	char *directory;
	struct store *store;
	struct docs *docs;
	struct host host;
	struct cmdlet_server *server;
	size_t reconciles;
	bool reconcile_fails;
	size_t done; /* answers to the last request */
	int status;
	json_t *result;
	bool listens;    /* requests ask for progress */
	struct str told; /* that of the last one: "ACTIVITY TARGET NUMBER/OF PERCENT;" each */
};

extern const struct doc_kind *const item_kind_of_fixture; /* fields: Name, Value; key: the name */
int fixture_setup(void **state);
int fixture_teardown(void **state);
#define fixture_test(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

json_t *parse(const char *text);
/* parameters and input: JSON; input NULL: none. */
void start(struct fixture *f, const char *cmdlet, const char *parameters, const char *input);
void run(struct fixture *f, const char *cmdlet, const char *parameters, const char *input);
void request(struct fixture *f, const char *cmdlet, const json_t *request);
/* The member of the answer as compact JSON with ' for ". */
void assert_member(const struct fixture *f, const char *member, const char *expected);
/* What Show-Value saw of one parameter in its only object; NULL: not bound. */
void assert_shown(const struct fixture *f, const char *parameter, const char *expected);
/* Refused as a whole: this status, one error with this id. */
void assert_refused(const struct fixture *f, int status, const char *id);
const char *error_member(const struct fixture *f, size_t i, const char *member);
/* "name=value;" of all items */
void assert_items(const struct fixture *f, const char *expected);
/* The number-th oldest of those calls, from 0, says how far it is. */
void wait_say(size_t number, const struct progress *p);
/* Ends the oldest call that Wait-Item left pending. */
void wait_end(const char *error);

int bind_tests(void);
int server_tests(void);
