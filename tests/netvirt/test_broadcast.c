/* SPDX-License-Identifier: Apache-2.0 */
/* Broadcast and multicast of a virtual subnet (WG-7): what is refused, and what is wanted of a host. */
#include "netvirt_test.h"

#define NEW "New-NetVirtualizationBroadcast"
#define SET "Set-NetVirtualizationBroadcast"

/* Host 1 of lab 3, with a second machine of the same subnet, and one of another subnet on a third host. */
static void policy(struct kit *k)
{
	lab_uplink(k, "vswitch", "eth0");
	lab_vm(k, "blue1", "vswitch", "000000000011", 5010);
	lab_vm(k, "blue3", "vswitch", "000000000013", 5010);
	lab_pa(k, 2, "214.214.51.42", 24);
	lab_route(k, RD1, 5010, "10.10.10.0/24", "0.0.0.0");
	lab_record(k, 5010, "10.10.10.11", "000000000011", "214.214.51.42", "");
	lab_record(k, 5010, "10.10.10.13", "000000000013", "214.214.51.42", "");
	lab_record(k, 5010, "10.10.10.14", "000000000014", "214.214.51.44", "");
	lab_record(k, 5010, "10.10.10.12", "000000000012", "214.214.51.43", "");
	lab_record(k, 5010, "10.10.10.15", "000000000015", "214.214.51.43", "");
	lab_record(k, 5011, "10.10.10.12", "000000000022", "214.214.51.45", "");
}

static void ring_and_peers(void **state)
{
	struct kit *k = *state;

	policy(k);
	lab_assert_wants(k, "g", "");
	lab_do(k, NEW, "{'VirtualSubnetID': 5010}");
	lab_assert_wants(k, "g", "group 5010 to :: here at 214.214.51.42: 214.214.51.43 214.214.51.44\n");
	lab_assert_wants(k, "p",
			 "port blue1 vsid 5010 segment 0+5010 mac 000000000011 next blue3 src 214.214.51.42 policy 10.10.10.11\n"
			 "port blue3 vsid 5010 segment 0+5010 mac 000000000013 next blue1 src 214.214.51.42 policy 10.10.10.13\n");
	lab_do(k, SET, "{'VirtualSubnetID': 5010, 'ProviderAddress': '239.192.19.146'}");
	lab_assert_wants(k, "gh",
			 "hop 214.214.51.43 nic eth0 via 214.214.51.43\n"
			 "hop 214.214.51.44 nic eth0 via 214.214.51.44\n"
			 "hop 214.214.51.45 nic eth0 via 214.214.51.45\n"
			 "hop 239.192.19.146 nic eth0 via 239.192.19.146\n"
			 "group 5010 to 239.192.19.146 here at 214.214.51.42: 239.192.19.146\n"
			 "heard 239.192.19.146/32 nic eth0\n");
	/* alone: no ring; nobody: no membership, and nothing sent */
	kit_do(k, "Stop-VM", "{'Name': 'blue1', 'TurnOff': true}");
	lab_assert_wants(k, "g",
			 "group 5010 to 239.192.19.146 here at 214.214.51.42: 239.192.19.146\n"
			 "heard 239.192.19.146/32 nic eth0\n");
	lab_assert_wants(k, "p",
			 "port blue3 vsid 5010 segment 0+5010 mac 000000000013 next - src 214.214.51.42 policy 10.10.10.13\n");
	kit_do(k, "Stop-VM", "{'Name': 'blue3', 'TurnOff': true}");
	lab_assert_wants(k, "g", "group 5010 to 239.192.19.146 nowhere at :::\n");
	lab_do(k, "Remove-NetVirtualizationBroadcast", "{}");
	lab_assert_wants(k, "g", "");
}

/* 2.7: IP rewrite carries unicast alone; a gateway's dummy provider address is nobody (HN-6); rule None carries nothing. */
static void who_gets_no_copy(void **state)
{
	struct kit *k = *state;

	policy(k);
	lab_do(k, NEW, "{'VirtualSubnetID': 5010, 'ProviderAddress': '::'}");
	lab_record(k, 5010, "10.10.10.1", "000000000001", "169.254.254.254", "");
	lab_do(k, "New-NetVirtualizationLookupRecord",
	       "{'VirtualSubnetID': 5010, 'CustomerAddress': '10.10.10.16', 'MACAddress': '000000000016', 'ProviderAddress': "
	       "'214.214.51.46', 'Rule': 'TranslationMethodNat'}");
	lab_do(k, "New-NetVirtualizationLookupRecord",
	       "{'VirtualSubnetID': 5010, 'CustomerAddress': '10.10.10.17', 'MACAddress': '000000000017', 'ProviderAddress': "
	       "'214.214.51.47', 'Rule': 'TranslationMethodNone'}");
	lab_assert_wants(k, "g", "group 5010 to :: here at 214.214.51.42: 214.214.51.43 214.214.51.44\n");
}

/* Several virtual subnets may share a multicast address (WG-7): one way, one membership. */
static void shared_address(void **state)
{
	struct kit *k = *state;

	policy(k);
	lab_vm(k, "red1", "vswitch", "000000000021", 5011);
	lab_record(k, 5011, "10.10.10.11", "000000000021", "214.214.51.42", "");
	lab_do(k, NEW, "{'VirtualSubnetID': 5010, 'ProviderAddress': '239.1.1.1'}");
	lab_do(k, NEW, "{'VirtualSubnetID': 5011, 'ProviderAddress': '239.1.1.1'}");
	lab_assert_wants(k, "g",
			 "group 5010 to 239.1.1.1 here at 214.214.51.42: 239.1.1.1\n"
			 "group 5011 to 239.1.1.1 here at 214.214.51.42: 239.1.1.1\n"
			 "heard 239.1.1.1/32 nic eth0\n");
}

/* WG-8, WG-10: of the address's family, and by VXLAN where the subnet has nothing else. */
static void encapsulations(void **state)
{
	struct kit *k = *state;

	policy(k);
	lab_do(k, "Remove-NetVirtualizationLookupRecord", "{'VirtualSubnetID': 5010}");
	lab_pa(k, 2, "fd00::42", 64);
	lab_record(k, 5010, "10.10.10.11", "000000000011", "fd00::42", "");
	lab_record(k, 5010, "10.10.10.12", "000000000012", "214.214.51.43", "");
	lab_record(k, 5010, "10.10.10.14", "000000000014", "fd00::44", "");
	lab_do(k, NEW, "{'VirtualSubnetID': 5010, 'ProviderAddress': 'ff08::13b0'}");
	lab_assert_wants(k, "g", "group 5010 to ff08::13b0 here at fd00::42: ff08::13b0\nheard ff08::13b0/128 nic eth0\n");
	/* no port has an address of that family */
	lab_do(k, SET, "{'ProviderAddress': '239.1.1.1'}");
	lab_assert_wants(k, "g", "group 5010 to 239.1.1.1 here at :::\n");
	lab_do(k, SET, "{'ProviderAddress': '0.0.0.0'}");
	lab_assert_wants(k, "g", "group 5010 to :: here at ::: 214.214.51.43 fd00::44\n");
	lab_do(k, SET, "{'ProviderAddress': 'ff08::13b0'}");
	kit_do(k, "Set-NetVirtualizationLookupRecord", "{'VirtualSubnetID': 5010, 'Rule': 'TranslationMethodEncapVxlan'}");
	lab_assert_wants(k, "g", "group 5010 to ff08::13b0 here at fd00::42: vxlan:ff08::13b0\nheard ff08::13b0/128 nic eth0\n");
}

/* Without policy the ports of one switch hear each other anyway, and a document changes nothing about it. */
static void without_policy(void **state)
{
	struct kit *k = *state;
	_cleanup_free_ char *before = NULL;

	kit_do(k, "New-VMSwitch", "{'Name': 's1', 'SwitchType': 'Private'}");
	lab_vm(k, "a", "s1", "000000000011", 5010);
	lab_vm(k, "b", "s1", "000000000012", 5010);
	before = lab_wants(k, "p");
	kit_run(k, NEW, "{'VirtualSubnetID': 5010}");
	kit_warning(k, "Virtual subnet 5010 has no policy");
	lab_assert_wants(k, "p", before);
	lab_assert_wants(k, "g", "group 5010 to :: nowhere at :::\n");
}

static void objects(void **state)
{
	struct kit *k = *state;

	policy(k);
	kit_run(k, NEW, "{'VirtualSubnetID': 5010}");
	kit_property(k, 0, "Mode", "'UnicastReplication'");
	kit_property(k, 0, "ProviderAddress", "'0.0.0.0'");
	kit_run(k, SET, "{'ProviderAddress': '239.1.2.3', 'PassThru': true}");
	kit_property(k, 0, "Mode", "'Multicast'");
	kit_property(k, 0, "ProviderAddress", "'239.1.2.3'");
	kit_run(k, "Get-NetVirtualizationBroadcast", "{'ProviderAddress': '239.1.2.3'}");
	assert_int_equal(kit_count(k, "objects"), 1);
	kit_refused(k, "Get-NetVirtualizationBroadcast", "{'VirtualSubnetID': 5011}", "CmdletizationQuery_NotFound_VirtualSubnetID");
	/* what unbinding the last ms_netwnv takes along */
	kit_do(k, "Disable-NetAdapterBinding", "{'Name': '*', 'ComponentID': 'ms_netwnv'}");
	kit_run(k, "Get-NetVirtualizationBroadcast", "{}");
	assert_int_equal(kit_count(k, "objects"), 0);
}

static void refused(void **state)
{
	static const struct {
		const char *address, *error;
	} cases[] = {
		{ "214.214.51.43", "Wnv.BadMulticastAddress" }, { "255.255.255.255", "Wnv.BadMulticastAddress" },
		{ "240.0.0.1", "Wnv.BadMulticastAddress" },	{ "127.0.0.1", "Wnv.BadMulticastAddress" },
		{ "224.0.0.1", "Wnv.BadMulticastAddress" },	{ "224.0.0.255", "Wnv.BadMulticastAddress" },
		{ "fd00::1", "Wnv.BadMulticastAddress" },	{ "ff00::1", "Wnv.BadMulticastAddress" },
		{ "ff01::1", "Wnv.BadMulticastAddress" },	{ "ff02::1", "Wnv.BadMulticastAddress" },
		{ "ff12::1", "Wnv.BadMulticastAddress" },	{ "ff0f::1", "Wnv.BadMulticastAddress" },
	};
	struct kit *k = *state;
	char parameters[128];

	policy(k);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(parameters, sizeof(parameters), "{'VirtualSubnetID': 5010, 'ProviderAddress': '%s'}", cases[i].address);
		kit_refused(k, NEW, parameters, cases[i].error);
	}
	lab_assert_wants(k, "g", "");
	kit_run(k, NEW, "{'VirtualSubnetID': 5010, 'ProviderAddress': '224.0.1.0'}");
	kit_warning(k, "224.0.1.0 is not administratively scoped");
	kit_run(k, NEW, "{'VirtualSubnetID': 5011, 'ProviderAddress': 'ff1e::1'}");
	kit_warning(k, "ff1e::1 is not administratively scoped");
	lab_do(k, "Remove-NetVirtualizationBroadcast", "{'VirtualSubnetID': 5011}");
	kit_refused(k, NEW, "{'VirtualSubnetID': 5010}", "AlreadyExists");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(parameters, sizeof(parameters), "{'VirtualSubnetID': 5010, 'ProviderAddress': '%s'}", cases[i].address);
		kit_refused(k, SET, parameters, cases[i].error);
	}
	lab_assert_wants(k, "g",
			 "group 5010 to 224.0.1.0 here at 214.214.51.42: 224.0.1.0\nheard 224.0.1.0/32 nic eth0\n");
}

int broadcast_tests(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(ring_and_peers), kit_test(who_gets_no_copy), kit_test(shared_address), kit_test(encapsulations),
		kit_test(without_policy),
		kit_test(objects), kit_test(refused),
	};

	return cmocka_run_group_tests_name("netvirt/broadcast", tests, NULL, NULL);
}
