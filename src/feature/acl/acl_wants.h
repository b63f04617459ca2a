/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "acl_rules.h"
#include "adapter_wants.h"

/*
 * What access control lists want of this host's ports, as a pure function of the documents: for each port and direction
 * that has any, the rules in the order in which they are tried.
 */
enum want_acl_section { WANT_METER, WANT_BASIC, WANT_EXTENDED, WANT_MAC };

struct want_acl_rule {
	enum want_acl_section section;
	bool deny, stateful;
	struct acl_address local, remote;
	struct acl_ports local_port, remote_port;
	int protocol;	  /* or ACL_PROTOCOL_ANY */
	uint16_t timeout; /* seconds; 0: by protocol */
	uint32_t number;  /* weight, or number of the entry */
};
typedef VEC(struct want_acl_rule) want_acl_rule_vec;

struct want_acl {
	char link[16];
	uint32_t direction; /* ACL_INBOUND, ACL_OUTBOUND */
	want_acl_rule_vec rules;
};
typedef VEC(struct want_acl) want_acl_vec;

void acl_wants(const struct docs *d, const want_port_vec *ports, want_acl_vec *ret);
void acl_wants_done(want_acl_vec *wants);
