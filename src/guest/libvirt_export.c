/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

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

static int copy_disks(struct job *job, const struct machine_export *x, const char *top)
{
	struct copying copying = { .job = job, .of = x->disks.n };

	vec_foreach(&x->disks, disk) {
		_cleanup_free_ char *to = xasprintf("%s/%s", top, disk->to);
		const char *argv[] = { "qemu-img", "convert", "-p", "-f", disk->format, "-O", disk->to_format, NULL, NULL, NULL, NULL, NULL };
		size_t n = 7;
		int r;

		/* Or a size that is no multiple of a cylinder's would be rounded up. */
		if (streq(disk->to_format, "vpc")) {
			argv[n++] = "-o";
			argv[n++] = "force_size=on";
		}
		argv[n++] = disk->from;
		argv[n] = to;
		copying.number++;
		told(&copying, PROGRESS_UNKNOWN);
		r = program_run_telling(argv, job->stop_fd, told, &copying, &job->message);
		if (r < 0)
			return job->message && strstr(job->message, "No space left") ? -ENOSPC : r;
	}
	return 0;
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
	_cleanup_free_ char *top = machine_export_top(x->parent, x->name, instance);
	_cleanup_free_ char *whole = xasprintf("%s/%s", x->parent, x->name), *config = xasprintf("%s/%s", top, x->config_name);
	int r;

	(void)conn;
	if (access(whole, F_OK) == 0)
		r = -EEXIST;
	else
		r = make_directories(x, top);
	if (r == 0)
		r = copy_disks(job, x, top);
	if (r == 0)
		r = write_file_atomic(config, x->config, strlen(x->config));
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
	}
	vec_done(&x->disks);
	free(x->parent);
	free(x->name);
	free(x->config_name);
	free(x->config);
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

	j->job = (struct job){ .machine = x->machine, .work = MACHINE_IS_EXPORTED, .run = export_run, .end = export_end };
	j->x = x;
	j->done = done;
	j->arg = arg;
	machines_job(m, &j->job);
}
