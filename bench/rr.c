/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request and response of one byte each, one at a time, over one TCP connection or one pair of UDP sockets.
 *
 *	rr tcp|udp server ADDRESS PORT             says "ready", serves one client; TCP ends with it, UDP with a signal
 *	rr tcp|udp client ADDRESS PORT SECONDS     prints median, 99th percentile and mean, microseconds
 */
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define SAMPLES_MAX (8u << 20)

static int sample_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void set_nodelay(int fd)
{
	int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		err(1, "TCP_NODELAY");
}

static void serve_udp(int fd, const struct sockaddr_in *sin)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	char byte;

	if (bind(fd, (const struct sockaddr *)sin, sizeof(*sin)))
		err(1, "bind");
	printf("ready\n");
	fflush(stdout);
	/* Connected to the first client: a lookup less for each packet, as TCP has it. */
	if (recvfrom(fd, &byte, 1, MSG_PEEK, (struct sockaddr *)&from, &size) != 1)
		err(1, "recvfrom");
	if (connect(fd, (const struct sockaddr *)&from, size))
		err(1, "connect");
	while (recv(fd, &byte, 1, 0) == 1)
		if (send(fd, &byte, 1, 0) != 1)
			break;
}

static void serve_tcp(int fd, const struct sockaddr_in *sin)
{
	int on = 1, conn;
	char byte;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		err(1, "SO_REUSEADDR");
	if (bind(fd, (const struct sockaddr *)sin, sizeof(*sin)) || listen(fd, 1))
		err(1, "listen");
	printf("ready\n");
	fflush(stdout);
	conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (conn < 0)
		err(1, "accept");
	set_nodelay(conn);
	while (recv(conn, &byte, 1, 0) == 1)
		if (send(conn, &byte, 1, MSG_NOSIGNAL) != 1)
			break;
	close(conn);
}

static void ask(int fd, int tcp, const struct sockaddr_in *sin, double seconds)
{
	uint32_t *sample = calloc(SAMPLES_MAX, sizeof(*sample)), n = 0;
	uint64_t start, now, end;
	double sum = 0;
	char byte = 'n';

	if (!sample)
		err(1, "calloc");
	if (connect(fd, (const struct sockaddr *)sin, sizeof(*sin)))
		err(1, "connect");
	if (tcp)
		set_nodelay(fd);
	now = load_clock_ns(CLOCK_MONOTONIC);
	end = now + (uint64_t)(seconds * 1e9);
	while (now < end && n < SAMPLES_MAX) {
		start = now;
		if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || recv(fd, &byte, 1, 0) != 1)
			err(1, "connection lost");
		now = load_clock_ns(CLOCK_MONOTONIC);
		sample[n++] = now - start > UINT32_MAX ? UINT32_MAX : (uint32_t)(now - start);
		sum += (double)sample[n - 1];
	}
	qsort(sample, n, sizeof(*sample), sample_compare);
	printf("{\"count\": %u, \"median_us\": %.3f, \"p99_us\": %.3f, \"mean_us\": %.3f}\n", n, sample[n / 2] / 1e3,
	       sample[(uint64_t)n * 99 / 100] / 1e3, sum / n / 1e3);
	free(sample);
}

int main(int argc, char **argv)
{
	int tcp = argc > 1 && !strcmp(argv[1], "tcp"), udp = argc > 1 && !strcmp(argv[1], "udp");
	int asking = argc == 6 && !strcmp(argv[2], "client");
	struct sockaddr_in sin;
	int fd;

	if ((!tcp && !udp) || (!asking && !(argc == 5 && !strcmp(argv[2], "server"))))
		errx(2, "usage: rr tcp|udp server ADDRESS PORT | client ADDRESS PORT SECONDS");
	sin = load_address(argv[3], argv[4]);
	fd = socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	if (asking)
		ask(fd, tcp, &sin, load_number(argv[5], 0.01, 3600));
	else if (tcp)
		serve_tcp(fd, &sin);
	else
		serve_udp(fd, &sin);
	close(fd);
	return 0;
}
