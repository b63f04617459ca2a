/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `nestor-guest INSTANCE GUID NAME`: the init process of a Namespace guest; its arguments are for ps and for the daemon
 * that looks for its guests. It depends on nobody once it is registered (protocol.h).
 * `nestor-guest --enter ...`: runs a command in a guest (enter.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "enter.h"
#include "protocol.h"

/* What a polite end may take. */
#define STOP_SECONDS 2

static void report(pid_t pid, int error)
{
	struct guest_report r = { .pid = pid, .error = error };

	while (send(GUEST_SOCKET, &r, sizeof(r), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static int mount_one(const char *type, const char *path, unsigned long flags, const char *options)
{
	return mount(type, path, type, flags | MS_NOSUID | MS_NODEV, options) < 0 ? -errno : 0;
}

/*
 * What is mounted on the host later is seen in the guest, and what is unmounted there is not held busy here; nothing
 * goes the other way. /run and /tmp are the guest's own: pid files and sockets of two guests must not meet.
 */
static int mounts_make(void)
{
	int r = mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? -errno : 0;

	if (r == 0)
		r = mount_one("proc", "/proc", MS_NOEXEC, NULL);
	if (r == 0)
		r = mount_one("sysfs", "/sys", MS_NOEXEC, NULL);
	if (r == 0)
		r = mount_one("tmpfs", "/run", 0, "mode=0755");
	if (r == 0)
		r = mount_one("tmpfs", "/tmp", 0, "mode=1777");
	return r;
}

static int loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return -errno;
	ifr.ifr_flags = IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		r = -errno;
	close(fd);
	return r;
}

static int inside_make(const char *hostname)
{
	int r = sethostname(hostname, strlen(hostname)) < 0 ? -errno : 0;

	if (r == 0)
		r = mounts_make();
	if (r == 0)
		r = loopback_up();
	if (r == 0 && chdir("/") < 0)
		r = -errno;
	return r;
}

/* Nobody else is left in this pid namespace? */
static bool alone(void)
{
	return kill(-1, 0) < 0 && errno == ESRCH;
}

static void reap_all(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* Asks everything to end; what does not is killed by the kernel when this process, the namespace's first, is gone. */
static _Noreturn void inside_end(const sigset_t *signals)
{
	struct timespec tick = { .tv_nsec = 10000000 }, now, end;

	(void)kill(-1, SIGTERM);
	/* A stopped process sees no SIGTERM. */
	(void)kill(-1, SIGCONT);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += STOP_SECONDS;
	do {
		reap_all();
		if (alone())
			break;
		(void)sigtimedwait(signals, NULL, &tick);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
	_exit(0);
}

static _Noreturn void inside_run(const sigset_t *signals)
{
	for (;;) {
		int signal = sigwaitinfo(signals, NULL);

		if (signal == SIGCHLD)
			reap_all();
		else if (signal > 0)
			inside_end(signals);
	}
}

static _Noreturn void init_main(const char *hostname)
{
	sigset_t signals;
	char go;
	ssize_t n;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGPWR);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	(void)setsid();
	r = inside_make(hostname);
	report(0, r);
	if (r < 0)
		_exit(1);
	do
		n = recv(GUEST_SOCKET, &go, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(1);
	close(GUEST_SOCKET);
	inside_run(&signals);
}

/* Makes the namespaces; its child is the first process in them, and stays. */
static int guest_main(void)
{
	char hostname[GUEST_HOSTNAME_MAX + 1];
	ssize_t n;
	pid_t pid;

	umask(022);
	(void)setsid();
	/* Whatever the daemon forgot to close on exec would live as long as the guest. */
	(void)close_range(GUEST_SOCKET + 1, ~0u, 0);
	n = recv(GUEST_SOCKET, hostname, GUEST_HOSTNAME_MAX, 0);
	if (n <= 0)
		return 1;
	hostname[n] = '\0';
	if (unshare(CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC) < 0) {
		report(0, -errno);
		return 1;
	}
	pid = fork();
	if (pid == 0)
		init_main(hostname);
	report(pid > 0 ? pid : 0, pid < 0 ? -errno : 0);
	return pid < 0;
}

int main(int argc, char **argv)
{
	struct stat st;

	/* Only the daemon has a reason to start this. */
	if (fstat(GUEST_SOCKET, &st) < 0 || argc < 4) {
		fprintf(stderr, "nestor-guest is started by nestord.\n");
		return 2;
	}
	/*
	 * Without exit handlers: a process whose children are born in another pid namespace cannot start threads any more,
	 * which handlers (of a sanitizer, for one) may try for ever.
	 */
	_exit(strcmp(argv[1], GUEST_ENTER) == 0 ? enter_main(atoi(argv[2]), argv + 3) : guest_main());
}
