/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_test.h"

#include "link.h"
#include "vec.h"

static void adapter_add(struct guests *w, struct nl *nl, unsigned n, const char *name, const char *inner,
			const char *mac)
{
	struct link l = link_empty();
	struct guid id = test_guid(n);

	strcpy(l.kind, "veth");
	strcpy(l.name, name);
	strcpy(l.peer.name, inner);
	l.up = true;
	assert_ok(mac_parse(mac, &l.peer.mac));
	assert_ok(guest_netns(w->e, &id, &l.peer.netns_fd));
	assert_ok(link_apply(nl, CHANGE_ADD, NULL, &l));
	close(l.peer.netns_fd);
}

static void adapters(void **state)
{
	struct guests *w = *state;
	struct guest g = start_guest(w, 1, "a");
	_cleanup_nl_ struct nl *nl = NULL;
	struct guest_interface_vec v = { 0 };
	struct guest_interface want = { 0 };
	struct mac mac;

	assert_ok(nl_open(&nl));
	assert_ok(guest_interfaces(w->e, &g.id, &v, NULL));
	assert_int_equal(v.n, 0);
	adapter_add(w, nl, 1, "np0", "eth0", "00155D010203");
	adapter_add(w, nl, 1, "np1", "eth1", "00155D010204");
	assert_ok(guest_interfaces(w->e, &g.id, &v, NULL));
	assert_int_equal(v.n, 2);
	/* The kernel lists them in no order that it promises. */
	if (streq(v.items[0].name, "eth1")) {
		struct guest_interface first = v.items[0];

		v.items[0] = v.items[1];
		v.items[1] = first;
	}
	assert_ok(mac_parse("00155D010203", &mac));
	assert_string_equal(v.items[0].name, "eth0");
	assert_memory_equal(&v.items[0].mac, &mac, sizeof(mac));
	assert_int_equal(v.items[0].mtu, 1500);
	assert_false(v.items[0].up);
	assert_string_equal(v.items[1].name, "eth1");

	strcpy(want.name, "eth0");
	want.up = true;
	want.mtu = 1458;
	assert_ok(guest_set_interface(w->e, &g.id, &want));
	assert_run(w, 1, "cat /sys/class/net/eth0/mtu /sys/class/net/eth0/flags /sys/class/net/eth1/flags",
		   "1458\n0x1003\n0x1002\n", 0);
	/* By index, a new name for a link that is up; mtu 0 leaves it. */
	want.ifindex = v.items[0].ifindex;
	want.mtu = 0;
	strcpy(want.name, "lan0");
	want.mac = mac;
	want.mac.b[5] = 0x99;
	assert_ok(guest_set_interface(w->e, &g.id, &want));
	assert_run(w, 1, "cat /sys/class/net/lan0/mtu /sys/class/net/lan0/flags /sys/class/net/lan0/address",
		   "1458\n0x1003\n00:15:5d:01:02:99\n", 0);

	strcpy(want.name, "eth1");
	assert_error(guest_set_interface(w->e, &g.id, &want), EEXIST);
	memset(want.name, 'x', sizeof(want.name));
	assert_error(guest_set_interface(w->e, &g.id, &want), EINVAL);
	want.ifindex = 4711;
	assert_error(guest_set_interface(w->e, &g.id, &want), ENODEV);
	g.id = test_guid(2);
	assert_error(guest_set_interface(w->e, &g.id, &want), ENOENT);
	assert_error(guest_interfaces(w->e, &g.id, &v, NULL), ENOENT);
	assert_int_equal(v.n, 2);
	vec_done(&v);
}

static void addresses(void **state)
{
	struct guests *w = *state;
	struct guest g = start_guest(w, 1, "a");
	_cleanup_nl_ struct nl *nl = NULL;
	struct guest_interface_vec v = { 0 };
	struct guest_address_vec a = { 0 };
	struct ip v4, v6;

	assert_ok(nl_open(&nl));
	adapter_add(w, nl, 1, "np0", "eth0", "00155D010203");
	assert_run(w, 1,
		   "ip link set eth0 up && ip addr add 10.0.0.5/24 dev eth0 && ip addr add fd00::5/64 dev eth0 nodad",
		   "", 0);
	assert_ok(ip_parse("10.0.0.5", &v4));
	assert_ok(ip_parse("fd00::5", &v6));
	assert_ok(guest_interfaces(w->e, &g.id, &v, &a));
	assert_int_equal(v.n, 1);
	assert_true(v.items[0].carrier);
	assert_int_equal(a.n, 2);
	for (size_t i = 0; i < 2; i++) {
		bool is_v4 = ip_is_v4(&a.items[i].ip);

		assert_true(ip_equal(&a.items[i].ip, is_v4 ? &v4 : &v6));
		assert_int_equal(a.items[i].prefix_len, is_v4 ? 24 : 64);
		assert_int_equal(a.items[i].ifindex, v.items[0].ifindex);
	}
	assert_int_not_equal(ip_is_v4(&a.items[0].ip), ip_is_v4(&a.items[1].ip));
	vec_done(&v);
	vec_done(&a);
}

int run_interface_tests(void)
{
	const struct CMUnitTest tests[] = { guests_test(adapters), guests_test(addresses) };

	return cmocka_run_group_tests_name("interfaces of guests", tests, NULL, NULL);
}
