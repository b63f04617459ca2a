/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "internal.h"

/*
 * The host's own addresses follow its way to the network: when its NIC becomes a switch's uplink they move to the switch's host
 * adapter (AllowManagementOS), with the routes behind them, and back when the switch goes. New places are made before old ones
 * are removed, so that an interruption leaves an address twice, never none; the next pass finishes.
 */

#define RTPROT_KERNEL_ROUTES 2 /* made by the kernel with an address: they come and go with it */

static bool moves_along(const struct address *a)
{
	return !ip_is_link_local(&a->ip) && a->proto != ADDRESS_PROTO_NESTOR;
}

static void move_routes(struct pass *p, const struct link *from, const struct link *to)
{
	struct route_vec all = { 0 };

	route_observe(p->g->nl, 0, &all);
	vec_foreach(&all, have) {
		struct route want = *have;
		int r;

		if (have->ifindex != from->ifindex || have->protocol == RTPROT_KERNEL_ROUTES)
			continue;
		want.ifindex = to->ifindex;
		/* The same destination and metric: replacing it moves it, and there is always one. */
		r = route_apply(p->g->nl, CHANGE_MODIFY, have, &want);
		if (r < 0)
			pass_failed(p, r, nl_last_message(p->g->nl), "cannot move a route of the host from %s to %s", from->name, to->name);
		else
			pass_wrote(p, "a route of the host moved from %s to %s", from->name, to->name);
	}
	vec_done(&all);
}

static void move_addresses(struct pass *p, const struct link *from, const struct link *to)
{
	struct address_vec all = { 0 };
	char text[IP_TEXT_SIZE];
	size_t moved = 0;

	address_observe(p->g->nl, from->ifindex, &all);
	vec_foreach(&all, have) {
		struct address want = *have;
		int r;

		if (!moves_along(have))
			continue;
		want.ifindex = to->ifindex;
		want.flags &= ~(ADDRESS_TENTATIVE | ADDRESS_DYNAMIC);
		r = address_apply(p->g->nl, CHANGE_ADD, NULL, &want);
		if (r < 0 && r != -EEXIST) {
			pass_failed(p, r, nl_last_message(p->g->nl), "cannot move the host's address %s to %s", ip_format(&have->ip, text),
				    to->name);
			vec_done(&all);
			return;
		}
		moved++;
	}
	if (moved)
		move_routes(p, from, to);
	vec_foreach(&all, have) {
		if (!moves_along(have))
			continue;
		address_apply(p->g->nl, CHANGE_DELETE, have, NULL);
		pass_wrote(p, "the host's address %s moved from %s to %s", ip_format(&have->ip, text), from->name, to->name);
	}
	vec_done(&all);
}

void host_addresses_to_adapters(struct pass *p)
{
	vec_foreach(&p->switches, s) {
		const struct link *nic = s->nic[0] ? pass_link(p, s->nic) : NULL;

		vec_foreach(&p->ports, port) {
			const struct link *adapter = pass_link(p, port->inner);

			if (!nic || !adapter || !guid_is_zero(&port->vm) || !streq(port->bridge, s->bridge))
				continue;
			move_addresses(p, nic, adapter);
			break;
		}
	}
}

void host_addresses_back(struct pass *p, const struct link *adapter)
{
	const struct link *port = NULL;

	vec_foreach(&p->links, l)
		if (l->ifindex == adapter->peer_ifindex)
			port = l;
	/* The NIC is the member of the adapter's bridge that is nobody's port. */
	vec_foreach(&p->links, l)
		if (port && port->master && l->master == port->master && !link_is_nestors(l))
			move_addresses(p, adapter, l);
}
