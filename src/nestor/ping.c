/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "client.h"

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

/* An ICMP socket of the kernel's own echo kind where it is allowed (it fills in id and checksum), a raw one otherwise. */
static int open_socket(int family, bool *ret_raw)
{
	int protocol = family == AF_INET ? IPPROTO_ICMP : (int)IPPROTO_ICMPV6;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, protocol);

	*ret_raw = fd < 0;
	if (fd < 0)
		fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, protocol);
	return fd < 0 ? -errno : fd;
}

static uint16_t checksum(const void *data, size_t n)
{
	const uint8_t *p = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static int wait_answer(int fd, int family, bool raw, uint16_t id, uint16_t seq, double until)
{
	for (;;) {
		double left = until - now_ms();
		struct pollfd p = { fd, POLLIN, 0 };
		uint8_t buf[1500];
		size_t skip = 0;
		ssize_t n;

		if (left <= 0 || http_interrupted)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left + 1) <= 0)
			continue;
		n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0)
			return -errno;
		if (raw && family == AF_INET && n > 0)
			skip = (size_t)(buf[0] & 15) * 4;
		if ((size_t)n < skip + 8 || buf[skip] != (family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY))
			continue;
		if ((buf[skip + 6] << 8 | buf[skip + 7]) != seq || (raw && (buf[skip + 4] << 8 | buf[skip + 5]) != id))
			continue;
		return 0;
	}
}

int ping_host(void *userdata _unused_, const char *target, unsigned timeout_ms, double *ret_ms, char *ret_address)
{
	static uint16_t seq;
	struct addrinfo hints = { .ai_socktype = SOCK_RAW }, *a = NULL;
	uint16_t id = (uint16_t)getpid();
	_cleanup_close_ int fd = -1;
	uint8_t packet[16] = {};
	double start;
	bool raw;
	int r;

	if (getaddrinfo(target, NULL, &hints, &a) != 0)
		return -EHOSTUNREACH;
	fd = open_socket(a->ai_family, &raw);
	r = fd < 0 ? fd : 0;
	if (r == 0) {
		seq++;
		packet[0] = a->ai_family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
		packet[4] = (uint8_t)(id >> 8);
		packet[5] = (uint8_t)id;
		packet[6] = (uint8_t)(seq >> 8);
		packet[7] = (uint8_t)seq;
		if (a->ai_family == AF_INET) {
			uint16_t sum = checksum(packet, sizeof(packet));

			memcpy(packet + 2, &sum, sizeof(sum));
		}
		start = now_ms();
		if (connect(fd, a->ai_addr, a->ai_addrlen) < 0 || send(fd, packet, sizeof(packet), 0) < 0)
			r = -errno;
		else
			r = wait_answer(fd, a->ai_family, raw, id, seq, start + timeout_ms);
		*ret_ms = now_ms() - start;
		getnameinfo(a->ai_addr, a->ai_addrlen, ret_address, 64, NULL, 0, NI_NUMERICHOST);
	}
	freeaddrinfo(a);
	return r;
}
