/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked and what is refused: addresses, bodies, sizes. */
#include "api_test.h"

#define POST(path, body) client_request(s->socket, "POST", "/v1/cmdlet/" path, body)

static void test_health(void **state)
{
	struct server *s = *state;
	_cleanup_response_ struct response r = client_request(s->socket, "GET", "/v1/health", NULL);

	assert_int_equal(r.status, 200);
	assert_string_equal(r.body, "{\"status\":\"ok\"}");
	assert_non_null(strcasestr(r.head, "\r\nContent-Type: application/json\r\n"));
}

static void test_catalogue_is_asked_for_once(void **state)
{
	struct server *s = *state;

	for (int i = 0; i < 3; i++) {
		_cleanup_response_ struct response r = client_request(s->socket, "GET", "/v1/cmdlet", NULL);

		assert_int_equal(r.status, 200);
		assert_int_equal(json_array_size(json_object_get(r.json, "cmdlets")), 8);
	}
	assert_int_equal(server_count(s, "describes"), 1);
}

static void test_one_entry(void **state)
{
	struct server *s = *state;
	_cleanup_response_ struct response r = client_request(s->socket, "GET", "/v1/cmdlet/tEST-eCHO", NULL);
	_cleanup_response_ struct response unknown = client_request(s->socket, "GET", "/v1/cmdlet/Test-No", NULL);
	_cleanup_response_ struct response head = client_request(s->socket, "HEAD", "/v1/cmdlet/Test-Echo", NULL);

	assert_int_equal(r.status, 200);
	assert_string_equal(json_string_value(json_object_get(r.json, "name")), "Test-Echo");
	assert_error(&unknown, 404, "CommandNotFound");
	assert_int_equal(head.status, 200);
}

static void test_unknown_cmdlet_is_not_invoked(void **state)
{
	struct server *s = *state;
	_cleanup_response_ struct response r = POST("Test-No", "{}");
	json_t *error = json_array_get(json_object_get(r.json, "errors"), 0);
	_cleanup_free_ char *text = json_dumps(error, JSON_COMPACT);

	assert_int_equal(r.status, 404);
	assert_string_equal(text,
			    "{\"id\":\"CommandNotFound\",\"fullyQualifiedErrorId\":\"CommandNotFound,Test-No\","
			    "\"category\":\"ObjectNotFound\",\"message\":\"The term 'Test-No' is not recognized as the "
			    "name of a cmdlet.\",\"target\":\"Test-No\",\"recommendation\":\"Get-Command lists the "
			    "cmdlets.\",\"errno\":0}");
	assert_true(json_is_null(json_object_get(r.json, "type")));
	assert_int_equal(json_array_size(json_object_get(r.json, "objects")), 0);
	assert_true(json_is_array(json_object_get(r.json, "warnings")));
	assert_true(json_is_array(json_object_get(r.json, "whatIf")));
	assert_int_equal(server_count(s, "invokes"), 0);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *method, *path, *id, *allow;
		int status;
	} cases[] = {
		{ "GET", "/", "NotFound", NULL, 404 },
		{ "GET", "/v1", "NotFound", NULL, 404 },
		{ "GET", "/v1/", "NotFound", NULL, 404 },
		{ "GET", "/v2/health", "NotFound", NULL, 404 },
		{ "GET", "/v1/cmdlet/", "NotFound", NULL, 404 },
		{ "GET", "/v1/cmdlet//", "NotFound", NULL, 404 },
		{ "GET", "/v1/cmdlet/Test-Echo/", "NotFound", NULL, 404 },
		{ "GET", "/v1/cmdlet/../health", "NotFound", NULL, 404 },
		{ "GET", "/v1/cmdlet/Test%2DEcho", "NotFound", NULL, 404 },
		{ "GET", "/v1/cmdlet/Test-Echo%00", "NotFound", NULL, 404 },
		{ "GET", "/v1/cmdlet/\xff\xfe", "NotFound", NULL, 404 },
		{ "POST", "/nowhere", "NotFound", NULL, 404 },
		{ "POST", "/v1/health", "MethodNotAllowed", "\r\nAllow: GET, HEAD\r\n", 405 },
		{ "POST", "/v1/cmdlet", "MethodNotAllowed", "\r\nAllow: GET, HEAD\r\n", 405 },
		{ "DELETE", "/v1/cmdlet/Test-Echo", "MethodNotAllowed", "\r\nAllow: GET, HEAD, POST\r\n", 405 },
		{ "PUT", "/v1/cmdlet/Test-Echo", "MethodNotAllowed", "\r\nAllow: GET, HEAD, POST\r\n", 405 },
		{ "BREW", "/v1/health", "MethodNotAllowed", "\r\nAllow: GET, HEAD\r\n", 405 },
	};
	struct server *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_response_ struct response r = client_request(s->socket, cases[i].method, cases[i].path, "");

		assert_error(&r, cases[i].status, cases[i].id);
		if (cases[i].allow)
			assert_non_null(strcasestr(r.head, cases[i].allow));
	}
	assert_int_equal(server_count(s, "invokes"), 0);
}

static void test_body_reaches_the_backend(void **state)
{
	struct server *s = *state;
	_cleanup_response_ struct response r = POST(
		"test-ECHO",
		"{\"parameters\": {\"VMName\": [\"blue*\", \"\\u865a\"], \"Force\": true}, \"input\": [{\"a\": 1}]}");
	_cleanup_free_ char *body = json_dumps(response_member(&r, "body"), JSON_COMPACT | JSON_ENSURE_ASCII);

	assert_int_equal(r.status, 200);
	assert_string_equal(json_string_value(response_member(&r, "cmdlet")), "test-ECHO");
	assert_string_equal(
		body, "{\"parameters\":{\"VMName\":[\"blue*\",\"\\u865A\"],\"Force\":true},\"input\":[{\"a\":1}]}");
	assert_int_equal(json_integer_value(response_member(&r, "uid")), getuid());
	assert_int_equal(json_integer_value(response_member(&r, "gid")), getgid());
	assert_int_equal(json_integer_value(response_member(&r, "pid")), getpid());
	assert_true(json_is_true(response_member(&r, "allowed")));
}

static void test_status_of_the_backend(void **state)
{
	struct server *s = *state;
	_cleanup_response_ struct response refused = POST("Test-Status", "{\"parameters\":{\"Status\":400}}");
	_cleanup_response_ struct response absurd = POST("Test-Status", "{\"parameters\":{\"Status\":99}}");
	_cleanup_response_ struct response nothing = POST("Test-Nothing", "{}");

	assert_int_equal(refused.status, 400);
	assert_error(&absurd, 500, "InternalError");
	assert_error(&nothing, 500, "InternalError");
}

static char *nested(size_t depth, const char *in)
{
	struct str text = {};

	str_add(&text, "{\"input\":");
	str_pad(&text, '[', depth - 1);
	str_add(&text, in);
	str_pad(&text, ']', depth - 1);
	str_add(&text, "}");
	return str_take(&text);
}

static void test_bodies_that_are_refused(void **state)
{
	static const struct {
		const char *body, *id, *place;
	} cases[] = {
		{ "", "RequestNotJson", "line 1, column 1" },
		{ "hello", "RequestNotJson", "line 1, column 5" },
		{ "{", "RequestNotJson", "line 1, column 1" },
		{ "{\"parameters\":\n  {\"a\": nope}}", "RequestNotJson", "line 2, column 12" },
		{ "{\"parameters\": {}} trailing", "RequestNotJson", "line 1, column 27" },
		{ "{\"parameters\": {}, \"parameters\": {}}", "RequestNotJson", "duplicate object key" },
		{ "{\"parameters\": {\"a\": \"\xff\"}}", "RequestNotJson", "line 1" },
		{ "{\"parameters\": {\"a\": \"\\u0000\"}}", "RequestNotJson", "line 1" },
		{ "{\"parameters\": {\"a\": 99999999999999999999999}}", "RequestNotJson", "line 1" },
		{ "{\"parameters\": {\"a\": 1e999}}", "RequestNotJson", "line 1" },
		{ "{\"input\": \"\\", "RequestNotJson", "line 1" },
		{ "[]", "RequestMalformed", "must be an object" },
		{ "{\"parameters\": []}", "RequestMalformed", "\"parameters\"" },
		{ "{\"parameters\": {}, \"input\": {}}", "RequestMalformed", "\"input\"" },
		{ "{\"paramters\": {}}", "RequestMalformed", "neither" },
	};
	struct server *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_response_ struct response r = POST("Test-Echo", cases[i].body);

		assert_error(&r, 400, cases[i].id);
		if (!strstr(r.body, cases[i].place) && !strstr(r.body, "\\\"parameters\\\"") &&
		    !strstr(r.body, "\\\"input\\\""))
			fail_msg("%s: %s lacks %s", cases[i].body, r.body, cases[i].place);
	}
	assert_int_equal(server_count(s, "invokes"), 0);
}

static void test_nul_bytes(void **state)
{
	static const char body[] = "{\n\"input\": [\0]}";
	struct server *s = *state;
	_cleanup_close_ int fd = client_connect(s->socket);
	_cleanup_response_ struct response r = {};

	assert_true(client_post(fd, "/v1/cmdlet/Test-Echo", body, sizeof(body) - 1));
	r = client_read(fd, false);
	assert_error(&r, 400, "RequestNotJson");
	assert_non_null(strstr(r.body, "NUL byte in line 2, column 11"));
	assert_int_equal(server_count(s, "invokes"), 0);
}

static void test_depth(void **state)
{
	struct server *s = *state;
	_cleanup_free_ char *deepest = nested(API_DEPTH_MAX, "\"[[[[[{{{{{\\\"[[[[\""),
			    *deeper = nested(API_DEPTH_MAX + 1, "");
	_cleanup_free_ char *abyss = nested(500000, "");
	_cleanup_response_ struct response done = POST("Test-Echo", deepest);
	_cleanup_response_ struct response refused = POST("Test-Echo", deeper);
	_cleanup_response_ struct response far = POST("Test-Echo", abyss);

	assert_int_equal(done.status, 200);
	assert_error(&refused, 400, "RequestTooDeep");
	assert_error(&far, 400, "RequestTooDeep");
	assert_int_equal(server_count(s, "invokes"), 1);
}

/* A valid body of exactly this size. */
static char *body_of(size_t size)
{
	static const char head[] = "{\"parameters\":{\"a\":\"", tail[] = "\"}}";
	struct str text = {};

	str_add(&text, head);
	str_pad(&text, 'x', size - strlen(head) - strlen(tail));
	str_add(&text, tail);
	return str_take(&text);
}

static void test_body_size(void **state)
{
	struct server *s = *state;
	_cleanup_free_ char *largest = body_of(API_BODY_MAX), *larger = body_of(API_BODY_MAX + 1),
			    *huge = body_of(10 << 20);
	_cleanup_response_ struct response done = POST("Test-Echo", largest);
	_cleanup_response_ struct response refused = POST("Test-Echo", larger);
	_cleanup_response_ struct response far = POST("Test-Echo", huge);

	assert_int_equal(done.status, 200);
	assert_error(&refused, 413, "RequestTooLarge");
	assert_error(&far, 413, "RequestTooLarge");
	assert_int_equal(server_count(s, "invokes"), 1);
}

static bool send_chunks(int fd, size_t chunk, size_t n)
{
	_cleanup_free_ char *head = xasprintf("%zx\r\n", chunk), *data = body_of(chunk);

	for (size_t i = 0; i < n; i++)
		if (!client_send_text(fd, head) || !client_send(fd, data, chunk) || !client_send_text(fd, "\r\n"))
			return false;
	return client_send_text(fd, "0\r\n\r\n");
}

static void test_chunked_bodies(void **state)
{
	static const char head[] =
		"POST /v1/cmdlet/Test-Echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
	struct server *s = *state;
	_cleanup_close_ int fd = client_connect(s->socket), endless = client_connect(s->socket);
	_cleanup_response_ struct response done = {}, refused = {}, after = {};

	assert_true(client_send_text(fd, head));
	assert_true(send_chunks(fd, 1000, 1));
	done = client_read(fd, false);
	assert_int_equal(done.status, 200);
	assert_true(client_send_text(fd, head));
	assert_true(send_chunks(fd, 64 * 1024, 17));
	refused = client_read(fd, false);
	assert_error(&refused, 413, "RequestTooLarge");
	/* The connection is still good. */
	assert_true(client_post(fd, "/v1/cmdlet/Test-Echo", "{}", 2));
	after = client_read(fd, false);
	assert_int_equal(after.status, 200);
	/* One that goes on for ever is cut off. */
	assert_true(client_send_text(endless, head));
	assert_false(send_chunks(endless, 64 * 1024, 100000));
	assert_int_equal(server_count(s, "invokes"), 2);
}

static void test_announced_sizes(void **state)
{
	static const char *const heads[] = {
		"POST /v1/cmdlet/Test-Echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: "
		"1048577\r\n\r\n",
		"POST /v1/cmdlet/Test-Echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n",
	};
	struct server *s = *state;

	/* Refused at once: nothing of the body is sent. */
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		_cleanup_close_ int fd = client_connect(s->socket);
		_cleanup_response_ struct response r = {};

		assert_true(client_send_text(fd, heads[i]));
		r = client_read(fd, false);
		assert_error(&r, 413, "RequestTooLarge");
		assert_true(client_closed(fd));
	}
	assert_int_equal(server_count(s, "invokes"), 0);
}

static void test_truncated_requests_have_no_effect(void **state)
{
	static const char whole[] = "POST /v1/cmdlet/Test-Echo HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n"
				    "{\"parameters\":    {}}";
	struct server *s = *state;

	for (size_t n = 0; n < strlen(whole); n++) {
		_cleanup_close_ int fd = client_connect(s->socket);

		assert_true(client_send(fd, whole, n));
	}
	assert_int_equal(server_count(s, "invokes"), 0);
}

static void test_more_than_announced(void **state)
{
	struct server *s = *state;
	_cleanup_close_ int fd = client_connect(s->socket);
	_cleanup_response_ struct response first = {}, second = {};

	assert_true(client_send_text(
		fd, "POST /v1/cmdlet/Test-Echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}garbage\r\n\r\n"));
	first = client_read(fd, false);
	assert_int_equal(first.status, 200);
	second = client_read(fd, false);
	assert_true(second.status == 0 || second.status == 400);
	assert_int_equal(server_count(s, "invokes"), 1);
}

static void test_malformed_http(void **state)
{
	static const char *const texts[] = {
		"\r\n\r\n",
		"garbage\r\n\r\n",
		"\x16\x03\x01\x02\x01\x01\xfc\x03\x03\r\n\r\n",
		"GET\r\n\r\n",
		"GET /v1/health\r\n\r\n",
		"GET /v1/health HTTP/9.9\r\nHost: h\r\n\r\n",
		"POST /v1/cmdlet/Test-Echo HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n{}",
		"POST /v1/cmdlet/Test-Echo HTTP/1.1\r\nHost: h\r\nContent-Length: two\r\n\r\n{}",
		"POST /v1/cmdlet/Test-Echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
		"POST /v1/cmdlet/Test-Echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
		"chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
		"POST /v1/cmdlet/Test-Echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
		"chunked\r\n\r\nffffffffffffffffff\r\n{}",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	};
	struct server *s = *state;
	int fds[ARRAY_SIZE(texts)];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		fds[i] = client_connect(s->socket);
		client_send_text(fds[i], texts[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_response_ struct response r = client_read(fds[i], false);

		/* Cut off, at the latest when the idle time is over, or refused. */
		if (r.status ? r.status < 400 : !client_closed(fds[i]))
			fail_msg("%s is answered with %d %s", texts[i], r.status, r.body ? r.body : "");
		close(fds[i]);
	}
	assert_int_equal(server_count(s, "invokes"), 0);
}

static void test_header_size(void **state)
{
	static const char *const starts[] = { "GET /", "GET /v1/health HTTP/1.1\r\nHost: h\r\nX: " };
	struct server *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		_cleanup_close_ int fd = client_connect(s->socket);
		_cleanup_str_ struct str text = {};
		_cleanup_response_ struct response r = {};

		str_add(&text, starts[i]);
		str_pad(&text, 'x', 100000);
		client_send(fd, text.data, text.len);
		r = client_read(fd, false);
		/* Or cut off while still sending. */
		assert_true(r.status == 0 || (r.status >= 400 && r.status < 500));
	}
}

int bounds_tests(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, server_setup, server_teardown)
		TEST(health),
		TEST(catalogue_is_asked_for_once),
		TEST(one_entry),
		TEST(unknown_cmdlet_is_not_invoked),
		TEST(addresses),
		TEST(body_reaches_the_backend),
		TEST(status_of_the_backend),
		TEST(bodies_that_are_refused),
		TEST(nul_bytes),
		TEST(depth),
		TEST(body_size),
		TEST(chunked_bodies),
		TEST(announced_sizes),
		TEST(truncated_requests_have_no_effect),
		TEST(more_than_announced),
		TEST(header_size),
#undef TEST
		cmocka_unit_test_setup_teardown(test_malformed_http, server_setup_impatient, server_teardown),
	};

	return cmocka_run_group_tests_name("api bounds", tests, NULL, NULL);
}
