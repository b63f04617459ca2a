/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/sysinfo.h>
#include <unistd.h>

#include "adapter.h"
#include "feature.h"
#include "vm_location.h"
#include "vm_rules.h"

/* The host as virtual machines see it, and what it and they need for nested virtualization (NV-2, NV-3, NV-12, NV-13). */

static const char *const vm_type[] = { "VirtualMachine", NULL };

static const struct param no_params[] = { { 0 } };
static const struct param set_host_params[] = {
	{ "VirtualHardDiskPath", P_STRING, MAY_BE_EMPTY, "directory of images that are named without one; $null: the daemon's own" },
	{ "VirtualMachinePath", P_STRING, MAY_BE_EMPTY,
	  "directory below which new virtual machines get one each for what they keep besides their disks; $null: the daemon's own" },
	{ 0 },
};
static const struct param version_params[] = {
	{ "Default", P_SWITCH, 0, "only the version that new virtual machines get" },
	{ 0 },
};
static const struct param test_params[] = {
	{ "VMName", P_STRING, ARRAY | POS(0) | PIPE_VALUE, "names of virtual machines, or wildcards; without any, the host alone",
	  .aliases = "Name", .sets = IN_SET(0) },
	{ "VM", P_OBJECT, ARRAY | POS(0) | PIPE_VALUE | REQUIRED, "virtual machines, as Get-VM returns them", .values = vm_type,
	  .sets = IN_SET(1) },
	{ 0 },
};

static const char *const host_properties[] = {
	"Name", "ComputerName", "LogicalProcessorCount", "MemoryCapacity", "MemoryCapacityMB", "Engine", "Acceleration",
	"NetworkBackend", "NestedVirtualization", "EngineStatus", "VirtualHardDiskPath", "VirtualMachinePath", NULL,
};
static const struct column host_columns[] = {
	{ "Name" },
	{ "LogicalProcessorCount", .right = true },
	{ "MemoryCapacityMB", "MemoryCapacity(M)", true },
	{ "Acceleration" },
	{ "NestedVirtualization" },
	{ "EngineStatus" },
	{ 0 },
};
static const struct object_type host_object = { "VMHost", host_properties, host_columns };

static const char *const version_properties[] = { "Name", "Version", "IsDefault", NULL };
static const struct column version_columns[] = { { "Name" }, { "Version" }, { "IsDefault" }, { 0 } };
static const struct object_type version_object = { "VMHostSupportedVersion", version_properties, version_columns };

static const char *const test_properties[] = { "Target", "Check", "Result", "Message", "Detail", "Recommendation", "Rule", NULL };
static const struct column test_columns[] = {
	{ "Target" }, { "Check" }, { "Result" }, { "Message" }, { 0 },
};
static const struct object_type test_object = { "VMNestedVirtualizationCheck", test_properties, test_columns };

static const char *acceleration(const struct host_machines *h)
{
	if (!h->kvm)
		return "TCG (emulated, AMD-V)";
	return h->intel ? "KVM (Intel VT-x)" : "KVM (AMD-V)";
}

static json_t *host_to_object(struct call *c, const void *doc)
{
	struct host *host = call_host(c);
	struct host_machines machines = { 0 };
	struct sysinfo info = { 0 };
	uint64_t memory;

	(void)doc;
	host->machines(host, &machines);
	sysinfo(&info);
	memory = (uint64_t)info.totalram * info.mem_unit;
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:b, s:s, s:s, s:s}", "Name", host->name, "ComputerName", host->name,
			 "LogicalProcessorCount", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "MemoryCapacity", (json_int_t)memory,
			 "MemoryCapacityMB", (json_int_t)(memory >> 20), "Engine", "Qemu", "Acceleration", acceleration(&machines),
			 "NetworkBackend", machines.vhost_net ? "vhost-net" : "QEMU", "NestedVirtualization", machines.nested, "EngineStatus",
			 machines.missing ? machines.missing : "Ok", "VirtualHardDiskPath", vm_host_disk_path(c), "VirtualMachinePath",
			 vm_host_machine_path(c));
}

static int get_host(struct call *c, struct err **e)
{
	(void)e;
	call_emit_json(c, host_to_object(c, NULL));
	return 0;
}

/* Not given: as it was; empty: the default. */
static int check_directory(struct call *c, const char *param, char **path, struct err **e)
{
	const char *given = call_str(c, param, NULL);
	char *resolved = NULL;
	int r = given && *given ? location_resolve(param, given, &resolved, e) : 0;

	if (r < 0 || !given)
		return r;
	free(*path);
	*path = resolved;
	return 0;
}

static int set_host(struct call *c, struct err **e)
{
	const struct vm_host_doc *old = docs_get(call_docs(c), &vm_host_kind, "host");
	struct vm_host_doc *changed = old ? doc_copy(&vm_host_kind, old) : doc_new(&vm_host_kind);
	int r = check_directory(c, "VirtualHardDiskPath", &changed->disk_path, e);

	if (r == 0)
		r = check_directory(c, "VirtualMachinePath", &changed->machine_path, e);
	if (r < 0 || !call_should(c, call_host(c)->name, "%s", call_name(c))) {
		doc_free(&vm_host_kind, changed);
		return r;
	}
	docs_put(call_docs(c), &vm_host_kind, changed);
	if (call_bool(c, "PassThru", false))
		call_emit(c, host_to_object, &vm_host_kind, changed);
	return 0;
}

static int get_versions(struct call *c, struct err **e)
{
	const char *version;

	(void)e;
	for (size_t i = 0; (version = vm_supported_version(i)); i++) {
		bool is_default = streq(version, vm_default_version());

		if (is_default || !call_bool(c, "Default", false))
			call_emit_json(c, json_pack("{s:o, s:s, s:b}", "Name", json_sprintf("Nestor configuration version %s", version),
						    "Version", version, "IsDefault", is_default));
	}
	return 0;
}

/* ---- Test-VMNestedVirtualization ---- */

enum verdict { OK, WARNING, FAILED };

static void check(struct call *c, const char *target, const char *what, enum verdict v, const char *rule, const char *detail,
		  const char *recommendation)
{
	static const char *const names[] = { "Ok", "Warning", "Failed" };

	call_emit_json(c, json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s}", "Target", target, "Check", what, "Result", names[v], "Message",
				    json_sprintf(v == OK ? "%s" : "%s: %s", detail, recommendation), "Detail", detail, "Recommendation",
				    v == OK ? "" : recommendation, "Rule", rule));
}

static void check_host(struct call *c, const struct host_machines *h)
{
	const char *host = call_host(c)->name;

	check(c, host, "Engine", h->missing ? FAILED : OK, "", h->missing ? h->missing : "libvirt's daemon is there",
	      "start libvirt's daemon, or see nestord --libvirt");
	check(c, host, "Acceleration", h->kvm ? OK : WARNING, "NV-2", acceleration(h),
	      "slow; KVM needs VT-x or AMD-V");
	check(c, host, "NestedVirtualization", h->nested ? OK : FAILED, "NV-13",
	      h->nested ? "virtualization extensions can be exposed" : h->no_nesting ? h->no_nesting : "the processor has none",
	      "load it with nested=1");
}

/* The advisories of Microsoft's own check before nesting. */
#define ADVISED_MEMORY (4ull << 30)

static void check_vm(struct call *c, const struct host_machines *h, const struct vm_doc *vm)
{
	struct host_guest guest = { 0 };
	adapter_vec adapters = { 0 };
	bool spoofing = false;

	if (vm->engine != VM_ENGINE_QEMU) {
		check(c, vm->name, "Engine", FAILED, "", "a network namespace has no processor of its own", "New-VM -Engine Qemu");
		return;
	}
	call_host(c)->guest(call_host(c), &vm->id, &guest);
	check(c, vm->name, "State", vm->state == VM_OFF ? OK : vm->nested ? OK : WARNING, "NV-1", vm_states[vm->state],
	      "to expose extensions, Stop-VM first");
	check(c, vm->name, "ConfigurationVersion", vm_version_can_nest(vm, h) ? OK : FAILED, "NV-2", vm->version,
	      "Update-VMVersion while it is off");
	check(c, vm->name, "ExposeVirtualizationExtensions", vm->nested ? OK : WARNING, "NV-1",
	      guest.hypervisor ? "exposed, and a hypervisor runs in the guest" : vm->nested ? "exposed" : "not exposed",
	      "Set-VMProcessor -ExposeVirtualizationExtensions $true");
	check(c, vm->name, "DynamicMemory", vm->dynamic_memory ? WARNING : OK, "NV-5", vm->dynamic_memory ? "on" : "off",
	      "stays constant while a hypervisor runs in it");
	check(c, vm->name, "Memory", vm->memory_startup < ADVISED_MEMORY ? WARNING : OK, "NV-12",
	      vm->memory_startup < ADVISED_MEMORY ? "less than 4 GB" : "4 GB or more", "give it what its guests need (Set-VMMemory)");
	check(c, vm->name, "ParentCheckpoint", guid_is_zero(&vm->checkpoint) ? OK : WARNING, "NV-12",
	      guid_is_zero(&vm->checkpoint) ? "none" : "it goes on from a checkpoint",
	      "what it is now is lost when that is restored; Remove-VMSnapshot merges it");
	adapter_of_vm(call_docs(c), &vm->id, &adapters);
	vec_foreach(&adapters, a)
		spoofing |= (*a)->spoofing;
	vec_done(&adapters);
	check(c, vm->name, "MacAddressSpoofing", spoofing ? OK : WARNING, "NN-1", spoofing ? "on" : "off",
	      "turn it on for inner guests, or translate inside (NN-2)");
}

static int test_nested(struct call *c, struct err **e)
{
	struct host_machines machines = { 0 };
	vm_vec vms = { 0 };

	(void)e;
	call_host(c)->machines(call_host(c), &machines);
	check_host(c, &machines);
	if (call_given(c, "VMName") || call_given(c, "VM"))
		vm_select(c, "VMName", "VM", &vms);
	vec_foreach(&vms, vm)
		check_vm(c, &machines, *vm);
	vec_done(&vms);
	return 0;
}

const struct cmdlet vm_host_cmdlets[] = {
	{ "Get-VMHost", "show what virtual machines can run on here", no_params, &host_object, get_host },
	{ "Set-VMHost", "change where files of virtual machines lie by default", set_host_params, &host_object, set_host, CHANGES | PASSTHRU },
	{ "Get-VMHostSupportedVersion", "list the configuration versions that this host supports", version_params, &version_object,
	  get_versions },
	{ "Test-VMNestedVirtualization", "check what the host and virtual machines need for nested virtualization", test_params,
	  &test_object, test_nested },
	{ 0 },
};
