/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "netlink.h"

/* Room for bursts, e.g. hundreds of guests stopping at once. */
#define MONITOR_BUFFER (4 << 20)

struct nl_monitor {
	struct mnl_socket *sock;
};

static int group_join(struct nl_monitor *m, int group)
{
	return mnl_socket_setsockopt(m->sock, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0 ? -errno : 0;
}

int nl_monitor_open(unsigned groups, struct nl_monitor **ret)
{
	static const struct {
		unsigned bit;
		int group;
	} table[] = {
		{ NL_MONITOR_LINK, RTNLGRP_LINK },           { NL_MONITOR_ADDRESS, RTNLGRP_IPV4_IFADDR },
		{ NL_MONITOR_ADDRESS, RTNLGRP_IPV6_IFADDR }, { NL_MONITOR_NEIGH, RTNLGRP_NEIGH },
		{ NL_MONITOR_ROUTE, RTNLGRP_IPV4_ROUTE },    { NL_MONITOR_ROUTE, RTNLGRP_IPV6_ROUTE },
	};
	struct nl_monitor *m = xcalloc(1, sizeof(*m));
	int size = MONITOR_BUFFER, r = 0;

	m->sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!m->sock || mnl_socket_bind(m->sock, 0, MNL_SOCKET_AUTOPID) < 0)
		r = -errno;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(table); i++)
		if (groups & table[i].bit)
			r = group_join(m, table[i].group);
	if (r < 0) {
		nl_monitor_close(m);
		return r;
	}
	(void)setsockopt(mnl_socket_get_fd(m->sock), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	*ret = m;
	return 0;
}

void nl_monitor_close(struct nl_monitor *m)
{
	if (!m)
		return;
	if (m->sock)
		mnl_socket_close(m->sock);
	free(m);
}

int nl_monitor_fd(const struct nl_monitor *m)
{
	return mnl_socket_get_fd(m->sock);
}

static int route_ifindex(const struct nlmsghdr *n)
{
	const struct nlattr *tb[RTA_MAX + 1];

	return nl_attrs(n, sizeof(struct rtmsg), tb, RTA_MAX) < 0 ? 0 : (int)nl_u32(tb[RTA_OIF]);
}

/* false: not an event that anybody here wants. */
static bool event_parse(const struct nlmsghdr *n, enum nl_event *ret_event, int *ret_ifindex)
{
	const void *payload = mnl_nlmsg_get_payload(n);
	size_t size = mnl_nlmsg_get_payload_len(n);
	const struct ifinfomsg *link = payload;
	const struct ifaddrmsg *address = payload;
	const struct ndmsg *neigh = payload;

	switch (n->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (size < sizeof(*link))
			return false;
		/* Of family AF_BRIDGE: the link left its bridge, but is still there. */
		*ret_event = n->nlmsg_type == RTM_DELLINK && link->ifi_family != AF_BRIDGE ? NL_EVENT_UNLINK :
											     NL_EVENT_LINK;
		*ret_ifindex = link->ifi_index;
		return true;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		*ret_event = NL_EVENT_ADDRESS;
		*ret_ifindex = size < sizeof(*address) ? 0 : (int)address->ifa_index;
		return true;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		*ret_event = NL_EVENT_NEIGH;
		*ret_ifindex = size < sizeof(*neigh) ? 0 : neigh->ndm_ifindex;
		return true;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		*ret_event = NL_EVENT_ROUTE;
		*ret_ifindex = route_ifindex(n);
		return true;
	}
	return false;
}

int nl_monitor_drain(struct nl_monitor *m, void (*fn)(enum nl_event event, int ifindex, void *arg), void *arg)
{
	static uint8_t buf[64 << 10] __attribute__((aligned(NLMSG_ALIGNTO)));
	enum nl_event event;
	int ifindex;

	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t from_size = sizeof(from);
		ssize_t got = recvfrom(nl_monitor_fd(m), buf, sizeof(buf), MSG_TRUNC, (struct sockaddr *)&from, &from_size);
		const struct nlmsghdr *n = (const struct nlmsghdr *)buf;
		int left = got;

		if (got < 0 && errno == EAGAIN)
			return 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno != ENOBUFS)
			return -errno;
		if (got < 0 || (size_t)got > sizeof(buf)) {
			fn(NL_EVENT_LOST, 0, arg);
			continue;
		}
		if (from_size != sizeof(from) || from.nl_pid != 0)
			continue;
		for (; mnl_nlmsg_ok(n, left); n = mnl_nlmsg_next(n, &left))
			if (event_parse(n, &event, &ifindex))
				fn(event, ifindex, arg);
	}
}
