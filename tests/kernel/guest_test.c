/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_test.h"

#include "image_test.h"
#include "machine_test.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

#include "link.h"
#include "process.h"
#include "vec.h"

const char *guest_program;

/* The world: a run directory, an instance and a network namespace of its own for each test */

static char *mounts_text(void)
{
	char *text;
	size_t size;

	assert_ok(read_file("/proc/self/mountinfo", 1 << 20, &text, &size));
	return text;
}

/* Mounts of others go when somebody removes the directory they are on; what counts is that none came. */
static void assert_no_new_line(char *now, const char *before)
{
	char *rest = now, *line;

	while ((line = strsep(&rest, "\n")))
		if (!strstr(before, line))
			fail_msg("new mount: %s", line);
}

int guests_setup(void **state)
{
	struct guests *w = xcalloc(1, sizeof(*w));
	static unsigned count;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	w->dir = xstrdup("/tmp/nestor-guest-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->instance = xasprintf("%08x", ((unsigned)getpid() << 8) + count++);
	w->mounts = mounts_text();
	assert_ok(guest_namespace_open(w->dir, w->instance, guest_program, &w->e));
	*state = w;
	return 0;
}

static int remove_one(const char *path, const struct stat *st _unused_, int flag _unused_, struct FTW *ftw _unused_)
{
	return remove(path);
}

/* Whatever a test did: no process and no mount of it stays. */
int guests_teardown(void **state)
{
	struct guests *w = *state;
	_cleanup_free_ char *mounts = mounts_text();
	struct guest_vec v = { 0 };

	assert_ok(guest_observe(w->e, &v));
	vec_foreach(&v, g)
		assert_ok(guest_stop(w->e, &g->id, true, 5000));
	vec_done(&v);
	guest_engine_close(w->e);
	assert_int_equal(count_inits(w->instance), 0);
	assert_no_new_line(mounts, w->mounts);
	assert_int_equal(nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(w->dir);
	free(w->instance);
	free(w->mounts);
	free(w);
	return 0;
}

static int init_count_one(pid_t pid, void *arg)
{
	void **both = arg;
	_cleanup_free_ char *block = NULL;
	const char *argv[4];
	struct process_stat stat;

	if (process_args(pid, &block, argv, 4) == 4 && streq(argv[0], "nestor-guest") && streq(argv[1], both[0]) &&
	    process_stat(pid, &stat) == 0 && stat.state != 'Z' && stat.state != 'X')
		++*(size_t *)both[1];
	return 0;
}

size_t count_inits(const char *instance)
{
	size_t n = 0;
	void *both[] = { (void *)instance, &n };

	assert_ok(process_each(init_count_one, both));
	return n;
}

static int count_one(pid_t pid, void *arg)
{
	uint64_t *both = arg;
	struct process_stat stat;

	if (process_pid_namespace(pid) == both[0] && process_stat(pid, &stat) == 0 && stat.state != 'Z' && stat.state != 'X')
		both[1]++;
	return 0;
}

size_t count_processes(uint64_t pid_namespace)
{
	uint64_t both[] = { pid_namespace, 0 };

	assert_ok(process_each(count_one, both));
	return both[1];
}

bool deadline_tick(time_t *deadline)
{
	struct timespec tick = { .tv_nsec = 2000000 };

	if (*deadline == 0)
		*deadline = time(NULL) + 20;
	(void)nanosleep(&tick, NULL);
	return time(NULL) <= *deadline;
}

struct guid test_guid(unsigned n)
{
	_cleanup_free_ char *text = xasprintf("00000000-0000-4000-8000-%012x", n);
	struct guid id;

	assert_ok(guid_parse(text, &id));
	return id;
}

struct guest start_guest(struct guests *w, unsigned n, const char *name)
{
	struct guest_spec spec = { .id = test_guid(n), .name = name };
	struct guest g;

	assert_ok(guest_start(w->e, &spec, &g));
	return g;
}

void reopen(struct guests *w)
{
	guest_engine_close(w->e);
	assert_ok(guest_namespace_open(w->dir, w->instance, guest_program, &w->e));
}

size_t count_guests(struct guests *w)
{
	struct guest_vec v = { 0 };
	size_t n;

	assert_ok(guest_observe(w->e, &v));
	n = v.n;
	vec_done(&v);
	return n;
}

/* Starting and stopping */

static void starts_and_stops(void **state)
{
	struct guests *w = *state;
	struct guest_spec spec = { .id = test_guid(1), .name = "blue 1" };
	struct guest g, again;
	struct guest_vec v = { 0 };
	uint64_t ns;

	assert_error(guest_get(w->e, &spec.id, &g), ENOENT);
	assert_error(guest_stop(w->e, &spec.id, false, 0), ENOENT);
	assert_error(guest_pidfd(w->e, &spec.id), ENOENT);
	g = start_guest(w, 1, "blue 1");
	assert_string_equal(g.name, "blue 1");
	assert_true(guid_equal(&g.id, &spec.id));
	assert_true(g.started_us > 1000000000000000ull);
	assert_error(guest_start(w->e, &spec, &again), EEXIST);
	(void)start_guest(w, 3, "three");
	(void)start_guest(w, 2, "two");
	assert_ok(guest_observe(w->e, &v));
	assert_int_equal(v.n, 3);
	assert_memory_equal(&v.items[0], &g, sizeof(g));
	assert_string_equal(v.items[1].name, "two");
	assert_string_equal(v.items[2].name, "three");
	assert_ok(guest_measure(w->e, &v));
	assert_true(v.items[0].memory_bytes > 0);
	vec_done(&v);
	assert_int_equal(count_inits(w->instance), 3);

	ns = process_pid_namespace(g.pid);
	assert_int_equal(count_processes(ns), 1);
	assert_int_equal(process_wait(guest_pidfd(w->e, &spec.id), 0), -EINPROGRESS);
	assert_ok(guest_stop(w->e, &spec.id, false, 5000));
	assert_error(guest_get(w->e, &spec.id, &g), ENOENT);
	assert_int_equal(count_guests(w), 2);
	assert_int_equal(count_inits(w->instance), 2);
	/* And once more under the same id. */
	(void)start_guest(w, 1, "blue 1");
	assert_int_equal(count_guests(w), 3);
}

static void refuses(void **state)
{
	struct guests *w = *state;
	struct guest_spec spec = { .id = test_guid(1), .name = "" };
	char long_name[GUEST_NAME_SIZE + 1];
	struct guest_engine *e;
	struct guest g;

	memset(long_name, 'x', sizeof(long_name));
	long_name[GUEST_NAME_SIZE] = '\0';
	assert_error(guest_start(w->e, &spec, &g), EINVAL);
	spec.name = "a\nb";
	assert_error(guest_start(w->e, &spec, &g), EINVAL);
	spec.name = long_name;
	assert_error(guest_start(w->e, &spec, &g), EINVAL);
	spec.name = "a";
	memset(&spec.id, 0, sizeof(spec.id));
	assert_error(guest_start(w->e, &spec, &g), EINVAL);
	assert_error(guest_namespace_open(w->dir, "../x", guest_program, &e), EINVAL);
	assert_error(guest_namespace_open(w->dir, w->instance, "/nonexistent", &e), ENOENT);
	/* A program that is no nestor-guest ends without a word. */
	assert_ok(guest_namespace_open(w->dir, w->instance, "/bin/true", &e));
	spec.id = test_guid(1);
	assert_error(guest_start(e, &spec, &g), ECHILD);
	guest_engine_close(e);
	assert_int_equal(count_guests(w), 0);
}

static void inside_is_its_own(void **state)
{
	struct guests *w = *state;
	struct guest_spec spec = { .id = test_guid(2), .name = "x", .hostname = "web.example" };
	struct guest g;

	(void)start_guest(w, 1, "  Blau \xc3\xbc 1! ");
	assert_run(w, 1, "hostname", "Blau-1\n", 0);
	assert_ok(guest_start(w->e, &spec, &g));
	assert_run(w, 2, "hostname", "web-example\n", 0);
	assert_run(w, 1, "ls /sys/class/net", "lo\n", 0);
	assert_run(w, 1, "ls -A /run /tmp", "/run:\n\n/tmp:\n", 0);
	assert_run(w, 1, "touch /tmp/x && ls /tmp", "x\n", 0);
	assert_run(w, 2, "ls /tmp", "", 0);
	assert_run(w, 1, "cut -d '' -f 1 /proc/1/comm; ip -o link show up | cut -d ' ' -f 2", "nestor-guest\nlo:\n", 0);
	assert_run(w, 1, "ls /proc/1/fd", "0\n1\n2\n", 0);
	assert_run(w, 1, "ping -c 1 -W 2 127.0.0.1 >/dev/null && echo $?", "0\n", 0);
	assert_run(w, 1, "env | grep -v -e PWD -e SHLVL -e '^_=' | sort",
		   "HOME=/root\nLANG=C.UTF-8\n"
		   "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nTERM=dumb\n",
		   0);
}

/* Ends that somebody else brings about */

static void notices_an_end(void **state)
{
	struct guests *w = *state;
	struct guest g = start_guest(w, 1, "a");
	struct guid id = g.id;
	int pidfd;

	(void)start_guest(w, 2, "b");
	pidfd = guest_pidfd(w->e, &id);
	assert_ok(pidfd);
	assert_int_equal(kill(g.pid, SIGKILL), 0);
	assert_ok(process_wait(pidfd, 5000));
	assert_int_equal(count_guests(w), 1);
	assert_error(guest_get(w->e, &id, &g), ENOENT);
	reopen(w);
	assert_int_equal(count_guests(w), 1);
}

/* Starts what must be stopped by force or by patience, and waits until it says that it is there. */
static struct guest_exec *run_until_output(struct guests *w, unsigned n, const char *line)
{
	struct guest_exec_spec spec = { .line = line };
	struct guid id = test_guid(n);
	struct guest_exec *x;
	time_t deadline = 0;
	size_t size;

	assert_ok(guest_exec_start(w->e, &id, &spec, &x));
	do
		assert_true(guest_exec_read(x) >= 0);
	while ((guest_exec_output(x, &size), size == 0) && deadline_tick(&deadline));
	assert_true(size > 0);
	return x;
}

static void stops_politely(void **state)
{
	struct guests *w = *state;
	struct guest g = start_guest(w, 1, "a");
	struct guest_exec *x;
	int code;

	x = run_until_output(w, 1, "trap 'echo bye; exit 3' TERM; echo there; while :; do sleep 0.02; done");
	assert_ok(guest_stop(w->e, &g.id, false, 5000));
	assert_ok(process_wait(guest_exec_pidfd(x), 5000));
	assert_ok(guest_exec_finish(x, &code));
	assert_string_equal(guest_exec_output(x, NULL), "there\nbye\n");
	assert_int_equal(code, 3);
	guest_exec_free(x);
}

static void stops_the_stubborn(void **state)
{
	struct guests *w = *state;
	struct guest g = start_guest(w, 1, "a");
	uint64_t ns = process_pid_namespace(g.pid);
	struct guest_exec *x;
	int code;

	x = run_until_output(w, 1, "trap '' TERM; (setsid sleep 1000 &) ; echo there; while :; do sleep 0.02; done");
	assert_true(count_processes(ns) >= 3);
	assert_error(guest_stop(w->e, &g.id, false, 0), EINPROGRESS);
	assert_int_equal(count_guests(w), 1);
	assert_ok(guest_stop(w->e, &g.id, true, 5000));
	assert_int_equal(count_processes(ns), 0);
	assert_ok(process_wait(guest_exec_pidfd(x), 5000));
	assert_ok(guest_exec_finish(x, &code));
	assert_int_equal(code, 128 + SIGKILL);
	guest_exec_free(x);
}

static void leaves_no_namespace(void **state)
{
	struct guests *w = *state;
	struct guest g = start_guest(w, 1, "a");
	struct link l = link_empty(), gone;
	_cleanup_nl_ struct nl *nl = NULL;
	time_t deadline = 0;

	assert_ok(nl_open(&nl));
	strcpy(l.kind, "veth");
	strcpy(l.name, "np0");
	strcpy(l.peer.name, "eth0");
	assert_ok(guest_netns(w->e, &g.id, &l.peer.netns_fd));
	assert_ok(link_apply(nl, CHANGE_ADD, NULL, &l));
	close(l.peer.netns_fd);
	assert_ok(guest_stop(w->e, &g.id, false, 5000));
	/* The kernel takes down the guest's end when the namespace's last user is gone, and our end goes with it. */
	while (link_get_by_name(nl, "np0", &gone) == 0)
		assert_true(deadline_tick(&deadline));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		guests_test(starts_and_stops), guests_test(refuses),            guests_test(inside_is_its_own),
		guests_test(notices_an_end),   guests_test(stops_politely),     guests_test(stops_the_stubborn),
		guests_test(leaves_no_namespace),
	};

	/* Mounts of our own, which would take part in those of a guest: so a leak of either is seen, and nobody else's. */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0) {
		perror("needs root");
		return 1;
	}
	guest_program = argc > 1 ? argv[1] : NULL;
	return cmocka_run_group_tests_name("guests", tests, NULL, NULL) + run_exec_tests() + run_registry_tests() +
	       run_interface_tests() + run_machine_tests() + run_agent_tests() + run_image_tests();
}
