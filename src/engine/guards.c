/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane_internal.h"

/* Guards and limits of ports: what the dataplane's entry says of them. */

/* The next port of the same switch that gets copies, behind `after` in the list (NULL: the first); NULL: none. */
static const struct link *mirror_next(struct pass *p, const char *bridge, const struct want_port *after)
{
	bool reached = !after;

	vec_foreach(&p->ports, port) {
		const struct link *l = port->guards.mirroring == MIRRORING_DESTINATION && streq(port->bridge, bridge) ?
					       pass_link(p, port->name) : NULL;

		if (reached && l)
			return l;
		reached |= port == after;
	}
	return NULL;
}

bool guards_want_egress(struct pass *p, const struct want_port *port)
{
	if (vlans_matter(p, port))
		return true;
	return port->guards.mirroring == MIRRORING_SOURCE && port->bridge[0] && mirror_next(p, port->bridge, NULL);
}

static void mirror_port(struct pass *p, const struct want_port *self, struct dp_port *port)
{
	bool source = self->guards.mirroring == MIRRORING_SOURCE;
	const struct link *next = mirror_next(p, self->bridge, source ? NULL : self);

	if (!next)
		return;
	port->mirror = (uint32_t)next->ifindex;
	if (!source)
		return;
	port->flags |= DP_PORT_MIRROR;
	/* what goes straight to the guest's end does not pass the program that copies */
	port->flags &= ~(uint32_t)DP_PORT_PEER;
}

void guards_port(struct pass *p, const struct want_port *w, struct dp_port *port)
{
	const struct want_guards *g = &w->guards;

	port->guards = (uint8_t)((g->dhcp ? DP_GUARD_DHCP : 0) | (g->router ? DP_GUARD_ROUTER : 0));
	if (port->guards)
		port->flags |= DP_PORT_GUARDS;
	port->storm_limit = g->storm_limit;
	if (port->storm_limit)
		port->flags |= DP_PORT_STORM;
	if (g->mirroring != MIRRORING_NONE)
		mirror_port(p, w, port);
}
