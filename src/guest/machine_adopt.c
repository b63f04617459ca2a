/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "machine_copy.h"
#include "vec.h"

/*
 * A machine's memory wants its devices at the addresses that it knows, and the memory they have. Of the XML that came with it just that is
 * taken, as numbers and words; everything else is ours, because whoever wrote that XML could have had QEMU open any file.
 */

#define XML_MAX (1u << 20)

static bool is(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && !node->ns && streq((const char *)node->name, name);
}

static xmlNode *child(const xmlNode *parent, const char *name)
{
	for (xmlNode *node = parent ? parent->children : NULL; node; node = node->next)
		if (is(node, name))
			return node;
	return NULL;
}

/* A number, an address or a name: "0x1f", "pcie-root-port". */
static bool is_word(const char *text)
{
	return strlen(text) <= 32 && strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._") == strlen(text);
}

static bool attributes_equal(const xmlNode *a, const xmlNode *b, const char *name)
{
	xmlChar *x = a ? xmlGetNoNsProp(a, (const xmlChar *)name) : NULL, *y = b ? xmlGetNoNsProp(b, (const xmlChar *)name) : NULL;
	bool equal = x && y ? strieq((const char *)x, (const char *)y) : !x && !y;

	xmlFree(x);
	xmlFree(y);
	return equal;
}

static void take_attribute(const xmlNode *from, xmlNode *to, const char *name)
{
	xmlChar *text = xmlGetNoNsProp(from, (const xmlChar *)name);

	if (text && is_word((const char *)text))
		xmlSetProp(to, (const xmlChar *)name, text);
	xmlFree(text);
}

/* The element with those of its attributes, in the place of the one that is there. */
static void take_element(const xmlNode *from, xmlNode *to, const char *name, const char *const attributes[])
{
	xmlNode *theirs = child(from, name), *ours = child(to, name);

	if (!theirs)
		return;
	if (!ours)
		ours = xmlNewChild(to, NULL, (const xmlChar *)name, NULL);
	for (; *attributes; attributes++)
		take_attribute(theirs, ours, *attributes);
}

static void take_address(const xmlNode *from, xmlNode *to)
{
	static const char *const attributes[] = { "type", "domain", "bus", "slot", "function", "multifunction", "controller", "target", "unit",
						  "port", "iobase", "base", NULL };

	take_element(from, to, "address", attributes);
}

/* The number in an element, with its unit. */
static void take_number(const xmlNode *from, xmlNode *to, const char *name)
{
	const xmlNode *theirs = child(from, name);
	xmlNode *ours = child(to, name);
	xmlChar *text = theirs ? xmlNodeGetContent(theirs) : NULL, *unit = theirs ? xmlGetNoNsProp(theirs, (const xmlChar *)"unit") : NULL;
	uint64_t value;

	if (ours && text && unit && is_word((const char *)unit) && parse_u64((const char *)text, UINT64_MAX >> 12, &value) == 0) {
		xmlNodeSetContent(ours, text);
		xmlSetProp(ours, (const xmlChar *)"unit", unit);
	}
	xmlFree(text);
	xmlFree(unit);
}

static xmlNode *cell_of(const xmlNode *domain)
{
	const xmlNode *cpu = child(domain, "cpu"), *numa = child(cpu, "numa");

	return child(numa, "cell");
}

/* A number of KiB, as libvirt has all of them, as our mark's number of bytes. */
static void mark_number(xmlNode *mark, const char *name, const xmlChar *text, const xmlChar *unit)
{
	uint64_t kib;

	if (text && unit && streq((const char *)unit, "KiB") && parse_u64((const char *)text, UINT64_MAX >> 12, &kib) == 0) {
		_cleanup_free_ char *bytes = xasprintf("%" PRIu64, kib << 10);

		xmlSetProp(mark, (const xmlChar *)name, (const xmlChar *)bytes);
	}
}

/* What it booted with, which the documents may have changed while it ran, and how far it can grow: memory is balanced by our mark. */
static void take_boot_memory(const xmlNode *from, xmlNode *to)
{
	static const char *const attributes[] = { "memory", "unit", NULL };
	const xmlNode *theirs = cell_of(from), *memory = child(from, "memory"), *metadata = child(to, "metadata");
	xmlNode *ours = cell_of(to), *mark = metadata ? metadata->children : NULL;
	xmlChar *text, *unit;

	for (const char *const *name = attributes; theirs && ours && *name; name++)
		take_attribute(theirs, ours, *name);
	while (mark && (mark->type != XML_ELEMENT_NODE || !mark->ns || !streq((const char *)mark->name, "machine")))
		mark = mark->next;
	if (!theirs || !memory || !mark)
		return;
	text = xmlGetNoNsProp(theirs, (const xmlChar *)"memory");
	unit = xmlGetNoNsProp(theirs, (const xmlChar *)"unit");
	mark_number(mark, "memory", text, unit);
	xmlFree(text);
	xmlFree(unit);
	text = xmlNodeGetContent(memory);
	unit = xmlGetNoNsProp(memory, (const xmlChar *)"unit");
	mark_number(mark, "limit", text, unit);
	xmlFree(text);
	xmlFree(unit);
}

static void take_memory_device(const xmlNode *from, xmlNode *to)
{
	const xmlNode *theirs = child(from, "target");
	xmlNode *ours = child(to, "target");

	if (!theirs || !ours)
		return;
	take_number(theirs, ours, "size");
	take_number(theirs, ours, "requested");
}

/* ---- devices ---- */

static bool is_same_device(const xmlNode *a, const xmlNode *b)
{
	if (!is(a, (const char *)b->name))
		return false;
	if (is(a, "controller"))
		return attributes_equal(a, b, "type") && attributes_equal(a, b, "model");
	if (is(a, "disk"))
		return attributes_equal(child(a, "target"), child(b, "target"), "dev");
	if (is(a, "interface"))
		return attributes_equal(child(a, "mac"), child(b, "mac"), "address");
	return true;
}

typedef VEC(const xmlNode *) node_vec;

static bool is_taken(const node_vec *taken, const xmlNode *node)
{
	vec_foreach(taken, one)
		if (*one == node)
			return true;
	return false;
}

/* Devices of a kind are in the same order in both. */
static const xmlNode *find_device(const xmlNode *devices, const xmlNode *own, const node_vec *taken)
{
	for (const xmlNode *node = devices->children; node; node = node->next)
		if (node->type == XML_ELEMENT_NODE && !node->ns && is_same_device(node, own) && !is_taken(taken, node))
			return node;
	return NULL;
}

static void take_controller(const xmlNode *from, xmlNode *to)
{
	static const char *const target[] = { "chassis", "port", "hotplug", "busNr", NULL };
	static const char *const attributes[] = { "type", "index", "model", NULL };

	for (const char *const *name = attributes; *name; name++)
		take_attribute(from, to, *name);
	take_element(from, to, "target", target);
	take_address(from, to);
}

#define DEVICES_MAX 4096

static bool take_devices(const xmlNode *from, xmlNode *to)
{
	xmlNode *first = to->children;
	node_vec taken = { 0 };
	size_t n = 0;

	for (xmlNode *node = first; node; node = node->next) {
		const xmlNode *theirs = node->type == XML_ELEMENT_NODE ? find_device(from, node, &taken) : NULL;

		if (!theirs)
			continue;
		vec_push(&taken, theirs);
		if (is(node, "controller"))
			take_controller(theirs, node);
		else if (is(node, "memory"))
			take_memory_device(theirs, node);
		take_address(theirs, node);
	}
	/* What libvirt added by itself, or for a device that came while it ran. */
	for (const xmlNode *node = from->children; node && n <= DEVICES_MAX; node = node->next, n++)
		if (is(node, "controller") && !is_taken(&taken, node))
			take_controller(node, xmlNewChild(to, NULL, (const xmlChar *)"controller", NULL));
	vec_done(&taken);
	return n <= DEVICES_MAX;
}

/* What says whether virtualization extensions are exposed (NV-1) is ours to say. */
static bool is_ours_to_say(const char *feature)
{
	return streq(feature, "svm") || streq(feature, "vmx") || streq(feature, "npt");
}

static bool has_feature(const xmlNode *cpu, const xmlNode *feature)
{
	for (const xmlNode *node = cpu->children; node; node = node->next)
		if (is(node, "feature") && attributes_equal(node, feature, "name"))
			return true;
	return false;
}

/* Those that libvirt added when it was started. */
static void take_features(const xmlNode *from, xmlNode *to)
{
	static const char *const attributes[] = { "policy", "name", NULL };

	for (const xmlNode *node = from ? from->children : NULL; node && to; node = node->next) {
		xmlChar *name = is(node, "feature") ? xmlGetNoNsProp(node, (const xmlChar *)"name") : NULL;

		if (name && is_word((const char *)name) && !is_ours_to_say((const char *)name) && !has_feature(to, node)) {
			xmlNode *added = xmlNewChild(to, NULL, (const xmlChar *)"feature", NULL);

			for (const char *const *a = attributes; *a; a++)
				take_attribute(node, added, *a);
		}
		xmlFree(name);
	}
}

static xmlDoc *parse(const char *xml)
{
	size_t n = strnlen(xml, XML_MAX + 1);

	return n > XML_MAX ? NULL : xmlReadMemory(xml, (int)n, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

static bool adopt(xmlNode *own, const xmlNode *kept)
{
	static const char *const machine[] = { "machine", NULL };

	if (!own || !kept || !is(own, "domain") || !is(kept, "domain") || !child(own, "devices") || !child(kept, "devices"))
		return false;
	if (child(own, "os") && child(kept, "os"))
		take_element(child(kept, "os"), child(own, "os"), "type", machine);
	take_features(child(kept, "cpu"), child(own, "cpu"));
	take_number(kept, own, "maxMemory");
	take_number(kept, own, "memory");
	take_number(kept, own, "currentMemory");
	take_boot_memory(kept, own);
	return take_devices(child(kept, "devices"), child(own, "devices"));
}

char *machine_xml_adopt(const char *own, const char *kept)
{
	xmlDoc *ours = parse(own), *theirs = parse(kept);
	xmlChar *text = NULL;
	char *copy = NULL;

	if (ours && theirs && adopt(xmlDocGetRootElement(ours), xmlDocGetRootElement(theirs)))
		xmlDocDumpMemory(ours, &text, NULL);
	if (text)
		copy = xstrdup((const char *)text);
	xmlFree(text);
	xmlFreeDoc(ours);
	xmlFreeDoc(theirs);
	return copy;
}
