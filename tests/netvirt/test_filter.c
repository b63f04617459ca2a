/* SPDX-License-Identifier: Apache-2.0 */
/* Selection as the CIM cmdlets do it: values are alternatives, fields must all hold, nothing given is everything. */
#include "netvirt_test.h"

static void policy(struct kit *k)
{
	lab_uplink(k, "s0", "eth0");
	lab_uplink(k, "s1", "eth1");
	lab_record(k, 5010, "10.0.0.5", "000000000011", "10.1.0.1", ", 'VMName': 'blue1', 'Context': 'c'");
	lab_record(k, 5010, "10.0.0.6", "000000000012", "10.1.0.2", ", 'VMName': 'blue2'");
	lab_record(k, 5011, "10.0.0.5", "000000000021", "10.1.0.1", ", 'VMName': 'red1', 'CustomerID': 'red'");
	lab_record(k, 5011, "0.0.0.0", "000000000022", "10.1.0.2", ", 'Type': 'L2Only'");
	kit_do(k, "New-NetVirtualizationLookupRecord",
	       "{'VirtualSubnetID': 5012, 'CustomerAddress': '10.0.0.8', 'MACAddress': '000000000031', 'ProviderAddress': '169.254.254.254', "
	       "'Rule': 'TranslationMethodNat', 'UseVmMACAddress': true}");
	lab_route(k, RD1, 5010, "10.0.0.0/24", "0.0.0.0");
	lab_route(k, RD2, 5011, "10.0.0.0/24", "0.0.0.0");
	lab_route(k, RD1, 5010, "0.0.0.0/0", "10.0.0.6");
	lab_route(k, RD1, 5010, "::/0", "::");
	lab_pa(k, 2, "10.1.0.1", 24);
	lab_pa(k, 2, "10.1.0.2", 24);
	lab_pa(k, 3, "10.2.0.1", 16);
	lab_do(k, "New-NetVirtualizationProviderRoute",
	       "{'InterfaceIndex': 2, 'DestinationPrefix': '10.3.0.0/16', 'NextHop': '10.1.0.254', 'Metric': 5}");
	lab_do(k, "New-NetVirtualizationProviderRoute",
	       "{'InterfaceIndex': 3, 'DestinationPrefix': '10.3.0.0/16', 'NextHop': '10.2.0.254', 'Metric': 6}");
}

static void get(void **state)
{
	static const struct {
		const char *noun, *parameters, *property, *expected;
	} cases[] = {
		{ "LookupRecord", "{}", "MACAddress",
		  "000000000011 000000000012 000000000022 000000000021 000000000031" },
		{ "LookupRecord", "{'CustomerAddress': '10.0.0.5'}", "MACAddress", "000000000011 000000000021" },
		{ "LookupRecord", "{'CustomerAddress': ['10.0.0.6', '10.0.0.8']}", "MACAddress",
		  "000000000012 000000000031" },
		{ "LookupRecord", "{'CustomerAddress': ['10.0.0.6', '9.9.9.9']}", "MACAddress", "000000000012" },
		{ "LookupRecord", "{'CustomerAddress': '10.0.0.5', 'VirtualSubnetID': 5011}", "MACAddress",
		  "000000000021" },
		{ "LookupRecord",
		  "{'CustomerAddress': ['10.0.0.5', '10.0.0.6'], 'ProviderAddress': ['10.1.0.2', '10.1.0.8']}",
		  "MACAddress", "000000000012" },
		{ "LookupRecord", "{'MACAddress': '00-00-00-00-00-21'}", "MACAddress", "000000000021" },
		{ "LookupRecord", "{'VirtualSubnetID': ['5010', 5012]}", "MACAddress",
		  "000000000011 000000000012 000000000031" },
		{ "LookupRecord", "{'Rule': 'TranslationMethodNat'}", "MACAddress", "000000000031" },
		{ "LookupRecord", "{'Rule': ['TranslationMethodNat', 'TranslationMethodNone']}", "MACAddress",
		  "000000000031" },
		{ "LookupRecord", "{'Type': 'L2Only'}", "MACAddress", "000000000022" },
		{ "LookupRecord", "{'UseVmMACAddress': true}", "MACAddress", "000000000031" },
		{ "LookupRecord", "{'VMName': 'BLUE*'}", "MACAddress", "000000000011 000000000012" },
		{ "LookupRecord", "{'VMName': ['blue1', 'red?']}", "MACAddress", "000000000011 000000000021" },
		{ "LookupRecord", "{'Context': 'c'}", "MACAddress", "000000000011" },
		{ "LookupRecord", "{'CustomerID': '[r]ed'}", "MACAddress", "000000000021" },
		{ "LookupRecord", "{'Unusable': true}", "MACAddress", "000000000031" },
		{ "LookupRecord", "{'Unusable': false, 'VirtualSubnetID': [5011, 5012]}", "MACAddress",
		  "000000000022 000000000021" },
		{ "CustomerRoute", "{}", "DestinationPrefix", "0.0.0.0/0 10.0.0.0/24 ::/0 10.0.0.0/24" },
		{ "CustomerRoute", "{'RoutingDomainID': '" RD2 "'}", "DestinationPrefix", "10.0.0.0/24" },
		{ "CustomerRoute", "{'NextHop': ['::', '10.0.0.6']}", "NextHop", "10.0.0.6 ::" },
		{ "CustomerRoute", "{'DestinationPrefix': '10.0.0.0/24', 'VirtualSubnetID': 5011}", "RoutingDomainID",
		  RD2 },
		{ "CustomerRoute", "{'Metric': [1, 255], 'DestinationPrefix': '::/0'}", "NextHop", "::" },
		{ "ProviderAddress", "{}", "ProviderAddress", "10.1.0.1 10.1.0.2 10.2.0.1" },
		{ "ProviderAddress", "{'InterfaceIndex': 3}", "ProviderAddress", "10.2.0.1" },
		{ "ProviderAddress", "{'ifIndex': [2, 9]}", "ProviderAddress", "10.1.0.1 10.1.0.2" },
		{ "ProviderAddress", "{'PrefixLength': [16, 8]}", "ProviderAddress", "10.2.0.1" },
		{ "ProviderAddress", "{'VlanID': 0, 'ProviderAddress': '10.1.0.2'}", "ProviderAddress", "10.1.0.2" },
		{ "ProviderAddress", "{'AddressState': ['Preferred', 'Invalid']}", "ProviderAddress",
		  "10.1.0.1 10.1.0.2 10.2.0.1" },
		{ "ProviderRoute", "{'DestinationPrefix': '10.3.0.0/16'}", "NextHop", "10.1.0.254 10.2.0.254" },
		{ "ProviderRoute", "{'InterfaceIndex': 3, 'Metric': [5, 6]}", "NextHop", "10.2.0.254" },
		{ "ProviderRoute", "{'NextHop': '10.1.0.254'}", "NextHop", "10.1.0.254" },
	};
	struct kit *k = *state;

	policy(k);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *name = xasprintf("Get-NetVirtualization%s", cases[i].noun);

		kit_do(k, name, cases[i].parameters);
		kit_names(k, cases[i].property, cases[i].expected);
	}
}

static void nothing_found(void **state)
{
	static const struct refusal cases[] = {
		REFUSED("LookupRecord", "{'CustomerAddress': '9.9.9.9'}",
			"CmdletizationQuery_NotFound_CustomerAddress"),
		REFUSED("LookupRecord", "{'MACAddress': '000000000099'}", "CmdletizationQuery_NotFound_MACAddress"),
		REFUSED("LookupRecord", "{'VirtualSubnetID': [6000, 6001]}",
			"CmdletizationQuery_NotFound_VirtualSubnetID"),
		REFUSED("CustomerRoute", "{'NextHop': '9.9.9.9'}", "CmdletizationQuery_NotFound_NextHop"),
		REFUSED("CustomerRoute", "{'RoutingDomainID': '11111111-2222-3333-4444-000000009999'}",
			"CmdletizationQuery_NotFound_RoutingDomainID"),
		REFUSED("ProviderAddress", "{'ProviderAddress': '9.9.9.9'}",
			"CmdletizationQuery_NotFound_ProviderAddress"),
		REFUSED("ProviderAddress", "{'InterfaceIndex': 9}", "CmdletizationQuery_NotFound_InterfaceIndex"),
		REFUSED("ProviderAddress", "{'AddressState': 'Duplicate'}", "CmdletizationQuery_NotFound_AddressState"),
		REFUSED("ProviderRoute", "{'DestinationPrefix': '9.0.0.0/8'}",
			"CmdletizationQuery_NotFound_DestinationPrefix"),
	};
	static const struct refusal more[] = {
		REFUSED("LookupRecord", "{'CustomerAddress': '10.0.0.5', 'ProviderAddress': '10.1.0.8'}",
			"CmdletizationQuery_NotFound_CustomerAddress"),
		REFUSED("LookupRecord", "{'Rule': 'TranslationMethodNone'}", "CmdletizationQuery_NotFound_Rule"),
		REFUSED("LookupRecord", "{'Type': 'Dynamic'}", "CmdletizationQuery_NotFound_Type"),
		REFUSED("LookupRecord", "{'VMName': 'nobody*'}", "CmdletizationQuery_NotFound_VMName"),
		REFUSED("LookupRecord", "{'VirtualSubnetID': 5010, 'Unusable': true}",
			"CmdletizationQuery_NotFound_Unusable"),
		REFUSED("CustomerRoute", "{'Metric': 1}", "CmdletizationQuery_NotFound_Metric"),
		REFUSED("ProviderAddress", "{'PrefixLength': 8}", "CmdletizationQuery_NotFound_PrefixLength"),
		REFUSED("ProviderRoute", "{'Metric': 1}", "CmdletizationQuery_NotFound_Metric"),
	};
	static const char *const verbs[] = { "Get", "Remove", "Set" };
	struct kit *k = *state;

	policy(k);
	for (size_t v = 0; v < ARRAY_SIZE(verbs); v++) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			_cleanup_free_ char *name = xasprintf("%s-NetVirtualization%s", verbs[v], cases[i].cmdlet);

			kit_refused(k, name, cases[i].parameters, cases[i].id);
			assert_int_equal(k->status, 404);
		}
		for (size_t i = 0; v < 2 && i < ARRAY_SIZE(more); i++) {
			_cleanup_free_ char *name = xasprintf("%s-NetVirtualization%s", verbs[v], more[i].cmdlet);

			kit_refused(k, name, more[i].parameters, more[i].id);
		}
	}
	/* Where nothing was asked for, nothing is no error. */
	kit_do(k, "Remove-NetVirtualizationLookupRecord", "{}");
	kit_do(k, "Remove-NetVirtualizationLookupRecord", "{}");
	kit_do(k, "Get-NetVirtualizationLookupRecord", "{}");
}

/* HN-10: what Set may change, and that nothing else changes. */
static void set(void **state)
{
	struct kit *k = *state;

	policy(k);
	kit_do(k, "Set-NetVirtualizationLookupRecord",
	       "{'CustomerAddress': '10.0.0.8', 'ProviderAddress': '10.1.0.9', 'Rule': 'TranslationMethodEncap', "
	       "'UseVmMACAddress': "
	       "false, 'VMName': 'n', 'Context': 'x', 'CustomerID': 'y', 'PassThru': true}");
	kit_property(k, 0, "ProviderAddress", "'10.1.0.9'");
	kit_property(k, 0, "Rule", "'TranslationMethodEncap'");
	kit_property(k, 0, "UseVmMACAddress", "false");
	kit_property(k, 0, "VMName", "'n'");
	kit_property(k, 0, "Context", "'x'");
	kit_property(k, 0, "CustomerID", "'y'");
	kit_property(k, 0, "VirtualSubnetID", "5012");
	kit_property(k, 0, "CustomerAddress", "'10.0.0.8'");
	kit_property(k, 0, "MACAddress", "'000000000031'");
	kit_property(k, 0, "Type", "'Static'");
	kit_property(k, 0, "Unusable", "false");
	kit_do(k, "Set-NetVirtualizationLookupRecord", "{'VirtualSubnetID': 5012, 'VMName': ''}");
	assert_int_equal(kit_count(k, "objects"), 0);
	kit_do(k, "Get-NetVirtualizationLookupRecord", "{'VirtualSubnetID': 5012}");
	kit_property(k, 0, "VMName", "''");
	kit_property(k, 0, "Context", "'x'");
	kit_refused(k, "Set-NetVirtualizationLookupRecord", "{'Type': 'Dynamic'}", "NamedParameterNotFound");
	/* Each record for itself: the one that cannot take it stays, the others change. */
	kit_do(k, "Set-NetVirtualizationLookupRecord",
	       "{'CustomerAddress': '10.0.0.8', 'Rule': 'TranslationMethodNat'}");
	kit_run(k, "Set-NetVirtualizationLookupRecord", "{'UseVmMACAddress': true}");
	assert_int_equal(kit_count(k, "errors"), 4);
	assert_int_equal(k->status, 200);
	kit_do(k, "Get-NetVirtualizationLookupRecord", "{'UseVmMACAddress': true}");
	kit_names(k, "CustomerAddress", "10.0.0.8");

	kit_do(k, "Set-NetVirtualizationCustomerRoute",
	       "{'DestinationPrefix': '10.0.0.0/24', 'Metric': 7, 'PassThru': true}");
	kit_names(k, "RoutingDomainID", RD1 " " RD2);
	kit_property(k, 0, "Metric", "7");
	kit_refused(k, "Set-NetVirtualizationCustomerRoute", "{'Metric': 4294967296}",
		    "ParameterArgumentValidationError");
	kit_do(k, "Set-NetVirtualizationProviderRoute", "{'InterfaceIndex': 3, 'Metric': 0, 'PassThru': true}");
	kit_property(k, 0, "NextHop", "'10.2.0.254'");
	kit_property(k, 0, "Metric", "0");
	kit_do(k, "Set-NetVirtualizationProviderAddress",
	       "{'ProviderAddress': '10.1.0.2', 'PrefixLength': 25, 'PassThru': true}");
	kit_property(k, 0, "PrefixLength", "25");
	kit_do(k, "Get-NetVirtualizationProviderAddress", "{'PrefixLength': 24}");
	kit_names(k, "ProviderAddress", "10.1.0.1");
}

/* A record moves as a whole: nothing is said of what is different only on the way. */
static void set_warns_of_the_end(void **state)
{
	struct kit *k = *state;

	lab_record(k, 5010, "10.0.0.5", "000000000011", "10.1.0.1", "");
	lab_record(k, 5010, "10.0.0.6", "000000000011", "10.1.0.1", "");
	kit_do(k, "Set-NetVirtualizationLookupRecord", "{'MACAddress': '000000000011', 'ProviderAddress': '10.1.0.2'}");
	assert_int_equal(kit_count(k, "warnings"), 0);
	kit_do(k, "Set-NetVirtualizationLookupRecord",
	       "{'CustomerAddress': '10.0.0.6', 'ProviderAddress': '10.1.0.3'}");
	kit_warning(k, "lowest customer address counts");
	/* What does not happen is not warned of. */
	kit_what_if(k, "Set-NetVirtualizationLookupRecord", "{'Context': 'c'}", 2);
	assert_int_equal(kit_count(k, "warnings"), 0);
}

static void by_object(void **state)
{
	static const struct {
		const char *noun, *filter, *property, *rest;
		int left;
	} cases[] = {
		{ "LookupRecord", "{'VirtualSubnetID': [5010, 5011]}", "MACAddress", "000000000031", 1 },
		{ "CustomerRoute", "{'VirtualSubnetID': 5010}", "RoutingDomainID", RD2, 1 },
		{ "ProviderAddress", "{'InterfaceIndex': 2}", "ProviderAddress", "10.2.0.1", 1 },
		{ "ProviderRoute", "{'InterfaceIndex': 2}", "NextHop", "10.2.0.254", 1 },
	};
	struct kit *k = *state;
	json_t *objects, *more;

	policy(k);
	objects = kit_get(k, "Get-NetVirtualizationLookupRecord", "{'VirtualSubnetID': 5010}");
	kit_pipe(k, "Set-NetVirtualizationLookupRecord", "{'Context': 'piped', 'PassThru': true}", objects);
	kit_no_errors(k);
	kit_names(k, "CustomerAddress", "10.0.0.5 10.0.0.6");
	kit_property(k, 1, "Context", "'piped'");
	/* What the object says is selected; a filter beside it is refused, not ignored. */
	kit_pipe(k, "Remove-NetVirtualizationLookupRecord", "{'CustomerAddress': '10.0.0.5'}", objects);
	assert_int_equal(kit_count(k, "errors"), 2);
	json_decref(objects);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *get = xasprintf("Get-NetVirtualization%s", cases[i].noun);
		_cleanup_free_ char *delete = xasprintf("Remove-NetVirtualization%s", cases[i].noun);

		objects = kit_get(k, get, cases[i].filter);
		kit_pipe(k, delete, "{'WhatIf': true}", objects);
		kit_no_errors(k);
		assert_int_equal(kit_count(k, "whatIf"), json_array_size(objects));
		kit_pipe(k, delete, "{'PassThru': true}", objects);
		kit_no_errors(k);
		assert_int_equal(kit_count(k, "objects"), json_array_size(objects));
		kit_do(k, get, "{}");
		kit_names(k, cases[i].property, cases[i].rest);
		/* They are gone: an old object removes nothing else. */
		more = kit_get(k, get, "{}");
		kit_pipe(k, delete, "{}", objects);
		assert_int_equal(kit_count(k, "errors"), json_array_size(objects));
		assert_string_equal(json_string_value(json_object_get(
					    json_array_get(json_object_get(k->result, "errors"), 0), "id")),
				    "CmdletizationQuery_NotFound");
		kit_do(k, get, "{}");
		assert_int_equal(kit_count(k, "objects"), cases[i].left);
		json_decref(more);
		json_decref(objects);
	}
	kit_refused(k, "Remove-NetVirtualizationLookupRecord", "{'InputObject': {}}", "CmdletizationQuery_NotFound");
	kit_refused(k, "Remove-NetVirtualizationProviderRoute", "{'InputObject': {}}", "CmdletizationQuery_NotFound");
	kit_refused(k, "Remove-NetVirtualizationLookupRecord", "{'InputObject': {'CustomerAddress': 'x'}}",
		    "Store.BadDocument");
	kit_refused(k, "Remove-NetVirtualizationLookupRecord", "{'InputObject': 'x'}",
		    "ParameterArgumentTransformationError");
}

static void global(void **state)
{
	struct kit *k = *state;
	json_t *objects;

	kit_do(k, "Get-NetVirtualizationGlobal", "{}");
	kit_property(k, 0, "UseExternalRouter", "false");
	objects = kit_get(k, "Get-NetVirtualizationGlobal", "{}");
	kit_pipe(k, "Set-NetVirtualizationGlobal", "{'UseExternalRouter': true, 'PassThru': true}", objects);
	kit_no_errors(k);
	kit_property(k, 0, "UseExternalRouter", "true");
	json_decref(objects);
	kit_do(k, "Get-NetVirtualizationGlobal", "{'UseExternalRouter': false}");
	assert_int_equal(kit_count(k, "objects"), 0);
	kit_do(k, "Get-NetVirtualizationGlobal", "{'UseExternalRouter': [false, true]}");
	assert_int_equal(kit_count(k, "objects"), 1);
	kit_do(k, "Set-NetVirtualizationGlobal", "{}");
	kit_do(k, "Get-NetVirtualizationGlobal", "{}");
	kit_property(k, 0, "UseExternalRouter", "true");
}

int filter_tests(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(get),	     kit_test(nothing_found), kit_test(set), kit_test(set_warns_of_the_end),
		kit_test(by_object), kit_test(global),
	};

	return cmocka_run_group_tests_name("netvirt/filter", tests, NULL, NULL);
}
