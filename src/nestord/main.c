/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "feature_list.h"
#include "adapter.h"
#include "api.h"
#include "cmdlet.h"
#include "console.h"
#include "engine.h"
#include "log.h"
#include "netadapter.h"
#include "netvirt.h"
#include "options.h"
#include "store.h"
#include "switch.h"
#include "vm.h"

/* Wiring: store -> documents -> engine and vocabulary -> API. */

struct daemon {
	struct options options;
	sd_event *event;
	struct store *store;
	struct docs *docs;
	struct engine *engine;
	struct cmdlet_server *vocabulary;
	struct api *api;
	char *instance;
};

static json_t *backend_describe(void *arg, const char *cmdlet)
{
	return cmdlet_server_describe(((struct daemon *)arg)->vocabulary, cmdlet);
}

static void backend_invoke(void *arg, const char *cmdlet, json_t *body, const struct api_caller *caller, api_done_fn done,
			   api_progress_fn progress, void *done_arg)
{
	(void)caller;
	cmdlet_server_invoke(((struct daemon *)arg)->vocabulary, cmdlet, body, done, progress, done_arg);
}

static void backend_cancel(void *arg, void *done_arg)
{
	cmdlet_server_cancel(((struct daemon *)arg)->vocabulary, done_arg);
}

static void backend_stream(void *arg, const json_t *what, int fd, const void *received, size_t n, void (*close)(void *), void *close_arg)
{
	const char *id = json_string_value(json_object_get(what, "console"));
	struct daemon *d = arg;
	struct guid vm;

	if (!id || guid_parse(id, &vm) < 0) {
		close(close_arg);
		return;
	}
	engine_console_attach(d->engine, &vm, (uint64_t)json_integer_value(json_object_get(what, "lines")), fd, received, n, close, close_arg);
}

static json_t *backend_health(void *arg)
{
	struct daemon *d = arg;
	const struct engine_status *s = engine_status(d->engine);

	return json_pack("{s:s, s:s, s:s, s:s, s:{s:I, s:I, s:I, s:I, s:I}, s:{s:I, s:I}}", "status", s->failures ? "degraded" : "ok", "version",
			 NESTOR_VERSION, "host", d->options.host_name, "instance", d->instance, "reconcile", "passes",
			 (json_int_t)s->passes, "lastWrites", (json_int_t)s->last_writes, "lastMicroseconds", (json_int_t)s->last_us,
			 "totalWrites", (json_int_t)s->total_writes, "failures", (json_int_t)s->failures,
			 "machines", "looks", (json_int_t)s->machine_looks, "busy", (json_int_t)engine_machines_busy(d->engine));
}

static int reconcile(void *arg, struct err **e)
{
	return engine_reconcile(((struct daemon *)arg)->engine, e);
}

static bool settle(void *arg, void (*done)(void *request, const struct err *e), void (*progress)(void *request, const struct progress *p),
		   void *request)
{
	struct daemon *d = arg;

	return engine_settle(d->engine, done, progress, request);
}

/* The mark by which this daemon knows its links among those of others: made once, kept with the documents. */
static int read_instance(struct daemon *d, struct err **e)
{
	_cleanup_free_ char *value = NULL;
	int r = store_get(d->store, "instance", "id", &value, e);
	struct guid fresh = guid_new();
	json_t *json;

	if (r < 0)
		return r;
	if (r == 0) {
		value = xasprintf("\"%02x%02x%02x%02x\"", fresh.b[0], fresh.b[1], fresh.b[2], fresh.b[3]);
		r = store_begin(d->store, e);
		if (r == 0)
			r = store_put(d->store, "instance", "id", value, e);
		if (r == 0)
			r = store_commit(d->store, e);
		else
			store_rollback(d->store);
		if (r < 0)
			return r;
	}
	json = json_loads(value, JSON_DECODE_ANY, NULL);
	if (json_string_length(json) == 8 && strspn(json_string_value(json), "0123456789abcdef") == 8)
		d->instance = xstrdup(json_string_value(json));
	json_decref(json);
	return d->instance ? 0 : err_set(e, "Store.BadDocument", ERR_INVALID_OPERATION, "instance",
					 "The stored instance id is not 8 hexadecimal digits.");
}

static int open_documents(struct daemon *d, struct err **e)
{
	_cleanup_free_ char *path = xasprintf("%s/nestor.db", d->options.state_dir);
	/* QEMU, which need not be root, opens images in it by their names; the store is for its owner alone. */
	int r = mkdir_p(d->options.state_dir, 0711);

	if (r < 0)
		return err_set_errno(e, "Config.StateDir", -r, d->options.state_dir, "Cannot make the directory %s: %s.",
				     d->options.state_dir, strerror(-r));
	r = mkdir_p(d->options.run_dir, 0755);
	if (r < 0)
		return err_set_errno(e, "Config.RunDir", -r, d->options.run_dir, "Cannot make the directory %s: %s.",
				     d->options.run_dir, strerror(-r));
	r = store_open_sqlite(path, &d->store, e);
	if (r == 0)
		r = read_instance(d, e);
	if (r == 0)
		r = docs_open(d->store, feature_kinds, feature_n_kinds, &d->docs, e);
	return r;
}

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	struct daemon *d = arg;

	(void)s;
	(void)si;
	log_info("SIGHUP: reconciling");
	engine_reconcile_all(d->engine, NULL);
	return 0;
}

static int open_events(struct daemon *d, struct err **e)
{
	sigset_t mask;
	int r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	r = sd_event_default(&d->event);
	if (r >= 0)
		r = sd_event_add_signal(d->event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(d->event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(d->event, NULL, SIGHUP, on_hangup, d);
	return r < 0 ? err_set_errno(e, "Daemon.Events", -r, NULL, "Cannot set up the event loop: %s.", strerror(-r)) : 0;
}

static int serve(struct daemon *d, struct err **e)
{
	_cleanup_free_ char *socket_path = xasprintf("%s/nestor.sock", d->options.run_dir);
	struct cmdlet_server_config config = { .tables = feature_cmdlets, .docs = d->docs, .host = engine_host(d->engine),
					       .reconcile = reconcile, .settle = settle, .arg = d };
	struct api_backend backend = { .describe = backend_describe, .invoke = backend_invoke, .cancel = backend_cancel,
				       .health = backend_health, .stream = backend_stream, .arg = d };
	int r;

	d->vocabulary = cmdlet_server_new(&config);
	/* The socket first: it refuses where a daemon serves this run directory already. */
	r = api_new(d->event, socket_path, &backend, &d->api, e);
	if (r < 0)
		return r;
	/* A failure here is logged and shown by /v1/health; it must not keep the API away from who wants to mend it. */
	engine_reconcile(d->engine, NULL);
	log_info("serving %s as host %s", socket_path, d->options.host_name);
	sd_notify(0, "READY=1");
	r = sd_event_loop(d->event);
	sd_notify(0, "STOPPING=1");
	return r < 0 ? err_set_errno(e, "Daemon.Events", -r, NULL, "The event loop failed: %s.", strerror(-r)) : 0;
}

/* Policy and bindings want nothing of the kernel where there is no switch and no guest. */
static bool nothing_wanted(const struct daemon *d)
{
	return !docs_count(d->docs, &vm_kind) && !docs_count(d->docs, &switch_kind) && !docs_count(d->docs, &adapter_kind);
}

static int run(struct daemon *d, struct err **e)
{
	struct engine_config config = { 0 };
	int r = open_events(d, e);

	if (r == 0)
		r = open_documents(d, e);
	if (r < 0)
		return r;
	config = (struct engine_config){ .event = d->event, .docs = d->docs, .run_dir = d->options.run_dir,
					 .state_dir = d->options.state_dir, .libvirt = d->options.libvirt,
					 .instance = d->instance, .host_name = d->options.host_name,
					 .max_records = d->options.max_records };
	r = engine_new(&config, &d->engine, e);
	if (r < 0)
		return r;
	log_info("nestord " NESTOR_VERSION " starts: instance %s, state %s, run directory %s", d->instance, d->options.state_dir,
		 d->options.run_dir);
	if (d->options.destroy)
		return engine_destroy(d->engine, e);
	r = serve(d, e);
	/* With documents everything goes on without the daemon; without any there is nothing to leave behind. */
	if (r == 0 && nothing_wanted(d))
		r = engine_destroy(d->engine, e);
	return r;
}

/*
 * Guests may want all of the processor; whoever asks the daemon should not have to wait behind them. The scheduler shares it out by
 * sessions where no cgroup does (sched(7), autogroup), and what the daemon starts is in sessions of its own. One that was started by
 * hand, in a terminal's session, takes nothing for that.
 */
static void claim_processor(void)
{
	_cleanup_close_ int fd = getsid(0) == getpid() ? open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC) : -1;

	/* Not every kernel has it, and in a container it may not be ours to say. */
	if (fd >= 0)
		(void)write_all(fd, "-10", 3);
}

int main(int argc, char **argv)
{
	struct daemon d = { 0 };
	_cleanup_err_ struct err *e = NULL;
	int r = options_read(argc, argv, &d.options, &e);

	if (r == 0) {
		log_set_level(d.options.verbose ? LOG_DEBUG : LOG_INFO);
		claim_processor();
		r = run(&d, &e);
	}
	if (e) {
		log_error("%s: %s", e->id, e->message);
		if (e->advice)
			log_error("%s", e->advice);
	}
	if (d.engine)
		engine_consoles_end(d.engine);
	api_free(d.api);
	if (d.engine)
		engine_free(d.engine);
	cmdlet_server_free(d.vocabulary);
	if (d.docs)
		docs_free(d.docs);
	if (d.store)
		store_close(d.store);
	sd_event_unref(d.event);
	options_done(&d.options);
	free(d.instance);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
