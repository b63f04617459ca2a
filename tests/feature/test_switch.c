/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter.h"
#include "kit.h"
#include "netvirt.h"
#include "switch.h"

static void external(void **state)
{
	struct kit *k = *state;

	kit_what_if(k, "New-VMSwitch", "{'Name': 'vswitch', 'NetAdapterName': 'ETH0'}", 1);
	kit_do(k, "New-VMSwitch", "{'Name': 'vswitch', 'NetAdapterName': 'ETH0', 'Notes': 'n'}");
	assert_string_equal(json_string_value(json_object_get(k->result, "type")), "VMSwitch");
	kit_property(k, 0, "Name", "'vswitch'");
	kit_property(k, 0, "SwitchType", "'External'");
	kit_property(k, 0, "NetAdapterInterfaceDescription", "'Test Ethernet #2'");
	kit_property(k, 0, "NetAdapterInterfaceDescriptions", "['Test Ethernet #2']");
	kit_property(k, 0, "AllowManagementOS", "true");
	kit_property(k, 0, "Notes", "'n'");
	kit_property(k, 0, "IsDeleted", "false");
	assert_string_equal(switch_by_name(k->docs, "VSWITCH")->nic, "eth0");
	kit_do(k, "Get-VMNetworkAdapter", "{'ManagementOS': true}");
	kit_names(k, "Name", "vswitch");
	kit_do(k, "New-VMSwitch",
	       "{'Name': 'second', 'NetAdapterInterfaceDescription': 'Test Ethernet #3', "
	       "'AllowManagementOS': false}");
	kit_property(k, 0, "AllowManagementOS", "false");
	assert_int_equal(docs_count(k->docs, &adapter_kind), 1);
}

static void without_uplink(void **state)
{
	struct kit *k = *state;

	kit_do(k, "New-VMSwitch", "{'SwitchName': 'in', 'SwitchType': 'internal'}");
	kit_property(k, 0, "SwitchType", "'Internal'");
	kit_property(k, 0, "AllowManagementOS", "true");
	kit_property(k, 0, "NetAdapterInterfaceDescription", "null");
	kit_do(k, "New-VMSwitch", "{'Name': 'priv', 'SwitchType': 'Private'}");
	kit_property(k, 0, "SwitchType", "'Private'");
	kit_property(k, 0, "AllowManagementOS", "false");
	assert_int_equal(switch_by_name(k->docs, "in")->number, 1);
	assert_int_equal(switch_by_name(k->docs, "priv")->number, 2);
	/* The lowest free number is used again. */
	kit_do(k, "Remove-VMSwitch", "{'Name': 'in'}");
	kit_do(k, "New-VMSwitch", "{'Name': 'third', 'SwitchType': 'Private'}");
	assert_int_equal(switch_by_name(k->docs, "third")->number, 1);
}

static void refusals(void **state)
{
	static const struct refusal cases[] = {
		REFUSED("New-VMSwitch", "{'Name': 'EXT', 'SwitchType': 'Private'}", "Switch.NameNotUnique"),
		REFUSED("New-VMSwitch", "{'Name': 'x', 'NetAdapterName': 'eth9'}", "Switch.NetAdapterNotFound"),
		REFUSED("New-VMSwitch", "{'Name': 'x', 'NetAdapterInterfaceDescription': 'no'}",
			"Switch.NetAdapterNotFound"),
		REFUSED("New-VMSwitch", "{'Name': 'x', 'NetAdapterName': 'eth0'}", "Switch.NetAdapterInUse"),
		REFUSED("New-VMSwitch", "{'Name': 'x', 'NetAdapterName': 'vEthernet (in)'}",
			"Switch.NetAdapterNotUsable"),
		REFUSED("New-VMSwitch", "{'Name': 'x', 'NetAdapterName': ['eth1', 'tap7']}",
			"Switch.TeamingUnavailable"),
		REFUSED("New-VMSwitch", "{'Name': 'x', 'SwitchType': 'External'}",
			"ParameterArgumentTransformationError"),
		REFUSED("New-VMSwitch", "{'Name': 'x'}", "MissingMandatoryParameter"),
		REFUSED("New-VMSwitch", "{'Name': 'x', 'SwitchType': 'Private', 'NetAdapterName': 'eth1'}",
			"AmbiguousParameterSet"),
		REFUSED("New-VMSwitch", "{'Name': 'x', 'SwitchType': 'Private', 'AllowManagementOS': true}",
			"AmbiguousParameterSet"),
		REFUSED("New-VMSwitch",
			"{'Name': 'a name that is far too long for the adapter of the host', "
			"'SwitchType': 'Private'}",
			"InvalidName"),
		/* A host vNIC has the name already. */
		REFUSED("New-VMSwitch", "{'Name': 'extra', 'SwitchType': 'Internal'}", "Adapter.NameNotUnique"),
		REFUSED("Get-VMSwitch", "{'Name': 'no'}", "InvalidParameter"),
		REFUSED("Set-VMSwitch", "{'Name': 'no', 'Notes': 'x'}", "InvalidParameter"),
		REFUSED("Set-VMSwitch", "{'Name': 'in', 'AllowManagementOS': false}", "Switch.ManagementOsFixed"),
		REFUSED("Set-VMSwitch", "{'Name': 'priv', 'AllowManagementOS': true}", "Switch.ManagementOsFixed"),
		REFUSED("Set-VMSwitch", "{'Name': 'priv', 'SwitchType': 'External'}", "Switch.NetAdapterRequired"),
		REFUSED("Set-VMSwitch", "{'Name': 'priv', 'NetAdapterName': 'eth0'}", "Switch.NetAdapterInUse"),
		REFUSED("Set-VMSwitch", "{'Name': 'priv', 'NetAdapterName': 'eth9'}", "Switch.NetAdapterNotFound"),
		REFUSED("Set-VMSwitch", "{'Name': 'priv', 'NetAdapterName': 'eth1', 'SwitchType': 'Internal'}",
			"AmbiguousParameterSet"),
		REFUSED("Remove-VMSwitch", "{'Name': 'no'}", "InvalidParameter"),
	};
	struct kit *k = *state;

	kit_do(k, "New-VMSwitch", "{'Name': 'ext', 'NetAdapterName': 'eth0'}");
	kit_do(k, "New-VMSwitch", "{'Name': 'in', 'SwitchType': 'Internal'}");
	kit_do(k, "New-VMSwitch", "{'Name': 'priv', 'SwitchType': 'Private'}");
	kit_do(k, "Add-VMNetworkAdapter", "{'ManagementOS': true, 'SwitchName': 'ext', 'Name': 'extra'}");
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
	kit_run(k, "Get-VMSwitch", "{'Name': 'no'}");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(k->result, "errors"), 0), "message")),
		"Hyper-V was unable to find a virtual switch with name \"no\".");
	k->nics_error = -5;
	kit_refused(k, "New-VMSwitch", "{'Name': 'x', 'NetAdapterName': 'eth1'}", "NetAdapter.ListFailed");
}

static void too_many(void **state)
{
	struct kit *k = *state;

	for (int i = 0; i < SWITCH_MAX; i++) {
		char parameters[64];

		snprintf(parameters, sizeof(parameters), "{'Name': 's%d', 'SwitchType': 'Private'}", i);
		kit_do(k, "New-VMSwitch", parameters);
	}
	kit_refused(k, "New-VMSwitch", "{'Name': 'x', 'SwitchType': 'Private'}", "Switch.TooMany");
}

static void get(void **state)
{
	struct kit *k = *state;
	json_t *ids;

	kit_do(k, "New-VMSwitch", "{'Name': 'b', 'NetAdapterName': 'eth0'}");
	kit_do(k, "New-VMSwitch", "{'Name': 'a', 'SwitchType': 'Internal'}");
	kit_do(k, "New-VMSwitch", "{'Name': 'c', 'SwitchType': 'Private'}");
	kit_do(k, "Get-VMSwitch", "{}");
	kit_names(k, "Name", "a b c");
	kit_do(k, "Get-VMSwitch", "{'SwitchType': ['Private', 'External']}");
	kit_names(k, "Name", "b c");
	kit_do(k, "Get-VMSwitch", "{'SwitchName': '[ab]'}");
	kit_names(k, "Name", "a b");
	kit_run(k, "Get-VMSwitch", "{'Name': ['no', 'C']}");
	kit_one_error(k, "InvalidParameter", "no");
	kit_names(k, "Name", "c");
	/* By property: an object with an Id. */
	ids = json_array();
	kit_do(k, "Get-VMSwitch", "{'Name': 'c'}");
	json_array_append_new(
		ids, json_pack("{s:O}", "Id",
			       json_object_get(json_array_get(json_object_get(k->result, "objects"), 0), "Id")));
	kit_pipe(k, "Get-VMSwitch", "{}", ids);
	kit_names(k, "Name", "c");
	json_decref(ids);
}

static void convert(void **state)
{
	struct kit *k = *state;

	kit_do(k, "New-VMSwitch", "{'Name': 's', 'SwitchType': 'Private'}");
	kit_what_if(k, "Set-VMSwitch", "{'Name': 's', 'SwitchType': 'Internal'}", 1);
	kit_do(k, "Set-VMSwitch", "{'Name': 's', 'SwitchType': 'Internal', 'Notes': 'n', 'PassThru': true}");
	kit_property(k, 0, "SwitchType", "'Internal'");
	kit_property(k, 0, "AllowManagementOS", "true");
	kit_property(k, 0, "Notes", "'n'");
	kit_do(k, "Set-VMSwitch", "{'Name': 's', 'NetAdapterName': 'eth0', 'PassThru': true}");
	kit_property(k, 0, "SwitchType", "'External'");
	kit_property(k, 0, "AllowManagementOS", "true");
	kit_do(k, "Set-VMSwitch", "{'Name': 's', 'AllowManagementOS': false, 'PassThru': true}");
	kit_property(k, 0, "AllowManagementOS", "false");
	/* What stays External keeps what it has; notes alone change nothing else. */
	kit_do(k, "Set-VMSwitch",
	       "{'Name': 's', 'NetAdapterInterfaceDescription': 'Test Ethernet #3', 'PassThru': true}");
	kit_property(k, 0, "NetAdapterInterfaceDescription", "'Test Ethernet #3'");
	kit_property(k, 0, "AllowManagementOS", "false");
	kit_do(k, "Set-VMSwitch", "{'Name': 's', 'Notes': 'other', 'PassThru': true}");
	kit_property(k, 0, "SwitchType", "'External'");
	kit_property(k, 0, "AllowManagementOS", "false");
	kit_do(k, "Set-VMSwitch", "{'Name': 's', 'SwitchType': 'Private', 'PassThru': true}");
	kit_property(k, 0, "NetAdapterInterfaceDescription", "null");
	assert_null(switch_by_nic(k->docs, "eth1"));
	/* A converted switch gets the host's adapter unless told otherwise. */
	kit_do(k, "Set-VMSwitch",
	       "{'Name': 's', 'NetAdapterName': 'eth1', 'AllowManagementOS': false, 'PassThru': true}");
	kit_property(k, 0, "AllowManagementOS", "false");
}

/* One NIC for two switches: the first gets it, the second fails alone. */
static void one_of_two_fails(void **state)
{
	struct kit *k = *state;
	json_t *switches;

	kit_do(k, "New-VMSwitch", "{'Name': 'a', 'SwitchType': 'Private'}");
	kit_do(k, "New-VMSwitch", "{'Name': 'b', 'SwitchType': 'Private'}");
	switches = kit_get(k, "Get-VMSwitch", "{}");
	kit_pipe(k, "Set-VMSwitch", "{'NetAdapterName': 'eth0', 'PassThru': true}", switches);
	kit_one_error(k, "Switch.NetAdapterInUse", "eth0");
	kit_names(k, "Name", "a");
	json_decref(switches);
}

static void remove_switch(void **state)
{
	struct kit *k = *state;
	json_t *switches;

	kit_do(k, "New-VMSwitch", "{'Name': 's', 'NetAdapterName': 'eth0'}");
	kit_do(k, "New-VM", "{'Name': 'a', 'Engine': 'Namespace', 'SwitchName': 's'}");
	kit_what_if(k, "Remove-VMSwitch", "{'Name': 's'}", 1);
	switches = kit_get(k, "Get-VMSwitch", "{}");
	kit_pipe(k, "Remove-VMSwitch", "{'Force': true}", switches);
	kit_no_errors(k);
	json_decref(switches);
	assert_int_equal(kit_count(k, "warnings"), 0);
	kit_do(k, "Get-VMNetworkAdapter", "{'All': true}");
	kit_names(k, "VMName", "a");
	kit_property(k, 0, "Connected", "false");
	kit_property(k, 0, "SwitchId", "null");
	assert_int_equal(docs_count(k->docs, &switch_kind), 0);
}

/* Provider addresses go with the switch of their NIC, the binding stays the NIC's. */
static void provider_addresses_go(void **state)
{
	struct kit *k = *state;

	kit_do(k, "New-VMSwitch", "{'Name': 's', 'NetAdapterName': 'eth0'}");
	kit_do(k, "Enable-NetAdapterBinding", "{'Name': 'eth0', 'ComponentID': 'ms_netwnv'}");
	kit_do(k, "New-NetVirtualizationProviderAddress",
	       "{'InterfaceIndex': 2, 'ProviderAddress': '214.214.51.42', "
	       "'PrefixLength': 24}");
	kit_do(k, "Set-VMSwitch", "{'Name': 's', 'Notes': 'n'}");
	assert_int_equal(docs_count(k->docs, &provider_address_kind), 1);
	kit_do(k, "Set-VMSwitch", "{'Name': 's', 'SwitchType': 'Internal'}");
	kit_warning(k, "1 provider address of the network adapter \"Test Ethernet #2\"");
	assert_int_equal(docs_count(k->docs, &provider_address_kind), 0);
	kit_do(k, "Get-NetAdapterBinding", "{'Name': 'eth0', 'ComponentID': 'ms_netwnv'}");
	kit_property(k, 0, "Enabled", "true");
}

int switch_tests(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(external),
		kit_test(without_uplink),
		kit_test(refusals),
		kit_test(too_many),
		kit_test(get),
		kit_test(convert),
		kit_test(one_of_two_fails),
		kit_test(remove_switch),
		kit_test(provider_addresses_go),
	};

	return cmocka_run_group_tests_name("feature/switch", tests, NULL, NULL);
}
