/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "adapter_wants.h"
#include "address.h"
#include "bpf_driver.h"
#include "bpffs.h"
#include "engine.h"
#include "ethtool.h"
#include "fdb.h"
#include "guest.h"
#include "ipconf.h"
#include "link.h"
#include "map.h"
#include "neigh.h"
#include "netadapter.h"
#include "netvirt_wants.h"
#include "records.h"
#include "route.h"
#include "switch_wants.h"

struct exec_job;

struct engine {
	struct engine_config config;
	struct host host;
	struct engine_status status;
	struct nl *nl;
	struct nl_monitor *monitor;
	sd_event_source *monitor_source;
	sd_event_source *pass_timer;
	struct bpf_driver *bpf;
	struct records *records; /* what lookup records have in its tables */
	int bpffs;
	struct guest_engine *guests;
	struct map *guest_watches; /* guid -> sd_event_source * */
	struct map *no_xdp;        /* ifindex of uplinks whose driver has no native XDP -> anything */
	struct exec_job *jobs;
	bool nexthops_stale;
	uint64_t settle_us;        /* between an event and the pass that follows it */
	char *degraded;            /* what was said last about a part of the host that is missing */
	bool destroying; /* nothing is wanted any more */
};

/* One pass: what is wanted and what is there. */
struct pass {
	struct engine *g;
	want_switch_vec switches;
	want_port_vec ports;
	struct netvirt_wants netvirt;
	struct link_vec links; /* observed; refreshed after links were made */
	struct map *by_name;   /* name -> struct link * in links */
	struct guest_vec guests;
	VEC(struct guid) started;  /* guests that began in this pass */
	struct map *vports;    /* port -> struct want_vport * in netvirt */
	uint32_t underlay_mtu; /* the smallest of the uplinks'; 0: there is none */
	int next_index;        /* where to look for a low interface number next */
	uint64_t writes;
	size_t failures;
	struct err *first;     /* the first failure */
};

/* Notes a failure of one entry and goes on. r < 0; detail may be NULL or "". */
void pass_failed(struct pass *p, int r, const char *detail, const char *format, ...) _printf_(4, 5);
/* Something of the host is missing, which is no failure of the change at hand: the host is degraded until it is back. */
void pass_degraded(struct pass *p, const char *format, ...) _printf_(2, 3);
/* Counts one change made to the kernel, or n, and logs it at level debug. */
#define pass_wrote(p, ...) pass_wrote_many(p, 1, __VA_ARGS__)
void pass_wrote_many(struct pass *p, size_t n, const char *format, ...) _printf_(3, 4);
struct link *pass_link(struct pass *p, const char *name);
int pass_observe_links(struct pass *p);
bool link_is_ours(const struct engine *g, const struct link *l);
bool link_is_nestors(const struct link *l);
/* The text behind the fourth colon of an alias: what people call the link. */
const char *link_text(const struct link *l);
/* "nestor:<instance>:<role>:<id>[:<text>]" */
void link_mark(const struct engine *g, char alias[static LINK_ALIAS_SIZE], const char *role, const struct guid *id,
	       const char *text);

/* The steps, in order. */
void step_guests(struct pass *p);
void step_links_make(struct pass *p);
void step_dataplane(struct pass *p);
void step_links_finish(struct pass *p);
void step_forwarding(struct pass *p);
void step_addresses(struct pass *p);
void step_neighbours(struct pass *p);
/* Host adapters of uplinks' switches take over the host's addresses; back_ before one goes. */
void host_addresses_to_adapters(struct pass *p);
void host_addresses_back(struct pass *p, const struct link *adapter);
/* Next hops alone: neighbours came or went. */
void dataplane_nexthops(struct pass *p);
extern const struct records_ops dataplane_records_ops;
/* What the distributed router of the dataplane reads (router.c). */
void dataplane_router(struct pass *p);

void engine_host_init(struct engine *g);
void engine_host_statistics_init(struct engine *g);
void engine_jobs_free(struct engine *g);
void engine_schedule(struct engine *g, uint64_t delay_us);
/* Notes when a guest ends by itself; forget first what the engine ends. */
int engine_watch_guest(struct engine *g, const struct guid *id);
void engine_forget_guest(struct engine *g, const struct guid *id);

/*
 * The difference of two sorted arrays of the same struct. key orders, same compares what matters (NULL: the key is all
 * there is); apply makes one change
 * (have NULL: new, want NULL: gone).
 */
struct diff {
	const void *want;
	size_t n_want;
	const void *have;
	size_t n_have;
	size_t size;
	int (*key)(const void *a, const void *b);
	bool (*same)(const void *have, const void *want);
	void (*apply)(void *arg, const void *have, const void *want);
	void *arg;
};
void diff_run(const struct diff *d);
