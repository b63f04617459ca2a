/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "checkpoint.h"
#include "drive_image.h"
#include "internal.h"
#include "log.h"
#include "machine_copy.h"

/*
 * Checkpoints: what the documents say is to be done next for a virtual machine is given to the driver, one thing at a time; when it is
 * done, the documents say so, and the next pass finds the next thing. A daemon that died in the middle begins it again.
 */

struct copying {
	struct engine *g;
	struct guid vm;
	struct guid checkpoint; /* that is being made */
	char *top;              /* that is merged or deleted */
};

static char *strdup_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static void disk_add(struct machine_copy *m, const struct drive_doc *drive, const char *from, enum drive_format format, const char *to)
{
	struct machine_disk disk = { .from = xstrdup(from), .format = xstrdup(drive_format_qemu(format)), .to = xstrdup(to) };
	struct machine_drive place = { .scsi = drive->controller == DRIVE_SCSI, .number = drive->number, .location = drive->location };

	machine_drive_target(&place, disk.target);
	vec_push(&m->disks, disk);
}

static void checkpoint_fill(const struct engine *g, const struct checkpoint_doc *c, struct machine_copy *m)
{
	const struct docs *d = g->config.docs;
	const struct vm_doc *vm = vm_get(d, &c->vm);

	m->kind = MACHINE_CHECKPOINT;
	m->memory = strdup_or_null(c->memory);
	m->quiesce = c->type == CHECKPOINT_PRODUCTION;
	m->quiesce_only = c->quiesced_only;
	m->saved = vm && vm->state == VM_SAVED;
	for (size_t i = 0; c->variables && c->variables[i]; i++)
		vec_push(&m->files, (struct machine_copy_file){ machine_file(g->machines_dir, &c->vm, i ? MACHINE_NVRAM_SECURE : MACHINE_NVRAM),
								xstrdup(c->variables[i]) });
	/* A list that the store gave back may be empty instead of NULL. */
	for (size_t i = 0; c->overlays && c->overlays[i] && c->drives && c->drives[i]; i++) {
		const struct drive_doc *drive = docs_get(d, &drive_kind, c->drives[i]);

		if (drive)
			disk_add(m, drive, c->disks[i], drive->format, c->overlays[i]);
	}
}

static bool is_kept_by(const struct checkpoint_doc *c, const char *path)
{
	for (char *const *p = c->disks; p && *p; p++)
		if (streq(*p, path))
			return true;
	return false;
}

static void restore_fill(struct pass *p, const struct vm_doc *vm, const struct checkpoint_doc *c, struct machine_copy *m)
{
	const struct engine *g = p->g;
	const struct docs *d = g->config.docs;
	drive_vec drives = { 0 };

	m->kind = MACHINE_RESTORE;
	/* Off by now: its saved state has been discarded before it was there. */
	m->memory = vm->state == VM_OFF ? NULL : strdup_or_null(c->memory);
	drive_of_vm(d, &vm->id, &drives);
	vec_foreach(&drives, drive) {
		const struct image_doc *image = image_get(d, (*drive)->path);

		/* Of one that was imported as it was saved, the disks are its own. */
		if ((*drive)->type != DRIVE_HARD_DISK || !(*drive)->path || is_kept_by(c, (*drive)->path))
			continue;
		if (image && image->backing)
			disk_add(m, *drive, image->backing, image->backing_format, image->path);
	}
	vec_done(&drives);
	for (size_t i = 0; c->variables && c->variables[i]; i++)
		vec_push(&m->files, (struct machine_copy_file){ xstrdup(c->variables[i]),
								machine_file(g->machines_dir, &vm->id, i ? MACHINE_NVRAM_SECURE : MACHINE_NVRAM) });
	if (c->foreign && m->memory) {
		struct machine_want w = engine_machine_want(p, vm);

		m->own_xml = machines_xml(g->machines, &w.spec);
		engine_machine_spec_done(&w.spec);
	}
}

static void merge_fill(const struct docs *d, const struct copy_want *w, struct machine_copy *m)
{
	const struct drive_doc *drive = NULL;
	image_vec children = { 0 };

	m->kind = MACHINE_MERGE;
	m->top = xstrdup(w->top->path);
	m->base = xstrdup(w->top->backing);
	m->base_format = xstrdup(drive_format_qemu(w->top->backing_format));
	if (image_in_chain(d, &w->vm, m->top, &drive)) {
		struct machine_drive place = { .scsi = drive->controller == DRIVE_SCSI, .number = drive->number, .location = drive->location };

		machine_drive_target(&place, m->target);
		m->active = streq_ptr(drive->path, m->top);
	}
	image_children(d, m->top, &children);
	vec_foreach(&children, child)
		vec_push(&m->children, xstrdup((*child)->path));
	vec_done(&children);
}

/* ---- when it is done ---- */

static bool is_for_later(int r)
{
	return r == -ENOTCONN || r == -ECANCELED;
}

static void tell(struct engine *g, const struct copying *x, const struct machine_copy *m, const char *error)
{
	const struct vm_doc *vm = vm_get(g->config.docs, &x->vm);
	const char *name = vm ? vm->name : "that was removed";

	if (m->kind == MACHINE_CHECKPOINT)
		engine_settle_failed(g, "Checkpoint.Failed", "Nothing of it is left, and the virtual machine goes on as before.",
				     "No checkpoint of \"%s\" was made: %s.", name, error);
	else if (m->kind == MACHINE_RESTORE)
		engine_settle_failed(g, "Checkpoint.RestoreFailed", "It is tried again by itself. Remove-VMSavedState gives up the memory that was kept.",
				     "\"%s\" is not as its checkpoint has it yet: %s.", name, error);
	else
		engine_settle_failed(g, "Checkpoint.MergeFailed", "Nothing is lost: the disks work as they are, and it is tried again by itself.",
				     "Disks of the virtual machine \"%s\" are not merged yet: %s.", name, error);
}

/* False: nothing of it is to be noted. */
static bool note(struct docs *d, const struct copying *x, const struct machine_copy *m, int r)
{
	const struct checkpoint_doc *c = checkpoint_get(d, &x->checkpoint);
	const struct image_doc *top = image_get(d, x->top);

	if (m->kind == MACHINE_CHECKPOINT && c && r < 0)
		copy_not_checkpointed(d, c);
	else if (m->kind == MACHINE_CHECKPOINT && c)
		copy_checkpointed(d, c, m->has_memory ? CHECKPOINT_STANDARD : c->type, m->has_memory);
	else if (m->kind == MACHINE_RESTORE && r == 0)
		copy_restored(d, &x->vm);
	else if (m->kind == MACHINE_MERGE && r == 0 && top)
		copy_merged(d, top);
	else if (m->kind == MACHINE_DELETE && r == 0 && top)
		copy_deleted(d, top);
	else
		return false;
	return true;
}

/* Never NULL. */
static void *state_of(const struct engine *g, const struct guid *vm)
{
	static const char states[] = { [VM_OFF] = 0, [VM_RUNNING] = 0, [VM_PAUSED] = 0, [VM_SAVED] = 0, 0 };
	const struct vm_doc *doc = vm_get(g->config.docs, vm);

	return (void *)(uintptr_t)&states[doc ? doc->state : ARRAY_SIZE(states) - 1];
}

static void on_done(void *arg, const struct machine_copy *m, int r, const char *error)
{
	_cleanup_err_ struct err *e = NULL;
	struct copying *x = arg;
	struct engine *g = x->g;
	struct docs *d = g->config.docs;
	const struct checkpoint_doc *c = checkpoint_get(d, &x->checkpoint);
	bool hidden = c && c->hidden;

	map_del(g->copying, &x->vm, sizeof(x->vm));
	if (r < 0 && hidden)
		log_error("the state of a virtual machine that is exported cannot be kept: %s", error);
	else if (r < 0)
		tell(g, x, m, error);
	if (!is_for_later(r)) {
		docs_begin(d);
		if (!note(d, x, m, r))
			docs_rollback(d);
		else if (docs_commit(d, NULL, &e) < 0)
			log_error("cannot note what was done for a checkpoint: %s", e->message);
	}
	if (r < 0 && (r == -ECANCELED || (m->kind != MACHINE_CHECKPOINT && !is_for_later(r))))
		map_put(g->copy_failed, &x->vm, sizeof(x->vm), state_of(g, &x->vm));
	/* What only wanted a connection goes on with the next one. */
	engine_schedule(g, r == 0 ? 0 : is_for_later(r) ? RECONNECT_US : COPY_RETRY_US);
	/* Where it has not begun, it begins again by itself. */
	if (r < 0 && hidden && !is_for_later(r))
		engine_capture_failed(g, &x->checkpoint, error);
	free(x->top);
	free(x);
}

/* ---- what is to be done ---- */

static void begin(struct pass *p, const struct copy_want *w)
{
	struct engine *g = p->g;
	struct machine_copy *m = xcalloc(1, sizeof(*m));
	struct copying *x = xcalloc(1, sizeof(*x));
	const struct docs *d = g->config.docs;

	m->machine = w->vm;
	x->g = g;
	x->vm = w->vm;
	if (w->kind == COPY_CHECKPOINT)
		checkpoint_fill(g, w->checkpoint, m);
	else if (w->kind == COPY_RESTORE)
		restore_fill(p, vm_get(d, &w->vm), w->checkpoint, m);
	else if (w->kind == COPY_MERGE)
		merge_fill(d, w, m);
	else
		m->top = xstrdup(w->top->path);
	if (w->kind == COPY_DELETE)
		m->kind = MACHINE_DELETE;
	if (w->kind == COPY_CHECKPOINT)
		x->checkpoint = w->checkpoint->id;
	x->top = strdup_or_null(m->top);
	map_put(g->copying, &x->vm, sizeof(x->vm), x);
	machines_copy(g->machines, m, on_done, x);
}

/* QEMU lets go of the images of a paused machine when it has kept its memory, and has them again when that goes on. */
static bool is_paused(const struct engine *g, const struct guid *vm)
{
	struct machine m;

	return machines_get(g->machines, vm, &m) && m.state == MACHINE_PAUSED;
}

void copies_begin(struct pass *p)
{
	struct engine *g = p->g;
	copy_vm_vec vms = { 0 };

	if (g->retry) {
		map_free(g->copy_failed);
		g->copy_failed = map_new();
	}
	copy_vms(g->config.docs, &vms);
	vec_foreach(&vms, vm) {
		struct copy_want w = copy_next(g->config.docs, vm);

		/* Without a connection it would fail at once, and each failure is followed by a pass. */
		if (map_get(g->copying, vm, sizeof(*vm)) || (machines_error(g->machines) && !g->retry))
			continue;
		if (w.kind == COPY_MERGE && is_paused(g, vm))
			continue;
		/* What failed is tried again at its time, or when the machine should be in another state: its saved one was given up. */
		if (map_get(g->copy_failed, vm, sizeof(*vm)) == state_of(g, vm)) {
			pass_degraded(p, "something of a checkpoint failed, and is tried again");
			continue;
		}
		pass_wrote(p, "something of a checkpoint began");
		begin(p, &w);
	}
	vec_done(&vms);
}
