/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint_view.h"
#include "feature.h"
#include "firmware.h"
#include "vm_rules.h"

/* Get/Set-VMFirmware for generation 2, Get/Set-VMBios for generation 1. */

static const char *const vm_type[] = { "VirtualMachine", NULL };
static const char *const firmware_type[] = { "VMFirmware", NULL };
static const char *const bios_type[] = { "VMBios", NULL };
static const char *const source_type[] = { "VMBootSource", NULL };

#define VM_NAMES(flags_)                                                                                               \
	{                                                                                                              \
		"VMName", P_STRING, ARRAY | POS(0) | PIPE_VALUE | (flags_), "names of virtual machines, or wildcards", \
			.sets = IN_SET(0)                                                                              \
	}
#define VM_OBJECTS                                                                                                     \
	{                                                                                                              \
		"VM", P_OBJECT, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "virtual machines, as Get-VM returns them",    \
			.values = vm_type, .sets = IN_SET(1)                                                           \
	}

static const struct param get_params[] = { VM_NAMES(REQUIRED), VM_OBJECTS, SNAPSHOT_PARAM(IN_SET(2)), { 0 } };
static const struct param set_firmware_params[] = {
	VM_NAMES(REQUIRED),
	VM_OBJECTS,
	{ "VMFirmware", P_OBJECT, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "firmware, as Get-VMFirmware returns it", .values = firmware_type,
	  .sets = IN_SET(2) },
	{ "BootOrder", P_OBJECT, ARRAY, "drives, network adapters or boot sources, in the order in which they are tried", .values = source_type },
	{ "FirstBootDevice", P_OBJECT, 0, "a drive or network adapter that is tried first", .values = source_type },
	{ "EnableSecureBoot", P_ENUM, 0, "On: only what Microsoft's certificates sign is booted", .values = adapter_on_off, .def = "On" },
	{ 0 },
};
static const struct param set_bios_params[] = {
	VM_NAMES(REQUIRED),
	VM_OBJECTS,
	{ "VMBios", P_OBJECT, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "BIOS, as Get-VMBios returns it", .values = bios_type, .sets = IN_SET(2) },
	{ "StartupOrder", P_ENUM, ARRAY, "kinds of devices, in the order in which they are tried; those left out come last",
	  .values = firmware_kinds },
	{ 0 },
};

static const char *const firmware_properties[] = { "VMName", "SecureBoot", "BootOrder", "VMId", "ComputerName", NULL };
static const struct column firmware_columns[] = { { "VMName" }, { "SecureBoot" }, { "BootOrder" }, { 0 } };
static const struct object_type firmware_object = { "VMFirmware", firmware_properties, firmware_columns };

static const char *const bios_properties[] = { "VMName", "StartupOrder", "VMId", "ComputerName", NULL };
static const struct column bios_columns[] = { { "VMName" }, { "StartupOrder" }, { 0 } };
static const struct object_type bios_object = { "VMBios", bios_properties, bios_columns };

static json_t *source_to_object(struct call *c, const struct boot_source *source)
{
	json_t *device = source->drive ? drive_to_object(c, source->drive) : adapter_to_object(c, source->adapter);
	const char *name = json_string_value(json_object_get(device, "Name"));
	json_t *o = json_pack("{s:s, s:s, s:o}", "BootType", source->drive ? "Drive" : "Network", "Name", name ? name : "", "Id",
			      json_guid(source->drive ? &source->drive->id : &source->adapter->id));

	json_object_set_new(o, "Device", device);
	return o;
}

static json_t *firmware_to_object(struct call *c, const void *doc)
{
	const struct vm_doc *vm = doc;
	json_t *order = json_array();
	boot_source_vec sources = { 0 };

	firmware_order(call_docs(c), vm, &sources);
	vec_foreach(&sources, source)
		json_array_append_new(order, source_to_object(c, source));
	vec_done(&sources);
	return json_pack("{s:s, s:s, s:o, s:o, s:s}", "VMName", vm->name, "SecureBoot", adapter_on_off[vm->secure_boot], "BootOrder", order,
			 "VMId", json_guid(&vm->id), "ComputerName", call_host(c)->name);
}

static json_t *bios_to_object(struct call *c, const void *doc)
{
	const struct vm_doc *vm = doc;
	enum firmware_kind kinds[FIRMWARE_KINDS];
	json_t *order = json_array();

	firmware_kind_order(vm, kinds);
	for (size_t i = 0; i < FIRMWARE_KINDS; i++)
		json_array_append_new(order, json_string(firmware_kinds[kinds[i]]));
	return json_pack("{s:s, s:o, s:o, s:s}", "VMName", vm->name, "StartupOrder", order, "VMId", json_guid(&vm->id), "ComputerName",
			 call_host(c)->name);
}

static int check_generation(const struct vm_doc *vm, uint32_t generation, struct err **e)
{
	int r = vm_check_machine(vm, e);

	if (r < 0 || vm->generation == generation)
		return r;
	r = err_set(e, "Vm.WrongGeneration", ERR_INVALID_OPERATION, vm->name, "\"%s\" is of generation %u, and has %s.", vm->name,
		    vm->generation, generation == 2 ? "a BIOS instead of UEFI firmware" : "UEFI firmware instead of a BIOS");
	return err_advise(e, r, "%s", generation == 2 ? "Get-VMBios and Set-VMBios are for it." : "Get-VMFirmware and Set-VMFirmware are for it.");
}

static int get_firmware_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	int r = check_generation(vm, 2, e);

	if (r == 0)
		call_emit(c, firmware_to_object, &vm_kind, vm);
	return r;
}

static int get_bios_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	int r = check_generation(vm, 1, e);

	if (r == 0)
		call_emit(c, bios_to_object, &vm_kind, vm);
	return r;
}

static int get_each(struct call *c, vm_fn get_one)
{
	vm_vec vms = { 0 };

	vm_select_or_kept(c, &vms);
	vec_foreach(&vms, vm) {
		struct err *e = NULL;

		if (get_one(c, *vm, &e) < 0)
			call_error(c, &e);
	}
	vec_done(&vms);
	return 0;
}

static int get_firmwares(struct call *c, struct err **e)
{
	(void)e;
	return get_each(c, get_firmware_one);
}

static int get_bioses(struct call *c, struct err **e)
{
	(void)e;
	return get_each(c, get_bios_one);
}

static int get_firmware(struct call *c, struct err **e)
{
	return checkpoint_view(c, get_firmwares, e);
}

static int get_bios(struct call *c, struct err **e)
{
	return checkpoint_view(c, get_bioses, e);
}

typedef VEC(char *) text_vec;

/* The ids that the argument names, each of a device of the VM (Vm.BootDeviceUnknown), none twice. */
static int ids_of(struct call *c, const struct vm_doc *vm, const char *param, text_vec *ret, struct err **e)
{
	const struct arg *arg = call_arg(c, param);

	for (size_t i = 0; arg->given && i < arg->n; i++) {
		const json_t *object = arg->values[i].object;
		const struct adapter_doc *adapter = NULL;
		const struct drive_doc *drive = NULL;
		bool known = false;
		char text[GUID_TEXT_SIZE];
		struct guid id;

		if (object_guid(object, "Id", &id)) {
			drive = drive_get(call_docs(c), &id);
			adapter = adapter_get(call_docs(c), &id);
			guid_format(&id, text);
		}
		if ((!drive || !guid_equal(&drive->vm, &vm->id)) && (!adapter || !guid_equal(&adapter->vm, &vm->id))) {
			const char *name = object_text(object, "Name");
			int r = err_set(e, "Vm.BootDeviceUnknown", ERR_OBJECT_NOT_FOUND, name, "\"%s\" has no such device: \"%s\".", vm->name,
					name ? name : "");

			return err_advise(e, r, "Give what Get-VMHardDiskDrive, Get-VMDvdDrive or Get-VMNetworkAdapter return for it.");
		}
		vec_foreach(ret, other)
			known |= streq(*other, text);
		if (!known)
			vec_push(ret, xstrdup(text));
	}
	return 0;
}

/* Takes the texts. */
static char **list_of(text_vec *texts)
{
	char **list = xcalloc(texts->n + 1, sizeof(*list));

	for (size_t i = 0; i < texts->n; i++)
		list[i] = texts->items[i];
	texts->n = 0;
	return list;
}

static void list_free(char **list)
{
	for (char **text = list; text && *text; text++)
		free(*text);
	free(list);
}

/* What was first before stays in its order behind what is first now. */
static void add_old(const struct vm_doc *vm, text_vec *texts)
{
	for (char *const *old = vm->boot_order; old && *old; old++) {
		bool known = false;

		vec_foreach(texts, text)
			known |= streq(*text, *old);
		if (!known)
			vec_push(texts, xstrdup(*old));
	}
}

static int set_firmware_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	bool order = call_given(c, "BootOrder"), first = call_given(c, "FirstBootDevice");
	struct vm_doc *changed;
	text_vec texts = { 0 };
	int r = check_generation(vm, 2, e);

	if (r == 0)
		r = vm_check_off(vm, e);
	if (r == 0 && order && first)
		r = err_set(e, "AmbiguousParameterSet", ERR_INVALID_ARGUMENT, NULL,
			    "Parameter set cannot be resolved: -BootOrder and -FirstBootDevice exclude each other.");
	if (r == 0)
		r = ids_of(c, vm, order ? "BootOrder" : "FirstBootDevice", &texts, e);
	if (r == 0 && first)
		add_old(vm, &texts);
	if (r == 0 && call_should(c, vm->name, "%s", call_name(c))) {
		changed = doc_copy(&vm_kind, vm);
		changed->secure_boot = call_enum(c, "EnableSecureBoot", vm->secure_boot);
		if (order || first) {
			list_free(changed->boot_order);
			changed->boot_order = list_of(&texts);
		}
		vm_write_as(c, changed, firmware_to_object);
	}
	vec_foreach(&texts, text)
		free(*text);
	vec_done(&texts);
	return r;
}

static int set_bios_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	const struct arg *order = call_arg(c, "StartupOrder");
	struct vm_doc *changed;
	text_vec texts = { 0 };
	int r = check_generation(vm, 1, e);

	if (r == 0)
		r = vm_check_off(vm, e);
	if (r < 0 || !call_should(c, vm->name, "%s", call_name(c)))
		return r;
	changed = doc_copy(&vm_kind, vm);
	if (order->given) {
		bool taken[FIRMWARE_KINDS] = { false };

		for (size_t i = 0; i < order->n; i++) {
			if (!taken[order->values[i].u])
				vec_push(&texts, xstrdup(order->texts[i]));
			taken[order->values[i].u] = true;
		}
		list_free(changed->boot_order);
		changed->boot_order = list_of(&texts);
		vec_done(&texts);
	}
	vm_write_as(c, changed, bios_to_object);
	return 0;
}

static int set_firmware(struct call *c, struct err **e)
{
	(void)e;
	return vm_each_of(c, "VMName", "VMFirmware", set_firmware_one);
}

static int set_bios(struct call *c, struct err **e)
{
	(void)e;
	return vm_each_of(c, "VMName", "VMBios", set_bios_one);
}

const struct cmdlet firmware_cmdlets[] = {
	{ "Get-VMFirmware", "list what virtual machines of generation 2 boot from, and whether securely", get_params, &firmware_object,
	  get_firmware },
	{ "Set-VMFirmware", "change what virtual machines of generation 2 boot from; they must be off", set_firmware_params,
	  &firmware_object, set_firmware, CHANGES | PASSTHRU },
	{ "Get-VMBios", "list what virtual machines of generation 1 boot from", get_params, &bios_object, get_bios },
	{ "Set-VMBios", "change what virtual machines of generation 1 boot from; they must be off", set_bios_params, &bios_object, set_bios,
	  CHANGES | PASSTHRU },
	{ 0 },
};
