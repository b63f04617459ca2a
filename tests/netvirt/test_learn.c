/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that are learnt (HN-8): what becomes a record, what does not, and what gives way. */
#include "netvirt_learn.h"
#include "netvirt_test.h"

#define L2ONLY ", 'Type': 'L2Only'"
#define NEW "New-NetVirtualizationLookupRecord"

static void policy(struct kit *k)
{
	lab_uplink(k, "vswitch", "eth0");
	lab_vm(k, "one", "vswitch", "000000000021", 5010);
	lab_vm(k, "two", "vswitch", "000000000022", 5010);
	lab_pa(k, 2, "10.1.0.1", 24);
	lab_route(k, RD1, 5010, "10.0.0.0/24", "0.0.0.0");
	lab_record(k, 5010, "0.0.0.0", "000000000021", "10.1.0.1", L2ONLY);
	lab_record(k, 5010, "0.0.0.0", "000000000022", "10.1.0.1", L2ONLY);
	lab_record(k, 5010, "10.0.0.5", "000000000025", "10.1.0.9", "");
}

/* NULL: learnt; "": nothing to learn; else the error's id. */
static void learn(struct kit *k, uint32_t vsid, uint8_t mac, const char *ca, bool leased, const char *expected)
{
	struct learn l = { .vsid = vsid, .mac = { { 0, 0, 0, 0, 0, mac } }, .leased = leased };
	_cleanup_err_ struct err *e = NULL;
	_cleanup_free_ char *key = NULL;
	size_t mark;
	int r;

	assert_int_equal(ip_parse(ca, &l.ca), 0);
	docs_begin(k->docs);
	mark = docs_mark(k->docs);
	r = netvirt_learn(k->docs, &l, &key, &e);
	if (!key)
		docs_rollback_to(k->docs, mark);
	assert_int_equal(docs_commit(k->docs, NULL, NULL), 0);
	if (!expected)
		assert_non_null(key);
	else if (*expected)
		assert_string_equal(r < 0 ? e->id : "learnt", expected);
	else
		assert_true(r == 0 && !key);
}

static void expect_dynamic(struct kit *k, const char *addresses)
{
	kit_run(k, "Get-NetVirtualizationLookupRecord", "{'Type': 'Dynamic'}");
	kit_names(k, "CustomerAddress", addresses);
}

static void learnt(void **state)
{
	struct kit *k = *state;

	policy(k);
	learn(k, 5010, 0x21, "10.0.0.21", false, NULL);
	learn(k, 5010, 0x21, "10.0.0.21", true, "");
	learn(k, 5010, 0x22, "10.0.0.22", true, NULL);
	kit_run(k, "Get-NetVirtualizationLookupRecord", "{'CustomerAddress': '10.0.0.21'}");
	kit_property(k, 0, "Type", "'Dynamic'");
	kit_property(k, 0, "ProviderAddress", "'10.1.0.1'");
	kit_property(k, 0, "Rule", "'TranslationMethodEncap'");
	kit_property(k, 0, "MACAddress", "'000000000021'");
	lab_assert_wants(k, "pc",
			 "port one vsid 5010 segment 0+5010 mac 000000000021 next - src 10.1.0.1 policy learn 10.0.0.21\n"
			 "port two vsid 5010 segment 0+5010 mac 000000000022 next - src 10.1.0.1 policy learn 10.0.0.22\n"
			 "ca 5010 10.0.0.21 000000000021 pa 10.1.0.1 local\n"
			 "ca 5010 10.0.0.22 000000000022 pa 10.1.0.1 local\n"
			 "ca 5010 10.0.0.5 000000000025 pa 10.1.0.9\n");
}

static void not_learnt(void **state)
{
	struct kit *k = *state;

	policy(k);
	lab_record(k, 5010, "0.0.0.0", "000000000029", "10.1.0.1", L2ONLY);
	/* no port; no such record, of this virtual subnet or of this family */
	learn(k, 5010, 0x29, "10.0.0.29", false, "");
	learn(k, 5010, 0x28, "10.0.0.28", false, "");
	learn(k, 5011, 0x21, "10.0.0.21", false, "");
	learn(k, 5010, 0x21, "2001:db8::21", false, "");
	/* nobody's, another's, the router's, of another subnet */
	learn(k, 5010, 0x21, "0.0.0.0", false, "");
	learn(k, 5010, 0x21, "224.0.0.1", false, "Wnv.BadCustomerAddress");
	learn(k, 5010, 0x21, "10.0.0.5", false, "Wnv.CustomerAddressInUse");
	learn(k, 5010, 0x21, "10.0.0.1", false, "Wnv.GatewayAddressReserved");
	learn(k, 5010, 0x21, "10.0.1.5", false, "Wnv.DynamicAddressOutside");
	learn(k, 5010, 0x21, "10.0.0.0", false, "Wnv.DynamicAddressOutside");
	learn(k, 5010, 0x21, "10.0.0.255", true, "Wnv.DynamicAddressOutside");
	/* two of them: the first has it */
	learn(k, 5010, 0x21, "10.0.0.21", false, NULL);
	learn(k, 5010, 0x22, "10.0.0.21", true, "Wnv.CustomerAddressInUse");
	/* a record that says the machine is elsewhere, or one that carries nothing */
	kit_do(k, "Set-NetVirtualizationLookupRecord", "{'MACAddress': '000000000022', 'ProviderAddress': '10.1.0.9'}");
	learn(k, 5010, 0x22, "10.0.0.22", false, "");
	kit_do(k, "Set-NetVirtualizationLookupRecord",
	       "{'MACAddress': '000000000022', 'ProviderAddress': '10.1.0.1', 'Rule': 'TranslationMethodNone'}");
	learn(k, 5010, 0x22, "10.0.0.22", false, "");
	expect_dynamic(k, "10.0.0.21");
}

static void limits(void **state)
{
	struct kit *k = *state;
	char ca[32];

	policy(k);
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'one', 'DynamicIPAddressLimit': 2}");
	learn(k, 5010, 0x21, "10.0.0.21", false, NULL);
	lab_assert_wants(k, "p",
			 "port one vsid 5010 segment 0+5010 mac 000000000021 next - src 10.1.0.1 policy learn 10.0.0.21\n"
			 "port two vsid 5010 segment 0+5010 mac 000000000022 next - src 10.1.0.1 policy learn\n");
	learn(k, 5010, 0x21, "10.0.0.22", true, NULL);
	lab_assert_wants(k, "p",
			 "port one vsid 5010 segment 0+5010 mac 000000000021 next - src 10.1.0.1 policy learn full 10.0.0.21 10.0.0.22\n"
			 "port two vsid 5010 segment 0+5010 mac 000000000022 next - src 10.1.0.1 policy learn\n");
	learn(k, 5010, 0x21, "10.0.0.23", false, "Wnv.DynamicAddressLimit");
	/* a lease takes the former one's place */
	learn(k, 5010, 0x21, "10.0.0.24", true, NULL);
	expect_dynamic(k, "10.0.0.21 10.0.0.24");
	/* of the host's own limit: 16 */
	for (int i = 0; i < LEARN_LIMIT; i++) {
		snprintf(ca, sizeof(ca), "10.0.0.%d", 100 + i);
		learn(k, 5010, 0x22, ca, false, NULL);
	}
	learn(k, 5010, 0x22, "10.0.0.200", false, "Wnv.DynamicAddressLimit");
	learn(k, 5010, 0x22, "10.0.0.200", true, "Wnv.DynamicAddressLimit");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'two', 'DynamicIPAddressLimit': 4294967295}");
	assert_int_equal(learn_limit(&(struct adapter_doc){ .dynamic_limit = UINT32_MAX }), LEARN_LIMIT_MAX);
	learn(k, 5010, 0x22, "10.0.0.200", false, NULL);
}

static bool holds(struct kit *k, const char *ca)
{
	_cleanup_map_ struct map *ports = netvirt_ports_by_mac(k->docs);
	struct ip ip;

	assert_int_equal(ip_parse(ca, &ip), 0);
	return netvirt_learnt_holds(k->docs, netvirt_record(k->docs, 5010, &ip), ports);
}

static void how_long_it_holds(void **state)
{
	struct kit *k = *state;

	policy(k);
	learn(k, 5010, 0x21, "10.0.0.21", false, NULL);
	learn(k, 5010, 0x22, "10.0.0.22", false, NULL);
	assert_true(holds(k, "10.0.0.21") && holds(k, "10.0.0.22"));
	kit_do(k, "Stop-VM", "{'Name': 'one', 'TurnOff': true}");
	assert_true(!holds(k, "10.0.0.21") && holds(k, "10.0.0.22"));
	kit_do(k, "Start-VM", "{'Name': 'one'}");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'two', 'VirtualSubnetId': 5011}");
	assert_true(holds(k, "10.0.0.21") && !holds(k, "10.0.0.22"));
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'two', 'VirtualSubnetId': 5010}");
	kit_do(k, "Disconnect-VMNetworkAdapter", "{'VMName': 'two'}");
	assert_true(!holds(k, "10.0.0.22"));
	kit_do(k, "Remove-NetVirtualizationLookupRecord", "{'MACAddress': '000000000021', 'Type': 'L2Only'}");
	assert_true(!holds(k, "10.0.0.21"));
}

static void gives_way(void **state)
{
	struct kit *k = *state;

	policy(k);
	learn(k, 5010, 0x21, "10.0.0.21", false, NULL);
	learn(k, 5010, 0x22, "10.0.0.22", false, NULL);
	/* the same record, made by somebody: no longer learnt, and no warning */
	kit_run(k, NEW,
		"{'VirtualSubnetID': 5010, 'CustomerAddress': '10.0.0.21', 'MACAddress': '000000000021', 'ProviderAddress': "
		"'10.1.0.1', 'Rule': 'TranslationMethodEncap'}");
	kit_no_errors(k);
	assert_int_equal(kit_count(k, "warnings"), 0);
	kit_refused(k, NEW,
		    "{'VirtualSubnetID': 5010, 'CustomerAddress': '10.0.0.21', 'MACAddress': '000000000021', 'ProviderAddress': "
		    "'10.1.0.1', 'Rule': 'TranslationMethodEncap'}", "AlreadyExists");
	/* another's */
	kit_run(k, NEW,
		"{'VirtualSubnetID': 5010, 'CustomerAddress': '10.0.0.22', 'MACAddress': '000000000025', 'ProviderAddress': "
		"'10.1.0.9', 'Rule': 'TranslationMethodEncap'}");
	kit_no_errors(k);
	kit_warning(k, "Wnv.DynamicRecordReplaced: 10.0.0.22 was learnt of 000000000022");
	expect_dynamic(k, "");
	learn(k, 5010, 0x22, "10.0.0.22", true, "Wnv.CustomerAddressInUse");
	/* with -WhatIf nothing gives way */
	learn(k, 5010, 0x22, "10.0.0.23", false, NULL);
	kit_what_if(k, NEW,
		    "{'VirtualSubnetID': 5010, 'CustomerAddress': '10.0.0.23', 'MACAddress': '000000000025', 'ProviderAddress': "
		    "'10.1.0.9', 'Rule': 'TranslationMethodEncap'}", 1);
	expect_dynamic(k, "10.0.0.23");
}

/* Each family has a record, a limit and addresses of its own. */
static void ipv6(void **state)
{
	struct kit *k = *state;

	policy(k);
	lab_route(k, RD1, 5010, "2001:db8:10::/64", "::");
	lab_record(k, 5010, "::", "000000000021", "10.1.0.1", L2ONLY);
	lab_record(k, 5010, "2001:db8:10::5", "000000000025", "10.1.0.9", "");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'one', 'DynamicIPAddressLimit': 1}");
	learn(k, 5010, 0x21, "2001:db8:10::21", false, NULL);
	lab_assert_wants(k, "p",
			 "port one vsid 5010 segment 0+5010 mac 000000000021 next - src 10.1.0.1 policy v6 learn learn6 full6\n"
			 "port two vsid 5010 segment 0+5010 mac 000000000022 next - src 10.1.0.1 policy learn\n");
	learn(k, 5010, 0x21, "2001:db8:10::22", false, "Wnv.DynamicAddressLimit");
	learn(k, 5010, 0x21, "10.0.0.21", false, NULL);
	learn(k, 5010, 0x21, "2001:db8:10::5", false, "Wnv.CustomerAddressInUse");
	learn(k, 5010, 0x21, "2001:db8:10::1", false, "Wnv.GatewayAddressReserved");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'one', 'DynamicIPAddressLimit': 0}");
	learn(k, 5010, 0x21, "2001:db8:10::", false, "Wnv.DynamicAddressOutside");
	learn(k, 5010, 0x21, "2001:db8:11::21", false, "Wnv.DynamicAddressOutside");
	learn(k, 5010, 0x21, "2001:db8:10:0:ffff:ffff:ffff:ffff", false, NULL);
	learn(k, 5010, 0x22, "2001:db8:10::22", false, "");
}

/* LM-2: where its L2Only record goes. */
static void follows(void **state)
{
	struct kit *k = *state;

	policy(k);
	learn(k, 5010, 0x21, "10.0.0.21", false, NULL);
	learn(k, 5010, 0x22, "10.0.0.22", false, NULL);
	kit_do(k, "Set-NetVirtualizationLookupRecord",
	       "{'MACAddress': '000000000021', 'CustomerAddress': '0.0.0.0', 'ProviderAddress': '10.1.0.9'}");
	kit_run(k, "Get-NetVirtualizationLookupRecord", "{'ProviderAddress': '10.1.0.9', 'Type': 'Dynamic'}");
	kit_names(k, "CustomerAddress", "10.0.0.21");
}

int learn_tests(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(learnt), kit_test(not_learnt), kit_test(limits), kit_test(how_long_it_holds), kit_test(gives_way),
		kit_test(ipv6), kit_test(follows),
	};

	return cmocka_run_group_tests_name("netvirt/learn", tests, NULL, NULL);
}
