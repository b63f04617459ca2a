/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cmdlet.h"

/*
 * A virtual switch: a learning bridge for ports without a virtual subnet, and the way to the uplink for the others.
 * Names are unique on a host (Switch.NameNotUnique), compared without case. A NIC serves one switch.
 */
extern const char *const switch_types[]; /* Private, Internal, External */
enum switch_type { SWITCH_PRIVATE, SWITCH_INTERNAL, SWITCH_EXTERNAL };

struct switch_doc {
	struct guid id;
	char *name;
	uint32_t type;	       /* enum switch_type */
	char *nic;	       /* External: the Linux interface of the uplink */
	char *nic_description; /* External: NetAdapterInterfaceDescription at binding time */
	char *notes;
	uint32_t number; /* 1..SWITCH_MAX, the lowest free at creation: names the switch in the dataplane's segments */
};
#define SWITCH_MAX 127
extern const struct doc_kind switch_kind; /* key: id */
extern const struct cmdlet switch_cmdlets[];
extern const struct object_type switch_object; /* "VMSwitch" */

const struct switch_doc *switch_get(const struct docs *d, const struct guid *id);
const struct switch_doc *switch_by_name(const struct docs *d, const char *name);
/* The switch whose uplink is that Linux interface, or NULL. */
const struct switch_doc *switch_by_nic(const struct docs *d, const char *nic);
/* True when the switch has a host vNIC (AllowManagementOS). */
bool switch_has_management_os(const struct docs *d, const struct guid *id);
json_t *switch_to_object(struct call *c, const void *doc);
