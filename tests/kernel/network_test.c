/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_test.h"

#include <fcntl.h>
#include <poll.h>
#include <time.h>

#include "address.h"
#include "htb.h"
#include "neigh.h"
#include "route.h"

static struct address address(int ifindex, const char *ip, uint8_t len)
{
	return (struct address){ .ifindex = ifindex, .ip = test_ip(ip), .prefix_len = len };
}

static const struct address *find_address(const struct address_vec *v, const char *text)
{
	struct ip ip = test_ip(text);

	vec_foreach(v, a)
		if (ip_equal(&a->ip, &ip))
			return a;
	return NULL;
}

static void addresses(void **state)
{
	struct world *w = *state;
	struct link l = test_bridge(w, "sw0"), other = test_bridge(w, "sw1");
	struct address a4 = address(l.ifindex, "10.0.0.5", 24), a6 = address(l.ifindex, "fd00::5", 64), changed;
	struct address_vec v = { 0 };

	a4.flags = ADDRESS_NOPREFIXROUTE;
	a4.proto = a6.proto = ADDRESS_PROTO_NESTOR;
	a6.flags = ADDRESS_NODAD;
	assert_ok(address_apply(w->nl, CHANGE_ADD, NULL, &a4));
	assert_ok(address_apply(w->nl, CHANGE_ADD, NULL, &a6));
	assert_error(address_apply(w->nl, CHANGE_ADD, NULL, &a4), EEXIST);
	assert_error(address_apply(w->nl, CHANGE_ADD, NULL, &a6), EEXIST);

	assert_ok(address_observe(w->nl, l.ifindex, &v));
	assert_non_null(find_address(&v, "10.0.0.5"));
	assert_memory_equal(find_address(&v, "10.0.0.5"), &a4, sizeof(a4));
	assert_memory_equal(find_address(&v, "fd00::5"), &a6, sizeof(a6));
	v.n = 0;
	assert_ok(address_observe(w->nl, other.ifindex, &v));
	assert_null(find_address(&v, "10.0.0.5"));
	assert_ok(address_observe(w->nl, 0, &v));
	assert_non_null(find_address(&v, "10.0.0.5"));

	changed = a6;
	changed.flags |= ADDRESS_NOPREFIXROUTE;
	assert_ok(address_apply(w->nl, CHANGE_MODIFY, &a6, &changed));
	v.n = 0;
	assert_ok(address_observe(w->nl, l.ifindex, &v));
	assert_int_equal(find_address(&v, "fd00::5")->flags & ADDRESS_NOPREFIXROUTE, ADDRESS_NOPREFIXROUTE);
	assert_error(address_apply(w->nl, CHANGE_MODIFY, &a6, &a4), EINVAL);

	assert_ok(address_apply(w->nl, CHANGE_DELETE, &a4, NULL));
	assert_ok(address_apply(w->nl, CHANGE_DELETE, &a6, NULL));
	assert_error(address_apply(w->nl, CHANGE_DELETE, &a4, NULL), EADDRNOTAVAIL);
	assert_error(address_apply(w->nl, CHANGE_DELETE, &a6, NULL), EADDRNOTAVAIL);
	v.n = 0;
	assert_ok(address_observe(w->nl, l.ifindex, &v));
	assert_null(find_address(&v, "10.0.0.5"));
	assert_null(find_address(&v, "fd00::5"));
	vec_done(&v);
}

/* A group is joined for as long as the link has its address, and whoever added it may have ended. */
static void addresses_joined(void **state)
{
	struct world *w = *state;
	struct link l = test_bridge(w, "sw0");
	struct address own = address(l.ifindex, "10.0.0.5", 24), group = address(l.ifindex, "239.1.2.3", 32), unicast = own;
	struct address_vec v = { 0 };

	group.proto = ADDRESS_PROTO_NESTOR;
	assert_error(address_apply(w->nl, CHANGE_ADD, NULL, &group), EINVAL);
	unicast.flags = ADDRESS_JOIN;
	assert_error(address_apply(w->nl, CHANGE_ADD, NULL, &unicast), EINVAL);
	group.flags = ADDRESS_JOIN;
	assert_ok(address_apply(w->nl, CHANGE_ADD, NULL, &group));
	assert_ok(address_apply(w->nl, CHANGE_ADD, NULL, &own));
	assert_error(address_apply(w->nl, CHANGE_ADD, NULL, &group), EEXIST);
	assert_ok(address_observe(w->nl, l.ifindex, &v));
	assert_memory_equal(find_address(&v, "239.1.2.3"), &group, sizeof(group));
	assert_int_equal(system("grep -q 030201EF /proc/net/igmp"), 0);
	/* first though it is, it is nobody's source */
	assert_int_equal(system("ip link set sw0 up && ip route get 10.0.0.9 | grep -q 'src 10.0.0.5'"), 0);
	assert_ok(address_apply(w->nl, CHANGE_DELETE, &group, NULL));
	assert_int_equal(system("grep -q 030201EF /proc/net/igmp") != 0, 1);
	v.n = 0;
	assert_ok(address_observe(w->nl, l.ifindex, &v));
	assert_null(find_address(&v, "239.1.2.3"));
	vec_done(&v);
}

static void token_bucket(void **state)
{
	struct world *w = *state;
	struct link l = test_veth(w, "nq0", "nr0"), other = test_veth(w, "nq1", "nr1");
	struct htb_class slow = { 7, 125000 }, fast = { 65535, 12500000000 }, changed = { 7, 1 }, bad = { 0, 1 };
	struct htb_class_vec v = { 0 };
	bool root = true;

	assert_ok(htb_observe(w->nl, l.ifindex, &root, &v));
	assert_false(root);
	assert_ok(htb_create(w->nl, l.ifindex));
	assert_error(htb_create(w->nl, l.ifindex), EEXIST);
	assert_ok(htb_apply(w->nl, l.ifindex, CHANGE_ADD, NULL, &slow));
	assert_error(htb_apply(w->nl, l.ifindex, CHANGE_ADD, NULL, &slow), EEXIST);
	/* more than 32 bits say */
	assert_ok(htb_apply(w->nl, l.ifindex, CHANGE_ADD, NULL, &fast));
	assert_ok(htb_observe(w->nl, l.ifindex, &root, &v));
	assert_true(root);
	assert_int_equal(v.n, 2);
	for (size_t i = 0; i < v.n; i++) {
		const struct htb_class *want = v.items[i].id == slow.id ? &slow : &fast;

		assert_int_equal(v.items[i].id, want->id);
		assert_int_equal(v.items[i].rate, want->rate);
	}
	assert_ok(htb_apply(w->nl, l.ifindex, CHANGE_MODIFY, &slow, &changed));
	assert_ok(htb_apply(w->nl, l.ifindex, CHANGE_DELETE, &fast, NULL));
	assert_error(htb_apply(w->nl, l.ifindex, CHANGE_DELETE, &fast, NULL), ENOENT);
	v.n = 0;
	assert_ok(htb_observe(w->nl, l.ifindex, &root, &v));
	assert_int_equal(v.n, 1);
	assert_int_equal(v.items[0].rate, 1);
	assert_error(htb_apply(w->nl, l.ifindex, CHANGE_ADD, NULL, &bad), EINVAL);
	bad = (struct htb_class){ 65536, 1 };
	assert_error(htb_apply(w->nl, l.ifindex, CHANGE_ADD, NULL, &bad), EINVAL);
	bad = (struct htb_class){ 1, 0 };
	assert_error(htb_apply(w->nl, l.ifindex, CHANGE_ADD, NULL, &bad), EINVAL);
	/* another device's, and none of ours, are not seen */
	assert_int_equal(system("tc qdisc add dev nq1 root handle 1: htb && tc class add dev nq1 parent 1: classid 1:7 htb rate 1mbit"), 0);
	v.n = 0;
	assert_ok(htb_observe(w->nl, other.ifindex, &root, &v));
	assert_false(root);
	assert_int_equal(v.n, 0);
	vec_done(&v);
}

static void addresses_refused(void **state)
{
	struct world *w = *state;
	struct link l = test_bridge(w, "sw0");
	struct address a = address(l.ifindex, "10.0.0.5", 33);

	assert_error(address_apply(w->nl, CHANGE_ADD, NULL, &a), EINVAL);
	a = address(l.ifindex, "fd00::1", 129);
	assert_error(address_apply(w->nl, CHANGE_ADD, NULL, &a), EINVAL);
	a = address(l.ifindex, "224.0.0.1", 24);
	assert_error(address_apply(w->nl, CHANGE_ADD, NULL, &a), EINVAL);
	a = address(l.ifindex, "0.0.0.0", 24);
	assert_error(address_apply(w->nl, CHANGE_ADD, NULL, &a), EINVAL);
	a = address(0, "10.0.0.5", 24);
	assert_error(address_apply(w->nl, CHANGE_ADD, NULL, &a), ENODEV);
	a = address(4711, "10.0.0.5", 24);
	assert_error(address_apply(w->nl, CHANGE_ADD, NULL, &a), ENODEV);
}

static struct route route(const char *dst, const char *gateway, int ifindex, uint32_t metric)
{
	struct route r = { .ifindex = ifindex, .metric = metric, .protocol = ROUTE_PROTOCOL_NESTOR };

	assert_ok(prefix_parse(dst, &r.dst, NULL));
	if (gateway)
		r.gateway = test_ip(gateway);
	return r;
}

static bool has_route(struct nl *nl, const struct route *want)
{
	struct route_vec v = { 0 };
	bool found = false;

	assert_ok(route_observe(nl, ROUTE_PROTOCOL_NESTOR, &v));
	vec_foreach(&v, r)
		found |= memcmp(r, want, sizeof(*r)) == 0;
	vec_done(&v);
	return found;
}

static void routes_of_family(struct world *w, struct route on_link, struct route by_gateway, const char *second_gateway)
{
	struct route_vec v = { 0 };
	struct route changed, other;

	assert_ok(route_apply(w->nl, CHANGE_ADD, NULL, &on_link));
	assert_error(route_apply(w->nl, CHANGE_ADD, NULL, &on_link), EEXIST);
	assert_ok(route_apply(w->nl, CHANGE_ADD, NULL, &by_gateway));
	assert_true(has_route(w->nl, &on_link));
	assert_true(has_route(w->nl, &by_gateway));

	changed = by_gateway;
	changed.gateway = test_ip(second_gateway);
	assert_ok(route_apply(w->nl, CHANGE_MODIFY, &by_gateway, &changed));
	assert_true(has_route(w->nl, &changed));
	assert_false(has_route(w->nl, &by_gateway));
	other = changed;
	other.metric++;
	assert_error(route_apply(w->nl, CHANGE_MODIFY, &changed, &other), EINVAL);

	/* What is not ours is not ours to delete. */
	other = changed;
	other.protocol = 3;
	assert_error(route_apply(w->nl, CHANGE_DELETE, &other, NULL), ESRCH);
	assert_ok(route_apply(w->nl, CHANGE_DELETE, &changed, NULL));
	assert_error(route_apply(w->nl, CHANGE_DELETE, &changed, NULL), ESRCH);
	assert_ok(route_apply(w->nl, CHANGE_DELETE, &on_link, NULL));
	assert_ok(route_observe(w->nl, ROUTE_PROTOCOL_NESTOR, &v));
	assert_int_equal(v.n, 0);
	vec_done(&v);
}

static void routes(void **state)
{
	struct world *w = *state;
	struct link l;
	struct route_vec v = { 0 };
	struct route r;
	struct address a4, a6;

	assert_ok(route_observe(w->nl, 0, &v));
	assert_int_equal(v.n, 0);
	l = test_bridge(w, "sw0");
	a4 = address(l.ifindex, "10.0.0.5", 24);
	a6 = address(l.ifindex, "fd00::5", 64);
	a6.flags = ADDRESS_NODAD;
	assert_ok(address_apply(w->nl, CHANGE_ADD, NULL, &a4));
	assert_ok(address_apply(w->nl, CHANGE_ADD, NULL, &a6));
	/* The kernel's own routes are seen without a filter alone. */
	assert_ok(route_observe(w->nl, 0, &v));
	assert_true(v.n >= 2);

	routes_of_family(w, route("10.1.0.0/16", NULL, l.ifindex, 0), route("0.0.0.0/0", "10.0.0.1", l.ifindex, 7),
			 "10.0.0.2");
	routes_of_family(w, route("fd01::/48", NULL, l.ifindex, ROUTE_METRIC_IPV6),
			 route("::/0", "fd00::1", l.ifindex, 7), "fd00::2");

	r = route("10.2.0.0/16", "192.168.1.1", l.ifindex, 0);
	assert_error(route_apply(w->nl, CHANGE_ADD, NULL, &r), ENETUNREACH);
	assert_string_equal(nl_last_message(w->nl), "Nexthop has invalid gateway");
	r = route("fd02::/48", NULL, l.ifindex, 0);
	assert_error(route_apply(w->nl, CHANGE_ADD, NULL, &r), EINVAL);
	r = route("10.2.0.0/16", "fd00::1", l.ifindex, 0);
	assert_error(route_apply(w->nl, CHANGE_ADD, NULL, &r), EINVAL);
	r = route("10.2.0.0/16", NULL, 4711, 0);
	assert_error(route_apply(w->nl, CHANGE_ADD, NULL, &r), ENODEV);
	vec_done(&v);
}

/* false: no such entry. */
static bool get_neigh(struct nl *nl, int ifindex, const char *text, struct neigh *ret)
{
	struct ip ip = test_ip(text);
	struct neigh_vec v = { 0 };
	bool found = false;

	assert_ok(neigh_observe(nl, ifindex, &v));
	vec_foreach(&v, n)
		if (ip_equal(&n->ip, &ip)) {
			*ret = *n;
			found = true;
		}
	vec_done(&v);
	return found;
}

/*
 * Waits for the kernel to tell of neighbours until the entry is in this state. Long: the kernel asks by IPv6 only when the interface's
 * link-local address has passed duplicate address detection, which waits for a lock that every namespace on the machine wants,
 * and asks anew every five seconds.
 */
static void wait_neigh(struct nl *nl, struct nl_monitor *m, int ifindex, const char *ip, enum neigh_state state)
{
	struct pollfd p = { .fd = nl_monitor_fd(m), .events = POLLIN };
	time_t deadline = time(NULL) + 90;
	struct neigh n = { 0 };

	while (!get_neigh(nl, ifindex, ip, &n) || n.state != state) {
		char buf[8192];

		if (time(NULL) > deadline)
			fail_msg("%s never came to state %d, but is in %d", ip, state, n.state);
		(void)poll(&p, 1, 100);
		while (read(p.fd, buf, sizeof(buf)) > 0)
			;
	}
}

static void neighbours_of_family(struct world *w, struct nl_monitor *m, int ifindex, const char *alive,
				 const char *dead)
{
	struct neigh e = { .ifindex = ifindex, .ip = test_ip(alive), .managed = true, .protocol = NEIGH_PROTOCOL_NESTOR };
	struct link peer = test_link_get(w->other, "eth0");
	struct neigh n;

	assert_false(get_neigh(w->nl, ifindex, alive, &n));
	assert_ok(neigh_apply(w->nl, CHANGE_ADD, NULL, &e));
	assert_true(neigh_is_managed());
	wait_neigh(w->nl, m, ifindex, alive, NEIGH_RESOLVED);
	assert_true(get_neigh(w->nl, ifindex, alive, &n));
	assert_memory_equal(&n.mac, &peer.mac, sizeof(n.mac));
	assert_true(n.managed);
	assert_int_equal(n.protocol, NEIGH_PROTOCOL_NESTOR);
	/* Again is no error. */
	assert_ok(neigh_apply(w->nl, CHANGE_ADD, NULL, &e));
	assert_ok(neigh_apply(w->nl, CHANGE_DELETE, &e, NULL));
	assert_error(neigh_apply(w->nl, CHANGE_DELETE, &e, NULL), ENOENT);

	e.managed = false;
	assert_error(neigh_apply(w->nl, CHANGE_ADD, NULL, &e), EINVAL);
	e.mac = test_mac("02:00:00:00:00:99");
	assert_ok(neigh_apply(w->nl, CHANGE_ADD, NULL, &e));
	assert_true(get_neigh(w->nl, ifindex, alive, &n));
	assert_int_equal(n.state, NEIGH_PERMANENT);
	assert_memory_equal(&n.mac, &e.mac, sizeof(n.mac));
	assert_ok(neigh_apply(w->nl, CHANGE_DELETE, &e, NULL));

	e.ip = test_ip(dead);
	assert_ok(neigh_probe(w->nl, ifindex, &e.ip));
	wait_neigh(w->nl, m, ifindex, dead, NEIGH_FAILED);
	assert_true(get_neigh(w->nl, ifindex, dead, &n));
	assert_true(mac_is_zero(&n.mac));
}

/* Three unanswered questions take three seconds otherwise. The file is that of the thread's namespace. */
static void ask_fast(const char *family)
{
	_cleanup_free_ char *path = xasprintf("/proc/sys/net/%s/neigh/np0/retrans_time_ms", family);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_ok(write_all(fd, "50", 2));
}

static void neighbours(void **state)
{
	struct world *w = *state;
	struct link l = test_veth(w, "np0", "eth0"), inner = test_link_get(w->other, "eth0");
	struct address a[] = {
		address(l.ifindex, "10.0.0.1", 24), address(inner.ifindex, "10.0.0.2", 24),
		address(l.ifindex, "fd00::1", 64), address(inner.ifindex, "fd00::2", 64),
	};
	_cleanup_(nl_monitor_closep) struct nl_monitor *m = NULL;
	struct neigh e = { .ifindex = 4711, .ip = test_ip("10.0.0.2"), .managed = true };

	assert_ok(nl_monitor_open(NL_MONITOR_NEIGH, &m));
	ask_fast("ipv4");
	ask_fast("ipv6");
	for (size_t i = 0; i < ARRAY_SIZE(a); i++) {
		a[i].flags = ADDRESS_NODAD;
		assert_ok(address_apply(i % 2 ? w->other : w->nl, CHANGE_ADD, NULL, &a[i]));
	}
	neighbours_of_family(w, m, l.ifindex, "10.0.0.2", "10.0.0.9");
	neighbours_of_family(w, m, l.ifindex, "fd00::2", "fd00::9");
	assert_error(neigh_apply(w->nl, CHANGE_ADD, NULL, &e), ENODEV);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int run_network_tests(void)
{
	const struct CMUnitTest tests[] = {
		world_test(addresses), world_test(addresses_joined), world_test(token_bucket),
		world_test(addresses_refused), world_test(routes), world_test(neighbours),
	};

	return cmocka_run_group_tests_name("addresses, routes, neighbours", tests, NULL, NULL);
}
