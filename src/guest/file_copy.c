/* SPDX-License-Identifier: Apache-2.0 */
#include "file_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

/* Between two looks whether it should end. */
#define PIECE (16u << 20)

static bool is_told_to_end(int stop_fd)
{
	struct pollfd stop = { .fd = stop_fd, .events = POLLIN };

	return stop_fd >= 0 && poll(&stop, 1, 0) > 0;
}

static int copy_piece(int from, int to, off_t at, off_t end)
{
	while (at < end) {
		off_t in = at, out = at;
		ssize_t n = copy_file_range(from, &in, to, &out, (size_t)(end - at), 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		/* It became shorter meanwhile. */
		if (n == 0)
			return -EIO;
		at += n > 0 ? n : 0;
	}
	return 0;
}

static int copy_data(int from, int to, off_t size, int stop_fd)
{
	off_t at = 0, end;

	while ((at = lseek(from, at, SEEK_DATA)) >= 0 && at < size) {
		end = lseek(from, at, SEEK_HOLE);
		if (end < 0)
			return -errno;
		for (end = MIN(end, size); at < end; at = MIN(at + PIECE, end)) {
			int r = is_told_to_end(stop_fd) ? -ECANCELED : copy_piece(from, to, at, MIN(at + PIECE, end));

			if (r < 0)
				return r;
		}
	}
	return at < 0 && errno != ENXIO ? -errno : 0;
}

int file_copy(const char *from, const char *to, uint64_t max, int stop_fd)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY), out = -1;
	_cleanup_free_ char *part = xasprintf("%s.part", to);
	struct stat st;
	int r = 0;

	if (in < 0 || fstat(in, &st) < 0)
		return errno == ELOOP ? -EINVAL : -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	(void)unlink(part);
	out = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return -errno;
	if (ftruncate(out, st.st_size) < 0)
		r = -errno;
	if (r == 0)
		r = copy_data(in, out, st.st_size, stop_fd);
	/* Who may read it is who may read what it was copied from: QEMU need not be root. */
	if (r == 0 && (fchown(out, st.st_uid, st.st_gid) < 0 || fchmod(out, st.st_mode & 0777) < 0 || fsync(out) < 0 || rename(part, to) < 0))
		r = -errno;
	if (r < 0)
		(void)unlink(part);
	return r;
}
