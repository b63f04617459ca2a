/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#define U8(p, i) ((unsigned char)(p)[i])

/* The three-byte characters E2 80 xx hold most of the typographic ones. */
static unsigned char e280(const char *p)
{
	return U8(p, 0) == 0xe2 && U8(p, 1) == 0x80 ? U8(p, 2) : 0;
}

size_t text_dash(const char *p)
{
	unsigned char c = e280(p);

	if (*p == '-')
		return 1;
	if (c >= 0x93 && c <= 0x95)
		return 3;
	return U8(p, 0) == 0xe2 && U8(p, 1) == 0x88 && U8(p, 2) == 0x92 ? 3 : 0;
}

size_t text_dquote(const char *p)
{
	unsigned char c = e280(p);

	if (*p == '"')
		return 1;
	return c >= 0x9c && c <= 0x9e ? 3 : 0;
}

size_t text_squote(const char *p)
{
	unsigned char c = e280(p);

	if (*p == '\'')
		return 1;
	return c >= 0x98 && c <= 0x9b ? 3 : 0;
}

size_t text_blank(const char *p)
{
	unsigned char c = e280(p);

	if (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\f' || *p == '\v')
		return 1;
	if (U8(p, 0) == 0xc2 && U8(p, 1) == 0xa0)
		return 2;
	if (c >= 0x80 && c <= 0x8b)
		return 3;
	if (U8(p, 0) == 0xe3 && U8(p, 1) == 0x80 && U8(p, 2) == 0x80)
		return 3;
	return U8(p, 0) == 0xef && U8(p, 1) == 0xbb && U8(p, 2) == 0xbf ? 3 : 0;
}

size_t text_validate(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		unsigned char c = U8(s, i);
		size_t bytes = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 :
			c >= 0xf0 && c < 0xf5 ? 4 : 0;

		if (!c || !bytes || i + bytes > n)
			return i;
		for (size_t k = 1; k < bytes; k++)
			if ((U8(s, i + k) & 0xc0) != 0x80)
				return i;
		/* Overlong forms, surrogates and what lies beyond U+10FFFF. */
		if ((c == 0xe0 && U8(s, i + 1) < 0xa0) || (c == 0xed && U8(s, i + 1) >= 0xa0) ||
		    (c == 0xf0 && U8(s, i + 1) < 0x90) || (c == 0xf4 && U8(s, i + 1) >= 0x90))
			return i;
		i += bytes;
	}
	return n;
}

size_t text_char(const char *p)
{
	unsigned char c = U8(p, 0);
	size_t want = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4, n = 1;

	while (n < want && (U8(p, n) & 0xc0) == 0x80)
		n++;
	return n;
}

uint32_t text_decode(const char *p, size_t *ret_bytes)
{
	size_t n = text_char(p);
	uint32_t c = U8(p, 0);

	if (n > 1) {
		c &= 0xffu >> (n + 1);
		for (size_t i = 1; i < n; i++)
			c = c << 6 | (U8(p, i) & 0x3f);
	}
	if (ret_bytes)
		*ret_bytes = n;
	return c;
}

void text_encode(struct str *s, uint32_t c)
{
	if (c < 0x80) {
		str_addc(s, (char)c);
	} else if (c < 0x800) {
		str_addc(s, (char)(0xc0 | c >> 6));
		str_addc(s, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		str_addc(s, (char)(0xe0 | c >> 12));
		str_addc(s, (char)(0x80 | (c >> 6 & 0x3f)));
		str_addc(s, (char)(0x80 | (c & 0x3f)));
	} else {
		str_addc(s, (char)(0xf0 | c >> 18));
		str_addc(s, (char)(0x80 | (c >> 12 & 0x3f)));
		str_addc(s, (char)(0x80 | (c >> 6 & 0x3f)));
		str_addc(s, (char)(0x80 | (c & 0x3f)));
	}
}

size_t text_len(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

size_t text_offset(const char *s, size_t n)
{
	const char *p = s;

	while (n && *p) {
		p += text_char(p);
		n--;
	}
	return (size_t)(p - s);
}

static size_t char_width(uint32_t c)
{
	if (c >= 0x300 && c < 0x370)
		return 0;
	return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
		(c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
		(c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd) ? 2 : 1;
}

size_t text_fit(const char *s, size_t width)
{
	const char *p = s;

	while (*p) {
		size_t bytes, w = char_width(text_decode(p, &bytes));

		if (w > width)
			break;
		width -= w;
		p += bytes;
	}
	return (size_t)(p - s);
}

size_t text_width(const char *s)
{
	size_t w = 0;

	while (*s) {
		size_t bytes;

		w += char_width(text_decode(s, &bytes));
		s += bytes;
	}
	return w;
}
