/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bpf_driver.h"

/*
 * The real programs on exact bytes: BPF_PROG_TEST_RUN, in a network and mount namespace of the test's own. The maps are
 * filled by the driver as the daemon does it. One fixture for all tests:
 *
 *   VSID 5010 (policy)  blue1 00:..:11 10.10.10.11 local   blue2 00:..:12 10.10.10.12 at 214.214.51.43
 *                       blue3 00:..:13 10.10.10.13 local   nested 00:..:51 10.10.10.51 local, on the port "host"
 *                       wild  00:..:61 no address, local   gateway 00:..:62 no address, at 214.214.51.43
 *                       router 00:..:01 10.10.10.1
 *   VSID 5011 (policy)  red1 00:..:21 10.10.10.11 local    red2 00:..:22 10.10.10.12 at 214.214.51.43
 *   VSID 5020 (no policy) lab1..lab3, 00:..:31 to 33, local
 *   VSID 0              plain 00:..:41, open 00:..:42 (spoofing on)
 */
enum {
	BLUE1 = 11, BLUE3 = 13, RED1 = 21, LAB1 = 31, LAB2 = 32, LAB3 = 33, PLAIN = 41, OPEN = 42, HOST = 51, WILD = 61,
	UPLINK = 71, BRIDGE = 72, NOT_A_PORT = 73,
};

enum { NH_PEER, NH_UNRESOLVED, NH_NO_FLOWID, NH_V6, NH_SMALL, NH_ABSENT };

#define SEGMENT_LAB (DP_SEGMENT_UNPOLICED + 1)
#define FRAME_MAX 3200

struct frame {
	uint8_t b[FRAME_MAX];
	size_t n;
};

struct result {
	uint32_t verdict; /* enum dp_verdict */
	uint32_t detail;
	uint32_t rule;	  /* of a drop by an ACL */
	int action;
	uint32_t mark, priority; /* of the packet, then */
	struct frame out;
};

/* The metadata that the XDP program leaves before the frame; n: 0 or its size. */
struct xdp_result {
	int action;
	uint32_t meta[3];
	size_t meta_n;
	struct frame out;
};

/* What the context says of the frame beside its bytes. */
struct meta {
	uint32_t gso_size, gso_segs;
	uint32_t mark;
};

int fixture_up(void **state);
int fixture_down(void **state);

struct bpf_driver *fixture_driver(void);
/* The directory of the pins; a descriptor. */
int fixture_pins(void);

/* The port's entry as it is now, which must be there. */
struct bpf_port port_of(uint32_t ifindex);

/* An address of either family, as the tables have them. */
union dp_addr addr(const char *text);
/* 00:00:00:00:00:LAST */
void mac_of(uint8_t to[6], uint8_t last);

struct result run(enum bpf_role role, uint32_t ifindex, const struct frame *f);
struct result run_meta(enum bpf_role role, uint32_t ifindex, const struct frame *f, struct meta meta);
/* The same frame so often in one system call; the result is of the last. */
struct result run_times(enum bpf_role role, uint32_t ifindex, const struct frame *f, struct meta meta, int times);
/* The device has the XDP program attached: else the kernel has no receive queue to run it on. */
struct xdp_result run_xdp(uint32_t ifindex, const struct frame *f);
uint64_t drops(uint32_t ifindex, enum dp_drop_reason reason);

/* Runs the frame: it must be dropped for this reason, and counted once at this device under it. */
void expect_drop(enum bpf_role role, uint32_t ifindex, const struct frame *f, enum dp_drop_reason reason);
void expect_pass(enum bpf_role role, uint32_t ifindex, const struct frame *f);

/* What is sent at a device from now on, copies too, in order; descriptors, the caller's. */
int tap_open(uint32_t ifindex);
bool tap_next(int tap, struct frame *ret);
void tap_expect(int tap, const struct frame *want);
void tap_expect_nothing(int tap);

/* ---- frames ---- */

/* Hex digits; blanks are skipped. */
struct frame frame_hex(const char *hex);
void frame_add(struct frame *f, const void *bytes, size_t n);
/* 00:00:00:00:00:LAST */
void frame_add_mac(struct frame *f, uint8_t last);
struct frame frame_ether(uint8_t dst, uint8_t src, uint16_t type);

struct ip4 {
	uint8_t dst_mac, src_mac; /* last byte */
	const char *dst, *src;
	uint8_t proto;
	uint16_t sport, dport, frag;
	size_t payload; /* after the 8 (UDP) or 20 (TCP) bytes of layer 4; bytes 0, 1, 2 ... */
};

struct frame frame_ip4(struct ip4 p);

struct ip6_packet {
	uint8_t dst_mac, src_mac; /* last byte */
	const char *dst, *src;
	uint8_t next, hop_limit; /* 0: UDP, 64 */
	size_t payload;          /* behind the eight bytes of UDP, or the twenty of TCP; bytes 0, 1, 2 ... */
};

/* UDP (or TCP) with ports 1000 and 2000 and a checksum that is right; with another next header, payload alone. */
struct frame frame_ip6(struct ip6_packet p);
/* An IPv6 header for what will be added; then frame_fix6(). */
struct frame frame_ip6_header(struct ip6_packet p);
/* Writes the payload length anew, and the checksum of ICMPv6, UDP or TCP where that is the next header. */
void frame_fix6(struct frame *f);
void frame_add_ip6(struct frame *f, const char *address);
struct frame frame_arp(uint8_t dst, uint8_t src, uint16_t op, uint8_t sha, const char *spa, const char *tpa);
/* The inner frame in NVGRE as a peer sends it, outer checksum and lengths right. */
struct frame frame_nvgre(const char *src, const char *dst, uint32_t key, const struct frame *inner);
/* Writes the outer IPv4 header's length and checksum anew, after it was changed. */
void frame_fix_outer(struct frame *f);
uint16_t frame_u16(const struct frame *f, size_t at);
uint32_t frame_u32(const struct frame *f, size_t at);
void frame_set_u16(struct frame *f, size_t at, uint16_t value);
uint16_t ip_checksum(const uint8_t *ip, size_t n);

#define assert_frame(got, want)                                             \
	do {                                                                \
		assert_int_equal((got)->n, (want)->n);                      \
		assert_memory_equal((got)->b, (want)->b, (want)->n);        \
	} while (0)

/* What the outer Ethernet header of NVGRE ends at, and so on */
enum { OUTER_IP = 14, OUTER_GRE = 34, OUTER_KEY = 38, INNER = 42, INNER_IP = 56 };
