/* SPDX-License-Identifier: Apache-2.0 */
/* Machines inside machines (NN-1, docs/decisions/0020): behind which port they are, and what is for them. */
#include <stdio.h>

#include "bpf_trace.h"
#include "fixture6.h"

#define KEY(vsid) ((uint32_t)(vsid) << 8 | 0x6f)

enum { INNER_MAC = 0x71 };

static int host_tap, blue3_tap;

/* The ports behind which there may be machines. */
static void set_ports(uint32_t one, uint32_t other)
{
	struct bpf_inner_ports w = { .key = 5010, .value = { .n = (one != 0) + (other != 0), .ports = { one, other } } };
	uint32_t segment = 5010;

	if (one)
		assert_int_equal(bpf_driver_set_inner_ports(fixture_driver(), &w, 1), 0);
	else
		bpf_driver_delete_inner_ports(fixture_driver(), &segment, 1);
}

static void set_record(uint8_t mac, const char *ca, uint8_t flags)
{
	struct bpf_dest d = { .key = { .segment = 5010, .mac[5] = mac },
			      .value = { .kind = DP_DEST_INNER, .pa = addr(HERE), .flags = flags } };
	struct bpf_ca c = { .key.segment = 5010, .value = { .mac[5] = mac, .pa = addr(HERE), .flags = DP_CA_LOCAL } };

	assert_int_equal(bpf_driver_set_dests(fixture_driver(), &d, 1), 0);
	if (!ca)
		return;
	c.key.ca = addr(ca);
	assert_int_equal(bpf_driver_set_cas(fixture_driver(), &c, 1), 0);
}

/* A machine that nobody has seen, and both ports: a MAC address of its own for each test, as what is learnt stays. */
static struct frame fresh(uint8_t mac, struct frame *ret_answer)
{
	char ca[16];

	snprintf(ca, sizeof(ca), "10.10.10.%u", mac);
	set_record(mac, ca, 0);
	set_ports(HOST, BLUE3);
	port_set_flags(BLUE3, DP_PORT_SPOOFING, 0);
	*ret_answer = frame_ip4((struct ip4){ .dst_mac = 0x11, .src_mac = mac, .dst = "10.10.10.11", .src = ca });
	return frame_ip4((struct ip4){ .dst_mac = mac, .src_mac = 0x11, .dst = ca, .src = "10.10.10.11" });
}

static void expect(enum bpf_role role, uint32_t from, const struct frame *f, enum dp_verdict verdict, uint32_t detail)
{
	struct result r = run(role, from, f);

	assert_int_equal(r.verdict, verdict);
	assert_int_equal(r.detail, detail);
}

static void nobody_may_have_it(void **state _unused_)
{
	struct frame answer, f = fresh(0x72, &answer), outer;

	set_ports(0, 0);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_PORT_GONE);
	f = frame_ip4((struct ip4){ .dst_mac = 0x72, .src_mac = 0x12, .dst = "10.10.10.114", .src = "10.10.10.12" });
	outer = frame_nvgre(PEER, HERE, KEY(5010), &f);
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &outer, DP_DROP_DESTINATION_NOT_LOCAL);
}

static void unseen(void **state _unused_)
{
	struct frame answer, f = fresh(0x73, &answer), outer;

	expect(BPF_ROLE_VPORT, BLUE1, &f, DP_VERDICT_FLOOD, 2);
	tap_expect(host_tap, &f);
	tap_expect(blue3_tap, &f);
	/* one that has no such machines any more, and the one it comes from */
	port_set_flags(BLUE3, 0, DP_PORT_SPOOFING);
	expect(BPF_ROLE_VPORT, BLUE1, &f, DP_VERDICT_FLOOD, 1);
	tap_expect(host_tap, &f);
	f = frame_ip4((struct ip4){ .dst_mac = 0x73, .src_mac = 0x51, .dst = "10.10.10.115", .src = "10.10.10.51" });
	expect(BPF_ROLE_VPORT, HOST, &f, DP_VERDICT_FLOOD, 0);
	f = frame_ip4((struct ip4){ .dst_mac = 0x73, .src_mac = 0x12, .dst = "10.10.10.115", .src = "10.10.10.12" });
	outer = frame_nvgre(PEER, HERE, KEY(5010), &f);
	expect(BPF_ROLE_UPLINK, UPLINK, &outer, DP_VERDICT_FLOOD, 1);
	tap_expect(host_tap, &f);
	tap_expect_nothing(blue3_tap);
}

static void seen(void **state _unused_)
{
	struct frame answer, f = fresh(0x74, &answer), outer, back;
	struct bpf_frame out;
	struct dp_trace t;

	expect(BPF_ROLE_VPORT, HOST, &answer, DP_VERDICT_DELIVER_PEER, BLUE1);
	expect(BPF_ROLE_VPORT, BLUE1, &f, DP_VERDICT_DELIVER, HOST);
	/* a trace knows it, too */
	assert_int_equal(bpf_trace_run(fixture_driver(), BPF_ROLE_VPORT, BLUE1, f.b, f.n, &t, &out), 0);
	assert_int_equal(t.verdict, DP_VERDICT_DELIVER);
	assert_int_equal(t.detail, HOST);
	back = frame_ip4((struct ip4){ .dst_mac = 0x74, .src_mac = 0x12, .dst = "10.10.10.116", .src = "10.10.10.12" });
	outer = frame_nvgre(PEER, HERE, KEY(5010), &back);
	expect(BPF_ROLE_UPLINK, UPLINK, &outer, DP_VERDICT_DELIVER, HOST);
	/* behind the same port: its bridge's business */
	back = frame_ip4((struct ip4){ .dst_mac = 0x74, .src_mac = 0x51, .dst = "10.10.10.116", .src = "10.10.10.51" });
	expect_drop(BPF_ROLE_VPORT, HOST, &back, DP_DROP_DESTINATION_IS_SOURCE);
	/* it moves, by whatever it sends */
	answer = frame_arp(0xff, 0x74, 1, 0x74, "10.10.10.116", "10.10.10.116");
	expect_drop(BPF_ROLE_VPORT, BLUE3, &answer, DP_DROP_ARP_ANNOUNCEMENT);
	expect(BPF_ROLE_VPORT, BLUE1, &f, DP_VERDICT_DELIVER, BLUE3);
	/* where spoofing goes off it is not any more */
	port_set_flags(BLUE3, 0, DP_PORT_SPOOFING);
	expect_drop(BPF_ROLE_VPORT, BLUE3, &answer, DP_DROP_SOURCE_MAC_SPOOFED);
	expect(BPF_ROLE_VPORT, BLUE1, &f, DP_VERDICT_FLOOD, 1);
	tap_expect(host_tap, &f);
}

/* What a port has is the port's, whoever says so; what is followed on made packets is not learnt from. */
static void not_learnt(void **state _unused_)
{
	struct frame answer, f = fresh(0x75, &answer), other;
	struct bpf_frame out;
	struct dp_trace t;

	assert_int_equal(bpf_trace_run(fixture_driver(), BPF_ROLE_VPORT, HOST, answer.b, answer.n, &t, &out), 0);
	assert_int_equal(t.verdict, DP_VERDICT_DELIVER_PEER);
	expect(BPF_ROLE_VPORT, BLUE1, &f, DP_VERDICT_FLOOD, 2);
	tap_expect(host_tap, &f);
	tap_expect(blue3_tap, &f);
	other = frame_arp(0xff, 0x11, 1, 0x11, "10.10.10.11", "10.10.10.13");
	run(BPF_ROLE_VPORT, HOST, &other);
	f = frame_ip4((struct ip4){ .dst_mac = 0x11, .src_mac = 0x13, .dst = "10.10.10.11", .src = "10.10.10.13" });
	expect(BPF_ROLE_VPORT, BLUE3, &f, DP_VERDICT_DELIVER_PEER, BLUE1);
}

/* An inner machine without an address may have any but others', and the daemon is told by whom. */
static void address_learnt(void **state _unused_)
{
	struct bpf_learnt_vec all = { 0 };
	struct frame f;

	set_record(INNER_MAC, NULL, DP_DEST_ANY_CA | DP_DEST_L2ONLY);
	f = frame_arp(0xff, INNER_MAC, 2, INNER_MAC, "10.10.10.77", "10.10.10.77");
	expect_drop(BPF_ROLE_VPORT, HOST, &f, DP_DROP_ARP_ANNOUNCEMENT);
	assert_int_equal(bpf_driver_read_learnt(fixture_driver(), 10, &all), 0);
	assert_int_equal(all.n, 1);
	assert_int_equal(all.items[0].ifindex, HOST);
	assert_int_equal(all.items[0].mac[5], INNER_MAC);
	assert_memory_equal(&all.items[0].ca, ((union dp_addr[]){ addr("10.10.10.77") }), sizeof(union dp_addr));
	f = frame_ip4((struct ip4){ .dst_mac = 0x11, .src_mac = INNER_MAC, .dst = "10.10.10.11", .src = "10.10.10.77" });
	expect(BPF_ROLE_VPORT, HOST, &f, DP_VERDICT_DELIVER_PEER, BLUE1);
	f = frame_ip4((struct ip4){ .dst_mac = 0x11, .src_mac = INNER_MAC, .dst = "10.10.10.11", .src = "10.10.10.13" });
	expect_drop(BPF_ROLE_VPORT, HOST, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
	vec_done(&all);
}

static int up(void **state)
{
	assert_int_equal(fixture6_up(state), 0);
	host_tap = tap_open(HOST);
	blue3_tap = tap_open(BLUE3);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_may_have_it), cmocka_unit_test(unseen), cmocka_unit_test(seen),
		cmocka_unit_test(not_learnt), cmocka_unit_test(address_learnt),
	};

	return cmocka_run_group_tests(tests, up, fixture_down);
}
