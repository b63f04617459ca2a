/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

/* Who waits for machines is told, a few times a second, what is under way and how far it is. */

#define TELL_US 250000

struct progress_watch {
	struct guid vm; /* zero: all */
	size_t total;   /* machines that were seen at work */
	host_progress_fn tell;
	void *arg;
	struct progress_watch *next;
};

/* One that is not here is too short to be told. */
static const char *const activities[] = {
	[MACHINE_STARTS] = "Starting",
	[MACHINE_STOPS] = "Turning off",
	[MACHINE_SAVES] = "Saving",
	[MACHINE_CHANGES] = "Changing",
	[MACHINE_IS_CHECKPOINTED] = "Making a checkpoint of",
	[MACHINE_IS_RESTORED] = "Restoring",
	[MACHINE_IS_MERGED] = "Merging disks of",
	[MACHINE_IS_EXPORTED] = "Exporting",
};

/* The first that works and is watched; how many do. */
static size_t working(struct engine *g, const struct progress_watch *w, struct machine *ret)
{
	struct machine m;
	size_t n = 0;

	for (size_t pos = 0; machines_next(g->machines, &pos, &m);) {
		if (m.work == MACHINE_RESTS || (guid_is_zero(&w->vm) ? m.work_apart : !guid_equal(&w->vm, &m.id)))
			continue;
		if (!n++)
			*ret = m;
	}
	return n;
}

/* Several machines are counted as they come to their end; one counts what it does. */
static void tell(struct engine *g, struct progress_watch *w)
{
	struct machine m;
	size_t n = working(g, w, &m);
	struct progress p;
	const struct vm_doc *vm;

	if (!n)
		return;
	w->total = MAX(w->total, n);
	vm = vm_get(g->config.docs, &m.id);
	p = m.progress;
	p.activity = activities[m.work];
	p.target = vm ? vm->name : NULL;
	if (w->total > 1) {
		p.number = w->total - n + 1;
		p.of = w->total;
	}
	w->tell(w->arg, &p);
}

static int on_progress(sd_event_source *s, uint64_t usec, void *arg)
{
	struct engine *g = arg;

	(void)usec;
	if (!g->machines || !g->progress_watches)
		return 0;
	machines_ask_progress(g->machines);
	for (struct progress_watch *w = g->progress_watches; w; w = w->next)
		tell(g, w);
	sd_event_source_set_time_relative(s, TELL_US);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int timer_start(struct engine *g)
{
	if (!g->progress)
		return sd_event_add_time_relative(g->config.event, &g->progress, CLOCK_MONOTONIC, TELL_US, 0, on_progress, g);
	sd_event_source_set_time_relative(g->progress, TELL_US);
	return sd_event_source_set_enabled(g->progress, SD_EVENT_ONESHOT);
}

void engine_progress_watch(struct engine *g, const struct guid *vm, host_progress_fn fn, void *arg)
{
	struct machine first;
	struct progress_watch *w;

	if (!fn || !g->machines || (!g->progress_watches && timer_start(g) < 0))
		return;
	w = xcalloc(1, sizeof(*w));
	*w = (struct progress_watch){ .tell = fn, .arg = arg, .next = g->progress_watches };
	if (vm)
		w->vm = *vm;
	w->total = working(g, w, &first);
	g->progress_watches = w;
}

void engine_progress_unwatch(struct engine *g, void *arg)
{
	for (struct progress_watch **p = &g->progress_watches; *p;) {
		struct progress_watch *w = *p;

		if (w->arg != arg) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		free(w);
	}
}
