/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

/* MaximumBandwidth, on exact bytes. PLAIN has VSID 0, BLUE1 is in a virtual subnet; BRIDGE stands for the device that holds back. */

#define CLASS 0x4e530029u
#define MINE (DP_PACE_MARK | PLAIN)
#define ROOM (128 * 1024)

static void set_rate(uint32_t ifindex, uint64_t rate, uint32_t flags)
{
	struct bpf_port_vec all = { 0 };

	/* what was sent before is forgotten */
	assert_int_equal(bpf_driver_reset_counters(fixture_driver(), ifindex), 0);
	assert_int_equal(bpf_driver_observe_ports(fixture_driver(), &all), 0);
	vec_foreach(&all, p) {
		if (p->ifindex != ifindex)
			continue;
		p->value.rate = rate;
		p->value.pacer = BRIDGE;
		p->value.pace_class = CLASS;
		p->value.storm_limit = 1;
		p->value.guards = DP_GUARD_DHCP;
		p->value.flags = (p->value.flags & ~(uint32_t)DP_PORT_RARE) | flags | (rate ? DP_PORT_PACED : 0);
		assert_int_equal(bpf_driver_set_port(fixture_driver(), p), 0);
	}
	vec_done(&all);
}

static struct frame frame_of(uint8_t src_mac, size_t bytes)
{
	struct ip4 p = { .dst_mac = 0x13, .src_mac = src_mac, .dst = "10.10.10.13", .src = "10.10.10.11", .payload = bytes - 42 };

	return frame_ip4(p);
}

static void takes_the_way_round(void **state _unused_)
{
	struct frame f = frame_of(0x41, 1000);
	struct result r;

	set_rate(PLAIN, 1000000, 0);
	r = run(BPF_ROLE_VPORT, PLAIN, &f);
	assert_int_equal(r.verdict, DP_VERDICT_QUEUE);
	assert_int_equal(r.detail, BRIDGE);
	assert_int_equal(r.action, 7);
	assert_int_equal(r.mark, MINE);
	assert_int_equal(r.priority, CLASS);
	assert_frame(&r.out, &f);
	/* back from it: on, and no trace of it is left */
	r = run_meta(BPF_ROLE_VPORT, PLAIN, &f, (struct meta){ .mark = MINE });
	assert_int_equal(r.verdict, DP_VERDICT_PASS);
	assert_int_equal(r.mark, 0);
	assert_frame(&r.out, &f);
	/* another port's mark is none */
	r = run_meta(BPF_ROLE_VPORT, PLAIN, &f, (struct meta){ .mark = DP_PACE_MARK | OPEN });
	assert_int_equal(r.verdict, DP_VERDICT_QUEUE);
	set_rate(PLAIN, 0, 0);
	r = run_meta(BPF_ROLE_VPORT, PLAIN, &f, (struct meta){ .mark = MINE });
	assert_int_equal(r.verdict, DP_VERDICT_PASS);
	assert_int_equal(r.mark, MINE);
}

static void in_a_virtual_subnet(void **state _unused_)
{
	struct frame f = frame_of(0x11, 100);
	struct result r;

	set_rate(BLUE1, 1000000, 0);
	r = run(BPF_ROLE_VPORT, BLUE1, &f);
	assert_int_equal(r.verdict, DP_VERDICT_QUEUE);
	r = run_meta(BPF_ROLE_VPORT, BLUE1, &f, (struct meta){ .mark = DP_PACE_MARK | BLUE1 });
	assert_int_equal(r.verdict, DP_VERDICT_DELIVER);
	set_rate(BLUE1, 0, 0);
}

/* AC-7: last of all. What a guard drops takes no bandwidth, and what comes back is not asked again. */
static void after_guards(void **state _unused_)
{
	struct frame dhcp = frame_of(0x41, 1000), broadcast = frame_arp(0xff, 0x41, 1, 0x41, "10.0.0.1", "10.0.0.2");

	frame_set_u16(&dhcp, 14 + 20 + 2, 68);
	set_rate(PLAIN, 1000, DP_PORT_GUARDS | DP_PORT_STORM);
	for (int i = 0; i < 200; i++)
		expect_drop(BPF_ROLE_VPORT, PLAIN, &dhcp, DP_DROP_DHCP_GUARD);
	assert_int_equal(run(BPF_ROLE_VPORT, PLAIN, &broadcast).verdict, DP_VERDICT_QUEUE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(run_meta(BPF_ROLE_VPORT, PLAIN, &broadcast, (struct meta){ .mark = MINE }).verdict, DP_VERDICT_PASS);
	/* a forged source is still one */
	dhcp = frame_of(0x42, 100);
	assert_int_equal(run_meta(BPF_ROLE_VPORT, PLAIN, &dhcp, (struct meta){ .mark = MINE }).detail, DP_DROP_SOURCE_MAC_SPOOFED);
	set_rate(PLAIN, 0, 0);
}

/* So slow that nothing goes out meanwhile: what has room is what fits. */
static void expect_room(uint64_t rate, size_t bytes, struct meta meta, uint64_t wire_bytes)
{
	struct frame f = frame_of(0x41, bytes);
	uint64_t before, times = ROOM / wire_bytes + 50;

	set_rate(PLAIN, rate, 0);
	before = drops(PLAIN, DP_DROP_BANDWIDTH_LIMIT);
	for (uint64_t i = 0; i < times; i++)
		run_meta(BPF_ROLE_VPORT, PLAIN, &f, meta);
	/* one that finds the room just filled, or a bit of it, still has its place */
	assert_int_equal(drops(PLAIN, DP_DROP_BANDWIDTH_LIMIT) - before, times - (ROOM / wire_bytes + 1));
}

static void room(void **state _unused_)
{
	expect_room(10, 1000, (struct meta){ 0 }, 1000);
	expect_room(1, 1500, (struct meta){ 0 }, 1500);
	/* a large segment is what it is on the wire: headers for each */
	expect_room(10, 3000, (struct meta){ .gso_size = 500, .gso_segs = 6 }, 3000 + 5 * 66);
	set_rate(PLAIN, 0, 0);
}

/* What was sent goes out with time: there is room again. */
static void drains(void **state _unused_)
{
	struct frame f = frame_of(0x41, 1500);
	uint64_t queued = 0;

	/* 128 KiB in 50 ms: both bounds at once */
	set_rate(PLAIN, ROOM * 20, 0);
	while (run(BPF_ROLE_VPORT, PLAIN, &f).verdict == DP_VERDICT_QUEUE)
		queued++;
	assert_true(queued >= ROOM / 1500);
	while (run(BPF_ROLE_VPORT, PLAIN, &f).verdict != DP_VERDICT_QUEUE)
		;
	set_rate(PLAIN, 0, 0);
}

/* The far end: back to the port that the mark names, and nowhere else. */
static void far_end(void **state _unused_)
{
	static const uint32_t wrong[] = { 0, PLAIN, DP_PACE_MARK, DP_PACE_MARK | NOT_A_PORT, 0x4e540000u | PLAIN, 0x0e530000u | PLAIN,
					  0xffffffffu };
	struct frame f = frame_of(0x41, 100);
	struct result r;

	set_rate(PLAIN, 1000, 0);
	r = run_meta(BPF_ROLE_PACER, NOT_A_PORT, &f, (struct meta){ .mark = MINE });
	assert_int_equal(r.action, 7);
	assert_int_equal(r.mark, MINE);
	assert_frame(&r.out, &f);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		r = run_meta(BPF_ROLE_PACER, NOT_A_PORT, &f, (struct meta){ .mark = wrong[i] });
		assert_int_equal(r.action, 2);
	}
	/* the limit has gone meanwhile */
	set_rate(PLAIN, 0, 0);
	r = run_meta(BPF_ROLE_PACER, NOT_A_PORT, &f, (struct meta){ .mark = MINE });
	assert_int_equal(r.action, 7);
	assert_int_equal(r.mark, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_way_round), cmocka_unit_test(in_a_virtual_subnet), cmocka_unit_test(after_guards),
		cmocka_unit_test(room), cmocka_unit_test(drains), cmocka_unit_test(far_end),
	};

	return cmocka_run_group_tests(tests, fixture_up, fixture_down);
}
