/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>

#include "bpf_trace.h"
#include "harness.h"

/* The tracing build: the same decisions as the plain one, said aloud, and nothing left behind. */

struct traced {
	struct dp_trace packet;
	struct bpf_frame out;
};

static struct traced trace_frame(enum bpf_role role, uint32_t ifindex, const struct frame *f)
{
	struct traced t;

	assert_int_equal(bpf_trace_run(fixture_driver(), role, ifindex, f->b, f->n, &t.packet, &t.out), 0);
	assert_int_equal(t.packet.ifindex, ifindex);
	assert_int_equal(t.packet.len, f->n);
	assert_int_equal(t.packet.lost, 0);
	return t;
}

/* The stages must be exactly these; ends with 0. */
static void expect_stages(const struct traced *t, const uint32_t *codes)
{
	uint32_t n = 0;

	for (; codes[n]; n++)
		if (n >= t->packet.n_steps || t->packet.steps[n].code != codes[n])
			fail_msg("stage %u is %s, not %s", n,
				 n < t->packet.n_steps ? trace_stage_sentence(t->packet.steps[n].code) : "missing",
				 trace_stage_sentence(codes[n]));
	if (t->packet.n_steps != n)
		fail_msg("one stage more: %s", trace_stage_sentence(t->packet.steps[n].code));
}

#define EXPECT_STAGES(t, ...) expect_stages(t, (const uint32_t[]){ __VA_ARGS__, 0 })

/* What the plain program does with it, and what the tracing one says and leaves, are the same. */
static struct traced same(enum bpf_role role, uint32_t ifindex, const struct frame *f)
{
	struct dp_counters before = { 0 }, after = { 0 };
	struct result plain = run(role, ifindex, f);
	uint64_t dropped;
	struct traced t;

	bpf_driver_read_counters(fixture_driver(), ifindex, &before);
	dropped = plain.verdict == DP_VERDICT_DROP ? drops(ifindex, plain.detail) : 0;
	t = trace_frame(role, ifindex, f);
	assert_int_equal(t.packet.verdict, plain.verdict);
	assert_int_equal(t.packet.detail, plain.detail);
	assert_int_equal(t.out.n, plain.out.n);
	assert_memory_equal(t.out.b, plain.out.b, plain.out.n);
	assert_memory_equal(t.packet.in, f->b, f->n < DP_TRACE_BYTES ? f->n : DP_TRACE_BYTES);
	assert_memory_equal(t.packet.out, plain.out.b, plain.out.n < DP_TRACE_BYTES ? plain.out.n : DP_TRACE_BYTES);
	bpf_driver_read_counters(fixture_driver(), ifindex, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	if (dropped)
		assert_int_equal(drops(ifindex, plain.detail), dropped);
	return t;
}

static struct frame udp(uint8_t dst, uint8_t src, const char *to, const char *from)
{
	return frame_ip4((struct ip4){ .dst_mac = dst, .src_mac = src, .dst = to, .src = from, .proto = IPPROTO_UDP,
				       .sport = 1000, .dport = 2000, .payload = 20 });
}

static void remote(void **state _unused_)
{
	struct frame f = udp(0x12, 0x11, "10.10.10.12", "10.10.10.11");
	struct traced t = same(BPF_ROLE_VPORT, BLUE1, &f);

	EXPECT_STAGES(&t, DP_TRACE_PORT_POLICY, DP_TRACE_GUARD_MAC, DP_TRACE_SOURCE_ADAPTER, DP_TRACE_DEST_REMOTE,
		      DP_TRACE_ENCAP_NVGRE, DP_TRACE_NEXT_HOP);
	assert_int_equal(t.packet.verdict, DP_VERDICT_SEND);
	assert_int_equal(t.packet.steps[0].a, 5010);
	assert_int_equal(t.packet.steps[1].a, 0x110000000000);
	assert_int_equal(t.packet.steps[2].b, inet_addr("10.10.10.11"));
	assert_int_equal(t.packet.steps[3].a, 0x120000000000);
	assert_int_equal(t.packet.steps[3].addr.w[3], inet_addr("214.214.51.43"));
	assert_int_equal(t.packet.steps[4].a, inet_addr("214.214.51.42"));
	assert_int_equal(t.packet.steps[4].b, 5010);
	assert_int_equal(t.packet.steps[5].a, 0xb20000000000);
	assert_int_equal(t.packet.steps[5].b, UPLINK);
	assert_int_equal(t.packet.out_len, f.n + DP_NVGRE4_OVERHEAD);
}

static void unresolved(void **state _unused_)
{
	struct frame f = udp(0x14, 0x11, "10.10.10.14", "10.10.10.11");
	struct traced t = same(BPF_ROLE_VPORT, BLUE1, &f);

	EXPECT_STAGES(&t, DP_TRACE_PORT_POLICY, DP_TRACE_GUARD_MAC, DP_TRACE_SOURCE_ADAPTER, DP_TRACE_DEST_REMOTE,
		      DP_TRACE_ENCAP_NVGRE, DP_TRACE_NEXT_HOP_ASKED);
	assert_int_equal(t.packet.steps[5].b, BRIDGE);
}

static void local(void **state _unused_)
{
	struct frame f = udp(0x13, 0x11, "10.10.10.13", "10.10.10.11");
	struct traced t = same(BPF_ROLE_VPORT, BLUE1, &f);

	EXPECT_STAGES(&t, DP_TRACE_PORT_POLICY, DP_TRACE_GUARD_MAC, DP_TRACE_SOURCE_ADAPTER, DP_TRACE_DEST_LOCAL,
		      DP_TRACE_DELIVER);
	assert_int_equal(t.packet.steps[3].b, BLUE3);
	assert_int_equal(t.packet.steps[4].a, BLUE3);
	assert_int_equal(t.packet.steps[4].b, 5010);
}

static void arp_answered(void **state _unused_)
{
	struct frame f = frame_arp(0xff, 0x11, 1, 0x11, "10.10.10.11", "10.10.10.12");
	struct traced t;

	memset(f.b, 0xff, 6);
	t = same(BPF_ROLE_VPORT, BLUE1, &f);
	EXPECT_STAGES(&t, DP_TRACE_PORT_POLICY, DP_TRACE_GUARD_MAC, DP_TRACE_GUARD_ARP, DP_TRACE_SOURCE_ADAPTER,
		      DP_TRACE_ARP_ANSWERED);
	assert_int_equal(t.packet.verdict, DP_VERDICT_REPLY);
	assert_int_equal(t.packet.steps[4].a, inet_addr("10.10.10.12"));
	assert_int_equal(t.packet.steps[4].b, 0x120000000000);
}

/* Copies would really leave the ports: of a made packet there are none. */
static void flooded(void **state _unused_)
{
	struct frame f = udp(0x99, 0x31, "10.10.10.99", "10.10.10.31");
	struct dp_counters before, after;
	struct traced t;

	assert_int_equal(bpf_driver_read_counters(fixture_driver(), LAB2, &before), 0);
	t = trace_frame(BPF_ROLE_VPORT, LAB1, &f);
	EXPECT_STAGES(&t, DP_TRACE_PORT_SEGMENT, DP_TRACE_GUARD_MAC, DP_TRACE_FLOOD);
	assert_int_equal(t.packet.verdict, DP_VERDICT_FLOOD);
	assert_int_equal(t.packet.detail, 2);
	assert_int_equal(bpf_driver_read_counters(fixture_driver(), LAB2, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
}

static void plain_ports(void **state _unused_)
{
	struct frame f = udp(0x42, 0x41, "10.10.10.42", "10.10.10.41");
	struct traced t = same(BPF_ROLE_VPORT, PLAIN, &f);

	EXPECT_STAGES(&t, DP_TRACE_PORT_PLAIN, DP_TRACE_GUARD_MAC);
	f = udp(0x41, 0x99, "10.10.10.41", "10.10.10.99");
	t = same(BPF_ROLE_VPORT, OPEN, &f);
	EXPECT_STAGES(&t, DP_TRACE_PORT_PLAIN, DP_TRACE_GUARD_SPOOFING);
	assert_int_equal(t.packet.verdict, DP_VERDICT_PASS);
}

static void dropped(void **state _unused_)
{
	struct frame f = udp(0x12, 0x11, "10.10.10.12", "10.10.10.99");
	struct traced t = same(BPF_ROLE_VPORT, BLUE1, &f);

	EXPECT_STAGES(&t, DP_TRACE_PORT_POLICY, DP_TRACE_GUARD_MAC, DP_TRACE_DROP);
	assert_int_equal(t.packet.steps[2].a, DP_DROP_SOURCE_NOT_IN_POLICY);
	f = udp(0x12, 0x99, "10.10.10.12", "10.10.10.11");
	t = same(BPF_ROLE_VPORT, BLUE1, &f);
	EXPECT_STAGES(&t, DP_TRACE_PORT_POLICY, DP_TRACE_DROP);
	assert_int_equal(t.packet.steps[1].a, DP_DROP_SOURCE_MAC_SPOOFED);
}

/* The ports that policy does not know, and every other source of an address. */
static void sources(void **state _unused_)
{
	struct frame f = udp(0x12, 0x51, "10.10.10.12", "10.10.10.51");
	struct traced t = same(BPF_ROLE_VPORT, HOST, &f);

	EXPECT_STAGES(&t, DP_TRACE_PORT_POLICY, DP_TRACE_GUARD_SPOOFING, DP_TRACE_SOURCE_RECORD, DP_TRACE_DEST_REMOTE,
		      DP_TRACE_ENCAP_NVGRE, DP_TRACE_NEXT_HOP);
	f = udp(0x12, 0x61, "10.10.10.12", "10.10.10.200");
	t = same(BPF_ROLE_VPORT, WILD, &f);
	assert_int_equal(t.packet.steps[2].code, DP_TRACE_SOURCE_ANY);
	f = frame_ether(0x12, 0x11, 0x88b5);
	frame_add(&f, "0123456789012345678901234567890123456789012345", 46);
	t = same(BPF_ROLE_VPORT, BLUE1, &f);
	assert_int_equal(t.packet.steps[2].code, DP_TRACE_SOURCE_MAC);
}

static void from_the_wire(void **state _unused_)
{
	struct frame inner = udp(0x11, 0x12, "10.10.10.11", "10.10.10.12");
	struct frame f = frame_nvgre("214.214.51.43", "214.214.51.42", 5010 << 8, &inner);
	struct traced t = same(BPF_ROLE_UPLINK, UPLINK, &f);

	EXPECT_STAGES(&t, DP_TRACE_WIRE_NVGRE, DP_TRACE_INNER_SOURCE, DP_TRACE_DEST_LOCAL, DP_TRACE_DECAP, DP_TRACE_DELIVER);
	assert_int_equal(t.packet.inner, INNER);
	assert_int_equal(t.packet.steps[0].a, inet_addr("214.214.51.43"));
	assert_int_equal(t.packet.steps[0].b, 5010);
	assert_int_equal(t.packet.steps[2].b, BLUE1);
	f = frame_nvgre("214.214.51.99", "214.214.51.42", 5010 << 8, &inner);
	t = same(BPF_ROLE_UPLINK, UPLINK, &f);
	EXPECT_STAGES(&t, DP_TRACE_WIRE_NVGRE, DP_TRACE_INNER_SOURCE, DP_TRACE_DROP);
	assert_int_equal(t.packet.steps[1].addr.w[3], inet_addr("214.214.51.43"));
	assert_int_equal(t.packet.steps[2].a, DP_DROP_WRONG_SOURCE_PA);
	f = frame_nvgre("214.214.51.43", "214.214.51.99", 5010 << 8, &inner);
	t = same(BPF_ROLE_UPLINK, UPLINK, &f);
	EXPECT_STAGES(&t, DP_TRACE_WIRE_OTHER);
	assert_int_equal(t.packet.inner, 0);
}

/* Every truncation of a packet is the same to both builds. */
static void truncated(void **state _unused_)
{
	struct frame inner = udp(0x11, 0x12, "10.10.10.11", "10.10.10.12"), f;

	/* less than an IPv4 header the kernel itself refuses */
	for (size_t n = 14 + 20; n < inner.n; n++) {
		f = udp(0x12, 0x11, "10.10.10.12", "10.10.10.11");
		f.n = n;
		same(BPF_ROLE_VPORT, BLUE1, &f);
	}
	for (size_t n = OUTER_IP + 20; n < inner.n + DP_NVGRE4_OVERHEAD; n++) {
		f = frame_nvgre("214.214.51.43", "214.214.51.42", 5010 << 8, &inner);
		f.n = n;
		same(BPF_ROLE_UPLINK, UPLINK, &f);
	}
}

static void lengths(void **state _unused_)
{
	static uint8_t bytes[BPF_TRACE_FRAME_MAX + 1];
	struct dp_trace packet = { .ifindex = 4711 };
	struct bpf_frame out = { .n = 4711 };

	assert_int_equal(bpf_trace_run(fixture_driver(), BPF_ROLE_VPORT, BLUE1, bytes, BPF_TRACE_FRAME_MIN - 1, &packet, &out), -EINVAL);
	assert_int_equal(bpf_trace_run(fixture_driver(), BPF_ROLE_VPORT, BLUE1, bytes, sizeof(bytes), &packet, &out), -EINVAL);
	assert_int_equal(bpf_trace_run(fixture_driver(), BPF_ROLE_VPORT, 4321, bytes, 60, &packet, &out), -ENODEV);
	assert_int_equal(packet.ifindex, 4711);
	assert_int_equal(out.n, 4711);
	bytes[5] = 0x12;
	bytes[11] = 0x11;
	assert_int_equal(bpf_trace_run(fixture_driver(), BPF_ROLE_VPORT, BLUE1, bytes, BPF_TRACE_FRAME_MAX, &packet, &out), 0);
	assert_int_equal(packet.len, BPF_TRACE_FRAME_MAX);
}

/* Each code has a heading and a sentence, and no two the same. */
static void the_list(void **state _unused_)
{
	size_t n = 0;

	for (uint32_t a = 0; a < DP_TRACE_MAX; a++) {
		if (!trace_stage_sentence(a))
			continue;
		n++;
		assert_true(strlen(trace_stage_heading(a)) <= 11);
		for (uint32_t b = 0; b < a; b++)
			if (trace_stage_sentence(b))
				assert_string_not_equal(trace_stage_sentence(a), trace_stage_sentence(b));
	}
	assert_true(n > 20);
	assert_null(trace_stage_sentence(0));
	assert_null(trace_stage_sentence(DP_TRACE_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remote),	 cmocka_unit_test(unresolved),	  cmocka_unit_test(local),
		cmocka_unit_test(arp_answered),	 cmocka_unit_test(flooded),	  cmocka_unit_test(plain_ports),
		cmocka_unit_test(dropped),	 cmocka_unit_test(sources),	  cmocka_unit_test(from_the_wire),
		cmocka_unit_test(truncated),	 cmocka_unit_test(lengths),	  cmocka_unit_test(the_list),
	};

	return cmocka_run_group_tests(tests, fixture_up, fixture_down);
}
