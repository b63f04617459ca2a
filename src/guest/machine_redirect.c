/* SPDX-License-Identifier: Apache-2.0 */
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "machine_copy.h"

static bool is(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && !node->ns && streq((const char *)node->name, name);
}

static xmlNode *child(const xmlNode *parent, const char *name)
{
	for (xmlNode *node = parent->children; node; node = node->next)
		if (is(node, name))
			return node;
	return NULL;
}

static void remove_child(const xmlNode *parent, const char *name)
{
	xmlNode *node = child(parent, name);

	if (!node)
		return;
	xmlUnlinkNode(node);
	xmlFreeNode(node);
}

/* What lies below the image is found anew. */
static void redirect_disk(xmlNode *disk, const struct machine_disk *to)
{
	xmlNode *driver = child(disk, "driver"), *source;

	remove_child(disk, "source");
	remove_child(disk, "backingStore");
	source = xmlNewChild(disk, NULL, (const xmlChar *)"source", NULL);
	xmlSetProp(source, (const xmlChar *)"file", (const xmlChar *)to->to);
	if (driver)
		xmlSetProp(driver, (const xmlChar *)"type", (const xmlChar *)"qcow2");
}

static void redirect_devices(const xmlNode *devices, const struct machine_disk *disks, size_t n)
{
	for (xmlNode *node = devices->children; node; node = node->next) {
		xmlNode *target = is(node, "disk") ? child(node, "target") : NULL;
		xmlChar *dev = target ? xmlGetNoNsProp(target, (const xmlChar *)"dev") : NULL;

		for (size_t i = 0; dev && i < n; i++)
			if (streq((const char *)dev, disks[i].target))
				redirect_disk(node, &disks[i]);
		xmlFree(dev);
	}
}

char *machine_xml_redirect(const char *xml, const char *name, const struct machine_disk *disks, size_t n)
{
	xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	xmlChar *text = NULL;
	char *copy = NULL;

	if (root && is(root, "domain") && child(root, "devices")) {
		redirect_devices(child(root, "devices"), disks, n);
		remove_child(root, "name");
		xmlNewTextChild(root, NULL, (const xmlChar *)"name", (const xmlChar *)name);
		xmlDocDumpMemory(doc, &text, NULL);
		copy = text ? xstrdup((const char *)text) : NULL;
		xmlFree(text);
	}
	xmlFreeDoc(doc);
	return copy;
}
