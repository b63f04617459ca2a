/* SPDX-License-Identifier: Apache-2.0 */
#include "ip.h"

#include <arpa/inet.h>
#include <errno.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

int ip_parse(const char *s, struct ip *ret)
{
	struct ip ip;
	uint32_t v4;

	if (inet_pton(AF_INET, s, &v4) == 1) {
		*ret = ip_from_v4(v4);
		return 0;
	}
	if (inet_pton(AF_INET6, s, &ip) != 1 || ip_is_v4(&ip))
		return -EINVAL;
	*ret = ip;
	return 0;
}

/* By hand: inet_ntop() takes ten times as long, and keys of a million documents are made of addresses. */
static const char *format_v4(const uint8_t b[static 4], char *buf)
{
	char *p = buf;

	for (int i = 0; i < 4; i++) {
		if (b[i] >= 100)
			*p++ = (char)('0' + b[i] / 100);
		if (b[i] >= 10)
			*p++ = (char)('0' + b[i] / 10 % 10);
		*p++ = (char)('0' + b[i] % 10);
		*p++ = i < 3 ? '.' : 0;
	}
	return buf;
}

const char *ip_format(const struct ip *ip, char buf[static IP_TEXT_SIZE])
{
	const char *s = ip_is_v4(ip) ? format_v4(ip->b + 12, buf) : inet_ntop(AF_INET6, ip->b, buf, IP_TEXT_SIZE);

	return s ? s : strcpy(buf, "?");
}

struct ip ip_from_v4(uint32_t network_order)
{
	struct ip ip;

	memcpy(ip.b, mapped, sizeof(mapped));
	memcpy(ip.b + 12, &network_order, 4);
	return ip;
}

bool ip_is_v4(const struct ip *ip)
{
	return memcmp(ip->b, mapped, sizeof(mapped)) == 0;
}

uint32_t ip_v4(const struct ip *ip)
{
	uint32_t v;

	memcpy(&v, ip->b + 12, 4);
	return v;
}

int ip_family(const struct ip *ip)
{
	return ip_is_v4(ip) ? AF_INET : AF_INET6;
}

bool ip_is_zero(const struct ip *ip)
{
	static const struct ip zero;

	return ip_equal(ip, &zero);
}

bool ip_is_any(const struct ip *ip)
{
	return ip_is_zero(ip) || (ip_is_v4(ip) && ip_v4(ip) == 0);
}

bool ip_is_multicast(const struct ip *ip)
{
	return ip_is_v4(ip) ? (ip->b[12] & 0xf0) == 0xe0 : ip->b[0] == 0xff;
}

bool ip_is_loopback(const struct ip *ip)
{
	struct ip v6 = { { [15] = 1 } };

	return ip_is_v4(ip) ? ip->b[12] == 127 : ip_equal(ip, &v6);
}

bool ip_is_link_local(const struct ip *ip)
{
	return ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return ip_compare(a, b) == 0;
}

int ip_compare(const struct ip *a, const struct ip *b)
{
	return memcmp(a, b, sizeof(*a));
}
