/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libvirt/libvirt.h>

#include "libvirt_drives.h"
#include "machine.h"

/* One step of one machine, as a thread carries it out. Thread-safe: everything it needs is in its arguments. */

enum step {
	STEP_QUERY,    /* look only */
	STEP_AWAIT,    /* that libvirt has ended what it does with it */
	STEP_DEFINE,   /* xml */
	STEP_START,    /* xml: define it so, and start it */
	STEP_DESTROY,  /* cut its power */
	STEP_SHUTDOWN, /* press its power button */
	STEP_UNDEFINE,
	STEP_SUSPEND,
	STEP_RESUME,
	STEP_SAVE,     /* its state to disk, and off */
	STEP_DISCARD,  /* the state on disk */
	STEP_RESIZE,   /* memory: startup */
	STEP_BALANCE,  /* memory: within minimum and maximum */
	STEP_NICS,     /* nics: those, connected or not */
	STEP_DRIVES,   /* drives, drives_digest: of one that is on */
};

/* What libvirt says of a machine. */
struct seen {
	struct guid id;
	enum machine_state state;
	struct machine_mark mark;
	bool saved;
	uint64_t memory;  /* bytes that it has */
	bool hypervisor;
	bool crashed;     /* it is off because QEMU ended unasked */
	uint64_t nics;    /* nics_digest() of what it runs with */
	enum machine_stall stall;
	bool starting; /* libvirt says so; not by a step of ours, which would have ended */
	bool lost;     /* it has been for ever: libvirt died over that, and does not know of it */
};

/*
 * 0, or negative with *message (owned by the caller) in libvirt's words. -ENOTCONN: the connection is gone, which says nothing of
 * the machine; ret is then not written. Otherwise ret tells how the machine is now, also after a failure.
 */
struct step_args {
	enum step step;
	struct guid id;
	char *name;
	char *xml;
	struct machine_memory memory;
	bool taken_in; /* a domain without any mark is this machine */
	char *user_data, *seed; /* START: makes the seed; user_data NULL: there is none */
	struct step_drives drives;
	char drives_digest[MACHINE_DIGEST_SIZE];
	bool nested; /* look whether a hypervisor runs in it */
	struct machine_nic *nics;
	size_t n_nics;
};
int step_run(virConnectPtr conn, const char *instance, const struct step_args *args, struct seen *ret, char **message);

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
