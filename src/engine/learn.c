/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/epoll.h>

#include "dataplane_internal.h"
#include "log.h"
#include "netvirt_learn.h"

/*
 * Addresses that are learnt of guests (HN-8): the dataplane tells, records are made of it, and a pass brings them into effect.
 * Guests decide what is told: so only so much is read at a time, with a pause, and refusals are logged so often at most.
 */
#define LEARN_AT_ONCE 64
#define LEARN_PAUSE_US 100000
#define LOG_AT_ONCE 10
#define LOG_PERIOD_US 60000000

struct learning {
	struct engine *g;
	sd_event_source *io;
	sd_event_source *pause;
	struct map *known; /* keys of learnt records -> anything: of few among a million records */
	uint64_t log_until; /* end of the period in which refusals are counted */
	unsigned logged;
};

void learn_port(const struct want_vport *w, struct dp_port *port)
{
	port->learn = (uint8_t)((w->learn4.wanted ? DP_PORT_LEARN_4 : 0) | (w->learn4.full ? DP_PORT_LEARN_FULL : 0) |
				(w->learn6.wanted ? DP_PORT_LEARN_6 : 0) | (w->learn6.full ? DP_PORT_LEARN_FULL6 : 0));
	if (port->learn)
		port->flags |= DP_PORT_LEARN;
}

static void refused(struct learning *x, const struct err *e)
{
	uint64_t now = clock_us(CLOCK_MONOTONIC);

	if (now >= x->log_until) {
		x->log_until = now + LOG_PERIOD_US;
		x->logged = 0;
	}
	if (++x->logged <= LOG_AT_ONCE)
		log_warning("an address is not learnt: %s: %s", e->id, e->message);
	else if (x->logged == LOG_AT_ONCE + 1)
		log_warning("more addresses are not learnt; nothing more is said about them for a minute");
}

/* True when documents changed. */
static bool learn_one(struct learning *x, const struct bpf_learnt *seen)
{
	struct learn l = { .vsid = seen->segment, .leased = seen->leased };
	char ca[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	_cleanup_err_ struct err *e = NULL;
	_cleanup_free_ char *key = NULL;

	memcpy(l.mac.b, seen->mac, sizeof(l.mac.b));
	memcpy(&l.ca, &seen->ca, sizeof(l.ca));
	if (netvirt_learn(x->g->config.docs, &l, &key, &e) < 0)
		refused(x, e);
	if (!key)
		return false;
	log_info("learnt %s of %s in virtual subnet %u, by %s", ip_format(&l.ca, ca), mac_format(&l.mac, mac), l.vsid,
		 l.leased ? "its lease" : "its announcement");
	map_put_str(x->known, key, x);
	return true;
}

static void learn_all(struct learning *x)
{
	struct bpf_learnt_vec seen = { 0 };
	_cleanup_err_ struct err *e = NULL;
	bool changed = false;

	bpf_driver_read_learnt(x->g->bpf, LEARN_AT_ONCE, &seen);
	docs_begin(x->g->config.docs);
	vec_foreach(&seen, one) {
		size_t mark = docs_mark(x->g->config.docs);

		if (learn_one(x, one))
			changed = true;
		else
			docs_rollback_to(x->g->config.docs, mark);
	}
	if (!changed)
		docs_rollback(x->g->config.docs);
	else if (docs_commit(x->g->config.docs, NULL, &e) < 0)
		log_error("cannot note learnt addresses: %s", e->message);
	else
		engine_reconcile(x->g, NULL);
	vec_done(&seen);
}

static int on_learnt(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct learning *x = arg;

	(void)fd;
	(void)revents;
	sd_event_source_set_enabled(s, SD_EVENT_OFF);
	sd_event_source_set_time_relative(x->pause, LEARN_PAUSE_US);
	sd_event_source_set_enabled(x->pause, SD_EVENT_ONESHOT);
	learn_all(x);
	return 0;
}

static int on_pause_over(sd_event_source *s, uint64_t usec, void *arg)
{
	struct learning *x = arg;

	(void)usec;
	sd_event_source_set_enabled(s, SD_EVENT_OFF);
	sd_event_source_set_enabled(x->io, SD_EVENT_ON);
	return 0;
}

static void note_known(struct learning *x)
{
	const struct record_doc *r;

	for (size_t pos = 0; (r = docs_next(x->g->config.docs, &record_kind, &pos));) {
		_cleanup_free_ char *key = r->learnt ? doc_key(&record_kind, r) : NULL;

		if (key)
			map_put_str(x->known, key, x);
	}
}

int engine_learning_open(struct engine *g)
{
	struct learning *x = g->learning = xcalloc(1, sizeof(*x));
	int fd = bpf_driver_learnt_fd(g->bpf), r;

	*x = (struct learning){ .g = g, .known = map_new() };
	note_known(x);
	if (fd < 0)
		return fd;
	r = sd_event_add_io(g->config.event, &x->io, fd, EPOLLIN, on_learnt, x);
	if (r >= 0)
		r = sd_event_add_time_relative(g->config.event, &x->pause, CLOCK_MONOTONIC, 0, 10000, on_pause_over, x);
	if (r >= 0)
		r = sd_event_source_set_enabled(x->pause, SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

void engine_learning_free(struct engine *g)
{
	struct learning *x = g->learning;

	if (!x)
		return;
	sd_event_source_unref(x->io);
	sd_event_source_unref(x->pause);
	map_free(x->known);
	free(x);
	g->learning = NULL;
}

/* Keys of learnt records that are to go, or have gone; the caller's to free. */
static char **find_gone(struct learning *x, size_t *ret_n)
{
	_cleanup_map_ struct map *ports = netvirt_ports_by_mac(x->g->config.docs);
	char **gone = xcalloc(map_count(x->known) + 1, sizeof(*gone));
	const void *text;
	size_t size, n = 0;

	for (size_t pos = 0; map_next(x->known, &pos, &text, &size, NULL);) {
		_cleanup_free_ char *key = xstrndup(text, size);
		const struct record_doc *r = docs_get(x->g->config.docs, &record_kind, key);

		if (!r || !r->learnt || !netvirt_learnt_holds(x->g->config.docs, r, ports))
			gone[n++] = TAKE_PTR(key);
	}
	*ret_n = n;
	return gone;
}

void engine_learning_prune(struct engine *g)
{
	struct learning *x = g->learning;
	_cleanup_err_ struct err *e = NULL;
	_cleanup_free_ char **gone = NULL;
	size_t n = 0;

	/* a host that is taken down keeps its documents */
	if (!x || g->destroying || !map_count(x->known))
		return;
	gone = find_gone(x, &n);
	if (!n)
		return;
	docs_begin(g->config.docs);
	for (size_t i = 0; i < n; i++) {
		const struct record_doc *r = docs_get(g->config.docs, &record_kind, gone[i]);

		if (r && r->learnt)
			docs_delete(g->config.docs, &record_kind, gone[i]);
		map_del_str(x->known, gone[i]);
		free(gone[i]);
	}
	if (docs_commit(g->config.docs, NULL, &e) < 0)
		log_error("cannot forget learnt addresses: %s", e->message);
}
