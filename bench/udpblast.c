/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small UDP packets through sockets, as fast as they go.
 *
 *	udpblast recv ADDRESS PORT                    counts until SIGTERM; says "ready" when the socket is bound
 *	udpblast send ADDRESS PORT SECONDS [BYTES]    BYTES of payload, 18 by default (60-byte frames)
 *
 * The receiver's rate is over the time from its first to its last packet: what was lost on the way does not count, and
 * neither does the time before the sender started.
 */
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

#include "load.h"

#define BATCH	      64
#define BYTES_MAX     1472
#define RCVBUF_BYTES  (4 << 20)
#define PAYLOAD_SMALL 18

static unsigned char payload[BATCH][BYTES_MAX];
static struct iovec iov[BATCH];
static struct mmsghdr msg[BATCH];

static void batch_prepare(size_t bytes)
{
	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ .iov_base = payload[i], .iov_len = bytes };
		msg[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
}

static void udp_receive(int fd, const struct sockaddr_in *sin)
{
	uint64_t packets = 0, first = 0, last = 0;
	int size = RCVBUF_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)))
		err(1, "SO_RCVBUF");
	/* The flag may be set between the loop's test and the call: never block for long. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_usec = 50000 }, sizeof(struct timeval)))
		err(1, "SO_RCVTIMEO");
	if (bind(fd, (const struct sockaddr *)sin, sizeof(*sin)))
		err(1, "bind");
	printf("ready\n");
	fflush(stdout);
	batch_prepare(BYTES_MAX);
	while (!load_stop) {
		int n = recvmmsg(fd, msg, BATCH, MSG_WAITFORONE, NULL);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			err(1, "recvmmsg");
		if (n <= 0)
			continue;
		last = load_clock_ns(CLOCK_MONOTONIC);
		if (!first)
			first = last;
		else
			packets += (uint64_t)n;
	}
	printf("{\"packets\": %llu, \"seconds\": %.6f}\n", (unsigned long long)packets, (double)(last - first) / 1e9);
}

static void udp_send(int fd, const struct sockaddr_in *sin, double seconds, size_t bytes)
{
	uint64_t packets = 0, start;

	if (connect(fd, (const struct sockaddr *)sin, sizeof(*sin)))
		err(1, "connect");
	batch_prepare(bytes);
	load_stop_after(seconds);
	start = load_clock_ns(CLOCK_MONOTONIC);
	while (!load_stop) {
		int n = sendmmsg(fd, msg, BATCH, 0);

		if (n < 0 && errno != EINTR && errno != ENOBUFS)
			err(1, "sendmmsg");
		packets += n > 0 ? (uint64_t)n : 0;
	}
	printf("{\"packets\": %llu, \"seconds\": %.6f}\n", (unsigned long long)packets,
	       (double)(load_clock_ns(CLOCK_MONOTONIC) - start) / 1e9);
}

int main(int argc, char **argv)
{
	bool sending = argc >= 5 && argc <= 6 && !strcmp(argv[1], "send");
	struct sockaddr_in sin;
	int fd;

	if (!sending && !(argc == 4 && !strcmp(argv[1], "recv")))
		errx(2, "usage: udpblast recv ADDRESS PORT | send ADDRESS PORT SECONDS [BYTES]");
	sin = load_address(argv[2], argv[3]);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	load_handle_signals();
	if (sending)
		udp_send(fd, &sin, load_number(argv[4], 0.01, 3600),
			 argc == 6 ? (size_t)load_number(argv[5], 1, BYTES_MAX) : PAYLOAD_SMALL);
	else
		udp_receive(fd, &sin);
	return 0;
}
