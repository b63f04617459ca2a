/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "log.h"

#define DUMP_TRIES 10

/* The kernel fills dump messages up to 32 KiB; a larger buffer saves system calls nowhere. */
#define RECEIVE_SIZE (64u << 10)

struct nl {
	struct mnl_socket *sock;
	uint32_t portid;
	uint32_t seq;       /* of the last request that was started */
	unsigned n;         /* requests in the buffer: 1 or 2 */
	size_t used;        /* bytes of the buffer before the request that is being built */
	struct nlmsghdr *last;
	char message[256];
	uint8_t request[NL_REQUEST_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	uint8_t answer[RECEIVE_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

int nl_open(struct nl **ret)
{
	struct timeval timeout = { .tv_sec = 5 };
	int on = 1, fd;
	struct nl *nl = xmalloc(sizeof(*nl));

	/* The buffers are not cleared: a handle for each of 200 guests shall cost what it uses. */
	memset(nl, 0, offsetof(struct nl, request));
	nl->sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl->sock || mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		int r = -errno;

		nl_close(nl);
		return r;
	}
	nl->portid = mnl_socket_get_portid(nl->sock);
	fd = mnl_socket_get_fd(nl->sock);
	/* All optional: without them the answers say less, and dumps are filtered here instead of in the kernel. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	*ret = nl;
	return 0;
}

int nl_open_in(int ns_fd, struct nl **ret)
{
	_cleanup_close_ int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int r;

	if (home < 0)
		return -errno;
	if (setns(ns_fd, CLONE_NEWNET) < 0)
		return -errno;
	r = nl_open(ret);
	if (setns(home, CLONE_NEWNET) < 0) {
		log_error("cannot return to the own network namespace: %m");
		abort();
	}
	return r;
}

void nl_close(struct nl *nl)
{
	if (!nl)
		return;
	if (nl->sock)
		mnl_socket_close(nl->sock);
	free(nl);
}

const char *nl_last_message(const struct nl *nl)
{
	return nl->message;
}

void nl_set_message(struct nl *nl, const char *message)
{
	snprintf(nl->message, sizeof(nl->message), "%s", message);
}

int nl_fd(const struct nl *nl)
{
	return mnl_socket_get_fd(nl->sock);
}

static struct nlmsghdr *request_put(struct nl *nl, uint16_t type, uint16_t flags, size_t extra_size, void *ret_extra)
{
	struct nlmsghdr *n = mnl_nlmsg_put_header(nl->request + nl->used);
	void *extra;

	n->nlmsg_type = type;
	n->nlmsg_flags = NLM_F_REQUEST | flags;
	n->nlmsg_seq = ++nl->seq;
	extra = mnl_nlmsg_put_extra_header(n, extra_size);
	if (ret_extra)
		memcpy(ret_extra, &extra, sizeof(extra));
	nl->n++;
	nl->last = n;
	return n;
}

struct nlmsghdr *nl_request(struct nl *nl, uint16_t type, uint16_t flags, size_t extra_size, void *ret_extra)
{
	nl->n = 0;
	nl->used = 0;
	return request_put(nl, type, flags, extra_size, ret_extra);
}

struct nlmsghdr *nl_request_more(struct nl *nl, uint16_t type, uint16_t flags, size_t extra_size, void *ret_extra)
{
	nl->used += NLMSG_ALIGN(nl->last->nlmsg_len);
	return request_put(nl, type, flags, extra_size, ret_extra);
}

static int request_send(struct nl *nl)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	size_t size = nl->used + nl->last->nlmsg_len;
	ssize_t sent;

	nl->message[0] = '\0';
	do
		sent = sendto(nl_fd(nl), nl->request, size, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == size ? 0 : -EIO;
}

/* One datagram from the kernel itself. */
static ssize_t datagram_receive(int fd, void *buf, size_t size, int flags)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };

	for (;;) {
		ssize_t n = recvmsg(fd, &msg, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN && !(flags & MSG_DONTWAIT) ? -ETIMEDOUT : -errno;
		if (msg.msg_flags & MSG_TRUNC)
			return -EPROTO;
		if (msg.msg_namelen == sizeof(from) && from.nl_pid == 0)
			return n;
	}
}

/* offset: of the extended acknowledgement's attributes in the message. */
static void message_keep(struct nl *nl, const struct nlmsghdr *n, size_t offset)
{
	const struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];

	if (n->nlmsg_flags & NLM_F_ACK_TLVS && nl_attrs(n, offset, tb, NLMSGERR_ATTR_MAX) == 0)
		(void)nl_text(tb[NLMSGERR_ATTR_MSG], nl->message, sizeof(nl->message));
}

/* The result that an NLMSG_ERROR or NLMSG_DONE carries. */
static int result_parse(struct nl *nl, const struct nlmsghdr *n)
{
	const struct nlmsgerr *e;
	size_t echoed;
	int r;

	if (n->nlmsg_type == NLMSG_DONE) {
		if (n->nlmsg_len < NLMSG_LENGTH(sizeof(r)))
			return n->nlmsg_len == NLMSG_LENGTH(0) ? 0 : -EPROTO;
		memcpy(&r, NLMSG_DATA(n), sizeof(r));
		if (r < 0)
			message_keep(nl, n, sizeof(r));
		return MIN(r, 0);
	}
	if (n->nlmsg_len < NLMSG_LENGTH(sizeof(*e)))
		return -EPROTO;
	e = NLMSG_DATA(n);
	echoed = n->nlmsg_flags & NLM_F_CAPPED || e->error == 0 ? 0 : e->msg.nlmsg_len - sizeof(e->msg);
	if (e->error < 0 && echoed < NL_REQUEST_SIZE)
		message_keep(nl, n, sizeof(*e) + NLMSG_ALIGN(echoed));
	return MIN(e->error, 0);
}

struct answer {
	nl_message_fn fn;
	void *arg;
	bool interrupted; /* the kernel says that a dump is inconsistent */
	int error;        /* of fn, the first one */
};

/* Reads until the acknowledgement or the end of the dump for seq. */
static int answer_read(struct nl *nl, uint32_t seq, struct answer *a)
{
	for (;;) {
		ssize_t got = datagram_receive(nl_fd(nl), nl->answer, sizeof(nl->answer), 0);
		const struct nlmsghdr *n = (const struct nlmsghdr *)nl->answer;
		int left = got;

		if (got < 0)
			return got;
		for (; mnl_nlmsg_ok(n, left); n = mnl_nlmsg_next(n, &left)) {
			/* What is left of a request that timed out. */
			if (n->nlmsg_seq != seq || n->nlmsg_pid != nl->portid)
				continue;
			if (n->nlmsg_flags & NLM_F_DUMP_INTR)
				a->interrupted = true;
			if (n->nlmsg_type == NLMSG_ERROR || n->nlmsg_type == NLMSG_DONE)
				return result_parse(nl, n);
			if (n->nlmsg_type >= NLMSG_MIN_TYPE && a->fn && a->error == 0)
				a->error = MIN(a->fn(n, a->arg), 0);
		}
		if (left > 0)
			return -EPROTO;
	}
}

int nl_transact(struct nl *nl, int *ret_second)
{
	struct answer none = { 0 };
	int result = 0, r;

	((struct nlmsghdr *)nl->request)->nlmsg_flags |= NLM_F_ACK;
	nl->last->nlmsg_flags |= NLM_F_ACK;
	r = request_send(nl);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < nl->n; i++) {
		r = answer_read(nl, nl->seq - nl->n + 1 + i, &none);
		if (i == 1 && ret_second)
			*ret_second = r;
		if (r < 0 && result == 0)
			result = r;
		if (r == -ETIMEDOUT || r == -EPROTO)
			return r;
	}
	return result;
}

int nl_dump(struct nl *nl, nl_message_fn fn, void *arg, size_t *count)
{
	size_t before = *count;
	int r;

	nl->last->nlmsg_flags |= NLM_F_DUMP;
	for (int i = 0; i < DUMP_TRIES; i++) {
		struct answer a = { .fn = fn, .arg = arg };

		nl->last->nlmsg_seq = ++nl->seq;
		r = request_send(nl);
		if (r == 0)
			r = answer_read(nl, nl->seq, &a);
		if (r == 0)
			r = a.error;
		if (r == 0 && !a.interrupted)
			return 0;
		*count = before;
		if (r < 0 && r != -ENOBUFS)
			return r;
	}
	return -EAGAIN;
}

int nl_get(struct nl *nl, nl_message_fn fn, void *arg)
{
	struct answer a = { .fn = fn, .arg = arg };
	int r;

	nl->last->nlmsg_flags |= NLM_F_ACK;
	r = request_send(nl);
	if (r == 0)
		r = answer_read(nl, nl->seq, &a);
	return r < 0 ? r : a.error;
}
