/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane_internal.h"

/* Guards and limits of ports: what the dataplane's entry says of them. */

void guards_port(const struct want_guards *w, struct dp_port *port)
{
	port->guards = (uint8_t)((w->dhcp ? DP_GUARD_DHCP : 0) | (w->router ? DP_GUARD_ROUTER : 0));
	if (port->guards)
		port->flags |= DP_PORT_GUARDS;
}
