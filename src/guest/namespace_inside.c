/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "address.h"
#include "link.h"
#include "map.h"
#include "namespace.h"
#include "process.h"

static int guest_nl_open(struct guest_engine *base, const struct guid *id, struct nl **ret)
{
	const struct namespace_guest *g = namespace_find((struct namespace_engine *)base, id);

	/* Not kept: a socket would keep the guest's network namespace alive when the guest is gone. */
	return g ? nl_open_in(g->pidfd, ret) : -ENOENT;
}

static int interfaces_read(struct nl *nl, struct guest_interface_vec *ret)
{
	struct link_vec links = { 0 };
	int r = link_observe(nl, &links);

	if (r < 0)
		return r;
	vec_foreach(&links, l) {
		struct guest_interface i = {
			.ifindex = l->ifindex, .mac = l->mac, .mtu = l->mtu, .up = l->up, .carrier = l->carrier
		};

		if (!l->ether)
			continue;
		memcpy(i.name, l->name, sizeof(i.name));
		vec_push(ret, i);
	}
	vec_done(&links);
	return 0;
}

static bool is_linklocal(const struct ip *ip)
{
	return !ip_is_v4(ip) && ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

static int addresses_read(struct nl *nl, struct guest_address_vec *ret)
{
	struct address_vec addresses = { 0 };
	int r = address_observe(nl, 0, &addresses);

	if (r < 0)
		return r;
	vec_foreach(&addresses, a) {
		struct guest_address found = { .ifindex = a->ifindex, .ip = a->ip, .prefix_len = a->prefix_len };

		if (!ip_is_loopback(&a->ip) && !is_linklocal(&a->ip))
			vec_push(ret, found);
	}
	vec_done(&addresses);
	return 0;
}

int namespace_interfaces(struct guest_engine *base, const struct guid *id, struct guest_interface_vec *ret,
			 struct guest_address_vec *ret_addresses)
{
	_cleanup_nl_ struct nl *nl = NULL;
	size_t before = ret->n;
	int r = guest_nl_open(base, id, &nl);

	if (r < 0)
		return r;
	r = interfaces_read(nl, ret);
	if (r == 0 && ret_addresses)
		r = addresses_read(nl, ret_addresses);
	if (r < 0)
		ret->n = before;
	return r;
}

int namespace_set_interface(struct guest_engine *base, const struct guid *id, const struct guest_interface *want)
{
	_cleanup_nl_ struct nl *nl = NULL;
	struct link old, down, new;
	int r = guest_nl_open(base, id, &nl);

	if (r == 0)
		r = want->ifindex ? link_get_by_index(nl, want->ifindex, &old) : link_get_by_name(nl, want->name, &old);
	if (r < 0)
		return r;
	new = old;
	if (want->name[0]) {
		if (strnlen(want->name, sizeof(want->name)) == sizeof(want->name))
			return -EINVAL;
		memcpy(new.name, want->name, sizeof(new.name));
	}
	new.mac = want->mac;
	new.mtu = want->mtu;
	new.up = want->up;
	r = link_apply(nl, CHANGE_MODIFY, &old, &new);
	if (r != -EBUSY || !old.up)
		return r;
	/* Kernels before 6.2 rename no link that is up. */
	down = old;
	down.up = false;
	r = link_apply(nl, CHANGE_MODIFY, &old, &down);
	return r < 0 ? r : link_apply(nl, CHANGE_MODIFY, &down, &new);
}

/* What guests use */

struct measure {
	struct map *by_namespace; /* inode of a pid namespace -> struct guest */
};

static int process_measure(pid_t pid, void *arg)
{
	const struct measure *m = arg;
	uint64_t ns = process_pid_namespace(pid);
	struct guest *g = ns ? map_get(m->by_namespace, &ns, sizeof(ns)) : NULL;
	struct process_stat stat;

	if (g && process_stat(pid, &stat) == 0) {
		g->cpu_ns += stat.cpu_ns;
		g->memory_bytes += stat.memory_bytes;
	}
	return 0;
}

int namespace_measure(struct guest_engine *base, struct guest_vec *guests)
{
	_cleanup_map_ struct map *by_namespace = map_new();
	struct measure m = { .by_namespace = by_namespace };

	vec_foreach(guests, g) {
		uint64_t ns = process_pid_namespace(g->pid);

		g->cpu_ns = g->memory_bytes = 0;
		if (ns && namespace_find((struct namespace_engine *)base, &g->id))
			(void)map_put(by_namespace, &ns, sizeof(ns), g);
	}
	return process_each(process_measure, &m);
}
