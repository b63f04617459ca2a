/* SPDX-License-Identifier: Apache-2.0 */
#include "enter.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol.h"

#define EXIT_CANNOT_ENTER 125
#define EXIT_CANNOT_RUN   126
#define EXIT_NOT_FOUND    127

static _Noreturn void command_main(char **argv, const sigset_t *before)
{
	static char *environment[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root",
		"TERM=dumb",
		"LANG=C.UTF-8",
		NULL,
	};

	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, before, NULL);
	environ = environment;
	if (chdir("/root") < 0 && chdir("/") < 0)
		_exit(EXIT_CANNOT_RUN);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

static int command_wait(pid_t pid, const sigset_t *signals)
{
	int status;

	for (;;) {
		int signal = sigwaitinfo(signals, NULL);

		if (signal == SIGTERM) {
			/* The session's group, and the process itself should it not have made its session yet. */
			(void)kill(-pid, SIGKILL);
			(void)kill(pid, SIGKILL);
		} else if (signal == SIGCHLD && waitpid(pid, &status, WNOHANG) == pid) {
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
	}
}

int enter_main(pid_t parent, char **argv)
{
	sigset_t signals, before;
	pid_t pid;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, &before);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		return EXIT_CANNOT_ENTER;
	(void)close_range(GUEST_SOCKET + 1, ~0u, 0);
	if (setns(GUEST_SOCKET, CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC) < 0) {
		fprintf(stderr, "cannot enter the guest: %s\n", strerror(errno));
		return EXIT_CANNOT_ENTER;
	}
	close(GUEST_SOCKET);
	pid = fork();
	if (pid == 0)
		command_main(argv, &before);
	if (pid < 0) {
		fprintf(stderr, "cannot start a process in the guest: %s\n", strerror(errno));
		return EXIT_CANNOT_ENTER;
	}
	return command_wait(pid, &signals);
}
