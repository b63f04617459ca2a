/* SPDX-License-Identifier: Apache-2.0 */
#include "save_image.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine_xml.h"
#include "str.h"
#include "util.h"

/* libvirt's src/qemu/qemu_saveimage.h; in the byte order of the host that wrote it. */
struct head {
	char magic[16];
	uint32_t version;
	uint32_t data_len; /* of the XML, and of what follows it within the same bound */
	uint32_t was_running;
	uint32_t compressed;
	uint32_t cookie_offset;
	uint32_t unused[14];
};
_Static_assert(sizeof(struct head) == 92, "libvirt's layout");

#define MAGIC "LibvirtQemudSave"
#define VERSION_MAX 3
#define DATA_MAX (1u << 20)

static bool is_sound(const struct head *h, uint64_t size)
{
	return memcmp(h->magic, MAGIC, sizeof(h->magic)) == 0 && h->version >= 1 && h->version <= VERSION_MAX && h->data_len &&
	       h->data_len <= DATA_MAX && sizeof(*h) + h->data_len < size && h->cookie_offset < h->data_len;
}

void save_image_rename_text(char *text, size_t size, const struct save_image_id *ids, size_t n)
{
	for (size_t at = 0; at < size; at++) {
		for (size_t i = 0; i < n; i++) {
			size_t len = strlen(ids[i].from);

			if (len > size - at || strncasecmp(text + at, ids[i].from, len) != 0)
				continue;
			memcpy(text + at, ids[i].to, len);
			at += len - 1;
			break;
		}
	}
}

/* Opens it, and reads its head and the text (the XML, what libvirt calls a cookie, and room). */
static int read_text(const char *path, int *ret_fd, struct head *ret, char **ret_text)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	struct head h;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	got = pread(fd, &h, sizeof(h), 0);
	if (got != sizeof(h) || !is_sound(&h, (uint64_t)st.st_size))
		return got < 0 ? -errno : -EINVAL;
	text = xmalloc(h.data_len);
	got = pread(fd, text, h.data_len, sizeof(h));
	if (got != (ssize_t)h.data_len)
		return got < 0 ? -errno : -EIO;
	/* libvirt reads a string. */
	if (!memchr(text, 0, h.data_len))
		return -EINVAL;
	*ret_fd = TAKE_FD(fd);
	*ret = h;
	*ret_text = TAKE_PTR(text);
	return 0;
}

int save_image_rename(const char *path, const struct save_image_id *ids, size_t n)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *text = NULL;
	struct head h;
	ssize_t got;
	int r = read_text(path, &fd, &h, &text);

	/* A program would unpack it. */
	if (r == 0 && h.compressed)
		r = -EINVAL;
	if (r < 0 || !n)
		return r;
	save_image_rename_text(text, h.data_len, ids, n);
	got = pwrite(fd, text, h.data_len, sizeof(h));
	if (got != (ssize_t)h.data_len)
		return got < 0 ? -errno : -EIO;
	return fsync(fd) < 0 ? -errno : 0;
}

#define NAME_BEGINS "<name>"
#define NAME_ENDS "</name>"

/* 1: *ret is the same text with the name, and what follows is as far behind it as it was. 0: that is its name. */
static int text_named(const struct head *h, const char *text, const char *name, char *ret, uint32_t *ret_cookie)
{
	size_t xml = strnlen(text, h->data_len), cookie = 0, room = h->data_len, before, after;
	const char *begin = strstr(text, NAME_BEGINS), *end = begin ? strstr(begin, NAME_ENDS) : NULL;
	_cleanup_str_ struct str to = { 0 };

	if (!end || (h->cookie_offset && h->cookie_offset <= xml))
		return -EINVAL;
	begin += strlen(NAME_BEGINS);
	xml_text_add(&to, name);
	if (to.len == (size_t)(end - begin) && memcmp(str_get(&to), begin, to.len) == 0)
		return 0;
	before = (size_t)(begin - text);
	after = xml + 1 - (size_t)(end - text);
	if (h->cookie_offset)
		cookie = strnlen(text + h->cookie_offset, h->data_len - h->cookie_offset);
	if (before + to.len + after + cookie + 1 > room)
		return -ENOSPC;
	memcpy(ret, text, before);
	memcpy(ret + before, str_get(&to), to.len);
	memcpy(ret + before + to.len, end, after);
	memcpy(ret + before + to.len + after, text + h->cookie_offset, cookie);
	*ret_cookie = h->cookie_offset ? (uint32_t)(before + to.len + after) : 0;
	return 1;
}

int save_image_set_name(const char *path, const char *name)
{
	_cleanup_free_ char *text = NULL, *whole = NULL;
	_cleanup_close_ int fd = -1;
	uint32_t cookie = 0;
	struct head h;
	ssize_t got;
	int r = read_text(path, &fd, &h, &text);

	if (r < 0)
		return r;
	whole = xcalloc(1, sizeof(h) + h.data_len);
	r = text_named(&h, text, name, whole + sizeof(h), &cookie);
	if (r <= 0)
		return r;
	h.cookie_offset = cookie;
	memcpy(whole, &h, sizeof(h));
	/* In one piece, so that whoever dies here leaves the one or the other. */
	got = pwrite(fd, whole, sizeof(h) + h.data_len, 0);
	if (got != (ssize_t)(sizeof(h) + h.data_len))
		return got < 0 ? -errno : -EIO;
	return fsync(fd) < 0 ? -errno : 0;
}
