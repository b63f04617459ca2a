/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a virtual subnet of this host large: COUNT machines more in the pinned tables of the dataplane, all where one is that is
 * there already. No daemon may run there, or it takes them out again at its next pass.
 *
 *	fill PINS VSID LIKE-MAC FIRST-MAC COUNT		PINS: RUN-DIR/bpf
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <stdlib.h>

#include "bpf_driver.h"

#define FIRST_CA  0x0a800000 /* 10.128.0.0 */
#define COUNT_MAX (1 << 24)

static _Noreturn void die(const char *what, const char *about)
{
	fprintf(stderr, "fill: %s: %s\n", what, about);
	exit(1);
}

static uint32_t number(const char *s, uint32_t max)
{
	uint64_t v;

	if (parse_u64(s, max, &v) < 0 || !v)
		die("not a number from 1 on that is possible here", s);
	return (uint32_t)v;
}

static void mac_parse(const char *s, uint8_t mac[6])
{
	const struct ether_addr *a = ether_aton(s);

	if (!a)
		die("not a MAC address", s);
	memcpy(mac, a->ether_addr_octet, 6);
}

static void mac_add(uint8_t mac[6], uint32_t n)
{
	uint32_t tail;

	memcpy(&tail, mac + 2, sizeof(tail));
	tail = htonl(ntohl(tail) + n);
	memcpy(mac + 2, &tail, sizeof(tail));
}

static struct dp_dest find_like(struct bpf_driver *d, uint32_t vsid, const uint8_t mac[6])
{
	struct bpf_dest_vec all = { 0 };

	if (bpf_driver_observe_dests(d, &all) < 0)
		die("cannot read", "the table of MAC addresses");
	vec_foreach(&all, it)
		if (it->key.segment == vsid && memcmp(it->key.mac, mac, 6) == 0)
			return it->value;
	die("the virtual subnet has no machine", "LIKE-MAC");
}

int main(int argc, char **argv)
{
	uint8_t like[6], first[6];
	struct bpf_driver *d;
	struct bpf_dest *dests;
	struct bpf_ca *cas;
	struct dp_dest value;
	uint32_t vsid, count;
	int dirfd;

	if (argc != 6)
		die("usage", "fill PINS VSID LIKE-MAC FIRST-MAC COUNT");
	vsid = number(argv[2], DP_VSID_MAX);
	mac_parse(argv[3], like);
	mac_parse(argv[4], first);
	count = number(argv[5], COUNT_MAX);
	dirfd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 || bpf_driver_open(dirfd, NULL, &d) < 0)
		die("no dataplane here", argv[1]);
	value = find_like(d, vsid, like);
	dests = xcalloc(count, sizeof(*dests));
	cas = xcalloc(count, sizeof(*cas));
	for (uint32_t i = 0; i < count; i++) {
		dests[i] = (struct bpf_dest){ .key.segment = vsid, .value = value };
		memcpy(dests[i].key.mac, first, 6);
		mac_add(dests[i].key.mac, i);
		dests[i].value.ca4 = htonl(FIRST_CA + i);
		cas[i] = (struct bpf_ca){ .key = { .segment = vsid, .ca.w = { 0, 0, htonl(0xffff), htonl(FIRST_CA + i) } },
					  .value = { .flags = value.kind == DP_DEST_LOCAL ? DP_CA_LOCAL : 0, .pa = value.pa } };
		memcpy(cas[i].value.mac, dests[i].key.mac, 6);
	}
	if (bpf_driver_set_dests(d, dests, count) < 0 || bpf_driver_set_cas(d, cas, count) < 0)
		die("the tables do not hold that many machines more", argv[5]);
	printf("{\"entries\": %u}\n", count);
	bpf_driver_close(d);
	return 0;
}
