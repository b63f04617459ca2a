/* SPDX-License-Identifier: Apache-2.0 */
#include "route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "vec.h"

struct collect {
	struct route_vec *v;
	uint8_t protocol; /* 0: any */
	int family;
};

/* A gateway of the other family (RTA_VIA: IPv4 routes by an IPv6 neighbour). */
static bool via_get(const struct nlattr *a, struct ip *ret)
{
	uint8_t via[sizeof(struct rtvia) + 16];

	if (!nl_bytes(a, via, sizeof(via)) || ((struct rtvia *)via)->rtvia_family != AF_INET6)
		return false;
	memcpy(ret->b, via + sizeof(struct rtvia), 16);
	return true;
}

static void gateway_parse(const struct nlattr *const tb[], int family, struct route *r)
{
	if (!nl_ip(tb[RTA_GATEWAY], family, &r->gateway))
		(void)via_get(tb[RTA_VIA], &r->gateway);
}

/* One entry for each next hop. */
static int multipath_append(const struct nlattr *a, const struct route *base, const struct collect *c)
{
	const uint8_t *p = mnl_attr_get_payload(a);
	size_t left = mnl_attr_get_payload_len(a);

	while (left >= sizeof(struct rtnexthop)) {
		const struct rtnexthop *nh = (const struct rtnexthop *)p;
		size_t len = nh->rtnh_len, step = RTNH_ALIGN(len);
		const struct nlattr *tb[RTA_MAX + 1] = { 0 };
		struct route r = *base;

		if (len < sizeof(*nh) || len > left)
			return -EPROTO;
		/* The attributes of a next hop lie behind it as if it were a nest's header and a bit more. */
		for (size_t at = sizeof(*nh); at + NLA_HDRLEN <= len;) {
			const struct nlattr *n = (const struct nlattr *)(p + at);

			if (n->nla_len < NLA_HDRLEN || at + n->nla_len > len)
				return -EPROTO;
			if (mnl_attr_get_type(n) <= RTA_MAX)
				tb[mnl_attr_get_type(n)] = n;
			at += NLA_ALIGN(n->nla_len);
		}
		r.ifindex = nh->rtnh_ifindex;
		gateway_parse(tb, c->family, &r);
		vec_push(c->v, r);
		p += MIN(step, left);
		left -= MIN(step, left);
	}
	return 0;
}

static int route_append(const struct nlmsghdr *n, void *arg)
{
	const struct collect *c = arg;
	const struct nlattr *tb[RTA_MAX + 1];
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(n);
	struct route e = { 0 };
	struct ip dst = { 0 };
	int r = nl_attrs(n, sizeof(*rtm), tb, RTA_MAX);

	if (r < 0)
		return r;
	if (rtm->rtm_family != c->family || rtm->rtm_type != RTN_UNICAST || rtm->rtm_flags & RTM_F_CLONED ||
	    (tb[RTA_TABLE] ? nl_u32(tb[RTA_TABLE]) : rtm->rtm_table) != RT_TABLE_MAIN ||
	    (c->protocol && rtm->rtm_protocol != c->protocol))
		return 0;
	if (!nl_ip(tb[RTA_DST], c->family, &dst) && c->family == AF_INET)
		dst = ip_from_v4(0);
	if (prefix_from(&dst, rtm->rtm_dst_len, &e.dst) < 0)
		return -EPROTO;
	e.protocol = rtm->rtm_protocol;
	e.metric = nl_u32(tb[RTA_PRIORITY]);
	(void)nl_ip(tb[RTA_PREFSRC], c->family, &e.source);
	if (tb[RTA_MULTIPATH])
		return multipath_append(tb[RTA_MULTIPATH], &e, c);
	e.ifindex = (int)nl_u32(tb[RTA_OIF]);
	gateway_parse(tb, c->family, &e);
	vec_push(c->v, e);
	return 0;
}

static int family_observe(struct nl *nl, int family, uint8_t protocol, struct route_vec *ret)
{
	struct collect c = { .v = ret, .protocol = protocol, .family = family };
	struct rtmsg *rtm;
	struct nlmsghdr *n = nl_request(nl, RTM_GETROUTE, 0, sizeof(*rtm), &rtm);
	int r;

	rtm->rtm_family = (uint8_t)family;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = protocol;
	mnl_attr_put_u32(n, RTA_TABLE, RT_TABLE_MAIN);
	r = nl_dump(nl, route_append, &c, &ret->n);
	/* The table does not exist before its first route; a kernel without IPv6 has no routes of it. */
	return r == -ENOENT || r == -EAFNOSUPPORT || r == -EOPNOTSUPP ? 0 : r;
}

int route_observe(struct nl *nl, uint8_t protocol, struct route_vec *ret)
{
	size_t before = ret->n;
	int r = family_observe(nl, AF_INET, protocol, ret);

	if (r == 0)
		r = family_observe(nl, AF_INET6, protocol, ret);
	if (r < 0)
		ret->n = before;
	return r;
}

static int route_check(const struct route *r)
{
	bool v4 = ip_is_v4(&r->dst.ip);

	if (r->dst.len > (v4 ? 32 : 128) || (!v4 && r->metric == 0))
		return -EINVAL;
	if (!ip_is_zero(&r->gateway) && ip_is_v4(&r->gateway) != v4)
		return -EINVAL;
	if (!ip_is_zero(&r->source) && ip_is_v4(&r->source) != v4)
		return -EINVAL;
	return 0;
}

static int route_send(struct nl *nl, uint16_t type, uint16_t flags, const struct route *r)
{
	struct rtmsg *rtm;
	struct nlmsghdr *n = nl_request(nl, type, flags, sizeof(*rtm), &rtm);
	bool onlink = ip_is_zero(&r->gateway);
	int e = route_check(r);

	if (e < 0)
		return e;
	rtm->rtm_family = (uint8_t)ip_family(&r->dst.ip);
	rtm->rtm_dst_len = r->dst.len;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = r->protocol;
	rtm->rtm_type = RTN_UNICAST;
	rtm->rtm_scope = onlink && rtm->rtm_family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	nl_put_ip(n, RTA_DST, &r->dst.ip);
	if (!onlink)
		nl_put_ip(n, RTA_GATEWAY, &r->gateway);
	if (!ip_is_zero(&r->source))
		nl_put_ip(n, RTA_PREFSRC, &r->source);
	if (r->ifindex)
		mnl_attr_put_u32(n, RTA_OIF, (uint32_t)r->ifindex);
	if (r->metric)
		mnl_attr_put_u32(n, RTA_PRIORITY, r->metric);
	return nl_transact(nl, NULL);
}

int route_apply(struct nl *nl, enum change change, const struct route *old, const struct route *new)
{
	switch (change) {
	case CHANGE_ADD:
		return route_send(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, new);
	case CHANGE_MODIFY:
		if (!prefix_equal(&old->dst, &new->dst) || old->metric != new->metric)
			return -EINVAL;
		return route_send(nl, RTM_NEWROUTE, NLM_F_REPLACE, new);
	case CHANGE_DELETE:
		return route_send(nl, RTM_DELROUTE, 0, old);
	}
	return -EINVAL;
}
