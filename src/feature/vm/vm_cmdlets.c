/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "adapter.h"
#include "checkpoint.h"
#include "drive_image.h"
#include "drive_rules.h"
#include "feature.h"
#include "firmware.h"
#include "switch_rules.h"
#include "vm_exec.h"
#include "vm_location.h"
#include "vm_metering.h"
#include "vm_rules.h"
#include "vm_shutdown.h"
#include "vm_wait.h"

#define MEMORY_DEFAULT (512ull << 20)

static const char *const vm_type[] = { "VirtualMachine", NULL };

#define NAME_OF_VM(flags_)                                                                                             \
	{                                                                                                              \
		"Name", P_STRING, ARRAY | POS(0) | PIPE_VALUE | (flags_), "names of virtual machines, or wildcards",   \
			.aliases = "VMName", .sets = IN_SET(0)                                                         \
	}
#define VM_OBJECT                                                                                                      \
	{                                                                                                              \
		"VM", P_OBJECT, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "virtual machines, as Get-VM returns them",    \
			.values = vm_type, .sets = IN_SET(1)                                                           \
	}
#define FORCE                                                                                                          \
	{                                                                                                              \
		"Force", P_SWITCH, 0, "accepted; nothing is ever asked here"                                           \
	}

static const struct param new_vm_params[] = {
	{ "Name", P_STRING, POS(0) | PIPE_VALUE | PIPE_NAME, "name of the virtual machine, unique on the host",
	  .aliases = "VMName", .def = "New virtual machine" },
	{ "MemoryStartupBytes", P_UINT, POS(1), "memory at start, for example 1GB", .min = MEMORY_MIN,
	  .max = MEMORY_MAX, .def = "512MB" },
	{ "Generation", P_UINT, POS(2), "1 or 2; fixed at creation", .min = 1, .max = 2, .def = "1" },
	{ "SwitchName", P_STRING, 0, "switch that the network adapter is connected to" },
	{ "Version", P_STRING, 0, "configuration version; only moves up later", .def = "12.0" },
	{ "Path", P_STRING, 0,
	  "directory below which it gets one for what it keeps besides its disks; by default the host's (Set-VMHost -VirtualMachinePath)" },
	{ "NoVHD", P_SWITCH, 0, "without a disk, as without -VHDPath" },
	{ "VHDPath", P_STRING, 0, "virtual hard disk that exists: .qcow2, .img, .raw or .vhd; a name without directory is in the host's directory of images" },
	{ "NewVHDPath", P_STRING, 0, "virtual hard disk to make; a name without directory is in the host's directory of images" },
	{ "NewVHDSizeBytes", P_UINT, 0, "its size, for example 40GB", .min = VHD_SIZE_MIN, .max = VHD_SIZE_MAX },
	{ "BootDevice", P_ENUM, 0, "what is tried first; generation 2: VHD, CD (with a DVD drive for it) or NetworkAdapter",
	  .values = firmware_boot_devices },
	{ "UserDataPath", P_STRING, 0, "user-data for cloud-init: the guest finds it on a DVD that is made anew at each start" },
	{ "KernelPath", P_STRING, 0, "boot this kernel instead of what the firmware finds; a file of libvirt's host" },
	{ "InitrdPath", P_STRING, 0, "initial RAM disk of that kernel" },
	{ "KernelCommandLine", P_STRING, 0, "command line of that kernel" },
	{ "Engine", P_ENUM, 0, "what runs the guest: a real machine, or a Linux network namespace",
	  .values = vm_engines, .def = "Qemu" },
	{ 0 },
};

static const struct param get_vm_params[] = {
	NAME_OF_VM(0),
	{ "Id", P_GUID, POS(0) | PIPE_VALUE | PIPE_NAME, "id of a virtual machine", .sets = IN_SET(1) },
	{ 0 },
};

static const struct param set_vm_params[] = {
	NAME_OF_VM(REQUIRED),
	VM_OBJECT,
	{ "NewVMName", P_STRING, 0, "rename it" },
	{ "Notes", P_STRING, MAY_BE_EMPTY, "free text" },
	{ "UserDataPath", P_STRING, MAY_BE_EMPTY, "user-data for cloud-init, from the next start on; $null: none" },
	{ "CheckpointType", P_ENUM, 0,
	  "Production: without memory where the guest holds still, else with it; ProductionOnly: never with; Standard: always; Disabled: none",
	  .values = vm_checkpoint_types, .def = "Production" },
	{ "SnapshotFileLocation", P_STRING, MAY_BE_EMPTY,
	  "directory of its checkpoints to come: memory, and what is written to disks after them; $null: as it was at first",
	  .aliases = "CheckpointFileLocation" },
	{ "ProcessorCount", P_UINT, 0, "number of virtual processors; the virtual machine must be off", .min = 1,
	  .max = PROCESSORS_MAX },
	{ "MemoryStartupBytes", P_UINT, 0, "memory; of one that runs only where it is static (NV-6)", .min = MEMORY_MIN,
	  .max = MEMORY_MAX },
	{ 0 },
};

static const struct param rename_vm_params[] = {
	NAME_OF_VM(REQUIRED),
	VM_OBJECT,
	{ "NewName", P_STRING, REQUIRED | POS(1), "the new name", .aliases = "NewVMName" },
	{ 0 },
};

static const struct param start_vm_params[] = { NAME_OF_VM(REQUIRED), VM_OBJECT, { 0 } };
static const struct param restart_vm_params[] = {
	NAME_OF_VM(REQUIRED),
	VM_OBJECT,
	FORCE,
	{ "Wait", P_SWITCH, 0, "answer when the guest is up again" },
	WAIT_PARAMS(vm_wait_restart_kinds),
	{ 0 },
};
static const struct param wait_vm_params[] = { NAME_OF_VM(REQUIRED), VM_OBJECT, WAIT_PARAMS(vm_wait_kinds), { 0 } };
static const struct param state_params[] = { NAME_OF_VM(REQUIRED), VM_OBJECT, { 0 } };
static const struct param remove_vm_params[] = { NAME_OF_VM(REQUIRED), VM_OBJECT, FORCE, { 0 } };

static const struct param stop_vm_params[] = {
	NAME_OF_VM(REQUIRED),
	VM_OBJECT,
	FORCE,
	{ "TurnOff", P_SWITCH, 0, "cut the power instead of an orderly shutdown" },
	{ "Save", P_SWITCH, 0, "save its state to disk, as Save-VM does (engine Qemu)" },
	{ 0 },
};

static const struct param invoke_command_params[] = {
	{ "VMName", P_STRING, REQUIRED | ARRAY, "names of running virtual machines, or wildcards" },
	{ "ScriptBlock", P_SCRIPT, REQUIRED | POS(0), "shell line to run in each guest; in a real machine by its guest agent" },
	{ "TimeoutSec", P_UINT, 0, "what runs longer, in seconds, is ended", .min = 1, .max = 86400, .def = "3600" },
	{ 0 },
};

/* Of the cmdlets here: -Name or -VM. */
static int vm_each(struct call *c, vm_fn fn)
{
	return vm_each_of(c, "Name", NULL, fn);
}

static void vm_write(struct call *c, struct vm_doc *changed)
{
	vm_write_as(c, changed, vm_to_object);
}

static int new_vm_check_boot(struct call *c, struct err **e)
{
	bool kernel = call_given(c, "KernelPath"), more = call_given(c, "InitrdPath") || call_given(c, "KernelCommandLine");
	int r = 0;

	if (more && !kernel)
		return err_set(e, "AmbiguousParameterSet", ERR_INVALID_ARGUMENT, NULL,
			       "Parameter set cannot be resolved: -InitrdPath and -KernelCommandLine belong to -KernelPath.");
	if (kernel && call_enum(c, "Engine", VM_ENGINE_QEMU) != VM_ENGINE_QEMU)
		return err_set(e, "AmbiguousParameterSet", ERR_INVALID_ARGUMENT, NULL,
			       "Parameter set cannot be resolved: a guest of engine Namespace boots no kernel.");
	if (call_given(c, "UserDataPath") && call_enum(c, "Engine", VM_ENGINE_QEMU) != VM_ENGINE_QEMU)
		return err_set(e, "AmbiguousParameterSet", ERR_INVALID_ARGUMENT, NULL,
			       "Parameter set cannot be resolved: a guest of engine Namespace has no DVD with user-data.");
	if (call_given(c, "UserDataPath"))
		r = vm_check_path("UserDataPath", call_str(c, "UserDataPath", ""), e);
	if (call_given(c, "Path") && call_enum(c, "Engine", VM_ENGINE_QEMU) != VM_ENGINE_QEMU)
		return err_set(e, "AmbiguousParameterSet", ERR_INVALID_ARGUMENT, NULL,
			       "Parameter set cannot be resolved: a guest of engine Namespace keeps no files.");
	if (r == 0 && call_given(c, "BootDevice"))
		r = firmware_check_boot_device((uint32_t)call_uint(c, "Generation", 1), call_enum(c, "BootDevice", BOOT_VHD), e);
	if (r == 0 && kernel)
		r = vm_check_path("KernelPath", call_str(c, "KernelPath", ""), e);
	if (r == 0 && call_given(c, "InitrdPath"))
		r = vm_check_path("InitrdPath", call_str(c, "InitrdPath", ""), e);
	return r;
}

/* The disk that it gets: one that exists, a new one, or none (NULL). Owned by the caller. */
static char *new_vm_disk(struct call *c)
{
	const char *path = call_str(c, call_given(c, "NewVHDPath") ? "NewVHDPath" : "VHDPath", NULL);

	return path ? drive_path_resolve(c, path) : NULL;
}

static int new_vm_check_disk(struct call *c, const char *path, struct err **e)
{
	bool old = call_given(c, "VHDPath"), new = call_given(c, "NewVHDPath"), none = call_bool(c, "NoVHD", false);
	enum drive_format format;
	int r;

	if (old + new + none > 1)
		return err_set(e, "AmbiguousParameterSet", ERR_INVALID_ARGUMENT, NULL,
			       "Parameter set cannot be resolved: -VHDPath, -NewVHDPath and -NoVHD exclude each other.");
	if (new != call_given(c, "NewVHDSizeBytes"))
		return err_set(e, "MissingMandatoryParameter", ERR_INVALID_ARGUMENT, new ? "NewVHDSizeBytes" : "NewVHDPath",
			       "Cannot process command because of one or more missing mandatory parameters: %s.",
			       new ? "NewVHDSizeBytes" : "NewVHDPath");
	if (path && call_enum(c, "Engine", VM_ENGINE_QEMU) != VM_ENGINE_QEMU)
		return err_set(e, "AmbiguousParameterSet", ERR_INVALID_ARGUMENT, NULL,
			       "Parameter set cannot be resolved: a guest of engine Namespace has no disk.");
	r = path ? drive_check_path(new ? "NewVHDPath" : "VHDPath", DRIVE_HARD_DISK, path, &format, e) : 0;
	return r == 0 && new ? location_check_file(c, path, e) : r;
}

static char *given_text(struct call *c, const char *name)
{
	const char *text = call_str(c, name, NULL);

	return text ? xstrdup(text) : NULL;
}

static int new_vm_check(struct call *c, const char *name, const char *disk, const struct switch_doc **ret_switch, struct err **e)
{
	const struct docs *d = call_docs(c);
	int r = vm_check_name(d, NULL, name, e);

	if (r < 0)
		return r;
	r = vm_check_engine(call_enum(c, "Engine", VM_ENGINE_QEMU), call_host(c), name, e);
	if (r == 0)
		r = new_vm_check_boot(c, e);
	if (r == 0)
		r = new_vm_check_disk(c, disk, e);
	if (r == 0 && call_enum(c, "Engine", VM_ENGINE_QEMU) == VM_ENGINE_QEMU)
		r = location_new_check(c, "Path", e);
	if (r < 0)
		return r;
	r = vm_check_version(call_str(c, "Version", vm_default_version()), e);
	if (r < 0)
		return r;
	*ret_switch = NULL;
	return call_given(c, "SwitchName") ? switch_find(d, call_str(c, "SwitchName", NULL), ret_switch, e) : 0;
}

/* As Hyper-V's: the disk comes first, and generation 1 has a DVD drive, which a kernel that is booted directly has no use for. */
static void new_vm_drives(struct call *c, const struct vm_doc *vm, const char *path)
{
	enum drive_controller controller = vm->generation == 1 ? DRIVE_IDE : DRIVE_SCSI;
	enum drive_format format = DRIVE_RAW;

	if (path && drive_format_of(path, &format))
		docs_put(call_docs(c), &drive_kind, drive_make(&vm->id, DRIVE_HARD_DISK, controller, 0, 0, path, format));
	if (vm->engine == VM_ENGINE_QEMU && vm->generation == 1 && !vm->kernel)
		docs_put(call_docs(c), &drive_kind, drive_make(&vm->id, DRIVE_DVD, DRIVE_IDE, 1, 0, NULL, DRIVE_RAW));
	if (vm->generation == 2 && call_enum(c, "BootDevice", BOOT_VHD) == BOOT_CD)
		docs_put(call_docs(c), &drive_kind, drive_make(&vm->id, DRIVE_DVD, DRIVE_SCSI, 0, path ? 1 : 0, NULL, DRIVE_RAW));
}

static struct vm_doc *new_vm_doc(struct call *c, const char *name)
{
	struct vm_doc *vm = doc_new(&vm_kind);

	vm->id = guid_new();
	vm->name = xstrdup(name);
	vm->engine = call_enum(c, "Engine", VM_ENGINE_QEMU);
	vm->state = VM_OFF;
	vm->generation = call_uint(c, "Generation", 1);
	vm->version = xstrdup(call_str(c, "Version", vm_default_version()));
	vm->memory_startup = call_uint(c, "MemoryStartupBytes", MEMORY_DEFAULT);
	vm->memory_minimum = MIN(vm_memory_minimum, vm->memory_startup);
	vm->memory_maximum = vm_memory_maximum;
	vm->memory_buffer = vm_memory_buffer;
	vm->processor_count = 1;
	vm->kernel = given_text(c, "KernelPath");
	vm->initrd = given_text(c, "InitrdPath");
	vm->command_line = given_text(c, "KernelCommandLine");
	vm->user_data = given_text(c, "UserDataPath");
	/* As Hyper-V's default. */
	vm->secure_boot = vm->generation == 2;
	vm->created = (uint64_t)time(NULL);
	return vm;
}

/* disk: the path of one that was made or looked at; NULL: none. */
static int new_vm_make(struct call *c, void *disk, struct err **e)
{
	const char *name = call_str(c, "Name", "New virtual machine");
	struct docs *d = call_docs(c);
	const struct switch_doc *sw;
	struct vm_doc *vm;
	int r = new_vm_check(c, name, disk, &sw, e);

	if (r < 0)
		return r;
	vm = new_vm_doc(c, name);
	if (vm->engine == VM_ENGINE_QEMU)
		r = location_new_make(c, "Path", vm, NULL, e);
	if (r < 0) {
		doc_free(&vm_kind, vm);
		return r;
	}
	new_vm_drives(c, vm, disk);
	docs_put(d, &adapter_kind, adapter_make(d, &vm->id, NULL, sw ? &sw->id : NULL, call_host(c)->name));
	if (call_given(c, "BootDevice"))
		firmware_boot_first(d, vm, call_enum(c, "BootDevice", BOOT_VHD));
	docs_put(d, &vm_kind, vm);
	call_emit(c, vm_to_object, &vm_kind, vm);
	return 0;
}

static int new_vm(struct call *c, struct err **e)
{
	const char *name = call_str(c, "Name", "New virtual machine");
	_cleanup_free_ char *path = new_vm_disk(c);
	enum drive_format format = DRIVE_RAW;
	const struct switch_doc *sw;
	int r = new_vm_check(c, name, path, &sw, e);

	if (r < 0 || !call_should(c, name, "%s", call_name(c)))
		return r;
	if (!path)
		return new_vm_make(c, NULL, e);
	drive_format_of(path, &format);
	if (call_given(c, "VHDPath"))
		return drive_image_check(c, path, true, new_vm_make, xstrdup(path), e);
	return drive_image_run(c, &(struct host_image_job){ .op = HOST_IMAGE_CREATE, .path = path, .format = drive_format_qemu(format),
							    .size = call_uint(c, "NewVHDSizeBytes", 0), .for_drive = true },
			       new_vm_make, xstrdup(path), e);
}

static int get_vm(struct call *c, struct err **e)
{
	vm_vec vms = { 0 };

	(void)e;
	vm_select_or_id(c, "Name", "Id", &vms);
	vec_foreach(&vms, vm)
		call_emit(c, vm_to_object, &vm_kind, *vm);
	vec_done(&vms);
	return 0;
}

/* *ret: the canonical path, or NULL; owned by the caller. */
static int check_snapshot_path(struct call *c, const struct vm_doc *vm, char **ret, struct err **e)
{
	const char *path = call_str(c, "SnapshotFileLocation", NULL);
	int r;

	if (!path) {
		*ret = vm->snapshot_path ? xstrdup(vm->snapshot_path) : NULL;
		return 0;
	}
	r = vm_check_machine(vm, e);
	if (r < 0 || *path)
		return r < 0 ? r : location_resolve("SnapshotFileLocation", path, ret, e);
	*ret = NULL;
	return 0;
}

static int set_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	_cleanup_free_ char *snapshot_path = NULL;
	const char *new_name = call_str(c, "NewVMName", NULL), *notes = call_str(c, "Notes", NULL);
	const char *user_data = call_str(c, "UserDataPath", NULL);
	struct host_guest guest = { 0 };
	struct vm_doc *changed;
	int r = 0;

	call_host(c)->guest(call_host(c), &vm->id, &guest);
	if (new_name)
		r = vm_check_name(call_docs(c), vm, new_name, e);
	if (r == 0 && call_given(c, "ProcessorCount"))
		r = vm_check_off(vm, e);
	if (r == 0 && user_data)
		r = vm_check_machine(vm, e);
	if (r == 0 && user_data && *user_data)
		r = vm_check_path("UserDataPath", user_data, e);
	if (r == 0 && user_data)
		r = vm_check_off(vm, e);
	if (r == 0)
		r = check_snapshot_path(c, vm, &snapshot_path, e);
	changed = doc_copy(&vm_kind, vm);
	changed->memory_startup = call_uint(c, "MemoryStartupBytes", vm->memory_startup);
	if (r == 0 && call_given(c, "MemoryStartupBytes"))
		r = vm_check_memory(vm, changed, &guest, e);
	if (r < 0 || !call_should(c, vm->name, "%s", call_name(c))) {
		doc_free(&vm_kind, changed);
		return r;
	}
	if (new_name) {
		free(changed->name);
		changed->name = xstrdup(new_name);
	}
	if (notes) {
		free(changed->notes);
		changed->notes = xstrdup(notes);
	}
	if (user_data) {
		free(changed->user_data);
		changed->user_data = *user_data ? xstrdup(user_data) : NULL;
	}
	free(changed->snapshot_path);
	changed->snapshot_path = TAKE_PTR(snapshot_path);
	changed->processor_count = call_uint(c, "ProcessorCount", vm->processor_count);
	changed->checkpoint_type = call_enum(c, "CheckpointType", vm->checkpoint_type);
	vm_write(c, changed);
	return 0;
}

static int set_vm(struct call *c, struct err **e)
{
	(void)e;
	return vm_each(c, set_one);
}

static int rename_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	const char *new_name = call_str(c, "NewName", NULL);
	struct vm_doc *changed;
	int r = vm_check_name(call_docs(c), vm, new_name, e);

	if (r < 0 || !call_should(c, vm->name, "%s", call_name(c)))
		return r;
	changed = doc_copy(&vm_kind, vm);
	free(changed->name);
	changed->name = xstrdup(new_name);
	vm_write(c, changed);
	return 0;
}

static int rename_vm(struct call *c, struct err **e)
{
	(void)e;
	return vm_each(c, rename_one);
}

static bool vm_really_runs(struct call *c, const struct vm_doc *vm)
{
	struct host *host = call_host(c);
	struct host_guest guest = { 0 };

	return host->guest(host, &vm->id, &guest) == 0 && (guest.running || guest.busy);
}

static int start_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	struct vm_doc *changed;

	(void)e;
	if (vm->state == VM_RUNNING && vm_really_runs(c, vm)) {
		call_warn(c, "The virtual machine \"%s\" is already in the specified state.", vm->name);
		if (call_bool(c, "PassThru", false))
			call_emit(c, vm_to_object, &vm_kind, vm);
		return 0;
	}
	if (!call_should(c, vm->name, "%s", call_name(c)))
		return 0;
	changed = doc_copy(&vm_kind, vm);
	/* A guest that ended by itself is wanted anew: the document must differ for anything to happen. */
	if (vm->state == VM_RUNNING)
		changed->boot++;
	vm_set_state(changed, VM_RUNNING, NULL);
	changed->ended = VM_END_NORMAL;
	vm_write(c, changed);
	return 0;
}

static int start_vm(struct call *c, struct err **e)
{
	(void)e;
	return vm_each(c, start_one);
}

static int write_state(struct call *c, const struct vm_doc *vm, enum vm_state state)
{
	struct vm_doc *changed;

	if (!call_should(c, vm->name, "%s", call_name(c)))
		return 0;
	changed = doc_copy(&vm_kind, vm);
	vm_set_state(changed, state, NULL);
	vm_write(c, changed);
	return 0;
}

static int suspend_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	int r = vm_check_machine(vm, e);

	if (r < 0)
		return r;
	if (vm->state != VM_RUNNING)
		return refuse_state(vm->name, "Only a running virtual machine can be paused.", e);
	return write_state(c, vm, VM_PAUSED);
}

static int resume_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	int r = vm_check_machine(vm, e);

	if (r < 0)
		return r;
	if (vm->state != VM_PAUSED)
		return refuse_state(vm->name, "Only a paused virtual machine can be resumed; Start-VM starts one that is off or saved.", e);
	return write_state(c, vm, VM_RUNNING);
}

static int save_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	int r;

	if (vm->engine != VM_ENGINE_QEMU) {
		r = err_set(e, "Vm.SaveUnavailable", ERR_NOT_IMPLEMENTED, vm->name,
			    "The state of the virtual machine \"%s\" cannot be saved: its engine is %s.", vm->name,
			    vm_engines[vm->engine]);
		return err_advise(e, r, "Stop-VM without -Save shuts it down.");
	}
	if (!vm_is_on(vm))
		return refuse_state(vm->name, "Only a virtual machine that runs or is paused can be saved.", e);
	return write_state(c, vm, VM_SAVED);
}

static int remove_saved_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	if (vm->state != VM_SAVED)
		return refuse_state(vm->name, "It has no saved state.", e);
	return write_state(c, vm, VM_OFF);
}

/* NV-3: only upwards, only while it is off and has no saved state. */
static int update_version_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	struct vm_doc *changed;
	int r = vm_check_off(vm, e);

	if (r < 0)
		return r;
	if (streq(vm->version, vm_default_version())) {
		call_warn(c, "The virtual machine \"%s\" has the newest configuration version already.", vm->name);
		return 0;
	}
	if (!call_should(c, vm->name, "%s", call_name(c)))
		return 0;
	changed = doc_copy(&vm_kind, vm);
	free(changed->version);
	changed->version = xstrdup(vm_default_version());
	docs_put(call_docs(c), &vm_kind, changed);
	call_emit(c, vm_to_object, &vm_kind, changed);
	return 0;
}

static int update_version(struct call *c, struct err **e)
{
	(void)e;
	return vm_each(c, update_version_one);
}

static int suspend_vm(struct call *c, struct err **e)
{
	(void)e;
	return vm_each(c, suspend_one);
}

static int resume_vm(struct call *c, struct err **e)
{
	(void)e;
	return vm_each(c, resume_one);
}

static int save_vm(struct call *c, struct err **e)
{
	(void)e;
	return vm_each(c, save_one);
}

static int remove_saved_state(struct call *c, struct err **e)
{
	(void)e;
	return vm_each(c, remove_saved_one);
}

static int stop_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	struct vm_doc *changed;

	if (call_bool(c, "Save", false))
		return save_one(c, vm, e);
	if (vm->state == VM_SAVED)
		return refuse_state(vm->name, "It is saved: Remove-VMSavedState discards that.", e);
	if (vm->state == VM_OFF) {
		call_warn(c, "The virtual machine \"%s\" is already in the specified state.", vm->name);
		if (call_bool(c, "PassThru", false))
			call_emit(c, vm_to_object, &vm_kind, vm);
		return 0;
	}
	if (!call_should(c, vm->name, "%s", call_name(c)))
		return 0;
	changed = doc_copy(&vm_kind, vm);
	vm_set_state(changed, VM_OFF, NULL);
	vm_write(c, changed);
	return 0;
}

static int stop_vm(struct call *c, struct err **e)
{
	if (call_bool(c, "Save", false) && call_bool(c, "TurnOff", false))
		return err_set(e, "AmbiguousParameterSet", ERR_INVALID_ARGUMENT, NULL,
			       "Parameter set cannot be resolved: -Save and -TurnOff exclude each other.");
	return call_bool(c, "TurnOff", false) || call_bool(c, "Save", false) ? vm_each(c, stop_one) : vm_stop_orderly(c, stop_one);
}

static int restart_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	struct vm_doc *changed;

	if (!vm_is_on(vm))
		return refuse_state(vm->name, "Start the virtual machine instead (Start-VM).", e);
	if (!call_should(c, vm->name, "%s", call_name(c)))
		return 0;
	changed = doc_copy(&vm_kind, vm);
	changed->boot++;
	vm_set_state(changed, VM_RUNNING, NULL);
	vm_write(c, changed);
	return 0;
}

/* Those that are restarted, and not only said to be (-WhatIf), are waited for. */
static int restart_and_wait(struct call *c)
{
	struct vm_waits *waits = vm_waits_new(c);
	vm_vec vms = { 0 };

	vm_select(c, "Name", "VM", &vms);
	vec_foreach(&vms, vm) {
		uint64_t boot = (*vm)->boot;
		struct guid id = (*vm)->id;
		struct err *e = NULL;

		if (restart_one(c, *vm, &e) < 0)
			call_error(c, &e);
		else if (vm_get(call_docs(c), &id)->boot != boot)
			vm_waits_add(waits, vm_get(call_docs(c), &id));
	}
	vec_done(&vms);
	return vm_waits_begin(waits);
}

static int restart_vm(struct call *c, struct err **e)
{
	bool more = call_given(c, "For") || call_given(c, "Timeout") || call_given(c, "Delay");

	if (call_bool(c, "Wait", false))
		return restart_and_wait(c);
	if (more)
		return err_set(e, "AmbiguousParameterSet", ERR_INVALID_ARGUMENT, NULL,
			       "Parameter set cannot be resolved: -For, -Timeout and -Delay belong to -Wait.");
	return vm_each(c, restart_one);
}

static int remove_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	struct docs *d = call_docs(c);
	_cleanup_free_ char *key = NULL;
	adapter_vec adapters = { 0 };
	int r = vm_check_off(vm, e);

	if (r == 0)
		r = checkpoint_check_made(d, vm, e);
	if (r < 0 || !call_should(c, vm->name, "%s", call_name(c)))
		return r;
	if (call_bool(c, "PassThru", false))
		call_emit_json(c, vm_to_object(c, vm));
	adapter_of_vm(d, &vm->id, &adapters);
	vec_foreach(&adapters, a)
		adapter_delete(d, *a);
	vec_done(&adapters);
	checkpoint_forget_vm(d, &vm->id);
	drive_delete_of_vm(d, &vm->id);
	metering_delete(d, &vm->id);
	key = doc_key(&vm_kind, vm);
	docs_delete(d, &vm_kind, key);
	return 0;
}

static int remove_vm(struct call *c, struct err **e)
{
	(void)e;
	return vm_each(c, remove_one);
}

const struct cmdlet vm_cmdlets[] = {
	{ "New-VM", "create a virtual machine, off, with one network adapter", new_vm_params, &vm_object, new_vm,
	  CHANGES },
	{ "Get-VM", "list virtual machines", get_vm_params, &vm_object, get_vm },
	{ "Set-VM", "change a virtual machine", set_vm_params, &vm_object, set_vm, CHANGES | PASSTHRU },
	{ "Rename-VM", "rename a virtual machine", rename_vm_params, &vm_object, rename_vm, CHANGES | PASSTHRU },
	{ "Start-VM", "start virtual machines", start_vm_params, &vm_object, start_vm, CHANGES | PASSTHRU },
	{ "Stop-VM", "shut virtual machines down", stop_vm_params, &vm_object, stop_vm, CHANGES | PASSTHRU },
	{ "Restart-VM", "reset running virtual machines", restart_vm_params, &vm_object, restart_vm,
	  CHANGES | PASSTHRU },
	{ "Wait-VM", "wait until virtual machines are up", wait_vm_params, &vm_object, vm_wait, PASSTHRU },
	{ "Suspend-VM", "pause running virtual machines", state_params, &vm_object, suspend_vm, CHANGES | PASSTHRU },
	{ "Resume-VM", "let paused virtual machines go on", state_params, &vm_object, resume_vm, CHANGES | PASSTHRU },
	{ "Save-VM", "save the state of virtual machines to disk and turn them off", state_params, &vm_object, save_vm,
	  CHANGES | PASSTHRU },
	{ "Remove-VMSavedState", "discard the saved state of virtual machines", state_params, &vm_object, remove_saved_state,
	  CHANGES | PASSTHRU },
	{ "Update-VMVersion", "bring virtual machines that are off to the newest configuration version", remove_vm_params, &vm_object,
	  update_version, CHANGES },
	{ "Remove-VM", "delete virtual machines that are off", remove_vm_params, &vm_object, remove_vm,
	  CHANGES | PASSTHRU },
	{ "Invoke-Command", "run a shell line in virtual machines", invoke_command_params, NULL, vm_invoke_command },
	{ 0 },
};
