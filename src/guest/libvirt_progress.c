/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirt_internal.h"

/*
 * How far is what takes long? Jobs say so themselves, in a word that is read whenever somebody wants to know. What is one long call to
 * libvirt (a machine's memory to a file) is asked of libvirt by a thread beside the one that waits in it.
 */

#define NUMBER_BITS 12
#define NUMBER_MAX ((1u << NUMBER_BITS) - 1)
#define PERCENT_NONE 0x7f

void job_tell(struct job *job, size_t number, size_t of, int percent)
{
	uint32_t n = (uint32_t)MIN(number, (size_t)NUMBER_MAX), all = (uint32_t)MIN(of, (size_t)NUMBER_MAX);
	uint32_t part = percent < 0 ? PERCENT_NONE : (uint32_t)MIN(percent, 100);

	atomic_store(&job->told, part << (2 * NUMBER_BITS) | all << NUMBER_BITS | n);
}

void progress_begin(struct machines *m, struct entry *x, enum step step, struct job *job)
{
	x->step = step;
	x->job = job;
	x->began = ++m->began;
	x->asking = false;
	x->percent = PROGRESS_UNKNOWN;
}

static enum machine_work work_of(const struct entry *x)
{
	if (!x->busy)
		return x->beside ? x->beside->work : MACHINE_RESTS;
	if (x->job)
		return x->job->work;
	switch (x->step) {
	case STEP_QUERY:
	case STEP_BALANCE:
		return MACHINE_RESTS;
	case STEP_START:
		return MACHINE_STARTS;
	case STEP_DESTROY:
		return MACHINE_STOPS;
	case STEP_SAVE:
		return MACHINE_SAVES;
	default:
		return MACHINE_CHANGES;
	}
}

void progress_tell(const struct entry *x, struct machine *ret)
{
	const struct job *job = x->busy ? x->job : x->beside;
	uint32_t told = job ? atomic_load(&job->told) : 0, part = told >> (2 * NUMBER_BITS);

	ret->work = work_of(x);
	ret->work_apart = !x->busy;
	ret->progress = (struct progress){ .number = 1, .of = 1, .percent = x->busy ? x->percent : PROGRESS_UNKNOWN };
	if (!told)
		return;
	ret->progress.number = told & NUMBER_MAX;
	ret->progress.of = told >> NUMBER_BITS & NUMBER_MAX;
	ret->progress.percent = part == PERCENT_NONE ? PROGRESS_UNKNOWN : (int)part;
}

/* ---- what libvirt is asked ---- */

void machines_ask_progress(struct machines *m)
{
	void *value;

	for (size_t pos = 0; m->conn && map_next(m->entries, &pos, NULL, NULL, &value);) {
		struct entry *x = value;
		enum machine_work work = work_of(x);
		struct task *t;

		if (x->asking || (work != MACHINE_SAVES && work != MACHINE_IS_CHECKPOINTED))
			continue;
		x->asking = true;
		t = task_new(m, TASK_PROGRESS);
		t->args.id = x->id;
		t->began = x->began;
		pool_submit(m->agents, &t->work);
	}
}

/*
 * In a thread. By what remains: pages that are all zero are not written, and count nonetheless. It becomes more again when the guest goes on
 * meanwhile.
 */
void progress_run(struct task *t)
{
	virDomainPtr domain = virDomainLookupByUUID(t->conn, t->args.id.b);
	virDomainJobInfo info = { 0 };

	t->percent = PROGRESS_UNKNOWN;
	if (domain && virDomainGetJobInfo(domain, &info) == 0 && info.type != VIR_DOMAIN_JOB_NONE && info.dataTotal &&
	    info.dataRemaining <= info.dataTotal && info.dataTotal <= UINT64_MAX / 100)
		t->percent = (int)((info.dataTotal - info.dataRemaining) * 100 / info.dataTotal);
	if (domain)
		virDomainFree(domain);
}

void progress_taken(struct machines *m, struct task *t)
{
	struct entry *x = entry_get(m, &t->args.id);

	if (x && x->busy && x->began == t->began) {
		x->asking = false;
		x->percent = t->percent;
	}
	virConnectClose(t->conn);
}
