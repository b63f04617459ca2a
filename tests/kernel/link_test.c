/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_test.h"

#include "ethtool.h"
#include "fdb.h"

static size_t count_links(struct nl *nl)
{
	struct link_vec v = { 0 };
	size_t n;

	assert_ok(link_observe(nl, &v));
	n = v.n;
	vec_done(&v);
	return n;
}

static void fresh_namespace_has_loopback(void **state)
{
	struct world *w = *state;
	struct link_vec v = { 0 };

	assert_ok(link_observe(w->nl, &v));
	assert_int_equal(v.n, 1);
	assert_string_equal(v.items[0].name, "lo");
	assert_string_equal(v.items[0].kind, "");
	assert_false(v.items[0].up);
	assert_false(v.items[0].ether);
	assert_int_equal(v.items[0].mtu, 65536);
	assert_int_equal(v.items[0].peer_netnsid, -1);
	/* Observing appends. */
	assert_ok(link_observe(w->nl, &v));
	assert_int_equal(v.n, 2);
	vec_done(&v);
}

static void names(void **state _unused_)
{
	assert_true(link_name_is_valid("eth0"));
	assert_true(link_name_is_valid("123456789012345"));
	assert_false(link_name_is_valid("1234567890123456"));
	assert_false(link_name_is_valid(""));
	assert_false(link_name_is_valid("."));
	assert_false(link_name_is_valid(".."));
	assert_false(link_name_is_valid("a/b"));
	assert_false(link_name_is_valid("a b"));
	assert_false(link_name_is_valid("a:b"));
}

static void traffic_of_a_link(void **state)
{
	struct world *w = *state;
	struct link_traffic t = { 1, 2, 3, 4 };
	struct link want = test_link("bridge", "sw0");

	assert_error(link_read_traffic(w->nl, "sw0", &t), ENODEV);
	assert_error(link_read_traffic(w->nl, "a name", &t), EINVAL);
	assert_int_equal(t.rx_packets, 1);
	assert_int_equal(t.tx_bytes, 4);
	test_link_add(w->nl, &want);
	assert_ok(link_read_traffic(w->nl, "sw0", &t));
	assert_int_equal(t.rx_packets | t.rx_bytes | t.tx_packets | t.tx_bytes, 0);
}

/* The port of a virtual machine: it stays without anybody who has it open, and has its mark. */
static void tap_round_trip(void **state)
{
	struct world *w = *state;
	struct link want = test_link("tun", "np0"), l;

	want.mtu = 1400;
	want.no_linklocal = true;
	want.ifindex = 4711;
	l = test_link_add(w->nl, &want);
	assert_string_equal(l.kind, "tun");
	assert_string_equal(l.alias, "nestor:0123abcd:test:np0");
	assert_int_equal(l.ifindex, 4711);
	assert_int_equal(l.mtu, 1400);
	assert_true(l.ether);
	assert_true(l.no_linklocal);
	assert_false(link_differs(&l, &want));
	assert_error(link_apply(w->nl, CHANGE_ADD, NULL, &want), EEXIST);
	want.up = true;
	assert_ok(link_apply(w->nl, CHANGE_MODIFY, &l, &want));
	assert_ok(link_apply(w->nl, CHANGE_DELETE, &l, NULL));
	assert_error(link_get_by_name(w->nl, "np0", &l), ENODEV);
}

static void bridge_round_trip(void **state)
{
	struct world *w = *state;
	struct link want = test_link("bridge", "sw0"), l;

	want.mac = test_mac("02:00:00:00:00:01");
	want.up = true;
	want.no_linklocal = true;
	want.mtu = 1400;
	l = test_link_add(w->nl, &want);
	assert_string_equal(l.kind, "bridge");
	assert_string_equal(l.alias, "nestor:0123abcd:test:sw0");
	assert_memory_equal(&l.mac, &want.mac, sizeof(l.mac));
	assert_int_equal(l.mtu, 1400);
	assert_true(l.up);
	assert_true(l.no_linklocal);
	assert_true(l.ether);
	assert_false(link_differs(&l, &want));

	want.mtu = 0;
	memset(&want.mac, 0, sizeof(want.mac));
	assert_false(link_differs(&l, &want));
	want.up = want.no_linklocal = false;
	snprintf(want.name, sizeof(want.name), "sw1");
	snprintf(want.alias, sizeof(want.alias), "other");
	want.mac = test_mac("02:00:00:00:00:02");
	assert_true(link_differs(&l, &want));
	assert_ok(link_apply(w->nl, CHANGE_MODIFY, &l, &want));
	assert_error(link_get_by_name(w->nl, "sw0", &l), ENODEV);
	l = test_link_get(w->nl, "sw1");
	assert_false(link_differs(&l, &want));
	assert_memory_equal(&l.mac, &want.mac, sizeof(l.mac));
	/* Nothing to do is no request. */
	assert_ok(link_apply(w->nl, CHANGE_MODIFY, &l, &want));

	assert_ok(link_apply(w->nl, CHANGE_DELETE, &l, NULL));
	assert_error(link_apply(w->nl, CHANGE_DELETE, &l, NULL), ENODEV);
	assert_int_equal(count_links(w->nl), 1);
}

static void create_refused(void **state)
{
	struct world *w = *state;
	struct link a = test_link("bridge", "sw0"), l;

	assert_ok(link_apply(w->nl, CHANGE_ADD, NULL, &a));
	snprintf(a.alias, sizeof(a.alias), "nestor:ffffffff:thief:sw0");
	assert_error(link_apply(w->nl, CHANGE_ADD, NULL, &a), EEXIST);
	assert_string_equal(test_link_get(w->nl, "sw0").alias, "nestor:0123abcd:test:sw0");

	l = test_link("bridge", "sw0");
	memcpy(l.name, "1234567890123456", 16);
	assert_error(link_apply(w->nl, CHANGE_ADD, NULL, &l), EINVAL);
	l = test_link("nonsense", "x0");
	assert_error(link_apply(w->nl, CHANGE_ADD, NULL, &l), EOPNOTSUPP);
	l = test_link("veth", "x0");
	assert_error(link_apply(w->nl, CHANGE_ADD, NULL, &l), EINVAL);
	/* What fails after the creation leaves nothing behind. */
	l = test_link("bridge", "x0");
	l.master = 12345;
	assert_error(link_apply(w->nl, CHANGE_ADD, NULL, &l), EINVAL);
	l = test_link("bridge", "x0");
	l.mtu = 10;
	assert_error(link_apply(w->nl, CHANGE_ADD, NULL, &l), EINVAL);
	assert_string_equal(nl_last_message(w->nl), "mtu less than device minimum");
	assert_int_equal(count_links(w->nl), 2);
	assert_error(link_get_by_name(w->nl, "x0", &l), ENODEV);
	assert_error(link_get_by_index(w->nl, 12345, &l), ENODEV);
	assert_error(link_get_by_index(w->nl, 0, &l), ENODEV);
}

static void veth_into_other_namespace(void **state)
{
	struct world *w = *state;
	struct link want = test_link("veth", "np00112233"), l, inner;

	want.ifindex = 4711;
	want.mac = test_mac("02:00:00:00:00:01");
	want.mtu = 1450;
	want.up = true;
	want.no_linklocal = true;
	snprintf(want.peer.name, sizeof(want.peer.name), "eth0");
	want.peer.mac = test_mac("00:15:5d:01:02:03");
	want.peer.netns_fd = w->other_netns;
	l = test_link_add(w->nl, &want);
	assert_int_equal(l.ifindex, 4711);
	assert_false(link_differs(&l, &want));
	assert_string_equal(l.kind, "veth");
	assert_true(l.up);
	assert_false(l.carrier);

	inner = test_link_get(w->other, "eth0");
	assert_memory_equal(&inner.mac, &want.peer.mac, sizeof(inner.mac));
	assert_int_equal(inner.mtu, 1450);
	assert_int_equal(inner.ifindex, l.peer_ifindex);
	assert_int_equal(inner.peer_ifindex, 4711);
	assert_true(l.peer_netnsid >= 0);
	assert_false(inner.up);

	want = inner;
	want.up = true;
	want.mtu = 1400;
	assert_ok(link_apply(w->other, CHANGE_MODIFY, &inner, &want));
	assert_true(test_link_get(w->nl, "np00112233").carrier);
	assert_int_equal(test_link_get(w->other, "eth0").mtu, 1400);

	/* A taken inner name or index, and a namespace that is none, leave no half of a pair. */
	want = test_link("veth", "np2");
	snprintf(want.peer.name, sizeof(want.peer.name), "eth0");
	want.peer.netns_fd = w->other_netns;
	assert_error(link_apply(w->nl, CHANGE_ADD, NULL, &want), EEXIST);
	snprintf(want.peer.name, sizeof(want.peer.name), "eth1");
	want.ifindex = 4711;
	assert_int_not_equal(link_apply(w->nl, CHANGE_ADD, NULL, &want), 0);
	want.ifindex = 0;
	want.peer.netns_fd = 9999;
	assert_int_not_equal(link_apply(w->nl, CHANGE_ADD, NULL, &want), 0);
	assert_int_equal(count_links(w->nl), 2);
	assert_int_equal(count_links(w->other), 2);

	assert_ok(link_apply(w->nl, CHANGE_DELETE, &l, NULL));
	assert_int_equal(count_links(w->other), 1);
}

static void port_flags(void **state)
{
	struct world *w = *state;
	struct link sw = test_bridge(w, "sw0"), sw1 = test_bridge(w, "sw1"), want, l;
	struct link_port odd = { .unicast_flood = true, .bcast_flood = true, .isolated = true, .hairpin = true };

	want = test_link("veth", "np0");
	snprintf(want.peer.name, sizeof(want.peer.name), "eth0");
	want.peer.netns_fd = w->other_netns;
	want.master = sw.ifindex;
	want.port = odd;
	want.up = true;
	l = test_link_add(w->nl, &want);
	assert_int_equal(l.master, sw.ifindex);
	assert_memory_equal(&l.port, &odd, sizeof(odd));
	assert_false(link_differs(&l, &want));

	want.port = (struct link_port){ .learning = true, .mcast_flood = true };
	assert_true(link_differs(&l, &want));
	assert_ok(link_apply(w->nl, CHANGE_MODIFY, &l, &want));
	l = test_link_get(w->nl, "np0");
	assert_false(link_differs(&l, &want));

	/* Out of the bridge and in again: flags are applied anew. */
	want.master = 0;
	assert_ok(link_apply(w->nl, CHANGE_MODIFY, &l, &want));
	l = test_link_get(w->nl, "np0");
	assert_int_equal(l.master, 0);
	assert_false(link_differs(&l, &want));
	want.master = sw.ifindex;
	want.port = odd;
	assert_ok(link_apply(w->nl, CHANGE_MODIFY, &l, &want));
	l = test_link_get(w->nl, "np0");
	assert_memory_equal(&l.port, &odd, sizeof(odd));

	/* From one bridge to another: the kernel forgets the flags, the driver does not. */
	want.master = sw1.ifindex;
	assert_ok(link_apply(w->nl, CHANGE_MODIFY, &l, &want));
	l = test_link_get(w->nl, "np0");
	assert_int_equal(l.master, sw1.ifindex);
	assert_memory_equal(&l.port, &odd, sizeof(odd));

	want.port = LINK_PORT_DEFAULT;
	assert_ok(link_apply(w->nl, CHANGE_MODIFY, &l, &want));
	want.master = 0;
	l = test_link_get(w->nl, "np0");
	assert_ok(link_apply(w->nl, CHANGE_MODIFY, &l, &want));
	l = test_link_get(w->nl, "np0");
	assert_memory_equal(&l.port, &want.port, sizeof(want.port));
}

static void vxlan_in_a_bridge(void **state)
{
	struct world *w = *state;
	struct link sw = test_bridge(w, "sw0"), want = test_link("vxlan", "nx0"), l;

	want.vni = 4242;
	want.master = sw.ifindex;
	l = test_link_add(w->nl, &want);
	assert_string_equal(l.kind, "vxlan");
	assert_false(l.up);
	assert_int_equal(l.master, sw.ifindex);
	snprintf(want.name, sizeof(want.name), "nx1");
	assert_error(link_apply(w->nl, CHANGE_ADD, NULL, &want), EEXIST);
	assert_string_equal(nl_last_message(w->nl), "A VXLAN device with the specified VNI already exists");
}

static void forwarding_entries(void **state)
{
	struct world *w = *state;
	struct link sw = test_bridge(w, "sw0"), sw1 = test_bridge(w, "sw1"), port = test_veth(w, "np0", "eth0"), want = port;
	struct fdb f = { .mac = test_mac("00:15:5d:01:02:03") };
	struct fdb_vec v = { 0 };

	f.port = port.ifindex;
	assert_int_not_equal(fdb_apply(w->nl, CHANGE_ADD, NULL, &f), 0);
	want.master = sw.ifindex;
	assert_ok(link_apply(w->nl, CHANGE_MODIFY, &port, &want));
	assert_ok(fdb_observe(w->nl, 0, &v));
	assert_int_equal(v.n, 0);

	/*
	 * What the bridge has learnt there is no static entry, and is taken over. The port learns once the kernel has told the
	 * bridge of its carrier, which takes a moment.
	 */
	for (int tries = 0; system("bridge fdb add 00:15:5d:01:02:03 dev np0 master dynamic 2>/dev/null") != 0; tries++) {
		assert_true(tries < 500);
		usleep(10000);
	}
	assert_ok(fdb_observe(w->nl, 0, &v));
	assert_int_equal(v.n, 0);
	assert_ok(fdb_apply(w->nl, CHANGE_ADD, NULL, &f));
	assert_ok(fdb_apply(w->nl, CHANGE_ADD, NULL, &f));
	assert_ok(fdb_observe(w->nl, sw.ifindex, &v));
	assert_int_equal(v.n, 1);
	assert_int_equal(v.items[0].bridge, sw.ifindex);
	assert_int_equal(v.items[0].port, port.ifindex);
	assert_memory_equal(&v.items[0].mac, &f.mac, sizeof(f.mac));
	assert_ok(fdb_observe(w->nl, sw1.ifindex, &v));
	assert_int_equal(v.n, 1);
	assert_ok(fdb_observe(w->nl, 0, &v));
	assert_int_equal(v.n, 2);

	assert_ok(fdb_apply(w->nl, CHANGE_DELETE, &f, NULL));
	assert_error(fdb_apply(w->nl, CHANGE_DELETE, &f, NULL), ENOENT);
	v.n = 0;
	assert_ok(fdb_observe(w->nl, 0, &v));
	assert_int_equal(v.n, 0);
	vec_done(&v);
}

static void offloads(void **state)
{
	struct world *w = *state;
	const char *const gro = "rx-gro", *const unknown = "no-such-feature";
	bool is, changed;

	(void)test_veth(w, "np0", "eth0");
	assert_ok(link_offload_is(w->other, "eth0", link_tunnel_offloads, link_n_tunnel_offloads, false, &is));
	assert_false(is);
	assert_ok(link_offload_set(w->other, "eth0", link_tunnel_offloads, link_n_tunnel_offloads, false, &changed));
	assert_true(changed);
	assert_ok(link_offload_is(w->other, "eth0", link_tunnel_offloads, link_n_tunnel_offloads, false, &is));
	assert_true(is);
	assert_ok(link_offload_set(w->other, "eth0", link_tunnel_offloads, link_n_tunnel_offloads, false, &changed));
	assert_false(changed);
	assert_ok(link_offload_set(w->other, "eth0", &unknown, 1, true, &changed));
	assert_false(changed);
	assert_ok(link_offload_set(w->nl, "np0", &gro, 1, true, NULL));
	assert_ok(link_offload_is(w->nl, "np0", &gro, 1, true, &is));
	assert_true(is);
	/* The handle's namespace counts, not the thread's. */
	assert_error(link_offload_set(w->nl, "eth0", &gro, 1, true, NULL), ENODEV);
}

static void details(void **state)
{
	struct world *w = *state;
	const char *const gro = "rx-gro";
	struct link_details d;

	(void)test_veth(w, "np0", "eth0");
	assert_ok(link_offload_set(w->nl, "np0", &gro, 1, true, NULL));
	assert_ok(link_details_get(w->nl, "np0", &d));
	assert_string_equal(d.driver, "veth");
	assert_string_equal(d.bus_info, "");
	assert_string_equal(d.description, "Virtual Ethernet pair");
	assert_int_equal(d.speed_mbps, 10000);
	assert_true(d.full_duplex);
	assert_true(d.gro);
	assert_ok(link_offload_set(w->nl, "np0", &gro, 1, false, NULL));
	assert_ok(link_details_get(w->nl, "np0", &d));
	assert_false(d.gro);
	assert_ok(link_details_get(w->nl, "lo", &d));
	assert_string_equal(d.description, "Network interface");
	assert_error(link_details_get(w->nl, "none", &d), ENODEV);
	assert_error(link_details_get(w->nl, "1234567890123456", &d), EINVAL);
}

struct events {
	unsigned n[NL_EVENT_LOST + 1];
	int last_index[NL_EVENT_LOST + 1];
};

static void count_event(enum nl_event event, int ifindex, void *arg)
{
	struct events *e = arg;

	e->n[event]++;
	e->last_index[event] = ifindex;
}

static void monitor(void **state)
{
	struct world *w = *state;
	_cleanup_(nl_monitor_closep) struct nl_monitor *m = NULL;
	struct events e = { 0 };
	struct link sw;

	assert_ok(nl_monitor_open(NL_MONITOR_LINK | NL_MONITOR_ADDRESS | NL_MONITOR_NEIGH | NL_MONITOR_ROUTE, &m));
	assert_ok(nl_monitor_drain(m, count_event, &e));
	for (size_t i = 0; i < ARRAY_SIZE(e.n); i++)
		assert_int_equal(e.n[i], 0);
	sw = test_bridge(w, "sw0");
	assert_ok(nl_monitor_drain(m, count_event, &e));
	assert_true(e.n[NL_EVENT_LINK] > 0);
	assert_int_equal(e.last_index[NL_EVENT_LINK], sw.ifindex);
	assert_int_equal(e.n[NL_EVENT_UNLINK], 0);
	assert_ok(link_apply(w->nl, CHANGE_DELETE, &sw, NULL));
	assert_ok(nl_monitor_drain(m, count_event, &e));
	assert_int_equal(e.n[NL_EVENT_UNLINK], 1);
	assert_int_equal(e.last_index[NL_EVENT_UNLINK], sw.ifindex);
	assert_int_equal(e.n[NL_EVENT_LOST], 0);
}

static void many_links(void **state)
{
	struct world *w = *state;
	struct link_vec v = { 0 };

	/* More than one datagram of a dump. */
	for (int i = 0; i < 100; i++) {
		struct link l = test_link("veth", "");

		snprintf(l.name, sizeof(l.name), "np%d", i);
		snprintf(l.peer.name, sizeof(l.peer.name), "eth%d", i);
		l.peer.netns_fd = w->other_netns;
		assert_ok(link_apply(w->nl, CHANGE_ADD, NULL, &l));
	}
	assert_ok(link_observe(w->nl, &v));
	assert_int_equal(v.n, 101);
	v.n = 0;
	assert_ok(link_observe(w->other, &v));
	assert_int_equal(v.n, 101);
	vec_done(&v);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int run_link_tests(void)
{
	const struct CMUnitTest tests[] = {
		world_test(fresh_namespace_has_loopback),
		cmocka_unit_test(names),
		world_test(traffic_of_a_link),
		world_test(tap_round_trip),
		world_test(bridge_round_trip),
		world_test(create_refused),
		world_test(veth_into_other_namespace),
		world_test(port_flags),
		world_test(vxlan_in_a_bridge),
		world_test(forwarding_entries),
		world_test(offloads),
		world_test(details),
		world_test(monitor),
		world_test(many_links),
	};

	return cmocka_run_group_tests_name("links", tests, NULL, NULL);
}
