/* SPDX-License-Identifier: Apache-2.0 */
/* Answers in lines, to those who accept them: progress, and at last the answer. */
#include "api_test.h"

#include <poll.h>
#include <sys/socket.h>

#include "api_impl.h"

#define LATER "/v1/cmdlet/Test-Later"

static bool post_lines(int fd, const char *path, const char *body)
{
	_cleanup_free_ char *text = xasprintf("POST %s HTTP/1.1\r\nHost: h\r\nAccept: application/json, Application/X-NDJSON;q=0.5\r\n"
					      "Content-Length: %zu\r\n\r\n%s", path, strlen(body), body);

	return client_send_text(fd, text);
}

static void receive(int fd, char *buf, size_t n)
{
	while (n) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t got;

		assert_int_equal(poll(&p, 1, CLIENT_DEADLINE_MS), 1);
		got = recv(fd, buf, n, 0);
		assert_true(got > 0);
		buf += got;
		n -= (size_t)got;
	}
}

/* The next of the chunks, of which each is told by its size; "" is the last. The caller frees it. */
static char *read_chunk(int fd)
{
	char size[16] = "", end[2];
	size_t n = 0;
	char *text;

	while (!strchr(size, '\n') && n < sizeof(size) - 1)
		receive(fd, &size[n++], 1);
	n = strtoul(size, NULL, 16);
	text = xcalloc(1, n + 1);
	receive(fd, text, n);
	receive(fd, end, 2);
	return text;
}

/* The next line, which may come in several chunks; NULL: there is none. */
static json_t *read_line(int fd, struct str *buf)
{
	for (;;) {
		char *end = strchr(str_get(buf), '\n');
		_cleanup_free_ char *chunk = NULL;
		json_t *line;

		if (end) {
			line = json_loadb(buf->data, (size_t)(end - buf->data), 0, NULL);
			assert_non_null(line);
			buf->len -= (size_t)(end + 1 - buf->data);
			memmove(buf->data, end + 1, buf->len + 1);
			return line;
		}
		chunk = read_chunk(fd);
		if (!*chunk) {
			assert_int_equal(buf->len, 0);
			return NULL;
		}
		str_add(buf, chunk);
	}
}

static void expect_head(int fd)
{
	_cleanup_response_ struct response r = client_read(fd, true);

	assert_int_equal(r.status, 200);
	assert_non_null(strcasestr(r.head, "\r\nContent-Type: application/x-ndjson\r\n"));
	assert_non_null(strcasestr(r.head, "\r\nTransfer-Encoding: chunked\r\n"));
}

static int percent_of(const json_t *line)
{
	const json_t *percent = json_object_get(json_object_get(line, "progress"), "percent");

	return json_is_integer(percent) && json_object_size(line) == 1 ? (int)json_integer_value(percent) : -1;
}

static void expect_percent(int fd, struct str *buf, int percent)
{
	json_t *line = read_line(fd, buf);

	assert_int_equal(percent_of(line), percent);
	json_decref(line);
}

static void tell(const struct server *s, int percent)
{
	_cleanup_free_ char *body = xasprintf("{\"parameters\":{\"Percent\":%d}}", percent);
	_cleanup_response_ struct response r = client_request(s->socket, "POST", "/v1/cmdlet/Test-Tell", body);

	assert_int_equal(r.status, 200);
}

static void release(const struct server *s)
{
	_cleanup_response_ struct response r = client_request(s->socket, "POST", "/v1/cmdlet/Test-Release", "{}");

	assert_int_equal(r.status, 200);
}

/* {"status", "answer"}, and then the end. */
static json_t *expect_answer(int fd, struct str *buf)
{
	json_t *line = read_line(fd, buf), *answer = json_object_get(line, "answer");

	assert_int_equal(json_object_size(line), 2);
	assert_int_equal(json_integer_value(json_object_get(line, "status")), 200);
	json_incref(answer);
	json_decref(line);
	assert_null(read_line(fd, buf));
	return answer;
}

static void test_lines_in_order(void **state)
{
	struct server *s = *state;
	_cleanup_close_ int fd = client_connect(s->socket), plain = client_connect(s->socket);
	_cleanup_response_ struct response ordinary = {}, next = {};
	_cleanup_str_ struct str buf = {};
	json_t *answer;

	assert_true(post_lines(fd, LATER, "{}"));
	server_await(s, "pending", 1);
	assert_true(client_post(plain, LATER, "{}", 2));
	server_await(s, "pending", 2);
	tell(s, 5);
	expect_head(fd);
	expect_percent(fd, &buf, 5);
	tell(s, 50);
	expect_percent(fd, &buf, 50);
	tell(s, 100);
	expect_percent(fd, &buf, 100);
	release(s);
	answer = expect_answer(fd, &buf);
	/* The same as that of who did not ask, but for its number. */
	ordinary = client_read(plain, false);
	assert_int_equal(ordinary.status, 200);
	assert_int_equal(json_integer_value(response_member(&ordinary, "sequence")), 2);
	json_object_set_new(json_array_get(json_object_get(answer, "objects"), 0), "sequence", json_integer(2));
	assert_true(json_equal(answer, ordinary.json));
	json_decref(answer);
	/* And the connection goes on. */
	assert_true(client_post(fd, "/v1/cmdlet/Test-Echo", "{}", 2));
	next = client_read(fd, false);
	assert_int_equal(next.status, 200);
	assert_int_equal(server_count(s, "cancels"), 0);
}

/* Told before the call has been left alone: it is not lost. */
static void test_told_at_once(void **state)
{
	struct server *s = *state;
	_cleanup_close_ int fd = client_connect(s->socket);
	_cleanup_str_ struct str buf = {};

	assert_true(post_lines(fd, LATER, "{\"parameters\":{\"Early\":7}}"));
	expect_head(fd);
	expect_percent(fd, &buf, 7);
	server_release(s);
	json_decref(expect_answer(fd, &buf));
}

static void test_nothing_to_tell(void **state)
{
	struct server *s = *state;
	_cleanup_close_ int fd = client_connect(s->socket);
	_cleanup_response_ struct response later = {}, echo = {}, unknown = {};

	assert_true(post_lines(fd, LATER, "{}"));
	server_await(s, "pending", 1);
	release(s);
	later = client_read(fd, false);
	assert_int_equal(later.status, 200);
	assert_non_null(strcasestr(later.head, "\r\nContent-Type: application/json\r\n"));
	assert_int_equal(json_integer_value(response_member(&later, "sequence")), 1);
	assert_true(post_lines(fd, "/v1/cmdlet/Test-Echo", "{}"));
	echo = client_read(fd, false);
	assert_int_equal(echo.status, 200);
	assert_true(post_lines(fd, "/v1/cmdlet/Test-Nowhere", "{}"));
	unknown = client_read(fd, false);
	assert_error(&unknown, 404, "CommandNotFound");
}

static void goes_after_a_line(struct server *s)
{
	_cleanup_close_ int stays = client_connect(s->socket);
	int goes = client_connect(s->socket);
	_cleanup_str_ struct str buf = {}, other = {};

	assert_true(post_lines(stays, LATER, "{}"));
	assert_true(post_lines(goes, LATER, "{}"));
	server_await(s, "pending", 2);
	tell(s, 1);
	expect_head(goes);
	expect_percent(goes, &other, 1);
	close(goes);
	server_await(s, "cancels", 1);
	tell(s, 2);
	expect_head(stays);
	expect_percent(stays, &buf, 1);
	expect_percent(stays, &buf, 2);
	release(s);
	json_decref(expect_answer(stays, &buf));
	assert_int_equal(server_count(s, "cancels"), 1);
}

static void test_client_goes_after_a_line(void **state)
{
	goes_after_a_line(*state);
}

static void test_client_goes_and_that_is_answered(void **state)
{
	struct server *s = *state;

	server_stop(s);
	s->answers_cancel = true;
	server_start(s);
	goes_after_a_line(s);
}

static void test_ends_within_lines(void **state)
{
	struct server *s = *state;
	_cleanup_close_ int fd = client_connect(s->socket);
	_cleanup_str_ struct str buf = {};

	assert_true(post_lines(fd, LATER, "{\"parameters\":{\"Early\":7}}"));
	expect_head(fd);
	expect_percent(fd, &buf, 7);
	server_stop(s);
	assert_true(client_closed(fd));
}

/* More than fits into a socket. */
#define TOLD 3000

static void tell_by(int fd, int percent)
{
	_cleanup_free_ char *body = xasprintf("{\"parameters\":{\"Percent\":%d}}", percent);
	_cleanup_response_ struct response r = {};

	assert_true(client_post(fd, "/v1/cmdlet/Test-Tell", body, strlen(body)));
	r = client_read(fd, false);
	assert_int_equal(r.status, 200);
}

/* Who does not read misses what was in between, never the newest, and nothing piles up. */
static void test_slow_reader(void **state)
{
	struct server *s = *state;
	_cleanup_close_ int fd = client_connect(s->socket), teller = client_connect(s->socket);
	_cleanup_str_ struct str buf = {};
	int lines = 0, percent = 0;

	assert_true(post_lines(fd, LATER, "{}"));
	server_await(s, "pending", 1);
	for (int i = 1; i <= TOLD; i++)
		tell_by(teller, i);
	expect_head(fd);
	while (percent < TOLD) {
		json_t *line = read_line(fd, &buf);

		assert_true(percent_of(line) > percent);
		percent = percent_of(line);
		json_decref(line);
		lines++;
	}
	assert_true(lines < TOLD);
	release(s);
	json_decref(expect_answer(fd, &buf));
}

/* Between two lines of a call is no idle time; a client that does not take its lines is gone, and its call with it. */
static void test_idle_time(void **state)
{
	struct server *s = *state;
	_cleanup_close_ int fd = client_connect(s->socket), idle = -1, other = -1, teller = -1;
	_cleanup_str_ struct str buf = {};

	assert_true(post_lines(fd, LATER, "{\"parameters\":{\"Early\":1}}"));
	expect_head(fd);
	expect_percent(fd, &buf, 1);
	idle = client_connect(s->socket);
	assert_true(client_closed(idle));
	tell(s, 2);
	expect_percent(fd, &buf, 2);
	server_release(s);
	json_decref(expect_answer(fd, &buf));
	assert_int_equal(server_count(s, "cancels"), 0);

	other = client_connect(s->socket);
	assert_true(post_lines(other, LATER, "{}"));
	teller = client_connect(s->socket);
	server_await(s, "pending", 1);
	for (int i = 1; i <= TOLD; i++)
		tell_by(teller, i);
	server_await(s, "cancels", 1);
}

static void test_accept(void **state)
{
	static const char *const yes[] = { "application/x-ndjson", "application/json, application/x-ndjson", "a/b,APPLICATION/X-NDJSON;q=1" };
	static const char *const no[] = { "", "*/*", "application/json", "application/x-ndjson2", "text/application/x-ndjson",
					  "a;b=application/x-ndjson", ",;, ;" };

	(void)state;
	assert_false(api_accepts_lines(NULL));
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(api_accepts_lines(yes[i]));
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(api_accepts_lines(no[i]));
}

int line_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines_in_order, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(test_told_at_once, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(test_nothing_to_tell, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(test_client_goes_after_a_line, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(test_client_goes_and_that_is_answered, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(test_ends_within_lines, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(test_slow_reader, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(test_idle_time, server_setup_impatient, server_teardown),
		cmocka_unit_test(test_accept),
	};

	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
