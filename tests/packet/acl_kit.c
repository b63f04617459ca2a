/* SPDX-License-Identifier: Apache-2.0 */
#include "acl_kit.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdio.h>
#include <unistd.h>

/* ---- rules ---- */

static uint8_t prefix(const char *text, union dp_addr *a)
{
	char copy[64], *slash;
	bool v6 = strchr(text, ':');
	unsigned len, max = v6 ? 128 : 32;

	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	len = slash ? (unsigned)atoi(slash + 1) : max;
	if (slash)
		*slash = 0;
	memset(a, 0, sizeof(*a));
	if (!v6)
		a->w[2] = htonl(0xffff);
	assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, copy, v6 ? (void *)a : &a->w[3]), 1);
	return (uint8_t)(len + (v6 ? 0 : 96));
}

static struct dp_acl_rule rule_of(int section, uint32_t number, const char *local, const char *remote)
{
	struct dp_acl_rule r = { .section = (uint8_t)section,
				 .number = number,
				 .local_port = { 0, UINT16_MAX },
				 .remote_port = { 0, UINT16_MAX },
				 .flags = DP_ACL_IP4 | DP_ACL_IP6 };
	const char *one = local ? local : remote;

	if (one)
		r.flags = strchr(one, ':') ? DP_ACL_IP6 : DP_ACL_IP4;
	if (local) {
		r.flags |= DP_ACL_HAS_LOCAL;
		r.local_len = prefix(local, &r.local);
	}
	if (remote) {
		r.flags |= DP_ACL_HAS_REMOTE;
		r.remote_len = prefix(remote, &r.remote);
	}
	return r;
}

struct dp_acl_rule basic(int deny, uint32_t number, const char *local, const char *remote)
{
	struct dp_acl_rule r = rule_of(DP_ACL_BASIC, number, local, remote);

	r.flags |= deny ? DP_ACL_DENY : 0;
	return r;
}

struct dp_acl_rule meter_rule(uint32_t number, const char *local, const char *remote)
{
	return rule_of(DP_ACL_METER, number, local, remote);
}

struct dp_acl_rule mac_rule(int deny, uint32_t number, uint8_t local, uint8_t remote)
{
	struct dp_acl_rule r = { .section = DP_ACL_MAC, .number = number, .flags = deny ? DP_ACL_DENY : 0 };

	r.local.b[5] = local;
	r.remote.b[5] = remote;
	return r;
}

struct dp_acl_rule extended(struct rule x)
{
	struct dp_acl_rule r = rule_of(DP_ACL_EXTENDED, x.number, x.local, x.remote);

	if (x.deny)
		r.flags |= DP_ACL_DENY;
	if (x.stateful)
		r.flags |= DP_ACL_STATEFUL;
	r.timeout = x.timeout;
	if (x.protocol)
		r.flags |= DP_ACL_HAS_PROTOCOL;
	r.protocol = x.protocol;
	if (x.local_port[1])
		memcpy(r.local_port, x.local_port, sizeof(r.local_port));
	if (x.remote_port[1])
		memcpy(r.remote_port, x.remote_port, sizeof(r.remote_port));
	return r;
}

/* ---- packets ---- */

static void add8(struct frame *f, uint8_t v)
{
	frame_add(f, &v, 1);
}

static void add16(struct frame *f, uint16_t v)
{
	v = htons(v);
	frame_add(f, &v, 2);
}

static void add32(struct frame *f, uint32_t v)
{
	v = htonl(v);
	frame_add(f, &v, 4);
}

static void add_address(struct frame *f, const char *text)
{
	uint8_t b[16];
	bool v6 = strchr(text, ':');

	assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, text, b), 1);
	frame_add(f, b, v6 ? 16 : 4);
}

static bool is_v6(const struct packet *p)
{
	return strchr(p->local, ':');
}

static void add_l4(struct frame *f, const struct packet *p, int direction)
{
	bool out = direction == DP_ACL_OUT;

	if (p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP) {
		add16(f, out ? p->local_port : p->remote_port);
		add16(f, out ? p->remote_port : p->local_port);
	}
	if (p->protocol == IPPROTO_TCP) {
		add32(f, 1);
		add32(f, 1);
		add8(f, 0x50);
		add8(f, p->tcp_flags);
		add16(f, 1000);
		add32(f, 0);
	} else if (p->protocol == IPPROTO_UDP) {
		add16(f, (uint16_t)(8 + p->payload));
		add16(f, 0);
	} else if (p->protocol == IPPROTO_ICMP || p->protocol == IPPROTO_ICMPV6) {
		add8(f, p->icmp_type);
		add8(f, p->icmp_code);
		add16(f, 0);
		add16(f, p->echo);
		add16(f, 1);
	} else {
		add32(f, 0);
	}
}

static size_t l4_size(const struct packet *p)
{
	struct frame f = { .n = 0 };

	add_l4(&f, p, DP_ACL_OUT);
	return f.n;
}

static void add_extensions(struct frame *f, const struct packet *p)
{
	uint8_t last = p->fragment ? IPPROTO_FRAGMENT : p->protocol;

	for (unsigned i = 0; i < p->extensions; i++) {
		add8(f, i + 1 < p->extensions ? IPPROTO_DSTOPTS : last);
		add8(f, 0);
		add16(f, 0x0104);
		add32(f, 0);
	}
	if (p->fragment) {
		add8(f, p->protocol);
		add8(f, 0);
		add16(f, p->fragment == FRAGMENT_FIRST ? 1 : 64 << 3);
		add32(f, p->ident);
	}
}

static void add_ip(struct frame *f, const struct packet *p, int direction, size_t payload)
{
	const char *src = direction == DP_ACL_OUT ? p->local : p->remote,
		   *dst = direction == DP_ACL_OUT ? p->remote : p->local;
	uint8_t ttl = p->hop_limit ? p->hop_limit : 64;
	size_t at = f->n;

	if (is_v6(p)) {
		add32(f, 0x60000000);
		add16(f, (uint16_t)(payload + p->extensions * 8 + (p->fragment ? 8 : 0)));
		add8(f, p->extensions ? IPPROTO_HOPOPTS : p->fragment ? IPPROTO_FRAGMENT : p->protocol);
		add8(f, ttl);
		add_address(f, src);
		add_address(f, dst);
		add_extensions(f, p);
		return;
	}
	add16(f, 0x4500);
	add16(f, (uint16_t)(20 + payload));
	add16(f, (uint16_t)p->ident);
	add16(f, p->fragment == FRAGMENT_FIRST ? 0x2000 : p->fragment == FRAGMENT_LATER ? 64 : 0);
	add8(f, ttl);
	add8(f, p->protocol);
	add16(f, 0);
	add_address(f, src);
	add_address(f, dst);
	frame_set_u16(f, at + 10, ip_checksum(f->b + at, 20));
}

static struct frame ether_of(const struct packet *p, int direction)
{
	uint8_t local = 0x41, remote = 0x42;
	struct frame f = { .n = 0 };

	frame_add_mac(&f, direction == DP_ACL_OUT ? remote : local);
	frame_add_mac(&f, direction == DP_ACL_OUT ? local : remote);
	for (unsigned i = 0; i < p->tags; i++)
		add32(&f, 0x81000007);
	add16(&f, is_v6(p) ? 0x86dd : 0x0800);
	return f;
}

struct frame acl_frame(const struct packet *p, int direction)
{
	struct frame f = ether_of(p, direction);
	size_t l4 = p->fragment == FRAGMENT_LATER ? 0 : l4_size(p);

	add_ip(&f, p, direction, l4 + p->payload);
	if (l4)
		add_l4(&f, p, direction);
	for (size_t i = 0; i < p->payload; i++)
		add8(&f, i & 0xff);
	return f;
}

struct frame acl_error(const char *router, uint8_t type, const struct packet *about, const char *to)
{
	struct packet p = { .local = to,
			    .remote = router,
			    .protocol = strchr(to, ':') ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
			    .icmp_type = type };
	struct frame f = ether_of(&p, DP_ACL_IN);

	add_ip(&f, &p, DP_ACL_IN, 8 + (is_v6(about) ? 40 : 20) + 8);
	add_l4(&f, &p, DP_ACL_IN);
	add_ip(&f, about, DP_ACL_OUT, l4_size(about));
	add_l4(&f, about, DP_ACL_OUT);
	/* the eight bytes that RFC 792 asks for */
	f.n = 14 + 2 * (is_v6(about) ? 40 : 20) + 8 + 8;
	return f;
}

/* ---- ports ---- */

struct bpf_port acl_port_entry(uint32_t ifindex)
{
	struct bpf_port_vec all = { 0 };
	struct bpf_port found = { 0 };

	assert_int_equal(bpf_driver_observe_ports(fixture_driver(), &all), 0);
	vec_foreach (&all, p)
		if (p->ifindex == ifindex)
			found = *p;
	vec_done(&all);
	assert_int_equal(found.ifindex, ifindex);
	return found;
}

static void delete_set(uint32_t id)
{
	struct bpf_acl_set_vec all = { 0 };

	assert_int_equal(bpf_driver_observe_acl_sets(fixture_driver(), &all), 0);
	vec_foreach (&all, s)
		if (s->id == id)
			assert_int_equal(bpf_driver_delete_acl_set(fixture_driver(), s), 0);
	bpf_acl_sets_done(&all);
}

void acl_name(uint32_t port, int direction, uint32_t set)
{
	struct bpf_port p = acl_port_entry(port);
	uint32_t old = p.value.acl_sets[direction], flag = direction == DP_ACL_OUT ? DP_PORT_ACL_OUT : DP_PORT_ACL_IN;

	p.value.acl_sets[direction] = set;
	p.value.flags = (p.value.flags & ~flag) | (set ? flag : 0);
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &p), 0);
	if (old)
		delete_set(old);
}

void acl_set(uint32_t port, int direction, const struct dp_acl_rule *rules, size_t n)
{
	uint32_t id = 0;

	assert_int_equal(bpf_driver_add_acl_set(fixture_driver(), rules, n, &id), 0);
	acl_name(port, direction, id);
}

void acl_clear(uint32_t port)
{
	acl_name(port, DP_ACL_OUT, 0);
	acl_name(port, DP_ACL_IN, 0);
}

void acl_add_meter(uint32_t port, uint32_t number)
{
	struct dp_acl_meter_key key = { port, number };

	assert_int_equal(bpf_driver_add_acl_meter(fixture_driver(), &key), 0);
}

void acl_expect_meter(uint32_t port, uint32_t number, uint64_t packets, uint64_t bytes)
{
	struct dp_acl_meter_key key = { port, number };
	struct dp_acl_meter m;

	assert_int_equal(bpf_driver_read_acl_meter(fixture_driver(), &key, &m), 0);
	assert_int_equal(m.packets, packets);
	assert_int_equal(m.bytes, bytes);
}

void acl_age(uint32_t port, const struct packet *p, uint64_t ns)
{
	struct dp_acl_flow_key key = { .ifindex = port,
				       .ports = htons(p->local_port) | (uint32_t)htons(p->remote_port) << 16,
				       .protocol = p->protocol };
	struct dp_acl_flow flow;
	union dp_addr a;
	char path[96];
	int fd;

	prefix(p->local, &a);
	memcpy(&key.local, &a, sizeof(a));
	prefix(p->remote, &a);
	memcpy(&key.remote, &a, sizeof(a));
	snprintf(path, sizeof(path), "/proc/self/fd/%d/abi%d/acl_flows", fixture_pins(), DP_ABI);
	fd = bpf_obj_get(path);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &flow), 0);
	flow.seen -= ns;
	assert_int_equal(bpf_map_update_elem(fd, &key, &flow, BPF_EXIST), 0);
	close(fd);
}

/* ---- verdicts ---- */

static uint32_t last_rule;

enum bpf_role acl_role(int direction)
{
	return direction == DP_ACL_OUT ? BPF_ROLE_VPORT : BPF_ROLE_VPORT_EGRESS;
}

uint32_t acl_last_rule(void)
{
	return last_rule;
}

void expect_acl_drop(uint32_t port, int direction, const struct frame *f, enum dp_drop_reason reason)
{
	expect_drop(acl_role(direction), port, f, reason);
	last_rule = run(acl_role(direction), port, f).rule;
}

void expect_acl_pass(uint32_t port, int direction, const struct frame *f)
{
	struct result r = run(acl_role(direction), port, f);

	/* the egress has no verdict of its own: others are asked, too */
	enum dp_verdict passed = direction == DP_ACL_OUT ? DP_VERDICT_PASS : DP_VERDICT_NONE;

	if (r.verdict != passed)
		print_error("wanted to pass, got verdict %u, detail %u (%s) by rule %u\n", r.verdict, r.detail,
			    drop_reason_name(r.detail) ? drop_reason_name(r.detail) : "", r.rule);
	assert_int_equal(r.verdict, passed);
	/* TC_ACT_OK, TC_ACT_UNSPEC */
	assert_int_equal(r.action, direction == DP_ACL_OUT ? 0 : -1);
	assert_frame(&r.out, f);
	last_rule = 0;
}
