/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "libvirt_internal.h"

/* When jobs (libvirt_job.h) begin and end. */

static void *run_job(void *arg)
{
	struct task *t = arg;

	t->job->r = t->job->run(t->job, t->conn, t->m->instance);
	news(t->m, t);
	return NULL;
}

static struct entry *job_entry(struct machines *m, const struct job *job)
{
	return guid_is_zero(&job->machine) ? NULL : entry_make(m, &job->machine);
}

static struct entry *about_entry(struct machines *m, const struct job *job)
{
	return guid_is_zero(&job->about) ? NULL : entry_get(m, &job->about);
}

static void job_end(struct machines *m, struct job *job)
{
	struct entry *x = job_entry(m, job), *about = about_entry(m, job);

	if (about && about->beside == job)
		about->beside = NULL;
	if (x) {
		x->jobs--;
		x->unsure = true;
	}
	m->busy -= !job->apart;
	job->end(job);
}

static void job_begin(struct machines *m, struct entry *x, struct job *job)
{
	struct task *t = task_new(m, TASK_JOB);
	struct entry *about = about_entry(m, job);

	t->job = job;
	if (about)
		about->beside = job;
	if (x) {
		x->busy = true;
		progress_begin(m, x, STEP_QUERY, job);
	}
	m->steps++;
	m->running_jobs++;
	job->started = pthread_create(&job->thread, NULL, run_job, t) == 0;
	if (!job->started) {
		job->r = -EAGAIN;
		news(m, t);
	}
}

void jobs_begin(struct machines *m)
{
	struct job **p = &m->jobs, *job;

	while (m->conn && (job = *p)) {
		struct entry *x = job_entry(m, job);

		if (x && x->busy) {
			p = &job->next;
			continue;
		}
		*p = job->next;
		job_begin(m, x, job);
	}
}

void jobs_fail(struct machines *m, const char *why)
{
	struct job *all = TAKE_PTR(m->jobs);

	while (all) {
		struct job *job = all;

		all = job->next;
		job->r = -ENOTCONN;
		job->message = xstrdup(why);
		job_end(m, job);
	}
}

void job_done(struct machines *m, struct task *t)
{
	struct entry *x = job_entry(m, t->job);

	if (t->job->started)
		pthread_join(t->job->thread, NULL);
	virConnectClose(t->conn);
	m->running_jobs--;
	if (x) {
		x->busy = false;
		x->job = NULL;
	}
	job_end(m, t->job);
}

void machines_job(struct machines *m, struct job *job)
{
	struct entry *x = job_entry(m, job);
	struct job **p = &m->jobs;

	while (*p)
		p = &(*p)->next;
	job->next = NULL;
	job->stop_fd = m->stop_fd;
	*p = job;
	m->busy += !job->apart;
	if (x)
		x->jobs++;
	connect_begin(m, true);
	jobs_begin(m);
}

void jobs_close(struct machines *m)
{
	struct pollfd fd = { .fd = m->news_fd, .events = POLLIN };
	uint64_t one = 1;

	if (m->stop_fd < 0)
		return;
	while (write(m->stop_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	jobs_fail(m, "the daemon ends");
	while (m->running_jobs && poll(&fd, 1, -1) >= 0) {
		jobs_fail(m, "the daemon ends");
		machines_dispatch(m);
	}
	jobs_fail(m, "the daemon ends");
}
