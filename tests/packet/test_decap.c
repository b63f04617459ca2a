/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "harness.h"

#define HERE "214.214.51.42"
#define HERE2 "214.214.51.44"
#define PEER "214.214.51.43"
#define KEY(vsid) ((uint32_t)(vsid) << 8 | 0x6f)

static const struct ip4 udp = { .dst_mac = 0x11, .src_mac = 0x12, .dst = "10.10.10.11", .src = "10.10.10.12",
				  .payload = 40 };

static struct frame inner_udp(void)
{
	return frame_ip4(udp);
}

static struct frame valid(void)
{
	struct frame inner = inner_udp();

	return frame_nvgre(PEER, HERE, KEY(5010), &inner);
}

static void expect_delivered(const struct frame *f, uint32_t port, const struct frame *inner)
{
	struct result r = run(BPF_ROLE_UPLINK, UPLINK, f);

	assert_true(r.verdict == DP_VERDICT_DELIVER || r.verdict == DP_VERDICT_DELIVER_PEER);
	assert_int_equal(r.detail, port);
	assert_int_equal(r.action, 7);
	assert_frame(&r.out, inner);
}

static void wire_drop(const struct frame *f, enum dp_drop_reason reason)
{
	expect_drop(BPF_ROLE_UPLINK, UPLINK, f, reason);
}

static void golden(void **state _unused_)
{
	struct frame f = frame_hex("0000000000b1 0000000000b2 0800"
				   "4500 004a 0000 4000 40 2f 2683 d6d6332b d6d6332a"
				   "2000 6558 0013926f"
				   "000000000011 000000000012 0800"
				   "4500 0020 0000 0000 40 11 52a3 0a0a0a0c 0a0a0a0b"
				   "03e8 07d0 000c 0000 00010203");
	struct frame inner = { .n = f.n - INNER };

	memcpy(inner.b, f.b + INNER, inner.n);
	struct result r = run(BPF_ROLE_UPLINK, UPLINK, &f);

	assert_int_equal(r.verdict, DP_VERDICT_DELIVER_PEER);
	assert_int_equal(r.detail, BLUE1);
	assert_frame(&r.out, &inner);
}

/* The same addresses in another virtual subnet go to another port. */
static void isolation(void **state _unused_)
{
	struct ip4 p = udp;

	p.dst_mac = 0x21;
	p.src_mac = 0x22;
	struct frame inner = frame_ip4(p);
	struct frame f = frame_nvgre(PEER, HERE, KEY(5011), &inner);

	expect_delivered(&f, RED1, &inner);
	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_INNER_SOURCE_UNKNOWN);
	/* a valid source of 5010, but a destination of 5011 */
	p.src_mac = 0x12;
	inner = frame_ip4(p);
	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_DESTINATION_NOT_LOCAL);
	f = frame_nvgre(PEER, HERE, KEY(5012), &inner);
	wire_drop(&f, DP_DROP_INNER_SOURCE_UNKNOWN);
}

static void second_provider_address(void **state _unused_)
{
	struct frame inner = inner_udp();
	struct frame f = frame_nvgre(PEER, HERE2, KEY(5010), &inner);

	expect_delivered(&f, BLUE1, &inner);
}

static void not_ours(void **state _unused_)
{
	struct frame inner = inner_udp();
	struct frame f = frame_nvgre(PEER, "214.214.51.99", KEY(5010), &inner);

	expect_pass(BPF_ROLE_UPLINK, UPLINK, &f);
	expect_pass(BPF_ROLE_UPLINK, UPLINK, &inner);
	f = valid();
	frame_set_u16(&f, OUTER_GRE + 2, 0x0800); /* GRE, but not Ethernet in it */
	expect_pass(BPF_ROLE_UPLINK, UPLINK, &f);
	f = valid();
	f.b[OUTER_IP + 9] = IPPROTO_UDP;
	frame_fix_outer(&f);
	expect_pass(BPF_ROLE_UPLINK, UPLINK, &f);
	f = frame_arp(0xff, 0xb2, 1, 0xb2, PEER, HERE);
	expect_pass(BPF_ROLE_UPLINK, UPLINK, &f);
	f = frame_ether(0xff, 0xb2, 0x86dd);
	frame_add(&f, inner.b, 60);
	expect_pass(BPF_ROLE_UPLINK, UPLINK, &f);
	/* a device that is no uplink of ours */
	f = valid();
	expect_pass(BPF_ROLE_UPLINK, NOT_A_PORT, &f);
}

/* Cut at every byte, once as the wire would cut it, once with the outer length in accord. */
static void truncated(void **state _unused_)
{
	struct frame whole = valid(), f;

	/* the kernel has no test run for frames without a byte of payload, nor for IPv4 below its header */
	for (size_t n = OUTER_IP + 20; n < whole.n; n++) {
		f = whole;
		f.n = n;
		wire_drop(&f, DP_DROP_OUTER_TRUNCATED);
		frame_fix_outer(&f);
		wire_drop(&f, n < INNER ? DP_DROP_OUTER_TRUNCATED : DP_DROP_INNER_TRUNCATED);
	}
	f = whole;
	frame_set_u16(&f, OUTER_IP + 2, (uint16_t)(whole.n - OUTER_IP + 1));
	wire_drop(&f, DP_DROP_OUTER_TRUNCATED);
	for (uint16_t length = 0; length < 28; length++) {
		f = whole;
		frame_set_u16(&f, OUTER_IP + 2, length);
		wire_drop(&f, DP_DROP_OUTER_TRUNCATED);
	}
	/* nothing inside, however much the wire has added */
	frame_set_u16(&f, OUTER_IP + 2, 28);
	wire_drop(&f, DP_DROP_INNER_TRUNCATED);
	struct frame inner = inner_udp();

	expect_delivered(&whole, BLUE1, &inner);
}

/* Short frames are padded on the wire: the padding is not the guest's. */
static void padding(void **state _unused_)
{
	struct frame inner = inner_udp();
	struct frame f = frame_nvgre(PEER, HERE, KEY(5010), &inner);

	frame_add(&f, "padding", 7);
	expect_delivered(&f, BLUE1, &inner);
}

static void gre_header(void **state _unused_)
{
	static const struct {
		uint16_t flags;
		enum dp_drop_reason reason;
	} cases[] = {
		{ 0xa000, DP_DROP_GRE_FLAGS },   { 0x3000, DP_DROP_GRE_FLAGS }, { 0x6000, DP_DROP_GRE_FLAGS },
		{ 0x2800, DP_DROP_GRE_FLAGS },   { 0x2100, DP_DROP_GRE_FLAGS }, { 0x2008, DP_DROP_GRE_FLAGS },
		{ 0x0000, DP_DROP_GRE_NO_KEY },  { 0x8000, DP_DROP_GRE_FLAGS }, { 0x2001, DP_DROP_GRE_VERSION },
		{ 0x2007, DP_DROP_GRE_VERSION },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame f = valid();

		frame_set_u16(&f, OUTER_GRE, cases[i].flags);
		wire_drop(&f, cases[i].reason);
	}
}

static void reserved_vsid(void **state _unused_)
{
	static const uint32_t reserved[] = { 0, 1, 0xffe, 0xfff, 0xffffff };
	struct frame inner = inner_udp(), f;

	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
		f = frame_nvgre(PEER, HERE, KEY(reserved[i]), &inner);
		wire_drop(&f, DP_DROP_VSID_RESERVED);
	}
	f = frame_nvgre(PEER, HERE, KEY(0x1000), &inner);
	wire_drop(&f, DP_DROP_INNER_SOURCE_UNKNOWN);
	f = frame_nvgre(PEER, HERE, KEY(0xfffffe), &inner);
	wire_drop(&f, DP_DROP_INNER_SOURCE_UNKNOWN);
}

static void fragment(void **state _unused_)
{
	static const uint16_t frags[] = { 0x2000, 0x6000, 0x0001, 0x1fff, 0x2001 };

	for (size_t i = 0; i < ARRAY_SIZE(frags); i++) {
		struct frame f = valid();

		frame_set_u16(&f, OUTER_IP + 6, frags[i]);
		frame_fix_outer(&f);
		wire_drop(&f, DP_DROP_OUTER_FRAGMENT);
	}
}

static void options(void **state _unused_)
{
	struct frame whole = valid(), f = { .n = 0 };

	frame_add(&f, whole.b, OUTER_GRE);
	frame_add(&f, "\x01\x01\x01\x00", 4);
	frame_add(&f, whole.b + OUTER_GRE, whole.n - OUTER_GRE);
	f.b[OUTER_IP] = 0x46;
	frame_fix_outer(&f);
	wire_drop(&f, DP_DROP_OUTER_OPTIONS);
}

static void inner_tag(void **state _unused_)
{
	static const uint16_t tags[] = { 0x8100, 0x88a8, 0x9100 };

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		struct frame plain = inner_udp(), inner = { .n = 0 };
		uint8_t tag[4] = { tags[i] >> 8, tags[i] & 0xff, 0, 7 };

		frame_add(&inner, plain.b, 12);
		frame_add(&inner, tag, 4);
		frame_add(&inner, plain.b + 12, plain.n - 12);
		struct frame f = frame_nvgre(PEER, HERE, KEY(5010), &inner);

		wire_drop(&f, DP_DROP_INNER_VLAN_TAG);
	}
}

static void outer_source(void **state _unused_)
{
	struct frame inner = inner_udp();
	struct frame f = frame_nvgre("214.214.51.77", HERE, KEY(5010), &inner);

	wire_drop(&f, DP_DROP_WRONG_SOURCE_PA);
	f = frame_nvgre(HERE, HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_OWN_PA_AS_SOURCE);
	f = frame_nvgre(HERE2, HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_OWN_PA_AS_SOURCE);
	/* the record of the inner source agrees, because it is a guest's of this host */
	struct ip4 p = udp;

	p.src_mac = 0x13;
	p.src = "10.10.10.13";
	inner = frame_ip4(p);
	f = frame_nvgre(HERE, HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_OWN_PA_AS_SOURCE);
	/* and no less when that guest is off, and has no port */
	struct bpf_dest off = { .key = { .segment = 5010, .mac = { [5] = 0x19 } },
				.value = { .kind = DP_DEST_NONE, .ca4 = inet_addr("10.10.10.19"),
					   .pa.w = { 0, 0, htonl(0xffff), inet_addr(HERE) } } };

	assert_int_equal(bpf_driver_set_dests(fixture_driver(), &off, 1), 0);
	p.src_mac = 0x19;
	p.src = "10.10.10.19";
	inner = frame_ip4(p);
	f = frame_nvgre(HERE, HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_OWN_PA_AS_SOURCE);
	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_WRONG_SOURCE_PA);
}

/* Each address of a machine may have a provider address of its own; the machine's first one serves for all. */
static void several_provider_addresses(void **state _unused_)
{
	struct bpf_ca more = { .key = { .segment = 5010, .ca.w = { 0, 0, htonl(0xffff), inet_addr("10.10.10.113") } },
			       .value = { .mac = { [5] = 0x12 }, .pa.w = { 0, 0, htonl(0xffff), inet_addr("214.214.51.46") } } };
	struct ip4 p = udp;
	struct frame inner, f;

	assert_int_equal(bpf_driver_set_cas(fixture_driver(), &more, 1), 0);
	p.src = "10.10.10.113";
	inner = frame_ip4(p);
	f = frame_nvgre("214.214.51.46", HERE, KEY(5010), &inner);
	expect_delivered(&f, BLUE1, &inner);
	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	expect_delivered(&f, BLUE1, &inner);
	f = frame_nvgre("214.214.51.47", HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_WRONG_SOURCE_PA);
	p.src = "10.10.10.12";
	inner = frame_ip4(p);
	f = frame_nvgre("214.214.51.46", HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_WRONG_SOURCE_PA);
}

static void inner_source(void **state _unused_)
{
	struct ip4 p = udp;
	struct frame inner, f;

	/* a known address from another MAC, a known MAC with another address, neither known, a local guest's, a group MAC */
	static const struct {
		uint8_t mac;
		const char *ca;
		enum dp_drop_reason reason;
	} cases[] = {
		{ 0x14, "10.10.10.12", DP_DROP_INNER_SOURCE_UNKNOWN },
		{ 0x12, "10.10.10.14", DP_DROP_INNER_SOURCE_UNKNOWN },
		{ 0x99, "10.10.10.99", DP_DROP_INNER_SOURCE_UNKNOWN },
		{ 0x12, "0.0.0.0", DP_DROP_INNER_SOURCE_UNKNOWN },
		{ 0x13, "10.10.10.13", DP_DROP_WRONG_SOURCE_PA },
		{ 0x01, "10.10.10.1", DP_DROP_INNER_SOURCE_UNKNOWN },
		{ 0xff, "10.10.10.12", DP_DROP_SOURCE_MAC_GROUP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		p.src_mac = cases[i].mac;
		p.src = cases[i].ca;
		inner = frame_ip4(p);
		f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
		wire_drop(&f, cases[i].reason);
	}
}

/* HN-5: one MAC may have several addresses, a record each. */
static void second_customer_address(void **state _unused_)
{
	struct ip4 p = udp;

	p.src = "10.10.10.112";
	struct frame inner = frame_ip4(p);
	struct frame f = frame_nvgre(PEER, HERE, KEY(5010), &inner);

	expect_delivered(&f, BLUE1, &inner);
	f = frame_nvgre("214.214.51.77", HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_WRONG_SOURCE_PA);
}

/* HN-7: the gateway's record stands for every address, but only from the gateway's host. */
static void wildcard_source(void **state _unused_)
{
	struct ip4 p = udp;

	p.src_mac = 0x62;
	p.src = "8.8.8.8";
	struct frame inner = frame_ip4(p);
	struct frame f = frame_nvgre(PEER, HERE, KEY(5010), &inner);

	expect_delivered(&f, BLUE1, &inner);
	f = frame_nvgre("214.214.51.77", HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_WRONG_SOURCE_PA);
}

static void destination(void **state _unused_)
{
	static const struct {
		uint8_t mac;
		enum dp_drop_reason reason;
	} cases[] = {
		{ 0x99, DP_DROP_DESTINATION_NOT_LOCAL }, { 0x14, DP_DROP_DESTINATION_NOT_LOCAL }, { 0xff, DP_DROP_BROADCAST_OFF },
		{ 0x71, DP_DROP_PORT_VSID_MISMATCH },    { 0x72, DP_DROP_PORT_GONE },
	};
	struct ip4 p = udp;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		p.dst_mac = cases[i].mac;
		struct frame inner = frame_ip4(p);
		struct frame f = frame_nvgre(PEER, HERE, KEY(5010), &inner);

		wire_drop(&f, cases[i].reason);
	}
}

static void other_ethertype(void **state _unused_)
{
	struct frame inner = frame_ether(0x11, 0x12, 0x88b5), f;

	frame_add(&inner, "anything at all, but long enough", 32);
	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	struct result r = run(BPF_ROLE_UPLINK, UPLINK, &f);

	/* never by peer: the kernel would take it for IPv4 */
	assert_int_equal(r.verdict, DP_VERDICT_DELIVER);
	assert_frame(&r.out, &inner);
	f = frame_nvgre("214.214.51.77", HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_WRONG_SOURCE_PA);
	inner.b[12] = 0x86;
	inner.b[13] = 0xdd;
	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_INNER_TRUNCATED);
	/* a very short one arrives with padding, as on any Ethernet */
	inner = frame_ether(0x11, 0x12, 0x88b5);
	frame_add(&inner, "short", 5);
	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	r = run(BPF_ROLE_UPLINK, UPLINK, &f);
	assert_int_equal(r.verdict, DP_VERDICT_DELIVER);
	assert_int_equal(r.out.n, 60);
	assert_memory_equal(r.out.b, inner.b, inner.n);
	for (size_t i = inner.n; i < r.out.n; i++)
		assert_int_equal(r.out.b[i], 0);
}

static void arp(void **state _unused_)
{
	struct frame inner = frame_arp(0x11, 0x12, 1, 0x12, "10.10.10.12", "10.10.10.11"), f;

	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	expect_delivered(&f, BLUE1, &inner);
	inner = frame_arp(0x11, 0x12, 2, 0x14, "10.10.10.12", "10.10.10.11");
	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_ARP_SPOOFED);
	inner = frame_arp(0x11, 0x12, 2, 0x12, "10.10.10.14", "10.10.10.11");
	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_INNER_SOURCE_UNKNOWN);
	inner.b[14] = 9;
	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	wire_drop(&f, DP_DROP_ARP_MALFORMED);
}

static void counted(void **state _unused_)
{
	struct dp_counters before, after;
	struct frame inner = inner_udp(), f = valid();

	assert_int_equal(bpf_driver_read_counters(fixture_driver(), BLUE1, &before), 0);
	expect_delivered(&f, BLUE1, &inner);
	assert_int_equal(bpf_driver_read_counters(fixture_driver(), BLUE1, &after), 0);
	assert_int_equal(after.received_packets - before.received_packets, 1);
	assert_int_equal(after.received_bytes - before.received_bytes, inner.n);
	assert_int_equal(after.sent_packets, before.sent_packets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden), cmocka_unit_test(isolation), cmocka_unit_test(second_provider_address),
		cmocka_unit_test(not_ours), cmocka_unit_test(truncated), cmocka_unit_test(padding),
		cmocka_unit_test(gre_header), cmocka_unit_test(reserved_vsid), cmocka_unit_test(fragment),
		cmocka_unit_test(options), cmocka_unit_test(inner_tag), cmocka_unit_test(outer_source), cmocka_unit_test(several_provider_addresses),
		cmocka_unit_test(inner_source), cmocka_unit_test(wildcard_source), cmocka_unit_test(second_customer_address),
		cmocka_unit_test(destination),
		cmocka_unit_test(other_ethertype), cmocka_unit_test(arp), cmocka_unit_test(counted),
	};

	return cmocka_run_group_tests(tests, fixture_up, fixture_down);
}
