/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirt_console.h"

#include <errno.h>
#include <fcntl.h>
#include <libvirt/virterror.h>
#include <sys/socket.h>

#include "libvirt_step.h"

/*
 * Between a socket of ours and libvirt's stream. All of it happens in the thread of libvirt's events, once it is set
 * up. What the guest writes is read and forgotten, because it must be read: its log has it, too, and has it whole.
 */
struct bridge {
	virStreamPtr stream;
	int fd;
	int watch;
	char pending[4096]; /* from the socket, not taken by the stream yet */
	size_t at, n;
	bool closed;
};

static void bridge_free(void *arg)
{
	struct bridge *b = arg;

	close(b->fd);
	virStreamFree(b->stream);
	free(b);
}

static void bridge_close(struct bridge *b)
{
	if (b->closed)
		return;
	b->closed = true;
	virStreamEventRemoveCallback(b->stream);
	virStreamAbort(b->stream);
	/* Frees it, when the callback that runs now has returned. */
	virEventRemoveHandle(b->watch);
}

static void watch_again(struct bridge *b)
{
	bool full = b->at < b->n;

	virStreamEventUpdateCallback(b->stream, VIR_STREAM_EVENT_READABLE | (full ? VIR_STREAM_EVENT_WRITABLE : 0));
	virEventUpdateHandle(b->watch, full ? 0 : VIR_EVENT_HANDLE_READABLE);
}

static void bridge_send(struct bridge *b)
{
	while (b->at < b->n) {
		int n = virStreamSend(b->stream, b->pending + b->at, b->n - b->at);

		if (n == -2)
			break;
		if (n < 0) {
			bridge_close(b);
			return;
		}
		b->at += (size_t)n;
	}
	watch_again(b);
}

static void on_socket(int watch, int fd, int events, void *arg)
{
	struct bridge *b = arg;
	ssize_t n;

	(void)watch;
	(void)events;
	if (b->closed || b->at < b->n)
		return;
	n = recv(fd, b->pending, sizeof(b->pending), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		bridge_close(b);
		return;
	}
	b->at = 0;
	b->n = (size_t)n;
	bridge_send(b);
}

static void on_stream(virStreamPtr stream, int events, void *arg)
{
	char forgotten[4096];
	struct bridge *b = arg;
	int n = 1;

	if (b->closed)
		return;
	while (events & VIR_STREAM_EVENT_READABLE && n > 0)
		n = virStreamRecv(stream, forgotten, sizeof(forgotten));
	if (n == 0 || n == -1 || events & (VIR_STREAM_EVENT_HANGUP | VIR_STREAM_EVENT_ERROR))
		bridge_close(b);
	else if (events & VIR_STREAM_EVENT_WRITABLE)
		bridge_send(b);
}

static int failed(virConnectPtr conn, char **message)
{
	const virError *e = virGetLastError();
	int code = e ? e->code : 0;

	*message = step_message(e && e->message ? e->message : "");
	if (virConnectIsAlive(conn) != 1)
		return -ENOTCONN;
	return code == VIR_ERR_OPERATION_FAILED ? -EBUSY : -EIO;
}

/* From here on the thread of events may do anything with it. */
static int bridge_start(struct bridge *b)
{
	b->watch = virEventAddHandle(b->fd, VIR_EVENT_HANDLE_READABLE, on_socket, b, bridge_free);
	if (b->watch < 0) {
		bridge_free(b);
		return -1;
	}
	if (virStreamEventAddCallback(b->stream, VIR_STREAM_EVENT_READABLE, on_stream, b, NULL) == 0)
		return 0;
	virEventRemoveHandle(b->watch);
	return -1;
}

int console_open(virConnectPtr conn, const struct guid *id, bool force, int *ret_fd, char **message)
{
	virDomainPtr domain = virDomainLookupByUUID(conn, id->b);
	virStreamPtr stream = domain ? virStreamNew(conn, VIR_STREAM_NONBLOCK) : NULL;
	struct bridge *b;
	int fds[2], r = 0;

	if (!stream || virDomainOpenConsole(domain, NULL, stream, force ? VIR_DOMAIN_CONSOLE_FORCE : 0) < 0)
		r = failed(conn, message);
	else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0) {
		r = -errno;
		*message = xstrdup(strerror(-r));
	}
	if (domain)
		virDomainFree(domain);
	if (r < 0) {
		if (stream)
			virStreamFree(stream);
		return r;
	}
	b = xcalloc(1, sizeof(*b));
	b->stream = stream;
	b->fd = fds[1];
	if (bridge_start(b) < 0) {
		close(fds[0]);
		return failed(conn, message);
	}
	*ret_fd = fds[0];
	return 0;
}
