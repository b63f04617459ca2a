/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbour discovery in a virtual subnet: section 2.5, RFC 4861, 4862; HN-4, NN-3. */
#include <netinet/in.h>

#include "fixture6.h"

#define MINE "2001:db8:10::11"
#define THEIRS "2001:db8:10::12"
#define MULTICAST "ff02::1:ff00:12"
#define UNSPECIFIED "::"

enum { NS = 135, NA = 136, SOURCE = 1, TARGET = 2 };

static const struct nd question = { .dst_mac = 0xff, .src_mac = 0x11, .type = NS, .dst = MULTICAST, .src = MINE, .target = THEIRS,
				    .option = SOURCE, .option_mac = 0x11 };
static const struct nd probe = { .dst_mac = 0xff, .src_mac = 0x11, .type = NS, .dst = "ff02::1:ff00:11", .src = UNSPECIFIED,
				 .target = MINE };

static void dropped(uint32_t port, const struct frame *f, enum dp_drop_reason reason)
{
	expect_drop(BPF_ROLE_VPORT, port, f, reason);
}

static void expect_reply(uint32_t port, const struct frame *f, const struct frame *want)
{
	struct result r = run(BPF_ROLE_VPORT, port, f);

	assert_int_equal(r.verdict, DP_VERDICT_REPLY);
	assert_int_equal(r.detail, port);
	assert_int_equal(r.action, 7);
	assert_frame(&r.out, want);
}

/* Every byte of one question and its answer. */
static void golden(void **state _unused_)
{
	struct frame f = frame_hex("3333ff000012 000000000011 86dd 6000 0000 0020 3a ff"
				   "20010db8001000000000000000000011 ff0200000000000000000001ff000012"
				   "87 00 1dc7 00000000 20010db8001000000000000000000012 01 01 000000000011");
	struct frame want = frame_hex("000000000011 000000000012 86dd 6000 0000 0020 3a ff"
				      "20010db8001000000000000000000012 20010db8001000000000000000000011"
				      "88 00 8c01 60000000 20010db8001000000000000000000012 02 01 000000000012");

	expect_reply(BLUE1, &f, &want);
}

static struct frame answer(const struct nd *q, uint8_t mac, uint32_t flags)
{
	return frame_nd((struct nd){ .dst_mac = q->src_mac, .src_mac = mac, .type = NA, .dst = q->src, .src = q->target,
				     .target = q->target, .flags = flags, .option = TARGET, .option_mac = mac });
}

static void expect_answer(uint32_t port, struct nd q, uint8_t mac, uint32_t flags)
{
	struct frame f = frame_nd(q), want = answer(&q, mac, flags);

	expect_reply(port, &f, &want);
}

static void answered(void **state _unused_)
{
	struct nd q = question;

	expect_answer(BLUE1, q, 0x12, 0x60000000);
	/* one that is on this host; one that is in another virtual subnet, with the same address */
	q.target = "2001:db8:10::13";
	expect_answer(BLUE1, q, 0x13, 0x60000000);
	q = question;
	q.src_mac = q.option_mac = 0x21;
	expect_answer(RED1, q, 0x22, 0x60000000);
	/* to the MAC address, as a guest asks again whom it knows; without an option that says its own; from its link-local address */
	q = question;
	q.dst_mac = 0x12;
	q.dst = THEIRS;
	expect_answer(BLUE1, q, 0x12, 0x60000000);
	q.option = 0;
	expect_answer(BLUE1, q, 0x12, 0x60000000);
	q = question;
	q.src = "fe80::200:ff:fe00:11";
	expect_answer(BLUE1, q, 0x12, 0x60000000);
	/* one that the guest made up (RFC 7217) */
	q.src = "fe80::1234:5678:9abc:def0";
	expect_answer(BLUE1, q, 0x12, 0x60000000);
}

/* HN-4: the router's address, and the one that its MAC address makes, with the router flag. */
static void router(void **state _unused_)
{
	struct nd q = question;

	q.target = "2001:db8:10::1";
	expect_answer(BLUE1, q, 0x06, 0xe0000000);
	q.target = ROUTER_LL;
	expect_answer(BLUE1, q, 0x06, 0xe0000000);
}

/* Link-local addresses: made of the MAC address of a machine with IPv6, or by a record of their own. */
static void link_local_targets(void **state _unused_)
{
	struct nd q = question;
	struct frame f;

	q.target = "fe80::200:ff:fe00:12";
	expect_answer(BLUE1, q, 0x12, 0x60000000);
	q.target = "fe80::12";
	expect_answer(BLUE1, q, 0x12, 0x60000000);
	/* a machine of IPv4 alone, nobody's, one that says nothing of its owner, the router's of IPv4 */
	for (int i = 0; i < 5; i++) {
		q.target = (const char *[]){ "fe80::200:ff:fe00:14", "fe80::200:ff:fe00:99", "fe80::9", "fe80::200:ff:fe00:1",
					     "fe80:1::200:ff:fe00:12" }[i];
		f = frame_nd(q);
		dropped(BLUE1, &f, DP_DROP_ND_UNKNOWN_TARGET);
	}
}

/* Other options than addresses are nobody's concern: the answer has its own. */
static void other_options(void **state _unused_)
{
	struct frame f = frame_nd(question), want = answer(&question, 0x12, 0x60000000);
	const uint8_t nonce[8] = { 14, 1, 1, 2, 3, 4, 5, 6 }, large[24] = { 200, 3 };

	frame_add(&f, nonce, sizeof(nonce));
	frame_add(&f, large, sizeof(large));
	frame_fix6(&f);
	expect_reply(BLUE1, &f, &want);
	for (int i = 0; i < 10; i++)
		frame_add(&f, nonce, sizeof(nonce));
	frame_fix6(&f);
	expect_reply(BLUE1, &f, &want);
	/* more than are read */
	for (int i = 0; i < 10; i++)
		frame_add(&f, nonce, sizeof(nonce));
	frame_fix6(&f);
	dropped(BLUE1, &f, DP_DROP_ND_MALFORMED);
}

static void padding(void **state _unused_)
{
	struct nd q = question;
	struct frame f, want;

	q.option = 0;
	f = frame_nd(q);
	want = answer(&q, 0x12, 0x60000000);
	frame_add(&f, "padding of whatever length", 26);
	expect_reply(BLUE1, &f, &want);
}

/* RFC 4862 5.4: nobody answers for the guest's own address; for another's everybody hears it. */
static void duplicate_address_detection(void **state _unused_)
{
	struct frame f = frame_nd(probe), want;
	const uint8_t nonce[8] = { 14, 1, 1, 2, 3, 4, 5, 6 };
	struct nd p = probe;

	dropped(BLUE1, &f, DP_DROP_ND_OWN_ADDRESS);
	frame_add(&f, nonce, sizeof(nonce));
	frame_fix6(&f);
	dropped(BLUE1, &f, DP_DROP_ND_OWN_ADDRESS);
	p.target = "fe80::200:ff:fe00:11";
	f = frame_nd(p);
	dropped(BLUE1, &f, DP_DROP_ND_OWN_ADDRESS);
	/* unknown: free, as far as anybody knows. The source check stops what is sent from it */
	p.target = "fe80::1234:5678:9abc:def0";
	f = frame_nd(p);
	dropped(BLUE1, &f, DP_DROP_ND_UNKNOWN_TARGET);
	p.target = "2001:db8:10::77";
	f = frame_nd(p);
	dropped(BLUE1, &f, DP_DROP_ND_UNKNOWN_TARGET);
	for (int i = 0; i < 3; i++) {
		uint8_t mac = (uint8_t[]){ 0x12, 0x12, 0x06 }[i];

		p.target = (const char *[]){ THEIRS, "fe80::200:ff:fe00:12", "2001:db8:10::1" }[i];
		f = frame_nd(p);
		want = frame_nd((struct nd){ .dst_mac = 0, .src_mac = mac, .type = NA, .dst = "ff02::1", .src = p.target,
					     .target = p.target, .flags = mac == 0x06 ? 0xa0000000 : 0x20000000, .option = TARGET,
					     .option_mac = mac });
		memcpy(want.b, "\x33\x33\0\0\0\1", 6);
		expect_reply(BLUE1, &f, &want);
	}
}

static void absorbed(void **state _unused_)
{
	struct nd q = question;
	struct frame f;

	q.target = "2001:db8:10::77";
	f = frame_nd(q);
	dropped(BLUE1, &f, DP_DROP_ND_UNKNOWN_TARGET);
	q.target = MINE;
	f = frame_nd(q);
	dropped(BLUE1, &f, DP_DROP_ND_OWN_ADDRESS);
	q = question;
	q.type = NA;
	q.option = TARGET;
	q.flags = 0x20000000;
	q.dst = "ff02::1";
	q.target = MINE;
	f = frame_nd(q);
	dropped(BLUE1, &f, DP_DROP_ND_ADVERTISEMENT);
	/* and an answer to somebody who asked */
	q.dst = THEIRS;
	q.dst_mac = 0x12;
	f = frame_nd(q);
	dropped(BLUE1, &f, DP_DROP_ND_ADVERTISEMENT);
}

/* NN-3, and the records: who asks or says something must be whom it says it is. */
static void spoofed(void **state _unused_)
{
	struct nd q = question;
	struct frame f;

	q.option_mac = 0x13;
	f = frame_nd(q);
	dropped(BLUE1, &f, DP_DROP_ND_SPOOFED);
	q.type = NA;
	q.option = TARGET;
	f = frame_nd(q);
	dropped(BLUE1, &f, DP_DROP_ND_SPOOFED);
	q = question;
	for (int i = 0; i < 6; i++) {
		q.src = (const char *[]){ THEIRS, "2001:db8:10::1", "2001:db8:10::77", "fe80::200:ff:fe00:12", "fe80::12",
					  ROUTER_LL }[i];
		q.type = NS;
		f = frame_nd(q);
		dropped(BLUE1, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
		q.type = NA;
		f = frame_nd(q);
		dropped(BLUE1, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
	}
	/* a machine behind a port where spoofing is on: as itself alone */
	q = question;
	q.src_mac = q.option_mac = 0x51;
	q.src = "2001:db8:10::51";
	expect_answer(HOST, q, 0x12, 0x60000000);
	q.src = MINE;
	f = frame_nd(q);
	dropped(HOST, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
	q.src = "2001:db8:10::51";
	q.option_mac = 0x11;
	f = frame_nd(q);
	dropped(HOST, &f, DP_DROP_ND_SPOOFED);
}

/* An IPv4 address in IPv6's clothes (RFC 4291 2.5.5.2) is nobody's, though the tables have it for IPv4. */
static void mapped(void **state _unused_)
{
	struct nd q = question;
	struct frame f;

	q.target = "::ffff:10.10.10.12";
	f = frame_nd(q);
	dropped(BLUE1, &f, DP_DROP_ND_UNKNOWN_TARGET);
	q = question;
	q.src = "::ffff:10.10.10.11";
	f = frame_nd(q);
	dropped(BLUE1, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
}

/* RFC 4861 7.1 */
static void malformed(void **state _unused_)
{
	struct nd q = question, p = probe;
	struct frame f;

	q.hop_limit = 254;
	f = frame_nd(q);
	dropped(BLUE1, &f, DP_DROP_ND_MALFORMED);
	q = question;
	q.code = 1;
	f = frame_nd(q);
	dropped(BLUE1, &f, DP_DROP_ND_MALFORMED);
	q = question;
	q.target = "ff02::1";
	f = frame_nd(q);
	dropped(BLUE1, &f, DP_DROP_ND_MALFORMED);
	/* a probe says nothing of its sender, and asks those who may have the address */
	p.option = SOURCE;
	p.option_mac = 0x11;
	f = frame_nd(p);
	dropped(BLUE1, &f, DP_DROP_ND_MALFORMED);
	p = probe;
	for (int i = 0; i < 4; i++) {
		p.dst = (const char *[]){ MINE, "ff02::1", "ff05::1:ff00:11", "ff02::1:fe00:11" }[i];
		f = frame_nd(p);
		dropped(BLUE1, &f, DP_DROP_ND_MALFORMED);
	}
	/* each wrong bit of the message is one that the checksum tells */
	for (size_t bit = 0; bit < 24 * 8; bit++) {
		f = frame_nd(question);
		f.b[54 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		struct result r = run(BPF_ROLE_VPORT, BLUE1, &f);

		assert_int_equal(r.verdict, DP_VERDICT_DROP);
		if (bit >= 8)
			assert_int_equal(r.detail, DP_DROP_ND_MALFORMED);
	}
}

/* Cut at every byte: once in the frame, once as the header says it. */
static void truncated(void **state _unused_)
{
	struct frame whole = frame_nd(question), f;

	/* the kernel has no test run for less than an IPv6 header */
	for (size_t n = 54; n < whole.n; n++) {
		f = whole;
		f.n = n;
		dropped(BLUE1, &f, n == 54 ? DP_DROP_IPV6_HEADERS : DP_DROP_FRAME_TRUNCATED);
		frame_fix6(&f);
		if (n == 78)
			assert_int_equal(run(BPF_ROLE_VPORT, BLUE1, &f).verdict, DP_VERDICT_REPLY);
		else
			dropped(BLUE1, &f, n == 54 ? DP_DROP_IPV6_HEADERS : n < 78 ? DP_DROP_FRAME_TRUNCATED : DP_DROP_ND_MALFORMED);
	}
	/* the header says less than there is */
	for (uint16_t n = 0; n < 32; n++) {
		f = whole;
		frame_set_u16(&f, 18, n);
		dropped(BLUE1, &f, n ? DP_DROP_ND_MALFORMED : DP_DROP_IPV6_HEADERS);
	}
	frame_set_u16(&whole, 18, 65535);
	dropped(BLUE1, &whole, DP_DROP_ND_MALFORMED);
}

static void bad_options(void **state _unused_)
{
	struct frame f;

	/* every size of the one option but the right one; 0 and what goes on behind the end */
	for (unsigned units = 0; units < 256; units++) {
		f = frame_nd(question);
		f.b[79] = (uint8_t)units;
		frame_fix6(&f);
		if (units == 1)
			assert_int_equal(run(BPF_ROLE_VPORT, BLUE1, &f).verdict, DP_VERDICT_REPLY);
		else
			dropped(BLUE1, &f, DP_DROP_ND_MALFORMED);
	}
	/* a second option, cut at every byte */
	for (size_t n = 1; n < 8; n++) {
		f = frame_nd(question);
		frame_add(&f, "\x0e\x01\0\0\0\0\0\0", n);
		frame_fix6(&f);
		dropped(BLUE1, &f, DP_DROP_ND_MALFORMED);
	}
	/* the second one is somebody else's */
	f = frame_nd(question);
	frame_add(&f, "\x01\x01\0\0\0\0\0\x13", 8);
	frame_fix6(&f);
	dropped(BLUE1, &f, DP_DROP_ND_SPOOFED);
}

static struct frame icmp6(uint8_t type, size_t length, const char *dst)
{
	struct frame f = frame_ip6_header((struct ip6_packet){ .dst_mac = 0xff, .src_mac = 0x11, .dst = dst,
							       .src = "fe80::200:ff:fe00:11", .next = IPPROTO_ICMPV6, .hop_limit = 255 });
	uint8_t message[64] = { type };

	frame_add(&f, message, length);
	frame_fix6(&f);
	return f;
}

static void others(void **state _unused_)
{
	static const struct {
		uint8_t type;
		enum dp_drop_reason reason;
	} cases[] = {
		{ 130, DP_DROP_MLD }, { 131, DP_DROP_MLD }, { 132, DP_DROP_MLD }, { 143, DP_DROP_MLD },
		{ 133, DP_DROP_ND_ROUTER_SOLICITATION }, { 134, DP_DROP_ND_FROM_NO_ROUTER }, { 137, DP_DROP_ND_FROM_NO_ROUTER },
	};
	struct frame f;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t length = 1; length < 60; length += 7) {
			f = icmp6(cases[i].type, length, "ff02::2");
			dropped(BLUE1, &f, cases[i].reason);
		}
		f = icmp6(cases[i].type, 16, THEIRS);
		f.b[0] = 0;
		f.b[5] = 0x12;
		dropped(BLUE1, &f, cases[i].reason);
	}
	/* MLDv2 as it is sent: behind a router alert */
	f = frame_hex("333300000016 000000000011 86dd 60000000 0024 00 01"
		      "fe800000000000000200 00fffe000011 ff020000000000000000000000000016"
		      "3a00 0502 0000 0100 8f00 0000 0000 0001 0400 0000 ff0200000000000000000001ff000011");
	dropped(BLUE1, &f, DP_DROP_MLD);
	/* what is for many and nothing of the kind */
	f = icmp6(128, 16, "ff02::1");
	dropped(BLUE1, &f, DP_DROP_BROADCAST_OFF);
}

/* RFC 6980: not in fragments, nor behind anything else. */
static void hidden(void **state _unused_)
{
	struct frame plain = frame_nd(question), f = { .n = 0 };
	const uint8_t headers[][8] = { { IPPROTO_ICMPV6, 0, 1, 4 }, { IPPROTO_ICMPV6, 0, 0, 1 }, { IPPROTO_ICMPV6 } };
	const uint8_t next[] = { IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_FRAGMENT };

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		f.n = 0;
		frame_add(&f, plain.b, 54);
		frame_add(&f, headers[i], 8);
		frame_add(&f, plain.b + 54, plain.n - 54);
		f.b[20] = next[i];
		frame_set_u16(&f, 18, (uint16_t)(f.n - 54));
		dropped(BLUE1, &f, DP_DROP_ND_MALFORMED);
		/* before the type can be seen */
		f.n = 62;
		frame_set_u16(&f, 18, 8);
		dropped(BLUE1, &f, DP_DROP_IPV6_HEADERS);
	}
	/* more headers than anybody needs */
	f.n = 0;
	frame_add(&f, plain.b, 54);
	f.b[20] = IPPROTO_DSTOPTS;
	for (int i = 0; i < 10; i++)
		frame_add(&f, (uint8_t[]){ i == 9 ? IPPROTO_UDP : IPPROTO_DSTOPTS, 0, 1, 4, 0, 0, 0, 0 }, 8);
	frame_add(&f, "ports and all that", 18);
	frame_set_u16(&f, 18, (uint16_t)(f.n - 54));
	dropped(BLUE1, &f, DP_DROP_IPV6_HEADERS);
}

/* A machine without an IPv6 record speaks none, not even link-local: policy that was made for IPv4 stays as tight. */
static void without_record(void **state _unused_)
{
	struct frame f = frame_nd(question);

	port_set_flags(BLUE1, 0, DP_PORT_CA6);
	dropped(BLUE1, &f, DP_DROP_IPV6_NOT_CARRIED);
	f = frame_nd(probe);
	dropped(BLUE1, &f, DP_DROP_IPV6_NOT_CARRIED);
	f = icmp6(143, 16, "ff02::16");
	dropped(BLUE1, &f, DP_DROP_IPV6_NOT_CARRIED);
	port_set_flags(BLUE1, DP_PORT_CA6, 0);
	/* behind a port where spoofing is on, it is the machine's records that count */
	f = frame_nd((struct nd){ .dst_mac = 0xff, .src_mac = 0x52, .type = NS, .dst = MULTICAST, .src = "fe80::52", .target = THEIRS });
	dropped(HOST, &f, DP_DROP_IPV6_NOT_CARRIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden), cmocka_unit_test(answered), cmocka_unit_test(router), cmocka_unit_test(link_local_targets),
		cmocka_unit_test(other_options), cmocka_unit_test(padding), cmocka_unit_test(duplicate_address_detection),
		cmocka_unit_test(absorbed), cmocka_unit_test(spoofed), cmocka_unit_test(mapped), cmocka_unit_test(malformed),
		cmocka_unit_test(truncated), cmocka_unit_test(bad_options), cmocka_unit_test(others), cmocka_unit_test(hidden),
		cmocka_unit_test(without_record),
	};

	return cmocka_run_group_tests_name("packet/nd", tests, fixture6_up, fixture_down);
}
