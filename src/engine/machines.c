/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "internal.h"
#include "log.h"

/*
 * Virtual machines by libvirt. A pass says what is wanted and does not wait: steps that take seconds are carried out by the
 * driver's threads, and the pass that follows the last of them tells what has failed.
 */

/* A machine that ended by itself is off: the wish to run it has ended with it. */
static bool note_ended(struct engine *g)
{
	static const enum vm_end ends[] = {
		[MACHINE_POWERED_OFF] = VM_END_NORMAL, [MACHINE_CRASHED] = VM_END_CRASHED, [MACHINE_PANICKED] = VM_END_PANICKED,
	};
	struct machine m;
	bool any = false;

	for (size_t pos = 0; machines_next(g->machines, &pos, &m);) {
		const struct vm_doc *vm = m.ended ? vm_get(g->config.docs, &m.id) : NULL;

		if (!vm || !vm_is_on(vm))
			continue;
		engine_guest_ended(g, vm, ends[m.end]);
		any = true;
	}
	return any;
}

/* ---- who waits ---- */

struct waiter {
	engine_settled_fn done;
	void *arg;
	uint64_t wants;	   /* machines_wants() of its pass: what that pass changed is its own affair */
	struct err *error; /* the first failure of that; NULL: none so far */
	struct waiter *next;
};

bool engine_settle(struct engine *g, engine_settled_fn done, host_progress_fn progress, void *arg)
{
	struct waiter *w;

	if (!g->machines || !machines_busy(g->machines))
		return false;
	w = xcalloc(1, sizeof(*w));
	w->done = done;
	w->arg = arg;
	w->wants = machines_wants(g->machines);
	w->next = g->waiters;
	g->waiters = w;
	engine_progress_watch(g, NULL, progress, arg);
	return true;
}

size_t engine_machines_busy(const struct engine *g)
{
	return g->machines ? machines_busy(g->machines) : 0;
}

void engine_waiters_free(struct engine *g, const struct err *e)
{
	struct waiter *all = TAKE_PTR(g->waiters);

	while (all) {
		struct waiter *w = all;

		all = w->next;
		engine_progress_unwatch(g, w->arg);
		w->done(w->arg, w->error ? w->error : e);
		err_free(w->error);
		free(w);
	}
}

void engine_tell_waiters(struct engine *g, uint64_t wants, const struct err *e)
{
	for (struct waiter *w = g->waiters; w; w = w->next)
		if (!w->error && (wants == EVERYBODY || w->wants == wants))
			w->error = err_copy(e);
}

/* Paused by QEMU, before anything is lost: that is its state until somebody has made room and resumes it. */
static bool note_stalled(struct engine *g)
{
	struct machine m;
	bool any = false;

	for (size_t pos = 0; machines_next(g->machines, &pos, &m);) {
		const struct vm_doc *vm = m.stall ? vm_get(g->config.docs, &m.id) : NULL;
		const char *why = m.stall == MACHINE_DISK_FULL
					  ? "Paused: the host has no room for what it writes to a virtual hard disk. Make room, then Resume-VM."
					  : "Paused: one of its virtual hard disks cannot be read or written. Resume-VM tries again.";

		if (!vm || vm->state != VM_RUNNING)
			continue;
		log_error("the virtual machine %s is paused: %s", vm->name, why);
		engine_note_state(g, vm, VM_PAUSED, why);
		any = true;
	}
	return any;
}

/*
 * Each failure is told once, when it comes: cmdlets that come later have not asked for it. Passes show that it lasts. Returns whether
 * a document was changed, as the next two.
 */
static bool note_failures(struct engine *g)
{
	struct machine m;
	bool any = false;

	if (machines_error_is_new(g->machines))
		engine_libvirt_failed(g, machines_error(g->machines));
	for (size_t pos = 0; machines_next(g->machines, &pos, &m);) {
		const struct vm_doc *vm = vm_get(g->config.docs, &m.id);
		_cleanup_free_ char *who = NULL;

		if (!m.error_is_new)
			continue;
		/* What a cmdlet could not start for a known reason. After a death of the daemon or libvirt's, what is in the way may go by itself. */
		if (m.not_started && m.asked && vm && vm_is_on(vm) && m.failure != MACHINE_FAILED) {
			engine_start_failed(g, &m, vm);
			any = true;
			continue;
		}
		if (m.not_saved != MACHINE_OFF && vm && vm->state == VM_SAVED && m.failure != MACHINE_FAILED) {
			engine_save_failed(g, &m, vm);
			any = true;
			continue;
		}
		who = xasprintf("the virtual machine %s", vm ? vm->name : "that was removed");
		engine_machine_failed(g, &m, who);
	}
	machines_told(g->machines);
	return any;
}

static int on_machines(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	_cleanup_err_ struct err *e = NULL;
	struct engine *g = arg;
	bool noted;

	(void)s;
	(void)fd;
	(void)revents;
	/* Who looks while somebody waits keeps them waiting a little longer. */
	if (!machines_dispatch(g->machines) && !(g->waiters && !machines_busy(g->machines)))
		return 0;
	noted = note_failures(g);
	noted |= note_stalled(g);
	noted |= note_ended(g);
	/* Before anybody hears of it: who then wants it to run again must not be taken for who wanted it before. */
	if (noted)
		engine_reconcile(g, NULL);
	engine_shutdowns_check(g);
	if (machines_busy(g->machines))
		return 0;
	engine_reconcile(g, &e);
	if (machines_busy(g->machines))
		return 0;
	engine_waiters_free(g, e);
	return 0;
}

/* ---- what the host can do ---- */

/* The path behind "socket=" in a URI; NULL: there is none. */
static char *uri_socket(const char *uri)
{
	const char *p = strstr(uri, "?socket=");

	if (!p)
		p = strstr(uri, "&socket=");
	return p ? xstrndup(p + 8, strcspn(p + 8, "&")) : NULL;
}

static bool socket_is_there(const char *uri)
{
	_cleanup_free_ char *socket = uri ? uri_socket(uri) : NULL;

	if (socket)
		return access(socket, F_OK) == 0;
	/* Whatever another URI names is asked when it is needed. */
	if (uri && !streq(uri, "qemu:///system"))
		return true;
	return access("/run/libvirt/libvirt-sock", F_OK) == 0 || access("/run/libvirt/virtqemud-sock", F_OK) == 0;
}

void engine_machines_describe(struct engine *g, struct host_machines *ret)
{
	struct machine_host host = machine_host_probe();

	*ret = (struct host_machines){ .kvm = host.accel == MACHINE_KVM, .intel = host.intel, .nested = host.nested,
				       .vhost_net = host.vhost_net };
	if (!socket_is_there(g->config.libvirt))
		ret->missing = "there is no socket of libvirt's daemon";
	if (!host.nested)
		ret->no_nesting = "the parameter nested of the module kvm_intel or kvm_amd is off";
}

/* ---- orderly shutdown ---- */

struct shutdown {
	struct engine *g;
	struct guid id;
	host_shutdown_fn done;
	void *arg;
	sd_event_source *timer;
	struct shutdown *next;
};

static void shutdown_end(struct shutdown *s, struct err *e)
{
	for (struct shutdown **p = &s->g->shutdowns; *p; p = &(*p)->next) {
		if (*p == s) {
			*p = s->next;
			break;
		}
	}
	s->done(s->arg, e);
	sd_event_source_unref(s->timer);
	free(s);
}

void engine_shutdowns_free(struct engine *g)
{
	while (g->shutdowns) {
		struct err *e = NULL;

		err_set(&e, "Vm.ShutdownUnknown", ERR_RESOURCE_UNAVAILABLE, NULL,
			"The daemon ended while the virtual machine was shutting down.");
		shutdown_end(g->shutdowns, e);
	}
}

void engine_shutdowns_check(struct engine *g)
{
	for (struct shutdown *s = g->shutdowns, *next; s; s = next) {
		struct err *e = NULL;
		struct machine m;

		next = s->next;
		if (!machines_get(g->machines, &s->id, &m) || m.state == MACHINE_OFF || m.state == MACHINE_ABSENT) {
			shutdown_end(s, NULL);
		} else if (m.refused) {
			err_set(&e, "Vm.ShutdownRefused", ERR_INVALID_OPERATION, NULL, "The virtual machine cannot be shut down: %s.",
				m.refused);
			shutdown_end(s, e);
		}
	}
}

static int on_shutdown_timeout(sd_event_source *source, uint64_t usec, void *arg)
{
	struct shutdown *s = arg;
	struct err *e = NULL;
	int r = err_set(&e, "Vm.ShutdownTimeout", ERR_INVALID_OPERATION, NULL, "The guest did not shut down in time; it still runs.");

	(void)source;
	(void)usec;
	err_advise(&e, r, "Stop-VM -TurnOff cuts the power; what the guest has not written is lost then.");
	shutdown_end(s, e);
	return 0;
}

int engine_shutdown(struct engine *g, const struct guid *id, uint32_t timeout_ms, host_shutdown_fn done, void *arg, struct err **e)
{
	struct shutdown *s = xcalloc(1, sizeof(*s));
	int r = g->machines ? machines_shutdown(g->machines, id) : -ENOENT;

	if (r == 0)
		r = sd_event_add_time_relative(g->config.event, &s->timer, CLOCK_MONOTONIC, timeout_ms * 1000ull, 0, on_shutdown_timeout,
					       s);
	if (r < 0) {
		free(s);
		return err_set_errno(e, "Vm.ShutdownRefused", -r, NULL, "The virtual machine cannot be shut down: %s.",
				     r == -ENOTCONN ? machines_error(g->machines) : strerror(-r));
	}
	s->g = g;
	s->id = *id;
	s->done = done;
	s->arg = arg;
	s->next = g->shutdowns;
	g->shutdowns = s;
	return 0;
}

/* ---- what changes by itself ---- */

#define TICK_US 1000000

static int on_tick(sd_event_source *s, uint64_t usec, void *arg)
{
	struct engine *g = arg;

	(void)usec;
	if (!machines_tick(g->machines))
		return 0;
	g->status.machine_looks++;
	sd_event_source_set_time_relative(s, TICK_US);
	sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
	return 0;
}

/* Hypervisors in guests come and go, and so does demand for memory; nobody reports either. */
static void tick_soon(struct engine *g)
{
	int enabled = SD_EVENT_OFF;

	sd_event_source_get_enabled(g->tick, &enabled);
	if (enabled != SD_EVENT_OFF || !machines_tick(g->machines))
		return;
	sd_event_source_set_time_relative(g->tick, TICK_US);
	sd_event_source_set_enabled(g->tick, SD_EVENT_ONESHOT);
}

/* ---- the step ---- */

char *engine_machines_log_dir(const struct engine *g)
{
	return xasprintf("%s/machines", g->config.state_dir);
}

static int machines_start(struct engine *g)
{
	_cleanup_free_ char *dir = engine_machines_log_dir(g);
	struct machines_config config = { .uri = g->config.libvirt, .instance = g->config.instance, .log_dir = dir };
	int r = g->machines ? 0 : mkdir_p(dir, 0711);

	if (g->machines || r < 0)
		return r;
	r = machines_open(&config, &g->machines);
	if (r == 0)
		r = sd_event_add_io(g->config.event, &g->machines_source, machines_fd(g->machines), EPOLLIN, on_machines, g);
	if (r >= 0)
		r = sd_event_add_time_relative(g->config.event, &g->tick, CLOCK_MONOTONIC, TICK_US, 100000, on_tick, g);
	return r < 0 ? r : sd_event_source_set_enabled(g->tick, SD_EVENT_OFF);
}

int engine_machines(struct engine *g, struct err **e)
{
	int r = g->destroying ? -ESHUTDOWN : machines_start(g);

	return r < 0 ? err_set_errno(e, "Engine.MachinesFailed", -r, NULL, "Cannot start the driver of virtual machines: %s.", strerror(-r))
		     : 0;
}

/*
 * Threads and a connection only where there are machines, or have been: the directory of their logs says so. A machine whose
 * document went while the daemon did is found and ended then.
 */
static int machines_needed(struct pass *p)
{
	_cleanup_free_ char *dir = engine_machines_log_dir(p->g);
	_cleanup_free_ const void **all = NULL;
	size_t n = docs_list(p->g->config.docs, &vm_kind, &all);
	bool any = access(dir, F_OK) == 0;
	int r;

	if (p->g->machines)
		return 1;
	for (size_t i = 0; i < n; i++)
		any |= ((const struct vm_doc *)all[i])->engine == VM_ENGINE_QEMU;
	if (!any)
		return 0;
	r = machines_start(p->g);
	if (r < 0)
		pass_failed(p, r, NULL, "cannot start the driver of virtual machines");
	return r < 0 ? r : 1;
}

static void tell_failures(struct pass *p)
{
	const char *why = machines_error(p->g->machines);
	struct machine m;

	if (why)
		pass_degraded(p, "there is no connection to libvirt: %s", why);
	for (size_t pos = 0; machines_next(p->g->machines, &pos, &m);) {
		const struct vm_doc *vm = vm_get(p->g->config.docs, &m.id);

		if (m.error)
			pass_degraded(p, "the virtual machine %s is not in the state that is wanted: %s",
				      vm ? vm->name : "that was removed", m.error);
	}
}

/* The machines are to be ended before this process is: its threads do it, and nobody else waits for them here. */
void engine_machines_drain(struct engine *g, int timeout_ms)
{
	struct pollfd fd = { .fd = g->machines ? machines_fd(g->machines) : -1, .events = POLLIN };

	while (g->machines && machines_busy(g->machines) && poll(&fd, 1, timeout_ms) > 0)
		machines_dispatch(g->machines);
}

void step_machines(struct pass *p)
{
	_cleanup_free_ const void **all = NULL;
	VEC(struct machine_want) wants = { 0 };
	size_t n;

	if (machines_needed(p) <= 0)
		return;
	n = docs_list(p->g->config.docs, &vm_kind, &all);
	for (size_t i = 0; i < n && !p->g->destroying; i++)
		if (((const struct vm_doc *)all[i])->engine == VM_ENGINE_QEMU)
			vec_push(&wants, engine_machine_want(p, all[i]));
	tell_failures(p);
	if (!p->g->destroying)
		copies_begin(p);
	machines_want(p->g->machines, wants.items, wants.n, p->g->retry);
	if (machines_error(p->g->machines) && !machines_busy(p->g->machines))
		engine_schedule(p->g, RECONNECT_US);
	tick_soon(p->g);
	for (; p->g->machine_steps < machines_steps(p->g->machines); p->g->machine_steps++)
		pass_wrote(p, "a step of a virtual machine began");
	vec_foreach(&wants, w)
		engine_machine_spec_done(&w->spec);
	vec_done(&wants);
}
