/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "checkpoint.h"
#include "drive_image.h"
#include "drive_rules.h"
#include "feature.h"
#include "vhd.h"
#include "vm_location.h"
#include "vm_rules.h"

/* New-VHD, Get-VHD, Resize-VHD, Convert-VHD. */

const char *const vhd_types[] = { "Dynamic", "Fixed", "Differencing", NULL };
/* As Hyper-V names them; the other two are not its. */
static const char *const vhd_formats[] = {
	[DRIVE_RAW] = "RAW", [DRIVE_QCOW2] = "QCOW2", [DRIVE_VHDX] = "VHDX", [DRIVE_VHD] = "VHD",
};

#define SECTOR 512

static const char *const vm_type[] = { "VirtualMachine", NULL };

static const struct param new_params[] = {
	{ "Path", P_STRING, REQUIRED | ARRAY | POS(0) | PIPE_VALUE | PIPE_NAME,
	  "the new file: .qcow2, .vhdx, .vhd, .img or .raw; a name without directory is in the host's directory of images" },
	{ "SizeBytes", P_UINT, REQUIRED | POS(1), "size that a guest sees, for example 40GB", .min = VHD_SIZE_MIN, .max = VHD_SIZE_MAX,
	  .sets = IN_SET(0) | IN_SET(1) },
	{ "Dynamic", P_SWITCH, 0, "the file grows with what is written, which is the default", .sets = IN_SET(0) },
	{ "Fixed", P_SWITCH, REQUIRED, "the file takes all its space at once", .sets = IN_SET(1) },
	{ "ParentPath", P_STRING, REQUIRED | POS(1), "the image that it differs from, which must not change any more", .sets = IN_SET(2) },
	{ "Differencing", P_SWITCH, 0, "the file has what differs from -ParentPath; .qcow2 alone", .sets = IN_SET(2) },
	{ 0 },
};
static const struct param get_params[] = {
	{ "Path", P_STRING, REQUIRED | ARRAY | POS(0) | PIPE_VALUE | PIPE_NAME, "image files", .sets = IN_SET(0) },
	{ "VMId", P_GUID, REQUIRED | ARRAY | POS(0) | PIPE_NAME, "ids of virtual machines: the images in their drives", .aliases = "Id",
	  .sets = IN_SET(1) },
	{ "VM", P_OBJECT, REQUIRED | ARRAY | PIPE_VALUE, "virtual machines, as Get-VM returns them: the images in their drives",
	  .values = vm_type, .sets = IN_SET(2) },
	{ 0 },
};
static const struct param resize_params[] = {
	{ "Path", P_STRING, REQUIRED | ARRAY | POS(0) | PIPE_VALUE | PIPE_NAME, "image files that no running virtual machine uses" },
	{ "SizeBytes", P_UINT, REQUIRED | POS(1), "the new size", .min = VHD_SIZE_MIN, .max = VHD_SIZE_MAX },
	{ "Shrink", P_SWITCH, 0, "it may become smaller: what is beyond the new end is lost" },
	{ 0 },
};
static const struct param convert_params[] = {
	{ "Path", P_STRING, REQUIRED | POS(0) | PIPE_VALUE | PIPE_NAME, "image file that no running virtual machine uses" },
	{ "DestinationPath", P_STRING, REQUIRED | POS(1), "the new file; its ending says of what format" },
	{ "VHDType", P_ENUM, 0, "what it becomes; Differencing is not possible", .values = vhd_types, .def = "Dynamic" },
	{ "DeleteSource", P_SWITCH, 0, "remove the old file afterwards" },
	{ 0 },
};

static const char *const vhd_properties[] = {
	"ComputerName", "Path", "VhdFormat", "VhdType", "FileSize", "Size", "LogicalSectorSize", "ParentPath", "Attached", NULL,
};
static const struct column vhd_columns[] = {
	{ "ComputerName" }, { "Path" }, { "VhdFormat" }, { "VhdType" }, { "FileSize" }, { "Size" }, { "ParentPath" }, { "Attached" }, { 0 },
};
const struct object_type vhd_object = { "VirtualHardDisk", vhd_properties, vhd_columns, .list = true };

/* A drive of a machine that needs it as it is: it is on, or has saved its state. */
static const struct vm_doc *user_of(const struct docs *d, const char *path)
{
	const struct drive_doc *drive;

	for (size_t pos = 0; (drive = docs_next(d, &drive_kind, &pos));) {
		const struct vm_doc *vm = streq_ptr(drive->path, path) ? vm_get(d, &drive->vm) : NULL;

		if (vm && vm->state != VM_OFF)
			return vm;
	}
	return NULL;
}

json_t *vhd_to_object(struct call *c, const char *path, const struct host_image *image)
{
	enum vhd_type type = image->parent ? VHD_DIFFERENCING : image->length >= image->size ? VHD_FIXED : VHD_DYNAMIC;
	enum drive_format format = DRIVE_RAW;

	drive_format_from_qemu(image->format, &format);
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:i, s:o, s:b}", "ComputerName", call_host(c)->name, "Path", path, "VhdFormat",
			 vhd_formats[format], "VhdType", vhd_types[type], "FileSize", (json_int_t)image->file_size, "Size",
			 (json_int_t)image->size, "LogicalSectorSize", SECTOR, "ParentPath", json_text(image->parent), "Attached",
			 user_of(call_docs(c), path) != NULL);
}

static int check_path(const char *param, const char *path, enum drive_format *ret, struct err **e)
{
	int r = vm_check_path(param, path, e);

	if (r < 0 || drive_format_of(path, ret))
		return r;
	r = err_set(e, "Vhd.FormatUnknown", ERR_INVALID_ARGUMENT, path, "-%s: the name \"%s\" does not say what kind of image it is.", param,
		    path);
	return err_advise(e, r, "Virtual hard disks end with .qcow2, .vhdx, .vhd, .img or .raw.");
}

static int check_size(uint64_t size, struct err **e)
{
	int r;

	if (size % SECTOR == 0)
		return 0;
	r = err_set(e, "Vhd.SizeInvalid", ERR_INVALID_ARGUMENT, NULL, "A virtual hard disk of %" PRIu64 " bytes is not possible.", size);
	return err_advise(e, r, "The size is a multiple of %d.", SECTOR);
}

static int check_unused(struct call *c, const char *path, struct err **e)
{
	const struct vm_doc *vm = user_of(call_docs(c), path);
	int r;

	if (!vm)
		return 0;
	r = err_set(e, "Vhd.InUse", ERR_RESOURCE_BUSY, path, "\"%s\" is in use by the virtual machine \"%s\".", path, vm->name);
	return err_advise(e, r, "Stop the virtual machine first (Stop-VM).");
}

/* Calls fn for each of -Path, made absolute; one that fails leaves the others alone. */
static int each_path(struct call *c, int (*fn)(struct call *c, struct vhd_work *w, size_t group, const char *path, struct err **e))
{
	const struct arg *paths = call_arg(c, "Path");
	struct vhd_work *w = vhd_work_new(c);

	for (size_t i = 0; i < paths->n; i++) {
		_cleanup_free_ char *path = drive_path_resolve(c, paths->values[i].str);
		struct err *e = NULL;

		if (fn(c, w, i, path, &e) < 0)
			call_error(c, &e);
	}
	return vhd_work_run(w);
}

static int new_one(struct call *c, struct vhd_work *w, size_t group, const char *path, struct err **e)
{
	_cleanup_free_ char *parent = call_given(c, "ParentPath") ? drive_path_resolve(c, call_str(c, "ParentPath", "")) : NULL;
	enum drive_format format, parent_format = DRIVE_RAW;
	int r = check_path("Path", path, &format, e);

	if (r == 0)
		r = location_check_file(c, path, e);
	if (r == 0)
		r = check_size(call_uint(c, "SizeBytes", 0), e);
	if (r == 0 && parent)
		r = check_path("ParentPath", parent, &parent_format, e);
	if (r == 0 && parent)
		r = check_unused(c, parent, e);
	if (r == 0 && parent && format != DRIVE_QCOW2) {
		r = err_set(e, "Vhd.Unsupported", ERR_NOT_IMPLEMENTED, path, "A differencing disk of format %s cannot be made.", drive_formats[format]);
		err_advise(e, r, "Name it .qcow2; its parent may be of any format.");
	}
	if (r < 0 || !call_should(c, path, "%s", call_name(c)))
		return r;
	if (parent)
		vhd_work_look(w, group, parent, false, 0);
	vhd_work_job(w, group, &(struct host_image_job){ .op = HOST_IMAGE_CREATE, .path = path, .format = drive_format_qemu(format),
							   .size = call_uint(c, "SizeBytes", 0), .fixed = call_bool(c, "Fixed", false),
							   .parent = parent, .parent_format = drive_format_qemu(parent_format) });
	vhd_work_emit(w, group, path);
	return 0;
}

static int new_vhd(struct call *c, struct err **e)
{
	(void)e;
	return each_path(c, new_one);
}

static int get_one(struct call *c, struct vhd_work *w, size_t group, const char *path, struct err **e)
{
	enum drive_format format;
	int r = check_path("Path", path, &format, e);

	(void)c;
	if (r == 0)
		vhd_work_emit(w, group, path);
	return r;
}

static void get_of_vm(struct call *c, const struct guid *id, struct vhd_work *w, size_t *group)
{
	drive_vec drives = { 0 };

	drive_of_vm(call_docs(c), id, &drives);
	vec_foreach(&drives, drive)
		if ((*drive)->type == DRIVE_HARD_DISK)
			vhd_work_emit(w, (*group)++, (*drive)->path);
	vec_done(&drives);
}

static int get_of_vms(struct call *c)
{
	const struct arg *ids = call_arg(c, "VMId");
	struct vhd_work *w = vhd_work_new(c);
	vm_vec vms = { 0 };
	size_t group = 0;

	for (size_t i = 0; i < ids->n; i++) {
		struct err *e = NULL;

		if (vm_get(call_docs(c), &ids->values[i].guid)) {
			get_of_vm(c, &ids->values[i].guid, w, &group);
			continue;
		}
		vm_unknown(ids->texts[i], &e);
		call_error(c, &e);
	}
	if (call_given(c, "VM"))
		vm_select(c, NULL, "VM", &vms);
	vec_foreach(&vms, vm)
		get_of_vm(c, &(*vm)->id, w, &group);
	vec_done(&vms);
	return vhd_work_run(w);
}

static int get_vhd(struct call *c, struct err **e)
{
	(void)e;
	return call_given(c, "VMId") || call_given(c, "VM") ? get_of_vms(c) : each_path(c, get_one);
}

static int resize_one(struct call *c, struct vhd_work *w, size_t group, const char *path, struct err **e)
{
	bool shrink = call_bool(c, "Shrink", false);
	uint64_t size = call_uint(c, "SizeBytes", 0);
	enum drive_format format;
	int r = check_path("Path", path, &format, e);

	if (r == 0)
		r = check_size(size, e);
	if (r == 0)
		r = check_unused(c, path, e);
	if (r == 0)
		r = image_check_free(call_docs(c), path, e);
	if (r < 0 || !call_should(c, path, "%s", call_name(c)))
		return r;
	vhd_work_look(w, group, path, false, shrink ? 0 : size);
	vhd_work_job(w, group, &(struct host_image_job){ .op = HOST_IMAGE_RESIZE, .path = path, .format = drive_format_qemu(format), .size = size,
							   .shrink = shrink });
	if (call_bool(c, "PassThru", false))
		vhd_work_emit(w, group, path);
	return 0;
}

static int resize_vhd(struct call *c, struct err **e)
{
	(void)e;
	return each_path(c, resize_one);
}

static int check_convert(struct call *c, const char *path, const char *target, enum drive_format *from, enum drive_format *to, struct err **e)
{
	const struct drive_doc *drive;
	int r = check_path("Path", path, from, e);

	if (r == 0)
		r = check_path("DestinationPath", target, to, e);
	if (r == 0)
		r = location_check_file(c, target, e);
	if (r == 0)
		r = check_unused(c, path, e);
	if (r == 0 && call_enum(c, "VHDType", VHD_DYNAMIC) == VHD_DIFFERENCING) {
		r = err_set(e, "Vhd.Unsupported", ERR_NOT_IMPLEMENTED, target, "An image is not converted into a differencing disk.");
		err_advise(e, r, "New-VHD -Differencing makes one on top of it.");
	}
	for (size_t pos = 0; r == 0 && call_bool(c, "DeleteSource", false) && (drive = docs_next(call_docs(c), &drive_kind, &pos));) {
		if (!streq_ptr(drive->path, path))
			continue;
		r = err_set(e, "Vhd.InUse", ERR_RESOURCE_BUSY, path, "\"%s\" is in a drive of a virtual machine, and is not removed.", path);
		err_advise(e, r, "Leave -DeleteSource out, or give the drive the new image afterwards (Set-VMHardDiskDrive).");
	}
	return r;
}

static int convert_vhd(struct call *c, struct err **e)
{
	_cleanup_free_ char *path = drive_path_resolve(c, call_str(c, "Path", ""));
	_cleanup_free_ char *target = drive_path_resolve(c, call_str(c, "DestinationPath", ""));
	enum drive_format from, to;
	struct vhd_work *w;
	int r = check_convert(c, path, target, &from, &to, e);

	if (r < 0 || !call_should(c, path, "%s", call_name(c)))
		return r;
	w = vhd_work_new(c);
	vhd_work_look(w, 0, path, false, 0);
	vhd_work_job(w, 0, &(struct host_image_job){ .op = HOST_IMAGE_CONVERT, .path = path, .format = drive_format_qemu(from), .target = target,
						      .target_format = drive_format_qemu(to),
						      .fixed = call_enum(c, "VHDType", VHD_DYNAMIC) == VHD_FIXED });
	if (call_bool(c, "DeleteSource", false))
		vhd_work_unlink(w, 0, path);
	if (call_bool(c, "PassThru", false))
		vhd_work_emit(w, 0, target);
	return vhd_work_run(w);
}

const struct cmdlet vhd_cmdlets[] = {
	{ "New-VHD", "make virtual hard disks", new_params, &vhd_object, new_vhd, CHANGES },
	{ "Get-VHD", "look at virtual hard disks", get_params, &vhd_object, get_vhd },
	{ "Resize-VHD", "change the size of virtual hard disks", resize_params, &vhd_object, resize_vhd, CHANGES | PASSTHRU },
	{ "Convert-VHD", "make another virtual hard disk of one: of another format or type", convert_params, &vhd_object, convert_vhd,
	  CHANGES | PASSTHRU },
	{ 0 },
};
