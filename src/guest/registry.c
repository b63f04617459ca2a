/* SPDX-License-Identifier: Apache-2.0 */
#include "registry.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>

#define SUFFIX ".json"
#define MAX_FILE 4096

static char *entry_path(const char *dir, const struct guid *id)
{
	char text[GUID_TEXT_SIZE];

	return xasprintf("%s/%s" SUFFIX, dir, guid_format(id, text));
}

int registry_write(const char *dir, const struct registry_entry *e)
{
	_cleanup_free_ char *path = entry_path(dir, &e->id), *text = NULL;
	char id[GUID_TEXT_SIZE];
	json_t *j = json_pack("{s:s, s:s, s:i, s:I, s:I, s:I}", "id", guid_format(&e->id, id), "name", e->name, "pid", (int)e->pid,
			      "startTicks", (json_int_t)e->start_ticks, "started", (json_int_t)e->started_us, "boot",
			      (json_int_t)e->boot);

	/* The one way to fail short of memory. */
	if (!j)
		return -EILSEQ;
	text = json_dumps(j, JSON_INDENT(2));
	json_decref(j);
	return text ? write_file_atomic(path, text, strlen(text)) : -EILSEQ;
}

void registry_remove(const char *dir, const struct guid *id)
{
	_cleanup_free_ char *path = entry_path(dir, id);

	(void)unlink(path);
}

static int entry_read(const char *path, const struct guid *id, struct registry_entry *ret)
{
	struct registry_entry e = { .id = *id };
	_cleanup_free_ char *text = NULL;
	const char *name, *id_text;
	json_int_t start_ticks, started, boot = 0;
	struct guid id_inside;
	size_t size;
	json_t *j;
	int pid, r;

	r = read_file(path, MAX_FILE, &text, &size);
	if (r < 0)
		return r;
	j = json_loadb(text, size, 0, NULL);
	r = json_unpack(j, "{s:s, s:s, s:i, s:I, s:I, s?:I}", "id", &id_text, "name", &name, "pid", &pid, "startTicks",
			&start_ticks, "started", &started, "boot", &boot);
	if (r == 0 && (guid_parse(id_text, &id_inside) < 0 || !guid_equal(&id_inside, id) || pid <= 1 || start_ticks < 0 ||
		       started < 0 || boot < 0 || strlen(name) >= sizeof(e.name)))
		r = -1;
	if (r == 0) {
		strcpy(e.name, name);
		e.pid = pid;
		e.start_ticks = (uint64_t)start_ticks;
		e.started_us = (uint64_t)started;
		e.boot = (uint64_t)boot;
		*ret = e;
	}
	json_decref(j);
	return r < 0 ? -EPROTO : 0;
}

int registry_each(const char *dir, void (*fn)(const struct registry_entry *e, void *arg), void *arg)
{
	DIR *d = opendir(dir);
	struct dirent *file;

	if (!d)
		return -errno;
	while ((file = readdir(d))) {
		size_t len = strlen(file->d_name);
		_cleanup_free_ char *path = xasprintf("%s/%s", dir, file->d_name), *id_text = NULL;
		struct registry_entry e;
		struct guid id;

		if (len <= strlen(SUFFIX) || !streq(file->d_name + len - strlen(SUFFIX), SUFFIX))
			continue;
		id_text = xstrndup(file->d_name, len - strlen(SUFFIX));
		if (guid_parse(id_text, &id) == 0 && entry_read(path, &id, &e) == 0)
			fn(&e, arg);
		else
			(void)unlink(path);
	}
	closedir(d);
	return 0;
}
