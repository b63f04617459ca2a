/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of a machine that comes from elsewhere: libvirt's file with it, whose ids are replaced, and the XML in that, of which nothing
 * gets into ours but numbers and words.
 */
#include <assert.h>
#include <fcntl.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine_copy.h"
#include "save_image.h"

#define HEAD 92

static char *path;
static struct str own;
static struct save_image_id ids[] = {
	{ (char *)"0a8e33f9-4564-4152-90a3-451dd9100729", (char *)"zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz" },
	{ (char *)"865b6633-140b-46af-a577-b66c38116f3e", (char *)"yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy" },
};

static void remove_file(void)
{
	unlink(path);
	free(path);
	str_done(&own);
	xmlCleanupParser();
}

static void make_own(void)
{
	const struct machine_nic nic = { .tap = "nst0", .mac = { { 2, 0, 0, 0, 0, 1 } }, .mtu = 1500, .connected = true };
	const struct machine_drive drives[] = {
		{ .id = { { 1 } }, .scsi = true, .path = "/own/a.qcow2", .format = "qcow2", .boot = 1 },
		{ .id = { { 2 } }, .scsi = true, .dvd = true, .location = 1, .format = "raw" },
	};
	const struct machine_spec spec = {
		.id = { { 3 } }, .name = "own", .processors = 2, .nics = &nic, .n_nics = 1, .drives = drives, .n_drives = ARRAY_SIZE(drives),
		.memory = { .startup = 256 << 20, .dynamic = true, .minimum = 128 << 20, .maximum = 1 << 30, .buffer = 20 },
		.firmware = MACHINE_UEFI, .nvram = "/own/x.fd",
	};
	const struct machine_host host = { .accel = MACHINE_TCG, .nested = true, .memory = 8ull << 30 };

	machine_xml(&spec, &host, "0123abcd", "/own/x.log", &own);
}

static void make_all(void)
{
	const char *place = getenv("TMPDIR");
	int fd;

	path = xasprintf("%s/memory-XXXXXX", place ? place : "/dev/shm");
	fd = mkstemp(path);
	assert(fd >= 0);
	close(fd);
	make_own();
	assert(atexit(remove_file) == 0);
}

/* ---- the file ---- */

static void put(const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static char *get(size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = xmalloc(size + 1);
	struct stat st;

	assert(fd >= 0 && fstat(fd, &st) == 0 && (size_t)st.st_size == size && pread(fd, text, size, 0) == (ssize_t)size);
	close(fd);
	text[size] = 0;
	return text;
}

static const char *id_at(const char *text, size_t left, bool was)
{
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		const char *id = was ? ids[i].from : ids[i].to;

		if (strlen(id) <= left && strncasecmp(text, id, strlen(id)) == 0)
			return id;
	}
	return NULL;
}

/* Nothing but an id has become another one, and only within the XML's bounds. */
static void check_renamed(const char *was, const char *is, size_t size)
{
	uint32_t length;

	memcpy(&length, was + 20, sizeof(length));
	assert(length && HEAD + (size_t)length < size);
	for (size_t at = 0; at < size;) {
		const char *id = at >= HEAD && at < HEAD + length ? id_at(was + at, HEAD + length - at, true) : NULL;

		if (id) {
			assert(id_at(is + at, HEAD + length - at, false));
			at += strlen(id);
		} else {
			assert(was[at] == is[at]);
			at++;
		}
	}
}

/* NULL: it is no such file. Else its XML. */
static char *rename_ids(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *is = NULL;
	int r;

	put(data, size);
	r = save_image_rename(path, ids, ARRAY_SIZE(ids));
	is = get(size);
	if (r < 0) {
		assert(memcmp(is, data, size) == 0);
		return NULL;
	}
	check_renamed((const char *)data, is, size);
	return xstrdup(is + HEAD);
}

/* ---- its XML ---- */

static bool is_word(const char *text)
{
	return strlen(text) <= 32 && strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._") == strlen(text);
}

/* Of the elements that may come. */
static bool may_come(const xmlNode *node)
{
	static const char *const names[] = { "controller", "address", "target", "feature" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq((const char *)node->name, names[i]) && !node->ns && !node->nsDef)
			return true;
	return false;
}

/* What is said there is a number or a word; of an element that is not ours, all; of one that is, what ours does not say. */
static void check_said(const xmlNode *node, const char *said, const char *ours)
{
	if (ours && streq(said, ours))
		return;
	assert(is_word(said));
	assert(!ours || !streq((const char *)node->name, "source"));
}

static void check_attributes(const xmlNode *node, const xmlNode *ours)
{
	for (const xmlAttr *a = node->properties; a; a = a->next) {
		xmlChar *said = xmlGetNoNsProp(node, a->name), *our = ours ? xmlGetNoNsProp(ours, a->name) : NULL;

		assert(said && (!a->ns || ours));
		check_said(node, (const char *)said, (const char *)our);
		xmlFree(said);
		xmlFree(our);
	}
}

/* Of a foreign XML's virtualization extensions (NV-1) nothing is taken. */
static void check_foreign(const xmlNode *node)
{
	xmlChar *name = xmlGetNoNsProp(node, (const xmlChar *)"name");

	assert(may_come(node));
	if (name && streq((const char *)node->name, "feature"))
		assert(!strieq((const char *)name, "svm") && !strieq((const char *)name, "vmx") && !strieq((const char *)name, "npt"));
	xmlFree(name);
}

/* What is ours is still there, in the same order; what else there is comes behind it. */
static void check_node(const xmlNode *is, const xmlNode *ours)
{
	check_attributes(is, ours);
	if (!ours)
		check_foreign(is);
	ours = ours ? ours->children : NULL;
	for (const xmlNode *node = is->children; node; node = node->next) {
		if (node->type != XML_ELEMENT_NODE) {
			assert(node->type == XML_TEXT_NODE);
			check_said(is, (const char *)node->content, ours ? (const char *)ours->content : NULL);
		} else {
			assert(!ours || (ours->type == node->type && streq((const char *)ours->name, (const char *)node->name)));
			check_node(node, ours);
		}
		ours = ours ? ours->next : NULL;
	}
	assert(!ours);
}

static void adopt(const char *kept)
{
	_cleanup_free_ char *xml = machine_xml_adopt(str_get(&own), kept);
	xmlDoc *is, *ours;

	if (!xml)
		return;
	is = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET);
	ours = xmlReadMemory(str_get(&own), (int)own.len, NULL, NULL, XML_PARSE_NONET);
	assert(is && ours && !is->intSubset);
	check_node(xmlDocGetRootElement(is), xmlDocGetRootElement(ours));
	xmlFreeDoc(is);
	xmlFreeDoc(ours);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *xml = NULL;

	if (!path)
		make_all();
	xml = rename_ids(data, size);
	if (!xml)
		xml = xstrndup((const char *)data, size);
	adopt(xml);
	return 0;
}
