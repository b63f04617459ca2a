/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint.h"

const char *const checkpoint_types[] = { "Production", "Standard", "CrashConsistent", NULL };
const char *const checkpoint_states[] = { "Ready", "Creating", NULL };
const char *const image_types[] = { "Disk", "Memory", "Variables", NULL };

static const struct doc_field checkpoint_fields[] = {
	DOC_FIELD(checkpoint_doc, id, DOC_GUID, "id"),
	DOC_FIELD(checkpoint_doc, vm, DOC_GUID, "vm"),
	DOC_FIELD(checkpoint_doc, parent, DOC_GUID, "parent"),
	DOC_FIELD(checkpoint_doc, name, DOC_STR, "name"),
	DOC_ENUM_FIELD(checkpoint_doc, state, checkpoint_states, "state"),
	DOC_ENUM_FIELD(checkpoint_doc, type, checkpoint_types, "type"),
	DOC_FIELD(checkpoint_doc, quiesced_only, DOC_BOOL, "quiescedOnly"),
	DOC_FIELD(checkpoint_doc, created, DOC_U64, "created"),
	DOC_FIELD(checkpoint_doc, config, DOC_STR, "config"),
	DOC_FIELD(checkpoint_doc, memory, DOC_STR, "memory"),
	DOC_FIELD(checkpoint_doc, drives, DOC_STRV, "drives"),
	DOC_FIELD(checkpoint_doc, disks, DOC_STRV, "disks"),
	DOC_FIELD(checkpoint_doc, overlays, DOC_STRV, "overlays"),
	DOC_FIELD(checkpoint_doc, variables, DOC_STRV, "variables"),
	DOC_FIELD(checkpoint_doc, hidden, DOC_BOOL, "hidden"),
	DOC_FIELD(checkpoint_doc, foreign, DOC_BOOL, "foreign"),
};

static void checkpoint_key(const void *doc, struct str *ret)
{
	const struct checkpoint_doc *c = doc;
	char text[GUID_TEXT_SIZE];

	str_add(ret, guid_format(&c->id, text));
}

const struct doc_kind checkpoint_kind = {
	.name = "checkpoint",
	.size = sizeof(struct checkpoint_doc),
	.fields = checkpoint_fields,
	.n_fields = ARRAY_SIZE(checkpoint_fields),
	.key = checkpoint_key,
};

static const struct doc_field image_fields[] = {
	DOC_FIELD(image_doc, path, DOC_STR, "path"),
	DOC_FIELD(image_doc, vm, DOC_GUID, "vm"),
	DOC_ENUM_FIELD(image_doc, type, image_types, "type"),
	DOC_FIELD(image_doc, backing, DOC_STR, "backing"),
	DOC_ENUM_FIELD(image_doc, backing_format, drive_formats, "backingFormat"),
	DOC_FIELD(image_doc, dropped, DOC_BOOL, "dropped"),
};

static void image_key(const void *doc, struct str *ret)
{
	const struct image_doc *image = doc;

	str_add(ret, image->path ? image->path : "");
}

const struct doc_kind image_kind = {
	.name = "image",
	.size = sizeof(struct image_doc),
	.fields = image_fields,
	.n_fields = ARRAY_SIZE(image_fields),
	.key = image_key,
};

const struct checkpoint_doc *checkpoint_get(const struct docs *d, const struct guid *id)
{
	char text[GUID_TEXT_SIZE];

	return guid_is_zero(id) ? NULL : docs_get(d, &checkpoint_kind, guid_format(id, text));
}

const struct checkpoint_doc *checkpoint_creating(const struct docs *d, const struct guid *vm)
{
	const struct checkpoint_doc *c;

	for (size_t pos = 0; (c = docs_next(d, &checkpoint_kind, &pos));)
		if (c->state == CHECKPOINT_CREATING && guid_equal(&c->vm, vm))
			return c;
	return NULL;
}

const struct checkpoint_doc *checkpoint_next(const struct docs *d, const struct guid *vm, size_t *pos)
{
	const struct checkpoint_doc *c;

	while ((c = docs_next(d, &checkpoint_kind, pos)))
		if (!c->hidden && (!vm || guid_equal(&c->vm, vm)))
			return c;
	return NULL;
}

const struct checkpoint_doc *checkpoint_next_hidden(const struct docs *d, size_t *pos)
{
	const struct checkpoint_doc *c;

	while ((c = docs_next(d, &checkpoint_kind, pos))) {
		const struct vm_doc *vm = vm_get(d, &c->vm);

		if (c->hidden && c->state == CHECKPOINT_READY && !(vm && guid_equal(&vm->restoring, &c->id)))
			return c;
	}
	return NULL;
}

static int check_exported(const struct docs *d, const struct vm_doc *vm, struct err **e)
{
	const struct checkpoint_doc *c;
	int r;

	for (size_t pos = 0; (c = docs_next(d, &checkpoint_kind, &pos));) {
		if (!c->hidden || !guid_equal(&c->vm, &vm->id))
			continue;
		r = err_set(e, "Export.Busy", ERR_RESOURCE_BUSY, vm->name, "\"%s\" is being %s.", vm->name,
			    guid_equal(&vm->restoring, &c->id) ? "imported" : "exported");
		return err_advise(e, r, "Try again when that is done.");
	}
	return 0;
}

int checkpoint_check_made(const struct docs *d, const struct vm_doc *vm, struct err **e)
{
	const struct checkpoint_doc *creating = checkpoint_creating(d, &vm->id);
	int r;

	if (!creating || creating->hidden)
		return check_exported(d, vm, e);
	r = err_set(e, "Checkpoint.Busy", ERR_RESOURCE_BUSY, vm->name, "A checkpoint of \"%s\" is being made.", vm->name);
	return err_advise(e, r, "Try again when that is done.");
}

const struct image_doc *image_get(const struct docs *d, const char *path)
{
	return path ? docs_get(d, &image_kind, path) : NULL;
}

static bool has(char *const *list, const char *text)
{
	for (; list && *list; list++)
		if (streq(*list, text))
			return true;
	return false;
}

bool image_is_pinned(const struct docs *d, const char *path)
{
	const struct checkpoint_doc *c;
	const struct drive_doc *drive;

	for (size_t pos = 0; (drive = docs_next(d, &drive_kind, &pos));)
		if (streq_ptr(drive->path, path))
			return true;
	for (size_t pos = 0; (c = docs_next(d, &checkpoint_kind, &pos));)
		if (has(c->disks, path))
			return true;
	return false;
}

static bool is_kept(const struct docs *d, const char *path)
{
	const struct checkpoint_doc *c;
	const struct image_doc *image;

	for (size_t pos = 0; (c = docs_next(d, &checkpoint_kind, &pos));)
		if (has(c->disks, path) || has(c->overlays, path))
			return true;
	for (size_t pos = 0; (image = docs_next(d, &image_kind, &pos));)
		if (streq(image->path, path) || streq_ptr(image->backing, path))
			return true;
	return false;
}

int image_check_free(const struct docs *d, const char *path, struct err **e)
{
	int r;

	if (!is_kept(d, path))
		return 0;
	r = err_set(e, "Checkpoint.ImageKept", ERR_INVALID_OPERATION, path, "\"%s\" belongs to a checkpoint of a virtual machine.", path);
	return err_advise(e, r, "Remove the virtual machine's checkpoints first (Remove-VMSnapshot).");
}

void image_children(const struct docs *d, const char *path, image_vec *ret)
{
	const struct image_doc *image;

	for (size_t pos = 0; (image = docs_next(d, &image_kind, &pos));)
		if (!image->dropped && streq_ptr(image->backing, path))
			vec_push(ret, image);
}

/* ---- what is to be done ---- */

/* Longer than any chain that is sound. */
#define CHAIN_MAX 1000

bool image_in_chain(const struct docs *d, const struct guid *vm, const char *path, const struct drive_doc **ret_drive)
{
	const struct drive_doc *drive;

	for (size_t pos = 0; (drive = docs_next(d, &drive_kind, &pos));) {
		const char *p = drive->path;

		if (!guid_equal(&drive->vm, vm))
			continue;
		for (int i = 0; p && i < CHAIN_MAX; i++) {
			const struct image_doc *image = image_get(d, p);

			if (streq(p, path)) {
				*ret_drive = drive;
				return true;
			}
			p = image ? image->backing : NULL;
		}
	}
	return false;
}

static size_t count_children(const struct docs *d, const char *path)
{
	image_vec children = { 0 };
	size_t n;

	image_children(d, path, &children);
	n = children.n;
	vec_done(&children);
	return n;
}

/* The state on disk of a saved machine names its images: they stay as they are until it is resumed or discarded. */
static bool can_merge(const struct docs *d, const struct image_doc *image)
{
	const struct vm_doc *vm = vm_get(d, &image->vm);

	return image->type == IMAGE_DISK && !image->dropped && image->backing && !(vm && vm->state == VM_SAVED) &&
	       !image_is_pinned(d, image->backing) && count_children(d, image->backing) == 1;
}

struct copy_want copy_next(const struct docs *d, const struct guid *id)
{
	const struct checkpoint_doc *creating = checkpoint_creating(d, id);
	const struct vm_doc *vm = vm_get(d, id);
	struct copy_want w = { .kind = COPY_NOTHING, .vm = *id };
	const struct image_doc *image;

	if (creating)
		return (struct copy_want){ .kind = COPY_CHECKPOINT, .vm = *id, .checkpoint = creating };
	if (vm && checkpoint_get(d, &vm->restoring))
		return (struct copy_want){ .kind = COPY_RESTORE, .vm = *id, .checkpoint = checkpoint_get(d, &vm->restoring) };
	for (size_t pos = 0; (image = docs_next(d, &image_kind, &pos));) {
		if (!guid_equal(&image->vm, id))
			continue;
		if (image->dropped)
			return (struct copy_want){ .kind = COPY_DELETE, .vm = *id, .top = image };
		if (w.kind == COPY_NOTHING && can_merge(d, image))
			w = (struct copy_want){ .kind = COPY_MERGE, .vm = *id, .top = image };
	}
	return w;
}

static void add_vm(const struct docs *d, const struct guid *vm, copy_vm_vec *ret)
{
	vec_foreach(ret, have)
		if (guid_equal(have, vm))
			return;
	if (copy_next(d, vm).kind != COPY_NOTHING)
		vec_push(ret, *vm);
}

void copy_vms(const struct docs *d, copy_vm_vec *ret)
{
	const struct checkpoint_doc *c;
	const struct image_doc *image;

	/* A machine that is being restored has such a checkpoint, too. */
	for (size_t pos = 0; (c = docs_next(d, &checkpoint_kind, &pos));)
		add_vm(d, &c->vm, ret);
	for (size_t pos = 0; (image = docs_next(d, &image_kind, &pos));)
		add_vm(d, &image->vm, ret);
}
