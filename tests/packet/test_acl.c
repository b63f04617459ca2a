/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "acl_kit.h"

/* What rules say of packets, exactly: cmdlets.md 2.12, docs/decisions/0011. */

static void expect(uint32_t port, int direction, const struct frame *f, enum dp_drop_reason reason)
{
	if (reason)
		expect_acl_drop(port, direction, f, reason);
	else
		expect_acl_pass(port, direction, f);
}

static struct frame from_plain(struct packet p)
{
	return acl_frame(&p, DP_ACL_OUT);
}

static struct frame to_plain(struct packet p)
{
	return acl_frame(&p, DP_ACL_IN);
}

static const struct packet web = { .local = "10.0.0.1",
				   .remote = "10.1.0.1",
				   .protocol = IPPROTO_TCP,
				   .local_port = 1000,
				   .remote_port = 80,
				   .tcp_flags = 0x10 };
static const struct packet ping4 = {
	.local = "10.0.0.1", .remote = "10.1.0.1", .protocol = IPPROTO_ICMP, .icmp_type = 8, .echo = 7
};
static const struct packet ping6 = {
	.local = "fd00::1", .remote = "fd01::1", .protocol = IPPROTO_ICMPV6, .icmp_type = 128, .echo = 7
};

/* ---- basic entries ---- */

/*
 * AC-2: the longest prefix decides, whatever the order in which it was said; the caller orders. AC-1: no rule, no drop.
 */
static void longest_prefix(void **state _unused_)
{
	const struct dp_acl_rule rules[] = {
		basic(RULE_ALLOW, 1, ANY, "10.1.0.1/32"), basic(RULE_DENY, 2, ANY, "10.1.0.0/24"),
		basic(RULE_ALLOW, 3, ANY, "10.1.0.0/16"), basic(RULE_DENY, 4, ANY, "0.0.0.0/0"),
		basic(RULE_ALLOW, 5, ANY, "fd01::/64"),	  basic(RULE_DENY, 6, ANY, "::/0"),
	};
	static const struct {
		const char *local, *remote;
		uint32_t denied_by;
	} cases[] = {
		{ "10.0.0.1", "10.1.0.1", 0 }, { "10.0.0.1", "10.1.0.2", 2 }, { "10.0.0.1", "10.1.1.1", 0 },
		{ "10.0.0.1", "10.2.0.1", 4 }, { "fd00::1", "fd01::7", 0 },   { "fd00::1", "fd01:0:0:1::1", 6 },
	};

	for (int direction = 0; direction < DP_ACL_DIRECTIONS; direction++) {
		acl_set(PLAIN, direction, rules, ARRAY_SIZE(rules));
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			struct packet p = { .local = cases[i].local,
					    .remote = cases[i].remote,
					    .protocol = IPPROTO_UDP };
			struct frame f = acl_frame(&p, direction);

			expect(PLAIN, direction, &f, cases[i].denied_by ? DP_DROP_ACL_OUTBOUND + direction : 0);
			assert_int_equal(acl_last_rule(), cases[i].denied_by);
		}
		acl_clear(PLAIN);
	}
}

/* A rule of addresses is none for what has no address: ARP; and neighbour discovery is the ARP of IPv6. */
static void without_addresses(void **state _unused_)
{
	const struct dp_acl_rule rules[] = { basic(RULE_DENY, 1, ANY, ANY) };
	struct frame arp = frame_arp(0xff, 0x41, 1, 0x41, "10.0.0.1", "10.0.0.2"),
		     ipx = frame_ether(0x42, 0x41, 0x8137);
	struct packet nd = {
		.local = "fe80::1", .remote = "ff02::1:ff00:2", .protocol = IPPROTO_ICMPV6, .hop_limit = 255
	};
	static const uint8_t neighbour[] = { 133, 134, 135, 136 };
	struct frame f;

	acl_set(OPEN, DP_ACL_OUT, rules, 1);
	expect(OPEN, DP_ACL_OUT, &arp, 0);
	expect(OPEN, DP_ACL_OUT, &ipx, 0);
	for (size_t i = 0; i < ARRAY_SIZE(neighbour); i++) {
		nd.icmp_type = neighbour[i];
		nd.hop_limit = 255;
		f = from_plain(nd);
		expect(OPEN, DP_ACL_OUT, &f, 0);
		/* one that was forwarded is no neighbour's */
		nd.hop_limit = 254;
		f = from_plain(nd);
		expect(OPEN, DP_ACL_OUT, &f, DP_DROP_ACL_OUTBOUND);
	}
	nd.hop_limit = 255;
	nd.icmp_type = 137;
	f = from_plain(nd);
	expect(OPEN, DP_ACL_OUT, &f, DP_DROP_ACL_OUTBOUND);
	/* RFC 2710: behind a hop-by-hop header, as it is always sent */
	nd.icmp_type = 131;
	nd.hop_limit = 1;
	nd.extensions = 1;
	f = from_plain(nd);
	expect(OPEN, DP_ACL_OUT, &f, 0);
	acl_clear(OPEN);
}

static void mac_rules(void **state _unused_)
{
	const struct dp_acl_rule rules[] = {
		mac_rule(RULE_ALLOW, 1, 0x41, 0x42),
		mac_rule(RULE_DENY, 2, 0, 0x42),
		mac_rule(RULE_ALLOW, 3, 0x41, 0),
		mac_rule(RULE_DENY, 4, 0, 0),
	};
	/* OPEN may send from any address */
	static const struct {
		uint8_t local, remote;
		uint32_t denied_by;
	} cases[] = { { 0x41, 0x42, 0 }, { 0x43, 0x42, 2 }, { 0x41, 0x44, 0 }, { 0x43, 0x44, 4 } };

	for (int direction = 0; direction < DP_ACL_DIRECTIONS; direction++) {
		acl_set(OPEN, direction, rules, ARRAY_SIZE(rules));
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			uint8_t l = cases[i].local, r = cases[i].remote;
			struct frame f = direction == DP_ACL_OUT ? frame_arp(r, l, 1, l, "10.0.0.1", "10.0.0.2")
								 : frame_arp(l, r, 1, r, "10.0.0.1", "10.0.0.2");

			expect(OPEN, direction, &f, cases[i].denied_by ? DP_DROP_ACL_OUTBOUND + direction : 0);
			assert_int_equal(acl_last_rule(), cases[i].denied_by);
		}
		acl_clear(OPEN);
	}
}

/* Meters count what passes, each packet once, by the longest prefix; they decide nothing. */
static void meters(void **state _unused_)
{
	const struct dp_acl_rule rules[] = {
		meter_rule(11, ANY, "10.1.0.0/16"),
		meter_rule(12, ANY, "0.0.0.0/0"),
		basic(RULE_DENY, 3, ANY, "10.1.0.1/32"),
	};
	struct packet p = { .local = "10.0.0.1", .remote = "10.1.0.2", .protocol = IPPROTO_UDP, .payload = 100 };
	const size_t length = 14 + 20 + 8 + 100;
	struct frame f = from_plain(p);

	acl_set(PLAIN, DP_ACL_OUT, rules, ARRAY_SIZE(rules));
	acl_add_meter(PLAIN, 11);
	acl_add_meter(PLAIN, 12);
	for (int i = 0; i < 3; i++)
		expect(PLAIN, DP_ACL_OUT, &f, 0);
	p.remote = "10.1.0.1";
	f = from_plain(p);
	expect(PLAIN, DP_ACL_OUT, &f, DP_DROP_ACL_OUTBOUND);
	p.remote = "9.9.9.9";
	f = from_plain(p);
	expect(PLAIN, DP_ACL_OUT, &f, 0);
	acl_expect_meter(PLAIN, 11, 3, 3 * length);
	acl_expect_meter(PLAIN, 12, 1, length);
	/* other rules: the meter counts on */
	acl_set(PLAIN, DP_ACL_OUT, rules, 1);
	p.remote = "10.1.0.1";
	f = from_plain(p);
	expect(PLAIN, DP_ACL_OUT, &f, 0);
	acl_expect_meter(PLAIN, 11, 4, 4 * length);
	acl_clear(PLAIN);
}

/* ---- extended rules ---- */

/* AC-3 with ranges at their edges. The caller orders by weight: the number here. */
static void ports_and_protocols(void **state _unused_)
{
	const struct dp_acl_rule rules[] = {
		extended((struct rule){ .number = 40, .protocol = IPPROTO_TCP, .remote_port = { 80, 80 } }),
		extended((struct rule){
			.number = 30, .deny = true, .protocol = IPPROTO_TCP, .remote_port = { 1, 1023 } }),
		extended((struct rule){ .number = 20, .protocol = IPPROTO_UDP, .local_port = { 65000, 65535 } }),
		extended((struct rule){ .number = 10, .deny = true, .protocol = IPPROTO_UDP }),
		extended((struct rule){ .number = 5, .deny = true, .protocol = IPPROTO_ICMP }),
	};
	static const struct {
		uint8_t protocol;
		uint16_t local_port, remote_port;
		uint32_t denied_by;
	} cases[] = {
		{ IPPROTO_TCP, 1, 80, 0 },     { IPPROTO_TCP, 1, 79, 30 },    { IPPROTO_TCP, 1, 81, 30 },
		{ IPPROTO_TCP, 1, 1, 30 },     { IPPROTO_TCP, 1, 1023, 30 },  { IPPROTO_TCP, 80, 1024, 0 },
		{ IPPROTO_TCP, 80, 0, 0 },     { IPPROTO_UDP, 65000, 1, 0 },  { IPPROTO_UDP, 65535, 1, 0 },
		{ IPPROTO_UDP, 64999, 1, 10 }, { IPPROTO_UDP, 1, 65000, 10 }, { IPPROTO_ICMP, 0, 0, 5 },
		{ IPPROTO_GRE, 0, 0, 0 },
	};

	for (int direction = 0; direction < DP_ACL_DIRECTIONS; direction++) {
		acl_set(PLAIN, direction, rules, ARRAY_SIZE(rules));
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			struct packet p = { .local = "10.0.0.1",
					    .remote = "10.1.0.1",
					    .protocol = cases[i].protocol,
					    .local_port = cases[i].local_port,
					    .remote_port = cases[i].remote_port,
					    .icmp_type = 8 };
			struct frame f = acl_frame(&p, direction);

			expect(PLAIN, direction, &f,
			       cases[i].denied_by ? DP_DROP_EXTENDED_ACL_OUTBOUND + direction : 0);
			assert_int_equal(acl_last_rule(), cases[i].denied_by);
		}
		acl_clear(PLAIN);
	}
}

/* AC-7: the basic entries first. What they deny no extended rule allows. */
static void basic_before_extended(void **state _unused_)
{
	const struct dp_acl_rule rules[] = {
		basic(RULE_ALLOW, 1, ANY, "10.1.0.0/24"),
		basic(RULE_DENY, 2, ANY, "10.1.0.0/16"),
		extended((struct rule){ .number = 9, .remote = "10.1.1.0/24" }),
		extended((struct rule){ .number = 8, .deny = true }),
	};
	struct packet p = web;
	struct frame f = from_plain(p);

	acl_set(PLAIN, DP_ACL_OUT, rules, ARRAY_SIZE(rules));
	expect(PLAIN, DP_ACL_OUT, &f, DP_DROP_EXTENDED_ACL_OUTBOUND);
	p.remote = "10.1.1.1";
	f = from_plain(p);
	expect(PLAIN, DP_ACL_OUT, &f, DP_DROP_ACL_OUTBOUND);
	acl_clear(PLAIN);
}

/* ---- sessions ---- */

static const struct dp_acl_rule deny_all[] = { { .section = DP_ACL_EXTENDED,
						 .flags = DP_ACL_IP4 | DP_ACL_IP6 | DP_ACL_DENY,
						 .local_port = { 0, 65535 },
						 .remote_port = { 0, 65535 },
						 .number = 1 } };

static void stateful_both(uint16_t timeout)
{
	const struct dp_acl_rule out[] = {
		extended((struct rule){ .number = 9, .stateful = true, .timeout = timeout }),
		deny_all[0],
	};

	acl_set(PLAIN, DP_ACL_OUT, out, 2);
	acl_set(PLAIN, DP_ACL_IN, deny_all, 1);
}

/* AC-4: the answer passes, nothing else does; each flow for itself. */
static void stateful_answer(void **state _unused_)
{
	const struct packet kinds[] = { web,
					ping4,
					ping6,
					{ .local = "fd00::1",
					  .remote = "fd01::1",
					  .protocol = IPPROTO_UDP,
					  .local_port = 1000,
					  .remote_port = 53 } };

	stateful_both(0);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct packet p = kinds[i];
		struct frame request = from_plain(p), answer, other;

		p.icmp_type = p.icmp_type == 8 ? 0 : p.icmp_type == 128 ? 129 : 0;
		answer = to_plain(p);
		p.local_port++;
		p.echo++;
		other = to_plain(p);
		expect(PLAIN, DP_ACL_IN, &answer, DP_DROP_EXTENDED_ACL_INBOUND);
		expect(PLAIN, DP_ACL_OUT, &request, 0);
		expect(PLAIN, DP_ACL_IN, &answer, 0);
		expect(PLAIN, DP_ACL_IN, &answer, 0);
		expect(PLAIN, DP_ACL_IN, &other, DP_DROP_EXTENDED_ACL_INBOUND);
		/* the other end's own echo request is no answer, even with the same identifier */
		if (kinds[i].icmp_type) {
			other = to_plain(kinds[i]);
			expect(PLAIN, DP_ACL_IN, &other, DP_DROP_EXTENDED_ACL_INBOUND);
		}
	}
	acl_clear(PLAIN);
}

/* A firewall tells 10.1.1.5 of one tenant from that of another: sessions are a port's own. */
static void sessions_of_ports(void **state _unused_)
{
	struct packet p = web;
	struct frame request, answer;

	stateful_both(0);
	acl_set(OPEN, DP_ACL_IN, deny_all, 1);
	request = from_plain(p);
	answer = to_plain(p);
	expect(PLAIN, DP_ACL_OUT, &request, 0);
	expect(PLAIN, DP_ACL_IN, &answer, 0);
	expect(OPEN, DP_ACL_IN, &answer, DP_DROP_EXTENDED_ACL_INBOUND);
	acl_clear(PLAIN);
	acl_clear(OPEN);
}

/* Rules that are removed end their sessions, at once; others do not. */
static void sessions_follow_the_rules(void **state _unused_)
{
	struct dp_acl_rule out[] = { extended((struct rule){ .number = 9, .stateful = true, .remote = "10.1.0.0/16" }),
				     extended((struct rule){ .number = 8, .stateful = true, .protocol = IPPROTO_TCP }),
				     deny_all[0] };
	struct frame request = from_plain(web), answer = to_plain(web);

	stateful_both(0);
	expect(PLAIN, DP_ACL_OUT, &request, 0);
	expect(PLAIN, DP_ACL_IN, &answer, 0);
	/* other rules that let its first packet pass, too: seen first by an answer */
	acl_set(PLAIN, DP_ACL_OUT, out, 3);
	expect(PLAIN, DP_ACL_IN, &answer, 0);
	out[0].flags |= DP_ACL_DENY;
	out[0].flags &= ~DP_ACL_STATEFUL;
	acl_set(PLAIN, DP_ACL_OUT, out, 3);
	expect(PLAIN, DP_ACL_IN, &answer, DP_DROP_EXTENDED_ACL_INBOUND);
	expect(PLAIN, DP_ACL_OUT, &request, DP_DROP_EXTENDED_ACL_OUTBOUND);
	/* it is over: back again, the rule wants a new first packet */
	stateful_both(0);
	expect(PLAIN, DP_ACL_IN, &answer, DP_DROP_EXTENDED_ACL_INBOUND);
	expect(PLAIN, DP_ACL_OUT, &request, 0);
	expect(PLAIN, DP_ACL_IN, &answer, 0);
	/* an inbound entry of addresses that comes later denies its answers: it is asked before */
	const struct dp_acl_rule in[] = { basic(RULE_DENY, 1, ANY, "10.1.0.1/32"), deny_all[0] };

	acl_set(PLAIN, DP_ACL_IN, in, 2);
	expect(PLAIN, DP_ACL_IN, &answer, DP_DROP_ACL_INBOUND);
	acl_clear(PLAIN);
}

/* A session is the port's in its virtual subnet: another machine may get the port's number, and the same rules. */
static void sessions_end_with_the_port(void **state _unused_)
{
	struct frame request = from_plain(web), answer = to_plain(web);
	struct bpf_port port;

	stateful_both(0);
	port = acl_port_entry(PLAIN);
	expect(PLAIN, DP_ACL_OUT, &request, 0);
	expect(PLAIN, DP_ACL_IN, &answer, 0);
	assert_int_equal(bpf_driver_delete_port(fixture_driver(), PLAIN), 0);
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &port), 0);
	expect(PLAIN, DP_ACL_IN, &answer, DP_DROP_EXTENDED_ACL_INBOUND);
	expect(PLAIN, DP_ACL_OUT, &request, 0);
	expect(PLAIN, DP_ACL_IN, &answer, 0);
	port.value.vsid = port.value.segment = 5099;
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &port), 0);
	port.value.vsid = port.value.segment = 0;
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &port), 0);
	expect(PLAIN, DP_ACL_IN, &answer, DP_DROP_EXTENDED_ACL_INBOUND);
	acl_clear(PLAIN);
}

static void age(const struct packet *p, uint32_t seconds)
{
	acl_age(PLAIN, p, (uint64_t)seconds * 1000000000);
}

static void idle_timeout(void **state _unused_)
{
	struct packet udp = web;
	struct frame request = from_plain(web), answer = to_plain(web);

	udp.protocol = IPPROTO_UDP;
	stateful_both(60);
	expect(PLAIN, DP_ACL_OUT, &request, 0);
	age(&web, 59);
	expect(PLAIN, DP_ACL_IN, &answer, 0);
	/* the answer was a packet of the session, too */
	age(&web, 59);
	expect(PLAIN, DP_ACL_IN, &answer, 0);
	age(&web, 61);
	expect(PLAIN, DP_ACL_IN, &answer, DP_DROP_EXTENDED_ACL_INBOUND);
	expect(PLAIN, DP_ACL_OUT, &request, 0);
	expect(PLAIN, DP_ACL_IN, &answer, 0);
	/* by protocol, where the rule does not say */
	stateful_both(0);
	request = from_plain(udp);
	answer = to_plain(udp);
	expect(PLAIN, DP_ACL_OUT, &request, 0);
	age(&udp, DP_ACL_IDLE_UDP - 1);
	expect(PLAIN, DP_ACL_IN, &answer, 0);
	age(&udp, DP_ACL_IDLE_UDP + 1);
	expect(PLAIN, DP_ACL_IN, &answer, DP_DROP_EXTENDED_ACL_INBOUND);
	acl_clear(PLAIN);
}

/* A connection that both ends have closed, or one has reset, is over soon; a new one with its ports is new. */
static void closed_connection(void **state _unused_)
{
	struct packet p = web;
	struct frame fin, answer = to_plain(web), syn;

	p.tcp_flags = 0x11;
	fin = from_plain(p);
	stateful_both(1000);
	expect(PLAIN, DP_ACL_OUT, &fin, 0);
	fin = from_plain(p);
	expect(PLAIN, DP_ACL_OUT, &fin, 0);
	age(&web, 100);
	expect(PLAIN, DP_ACL_IN, &answer, 0);
	fin = to_plain(p);
	expect(PLAIN, DP_ACL_IN, &fin, 0);
	expect(PLAIN, DP_ACL_IN, &answer, 0);
	age(&web, DP_ACL_IDLE_CLOSED + 1);
	expect(PLAIN, DP_ACL_IN, &answer, DP_DROP_EXTENDED_ACL_INBOUND);
	p.tcp_flags = 0x02;
	syn = from_plain(p);
	expect(PLAIN, DP_ACL_OUT, &syn, 0);
	age(&web, 100);
	expect(PLAIN, DP_ACL_IN, &answer, 0);
	p.tcp_flags = 0x14;
	fin = to_plain(p);
	expect(PLAIN, DP_ACL_IN, &fin, 0);
	age(&web, DP_ACL_IDLE_CLOSED + 1);
	expect(PLAIN, DP_ACL_IN, &answer, DP_DROP_EXTENDED_ACL_INBOUND);
	acl_clear(PLAIN);
}

static void a_reset_begins_nothing(void **state _unused_)
{
	struct packet p = web;
	struct frame rst, answer = to_plain(web);

	p.tcp_flags = 0x04;
	rst = from_plain(p);
	stateful_both(0);
	expect(PLAIN, DP_ACL_OUT, &rst, 0);
	expect(PLAIN, DP_ACL_IN, &answer, DP_DROP_EXTENDED_ACL_INBOUND);
	acl_clear(PLAIN);
}

/* ICMP errors about a session's packets: path MTU discovery lives of them. */
static void related_errors(void **state _unused_)
{
	static const struct {
		uint8_t type4, type6;
		bool passes;
	} types[] = { { 3, 1, true }, { 11, 3, true },	 { 12, 4, true },
		      { 3, 2, true }, { 5, 137, false }, { 4, 100, false } };
	const struct packet sessions[] = { web,
					   ping4,
					   ping6,
					   { .local = "fd00::1",
					     .remote = "fd01::1",
					     .protocol = IPPROTO_TCP,
					     .local_port = 1000,
					     .remote_port = 80,
					     .tcp_flags = 0x10 } };

	stateful_both(0);
	for (size_t i = 0; i < ARRAY_SIZE(sessions); i++) {
		struct packet other = sessions[i];
		struct frame request = from_plain(sessions[i]), f;
		const char *router = strchr(sessions[i].local, ':') ? "fd02::1" : "10.9.9.9";

		expect(PLAIN, DP_ACL_OUT, &request, 0);
		for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
			f = acl_error(router, strchr(router, ':') ? types[t].type6 : types[t].type4, &sessions[i],
				      sessions[i].local);
			expect(PLAIN, DP_ACL_IN, &f, types[t].passes ? 0 : DP_DROP_EXTENDED_ACL_INBOUND);
		}
		/* about a packet that was never sent, and for somebody else */
		other.remote = strchr(other.local, ':') ? "fd01::2" : "10.1.0.2";
		f = acl_error(router, strchr(router, ':') ? 1 : 3, &other, other.local);
		expect(PLAIN, DP_ACL_IN, &f, DP_DROP_EXTENDED_ACL_INBOUND);
		f = acl_error(router, strchr(router, ':') ? 1 : 3, &sessions[i],
			      strchr(router, ':') ? "fd00::2" : "10.0.0.2");
		expect(PLAIN, DP_ACL_IN, &f, DP_DROP_EXTENDED_ACL_INBOUND);
		/* cut off within the quote */
		f = acl_error(router, strchr(router, ':') ? 1 : 3, &sessions[i], sessions[i].local);
		for (size_t n = f.n - 1; n > f.n - 20; n--) {
			struct frame cut = f;

			cut.n = n;
			expect(PLAIN, DP_ACL_IN, &cut, DP_DROP_EXTENDED_ACL_INBOUND);
		}
	}
	acl_clear(PLAIN);
}

/* ---- fragments and headers ---- */

/* A later fragment goes the way of the first; alone, by what it has: addresses and protocol. */
static void fragments(void **state _unused_)
{
	const struct dp_acl_rule rules[] = {
		extended((struct rule){ .number = 9, .protocol = IPPROTO_UDP, .remote_port = { 53, 53 } }),
		extended((struct rule){
			.number = 8, .deny = true, .protocol = IPPROTO_UDP, .remote_port = { 1, 100 } }),
		extended((struct rule){ .number = 7, .deny = true, .remote = "10.1.1.0/24" }),
		extended((struct rule){ .number = 6, .deny = true, .remote = "fd01:1::/32" }),
	};
	static const struct {
		const char *local, *remote;
		uint16_t port;
		enum dp_drop_reason first, later, alone;
	} cases[] = {
		{ "10.0.0.1", "10.1.0.1", 53, 0, 0, 0 },
		{ "10.0.0.1", "10.1.0.1", 54, DP_DROP_EXTENDED_ACL_OUTBOUND, DP_DROP_EXTENDED_ACL_OUTBOUND, 0 },
		{ "10.0.0.1", "10.1.1.1", 200, DP_DROP_EXTENDED_ACL_OUTBOUND, DP_DROP_EXTENDED_ACL_OUTBOUND, 0 },
		{ "fd00::1", "fd01::1", 54, DP_DROP_EXTENDED_ACL_OUTBOUND, DP_DROP_EXTENDED_ACL_OUTBOUND, 0 },
		{ "fd00::1", "fd01:1::1", 53, 0, 0, 0 },
	};

	acl_set(PLAIN, DP_ACL_OUT, rules, ARRAY_SIZE(rules));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct packet p = { .local = cases[i].local,
				    .remote = cases[i].remote,
				    .protocol = IPPROTO_UDP,
				    .local_port = 7,
				    .remote_port = cases[i].port,
				    .ident = 100 + i,
				    .fragment = FRAGMENT_LATER,
				    .payload = 64 };
		struct frame later = from_plain(p), first;

		p.fragment = FRAGMENT_FIRST;
		first = from_plain(p);
		expect(PLAIN, DP_ACL_OUT, &later, cases[i].alone);
		expect(PLAIN, DP_ACL_OUT, &first, cases[i].first);
		expect(PLAIN, DP_ACL_OUT, &later, cases[i].later);
		/* of another packet */
		p.fragment = FRAGMENT_LATER;
		p.ident += 1000;
		later = from_plain(p);
		expect(PLAIN, DP_ACL_OUT, &later, cases[i].alone);
	}
	acl_clear(PLAIN);
}

/* The answer of a session in fragments: the first has its ports, the later ones follow it. */
static void fragmented_answer(void **state _unused_)
{
	struct packet p = { .local = "10.0.0.1",
			    .remote = "10.1.0.1",
			    .protocol = IPPROTO_UDP,
			    .local_port = 1000,
			    .remote_port = 53,
			    .payload = 64 };
	struct frame request = from_plain(p), first, later;

	stateful_both(0);
	p.ident = 77;
	p.fragment = FRAGMENT_FIRST;
	first = to_plain(p);
	p.fragment = FRAGMENT_LATER;
	later = to_plain(p);
	expect(PLAIN, DP_ACL_IN, &later, DP_DROP_EXTENDED_ACL_INBOUND);
	expect(PLAIN, DP_ACL_OUT, &request, 0);
	expect(PLAIN, DP_ACL_IN, &first, 0);
	expect(PLAIN, DP_ACL_IN, &later, 0);
	acl_clear(PLAIN);
}

/* RFC 3128: would put other flags in place of those that were judged. */
static void tiny_fragments(void **state _unused_)
{
	struct packet p = web;
	struct frame f;

	acl_set(PLAIN, DP_ACL_OUT, deny_all, 1);
	p.fragment = FRAGMENT_FIRST;
	f = from_plain(p);
	f.n = 14 + 20 + 8;
	expect(PLAIN, DP_ACL_OUT, &f, DP_DROP_ACL_HEADERS);
	p.fragment = FRAGMENT_LATER;
	f = from_plain(p);
	frame_set_u16(&f, 14 + 6, 1);
	expect(PLAIN, DP_ACL_OUT, &f, DP_DROP_ACL_HEADERS);
	acl_clear(PLAIN);
}

/* Tags and extension headers hide nothing. */
static void behind_other_headers(void **state _unused_)
{
	const struct dp_acl_rule rules[] = { extended(
		(struct rule){ .number = 9, .deny = true, .protocol = IPPROTO_TCP, .remote_port = { 80, 80 } }) };
	struct packet p = {
		.local = "fd00::1", .remote = "fd01::1", .protocol = IPPROTO_TCP, .local_port = 1000, .remote_port = 80
	};

	acl_set(PLAIN, DP_ACL_OUT, rules, 1);
	for (unsigned tags = 0; tags <= 2; tags++) {
		for (unsigned extensions = 0; extensions <= 7; extensions++) {
			struct frame f;

			p.tags = tags;
			p.extensions = extensions;
			p.remote_port = 80;
			f = from_plain(p);
			expect(PLAIN, DP_ACL_OUT, &f, DP_DROP_EXTENDED_ACL_OUTBOUND);
			p.remote_port = 81;
			f = from_plain(p);
			expect(PLAIN, DP_ACL_OUT, &f, 0);
		}
	}
	p.extensions = 0;
	p.tags = 3;
	struct frame three = from_plain(p);

	expect(PLAIN, DP_ACL_OUT, &three, DP_DROP_ACL_HEADERS);
	p.tags = 0;
	p.extensions = 8;
	struct frame f = from_plain(p);

	expect(PLAIN, DP_ACL_OUT, &f, DP_DROP_ACL_HEADERS);
	acl_clear(PLAIN);
}

/* A packet that ends within what the rules read passes no rule at all. OPEN: no guard looks at the headers first. */
static void every_truncation(void **state _unused_)
{
	const struct dp_acl_rule rules[] = { extended((struct rule){ .number = 9, .protocol = IPPROTO_TCP }) };
	struct packet v4 = web,
		      v6 = { .local = "fd00::1", .remote = "fd01::1", .protocol = IPPROTO_TCP, .extensions = 3 };
	struct frame frames[2];
	static const size_t read[] = { 18 + 20 + 14, 18 + 40 + 3 * 8 + 14 };

	/* tagged: the kernel makes no test packet of an IP frame without a whole IP header */
	v4.tags = v6.tags = 1;
	frames[0] = from_plain(v4);
	frames[1] = from_plain(v6);
	acl_set(OPEN, DP_ACL_OUT, rules, 1);
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		for (size_t n = 15; n < frames[i].n; n++) {
			struct frame f = frames[i];

			f.n = n;
			expect(OPEN, DP_ACL_OUT, &f, n < read[i] ? DP_DROP_ACL_HEADERS : 0);
		}
	}
	/* an IPv4 header that says less than it has */
	frames[0].b[18] = 0x44;
	expect(OPEN, DP_ACL_OUT, &frames[0], DP_DROP_ACL_HEADERS);
	frames[0].b[18] = 0x55;
	expect(OPEN, DP_ACL_OUT, &frames[0], DP_DROP_ACL_HEADERS);
	acl_clear(OPEN);
}

static void set_is_missing(void **state _unused_)
{
	struct frame f = from_plain(web);

	acl_name(PLAIN, DP_ACL_OUT, 4000000000);
	expect(PLAIN, DP_ACL_OUT, &f, DP_DROP_ACL_NOT_READY);
	acl_clear(PLAIN);
}

/* ---- where packets come to a port of a virtual subnet ---- */

static void inbound_in_a_virtual_subnet(void **state _unused_)
{
	const struct dp_acl_rule rules[] = { basic(RULE_DENY, 1, ANY, "10.10.10.11/32"),
					     basic(RULE_DENY, 2, ANY, "10.10.10.12/32") };
	struct frame local = frame_ip4(
		(struct ip4){ .dst_mac = 0x13, .src_mac = 0x11, .dst = "10.10.10.13", .src = "10.10.10.11" });
	struct frame inner = frame_ip4(
		(struct ip4){ .dst_mac = 0x13, .src_mac = 0x12, .dst = "10.10.10.13", .src = "10.10.10.12" });
	struct frame wire = frame_nvgre("214.214.51.43", "214.214.51.42", 5010 << 8, &inner);
	uint64_t before = drops(BLUE3, DP_DROP_ACL_INBOUND);
	struct result r;

	assert_int_equal(run(BPF_ROLE_VPORT, BLUE1, &local).verdict, DP_VERDICT_DELIVER);
	assert_int_equal(run(BPF_ROLE_UPLINK, UPLINK, &wire).verdict, DP_VERDICT_DELIVER);
	acl_set(BLUE3, DP_ACL_IN, rules, 2);
	r = run(BPF_ROLE_VPORT, BLUE1, &local);
	assert_int_equal(r.verdict, DP_VERDICT_DROP);
	assert_int_equal(r.detail, DP_DROP_ACL_INBOUND);
	r = run(BPF_ROLE_UPLINK, UPLINK, &wire);
	assert_int_equal(r.verdict, DP_VERDICT_DROP);
	assert_int_equal(r.detail, DP_DROP_ACL_INBOUND);
	/* counted at the port whose rule it is, and not as received there */
	assert_int_equal(drops(BLUE3, DP_DROP_ACL_INBOUND), before + 2);
	acl_clear(BLUE3);
	assert_int_equal(run(BPF_ROLE_UPLINK, UPLINK, &wire).verdict, DP_VERDICT_DELIVER);
}

static void flooded(void **state _unused_)
{
	const struct dp_acl_rule rules[] = { basic(RULE_DENY, 1, ANY, "10.0.0.31/32") };
	struct frame f = frame_ip4(
		(struct ip4){ .dst_mac = 0xff, .src_mac = 0x31, .dst = "255.255.255.255", .src = "10.0.0.31" });
	uint64_t before = drops(LAB2, DP_DROP_ACL_INBOUND);
	struct result r = run(BPF_ROLE_VPORT, LAB1, &f);

	assert_int_equal(r.detail, 2);
	acl_set(LAB2, DP_ACL_IN, rules, 1);
	r = run(BPF_ROLE_VPORT, LAB1, &f);
	assert_int_equal(r.verdict, DP_VERDICT_FLOOD);
	assert_int_equal(r.detail, 1);
	assert_int_equal(drops(LAB2, DP_DROP_ACL_INBOUND), before + 1);
	acl_clear(LAB2);
}

/* The program at the egress is for ports without a virtual subnet: the others have been asked on the way. */
static void egress_leaves_others_alone(void **state _unused_)
{
	const struct dp_acl_rule rules[] = { basic(RULE_DENY, 1, ANY, ANY) };
	struct frame f = frame_ip4(
		(struct ip4){ .dst_mac = 0x13, .src_mac = 0x11, .dst = "10.10.10.13", .src = "10.10.10.11" });

	acl_set(BLUE3, DP_ACL_IN, rules, 1);
	assert_int_equal(run(BPF_ROLE_VPORT_EGRESS, BLUE3, &f).verdict, DP_VERDICT_NONE);
	assert_int_equal(run(BPF_ROLE_VPORT_EGRESS, NOT_A_PORT, &f).verdict, DP_VERDICT_NONE);
	acl_clear(BLUE3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_prefix),
		cmocka_unit_test(without_addresses),
		cmocka_unit_test(mac_rules),
		cmocka_unit_test(meters),
		cmocka_unit_test(ports_and_protocols),
		cmocka_unit_test(basic_before_extended),
		cmocka_unit_test(stateful_answer),
		cmocka_unit_test(sessions_of_ports),
		cmocka_unit_test(sessions_follow_the_rules),
		cmocka_unit_test(sessions_end_with_the_port),
		cmocka_unit_test(idle_timeout),
		cmocka_unit_test(closed_connection),
		cmocka_unit_test(a_reset_begins_nothing),
		cmocka_unit_test(related_errors),
		cmocka_unit_test(fragments),
		cmocka_unit_test(fragmented_answer),
		cmocka_unit_test(tiny_fragments),
		cmocka_unit_test(behind_other_headers),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(set_is_missing),
		cmocka_unit_test(inbound_in_a_virtual_subnet),
		cmocka_unit_test(flooded),
		cmocka_unit_test(egress_leaves_others_alone),
	};

	return cmocka_run_group_tests(tests, fixture_up, fixture_down);
}
