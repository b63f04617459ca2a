/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "process.h"
#include "protocol.h"
#include "registry.h"

static char *registry_path(struct guests *w, unsigned n)
{
	struct guid id = test_guid(n);
	char text[GUID_TEXT_SIZE];

	return xasprintf("%s/guests/%s.json", w->dir, guid_format(&id, text));
}

static bool is_registered(struct guests *w, unsigned n)
{
	_cleanup_free_ char *path = registry_path(w, n);

	return access(path, F_OK) == 0;
}

static void keep_entry(const struct registry_entry *e, void *arg)
{
	*(struct registry_entry *)arg = *e;
}

static struct registry_entry entry_of(struct guests *w)
{
	_cleanup_free_ char *dir = xasprintf("%s/guests", w->dir);
	struct registry_entry e = { 0 };

	assert_ok(registry_each(dir, keep_entry, &e));
	return e;
}

static void entry_write(struct guests *w, const struct registry_entry *e)
{
	_cleanup_free_ char *dir = xasprintf("%s/guests", w->dir);

	assert_ok(registry_write(dir, e));
}

static void survives_the_killed_starter(void **state)
{
	struct guests *w = *state;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct guest_spec spec = { .id = test_guid(1), .name = "survivor" };
		struct guest g;

		if (guest_start(w->e, &spec, &g) < 0)
			_exit(1);
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	reopen(w);
	assert_int_equal(count_guests(w), 1);
	assert_run(w, 1, "hostname", "survivor\n", 0);
}

static void reopening_keeps_everything(void **state)
{
	struct guests *w = *state;
	struct guest g = start_guest(w, 1, "a"), again;

	reopen(w);
	assert_ok(guest_get(w->e, &g.id, &again));
	assert_memory_equal(&g, &again, sizeof(g));
	assert_true(is_registered(w, 1));
	assert_ok(guest_stop(w->e, &g.id, true, 5000));
	assert_false(is_registered(w, 1));
}

static void reused_pid_is_refused(void **state)
{
	struct guests *w = *state;
	struct guest g = start_guest(w, 1, "a");
	struct registry_entry e = entry_of(w), wrong;
	struct process_stat self;
	pid_t guest = g.pid;

	assert_true(guid_equal(&e.id, &g.id));
	assert_int_equal(e.pid, guest);

	/* This very process, with its right start time, is no guest and survives. */
	assert_ok(process_stat(getpid(), &self));
	wrong = e;
	wrong.id = test_guid(2);
	wrong.pid = getpid();
	wrong.start_ticks = self.start_ticks;
	entry_write(w, &wrong);
	/* A guest's process, under another guest's name. */
	wrong = e;
	wrong.id = test_guid(3);
	entry_write(w, &wrong);
	/* A pid that nobody has. */
	wrong.id = test_guid(4);
	wrong.pid = 0x3fffff;
	entry_write(w, &wrong);
	reopen(w);
	assert_int_equal(count_guests(w), 1);
	assert_true(is_registered(w, 1));
	assert_false(is_registered(w, 2));
	assert_false(is_registered(w, 3));
	assert_false(is_registered(w, 4));

	/* The same pid and arguments, but not from then: an entry for a process that is gone. */
	wrong = e;
	wrong.start_ticks--;
	entry_write(w, &wrong);
	reopen(w);
	assert_int_equal(count_guests(w), 0);
	assert_false(is_registered(w, 1));
	/* And so the guest is a stray. */
	assert_int_equal(count_inits(w->instance), 0);
}

static void damaged_entries_are_removed(void **state)
{
	static const char *const texts[] = {
		"", "{", "[]", "{\"id\": \"x\"}",
		"{\"id\": \"00000000-0000-4000-8000-000000000001\", \"name\": \"a\", \"pid\": -1, \"startTicks\": 1, \"started\": 1}",
		"{\"id\": \"00000000-0000-4000-8000-000000000002\", \"name\": \"a\", \"pid\": 7, \"startTicks\": 1, \"started\": 1}",
		"{\"id\": \"00000000-0000-4000-8000-000000000001\", \"name\": 1, \"pid\": 7, \"startTicks\": 1, \"started\": 1}",
	};
	struct guests *w = *state;
	_cleanup_free_ char *path = registry_path(w, 1), *odd = xasprintf("%s/guests/odd.json", w->dir);
	_cleanup_free_ char *other = xasprintf("%s/guests/readme", w->dir);

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_ok(write_file_atomic(path, texts[i], strlen(texts[i])));
		reopen(w);
		assert_false(is_registered(w, 1));
	}
	assert_ok(write_file_atomic(odd, "{}", 2));
	assert_ok(write_file_atomic(other, "{}", 2));
	reopen(w);
	assert_int_not_equal(access(odd, F_OK), 0);
	assert_int_equal(access(other, F_OK), 0);
}

static void strays_are_ended(void **state)
{
	struct guests *w = *state;
	_cleanup_free_ char *path = registry_path(w, 1), *foreign_dir = xasprintf("%s/foreign", w->dir);
	struct guest_engine *foreign;
	struct guest_spec spec = { .id = test_guid(9), .name = "foreign" };
	struct guest g;

	/* Another instance's guest is none of ours. */
	assert_ok(guest_namespace_open(foreign_dir, "f00dfeed", guest_program, &foreign));
	assert_ok(guest_start(foreign, &spec, &g));
	(void)start_guest(w, 1, "lost");
	(void)start_guest(w, 2, "kept");
	assert_int_equal(unlink(path), 0);
	reopen(w);
	assert_int_equal(count_guests(w), 1);
	assert_int_equal(count_inits(w->instance), 1);
	assert_ok(guest_get(foreign, &spec.id, &g));
	assert_ok(guest_stop(foreign, &spec.id, true, 5000));
	guest_engine_close(foreign);
}

/* A daemon that dies after the guest was made, and before it was registered. */
static void unregistered_guest_ends(void **state)
{
	struct guests *w = *state;
	const char *argv[] = { "nestor-guest", w->instance, "00000000-0000-4000-8000-000000000001", "a", NULL };
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC), pidfd = -1;
	struct guest_report report;
	pid_t outer, pid = 0;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(send(fds[0], "a", 1, 0), 1);
	assert_ok(process_spawn(guest_program, argv, (int[]){ null, null, null, fds[1] }, &outer));
	close(fds[1]);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(recv(fds[0], &report, sizeof(report), 0), sizeof(report));
		assert_int_equal(report.error, 0);
		pid += report.pid;
	}
	assert_int_equal(waitpid(outer, NULL, 0), outer);
	pidfd = process_open(pid);
	assert_true(pidfd >= 0);
	assert_int_equal(process_wait(pidfd, 0), -EINPROGRESS);
	assert_int_equal(count_inits(w->instance), 1);
	close(fds[0]);
	assert_ok(process_wait(pidfd, 5000));
}

static void full_registry_starts_nothing(void **state)
{
	struct guests *w = *state;
	_cleanup_free_ char *dir = xasprintf("%s/guests", w->dir);
	struct guest_spec spec = { .id = test_guid(1), .name = "a" };
	time_t deadline = 0;
	struct guest g;

	assert_int_equal(rmdir(dir), 0);
	assert_error(guest_start(w->e, &spec, &g), ENOENT);
	assert_int_equal(count_guests(w), 0);
	while (count_inits(w->instance) > 0)
		assert_true(deadline_tick(&deadline));
}

int run_registry_tests(void)
{
	const struct CMUnitTest tests[] = {
		guests_test(survives_the_killed_starter), guests_test(reopening_keeps_everything),
		guests_test(reused_pid_is_refused),       guests_test(damaged_entries_are_removed),
		guests_test(strays_are_ended),            guests_test(unregistered_guest_ends),
		guests_test(full_registry_starts_nothing),
	};

	return cmocka_run_group_tests_name("registry of guests", tests, NULL, NULL);
}
