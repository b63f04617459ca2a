/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "guest.h"
#include "process.h"
#include "str.h"

struct stream {
	int fd; /* -1 at its end */
	struct str text;
};

struct guest_exec {
	int pidfd;
	bool finished;
	int exit_code;
	size_t max_output;
	bool too_much;
	struct stream out, err;
};

/* The reading end does not block; the writing end does, as programs expect. */
static int stream_open(struct stream *s, int *ret_write_fd)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0) {
		int r = -errno;

		close(fds[0]);
		close(fds[1]);
		return r;
	}
	s->fd = fds[0];
	*ret_write_fd = fds[1];
	return 0;
}

int guest_exec_start(struct guest_engine *e, const struct guid *id, const struct guest_exec_spec *spec,
		     struct guest_exec **ret)
{
	_cleanup_(guest_exec_freep) struct guest_exec *x = xcalloc(1, sizeof(*x));
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC), out = -1, err = -1;
	struct guest_exec_process process;
	pid_t pid;
	int r;

	x->pidfd = x->out.fd = x->err.fd = -1;
	x->finished = true; /* until something runs */
	x->max_output = spec->max_output ? spec->max_output : GUEST_EXEC_MAX_OUTPUT;
	if (!e->ops->exec)
		return -EOPNOTSUPP;
	if (!spec->line == !spec->argv || (spec->argv && !spec->argv[0]))
		return -EINVAL;
	if (null < 0)
		return -errno;
	r = stream_open(&x->out, &out);
	if (r == 0 && !spec->merge)
		r = stream_open(&x->err, &err);
	if (r < 0)
		return r;
	process = (struct guest_exec_process){ .stdin_fd = null, .stdout_fd = out, .stderr_fd = spec->merge ? out : err };
	r = e->ops->exec(e, id, spec, &process, &pid);
	if (r < 0)
		return r;
	/* The process is not reaped before guest_exec_finish(), so the pid is still its own. */
	x->pidfd = process_open(pid);
	if (x->pidfd < 0) {
		r = x->pidfd;
		(void)kill(pid, SIGTERM);
		(void)waitpid(pid, NULL, 0);
		return r;
	}
	x->finished = false;
	*ret = TAKE_PTR(x);
	return 0;
}

int guest_exec_pidfd(const struct guest_exec *x)
{
	return x->pidfd;
}

int guest_exec_stdout(const struct guest_exec *x)
{
	return x->out.fd;
}

int guest_exec_stderr(const struct guest_exec *x)
{
	return x->err.fd;
}

static void stream_close(struct stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static int stream_read(struct guest_exec *x, struct stream *s)
{
	static char buf[64 << 10];

	while (s->fd >= 0) {
		ssize_t n = read(s->fd, buf, sizeof(buf));
		size_t room = x->max_output - s->text.len;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 1;
		if (n <= 0) {
			stream_close(s);
			break;
		}
		str_addn(&s->text, buf, MIN((size_t)n, room));
		if ((size_t)n > room) {
			x->too_much = true;
			return -EMSGSIZE;
		}
	}
	return 0;
}

int guest_exec_read(struct guest_exec *x)
{
	int out, err;

	if (x->too_much)
		return -EMSGSIZE;
	out = stream_read(x, &x->out);
	err = out < 0 ? out : stream_read(x, &x->err);
	if (err < 0) {
		guest_exec_kill(x);
		return err;
	}
	return out || err;
}

void guest_exec_kill(struct guest_exec *x)
{
	if (!x->finished)
		(void)process_signal(x->pidfd, SIGTERM);
}

/* With WNOHANG in flags: -EAGAIN when it still runs. */
static int reap(struct guest_exec *x, int flags)
{
	siginfo_t info = { 0 };

	if (x->finished)
		return 0;
	while (waitid((idtype_t)P_PIDFD, (id_t)x->pidfd, &info, WEXITED | flags) < 0)
		if (errno != EINTR)
			return -errno;
	if (info.si_pid == 0)
		return -EAGAIN;
	x->finished = true;
	x->exit_code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return 0;
}

int guest_exec_finish(struct guest_exec *x, int *ret_exit_code)
{
	int r = reap(x, WNOHANG);

	if (r < 0)
		return r;
	r = guest_exec_read(x);
	if (r < 0)
		return r;
	*ret_exit_code = x->exit_code;
	return 0;
}

const char *guest_exec_output(const struct guest_exec *x, size_t *ret_size)
{
	if (ret_size)
		*ret_size = x->out.text.len;
	return str_get(&x->out.text);
}

const char *guest_exec_errors(const struct guest_exec *x, size_t *ret_size)
{
	if (ret_size)
		*ret_size = x->err.text.len;
	return str_get(&x->err.text);
}

void guest_exec_free(struct guest_exec *x)
{
	if (!x)
		return;
	if (!x->finished) {
		/* The process between the daemon and the guest kills what it started, and ends at once. */
		guest_exec_kill(x);
		if (process_wait(x->pidfd, 1000) < 0)
			(void)process_signal(x->pidfd, SIGKILL);
		(void)reap(x, 0);
	}
	if (x->pidfd >= 0)
		close(x->pidfd);
	stream_close(&x->out);
	stream_close(&x->err);
	str_done(&x->out.text);
	str_done(&x->err.text);
	free(x);
}
