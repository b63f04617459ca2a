/* SPDX-License-Identifier: Apache-2.0 */
#include "mac.h"

#include <errno.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int mac_parse(const char *s, struct mac *ret)
{
	size_t len = strlen(s);
	char separator = 0;
	struct mac m;

	if (len == 17) {
		separator = s[2];
		if (separator != '-' && separator != ':')
			return -EINVAL;
	} else if (len != 12) {
		return -EINVAL;
	}
	for (size_t i = 0; i < 6; i++) {
		int hi = hex_digit(s[0]), lo = hi < 0 ? -1 : hex_digit(s[1]);

		if (lo < 0)
			return -EINVAL;
		m.b[i] = (uint8_t)(hi << 4 | lo);
		s += 2;
		if (separator && i < 5 && *s++ != separator)
			return -EINVAL;
	}
	*ret = m;
	return 0;
}

/* The digits with a separator between the bytes; 0: none. */
static const char *format(const struct mac *m, const char *digits, char separator, char *buf)
{
	char *p = buf;

	for (size_t i = 0; i < 6; i++) {
		if (i && separator)
			*p++ = separator;
		*p++ = digits[m->b[i] >> 4];
		*p++ = digits[m->b[i] & 15];
	}
	*p = 0;
	return buf;
}

const char *mac_format(const struct mac *m, char buf[static MAC_TEXT_SIZE])
{
	return format(m, "0123456789ABCDEF", 0, buf);
}

const char *mac_format_dashes(const struct mac *m, char buf[static MAC_TEXT_SIZE])
{
	return format(m, "0123456789ABCDEF", '-', buf);
}

const char *mac_format_colons(const struct mac *m, char buf[static MAC_TEXT_SIZE])
{
	return format(m, "0123456789abcdef", ':', buf);
}

bool mac_is_zero(const struct mac *m)
{
	static const struct mac zero;

	return mac_equal(m, &zero);
}

bool mac_is_unicast(const struct mac *m)
{
	return !(m->b[0] & 1) && !mac_is_zero(m);
}

bool mac_equal(const struct mac *a, const struct mac *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
