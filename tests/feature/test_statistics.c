/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "adapter.h"
#include "kit.h"
#include "vm.h"

/* The first adapter of the VM, or of the management OS (name NULL). */
static const struct adapter_doc *adapter_of(struct kit *k, const char *vm)
{
	static const struct guid host;
	adapter_vec all = { 0 };
	const struct adapter_doc *a;

	adapter_of_vm(k->docs, vm ? &vm_by_name(k->docs, vm)->id : &host, &all);
	assert_true(all.n > 0);
	a = all.items[0];
	vec_done(&all);
	return a;
}

static const char *port_of(struct kit *k, const char *vm, char buf[static 16])
{
	return adapter_port_name(&adapter_of(k, vm)->id, buf);
}

/* By the link it carried 1, 2, 3, 4; by the dataplane 10 times as much. */
static void carried(struct kit *k, const char *vm)
{
	struct kit_traffic t = { .plain = { 1, 2, 3, 4 }, .dataplane = { 10, 20, 30, 40 } };

	port_of(k, vm, t.link);
	vec_push(&k->traffic, t);
}

/*
 * a: VSID 5010, b: none, c: no port; and an adapter of the host. a's port has index 7, the host's 9, the uplink's eth0 2.
 */
static void make_host(struct kit *k)
{
	char port[16];

	kit_do(k, "New-VMSwitch", "{'Name': 'int', 'SwitchType': 'Internal'}");
	kit_do(k, "New-VM", "{'Name': 'a', 'Engine': 'Namespace', 'SwitchName': 'int'}");
	kit_do(k, "New-VM", "{'Name': 'b', 'Engine': 'Namespace', 'SwitchName': 'int'}");
	kit_do(k, "New-VM", "{'Name': 'c', 'Engine': 'Namespace', 'SwitchName': 'int'}");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'a', 'VirtualSubnetId': 5010}");
	carried(k, "a");
	carried(k, "b");
	carried(k, NULL);
	kit_drop(k, 0, "", 1, 1);
	kit_drop(k, 2, "eth0", 2, 1000);
	kit_drop(k, 5, "veth5", 2, 6);
	kit_drop(k, 7, port_of(k, "a", port), 0, 20);
	kit_drop(k, 7, port_of(k, "a", port), 1, 300);
	kit_drop(k, 9, port_of(k, NULL, port), 0, 5);
}

static void adapter_counts(void **state)
{
	struct kit *k = *state;
	_cleanup_free_ char *port = NULL;
	char buf[16];

	make_host(k);
	port = xasprintf("'%s'", port_of(k, "a", buf));
	kit_do(k, "Get-VMNetworkAdapterStatistics", "{'VMName': 'a'}");
	assert_string_equal(json_string_value(json_object_get(k->result, "type")), "VMNetworkAdapterStatistics");
	kit_names(k, "VMName", "a");
	kit_property(k, 0, "Name", "'Network Adapter'");
	kit_property(k, 0, "PortName", port);
	kit_property(k, 0, "VirtualSubnetId", "5010");
	kit_property(k, 0, "SentPackets", "10");
	kit_property(k, 0, "SentBytes", "20");
	kit_property(k, 0, "ReceivedPackets", "30");
	kit_property(k, 0, "ReceivedBytes", "40");
	kit_property(k, 0, "DroppedPackets", "320");
	kit_property(k, 0, "Drops",
		     "[{'Reason':'MAC_SPOOFED','Packets':20,'Rule':'NN-1','Description':"
		     "'the source MAC address is another's'},{'Reason':'NO_RECORD','Packets':300,'Rule':'2.5',"
		     "'Description':'no record has this destination'}]");
}

/* Without a VSID the link counts; without a port nothing was carried. */
static void adapter_counts_without_vsid(void **state)
{
	struct kit *k = *state;

	make_host(k);
	kit_do(k, "Get-VMNetworkAdapterStatistics", "{'VMName': ['b', 'c']}");
	kit_names(k, "VMName", "b c");
	kit_property(k, 0, "SentPackets", "1");
	kit_property(k, 0, "SentBytes", "2");
	kit_property(k, 0, "ReceivedPackets", "3");
	kit_property(k, 0, "ReceivedBytes", "4");
	kit_property(k, 0, "DroppedPackets", "0");
	kit_property(k, 0, "Drops", "[]");
	kit_property(k, 1, "SentPackets", "0");
	kit_property(k, 1, "ReceivedBytes", "0");
}

static void adapter_selection(void **state)
{
	struct kit *k = *state;
	json_t *input;

	make_host(k);
	kit_do(k, "Get-VMNetworkAdapterStatistics", "{'All': true}");
	kit_names(k, "VMName", "- a b c");
	kit_do(k, "Get-VMNetworkAdapterStatistics", "{'VMName': '[ab]', 'Name': 'net*'}");
	kit_names(k, "VMName", "a b");
	kit_do(k, "Get-VMNetworkAdapterStatistics", "{'ManagementOS': true}");
	kit_names(k, "Name", "int");
	kit_property(k, 0, "VMName", "null");
	kit_property(k, 0, "DroppedPackets", "5");
	input = kit_get(k, "Get-VM", "{'Name': ['a', 'c']}");
	kit_pipe(k, "Get-VMNetworkAdapterStatistics", "{}", input);
	kit_no_errors(k);
	kit_names(k, "VMName", "a c");
	json_decref(input);
	input = kit_get(k, "Get-VMNetworkAdapter", "{'VMName': 'b'}");
	kit_pipe(k, "Get-VMNetworkAdapterStatistics", "{}", input);
	kit_no_errors(k);
	kit_names(k, "VMName", "b");
	json_decref(input);
}

static void adapter_refusals(void **state)
{
	struct kit *k = *state;
	static const struct refusal cases[] = {
		REFUSED("Get-VMNetworkAdapterStatistics", "{}", "MissingMandatoryParameter"),
		REFUSED("Get-VMNetworkAdapterStatistics", "{'VMName': 'zz'}", "InvalidParameter"),
		REFUSED("Get-VMNetworkAdapterStatistics", "{'VMName': 'a', 'All': true}", "AmbiguousParameterSet"),
		REFUSED("Get-VMNetworkAdapterStatistics", "{'VMName': 'a', 'Name': 'zz'}", "InvalidParameter"),
		REFUSED("Get-NetVirtualizationStatistics", "{'VMName': 'zz'}", "InvalidParameter"),
		REFUSED("Get-NetVirtualizationStatistics", "{'Reason': 'ZZ'}", "CmdletizationQuery_NotFound_Reason"),
		REFUSED("Get-NetVirtualizationStatistics", "{'InterfaceIndex': 99}",
			"CmdletizationQuery_NotFound_InterfaceIndex"),
		REFUSED("Get-NetVirtualizationStatistics", "{'InterfaceIndex': -1}", "ParameterArgumentValidationError"),
		REFUSED("Get-NetVirtualizationStatistics", "{'Summary': true, 'Reason': '*'}", "AmbiguousParameterSet"),
	};

	make_host(k);
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
}

static void unreadable(void **state)
{
	struct kit *k = *state;

	make_host(k);
	k->traffic_error = -EIO;
	kit_refused(k, "Get-VMNetworkAdapterStatistics", "{'VMName': 'a'}", "Adapter.StatisticsFailed");
	kit_one_error(k, "Adapter.StatisticsFailed", "Network Adapter");
	k->drops_error = -EIO;
	kit_refused(k, "Get-VMNetworkAdapterStatistics", "{'VMName': 'a'}", "Adapter.StatisticsFailed");
	kit_refused(k, "Get-NetVirtualizationStatistics", "{}", "Wnv.StatisticsFailed");
	kit_refused(k, "Get-NetVirtualizationStatistics", "{'Summary': true}", "Wnv.StatisticsFailed");
	k->drops_error = 0;
	k->nics_error = -EIO;
	kit_refused(k, "Get-NetVirtualizationStatistics", "{}", "Wnv.StatisticsFailed");
}

static void drops_by_device(void **state)
{
	struct kit *k = *state;

	make_host(k);
	kit_do(k, "Get-NetVirtualizationStatistics", "{}");
	assert_string_equal(json_string_value(json_object_get(k->result, "type")), "NetVirtualizationStatistics");
	kit_names(k, "Adapter", "(others) eth0 veth5 a: Network Adapter a: Network Adapter vEthernet (int)");
	kit_names(k, "Reason", "NO_RECORD WRONG_SOURCE WRONG_SOURCE MAC_SPOOFED NO_RECORD MAC_SPOOFED");
	kit_property(k, 0, "InterfaceIndex", "0");
	kit_property(k, 0, "InterfaceName", "null");
	kit_property(k, 1, "InterfaceName", "'eth0'");
	kit_property(k, 1, "InterfaceIndex", "2");
	kit_property(k, 1, "VMName", "null");
	kit_property(k, 1, "Packets", "1000");
	kit_property(k, 1, "Rule", "''");
	kit_property(k, 1, "Description", "'the outer source is wrong'");
	kit_property(k, 4, "VMName", "'a'");
	kit_property(k, 4, "Packets", "300");
	kit_property(k, 4, "Rule", "'2.5'");
}

static void drops_filtered(void **state)
{
	struct kit *k = *state;

	make_host(k);
	kit_do(k, "Get-NetVirtualizationStatistics", "{'Reason': 'mac_spoofed'}");
	kit_names(k, "Adapter", "a: Network Adapter vEthernet (int)");
	kit_do(k, "Get-NetVirtualizationStatistics", "{'Reason': ['*SOURCE', 'NO_RECORD']}");
	kit_names(k, "Reason", "NO_RECORD WRONG_SOURCE WRONG_SOURCE NO_RECORD");
	kit_do(k, "Get-NetVirtualizationStatistics", "{'VMName': '*'}");
	kit_names(k, "Reason", "MAC_SPOOFED NO_RECORD");
	kit_do(k, "Get-NetVirtualizationStatistics", "{'VMName': 'a', 'Reason': 'NO*'}");
	kit_names(k, "Reason", "NO_RECORD");
	kit_do(k, "Get-NetVirtualizationStatistics", "{'InterfaceIndex': [2, 9]}");
	kit_names(k, "Adapter", "eth0 vEthernet (int)");
	/* Nothing dropped is good news, no error. */
	kit_do(k, "Get-NetVirtualizationStatistics", "{'VMName': 'b'}");
	assert_int_equal(kit_count(k, "objects"), 0);
	kit_do(k, "Get-NetVirtualizationStatistics", "{'InterfaceIndex': 3}");
	assert_int_equal(kit_count(k, "objects"), 0);
	kit_do(k, "Get-NetVirtualizationStatistics", "{'Reason': 'zz*'}");
	assert_int_equal(kit_count(k, "objects"), 0);
}

static void summary(void **state)
{
	struct kit *k = *state;

	make_host(k);
	kit_do(k, "New-VMSwitch", "{'Name': 'ext', 'NetAdapterName': 'eth0', 'AllowManagementOS': false}");
	kit_do(k, "Enable-NetAdapterBinding", "{'Name': 'eth0', 'ComponentID': 'ms_netwnv'}");
	for (int i = 0; i < 3; i++) {
		_cleanup_free_ char *record = xasprintf(
			"{'VirtualSubnetID': 5010, 'CustomerAddress': '10.0.0.%d', 'MACAddress': '00000000001%d',"
			" 'ProviderAddress': '192.0.2.1', 'Rule': 'TranslationMethodEncap'}", i + 1, i);

		kit_do(k, "New-NetVirtualizationLookupRecord", record);
	}
	kit_do(k, "New-NetVirtualizationProviderAddress",
	       "{'InterfaceIndex': 2, 'ProviderAddress': '192.0.2.1', 'PrefixLength': 24}");
	kit_do(k, "Get-NetVirtualizationStatistics", "{'Summary': true}");
	assert_string_equal(json_string_value(json_object_get(k->result, "type")), "NetVirtualizationSummary");
	assert_int_equal(kit_count(k, "objects"), 1);
	kit_property(k, 0, "Instance", "'0123abcd'");
	kit_property(k, 0, "Ports", "3");
	kit_property(k, 0, "Uplinks", "1");
	kit_property(k, 0, "LookupRecords", "3");
	kit_property(k, 0, "CustomerRoutes", "0");
	kit_property(k, 0, "ProviderAddresses", "1");
	kit_property(k, 0, "ProviderRoutes", "0");
	kit_property(k, 0, "NextHopsResolved", "5");
	kit_property(k, 0, "NextHopsUnresolved", "2");
	kit_property(k, 0, "DroppedPackets", "1332");
	kit_property(k, 0, "Passes", "17");
	kit_property(k, 0, "LastPassWrites", "4");
	kit_property(k, 0, "LastPassMicroseconds", "1234");
	kit_property(k, 0, "LastPassFailures", "1");
	kit_property(k, 0, "TotalWrites", "99");
}

/* The catalogue knows both types, so that a client can show either. */
static void described(void **state)
{
	struct kit *k = *state;
	json_t *all = cmdlet_server_describe(k->server, "Get-NetVirtualizationStatistics");
	json_t *types = json_object_get(all, "types");

	assert_int_equal(json_object_size(types), 2);
	assert_string_equal(json_string_value(json_object_get(json_object_get(types, "NetVirtualizationStatistics"), "view")),
			    "table");
	assert_string_equal(json_string_value(json_object_get(json_object_get(types, "NetVirtualizationSummary"), "view")),
			    "list");
	json_decref(all);
}

int statistics_tests(void)
{
	static const struct CMUnitTest tests[] = {
		kit_test(adapter_counts),   kit_test(adapter_counts_without_vsid), kit_test(adapter_selection),
		kit_test(adapter_refusals), kit_test(unreadable),		   kit_test(drops_by_device),
		kit_test(drops_filtered),   kit_test(summary),			   kit_test(described),
	};

	return cmocka_run_group_tests_name("feature/statistics", tests, NULL, NULL);
}
