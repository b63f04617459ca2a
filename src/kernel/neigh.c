/* SPDX-License-Identifier: Apache-2.0 */
#include "neigh.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "vec.h"

/* Of the kernel, so of the process: 0 unknown, 1 yes, -1 no. */
static int managed_support;

struct collect {
	struct neigh_vec *v;
	int ifindex; /* 0: any */
};

static enum neigh_state state_parse(uint16_t nud)
{
	if (nud & (NUD_PERMANENT | NUD_NOARP))
		return NEIGH_PERMANENT;
	if (nud & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE))
		return NEIGH_RESOLVED;
	return nud & NUD_FAILED ? NEIGH_FAILED : NEIGH_UNRESOLVED;
}

static int neigh_parse(const struct nlmsghdr *n, struct neigh *ret)
{
	const struct nlattr *tb[NDA_MAX + 1];
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(n);
	struct neigh e = { 0 };
	int r = nl_attrs(n, sizeof(*ndm), tb, NDA_MAX);

	if (r < 0)
		return r;
	if ((ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6) || !nl_ip(tb[NDA_DST], ndm->ndm_family, &e.ip))
		return -ENOMSG;
	e.ifindex = ndm->ndm_ifindex;
	e.state = state_parse(ndm->ndm_state);
	if (e.state == NEIGH_RESOLVED || e.state == NEIGH_PERMANENT)
		(void)nl_bytes(tb[NDA_LLADDR], &e.mac, sizeof(e.mac));
	e.managed = nl_u32(tb[NDA_FLAGS_EXT]) & NTF_EXT_MANAGED;
	e.protocol = nl_u8(tb[NDA_PROTOCOL]);
	*ret = e;
	return 0;
}

static int neigh_append(const struct nlmsghdr *n, void *arg)
{
	const struct collect *c = arg;
	struct neigh e;
	int r = neigh_parse(n, &e);

	/* Entries of other families are none of ours. */
	if (r == -ENOMSG)
		return 0;
	if (r == 0 && (c->ifindex == 0 || e.ifindex == c->ifindex))
		vec_push(c->v, e);
	return r;
}

int neigh_observe(struct nl *nl, int ifindex, struct neigh_vec *ret)
{
	struct collect c = { .v = ret, .ifindex = ifindex };
	struct nlmsghdr *n = nl_request(nl, RTM_GETNEIGH, 0, sizeof(struct ndmsg), NULL);

	if (ifindex)
		mnl_attr_put_u32(n, NDA_IFINDEX, (uint32_t)ifindex);
	return nl_dump(nl, neigh_append, &c, &ret->n);
}

static struct nlmsghdr *neigh_request(struct nl *nl, uint16_t type, uint16_t flags, int ifindex, const struct ip *ip,
				      struct ndmsg **ret_ndm)
{
	struct ndmsg *ndm;
	struct nlmsghdr *n = nl_request(nl, type, flags, sizeof(*ndm), &ndm);

	ndm->ndm_family = (uint8_t)ip_family(ip);
	ndm->ndm_ifindex = ifindex;
	ndm->ndm_type = RTN_UNICAST;
	nl_put_ip(n, NDA_DST, ip);
	*ret_ndm = ndm;
	return n;
}

int neigh_probe(struct nl *nl, int ifindex, const struct ip *ip)
{
	struct ndmsg *ndm;

	neigh_request(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, ifindex, ip, &ndm);
	ndm->ndm_flags = NTF_USE;
	return nl_transact(nl, NULL);
}

bool neigh_is_managed(void)
{
	return managed_support >= 0;
}

static int neigh_store(const struct nlmsghdr *n, void *arg)
{
	return neigh_parse(n, arg);
}

/* A kernel before 5.16 ignores the attribute that asks for a managed entry: look whether it took it. */
static int managed_find_out(struct nl *nl, const struct neigh *e)
{
	struct ndmsg *ndm;
	struct neigh there = { 0 };
	int r;

	neigh_request(nl, RTM_GETNEIGH, 0, e->ifindex, &e->ip, &ndm);
	ndm->ndm_type = 0;
	r = nl_get(nl, neigh_store, &there);
	if (r == 0)
		managed_support = there.managed ? 1 : -1;
	return r;
}

static int managed_add(struct nl *nl, const struct neigh *e)
{
	struct ndmsg *ndm;
	struct nlmsghdr *n;
	int r = 0;

	if (managed_support >= 0) {
		n = neigh_request(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, e->ifindex, &e->ip, &ndm);
		mnl_attr_put_u32(n, NDA_FLAGS_EXT, NTF_EXT_MANAGED);
		if (e->protocol)
			mnl_attr_put_u8(n, NDA_PROTOCOL, e->protocol);
		r = nl_transact(nl, NULL);
		if (r == 0 && managed_support == 0)
			r = managed_find_out(nl, e);
		if (r == 0 && managed_support > 0)
			return 0;
		if (r < 0 && r != -EINVAL)
			return r;
	}
	return neigh_probe(nl, e->ifindex, &e->ip);
}

static int permanent_add(struct nl *nl, const struct neigh *e)
{
	struct ndmsg *ndm;
	struct nlmsghdr *n;

	if (!mac_is_unicast(&e->mac))
		return -EINVAL;
	n = neigh_request(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, e->ifindex, &e->ip, &ndm);
	ndm->ndm_state = NUD_PERMANENT;
	mnl_attr_put(n, NDA_LLADDR, sizeof(e->mac.b), e->mac.b);
	if (e->protocol)
		mnl_attr_put_u8(n, NDA_PROTOCOL, e->protocol);
	return nl_transact(nl, NULL);
}

int neigh_apply(struct nl *nl, enum change change, const struct neigh *old, const struct neigh *new)
{
	struct ndmsg *ndm;

	switch (change) {
	case CHANGE_MODIFY:
		if (old->ifindex != new->ifindex || !ip_equal(&old->ip, &new->ip))
			return -EINVAL;
		/* fall through */
	case CHANGE_ADD:
		return new->managed ? managed_add(nl, new) : permanent_add(nl, new);
	case CHANGE_DELETE:
		neigh_request(nl, RTM_DELNEIGH, 0, old->ifindex, &old->ip, &ndm);
		return nl_transact(nl, NULL);
	}
	return -EINVAL;
}
