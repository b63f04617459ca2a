/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "internal.h"

/*
 * A console has two halves. What the guest writes is in the machine's log, whoever looks: each viewer reads it from
 * there at its own pace, so none is missed, none is late for a slow one, and the guest waits for nobody. What is typed
 * goes by libvirt's console, which one client has at a time; all viewers of this daemon share it.
 */

#define CHUNK 4096
/* How often a console that was lost is looked after, while the machine starts anew. */
#define AGAIN_US 500000
/* One that nobody has attached to in this time is given back. */
#define UNUSED_US 10000000

struct viewer {
	struct console *console;
	int fd, log;
	uint64_t offset; /* in the log */
	char typed[CHUNK];
	size_t at, n; /* of typed, not passed on yet */
	sd_event_source *io, *log_source;
	bool wants_out;
	console_close_fn close;
	void *close_arg;
	struct viewer *next;
};

/* Who asked for the console, and waits. */
struct opener {
	host_console_fn opened;
	void *arg;
	struct opener *next;
};

struct console {
	struct engine *g;
	struct guid vm;
	char *log_dir, *log_name;
	int fd; /* libvirt's; -1: lost or not there yet */
	sd_event_source *io;
	sd_event_source *timer;
	bool opening;
	struct opener *openers;
	struct viewer *viewers;
	struct console *next;
};

static struct console *console_find(struct engine *g, const struct guid *vm)
{
	struct console *c = g->consoles;

	while (c && !guid_equal(&c->vm, vm))
		c = c->next;
	return c;
}

static void viewer_end(struct viewer *v)
{
	for (struct viewer **p = &v->console->viewers; *p; p = &(*p)->next) {
		if (*p == v) {
			*p = v->next;
			break;
		}
	}
	sd_event_source_disable_unref(v->io);
	sd_event_source_disable_unref(v->log_source);
	if (v->log >= 0)
		close(v->log);
	v->close(v->close_arg);
	free(v);
}

static void input_close(struct console *c)
{
	c->io = sd_event_source_disable_unref(c->io);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void console_free(struct console *c)
{
	for (struct console **p = &c->g->consoles; *p; p = &(*p)->next) {
		if (*p == c) {
			*p = c->next;
			break;
		}
	}
	while (c->viewers)
		viewer_end(c->viewers);
	input_close(c);
	sd_event_source_disable_unref(c->timer);
	free(c->log_dir);
	free(c->log_name);
	free(c);
}

static void look_after(struct console *c, uint64_t us)
{
	sd_event_source_set_time_relative(c->timer, us);
	sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

/* ---- what is typed ---- */

static void input_watch(struct console *c)
{
	bool full = false;

	for (struct viewer *v = c->viewers; v; v = v->next) {
		bool waits = v->at < v->n;

		full |= waits;
		sd_event_source_set_io_events(v->io, (waits ? 0 : EPOLLIN) | (v->wants_out ? EPOLLOUT : 0));
	}
	if (c->io)
		sd_event_source_set_io_events(c->io, EPOLLIN | (full ? EPOLLOUT : 0));
}

static void input_lost(struct console *c)
{
	input_close(c);
	for (struct viewer *v = c->viewers; v; v = v->next)
		v->at = v->n = 0;
	input_watch(c);
	look_after(c, AGAIN_US);
}

static void type(struct viewer *v)
{
	struct console *c = v->console;

	/* Nobody is there to read it: as a serial line, it forgets. */
	if (c->fd < 0)
		v->at = v->n;
	while (v->at < v->n) {
		ssize_t n = send(c->fd, v->typed + v->at, v->n - v->at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			input_lost(c);
			return;
		}
		v->at += (size_t)n;
	}
	input_watch(c);
}

static int on_input(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct console *c = arg;
	char nothing;

	(void)s;
	if (revents & (EPOLLHUP | EPOLLERR) || (revents & EPOLLIN && recv(fd, &nothing, 1, MSG_DONTWAIT) == 0)) {
		input_lost(c);
		return 0;
	}
	for (struct viewer *v = c->viewers; v && c->fd >= 0; v = v->next)
		type(v);
	return 0;
}

/* ---- what the guest writes ---- */

static char *log_path(const struct console *c)
{
	return xasprintf("%s/%s", c->log_dir, c->log_name);
}

/*
 * Whoever keeps the log may begin a new one: this one is read to its end, then the other from its start. True: there is
 * one.
 */
static bool log_follow(struct viewer *v)
{
	_cleanup_free_ char *path = log_path(v->console);
	struct stat old, now;
	int fd;

	if (stat(path, &now) < 0)
		return false;
	if (v->log >= 0 && fstat(v->log, &old) == 0 && old.st_ino == now.st_ino && old.st_dev == now.st_dev) {
		if ((uint64_t)now.st_size >= v->offset)
			return false;
		v->offset = 0;
		return now.st_size > 0;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	if (v->log >= 0)
		close(v->log);
	v->log = fd;
	v->offset = 0;
	return true;
}

/* Shows what there is, as much as the peer takes. False: the viewer has ended. */
static bool show(struct viewer *v)
{
	char chunk[CHUNK];

	for (;;) {
		ssize_t n = v->log < 0 ? 0 : pread(v->log, chunk, sizeof(chunk), (off_t)v->offset), sent;

		if (n <= 0 && log_follow(v))
			continue;
		if (n <= 0) {
			v->wants_out = false;
			break;
		}
		sent = send(v->fd, chunk, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			v->wants_out = true;
			break;
		}
		if (sent < 0) {
			viewer_end(v);
			return false;
		}
		v->offset += (uint64_t)sent;
	}
	input_watch(v->console);
	return true;
}

static int on_log(sd_event_source *s, const struct inotify_event *event, void *arg)
{
	struct viewer *v = arg;

	(void)s;
	if (!v->wants_out && (!event->len || streq(event->name, v->console->log_name)))
		show(v);
	return 0;
}

static int on_viewer(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct viewer *v = arg;
	ssize_t n;

	(void)s;
	if (revents & EPOLLOUT && !show(v))
		return 0;
	if (!(revents & (EPOLLIN | EPOLLHUP | EPOLLERR)) || v->at < v->n)
		return 0;
	n = recv(fd, v->typed, sizeof(v->typed), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		struct console *c = v->console;

		viewer_end(v);
		if (!c->viewers)
			console_free(c);
		return 0;
	}
	v->at = 0;
	v->n = (size_t)n;
	type(v);
	return 0;
}

#define HISTORY_MAX (1u << 20)

/* Where the last lines begin; a line that is not ended yet counts. */
static uint64_t history_start(int log, uint64_t lines)
{
	off_t end = lseek(log, 0, SEEK_END);
	size_t size = end < 0 ? 0 : (size_t)MIN(end, (off_t)HISTORY_MAX), at;
	_cleanup_free_ char *text = xmalloc(size + 1);
	ssize_t n = pread(log, text, size, end - (off_t)size);

	if (end < 0 || n < (ssize_t)size)
		return end < 0 ? 0 : (uint64_t)end;
	for (at = size; at > 0; at--)
		if (text[at - 1] == '\n' && at < size && !--lines)
			break;
	return (uint64_t)end - size + at;
}

static int viewer_watch(struct viewer *v)
{
	struct console *c = v->console;
	int r = sd_event_add_inotify(c->g->config.event, &v->log_source, c->log_dir,
				     IN_MODIFY | IN_CREATE | IN_MOVED_TO, on_log, v);

	if (r >= 0)
		r = sd_event_add_io(c->g->config.event, &v->io, v->fd, EPOLLIN, on_viewer, v);
	return r;
}

void engine_console_attach(struct engine *g, const struct guid *vm, uint64_t lines, int fd, const void *typed, size_t n,
			   console_close_fn close, void *arg)
{
	struct console *c = console_find(g, vm);
	_cleanup_free_ char *path = c ? log_path(c) : NULL;
	struct viewer *v;

	if (!c) {
		close(arg);
		return;
	}
	v = xcalloc(1, sizeof(*v));
	*v = (struct viewer){ .console = c, .fd = fd, .close = close, .close_arg = arg, .next = c->viewers };
	c->viewers = v;
	v->log = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (v->log >= 0)
		v->offset = lines ? history_start(v->log, lines) : (uint64_t)MAX(lseek(v->log, 0, SEEK_END), 0);
	if (viewer_watch(v) < 0) {
		viewer_end(v);
		return;
	}
	v->n = MIN(n, sizeof(v->typed));
	memcpy(v->typed, typed, v->n);
	type(v);
	show(v);
}

/* ---- the machine's end ---- */

static void refuse(const struct console *c, int r, const char *message, struct err **e)
{
	const struct vm_doc *vm = vm_get(c->g->config.docs, &c->vm);
	const char *name = vm ? vm->name : "?";

	if (r == -EBUSY)
		err_advise(e,
			   err_set(e, "Vm.ConsoleInUse", ERR_RESOURCE_BUSY, name,
				   "The console of the virtual machine \"%s\" is in use: %s.", name, message),
			   "Somebody has it by other means, such as virsh console; -Force takes it from them.");
	else
		err_set(e, "Vm.ConsoleUnavailable", ERR_RESOURCE_UNAVAILABLE, name,
			"The console of the virtual machine \"%s\" cannot be had: %s.", name, message);
}

static void tell_openers(struct console *c, int r, const char *message)
{
	struct opener *all = TAKE_PTR(c->openers);

	while (all) {
		struct opener *o = all;
		struct err *e = NULL;

		all = o->next;
		if (r < 0)
			refuse(c, r, message, &e);
		o->opened(o->arg, e);
		free(o);
	}
}

static void on_open(void *arg, int r, int fd, const char *message)
{
	struct console *c = arg;

	c->opening = false;
	if (r == 0) {
		c->fd = fd;
		r = sd_event_add_io(c->g->config.event, &c->io, c->fd, EPOLLIN, on_input, c);
		message = strerror(-r);
	}
	tell_openers(c, r, message);
	if (r >= 0)
		look_after(c, UNUSED_US);
	else if (!c->viewers || r == -EBUSY)
		console_free(c);
	else
		look_after(c, AGAIN_US);
}

static void console_open(struct console *c, bool force)
{
	c->opening = true;
	machines_console(c->g->machines, &c->vm, force, on_open, c);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct console *c = arg;
	const struct vm_doc *vm = vm_get(c->g->config.docs, &c->vm);
	struct machine m;

	(void)s;
	(void)usec;
	if (c->opening)
		return 0;
	if (!c->viewers || !vm || !vm_is_on(vm)) {
		console_free(c);
		return 0;
	}
	if (c->fd >= 0)
		return 0;
	if (machines_get(c->g->machines, &c->vm, &m) && (m.state == MACHINE_RUNNING || m.state == MACHINE_PAUSED)) {
		console_open(c, false);
	} else {
		look_after(c, AGAIN_US);
	}
	return 0;
}

static int console_new(struct engine *g, const struct guid *vm, struct console **ret)
{
	struct console *c = xcalloc(1, sizeof(*c));
	char id[GUID_TEXT_SIZE];
	int r;

	*c = (struct console){ .g = g,
				.vm = *vm,
				.fd = -1,
				.next = g->consoles,
				.log_dir = engine_machines_log_dir(g),
				.log_name = xasprintf("%s.log", guid_format(vm, id)) };
	g->consoles = c;
	r = sd_event_add_time_relative(g->config.event, &c->timer, CLOCK_MONOTONIC, UNUSED_US, 0, on_timer, c);
	if (r < 0)
		console_free(c);
	else
		*ret = c;
	return r;
}

static int host_console(struct host *h, const struct guid *vm, bool force, host_console_fn opened, void *arg,
			struct err **e)
{
	struct engine *g = (struct engine *)((char *)h - offsetof(struct engine, host));
	struct console *c = console_find(g, vm);
	struct opener *o;
	int r = g->machines ? 0 : -ENOTCONN;

	if (c && c->fd >= 0)
		return 1;
	if (r == 0 && !c)
		r = console_new(g, vm, &c);
	if (r < 0)
		return err_set_errno(e, "Vm.ConsoleUnavailable", -r, NULL, "The console cannot be had: %s.",
				     strerror(-r));
	o = xcalloc(1, sizeof(*o));
	*o = (struct opener){ opened, arg, c->openers };
	c->openers = o;
	if (!c->opening)
		console_open(c, force);
	return 0;
}

void engine_consoles_end(struct engine *g)
{
	while (g->consoles) {
		tell_openers(g->consoles, -ESHUTDOWN, "the daemon ends");
		console_free(g->consoles);
	}
}

void engine_host_console_init(struct engine *g)
{
	g->host.console = host_console;
}
