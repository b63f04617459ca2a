/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask, and what becomes of the socket. */
#include "api_test.h"

#include <errno.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define OTHER 65534 /* nobody */

/* A group that every Debian has and that nobody and root are not in. */
static const struct group *some_group(void)
{
	const struct group *group = getgrnam("daemon");

	assert_non_null(group);
	return group;
}

/* Asks in a child with these identities; gives the HTTP status, 0 when connecting is not permitted. */
static int ask_as(struct server *s, uid_t uid, gid_t gid, gid_t extra, const char *expected_id)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		_cleanup_response_ struct response r = {};
		int fd;

		if (setgroups(extra ? 1 : 0, &extra) < 0 || setresgid(gid, gid, gid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			_exit(100);
		fd = client_connect(s->socket);
		if (fd == -EACCES)
			_exit(0);
		if (fd < 0)
			_exit(101);
		client_post(fd, "/v1/cmdlet/Test-Echo", "{}", 2);
		r = client_read(fd, false);
		if (!streq(response_error(&r), expected_id))
			_exit(102);
		if (r.status == 403 &&
		    !strstr(r.body, "\"You do not have the required permission to complete this task.\""))
			_exit(103);
		_exit(r.status == 200 ? 1 : r.status == 403 ? 2 : 104);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 1 ? 200 : WEXITSTATUS(status) == 2 ? 403 : WEXITSTATUS(status);
}

static void test_socket_is_for_owner_and_group(void **state)
{
	struct server *s = *state;
	struct stat st;

	if (geteuid() != 0)
		skip();
	server_stop(s);
	s->options.group = "daemon";
	server_start(s);
	assert_int_equal(chmod(s->directory, 0755), 0);
	assert_int_equal(stat(s->socket, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0660);
	assert_int_equal(st.st_gid, some_group()->gr_gid);
	assert_int_equal(ask_as(s, OTHER, OTHER, 0, ""), 0);
	assert_int_equal(ask_as(s, OTHER, some_group()->gr_gid, 0, ""), 200);
	assert_int_equal(ask_as(s, OTHER, OTHER, some_group()->gr_gid, ""), 200);
	assert_int_equal(server_count(s, "invokes"), 2);
}

/* The mode of a file is not the only guard: whoever gets hold of a connection is still asked who he is. */
static void test_others_are_refused_by_their_credentials(void **state)
{
	struct server *s = *state;

	if (geteuid() != 0)
		skip();
	server_stop(s);
	s->options.group = "daemon";
	server_start(s);
	assert_int_equal(chmod(s->directory, 0755), 0);
	assert_int_equal(chmod(s->socket, 0666), 0);
	assert_int_equal(ask_as(s, OTHER, OTHER, 0, "AccessDenied"), 403);
	assert_int_equal(ask_as(s, OTHER, OTHER, 12345, "AccessDenied"), 403);
	assert_int_equal(server_count(s, "invokes"), 0);
	assert_int_equal(ask_as(s, OTHER, OTHER, some_group()->gr_gid, ""), 200);
	assert_int_equal(ask_as(s, 0, OTHER, 0, ""), 200);
	assert_int_equal(server_count(s, "invokes"), 2);
}

static void test_without_the_group(void **state)
{
	struct server *s = *state;
	struct stat st;

	if (geteuid() != 0)
		skip();
	server_stop(s);
	s->options.group = "no-such-group-of-nestor";
	server_start(s);
	assert_int_equal(chmod(s->directory, 0755), 0);
	assert_int_equal(stat(s->socket, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0660);
	assert_int_equal(chmod(s->socket, 0666), 0);
	assert_int_equal(ask_as(s, OTHER, OTHER, 0, "AccessDenied"), 403);
	assert_int_equal(ask_as(s, 0, 0, 0, ""), 200);
}

static void test_daemon_of_another_user(void **state)
{
	_cleanup_free_ char *lock = NULL;
	struct server *s = *state;

	if (geteuid() != 0)
		skip();
	server_stop(s);
	s->uid = OTHER;
	s->options.group = "daemon";
	assert_int_equal(chown(s->directory, OTHER, OTHER), 0);
	assert_int_equal(chmod(s->directory, 0755), 0);
	/* The lock of the daemon that ran as root. */
	lock = xasprintf("%s.lock", s->socket);
	assert_int_equal(unlink(lock), 0);
	server_start(s);
	assert_int_equal(chmod(s->socket, 0666), 0);
	assert_int_equal(ask_as(s, OTHER, 12345, 0, ""), 200);
	assert_int_equal(ask_as(s, 0, 0, 0, ""), 200);
	assert_int_equal(ask_as(s, OTHER - 1, OTHER, 0, "AccessDenied"), 403);
}

static void test_refused_client_can_send_anything(void **state)
{
	struct server *s = *state;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(s->directory, 0755), 0);
	assert_int_equal(chmod(s->socket, 0666), 0);
	pid = fork();
	if (pid == 0) {
		_cleanup_free_ char *body = xcalloc(1, 2 << 20);
		_cleanup_response_ struct response r = {}, catalogue = {}, nothing = {};
		int fd;

		if (setgroups(0, NULL) < 0 || setresgid(OTHER, OTHER, OTHER) < 0 || setresuid(OTHER, OTHER, OTHER) < 0)
			_exit(1);
		fd = client_connect(s->socket);
		client_post(fd, "/v1/cmdlet/Test-Echo", body, 2 << 20);
		r = client_read(fd, false);
		catalogue = client_request(s->socket, "GET", "/v1/cmdlet", NULL);
		nothing = client_request(s->socket, "GET", "/nowhere", NULL);
		_exit(r.status == 403 && catalogue.status == 403 && nothing.status == 403 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(server_count(s, "describes"), 1);
	assert_int_equal(server_count(s, "invokes"), 0);
}

static void test_dead_daemons_socket_is_replaced(void **state)
{
	struct server *s = *state;

	server_kill(s);
	assert_int_equal(access(s->socket, F_OK), 0);
	server_start(s);
	assert_int_equal(server_count(s, "invokes"), 0);
}

static void test_living_daemons_socket_is_kept(void **state)
{
	struct server *s = *state;
	struct server second = *s;
	_cleanup_free_ char *said = server_try(&second);

	assert_string_equal(said, "Api.SocketInUse");
	assert_int_equal(server_count(s, "invokes"), 0);
}

static void test_living_daemon_whose_socket_was_removed(void **state)
{
	struct server *s = *state;
	struct server second = *s;
	_cleanup_free_ char *said = NULL;

	assert_int_equal(unlink(s->socket), 0);
	said = server_try(&second);
	assert_string_equal(said, "Api.SocketInUse");
}

static void test_somebody_elses_socket_is_kept(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct server *s = *state;
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	_cleanup_free_ char *said = NULL;

	server_stop(s);
	strcpy(address.sun_path, s->socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	said = server_try(s);
	assert_string_equal(said, "Api.SocketInUse");
	assert_int_equal(access(s->socket, F_OK), 0);
}

static void test_file_in_the_way_is_kept(void **state)
{
	_cleanup_free_ char *said = NULL, *text = NULL;
	struct server *s = *state;

	server_stop(s);
	assert_int_equal(write_file_atomic(s->socket, "mine", 4), 0);
	said = server_try(s);
	assert_string_equal(said, "Api.SocketPathTaken");
	assert_int_equal(read_file(s->socket, 100, &text, NULL), 0);
	assert_string_equal(text, "mine");
}

static void test_path_that_is_too_long(void **state)
{
	_cleanup_free_ char *said = NULL, *path = NULL;
	struct server *s = *state;
	struct server second = *s;

	path = xasprintf("%s/%0100d", s->directory, 0);
	second.socket = path;
	said = server_try(&second);
	assert_string_equal(said, "Api.SocketFailed");
}

int permission_tests(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, server_setup, server_teardown)
		TEST(socket_is_for_owner_and_group),
		TEST(others_are_refused_by_their_credentials),
		TEST(without_the_group),
		TEST(daemon_of_another_user),
		TEST(refused_client_can_send_anything),
		TEST(dead_daemons_socket_is_replaced),
		TEST(living_daemons_socket_is_kept),
		TEST(living_daemon_whose_socket_was_removed),
		TEST(somebody_elses_socket_is_kept),
		TEST(file_in_the_way_is_kept),
		TEST(path_that_is_too_long),
#undef TEST
	};

	return cmocka_run_group_tests_name("api permissions", tests, NULL, NULL);
}
