/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint_view.h"
#include "drive_rules.h"
#include "feature.h"
#include "vm_rules.h"

/* Add/Get/Remove-VMScsiController, Get-VMIdeController. A controller is no document: a machine has so many of them. */

static const char *const vm_type[] = { "VirtualMachine", NULL };
const char *const drive_controller_type[] = { "VMDriveController", NULL };

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
#define NUMBER(flags_, sets_, max_)                                                                                    \
	{                                                                                                              \
		"ControllerNumber", P_UINT, (flags_) | POS(1), "number of the controller", .max = (max_), .sets = (sets_) \
	}

static const struct param add_params[] = { VM_NAMES, VM_OBJECTS, { 0 } };
static const struct param get_scsi_params[] = {
	VM_NAMES, VM_OBJECTS, SNAPSHOT_PARAM(IN_SET(2)), NUMBER(0, 0, DRIVE_SCSI_NUMBERS - 1), { 0 },
};
static const struct param get_ide_params[] = {
	VM_NAMES, VM_OBJECTS, SNAPSHOT_PARAM(IN_SET(2)), NUMBER(0, 0, DRIVE_IDE_NUMBERS - 1), { 0 },
};
static const struct param remove_params[] = {
	VM_NAMES,
	VM_OBJECTS,
	{ "VMScsiController", P_OBJECT, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "SCSI controllers, as Get-VMScsiController returns them",
	  .values = drive_controller_type, .sets = IN_SET(2) },
	NUMBER(REQUIRED, IN_SET(0) | IN_SET(1), DRIVE_SCSI_NUMBERS - 1),
	{ 0 },
};

static const char *const controller_properties[] = {
	"VMName", "ControllerNumber", "Drives", "ControllerType", "Name", "VMId", "ComputerName", NULL,
};
static const struct column controller_columns[] = { { "VMName" }, { "ControllerNumber", .right = true }, { "Drives" }, { 0 } };
static const struct object_type controller_object = { "VMDriveController", controller_properties, controller_columns };

static json_t *controller_to_json(struct call *c, const struct vm_doc *vm, enum drive_controller type, uint32_t number)
{
	json_t *list = json_array();
	drive_vec drives = { 0 };

	drive_of_vm(call_docs(c), &vm->id, &drives);
	vec_foreach(&drives, drive)
		if ((*drive)->controller == type && (*drive)->number == number)
			json_array_append_new(list, drive_to_object(c, *drive));
	vec_done(&drives);
	return json_pack("{s:s, s:I, s:o, s:s, s:o, s:o, s:s}", "VMName", vm->name, "ControllerNumber", (json_int_t)number, "Drives", list,
			 "ControllerType", drive_controllers[type], "Name",
			 type == DRIVE_IDE ? json_sprintf("IDE Controller %u", number) : json_string("SCSI Controller"), "VMId",
			 json_guid(&vm->id), "ComputerName", call_host(c)->name);
}

/* ---- Get ---- */

static int unknown(const struct vm_doc *vm, enum drive_controller type, uint32_t number, struct err **e)
{
	int r = err_set(e, "Drive.ControllerNotFound", ERR_OBJECT_NOT_FOUND, vm->name, "\"%s\" has no %s controller number %u.", vm->name,
			drive_controllers[type], number);

	return err_advise(e, r, "Get-VM%sController lists those that it has.", type == DRIVE_IDE ? "Ide" : "Scsi");
}

static uint32_t count(const struct docs *d, const struct vm_doc *vm, enum drive_controller type)
{
	if (vm->engine != VM_ENGINE_QEMU)
		return 0;
	return type == DRIVE_SCSI ? drive_scsi_controllers(d, vm) : vm->generation == 1 ? DRIVE_IDE_NUMBERS : 0;
}

static int get(struct call *c, enum drive_controller type)
{
	const struct arg *number = call_arg(c, "ControllerNumber");
	vm_vec vms = { 0 };

	vm_select_or_kept(c, &vms);
	vec_foreach(&vms, vm) {
		uint32_t n = count(call_docs(c), *vm, type);
		struct err *e = NULL;

		for (uint32_t i = 0; i < n; i++)
			if (!number->given || number->values[0].u == i)
				call_emit_json(c, controller_to_json(c, *vm, type, i));
		if (number->given && number->values[0].u >= n && unknown(*vm, type, (uint32_t)number->values[0].u, &e) < 0)
			call_error(c, &e);
	}
	vec_done(&vms);
	return 0;
}

static int get_scsis(struct call *c, struct err **e)
{
	(void)e;
	return get(c, DRIVE_SCSI);
}

static int get_ides(struct call *c, struct err **e)
{
	(void)e;
	return get(c, DRIVE_IDE);
}

static int get_scsi(struct call *c, struct err **e)
{
	return checkpoint_view(c, get_scsis, e);
}

static int get_ide(struct call *c, struct err **e)
{
	return checkpoint_view(c, get_ides, e);
}

/* ---- Add, Remove ---- */

static void write_count(struct call *c, const struct vm_doc *vm, uint32_t n)
{
	struct vm_doc *changed = doc_copy(&vm_kind, vm);

	changed->scsi_controllers = n;
	docs_put(call_docs(c), &vm_kind, changed);
}

static int add_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	uint32_t n = drive_scsi_controllers(call_docs(c), vm);
	int r = vm_check_machine(vm, e);
	struct guid id = vm->id;

	if (r == 0)
		r = vm_check_off(vm, e);
	if (r == 0 && n == DRIVE_SCSI_NUMBERS)
		r = err_set(e, "Drive.TooManyControllers", ERR_LIMITS_EXCEEDED, vm->name, "\"%s\" has %d SCSI controllers, which is the most that there can be.",
			    vm->name, DRIVE_SCSI_NUMBERS);
	if (r < 0 || !call_should(c, vm->name, "%s", call_name(c)))
		return r;
	write_count(c, vm, n + 1);
	if (call_bool(c, "PassThru", false))
		call_emit_json(c, controller_to_json(c, vm_get(call_docs(c), &id), DRIVE_SCSI, n));
	return 0;
}

/* The numbers of those behind it would change, and by them the names of what is on them. */
static int check_remove(struct call *c, const struct vm_doc *vm, uint32_t number, struct err **e)
{
	uint32_t n = drive_scsi_controllers(call_docs(c), vm);
	drive_vec drives = { 0 };
	int r = vm_check_machine(vm, e);

	if (r == 0)
		r = vm_check_off(vm, e);
	if (r == 0 && number >= n)
		r = unknown(vm, DRIVE_SCSI, number, e);
	if (r == 0 && (number == 0 || number + 1 < n)) {
		r = err_set(e, "Drive.ControllerNeeded", ERR_INVALID_OPERATION, vm->name, "SCSI controller number %u of \"%s\" stays.", number, vm->name);
		err_advise(e, r, "Each virtual machine has number 0; of the others the last goes first.");
	}
	drive_of_vm(call_docs(c), &vm->id, &drives);
	vec_foreach(&drives, drive) {
		if (r < 0 || (*drive)->controller != DRIVE_SCSI || (*drive)->number != number)
			continue;
		r = err_set(e, "Drive.ControllerInUse", ERR_RESOURCE_BUSY, vm->name, "SCSI controller number %u of \"%s\" has drives on it.", number,
			    vm->name);
		err_advise(e, r, "Remove them, or move them to another controller, first.");
	}
	vec_done(&drives);
	return r;
}

static void remove_one(struct call *c, const struct vm_doc *vm, uint32_t number)
{
	_cleanup_free_ char *target = xasprintf("%s, SCSI controller number %u", vm->name, number);
	struct err *e = NULL;

	if (check_remove(c, vm, number, &e) < 0) {
		call_error(c, &e);
		return;
	}
	if (!call_should(c, target, "%s", call_name(c)))
		return;
	if (call_bool(c, "PassThru", false))
		call_emit_json(c, controller_to_json(c, vm, DRIVE_SCSI, number));
	write_count(c, vm, number);
}

const struct vm_doc *drive_controller_of(struct call *c, const json_t *object, uint32_t *ret_type, uint32_t *ret_number)
{
	const struct vm_doc *vm = object_doc(c, &vm_kind, object, "VMId", "VMName", vm_unknown);
	json_int_t number = json_integer_value(json_object_get(object, "ControllerNumber"));
	const char *type = object_text(object, "ControllerType");
	struct err *e = NULL;

	if (vm && (number < 0 || number >= DRIVE_SCSI_NUMBERS) && unknown(vm, DRIVE_SCSI, (uint32_t)number, &e) < 0) {
		call_error(c, &e);
		return NULL;
	}
	if (!vm)
		return NULL;
	*ret_type = type && streq(type, drive_controllers[DRIVE_IDE]) ? DRIVE_IDE : DRIVE_SCSI;
	*ret_number = (uint32_t)number;
	return vm;
}

static void remove_object(struct call *c, const json_t *object)
{
	uint32_t type, number;
	const struct vm_doc *vm = drive_controller_of(c, object, &type, &number);
	struct err *e = NULL;

	if (vm && type == DRIVE_SCSI) {
		remove_one(c, vm, number);
	} else if (vm) {
		unknown(vm, DRIVE_SCSI, number, &e);
		call_error(c, &e);
	}
}

static int add_scsi(struct call *c, struct err **e)
{
	(void)e;
	return vm_each_of(c, "VMName", NULL, add_one);
}

static int remove_scsi(struct call *c, struct err **e)
{
	const struct arg *objects = call_arg(c, "VMScsiController");
	vm_vec vms = { 0 };

	(void)e;
	/* The last first, as they go. */
	for (size_t i = objects->given ? objects->n : 0; i-- > 0;)
		remove_object(c, objects->values[i].object);
	if (objects->given)
		return 0;
	vm_select(c, "VMName", "VM", &vms);
	vec_foreach(&vms, vm)
		remove_one(c, *vm, (uint32_t)call_uint(c, "ControllerNumber", 0));
	vec_done(&vms);
	return 0;
}

const struct cmdlet controller_cmdlets[] = {
	{ "Add-VMScsiController", "give virtual machines that are off another SCSI controller", add_params, &controller_object, add_scsi,
	  CHANGES | PASSTHRU },
	{ "Get-VMScsiController", "list the SCSI controllers of virtual machines, and what is on them", get_scsi_params, &controller_object,
	  get_scsi },
	{ "Remove-VMScsiController", "take the last SCSI controller from virtual machines that are off, when nothing is on it", remove_params,
	  &controller_object, remove_scsi, CHANGES | PASSTHRU },
	{ "Get-VMIdeController", "list the IDE controllers of virtual machines of generation 1, and what is on them", get_ide_params,
	  &controller_object, get_ide },
	{ 0 },
};
