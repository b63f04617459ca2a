/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#define MAX_HEADER 65536u
#define TICK_MS 200

static int connect_unix(const char *path, int *ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret = TAKE_FD(fd);
	return 0;
}

static int connect_tcp(const char *host, const char *port, int *ret)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	int r = getaddrinfo(host, port, &hints, &list);

	if (r)
		return r == EAI_SYSTEM ? -errno : -EHOSTUNREACH;
	r = -EHOSTUNREACH;
	for (struct addrinfo *a = list; a; a = a->ai_next) {
		int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);

		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
			*ret = fd;
			r = 0;
			break;
		}
		r = -errno;
		if (fd >= 0)
			close(fd);
	}
	freeaddrinfo(list);
	return r;
}

/* http://[::1]:8080 and http://host:8080 */
static int connect_url(const char *url, int *ret)
{
	_cleanup_free_ char *host = xstrdup(url + strlen("http://"));
	char *start = host, *port;

	host[strcspn(host, "/")] = 0;
	if (*host == '[') {
		char *close = strchr(host, ']');

		if (!close)
			return -EINVAL;
		start = host + 1;
		*close = 0;
		port = close[1] == ':' ? close + 2 : NULL;
	} else {
		port = strchr(host, ':');
		if (port)
			*port++ = 0;
	}
	return connect_tcp(start, port && *port ? port : "80", ret);
}

struct reader {
	int fd;
	const struct http_listener *listener; /* or NULL */
	struct str buf;
};

static void wait_for_more(const struct reader *r)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	int n;

	while (r->listener && ((n = poll(&p, 1, TICK_MS)) == 0 || (n < 0 && errno == EINTR)))
		r->listener->tick(r->listener->arg);
}

static int fill(struct reader *r)
{
	char chunk[65536];
	ssize_t n;

	wait_for_more(r);
	do
		n = read(r->fd, chunk, sizeof(chunk));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (r->buf.len + (size_t)n > HTTP_MAX_REPLY)
		return -EFBIG;
	str_addn(&r->buf, chunk, (size_t)n);
	return (int)n;
}

static const char *header_value(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = head; line; line = strstr(line, "\r\n")) {
		line += line == head ? 0 : 2;
		if (strncasecmp(line, name, n) == 0 && line[n] == ':')
			return line + n + 1 + strspn(line + n + 1, " \t");
	}
	return NULL;
}

/* What is in the buffer from pos on is the start of the chunks; decodes them all. */
static int read_chunks(struct reader *reader, size_t pos, struct http_body *out)
{
	const struct str *buf = &reader->buf;

	for (;;) {
		const char *line = buf->data ? buf->data + pos : "";
		const char *end = strstr(line, "\r\n");
		char *stop;
		unsigned long n;
		int r;

		if (!end) {
			r = buf->len - pos > 1024 ? -EPROTO : fill(reader);
			if (r <= 0)
				return r < 0 ? r : -EPROTO;
			continue;
		}
		n = strtoul(line, &stop, 16);
		if (stop == line || n > HTTP_MAX_REPLY)
			return -EPROTO;
		pos += (size_t)(end + 2 - line);
		while (buf->len - pos < n + 2) {
			r = fill(reader);
			if (r <= 0)
				return r < 0 ? r : -EPROTO;
		}
		r = n ? http_body_add(out, buf->data + pos, n) : 0;
		if (n == 0 || r < 0)
			return r;
		pos += n + 2;
	}
}

static int read_body(struct reader *reader, size_t head, struct http_body *out)
{
	const struct str *buf = &reader->buf;
	const char *length = header_value(buf->data, "Content-Length"), *coding = header_value(buf->data, "Transfer-Encoding");
	const char *type = header_value(buf->data, "Content-Type");
	bool chunked = coding && strncasecmp(coding, "chunked", 7) == 0;
	unsigned long n = length ? strtoul(length, NULL, 10) : 0;
	bool known = length;
	int r = 1;

	out->listener = reader->listener;
	out->lines = out->listener && type && strncasecmp(type, HTTP_LINES, strlen(HTTP_LINES)) == 0;
	if (chunked)
		return read_chunks(reader, head, out);
	if (n > HTTP_MAX_REPLY)
		return -EFBIG;
	while (r > 0 && (!known || buf->len - head < n))
		r = fill(reader);
	if (r < 0 || (known && buf->len - head < n))
		return r < 0 ? r : -EPROTO;
	return http_body_add(out, buf->data + head, known ? n : buf->len - head);
}

static int read_reply(struct reader *reader, struct http_body *body, struct http_reply *ret)
{
	struct str *buf = &reader->buf;
	const char *end;
	int status, r;

	while (!(end = strstr(str_get(buf), "\r\n\r\n"))) {
		r = buf->len > MAX_HEADER ? -EPROTO : fill(reader);
		if (r <= 0)
			return r < 0 ? r : -EPROTO;
	}
	if (sscanf(buf->data, "HTTP/1.%*1[01] %3d", &status) != 1 || status < 100)
		return -EPROTO;
	buf->data[end - buf->data + 2] = 0; /* the header's end, for header_value() */
	/* What comes behind the header of a stream is its beginning. */
	if (status == HTTP_STREAM)
		r = http_body_add(body, end + 4, buf->len - (size_t)(end + 4 - buf->data));
	else
		r = read_body(reader, (size_t)(end + 4 - buf->data), body);
	return r < 0 ? r : http_body_end(body, status, ret);
}

int http_read_reply(int fd, const struct http_listener *listener, struct http_reply *ret)
{
	struct reader reader = { .fd = fd, .listener = listener };
	struct http_body body = {};
	int r = read_reply(&reader, &body, ret);

	str_done(&reader.buf);
	http_body_done(&body);
	return r;
}

static int unreachable(struct err **e, const char *target, int r)
{
	err_set(e, "Nestor.DaemonUnreachable", ERR_RESOURCE_UNAVAILABLE, target, "The daemon at %s cannot be reached: %s.", target,
		r == -EPROTO ? "the connection ended within an answer" : strerror(-r));
	return err_advise(e, r, r == -EACCES ? "run as root or as a member of the group nestor" :
			  "start nestord, or name its socket by --host or NESTOR_HOST");
}

static bool by_curl(const char *target)
{
	return strncasecmp(target, "https://", 8) == 0;
}

static int exchange(const char *target, const char *method, const char *path, const char *headers, const char *body, size_t size,
		    const struct http_listener *listener, int *ret_fd, struct http_reply *ret, struct err **e)
{
	_cleanup_close_ int fd = -1;
	_cleanup_str_ struct str request = {};
	int r;

	if (strncasecmp(target, "http://", 7) == 0)
		r = connect_url(target, &fd);
	else
		r = connect_unix(strncmp(target, "unix:", 5) == 0 ? target + 5 : target, &fd);
	if (r < 0)
		return unreachable(e, target, r);
	str_addf(&request, "%s %s HTTP/1.1\r\nHost: nestor\r\n%s", method, path, headers);
	if (body)
		str_addf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", size);
	str_add(&request, "\r\n");
	if (body)
		str_addn(&request, body, size);
	/* A daemon that refuses early (413) closes before it has read all: its answer counts, not the broken pipe. */
	r = write_all(fd, request.data, request.len);
	if (r < 0 && r != -EPIPE && r != -ECONNRESET)
		return unreachable(e, target, r);
	r = http_read_reply(fd, listener, ret);
	if (r < 0)
		return unreachable(e, target, r);
	if (ret_fd)
		*ret_fd = TAKE_FD(fd);
	return 0;
}

int http_request(const char *target, const char *method, const char *path, const char *body, size_t size,
		 const struct http_listener *listener, struct http_reply *ret, struct err **e)
{
	if (by_curl(target)) {
		_cleanup_free_ char *url = xasprintf("%s%s", target, path);

		return http_request_curl(url, method, body, size, listener, ret, e);
	}
	return exchange(target, method, path, listener ? "Connection: close\r\n" HTTP_ACCEPT "\r\n" : "Connection: close\r\n", body, size, listener,
			NULL, ret, e);
}

int http_stream(const char *target, const char *path, const char *body, size_t size, int *ret_fd, struct http_reply *ret, struct err **e)
{
	if (by_curl(target))
		return err_advise(e, err_set(e, "Nestor.NoStream", ERR_NOT_IMPLEMENTED, target, "There are no streams by HTTPS yet."),
				  "Reach the daemon by its socket, for example through ssh -L.");
	return exchange(target, "POST", path, "Connection: Upgrade\r\nUpgrade: nestor-stream\r\n", body, size, NULL, ret_fd,
			ret, e);
}
