/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "switch.h"

/* What a switch wants of this host: a bridge, and for an External one its NIC inside. */
struct want_switch {
	struct guid id;
	char bridge[16];
	char nic[16]; /* "": none */
	const char *name;
	bool vlans; /* some port is in a VLAN: all of its ports keep to theirs, those without one included */
};
typedef VEC(struct want_switch) want_switch_vec;

/* Linux interface of the switch: "nb" and 10 hex digits of the id. */
const char *switch_bridge_name(const struct guid *id, char buf[static 16]);
void switch_wants(const struct docs *d, want_switch_vec *ret);
