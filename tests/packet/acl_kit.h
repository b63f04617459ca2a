/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "harness.h"

/* Rules, and packets as they see them: by what is local and what is remote. */

#define ANY NULL
enum { RULE_ALLOW, RULE_DENY };

/* Prefixes as text; local, remote: ANY or a prefix. */
struct dp_acl_rule basic(int deny, uint32_t number, const char *local, const char *remote);
struct dp_acl_rule meter_rule(uint32_t number, const char *local, const char *remote);
/* Last bytes of MAC addresses; 0: any */
struct dp_acl_rule mac_rule(int deny, uint32_t number, uint8_t local, uint8_t remote);

struct rule {
	uint32_t number;
	bool deny, stateful;
	uint16_t timeout;
	const char *local, *remote;
	uint16_t local_port[2], remote_port[2]; /* 0 to 0: any */
	uint8_t protocol;			/* 0: any */
};
struct dp_acl_rule extended(struct rule r);

enum { FRAGMENT_NONE, FRAGMENT_FIRST, FRAGMENT_LATER };

struct packet {
	const char *local, *remote;
	uint8_t protocol;
	uint16_t local_port, remote_port;
	uint8_t tcp_flags;
	uint8_t icmp_type, icmp_code;
	uint16_t echo;
	uint8_t hop_limit;	/* 0: 64 */
	unsigned tags;		/* 802.1Q */
	unsigned extensions;	/* IPv6 destination options; the first is a hop-by-hop header */
	int fragment;
	uint32_t ident;
	size_t payload;
};

/* As the port PLAIN sends or gets it. */
struct frame acl_frame(const struct packet *p, int direction);
/* An ICMP error about a packet that the port has sent, from a router to an address. */
struct frame acl_error(const char *router, uint8_t type, const struct packet *about, const char *to);

/* The port's entry as it is. */
struct bpf_port acl_port_entry(uint32_t ifindex);
/* The port's rules of a direction from here on. */
void acl_set(uint32_t port, int direction, const struct dp_acl_rule *rules, size_t n);
/* Names a set that need not be there. */
void acl_name(uint32_t port, int direction, uint32_t set);
void acl_clear(uint32_t port);

void acl_add_meter(uint32_t port, uint32_t number);
void acl_expect_meter(uint32_t port, uint32_t number, uint64_t packets, uint64_t bytes);
/* Makes the session of the packet's flow that much older. */
void acl_age(uint32_t port, const struct packet *p, uint64_t ns);

/* The program that asks the rules of a direction, at a port without a virtual subnet. */
enum bpf_role acl_role(int direction);
void expect_acl_drop(uint32_t port, int direction, const struct frame *f, enum dp_drop_reason reason);
void expect_acl_pass(uint32_t port, int direction, const struct frame *f);
/* The number of the rule that denied the last one; 0: it passed. */
uint32_t acl_last_rule(void);
