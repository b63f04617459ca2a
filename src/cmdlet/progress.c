/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

/*
 * What the calls of a request say of their progress becomes one line of news: that of the call that has said something longest ago, so
 * that who reads it sees one thing come to its end, and then the next. A percentage never falls.
 */

static bool same_target(const struct spoken *s, const struct progress *p)
{
	return s->progress.number == p->number && streq(s->progress.activity, p->activity) && streq_ptr(s->target, p->target);
}

static bool same(const struct spoken *s, const struct progress *p)
{
	return same_target(s, p) && s->progress.of == p->of && s->progress.percent == p->percent;
}

/* Objects of a pipeline are counted; a call without any counts its targets itself. */
static void tell(struct request *r)
{
	const struct spoken *s = &r->spoken.items[0];
	bool counted = r->calls > 1 && s->call;
	size_t number = counted ? r->ended + 1 : s->progress.number, of = counted ? r->calls : s->progress.of;

	r->progress(r->arg, json_pack("{s:s, s:o, s:I, s:I, s:o}", "activity", s->progress.activity, "target", text_to_json(s->target), "number",
				      (json_int_t)MIN(number, of), "of", (json_int_t)of, "percent",
				      s->progress.percent < 0 ? json_null() : json_integer(s->progress.percent)));
}

static struct spoken *find(struct request *r, const struct call *c)
{
	vec_foreach(&r->spoken, s)
		if (s->call == c)
			return s;
	vec_push(&r->spoken, (struct spoken){ .call = c });
	return &r->spoken.items[r->spoken.n - 1];
}

void request_progress(struct request *r, const struct call *c, const struct progress *given)
{
	struct progress p = *given;
	struct spoken *s;

	if (!r->progress)
		return;
	p.of = MAX(p.of, (size_t)1);
	p.number = MIN(MAX(p.number, (size_t)1), p.of);
	p.percent = MIN(p.percent, 100);
	s = find(r, c);
	if (s->progress.activity && same_target(s, &p))
		p.percent = MAX(p.percent, s->progress.percent);
	if (s->progress.activity && same(s, &p))
		return;
	if (!streq_ptr(s->target, p.target)) {
		free(s->target);
		s->target = p.target ? xstrndup(p.target, PROGRESS_TARGET_MAX) : NULL;
	}
	s->progress = p;
	s->progress.target = NULL;
	if (s == r->spoken.items)
		tell(r);
}

void request_progress_over(struct request *r, const struct call *c)
{
	size_t kept = 0;
	bool first = r->spoken.n && r->spoken.items[0].call == c;

	for (size_t i = 0; i < r->spoken.n; i++) {
		if (r->spoken.items[i].call == c)
			free(r->spoken.items[i].target);
		else
			r->spoken.items[kept++] = r->spoken.items[i];
	}
	r->spoken.n = kept;
	if (first && kept)
		tell(r);
}

void request_progress_done(struct request *r)
{
	vec_foreach(&r->spoken, s)
		free(s->target);
	vec_done(&r->spoken);
}

void call_progress_of(struct call *c, const struct progress *p)
{
	request_progress(c->request, c, p);
}

void call_progress(struct call *c, const char *activity, const char *target, int percent)
{
	call_progress_of(c, &(struct progress){ .activity = activity, .target = target, .number = 1, .of = 1, .percent = percent });
}
