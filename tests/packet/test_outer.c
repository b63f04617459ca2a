/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "harness.h"

/*
 * All four encapsulations: {NVGRE, VXLAN} x {IPv4, IPv6} (RFC 7637, RFC 7348, WG-1..WG-5, WG-8, WG-10). One virtual subnet,
 * 5040 = 0x0013b0: near 00:..:11 10.0.0.11 here, and on one peer for each encapsulation e a machine 00:..:(20+e).
 */
#define HERE4 "214.214.51.42"
#define PEER4 "214.214.51.43"
#define HERE6 "fd00::42"
#define PEER6 "fd00::43"
#define VSID 5040
#define EACH(e) (unsigned e = DP_ENCAP_NVGRE4; e <= DP_ENCAP_VXLAN6; e++)

enum { NEAR = 91, WIDE = 92, NARROW = 93, ONLY4 = 94, ONLY6 = 95 };
enum { FIRST_HOP = 8 };

static const char *pa_of(unsigned encap)
{
	return encap & DP_ENCAP_IP6 ? PEER6 : PEER4;
}

static void set_hop(unsigned encap, uint32_t flags, uint16_t mtu)
{
	struct bpf_nexthop n = { .index = FIRST_HOP + encap,
				 .value = { .flags = DP_NEXTHOP_PRESENT | flags, .ifindex = UPLINK, .neigh_ifindex = BRIDGE, .mtu = mtu,
					    .encap = (uint8_t)encap, .pa = addr(pa_of(encap)), .dst_mac[5] = 0xb2, .src_mac[5] = 0xb1 } };

	assert_int_equal(bpf_driver_set_nexthop(fixture_driver(), &n), 0);
}

static void set_port(uint32_t ifindex, uint8_t mac, const char *src4, const char *src6)
{
	struct bpf_port p = { .ifindex = ifindex, .value = { .flags = DP_PORT_POLICY | DP_PORT_PEER | DP_PORT_ANY_CA, .segment = VSID,
							     .vsid = VSID, .mac[5] = mac } };

	if (src4)
		p.value.src_pa4 = addr(src4).w[3];
	if (src6)
		p.value.src_pa6 = addr(src6);
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &p), 0);
}

static void set_uplink(uint32_t ifindex, uint32_t flags, uint16_t vxlan_port)
{
	struct bpf_port p = { .ifindex = ifindex, .value = { .flags = DP_PORT_UPLINK | flags, .vxlan_port = htons(vxlan_port) } };

	p.value.addr4[0] = addr(HERE4).w[3];
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &p), 0);
}

static int up(void **state)
{
	struct bpf_dest near = { .key = { .segment = VSID, .mac[5] = 0x11 },
				 .value = { .kind = DP_DEST_LOCAL, .target = NEAR, .pa = addr(HERE4), .ca4 = htonl(0x0a00000b) } };
	struct bpf_pa pa = { .key = addr(HERE6), .value.ifindex = BRIDGE };

	if (fixture_up(state) != 0)
		return -1;
	for (unsigned i = NEAR; i <= ONLY6; i++) {
		char command[128];

		/* a pair: the XDP program needs a queue of a driver that has it */
		snprintf(command, sizeof(command), "ip link add d%u index %u up type veth peer name e%u", i, i, i);
		assert_int_equal(system(command), 0);
	}
	set_port(NEAR, 0x11, HERE4, HERE6);
	set_port(ONLY4, 0x14, HERE4, NULL);
	set_port(ONLY6, 0x16, NULL, HERE6);
	set_uplink(WIDE, DP_PORT_OUTER, DP_VXLAN_PORT);
	set_uplink(NARROW, 0, 0);
	assert_int_equal(bpf_driver_set_pa(fixture_driver(), &pa), 0);
	assert_int_equal(bpf_driver_set_dests(fixture_driver(), &near, 1), 0);
	for EACH(e) {
		struct bpf_dest far = { .key = { .segment = VSID, .mac[5] = (uint8_t)(0x20 + e) },
					.value = { .kind = DP_DEST_REMOTE, .target = FIRST_HOP + e, .pa = addr(pa_of(e)),
						   .ca4 = htonl(0x0a000020 + e) } };

		set_hop(e, DP_NEXTHOP_RESOLVED, 0);
		assert_int_equal(bpf_driver_set_dests(fixture_driver(), &far, 1), 0);
	}
	return bpf_driver_attach(fixture_driver(), WIDE, BPF_ROLE_UPLINK_XDP);
}

static struct ip4 to_far(unsigned encap)
{
	static char text[4][16];

	snprintf(text[encap], sizeof(text[encap]), "10.0.0.%u", 32 + encap);
	return (struct ip4){ .dst_mac = (uint8_t)(0x20 + encap), .src_mac = 0x11, .dst = text[encap], .src = "10.0.0.11", .payload = 4 };
}

static struct ip4 from_far(unsigned encap)
{
	struct ip4 p = to_far(encap);

	return (struct ip4){ .dst_mac = 0x11, .src_mac = p.dst_mac, .dst = p.src, .src = p.dst, .payload = 40 };
}

static void add16(struct frame *f, unsigned v)
{
	frame_add(f, (uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

static void add32(struct frame *f, uint32_t v)
{
	add16(f, v >> 16);
	add16(f, v & 0xffff);
}

/* Where what follows the outer IP header is. */
static size_t l4_of(unsigned encap)
{
	return encap & DP_ENCAP_IP6 ? 54 : 34;
}

/* The inner frame in outer headers, as a peer sends it. */
static struct frame wrap(unsigned encap, const char *src, const char *dst, uint32_t vsid, const struct frame *inner)
{
	struct frame f = frame_ether(0xb1, 0xb2, encap & DP_ENCAP_IP6 ? 0x86dd : 0x0800);
	size_t l4 = (encap & DP_ENCAP_VXLAN ? 16 : 8) + inner->n;
	union dp_addr s = addr(src), d = addr(dst);
	uint8_t protocol = encap & DP_ENCAP_VXLAN ? IPPROTO_UDP : IPPROTO_GRE;

	if (encap & DP_ENCAP_IP6) {
		add32(&f, 0x60012345);
		add16(&f, (unsigned)l4);
		add16(&f, (unsigned)protocol << 8 | 64);
		frame_add(&f, &s, 16);
		frame_add(&f, &d, 16);
	} else {
		add32(&f, 0x45000000 | (uint32_t)(20 + l4));
		add32(&f, 0x00004000);
		add32(&f, 0x40000000 | (uint32_t)protocol << 16);
		frame_add(&f, &s.w[3], 4);
		frame_add(&f, &d.w[3], 4);
		frame_fix_outer(&f);
	}
	if (encap & DP_ENCAP_VXLAN) {
		add32(&f, 0xc0004000 | 0x12b5);
		add32(&f, (uint32_t)l4 << 16);
		add32(&f, 0x08000000);
		add32(&f, vsid << 8);
	} else {
		add32(&f, 0x20006558);
		add32(&f, vsid << 8 | 0x6f);
	}
	if (encap & DP_ENCAP_VXLAN)
		frame_set_u16(&f, l4_of(encap) + 2, DP_VXLAN_PORT);
	frame_add(&f, inner->b, inner->n);
	if (!(encap & DP_ENCAP_IP6))
		frame_fix_outer(&f);
	return f;
}

static struct frame valid(unsigned encap)
{
	struct frame inner = frame_ip4(from_far(encap));

	return wrap(encap, pa_of(encap), encap & DP_ENCAP_IP6 ? HERE6 : HERE4, VSID, &inner);
}

/* ---- to the wire ---- */

static struct result send_by(unsigned encap, const struct frame *f)
{
	struct result r = run(BPF_ROLE_VPORT, NEAR, f);

	assert_int_equal(r.verdict, DP_VERDICT_SEND);
	assert_int_equal(r.detail, UPLINK);
	assert_int_equal(r.out.n, f->n + DP_ENCAP_OVERHEAD(encap));
	assert_memory_equal(r.out.b + DP_ENCAP_OVERHEAD(encap), f->b, f->n);
	return r;
}

/* Byte for byte; what the hash of the flow makes is taken from the packet and tested on its own. */
static void golden(void **state _unused_)
{
	static const char *const outer[] = {
		"0000000000b2 0000000000b1 0800 4500 004a 0000 4000 402f 2683 d6d6332a d6d6332b 2000 6558 0013b000",
		"0000000000b2 0000000000b1 0800 4500 0052 0000 4000 4011 2699 d6d6332a d6d6332b"
		"0000 12b5 003e 0000 08000000 0013b000",
		"0000000000b2 0000000000b1 86dd 60000000 0036 2f40 fd000000000000000000000000000042"
		"fd000000000000000000000000000043 2000 6558 0013b000",
		"0000000000b2 0000000000b1 86dd 60000000 003e 1140 fd000000000000000000000000000042"
		"fd000000000000000000000000000043 0000 12b5 003e 0000 08000000 0013b000",
	};

	for EACH(e) {
		struct frame f = frame_ip4(to_far(e)), want = frame_hex(outer[e]);
		struct result r = send_by(e, &f);

		if (e & DP_ENCAP_VXLAN)
			memcpy(want.b + l4_of(e), r.out.b + l4_of(e), 2);
		else
			want.b[l4_of(e) + 7] = r.out.b[l4_of(e) + 7];
		if (e & DP_ENCAP_IP6)
			memcpy(want.b + 16, r.out.b + 16, 2), want.b[15] = r.out.b[15];
		frame_add(&want, f.b, f.n);
		assert_frame(&r.out, &want);
		if (!(e & DP_ENCAP_IP6))
			assert_int_equal(ip_checksum(r.out.b + 14, 20), 0);
	}
}

static uint32_t hash_of(unsigned encap, struct ip4 p)
{
	struct frame f = frame_ip4(p);
	struct result r = send_by(encap, &f);
	uint32_t label = encap & DP_ENCAP_IP6 ? frame_u32(&r.out, 14) : 0x60000000;

	/* version 6, no traffic class */
	assert_int_equal(label >> 20, 0x600);
	return label + (encap & DP_ENCAP_VXLAN ? frame_u16(&r.out, l4_of(encap)) : r.out.b[l4_of(encap) + 7]);
}

/* WG-2, RFC 7348 section 5, RFC 6438: equal within a flow, different between flows, the source port a dynamic one. */
static void entropy(void **state _unused_)
{
	for EACH(e) {
		bool seen[1 << 16] = { false };
		unsigned distinct = 0;
		struct ip4 p = to_far(e);

		for (uint16_t port = 40000; port < 40500; port++) {
			uint32_t hash;

			p.sport = port;
			p.payload = 4;
			hash = hash_of(e, p);
			p.payload = 700;
			assert_int_equal(hash_of(e, p), hash);
			if (e & DP_ENCAP_VXLAN) {
				struct frame f = frame_ip4(p);
				struct result r = send_by(e, &f);

				assert_true(frame_u16(&r.out, l4_of(e)) >= 49152);
			}
			distinct += !seen[hash & 0xffff];
			seen[hash & 0xffff] = true;
		}
		assert_true(distinct > (e == DP_ENCAP_NVGRE4 ? 200 : 450));
		set_hop(e, DP_NEXTHOP_RESOLVED | DP_NEXTHOP_NO_FLOWID, 0);
		for (uint16_t port = 1; port < 10; port++) {
			p.sport = port;
			assert_int_equal(hash_of(e, p), 0x60000000 + (e & DP_ENCAP_VXLAN ? 49152 : 0));
		}
		set_hop(e, DP_NEXTHOP_RESOLVED, 0);
	}
}

static void unresolved_by_kernel(void **state _unused_)
{
	for EACH(e) {
		struct frame f = frame_ip4(to_far(e));
		struct result r;

		set_hop(e, 0, 0);
		r = run(BPF_ROLE_VPORT, NEAR, &f);
		assert_int_equal(r.verdict, DP_VERDICT_SEND_NEIGH);
		assert_int_equal(r.detail, BRIDGE);
		assert_memory_equal(r.out.b + DP_ENCAP_OVERHEAD(e), f.b, f.n);
		set_hop(e, DP_NEXTHOP_RESOLVED, 0);
	}
}

static void other_ethertype(void **state _unused_)
{
	for EACH(e) {
		struct frame f = frame_ether((uint8_t)(0x20 + e), 0x11, 0x88b5);

		frame_add(&f, "hello, this is not IP but needs 46 bytes of it", 46);
		send_by(e, &f);
	}
}

/* WG-8: of the destination's family, and no other. */
static void families(void **state _unused_)
{
	for EACH(e) {
		struct ip4 p = to_far(e);
		struct frame f;

		p.src_mac = e & DP_ENCAP_IP6 ? 0x16 : 0x14;
		f = frame_ip4(p);
		assert_int_equal(run(BPF_ROLE_VPORT, e & DP_ENCAP_IP6 ? ONLY6 : ONLY4, &f).verdict, DP_VERDICT_SEND);
		p.src_mac = e & DP_ENCAP_IP6 ? 0x14 : 0x16;
		f = frame_ip4(p);
		expect_drop(BPF_ROLE_VPORT, e & DP_ENCAP_IP6 ? ONLY4 : ONLY6, &f, DP_DROP_PA_FAMILY);
	}
	set_port(ONLY4, 0x14, NULL, NULL);
	for EACH(e) {
		struct ip4 p = to_far(e);
		struct frame f;

		p.src_mac = 0x14;
		f = frame_ip4(p);
		expect_drop(BPF_ROLE_VPORT, ONLY4, &f, DP_DROP_NO_SOURCE_PA);
	}
	set_port(ONLY4, 0x14, HERE4, NULL);
}

/* WG-5: the outer packet has a length that the field can say, and fits to the byte. */
static void too_big(void **state _unused_)
{
	for EACH(e) {
		uint16_t mtu = (uint16_t)(1500 - DP_ENCAP_OVERHEAD(e));
		struct ip4 p = to_far(e);
		struct frame f;

		set_hop(e, DP_NEXTHOP_RESOLVED, mtu);
		p.payload = mtu - 28u;
		f = frame_ip4(p);
		assert_int_equal(send_by(e, &f).out.n, 1514);
		p.payload++;
		f = frame_ip4(p);
		expect_drop(BPF_ROLE_VPORT, NEAR, &f, DP_DROP_TOO_BIG);
		/* who asks is told what fits, by ICMP */
		p.frag = 0x4000;
		f = frame_ip4(p);
		struct result r = run(BPF_ROLE_VPORT, NEAR, &f);

		assert_int_equal(r.verdict, DP_VERDICT_REPLY);
		assert_int_equal(frame_u16(&r.out, 14 + 20), 0x0304);
		assert_int_equal(frame_u16(&r.out, 14 + 20 + 6), mtu);
		set_hop(e, DP_NEXTHOP_RESOLVED, 0);
	}
}

/* ---- from the wire ---- */

static void expect_inner(const struct frame *f, const struct frame *inner)
{
	struct result r = run(BPF_ROLE_UPLINK, WIDE, f);

	if (r.verdict == DP_VERDICT_DROP)
		print_error("dropped: %s\n", drop_reason_name(r.detail));
	assert_int_equal(r.verdict, DP_VERDICT_DELIVER_PEER);
	assert_int_equal(r.detail, NEAR);
	assert_frame(&r.out, inner);
}

static void wire_drop(const struct frame *f, enum dp_drop_reason reason)
{
	expect_drop(BPF_ROLE_UPLINK, WIDE, f, reason);
}

static void wire_pass(const struct frame *f)
{
	expect_pass(BPF_ROLE_UPLINK, WIDE, f);
}

/* Whatever the way it came: the record of the destination chooses it, and the receiver takes what is well-formed. */
static void received(void **state _unused_)
{
	for EACH(e) {
		for EACH(other) {
			struct frame inner = frame_ip4(from_far(other));
			struct frame f = wrap(e, pa_of(e), e & DP_ENCAP_IP6 ? HERE6 : HERE4, VSID, &inner);

			if ((e ^ other) & DP_ENCAP_IP6)
				wire_drop(&f, DP_DROP_WRONG_SOURCE_PA);
			else
				expect_inner(&f, &inner);
		}
	}
}

static void other_ethertype_received(void **state _unused_)
{
	static const char *const text[] = { "short", "anything at all, but long enough to be more than forty bytes of it" };

	for EACH(e) {
		for (size_t i = 0; i < 2; i++) {
			struct frame inner = frame_ether(0x11, (uint8_t)(0x20 + e), 0x88b5), f;

			frame_add(&inner, text[i], strlen(text[i]));
			f = wrap(e, pa_of(e), e & DP_ENCAP_IP6 ? HERE6 : HERE4, VSID, &inner);
			struct result r = run(BPF_ROLE_UPLINK, WIDE, &f);

			assert_int_equal(r.verdict, DP_VERDICT_DELIVER);
			assert_memory_equal(r.out.b, inner.b, inner.n);
			assert_int_equal(r.out.n, inner.n < 60 ? 60 : inner.n);
			for (size_t k = inner.n; k < r.out.n; k++)
				assert_int_equal(r.out.b[k], 0);
		}
	}
}

/* The least of a packet: 20 bytes of IPv4. */
static void shortest(void **state _unused_)
{
	for EACH(e) {
		struct frame inner = frame_ip4(from_far(e)), f;

		inner.n = 14 + 20;
		frame_set_u16(&inner, 16, 20);
		f = wrap(e, pa_of(e), e & DP_ENCAP_IP6 ? HERE6 : HERE4, VSID, &inner);
		struct result r = run(BPF_ROLE_UPLINK, WIDE, &f);

		assert_int_equal(r.verdict, DP_VERDICT_DELIVER_PEER);
		assert_frame(&r.out, &inner);
	}
}

/* Writes the outer lengths anew for a frame that was cut. */
static void fix_lengths(unsigned encap, struct frame *f)
{
	size_t l4 = l4_of(encap);

	if (encap & DP_ENCAP_IP6)
		frame_set_u16(f, 18, (uint16_t)(f->n - 54));
	else
		frame_fix_outer(f);
	if ((encap & DP_ENCAP_VXLAN) && f->n >= l4 + 6)
		frame_set_u16(f, l4 + 4, (uint16_t)(f->n - l4));
}

/* Cut at every byte, once as the wire would cut it, once with the outer lengths in accord. */
static void truncated(void **state _unused_)
{
	for EACH(e) {
		struct frame whole = valid(e), f;
		size_t l4 = l4_of(e), told = l4 + (e == DP_ENCAP_NVGRE4 ? 0 : 4);

		/* the kernel has no test run for less than an IP header */
		for (size_t n = l4; n < whole.n; n++) {
			f = whole;
			f.n = n;
			if ((e & DP_ENCAP_VXLAN) && n < told)
				wire_pass(&f); /* no port: UDP like any other */
			else
				wire_drop(&f, DP_DROP_OUTER_TRUNCATED);
			fix_lengths(e, &f);
			if (!(e & DP_ENCAP_VXLAN) || n >= told)
				wire_drop(&f, n < (size_t)DP_ENCAP_OVERHEAD(e) ? DP_DROP_OUTER_TRUNCATED : DP_DROP_INNER_TRUNCATED);
		}
	}
}

/* Every value of the length fields that is too small, or says more than there is. */
static void lengths(void **state _unused_)
{
	for EACH(e) {
		size_t at = e & DP_ENCAP_IP6 ? 18 : 16, least = DP_ENCAP_OVERHEAD(e) - (e & DP_ENCAP_IP6 ? 54u : 14u);
		struct frame f = valid(e);
		uint16_t right = frame_u16(&f, at);

		for (uint16_t length = 0; length < least; length++) {
			frame_set_u16(&f, at, length);
			wire_drop(&f, DP_DROP_OUTER_TRUNCATED);
		}
		/* an inner frame of no bytes, by what the outer headers say, is no frame, whatever comes behind */
		frame_set_u16(&f, at, (uint16_t)least);
		if (e & DP_ENCAP_VXLAN)
			frame_set_u16(&f, l4_of(e) + 4, 16);
		wire_drop(&f, DP_DROP_INNER_TRUNCATED);
		f = valid(e);
		for (unsigned length = right + 1u; length <= 0xffff; length += 509) {
			frame_set_u16(&f, at, (uint16_t)length);
			wire_drop(&f, DP_DROP_OUTER_TRUNCATED);
		}
		if (!(e & DP_ENCAP_VXLAN))
			continue;
		f = valid(e);
		at = l4_of(e) + 4;
		right = frame_u16(&f, at);
		for (uint16_t length = 0; length < 16; length++) {
			frame_set_u16(&f, at, length);
			wire_drop(&f, DP_DROP_OUTER_TRUNCATED);
		}
		frame_set_u16(&f, at, right + 1);
		wire_drop(&f, DP_DROP_OUTER_TRUNCATED);
		frame_set_u16(&f, at, right - 1);
		wire_drop(&f, DP_DROP_INNER_TRUNCATED);
	}
}

static void padding(void **state _unused_)
{
	for EACH(e) {
		struct frame inner = frame_ip4(from_far(e)), f = valid(e);

		frame_add(&f, "padding", 7);
		expect_inner(&f, &inner);
	}
}

/* RFC 7348 section 5: without the I flag there is no virtual subnet; what is reserved is ignored on receipt. */
static void vxlan_header(void **state _unused_)
{
	for EACH(e) {
		struct frame inner = frame_ip4(from_far(e)), f = valid(e);
		size_t at = l4_of(e) + 8;

		if (!(e & DP_ENCAP_VXLAN))
			continue;
		for (unsigned flags = 0; flags < 256; flags++) {
			f.b[at] = (uint8_t)flags;
			if (flags & 8)
				expect_inner(&f, &inner);
			else
				wire_drop(&f, DP_DROP_VXLAN_NO_VNI);
		}
		f = valid(e);
		memset(f.b + at + 1, 0xff, 3);
		f.b[at + 7] = 0xff;
		expect_inner(&f, &inner);
		/* a checksum, right or wrong, is what the inner packet has its own for */
		frame_set_u16(&f, l4_of(e) + 6, 0x1234);
		expect_inner(&f, &inner);
	}
}

static void gre_header(void **state _unused_)
{
	static const struct {
		uint16_t flags;
		enum dp_drop_reason reason;
	} cases[] = {
		{ 0xa000, DP_DROP_GRE_FLAGS }, { 0x3000, DP_DROP_GRE_FLAGS }, { 0x0000, DP_DROP_GRE_NO_KEY }, { 0x2001, DP_DROP_GRE_VERSION },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame f = valid(DP_ENCAP_NVGRE6);

		frame_set_u16(&f, 54, cases[i].flags);
		wire_drop(&f, cases[i].reason);
	}
}

/* WG-3, of a VNI as of a key. */
static void reserved_vsid(void **state _unused_)
{
	static const uint32_t reserved[] = { 0, 1, 0xffe, 0xfff, 0xffffff };

	for EACH(e) {
		struct frame inner = frame_ip4(from_far(e)), f;
		const char *here = e & DP_ENCAP_IP6 ? HERE6 : HERE4;

		for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
			f = wrap(e, pa_of(e), here, reserved[i], &inner);
			wire_drop(&f, DP_DROP_VSID_RESERVED);
		}
		f = wrap(e, pa_of(e), here, 0x1000, &inner);
		wire_drop(&f, DP_DROP_INNER_SOURCE_UNKNOWN);
		f = wrap(e, pa_of(e), here, 0xfffffe, &inner);
		wire_drop(&f, DP_DROP_INNER_SOURCE_UNKNOWN);
	}
}

/* WG-5. Of UDP only the first fragment says by its port that it is VXLAN. */
static void fragment4(void **state _unused_)
{
	static const uint16_t frags[] = { 0x2000, 0x6000, 0x0001, 0x1fff, 0x2001 };

	for (size_t i = 0; i < ARRAY_SIZE(frags); i++) {
		struct frame f = valid(DP_ENCAP_VXLAN4);

		frame_set_u16(&f, OUTER_IP + 6, frags[i]);
		frame_fix_outer(&f);
		if (frags[i] & 0x1fff)
			wire_pass(&f);
		else
			wire_drop(&f, DP_DROP_OUTER_FRAGMENT);
	}
}

static void fragment6(void **state _unused_)
{
	for EACH(e) {
		struct frame whole = valid(e), f = { .n = 0 };
		uint8_t header[8] = { whole.b[20], 0, 0, 1, 0, 0, 0, 7 };

		if (!(e & DP_ENCAP_IP6))
			continue;
		frame_add(&f, whole.b, 54);
		frame_add(&f, header, sizeof(header));
		frame_add(&f, whole.b + 54, whole.n - 54);
		f.b[20] = IPPROTO_FRAGMENT;
		frame_set_u16(&f, 18, (uint16_t)(f.n - 54));
		wire_drop(&f, DP_DROP_OUTER_FRAGMENT);
		frame_set_u16(&f, 54 + 2, 0x0101);
		if (e & DP_ENCAP_VXLAN)
			wire_pass(&f);
		else
			wire_drop(&f, DP_DROP_OUTER_FRAGMENT);
		f.n = 54 + 7;
		wire_drop(&f, DP_DROP_OUTER_TRUNCATED);
	}
}

static void options(void **state _unused_)
{
	struct frame whole = valid(DP_ENCAP_VXLAN4), f = { .n = 0 };

	frame_add(&f, whole.b, 34);
	frame_add(&f, "\x01\x01\x01\x00", 4);
	frame_add(&f, whole.b + 34, whole.n - 34);
	f.b[OUTER_IP] = 0x46;
	frame_fix_outer(&f);
	wire_drop(&f, DP_DROP_OUTER_OPTIONS);
	for (uint8_t ihl = 0; ihl < 5; ihl++) {
		f.b[OUTER_IP] = 0x40 | ihl;
		wire_pass(&f);
	}
}

static void outer_source(void **state _unused_)
{
	for EACH(e) {
		struct frame inner = frame_ip4(from_far(e)), f;
		const char *here = e & DP_ENCAP_IP6 ? HERE6 : HERE4;

		f = wrap(e, e & DP_ENCAP_IP6 ? "fd00::77" : "214.214.51.77", here, VSID, &inner);
		wire_drop(&f, DP_DROP_WRONG_SOURCE_PA);
		f = wrap(e, here, here, VSID, &inner);
		wire_drop(&f, DP_DROP_OWN_PA_AS_SOURCE);
		inner.b[11] = 0x77;
		f = wrap(e, pa_of(e), here, VSID, &inner);
		wire_drop(&f, DP_DROP_INNER_SOURCE_UNKNOWN);
	}
}

/* An IPv6 packet whose addresses are IPv4 ones in disguise is no packet of that IPv4 provider address. */
static void mapped(void **state _unused_)
{
	struct frame inner = frame_ip4(from_far(DP_ENCAP_NVGRE4));

	for (unsigned e = DP_ENCAP_NVGRE6; e <= DP_ENCAP_VXLAN6; e++) {
		struct frame f = wrap(e, PEER6, HERE6, VSID, &inner);
		union dp_addr source = addr(PEER4), to = addr(HERE4);

		memcpy(f.b + 22, &source, 16);
		wire_pass(&f);
		f = wrap(e, PEER6, HERE6, VSID, &inner);
		memcpy(f.b + 38, &to, 16);
		wire_pass(&f);
	}
}

static void not_ours(void **state _unused_)
{
	for EACH(e) {
		struct frame inner = frame_ip4(from_far(e)), f;

		f = wrap(e, pa_of(e), e & DP_ENCAP_IP6 ? "fd00::99" : "214.214.51.99", VSID, &inner);
		wire_pass(&f);
		f = valid(e);
		f.b[e & DP_ENCAP_IP6 ? 20 : 23] = IPPROTO_TCP;
		wire_pass(&f);
		f = valid(e);
		frame_set_u16(&f, l4_of(e) + 2, 0x0800); /* another port, another protocol in GRE */
		wire_pass(&f);
		f = valid(e);
		if (e != DP_ENCAP_NVGRE4)
			expect_pass(BPF_ROLE_UPLINK, NARROW, &f); /* where nothing but NVGRE over IPv4 is spoken */
	}
	/* only IPv6 besides, no record of VXLAN: port 0 is no port either */
	set_uplink(NARROW, DP_PORT_OUTER, 0);
	for EACH(e) {
		struct frame f = valid(e);

		if (!(e & DP_ENCAP_VXLAN))
			continue;
		expect_pass(BPF_ROLE_UPLINK, NARROW, &f);
		frame_set_u16(&f, l4_of(e) + 2, 0);
		expect_pass(BPF_ROLE_UPLINK, NARROW, &f);
	}
	set_uplink(NARROW, 0, 0);
}

/*
 * Decision 0007: what comes for a provider address of IP rewrite is the machine's behind it, but for outer headers from a host
 * whose own address is none of that kind.
 */
static void to_rewritten_address(void **state _unused_)
{
	struct bpf_rewrite here = { .key = addr(HERE4), .value = { .segment = VSID, .target = NEAR, .mac[5] = 0x11,
								   .flags = DP_REWRITE_LOCAL, .ca = addr("10.0.0.11") } };
	struct frame inner = frame_ip4(from_far(DP_ENCAP_VXLAN4)), f;

	assert_int_equal(bpf_driver_set_rewrites(fixture_driver(), &here, 1), 0);
	set_uplink(WIDE, DP_PORT_OUTER | DP_PORT_REWRITE, DP_VXLAN_PORT);
	f = valid(DP_ENCAP_VXLAN4);
	expect_inner(&f, &inner);
	inner = frame_ip4(from_far(DP_ENCAP_NVGRE4));
	f = valid(DP_ENCAP_NVGRE4);
	expect_inner(&f, &inner);
	f = valid(DP_ENCAP_VXLAN4);
	frame_set_u16(&f, l4_of(DP_ENCAP_VXLAN4) + 2, 4790);
	wire_drop(&f, DP_DROP_REWRITE_SOURCE_UNKNOWN);
	/* without a record of VXLAN it is UDP like any other */
	set_uplink(WIDE, DP_PORT_REWRITE, 0);
	f = valid(DP_ENCAP_VXLAN4);
	wire_drop(&f, DP_DROP_REWRITE_SOURCE_UNKNOWN);
	set_uplink(WIDE, DP_PORT_OUTER, DP_VXLAN_PORT);
	assert_int_equal(bpf_driver_delete_rewrites(fixture_driver(), &here.key, 1), 0);
}

/* At XDP only VXLAN over IPv4 besides NVGRE over IPv4, and that without a checksum, of which a NIC may know something. */
static void at_xdp(void **state _unused_)
{
	set_uplink(WIDE, DP_PORT_OUTER | DP_PORT_XDP, DP_VXLAN_PORT);
	for EACH(e) {
		struct frame inner = frame_ip4(from_far(e)), f = valid(e), cut = f;
		struct xdp_result r = run_xdp(WIDE, &f);

		if (e & DP_ENCAP_IP6) {
			assert_frame(&r.out, &f);
			continue;
		}
		assert_int_equal(r.meta[1], VSID);
		assert_int_equal(r.meta[2], NEAR);
		inner.b[6] |= 1;
		assert_frame(&r.out, &inner);
		for (cut.n = 14; cut.n < f.n; cut.n++) {
			r = run_xdp(WIDE, &cut);
			assert_int_equal(r.meta[0], 0);
			assert_frame(&r.out, &cut);
		}
		frame_set_u16(&f, l4_of(e) + 6, 0x1234); /* of NVGRE: a VSID without records */
		r = run_xdp(WIDE, &f);
		assert_frame(&r.out, &f);
	}
	set_uplink(WIDE, DP_PORT_OUTER, DP_VXLAN_PORT);
}

/* ---- for many (WG-7) ---- */

enum { NEAR2 = ONLY4 }; /* the other port of the ring */
static const char *const group_of[] = { "239.192.19.176", "ff08::13b0" };

static void set_ring(uint32_t first, uint32_t second)
{
	struct bpf_port_vec all = { 0 };

	/* without the other end up nothing can be sent there */
	assert_int_equal(system("ip link set e91 up && ip link set e94 up"), 0);
	assert_int_equal(bpf_driver_observe_ports(fixture_driver(), &all), 0);
	vec_foreach(&all, p) {
		if (p->ifindex != NEAR && p->ifindex != NEAR2)
			continue;
		p->value.flood_next = p->ifindex == NEAR ? second : first;
		assert_int_equal(bpf_driver_set_port(fixture_driver(), p), 0);
	}
	vec_done(&all);
}

static void set_group(const char *pa, size_t n, const uint32_t *peers)
{
	struct bpf_group g = { .key = VSID, .value = { .first = NEAR, .n_peers = (uint32_t)n } };

	if (pa)
		g.value.pa = addr(pa);
	memcpy(g.value.peers, peers, n * sizeof(*peers));
	assert_int_equal(bpf_driver_set_groups(fixture_driver(), &g, 1), 0);
}

static void no_group(void)
{
	assert_int_equal(bpf_driver_delete_groups(fixture_driver(), (uint32_t[]){ VSID }, 1), 0);
	set_ring(0, 0);
}

static struct frame to_all(uint16_t type)
{
	struct ip4 p = { .dst_mac = 0xff, .src_mac = 0x11, .dst = "255.255.255.255", .src = "10.0.0.11", .payload = 40 };
	struct frame f;

	if (type == 0x0800)
		return frame_ip4(p);
	f = frame_ether(0xff, 0x11, type);
	frame_add(&f, "hello, this is not IP but needs 46 bytes of it", 46);
	return f;
}

/* What the sender writes, made from what a peer would send; the hash's parts are taken from the packet. */
static struct frame expected(unsigned encap, const struct frame *got, const struct frame *inner)
{
	struct frame f = wrap(encap, encap & DP_ENCAP_IP6 ? HERE6 : HERE4, pa_of(encap), VSID, inner);

	f.b[5] = 0xb2;
	f.b[11] = 0xb1;
	if (encap & DP_ENCAP_IP6)
		memcpy(f.b + 14, got->b + 14, 4);
	if (encap & DP_ENCAP_VXLAN)
		memcpy(f.b + l4_of(encap), got->b + l4_of(encap), 2);
	else
		f.b[l4_of(encap) + 7] = got->b[l4_of(encap) + 7];
	return f;
}

/* One copy for each of four peers, each in headers of its own; the daemon gives them in this order. */
static void replicated(void **state _unused_)
{
	const uint32_t peers[] = { FIRST_HOP, FIRST_HOP + 1, FIRST_HOP + 1, FIRST_HOP + 2, FIRST_HOP + 3 };
	const unsigned encaps[] = { 0, 1, 1, 2, 3 };
	int tap = tap_open(UPLINK), near2 = tap_open(NEAR2);

	set_ring(NEAR, NEAR2);
	set_group(NULL, ARRAY_SIZE(peers), peers);
	for (int kind = 0; kind < 2; kind++) {
		struct frame f = to_all(kind ? 0x88b5 : 0x0800), got, want;
		struct result r = run(BPF_ROLE_VPORT, NEAR, &f);

		assert_int_equal(r.verdict, DP_VERDICT_FLOOD);
		assert_int_equal(r.detail, 1 + ARRAY_SIZE(peers));
		tap_expect(near2, &f);
		for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
			assert_true(tap_next(tap, &got));
			want = expected(encaps[i], &got, &f);
			assert_frame(&got, &want);
		}
		tap_expect_nothing(tap);
	}
	/* each alone, too */
	for EACH(e) {
		struct frame f = to_all(0x0800), got, want;

		set_group(NULL, 1, (uint32_t[]){ FIRST_HOP + e });
		assert_int_equal(run(BPF_ROLE_VPORT, NEAR, &f).detail, 2);
		assert_true(tap_next(tap, &got));
		want = expected(e, &got, &f);
		assert_frame(&got, &want);
		tap_expect(near2, &f);
	}
	tap_expect_nothing(tap);
	no_group();
	close(tap);
	close(near2);
}

static void received_for_all(void **state _unused_)
{
	int near = tap_open(NEAR), near2 = tap_open(NEAR2), taps[] = { near, near2 };

	set_ring(NEAR, NEAR2);
	set_uplink(WIDE, DP_PORT_OUTER | DP_PORT_GROUPS | DP_PORT_MORE_CA, DP_VXLAN_PORT);
	for (size_t i = 0; i < ARRAY_SIZE(group_of); i++) {
		struct bpf_pa heard = { .key = addr(group_of[i]), .value.ifindex = BRIDGE };

		assert_int_equal(bpf_driver_set_pa(fixture_driver(), &heard), 0);
	}
	for EACH(e) {
		const char *group = group_of[e / 2], *other = group_of[1 - e / 2], *here = e & DP_ENCAP_IP6 ? HERE6 : HERE4;
		struct ip4 p = from_far(e);
		struct frame inner, f;
		struct result r;

		p.dst_mac = 0xff;
		p.dst = "255.255.255.255";
		inner = frame_ip4(p);
		set_group(group, 0, NULL);
		for (int direct = 0; direct < 2; direct++) {
			f = wrap(e, pa_of(e), direct ? here : group, VSID, &inner);
			r = run(BPF_ROLE_UPLINK, WIDE, &f);
			assert_int_equal(r.verdict, DP_VERDICT_FLOOD);
			assert_int_equal(r.detail, 2);
			for (size_t i = 0; i < ARRAY_SIZE(taps); i++) {
				tap_expect(taps[i], &inner);
				tap_expect_nothing(taps[i]);
			}
		}
		/* the other family's address, when that is the subnet's; and none is */
		f = wrap(e, pa_of(e), group, VSID, &inner);
		set_group(other, 0, NULL);
		expect_drop(BPF_ROLE_UPLINK, WIDE, &f, DP_DROP_GROUP_NOT_OF_SUBNET);
		set_group(NULL, 0, NULL);
		expect_drop(BPF_ROLE_UPLINK, WIDE, &f, DP_DROP_GROUP_NOT_OF_SUBNET);
		set_group(group, 0, NULL);
		f = wrap(e, e & DP_ENCAP_IP6 ? "fd00::99" : "214.214.51.99", group, VSID, &inner);
		expect_drop(BPF_ROLE_UPLINK, WIDE, &f, DP_DROP_WRONG_SOURCE_PA);
		inner = frame_ip4(from_far(e));
		f = wrap(e, pa_of(e), group, VSID, &inner);
		expect_drop(BPF_ROLE_UPLINK, WIDE, &f, DP_DROP_GROUP_UNICAST);
		/* one that the host does not listen to */
		f = wrap(e, pa_of(e), e & DP_ENCAP_IP6 ? "ff08::1" : "239.1.1.1", VSID, &inner);
		expect_pass(BPF_ROLE_UPLINK, WIDE, &f);
	}
	no_group();
	set_uplink(WIDE, DP_PORT_OUTER, DP_VXLAN_PORT);
	close(near);
	close(near2);
}

static void cut_for_all(void **state _unused_)
{
	set_ring(NEAR, NEAR2);
	set_uplink(WIDE, DP_PORT_OUTER | DP_PORT_GROUPS | DP_PORT_MORE_CA, DP_VXLAN_PORT);
	for EACH(e) {
		struct ip4 p = from_far(e);
		struct frame inner, whole, f;

		p.dst_mac = 0xff;
		inner = frame_ip4(p);
		whole = wrap(e, pa_of(e), group_of[e / 2], VSID, &inner);
		set_group(group_of[e / 2], 0, NULL);
		for (f = whole, f.n = l4_of(e) + 8; f.n < whole.n; f.n++)
			expect_drop(BPF_ROLE_UPLINK, WIDE, &f, DP_DROP_OUTER_TRUNCATED);
	}
	no_group();
	set_uplink(WIDE, DP_PORT_OUTER, DP_VXLAN_PORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden), cmocka_unit_test(entropy), cmocka_unit_test(unresolved_by_kernel),
		cmocka_unit_test(other_ethertype), cmocka_unit_test(families), cmocka_unit_test(too_big), cmocka_unit_test(received),
		cmocka_unit_test(other_ethertype_received), cmocka_unit_test(shortest), cmocka_unit_test(truncated),
		cmocka_unit_test(lengths), cmocka_unit_test(padding), cmocka_unit_test(vxlan_header), cmocka_unit_test(gre_header),
		cmocka_unit_test(reserved_vsid), cmocka_unit_test(fragment4), cmocka_unit_test(fragment6), cmocka_unit_test(options),
		cmocka_unit_test(outer_source), cmocka_unit_test(mapped), cmocka_unit_test(not_ours), cmocka_unit_test(to_rewritten_address),
		cmocka_unit_test(at_xdp),
		cmocka_unit_test(replicated), cmocka_unit_test(received_for_all), cmocka_unit_test(cut_for_all),
	};

	return cmocka_run_group_tests(tests, up, fixture_down);
}
