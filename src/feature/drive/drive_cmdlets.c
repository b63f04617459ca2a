/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint_view.h"
#include "drive_image.h"
#include "drive_rules.h"
#include "feature.h"
#include "vm_rules.h"

/* Add/Get/Set/Remove-VMHardDiskDrive and -VMDvdDrive. */

static const char *const vm_type[] = { "VirtualMachine", NULL };
static const char *const hard_disk_type[] = { "HardDiskDrive", NULL };
static const char *const dvd_type[] = { "DvdDrive", NULL };

#define VM_NAMES                                                                                                       \
	{                                                                                                              \
		"VMName", P_STRING, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "names of virtual machines, or wildcards", \
			.sets = IN_SET(0)                                                                              \
	}
#define VM_OBJECTS                                                                                                     \
	{                                                                                                              \
		"VM", P_OBJECT, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "virtual machines, as Get-VM returns them",    \
			.values = vm_type, .sets = IN_SET(1)                                                           \
	}
#define DRIVE_OBJECTS(name_, type_)                                                                                    \
	{                                                                                                              \
		name_, P_OBJECT, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "drives, as the Get cmdlet returns them",     \
			.values = type_, .sets = IN_SET(2)                                                             \
	}
#define BY_VM (IN_SET(0) | IN_SET(1))
#define TYPE(name_, flags_, sets_)                                                                                     \
	{                                                                                                              \
		name_, P_ENUM, flags_, "IDE (generation 1 alone) or SCSI", .values = drive_controllers, .sets = sets_  \
	}
#define NUMBER(name_, flags_, sets_)                                                                                   \
	{                                                                                                              \
		name_, P_UINT, flags_, "number of the controller: IDE 0 to 1, SCSI 0 to 3",                            \
			.max = DRIVE_SCSI_NUMBERS - 1, .sets = sets_                                                   \
	}
#define LOCATION(name_, flags_, sets_)                                                                                 \
	{                                                                                                              \
		name_, P_UINT, flags_, "place on the controller: IDE 0 to 1, SCSI 0 to 63",                            \
			.max = DRIVE_SCSI_LOCATIONS - 1, .sets = sets_                                                 \
	}
#define PLACE(type_pos_, number_pos_, location_pos_, sets_)                                                            \
	TYPE("ControllerType", type_pos_, sets_), NUMBER("ControllerNumber", number_pos_, sets_),                      \
		LOCATION("ControllerLocation", location_pos_, sets_)
/* Of a controller that is given as an object, the location alone is open. */
#define PLACE_OR_CONTROLLER(others_, type_pos_, number_pos_, location_pos_)                                            \
	{ "VMDriveController", P_OBJECT, REQUIRED | PIPE_VALUE, "a controller, as Get-VMScsiController returns it",    \
	  .values = drive_controller_type, .sets = IN_SET(2) },                                                        \
		TYPE("ControllerType", type_pos_, others_), NUMBER("ControllerNumber", number_pos_, others_),          \
		LOCATION("ControllerLocation", location_pos_, 0)
#define NEW_PLACE TYPE("ToControllerType", 0, 0), NUMBER("ToControllerNumber", 0, 0), LOCATION("ToControllerLocation", 0, 0)
#define IN_DIRECTORY "; a name without directory is in the host's directory of images"
#define DISK_PATH "virtual hard disk: a .qcow2, .img, .raw or .vhd file of libvirt's host" IN_DIRECTORY
#define DVD_PATH "image of the DVD: an .iso file of libvirt's host" IN_DIRECTORY

static const struct param add_disk_params[] = {
	VM_NAMES, VM_OBJECTS, PLACE_OR_CONTROLLER(BY_VM, POS(1), POS(2), POS(3)),
	{ "Path", P_STRING, REQUIRED | POS(4), DISK_PATH },
	{ 0 },
};
static const struct param add_dvd_params[] = {
	VM_NAMES, VM_OBJECTS, PLACE_OR_CONTROLLER(BY_VM, 0, POS(1), POS(2)),
	{ "Path", P_STRING, POS(3) | MAY_BE_EMPTY, DVD_PATH "; without one the drive is empty" },
	{ 0 },
};
static const struct param get_params[] = { VM_NAMES, VM_OBJECTS, SNAPSHOT_PARAM(IN_SET(3)), PLACE_OR_CONTROLLER(BY_VM | IN_SET(3), POS(1), POS(2), POS(3)), { 0 } };
static const struct param set_disk_params[] = {
	VM_NAMES, VM_OBJECTS, DRIVE_OBJECTS("VMHardDiskDrive", hard_disk_type), PLACE(POS(1), POS(2), POS(3), BY_VM),
	{ "Path", P_STRING, POS(4), DISK_PATH },
	NEW_PLACE,
	{ 0 },
};
static const struct param set_dvd_params[] = {
	VM_NAMES, VM_OBJECTS, DRIVE_OBJECTS("VMDvdDrive", dvd_type), PLACE(0, POS(1), POS(2), BY_VM),
	{ "Path", P_STRING, POS(3) | MAY_BE_EMPTY, DVD_PATH "; $null takes it out" },
	NEW_PLACE,
	{ 0 },
};
static const struct param remove_disk_params[] = {
	VM_NAMES, VM_OBJECTS, DRIVE_OBJECTS("VMHardDiskDrive", hard_disk_type),
	PLACE(POS(1) | REQUIRED, POS(2) | REQUIRED, POS(3) | REQUIRED, BY_VM), { 0 },
};
static const struct param remove_dvd_params[] = {
	VM_NAMES, VM_OBJECTS, DRIVE_OBJECTS("VMDvdDrive", dvd_type), PLACE(0, POS(1) | REQUIRED, POS(2) | REQUIRED, BY_VM), { 0 },
};

/* The numbers that were given; NULL: open. */
struct given {
	uint32_t values[3];
	const uint32_t *controller, *number, *location;
};

static const uint32_t *given_number(struct call *c, const char *param, uint32_t *value)
{
	*value = (uint32_t)call_uint(c, param, 0);
	return call_given(c, param) ? value : NULL;
}

static void given_place(struct call *c, const char *type, const char *number, const char *location, struct given *ret)
{
	ret->controller = given_number(c, type, &ret->values[0]);
	ret->number = given_number(c, number, &ret->values[1]);
	ret->location = given_number(c, location, &ret->values[2]);
}

static void given_copy(const struct given *from, struct given *ret)
{
	memcpy(ret->values, from->values, sizeof(ret->values));
	ret->controller = from->controller ? &ret->values[0] : NULL;
	ret->number = from->number ? &ret->values[1] : NULL;
	ret->location = from->location ? &ret->values[2] : NULL;
}

/* By -VMDriveController, or by the numbers. False: there is no such controller, which is noted. */
static bool given_controller(struct call *c, struct given *ret, vm_vec *vms)
{
	const struct arg *object = call_arg(c, "VMDriveController");
	const struct vm_doc *vm;

	given_place(c, "ControllerType", "ControllerNumber", "ControllerLocation", ret);
	if (!object->given)
		return true;
	vm = drive_controller_of(c, object->values[0].object, &ret->values[0], &ret->values[1]);
	if (!vm)
		return false;
	ret->controller = &ret->values[0];
	ret->number = &ret->values[1];
	vec_push(vms, vm);
	return true;
}

static bool matches(const struct drive_doc *drive, enum drive_type type, const struct given *given)
{
	return drive->type == type && (!given->controller || drive->controller == *given->controller) &&
	       (!given->number || drive->number == *given->number) && (!given->location || drive->location == *given->location);
}

static void select_of_vms(struct call *c, enum drive_type type, const struct given *given, const vm_vec *vms, drive_vec *ret)
{
	vec_foreach(vms, vm) {
		drive_vec drives = { 0 };
		size_t before = ret->n;

		drive_of_vm(call_docs(c), &(*vm)->id, &drives);
		vec_foreach(&drives, drive)
			if (matches(*drive, type, given))
				vec_push(ret, *drive);
		vec_done(&drives);
		/* A place that was named is meant to have something in it. */
		if (ret->n == before && given->number && given->location) {
			struct err *e = NULL;
			_cleanup_free_ char *what = xasprintf("%s of \"%s\" on controller number %u at location %u", drive_types[type],
							      (*vm)->name, *given->number, *given->location);

			drive_unknown(what, &e);
			call_error(c, &e);
		}
	}
}

static void select_objects(struct call *c, enum drive_type type, const struct arg *objects, drive_vec *ret)
{
	for (size_t i = 0; i < objects->n; i++) {
		const struct drive_doc *drive = object_doc(c, &drive_kind, objects->values[i].object, "Id", "Name", drive_unknown);

		struct err *e = NULL;

		if (drive && drive->type == type) {
			vec_push(ret, drive);
		} else if (drive) {
			drive_unknown(drive_types[type], &e);
			call_error(c, &e);
		}
	}
}

static void drives_select(struct call *c, enum drive_type type, drive_vec *ret)
{
	const char *param = type == DRIVE_DVD ? "VMDvdDrive" : "VMHardDiskDrive";
	struct given given;
	vm_vec vms = { 0 };

	if (call_given(c, param)) {
		select_objects(c, type, call_arg(c, param), ret);
		return;
	}
	given_place(c, "ControllerType", "ControllerNumber", "ControllerLocation", &given);
	vm_select(c, "VMName", "VM", &vms);
	select_of_vms(c, type, &given, &vms, ret);
	vec_done(&vms);
}

static void drive_write(struct call *c, struct drive_doc *drive)
{
	docs_put(call_docs(c), &drive_kind, drive);
	if (call_bool(c, "PassThru", false))
		call_emit(c, drive_to_object, &drive_kind, drive);
}

static bool should(struct call *c, const struct drive_doc *drive)
{
	const struct vm_doc *vm = vm_get(call_docs(c), &drive->vm);
	_cleanup_free_ char *place = drive_place_text(drive), *target = xasprintf("%s, %s", vm ? vm->name : "", place);

	return call_should(c, target, "%s", call_name(c));
}

/* What is added to whom. */
struct addition {
	enum drive_type type;
	char *path; /* that was looked at, behind vms; "": none */
	enum drive_format format;
	bool on; /* one of them runs */
	struct given given; /* the objects that were piped are gone when it goes on */
	size_t n;
	struct guid vms[];
};

/* All of it, because a while may have passed since it was checked. */
static int add_check(struct call *c, const struct addition *to, const struct vm_doc *vm, struct drive_place *place, struct err **e)
{
	const struct given *given = &to->given;
	enum drive_format format;
	int r = vm_check_machine(vm, e);

	if (r == 0 && *to->path)
		r = drive_check_path("Path", to->type, to->path, &format, e);
	if (r == 0 && given->controller && given->number && given->location) {
		*place = (struct drive_place){ *given->controller, *given->number, *given->location };
		r = drive_check_place(call_docs(c), vm, NULL, place, e);
	} else if (r == 0) {
		r = drive_find_place(call_docs(c), vm, given->controller, given->number, given->location, place, e);
	}
	if (r == 0)
		r = drive_check_pluggable(call_docs(c), vm, to->type, place, e);
	if (r == 0 && *to->path && to->type == DRIVE_HARD_DISK)
		r = drive_check_image(call_docs(c), vm, NULL, to->path, e);
	return r;
}

static void add_one(struct call *c, const struct addition *to, const struct guid *id)
{
	const struct vm_doc *vm = vm_get(call_docs(c), id);
	struct drive_place place;
	struct err *e = NULL;
	int r = vm ? add_check(c, to, vm, &place, &e) : vm_unknown("", &e);

	if (r < 0)
		call_error(c, &e);
	else
		drive_write(c, drive_make(id, to->type, place.controller, place.number, place.location, *to->path ? to->path : NULL, to->format));
}

static int add_all(struct call *c, void *arg, struct err **e)
{
	const struct addition *to = arg;

	(void)e;
	for (size_t i = 0; i < to->n; i++)
		add_one(c, to, &to->vms[i]);
	return 0;
}

static int add(struct call *c, enum drive_type type, struct err **e)
{
	_cleanup_free_ char *path = drive_path_resolve(c, call_str(c, "Path", ""));
	struct addition *to;
	struct given given;
	vm_vec vms = { 0 };

	if (!given_controller(c, &given, &vms))
		return 0;
	if (!vms.n)
		vm_select(c, "VMName", "VM", &vms);
	to = xcalloc(1, sizeof(*to) + vms.n * sizeof(to->vms[0]) + strlen(path) + 1);
	to->type = type;
	to->path = strcpy((char *)&to->vms[vms.n], path);
	given_copy(&given, &to->given);
	vec_foreach(&vms, vm) {
		struct drive_place place;
		struct err *one = NULL;

		if (add_check(c, to, *vm, &place, &one) < 0) {
			call_error(c, &one);
		} else if (call_should(c, (*vm)->name, "%s", call_name(c))) {
			to->on |= (*vm)->state != VM_OFF;
			to->vms[to->n++] = (*vm)->id;
		}
	}
	vec_done(&vms);
	if (to->n && *path) {
		drive_check_path("Path", type, path, &to->format, NULL);
		/* What another machine writes to is no disk for one that runs; one that is off may have to wait. */
		return drive_image_check(c, path, !to->on || type == DRIVE_DVD, add_all, to, e);
	}
	add_all(c, to, e);
	free(to);
	return 0;
}

static int get(struct call *c, enum drive_type type)
{
	drive_vec drives = { 0 };
	struct given given;
	vm_vec vms = { 0 };

	if (!given_controller(c, &given, &vms))
		return 0;
	if (!vms.n)
		vm_select_or_kept(c, &vms);
	select_of_vms(c, type, &given, &vms, &drives);
	vec_foreach(&drives, drive)
		call_emit(c, drive_to_object, &drive_kind, *drive);
	vec_done(&drives);
	vec_done(&vms);
	return 0;
}

/* Several drives are not given one and the same image, or place. */
static int check_one(const drive_vec *drives, enum drive_type type, struct err **e)
{
	int r;

	if (drives->n <= 1)
		return 0;
	r = err_set(e, "Drive.NotUnique", ERR_INVALID_ARGUMENT, NULL, "%zu drives are meant, and only one can be.", drives->n);
	return err_advise(e, r, "Name it by its controller and location, or pipe it from Get-VM%sDrive.",
			  type == DRIVE_DVD ? "Dvd" : "HardDisk");
}

static void changed_place(struct call *c, const struct drive_doc *drive, struct drive_place *ret)
{
	*ret = drive_place_of(drive);
	ret->controller = call_enum(c, "ToControllerType", ret->controller);
	ret->number = (uint32_t)call_uint(c, "ToControllerNumber", ret->number);
	ret->location = (uint32_t)call_uint(c, "ToControllerLocation", ret->location);
}

static int check_set(struct call *c, const struct drive_doc *drive, const struct drive_place *place, const char *path, enum drive_format *ret,
		     struct err **e)
{
	const struct vm_doc *vm = vm_get(call_docs(c), &drive->vm);
	const struct drive_place old = drive_place_of(drive);
	bool moves = memcmp(place, &old, sizeof(old)) != 0;
	int r = 0;

	/* A medium is changed at any time; everything else is another machine. */
	if (moves || (call_given(c, "Path") && drive->type == DRIVE_HARD_DISK))
		r = vm_check_off(vm, e);
	else if (call_given(c, "Path") && vm->state == VM_SAVED)
		r = vm_check_off(vm, e);
	if (r == 0 && *path)
		r = drive_check_path("Path", drive->type, path, ret, e);
	if (r == 0 && *path && drive->type == DRIVE_HARD_DISK)
		r = drive_check_image(call_docs(c), vm, drive, path, e);
	return r == 0 ? drive_check_place(call_docs(c), vm, drive, place, e) : r;
}

static int set_one(struct call *c, const struct drive_doc *drive, const char *path, struct err **e)
{
	enum drive_format format = drive->format;
	struct drive_place place;
	struct drive_doc *changed;
	int r;

	changed_place(c, drive, &place);
	r = check_set(c, drive, &place, path, &format, e);
	if (r < 0)
		return r;
	changed = doc_copy(&drive_kind, drive);
	changed->controller = place.controller;
	changed->number = place.number;
	changed->location = place.location;
	if (call_given(c, "Path")) {
		free(changed->path);
		changed->path = *path ? xstrdup(path) : NULL;
		changed->format = format;
	}
	drive_write(c, changed);
	return 0;
}

/* What gets another image. */
struct change {
	struct guid drive;
	char path[]; /* that was looked at */
};

static int set_checked(struct call *c, void *arg, struct err **e)
{
	const struct change *change = arg;
	const struct drive_doc *drive = drive_get(call_docs(c), &change->drive);

	return drive ? set_one(c, drive, change->path, e) : drive_unknown("it was removed meanwhile", e);
}

static int set_begin(struct call *c, const struct drive_doc *drive, struct err **e)
{
	_cleanup_free_ char *path = drive_path_resolve(c, call_str(c, "Path", ""));
	enum drive_format format = drive->format;
	struct drive_place place;
	struct change *change;
	int r;

	changed_place(c, drive, &place);
	r = check_set(c, drive, &place, path, &format, e);
	if (r < 0 || !should(c, drive))
		return r;
	if (!*path)
		return set_one(c, drive, path, e);
	change = xcalloc(1, sizeof(*change) + strlen(path) + 1);
	change->drive = drive->id;
	strcpy(change->path, path);
	return drive_image_check(c, path, true, set_checked, change, e);
}

static int set(struct call *c, enum drive_type type, struct err **e)
{
	drive_vec drives = { 0 };
	int r;

	drives_select(c, type, &drives);
	r = check_one(&drives, type, e);
	if (r == 0 && drives.n)
		r = set_begin(c, drives.items[0], e);
	vec_done(&drives);
	return r;
}

static int remove_one(struct call *c, const struct drive_doc *drive, struct err **e)
{
	const struct drive_place place = drive_place_of(drive);
	_cleanup_free_ char *key = doc_key(&drive_kind, drive);
	int r = drive_check_pluggable(call_docs(c), vm_get(call_docs(c), &drive->vm), drive->type, &place, e);

	if (r < 0 || !should(c, drive))
		return r;
	if (call_bool(c, "PassThru", false))
		call_emit_json(c, drive_to_object(c, drive));
	docs_delete(call_docs(c), &drive_kind, key);
	return 0;
}

static int remove_all(struct call *c, enum drive_type type)
{
	drive_vec drives = { 0 };

	drives_select(c, type, &drives);
	vec_foreach(&drives, drive) {
		struct err *e = NULL;

		if (remove_one(c, *drive, &e) < 0)
			call_error(c, &e);
	}
	vec_done(&drives);
	return 0;
}

static int add_disk(struct call *c, struct err **e)
{
	return add(c, DRIVE_HARD_DISK, e);
}

static int add_dvd(struct call *c, struct err **e)
{
	return add(c, DRIVE_DVD, e);
}

static int get_disks(struct call *c, struct err **e)
{
	(void)e;
	return get(c, DRIVE_HARD_DISK);
}

static int get_dvds(struct call *c, struct err **e)
{
	(void)e;
	return get(c, DRIVE_DVD);
}

static int get_disk(struct call *c, struct err **e)
{
	return checkpoint_view(c, get_disks, e);
}

static int get_dvd(struct call *c, struct err **e)
{
	return checkpoint_view(c, get_dvds, e);
}

static int set_disk(struct call *c, struct err **e)
{
	return set(c, DRIVE_HARD_DISK, e);
}

static int set_dvd(struct call *c, struct err **e)
{
	return set(c, DRIVE_DVD, e);
}

static int remove_disk(struct call *c, struct err **e)
{
	(void)e;
	return remove_all(c, DRIVE_HARD_DISK);
}

static int remove_dvd(struct call *c, struct err **e)
{
	(void)e;
	return remove_all(c, DRIVE_DVD);
}

const struct cmdlet drive_cmdlets[] = {
	{ "Add-VMHardDiskDrive", "put a virtual hard disk into virtual machines", add_disk_params, &hard_disk_object, add_disk,
	  CHANGES | PASSTHRU },
	{ "Get-VMHardDiskDrive", "list the hard disks of virtual machines", get_params, &hard_disk_object, get_disk },
	{ "Set-VMHardDiskDrive", "change the image or the place of a hard disk", set_disk_params, &hard_disk_object, set_disk,
	  CHANGES | PASSTHRU },
	{ "Remove-VMHardDiskDrive", "take hard disks out of virtual machines; the image stays", remove_disk_params, &hard_disk_object,
	  remove_disk, CHANGES | PASSTHRU },
	{ "Add-VMDvdDrive", "put a DVD drive into virtual machines", add_dvd_params, &dvd_object, add_dvd, CHANGES | PASSTHRU },
	{ "Get-VMDvdDrive", "list the DVD drives of virtual machines", get_params, &dvd_object, get_dvd },
	{ "Set-VMDvdDrive", "change the medium or the place of a DVD drive", set_dvd_params, &dvd_object, set_dvd, CHANGES | PASSTHRU },
	{ "Remove-VMDvdDrive", "take DVD drives out of virtual machines", remove_dvd_params, &dvd_object, remove_dvd, CHANGES | PASSTHRU },
	{ 0 },
};
