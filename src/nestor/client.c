/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "str.h"

volatile sig_atomic_t client_interrupted;

static char *fold(const char *name)
{
	char *s = xstrdup(name);

	for (char *c = s; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return s;
}

static json_t *parse_reply(const struct http_reply *reply, const char *target, struct err **e)
{
	json_error_t error;
	json_t *j = json_loadb(reply->body, reply->size, 0, &error);

	if (!j || !json_is_object(j)) {
		json_decref(j);
		err_set(e, "Nestor.BadAnswer", ERR_INVALID_OPERATION, target, "%s answered with status %d and no JSON object.", target,
			reply->status);
		err_advise(e, 0, "check that it is a nestord");
		return NULL;
	}
	return j;
}

static const json_t *get_catalogue(void *userdata, struct err **e)
{
	struct client *c = userdata;
	_cleanup_(http_reply_done) struct http_reply reply = {};

	if (c->catalogue)
		return c->catalogue;
	if (http_request(c->host, "GET", "/v1/cmdlet", NULL, 0, NULL, &reply, e) < 0)
		return NULL;
	if (reply.status != 200) {
		err_set(e, reply.status == 403 ? "Nestor.PermissionDenied" : "Nestor.BadAnswer",
			reply.status == 403 ? ERR_PERMISSION_DENIED : ERR_INVALID_OPERATION, c->host,
			reply.status == 403 ? "You do not have the required permission to complete this task." :
			"%s refused to tell its cmdlets.", c->host);
		err_advise(e, 0, "run as root or as a member of the group nestor");
		return NULL;
	}
	c->catalogue = parse_reply(&reply, c->host, e);
	return c->catalogue;
}

static bool answers_by_stream(const struct client *c, const char *name)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(c->catalogue, "cmdlets"), i, entry)
		if (strieq(json_string_value(json_object_get(entry, "name")), name))
			return json_is_true(json_object_get(entry, "stream"));
	return false;
}

/* The stream is carried here; what is left of the answer is that there are no objects. */
static int run_stream(const char *target, const char *path, const char *text, struct http_reply *reply, struct err **e)
{
	_cleanup_close_ int fd = -1;
	_cleanup_(http_reply_done) struct http_reply health = {};
	int r = http_stream(target, path, text, strlen(text), &fd, reply, e);

	if (r < 0 || reply->status != HTTP_STREAM)
		return r;
	/* The other side ended it: if that is not there any more, it was no ordinary end. */
	if (stream_attach(fd, reply->body, reply->size)) {
		r = http_request(target, "GET", "/v1/health", NULL, 0, NULL, &health, e);
		if (r < 0)
			return r;
	}
	http_reply_done(reply);
	*reply = (struct http_reply){ .status = 200, .body = xstrdup("{\"objects\":[]}"), .size = strlen("{\"objects\":[]}") };
	return 0;
}

/* The last of an answer in lines says what would have been the whole: *reply's status is that then. NULL with *e. */
static json_t *unwrap(json_t *line, struct http_reply *reply, const char *target, struct err **e)
{
	json_t *status = json_object_get(line, "status"), *answer = json_object_get(line, "answer");

	if (!reply->lines || !line)
		return line;
	if (json_is_integer(status) && json_is_object(answer)) {
		reply->status = (int)json_integer_value(status);
		json_incref(answer);
	} else {
		answer = NULL;
		err_set(e, "Nestor.BadAnswer", ERR_INVALID_OPERATION, target, "%s answered in lines without an answer.", target);
		err_advise(e, 0, "check that it is a nestord");
	}
	json_decref(line);
	return answer;
}

static int request_cmdlet(const char *target, const char *where, const char *name, const char *text, bool quiet, struct http_reply *reply,
			  struct err **e)
{
	_cleanup_free_ char *path = xasprintf("/v1/cmdlet/%s", name);
	struct progress_line line = {};
	const struct http_listener *listener = quiet ? NULL : progress_begin(&line, where, name);
	int r = http_request(target, "POST", path, text, strlen(text), listener, reply, e);

	progress_end(&line);
	return r;
}

static int run_cmdlet(void *userdata, const char *where, const char *name, json_t *parameters, json_t *input, bool quiet,
		      json_t **ret_response, int *ret_status, struct err **e)
{
	struct client *c = userdata;
	_cleanup_(http_reply_done) struct http_reply reply = {};
	_cleanup_free_ char *path = xasprintf("/v1/cmdlet/%s", name), *text = NULL, *key = where ? fold(where) : NULL;
	const char *target = where ? map_get_str(c->hosts, key) : c->host;
	json_t *body, *answer;
	int r;

	if (!target)
		return err_advise(e, err_set(e, "Nestor.UnknownHost", ERR_OBJECT_NOT_FOUND, where, "The host '%s' is not known.", where),
				  "name it in the file of --hosts or in NESTOR_HOSTS (%s=SOCKET-OR-URL)", where);
	body = json_object();
	json_object_set(body, "parameters", parameters);
	if (input)
		json_object_set(body, "input", input);
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	if (!text)
		return err_set(e, "Nestor.BadRequest", ERR_INVALID_ARGUMENT, name, "The arguments cannot be sent.");
	if (answers_by_stream(c, name))
		r = run_stream(target, path, text, &reply, e);
	else
		r = request_cmdlet(target, where, name, text, quiet, &reply, e);
	if (r < 0)
		return r;
	answer = unwrap(parse_reply(&reply, target, e), &reply, target, e);
	if (!answer)
		return -EPROTO;
	if (reply.status >= 400 && !json_array_size(json_object_get(answer, "errors"))) {
		json_decref(answer);
		return err_set(e, "Nestor.BadAnswer", ERR_INVALID_OPERATION, target, "%s answered with status %d and no reason.",
			       target, reply.status);
	}
	*ret_response = answer;
	*ret_status = reply.status;
	return 0;
}

static void write_text(void *userdata _unused_, bool to_stderr, const char *text, size_t size)
{
	/* A reader that went away ends the program by SIGPIPE, like any other. */
	(void)write_all(to_stderr ? STDERR_FILENO : STDOUT_FILENO, text, size);
}

static void sleep_ms(void *userdata _unused_, uint64_t ms)
{
	struct timespec t = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL); /* a signal ends it early, as wanted */
}

static const char *get_env(void *userdata _unused_, const char *name)
{
	return getenv(name);
}

static int64_t now(void *userdata _unused_)
{
	return (int64_t)time(NULL);
}

static void on_interrupt(int signal _unused_)
{
	client_interrupted = 1;
}

void client_init(struct client *c)
{
	struct sigaction action = { .sa_handler = on_interrupt };

	sigaction(SIGINT, &action, NULL);
	c->hosts = map_new();
	c->shell = (struct shell_host){ .userdata = c, .catalogue = get_catalogue, .run_cmdlet = run_cmdlet, .write = write_text,
					.sleep_ms = sleep_ms, .ping = ping_host, .env = get_env, .now = now,
					.interrupted = &client_interrupted };
}

void client_done(struct client *c)
{
	size_t pos = 0, key_size;
	const void *key;
	void *value;

	while (map_next(c->hosts, &pos, &key, &key_size, &value))
		free(value);
	map_free(c->hosts);
	json_decref(c->catalogue);
	free(c->host);
}

int client_add_hosts(struct client *c, const char *text, struct err **e)
{
	while (*text) {
		size_t n = strcspn(text, ", \t\n");
		_cleanup_free_ char *pair = xstrndup(text, n), *key = NULL;
		char *equals = strchr(pair, '=');

		text += n;
		text += strspn(text, ", \t\n");
		if (!*pair)
			continue;
		if (!equals || equals == pair || !equals[1])
			return err_set(e, "Nestor.BadHosts", ERR_INVALID_ARGUMENT, pair, "'%s' is not NAME=SOCKET-OR-URL.", pair);
		*equals = 0;
		key = fold(pair);
		free(map_put_str(c->hosts, key, xstrdup(equals + 1)));
	}
	return 0;
}

int client_read_hosts(struct client *c, const char *path, struct err **e)
{
	_cleanup_free_ char *text = NULL;
	int r = read_file(path, 1u << 20, &text, NULL);

	if (r < 0)
		return err_set_errno(e, "Nestor.BadHosts", -r, path, "%s cannot be read: %s.", path, strerror(-r));
	for (char *line = text, *end; *line; line = end) {
		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = 0;
		line[strcspn(line, "#")] = 0;
		r = client_add_hosts(c, line, e);
		if (r < 0)
			return r;
	}
	return 0;
}
