/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "str.h"

/* A blocking HTTP client that can also misbehave. Every wait ends after CLIENT_DEADLINE_MS at the latest. */
#define CLIENT_DEADLINE_MS 20000

struct response {
	int status;         /* 0: the connection was closed before an answer */
	char *head;         /* status line and headers */
	char *body;
	json_t *json;       /* of the body; NULL when it is no JSON */
};

void response_done(struct response *response);
#define _cleanup_response_ _cleanup_(response_done)

/* -errno when refused. */
int client_connect(const char *path);
/* False: the server has closed. */
bool client_send(int fd, const void *data, size_t size);
bool client_send_text(int fd, const char *text);
/* "POST PATH" with the body and its right length. */
bool client_post(int fd, const char *path, const char *body, size_t size);
/* Reads one answer and not a byte more, so that the next one on this connection can be read then. */
struct response client_read(int fd, bool head_only);
/* Whether the server closes the connection, without sending anything (more). */
bool client_closed(int fd);

/* One request on a connection of its own. */
struct response client_request(const char *socket_path, const char *method, const char *path, const char *body);

/* errors[0].id, "" when there is none. */
const char *response_error(const struct response *response);
/* objects[0][name] */
json_t *response_member(const struct response *response, const char *name);
