/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "mac.h"
#include "netlink.h"

/* A static forwarding entry of a bridge: frames for mac leave by port, and nothing moves it. Key: port and mac. */
struct fdb {
	int bridge; /* ifindex; not needed to add or delete */
	int port;   /* ifindex of a port of the bridge */
	struct mac mac;
};

struct fdb_vec {
	struct fdb *items;
	size_t n;
	size_t room;
};

/*
 * Appends the static entries of a bridge (0: of all bridges) to ret: neither learned ones nor those that the kernel
 * makes for the ports' own addresses. On failure ret is as before.
 */
int fdb_observe(struct nl *nl, int bridge, struct fdb_vec *ret);

/* ADD and DELETE; there is nothing to MODIFY (-EINVAL). -EOPNOTSUPP or -EINVAL when the port is in no bridge. */
int fdb_apply(struct nl *nl, enum change change, const struct fdb *old, const struct fdb *new);
