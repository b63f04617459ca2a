/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adapter_rules.h"
#include "drive_image.h"
#include "export.h"
#include "feature.h"
#include "acl.h"
#include "import.h"
#include "switch_rules.h"
#include "vm_config.h"
#include "vm_location.h"
#include "vm_rules.h"

/*
 * Import-VM -Path: an exported virtual machine, in place or copied. Its configuration and its images may have been made by anybody: all of
 * the configuration is held against the rules, disks lie in its own directory, and each image is looked at before it is used or copied.
 */

#define CONFIG_MAX (4u << 20)

struct importing {
	struct call *call;
	struct vm_config config; /* its hard disks' paths are where they shall be */
	json_t *switches;        /* id -> name, where it comes from */
	VEC(struct import_disk) disks;
	size_t at;               /* the disk that is looked at, or copied */
	bool copy, copying;
	char *path, *snapshot_path; /* of the machine; NULL: the default */
	char *directory;         /* where copies go */
	struct err *error;
};

struct import_disk {
	char *from, *to;
	const char *format; /* as QEMU calls it */
	bool made;
};

static void importing_free(struct importing *x)
{
	vm_config_done(&x->config);
	json_decref(x->switches);
	vec_foreach(&x->disks, disk) {
		free(disk->from);
		free(disk->to);
	}
	vec_done(&x->disks);
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

/* Nothing but a regular file is waited for. */
static int read_config(const char *path, char **ret)
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
		r = read_config(file, ret_text);
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

/* ---- what it says ---- */

static const char *name_in(const char *path)
{
	static const char prefix[] = EXPORT_DISKS "/";
	const char *name = path && strncmp(path, prefix, strlen(prefix)) == 0 ? path + strlen(prefix) : NULL;

	return name && *name && *name != '.' && !strchr(name, '/') ? name : NULL;
}

static int take_disk(struct importing *x, struct drive_doc *drive, const char *root, struct err **e)
{
	const char *name = name_in(drive->path);
	struct import_disk disk = { 0 };
	struct stat st;

	if (!name)
		return err_set(e, "Config.Invalid", ERR_INVALID_ARGUMENT, drive->path, "A disk of it lies outside of its directory \"%s\".",
			       EXPORT_DISKS);
	disk.from = xasprintf("%s/" EXPORT_DISKS "/%s", root, name);
	disk.to = x->copy ? xasprintf("%s/%s", x->directory, name) : xstrdup(disk.from);
	disk.format = drive_format_qemu(drive->format);
	free(drive->path);
	drive->path = xstrdup(disk.to);
	vec_push(&x->disks, disk);
	/* What a link leads to is not its own. */
	if (lstat(disk.from, &st) == 0 && S_ISREG(st.st_mode))
		return 0;
	err_set(e, "Vhd.NotFound", ERR_OBJECT_NOT_FOUND, disk.from, "\"%s\" is not there, or not a file.", disk.from);
	return err_advise(e, -ENOENT, "The disks of an exported virtual machine lie in its directory.");
}

/* What boots first is named by its id. */
static void renew_id(struct vm_doc *vm, struct guid *id)
{
	char old[GUID_TEXT_SIZE], text[GUID_TEXT_SIZE];

	guid_format(id, old);
	*id = guid_new();
	for (char **p = vm->boot_order; p && *p; p++) {
		if (!streq(*p, old))
			continue;
		free(*p);
		*p = xstrdup(guid_format(id, text));
	}
}

static void renew(struct vm_config *config)
{
	struct guid vm = guid_new();

	vec_foreach(&config->parts, part) {
		if (part->kind == &vm_kind) {
			((struct vm_doc *)part->doc)->id = vm;
		} else if (part->kind == &drive_kind) {
			renew_id(vm_config_vm(config), &((struct drive_doc *)part->doc)->id);
			((struct drive_doc *)part->doc)->vm = vm;
		} else if (part->kind == &adapter_kind) {
			struct adapter_doc *a = part->doc;
			struct guid old = a->id;

			renew_id(vm_config_vm(config), &a->id);
			a->vm = vm;
			vec_foreach(&config->parts, acl) {
				if (acl->kind == &acl_kind && guid_equal(&((struct acl_doc *)acl->doc)->adapter, &old))
					((struct acl_doc *)acl->doc)->adapter = a->id;
				if (acl->kind == &extended_acl_kind && guid_equal(&((struct extended_acl_doc *)acl->doc)->adapter, &old))
					((struct extended_acl_doc *)acl->doc)->adapter = a->id;
			}
		}
	}
}

static void own_state(const struct importing *x, struct vm_doc *vm)
{
	free(vm->path);
	vm->path = x->path ? xstrdup(x->path) : NULL;
	free(vm->snapshot_path);
	vm->snapshot_path = x->snapshot_path ? xstrdup(x->snapshot_path) : NULL;
	vm_set_state(vm, VM_OFF, NULL);
	vm->checkpoint = vm->restoring = (struct guid){ 0 };
	vm->taken_in = false;
	vm->boot = 0;
}

static int take_config(struct importing *x, const char *text, const char *root, struct err **e)
{
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct drive_doc *drive;
	int r = vm_config_read(json, &x->config, e);

	if (r == 0)
		x->switches = json_incref(json_object_get(json, "switches"));
	json_decref(json);
	if (r < 0)
		return r;
	own_state(x, vm_config_vm(&x->config));
	if (call_bool(x->call, "GenerateNewId", false))
		renew(&x->config);
	for (size_t pos = 0; r == 0 && (drive = vm_config_next(&x->config, &drive_kind, &pos));)
		if (drive->type == DRIVE_HARD_DISK)
			r = take_disk(x, drive, root, e);
	return r;
}

/* ---- the documents ---- */

static void connect_adapter(struct importing *x, struct adapter_doc *a)
{
	const struct docs *d = call_docs(x->call);
	const struct switch_doc *sw = NULL;
	struct err *none = NULL;
	char id[GUID_TEXT_SIZE];
	const char *name;

	if (guid_is_zero(&a->switch_id) || switch_get(d, &a->switch_id))
		return;
	name = json_string_value(json_object_get(x->switches, guid_format(&a->switch_id, id)));
	if (name)
		switch_find(d, name, &sw, &none);
	err_free(none);
	if (!sw)
		call_warn(x->call, "There is no switch \"%s\": the network adapter \"%s\" is not connected.", name ? name : id, a->name ? a->name : "");
	a->switch_id = sw ? sw->id : (struct guid){ 0 };
}

static void settle_mac(struct importing *x, const struct adapter_doc *own)
{
	const struct adapter_doc *a = adapter_get(call_docs(x->call), &own->id);
	struct adapter_doc *changed;
	char mac[MAC_TEXT_SIZE];

	if (!adapter_by_mac(call_docs(x->call), a, &a->mac))
		return;
	if (!a->dynamic_mac) {
		call_warn(x->call, "The MAC address %s is also that of another network adapter.", mac_format(&a->mac, mac));
		return;
	}
	changed = doc_copy(&adapter_kind, a);
	changed->mac = adapter_new_mac(call_docs(x->call), call_host(x->call)->name);
	docs_put(call_docs(x->call), &adapter_kind, changed);
}

static int check_id(struct importing *x, struct err **e)
{
	const struct vm_doc *own = vm_config_vm(&x->config), *other = vm_get(call_docs(x->call), &own->id);
	int r;

	if (!other)
		return 0;
	r = err_set(e, "Import.IdInUse", ERR_RESOURCE_EXISTS, own->name, "The virtual machine \"%s\" has the same id.", other->name);
	return err_advise(e, r, "-Copy -GenerateNewId imports it as another one.");
}

static int add(struct importing *x, struct err **e)
{
	int r = check_id(x, e);

	return r == 0 ? vm_config_add(x->call, &x->config, e) : r;
}

/* ---- the images ---- */

static int write_docs(struct call *c, void *arg, struct err **e)
{
	struct importing *x = arg;
	const struct vm_doc *vm = vm_config_vm(&x->config);
	struct adapter_doc *a;
	int r;

	if (x->error) {
		*e = TAKE_PTR(x->error);
		return -EIO;
	}
	for (size_t pos = 0; (a = vm_config_next(&x->config, &adapter_kind, &pos));)
		connect_adapter(x, a);
	r = x->path ? 0 : location_new_make(c, NULL, vm_config_vm(&x->config), e);
	/* What there is may have changed since it was looked at first. */
	if (r == 0)
		r = add(x, e);
	if (r < 0)
		return r;
	for (size_t pos = 0; (a = vm_config_next(&x->config, &adapter_kind, &pos));)
		settle_mac(x, a);
	if (vm->user_data)
		call_warn(c, "\"%s\" shows its guest a file of this host: %s.", vm->name, vm->user_data);
	if (vm->kernel)
		call_warn(c, "\"%s\" boots files of this host: %s%s%s.", vm->name, vm->kernel, vm->initrd ? " and " : "", vm->initrd ? vm->initrd : "");
	call_emit(c, vm_to_object, &vm_kind, vm_get(call_docs(c), &vm->id));
	return 0;
}

static void finish(struct importing *x)
{
	struct host *h = call_host(x->call);

	call_resume(x->call, write_docs, x);
	vec_foreach(&x->disks, disk)
		if (disk->made)
			h->image_discard(h, disk->to);
	importing_free(x);
}

static void go_on(struct importing *x);

static void on_image(void *arg, const struct host_image *image, struct err *e)
{
	struct importing *x = arg;

	(void)image;
	x->error = e;
	if (!e && x->copying)
		x->disks.items[x->at].made = true;
	x->at++;
	go_on(x);
}

static void on_progress(void *arg, int percent)
{
	const struct importing *x = arg;

	call_progress_of(x->call, &(struct progress){ .activity = "Copying", .target = x->disks.items[x->at].from, .number = x->at + 1,
						      .of = x->disks.n, .percent = percent });
}

static int begin(struct importing *x, struct err **e)
{
	const struct import_disk *disk = &x->disks.items[x->at];
	struct host *h = call_host(x->call);
	struct drive_look *look;
	struct host_image_job job = { .op = HOST_IMAGE_CONVERT, .path = disk->from, .format = disk->format, .target = disk->to,
				      .target_format = disk->format, .for_drive = true, .progress = on_progress };

	if (x->copying)
		on_progress(x, PROGRESS_UNKNOWN);
	return x->copying ? h->image(h, &job, on_image, x, e) : drive_look(h, disk->from, false, on_image, x, &look, e);
}

/* All are looked at, then all are copied. */
static void go_on(struct importing *x)
{
	if (!x->error && x->at == x->disks.n && x->copy && !x->copying) {
		x->copying = true;
		x->at = 0;
		mkdir_p(x->directory, 0711);
	}
	if (x->error || x->at == x->disks.n || begin(x, &x->error) < 0)
		finish(x);
}

/* 1: it may begin. */
static int check(struct importing *x, const char *path, struct err **e)
{
	_cleanup_free_ char *root = NULL, *text = NULL;
	size_t mark = docs_mark(call_docs(x->call));
	int r = load(path, &root, &text, e);

	if (r == 0)
		r = take_config(x, text, root, e);
	if (r == 0)
		r = add(x, e);
	docs_rollback_to(call_docs(x->call), mark);
	if (r < 0)
		return r;
	return call_should(x->call, vm_config_vm(&x->config)->name, "%s", call_name(x->call));
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
	/* The first image is looked at here, so that the answer is never given from within. */
	if (r == 1 && x->disks.n)
		r = begin(x, e) < 0 ? -EIO : CALL_PENDING;
	else if (r == 1)
		r = write_docs(c, x, e);
	if (r != CALL_PENDING)
		importing_free(x);
	return r;
}
