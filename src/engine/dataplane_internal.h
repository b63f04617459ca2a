/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "internal.h"

/* What the files share that write the dataplane's maps. */

static inline union dp_addr dp_addr_of(const struct ip *ip)
{
	union dp_addr a;

	_Static_assert(sizeof(a) == sizeof(*ip), "an address is an address");
	memcpy(&a, ip, sizeof(a));
	return a;
}

static inline void dataplane_failed(struct pass *p, int r, const char *what)
{
	if (r < 0)
		pass_failed(p, r, NULL, "cannot write the dataplane's %s", what);
}

/* Guards and limits: what they say of a port. */
void guards_port(const struct want_guards *w, struct dp_port *port);

/* IP rewrite: what it says of a port and of an uplink, and its own map; hops: address -> next hop index + 1. */
void rewrite_port(const struct want_vport *w, struct dp_port *port);
uint32_t rewrite_uplink_flags(const struct pass *p);
void rewrites_write(struct pass *p, struct map *hops, struct bpf_rewrite_vec *ret_gone);
void rewrites_delete(struct pass *p, const struct bpf_rewrite_vec *gone);
