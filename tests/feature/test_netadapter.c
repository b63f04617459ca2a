/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"
#include "netadapter.h"
#include "netvirt.h"

static void get(void **state)
{
	struct kit *k = *state;
	json_t *input;

	kit_do(k, "Get-NetAdapter", "{}");
	assert_string_equal(json_string_value(json_object_get(k->result, "type")), "NetAdapter");
	kit_names(k, "Name", "eth0 eth1 tap7");
	kit_names(k, "Status", "Up Disconnected Disabled");
	kit_names(k, "LinkSpeed", "10 Gbps 2.5 Gbps 100 Mbps");
	kit_property(k, 0, "MacAddress", "'02-00-00-00-00-02'");
	kit_property(k, 0, "ifIndex", "2");
	kit_property(k, 0, "InterfaceIndex", "2");
	kit_property(k, 0, "MtuSize", "1500");
	kit_property(k, 0, "InterfaceDescription", "'Test Ethernet #2'");
	kit_property(k, 2, "Virtual", "true");
	kit_do(k, "Get-NetAdapter", "{'Name': ['ETH*', 'tap7']}");
	kit_names(k, "Name", "eth0 eth1 tap7");
	kit_do(k, "Get-NetAdapter", "{'Physical': true, 'IncludeHidden': true}");
	kit_names(k, "Name", "eth0 eth1");
	kit_do(k, "Get-NetAdapter", "{'ifIndex': [3, '4']}");
	kit_names(k, "Name", "eth1 tap7");
	kit_do(k, "Get-NetAdapter", "{'Name': 'no*'}");
	assert_int_equal(kit_count(k, "objects"), 0);
	kit_run(k, "Get-NetAdapter", "{'Name': ['no', 'eth0']}");
	kit_one_error(k, "CmdletizationQuery_NotFound_Name", "no");
	kit_names(k, "Name", "eth0");
	kit_refused(k, "Get-NetAdapter", "{'InterfaceDescription': 'no'}",
		    "CmdletizationQuery_NotFound_InterfaceDescription");
	kit_refused(k, "Get-NetAdapter", "{'InterfaceIndex': 77}", "CmdletizationQuery_NotFound_InterfaceIndex");
	/* As the runbooks do it: an object with the property alone. */
	input = json_pack("[{s:s}]", "InterfaceDescription", "Test Ethernet #3");
	kit_pipe(k, "Get-NetAdapter", "{}", input);
	kit_no_errors(k);
	kit_names(k, "Name", "eth1");
	json_decref(input);
	k->nics_error = -5;
	kit_refused(k, "Get-NetAdapter", "{}", "NetAdapter.ListFailed");
	kit_refused(k, "Get-NetAdapterBinding", "{}", "NetAdapter.ListFailed");
}

static void host_adapter(void **state)
{
	struct kit *k = *state;

	kit_do(k, "New-VMSwitch", "{'Name': 'VmNAT', 'SwitchType': 'Internal'}");
	kit_do(k, "Get-NetAdapter", "{'Name': 'vEthernet (VmNat)'}");
	kit_names(k, "Name", "vEthernet (VmNAT)");
}

static void get_binding(void **state)
{
	struct kit *k = *state;

	kit_do(k, "New-VMSwitch", "{'Name': 's', 'NetAdapterName': 'eth0', 'AllowManagementOS': false}");
	kit_do(k, "Get-NetAdapterBinding", "{'Name': 'eth[01]', 'AllBindings': true}");
	assert_string_equal(json_string_value(json_object_get(k->result, "type")), "NetAdapterBinding");
	kit_names(k, "ComponentID", "ms_netwnv vms_pp ms_tcpip ms_tcpip6 ms_netwnv vms_pp ms_tcpip ms_tcpip6");
	for (size_t i = 0; i < 4; i++) {
		/* The uplink has the switch instead of IP. */
		kit_property(k, i, "Enabled", i == 1 ? "true" : "false");
		kit_property(k, 4 + i, "Enabled", i >= 2 ? "true" : "false");
	}
	kit_do(k, "Get-NetAdapterBinding", "{'DisplayName': '*TCP/IPv4*', 'InterfaceDescription': '*#3'}");
	kit_names(k, "ComponentID", "ms_tcpip");
	kit_names(k, "Name", "eth1");
	kit_refused(k, "Get-NetAdapterBinding", "{'Name': 'no'}", "CmdletizationQuery_NotFound_Name");
	kit_refused(k, "Get-NetAdapterBinding", "{'ComponentID': 'ms_no'}", "CmdletizationQuery_NotFound_ComponentID");
	kit_refused(k, "Get-NetAdapterBinding", "{'DisplayName': 'no'}", "CmdletizationQuery_NotFound_DisplayName");
}

static void enable_and_disable(void **state)
{
	struct kit *k = *state;
	json_t *bindings;

	kit_what_if(k, "Enable-NetAdapterBinding", "{'Name': 'eth*', 'ComponentID': 'ms_netwnv'}", 2);
	kit_do(k, "Enable-NetAdapterBinding", "{'Name': 'eth0', 'ComponentID': 'MS_NETWNV', 'PassThru': true}");
	kit_names(k, "Name", "eth0");
	kit_property(k, 0, "Enabled", "true");
	assert_true(netadapter_wnv_bound(k->docs, "eth0"));
	assert_false(netadapter_wnv_bound(k->docs, "eth1"));
	/* Again is no error. */
	kit_do(k, "Enable-NetAdapterBinding", "{'Name': 'eth0', 'ComponentID': 'ms_netwnv'}");
	bindings = kit_get(k, "Get-NetAdapterBinding", "{'ComponentID': 'ms_netwnv'}");
	kit_pipe(k, "Disable-NetAdapterBinding", "{'PassThru': true}", bindings);
	kit_no_errors(k);
	kit_names(k, "Name", "eth0 eth1 tap7");
	kit_property(k, 0, "Enabled", "false");
	assert_int_equal(docs_count(k->docs, &binding_kind), 0);
	json_decref(bindings);
	bindings = kit_get(k, "Get-NetAdapter", "{'Name': 'eth1'}");
	kit_pipe(k, "Enable-NetAdapterBinding", "{'ComponentID': 'ms_netwnv', 'PassThru': true}", bindings);
	kit_no_errors(k);
	kit_names(k, "Name", "eth1");
	json_decref(bindings);
}

static void refusals(void **state)
{
	static const struct refusal cases[] = {
		REFUSED("Enable-NetAdapterBinding", "{'Name': 'no', 'ComponentID': 'ms_netwnv'}",
			"CmdletizationQuery_NotFound_Name"),
		REFUSED("Disable-NetAdapterBinding", "{'Name': 'no', 'ComponentID': 'ms_netwnv'}",
			"CmdletizationQuery_NotFound_Name"),
		REFUSED("Enable-NetAdapterBinding", "{'Name': 'eth0', 'ComponentID': 'ms_no'}",
			"CmdletizationQuery_NotFound_ComponentID"),
		REFUSED("Enable-NetAdapterBinding", "{'Name': 'eth0', 'ComponentID': 'vms_pp'}",
			"NetAdapter.BindingFixed"),
		REFUSED("Disable-NetAdapterBinding", "{'Name': 'eth0', 'ComponentID': 'ms_tcpip'}",
			"NetAdapter.BindingFixed"),
		REFUSED("Disable-NetAdapterBinding", "{'Name': 'eth0', 'ComponentID': 'ms_tcpip6'}",
			"NetAdapter.BindingFixed"),
		REFUSED("Enable-NetAdapterBinding", "{'Name': 'eth0'}", "MissingMandatoryParameter"),
		REFUSED("Enable-NetAdapterBinding", "{'ComponentID': 'ms_netwnv'}", "MissingMandatoryParameter"),
	};
	struct kit *k = *state;
	json_t *input;

	kit_all_refused(k, cases, ARRAY_SIZE(cases));
	/* All bindings: what cannot be changed fails, ms_netwnv is bound. */
	kit_run(k, "Enable-NetAdapterBinding", "{'Name': 'eth0', 'AllBindings': true}");
	kit_one_error(k, "NetAdapter.BindingFixed", "eth0");
	assert_true(netadapter_wnv_bound(k->docs, "eth0"));
	input = json_pack("[{s:s, s:s, s:s, s:b, s:s}]", "Name", "gone", "DisplayName", "x", "ComponentID", "ms_netwnv",
			  "Enabled", 1, "InterfaceDescription", "x");
	kit_pipe(k, "Disable-NetAdapterBinding", "{}", input);
	kit_one_error(k, "CmdletizationQuery_NotFound_Name", "gone");
	json_decref(input);
}

static size_t policy(const struct kit *k)
{
	return docs_count(k->docs, &record_kind) + docs_count(k->docs, &customer_route_kind) +
	       docs_count(k->docs, &provider_address_kind) + docs_count(k->docs, &provider_route_kind);
}

static void make_policy(struct kit *k)
{
	kit_do(k, "New-NetVirtualizationLookupRecord",
	       "{'VirtualSubnetID': '5010', 'CustomerAddress': '10.10.10.11', 'MACAddress': '000000000011', "
	       "'ProviderAddress': '214.214.51.42', 'Rule': 'TranslationMethodEncap'}");
	kit_do(k, "New-NetVirtualizationCustomerRoute",
	       "{'RoutingDomainID': '{11111111-2222-3333-4444-000000005010}', 'VirtualSubnetID': '5010', "
	       "'DestinationPrefix': '10.10.10.0/24', 'NextHop': '0.0.0.0', 'Metric': 255}");
	kit_do(k, "New-NetVirtualizationProviderAddress",
	       "{'InterfaceIndex': 2, 'ProviderAddress': '214.214.51.42', 'PrefixLength': 24}");
}

/* With the last binding all policy of the host goes; while another is left, what belongs to the NIC alone (3.8). */
static void policy_goes_with_the_last_binding(void **state)
{
	struct kit *k = *state;

	kit_do(k, "New-VMSwitch", "{'Name': 's', 'NetAdapterName': 'eth0'}");
	kit_do(k, "Enable-NetAdapterBinding", "{'Name': ['eth0', 'eth1'], 'ComponentID': 'ms_netwnv'}");
	make_policy(k);
	assert_int_equal(policy(k), 3);
	kit_what_if(k, "Disable-NetAdapterBinding", "{'Name': '*', 'ComponentID': 'ms_netwnv'}", 4);
	kit_do(k, "Disable-NetAdapterBinding", "{'Name': 'eth0', 'ComponentID': 'ms_netwnv'}");
	assert_int_equal(docs_count(k->docs, &provider_address_kind), 0);
	assert_int_equal(policy(k), 2);
	kit_do(k, "Disable-NetAdapterBinding", "{'Name': 'eth1', 'ComponentID': 'ms_netwnv'}");
	assert_int_equal(policy(k), 0);
}

/* The runbooks' first line, on a host where nothing was ever bound: no error, and policy from before goes. */
static void runbook_reset(void **state)
{
	struct kit *k = *state;

	kit_do(k, "Disable-NetAdapterBinding", "{'Name': '*', 'ComponentID': 'ms_netwnv'}");
	kit_do(k, "New-NetVirtualizationCustomerRoute",
	       "{'RoutingDomainID': '{11111111-2222-3333-4444-000000005010}', 'VirtualSubnetID': '5010', "
	       "'DestinationPrefix': '10.10.10.0/24', 'NextHop': '0.0.0.0', 'Metric': 255}");
	assert_int_equal(policy(k), 1);
	kit_what_if(k, "Disable-NetAdapterBinding", "{'Name': '*', 'ComponentID': 'ms_netwnv'}", 3);
	kit_do(k, "Disable-NetAdapterBinding", "{'Name': '*', 'ComponentID': 'vms_pp'}");
	assert_int_equal(policy(k), 1);
	kit_do(k, "Disable-NetAdapterBinding", "{'Name': '*', 'ComponentID': 'ms_netwnv'}");
	assert_int_equal(policy(k), 0);
}

int netadapter_tests(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(get),		 kit_test(host_adapter),
		kit_test(get_binding),	 kit_test(enable_and_disable),
		kit_test(refusals),	 kit_test(policy_goes_with_the_last_binding),
		kit_test(runbook_reset),
	};

	return cmocka_run_group_tests_name("feature/netadapter", tests, NULL, NULL);
}
