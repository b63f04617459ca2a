/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "machine_xml.h"

struct machine_host machine_host_of(const char *cpuinfo, bool kvm, const char *nested_parameter)
{
	struct machine_host host = { .accel = MACHINE_TCG, .nested = true };
	const char *flags = strstr(cpuinfo, "\nflags");
	size_t n = flags ? strcspn(flags + 1, "\n") : 0;
	_cleanup_free_ char *line = flags ? xasprintf("%.*s ", (int)n, flags + 1) : xstrdup("");

	if (kvm && (strstr(line, " vmx ") || strstr(line, " svm "))) {
		host.accel = MACHINE_KVM;
		host.intel = strstr(line, " vmx ") != NULL;
		host.nested = nested_parameter && (*nested_parameter == '1' || *nested_parameter == 'Y');
	}
	return host;
}

#define CPUINFO_MAX (1u << 20)

struct machine_host machine_host_probe(void)
{
	_cleanup_free_ char *cpuinfo = NULL, *nested = NULL;
	_cleanup_close_ int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	struct machine_host host;

	(void)read_file("/proc/cpuinfo", CPUINFO_MAX, &cpuinfo, NULL);
	if (read_file("/sys/module/kvm_intel/parameters/nested", 16, &nested, NULL) < 0)
		(void)read_file("/sys/module/kvm_amd/parameters/nested", 16, &nested, NULL);
	host = machine_host_of(cpuinfo ? cpuinfo : "", kvm >= 0, nested);
	host.vhost_net = host.accel == MACHINE_KVM && access("/dev/vhost-net", R_OK | W_OK) == 0;
	if (pages > 0 && page > 0)
		host.memory = (uint64_t)pages * (uint64_t)page;
	return host;
}

/* Text between tags or in an attribute. Control characters are not XML at all, not even escaped. */
void xml_text_add(struct str *s, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			str_add(s, "&amp;");
			break;
		case '<':
			str_add(s, "&lt;");
			break;
		case '>':
			str_add(s, "&gt;");
			break;
		case '\'':
			str_add(s, "&apos;");
			break;
		case '"':
			str_add(s, "&quot;");
			break;
		default:
			str_addc(s, iscntrl((unsigned char)*text) ? ' ' : *text);
		}
	}
}

static void element_add(struct str *s, const char *indent, const char *name, const char *text)
{
	if (!text)
		return;
	str_addf(s, "%s<%s>", indent, name);
	xml_text_add(s, text);
	str_addf(s, "</%s>\n", name);
}

/* libvirt finds the files of the firmware by its features; secure boot needs system management mode. */
static void firmware_add(struct str *s, const struct machine_spec *spec)
{
	const char *secure = spec->secure_boot ? "yes" : "no";

	str_addf(s, "    <firmware>\n      <feature enabled='%s' name='enrolled-keys'/>\n      <feature enabled='%s' name='secure-boot'/>\n"
		    "    </firmware>\n", secure, secure);
	element_add(s, "    ", "nvram", spec->nvram);
}

static void os_add(struct str *s, const struct machine_spec *spec)
{
	bool uefi = spec->firmware == MACHINE_UEFI;

	str_addf(s, "  <os%s>\n    <type arch='x86_64' machine='%s'>hvm</type>\n", uefi ? " firmware='efi'" : "", spec->i440fx ? "pc" : "q35");
	if (uefi)
		firmware_add(s, spec);
	element_add(s, "    ", "kernel", spec->kernel);
	element_add(s, "    ", "initrd", spec->initrd);
	element_add(s, "    ", "cmdline", spec->command_line);
	str_addf(s, "  </os>\n  <features>\n    <acpi/>\n    <apic/>\n%s  </features>\n",
		 uefi && spec->secure_boot ? "    <smm state='on'/>\n" : "");
}

/*
 * Virtualization extensions are off unless exposed (NV-1), and said so in both cases: EPYC has svm by default. What TCG can
 * give a guest is AMD's, with nested paging.
 */
static void cpu_add(struct str *s, const struct machine_spec *spec, const struct machine_host *host, bool grows)
{
	const char *policy = spec->nested ? "require" : "disable";
	bool kvm = host->accel == MACHINE_KVM;

	if (kvm)
		str_add(s, "  <cpu mode='host-passthrough' check='none'>\n");
	else
		str_add(s, "  <cpu mode='custom' match='exact' check='none'>\n    <model fallback='forbid'>EPYC</model>\n");
	str_addf(s, "    <feature policy='%s' name='%s'/>\n", policy, kvm && host->intel ? "vmx" : "svm");
	if (!kvm)
		str_addf(s, "    <feature policy='%s' name='npt'/>\n", policy);
	/* Memory that comes later belongs to a node, so there is one. */
	if (grows)
		str_addf(s, "    <numa>\n      <cell id='0' cpus='0-%" PRIu32 "' memory='%" PRIu64 "' unit='b'/>\n    </numa>\n",
			 spec->processors - 1, spec->memory.startup);
	str_add(s, "  </cpu>\n");
}

void machine_nic_xml(const struct machine_nic *nic, struct str *s)
{
	char mac[MAC_TEXT_SIZE];

	str_add(s, "    <interface type='ethernet'>\n");
	str_addf(s, "      <mac address='%s'/>\n", mac_format_colons(&nic->mac, mac));
	str_add(s, "      <target dev='");
	xml_text_add(s, nic->tap);
	str_add(s, "' managed='no'/>\n      <model type='virtio'/>\n");
	if (!nic->connected)
		str_add(s, "      <link state='down'/>\n");
	str_addf(s, "      <mtu size='%" PRIu32 "'/>\n", nic->mtu);
	xml_boot_add(s, nic->boot);
	str_add(s, "      <alias name='" MACHINE_NIC_ALIAS);
	xml_text_add(s, nic->tap);
	str_add(s, "'/>\n    </interface>\n");
}

uint64_t machine_memory_limit(const struct machine_memory *memory, uint64_t host_memory)
{
	uint64_t limit = memory->dynamic ? memory->maximum : memory->startup + MAX(3 * memory->startup, 1ull << 30);

	if (host_memory)
		limit = MIN(limit, host_memory);
	if (limit <= memory->startup)
		return memory->startup;
	return memory->startup + (limit - memory->startup) / MACHINE_MEMORY_BLOCK * MACHINE_MEMORY_BLOCK;
}

static void memory_add(struct str *s, const struct machine_memory *memory, uint64_t limit)
{
	if (limit > memory->startup)
		str_addf(s, "  <maxMemory slots='1' unit='b'>%" PRIu64 "</maxMemory>\n", limit);
	str_addf(s, "  <memory unit='b'>%" PRIu64 "</memory>\n  <currentMemory unit='b'>%" PRIu64 "</currentMemory>\n", limit,
		 memory->startup);
}

static void memory_device_add(struct str *s, uint64_t size)
{
	if (size)
		str_addf(s, "    <memory model='virtio-mem'>\n      <target>\n        <size unit='b'>%" PRIu64 "</size>\n"
			    "        <node>0</node>\n        <block unit='b'>%u</block>\n        <requested unit='b'>0</requested>\n"
			    "      </target>\n      <alias name='" MACHINE_MEMORY_ALIAS "'/>\n    </memory>\n",
			 size, MACHINE_MEMORY_BLOCK);
}

/* A device of a running Q35 needs a port of its own, and libvirt leaves one free; i440FX has slots. */
#define OTHER_PORTS 8

static void ports_add(struct str *s, const struct machine_spec *spec)
{
	if (spec->i440fx)
		return;
	str_add(s, "    <controller type='pci' model='pcie-root'/>\n");
	for (int i = 0; i < MACHINE_NICS_MAX + OTHER_PORTS; i++)
		str_add(s, "    <controller type='pci' model='pcie-root-port'/>\n");
}

static void devices_add(struct str *s, const struct machine_spec *spec, const char *console_log, uint64_t more_memory)
{
	str_add(s, "  <devices>\n");
	ports_add(s, spec);
	xml_drives_add(s, spec);
	for (size_t i = 0; i < spec->n_nics; i++)
		machine_nic_xml(&spec->nics[i], s);
	str_add(s, "    <serial type='pty'>\n      <log file='");
	xml_text_add(s, console_log);
	str_add(s, "' append='on'/>\n      <target port='0'/>\n    </serial>\n");
	str_add(s, "    <console type='pty'>\n      <target type='serial' port='0'/>\n    </console>\n");
	/* Whatever guest agent there is (agent.h) finds its other end here. */
	str_add(s, "    <channel type='unix'>\n      <target type='virtio' name='org.qemu.guest_agent.0'/>\n    </channel>\n");
	str_add(s, "    <controller type='usb' model='none'/>\n    <video>\n      <model type='none'/>\n    </video>\n");
	memory_device_add(s, more_memory);
	str_add(s, "    <panic model='isa'/>\n");
	str_add(s, "    <memballoon model='virtio' freePageReporting='on'>\n      <stats period='1'/>\n    </memballoon>\n    <rng model='virtio'>\n"
		   "      <backend model='random'>/dev/urandom</backend>\n    </rng>\n");
	str_add(s, "  </devices>\n");
}

/* FNV-1a: it tells texts of our own apart, nobody has a reason to make two collide. */
static void digest(const char *text, char ret[static MACHINE_DIGEST_SIZE])
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3;
	snprintf(ret, MACHINE_DIGEST_SIZE, "%016" PRIx64, h);
}

void machine_mark_xml(const struct machine_mark *mark, const char *instance, bool prefix, struct str *ret)
{
	str_addf(ret, "<%smachine%s instance='%s' boot='%" PRIu64 "' memory='%" PRIu64 "' limit='%" PRIu64 "' digest='%s' drives='%s'/>",
		 prefix ? MACHINE_PREFIX ":" : "", prefix ? " xmlns:" MACHINE_PREFIX "='" MACHINE_NAMESPACE "'" : "", instance, mark->boot,
		 mark->memory, mark->limit, mark->digest, mark->drives);
}

static struct machine_mark mark_of(const struct machine_spec *spec, uint64_t limit, const char *body)
{
	struct machine_mark mark = { .boot = spec->boot, .memory = spec->memory.startup, .limit = limit };
	_cleanup_str_ struct str drives = { 0 };

	for (size_t i = 0; i < spec->n_drives; i++)
		machine_drive_xml(&spec->drives[i], false, &drives);
	digest(body, mark.digest);
	digest(str_get(&drives), mark.drives);
	return mark;
}

void machine_xml(const struct machine_spec *spec, const struct machine_host *host, const char *instance, const char *console_log,
		 struct str *ret)
{
	uint64_t limit = machine_memory_limit(&spec->memory, host->memory);
	_cleanup_str_ struct str body = { 0 };
	struct machine_mark mark;
	char id[GUID_TEXT_SIZE];

	element_add(&body, "  ", "name", spec->name);
	str_addf(&body, "  <uuid>%s</uuid>\n", guid_format(&spec->id, id));
	memory_add(&body, &spec->memory, limit);
	str_addf(&body, "  <vcpu placement='static'>%" PRIu32 "</vcpu>\n", spec->processors);
	os_add(&body, spec);
	cpu_add(&body, spec, host, limit > spec->memory.startup);
	str_add(&body, "  <clock offset='utc'/>\n  <on_poweroff>destroy</on_poweroff>\n  <on_reboot>restart</on_reboot>\n"
		       "  <on_crash>destroy</on_crash>\n");
	devices_add(&body, spec, console_log, limit - spec->memory.startup);
	str_addf(ret, "<domain type='%s'>\n", host->accel == MACHINE_KVM ? "kvm" : "qemu");
	str_add(ret, str_get(&body));
	mark = mark_of(spec, limit, str_get(&body));
	str_add(ret, "  <metadata>\n    ");
	machine_mark_xml(&mark, instance, true, ret);
	str_add(ret, "\n  </metadata>\n</domain>\n");
}

/* The value of an attribute of ours, which never has anything to escape. False: absent, or longer than size - 1. */
static bool attribute(const char *xml, const char *name, char *ret, size_t size)
{
	_cleanup_free_ char *start = xasprintf(" %s=", name);
	const char *p = strstr(xml, start);
	size_t n;

	if (!p)
		return false;
	p += strlen(start);
	if (*p != '\'' && *p != '"')
		return false;
	n = strcspn(p + 1, (char[]){ *p, 0 });
	if (n >= size || !p[1 + n])
		return false;
	memcpy(ret, p + 1, n);
	ret[n] = 0;
	return true;
}

#define MARK_MAX 4096

static bool attribute_number(const char *xml, const char *name, uint64_t *ret)
{
	char text[24];

	return attribute(xml, name, text, sizeof(text)) && parse_u64(text, UINT64_MAX, ret) == 0;
}

bool machine_mark_parse(const char *xml, const char *instance, struct machine_mark *ret)
{
	struct machine_mark mark;
	char whose[16];

	if (strnlen(xml, MARK_MAX) == MARK_MAX)
		return false;
	if (!attribute(xml, "instance", whose, sizeof(whose)) || !streq(whose, instance))
		return false;
	if (!attribute_number(xml, "boot", &mark.boot) || !attribute_number(xml, "memory", &mark.memory) ||
	    !attribute_number(xml, "limit", &mark.limit) || !attribute(xml, "digest", mark.digest, sizeof(mark.digest)) ||
	    strlen(mark.digest) != MACHINE_DIGEST_SIZE - 1)
		return false;
	if (!attribute(xml, "drives", mark.drives, sizeof(mark.drives)))
		mark.drives[0] = 0;
	*ret = mark;
	return true;
}
