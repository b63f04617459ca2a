/* SPDX-License-Identifier: Apache-2.0 */
#include "import_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acl.h"
#include "adapter.h"
#include "drive_image.h"
#include "drive_rules.h"
#include "export.h"
#include "feature.h"

#define CONFIG_MAX (4u << 20)
#define DISKS_MAX 4096

static int invalid(const char *why, struct err **e)
{
	int r = err_set(e, "Config.Invalid", ERR_INVALID_ARGUMENT, NULL, "This is no exported virtual machine: %s.", why);

	return err_advise(e, r, "Export the virtual machine anew where it comes from.");
}

/* Nothing but a regular file is waited for. */
int import_read_file(const char *path, char **ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > CONFIG_MAX)
		return -EFBIG;
	text = xmalloc((size_t)st.st_size + 1);
	n = pread(fd, text, (size_t)st.st_size, 0);
	if (n < 0)
		return -errno;
	text[n] = 0;
	*ret = TAKE_PTR(text);
	return 0;
}

/* ---- ids ---- */

static struct guid renewed(struct import_parts *p, const struct guid *was)
{
	struct import_id id = { .was = *was, .is = guid_new() };

	vec_foreach(&p->ids, known)
		if (guid_equal(&known->was, was))
			return known->is;
	vec_push(&p->ids, id);
	return id.is;
}

static void renew(struct import_parts *p, struct guid *id)
{
	if (!guid_is_zero(id))
		*id = renewed(p, id);
}

/* What boots first is named by its id. */
static void renew_boot_order(struct import_parts *p, struct vm_doc *vm)
{
	for (char **word = vm->boot_order; word && *word; word++) {
		char text[GUID_TEXT_SIZE];
		struct guid id;

		if (guid_parse(*word, &id) < 0)
			continue;
		renew(p, &id);
		free(*word);
		*word = xstrdup(guid_format(&id, text));
	}
}

/* The same in the machine and its checkpoints: a drive is the same drive in all of them. */
static void renew_config(struct import_parts *p, struct vm_config *config)
{
	vec_foreach(&config->parts, part) {
		if (part->kind == &vm_kind) {
			struct vm_doc *vm = part->doc;

			renew(p, &vm->id);
			renew(p, &vm->checkpoint);
			renew_boot_order(p, vm);
		} else if (part->kind == &drive_kind) {
			struct drive_doc *drive = part->doc;

			renew(p, &drive->id);
			renew(p, &drive->vm);
		} else if (part->kind == &adapter_kind) {
			struct adapter_doc *a = part->doc;

			renew(p, &a->id);
			renew(p, &a->vm);
		} else if (part->kind == &acl_kind) {
			renew(p, &((struct acl_doc *)part->doc)->adapter);
		} else if (part->kind == &extended_acl_kind) {
			renew(p, &((struct extended_acl_doc *)part->doc)->adapter);
		}
	}
}

static void renew_all(struct import_parts *p)
{
	renew_config(p, &p->config);
	vec_foreach(&p->checkpoints, c) {
		renew_config(p, &c->config);
		renew(p, &c->doc->id);
		renew(p, &c->doc->parent);
	}
}

/* ---- checkpoints ---- */

static void own_state(struct vm_doc *vm)
{
	vm_set_state(vm, VM_OFF, NULL);
	vm->restoring = (struct guid){ 0 };
	vm->taken_in = false;
	vm->boot = 0;
}

static struct import_checkpoint *find_checkpoint(const struct import_parts *p, const struct guid *was)
{
	vec_foreach(&p->checkpoints, c)
		if (guid_equal(&c->was, was))
			return c;
	return NULL;
}

static bool take_flag(json_t *about, const char *name)
{
	bool flag = json_is_true(json_object_get(about, name));

	json_object_del(about, name);
	return flag;
}

static int read_checkpoint(struct import_parts *p, const json_t *json, const struct guid *id, struct err **e)
{
	struct import_checkpoint c = { .was = *id };
	json_t *about = json_object_get(json, "checkpoint");
	int r;

	c.memory = take_flag(about, "memory");
	c.variables = take_flag(about, "variables");
	r = json_is_object(about) ? doc_from_json(&checkpoint_kind, about, (void **)&c.doc, e) : invalid("a checkpoint says nothing of itself", e);
	if (r == 0)
		r = vm_config_read(json, &c.config, e);
	if (r < 0) {
		doc_free(&checkpoint_kind, c.doc);
		return r;
	}
	own_state(vm_config_vm(&c.config));
	vm_config_vm(&c.config)->checkpoint = (struct guid){ 0 };
	/* From here on it is freed with the others. */
	vec_push(&p->checkpoints, c);
	if (!guid_equal(&c.doc->id, id) || !guid_equal(&vm_config_vm(&c.config)->id, &p->was) || c.doc->type > CHECKPOINT_STANDARD ||
	    c.doc->state != CHECKPOINT_READY || c.doc->config || c.doc->disks || c.doc->drives || c.doc->overlays || c.doc->hidden || !c.doc->name)
		return invalid("a checkpoint is not what it says", e);
	return check_name(c.doc->name, CHECKPOINT_NAME_MAX, e);
}

static int load_checkpoint(struct import_parts *p, const struct import_how *how, const char *text, struct err **e)
{
	_cleanup_free_ char *path = NULL, *content = NULL;
	char id[GUID_TEXT_SIZE];
	struct guid guid;
	json_t *json;
	int r;

	if (!text || guid_parse(text, &guid) < 0 || find_checkpoint(p, &guid) || p->checkpoints.n >= CHECKPOINTS_MAX)
		return invalid("its list of checkpoints is none", e);
	path = xasprintf("%s/" EXPORT_SNAPSHOTS "/%s." EXPORT_CONFIG_ENDING, how->root, guid_format(&guid, id));
	r = import_read_file(path, &content);
	if (r < 0)
		return err_set_errno(e, "Import.NotFound", -r, path, "The checkpoint \"%s\" cannot be read: %s.", path, strerror(-r));
	json = json_loads(content, JSON_REJECT_DUPLICATES, NULL);
	r = json ? read_checkpoint(p, json, &guid, e) : invalid("a checkpoint is not JSON", e);
	json_decref(json);
	return r;
}

/* Each is some other's child, or the first of a tree: none is its own ancestor. */
static bool is_forest(const struct import_parts *p)
{
	vec_foreach(&p->checkpoints, c) {
		const struct import_checkpoint *up = c;

		for (size_t i = 0; !guid_is_zero(&up->doc->parent); i++) {
			up = find_checkpoint(p, &up->doc->parent);
			if (!up || i > p->checkpoints.n)
				return false;
		}
	}
	return true;
}

static int load_checkpoints(struct import_parts *p, const struct import_how *how, const json_t *list, struct err **e)
{
	const struct vm_doc *vm = vm_config_vm(&p->config);
	int r = 0;

	for (size_t i = 0; i < json_array_size(list) && r == 0; i++)
		r = load_checkpoint(p, how, json_string_value(json_array_get(list, i)), e);
	if (r == 0 && (!is_forest(p) || (!guid_is_zero(&vm->checkpoint) && !find_checkpoint(p, &vm->checkpoint))))
		r = invalid("one of its checkpoints is missing", e);
	return r;
}

/* ---- disks ---- */

static bool is_name(const char *name)
{
	for (const char *c = name; c && *c; c++)
		if ((unsigned char)*c < ' ')
			return false;
	return name && *name && *name != '.' && !strchr(name, '/') && strlen(name) < 256;
}

static const char *name_in(const char *path)
{
	static const char prefix[] = EXPORT_DISKS "/";
	const char *name = path && strncmp(path, prefix, strlen(prefix)) == 0 ? path + strlen(prefix) : NULL;

	return is_name(name) ? name : NULL;
}

static const char *backing_of(const json_t *images, const char *name)
{
	for (size_t i = 0; i < json_array_size(images); i++) {
		const json_t *image = json_array_get(images, i);

		if (streq_ptr(json_string_value(json_object_get(image, "name")), name))
			return json_string_value(json_object_get(image, "backing"));
	}
	return NULL;
}

static bool find_disk(const struct import_parts *p, const char *name, size_t *ret)
{
	for (size_t i = 0; i < p->disks.n; i++) {
		if (!streq(p->disks.items[i].name, name))
			continue;
		*ret = i;
		return true;
	}
	return false;
}

static int check_file(const char *path, struct err **e)
{
	struct stat st;

	/* What a link leads to is not its own. */
	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
		return 0;
	err_set(e, "Vhd.NotFound", ERR_OBJECT_NOT_FOUND, path, "\"%s\" is not there, or not a file.", path);
	return err_advise(e, -ENOENT, "The disks of an exported virtual machine lie in its directory.");
}

/* What it lies on comes before it. */
static int take_image(struct import_parts *p, const struct import_how *how, const json_t *images, const char *name, unsigned depth,
		      size_t *ret, struct err **e)
{
	const char *backing = backing_of(images, name);
	struct import_disk disk = { 0 };
	enum drive_format format;
	size_t below = 0;
	int r;

	if (find_disk(p, name, ret))
		return 0;
	if (!is_name(name) || !drive_format_of(name, &format) || (backing && format != DRIVE_QCOW2) || depth > CHECKPOINTS_MAX + 2 ||
	    p->disks.n >= DISKS_MAX)
		return invalid("one of its images is none, or lies on itself", e);
	r = backing ? take_image(p, how, images, backing, depth + 1, &below, e) : 0;
	if (r < 0)
		return r;
	disk.name = xstrdup(name);
	disk.from = xasprintf("%s/" EXPORT_DISKS "/%s", how->root, name);
	disk.to = how->directory ? xasprintf("%s/%s", how->directory, name) : xstrdup(disk.from);
	disk.format = drive_format_qemu(format);
	disk.backing = backing ? below : p->disks.n;
	*ret = p->disks.n;
	vec_push(&p->disks, disk);
	return check_file(disk.from, e);
}

static int take_drives(struct import_parts *p, const struct import_how *how, const json_t *images, struct vm_config *config, struct err **e)
{
	struct drive_doc *drive;
	size_t at = 0;
	int r = 0;

	for (size_t pos = 0; r == 0 && (drive = vm_config_next(config, &drive_kind, &pos));) {
		const char *name;

		if (drive->type != DRIVE_HARD_DISK)
			continue;
		name = name_in(drive->path);
		if (!name)
			return err_set(e, "Config.Invalid", ERR_INVALID_ARGUMENT, drive->path, "A disk of it lies outside of its directory \"%s\".",
				       EXPORT_DISKS);
		r = take_image(p, how, images, name, 0, &at, e);
		if (r == 0) {
			free(drive->path);
			drive->path = xstrdup(p->disks.items[at].to);
		}
	}
	return r;
}

static bool has_disk(const struct vm_config *config, const char *path)
{
	const struct drive_doc *drive;

	for (size_t pos = 0; (drive = vm_config_next(config, &drive_kind, &pos));)
		if (drive->type == DRIVE_HARD_DISK && streq_ptr(drive->path, path))
			return true;
	return false;
}

/* What the machine writes to is nothing that a checkpoint keeps, nor what another image lies on. */
static int check_written(const struct import_parts *p, struct err **e)
{
	for (size_t i = 0; i < p->disks.n; i++) {
		const struct import_disk *disk = &p->disks.items[i];
		bool kept = false;

		for (size_t j = 0; j < p->disks.n; j++)
			kept |= j != i && p->disks.items[j].backing == i;
		vec_foreach(&p->checkpoints, c)
			kept |= has_disk(&c->config, disk->to);
		if (kept && has_disk(&p->config, disk->to))
			return invalid("it would write to a disk that a checkpoint keeps", e);
	}
	return 0;
}

static int take_disks(struct import_parts *p, const struct import_how *how, const json_t *images, struct err **e)
{
	int r = take_drives(p, how, images, &p->config, e);

	vec_foreach(&p->checkpoints, c)
		if (r == 0)
			r = take_drives(p, how, images, &c->config, e);
	return r == 0 ? check_written(p, e) : r;
}

/* ---- all of it ---- */

static int read_all(struct import_parts *p, const json_t *json, const struct import_how *how, struct err **e)
{
	int r = vm_config_read(json, &p->config, e);
	struct vm_doc *vm;

	if (r < 0)
		return r;
	vm = vm_config_vm(&p->config);
	p->was = vm->id;
	p->saved = vm->state == VM_SAVED;
	p->switches = json_incref(json_object_get(json, "switches"));
	own_state(vm);
	r = load_checkpoints(p, how, json_object_get(json, "checkpoints"), e);
	if (r == 0 && json_array_size(json_object_get(json, "images")) > DISKS_MAX)
		r = invalid("it has too many images", e);
	if (r == 0)
		r = take_disks(p, how, json_object_get(json, "images"), e);
	if (r == 0 && how->new_ids)
		renew_all(p);
	return r;
}

int import_parts_read(const char *text, const struct import_how *how, struct import_parts *ret, struct err **e)
{
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct import_parts p = { 0 };
	int r = json ? read_all(&p, json, how, e) : invalid("it is not JSON", e);

	json_decref(json);
	if (r < 0)
		import_parts_done(&p);
	else
		*ret = p;
	return r;
}

void import_parts_done(struct import_parts *p)
{
	vm_config_done(&p->config);
	json_decref(p->switches);
	vec_foreach(&p->checkpoints, c) {
		doc_free(&checkpoint_kind, c->doc);
		vm_config_done(&c->config);
	}
	vec_done(&p->checkpoints);
	vec_foreach(&p->disks, disk) {
		free(disk->name);
		free(disk->from);
		free(disk->to);
	}
	vec_done(&p->disks);
	vec_done(&p->ids);
}
