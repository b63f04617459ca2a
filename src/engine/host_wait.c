/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "internal.h"

/* Waiting until a guest is up, by looking at what is known of it now and then. */

struct wait {
	struct engine *g;
	struct guid vm;
	struct host_wait what;
	sd_event_source *look;
	sd_event_source *deadline;
	host_wait_fn done;
	void *arg;
	struct wait *next;
};

static struct engine *engine_of(struct host *h)
{
	return (struct engine *)((char *)h - offsetof(struct engine, host));
}

static void wait_free(struct wait *w)
{
	for (struct wait **p = &w->g->waits; *p; p = &(*p)->next) {
		if (*p == w) {
			*p = w->next;
			break;
		}
	}
	sd_event_source_disable_unref(w->look);
	sd_event_source_disable_unref(w->deadline);
	free(w);
}

/* Takes e. */
static void wait_end(struct wait *w, struct err *e)
{
	w->done(w->arg, e);
	wait_free(w);
}

/* Is it the start that is wanted, and not the one before? */
static bool is_started(struct engine *g, const struct vm_doc *vm)
{
	struct guest guest;
	struct machine m;

	if (vm->engine == VM_ENGINE_NAMESPACE)
		return guest_get(g->guests, &vm->id, &guest) == 0 && guest.boot == vm->boot;
	return g->machines && machines_get(g->machines, &vm->id, &m) && m.state == MACHINE_RUNNING &&
	       m.boot == vm->boot;
}

static bool has_address(struct engine *g, const struct vm_doc *vm)
{
	adapter_vec adapters = { 0 };
	ip_vec addresses = { 0 };
	bool any;

	adapter_of_vm(g->config.docs, &vm->id, &adapters);
	vec_foreach (&adapters, a)
		g->host.guest_addresses(&g->host, &vm->id, &(*a)->id, &addresses);
	any = addresses.n;
	vec_done(&adapters);
	vec_done(&addresses);
	return any;
}

static bool is_up(struct engine *g, const struct vm_doc *vm, bool address)
{
	struct host_guest guest = { 0 };

	if (!is_started(g, vm))
		return false;
	if (address)
		return has_address(g, vm);
	return g->host.guest(&g->host, &vm->id, &guest) == 0 && guest.heartbeat == HOST_HEARTBEAT_OK;
}

static int on_look(sd_event_source *s, uint64_t usec, void *arg)
{
	struct wait *w = arg;
	const struct vm_doc *vm = vm_get(w->g->config.docs, &w->vm);
	struct err *e = NULL;

	(void)usec;
	if (!vm || !vm_is_on(vm)) {
		err_set(&e, "Vm.WaitEnded", ERR_INVALID_OPERATION, NULL,
			"The virtual machine has ended before it was up.");
		wait_end(w, e);
	} else if (is_up(w->g, vm, w->what.address)) {
		wait_end(w, NULL);
	} else {
		sd_event_source_set_time_relative(s, w->what.delay_ms * 1000);
		sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
	}
	return 0;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *arg)
{
	struct wait *w = arg;
	struct err *e = NULL;

	(void)s;
	(void)usec;
	err_set(&e, "Vm.WaitTimeout", ERR_LIMITS_EXCEEDED, NULL,
		"The virtual machine is not up after %llu seconds: there is no %s.",
		(unsigned long long)(w->what.timeout_ms / 1000), w->what.address ? "address" : "heartbeat");
	err_advise(&e, 0,
		   "Look at its console (Get-VMConsole); %s of a real machine comes by its guest agent "
		   "(qemu-guest-agent).",
		   w->what.address ? "an address" : "the heartbeat");
	wait_end(w, e);
	return 0;
}

/* The first look is soon, and after the change at hand. */
#define FIRST_US 20000

static int host_wait(struct host *h, const struct guid *vm, const struct host_wait *what, host_wait_fn done, void *arg,
		     struct err **e)
{
	struct engine *g = engine_of(h);
	struct wait *w = xcalloc(1, sizeof(*w));
	int r;

	*w = (struct wait){ .g = g, .vm = *vm, .what = *what, .done = done, .arg = arg, .next = g->waits };
	g->waits = w;
	r = sd_event_add_time_relative(g->config.event, &w->look, CLOCK_MONOTONIC, FIRST_US, 0, on_look, w);
	if (r >= 0 && what->timeout_ms)
		r = sd_event_add_time_relative(g->config.event, &w->deadline, CLOCK_MONOTONIC, what->timeout_ms * 1000,
					       0, on_deadline, w);
	if (r >= 0)
		return 0;
	wait_free(w);
	return err_set_errno(e, "Vm.WaitEnded", -r, NULL, "It cannot be waited for: %s.", strerror(-r));
}

static void end_now(struct wait *w, const char *why)
{
	struct err *e = NULL;

	err_set(&e, "Vm.WaitEnded", ERR_RESOURCE_UNAVAILABLE, NULL, "%s", why);
	wait_end(w, e);
}

static void host_wait_end(struct host *h, void *arg)
{
	for (struct wait *w = engine_of(h)->waits; w; w = w->next) {
		if (w->arg == arg) {
			end_now(w, "Nobody waits for it any more.");
			return;
		}
	}
}

void engine_waits_end(struct engine *g)
{
	while (g->waits)
		end_now(g->waits, "The daemon ended before the virtual machine was up.");
}

void engine_host_wait_init(struct engine *g)
{
	g->host.wait = host_wait;
	g->host.wait_end = host_wait_end;
}
