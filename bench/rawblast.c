/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 60-byte Ethernet frames (UDP to port 9) straight into an interface, as fast as they go: the load for forwarding, with
 * next to nothing of a protocol stack before the interface.
 *
 *	rawblast INTERFACE SRC-MAC DST-MAC SRC-IP DST-IP SECONDS [FLOWS [MACS STEP]]
 *
 * FLOWS source ports take turns (16 by default). With MACS, each frame goes to DST-MAC plus STEP times a random number below
 * MACS. The frames are counted where they arrive (sink.bpf.c), not here.
 */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <sys/socket.h>

#include "load.h"

#define BATCH	       64
#define FLOWS_MAX      4096
#define FRAME_BYTES    60
#define PORT_DISCARD   9
#define PORT_FIRST     20000
#define SENDBUF_BYTES  (4 << 20)

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	unsigned char payload[FRAME_BYTES - sizeof(struct ethhdr) - sizeof(struct iphdr) - sizeof(struct udphdr)];
} __attribute__((packed));

_Static_assert(sizeof(struct frame) == FRAME_BYTES, "the smallest Ethernet frame, without its checksum");

static struct frame frames[FLOWS_MAX];
static struct iovec iov[FLOWS_MAX];
static struct mmsghdr msg[FLOWS_MAX + BATCH];

static uint32_t sum_words(uint32_t sum, const void *data, size_t bytes)
{
	const unsigned char *p = data;

	for (size_t i = 0; i + 1 < bytes; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void mac_parse(const char *s, unsigned char mac[ETH_ALEN])
{
	const struct ether_addr *a = ether_aton(s);

	if (!a)
		errx(2, "'%s' is not a MAC address", s);
	memcpy(mac, a->ether_addr_octet, ETH_ALEN);
}

static void frame_build(struct frame *f, const struct frame *like, unsigned int flow)
{
	uint32_t sum;

	*f = *like;
	f->eth.h_proto = htons(ETH_P_IP);
	f->ip.version = 4;
	f->ip.ihl = 5;
	f->ip.tot_len = htons(FRAME_BYTES - sizeof(f->eth));
	f->ip.frag_off = htons(0x4000);
	f->ip.ttl = 64;
	f->ip.protocol = IPPROTO_UDP;
	f->ip.check = sum_fold(sum_words(0, &f->ip, sizeof(f->ip)));
	f->udp.source = htons((uint16_t)(PORT_FIRST + flow));
	f->udp.dest = htons(PORT_DISCARD);
	f->udp.len = htons(sizeof(f->udp) + sizeof(f->payload));
	sum = sum_words(IPPROTO_UDP + sizeof(f->udp) + sizeof(f->payload), &f->ip.saddr, 8);
	f->udp.check = sum_fold(sum_words(sum, &f->udp, sizeof(f->udp) + sizeof(f->payload)));
}

static int interface_open(const char *name)
{
	struct sockaddr_ll sll = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name) };
	int fd, size = SENDBUF_BYTES, on = 1;

	if (!sll.sll_ifindex)
		err(1, "%s", name);
	/* Protocol 0: this socket receives nothing. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sll, sizeof(sll)))
		err(1, "packet socket");
	if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)))
		err(1, "PACKET_QDISC_BYPASS");
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		err(1, "SO_SNDBUFFORCE");
	return fd;
}

/* Who gets the frames, when it is not one alone. */
static struct {
	uint32_t first, macs, step;
	uint64_t state;
} random_macs;

/* In place, a few at a time: a million prepared frames would measure the sender's cache. */
static void batch_address(unsigned int next, unsigned int flows)
{
	for (unsigned int i = 0; i < BATCH; i++) {
		struct frame *f = &frames[(next + i) % flows];
		uint32_t mac;

		random_macs.state ^= random_macs.state << 13;
		random_macs.state ^= random_macs.state >> 7;
		random_macs.state ^= random_macs.state << 17;
		mac = (uint32_t)((random_macs.state >> 32) * random_macs.macs >> 32) * random_macs.step;
		mac = htonl(random_macs.first + mac);
		memcpy(f->eth.h_dest + 2, &mac, sizeof(mac));
	}
}

static void random_macs_init(const unsigned char *first, const char *macs, const char *step)
{
	uint32_t tail;

	memcpy(&tail, first + 2, sizeof(tail));
	random_macs.first = ntohl(tail);
	random_macs.macs = (uint32_t)load_number(macs, 1, 1 << 24);
	random_macs.step = (uint32_t)load_number(step, 1, 1 << 24);
	random_macs.state = 88172645463325252u;
}

static void blast(int fd, unsigned int flows, double seconds)
{
	uint64_t packets = 0, wall, cpu;
	unsigned int next = 0;

	load_stop_after(seconds);
	wall = load_clock_ns(CLOCK_MONOTONIC);
	cpu = load_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	while (!load_stop) {
		int n;

		if (random_macs.macs)
			batch_address(next, flows);
		n = sendmmsg(fd, msg + next, BATCH, 0);

		if (n < 0 && errno != EINTR && errno != ENOBUFS && errno != EAGAIN)
			err(1, "sendmmsg");
		if (n <= 0)
			continue;
		packets += (unsigned int)n;
		next = (next + (unsigned int)n) % flows;
	}
	printf("{\"packets\": %llu, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n", (unsigned long long)packets,
	       (double)(load_clock_ns(CLOCK_MONOTONIC) - wall) / 1e9,
	       (double)(load_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e9);
}

int main(int argc, char **argv)
{
	struct frame like = { .payload = { 0 } };
	unsigned int flows;
	int fd;

	if (argc < 7 || argc == 9 || argc > 10)
		errx(2, "usage: rawblast INTERFACE SRC-MAC DST-MAC SRC-IP DST-IP SECONDS [FLOWS [MACS STEP]]");
	mac_parse(argv[2], like.eth.h_source);
	mac_parse(argv[3], like.eth.h_dest);
	like.ip.saddr = load_address(argv[4], "9").sin_addr.s_addr;
	like.ip.daddr = load_address(argv[5], "9").sin_addr.s_addr;
	flows = argc >= 8 ? (unsigned int)load_number(argv[7], 1, FLOWS_MAX) : 16;
	for (unsigned int i = 0; i < flows; i++) {
		frame_build(&frames[i], &like, i);
		iov[i] = (struct iovec){ .iov_base = &frames[i], .iov_len = FRAME_BYTES };
	}
	/* A batch may start at any flow: the list of messages goes on for one batch beyond the last one. */
	for (unsigned int i = 0; i < flows + BATCH; i++)
		msg[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i % flows], .msg_iovlen = 1 };
	if (argc == 10)
		random_macs_init(like.eth.h_dest, argv[8], argv[9]);
	fd = interface_open(argv[1]);
	load_handle_signals();
	blast(fd, flows, load_number(argv[6], 0.01, 3600));
	return 0;
}
