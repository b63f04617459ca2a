/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>

#include "bpf_driver.h"

/* Pure functions of bytes that guests choose: a file of its own, so that fuzzing needs no kernel. */

/* DHCP, as far as an address is given by it (RFC 2131) */

enum {
	DHCP_YIADDR = 16,
	DHCP_CHADDR = 28,
	DHCP_SNAME = 44,
	DHCP_FILE = 108,
	DHCP_COOKIE = 236,
	DHCP_OPTIONS = 240,
	OPTION_PAD = 0,
	OPTION_OVERLOAD = 52,
	OPTION_MESSAGE_TYPE = 53,
	OPTION_END = 255,
	DHCP_ACK = 5,
};

struct options {
	int message_type; /* 0: not found */
	int overload;
};

static void read_options(const uint8_t *p, size_t n, struct options *ret)
{
	for (size_t i = 0; i < n && p[i] != OPTION_END;) {
		if (p[i] == OPTION_PAD) {
			i++;
			continue;
		}
		if (i + 2 > n || i + 2 + p[i + 1] > n)
			return;
		if (p[i] == OPTION_MESSAGE_TYPE && p[i + 1] == 1 && !ret->message_type)
			ret->message_type = p[i + 2];
		if (p[i] == OPTION_OVERLOAD && p[i + 1] == 1 && !ret->overload)
			ret->overload = p[i + 2];
		i += 2 + p[i + 1];
	}
}

/* The options may go on in the fields for names (RFC 2132 9.3). */
static bool is_ack(const uint8_t *p, size_t n)
{
	static const uint8_t cookie[4] = { 99, 130, 83, 99 };
	struct options o = { 0 };

	if (n < DHCP_OPTIONS || memcmp(p + DHCP_COOKIE, cookie, sizeof(cookie)) != 0)
		return false;
	read_options(p + DHCP_OPTIONS, n - DHCP_OPTIONS, &o);
	if (o.overload & 1)
		read_options(p + DHCP_FILE, DHCP_COOKIE - DHCP_FILE, &o);
	if (o.overload & 2)
		read_options(p + DHCP_SNAME, DHCP_FILE - DHCP_SNAME, &o);
	return o.message_type == DHCP_ACK;
}

int learnt_parse(const void *entry, size_t size, struct bpf_learnt *ret)
{
	struct dp_learnt l = { 0 };
	struct bpf_learnt found;

	if (size < offsetof(struct dp_learnt, message))
		return -EBADMSG;
	memcpy(&l, entry, MIN(size, sizeof(l)));
	found = (struct bpf_learnt){ .ifindex = l.ifindex, .segment = l.segment, .leased = l.kind == DP_LEARNT_LEASED, .ca = l.ca };
	memcpy(found.mac, l.mac, sizeof(found.mac));
	if (l.kind != DP_LEARNT_ANNOUNCED && !found.leased)
		return -EBADMSG;
	if (found.leased) {
		if (size < sizeof(l) || l.len > sizeof(l.message) || !is_ack(l.message, l.len) ||
		    memcmp(l.message + DHCP_CHADDR, l.mac, sizeof(l.mac)) != 0)
			return -EBADMSG;
		found.ca = (union dp_addr){ .w = { 0, 0, htonl(0xffff), 0 } };
		memcpy(&found.ca.b[12], l.message + DHCP_YIADDR, 4);
	}
	*ret = found;
	return 0;
}
