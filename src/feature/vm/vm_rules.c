/* SPDX-License-Identifier: Apache-2.0 */
#include "vm_rules.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "feature.h"

const char *const vm_engines[] = { "Qemu", "Namespace", NULL };
const char *const vm_ends[] = { "Normal", "Crashed", "Panicked", NULL };
const char *const vm_checkpoint_types[] = { "Production", "ProductionOnly", "Standard", "Disabled", NULL };
const char *const vm_states[] = { "Off", "Running", "Paused", "Saved", NULL };

/* NV-3: what the newest documented host supports. Versions only move up, so the newest is the default. */
static const char *const vm_versions[] = { "8.0", "8.1", "8.2",	 "8.3",	 "9.0",	 "9.1",
					   "9.2", "9.3", "10.0", "10.5", "11.0", "12.0" };

static const struct doc_field vm_fields[] = {
	DOC_FIELD(vm_doc, id, DOC_GUID, "id"),
	DOC_FIELD(vm_doc, name, DOC_STR, "name"),
	DOC_ENUM_FIELD(vm_doc, engine, vm_engines, "engine"),
	DOC_ENUM_FIELD(vm_doc, state, vm_states, "state"),
	DOC_ENUM_FIELD(vm_doc, ended, vm_ends, "ended"),
	DOC_FIELD(vm_doc, generation, DOC_U32, "generation"),
	DOC_FIELD(vm_doc, version, DOC_STR, "version"),
	DOC_FIELD(vm_doc, memory_startup, DOC_U64, "memoryStartup"),
	DOC_FIELD(vm_doc, dynamic_memory, DOC_BOOL, "dynamicMemory"),
	DOC_FIELD(vm_doc, memory_minimum, DOC_U64, "memoryMinimum"),
	DOC_FIELD(vm_doc, memory_maximum, DOC_U64, "memoryMaximum"),
	DOC_FIELD(vm_doc, memory_buffer, DOC_U32, "memoryBuffer"),
	DOC_FIELD(vm_doc, processor_count, DOC_U32, "processorCount"),
	DOC_FIELD(vm_doc, nested, DOC_BOOL, "nested"),
	DOC_FIELD(vm_doc, kernel, DOC_STR, "kernel"),
	DOC_FIELD(vm_doc, initrd, DOC_STR, "initrd"),
	DOC_FIELD(vm_doc, command_line, DOC_STR, "commandLine"),
	DOC_ENUM_FIELD(vm_doc, checkpoint_type, vm_checkpoint_types, "checkpointType"),
	DOC_FIELD(vm_doc, checkpoint, DOC_GUID, "checkpoint"),
	DOC_FIELD(vm_doc, restoring, DOC_GUID, "restoring"),
	DOC_FIELD(vm_doc, taken_in, DOC_BOOL, "takenIn"),
	DOC_FIELD(vm_doc, secure_boot, DOC_BOOL, "secureBoot"),
	DOC_FIELD(vm_doc, boot_order, DOC_STRV, "bootOrder"),
	DOC_FIELD(vm_doc, scsi_controllers, DOC_U32, "scsiControllers"),
	DOC_FIELD(vm_doc, user_data, DOC_STR, "userData"),
	DOC_FIELD(vm_doc, path, DOC_STR, "path"),
	DOC_FIELD(vm_doc, snapshot_path, DOC_STR, "snapshotPath"),
	DOC_FIELD(vm_doc, notes, DOC_STR, "notes"),
	DOC_FIELD(vm_doc, failure, DOC_STR, "failure"),
	DOC_FIELD(vm_doc, created, DOC_U64, "created"),
	DOC_FIELD(vm_doc, boot, DOC_U64, "boot"),
};

static void vm_key(const void *doc, struct str *ret)
{
	const struct vm_doc *vm = doc;
	char text[GUID_TEXT_SIZE];

	str_add(ret, guid_format(&vm->id, text));
}

const struct doc_kind vm_kind = {
	.name = "vm",
	.size = sizeof(struct vm_doc),
	.fields = vm_fields,
	.n_fields = ARRAY_SIZE(vm_fields),
	.key = vm_key,
};

void vm_set_state(struct vm_doc *vm, enum vm_state state, const char *failure)
{
	vm->state = state;
	free(vm->failure);
	vm->failure = failure ? xstrdup(failure) : NULL;
}

bool vm_is_on(const struct vm_doc *vm)
{
	return vm->state == VM_RUNNING || vm->state == VM_PAUSED;
}

const struct vm_doc *vm_get(const struct docs *d, const struct guid *id)
{
	char text[GUID_TEXT_SIZE];

	return docs_get(d, &vm_kind, guid_format(id, text));
}

const struct vm_doc *vm_by_name(const struct docs *d, const char *name)
{
	const struct vm_doc *vm;

	for (size_t pos = 0; (vm = docs_next(d, &vm_kind, &pos));)
		if (strieq(vm->name, name))
			return vm;
	return NULL;
}

int vm_unknown(const char *name, struct err **e)
{
	int r = err_set(e, "InvalidParameter", ERR_INVALID_ARGUMENT, name,
			"Hyper-V was unable to find a virtual machine with name \"%s\".", name);

	return err_advise(e, r, "Get-VM lists the virtual machines of this host.");
}

int vm_check_name(const struct docs *d, const struct vm_doc *self, const char *name, struct err **e)
{
	const struct vm_doc *other = vm_by_name(d, name);
	int r = check_name(name, VM_NAME_MAX, e);

	if (r < 0)
		return r;
	/* libvirt makes directories of names. */
	if (strchr(name, '/') || streq(name, ".") || streq(name, "..")) {
		r = err_set(e, "InvalidName", ERR_INVALID_ARGUMENT, name, "\"%s\" has a slash, or is a directory of every directory.", name);
		return err_advise(e, r, "Choose a name that a file could have.");
	}
	if (!other || (self && guid_equal(&other->id, &self->id)))
		return 0;
	r = err_set(e, "Vm.NameNotUnique", ERR_RESOURCE_EXISTS, name,
		    "A virtual machine with the name \"%s\" exists already on this host.", other->name);
	return err_advise(e, r, "Choose another name, or rename or remove the other virtual machine first.");
}

int vm_check_engine(enum vm_engine engine, struct host *host, const char *name, struct err **e)
{
	struct host_machines machines = { 0 };
	int r;

	if (engine == VM_ENGINE_NAMESPACE)
		return 0;
	host->machines(host, &machines);
	if (!machines.missing)
		return 0;
	r = err_set(e, "Vm.EngineUnavailable", ERR_RESOURCE_UNAVAILABLE, name,
		    "The virtual machine \"%s\" cannot be created: the engine Qemu is not available on this host: %s.", name,
		    machines.missing);
	return err_advise(e, r, "Install and start libvirt's daemon, or name another by nestord --libvirt URI. -Engine Namespace is "
				"available: a guest that is a Linux network namespace.");
}

int vm_check_sizes(const struct vm_doc *vm, struct err **e)
{
	bool memory = vm->memory_startup >= MEMORY_MIN && vm->memory_startup <= MEMORY_MAX;
	int r;

	if (memory && vm->processor_count >= 1 && vm->processor_count <= PROCESSORS_MAX)
		return 0;
	r = err_set(e, "Vm.SizeInvalid", ERR_LIMITS_EXCEEDED, vm->name, "The virtual machine \"%s\" would have %" PRIu64 " MB and %" PRIu32 " processors.",
		    vm->name, vm->memory_startup >> 20, vm->processor_count);
	return err_advise(e, r, "It can have 32 MB to 24 TB, and 1 to %d processors.", PROCESSORS_MAX);
}

int vm_check_path(const char *param, const char *path, struct err **e)
{
	bool sound = path[0] == '/' && strlen(path) < 4096;

	for (const char *p = path; *p; p++)
		sound &= (unsigned char)*p >= 0x20 && *p != 0x7f;
	if (sound)
		return 0;
	err_set(e, "Vm.PathInvalid", ERR_INVALID_ARGUMENT, path, "-%s: \"%s\" is not an absolute path.", param, path);
	return err_advise(e, -EINVAL, "Name the file from the root on; libvirt's daemon opens it, not this shell.");
}

int vm_check_machine(const struct vm_doc *vm, struct err **e)
{
	int r;

	if (vm->engine == VM_ENGINE_QEMU)
		return 0;
	r = err_set(e, "Vm.NotAMachine", ERR_INVALID_OPERATION, vm->name,
		    "The virtual machine \"%s\" has no hardware of its own: its engine is %s.", vm->name, vm_engines[vm->engine]);
	return err_advise(e, r, "New-VM -Engine Qemu makes a real machine.");
}

static int memory_range(const struct vm_doc *new, struct err **e)
{
	int r;

	if (!new->dynamic_memory || (new->memory_minimum <= new->memory_startup && new->memory_startup <= new->memory_maximum))
		return 0;
	r = err_set(e, "Vm.MemoryRange", ERR_INVALID_ARGUMENT, new->name,
		    "Dynamic memory of \"%s\" would have minimum %" PRIu64 ", startup %" PRIu64 " and maximum %" PRIu64 " MB.", new->name,
		    new->memory_minimum >> 20, new->memory_startup >> 20, new->memory_maximum >> 20);
	return err_advise(e, r, "The minimum is at most the startup size, and that at most the maximum.");
}

static int memory_while_running(const struct vm_doc *old, const struct vm_doc *new, const struct host_guest *guest, struct err **e)
{
	uint64_t most = new->dynamic_memory ? new->memory_maximum : new->memory_startup;
	bool grows = new->dynamic_memory ? most > old->memory_maximum : most > old->memory_startup;
	int r;

	if (old->dynamic_memory != new->dynamic_memory || (old->dynamic_memory && old->memory_startup != new->memory_startup))
		return refuse_state(old->name, "Stop the virtual machine first (Stop-VM).", e);
	/* NV-5 leaves the limits of dynamic memory alone: what is assigned does not follow them now. */
	if (guest->hypervisor && !new->dynamic_memory && old->memory_startup != new->memory_startup) {
		r = err_set(e, "Nested.MemoryResizeBlocked", ERR_INVALID_OPERATION, old->name,
			    "The memory of \"%s\" cannot be changed while a hypervisor runs in it.", old->name);
		return err_advise(e, r, "End the virtual machines inside, or stop the virtual machine first (Stop-VM).");
	}
	if (!grows || most <= guest->memory_limit)
		return 0;
	r = err_set(e, "Vm.MemoryLimit", ERR_LIMITS_EXCEEDED, old->name,
		    "\"%s\" can have at most %" PRIu64 " MB until it is started anew.", old->name, guest->memory_limit >> 20);
	return err_advise(e, r, "Stop the virtual machine (Stop-VM), and give it more before it starts.");
}

int vm_check_memory(const struct vm_doc *old, const struct vm_doc *new, const struct host_guest *guest, struct err **e)
{
	int r = memory_range(new, e);

	if (r < 0 || old->state == VM_OFF)
		return r;
	return old->engine == VM_ENGINE_QEMU && guest->running
		       ? memory_while_running(old, new, guest, e)
		       : refuse_state(old->name, "Stop the virtual machine first (Stop-VM).", e);
}

/* "9.3" as 903. Versions in documents have been checked. */
static unsigned version_number(const char *version)
{
	unsigned major = 0, minor = 0;

	return sscanf(version, "%u.%u", &major, &minor) == 2 ? major * 100 + minor : 0;
}

#define NESTED_INTEL 800
#define NESTED_AMD 903

static unsigned nesting_floor(const struct host_machines *host)
{
	return host->intel ? NESTED_INTEL : NESTED_AMD;
}

bool vm_version_can_nest(const struct vm_doc *vm, const struct host_machines *host)
{
	return version_number(vm->version) >= nesting_floor(host);
}

int vm_check_nesting(const struct vm_doc *vm, const struct host_machines *host, struct err **e)
{
	unsigned floor = nesting_floor(host);
	int r;

	if (vm->state != VM_OFF) {
		r = err_set(e, "Nested.VmNotOff", ERR_INVALID_OPERATION, vm->name,
			    "The operation cannot be performed while the virtual machine is in its current state.");
		return err_advise(e, r, "Virtualization extensions are exposed or hidden while \"%s\" is off: Stop-VM first.",
				  vm->name);
	}
	if (!host->nested) {
		r = err_set(e, "Nested.HostUnsupported", ERR_INVALID_OPERATION, vm->name,
			    "This host cannot expose virtualization extensions to \"%s\": %s.", vm->name,
			    host->no_nesting ? host->no_nesting : "its processor has none");
		return err_advise(e, r, "Load kvm_intel or kvm_amd with nested=1, or move the virtual machine to another host.");
	}
	if (vm_version_can_nest(vm, host))
		return 0;
	r = err_set(e, "Nested.ConfigVersion", ERR_INVALID_OPERATION, vm->name,
		    "The configuration version %s of \"%s\" is too old: %s processors need %u.%u for nesting.", vm->version, vm->name,
		    host->intel ? "Intel" : "AMD", floor / 100, floor % 100);
	return err_advise(e, r, "Update-VMVersion brings it to the newest version, while it is off.");
}

const char *vm_default_version(void)
{
	return vm_versions[ARRAY_SIZE(vm_versions) - 1];
}

const char *vm_supported_version(size_t i)
{
	return i < ARRAY_SIZE(vm_versions) ? vm_versions[i] : NULL;
}

int vm_check_version(const char *version, struct err **e)
{
	_cleanup_str_ struct str all = { 0 };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(vm_versions); i++) {
		if (streq(vm_versions[i], version))
			return 0;
		str_addf(&all, "%s%s", i ? ", " : "", vm_versions[i]);
	}
	r = err_set(e, "Vm.VersionNotSupported", ERR_INVALID_ARGUMENT, version,
		    "This host does not support the configuration version %s.", version);
	return err_advise(e, r, "Supported are %s.", str_get(&all));
}

int vm_check_off(const struct vm_doc *vm, struct err **e)
{
	if (vm->state == VM_SAVED)
		return refuse_state(vm->name, "Start it, or discard its saved state first (Remove-VMSavedState).", e);
	return vm->state == VM_OFF ? 0 : refuse_state(vm->name, "Stop the virtual machine first (Stop-VM).", e);
}
