/* SPDX-License-Identifier: Apache-2.0 */
#include "drive_rules.h"
#include "feature.h"

/* The objects HardDiskDrive and DvdDrive, as Hyper-V's. */

static const char *const hard_disk_properties[] = {
	"VMName", "ControllerType", "ControllerNumber", "ControllerLocation", "Path", "DiskNumber", "Name", "Id", "VMId",
	"ComputerName", NULL,
};
static const struct column hard_disk_columns[] = {
	{ "VMName" }, { "ControllerType" }, { "ControllerNumber", .right = true }, { "ControllerLocation", .right = true },
	{ "DiskNumber", .right = true }, { "Path" }, { 0 },
};
const struct object_type hard_disk_object = { "HardDiskDrive", hard_disk_properties, hard_disk_columns };

static const char *const dvd_properties[] = {
	"VMName", "ControllerType", "ControllerNumber", "ControllerLocation", "Path", "DvdMediaType", "Name", "Id", "VMId",
	"ComputerName", NULL,
};
static const struct column dvd_columns[] = {
	{ "VMName" }, { "ControllerType" }, { "ControllerNumber", .right = true }, { "ControllerLocation", .right = true },
	{ "DvdMediaType" }, { "Path" }, { 0 },
};
const struct object_type dvd_object = { "DvdDrive", dvd_properties, dvd_columns };

json_t *drive_to_object(struct call *c, const void *doc)
{
	const struct drive_doc *drive = doc;
	const struct vm_doc *vm = vm_get(call_docs(c), &drive->vm);
	_cleanup_free_ char *place = drive_place_text(drive);
	json_t *o = json_object();
	bool dvd = drive->type == DRIVE_DVD;

	json_object_set_new(o, "VMName", json_text(vm ? vm->name : NULL));
	json_object_set_new(o, "ControllerType", json_string(drive_controllers[drive->controller]));
	json_object_set_new(o, "ControllerNumber", json_integer(drive->number));
	json_object_set_new(o, "ControllerLocation", json_integer(drive->location));
	json_object_set_new(o, "Path", json_text(drive->path));
	if (dvd)
		json_object_set_new(o, "DvdMediaType", json_string(drive->path ? "ISO" : "None"));
	else
		json_object_set_new(o, "DiskNumber", json_null());
	json_object_set_new(o, "Name", json_sprintf("%s on %s", dvd ? "DVD Drive" : "Hard Drive", place));
	json_object_set_new(o, "Id", json_guid(&drive->id));
	json_object_set_new(o, "VMId", json_guid(&drive->vm));
	json_object_set_new(o, "ComputerName", json_text(call_host(c)->name));
	return o;
}
