/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "err.h"

/*
 * HTTP/1.1 on a Unix stream socket, in the caller's event loop, without threads:
 *
 *   GET  /v1/health          the backend's health
 *   GET  /v1/cmdlet          the catalogue, asked of the backend once and kept as text
 *   GET  /v1/cmdlet/NAME     one entry of it
 *   POST /v1/cmdlet/NAME     {"parameters": {...}, "input": [...]} -> what the cmdlet gives
 *
 * A cmdlet whose entry says "stream" answers 101 to a request with the headers "Connection: Upgrade" and "Upgrade: nestor-stream", and
 * the connection is then a stream of bytes both ways. Without them it answers 426, UpgradeRequired.
 *
 * A call that takes long tells its progress to a client that accepts "application/x-ndjson" (the header Accept): if there is something to
 * tell before the answer, the response is 200 with that type, and its body is lines of JSON:
 *
 *   {"progress":{"activity":TEXT,"target":TEXT|null,"number":N,"of":N,"percent":0..100|null}}   any number of them, the newest at a time
 *   {"status":STATUS,"answer":{...}}                                                            the last: what would have been the response
 *
 * If there is nothing to tell, or for whoever did not ask, the response is the ordinary one.
 *
 * What is refused here never reaches the backend. The answer then is
 *   {"type": null, "objects": [], "errors": [{"id", "fullyQualifiedErrorId", "category", "message", "target",
 *    "recommendation", "errno"}], "warnings": [], "whatIf": []}
 * with one of these ids:
 *   AccessDenied 403        the caller is neither root, nor the daemon's own user, nor in the group (E-3)
 *   RequestTooLarge 413     a body of more than API_BODY_MAX bytes
 *   RequestNotJson 400      with line and column; NUL bytes and doubled members are no JSON here
 *   RequestTooDeep 400      nested more than API_DEPTH_MAX times
 *   RequestMalformed 400    JSON of another form than the one above
 *   CommandNotFound 404     no such cmdlet
 *   NotFound 404, MethodNotAllowed 405, Unavailable 503, InternalError 500
 * HTTP that cannot be understood at all is answered by the HTTP library, in its own words (4xx), and its connection
 * closed.
 */
#define API_BODY_MAX (1024 * 1024)
#define API_DEPTH_MAX 64
#define API_GROUP "nestor"
#define API_STREAM "nestor-stream"

struct api;

/* Who is at the other end, as the kernel vouches for it (SO_PEERCRED, at the time of connecting). */
struct api_caller {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* 0 when it lives in a pid namespace that is not visible from here */
	bool allowed_change;
};

/* status: the HTTP status; result is stolen. */
typedef void (*api_done_fn)(void *done_arg, int status, json_t *result);

/* {"activity", ...}, stolen. */
typedef void (*api_progress_fn)(void *done_arg, json_t *progress);

struct api_backend {
	/* The whole catalogue (cmdlet NULL) or one entry, by any spelling of its name; a new reference, or NULL:
	 * unknown. */
	json_t *(*describe)(void *arg, const char *cmdlet);
	/*
	 * Runs a cmdlet. body is borrowed, checked to be an object with at most "parameters" (an object) and "input"
	 * (an array); cmdlet and caller are valid during the call only. Calls done(done_arg, ...) exactly once, at once
	 * or later from the event loop; and progress(done_arg, ...) as often as it likes before. progress NULL: nobody wants to know.
	 */
	void (*invoke)(void *arg, const char *cmdlet, json_t *body, const struct api_caller *caller, api_done_fn done,
		       api_progress_fn progress, void *done_arg);
	/*
	 * The client of a call that is still pending has gone, or at least shut down its sending side. done() must
	 * still be called exactly once, now or later; what it says is dropped. May be NULL.
	 */
	void (*cancel)(void *arg, void *done_arg);
	/* A new reference. */
	json_t *(*health)(void *arg);
	void *arg;
	/*
	 * done() was called with status 101, and the client has asked for a stream: the connection is one of bytes now. what: the result
	 * that done() was given, borrowed. fd does not block, and stays the API's: close(close_arg) gives it back, now or later, once, and
	 * before api_free(). received: n bytes of the client's that were read already. NULL where done() is never called with 101.
	 */
	void (*stream)(void *arg, const json_t *what, int fd, const void *received, size_t n, void (*close)(void *close_arg),
		       void *close_arg);
};

/* Zero or NULL: the default. */
struct api_options {
	const char *group;        /* API_GROUP */
	unsigned max_connections; /* 4096, or half of RLIMIT_NOFILE; whoever comes on top waits to be accepted */
	unsigned idle_seconds;    /* 30; does not run while a cmdlet does */
};

/*
 * Listens on socket_path (mode 0660, of the group when that exists). The socket of a dead daemon is replaced.
 *   Api.SocketInUse      a daemon serves it (EADDRINUSE)
 *   Api.SocketPathTaken  something else than a socket has that name; it is left alone
 *   Api.SocketFailed     anything else
 */
int api_new(sd_event *event, const char *socket_path, const struct api_backend *backend, struct api **ret,
	    struct err **e);
int api_new_with(sd_event *event, const char *socket_path, const struct api_backend *backend,
		 const struct api_options *options, struct api **ret, struct err **e);

/* Closes everything, cancels what is pending (whose done() may come even later) and removes the socket. */
void api_free(struct api *api);
DEFINE_CLEANUP(struct api *, api_free)
#define _cleanup_api_ _cleanup_(api_freep)
