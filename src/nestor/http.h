/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "err.h"

/* The client's half of HTTP/1.1, as small as the start of a short command wants it: one request a connection. */

#define HTTP_MAX_REPLY (256u << 20)

struct http_reply {
	int status;
	char *body; /* NUL-terminated, owned */
	size_t size;
};

static inline void http_reply_done(struct http_reply *r)
{
	free(r->body);
}

/*
 * target: a Unix socket's path (with or without unix:), http://HOST[:PORT] or https://HOST[:PORT]. body may be NULL (GET).
 * A negative errno with *e, which names the target and says what to do, when there was no whole answer.
 */
int http_request(const char *target, const char *method, const char *path, const char *body, size_t size,
		 struct http_reply *ret, struct err **e);
/* The status of an answer that is a stream. */
#define HTTP_STREAM 101
/*
 * POST to a cmdlet that answers by a stream: where ret->status is HTTP_STREAM, *ret_fd is that (the caller closes it) and ret->body what
 * has come of it already; else ret is an answer like any other, and *ret_fd is to be closed.
 */
int http_stream(const char *target, const char *path, const char *body, size_t size, int *ret_fd, struct http_reply *ret, struct err **e);
/* http_request() by libcurl, which is loaded when it is needed: for https. */
int http_request_curl(const char *url, const char *method, const char *body, size_t size, struct http_reply *ret,
		      struct err **e);
/* Reads one whole answer from a connected descriptor. -EPROTO, -EFBIG, or what read() said. */
int http_read_reply(int fd, struct http_reply *ret);
