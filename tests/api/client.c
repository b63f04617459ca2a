/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

void response_done(struct response *response)
{
	free(response->head);
	free(response->body);
	json_decref(response->json);
	*response = (struct response){};
}

int client_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

bool client_send(int fd, const void *data, size_t size)
{
	while (size) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		data = (const char *)data + n;
		size -= (size_t)n;
	}
	return true;
}

bool client_send_text(int fd, const char *text)
{
	return client_send(fd, text, strlen(text));
}

bool client_post(int fd, const char *path, const char *body, size_t size)
{
	_cleanup_free_ char *head = xasprintf("POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", path, size);

	return client_send_text(fd, head) && client_send(fd, body, size);
}

/* 0: closed, or nothing came in time. */
static ssize_t receive(int fd, void *data, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, CLIENT_DEADLINE_MS) <= 0)
		return 0;
	n = recv(fd, data, size, 0);
	return n < 0 ? 0 : n;
}

struct response client_read(int fd, bool head_only)
{
	_cleanup_str_ struct str head = {};
	struct response response = {};
	const char *length;
	size_t size, got = 0;
	char c;

	while (!strstr(str_get(&head), "\r\n\r\n")) {
		if (receive(fd, &c, 1) != 1)
			return response;
		str_addc(&head, c);
	}
	response.head = str_take(&head);
	if (sscanf(response.head, "HTTP/1.1 %d", &response.status) != 1)
		return response;
	length = strcasestr(response.head, "\r\nContent-Length:");
	size = head_only || !length ? 0 : strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
	response.body = xcalloc(1, size + 1);
	while (got < size) {
		ssize_t n = receive(fd, response.body + got, size - got);

		if (n <= 0) {
			response.status = 0;
			return response;
		}
		got += (size_t)n;
	}
	response.json = json_loads(response.body, 0, NULL);
	return response;
}

bool client_closed(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	/* A connection that is closed with bytes unread is reset. */
	return poll(&p, 1, CLIENT_DEADLINE_MS) == 1 && (recv(fd, &c, 1, 0) == 0 || errno == ECONNRESET);
}

struct response client_request(const char *socket_path, const char *method, const char *path, const char *body)
{
	_cleanup_close_ int fd = client_connect(socket_path);
	_cleanup_free_ char *text = NULL;

	if (fd < 0)
		return (struct response){};
	if (body)
		text = xasprintf("%s %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%s", method, path,
				 strlen(body), body);
	else
		text = xasprintf("%s %s HTTP/1.1\r\nHost: h\r\n\r\n", method, path);
	client_send_text(fd, text);
	return client_read(fd, streq(method, "HEAD"));
}

const char *response_error(const struct response *response)
{
	const char *id = json_string_value(
		json_object_get(json_array_get(json_object_get(response->json, "errors"), 0), "id"));

	return id ? id : "";
}

json_t *response_member(const struct response *response, const char *name)
{
	return json_object_get(json_array_get(json_object_get(response->json, "objects"), 0), name);
}
