/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "adapter.h"
#include "checkpoint.h"
#include "drive.h"
#include "feature.h"
#include "vm_location.h"
#include "vm_metering.h"
#include "vm_rules.h"

/* The object VirtualMachine (cmdlets.md 4.1): the document, and what really runs. */

static const char *const vm_properties[] = {
	"Name",
	"State",
	"CPUUsage",
	"MemoryAssigned",
	"Uptime",
	"Status",
	"Version",
	"Id",
	"VMId",
	"VMName",
	"Engine",
	"Generation",
	"ProcessorCount",
	"MemoryStartup",
	"MemoryMinimum",
	"MemoryMaximum",
	"MemoryDemand",
	"MemoryStatus",
	"DynamicMemoryEnabled",
	"Heartbeat",
	"NestedHypervisor",
	"Notes",
	"Path",
	"ConfigurationLocation",
	"SnapshotFileLocation",
	"CheckpointFileLocation",
	"NetworkAdapters",
	"HardDrives",
	"DVDDrives",
	"CheckpointType",
	"ParentCheckpointId",
	"ParentCheckpointName",
	"CreationTime",
	"AutomaticStartAction",
	"AutomaticStopAction",
	"ReplicationState",
	"ResourceMeteringEnabled",
	"ProcessId",
	"IsClustered",
	"ComputerName",
	"MemoryAssignedMB",
	NULL,
};

static const struct column vm_columns[] = {
	{ "Name" },
	{ "State" },
	{ "CPUUsage", "CPUUsage(%)", true },
	{ "MemoryAssignedMB", "MemoryAssigned(M)", true },
	{ "Uptime" },
	{ "Status" },
	{ "Version" },
	{ 0 },
};

const struct object_type vm_object = { "VirtualMachine", vm_properties, vm_columns };

/* What is wanted and what is can differ for a moment: while the engine works, or when a guest ended by itself. */
static const char *vm_state_name(const struct vm_doc *vm, const struct host_guest *guest)
{
	if (vm_is_on(vm))
		return !guest->running ? "Starting" : !guest->paused ? "Running" : vm->failure ? "PausedCritical" : "Paused";
	if (vm->state == VM_SAVED)
		return guest->running ? "Saving" : "Saved";
	return guest->running ? "Stopping" : "Off";
}

static const char *heartbeat(const struct host_guest *guest)
{
	if (!guest->running)
		return "";
	if (guest->paused)
		return "Paused";
	/* What runs in the guest besides is not asked. */
	return guest->heartbeat == HOST_HEARTBEAT_OK ? "OkApplicationsUnknown"
	       : guest->heartbeat == HOST_HEARTBEAT_LOST ? "LostCommunication" : "NoContact";
}

/* Is there what it needs, and the buffer on top? Nothing to say of a guest that does not tell what it needs. */
static const char *memory_status(const struct vm_doc *vm, const struct host_guest *guest)
{
	uint64_t demand = guest->memory_demand;

	if (!guest->running || !demand)
		return "";
	if (demand > guest->memory_bytes)
		return "Warning";
	return vm->dynamic_memory && demand + demand / 100 * vm->memory_buffer > guest->memory_bytes ? "Low" : "OK";
}

static json_t *vm_status(const struct vm_doc *vm, const struct host_guest *guest)
{
	static const char *const ends[] = {
		[VM_END_NORMAL] = "Operating normally",
		[VM_END_CRASHED] = "The guest crashed: QEMU ended, or was killed",
		[VM_END_PANICKED] = "The guest crashed: its kernel panicked",
	};

	if (guest->problem)
		return json_sprintf("Not as it should be: %s", guest->problem);
	if (vm_is_on(vm) == guest->running)
		return json_string(vm->failure ? vm->failure : ends[vm->state == VM_OFF ? vm->ended : VM_END_NORMAL]);
	return json_string(guest->running ? "Stopping: the guest still runs" : "Starting: the guest does not run yet");
}

json_t *vm_time_span(uint64_t ms)
{
	uint64_t s = ms / 1000;
	unsigned h = s / 3600 % 24, m = s / 60 % 60, sec = s % 60;

	if (s >= 86400)
		return json_sprintf("%llu.%02u:%02u:%02u", (unsigned long long)(s / 86400), h, m, sec);
	return json_sprintf("%02u:%02u:%02u", h, m, sec);
}

static json_t *creation_time(uint64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char text[32];

	if (!gmtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

static json_t *vm_adapters(struct call *c, const struct vm_doc *vm)
{
	json_t *list = json_array();
	adapter_vec adapters = { 0 };

	adapter_of_vm(call_docs(c), &vm->id, &adapters);
	vec_foreach(&adapters, a)
		json_array_append_new(list, adapter_to_object(c, *a));
	vec_done(&adapters);
	return list;
}

static json_t *vm_drives(struct call *c, const struct vm_doc *vm, enum drive_type type)
{
	json_t *list = json_array();
	drive_vec drives = { 0 };

	drive_of_vm(call_docs(c), &vm->id, &drives);
	vec_foreach(&drives, drive)
		if ((*drive)->type == type)
			json_array_append_new(list, drive_to_object(c, *drive));
	vec_done(&drives);
	return list;
}

/* A namespace keeps nothing. */
static void add_locations(struct call *c, const struct vm_doc *vm, json_t *o)
{
	const char *path = vm->engine == VM_ENGINE_QEMU ? vm_path(c, vm) : NULL;
	const char *snapshots = vm->engine == VM_ENGINE_QEMU ? vm_snapshot_path(c, vm) : NULL;

	json_object_set_new(o, "Path", json_text(path));
	json_object_set_new(o, "ConfigurationLocation", json_text(path));
	json_object_set_new(o, "SnapshotFileLocation", json_text(snapshots));
	json_object_set_new(o, "CheckpointFileLocation", json_text(snapshots));
}

json_t *vm_to_object(struct call *c, const void *doc)
{
	const struct vm_doc *vm = doc;
	const struct checkpoint_doc *parent = checkpoint_get(call_docs(c), &vm->checkpoint);
	struct host *host = call_host(c);
	struct host_guest guest = { 0 };
	json_t *o = json_object();

	if (host->guest(host, &vm->id, &guest) < 0)
		guest = (struct host_guest){ 0 };
	json_object_set_new(o, "Name", json_text(vm->name));
	json_object_set_new(o, "State", json_string(vm_state_name(vm, &guest)));
	json_object_set_new(o, "CPUUsage", json_integer(guest.cpu_percent));
	json_object_set_new(o, "MemoryAssigned", json_integer((json_int_t)guest.memory_bytes));
	json_object_set_new(o, "MemoryAssignedMB", json_integer((json_int_t)(guest.memory_bytes >> 20)));
	json_object_set_new(o, "Uptime", vm_time_span(guest.running ? guest.uptime_ms : 0));
	json_object_set_new(o, "Status", vm_status(vm, &guest));
	json_object_set_new(o, "Version", json_text(vm->version));
	json_object_set_new(o, "Id", json_guid(&vm->id));
	json_object_set_new(o, "VMId", json_guid(&vm->id));
	json_object_set_new(o, "VMName", json_text(vm->name));
	json_object_set_new(o, "Engine", json_string(vm_engines[vm->engine]));
	json_object_set_new(o, "Generation", json_integer(vm->generation));
	json_object_set_new(o, "ProcessorCount", json_integer(vm->processor_count));
	json_object_set_new(o, "MemoryStartup", json_integer((json_int_t)vm->memory_startup));
	json_object_set_new(o, "MemoryMinimum", json_integer((json_int_t)vm->memory_minimum));
	json_object_set_new(o, "MemoryMaximum", json_integer((json_int_t)vm->memory_maximum));
	json_object_set_new(o, "MemoryDemand", json_integer((json_int_t)guest.memory_demand));
	json_object_set_new(o, "MemoryStatus", json_string(memory_status(vm, &guest)));
	json_object_set_new(o, "Heartbeat", json_string(heartbeat(&guest)));
	/* A document that says Running is made true whenever the daemon starts; the end of the host cuts the power. */
	json_object_set_new(o, "AutomaticStartAction", json_string("StartIfRunning"));
	json_object_set_new(o, "AutomaticStopAction", json_string("TurnOff"));
	json_object_set_new(o, "ResourceMeteringEnabled", json_boolean(vm_is_metered(call_docs(c), &vm->id)));
	json_object_set_new(o, "ReplicationState", json_string("Disabled"));
	json_object_set_new(o, "DynamicMemoryEnabled", json_boolean(vm->dynamic_memory));
	json_object_set_new(o, "NestedHypervisor", json_string(guest.hypervisor ? "Running" : vm->nested ? "Exposed" : "NotExposed"));
	json_object_set_new(o, "Notes", json_string(vm->notes ? vm->notes : ""));
	add_locations(c, vm, o);
	json_object_set_new(o, "NetworkAdapters", vm_adapters(c, vm));
	json_object_set_new(o, "HardDrives", vm_drives(c, vm, DRIVE_HARD_DISK));
	json_object_set_new(o, "DVDDrives", vm_drives(c, vm, DRIVE_DVD));
	json_object_set_new(o, "CheckpointType", json_string(vm_checkpoint_types[vm->checkpoint_type]));
	json_object_set_new(o, "ParentCheckpointId", json_guid(&vm->checkpoint));
	json_object_set_new(o, "ParentCheckpointName", json_text(parent ? parent->name : NULL));
	json_object_set_new(o, "CreationTime", creation_time(vm->created));
	json_object_set_new(o, "ProcessId", guest.running && guest.pid > 0 ? json_integer(guest.pid) : json_null());
	json_object_set_new(o, "IsClustered", json_false());
	json_object_set_new(o, "ComputerName", json_text(host->name));
	return o;
}
