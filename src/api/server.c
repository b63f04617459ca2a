/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP by libmicrohttpd, driven by the daemon's event loop: its epoll descriptor, its timeouts, its suspended
 * connections. */
#include "api_impl.h"
#include "log.h"
#include "str.h"

#include <errno.h>
#include <microhttpd.h>
#include <sys/epoll.h>
#include <sys/resource.h>

/* Request line and headers must fit into it; bodies pass through it in pieces. */
#define CONNECTION_MEMORY (32 * 1024)
/* A body that is too large is read up to here, so that the client gets its answer and not a broken pipe. */
#define DRAIN_MAX (16 * 1024 * 1024)

struct api {
	struct api_core core;
	struct api_socket socket;
	gid_t group;
	unsigned max_connections;
	struct MHD_Daemon *http;
	sd_event *event;
	sd_event_source *io;
	sd_event_source *timer;
	sd_event_source *again; /* runs the library once more, after what else is waiting in the loop */
	struct request *requests;
};

struct request {
	struct api_call call; /* first: the call's callback finds its request */
	struct api *api;
	struct request *next, **link;
	struct MHD_Connection *connection; /* NULL: the client has gone, the backend has not answered yet */
	struct str body;
	size_t received;
	bool too_large;
	bool abandoned;
	bool suspended; /* and not resumed since */
	sd_event_source *hangup; /* watches a suspended connection, which the library does not */
};

static void run_again(struct api *api)
{
	sd_event_source_set_enabled(api->again, SD_EVENT_ONESHOT);
}

static void request_free(struct request *request)
{
	sd_event_source_disable_unref(request->hangup);
	api_call_done(&request->call);
	str_done(&request->body);
	free(request);
}

static void request_unlink(struct request *request)
{
	*request->link = request->next;
	if (request->next)
		request->next->link = request->link;
}

/* One that is not suspended asks by itself; the library would resume it at its next suspension. */
static void resume(struct request *request)
{
	if (!request->suspended)
		return;
	request->suspended = false;
	request->hangup = sd_event_source_disable_unref(request->hangup);
	MHD_resume_connection(request->connection);
	run_again(request->api);
}

/* The backend answers a call that had to wait. */
static void on_ready(struct api_call *call)
{
	struct request *request = (struct request *)call;

	if (!request->connection) {
		request_free(request);
		return;
	}
	resume(request);
}

/* There is something to tell of a call that goes on. */
static void on_told(struct api_call *call)
{
	struct request *request = (struct request *)call;

	if (request->connection)
		resume(request);
}

static int on_hangup(sd_event_source *source _unused_, int fd _unused_, uint32_t events _unused_, void *arg)
{
	struct request *request = arg;
	struct api *api = request->api;

	request->hangup = sd_event_source_disable_unref(request->hangup);
	request->abandoned = true;
	if (api->core.backend.cancel)
		api->core.backend.cancel(api->core.backend.arg, &request->call);
	/* Unless cancelling has answered it, and so resumed it already: the connection is closed when it runs again. */
	if (request->call.state == API_CALL_PENDING)
		resume(request);
	return 0;
}

static struct request *request_new(struct api *api, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct request *request = xcalloc(1, sizeof(*request));

	request->api = api;
	request->connection = connection;
	request->call.ready = on_ready;
	request->call.told = on_told;
	if (info && info->socket_context)
		request->call.caller = *(const struct api_caller *)info->socket_context;
	request->next = api->requests;
	request->link = &api->requests;
	if (request->next)
		request->next->link = &request->next;
	api->requests = request;
	return request;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct api_reply *reply)
{
	struct MHD_Response *response;
	enum MHD_Result r;

	response = MHD_create_response_from_buffer(reply->size, reply->owned ? reply->owned : (void *)reply->text,
						   reply->owned ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	reply->owned = NULL;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	if (reply->allow)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, reply->allow);
	r = MHD_queue_response(connection, (unsigned)reply->status, response);
	MHD_destroy_response(response);
	return r;
}

/* ---- streams ---- */

struct stream {
	struct api *api;
	struct MHD_UpgradeResponseHandle *handle;
};

static void stream_close(void *arg)
{
	struct stream *stream = arg;

	MHD_upgrade_action(stream->handle, MHD_UPGRADE_ACTION_CLOSE);
	run_again(stream->api);
	free(stream);
}

static void on_upgraded(void *cls, struct MHD_Connection *connection _unused_, void *request_ptr, const char *received, size_t n,
			MHD_socket fd, struct MHD_UpgradeResponseHandle *handle)
{
	const struct request *request = request_ptr;
	struct stream *stream = xcalloc(1, sizeof(*stream));
	const struct api_backend *backend;

	stream->api = cls;
	stream->handle = handle;
	backend = &stream->api->core.backend;
	backend->stream(backend->arg, request->call.stream, fd, received, n, stream_close, stream);
}

static bool asks_for_stream(struct MHD_Connection *connection)
{
	const char *upgrade = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_UPGRADE);

	return upgrade && strieq(upgrade, API_STREAM);
}

static enum MHD_Result send_upgrade(struct request *request)
{
	struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgraded, request->api);
	enum MHD_Result r;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, API_STREAM);
	r = MHD_queue_response(request->connection, MHD_HTTP_SWITCHING_PROTOCOLS, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result send_answer(struct request *request)
{
	struct api_call *call = &request->call;

	if (call->reply.status == 101 && asks_for_stream(request->connection))
		return send_upgrade(request);
	if (call->reply.status == 101)
		api_call_refuse_stream(call);
	return send_reply(request->connection, &call->reply);
}

/* A client that asks before it sends (Expect: 100-continue) is told at once, before it sends for nothing. */
static bool refuse_early(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	const char *expect = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT);
	uint64_t n;
	int r;

	if (!length)
		return false;
	r = parse_u64(length, UINT64_MAX, &n);
	return r == -ERANGE || (r == 0 && n > (expect ? API_BODY_MAX : DRAIN_MAX));
}

static bool take_body(struct request *request, const char *data, size_t size)
{
	request->received += size;
	if (request->received > API_BODY_MAX || !request->call.caller.allowed_change) {
		request->too_large = request->received > API_BODY_MAX;
		str_done(&request->body);
		return request->received <= DRAIN_MAX;
	}
	str_addn(&request->body, data, size);
	return true;
}

/* Until there is news of the call. Half a hang-up counts too: the library reads on when it resumes, and closes at the end of the stream. */
static bool wait_for_news(struct request *request)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (!info ||
	    sd_event_add_io(request->api->event, &request->hangup, info->connect_fd, EPOLLRDHUP, on_hangup, request) < 0)
		return false;
	MHD_suspend_connection(request->connection);
	request->suspended = true;
	return true;
}

static ssize_t read_lines(void *cls, uint64_t at _unused_, char *buf, size_t size)
{
	struct request *request = cls;
	ssize_t n = api_call_read_lines(&request->call, buf, size);

	if (n < 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n == 0 && (request->abandoned || !wait_for_news(request)))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	return n;
}

#define LINES_BLOCK 4096

static enum MHD_Result send_lines(struct request *request)
{
	struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, LINES_BLOCK, read_lines, request, NULL);
	enum MHD_Result r;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, API_LINES);
	r = MHD_queue_response(request->connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result finish(struct request *request, const char *method, const char *path)
{
	struct api *api = request->api;

	if (request->call.state == API_CALL_NEW) {
		request->call.lines = api_accepts_lines(
			MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
		api_call_start(&api->core, &request->call, method, path, str_get(&request->body), request->body.len,
			       request->too_large);
		str_done(&request->body);
	}
	if (request->call.state == API_CALL_DONE)
		return send_answer(request);
	if (request->abandoned)
		return MHD_NO;
	if (api_call_has_lines(&request->call))
		return send_lines(request);
	return wait_for_news(request) ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path, const char *method,
				  const char *version _unused_, const char *data, size_t *size, void **request_ptr)
{
	struct request *request = *request_ptr;

	if (!request) {
		request = *request_ptr = request_new(cls, connection);
		if (!refuse_early(connection))
			return MHD_YES;
		request->too_large = true;
		return finish(request, method, path);
	}
	if (*size) {
		if (!take_body(request, data, *size))
			return MHD_NO;
		*size = 0;
		return MHD_YES;
	}
	return finish(request, method, path);
}

static void on_completed(void *cls, struct MHD_Connection *connection _unused_, void **request_ptr,
			 enum MHD_RequestTerminationCode code _unused_)
{
	struct request *request = *request_ptr;
	struct api *api = cls;

	if (!request)
		return;
	*request_ptr = NULL;
	request_unlink(request);
	request->connection = NULL;
	if (request->call.state != API_CALL_PENDING) {
		request_free(request);
		return;
	}
	/* From here on on_ready() frees it, perhaps from within cancel(). */
	request->hangup = sd_event_source_disable_unref(request->hangup);
	if (!request->abandoned && api->core.backend.cancel)
		api->core.backend.cancel(api->core.backend.arg, &request->call);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;
	struct api_caller *caller;
	struct api *api = cls;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		free(*socket_context);
		*socket_context = NULL;
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	/* All zero but not allowed, when the kernel does not tell. */
	caller = xcalloc(1, sizeof(*caller));
	if (info && api_peer(info->connect_fd, api->group, caller) < 0)
		log_warning("API: a client's credentials cannot be read; it is refused.");
	*socket_context = caller;
}

/* Paths are compared as they were sent: what is escaped is none of ours. */
static size_t no_unescape(void *cls _unused_, struct MHD_Connection *connection _unused_, char *text)
{
	return strlen(text);
}

static void on_log(void *cls _unused_, const char *format, va_list ap) _printf_(2, 0);

static void on_log(void *cls _unused_, const char *format, va_list ap)
{
	_cleanup_free_ char *text = xvasprintf(format, ap);

	log_debug("API: %s", text);
}

static unsigned connections(const struct api *api)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(api->http, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

	return info ? info->num_connections : 0;
}

static void run(struct api *api)
{
	bool was_full = connections(api) >= api->max_connections;
	MHD_UNSIGNED_LONG_LONG timeout;

	MHD_run(api->http);
	/* When the last place was taken, the library takes up listening again at its next run only. */
	if (was_full && connections(api) < api->max_connections) {
		run_again(api);
		return;
	}
	if (MHD_get_timeout(api->http, &timeout) != MHD_YES) {
		sd_event_source_set_enabled(api->timer, SD_EVENT_OFF);
	} else if (timeout == 0) {
		run_again(api);
	} else {
		sd_event_source_set_time_relative(api->timer, timeout * 1000);
		sd_event_source_set_enabled(api->timer, SD_EVENT_ONESHOT);
	}
}

static int on_io(sd_event_source *source _unused_, int fd _unused_, uint32_t events _unused_, void *arg)
{
	run(arg);
	return 0;
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *arg)
{
	run(arg);
	return 0;
}

static int on_again(sd_event_source *source _unused_, void *arg)
{
	run(arg);
	return 0;
}

/* Half of what may be open at all, so that the daemon's own work never lacks a descriptor. */
static unsigned default_connections(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return 4096;
	return (unsigned)MAX(MIN(limit.rlim_cur / 2, 4096), 16);
}

static int start_http(struct api *api, unsigned idle_seconds, struct err **e)
{
	api->http = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG, 0, NULL, NULL,
				     on_request, api,
				     MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
				     MHD_OPTION_LISTEN_SOCKET, api->socket.fd,
				     MHD_OPTION_CONNECTION_LIMIT, api->max_connections,
				     MHD_OPTION_CONNECTION_TIMEOUT, idle_seconds,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
				     MHD_OPTION_NOTIFY_CONNECTION, on_connection, api,
				     MHD_OPTION_NOTIFY_COMPLETED, on_completed, api,
				     MHD_OPTION_UNESCAPE_CALLBACK, no_unescape, NULL,
				     MHD_OPTION_END);
	if (!api->http)
		return err_set_errno(e, "Api.SocketFailed", errno ? errno : EIO, api->socket.path,
				     "Cannot serve HTTP on %s.", api->socket.path);
	/* The library closes it when it stops. */
	api->socket.fd = -1;
	return 0;
}

static int attach(struct api *api, struct err **e)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(api->http, MHD_DAEMON_INFO_EPOLL_FD);
	int r = -EIO;

	if (info)
		r = sd_event_add_io(api->event, &api->io, info->epoll_fd, EPOLLIN, on_io, api);
	if (r >= 0)
		r = sd_event_add_time_relative(api->event, &api->timer, CLOCK_MONOTONIC, 0, 0, on_timer, api);
	if (r >= 0)
		r = sd_event_add_defer(api->event, &api->again, on_again, api);
	if (r < 0)
		return err_set_errno(e, "Api.SocketFailed", -r, api->socket.path, "Cannot watch %s.", api->socket.path);
	return 0;
}

int api_new_with(sd_event *event, const char *socket_path, const struct api_backend *backend,
		 const struct api_options *options, struct api **ret, struct err **e)
{
	_cleanup_api_ struct api *api = xcalloc(1, sizeof(*api));
	int r;

	api->core.backend = *backend;
	api->event = sd_event_ref(event);
	api->group = api_group(options->group ? options->group : API_GROUP);
	api->max_connections = options->max_connections ? options->max_connections : default_connections();
	r = api_socket_listen(&api->socket, socket_path, api->group, e);
	if (r >= 0)
		r = start_http(api, options->idle_seconds ? options->idle_seconds : 30, e);
	if (r >= 0)
		r = attach(api, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(api);
	return 0;
}

int api_new(sd_event *event, const char *socket_path, const struct api_backend *backend, struct api **ret,
	    struct err **e)
{
	return api_new_with(event, socket_path, backend, &(struct api_options){}, ret, e);
}

void api_free(struct api *api)
{
	if (!api)
		return;
	sd_event_source_disable_unref(api->io);
	sd_event_source_disable_unref(api->timer);
	if (api->http) {
		/* The library refuses to stop while connections are suspended. */
		for (struct request *request = api->requests; request; request = request->next)
			if (request->suspended)
				MHD_resume_connection(request->connection);
		MHD_stop_daemon(api->http);
	}
	sd_event_source_disable_unref(api->again);
	api_socket_close(&api->socket);
	api_core_done(&api->core);
	sd_event_unref(api->event);
	free(api);
}
