/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <time.h>

#include "adapter_rules.h"
#include "checkpoint_view.h"
#include "feature.h"
#include "switch_rules.h"
#include "vm_location.h"
#include "vm_rules.h"

/* Checkpoint-VM and *-VMSnapshot (cmdlets.md 3.4). The documents say what is wanted; the engine's copies.c does it. */

static const char *const vm_type[] = { "VirtualMachine", NULL };
static const char *const snapshot_types[] = { "Standard", "Recovery", "Planned", "Missing", "Replica", "AppConsistentReplica",
					      "SyncedReplica", NULL };

#define SNAPSHOT_NAME_HELP "name of a checkpoint, or wildcards"
#define SNAPSHOT_OBJECTS(set_, flags_)                                                                                 \
	{                                                                                                              \
		"VMSnapshot", P_OBJECT, (flags_) | POS(0) | PIPE_VALUE | REQUIRED, "checkpoints, as Get-VMSnapshot returns them", \
			.aliases = "VMCheckpoint", .values = snapshot_type, .sets = IN_SET(set_)                       \
	}
#define VM_OBJECT(set_)                                                                                                \
	{                                                                                                              \
		"VM", P_OBJECT, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "virtual machines, as Get-VM returns them",    \
			.values = vm_type, .sets = IN_SET(set_)                                                        \
	}

static const struct param checkpoint_params[] = {
	{ "Name", P_STRING, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "names of virtual machines, or wildcards", .aliases = "VMName",
	  .sets = IN_SET(0) },
	VM_OBJECT(1),
	{ "SnapshotName", P_STRING, POS(1), "name of the checkpoint, up to 100 characters; by default the virtual machine's and the time",
	  .aliases = "CheckpointName" },
	{ 0 },
};
static const struct param get_params[] = {
	{ "VMName", P_STRING, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "names of virtual machines, or wildcards", .sets = IN_SET(0) },
	VM_OBJECT(1),
	{ "Id", P_GUID, POS(0) | PIPE_VALUE | PIPE_NAME | REQUIRED, "id of a checkpoint", .sets = IN_SET(2) },
	{ "ParentOf", P_OBJECT, PIPE_VALUE | REQUIRED, "the checkpoint that this one was taken after", .values = snapshot_type, .sets = IN_SET(3) },
	{ "ChildOf", P_OBJECT, PIPE_VALUE | REQUIRED, "checkpoints that were taken after this one", .values = snapshot_type, .sets = IN_SET(4) },
	{ "Name", P_STRING, POS(1), SNAPSHOT_NAME_HELP, .sets = IN_SET(0) | IN_SET(1) | IN_SET(3) | IN_SET(4) },
	{ "SnapshotType", P_ENUM, 0, "only those of this type; here all are Standard", .values = snapshot_types,
	  .aliases = "VMRecoveryCheckpoint", .sets = IN_SET(0) | IN_SET(1) | IN_SET(3) | IN_SET(4) },
	{ 0 },
};
static const struct param restore_params[] = {
	{ "Name", P_STRING, POS(0) | PIPE_VALUE | REQUIRED, "name of the checkpoint", .sets = IN_SET(0) | IN_SET(2) },
	{ "VMName", P_STRING, POS(1) | REQUIRED, "name of the virtual machine", .sets = IN_SET(0) },
	SNAPSHOT_OBJECTS(1, 0),
	{ "VM", P_OBJECT, PIPE_VALUE | REQUIRED, "the virtual machine, as Get-VM returns it", .values = vm_type, .sets = IN_SET(2) },
	{ 0 },
};
static const struct param remove_params[] = {
	{ "VMName", P_STRING, ARRAY | POS(0) | REQUIRED, "names of virtual machines, or wildcards", .sets = IN_SET(0) },
	VM_OBJECT(1),
	SNAPSHOT_OBJECTS(2, ARRAY),
	{ "Name", P_STRING, ARRAY | POS(1) | PIPE_VALUE, SNAPSHOT_NAME_HELP, .sets = IN_SET(0) | IN_SET(1) },
	{ "IncludeAllChildSnapshots", P_SWITCH, 0, "and all that were taken after it", .aliases = "IncludeAllChildCheckpoints" },
	{ 0 },
};
static const struct param rename_params[] = {
	{ "Name", P_STRING, POS(0) | REQUIRED, "name of the checkpoint", .sets = IN_SET(0) | IN_SET(2) },
	{ "VM", P_OBJECT, PIPE_VALUE | REQUIRED, "the virtual machine, as Get-VM returns it", .values = vm_type, .sets = IN_SET(2) },
	{ "VMName", P_STRING, POS(2) | REQUIRED, "name of the virtual machine", .sets = IN_SET(0) },
	SNAPSHOT_OBJECTS(1, 0),
	{ "NewName", P_STRING, POS(1) | REQUIRED, "the new name" },
	{ 0 },
};

static const char *const snapshot_properties[] = {
	"VMName", "Name", "SnapshotType", "CreationTime", "ParentSnapshotName", "Id", "VMId", "ParentSnapshotId", "ParentCheckpointId",
	"ParentCheckpointName", "CheckpointType", "State", "SizeOfSystemFiles", "IsAutomaticCheckpoint", "ComputerName", NULL,
};
static const struct column snapshot_columns[] = {
	{ "VMName" }, { "Name" }, { "SnapshotType" }, { "CreationTime" }, { "ParentSnapshotName" }, { 0 },
};
const struct object_type checkpoint_object = { "VMSnapshot", snapshot_properties, snapshot_columns };

static json_t *time_to_json(uint64_t us)
{
	time_t t = (time_t)(us / 1000000);
	struct tm tm;
	char text[32];

	if (!gmtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

json_t *checkpoint_to_object(struct call *c, const void *doc)
{
	const struct checkpoint_doc *s = doc, *parent = checkpoint_get(call_docs(c), &s->parent);
	const struct vm_doc *vm = vm_get(call_docs(c), &s->vm);
	json_t *o = json_object();

	json_object_set_new(o, "VMName", json_text(vm ? vm->name : NULL));
	json_object_set_new(o, "Name", json_text(s->name));
	json_object_set_new(o, "SnapshotType", json_string("Standard"));
	json_object_set_new(o, "CreationTime", time_to_json(s->created));
	json_object_set_new(o, "Id", json_guid(&s->id));
	json_object_set_new(o, "VMId", json_guid(&s->vm));
	json_object_set_new(o, "ParentSnapshotId", json_guid(&s->parent));
	json_object_set_new(o, "ParentCheckpointId", json_guid(&s->parent));
	json_object_set_new(o, "ParentSnapshotName", json_text(parent ? parent->name : NULL));
	json_object_set_new(o, "ParentCheckpointName", json_text(parent ? parent->name : NULL));
	json_object_set_new(o, "CheckpointType", json_string(checkpoint_types[s->type]));
	json_object_set_new(o, "State", json_string(vm_states[s->memory ? VM_SAVED : VM_OFF]));
	json_object_set_new(o, "IsAutomaticCheckpoint", json_false());
	json_object_set_new(o, "ComputerName", json_text(call_host(c)->name));
	return o;
}

/* ---- rules ---- */

static int check_quiet(const struct docs *d, const struct vm_doc *vm, struct err **e)
{
	int r = checkpoint_check_made(d, vm, e);

	if (r < 0 || guid_is_zero(&vm->restoring))
		return r;
	r = err_set(e, "Checkpoint.Busy", ERR_RESOURCE_BUSY, vm->name, "A checkpoint of \"%s\" is being restored.", vm->name);
	return err_advise(e, r, "Try again when that is done.");
}

static size_t count_of_vm(const struct docs *d, const struct guid *vm)
{
	const struct checkpoint_doc *c;
	size_t n = 0;

	for (size_t pos = 0; (c = checkpoint_next(d, vm, &pos));)
		n++;
	return n;
}

static int check_state(struct call *c, const struct vm_doc *vm, struct err **e)
{
	struct host_guest guest = { 0 };

	if (vm->state == VM_SAVED)
		return refuse_state(vm->name, "Start it, or discard its saved state first (Remove-VMSavedState).", e);
	call_host(c)->guest(call_host(c), &vm->id, &guest);
	return vm_is_on(vm) == guest.running ? 0 : refuse_state(vm->name, "It is starting or stopping: try again when it is not.", e);
}

static int check_checkpoint(struct call *c, const struct vm_doc *vm, struct err **e)
{
	int r = vm_check_machine(vm, e);

	if (r == 0 && vm->checkpoint_type == VM_CHECKPOINT_DISABLED) {
		r = err_set(e, "Checkpoint.Disabled", ERR_INVALID_OPERATION, vm->name, "Checkpoints of \"%s\" are disabled.", vm->name);
		err_advise(e, r, "Set-VM -CheckpointType Production enables them.");
	}
	if (r == 0 && count_of_vm(call_docs(c), &vm->id) >= CHECKPOINTS_MAX) {
		r = err_set(e, "Checkpoint.TooMany", ERR_LIMITS_EXCEEDED, vm->name, "\"%s\" has %d checkpoints, which is the most that there can be.",
			    vm->name, CHECKPOINTS_MAX);
		err_advise(e, r, "Remove some (Remove-VMSnapshot).");
	}
	if (r == 0)
		r = check_quiet(call_docs(c), vm, e);
	if (r == 0)
		r = location_check(c, vm_snapshot_path(c, vm), e);
	return r == 0 ? check_state(c, vm, e) : r;
}

/* ---- Checkpoint-VM ---- */

static char *default_name(const struct vm_doc *vm, uint64_t us)
{
	time_t t = (time_t)(us / 1000000);
	char when[64] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strftime(when, sizeof(when), " - (%Y-%m-%d - %H:%M:%S)", &tm);
	return xasprintf("%.*s%s", (int)(CHECKPOINT_NAME_MAX - strlen(when)), vm->name, when);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Long enough to know the image again, short enough for a file's name with an id. */
#define STEM_MAX 180
#define GUID_LENGTH 36

/*
 * Beside the image, unless the machine's checkpoints have a place of their own; called after the image: the same stem for all that lie on
 * one.
 */
static char *overlay_path(const struct docs *d, const struct vm_doc *vm, const char *image)
{
	const char *name = base_name(image), *dot = strrchr(name, '.');
	size_t stem = dot && dot > name ? (size_t)(dot - name) : strlen(name);
	struct guid id = guid_new();
	char text[GUID_TEXT_SIZE];

	if (image_get(d, image) && stem > GUID_LENGTH + 1)
		stem -= GUID_LENGTH + 1;
	guid_format(&id, text);
	if (vm->snapshot_path)
		return xasprintf("%s/%.*s_%s.qcow2", vm->snapshot_path, (int)MIN(stem, (size_t)STEM_MAX), name, text);
	return xasprintf("%.*s%.*s_%s.qcow2", (int)(name - image), image, (int)MIN(stem, (size_t)STEM_MAX), name, text);
}

static char **strv_push(char **list, size_t n, char *text)
{
	list = xreallocarray(list, n + 2, sizeof(*list));
	list[n] = text;
	list[n + 1] = NULL;
	return list;
}

static void add_disks(const struct docs *d, const struct vm_doc *vm, struct checkpoint_doc *s)
{
	drive_vec drives = { 0 };
	char id[GUID_TEXT_SIZE];
	size_t n = 0;

	drive_of_vm(d, &vm->id, &drives);
	vec_foreach(&drives, drive) {
		if ((*drive)->type != DRIVE_HARD_DISK || !(*drive)->path)
			continue;
		s->drives = strv_push(s->drives, n, xstrdup(guid_format(&(*drive)->id, id)));
		s->disks = strv_push(s->disks, n, xstrdup((*drive)->path));
		s->overlays = strv_push(s->overlays, n++, overlay_path(d, vm, (*drive)->path));
	}
	vec_done(&drives);
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct checkpoint_doc *checkpoint_new(struct call *c, const struct vm_doc *vm, enum checkpoint_type type)
{
	struct checkpoint_doc *s = doc_new(&checkpoint_kind);
	json_t *config = vm_config_write(call_docs(c), vm);
	struct host *h = call_host(c);
	char id[GUID_TEXT_SIZE];

	s->id = guid_new();
	s->vm = vm->id;
	s->parent = vm->checkpoint;
	s->created = now_us();
	s->state = CHECKPOINT_CREATING;
	s->type = type;
	s->config = json_dumps(config, JSON_COMPACT);
	if (type != CHECKPOINT_CRASH)
		s->memory = xasprintf("%s/%s.memory", vm_snapshot_path(c, vm), guid_format(&s->id, id));
	add_disks(call_docs(c), vm, s);
	for (size_t i = 0; i < 2 && vm->generation == 2; i++)
		s->variables = strv_push(s->variables, i, h->variables(h, &s->id, i == 1));
	json_decref(config);
	return s;
}

static struct checkpoint_doc *make_checkpoint(struct call *c, const struct vm_doc *vm)
{
	bool standard = vm->checkpoint_type == VM_CHECKPOINT_STANDARD;
	struct checkpoint_doc *s = checkpoint_new(c, vm, standard ? CHECKPOINT_STANDARD : CHECKPOINT_PRODUCTION);

	s->name = call_given(c, "SnapshotName") ? xstrdup(call_str(c, "SnapshotName", "")) : default_name(vm, s->created);
	s->quiesced_only = vm->checkpoint_type == VM_CHECKPOINT_PRODUCTION_ONLY;
	return s;
}

/* Of what the store takes in one document; the rest of it is small. */
#define CONFIG_MAX (192 * 1024)

int checkpoint_check_size(const struct checkpoint_doc *s, const struct vm_doc *vm, struct err **e)
{
	int r;

	if (strlen(s->config) <= CONFIG_MAX)
		return 0;
	r = err_set(e, "Checkpoint.TooLarge", ERR_LIMITS_EXCEEDED, vm->name, "The configuration of \"%s\" is too large for a checkpoint.", vm->name);
	return err_advise(e, r, "It has very long access control lists.");
}

static int checkpoint_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	int r = check_checkpoint(c, vm, e);
	struct checkpoint_doc *s;

	if (r < 0)
		return r;
	s = make_checkpoint(c, vm);
	r = checkpoint_check_size(s, vm, e);
	if (r < 0 || !call_should(c, vm->name, "%s", call_name(c))) {
		doc_free(&checkpoint_kind, s);
		return r;
	}
	docs_put(call_docs(c), &checkpoint_kind, s);
	if (call_bool(c, "PassThru", false))
		call_emit(c, checkpoint_to_object, &checkpoint_kind, s);
	return 0;
}

static int each_vm(struct call *c, const char *name, int (*fn)(struct call *c, const struct vm_doc *vm, struct err **e))
{
	vm_vec vms = { 0 };

	vm_select(c, name, "VM", &vms);
	vec_foreach(&vms, vm) {
		struct err *e = NULL;

		if (fn(c, *vm, &e) < 0)
			call_error(c, &e);
	}
	vec_done(&vms);
	return 0;
}

static int checkpoint_vm(struct call *c, struct err **e)
{
	int r = call_given(c, "SnapshotName") ? check_name(call_str(c, "SnapshotName", ""), CHECKPOINT_NAME_MAX, e) : 0;

	return r < 0 ? r : each_vm(c, "Name", checkpoint_one);
}

/* ---- selecting ---- */

static int by_time(const void *a, const void *b)
{
	const struct checkpoint_doc *x = *(const struct checkpoint_doc *const *)a, *y = *(const struct checkpoint_doc *const *)b;

	return (x->created > y->created) - (x->created < y->created);
}

static int unknown(const char *what, struct err **e)
{
	int r = err_set(e, "InvalidParameter", ERR_INVALID_ARGUMENT, what, "Hyper-V was unable to find a checkpoint with name \"%s\".", what);

	return err_advise(e, r, "Get-VMSnapshot lists the checkpoints of a virtual machine.");
}

static void of_vm(const struct docs *d, const struct guid *vm, const struct arg *names, checkpoint_vec *ret)
{
	const struct checkpoint_doc *s;
	size_t before = ret->n;

	for (size_t pos = 0; (s = checkpoint_next(d, vm, &pos));)
		if (!names || arg_matches(names, s->name))
			vec_push(ret, s);
	if (ret->n > before)
		qsort(ret->items + before, ret->n - before, sizeof(*ret->items), by_time);
}

/* A name that nothing has and that is no wildcard. */
static void check_names(struct call *c, const struct arg *names, const checkpoint_vec *found)
{
	for (size_t i = 0; names->given && i < names->n; i++) {
		bool any = wildcard_has(names->values[i].str);
		struct err *e = NULL;

		vec_foreach(found, s)
			any |= strieq((*s)->name, names->values[i].str);
		if (any)
			continue;
		unknown(names->values[i].str, &e);
		call_error(c, &e);
	}
}

const struct checkpoint_doc *checkpoint_of_object(struct call *c, const json_t *object)
{
	const struct checkpoint_doc *s = object_doc(c, &checkpoint_kind, object, "Id", "Name", unknown);
	struct err *e = NULL;

	if (!s || !s->hidden)
		return s;
	unknown("", &e);
	call_error(c, &e);
	return NULL;
}

static void of_objects(struct call *c, const struct arg *objects, checkpoint_vec *ret)
{
	for (size_t i = 0; i < objects->n; i++) {
		const struct checkpoint_doc *s = checkpoint_of_object(c, objects->values[i].object);

		if (s)
			vec_push(ret, s);
	}
}

static void of_vms(struct call *c, checkpoint_vec *ret)
{
	const struct arg *names = call_arg(c, "Name");
	vm_vec vms = { 0 };

	vm_select(c, "VMName", "VM", &vms);
	vec_foreach(&vms, vm)
		of_vm(call_docs(c), &(*vm)->id, names, ret);
	if (vms.n)
		check_names(c, names, ret);
	vec_done(&vms);
}

void checkpoint_select(struct call *c, checkpoint_vec *ret)
{
	if (call_given(c, "VMSnapshot"))
		of_objects(c, call_arg(c, "VMSnapshot"), ret);
	else
		of_vms(c, ret);
}

/* The one that -Name, or -VMSnapshot says. */
static const struct checkpoint_doc *the_one(struct call *c, struct err **e)
{
	const struct arg *object = call_arg(c, "VMSnapshot");
	const struct checkpoint_doc *s = NULL;
	checkpoint_vec found = { 0 };

	if (object->given) {
		of_objects(c, object, &found);
		s = found.n ? found.items[0] : NULL;
		vec_done(&found);
		return s;
	}
	of_vms(c, &found);
	if (found.n == 1)
		s = found.items[0];
	if (found.n > 1) {
		err_set(e, "Checkpoint.NameNotUnique", ERR_INVALID_ARGUMENT, call_str(c, "Name", ""), "There are %zu checkpoints with the name \"%s\".",
			found.n, call_str(c, "Name", ""));
		err_advise(e, -EINVAL, "Choose one by Get-VMSnapshot | Where-Object, and pipe that.");
	}
	vec_done(&found);
	return s;
}

/* ---- Get-VMSnapshot ---- */

static void relatives(struct call *c, checkpoint_vec *ret)
{
	bool parent = call_given(c, "ParentOf");
	const struct arg *names = call_arg(c, "Name");
	checkpoint_vec given = { 0 }, all = { 0 };

	of_objects(c, call_arg(c, parent ? "ParentOf" : "ChildOf"), &given);
	vec_foreach(&given, one) {
		of_vm(call_docs(c), &(*one)->vm, names, &all);
		vec_foreach(&all, s)
			if (parent ? guid_equal(&(*s)->id, &(*one)->parent) : guid_equal(&(*s)->parent, &(*one)->id))
				vec_push(ret, *s);
		vec_done(&all);
	}
	vec_done(&given);
}

static int get_snapshot(struct call *c, struct err **e)
{
	const struct arg *id = call_arg(c, "Id"), *type = call_arg(c, "SnapshotType");
	checkpoint_vec found = { 0 };
	int r = 0;

	if (id->given) {
		const struct checkpoint_doc *s = checkpoint_get(call_docs(c), &id->values[0].guid);

		if (s && !s->hidden)
			vec_push(&found, s);
		else
			r = unknown(id->texts[0], e);
	} else if (call_given(c, "ParentOf") || call_given(c, "ChildOf")) {
		relatives(c, &found);
	} else {
		of_vms(c, &found);
	}
	vec_foreach(&found, s)
		if (!type->given || type->values[0].u == 0)
			call_emit(c, checkpoint_to_object, &checkpoint_kind, *s);
	vec_done(&found);
	return r;
}

/* ---- Restore-VMSnapshot ---- */

/* Each disk goes on in a new overlay on what the checkpoint has of it. */
static void new_overlays(struct docs *d, const struct vm_doc *vm, struct vm_config *config)
{
	struct drive_doc *drive;

	for (size_t pos = 0; (drive = vm_config_next(config, &drive_kind, &pos));) {
		struct image_doc *image;

		if (drive->type != DRIVE_HARD_DISK || !drive->path)
			continue;
		image = doc_new(&image_kind);
		image->vm = vm->id;
		image->type = IMAGE_DISK;
		image->path = overlay_path(d, vm, drive->path);
		image->backing = TAKE_PTR(drive->path);
		image->backing_format = drive->format;
		drive->path = xstrdup(image->path);
		drive->format = DRIVE_QCOW2;
		docs_put(d, &image_kind, image);
	}
}

static void reconnect(struct call *c, struct vm_config *config)
{
	struct adapter_doc *a;

	for (size_t pos = 0; (a = vm_config_next(config, &adapter_kind, &pos));) {
		if (guid_is_zero(&a->switch_id) || switch_get(call_docs(c), &a->switch_id))
			continue;
		call_warn(c, "The switch of the network adapter \"%s\" is gone: it is not connected now.", a->name);
		a->switch_id = (struct guid){ 0 };
	}
}

static void replace_text(char **text, const char *value)
{
	free(*text);
	*text = value ? xstrdup(value) : NULL;
}

/* What it is called and where it lies is not part of what it was. */
static void restore_docs(struct call *c, const struct vm_doc *vm, const struct checkpoint_doc *s, struct vm_config *config)
{
	struct vm_doc *own = vm_config_vm(config);
	struct docs *d = call_docs(c);
	drive_vec drives = { 0 };

	replace_text(&own->name, vm->name);
	replace_text(&own->path, vm->path);
	replace_text(&own->snapshot_path, vm->snapshot_path);
	own->taken_in = vm->taken_in;
	own->checkpoint = own->restoring = s->id;
	reconnect(c, config);
	new_overlays(d, vm, config);
	drive_of_vm(d, &vm->id, &drives);
	vm_config_delete(d, vm);
	vm_config_put(d, config);
	vec_foreach(&drives, drive)
		image_drop_unused(d, (*drive)->path);
	vec_done(&drives);
}

static int restore_snapshot(struct call *c, struct err **e)
{
	const struct checkpoint_doc *s = the_one(c, e);
	const struct vm_doc *vm = s ? vm_get(call_docs(c), &s->vm) : NULL;
	struct vm_config config;
	int r;

	if (!vm)
		return *e ? -EINVAL : 0;
	r = check_quiet(call_docs(c), vm, e);
	/* Its disks go on there. */
	if (r == 0 && vm->snapshot_path)
		r = location_check(c, vm->snapshot_path, e);
	if (r == 0 && call_should(c, vm->name, "%s", call_name(c)))
		r = vm_config_parse(s->config, &config, e);
	else
		return r;
	if (r < 0)
		return r;
	restore_docs(c, vm, s, &config);
	if (call_bool(c, "PassThru", false))
		call_emit(c, checkpoint_to_object, &checkpoint_kind, s);
	return 0;
}

/* ---- Remove-VMSnapshot, Rename-VMSnapshot ---- */

static bool is_below(const struct docs *d, const struct checkpoint_doc *s, const struct guid *ancestor)
{
	for (int i = 0; s && i <= CHECKPOINTS_MAX; i++) {
		if (guid_equal(&s->id, ancestor))
			return true;
		s = checkpoint_get(d, &s->parent);
	}
	return false;
}

static int remove_one(struct call *c, const struct checkpoint_doc *s, struct err **e)
{
	struct docs *d = call_docs(c);
	const struct vm_doc *vm = vm_get(d, &s->vm);
	checkpoint_vec all = { 0 };
	struct guid id = s->id;
	int r = vm ? check_quiet(d, vm, e) : 0;

	if (r < 0 || !call_should(c, s->name, "%s", call_name(c)))
		return r;
	of_vm(d, &s->vm, NULL, &all);
	/* The newest first, so that each is still below what it is below. */
	for (size_t i = all.n; i-- > 0;)
		if (guid_equal(&all.items[i]->id, &id) || (call_bool(c, "IncludeAllChildSnapshots", false) && is_below(d, all.items[i], &id)))
			checkpoint_delete(d, all.items[i]);
	vec_done(&all);
	if (vm && call_bool(c, "PassThru", false))
		call_emit(c, vm_to_object, &vm_kind, vm);
	return 0;
}

static int remove_snapshot(struct call *c, struct err **e)
{
	checkpoint_vec found = { 0 };

	(void)e;
	checkpoint_select(c, &found);
	vec_foreach(&found, s) {
		struct err *one = NULL;

		/* It may have gone with one before it. */
		if (checkpoint_get(call_docs(c), &(*s)->id) && remove_one(c, *s, &one) < 0)
			call_error(c, &one);
	}
	vec_done(&found);
	return 0;
}

static int rename_snapshot(struct call *c, struct err **e)
{
	int r = check_name(call_str(c, "NewName", ""), CHECKPOINT_NAME_MAX, e);
	const struct checkpoint_doc *s = r == 0 ? the_one(c, e) : NULL;
	const struct vm_doc *vm = s ? vm_get(call_docs(c), &s->vm) : NULL;
	struct checkpoint_doc *changed;

	if (!vm)
		return *e ? -EINVAL : 0;
	r = check_quiet(call_docs(c), vm, e);
	if (r < 0 || !call_should(c, s->name, "%s", call_name(c)))
		return r;
	changed = doc_copy(&checkpoint_kind, s);
	free(changed->name);
	changed->name = xstrdup(call_str(c, "NewName", ""));
	docs_put(call_docs(c), &checkpoint_kind, changed);
	if (call_bool(c, "PassThru", false))
		call_emit(c, checkpoint_to_object, &checkpoint_kind, changed);
	return 0;
}

const struct cmdlet checkpoint_cmdlets[] = {
	{ "Checkpoint-VM", "keep virtual machines as they are now, to come back to", checkpoint_params, &checkpoint_object, checkpoint_vm,
	  CHANGES | PASSTHRU },
	{ "Get-VMSnapshot", "list checkpoints of virtual machines", get_params, &checkpoint_object, get_snapshot },
	{ "Restore-VMSnapshot", "bring a virtual machine back to a checkpoint; what it is now is lost", restore_params, &checkpoint_object,
	  restore_snapshot, CHANGES | PASSTHRU },
	{ "Remove-VMSnapshot", "remove checkpoints; what was written since stays", remove_params, &vm_object, remove_snapshot,
	  CHANGES | PASSTHRU },
	{ "Rename-VMSnapshot", "rename a checkpoint", rename_params, &checkpoint_object, rename_snapshot, CHANGES | PASSTHRU },
	{ 0 },
};
