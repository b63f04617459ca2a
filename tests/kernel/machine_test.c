/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_test.h"

#include "libvirt_memory.h"
#include "libvirt_nics.h"
#include "libvirt_step.h"
#include "machine.h"
#include "machine_test.h"
#include "seed.h"
#include "vec.h"

/* The whole text that libvirt is given. What libvirt makes of it is tested by tests/netns/test_machines.py. */

static struct machine_spec spec_of(const struct machine_nic *nics, size_t n)
{
	struct machine_spec s = { .name = "L1", .memory = { .startup = 1ull << 30 }, .processors = 2, .nics = nics, .n_nics = n, .boot = 7 };

	assert_ok(guid_parse("11111111-2222-3333-4444-555555555555", &s.id));
	return s;
}

static char *xml_of(const struct machine_spec *s, const struct machine_host *host)
{
	struct str xml = { 0 };

	machine_xml(s, host, "0123abcd", "/state/machines/x.log", &xml);
	return str_take(&xml);
}

/* MACHINE_NICS_MAX and a few more. */
#define PORT "    <controller type='pci' model='pcie-root-port'/>\n"
#define PORTS_4 PORT PORT PORT PORT

static void emulated_machine(void **state)
{
	struct machine_host host = { .accel = MACHINE_TCG };
	struct machine_nic nic = { .tap = "np0011223344", .mtu = 1458, .connected = true };
	struct machine_spec s = spec_of(&nic, 1);
	_cleanup_free_ char *xml = NULL;

	(void)state;
	assert_ok(mac_parse("00155D010203", &nic.mac));
	s.kernel = "/boot/vmlinuz";
	s.initrd = "/boot/initrd";
	s.command_line = "console=ttyS0 a=\"<&'>\"\n";
	s.nested = true;
	xml = xml_of(&s, &host);
	assert_string_equal(
		xml,
		"<domain type='qemu'>\n"
		"  <name>L1</name>\n"
		"  <uuid>11111111-2222-3333-4444-555555555555</uuid>\n"
		"  <maxMemory slots='1' unit='b'>4294967296</maxMemory>\n"
		"  <memory unit='b'>4294967296</memory>\n"
		"  <currentMemory unit='b'>1073741824</currentMemory>\n"
		"  <vcpu placement='static'>2</vcpu>\n"
		"  <os>\n"
		"    <type arch='x86_64' machine='q35'>hvm</type>\n"
		"    <kernel>/boot/vmlinuz</kernel>\n"
		"    <initrd>/boot/initrd</initrd>\n"
		"    <cmdline>console=ttyS0 a=&quot;&lt;&amp;&apos;&gt;&quot; </cmdline>\n"
		"  </os>\n"
		"  <features>\n    <acpi/>\n    <apic/>\n  </features>\n"
		"  <cpu mode='custom' match='exact' check='none'>\n"
		"    <model fallback='forbid'>EPYC</model>\n"
		"    <feature policy='require' name='svm'/>\n"
		"    <feature policy='require' name='npt'/>\n"
		"    <numa>\n      <cell id='0' cpus='0-1' memory='1073741824' unit='b'/>\n    </numa>\n"
		"  </cpu>\n"
		"  <clock offset='utc'/>\n"
		"  <on_poweroff>destroy</on_poweroff>\n"
		"  <on_reboot>restart</on_reboot>\n"
		"  <on_crash>destroy</on_crash>\n"
		"  <devices>\n    <controller type='pci' model='pcie-root'/>\n" PORTS_4 PORTS_4 PORTS_4 PORTS_4
		"    <controller type='scsi' index='0' model='virtio-scsi'/>\n"
		"    <interface type='ethernet'>\n"
		"      <mac address='00:15:5d:01:02:03'/>\n"
		"      <target dev='np0011223344' managed='no'/>\n"
		"      <model type='virtio'/>\n"
		"      <mtu size='1458'/>\n"
		"      <alias name='ua-nestor-nic-np0011223344'/>\n"
		"    </interface>\n"
		"    <serial type='pty'>\n"
		"      <log file='/state/machines/x.log' append='on'/>\n"
		"      <target port='0'/>\n"
		"    </serial>\n"
		"    <console type='pty'>\n"
		"      <target type='serial' port='0'/>\n"
		"    </console>\n"
		"    <channel type='unix'>\n"
		"      <target type='virtio' name='org.qemu.guest_agent.0'/>\n"
		"    </channel>\n"
		"    <controller type='usb' model='none'/>\n"
		"    <video>\n      <model type='none'/>\n    </video>\n"
		"    <memory model='virtio-mem'>\n"
		"      <target>\n"
		"        <size unit='b'>3221225472</size>\n"
		"        <node>0</node>\n"
		"        <block unit='b'>2097152</block>\n"
		"        <requested unit='b'>0</requested>\n"
		"      </target>\n"
		"      <alias name='ua-nestor-memory'/>\n"
		"    </memory>\n"
		"    <panic model='isa'/>\n"
		"    <memballoon model='virtio' freePageReporting='on'>\n      <stats period='1'/>\n    </memballoon>\n"
		"    <rng model='virtio'>\n      <backend model='random'>/dev/urandom</backend>\n    </rng>\n"
		"  </devices>\n"
		"  <metadata>\n"
		"    <nestor:machine xmlns:nestor='urn:nestor:machine:1' instance='0123abcd' boot='7' memory='1073741824' limit='4294967296' "
		"digest='" EMULATED_DIGEST "' drives='cbf29ce484222325'/>\n"
		"  </metadata>\n"
		"</domain>\n");
}

static void assert_has(const char *xml, const char *part)
{
	if (!strstr(xml, part))
		fail_msg("%s is not in:\n%s", part, xml);
}

/* NV-1: whoever is not given the extensions is denied them by name, because the model may have them. */
static void extensions(void **state)
{
	static const struct {
		struct machine_host host;
		bool nested;
		const char *cpu;
	} cases[] = {
		{ { MACHINE_TCG, .nested = true }, false, "<feature policy='disable' name='svm'/>\n    <feature policy='disable' name='npt'/>" },
		{ { MACHINE_KVM, .intel = true }, false, "<cpu mode='host-passthrough' check='none'>\n    <feature policy='disable' name='vmx'/>\n    <numa>" },
		{ { MACHINE_KVM, .intel = true }, true, "<feature policy='require' name='vmx'/>\n    <numa>" },
		{ { MACHINE_KVM }, true, "<feature policy='require' name='svm'/>\n    <numa>" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine_spec s = spec_of(NULL, 0);
		_cleanup_free_ char *xml = NULL;

		s.nested = cases[i].nested;
		xml = xml_of(&s, &cases[i].host);
		assert_has(xml, cases[i].cpu);
		assert_has(xml, cases[i].host.accel == MACHINE_KVM ? "<domain type='kvm'>" : "<domain type='qemu'>");
	}
}

static void firmware(void **state)
{
	struct machine_host host = { 0 };
	struct machine_spec s = spec_of(NULL, 0);
	_cleanup_free_ char *bios = xml_of(&s, &host), *uefi = NULL;

	(void)state;
	s.firmware = MACHINE_UEFI;
	s.nvram = "/s/x.fd";
	uefi = xml_of(&s, &host);
	assert_has(uefi, "<feature enabled='no' name='enrolled-keys'/>\n      <feature enabled='no' name='secure-boot'/>\n    </firmware>\n"
			 "    <nvram>/s/x.fd</nvram>\n");
	assert_null(strstr(uefi, "smm"));
	free(uefi);
	s.secure_boot = true;
	uefi = xml_of(&s, &host);
	assert_has(uefi, "<feature enabled='yes' name='enrolled-keys'/>\n      <feature enabled='yes' name='secure-boot'/>\n");
	assert_has(uefi, "<smm state='on'/>");
	assert_has(bios, "  <os>\n    <type arch='x86_64' machine='q35'>hvm</type>\n  </os>");
	assert_has(uefi, "  <os firmware='efi'>\n");
	s.firmware = MACHINE_BIOS;
	s.i440fx = true;
	free(uefi);
	uefi = xml_of(&s, &host);
	assert_has(uefi, "  <os>\n    <type arch='x86_64' machine='pc'>hvm</type>\n");
}

/* Names are by place, and no two places share one; the last SCSI place is the machine's own. */
static void drive_targets(void **state)
{
	static const struct {
		struct machine_drive drive;
		const char *target;
	} cases[] = {
		{ { .number = 0, .location = 0 }, "hda" }, { { .number = 1, .location = 1 }, "hdd" },
		{ { .scsi = true }, "sda" }, { { .scsi = true, .location = 25 }, "sdz" }, { { .scsi = true, .location = 26 }, "sdaa" },
		{ { .scsi = true, .location = MACHINE_SCSI_OWN }, "sdbm" }, { { .scsi = true, .number = 1 }, "sdbn" },
		{ { .scsi = true, .number = 3, .location = 63 }, "sdiy" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char target[MACHINE_TARGET_SIZE];

		assert_string_equal(machine_drive_target(&cases[i].drive, target), cases[i].target);
	}
}

static void drives(void **state)
{
	struct machine_host host = { 0 };
	struct machine_drive list[] = {
		{ .path = "/d/a&b.qcow2", .format = "qcow2", .number = 1, .boot = 1 },
		{ .dvd = true, .scsi = true, .number = 1, .location = 5, .format = "raw", .boot = 2 },
	};
	struct machine_nic nic = { .tap = "np0", .mtu = 1500, .boot = 3 };
	struct machine_spec s = spec_of(&nic, 1);
	struct machine_mark one, other;
	_cleanup_free_ char *xml = NULL, *again = NULL;
	_cleanup_str_ struct str plugged = { 0 };

	(void)state;
	assert_ok(guid_parse("11111111-2222-3333-4444-555555555555", &list[0].id));
	s.drives = list;
	s.n_drives = ARRAY_SIZE(list);
	xml = xml_of(&s, &host);
	assert_has(xml, "    <disk type='file' device='disk'>\n"
			"      <driver name='qemu' type='qcow2' discard='unmap'/>\n"
			"      <source file='/d/a&amp;b.qcow2'/>\n"
			"      <target dev='hdc' bus='ide'/>\n"
			"      <serial>11111111222233334444</serial>\n"
			"      <boot order='1'/>\n"
			"      <address type='drive' controller='0' bus='1' target='0' unit='0'/>\n"
			"    </disk>\n"
			"    <disk type='file' device='cdrom'>\n"
			"      <driver name='qemu' type='raw'/>\n"
			"      <target dev='sdbs' bus='scsi'/>\n"
			"      <readonly/>\n"
			"      <boot order='2'/>\n"
			"      <address type='drive' controller='1' bus='0' target='5' unit='0'/>\n"
			"    </disk>\n"
			"    <controller type='scsi' index='0' model='virtio-scsi'/>\n"
			"    <controller type='scsi' index='1' model='virtio-scsi'/>\n");
	assert_has(xml, "      <mtu size='1500'/>\n      <boot order='3'/>\n");
	/* The order is no part of what can change while it runs. */
	machine_drive_xml(&list[0], false, &plugged);
	assert_null(strstr(str_get(&plugged), "order"));
	assert_true(machine_mark_parse(strstr(xml, "<nestor:"), "0123abcd", &one));
	list[0].boot = 3;
	again = xml_of(&s, &host);
	assert_true(machine_mark_parse(strstr(again, "<nestor:"), "0123abcd", &other));
	assert_string_equal(one.drives, other.drives);
	assert_string_not_equal(one.digest, other.digest);
	list[1].path = "/x.iso";
	free(again);
	again = xml_of(&s, &host);
	assert_true(machine_mark_parse(strstr(again, "<nestor:"), "0123abcd", &other));
	assert_string_not_equal(one.drives, other.drives);
}

/* A machine's name is no host's name, and nothing but one is written there. */
static void seed(void **state)
{
	static const struct {
		const char *name, *host;
	} cases[] = {
		{ "web1", "web1" }, { "My VM_1", "my-vm-1" }, { "  x: {}\n- y  ", "x-y" }, { "\xc3\xa9", "localhost" }, { "", "localhost" },
		{ "0123456789012345678901234567890123456789012345678901234567890123456789", "012345678901234567890123456789012345678901234567890123456789012" },
	};
	struct guid id;

	(void)state;
	assert_ok(guid_parse("11111111-2222-3333-4444-555555555555", &id));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = seed_meta_data(&id, cases[i].name);
		_cleanup_free_ char *expected = xasprintf("instance-id: 11111111-2222-3333-4444-555555555555\nlocal-hostname: %s\n", cases[i].host);

		assert_string_equal(text, expected);
	}
}

/* A machine that an older daemon made has no word about drives: it is ours, and its drives are unknown. */
static void mark_without_drives(void **state)
{
	struct machine_mark mark;

	(void)state;
	assert_true(machine_mark_parse("<machine instance='0123abcd' boot='1' memory='2' limit='3' digest='0123456789abcdef'/>", "0123abcd",
				       &mark));
	assert_string_equal(mark.drives, "");
}

/* What was written is read back; the digest is of everything but the count of starts. */
static void mark_round_trip(void **state)
{
	struct machine_host host = { .memory = 2ull << 30 };
	struct machine_spec s = spec_of(NULL, 0);
	struct machine_mark one, other;
	_cleanup_free_ char *xml = xml_of(&s, &host), *again = NULL, *more = NULL;

	(void)state;
	assert_true(machine_mark_parse(strstr(xml, "<nestor:"), "0123abcd", &one));
	assert_int_equal(one.boot, 7);
	assert_int_equal(one.memory, 1ull << 30);
	assert_int_equal(one.limit, 2ull << 30);
	s.boot = 8;
	again = xml_of(&s, &host);
	assert_true(machine_mark_parse(strstr(again, "<nestor:"), "0123abcd", &other));
	assert_int_equal(other.boot, 8);
	assert_string_equal(one.digest, other.digest);
	s.memory.startup++;
	more = xml_of(&s, &host);
	assert_true(machine_mark_parse(strstr(more, "<nestor:"), "0123abcd", &other));
	assert_string_not_equal(one.digest, other.digest);
}

#define MARK(boot, memory, limit, digest) \
	"<nestor:machine instance='0123abcd' boot='" boot "' memory='" memory "' limit='" limit "' digest='" digest "'/>"
#define SUM "0123456789abcdef"

static void marks_of_others(void **state)
{
	static const char *const texts[] = {
		"",
		"<nestor:machine/>",
		"<nestor:machine instance='0123abce' boot='1' memory='1' limit='1' digest='" SUM "'/>",
		"<nestor:machine instance='0123abcd' memory='1' limit='1' digest='" SUM "'/>",
		"<nestor:machine instance='0123abcd' boot='1' limit='1' digest='" SUM "'/>",
		"<nestor:machine instance='0123abcd' boot='1' memory='1' digest='" SUM "'/>",
		"<nestor:machine instance='0123abcd' boot='1' memory='1' limit='1'/>",
		MARK("", "1", "1", SUM),
		MARK("-1", "1", "1", SUM),
		MARK("18446744073709551616", "1", "1", SUM),
		MARK("1", "x", "1", SUM),
		MARK("1", "1", "1 ", SUM),
		MARK("1", "1", "1", "0123456789abcde"),
		MARK("1", "1", "1", SUM "0"),
		"<nestor:machine instance='0123abcd' boot='1' memory='1' limit='1' digest='" SUM,
		"<nestor:machine instance=0123abcd boot=1 memory=1 limit=1 digest=" SUM "/>",
		"<nestor:machine instance='0123abcd",
		"<nestor:machine instance=",
	};
	struct machine_mark mark = { .boot = 42 };
	_cleanup_str_ struct str huge = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_false(machine_mark_parse(texts[i], "0123abcd", &mark));
	str_pad(&huge, ' ', 5000);
	str_add(&huge, MARK("1", "1", "1", SUM));
	assert_false(machine_mark_parse(str_get(&huge), "0123abcd", &mark));
	assert_int_equal(mark.boot, 42);
	assert_true(machine_mark_parse(MARK("1", "2", "3", SUM), "0123abcd", &mark));
	assert_true(mark.boot == 1 && mark.memory == 2 && mark.limit == 3);
	assert_string_equal(mark.digest, SUM);
}

/* How much can come while it runs. */
static void memory_limits(void **state)
{
	const uint64_t mb = 1 << 20, gb = 1 << 30;
	const struct {
		struct machine_memory memory;
		uint64_t host, limit;
	} cases[] = {
		{ { .startup = 256 * mb }, 64 * gb, 256 * mb + gb },
		{ { .startup = 2 * gb }, 64 * gb, 8 * gb },
		{ { .startup = 2 * gb }, 4 * gb, 4 * gb },
		{ { .startup = 2 * gb }, 2 * gb, 2 * gb },
		{ { .startup = 2 * gb }, gb, 2 * gb },
		{ { .startup = 2 * gb }, 0, 8 * gb },
		{ { .startup = gb, .dynamic = true, .maximum = 3 * gb + 1 }, 64 * gb, 3 * gb },
		{ { .startup = gb, .dynamic = true, .maximum = gb }, 64 * gb, gb },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(machine_memory_limit(&cases[i].memory, cases[i].host), cases[i].limit);
}

/* Demand and a buffer, between minimum and maximum, and no movement for nothing. */
static void memory_targets(void **state)
{
	const uint64_t mb = 1 << 20;
	const struct machine_memory memory = { .startup = 512 * mb, .dynamic = true, .minimum = 256 * mb, .maximum = 1024 * mb, .buffer = 20 };
	const struct {
		uint64_t assigned, demand, target;
	} cases[] = {
		{ 512 * mb, 0, 512 * mb },          /* nothing known */
		{ 512 * mb, 100 * mb, 256 * mb },   /* the minimum */
		{ 512 * mb, 300 * mb, 360 * mb },   /* whole blocks */
		{ 512 * mb, 420 * mb, 512 * mb },   /* 504: near enough */
		{ 512 * mb, 600 * mb, 720 * mb },
		{ 512 * mb, 2000 * mb, 1024 * mb }, /* the maximum */
		{ 1040 * mb, 2000 * mb, 1024 * mb } /* out of its limits, if only by a little */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(memory_target(&memory, cases[i].assigned, cases[i].demand) >> 20, cases[i].target >> 20);
}

static void memory_device(void **state)
{
	static const char device[] = "<memory model='virtio-mem'><target><size unit='KiB'>4096</size><requested unit='KiB'>%s</requested>"
				     "</target><address slot='1'/></memory>";
	static const char *const without[] = {
		"",
		"<domain><memory unit='KiB'>1</memory></domain>",
		"<memory model='virtio-mem'><size unit='KiB'>1</size>",
		"<memory model='virtio-mem'><size unit='KiB'>1</size></memory><requested unit='KiB'>1</requested>",
		"<memory model='virtio-mem'><size unit='KiB'>x</size><requested unit='KiB'>1</requested></memory>",
		"<memory model='virtio-mem'><size unit='MiB'>1</size><requested unit='KiB'>1</requested></memory>",
		"<memory model='virtio-mem'><size unit='KiB'>99999999999999999999</size><requested unit='KiB'>1</requested></memory>",
	};
	_cleanup_free_ char *old = xasprintf(device, "0"), *xml = xasprintf("<domain>\n%s<x/></domain>", old);
	_cleanup_free_ char *some = memory_device_change(xml, 2 << 20), *most = memory_device_change(xml, 64 << 20);
	_cleanup_free_ char *want_some = xasprintf(device, "2048"), *want_most = xasprintf(device, "4096");

	(void)state;
	assert_string_equal(some, want_some);
	assert_string_equal(most, want_most);
	for (size_t i = 0; i < ARRAY_SIZE(without); i++)
		assert_null(memory_device_change(without[i], 1 << 20));
}

/* Of what libvirt tells of a running machine: adapters of ours, by their alias; nothing of it is trusted to be well made. */
static void running_nics(void **state)
{
	static const char xml[] = "<domain><devices><interface type='network'><alias name='net0'/></interface>"
				  "<interface type='ethernet'><target dev='a'/><link state='down'/><alias name='ua-nestor-nic-np01'/></interface>"
				  "<interface type='ethernet'><link state='up'/><alias name='ua-nestor-nic-np02'/></interface>";
	static const char *const none[] = {
		"",
		"<interface ",
		"<interface type='ethernet'><alias name='ua-nestor-nic-np01'/>",
		"<interface type='ethernet'><alias name='ua-nestor-nic-'/></interface>",
		"<interface type='ethernet'><alias name='ua-nestor-nic-np01</interface>",
		"<interface type='ethernet'><alias name='ua-nestor-nic-np01234567890123456789'/></interface>",
		"</interface><alias name='ua-nestor-nic-np01'/><interface >",
	};
	struct machine_nic wanted[] = { { .tap = "np02", .connected = true }, { .tap = "np01" } };
	struct nic_vec nics = { 0 };
	uint64_t digest;

	(void)state;
	nics_parse(xml, &nics);
	assert_int_equal(nics.n, 2);
	assert_string_equal(nics.items[0].tap, "np01");
	assert_false(nics.items[0].connected);
	assert_string_equal(nics.items[1].tap, "np02");
	assert_true(nics.items[1].connected);
	digest = nics_digest(nics.items, 2);
	assert_true(digest == nics_digest(wanted, 2));
	wanted[1].connected = true;
	assert_true(digest != nics_digest(wanted, 2));
	assert_true(digest != nics_digest(wanted, 1));
	nics.n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		nics_parse(none[i], &nics);
	assert_int_equal(nics.n, 0);
	vec_done(&nics);
}

/* In libvirt's and QEMU's words. */
static void failures(void **state)
{
	static const struct {
		const char *message;
		enum machine_failure failure;
	} cases[] = {
		{ "", MACHINE_FAILED },
		{ "internal error: something", MACHINE_FAILED },
		{ "internal error: process exited while connecting to monitor: qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory",
		  MACHINE_NO_MEMORY },
		{ "Cannot check QEMU binary /usr/bin/qemu-system-x86_64: No such file or directory", MACHINE_NO_EMULATOR },
		{ "invalid argument: could not find capabilities for arch=x86_64 domaintype=kvm ", MACHINE_NO_EMULATOR },
		{ "operation failed: Unable to find any firmware to satisfy 'efi'", MACHINE_NO_FIRMWARE },
		{ "internal error: process exited while connecting to monitor: qemu: could not open kernel file '/k': No such file or directory",
		  MACHINE_NO_FILE },
		{ "Cannot access storage file '/d.qcow2': No such file or directory", MACHINE_NO_FILE },
		{ "Could not open '/d': Permission denied", MACHINE_FILE_DENIED },
		{ "Failed to get \"write\" lock Is another process using the image [/d.qcow2]?", MACHINE_FILE_IN_USE },
		{ "operation failed: Failed to save: No space left on device", MACHINE_NO_SPACE },
		{ "operation failed: domain 'theirs' already exists with uuid 1", MACHINE_NAME_TAKEN },
		{ "Device net1 is already in the process of unplug", MACHINE_DEVICE_HELD },
		{ "Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatchDomainSave)", MACHINE_BUSY },
		{ "libvirt died over its start, and cannot acquire the lock that it took for that", MACHINE_LOST },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(machine_failure_of(cases[i].message), cases[i].failure);
}

/* NV-14: any virtual processor, AMD's bit or Intel's. */
static void registers(void **state)
{
	(void)state;
	assert_false(memory_registers_tell(""));
	assert_false(memory_registers_tell("EFER="));
	assert_false(memory_registers_tell("CPU#0\nCR0=80050033 CR4=000500b0\nEFER=0000000000000d01\n"));
	assert_true(memory_registers_tell("CPU#0\nCR4=000500b0\nEFER=0000000000001d01\n"));
	assert_true(memory_registers_tell("CPU#0\nEFER=0000000000000d01\nCPU#1\nCR4=000500b0\nEFER=0000000000001d01\n"));
	assert_true(memory_registers_tell("CR4=003526f0\nEFER=0000000000000d01\n"));
}

/* NV-2, NV-13, and that /dev/kvm alone says nothing. */
static void hosts(void **state)
{
	static const struct {
		const char *cpuinfo;
		bool kvm;
		const char *parameter;
		struct machine_host host;
	} cases[] = {
		{ "processor\t: 0\nflags\t\t: fpu vmx\n", true, "Y\n", { MACHINE_KVM, true, true } },
		{ "processor\t: 0\nflags\t\t: fpu vmx\n", true, "N\n", { MACHINE_KVM, true, false } },
		{ "processor\t: 0\nflags\t\t: fpu svm lm\nbugs\t: vmx\n", true, "1\n", { MACHINE_KVM, false, true } },
		{ "processor\t: 0\nflags\t\t: fpu svm lm\n", true, NULL, { MACHINE_KVM, false, false } },
		{ "processor\t: 0\nflags\t\t: fpu svm lm\n", false, "1", { MACHINE_TCG, false, true } },
		{ "processor\t: 0\nflags\t\t: fpu svmx lm\nbugs\t: svm \n", true, "1", { MACHINE_TCG, false, true } },
		{ "", true, NULL, { MACHINE_TCG, false, true } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine_host host = machine_host_of(cases[i].cpuinfo, cases[i].kvm, cases[i].parameter);

		assert_int_equal(host.accel, cases[i].host.accel);
		assert_int_equal(host.intel, cases[i].host.intel);
		assert_int_equal(host.nested, cases[i].host.nested);
	}
}

/* As libvirt 9 and QEMU 7 say it. */
static void messages(void **state)
{
	static const struct {
		const char *text, *line;
	} cases[] = {
		{ "", "libvirt did not say why" },
		{ "Failed to connect socket to '/x': No such file", "Failed to connect socket to '/x': No such file" },
		{ "internal error: qemu unexpectedly closed the monitor: 2026-11-23T17:59:13.113341Z qemu-system-x86_64: warning: TCG "
		  "doesn't support requested feature: CPUID.07H:EBX.sha-ni [bit 29]\n"
		  "2026-11-23T17:59:13.113348Z qemu-system-x86_64: warning: TCG doesn't support another\n"
		  "qemu: could not open kernel file '/nowhere/vmlinuz': No such file or directory\n",
		  "internal error: qemu unexpectedly closed the monitor: qemu: could not open kernel file '/nowhere/vmlinuz': No such file "
		  "or directory" },
		{ "one\n2026-11-23T17:59:13.113348Z two\n", "one two" },
		{ "2026", "2026" },
		{ "\n\n", "libvirt did not say why" },
	};
	_cleanup_str_ struct str huge = { 0 };
	_cleanup_free_ char *bounded = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *line = step_message(cases[i].text);

		assert_string_equal(line, cases[i].line);
	}
	str_pad(&huge, 'x', 10000);
	bounded = step_message(str_get(&huge));
	assert_int_equal(strlen(bounded), 500);
}

int run_machine_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(emulated_machine), cmocka_unit_test(extensions),      cmocka_unit_test(firmware), cmocka_unit_test(drive_targets), cmocka_unit_test(drives),
		cmocka_unit_test(mark_without_drives), cmocka_unit_test(seed),
		cmocka_unit_test(mark_round_trip),  cmocka_unit_test(marks_of_others), cmocka_unit_test(hosts),
		cmocka_unit_test(messages),         cmocka_unit_test(memory_limits),   cmocka_unit_test(memory_targets),
		cmocka_unit_test(running_nics),     cmocka_unit_test(failures),
		cmocka_unit_test(registers),        cmocka_unit_test(memory_device),
	};

	return cmocka_run_group_tests_name("machines", tests, NULL, NULL);
}
