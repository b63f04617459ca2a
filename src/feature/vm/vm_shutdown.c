/* SPDX-License-Identifier: Apache-2.0 */
#include "vm_shutdown.h"

/* Longer than a sound guest takes; Windows gives five minutes where unsaved work is to be saved. */
#define SHUTDOWN_TIMEOUT_MS 60000

struct stops {
	struct call *call;
	size_t left; /* guests that shut down, and one while they are being asked */
	size_t asked;
	VEC(struct stop *) stops; /* those that have not ended */
};

struct stop {
	struct stops *all;
	char *vm_name;
};

/* The one that was asked first is told of. */
static void stops_tell(struct stops *all)
{
	if (all->stops.n)
		call_progress_of(all->call, &(struct progress){ .activity = "Shutting down", .target = all->stops.items[0]->vm_name,
								.number = all->asked - all->stops.n + 1, .of = all->asked,
								.percent = PROGRESS_UNKNOWN });
}

static void stops_step(struct stops *all)
{
	struct call *c = all->call;

	if (--all->left) {
		stops_tell(all);
		return;
	}
	vec_done(&all->stops);
	free(all);
	call_complete(c, NULL);
}

static void stop_forget(const struct stop *stop)
{
	struct stops *all = stop->all;
	size_t kept = 0;

	vec_foreach(&all->stops, s)
		if (*s != stop)
			all->stops.items[kept++] = *s;
	all->stops.n = kept;
}

static void stop_done(void *arg, struct err *e)
{
	struct stop *stop = arg;

	stop_forget(stop);
	if (e) {
		free(e->target);
		e->target = xstrdup(stop->vm_name);
		call_error(stop->all->call, &e);
	}
	stops_step(stop->all);
	free(stop->vm_name);
	free(stop);
}

static bool runs_for_real(struct call *c, const struct vm_doc *vm)
{
	struct host *host = call_host(c);
	struct host_guest guest = { 0 };

	return vm->engine == VM_ENGINE_QEMU && vm_is_on(vm) && host->guest(host, &vm->id, &guest) == 0 && guest.running;
}

static int stop_begin(struct stops *all, const struct vm_doc *vm, struct err **e)
{
	struct host *host = call_host(all->call);
	struct stop *stop;
	int r;

	if (!call_should(all->call, vm->name, "%s", call_name(all->call)))
		return 0;
	stop = xcalloc(1, sizeof(*stop));
	stop->all = all;
	stop->vm_name = xstrdup(vm->name);
	r = host->shutdown(host, &vm->id, SHUTDOWN_TIMEOUT_MS, stop_done, stop, e);
	if (r < 0) {
		free(stop->vm_name);
		free(stop);
		return r;
	}
	all->left++;
	all->asked++;
	vec_push(&all->stops, stop);
	return 0;
}

int vm_stop_orderly(struct call *c, int (*stop_one)(struct call *c, const struct vm_doc *vm, struct err **e))
{
	struct stops *all = xcalloc(1, sizeof(*all));
	vm_vec vms = { 0 };

	all->call = c;
	all->left = 1;
	vm_select(c, "Name", "VM", &vms);
	vec_foreach(&vms, vm) {
		struct err *e = NULL;
		int r = runs_for_real(c, *vm) ? stop_begin(all, *vm, &e) : stop_one(c, *vm, &e);

		if (r < 0)
			call_error(c, &e);
	}
	vec_done(&vms);
	if (all->left == 1) {
		free(all);
		return 0;
	}
	all->left--;
	stops_tell(all);
	return CALL_PENDING;
}
