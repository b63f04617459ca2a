/* SPDX-License-Identifier: Apache-2.0 */
/* Select-NetVirtualizationNextHop: where a tenant's packet goes (HN-9, cmdlets.md section 6, T6). */
#include "netvirt_test.h"

#define SELECT "Select-NetVirtualizationNextHop"
#define T6     "{11111111-2222-3333-4444-000000000000}"

/* Expected: "next hop's address and MAC", or the error. */
static void expect(struct kit *k, const char *source, unsigned vsid, const char *to, const char *address,
		   const char *mac)
{
	_cleanup_free_ char *parameters =
		xasprintf("{'DestinationCustomerAddress': '%s', 'SourceVirtualSubnetID': %u%s%s%s}", to, vsid,
			  source ? ", 'SourceCustomerAddress': '" : "", source ? source : "", source ? "'" : "");

	if (!mac) {
		kit_refused(k, SELECT, parameters, address);
		return;
	}
	kit_do(k, SELECT, parameters);
	kit_names(k, "NextHopAddress", address);
	kit_names(k, "NextHopMACAddress", mac);
	kit_names(k, "DestinationCustomerAddress", to);
}

static void gateway_policy(struct kit *k)
{
	lab_record(k, 6000, "10.0.0.5", "101010101105", "192.168.4.11", "");
	lab_record(k, 6000, "10.0.0.7", "101010101107", "192.168.4.22", "");
	lab_record(k, 6000, "10.0.0.1", "101010101101", "169.254.254.254", "");
	lab_record(k, 5000, "10.0.1.2", "101010101002", "192.168.4.103", "");
	lab_record(k, 5000, "10.0.1.1", "101010101001", "169.254.254.254", "");
	lab_record(k, 5000, "0.0.0.0", "101010101002", "192.168.4.103", ", 'Type': 'GatewayWildcard'");
	lab_route(k, T6, 6000, "10.0.0.0/24", "0.0.0.0");
	lab_route(k, T6, 5000, "10.0.1.0/24", "0.0.0.0");
	lab_route(k, T6, 5000, "0.0.0.0/0", "10.0.1.2");
}

static void t6(void **state)
{
	struct kit *k = *state;

	gateway_policy(k);
	expect(k, "10.0.0.5", 6000, "10.0.0.7", "10.0.0.7", "101010101107");
	kit_property(k, 0, "SourceVirtualSubnetID", "6000");
	kit_property(k, 0, "SourceCustomerAddress", "'10.0.0.5'");
	kit_property(k, 0, "SourceMACAddress", "'101010101105'");
	/* The router of the subnet itself. */
	expect(k, NULL, 6000, "10.0.0.1", "10.0.0.1", "101010101101");
	kit_property(k, 0, "SourceCustomerAddress", "null");
	kit_property(k, 0, "SourceMACAddress", "null");
	/* Another subnet of the routing domain: the machine there. */
	expect(k, "10.0.0.5", 6000, "10.0.1.2", "10.0.1.2", "101010101002");
	expect(k, NULL, 5000, "10.0.0.7", "10.0.0.7", "101010101107");
	/* Everything else by the gateway. */
	expect(k, "10.0.0.5", 6000, "8.8.8.8", "10.0.1.2", "101010101002");
	expect(k, "10.0.1.2", 5000, "8.8.8.8", "10.0.1.2", "101010101002");
	/* No such machine, neither here nor there. */
	expect(k, NULL, 6000, "10.0.0.99", "Wnv.NextHopUnresolvable", NULL);
	expect(k, NULL, 6000, "10.0.1.99", "Wnv.NextHopUnresolvable", NULL);
	expect(k, NULL, 7000, "10.0.0.5", "Wnv.NextHopUnresolvable", NULL);
	expect(k, NULL, 6000, "2001:db8::1", "Wnv.NextHopUnresolvable", NULL);
	expect(k, "10.0.0.99", 6000, "10.0.0.7", "Wnv.SourceUnknown", NULL);
	expect(k, "10.0.1.2", 6000, "10.0.0.7", "Wnv.SourceUnknown", NULL);
	/* 0.0.0.0 asks for no particular sender. */
	expect(k, "0.0.0.0", 5000, "10.0.0.7", "10.0.0.7", "101010101107");
	kit_property(k, 0, "SourceMACAddress", "null");
	/* Without a record of the gateway's address the wildcard stands in, for default routes alone (HN-7). */
	kit_do(k, "Remove-NetVirtualizationLookupRecord", "{'CustomerAddress': '10.0.1.2'}");
	expect(k, NULL, 6000, "8.8.8.8", "0.0.0.0", "101010101002");
	expect(k, NULL, 6000, "10.0.1.2", "Wnv.NextHopUnresolvable", NULL);
	lab_route(k, T6, 5000, "172.16.0.0/12", "10.0.1.3");
	expect(k, NULL, 6000, "172.16.0.1", "Wnv.NextHopUnresolvable", NULL);
	kit_do(k, "Set-NetVirtualizationGlobal", "{'UseExternalRouter': true}");
	expect(k, NULL, 6000, "8.8.8.8", "Wnv.NextHopUnresolvable", NULL);
	expect(k, NULL, 6000, "10.0.0.7", "10.0.0.7", "101010101107");
	kit_do(k, "Set-NetVirtualizationGlobal", "{'UseExternalRouter': false}");
	kit_do(k, "Remove-NetVirtualizationLookupRecord", "{'CustomerAddress': '0.0.0.0'}");
	expect(k, NULL, 6000, "8.8.8.8", "Wnv.NextHopUnresolvable", NULL);
	kit_refused(k, SELECT, "{'DestinationCustomerAddress': '10.0.0.5'}", "MissingMandatoryParameter");
	kit_refused(k, SELECT, "{'DestinationCustomerAddress': '10.0.0.5', 'SourceVirtualSubnetID': 0}",
		    "Wnv.VsidOutOfRange");
}

/* HN-9: the longest prefix, then the lowest metric, then always the same one. */
static void selection(void **state)
{
	static const char *const order[] = { "10.0.0.9", "10.0.0.10", "10.0.0.11", "10.0.0.4",
					     "10.0.0.6", "10.0.0.7",  "10.0.0.8" };
	struct kit *k = *state;

	lab_route(k, T6, 6000, "10.0.0.0/24", "0.0.0.0");
	for (int i = 2; i < 12; i++) {
		_cleanup_free_ char *ca = xasprintf("10.0.0.%d", i), *mac = xasprintf("0000000000%02d", i);

		lab_record(k, 6000, ca, mac, "192.168.4.11", "");
	}
	lab_route(k, T6, 6000, "0.0.0.0/0", "10.0.0.2");
	expect(k, NULL, 6000, "172.16.5.1", "10.0.0.2", "000000000002");
	lab_route(k, T6, 6000, "172.16.0.0/12", "10.0.0.3");
	expect(k, NULL, 6000, "172.16.5.1", "10.0.0.3", "000000000003");
	lab_route(k, T6, 6000, "172.16.5.0/24", "10.0.0.4");
	expect(k, NULL, 6000, "172.16.5.1", "10.0.0.4", "000000000004");
	expect(k, NULL, 6000, "172.16.6.1", "10.0.0.3", "000000000003");
	expect(k, NULL, 6000, "172.15.5.1", "10.0.0.2", "000000000002");
	lab_do(k, "New-NetVirtualizationCustomerRoute",
	       "{'RoutingDomainID': '" T6
	       "', 'VirtualSubnetID': 6000, 'DestinationPrefix': '172.16.5.0/24', 'NextHop': '10.0.0.5', "
	       "'Metric': 254}");
	expect(k, NULL, 6000, "172.16.5.1", "10.0.0.5", "000000000005");
	kit_do(k, "Set-NetVirtualizationCustomerRoute", "{'NextHop': '10.0.0.4', 'Metric': 1}");
	expect(k, NULL, 6000, "172.16.5.1", "10.0.0.4", "000000000004");
	/* Equal in everything: the lowest next hop, whatever came first; but the sender's own subnet before it. */
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		lab_route(k, T6, 6000, "192.168.0.0/16", order[i]);
	expect(k, NULL, 6000, "192.168.0.1", "10.0.0.4", "000000000004");
	lab_record(k, 6001, "10.0.1.2", "000000000102", "192.168.4.11", "");
	lab_route(k, T6, 6001, "192.168.0.0/16", "10.0.1.2");
	expect(k, NULL, 6001, "192.168.0.1", "10.0.1.2", "000000000102");
	expect(k, NULL, 6000, "192.168.0.1", "10.0.0.4", "000000000004");
	/* Routes of another routing domain lead nowhere from here. */
	lab_record(k, 7000, "10.0.0.2", "000000000202", "192.168.4.11", "");
	lab_route(k, RD1, 7000, "10.0.0.0/24", "0.0.0.0");
	expect(k, NULL, 7000, "10.0.0.2", "10.0.0.2", "000000000202");
	expect(k, NULL, 7000, "8.8.8.8", "Wnv.NextHopUnresolvable", NULL);
}

int next_hop_tests(void)
{
	const struct CMUnitTest tests[] = { kit_test(t6), kit_test(selection) };

	return cmocka_run_group_tests_name("netvirt/next-hop", tests, NULL, NULL);
}
