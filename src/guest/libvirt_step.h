/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libvirt/libvirt.h>

#include "machine.h"

/* One step of one machine, as a thread carries it out. Thread-safe: everything it needs is in its arguments. */

enum step {
	STEP_QUERY,    /* look only */
	STEP_DEFINE,   /* xml */
	STEP_START,    /* xml: define it so, and start it */
	STEP_DESTROY,  /* cut its power */
	STEP_SHUTDOWN, /* press its power button */
	STEP_UNDEFINE,
};

/* What libvirt says of a machine. */
struct seen {
	struct guid id;
	enum machine_state state;
	uint64_t boot;
	char digest[MACHINE_DIGEST_SIZE];
};

/*
 * 0, or negative with *message (owned by the caller) in libvirt's words. -ENOTCONN: the connection is gone, which says nothing of
 * the machine; ret is then not written. Otherwise ret tells how the machine is now, also after a failure.
 */
int step_run(virConnectPtr conn, const char *instance, enum step step, const struct guid *id, const char *xml, struct seen *ret,
	     char **message);

/*
 * libvirt's message as one line, bounded: without the warnings that QEMU prints about processor features, among which the
 * reason would drown, and without QEMU's times.
 */
char *step_message(const char *text);

struct seen_vec {
	struct seen *items;
	size_t n;
	size_t room;
};

/* All machines of the instance. 0 or negative with *message, as step_run(). */
int step_list(virConnectPtr conn, const char *instance, struct seen_vec *ret, char **message);
