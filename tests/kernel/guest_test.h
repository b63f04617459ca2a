/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "guest.h"

struct guests {
	char *dir; /* run directory */
	char *instance;
	char *mounts; /* before the test */
	struct guest_engine *e;
};

extern const char *guest_program;

int guests_setup(void **state);
int guests_teardown(void **state);

#define guests_test(f) cmocka_unit_test_setup_teardown(f, guests_setup, guests_teardown)

#define assert_ok(call)                                           \
	do {                                                      \
		int _r = (call);                                  \
		if (_r < 0)                                       \
			fail_msg("%s: %s", #call, strerror(-_r)); \
	} while (0)
#define assert_error(call, error) assert_int_equal(call, -(error))

struct guid test_guid(unsigned n);
struct guest start_guest(struct guests *w, unsigned n, const char *name);
/* As a daemon that was restarted. */
void reopen(struct guests *w);
size_t count_guests(struct guests *w);
/* Init processes of guests of this instance. */
size_t count_inits(const char *instance);
size_t count_processes(uint64_t pid_namespace);
/* For loops that wait for a condition: false when it took too long. *deadline starts at 0. */
bool deadline_tick(time_t *deadline);
/* Runs the line in guest n and checks what it prints (both streams merged) and its exit code. */
void assert_run(struct guests *w, unsigned n, const char *line, const char *output, int code);

int run_exec_tests(void);
int run_registry_tests(void);
int run_interface_tests(void);
