/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <termios.h>

#include "client.h"
#include "str.h"

/* A stream of bytes between a daemon and the terminal, or standard input and output. */

#define ESCAPE 0x1d /* Ctrl-], as virsh and telnet have it */

static volatile sig_atomic_t ended_by;
static int wake = -1;

static void on_signal(int number)
{
	int saved = errno;

	ended_by = number;
	/* Full is as good as written. */
	if (write(wake, "", 1) < 0)
		errno = saved;
	errno = saved;
}

/* Whatever would end the program ends the stream first, so that the terminal is as it was before. */
static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };

struct terminal {
	bool is;
	struct termios before;
	struct sigaction actions[ARRAY_SIZE(signals)];
	int wake[2];
};

static int terminal_enter(struct terminal *t)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct termios raw;

	if (pipe2(t->wake, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	wake = t->wake[1];
	ended_by = 0;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		sigaction(signals[i], &action, &t->actions[i]);
		/* nohup, or a shell's background: it would not end the program */
		if (t->actions[i].sa_handler == SIG_IGN && signals[i] != SIGPIPE)
			sigaction(signals[i], &t->actions[i], NULL);
	}
	t->is = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &t->before) == 0;
	if (!t->is)
		return 0;
	fprintf(stderr, "Connected. Ctrl-] ends it.\n");
	raw = t->before;
	cfmakeraw(&raw);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	return 0;
}

static void terminal_leave(struct terminal *t)
{
	if (t->is) {
		tcsetattr(STDIN_FILENO, TCSADRAIN, &t->before);
		fprintf(stderr, "\n");
	}
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &t->actions[i], NULL);
	close(t->wake[0]);
	close(t->wake[1]);
	wake = -1;
}

/* What was typed and not sent yet. */
struct typed {
	char bytes[4096];
	size_t at, n;
	bool escape; /* or the input's end: after these it is over */
};

static void read_input(struct typed *in, bool terminal)
{
	ssize_t n = read(STDIN_FILENO, in->bytes, sizeof(in->bytes));
	const char *escape;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	in->at = 0;
	in->n = n > 0 ? (size_t)n : 0;
	escape = terminal && n > 0 ? memchr(in->bytes, ESCAPE, in->n) : NULL;
	if (escape)
		in->n = (size_t)(escape - in->bytes);
	in->escape = n <= 0 || escape;
}

/* False: the other side has ended it. */
static bool send_input(int fd, struct typed *in)
{
	ssize_t n = send(fd, in->bytes + in->at, in->n - in->at, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	in->at += (size_t)n;
	return true;
}

static bool show_output(int fd)
{
	char bytes[4096];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	return n > 0 && write_all(STDOUT_FILENO, bytes, (size_t)n) == 0;
}

static bool carry(int fd, const struct terminal *t)
{
	struct typed in = {};

	for (;;) {
		bool waits = in.at < in.n;
		struct pollfd fds[] = { { .fd = fd, .events = (short)(POLLIN | (waits ? POLLOUT : 0)) },
					{ .fd = waits ? -1 : STDIN_FILENO, .events = POLLIN },
					{ .fd = t->wake[0], .events = POLLIN } };

		if (ended_by || (in.escape && !waits))
			return false;
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR) && !show_output(fd))
			return true;
		if (fds[0].revents & POLLOUT && !send_input(fd, &in))
			return true;
		if (fds[1].revents)
			read_input(&in, t->is);
	}
}

bool stream_attach(int fd, const char *received, size_t n)
{
	struct terminal t;
	bool by_them;

	if (terminal_enter(&t) < 0)
		return false;
	by_them = write_all(STDOUT_FILENO, received, n) == 0 && carry(fd, &t);
	terminal_leave(&t);
	/* As if it had never been caught; SIGINT is the language's affair. */
	if (ended_by)
		raise(ended_by);
	return by_them;
}
