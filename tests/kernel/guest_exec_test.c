/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_test.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "process.h"

/* As the daemon's event loop does; returns what finishing returned. */
static int exec_complete(struct guest_exec *x, int *ret_code)
{
	time_t deadline = time(NULL) + 20;

	for (;;) {
		struct pollfd p[] = {
			{ .fd = guest_exec_pidfd(x), .events = POLLIN },
			{ .fd = guest_exec_stdout(x), .events = POLLIN },
			{ .fd = guest_exec_stderr(x), .events = POLLIN },
		};
		int r;

		assert_true(poll(p, 3, 1000) >= 0);
		assert_true(time(NULL) <= deadline);
		if (p[1].revents || p[2].revents) {
			r = guest_exec_read(x);
			if (r < 0)
				return r;
		}
		r = guest_exec_finish(x, ret_code);
		if (r != -EAGAIN)
			return r;
	}
}

static struct guest_exec *exec_start(struct guests *w, const struct guest_exec_spec *spec)
{
	struct guid id = test_guid(1);
	struct guest_exec *x;

	assert_ok(guest_exec_start(w->e, &id, spec, &x));
	return x;
}

void assert_run(struct guests *w, unsigned n, const char *line, const char *output, int code)
{
	struct guest_exec_spec spec = { .line = line, .merge = true };
	_cleanup_(guest_exec_freep) struct guest_exec *x = NULL;
	struct guid id = test_guid(n);
	int got;

	assert_ok(guest_exec_start(w->e, &id, &spec, &x));
	assert_ok(exec_complete(x, &got));
	assert_string_equal(guest_exec_output(x, NULL), output);
	assert_int_equal(got, code);
}

static void output_and_exit_code(void **state)
{
	struct guests *w = *state;
	struct guest_exec_spec spec = { .line = "echo out; echo err >&2; exit 7" };
	const char *const words[] = { "printf", "%s|", "a b", "$HOME", "", NULL };
	struct guest_exec *x;
	size_t size;
	int code = -1;

	(void)start_guest(w, 1, "a");
	x = exec_start(w, &spec);
	assert_ok(exec_complete(x, &code));
	assert_int_equal(code, 7);
	assert_string_equal(guest_exec_output(x, &size), "out\n");
	assert_int_equal(size, 4);
	assert_string_equal(guest_exec_errors(x, &size), "err\n");
	assert_int_equal(size, 4);
	guest_exec_free(x);

	spec = (struct guest_exec_spec){ .argv = words };
	x = exec_start(w, &spec);
	assert_ok(exec_complete(x, &code));
	assert_int_equal(code, 0);
	assert_string_equal(guest_exec_output(x, NULL), "a b|$HOME||");
	guest_exec_free(x);

	assert_run(w, 1, "echo out; echo err >&2; kill -9 $$", "out\nerr\n", 128 + SIGKILL);
	assert_run(w, 1, "cat; echo $?", "0\n", 0);
	assert_run(w, 1, "true", "", 0);
	assert_run(w, 1, "no-such-program 2>/dev/null", "", 127);
	assert_run(w, 1, "head -c 300000 /dev/zero | tr '\\0' x | wc -c", "300000\n", 0);
}

static void refusals(void **state)
{
	struct guests *w = *state;
	const char *const missing[] = { "no-such-program", NULL }, *const none[] = { NULL };
	struct guest_exec_spec spec = { .line = "true" };
	struct guid id = test_guid(1);
	struct guest_exec *x;
	int code;

	assert_error(guest_exec_start(w->e, &id, &spec, &x), ENOENT);
	(void)start_guest(w, 1, "a");
	spec.argv = missing;
	assert_error(guest_exec_start(w->e, &id, &spec, &x), EINVAL);
	spec = (struct guest_exec_spec){ .argv = none };
	assert_error(guest_exec_start(w->e, &id, &spec, &x), EINVAL);
	spec = (struct guest_exec_spec){ 0 };
	assert_error(guest_exec_start(w->e, &id, &spec, &x), EINVAL);
	spec.argv = missing;
	x = exec_start(w, &spec);
	assert_ok(exec_complete(x, &code));
	assert_int_equal(code, 127);
	assert_string_equal(guest_exec_errors(x, NULL), "no-such-program: No such file or directory\n");
	guest_exec_free(x);
}

static void output_is_bounded(void **state)
{
	struct guests *w = *state;
	struct guest g = start_guest(w, 1, "a");
	uint64_t ns = process_pid_namespace(g.pid);
	struct guest_exec_spec spec = { .line = "yes", .max_output = 100000 };
	struct guest_exec *x = exec_start(w, &spec);
	time_t deadline = 0;
	size_t size;
	int code;

	assert_error(exec_complete(x, &code), EMSGSIZE);
	(void)guest_exec_output(x, &size);
	assert_int_equal(size, 100000);
	assert_ok(process_wait(guest_exec_pidfd(x), 5000));
	assert_error(guest_exec_finish(x, &code), EMSGSIZE);
	guest_exec_free(x);
	while (count_processes(ns) > 1)
		assert_true(deadline_tick(&deadline));

	spec = (struct guest_exec_spec){ .line = "head -c 1000 /dev/zero", .max_output = 1000 };
	x = exec_start(w, &spec);
	assert_ok(exec_complete(x, &code));
	assert_int_equal(code, 0);
	(void)guest_exec_output(x, &size);
	assert_int_equal(size, 1000);
	guest_exec_free(x);
}

static void killed_with_its_children(void **state)
{
	struct guests *w = *state;
	struct guest g = start_guest(w, 1, "a");
	uint64_t ns = process_pid_namespace(g.pid);
	struct guest_exec_spec spec = { .line = "sleep 1000 & sleep 1000; true" };
	struct guest_exec *x = exec_start(w, &spec);
	time_t deadline = 0;
	int code;

	while (count_processes(ns) < 4)
		assert_true(deadline_tick(&deadline));
	assert_error(guest_exec_finish(x, &code), EAGAIN);
	guest_exec_kill(x);
	assert_ok(exec_complete(x, &code));
	assert_int_equal(code, 128 + SIGKILL);
	guest_exec_free(x);
	deadline = 0;
	while (count_processes(ns) > 1)
		assert_true(deadline_tick(&deadline));

	/* Freeing one that runs ends it, too. */
	x = exec_start(w, &spec);
	guest_exec_free(x);
	while (count_processes(ns) > 1)
		assert_true(deadline_tick(&deadline));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void background_process_does_not_hold_the_end(void **state)
{
	struct guests *w = *state;
	struct guest g = start_guest(w, 1, "a");
	uint64_t ns = process_pid_namespace(g.pid);

	assert_run(w, 1, "sleep 1000 & echo started", "started\n", 0);
	/* It lives on, as the guest's own. */
	assert_int_equal(count_processes(ns), 2);
}

static void ends_with_the_daemon(void **state)
{
	struct guests *w = *state;
	struct guest g = start_guest(w, 1, "a");
	uint64_t ns = process_pid_namespace(g.pid);
	time_t deadline = 0;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct guest_exec_spec spec = { .line = "sleep 1000; true" };
		struct guest_exec *x;

		if (guest_exec_start(w->e, &g.id, &spec, &x) < 0)
			_exit(1);
		while (count_processes(ns) < 3)
			if (!deadline_tick(&deadline))
				_exit(2);
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	while (count_processes(ns) > 1)
		assert_true(deadline_tick(&deadline));
	assert_int_equal(count_guests(w), 1);
}

int run_exec_tests(void)
{
	const struct CMUnitTest tests[] = {
		guests_test(output_and_exit_code),     guests_test(refusals),
		guests_test(output_is_bounded),        guests_test(killed_with_its_children),
		guests_test(background_process_does_not_hold_the_end), guests_test(ends_with_the_daemon),
	};

	return cmocka_run_group_tests_name("commands in guests", tests, NULL, NULL);
}
