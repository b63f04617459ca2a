/* SPDX-License-Identifier: Apache-2.0 */
#include "acl_wants.h"
#include "adapter.h"
#include "kit.h"

#define BLUE "'VMName': 'blue1'"

/* Two VMs; blue1 runs, in VSID 5010. */
static void make_lab(struct kit *k)
{
	kit_do(k, "New-VMSwitch", "{'Name': 'vswitch', 'SwitchType': 'Private'}");
	kit_do(k, "New-VM", "{'Name': 'blue1', 'Engine': 'Namespace', 'SwitchName': 'vswitch'}");
	kit_do(k, "New-VM", "{'Name': 'red1', 'Engine': 'Namespace', 'SwitchName': 'vswitch'}");
	kit_do(k, "Set-VMNetworkAdapter", "{" BLUE ", 'VirtualSubnetId': 5010}");
	kit_do(k, "Start-VM", "{'Name': 'blue1'}");
}

static void add(struct kit *k, const char *parameters)
{
	_cleanup_free_ char *all = xasprintf("{" BLUE ", %s}", parameters);

	kit_do(k, "Add-VMNetworkAdapterAcl", all);
}

static void add_extended(struct kit *k, const char *parameters)
{
	_cleanup_free_ char *all = xasprintf("{" BLUE ", %s}", parameters);

	kit_do(k, "Add-VMNetworkAdapterExtendedAcl", all);
}

/* ---- entries ---- */

static void entries(void **state)
{
	struct kit *k = *state;

	make_lab(k);
	kit_do(k, "Add-VMNetworkAdapterAcl",
	       "{" BLUE
	       ", 'Action': 'Deny', 'Direction': 'Both', 'RemoteIPAddress': ['10.0.0.0/8', 'ANY'], 'PassThru': true}");
	/* Both is two entries, each address another */
	assert_string_equal(json_string_value(json_object_get(k->result, "type")), "VMNetworkAdapterAclSetting");
	kit_names(k, "Direction", "Inbound Inbound Outbound Outbound");
	kit_names(k, "RemoteAddress", "10.0.0.0/8 ANY 10.0.0.0/8 ANY");
	kit_property(k, 0, "VMName", "'blue1'");
	kit_property(k, 0, "ParentAdapter", "'Network Adapter'");
	kit_property(k, 0, "Action", "'Deny'");
	kit_property(k, 0, "LocalAddress", "'ANY'");
	kit_property(k, 0, "RemoteIPAddress", "'10.0.0.0/8'");
	kit_property(k, 0, "RemoteMacAddress", "null");
	kit_property(k, 0, "MeteredMBytes", "null");
	add(k,
	    "'Action': 'Allow', 'Direction': 'Inbound', 'LocalIPAddress': 'fd00::5', 'RemoteIPAddress': 'fd00::/64'");
	add(k, "'Action': 'Deny', 'Direction': 'Outbound', 'RemoteMacAddress': '00155D010203'");
	kit_do(k, "Get-VMNetworkAdapterAcl", "{" BLUE "}");
	kit_names(k, "RemoteAddress", "10.0.0.0/8 ANY fd00::/64 10.0.0.0/8 ANY 00-15-5D-01-02-03");
	kit_property(k, 2, "LocalAddress", "'fd00::5'");
	kit_property(k, 5, "RemoteIPAddress", "null");
	/* everybody's, where nobody is named */
	kit_do(k, "Add-VMNetworkAdapterAcl",
	       "{'VMName': 'red1', 'Action': 'Allow', 'Direction': 'Inbound', 'LocalIPAddress': 'any'}");
	kit_do(k, "Get-VMNetworkAdapterAcl", "{}");
	kit_names(k, "VMName", "blue1 blue1 blue1 blue1 blue1 blue1 red1");
}

static void entries_removed(void **state)
{
	struct kit *k = *state;
	json_t *objects;

	make_lab(k);
	add(k, "'Action': 'Deny', 'Direction': 'Both', 'RemoteIPAddress': ['10.0.0.1', '10.0.0.2', '10.0.0.3']");
	add(k, "'Action': 'Meter', 'Direction': 'Inbound', 'RemoteIPAddress': '10.0.0.1'");
	add(k, "'Action': 'Deny', 'Direction': 'Inbound', 'LocalIPAddress': '10.9.9.9', 'RemoteIPAddress': '10.0.0.1'");
	kit_do(k, "Remove-VMNetworkAdapterAcl",
	       "{" BLUE ", 'Action': 'Deny', 'Direction': 'Inbound', 'RemoteIPAddress': '10.0.0.1/32'}");
	kit_do(k, "Get-VMNetworkAdapterAcl", "{" BLUE "}");
	/* neither the meter nor the one that names more */
	kit_names(k, "Action", "Deny Deny Meter Deny Deny Deny Deny");
	kit_do(k, "Remove-VMNetworkAdapterAcl",
	       "{" BLUE ", 'Action': 'Deny', 'Direction': 'Both', 'RemoteIPAddress': ['10.0.0.2', '10.0.0.3']}");
	kit_do(k, "Get-VMNetworkAdapterAcl", "{" BLUE "}");
	kit_names(k, "RemoteAddress", "10.0.0.1 10.0.0.1 10.0.0.1");
	objects = kit_get(k, "Get-VMNetworkAdapterAcl", "{" BLUE "}");
	kit_pipe(k, "Remove-VMNetworkAdapterAcl", "{}", objects);
	kit_no_errors(k);
	kit_do(k, "Get-VMNetworkAdapterAcl", "{" BLUE "}");
	assert_int_equal(kit_count(k, "objects"), 0);
	/* they are not there any more */
	kit_pipe(k, "Remove-VMNetworkAdapterAcl", "{}", objects);
	assert_int_equal(kit_count(k, "errors"), 3);
	json_decref(objects);
}

static void bad_entries(void **state)
{
#define ADD(p, id)    REFUSED("Add-VMNetworkAdapterAcl", "{" BLUE ", " p "}", id)
#define REMOVE(p, id) REFUSED("Remove-VMNetworkAdapterAcl", "{" BLUE ", " p "}", id)
#define DENY	      "'Action': 'Deny', 'Direction': 'Inbound'"
	static const struct refusal cases[] = {
		ADD(DENY, "Acl.NoAddress"),
		ADD(DENY ", 'RemoteIPAddress': '10.0.0.1', 'LocalMacAddress': '000000000011'", "Acl.MacAndIp"),
		ADD("'Action': 'Meter', 'Direction': 'Inbound', 'RemoteMacAddress': 'ANY'", "Acl.MeterNeedsIp"),
		ADD(DENY ", 'RemoteIPAddress': '10.0.0.300'", "Acl.BadAddress"),
		ADD(DENY ", 'RemoteIPAddress': '10.0.0.0/33'", "Acl.BadAddress"),
		ADD(DENY ", 'RemoteIPAddress': '10.0.0.1/24'", "Acl.BadAddress"),
		ADD(DENY ", 'RemoteIPAddress': '*'", "Acl.BadAddress"),
		ADD(DENY ", 'RemoteIPAddress': ['10.0.0.1', 'green']", "Acl.BadAddress"),
		ADD(DENY ", 'RemoteMacAddress': '0000000000'", "Acl.BadAddress"),
		ADD(DENY ", 'RemoteMacAddress': '010000000000'", "Acl.BadAddress"),
		ADD(DENY ", 'LocalIPAddress': '10.0.0.1', 'RemoteIPAddress': 'fd00::1'", "Acl.AddressFamily"),
		ADD(DENY ", 'RemoteIPAddress': ['10.0.0.1', '10.0.0.1/32']", "Acl.EntryExists"),
		ADD("'Action': 'Deny', 'Direction': 'Outbound', 'RemoteIPAddress': ['10.0.0.1', '10.0.0.7']",
		    "Acl.EntryExists"),
		ADD("'Action': 'Deny', 'Direction': 'Both', 'RemoteIPAddress': '10.0.0.7'", "Acl.EntryExists"),
		ADD("'Action': 'Allow', 'Direction': 'Outbound', 'RemoteIPAddress': '10.0.0.7'", "Acl.Contradiction"),
		ADD("'Action': 'Forbid', 'Direction': 'Inbound', 'RemoteIPAddress': 'ANY'",
		    "ParameterArgumentTransformationError"),
		ADD("'Action': 'Deny', 'Direction': 'Up', 'RemoteIPAddress': 'ANY'",
		    "ParameterArgumentTransformationError"),
		ADD("'Action': 'Deny', 'RemoteIPAddress': 'ANY'", "MissingMandatoryParameter"),
		ADD(DENY ", 'RemoteIPAddress': 'ANY', 'VMNetworkAdapterName': 'nobody'", "InvalidParameter"),
		REFUSED("Add-VMNetworkAdapterAcl", "{'VMName': 'nobody', " DENY ", 'RemoteIPAddress': 'ANY'}",
			"InvalidParameter"),
		REMOVE(DENY, "Acl.NoAddress"),
		REMOVE(DENY ", 'RemoteIPAddress': '10.0.0.7'", "Acl.NotFound"),
		REMOVE("'Action': 'Allow', 'Direction': 'Outbound', 'RemoteIPAddress': '10.0.0.7'", "Acl.NotFound"),
		REMOVE("'Action': 'Deny', 'Direction': 'Outbound', 'LocalIPAddress': '10.0.0.7'", "Acl.NotFound"),
	};
	struct kit *k = *state;

	make_lab(k);
	add(k, "'Action': 'Deny', 'Direction': 'Outbound', 'RemoteIPAddress': '10.0.0.7'");
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
	kit_what_if(k, "Add-VMNetworkAdapterAcl",
		    "{" BLUE ", 'Action': 'Deny', 'Direction': 'Both', 'RemoteIPAddress': 'ANY'}", 1);
	kit_what_if(k, "Remove-VMNetworkAdapterAcl",
		    "{" BLUE ", 'Action': 'Deny', 'Direction': 'Outbound', 'RemoteIPAddress': '10.0.0.7'}", 1);
	/* counting what is denied is no contradiction */
	add(k, "'Action': 'Meter', 'Direction': 'Outbound', 'RemoteIPAddress': '10.0.0.7'");
}

static void too_many(void **state)
{
	struct kit *k = *state;
	_cleanup_str_ struct str list = { 0 };

	make_lab(k);
	str_addf(&list, "{" BLUE ", 'Action': 'Deny', 'Direction': 'Inbound', 'RemoteIPAddress': [");
	for (unsigned i = 0; i < ACL_ENTRIES_MAX; i++)
		str_addf(&list, "%s'10.0.%u.%u'", i ? ", " : "", i / 256, i % 256);
	str_addf(&list, "]}");
	kit_do(k, "Add-VMNetworkAdapterAcl", str_get(&list));
	kit_refused(k, "Add-VMNetworkAdapterAcl",
		    "{" BLUE ", 'Action': 'Allow', 'Direction': 'Inbound', 'RemoteIPAddress': '10.1.0.1'}",
		    "Acl.TooMany");
	add(k, "'Action': 'Allow', 'Direction': 'Outbound', 'RemoteIPAddress': '10.1.0.1'");
	add(k, "'Action': 'Meter', 'Direction': 'Inbound', 'RemoteIPAddress': '10.1.0.1'");
}

static void meters(void **state)
{
	struct kit *k = *state;
	char port[16];
	json_t *objects;
	struct guid id;

	make_lab(k);
	add(k, "'Action': 'Deny', 'Direction': 'Inbound', 'RemoteIPAddress': '10.0.0.1'");
	add(k, "'Action': 'Meter', 'Direction': 'Outbound', 'RemoteIPAddress': '0.0.0.0/0'");
	objects = kit_get(k, "Get-VMNetworkAdapter", "{" BLUE "}");
	assert_int_equal(guid_parse(json_string_value(json_object_get(json_array_get(objects, 0), "Id")), &id), 0);
	json_decref(objects);
	kit_do(k, "Get-VMNetworkAdapterAcl", "{" BLUE "}");
	kit_property(k, 1, "MeteredBytes", "0");
	k->meter = (struct kit_meter){ .number = 2, .packets = 7, .bytes = 3500000 };
	snprintf(k->meter.link, sizeof(k->meter.link), "%s", adapter_port_name(&id, port));
	kit_do(k, "Get-VMNetworkAdapterAcl", "{" BLUE "}");
	kit_property(k, 1, "MeteredBytes", "3500000");
	kit_property(k, 1, "MeteredMBytes", "3");
	kit_property(k, 1, "MeteredPackets", "7");
	kit_property(k, 0, "MeteredBytes", "null");
}

/* ---- extended rules ---- */

static void extended_rules(void **state)
{
	struct kit *k = *state;
	json_t *objects;

	make_lab(k);
	kit_do(k, "Add-VMNetworkAdapterExtendedAcl",
	       "{" BLUE
	       ", 'Action': 'Allow', 'Direction': 'Outbound', 'RemotePort': '80', 'Protocol': 'tcp', 'Weight': 100, "
	       "'Stateful': true, 'Timeout': 3600, 'PassThru': true}");
	kit_property(k, 0, "Protocol", "'TCP'");
	kit_property(k, 0, "RemotePort", "'80'");
	kit_property(k, 0, "LocalPort", "'ANY'");
	kit_property(k, 0, "LocalIPAddress", "'ANY'");
	kit_property(k, 0, "Weight", "100");
	kit_property(k, 0, "Stateful", "true");
	kit_property(k, 0, "IdleSessionTimeout", "3600");
	kit_property(k, 0, "IsolationID", "0");
	kit_property(k, 0, "Note", "'lets the answers pass in the other direction, too'");
	add_extended(k, "'Action': 'Deny', 'Direction': 'Outbound', 'Weight': 1");
	add_extended(k, "'Action': 'Deny', 'Direction': 'Outbound', 'Weight': 50, 'Protocol': 'icmp'");
	add_extended(
		k,
		"'Action': 'Allow', 'Direction': 'Inbound', 'Weight': 100, 'Protocol': '17', 'LocalPort': '500-4500'");
	kit_do(k, "Get-VMNetworkAdapterExtendedAcl", "{" BLUE "}");
	kit_names(k, "Direction", "Inbound Outbound Outbound Outbound");
	kit_names(k, "Protocol", "UDP TCP 1 ANY");
	kit_do(k, "Remove-VMNetworkAdapterExtendedAcl", "{" BLUE ", 'Direction': 'Outbound', 'Weight': 50}");
	kit_do(k, "Get-VMNetworkAdapterExtendedAcl", "{}");
	kit_names(k, "Protocol", "UDP TCP ANY");
	objects = kit_get(k, "Get-VMNetworkAdapterExtendedAcl", "{}");
	kit_pipe(k, "Remove-VMNetworkAdapterExtendedAcl", "{}", objects);
	kit_no_errors(k);
	kit_pipe(k, "Remove-VMNetworkAdapterExtendedAcl", "{}", objects);
	assert_int_equal(kit_count(k, "errors"), 3);
	json_decref(objects);
}

static void bad_extended_rules(void **state)
{
#define EXTENDED(p, id)                                                                                                \
	REFUSED("Add-VMNetworkAdapterExtendedAcl", "{" BLUE ", 'Weight': 5, 'Direction': 'Inbound', " p "}", id)
	static const struct refusal cases[] = {
		EXTENDED("'Action': 'Deny', 'RemotePort': '80'", "Acl.PortNeedsProtocol"),
		EXTENDED("'Action': 'Deny', 'LocalPort': '80', 'Protocol': '1'", "Acl.PortNeedsProtocol"),
		EXTENDED("'Action': 'Deny', 'LocalPort': '80-', 'Protocol': 'TCP'", "Acl.BadPort"),
		EXTENDED("'Action': 'Deny', 'LocalPort': '-80', 'Protocol': 'TCP'", "Acl.BadPort"),
		EXTENDED("'Action': 'Deny', 'LocalPort': '90-80', 'Protocol': 'TCP'", "Acl.BadPort"),
		EXTENDED("'Action': 'Deny', 'LocalPort': '65536', 'Protocol': 'TCP'", "Acl.BadPort"),
		EXTENDED("'Action': 'Deny', 'LocalPort': 'http', 'Protocol': 'TCP'", "Acl.BadPort"),
		EXTENDED("'Action': 'Deny', 'Protocol': '256'", "Acl.BadProtocol"),
		EXTENDED("'Action': 'Deny', 'Protocol': 'TCPX'", "Acl.BadProtocol"),
		EXTENDED("'Action': 'Deny', 'RemoteIPAddress': '10.0.0'", "Acl.BadAddress"),
		EXTENDED("'Action': 'Deny', 'RemoteIPAddress': '10.0.0.1', 'LocalIPAddress': '::/0'",
			 "Acl.AddressFamily"),
		EXTENDED("'Action': 'Deny', 'Stateful': true", "Acl.StatefulDeny"),
		EXTENDED("'Action': 'Allow', 'IdleSessionTimeout': 60", "Acl.TimeoutNeedsStateful"),
		EXTENDED("'Action': 'Meter'", "ParameterArgumentTransformationError"),
		EXTENDED("'Action': 'Allow', 'Stateful': true, 'IdleSessionTimeout': 65536",
			 "ParameterArgumentValidationError"),
		EXTENDED("'Action': 'Allow', 'Stateful': true, 'IdleSessionTimeout': -1",
			 "ParameterArgumentValidationError"),
		EXTENDED("'Action': 'Allow', 'IsolationID': 16777215", "ParameterArgumentValidationError"),
		REFUSED("Add-VMNetworkAdapterExtendedAcl",
			"{" BLUE ", 'Weight': 65536, 'Direction': 'Inbound', 'Action': 'Deny'}",
			"ParameterArgumentValidationError"),
		REFUSED("Add-VMNetworkAdapterExtendedAcl",
			"{" BLUE ", 'Weight': 7, 'Direction': 'Both', 'Action': 'Deny'}",
			"ParameterArgumentTransformationError"),
		REFUSED("Add-VMNetworkAdapterExtendedAcl",
			"{" BLUE ", 'Weight': 7, 'Direction': 'Inbound', 'Action': 'Deny'}", "Acl.WeightInUse"),
		REFUSED("Add-VMNetworkAdapterExtendedAcl", "{" BLUE ", 'Direction': 'Inbound', 'Action': 'Deny'}",
			"MissingMandatoryParameter"),
		REFUSED("Remove-VMNetworkAdapterExtendedAcl", "{" BLUE ", 'Weight': 7, 'Direction': 'Outbound'}",
			"Acl.NotFound"),
		REFUSED("Remove-VMNetworkAdapterExtendedAcl", "{" BLUE ", 'Weight': 8, 'Direction': 'Inbound'}",
			"Acl.NotFound"),
	};
	struct kit *k = *state;

	make_lab(k);
	add_extended(k, "'Weight': 7, 'Direction': 'Inbound', 'Action': 'Deny'");
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
	kit_what_if(k, "Add-VMNetworkAdapterExtendedAcl",
		    "{" BLUE ", 'Weight': 8, 'Direction': 'Inbound', 'Action': 'Deny'}", 1);
	kit_what_if(k, "Remove-VMNetworkAdapterExtendedAcl", "{" BLUE ", 'Weight': 7, 'Direction': 'Inbound'}", 1);
}

/* ---- what follows from them ---- */

/* "weight or number, sorted as they are tried" of one direction. */
static char *order(struct kit *k, uint32_t direction)
{
	struct str text = { 0 };
	want_port_vec ports = { 0 };
	want_acl_vec wants = { 0 };

	adapter_wants(k->docs, &ports);
	acl_wants(k->docs, &ports, &wants);
	str_addf(&text, "%s", "");
	vec_foreach (&wants, w) {
		if (w->direction != direction)
			continue;
		vec_foreach (&w->rules, r) {
			_cleanup_free_ char *remote =
				acl_address_format(&r->remote, r->section == WANT_MAC ? ACL_MAC : ACL_IP);

			str_addf(&text, "%s%c%s", r == w->rules.items ? "" : " ", "mbxh"[r->section],
				 r -> section == WANT_EXTENDED ? "" : remote);
			if (r->section == WANT_EXTENDED)
				str_addf(&text, "%u", r->number);
		}
	}
	acl_wants_done(&wants);
	vec_done(&ports);
	return str_take(&text);
}

static void expect_order(struct kit *k, uint32_t direction, const char *expected)
{
	_cleanup_free_ char *got = order(k, direction);

	assert_string_equal(got, expected);
}

/* AC-2: longest prefix; ANY is less than 0.0.0.0/0. AC-3: highest weight. AC-5: IsolationID. */
static void order_of_rules(void **state)
{
	struct kit *k = *state;

	make_lab(k);
	add(k, "'Action': 'Deny', 'Direction': 'Inbound', 'RemoteIPAddress': ['ANY', '0.0.0.0/0', '10.0.0.0/8', "
	       "'fd00::/64', '10.0.0.1']");
	add(k, "'Action': 'Meter', 'Direction': 'Inbound', 'RemoteIPAddress': ['0.0.0.0/0', '10.0.0.0/8']");
	add(k, "'Action': 'Allow', 'Direction': 'Inbound', 'RemoteMacAddress': '000000000012'");
	add_extended(k, "'Action': 'Deny', 'Direction': 'Inbound', 'Weight': 1");
	add_extended(k, "'Action': 'Deny', 'Direction': 'Inbound', 'Weight': 1000, 'IsolationID': 5010");
	add_extended(k, "'Action': 'Deny', 'Direction': 'Inbound', 'Weight': 20, 'IsolationID': 5011");
	expect_order(
		k, ACL_INBOUND,
		"m10.0.0.0/8 m0.0.0.0/0 bfd00::/64 b10.0.0.1 b10.0.0.0/8 b0.0.0.0/0 bANY x1000 x1 h00-00-00-00-00-12");
	expect_order(k, ACL_OUTBOUND, "");
	kit_do(k, "Set-VMNetworkAdapter", "{" BLUE ", 'VirtualSubnetId': 5011}");
	kit_do(k, "Remove-VMNetworkAdapterAcl",
	       "{" BLUE ", 'Action': 'Deny', 'Direction': 'Inbound', 'RemoteIPAddress': ['ANY', '0.0.0.0/0', "
			"'10.0.0.0/8', 'fd00::/64']}");
	/* two ends count together, and the remote one more */
	add(k, "'Action': 'Allow', 'Direction': 'Inbound', 'RemoteIPAddress': '10.0.0.0/24', 'LocalIPAddress': "
	       "'10.9.0.0/16'");
	add(k, "'Action': 'Allow', 'Direction': 'Inbound', 'RemoteIPAddress': '10.1.0.0/16', 'LocalIPAddress': "
	       "'10.9.1.0/24'");
	expect_order(k, ACL_INBOUND,
		     "m10.0.0.0/8 m0.0.0.0/0 b10.0.0.0/24 b10.1.0.0/16 b10.0.0.1 x20 x1 h00-00-00-00-00-12");
	/* who is off, or not connected, wants nothing */
	kit_do(k, "Disconnect-VMNetworkAdapter", "{" BLUE "}");
	expect_order(k, ACL_INBOUND, "");
}

static void go_with_the_adapter(void **state)
{
	struct kit *k = *state;

	make_lab(k);
	add(k, "'Action': 'Deny', 'Direction': 'Both', 'RemoteIPAddress': 'ANY'");
	add_extended(k, "'Action': 'Deny', 'Direction': 'Inbound', 'Weight': 1");
	kit_do(k, "Add-VMNetworkAdapterAcl",
	       "{'VMName': 'red1', 'Action': 'Deny', 'Direction': 'Inbound', 'RemoteIPAddress': 'ANY'}");
	assert_int_equal(docs_count(k->docs, &acl_kind), 3);
	kit_do(k, "Remove-VMNetworkAdapter", "{" BLUE "}");
	assert_int_equal(docs_count(k->docs, &acl_kind), 1);
	assert_int_equal(docs_count(k->docs, &extended_acl_kind), 0);
	kit_do(k, "Remove-VM", "{'Name': 'red1', 'Force': true}");
	assert_int_equal(docs_count(k->docs, &acl_kind), 0);
	/* of the management OS, and with its switch */
	kit_do(k, "New-VMSwitch", "{'Name': 'nat', 'SwitchType': 'Internal'}");
	kit_do(k, "Add-VMNetworkAdapterAcl",
	       "{'ManagementOS': true, 'VMNetworkAdapterName': 'nat', 'Action': 'Deny', 'Direction': 'Inbound', "
	       "'RemoteIPAddress': 'ANY', "
	       "'PassThru': true}");
	kit_property(k, 0, "IsManagementOs", "true");
	kit_property(k, 0, "VMName", "null");
	kit_do(k, "Remove-VMSwitch", "{'Name': 'nat', 'Force': true}");
	assert_int_equal(docs_count(k->docs, &acl_kind), 0);
}

int acl_tests(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(entries),
		kit_test(entries_removed),
		kit_test(bad_entries),
		kit_test(too_many),
		kit_test(meters),
		kit_test(extended_rules),
		kit_test(bad_extended_rules),
		kit_test(order_of_rules),
		kit_test(go_with_the_adapter),
	};

	return cmocka_run_group_tests_name("acl", tests, NULL, NULL);
}
