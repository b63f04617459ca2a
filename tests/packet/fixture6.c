/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture6.h"

#include <netinet/in.h>

void port_set_flags(uint32_t ifindex, uint32_t set, uint32_t clear)
{
	struct bpf_port p = port_of(ifindex);

	p.value.flags = (p.value.flags | set) & ~clear;
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &p), 0);
}

void port_set_router6(uint32_t ifindex, uint8_t mac, const char *address)
{
	struct bpf_port p = port_of(ifindex);

	p.value.domain[0] = 1;
	mac_of(p.value.router_mac6, mac);
	p.value.router6 = address ? addr(address) : (union dp_addr){ 0 };
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &p), 0);
}

static void ca(uint32_t vsid, uint8_t mac, const char *address, uint16_t flags)
{
	struct bpf_ca c = { .key = { .segment = vsid, .ca = addr(address) },
			    .value = { .pa = addr(flags & DP_CA_LOCAL ? HERE : PEER), .flags = flags } };

	mac_of(c.value.mac, mac);
	assert_int_equal(bpf_driver_set_cas(fixture_driver(), &c, 1), 0);
}

static void dest(uint32_t vsid, uint8_t mac, uint32_t port, uint32_t nexthop, uint8_t flags)
{
	struct bpf_dest d = { .key.segment = vsid, .value = { .kind = port ? DP_DEST_LOCAL : DP_DEST_REMOTE, .flags = flags,
							     .target = port ? port : nexthop, .pa = addr(port ? HERE : PEER) } };

	mac_of(d.key.mac, mac);
	assert_int_equal(bpf_driver_set_dests(fixture_driver(), &d, 1), 0);
}

static void record(uint32_t vsid, uint8_t mac, const char *address, uint32_t port, uint32_t nexthop)
{
	ca(vsid, mac, address, port ? DP_CA_LOCAL : 0);
	dest(vsid, mac, port, nexthop, DP_DEST_CA6);
}

static void add_route(const char *prefix, unsigned bits, uint32_t vsid, uint8_t flags, uint8_t router, uint8_t mac)
{
	struct bpf_route r = { .key = { .prefixlen = DP_ROUTE_KEY_BITS + bits, .domain = { 1 }, .ca = addr(prefix) },
			       .value = { .vsid = vsid, .flags = flags, .prefixlen = (uint8_t)bits } };

	mac_of(r.value.router_mac, router);
	mac_of(r.value.mac, mac);
	assert_int_equal(bpf_driver_set_routes(fixture_driver(), &r, 1), 0);
}

static void add_subnet(uint32_t vsid, uint8_t router)
{
	struct bpf_subnet s = { .key = vsid, .value.domain = { 1 } };

	mac_of(s.value.router_mac6, router);
	assert_int_equal(bpf_driver_set_subnets(fixture_driver(), &s, 1), 0);
}

static void add_source(const char *address, const char *pa, uint8_t router)
{
	struct bpf_source s = { .key = { .domain = { 1 }, .ca = addr(address), .pa = addr(pa) } };

	mac_of(s.value.router_mac, router);
	assert_int_equal(bpf_driver_set_sources(fixture_driver(), &s, 1), 0);
}

static void add_router(void)
{
	ca(5010, 0x06, "2001:db8:10::1", DP_CA_ROUTER);
	ca(5012, 0x07, "2001:db8:12::1", DP_CA_ROUTER);
	port_set_router6(BLUE1, 0x06, "2001:db8:10::1");
	port_set_router6(SHOP, 0x07, "2001:db8:12::1");
	add_route("2001:db8:10::", 64, 5010, DP_ROUTE_ONLINK, 0x06, 0);
	add_route("2001:db8:12::", 64, 5012, DP_ROUTE_ONLINK, 0x07, 0);
	add_route("2001:db8:13::", 64, 5013, DP_ROUTE_ONLINK, 0, 0);
	add_route("2001:db8:20::", 48, 5012, 0, 0x07, 0x82);
	add_route("2001:db8:21::", 48, 5012, 0, 0x07, 0);
	add_route("::", 0, 5012, 0, 0x07, 0x82);
	add_subnet(5010, 0x06);
	add_subnet(5012, 0x07);
	add_source("2001:db8:12::12", PEER, 0x07);
	add_source("::", "214.214.51.60", 0x07);
	/* a wildcard of IPv4 is none of IPv6 */
	add_source("0.0.0.0", "214.214.51.61", 0x07);
}

int fixture6_up(void **state)
{
	struct bpf_nexthop narrow = { .index = NH_1400, .value = { .flags = DP_NEXTHOP_RESOLVED, .ifindex = UPLINK, .mtu = 1400,
								   .neigh_ifindex = BRIDGE, .pa = addr(PEER) } };
	struct bpf_port shop;
	int r = fixture_up(state);

	mac_of(narrow.value.dst_mac, 0xb2);
	mac_of(narrow.value.src_mac, 0xb1);
	assert_int_equal(bpf_driver_set_nexthop(fixture_driver(), &narrow), 0);
	shop = port_of(BLUE1);
	shop.ifindex = SHOP;
	shop.value.segment = shop.value.vsid = 5012;
	mac_of(shop.value.mac, 0x83);
	assert_int_equal(bpf_driver_set_port(fixture_driver(), &shop), 0);
	for (size_t i = 0; i < 5; i++)
		port_set_flags((uint32_t[]){ BLUE1, BLUE3, HOST, RED1, SHOP }[i], DP_PORT_CA6, 0);
	port_set_flags(WILD, DP_PORT_CA6 | DP_PORT_ANY_CA6, 0);
	record(5010, 0x11, "2001:db8:10::11", BLUE1, 0);
	record(5010, 0x13, "2001:db8:10::13", BLUE3, 0);
	record(5010, 0x51, "2001:db8:10::51", HOST, 0);
	record(5010, 0x12, "2001:db8:10::12", 0, NH_PEER);
	record(5010, 0x17, "2001:db8:10::17", 0, NH_1400);
	record(5010, 0x1a, "2001:db8:10::1a", 0, NH_UNRESOLVED);
	ca(5010, 0x12, "fe80::12", 0);
	dest(5010, 0x61, WILD, 0, DP_DEST_CA6 | DP_DEST_ANY_CA6);
	dest(5010, 0x62, 0, NH_PEER, DP_DEST_CA6 | DP_DEST_ANY_CA6);
	record(5011, 0x21, "2001:db8:10::11", RED1, 0);
	record(5011, 0x22, "2001:db8:10::12", 0, NH_PEER);
	record(5012, 0x83, "2001:db8:12::13", SHOP, 0);
	record(5012, 0x82, "2001:db8:12::12", 0, NH_PEER);
	record(5012, 0x88, "2001:db8:12::18", 0, NH_1400);
	record(5013, 0x92, "2001:db8:13::12", 0, NH_PEER);
	add_router();
	return r;
}

struct frame frame_nd(struct nd p)
{
	struct frame f = frame_ip6_header((struct ip6_packet){ .dst_mac = p.dst_mac, .src_mac = p.src_mac, .dst = p.dst, .src = p.src,
							       .next = IPPROTO_ICMPV6,
							       .hop_limit = p.hop_limit ? p.hop_limit : 255 });
	uint8_t fixed[8] = { p.type, p.code, 0, 0, p.flags >> 24 };

	frame_add(&f, fixed, sizeof(fixed));
	frame_add_ip6(&f, p.target);
	if (p.option) {
		frame_add(&f, (uint8_t[]){ p.option, 1 }, 2);
		frame_add_mac(&f, p.option_mac);
	}
	frame_fix6(&f);
	return f;
}
