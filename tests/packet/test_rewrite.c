/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "harness.h"

/*
 * IP rewrite (2.7) on the real programs. Beside the fixture's records there are, of IP rewrite:
 *   VSID 5030  near 00:..:11 10.20.0.11 = 214.214.51.61 local     far 00:..:12 10.20.0.12 = 214.214.51.62
 *              vm   00:..:13 10.20.0.13 = 214.214.51.63 local, keeps its MAC address
 *              gone 00:..:14 10.20.0.14 = 214.214.51.64 local, has no port now
 *              far  00:..:12 10.20.0.112 = 214.214.51.65, its second address
 *   VSID 5031  red  00:..:22 10.20.0.12 = 214.214.51.72
 * and of encapsulation in VSID 5030: nvgre 00:..:19 10.20.0.19 at 214.214.51.43.
 */
#define NEAR_PA "214.214.51.61"
#define FAR_PA "214.214.51.62"

enum { NH_FAR = 8, NH_FAR2, NH_RED };

static void rewrite_entry(const char *pa, uint32_t vsid, const char *ca, uint8_t mac, bool local, uint32_t target)
{
	struct bpf_rewrite r = { .key = addr(pa), .value = { .segment = vsid, .target = target, .mac[5] = mac, .ca = addr(ca),
							     .flags = local ? DP_REWRITE_LOCAL : 0 } };
	struct bpf_ca c = { .key = { .segment = vsid, .ca = addr(ca) }, .value = { .mac[5] = mac, .pa = addr(pa) } };

	c.value.flags = DP_CA_REWRITE | (local ? DP_CA_LOCAL : 0);
	assert_int_equal(bpf_driver_set_rewrites(fixture_driver(), &r, 1), 0);
	assert_int_equal(bpf_driver_set_cas(fixture_driver(), &c, 1), 0);
}

static void dest_entry(uint32_t vsid, uint8_t mac, const char *ca, const char *pa, uint32_t nexthop, uint8_t flags)
{
	struct bpf_dest d = { .key = { .segment = vsid, .mac[5] = mac }, .value = { .kind = DP_DEST_REMOTE, .target = nexthop,
			      .flags = flags, .ca4 = addr(ca).w[3], .pa = addr(pa) } };

	assert_int_equal(bpf_driver_set_dests(fixture_driver(), &d, 1), 0);
}

static void hop_entry(uint32_t index, const char *pa)
{
	struct bpf_nexthop n = { .index = index, .value = { .flags = DP_NEXTHOP_RESOLVED, .ifindex = UPLINK, .neigh_ifindex = BRIDGE,
							    .pa = addr(pa), .mtu = 958, .dst_mac[5] = 0xb2, .src_mac[5] = 0xb1 } };

	assert_int_equal(bpf_driver_set_nexthop(fixture_driver(), &n), 0);
}

static void port_entry(uint32_t ifindex, uint8_t mac, const char *ca, const char *pa, bool vm_mac)
{
	struct bpf_port p = { .ifindex = ifindex, .value = { .flags = DP_PORT_POLICY | DP_PORT_PEER | DP_PORT_REWRITE, .segment = 5030,
							     .vsid = 5030, .mac[5] = mac, .src_pa4 = addr(pa).w[3] } };

	p.value.addr4[1] = addr(ca).w[3];
	p.value.rewrite4[1] = addr(pa).w[3];
	p.value.rewrite_vm_mac = vm_mac << 1;
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &p), 0);
}

static int up(void **state)
{
	struct bpf_port uplink = { .ifindex = UPLINK, .value.flags = DP_PORT_UPLINK | DP_PORT_REWRITE };
	struct bpf_dest own = { .key = { .segment = 5030, .mac[5] = 0x11 }, .value = { .kind = DP_DEST_LOCAL, .target = BLUE1,
				.flags = DP_DEST_REWRITE | DP_DEST_REWRITE_MORE, .ca4 = addr("10.20.0.11").w[3], .pa = addr(NEAR_PA) } };

	fixture_up(state);
	uplink.value.addr4[0] = addr("214.214.51.42").w[3];
	uplink.value.addr4[1] = addr(NEAR_PA).w[3];
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &uplink), 0);
	hop_entry(NH_FAR, FAR_PA);
	hop_entry(NH_FAR2, "214.214.51.65");
	hop_entry(NH_RED, "214.214.51.72");
	port_entry(BLUE1, 0x11, "10.20.0.11", NEAR_PA, false);
	port_entry(BLUE3, 0x13, "10.20.0.13", "214.214.51.63", true);
	rewrite_entry(NEAR_PA, 5030, "10.20.0.11", 0x11, true, BLUE1);
	rewrite_entry("214.214.51.63", 5030, "10.20.0.13", 0x13, true, BLUE3);
	rewrite_entry("214.214.51.64", 5030, "10.20.0.14", 0x14, true, 0);
	rewrite_entry(FAR_PA, 5030, "10.20.0.12", 0x12, false, NH_FAR);
	rewrite_entry("214.214.51.65", 5030, "10.20.0.112", 0x12, false, NH_FAR2);
	rewrite_entry("214.214.51.72", 5031, "10.20.0.12", 0x22, false, NH_RED);
	dest_entry(5030, 0x12, "10.20.0.12", FAR_PA, NH_FAR, DP_DEST_REWRITE | DP_DEST_REWRITE_MORE);
	dest_entry(5030, 0x19, "10.20.0.19", "214.214.51.43", NH_PEER, 0);
	assert_int_equal(bpf_driver_set_dests(fixture_driver(), &own, 1), 0);
	return 0;
}

static const struct ip4 out = { .dst_mac = 0x12, .src_mac = 0x11, .dst = "10.20.0.12", .src = "10.20.0.11", .payload = 5 };
static const struct ip4 wire = { .dst_mac = 0xb2, .src_mac = 0xb1, .dst = FAR_PA, .src = NEAR_PA, .payload = 5 };

/* The checksum of layer 4 over the pseudo header, as it must be: computed anew. */
static void fix_l4(struct frame *f)
{
	size_t n = f->n - 34, at = 34 + (f->b[23] == IPPROTO_TCP ? 16 : 6);
	uint8_t sum[FRAME_MAX] = { 0 };

	memcpy(sum, f->b + 26, 8);
	sum[9] = f->b[23];
	sum[10] = (uint8_t)(n >> 8);
	sum[11] = (uint8_t)n;
	frame_set_u16(f, at, 0);
	memcpy(sum + 12, f->b + 34, n);
	frame_set_u16(f, at, ip_checksum(sum, 12 + ((n + 1) & ~(size_t)1)));
	if (f->b[23] == IPPROTO_UDP && !frame_u16(f, at))
		frame_set_u16(f, at, 0xffff);
}

static struct frame with_l4(struct ip4 p)
{
	struct frame f = frame_ip4(p);

	fix_l4(&f);
	return f;
}

static void expect_sent(const struct frame *f, const struct frame *want)
{
	struct result r = run(BPF_ROLE_VPORT, BLUE1, f);

	assert_int_equal(r.verdict, DP_VERDICT_SEND);
	assert_int_equal(r.detail, UPLINK);
	assert_frame(&r.out, want);
}

static void expect_received(const struct frame *f, const struct frame *want)
{
	struct result r = run(BPF_ROLE_UPLINK, UPLINK, f);

	assert_int_equal(r.verdict, DP_VERDICT_DELIVER_PEER);
	assert_int_equal(r.detail, BLUE1);
	assert_frame(&r.out, want);
}

static void golden(void **state _unused_)
{
	struct frame f = frame_hex("000000000012 000000000011 0800"
				   "4500 0021 0000 0000 40 11 668e 0a14000b 0a14000c"
				   "03e8 07d0 000d d9d9 0001020304");
	struct frame want = frame_hex("0000000000b2 0000000000b1 0800"
				      "4500 0021 0000 0000 40 11 66a4 d6d6333d d6d6333e"
				      "03e8 07d0 000d d9ef 0001020304");

	expect_sent(&f, &want);
}

/* There and back, over lengths and contents: every checksum is what it would be when computed anew. */
static void checksums(void **state _unused_)
{
	static const uint8_t protocols[] = { IPPROTO_UDP, IPPROTO_TCP };

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		for (size_t payload = 0; payload < 900; payload++) {
			struct ip4 o = out, w = wire;
			struct frame f, want;

			o.proto = w.proto = protocols[i];
			o.payload = w.payload = payload;
			o.sport = w.sport = (uint16_t)(1 + payload * 7919);
			f = with_l4(o);
			want = with_l4(w);
			expect_sent(&f, &want);
			o = (struct ip4){ 0x11, 0x12, "10.20.0.11", "10.20.0.12", protocols[i], .payload = payload, .sport = o.sport };
			w = (struct ip4){ 0xb1, 0xb2, NEAR_PA, FAR_PA, protocols[i], .payload = payload, .sport = o.sport };
			f = with_l4(w);
			want = with_l4(o);
			expect_received(&f, &want);
		}
	}
}

/* UDP without a checksum stays so; one that comes out as 0 is sent as 0xffff. */
static void udp_zero_checksum(void **state _unused_)
{
	struct frame f = frame_ip4(out), want = frame_ip4(wire);
	bool seen = false;

	expect_sent(&f, &want);
	for (uint32_t port = 1; port < 65536; port++) {
		struct ip4 w = wire, o = out;

		w.sport = o.sport = (uint16_t)port;
		want = with_l4(w);
		if (frame_u16(&want, 40) != 0xffff)
			continue;
		f = with_l4(o);
		expect_sent(&f, &want);
		seen = true;
	}
	assert_true(seen);
}

/* A later fragment has no checksum; the first has that of the whole, which changes as the addresses do. */
static void fragments(void **state _unused_)
{
	struct ip4 o = out, w = wire;
	struct frame f, want;

	o.frag = w.frag = 0x2000;
	f = with_l4(o);
	want = with_l4(w);
	expect_sent(&f, &want);
	o.frag = w.frag = 0x0010;
	f = frame_ip4(o);
	want = frame_ip4(w);
	frame_set_u16(&f, 40, 0x1234);
	frame_set_u16(&want, 40, 0x1234);
	expect_sent(&f, &want);
}

/* What has no checksum over the addresses stays as it is; options move the one that does. */
static void other_protocols(void **state _unused_)
{
	static const uint8_t protocols[] = { IPPROTO_ICMP, IPPROTO_SCTP, IPPROTO_GRE, IPPROTO_ESP };

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		struct ip4 o = out, w = wire;

		o.proto = w.proto = protocols[i];
		struct frame f = frame_ip4(o), want = frame_ip4(w);

		expect_sent(&f, &want);
		/* also what looks like NVGRE: between two of these it is a guest's own */
		o = (struct ip4){ 0x11, 0x12, "10.20.0.11", "10.20.0.12", protocols[i], .payload = 5 };
		w = (struct ip4){ 0xb1, 0xb2, NEAR_PA, FAR_PA, protocols[i], .payload = 5 };
		f = frame_ip4(w);
		want = frame_ip4(o);
		expect_received(&f, &want);
	}
}

static void vm_mac_kept(void **state _unused_)
{
	struct ip4 o = out, w = wire;

	o.src_mac = w.src_mac = 0x13;
	o.src = "10.20.0.13";
	w.src = "214.214.51.63";
	struct frame f = with_l4(o), want = with_l4(w);
	struct result r = run(BPF_ROLE_VPORT, BLUE3, &f);

	assert_int_equal(r.verdict, DP_VERDICT_SEND);
	assert_frame(&r.out, &want);
}

/* The second address of a machine becomes another provider address. */
static void second_address(void **state _unused_)
{
	struct ip4 o = out, w = wire;

	o.dst = "10.20.0.112";
	w.dst = "214.214.51.65";
	struct frame f = with_l4(o), want = with_l4(w);

	expect_sent(&f, &want);
	o.dst = "10.20.0.99";
	f = with_l4(o);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_REWRITE_NO_ADDRESS);
}

static void set_near(const char *ca, const char *pa, uint32_t flags)
{
	struct bpf_port p = { .ifindex = BLUE1, .value = { .flags = DP_PORT_POLICY | DP_PORT_PEER | DP_PORT_REWRITE | flags,
							   .segment = 5030, .vsid = 5030, .mac[5] = 0x11, .src_pa4 = addr(NEAR_PA).w[3] } };

	if (ca) {
		p.value.addr4[0] = addr(ca).w[3];
		p.value.rewrite4[0] = addr(pa).w[3];
	}
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &p), 0);
}

/* With more addresses than fit beside the port, and of machines behind it, the table of addresses tells. */
static void source_by_table(void **state _unused_)
{
	static const uint32_t flags[] = { DP_PORT_MORE_CA, DP_PORT_SPOOFING };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct ip4 o = out, w = wire;
		struct frame f = with_l4(o), want = with_l4(w);

		set_near(NULL, NULL, flags[i]);
		/* behind the port: a MAC address that is not the port's */
		if (flags[i] == DP_PORT_SPOOFING) {
			o.src_mac = 0x13;
			o.src = "10.20.0.13";
			w.src = "214.214.51.63";
			f = with_l4(o);
			want = with_l4(w);
		}
		expect_sent(&f, &want);
	}
	port_entry(BLUE1, 0x11, "10.20.0.11", NEAR_PA, false);
}

/* Addresses whose difference is all ones, or carries out of the word. */
static void carries(void **state _unused_)
{
	static const char *const addresses[][2] = {
		{ "11.20.0.11", "10.20.0.12" }, { "10.20.0.11", "11.20.0.12" }, { "10.20.0.11", "10.20.0.12" },
		{ "9.20.0.11", "10.20.0.12" }, { "11.20.0.11", "9.20.0.12" }, { "255.255.255.254", "255.255.255.253" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct ip4 w = wire;

		w.src = addresses[i][0];
		w.dst = addresses[i][1];
		set_near("10.20.0.11", addresses[i][0], 0);
		hop_entry(NH_FAR, addresses[i][1]);
		struct frame f = with_l4(out), want = with_l4(w);

		expect_sent(&f, &want);
	}
	hop_entry(NH_FAR, FAR_PA);
	port_entry(BLUE1, 0x11, "10.20.0.11", NEAR_PA, false);
}

static void only_ip(void **state _unused_)
{
	struct frame f = frame_ether(0x12, 0x11, 0x88b5);

	frame_add(&f, "hello, this is not IP but needs 46 bytes of it", 46);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_REWRITE_NOT_IP);
}

/* The whole MTU of the underlay, here 1000: nothing is added. */
static void size(void **state _unused_)
{
	struct ip4 o = out, w = wire;

	o.payload = w.payload = 1000 - 28;
	struct frame f = with_l4(o), want = with_l4(w);

	expect_sent(&f, &want);
	o.payload++;
	f = with_l4(o);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_TOO_BIG);
}

/* Both rules side by side: to and from a machine whose record is of encapsulation, it is NVGRE. */
static void mixed(void **state _unused_)
{
	struct ip4 o = out;
	struct frame f, inner, want;
	struct result r;

	o.dst_mac = 0x19;
	o.dst = "10.20.0.19";
	f = with_l4(o);
	r = run(BPF_ROLE_VPORT, BLUE1, &f);
	assert_int_equal(r.verdict, DP_VERDICT_SEND);
	assert_int_equal(r.out.n, f.n + 42);
	assert_int_equal(frame_u32(&r.out, OUTER_KEY) >> 8, 5030);
	assert_int_equal(frame_u32(&r.out, 26), ntohl(addr(NEAR_PA).w[3]));
	assert_memory_equal(r.out.b + INNER, f.b, f.n);
	/* and back; the port is found by its MAC address */
	struct bpf_dest here = { .key = { .segment = 5030, .mac[5] = 0x11 }, .value = { .kind = DP_DEST_LOCAL, .target = BLUE1,
				 .flags = DP_DEST_REWRITE, .ca4 = addr("10.20.0.11").w[3], .pa = addr(NEAR_PA) } };
	assert_int_equal(bpf_driver_set_dests(fixture_driver(), &here, 1), 0);
	inner = want = with_l4((struct ip4){ 0x11, 0x19, "10.20.0.11", "10.20.0.19", IPPROTO_UDP, .payload = 40 });
	f = frame_nvgre("214.214.51.43", NEAR_PA, 5030 << 8, &inner);
	expect_received(&f, &want);
	f = frame_nvgre("214.214.51.43", NEAR_PA, 5010 << 8, &inner);
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_INNER_SOURCE_UNKNOWN);
}

static void wrong_sources(void **state _unused_)
{
	static const struct {
		const char *src, *dst;
		enum dp_drop_reason reason;
	} cases[] = {
		{ "214.214.51.99", NEAR_PA, DP_DROP_REWRITE_SOURCE_UNKNOWN },
		/* a provider address, but not of this kind */
		{ "214.214.51.43", NEAR_PA, DP_DROP_REWRITE_SOURCE_UNKNOWN },
		{ "214.214.51.72", NEAR_PA, DP_DROP_REWRITE_SOURCE_ELSEWHERE },
		{ "214.214.51.63", NEAR_PA, DP_DROP_OWN_PA_AS_SOURCE },
		{ FAR_PA, "214.214.51.64", DP_DROP_REWRITE_NO_PORT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame f = with_l4((struct ip4){ 0xb1, 0xb2, cases[i].dst, cases[i].src, IPPROTO_UDP, .payload = 40 });

		expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, cases[i].reason);
	}
	/* a source of the guest that no record has */
	struct ip4 o = out;

	o.src = "10.20.0.99";
	struct frame f = with_l4(o);

	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
}

static void not_ours(void **state _unused_)
{
	/* an address of IP rewrite that is another host's; the host's own; nobody's */
	static const char *const addresses[] = { FAR_PA, "214.214.51.42", "214.214.51.99" };

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct frame f = with_l4((struct ip4){ 0xb1, 0xb2, addresses[i], "214.214.51.72", IPPROTO_UDP, .payload = 40 });

		expect_pass(BPF_ROLE_UPLINK, UPLINK, &f);
	}
	/* ARP for it is the kernel's to answer */
	struct frame f = frame_arp(0xff, 0xb2, 1, 0xb2, FAR_PA, NEAR_PA);

	expect_pass(BPF_ROLE_UPLINK, UPLINK, &f);
}

/* Cut at every byte behind the IPv4 header, once as the wire would cut it, once with the length in accord. */
static void truncated(void **state _unused_)
{
	struct frame whole = with_l4((struct ip4){ 0xb1, 0xb2, NEAR_PA, FAR_PA, IPPROTO_TCP, .payload = 4 }), f;

	for (size_t n = 34; n < whole.n; n++) {
		f = whole;
		f.n = n;
		expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_REWRITE_MALFORMED);
		frame_fix_outer(&f);
		if (n < 34 + 18)
			expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_REWRITE_MALFORMED);
		else
			assert_int_equal(run(BPF_ROLE_UPLINK, UPLINK, &f).verdict, DP_VERDICT_DELIVER_PEER);
	}
	f = whole;
	f.b[14] = 0x44;
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_REWRITE_MALFORMED);
}

static void table(void **state _unused_)
{
	struct bpf_rewrite_vec all = { 0 };
	union dp_addr gone = addr("214.214.51.64");

	assert_int_equal(bpf_driver_observe_rewrites(fixture_driver(), &all), 0);
	assert_int_equal(all.n, 6);
	assert_int_equal(bpf_driver_delete_rewrites(fixture_driver(), &gone, 1), 0);
	vec_done(&all);
	assert_int_equal(bpf_driver_observe_rewrites(fixture_driver(), &all), 0);
	assert_int_equal(all.n, 5);
	vec_foreach(&all, r)
		assert_memory_not_equal(&r->key, &gone, sizeof(gone));
	vec_done(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden), cmocka_unit_test(checksums), cmocka_unit_test(udp_zero_checksum),
		cmocka_unit_test(fragments), cmocka_unit_test(other_protocols), cmocka_unit_test(vm_mac_kept),
		cmocka_unit_test(second_address), cmocka_unit_test(only_ip),
		cmocka_unit_test(source_by_table), cmocka_unit_test(carries), cmocka_unit_test(size), cmocka_unit_test(mixed),
		cmocka_unit_test(wrong_sources), cmocka_unit_test(not_ours), cmocka_unit_test(truncated), cmocka_unit_test(table),
	};

	return cmocka_run_group_tests(tests, up, fixture_down);
}
