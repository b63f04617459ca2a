/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define _printf_(f, a) __attribute__((format(printf, f, a)))
#define _unused_ __attribute__((unused))

/* Allocation that aborts when memory is out: nothing above can do better. The result is owned by the caller. */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
void *xmemdup(const void *p, size_t n);
char *xasprintf(const char *format, ...) _printf_(1, 2);
char *xvasprintf(const char *format, va_list ap) _printf_(1, 0);

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* NULL-safe: two NULLs are equal. */
static inline bool streq_ptr(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* ASCII case-insensitive equality, as the vocabulary compares names; independent of the locale. */
bool strieq(const char *a, const char *b);
int stricmp(const char *a, const char *b);
bool str_has_prefix_nocase(const char *s, const char *prefix);

/*
 * Shell-style match of * ? and [set], ASCII case-insensitive, as PowerShell's -like does. Runs in time linear in the
 * product of both lengths, without recursion: patterns come from outside.
 */
bool wildcard_match(const char *pattern, const char *s);
bool wildcard_has(const char *pattern);

/* Decimal or 0x number, whole string, no sign, no spaces. -EINVAL when it is not one, -ERANGE above max. */
int parse_u64(const char *s, uint64_t max, uint64_t *ret);

/* Reads a whole regular file of at most max bytes; *ret is NUL-terminated and owned by the caller. -EFBIG above max. */
int read_file(const char *path, size_t max, char **ret, size_t *ret_size);

/* Writes by a temporary file beside it and a rename: a reader sees the old or the new content, never half. */
int write_file_atomic(const char *path, const void *data, size_t size);

int write_all(int fd, const void *data, size_t size);
int mkdir_p(const char *path, unsigned mode);
/* With all that is in it on its file system; links are not followed. As far as it goes. */
void remove_tree(const char *path);

/* Microseconds of a clock: CLOCK_MONOTONIC for spans, CLOCK_REALTIME for points in time. */
uint64_t clock_us(clockid_t clock);
