/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "checkpoint.h"
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

/* ---- checkpoints ---- */

static struct guid vm_id(struct kit *k, const char *name)
{
	return vm_by_name(k->docs, name)->id;
}

/* What is to be done next, as text: the world is what the test says it is. */
static void expect_next(struct kit *k, const char *vm, enum copy_kind kind, const char *top)
{
	struct guid id = vm_id(k, vm);
	struct copy_want w = copy_next(k->docs, &id);

	assert_int_equal(w.kind, kind);
	if (top)
		assert_string_equal(w.top->path, top);
}

/* Does it, as the engine would. */
static void do_next(struct kit *k, const char *vm, bool memory)
{
	struct guid id = vm_id(k, vm);
	struct copy_want w = copy_next(k->docs, &id);

	docs_begin(k->docs);
	if (w.kind == COPY_CHECKPOINT)
		copy_checkpointed(k->docs, w.checkpoint, memory ? CHECKPOINT_STANDARD : w.checkpoint->type, memory);
	else if (w.kind == COPY_RESTORE)
		copy_restored(k->docs, &id);
	else if (w.kind == COPY_MERGE)
		copy_merged(k->docs, w.top);
	else
		copy_deleted(k->docs, w.top);
	assert_int_equal(docs_commit(k->docs, NULL, NULL), 0);
}

static char *disk_path(struct kit *k)
{
	const struct drive_doc *drive;

	for (size_t pos = 0; (drive = docs_next(k->docs, &drive_kind, &pos));)
		if (drive->path)
			return xstrdup(drive->path);
	return NULL;
}

static void with_disk_of(struct kit *k, const char *path, unsigned generation)
{
	_cleanup_free_ char *text = xasprintf("{'Name': 'v', 'VHDPath': '%s', 'Generation': %u}", path, generation);

	k->machines = (struct host_machines){ .nested = true };
	kit_do(k, "New-VM", text);
}

static void with_disk(struct kit *k, const char *path)
{
	with_disk_of(k, path, 1);
}

static void take(struct kit *k, const char *name)
{
	_cleanup_free_ char *text = xasprintf("{'Name': 'v', 'SnapshotName': '%s'}", name);

	kit_do(k, "Checkpoint-VM", text);
	do_next(k, "v", false);
}

static void checkpoint_chain(void **state)
{
	_cleanup_free_ char *one = NULL, *two = NULL, *now = NULL;
	struct kit *k = *state;

	with_disk(k, "/d/a.img");
	kit_do(k, "Checkpoint-VM", "{'Name': 'v', 'SnapshotName': '1'}");
	expect_next(k, "v", COPY_CHECKPOINT, NULL);
	kit_refused(k, "Checkpoint-VM", "{'Name': 'v'}", "Checkpoint.Busy");
	kit_refused(k, "Remove-VMSnapshot", "{'VMName': 'v'}", "Checkpoint.Busy");
	kit_refused(k, "Remove-VM", "{'Name': 'v'}", "Checkpoint.Busy");
	do_next(k, "v", false);
	expect_next(k, "v", COPY_NOTHING, NULL);
	one = disk_path(k);
	assert_non_null(strstr(one, "/d/a_"));
	assert_string_equal(one + strlen(one) - 6, ".qcow2");
	take(k, "2");
	two = disk_path(k);
	kit_refused(k, "Resize-VHD", "{'Path': '/d/a.img', 'SizeBytes': '1GB'}", "Checkpoint.ImageKept");
	/* The same stem, another id. */
	assert_int_equal(strlen(one), strlen(two));
	kit_do(k, "Get-VMSnapshot", "{'VMName': 'v'}");
	kit_names(k, "Name", "1 2");
	kit_property(k, 1, "ParentSnapshotName", "'1'");
	kit_do(k, "Get-VM", "{'Name': 'v'}");
	kit_property(k, 0, "ParentCheckpointName", "'2'");
	/* The older goes: its image is merged with the one above, which the newer checkpoint keeps from now on. */
	kit_do(k, "Remove-VMSnapshot", "{'VMName': 'v', 'Name': '1'}");
	expect_next(k, "v", COPY_MERGE, one);
	do_next(k, "v", false);
	expect_next(k, "v", COPY_DELETE, one);
	do_next(k, "v", false);
	expect_next(k, "v", COPY_NOTHING, NULL);
	assert_string_equal(image_get(k->docs, two)->backing, "/d/a.img");
	/* Restoring makes a new overlay on it; the one that was in use goes. */
	kit_do(k, "Restore-VMSnapshot", "{'VMName': 'v', 'Name': '2'}");
	expect_next(k, "v", COPY_RESTORE, NULL);
	kit_refused(k, "Restore-VMSnapshot", "{'VMName': 'v', 'Name': '2'}", "Checkpoint.Busy");
	do_next(k, "v", false);
	expect_next(k, "v", COPY_DELETE, two);
	do_next(k, "v", false);
	now = disk_path(k);
	assert_string_equal(image_get(k->docs, now)->backing, "/d/a.img");
	kit_do(k, "Remove-VM", "{'Name': 'v'}");
	assert_int_equal(docs_count(k->docs, &checkpoint_kind), 0);
	assert_int_equal(docs_count(k->docs, &image_kind), 1);
}

/* Two branches on one image: it stays until only one of them is left. */
static void checkpoint_branches(void **state)
{
	_cleanup_free_ char *left = NULL, *right = NULL;
	struct kit *k = *state;

	with_disk(k, "/d/a.qcow2");
	take(k, "root");
	take(k, "left");
	left = disk_path(k);
	kit_do(k, "Restore-VMSnapshot", "{'VMName': 'v', 'Name': 'root'}");
	do_next(k, "v", false);
	expect_next(k, "v", COPY_DELETE, left);
	do_next(k, "v", false);
	right = disk_path(k);
	kit_do(k, "Remove-VMSnapshot", "{'VMName': 'v', 'Name': 'root'}");
	expect_next(k, "v", COPY_NOTHING, NULL);
	kit_do(k, "Remove-VMSnapshot", "{'VMName': 'v', 'Name': 'left'}");
	expect_next(k, "v", COPY_DELETE, NULL);
	do_next(k, "v", false);
	expect_next(k, "v", COPY_MERGE, right);
	do_next(k, "v", false);
	do_next(k, "v", false);
	assert_int_equal(docs_count(k->docs, &image_kind), 0);
	free(TAKE_PTR(right));
	right = disk_path(k);
	assert_string_equal(right, "/d/a.qcow2");
}

/* A saved machine's images stay as its state names them; a subtree goes at once; memory goes with its checkpoint. */
static void checkpoint_saved_and_subtree(void **state)
{
	struct kit *k = *state;

	with_disk(k, "/d/a.qcow2");
	kit_do(k, "Start-VM", "{'Name': 'v'}");
	kit_do(k, "Checkpoint-VM", "{'Name': 'v', 'SnapshotName': '1'}");
	do_next(k, "v", true);
	kit_do(k, "Get-VMSnapshot", "{'VMName': 'v'}");
	kit_property(k, 0, "State", "'Saved'");
	kit_property(k, 0, "CheckpointType", "'Standard'");
	kit_do(k, "Restore-VMSnapshot", "{'VMName': 'v', 'Name': '1'}");
	kit_do(k, "Get-VM", "{'Name': 'v'}");
	do_next(k, "v", false);
	do_next(k, "v", false);
	kit_refused(k, "Checkpoint-VM", "{'Name': 'v'}", "InvalidState");
	kit_do(k, "Remove-VMSnapshot", "{'VMName': 'v', 'Name': '1'}");
	expect_next(k, "v", COPY_DELETE, NULL);
	do_next(k, "v", false);
	expect_next(k, "v", COPY_NOTHING, NULL);
	kit_do(k, "Remove-VMSavedState", "{'Name': 'v'}");
	expect_next(k, "v", COPY_MERGE, NULL);
	do_next(k, "v", false);
	do_next(k, "v", false);
	take(k, "a");
	take(k, "b");
	take(k, "c");
	kit_do(k, "Remove-VMSnapshot", "{'VMName': 'v', 'Name': 'b', 'IncludeAllChildSnapshots': true}");
	kit_do(k, "Get-VMSnapshot", "{'VMName': 'v'}");
	kit_names(k, "Name", "a");
	kit_do(k, "Get-VM", "{'Name': 'v'}");
	kit_property(k, 0, "ParentCheckpointName", "'a'");
	kit_do(k, "Rename-VMSnapshot", "{'VMName': 'v', 'Name': 'a', 'NewName': 'z', 'PassThru': true}");
	kit_property(k, 0, "Name", "'z'");
}

static void checkpoint_refusals(void **state)
{
	static const struct refusal cases[] = {
		REFUSED("Checkpoint-VM", "{'Name': 'no'}", "InvalidParameter"),
		REFUSED("Checkpoint-VM", "{'Name': 'ns'}", "Vm.NotAMachine"),
		REFUSED("Checkpoint-VM", "{'Name': 'v', 'SnapshotName': 'a\\u0001'}", "InvalidName"),
		REFUSED("Checkpoint-VM", "{'Name': 'off'}", "Checkpoint.Disabled"),
		REFUSED("Get-VMSnapshot", "{'VMName': 'v', 'Name': 'no'}", "InvalidParameter"),
		REFUSED("Get-VMSnapshot", "{'Id': '11111111-2222-3333-4444-555555555555'}", "InvalidParameter"),
		REFUSED("Restore-VMSnapshot", "{'VMName': 'v', 'Name': 'no'}", "InvalidParameter"),
		REFUSED("Restore-VMSnapshot", "{'VMName': 'v', 'Name': 'twice'}", "Checkpoint.NameNotUnique"),
		REFUSED("Remove-VMSnapshot", "{'VMName': 'v', 'Name': 'no'}", "InvalidParameter"),
		REFUSED("Rename-VMSnapshot", "{'VMName': 'v', 'Name': 'once', 'NewName': ' '}", "InvalidName"),
		REFUSED("Rename-VMSnapshot", "{'VMName': 'v', 'Name': 'no', 'NewName': 'x'}", "InvalidParameter"),
	};
	struct kit *k = *state;

	with_disk(k, "/d/a.qcow2");
	take(k, "once");
	take(k, "twice");
	take(k, "twice");
	kit_do(k, "New-VM", "{'Name': 'ns', 'Engine': 'Namespace'}");
	kit_do(k, "New-VM", "{'Name': 'off'}");
	kit_do(k, "Set-VM", "{'Name': 'off', 'CheckpointType': 'Disabled', 'PassThru': true}");
	kit_property(k, 0, "CheckpointType", "'Disabled'");
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
}

/* ---- exported machines; what is read from files is in tests/netns/test_copies.py and fuzzed ---- */

/* -VMSnapshot (cmdlets.md 3.1, 3.2): what was kept, whatever the machine has become, and nothing of what it does. */
static void checkpoint_shown(void **state)
{
	static const char *const refused[][2] = {
		{ "Get-VMProcessor", "Set-VMProcessor" }, { "Get-VMNetworkAdapter", "Remove-VMNetworkAdapter" },
		{ "Get-VMHardDiskDrive", "Remove-VMHardDiskDrive" }, { "Get-VMNetworkAdapter", "Get-VMNetworkAdapterAcl" },
	};
	_cleanup_free_ char *before = NULL, *after = NULL;
	struct kit *k = *state;
	json_t *one;

	with_disk_of(k, "/d/a.img", 2);
	kit_do(k, "New-VMSwitch", "{'Name': 's', 'SwitchType': 'Private'}");
	kit_do(k, "Connect-VMNetworkAdapter", "{'VMName': 'v', 'SwitchName': 's'}");
	kit_do(k, "Add-VMNetworkAdapterAcl", "{'VMName': 'v', 'Action': 'Meter', 'Direction': 'Inbound', 'RemoteIPAddress': '10.0.0.0/8'}");
	kit_do(k, "Set-VMProcessor", "{'VMName': 'v', 'Count': 3}");
	take(k, "kept");
	kit_do(k, "Set-VMProcessor", "{'VMName': 'v', 'Count': 5}");
	kit_do(k, "Set-VMMemory", "{'VMName': 'v', 'StartupBytes': '2GB'}");
	kit_do(k, "Set-VMFirmware", "{'VMName': 'v', 'EnableSecureBoot': 'Off'}");
	kit_do(k, "Remove-VMNetworkAdapter", "{'VMName': 'v'}");
	kit_do(k, "Add-VMHardDiskDrive", "{'VMName': 'v', 'Path': '/d/b.img'}");
	kit_do(k, "Rename-VM", "{'Name': 'v', 'NewName': 'w'}");
	kit_do(k, "Start-VM", "{'Name': 'w'}");
	one = kit_get(k, "Get-VMSnapshot", "{'VMName': 'w'}");
	before = kit_snapshot(k);
	kit_pipe(k, "Get-VMProcessor", "{}", one);
	kit_no_errors(k);
	kit_property(k, 0, "Count", "3");
	kit_property(k, 0, "VMName", "'w'");
	kit_property(k, 0, "VMSnapshotName", "'kept'");
	kit_pipe(k, "Get-VMMemory", "{}", one);
	kit_property(k, 0, "Startup", "536870912");
	kit_pipe(k, "Get-VMFirmware", "{}", one);
	kit_property(k, 0, "SecureBoot", "'On'");
	kit_pipe(k, "Get-VMHardDiskDrive", "{}", one);
	kit_names(k, "Path", "/d/a.img");
	kit_pipe(k, "Get-VMDvdDrive", "{}", one);
	kit_names(k, "Path", "");
	kit_pipe(k, "Get-VMNetworkAdapter", "{'Name': 'Network*'}", one);
	kit_names(k, "SwitchName", "s");
	kit_property(k, 0, "Status", "''");
	kit_property(k, 0, "IPAddresses", "[]");
	kit_pipe(k, "Get-VMNetworkAdapterVlan", "{}", one);
	kit_names(k, "OperationMode", "Untagged");
	kit_pipe(k, "Get-VMNetworkAdapterAcl", "{}", one);
	kit_names(k, "RemoteIPAddress", "10.0.0.0/8");
	kit_property(k, 0, "MeteredBytes", "null");
	kit_pipe(k, "Get-VMNetworkAdapterExtendedAcl", "{}", one);
	kit_names(k, "Action", "");
	kit_pipe(k, "Get-VMBios", "{}", one);
	kit_one_error(k, "Vm.WrongGeneration", "w");
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		json_t *kept;

		kit_pipe(k, refused[i][0], "{}", one);
		kept = json_incref(json_object_get(k->result, "objects"));
		kit_pipe(k, refused[i][1], "{}", kept);
		kit_one_error(k, "Checkpoint.ReadOnly", "kept");
		json_decref(kept);
	}
	after = kit_snapshot(k);
	assert_string_equal(before, after);
	kit_do(k, "Get-VMProcessor", "{'VMName': 'w'}");
	kit_property(k, 0, "Count", "5");
	kit_do(k, "Get-VMNetworkAdapter", "{'VMName': 'w'}");
	kit_names(k, "Name", "");
	kit_do(k, "Remove-VMSnapshot", "{'VMName': 'w'}");
	kit_pipe(k, "Get-VMProcessor", "{}", one);
	kit_one_error(k, "InvalidParameter", "kept");
	json_decref(one);
}

static void exported(void **state)
{
	struct kit *k = *state;

	with_disk_of(k, "/d/a.img", 2);
	kit_do(k, "Add-VMHardDiskDrive", "{'VMName': 'v', 'Path': '/other/a.img'}");
	take(k, "c");
	kit_what_if(k, "Export-VM", "{'Name': 'v', 'Path': '/out'}", 1);
	assert_null(k->exported);
	kit_do(k, "Export-VM", "{'Name': 'v', 'Path': '/out', 'PassThru': true}");
	kit_names(k, "Name", "v");
	/* A chain of images: what one lies on comes before it, and no two have the same name. */
	assert_non_null(strstr(k->exported, "/out/v /d/a.img raw Virtual Hard Disks/a.img raw - /d/a_"));
	assert_non_null(strstr(k->exported, ".qcow2 qcow2 a.img /other/a.img raw Virtual Hard Disks/2-a.img raw - /other/a_"));
	assert_non_null(strstr(k->exported, ".qcow2 qcow2 2-a.img /var/lib/nestor/machines/"));
	assert_non_null(strstr(k->exported, ".secure.fd Snapshots/"));
	kit_what_if(k, "Export-VMSnapshot", "{'Name': 'c', 'VMName': 'v', 'Path': '/out'}", 1);
	kit_do(k, "Export-VMSnapshot", "{'Name': 'c', 'VMName': 'v', 'Path': '/out', 'PassThru': true}");
	kit_names(k, "Name", "c");
	/* As it was then, each disk whole; nothing of what kept it meanwhile is left. */
	assert_non_null(strstr(k->exported, "/out/v /d/a.img raw Virtual Hard Disks/a.img raw - /other/a.img raw Virtual Hard Disks/2-a.img raw - "));
	assert_null(strstr(k->exported, " Snapshots/"));
	assert_int_equal(docs_count(k->docs, &checkpoint_kind), 1);
	kit_refused(k, "Export-VMSnapshot", "{'Name': 'no', 'VMName': 'v', 'Path': '/out'}", "InvalidParameter");
	kit_refused(k, "Export-VMSnapshot", "{'Name': 'c', 'VMName': 'v', 'Path': 'out'}", "Vm.PathInvalid");
	kit_refused(k, "Export-VM", "{'Name': 'v', 'Path': 'out'}", "Vm.PathInvalid");
	kit_refused(k, "Import-VM", "{'Path': '/nowhere/at/all'}", "Import.NotFound");
	kit_refused(k, "Import-VM", "{'Path': '/nowhere', 'Domain': 'v'}", "AmbiguousParameterSet");
	kit_do(k, "Rename-VM", "{'Name': 'v', 'NewName': '..b'}");
	kit_refused(k, "Export-VM", "{'Name': '..b', 'Path': '/out'}", "Export.NameUnusable");
	kit_do(k, "Start-VM", "{'Name': '..b'}");
	kit_do(k, "New-VM", "{'Name': 'ns', 'Engine': 'Namespace'}");
	kit_refused(k, "Export-VM", "{'Name': 'ns', 'Path': '/out'}", "Vm.NotAMachine");
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
		kit_test(checkpoint_chain),
		kit_test(checkpoint_branches),
		kit_test(checkpoint_saved_and_subtree),
		kit_test(checkpoint_refusals),
		kit_test(checkpoint_shown),
		kit_test(exported),
	};

	return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}
