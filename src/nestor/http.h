/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "err.h"
#include "str.h"

/* The client's half of HTTP/1.1, as small as the start of a short command wants it: one request a connection. */

#define HTTP_MAX_REPLY (256u << 20)

struct http_reply {
	int status;
	char *body; /* NUL-terminated, owned */
	size_t size;
	bool lines; /* body is the last line of an answer in lines, {"status", "answer"} */
};

static inline void http_reply_done(struct http_reply *r)
{
	free(r->body);
}

/* Who waits for an answer may hear of it before. */
struct http_listener {
	/* A line of an answer in lines, borrowed, without its end and NUL-terminated. False: it is none of progress, so it is the last. */
	bool (*line)(void *arg, const char *text, size_t n);
	/* A few times a second, while nothing comes. */
	void (*tick)(void *arg);
	void *arg;
};
#define HTTP_LINES "application/x-ndjson"
#define HTTP_ACCEPT "Accept: application/json, " HTTP_LINES

/* The body of an answer as it comes. */
struct http_body {
	const struct http_listener *listener;
	bool lines; /* set when its type says so: needs a listener */
	struct str text;
	size_t seen; /* of text: there is no line's end in it */
	bool last;
	size_t end; /* of the last line */
};
void http_body_done(struct http_body *b);
/* -EFBIG; -EPROTO: there is more behind the last line. */
int http_body_add(struct http_body *b, const char *data, size_t n);
/* Hands it over. -EPROTO: the last line is missing. */
int http_body_end(struct http_body *b, int status, struct http_reply *ret);

/*
 * target: a Unix socket's path (with or without unix:), http://HOST[:PORT] or https://HOST[:PORT]. body may be NULL (GET).
 * listener: may be NULL; then there are no answers in lines.
 * A negative errno with *e, which names the target and says what to do, when there was no whole answer.
 */
int http_request(const char *target, const char *method, const char *path, const char *body, size_t size,
		 const struct http_listener *listener, struct http_reply *ret, struct err **e);
/* The status of an answer that is a stream. */
#define HTTP_STREAM 101
/*
 * POST to a cmdlet that answers by a stream: where ret->status is HTTP_STREAM, *ret_fd is that (the caller closes it) and ret->body what
 * has come of it already; else ret is an answer like any other, and *ret_fd is to be closed.
 */
int http_stream(const char *target, const char *path, const char *body, size_t size, int *ret_fd, struct http_reply *ret, struct err **e);
/* http_request() by libcurl, which is loaded when it is needed: for https. */
int http_request_curl(const char *url, const char *method, const char *body, size_t size,
		      const struct http_listener *listener, struct http_reply *ret, struct err **e);
/* Reads one whole answer from a connected descriptor. -EPROTO, -EFBIG, or what read() said. */
int http_read_reply(int fd, const struct http_listener *listener, struct http_reply *ret);
