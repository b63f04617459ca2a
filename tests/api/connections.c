/* SPDX-License-Identifier: Apache-2.0 */
/* Many clients, slow clients, clients that go away, and cmdlets that take their time. */
#include "api_test.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define LATER "/v1/cmdlet/Test-Later"

static void release(struct server *s)
{
	_cleanup_response_ struct response r = client_request(s->socket, "POST", "/v1/cmdlet/Test-Release", "{}");

	assert_int_equal(r.status, 200);
}

static void test_one_connection_many_requests(void **state)
{
	struct server *s = *state;
	_cleanup_close_ int fd = client_connect(s->socket);

	for (int i = 1; i <= 50; i++) {
		_cleanup_response_ struct response r = {};

		assert_true(client_post(fd, "/v1/cmdlet/Test-Echo", "{}", 2));
		r = client_read(fd, false);
		assert_int_equal(r.status, 200);
		assert_int_equal(json_integer_value(response_member(&r, "sequence")), i);
	}
	/* All at once. */
	for (int i = 1; i <= 50; i++)
		assert_true(client_post(fd, "/v1/cmdlet/Test-Echo", "{}", 2));
	for (int i = 51; i <= 100; i++) {
		_cleanup_response_ struct response r = client_read(fd, false);

		assert_int_equal(r.status, 200);
		assert_int_equal(json_integer_value(response_member(&r, "sequence")), i);
	}
}

/* Bytes both ways behind the answer, and those that came with the request are not lost. */
static void test_streams(void **state)
{
	static const char head[] = "POST /v1/cmdlet/Test-Stream HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: Upgrade\r\n";
	struct server *s = *state;
	_cleanup_response_ struct response refused = client_request(s->socket, "POST", "/v1/cmdlet/Test-Stream", "{}"), other = {};

	assert_error(&refused, 426, "UpgradeRequired");
	for (int i = 0; i < 3; i++) {
		_cleanup_close_ int fd = client_connect(s->socket);
		_cleanup_free_ char *request = xasprintf("%sUpgrade: nestor-stream\r\n\r\n{}early", head);
		_cleanup_response_ struct response r = {};
		char text[64] = "";

		assert_true(client_send_text(fd, request));
		r = client_read(fd, true);
		assert_int_equal(r.status, 101);
		for (size_t n = 0; n < sizeof(text) - 1 && !strchr(text, '\n'); n++)
			assert_int_equal(recv(fd, text + n, 1, 0), 1);
		assert_string_equal(text, "hello early\n");
		assert_true(client_closed(fd));
	}
	{
		_cleanup_close_ int fd = client_connect(s->socket);
		_cleanup_free_ char *request = xasprintf("%sUpgrade: websocket\r\n\r\n{}", head);

		assert_true(client_send_text(fd, request));
		other = client_read(fd, false);
		assert_error(&other, 426, "UpgradeRequired");
	}
}

static void test_pending_calls_are_answered_later(void **state)
{
	struct server *s = *state;
	int fds[20];

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = client_connect(s->socket);
		assert_true(client_post(fds[i], LATER, "{}", 2));
		server_await(s, "pending", (int)i + 1);
	}
	release(s);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		_cleanup_response_ struct response r = client_read(fds[i], false), again = {};

		assert_int_equal(r.status, 200);
		assert_int_equal(json_integer_value(response_member(&r, "sequence")), i + 1);
		/* And the connection goes on. */
		assert_true(client_post(fds[i], "/v1/cmdlet/Test-Echo", "{}", 2));
		again = client_read(fds[i], false);
		assert_int_equal(again.status, 200);
		close(fds[i]);
	}
	assert_int_equal(server_count(s, "cancels"), 0);
}

static void test_answers_from_the_event_loop(void **state)
{
	struct server *s = *state;
	_cleanup_close_ int fd = client_connect(s->socket);
	_cleanup_response_ struct response r = {};

	assert_true(client_post(fd, LATER, "{}", 2));
	server_await(s, "pending", 1);
	/* Nothing but the answer wakes the server up. */
	server_release(s);
	r = client_read(fd, false);
	assert_int_equal(r.status, 200);
}

static void disconnect_while_pending(struct server *s)
{
	_cleanup_close_ int stays = client_connect(s->socket);
	_cleanup_response_ struct response r = {};
	int goes = client_connect(s->socket);

	assert_true(client_post(stays, LATER, "{}", 2));
	assert_true(client_post(goes, LATER, "{}", 2));
	server_await(s, "pending", 2);
	close(goes);
	server_await(s, "cancels", 1);
	server_await(s, "pending", s->answers_cancel ? 1 : 2);
	release(s);
	r = client_read(stays, false);
	assert_int_equal(r.status, 200);
	assert_int_equal(server_count(s, "cancels"), 1);
}

static void test_client_goes_while_pending(void **state)
{
	disconnect_while_pending(*state);
}

static void test_client_goes_and_the_backend_answers_that(void **state)
{
	struct server *s = *state;

	server_stop(s);
	s->answers_cancel = true;
	server_start(s);
	disconnect_while_pending(s);
}

static void test_shutting_down_gives_a_call_up(void **state)
{
	struct server *s = *state;
	_cleanup_close_ int fd = client_connect(s->socket);

	assert_true(client_post(fd, LATER, "{}", 2));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	server_await(s, "cancels", 1);
	assert_true(client_closed(fd));
	assert_int_equal(server_count(s, "pending"), 1);
}

static void test_ends_with_pending_calls(void **state)
{
	struct server *s = *state;
	_cleanup_close_ int fd = client_connect(s->socket), other = client_connect(s->socket);

	assert_true(client_post(fd, LATER, "{}", 2));
	assert_true(client_send_text(other, "POST /v1/cmdlet/Test-Echo HTTP/1.1\r\nContent-Length: 5\r\n\r\n{"));
	server_await(s, "pending", 1);
	server_stop(s);
	assert_true(client_closed(fd));
	assert_true(client_closed(other));
}

static void test_slow_clients_are_cut_off(void **state)
{
	static const char whole[] = "POST /v1/cmdlet/Test-Echo HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n"
				    "{\"parameters\":    {}}";
	struct server *s = *state;
	_cleanup_close_ int pending = client_connect(s->socket);
	_cleanup_response_ struct response answer = {};
	int fds[2 * (sizeof(whole) - 1)];

	assert_true(client_post(pending, LATER, "{}", 2));
	server_await(s, "pending", 1);
	/* Every beginning of a request, by clients that wait and by clients that have nothing more to say. */
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = client_connect(s->socket);
		assert_true(client_send(fds[i], whole, i / 2));
		if (i % 2)
			assert_int_equal(shutdown(fds[i], SHUT_WR), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		_cleanup_response_ struct response r = client_read(fds[i], false);

		if (r.status && r.status != 400 && r.status != 408)
			fail_msg("%zu bytes are answered with %d", i / 2, r.status);
		assert_true(r.status || client_closed(fds[i]));
		close(fds[i]);
	}
	/* A cmdlet that takes longer than the idle time is not idle. */
	release(s);
	answer = client_read(pending, false);
	assert_int_equal(answer.status, 200);
	assert_int_equal(server_count(s, "cancels"), 0);
	assert_int_equal(server_count(s, "invokes"), 2);
}

/* Connects them all, sends on them all, then reads: no answer is waited for before all have asked. */
static void many(struct server *s, int n, const char *path)
{
	int *fds = xcalloc((size_t)n, sizeof(*fds));

	for (int i = 0; i < n; i++) {
		fds[i] = client_connect(s->socket);
		assert_true(fds[i] >= 0);
	}
	for (int i = 0; i < n; i++)
		assert_true(client_post(fds[i], path, "{}", 2));
	if (streq(path, LATER)) {
		server_await(s, "pending", n);
		release(s);
	}
	for (int i = 0; i < n; i++) {
		_cleanup_response_ struct response r = client_read(fds[i], false);

		assert_int_equal(r.status, 200);
		close(fds[i]);
	}
	free(fds);
}

static void allow_files(rlim_t n)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = MIN(n, limit.rlim_max);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_thousand_connections_at_once(void **state)
{
	struct server *s = *state;

	server_stop(s);
	allow_files(4096);
	server_start(s);
	many(s, 1000, "/v1/cmdlet/Test-Echo");
	assert_int_equal(server_count(s, "invokes"), 1000);
	many(s, 1000, LATER);
	assert_int_equal(server_count(s, "invokes"), 2001);
}

static void test_thousand_connections_with_few_descriptors(void **state)
{
	struct server *s = *state;

	server_stop(s);
	/* A server of its own limits: 64 at a time, the others wait to be accepted. */
	allow_files(128);
	server_start(s);
	allow_files(4096);
	many(s, 1000, "/v1/cmdlet/Test-Echo");
	assert_int_equal(server_count(s, "invokes"), 1000);
}

/* One that waits is taken as soon as another goes, and not when the next thing happens by chance. */
static void test_place_that_gets_free_is_taken(void **state)
{
	struct server *s = *state;
	_cleanup_close_ int stays = -1, waits = -1;
	_cleanup_response_ struct response first = {}, second = {};
	int goes;

	server_stop(s);
	s->options.max_connections = 2;
	server_start(s);
	stays = client_connect(s->socket);
	goes = client_connect(s->socket);
	assert_true(client_post(stays, "/v1/cmdlet/Test-Echo", "{}", 2));
	first = client_read(stays, false);
	assert_int_equal(first.status, 200);
	waits = client_connect(s->socket);
	assert_true(client_post(waits, "/v1/cmdlet/Test-Echo", "{}", 2));
	close(goes);
	second = client_read(waits, false);
	assert_int_equal(second.status, 200);
}

/* Sends without reading until nothing more fits, then reads all; meanwhile another client is served. */
static void test_flood_starves_nobody(void **state)
{
	enum { FLOOD = 3000 };
	static const char request[] = "POST /v1/cmdlet/Test-Echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}";
	struct server *s = *state;
	_cleanup_close_ int fd = client_connect(s->socket);
	_cleanup_str_ struct str flood = {}, got = {};
	size_t sent = 0, answers = 0;
	bool asked = false;

	for (int i = 0; i < FLOOD; i++)
		str_add(&flood, request);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while (answers < FLOOD) {
		struct pollfd p = { .fd = fd, .events = (short)(POLLIN | (sent < flood.len ? POLLOUT : 0)) };
		char buffer[65536];
		ssize_t n;

		assert_true(poll(&p, 1, CLIENT_DEADLINE_MS) > 0);
		if (p.revents & POLLOUT) {
			n = send(fd, flood.data + sent, flood.len - sent, MSG_NOSIGNAL);
			sent += n > 0 ? (size_t)n : 0;
		}
		if (!asked) {
			/* There is far more waiting than one look at this connection takes. */
			_cleanup_response_ struct response r =
				client_request(s->socket, "POST", "/v1/cmdlet/Test-Echo", "{}");

			assert_int_equal(r.status, 200);
			assert_true(json_integer_value(response_member(&r, "sequence")) < FLOOD);
			asked = true;
		}
		n = p.revents & POLLIN ? recv(fd, buffer, sizeof(buffer), 0) : 0;
		for (ssize_t i = 0; i < n; i++) {
			str_addc(&got, buffer[i]);
			answers += got.len >= 12 && memcmp(got.data + got.len - 12, "HTTP/1.1 200", 12) == 0;
		}
	}
	assert_int_equal(server_count(s, "invokes"), FLOOD + 1);
}

int connection_tests(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, server_setup, server_teardown)
		TEST(one_connection_many_requests),
		TEST(streams),
		TEST(pending_calls_are_answered_later),
		TEST(answers_from_the_event_loop),
		TEST(client_goes_while_pending),
		TEST(client_goes_and_the_backend_answers_that),
		TEST(shutting_down_gives_a_call_up),
		TEST(ends_with_pending_calls),
		TEST(thousand_connections_at_once),
		TEST(thousand_connections_with_few_descriptors),
		TEST(place_that_gets_free_is_taken),
		TEST(flood_starves_nobody),
#undef TEST
		cmocka_unit_test_setup_teardown(test_slow_clients_are_cut_off, server_setup_impatient, server_teardown),
	};

	return cmocka_run_group_tests_name("api connections", tests, NULL, NULL);
}
