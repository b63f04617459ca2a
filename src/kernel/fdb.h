/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "mac.h"
#include "netlink.h"

/* A forwarding entry of a bridge: frames for mac leave by port. Key: port and mac. */
struct fdb {
	int bridge;      /* ifindex */
	int port;        /* ifindex of a port of the bridge */
	struct mac mac;
	bool permanent;  /* frames for mac are delivered to the host itself; else a static entry for what lives behind port */
};

struct fdb_vec {
	struct fdb *items;
	size_t n;
	size_t room;
};

/*
 * Appends the static and permanent entries of a bridge (0: of all bridges) to ret: learned ones are not included, nor
 * those that the kernel makes for a port's own address. On failure ret is as before.
 */
int fdb_observe(struct nl *nl, int bridge, struct fdb_vec *ret);

/* ADD, DELETE, and MODIFY (of permanent). -EINVAL when the port is in no bridge. */
int fdb_apply(struct nl *nl, enum change change, const struct fdb *old, const struct fdb *new);
