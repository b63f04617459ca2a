/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "docs.h"
#include "host.h"

/*
 * Brings this host to what the documents want: guests, links, addresses, routes, the dataplane's maps and programs. Every
 * pass computes the whole wanted state, observes what is there and makes the difference, in the order in which things
 * depend on each other. There is no way back: a pass that failed in part goes on at the next one. Only what carries this
 * instance's mark is ever changed.
 */
struct engine;

struct engine_config {
	sd_event *event;    /* stays the caller's */
	struct docs *docs;  /* stays the caller's */
	const char *run_dir;
	const char *state_dir;
	const char *libvirt;   /* URI; NULL: the system's */
	const char *instance;  /* 8 hex digits */
	const char *host_name;
	uint32_t max_records;  /* that the dataplane must have room for; 0: as many as it has, 2^20 at first */
};

/* What the last passes did; for people and for tests ("a second pass writes nothing"). */
struct engine_status {
	uint64_t passes;
	uint64_t last_writes; /* changes made to the kernel by the last pass */
	uint64_t last_us;
	uint64_t total_writes;
	size_t failures;      /* of the last pass */
	uint64_t machine_looks; /* rounds in which machines were looked at, because they change by themselves */
};

int engine_new(const struct engine_config *config, struct engine **ret, struct err **e);
/* Everything goes on running without the daemon. */
void engine_free(struct engine *g);
DEFINE_CLEANUP(struct engine *, engine_free)

/*
 * One pass. Of lookup records, of which there may be a million, only what changed; everything else whole. Engine.ApplyFailed:
 * the documents stand, but not all of it is in effect; the rest was done.
 */
int engine_reconcile(struct engine *g, struct err **e);
/* The same with all lookup records compared: for who thinks that somebody else has changed the tables. */
int engine_reconcile_all(struct engine *g, struct err **e);

/*
 * Virtual machines take seconds: is something that the last pass began still under way? Then done is called later, once, when
 * nothing is any more, with what failed (borrowed; NULL: nothing did); and progress, unless it is NULL, now and then before.
 */
typedef void (*engine_settled_fn)(void *arg, const struct err *e);
bool engine_settle(struct engine *g, engine_settled_fn done, host_progress_fn progress, void *arg);
/* How many virtual machines something is under way for, the connection to libvirt included. */
size_t engine_machines_busy(const struct engine *g);
const struct engine_status *engine_status(const struct engine *g);
struct host *engine_host(struct engine *g);

/* Ends every guest and removes every link, map and pin of this instance. The documents stay. */
int engine_destroy(struct engine *g, struct err **e);
