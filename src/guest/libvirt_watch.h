/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libvirt/libvirt.h>

#include "agent.h"
#include "machine.h"

/*
 * What is seen of machines that run, about once a second, and not asked when somebody wants to know: numbers of
 * libvirt's for all of them in one call, and what the agents in the guests say. Nobody waits for it, and a failure only
 * means that nothing is known.
 */

struct watch_numbers {
	struct guid id;
	uint64_t cpu_ns;	    /* used by the virtual processors since the machine's start */
	uint64_t usable, available; /* bytes, by the guest's own account; available 0: it gives none */
	struct machine_disks disks;
};
struct watch_numbers_vec {
	struct watch_numbers *items;
	size_t n;
	size_t room;
};

/* Of all running domains, whosever they are. Called by a thread. -EIO: libvirt did not answer. */
int watch_numbers_get(virConnectPtr conn, struct watch_numbers_vec *ret);

/*
 * One command for the agent of a guest; called by a thread, which waits for timeout seconds at most. *ret_answer (owned
 * by the caller) when 0, else *message. -ENODEV: the machine has no channel to an agent (or is no machine of this
 * connection); -EHOSTUNREACH: no agent answers; -EIO: it refused; -ENOTCONN: no connection to libvirt.
 */
int watch_agent_call(virConnectPtr conn, const struct guid *id, const char *command, int timeout, char **ret_answer,
		     char **message);

/* What is known of one machine by these means. */
struct watch {
	uint64_t cpu_ns;
	uint64_t at_us; /* monotonic, of cpu_ns; 0: nothing seen yet */
	unsigned cpu_percent;
	uint64_t demand;
	struct machine_disks disks;
	bool asking;		/* the agent */
	unsigned pause;		/* ticks until it is asked again */
	bool answers, answered; /* it does; it has since the machine's start */
	struct agent_address_vec addresses;
};

/* The machine was started, or is off. */
void watch_reset(struct watch *w);
/* memory: bytes that the machine has; processors: of the host. */
void watch_take_numbers(struct watch *w, const struct watch_numbers *numbers, uint64_t memory, uint64_t now_us,
			unsigned processors);
/* Another tick: is it time to ask the agent for addresses? */
bool watch_wants_addresses(struct watch *w);
/* NULL: the agent did not answer. */
void watch_take_addresses(struct watch *w, const char *answer);
enum machine_heartbeat watch_heartbeat(const struct watch *w);
