/* SPDX-License-Identifier: Apache-2.0 */
/* IP rewrite of IPv6: section 2.7, decision 0007. */
#include <netinet/in.h>

#include "fixture6.h"

/*
 * Of VSID 5010: 11 is fd00::11 of this host, 12 is fd00::12, 13 (BLUE3) fd00::13 of this host; 17 by a path of 1400 bytes is
 * fd00::17; 15 has a record of encapsulation at fd00::15. Of 5011: 22 is fd00::22.
 */
enum { NH_12 = 8, NH_17, NH_15 };

static const struct ip6_packet out = { .dst_mac = 0x12, .src_mac = 0x11, .dst = "2001:db8:10::12", .src = "2001:db8:10::11", .payload = 40 };

static void nexthop(uint32_t index, const char *pa, uint16_t mtu)
{
	struct bpf_nexthop n = { .index = index, .value = { .flags = DP_NEXTHOP_RESOLVED, .ifindex = UPLINK, .neigh_ifindex = BRIDGE,
							    .mtu = mtu, .encap = DP_ENCAP_NVGRE6, .pa = addr(pa) } };

	mac_of(n.value.dst_mac, 0xb2);
	mac_of(n.value.src_mac, 0xb1);
	assert_int_equal(bpf_driver_set_nexthop(fixture_driver(), &n), 0);
}

static void record(uint32_t vsid, uint8_t mac, const char *ca, const char *pa, uint32_t port, uint32_t nh, bool vm_mac)
{
	struct bpf_ca c = { .key = { .segment = vsid, .ca = addr(ca) }, .value = { .pa = addr(pa), .flags = DP_CA_REWRITE } };
	struct bpf_dest d = { .key.segment = vsid, .value = { .kind = port ? DP_DEST_LOCAL : DP_DEST_REMOTE, .target = port ? port : nh,
							      .pa = addr(pa),
							      .flags = DP_DEST_CA6 | DP_DEST_REWRITE | DP_DEST_REWRITE_MORE } };
	struct bpf_rewrite r = { .key = addr(pa), .value = { .segment = vsid, .target = port ? port : nh, .ca = addr(ca),
							      .flags = port ? DP_REWRITE_LOCAL : 0 } };

	c.value.flags |= (port ? DP_CA_LOCAL : 0) | (vm_mac ? DP_CA_REWRITE_VM_MAC : 0);
	mac_of(c.value.mac, mac);
	mac_of(d.key.mac, mac);
	mac_of(r.value.mac, mac);
	assert_int_equal(bpf_driver_set_cas(fixture_driver(), &c, 1), 0);
	assert_int_equal(bpf_driver_set_dests(fixture_driver(), &d, 1), 0);
	assert_int_equal(bpf_driver_set_rewrites(fixture_driver(), &r, 1), 0);
}

static void set_port(uint32_t ifindex, const char *pa)
{
	struct bpf_port_vec all = { 0 };

	assert_int_equal(bpf_driver_observe_ports(fixture_driver(), &all), 0);
	vec_foreach(&all, p) {
		if (p->ifindex != ifindex)
			continue;
		p->value.src_pa6 = addr(pa);
		p->value.flags |= ifindex == UPLINK ? DP_PORT_REWRITE | DP_PORT_OUTER : 0;
		assert_int_equal(bpf_driver_set_port(fixture_driver(), p), 0);
	}
	vec_done(&all);
}

static int up(void **state)
{
	static const char *const here[] = { "fd00::11", "fd00::13" };
	struct bpf_dest encap = { .key.segment = 5010, .value = { .kind = DP_DEST_REMOTE, .target = NH_15, .flags = DP_DEST_CA6,
								  .pa = addr("fd00::15") } };

	assert_int_equal(fixture6_up(state), 0);
	nexthop(NH_12, "fd00::12", 0);
	nexthop(NH_17, "fd00::17", 1400 - 62);
	nexthop(NH_15, "fd00::15", 0);
	record(5010, 0x11, "2001:db8:10::11", "fd00::11", BLUE1, 0, false);
	record(5010, 0x13, "2001:db8:10::13", "fd00::13", BLUE3, 0, true);
	record(5010, 0x12, "2001:db8:10::12", "fd00::12", 0, NH_12, false);
	record(5010, 0x17, "2001:db8:10::17", "fd00::17", 0, NH_17, false);
	record(5011, 0x22, "2001:db8:10::12", "fd00::22", 0, NH_12, false);
	mac_of(encap.key.mac, 0x15);
	assert_int_equal(bpf_driver_set_dests(fixture_driver(), &encap, 1), 0);
	for (int i = 0; i < 2; i++) {
		struct bpf_pa pa = { .key = addr(here[i]), .value.ifindex = BRIDGE };

		assert_int_equal(bpf_driver_set_pa(fixture_driver(), &pa), 0);
		set_port(i ? BLUE3 : BLUE1, here[i]);
	}
	set_port(UPLINK, "::");
	return 0;
}

/* The same packet between the provider addresses; its checksum is right again. */
static struct frame translated(struct ip6_packet p, uint8_t dst_mac, uint8_t src_mac, const char *dst, const char *src)
{
	p.dst_mac = dst_mac;
	p.src_mac = src_mac;
	p.dst = dst;
	p.src = src;
	return frame_ip6(p);
}

static void expect_out(uint32_t port, struct ip6_packet p, const struct frame *want)
{
	struct frame f = frame_ip6(p);
	struct result r = run(BPF_ROLE_VPORT, port, &f);

	assert_int_equal(r.verdict, DP_VERDICT_SEND);
	assert_int_equal(r.detail, UPLINK);
	assert_frame(&r.out, want);
}

static void sent(void **state _unused_)
{
	static const uint8_t protocols[] = { IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMPV6, IPPROTO_NONE, 253 };
	struct ip6_packet p = out;
	struct frame want;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		for (p.payload = 0; p.payload < 1400; p.payload += 77) {
			p.next = protocols[i];
			if (p.next == IPPROTO_ICMPV6 && p.payload < 4)
				continue;
			want = translated(p, 0xb2, 0xb1, "fd00::12", "fd00::11");
			expect_out(BLUE1, p, &want);
		}
	}
	/* UseVmMACAddress */
	p = out;
	p.src_mac = 0x13;
	p.src = "2001:db8:10::13";
	want = translated(p, 0xb2, 0x13, "fd00::12", "fd00::13");
	expect_out(BLUE3, p, &want);
}

/* UDP without a checksum has none afterwards; a wrong one stays wrong; of fragments the first has it, behind other headers. */
static void checksums(void **state _unused_)
{
	struct frame f = frame_ip6(out), want = translated(out, 0xb2, 0xb1, "fd00::12", "fd00::11");
	struct result r;

	frame_set_u16(&f, 60, 0);
	r = run(BPF_ROLE_VPORT, BLUE1, &f);
	assert_int_equal(frame_u16(&r.out, 60), 0);
	f = frame_ip6(out);
	frame_set_u16(&f, 60, (uint16_t)(frame_u16(&f, 60) + 1));
	r = run(BPF_ROLE_VPORT, BLUE1, &f);
	assert_int_not_equal(frame_u16(&r.out, 60), frame_u16(&want, 60));
	for (int later = 0; later < 2; later++) {
		struct frame plain = frame_ip6(out), split = { .n = 0 };

		frame_add(&split, plain.b, 54);
		frame_add(&split, (uint8_t[]){ IPPROTO_UDP, 0, 0, later ? 9 : 1, 0, 0, 0, 1 }, 8);
		frame_add(&split, plain.b + 54, plain.n - 54);
		split.b[20] = IPPROTO_FRAGMENT;
		frame_set_u16(&split, 18, (uint16_t)(split.n - 54));
		r = run(BPF_ROLE_VPORT, BLUE1, &split);
		assert_int_equal(r.verdict, DP_VERDICT_SEND);
		assert_int_equal(frame_u16(&r.out, 68), frame_u16(later ? &plain : &want, 60));
	}
}

static void not_sent(void **state _unused_)
{
	struct ip6_packet p = out;
	struct frame f, want;

	/* a link-local address stands for nothing; nor do addresses of others at this MAC address */
	p.src = "fe80::200:ff:fe00:11";
	f = frame_ip6(p);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_REWRITE_NO_ADDRESS);
	p = out;
	p.dst = "2001:db8:10::17";
	f = frame_ip6(p);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_REWRITE_NO_ADDRESS);
	f = frame_ether(0x12, 0x11, 0x88b5);
	frame_add(&f, "neither IP nor ARP, long enough for whatever there is", 53);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_REWRITE_NOT_IP);
	/* a checksum that is not there */
	p = out;
	p.next = IPPROTO_TCP;
	f = frame_ip6(p);
	f.n = 54 + 10;
	frame_set_u16(&f, 18, 10);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_REWRITE_FAILED);
	/* WG-5: the whole of the underlay's MTU */
	p = out;
	p.dst_mac = 0x17;
	p.dst = "2001:db8:10::17";
	p.payload = 1400 - 48;
	want = translated(p, 0xb2, 0xb1, "fd00::17", "fd00::11");
	expect_out(BLUE1, p, &want);
	p.payload++;
	f = frame_ip6(p);
	struct result r = run(BPF_ROLE_VPORT, BLUE1, &f);

	assert_int_equal(r.verdict, DP_VERDICT_REPLY);
	assert_int_equal(frame_u32(&r.out, 58), 1400);
	/* routed to one that is of rewrite as well */
	p = out;
	p.dst_mac = 0x06;
	f = frame_ip6(p);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_REWRITE_ROUTED);
}

static const struct ip6_packet in = { .dst_mac = 0xb1, .src_mac = 0xb2, .dst = "fd00::11", .src = "fd00::12", .payload = 40 };

static void received(void **state _unused_)
{
	static const uint8_t protocols[] = { IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMPV6, IPPROTO_GRE, 253 };
	struct ip6_packet p = in;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		for (p.payload = 4; p.payload < 1400; p.payload += 77) {
			p.next = protocols[i];
			struct frame f = frame_ip6(p), want = translated(p, 0x11, 0x12, "2001:db8:10::11", "2001:db8:10::12");
			struct result r = run(BPF_ROLE_UPLINK, UPLINK, &f);

			assert_int_equal(r.verdict, DP_VERDICT_DELIVER_PEER);
			assert_int_equal(r.detail, BLUE1);
			assert_frame(&r.out, &want);
		}
	}
}

static void refused(void **state _unused_)
{
	static const struct {
		const char *src, *dst;
		enum dp_drop_reason reason;
	} cases[] = {
		{ "fd00::99", "fd00::11", DP_DROP_REWRITE_SOURCE_UNKNOWN }, { "2001:db8:10::12", "fd00::11", DP_DROP_REWRITE_SOURCE_UNKNOWN },
		{ "fd00::22", "fd00::11", DP_DROP_REWRITE_SOURCE_ELSEWHERE }, { "fd00::13", "fd00::11", DP_DROP_OWN_PA_AS_SOURCE },
	};
	struct ip6_packet p = in;
	struct frame f;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		p.src = cases[i].src;
		p.dst = cases[i].dst;
		f = frame_ip6(p);
		expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, cases[i].reason);
	}
	f = frame_ip6(in);
	frame_set_u16(&f, 18, (uint16_t)(f.n - 54 + 1));
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_REWRITE_MALFORMED);
	/* cut anywhere, with a length in accord: what has no checksum any more is nothing */
	f = frame_ip6(in);
	for (f.n = 54; f.n < 62; f.n++) {
		frame_set_u16(&f, 18, (uint16_t)(f.n - 54));
		expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_REWRITE_MALFORMED);
	}
}

/* The hosts' own: neighbour discovery, from whomever; what is for no machine's provider address. */
static void hosts(void **state _unused_)
{
	struct nd q = { .dst_mac = 0xb1, .src_mac = 0xb2, .type = 135, .dst = "fd00::11", .src = "fd00::12", .target = "fd00::11" };
	struct ip6_packet p = in;
	struct frame f = frame_nd(q);

	expect_pass(BPF_ROLE_UPLINK, UPLINK, &f);
	q.src = "fe80::1";
	f = frame_nd(q);
	expect_pass(BPF_ROLE_UPLINK, UPLINK, &f);
	q.type = 136;
	f = frame_nd(q);
	expect_pass(BPF_ROLE_UPLINK, UPLINK, &f);
	p.dst = "fd00::12";
	f = frame_ip6(p);
	expect_pass(BPF_ROLE_UPLINK, UPLINK, &f);
	p.dst = "ff02::1";
	f = frame_ip6(p);
	expect_pass(BPF_ROLE_UPLINK, UPLINK, &f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sent), cmocka_unit_test(checksums), cmocka_unit_test(not_sent), cmocka_unit_test(received),
		cmocka_unit_test(refused), cmocka_unit_test(hosts),
	};

	return cmocka_run_group_tests_name("packet/rewrite6", tests, up, fixture_down);
}
