/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint.h"
#include "internal.h"
#include "log.h"

/*
 * Hidden checkpoints: each belongs to an export of this process. Those that nobody holds go before a pass: the process that wanted them is no
 * more, or has what it wanted.
 */

struct capture {
	struct guid checkpoint;
	host_progress_fn progress;
	host_export_fn done; /* NULL: it has been called */
	void *arg;
};

static struct engine *engine_of(struct host *h)
{
	return (struct engine *)((char *)h - offsetof(struct engine, host));
}

static void on_progress(void *arg, const struct progress *p)
{
	struct capture *x = arg;

	x->progress(x->arg, p);
}

void engine_capture(struct host *h, const struct guid *vm, const struct guid *checkpoint, host_progress_fn progress, host_export_fn done,
		    void *arg)
{
	struct engine *g = engine_of(h);
	struct capture *x = xcalloc(1, sizeof(*x));

	*x = (struct capture){ .checkpoint = *checkpoint, .progress = progress, .done = done, .arg = arg };
	map_put(g->captures, &x->checkpoint, sizeof(x->checkpoint), x);
	engine_progress_watch(g, vm, on_progress, x);
	engine_schedule(g, 0);
}

void engine_release(struct host *h, const struct guid *checkpoint)
{
	struct engine *g = engine_of(h);

	struct capture *x = map_del(g->captures, checkpoint, sizeof(*checkpoint));

	engine_progress_unwatch(g, x);
	free(x);
	engine_schedule(g, 0);
}

static void tell(struct engine *g, struct capture *x, const char *error)
{
	host_export_fn done = x->done;
	struct err *e = NULL;

	x->done = NULL;
	engine_progress_unwatch(g, x);
	if (error) {
		err_set(&e, "Export.CaptureFailed", ERR_INVALID_OPERATION, NULL, "Its state could not be kept while it is on: %s.", error);
		err_advise(&e, -1, "Nothing of it is left, and the virtual machine goes on as before. Choose another -CaptureLiveState, or turn it off.");
	}
	done(x->arg, e);
}

void engine_capture_failed(struct engine *g, const struct guid *checkpoint, const char *error)
{
	struct capture *x = map_get(g->captures, checkpoint, sizeof(*checkpoint));

	if (x && x->done)
		tell(g, x, error);
}

/* Those that are made; and those whose document never came to be, because the store did not take it. */
static void tell_captured(struct engine *g)
{
	struct capture *next;
	void *value;

	do {
		next = NULL;
		for (size_t pos = 0; !next && map_next(g->captures, &pos, NULL, NULL, &value);) {
			struct capture *x = value;
			const struct checkpoint_doc *c = checkpoint_get(g->config.docs, &x->checkpoint);

			if (x->done && (!c || c->state == CHECKPOINT_READY))
				next = x;
		}
		if (next)
			tell(g, next, checkpoint_get(g->config.docs, &next->checkpoint) ? NULL : "the store did not take it");
	} while (next);
}

void engine_captures_prune(struct engine *g)
{
	struct docs *d = g->config.docs;
	_cleanup_err_ struct err *e = NULL;
	const struct checkpoint_doc *c;
	size_t gone = 0;

	tell_captured(g);
	docs_begin(d);
	for (size_t pos = 0; (c = checkpoint_next_hidden(d, &pos));) {
		if (map_get(g->captures, &c->id, sizeof(c->id)))
			continue;
		checkpoint_delete(d, c);
		gone++;
		pos = 0;
	}
	if (!gone)
		docs_rollback(d);
	else if (docs_commit(d, NULL, &e) < 0)
		log_error("cannot forget what was kept for an export: %s", e->message);
}

void engine_captures_free(struct engine *g)
{
	void *value;

	for (size_t pos = 0; map_next(g->captures, &pos, NULL, NULL, &value);)
		free(value);
	map_free(g->captures);
	map_free(g->exporting);
}
