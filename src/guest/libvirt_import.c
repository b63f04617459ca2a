/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "file_copy.h"
#include "libvirt_job.h"
#include "machine_import.h"

struct import_job {
	struct job job;
	struct machine_import *x;
	const char *path;
	machine_import_fn done;
	void *arg;
};

/* More than any machine's memory; larger than any firmware's variables. */
#define MEMORY_FILE_MAX (64ull << 40)
#define SMALL_FILE_MAX (64u << 20)

static int import_file(struct job *job, const struct machine_import *x, const struct machine_import_file *file)
{
	int r = file_copy(file->from, file->to, file->memory ? MEMORY_FILE_MAX : SMALL_FILE_MAX, job->stop_fd);

	if (r == -ENOENT && !file->memory)
		return 0;
	return r == 0 && file->memory ? save_image_rename(file->to, x->ids.items, x->ids.n) : r;
}

static int import_run(struct job *job, virConnectPtr conn, const char *instance)
{
	struct import_job *j = (struct import_job *)job;
	int r = 0;

	(void)conn, (void)instance;
	vec_foreach(&j->x->files, file) {
		j->path = file->from;
		r = import_file(job, j->x, file);
		if (r < 0)
			break;
	}
	if (r == 0)
		return 0;
	vec_foreach(&j->x->files, file)
		unlink(file->to);
	job->message = xstrdup(r == -EINVAL ? "it is not the memory of a machine, or compressed" : r == -ECANCELED ? "the daemon ends" : strerror(-r));
	return r;
}

static void import_end(struct job *job)
{
	struct import_job *j = (struct import_job *)job;

	j->done(j->arg, job->r, j->path, job->message);
	free(job->message);
	vec_foreach(&j->x->files, file) {
		free(file->from);
		free(file->to);
	}
	vec_done(&j->x->files);
	vec_foreach(&j->x->ids, id) {
		free(id->from);
		free(id->to);
	}
	vec_done(&j->x->ids);
	free(j->x);
	free(j);
}

void machines_import(struct machines *m, struct machine_import *x, machine_import_fn done, void *arg)
{
	struct import_job *j = xcalloc(1, sizeof(*j));

	j->job = (struct job){ .apart = true, .run = import_run, .end = import_end };
	j->x = x;
	j->done = done;
	j->arg = arg;
	machines_job(m, &j->job);
}
