/* SPDX-License-Identifier: Apache-2.0 */
#include "drive_rules.h"

#include <errno.h>
#include <inttypes.h>

#include "feature.h"
#include "vm_rules.h"

const char *const drive_types[] = { "HardDisk", "Dvd", NULL };
const char *const drive_controllers[] = { "IDE", "SCSI", NULL };
const char *const drive_formats[] = { "raw", "qcow2", "vhdx", "vhd", NULL };

static const struct doc_field drive_fields[] = {
	DOC_FIELD(drive_doc, id, DOC_GUID, "id"),
	DOC_FIELD(drive_doc, vm, DOC_GUID, "vm"),
	DOC_ENUM_FIELD(drive_doc, type, drive_types, "type"),
	DOC_ENUM_FIELD(drive_doc, controller, drive_controllers, "controller"),
	DOC_FIELD(drive_doc, number, DOC_U32, "number"),
	DOC_FIELD(drive_doc, location, DOC_U32, "location"),
	DOC_FIELD(drive_doc, path, DOC_STR, "path"),
	DOC_ENUM_FIELD(drive_doc, format, drive_formats, "format"),
};

static void drive_key(const void *doc, struct str *ret)
{
	const struct drive_doc *drive = doc;
	char text[GUID_TEXT_SIZE];

	str_add(ret, guid_format(&drive->id, text));
}

const struct doc_kind drive_kind = {
	.name = "drive",
	.size = sizeof(struct drive_doc),
	.fields = drive_fields,
	.n_fields = ARRAY_SIZE(drive_fields),
	.key = drive_key,
};

const struct drive_doc *drive_get(const struct docs *d, const struct guid *id)
{
	char text[GUID_TEXT_SIZE];

	return docs_get(d, &drive_kind, guid_format(id, text));
}

static int place_compare(const void *a, const void *b)
{
	const struct drive_doc *x = *(const struct drive_doc *const *)a, *y = *(const struct drive_doc *const *)b;

	if (x->controller != y->controller)
		return x->controller < y->controller ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return (x->location > y->location) - (x->location < y->location);
}

void drive_of_vm(const struct docs *d, const struct guid *vm, drive_vec *ret)
{
	const struct drive_doc *drive;
	drive_vec found = { 0 };

	for (size_t pos = 0; (drive = docs_next(d, &drive_kind, &pos));)
		if (guid_equal(&drive->vm, vm))
			vec_push(&found, drive);
	vec_sort(&found, place_compare);
	vec_foreach(&found, f)
		vec_push(ret, *f);
	vec_done(&found);
}

struct drive_doc *drive_make(const struct guid *vm, enum drive_type type, enum drive_controller controller, uint32_t number,
			     uint32_t location, const char *path, enum drive_format format)
{
	struct drive_doc *drive = doc_new(&drive_kind);

	drive->id = guid_new();
	drive->vm = *vm;
	drive->type = type;
	drive->controller = controller;
	drive->number = number;
	drive->location = location;
	drive->path = path ? xstrdup(path) : NULL;
	drive->format = format;
	return drive;
}

void drive_delete_of_vm(struct docs *d, const struct guid *vm)
{
	drive_vec drives = { 0 };

	drive_of_vm(d, vm, &drives);
	vec_foreach(&drives, drive) {
		_cleanup_free_ char *key = doc_key(&drive_kind, *drive);

		docs_delete(d, &drive_kind, key);
	}
	vec_done(&drives);
}

/* ---- images ---- */

bool drive_format_of(const char *path, enum drive_format *ret)
{
	static const struct {
		const char *ending;
		enum drive_format format;
	} endings[] = {
		{ ".qcow2", DRIVE_QCOW2 }, { ".img", DRIVE_RAW }, { ".raw", DRIVE_RAW }, { ".vhdx", DRIVE_VHDX }, { ".vhd", DRIVE_VHD },
	};
	size_t n = strlen(path);

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t m = strlen(endings[i].ending);

		if (n <= m || path[n - m - 1] == '/' || !strieq(path + n - m, endings[i].ending))
			continue;
		*ret = endings[i].format;
		return true;
	}
	return false;
}

int drive_check_path(const char *param, enum drive_type type, const char *path, enum drive_format *ret, struct err **e)
{
	size_t n = strlen(path);
	int r = vm_check_path(param, path, e);

	if (r < 0)
		return r;
	if (type == DRIVE_DVD && n > 5 && path[n - 5] != '/' && strieq(path + n - 4, ".iso")) {
		*ret = DRIVE_RAW;
		return 0;
	}
	if (type == DRIVE_HARD_DISK && drive_format_of(path, ret)) {
		if (*ret != DRIVE_VHDX)
			return 0;
		r = err_set(e, "Drive.FormatUnavailable", ERR_NOT_IMPLEMENTED, path,
			    "-%s: libvirt runs no virtual machine from an image of format vhdx: \"%s\".", param, path);
		return err_advise(e, r, "Convert-VHD makes a .qcow2 of it.");
	}
	r = err_set(e, "Vhd.FormatUnknown", ERR_INVALID_ARGUMENT, path, "-%s: the name \"%s\" does not say what kind of image it is.", param,
		    path);
	return err_advise(e, r, "%s", type == DRIVE_DVD ? "Images of DVDs end with .iso."
						      : "Virtual hard disks end with .qcow2, .img, .raw or .vhd.");
}

int drive_check_image(const struct docs *d, const struct vm_doc *vm, const struct drive_doc *self, const char *path, struct err **e)
{
	drive_vec drives = { 0 };
	int r = 0;

	drive_of_vm(d, &vm->id, &drives);
	vec_foreach(&drives, drive) {
		_cleanup_free_ char *where = drive_place_text(*drive);

		if (r < 0 || *drive == self || !streq_ptr((*drive)->path, path) || (*drive)->type == DRIVE_DVD)
			continue;
		r = err_set(e, "Drive.ImageAttached", ERR_RESOURCE_EXISTS, path, "\"%s\" is in the drive on %s of \"%s\" already.", path,
			    where, vm->name);
		err_advise(e, r, "A virtual hard disk can be in one drive only; New-VHD -Differencing makes one on top of it.");
	}
	vec_done(&drives);
	return r;
}

/* ---- places ---- */

struct drive_place drive_place_of(const struct drive_doc *drive)
{
	return (struct drive_place){ drive->controller, drive->number, drive->location };
}

char *drive_place_text(const struct drive_doc *drive)
{
	return xasprintf("%s controller number %" PRIu32 " at location %" PRIu32, drive_controllers[drive->controller], drive->number,
			 drive->location);
}

static bool place_exists(const struct vm_doc *vm, const struct drive_place *place)
{
	if (place->controller == DRIVE_IDE)
		return vm->generation == 1 && place->number < DRIVE_IDE_NUMBERS && place->location < DRIVE_IDE_LOCATIONS;
	return place->number < DRIVE_SCSI_NUMBERS && place->location < DRIVE_SCSI_LOCATIONS;
}

static const struct drive_doc *drive_at(const drive_vec *drives, const struct drive_place *place)
{
	vec_foreach(drives, drive)
		if ((*drive)->controller == place->controller && (*drive)->number == place->number && (*drive)->location == place->location)
			return *drive;
	return NULL;
}

int drive_check_place(const struct docs *d, const struct vm_doc *vm, const struct drive_doc *self, const struct drive_place *place,
		      struct err **e)
{
	const char *controller = drive_controllers[place->controller];
	const struct drive_doc *other;
	drive_vec drives = { 0 };
	int r;

	if (!place_exists(vm, place)) {
		r = err_set(e, "Drive.PlaceInvalid", ERR_INVALID_ARGUMENT, vm->name,
			    "\"%s\" has no %s controller number %" PRIu32 " with a location %" PRIu32 ".", vm->name, controller, place->number,
			    place->location);
		return err_advise(e, r, "%s", vm->generation == 1 ? "There are IDE controllers 0 and 1 with locations 0 and 1, and SCSI controllers 0 to 3 with "
								    "locations 0 to 63."
								  : "Generation 2 has SCSI controllers 0 to 3 with locations 0 to 63.");
	}
	drive_of_vm(d, &vm->id, &drives);
	other = drive_at(&drives, place);
	vec_done(&drives);
	if (!other || other == self)
		return 0;
	r = err_set(e, "Drive.PlaceInUse", ERR_RESOURCE_EXISTS, vm->name,
		    "\"%s\" has a drive on %s controller number %" PRIu32 " at location %" PRIu32 " already.", vm->name, controller, place->number,
		    place->location);
	return err_advise(e, r, "Choose another location, or none: the first free one is taken.");
}

static bool is_free(const struct vm_doc *vm, const drive_vec *drives, const struct drive_place *place)
{
	/* Nothing is plugged into an IDE controller of a machine that is on. */
	return !(place->controller == DRIVE_IDE && vm->state != VM_OFF) && place_exists(vm, place) && !drive_at(drives, place);
}

static bool free_place(const struct vm_doc *vm, const drive_vec *drives, enum drive_controller controller, const uint32_t *number,
		       const uint32_t *location, struct drive_place *ret)
{
	struct drive_place p = { .controller = controller };

	for (p.number = number ? *number : 0; p.number < (number ? *number + 1 : DRIVE_SCSI_NUMBERS); p.number++) {
		p.location = location ? *location : 0;
		for (; p.location < (location ? *location + 1 : DRIVE_SCSI_LOCATIONS); p.location++) {
			if (!is_free(vm, drives, &p))
				continue;
			*ret = p;
			return true;
		}
	}
	return false;
}

int drive_find_place(const struct docs *d, const struct vm_doc *vm, const uint32_t *controller, const uint32_t *number,
		     const uint32_t *location, struct drive_place *ret, struct err **e)
{
	drive_vec drives = { 0 };
	bool found = false;
	int r;

	drive_of_vm(d, &vm->id, &drives);
	if (!controller || *controller == DRIVE_IDE)
		found = free_place(vm, &drives, DRIVE_IDE, number, location, ret);
	if (!found && (!controller || *controller == DRIVE_SCSI))
		found = free_place(vm, &drives, DRIVE_SCSI, number, location, ret);
	vec_done(&drives);
	if (found)
		return 0;
	r = err_set(e, "Drive.NoPlace", ERR_LIMITS_EXCEEDED, vm->name, "\"%s\" has no free place for another drive%s.", vm->name,
		    controller || number || location ? " that is like that" : "");
	return err_advise(e, r, "Remove a drive, or give another -ControllerType, -ControllerNumber or -ControllerLocation.");
}

uint32_t drive_scsi_controllers(const struct docs *d, const struct vm_doc *vm)
{
	drive_vec drives = { 0 };
	uint32_t n = MAX(vm->scsi_controllers, 1u);

	drive_of_vm(d, &vm->id, &drives);
	vec_foreach(&drives, drive)
		if ((*drive)->controller == DRIVE_SCSI)
			n = MAX(n, (*drive)->number + 1);
	vec_done(&drives);
	return n;
}

int drive_check_pluggable(const struct docs *d, const struct vm_doc *vm, enum drive_type type, const struct drive_place *place,
			  struct err **e)
{
	if (vm->state == VM_SAVED)
		return refuse_state(vm->name, "Start it, or discard its saved state first (Remove-VMSavedState).", e);
	if (vm->state == VM_OFF)
		return 0;
	if (type == DRIVE_DVD)
		return refuse_state(vm->name, "A DVD drive comes and goes while the virtual machine is off: Stop-VM first. The disc in a drive "
					      "changes at any time (Set-VMDvdDrive).", e);
	if (place->controller == DRIVE_IDE)
		return refuse_state(vm->name, "What is on an IDE controller changes while the virtual machine is off: Stop-VM first, or use SCSI.", e);
	/* They come with a start. */
	if (place->number >= drive_scsi_controllers(d, vm))
		return refuse_state(vm->name, "It has no SCSI controller of that number until it is started anew: use another, or Stop-VM first.", e);
	return 0;
}

int drive_unknown(const char *what, struct err **e)
{
	int r = err_set(e, "Drive.NotFound", ERR_OBJECT_NOT_FOUND, what, "There is no such drive: %s.", what);

	return err_advise(e, r, "Get-VMHardDiskDrive and Get-VMDvdDrive list the drives of a virtual machine.");
}
