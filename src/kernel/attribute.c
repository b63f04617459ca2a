/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/socket.h>

#include "netlink.h"

static int attrs_parse(const void *data, size_t size, const struct nlattr **tb, unsigned max)
{
	const struct nlattr *a = data;
	int left = size;

	for (unsigned i = 0; i <= max; i++)
		tb[i] = NULL;
	while (mnl_attr_ok(a, left)) {
		if (mnl_attr_get_type(a) <= max)
			tb[mnl_attr_get_type(a)] = a;
		left -= MNL_ALIGN(a->nla_len);
		a = mnl_attr_next(a);
	}
	/* The last attribute may lack its padding. */
	return left > 0 ? -EPROTO : 0;
}

int nl_attrs(const struct nlmsghdr *n, size_t header_size, const struct nlattr **tb, unsigned max)
{
	size_t start = NLMSG_HDRLEN + NLMSG_ALIGN(header_size);

	if (n->nlmsg_len < NLMSG_HDRLEN + header_size)
		return -EPROTO;
	return attrs_parse((const char *)n + start, n->nlmsg_len > start ? n->nlmsg_len - start : 0, tb, max);
}

int nl_attrs_nested(const struct nlattr *nest, const struct nlattr **tb, unsigned max)
{
	return attrs_parse(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), tb, max);
}

bool nl_bytes(const struct nlattr *a, void *ret, size_t size)
{
	if (!a || mnl_attr_get_payload_len(a) != size)
		return false;
	memcpy(ret, mnl_attr_get_payload(a), size);
	return true;
}

uint8_t nl_u8(const struct nlattr *a)
{
	uint8_t v = 0;

	(void)nl_bytes(a, &v, sizeof(v));
	return v;
}

uint16_t nl_u16(const struct nlattr *a)
{
	uint16_t v = 0;

	(void)nl_bytes(a, &v, sizeof(v));
	return v;
}

uint32_t nl_u32(const struct nlattr *a)
{
	uint32_t v = 0;

	(void)nl_bytes(a, &v, sizeof(v));
	return v;
}

bool nl_text(const struct nlattr *a, char *ret, size_t size)
{
	size_t len;

	ret[0] = '\0';
	if (!a)
		return false;
	len = strnlen(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	if (len == mnl_attr_get_payload_len(a) || len >= size)
		return false;
	memcpy(ret, mnl_attr_get_payload(a), len + 1);
	return true;
}

bool nl_ip(const struct nlattr *a, int family, struct ip *ret)
{
	uint32_t v4;

	if (family == AF_INET6)
		return nl_bytes(a, ret->b, sizeof(ret->b));
	if (!nl_bytes(a, &v4, sizeof(v4)))
		return false;
	*ret = ip_from_v4(v4);
	return true;
}

void nl_put_ip(struct nlmsghdr *n, uint16_t type, const struct ip *ip)
{
	size_t size = ip_is_v4(ip) ? 4 : 16;

	mnl_attr_put(n, type, size, ip->b + 16 - size);
}
