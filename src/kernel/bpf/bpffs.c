/* SPDX-License-Identifier: Apache-2.0 */
#include "bpffs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "util.h"

/* RUN-DIR/bpf, open; mounted first where it is not yet. */
static int mount_here(const char *path)
{
	struct statfs fs;
	int fd;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return -errno;
	if (statfs(path, &fs) != 0)
		return -errno;
	if (fs.f_type != BPF_FS_MAGIC && mount("bpf", path, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") != 0)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

static int unmount_here(const char *path)
{
	struct statfs fs;

	if (statfs(path, &fs) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (fs.f_type == BPF_FS_MAGIC && umount2(path, MNT_DETACH) != 0)
		return -errno;
	return rmdir(path) == 0 || errno == ENOENT ? 0 : -errno;
}

#define ANCESTORS_MAX 64

/* The parent of a process that can be seen from here; 0: none. */
static pid_t parent_of(pid_t pid)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	const char *end;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (read_file(path, 4096, &text, NULL) < 0)
		return 0;
	end = strrchr(text, ')');
	return end && sscanf(end, ") %*c %d", &parent) == 1 && parent > 0 ? parent : 0;
}

/* Into the mount namespace of a process, if it shows the same run directory. Only for a process that exits soon. */
static int enter_namespace_of(pid_t pid, const char *run_dir, const struct stat *here)
{
	_cleanup_close_ int ns = -1;
	struct stat there;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNS) != 0 || stat(run_dir, &there) != 0)
		return -errno;
	return here->st_dev == there.st_dev && here->st_ino == there.st_ino ? 0 : -EXDEV;
}

/*
 * Into the namespace that will outlive this process: that of PID 1, or where that is closed to us (it may have rights
 * that we lack) of the outermost ancestor.
 */
static int enter_lasting_namespace(const char *run_dir)
{
	pid_t line[ANCESTORS_MAX];
	size_t n = 0;
	struct stat here;

	if (stat(run_dir, &here) != 0)
		return -errno;
	for (pid_t pid = getppid(); pid > 1 && n < ANCESTORS_MAX; pid = parent_of(pid))
		line[n++] = pid;
	if (enter_namespace_of(1, run_dir, &here) == 0)
		return 0;
	while (n--)
		if (enter_namespace_of(line[n], run_dir, &here) == 0)
			return 0;
	return -EXDEV;
}

static int send_fd(int sock, int result)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = &result, .iov_len = sizeof(result) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (result >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &result, sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == sizeof(result) ? 0 : -errno;
}

/* The descriptor (or -Exxx) that send_fd() sent. */
static int receive_fd(int sock)
{
	char control[CMSG_SPACE(sizeof(int))];
	int result = -EIO;
	struct iovec iov = { .iov_base = &result, .iov_len = sizeof(result) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != sizeof(result))
		return -EIO;
	if (result < 0)
		return result;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -EIO;
	memcpy(&result, CMSG_DATA(c), sizeof(int));
	return result;
}

/* Runs work(path) in the lasting mount namespace, in a child, because there is no way back from it. */
static int run_in_lasting_namespace(const char *run_dir, const char *path, int (*work)(const char *), bool want_fd)
{
	_cleanup_close_ int here = -1, there = -1;
	int pair[2], result;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	here = pair[0];
	there = pair[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		result = enter_lasting_namespace(run_dir);
		if (result == 0)
			result = work(path);
		else
			result = -EXDEV;
		/* a plain 0 is no descriptor: it travels as a made-up error */
		if (!want_fd && result == 0)
			result = -EALREADY;
		_exit(send_fd(there, result) == 0 ? 0 : 1);
	}
	close(TAKE_FD(there));
	result = receive_fd(here);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return !want_fd && result == -EALREADY ? 0 : result;
}

static int run(const char *run_dir, int (*work)(const char *), bool want_fd)
{
	char path[PATH_MAX];
	int r;

	if (run_dir[0] != '/' || snprintf(path, sizeof(path), "%s/bpf", run_dir) >= (int)sizeof(path))
		return -EINVAL;
	r = run_in_lasting_namespace(run_dir, path, work, want_fd);
	/* another mount namespace altogether (a container), or no right to enter any */
	return r == -EXDEV ? work(path) : r;
}

int bpffs_open(const char *run_dir, int *ret_dirfd)
{
	int r = run(run_dir, mount_here, true);

	if (r < 0)
		return r;
	*ret_dirfd = r;
	return 0;
}

int bpffs_remove(const char *run_dir)
{
	return run(run_dir, unmount_here, false);
}
