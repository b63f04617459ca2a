/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "internal.h"
#include "records_table.h"

/* What the files share that write the dataplane's maps. */

static inline void dataplane_failed(struct pass *p, int r, const char *what)
{
	if (r < 0)
		pass_failed(p, r, NULL, "cannot write the dataplane's %s", what);
}

/* IP rewrite: what it says of a port and of an uplink. */
void rewrite_port(const struct want_vport *w, struct dp_port *port);
uint32_t rewrite_uplink_flags(const struct pass *p);
