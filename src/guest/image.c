/* SPDX-License-Identifier: Apache-2.0 */
#include "image.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "percent.h"
#include "process.h"

#define PROGRAM "/usr/bin/qemu-img"
#define OUTPUT_MAX (1u << 20)
#define MESSAGE_MAX 500
/* Of what looks at an image that anybody may have made. */
#define INFO_MEMORY (1u << 30)
#define INFO_SECONDS 20

struct image_run {
	enum image_op op;
	int pidfd;
	int fd;
	bool too_much;
	bool finished;
	struct str output; /* INFO: JSON, then messages; the others: messages */
	struct percent percent; /* CONVERT */
	char *path;
	char *made;	 /* the new file; NULL: none */
	char *temporary; /* what it is called as long as it is not whole; NULL: it is, or there is none */
};

struct arguments {
	const char *argv[24];
	size_t n;
};

static void arg(struct arguments *a, const char *text)
{
	a->argv[a->n++] = text;
	a->argv[a->n] = NULL;
}

static const char *fixed_options(const char *format)
{
	if (streq(format, "vpc"))
		return "subformat=fixed,force_size=on";
	return streq(format, "vhdx") ? "subformat=fixed" : "preallocation=falloc";
}

static void format_options(struct arguments *a, const char *format, bool fixed)
{
	if (fixed || streq(format, "vpc")) {
		arg(a, "-o");
		arg(a, fixed ? fixed_options(format) : "force_size=on");
	}
}

static void info_arguments(const struct image_job *job, struct arguments *a)
{
	arg(a, "--output=json");
	if (job->in_use)
		arg(a, "-U");
	if (job->format) {
		arg(a, "-f");
		arg(a, job->format);
	}
	arg(a, "--");
	arg(a, job->path);
}

static void create_arguments(const struct image_job *job, const char *size, struct arguments *a)
{
	arg(a, "-q");
	arg(a, "-f");
	arg(a, job->format);
	format_options(a, job->format, job->fixed);
	if (job->parent) {
		arg(a, "-b");
		arg(a, job->parent);
		arg(a, "-F");
		arg(a, job->parent_format);
	}
	arg(a, "--");
	arg(a, job->temporary);
	if (job->size)
		arg(a, size);
}

static void resize_arguments(const struct image_job *job, const char *size, struct arguments *a)
{
	arg(a, "-q");
	arg(a, "-f");
	arg(a, job->format);
	if (job->shrink)
		arg(a, "--shrink");
	arg(a, "--");
	arg(a, job->path);
	arg(a, size);
}

static void convert_arguments(const struct image_job *job, struct arguments *a)
{
	arg(a, "-p");
	arg(a, "-f");
	arg(a, job->format);
	arg(a, "-O");
	arg(a, job->target_format);
	format_options(a, job->target_format, job->fixed);
	if (job->parent) {
		arg(a, "-B");
		arg(a, job->parent);
		arg(a, "-F");
		arg(a, job->parent_format);
	}
	/* On the disk before its name says that it is whole. */
	arg(a, "-t");
	arg(a, "writeback");
	arg(a, "--");
	arg(a, job->path);
	arg(a, job->temporary);
}

static void arguments_of(const struct image_job *job, const char *size, struct arguments *a)
{
	static const char *const names[] = {
		[IMAGE_INFO] = "info", [IMAGE_CREATE] = "create", [IMAGE_RESIZE] = "resize", [IMAGE_CONVERT] = "convert",
	};

	*a = (struct arguments){ .argv = { PROGRAM, names[job->op] }, .n = 2 };
	if (job->op == IMAGE_INFO)
		info_arguments(job, a);
	else if (job->op == IMAGE_CREATE)
		create_arguments(job, size, a);
	else if (job->op == IMAGE_RESIZE)
		resize_arguments(job, size, a);
	else
		convert_arguments(job, a);
}

/* Ours from here on: qemu-img writes over whatever has the name. */
static int claim(const char *path, const char *temporary)
{
	_cleanup_close_ int fd = -1;

	if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : 0;
}

/* Not over a file that somebody has made meanwhile. Some file systems can only link, others only rename. */
static int publish(struct image_run *run)
{
	if (!run->temporary)
		return 0;
	if (renameat2(AT_FDCWD, run->temporary, AT_FDCWD, run->made, RENAME_NOREPLACE) < 0) {
		if (errno != EINVAL)
			return -errno;
		if (link(run->temporary, run->made) < 0)
			return -errno;
		(void)unlink(run->temporary);
	}
	free(TAKE_PTR(run->temporary));
	return 0;
}

static void limit(pid_t pid, enum image_op op)
{
	const struct rlimit memory = { INFO_MEMORY, INFO_MEMORY }, time = { INFO_SECONDS, INFO_SECONDS }, core = { 0 };

	(void)prlimit(pid, RLIMIT_CORE, &core, NULL);
	if (op != IMAGE_INFO)
		return;
	(void)prlimit(pid, RLIMIT_AS, &memory, NULL);
	(void)prlimit(pid, RLIMIT_CPU, &time, NULL);
}

static int spawn(struct image_run *run, const struct arguments *a)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC), write_end = -1;
	int fds[2], r;
	pid_t pid;

	if (null < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	run->fd = fds[0];
	write_end = fds[1];
	if (fcntl(run->fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	r = process_spawn_mortal(PROGRAM, a->argv, (int[]){ null, write_end, write_end, null }, &pid);
	if (r < 0)
		return r;
	limit(pid, run->op);
	run->pidfd = process_open(pid);
	if (run->pidfd >= 0)
		return 0;
	r = run->pidfd;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return r;
}

int image_start(const struct image_job *job, struct image_run **ret)
{
	_cleanup_(image_freep) struct image_run *run = xcalloc(1, sizeof(*run));
	_cleanup_free_ char *size = xasprintf("%" PRIu64, job->size);
	const char *made = job->op == IMAGE_CREATE ? job->path : job->op == IMAGE_CONVERT ? job->target : NULL;
	struct arguments a;
	int r;

	run->op = job->op;
	run->fd = run->pidfd = -1;
	run->percent.percent = PROGRESS_UNKNOWN;
	run->path = xstrdup(job->path);
	if (made) {
		r = claim(made, job->temporary);
		if (r < 0)
			return r;
		run->made = xstrdup(made);
		run->temporary = xstrdup(job->temporary);
	}
	arguments_of(job, size, &a);
	r = spawn(run, &a);
	if (r == 0)
		*ret = TAKE_PTR(run);
	return r;
}

void image_free(struct image_run *run)
{
	if (!run)
		return;
	if (run->pidfd >= 0 && !run->finished) {
		siginfo_t info;

		(void)process_signal(run->pidfd, SIGKILL);
		(void)waitid(P_PIDFD, (id_t)run->pidfd, &info, WEXITED);
	}
	if (run->temporary)
		(void)unlink(run->temporary);
	if (run->pidfd >= 0)
		close(run->pidfd);
	if (run->fd >= 0)
		close(run->fd);
	str_done(&run->output);
	free(run->path);
	free(run->made);
	free(run->temporary);
	free(run);
}

int image_fd(const struct image_run *run)
{
	return run->fd;
}

int image_pidfd(const struct image_run *run)
{
	return run->pidfd;
}

int image_percent(const struct image_run *run)
{
	return run->percent.percent;
}

int image_read(struct image_run *run)
{
	char buf[4096];
	ssize_t n = read(run->fd, buf, sizeof(buf));

	if (n < 0)
		return -errno;
	if (n == 0)
		return 0;
	if (run->output.len + (size_t)n > OUTPUT_MAX)
		run->too_much = true;
	else if (run->op == IMAGE_CONVERT)
		percent_read(&run->percent, buf, (size_t)n, &run->output);
	else
		str_addn(&run->output, buf, (size_t)n);
	return 1;
}

/* "qemu-img: text\nmore\n" as one line, in which a new image has its name already. */
static char *message_of(const struct image_run *run)
{
	const char *text = str_get(&run->output);
	struct str s = { 0 };

	for (; *text && s.len < MESSAGE_MAX; text++) {
		if (strncmp(text, "qemu-img: ", 10) == 0)
			text += 10;
		if (run->temporary && strncmp(text, run->temporary, strlen(run->temporary)) == 0) {
			str_add(&s, run->made);
			text += strlen(run->temporary) - 1;
			continue;
		}
		if (iscntrl((unsigned char)*text) && s.len && text[1])
			str_add(&s, "; ");
		else if (!iscntrl((unsigned char)*text))
			str_addc(&s, (unsigned char)*text < 0x80 ? *text : '?');
	}
	return *str_get(&s) ? str_take(&s) : xstrdup("qemu-img did not say why");
}

static int info_of(struct image_run *run, struct image_info *ret)
{
	/* A warning may come before it, by the same pipe. */
	const char *text = strchrnul(str_get(&run->output), '{');
	struct stat st;
	int r = image_info_parse(text, strlen(text), ret);

	if (r < 0)
		return r;
	ret->length = stat(run->path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	return 0;
}

int image_finish(struct image_run *run, struct image_info *ret, char **message)
{
	siginfo_t info = { 0 };
	int r;

	while (image_read(run) > 0)
		;
	percent_end(&run->percent, &run->output);
	r = waitid(P_PIDFD, (id_t)run->pidfd, &info, WEXITED) < 0 ? -errno : 0;
	run->finished = r == 0;
	if (r == 0 && info.si_code != CLD_EXITED) {
		*message = xasprintf("qemu-img was ended by signal %d, as too much time or memory would end it", info.si_status);
		return -EIO;
	}
	if (r == 0 && run->too_much) {
		*message = xstrdup("qemu-img said too much");
		return -EMSGSIZE;
	}
	if (r == 0 && info.si_status == 0)
		r = run->op == IMAGE_INFO ? info_of(run, ret) : 0;
	else if (r == 0)
		r = -EIO;
	if (r < 0) {
		*message = info.si_status ? message_of(run) : xstrdup("qemu-img gave no answer that can be understood");
		return r;
	}
	r = publish(run);
	if (r < 0)
		*message = xstrdup(strerror(-r));
	return r;
}
