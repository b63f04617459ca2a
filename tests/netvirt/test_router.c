/* SPDX-License-Identifier: Apache-2.0 */
/* What the distributed router's tables hold, and that they say the same as Select-NetVirtualizationNextHop (HN-9). */
#include "netvirt_test.h"

#define BLUE "{11111111-2222-3333-4444-000000000001}"
#define RED "{11111111-2222-3333-4444-000000000002}"

static void on_link(void **state)
{
	struct kit *k = *state;

	lab_uplink(k, "vswitch", "eth0");
	lab_pa(k, 2, "192.168.4.11", 24);
	lab_vm(k, "b1", "vswitch", "000000000111", 5001);
	lab_vm(k, "b2", "vswitch", "000000000211", 5002);
	lab_vm(k, "r1", "vswitch", "000000000311", 6001);
	lab_route(k, BLUE, 5001, "10.0.1.0/24", "0.0.0.0");
	lab_route(k, BLUE, 5002, "10.0.2.0/24", "0.0.0.0");
	lab_route(k, RED, 6001, "10.0.1.0/24", "0.0.0.0");
	lab_record(k, 5001, "10.0.1.11", "000000000111", "192.168.4.11", "");
	lab_record(k, 5002, "10.0.2.12", "000000000212", "192.168.4.22", "");
	lab_record(k, 6001, "10.0.1.12", "000000000312", "192.168.4.22", "");
	/* Without any gateway record there is no router, and nothing to pay for it. */
	lab_assert_wants(k, "R",
			 "at b1 domain 01 router 000000000000 ::\n"
			 "at b2 domain 01 router 000000000000 ::\n"
			 "at r1 domain 02 router 000000000000 ::\n");
	lab_record(k, 5001, "10.0.1.1", "000000000101", "169.254.254.254", "");
	lab_assert_wants(k, "R",
			 "at b1 domain 01 router 000000000101 10.0.1.1\n"
			 "at b2 domain 01 router 000000000000 ::\n"
			 "at r1 domain 02 router 000000000000 ::\n"
			 "from 10.0.2.12 at 192.168.4.22 domain 01 router 000000000000\n"
			 "subnet 5001 domain 01 router 000000000101\n"
			 "subnet 5002 domain 01 router 000000000000\n"
			 "to 10.0.1.0/24 domain 01 sender 0: vsid 5001 router 000000000101 mac 000000000000 on-link\n"
			 "to 10.0.2.0/24 domain 01 sender 0: vsid 5002 router 000000000000 mac 000000000000 on-link\n");
	kit_do(k, "Set-NetVirtualizationGlobal", "{'UseExternalRouter': true}");
	lab_assert_wants(k, "R", "");
}

/* HN-7: of default routes alone, and only where the next hop has no record. */
static void wildcard(void **state)
{
	struct kit *k = *state;

	lab_record(k, 5000, "10.0.1.1", "000000000001", "169.254.254.254", "");
	lab_record(k, 5000, "10.0.1.2", "000000000002", "192.168.4.22", "");
	lab_record(k, 5000, "0.0.0.0", "000000000009", "192.168.4.22", ", 'Type': 'L2Only'");
	lab_record(k, 5000, "0.0.0.0", "000000000003", "192.168.4.23", ", 'Type': 'GatewayWildcard'");
	lab_route(k, BLUE, 5000, "10.0.1.0/24", "0.0.0.0");
	lab_route(k, BLUE, 5000, "0.0.0.0/0", "10.0.1.2");
	lab_route(k, BLUE, 5000, "172.16.0.0/12", "10.0.1.7");
	lab_assert_wants(k, "R",
			 "from 0.0.0.0 at 192.168.4.23 domain 01 router 000000000001\n"
			 "from 10.0.1.2 at 192.168.4.22 domain 01 router 000000000001\n"
			 "subnet 5000 domain 01 router 000000000001\n"
			 "to 0.0.0.0/0 domain 01 sender 0: vsid 5000 router 000000000001 mac 000000000002\n"
			 "to 10.0.1.0/24 domain 01 sender 0: vsid 5000 router 000000000001 mac 000000000000 on-link\n"
			 "to 172.16.0.0/12 domain 01 sender 0: vsid 5000 router 000000000001 mac 000000000000\n");
	kit_do(k, "Remove-NetVirtualizationLookupRecord", "{'CustomerAddress': '10.0.1.2'}");
	lab_assert_wants(k, "R",
			 "from 0.0.0.0 at 192.168.4.23 domain 01 router 000000000001\n"
			 "subnet 5000 domain 01 router 000000000001\n"
			 "to 0.0.0.0/0 domain 01 sender 0: vsid 5000 router 000000000001 mac 000000000003\n"
			 "to 10.0.1.0/24 domain 01 sender 0: vsid 5000 router 000000000001 mac 000000000000 on-link\n"
			 "to 172.16.0.0/12 domain 01 sender 0: vsid 5000 router 000000000001 mac 000000000000\n");
}

/* Both families in one domain: a router of each, with one MAC address or two, and wildcards of their own. */
static void dual_stack(void **state)
{
	struct kit *k = *state;

	lab_uplink(k, "vswitch", "eth0");
	lab_vm(k, "b1", "vswitch", "000000000111", 5001);
	lab_vm(k, "b2", "vswitch", "000000000211", 5002);
	lab_route(k, BLUE, 5001, "10.0.1.0/24", "0.0.0.0");
	lab_route(k, BLUE, 5001, "2001:db8:1::/64", "::");
	lab_route(k, BLUE, 5002, "2001:db8:2::/64", "::");
	lab_route(k, BLUE, 5002, "::/0", "2001:db8:2::99");
	lab_record(k, 5001, "2001:db8:1::1", "000000000161", "169.254.254.254", "");
	lab_record(k, 5001, "2001:db8:1::11", "000000000111", "192.168.4.22", "");
	lab_record(k, 5001, "10.0.1.11", "000000000111", "192.168.4.22", "");
	lab_record(k, 5002, "0.0.0.0", "000000000222", "192.168.4.23", ", 'Type': 'GatewayWildcard'");
	lab_record(k, 5002, "::", "000000000233", "192.168.4.24", ", 'Type': 'GatewayWildcard'");
	/* the router of IPv6 alone: IPv4 has nobody to send to, but its routes are the domain's */
	lab_assert_wants(k, "R",
			 "at b1 domain 01 router 000000000000 :: and 000000000161 2001:db8:1::1\n"
			 "at b2 domain 01 router 000000000000 ::\n"
			 "from 0.0.0.0 at 192.168.4.23 domain 01 router 000000000000\n"
			 "from 10.0.1.11 at 192.168.4.22 domain 01 router 000000000000\n"
			 "from 2001:db8:1::11 at 192.168.4.22 domain 01 router 000000000161\n"
			 "from :: at 192.168.4.24 domain 01 router 000000000000\n"
			 "subnet 5001 domain 01 router 000000000000 and 000000000161\n"
			 "subnet 5002 domain 01 router 000000000000\n"
			 "to 10.0.1.0/24 domain 01 sender 0: vsid 5001 router 000000000000 mac 000000000000 on-link\n"
			 "to 2001:db8:1::/64 domain 01 sender 0: vsid 5001 router 000000000161 mac 000000000000 on-link\n"
			 "to 2001:db8:2::/64 domain 01 sender 0: vsid 5002 router 000000000000 mac 000000000000 on-link\n"
			 "to ::/0 domain 01 sender 0: vsid 5002 router 000000000000 mac 000000000233\n");
	kit_do(k, "Remove-NetVirtualizationLookupRecord", "{'VirtualSubnetID': 5002}");
	lab_record(k, 5001, "10.0.1.1", "000000000101", "169.254.254.254", "");
	lab_record(k, 5002, "2001:db8:2::1", "000000000161", "169.254.254.254", "");
	lab_record(k, 5002, "2001:db8:2::99", "000000000299", "192.168.4.24", "");
	lab_assert_wants(k, "R",
			 "at b1 domain 01 router 000000000101 10.0.1.1 and 000000000161 2001:db8:1::1\n"
			 "at b2 domain 01 router 000000000000 :: and 000000000161 2001:db8:2::1\n"
			 "from 10.0.1.11 at 192.168.4.22 domain 01 router 000000000101\n"
			 "from 2001:db8:1::11 at 192.168.4.22 domain 01 router 000000000161\n"
			 "from 2001:db8:2::99 at 192.168.4.24 domain 01 router 000000000161\n"
			 "subnet 5001 domain 01 router 000000000101 and 000000000161\n"
			 "subnet 5002 domain 01 router 000000000000 and 000000000161\n"
			 "to 10.0.1.0/24 domain 01 sender 0: vsid 5001 router 000000000101 mac 000000000000 on-link\n"
			 "to 2001:db8:1::/64 domain 01 sender 0: vsid 5001 router 000000000161 mac 000000000000 on-link\n"
			 "to 2001:db8:2::/64 domain 01 sender 0: vsid 5002 router 000000000161 mac 000000000000 on-link\n"
			 "to ::/0 domain 01 sender 0: vsid 5002 router 000000000161 mac 000000000299\n");
}

/* Between a record of each rule packets are encapsulated, routed ones too (decision 0007): so both may be who sends. */
static void rewrite_records(void **state)
{
	struct kit *k = *state;

	lab_route(k, BLUE, 5000, "10.0.1.0/24", "0.0.0.0");
	lab_do(k, "New-NetVirtualizationLookupRecord",
	       "{'VirtualSubnetID': 5000, 'CustomerAddress': '10.0.1.5', 'MACAddress': '000000000005', 'ProviderAddress': '192.168.4.22', "
	       "'Rule': 'TranslationMethodNat'}");
	lab_do(k, "New-NetVirtualizationLookupRecord",
	       "{'VirtualSubnetID': 5000, 'CustomerAddress': '10.0.1.1', 'MACAddress': '000000000001', 'ProviderAddress': "
	       "'169.254.254.254', 'Rule': 'TranslationMethodNat'}");
	lab_assert_wants(k, "R",
			 "from 10.0.1.5 at 192.168.4.22 domain 01 router 000000000001\n"
			 "subnet 5000 domain 01 router 000000000001\n"
			 "to 10.0.1.0/24 domain 01 sender 0: vsid 5000 router 000000000001 mac 000000000000 on-link\n");
}

/* As route_lookup() of the dataplane does it. */
static const struct want_route *lookup(const struct netvirt_wants *w, const struct guid *rdid, uint32_t vsid, const struct ip *to)
{
	const struct want_route *best = NULL, *own = NULL;

	vec_foreach(&w->customer_routes, r) {
		const struct want_route **slot = r->sender ? &own : &best;

		if (guid_equal(&r->rdid, rdid) && prefix_contains(&r->prefix, to) && (!r->sender || r->sender == vsid) &&
		    (!*slot || r->prefix.len > (*slot)->prefix.len))
			*slot = r;
	}
	return best && best->own && own && own->prefix.len == best->prefix.len ? own : best;
}

/* The MAC that the dataplane would send to; zero: it drops. */
static struct mac table_answer(struct kit *k, const struct netvirt_wants *w, uint32_t vsid, const struct ip *to)
{
	const struct want_route *r = lookup(w, netvirt_vsid_domain(k->docs, vsid), vsid, to);
	const struct record_doc *record = r && r->on_link ? netvirt_record(k->docs, r->vsid, to) : NULL;

	if (!r)
		return (struct mac){ { 0 } };
	return record ? record->mac : r->mac;
}

/* The table says of the packet what Select-NetVirtualizationNextHop says; 1: there is somebody who gets it. */
static size_t compare(struct kit *k, const struct netvirt_wants *w, uint32_t vsid, const char *text)
{
	const struct record_doc *record = NULL;
	struct err *e = NULL;
	struct mac mac;
	struct ip to;

	assert_int_equal(ip_parse(text, &to), 0);
	mac = table_answer(k, w, vsid, &to);
	if (netvirt_next_hop(k->docs, vsid, &to, &record, &e) == 0) {
		assert_memory_equal(&mac, &record->mac, sizeof(mac));
		return 1;
	}
	assert_true(mac_is_zero(&mac));
	err_free(e);
	return 0;
}

static void add_routes(struct kit *k)
{
	static const struct {
		unsigned vsid;
		const char *prefix, *hop;
		unsigned metric;
	} routes[] = {
		{ 5001, "10.0.1.0/24", "0.0.0.0", 255 }, { 5002, "10.0.2.0/24", "0.0.0.0", 255 },
		{ 5003, "10.0.3.0/24", "0.0.0.0", 255 },
		/* equal in everything but the subnet */
		{ 5001, "172.16.0.0/12", "10.0.1.3", 10 }, { 5002, "172.16.0.0/12", "10.0.2.3", 10 },
		{ 5002, "172.16.0.0/12", "10.0.2.2", 10 }, { 5003, "172.16.0.0/12", "10.0.3.3", 11 },
		/* inside another one, by one subnet only */
		{ 5003, "172.16.5.0/24", "10.0.3.2", 255 }, { 5001, "172.16.6.0/24", "10.0.1.99", 1 },
		/* inside, and equal to, a subnet */
		{ 5001, "10.0.2.128/25", "10.0.1.2", 1 }, { 5001, "10.0.3.0/24", "10.0.1.4", 1 },
		{ 5002, "0.0.0.0/0", "10.0.2.98", 255 }, { 5003, "0.0.0.0/0", "10.0.3.4", 255 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		lab_do(k, "New-NetVirtualizationCustomerRoute",
		       "{'RoutingDomainID': '" BLUE "', 'VirtualSubnetID': %u, 'DestinationPrefix': '%s', 'NextHop': '%s', 'Metric': %u}",
		       routes[i].vsid, routes[i].prefix, routes[i].hop, routes[i].metric);
}

static void same_as_select(void **state)
{
	static const char *const more[] = { "172.16.0.1", "172.16.5.1", "172.16.6.1", "172.31.0.1", "8.8.8.8" };
	struct kit *k = *state;
	struct netvirt_wants w;
	size_t found = 0;

	add_routes(k);
	for (unsigned net = 1; net <= 3; net++) {
		for (unsigned host = 1; host <= 200; host += host < 5 ? 1 : 65) {
			_cleanup_free_ char *ca = xasprintf("10.0.%u.%u", net, host), *mac = xasprintf("0000000%02u%03u", net, host);

			lab_record(k, 5000 + net, ca, mac, host == 1 ? "169.254.254.254" : "192.168.4.22", "");
		}
	}
	lab_record(k, 5002, "0.0.0.0", "000000000002", "192.168.4.22", ", 'Type': 'GatewayWildcard'");
	netvirt_wants(k->docs, &w);
	for (unsigned vsid = 5001; vsid <= 5003; vsid++) {
		for (unsigned i = 0; i < 3 * 256 + ARRAY_SIZE(more); i++) {
			_cleanup_free_ char *text = xasprintf("10.0.%u.%u", 1 + i / 256, i % 256);

			found += compare(k, &w, vsid, i < 3 * 256 ? text : more[i - 3 * 256]);
		}
	}
	assert_true(found > 30);
	netvirt_wants_done(&w);
}

static void same_as_select6(void **state)
{
	static const struct {
		unsigned vsid;
		const char *prefix, *hop;
		unsigned metric;
	} routes[] = {
		{ 5001, "2001:db8:1::/64", "::", 255 }, { 5002, "2001:db8:2::/64", "::", 255 }, { 5002, "10.0.2.0/24", "0.0.0.0", 255 },
		{ 5001, "2001:db8:5000::/36", "2001:db8:1::3", 10 }, { 5002, "2001:db8:5000::/36", "2001:db8:2::3", 10 },
		{ 5002, "2001:db8:5100::/40", "2001:db8:2::2", 255 }, { 5001, "2001:db8:2::8:0/109", "2001:db8:1::2", 1 },
		{ 5001, "::/0", "2001:db8:1::98", 255 }, { 5002, "::/0", "2001:db8:2::98", 7 },
	};
	static const char *const targets[] = {
		"2001:db8:1::", "2001:db8:1::1", "2001:db8:1::2", "2001:db8:1::3", "2001:db8:1::98", "2001:db8:2::1", "2001:db8:2::2",
		"2001:db8:2::8:1", "2001:db8:2::3", "2001:db8:5000::1", "2001:db8:5100::1", "2001:db8:51ff::1", "2620:0:2d0:200::8",
		"::2", "2001:db8:1:1::3", "10.0.2.2", "10.0.3.1",
	};
	struct kit *k = *state;
	struct netvirt_wants w;
	size_t found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		lab_do(k, "New-NetVirtualizationCustomerRoute",
		       "{'RoutingDomainID': '" BLUE "', 'VirtualSubnetID': %u, 'DestinationPrefix': '%s', 'NextHop': '%s', 'Metric': %u}",
		       routes[i].vsid, routes[i].prefix, routes[i].hop, routes[i].metric);
	for (unsigned net = 1; net <= 2; net++) {
		for (unsigned host = 1; host <= 3; host++) {
			_cleanup_free_ char *ca = xasprintf("2001:db8:%u::%u", net, host), *mac = xasprintf("0000000%02u%03u", net, host);

			lab_record(k, 5000 + net, ca, mac, host == 1 ? "169.254.254.254" : "192.168.4.22", "");
		}
	}
	lab_record(k, 5002, "::", "000000000002", "192.168.4.22", ", 'Type': 'GatewayWildcard'");
	lab_record(k, 5002, "0.0.0.0", "000000000009", "192.168.4.22", ", 'Type': 'GatewayWildcard'");
	netvirt_wants(k->docs, &w);
	for (unsigned vsid = 5001; vsid <= 5002; vsid++)
		for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
			found += compare(k, &w, vsid, targets[i]);
	assert_int_equal(found, 25);
	netvirt_wants_done(&w);
	/* on the link, by its record alone */
	lab_record(k, 5002, "fe80::2", "000000000002", "192.168.4.22", "");
	kit_do(k, "Select-NetVirtualizationNextHop", "{'SourceVirtualSubnetID': 5002, 'DestinationCustomerAddress': 'fe80::2'}");
	kit_names(k, "NextHopAddress", "fe80::2");
	kit_refused(k, "Select-NetVirtualizationNextHop", "{'SourceVirtualSubnetID': 5001, 'DestinationCustomerAddress': 'fe80::2'}",
		    "Wnv.NextHopUnresolvable");
}

int router_tests(void)
{
	const struct CMUnitTest tests[] = { kit_test(on_link), kit_test(wildcard), kit_test(rewrite_records), kit_test(dual_stack), kit_test(same_as_select),
					    kit_test(same_as_select6) };

	return cmocka_run_group_tests_name("netvirt/router", tests, NULL, NULL);
}
