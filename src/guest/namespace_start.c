/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "namespace.h"
#include "process.h"
#include "protocol.h"

/* A guest takes milliseconds; this is for a machine that is out of breath. */
#define START_TIMEOUT_S 10

bool namespace_is_init(const struct namespace_engine *e, pid_t pid, const struct guid *id)
{
	_cleanup_free_ char *block = NULL;
	const char *argv[5], *base;
	struct guid found;
	int n = process_args(pid, &block, argv, ARRAY_SIZE(argv));

	if (n != 4)
		return false;
	base = strrchr(argv[0], '/');
	return streq(base ? base + 1 : argv[0], "nestor-guest") && streq(argv[1], e->instance) &&
	       guid_parse(argv[2], &found) == 0 && (!id || guid_equal(id, &found)) && process_is_inner_init(pid);
}

/* RFC 1123: letters, digits and hyphens, no hyphen at the ends, up to 63. */
static void hostname_make(const char *name, char ret[static GUEST_HOSTNAME_MAX])
{
	size_t n = 0;

	for (; *name && n < GUEST_HOSTNAME_MAX - 1; name++) {
		if (isalnum((unsigned char)*name))
			ret[n++] = *name;
		else if (n > 0 && ret[n - 1] != '-')
			ret[n++] = '-';
	}
	while (n > 0 && ret[n - 1] == '-')
		n--;
	ret[n] = '\0';
	if (n == 0)
		strcpy(ret, "guest");
}

static int report_receive(int fd, struct guest_report *ret)
{
	struct guest_report r;
	ssize_t n;

	do
		n = recv(fd, &r, sizeof(r), 0);
	while (n < 0 && errno == EINTR);
	/* It ended without a word, perhaps without having read ours. */
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return -ECHILD;
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (n != sizeof(r) || r.error > 0 || r.pid < 0)
		return -EPROTO;
	*ret = r;
	return 0;
}

/* Both reports, which come in either order. */
static int reports_await(int fd, pid_t *ret_pid)
{
	pid_t pid = 0;
	bool ready = false;

	while (!pid || !ready) {
		struct guest_report report = { 0 };
		int r = report_receive(fd, &report);

		if (r < 0)
			return r;
		if (report.error < 0)
			return report.error;
		if (report.pid)
			pid = report.pid;
		else
			ready = true;
	}
	*ret_pid = pid;
	return 0;
}

/* The guest's init waits for our word (protocol.h), so that its pid is its own in here. */
static int guest_register(struct namespace_engine *e, const struct guest_spec *spec, pid_t pid, int socket)
{
	struct registry_entry entry = { .id = spec->id, .pid = pid, .started_us = clock_us(CLOCK_REALTIME),
					.boot = spec->boot };
	_cleanup_close_ int pidfd = process_open(pid);
	struct process_stat stat;
	int r;

	if (pidfd < 0)
		return pidfd;
	r = process_stat(pid, &stat);
	if (r < 0)
		return r;
	snprintf(entry.name, sizeof(entry.name), "%s", spec->name);
	entry.start_ticks = stat.start_ticks;
	r = registry_write(e->dir, &entry);
	if (r < 0)
		return r;
	if (send(socket, "g", 1, MSG_NOSIGNAL) != 1) {
		r = -errno;
		registry_remove(e->dir, &spec->id);
		return r;
	}
	namespace_remember(e, &entry, TAKE_FD(pidfd));
	return 0;
}

static int guest_spawn(struct namespace_engine *e, const struct guest_spec *spec, int socket, pid_t *ret_pid)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char id[GUID_TEXT_SIZE];
	const char *argv[] = { "nestor-guest", e->instance, guid_format(&spec->id, id), spec->name, NULL };
	const int fds[4] = { null, null, null, socket };

	return null < 0 ? -errno : process_spawn(e->program, argv, fds, ret_pid);
}

int namespace_start(struct guest_engine *base, const struct guest_spec *spec, struct guest *ret)
{
	struct namespace_engine *e = (struct namespace_engine *)base;
	struct timeval timeout = { .tv_sec = START_TIMEOUT_S };
	_cleanup_close_ int ours = -1, theirs = -1;
	char hostname[GUEST_HOSTNAME_MAX];
	pid_t outer, pid;
	int fds[2], r;

	if (namespace_find(e, &spec->id))
		return -EEXIST;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	ours = fds[0];
	theirs = fds[1];
	(void)setsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	hostname_make(spec->hostname ? spec->hostname : spec->name, hostname);
	if (send(ours, hostname, strlen(hostname), MSG_NOSIGNAL) < 0)
		return -errno;
	r = guest_spawn(e, spec, theirs, &outer);
	if (r < 0)
		return r;
	close(TAKE_FD(theirs));
	r = reports_await(ours, &pid);
	if (r == 0)
		r = guest_register(e, spec, pid, ours);
	/* Without our word the end of the socket ends the init. The process that made it has nothing left to do. */
	(void)kill(outer, SIGKILL);
	while (waitpid(outer, NULL, 0) < 0 && errno == EINTR)
		;
	return r < 0 ? r : guest_get(base, &spec->id, ret);
}

int namespace_exec(struct guest_engine *base, const struct guid *id, const struct guest_exec_spec *spec,
		   const struct guest_exec_process *process, pid_t *ret_pid)
{
	struct namespace_engine *e = (struct namespace_engine *)base;
	const struct namespace_guest *g = namespace_find(e, id);
	VEC(const char *) argv = { 0 };
	char parent[16];
	int r;

	if (!g)
		return -ENOENT;
	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	vec_push(&argv, "nestor-guest");
	vec_push(&argv, GUEST_ENTER);
	vec_push(&argv, parent);
	if (spec->line) {
		vec_push(&argv, "/bin/sh");
		vec_push(&argv, "-c");
		vec_push(&argv, spec->line);
	} else {
		for (const char *const *a = spec->argv; *a; a++)
			vec_push(&argv, *a);
	}
	vec_push(&argv, NULL);
	r = process_spawn(e->program, argv.items,
			  (int[4]){ process->stdin_fd, process->stdout_fd, process->stderr_fd, g->pidfd }, ret_pid);
	vec_done(&argv);
	return r;
}
