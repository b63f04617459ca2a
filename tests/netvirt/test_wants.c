/* SPDX-License-Identifier: Apache-2.0 */
/* What network virtualization, switches and adapters want of a host: exact entries for the labs and the odd cases. */
#include "adapter.h"
#include "netvirt_test.h"
#include "switch_wants.h"
#include "adapter_wants.h"
#include "vm.h"

/* Lab 1: four guests on one switch, no policy; a virtual subnet only keeps them apart. */
static void lab1(void **state)
{
	struct kit *k = *state;

	kit_do(k, "New-VMSwitch", "{'Name': 'vswitch', 'NetAdapterName': 'eth0', 'AllowManagementOS': false}");
	lab_vm(k, "Blue1", "vswitch", "000000000011", 0);
	lab_vm(k, "Blue2", "vswitch", "000000000012", 0);
	lab_vm(k, "Red1", "vswitch", "000000000021", 0);
	lab_vm(k, "Red2", "vswitch", "000000000022", 0);
	lab_assert_wants(k, "pdchaur",
			 "port Blue1 vsid 0 segment 0+0 mac 000000000011 next - src ::\n"
			 "port Blue2 vsid 0 segment 0+0 mac 000000000012 next - src ::\n"
			 "port Red1 vsid 0 segment 0+0 mac 000000000021 next - src ::\n"
			 "port Red2 vsid 0 segment 0+0 mac 000000000022 next - src ::\n");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'Blue*', 'VirtualSubnetId': 5010}");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'Red*', 'VirtualSubnetId': 5020, 'MacAddressSpoofing': 'On'}");
	lab_assert_wants(k, "pdchaur",
			 "port Blue1 vsid 5010 segment 1+5010 mac 000000000011 next Blue2 src ::\n"
			 "port Blue2 vsid 5010 segment 1+5010 mac 000000000012 next Blue1 src ::\n"
			 "port Red1 vsid 5020 segment 1+5020 mac 000000000021 next Red2 src :: spoofing\n"
			 "port Red2 vsid 5020 segment 1+5020 mac 000000000022 next Red1 src :: spoofing\n"
			 "dest 1+5010 000000000011 Blue1 pa ::\n"
			 "dest 1+5010 000000000012 Blue2 pa ::\n"
			 "dest 1+5020 000000000021 Red1 pa ::\n"
			 "dest 1+5020 000000000022 Red2 pa ::\n");
	/* Alone in a segment, there is nobody to flood to. */
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'Blue2', 'VirtualSubnetId': 0}");
	kit_do(k, "Stop-VM", "{'Name': 'Red1', 'TurnOff': true}");
	kit_do(k, "Disconnect-VMNetworkAdapter", "{'VMName': 'Red2'}");
	lab_assert_wants(k, "pd",
			 "port Blue1 vsid 5010 segment 1+5010 mac 000000000011 next - src ::\n"
			 "port Blue2 vsid 0 segment 0+0 mac 000000000012 next - src ::\n"
			 "dest 1+5010 000000000011 Blue1 pa ::\n");
}

/* Without policy, the same VSID at two switches is two segments; with policy it is one. */
static void two_switches(void **state)
{
	struct kit *k = *state;

	kit_do(k, "New-VMSwitch", "{'Name': 's1', 'SwitchType': 'Private'}");
	kit_do(k, "New-VMSwitch", "{'Name': 's2', 'SwitchType': 'Internal'}");
	lab_vm(k, "a", "s1", "000000000011", 5010);
	lab_vm(k, "b", "s2", "000000000012", 5010);
	kit_do(k, "Add-VMNetworkAdapter",
	       "{'ManagementOS': true, 'SwitchName': 's2', 'Name': 'host', 'StaticMacAddress': '000000000013'}");
	kit_do(k, "Remove-VMNetworkAdapter", "{'ManagementOS': true, 'Name': 's2'}");
	kit_do(k, "Set-VMNetworkAdapter", "{'ManagementOS': true, 'VirtualSubnetId': 5010}");
	lab_assert_wants(k, "pd",
			 "port a vsid 5010 segment 1+5010 mac 000000000011 next - src ::\n"
			 "port b vsid 5010 segment 2+5010 mac 000000000012 next host src ::\n"
			 "port host vsid 5010 segment 2+5010 mac 000000000013 next b src :: here\n"
			 "dest 1+5010 000000000011 a pa ::\n"
			 "dest 2+5010 000000000012 b pa ::\n"
			 "dest 2+5010 000000000013 host pa ::\n");
	lab_route(k, RD1, 5010, "10.0.0.0/24", "0.0.0.0");
	lab_assert_wants(k, "pd",
			 "port a vsid 5010 segment 0+5010 mac 000000000011 next - src :: policy\n"
			 "port b vsid 5010 segment 0+5010 mac 000000000012 next - src :: policy\n"
			 "port host vsid 5010 segment 0+5010 mac 000000000013 next - src :: policy here\n");
}

/* Two adapters with one address: a table has a key once, the ring has both. */
static void same_mac_twice(void **state)
{
	struct kit *k = *state;
	struct netvirt_wants w;
	struct lab_tables t;

	kit_do(k, "New-VMSwitch", "{'Name': 's1', 'SwitchType': 'Private'}");
	lab_vm(k, "a", "s1", "000000000011", 5010);
	lab_vm(k, "b", "s1", "000000000011", 5010);
	lab_assert_wants(k, "p",
			 "port a vsid 5010 segment 1+5010 mac 000000000011 next b src ::\n"
			 "port b vsid 5010 segment 1+5010 mac 000000000011 next a src ::\n");
	netvirt_wants(k->docs, &w);
	lab_tables(&w, &t);
	assert_int_equal(t.dests.n, 1);
	lab_tables_done(&t);
	netvirt_wants_done(&w);
}

/* Lab 3 as the runbooks make it; mine is the host's number. */
static void lab3_policy(struct kit *k, int mine)
{
	lab_record(k, 5010, "10.10.10.11", "000000000011", "214.214.51.42", "");
	lab_record(k, 5011, "10.10.10.11", "000000000021", "214.214.51.42", "");
	lab_record(k, 5010, "10.10.10.12", "000000000012", "214.214.51.43", "");
	lab_record(k, 5011, "10.10.10.12", "000000000022", "214.214.51.43", "");
	lab_route(k, RD1, 5010, "10.10.10.0/24", "0.0.0.0");
	lab_route(k, RD2, 5011, "10.10.10.0/24", "0.0.0.0");
	lab_pa(k, 2, mine == 1 ? "214.214.51.42" : "214.214.51.43", 24);
}

static void lab3_host1(void **state)
{
	struct kit *k = *state;

	lab_uplink(k, "vswitch", "eth0");
	lab_vm(k, "blue1", "vswitch", "000000000011", 5010);
	lab_vm(k, "red1", "vswitch", "000000000021", 5011);
	lab3_policy(k, 1);
	lab_assert_wants(
		k, "pdchaur",
		"port blue1 vsid 5010 segment 0+5010 mac 000000000011 next - src 214.214.51.42 policy 10.10.10.11\n"
		"port red1 vsid 5011 segment 0+5011 mac 000000000021 next - src 214.214.51.42 policy 10.10.10.11\n"
		"dest 0+5010 000000000011 blue1 pa 214.214.51.42\n"
		"dest 0+5010 000000000012 remote pa 214.214.51.43\n"
		"dest 0+5011 000000000021 red1 pa 214.214.51.42\n"
		"dest 0+5011 000000000022 remote pa 214.214.51.43\n"
		"ca 5010 10.10.10.11 000000000011 pa 214.214.51.42 local\n"
		"ca 5010 10.10.10.12 000000000012 pa 214.214.51.43\n"
		"ca 5011 10.10.10.11 000000000021 pa 214.214.51.42 local\n"
		"ca 5011 10.10.10.12 000000000022 pa 214.214.51.43\n"
		"hop 214.214.51.43 nic eth0 via 214.214.51.43\n"
		"pa 214.214.51.42/24 nic eth0\n"
		"uplink eth0\n");
	/* The machine is here and off: known, but nowhere to deliver to. */
	kit_do(k, "Stop-VM", "{'Name': 'red1', 'TurnOff': true}");
	lab_assert_wants(k, "p",
			 "port blue1 vsid 5010 segment 0+5010 mac 000000000011 next - src 214.214.51.42 policy "
			 "10.10.10.11\n");
	lab_assert_wants(k, "d",
			 "dest 0+5010 000000000011 blue1 pa 214.214.51.42\n"
			 "dest 0+5010 000000000012 remote pa 214.214.51.43\n"
			 "dest 0+5011 000000000021 - pa 214.214.51.42\n"
			 "dest 0+5011 000000000022 remote pa 214.214.51.43\n");
	/* Without the binding nothing of the underlay is wanted; the policy went with it (it was the last). */
	kit_do(k, "Disable-NetAdapterBinding", "{'Name': '*', 'ComponentID': 'ms_netwnv'}");
	lab_assert_wants(k, "pdchaur",
			 "port blue1 vsid 5010 segment 1+5010 mac 000000000011 next - src ::\ndest 1+5010 000000000011 "
			 "blue1 pa ::\n");
}

static void lab3_host2(void **state)
{
	struct kit *k = *state;

	lab_uplink(k, "vswitch", "eth0");
	lab_vm(k, "blue2", "vswitch", "000000000012", 5010);
	lab_vm(k, "red2", "vswitch", "000000000022", 5011);
	lab3_policy(k, 2);
	lab_assert_wants(
		k, "pdh",
		"port blue2 vsid 5010 segment 0+5010 mac 000000000012 next - src 214.214.51.43 policy 10.10.10.12\n"
		"port red2 vsid 5011 segment 0+5011 mac 000000000022 next - src 214.214.51.43 policy 10.10.10.12\n"
		"dest 0+5010 000000000011 remote pa 214.214.51.42\n"
		"dest 0+5010 000000000012 blue2 pa 214.214.51.43\n"
		"dest 0+5011 000000000021 remote pa 214.214.51.42\n"
		"dest 0+5011 000000000022 red2 pa 214.214.51.43\n"
		"hop 214.214.51.42 nic eth0 via 214.214.51.42\n");
	/* A machine with another address than its record's has no way in; one without its VSID is not in the subnet. */
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'red2', 'VirtualSubnetId': 0}");
	lab_assert_wants(
		k, "p",
		"port blue2 vsid 5010 segment 0+5010 mac 000000000012 next - src 214.214.51.43 policy 10.10.10.12\n"
		"port red2 vsid 0 segment 0+0 mac 000000000022 next - src ::\n");
	/* Live migration: the record moves to the other host, and back. */
	kit_do(k, "Set-NetVirtualizationLookupRecord",
	       "{'MACAddress': '000000000012', 'ProviderAddress': '214.214.51.42'}");
	assert_int_equal(kit_count(k, "warnings"), 0);
	lab_assert_wants(k, "pd",
			 "port blue2 vsid 5010 segment 0+5010 mac 000000000012 next - src :: policy 10.10.10.12\n"
			 "port red2 vsid 0 segment 0+0 mac 000000000022 next - src ::\n"
			 "dest 0+5010 000000000011 remote pa 214.214.51.42\n"
			 "dest 0+5010 000000000012 remote pa 214.214.51.42\n"
			 "dest 0+5011 000000000021 remote pa 214.214.51.42\n"
			 "dest 0+5011 000000000022 - pa 214.214.51.43\n");
}

/* HN-6, HN-7, HN-8 and rules that are not carried. */
static void special_records(void **state)
{
	struct kit *k = *state;

	lab_uplink(k, "vswitch", "eth0");
	lab_vm(k, "dhcp", "vswitch", "000000000011", 5010);
	lab_vm(k, "gateway", "vswitch", "000000000012", 5010);
	lab_vm(k, "nat", "vswitch", "000000000013", 5010);
	lab_pa(k, 2, "10.1.0.1", 24);
	lab_record(k, 5010, "0.0.0.0", "000000000011", "10.1.0.1", ", 'Type': 'L2Only'");
	lab_record(k, 5010, "10.0.0.7", "000000000011", "10.1.0.1", ", 'Type': 'Dynamic'");
	lab_record(k, 5010, "0.0.0.0", "000000000012", "10.1.0.1", ", 'Type': 'GatewayWildcard'");
	lab_record(k, 5010, "::", "000000000021", "10.1.0.9", ", 'Type': 'L2Only'");
	lab_record(k, 5010, "2001:db8::5", "000000000022", "10.1.0.9", "");
	lab_record(k, 5010, "10.0.0.1", "101010101101", "169.254.254.254", "");
	kit_do(k, "New-NetVirtualizationLookupRecord",
	       "{'VirtualSubnetID': 5010, 'CustomerAddress': '2001:db8::9', 'MACAddress': '000000000013', 'ProviderAddress': "
	       "'10.1.0.2', 'Rule': 'TranslationMethodNone'}");
	lab_assert_wants(k, "pdch",
			 "port dhcp vsid 5010 segment 0+5010 mac 000000000011 next - src 10.1.0.1 policy learn 10.0.0.7\n"
			 "port gateway vsid 5010 segment 0+5010 mac 000000000012 next - src 10.1.0.1 policy any\n"
			 "port nat vsid 5010 segment 0+5010 mac 000000000013 next - src :: policy\n"
			 "dest 0+5010 000000000011 dhcp pa 10.1.0.1 unknown\n"
			 "dest 0+5010 000000000012 gateway pa 10.1.0.1 any\n"
			 "dest 0+5010 000000000021 remote pa 10.1.0.9 unknown6\n"
			 "dest 0+5010 000000000022 remote pa 10.1.0.9 v6\n"
			 "ca 5010 10.0.0.1 101010101101 pa 169.254.254.254 router\n"
			 "ca 5010 10.0.0.7 000000000011 pa 10.1.0.1 local\n"
			 "ca 5010 2001:db8::5 000000000022 pa 10.1.0.9\n"
			 "hop 10.1.0.9 nic eth0 via 10.1.0.9\n");
}

/* WG-10: the rule of the destination's record chooses; one provider address, two ways to it. The largest headers set the MTU. */
static void vxlan(void **state)
{
	struct kit *k = *state;
	struct netvirt_wants w;

	lab_uplink(k, "vswitch", "eth0");
	lab_vm(k, "a", "vswitch", "000000000011", 5010);
	lab_vm(k, "b", "vswitch", "000000000021", 5011);
	lab_pa(k, 2, "10.1.0.1", 24);
	lab_record(k, 5010, "10.0.0.11", "000000000011", "10.1.0.1", "");
	lab_record(k, 5011, "10.0.0.11", "000000000021", "10.1.0.1", "");
	lab_record(k, 5011, "10.0.0.12", "000000000022", "10.1.0.2", "");
	lab_record(k, 5010, "10.0.0.12", "000000000012", "10.1.0.2", "");
	lab_record(k, 5010, "10.0.0.13", "000000000013", "10.1.0.2", "");
	netvirt_wants(k->docs, &w);
	assert_false(w.vxlan);
	netvirt_wants_done(&w);
	kit_do(k, "Set-NetVirtualizationLookupRecord", "{'CustomerAddress': '10.0.0.13', 'Rule': 'TranslationMethodEncapVxlan'}");
	kit_do(k, "Get-NetVirtualizationLookupRecord", "{'Rule': 'TranslationMethodEncapVxlan', 'Unusable': false}");
	kit_names(k, "CustomerAddress", "10.0.0.13");
	lab_assert_wants(k, "pdh",
			 "port a vsid 5010 segment 0+5010 mac 000000000011 next - src 10.1.0.1 policy 10.0.0.11 overhead 50\n"
			 "port b vsid 5011 segment 0+5011 mac 000000000021 next - src 10.1.0.1 policy 10.0.0.11\n"
			 "dest 0+5010 000000000011 a pa 10.1.0.1\n"
			 "dest 0+5010 000000000012 remote pa 10.1.0.2\n"
			 "dest 0+5010 000000000013 remote vxlan pa 10.1.0.2\n"
			 "dest 0+5011 000000000021 b pa 10.1.0.1\n"
			 "dest 0+5011 000000000022 remote pa 10.1.0.2\n"
			 "hop 10.1.0.2 nic eth0 via 10.1.0.2\n"
			 "hop vxlan 10.1.0.2 nic eth0 via 10.1.0.2\n");
	netvirt_wants(k->docs, &w);
	assert_true(w.vxlan);
	netvirt_wants_done(&w);
}

/* WG-8: a machine sends to each family from the address of that family among its records; the largest headers set the MTU. */
static void families(void **state)
{
	struct kit *k = *state;

	lab_uplink(k, "vswitch", "eth0");
	lab_vm(k, "a", "vswitch", "000000000011", 5010);
	lab_vm(k, "b", "vswitch", "000000000012", 5010);
	lab_pa(k, 2, "10.1.0.1", 24);
	lab_pa(k, 2, "fd00::1", 64);
	lab_record(k, 5010, "10.0.0.11", "000000000011", "10.1.0.1", "");
	lab_record(k, 5010, "10.0.0.21", "000000000011", "fd00::1", "");
	kit_warning(k, "lowest customer address counts");
	lab_record(k, 5010, "10.0.0.12", "000000000012", "fd00::1", "");
	lab_record(k, 5010, "10.0.0.13", "000000000013", "fd00::2", "");
	lab_record(k, 5010, "10.0.0.14", "000000000014", "fd00:7::2", "");
	lab_do(k, "New-NetVirtualizationProviderRoute",
	       "{'InterfaceIndex': 2, 'DestinationPrefix': 'fd00:7::/64', 'NextHop': 'fe80::1'}");
	kit_do(k, "Set-NetVirtualizationLookupRecord", "{'CustomerAddress': '10.0.0.14', 'Rule': 'TranslationMethodEncapVxlan'}");
	lab_assert_wants(k, "pdhar",
			 "port a vsid 5010 segment 0+5010 mac 000000000011 next - src 10.1.0.1+fd00::1 policy 10.0.0.11 10.0.0.21 "
			 "overhead 70\n"
			 "port b vsid 5010 segment 0+5010 mac 000000000012 next - src fd00::1 policy 10.0.0.12 overhead 70\n"
			 "dest 0+5010 000000000011 a pa 10.1.0.1\n"
			 "dest 0+5010 000000000012 b pa fd00::1\n"
			 "dest 0+5010 000000000013 remote pa fd00::2\n"
			 "dest 0+5010 000000000014 remote vxlan pa fd00:7::2\n"
			 "hop fd00::2 nic eth0 via fd00::2\n"
			 "hop vxlan fd00:7::2 nic eth0 via fe80::1\n"
			 "pa 10.1.0.1/24 nic eth0\n"
			 "pa fd00::1/64 nic eth0\n"
			 "route fd00:7::/64 via fe80::1 nic eth0 metric 255\n");
	kit_do(k, "Remove-NetVirtualizationLookupRecord", "{'CustomerAddress': '10.0.0.14'}");
	lab_assert_wants(k, "p",
			 "port a vsid 5010 segment 0+5010 mac 000000000011 next - src 10.1.0.1+fd00::1 policy 10.0.0.11 10.0.0.21 "
			 "overhead 62\n"
			 "port b vsid 5010 segment 0+5010 mac 000000000012 next - src fd00::1 policy 10.0.0.12 overhead 62\n");
}

static void rewrite_record(struct kit *k, unsigned vsid, const char *ca, const char *mac, const char *pa, const char *more)
{
	lab_do(k, "New-NetVirtualizationLookupRecord",
	       "{'VirtualSubnetID': %u, 'CustomerAddress': '%s', 'MACAddress': '%s', 'ProviderAddress': '%s', "
	       "'Rule': 'TranslationMethodNat'%s}", vsid, ca, mac, pa, more);
}

/* 2.7: a provider address for each customer address; in 5010 both rules, in 5011 nothing but rewrite. */
/* Both families of one machine, each with a provider address of its own kind. */
static void rewrite6(void **state)
{
	struct kit *k = *state;

	lab_uplink(k, "vswitch", "eth0");
	lab_vm(k, "both", "vswitch", "000000000011", 5010);
	lab_pa(k, 2, "10.1.0.11", 24);
	lab_pa(k, 2, "fd00:1::11", 64);
	rewrite_record(k, 5010, "10.0.0.11", "000000000011", "10.1.0.11", "");
	rewrite_record(k, 5010, "2001:db8::11", "000000000011", "fd00:1::11", ", 'UseVmMACAddress': true");
	rewrite_record(k, 5010, "2001:db8::12", "000000000012", "fd00:1::12", "");
	rewrite_record(k, 5010, "2001:db8::1", "101010101101", "169.254.254.254", "");
	lab_assert_wants(k, "pdchw",
			 "port both vsid 5010 segment 0+5010 mac 000000000011 next - src 10.1.0.11+fd00:1::11 policy v6 "
			 "10.0.0.11=10.1.0.11 rewrite only\n"
			 "dest 0+5010 000000000011 both pa 10.1.0.11 v6 rewrite\n"
			 "dest 0+5010 000000000012 remote pa fd00:1::12 v6 rewrite\n"
			 "ca 5010 10.0.0.11 000000000011 pa 10.1.0.11 local rewrite\n"
			 "ca 5010 2001:db8::1 101010101101 pa 169.254.254.254 router\n"
			 "ca 5010 2001:db8::11 000000000011 pa fd00:1::11 local rewrite vm mac\n"
			 "ca 5010 2001:db8::12 000000000012 pa fd00:1::12 rewrite\n"
			 "hop fd00:1::12 nic eth0 via fd00:1::12\n"
			 "rewrite 10.1.0.11 of 5010 10.0.0.11 000000000011 both\n"
			 "rewrite fd00:1::11 of 5010 2001:db8::11 000000000011 both\n"
			 "rewrite fd00:1::12 of 5010 2001:db8::12 000000000012 remote\n");
}

static void rewrite(void **state)
{
	struct kit *k = *state;

	lab_uplink(k, "vswitch", "eth0");
	lab_vm(k, "both", "vswitch", "000000000011", 5010);
	lab_vm(k, "red", "vswitch", "000000000021", 5011);
	lab_pa(k, 2, "10.1.0.1", 24);
	lab_pa(k, 2, "10.1.0.11", 24);
	lab_pa(k, 2, "10.1.0.12", 24);
	lab_pa(k, 2, "10.1.0.21", 24);
	rewrite_record(k, 5010, "10.0.0.21", "000000000011", "10.1.0.12", ", 'UseVmMACAddress': true");
	lab_record(k, 5010, "10.0.0.20", "000000000011", "10.1.0.1", "");
	kit_warning(k, "lowest customer address counts");
	rewrite_record(k, 5010, "10.0.0.11", "000000000011", "10.1.0.11", "");
	/* a second address of a machine elsewhere; what decides is the lowest */
	lab_record(k, 5010, "10.0.0.30", "000000000013", "10.1.0.9", "");
	rewrite_record(k, 5010, "10.0.0.31", "000000000013", "10.1.0.31", "");
	rewrite_record(k, 5011, "10.0.0.11", "000000000021", "10.1.0.21", "");
	rewrite_record(k, 5011, "10.0.0.12", "000000000022", "10.1.0.22", "");
	rewrite_record(k, 5011, "10.0.0.1", "101010101101", "169.254.254.254", "");
	lab_assert_wants(k, "pdchw",
			 "port both vsid 5010 segment 0+5010 mac 000000000011 next - src 10.1.0.11 policy 10.0.0.11=10.1.0.11 "
			 "10.0.0.20 10.0.0.21=10.1.0.12* rewrite\n"
			 "port red vsid 5011 segment 0+5011 mac 000000000021 next - src 10.1.0.21 policy 10.0.0.11=10.1.0.21 "
			 "rewrite only\n"
			 "dest 0+5010 000000000011 both pa 10.1.0.11 rewrite\n"
			 "dest 0+5010 000000000013 remote pa 10.1.0.9 some rewrite\n"
			 "dest 0+5011 000000000021 red pa 10.1.0.21 rewrite\n"
			 "dest 0+5011 000000000022 remote pa 10.1.0.22 rewrite\n"
			 "ca 5010 10.0.0.11 000000000011 pa 10.1.0.11 local rewrite\n"
			 "ca 5010 10.0.0.20 000000000011 pa 10.1.0.1 local\n"
			 "ca 5010 10.0.0.21 000000000011 pa 10.1.0.12 local rewrite vm mac\n"
			 "ca 5010 10.0.0.30 000000000013 pa 10.1.0.9\n"
			 "ca 5010 10.0.0.31 000000000013 pa 10.1.0.31 rewrite\n"
			 "ca 5011 10.0.0.1 101010101101 pa 169.254.254.254 router\n"
			 "ca 5011 10.0.0.11 000000000021 pa 10.1.0.21 local rewrite\n"
			 "ca 5011 10.0.0.12 000000000022 pa 10.1.0.22 rewrite\n"
			 "hop 10.1.0.22 nic eth0 via 10.1.0.22\n"
			 "hop 10.1.0.31 nic eth0 via 10.1.0.31\n"
			 "hop 10.1.0.9 nic eth0 via 10.1.0.9\n"
			 "rewrite 10.1.0.11 of 5010 10.0.0.11 000000000011 both\n"
			 "rewrite 10.1.0.12 of 5010 10.0.0.21 000000000011 both\n"
			 "rewrite 10.1.0.21 of 5011 10.0.0.11 000000000021 red\n"
			 "rewrite 10.1.0.22 of 5011 10.0.0.12 000000000022 remote\n"
			 "rewrite 10.1.0.31 of 5010 10.0.0.31 000000000013 remote\n");
	/* Not this host's address: nothing to send from, but the machine may come. */
	kit_do(k, "Remove-NetVirtualizationProviderAddress", "{'ProviderAddress': '10.1.0.21'}");
	lab_do(k, "Set-VMNetworkAdapter", "{'VMName': 'both', 'VirtualSubnetId': 0}");
	lab_assert_wants(k, "p",
			 "port both vsid 0 segment 0+0 mac 000000000011 next - src ::\n"
			 "port red vsid 5011 segment 0+5011 mac 000000000021 next - src :: policy 10.0.0.11 only\n");
	lab_assert_wants(k, "w",
			 "rewrite 10.1.0.11 of 5010 10.0.0.11 000000000011 -\n"
			 "rewrite 10.1.0.12 of 5010 10.0.0.21 000000000011 -\n"
			 "rewrite 10.1.0.21 of 5011 10.0.0.11 000000000021 remote\n"
			 "rewrite 10.1.0.22 of 5011 10.0.0.12 000000000022 remote\n"
			 "rewrite 10.1.0.31 of 5010 10.0.0.31 000000000013 remote\n");
}

/* Four addresses of a port fit beside it, in order; with five the table of addresses is asked. */
static void many_addresses(void **state)
{
	struct kit *k = *state;

	lab_uplink(k, "vswitch", "eth0");
	lab_vm(k, "a", "vswitch", "000000000011", 5010);
	lab_pa(k, 2, "10.1.0.1", 24);
	lab_record(k, 5010, "10.0.0.20", "000000000011", "10.1.0.1", "");
	lab_record(k, 5010, "10.0.0.9", "000000000011", "10.1.0.1", "");
	lab_record(k, 5010, "10.0.0.100", "000000000011", "10.1.0.1", "");
	lab_record(k, 5010, "9.255.255.255", "000000000011", "10.1.0.1", "");
	lab_record(k, 5010, "2001:db8::1", "000000000011", "10.1.0.1", "");
	lab_assert_wants(
		k, "pd",
		"port a vsid 5010 segment 0+5010 mac 000000000011 next - src 10.1.0.1 policy v6 9.255.255.255 10.0.0.9 "
		"10.0.0.20 10.0.0.100\n"
		"dest 0+5010 000000000011 a pa 10.1.0.1 v6\n");
	lab_record(k, 5010, "10.0.0.21", "000000000011", "10.1.0.1", "");
	lab_assert_wants(k, "p", "port a vsid 5010 segment 0+5010 mac 000000000011 next - src 10.1.0.1 policy v6 more\n");
}

/* Dual stack: who speaks IPv6, and from what; a wildcard or L2Only is one of its own family (HN-7, HN-8). */
static void dual_stack(void **state)
{
	struct kit *k = *state;

	lab_uplink(k, "vswitch", "eth0");
	lab_pa(k, 2, "10.1.0.1", 24);
	for (int i = 0; i < 5; i++) {
		_cleanup_free_ char *name = xasprintf("vm%d", i), *mac = xasprintf("00000000001%d", i);

		lab_vm(k, name, "vswitch", mac, 5010);
	}
	lab_record(k, 5010, "10.0.0.5", "000000000010", "10.1.0.1", "");
	lab_record(k, 5010, "2001:db8::5", "000000000010", "10.1.0.1", "");
	lab_record(k, 5010, "fe80::5", "000000000010", "10.1.0.1", "");
	lab_record(k, 5010, "2001:db8::6", "000000000011", "10.1.0.1", "");
	lab_record(k, 5010, "10.0.0.7", "000000000012", "10.1.0.1", "");
	lab_record(k, 5010, "::", "000000000012", "10.1.0.1", ", 'Type': 'GatewayWildcard'");
	lab_record(k, 5010, "0.0.0.0", "000000000013", "10.1.0.1", ", 'Type': 'GatewayWildcard'");
	lab_record(k, 5010, "2001:db8::8", "000000000013", "10.1.0.1", "");
	lab_record(k, 5010, "0.0.0.0", "000000000014", "10.1.0.1", ", 'Type': 'GatewayWildcard'");
	lab_record(k, 5010, "::", "000000000014", "10.1.0.1", ", 'Type': 'GatewayWildcard'");
	lab_assert_wants(k, "pdc",
			 "port vm0 vsid 5010 segment 0+5010 mac 000000000010 next - src 10.1.0.1 policy v6 10.0.0.5\n"
			 "port vm1 vsid 5010 segment 0+5010 mac 000000000011 next - src 10.1.0.1 policy v6\n"
			 "port vm2 vsid 5010 segment 0+5010 mac 000000000012 next - src 10.1.0.1 policy any6 10.0.0.7\n"
			 "port vm3 vsid 5010 segment 0+5010 mac 000000000013 next - src 10.1.0.1 policy any v6\n"
			 "port vm4 vsid 5010 segment 0+5010 mac 000000000014 next - src 10.1.0.1 policy any any6\n"
			 "dest 0+5010 000000000010 vm0 pa 10.1.0.1 v6\n"
			 "dest 0+5010 000000000011 vm1 pa 10.1.0.1 v6\n"
			 "dest 0+5010 000000000012 vm2 pa 10.1.0.1 any6\n"
			 "dest 0+5010 000000000013 vm3 pa 10.1.0.1 any v6\n"
			 "dest 0+5010 000000000014 vm4 pa 10.1.0.1 any any6\n"
			 "ca 5010 10.0.0.5 000000000010 pa 10.1.0.1 local\n"
			 "ca 5010 10.0.0.7 000000000012 pa 10.1.0.1 local\n"
			 "ca 5010 2001:db8::5 000000000010 pa 10.1.0.1 local\n"
			 "ca 5010 2001:db8::6 000000000011 pa 10.1.0.1 local\n"
			 "ca 5010 2001:db8::8 000000000013 pa 10.1.0.1 local\n"
			 "ca 5010 fe80::5 000000000010 pa 10.1.0.1 local\n");
}

/* Records of one machine that name different provider addresses: the lowest customer address counts. */
static void different_providers(void **state)
{
	static const char *const order[][3] = {
		{ "10.0.0.9", "10.0.0.10", "10.0.0.8" },
		{ "10.0.0.8", "10.0.0.9", "10.0.0.10" },
		{ "10.0.0.10", "10.0.0.8", "10.0.0.9" },
	};
	struct kit *k = *state;

	lab_uplink(k, "vswitch", "eth0");
	lab_vm(k, "a", "vswitch", "000000000011", 5010);
	lab_pa(k, 2, "10.1.0.1", 24);
	lab_pa(k, 2, "10.1.0.2", 24);
	lab_pa(k, 2, "10.1.0.3", 24);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		for (size_t n = 0; n < 3; n++) {
			const char *ca = order[i][n];

			lab_record(k, 5010, ca, "000000000011",
				   streq(ca, "10.0.0.8")   ? "10.1.0.2"
				   : streq(ca, "10.0.0.9") ? "10.1.0.3"
							   : "10.1.0.1",
				   "");
			if (n)
				kit_warning(k, "lowest customer address counts");
		}
		lab_assert_wants(
			k, "pd",
			"port a vsid 5010 segment 0+5010 mac 000000000011 next - src 10.1.0.2 policy 10.0.0.8 10.0.0.9 "
			"10.0.0.10\ndest 0+5010 000000000011 a pa 10.1.0.2\n");
		kit_do(k, "Remove-NetVirtualizationLookupRecord", "{}");
	}
}

static void provider_route(struct kit *k, int ifindex, const char *prefix, const char *next_hop, unsigned metric)
{
	lab_do(k, "New-NetVirtualizationProviderRoute",
	       "{'InterfaceIndex': %d, 'DestinationPrefix': '%s', 'NextHop': '%s', 'Metric': %u}", ifindex, prefix,
	       next_hop, metric);
}

/* HN-13: the longest prefix of on-link networks and provider routes, then the lowest metric. */
static void ways(void **state)
{
	struct kit *k = *state;

	lab_uplink(k, "s0", "eth0");
	lab_uplink(k, "s1", "eth1");
	lab_pa(k, 2, "10.1.0.1", 24);
	lab_record(k, 5010, "10.0.0.2", "000000000012", "10.1.0.2", "");
	lab_record(k, 5010, "10.0.0.3", "000000000013", "10.2.0.3", "");
	lab_record(k, 5010, "10.0.0.4", "000000000014", "10.2.1.4", "");
	lab_record(k, 5010, "10.0.0.5", "000000000015", "10.9.0.5", "");
	lab_record(k, 5010, "10.0.0.6", "000000000016", "10.1.0.2", "");
	lab_assert_wants(k, "h",
			 "hop 10.1.0.2 nic eth0 via 10.1.0.2\nhop 10.2.0.3 nic  via ::\nhop 10.2.1.4 nic  via ::\nhop "
			 "10.9.0.5 nic  via "
			 "::\n");
	/* Another network of this host has the address, too, but is wider. */
	lab_pa(k, 3, "10.1.9.1", 16);
	provider_route(k, 2, "0.0.0.0/0", "10.1.0.254", 255);
	provider_route(k, 3, "10.2.0.0/16", "10.1.0.253", 20);
	provider_route(k, 3, "10.2.0.0/16", "10.1.0.252", 10);
	provider_route(k, 3, "10.2.0.0/16", "10.1.0.251", 30);
	provider_route(k, 2, "10.2.1.0/24", "0.0.0.0", 0);
	provider_route(k, 3, "10.2.1.0/24", "10.1.0.9", 0);
	/* As long as the network that the address is in: the network wins. */
	provider_route(k, 3, "10.1.0.0/24", "10.1.0.8", 1);
	lab_assert_wants(k, "hr",
			 "hop 10.1.0.2 nic eth0 via 10.1.0.2\n"
			 "hop 10.2.0.3 nic eth1 via 10.1.0.252\n"
			 "hop 10.2.1.4 nic eth0 via 10.2.1.4\n"
			 "hop 10.9.0.5 nic eth0 via 10.1.0.254\n"
			 "route 0.0.0.0/0 via 10.1.0.254 nic eth0 metric 255\n"
			 "route 10.1.0.0/24 via 10.1.0.8 nic eth1 metric 1\n"
			 "route 10.2.0.0/16 via 10.1.0.251 nic eth1 metric 30\n"
			 "route 10.2.0.0/16 via 10.1.0.252 nic eth1 metric 10\n"
			 "route 10.2.0.0/16 via 10.1.0.253 nic eth1 metric 20\n"
			 "route 10.2.1.0/24 via 0.0.0.0 nic eth0 metric 0\n"
			 "route 10.2.1.0/24 via 10.1.0.9 nic eth1 metric 0\n");
	provider_route(k, 3, "10.1.0.2/32", "10.1.0.7", 255);
	lab_pa(k, 3, "10.2.0.1", 28);
	lab_assert_wants(k, "ha",
			 "hop 10.1.0.2 nic eth1 via 10.1.0.7\n"
			 "hop 10.2.0.3 nic eth1 via 10.2.0.3\n"
			 "hop 10.2.1.4 nic eth0 via 10.2.1.4\n"
			 "hop 10.9.0.5 nic eth0 via 10.1.0.254\n"
			 "pa 10.1.0.1/24 nic eth0\n"
			 "pa 10.1.9.1/16 nic eth1\n"
			 "pa 10.2.0.1/28 nic eth1\n");
	/* A NIC without the binding, or without a switch, has no addresses, no routes, and is no uplink. */
	kit_do(k, "Remove-VMSwitch", "{'Name': 's1'}");
	lab_assert_wants(k, "hau",
			 "hop 10.1.0.2 nic eth0 via 10.1.0.2\n"
			 "hop 10.2.0.3 nic eth0 via 10.1.0.254\n"
			 "hop 10.2.1.4 nic eth0 via 10.2.1.4\n"
			 "hop 10.9.0.5 nic eth0 via 10.1.0.254\n"
			 "pa 10.1.0.1/24 nic eth0\n"
			 "uplink eth0\n");
}

static void switches_and_adapters(void **state)
{
	struct kit *k = *state;
	want_switch_vec switches = { 0 };
	want_port_vec ports = { 0 };
	size_t host = 0, connected = 0;
	char name[16];

	kit_do(k, "New-VMSwitch", "{'Name': 'ext', 'NetAdapterName': 'eth0'}");
	kit_do(k, "New-VMSwitch", "{'Name': 'priv', 'SwitchType': 'Private'}");
	lab_vm(k, "on", "priv", "000000000011", 5010);
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'on', 'MacAddressSpoofing': 'On'}");
	lab_vm(k, "off", "priv", "000000000012", 0);
	kit_do(k, "Stop-VM", "{'Name': 'off', 'TurnOff': true}");
	kit_do(k, "Stop-VM", "{'Name': 'on', 'TurnOff': true}");
	kit_do(k, "Add-VMNetworkAdapter", "{'VMName': 'on', 'Name': 'second'}");
	kit_do(k, "Start-VM", "{'Name': 'on'}");
	switch_wants(k->docs, &switches);
	assert_int_equal(switches.n, 2);
	vec_foreach (&switches, s) {
		assert_string_equal(s->nic, streq(s->name, "ext") ? "eth0" : "");
		assert_string_equal(s->bridge, switch_bridge_name(&s->id, name));
		assert_int_equal(strlen(s->bridge), 12);
		assert_int_equal(strncmp(s->bridge, "nb", 2), 0);
	}
	adapter_wants(k->docs, &ports);
	assert_int_equal(ports.n, 3);
	vec_foreach (&ports, p) {
		assert_string_equal(p->name, adapter_port_name(&p->adapter, name));
		connected += p->bridge[0] != 0;
		if (guid_is_zero(&p->vm)) {
			host++;
			assert_string_equal(p->label, "ext");
			assert_string_equal(p->inner, adapter_host_link_name(&p->adapter, name));
		} else if (streq(p->label, "second")) {
			assert_string_equal(p->inner, "eth1");
			assert_string_equal(p->bridge, "");
			assert_false(p->spoofing);
		} else {
			assert_string_equal(p->inner, "eth0");
			assert_true(p->spoofing);
			assert_int_equal(p->vsid, 5010);
			assert_string_equal(vm_get(k->docs, &p->vm)->name, "on");
			assert_string_equal(p->bridge, switch_bridge_name(&switch_by_name(k->docs, "priv")->id, name));
		}
	}
	assert_int_equal(host, 1);
	assert_int_equal(connected, 2);
	vec_done(&switches);
	vec_done(&ports);
}

int wants_tests(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(lab1),		   kit_test(two_switches),   kit_test(same_mac_twice),	    kit_test(lab3_host1),
		kit_test(lab3_host2),	   kit_test(special_records), kit_test(many_addresses), kit_test(dual_stack),
		kit_test(different_providers), kit_test(ways),	     kit_test(switches_and_adapters),
		kit_test(rewrite), kit_test(rewrite6),	   kit_test(vxlan),	    kit_test(families),
	};

	return cmocka_run_group_tests_name("netvirt/wants", tests, NULL, NULL);
}
