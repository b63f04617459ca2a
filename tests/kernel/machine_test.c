/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_test.h"

#include "libvirt_step.h"
#include "machine.h"
#include "machine_test.h"

/* The whole text that libvirt is given. What libvirt makes of it is tested by tests/netns/test_machines.py. */

static struct machine_spec spec_of(const struct machine_nic *nics, size_t n)
{
	struct machine_spec s = { .name = "L1", .memory = 1ull << 30, .processors = 2, .nics = nics, .n_nics = n, .boot = 7 };

	assert_ok(guid_parse("11111111-2222-3333-4444-555555555555", &s.id));
	return s;
}

static char *xml_of(const struct machine_spec *s, const struct machine_host *host)
{
	struct str xml = { 0 };

	machine_xml(s, host, "0123abcd", "/state/machines/x.log", &xml);
	return str_take(&xml);
}

static void emulated_machine(void **state)
{
	struct machine_host host = { .accel = MACHINE_TCG };
	struct machine_nic nic = { .tap = "np0011223344", .mtu = 1458 };
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
		"  <memory unit='b'>1073741824</memory>\n"
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
		"  </cpu>\n"
		"  <clock offset='utc'/>\n"
		"  <on_poweroff>destroy</on_poweroff>\n"
		"  <on_reboot>restart</on_reboot>\n"
		"  <on_crash>destroy</on_crash>\n"
		"  <devices>\n"
		"    <interface type='ethernet'>\n"
		"      <mac address='00:15:5d:01:02:03'/>\n"
		"      <target dev='np0011223344' managed='no'/>\n"
		"      <model type='virtio'/>\n"
		"      <mtu size='1458'/>\n"
		"    </interface>\n"
		"    <serial type='pty'>\n"
		"      <log file='/state/machines/x.log' append='on'/>\n"
		"      <target port='0'/>\n"
		"    </serial>\n"
		"    <console type='pty'>\n"
		"      <target type='serial' port='0'/>\n"
		"    </console>\n"
		"    <controller type='usb' model='none'/>\n"
		"    <video>\n      <model type='none'/>\n    </video>\n"
		"    <memballoon model='virtio' freePageReporting='on'/>\n"
		"    <rng model='virtio'>\n      <backend model='random'>/dev/urandom</backend>\n    </rng>\n"
		"  </devices>\n"
		"  <metadata>\n"
		"    <nestor:machine xmlns:nestor='urn:nestor:machine:1' instance='0123abcd' boot='7' digest='" EMULATED_DIGEST "'/>\n"
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
		{ { MACHINE_KVM, .intel = true }, false, "<cpu mode='host-passthrough' check='none'>\n    <feature policy='disable' name='vmx'/>\n  </cpu>" },
		{ { MACHINE_KVM, .intel = true }, true, "<feature policy='require' name='vmx'/>\n  </cpu>" },
		{ { MACHINE_KVM }, true, "<feature policy='require' name='svm'/>\n  </cpu>" },
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
	uefi = xml_of(&s, &host);
	assert_has(bios, "  <os>\n    <type arch='x86_64' machine='q35'>hvm</type>\n    <boot dev='hd'/>");
	assert_has(uefi, "  <os firmware='efi'>\n");
}

/* What was written is read back; the digest is of everything but the count of starts. */
static void mark_round_trip(void **state)
{
	struct machine_host host = { 0 };
	struct machine_spec s = spec_of(NULL, 0);
	char one[MACHINE_DIGEST_SIZE], other[MACHINE_DIGEST_SIZE];
	_cleanup_free_ char *xml = xml_of(&s, &host), *again = NULL, *more = NULL;
	uint64_t boot = 0;

	(void)state;
	assert_true(machine_mark_parse(strstr(xml, "<nestor:"), "0123abcd", &boot, one));
	assert_int_equal(boot, 7);
	s.boot = 8;
	again = xml_of(&s, &host);
	assert_true(machine_mark_parse(strstr(again, "<nestor:"), "0123abcd", &boot, other));
	assert_int_equal(boot, 8);
	assert_string_equal(one, other);
	s.memory++;
	more = xml_of(&s, &host);
	assert_true(machine_mark_parse(strstr(more, "<nestor:"), "0123abcd", &boot, other));
	assert_string_not_equal(one, other);
}

static void marks_of_others(void **state)
{
	static const char *const texts[] = {
		"",
		"<nestor:machine/>",
		"<nestor:machine instance='0123abce' boot='1' digest='0123456789abcdef'/>",
		"<nestor:machine instance='0123abcd' digest='0123456789abcdef'/>",
		"<nestor:machine instance='0123abcd' boot='' digest='0123456789abcdef'/>",
		"<nestor:machine instance='0123abcd' boot='-1' digest='0123456789abcdef'/>",
		"<nestor:machine instance='0123abcd' boot='18446744073709551616' digest='0123456789abcdef'/>",
		"<nestor:machine instance='0123abcd' boot='1' digest='0123456789abcde'/>",
		"<nestor:machine instance='0123abcd' boot='1' digest='0123456789abcdef0'/>",
		"<nestor:machine instance='0123abcd' boot='1' digest='0123456789abcdef",
		"<nestor:machine instance=0123abcd boot=1 digest=0123456789abcdef/>",
		"<nestor:machine instance='0123abcd",
		"<nestor:machine instance=",
	};
	char digest[MACHINE_DIGEST_SIZE] = "before";
	_cleanup_str_ struct str huge = { 0 };
	uint64_t boot = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_false(machine_mark_parse(texts[i], "0123abcd", &boot, digest));
	str_pad(&huge, ' ', 5000);
	str_add(&huge, "<nestor:machine instance='0123abcd' boot='1' digest='0123456789abcdef'/>");
	assert_false(machine_mark_parse(str_get(&huge), "0123abcd", &boot, digest));
	assert_int_equal(boot, 42);
	assert_string_equal(digest, "before");
	assert_true(machine_mark_parse("<x  instance=\"0123abcd\" boot=\"1\" digest=\"0123456789abcdef\"/>", "0123abcd", &boot, digest));
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
		cmocka_unit_test(emulated_machine), cmocka_unit_test(extensions),      cmocka_unit_test(firmware),
		cmocka_unit_test(mark_round_trip),  cmocka_unit_test(marks_of_others), cmocka_unit_test(hosts),
		cmocka_unit_test(messages),
	};

	return cmocka_run_group_tests_name("machines", tests, NULL, NULL);
}
