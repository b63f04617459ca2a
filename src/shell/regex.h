/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util.h"

/*
 * Regular expressions of .NET as far as they can be matched in time linear in the text: no back references, no look-around.
 * Offsets are bytes.
 */
struct regex;

#define REGEX_MAX_GROUPS 32

struct regex_match {
	size_t start[REGEX_MAX_GROUPS], end[REGEX_MAX_GROUPS]; /* SIZE_MAX: the group took no part */
};

/* -EINVAL with an allocated *ret_error. */
int regex_compile(const char *pattern, bool with_case, struct regex **ret, char **ret_error);
void regex_free(struct regex *re);
DEFINE_CLEANUP(struct regex *, regex_free)
#define _cleanup_regex_ _cleanup_(regex_freep)
/* First match at or after from: 1 found, 0 none, -E2BIG too much work. */
int regex_search(const struct regex *re, const char *text, size_t from, struct regex_match *ret);
/* Groups, the whole match (0) included. */
unsigned regex_groups(const struct regex *re);
/* NULL when the group has no name. */
const char *regex_group_name(const struct regex *re, unsigned group);
