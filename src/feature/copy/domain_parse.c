/* SPDX-License-Identifier: Apache-2.0 */
#include "domain_parse.h"

#include <errno.h>
#include <inttypes.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>

#include "str.h"

/* Of more than so many a message would be of no use. */
#define TEXTS_MAX 32

static void note(text_vec *to, const char *format, ...) _printf_(2, 3);

static void note(text_vec *to, const char *format, ...)
{
	va_list ap;

	if (to->n >= TEXTS_MAX)
		return;
	va_start(ap, format);
	vec_push(to, xvasprintf(format, ap));
	va_end(ap);
}

/* ---- the tree ---- */

static bool is_element(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && !node->ns && streq((const char *)node->name, name);
}

#define each_element(node, parent)                                       \
	for (const xmlNode *node = (parent)->children; node; node = node->next) \
		if (node->type == XML_ELEMENT_NODE)

static const xmlNode *child(const xmlNode *parent, const char *name)
{
	each_element(node, parent)
		if (is_element(node, name))
			return node;
	return NULL;
}

/* Of at most DOMAIN_TEXT_MAX bytes; NULL: there is none. The caller frees it. */
static char *bounded(xmlChar *text)
{
	char *copy = text && xmlStrlen(text) <= DOMAIN_TEXT_MAX ? xstrdup((const char *)text) : NULL;

	xmlFree(text);
	return copy;
}

static char *attribute(const xmlNode *node, const char *name)
{
	return node ? bounded(xmlGetNoNsProp(node, (const xmlChar *)name)) : NULL;
}

static char *content(const xmlNode *node)
{
	return node ? bounded(xmlNodeGetContent(node)) : NULL;
}

static bool attribute_is(const xmlNode *node, const char *name, const char *value)
{
	_cleanup_free_ char *text = attribute(node, name);

	return text && streq(text, value);
}

static bool attribute_number(const xmlNode *node, const char *name, uint64_t max, uint32_t *ret)
{
	_cleanup_free_ char *text = attribute(node, name);
	uint64_t n;

	if (!text || parse_u64(text, max, &n) < 0)
		return false;
	*ret = (uint32_t)n;
	return true;
}

/* An element's name as it is put in messages: names come from outside. */
static const char *shown(const xmlNode *node)
{
	return xmlStrlen(node->name) <= 64 ? (const char *)node->name : "an element with a long name";
}

/* ---- tables ---- */

enum verdict { FINE, CHANGED, REFUSED };

struct known {
	const char *name;
	enum verdict verdict;
	const char *why; /* what becomes of it */
};

static enum verdict judge(struct domain_info *d, const struct known *table, const char *where, const xmlNode *node)
{
	const struct known *k = table;

	while (k->name && !is_element(node, k->name))
		k++;
	if (!k->name)
		note(&d->refused, "%s%s: it is not known here", where, shown(node));
	else if (k->verdict == REFUSED)
		note(&d->refused, "%s%s: %s", where, shown(node), k->why);
	else if (k->verdict == CHANGED)
		note(&d->changed, "%s%s: %s", where, shown(node), k->why);
	return k->name ? k->verdict : REFUSED;
}

#define LEFT_OUT "left out"

/* The rest is read by name. What only says how the host shares itself out is lost without the guest's noticing. */
static const struct known in_domain[] = {
	{ "name", FINE }, { "uuid", FINE }, { "title", FINE }, { "description", FINE }, { "metadata", FINE },
	{ "memory", FINE }, { "currentMemory", FINE }, { "vcpu", FINE }, { "os", FINE }, { "features", FINE }, { "cpu", FINE },
	{ "clock", FINE }, { "on_poweroff", FINE }, { "on_reboot", FINE }, { "on_crash", FINE }, { "pm", FINE }, { "devices", FINE },
	{ "resource", FINE }, { "seclabel", FINE },
	{ "maxMemory", REFUSED, "memory devices cannot be taken over" },
	{ "genid", CHANGED, LEFT_OUT }, { "sysinfo", CHANGED, LEFT_OUT }, { "iothreads", CHANGED, LEFT_OUT },
	{ "cputune", CHANGED, LEFT_OUT }, { "numatune", CHANGED, LEFT_OUT }, { "blkiotune", CHANGED, LEFT_OUT },
	{ "memtune", CHANGED, LEFT_OUT }, { "vcpus", CHANGED, LEFT_OUT },
	{ "memoryBacking", REFUSED, "memory is always plain memory of the host" },
	{ "launchSecurity", REFUSED, "confidential guests are not available" },
	{ NULL },
};

static const struct known in_os[] = {
	{ "type", FINE }, { "kernel", FINE }, { "initrd", FINE }, { "cmdline", FINE }, { "boot", FINE }, { "firmware", FINE },
	{ "loader", FINE }, { "bootmenu", FINE }, { "smbios", CHANGED, LEFT_OUT }, { "bios", CHANGED, LEFT_OUT },
	{ "nvram", CHANGED, "the variables of its firmware (boot entries among them) begin anew" },
	{ "acpi", REFUSED, "tables of one's own are not available" }, { "dtb", REFUSED, "device trees are not available" },
	{ NULL },
};

static const struct known in_features[] = {
	{ "acpi", FINE }, { "apic", FINE }, { "pae", FINE }, { "vmport", FINE }, { "hap", FINE }, { "smm", CHANGED, LEFT_OUT },
	{ "hyperv", CHANGED, LEFT_OUT }, { "kvm", CHANGED, LEFT_OUT }, { "pmu", CHANGED, LEFT_OUT }, { "ioapic", CHANGED, LEFT_OUT },
	{ "vmcoreinfo", CHANGED, LEFT_OUT }, { "msrs", CHANGED, LEFT_OUT }, { NULL },
};

static const struct known in_cpu[] = {
	{ "model", FINE }, { "vendor", FINE }, { "feature", FINE }, { "cache", FINE }, { "maxphysaddr", FINE },
	{ "topology", CHANGED, "each processor becomes a socket" }, { "numa", REFUSED, "a machine has one node" }, { NULL },
};

#define NOT_HERE "take it out (virsh edit), or keep the domain with libvirt alone"

static const struct known in_devices[] = {
	{ "emulator", FINE }, { "controller", FINE }, { "interface", FINE }, { "disk", FINE }, { "serial", FINE }, { "console", FINE },
	{ "memballoon", FINE }, { "rng", FINE },
	{ "graphics", CHANGED, "there is the serial console alone" }, { "video", CHANGED, "there is the serial console alone" },
	{ "audio", CHANGED, LEFT_OUT }, { "sound", CHANGED, LEFT_OUT }, { "input", CHANGED, LEFT_OUT }, { "channel", CHANGED, LEFT_OUT },
	{ "redirdev", CHANGED, LEFT_OUT }, { "hub", CHANGED, LEFT_OUT }, { "watchdog", CHANGED, LEFT_OUT }, { "panic", CHANGED, LEFT_OUT },
	{ "smartcard", CHANGED, LEFT_OUT }, { "parallel", CHANGED, LEFT_OUT }, { "vsock", CHANGED, LEFT_OUT },
	{ "iommu", CHANGED, LEFT_OUT },
	{ "hostdev", REFUSED, NOT_HERE }, { "filesystem", REFUSED, NOT_HERE }, { "tpm", REFUSED, NOT_HERE }, { "memory", REFUSED, NOT_HERE },
	{ "shmem", REFUSED, NOT_HERE }, { "lease", REFUSED, NOT_HERE }, { "nvram", REFUSED, NOT_HERE }, { "crypto", REFUSED, NOT_HERE },
	{ NULL },
};

/* ---- the machine ---- */

static void read_memory(struct domain_info *d, const xmlNode *node)
{
	static const struct {
		const char *unit;
		uint64_t bytes;
	} units[] = {
		{ "b", 1 }, { "bytes", 1 }, { "k", 1 << 10 }, { "KiB", 1 << 10 }, { "KB", 1000 }, { "M", 1 << 20 }, { "MiB", 1 << 20 },
		{ "MB", 1000000 }, { "G", 1 << 30 }, { "GiB", 1 << 30 }, { "GB", 1000000000 }, { "T", 1ull << 40 }, { "TiB", 1ull << 40 },
	};
	_cleanup_free_ char *number = content(node), *unit = attribute(node, "unit");
	uint64_t n;

	for (size_t i = 0; number && i < ARRAY_SIZE(units); i++)
		if (streq(unit ? unit : "KiB", units[i].unit) && parse_u64(number, UINT64_MAX / units[i].bytes, &n) == 0)
			d->memory = n * units[i].bytes;
}

static void read_processors(struct domain_info *d, const xmlNode *node)
{
	_cleanup_free_ char *text = content(node), *current = attribute(node, "current");
	uint64_t n;

	if (text && parse_u64(text, UINT32_MAX, &n) == 0)
		d->processors = (uint32_t)n;
	if (current && !streq(current, text ? text : ""))
		note(&d->changed, "vcpu: all %" PRIu32 " processors are there from the start", d->processors);
}

static void read_machine(struct domain_info *d, const xmlNode *type)
{
	_cleanup_free_ char *machine = attribute(type, "machine"), *arch = attribute(type, "arch"), *what = content(type);

	if (!what || !streq(what, "hvm") || (arch && !streq(arch, "x86_64")))
		note(&d->refused, "os: only x86_64 machines are available");
	d->i440fx = machine && (streq(machine, "pc") || strncmp(machine, "pc-i440fx-", 10) == 0);
	if (!d->i440fx && (!machine || (!streq(machine, "q35") && strncmp(machine, "pc-q35-", 7) != 0)))
		note(&d->refused, "os: its chipset is %s, and only i440FX (pc) and q35 are available", machine ? machine : "not said");
	else if (d->i440fx && d->uefi)
		note(&d->refused, "os: UEFI is available with the chipset q35 alone");
	else if (!d->i440fx && !d->uefi && !d->kernel)
		note(&d->refused, "os: q35 boots by UEFI alone, or a kernel directly: change it (virt-xml --edit --boot uefi, or --machine pc)");
}

static void read_os(struct domain_info *d, const xmlNode *os)
{
	const xmlNode *loader = child(os, "loader");

	each_element(node, os)
		judge(d, in_os, "os: ", node);
	d->uefi = attribute_is(os, "firmware", "efi") || attribute_is(loader, "type", "pflash");
	if (attribute_is(loader, "secure", "yes"))
		note(&d->changed, "os: loader: without secure boot");
	d->kernel = content(child(os, "kernel"));
	d->initrd = content(child(os, "initrd"));
	d->command_line = content(child(os, "cmdline"));
	read_machine(d, child(os, "type") ? child(os, "type") : os);
	if (d->uefi && d->kernel)
		note(&d->changed, "os: the kernel is booted without UEFI");
}

/* NV-1: exposed is what is required by its name; models and pass-through have it by the way. */
static void read_cpu(struct domain_info *d, const xmlNode *cpu)
{
	each_element(node, cpu) {
		_cleanup_free_ char *name = attribute(node, "name"), *policy = attribute(node, "policy");

		judge(d, in_cpu, "cpu: ", node);
		if (is_element(node, "feature") && name && (streq(name, "vmx") || streq(name, "svm")))
			d->nested |= !policy || streq(policy, "require") || streq(policy, "force");
	}
}

static void read_notes(struct domain_info *d, const xmlNode *domain)
{
	_cleanup_free_ char *title = content(child(domain, "title")), *description = content(child(domain, "description"));

	if (title && description)
		d->notes = xasprintf("%s\n%s", title, description);
	else
		d->notes = title ? TAKE_PTR(title) : TAKE_PTR(description);
}

/* ---- devices ---- */

static void read_nic(struct domain_info *d, const xmlNode *node)
{
	static const char *const sources[] = { "network", "bridge", "dev", "portgroup" };
	_cleanup_free_ char *mac = attribute(child(node, "mac"), "address"), *model = attribute(child(node, "model"), "type");
	_cleanup_free_ char *type = attribute(node, "type"), *source = NULL;
	struct domain_nic nic = { 0 };

	if (!mac || mac_parse(mac, &nic.mac) < 0 || !mac_is_unicast(&nic.mac)) {
		note(&d->refused, "interface: it has no usable MAC address");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(sources) && !source; i++)
		source = attribute(child(node, "source"), sources[i]);
	if (attribute_is(node, "type", "hostdev") || attribute_is(node, "type", "vdpa"))
		note(&d->refused, "interface %s: devices of the host cannot be given away", mac);
	else if (!model || strncmp(model, "virtio", 6) != 0)
		note(&d->refused, "interface %s: its model is %s, and only virtio is available: change it (virt-xml --edit --network model=virtio)",
		     mac, model ? model : "not said");
	else if (d->nics.n == DOMAIN_NICS_MAX)
		note(&d->refused, "interface %s: a machine has at most %d", mac, DOMAIN_NICS_MAX);
	else {
		nic.where = xasprintf("%s%s%s", type ? type : "", source ? " " : "", source ? source : "");
		vec_push(&d->nics, nic);
	}
}

static const struct known in_disk[] = {
	{ "driver", FINE }, { "source", FINE }, { "target", FINE }, { "readonly", FINE }, { "address", FINE }, { "alias", FINE },
	{ "boot", FINE }, { "backingStore", FINE }, { "serial", CHANGED, "it gets another" }, { "wwn", CHANGED, LEFT_OUT },
	{ "vendor", CHANGED, LEFT_OUT }, { "product", CHANGED, LEFT_OUT }, { "iotune", CHANGED, LEFT_OUT },
	{ "blockio", CHANGED, LEFT_OUT }, { "geometry", CHANGED, LEFT_OUT },
	{ "shareable", REFUSED, "no two machines can share a disk" }, { "encryption", REFUSED, "encrypted images are not available" },
	{ "auth", REFUSED, "images are files of the host" }, { "mirror", REFUSED, "a copy of it is under way" },
	{ "transient", REFUSED, "what the guest writes would stay" }, { NULL },
};

static void read_place(const xmlNode *node, struct domain_disk *disk)
{
	const xmlNode *address = child(node, "address");
	uint32_t controller, bus, target, unit;

	if (!attribute_is(address, "type", "drive") || !attribute_number(address, "controller", 255, &controller) ||
	    !attribute_number(address, "bus", 255, &bus) || !attribute_number(address, "target", 255, &target) ||
	    !attribute_number(address, "unit", 255, &unit))
		return;
	disk->placed = disk->scsi ? bus == 0 && unit == 0 : controller == 0 && target == 0;
	disk->number = disk->scsi ? controller : bus;
	disk->location = disk->scsi ? target : unit;
}

/* True: it can be held. */
static bool check_disk(struct domain_info *d, const char *target, const xmlNode *node, const char *bus)
{
	bool dvd = attribute_is(node, "device", "cdrom");
	_cleanup_free_ char *where = xasprintf("disk %s: ", target);
	size_t before = d->refused.n;

	each_element(part, node)
		judge(d, in_disk, where, part);
	if (!attribute_is(node, "type", "file"))
		note(&d->refused, "%sonly files can be images", where);
	if (!dvd && !attribute_is(node, "device", "disk"))
		note(&d->refused, "%sonly hard disks and DVD drives are available", where);
	else if (!bus || strlen(bus) > 16)
		note(&d->refused, "%sits bus is not known", where);
	else if (!streq(bus, "scsi") && !(streq(bus, "ide") && d->i440fx))
		note(&d->changed, "%smoved from %s to a SCSI controller", where, bus);
	if (!dvd && child(node, "readonly"))
		note(&d->refused, "%sread-only hard disks are not available", where);
	if (d->disks.n == DOMAIN_DISKS_MAX)
		note(&d->refused, "%sa machine has at most %d", where, DOMAIN_DISKS_MAX);
	return d->refused.n == before;
}

static void read_disk(struct domain_info *d, const xmlNode *node)
{
	_cleanup_free_ char *target = attribute(child(node, "target"), "dev"), *bus = attribute(child(node, "target"), "bus");
	struct domain_disk disk = { 0 };

	if (!check_disk(d, target && strlen(target) < 16 ? target : "without name", node, bus))
		return;
	disk.dvd = attribute_is(node, "device", "cdrom");
	disk.scsi = !(streq(bus, "ide") && d->i440fx);
	if (!disk.scsi || streq(bus, "scsi"))
		read_place(node, &disk);
	disk.path = attribute(child(node, "source"), "file");
	disk.format = attribute(child(node, "driver"), "type");
	if (!disk.format)
		disk.format = xstrdup("raw");
	disk.target = target ? TAKE_PTR(target) : xstrdup("");
	vec_push(&d->disks, disk);
}

static void read_console(struct domain_info *d, const xmlNode *node)
{
	if (!attribute_is(node, "type", "pty"))
		note(&d->changed, "%s: where it leads to is left out; what the guest writes is logged", shown(node));
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What libvirt adds to every domain by itself, and our machines have, too, or nobody has. */
static bool is_implied(const xmlNode *node)
{
	return (is_element(node, "input") && attribute_is(node, "bus", "ps2")) ||
	       (is_element(node, "audio") && attribute_is(node, "type", "none")) ||
	       (is_element(node, "channel") && child(node, "target") &&
		attribute_is(child(node, "target"), "name", "org.qemu.guest_agent.0"));
}

static void read_device(struct domain_info *d, const xmlNode *node)
{
	_cleanup_free_ char *model = attribute(node, "model"), *text = NULL;

	if (is_implied(node) || judge(d, in_devices, "", node) != FINE)
		return;
	if (is_element(node, "interface")) {
		read_nic(d, node);
	} else if (is_element(node, "disk")) {
		read_disk(d, node);
	} else if (is_element(node, "serial") || is_element(node, "console")) {
		read_console(d, node);
	} else if (is_element(node, "emulator")) {
		text = content(node);
		if (!text || (!streq(base_name(text), "qemu-system-x86_64") && !streq(base_name(text), "kvm")))
			note(&d->changed, "emulator: libvirt's own is taken");
	} else if (is_element(node, "controller") && attribute_is(node, "type", "scsi") && model && !streq(model, "virtio-scsi")) {
		note(&d->refused, "controller: its model is %s, and only virtio-scsi is available", model);
	}
}

static int read_domain(const xmlNode *domain, struct domain_info *d, const char **ret_why)
{
	_cleanup_free_ char *id = content(child(domain, "uuid"));
	const xmlNode *devices = child(domain, "devices");

	d->name = content(child(domain, "name"));
	if (!id || guid_parse(id, &d->id) < 0 || guid_is_zero(&d->id) || !d->name) {
		*ret_why = "it has no name or no UUID";
		return -EINVAL;
	}
	/* QEMU's own arguments are elements with a name space of theirs. */
	each_element(node, domain)
		judge(d, in_domain, "", node);
	if (!attribute_is(domain, "type", "kvm") && !attribute_is(domain, "type", "qemu"))
		note(&d->refused, "domain: its type is neither kvm nor qemu");
	read_notes(d, domain);
	read_memory(d, child(domain, "memory"));
	read_processors(d, child(domain, "vcpu"));
	read_os(d, child(domain, "os") ? child(domain, "os") : domain);
	if (child(domain, "features")) {
		each_element(node, child(domain, "features"))
			judge(d, in_features, "features: ", node);
	}
	if (child(domain, "cpu"))
		read_cpu(d, child(domain, "cpu"));
	if (child(domain, "clock") && !attribute_is(child(domain, "clock"), "offset", "utc"))
		note(&d->changed, "clock: it shows UTC");
	if (devices)
		each_element(node, devices)
			read_device(d, node);
	return 0;
}

int domain_parse(const char *xml, size_t size, struct domain_info *ret, const char **ret_why)
{
	struct domain_info d = { 0 };
	xmlNode *root;
	xmlDoc *doc;
	int r;

	*ret_why = "it is too long";
	if (size > DOMAIN_XML_MAX)
		return -EMSGSIZE;
	doc = xmlReadMemory(xml, (int)size, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	root = doc ? xmlDocGetRootElement(doc) : NULL;
	*ret_why = "it is not the XML of a domain";
	/* Without a document type there are no entities that could stand for more than they are. */
	if (!root || doc->intSubset || !is_element(root, "domain"))
		r = -EINVAL;
	else
		r = read_domain(root, &d, ret_why);
	xmlFreeDoc(doc);
	if (r < 0)
		domain_info_done(&d);
	else
		*ret = d;
	return r;
}

static void texts_done(text_vec *texts)
{
	vec_foreach(texts, text)
		free(*text);
	vec_done(texts);
}

void domain_info_done(struct domain_info *d)
{
	vec_foreach(&d->nics, nic)
		free(nic->where);
	vec_done(&d->nics);
	vec_foreach(&d->disks, disk) {
		free(disk->target);
		free(disk->path);
		free(disk->format);
	}
	vec_done(&d->disks);
	texts_done(&d->refused);
	texts_done(&d->changed);
	free(d->name);
	free(d->notes);
	free(d->kernel);
	free(d->initrd);
	free(d->command_line);
	*d = (struct domain_info){ 0 };
}
