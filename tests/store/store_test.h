/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store.h"
#include "str.h"

/* A new directory for one test, removed with all that is in it. */
char *test_directory_new(void);
void test_directory_remove(char *path);

/* The documents of a kind (all with NULL) as "key=value;" or "kind/key=value;", in the order of the scan. */
char *test_dump(struct store *s, const char *kind);

#define assert_dump(s, kind, expected)                          \
	do {                                                    \
		_cleanup_free_ char *_dump = test_dump(s, kind); \
		assert_string_equal(_dump, expected);           \
	} while (0)

/* The call fails, with this error id. */
#define assert_refused(call, expected_id)                        \
	do {                                                     \
		_cleanup_err_ struct err *e = NULL;              \
		assert_true((call) < 0);                         \
		assert_non_null(e);                              \
		assert_string_equal(e->id, expected_id);         \
	} while (0)

/* The call succeeds; a failure shows its message. */
#define assert_done(call)                                                \
	do {                                                             \
		_cleanup_err_ struct err *e = NULL;                      \
		if ((call) < 0)                                          \
			fail_msg("%s: %s", #call, e ? e->message : "?"); \
	} while (0)

#define put(s, kind, key, value) assert_done(store_put(s, kind, key, value, &e))

/* What only a store in a file can be asked; returns the number of failed tests. */
int sqlite_file_tests(void);
