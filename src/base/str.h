/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util.h"

/* A growing string: always NUL-terminated once something was added. Zero-initialise; free with str_done(). */
struct str {
	char *data;
	size_t len;
	size_t room;
};

void str_addn(struct str *s, const char *data, size_t n);
void str_add(struct str *s, const char *text);
void str_addc(struct str *s, char c);
void str_addf(struct str *s, const char *format, ...) _printf_(2, 3);
void str_pad(struct str *s, char c, size_t n);
void str_done(struct str *s);
/* The text so far, "" when empty; still owned by s. */
const char *str_get(const struct str *s);
/* Hands the text over to the caller ("" when empty) and resets s. */
char *str_take(struct str *s);

#define _cleanup_str_ _cleanup_(str_done)
