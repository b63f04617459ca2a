/* SPDX-License-Identifier: Apache-2.0 */
#include "prefix.h"

#include <errno.h>

static unsigned width(const struct ip *ip)
{
	return ip_is_v4(ip) ? 32 : 128;
}

/* Clears what follows the first len bits of the family's part. */
static struct ip masked(const struct ip *ip, unsigned len)
{
	unsigned bits = len + (128 - width(ip));
	struct ip m = *ip;

	for (unsigned i = 0; i < 16; i++) {
		unsigned start = i * 8;

		if (bits <= start)
			m.b[i] = 0;
		else if (bits < start + 8)
			m.b[i] &= (uint8_t)(0xff << (start + 8 - bits));
	}
	return m;
}

int prefix_from(const struct ip *ip, unsigned len, struct prefix *ret)
{
	if (len > width(ip))
		return -EINVAL;
	ret->ip = masked(ip, len);
	ret->len = (uint8_t)len;
	return 0;
}

int prefix_parse(const char *s, struct prefix *ret, bool *ret_host_bits)
{
	char text[IP_TEXT_SIZE];
	const char *slash = strchr(s, '/');
	struct prefix p;
	struct ip ip;
	uint64_t len;

	if (!slash || (size_t)(slash - s) >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, (size_t)(slash - s));
	text[slash - s] = 0;
	if (slash[1] == '0' && slash[2])
		return -EINVAL;
	if (ip_parse(text, &ip) < 0 || parse_u64(slash + 1, 128, &len) < 0)
		return -EINVAL;
	if (prefix_from(&ip, (unsigned)len, &p) < 0)
		return -EINVAL;
	*ret = p;
	if (ret_host_bits)
		*ret_host_bits = !ip_equal(&p.ip, &ip);
	return 0;
}

const char *prefix_format(const struct prefix *p, char buf[static PREFIX_TEXT_SIZE])
{
	char ip[IP_TEXT_SIZE];

	snprintf(buf, PREFIX_TEXT_SIZE, "%s/%u", ip_format(&p->ip, ip), p->len);
	return buf;
}

bool prefix_contains(const struct prefix *p, const struct ip *ip)
{
	struct ip m;

	if (ip_is_v4(&p->ip) != ip_is_v4(ip))
		return false;
	m = masked(ip, p->len);
	return ip_equal(&m, &p->ip);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return a->len <= b->len ? prefix_contains(a, &b->ip) : prefix_contains(b, &a->ip);
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && ip_equal(&a->ip, &b->ip);
}

struct ip prefix_first_host(const struct prefix *p)
{
	struct ip ip = p->ip;

	if (p->len + 1u < width(&ip))
		ip.b[15] |= 1;
	return ip;
}
