/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that are learnt of machines with L2Only records (HN-8): what is told of which packet, and what is not. */
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "fixture6.h"

#define KEY(vsid) ((uint32_t)(vsid) << 8 | 0x6f)
#define SERVER "10.10.10.12"

enum { MAC = 0x61, OPTIONS = 240 };

/* The port of the machine that has no address yet. */
static void set_port(uint8_t learn)
{
	struct bpf_port p = { .ifindex = WILD, .value = { .flags = DP_PORT_POLICY | DP_PORT_LEARN | DP_PORT_CA6, .segment = 5010, .vsid = 5010,
							  .mac = { 0, 0, 0, 0, 0, MAC }, .src_pa4 = addr(HERE).w[3], .learn = learn } };
	struct bpf_dest d = { .key = { .segment = 5010, .mac = { 0, 0, 0, 0, 0, MAC } },
			      .value = { .kind = DP_DEST_LOCAL, .target = WILD, .pa = addr(HERE),
					 .flags = DP_DEST_ANY_CA | DP_DEST_L2ONLY | DP_DEST_CA6 | DP_DEST_ANY_CA6 | DP_DEST_L2ONLY6 } };

	assert_int_equal(bpf_driver_set_port(fixture_driver(), &p), 0);
	assert_int_equal(bpf_driver_set_dests(fixture_driver(), &d, 1), 0);
}

static void set_record(uint8_t mac, const char *ca)
{
	struct bpf_ca c = { .key = { .segment = 5010, .ca = addr(ca) },
			    .value = { .mac = { 0, 0, 0, 0, 0, mac }, .pa = addr(HERE), .flags = DP_CA_LOCAL } };

	assert_int_equal(bpf_driver_set_cas(fixture_driver(), &c, 1), 0);
}

static void delete_record(const char *ca)
{
	struct dp_ca_key key = { .segment = 5010, .ca = addr(ca) };

	assert_int_equal(bpf_driver_delete_cas(fixture_driver(), &key, 1), 0);
}

static size_t read_all(struct bpf_learnt *ret_last)
{
	struct bpf_learnt_vec all = { 0 };
	size_t n;

	assert_int_equal(bpf_driver_read_learnt(fixture_driver(), 1000, &all), 0);
	n = all.n;
	if (n && ret_last)
		*ret_last = *vec_last(&all);
	vec_done(&all);
	return n;
}

/* Nothing unread, and nobody has told anything in this second. */
static int fresh(void **state _unused_)
{
	struct dp_learn_rate none = { 0 };
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/abi%d/learn_rates", fixture_pins(), DP_ABI);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	for (uint32_t slot = 0; slot < 16; slot++)
		assert_int_equal(bpf_map_update_elem(fd, &slot, &none, BPF_ANY), 0);
	close(fd);
	set_port(DP_PORT_LEARN_4);
	read_all(NULL);
	return 0;
}

static void expect_learnt(const char *ca, bool leased)
{
	struct bpf_learnt l = { 0 };

	assert_int_equal(read_all(&l), 1);
	assert_int_equal(l.ifindex, WILD);
	assert_int_equal(l.segment, 5010);
	assert_memory_equal(l.mac, ((uint8_t[]){ 0, 0, 0, 0, 0, MAC }), 6);
	assert_int_equal(l.leased, leased);
	assert_memory_equal(&l.ca, ((union dp_addr[]){ addr(ca) }), sizeof(l.ca));
}

/* ---- what the guest may send as ---- */

static void sources(void **state _unused_)
{
	static const struct {
		const char *src;
		enum dp_drop_reason reason;
	} cases[] = {
		{ "0.0.0.0", 0 },
		{ "10.10.10.77", 0 },
		{ "192.0.2.1", 0 },
		{ "10.10.10.13", DP_DROP_SOURCE_NOT_IN_POLICY },
		{ "10.10.10.12", DP_DROP_SOURCE_NOT_IN_POLICY },
		{ "10.10.10.1", DP_DROP_SOURCE_NOT_IN_POLICY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame f = frame_ip4((struct ip4){ .dst_mac = 0x13, .src_mac = MAC, .dst = "10.10.10.13", .src = cases[i].src });

		if (cases[i].reason)
			expect_drop(BPF_ROLE_VPORT, WILD, &f, cases[i].reason);
		else
			assert_int_equal(run(BPF_ROLE_VPORT, WILD, &f).verdict, DP_VERDICT_DELIVER);
	}
	assert_int_equal(read_all(NULL), 0);
}

/* The same of a machine on another host; the gateway there may still be anybody (HN-7). */
static void sources_from_the_wire(void **state _unused_)
{
	struct bpf_dest d = { .key = { .segment = 5010, .mac = { 0, 0, 0, 0, 0, 0x63 } },
			      .value = { .kind = DP_DEST_REMOTE, .target = NH_PEER, .flags = DP_DEST_ANY_CA | DP_DEST_L2ONLY,
					 .pa = addr(PEER) } };
	struct ip4 p = { .dst_mac = 0x11, .src_mac = 0x63, .dst = "10.10.10.11" };
	static const struct {
		const char *src;
		bool good;
	} cases[] = { { "10.10.10.77", true }, { "0.0.0.0", true }, { "10.10.10.12", false }, { "10.10.10.1", false } };
	struct frame inner, f;

	assert_int_equal(bpf_driver_set_dests(fixture_driver(), &d, 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		p.src = cases[i].src;
		inner = frame_ip4(p);
		f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
		if (cases[i].good)
			assert_int_equal(run(BPF_ROLE_UPLINK, UPLINK, &f).verdict, DP_VERDICT_DELIVER_PEER);
		else
			expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_INNER_SOURCE_UNKNOWN);
	}
	/* its own record */
	set_record(0x63, "10.10.10.78");
	p.src = "10.10.10.78";
	inner = frame_ip4(p);
	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	assert_int_equal(run(BPF_ROLE_UPLINK, UPLINK, &f).verdict, DP_VERDICT_DELIVER_PEER);
	delete_record("10.10.10.78");
	d.key.mac[5] = p.src_mac = 0x62;
	d.value.flags = DP_DEST_ANY_CA;
	assert_int_equal(bpf_driver_set_dests(fixture_driver(), &d, 1), 0);
	p.src = "10.10.10.12";
	inner = frame_ip4(p);
	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	assert_int_equal(run(BPF_ROLE_UPLINK, UPLINK, &f).verdict, DP_VERDICT_DELIVER_PEER);
}

/* ---- announcements ---- */

static struct result say(uint16_t op, const char *spa, const char *tpa)
{
	struct frame f = frame_arp(0xff, MAC, op, MAC, spa, tpa);

	return run(BPF_ROLE_VPORT, WILD, &f);
}

static void announced(void **state _unused_)
{
	/* a question, a gratuitous one, a gratuitous answer, an answer: all say who has the sender's address */
	assert_int_equal(say(1, "10.10.10.77", "10.10.10.12").verdict, DP_VERDICT_REPLY);
	expect_learnt("10.10.10.77", false);
	assert_int_equal(say(1, "10.10.10.77", "10.10.10.77").detail, DP_DROP_ARP_ANNOUNCEMENT);
	expect_learnt("10.10.10.77", false);
	assert_int_equal(say(2, "10.10.10.77", "10.10.10.77").detail, DP_DROP_ARP_ANNOUNCEMENT);
	expect_learnt("10.10.10.77", false);
	assert_int_equal(say(1, "10.10.10.77", "10.10.10.99").detail, DP_DROP_ARP_UNKNOWN_TARGET);
	expect_learnt("10.10.10.77", false);
}

static void not_announced(void **state _unused_)
{
	static const char *const nobodys[] = { "0.0.0.1", "127.0.0.1", "224.0.0.1", "255.255.255.255" };
	struct frame f;

	/* a probe (RFC 5227): it is not its own yet */
	say(1, "0.0.0.0", "10.10.10.77");
	/* others' addresses */
	assert_int_equal(say(2, "10.10.10.13", "10.10.10.13").detail, DP_DROP_SOURCE_NOT_IN_POLICY);
	assert_int_equal(say(2, "10.10.10.1", "10.10.10.1").detail, DP_DROP_SOURCE_NOT_IN_POLICY);
	for (size_t i = 0; i < ARRAY_SIZE(nobodys); i++)
		say(2, nobodys[i], nobodys[i]);
	/* of another MAC */
	f = frame_arp(0xff, MAC, 2, 0x11, "10.10.10.77", "10.10.10.77");
	expect_drop(BPF_ROLE_VPORT, WILD, &f, DP_DROP_ARP_SPOOFED);
	/* it is no news */
	set_record(MAC, "10.10.10.77");
	say(2, "10.10.10.77", "10.10.10.77");
	delete_record("10.10.10.77");
	/* enough; not wanted at all; another port */
	set_port(DP_PORT_LEARN_4 | DP_PORT_LEARN_FULL);
	say(2, "10.10.10.77", "10.10.10.77");
	set_port(0);
	say(2, "10.10.10.77", "10.10.10.77");
	f = frame_arp(0xff, 0x11, 2, 0x11, "10.10.10.11", "10.10.10.11");
	run(BPF_ROLE_VPORT, BLUE1, &f);
	/* a packet alone is no announcement */
	f = frame_ip4((struct ip4){ .dst_mac = 0x13, .src_mac = MAC, .dst = "10.10.10.13", .src = "10.10.10.77" });
	set_port(DP_PORT_LEARN_4);
	run(BPF_ROLE_VPORT, WILD, &f);
	assert_int_equal(read_all(NULL), 0);
}

/* ---- the same of IPv6 ---- */

enum { NS = 135, NA = 136 };

static struct result say6(uint8_t type, const char *src, const char *target)
{
	struct frame f = frame_nd((struct nd){ .dst_mac = 0xff, .src_mac = MAC, .type = type, .dst = type == NS ? "ff02::1:ff00:12" :
					       "ff02::1", .src = src, .target = target, .flags = type == NA ? 0x20000000 : 0,
					       .option = strcmp(src, "::") ? type == NS ? 1 : 2 : 0, .option_mac = MAC });

	return run(BPF_ROLE_VPORT, WILD, &f);
}

static void expect_learnt6(const char *ca)
{
	struct bpf_learnt l = { 0 };

	assert_int_equal(read_all(&l), 1);
	assert_int_equal(l.ifindex, WILD);
	assert_int_equal(l.leased, false);
	assert_memory_equal(&l.ca, ((union dp_addr[]){ addr(ca) }), sizeof(l.ca));
}

static void announced6(void **state _unused_)
{
	set_port(DP_PORT_LEARN_6);
	assert_int_equal(say6(NS, "2001:db8:10::77", "2001:db8:10::12").verdict, DP_VERDICT_REPLY);
	expect_learnt6("2001:db8:10::77");
	assert_int_equal(say6(NS, "2001:db8:10::77", "2001:db8:10::99").verdict, DP_VERDICT_DROP);
	expect_learnt6("2001:db8:10::77");
	/* unasked; also from its link-local address, for another one */
	assert_int_equal(say6(NA, "2001:db8:10::77", "2001:db8:10::77").detail, DP_DROP_ND_ADVERTISEMENT);
	expect_learnt6("2001:db8:10::77");
	assert_int_equal(say6(NA, "fe80::200:ff:fe00:61", "2001:db8:10::78").detail, DP_DROP_ND_ADVERTISEMENT);
	expect_learnt6("2001:db8:10::78");
}

static void not_announced6(void **state _unused_)
{
	set_port(DP_PORT_LEARN_6);
	/* a probe (RFC 4862 5.4); what needs no record; others' addresses, its own word for them or not */
	say6(NS, "::", "2001:db8:10::77");
	say6(NS, "fe80::200:ff:fe00:61", "2001:db8:10::12");
	say6(NA, "fe80::200:ff:fe00:61", "fe80::200:ff:fe00:61");
	assert_int_equal(say6(NS, "2001:db8:10::13", "2001:db8:10::12").detail, DP_DROP_SOURCE_NOT_IN_POLICY);
	assert_int_equal(say6(NS, "2001:db8:10::1", "2001:db8:10::12").detail, DP_DROP_SOURCE_NOT_IN_POLICY);
	say6(NA, "fe80::200:ff:fe00:61", "2001:db8:10::13");
	say6(NA, "fe80::200:ff:fe00:61", "2001:db8:10::1");
	/* enough; not of this family; and IPv4 is not of the other */
	set_port(DP_PORT_LEARN_6 | DP_PORT_LEARN_FULL6);
	say6(NS, "2001:db8:10::77", "2001:db8:10::12");
	set_port(DP_PORT_LEARN_4);
	say6(NS, "2001:db8:10::77", "2001:db8:10::12");
	set_port(DP_PORT_LEARN_6);
	assert_int_equal(say(2, "10.10.10.77", "10.10.10.77").detail, DP_DROP_SOURCE_NOT_IN_POLICY);
	assert_int_equal(read_all(NULL), 0);
}

static void bounded(void **state _unused_)
{
	size_t n;

	for (int i = 0; i < 200; i++)
		say(2, "10.10.10.77", "10.10.10.77");
	n = read_all(NULL);
	/* the second may have ended meanwhile */
	assert_true(n >= DP_LEARNT_RATE && n <= 2 * DP_LEARNT_RATE);
}

static void read_in_parts(void **state _unused_)
{
	struct bpf_learnt_vec all = { 0 };

	for (int i = 0; i < 5; i++)
		say(2, "10.10.10.77", "10.10.10.77");
	assert_int_equal(bpf_driver_read_learnt(fixture_driver(), 2, &all), 0);
	assert_int_equal(all.n, 2);
	assert_int_equal(bpf_driver_read_learnt(fixture_driver(), 2, &all), 0);
	assert_int_equal(all.n, 4);
	assert_int_equal(bpf_driver_read_learnt(fixture_driver(), 2, &all), 0);
	assert_int_equal(all.n, 5);
	vec_done(&all);
}

/* ---- leases ---- */

struct lease {
	const char *address;
	uint8_t type, mac;
	uint8_t dst_mac; /* 0: mac */
};

static struct frame reply(struct lease l)
{
	struct ip4 p = { .dst_mac = l.dst_mac ? l.dst_mac : l.mac, .src_mac = 0x12, .dst = l.address, .src = SERVER, .sport = 67,
			 .dport = 68, .payload = OPTIONS + 4 };
	struct frame f = frame_ip4(p);
	uint8_t *m = f.b + 42;

	memset(m, 0, p.payload);
	memcpy(m, (uint8_t[]){ 2, 1, 6, 0 }, 4);
	memcpy(m + 16, &addr(l.address).w[3], 4);
	m[28 + 5] = l.mac;
	memcpy(m + 236, (uint8_t[]){ 99, 130, 83, 99, 53, 1, l.type, 255 }, 8);
	return f;
}

static struct frame ack(const char *address)
{
	return reply((struct lease){ .address = address, .type = 5, .mac = MAC });
}

/* From the wire; the guest gets it in any case. */
static void receive(const struct frame *inner)
{
	struct frame f = frame_nvgre(PEER, HERE, KEY(5010), inner);
	struct result r = run(BPF_ROLE_UPLINK, UPLINK, &f);

	assert_int_equal(r.verdict, DP_VERDICT_DELIVER);
	assert_int_equal(r.detail, WILD);
	assert_frame(&r.out, inner);
}

static void leased(void **state _unused_)
{
	struct frame f = ack("10.10.10.88");

	receive(&f);
	expect_learnt("10.10.10.88", true);
	/* by a server on this host */
	f.b[11] = 0x11;
	memcpy(f.b + 26, (uint8_t[]){ 10, 10, 10, 11 }, 4);
	assert_int_equal(run(BPF_ROLE_VPORT, BLUE1, &f).verdict, DP_VERDICT_DELIVER);
	expect_learnt("10.10.10.88", true);
	/* enough addresses, but this one may replace another */
	set_port(DP_PORT_LEARN_4 | DP_PORT_LEARN_FULL);
	f = ack("10.10.10.88");
	receive(&f);
	expect_learnt("10.10.10.88", true);
	/* another's: that is for the daemon to say */
	f = ack("10.10.10.13");
	receive(&f);
	expect_learnt("10.10.10.13", true);
}

/* A client that asks for it gets its answer by broadcast (RFC 2131 4.1). */
static void leased_by_broadcast(void **state _unused_)
{
	struct bpf_group g = { .key = 5010, .value = { .first = WILD } };
	struct frame inner = reply((struct lease){ .address = "10.10.10.88", .type = 5, .mac = MAC, .dst_mac = 0xff });
	struct frame f = frame_nvgre(PEER, HERE, KEY(5010), &inner);

	assert_int_equal(bpf_driver_set_groups(fixture_driver(), &g, 1), 0);
	assert_int_equal(run(BPF_ROLE_UPLINK, UPLINK, &f).verdict, DP_VERDICT_FLOOD);
	expect_learnt("10.10.10.88", true);
	assert_int_equal(bpf_driver_delete_groups(fixture_driver(), &g.key, 1), 0);
}

static void not_leased(void **state _unused_)
{
	struct frame f;

	/* what is no ACK goes as far as the daemon's reader */
	for (uint8_t type = 0; type < 9; type++) {
		if (type == 5)
			continue;
		f = reply((struct lease){ .address = "10.10.10.88", .type = type, .mac = MAC });
		receive(&f);
	}
	assert_int_equal(read_all(NULL), 0);
	assert_int_equal(fresh(NULL), 0);
	/* for another client */
	f = ack("10.10.10.88");
	f.b[42 + 33] = 0x13;
	receive(&f);
	/* not a reply, not over Ethernet, no address, no machine's */
	f = ack("10.10.10.88");
	f.b[42] = 1;
	receive(&f);
	f = ack("10.10.10.88");
	f.b[43] = 6;
	receive(&f);
	f = ack("10.10.10.88");
	memset(f.b + 42 + 16, 0, 4);
	receive(&f);
	f = ack("10.10.10.88");
	f.b[42 + 16] = 239;
	receive(&f);
	/* other ports; not UDP */
	f = ack("10.10.10.88");
	frame_set_u16(&f, 34, 68);
	receive(&f);
	f = ack("10.10.10.88");
	frame_set_u16(&f, 36, 67);
	receive(&f);
	f = ack("10.10.10.88");
	f.b[23] = 17 + 1;
	receive(&f);
	/* a fragment */
	f = ack("10.10.10.88");
	frame_set_u16(&f, 20, 0x2000);
	receive(&f);
	/* no cookie */
	f = ack("10.10.10.88");
	f.b[42 + 236] = 98;
	receive(&f);
	/* no news */
	set_record(MAC, "10.10.10.88");
	f = ack("10.10.10.88");
	receive(&f);
	delete_record("10.10.10.88");
	set_port(0);
	receive(&f);
	assert_int_equal(read_all(NULL), 0);
}

/* Cut at every byte, with lengths in accord: delivered like any packet, and told only when all of it is there. */
static void cut_lease(void **state _unused_)
{
	struct frame whole = ack("10.10.10.88");

	for (size_t n = 42; n < whole.n; n++) {
		struct frame f = whole;

		f.n = n;
		frame_set_u16(&f, 16, (uint16_t)(n - 14));
		frame_set_u16(&f, 38, (uint16_t)(n - 34));
		frame_set_u16(&f, 24, 0);
		frame_set_u16(&f, 24, ip_checksum(f.b + 14, 20));
		assert_int_equal(fresh(NULL), 0);
		receive(&f);
		/* without the end of the options the message still says all that counts */
		assert_int_equal(read_all(NULL), n == whole.n - 1);
		/* a UDP length beyond the packet */
		frame_set_u16(&f, 38, (uint16_t)(whole.n - 34));
		assert_int_equal(fresh(NULL), 0);
		receive(&f);
		assert_int_equal(read_all(NULL), n == whole.n - 1);
	}
}

/* Options of IPv4 before it, and a message longer than what is told of it. */
static void long_lease(void **state _unused_)
{
	struct frame plain = ack("10.10.10.88"), f = { .n = 0 };
	uint8_t nops[4] = { 1, 1, 1, 1 }, more[600];

	frame_add(&f, plain.b, 34);
	frame_add(&f, nops, sizeof(nops));
	frame_add(&f, plain.b + 34, plain.n - 34);
	f.b[14] = 0x46;
	frame_set_u16(&f, 16, (uint16_t)(f.n - 14));
	receive(&f);
	expect_learnt("10.10.10.88", true);
	memset(more, 0xa5, sizeof(more));
	f = plain;
	frame_add(&f, more, sizeof(more));
	frame_set_u16(&f, 16, (uint16_t)(f.n - 14));
	frame_set_u16(&f, 38, (uint16_t)(f.n - 34));
	receive(&f);
	expect_learnt("10.10.10.88", true);
}

/* ---- reading of what is told ---- */

static struct dp_learnt entry(const uint8_t *options, size_t n)
{
	struct dp_learnt l = { .kind = DP_LEARNT_LEASED, .ifindex = WILD, .segment = 5010, .mac = { 0, 0, 0, 0, 0, MAC } };

	memcpy(l.message + 236, (uint8_t[]){ 99, 130, 83, 99 }, 4);
	memcpy(l.message + 16, (uint8_t[]){ 10, 10, 10, 88 }, 4);
	l.message[33] = MAC;
	memcpy(l.message + OPTIONS, options, n);
	l.len = (uint16_t)(OPTIONS + n);
	return l;
}

static void options(void **state _unused_)
{
	static const struct {
		uint8_t n, options[12];
		bool ack;
	} cases[] = {
		{ 3, { 53, 1, 5 }, true },
		{ 4, { 53, 1, 5, 255 }, true },
		{ 7, { 0, 0, 0, 53, 1, 5, 255 }, true },
		{ 8, { 12, 2, 53, 1, 53, 1, 5, 255 }, true },
		{ 0, { 0 }, false },
		{ 1, { 53 }, false },
		{ 2, { 53, 1 }, false },
		{ 3, { 53, 1, 2 }, false },
		{ 4, { 53, 2, 5, 5 }, false },
		{ 4, { 255, 53, 1, 5 }, false },
		{ 4, { 12, 200, 53, 1 }, false },
		/* of two the first counts */
		{ 6, { 53, 1, 2, 53, 1, 5 }, false },
	};
	struct dp_learnt l;
	struct bpf_learnt r;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		l = entry(cases[i].options, cases[i].n);
		assert_int_equal(learnt_parse(&l, sizeof(l), &r), cases[i].ack ? 0 : -EBADMSG);
	}
	/* an option whose value lies behind the message's end */
	l = entry((uint8_t[]){ 53, 1, 5 }, 3);
	l.len--;
	assert_int_equal(learnt_parse(&l, sizeof(l), &r), -EBADMSG);
}

/* RFC 2132 9.3: options that go on in the fields for names. */
static void overloaded_options(void **state _unused_)
{
	for (uint8_t overload = 0; overload < 4; overload++) {
		for (unsigned where = 1; where < 3; where++) {
			struct dp_learnt l = entry((uint8_t[]){ 52, 1, overload, 255 }, 4);
			struct bpf_learnt r;

			memcpy(l.message + (where == 1 ? 108 : 44), (uint8_t[]){ 53, 1, 5, 255 }, 4);
			assert_int_equal(learnt_parse(&l, sizeof(l), &r), overload & where ? 0 : -EBADMSG);
		}
	}
}

static void entries(void **state _unused_)
{
	struct dp_learnt good = entry((uint8_t[]){ 53, 1, 5 }, 3), l;
	struct bpf_learnt r;

	for (size_t n = 0; n < sizeof(good); n++)
		assert_int_equal(learnt_parse(&good, n, &r), -EBADMSG);
	l = good;
	l.len = DP_LEARNT_MESSAGE + 1;
	assert_int_equal(learnt_parse(&l, sizeof(l), &r), -EBADMSG);
	l = good;
	l.kind = 0;
	assert_int_equal(learnt_parse(&l, sizeof(l), &r), -EBADMSG);
	l.kind = 3;
	assert_int_equal(learnt_parse(&l, sizeof(l), &r), -EBADMSG);
	l = good;
	l.mac[0] = 2;
	assert_int_equal(learnt_parse(&l, sizeof(l), &r), -EBADMSG);
}

#define learn_test(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		learn_test(sources), learn_test(sources_from_the_wire), learn_test(announced), learn_test(not_announced),
		learn_test(announced6), learn_test(not_announced6),
		learn_test(bounded), learn_test(read_in_parts), learn_test(leased), learn_test(leased_by_broadcast),
		learn_test(not_leased), learn_test(cut_lease), learn_test(long_lease), learn_test(options),
		learn_test(overloaded_options), learn_test(entries),
	};

	return cmocka_run_group_tests(tests, fixture6_up, fixture_down);
}
