/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "util.h"

static int send_to(int fd, const void *bytes, size_t n, const void *to, socklen_t size)
{
	ssize_t sent = fd < 0 ? -1 : sendto(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL, to, size);

	return sent < 0 ? -errno : (size_t)sent == n ? 0 : -EIO;
}

int frame_send(int ifindex, const void *frame, size_t n)
{
	_cleanup_close_ int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = ifindex, .sll_halen = 6 };

	if (n < 14)
		return -EINVAL;
	memcpy(to.sll_addr, frame, 6);
	memcpy(&to.sll_protocol, (const char *)frame + 12, 2);
	return send_to(fd, frame, n, &to, sizeof(to));
}

static int send_ip4(int fd, int ifindex, const void *packet, size_t n)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int index = ifindex;

	memcpy(&to.sin_addr, (const char *)packet + 16, 4);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof(index)) != 0)
		return -errno;
	return send_to(fd, packet, n, &to, sizeof(to));
}

static int send_ip6(int fd, int ifindex, const void *packet, size_t n)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_scope_id = (uint32_t)ifindex };

	memcpy(&to.sin6_addr, (const char *)packet + 24, 16);
	return send_to(fd, packet, n, &to, sizeof(to));
}

int frame_send_ip(int ifindex, const void *packet, size_t n)
{
	int version = n ? *(const uint8_t *)packet >> 4 : 0;
	_cleanup_close_ int fd = -1;

	if (version == 4 && n >= 20) {
		fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
		return send_ip4(fd, ifindex, packet, n);
	}
	if (version == 6 && n >= 40) {
		fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
		return send_ip6(fd, ifindex, packet, n);
	}
	return -EINVAL;
}
