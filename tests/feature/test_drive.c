/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

/* Drives of virtual machines as documents and rules; what runs is in tests/netns/test_disks.py. */

static void machines(struct kit *k)
{
	k->machines = (struct host_machines){ .nested = true };
	kit_do(k, "New-VM", "{'Name': 'one', 'VHDPath': '/d/one.qcow2'}");
	kit_do(k, "New-VM", "{'Name': 'two', 'Generation': 2, 'VHDPath': '/d/two.img'}");
}

/* As Hyper-V's: the disk first, a DVD drive in generation 1; none where a kernel is booted. */
static void made_with_the_machine(void **state)
{
	struct kit *k = *state;

	machines(k);
	kit_do(k, "New-VM", "{'Name': 'direct', 'KernelPath': '/k'}");
	kit_do(k, "New-VM", "{'Name': 'ns', 'Engine': 'Namespace'}");
	kit_do(k, "Get-VMHardDiskDrive", "{'VMName': '*'}");
	kit_names(k, "Name", "Hard Drive on IDE controller number 0 at location 0 Hard Drive on SCSI controller number 0 at location 0");
	kit_names(k, "VMName", "one two");
	kit_names(k, "Path", "/d/one.qcow2 /d/two.img");
	kit_do(k, "Get-VMDvdDrive", "{'VMName': '*'}");
	kit_names(k, "Name", "DVD Drive on IDE controller number 1 at location 0");
	kit_property(k, 0, "DvdMediaType", "'None'");
	kit_property(k, 0, "Path", "null");
	kit_do(k, "Get-VM", "{'Name': 'two'}");
	kit_property(k, 0, "DVDDrives", "[]");
	kit_do(k, "Remove-VM", "{'Name': 'one'}");
	kit_do(k, "Get-VMHardDiskDrive", "{'VMName': '*'}");
	kit_names(k, "VMName", "two");
}

/* The first free place: IDE while there is one and the machine is off, then SCSI. */
static void places(void **state)
{
	struct kit *k = *state;

	machines(k);
	kit_do(k, "Add-VMHardDiskDrive", "{'VMName': '*', 'Path': '/d/more.raw', 'PassThru': true}");
	kit_names(k, "Name", "Hard Drive on IDE controller number 0 at location 1 Hard Drive on SCSI controller number 0 at location 1");
	kit_do(k, "Add-VMHardDiskDrive", "{'VMName': 'one', 'ControllerType': 'SCSI', 'ControllerLocation': 7, 'Path': '/d/b.VHD', 'PassThru': true}");
	kit_names(k, "Name", "Hard Drive on SCSI controller number 0 at location 7");
	kit_do(k, "Add-VMDvdDrive", "{'VMName': 'one', 'PassThru': true}");
	kit_names(k, "Name", "DVD Drive on IDE controller number 1 at location 1");
	kit_do(k, "Add-VMDvdDrive", "{'VMName': 'one', 'ControllerNumber': 2, 'Path': '/d/x.iso', 'PassThru': true}");
	kit_names(k, "Name", "DVD Drive on SCSI controller number 2 at location 0");
	kit_property(k, 0, "DvdMediaType", "'ISO'");
	kit_do(k, "Start-VM", "{'Name': '*'}");
	kit_do(k, "Remove-VMHardDiskDrive", "{'VMName': 'one', 'ControllerType': 'SCSI', 'ControllerNumber': 0, 'ControllerLocation': 7}");
	kit_do(k, "Add-VMHardDiskDrive", "{'VMName': 'one', 'Path': '/d/hot.qcow2', 'PassThru': true}");
	kit_names(k, "Name", "Hard Drive on SCSI controller number 0 at location 0");
	kit_do(k, "Add-VMHardDiskDrive", "{'VMName': 'one', 'ControllerType': 'SCSI', 'ControllerNumber': 2, 'Path': '/d/hot2.qcow2'}");
}

static void changed(void **state)
{
	struct kit *k = *state;
	json_t *drives;

	machines(k);
	drives = kit_get(k, "Get-VMHardDiskDrive", "{'VMName': 'one'}");
	kit_pipe(k, "Set-VMHardDiskDrive", "{'Path': '/d/new.vhd', 'ToControllerType': 'SCSI', 'ToControllerLocation': 3, 'PassThru': true}", drives);
	json_decref(drives);
	kit_no_errors(k);
	kit_names(k, "Path", "/d/new.vhd");
	kit_names(k, "Name", "Hard Drive on SCSI controller number 0 at location 3");
	kit_do(k, "Set-VMDvdDrive", "{'VMName': 'one', 'Path': '/d/a.iso'}");
	kit_do(k, "Start-VM", "{'Name': 'one'}");
	/* A medium, at any time. */
	kit_do(k, "Set-VMDvdDrive", "{'VMName': 'one', 'Path': '/d/b.iso'}");
	kit_do(k, "Get-VMDvdDrive", "{'VMName': 'one'}");
	kit_names(k, "Path", "/d/b.iso");
	kit_do(k, "Set-VMDvdDrive", "{'VMName': 'one', 'Path': null}");
	kit_do(k, "Get-VMDvdDrive", "{'VMName': 'one'}");
	kit_property(k, 0, "Path", "null");
	drives = kit_get(k, "Get-VMHardDiskDrive", "{'VMName': '*'}");
	kit_pipe(k, "Remove-VMHardDiskDrive", "{}", drives);
	json_decref(drives);
	kit_no_errors(k);
	kit_do(k, "Get-VM", "{'Name': 'one'}");
	kit_property(k, 0, "HardDrives", "[]");
}

/* As scripts of Hyper-V use them; a controller that a drive is on need not have been added. */
static void controllers(void **state)
{
	static const struct refusal bad[] = {
		REFUSED("Add-VMScsiController", "{'VMName': 'no'}", "InvalidParameter"),
		REFUSED("Add-VMScsiController", "{'VMName': 'ns'}", "Vm.NotAMachine"),
		REFUSED("Add-VMScsiController", "{'VMName': 'two'}", "Drive.TooManyControllers"),
		REFUSED("Remove-VMScsiController", "{'VMName': 'two', 'ControllerNumber': 0}", "Drive.ControllerNeeded"),
		REFUSED("Remove-VMScsiController", "{'VMName': 'two', 'ControllerNumber': 2}", "Drive.ControllerNeeded"),
		REFUSED("Remove-VMScsiController", "{'VMName': 'two', 'ControllerNumber': 3}", "Drive.ControllerInUse"),
		REFUSED("Remove-VMScsiController", "{'VMName': 'one', 'ControllerNumber': 1}", "Drive.ControllerNotFound"),
		REFUSED("Remove-VMScsiController", "{'VMName': 'two'}", "MissingMandatoryParameter"),
		REFUSED("Get-VMScsiController", "{'VMName': 'one', 'ControllerNumber': 1}", "Drive.ControllerNotFound"),
		REFUSED("Get-VMIdeController", "{'VMName': 'two', 'ControllerNumber': 0}", "Drive.ControllerNotFound"),
	};
	struct kit *k = *state;
	json_t *one, *drives;

	machines(k);
	kit_do(k, "New-VM", "{'Name': 'ns', 'Engine': 'Namespace'}");
	kit_do(k, "Get-VMScsiController", "{'VMName': '*'}");
	kit_names(k, "VMName", "one two");
	kit_do(k, "Get-VMIdeController", "{'VMName': '*'}");
	kit_names(k, "Name", "IDE Controller 0 IDE Controller 1");
	kit_do(k, "Add-VMScsiController", "{'VMName': 'two', 'PassThru': true}");
	kit_property(k, 0, "ControllerNumber", "1");
	kit_do(k, "Start-VM", "{'Name': 'two'}");
	kit_refused(k, "Add-VMScsiController", "{'VMName': 'two'}", "InvalidState");
	one = kit_get(k, "Get-VMScsiController", "{'VMName': 'two', 'ControllerNumber': 1}");
	kit_pipe(k, "Add-VMHardDiskDrive", "{'Path': '/d/b.img', 'PassThru': true}", one);
	kit_no_errors(k);
	kit_names(k, "Name", "Hard Drive on SCSI controller number 1 at location 0");
	kit_pipe(k, "Add-VMHardDiskDrive", "{'Path': '/d/c.img', 'ControllerLocation': 7, 'PassThru': true}", one);
	kit_names(k, "Name", "Hard Drive on SCSI controller number 1 at location 7");
	kit_pipe(k, "Add-VMHardDiskDrive", "{'Path': '/d/d.img', 'ControllerNumber': 2}", one);
	kit_one_error(k, "InputObjectNotBound", NULL);
	kit_pipe(k, "Get-VMHardDiskDrive", "{}", one);
	kit_names(k, "Path", "/d/b.img /d/c.img");
	/* What is on it is in the object. */
	kit_do(k, "Get-VMScsiController", "{'VMName': 'two', 'ControllerNumber': 1}");
	drives = json_object_get(json_array_get(json_object_get(k->result, "objects"), 0), "Drives");
	assert_int_equal(json_array_size(drives), 2);
	kit_do(k, "Stop-VM", "{'Name': 'two', 'TurnOff': true}");
	kit_pipe(k, "Add-VMDvdDrive", "{'PassThru': true}", one);
	kit_property(k, 0, "ControllerNumber", "1");
	kit_do(k, "Add-VMHardDiskDrive", "{'VMName': 'two', 'ControllerNumber': 3, 'Path': '/d/e.img'}");
	kit_do(k, "Get-VMScsiController", "{'VMName': 'two'}");
	assert_int_equal(kit_count(k, "objects"), 4);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		kit_refused(k, bad[i].cmdlet, bad[i].parameters, bad[i].id);
	kit_do(k, "Remove-VMHardDiskDrive", "{'VMName': 'two', 'ControllerType': 'SCSI', 'ControllerNumber': 3, 'ControllerLocation': 0}");
	kit_do(k, "Get-VMScsiController", "{'VMName': 'two'}");
	assert_int_equal(kit_count(k, "objects"), 2);
	kit_do(k, "Add-VMScsiController", "{'VMName': 'two'}");
	kit_what_if(k, "Add-VMScsiController", "{'VMName': 'two'}", 1);
	kit_what_if(k, "Remove-VMScsiController", "{'VMName': 'two', 'ControllerNumber': 2}", 1);
	json_decref(one);
	one = kit_get(k, "Get-VMScsiController", "{'VMName': 'two', 'ControllerNumber': 2}");
	kit_pipe(k, "Remove-VMScsiController", "{}", one);
	kit_no_errors(k);
	kit_pipe(k, "Remove-VMScsiController", "{}", one);
	kit_one_error(k, "Drive.ControllerNotFound", "two");
	json_decref(one);
	one = kit_get(k, "Get-VMIdeController", "{'VMName': 'one', 'ControllerNumber': 1}");
	kit_pipe(k, "Remove-VMScsiController", "{}", one);
	kit_one_error(k, "Drive.ControllerNotFound", "one");
	kit_pipe(k, "Add-VMHardDiskDrive", "{'Path': '/d/ide.img', 'PassThru': true}", one);
	kit_names(k, "Name", "Hard Drive on IDE controller number 1 at location 1");
	json_decref(one);
}

static void what_if(void **state)
{
	struct kit *k = *state;

	machines(k);
	kit_what_if(k, "Add-VMHardDiskDrive", "{'VMName': '*', 'Path': '/d/c.img'}", 2);
	kit_what_if(k, "Set-VMHardDiskDrive", "{'VMName': 'one', 'Path': '/d/c.img'}", 1);
	kit_what_if(k, "Remove-VMHardDiskDrive", "{'VMName': 'one', 'ControllerType': 'IDE', 'ControllerNumber': 0, 'ControllerLocation': 0}", 1);
	kit_what_if(k, "Add-VMDvdDrive", "{'VMName': 'two'}", 1);
	kit_what_if(k, "Set-VMDvdDrive", "{'VMName': 'one', 'Path': '/d/c.iso'}", 1);
	kit_what_if(k, "Remove-VMDvdDrive", "{'VMName': 'one', 'ControllerNumber': 1, 'ControllerLocation': 0}", 1);
}

static void refusals(void **state)
{
	static const struct refusal cases[] = {
		REFUSED("New-VM", "{'Name': 'x', 'VHDPath': 'd/x.qcow2'}", "Vm.PathInvalid"),
		REFUSED("New-VM", "{'Name': 'x', 'VHDPath': '/d/x'}", "Vhd.FormatUnknown"),
		REFUSED("New-VM", "{'Name': 'x', 'VHDPath': '/d/.img'}", "Vhd.FormatUnknown"),
		REFUSED("New-VM", "{'Name': 'x', 'VHDPath': '/d/x.vhdx'}", "Drive.FormatUnavailable"),
		REFUSED("New-VM", "{'Name': 'x', 'VHDPath': '/d/x.img', 'NoVHD': true}", "AmbiguousParameterSet"),
		REFUSED("New-VM", "{'Name': 'x', 'VHDPath': '/d/x.img', 'Engine': 'Namespace'}", "AmbiguousParameterSet"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'off', 'Path': '/d/x.iso'}", "Vhd.FormatUnknown"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'off', 'Path': '/d/\\u0007.img'}", "Vm.PathInvalid"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'off'}", "MissingMandatoryParameter"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'no', 'Path': '/d/x.img'}", "InvalidParameter"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'ns', 'Path': '/d/x.img'}", "Vm.NotAMachine"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'off', 'Path': '/d/off.img'}", "Drive.ImageAttached"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'off', 'ControllerType': 'IDE', 'Path': '/d/x.img'}", "Drive.NoPlace"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'off', 'ControllerType': 'SCSI', 'ControllerNumber': 0, 'ControllerLocation': 0, 'Path': '/d/x.img'}",
			"Drive.PlaceInUse"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'off', 'ControllerType': 'IDE', 'ControllerNumber': 0, 'ControllerLocation': 0, 'Path': '/d/x.img'}",
			"Drive.PlaceInvalid"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'on', 'ControllerType': 'IDE', 'ControllerNumber': 0, 'ControllerLocation': 2, 'Path': '/d/x.img'}",
			"Drive.PlaceInvalid"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'off', 'ControllerNumber': 4, 'Path': '/d/x.img'}", "ParameterArgumentValidationError"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'off', 'ControllerLocation': 64, 'Path': '/d/x.img'}", "ParameterArgumentValidationError"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'off', 'ControllerType': 'NVMe', 'Path': '/d/x.img'}", "ParameterArgumentTransformationError"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'on', 'ControllerType': 'IDE', 'ControllerNumber': 0, 'ControllerLocation': 1, 'Path': '/d/x.img'}",
			"InvalidState"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'on', 'ControllerType': 'IDE', 'Path': '/d/x.img'}", "Drive.NoPlace"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'on', 'ControllerType': 'SCSI', 'ControllerNumber': 1, 'Path': '/d/x.img'}", "InvalidState"),
		REFUSED("Add-VMDvdDrive", "{'VMName': 'on', 'ControllerType': 'SCSI'}", "InvalidState"),
		REFUSED("Remove-VMHardDiskDrive", "{'VMName': 'on', 'ControllerType': 'IDE', 'ControllerNumber': 0, 'ControllerLocation': 0}",
			"InvalidState"),
		REFUSED("Remove-VMHardDiskDrive", "{'VMName': 'off', 'ControllerType': 'SCSI', 'ControllerNumber': 0, 'ControllerLocation': 9}",
			"Drive.NotFound"),
		REFUSED("Remove-VMHardDiskDrive", "{'VMName': 'off'}", "MissingMandatoryParameter"),
		REFUSED("Set-VMHardDiskDrive", "{'VMName': 'on', 'Path': '/d/x.img'}", "InvalidState"),
		REFUSED("Set-VMHardDiskDrive", "{'VMName': 'off', 'ToControllerType': 'IDE'}", "Drive.PlaceInvalid"),
		REFUSED("Set-VMHardDiskDrive", "{'VMName': '*', 'Path': '/d/x.img'}", "Drive.NotUnique"),
		REFUSED("Set-VMHardDiskDrive", "{'VMHardDiskDrive': {'Id': '11111111-2222-3333-4444-555555555555', 'Name': 'gone'}, 'Path': '/x.img'}",
			"Drive.NotFound"),
		REFUSED("Set-VMDvdDrive", "{'VMName': 'on', 'Path': '/d/x.img'}", "Vhd.FormatUnknown"),
		REFUSED("Set-VMDvdDrive", "{'VMName': 'on', 'ToControllerLocation': 1}", "InvalidState"),
		REFUSED("Add-VMDvdDrive", "{'VMName': 'ns'}", "Vm.NotAMachine"),
		REFUSED("Get-VMDvdDrive", "{'VMName': 'no'}", "InvalidParameter"),
	};
	struct kit *k = *state;

	k->machines = (struct host_machines){ .nested = true };
	kit_do(k, "New-VM", "{'Name': 'ns', 'Engine': 'Namespace'}");
	kit_do(k, "New-VM", "{'Name': 'on', 'VHDPath': '/d/on.img'}");
	kit_do(k, "Start-VM", "{'Name': 'on'}");
	kit_do(k, "New-VM", "{'Name': 'off', 'Generation': 2, 'VHDPath': '/d/off.img'}");
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
	kit_do(k, "Save-VM", "{'Name': 'on'}");
	kit_refused(k, "Add-VMHardDiskDrive", "{'VMName': 'on', 'Path': '/d/x.img'}", "InvalidState");
	kit_refused(k, "Set-VMDvdDrive", "{'VMName': 'on', 'Path': '/d/x.iso'}", "InvalidState");
}

int drive_tests(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(made_with_the_machine), kit_test(places), kit_test(changed), kit_test(controllers), kit_test(what_if), kit_test(refusals),
	};

	return cmocka_run_group_tests_name("drives", tests, NULL, NULL);
}
