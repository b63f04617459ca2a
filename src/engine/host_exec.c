/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/epoll.h>

#include "internal.h"

/* Commands in namespace guests; those in machines are machine_exec.c's. */

static struct engine *engine_of(struct host *h)
{
	return (struct engine *)((char *)h - offsetof(struct engine, host));
}

struct exec_job {
	struct engine *g;
	struct guest_exec *exec;
	sd_event_source *output;
	sd_event_source *exit;
	sd_event_source *deadline;
	uint64_t timeout_ms;
	host_exec_fn done;
	void *arg;
	bool too_much, too_late;
	struct exec_job *next;
};

static void job_free(struct exec_job *job)
{
	for (struct exec_job **p = &job->g->jobs; *p; p = &(*p)->next) {
		if (*p == job) {
			*p = job->next;
			break;
		}
	}
	sd_event_source_unref(job->output);
	sd_event_source_unref(job->exit);
	sd_event_source_unref(job->deadline);
	guest_exec_free(job->exec);
	free(job);
}

static void job_end(struct exec_job *job, const char *why)
{
	struct err *e = NULL;

	err_set(&e, "RemoteCommandFailed", ERR_RESOURCE_UNAVAILABLE, NULL, "%s", why);
	job->done(job->arg, 255, xstrdup(""), e);
	job_free(job);
}

void engine_jobs_free(struct engine *g)
{
	while (g->jobs)
		job_end(g->jobs, "The daemon ended while the command ran.");
	engine_machine_jobs_free(g);
}

static int on_job_output(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct exec_job *job = arg;
	int r = guest_exec_read(job->exec);

	(void)fd;
	(void)revents;
	job->too_much |= r == -EMSGSIZE;
	if (r <= 0)
		sd_event_source_set_enabled(s, SD_EVENT_OFF);
	return 0;
}

static int on_job_exit(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct exec_job *job = arg;
	struct err *e = NULL;
	int code = 0, r = guest_exec_finish(job->exec, &code);
	char *output;

	(void)s;
	(void)fd;
	(void)revents;
	if (r == -EAGAIN)
		return 0;
	if (job->too_much)
		err_set(&e, "OutputTooLarge", ERR_LIMITS_EXCEEDED, NULL,
			"The command was ended: it wrote more than %u bytes.", GUEST_EXEC_MAX_OUTPUT);
	else if (job->too_late)
		engine_exec_too_late(job->timeout_ms, &e);
	else if (r < 0)
		err_set_errno(&e, "RemoteCommandFailed", -r, NULL, "The command's end was lost: %s.", strerror(-r));
	output = xstrdup(guest_exec_output(job->exec, &(size_t) { 0 }));
	job->done(job->arg, code, output, e);
	job_free(job);
	return 0;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *arg)
{
	struct exec_job *job = arg;

	(void)s;
	(void)usec;
	job->too_late = true;
	guest_exec_kill(job->exec);
	return 0;
}

int engine_exec_too_late(uint64_t timeout_ms, struct err **e)
{
	int r = err_set(e, "RemoteCommandTimeout", ERR_LIMITS_EXCEEDED, NULL,
			"The command was ended: it ran longer than %llu seconds.",
			(unsigned long long)(timeout_ms / 1000));

	return err_advise(e, r,
			  "Give it more time (-TimeoutSec), or let it go on in the background (nohup COMMAND "
			  ">/dev/null 2>&1 &).");
}

static int guest_exec_begin(struct engine *g, const struct guid *vm, const char *script, uint64_t timeout_ms,
			    host_exec_fn done, void *arg, struct err **e)
{
	struct guest_exec_spec spec = { .line = script, .merge = true };
	struct exec_job *job = xcalloc(1, sizeof(*job));
	int r = guest_exec_start(g->guests, vm, &spec, &job->exec);

	job->g = g;
	job->timeout_ms = timeout_ms;
	job->done = done;
	job->arg = arg;
	if (r == 0)
		r = sd_event_add_io(g->config.event, &job->output, guest_exec_stdout(job->exec), EPOLLIN, on_job_output,
				    job);
	if (r >= 0)
		r = sd_event_add_io(g->config.event, &job->exit, guest_exec_pidfd(job->exec), EPOLLIN, on_job_exit,
				    job);
	if (r >= 0)
		r = sd_event_add_time_relative(g->config.event, &job->deadline, CLOCK_MONOTONIC, timeout_ms * 1000, 0,
					       on_deadline, job);
	if (r < 0) {
		job_free(job);
		return err_set_errno(e, "RemoteCommandFailed", -r, NULL, "Cannot run the command in the guest: %s.",
				     strerror(-r));
	}
	job->next = g->jobs;
	g->jobs = job;
	return 0;
}

static int host_exec(struct host *h, const struct guid *vm, const char *script, uint64_t timeout_ms, host_exec_fn done,
		     void *arg, struct err **e)
{
	struct engine *g = engine_of(h);
	struct machine m;

	if (g->machines && machines_get(g->machines, vm, &m))
		return engine_machine_exec(g, vm, script, timeout_ms, done, arg, e);
	return guest_exec_begin(g, vm, script, timeout_ms, done, arg, e);
}

static void host_exec_end(struct host *h, void *arg)
{
	struct engine *g = engine_of(h);

	for (struct exec_job *job = g->jobs; job; job = job->next) {
		if (job->arg == arg) {
			job_end(job, "Nobody waits for the command any more.");
			return;
		}
	}
	engine_machine_exec_end(g, arg);
}

void engine_host_exec_init(struct engine *g)
{
	g->host.exec = host_exec;
	g->host.exec_end = host_exec_end;
}
