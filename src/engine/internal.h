/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "acl_wants.h"
#include "adapter_wants.h"
#include "address.h"
#include "bpf_driver.h"
#include "bpffs.h"
#include "engine.h"
#include "drive.h"
#include "ethtool.h"
#include "fdb.h"
#include "guest.h"
#include "htb.h"
#include "ipconf.h"
#include "link.h"
#include "machine.h"
#include "map.h"
#include "neigh.h"
#include "netadapter.h"
#include "netvirt_wants.h"
#include "records.h"
#include "route.h"
#include "switch_wants.h"

struct exec_job;
struct image_work;
struct made_image;
struct machine_exec;
struct progress_watch;
struct console;
struct wait;
struct learning;
struct live_job;

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
	struct guest_vec measured; /* all of them, in this turn of the event loop */
	uint64_t measured_turn;
	struct machines *machines; /* NULL: none has been wanted yet */
	sd_event_source *machines_source;
	sd_event_source *tick; /* off while no machine changes by itself */
	uint64_t machine_steps; /* of machines_steps(), how many have been counted as writes */
	char *machines_dir;      /* of the host as cmdlets see it */
	struct map *copying;     /* VMs for which something of a checkpoint is under way: guid -> anything */
	struct map *copy_failed; /* those for which it failed, until it is tried again */
	struct map *captures;    /* hidden checkpoints that are held: guid -> struct capture * */
	struct map *exporting;   /* directories that are being written -> anything */
	struct waiter *waiters;     /* for what is under way */
	struct progress_watch *progress_watches;
	sd_event_source *progress;
	struct shutdown *shutdowns;
	bool retry;                 /* this pass tries again what has failed */
	struct map *guest_watches; /* guid -> sd_event_source * */
	struct map *no_xdp;        /* ifindex of uplinks whose driver has no native XDP -> anything */
	struct image_work *images;
	struct made_image *made_images; /* for drives whose documents are still to come */
	char *image_dir;
	struct exec_job *jobs;             /* commands in namespace guests */
	struct machine_exec *machine_jobs; /* and in machines */
	unsigned processors;               /* of this host */
	struct console *consoles;
	struct wait *waits; /* for guests to be up */
	sd_event_source *metering;
	struct learning *learning;
	struct live_job *lives; /* traces of real packets */
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
	want_acl_vec acls;
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
/* What is wanted of a virtual machine of engine Qemu; engine_machine_spec_done() of its spec. */
struct machine_want engine_machine_want(struct pass *p, const struct vm_doc *vm);
void engine_machine_spec_done(struct machine_spec *spec);
/* Says what virtual machines are wanted; they get there later (machines.c). */
void step_machines(struct pass *p);
/* The MTU of the port's other end: the guest's interface. */
uint32_t pass_guest_mtu(struct pass *p, const struct want_port *port);
/* The device that holds packets back (pacer.c): made and kept up where any port has a limit. */
void pacer_make(struct pass *p);
bool pacer_has_link(const struct pass *p, const char *name);
/* Host adapters of uplinks' switches take over the host's addresses; back_ before one goes. */
void host_addresses_to_adapters(struct pass *p);
void host_addresses_back(struct pass *p, const struct link *adapter);
/* Next hops alone: neighbours came or went. */
void dataplane_nexthops(struct pass *p);
extern const struct records_ops dataplane_records_ops;
/* What the distributed router of the dataplane reads (router.c). */
void dataplane_router(struct pass *p);

/* The driver of virtual machines is there from now on. Engine.MachinesFailed */
int engine_machines(struct engine *g, struct err **e);
void engine_host_init(struct engine *g);
void engine_host_exec_init(struct engine *g);
void engine_host_console_init(struct engine *g);
void engine_host_wait_init(struct engine *g);
/* From now on what metered machines use is added up (metering.c); _sample: now, and the next in a while. */
int engine_metering_open(struct engine *g);
void engine_metering_sample(struct engine *g);
/* Of the first processor as the kernel tells it; 1000 where it does not. */
unsigned engine_processor_mhz(void);
void engine_waits_end(struct engine *g);
/* Where machines' consoles are logged; owned by the caller. */
char *engine_machines_log_dir(const struct engine *g);
/*
 * Begins what checkpoints want to be done next of each virtual machine. Before machines_want(): until it is done no other step of that
 * machine begins.
 */
void copies_begin(struct pass *p);
#define COPY_RETRY_US 30000000
/* libvirt's daemon is restarted in about a second. */
#define RECONNECT_US 2000000
/*
 * The first failure of what a cmdlet's pass changed is for who waits for it in engine_settle(); the log has all. wants: that pass's
 * machines_wants(), or EVERYBODY who waits.
 */
#define EVERYBODY UINT64_MAX
void engine_tell_waiters(struct engine *g, uint64_t wants, const struct err *e);
/* For everybody who waits, and the log. */
void engine_settle_failed(struct engine *g, const char *id, const char *advice, const char *format, ...) _printf_(4, 5);
void engine_host_copies_init(struct engine *g);
/* Hidden checkpoints (captures.c): host->capture(), host->release(). */
void engine_capture(struct host *h, const struct guid *vm, const struct guid *checkpoint, host_progress_fn progress, host_export_fn done,
		    void *arg);
void engine_release(struct host *h, const struct guid *checkpoint);
void engine_capture_failed(struct engine *g, const struct guid *checkpoint, const char *error);
/* Tells those who wait for what has been made, and forgets what nobody holds: before a pass. */
void engine_captures_prune(struct engine *g);
void engine_captures_free(struct engine *g);
void engine_host_statistics_init(struct engine *g);
void engine_host_trace_init(struct engine *g);
void engine_host_images_init(struct engine *g);
/* Images that documents name by now are theirs. */
void engine_images_settle(struct engine *g);
/* Ends all work on images; what was being made is removed. */
void engine_images_free(struct engine *g);
/* Of the one list of reasons; NULL: no such code. */
const struct host_drop_reason *engine_drop_reason(uint32_t code);
void engine_jobs_free(struct engine *g);
/* The same as the host's exec for a machine that runs, by the agent in it (machine_exec.c). */
int engine_machine_exec(struct engine *g, const struct guid *vm, const char *script, uint64_t timeout_ms, host_exec_fn done, void *arg,
			struct err **e);
/* RemoteCommandTimeout */
int engine_exec_too_late(uint64_t timeout_ms, struct err **e);
void engine_machine_exec_end(struct engine *g, void *arg);
void engine_machine_jobs_free(struct engine *g);
/* Addresses that are learnt of guests (HN-8), from now on. */
int engine_learning_open(struct engine *g);
void engine_learning_free(struct engine *g);
/* Forgets those whose port or L2Only record is gone: before a pass. */
void engine_learning_prune(struct engine *g);
void engine_lives_end(struct engine *g);
/*
 * From now on fn(arg) is told what is under way for the machine (NULL: for any) and how far it is; fn NULL: nobody wants to know. Needs
 * the driver of virtual machines.
 */
void engine_progress_watch(struct engine *g, const struct guid *vm, host_progress_fn fn, void *arg);
void engine_progress_unwatch(struct engine *g, void *arg);
/* Tells all who wait in engine_settle(). */
void engine_waiters_free(struct engine *g, const struct err *e);
/* The guest is asked to shut down; done when it has, or when it has not in time. */
int engine_shutdown(struct engine *g, const struct guid *id, uint32_t timeout_ms, host_shutdown_fn done, void *arg, struct err **e);
/* Can machines run here, and what can they be given? Asks no daemon: it looks for its socket. */
void engine_machines_describe(struct engine *g, struct host_machines *ret);
void engine_shutdowns_check(struct engine *g);
void engine_shutdowns_free(struct engine *g);
/* Tells those who wait, and the log, that a machine or the connection to libvirt is not as it should be, and why. */
void engine_machine_failed(struct engine *g, const struct machine *m, const char *who);
/* One that cannot be started is Off again, and says why: what is wrong with it is for somebody to put right. */
void engine_start_failed(struct engine *g, const struct machine *m, const struct vm_doc *vm);
/* The same of one that could not be saved: it goes on as it was. */
void engine_save_failed(struct engine *g, const struct machine *m, const struct vm_doc *vm);
void engine_libvirt_failed(struct engine *g, const char *why);
/* Waits for all steps that are under way; timeout_ms: how long nothing may happen. */
void engine_machines_drain(struct engine *g, int timeout_ms);
void engine_schedule(struct engine *g, uint64_t delay_us);
/* Notes when a guest ends by itself; forget first what the engine ends. */
int engine_watch_guest(struct engine *g, const struct guid *id);
void engine_forget_guest(struct engine *g, const struct guid *id);
/* A guest that ended by itself is off: the wish to run it has ended with it. Writes that. */
/* What nobody asked for has come about; failure: why, a sentence, or NULL. */
void engine_note_state(struct engine *g, const struct vm_doc *vm, enum vm_state state, const char *failure);
void engine_guest_ended(struct engine *g, const struct vm_doc *vm, enum vm_end how);

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
