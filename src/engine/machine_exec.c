/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "internal.h"

/*
 * Commands in machines, by the agent in the guest. It is asked to begin, and then, now and then, whether it is done: no
 * question takes long, however long the command does.
 */

#define AGENT_TIMEOUT_SECONDS 10
/* From a line that is done at once to one that takes minutes. */
#define POLL_MIN_US 20000
#define POLL_MAX_US 1000000

struct machine_exec {
	struct engine *g;
	struct guid vm;
	int64_t pid; /* in the guest; 0: not known yet */
	uint64_t timeout_ms;
	uint64_t poll_us;
	sd_event_source *poll;
	sd_event_source *deadline;
	host_exec_fn done; /* NULL: it has been told */
	void *arg;
	bool asking; /* the agent: the answer will come to this job */
	struct machine_exec *next;
};

static void job_free(struct machine_exec *job)
{
	for (struct machine_exec **p = &job->g->machine_jobs; *p; p = &(*p)->next) {
		if (*p == job) {
			*p = job->next;
			break;
		}
	}
	sd_event_source_unref(job->poll);
	sd_event_source_unref(job->deadline);
	free(job);
}

/* Takes output and e. */
static void job_tell(struct machine_exec *job, int code, char *output, struct err *e)
{
	host_exec_fn done = TAKE_PTR(job->done);

	sd_event_source_set_enabled(job->deadline, SD_EVENT_OFF);
	done(job->arg, code, output, e);
	if (!job->asking)
		job_free(job);
}

/* Nothing waits for the answer, and there may be none. */
static void on_killed(void *arg, int r, const char *answer, const char *message)
{
	(void)arg, (void)r, (void)answer, (void)message;
}

static void job_kill(struct machine_exec *job)
{
	if (job->pid)
		machines_agent(job->g->machines, &job->vm, agent_kill_command(job->pid), AGENT_TIMEOUT_SECONDS,
			       on_killed, NULL);
}

static void job_fail(struct machine_exec *job, int r, const char *message)
{
	struct err *e = NULL;

	if (r == -ENODEV) {
		err_set(&e, "Vm.NoGuestAgent", ERR_RESOURCE_UNAVAILABLE, NULL,
			"The virtual machine has no channel to a guest agent: %s.", message);
		err_advise(&e, 0, "It is given one when it is turned off and started anew (Stop-VM, Start-VM).");
	} else if (r == -EHOSTUNREACH && !job->pid) {
		err_set(&e, "Vm.NoGuestAgent", ERR_RESOURCE_UNAVAILABLE, NULL,
			"No guest agent answers in the virtual machine: %s.", message);
		err_advise(&e, 0,
			   "Install and start qemu-guest-agent in the guest, or wait until it has booted (Wait-VM -For "
			   "Heartbeat). "
			   "Get-VMConsole reaches a guest without.");
	} else if (r == -EPROTO) {
		err_set(&e, "Vm.GuestAgentUnclear", ERR_INVALID_OPERATION, NULL,
			"The guest agent's answer is not one to that question.");
		err_advise(&e, 0, "Look after qemu-guest-agent in the guest.");
	} else {
		err_set(&e, "RemoteCommandFailed", ERR_RESOURCE_UNAVAILABLE, NULL,
			job->pid ? "The command's end was lost: %s." : "The command cannot be run in the guest: %s.",
			message);
	}
	job_tell(job, 255, xstrdup(""), e);
}

static void poll_later(struct machine_exec *job)
{
	sd_event_source_set_time_relative(job->poll, job->poll_us);
	sd_event_source_set_enabled(job->poll, SD_EVENT_ONESHOT);
	job->poll_us = MIN(job->poll_us * 2, (uint64_t)POLL_MAX_US);
}

static void on_started(void *arg, int r, const char *answer, const char *message)
{
	struct machine_exec *job = arg;

	job->asking = false;
	if (r == 0)
		r = agent_exec_parse(answer, &job->pid);
	if (!job->done) {
		job_kill(job);
		job_free(job);
	} else if (r < 0) {
		job_fail(job, r, message);
	} else {
		poll_later(job);
	}
}

static void on_status(void *arg, int r, const char *answer, const char *message)
{
	struct machine_exec *job = arg;
	struct agent_exec_status status = { 0 };
	struct err *e = NULL;

	job->asking = false;
	if (r == 0)
		r = agent_exec_status_parse(answer, &status);
	if (!job->done) {
		free(status.output);
		job_free(job);
	} else if (r < 0) {
		job_fail(job, r, message);
	} else if (!status.exited) {
		poll_later(job);
	} else {
		if (status.too_much) {
			err_set(&e, "OutputTooLarge", ERR_LIMITS_EXCEEDED, NULL,
				"The command was ended: it wrote more than %u bytes.", AGENT_MAX_OUTPUT);
			status.output[AGENT_MAX_OUTPUT] = 0;
		}
		job_tell(job, status.code, status.output, e);
	}
}

static void job_ask(struct machine_exec *job, char *command, machine_agent_fn answered)
{
	job->asking = true;
	machines_agent(job->g->machines, &job->vm, command, AGENT_TIMEOUT_SECONDS, answered, job);
}

static int on_poll(sd_event_source *s, uint64_t usec, void *arg)
{
	struct machine_exec *job = arg;

	(void)s;
	(void)usec;
	job_ask(job, agent_exec_status_command(job->pid), on_status);
	return 0;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *arg)
{
	struct machine_exec *job = arg;
	struct err *e = NULL;

	(void)s;
	(void)usec;
	engine_exec_too_late(job->timeout_ms, &e);
	job_kill(job);
	job_tell(job, 255, xstrdup(""), e);
	return 0;
}

int engine_machine_exec(struct engine *g, const struct guid *vm, const char *script, uint64_t timeout_ms,
			host_exec_fn done, void *arg, struct err **e)
{
	struct machine_exec *job = xcalloc(1, sizeof(*job));
	int r;

	*job = (struct machine_exec){
		.g = g, .vm = *vm, .timeout_ms = timeout_ms, .poll_us = POLL_MIN_US, .done = done, .arg = arg
	};
	r = sd_event_add_time_relative(g->config.event, &job->deadline, CLOCK_MONOTONIC, timeout_ms * 1000, 0,
				       on_deadline, job);
	if (r >= 0)
		r = sd_event_add_time_relative(g->config.event, &job->poll, CLOCK_MONOTONIC, 0, 1000, on_poll, job);
	if (r >= 0)
		r = sd_event_source_set_enabled(job->poll, SD_EVENT_OFF);
	if (r < 0) {
		job_free(job);
		return err_set_errno(e, "RemoteCommandFailed", -r, NULL, "Cannot run the command in the guest: %s.",
				     strerror(-r));
	}
	job->next = g->machine_jobs;
	g->machine_jobs = job;
	job_ask(job, agent_exec_command(script), on_started);
	return 0;
}

static void job_end(struct machine_exec *job, const char *why)
{
	struct err *e = NULL;

	err_set(&e, "RemoteCommandFailed", ERR_RESOURCE_UNAVAILABLE, NULL, "%s", why);
	sd_event_source_set_enabled(job->poll, SD_EVENT_OFF);
	job_kill(job);
	job_tell(job, 255, xstrdup(""), e);
}

void engine_machine_exec_end(struct engine *g, void *arg)
{
	for (struct machine_exec *job = g->machine_jobs; job; job = job->next) {
		if (job->done && job->arg == arg) {
			job_end(job, "Nobody waits for the command any more.");
			return;
		}
	}
}

/* Those that have been told wait for an answer that will not come any more: machines_close() is next. */
void engine_machine_jobs_free(struct engine *g)
{
	while (g->machine_jobs) {
		struct machine_exec *job = g->machine_jobs;

		job->asking = true;
		if (job->done)
			job_end(job, "The daemon ended while the command ran.");
		job_free(job);
	}
}
