/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>

#include "client.h"

/* Asks the daemon for the guest's first process. 0 and an error written when there is none. */
static pid_t guest_pid(struct client *c, const char *vm)
{
	json_t *parameters = json_pack("{s:[s]}", "Name", vm), *response = NULL;
	_cleanup_err_ struct err *e = NULL;
	const json_t *error, *object;
	pid_t pid = 0;
	int status = 0;

	if (c->shell.run_cmdlet(c, NULL, "Get-VM", parameters, NULL, true, &response, &status, &e) < 0) {
		fprintf(stderr, "nestor: %s\n", e ? e->message : "the daemon did not answer");
	} else {
		error = json_array_get(json_object_get(response, "errors"), 0);
		object = json_array_get(json_object_get(response, "objects"), 0);
		pid = (pid_t)json_integer_value(json_object_get(object, "ProcessId"));
		if (error)
			fprintf(stderr, "nestor: %s\n", json_string_value(json_object_get(error, "message")));
		else if (pid <= 0)
			fprintf(stderr, "nestor: the virtual machine '%s' does not run, or is no Namespace guest\n"
				"    what to do: Start-VM %s\n", vm, vm);
	}
	json_decref(parameters);
	json_decref(response);
	return pid > 0 ? pid : 0;
}

static int enter(pid_t pid)
{
	static const struct { const char *name; int type; } spaces[] = {
		{ "net", CLONE_NEWNET }, { "uts", CLONE_NEWUTS }, { "ipc", CLONE_NEWIPC }, { "pid", CLONE_NEWPID },
		{ "mnt", CLONE_NEWNS },
	};
	int fds[ARRAY_SIZE(spaces)];

	/* All opened before any is entered: /proc of the guest is another one. */
	for (size_t i = 0; i < ARRAY_SIZE(spaces); i++) {
		_cleanup_free_ char *path = xasprintf("/proc/%d/ns/%s", (int)pid, spaces[i].name);

		fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0) {
			int r = -errno;

			fprintf(stderr, "nestor: %s: %s\n", path, strerror(-r));
			return r;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(spaces); i++) {
		if (setns(fds[i], spaces[i].type) < 0) {
			int r = -errno;

			fprintf(stderr, "nestor: cannot enter the guest's %s namespace: %s%s\n", spaces[i].name, strerror(-r),
				r == -EPERM ? "\n    what to do: run as root" : "");
			return r;
		}
		close(fds[i]);
	}
	return 0;
}

/* Exit code of a child, as a shell says it; negative errno when it was lost. */
static int wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static _Noreturn void run(char *const *command)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	if (chdir("/") < 0)
		_exit(126);
	execvp(command[0], command);
	fprintf(stderr, "nestor: %s: %s\n", command[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* In a child of its own: there is no way back from the guest's namespaces, and that of processes holds for children only. */
static _Noreturn void run_inside(pid_t guest, char *const *command)
{
	pid_t child;
	int r;

	if (enter(guest) < 0)
		_exit(SHELL_FAILED);
	child = fork();
	if (child == 0)
		run(command);
	r = child < 0 ? -errno : wait_for(child);
	if (r < 0)
		fprintf(stderr, "nestor: %s\n", strerror(-r));
	_exit(r < 0 ? SHELL_FAILED : r);
}

int exec_in_guest(struct client *c, const char *vm, char *const *command)
{
	pid_t guest = guest_pid(c, vm), child;
	int r;

	if (!guest)
		return SHELL_FAILED;
	/* The terminal's signals are the command's. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	child = fork();
	if (child == 0)
		run_inside(guest, command);
	r = child < 0 ? -errno : wait_for(child);
	if (r < 0)
		fprintf(stderr, "nestor: %s\n", strerror(-r));
	return r < 0 ? SHELL_FAILED : r;
}
