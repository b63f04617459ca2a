/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "str.h"
#include "util.h"

/* UTF-8 and the characters that web pages and word processors put in place of ASCII ones. */

/* Bytes of the dash at p: '-', U+2013, U+2014, U+2015, U+2212. 0 when there is none. p is NUL-terminated. */
size_t text_dash(const char *p);
/* Bytes of the double quote at p: '"', U+201C, U+201D, U+201E. */
size_t text_dquote(const char *p);
/* Bytes of the single quote at p: ''', U+2018, U+2019, U+201A, U+201B. */
size_t text_squote(const char *p);
/* Bytes of blank space at p, newlines excluded: space, tab, CR, form feed, U+00A0, U+FEFF, U+2000..U+200B, U+3000. */
size_t text_blank(const char *p);

/* Offset of the first byte that is no valid UTF-8 or is NUL, or n when all is well. */
size_t text_validate(const char *s, size_t n);
/* Bytes of the character at p (valid UTF-8), at least 1. */
size_t text_char(const char *p);
/* The code point at p and its bytes. */
uint32_t text_decode(const char *p, size_t *ret_bytes);
void text_encode(struct str *s, uint32_t c);
/* Characters in a string. */
size_t text_len(const char *s);
/* Byte offset of the n-th character; the end when there are fewer. */
size_t text_offset(const char *s, size_t n);
/* Columns that a string takes on a terminal (East Asian wide characters take two). */
size_t text_width(const char *s);
/* Bytes of the longest prefix that takes at most width columns. */
size_t text_fit(const char *s, size_t width);

static inline bool text_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A letter, digit, underscore or any character beyond ASCII. */
static inline bool text_is_word(char c)
{
	return text_is_alpha(c) || text_is_digit(c) || c == '_' || (unsigned char)c >= 0x80;
}

static inline char text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline char text_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}
