/* SPDX-License-Identifier: Apache-2.0 */
#include "api_impl.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static int failed(const char *path, int errnum, const char *what, struct err **e)
{
	return err_set_errno(e, "Api.SocketFailed", errnum, path, "Cannot %s the socket %s: %s.", what, path,
			     strerror(errnum));
}

static int in_use(const char *path, pid_t pid, struct err **e)
{
	_cleanup_free_ char *who = pid ? xasprintf(" (process %d)", (int)pid) : xstrdup("");
	int r;

	r = err_set_errno(e, "Api.SocketInUse", EADDRINUSE, path, "Another daemon%s serves %s.", who, path);
	return err_advise(e, r, "Give this one a run directory of its own, or stop the other.");
}

/*
 * Two daemons that start at once must not take each other's socket for a dead one: whoever holds the lock may replace
 * it. A record lock is not inherited by children, which may outlive a killed daemon.
 */
static int take_lock(struct api_socket *s, struct err **e)
{
	_cleanup_free_ char *path = xasprintf("%s.lock", s->path);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0)
		return failed(path, errno, "lock", e);
	if (fcntl(s->lock_fd, F_SETLK, &lock) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return failed(path, errno, "lock", e);
	if (fcntl(s->lock_fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		lock.l_pid = 0;
	return in_use(s->path, lock.l_pid, e);
}

/* 1: somebody answers, 0: nobody does, or a negative errno. */
static int probe(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	/* EAGAIN: its backlog is full, so somebody listens. */
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return 1;
	return errno == ECONNREFUSED || errno == ENOENT ? 0 : -errno;
}

static int clear_path(struct api_socket *s, const struct sockaddr_un *address, struct err **e)
{
	struct stat st;
	int r;

	if (lstat(s->path, &st) < 0)
		return errno == ENOENT ? 0 : failed(s->path, errno, "look at", e);
	if (!S_ISSOCK(st.st_mode))
		return err_set_errno(e, "Api.SocketPathTaken", EEXIST, s->path, "%s is there and is no socket.",
				     s->path);
	r = probe(address);
	if (r < 0)
		return failed(s->path, -r, "try", e);
	if (r > 0)
		return in_use(s->path, 0, e);
	if (unlink(s->path) < 0)
		return failed(s->path, errno, "replace", e);
	return 0;
}

static int bind_and_listen(struct api_socket *s, const struct sockaddr_un *address, gid_t group, struct err **e)
{
	mode_t mask;
	int r;

	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return failed(s->path, errno, "make", e);
	/* The mode is right from the first moment; there are no threads that the mask could surprise. */
	mask = umask(0117);
	r = bind(s->fd, (const struct sockaddr *)address, sizeof(*address));
	umask(mask);
	if (r < 0)
		return failed(s->path, errno, "bind", e);
	s->bound = true;
	/* A daemon of an ordinary user may not be in the group: then it is for that user (and root) alone. */
	if (group != (gid_t)-1 && chown(s->path, (uid_t)-1, group) < 0)
		log_warning("The socket %s cannot be given to its group: %s", s->path, strerror(errno));
	if (listen(s->fd, SOMAXCONN) < 0)
		return failed(s->path, errno, "listen on", e);
	return 0;
}

int api_socket_listen(struct api_socket *s, const char *path, gid_t group, struct err **e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r;

	s->fd = s->lock_fd = -1;
	s->path = xstrdup(path);
	if (strlen(path) >= sizeof(address.sun_path))
		return err_advise(e, failed(path, ENAMETOOLONG, "make", e),
				  "Choose a run directory with a shorter name.");
	memcpy(address.sun_path, path, strlen(path));
	r = take_lock(s, e);
	if (r >= 0)
		r = clear_path(s, &address, e);
	if (r >= 0)
		r = bind_and_listen(s, &address, group, e);
	return r;
}

void api_socket_close(struct api_socket *s)
{
	/* Bound means ours: nobody else replaces it while we hold the lock. */
	if (s->bound)
		unlink(s->path);
	cleanup_closep(&s->fd);
	cleanup_closep(&s->lock_fd);
	free(s->path);
	*s = (struct api_socket){ .fd = -1, .lock_fd = -1 };
}
