/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>

#include "internal.h"
#include "log.h"
#include "unfinished.h"

void pass_degraded(struct pass *p, const char *format, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list ap;

	va_start(ap, format);
	what = xvasprintf(format, ap);
	va_end(ap);
	p->failures++;
	/* Said once, not at every pass. */
	if (!streq_ptr(what, p->g->degraded))
		log_warning("%s", what);
	free(p->g->degraded);
	p->g->degraded = TAKE_PTR(what);
}

void pass_failed(struct pass *p, int r, const char *detail, const char *format, ...)
{
	_cleanup_free_ char *what = NULL;
	bool more = detail && *detail;
	va_list ap;

	va_start(ap, format);
	what = xvasprintf(format, ap);
	va_end(ap);
	p->failures++;
	log_error("%s: %s%s%s", what, strerror(-r), more ? ": " : "", more ? detail : "");
	err_set_errno(&p->first, "Engine.ApplyFailed", -r, NULL, "The change is stored, but not all of it is in effect: %s: %s%s%s.",
		      what, strerror(-r), more ? ": " : "", more ? detail : "");
	err_advise(&p->first, 0, "It is tried again by itself, with the next change at the latest; the daemon's log has every failure.");
}

void pass_wrote_many(struct pass *p, size_t n, const char *format, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list ap;

	va_start(ap, format);
	what = xvasprintf(format, ap);
	va_end(ap);
	p->writes += n;
	log_debug("%s", what);
}

static void pass_done(struct pass *p)
{
	vec_done(&p->switches);
	vec_done(&p->ports);
	netvirt_wants_done(&p->netvirt);
	acl_wants_done(&p->acls);
	vec_done(&p->links);
	vec_done(&p->guests);
	vec_done(&p->started);
	map_free(p->by_name);
	map_free(p->vports);
	err_free(p->first);
}

static void pass_wants(struct pass *p)
{
	if (p->g->destroying)
		return;
	switch_wants(p->g->config.docs, &p->switches);
	adapter_wants(p->g->config.docs, &p->ports);
	netvirt_wants(p->g->config.docs, &p->netvirt);
	acl_wants(p->g->config.docs, &p->ports, &p->acls);
}

static int pass_run(struct engine *g, void (*const *steps)(struct pass *), size_t n, struct err **e)
{
	struct pass p = { .g = g, .by_name = map_new(), .vports = map_new() };
	uint64_t start = clock_us(CLOCK_MONOTONIC);
	int r = 0;

	pass_wants(&p);
	for (size_t i = 0; i < n; i++)
		steps[i](&p);
	g->status.passes++;
	g->status.last_writes = p.writes;
	g->status.total_writes += p.writes;
	g->status.failures = p.failures;
	g->status.last_us = clock_us(CLOCK_MONOTONIC) - start;
	if (p.first) {
		r = p.first->errnum ? -p.first->errnum : -EIO;
		if (e && !*e)
			*e = TAKE_PTR(p.first);
	}
	pass_done(&p);
	return r;
}

/* What failed may work later without anything being said: a guest's end, memory, a driver. */
#define RETRY_US 30000000

int engine_reconcile(struct engine *g, struct err **e)
{
	int r;
	static void (*const steps[])(struct pass *) = {
		step_guests, step_links_make, step_dataplane, step_links_finish, step_forwarding, step_addresses,
		step_neighbours, step_machines,
	};

	engine_learning_prune(g);
	engine_captures_prune(g);
	engine_metering_sample(g);
	engine_images_settle(g);
	r = pass_run(g, steps, ARRAY_SIZE(steps), e);
	if (g->status.failures)
		engine_schedule(g, RETRY_US);
	return r;
}

static void step_links_observe(struct pass *p)
{
	pass_observe_links(p);
}

static int refresh_nexthops(struct engine *g)
{
	static void (*const steps[])(struct pass *) = { step_links_observe, dataplane_nexthops };

	return pass_run(g, steps, ARRAY_SIZE(steps), NULL);
}

int engine_reconcile_all(struct engine *g, struct err **e)
{
	records_compare_all(g->records);
	return engine_reconcile(g, e);
}

const struct engine_status *engine_status(const struct engine *g)
{
	return &g->status;
}

/* ---- events ---- */

/* Links come and go in bursts, and most of what is heard is the echo of a pass: one pass after it has become quiet. */
#define SETTLE_MIN_US 50000
#define SETTLE_MAX_US 10000000

static int on_pass_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct engine *g = arg;

	(void)usec;
	sd_event_source_set_enabled(s, SD_EVENT_OFF);
	g->retry = true;
	engine_reconcile(g, NULL);
	g->retry = false;
	/* Whoever undoes what a pass does must not keep the daemon busy: each round waits longer. */
	g->settle_us = g->status.last_writes ? MIN(g->settle_us * 2, SETTLE_MAX_US) : SETTLE_MIN_US;
	return 0;
}

void engine_schedule(struct engine *g, uint64_t delay_us)
{
	int enabled = SD_EVENT_OFF;
	uint64_t at = 0, now = 0;

	if (!g->pass_timer)
		return;
	sd_event_source_get_enabled(g->pass_timer, &enabled);
	sd_event_source_get_time(g->pass_timer, &at);
	sd_event_now(g->config.event, CLOCK_MONOTONIC, &now);
	if (enabled != SD_EVENT_OFF && at <= now + delay_us)
		return;
	sd_event_source_set_time_relative(g->pass_timer, delay_us);
	sd_event_source_set_enabled(g->pass_timer, SD_EVENT_ONESHOT);
}

static void on_kernel_event(enum nl_event event, int ifindex, void *arg)
{
	struct engine *g = arg;

	(void)ifindex;
	if (event == NL_EVENT_NEIGH)
		g->nexthops_stale = true;
	else
		engine_schedule(g, g->settle_us);
}

static int on_monitor(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct engine *g = arg;

	(void)s;
	(void)fd;
	(void)revents;
	g->nexthops_stale = false;
	nl_monitor_drain(g->monitor, on_kernel_event, g);
	if (g->nexthops_stale)
		refresh_nexthops(g);
	return 0;
}

void engine_forget_guest(struct engine *g, const struct guid *id)
{
	sd_event_source_unref(map_del(g->guest_watches, id, sizeof(*id)));
}

struct watch {
	struct engine *g;
	struct guid id;
};

static int on_guest_exit(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct watch *w = arg;
	struct engine *g = w->g;
	struct guid id = w->id;
	const struct vm_doc *vm = vm_get(g->config.docs, &id);

	(void)s;
	(void)fd;
	(void)revents;
	engine_forget_guest(g, &id);
	if (!vm || vm->state != VM_RUNNING)
		return 0;
	engine_guest_ended(g, vm, VM_END_NORMAL);
	engine_reconcile(g, NULL);
	return 0;
}

int engine_watch_guest(struct engine *g, const struct guid *id)
{
	sd_event_source *source = NULL;
	struct watch *w;
	int fd, r;

	if (map_get(g->guest_watches, id, sizeof(*id)))
		return 0;
	fd = guest_pidfd(g->guests, id);
	if (fd < 0)
		return fd;
	/* A duplicate: the engine of guests closes its own when it finds the guest ended. */
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	w = xcalloc(1, sizeof(*w));
	w->g = g;
	w->id = *id;
	r = sd_event_add_io(g->config.event, &source, fd, EPOLLIN, on_guest_exit, w);
	if (r < 0) {
		free(w);
		close(fd);
		return r;
	}
	sd_event_source_set_io_fd_own(source, true);
	sd_event_source_set_destroy_callback(source, free);
	map_put(g->guest_watches, id, sizeof(*id), source);
	return 0;
}

/* ---- life ---- */

static int open_kernel(struct engine *g, struct err **e)
{
	struct bpf_driver_options options = { .max_records = g->config.max_records };
	int r = nl_open(&g->nl);

	if (r == 0)
		r = nl_monitor_open(NL_MONITOR_LINK | NL_MONITOR_NEIGH, &g->monitor);
	if (r < 0)
		return err_set_errno(e, "Engine.NetlinkFailed", -r, NULL, "Cannot open a netlink socket: %s.", strerror(-r));
	r = bpffs_open(g->config.run_dir, &g->bpffs);
	if (r < 0)
		return err_set_errno(e, "Engine.BpffsFailed", -r, g->config.run_dir, "Cannot mount a bpf file system at %s/bpf: %s.",
				     g->config.run_dir, strerror(-r));
	r = bpf_driver_open(g->bpffs, &options, &g->bpf);
	if (r < 0)
		return err_set_errno(e, "Engine.BpfFailed", -r, NULL, "Cannot load the dataplane into the kernel: %s.", strerror(-r));
	r = guest_namespace_open(g->config.run_dir, g->config.instance, NULL, &g->guests);
	if (r < 0)
		return err_set_errno(e, "Engine.GuestsFailed", -r, g->config.run_dir, "Cannot open the guests of %s: %s.",
				     g->config.run_dir, strerror(-r));
	return 0;
}

static int open_events(struct engine *g, struct err **e)
{
	int r = sd_event_add_io(g->config.event, &g->monitor_source, nl_monitor_fd(g->monitor), EPOLLIN, on_monitor, g);

	if (r == 0)
		r = sd_event_add_time_relative(g->config.event, &g->pass_timer, CLOCK_MONOTONIC, 0, 10000, on_pass_timer, g);
	if (r >= 0)
		r = sd_event_source_set_enabled(g->pass_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = engine_learning_open(g);
	if (r >= 0)
		r = engine_metering_open(g);
	if (r < 0)
		return err_set_errno(e, "Engine.EventsFailed", -r, NULL, "Cannot watch the kernel: %s.", strerror(-r));
	return 0;
}

int engine_new(const struct engine_config *config, struct engine **ret, struct err **e)
{
	_cleanup_(engine_freep) struct engine *g = xcalloc(1, sizeof(*g));
	int r;

	g->config = *config;
	g->bpffs = -1;
	g->guest_watches = map_new();
	g->no_xdp = map_new();
	g->copying = map_new();
	g->copy_failed = map_new();
	g->captures = map_new();
	g->exporting = map_new();
	g->settle_us = SETTLE_MIN_US;
	g->records = records_new(&dataplane_records_ops);
	docs_watch(config->docs, records_note, g->records);
	engine_host_init(g);
	unfinished_clean(g);
	r = open_kernel(g, e);
	if (r == 0)
		r = open_events(g, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(g);
	return 0;
}

/* Connecting, or cutting the power of a machine. */
#define DESTROY_TIMEOUT_MS 30000

int engine_destroy(struct engine *g, struct err **e)
{
	int r;

	g->destroying = true;
	engine_lives_end(g);
	r = engine_reconcile(g, e);
	engine_machines_drain(g, DESTROY_TIMEOUT_MS);
	bpf_driver_destroy(TAKE_PTR(g->bpf));
	close(TAKE_FD(g->bpffs));
	if (bpffs_remove(g->config.run_dir) < 0)
		log_warning("cannot unmount %s/bpf", g->config.run_dir);
	return r;
}

void engine_free(struct engine *g)
{
	void *source;

	if (!g)
		return;
	if (g->metering && !g->destroying)
		engine_metering_sample(g);
	sd_event_source_disable_unref(g->metering);
	engine_jobs_free(g);
	engine_waits_end(g);
	engine_images_free(g);
	engine_learning_free(g);
	engine_lives_end(g);
	engine_shutdowns_free(g);
	engine_waiters_free(g, NULL);
	sd_event_source_unref(g->machines_source);
	sd_event_source_unref(g->tick);
	g->progress = sd_event_source_disable_unref(g->progress);
	machines_close(g->machines);
	for (size_t pos = 0; map_next(g->guest_watches, &pos, NULL, NULL, &source);)
		sd_event_source_unref(source);
	map_free(g->guest_watches);
	map_free(g->no_xdp);
	free(g->machines_dir);
	map_free(g->copying);
	engine_captures_free(g);
	map_free(g->copy_failed);
	docs_unwatch(g->config.docs, records_note, g->records);
	records_free(g->records);
	free(g->degraded);
	sd_event_source_unref(g->monitor_source);
	sd_event_source_unref(g->pass_timer);
	vec_done(&g->measured);
	if (g->guests)
		guest_engine_close(g->guests);
	bpf_driver_close(g->bpf);
	if (g->bpffs >= 0)
		close(g->bpffs);
	if (g->monitor)
		nl_monitor_close(g->monitor);
	if (g->nl)
		nl_close(g->nl);
	free(g);
}
