/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmdlet.h"

struct kit_shutdown {
	host_shutdown_fn done;
	void *arg;
};

/* Work on an image: by its path it is "missing", "wrong" (a qcow2, whatever its name says), "busy" or "full". */
struct kit_image {
	struct host_image_job job;
	char *path;
	host_image_fn done;
	void *arg;
};

struct kit_export {
	host_progress_fn progress;
	host_export_fn done;
	void *arg;
};

struct kit_domain {
	host_domain_fn done;
	void *arg;
};

/* What a port carried: by the link's own counters, and by the dataplane's. */
struct kit_traffic {
	char link[16];
	struct host_traffic plain;
	struct host_traffic dataplane;
};

/* The one meter that has counted anything. */
struct kit_meter {
	char link[16];
	uint32_t number;
	uint64_t packets, bytes;
};

/*
 * The features over a real store in a directory of its own and a host that is a table. Cmdlets run as the daemon runs
 * them, from JSON to JSON; ' stands for " in the JSON texts here.
 */
struct kit {
	char *directory;
	struct store *store;
	struct docs *docs;
	struct host host;
	struct cmdlet_server *server;
	struct guid captured; /* the hidden checkpoint that is held; kit_pump() says that it is made */
	host_export_fn capture_done;
	void *capture_arg;
	size_t reconciles;
	/* What the last call answered. */
	int status;
	json_t *result;
	struct str told; /* its progress: "ACTIVITY TARGET NUMBER/OF PERCENT;" each */
	/* The host's table. */
	host_nic_vec nics;
	struct guid broken; /* the guest of this VM does not run although it is wanted */
	int nics_error;
	VEC(struct kit_traffic) traffic;
	struct kit_meter meter;
	host_drop_vec drops;
	int traffic_error;
	int drops_error;
	uint64_t spoofed; /* frames that each port dropped for their MAC address */
	/* What happens after a call returned, until it is answered: a test's own host functions. */
	void (*later)(struct kit *k);
	/* What the host can run, at first nothing; fields may be set. */
	struct host_machines machines;
	VEC(struct kit_shutdown) shutdowns;
	struct host_wait waited; /* for the last guest that was waited for */
	VEC(struct kit_image) images;
	char *last_image; /* the last job on one, in words */
	struct host_domain domain; /* what libvirt has, whatever name is asked for */
	VEC(struct kit_domain) domains;
	VEC(struct kit_export) exports;
	char *exported; /* the last one's directory and disks */
	bool hypervisor; /* one runs in every guest */
	bool paused;     /* so are all guests */
	bool stubborn; /* guests do not shut down in time */
};

/* The list of reasons to drop: MAC_SPOOFED (NN-1), NO_RECORD (2.5), WRONG_SOURCE (no rule). */
#define KIT_REASONS 3
extern const struct host_drop_reason kit_reasons[KIT_REASONS];
/* Adds to the host's drops; reason is an index into kit_reasons. */
void kit_drop(struct kit *k, int ifindex, const char *link, size_t reason, uint64_t packets);

int kit_setup(void **state);
int kit_teardown(void **state);

/* parameters: a JSON object; input: a JSON array (borrowed) or NULL. */
void kit_pipe(struct kit *k, const char *cmdlet, const char *parameters, json_t *input);
void kit_run(struct kit *k, const char *cmdlet, const char *parameters);
/* Runs it and asserts that nothing failed. */
void kit_do(struct kit *k, const char *cmdlet, const char *parameters);
/* The objects that it returns, for a next call's input; the caller's reference. */
json_t *kit_get(struct kit *k, const char *cmdlet, const char *parameters);
/* Runs it and asserts that it had exactly this error and changed nothing. */
void kit_refused(struct kit *k, const char *cmdlet, const char *parameters, const char *id);
/* Runs it with -WhatIf: n lines, no error, nothing changed. */
void kit_what_if(struct kit *k, const char *cmdlet, const char *parameters, size_t n);

size_t kit_count(const struct kit *k, const char *member);
void kit_no_errors(const struct kit *k);
void kit_one_error(const struct kit *k, const char *id, const char *target);
void kit_warning(const struct kit *k, const char *part);
/* The property of the result's object as compact JSON with ' for ", for example 'blue1', true, ['10.0.0.1'] */
void kit_property(const struct kit *k, size_t object, const char *property, const char *expected);
/* A property of all objects, joined by spaces. */
void kit_names(const struct kit *k, const char *property, const char *expected);
/* What the last call told of its progress. */
void kit_told(const struct kit *k, const char *expected);
/* All documents as text; the caller frees it. */
char *kit_snapshot(const struct kit *k);
/* Calls the pending host->exec and host->shutdown callbacks, last first. */
void kit_pump(struct kit *k);

#define REFUSED(cmdlet_, parameters_, id_)                                                                             \
	{                                                                                                              \
		(cmdlet_), (parameters_), (id_)                                                                        \
	}
struct refusal {
	const char *cmdlet;
	const char *parameters;
	const char *id;
};
void kit_all_refused(struct kit *k, const struct refusal *cases, size_t n);

#define kit_test(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int vm_tests(void);
int machine_tests(void);
int metering_tests(void);
int copy_tests(void);
int drive_tests(void);
int vhd_tests(void);
int firmware_tests(void);
int switch_tests(void);
int adapter_tests(void);
int acl_tests(void);
int netadapter_tests(void);
int statistics_tests(void);
int trace_tests(void);
