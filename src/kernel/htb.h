/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink.h"

/*
 * A hierarchical token bucket at the root of a device's egress, with our handle. A packet goes to the class that its priority
 * names (HTB_PRIORITY); one that names none is sent at once.
 */
#define HTB_HANDLE 0x4e53u
#define HTB_PRIORITY(id) (HTB_HANDLE << 16 | (id))

/* A class that is sent at its rate, no faster. Key: id. */
struct htb_class {
	uint32_t id;   /* 1 to 65535 */
	uint64_t rate; /* bytes a second, above 0 */
};

struct htb_class_vec {
	struct htb_class *items;
	size_t n;
	size_t room;
};

/* Is ours there? And its classes, appended; on failure ret is as before. */
int htb_observe(struct nl *nl, int ifindex, bool *ret_root, struct htb_class_vec *ret);

/* -EEXIST where the device has another one of somebody's. */
int htb_create(struct nl *nl, int ifindex);

/* ADD, MODIFY and DELETE; what a class holds when it goes is lost. */
int htb_apply(struct nl *nl, int ifindex, enum change change, const struct htb_class *old, const struct htb_class *new);
