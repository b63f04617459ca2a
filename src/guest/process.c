/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

int process_open(pid_t pid)
{
	int fd;

	if (pid <= 0)
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	return fd < 0 ? -errno : fd;
}

int process_signal(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int process_wait(int pidfd, int timeout_ms)
{
	int64_t deadline = now_ms() + MAX(timeout_ms, 0);

	if (pidfd < 0)
		return -EBADF;
	for (;;) {
		struct pollfd p = { .fd = pidfd, .events = POLLIN };
		int n = poll(&p, 1, (int)MAX(deadline - now_ms(), 0));

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0 && now_ms() >= deadline)
			return -EINPROGRESS;
	}
}

/* A file of /proc/PID, NUL-terminated. Such files have no size, and are read in one piece. */
static int proc_read(pid_t pid, const char *file, char *buf, size_t size)
{
	char path[64];
	_cleanup_close_ int fd = -1;
	size_t got = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	while (got < size - 1) {
		n = read(fd, buf + got, size - 1 - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	buf[got] = '\0';
	return (int)got;
}

int process_stat(pid_t pid, struct process_stat *ret)
{
	char buf[1024];
	uint64_t utime, stime, cutime, cstime, start, rss;
	uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	const char *p;
	char state;
	int r = proc_read(pid, "stat", buf, sizeof(buf));

	if (r < 0)
		return r;
	/* The name in parentheses may hold anything, parentheses too; what follows the last one is fields 3 and up. */
	p = strrchr(buf, ')');
	if (!p || sscanf(p + 1,
			 " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			 " %*d %*d %*d %*d %" SCNu64 " %*u %" SCNu64,
			 &state, &utime, &stime, &cutime, &cstime, &start, &rss) != 7)
		return -EPROTO;
	*ret = (struct process_stat){
		.state = state,
		.start_ticks = start,
		.cpu_ns = (utime + stime + cutime + cstime) * tick_ns,
		.memory_bytes = rss * (uint64_t)sysconf(_SC_PAGESIZE),
	};
	return 0;
}

int process_args(pid_t pid, char **ret_block, const char *argv[], size_t max)
{
	_cleanup_free_ char *block = xmalloc(4096);
	int size = proc_read(pid, "cmdline", block, 4096);
	size_t n = 0;

	if (size < 0)
		return size;
	for (char *p = block; p < block + size && n < max; p += strlen(p) + 1)
		argv[n++] = p;
	*ret_block = TAKE_PTR(block);
	return (int)n;
}

uint64_t process_pid_namespace(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

bool process_is_inner_init(pid_t pid)
{
	char buf[4096];
	const char *p, *last;
	size_t n;

	if (proc_read(pid, "status", buf, sizeof(buf)) < 0)
		return false;
	p = strstr(buf, "\nNSpid:");
	if (!p)
		return false;
	p += strlen("\nNSpid:");
	n = strcspn(p, "\n");
	last = memrchr(p, '\t', n);
	/* "NSpid:\t4711\t1": our number of it, and its own. */
	return last && last != p && (size_t)(last - p) + 2 == n && last[1] == '1';
}

int process_each(int (*fn)(pid_t pid, void *arg), void *arg)
{
	DIR *d = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	if (!d)
		return -errno;
	while (r >= 0 && (entry = readdir(d))) {
		uint64_t pid;

		if (isdigit((unsigned char)entry->d_name[0]) && parse_u64(entry->d_name, INT32_MAX, &pid) == 0)
			r = fn((pid_t)pid, arg);
	}
	closedir(d);
	return MIN(r, 0);
}

struct mortal {
	const char *program;
	char *const *argv;
	const int *fds; /* 0, 1, 2 and 3 of the program, out of the way */
	pid_t parent;
	int error;
};

/* In the caller's memory, while the caller stands still: nothing here but calls to the kernel. */
static int mortal_child(void *arg)
{
	char *const no_environment[] = { NULL };
	struct mortal *m = arg;
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It died before we could hear of it. */
	if (getppid() != m->parent)
		_exit(127);
	(void)setsid();
	for (int signal = 1; signal < NSIG; signal++)
		(void)sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	for (int i = 0; i < 4; i++)
		(void)dup2(m->fds[i], i);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	execve(m->program, m->argv, no_environment);
	m->error = errno;
	_exit(127);
}

#define CHILD_STACK 65536

int process_spawn_mortal(const char *program, const char *const argv[], const int fds[static 4], pid_t *ret)
{
	_cleanup_free_ char *stack = xmalloc(CHILD_STACK);
	int high[4] = { -1, -1, -1, -1 };
	struct mortal m = { .program = program, .argv = (char *const *)argv, .fds = high, .parent = getpid() };
	sigset_t all, before;
	pid_t pid = -1;

	for (int i = 0; !m.error && i < 4; i++) {
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 10);
		m.error = high[i] < 0 ? errno : 0;
	}
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!m.error) {
		/* As posix_spawn() does it, which cannot ask for the signal: a fork would copy what the daemon has, which may be much. */
		pid = clone(mortal_child, stack + CHILD_STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, &m);
		m.error = pid < 0 ? errno : m.error;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	for (int i = 0; i < 4; i++)
		if (high[i] >= 0)
			close(high[i]);
	if (m.error && pid > 0)
		(void)waitpid(pid, NULL, 0);
	if (!m.error)
		*ret = pid;
	return -m.error;
}

int process_spawn(const char *program, const char *const argv[], const int fds[static 4], pid_t *ret)
{
	char *const no_environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int high[4] = { -1, -1, -1, -1 }, r = 0;
	pid_t pid;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	posix_spawn_file_actions_init(&actions);
	/* Out of the way first: a source must not be overwritten by an earlier target. */
	for (int i = 0; r == 0 && i < 4; i++) {
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 10);
		r = high[i] < 0 ? errno : posix_spawn_file_actions_adddup2(&actions, high[i], i);
	}
	if (r == 0)
		r = posix_spawn(&pid, program, &actions, &attributes, (char *const *)argv, no_environment);
	for (int i = 0; i < 4; i++)
		if (high[i] >= 0)
			close(high[i]);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	if (r == 0)
		*ret = pid;
	return -r;
}
