/* SPDX-License-Identifier: Apache-2.0 */
#include "vm_wait.h"

#include "feature.h"
#include "vm_rules.h"

const char *const vm_wait_kinds[] = { "Heartbeat", "IPAddress", "MemoryOperations", "Reboot", NULL };
const char *const vm_wait_restart_kinds[] = { "Heartbeat", "IPAddress", NULL };

struct wait {
	struct vm_waits *all;
	char *vm_name;
	bool waiting;
};

struct vm_waits {
	struct call *call;
	size_t left; /* those that are waited for, and one while they are being added or ended */
	VEC(struct wait *) waits;
};

struct vm_waits *vm_waits_new(struct call *c)
{
	struct vm_waits *w = xcalloc(1, sizeof(*w));

	w->call = c;
	w->left = 1;
	return w;
}

/* The first that is not up yet is told of. */
static void waits_tell(struct vm_waits *w)
{
	const struct wait *first = NULL;
	size_t n = 0;

	vec_foreach (&w->waits, wait) {
		if (!(*wait)->waiting)
			continue;
		first = first ? first : *wait;
		n++;
	}
	if (first)
		call_progress_of(w->call, &(struct progress){ .activity = "Waiting for", .target = first->vm_name,
							      .number = w->waits.n - n + 1, .of = w->waits.n,
							      .percent = PROGRESS_UNKNOWN });
}

static bool waits_step(struct vm_waits *w)
{
	if (--w->left)
		return false;
	vec_foreach (&w->waits, wait) {
		free((*wait)->vm_name);
		free(*wait);
	}
	vec_done(&w->waits);
	free(w);
	return true;
}

static void wait_done(void *arg, struct err *e)
{
	struct wait *wait = arg;
	struct call *c = wait->all->call;

	wait->waiting = false;
	if (e) {
		free(e->target);
		e->target = xstrdup(wait->vm_name);
		call_error(c, &e);
	}
	waits_tell(wait->all);
	if (waits_step(wait->all))
		call_complete(c, NULL);
}

void vm_waits_add(struct vm_waits *w, const struct vm_doc *vm)
{
	struct host *host = call_host(w->call);
	struct host_wait what = { .address = call_enum(w->call, "For", VM_WAIT_HEARTBEAT) == VM_WAIT_ADDRESS,
				  .delay_ms = call_uint(w->call, "Delay", 1) * 1000,
				  .timeout_ms = call_uint(w->call, "Timeout", 0) * 1000 };
	struct wait *wait = xcalloc(1, sizeof(*wait));
	struct err *e = NULL;

	*wait = (struct wait){ .all = w, .vm_name = xstrdup(vm->name) };
	vec_push(&w->waits, wait);
	if (host->wait(host, &vm->id, &what, wait_done, wait, &e) < 0) {
		call_error(w->call, &e);
		return;
	}
	wait->waiting = true;
	w->left++;
}

/* Nobody waits for the answer any more. */
static void waits_cancel(void *arg)
{
	struct vm_waits *w = arg;
	struct call *c = w->call;
	struct host *host = call_host(c);

	w->left++;
	for (size_t i = 0; i < w->waits.n; i++)
		if (w->waits.items[i]->waiting)
			host->wait_end(host, w->waits.items[i]);
	if (waits_step(w))
		call_complete(c, NULL);
}

int vm_waits_begin(struct vm_waits *w)
{
	struct call *c = w->call;

	if (waits_step(w))
		return 0;
	waits_tell(w);
	call_on_cancel(c, waits_cancel, w);
	return CALL_PENDING;
}

int vm_wait_check(struct call *c, struct err **e)
{
	uint32_t kind = call_enum(c, "For", VM_WAIT_HEARTBEAT);

	if (kind != VM_WAIT_MEMORY && kind != VM_WAIT_REBOOT)
		return 0;
	return err_advise(e,
			  err_set(e, "Vm.WaitUnavailable", ERR_NOT_IMPLEMENTED, vm_wait_kinds[kind],
				  "It cannot be waited for %s: neither libvirt nor a guest agent tells.",
				  vm_wait_kinds[kind]),
			  "Wait for Heartbeat or IPAddress.");
}

int vm_wait(struct call *c, struct err **e)
{
	struct vm_waits *w;
	vm_vec vms = { 0 };
	int r = vm_wait_check(c, e);

	if (r < 0)
		return r;
	w = vm_waits_new(c);
	vm_select(c, "Name", "VM", &vms);
	vec_foreach (&vms, vm) {
		struct err *off = NULL;

		if (!vm_is_on(*vm)) {
			refuse_state((*vm)->name, "Start the virtual machine first (Start-VM).", &off);
			call_error(c, &off);
			continue;
		}
		if (call_bool(c, "PassThru", false))
			call_emit(c, vm_to_object, &vm_kind, *vm);
		vm_waits_add(w, *vm);
	}
	vec_done(&vms);
	return vm_waits_begin(w);
}
