/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>

#include "harness.h"

/*
 * The distributed router, on top of the fixture's policy:
 *
 *   domain 1   5010 router 00:..:01 10.10.10.1, 5012 router 00:..:02 10.10.12.1, 5013 without a router
 *     5012     82 10.10.12.12 at the peer    83 10.10.12.13 local (SHOP)    88 10.10.12.18 by a path of 1000 bytes
 *     5013     92 10.10.13.12 at the peer
 *     routes   10.10.10.0/24, 10.10.12.0/24, 10.10.13.0/24 on-link; 10.20.0.0/16 and 10.21.0.0/16 by 82, but 10.21.0.0/16
 *              for senders in 5010 by 12; 10.20.1.0/24 by nobody known; 0.0.0.0/0 by the wildcard 82 in 5012
 *   domain 2   5011 router 00:..:03, 10.10.12.0/24 on-link in 5014: b2 10.10.12.12 at the peer
 */
enum { SHOP = BLUE3 };

#define PEER "214.214.51.43"
#define HERE "214.214.51.42"

static void port(uint32_t ifindex, uint32_t vsid, uint8_t mac, const char *ca, uint8_t domain, uint8_t router, const char *router_ca)
{
	struct bpf_port p = { .ifindex = ifindex, .value = { .flags = DP_PORT_POLICY | DP_PORT_PEER, .segment = vsid, .vsid = vsid,
							     .src_pa4 = addr(HERE).w[3], .domain = { domain } } };

	mac_of(p.value.mac, mac);
	mac_of(p.value.router_mac, router);
	p.value.addr4[0] = addr(ca).w[3];
	p.value.router4 = router_ca ? addr(router_ca).w[3] : 0;
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &p), 0);
}

static void record(uint32_t vsid, uint8_t mac, const char *ca, uint32_t port, uint32_t nexthop, uint16_t flags)
{
	struct bpf_ca c = { .key = { .segment = vsid, .ca = addr(ca) }, .value = { .pa = addr(port ? HERE : PEER), .flags = flags } };
	struct bpf_dest d = { .key.segment = vsid, .value = { .kind = port ? DP_DEST_LOCAL : DP_DEST_REMOTE,
							     .target = port ? port : nexthop, .ca4 = addr(ca).w[3],
							     .pa = addr(port ? HERE : PEER) } };

	mac_of(c.value.mac, mac);
	mac_of(d.key.mac, mac);
	assert_int_equal(bpf_driver_set_cas(fixture_driver(), &c, 1), 0);
	if (!(flags & DP_CA_ROUTER))
		assert_int_equal(bpf_driver_set_dests(fixture_driver(), &d, 1), 0);
}

static void add_route(uint8_t domain, uint32_t sender, const char *prefix, unsigned bits, struct dp_route value, uint8_t router,
		      uint8_t mac)
{
	struct bpf_route r = { .key = { .prefixlen = DP_ROUTE_KEY_BITS + 96 + bits, .domain = { domain }, .vsid = sender,
					.ca = addr(prefix) }, .value = value };

	r.value.prefixlen = (uint8_t)(96 + bits);
	mac_of(r.value.router_mac, router);
	mac_of(r.value.mac, mac);
	assert_int_equal(bpf_driver_set_routes(fixture_driver(), &r, 1), 0);
}

static void subnet(uint32_t vsid, uint8_t domain, uint8_t router)
{
	struct bpf_subnet s = { .key = vsid, .value.domain = { domain } };

	mac_of(s.value.router_mac, router);
	assert_int_equal(bpf_driver_set_subnets(fixture_driver(), &s, 1), 0);
}

static void source(uint8_t domain, const char *ca, const char *pa, uint8_t router)
{
	struct bpf_source s = { .key = { .domain = { domain }, .ca = addr(ca), .pa = addr(pa) } };

	mac_of(s.value.router_mac, router);
	assert_int_equal(bpf_driver_set_sources(fixture_driver(), &s, 1), 0);
}

static void add_routes(void)
{
	struct dp_route on10 = { .vsid = 5010, .flags = DP_ROUTE_ONLINK }, on12 = { .vsid = 5012, .flags = DP_ROUTE_ONLINK };
	struct dp_route on13 = { .vsid = 5013, .flags = DP_ROUTE_ONLINK }, on14 = { .vsid = 5014, .flags = DP_ROUTE_ONLINK };
	struct dp_route by12 = { .vsid = 5012 }, own12 = { .vsid = 5012, .flags = DP_ROUTE_OWN }, by10 = { .vsid = 5010 };

	add_route(1, 0, "10.10.10.0", 24, on10, 0x01, 0);
	add_route(1, 0, "10.10.12.0", 24, on12, 0x02, 0);
	add_route(1, 0, "10.10.13.0", 24, on13, 0, 0);
	add_route(1, 0, "10.20.0.0", 16, by12, 0x02, 0x82);
	add_route(1, 0, "10.20.1.0", 24, by12, 0x02, 0);
	add_route(1, 0, "10.21.0.0", 16, own12, 0x02, 0x82);
	add_route(1, 5010, "10.21.0.0", 16, by10, 0x01, 0x12);
	/* a longer one that has no choice for 5010: the shorter one's choice must not count */
	add_route(1, 0, "10.21.5.0", 24, own12, 0x02, 0x83);
	add_route(1, 0, "0.0.0.0", 0, by12, 0x02, 0x82);
	add_route(2, 0, "10.10.12.0", 24, on14, 0x04, 0);
}

static int routed_up(void **state)
{
	int r = fixture_up(state);

	port(BLUE1, 5010, 0x11, "10.10.10.11", 1, 0x01, "10.10.10.1");
	port(SHOP, 5012, 0x83, "10.10.12.13", 1, 0x02, "10.10.12.1");
	port(RED1, 5011, 0x21, "10.10.10.11", 2, 0x03, "10.10.10.1");
	record(5012, 0x82, "10.10.12.12", 0, NH_PEER, 0);
	record(5012, 0x83, "10.10.12.13", SHOP, 0, DP_CA_LOCAL);
	record(5012, 0x88, "10.10.12.18", 0, NH_SMALL, 0);
	record(5012, 0x89, "10.10.12.19", 0, NH_ABSENT, 0);
	record(5012, 0x8a, "10.10.12.20", 0, NH_V6, 0);
	record(5012, 0x02, "10.10.12.1", 0, 0, DP_CA_ROUTER);
	record(5013, 0x92, "10.10.13.12", 0, NH_PEER, 0);
	record(5014, 0xb2, "10.10.12.12", 0, NH_PEER, 0);
	add_routes();
	subnet(5010, 1, 0x01);
	subnet(5012, 1, 0x02);
	subnet(5013, 1, 0);
	subnet(5011, 2, 0x03);
	source(1, "10.10.12.12", PEER, 0x02);
	source(1, "10.10.13.12", PEER, 0);
	source(1, "0.0.0.0", "214.214.51.60", 0x02);
	source(2, "10.10.12.99", PEER, 0);
	return r;
}

static struct ip4 to(const char *dst)
{
	return (struct ip4){ .dst_mac = 0x01, .src_mac = 0x11, .dst = dst, .src = "10.10.10.11", .payload = 4 };
}

static void set_ttl(struct frame *f, size_t ip, uint8_t ttl)
{
	f->b[ip + 8] = ttl;
	frame_set_u16(f, ip + 10, 0);
	frame_set_u16(f, ip + 10, ip_checksum(f->b + ip, 20));
}

/* What leaves the router: the frame with other MACs, TTL less one. */
static struct frame rewritten(struct frame f, uint8_t dst, uint8_t src)
{
	f.b[5] = dst;
	f.b[11] = src;
	set_ttl(&f, 14, f.b[22] - 1);
	return f;
}

static void expect_wire(uint32_t ifindex, const struct frame *f, uint32_t vsid, uint8_t dst, uint8_t src)
{
	struct result r = run(BPF_ROLE_VPORT, ifindex, f);
	struct frame inner = rewritten(*f, dst, src);
	struct frame want = frame_nvgre(HERE, PEER, vsid << 8, &inner);

	assert_int_equal(r.verdict, DP_VERDICT_SEND);
	assert_int_equal(r.detail, UPLINK);
	memcpy(want.b, "\0\0\0\0\0\xb2\0\0\0\0\0\xb1", 12);
	want.b[OUTER_KEY + 3] = r.out.b[OUTER_KEY + 3];
	assert_frame(&r.out, &want);
}

static void remote(void **state _unused_)
{
	struct frame f = frame_ip4(to("10.10.12.12"));

	expect_wire(BLUE1, &f, 5012, 0x82, 0x02);
	/* the fields that are not the router's business stay: DF, TCP, options of TTL */
	struct ip4 p = to("10.10.12.12");
	p.proto = IPPROTO_TCP;
	p.frag = 0x4000;
	f = frame_ip4(p);
	for (int ttl = 2; ttl < 256; ttl++) {
		set_ttl(&f, 14, (uint8_t)ttl);
		expect_wire(BLUE1, &f, 5012, 0x82, 0x02);
	}
}

/* The incremental checksum over every value it may have. */
static void checksum(void **state _unused_)
{
	struct frame f = frame_ip4(to("10.10.12.12"));

	for (uint32_t id = 0; id < 65536; id += 7) {
		frame_set_u16(&f, 18, (uint16_t)id);
		set_ttl(&f, 14, (uint8_t)(2 + id % 254));
		struct result r = run(BPF_ROLE_VPORT, BLUE1, &f);

		assert_int_equal(r.verdict, DP_VERDICT_SEND);
		assert_int_equal(r.out.b[INNER_IP + 8], f.b[22] - 1);
		assert_int_equal(ip_checksum(r.out.b + INNER_IP, 20), 0);
	}
	/* a wrong one stays wrong: the receiver shall see it */
	frame_set_u16(&f, 24, frame_u16(&f, 24) ^ 0x0100);
	assert_int_not_equal(ip_checksum(run(BPF_ROLE_VPORT, BLUE1, &f).out.b + INNER_IP, 20), 0);
}

static void subnet_without_router(void **state _unused_)
{
	struct frame f = frame_ip4(to("10.10.13.12"));

	expect_wire(BLUE1, &f, 5013, 0x92, 0x01);
}

static void next_hops(void **state _unused_)
{
	struct frame f = frame_ip4(to("10.20.3.4"));

	expect_wire(BLUE1, &f, 5012, 0x82, 0x02);
	f = frame_ip4(to("8.8.8.8"));
	expect_wire(BLUE1, &f, 5012, 0x82, 0x02);
	/* the longer prefix decides, though nobody is there */
	f = frame_ip4(to("10.20.1.4"));
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_NO_NEXT_HOP_RECORD);
	/* back into the sender's own subnet */
	f = frame_ip4(to("10.10.10.12"));
	expect_wire(BLUE1, &f, 5010, 0x12, 0x01);
}

/* Among equals a subnet has a choice of its own; of the longest prefix only. */
static void own_choice(void **state _unused_)
{
	struct ip4 p = to("10.21.0.1");
	struct frame f = frame_ip4(p);

	expect_wire(BLUE1, &f, 5010, 0x12, 0x01);
	p.dst_mac = 0x02;
	p.src_mac = 0x83;
	p.src = "10.10.12.13";
	f = frame_ip4(p);
	expect_wire(SHOP, &f, 5012, 0x82, 0x02);
	f = frame_ip4(to("10.21.5.1"));
	struct result r = run(BPF_ROLE_VPORT, BLUE1, &f);
	assert_int_equal(r.verdict, DP_VERDICT_DELIVER_PEER);
	assert_int_equal(r.detail, SHOP);
}

static void same_host(void **state _unused_)
{
	struct frame f = frame_ip4(to("10.10.12.13")), want = rewritten(f, 0x83, 0x02);
	struct dp_counters before, after;
	struct result r;

	assert_int_equal(bpf_driver_read_counters(fixture_driver(), BLUE1, &before), 0);
	r = run(BPF_ROLE_VPORT, BLUE1, &f);
	assert_int_equal(r.verdict, DP_VERDICT_DELIVER_PEER);
	assert_int_equal(r.detail, SHOP);
	assert_frame(&r.out, &want);
	assert_int_equal(bpf_driver_read_counters(fixture_driver(), BLUE1, &after), 0);
	assert_int_equal(after.sent_packets, before.sent_packets + 1);
	/* itself */
	f = frame_ip4(to("10.10.10.11"));
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_DESTINATION_IS_SOURCE);
}

/* The same packet, another routing domain: other machines, and no default route. */
static void domains(void **state _unused_)
{
	struct ip4 p = to("10.10.12.12");

	p.dst_mac = 0x03;
	p.src_mac = 0x21;
	struct frame f = frame_ip4(p);
	expect_wire(RED1, &f, 5014, 0xb2, 0x04);
	for (int i = 0; i < 3; i++) {
		static const char *const elsewhere[] = { "10.10.13.12", "10.20.3.4", "8.8.8.8" };

		p.dst = elsewhere[i];
		f = frame_ip4(p);
		expect_drop(BPF_ROLE_VPORT, RED1, &f, DP_DROP_NO_ROUTE);
	}
	/* the router's MAC of the other domain is nobody here */
	p.dst_mac = 0x01;
	f = frame_ip4(p);
	expect_drop(BPF_ROLE_VPORT, RED1, &f, DP_DROP_DESTINATION_NOT_IN_POLICY);
}

static void refused(void **state _unused_)
{
	static const struct {
		const char *dst;
		enum dp_drop_reason reason;
	} cases[] = {
		{ "10.10.10.1", DP_DROP_ROUTER_ADDRESS }, { "10.10.12.1", DP_DROP_ROUTER_ADDRESS },
		{ "10.10.12.77", DP_DROP_NO_NEXT_HOP_RECORD }, { "10.10.12.19", DP_DROP_NO_NEXT_HOP },
		{ "10.10.12.20", DP_DROP_PA_FAMILY }, { "224.0.0.9", DP_DROP_NO_ROUTE }, { "255.255.255.255", DP_DROP_NO_ROUTE },
		{ "127.0.0.1", DP_DROP_NO_ROUTE }, { "0.0.0.5", DP_DROP_NO_ROUTE },
	};
	struct frame f;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		f = frame_ip4(to(cases[i].dst));
		expect_drop(BPF_ROLE_VPORT, BLUE1, &f, cases[i].reason);
	}
	/* HN-4: neither does it answer when the TTL is at its end */
	f = frame_ip4(to("10.10.10.1"));
	set_ttl(&f, 14, 1);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_ROUTER_ADDRESS);
	f = frame_ether(0x01, 0x11, 0x88b5);
	frame_add(&f, "0123456789012345678901234567890123456789", 40);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_DESTINATION_NOT_IN_POLICY);
	/* a subnet without a router */
	port(RED1, 5011, 0x21, "10.10.10.11", 2, 0, NULL);
	f = frame_ip4((struct ip4){ .dst_mac = 0, .src_mac = 0x21, .dst = "10.10.12.12", .src = "10.10.10.11" });
	expect_drop(BPF_ROLE_VPORT, RED1, &f, DP_DROP_DESTINATION_NOT_IN_POLICY);
	port(RED1, 5011, 0x21, "10.10.10.11", 2, 0x03, "10.10.10.1");
}

/* ---- ICMP ---- */

static void ttl_exceeded(void **state _unused_)
{
	struct frame f = frame_ip4(to("10.10.12.12"));
	/* time exceeded in transit, from the router to the sender, with the packet's IPv4 header and 8 bytes */
	struct frame want = frame_hex("000000000011 000000000001 0800"
				      "4500 0038 0000 0000 4001 0000 0a0a0a01 0a0a0a0b"
				      "0b00 0000 0000 0000"
				      "4500 0020 0000 0000 0111 0000 0a0a0a0b 0a0a0c0c 03e8 07d0 000c 0000");

	set_ttl(&want, 14, 64);
	set_ttl(&want, 42, 1);
	frame_set_u16(&want, 36, ip_checksum(want.b + 34, 36));
	set_ttl(&f, 14, 1);
	for (int ttl = 1; ttl >= 0; ttl--) {
		uint64_t before = drops(BLUE1, DP_DROP_TTL_EXCEEDED);

		set_ttl(&f, 14, (uint8_t)ttl);
		set_ttl(&want, 42, (uint8_t)ttl);
		frame_set_u16(&want, 36, 0);
		frame_set_u16(&want, 36, ip_checksum(want.b + 34, 36));
		struct result r = run(BPF_ROLE_VPORT, BLUE1, &f);

		assert_int_equal(r.verdict, DP_VERDICT_REPLY);
		assert_int_equal(r.detail, BLUE1);
		assert_frame(&r.out, &want);
		assert_int_equal(drops(BLUE1, DP_DROP_TTL_EXCEEDED), before + 1);
	}
}

/* Of the packet, whatever its size; next: the next hop's MTU; from: who answers. */
static void expect_too_big(uint32_t ifindex, const struct frame *f, uint8_t from_mac, const char *from, uint16_t next)
{
	struct frame want = frame_hex("000000000000 000000000000 0800"
				      "4500 0038 0000 0000 4001 0000 00000000 00000000 0304 0000 0000 0000");
	uint64_t before = drops(ifindex, DP_DROP_TOO_BIG);
	union dp_addr a = addr(from);
	struct result r;

	memcpy(want.b, f->b + 6, 6);
	want.b[11] = from_mac;
	memcpy(want.b + 26, &a.w[3], 4);
	memcpy(want.b + 30, f->b + 26, 4);
	set_ttl(&want, 14, 64);
	frame_set_u16(&want, 40, next);
	frame_add(&want, f->b + 14, 28);
	frame_set_u16(&want, 36, ip_checksum(want.b + 34, 36));
	r = run(BPF_ROLE_VPORT, ifindex, f);
	assert_int_equal(r.verdict, DP_VERDICT_REPLY);
	assert_int_equal(r.detail, ifindex);
	assert_frame(&r.out, &want);
	assert_int_equal(drops(ifindex, DP_DROP_TOO_BIG), before + 1);
}

static void too_big(void **state _unused_)
{
	struct ip4 p = to("10.10.12.18");
	struct frame f;

	/* the path takes 1000 bytes: 20 IPv4, 8 UDP, 972 */
	p.frag = 0x4000;
	p.payload = 972;
	f = frame_ip4(p);
	assert_int_equal(run(BPF_ROLE_VPORT, BLUE1, &f).verdict, DP_VERDICT_SEND);
	p.payload = 973;
	f = frame_ip4(p);
	expect_too_big(BLUE1, &f, 0x01, "10.10.10.1", 1000);
	/* within the subnet, from the router all the same */
	p.dst = "10.10.10.17";
	p.dst_mac = 0x17;
	p.payload = 1400;
	f = frame_ip4(p);
	expect_too_big(BLUE1, &f, 0x01, "10.10.10.1", 1000);
	p.proto = IPPROTO_TCP;
	f = frame_ip4(p);
	expect_too_big(BLUE1, &f, 0x01, "10.10.10.1", 1000);
	/* a first fragment is answered, its like without DF not */
	p.frag = 0x6000;
	f = frame_ip4(p);
	expect_too_big(BLUE1, &f, 0x01, "10.10.10.1", 1000);
	p.frag = 0x2000;
	f = frame_ip4(p);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_TOO_BIG);
	p.frag = 0;
	f = frame_ip4(p);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_TOO_BIG);
	/* no router in the subnet: from the destination */
	port(BLUE1, 5010, 0x11, "10.10.10.11", 0, 0, NULL);
	p.frag = 0x4000;
	f = frame_ip4(p);
	expect_too_big(BLUE1, &f, 0x17, "10.10.10.17", 1000);
	port(BLUE1, 5010, 0x11, "10.10.10.11", 1, 0x01, "10.10.10.1");
}

/* A large segment counts by its pieces. A test run cannot say its kind: ENCAP_FAILED shows that it was not too big. */
static void too_big_segments(void **state _unused_)
{
	struct ip4 p = to("10.10.12.18");
	struct frame f;

	p.frag = 0x4000;
	p.proto = IPPROTO_TCP;
	p.payload = 3000;
	f = frame_ip4(p);
	struct meta meta = { .gso_size = 960, .gso_segs = 4 };
	assert_int_equal(run_meta(BPF_ROLE_VPORT, BLUE1, &f, meta).detail, DP_DROP_ENCAP_FAILED);
	meta.gso_size = 961;
	struct result r = run_meta(BPF_ROLE_VPORT, BLUE1, &f, meta);
	assert_int_equal(r.verdict, DP_VERDICT_REPLY);
	assert_int_equal(r.out.n, 70);
	assert_int_equal(frame_u16(&r.out, 40), 1000);
}

/* RFC 1122 3.2.2: errors are not answered by errors, nor later fragments, nor what has options (no fixed place to quote). */
static void not_answered(void **state _unused_)
{
	static const uint8_t errors[] = { 3, 4, 5, 11, 12 };
	struct ip4 p = to("10.10.12.12");
	struct frame f;

	p.proto = IPPROTO_ICMP;
	f = frame_ip4(p);
	set_ttl(&f, 14, 1);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		f.b[34] = errors[i];
		expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_TTL_EXCEEDED);
	}
	for (uint8_t type = 0; type < 20; type += 8) {
		f.b[34] = type;
		assert_int_equal(run(BPF_ROLE_VPORT, BLUE1, &f).verdict, DP_VERDICT_REPLY);
	}
	p.proto = IPPROTO_UDP;
	p.frag = 0x0010;
	f = frame_ip4(p);
	set_ttl(&f, 14, 1);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_TTL_EXCEEDED);
	p.frag = 0;
	p.payload = 40;
	f = frame_ip4(p);
	set_ttl(&f, 14, 1);
	f.b[14] = 0x46;
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_TTL_EXCEEDED);
}

/* ---- from the wire ---- */

static struct ip4 inner_from(uint8_t router, const char *src)
{
	return (struct ip4){ .dst_mac = 0x11, .src_mac = router, .dst = "10.10.10.11", .src = src, .payload = 4 };
}

static struct frame wire_frame(const char *pa, uint32_t vsid, struct ip4 p)
{
	struct frame inner = frame_ip4(p);

	return frame_nvgre(pa, HERE, vsid << 8, &inner);
}

static void wire_accepted(void **state _unused_)
{
	struct frame inner = frame_ip4(inner_from(0x01, "10.10.12.12")), f = frame_nvgre(PEER, HERE, 5010 << 8, &inner);
	struct result r = run(BPF_ROLE_UPLINK, UPLINK, &f);

	assert_int_equal(r.verdict, DP_VERDICT_DELIVER_PEER);
	assert_int_equal(r.detail, BLUE1);
	assert_frame(&r.out, &inner);
	/* from a subnet without a router: it is the receiver's that counts */
	f = wire_frame(PEER, 5010, inner_from(0x01, "10.10.13.12"));
	assert_int_equal(run(BPF_ROLE_UPLINK, UPLINK, &f).verdict, DP_VERDICT_DELIVER_PEER);
	/* HN-7: whoever is behind the gateway */
	f = wire_frame("214.214.51.60", 5010, inner_from(0x01, "8.8.8.8"));
	assert_int_equal(run(BPF_ROLE_UPLINK, UPLINK, &f).verdict, DP_VERDICT_DELIVER_PEER);
}

static void wire_refused(void **state _unused_)
{
	struct frame f;

	/* known, but elsewhere; known, but to another domain; unknown */
	f = wire_frame("214.214.51.61", 5010, inner_from(0x01, "10.10.12.12"));
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_ROUTED_SOURCE_UNKNOWN);
	f = wire_frame(PEER, 5010, inner_from(0x01, "10.10.12.99"));
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_ROUTED_SOURCE_UNKNOWN);
	f = wire_frame(PEER, 5010, inner_from(0x01, "8.8.8.8"));
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_ROUTED_SOURCE_UNKNOWN);
	f = wire_frame(HERE, 5010, inner_from(0x01, "10.10.12.12"));
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_OWN_PA_AS_SOURCE);
	/* another router's MAC, or none at all */
	f = wire_frame(PEER, 5010, inner_from(0x02, "10.10.12.12"));
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_INNER_SOURCE_UNKNOWN);
	f = wire_frame(PEER, 5010, inner_from(0xee, "10.10.12.12"));
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_INNER_SOURCE_UNKNOWN);
	/* a subnet that is in no domain */
	f = wire_frame(PEER, 5050, inner_from(0x01, "10.10.12.12"));
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_INNER_SOURCE_UNKNOWN);
	/* a MAC that is a machine's is judged as a machine */
	f = wire_frame(PEER, 5010, inner_from(0x12, "10.10.12.12"));
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_INNER_SOURCE_UNKNOWN);
}

/* To a subnet without a router the source is the router of the sender's subnet. */
static void wire_without_router(void **state _unused_)
{
	struct ip4 p = inner_from(0x02, "10.10.12.12");
	struct frame f;

	port(SHOP, 5013, 0x93, "10.10.13.13", 1, 0, NULL);
	record(5013, 0x93, "10.10.13.13", SHOP, 0, DP_CA_LOCAL);
	p.dst_mac = 0x93;
	f = wire_frame(PEER, 5013, p);
	assert_int_equal(run(BPF_ROLE_UPLINK, UPLINK, &f).verdict, DP_VERDICT_DELIVER_PEER);
	p.src_mac = 0x01;
	f = wire_frame(PEER, 5013, p);
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_INNER_SOURCE_UNKNOWN);
	/* no router is not the router with the address of zeros */
	p = inner_from(0, "10.10.13.12");
	p.dst_mac = 0x93;
	f = wire_frame(PEER, 5013, p);
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_INNER_SOURCE_UNKNOWN);
	port(SHOP, 5012, 0x83, "10.10.12.13", 1, 0x02, "10.10.12.1");
}

/* What was found out about a packet is told of the next one like it, until a table changes; of other packets never. */
static void remembered(void **state _unused_)
{
	struct dp_ca_key ca = { .segment = 5012, .ca = addr("10.10.12.12") };
	struct dp_source_key from = { .domain = { 1 }, .ca = addr("10.10.12.12"), .pa = addr(PEER) };
	struct frame out = frame_ip4(to("10.10.12.12")), in = wire_frame(PEER, 5010, inner_from(0x01, "10.10.12.12"));
	struct frame other = wire_frame("214.214.51.61", 5010, inner_from(0x01, "10.10.12.12"));

	for (int i = 0; i < 2; i++)
		expect_wire(BLUE1, &out, 5012, 0x82, 0x02);
	record(5012, 0x8b, "10.10.12.12", 0, NH_PEER, 0);
	for (int i = 0; i < 2; i++)
		expect_wire(BLUE1, &out, 5012, 0x8b, 0x02);
	assert_int_equal(bpf_driver_delete_cas(fixture_driver(), &ca, 1), 0);
	for (int i = 0; i < 2; i++)
		expect_drop(BPF_ROLE_VPORT, BLUE1, &out, DP_DROP_NO_NEXT_HOP_RECORD);
	record(5012, 0x82, "10.10.12.12", 0, NH_PEER, 0);
	expect_wire(BLUE1, &out, 5012, 0x82, 0x02);

	for (int i = 0; i < 2; i++) {
		assert_int_equal(run(BPF_ROLE_UPLINK, UPLINK, &in).verdict, DP_VERDICT_DELIVER_PEER);
		expect_drop(BPF_ROLE_UPLINK, UPLINK, &other, DP_DROP_ROUTED_SOURCE_UNKNOWN);
	}
	assert_int_equal(bpf_driver_delete_sources(fixture_driver(), &from, 1), 0);
	for (int i = 0; i < 2; i++)
		expect_drop(BPF_ROLE_UPLINK, UPLINK, &in, DP_DROP_ROUTED_SOURCE_UNKNOWN);
	source(1, "10.10.12.12", PEER, 0x02);
	assert_int_equal(run(BPF_ROLE_UPLINK, UPLINK, &in).verdict, DP_VERDICT_DELIVER_PEER);
}

/* What the driver wrote it finds again: a trie is walked by its keys. */
static void observed(void **state _unused_)
{
	struct bpf_route_vec routes = { 0 };
	struct bpf_subnet_vec subnets = { 0 };
	struct bpf_source_vec sources = { 0 };
	struct dp_route_key gone;

	assert_int_equal(bpf_driver_observe_routes(fixture_driver(), &routes), 0);
	assert_int_equal(routes.n, 10);
	assert_int_equal(bpf_driver_observe_subnets(fixture_driver(), &subnets), 0);
	assert_int_equal(subnets.n, 4);
	assert_int_equal(bpf_driver_observe_sources(fixture_driver(), &sources), 0);
	assert_int_equal(sources.n, 4);
	gone = routes.items[0].key;
	assert_int_equal(bpf_driver_delete_routes(fixture_driver(), &gone, 1), 0);
	assert_int_equal(bpf_driver_delete_routes(fixture_driver(), &gone, 1), -ENOENT);
	assert_int_equal(bpf_driver_set_routes(fixture_driver(), routes.items, routes.n), 0);
	for (size_t i = 0; i < routes.n; i++)
		assert_int_equal(bpf_driver_delete_routes(fixture_driver(), &routes.items[i].key, 1), 0);
	assert_int_equal(bpf_driver_set_routes(fixture_driver(), routes.items, routes.n), 0);
	vec_done(&routes);
	vec_done(&subnets);
	vec_done(&sources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remote), cmocka_unit_test(checksum), cmocka_unit_test(subnet_without_router),
		cmocka_unit_test(next_hops), cmocka_unit_test(own_choice), cmocka_unit_test(same_host), cmocka_unit_test(domains),
		cmocka_unit_test(refused), cmocka_unit_test(ttl_exceeded), cmocka_unit_test(too_big),
		cmocka_unit_test(too_big_segments), cmocka_unit_test(not_answered), cmocka_unit_test(wire_accepted),
		cmocka_unit_test(wire_refused), cmocka_unit_test(wire_without_router), cmocka_unit_test(remembered),
		cmocka_unit_test(observed),
	};

	return cmocka_run_group_tests_name("packet/route", tests, routed_up, fixture_down);
}
