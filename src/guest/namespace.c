/* SPDX-License-Identifier: Apache-2.0 */
#include "namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "process.h"

#ifndef NESTOR_LIBEXECDIR
#define NESTOR_LIBEXECDIR "/usr/local/libexec"
#endif

static struct namespace_engine *engine(struct guest_engine *e)
{
	return (struct namespace_engine *)e;
}

/* Which guests run */

void namespace_forget(struct namespace_engine *e, struct namespace_guest *g)
{
	size_t i = (size_t)(g - e->guests.items);

	registry_remove(e->dir, &g->entry.id);
	close(g->pidfd);
	memmove(g, g + 1, (e->guests.n - i - 1) * sizeof(*g));
	e->guests.n--;
}

/* The first guest that is not before id. */
static size_t guest_position(const struct namespace_engine *e, const struct guid *id)
{
	size_t low = 0, high = e->guests.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(&e->guests.items[middle].entry.id, id, sizeof(*id)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct namespace_guest *namespace_find(struct namespace_engine *e, const struct guid *id)
{
	size_t i = guest_position(e, id);
	struct namespace_guest *g = e->guests.items + i;

	if (i == e->guests.n || !guid_equal(&g->entry.id, id))
		return NULL;
	if (process_wait(g->pidfd, 0) == 0) {
		namespace_forget(e, g);
		return NULL;
	}
	return g;
}

void namespace_remember(struct namespace_engine *e, const struct registry_entry *entry, int pidfd)
{
	struct namespace_guest g = { .entry = *entry, .pidfd = pidfd };
	size_t i = guest_position(e, &entry->id);

	vec_push(&e->guests, g);
	memmove(e->guests.items + i + 1, e->guests.items + i, (e->guests.n - 1 - i) * sizeof(g));
	e->guests.items[i] = g;
}

/* All that have ended, by one system call. */
static int forget_ended(struct namespace_engine *e)
{
	_cleanup_free_ struct pollfd *p = xcalloc(e->guests.n + 1, sizeof(*p));

	for (size_t i = 0; i < e->guests.n; i++)
		p[i] = (struct pollfd){ .fd = e->guests.items[i].pidfd, .events = POLLIN };
	if (poll(p, e->guests.n, 0) < 0)
		return -errno;
	for (size_t i = e->guests.n; i-- > 0;)
		if (p[i].revents)
			namespace_forget(e, e->guests.items + i);
	return 0;
}

static struct guest guest_of(const struct namespace_guest *g)
{
	struct guest guest = { .id = g->entry.id, .pid = g->entry.pid, .started_us = g->entry.started_us,
			       .boot = g->entry.boot };

	memcpy(guest.name, g->entry.name, sizeof(guest.name));
	return guest;
}

static int namespace_observe(struct guest_engine *base, struct guest_vec *ret)
{
	struct namespace_engine *e = engine(base);
	int r = forget_ended(e);

	if (r < 0)
		return r;
	vec_foreach(&e->guests, g)
		vec_push(ret, guest_of(g));
	return 0;
}

static int namespace_get(struct guest_engine *base, const struct guid *id, struct guest *ret)
{
	const struct namespace_guest *g = namespace_find(engine(base), id);

	if (!g)
		return -ENOENT;
	*ret = guest_of(g);
	return 0;
}

static int namespace_pidfd(struct guest_engine *base, const struct guid *id)
{
	const struct namespace_guest *g = namespace_find(engine(base), id);

	return g ? g->pidfd : -ENOENT;
}

static int namespace_netns(struct guest_engine *base, const struct guid *id, int *ret_fd)
{
	const struct namespace_guest *g = namespace_find(engine(base), id);
	_cleanup_close_ int fd = -1;
	char path[64];

	if (!g)
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)g->entry.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Still there, so the number was still its own when the file was opened. */
	if (!namespace_find(engine(base), id))
		return -ENOENT;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int namespace_stop(struct guest_engine *base, const struct guid *id, bool force, int timeout_ms)
{
	struct namespace_engine *e = engine(base);
	struct namespace_guest *g = namespace_find(e, id);
	int r;

	if (!g)
		return -ENOENT;
	r = process_signal(g->pidfd, force ? SIGKILL : SIGTERM);
	if (r < 0 && r != -ESRCH)
		return r;
	r = process_wait(g->pidfd, timeout_ms);
	if (r == 0)
		namespace_forget(e, g);
	return r;
}

/* Opening and closing */

/* By the registry: takes an entry when its process is still the one it names. */
static void entry_take(const struct registry_entry *entry, void *arg)
{
	struct namespace_engine *e = arg;
	struct process_stat stat;
	int pidfd = process_open(entry->pid);

	if (pidfd >= 0 && process_stat(entry->pid, &stat) == 0 && stat.start_ticks == entry->start_ticks &&
	    namespace_is_init(e, entry->pid, &entry->id) && process_wait(pidfd, 0) == -EINPROGRESS) {
		namespace_remember(e, entry, pidfd);
		return;
	}
	if (pidfd >= 0)
		close(pidfd);
	registry_remove(e->dir, &entry->id);
}

/* A daemon that died between starting and registering, or a registry that was lost: nobody would ever stop these. */
static int stray_end(pid_t pid, void *arg)
{
	struct namespace_engine *e = arg;
	_cleanup_close_ int pidfd = -1;

	vec_foreach(&e->guests, g)
		if (g->entry.pid == pid)
			return 0;
	if (!namespace_is_init(e, pid, NULL))
		return 0;
	pidfd = process_open(pid);
	/* Looked at again, now that the descriptor holds on to the process. */
	if (pidfd < 0 || !namespace_is_init(e, pid, NULL) || process_signal(pidfd, SIGKILL) < 0)
		return 0;
	(void)process_wait(pidfd, 2000);
	return 0;
}

static int program_find(const char *program, char **ret)
{
	/* Beside the daemon, and in a build directory: of the daemon at its top, and of one in src/nestord. */
	static const char *const places[] = { "nestor-guest", "src/guest/nestor-guest", "../guest/nestor-guest" };
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (program) {
		*ret = xstrdup(program);
		return access(program, X_OK) < 0 ? -errno : 0;
	}
	if (n < 0)
		return -errno;
	exe[n] = '\0';
	if (strrchr(exe, '/'))
		*strrchr(exe, '/') = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", exe, places[i]);

		if (access(path, X_OK) == 0) {
			*ret = TAKE_PTR(path);
			return 0;
		}
	}
	*ret = xstrdup(NESTOR_LIBEXECDIR "/nestor-guest");
	return access(*ret, X_OK) < 0 ? -errno : 0;
}

/* The guests themselves run on. */
static void namespace_close(struct guest_engine *base)
{
	struct namespace_engine *e = engine(base);

	vec_foreach(&e->guests, g)
		close(g->pidfd);
	vec_done(&e->guests);
	free(e->dir);
	free(e->instance);
	free(e->program);
	free(e);
}

static const struct guest_ops namespace_ops = {
	.kind = "Namespace",
	.start = namespace_start,
	.stop = namespace_stop,
	.observe = namespace_observe,
	.get = namespace_get,
	.measure = namespace_measure,
	.pidfd = namespace_pidfd,
	.netns = namespace_netns,
	.interfaces = namespace_interfaces,
	.set_interface = namespace_set_interface,
	.exec = namespace_exec,
	.close = namespace_close,
};

int guest_namespace_open(const char *run_dir, const char *instance, const char *program, struct guest_engine **ret)
{
	_cleanup_(guest_engine_closep) struct guest_engine *base = NULL;
	struct namespace_engine *e = xcalloc(1, sizeof(*e));
	int r;

	e->base.ops = &namespace_ops;
	base = &e->base;
	e->dir = xasprintf("%s/guests", run_dir);
	e->instance = xstrdup(instance);
	if (!instance[0] || strspn(instance, "0123456789abcdefABCDEF") != strlen(instance))
		return -EINVAL;
	r = program_find(program, &e->program);
	if (r == 0)
		r = mkdir_p(e->dir, 0700);
	if (r == 0)
		r = registry_each(e->dir, entry_take, e);
	if (r == 0)
		r = process_each(stray_end, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(base);
	return 0;
}
