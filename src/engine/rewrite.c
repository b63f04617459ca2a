/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane_internal.h"

/* What IP rewrite needs of the dataplane. */

void rewrite_port(const struct want_vport *w, struct dp_port *port)
{
	if (w->rewrite)
		port->flags |= DP_PORT_REWRITE;
	for (size_t i = 0; i < w->n_cas; i++) {
		if (ip_is_zero(&w->rewrites[i]))
			continue;
		port->rewrite4[i] = ip_v4(&w->rewrites[i]);
		port->rewrite_vm_mac |= (uint8_t)(w->vm_mac[i] << i);
	}
}

uint32_t rewrite_uplink_flags(const struct pass *p)
{
	struct want_rewrite w;
	size_t by;

	vec_foreach(&p->netvirt.pas, pa)
		if (netvirt_want_rewrite(&p->netvirt, &pa->pa, &w, &by))
			return DP_PORT_REWRITE;
	return 0;
}
