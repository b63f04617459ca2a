/* SPDX-License-Identifier: Apache-2.0 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "percent.h"

#define SAID_MAX 4096
#define MESSAGE_MAX 500

struct run {
	const char *const *argv;
	int stop_fd;
	void (*told)(void *arg, int percent); /* NULL: it does not say how far it is */
	void *arg;
	struct percent percent;
	struct str said;
};

static void child(const struct run *run, int out, pid_t parent)
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
	dup2(run->told ? out : null, 1);
	dup2(out, 2);
	close_range(3, ~0u, 0);
	/* The daemon's share of the processor is not for it. */
	(void)setsid();
	execvp(run->argv[0], (char *const *)(uintptr_t)run->argv);
	_exit(127);
}

static void take(struct run *run, const char *data, size_t n)
{
	_cleanup_str_ struct str rest = { 0 };

	if (!run->told)
		str_addn(&rest, data, n);
	else if (percent_read(&run->percent, data, n, &rest))
		run->told(run->arg, run->percent.percent);
	if (run->said.len < SAID_MAX)
		str_addn(&run->said, str_get(&rest), rest.len);
}

/* True: it was told to stop. */
static bool listen(struct run *run, int fd)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = run->stop_fd, .events = POLLIN } };
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
		take(run, buf, (size_t)n);
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

static int run_to_end(struct run *run, char **ret_message)
{
	int pipes[2], status = 0;
	pid_t parent = getpid(), pid;
	bool stopped;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		child(run, pipes[1], parent);
	close(pipes[1]);
	if (pid < 0) {
		close(pipes[0]);
		return -EAGAIN;
	}
	stopped = listen(run, pipes[0]);
	close(pipes[0]);
	if (stopped)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (stopped)
		return -ECANCELED;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	percent_end(&run->percent, &run->said);
	*ret_message = one_line(run->argv[0], &run->said);
	if (!*ret_message)
		*ret_message = WIFEXITED(status) && WEXITSTATUS(status) == 127 ? xasprintf("%s cannot be run", run->argv[0])
										: xasprintf("%s failed", run->argv[0]);
	return -EIO;
}

int program_run_telling(const char *const argv[], int stop_fd, void (*told)(void *arg, int percent), void *arg, char **ret_message)
{
	struct run run = { .argv = argv, .stop_fd = stop_fd, .told = told, .arg = arg, .percent = { .percent = PROGRESS_UNKNOWN } };
	int r = run_to_end(&run, ret_message);

	str_done(&run.said);
	return r;
}

int program_run(const char *const argv[], int stop_fd, char **ret_message)
{
	return program_run_telling(argv, stop_fd, NULL, NULL, ret_message);
}
