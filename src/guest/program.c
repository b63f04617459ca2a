/* SPDX-License-Identifier: Apache-2.0 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "str.h"

#define SAID_MAX 4096
#define MESSAGE_MAX 500

static void child(const char *const argv[], int out, pid_t parent)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	/* Or a copy would go on into a file that somebody else believes to be finished with. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	dup2(null, 0);
	dup2(null, 1);
	dup2(out, 2);
	close_range(3, ~0u, 0);
	/* The daemon's share of the processor is not for it. */
	(void)setsid();
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* True: it was told to stop. */
static bool listen(int fd, int stop_fd, struct str *said)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = stop_fd, .events = POLLIN } };
	char buf[512];
	ssize_t n;

	for (;;) {
		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return false;
		}
		if (fds[1].revents)
			return true;
		n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		if (said->len < SAID_MAX)
			str_addn(said, buf, (size_t)n);
	}
}

/* What it said as one line, without its own name and the last full stop; NULL: nothing. */
static char *one_line(const char *program, const struct str *said)
{
	const char *text = str_get(said);
	size_t n = strlen(program);
	char *line;

	if (strncmp(text, program, n) == 0 && strncmp(text + n, ": ", 2) == 0)
		text += n + 2;
	line = xstrndup(text, MESSAGE_MAX);
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	for (n = strlen(line); n && (line[n - 1] == ' ' || line[n - 1] == '.'); n--)
		line[n - 1] = 0;
	if (!*line)
		free(TAKE_PTR(line));
	return line;
}

int program_run(const char *const argv[], int stop_fd, char **ret_message)
{
	_cleanup_str_ struct str said = { 0 };
	int pipes[2], status = 0;
	pid_t parent = getpid(), pid;
	bool stopped;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		child(argv, pipes[1], parent);
	close(pipes[1]);
	if (pid < 0) {
		close(pipes[0]);
		return -EAGAIN;
	}
	stopped = listen(pipes[0], stop_fd, &said);
	close(pipes[0]);
	if (stopped)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (stopped)
		return -ECANCELED;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	*ret_message = one_line(argv[0], &said);
	if (!*ret_message)
		*ret_message = WIFEXITED(status) && WEXITSTATUS(status) == 127 ? xasprintf("%s cannot be run", argv[0])
										: xasprintf("%s failed", argv[0]);
	return -EIO;
}
