/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

/* Virtual hard disks: what is asked of the host for which cmdlet; that qemu-img does it is in tests/netns/test_disks.py. */

static void job(const struct kit *k, const char *expected)
{
	assert_non_null(k->last_image);
	assert_string_equal(k->last_image, expected);
}

static void made(void **state)
{
	struct kit *k = *state;

	kit_do(k, "New-VHD", "{'Path': '/d/a.qcow2', 'SizeBytes': '8MB'}");
	kit_property(k, 0, "VhdFormat", "'QCOW2'");
	kit_property(k, 0, "VhdType", "'Dynamic'");
	kit_property(k, 0, "Size", "8388608");
	kit_property(k, 0, "Attached", "false");
	kit_do(k, "New-VHD", "{'Path': ['a.raw', '/d/b.VHDX'], 'SizeBytes': '8MB', 'Fixed': true}");
	kit_names(k, "Path", "/images/a.raw /d/b.VHDX");
	kit_names(k, "VhdType", "Fixed Dynamic");
	kit_run(k, "New-VHD", "{'Path': ['/d/full.raw', '/d/b.vhd'], 'SizeBytes': '8MB'}");
	kit_one_error(k, "Vhd.DiskFull", "/d/full.raw");
	kit_names(k, "Path", "/d/b.vhd");
	kit_what_if(k, "New-VHD", "{'Path': ['/d/1.raw', '/d/2.vhd'], 'SizeBytes': '8MB'}", 2);
}

static void differencing(void **state)
{
	struct kit *k = *state;

	kit_do(k, "New-VHD", "{'Path': '/d/child.qcow2', 'ParentPath': 'base.img', 'Differencing': true}");
	kit_property(k, 0, "VhdType", "'Differencing'");
	kit_property(k, 0, "ParentPath", "'/d/parent.qcow2'");
	/* What was asked last is about the parent of what was made. */
	job(k, "info qcow2 /d/parent.qcow2 0 in-use parent - - target - -");
	kit_refused(k, "New-VHD", "{'Path': '/d/x.vhdx', 'ParentPath': '/d/base.img', 'Differencing': true}", "Vhd.Unsupported");
	kit_refused(k, "New-VHD", "{'Path': '/d/x.qcow2', 'ParentPath': '/d/wrong.img', 'Differencing': true}", "Vhd.WrongFormat");
	job(k, "info - /d/wrong.img 0 parent - - target - -");
	kit_refused(k, "New-VHD", "{'Path': '/d/x.qcow2', 'ParentPath': '/d/busy.img', 'Differencing': true}", "Vhd.InUse");
}

static void looked_at(void **state)
{
	struct kit *k = *state;
	json_t *vms;

	k->machines = (struct host_machines){ .nested = true };
	kit_do(k, "New-VM", "{'Name': 'a', 'VHDPath': '/d/a.qcow2'}");
	job(k, "info qcow2 /d/a.qcow2 0 in-use parent - - target - -");
	kit_do(k, "Start-VM", "{'Name': 'a'}");
	kit_do(k, "Get-VHD", "{'Path': ['/d/a.qcow2', '/d/b.img']}");
	kit_names(k, "VhdType", "Dynamic Fixed");
	kit_property(k, 0, "Attached", "true");
	kit_property(k, 1, "Attached", "false");
	kit_run(k, "Get-VHD", "{'Path': ['/d/missing.qcow2', '/d/b.img']}");
	kit_one_error(k, "Vhd.NotFound", "/d/missing.qcow2");
	kit_names(k, "Path", "/d/b.img");
	vms = kit_get(k, "Get-VM", "{}");
	kit_pipe(k, "Get-VHD", "{}", vms);
	json_decref(vms);
	kit_names(k, "Path", "/d/a.qcow2");
}

static void changed(void **state)
{
	struct kit *k = *state;

	kit_do(k, "Resize-VHD", "{'Path': '/d/a.qcow2', 'SizeBytes': '16MB'}");
	job(k, "resize qcow2 /d/a.qcow2 16777216 parent - - target - -");
	kit_do(k, "Resize-VHD", "{'Path': '/d/a.qcow2', 'SizeBytes': '4MB', 'Shrink': true}");
	job(k, "resize qcow2 /d/a.qcow2 4194304 shrink parent - - target - -");
	kit_do(k, "Convert-VHD", "{'Path': '/d/a.vhdx', 'DestinationPath': 'b.qcow2'}");
	job(k, "convert vhdx /d/a.vhdx 0 parent - - target /images/b.qcow2 qcow2");
	kit_do(k, "Convert-VHD", "{'Path': '/d/a.vhdx', 'DestinationPath': '/d/b.vhd', 'VHDType': 'Fixed', 'PassThru': true}");
	kit_names(k, "Path", "/d/b.vhd");
	kit_what_if(k, "Convert-VHD", "{'Path': '/d/a.vhdx', 'DestinationPath': '/d/b.vhd', 'DeleteSource': true}", 1);
	kit_what_if(k, "Resize-VHD", "{'Path': '/d/a.vhdx', 'SizeBytes': '16MB'}", 1);
}

static void refusals(void **state)
{
	static const struct refusal cases[] = {
		REFUSED("New-VHD", "{'Path': '/d/x', 'SizeBytes': '8MB'}", "Vhd.FormatUnknown"),
		REFUSED("New-VHD", "{'Path': 'd/x.img', 'SizeBytes': '8MB'}", "Vm.PathInvalid"),
		REFUSED("New-VHD", "{'Path': '/d/x.img'}", "MissingMandatoryParameter"),
		REFUSED("New-VHD", "{'Path': '/d/x.img', 'SizeBytes': '1KB'}", "ParameterArgumentValidationError"),
		REFUSED("New-VHD", "{'Path': '/d/x.img', 'SizeBytes': 1048577}", "Vhd.SizeInvalid"),
		REFUSED("New-VHD", "{'Path': '/d/x.img', 'SizeBytes': '100TB'}", "ParameterArgumentValidationError"),
		REFUSED("New-VHD", "{'Path': '/d/x.img', 'SizeBytes': '8MB', 'Fixed': true, 'ParentPath': '/p.img'}", "AmbiguousParameterSet"),
		REFUSED("Get-VHD", "{'Path': '/d/missing.img'}", "Vhd.NotFound"),
		REFUSED("Get-VHD", "{'Path': '/d/wrong.img'}", "Vhd.WrongFormat"),
		REFUSED("Get-VHD", "{'Path': '/d/x.iso'}", "Vhd.FormatUnknown"),
		REFUSED("Resize-VHD", "{'Path': '/d/x.img', 'SizeBytes': '4MB'}", "Vhd.WouldShrink"),
		REFUSED("Resize-VHD", "{'Path': '/d/busy.img', 'SizeBytes': '16MB'}", "Vhd.InUse"),
		REFUSED("Resize-VHD", "{'Path': '/d/on.img', 'SizeBytes': '16MB'}", "Vhd.InUse"),
		REFUSED("Convert-VHD", "{'Path': '/d/x.img', 'DestinationPath': '/d/x'}", "Vhd.FormatUnknown"),
		REFUSED("Convert-VHD", "{'Path': '/d/on.img', 'DestinationPath': '/d/y.qcow2'}", "Vhd.InUse"),
		REFUSED("Convert-VHD", "{'Path': '/d/off.img', 'DestinationPath': '/d/y.qcow2', 'DeleteSource': true}", "Vhd.InUse"),
		REFUSED("Convert-VHD", "{'Path': '/d/x.img', 'DestinationPath': '/d/y.qcow2', 'VHDType': 'Differencing'}", "Vhd.Unsupported"),
		/* An image that is attached is looked at, before anything is written. */
		REFUSED("New-VM", "{'Name': 'x', 'VHDPath': '/d/missing.qcow2'}", "Vhd.NotFound"),
		REFUSED("New-VM", "{'Name': 'x', 'VHDPath': '/d/wrong.raw'}", "Vhd.WrongFormat"),
		REFUSED("New-VM", "{'Name': 'x', 'NewVHDPath': '/d/full.qcow2', 'NewVHDSizeBytes': '8MB'}", "Vhd.DiskFull"),
		REFUSED("New-VM", "{'Name': 'x', 'NewVHDPath': '/d/x.qcow2'}", "MissingMandatoryParameter"),
		REFUSED("New-VM", "{'Name': 'x', 'NewVHDSizeBytes': '8MB'}", "MissingMandatoryParameter"),
		REFUSED("New-VM", "{'Name': 'x', 'NewVHDPath': '/d/x.qcow2', 'NewVHDSizeBytes': '8MB', 'VHDPath': '/d/y.img'}", "AmbiguousParameterSet"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'off', 'Path': '/d/missing.img'}", "Vhd.NotFound"),
		REFUSED("Add-VMHardDiskDrive", "{'VMName': 'on', 'Path': '/d/busy.img'}", "Vhd.InUse"),
		REFUSED("Set-VMHardDiskDrive", "{'VMName': 'off', 'Path': '/d/wrong.img'}", "Vhd.WrongFormat"),
		REFUSED("Set-VMDvdDrive", "{'VMName': 'on', 'Path': '/d/missing.iso'}", "Vhd.NotFound"),
	};
	struct kit *k = *state;

	k->machines = (struct host_machines){ .nested = true };
	kit_do(k, "New-VM", "{'Name': 'on', 'VHDPath': '/d/on.img'}");
	kit_do(k, "Start-VM", "{'Name': 'on'}");
	kit_do(k, "New-VM", "{'Name': 'off', 'VHDPath': '/d/off.img'}");
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
	/* A machine that is off may wait for what another uses. */
	kit_do(k, "Add-VMHardDiskDrive", "{'VMName': 'off', 'Path': '/d/busy.img'}");
	kit_do(k, "New-VM", "{'Name': 'new', 'Generation': 2, 'NewVHDPath': 'n.qcow2', 'NewVHDSizeBytes': '8MB'}");
	job(k, "create qcow2 /images/n.qcow2 8388608 parent - - target - -");
	kit_do(k, "Get-VMHardDiskDrive", "{'VMName': 'new'}");
	kit_names(k, "Path", "/images/n.qcow2");
}

static void told(void **state)
{
	struct kit *k = *state;

	kit_do(k, "Convert-VHD", "{'Path': '/d/a.vhdx', 'DestinationPath': 'b.qcow2', 'PassThru': true}");
	kit_told(k, "Converting /d/a.vhdx 1/1 -;Converting /d/a.vhdx 1/1 25;Converting /d/a.vhdx 1/1 75;");
	kit_do(k, "New-VHD", "{'Path': ['/d/a.raw', '/d/b.raw'], 'SizeBytes': '8MB', 'Fixed': true}");
	kit_told(k, "Creating /d/a.raw 1/2 -;Creating /d/b.raw 2/2 -;");
	kit_do(k, "Resize-VHD", "{'Path': '/d/a.qcow2', 'SizeBytes': '16MB'}");
	kit_told(k, "Resizing /d/a.qcow2 1/1 -;");
	kit_do(k, "Get-VHD", "{'Path': '/d/a.qcow2'}");
	kit_told(k, "");
}

int vhd_tests(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(made), kit_test(differencing), kit_test(looked_at), kit_test(changed), kit_test(refusals), kit_test(told),
	};

	return cmocka_run_group_tests_name("virtual hard disks", tests, NULL, NULL);
}
