/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ip.h"
#include "mac.h"
#include "util.h"

/*
 * The words of QEMU's guest agent, which is a program inside the guest: whatever it answers may be made up. So every
 * answer is bounded, and is used only when it has the form that it must have. Pure.
 */

/* libvirt carries answers of 4 MiB, and base64 makes four bytes of three. */
#define AGENT_MAX_OUTPUT     (2u << 20)
#define AGENT_MAX_ANSWER     (4u << 20)
#define AGENT_MAX_INTERFACES 64
#define AGENT_MAX_ADDRESSES  256 /* of all interfaces */

/*
 * Commands as JSON; owned by the caller. The line is run by the guest's /bin/sh, its errors going where its output
 * goes, and is ended when it writes more than AGENT_MAX_OUTPUT.
 */
char *agent_exec_command(const char *line);
char *agent_exec_status_command(int64_t pid);
/* Ends it with all that it has started. */
char *agent_kill_command(int64_t pid);
extern const char agent_interfaces_command[];

/* The guest's process. -EPROTO: that is no such answer. */
int agent_exec_parse(const char *answer, int64_t *ret_pid);

struct agent_exec_status {
	bool exited;
	int code;      /* exit code, or 128 + signal */
	char *output;  /* owned by the caller; without NUL bytes */
	bool too_much; /* it wrote more than AGENT_MAX_OUTPUT */
};
int agent_exec_status_parse(const char *answer, struct agent_exec_status *ret);

/* Addresses that adapters have, but for loopback and link-local IPv6 ones. */
struct agent_address {
	struct mac mac;
	struct ip ip;
};
struct agent_address_vec {
	struct agent_address *items;
	size_t n;
	size_t room;
};
/* Appends; interfaces and addresses that make no sense are left out. */
int agent_interfaces_parse(const char *answer, struct agent_address_vec *ret);
