/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "adapter.h"
#include "checkpoint.h"
#include "copy.h"
#include "drive_image.h"
#include "drive_rules.h"
#include "export.h"
#include "feature.h"
#include "switch.h"
#include "vm_rules.h"

/* Export-VM: a directory PATH/NAME with the configuration as JSON and copies of the disks. */

static const char *const vm_type[] = { "VirtualMachine", NULL };

static const struct param export_params[] = {
	{ "Name", P_STRING, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "names of virtual machines that are off, or wildcards", .aliases = "VMName",
	  .sets = IN_SET(0) },
	{ "VM", P_OBJECT, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "virtual machines, as Get-VM returns them", .values = vm_type,
	  .sets = IN_SET(1) },
	{ "Path", P_STRING, POS(1) | REQUIRED, "directory in which each gets one of its name; made where it is not there" },
	{ 0 },
};

/* ---- what is exported ---- */

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

	if (r == 0)
		r = vm_check_off(vm, e);
	call_host(c)->guest(call_host(c), &vm->id, &guest);
	if (r == 0 && guest.running)
		r = refuse_state(vm->name, "It is stopping: try again when it is off.", e);
	return r == 0 ? check_name_is_file(vm, e) : r;
}

/* The image that all overlays of checkpoints lie on: what the disk is called after. */
static const char *root_of(const struct docs *d, const struct drive_doc *drive, enum drive_format *ret)
{
	const char *path = drive->path;
	const struct image_doc *image;

	*ret = drive->format;
	while ((image = image_get(d, path)) && image->backing) {
		path = image->backing;
		*ret = image->backing_format;
	}
	return path;
}

static bool is_taken(const struct host_export *x, const char *to)
{
	for (size_t i = 0; i < x->n_disks; i++)
		if (streq(x->disks[i].to, to))
			return true;
	return false;
}

/* Its name says what it is, and no two are the same. */
static char *export_name(const struct host_export *x, const char *root, enum drive_format format)
{
	static const char *const endings[] = { [DRIVE_RAW] = ".img", [DRIVE_QCOW2] = ".qcow2", [DRIVE_VHDX] = ".vhdx", [DRIVE_VHD] = ".vhd" };
	const char *slash = strrchr(root, '/'), *name = slash ? slash + 1 : root;
	enum drive_format said;
	bool good = drive_format_of(name, &said) && said == format;
	char *to = xasprintf(EXPORT_DISKS "/%s%s", name, good ? "" : endings[format]);

	for (unsigned i = 2; is_taken(x, to); i++) {
		free(to);
		to = xasprintf(EXPORT_DISKS "/%u-%s%s", i, name, good ? "" : endings[format]);
	}
	return to;
}

static void set_text(json_t *list, const char *id, const char *member, const char *value)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (!id || streq_ptr(json_string_value(json_object_get(one, "id")), id))
			json_object_set_new(one, member, value ? json_string(value) : json_null());
}

static void add_disks(const struct docs *d, const struct vm_doc *vm, json_t *config, struct host_export *x)
{
	json_t *list = json_object_get(config, "drives");
	drive_vec drives = { 0 };

	drive_of_vm(d, &vm->id, &drives);
	x->disks = xcalloc(drives.n + 1, sizeof(*x->disks));
	vec_foreach(&drives, drive) {
		enum drive_format format;
		char id[GUID_TEXT_SIZE];
		const char *root;
		char *to;

		if ((*drive)->type != DRIVE_HARD_DISK || !(*drive)->path)
			continue;
		root = root_of(d, *drive, &format);
		to = export_name(x, root, format);
		x->disks[x->n_disks++] = (struct host_export_disk){
			.from = (*drive)->path, .format = drive_format_qemu((*drive)->format), .to = to, .to_format = drive_format_qemu(format),
		};
		guid_format(&(*drive)->id, id);
		set_text(list, id, "path", to);
		set_text(list, id, "format", drive_formats[format]);
	}
	vec_done(&drives);
}

/* Switches have other ids elsewhere, and perhaps the same names. */
static json_t *switches_of(const struct docs *d, const struct vm_doc *vm)
{
	json_t *names = json_object();
	adapter_vec adapters = { 0 };
	char id[GUID_TEXT_SIZE];

	adapter_of_vm(d, &vm->id, &adapters);
	vec_foreach(&adapters, a) {
		const struct switch_doc *sw = switch_get(d, &(*a)->switch_id);

		if (sw)
			json_object_set_new(names, guid_format(&sw->id, id), json_string(sw->name));
	}
	vec_done(&adapters);
	return names;
}

/* As it is when it is off, and nothing of what it is to this host alone. */
static json_t *config_of(const struct docs *d, const struct vm_doc *vm)
{
	json_t *config = vm_config_write(d, vm), *own = json_object_get(config, "vm");

	set_text(own, NULL, "state", vm_states[VM_OFF]);
	set_text(own, NULL, "checkpoint", NULL);
	set_text(own, NULL, "restoring", NULL);
	set_text(own, NULL, "path", NULL);
	set_text(own, NULL, "snapshotPath", NULL);
	json_object_set_new(json_array_get(own, 0), "takenIn", json_false());
	json_object_set_new(json_array_get(own, 0), "boot", json_integer(0));
	json_object_set_new(config, "switches", switches_of(d, vm));
	return config;
}

/* ---- the cmdlet ---- */

struct exports {
	struct call *call;
	size_t left; /* that are under way, and one while they are begun */
	size_t begun, over;
	struct one_export *shown; /* whose progress is told */
};

struct one_export {
	struct exports *all;
	struct guid vm;
	char *name;
};

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
	if (all->begun > 1) {
		p.number = all->over + 1;
		p.of = all->begun;
	}
	call_progress_of(all->call, &p);
}

static void on_export(void *arg, struct err *e)
{
	struct one_export *one = arg;
	struct exports *all = one->all;
	struct call *c = all->call;
	const struct vm_doc *vm = vm_get(call_docs(c), &one->vm);

	all->over++;
	if (all->shown == one)
		all->shown = NULL;
	if (e)
		call_error(c, &e);
	else if (vm && call_bool(c, "PassThru", false))
		call_emit(c, vm_to_object, &vm_kind, vm);
	free(one->name);
	free(one);
	if (--all->left)
		return;
	free(all);
	call_complete(c, NULL);
}

static int begin(struct exports *all, const struct vm_doc *vm, struct err **e)
{
	struct call *c = all->call;
	_cleanup_free_ char *config_name = NULL, *text = NULL;
	struct one_export *one = xcalloc(1, sizeof(*one));
	json_t *config = config_of(call_docs(c), vm);
	char id[GUID_TEXT_SIZE];
	struct host_export x = { .vm = vm->id, .parent = call_str(c, "Path", ""), .name = vm->name, .progress = on_progress };
	int r;

	add_disks(call_docs(c), vm, config, &x);
	text = json_dumps(config, JSON_INDENT(1));
	json_decref(config);
	x.config_name = config_name = xasprintf(EXPORT_CONFIGS "/%s.json", guid_format(&vm->id, id));
	x.config = text;
	one->all = all;
	one->vm = vm->id;
	one->name = xstrdup(vm->name);
	r = call_host(c)->export_machine(call_host(c), &x, on_export, one, e);
	for (size_t i = 0; i < x.n_disks; i++)
		free((void *)(uintptr_t)x.disks[i].to);
	free(x.disks);
	if (r < 0) {
		free(one->name);
		free(one);
		return r;
	}
	all->left++;
	all->begun++;
	return 0;
}

static bool has_checkpoints(const struct docs *d, const struct guid *vm)
{
	const struct checkpoint_doc *s;

	for (size_t pos = 0; (s = docs_next(d, &checkpoint_kind, &pos));)
		if (guid_equal(&s->vm, vm))
			return true;
	return false;
}

static int export_one(struct exports *all, const struct vm_doc *vm, struct err **e)
{
	struct call *c = all->call;
	int r = check_export(c, vm, e);

	if (r < 0 || !call_should(c, vm->name, "%s", call_name(c)))
		return r;
	if (has_checkpoints(call_docs(c), &vm->id))
		call_warn(c, "\"%s\" is exported as it is now, without its checkpoints.", vm->name);
	return begin(all, vm, e);
}

static int export_vm(struct call *c, struct err **e)
{
	int r = vm_check_path("Path", call_str(c, "Path", ""), e);
	struct exports *all;
	vm_vec vms = { 0 };

	if (r < 0)
		return r;
	all = xcalloc(1, sizeof(*all));
	all->call = c;
	all->left = 1;
	vm_select(c, "Name", "VM", &vms);
	vec_foreach(&vms, vm) {
		struct err *one = NULL;

		if (export_one(all, *vm, &one) < 0)
			call_error(c, &one);
	}
	vec_done(&vms);
	if (--all->left)
		return CALL_PENDING;
	free(all);
	return 0;
}

const struct cmdlet export_cmdlets[] = {
	{ "Export-VM", "copy virtual machines that are off to a directory, from which Import-VM takes them in again", export_params, &vm_object,
	  export_vm, CHANGES | PASSTHRU },
	{ 0 },
};
