/* SPDX-License-Identifier: Apache-2.0 */
#include "guid.h"

#include <ctype.h>
#include <errno.h>
#include <sys/random.h>

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int guid_parse(const char *s, struct guid *ret)
{
	size_t len = strlen(s);
	struct guid g;

	if (len == 38 && s[0] == '{' && s[37] == '}')
		s++;
	else if (len != 36)
		return -EINVAL;
	for (size_t i = 0; i < 16; i++) {
		int hi, lo;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *s++ != '-')
			return -EINVAL;
		hi = nibble(s[0]);
		lo = hi < 0 ? -1 : nibble(s[1]);
		if (lo < 0)
			return -EINVAL;
		g.b[i] = (uint8_t)(hi << 4 | lo);
		s += 2;
	}
	*ret = g;
	return 0;
}

const char *guid_format(const struct guid *g, char buf[static GUID_TEXT_SIZE])
{
	char *p = buf;

	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		p += sprintf(p, "%02x", g->b[i]);
	}
	return buf;
}

const char *guid_format_braces(const struct guid *g, char buf[static GUID_TEXT_SIZE])
{
	char text[GUID_TEXT_SIZE];

	guid_format(g, text);
	for (char *p = text; *p; p++)
		*p = (char)toupper(*p);
	snprintf(buf, GUID_TEXT_SIZE, "{%.36s}", text);
	return buf;
}

struct guid guid_new(void)
{
	struct guid g;

	if (getrandom(&g, sizeof(g), 0) != sizeof(g))
		abort();
	g.b[6] = (uint8_t)((g.b[6] & 0x0f) | 0x40);
	g.b[8] = (uint8_t)((g.b[8] & 0x3f) | 0x80);
	return g;
}

bool guid_equal(const struct guid *a, const struct guid *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool guid_is_zero(const struct guid *g)
{
	static const struct guid zero;

	return guid_equal(g, &zero);
}
