/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter.h"
#include "kit.h"
#include "vm.h"

static void make_vm(struct kit *k, const char *name)
{
	_cleanup_free_ char *parameters = xasprintf("{'Name': '%s', 'Engine': 'Namespace'}", name);

	kit_do(k, "New-VM", parameters);
}

static void new_vm(void **state)
{
	struct kit *k = *state;

	kit_do(k, "New-VMSwitch", "{'Name': 'sw', 'SwitchType': 'Private'}");
	kit_do(k, "New-VM",
	       "{'Name': 'blue1', 'MemoryStartupBytes': '1GB', 'Generation': '2', 'SwitchName': 'SW', "
	       "'Version': '9.0', 'NoVHD': true, 'Engine': 'namespace'}");
	assert_int_equal(kit_count(k, "objects"), 1);
	assert_string_equal(json_string_value(json_object_get(k->result, "type")), "VirtualMachine");
	kit_property(k, 0, "Name", "'blue1'");
	kit_property(k, 0, "State", "'Off'");
	kit_property(k, 0, "Status", "'Operating normally'");
	kit_property(k, 0, "CPUUsage", "0");
	kit_property(k, 0, "MemoryAssigned", "0");
	kit_property(k, 0, "MemoryStartup", "1073741824");
	kit_property(k, 0, "Uptime", "'00:00:00'");
	kit_property(k, 0, "Generation", "2");
	kit_property(k, 0, "Version", "'9.0'");
	kit_property(k, 0, "Engine", "'Namespace'");
	kit_property(k, 0, "ProcessorCount", "1");
	kit_property(k, 0, "ProcessId", "null");
	kit_property(k, 0, "ComputerName", "'host1'");
	kit_do(k, "Get-VMNetworkAdapter", "{'VMName': 'blue1'}");
	kit_names(k, "Name", "Network Adapter");
	kit_property(k, 0, "SwitchName", "'sw'");
}

static void new_vm_defaults(void **state)
{
	struct kit *k = *state;

	kit_do(k, "New-VM", "{'Engine': 'Namespace'}");
	kit_property(k, 0, "Name", "'New virtual machine'");
	kit_property(k, 0, "MemoryStartup", "536870912");
	kit_property(k, 0, "Generation", "1");
	kit_property(k, 0, "Version", "'12.0'");
	kit_do(k, "Get-VMNetworkAdapter", "{'VMName': '*'}");
	kit_property(k, 0, "SwitchName", "null");
	kit_property(k, 0, "Connected", "false");
	kit_refused(k, "New-VM", "{'Engine': 'Namespace'}", "Vm.NameNotUnique");
}

static void refusals(void **state)
{
	static const struct refusal cases[] = {
		REFUSED("New-VM", "{'Name': 'x'}", "Vm.EngineUnavailable"),
		REFUSED("New-VM", "{'Name': 'x', 'Engine': 'Qemu'}", "Vm.EngineUnavailable"),
		REFUSED("New-VM", "{'Name': 'BLUE1', 'Engine': 'Namespace'}", "Vm.NameNotUnique"),
		REFUSED("New-VM", "{'Name': ' x', 'Engine': 'Namespace'}", "InvalidName"),
		REFUSED("New-VM", "{'Name': 'a\\u0007b', 'Engine': 'Namespace'}", "InvalidName"),
		REFUSED("New-VM", "{'Name': 'x', 'Engine': 'Namespace', 'Version': '13.0'}", "Vm.VersionNotSupported"),
		REFUSED("New-VM", "{'Name': 'x', 'Engine': 'Namespace', 'SwitchName': 'no'}", "InvalidParameter"),
		REFUSED("New-VM", "{'Name': 'x', 'Engine': 'Namespace', 'Generation': 3}",
			"ParameterArgumentValidationError"),
		REFUSED("Get-VM", "{'Name': 'no'}", "InvalidParameter"),
		REFUSED("Get-VM", "{'Id': '11111111-2222-3333-4444-555555555555'}", "InvalidParameter"),
		REFUSED("Set-VM", "{'Name': 'no', 'Notes': 'x'}", "InvalidParameter"),
		REFUSED("Set-VM", "{'Name': 'blue1', 'NewVMName': 'red1'}", "Vm.NameNotUnique"),
		REFUSED("Set-VM", "{'Name': 'red1', 'ProcessorCount': 2}", "InvalidState"),
		REFUSED("Set-VM", "{'Name': 'red1', 'MemoryStartupBytes': '1GB'}", "InvalidState"),
		REFUSED("Set-VM", "{'Notes': 'x'}", "MissingMandatoryParameter"),
		REFUSED("Rename-VM", "{'Name': 'blue1', 'NewName': 'Red1'}", "Vm.NameNotUnique"),
		REFUSED("Start-VM", "{'Name': 'no'}", "InvalidParameter"),
		REFUSED("Stop-VM", "{'Name': 'red1', 'Save': true}", "Vm.SaveUnavailable"),
		REFUSED("Stop-VM", "{'Name': 'red1', 'Save': true, 'TurnOff': true}", "AmbiguousParameterSet"),
		REFUSED("Restart-VM", "{'Name': 'blue1'}", "InvalidState"),
		REFUSED("Remove-VM", "{'Name': 'red1', 'Force': true}", "InvalidState"),
		REFUSED("Invoke-Command", "{'VMName': 'blue1', 'ScriptBlock': 'ip addr'}", "InvalidState"),
		REFUSED("Invoke-Command", "{'VMName': 'no', 'ScriptBlock': 'ip addr'}", "InvalidParameter"),
		REFUSED("Invoke-Command", "{'VMName': 'red1', 'ScriptBlock': 'cannot'}", "RemoteCommandFailed"),
	};
	struct kit *k = *state;

	make_vm(k, "blue1");
	make_vm(k, "red1");
	kit_do(k, "Start-VM", "{'Name': 'red1'}");
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
	kit_run(k, "Get-VM", "{'Name': 'no'}");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(k->result, "errors"), 0), "message")),
		"Hyper-V was unable to find a virtual machine with name \"no\".");
	kit_run(k, "Remove-VM", "{'Name': 'red1'}");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(k->result, "errors"), 0), "message")),
		"The operation cannot be performed while the virtual machine is in its current state.");
}

static void get_vm(void **state)
{
	struct kit *k = *state;
	const struct vm_doc *vm;
	char id[GUID_TEXT_SIZE], parameters[64];

	kit_do(k, "Get-VM", "{}");
	assert_int_equal(kit_count(k, "objects"), 0);
	make_vm(k, "red1");
	make_vm(k, "Blue2");
	make_vm(k, "blue1");
	kit_do(k, "Get-VM", "{}");
	kit_names(k, "Name", "blue1 Blue2 red1");
	kit_do(k, "Get-VM", "{'Name': ['red1', 'BLUE*', 'blue1']}");
	kit_names(k, "Name", "blue1 Blue2 red1");
	kit_do(k, "Get-VM", "{'Name': 'green*'}");
	assert_int_equal(kit_count(k, "objects"), 0);
	kit_run(k, "Get-VM", "{'Name': ['no', 'red1']}");
	kit_one_error(k, "InvalidParameter", "no");
	kit_names(k, "Name", "red1");
	vm = vm_by_name(k->docs, "blue2");
	snprintf(parameters, sizeof(parameters), "{'Id': '%s'}", guid_format(&vm->id, id));
	kit_do(k, "Get-VM", parameters);
	kit_names(k, "Name", "Blue2");
}

/* A name that looks like a wildcard stands for the VM that bears it. */
static void names_before_wildcards(void **state)
{
	struct kit *k = *state;

	make_vm(k, "vm[1]");
	make_vm(k, "vm1");
	kit_do(k, "Remove-VM", "{'Name': 'vm[1]'}");
	kit_do(k, "Get-VM", "{}");
	kit_names(k, "Name", "vm1");
}

static void start_and_stop(void **state)
{
	struct kit *k = *state;

	make_vm(k, "a");
	kit_what_if(k, "Start-VM", "{'Name': 'a'}", 1);
	kit_do(k, "Start-VM", "{'Name': 'a'}");
	assert_int_equal(kit_count(k, "objects"), 0);
	kit_do(k, "Get-VM", "{'Name': 'a'}");
	kit_property(k, 0, "State", "'Running'");
	kit_property(k, 0, "Uptime", "'00:01:02'");
	kit_property(k, 0, "CPUUsage", "3");
	kit_property(k, 0, "MemoryAssigned", "5242880");
	kit_property(k, 0, "MemoryAssignedMB", "5");
	kit_property(k, 0, "ProcessId", "4711");
	kit_do(k, "Start-VM", "{'Name': 'a', 'PassThru': true}");
	kit_warning(k, "already in the specified state");
	kit_names(k, "Name", "a");
	kit_what_if(k, "Stop-VM", "{'Name': 'a'}", 1);
	kit_do(k, "Stop-VM", "{'Name': 'a', 'TurnOff': true, 'PassThru': true}");
	kit_property(k, 0, "State", "'Off'");
	kit_do(k, "Stop-VM", "{'Name': 'a', 'Force': true}");
	kit_warning(k, "already in the specified state");
}

/* A guest that ended by itself is shown as it is, and Start-VM has it started. */
static void start_broken(void **state)
{
	struct kit *k = *state;
	uint64_t boot;

	make_vm(k, "a");
	kit_do(k, "Start-VM", "{'Name': 'a'}");
	boot = vm_by_name(k->docs, "a")->boot;
	k->broken = vm_by_name(k->docs, "a")->id;
	kit_do(k, "Get-VM", "{}");
	kit_property(k, 0, "State", "'Starting'");
	kit_refused(k, "Invoke-Command", "{'VMName': 'a', 'ScriptBlock': 'id'}", "InvalidState");
	kit_do(k, "Start-VM", "{'Name': 'a'}");
	assert_int_equal(kit_count(k, "warnings"), 0);
	assert_int_equal(vm_by_name(k->docs, "a")->boot, boot + 1);
}

static void restart(void **state)
{
	struct kit *k = *state;
	uint64_t boot;

	make_vm(k, "a");
	kit_do(k, "Start-VM", "{'Name': 'a'}");
	boot = vm_by_name(k->docs, "a")->boot;
	kit_what_if(k, "Restart-VM", "{'Name': 'a'}", 1);
	kit_do(k, "Restart-VM", "{'Name': 'a', 'PassThru': true}");
	kit_property(k, 0, "State", "'Running'");
	assert_int_equal(vm_by_name(k->docs, "a")->boot, boot + 1);
}

static void set_and_rename(void **state)
{
	struct kit *k = *state;

	make_vm(k, "a");
	kit_what_if(k, "Set-VM", "{'Name': 'a', 'Notes': 'x', 'NewVMName': 'b'}", 1);
	kit_do(k, "Set-VM",
	       "{'Name': 'a', 'Notes': 'x', 'NewVMName': 'b', 'ProcessorCount': 4, 'MemoryStartupBytes': '64MB', "
	       "'PassThru': true}");
	kit_property(k, 0, "Name", "'b'");
	kit_property(k, 0, "Notes", "'x'");
	kit_property(k, 0, "ProcessorCount", "4");
	kit_property(k, 0, "MemoryStartup", "67108864");
	/* Its own name in another spelling is no duplicate. */
	kit_do(k, "Rename-VM", "{'Name': 'b', 'NewName': 'B', 'PassThru': true}");
	kit_property(k, 0, "Name", "'B'");
	kit_what_if(k, "Rename-VM", "{'Name': 'b', 'NewName': 'c'}", 1);
	make_vm(k, "a");
	/* The first of the two gets the name; the second fails alone. */
	kit_run(k, "Rename-VM", "{'Name': '*', 'NewName': 'c'}");
	kit_one_error(k, "Vm.NameNotUnique", "c");
	kit_do(k, "Get-VM", "{}");
	kit_names(k, "Name", "B c");
}

static void remove_vm(void **state)
{
	struct kit *k = *state;

	make_vm(k, "a");
	make_vm(k, "b");
	make_vm(k, "c");
	kit_do(k, "Start-VM", "{'Name': 'b'}");
	kit_what_if(k, "Remove-VM", "{'Name': ['a', 'c']}", 2);
	kit_run(k, "Remove-VM", "{'Name': '*', 'PassThru': true}");
	kit_one_error(k, "InvalidState", "b");
	kit_names(k, "Name", "a c");
	kit_do(k, "Get-VM", "{}");
	kit_names(k, "Name", "b");
	assert_int_equal(docs_count(k->docs, &adapter_kind), 1);
}

static void objects_from_the_pipeline(void **state)
{
	struct kit *k = *state;
	json_t *vms;

	make_vm(k, "a");
	make_vm(k, "b");
	vms = kit_get(k, "Get-VM", "{}");
	/* Objects are found by id: a rename in between does not matter. */
	kit_do(k, "Rename-VM", "{'Name': 'b', 'NewName': 'c'}");
	kit_pipe(k, "Start-VM", "{'PassThru': true}", vms);
	kit_no_errors(k);
	kit_names(k, "Name", "a c");
	kit_names(k, "State", "Running Running");
	kit_do(k, "Stop-VM", "{'Name': '*'}");
	kit_do(k, "Remove-VM", "{'Name': 'c'}");
	/* One object that is gone leaves the other. */
	kit_pipe(k, "Start-VM", "{'PassThru': true}", vms);
	kit_one_error(k, "InvalidParameter", "b");
	kit_names(k, "Name", "a");
	kit_pipe(k, "Get-VMNetworkAdapter", "{}", vms);
	kit_names(k, "VMName", "a");
	json_decref(vms);
	vms = json_pack("[s,s]", "a", "no");
	kit_pipe(k, "Get-VM", "{}", vms);
	kit_one_error(k, "InvalidParameter", "no");
	kit_names(k, "Name", "a");
	json_decref(vms);
}

static void invoke_command(void **state)
{
	struct kit *k = *state;

	make_vm(k, "a");
	make_vm(k, "b");
	make_vm(k, "c");
	kit_do(k, "Start-VM", "{'Name': ['a', 'c']}");
	kit_run(k, "Invoke-Command", "{'VMName': '*', 'ScriptBlock': 'id'}");
	kit_one_error(k, "InvalidState", "b");
	assert_int_equal(kit_count(k, "objects"), 6);
	assert_string_equal(json_string_value(json_array_get(json_object_get(k->result, "objects"), 0)), "ran id");
	assert_string_equal(json_string_value(json_array_get(json_object_get(k->result, "objects"), 1)), "second");
	assert_string_equal(json_string_value(json_array_get(json_object_get(k->result, "objects"), 2)), "?");
	kit_run(k, "Invoke-Command", "{'VMName': 'a', 'ScriptBlock': 'false'}");
	kit_one_error(k, "RemoteCommandFailed", "a");
	assert_int_equal(kit_count(k, "objects"), 4);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(k->result, "errors"), 0), "message")),
		"The command in the virtual machine \"a\" ended with status 7: last words");
	kit_run(k, "Invoke-Command", "{'VMName': ['a', 'c'], 'ScriptBlock': 'lost'}");
	assert_int_equal(kit_count(k, "errors"), 2);
	kit_do(k, "Invoke-Command", "{'VMName': 'no*', 'ScriptBlock': 'id'}");
	assert_int_equal(kit_count(k, "objects"), 0);
}

/* What was written is there after the store was opened anew. */
static void survives(void **state)
{
	struct kit *k = *state;
	_cleanup_free_ char *before = NULL, *after = NULL;
	const struct doc_kind *some[] = { &vm_kind, &adapter_kind };
	struct docs *again;
	const struct vm_doc *vm;

	make_vm(k, "a");
	kit_do(k, "Set-VM", "{'Name': 'a', 'Notes': 'kept'}");
	kit_do(k, "Start-VM", "{'Name': 'a'}");
	assert_int_equal(docs_open(k->store, some, ARRAY_SIZE(some), &again, NULL), 0);
	vm = vm_by_name(again, "a");
	assert_true(doc_equal(&vm_kind, vm, vm_by_name(k->docs, "a")));
	assert_string_equal(vm->notes, "kept");
	assert_int_equal(docs_count(again, &adapter_kind), 1);
	docs_free(again);
}

static void what_if_new(void **state)
{
	kit_what_if(*state, "New-VM", "{'Name': 'a', 'Engine': 'Namespace'}", 1);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(((struct kit *)*state)->result, "whatIf"), 0)),
		"What if: Performing the operation \"New-VM\" on target \"a\".");
}

int vm_tests(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(new_vm),	  kit_test(new_vm_defaults), kit_test(what_if_new),
		kit_test(refusals),	  kit_test(get_vm),	     kit_test(names_before_wildcards),
		kit_test(start_and_stop), kit_test(start_broken),    kit_test(restart),
		kit_test(set_and_rename), kit_test(remove_vm),	     kit_test(objects_from_the_pipeline),
		kit_test(invoke_command), kit_test(survives),
	};

	return cmocka_run_group_tests_name("feature/vm", tests, NULL, NULL);
}
