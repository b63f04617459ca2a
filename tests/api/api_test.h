/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api.h"
#include "client.h"

/* A server with the fake backend, in a process of its own, on the socket directory/s. */
struct server {
	char *directory;
	char *socket;
	pid_t pid;
	struct api_options options;
	bool answers_cancel;
	uid_t uid; /* runs as this user, when not 0 */
};

/* Fixtures: a server with default options, and the same with an idle time of a second. */
int server_setup(void **state);
int server_setup_impatient(void **state);
int server_teardown(void **state);

/* Starts it and waits until it listens; fails the test when it does not. */
void server_start(struct server *s);
/* Starts it and gives what the child says: "" when it listens, else the error's id. The child is gone in that case. */
char *server_try(struct server *s);
/* Asks it to end; it must, cleanly (under the sanitizers: without leaks). */
void server_stop(struct server *s);
void server_kill(struct server *s);
/* Makes the backend answer what waits, from the event loop and not from within a request. */
void server_release(struct server *s);

/* A counter of the fake backend. */
int server_count(struct server *s, const char *counter);
/* Waits until the counter has that value. */
void server_await(struct server *s, const char *counter, int value);

#define assert_error(response, status_, id)                            \
	do {                                                           \
		assert_int_equal((response)->status, status_);         \
		assert_string_equal(response_error(response), id);     \
	} while (0)

int permission_tests(void);
int bounds_tests(void);
int connection_tests(void);
int line_tests(void);
