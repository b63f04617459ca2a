/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "copy.h"
#include "export_set.h"
#include "feature.h"
#include "vm_rules.h"

/*
 * Export-VM, Export-VMSnapshot: a directory PATH/NAME with the configuration as JSON and copies of the disks. A machine that is on is kept by
 * a hidden checkpoint meanwhile and goes on; so is a checkpoint that is exported, as long as its images are read.
 */

static const char *const vm_type[] = { "VirtualMachine", NULL };
static const char *const snapshot_type[] = { "VMSnapshot", NULL };
static const char *const capture_types[] = { "CaptureCrashConsistentState", "CaptureSavedState", "CaptureDataConsistentState", NULL };
enum capture_type { CAPTURE_CRASH, CAPTURE_SAVED, CAPTURE_DATA };

#define DIRECTORY "directory in which each gets one of its name; made where it is not there"

static const struct param export_params[] = {
	{ "Name", P_STRING, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "names of virtual machines, or wildcards", .aliases = "VMName",
	  .sets = IN_SET(0) },
	{ "VM", P_OBJECT, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "virtual machines, as Get-VM returns them", .values = vm_type,
	  .sets = IN_SET(1) },
	{ "Path", P_STRING, POS(1) | REQUIRED, DIRECTORY },
	{ "CaptureLiveState", P_ENUM, 0, "of one that is on: with its memory, without it while its guest holds still, or as if its power had been cut",
	  .values = capture_types, .def = "CaptureSavedState" },
	{ 0 },
};

static const struct param snapshot_params[] = {
	{ "Name", P_STRING, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "names of checkpoints, or wildcards", .sets = IN_SET(0) | IN_SET(2) },
	{ "VMName", P_STRING, ARRAY | REQUIRED, "names of virtual machines, or wildcards", .sets = IN_SET(0) },
	{ "VMSnapshot", P_OBJECT, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "checkpoints, as Get-VMSnapshot returns them", .aliases = "VMCheckpoint",
	  .values = snapshot_type, .sets = IN_SET(1) },
	{ "VM", P_OBJECT, ARRAY | PIPE_VALUE | REQUIRED, "virtual machines, as Get-VM returns them", .values = vm_type, .sets = IN_SET(2) },
	{ "Path", P_STRING, POS(1) | REQUIRED, DIRECTORY },
	{ 0 },
};

/* ---- rules ---- */

static int check_name_is_file(const struct vm_doc *vm, struct err **e)
{
	int r;

	if (!strchr(vm->name, '/') && vm->name[0] != '.')
		return 0;
	r = err_set(e, "Export.NameUnusable", ERR_INVALID_ARGUMENT, vm->name, "\"%s\" cannot be the name of a directory.", vm->name);
	return err_advise(e, r, "Rename the virtual machine first (Rename-VM).");
}

static int check_export(struct call *c, const struct vm_doc *vm, struct err **e)
{
	struct host_guest guest = { 0 };
	int r = vm_check_machine(vm, e);

	call_host(c)->guest(call_host(c), &vm->id, &guest);
	if (r == 0 && vm_is_on(vm) != guest.running)
		r = refuse_state(vm->name, "It is starting or stopping: try again when it is not.", e);
	if (r == 0)
		r = checkpoint_check_made(call_docs(c), vm, e);
	if (r == 0 && !guid_is_zero(&vm->restoring)) {
		r = err_set(e, "Checkpoint.Busy", ERR_RESOURCE_BUSY, vm->name, "A checkpoint of \"%s\" is being restored.", vm->name);
		err_advise(e, r, "Try again when that is done.");
	}
	return r == 0 ? check_name_is_file(vm, e) : r;
}

/* ---- one after the other and all at once ---- */

struct exports {
	struct call *call;
	size_t left; /* that are under way, and one while they are begun */
	size_t over;
	struct one_export *shown; /* whose progress is told */
	VEC(struct one_export *) all;
};

struct one_export {
	struct exports *all;
	struct guid vm;
	struct guid checkpoint; /* to be exported; zero: the machine */
	struct guid hidden;     /* that keeps it; zero: none */
	bool saved;             /* the machine is, and has to stay so */
	bool done;
};

static struct host *host_of(const struct exports *all)
{
	return call_host(all->call);
}

static void emit(const struct one_export *one)
{
	struct call *c = one->all->call;
	const struct checkpoint_doc *s = checkpoint_get(call_docs(c), &one->checkpoint);
	const struct vm_doc *vm = vm_get(call_docs(c), &one->vm);

	if (s)
		call_emit(c, checkpoint_to_object, &checkpoint_kind, s);
	else if (vm && guid_is_zero(&one->checkpoint))
		call_emit(c, vm_to_object, &vm_kind, vm);
}

/* The answer comes when its disks are what they were, too: the engine merges what the hidden checkpoints kept. */
static int finish(struct call *c, void *arg, struct err **e)
{
	struct exports *all = arg;

	(void)e;
	vec_foreach(&all->all, one) {
		const struct checkpoint_doc *hidden = checkpoint_get(call_docs(c), &(*one)->hidden);

		if (hidden)
			checkpoint_delete(call_docs(c), hidden);
		if ((*one)->done && call_bool(c, "PassThru", false))
			emit(*one);
	}
	return 0;
}

static void exports_free(struct exports *all)
{
	vec_foreach(&all->all, one)
		free(*one);
	vec_done(&all->all);
	free(all);
}

/* Of several one after the other is told of, though all are under way. */
static void on_progress(void *arg, const struct progress *given)
{
	struct one_export *one = arg;
	struct exports *all = one->all;
	struct progress p = *given;

	if (!all->shown)
		all->shown = one;
	if (all->shown != one)
		return;
	if (all->all.n > 1) {
		p.number = all->over + 1;
		p.of = all->all.n;
	}
	call_progress_of(all->call, &p);
}

static void on_ended(void *arg, struct err *e)
{
	struct one_export *one = arg;
	struct exports *all = one->all;

	all->over++;
	if (all->shown == one)
		all->shown = NULL;
	if (!guid_is_zero(&one->hidden))
		host_of(all)->release(host_of(all), &one->hidden);
	one->done = !e;
	if (e)
		call_error(all->call, &e);
	if (--all->left)
		return;
	call_resume(all->call, finish, all);
	exports_free(all);
}

static int copy(struct one_export *one, struct err **e)
{
	struct call *c = one->all->call;
	const struct vm_doc *vm = vm_get(call_docs(c), &one->vm);
	bool whole = guid_is_zero(&one->checkpoint);
	const struct checkpoint_doc *source = checkpoint_get(call_docs(c), whole ? &one->hidden : &one->checkpoint);
	struct export_set set;
	int r;

	if (!vm || (!whole && !source))
		return err_set(e, "Export.Failed", ERR_OBJECT_NOT_FOUND, NULL, "What was to be exported was removed meanwhile.");
	if (one->saved && vm->state != VM_SAVED)
		return refuse_state(vm->name, "It was saved when the export began, and is not any more: export it again.", e);
	export_set_make(c, vm, source, whole, &set);
	set.x.progress = on_progress;
	r = call_host(c)->export_machine(call_host(c), &set.x, on_ended, one, e);
	export_set_done(&set);
	return r;
}

static void on_captured(void *arg, struct err *e)
{
	struct one_export *one = arg;

	if (e || copy(one, &e) < 0)
		on_ended(one, e);
}

static struct exports *exports_new(struct call *c)
{
	struct exports *all = xcalloc(1, sizeof(*all));

	all->call = c;
	all->left = 1;
	return all;
}

/* hidden: taken; NULL: what is exported is off, and stays so as long as it is copied. */
static int begin(struct exports *all, const struct vm_doc *vm, const struct guid *checkpoint, struct checkpoint_doc *hidden, struct err **e)
{
	struct one_export *one = xcalloc(1, sizeof(*one));

	one->all = all;
	one->vm = vm->id;
	one->saved = vm->state == VM_SAVED && !checkpoint;
	if (checkpoint)
		one->checkpoint = *checkpoint;
	if (hidden) {
		one->hidden = hidden->id;
		docs_put(call_docs(all->call), &checkpoint_kind, hidden);
		host_of(all)->capture(host_of(all), &one->vm, &one->hidden, on_progress, on_captured, one);
	} else if (copy(one, e) < 0) {
		free(one);
		return -EIO;
	}
	vec_push(&all->all, one);
	all->left++;
	return 0;
}

static int exports_begun(struct exports *all)
{
	if (--all->left)
		return CALL_PENDING;
	exports_free(all);
	return 0;
}

/* ---- Export-VM ---- */

static void strings_free(char **list)
{
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}

static const enum checkpoint_type hidden_types[] = {
	[CAPTURE_CRASH] = CHECKPOINT_CRASH, [CAPTURE_SAVED] = CHECKPOINT_STANDARD, [CAPTURE_DATA] = CHECKPOINT_PRODUCTION,
};

/* NULL: it is off. */
static struct checkpoint_doc *hidden_of_vm(struct call *c, const struct vm_doc *vm)
{
	enum capture_type capture = call_enum(c, "CaptureLiveState", CAPTURE_SAVED);
	bool saved = vm->state == VM_SAVED;
	struct checkpoint_doc *s;

	if (!saved && !vm_is_on(vm))
		return NULL;
	s = checkpoint_new(c, vm, saved ? CHECKPOINT_STANDARD : hidden_types[capture]);
	s->hidden = true;
	s->quiesced_only = s->type == CHECKPOINT_PRODUCTION;
	/* Its state names its disks: those stay as they are. */
	if (saved) {
		strings_free(TAKE_PTR(s->overlays));
	}
	return s;
}

static int export_one(struct exports *all, const struct vm_doc *vm, struct err **e)
{
	struct checkpoint_doc *hidden = NULL;
	int r = check_export(all->call, vm, e);

	if (r == 0)
		hidden = hidden_of_vm(all->call, vm);
	if (hidden)
		r = checkpoint_check_size(hidden, vm, e);
	if (r == 0 && call_should(all->call, vm->name, "%s", call_name(all->call)))
		return begin(all, vm, NULL, hidden, e);
	doc_free(&checkpoint_kind, hidden);
	return r;
}

static int export_vm(struct call *c, struct err **e)
{
	int r = vm_check_path("Path", call_str(c, "Path", ""), e);
	struct exports *all;
	vm_vec vms = { 0 };

	if (r < 0)
		return r;
	all = exports_new(c);
	vm_select(c, "Name", "VM", &vms);
	vec_foreach(&vms, vm) {
		struct err *one = NULL;

		if (export_one(all, *vm, &one) < 0)
			call_error(c, &one);
	}
	vec_done(&vms);
	return exports_begun(all);
}

/* ---- Export-VMSnapshot ---- */

/* What the checkpoint keeps is kept by this, too. */
static struct checkpoint_doc *hidden_of_checkpoint(const struct checkpoint_doc *s)
{
	struct checkpoint_doc *hidden = doc_copy(&checkpoint_kind, s);

	hidden->id = guid_new();
	hidden->hidden = true;
	free(TAKE_PTR(hidden->memory));
	strings_free(TAKE_PTR(hidden->variables));
	strings_free(TAKE_PTR(hidden->overlays));
	return hidden;
}

static int check_snapshot(struct call *c, const struct checkpoint_doc *s, const struct vm_doc *vm, struct err **e)
{
	int r = checkpoint_check_made(call_docs(c), vm, e);

	if (r == 0 && s->state != CHECKPOINT_READY)
		r = err_set(e, "Checkpoint.Busy", ERR_RESOURCE_BUSY, s->name, "The checkpoint \"%s\" is being made.", s->name);
	return r == 0 ? check_name_is_file(vm, e) : r;
}

static int export_snapshot_one(struct exports *all, const struct checkpoint_doc *s, struct err **e)
{
	const struct vm_doc *vm = vm_get(call_docs(all->call), &s->vm);
	struct guid id = s->id;
	int r = vm ? check_snapshot(all->call, s, vm, e) : 0;

	if (!vm || r < 0 || !call_should(all->call, s->name, "%s", call_name(all->call)))
		return r;
	return begin(all, vm, &id, hidden_of_checkpoint(s), e);
}

static int export_snapshot(struct call *c, struct err **e)
{
	int r = vm_check_path("Path", call_str(c, "Path", ""), e);
	checkpoint_vec found = { 0 };
	struct exports *all;

	if (r < 0)
		return r;
	all = exports_new(c);
	checkpoint_select(c, &found);
	vec_foreach(&found, s) {
		struct err *one = NULL;

		if (export_snapshot_one(all, *s, &one) < 0)
			call_error(c, &one);
	}
	vec_done(&found);
	return exports_begun(all);
}

const struct cmdlet export_cmdlets[] = {
	{ "Export-VM", "copy virtual machines to a directory, from which Import-VM takes them in again", export_params, &vm_object, export_vm,
	  CHANGES | PASSTHRU },
	{ "Export-VMSnapshot", "copy checkpoints to a directory, each as a virtual machine of its own", snapshot_params, &checkpoint_object,
	  export_snapshot, CHANGES | PASSTHRU },
	{ 0 },
};
