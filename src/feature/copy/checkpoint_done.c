/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint.h"

/* What has been done, noted in the documents: pure but for them. */

static void image_put(struct docs *d, const struct guid *vm, enum image_type type, const char *path, const char *backing,
		      enum drive_format backing_format)
{
	struct image_doc *image = doc_new(&image_kind);

	image->vm = *vm;
	image->type = type;
	image->path = xstrdup(path);
	image->backing = backing ? xstrdup(backing) : NULL;
	image->backing_format = backing_format;
	docs_put(d, &image_kind, image);
}

static void image_drop(struct docs *d, const struct image_doc *image)
{
	struct image_doc *dropped = doc_copy(&image_kind, image);

	dropped->dropped = true;
	free(dropped->backing);
	dropped->backing = NULL;
	docs_put(d, &image_kind, dropped);
}

void image_drop_unused(struct docs *d, const char *path)
{
	_cleanup_free_ char *next = path ? xstrdup(path) : NULL;
	const struct image_doc *image;

	while ((image = image_get(d, next)) && !image->dropped && !image_is_pinned(d, next)) {
		image_vec children = { 0 };
		bool used;

		image_children(d, next, &children);
		used = children.n > 0;
		vec_done(&children);
		if (used)
			return;
		free(next);
		next = image->backing ? xstrdup(image->backing) : NULL;
		image_drop(d, image);
	}
}

/* ---- the configuration inside a checkpoint ---- */

static json_t *config_drive(json_t *config, const char *member, const char *value)
{
	json_t *drives = json_object_get(config, "drives"), *drive;
	size_t i;

	json_array_foreach(drives, i, drive)
		if (streq_ptr(json_string_value(json_object_get(drive, member)), value))
			return drive;
	return NULL;
}

static void set_config(struct checkpoint_doc *c, json_t *config)
{
	free(c->config);
	c->config = json_dumps(config, JSON_COMPACT);
	json_decref(config);
}

static enum drive_format format_of(const json_t *drive)
{
	const char *name = json_string_value(json_object_get(drive, "format"));

	for (uint32_t i = 0; name && drive_formats[i]; i++)
		if (streq(drive_formats[i], name))
			return i;
	return DRIVE_RAW;
}

/* ---- done ---- */

static void drive_goes_on(struct docs *d, const struct checkpoint_doc *c, json_t *config, size_t i)
{
	enum drive_format format = format_of(config_drive(config, "id", c->drives[i]));
	const struct drive_doc *drive = docs_get(d, &drive_kind, c->drives[i]);
	struct drive_doc *changed;

	image_put(d, &c->vm, IMAGE_DISK, c->overlays[i], c->disks[i], format);
	if (!drive || !streq_ptr(drive->path, c->disks[i]))
		return;
	changed = doc_copy(&drive_kind, drive);
	free(changed->path);
	changed->path = xstrdup(c->overlays[i]);
	changed->format = DRIVE_QCOW2;
	docs_put(d, &drive_kind, changed);
}

void copy_checkpointed(struct docs *d, const struct checkpoint_doc *c, enum checkpoint_type type, bool memory)
{
	struct checkpoint_doc *made = doc_copy(&checkpoint_kind, c);
	json_t *config = json_loads(c->config, 0, NULL), *own = json_array_get(json_object_get(config, "vm"), 0);
	const struct vm_doc *vm = vm_get(d, &c->vm);
	struct vm_doc *changed;

	json_object_set_new(own, "state", json_string(vm_states[memory ? VM_SAVED : VM_OFF]));
	for (size_t i = 0; c->overlays && c->overlays[i]; i++)
		drive_goes_on(d, c, config, i);
	set_config(made, config);
	made->state = CHECKPOINT_READY;
	made->type = type;
	made->quiesced_only = false;
	if (memory) {
		image_put(d, &c->vm, IMAGE_MEMORY, made->memory, NULL, DRIVE_RAW);
	} else {
		free(made->memory);
		made->memory = NULL;
	}
	for (char **p = made->variables; p && *p; p++)
		image_put(d, &c->vm, IMAGE_VARIABLES, *p, NULL, DRIVE_RAW);
	if (vm && !made->hidden) {
		changed = doc_copy(&vm_kind, vm);
		changed->checkpoint = c->id;
		docs_put(d, &vm_kind, changed);
	}
	docs_put(d, &checkpoint_kind, made);
}

void copy_not_checkpointed(struct docs *d, const struct checkpoint_doc *c)
{
	_cleanup_free_ char *key = doc_key(&checkpoint_kind, c);

	docs_delete(d, &checkpoint_kind, key);
}

void copy_restored(struct docs *d, const struct guid *id)
{
	const struct vm_doc *vm = vm_get(d, id);
	struct vm_doc *changed = vm ? doc_copy(&vm_kind, vm) : NULL;

	if (!changed)
		return;
	changed->restoring = (struct guid){ 0 };
	docs_put(d, &vm_kind, changed);
}

static void replace_in_checkpoint(struct docs *d, const struct checkpoint_doc *c, const char *from, const char *to, enum drive_format format)
{
	json_t *config = json_loads(c->config, 0, NULL), *drive = config_drive(config, "path", from);
	struct checkpoint_doc *changed = doc_copy(&checkpoint_kind, c);

	for (char **p = changed->disks; p && *p; p++) {
		if (!streq(*p, from))
			continue;
		free(*p);
		*p = xstrdup(to);
	}
	if (drive) {
		json_object_set_new(drive, "path", json_string(to));
		json_object_set_new(drive, "format", json_string(drive_formats[format]));
	}
	set_config(changed, config);
	docs_put(d, &checkpoint_kind, changed);
}

static void replace_in_checkpoints(struct docs *d, const char *from, const char *to, enum drive_format format)
{
	const void **all;
	size_t n = docs_list(d, &checkpoint_kind, &all);

	for (size_t i = 0; i < n; i++) {
		const struct checkpoint_doc *c = all[i];

		for (char **p = c->disks; p && *p; p++) {
			if (streq(*p, from)) {
				replace_in_checkpoint(d, c, from, to, format);
				break;
			}
		}
	}
	free(all);
}

static void replace_in_drives(struct docs *d, const char *from, const char *to, enum drive_format format)
{
	const void **all;
	size_t n = docs_list(d, &drive_kind, &all);

	for (size_t i = 0; i < n; i++) {
		const struct drive_doc *drive = all[i];
		struct drive_doc *changed;

		if (!streq_ptr(drive->path, from))
			continue;
		changed = doc_copy(&drive_kind, drive);
		free(changed->path);
		changed->path = xstrdup(to);
		changed->format = format;
		docs_put(d, &drive_kind, changed);
	}
	free(all);
}

void copy_merged(struct docs *d, const struct image_doc *top)
{
	_cleanup_free_ char *from = xstrdup(top->path), *to = xstrdup(top->backing);
	enum drive_format format = top->backing_format;
	image_vec children = { 0 };

	image_children(d, from, &children);
	vec_foreach(&children, child) {
		struct image_doc *changed = doc_copy(&image_kind, *child);

		free(changed->backing);
		changed->backing = xstrdup(to);
		changed->backing_format = format;
		docs_put(d, &image_kind, changed);
	}
	vec_done(&children);
	replace_in_drives(d, from, to, format);
	replace_in_checkpoints(d, from, to, format);
	image_drop(d, image_get(d, from));
}

void copy_deleted(struct docs *d, const struct image_doc *image)
{
	_cleanup_free_ char *key = doc_key(&image_kind, image);

	docs_delete(d, &image_kind, key);
}

/* ---- going ---- */

static void adopt_children(struct docs *d, const struct guid *from, const struct guid *to)
{
	const void **all;
	size_t n = docs_list(d, &checkpoint_kind, &all);

	for (size_t i = 0; i < n; i++) {
		const struct checkpoint_doc *c = all[i];
		struct checkpoint_doc *changed;

		if (!guid_equal(&c->parent, from))
			continue;
		changed = doc_copy(&checkpoint_kind, c);
		changed->parent = *to;
		docs_put(d, &checkpoint_kind, changed);
	}
	free(all);
}

void checkpoint_delete(struct docs *d, const struct checkpoint_doc *c)
{
	struct checkpoint_doc *gone = doc_copy(&checkpoint_kind, c);
	_cleanup_free_ char *key = doc_key(&checkpoint_kind, c);
	const struct vm_doc *vm = vm_get(d, &c->vm);
	struct vm_doc *changed;

	docs_delete(d, &checkpoint_kind, key);
	adopt_children(d, &gone->id, &gone->parent);
	if (vm && guid_equal(&vm->checkpoint, &gone->id)) {
		changed = doc_copy(&vm_kind, vm);
		changed->checkpoint = gone->parent;
		docs_put(d, &vm_kind, changed);
	}
	if (image_get(d, gone->memory))
		image_drop(d, image_get(d, gone->memory));
	for (char **p = gone->variables; p && *p; p++)
		if (image_get(d, *p))
			image_drop(d, image_get(d, *p));
	for (char **p = gone->disks; p && *p; p++)
		image_drop_unused(d, *p);
	doc_free(&checkpoint_kind, gone);
}

void checkpoint_forget_vm(struct docs *d, const struct guid *vm)
{
	const struct drive_doc *drive;
	const void **all;
	size_t n = docs_list(d, &image_kind, &all);

	/* What the disks contain now is to stay; other branches go. */
	for (size_t i = 0; i < n; i++) {
		const struct image_doc *image = all[i];

		if (guid_equal(&image->vm, vm) && !image->dropped &&
		    (image->type != IMAGE_DISK || !image_in_chain(d, vm, image->path, &drive)))
			image_drop(d, image);
	}
	free(all);
	n = docs_list(d, &checkpoint_kind, &all);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *key = doc_key(&checkpoint_kind, all[i]);

		if (guid_equal(&((const struct checkpoint_doc *)all[i])->vm, vm))
			docs_delete(d, &checkpoint_kind, key);
	}
	free(all);
}
