/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "adapter.h"

/*
 * Access control lists of an adapter's port (catalogue 2.12, 3.3): what its guest may send and get. They live and
 * travel with the adapter.
 *   entry          local and remote addresses, IP or MAC; the longest prefix decides, meters count      AC-2
 *   extended rule  weight, protocol, ports, sessions; the highest weight that matches decides           AC-3, AC-4
 */
extern const char *const acl_directions[]; /* Inbound, Outbound, Both; of extended rules the first two */
enum acl_direction { ACL_INBOUND, ACL_OUTBOUND, ACL_BOTH };
extern const char *const acl_extended_directions[];
extern const char *const acl_actions[]; /* Allow, Deny, Meter */
enum acl_action { ACL_ALLOW, ACL_DENY, ACL_METER };
extern const char *const acl_extended_actions[];
extern const char *const acl_types[]; /* IP, MAC */
enum acl_type { ACL_IP, ACL_MAC };

#define ACL_ANY "ANY"

struct acl_doc {
	struct guid adapter;
	uint32_t number;    /* at the adapter, from 1 on: what its meter is called */
	uint32_t direction; /* acl_directions, never Both: that is two entries */
	uint32_t action;    /* acl_actions */
	uint32_t type;      /* acl_types */
	char *local;        /* as acl_address_format() writes it */
	char *remote;
};
extern const struct doc_kind acl_kind; /* key: adapter/number */

struct extended_acl_doc {
	struct guid adapter;
	uint32_t direction;
	uint32_t weight;
	uint32_t action;       /* acl_actions, never Meter */
	char *local, *remote;  /* as above, of type IP */
	char *local_port;      /* ANY, "80", "80-90" */
	char *remote_port;
	char *protocol;        /* ANY, TCP, UDP or a number */
	bool stateful;
	uint32_t idle_timeout; /* seconds; 0: by protocol */
	uint32_t isolation_id; /* 0: whatever the port is in */
};
extern const struct doc_kind extended_acl_kind; /* key: adapter/direction/weight */

extern const struct cmdlet acl_cmdlets[];
extern const struct cmdlet extended_acl_cmdlets[];

/* Deletes all of an adapter's, which is about to go. */
void acl_forget(struct docs *d, const struct guid *adapter);
