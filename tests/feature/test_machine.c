/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter.h"
#include "kit.h"

/* Virtual machines of engine Qemu as documents and rules; what runs is in tests/netns/test_machines.py. */

static void can_run(struct kit *k)
{
	k->machines = (struct host_machines){ .nested = true };
}

static void made_and_listed(void **state)
{
	struct kit *k = *state;

	can_run(k);
	kit_do(k, "New-VM", "{'Name': 'L1', 'MemoryStartupBytes': '1GB', 'KernelPath': '/k', 'InitrdPath': '/i', 'KernelCommandLine': 'x'}");
	kit_property(k, 0, "Engine", "'Qemu'");
	kit_do(k, "New-VM", "{'Name': 'ns', 'Engine': 'Namespace'}");
	kit_do(k, "Get-VMProcessor", "{}");
	kit_names(k, "VMName", "L1");
	kit_property(k, 0, "Count", "1");
	kit_property(k, 0, "ExposeVirtualizationExtensions", "false");
	kit_do(k, "Get-VMMemory", "{'VMName': 'L*'}");
	kit_property(k, 0, "Startup", "1073741824");
	kit_property(k, 0, "Minimum", "536870912");
	kit_property(k, 0, "Maximum", "1099511627776");
	kit_property(k, 0, "DynamicMemoryEnabled", "false");
}

static void changed(void **state)
{
	struct kit *k = *state;
	json_t *processors;

	can_run(k);
	kit_do(k, "New-VM", "{'Name': 'L1'}");
	processors = kit_get(k, "Get-VMProcessor", "{'VMName': 'L1'}");
	kit_pipe(k, "Set-VMProcessor", "{'Count': 4, 'ExposeVirtualizationExtensions': true, 'PassThru': true}", processors);
	json_decref(processors);
	kit_no_errors(k);
	kit_property(k, 0, "Count", "4");
	kit_property(k, 0, "ExposeVirtualizationExtensions", "true");
	kit_do(k, "Set-VMProcessor", "{'VMName': 'L1', 'Count': 2}");
	kit_do(k, "Get-VMProcessor", "{'VMName': 'L1'}");
	kit_property(k, 0, "Count", "2");
	kit_property(k, 0, "ExposeVirtualizationExtensions", "true");
	kit_do(k, "Set-VMMemory", "{'VMName': 'L1', 'StartupBytes': '2GB', 'PassThru': true}");
	kit_property(k, 0, "Startup", "2147483648");
	kit_what_if(k, "Set-VMProcessor", "{'VMName': 'L1', 'Count': 8}", 1);
	kit_what_if(k, "Set-VMMemory", "{'VMName': 'L1', 'StartupBytes': '4GB'}", 1);
}

/* Each machine has eight places for adapters; a saved one keeps those it had. */
static void adapters(void **state)
{
	static const struct refusal saved[] = {
		REFUSED("Add-VMNetworkAdapter", "{'VMName': 'L1'}", "InvalidState"),
		REFUSED("Remove-VMNetworkAdapter", "{'VMName': 'L1'}", "InvalidState"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'L1', 'StaticMacAddress': '020000000001'}", "InvalidState"),
	};
	struct kit *k = *state;

	can_run(k);
	kit_do(k, "New-VM", "{'Name': 'L1'}");
	for (int i = 1; i < ADAPTERS_OF_A_MACHINE; i++)
		kit_do(k, "Add-VMNetworkAdapter", "{'VMName': 'L1'}");
	kit_refused(k, "Add-VMNetworkAdapter", "{'VMName': 'L1'}", "Adapter.TooMany");
	kit_do(k, "Remove-VMNetworkAdapter", "{'VMName': 'L1'}");
	kit_do(k, "Start-VM", "{'Name': 'L1'}");
	kit_do(k, "Add-VMNetworkAdapter", "{'VMName': 'L1'}");
	kit_do(k, "Save-VM", "{'Name': 'L1'}");
	kit_all_refused(k, saved, ARRAY_SIZE(saved));
	kit_do(k, "Disconnect-VMNetworkAdapter", "{'VMName': 'L1'}");
}

static void refusals(void **state)
{
	static const struct refusal cases[] = {
		REFUSED("New-VM", "{'Name': 'x', 'KernelPath': 'relative'}", "Vm.PathInvalid"),
		REFUSED("New-VM", "{'Name': 'x', 'KernelPath': '/a\\u0001'}", "Vm.PathInvalid"),
		REFUSED("New-VM", "{'Name': 'x', 'KernelPath': '/k', 'InitrdPath': 'i'}", "Vm.PathInvalid"),
		REFUSED("New-VM", "{'Name': 'x', 'InitrdPath': '/i'}", "AmbiguousParameterSet"),
		REFUSED("New-VM", "{'Name': 'x', 'KernelCommandLine': 'quiet'}", "AmbiguousParameterSet"),
		REFUSED("New-VM", "{'Name': 'x', 'Engine': 'Namespace', 'KernelPath': '/k'}", "AmbiguousParameterSet"),
		REFUSED("Set-VMProcessor", "{'VMName': 'ns', 'Count': 2}", "Vm.NotAMachine"),
		REFUSED("Set-VMMemory", "{'VMName': 'ns', 'StartupBytes': '1GB'}", "Vm.NotAMachine"),
		REFUSED("Set-VMProcessor", "{'VMName': 'no', 'Count': 2}", "InvalidParameter"),
		REFUSED("Set-VMProcessor", "{'VMName': 'on', 'Count': 2}", "InvalidState"),
		REFUSED("Set-VMProcessor", "{'VMName': 'on', 'ExposeVirtualizationExtensions': true}", "Nested.VmNotOff"),
		REFUSED("Set-VMProcessor", "{'VMName': 'on', 'ExposeVirtualizationExtensions': false}", "InvalidState"),
		REFUSED("Set-VMProcessor", "{'VMName': 'old', 'ExposeVirtualizationExtensions': true}", "Nested.ConfigVersion"),
		REFUSED("Set-VMProcessor", "{'VMName': 'off', 'Count': 0}", "ParameterArgumentValidationError"),
		REFUSED("Set-VMMemory", "{'VMName': 'on', 'StartupBytes': '3GB'}", "Vm.MemoryLimit"),
		REFUSED("Set-VM", "{'Name': 'on', 'MemoryStartupBytes': '3GB'}", "Vm.MemoryLimit"),
		REFUSED("Set-VMMemory", "{'VMName': 'on', 'DynamicMemoryEnabled': true}", "InvalidState"),
		REFUSED("Set-VMMemory", "{'VMName': 'off', 'DynamicMemoryEnabled': true, 'MinimumBytes': '1GB'}", "Vm.MemoryRange"),
		REFUSED("Set-VMMemory", "{'VMName': 'off', 'DynamicMemoryEnabled': true, 'MaximumBytes': '256MB'}", "Vm.MemoryRange"),
		REFUSED("Set-VMMemory", "{'VMName': 'off', 'Buffer': 4}", "ParameterArgumentValidationError"),
		REFUSED("Set-VMMemory", "{'VMName': 'off', 'StartupBytes': '1MB'}", "ParameterArgumentValidationError"),
		REFUSED("Get-VMProcessor", "{'VMName': 'no'}", "InvalidParameter"),
	};
	struct kit *k = *state;

	can_run(k);
	kit_do(k, "New-VM", "{'Name': 'ns', 'Engine': 'Namespace'}");
	kit_do(k, "New-VM", "{'Name': 'on'}");
	kit_do(k, "Start-VM", "{'Name': 'on'}");
	kit_do(k, "New-VM", "{'Name': 'off'}");
	kit_do(k, "New-VM", "{'Name': 'old', 'Version': '9.2'}");
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
}

/* NV-2: Intel is content with an older version; a host without nesting refuses, and says why; hiding is always possible. */
static void nesting_by_host(void **state)
{
	struct kit *k = *state;

	k->machines = (struct host_machines){ .kvm = true, .intel = true, .nested = true };
	kit_do(k, "New-VM", "{'Name': 'a', 'Version': '8.0'}");
	kit_do(k, "Set-VMProcessor", "{'VMName': 'a', 'ExposeVirtualizationExtensions': true}");
	k->machines.nested = false;
	k->machines.no_nesting = "it is off";
	kit_do(k, "Set-VMProcessor", "{'VMName': 'a', 'ExposeVirtualizationExtensions': false}");
	kit_refused(k, "Set-VMProcessor", "{'VMName': 'a', 'ExposeVirtualizationExtensions': true}", "Nested.HostUnsupported");
}

/* T3, NV-4..NV-7: a hypervisor inside holds static memory, and lets dynamic memory's limits be changed. */
static void memory_and_hypervisor(void **state)
{
	struct kit *k = *state;

	can_run(k);
	kit_do(k, "New-VM", "{'Name': 's'}");
	kit_do(k, "New-VM", "{'Name': 'd'}");
	kit_do(k, "Set-VMMemory", "{'VMName': 'd', 'DynamicMemoryEnabled': true, 'MinimumBytes': '256MB', 'MaximumBytes': '1GB', 'Buffer': 50}");
	kit_do(k, "Set-VMProcessor", "{'VMName': 's', 'ExposeVirtualizationExtensions': true}");
	kit_do(k, "Start-VM", "{'Name': '*'}");
	kit_do(k, "Get-VM", "{'Name': 's'}");
	kit_property(k, 0, "NestedHypervisor", "'Exposed'");
	kit_do(k, "Set-VMMemory", "{'VMName': 's', 'StartupBytes': '1GB'}");
	k->hypervisor = true;
	kit_do(k, "Get-VM", "{'Name': 's'}");
	kit_property(k, 0, "NestedHypervisor", "'Running'");
	kit_refused(k, "Set-VMMemory", "{'VMName': 's', 'StartupBytes': '2GB'}", "Nested.MemoryResizeBlocked");
	kit_refused(k, "Set-VM", "{'Name': 's', 'MemoryStartupBytes': '512MB'}", "Nested.MemoryResizeBlocked");
	kit_do(k, "Set-VMMemory", "{'VMName': 'd', 'MaximumBytes': '2GB'}");
	kit_refused(k, "Set-VMMemory", "{'VMName': 'd', 'MaximumBytes': '3GB'}", "Vm.MemoryLimit");
	kit_refused(k, "Set-VMMemory", "{'VMName': 'd', 'StartupBytes': '1GB'}", "InvalidState");
	kit_do(k, "Get-VMMemory", "{'VMName': 'd'}");
	kit_property(k, 0, "Minimum", "268435456");
	kit_property(k, 0, "Maximum", "2147483648");
	kit_property(k, 0, "Buffer", "50");
	k->hypervisor = false;
	kit_do(k, "Set-VM", "{'Name': 's', 'MemoryStartupBytes': '2GB'}");
	kit_do(k, "Stop-VM", "{'Name': 's', 'TurnOff': true}");
	k->hypervisor = true;
	kit_do(k, "Set-VMMemory", "{'VMName': 's', 'StartupBytes': '8GB'}");
}

static void states(void **state)
{
	static const struct refusal while_saved[] = {
		REFUSED("Set-VMProcessor", "{'VMName': 'a', 'ExposeVirtualizationExtensions': true}", "Nested.VmNotOff"),
		REFUSED("Set-VMMemory", "{'VMName': 'a', 'StartupBytes': '1GB'}", "InvalidState"),
		REFUSED("Remove-VM", "{'Name': 'a'}", "InvalidState"),
		REFUSED("Stop-VM", "{'Name': 'a', 'TurnOff': true}", "InvalidState"),
		REFUSED("Suspend-VM", "{'Name': 'a'}", "InvalidState"),
		REFUSED("Resume-VM", "{'Name': 'a'}", "InvalidState"),
		REFUSED("Restart-VM", "{'Name': 'a'}", "InvalidState"),
		REFUSED("Update-VMVersion", "{'Name': 'a'}", "InvalidState"),
	};
	struct kit *k = *state;

	can_run(k);
	kit_do(k, "New-VM", "{'Name': 'a', 'Version': '9.3'}");
	kit_do(k, "New-VM", "{'Name': 'ns', 'Engine': 'Namespace'}");
	kit_refused(k, "Suspend-VM", "{'Name': 'a'}", "InvalidState");
	kit_refused(k, "Save-VM", "{'Name': 'a'}", "InvalidState");
	kit_refused(k, "Remove-VMSavedState", "{'Name': 'a'}", "InvalidState");
	kit_do(k, "Start-VM", "{'Name': '*'}");
	kit_refused(k, "Suspend-VM", "{'Name': 'ns'}", "Vm.NotAMachine");
	kit_refused(k, "Save-VM", "{'Name': 'ns'}", "Vm.SaveUnavailable");
	kit_refused(k, "Resume-VM", "{'Name': 'a'}", "InvalidState");
	kit_what_if(k, "Suspend-VM", "{'Name': 'a'}", 1);
	kit_do(k, "Suspend-VM", "{'Name': 'a', 'PassThru': true}");
	k->paused = true;
	kit_do(k, "Get-VM", "{'Name': 'a'}");
	kit_property(k, 0, "State", "'Paused'");
	kit_refused(k, "Suspend-VM", "{'Name': 'a'}", "InvalidState");
	k->paused = false;
	kit_do(k, "Resume-VM", "{'Name': 'a'}");
	kit_do(k, "Stop-VM", "{'Name': 'a', 'Save': true}");
	kit_do(k, "Get-VM", "{'Name': 'a'}");
	kit_property(k, 0, "State", "'Saved'");
	kit_all_refused(k, while_saved, ARRAY_SIZE(while_saved));
	kit_do(k, "Remove-VMSavedState", "{'Name': 'a'}");
	kit_do(k, "Update-VMVersion", "{'Name': 'a'}");
	kit_property(k, 0, "Version", "'12.0'");
	kit_do(k, "Update-VMVersion", "{'Name': 'a'}");
	kit_warning(k, "newest configuration version");
}

static void host(void **state)
{
	struct kit *k = *state;

	kit_do(k, "Get-VMHost", "{}");
	kit_property(k, 0, "EngineStatus", "'there is no libvirt'");
	kit_property(k, 0, "Acceleration", "'TCG (emulated, AMD-V)'");
	kit_property(k, 0, "NetworkBackend", "'QEMU'");
	k->machines.vhost_net = true;
	kit_do(k, "Get-VMHost", "{}");
	kit_property(k, 0, "NetworkBackend", "'vhost-net'");
	can_run(k);
	kit_do(k, "Get-VMHostSupportedVersion", "{'Default': true}");
	kit_names(k, "Version", "12.0");
	kit_do(k, "Get-VMHostSupportedVersion", "{}");
	kit_names(k, "Version", "8.0 8.1 8.2 8.3 9.0 9.1 9.2 9.3 10.0 10.5 11.0 12.0");
}

/* Each prerequisite on a line: what is wrong, and what to do. */
static void nested_check(void **state)
{
	struct kit *k = *state;

	k->machines = (struct host_machines){ .kvm = true, .intel = true, .no_nesting = "it is off" };
	kit_do(k, "New-VM", "{'Name': 'ns', 'Engine': 'Namespace'}");
	kit_do(k, "New-VM", "{'Name': 'a', 'Version': '8.0', 'MemoryStartupBytes': '8GB'}");
	kit_do(k, "Test-VMNestedVirtualization", "{}");
	kit_names(k, "Check", "Engine Acceleration NestedVirtualization");
	kit_names(k, "Result", "Ok Ok Failed");
	k->machines = (struct host_machines){ .nested = true };
	kit_do(k, "Test-VMNestedVirtualization", "{'VMName': '*'}");
	kit_names(k, "Target", "host1 host1 host1 a a a a a a a ns");
	kit_names(k, "Result", "Ok Warning Ok Ok Failed Warning Ok Ok Ok Warning Failed");
	kit_names(k, "Rule", " NV-2 NV-13 NV-1 NV-2 NV-1 NV-5 NV-12 NV-12 NN-1 ");
	kit_do(k, "Update-VMVersion", "{'Name': 'a'}");
	kit_do(k, "Set-VMProcessor", "{'VMName': 'a', 'ExposeVirtualizationExtensions': true}");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'a', 'MacAddressSpoofing': 'On'}");
	kit_do(k, "Test-VMNestedVirtualization", "{'VMName': 'a'}");
	kit_names(k, "Result", "Ok Warning Ok Ok Ok Ok Ok Ok Ok Ok");
}

/* All are asked at once; each that does not end in time is an error of its own, and still runs. */
static void orderly_shutdown(void **state)
{
	struct kit *k = *state;

	can_run(k);
	kit_do(k, "New-VM", "{'Name': 'a'}");
	kit_do(k, "New-VM", "{'Name': 'b'}");
	kit_do(k, "New-VM", "{'Name': 'deaf'}");
	kit_do(k, "New-VM", "{'Name': 'ns', 'Engine': 'Namespace'}");
	kit_do(k, "Start-VM", "{'Name': '*'}");
	kit_run(k, "Stop-VM", "{'Name': '*'}");
	kit_one_error(k, "Vm.ShutdownRefused", NULL);
	kit_told(k, "Shutting down a 1/2 -;Shutting down a 2/2 -;");
	kit_do(k, "Get-VM", "{'Name': 'ns'}");
	kit_property(k, 0, "State", "'Off'");

	k->stubborn = true;
	kit_run(k, "Stop-VM", "{'Name': 'a'}");
	kit_one_error(k, "Vm.ShutdownTimeout", "a");
	kit_what_if(k, "Stop-VM", "{'Name': ['a', 'b']}", 2);
	kit_do(k, "Stop-VM", "{'Name': 'a', 'TurnOff': true}");
	kit_do(k, "Get-VM", "{'Name': 'a'}");
	kit_property(k, 0, "State", "'Off'");
}

/* Get-VMConsole answers by a stream, or says why not. */
static void consoles(void **state)
{
	static const struct refusal cases[] = {
		REFUSED("Get-VMConsole", "{'VMName': 'no'}", "InvalidParameter"),
		REFUSED("Get-VMConsole", "{'VMName': 'off'}", "InvalidState"),
		REFUSED("Get-VMConsole", "{'VMName': 'ns'}", "Vm.NoConsole"),
		REFUSED("Get-VMConsole", "{'VMName': 'busy'}", "Vm.ConsoleInUse"),
		REFUSED("Get-VMConsole", "{'VMName': 'on', 'Last': 10001}", "ParameterArgumentValidationError"),
		REFUSED("Get-VMConsole", "{}", "MissingMandatoryParameter"),
	};
	static const char *const names[] = { "on", "slow", "busy" };
	struct kit *k = *state;
	json_t *two;

	can_run(k);
	kit_do(k, "New-VM", "{'Name': 'ns', 'Engine': 'Namespace'}");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *made = xasprintf("{'Name': '%s'}", names[i]);

		kit_do(k, "New-VM", made);
	}
	kit_do(k, "Start-VM", "{'Name': '*'}");
	kit_do(k, "New-VM", "{'Name': 'off'}");
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *which = xasprintf("{'VMName': '%s', 'Last': 7, 'Force': true}", names[i]);

		kit_run(k, "Get-VMConsole", which);
		assert_int_equal(k->status, 101);
		assert_int_equal(json_integer_value(json_object_get(k->result, "lines")), 7);
		assert_int_equal(json_string_length(json_object_get(k->result, "console")), 36);
	}
	k->stubborn = true;
	kit_refused(k, "Get-VMConsole", "{'VMName': 'slow'}", "Vm.ShutdownTimeout");
	two = json_pack("[s, s]", "on", "on");
	kit_pipe(k, "Get-VMConsole", "{}", two);
	json_decref(two);
	kit_one_error(k, "StreamNotUnique", NULL);
}

/* Wait-VM and Restart-VM -Wait (3.1). */
static void waiting(void **state)
{
	static const struct refusal cases[] = {
		REFUSED("Wait-VM", "{'Name': 'no'}", "InvalidParameter"),
		REFUSED("Wait-VM", "{'Name': 'off'}", "InvalidState"),
		REFUSED("Wait-VM", "{'Name': 'deaf'}", "Vm.WaitEnded"),
		REFUSED("Wait-VM", "{'Name': 'a', 'For': 'Reboot'}", "Vm.WaitUnavailable"),
		REFUSED("Wait-VM", "{'Name': 'a', 'For': 'MemoryOperations'}", "Vm.WaitUnavailable"),
		REFUSED("Wait-VM", "{'Name': 'a', 'For': 'Lunch'}", "ParameterArgumentTransformationError"),
		REFUSED("Wait-VM", "{'Name': 'a', 'Timeout': 0}", "ParameterArgumentValidationError"),
		REFUSED("Wait-VM", "{'Name': 'a', 'Delay': 65536}", "ParameterArgumentValidationError"),
		REFUSED("Restart-VM", "{'Name': 'a', 'For': 'Heartbeat'}", "AmbiguousParameterSet"),
		REFUSED("Restart-VM", "{'Name': 'a', 'Timeout': 5}", "AmbiguousParameterSet"),
		REFUSED("Restart-VM", "{'Name': 'a', 'Wait': true, 'For': 'Reboot'}", "ParameterArgumentTransformationError"),
		REFUSED("Restart-VM", "{'Name': 'off', 'Wait': true}", "InvalidState"),
	};
	struct kit *k = *state;

	can_run(k);
	kit_do(k, "New-VM", "{'Name': 'a'}");
	kit_do(k, "New-VM", "{'Name': 'b', 'Engine': 'Namespace'}");
	kit_do(k, "New-VM", "{'Name': 'deaf'}");
	kit_do(k, "Start-VM", "{'Name': '*'}");
	kit_do(k, "New-VM", "{'Name': 'off'}");
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
	kit_do(k, "Wait-VM", "{'Name': ['a', 'b'], 'For': 'IPAddress', 'TimeoutSec': 7, 'PassThru': true}");
	kit_names(k, "Name", "a b");
	kit_told(k, "Waiting for a 1/2 -;Waiting for a 2/2 -;");
	assert_true(k->waited.address && k->waited.timeout_ms == 7000 && k->waited.delay_ms == 1000);
	kit_do(k, "Restart-VM", "{'Name': 'a', 'Wait': true, 'Delay': 3}");
	assert_true(!k->waited.address && !k->waited.timeout_ms && k->waited.delay_ms == 3000);
	k->waited.delay_ms = 0;
	kit_what_if(k, "Restart-VM", "{'Name': 'a', 'Wait': true}", 1);
	assert_int_equal(k->waited.delay_ms, 0);
	k->stubborn = true;
	kit_run(k, "Restart-VM", "{'Name': ['a', 'off'], 'Wait': true}");
	assert_int_equal(kit_count(k, "errors"), 2);
}

/* Directories that are there, and belong to root alone, on every Linux: /usr and /etc. */
static void locations(void **state)
{
	static const struct refusal bad[] = {
		REFUSED("Set-VMHost", "{'VirtualHardDiskPath': 'here'}", "Vm.PathInvalid"),
		REFUSED("Set-VMHost", "{'VirtualMachinePath': '/nowhere'}", "Location.NotFound"),
		REFUSED("Set-VMHost", "{'VirtualHardDiskPath': '/etc', 'VirtualMachinePath': '/etc/passwd'}", "Location.NotFound"),
		REFUSED("Set-VMHost", "{'VirtualMachinePath': '/tmp'}", "Location.Unsafe"),
		REFUSED("New-VM", "{'Name': 'new', 'Path': '/tmp'}", "Location.Unsafe"),
		REFUSED("New-VM", "{'Name': 'new', 'Engine': 'Namespace', 'Path': '/usr'}", "AmbiguousParameterSet"),
		REFUSED("Set-VM", "{'Name': 'a', 'SnapshotFileLocation': '/etc/passwd'}", "Location.NotFound"),
		REFUSED("Rename-VM", "{'Name': 'a', 'NewName': 'b/c'}", "InvalidName"),
		REFUSED("Rename-VM", "{'Name': 'a', 'NewName': '..'}", "InvalidName"),
	};
	struct kit *k = *state;

	can_run(k);
	kit_do(k, "Get-VMHost", "{}");
	kit_property(k, 0, "VirtualHardDiskPath", "'/images'");
	kit_property(k, 0, "VirtualMachinePath", "'/var/lib/nestor/machines'");
	kit_do(k, "New-VM", "{'Name': 'a'}");
	kit_property(k, 0, "Path", "'/var/lib/nestor/machines'");
	kit_property(k, 0, "ConfigurationLocation", "'/var/lib/nestor/machines'");
	kit_property(k, 0, "SnapshotFileLocation", "'/var/lib/nestor/machines'");
	kit_what_if(k, "Set-VMHost", "{'VirtualHardDiskPath': '/etc'}", 1);
	kit_what_if(k, "Set-VM", "{'Name': 'a', 'SnapshotFileLocation': '/etc'}", 1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		kit_refused(k, bad[i].cmdlet, bad[i].parameters, bad[i].id);
	kit_do(k, "Set-VMHost", "{'VirtualHardDiskPath': '/usr/../etc/', 'PassThru': true}");
	kit_property(k, 0, "VirtualHardDiskPath", "'/etc'");
	kit_property(k, 0, "VirtualMachinePath", "'/var/lib/nestor/machines'");
	kit_do(k, "Set-VM", "{'Name': 'a', 'SnapshotFileLocation': '/etc', 'PassThru': true}");
	kit_property(k, 0, "CheckpointFileLocation", "'/etc'");
	kit_property(k, 0, "Path", "'/var/lib/nestor/machines'");
	kit_do(k, "Set-VM", "{'Name': 'a', 'Notes': 'x', 'PassThru': true}");
	kit_property(k, 0, "SnapshotFileLocation", "'/etc'");
	kit_do(k, "Set-VM", "{'Name': 'a', 'SnapshotFileLocation': null, 'PassThru': true}");
	kit_property(k, 0, "SnapshotFileLocation", "'/var/lib/nestor/machines'");
	kit_do(k, "Set-VMHost", "{'VirtualHardDiskPath': null, 'PassThru': true}");
	kit_property(k, 0, "VirtualHardDiskPath", "'/images'");
}

int machine_tests(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(made_and_listed), kit_test(changed), kit_test(adapters), kit_test(refusals), kit_test(nesting_by_host), kit_test(orderly_shutdown), kit_test(consoles), kit_test(waiting),
		kit_test(memory_and_hypervisor), kit_test(states), kit_test(host), kit_test(locations), kit_test(nested_check),
	};

	return cmocka_run_group_tests_name("machines", tests, NULL, NULL);
}
