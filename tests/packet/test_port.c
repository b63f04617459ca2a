/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>

#include "harness.h"

static const struct ip4 local = { .dst_mac = 0x13, .src_mac = 0x11, .dst = "10.10.10.13", .src = "10.10.10.11",
				    .payload = 30 };

static void vport_drop(uint32_t port, const struct frame *f, enum dp_drop_reason reason)
{
	expect_drop(BPF_ROLE_VPORT, port, f, reason);
}

static void expect_delivered(uint32_t from, const struct frame *f, uint32_t to, enum dp_verdict how)
{
	struct result r = run(BPF_ROLE_VPORT, from, f);

	assert_int_equal(r.verdict, how);
	assert_int_equal(r.detail, to);
	assert_int_equal(r.action, 7);
	assert_frame(&r.out, f);
}

static void no_port(void **state _unused_)
{
	struct frame f = frame_ip4(local);

	vport_drop(NOT_A_PORT, &f, DP_DROP_NO_PORT);
}

/* ---- guards, with and without a virtual subnet ---- */

static void source_mac(void **state _unused_)
{
	struct ip4 p = local;
	struct frame f;

	p.src_mac = 0x13;
	f = frame_ip4(p);
	vport_drop(BLUE1, &f, DP_DROP_SOURCE_MAC_SPOOFED);
	vport_drop(PLAIN, &f, DP_DROP_SOURCE_MAC_SPOOFED);
	vport_drop(LAB1, &f, DP_DROP_SOURCE_MAC_SPOOFED);
	expect_pass(BPF_ROLE_VPORT, OPEN, &f);
	p.src_mac = 0x41;
	f = frame_ip4(p);
	expect_pass(BPF_ROLE_VPORT, PLAIN, &f);
	p.src_mac = 0xff;
	f = frame_ip4(p);
	vport_drop(OPEN, &f, DP_DROP_SOURCE_MAC_GROUP);
	vport_drop(PLAIN, &f, DP_DROP_SOURCE_MAC_GROUP);
}

static void arp_guard(void **state _unused_)
{
	struct frame f = frame_arp(0xff, 0x41, 2, 0x42, "10.0.0.1", "10.0.0.1");

	vport_drop(PLAIN, &f, DP_DROP_ARP_SPOOFED);
	f = frame_arp(0xff, 0x42, 2, 0x41, "10.0.0.1", "10.0.0.1");
	expect_pass(BPF_ROLE_VPORT, OPEN, &f);
	f = frame_arp(0xff, 0x41, 1, 0x41, "10.0.0.1", "10.0.0.2");
	expect_pass(BPF_ROLE_VPORT, PLAIN, &f);
	f.n--;
	vport_drop(PLAIN, &f, DP_DROP_FRAME_TRUNCATED);
	f.n++;
	f.b[15] = 6; /* IEEE 802 hardware type */
	vport_drop(PLAIN, &f, DP_DROP_ARP_MALFORMED);
}

/* ---- source and destination in a virtual subnet with policy ---- */

static void source_address(void **state _unused_)
{
	struct ip4 p = local;
	struct frame f;

	p.src = "10.10.10.13";
	f = frame_ip4(p);
	vport_drop(BLUE1, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
	p.src = "0.0.0.0";
	f = frame_ip4(p);
	vport_drop(BLUE1, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
	p = local;
	p.src_mac = 0x61;
	p.src = "1.2.3.4";
	f = frame_ip4(p);
	expect_delivered(WILD, &f, BLUE3, DP_VERDICT_DELIVER);
}

/* A port with spoofing on lets nested guests send, each with its own record. */
static void nested_source(void **state _unused_)
{
	struct ip4 p = local;
	struct frame f;

	p.src_mac = 0x51;
	p.src = "10.10.10.51";
	f = frame_ip4(p);
	expect_delivered(HOST, &f, BLUE3, DP_VERDICT_DELIVER);
	p.src = "10.10.10.50";
	f = frame_ip4(p);
	vport_drop(HOST, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
	p.src_mac = 0x50;
	f = frame_ip4(p);
	expect_delivered(HOST, &f, BLUE3, DP_VERDICT_DELIVER);
	p.src_mac = 0x12;
	p.src = "10.10.10.12";
	f = frame_ip4(p);
	vport_drop(HOST, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
	/* HN-4: no guest is the router */
	p.src_mac = 0x01;
	p.src = "10.10.10.1";
	f = frame_ip4(p);
	vport_drop(HOST, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
}

static void local_delivery(void **state _unused_)
{
	struct frame f = frame_ip4(local);
	struct ip4 back = { .dst_mac = 0x11, .src_mac = 0x13, .dst = "10.10.10.11", .src = "10.10.10.13" };
	struct dp_counters before, after;

	assert_int_equal(bpf_driver_read_counters(fixture_driver(), BLUE3, &before), 0);
	expect_delivered(BLUE1, &f, BLUE3, DP_VERDICT_DELIVER);
	assert_int_equal(bpf_driver_read_counters(fixture_driver(), BLUE3, &after), 0);
	assert_int_equal(after.received_packets - before.received_packets, 1);
	assert_int_equal(after.received_bytes - before.received_bytes, f.n);
	struct result r = run_meta(BPF_ROLE_VPORT, BLUE1, &f, (struct meta){ 10, 3 });

	assert_int_equal(r.detail, BLUE3);
	assert_int_equal(bpf_driver_read_counters(fixture_driver(), BLUE3, &after), 0);
	assert_int_equal(after.received_packets - before.received_packets, 1 + 3);
	f = frame_ip4(back);
	expect_delivered(BLUE3, &f, BLUE1, DP_VERDICT_DELIVER_PEER);
	/* any protocol: the kernel knows it from the guest's sending */
	f = frame_ether(0x11, 0x13, 0x88b5);
	frame_add(&f, "neither IP nor ARP", 18);
	expect_delivered(BLUE3, &f, BLUE1, DP_VERDICT_DELIVER_PEER);
	/* a nested guest's MAC is not the adapter's: the guest's own stack must see that it is for somebody else */
	back.dst_mac = 0x51;
	f = frame_ip4(back);
	expect_delivered(BLUE3, &f, HOST, DP_VERDICT_DELIVER);
	back.dst_mac = 0x50;
	f = frame_ip4(back);
	vport_drop(BLUE3, &f, DP_DROP_DESTINATION_NOT_IN_POLICY);
}

static void destination(void **state _unused_)
{
	static const struct {
		uint8_t mac;
		enum dp_drop_reason reason;
	} cases[] = {
		{ 0x99, DP_DROP_DESTINATION_NOT_IN_POLICY }, { 0x21, DP_DROP_DESTINATION_NOT_IN_POLICY },
		{ 0xff, DP_DROP_BROADCAST_OFF }, { 0x11, DP_DROP_DESTINATION_IS_SOURCE },
		{ 0x71, DP_DROP_PORT_VSID_MISMATCH }, { 0x72, DP_DROP_PORT_GONE },
	};
	struct ip4 p = local;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		p.dst_mac = cases[i].mac;
		struct frame f = frame_ip4(p);

		vport_drop(BLUE1, &f, cases[i].reason);
	}
}

static void other_ethertype(void **state _unused_)
{
	struct frame f = frame_ether(0x13, 0x11, 0x88b5);

	frame_add(&f, "neither IP nor ARP", 18);
	expect_delivered(BLUE1, &f, BLUE3, DP_VERDICT_DELIVER);
	f = frame_ether(0x13, 0x52, 0x88b5);
	frame_add(&f, "from a MAC that has no record", 29);
	vport_drop(HOST, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
	f = frame_ether(0x13, 0x50, 0x88b5);
	frame_add(&f, "from the adapter's own MAC, which has none either", 49);
	vport_drop(HOST, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
	f = frame_ether(0x13, 0x51, 0x88b5);
	frame_add(&f, "from a nested guest's MAC", 25);
	expect_delivered(HOST, &f, BLUE3, DP_VERDICT_DELIVER);
	f = frame_ether(0x13, 0x11, 0x86dd);
	frame_add(&f, "sixty bytes of IPv6, or what could pass for that, in the end", 60);
	vport_drop(BLUE1, &f, DP_DROP_IPV6_NOT_CARRIED);
}

static void truncated(void **state _unused_)
{
	/* ARP in every length; IPv4 below its header has no test run */
	struct frame whole = frame_arp(0xff, 0x11, 1, 0x11, "10.10.10.11", "10.10.10.12");

	for (size_t n = 15; n < whole.n; n++) {
		struct frame f = whole;

		f.n = n;
		vport_drop(BLUE1, &f, DP_DROP_FRAME_TRUNCATED);
		f.b[11] = 0x51;
		vport_drop(HOST, &f, DP_DROP_FRAME_TRUNCATED);
	}
}

/* ---- tags ---- */

static struct frame tagged(const struct frame *plain, uint16_t tpid, uint16_t tci)
{
	uint8_t tag[4] = { tpid >> 8, tpid & 0xff, tci >> 8, tci & 0xff };
	struct frame f = { .n = 0 };

	frame_add(&f, plain->b, 12);
	frame_add(&f, tag, 4);
	frame_add(&f, plain->b + 12, plain->n - 12);
	return f;
}

static void guest_tag(void **state _unused_)
{
	struct frame plain = frame_ip4(local), f, twice;
	struct ip4 remote = local;

	f = tagged(&plain, 0x8100, 0x2007);
	struct result r = run(BPF_ROLE_VPORT, BLUE1, &f);

	assert_int_equal(r.verdict, DP_VERDICT_DELIVER);
	assert_frame(&r.out, &plain);
	remote.dst_mac = 0x12;
	plain = frame_ip4(remote);
	f = tagged(&plain, 0x8100, 7);
	r = run(BPF_ROLE_VPORT, BLUE1, &f);
	assert_int_equal(r.verdict, DP_VERDICT_SEND);
	assert_memory_equal(r.out.b + INNER, plain.b, plain.n);
	twice = tagged(&f, 0x8100, 8);
	vport_drop(BLUE1, &twice, DP_DROP_GUEST_VLAN_TAG);
	twice = tagged(&f, 0x88a8, 8);
	vport_drop(BLUE1, &twice, DP_DROP_GUEST_VLAN_TAG);
	f = tagged(&plain, 0x88a8, 7);
	vport_drop(BLUE1, &f, DP_DROP_GUEST_VLAN_TAG);
	/* a spoofed ARP does not get past the guard in a tag */
	plain = frame_arp(0xff, 0x11, 2, 0x12, "10.10.10.12", "10.10.10.12");
	f = tagged(&plain, 0x8100, 7);
	vport_drop(BLUE1, &f, DP_DROP_ARP_SPOOFED);
	/* without a virtual subnet tags are the bridge's business */
	remote.src_mac = 0x41;
	plain = frame_ip4(remote);
	f = tagged(&plain, 0x8100, 7);
	expect_pass(BPF_ROLE_VPORT, PLAIN, &f);
}

/* ---- ARP ---- */

static void arp_answered(void **state _unused_)
{
	struct frame f = frame_hex("ffffffffffff 000000000011 0806 0001 0800 06 04 0001"
				   "000000000011 0a0a0a0b 000000000000 0a0a0a0c");
	struct frame want = frame_hex("000000000011 000000000012 0806 0001 0800 06 04 0002"
				      "000000000012 0a0a0a0c 000000000011 0a0a0a0b");
	struct result r = run(BPF_ROLE_VPORT, BLUE1, &f);

	assert_int_equal(r.verdict, DP_VERDICT_REPLY);
	assert_int_equal(r.detail, BLUE1);
	assert_int_equal(r.action, 7);
	assert_frame(&r.out, &want);
	/* the same question in the other virtual subnet */
	f = frame_arp(0xff, 0x21, 1, 0x21, "10.10.10.11", "10.10.10.12");
	r = run(BPF_ROLE_VPORT, RED1, &f);
	assert_int_equal(r.verdict, DP_VERDICT_REPLY);
	assert_int_equal(r.out.b[11], 0x22);
	/* HN-4 */
	f = frame_arp(0xff, 0x11, 1, 0x11, "10.10.10.11", "10.10.10.1");
	r = run(BPF_ROLE_VPORT, BLUE1, &f);
	assert_int_equal(r.verdict, DP_VERDICT_REPLY);
	assert_int_equal(r.out.b[11], 0x01);
	/* to a MAC, as a guest refreshes an entry */
	f = frame_arp(0x12, 0x11, 1, 0x11, "10.10.10.11", "10.10.10.12");
	r = run(BPF_ROLE_VPORT, BLUE1, &f);
	assert_int_equal(r.verdict, DP_VERDICT_REPLY);
}

static void arp_not_answered(void **state _unused_)
{
	static const struct {
		uint16_t op;
		uint8_t sha;
		const char *spa, *tpa;
		enum dp_drop_reason reason;
	} cases[] = {
		{ 1, 0x11, "10.10.10.11", "10.10.10.99", DP_DROP_ARP_UNKNOWN_TARGET },
		{ 1, 0x11, "0.0.0.0", "10.10.10.11", DP_DROP_ARP_OWN_ADDRESS },
		{ 1, 0x11, "10.10.10.11", "10.10.10.11", DP_DROP_ARP_ANNOUNCEMENT },
		{ 2, 0x11, "10.10.10.11", "10.10.10.11", DP_DROP_ARP_ANNOUNCEMENT },
		{ 2, 0x11, "10.10.10.11", "10.10.10.12", DP_DROP_ARP_ANNOUNCEMENT },
		{ 3, 0x11, "10.10.10.11", "10.10.10.12", DP_DROP_ARP_ANNOUNCEMENT },
		{ 1, 0x11, "10.10.10.13", "10.10.10.12", DP_DROP_SOURCE_NOT_IN_POLICY },
		{ 2, 0x11, "10.10.10.1", "10.10.10.1", DP_DROP_SOURCE_NOT_IN_POLICY },
		{ 1, 0x13, "10.10.10.13", "10.10.10.12", DP_DROP_ARP_SPOOFED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame f = frame_arp(0xff, 0x11, cases[i].op, cases[i].sha, cases[i].spa, cases[i].tpa);

		vport_drop(BLUE1, &f, cases[i].reason);
	}
}

/* RFC 5227: a probe for somebody else's address must find that it is taken. */
static void arp_probe_conflict(void **state _unused_)
{
	struct frame f = frame_arp(0xff, 0x11, 1, 0x11, "0.0.0.0", "10.10.10.13");
	struct result r = run(BPF_ROLE_VPORT, BLUE1, &f);

	assert_int_equal(r.verdict, DP_VERDICT_REPLY);
	assert_int_equal(r.out.b[11], 0x13);
}

static void arp_with_spoofing(void **state _unused_)
{
	struct frame f = frame_arp(0xff, 0x51, 1, 0x51, "10.10.10.51", "10.10.10.12");
	struct result r = run(BPF_ROLE_VPORT, HOST, &f);

	assert_int_equal(r.verdict, DP_VERDICT_REPLY);
	f = frame_arp(0xff, 0x51, 1, 0x11, "10.10.10.11", "10.10.10.12");
	vport_drop(HOST, &f, DP_DROP_ARP_SPOOFED);
	f = frame_arp(0xff, 0x51, 1, 0x51, "10.10.10.11", "10.10.10.12");
	vport_drop(HOST, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
}

/* ---- a virtual subnet without policy is a switch of its own ---- */

static void lab_unicast(void **state _unused_)
{
	struct ip4 p = { .dst_mac = 0x32, .src_mac = 0x31, .dst = "10.10.10.20", .src = "10.10.10.10" };
	struct frame f = frame_ip4(p);

	expect_delivered(LAB1, &f, LAB2, DP_VERDICT_DELIVER);
	f = frame_arp(0x33, 0x31, 2, 0x31, "10.10.10.10", "10.10.10.20");
	expect_delivered(LAB1, &f, LAB3, DP_VERDICT_DELIVER);
}

static void lab_flood(void **state _unused_)
{
	struct frame f = frame_arp(0xff, 0x32, 1, 0x32, "10.10.10.10", "10.10.10.20");
	struct ip4 unknown = { .dst_mac = 0x39, .src_mac = 0x31, .dst = "10.10.10.20", .src = "10.10.10.10" };
	struct dp_counters before, after;

	assert_int_equal(bpf_driver_read_counters(fixture_driver(), LAB3, &before), 0);
	struct result r = run(BPF_ROLE_VPORT, LAB2, &f);

	assert_int_equal(r.verdict, DP_VERDICT_FLOOD);
	assert_int_equal(r.detail, 2);
	f = frame_ip4(unknown);
	r = run(BPF_ROLE_VPORT, LAB1, &f);
	assert_int_equal(r.verdict, DP_VERDICT_FLOOD);
	assert_int_equal(r.detail, 2);
	assert_int_equal(bpf_driver_read_counters(fixture_driver(), LAB3, &after), 0);
	assert_int_equal(after.received_packets - before.received_packets, 2);
	assert_int_equal(bpf_driver_read_counters(fixture_driver(), LAB2, &before), 0);
	assert_int_equal(before.sent_packets, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_port), cmocka_unit_test(source_mac), cmocka_unit_test(arp_guard),
		cmocka_unit_test(source_address), cmocka_unit_test(nested_source), cmocka_unit_test(local_delivery),
		cmocka_unit_test(destination), cmocka_unit_test(other_ethertype), cmocka_unit_test(truncated),
		cmocka_unit_test(guest_tag), cmocka_unit_test(arp_answered), cmocka_unit_test(arp_not_answered),
		cmocka_unit_test(arp_probe_conflict), cmocka_unit_test(arp_with_spoofing), cmocka_unit_test(lab_unicast),
		cmocka_unit_test(lab_flood),
	};

	return cmocka_run_group_tests(tests, fixture_up, fixture_down);
}
