/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <time.h>

#include "harness.h"

/*
 * Guards of a port, on exact bytes: what may not be sent, in every disguise and every truncation, and what looks like it and
 * may. PLAIN has VSID 0, LAB1 is in a virtual subnet without policy, BLUE1 in one with policy, OPEN has spoofing on.
 */

/* What is changed in a port's entry by a test. */
static void set_port(uint32_t ifindex, uint32_t flag, const struct dp_port *values)
{
	struct bpf_port_vec all = { 0 };

	assert_int_equal(bpf_driver_observe_ports(fixture_driver(), &all), 0);
	vec_foreach(&all, p) {
		if (p->ifindex != ifindex)
			continue;
		memcpy(&p->value.guards, &values->guards, sizeof(*values) - offsetof(struct dp_port, guards));
		p->value.flags = (p->value.flags & ~(uint32_t)DP_PORT_RARE) | flag;
		assert_int_equal(bpf_driver_set_port(fixture_driver(), p), 0);
	}
	vec_done(&all);
}

static void set_guards(uint32_t ifindex, uint8_t guards)
{
	struct dp_port values = { .guards = guards };

	set_port(ifindex, guards ? DP_PORT_GUARDS : 0, &values);
}

static int guards_off(void **state _unused_)
{
	set_guards(PLAIN, 0);
	set_guards(OPEN, 0);
	set_guards(LAB1, 0);
	set_guards(BLUE1, 0);
	return 0;
}

static void expect_reason(uint32_t port, const struct frame *f, enum dp_drop_reason reason)
{
	expect_drop(BPF_ROLE_VPORT, port, f, reason);
}

static void expect_passed(uint32_t port, const struct frame *f)
{
	expect_pass(BPF_ROLE_VPORT, port, f);
}

/* ---- frames ---- */

static const struct ip4 local = { .dst_mac = 0x13, .src_mac = 0x11, .dst = "10.10.10.13", .src = "10.10.10.11", .payload = 30 };

#define ALL_NODES "333300000001"

static void add_hex(struct frame *f, const char *hex)
{
	struct frame more = frame_hex(hex);

	frame_add(f, more.b, more.n);
}

/* From fe80::1 to ff02::1; rest: everything behind the fixed header, in hex. */
static struct frame guest_ip6(uint8_t src_mac, uint8_t proto, const char *rest)
{
	struct frame f = frame_hex(ALL_NODES), body = frame_hex(rest);
	uint8_t header[8] = { 0x60, 0, 0, 0, (uint8_t)(body.n >> 8), (uint8_t)body.n, proto, 255 };

	frame_add_mac(&f, src_mac);
	add_hex(&f, "86dd");
	frame_add(&f, header, sizeof(header));
	add_hex(&f, "fe800000000000000000000000000001 ff020000000000000000000000000001");
	frame_add(&f, body.b, body.n);
	return f;
}

/* Of UDP from port 1000; message: what follows the header, its first byte. */
static struct frame frame_udp4(uint8_t src_mac, uint16_t dport, uint8_t message)
{
	struct ip4 p = { .dst_mac = 0xff, .src_mac = src_mac, .dst = "255.255.255.255", .src = "10.10.10.11", .sport = 1000,
			 .dport = dport, .payload = 20 };
	struct frame f = frame_ip4(p);

	f.b[14 + 20 + 8] = message;
	return f;
}

static struct frame frame_udp6(uint16_t dport, uint8_t message)
{
	char hex[64];

	snprintf(hex, sizeof(hex), "03e8 %04x 000c 0000 %02x000001", dport, message);
	return guest_ip6(0x41, IPPROTO_UDP, hex);
}

static struct frame frame_icmp4(uint8_t src_mac, uint8_t type)
{
	struct ip4 p = { .dst_mac = 0xff, .src_mac = src_mac, .dst = "224.0.0.1", .src = "10.10.10.11", .proto = IPPROTO_ICMP };
	struct frame f = frame_ip4(p);

	f.b[14 + 20] = type;
	return f;
}

static struct frame tagged(const struct frame *plain, const char *tags)
{
	struct frame f = { .n = 0 };

	frame_add(&f, plain->b, 12);
	add_hex(&f, tags);
	frame_add(&f, plain->b + 12, plain->n - 12);
	return f;
}

/* Fragment field of the IPv4 header anew; sums do not matter to the guards. */
static struct frame fragment4(struct frame f, uint16_t field)
{
	frame_set_u16(&f, 14 + 6, field);
	return f;
}

/* Both are cut: the packet's length field says so, too. */
static struct frame cut4(struct frame f, size_t n)
{
	f.n = n;
	frame_set_u16(&f, 14 + 2, (uint16_t)(n - 14));
	return f;
}

static struct frame cut6(struct frame f, size_t n)
{
	f.n = n;
	frame_set_u16(&f, 14 + 4, (uint16_t)(n - 54));
	return f;
}

/* ---- DhcpGuard ---- */

static const struct {
	uint16_t port;
	uint8_t message;
	bool server;
} dhcp4[] = {
	{ 68, 2, true }, { 68, 1, true }, { 67, 2, true }, /* to a relay */
	{ 67, 1, false }, { 67, 3, false }, { 69, 2, false }, { 4011, 2, false }, { 17408, 2, false },
}, dhcp6[] = {
	{ 546, 2, true }, { 546, 7, true }, { 546, 10, true }, { 546, 1, true }, { 547, 13, true },
	{ 547, 1, false }, { 547, 12, false }, { 548, 2, false },
};

static void dhcp_guard(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(dhcp4); i++) {
		struct frame f = frame_udp4(0x41, dhcp4[i].port, dhcp4[i].message);

		expect_passed(PLAIN, &f);
		set_guards(PLAIN, DP_GUARD_ROUTER);
		expect_passed(PLAIN, &f);
		set_guards(PLAIN, DP_GUARD_DHCP);
		dhcp4[i].server ? expect_reason(PLAIN, &f, DP_DROP_DHCP_GUARD) : expect_passed(PLAIN, &f);
		set_guards(PLAIN, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(dhcp6); i++) {
		struct frame f = frame_udp6(dhcp6[i].port, dhcp6[i].message);

		expect_passed(PLAIN, &f);
		set_guards(PLAIN, DP_GUARD_ROUTER);
		expect_passed(PLAIN, &f);
		set_guards(PLAIN, DP_GUARD_DHCP);
		dhcp6[i].server ? expect_reason(PLAIN, &f, DP_DROP_DHCP_GUARD) : expect_passed(PLAIN, &f);
		set_guards(PLAIN, 0);
	}
}

/* In a virtual subnet, too, with policy and without; and with spoofing on. */
static void every_kind_of_port(void **state _unused_)
{
	static const struct {
		uint32_t port;
		uint8_t mac;
	} ports[] = { { LAB1, 0x31 }, { BLUE1, 0x11 }, { OPEN, 0x42 } };

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		struct frame dhcp = frame_udp4(ports[i].mac, 68, 2), icmp = frame_icmp4(ports[i].mac, 9);

		set_guards(ports[i].port, DP_GUARD_DHCP | DP_GUARD_ROUTER);
		expect_reason(ports[i].port, &dhcp, DP_DROP_DHCP_GUARD);
		expect_reason(ports[i].port, &icmp, DP_DROP_ROUTER_GUARD);
	}
}

/* ---- RouterGuard ---- */

static void router_guard(void **state _unused_)
{
	for (int type = 0; type < 256; type++) {
		struct frame v4 = frame_icmp4(0x42, (uint8_t)type), v6;
		char hex[64];

		snprintf(hex, sizeof(hex), "%02x000000 0000000000000000", type);
		v6 = guest_ip6(0x42, IPPROTO_ICMPV6, hex);
		set_guards(OPEN, DP_GUARD_DHCP);
		expect_passed(OPEN, &v4);
		expect_passed(OPEN, &v6);
		set_guards(OPEN, DP_GUARD_ROUTER);
		type == 5 || type == 9 ? expect_reason(OPEN, &v4, DP_DROP_ROUTER_GUARD) : expect_passed(OPEN, &v4);
		type == 134 || type == 137 ? expect_reason(OPEN, &v6, DP_DROP_ROUTER_GUARD) : expect_passed(OPEN, &v6);
	}
}

/* ---- disguises ---- */

static void behind_tags(void **state _unused_)
{
	struct frame dhcp = frame_udp4(0x42, 68, 2), advertisement = guest_ip6(0x42, IPPROTO_ICMPV6, "86000000 0000000000000000"), f;

	set_guards(OPEN, DP_GUARD_DHCP | DP_GUARD_ROUTER);
	f = tagged(&dhcp, "8100 0007");
	expect_reason(OPEN, &f, DP_DROP_DHCP_GUARD);
	f = tagged(&dhcp, "88a8 0007 8100 0008");
	expect_reason(OPEN, &f, DP_DROP_DHCP_GUARD);
	f = tagged(&advertisement, "8100 0007 8100 0008");
	expect_reason(OPEN, &f, DP_DROP_ROUTER_GUARD);
	f = tagged(&advertisement, "8100 0007 8100 0008 8100 0009");
	expect_reason(OPEN, &f, DP_DROP_GUARD_HIDDEN);
	f = tagged(&advertisement, "8100 0007");
	f.n = 17;
	expect_reason(OPEN, &f, DP_DROP_FRAME_TRUNCATED);
	guards_off(NULL);
	f = tagged(&advertisement, "8100 0007 8100 0008 8100 0009");
	expect_passed(OPEN, &f);
}

static void behind_options(void **state _unused_)
{
	struct frame f = frame_hex("ffffffffffff 000000000042 0800"
				   "48000030 00000000 40110000 0a0a0a0b ffffffff 010101010101010101010101"
				   "0043 0044 0010 0000 02000000 00000000");

	set_guards(OPEN, DP_GUARD_DHCP);
	expect_reason(OPEN, &f, DP_DROP_DHCP_GUARD);
}

#define ADVERTISEMENT "86000000 0000000000000000"

static void behind_extension_headers(void **state _unused_)
{
	static const struct {
		uint8_t proto;
		const char *hex;
		enum dp_drop_reason reason;
	} cases[] = {
		{ IPPROTO_HOPOPTS, "3a00010400000000" ADVERTISEMENT, DP_DROP_ROUTER_GUARD },
		{ IPPROTO_DSTOPTS, "3a01010c00000000 0000000000000000" ADVERTISEMENT, DP_DROP_ROUTER_GUARD },
		{ IPPROTO_ROUTING, "3a00000000000000" ADVERTISEMENT, DP_DROP_ROUTER_GUARD },
		{ IPPROTO_AH, "3a01000000000000 00000000" ADVERTISEMENT, DP_DROP_ROUTER_GUARD },
		{ IPPROTO_MH, "3a00000000000000" ADVERTISEMENT, DP_DROP_ROUTER_GUARD },
		{ 139, "3a00000000000000" ADVERTISEMENT, DP_DROP_ROUTER_GUARD },
		{ 140, "3a00000000000000" ADVERTISEMENT, DP_DROP_ROUTER_GUARD },
		/* in all at once, eight of them */
		{ IPPROTO_HOPOPTS,
		  "3c00000000000000 2b00000000000000 2c00000000000000 3c00000000000000 3c00000000000000 3c00000000000000"
		  "3c00000000000000 3a00000000000000" ADVERTISEMENT,
		  DP_DROP_ROUTER_GUARD },
		/* nine are more than anybody looks through */
		{ IPPROTO_HOPOPTS,
		  "3c00000000000000 3c00000000000000 3c00000000000000 3c00000000000000 3c00000000000000 3c00000000000000"
		  "3c00000000000000 3c00000000000000 3a00000000000000" ADVERTISEMENT,
		  DP_DROP_GUARD_HIDDEN },
		/* a first fragment, and one that is all there is */
		{ IPPROTO_FRAGMENT, "3a00000100000001" ADVERTISEMENT, DP_DROP_ROUTER_GUARD },
		{ IPPROTO_FRAGMENT, "3a00000000000001" ADVERTISEMENT, DP_DROP_ROUTER_GUARD },
		/* RFC 7113: a first fragment that ends before the header that matters */
		{ IPPROTO_FRAGMENT, "3c00000100000001 3a00000000000000", DP_DROP_GUARD_HIDDEN },
		{ IPPROTO_FRAGMENT, "3c00000100000001 3a01000000000000", DP_DROP_GUARD_HIDDEN },
		/* a later one */
		{ IPPROTO_FRAGMENT, "3a00000900000001" ADVERTISEMENT, DP_DROP_NONE },
		{ IPPROTO_FRAGMENT, "3a00fff800000001" ADVERTISEMENT, DP_DROP_NONE },
		/* what nobody takes for an advertisement */
		{ IPPROTO_NONE, ADVERTISEMENT, DP_DROP_NONE },
		{ IPPROTO_ESP, ADVERTISEMENT, DP_DROP_NONE },
		{ IPPROTO_TCP, ADVERTISEMENT, DP_DROP_NONE },
	};

	set_guards(OPEN, DP_GUARD_ROUTER);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame f = guest_ip6(0x42, cases[i].proto, cases[i].hex);

		cases[i].reason ? expect_reason(OPEN, &f, cases[i].reason) : expect_passed(OPEN, &f);
	}
}

/* Padding that looks like the rest of a first fragment must not be taken for it. */
static void padding(void **state _unused_)
{
	struct frame f = guest_ip6(0x42, IPPROTO_FRAGMENT, "3c00000100000001 3a00000000000000"), g;

	set_guards(OPEN, DP_GUARD_ROUTER | DP_GUARD_DHCP);
	add_hex(&f, "80000000 0000000000000000");
	expect_reason(OPEN, &f, DP_DROP_GUARD_HIDDEN);
	g = cut4(frame_udp4(0x42, 67, 2), 14 + 20 + 8);
	g = fragment4(g, 0x2000);
	add_hex(&g, "0100000000000000");
	expect_reason(OPEN, &g, DP_DROP_GUARD_HIDDEN);
}

static void fragments4(void **state _unused_)
{
	struct frame dhcp = frame_udp4(0x42, 68, 2), request = frame_udp4(0x42, 67, 1), f;

	set_guards(OPEN, DP_GUARD_DHCP | DP_GUARD_ROUTER);
	f = fragment4(dhcp, 0x2000);
	expect_reason(OPEN, &f, DP_DROP_DHCP_GUARD);
	f = fragment4(request, 0x2000);
	expect_passed(OPEN, &f);
	/* it would be written over the message's first byte */
	f = fragment4(request, 0x2001);
	expect_reason(OPEN, &f, DP_DROP_GUARD_HIDDEN);
	f = fragment4(request, 0x0001);
	expect_reason(OPEN, &f, DP_DROP_GUARD_HIDDEN);
	f = fragment4(dhcp, 0x0002);
	expect_passed(OPEN, &f);
	f = frame_icmp4(0x42, 9);
	f = fragment4(f, 0x2000);
	expect_reason(OPEN, &f, DP_DROP_ROUTER_GUARD);
	f = fragment4(f, 0x0001);
	expect_passed(OPEN, &f);
}

/* ---- truncations: what does not say what it is does not get through, and nothing is read behind the end ---- */

static void every_truncation(void **state _unused_)
{
	struct frame dhcp4_ = frame_udp4(0x42, 67, 2), icmp4 = frame_icmp4(0x42, 5), dhcp6_ = frame_udp6(547, 13), f;
	struct frame ra = guest_ip6(0x42, IPPROTO_HOPOPTS, "3c00010400000000 3a00010400000000" ADVERTISEMENT);

	dhcp6_.b[11] = 0x42;
	set_guards(OPEN, DP_GUARD_DHCP | DP_GUARD_ROUTER);
	for (size_t n = 14 + 20; n <= dhcp4_.n; n++) {
		f = cut4(dhcp4_, n);
		expect_reason(OPEN, &f, n < 14 + 20 + 9 ? DP_DROP_GUARD_HIDDEN : DP_DROP_DHCP_GUARD);
		/* cut off by accident: the length field tells of the whole */
		f = dhcp4_;
		f.n = n;
		expect_reason(OPEN, &f, n < 14 + 20 + 9 ? DP_DROP_GUARD_HIDDEN : DP_DROP_DHCP_GUARD);
	}
	f = cut4(icmp4, 14 + 20);
	expect_reason(OPEN, &f, DP_DROP_GUARD_HIDDEN);
	for (size_t n = 54; n <= ra.n; n++) {
		f = cut6(ra, n);
		expect_reason(OPEN, &f, n < 54 + 17 ? DP_DROP_GUARD_HIDDEN : DP_DROP_ROUTER_GUARD);
	}
	for (size_t n = 54; n <= dhcp6_.n; n++) {
		f = cut6(dhcp6_, n);
		expect_reason(OPEN, &f, n < 54 + 9 ? DP_DROP_GUARD_HIDDEN : DP_DROP_DHCP_GUARD);
	}
}

/* ---- NN-3: neighbour discovery ---- */

#define TARGET "fe800000000000000000000000000001"
#define SOLICITATION "87000000 00000000" TARGET
#define ANSWER "88000000 60000000" TARGET

static const struct {
	const char *hex;
	enum dp_drop_reason reason;
} nd[] = {
	{ "85000000 00000000 0101000000000041", DP_DROP_NONE },
	{ "85000000 00000000 0101000000000042", DP_DROP_ND_SPOOFED },
	{ "85000000 00000000", DP_DROP_NONE },
	{ "86000000 00000000 00000000 00000000 0101000000000042", DP_DROP_ND_SPOOFED },
	{ "86000000 00000000 00000000 00000000 05010000000005dc 0101000000000041", DP_DROP_NONE },
	{ "86000000 00000000 00000000 00000000 05010000000005dc 0101000000000042", DP_DROP_ND_SPOOFED },
	{ SOLICITATION "0101000000000041", DP_DROP_NONE },
	{ SOLICITATION "0101000000000042", DP_DROP_ND_SPOOFED },
	/* duplicate address detection */
	{ SOLICITATION, DP_DROP_NONE },
	{ SOLICITATION "0e01aabbccddeeff", DP_DROP_NONE },
	{ ANSWER "0201000000000041", DP_DROP_NONE },
	{ ANSWER "0201000000000042", DP_DROP_ND_SPOOFED },
	{ ANSWER "0101000000000042", DP_DROP_ND_SPOOFED },
	{ ANSWER "0201000000000041 0201000000000042", DP_DROP_ND_SPOOFED },
	{ ANSWER "0e02000000000000 0000000000000000 0201000000000042", DP_DROP_ND_SPOOFED },
	/* a router says where somebody else is */
	{ "89000000 00000000" TARGET TARGET "0201000000000042", DP_DROP_NONE },
	{ "89000000 00000000" TARGET TARGET "0101000000000042", DP_DROP_ND_SPOOFED },
	/* RFC 4861 4.6: no option has no size */
	{ ANSWER "0200000000000042", DP_DROP_ND_MALFORMED },
	{ ANSWER "0e00", DP_DROP_ND_MALFORMED },
	{ ANSWER "0202000000000041", DP_DROP_ND_MALFORMED },
	{ ANSWER "02010000000041", DP_DROP_ND_MALFORMED },
	/* sixteen options are enough for everybody */
	{ ANSWER "0e01000000000000 0e01000000000000 0e01000000000000 0e01000000000000 0e01000000000000 0e01000000000000"
		 "0e01000000000000 0e01000000000000 0e01000000000000 0e01000000000000 0e01000000000000 0e01000000000000"
		 "0e01000000000000 0e01000000000000 0e01000000000000 0201000000000041", DP_DROP_NONE },
	{ ANSWER "0e01000000000000 0e01000000000000 0e01000000000000 0e01000000000000 0e01000000000000 0e01000000000000"
		 "0e01000000000000 0e01000000000000 0e01000000000000 0e01000000000000 0e01000000000000 0e01000000000000"
		 "0e01000000000000 0e01000000000000 0e01000000000000 0e01000000000000 0201000000000042", DP_DROP_ND_MALFORMED },
	/* not neighbour discovery */
	{ "80000000 00000000 0201000000000042", DP_DROP_NONE },
};

static void neighbour_discovery(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(nd); i++) {
		struct frame f = guest_ip6(0x41, IPPROTO_ICMPV6, nd[i].hex), g;

		nd[i].reason ? expect_reason(PLAIN, &f, nd[i].reason) : expect_passed(PLAIN, &f);
		g = tagged(&f, "8100 0007");
		nd[i].reason ? expect_reason(PLAIN, &g, nd[i].reason) : expect_passed(PLAIN, &g);
		/* spoofing on: anybody's */
		expect_passed(OPEN, &f);
	}
}

static void neighbour_discovery_in_a_segment(void **state _unused_)
{
	struct frame f = guest_ip6(0x31, IPPROTO_ICMPV6, ANSWER "0201000000000042");
	struct result r;

	expect_reason(LAB1, &f, DP_DROP_ND_SPOOFED);
	f.b[f.n - 1] = 0x31;
	r = run(BPF_ROLE_VPORT, LAB1, &f);
	assert_int_equal(r.verdict, DP_VERDICT_FLOOD);
}

static void neighbour_discovery_in_disguise(void **state _unused_)
{
	struct frame f = guest_ip6(0x41, IPPROTO_DSTOPTS, "3a00010400000000" ANSWER "0201000000000042");

	expect_reason(PLAIN, &f, DP_DROP_ND_SPOOFED);
	/* RFC 6980 */
	f = guest_ip6(0x41, IPPROTO_FRAGMENT, "3a00000100000001" ANSWER "0201000000000041");
	expect_reason(PLAIN, &f, DP_DROP_ND_MALFORMED);
	f = guest_ip6(0x41, IPPROTO_FRAGMENT, "3c00000100000001 3a00000000000000");
	expect_reason(PLAIN, &f, DP_DROP_GUARD_HIDDEN);
	f = guest_ip6(0x41, IPPROTO_FRAGMENT, "1100000100000001 03e807d00008000000000000");
	expect_passed(PLAIN, &f);
}

static void neighbour_discovery_cut_off(void **state _unused_)
{
	struct frame whole = guest_ip6(0x41, IPPROTO_ICMPV6, ANSWER "0201000000000042"), f;

	for (size_t n = 54; n < whole.n; n++) {
		f = cut6(whole, n);
		if (n == 54)
			expect_reason(PLAIN, &f, DP_DROP_GUARD_HIDDEN);
		else if (n == 54 + 24)
			expect_passed(PLAIN, &f);
		else
			expect_reason(PLAIN, &f, DP_DROP_ND_MALFORMED);
	}
	/* less than an IPv6 header has no test run, but behind a tag it has */
	whole = tagged(&whole, "8100 0007");
	for (size_t n = 18; n < 58; n++) {
		f = whole;
		f.n = n;
		expect_reason(PLAIN, &f, DP_DROP_GUARD_HIDDEN);
	}
}

/* NN-3 for ARP holds behind tags, too. */
static void arp_behind_tags(void **state _unused_)
{
	struct frame plain = frame_arp(0xff, 0x41, 2, 0x42, "10.0.0.1", "10.0.0.1"), f = tagged(&plain, "8100 0007");

	expect_reason(PLAIN, &f, DP_DROP_ARP_SPOOFED);
	f = tagged(&plain, "88a8 0007 8100 0008");
	expect_reason(PLAIN, &f, DP_DROP_ARP_SPOOFED);
	plain = frame_arp(0xff, 0x41, 2, 0x41, "10.0.0.1", "10.0.0.1");
	f = tagged(&plain, "8100 0007");
	expect_passed(PLAIN, &f);
}

/* ---- StormLimit ---- */

static void set_storm_limit(uint32_t ifindex, uint32_t limit)
{
	struct dp_port values = { .storm_limit = limit };

	set_port(ifindex, DP_PORT_STORM, &values);
}

static uint64_t milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Until a frame goes through again, which is the first of a second. */
static void await_second(uint32_t port, const struct frame *f)
{
	uint64_t deadline = milliseconds() + 10000;

	while (run(BPF_ROLE_VPORT, port, f).verdict == DP_VERDICT_DROP)
		assert_true(milliseconds() < deadline);
}

/* How many of so many frames are dropped, sent right after the first of a second. */
static uint64_t storm_drops(uint32_t port, const struct frame *f, struct meta meta, int times)
{
	for (;;) {
		uint64_t before, start;

		run_times(BPF_ROLE_VPORT, port, f, meta, 1000);
		await_second(port, f);
		start = milliseconds();
		before = drops(port, DP_DROP_STORM_LIMIT);
		run_times(BPF_ROLE_VPORT, port, f, meta, times);
		/* a machine that stood still for a second proves nothing */
		if (milliseconds() - start < 900)
			return drops(port, DP_DROP_STORM_LIMIT) - before;
	}
}

static void storm_limit(void **state _unused_)
{
	struct frame broadcast = frame_arp(0xff, 0x41, 1, 0x41, "10.0.0.1", "10.0.0.2"), unicast = frame_ip4(local);
	struct frame multicast = guest_ip6(0x41, IPPROTO_ICMPV6, "80000000 00000000");
	struct meta large = { .gso_size = 10, .gso_segs = 4 };
	uint64_t before;

	unicast.b[11] = 0x41;
	set_storm_limit(PLAIN, 100);
	assert_int_equal(storm_drops(PLAIN, &broadcast, (struct meta){ 0 }, 99), 0);
	assert_int_equal(storm_drops(PLAIN, &broadcast, (struct meta){ 0 }, 150), 51);
	assert_int_equal(storm_drops(PLAIN, &multicast, (struct meta){ 0 }, 150), 51);
	/* one and 24 times four fit; what is larger than the rest is dropped as a whole */
	assert_int_equal(storm_drops(PLAIN, &multicast, large, 30), 6);
	/* what is for one machine does not count, on a switch whose bridge knows who that is */
	before = drops(PLAIN, DP_DROP_STORM_LIMIT);
	run_times(BPF_ROLE_VPORT, PLAIN, &unicast, (struct meta){ 0 }, 1000);
	assert_int_equal(drops(PLAIN, DP_DROP_STORM_LIMIT), before);
	set_port(PLAIN, 0, &(struct dp_port){ 0 });
	run_times(BPF_ROLE_VPORT, PLAIN, &broadcast, (struct meta){ 0 }, 1000);
	assert_int_equal(drops(PLAIN, DP_DROP_STORM_LIMIT), before);
}

/* In a segment without policy what nobody has goes to all: it counts, and what somebody has does not. */
static void storm_limit_of_flooding(void **state _unused_)
{
	struct ip4 p = { .dst_mac = 0x39, .src_mac = 0x31, .dst = "10.10.10.20", .src = "10.10.10.10" };
	struct frame unknown = frame_ip4(p), known;
	uint64_t before;

	set_storm_limit(LAB1, 10);
	assert_int_equal(storm_drops(LAB1, &unknown, (struct meta){ 0 }, 20), 11);
	p.dst_mac = 0x32;
	known = frame_ip4(p);
	before = drops(LAB1, DP_DROP_STORM_LIMIT);
	for (int i = 0; i < 20; i++)
		assert_int_equal(run(BPF_ROLE_VPORT, LAB1, &known).verdict, DP_VERDICT_DELIVER);
	assert_int_equal(drops(LAB1, DP_DROP_STORM_LIMIT), before);
}

/* AC-7: what another guard drops is not counted. */
static void storm_limit_after_guards(void **state _unused_)
{
	struct frame dhcp = frame_udp4(0x41, 68, 2), fine = frame_udp4(0x41, 67, 1);
	struct dp_port values = { .guards = DP_GUARD_DHCP, .storm_limit = 2 };

	set_port(PLAIN, DP_PORT_GUARDS | DP_PORT_STORM, &values);
	for (int i = 0; i < 10; i++)
		expect_reason(PLAIN, &dhcp, DP_DROP_DHCP_GUARD);
	assert_int_equal(storm_drops(PLAIN, &fine, (struct meta){ 0 }, 3), 2);
}

/* ---- PortMirroring ---- */

/* What left by a device so far. */
static unsigned long transmitted(uint32_t ifindex)
{
	unsigned long n = 0;
	char line[512], name[16];
	FILE *f = fopen("/proc/self/net/dev", "re");

	assert_non_null(f);
	snprintf(name, sizeof(name), "d%u:", ifindex);
	while (fgets(line, sizeof(line), f)) {
		char *p = strstr(line, name);

		if (p)
			assert_int_equal(sscanf(p + strlen(name), "%*u %*u %*u %*u %*u %*u %*u %*u %*u %lu", &n), 1);
	}
	fclose(f);
	return n;
}

static void set_mirror(uint32_t ifindex, bool source, uint32_t to)
{
	struct dp_port values = { .mirror = to };

	set_port(ifindex, source ? DP_PORT_MIRROR : 0, &values);
}

static void expect_copies(enum bpf_role role, unsigned long open, unsigned long lab)
{
	struct frame f = frame_arp(0xff, 0x41, 1, 0x41, "10.0.0.1", "10.0.0.2");
	unsigned long open_before = transmitted(OPEN), lab_before = transmitted(LAB1);
	struct result r = run(role, PLAIN, &f);

	assert_int_equal(r.action, role == BPF_ROLE_VPORT ? 0 : -1);
	assert_frame(&r.out, &f);
	assert_int_equal(transmitted(OPEN) - open_before, open);
	assert_int_equal(transmitted(LAB1) - lab_before, lab);
}

static void mirror(void **state _unused_)
{
	static const enum bpf_role roles[] = { BPF_ROLE_VPORT, BPF_ROLE_VPORT_EGRESS };

	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		expect_copies(roles[i], 0, 0);
		set_mirror(PLAIN, true, OPEN);
		expect_copies(roles[i], 1, 0);
		set_mirror(OPEN, false, LAB1);
		expect_copies(roles[i], 1, 1);
		/* a ring ends, and a list ends at a port that is a source itself, or none */
		set_mirror(LAB1, false, OPEN);
		expect_copies(roles[i], 8, 8);
		set_mirror(LAB1, true, OPEN);
		expect_copies(roles[i], 1, 0);
		set_mirror(OPEN, false, NOT_A_PORT);
		expect_copies(roles[i], 1, 0);
		set_mirror(PLAIN, false, OPEN);
		expect_copies(roles[i], 0, 0);
		guards_off(NULL);
	}
}

/* Copies are of what the guards let through. */
static void mirror_after_guards(void **state _unused_)
{
	struct frame f = frame_udp4(0x41, 68, 2);
	struct dp_port values = { .guards = DP_GUARD_DHCP, .mirror = OPEN };
	unsigned long before = transmitted(OPEN);

	set_port(PLAIN, DP_PORT_GUARDS | DP_PORT_MIRROR, &values);
	expect_reason(PLAIN, &f, DP_DROP_DHCP_GUARD);
	assert_int_equal(transmitted(OPEN), before);
}

#define guard_test(f) cmocka_unit_test_teardown(f, guards_off)

int main(void)
{
	const struct CMUnitTest tests[] = {
		guard_test(dhcp_guard), guard_test(every_kind_of_port), guard_test(router_guard), guard_test(behind_tags),
		guard_test(behind_options), guard_test(behind_extension_headers), guard_test(padding), guard_test(fragments4),
		guard_test(every_truncation), guard_test(neighbour_discovery), guard_test(neighbour_discovery_in_a_segment),
		guard_test(neighbour_discovery_in_disguise), guard_test(neighbour_discovery_cut_off), guard_test(arp_behind_tags),
		guard_test(storm_limit), guard_test(storm_limit_of_flooding), guard_test(storm_limit_after_guards),
		guard_test(mirror), guard_test(mirror_after_guards),
	};

	return cmocka_run_group_tests(tests, fixture_up, fixture_down);
}
