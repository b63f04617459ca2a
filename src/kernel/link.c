/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vec.h"

struct link link_empty(void)
{
	return (struct link){ .port = LINK_PORT_DEFAULT, .peer_netnsid = -1, .peer.netns_fd = -1 };
}

bool link_name_is_valid(const char *name)
{
	size_t n = strnlen(name, LINK_NAME_SIZE);

	if (n == 0 || n == LINK_NAME_SIZE || streq(name, ".") || streq(name, ".."))
		return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || isspace((unsigned char)*name))
			return false;
	return true;
}

/* Observing */

static int port_parse(const struct nlattr *data, struct link_port *ret)
{
	const struct nlattr *tb[IFLA_BRPORT_MAX + 1];
	int r = nl_attrs_nested(data, tb, IFLA_BRPORT_MAX);

	if (r < 0)
		return r;
	*ret = (struct link_port){
		.learning = nl_u8(tb[IFLA_BRPORT_LEARNING]),
		.unicast_flood = nl_u8(tb[IFLA_BRPORT_UNICAST_FLOOD]),
		.mcast_flood = nl_u8(tb[IFLA_BRPORT_MCAST_FLOOD]),
		.bcast_flood = nl_u8(tb[IFLA_BRPORT_BCAST_FLOOD]),
		.isolated = nl_u8(tb[IFLA_BRPORT_ISOLATED]),
		.hairpin = nl_u8(tb[IFLA_BRPORT_MODE]),
	};
	return 0;
}

static int info_parse(const struct nlattr *info, struct link *ret)
{
	const struct nlattr *tb[IFLA_INFO_MAX + 1];
	char slave_kind[LINK_KIND_SIZE];
	int r = nl_attrs_nested(info, tb, IFLA_INFO_MAX);

	if (r < 0)
		return r;
	(void)nl_text(tb[IFLA_INFO_KIND], ret->kind, sizeof(ret->kind));
	if (nl_text(tb[IFLA_INFO_SLAVE_KIND], slave_kind, sizeof(slave_kind)) && streq(slave_kind, "bridge") &&
	    tb[IFLA_INFO_SLAVE_DATA])
		return port_parse(tb[IFLA_INFO_SLAVE_DATA], &ret->port);
	return 0;
}

static int af_parse(const struct nlattr *spec, struct link *ret)
{
	const struct nlattr *tb[AF_INET6 + 1], *inet6[IFLA_INET6_MAX + 1];
	int r = nl_attrs_nested(spec, tb, AF_INET6);

	if (r < 0 || !tb[AF_INET6])
		return r;
	r = nl_attrs_nested(tb[AF_INET6], inet6, IFLA_INET6_MAX);
	if (r < 0)
		return r;
	ret->no_linklocal = nl_u8(inet6[IFLA_INET6_ADDR_GEN_MODE]) == IN6_ADDR_GEN_MODE_NONE;
	return 0;
}

static int link_parse(const struct nlmsghdr *n, struct link *ret)
{
	const struct nlattr *tb[IFLA_MAX + 1];
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(n);
	struct link l = link_empty();
	int r = nl_attrs(n, sizeof(*ifi), tb, IFLA_MAX);

	if (r < 0)
		return r;
	if (n->nlmsg_type != RTM_NEWLINK || !nl_text(tb[IFLA_IFNAME], l.name, sizeof(l.name)))
		return -EPROTO;
	l.ifindex = ifi->ifi_index;
	l.ether = ifi->ifi_type == ARPHRD_ETHER;
	l.up = ifi->ifi_flags & IFF_UP;
	l.carrier = nl_u8(tb[IFLA_CARRIER]);
	l.mtu = nl_u32(tb[IFLA_MTU]);
	l.master = (int)nl_u32(tb[IFLA_MASTER]);
	l.peer_ifindex = (int)nl_u32(tb[IFLA_LINK]);
	if (l.ether)
		(void)nl_bytes(tb[IFLA_ADDRESS], &l.mac, sizeof(l.mac));
	(void)nl_text(tb[IFLA_IFALIAS], l.alias, sizeof(l.alias));
	if (tb[IFLA_LINK_NETNSID])
		l.peer_netnsid = (int)nl_u32(tb[IFLA_LINK_NETNSID]);
	if (tb[IFLA_LINKINFO])
		r = info_parse(tb[IFLA_LINKINFO], &l);
	if (r == 0 && tb[IFLA_AF_SPEC])
		r = af_parse(tb[IFLA_AF_SPEC], &l);
	if (r == 0)
		*ret = l;
	return r;
}

static int link_append(const struct nlmsghdr *n, void *arg)
{
	struct link_vec *v = arg;
	struct link l;
	int r = link_parse(n, &l);

	if (r == 0)
		vec_push(v, l);
	return r;
}

int link_observe(struct nl *nl, struct link_vec *ret)
{
	struct nlmsghdr *n = nl_request(nl, RTM_GETLINK, 0, sizeof(struct ifinfomsg), NULL);

	mnl_attr_put_u32(n, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return nl_dump(nl, link_append, ret, &ret->n);
}

static int link_store(const struct nlmsghdr *n, void *arg)
{
	return link_parse(n, arg);
}

static int link_get(struct nl *nl, const char *name, int ifindex, struct link *ret)
{
	struct ifinfomsg *ifi;
	struct nlmsghdr *n = nl_request(nl, RTM_GETLINK, 0, sizeof(*ifi), &ifi);
	struct link l = { 0 };
	int r;

	ifi->ifi_index = ifindex;
	if (name)
		mnl_attr_put_strz(n, IFLA_IFNAME, name);
	mnl_attr_put_u32(n, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = nl_get(nl, link_store, &l);
	if (r < 0)
		return r;
	if (l.ifindex == 0)
		return -EPROTO;
	*ret = l;
	return 0;
}

int link_get_by_name(struct nl *nl, const char *name, struct link *ret)
{
	if (!link_name_is_valid(name))
		return -EINVAL;
	return link_get(nl, name, 0, ret);
}

int link_get_by_index(struct nl *nl, int ifindex, struct link *ret)
{
	if (ifindex <= 0)
		return -ENODEV;
	return link_get(nl, NULL, ifindex, ret);
}

static int traffic_store(const struct nlmsghdr *n, void *arg)
{
	const struct nlattr *tb[IFLA_MAX + 1];
	struct rtnl_link_stats64 s = { 0 };
	int r = nl_attrs(n, sizeof(struct ifinfomsg), tb, IFLA_MAX);

	if (r < 0)
		return r;
	/* Another kernel's may be longer: what is read here is the beginning. */
	if (!tb[IFLA_STATS64] || mnl_attr_get_payload_len(tb[IFLA_STATS64]) < offsetof(struct rtnl_link_stats64, rx_errors))
		return -EPROTO;
	memcpy(&s, mnl_attr_get_payload(tb[IFLA_STATS64]), offsetof(struct rtnl_link_stats64, rx_errors));
	*(struct link_traffic *)arg = (struct link_traffic){ s.rx_packets, s.rx_bytes, s.tx_packets, s.tx_bytes };
	return 0;
}

int link_read_traffic(struct nl *nl, const char *name, struct link_traffic *ret)
{
	struct nlmsghdr *n;

	if (!link_name_is_valid(name))
		return -EINVAL;
	n = nl_request(nl, RTM_GETLINK, 0, sizeof(struct ifinfomsg), NULL);
	mnl_attr_put_strz(n, IFLA_IFNAME, name);
	return nl_get(nl, traffic_store, ret);
}

/* Creating */

static void mac_put(struct nlmsghdr *n, const struct mac *mac)
{
	if (!mac_is_zero(mac))
		mnl_attr_put(n, IFLA_ADDRESS, sizeof(mac->b), mac->b);
}

static void mtu_put(struct nlmsghdr *n, uint32_t mtu)
{
	if (mtu)
		mnl_attr_put_u32(n, IFLA_MTU, mtu);
}

static void linklocal_put(struct nlmsghdr *n, bool no_linklocal)
{
	struct nlattr *spec = mnl_attr_nest_start(n, IFLA_AF_SPEC);
	struct nlattr *inet6 = mnl_attr_nest_start(n, AF_INET6);

	mnl_attr_put_u8(n, IFLA_INET6_ADDR_GEN_MODE, no_linklocal ? IN6_ADDR_GEN_MODE_NONE : IN6_ADDR_GEN_MODE_EUI64);
	mnl_attr_nest_end(n, inet6);
	mnl_attr_nest_end(n, spec);
}

/* VLAN filtering is off by default; a kernel without it refuses to hear about it. */
static void bridge_put(struct nlmsghdr *n)
{
	mnl_attr_put_u32(n, IFLA_BR_STP_STATE, 0);
	mnl_attr_put_u8(n, IFLA_BR_MCAST_SNOOPING, 0);
}

static void vxlan_put(struct nlmsghdr *n, uint32_t vni)
{
	mnl_attr_put_u32(n, IFLA_VXLAN_ID, vni);
	mnl_attr_put_u8(n, IFLA_VXLAN_LEARNING, 0);
}

static void veth_put(struct nlmsghdr *n, const struct link *l)
{
	struct nlattr *peer = mnl_attr_nest_start(n, VETH_INFO_PEER);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(n, sizeof(*ifi));

	ifi->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(n, IFLA_IFNAME, l->peer.name);
	mac_put(n, &l->peer.mac);
	mtu_put(n, l->peer.mtu ? l->peer.mtu : l->mtu);
	if (l->peer.netns_fd >= 0)
		mnl_attr_put_u32(n, IFLA_NET_NS_FD, (uint32_t)l->peer.netns_fd);
	mnl_attr_nest_end(n, peer);
}

static int create_check(const struct link *l)
{
	bool veth = streq(l->kind, "veth");

	if (!link_name_is_valid(l->name) || (veth && !link_name_is_valid(l->peer.name)))
		return -EINVAL;
	if (strnlen(l->alias, sizeof(l->alias)) == sizeof(l->alias))
		return -EINVAL;
	return veth || streq(l->kind, "bridge") || streq(l->kind, "vxlan") || streq(l->kind, "tun") ? 0 : -EOPNOTSUPP;
}

static void create_put(struct nl *nl, const struct link *l)
{
	struct ifinfomsg *ifi;
	struct nlmsghdr *n = nl_request(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*ifi), &ifi);
	struct nlattr *info, *data;

	ifi->ifi_index = l->ifindex;
	mnl_attr_put_strz(n, IFLA_IFNAME, l->name);
	mac_put(n, &l->mac);
	mtu_put(n, l->mtu);
	info = mnl_attr_nest_start(n, IFLA_LINKINFO);
	mnl_attr_put_strz(n, IFLA_INFO_KIND, l->kind);
	data = mnl_attr_nest_start(n, IFLA_INFO_DATA);
	if (streq(l->kind, "bridge"))
		bridge_put(n);
	else if (streq(l->kind, "vxlan"))
		vxlan_put(n, l->vni);
	else
		veth_put(n, l);
	mnl_attr_nest_end(n, data);
	mnl_attr_nest_end(n, info);
}

static void alias_put(struct nlmsghdr *n, const char *name, const char *alias)
{
	mnl_attr_put_strz(n, IFLA_IFNAME, name);
	mnl_attr_put_strz(n, IFLA_IFALIAS, alias);
}

static int alias_set(struct nl *nl, const char *name, const char *alias)
{
	alias_put(nl_request(nl, RTM_NEWLINK, 0, sizeof(struct ifinfomsg), NULL), name, alias);
	return nl_transact(nl, NULL);
}

/*
 * A tap device is not made by netlink, and has its alias only after it is there. Large segments and unfinished checksums cross
 * it (IFF_VNET_HDR): who opens it must do the same, as QEMU does for virtio.
 */
static int tap_create(struct nl *nl, const struct link *l)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	_cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	unsigned int ifindex = (unsigned int)l->ifindex;

	if (fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, l->name, LINK_NAME_SIZE);
	if (ifindex && ioctl(fd, TUNSETIFINDEX, &ifindex) < 0)
		return -errno;
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return -errno;
	if (ioctl(fd, TUNSETPERSIST, 1) < 0)
		return -errno;
	return l->alias[0] ? alias_set(nl, l->name, l->alias) : 0;
}

static int link_delete(struct nl *nl, const struct link *l)
{
	struct ifinfomsg *ifi;
	struct nlmsghdr *n = nl_request(nl, RTM_DELLINK, 0, sizeof(*ifi), &ifi);

	ifi->ifi_index = l->ifindex;
	if (l->ifindex == 0) {
		if (!link_name_is_valid(l->name))
			return -EINVAL;
		mnl_attr_put_strz(n, IFLA_IFNAME, l->name);
	}
	return nl_transact(nl, NULL);
}

static int link_modify(struct nl *nl, const struct link *old, const struct link *new);

/*
 * The kernel ignores an alias at creation. The second request sets it in the same system call; since the kernel carries
 * that out even when the name was taken, the caller has made sure that it is not. *ret_made: there is something to remove.
 */
static int create_by_netlink(struct nl *nl, const struct link *l, bool *ret_made)
{
	int second = 0, r;

	create_put(nl, l);
	if (l->alias[0])
		alias_put(nl_request_more(nl, RTM_NEWLINK, 0, sizeof(struct ifinfomsg), NULL), l->name, l->alias);
	r = nl_transact(nl, &second);
	*ret_made = r == 0 || r == second;
	/* Somebody was faster after all: the name's owner must not look like ours. */
	if (!*ret_made && l->alias[0] && second == 0)
		(void)alias_set(nl, l->name, "");
	return r;
}

static int link_create(struct nl *nl, const struct link *l)
{
	struct link there;
	bool made = true;
	int r = create_check(l);

	if (r < 0)
		return r;
	r = link_get_by_name(nl, l->name, &there);
	if (r != -ENODEV)
		return r < 0 ? r : -EEXIST;
	r = streq(l->kind, "tun") ? tap_create(nl, l) : create_by_netlink(nl, l, &made);
	if (!made)
		return r;
	if (r == 0)
		r = link_get_by_name(nl, l->name, &there);
	if (r == 0)
		r = link_modify(nl, &there, l);
	if (r < 0) {
		struct link gone = { 0 };
		_cleanup_free_ char *message = xstrdup(nl_last_message(nl));

		memcpy(gone.name, l->name, sizeof(gone.name));
		(void)link_delete(nl, &gone);
		nl_set_message(nl, message);
	}
	return r;
}

/* Changing */

static bool port_equal(const struct link_port *a, const struct link_port *b)
{
	return a->learning == b->learning && a->unicast_flood == b->unicast_flood && a->mcast_flood == b->mcast_flood &&
	       a->bcast_flood == b->bcast_flood && a->isolated == b->isolated && a->hairpin == b->hairpin;
}

static bool mac_differs(const struct link *old, const struct link *new)
{
	return !mac_is_zero(&new->mac) && !mac_equal(&old->mac, &new->mac);
}

static bool mtu_differs(const struct link *old, const struct link *new)
{
	return new->mtu && old->mtu != new->mtu;
}

bool link_differs(const struct link *old, const struct link *new)
{
	return !streq(old->name, new->name) || mac_differs(old, new) || mtu_differs(old, new) ||
	       old->master != new->master || old->up != new->up || old->no_linklocal != new->no_linklocal ||
	       !streq(old->alias, new->alias) || (new->master && !port_equal(&old->port, &new->port));
}

static void port_put(struct nlmsghdr *n, const struct link_port *old, const struct link_port *p)
{
	struct nlattr *info = mnl_attr_nest_start(n, IFLA_LINKINFO);
	struct nlattr *data;

	mnl_attr_put_strz(n, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(n, IFLA_INFO_SLAVE_DATA);
	mnl_attr_put_u8(n, IFLA_BRPORT_LEARNING, p->learning);
	mnl_attr_put_u8(n, IFLA_BRPORT_UNICAST_FLOOD, p->unicast_flood);
	mnl_attr_put_u8(n, IFLA_BRPORT_MCAST_FLOOD, p->mcast_flood);
	mnl_attr_put_u8(n, IFLA_BRPORT_BCAST_FLOOD, p->bcast_flood);
	mnl_attr_put_u8(n, IFLA_BRPORT_ISOLATED, p->isolated);
	mnl_attr_put_u8(n, IFLA_BRPORT_MODE, p->hairpin);
	/* What a port has learnt does not outlive its learning. */
	if (old->learning && !p->learning)
		mnl_attr_put(n, IFLA_BRPORT_FLUSH, 0, NULL);
	mnl_attr_nest_end(n, data);
	mnl_attr_nest_end(n, info);
}

/* Everything but port flags and going up: those only make sense once the link is in its bridge. */
static int attributes_modify(struct nl *nl, const struct link *old, const struct link *new)
{
	struct ifinfomsg *ifi;
	struct nlmsghdr *n = nl_request(nl, RTM_NEWLINK, 0, sizeof(*ifi), &ifi);
	size_t empty = n->nlmsg_len;

	ifi->ifi_index = old->ifindex;
	if (!streq(old->name, new->name))
		mnl_attr_put_strz(n, IFLA_IFNAME, new->name);
	if (mac_differs(old, new))
		mac_put(n, &new->mac);
	if (mtu_differs(old, new))
		mtu_put(n, new->mtu);
	if (old->no_linklocal != new->no_linklocal)
		linklocal_put(n, new->no_linklocal);
	if (!streq(old->alias, new->alias))
		mnl_attr_put_strz(n, IFLA_IFALIAS, new->alias);
	if (old->master != new->master)
		mnl_attr_put_u32(n, IFLA_MASTER, (uint32_t)new->master);
	if (old->up && !new->up)
		ifi->ifi_change = IFF_UP;
	return n->nlmsg_len == empty && !ifi->ifi_change ? 0 : nl_transact(nl, NULL);
}

static int link_modify(struct nl *nl, const struct link *old, const struct link *new)
{
	static const struct link_port fresh = LINK_PORT_DEFAULT;
	const struct link_port *port = old->master == new->master ? &old->port : &fresh;
	struct ifinfomsg *ifi;
	struct nlmsghdr *n;
	int r;

	if (!link_name_is_valid(new->name) || strnlen(new->alias, sizeof(new->alias)) == sizeof(new->alias))
		return -EINVAL;
	r = attributes_modify(nl, old, new);
	if (r < 0)
		return r;
	n = nl_request(nl, RTM_NEWLINK, 0, sizeof(*ifi), &ifi);
	ifi->ifi_index = old->ifindex;
	if (!old->up && new->up)
		ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	if (new->master && !port_equal(port, &new->port))
		port_put(n, port, &new->port);
	else if (!ifi->ifi_change)
		return 0;
	return nl_transact(nl, NULL);
}

int link_apply(struct nl *nl, enum change change, const struct link *old, const struct link *new)
{
	switch (change) {
	case CHANGE_ADD:
		return link_create(nl, new);
	case CHANGE_MODIFY:
		return link_modify(nl, old, new);
	case CHANGE_DELETE:
		return link_delete(nl, old);
	}
	return -EINVAL;
}
