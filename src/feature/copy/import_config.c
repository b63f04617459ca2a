/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter_rules.h"
#include "drive_image.h"
#include "export.h"
#include "feature.h"
#include "import.h"
#include "import_parts.h"
#include "switch_rules.h"
#include "vm_location.h"
#include "vm_rules.h"

/*
 * Import-VM -Path: an exported virtual machine, in place or copied. Its configuration and its images may have been made by anybody: all of
 * the configuration is held against the rules, disks lie in its own directory, and each image is looked at before it is used or copied.
 */

struct importing {
	struct call *call;
	struct import_parts parts;
	struct guid hidden; /* the checkpoint that has its memory, until it is saved here; zero: it is off */
	char *root;
	size_t at;          /* the disk that is looked at, or copied */
	bool copy, copying;
	char *path, *snapshot_path; /* of the machine; NULL: the default */
	char *made;         /* the directory that was made for it, until it is a machine's */
	char *directory;    /* where copies go */
	VEC(char *) files;  /* of its memory and its firmware; as many: from, to */
	size_t n_memory;    /* how many of the first are memory */
	bool filed;         /* they are there */
	struct err *error;
};

static void texts_free(char **items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(items[i]);
}

static void importing_free(struct importing *x)
{
	/* Somebody may have put something there meanwhile: then it stays. */
	if (x->made)
		rmdir(x->made);
	free(x->made);
	import_parts_done(&x->parts);
	texts_free(x->files.items, x->files.n);
	vec_done(&x->files);
	free(x->root);
	free(x->directory);
	free(x->path);
	free(x->snapshot_path);
	err_free(x->error);
	free(x);
}

/* ---- the file ---- */

static int unreadable(const char *path, int r, struct err **e)
{
	err_set_errno(e, "Import.NotFound", -r, path, "There is no exported virtual machine at \"%s\": %s.", path,
		      r == -EMLINK ? "there are several" : strerror(-r));
	return err_advise(e, r, "Name a directory that Export-VM has made, or the .json file in its \"" EXPORT_CONFIGS "\".");
}

static bool is_config(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && name[0] != '.' && streq(name + n - 5, ".json");
}

/* The one configuration of an exported machine's directory. */
static int find_config(const char *path, char **ret)
{
	_cleanup_free_ char *configs = xasprintf("%s/" EXPORT_CONFIGS, path), *found = NULL;
	DIR *dir = opendir(configs);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (entry = readdir(dir))) {
		if (!is_config(entry->d_name))
			continue;
		if (found)
			r = -EMLINK;
		else
			found = xasprintf("%s/%s", configs, entry->d_name);
	}
	closedir(dir);
	if (r == 0 && !found)
		r = -ENOENT;
	if (r == 0)
		*ret = TAKE_PTR(found);
	return r;
}

/* *ret_root: the directory of the machine, two above the file. */
static int load(const char *path, char **ret_root, char **ret_text, struct err **e)
{
	_cleanup_free_ char *file = NULL;
	struct stat st;
	char *slash;
	int r = stat(path, &st) < 0 ? -errno : 0;

	if (r == 0 && S_ISDIR(st.st_mode))
		r = find_config(path, &file);
	else if (r == 0)
		file = xstrdup(path);
	if (r == 0)
		r = import_read_file(file, ret_text);
	if (r < 0)
		return unreadable(path, r, e);
	for (int i = 0; i < 2; i++) {
		slash = strrchr(file, '/');
		if (slash)
			*slash = 0;
	}
	*ret_root = TAKE_PTR(file);
	return 0;
}

/* ---- the documents ---- */

static void connect_adapter(struct importing *x, struct adapter_doc *a, bool warn)
{
	const struct docs *d = call_docs(x->call);
	const struct switch_doc *sw = NULL;
	struct err *none = NULL;
	char id[GUID_TEXT_SIZE];
	const char *name;

	if (guid_is_zero(&a->switch_id) || switch_get(d, &a->switch_id))
		return;
	name = json_string_value(json_object_get(x->parts.switches, guid_format(&a->switch_id, id)));
	if (name)
		switch_find(d, name, &sw, &none);
	err_free(none);
	if (!sw && warn)
		call_warn(x->call, "There is no switch \"%s\": the network adapter \"%s\" is not connected.", name ? name : id, a->name ? a->name : "");
	a->switch_id = sw ? sw->id : (struct guid){ 0 };
}

static void connect_all(struct importing *x)
{
	struct adapter_doc *a;

	for (size_t pos = 0; (a = vm_config_next(&x->parts.config, &adapter_kind, &pos));)
		connect_adapter(x, a, true);
	vec_foreach(&x->parts.checkpoints, c)
		for (size_t pos = 0; (a = vm_config_next(&c->config, &adapter_kind, &pos));)
			connect_adapter(x, a, false);
}

static void settle_mac(struct importing *x, const struct adapter_doc *own)
{
	const struct adapter_doc *a = adapter_get(call_docs(x->call), &own->id);
	struct adapter_doc *changed;
	char mac[MAC_TEXT_SIZE];

	if (!adapter_by_mac(call_docs(x->call), a, &a->mac))
		return;
	/* Memory knows its adapters by their addresses. */
	if (!a->dynamic_mac || x->parts.saved) {
		call_warn(x->call, "The MAC address %s is also that of another network adapter.", mac_format(&a->mac, mac));
		return;
	}
	changed = doc_copy(&adapter_kind, a);
	changed->mac = adapter_new_mac(call_docs(x->call), call_host(x->call)->name);
	docs_put(call_docs(x->call), &adapter_kind, changed);
}

static int check_id(struct importing *x, struct err **e)
{
	const struct vm_doc *own = vm_config_vm(&x->parts.config), *other = vm_get(call_docs(x->call), &own->id);
	int r;

	if (!other)
		return 0;
	r = err_set(e, "Import.IdInUse", ERR_RESOURCE_EXISTS, own->name, "The virtual machine \"%s\" has the same id.", other->name);
	return err_advise(e, r, "-Copy -GenerateNewId imports it as another one.");
}

static void set_text(json_t *list, const char *member, const char *value)
{
	json_object_set_new(json_array_get(list, 0), member, json_string(value));
}

/* Its configuration is sound when it could be that of the machine; what is written for that is taken back. *ret: as checkpoints have it. */
static int check_checkpoint(struct importing *x, struct import_checkpoint *k, char **ret, struct err **e)
{
	struct vm_doc *own = vm_config_vm(&k->config), *main = vm_config_vm(&x->parts.config);
	struct docs *d = call_docs(x->call);
	size_t mark = docs_mark(d);
	json_t *config;
	int r;

	if (checkpoint_get(d, &k->doc->id))
		return err_set(e, "Import.IdInUse", ERR_RESOURCE_EXISTS, k->doc->name, "There is a checkpoint with the id of \"%s\".", k->doc->name);
	if (!main->name)
		return err_set(e, "Config.Invalid", ERR_INVALID_ARGUMENT, NULL, "The virtual machine has no name.");
	free(own->name);
	own->name = xstrdup(main->name);
	r = vm_config_add(x->call, &k->config, e);
	if (r < 0)
		return r;
	config = vm_config_write(d, vm_get(d, &own->id));
	set_text(json_object_get(config, "vm"), "state", vm_states[k->memory ? VM_SAVED : VM_OFF]);
	*ret = json_dumps(config, JSON_COMPACT);
	json_decref(config);
	docs_rollback_to(d, mark);
	return 0;
}

static void put_image(struct importing *x, enum image_type type, const char *path, const struct import_disk *backing)
{
	struct image_doc *image = doc_new(&image_kind);

	image->vm = vm_config_vm(&x->parts.config)->id;
	image->type = type;
	image->path = xstrdup(path);
	if (backing) {
		enum drive_format format = DRIVE_RAW;

		drive_format_from_qemu(backing->format, &format);
		image->backing = xstrdup(backing->to);
		image->backing_format = format;
	}
	docs_put(call_docs(x->call), &image_kind, image);
}

/* New; belongs to the caller. */
static char *memory_path(struct importing *x, const struct guid *id)
{
	char text[GUID_TEXT_SIZE];

	return xasprintf("%s/%s.memory", vm_snapshot_path(x->call, vm_config_vm(&x->parts.config)), guid_format(id, text));
}

static char **push(char **list, size_t n, char *text)
{
	list = xreallocarray(list, n + 2, sizeof(*list));
	list[n] = text;
	list[n + 1] = NULL;
	return list;
}

static void put_checkpoint(struct importing *x, struct checkpoint_doc *s, const struct vm_config *config, bool memory, bool variables)
{
	struct host *h = call_host(x->call);
	const struct drive_doc *drive;
	char id[GUID_TEXT_SIZE];
	size_t n = 0;

	s->vm = vm_config_vm(&x->parts.config)->id;
	for (size_t pos = 0; (drive = vm_config_next(config, &drive_kind, &pos));) {
		if (drive->type != DRIVE_HARD_DISK || !drive->path)
			continue;
		s->drives = push(s->drives, n, xstrdup(guid_format(&drive->id, id)));
		s->disks = push(s->disks, n++, xstrdup(drive->path));
	}
	if (memory) {
		s->memory = memory_path(x, &s->id);
		s->foreign = true;
		put_image(x, IMAGE_MEMORY, s->memory, NULL);
	}
	for (size_t i = 0; i < 2 && variables; i++) {
		s->variables = push(s->variables, i, h->variables(h, &s->id, i == 1));
		put_image(x, IMAGE_VARIABLES, s->variables[i], NULL);
	}
	docs_put(call_docs(x->call), &checkpoint_kind, s);
}

/* As it was saved: restored from a checkpoint that nobody sees, which goes when that is done. */
static void put_saved(struct importing *x)
{
	struct docs *d = call_docs(x->call);
	struct vm_doc *own = vm_config_vm(&x->parts.config), *changed = doc_copy(&vm_kind, vm_get(d, &own->id));
	struct checkpoint_doc *s = doc_new(&checkpoint_kind);
	json_t *config = vm_config_write(d, changed);

	s->id = x->hidden;
	s->hidden = true;
	s->config = json_dumps(config, JSON_COMPACT);
	json_decref(config);
	put_checkpoint(x, s, &x->parts.config, true, false);
	vm_set_state(changed, VM_SAVED, NULL);
	changed->restoring = x->hidden;
	docs_put(d, &vm_kind, changed);
}

/* Everything is held against the rules, and written; the checkpoints first, while there is no such machine. */
static int add(struct importing *x, struct err **e)
{
	VEC(char *) configs = { 0 };
	int r = check_id(x, e);

	vec_foreach(&x->parts.checkpoints, c) {
		char *text = NULL;

		if (r == 0)
			r = check_checkpoint(x, c, &text, e);
		vec_push(&configs, text);
	}
	if (r == 0)
		r = vm_config_add(x->call, &x->parts.config, e);
	for (size_t i = 0; i < x->parts.checkpoints.n && r == 0; i++) {
		const struct import_checkpoint *c = &x->parts.checkpoints.items[i];
		struct checkpoint_doc *s = doc_copy(&checkpoint_kind, c->doc);

		s->config = TAKE_PTR(configs.items[i]);
		put_checkpoint(x, s, &c->config, c->memory, c->variables);
	}
	vec_foreach(&x->parts.disks, disk)
		if (r == 0 && &x->parts.disks.items[disk->backing] != disk)
			put_image(x, IMAGE_DISK, disk->to, &x->parts.disks.items[disk->backing]);
	if (r == 0 && x->parts.saved)
		put_saved(x);
	texts_free(configs.items, configs.n);
	vec_done(&configs);
	return r;
}

/* ---- its files ---- */

static void add_file(struct importing *x, const char *directory, const struct guid *was, const char *ending, char *to)
{
	char id[GUID_TEXT_SIZE];

	vec_push(&x->files, xasprintf("%s/%s/%s.%s", x->root, directory, guid_format(was, id), ending));
	vec_push(&x->files, to);
}

static void add_memory(struct importing *x, const char *directory, const struct guid *was, const struct guid *is)
{
	add_file(x, directory, was, EXPORT_MEMORY_ENDING, memory_path(x, is));
	x->n_memory++;
}

static void add_variables(struct importing *x, const char *directory, const struct guid *was, const struct guid *is)
{
	struct host *h = call_host(x->call);

	add_file(x, directory, was, EXPORT_VARIABLES_ENDING, h->variables(h, is, false));
	add_file(x, directory, was, EXPORT_SECURE_ENDING, h->variables(h, is, true));
}

static void list_files(struct importing *x)
{
	const struct vm_doc *vm = vm_config_vm(&x->parts.config);

	if (x->parts.saved)
		add_memory(x, EXPORT_CONFIGS, &x->parts.was, &x->hidden);
	vec_foreach(&x->parts.checkpoints, c)
		if (c->memory)
			add_memory(x, EXPORT_SNAPSHOTS, &c->was, &c->doc->id);
	if (vm->generation == 2)
		add_variables(x, EXPORT_CONFIGS, &x->parts.was, &vm->id);
	vec_foreach(&x->parts.checkpoints, c)
		if (c->variables)
			add_variables(x, EXPORT_SNAPSHOTS, &c->was, &c->doc->id);
}

/* Where memory goes, with all other machines' (0024): the machine's own directory is made before it is a machine. */
static int place_memory(struct importing *x, struct err **e)
{
	struct vm_doc *vm = vm_config_vm(&x->parts.config);
	bool memory = x->parts.saved, made = false;
	int r = 0;

	vec_foreach(&x->parts.checkpoints, c)
		memory |= c->memory;
	if (!memory)
		return 0;
	if (!vm->path && !vm->snapshot_path)
		r = location_new_make(x->call, NULL, vm, &made, e);
	if (made)
		x->made = xstrdup(vm->path);
	return r;
}

static void on_files(void *arg, struct err *e);

static int copy_files(struct importing *x, struct err **e)
{
	struct host_import import = { 0 };
	int r = x->n_memory ? location_check(x->call, vm_snapshot_path(x->call, vm_config_vm(&x->parts.config)), e) : 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < x->files.n; i += 2)
		vec_push(&import.files, (struct host_import_file){ x->files.items[i], x->files.items[i + 1], i / 2 < x->n_memory });
	vec_foreach(&x->parts.ids, id)
		vec_push(&import.ids, (struct host_import_id){ id->was, id->is });
	r = call_host(x->call)->import_files(call_host(x->call), &import, on_files, x, e);
	vec_done(&import.files);
	vec_done(&import.ids);
	return r;
}

/* ---- the images ---- */

static void warn(struct call *c, const struct importing *x, const struct vm_doc *vm)
{
	if (vm->user_data)
		call_warn(c, "\"%s\" shows its guest a file of this host: %s.", vm->name, vm->user_data);
	if (vm->kernel)
		call_warn(c, "\"%s\" boots files of this host: %s%s%s.", vm->name, vm->kernel, vm->initrd ? " and " : "", vm->initrd ? vm->initrd : "");
	if (x->n_memory)
		call_warn(c, "Memory of \"%s\" comes from elsewhere: QEMU goes on from it as it is.", vm->name);
}

static int write_docs(struct call *c, void *arg, struct err **e)
{
	struct importing *x = arg;
	struct vm_doc *vm = vm_config_vm(&x->parts.config);
	struct adapter_doc *a;
	int r;

	if (x->error) {
		*e = TAKE_PTR(x->error);
		return -EIO;
	}
	connect_all(x);
	r = vm->path ? 0 : location_new_make(c, NULL, vm, NULL, e);
	/* What there is may have changed since it was looked at first. */
	if (r == 0)
		r = add(x, e);
	if (r < 0)
		return r;
	for (size_t pos = 0; (a = vm_config_next(&x->parts.config, &adapter_kind, &pos));)
		settle_mac(x, a);
	warn(c, x, vm);
	call_emit(c, vm_to_object, &vm_kind, vm_get(call_docs(c), &vm->id));
	x->filed = false;
	free(TAKE_PTR(x->made));
	return 0;
}

static void finish(struct importing *x)
{
	struct host *h = call_host(x->call);

	call_resume(x->call, write_docs, x);
	vec_foreach(&x->parts.disks, disk)
		if (disk->made)
			h->image_discard(h, disk->to);
	for (size_t i = 0; x->filed && i < x->files.n; i += 2)
		unlink(x->files.items[i + 1]);
	importing_free(x);
}

static void on_files(void *arg, struct err *e)
{
	struct importing *x = arg;

	x->error = e;
	x->filed = !e;
	finish(x);
}

static void go_on(struct importing *x);

/* What an image says that it lies on is what the configuration says. */
static int check_backing(const struct importing *x, const struct host_image *image, struct err **e)
{
	const struct import_disk *disk = &x->parts.disks.items[x->at], *backing = &x->parts.disks.items[disk->backing];

	if (backing == disk || (image->parent && streq(image->parent, backing->from) && streq(image->parent_format, backing->format)))
		return 0;
	return err_set(e, "Config.Invalid", ERR_INVALID_ARGUMENT, disk->from, "\"%s\" does not lie on \"%s\", as the configuration says.", disk->from,
		       backing->name);
}

static void on_image(void *arg, const struct host_image *image, struct err *e)
{
	struct importing *x = arg;

	if (!e && x->copying)
		x->parts.disks.items[x->at].made = true;
	else if (!e)
		check_backing(x, image, &e);
	x->error = e;
	x->at++;
	go_on(x);
}

static void on_progress(void *arg, int percent)
{
	const struct importing *x = arg;

	call_progress_of(x->call, &(struct progress){ .activity = "Copying", .target = x->parts.disks.items[x->at].from, .number = x->at + 1,
						      .of = x->parts.disks.n, .percent = percent });
}

static int begin(struct importing *x, struct err **e)
{
	const struct import_disk *disk = &x->parts.disks.items[x->at], *backing = &x->parts.disks.items[disk->backing];
	struct host *h = call_host(x->call);
	struct drive_look *look;
	struct host_image_job job = { .op = HOST_IMAGE_CONVERT, .path = disk->from, .format = disk->format, .target = disk->to,
				      .target_format = disk->format, .for_drive = true, .progress = on_progress };

	if (x->copying)
		on_progress(x, PROGRESS_UNKNOWN);
	if (backing != disk) {
		job.parent = backing->name;
		job.parent_format = backing->format;
	}
	return x->copying ? h->image(h, &job, on_image, x, e) : drive_look(h, disk->from, false, on_image, x, &look, e);
}

/* All are looked at, then all are copied, then what else there is. */
static void go_on(struct importing *x)
{
	if (!x->error && x->at == x->parts.disks.n && x->copy && !x->copying) {
		x->copying = true;
		x->at = 0;
		mkdir_p(x->directory, 0711);
	}
	if (!x->error && x->at < x->parts.disks.n && begin(x, &x->error) == 0)
		return;
	if (!x->error && x->files.n && copy_files(x, &x->error) == 0)
		return;
	finish(x);
}

static void replace_text(char **text, const char *value)
{
	free(*text);
	*text = value ? xstrdup(value) : NULL;
}

static void own_places(struct importing *x)
{
	struct vm_doc *vm = vm_config_vm(&x->parts.config);

	replace_text(&vm->path, x->path);
	replace_text(&vm->snapshot_path, x->snapshot_path);
	vec_foreach(&x->parts.checkpoints, c) {
		replace_text(&vm_config_vm(&c->config)->path, x->path);
		replace_text(&vm_config_vm(&c->config)->snapshot_path, x->snapshot_path);
	}
}

/* 1: it may begin. */
static int check(struct importing *x, const char *path, struct err **e)
{
	struct import_how how = { .directory = x->copy ? x->directory : NULL, .new_ids = call_bool(x->call, "GenerateNewId", false) };
	size_t mark = docs_mark(call_docs(x->call));
	_cleanup_free_ char *text = NULL;
	int r = load(path, &x->root, &text, e);

	how.root = x->root;
	if (r == 0)
		r = import_parts_read(text, &how, &x->parts, e);
	if (r < 0)
		return r;
	own_places(x);
	x->hidden = guid_new();
	r = add(x, e);
	docs_rollback_to(call_docs(x->call), mark);
	if (r < 0 || !call_should(x->call, vm_config_vm(&x->parts.config)->name, "%s", call_name(x->call)))
		return r;
	r = place_memory(x, e);
	if (r < 0)
		return r;
	list_files(x);
	return 1;
}

static int locate(struct importing *x, struct err **e)
{
	struct call *c = x->call;
	const char *given = call_str(c, "VhdDestinationPath", NULL);
	int r;

	x->directory = xstrdup(given ? given : vm_host_disk_path(c));
	r = given ? vm_check_path("VhdDestinationPath", given, e) : x->copy ? location_check(c, x->directory, e) : 0;
	if (r == 0 && call_given(c, "VirtualMachinePath"))
		r = location_resolve("VirtualMachinePath", call_str(c, "VirtualMachinePath", ""), &x->path, e);
	else if (r == 0)
		r = location_new_check(c, NULL, e);
	if (r == 0 && call_given(c, "SnapshotFilePath"))
		r = location_resolve("SnapshotFilePath", call_str(c, "SnapshotFilePath", ""), &x->snapshot_path, e);
	return r;
}

int import_config(struct call *c, struct err **e)
{
	const char *path = call_str(c, "Path", "");
	struct importing *x;
	int r = vm_check_path("Path", path, e);

	if (r == 0)
		r = vm_check_engine(VM_ENGINE_QEMU, call_host(c), path, e);
	if (r < 0)
		return r;
	x = xcalloc(1, sizeof(*x));
	x->call = c;
	x->copy = call_bool(c, "Copy", false);
	r = locate(x, e);
	if (r == 0)
		r = check(x, path, e);
	/* What is first is begun here, so that the answer is never given from within. */
	if (r == 1 && x->parts.disks.n)
		r = begin(x, e) < 0 ? -EIO : CALL_PENDING;
	else if (r == 1 && x->files.n)
		r = copy_files(x, e) < 0 ? -EIO : CALL_PENDING;
	else if (r == 1)
		r = write_docs(c, x, e);
	if (r != CALL_PENDING)
		importing_free(x);
	return r;
}
