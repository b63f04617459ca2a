/* SPDX-License-Identifier: Apache-2.0 */
#include "str.h"

static void str_reserve(struct str *s, size_t more)
{
	size_t want = s->len + more + 1;

	if (want <= s->room)
		return;
	s->room = MAX(want, s->room ? s->room * 2 : 64);
	s->data = xreallocarray(s->data, s->room, 1);
}

void str_addn(struct str *s, const char *data, size_t n)
{
	str_reserve(s, n);
	if (n)
		memcpy(s->data + s->len, data, n);
	s->len += n;
	s->data[s->len] = 0;
}

void str_add(struct str *s, const char *text)
{
	str_addn(s, text, strlen(text));
}

void str_addc(struct str *s, char c)
{
	str_addn(s, &c, 1);
}

void str_pad(struct str *s, char c, size_t n)
{
	str_reserve(s, n);
	memset(s->data + s->len, c, n);
	s->len += n;
	s->data[s->len] = 0;
}

void str_addf(struct str *s, const char *format, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, format);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, ap);
	if (n < 0)
		abort();
	str_reserve(s, (size_t)n);
	vsnprintf(s->data + s->len, (size_t)n + 1, format, again);
	s->len += (size_t)n;
	va_end(again);
	va_end(ap);
}

void str_done(struct str *s)
{
	free(s->data);
	*s = (struct str){ 0 };
}

const char *str_get(const struct str *s)
{
	return s->data ? s->data : "";
}

char *str_take(struct str *s)
{
	char *data = s->data ? s->data : xstrdup("");

	*s = (struct str){ 0 };
	return data;
}
