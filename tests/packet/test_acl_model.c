/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "acl_kit.h"

/*
 * Random rules and random packets: the programs decide as a plain model does, which goes through the rules one by one.
 * Rules change all the time, and sessions live through it or end. The same sequence every time, or that of NESTOR_SEED,
 * which is printed when the two differ.
 */
#define ROUNDS	     400
#define PACKETS	     150
#define SEED_DEFAULT 1

static uint64_t state;

static uint32_t rnd(uint32_t n)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 33) % n;
}

#define PICK(list) (list)[rnd(ARRAY_SIZE(list))]

/* ---- a small world, so that rules and packets meet ---- */

static const char *const locals4[] = { "10.0.0.1", "10.0.0.2", "10.0.1.1" };
static const char *const remotes4[] = { "10.1.0.1", "10.1.0.2", "10.1.1.1", "172.16.0.1" };
static const char *const locals6[] = { "fd00::1", "fd00::2", "fd00:1::1" };
static const char *const remotes6[] = { "fd01::1", "fd01::2", "fd01:1::1", "2001:db8::1" };
static const char *const prefixes4[] = { "0.0.0.0/0",	"10.0.0.0/8",  "10.0.0.0/24", "10.0.0.1/32",  "10.1.0.0/16",
					 "10.1.0.0/31", "10.1.0.2/32", "10.0.0.0/15", "172.16.0.0/12" };
static const char *const prefixes6[] = { "::/0",      "fd00::/8",    "fd00::/32",  "fd00::1/128",
					 "fd01::/32", "fd01::2/127", "fd01:1::/48" };
static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_GRE };
static const uint16_t ports[] = { 0, 79, 80, 81, 65535 };

static void random_ports(uint16_t range[2])
{
	uint16_t a = PICK(ports), b = PICK(ports);

	range[0] = MIN(a, b);
	range[1] = MAX(a, b);
	if (rnd(3) == 0) {
		range[0] = 0;
		range[1] = UINT16_MAX;
	}
}

static struct dp_acl_rule random_rule(int section, uint32_t number)
{
	bool v6 = rnd(2), local = rnd(2), remote = rnd(2);
	const char *l = local ? v6 ? PICK(prefixes6) : PICK(prefixes4) : ANY,
		   *r = remote ? v6 ? PICK(prefixes6) : PICK(prefixes4) : ANY;
	struct dp_acl_rule rule;

	if (section == DP_ACL_METER)
		return meter_rule(number, l, r);
	if (section == DP_ACL_BASIC)
		return basic(rnd(6) == 0, number, l, r);
	rule = extended((struct rule){
		.number = number, .deny = rnd(2), .local = l, .remote = r, .protocol = rnd(4) ? PICK(protocols) : 0 });
	if ((rule.flags & DP_ACL_HAS_PROTOCOL) && (rule.protocol == IPPROTO_TCP || rule.protocol == IPPROTO_UDP)) {
		random_ports(rule.local_port);
		random_ports(rule.remote_port);
	}
	if (!(rule.flags & DP_ACL_DENY) && rnd(2))
		rule.flags |= DP_ACL_STATEFUL;
	return rule;
}

struct rules {
	struct dp_acl_rule r[300];
	size_t n;
};

static struct rules random_rules(void)
{
	static const size_t most[] = { 5, 6, 260 };
	struct rules all = { .n = 0 };
	uint32_t number = 1;

	for (int section = 0; section < DP_ACL_SECTIONS; section++) {
		/* mostly few, or the first ones would leave nothing to decide */
		size_t n = rnd(8) ? rnd(7) : rnd((uint32_t)most[section]);

		for (size_t i = 0; i < n; i++)
			all.r[all.n++] = random_rule(section, number++);
	}
	/* a port without rules has no set, and is not asked */
	if (!all.n)
		all.r[all.n++] = basic(RULE_ALLOW, number, ANY, ANY);
	return all;
}

static bool has_ports(const struct packet *p)
{
	return p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP;
}

static struct packet random_packet(void)
{
	struct packet p = { .protocol = PICK(protocols),
			    .local_port = PICK(ports),
			    .remote_port = PICK(ports),
			    .tcp_flags = 0x10,
			    .extensions = rnd(3),
			    .tags = rnd(8) == 0 };
	bool v6 = rnd(2);

	p.local = v6 ? PICK(locals6) : PICK(locals4);
	p.remote = v6 ? PICK(remotes6) : PICK(remotes4);
	if (v6 && p.protocol == IPPROTO_ICMP)
		p.protocol = IPPROTO_ICMPV6;
	if (p.protocol == IPPROTO_ICMP || p.protocol == IPPROTO_ICMPV6) {
		p.icmp_type = v6 ? 128 + rnd(2) : rnd(2) * 8;
		p.echo = (uint16_t)rnd(2);
	}
	if (!has_ports(&p))
		p.local_port = p.remote_port = 0;
	/* no first fragment has been seen: each is of another packet */
	if (rnd(10) == 0) {
		p.fragment = FRAGMENT_LATER;
		p.ident = rnd(UINT32_MAX);
		p.payload = 8;
	}
	return p;
}

/* ---- the model ---- */

static bool address_matches(const char *text, const union dp_addr *prefix, uint8_t len, bool given)
{
	union dp_addr a = { 0 };

	if (!given)
		return true;
	if (strchr(text, ':')) {
		inet_pton(AF_INET6, text, &a);
	} else {
		a.w[2] = htonl(0xffff);
		inet_pton(AF_INET, text, &a.w[3]);
	}
	for (int i = 0; i < len; i++)
		if ((a.b[i / 8] ^ prefix->b[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static bool rule_matches(const struct dp_acl_rule *r, const struct packet *p)
{
	bool ports_given = r->local_port[0] || r->local_port[1] != UINT16_MAX || r->remote_port[0] ||
			   r->remote_port[1] != UINT16_MAX;

	if (!(r->flags & (strchr(p->local, ':') ? DP_ACL_IP6 : DP_ACL_IP4)))
		return false;
	if (!address_matches(p->local, &r->local, r->local_len, r->flags & DP_ACL_HAS_LOCAL) ||
	    !address_matches(p->remote, &r->remote, r->remote_len, r->flags & DP_ACL_HAS_REMOTE))
		return false;
	if ((r->flags & DP_ACL_HAS_PROTOCOL) && r->protocol != p->protocol)
		return false;
	if (!has_ports(p) || !ports_given)
		return true;
	if (p->fragment == FRAGMENT_LATER)
		return !(r->flags & DP_ACL_DENY);
	return p->local_port >= r->local_port[0] && p->local_port <= r->local_port[1] &&
	       p->remote_port >= r->remote_port[0] && p->remote_port <= r->remote_port[1];
}

static const struct dp_acl_rule *first(const struct rules *rules, int section, const struct packet *p)
{
	for (size_t i = 0; i < rules->n; i++)
		if (rules->r[i].section == section && rule_matches(&rules->r[i], p))
			return &rules->r[i];
	return NULL;
}

static bool is_denied(const struct dp_acl_rule *r)
{
	return r && (r->flags & DP_ACL_DENY);
}

static bool is_stateful(const struct rules *rules, const struct packet *p)
{
	const struct dp_acl_rule *r = first(rules, DP_ACL_EXTENDED, p);

	return !is_denied(first(rules, DP_ACL_BASIC, p)) && r && (r->flags & DP_ACL_STATEFUL);
}

struct session {
	struct packet p;
	int origin;
	uint64_t version; /* of the origin's rules, when they were asked last */
	bool open;
};

static VEC(struct session) sessions;
static struct rules rules[DP_ACL_DIRECTIONS];
static uint64_t versions[DP_ACL_DIRECTIONS];

static bool same_flow(const struct packet *a, const struct packet *b)
{
	return streq(a->local, b->local) && streq(a->remote, b->remote) && a->protocol == b->protocol &&
	       a->local_port == b->local_port && a->remote_port == b->remote_port && a->echo == b->echo;
}

static struct session *session_of(const struct packet *p)
{
	vec_foreach (&sessions, s)
		if (same_flow(&s->p, p))
			return s;
	return NULL;
}

/* Is the session still what the rules of its first packet say? */
static bool confirmed(struct session *s)
{
	if (s->version != versions[s->origin])
		s->open = is_stateful(&rules[s->origin], &s->p);
	s->version = versions[s->origin];
	return s->open;
}

static bool is_echo_request(const struct packet *p)
{
	return (p->protocol == IPPROTO_ICMP && p->icmp_type == 8) ||
	       (p->protocol == IPPROTO_ICMPV6 && p->icmp_type == 128);
}

/* 0, or why it is dropped; *ret_rule: by which rule. */
static enum dp_drop_reason model(int direction, const struct packet *p, uint32_t *ret_rule)
{
	const struct dp_acl_rule *b = first(&rules[direction], DP_ACL_BASIC, p),
				 *x = first(&rules[direction], DP_ACL_EXTENDED, p);
	struct session *s = p->fragment == FRAGMENT_LATER ? NULL : session_of(p);
	bool alive = false;

	*ret_rule = 0;
	if (is_denied(b)) {
		*ret_rule = b->number;
		return DP_DROP_ACL_OUTBOUND + direction;
	}
	if (x && (x->flags & DP_ACL_STATEFUL)) {
		if (p->fragment == FRAGMENT_LATER || (s && s->open && confirmed(s)))
			return 0;
		if (!s)
			vec_push(&sessions, (struct session){ .p = *p });
		s = session_of(p);
		s->origin = direction;
		s->version = versions[direction];
		s->open = true;
		return 0;
	}
	if (s && s->open && (s->origin == direction || !is_echo_request(p)))
		alive = confirmed(s);
	if (!is_denied(x) || alive)
		return 0;
	*ret_rule = x->number;
	return DP_DROP_EXTENDED_ACL_OUTBOUND + direction;
}

/* ---- both ---- */

static void change_rules(int direction)
{
	rules[direction] = random_rules();
	versions[direction]++;
	acl_set(PLAIN, direction, rules[direction].r, rules[direction].n);
}

static void add_all_meters(uint64_t counts[300])
{
	for (uint32_t number = 1; number < 300; number++) {
		acl_add_meter(PLAIN, number);
		counts[number] = 0;
	}
}

static void as_the_model(void **unused _unused_)
{
	const char *given = getenv("NESTOR_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : SEED_DEFAULT, counts[300];
	size_t dropped = 0, by_session = 0, n = 0;

	state = seed;
	add_all_meters(counts);
	change_rules(0);
	change_rules(1);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < PACKETS; i++, n++) {
			int direction = (int)rnd(2);
			struct packet p = random_packet();
			struct frame f = acl_frame(&p, direction);
			struct session *s = session_of(&p);
			const struct dp_acl_rule *meter = first(&rules[direction], DP_ACL_METER, &p);
			bool alone = is_denied(first(&rules[direction], DP_ACL_EXTENDED, &p));
			uint32_t rule;
			enum dp_drop_reason want = model(direction, &p, &rule);
			struct result r = run(acl_role(direction), PLAIN, &f);

			if ((r.verdict == DP_VERDICT_DROP) != (want != 0) ||
			    (want && (r.detail != want || r.rule != rule)))
				fail_msg("NESTOR_SEED=%llu round %d packet %d: %s %s %s/%u -> %s/%u type %u fragment "
					 "%d: wanted %s rule %u, got "
					 "verdict %u %s rule %u (session: %d)",
					 (unsigned long long)seed, round, i, direction ? "in" : "out",
					 p.protocol == IPPROTO_TCP ? "TCP" : "", p.local, p.local_port, p.remote,
					 p.remote_port, p.icmp_type, p.fragment,
					 want ? drop_reason_name(want) : "to pass", rule, r.verdict,
					 r.detail < DP_DROP_MAX && drop_reason_name(r.detail)
						 ? drop_reason_name(r.detail)
						 : "",
					 r.rule, s != NULL);
			dropped += want != 0;
			by_session += alone && !want;
			if (meter && !want)
				counts[meter->number] += f.n;
		}
		change_rules((int)rnd(2));
	}
	/* or it would have proved little */
	assert_in_range(dropped, n / 10, n * 9 / 10);
	assert_true(by_session > n / 1000);
	for (uint32_t number = 1; number < 300; number++) {
		struct dp_acl_meter_key key = { PLAIN, number };
		struct dp_acl_meter m;

		assert_int_equal(bpf_driver_read_acl_meter(fixture_driver(), &key, &m), 0);
		if (m.bytes != counts[number])
			fail_msg("NESTOR_SEED=%llu meter %u: %llu, not %llu bytes", (unsigned long long)seed, number,
				 (unsigned long long)m.bytes, (unsigned long long)counts[number]);
	}
	print_message("%zu packets, %zu dropped, %zu passed by a session, NESTOR_SEED=%llu\n", n, dropped, by_session,
		      (unsigned long long)seed);
	acl_clear(PLAIN);
	vec_done(&sessions);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(as_the_model) };

	return cmocka_run_group_tests(tests, fixture_up, fixture_down);
}
