/* SPDX-License-Identifier: Apache-2.0 */
#include "unfinished.h"

#include "checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

/*
 * A symbolic link per file, whose target is the file and whose name says what it is: it is there or not, whenever the daemon dies, and
 * the documents' transaction is not needed for it. Of an image the name has the inode besides, so that a file that has the name by the
 * time of the next start is not taken for it.
 */

static char *directory(const struct engine *g)
{
	return xasprintf("%s/unfinished", g->config.state_dir);
}

static char *note(const struct engine *g, const char *prefix, const char *path)
{
	_cleanup_free_ char *dir = directory(g);
	struct guid id = guid_new();
	char text[GUID_TEXT_SIZE];
	char *link = xasprintf("%s/%s%s", dir, prefix, guid_format(&id, text));
	int r = mkdir_p(dir, 0700);

	if (r == 0 && symlink(path, link) < 0)
		r = -errno;
	/* What is made is worth more than the note of it. */
	if (r < 0)
		log_error("cannot note in %s that \"%s\" is being made: %s", dir, path, strerror(-r));
	return link;
}

char *unfinished_file(const struct engine *g, const char *path)
{
	return note(g, "file-", path);
}

char *unfinished_file_of(const struct engine *g, const char *path)
{
	return note(g, "of-", path);
}

char *unfinished_tree(const struct engine *g, const char *path)
{
	return note(g, "tree-", path);
}

char *unfinished_image(const struct engine *g, const char *path, const char *now)
{
	_cleanup_free_ char *prefix = NULL;
	struct stat st;

	if (stat(now, &st) < 0)
		return NULL;
	prefix = xasprintf("image-%" PRIu64 "-%" PRIu64 "-", (uint64_t)st.st_dev, (uint64_t)st.st_ino);
	return note(g, prefix, path);
}

void unfinished_end(char *note)
{
	if (note)
		(void)unlink(note);
	free(note);
}

bool image_is_in_drive(const struct docs *d, const char *path)
{
	/* Or below one, or a checkpoint's. */
	return image_is_pinned(d, path) || image_check_free(d, path, NULL) < 0;
}

static bool is_same_file(const char *path, uint64_t device, uint64_t inode)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_dev == device && st.st_ino == inode;
}

#define GUID_LENGTH 36 /* without braces */

static bool is_of_document(const struct docs *d, const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *text = xstrndup(slash ? slash + 1 : path, GUID_LENGTH);
	struct guid id;

	return guid_parse(text, &id) == 0 && (vm_get(d, &id) || checkpoint_get(d, &id));
}

static void take_away(const struct engine *g, const char *name, const char *path)
{
	uint64_t device, inode;

	if (strncmp(name, "tree-", 5) == 0)
		remove_tree(path);
	else if (strncmp(name, "file-", 5) == 0 || (strncmp(name, "of-", 3) == 0 && !is_of_document(g->config.docs, path)))
		(void)unlink(path);
	else if (sscanf(name, "image-%" SCNu64 "-%" SCNu64 "-", &device, &inode) == 2 && is_same_file(path, device, inode) &&
		 !image_is_in_drive(g->config.docs, path))
		(void)unlink(path);
	else
		return;
	log_info("\"%s\" was not finished when the daemon died: it is removed", path);
}

void unfinished_clean(const struct engine *g)
{
	_cleanup_free_ char *dir = directory(g);
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[4096];

	while (d && (entry = readdir(d))) {
		_cleanup_free_ char *link = xasprintf("%s/%s", dir, entry->d_name);
		ssize_t n = readlink(link, path, sizeof(path) - 1);

		if (n <= 0)
			continue;
		path[n] = '\0';
		take_away(g, entry->d_name, path);
		(void)unlink(link);
	}
	if (d)
		closedir(d);
}
