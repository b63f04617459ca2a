/* SPDX-License-Identifier: Apache-2.0 */
#include "seed.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "program.h"
#include "str.h"

/* A host name has letters, digits and dashes; a machine's may have anything. */
char *seed_meta_data(const struct guid *id, const char *name)
{
	struct str s = { 0 };
	char text[GUID_TEXT_SIZE];
	size_t before;

	str_addf(&s, "instance-id: %s\nlocal-hostname: ", guid_format(id, text));
	before = s.len;
	for (; *name && s.len - before < 63; name++) {
		if (isascii((unsigned char)*name) && isalnum((unsigned char)*name))
			str_addc(&s, (char)tolower((unsigned char)*name));
		else if (s.len > before && s.data[s.len - 1] != '-')
			str_addc(&s, '-');
	}
	while (s.len > before && s.data[s.len - 1] == '-')
		s.data[--s.len] = 0;
	/* Without letters a number would be read as one. */
	if (s.len == before)
		str_add(&s, "localhost");
	str_addc(&s, '\n');
	return str_take(&s);
}

static int write_file(const char *path, const char *text, size_t size)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : write_all(fd, text, size);
}

void seed_parts_remove(const char *image)
{
	static const char *const endings[] = { "user-data", "meta-data", "new" };

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		_cleanup_free_ char *path = xasprintf("%s.%s", image, endings[i]);

		(void)unlink(path);
	}
}

int seed_make(const char *user_data, const char *image, const struct guid *id, const char *name, char **message)
{
	_cleanup_free_ char *text = NULL, *meta = seed_meta_data(id, name), *user_path = xasprintf("%s.user-data", image);
	_cleanup_free_ char *meta_path = xasprintf("%s.meta-data", image), *new = xasprintf("%s.new", image);
	_cleanup_free_ char *user_point = xasprintf("user-data=%s", user_path), *meta_point = xasprintf("meta-data=%s", meta_path);
	const char *const argv[] = { "xorrisofs", "-quiet", "-output", new, "-volid", "cidata", "-joliet", "-rational-rock",
				     "-graft-points", user_point, meta_point, NULL };
	_cleanup_free_ char *said = NULL;
	size_t size = 0;
	int r = read_file(user_data, SEED_USER_DATA_MAX, &text, &size);

	if (r < 0) {
		*message = xasprintf("the user-data in \"%s\" cannot be read: %s", user_data, strerror(-r));
		return r;
	}
	/* Copies, so that whoever names files can name none of xorriso's options. */
	r = write_file(user_path, text, size);
	if (r == 0)
		r = write_file(meta_path, meta, strlen(meta));
	if (r == 0)
		r = program_run(argv, -1, &said);
	if (r == 0 && rename(new, image) < 0)
		r = -errno;
	if (r < 0)
		*message = xasprintf("the DVD for cloud-init cannot be made: %s", said ? said : strerror(-r));
	seed_parts_remove(image);
	return r;
}
