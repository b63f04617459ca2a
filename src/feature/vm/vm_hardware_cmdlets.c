/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint_view.h"
#include "feature.h"
#include "vm_rules.h"

/* Processors and memory of virtual machines: Get/Set-VMProcessor, Get/Set-VMMemory (cmdlets.md 3.1, 4.1). */

#define PROCESSORS_MAX 2048

static const char *const vm_type[] = { "VirtualMachine", NULL };
static const char *const processor_type[] = { "VMProcessor", NULL };
static const char *const memory_type[] = { "VMMemory", NULL };

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

static const struct param get_params[] = { VM_NAMES(0), VM_OBJECTS, SNAPSHOT_PARAM(IN_SET(2)), { 0 } };

static const struct param set_processor_params[] = {
	VM_NAMES(REQUIRED),
	VM_OBJECTS,
	{ "VMProcessor", P_OBJECT, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "processors, as Get-VMProcessor returns them",
	  .values = processor_type, .sets = IN_SET(2) },
	{ "Count", P_UINT, 0, "number of virtual processors; the virtual machine must be off", .min = 1, .max = PROCESSORS_MAX },
	{ "ExposeVirtualizationExtensions", P_BOOL, 0,
	  "let the guest run a hypervisor of its own; the virtual machine must be off", .def = "$false" },
	{ 0 },
};

static const struct param set_memory_params[] = {
	VM_NAMES(REQUIRED),
	VM_OBJECTS,
	{ "VMMemory", P_OBJECT, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "memory, as Get-VMMemory returns it", .values = memory_type,
	  .sets = IN_SET(2) },
	{ "StartupBytes", P_UINT, 0, "memory, for example 1GB; of one that runs only where it is static and no hypervisor runs in it",
	  .min = MEMORY_MIN, .max = MEMORY_MAX },
	{ "DynamicMemoryEnabled", P_BOOL, 0, "what it has follows its demand; the virtual machine must be off", .def = "$false" },
	{ "MinimumBytes", P_UINT, 0, "dynamic memory: not less than this", .min = MEMORY_MIN, .max = MEMORY_MAX, .def = "512MB" },
	{ "MaximumBytes", P_UINT, 0, "dynamic memory: not more than this", .min = MEMORY_MIN, .max = MEMORY_MAX, .def = "1TB" },
	{ "Buffer", P_UINT, 0, "dynamic memory: per cent more than the demand", .min = 5, .max = 2000, .def = "20" },
	{ 0 },
};

static const char *const processor_properties[] = {
	"VMName", "Count", "CompatibilityForMigrationEnabled", "CompatibilityForOlderOperatingSystemsEnabled",
	"ExposeVirtualizationExtensions", "HwThreadCountPerCore", "Maximum", "Reserve", "RelativeWeight", "ResourcePoolName", "Name",
	"Id", "VMId", "ComputerName", NULL,
};
static const struct column processor_columns[] = {
	{ "VMName" },
	{ "Count", .right = true },
	{ "CompatibilityForMigrationEnabled" },
	{ "CompatibilityForOlderOperatingSystemsEnabled" },
	{ 0 },
};
static const struct object_type processor_object = { "VMProcessor", processor_properties, processor_columns };

static const char *const memory_properties[] = {
	"VMName", "DynamicMemoryEnabled", "Minimum", "Startup", "Maximum", "MinimumMB", "StartupMB", "MaximumMB", "Buffer", "Priority",
	"ResourcePoolName", "Name", "VMId", "ComputerName", NULL,
};
static const struct column memory_columns[] = {
	{ "VMName" },
	{ "DynamicMemoryEnabled" },
	{ "MinimumMB", "Minimum(M)", true },
	{ "StartupMB", "Startup(M)", true },
	{ "MaximumMB", "Maximum(M)", true },
	{ 0 },
};
static const struct object_type memory_object = { "VMMemory", memory_properties, memory_columns };

/* The device's id as Hyper-V prints it (4.1). */
#define PROCESSOR_CLASS "b637f346-6a0e-4dec-af52-bd70cb80a21d"

static json_t *processor_to_object(struct call *c, const void *doc)
{
	const struct vm_doc *vm = doc;
	char id[GUID_TEXT_SIZE];

	return json_pack("{s:s, s:I, s:b, s:b, s:b, s:i, s:i, s:i, s:i, s:s, s:s, s:o, s:o, s:s}", "VMName", vm->name, "Count",
			 (json_int_t)vm->processor_count, "CompatibilityForMigrationEnabled", 0,
			 "CompatibilityForOlderOperatingSystemsEnabled", 0, "ExposeVirtualizationExtensions", vm->nested,
			 "HwThreadCountPerCore", 0, "Maximum", 100, "Reserve", 0, "RelativeWeight", 100, "ResourcePoolName", "Primordial",
			 "Name", "Processor", "Id",
			 json_sprintf("Microsoft:%s\\%s\\0", guid_format(&vm->id, id), PROCESSOR_CLASS), "VMId", json_guid(&vm->id),
			 "ComputerName", call_host(c)->name);
}

static json_t *memory_to_object(struct call *c, const void *doc)
{
	const struct vm_doc *vm = doc;

	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:s, s:s, s:o, s:s}", "VMName", vm->name,
			 "DynamicMemoryEnabled", vm->dynamic_memory, "Minimum", (json_int_t)vm->memory_minimum, "Startup", (json_int_t)vm->memory_startup,
			 "Maximum", (json_int_t)vm->memory_maximum, "MinimumMB", (json_int_t)(vm->memory_minimum >> 20), "StartupMB",
			 (json_int_t)(vm->memory_startup >> 20), "MaximumMB", (json_int_t)(vm->memory_maximum >> 20), "Buffer", (int)vm->memory_buffer,
			 "Priority", 50, "ResourcePoolName", "Primordial", "Name", "Memory", "VMId", json_guid(&vm->id),
			 "ComputerName", call_host(c)->name);
}

static int get_all(struct call *c, object_fn make)
{
	vm_vec vms = { 0 };

	vm_select_or_kept(c, &vms);
	vec_foreach(&vms, vm)
		if ((*vm)->engine == VM_ENGINE_QEMU)
			call_emit(c, make, &vm_kind, *vm);
	vec_done(&vms);
	return 0;
}

static int get_processors(struct call *c, struct err **e)
{
	(void)e;
	return get_all(c, processor_to_object);
}

static int get_memories(struct call *c, struct err **e)
{
	(void)e;
	return get_all(c, memory_to_object);
}

static int get_processor(struct call *c, struct err **e)
{
	return checkpoint_view(c, get_processors, e);
}

static int get_memory(struct call *c, struct err **e)
{
	return checkpoint_view(c, get_memories, e);
}

static int set_processor_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	bool nested = call_bool(c, "ExposeVirtualizationExtensions", vm->nested);
	struct host_machines host = { 0 };
	struct vm_doc *changed;
	int r = vm_check_machine(vm, e);

	/* Hiding them again asks nothing of the host. */
	if (r == 0 && call_given(c, "ExposeVirtualizationExtensions") && nested) {
		call_host(c)->machines(call_host(c), &host);
		r = vm_check_nesting(vm, &host, e);
	}
	if (r == 0)
		r = vm_check_off(vm, e);
	if (r < 0 || !call_should(c, vm->name, "%s", call_name(c)))
		return r;
	changed = doc_copy(&vm_kind, vm);
	changed->processor_count = call_uint(c, "Count", vm->processor_count);
	changed->nested = nested;
	vm_write_as(c, changed, processor_to_object);
	return 0;
}

static int set_memory_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	struct host_guest guest = { 0 };
	struct vm_doc *changed;
	int r = vm_check_machine(vm, e);

	if (r < 0)
		return r;
	call_host(c)->guest(call_host(c), &vm->id, &guest);
	changed = doc_copy(&vm_kind, vm);
	changed->memory_startup = call_uint(c, "StartupBytes", vm->memory_startup);
	changed->dynamic_memory = call_bool(c, "DynamicMemoryEnabled", vm->dynamic_memory);
	changed->memory_minimum = call_uint(c, "MinimumBytes", vm->memory_minimum);
	changed->memory_maximum = call_uint(c, "MaximumBytes", vm->memory_maximum);
	changed->memory_buffer = call_uint(c, "Buffer", vm->memory_buffer);
	r = vm_check_memory(vm, changed, &guest, e);
	if (r < 0 || !call_should(c, vm->name, "%s", call_name(c))) {
		doc_free(&vm_kind, changed);
		return r;
	}
	vm_write_as(c, changed, memory_to_object);
	return 0;
}

static int set_processor(struct call *c, struct err **e)
{
	(void)e;
	return vm_each_of(c, "VMName", "VMProcessor", set_processor_one);
}

static int set_memory(struct call *c, struct err **e)
{
	(void)e;
	return vm_each_of(c, "VMName", "VMMemory", set_memory_one);
}

const struct cmdlet vm_hardware_cmdlets[] = {
	{ "Get-VMProcessor", "list the processors of virtual machines", get_params, &processor_object, get_processor },
	{ "Set-VMProcessor", "change the processors of virtual machines that are off", set_processor_params, &processor_object,
	  set_processor, CHANGES | PASSTHRU },
	{ "Get-VMMemory", "list the memory of virtual machines", get_params, &memory_object, get_memory },
	{ "Set-VMMemory", "change the memory of virtual machines", set_memory_params, &memory_object, set_memory,
	  CHANGES | PASSTHRU },
	{ 0 },
};
