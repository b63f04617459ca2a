/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_copy.h"
#include "libvirt_job.h"
#include "machine_export.h"
#include "program.h"

struct export_job {
	struct job job;
	struct machine_export *x;
	machine_export_fn done;
	void *arg;
};

static int make_directories(const struct machine_export *x, const char *top)
{
	int r = mkdir_p(x->parent, 0700);

	if (r < 0)
		return r;
	remove_tree(top);
	if (mkdir(top, 0700) < 0)
		return -errno;
	vec_foreach(&x->directories, name) {
		_cleanup_free_ char *path = xasprintf("%s/%s", top, *name);

		if (mkdir(path, 0700) < 0)
			return -errno;
	}
	return 0;
}

struct copying {
	struct job *job;
	size_t number, of;
};

static void told(void *arg, int percent)
{
	const struct copying *c = arg;

	job_tell(c->job, c->number, c->of, percent);
}

static int copy_disk(struct copying *c, const struct machine_export_disk *disk, const char *top)
{
	_cleanup_free_ char *to = xasprintf("%s/%s", top, disk->to);
	const char *argv[16] = { "qemu-img", "convert", "-p", "-f", disk->format, "-O", disk->to_format };
	size_t n = 7;
	int r;

	/* Or a size that is no multiple of a cylinder's would be rounded up. */
	if (streq(disk->to_format, "vpc")) {
		argv[n++] = "-o";
		argv[n++] = "force_size=on";
	}
	if (disk->backing) {
		argv[n++] = "-B";
		argv[n++] = disk->backing;
		argv[n++] = "-F";
		argv[n++] = disk->backing_format;
	}
	argv[n++] = disk->from;
	argv[n] = to;
	c->number++;
	told(c, PROGRESS_UNKNOWN);
	r = program_run_telling(argv, c->job->stop_fd, told, c, &c->job->message);
	return r < 0 && c->job->message && strstr(c->job->message, "No space left") ? -ENOSPC : r;
}

static int copy_disks(struct job *job, const struct machine_export *x, const char *top)
{
	struct copying copying = { .job = job, .of = x->disks.n };
	int r = 0;

	vec_foreach(&x->disks, disk)
		if (r == 0)
			r = copy_disk(&copying, disk, top);
	return r;
}

/* Of a machine's memory, too. */
#define FILE_MAX UINT64_MAX

static int copy_files(struct job *job, const struct machine_export *x, const char *top)
{
	vec_foreach(&x->files, file) {
		_cleanup_free_ char *to = xasprintf("%s/%s", top, file->to);
		int r = file_copy(file->from, to, FILE_MAX, job->stop_fd);

		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static int write_texts(const struct machine_export *x, const char *top)
{
	int r = 0;

	vec_foreach(&x->texts, text) {
		_cleanup_free_ char *to = xasprintf("%s/%s", top, text->to);

		if (r == 0)
			r = write_file_atomic(to, text->text, strlen(text->text));
	}
	return r;
}

/* Everything is on the disk before the name says that it is whole. */
static int publish(const char *parent, const char *top, const char *name)
{
	_cleanup_close_ int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC), up = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *whole = xasprintf("%s/%s", parent, name);

	if (fd < 0 || up < 0 || syncfs(fd) < 0)
		return -errno;
	if (renameat2(AT_FDCWD, top, AT_FDCWD, whole, RENAME_NOREPLACE) < 0)
		return -errno;
	return fsync(up) < 0 ? -errno : 0;
}

char *machine_export_top(const char *parent, const char *name, const char *instance)
{
	return xasprintf("%s/.%s.exporting-%s", parent, name, instance);
}

static int export_run(struct job *job, virConnectPtr conn, const char *instance)
{
	const struct machine_export *x = ((struct export_job *)job)->x;
	_cleanup_free_ char *top = machine_export_top(x->parent, x->name, instance), *whole = xasprintf("%s/%s", x->parent, x->name);
	int r;

	(void)conn;
	if (access(whole, F_OK) == 0)
		r = -EEXIST;
	else
		r = make_directories(x, top);
	if (r == 0)
		r = copy_disks(job, x, top);
	if (r == 0)
		r = copy_files(job, x, top);
	if (r == 0)
		r = write_texts(x, top);
	if (r == 0)
		r = publish(x->parent, top, x->name);
	if (r < 0)
		remove_tree(top);
	if (r < 0 && !job->message)
		job->message = xstrdup(r == -ECANCELED ? "the daemon ends" : strerror(-r));
	return r;
}

static void export_free(struct machine_export *x)
{
	vec_foreach(&x->directories, name)
		free(*name);
	vec_done(&x->directories);
	vec_foreach(&x->disks, disk) {
		free(disk->from);
		free(disk->format);
		free(disk->to);
		free(disk->to_format);
		free(disk->backing);
		free(disk->backing_format);
	}
	vec_done(&x->disks);
	vec_foreach(&x->files, file) {
		free(file->from);
		free(file->to);
	}
	vec_done(&x->files);
	vec_foreach(&x->texts, text) {
		free(text->to);
		free(text->text);
	}
	vec_done(&x->texts);
	free(x->parent);
	free(x->name);
	free(x);
}

static void export_end(struct job *job)
{
	struct export_job *j = (struct export_job *)job;

	j->done(j->arg, job->r, job->message);
	free(job->message);
	export_free(j->x);
	free(j);
}

void machines_export(struct machines *m, struct machine_export *x, machine_export_fn done, void *arg)
{
	struct export_job *j = xcalloc(1, sizeof(*j));

	j->job = (struct job){ .work = MACHINE_IS_EXPORTED, .run = export_run, .end = export_end };
	if (x->holds)
		j->job.machine = x->machine;
	else
		j->job.about = x->machine;
	j->job.apart = !x->holds;
	j->x = x;
	j->done = done;
	j->arg = arg;
	machines_job(m, &j->job);
}
