/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "vec.h"

struct collect {
	struct address_vec *v;
	int ifindex; /* 0: any */
};

static uint32_t flags_parse(uint32_t ifa)
{
	uint32_t flags = 0;

	if (ifa & IFA_F_NOPREFIXROUTE)
		flags |= ADDRESS_NOPREFIXROUTE;
	if (ifa & IFA_F_NODAD)
		flags |= ADDRESS_NODAD;
	if (ifa & IFA_F_MCAUTOJOIN)
		flags |= ADDRESS_JOIN;
	if (ifa & (IFA_F_TENTATIVE | IFA_F_DADFAILED))
		flags |= ADDRESS_TENTATIVE;
	if (!(ifa & IFA_F_PERMANENT))
		flags |= ADDRESS_DYNAMIC;
	return flags;
}

static int address_append(const struct nlmsghdr *n, void *arg)
{
	const struct collect *c = arg;
	const struct nlattr *tb[IFA_MAX + 1];
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(n);
	struct address a = { 0 };
	int r = nl_attrs(n, sizeof(*ifa), tb, IFA_MAX);

	if (r < 0)
		return r;
	a.ifindex = (int)ifa->ifa_index;
	if ((ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6) || (c->ifindex && a.ifindex != c->ifindex))
		return 0;
	/* On point-to-point links IFA_ADDRESS is the other side. */
	if (!nl_ip(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS], ifa->ifa_family, &a.ip))
		return -EPROTO;
	a.prefix_len = ifa->ifa_prefixlen;
	a.proto = nl_u8(tb[IFA_PROTO]);
	a.flags = flags_parse(tb[IFA_FLAGS] ? nl_u32(tb[IFA_FLAGS]) : ifa->ifa_flags);
	vec_push(c->v, a);
	return 0;
}

int address_observe(struct nl *nl, int ifindex, struct address_vec *ret)
{
	struct collect c = { .v = ret, .ifindex = ifindex };
	struct ifaddrmsg *ifa;

	nl_request(nl, RTM_GETADDR, 0, sizeof(*ifa), &ifa);
	ifa->ifa_index = (uint32_t)ifindex;
	return nl_dump(nl, address_append, &c, &ret->n);
}

static int address_send(struct nl *nl, uint16_t type, uint16_t request_flags, const struct address *a)
{
	struct ifaddrmsg *ifa;
	struct nlmsghdr *n = nl_request(nl, type, request_flags, sizeof(*ifa), &ifa);
	bool v4 = ip_is_v4(&a->ip);
	uint32_t flags = 0;

	if (a->ifindex <= 0)
		return -ENODEV;
	if (a->prefix_len > (v4 ? 32 : 128) || ip_is_any(&a->ip) || ip_is_multicast(&a->ip) != !!(a->flags & ADDRESS_JOIN))
		return -EINVAL;
	ifa->ifa_family = v4 ? AF_INET : AF_INET6;
	ifa->ifa_prefixlen = a->prefix_len;
	ifa->ifa_index = (uint32_t)a->ifindex;
	/* nobody sends from a group's address: a scope as small as this keeps the kernel from choosing it as a source */
	if (a->flags & ADDRESS_JOIN)
		ifa->ifa_scope = RT_SCOPE_HOST;
	nl_put_ip(n, IFA_LOCAL, &a->ip);
	nl_put_ip(n, IFA_ADDRESS, &a->ip);
	if (type == RTM_DELADDR)
		return nl_transact(nl, NULL);
	if (a->flags & ADDRESS_NOPREFIXROUTE)
		flags |= IFA_F_NOPREFIXROUTE;
	if (a->flags & ADDRESS_NODAD && !v4)
		flags |= IFA_F_NODAD;
	if (a->flags & ADDRESS_JOIN)
		flags |= IFA_F_MCAUTOJOIN;
	if (flags)
		mnl_attr_put_u32(n, IFA_FLAGS, flags);
	if (a->proto)
		mnl_attr_put_u8(n, IFA_PROTO, a->proto);
	return nl_transact(nl, NULL);
}

int address_apply(struct nl *nl, enum change change, const struct address *old, const struct address *new)
{
	switch (change) {
	case CHANGE_ADD:
		return address_send(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, new);
	case CHANGE_MODIFY:
		if (old->ifindex != new->ifindex || !ip_equal(&old->ip, &new->ip) || old->prefix_len != new->prefix_len)
			return -EINVAL;
		return address_send(nl, RTM_NEWADDR, NLM_F_REPLACE, new);
	case CHANGE_DELETE:
		return address_send(nl, RTM_DELADDR, 0, old);
	}
	return -EINVAL;
}
