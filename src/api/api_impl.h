/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api.h"
#include "map.h"

/* ---- request.c: what a request says; pure ---- */

enum api_route {
	API_ROUTE_NONE,
	API_ROUTE_HEALTH,
	API_ROUTE_CATALOGUE,
	API_ROUTE_DESCRIBE,
	API_ROUTE_INVOKE,
};

#define API_NAME_MAX 128

struct api_target {
	enum api_route route;
	char cmdlet[API_NAME_MAX + 1];
};

/* path as it was sent, not unescaped. Gives the HTTP status: 200, 404, or 405 with *ret_allow set; *e unless 200. */
int api_target_parse(const char *method, const char *path, struct api_target *ret, const char **ret_allow,
		     struct err **e);

/* 200 with a new reference in *ret, or 400 with *e. */
int api_body_parse(const char *data, size_t size, json_t **ret, struct err **e);

/* Does an Accept header name the type of answers in lines? NULL: there is none. */
bool api_accepts_lines(const char *accept);

/* ---- reply.c: answers as text ---- */

struct api_reply {
	int status;
	const char *text;
	size_t size;
	char *owned;       /* text, when it belongs to the reply; NULL when the core keeps it */
	const char *allow; /* the Allow header of a 405 */
};

void api_reply_done(struct api_reply *reply);
/* Steals result. */
void api_reply_json(struct api_reply *reply, int status, json_t *result);
/* An error as the whole answer; cmdlet may be NULL. Frees *e. */
void api_reply_error(struct api_reply *reply, int status, struct err **e, const char *cmdlet);

/* ---- call.c: from a complete request to its answer, whatever brought it ---- */

struct api_core {
	struct api_backend backend;
	char *catalogue; /* as text, once asked for */
	size_t catalogue_size;
	struct map *names; /* of the catalogue, lower case */
};

void api_core_done(struct api_core *core);

enum api_call_state {
	API_CALL_NEW,
	API_CALL_PENDING,
	API_CALL_DONE,
};

struct api_line {
	char *text; /* with its end; NULL: none */
	size_t size, sent;
};

struct api_call {
	enum api_call_state state;
	bool starting;
	bool lines; /* set by the caller: the client takes an answer in lines */
	struct api_line news, sending; /* the newest that is to be told, and the one that is being sent */
	bool last; /* of sending: it is the answer */
	struct api_reply reply;
	json_t *stream; /* what the backend's stream() wants, when reply.status is 101 */
	struct api_caller caller;
	char cmdlet[API_NAME_MAX + 1];
	/* Called when the answer comes after api_call_start() has returned. May free the call. */
	void (*ready)(struct api_call *call);
	/* Where there are lines: there is something to tell, and the call goes on. */
	void (*told)(struct api_call *call);
};

/* Sets call->reply and DONE, or PENDING. too_large: the body was dropped for its size. call->caller must be set. */
void api_call_start(struct api_core *core, struct api_call *call, const char *method, const char *path,
		    const char *body, size_t body_size, bool too_large);

/* Frees what the call owns. */
void api_call_done(struct api_call *call);
/* The answer of a call that could be a stream, to a client that did not ask for one. */
void api_call_refuse_stream(struct api_call *call);

/* ---- lines.c: an answer in lines ---- */

#define API_LINES "application/x-ndjson"

/* What the backend says of a call's progress; steals it. */
void api_call_progress(void *call, json_t *progress);
/* Is there something to tell before the answer? Then the whole response is lines. */
bool api_call_has_lines(const struct api_call *call);
/* The next bytes of it: how many, 0: none now, -1: that was all. */
ssize_t api_call_read_lines(struct api_call *call, char *buf, size_t size);
void api_call_lines_done(struct api_call *call);

/* ---- peer.c ---- */

/* Who is connected to fd. gid: of the group whose members are allowed, or (gid_t)-1. */
int api_peer(int fd, gid_t group, struct api_caller *ret);
/* (gid_t)-1 when there is no such group. */
gid_t api_group(const char *name);

/* ---- socket.c ---- */

struct api_socket {
	char *path;
	int fd;
	int lock_fd;
	bool bound;
};

int api_socket_listen(struct api_socket *s, const char *path, gid_t group, struct err **e);
void api_socket_close(struct api_socket *s);
