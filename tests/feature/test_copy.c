/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "domain_parse.h"
#include "kit.h"

/* Virtual machines from elsewhere as documents and rules; real ones are in tests/netns/test_copies.py. */

#define HEAD                                                                                                   \
	"<domain type='qemu'><name>theirs</name><uuid>11111111-2222-3333-4444-555555555555</uuid>"              \
	"<memory unit='MiB'>192</memory><vcpu>2</vcpu><os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type>"
#define PLAIN HEAD "<kernel>/k</kernel><cmdline>a &amp; b</cmdline></os>"
#define PC                                                                                             \
	"<domain type='qemu'><name>theirs</name><uuid>11111111-2222-3333-4444-555555555555</uuid>"      \
	"<memory unit='MiB'>192</memory><vcpu>2</vcpu><os><type machine='pc-i440fx-7.2'>hvm</type></os>"
#define NIC "<interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/><model type='virtio'/></interface>"

static void found(struct kit *k, const char *xml)
{
	k->machines = (struct host_machines){ .nested = true };
	k->domain = (struct host_domain){ .found = true, .persistent = true, .xml = xml };
}

static void domain_taken_in(void **state)
{
	struct kit *k = *state;

	found(k, PLAIN "<description>hers</description><devices>" NIC "</devices></domain>");
	kit_do(k, "New-VMSwitch", "{'Name': 's', 'SwitchType': 'Private'}");
	kit_what_if(k, "Import-VM", "{'Domain': 'theirs'}", 1);
	kit_do(k, "Import-VM", "{'Domain': 'theirs', 'SwitchName': 's'}");
	assert_int_equal(kit_count(k, "warnings"), 0);
	kit_property(k, 0, "Id", "'11111111-2222-3333-4444-555555555555'");
	kit_property(k, 0, "Name", "'theirs'");
	kit_property(k, 0, "State", "'Off'");
	kit_property(k, 0, "Generation", "2");
	kit_property(k, 0, "ProcessorCount", "2");
	kit_property(k, 0, "MemoryStartup", "201326592");
	kit_property(k, 0, "Notes", "'hers'");
	kit_property(k, 0, "NestedHypervisor", "'NotExposed'");
	kit_do(k, "Get-VMNetworkAdapter", "{'VMName': 'theirs'}");
	kit_property(k, 0, "MacAddress", "'525400000001'");
	kit_property(k, 0, "SwitchName", "'s'");
	kit_refused(k, "Import-VM", "{'Domain': 'theirs'}", "Vm.NameNotUnique");
	kit_do(k, "Rename-VM", "{'Name': 'theirs', 'NewName': 'ours'}");
	kit_refused(k, "Import-VM", "{'Domain': 'theirs'}", "Import.IdInUse");
}

/* Disks keep their places; those of other buses move, where that is allowed. */
static void domain_with_disks(void **state)
{
	struct kit *k = *state;

	found(k, PC "<devices><disk type='file' device='disk'><source file='/b'/><target dev='vda' bus='virtio'/></disk>"
		    "<disk type='file' device='disk'><driver type='qcow2'/><source file='/a.qcow2'/><target dev='sda' bus='scsi'/>"
		    "<address type='drive' controller='0' bus='0' target='0' unit='0'/></disk>"
		    "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/>"
		    "<address type='drive' controller='0' bus='1' target='0' unit='1'/></disk></devices></domain>");
	kit_refused(k, "Import-VM", "{'Domain': 'theirs'}", "Import.WouldLose");
	kit_do(k, "Import-VM", "{'Domain': 'theirs', 'Force': true}");
	kit_property(k, 0, "Generation", "1");
	kit_do(k, "Get-VMHardDiskDrive", "{'VMName': 'theirs'}");
	kit_names(k, "Path", "/a.qcow2 /b");
	kit_names(k, "ControllerType", "SCSI SCSI");
	kit_property(k, 1, "ControllerLocation", "1");
	kit_do(k, "Get-VMDvdDrive", "{'VMName': 'theirs'}");
	kit_property(k, 0, "ControllerNumber", "1");
	kit_property(k, 0, "ControllerLocation", "1");
}

/* NV-1: what is required by name is exposed; connections that are lost are told. */
static void domain_with_extensions(void **state)
{
	struct kit *k = *state;

	found(k, PLAIN "<cpu mode='host-model'><feature policy='require' name='svm'/></cpu><devices>" NIC "</devices></domain>");
	kit_do(k, "Import-VM", "{'Domain': 'theirs'}");
	kit_property(k, 0, "NestedHypervisor", "'Exposed'");
	kit_warning(k, "connected to network default and is not");
	k->machines.nested = false;
	kit_do(k, "Remove-VM", "{'Name': 'theirs'}");
	kit_refused(k, "Import-VM", "{'Domain': 'theirs'}", "Nested.HostUnsupported");
}

static void domain_refused_by_state(void **state)
{
	struct kit *k = *state;

	found(k, PLAIN "</domain>");
	k->domain.on = true;
	kit_refused(k, "Import-VM", "{'Domain': 'theirs'}", "Import.DomainNotOff");
	k->domain.on = k->domain.persistent = false;
	kit_refused(k, "Import-VM", "{'Domain': 'theirs'}", "Import.DomainNotOff");
	k->domain.persistent = k->domain.saved = true;
	kit_refused(k, "Import-VM", "{'Domain': 'theirs'}", "Import.DomainSaved");
	k->domain.saved = false;
	k->domain.snapshots = true;
	kit_refused(k, "Import-VM", "{'Domain': 'theirs'}", "Import.DomainSnapshots");
	k->domain.snapshots = false;
	k->domain.marked = true;
	kit_refused(k, "Import-VM", "{'Domain': 'theirs'}", "Import.DomainInUse");
	k->domain = (struct host_domain){ 0 };
	kit_refused(k, "Import-VM", "{'Domain': 'theirs'}", "Import.DomainNotFound");
	k->machines.missing = "there is no socket";
	kit_refused(k, "Import-VM", "{'Domain': 'theirs'}", "Vm.EngineUnavailable");
}

/* Each by its name, nothing is dropped in silence. */
static void domain_refused_by_what_it_has(void **state)
{
	static const struct {
		const char *xml, *id;
	} cases[] = {
		{ "", "Import.DomainNotUnderstood" },
		{ "<network><name>theirs</name></network>", "Import.DomainNotUnderstood" },
		{ "<!DOCTYPE x [<!ENTITY y 'z'>]>" PLAIN "</domain>", "Import.DomainNotUnderstood" },
		{ "<domain type='kvm'><name>theirs</name></domain>", "Import.DomainNotUnderstood" },
		{ PLAIN "<devices><hostdev mode='subsystem'/></devices></domain>", "Import.CannotHold" },
		{ PLAIN "<devices><quantum/></devices></domain>", "Import.CannotHold" },
		{ PLAIN "<devices><tpm/></devices></domain>", "Import.CannotHold" },
		{ PLAIN "<unheard/></domain>", "Import.CannotHold" },
		{ PLAIN "<memoryBacking/></domain>", "Import.CannotHold" },
		{ PLAIN "<devices><interface type='user'><mac address='52:54:00:00:00:01'/><model type='e1000'/></interface></devices></domain>",
		  "Import.CannotHold" },
		{ PLAIN "<devices><interface type='user'><model type='virtio'/></interface></devices></domain>", "Import.CannotHold" },
		{ PLAIN "<devices><disk type='block' device='disk'><target dev='sda' bus='sata'/></disk></devices></domain>", "Import.CannotHold" },
		{ PLAIN "<devices><disk type='file' device='disk'><target dev='hda' bus='ide'/></disk></devices></domain>", "Import.WouldLose" },
		{ PLAIN "<devices><disk type='file' device='disk'><driver type='vhdx'/><source file='/a'/><target dev='sda' bus='scsi'/></disk></devices></domain>",
		  "Import.CannotHold" },
		{ PLAIN "<devices><disk type='file' device='disk'><source file='a'/><target dev='sda' bus='scsi'/></disk></devices></domain>",
		  "Vm.PathInvalid" },
		{ PLAIN "<devices><disk type='file' device='disk'><source file='/a'/><target dev='sda' bus='scsi'/></disk>"
		  "<disk type='file' device='disk'><source file='/a'/><target dev='sdb' bus='scsi'/></disk></devices></domain>", "Drive.ImageAttached" },
		{ PLAIN "<devices><disk type='file' device='disk'><source file='/a'/><target dev='sda' bus='scsi'/>"
		  "<address type='drive' controller='9' bus='0' target='0' unit='0'/></disk></devices></domain>", "Drive.PlaceInvalid" },
		{ PLAIN "<devices><graphics type='vnc'/></devices></domain>", "Import.WouldLose" },
		{ PLAIN "<clock offset='localtime'/></domain>", "Import.WouldLose" },
		{ "<domain type='kvm'><name>theirs</name><uuid>11111111-2222-3333-4444-555555555555</uuid><os><type machine='microvm'>hvm</type></os></domain>",
		  "Import.CannotHold" },
		{ HEAD "</os></domain>", "Import.CannotHold" },
		{ "<domain type='kvm'><name>theirs</name><uuid>11111111-2222-3333-4444-555555555555</uuid><memory>1024</memory>"
		  "<vcpu>1</vcpu><os><type machine='pc'>hvm</type></os></domain>", "Vm.SizeInvalid" },
		{ HEAD "<kernel>relative</kernel></os></domain>", "Vm.PathInvalid" },
	};
	struct kit *k = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		found(k, cases[i].xml);
		kit_refused(k, "Import-VM", "{'Domain': 'theirs'}", cases[i].id);
	}
	found(k, PLAIN "</domain>");
	kit_refused(k, "Import-VM", "{'Domain': 'theirs', 'SwitchName': 'no'}", "InvalidParameter");
	found(k, PLAIN "<devices><graphics type='vnc'/></devices></domain>");
	kit_do(k, "Import-VM", "{'Domain': 'theirs', 'Force': true}");
	kit_warning(k, "graphics: there is the serial console alone");
}

static void domain_parsed(void **state)
{
	struct domain_info d;
	const char *why;
	const char *xml = PC "<devices>"
			       "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/a'/><target dev='sdb' bus='scsi'/>"
			       "<address type='drive' controller='1' bus='0' target='7' unit='0'/></disk>"
			       "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/>"
			       "<address type='drive' controller='0' bus='1' target='0' unit='0'/></disk>"
			       "<disk type='file' device='disk'><source file='/b'/><target dev='vda' bus='virtio'/></disk></devices></domain>";

	(void)state;
	assert_int_equal(domain_parse(xml, strlen(xml), &d, &why), 0);
	assert_int_equal(d.disks.n, 3);
	assert_true(d.disks.items[0].scsi && d.disks.items[0].placed && !d.disks.items[0].dvd);
	assert_int_equal(d.disks.items[0].number, 1);
	assert_int_equal(d.disks.items[0].location, 7);
	assert_string_equal(d.disks.items[0].format, "qcow2");
	assert_true(d.disks.items[1].dvd && !d.disks.items[1].scsi && !d.disks.items[1].path && d.disks.items[1].placed);
	assert_int_equal(d.disks.items[1].number, 1);
	assert_true(d.disks.items[2].scsi && !d.disks.items[2].placed);
	assert_int_equal(d.changed.n, 1);
	assert_string_equal(d.changed.items[0], "disk vda: moved from virtio to a SCSI controller");
	assert_int_equal(d.refused.n, 0);
	domain_info_done(&d);
	assert_int_equal(domain_parse(xml, DOMAIN_XML_MAX + 1, &d, &why), -EMSGSIZE);
}

int copy_tests(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(domain_taken_in),
		kit_test(domain_with_disks),
		kit_test(domain_with_extensions),
		kit_test(domain_refused_by_state),
		kit_test(domain_refused_by_what_it_has),
		cmocka_unit_test(domain_parsed),
	};

	return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}
