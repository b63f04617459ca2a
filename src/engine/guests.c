/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "internal.h"
#include "log.h"

#define STOP_TIMEOUT_MS 5000

static const struct guest *running(const struct pass *p, const struct guid *id)
{
	vec_foreach(&p->guests, guest)
		if (guid_equal(&guest->id, id))
			return guest;
	return NULL;
}

static bool wanted(const struct pass *p, const struct vm_doc *vm)
{
	return !p->g->destroying && vm && vm->state == VM_RUNNING && vm->engine == VM_ENGINE_NAMESPACE;
}

/* A restart wants the next boot of the same machine. */
static bool goes_on(const struct pass *p, const struct guest *guest)
{
	const struct vm_doc *vm = vm_get(p->g->config.docs, &guest->id);

	return wanted(p, vm) && vm->boot == guest->boot;
}

static void stop_unwanted(struct pass *p)
{
	/* All are asked before any is waited for: the kernel takes its time to take a namespace down. */
	vec_foreach(&p->guests, guest) {
		if (goes_on(p, guest))
			continue;
		engine_forget_guest(p->g, &guest->id);
		guest_stop(p->g->guests, &guest->id, false, 0);
	}
	vec_foreach(&p->guests, guest) {
		int r;

		if (goes_on(p, guest))
			continue;
		r = guest_stop(p->g->guests, &guest->id, false, STOP_TIMEOUT_MS);
		if (r == -EINPROGRESS)
			r = guest_stop(p->g->guests, &guest->id, true, STOP_TIMEOUT_MS);
		if (r < 0 && r != -ENOENT)
			pass_failed(p, r, NULL, "cannot stop the guest %s", guest->name);
		pass_wrote(p, "guest %s stopped", guest->name);
	}
}

static void start_wanted(struct pass *p)
{
	_cleanup_free_ const void **all = NULL;
	size_t n = docs_list(p->g->config.docs, &vm_kind, &all);

	for (size_t i = 0; i < n; i++) {
		const struct vm_doc *vm = all[i];
		struct guest_spec spec = { .id = vm->id, .name = vm->name, .boot = vm->boot };
		struct guest started;
		int r;

		if (!wanted(p, vm) || running(p, &vm->id))
			continue;
		r = guest_start(p->g->guests, &spec, &started);
		if (r < 0) {
			pass_failed(p, r, NULL, "cannot start the guest %s", vm->name);
			continue;
		}
		vec_push(&p->started, vm->id);
		pass_wrote(p, "guest %s started", vm->name);
	}
}

void step_guests(struct pass *p)
{
	int r = guest_observe(p->g->guests, &p->guests);

	if (r < 0) {
		pass_failed(p, r, NULL, "cannot list the running guests");
		return;
	}
	stop_unwanted(p);
	p->guests.n = 0;
	if (guest_observe(p->g->guests, &p->guests) < 0)
		return;
	start_wanted(p);
	p->guests.n = 0;
	if (guest_observe(p->g->guests, &p->guests) < 0)
		return;
	vec_foreach(&p->guests, guest)
		engine_watch_guest(p->g, &guest->id);
}

static void note(struct engine *g, const struct vm_doc *vm, enum vm_state state, enum vm_end how, const char *failure)
{
	_cleanup_err_ struct err *e = NULL;
	struct vm_doc *changed;

	docs_begin(g->config.docs);
	changed = doc_copy(&vm_kind, vm);
	vm_set_state(changed, state, failure);
	changed->ended = how;
	docs_put(g->config.docs, &vm_kind, changed);
	if (docs_commit(g->config.docs, NULL, &e) < 0)
		log_error("cannot note the state of a guest: %s", e->message);
}

void engine_note_state(struct engine *g, const struct vm_doc *vm, enum vm_state state, const char *failure)
{
	note(g, vm, state, VM_END_NORMAL, failure);
}

void engine_guest_ended(struct engine *g, const struct vm_doc *vm, enum vm_end how)
{
	if (how == VM_END_NORMAL)
		log_info("the guest %s has ended by itself", vm->name);
	else
		log_warning("the guest %s has crashed (%s)", vm->name, vm_ends[how]);
	note(g, vm, VM_OFF, how, NULL);
}
