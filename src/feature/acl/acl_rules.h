/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "acl.h"

/* What an access control list may say, as pure functions. 0, or negative with *e. */

/* As many as the dataplane takes of a port and direction. */
#define ACL_ENTRIES_MAX 512
#define ACL_METERS_MAX 512
#define ACL_EXTENDED_MAX 1024
#define ACL_NUMBER_MAX 65535
#define ACL_WEIGHT_MAX 65535
#define ACL_TIMEOUT_MAX 65535
#define ACL_ISOLATION_MAX 16777214

struct acl_address {
	bool any;
	struct prefix prefix; /* ACL_IP */
	struct mac mac;       /* ACL_MAC */
};

struct acl_ports {
	uint16_t from, to; /* ANY: 0 to 65535 */
};

#define ACL_PROTOCOL_ANY (-1)
#define ACL_TCP 6
#define ACL_UDP 17

/* ANY, an address or a prefix; a host's MAC address. Acl.BadAddress */
int acl_address_parse(const char *text, enum acl_type type, struct acl_address *ret, struct err **e);
/* The one way to write it; the caller's to free. */
char *acl_address_format(const struct acl_address *a, enum acl_type type);
/* ANY, a port, or a range "from-to". Acl.BadPort */
int acl_ports_parse(const char *text, struct acl_ports *ret, struct err **e);
char *acl_ports_format(const struct acl_ports *p);
/* ANY, TCP, UDP, ICMP, ICMPv6, or a number; *ret: ACL_PROTOCOL_ANY or the number. Acl.BadProtocol */
int acl_protocol_parse(const char *text, int *ret, struct err **e);
char *acl_protocol_format(int protocol);

/*
 * May the entry be added? Acl.AddressFamily: its ends are not of one family. Acl.EntryExists. Acl.Contradiction: the
 * same addresses are allowed and denied. Acl.TooMany.
 */
int acl_check_entry(const struct docs *d, const struct acl_doc *a, struct err **e);
/*
 * Acl.AddressFamily; Acl.PortNeedsProtocol: ports are TCP's and UDP's; Acl.StatefulDeny; Acl.TimeoutNeedsStateful;
 * Acl.WeightInUse (its place in the order is taken); Acl.TooMany.
 */
int acl_check_extended(const struct docs *d, const struct extended_acl_doc *x, struct err **e);
/* A number that no entry of the adapter has. */
uint32_t acl_new_number(const struct docs *d, const struct guid *adapter);
