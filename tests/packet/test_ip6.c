/* SPDX-License-Identifier: Apache-2.0 */
/* IPv6 of guests: sources (section 2.5), the distributed router (HN-4, HN-9), ICMPv6 (RFC 4443, WG-5), and what the wire brings. */
#include <netinet/in.h>

#include "fixture6.h"

#define MINE "2001:db8:10::11"
#define KEY(vsid) ((uint32_t)(vsid) << 8)

enum { FAST = 80 };

static const struct ip6_packet local = { .dst_mac = 0x13, .src_mac = 0x11, .dst = "2001:db8:10::13", .src = MINE, .payload = 30 };
static const struct ip6_packet remote = { .dst_mac = 0x12, .src_mac = 0x11, .dst = "2001:db8:10::12", .src = MINE, .payload = 30 };

static struct ip6_packet to(const char *dst)
{
	return (struct ip6_packet){ .dst_mac = 0x06, .src_mac = 0x11, .dst = dst, .src = MINE, .payload = 4 };
}

static void dropped(uint32_t port, const struct frame *f, enum dp_drop_reason reason)
{
	expect_drop(BPF_ROLE_VPORT, port, f, reason);
}

static void expect_delivered(uint32_t from, const struct frame *f, uint32_t port, enum dp_verdict how)
{
	struct result r = run(BPF_ROLE_VPORT, from, f);

	assert_int_equal(r.verdict, how);
	assert_int_equal(r.detail, port);
	assert_frame(&r.out, f);
}

/* inner: as it must be on the wire */
static void expect_wire(uint32_t from, const struct frame *f, uint32_t vsid, const struct frame *inner)
{
	struct result r = run(BPF_ROLE_VPORT, from, f);
	struct frame want = frame_nvgre(HERE, PEER, KEY(vsid), inner);

	assert_int_equal(r.verdict, DP_VERDICT_SEND);
	assert_int_equal(r.detail, UPLINK);
	memcpy(want.b, "\0\0\0\0\0\xb2\0\0\0\0\0\xb1", 12);
	want.b[OUTER_KEY + 3] = r.out.b[OUTER_KEY + 3];
	assert_frame(&r.out, &want);
}

/* ---- within a virtual subnet ---- */

static void sources(void **state _unused_)
{
	static const char *const others[] = {
		"2001:db8:10::13", "2001:db8:10::12", "2001:db8:10::1", "2001:db8:10::77", "::", "::1", "ff02::1",
		"::ffff:10.10.10.11", "fe80::200:ff:fe00:12", "fe80::200:ff:fe00:6", "fe80::12",
	};
	struct ip6_packet p = local;
	struct frame f = frame_ip6(p);

	expect_delivered(BLUE1, &f, BLUE3, DP_VERDICT_DELIVER);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		p.src = others[i];
		f = frame_ip6(p);
		dropped(BLUE1, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
	}
	for (int i = 0; i < 4; i++) {
		p.src = (const char *[]){ "fe80::200:ff:fe00:11", "fe80::1", "fe80::200:ff:fe00:99", "febf::1" }[i];
		f = frame_ip6(p);
		expect_delivered(BLUE1, &f, BLUE3, DP_VERDICT_DELIVER);
	}
	/* the same address in another virtual subnet is another machine's */
	p = remote;
	p.src_mac = 0x21;
	p.dst_mac = 0x22;
	f = frame_ip6(p);
	expect_wire(RED1, &f, 5011, &f);
}

/* HN-7, HN-8: any address of that family alone. */
static void wildcards(void **state _unused_)
{
	struct ip6_packet p = local;
	struct frame f;

	p.src_mac = 0x61;
	p.src = "2001:db8:ffff::1";
	f = frame_ip6(p);
	expect_delivered(WILD, &f, BLUE3, DP_VERDICT_DELIVER);
	for (int i = 0; i < 3; i++) {
		p.src = (const char *[]){ "::", "ff02::1", "::ffff:10.10.10.11" }[i];
		f = frame_ip6(p);
		dropped(WILD, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
	}
	p.src = "2001:db8:ffff::1";
	f = frame_ip6(p);
	port_set_flags(WILD, 0, DP_PORT_ANY_CA6);
	/* the entry of the MAC address says so, too: it is what counts for machines behind a port */
	expect_delivered(WILD, &f, BLUE3, DP_VERDICT_DELIVER);
	port_set_flags(WILD, DP_PORT_ANY_CA6, DP_PORT_CA6);
	dropped(WILD, &f, DP_DROP_IPV6_NOT_CARRIED);
	port_set_flags(WILD, DP_PORT_CA6, 0);
}

static void nested(void **state _unused_)
{
	struct ip6_packet p = local;
	struct frame f;

	p.src_mac = 0x51;
	p.src = "2001:db8:10::51";
	f = frame_ip6(p);
	expect_delivered(HOST, &f, BLUE3, DP_VERDICT_DELIVER);
	p.src = "fe80::200:ff:fe00:51";
	f = frame_ip6(p);
	expect_delivered(HOST, &f, BLUE3, DP_VERDICT_DELIVER);
	p.src = "2001:db8:10::50";
	f = frame_ip6(p);
	dropped(HOST, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
	p.src_mac = 0x52;
	f = frame_ip6(p);
	dropped(HOST, &f, DP_DROP_IPV6_NOT_CARRIED);
	/* a machine of another host */
	p.src_mac = 0x12;
	p.src = "2001:db8:10::12";
	f = frame_ip6(p);
	dropped(HOST, &f, DP_DROP_IPV6_NOT_CARRIED);
}

static void sent(void **state _unused_)
{
	struct ip6_packet p = remote;
	struct frame f = frame_ip6(p);

	expect_wire(BLUE1, &f, 5010, &f);
	p.next = IPPROTO_TCP;
	for (p.payload = 0; p.payload < 1400; p.payload += 99) {
		f = frame_ip6(p);
		expect_wire(BLUE1, &f, 5010, &f);
	}
	/* the kernel asks for the next hop of IPv6, too */
	p.dst_mac = 0x1a;
	f = frame_ip6(p);
	struct result r = run(BPF_ROLE_VPORT, BLUE1, &f);

	assert_int_equal(r.verdict, DP_VERDICT_SEND_NEIGH);
	assert_int_equal(r.detail, BRIDGE);
	assert_memory_equal(r.out.b + INNER, f.b, f.n);
}

static uint8_t flow_of(const struct frame *f)
{
	struct result r = run(BPF_ROLE_VPORT, BLUE1, f);

	assert_int_equal(r.verdict, DP_VERDICT_SEND);
	return r.out.b[OUTER_KEY + 3];
}

/* WG-2: of a flow all packets the same, of different ones hardly ever; the flow label may change within one. */
static void flow_id(void **state _unused_)
{
	bool seen[256] = { false };
	struct frame f = frame_ip6(remote), fragment;
	uint8_t id = flow_of(&f);
	int distinct = 0;

	for (size_t payload = 0; payload < 500; payload += 7) {
		struct ip6_packet p = remote;

		p.payload = payload;
		f = frame_ip6(p);
		f.b[17] = (uint8_t)payload;
		assert_int_equal(flow_of(&f), id);
	}
	for (uint16_t port = 40000; port < 41000; port++) {
		frame_set_u16(&f, 54, port);
		id = flow_of(&f);
		distinct += !seen[id];
		seen[id] = true;
	}
	assert_true(distinct > 230);
	/* of fragments the addresses alone: the later ones have no ports */
	fragment = frame_ip6_header((struct ip6_packet){ .dst_mac = 0x12, .src_mac = 0x11, .dst = remote.dst, .src = remote.src,
							 .next = IPPROTO_FRAGMENT });
	frame_add(&fragment, (uint8_t[]){ IPPROTO_UDP, 0, 0, 1, 0, 0, 0, 1 }, 8);
	frame_add(&fragment, "0123456789abcdef", 16);
	frame_fix6(&fragment);
	id = flow_of(&fragment);
	fragment.b[57] = 8;
	memset(fragment.b + 62, 0x55, 16);
	assert_int_equal(flow_of(&fragment), id);
}

static void headers(void **state _unused_)
{
	struct ip6_packet p = remote;
	struct frame f;

	/* what comes behind it is the receiver's business: no next header, extension headers, later fragments, unknown protocols */
	for (int i = 0; i < 4; i++) {
		p.next = (uint8_t[]){ IPPROTO_NONE, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, 253 }[i];
		f = frame_ip6_header(p);
		frame_add(&f, (uint8_t[]){ IPPROTO_UDP, 0, p.next == IPPROTO_FRAGMENT ? 1 : 1, 4, 0, 0, 0, 0 }, 8);
		frame_add(&f, "0123456789abcdef", 16);
		frame_fix6(&f);
		expect_wire(BLUE1, &f, 5010, &f);
	}
	/* chains cut off */
	p.next = IPPROTO_DSTOPTS;
	for (size_t n = 1; n < 8; n++) {
		f = frame_ip6_header(p);
		frame_add(&f, (uint8_t[]){ IPPROTO_UDP, 0, 1, 4, 0, 0, 0, 0 }, n);
		frame_fix6(&f);
		dropped(BLUE1, &f, DP_DROP_IPV6_HEADERS);
	}
}

/* ---- the distributed router ---- */

/* What leaves the router: the frame with other MACs, hop limit less one. */
static struct frame rewritten(struct frame f, uint8_t dst, uint8_t src)
{
	f.b[5] = dst;
	f.b[11] = src;
	f.b[21]--;
	return f;
}

static void expect_routed(const struct frame *f, uint32_t vsid, uint8_t dst, uint8_t src)
{
	struct frame inner = rewritten(*f, dst, src);

	expect_wire(BLUE1, f, vsid, &inner);
}

static void routed(void **state _unused_)
{
	struct ip6_packet p = to("2001:db8:12::12");
	struct frame f = frame_ip6(p);

	expect_routed(&f, 5012, 0x82, 0x07);
	p.next = IPPROTO_TCP;
	f = frame_ip6(p);
	for (int limit = 2; limit < 256; limit++) {
		f.b[21] = (uint8_t)limit;
		expect_routed(&f, 5012, 0x82, 0x07);
	}
	/* by a next hop, by the default route, back into the sender's own subnet */
	f = frame_ip6(to("2001:db8:20:1::5"));
	expect_routed(&f, 5012, 0x82, 0x07);
	f = frame_ip6(to("2620:0:2d0:200::8"));
	expect_routed(&f, 5012, 0x82, 0x07);
	f = frame_ip6(to("2001:db8:10::12"));
	expect_routed(&f, 5010, 0x12, 0x06);
	/* to a subnet without a router: from the sender's */
	f = frame_ip6(to("2001:db8:13::12"));
	expect_routed(&f, 5013, 0x92, 0x06);
	/* on this host */
	f = frame_ip6(to("2001:db8:12::13"));
	struct frame want = rewritten(f, 0x83, 0x07);
	struct result r = run(BPF_ROLE_VPORT, BLUE1, &f);

	assert_int_equal(r.verdict, DP_VERDICT_DELIVER_PEER);
	assert_int_equal(r.detail, SHOP);
	assert_frame(&r.out, &want);
}

static void not_routed(void **state _unused_)
{
	static const struct {
		const char *dst;
		enum dp_drop_reason reason;
	} cases[] = {
		{ "2001:db8:10::1", DP_DROP_ROUTER_ADDRESS }, { "2001:db8:12::1", DP_DROP_ROUTER_ADDRESS },
		{ "2001:db8:12::77", DP_DROP_NO_NEXT_HOP_RECORD }, { "2001:db8:21::1", DP_DROP_NO_NEXT_HOP_RECORD },
		{ "ff02::1", DP_DROP_NO_ROUTE }, { "ff0e::1", DP_DROP_NO_ROUTE }, { "::1", DP_DROP_NO_ROUTE },
		{ "::", DP_DROP_NO_ROUTE }, { "::ffff:10.10.10.12", DP_DROP_NO_ROUTE },
		{ "fe80::200:ff:fe00:6", DP_DROP_ROUTED_LINK_LOCAL }, { "febf::1", DP_DROP_ROUTED_LINK_LOCAL },
	};
	struct ip6_packet p = to("2001:db8:12::12");
	struct frame f;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		f = frame_ip6(to(cases[i].dst));
		dropped(BLUE1, &f, cases[i].reason);
	}
	p.src = "fe80::200:ff:fe00:11";
	f = frame_ip6(p);
	dropped(BLUE1, &f, DP_DROP_ROUTED_LINK_LOCAL);
	/* the router of IPv4 is not that of IPv6 */
	p = to("2001:db8:12::12");
	p.dst_mac = 0x01;
	f = frame_ip6(p);
	dropped(BLUE1, &f, DP_DROP_DESTINATION_NOT_IN_POLICY);
	p.dst_mac = 0x06;
	p.src_mac = 0x13;
	p.src = "2001:db8:10::13";
	f = frame_ip6(p);
	dropped(BLUE3, &f, DP_DROP_DESTINATION_NOT_IN_POLICY);
}

/* ::/0 covers, as a prefix, where the table has IPv4: it leads no IPv4 anywhere. */
static void families_apart(void **state _unused_)
{
	struct bpf_port_vec all = { 0 };
	struct frame f = frame_ip4((struct ip4){ .dst_mac = 0x01, .src_mac = 0x11, .dst = "10.10.12.12", .src = "10.10.10.11" });

	assert_int_equal(bpf_driver_observe_ports(fixture_driver(), &all), 0);
	vec_foreach(&all, p) {
		if (p->ifindex != BLUE1)
			continue;
		p->value.router_mac[5] = 0x01;
		assert_int_equal(bpf_driver_set_port(fixture_driver(), p), 0);
		dropped(BLUE1, &f, DP_DROP_NO_ROUTE);
		p->value.router_mac[5] = 0;
		assert_int_equal(bpf_driver_set_port(fixture_driver(), p), 0);
	}
	vec_done(&all);
}

/* ---- ICMPv6 ---- */

/* The answer to f: from the router, or from whom it was for. */
static struct frame icmp6(const struct frame *f, uint8_t type, uint32_t mtu, size_t quote)
{
	struct frame want = frame_hex("000000000011 000000000006 86dd 60000000 0000 3a 40"
				      "20010db8001000000000000000000001 20010db8001000000000000000000011");
	uint8_t message[8] = { type, 0, 0, 0, (uint8_t)(mtu >> 24), (uint8_t)(mtu >> 16), (uint8_t)(mtu >> 8), (uint8_t)mtu };

	frame_add(&want, message, sizeof(message));
	frame_add(&want, f->b + 14, quote);
	frame_fix6(&want);
	return want;
}

static void expect_icmp6(const struct frame *f, enum dp_drop_reason reason, const struct frame *want)
{
	uint64_t before = drops(BLUE1, reason);
	struct result r = run(BPF_ROLE_VPORT, BLUE1, f);

	assert_int_equal(r.verdict, DP_VERDICT_REPLY);
	assert_int_equal(r.detail, BLUE1);
	assert_frame(&r.out, want);
	assert_int_equal(drops(BLUE1, reason), before + 1);
}

static void time_exceeded(void **state _unused_)
{
	struct ip6_packet p = to("2001:db8:12::12");
	struct frame f, want;

	/* each size once around what fits: the whole packet, or 1280 bytes of answer */
	for (p.payload = 0; p.payload < 1300; p.payload += p.payload < 1150 ? 61 : 1) {
		for (int limit = 0; limit < 2; limit++) {
			f = frame_ip6(p);
			f.b[21] = (uint8_t)limit;
			want = icmp6(&f, 3, 0, f.n - 14 < 1232 ? f.n - 14 : 1232);
			expect_icmp6(&f, DP_DROP_TTL_EXCEEDED, &want);
		}
	}
	/* padding is no part of the packet */
	p.payload = 0;
	f = frame_ip6(p);
	f.b[21] = 1;
	want = icmp6(&f, 3, 0, f.n - 14);
	frame_add(&f, "padding", 7);
	expect_icmp6(&f, DP_DROP_TTL_EXCEEDED, &want);
	/* the router's address answers nothing, at whatever hop limit (HN-4) */
	f = frame_ip6(to("2001:db8:12::1"));
	f.b[21] = 1;
	dropped(BLUE1, &f, DP_DROP_ROUTER_ADDRESS);
}

static void too_big(void **state _unused_)
{
	struct ip6_packet p = to("2001:db8:12::18");
	struct frame f, want;

	/* the path takes 1400 bytes: 40 IPv6, 8 UDP, 1352 */
	p.payload = 1352;
	f = frame_ip6(p);
	assert_int_equal(run(BPF_ROLE_VPORT, BLUE1, &f).verdict, DP_VERDICT_SEND);
	p.payload = 1353;
	f = frame_ip6(p);
	want = icmp6(&f, 2, 1400, 1232);
	expect_icmp6(&f, DP_DROP_TOO_BIG, &want);
	/* within the subnet, from the router all the same; without one, from whom it was for */
	p.dst_mac = 0x17;
	p.dst = "2001:db8:10::17";
	f = frame_ip6(p);
	want = icmp6(&f, 2, 1400, 1232);
	expect_icmp6(&f, DP_DROP_TOO_BIG, &want);
	port_set_router6(BLUE1, 0, NULL);
	want.b[11] = 0x17;
	want.b[37] = 0x17;
	frame_fix6(&want);
	expect_icmp6(&f, DP_DROP_TOO_BIG, &want);
	/* from a link-local address */
	p.src = "fe80::200:ff:fe00:11";
	f = frame_ip6(p);
	assert_int_equal(run(BPF_ROLE_VPORT, BLUE1, &f).verdict, DP_VERDICT_REPLY);
	port_set_router6(BLUE1, 0x06, "2001:db8:10::1");
}

/* A large segment counts by its pieces. A test run cannot say its kind: ENCAP_FAILED shows that it was not too big. */
static void too_big_segments(void **state _unused_)
{
	struct ip6_packet p = to("2001:db8:12::18");
	struct meta meta = { .gso_size = 1340, .gso_segs = 3 };
	struct frame f, want;

	p.next = IPPROTO_TCP;
	p.payload = 3000;
	f = frame_ip6(p);
	assert_int_equal(run_meta(BPF_ROLE_VPORT, BLUE1, &f, meta).detail, DP_DROP_ENCAP_FAILED);
	meta.gso_size = 1341;
	want = icmp6(&f, 2, 1400, 1232);
	struct result r = run_meta(BPF_ROLE_VPORT, BLUE1, &f, meta);

	assert_int_equal(r.verdict, DP_VERDICT_REPLY);
	assert_frame(&r.out, &want);
}

/* RFC 4443 2.4 (e) */
static void not_answered(void **state _unused_)
{
	struct ip6_packet p = to("2001:db8:12::12");
	struct frame f;

	p.next = IPPROTO_ICMPV6;
	p.hop_limit = 1;
	p.payload = 16;
	for (unsigned type = 0; type < 256; type++) {
		f = frame_ip6(p);
		f.b[54] = (uint8_t)type;
		if (type < 128)
			dropped(BLUE1, &f, DP_DROP_TTL_EXCEEDED);
		else if (type < 130 || type > 143 || (type > 137 && type < 143))
			assert_int_equal(run(BPF_ROLE_VPORT, BLUE1, &f).verdict, DP_VERDICT_REPLY);
	}
	/* of fragments the first one, unless it does not show what it is; later ones but of ICMPv6 */
	for (int i = 0; i < 4; i++) {
		p.next = IPPROTO_FRAGMENT;
		f = frame_ip6(p);
		f.b[54] = i < 2 ? IPPROTO_UDP : IPPROTO_ICMPV6;
		f.b[56] = 0;
		f.b[57] = i % 2 ? 9 : 1;
		f.b[62] = 1;
		struct result r = run(BPF_ROLE_VPORT, BLUE1, &f);

		assert_int_equal(r.verdict, i < 2 ? DP_VERDICT_REPLY : DP_VERDICT_DROP);
	}
}

/* ---- from the wire ---- */

static const struct ip6_packet incoming = { .dst_mac = 0x11, .src_mac = 0x12, .dst = MINE, .src = "2001:db8:10::12", .payload = 40 };

static void expect_received(const char *pa, uint32_t vsid, struct ip6_packet p)
{
	struct frame inner = frame_ip6(p), f = frame_nvgre(pa, HERE, KEY(vsid), &inner);
	struct result r = run(BPF_ROLE_UPLINK, UPLINK, &f);

	assert_true(r.verdict == DP_VERDICT_DELIVER || r.verdict == DP_VERDICT_DELIVER_PEER);
	assert_int_equal(r.detail, BLUE1);
	assert_frame(&r.out, &inner);
}

static void refused(const char *pa, uint32_t vsid, struct ip6_packet p, enum dp_drop_reason reason)
{
	struct frame inner = frame_ip6(p), f = frame_nvgre(pa, HERE, KEY(vsid), &inner);

	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, reason);
}

static void received(void **state _unused_)
{
	struct ip6_packet p = incoming;

	expect_received(PEER, 5010, p);
	p.next = IPPROTO_TCP;
	for (p.payload = 0; p.payload < 1400; p.payload += 99)
		expect_received(PEER, 5010, p);
	p.next = IPPROTO_DSTOPTS;
	expect_received(PEER, 5010, p);
	p = incoming;
	for (int i = 0; i < 3; i++) {
		p.src = (const char *[]){ "fe80::12", "fe80::200:ff:fe00:12", "fe80::1234" }[i];
		expect_received(PEER, 5010, p);
	}
	p.src_mac = 0x62;
	p.src = "2001:db8:ffff::1";
	expect_received(PEER, 5010, p);
	refused(PEER, 5010, (struct ip6_packet){ .dst_mac = 0x11, .src_mac = 0x12, .dst = MINE, .src = "2001:db8:10::12",
						 .payload = 7, .next = IPPROTO_DSTOPTS },
		DP_DROP_IPV6_HEADERS);
}

static void wrong_sources(void **state _unused_)
{
	static const char *const others[] = {
		"2001:db8:10::13", "2001:db8:10::77", "2001:db8:10::1", "fe80::200:ff:fe00:13", "::", "::1", "ff02::1",
		"::ffff:10.10.10.12",
	};
	struct ip6_packet p = incoming;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		p.src = others[i];
		refused(PEER, 5010, p, DP_DROP_INNER_SOURCE_UNKNOWN);
	}
	p = incoming;
	refused("214.214.51.77", 5010, p, DP_DROP_WRONG_SOURCE_PA);
	refused(HERE, 5010, p, DP_DROP_OWN_PA_AS_SOURCE);
	p.src_mac = 0x14;
	p.src = "fe80::200:ff:fe00:14";
	refused(PEER, 5010, p, DP_DROP_IPV6_NOT_CARRIED);
	p.src_mac = 0x99;
	refused(PEER, 5010, p, DP_DROP_INNER_SOURCE_UNKNOWN);
	/* one that only the wildcard's MAC address may have */
	p = incoming;
	p.src = "2001:db8:ffff::1";
	refused(PEER, 5010, p, DP_DROP_INNER_SOURCE_UNKNOWN);
}

static void routed_in(void **state _unused_)
{
	struct ip6_packet p = incoming;

	p.src_mac = 0x06;
	p.src = "2001:db8:12::12";
	expect_received(PEER, 5010, p);
	refused("214.214.51.60", 5050, p, DP_DROP_INNER_SOURCE_UNKNOWN);
	refused("214.214.51.61", 5010, p, DP_DROP_ROUTED_SOURCE_UNKNOWN);
	p.src = "2620:0:2d0:200::8";
	expect_received("214.214.51.60", 5010, p);
	refused(PEER, 5010, p, DP_DROP_ROUTED_SOURCE_UNKNOWN);
	/* the wildcard of IPv4 */
	refused("214.214.51.61", 5010, p, DP_DROP_ROUTED_SOURCE_UNKNOWN);
	p.src = "fe80::1";
	refused("214.214.51.60", 5010, p, DP_DROP_INNER_SOURCE_UNKNOWN);
	p.src = "2001:db8:12::12";
	p.src_mac = 0x07;
	refused(PEER, 5010, p, DP_DROP_INNER_SOURCE_UNKNOWN);
}

/* Cut at every byte of the inner frame, with the outer length in accord, and the inner header's length too long. */
static void truncated(void **state _unused_)
{
	struct frame inner = frame_ip6(incoming), f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	size_t whole = f.n;

	for (f.n = INNER; f.n < whole; f.n++) {
		frame_fix_outer(&f);
		expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_INNER_TRUNCATED);
	}
	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	frame_set_u16(&f, INNER + 18, (uint16_t)(inner.n - 54 + 1));
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_INNER_TRUNCATED);
}

/* Neighbour discovery comes from no other host, in whatever clothes. */
static void discovery(void **state _unused_)
{
	struct ip6_packet p = incoming;
	struct frame inner, f, plain;

	p.next = IPPROTO_ICMPV6;
	p.payload = 32;
	for (unsigned type = 128; type < 145; type++) {
		bool local_only = (type >= 130 && type <= 137) || type == 143;

		inner = frame_ip6(p);
		inner.b[54] = (uint8_t)type;
		frame_fix6(&inner);
		f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
		if (local_only)
			expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_ND_FROM_WIRE);
		else
			assert_true(run(BPF_ROLE_UPLINK, UPLINK, &f).verdict == DP_VERDICT_DELIVER_PEER);
	}
	plain = frame_ip6(p);
	plain.b[54] = 136;
	inner.n = 0;
	frame_add(&inner, plain.b, 54);
	frame_add(&inner, (uint8_t[]){ IPPROTO_ICMPV6, 0, 1, 4, 0, 0, 0, 0 }, 8);
	frame_add(&inner, plain.b + 54, plain.n - 54);
	inner.b[20] = IPPROTO_DSTOPTS;
	frame_fix6(&inner);
	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_ND_FROM_WIRE);
}

/* ---- at XDP ---- */

static void expect_xdp(struct frame inner, bool taken)
{
	struct frame f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	struct xdp_result r = run_xdp(FAST, &f);

	assert_int_equal(r.action, 2);
	assert_int_equal(r.meta_n, 12);
	if (!taken) {
		assert_int_equal(r.meta[0], 0);
		assert_frame(&r.out, &f);
		return;
	}
	assert_int_equal(r.meta[1], 5010);
	assert_int_equal(r.meta[2], BLUE1);
	inner.b[6] |= 1;
	assert_frame(&r.out, &inner);
}

/* Taken by XDP as IPv4 is, since GRO depends on it; what may be neighbour discovery is left to the TC program. */
static void at_xdp(void **state _unused_)
{
	struct ip6_packet p = incoming;
	struct frame f;

	for (int i = 0; i < 2; i++) {
		p.next = i ? IPPROTO_TCP : IPPROTO_UDP;
		expect_xdp(frame_ip6(p), true);
	}
	p.next = IPPROTO_ICMPV6;
	for (unsigned type = 0; type < 256; type++) {
		f = frame_ip6(p);
		f.b[54] = (uint8_t)type;
		expect_xdp(f, !((type >= 130 && type <= 137) || type == 143));
	}
	p.next = IPPROTO_DSTOPTS;
	expect_xdp(frame_ip6(p), false);
	p = incoming;
	p.src = "2001:db8:10::13";
	expect_xdp(frame_ip6(p), false);
	p = incoming;
	p.src_mac = 0x06;
	p.src = "2001:db8:12::12";
	expect_xdp(frame_ip6(p), true);
	f = frame_ip6(incoming);
	frame_set_u16(&f, 18, (uint16_t)(f.n - 54 + 1));
	expect_xdp(f, false);
}

static int up(void **state)
{
	struct bpf_port p = { .ifindex = FAST, .value.flags = DP_PORT_UPLINK | DP_PORT_XDP };

	assert_int_equal(fixture6_up(state), 0);
	assert_int_equal(system("ip link add name d80 index 80 up type veth peer name e80"), 0);
	p.value.addr4[0] = addr(HERE).w[3];
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &p), 0);
	return bpf_driver_attach(fixture_driver(), FAST, BPF_ROLE_UPLINK_XDP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources), cmocka_unit_test(wildcards), cmocka_unit_test(nested), cmocka_unit_test(sent),
		cmocka_unit_test(flow_id), cmocka_unit_test(headers), cmocka_unit_test(routed), cmocka_unit_test(not_routed), cmocka_unit_test(families_apart),
		cmocka_unit_test(time_exceeded), cmocka_unit_test(too_big), cmocka_unit_test(too_big_segments),
		cmocka_unit_test(not_answered), cmocka_unit_test(received), cmocka_unit_test(wrong_sources),
		cmocka_unit_test(routed_in), cmocka_unit_test(truncated), cmocka_unit_test(discovery), cmocka_unit_test(at_xdp),
	};

	return cmocka_run_group_tests_name("packet/ip6", tests, up, fixture_down);
}
