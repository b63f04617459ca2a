/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

/* VLANs at a port, on exact bytes. PLAIN has VSID 0; a tag that the program sets is beside the frame, where no test run shows it. */

static void set_vlan(uint16_t vlan, const char *allowed)
{
	struct bpf_trunk trunk = { .key = PLAIN };
	struct bpf_port_vec all = { 0 };
	unsigned id;

	assert_int_equal(bpf_driver_observe_ports(fixture_driver(), &all), 0);
	vec_foreach(&all, p) {
		if (p->ifindex != PLAIN)
			continue;
		p->value.flags |= DP_PORT_VLAN;
		p->value.vlan = vlan;
		p->value.trunk = allowed != NULL;
		assert_int_equal(bpf_driver_set_port(fixture_driver(), p), 0);
	}
	vec_done(&all);
	for (int n = 0; allowed && sscanf(allowed, "%u%n", &id, &n) == 1; allowed += n)
		trunk.value.allowed[id / 64] |= 1ull << (id % 64);
	assert_int_equal(bpf_driver_set_trunk(fixture_driver(), &trunk), 0);
}

/* tag < 0: none */
static struct frame tagged(uint16_t tpid, int tag)
{
	struct frame plain = frame_arp(0xff, 0x41, 1, 0x41, "10.0.0.1", "10.0.0.2"), f = { .n = 0 };
	uint8_t bytes[4] = { tpid >> 8, tpid & 0xff, (uint8_t)(tag >> 8), (uint8_t)tag };

	if (tag < 0)
		return plain;
	frame_add(&f, plain.b, 12);
	frame_add(&f, bytes, 4);
	frame_add(&f, plain.b + 12, plain.n - 12);
	return f;
}

enum outcome {
	KEPT,	 /* as it came */
	POPPED,	 /* without its tag */
	DROPPED, /* from the guest: counted; to the guest: not for it */
};

static void expect(bool from_guest, uint16_t tpid, int tag, enum outcome outcome)
{
	struct frame f = tagged(tpid, tag), plain = tagged(0, -1);
	struct result r;

	if (outcome == DROPPED && from_guest) {
		expect_drop(BPF_ROLE_VPORT, PLAIN, &f, DP_DROP_VLAN_NOT_ALLOWED);
		return;
	}
	r = run(from_guest ? BPF_ROLE_VPORT : BPF_ROLE_VPORT_EGRESS, PLAIN, &f);
	assert_int_equal(r.action, outcome == DROPPED ? 2 : from_guest ? 0 : -1);
	if (outcome == POPPED)
		assert_frame(&r.out, &plain);
	else
		assert_frame(&r.out, &f);
}

static void off(void **state _unused_)
{
	static const int tags[] = { -1, 0, 1, 10, 4094, 4095 };

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		expect(true, 0x8100, tags[i], KEPT);
		expect(false, 0x8100, tags[i], KEPT);
		expect(true, 0x88a8, tags[i], KEPT);
		expect(false, 0x88a8, tags[i], KEPT);
	}
}

/* HN-12 is the daemon's; here: a port in no VLAN, in one, and a trunk with a VLAN for frames without a tag, and without. */
static void modes(void **state _unused_)
{
	static const struct {
		uint16_t vlan;
		const char *allowed;
		int tag;
		enum outcome from_guest, to_guest;
	} cases[] = {
		{ 0, NULL, -1, KEPT, KEPT },	     { 0, NULL, 0, POPPED, POPPED },	     { 0, NULL, 1, DROPPED, DROPPED },
		{ 0, NULL, 10, DROPPED, DROPPED },   { 0, NULL, 4094, DROPPED, DROPPED },    { 0, NULL, 4095, DROPPED, DROPPED },
		{ 10, NULL, -1, KEPT, DROPPED },     { 10, NULL, 0, POPPED, DROPPED },	     { 10, NULL, 10, DROPPED, POPPED },
		{ 10, NULL, 11, DROPPED, DROPPED },  { 10, NULL, 1, DROPPED, DROPPED },	     { 10, NULL, 4095, DROPPED, DROPPED },
		{ 10, "20 30", -1, KEPT, DROPPED },  { 10, "20 30", 0, POPPED, DROPPED },    { 10, "20 30", 10, KEPT, POPPED },
		{ 10, "20 30", 20, KEPT, KEPT },     { 10, "20 30", 30, KEPT, KEPT },	     { 10, "20 30", 21, DROPPED, DROPPED },
		{ 10, "10 20", 10, KEPT, POPPED },   { 0, "1 63 64 127 4094", -1, KEPT, KEPT }, { 0, "1 63 64 127 4094", 0, POPPED, POPPED },
		{ 0, "1 63 64 127 4094", 1, KEPT, KEPT },	{ 0, "1 63 64 127 4094", 63, KEPT, KEPT },
		{ 0, "1 63 64 127 4094", 64, KEPT, KEPT },	{ 0, "1 63 64 127 4094", 127, KEPT, KEPT },
		{ 0, "1 63 64 127 4094", 4094, KEPT, KEPT },	{ 0, "1 63 64 127 4094", 2, DROPPED, DROPPED },
		{ 0, "1 63 64 127 4094", 65, DROPPED, DROPPED }, { 0, "1 63 64 127 4094", 4093, DROPPED, DROPPED },
		{ 0, "1 63 64 127 4094", 4095, DROPPED, DROPPED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set_vlan(cases[i].vlan, cases[i].allowed);
		expect(true, 0x8100, cases[i].tag, cases[i].from_guest);
		expect(false, 0x8100, cases[i].tag, cases[i].to_guest);
		if (cases[i].tag < 0)
			continue;
		/* priority and drop eligibility are no part of the VLAN */
		expect(true, 0x8100, cases[i].tag | 0xf000, cases[i].from_guest);
		expect(false, 0x8100, cases[i].tag | 0xf000, cases[i].to_guest);
		/* a provider's tag is of none */
		expect(true, 0x88a8, cases[i].tag, DROPPED);
		expect(false, 0x88a8, cases[i].tag, DROPPED);
		expect(true, 0x9100, cases[i].tag, DROPPED);
	}
}

/* A tag that is cut off is no tag: what remains is nobody's. */
static void truncated(void **state _unused_)
{
	struct frame f = tagged(0x8100, 20);
	struct result r;

	set_vlan(10, "20");
	for (f.n = 15; f.n < 18; f.n++) {
		r = run(BPF_ROLE_VPORT_EGRESS, PLAIN, &f);
		assert_int_equal(r.action, 2);
	}
	f.n = 18;
	r = run(BPF_ROLE_VPORT_EGRESS, PLAIN, &f);
	assert_int_equal(r.action, -1);
}

/* A port whose trunk has no entry: none but its own. */
static void no_entry(void **state _unused_)
{
	set_vlan(10, "20");
	assert_int_equal(bpf_driver_delete_trunk(fixture_driver(), PLAIN), 0);
	expect(true, 0x8100, 20, DROPPED);
	expect(false, 0x8100, 20, DROPPED);
	expect(true, 0x8100, -1, KEPT);
	expect(false, 0x8100, 10, POPPED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off), cmocka_unit_test(modes), cmocka_unit_test(truncated), cmocka_unit_test(no_entry),
	};

	return cmocka_run_group_tests(tests, fixture_up, fixture_down);
}
