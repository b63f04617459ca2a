/* SPDX-License-Identifier: Apache-2.0 */
#include "api_test.h"
#include "fake_backend.h"

#include <ftw.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

static int on_release(sd_event_source *source _unused_, const struct signalfd_siginfo *info _unused_, void *arg)
{
	fake_backend_done(arg);
	return 0;
}

static void serve(struct server *s, int ready_fd)
{
	struct fake_backend fake = { .answers_cancel = s->answers_cancel };
	struct api_backend backend = fake_backend_make(&fake);
	sd_event *event = NULL;
	struct err *e = NULL;
	struct api *api = NULL;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (sd_event_new(&event) < 0 || sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL) < 0 ||
	    sd_event_add_signal(event, NULL, SIGUSR1, on_release, &fake) < 0 || (s->uid && setuid(s->uid) < 0))
		_exit(1);
	if (api_new_with(event, s->socket, &backend, &s->options, &api, &e) < 0) {
		(void)!write(ready_fd, e->id, strlen(e->id));
		err_free(e);
	} else {
		(void)!write(ready_fd, "\n", 1);
	}
	close(ready_fd);
	if (api)
		sd_event_loop(event);
	/* In this order: what still waits is answered after its API has gone. */
	api_free(api);
	fake_backend_done(&fake);
	sd_event_unref(event);
}

char *server_try(struct server *s)
{
	char said[100] = "";
	int fds[2];
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		/* A test that is killed leaves no server behind. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		serve(s, fds[1]);
		exit(0);
	}
	close(fds[1]);
	n = read(fds[0], said, sizeof(said) - 1);
	close(fds[0]);
	assert_true(n > 0);
	if (streq(said, "\n"))
		return xstrdup("");
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	s->pid = 0;
	return xstrdup(said);
}

void server_start(struct server *s)
{
	_cleanup_free_ char *said = server_try(s);

	assert_string_equal(said, "");
}

void server_stop(struct server *s)
{
	int status;

	assert_int_equal(kill(s->pid, SIGTERM), 0);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	s->pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(access(s->socket, F_OK), -1);
}

void server_kill(struct server *s)
{
	assert_int_equal(kill(s->pid, SIGKILL), 0);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	s->pid = 0;
}

void server_release(struct server *s)
{
	assert_int_equal(kill(s->pid, SIGUSR1), 0);
}

static struct server *server_new(void)
{
	struct server *s = xcalloc(1, sizeof(*s));

	s->directory = xstrdup("/tmp/nestor-api-XXXXXX");
	assert_non_null(mkdtemp(s->directory));
	s->socket = xasprintf("%s/s", s->directory);
	return s;
}

int server_setup(void **state)
{
	struct server *s = server_new();

	*state = s;
	server_start(s);
	return 0;
}

int server_setup_impatient(void **state)
{
	struct server *s = server_new();

	*state = s;
	s->options.idle_seconds = 1;
	server_start(s);
	return 0;
}

static int remove_one(const char *path, const struct stat *st _unused_, int flag _unused_, struct FTW *ftw _unused_)
{
	return remove(path);
}

int server_teardown(void **state)
{
	struct server *s = *state;

	if (s->pid)
		server_stop(s);
	assert_int_equal(nftw(s->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(s->directory);
	free(s->socket);
	free(s);
	return 0;
}

int server_count(struct server *s, const char *counter)
{
	_cleanup_response_ struct response r = client_request(s->socket, "POST", "/v1/cmdlet/Test-Count", "{}");

	assert_int_equal(r.status, 200);
	return (int)json_integer_value(response_member(&r, counter));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void server_await(struct server *s, const char *counter, int value)
{
	double deadline = now() + CLIENT_DEADLINE_MS / 1000.0;

	while (server_count(s, counter) != value)
		if (now() > deadline)
			fail_msg("%s is %d, not %d", counter, server_count(s, counter), value);
}
