/* SPDX-License-Identifier: Apache-2.0 */
/* Broadcast and multicast of a virtual subnet (WG-7): every copy, byte for byte. */
#include <netinet/in.h>
#include <unistd.h>

#include "fixture6.h"

#define PEER2 "214.214.51.45"
#define GROUP "239.192.19.146"
#define OTHER_GROUP "239.192.19.147"
#define KEY(vsid) ((uint32_t)(vsid) << 8 | 0x6f)

enum { NH_GROUP = 8, NH_PEER2 = 9 };

static const struct ip4 broadcast = { .dst_mac = 0xff, .src_mac = 0x11, .dst = "255.255.255.255", .src = "10.10.10.11",
				      .payload = 4 };
/* the ring of 5010, in its order */
static const uint32_t ring[] = { BLUE1, BLUE3, HOST, WILD };
static int taps[ARRAY_SIZE(ring)], uplink;

static void set_next(uint32_t ifindex, uint32_t next)
{
	struct bpf_port p = port_of(ifindex);

	p.value.flood_next = next;
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &p), 0);
}

static void set_ring(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ring); i++)
		set_next(ring[i], ring[(i + 1) % ARRAY_SIZE(ring)]);
}

static void set_group(const char *pa, uint32_t first, uint32_t n, const uint32_t *peers)
{
	struct bpf_group g = { .key = 5010, .value = { .first = first, .n_peers = n } };

	if (pa)
		g.value.pa = addr(pa);
	memcpy(g.value.peers, peers, n * sizeof(*peers));
	assert_int_equal(bpf_driver_set_groups(fixture_driver(), &g, 1), 0);
}

static void by_multicast(void)
{
	set_group(GROUP, BLUE1, 1, (const uint32_t[]){ NH_GROUP });
}

static void set_hop(uint32_t index, const char *pa, const uint8_t mac[6])
{
	struct bpf_nexthop n = { .index = index, .value = { .flags = DP_NEXTHOP_RESOLVED, .ifindex = UPLINK,
							    .neigh_ifindex = BRIDGE, .pa = addr(pa) } };

	memcpy(n.value.dst_mac, mac, 6);
	n.value.src_mac[5] = 0xb1;
	assert_int_equal(bpf_driver_set_nexthop(fixture_driver(), &n), 0);
}

static void listen_to(const char *pa)
{
	struct bpf_pa p = { .key = addr(pa), .value.ifindex = BRIDGE };

	assert_int_equal(bpf_driver_set_pa(fixture_driver(), &p), 0);
}

static int up(void **state)
{
	struct bpf_dest gateway = { .key = { .segment = 5010, .mac[5] = 0x62 },
				    .value = { .kind = DP_DEST_REMOTE, .target = NH_PEER, .flags = DP_DEST_ANY_CA, .pa = addr(PEER) } };
	struct bpf_port p;

	assert_int_equal(fixture6_up(state), 0);
	assert_int_equal(bpf_driver_set_dests(fixture_driver(), &gateway, 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(ring); i++)
		taps[i] = tap_open(ring[i]);
	uplink = tap_open(UPLINK);
	set_ring();
	set_hop(NH_GROUP, GROUP, (const uint8_t[]){ 0x01, 0x00, 0x5e, 0x40, 0x13, 0x92 });
	set_hop(NH_PEER2, PEER2, (const uint8_t[]){ 0, 0, 0, 0, 0, 0xb5 });
	listen_to(GROUP);
	listen_to(OTHER_GROUP);
	p = port_of(UPLINK);
	p.value.flags |= DP_PORT_GROUPS;
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &p), 0);
	return 0;
}

/* Each port but the one at `but` has this frame, and no port has more. */
static void expect_at_ports(const struct frame *f, uint32_t but)
{
	for (size_t i = 0; i < ARRAY_SIZE(ring); i++) {
		if (ring[i] != but)
			tap_expect(taps[i], f);
		tap_expect_nothing(taps[i]);
	}
}

static void expect_silence(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ring); i++)
		tap_expect_nothing(taps[i]);
	tap_expect_nothing(uplink);
}

static void expect_flood(struct result r, uint32_t copies)
{
	assert_int_equal(r.verdict, DP_VERDICT_FLOOD);
	assert_int_equal(r.detail, copies);
	assert_int_equal(r.action, 2); /* TC_ACT_SHOT: the copies are on their way */
}

/* A copy on the wire, but for its FlowID, which the FlowID's own tests are about. */
static void expect_sent(const char *pa, const uint8_t mac[6], const struct frame *inner)
{
	struct frame want = frame_nvgre(HERE, pa, KEY(5010), inner), got;

	memcpy(want.b, mac, 6);
	want.b[11] = 0xb1;
	assert_true(tap_next(uplink, &got));
	want.b[OUTER_KEY + 3] = got.b[OUTER_KEY + 3];
	assert_frame(&got, &want);
}

static const uint8_t group_mac[6] = { 0x01, 0x00, 0x5e, 0x40, 0x13, 0x92 };
static const uint8_t peer_mac[6] = { 0, 0, 0, 0, 0, 0xb2 }, peer2_mac[6] = { 0, 0, 0, 0, 0, 0xb5 };

/* ---- from a guest ---- */

static void off(void **state _unused_)
{
	struct frame f = frame_ip4(broadcast), wire = frame_nvgre(PEER, HERE, KEY(5010), &f);

	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_BROADCAST_OFF);
	f.b[11] = 0x12;
	memcpy(f.b + 26, (const uint8_t[]){ 10, 10, 10, 12 }, 4);
	wire = frame_nvgre(PEER, HERE, KEY(5010), &f);
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &wire, DP_DROP_BROADCAST_OFF);
	wire = frame_nvgre(PEER, GROUP, KEY(5010), &f);
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &wire, DP_DROP_BROADCAST_OFF);
	expect_silence();
}

static void golden(void **state _unused_)
{
	struct frame f = frame_ip4(broadcast), got;
	struct frame want = frame_hex("01005e401392 0000000000b1 0800"
				      "4500 004a 0000 4000 40 2f 0000 d6d6332a efc01392"
				      "2000 6558 00139200"
				      "ffffffffffff 000000000011 0800"
				      "4500 0020 0000 0000 40 11 0000 0a0a0a0b ffffffff"
				      "03e8 07d0 000c 0000 00010203");
	struct dp_counters before, after;

	by_multicast();
	assert_int_equal(bpf_driver_read_counters(fixture_driver(), BLUE1, &before), 0);
	expect_flood(run(BPF_ROLE_VPORT, BLUE1, &f), 4);
	expect_at_ports(&f, BLUE1);
	assert_true(tap_next(uplink, &got));
	want.b[OUTER_KEY + 3] = got.b[OUTER_KEY + 3];
	frame_fix_outer(&want);
	frame_set_u16(&want, INNER_IP + 10, ip_checksum(want.b + INNER_IP, 20));
	assert_frame(&got, &want);
	tap_expect_nothing(uplink);
	/* sent is what the guest sent, not how often it was copied */
	assert_int_equal(bpf_driver_read_counters(fixture_driver(), BLUE1, &after), 0);
	assert_int_equal(after.sent_packets - before.sent_packets, 1);
	assert_int_equal(after.sent_bytes - before.sent_bytes, f.n);
	assert_int_equal(after.received_packets, before.received_packets);
}

static void counted_at_receivers(void **state _unused_)
{
	struct frame f = frame_ip4(broadcast);
	struct dp_counters before, after;

	by_multicast();
	assert_int_equal(bpf_driver_read_counters(fixture_driver(), BLUE3, &before), 0);
	run(BPF_ROLE_VPORT, BLUE1, &f);
	assert_int_equal(bpf_driver_read_counters(fixture_driver(), BLUE3, &after), 0);
	assert_int_equal(after.received_packets - before.received_packets, 1);
	assert_int_equal(after.received_bytes - before.received_bytes, f.n);
	expect_at_ports(&f, BLUE1);
	expect_sent(GROUP, group_mac, &f);
	expect_silence();
}

static void replication(void **state _unused_)
{
	struct ip4 p = broadcast;
	struct frame f;

	p.dst = "239.1.2.3";
	f = frame_ip4(p);
	memcpy(f.b, (const uint8_t[]){ 0x01, 0x00, 0x5e, 0x01, 0x02, 0x03 }, 6);
	set_group(NULL, BLUE1, 3, (const uint32_t[]){ NH_PEER, NH_PEER2, NH_PEER });
	expect_flood(run(BPF_ROLE_VPORT, BLUE1, &f), 3 + 3);
	expect_at_ports(&f, BLUE1);
	expect_sent(PEER, peer_mac, &f);
	expect_sent(PEER2, peer2_mac, &f);
	expect_sent(PEER, peer_mac, &f);
	expect_silence();
	/* nobody elsewhere */
	set_group(NULL, BLUE1, 0, NULL);
	expect_flood(run(BPF_ROLE_VPORT, BLUE1, &f), 3);
	expect_at_ports(&f, BLUE1);
	expect_silence();
}

/* All that fit into an entry. */
static void most_peers(void **state _unused_)
{
	struct frame f = frame_ip4(broadcast);
	uint32_t peers[DP_GROUP_PEERS];

	for (size_t i = 0; i < DP_GROUP_PEERS; i++)
		peers[i] = i & 1 ? NH_PEER2 : NH_PEER;
	set_group(NULL, BLUE1, DP_GROUP_PEERS, peers);
	expect_flood(run(BPF_ROLE_VPORT, BLUE1, &f), 3 + DP_GROUP_PEERS);
	for (size_t i = 0; i < DP_GROUP_PEERS; i++)
		expect_sent(i & 1 ? PEER2 : PEER, i & 1 ? peer2_mac : peer_mac, &f);
	expect_at_ports(&f, BLUE1);
	expect_silence();
}

/* What keeps one host from getting its copy keeps no other. */
static void unreachable_peers(void **state _unused_)
{
	static const struct {
		uint32_t hop;
		enum dp_drop_reason reason;
	} cases[] = {
		{ NH_UNRESOLVED, DP_DROP_NO_NEXT_HOP }, { NH_ABSENT, DP_DROP_NO_NEXT_HOP }, { 99, DP_DROP_NO_NEXT_HOP },
		{ NH_V6, DP_DROP_PA_FAMILY },
	};
	struct frame f = frame_ip4(broadcast);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t before = drops(BLUE1, cases[i].reason);

		set_group(NULL, BLUE1, 3, (const uint32_t[]){ NH_PEER, cases[i].hop, NH_PEER2 });
		expect_flood(run(BPF_ROLE_VPORT, BLUE1, &f), 3 + 2);
		assert_int_equal(drops(BLUE1, cases[i].reason), before + 1);
		expect_at_ports(&f, BLUE1);
		expect_sent(PEER, peer_mac, &f);
		expect_sent(PEER2, peer2_mac, &f);
		expect_silence();
	}
}

static void too_big(void **state _unused_)
{
	uint64_t before = drops(BLUE1, DP_DROP_TOO_BIG);
	struct ip4 p = broadcast;
	struct frame f;

	set_group(NULL, BLUE1, 2, (const uint32_t[]){ NH_SMALL, NH_PEER2 });
	p.payload = 1000 - 28;
	f = frame_ip4(p);
	expect_flood(run(BPF_ROLE_VPORT, BLUE1, &f), 3 + 2);
	expect_at_ports(&f, BLUE1);
	expect_sent(PEER, peer_mac, &f);
	expect_sent(PEER2, peer2_mac, &f);
	p.payload++;
	f = frame_ip4(p);
	expect_flood(run(BPF_ROLE_VPORT, BLUE1, &f), 3 + 1);
	assert_int_equal(drops(BLUE1, DP_DROP_TOO_BIG), before + 1);
	expect_at_ports(&f, BLUE1);
	expect_sent(PEER2, peer2_mac, &f);
	expect_silence();
}

static void other_ethertype(void **state _unused_)
{
	struct frame f = frame_ether(0xff, 0x11, 0x88b5);

	frame_add(&f, "neither IP nor ARP", 18);
	set_group(NULL, BLUE1, 2, (const uint32_t[]){ NH_PEER, NH_PEER2 });
	expect_flood(run(BPF_ROLE_VPORT, BLUE1, &f), 3 + 2);
	expect_at_ports(&f, BLUE1);
	expect_sent(PEER, peer_mac, &f);
	expect_sent(PEER2, peer2_mac, &f);
	expect_silence();
}

static void not_for_many(void **state _unused_)
{
	struct ip4 p = broadcast;
	struct frame f;

	by_multicast();
	f = frame_ip4(p);
	for (uint8_t last = 0; last < 0x10; last++) {
		memcpy(f.b, (const uint8_t[]){ 0x01, 0x80, 0xc2, 0x00, 0x00, last }, 6);
		expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_GROUP_RESERVED_MAC);
	}
	f.b[5] = 0x10;
	expect_flood(run(BPF_ROLE_VPORT, BLUE1, &f), 4);
	expect_at_ports(&f, BLUE1);
	expect_sent(GROUP, group_mac, &f);
	/* the source rules are those of any frame (2.5) */
	p.src = "10.10.10.99";
	f = frame_ip4(p);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
	/* ARP is answered from the records or not at all: it never goes anywhere */
	f = frame_arp(0xff, 0x11, 1, 0x11, "10.10.10.11", "10.10.10.99");
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_ARP_UNKNOWN_TARGET);
	f = frame_arp(0xff, 0x11, 1, 0x11, "10.10.10.11", "10.10.10.11");
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_ARP_ANNOUNCEMENT);
	expect_silence();
}

/* UDP to ff05::1234; what is neighbour or listener discovery never gets this far (nd.h). */
static struct frame multicast6(const char *mac_and_source)
{
	struct frame f = frame_hex("333300001234"), source = frame_hex(mac_and_source);
	struct frame rest = frame_hex("ff050000000000000000000000001234 03e8 07d0 000c 0000 00010203");

	frame_add(&f, source.b, 6);
	frame_add(&f, (const uint8_t[]){ 0x86, 0xdd, 0x60, 0, 0, 0, 0, 12, 17, 64 }, 10);
	frame_add(&f, source.b + 6, 16);
	frame_add(&f, rest.b, rest.n);
	return f;
}

static void ipv6(void **state _unused_)
{
	struct frame f = multicast6("000000000011 20010db8001000000000000000000011"), wire;

	by_multicast();
	expect_flood(run(BPF_ROLE_VPORT, BLUE1, &f), 4);
	expect_at_ports(&f, BLUE1);
	expect_sent(GROUP, group_mac, &f);
	expect_silence();
	f = multicast6("000000000011 20010db8001000000000000000000012");
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_SOURCE_NOT_IN_POLICY);
	f = multicast6("000000000012 20010db8001000000000000000000012");
	wire = frame_nvgre(PEER, GROUP, KEY(5010), &f);
	expect_flood(run(BPF_ROLE_UPLINK, UPLINK, &wire), ARRAY_SIZE(ring));
	expect_at_ports(&f, 0);
	f = multicast6("000000000012 20010db8001000000000000000000013");
	wire = frame_nvgre(PEER, GROUP, KEY(5010), &f);
	expect_drop(BPF_ROLE_UPLINK, UPLINK, &wire, DP_DROP_INNER_SOURCE_UNKNOWN);
	expect_silence();
}

/* A guest that asks for an address by DHCP has none yet: its L2Only record lets it (HN-8). */
static void from_no_address(void **state _unused_)
{
	struct ip4 p = broadcast;
	struct frame f;

	by_multicast();
	p.src_mac = 0x61;
	p.src = "0.0.0.0";
	f = frame_ip4(p);
	expect_flood(run(BPF_ROLE_VPORT, WILD, &f), 4);
	expect_at_ports(&f, WILD);
	expect_sent(GROUP, group_mac, &f);
	expect_silence();
}

static void no_source_address(void **state _unused_)
{
	struct bpf_port p = port_of(BLUE1), none = p;
	uint64_t before = drops(BLUE1, DP_DROP_NO_SOURCE_PA);
	struct frame f = frame_ip4(broadcast);

	by_multicast();
	none.value.src_pa4 = 0;
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &none), 0);
	expect_flood(run(BPF_ROLE_VPORT, BLUE1, &f), 3);
	assert_int_equal(drops(BLUE1, DP_DROP_NO_SOURCE_PA), before + 1);
	expect_at_ports(&f, BLUE1);
	expect_silence();
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &p), 0);
}

static void ring_of_one(void **state _unused_)
{
	struct frame f = frame_ip4(broadcast);

	by_multicast();
	set_next(BLUE1, 0);
	expect_flood(run(BPF_ROLE_VPORT, BLUE1, &f), 1);
	expect_sent(GROUP, group_mac, &f);
	expect_silence();
	set_ring();
}

/* Ports that go or move while others still point to them: the ring ends there, nobody else's port gets anything. */
static void broken_ring(void **state _unused_)
{
	struct frame f = frame_ip4(broadcast);
	static const uint32_t wrong[] = { RED1, NOT_A_PORT, LAB1, 60000 };

	by_multicast();
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		int tap = wrong[i] < 60000 ? tap_open(wrong[i]) : -1;

		set_next(BLUE3, wrong[i]);
		expect_flood(run(BPF_ROLE_VPORT, BLUE1, &f), 1 + 1);
		tap_expect(taps[1], &f);
		expect_sent(GROUP, group_mac, &f);
		expect_silence();
		if (tap >= 0) {
			tap_expect_nothing(tap);
			close(tap);
		}
	}
	set_ring();
}

/* Of a large segment counts what will be on the wire. (The kernel sends no made-up segments: nothing else is seen here.) */
static void large_segment(void **state _unused_)
{
	uint64_t before = drops(BLUE1, DP_DROP_TOO_BIG);
	struct ip4 p = broadcast;
	struct frame f;

	set_group(NULL, BLUE1, 1, (const uint32_t[]){ NH_SMALL });
	p.payload = 2000;
	f = frame_ip4(p);
	assert_int_equal(run_meta(BPF_ROLE_VPORT, BLUE1, &f, (struct meta){ 1000 - 68, 3 }).verdict, DP_VERDICT_FLOOD);
	assert_int_equal(drops(BLUE1, DP_DROP_TOO_BIG), before);
	assert_int_equal(run_meta(BPF_ROLE_VPORT, BLUE1, &f, (struct meta){ 1000 - 67, 3 }).verdict, DP_VERDICT_FLOOD);
	assert_int_equal(drops(BLUE1, DP_DROP_TOO_BIG), before + 1);
	for (size_t i = 0; i < ARRAY_SIZE(ring); i++)
		while (tap_next(taps[i], &f))
			;
}

/* ---- from the wire ---- */

static const struct ip4 from_peer = { .dst_mac = 0xff, .src_mac = 0x12, .dst = "255.255.255.255", .src = "10.10.10.12",
				      .payload = 40 };

static void received(void **state _unused_)
{
	static const char *const to[] = { GROUP, HERE, "214.214.51.44" };
	struct frame inner = frame_ip4(from_peer);

	by_multicast();
	for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
		struct frame f = frame_nvgre(PEER, to[i], KEY(5010), &inner);

		expect_flood(run(BPF_ROLE_UPLINK, UPLINK, &f), ARRAY_SIZE(ring));
		expect_at_ports(&inner, 0);
		expect_silence();
	}
	/* wherever the ring begins */
	set_group(GROUP, HOST, 1, (const uint32_t[]){ NH_GROUP });
	struct frame f = frame_nvgre(PEER, GROUP, KEY(5010), &inner);

	expect_flood(run(BPF_ROLE_UPLINK, UPLINK, &f), ARRAY_SIZE(ring));
	expect_at_ports(&inner, 0);
	/* the wire's padding stays outside */
	frame_add(&f, "padding", 7);
	expect_flood(run(BPF_ROLE_UPLINK, UPLINK, &f), ARRAY_SIZE(ring));
	expect_at_ports(&inner, 0);
	/* a port alone */
	set_group(GROUP, BLUE3, 0, NULL);
	set_next(BLUE3, 0);
	expect_flood(run(BPF_ROLE_UPLINK, UPLINK, &f), 1);
	tap_expect(taps[1], &inner);
	expect_silence();
	set_ring();
}

static void received_without_address(void **state _unused_)
{
	struct ip4 p = from_peer;
	struct frame inner, f;

	by_multicast();
	p.src_mac = 0x62;
	p.src = "0.0.0.0";
	inner = frame_ip4(p);
	f = frame_nvgre(PEER, GROUP, KEY(5010), &inner);
	expect_flood(run(BPF_ROLE_UPLINK, UPLINK, &f), ARRAY_SIZE(ring));
	expect_at_ports(&inner, 0);
	expect_silence();
}

static void wire_drop(const struct frame *inner, const char *from, const char *to, uint32_t vsid, enum dp_drop_reason reason)
{
	struct frame f = frame_nvgre(from, to, KEY(vsid), inner);

	expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, reason);
	expect_silence();
}

static void not_received(void **state _unused_)
{
	struct frame inner = frame_ip4(from_peer), f;
	struct ip4 p = from_peer;

	by_multicast();
	wire_drop(&inner, PEER, OTHER_GROUP, 5010, DP_DROP_GROUP_NOT_OF_SUBNET);
	wire_drop(&inner, PEER2, GROUP, 5010, DP_DROP_WRONG_SOURCE_PA);
	wire_drop(&inner, HERE, GROUP, 5010, DP_DROP_OWN_PA_AS_SOURCE);
	wire_drop(&inner, PEER, GROUP, 5012, DP_DROP_INNER_SOURCE_UNKNOWN);
	/* of a subnet of this host where it is off */
	p.src_mac = 0x22;
	inner = frame_ip4(p);
	wire_drop(&inner, PEER, GROUP, 5011, DP_DROP_BROADCAST_OFF);
	p = from_peer;
	p.src = "10.10.10.11";
	inner = frame_ip4(p);
	wire_drop(&inner, PEER, GROUP, 5010, DP_DROP_INNER_SOURCE_UNKNOWN);
	p = from_peer;
	p.dst_mac = 0x11;
	p.dst = "10.10.10.11";
	inner = frame_ip4(p);
	wire_drop(&inner, PEER, GROUP, 5010, DP_DROP_GROUP_UNICAST);
	inner = frame_arp(0xff, 0x12, 1, 0x12, "10.10.10.12", "10.10.10.11");
	wire_drop(&inner, PEER, GROUP, 5010, DP_DROP_GROUP_ARP);
	wire_drop(&inner, PEER, HERE, 5010, DP_DROP_GROUP_ARP);
	inner = frame_ip4(from_peer);
	memcpy(inner.b, (const uint8_t[]){ 0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e }, 6);
	wire_drop(&inner, PEER, GROUP, 5010, DP_DROP_GROUP_RESERVED_MAC);
	inner = frame_ip4(from_peer);
	set_group(GROUP, 0, 0, NULL);
	wire_drop(&inner, PEER, GROUP, 5010, DP_DROP_GROUP_NO_PORT);
	/* by copies: then no multicast address is the subnet's */
	set_group(NULL, BLUE1, 0, NULL);
	wire_drop(&inner, PEER, GROUP, 5010, DP_DROP_GROUP_NOT_OF_SUBNET);
	/* a group that this host does not listen to, in whatever it may be used */
	f = frame_nvgre(PEER, "239.192.1.1", KEY(5010), &inner);
	expect_pass(BPF_ROLE_UPLINK, UPLINK, &f);
	f = frame_nvgre(PEER, GROUP, KEY(5010), &inner);
	frame_set_u16(&f, OUTER_GRE + 2, 0x0800);
	expect_pass(BPF_ROLE_UPLINK, UPLINK, &f);
}

/* Cut at every byte, once as the wire would cut it, once with the outer length in accord. */
static void truncated(void **state _unused_)
{
	struct frame inner = frame_ip4(from_peer), whole = frame_nvgre(PEER, GROUP, KEY(5010), &inner), f;

	by_multicast();
	for (size_t n = OUTER_IP + 20; n < whole.n; n++) {
		f = whole;
		f.n = n;
		expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, DP_DROP_OUTER_TRUNCATED);
		frame_fix_outer(&f);
		expect_drop(BPF_ROLE_UPLINK, UPLINK, &f, n < INNER ? DP_DROP_OUTER_TRUNCATED : DP_DROP_INNER_TRUNCATED);
	}
	/* other frames have no length of their own: every one of them is whole */
	for (size_t n = 0; n < 30; n++) {
		inner = frame_ether(0xff, 0x12, 0x88b5);
		inner.n += n;
		memset(inner.b + 14, 0xa5, n);
		f = frame_nvgre(PEER, GROUP, KEY(5010), &inner);
		expect_flood(run(BPF_ROLE_UPLINK, UPLINK, &f), ARRAY_SIZE(ring));
		for (size_t i = 0; i < ARRAY_SIZE(ring); i++) {
			struct frame got;

			/* the kernel may leave padding up to what Ethernet carries at least */
			assert_true(tap_next(taps[i], &got));
			assert_true(got.n >= inner.n);
			assert_memory_equal(got.b, inner.b, inner.n);
		}
	}
	expect_silence();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off), cmocka_unit_test(golden), cmocka_unit_test(counted_at_receivers),
		cmocka_unit_test(replication), cmocka_unit_test(most_peers), cmocka_unit_test(unreachable_peers),
		cmocka_unit_test(too_big), cmocka_unit_test(other_ethertype), cmocka_unit_test(not_for_many),
		cmocka_unit_test(ipv6), cmocka_unit_test(from_no_address), cmocka_unit_test(no_source_address), cmocka_unit_test(ring_of_one),
		cmocka_unit_test(broken_ring), cmocka_unit_test(large_segment), cmocka_unit_test(received),
		cmocka_unit_test(received_without_address), cmocka_unit_test(not_received), cmocka_unit_test(truncated),
	};

	return cmocka_run_group_tests(tests, up, fixture_down);
}
