/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "libvirt_internal.h"
#include "log.h"

#define WORKERS 4
/* Apart from those: an agent that does not answer keeps a thread for seconds. */
#define AGENT_WORKERS 4
#define URI_DEFAULT "qemu:///system"

static void queue_push(struct queue *q, struct task *t)
{
	t->next = NULL;
	*q->last = t;
	q->last = &t->next;
}

static struct task *queue_pop(struct queue *q)
{
	struct task *t = q->first;

	if (!t)
		return NULL;
	q->first = t->next;
	if (!q->first)
		q->last = &q->first;
	return t;
}

static void task_free(struct task *t)
{
	free(t->args.name);
	free(t->args.xml);
	free(t->args.user_data);
	free(t->args.seed);
	free(t->args.nics);
	step_drives_done(&t->args.drives);
	free(t->message);
	free(t->command);
	free(t->answer);
	vec_done(&t->list);
	vec_done(&t->numbers);
	if (t->kind == TASK_CONSOLE && t->fd >= 0)
		close(t->fd);
	free(t);
}

void news(struct machines *m, struct task *t)
{
	uint64_t one = 1;

	pthread_mutex_lock(&m->lock);
	queue_push(&m->news, t);
	pthread_mutex_unlock(&m->lock);
	/* Only a full counter could fail, which is as readable as can be. */
	if (write(m->news_fd, &one, sizeof(one)) < 0)
		return;
}

/* ---- libvirt's threads ---- */

static void note_event(virDomainPtr domain, bool panicked, struct machines *m)
{
	struct task *t = xcalloc(1, sizeof(*t));

	t->panicked = panicked;
	t->kind = NEWS_EVENT;
	if (virDomainGetUUID(domain, t->args.id.b) < 0)
		task_free(t);
	else
		news(m, t);
}

static int on_lifecycle(virConnectPtr conn, virDomainPtr domain, int event, int detail, void *arg)
{
	(void)conn;
	note_event(domain, event == VIR_DOMAIN_EVENT_CRASHED && detail == VIR_DOMAIN_EVENT_CRASHED_PANICKED, arg);
	return 0;
}

static void on_removed(virConnectPtr conn, virDomainPtr domain, const char *alias, void *arg)
{
	(void)conn;
	(void)alias;
	note_event(domain, false, arg);
}

static void on_balloon(virConnectPtr conn, virDomainPtr domain, unsigned long long kib, void *arg)
{
	(void)conn;
	(void)kib;
	note_event(domain, false, arg);
}

static void on_memory(virConnectPtr conn, virDomainPtr domain, const char *alias, unsigned long long kib, void *arg)
{
	(void)conn;
	(void)alias;
	(void)kib;
	note_event(domain, false, arg);
}

/* Guests follow a change of memory, and let go of devices, in their own time. */
static void events_register(virConnectPtr conn, struct machines *m)
{
	static const struct {
		int event;
		virConnectDomainEventGenericCallback fn;
	} events[] = {
		{ VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle) },
		{ VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(on_removed) },
		{ VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE, VIR_DOMAIN_EVENT_CALLBACK(on_balloon) },
		{ VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE, VIR_DOMAIN_EVENT_CALLBACK(on_memory) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		virConnectDomainEventRegisterAny(conn, NULL, events[i].event, events[i].fn, m, NULL);
}

static void on_closed(virConnectPtr conn, int reason, void *arg)
{
	struct task *t = xcalloc(1, sizeof(*t));

	(void)reason;
	t->kind = NEWS_CLOSED;
	t->conn = conn;
	news(arg, t);
}

static void *run_events(void *arg)
{
	struct machines *m = arg;

	while (!atomic_load(&m->events_stop))
		if (virEventRunDefaultImpl() < 0)
			break;
	return NULL;
}

static void on_wake(int timer, void *arg)
{
	(void)arg;
	virEventUpdateTimeout(timer, -1);
}

#define KEEPALIVE_SECONDS 5
#define KEEPALIVE_COUNT 3

static void do_connect(struct machines *m, struct task *t)
{
	virConnectPtr conn = virConnectOpen(m->uri);
	const virError *e = virGetLastError();

	if (!conn) {
		t->r = -ENOTCONN;
		t->message = step_message(e && e->message ? e->message : "");
		return;
	}
	/* Before the list is made, so that nothing is missed in between. */
	events_register(conn, m);
	virConnectRegisterCloseCallback(conn, on_closed, m, NULL);
	virConnectSetKeepAlive(conn, KEEPALIVE_SECONDS, KEEPALIVE_COUNT);
	t->r = step_list(conn, m->instance, &t->list, &t->message);
	if (t->r < 0)
		virConnectClose(conn);
	else
		t->conn = conn;
}

static void run_task(struct work *work)
{
	struct task *t = (struct task *)work;

	if (t->kind == TASK_CONNECT)
		do_connect(t->m, t);
	else if (t->kind == TASK_STEP)
		t->r = step_run(t->conn, t->m->instance, &t->args, &t->seen, &t->message);
	else if (t->kind == TASK_PROGRESS)
		progress_run(t);
	else
		look_run(t);
	news(t->m, t);
}

/* ---- the caller's thread ---- */

struct task *task_new(struct machines *m, enum task_kind kind)
{
	struct task *t = xcalloc(1, sizeof(*t));

	t->work.run = run_task;
	t->m = m;
	t->kind = kind;
	t->conn = m->conn;
	if (t->conn)
		virConnectRef(t->conn);
	return t;
}

struct entry *entry_get(struct machines *m, const struct guid *id)
{
	return map_get(m->entries, id, sizeof(*id));
}

struct entry *entry_make(struct machines *m, const struct guid *id)
{
	struct entry *x = entry_get(m, id);

	if (x)
		return x;
	x = xcalloc(1, sizeof(*x));
	x->id = x->seen.id = *id;
	map_put(m->entries, id, sizeof(*id), x);
	return x;
}

/* The console's log goes with its machine. */
static void log_remove(const struct machines *m, const struct guid *machine)
{
	char id[GUID_TEXT_SIZE];
	_cleanup_free_ char *log = xasprintf("%s/%s.log", m->log_dir, guid_format(machine, id));

	unlink(log);
}

static void entry_free(struct entry *x)
{
	free(x->name);
	free(x->xml);
	free(x->nics);
	step_drives_done(&x->drives);
	free(x->user_data);
	free(x->error);
	free(x->refused);
	watch_reset(&x->watch);
	free(x);
}

void connect_begin(struct machines *m, bool again)
{
	struct task *t;

	if (m->conn || m->connecting || (m->error && !again))
		return;
	m->connecting = true;
	t = task_new(m, TASK_CONNECT);
	pool_submit(m->workers, &t->work);
}

static void step_begin(struct machines *m, struct entry *x)
{
	struct task *t;
	enum step step;

	if (x->busy || x->jobs || !m->conn || !next_step(x, &step))
		return;
	x->unsure = false;
	x->busy = true;
	x->begun_for = x->changed;
	progress_begin(m, x, step, NULL);
	x->by_us |= step == STEP_START || step == STEP_DESTROY || step == STEP_DEFINE || step == STEP_UNDEFINE || step == STEP_SAVE;
	if (step == STEP_SHUTDOWN)
		x->shut_down = false;
	x->balance = false;
	m->busy++;
	m->steps += step != STEP_QUERY && step != STEP_AWAIT && step != STEP_BALANCE;
	t = task_new(m, TASK_STEP);
	t->args = (struct step_args){ .step = step, .id = x->id, .name = x->name ? xstrdup(x->name) : NULL,
				      .xml = x->xml ? xstrdup(x->xml) : NULL, .memory = x->want_memory,
				      .nested = x->nested, .taken_in = x->taken_in, .n_nics = x->n_nics,
				      .nics = x->n_nics ? xmemdup(x->nics, x->n_nics * sizeof(*x->nics)) : NULL };
	if (step == STEP_START && x->user_data) {
		t->args.user_data = xstrdup(x->user_data);
		t->args.seed = machine_file(m->log_dir, &x->id, MACHINE_SEED);
	}
	if (step == STEP_DRIVES) {
		step_drives_copy(&x->drives, &t->args.drives);
		memcpy(t->args.drives_digest, x->want_mark.drives, sizeof(t->args.drives_digest));
	}
	pool_submit(m->workers, &t->work);
}

static void steps_begin(struct machines *m)
{
	void *value;

	for (size_t pos = 0; map_next(m->entries, &pos, NULL, NULL, &value);)
		step_begin(m, value);
}

/*
 * What libvirt says now. A machine that was on and should be, and is not: it has ended by itself. Not when it was of another start
 * than the one that is wanted: then a daemon that died may have asked for its end.
 */
static void see(struct entry *x, const struct seen *s)
{
	bool was_on = has_begun(&x->seen), on = has_begun(s), lost = (x->seen.lost && s->starting) || s->lost;

	if (was_on && !is_on(s) && !x->by_us && wants_on(x) && x->seen.mark.boot == x->want_boot)
		x->ended = true;
	if (!was_on || !on || x->seen.mark.boot != s->mark.boot)
		watch_reset(&x->watch);
	if (!was_on && on)
		x->panicked = false;
	if (on)
		x->asked = false;
	if (!was_on && on)
		x->started_us = clock_us(CLOCK_REALTIME);
	if (!on)
		x->started_us = x->resized = 0;
	if (x->seen.lost && !lost) {
		free(x->error);
		x->error = NULL;
	}
	if (s->stall && x->wish == MACHINE_WANT_RUNNING)
		x->stalled = true;
	x->seen = *s;
	x->seen.lost = lost;
}

static void disconnected(struct machines *m, const char *why)
{
	void *value;

	/* Whoever asked hears of this, and that it is tried again; and a new libvirt may have found what the old one lost. */
	for (size_t pos = 0; map_next(m->entries, &pos, NULL, NULL, &value);) {
		struct entry *x = value;

		x->asked = false;
		if (!x->seen.lost)
			continue;
		x->seen.lost = false;
		free(x->error);
		x->error = NULL;
	}
	if (m->conn)
		virConnectClose(m->conn);
	m->conn = NULL;
	free(m->error);
	m->error = xstrdup(why);
	m->told = false;
}

static void connected(struct machines *m, struct task *t)
{
	void *value;

	m->connecting = false;
	if (t->r < 0) {
		disconnected(m, t->message);
		jobs_fail(m, t->message);
		return;
	}
	m->conn = t->conn;
	free(m->error);
	m->error = NULL;
	for (size_t pos = 0; map_next(m->entries, &pos, NULL, NULL, &value);)
		((struct entry *)value)->listed = false;
	vec_foreach(&t->list, s) {
		struct entry *x = entry_make(m, &s->id);

		x->listed = true;
		see(x, s);
	}
	for (size_t pos = 0; map_next(m->entries, &pos, NULL, NULL, &value);) {
		struct entry *x = value;

		if (!x->listed)
			see(x, &(struct seen){ .id = x->id, .state = MACHINE_ABSENT });
	}
}

/* Returns whether anybody need look at it: not when all that was done was to look, and nothing was seen that is new. */
static bool stepped(struct machines *m, struct task *t)
{
	struct entry *x = entry_get(m, &t->args.id);
	enum step step = t->args.step;
	bool news = (step != STEP_QUERY && step != STEP_AWAIT && step != STEP_BALANCE) || t->r < 0;
	struct seen before;

	virConnectClose(t->conn);
	m->busy--;
	if (!x)
		return news;
	x->busy = false;
	before = x->seen;
	if (t->r == -ENOTCONN) {
		/* The connection's end is news of its own. */
		x->unsure = true;
		return true;
	}
	see(x, &t->seen);
	x->by_us = false;
	news |= x->seen.state != before.state || x->seen.starting != before.starting;
	if (step == STEP_RESIZE && t->r == 0)
		x->resized = t->args.memory.startup;
	if (t->r < 0 && step == STEP_SHUTDOWN) {
		free(x->refused);
		x->refused = TAKE_PTR(t->message);
	} else if (t->r < 0 && x->begun_for == x->changed) {
		/* Else something else is wanted by now, of which this says nothing: that is tried. */
		free(x->error);
		x->error = TAKE_PTR(t->message);
		x->told = x->retrying;
		x->not_started = step == STEP_START && !is_on(&x->seen);
		x->not_saved = step == STEP_SAVE && is_on(&x->seen) ? before.state : MACHINE_OFF;
	}
	/* What failed has come true by itself: a guest let go of a device. */
	if (x->error && t->r == 0 && !next_change(x, &step)) {
		free(x->error);
		x->error = NULL;
		news = true;
	}
	if (!x->wanted && x->seen.state == MACHINE_ABSENT && !x->unsure && !x->jobs) {
		machine_files_remove(m->log_dir, &x->id);
		log_remove(m, &x->id);
		map_del(m->entries, &x->id, sizeof(x->id));
		entry_free(x);
	}
	return news;
}

int machines_fd(const struct machines *m)
{
	return m->news_fd;
}

bool machines_dispatch(struct machines *m)
{
	bool changed = false;
	uint64_t count;
	struct task *t;

	if (read(m->news_fd, &count, sizeof(count)) < 0)
		return false;
	for (;;) {
		pthread_mutex_lock(&m->lock);
		t = queue_pop(&m->news);
		pthread_mutex_unlock(&m->lock);
		if (!t)
			break;
		if (t->kind == TASK_CONNECT) {
			connected(m, t);
			changed = true;
		} else if (t->kind == TASK_STEP) {
			changed |= stepped(m, t);
		} else if (t->kind == TASK_NUMBERS || t->kind == TASK_ADDRESSES || t->kind == TASK_AGENT || t->kind == TASK_CONSOLE) {
			looked(m, t);
		} else if (t->kind == TASK_PROGRESS) {
			progress_taken(m, t);
		} else if (t->kind == TASK_JOB) {
			job_done(m, t);
			changed = true;
		} else if (t->kind == NEWS_EVENT) {
			struct entry *x = entry_get(m, &t->args.id);

			if (x) {
				x->unsure = true;
				x->panicked |= t->panicked;
			}
		} else if (t->conn == m->conn) {
			disconnected(m, "the connection to libvirt was closed");
			changed = true;
		}
		task_free(t);
	}
	jobs_begin(m);
	steps_begin(m);
	return changed;
}

char *machines_xml(const struct machines *m, const struct machine_spec *spec)
{
	char id[GUID_TEXT_SIZE];
	_cleanup_free_ char *log = xasprintf("%s/%s.log", m->log_dir, guid_format(&spec->id, id));
	struct str xml = { 0 };

	machine_xml(spec, &m->host, m->instance, log, &xml);
	return str_take(&xml);
}

/* Returns whether something else is wanted than before. */
static bool want_set(struct machines *m, struct entry *x, const struct machine_want *w, bool retry)
{
	char *xml = machines_xml(m, &w->spec);
	bool same = x->wanted && x->wish == w->wish && x->want_boot == w->spec.boot && streq_ptr(x->xml, xml);

	if (!same) {
		x->asked = w->wish != MACHINE_WANT_OFF && w->wish != MACHINE_WANT_SAVED &&
			   (x->asked || (x->wanted && (!wants_on(x) || x->want_boot != w->spec.boot)));
		x->changed = m->wants;
		x->ended = x->retrying = x->stalled = false;
	}
	else if (retry && x->error)
		x->retrying = true;
	/* Another step would wait for the lock, too, and keep a thread for half a minute: it is looked whether that is over. */
	if (x->seen.lost) {
		x->told &= same;
		x->unsure |= retry || !same;
	} else if (!same || retry) {
		free(x->error);
		x->error = NULL;
	}
	x->wanted = true;
	x->wish = w->wish;
	x->want_boot = w->spec.boot;
	free(x->name);
	x->name = xstrdup(w->spec.name);
	free(x->xml);
	x->xml = xml;
	x->want_memory = w->spec.memory;
	free(x->nics);
	x->n_nics = w->spec.n_nics;
	x->nics = x->n_nics ? xmemdup(w->spec.nics, x->n_nics * sizeof(*x->nics)) : NULL;
	x->want_nics = nics_digest(x->nics, x->n_nics);
	x->nested = w->spec.nested;
	x->taken_in = w->spec.taken_in;
	machine_mark_parse(strstr(x->xml, "<" MACHINE_PREFIX ":"), m->instance, &x->want_mark);
	step_drives_done(&x->drives);
	step_drives_of(&w->spec, &x->drives);
	free(x->user_data);
	x->user_data = w->spec.user_data ? xstrdup(w->spec.user_data) : NULL;
	return !same;
}

/* Neither wanted any more nor known to libvirt. */
static void forget_absent(struct machines *m)
{
	struct entry *gone;
	void *value;

	do {
		gone = NULL;
		for (size_t pos = 0; !gone && map_next(m->entries, &pos, NULL, NULL, &value);) {
			struct entry *x = value;

			if (!x->listed && !x->busy && !x->jobs && !x->unsure && x->seen.state == MACHINE_ABSENT)
				gone = x;
		}
		if (gone) {
			map_del(m->entries, &gone->id, sizeof(gone->id));
			entry_free(gone);
		}
	} while (gone);
}

void machines_want(struct machines *m, const struct machine_want *wants, size_t n, bool retry)
{
	bool changed = false;
	void *value;

	m->wants++;
	for (size_t pos = 0; map_next(m->entries, &pos, NULL, NULL, &value);)
		((struct entry *)value)->listed = false;
	for (size_t i = 0; i < n; i++) {
		struct entry *x = entry_make(m, &wants[i].spec.id);

		x->listed = true;
		changed |= want_set(m, x, &wants[i], retry);
	}
	forget_absent(m);
	for (size_t pos = 0; map_next(m->entries, &pos, NULL, NULL, &value);) {
		struct entry *x = value;

		if (!x->listed && x->wanted) {
			x->wanted = x->ended = x->asked = false;
			x->changed = m->wants;
			free(x->error);
			x->error = NULL;
			changed = true;
		}
	}
	/* Even without any: there may be some of ours that nobody wants any more. */
	connect_begin(m, retry || changed);
	steps_begin(m);
}

bool machines_tick(struct machines *m)
{
	bool any = false;
	void *value;

	for (size_t pos = 0; map_next(m->entries, &pos, NULL, NULL, &value);) {
		struct entry *x = value;

		if (!x->wanted || !is_on(&x->seen))
			continue;
		any = true;
		look_at(m, x);
		if (x->want_memory.dynamic)
			x->balance = true;
		else if (x->nested)
			x->unsure = true;
		step_begin(m, x);
	}
	if (any)
		look_at_all(m);
	return any;
}

int machines_shutdown(struct machines *m, const struct guid *id)
{
	struct entry *x = entry_get(m, id);

	if (!m->conn)
		return -ENOTCONN;
	if (!x || !is_on(&x->seen))
		return -ENOENT;
	free(x->refused);
	x->refused = NULL;
	x->shut_down = true;
	step_begin(m, x);
	return 0;
}

uint64_t machines_steps(const struct machines *m)
{
	return m->steps;
}

uint64_t machines_wants(const struct machines *m)
{
	return m->wants;
}

size_t machines_busy(const struct machines *m)
{
	return m->busy + m->connecting;
}

const char *machines_error(const struct machines *m)
{
	return m->error;
}

bool machines_error_is_new(const struct machines *m)
{
	return m->error && !m->told;
}

void machines_told(struct machines *m)
{
	void *value;

	m->told = true;
	for (size_t pos = 0; map_next(m->entries, &pos, NULL, NULL, &value);) {
		struct entry *x = value;

		x->told = true;
		x->asked &= !x->error;
	}
}

static void entry_tell(const struct entry *x, struct machine *ret)
{
	*ret = (struct machine){ .id = x->id, .state = x->seen.starting ? MACHINE_OFF : x->seen.state, .boot = x->seen.mark.boot, .started_us = x->started_us,
				 .memory = x->seen.memory, .limit = x->seen.mark.limit, .demand = x->watch.demand,
				 .hypervisor = x->seen.hypervisor, .cpu_percent = x->watch.cpu_percent, .cpu_ns = x->watch.cpu_ns,
				 .disks = x->watch.disks, .heartbeat = watch_heartbeat(&x->watch),
				 .busy = x->busy, .ended = x->ended, .stall = x->stalled ? x->seen.stall : MACHINE_GOES,
				 .not_started = x->error && x->not_started, .not_saved = x->error ? x->not_saved : MACHINE_OFF, .asked = x->asked, .wants = x->changed, .error = x->error,
				 .end = x->panicked ? MACHINE_PANICKED : x->seen.crashed ? MACHINE_CRASHED : MACHINE_POWERED_OFF,
				 .failure = x->error ? machine_failure_of(x->error) : MACHINE_FAILED,
				 .error_is_new = x->error && !x->told, .refused = x->refused };
	progress_tell(x, ret);
}

bool machines_get(const struct machines *m, const struct guid *id, struct machine *ret)
{
	const struct entry *x = map_get(m->entries, id, sizeof(*id));

	if (x)
		entry_tell(x, ret);
	return x != NULL;
}

const struct agent_address_vec *machines_addresses(const struct machines *m, const struct guid *id)
{
	const struct entry *x = map_get(m->entries, id, sizeof(*id));

	return x && x->watch.addresses.n ? &x->watch.addresses : NULL;
}

bool machines_next(const struct machines *m, size_t *pos, struct machine *ret)
{
	void *value;

	if (!map_next(m->entries, pos, NULL, NULL, &value))
		return false;
	entry_tell(value, ret);
	return true;
}

/* ---- life ---- */

static void quiet(void *arg, virErrorPtr e)
{
	(void)arg;
	(void)e;
}

static int threads_start(struct machines *m)
{
	int r = 0;

	if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
		return -EIO;
	virSetErrorFunc(NULL, quiet);
	m->wake_timer = virEventAddTimeout(-1, on_wake, NULL, NULL);
	if (m->wake_timer < 0)
		return -EIO;
	r = -pthread_create(&m->events, NULL, run_events, m);
	m->has_events = r == 0;
	if (r == 0)
		r = pool_open(WORKERS, &m->workers);
	if (r == 0)
		r = pool_open(AGENT_WORKERS, &m->agents);
	return r;
}

int machines_open(const struct machines_config *config, struct machines **ret)
{
	_cleanup_(machines_closep) struct machines *m = xcalloc(1, sizeof(*m));
	int r;

	m->news_fd = m->stop_fd = -1;
	m->uri = xstrdup(config->uri ? config->uri : URI_DEFAULT);
	m->instance = xstrdup(config->instance);
	m->log_dir = xstrdup(config->log_dir);
	m->entries = map_new();
	m->news.last = &m->news.first;
	pthread_mutex_init(&m->lock, NULL);
	m->host = machine_host_probe();
	m->processors = (unsigned)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
	m->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	m->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->news_fd < 0 || m->stop_fd < 0)
		return -errno;
	r = threads_start(m);
	if (r == 0)
		*ret = TAKE_PTR(m);
	return r;
}

/* Also of what a thread has done, and nobody will hear of. */
static void task_drop(struct task *t)
{
	if (t->kind != NEWS_CLOSED && t->conn)
		virConnectClose(t->conn);
	task_free(t);
}

static void drop_work(struct work *work)
{
	while (work) {
		struct work *next = work->next;

		task_drop((struct task *)work);
		work = next;
	}
}

void machines_close(struct machines *m)
{
	struct task *t;
	void *value;

	if (!m)
		return;
	m->closing = true;
	jobs_close(m);
	drop_work(pool_close(m->workers));
	drop_work(pool_close(m->agents));
	/* Callbacks come from the event thread: it goes before what they write to. */
	if (m->has_events) {
		atomic_store(&m->events_stop, true);
		virEventUpdateTimeout(m->wake_timer, 0);
		pthread_join(m->events, NULL);
	}
	while ((t = queue_pop(&m->news)))
		task_drop(t);
	if (m->conn)
		virConnectClose(m->conn);
	for (size_t pos = 0; map_next(m->entries, &pos, NULL, NULL, &value);)
		entry_free(value);
	map_free(m->entries);
	if (m->news_fd >= 0)
		close(m->news_fd);
	if (m->stop_fd >= 0)
		close(m->stop_fd);
	pthread_mutex_destroy(&m->lock);
	free(m->error);
	free(m->uri);
	free(m->instance);
	free(m->log_dir);
	free(m);
}
