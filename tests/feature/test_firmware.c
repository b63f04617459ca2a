/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

/* Boot orders as documents; that they are kept to is in tests/netns/test_disks.py. */

static void machines(struct kit *k)
{
	k->machines = (struct host_machines){ .nested = true };
	kit_do(k, "New-VM", "{'Name': 'one', 'VHDPath': '/d/one.qcow2'}");
	kit_do(k, "New-VM", "{'Name': 'two', 'Generation': 2, 'VHDPath': '/d/two.img'}");
}

static void bios(void **state)
{
	struct kit *k = *state;

	machines(k);
	kit_do(k, "Set-VMBios", "{'VMName': 'one', 'StartupOrder': ['LegacyNetworkAdapter', 'IDE', 'IDE'], 'PassThru': true}");
	kit_property(k, 0, "StartupOrder", "['LegacyNetworkAdapter','IDE','CD','Floppy']");
	kit_do(k, "New-VM", "{'Name': 'net', 'BootDevice': 'NetworkAdapter'}");
	kit_do(k, "Get-VMBios", "{'VMName': 'net'}");
	kit_property(k, 0, "StartupOrder", "['LegacyNetworkAdapter','CD','IDE','Floppy']");
	kit_what_if(k, "Set-VMBios", "{'VMName': 'one', 'StartupOrder': 'CD'}", 1);
}

/* The types of all boot sources, in order. */
static void order(struct kit *k, const char *vm, const char *expected)
{
	_cleanup_free_ char *parameters = xasprintf("{'VMName': '%s'}", vm);
	json_t *firmware, *sources, *source;
	struct str all = { 0 };
	size_t i;

	firmware = kit_get(k, "Get-VMFirmware", parameters);
	sources = json_object_get(json_array_get(firmware, 0), "BootOrder");
	json_array_foreach(sources, i, source)
		str_addf(&all, "%s%s", i ? ", " : "", json_string_value(json_object_get(source, "Name")));
	assert_string_equal(str_get(&all), expected);
	str_done(&all);
	json_decref(firmware);
}

#define DISK "Hard Drive on SCSI controller number 0 at location 0"
#define DVD "DVD Drive on SCSI controller number 0 at location 1"

static void set_first(struct kit *k, const char *getter)
{
	json_t *found = kit_get(k, getter, "{'VMName': 'two'}"), *request = json_object();
	_cleanup_free_ char *text = NULL;

	json_object_set_new(request, "VMName", json_string("two"));
	json_object_set(request, "FirstBootDevice", json_array_get(found, 0));
	text = json_dumps(request, 0);
	kit_do(k, "Set-VMFirmware", text);
	json_decref(request);
	json_decref(found);
}

/* What was first stays ahead of what never was; what is not there any more is passed over. */
static void uefi(void **state)
{
	struct kit *k = *state;

	machines(k);
	kit_do(k, "Add-VMDvdDrive", "{'VMName': 'two'}");
	order(k, "two", DISK ", " DVD ", Network Adapter");
	set_first(k, "Get-VMNetworkAdapter");
	order(k, "two", "Network Adapter, " DISK ", " DVD);
	set_first(k, "Get-VMDvdDrive");
	order(k, "two", DVD ", Network Adapter, " DISK);
	kit_do(k, "Remove-VMDvdDrive", "{'VMName': 'two', 'ControllerNumber': 0, 'ControllerLocation': 1}");
	order(k, "two", "Network Adapter, " DISK);
	kit_do(k, "Get-VMFirmware", "{'VMName': 'two'}");
	kit_property(k, 0, "SecureBoot", "'On'");
	kit_do(k, "Set-VMFirmware", "{'VMName': 'two', 'EnableSecureBoot': 'Off', 'PassThru': true}");
	kit_property(k, 0, "SecureBoot", "'Off'");
	kit_do(k, "New-VM", "{'Name': 'cd', 'Generation': 2, 'VHDPath': '/d/c.img', 'BootDevice': 'CD'}");
	order(k, "cd", DVD ", " DISK ", Network Adapter");
	kit_what_if(k, "Set-VMFirmware", "{'VMName': 'two', 'EnableSecureBoot': 'On'}", 1);
}

static void refusals(void **state)
{
	static const struct refusal cases[] = {
		REFUSED("New-VM", "{'Name': 'x', 'Generation': 2, 'BootDevice': 'IDE'}", "Vm.BootDeviceUnavailable"),
		REFUSED("New-VM", "{'Name': 'x', 'Generation': 2, 'BootDevice': 'Floppy'}", "Vm.BootDeviceUnavailable"),
		REFUSED("New-VM", "{'Name': 'x', 'BootDevice': 'USB'}", "ParameterArgumentTransformationError"),
		REFUSED("New-VM", "{'Name': 'x', 'UserDataPath': 'u'}", "Vm.PathInvalid"),
		REFUSED("New-VM", "{'Name': 'x', 'Engine': 'Namespace', 'UserDataPath': '/u'}", "AmbiguousParameterSet"),
		REFUSED("Set-VM", "{'Name': 'two', 'UserDataPath': 'u'}", "Vm.PathInvalid"),
		REFUSED("Set-VM", "{'Name': 'ns', 'UserDataPath': '/u'}", "Vm.NotAMachine"),
		REFUSED("Set-VM", "{'Name': 'on', 'UserDataPath': null}", "InvalidState"),
		REFUSED("Get-VMFirmware", "{'VMName': 'one'}", "Vm.WrongGeneration"),
		REFUSED("Get-VMBios", "{'VMName': 'two'}", "Vm.WrongGeneration"),
		REFUSED("Set-VMFirmware", "{'VMName': 'one', 'EnableSecureBoot': 'Off'}", "Vm.WrongGeneration"),
		REFUSED("Set-VMFirmware", "{'VMName': 'ns', 'EnableSecureBoot': 'Off'}", "Vm.NotAMachine"),
		REFUSED("Set-VMFirmware", "{'VMName': 'two', 'FirstBootDevice': {'Id': '11111111-2222-3333-4444-555555555555'}}",
			"Vm.BootDeviceUnknown"),
		REFUSED("Set-VMFirmware", "{'VMName': 'two', 'BootOrder': [{}]}", "Vm.BootDeviceUnknown"),
		REFUSED("Set-VMFirmware", "{'VMName': 'two', 'BootOrder': [{}], 'FirstBootDevice': {}}", "AmbiguousParameterSet"),
		REFUSED("Set-VMBios", "{'VMName': 'one', 'StartupOrder': 'USB'}", "ParameterArgumentTransformationError"),
		REFUSED("Set-VMBios", "{'VMName': 'on', 'StartupOrder': 'CD'}", "InvalidState"),
	};
	struct kit *k = *state;

	machines(k);
	kit_do(k, "New-VM", "{'Name': 'ns', 'Engine': 'Namespace'}");
	kit_do(k, "New-VM", "{'Name': 'on'}");
	kit_do(k, "Start-VM", "{'Name': 'on'}");
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
}

int firmware_tests(void)
{
	const struct CMUnitTest tests[] = { kit_test(bios), kit_test(uefi), kit_test(refusals) };

	return cmocka_run_group_tests_name("firmware", tests, NULL, NULL);
}
