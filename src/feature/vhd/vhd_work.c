/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "drive_image.h"
#include "vhd.h"

enum vhd_step_kind { STEP_LOOK, STEP_JOB, STEP_EMIT, STEP_UNLINK };

struct vhd_step {
	enum vhd_step_kind kind;
	size_t group;
	struct host_image_job job; /* its texts are the step's */
	uint64_t max_size;
};

struct vhd_work {
	struct call *call;
	struct drive_look *look; /* while it is under way */
	size_t groups;
	VEC(struct vhd_step) steps;
	size_t next;
};

struct vhd_work *vhd_work_new(struct call *c)
{
	struct vhd_work *w = xcalloc(1, sizeof(*w));

	w->call = c;
	return w;
}

static const char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void add(struct vhd_work *w, enum vhd_step_kind kind, size_t group, const struct host_image_job *job, uint64_t max_size)
{
	struct vhd_step step = { .kind = kind, .group = group, .job = *job, .max_size = max_size };

	/* Formats are literals. */
	w->groups = MAX(w->groups, group + 1);
	step.job.path = copy(job->path);
	step.job.parent = copy(job->parent);
	step.job.target = copy(job->target);
	vec_push(&w->steps, step);
}

void vhd_work_look(struct vhd_work *w, size_t group, const char *path, bool in_use, uint64_t max_size)
{
	add(w, STEP_LOOK, group, &(struct host_image_job){ .path = path, .in_use = in_use }, max_size);
}

void vhd_work_job(struct vhd_work *w, size_t group, const struct host_image_job *job)
{
	add(w, STEP_JOB, group, job, 0);
}

void vhd_work_emit(struct vhd_work *w, size_t group, const char *path)
{
	add(w, STEP_EMIT, group, &(struct host_image_job){ .path = path, .in_use = true }, 0);
}

void vhd_work_unlink(struct vhd_work *w, size_t group, const char *path)
{
	add(w, STEP_UNLINK, group, &(struct host_image_job){ .path = path }, 0);
}

static void work_free(struct vhd_work *w)
{
	vec_foreach(&w->steps, step) {
		free((char *)(uintptr_t)step->job.path);
		free((char *)(uintptr_t)step->job.parent);
		free((char *)(uintptr_t)step->job.target);
	}
	vec_done(&w->steps);
	free(w);
}

static int check_size(const struct vhd_step *step, const struct host_image *image, struct err **e)
{
	int r;

	if (!step->max_size || image->size <= step->max_size)
		return 0;
	r = err_set(e, "Vhd.WouldShrink", ERR_INVALID_ARGUMENT, step->job.path, "\"%s\" has %" PRIu64 " bytes, and would lose some.",
		    step->job.path, image->size);
	return err_advise(e, r, "Give a larger size, or -Shrink when the guest uses nothing beyond the new end.");
}

static int remove_file(const struct vhd_step *step, struct err **e)
{
	if (unlink(step->job.path) == 0)
		return 0;
	return err_set_errno(e, "Vhd.AccessDenied", errno, step->job.path, "\"%s\" cannot be removed: %s.", step->job.path, strerror(errno));
}

/* The step is over; what belongs to it is not done when it failed. Takes e. */
static void step_over(struct vhd_work *w, struct err *e)
{
	size_t group = w->steps.items[w->next].group;

	w->look = NULL;
	w->next++;
	if (!e)
		return;
	call_error(w->call, &e);
	while (w->next < w->steps.n && w->steps.items[w->next].group == group)
		w->next++;
}

static bool work_go(struct vhd_work *w);

static void on_done(void *arg, const struct host_image *image, struct err *e)
{
	struct vhd_work *w = arg;
	const struct vhd_step *step = &w->steps.items[w->next];

	if (!e && step->kind == STEP_LOOK)
		check_size(step, image, &e);
	if (!e && step->kind == STEP_EMIT)
		call_emit_json(w->call, vhd_to_object(w->call, step->job.path, image));
	step_over(w, e);
	if (work_go(w))
		return;
	call_complete(w->call, NULL);
	work_free(w);
}

static void on_progress(void *arg, int percent)
{
	static const char *const activities[] = {
		[HOST_IMAGE_CREATE] = "Creating", [HOST_IMAGE_RESIZE] = "Resizing", [HOST_IMAGE_CONVERT] = "Converting",
	};
	const struct vhd_work *w = arg;
	const struct vhd_step *step = &w->steps.items[w->next];

	call_progress_of(w->call, &(struct progress){ .activity = activities[step->job.op], .target = step->job.path,
						      .number = step->group + 1, .of = w->groups, .percent = percent });
}

static int step_begin(struct vhd_work *w, const struct vhd_step *step, struct err **e)
{
	struct host *host = call_host(w->call);
	struct host_image_job job = step->job;

	if (step->kind == STEP_JOB) {
		job.progress = on_progress;
		on_progress(w, PROGRESS_UNKNOWN);
		return host->image(host, &job, on_done, w, e);
	}
	return drive_look(host, step->job.path, step->job.in_use, on_done, w, &w->look, e);
}

/* True: something is under way. */
static bool work_go(struct vhd_work *w)
{
	while (w->next < w->steps.n) {
		const struct vhd_step *step = &w->steps.items[w->next];
		struct err *e = NULL;

		if (step->kind == STEP_UNLINK)
			remove_file(step, &e);
		else if (step_begin(w, step, &e) == 0)
			return true;
		step_over(w, e);
	}
	return false;
}

static void on_cancel(void *arg)
{
	struct vhd_work *w = arg;
	struct host *host = call_host(w->call);

	/* What was to come is not begun any more. */
	for (size_t i = w->next; i < w->steps.n; i++)
		w->steps.items[i].group = w->steps.items[w->next].group;
	if (w->look)
		drive_look_end(w->look);
	else
		host->image_end(host, w);
}

int vhd_work_run(struct vhd_work *w)
{
	if (work_go(w)) {
		call_on_cancel(w->call, on_cancel, w);
		return CALL_PENDING;
	}
	work_free(w);
	return 0;
}
