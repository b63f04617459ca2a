/* SPDX-License-Identifier: Apache-2.0 */
#include "save_image.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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
	return memcmp(h->magic, MAGIC, sizeof(h->magic)) == 0 && h->version >= 1 && h->version <= VERSION_MAX && h->compressed == 0 &&
	       h->data_len && h->data_len <= DATA_MAX && sizeof(*h) + h->data_len < size && h->cookie_offset < h->data_len;
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

int save_image_rename(const char *path, const struct save_image_id *ids, size_t n)
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
	if (!n)
		return 0;
	save_image_rename_text(text, h.data_len, ids, n);
	got = pwrite(fd, text, h.data_len, sizeof(h));
	if (got != (ssize_t)h.data_len)
		return got < 0 ? -errno : -EIO;
	return fsync(fd) < 0 ? -errno : 0;
}
