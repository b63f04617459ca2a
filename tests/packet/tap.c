/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

int tap_open(uint32_t ifindex)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)ifindex };
	int quiet = open("/proc/sys/net/ipv6/conf/all/disable_ipv6", O_WRONLY | O_CLOEXEC), tap;

	/* what the kernel says by itself on a device would be in the way */
	assert_true(quiet < 0 || write(quiet, "1", 1) == 1);
	if (quiet >= 0)
		close(quiet);
	tap = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(tap >= 0);
	assert_int_equal(bind(tap, (struct sockaddr *)&at, sizeof(at)), 0);
	return tap;
}

bool tap_next(int tap, struct frame *ret)
{
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);
	ssize_t n;

	do {
		n = recvfrom(tap, ret->b, sizeof(ret->b), 0, (struct sockaddr *)&from, &size);
	} while (n >= 0 && from.sll_pkttype != PACKET_OUTGOING);
	if (n < 0) {
		assert_int_equal(errno, EAGAIN);
		return false;
	}
	ret->n = (size_t)n;
	return true;
}

void tap_expect(int tap, const struct frame *want)
{
	struct frame got;

	assert_true(tap_next(tap, &got));
	assert_frame(&got, want);
}

void tap_expect_nothing(int tap)
{
	struct frame got;

	assert_false(tap_next(tap, &got));
}
