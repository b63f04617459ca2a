/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>

#include "harness.h"

#define HERE "214.214.51.42"
#define PEER "214.214.51.43"
#define KEY(vsid) ((uint32_t)(vsid) << 8 | 0x6f)

enum { FAST = 80 };

static const struct ip4 udp = { .dst_mac = 0x11, .src_mac = 0x12, .dst = "10.10.10.11", .src = "10.10.10.12",
				.payload = 40 };

static void set_flags(uint32_t flags)
{
	struct bpf_port p = { .ifindex = FAST, .value.flags = DP_PORT_UPLINK | flags };

	p.value.addr4[0] = htonl(0xd6d6332a);
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &p), 0);
}

static int up(void **state)
{
	if (fixture_up(state) != 0)
		return -1;
	assert_int_equal(system("ip link add name d80 index 80 up type veth peer name e80"), 0);
	set_flags(DP_PORT_XDP);
	return bpf_driver_attach(fixture_driver(), FAST, BPF_ROLE_UPLINK_XDP);
}

static struct frame wrap(struct ip4 p)
{
	struct frame inner = frame_ip4(p);

	return frame_nvgre(PEER, HERE, KEY(5010), &inner);
}

/* Left as it came, for the TC program, and marked so: no metadata that was there before must survive. */
static void expect_untouched(const struct frame *f)
{
	struct xdp_result r = run_xdp(FAST, f);

	assert_int_equal(r.action, 2); /* XDP_PASS */
	assert_int_equal(r.meta_n, 12);
	assert_int_equal(r.meta[0], 0);
	assert_frame(&r.out, f);
}

static void good_frame(void **state _unused_)
{
	struct frame inner = frame_ip4(udp), f = wrap(udp);
	struct xdp_result r = run_xdp(FAST, &f);

	assert_int_equal(r.action, 2);
	assert_int_equal(r.meta_n, 12);
	assert_int_equal(r.meta[1], 5010);
	assert_int_equal(r.meta[2], BLUE1);
	/* Marked by a source address that no bridge takes, until the TC program finds the metadata. */
	inner.b[6] |= 1;
	assert_frame(&r.out, &inner);
}

/* Equal metadata for all packets of a flow, or GRO joins none. */
static void same_metadata(void **state _unused_)
{
	struct frame f = wrap(udp);
	struct xdp_result first = run_xdp(FAST, &f), next;
	struct ip4 p = udp;

	for (p.payload = 1; p.payload < 300; p.payload += 50) {
		f = wrap(p);
		next = run_xdp(FAST, &f);
		assert_memory_equal(first.meta, next.meta, sizeof(first.meta));
	}
}

static struct bpf_dest dest_of(uint8_t mac)
{
	struct bpf_dest_vec all = { 0 };
	struct bpf_dest found = { 0 };

	assert_int_equal(bpf_driver_observe_dests(fixture_driver(), &all), 0);
	vec_foreach(&all, d)
		if (d->key.segment == 5010 && d->key.mac[5] == mac)
			found = *d;
	vec_done(&all);
	assert_int_equal(found.key.segment, 5010);
	return found;
}

static void set_dest(struct bpf_dest d)
{
	assert_int_equal(bpf_driver_set_dests(fixture_driver(), &d, 1), 0);
}

/* What was found out about a sender is kept for its next packets, and not believed any more once a table has changed. */
static void kept_until_a_change(void **state _unused_)
{
	struct bpf_dest to = dest_of(0x11), from = dest_of(0x12), other;
	struct frame f = wrap(udp);

	for (int i = 0; i < 3; i++)
		good_frame(NULL);
	assert_int_equal(bpf_driver_delete_dests(fixture_driver(), &to.key, 1), 0);
	expect_untouched(&f);
	set_dest(to);
	good_frame(NULL);
	other = from;
	other.value.pa.b[15]++;
	set_dest(other);
	expect_untouched(&f);
	set_dest(from);
	good_frame(NULL);
	other = to;
	other.value.target = BLUE3;
	set_dest(other);
	assert_int_equal(run_xdp(FAST, &f).meta[2], BLUE3);
	set_dest(to);
	good_frame(NULL);
}

/* A packet that differs from a known one in anything that was checked is another's. */
static void kept_for_that_sender_alone(void **state _unused_)
{
	struct frame inner = frame_ip4(udp), f;
	struct ip4 p = udp;

	good_frame(NULL);
	f = frame_nvgre("214.214.51.77", HERE, KEY(5010), &inner);
	expect_untouched(&f);
	f = frame_nvgre(PEER, HERE, KEY(5011), &inner);
	expect_untouched(&f);
	p.src = "10.10.10.99";
	f = wrap(p);
	expect_untouched(&f);
	p = udp;
	p.src_mac = 0x77;
	f = wrap(p);
	expect_untouched(&f);
	p = udp;
	p.dst_mac = 0x77;
	f = wrap(p);
	expect_untouched(&f);
	good_frame(NULL);
}

static void bad_frames(void **state _unused_)
{
	struct frame whole = wrap(udp), f, inner = frame_ip4(udp);
	struct ip4 p = udp;

	expect_untouched(&inner);
	for (size_t n = 14; n < whole.n; n++) {
		f = whole;
		f.n = n;
		expect_untouched(&f);
		if (n >= OUTER_IP + 20) {
			frame_fix_outer(&f);
			expect_untouched(&f);
		}
	}
	f = frame_nvgre("214.214.51.77", HERE, KEY(5010), &inner);
	expect_untouched(&f);
	f = frame_nvgre(HERE, HERE, KEY(5010), &inner);
	expect_untouched(&f);
	f = frame_nvgre(PEER, HERE, KEY(5), &inner);
	expect_untouched(&f);
	f = frame_nvgre(PEER, HERE, KEY(5011), &inner);
	expect_untouched(&f);
	f = frame_nvgre(PEER, "214.214.51.99", KEY(5010), &inner);
	expect_untouched(&f);
	f = whole;
	frame_add(&f, "padding", 7);
	expect_untouched(&f);
	p.dst_mac = 0x14;
	f = wrap(p);
	expect_untouched(&f);
	p.dst_mac = 0xff;
	f = wrap(p);
	expect_untouched(&f);
}

static void not_enabled(void **state _unused_)
{
	struct frame f = wrap(udp);

	set_flags(0);
	struct xdp_result r = run_xdp(FAST, &f);

	set_flags(DP_PORT_XDP);
	assert_int_equal(r.action, 2);
	assert_int_equal(r.meta_n, 0);
	assert_frame(&r.out, &f);
}

/* GRE to a provider address of IP rewrite may be a guest's own: the TC program tells by the source. */
static void rewritten_address(void **state _unused_)
{
	struct bpf_rewrite r = { .key.w = { 0, 0, htonl(0xffff), htonl(0xd6d6332a) },
				 .value = { .segment = 5010, .flags = DP_REWRITE_LOCAL } };
	struct frame f = wrap(udp);

	assert_int_equal(bpf_driver_set_rewrites(fixture_driver(), &r, 1), 0);
	assert_int_equal(run_xdp(FAST, &f).meta[1], 5010);
	set_flags(DP_PORT_XDP | DP_PORT_REWRITE);
	expect_untouched(&f);
	set_flags(DP_PORT_XDP);
	assert_int_equal(bpf_driver_delete_rewrites(fixture_driver(), &r.key, 1), 0);
}

/* WG-7: what is for many, or came by a multicast address, is the TC program's. */
static void multicast(void **state _unused_)
{
	struct bpf_pa heard = { .key.w = { 0, 0, htonl(0xffff), htonl(0xefc01392) } };
	struct bpf_group g = { .key = 5010, .value = { .pa = heard.key, .first = BLUE1 } };
	struct frame inner = frame_ip4(udp), f = frame_nvgre(PEER, "239.192.19.146", KEY(5010), &inner);

	assert_int_equal(bpf_driver_set_pa(fixture_driver(), &heard), 0);
	assert_int_equal(bpf_driver_set_groups(fixture_driver(), &g, 1), 0);
	set_flags(DP_PORT_XDP | DP_PORT_MORE_CA | DP_PORT_GROUPS);
	expect_untouched(&f);
	inner.b[0] = 0xff;
	f = frame_nvgre(PEER, "239.192.19.146", KEY(5010), &inner);
	expect_untouched(&f);
	f = frame_nvgre(PEER, HERE, KEY(5010), &inner);
	expect_untouched(&f);
	f = wrap(udp);
	assert_int_equal(run_xdp(FAST, &f).meta[1], 5010);
	set_flags(DP_PORT_XDP);
	assert_int_equal(bpf_driver_delete_groups(fixture_driver(), &g.key, 1), 0);
	assert_int_equal(bpf_driver_delete_pa(fixture_driver(), &heard.key), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_frame), cmocka_unit_test(same_metadata), cmocka_unit_test(kept_until_a_change),
		cmocka_unit_test(kept_for_that_sender_alone), cmocka_unit_test(bad_frames),
		cmocka_unit_test(not_enabled),
		cmocka_unit_test(rewritten_address), cmocka_unit_test(multicast),
	};

	return cmocka_run_group_tests(tests, up, fixture_down);
}
