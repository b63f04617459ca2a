/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of an exported machine, from whoever made it: the machine's configuration; behind a line "@ID" that of a checkpoint; a line
 * "+NAME" is an image of that name, "~NAME" a link in its place. What is read of it holds together and lies in the directory, in place and
 * copied, with its ids and with new ones; what is refused says why, and leaves nothing.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acl.h"
#include "adapter.h"
#include "export.h"
#include "import_parts.h"

#define FILES_MAX 64

static char *root;
static int disks_fd = -1, snapshots_fd = -1;

/* ---- the directory ---- */

static void remove_root(void)
{
	close(disks_fd);
	close(snapshots_fd);
	assert(chdir(root) == 0 && rmdir(EXPORT_DISKS) == 0 && rmdir(EXPORT_SNAPSHOTS) == 0 && rmdir(root) == 0);
	free(root);
}

static int make_directory(const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", root, name);

	assert(mkdir(path, 0700) == 0);
	return open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
}

/* In memory: nothing waits for a disk. */
static void make_root(void)
{
	const char *place = getenv("TMPDIR");

	root = xasprintf("%s/import-XXXXXX", place ? place : "/dev/shm");
	assert(mkdtemp(root));
	disks_fd = make_directory(EXPORT_DISKS);
	snapshots_fd = make_directory(EXPORT_SNAPSHOTS);
	assert(disks_fd >= 0 && snapshots_fd >= 0 && atexit(remove_root) == 0);
}

struct file {
	int at;
	char *name;
};

struct files {
	VEC(struct file) made;
	char *main; /* the machine's own configuration */
};

/* False: no file can have the name, or one has it. */
static bool put_file(struct files *f, int at, const char *name, const char *text, size_t size)
{
	struct file file = { .at = at };
	int fd = *name && !strchr(name, '/') && f->made.n < FILES_MAX
			 ? openat(at, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600)
			 : -1;

	if (fd < 0)
		return false;
	assert(write(fd, text, size) == (ssize_t)size);
	close(fd);
	file.name = xstrdup(name);
	vec_push(&f->made, file);
	return true;
}

static void put_link(struct files *f, const char *name)
{
	struct file file = { .at = disks_fd };

	if (!*name || strchr(name, '/') || f->made.n >= FILES_MAX || symlinkat("/dev/null", disks_fd, name) < 0)
		return;
	file.name = xstrdup(name);
	vec_push(&f->made, file);
}

static void put_image(struct files *f, const char *line)
{
	if (*line == '+')
		put_file(f, disks_fd, line + 1, "", 0);
	else
		put_link(f, line + 1);
}

/* name: of the checkpoint; NULL: the machine itself. */
static void put_config(struct files *f, const char *name, struct str *text)
{
	_cleanup_free_ char *file = name ? xasprintf("%s." EXPORT_CONFIG_ENDING, name) : NULL;

	if (!file)
		f->main = xstrdup(str_get(text));
	else
		put_file(f, snapshots_fd, file, str_get(text), text->len);
	str_done(text);
}

static void unpack(struct files *f, char *input)
{
	struct str text = { 0 };
	const char *name = NULL;
	char *line;

	while ((line = strsep(&input, "\n"))) {
		if (*line == '+' || *line == '~') {
			put_image(f, line);
		} else if (*line == '@') {
			put_config(f, name, &text);
			name = line + 1;
		} else {
			str_add(&text, line);
			str_add(&text, "\n");
		}
	}
	put_config(f, name, &text);
	if (!f->main)
		f->main = xstrdup("");
}

static void files_done(struct files *f)
{
	vec_foreach(&f->made, file) {
		assert(unlinkat(file->at, file->name, 0) == 0);
		free(file->name);
	}
	vec_done(&f->made);
	free(f->main);
}

/* ---- what was read ---- */

/* What the image lies on, as the configuration says; NULL: on none. */
static const char *backing_of(const json_t *main, const char *name)
{
	const json_t *images = json_object_get(main, "images");
	size_t i = 0;

	while (i < json_array_size(images) && !streq_ptr(json_string_value(json_object_get(json_array_get(images, i), "name")), name))
		i++;
	return json_string_value(json_object_get(json_array_get(images, i), "backing"));
}

static void check_backing(const struct import_parts *p, const char *text)
{
	json_t *main = json_loads(text, 0, NULL);

	for (size_t i = 0; i < p->disks.n; i++) {
		const struct import_disk *disk = &p->disks.items[i];

		assert(disk->backing <= i);
		assert(streq_ptr(backing_of(main, disk->name), disk->backing == i ? NULL : p->disks.items[disk->backing].name));
	}
	json_decref(main);
}

static void check_disks(const struct import_parts *p, const struct import_how *how)
{
	for (size_t i = 0; i < p->disks.n; i++) {
		const struct import_disk *disk = &p->disks.items[i];
		_cleanup_free_ char *from = xasprintf("%s/" EXPORT_DISKS "/%s", root, disk->name);
		_cleanup_free_ char *to = how->directory ? xasprintf("%s/%s", how->directory, disk->name) : xstrdup(from);
		struct stat st;

		assert(*disk->name && *disk->name != '.' && !strchr(disk->name, '/') && streq(disk->from, from) && streq(disk->to, to));
		assert(lstat(from, &st) == 0 && S_ISREG(st.st_mode) && !disk->made);
		assert(disk->backing == i ? disk->format != NULL : streq(disk->format, "qcow2"));
		for (size_t j = 0; j < i; j++)
			assert(!streq(p->disks.items[j].name, disk->name));
	}
}

static size_t disk_of(const struct import_parts *p, const char *path)
{
	size_t i = 0;

	while (i < p->disks.n && !streq(p->disks.items[i].to, path))
		i++;
	assert(i < p->disks.n);
	return i;
}

static void check_config(const struct import_parts *p, const struct vm_config *config, bool *used)
{
	const struct vm_doc *vm = vm_config_vm(config);
	const struct adapter_doc *a;
	const struct drive_doc *drive;

	assert(vm->state == VM_OFF && guid_is_zero(&vm->restoring) && !vm->taken_in && !vm->boot);
	assert(guid_equal(&vm->id, &vm_config_vm(&p->config)->id));
	for (size_t pos = 0; (a = vm_config_next(config, &adapter_kind, &pos));)
		assert(guid_equal(&a->vm, &vm->id));
	for (size_t pos = 0; (drive = vm_config_next(config, &drive_kind, &pos));) {
		assert(guid_equal(&drive->vm, &vm->id));
		if (drive->type == DRIVE_HARD_DISK)
			used[disk_of(p, drive->path)] = true;
	}
}

/* The machine writes to no disk that a checkpoint or another disk needs. */
static void check_configs(const struct import_parts *p)
{
	bool written[4096] = { false }, kept[4096] = { false };

	assert(p->disks.n <= ARRAY_SIZE(written));
	check_config(p, &p->config, written);
	vec_foreach(&p->checkpoints, c)
		check_config(p, &c->config, kept);
	for (size_t i = 0; i < p->disks.n; i++)
		if (p->disks.items[i].backing != i)
			kept[p->disks.items[i].backing] = true;
	for (size_t i = 0; i < p->disks.n; i++)
		assert(!written[i] || !kept[i]);
}

static const struct checkpoint_doc *checkpoint_of(const struct import_parts *p, const struct guid *id)
{
	vec_foreach(&p->checkpoints, c)
		if (guid_equal(&c->doc->id, id))
			return c->doc;
	return NULL;
}

static void check_checkpoints(const struct import_parts *p)
{
	const struct vm_doc *vm = vm_config_vm(&p->config);

	assert(p->checkpoints.n <= CHECKPOINTS_MAX);
	assert(guid_is_zero(&vm->checkpoint) || checkpoint_of(p, &vm->checkpoint));
	vec_foreach(&p->checkpoints, c) {
		const struct checkpoint_doc *up = c->doc;
		size_t depth = 0;

		assert(checkpoint_of(p, &up->id) == up && up->state == CHECKPOINT_READY && up->name);
		assert(!up->config && !up->memory && !up->disks && !up->drives && !up->overlays && !up->variables && !up->hidden);
		for (; !guid_is_zero(&up->parent); depth++) {
			up = checkpoint_of(p, &up->parent);
			assert(up && depth <= p->checkpoints.n);
		}
	}
}

static bool is_old(const struct import_parts *p, const struct guid *id)
{
	vec_foreach(&p->ids, known)
		if (guid_equal(&known->was, id))
			return true;
	return false;
}

/* None of the ids that came is left; each has become one other. */
static void check_new_ids(const struct import_parts *p, const struct vm_config *config)
{
	vec_foreach(&config->parts, part) {
		if (part->kind == &vm_kind)
			assert(!is_old(p, &((struct vm_doc *)part->doc)->id) && !is_old(p, &((struct vm_doc *)part->doc)->checkpoint));
		else if (part->kind == &drive_kind)
			assert(!is_old(p, &((struct drive_doc *)part->doc)->id));
		else if (part->kind == &adapter_kind)
			assert(!is_old(p, &((struct adapter_doc *)part->doc)->id));
		else if (part->kind == &acl_kind)
			assert(!is_old(p, &((struct acl_doc *)part->doc)->adapter));
		else
			assert(!is_old(p, &((struct extended_acl_doc *)part->doc)->adapter));
	}
}

static void check_ids(const struct import_parts *p, const struct import_how *how)
{
	if (!how->new_ids) {
		assert(!p->ids.n && guid_equal(&vm_config_vm(&p->config)->id, &p->was));
		return;
	}
	assert(is_old(p, &p->was));
	check_new_ids(p, &p->config);
	vec_foreach(&p->checkpoints, c) {
		assert(!is_old(p, &c->doc->id) && is_old(p, &c->was) && !is_old(p, &c->doc->parent));
		check_new_ids(p, &c->config);
	}
	for (size_t i = 0; i < p->ids.n; i++)
		for (size_t j = 0; j < i; j++)
			assert(!guid_equal(&p->ids.items[i].was, &p->ids.items[j].was) && !guid_equal(&p->ids.items[i].is, &p->ids.items[j].is));
}

static bool read_directory(const struct files *f, bool copied, bool new_ids)
{
	struct import_how how = { .root = root, .directory = copied ? "/copies" : NULL, .new_ids = new_ids };
	struct import_parts p = { 0 }, none = { 0 };
	_cleanup_err_ struct err *e = NULL;

	if (import_parts_read(f->main, &how, &p, &e) < 0) {
		assert(e && memcmp(&p, &none, sizeof(p)) == 0);
		return false;
	}
	assert(!e);
	check_disks(&p, &how);
	check_backing(&p, f->main);
	check_configs(&p);
	check_checkpoints(&p);
	check_ids(&p, &how);
	import_parts_done(&p);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *input = xstrndup((const char *)data, size);
	struct files f = { 0 };
	bool good;

	if (!root)
		make_root();
	unpack(&f, input);
	good = read_directory(&f, false, false);
	assert(good == read_directory(&f, false, true) && good == read_directory(&f, true, false) && good == read_directory(&f, true, true));
	files_done(&f);
	return 0;
}
