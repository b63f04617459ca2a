/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "harness.h"

static const struct ip4 udp = { .dst_mac = 0x12, .src_mac = 0x11, .dst = "10.10.10.12", .src = "10.10.10.11",
				  .payload = 4 };

static struct result send_ok(const struct frame *f)
{
	struct result r = run(BPF_ROLE_VPORT, BLUE1, f);

	assert_int_equal(r.verdict, DP_VERDICT_SEND);
	assert_int_equal(r.detail, UPLINK);
	assert_int_equal(r.action, 7); /* TC_ACT_REDIRECT */
	return r;
}

static void golden(void **state _unused_)
{
	struct frame f = frame_ip4(udp);
	struct result r = send_ok(&f);
	/* VSID 5010 is 0x001392; the FlowID is taken from the packet and tested on its own */
	struct frame want = frame_hex("0000000000b2 0000000000b1 0800"
				      "4500 004a 0000 4000 40 2f 0000 d6d6332a d6d6332b"
				      "2000 6558 00139200"
				      "000000000012 000000000011 0800"
				      "4500 0020 0000 0000 40 11 0000 0a0a0a0b 0a0a0a0c"
				      "03e8 07d0 000c 0000 00010203");

	want.b[OUTER_KEY + 3] = r.out.b[OUTER_KEY + 3];
	frame_set_u16(&want, OUTER_IP + 10, 0x2683);
	frame_set_u16(&want, INNER_IP + 10, 0x52a3);
	assert_int_equal(ip_checksum(r.out.b + OUTER_IP, 20), 0);
	assert_frame(&r.out, &want);
}

/* The header checksum over every total length: folding must be right at each carry. */
static void checksum(void **state _unused_)
{
	for (size_t payload = 0; payload < 1400; payload++) {
		struct ip4 p = udp;

		p.payload = payload;
		struct frame f = frame_ip4(p);
		struct result r = send_ok(&f);

		assert_int_equal(frame_u16(&r.out, OUTER_IP + 2), f.n + 28);
		assert_int_equal(ip_checksum(r.out.b + OUTER_IP, 20), 0);
		assert_memory_equal(r.out.b + INNER, f.b, f.n);
	}
}

static uint8_t flow_of(struct ip4 p)
{
	struct frame f = frame_ip4(p);
	struct result r = send_ok(&f);

	assert_int_equal(frame_u32(&r.out, OUTER_KEY) >> 8, 5010);
	return r.out.b[OUTER_KEY + 3];
}

static void flow_id_constant(void **state _unused_)
{
	struct ip4 p = udp;
	uint8_t id = flow_of(p);

	for (size_t payload = 0; payload < 500; payload += 7) {
		p.payload = payload;
		assert_int_equal(flow_of(p), id);
	}
}

static void flow_id_spread(void **state _unused_)
{
	bool seen[256] = { false };
	int distinct = 0;
	struct ip4 p = udp;

	for (uint16_t port = 40000; port < 41000; port++) {
		p.sport = port;
		uint8_t id = flow_of(p);

		distinct += !seen[id];
		seen[id] = true;
	}
	/* 1000 flows thrown at random into 256 leave 5 empty on average */
	assert_true(distinct > 230);
}

/* Of fragments only the first has ports: addresses alone decide, so that all take the same way. */
static void flow_id_fragments(void **state _unused_)
{
	struct ip4 p = udp;
	uint8_t id;

	p.frag = 0x2000;
	id = flow_of(p);
	p.frag = 0x00b9;
	p.sport = 7777;
	assert_int_equal(flow_of(p), id);
	p.dport = 9;
	assert_int_equal(flow_of(p), id);
}

static void flow_id_off(void **state _unused_)
{
	struct ip4 p = udp;

	p.dst_mac = 0x15;
	for (uint16_t port = 1; port < 50; port++) {
		p.sport = port;
		assert_int_equal(flow_of(p), 0);
	}
}

static void unresolved_by_kernel(void **state _unused_)
{
	struct ip4 p = udp;

	p.dst_mac = 0x14;
	struct frame f = frame_ip4(p);
	struct result r = run(BPF_ROLE_VPORT, BLUE1, &f);

	assert_int_equal(r.verdict, DP_VERDICT_SEND_NEIGH);
	assert_int_equal(r.detail, BRIDGE);
	assert_memory_equal(r.out.b + INNER, f.b, f.n);
	/* the kernel resolves for IP alone */
	f = frame_ether(0x14, 0x11, 0x88b5);
	frame_add(&f, "hello, this is not IP but needs 46 bytes of it", 46);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_NO_NEXT_HOP);
}

static void other_ethertype(void **state _unused_)
{
	struct frame f = frame_ether(0x12, 0x11, 0x88b5);

	frame_add(&f, "hello, this is not IP but needs 46 bytes of it", 46);
	struct result r = send_ok(&f);

	assert_int_equal(r.out.n, f.n + 42);
	assert_int_equal(frame_u32(&r.out, OUTER_KEY), 5010 << 8);
	assert_memory_equal(r.out.b + INNER, f.b, f.n);
	assert_int_equal(ip_checksum(r.out.b + OUTER_IP, 20), 0);
}

static void no_next_hop(void **state _unused_)
{
	struct ip4 p = udp;

	p.dst_mac = 0x18;
	struct frame f = frame_ip4(p);

	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_NO_NEXT_HOP);
	p.dst_mac = 0x16;
	f = frame_ip4(p);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_PA_FAMILY);
	/* no provider prefix and no provider route leads there: nobody to ask for its link address */
	struct bpf_nexthop none = { .index = NH_ABSENT, .value.flags = DP_NEXTHOP_PRESENT };

	none.value.pa.w[2] = htonl(0xffff);
	none.value.pa.w[3] = htonl(0xc6336401);
	assert_int_equal(bpf_driver_set_nexthop(fixture_driver(), &none), 0);
	p.dst_mac = 0x18;
	f = frame_ip4(p);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_NO_NEXT_HOP);
	assert_int_equal(bpf_driver_delete_nexthop(fixture_driver(), NH_ABSENT), 0);
}

/* The receiver asks the record of the inner source: it is sent from that record's provider address, where that is another. */
static void source_of_record(void **state _unused_)
{
	struct bpf_port_vec all = { 0 };
	struct bpf_port saved = { 0 }, own;
	struct bpf_ca more = { .key = { .segment = 5010, .ca.w = { 0, 0, htonl(0xffff), inet_addr("10.10.10.113") } },
			       .value = { .mac = { [5] = 0x11 }, .flags = DP_CA_LOCAL,
					  .pa.w = { 0, 0, htonl(0xffff), inet_addr("214.214.51.44") } } };
	struct ip4 p = udp;
	struct frame f;

	assert_int_equal(bpf_driver_set_cas(fixture_driver(), &more, 1), 0);
	bpf_driver_observe_ports(fixture_driver(), &all);
	vec_foreach(&all, it)
		if (it->ifindex == BLUE1)
			saved = *it;
	vec_done(&all);
	own = saved;
	own.value.flags |= DP_PORT_MORE_PA;
	own.value.addr4[1] = inet_addr("10.10.10.113");
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &own), 0);
	p.src = "10.10.10.113";
	f = frame_ip4(p);
	struct result r = send_ok(&f);

	assert_int_equal(frame_u32(&r.out, OUTER_IP + 12), 0xd6d6332c);
	assert_int_equal(ip_checksum(r.out.b + OUTER_IP, 20), 0);
	f = frame_ip4(udp);
	r = send_ok(&f);
	assert_int_equal(frame_u32(&r.out, OUTER_IP + 12), 0xd6d6332a);
	/* of the other family: the record cannot be met */
	more.value.pa = (union dp_addr){ .b = { 0xfd, [15] = 1 } };
	assert_int_equal(bpf_driver_set_cas(fixture_driver(), &more, 1), 0);
	f = frame_ip4(p);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_PA_FAMILY);
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &saved), 0);
}

static void no_source_pa(void **state _unused_)
{
	struct bpf_port_vec ports = { 0 };
	struct bpf_port changed, old;
	struct frame f = frame_ip4(udp);

	assert_int_equal(bpf_driver_observe_ports(fixture_driver(), &ports), 0);
	vec_foreach(&ports, it)
		if (it->ifindex == BLUE1)
			old = *it;
	vec_done(&ports);
	changed = old;
	changed.value.src_pa4 = 0;
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &changed), 0);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_NO_SOURCE_PA);
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &old), 0);
	send_ok(&f);
}

/* Inner packet of n bytes to the next hop that takes 1000. */
static struct frame sized(uint8_t proto, size_t n)
{
	struct ip4 p = udp;

	p.dst_mac = 0x17;
	p.proto = proto;
	p.payload = n - 20 - (proto == IPPROTO_TCP ? 20 : 8);
	return frame_ip4(p);
}

static void too_big(void **state _unused_)
{
	struct frame f = sized(IPPROTO_UDP, 1000);

	send_ok(&f);
	f = sized(IPPROTO_UDP, 1001);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_TOO_BIG);
}

/*
 * Of a large segment the pieces count: gso_size and the headers, not the whole. A test run cannot say what kind of
 * large segment it is, and the kernel encapsulates none without a kind: that it came so far shows that it was not too
 * big.
 */
static void too_big_segments(void **state _unused_)
{
	static const struct {
		uint8_t proto;
		uint32_t gso_size;
		bool fits;
	} cases[] = {
		{ IPPROTO_TCP, 960, true }, { IPPROTO_TCP, 961, false }, { IPPROTO_UDP, 972, true }, { IPPROTO_UDP, 973, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame f = sized(cases[i].proto, 3000);
		struct result r = run_meta(BPF_ROLE_VPORT, BLUE1, &f, (struct meta){ cases[i].gso_size, 4 });

		assert_int_equal(r.verdict, DP_VERDICT_DROP);
		assert_int_equal(r.detail, cases[i].fits ? DP_DROP_ENCAP_FAILED : DP_DROP_TOO_BIG);
	}
}

static void counted(void **state _unused_)
{
	struct dp_counters before, after;
	struct frame f = frame_ip4(udp);

	assert_int_equal(bpf_driver_read_counters(fixture_driver(), BLUE1, &before), 0);
	send_ok(&f);
	assert_int_equal(bpf_driver_read_counters(fixture_driver(), BLUE1, &after), 0);
	assert_int_equal(after.sent_packets - before.sent_packets, 1);
	assert_int_equal(after.sent_bytes - before.sent_bytes, f.n);
	assert_int_equal(after.received_packets, before.received_packets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden), cmocka_unit_test(checksum), cmocka_unit_test(flow_id_constant),
		cmocka_unit_test(flow_id_spread), cmocka_unit_test(flow_id_fragments), cmocka_unit_test(flow_id_off),
		cmocka_unit_test(unresolved_by_kernel), cmocka_unit_test(other_ethertype), cmocka_unit_test(no_next_hop),
		cmocka_unit_test(source_of_record), cmocka_unit_test(no_source_pa), cmocka_unit_test(too_big), cmocka_unit_test(too_big_segments),
		cmocka_unit_test(counted),
	};

	return cmocka_run_group_tests(tests, fixture_up, fixture_down);
}
