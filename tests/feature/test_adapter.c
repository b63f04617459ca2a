/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter.h"
#include "kit.h"
#include "switch.h"

/* A private switch and two VMs on it, off. */
static void make_lab(struct kit *k)
{
	kit_do(k, "New-VMSwitch", "{'Name': 'vswitch', 'SwitchType': 'Private', 'MinimumBandwidthMode': 'None'}");
	kit_property(k, 0, "BandwidthReservationMode", "'None'");
	kit_do(k, "New-VM", "{'Name': 'blue1', 'Engine': 'Namespace', 'SwitchName': 'vswitch'}");
	kit_do(k, "New-VM", "{'Name': 'red1', 'Engine': 'Namespace', 'SwitchName': 'vswitch'}");
}

static void object(void **state)
{
	struct kit *k = *state;

	make_lab(k);
	kit_do(k, "Get-VMNetworkAdapter", "{'VMName': '*'}");
	kit_names(k, "VMName", "blue1 red1");
	assert_string_equal(json_string_value(json_object_get(k->result, "type")), "VMNetworkAdapter");
	kit_property(k, 0, "Name", "'Network Adapter'");
	kit_property(k, 0, "IsManagementOs", "false");
	kit_property(k, 0, "SwitchName", "'vswitch'");
	kit_property(k, 0, "Connected", "true");
	kit_property(k, 0, "DynamicMacAddressEnabled", "true");
	kit_property(k, 0, "MacAddressSpoofing", "'Off'");
	kit_property(k, 0, "VirtualSubnetId", "0");
	kit_property(k, 0, "IPAddresses", "[]");
	kit_property(k, 0, "Status", "''");
	kit_property(k, 0, "StatusDescription", "'The virtual machine is off'");
	kit_property(k, 0, "InterfaceName", "'eth0'");
	kit_do(k, "Start-VM", "{'Name': 'blue1'}");
	kit_do(k, "Get-VMNetworkAdapter", "{'VMName': 'blue1'}");
	kit_property(k, 0, "IPAddresses", "['10.10.10.11','fe80::1']");
	kit_property(k, 0, "Status", "'Ok'");
	kit_do(k, "Disconnect-VMNetworkAdapter", "{'VMName': 'blue1', 'PassThru': true}");
	kit_property(k, 0, "Status", "'Degraded'");
	kit_property(k, 0, "StatusDescription", "'Not connected to a switch'");
}

/* NN-1: why machines inside the guest are not heard; with spoofing on, what was dropped before matters no more. */
static void status_of_spoofing(void **state)
{
	struct kit *k = *state;

	make_lab(k);
	k->spoofed = 3;
	kit_do(k, "Get-VMNetworkAdapter", "{'VMName': 'blue1'}");
	kit_property(k, 0, "Status", "''");
	kit_do(k, "Start-VM", "{'Name': 'blue1'}");
	kit_do(k, "Get-VMNetworkAdapter", "{'VMName': 'blue1'}");
	kit_property(k, 0, "Status", "'Degraded'");
	kit_property(k, 0, "StatusDescription",
		     "'MacAddressSpoofing is off, and 3 frames with other MAC addresses than the adapter's were dropped: "
		     "machines inside the guest need it on'");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'MacAddressSpoofing': 'On', 'PassThru': true}");
	kit_property(k, 0, "Status", "'Ok'");
	kit_property(k, 0, "StatusDescription", "'OK'");
}

/* A virtual subnet with policy needs ms_netwnv at the uplink; one without policy only isolates. */
static void status_of_virtual_subnet(void **state)
{
	struct kit *k = *state;

	make_lab(k);
	kit_do(k, "Set-VMSwitch", "{'Name': 'vswitch', 'NetAdapterName': 'eth0'}");
	kit_do(k, "Start-VM", "{'Name': 'blue1'}");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'VirtualSubnetId': 5010, 'PassThru': true}");
	kit_property(k, 0, "Status", "'Ok'");
	kit_do(k, "New-NetVirtualizationCustomerRoute",
	       "{'RoutingDomainID': '{11111111-2222-3333-4444-000000005010}', 'VirtualSubnetID': 5010, "
	       "'DestinationPrefix': '10.10.10.0/24', 'NextHop': '0.0.0.0'}");
	kit_do(k, "Get-VMNetworkAdapter", "{'VMName': 'blue1'}");
	kit_property(k, 0, "Status", "'Degraded'");
	kit_do(k, "Enable-NetAdapterBinding", "{'Name': 'eth0', 'ComponentID': 'ms_netwnv'}");
	kit_do(k, "Get-VMNetworkAdapter", "{'VMName': 'blue1'}");
	kit_property(k, 0, "Status", "'Ok'");
}

static void management_os(void **state)
{
	struct kit *k = *state;

	kit_do(k, "New-VMSwitch", "{'Name': 'nat', 'SwitchType': 'Internal'}");
	kit_do(k, "New-VMSwitch", "{'Name': 'ext', 'NetAdapterName': 'eth0', 'AllowManagementOS': false}");
	kit_what_if(k, "Add-VMNetworkAdapter", "{'ManagementOS': true, 'SwitchName': 'ext', 'Name': 'mgmt'}", 1);
	kit_do(k, "Add-VMNetworkAdapter",
	       "{'ManagementOS': true, 'SwitchName': 'ext', 'Name': 'mgmt', 'PassThru': true}");
	kit_property(k, 0, "IsManagementOs", "true");
	kit_property(k, 0, "VMName", "null");
	kit_property(k, 0, "VMId", "null");
	kit_property(k, 0, "Status", "'Ok'");
	kit_property(k, 0, "IPAddresses", "['192.168.100.1']");
	kit_do(k, "Get-VMSwitch", "{'Name': 'ext'}");
	kit_property(k, 0, "AllowManagementOS", "true");
	kit_do(k, "Get-VMNetworkAdapter", "{'ManagementOS': true}");
	kit_names(k, "Name", "mgmt nat");
	kit_do(k, "Get-VMNetworkAdapter", "{'ManagementOS': true, 'SwitchName': 'nat'}");
	kit_names(k, "Name", "nat");
	kit_do(k, "Set-VMNetworkAdapter",
	       "{'ManagementOS': true, 'Name': 'mgmt', 'VirtualSubnetId': 5000, 'PassThru': true}");
	kit_property(k, 0, "VirtualSubnetId", "5000");
	kit_do(k, "Rename-VMNetworkAdapter",
	       "{'ManagementOS': true, 'Name': 'mgmt', 'NewName': 'other', 'PassThru': true}");
	kit_property(k, 0, "Name", "'other'");
	kit_do(k, "Remove-VMNetworkAdapter", "{'ManagementOS': true, 'SwitchName': 'ext', 'PassThru': true}");
	kit_names(k, "Name", "other");
	kit_do(k, "Get-VMNetworkAdapter", "{'ManagementOS': true}");
	kit_names(k, "Name", "nat");
}

static void refusals(void **state)
{
	static const struct refusal cases[] = {
		REFUSED("Get-VMNetworkAdapter", "{'VMName': 'no'}", "InvalidParameter"),
		REFUSED("Get-VMNetworkAdapter", "{'VMName': 'blue1', 'Name': 'no'}", "InvalidParameter"),
		REFUSED("Get-VMNetworkAdapter", "{}", "MissingMandatoryParameter"),
		REFUSED("Get-VMNetworkAdapter", "{'ManagementOS': true, 'SwitchName': 'no'}", "InvalidParameter"),
		REFUSED("Remove-VMNetworkAdapter", "{'ManagementOS': false}", "MissingMandatoryParameter"),
		REFUSED("Add-VMNetworkAdapter", "{'ManagementOS': false}", "MissingMandatoryParameter"),
		REFUSED("Add-VMNetworkAdapter", "{'VMName': 'no'}", "InvalidParameter"),
		REFUSED("Add-VMNetworkAdapter", "{'VMName': 'blue1', 'SwitchName': 'no'}", "InvalidParameter"),
		REFUSED("Add-VMNetworkAdapter", "{'VMName': 'blue1', 'StaticMacAddress': '01005E000001'}",
			"Adapter.MacNotUnicast"),
		REFUSED("Add-VMNetworkAdapter", "{'VMName': 'blue1', 'StaticMacAddress': 'zz'}",
			"ParameterArgumentTransformationError"),
		REFUSED("Add-VMNetworkAdapter", "{'VMName': 'blue1', 'Name': 'x '}", "InvalidName"),
		REFUSED("Add-VMNetworkAdapter", "{'ManagementOS': true}", "Adapter.SwitchRequired"),
		REFUSED("Add-VMNetworkAdapter", "{'ManagementOS': true, 'SwitchName': 'vswitch'}",
			"Switch.ManagementOsFixed"),
		REFUSED("Add-VMNetworkAdapter", "{'ManagementOS': true, 'SwitchName': 'in'}", "Adapter.NameNotUnique"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'no', 'VirtualSubnetId': 0}", "InvalidParameter"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'Name': 'no', 'VirtualSubnetId': 0}",
			"InvalidParameter"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'VirtualSubnetId': 1}", "Wnv.VsidOutOfRange"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'VirtualSubnetId': 4095}", "Wnv.VsidOutOfRange"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'VirtualSubnetId': 16777215}",
			"Wnv.VsidOutOfRange"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'StaticMacAddress': '000000000000'}",
			"Adapter.MacNotUnicast"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'red1', 'StaticMacAddress': '000000000011'}",
			"InvalidState"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'red1', 'DynamicMacAddress': true}", "InvalidState"),
		REFUSED("Set-VMNetworkAdapter",
			"{'VMName': 'blue1', 'DynamicMacAddress': true, 'StaticMacAddress': '000000000011'}",
			"AmbiguousParameterSet"),
		REFUSED("Set-VMNetworkAdapter", "{'ManagementOS': true, 'DynamicMacAddress': true}",
			"AmbiguousParameterSet"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'DhcpGuard': 'Maybe'}", "ParameterArgumentTransformationError"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'RouterGuard': true}", "ParameterArgumentTransformationError"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'MaximumBandwidth': 'fast'}", "ParameterArgumentTransformationError"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'MaximumBandwidth': -8}", "ParameterArgumentValidationError"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'MinimumBandwidthWeight': 101}", "ParameterArgumentValidationError"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'MinimumBandwidthWeight': 50}",
			"Adapter.MinimumBandwidthUnavailable"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'MinimumBandwidthAbsolute': 100000000}",
			"Adapter.MinimumBandwidthUnavailable"),
		REFUSED("New-VMSwitch", "{'Name': 'new', 'SwitchType': 'Private', 'MinimumBandwidthMode': 'Weight'}",
			"Switch.MinimumBandwidthUnavailable"),
		REFUSED("New-VMSwitch", "{'Name': 'new', 'SwitchType': 'Private', 'MinimumBandwidthMode': 'Absolute'}",
			"Switch.MinimumBandwidthUnavailable"),
		REFUSED("New-VMSwitch", "{'Name': 'new', 'SwitchType': 'Private', 'MinimumBandwidthMode': 'Some'}",
			"ParameterArgumentTransformationError"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'PortMirroring': 'Both'}", "ParameterArgumentTransformationError"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'StormLimit': 'many'}", "ParameterArgumentTransformationError"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'StormLimit': 4294967296}", "ParameterArgumentValidationError"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'StormLimit': -1}", "ParameterArgumentValidationError"),
		REFUSED("Connect-VMNetworkAdapter", "{'VMName': 'blue1', 'SwitchName': 'no'}", "InvalidParameter"),
		REFUSED("Connect-VMNetworkAdapter", "{'VMName': 'no', 'SwitchName': 'in'}", "InvalidParameter"),
		REFUSED("Connect-VMNetworkAdapter", "{'VMName': 'blue1', 'Name': 'no', 'SwitchName': 'in'}",
			"InvalidParameter"),
		REFUSED("Connect-VMNetworkAdapter", "{'VMName': 'blue1'}", "MissingMandatoryParameter"),
		REFUSED("Disconnect-VMNetworkAdapter", "{'VMName': 'no'}", "InvalidParameter"),
		REFUSED("Remove-VMNetworkAdapter", "{'ManagementOS': true}", "Switch.ManagementOsFixed"),
		REFUSED("Rename-VMNetworkAdapter", "{'VMName': 'blue1', 'NewName': ' x'}", "InvalidName"),
		REFUSED("Rename-VMNetworkAdapter", "{'VMName': 'blue1'}", "MissingMandatoryParameter"),
	};
	struct kit *k = *state;

	make_lab(k);
	kit_do(k, "New-VMSwitch", "{'Name': 'in', 'SwitchType': 'Internal'}");
	kit_do(k, "Start-VM", "{'Name': 'red1'}");
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
}

static void add_and_slots(void **state)
{
	struct kit *k = *state;

	make_lab(k);
	kit_what_if(k, "Add-VMNetworkAdapter", "{'VMName': '*'}", 2);
	kit_do(k, "Add-VMNetworkAdapter",
	       "{'VMName': ['blue1', 'red*'], 'Name': 'second', 'SwitchName': 'vswitch', "
	       "'PassThru': true}");
	kit_names(k, "VMName", "blue1 red1");
	kit_names(k, "InterfaceName", "eth1 eth1");
	kit_do(k, "Add-VMNetworkAdapter",
	       "{'VMName': 'blue1', 'Name': 'third', 'StaticMacAddress': '00-00-00-00-00-11', "
	       "'PassThru': true}");
	kit_property(k, 0, "MacAddress", "'000000000011'");
	kit_property(k, 0, "DynamicMacAddressEnabled", "false");
	kit_property(k, 0, "InterfaceName", "'eth2'");
	assert_int_equal(kit_count(k, "warnings"), 0);
	/* The lowest free slot is taken again. */
	kit_do(k, "Remove-VMNetworkAdapter", "{'VMName': 'blue1', 'Name': 'second'}");
	kit_do(k, "Add-VMNetworkAdapter", "{'VMName': 'blue1', 'Name': 'fourth', 'PassThru': true}");
	kit_property(k, 0, "InterfaceName", "'eth1'");
	kit_do(k, "Get-VMNetworkAdapter", "{'VMName': 'blue1'}");
	kit_names(k, "Name", "Network Adapter fourth third");
	kit_do(k, "Get-VMNetworkAdapter", "{'VMName': '*', 'Name': '*th*'}");
	kit_names(k, "Name", "fourth third");
}

static void macs(void **state)
{
	struct kit *k = *state;
	struct mac first, second, other;

	make_lab(k);
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'StaticMacAddress': '000000000011', 'PassThru': true}");
	kit_property(k, 0, "MacAddress", "'000000000011'");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'red1', 'StaticMacAddress': '000000000011'}");
	kit_warning(
		k,
		"also that of the network adapter \"Network Adapter\" of the virtual machine \"blue1\"");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'red1', 'DynamicMacAddress': true, 'PassThru': true}");
	kit_property(k, 0, "DynamicMacAddressEnabled", "true");
	first = adapter_new_mac(k->docs, "host1");
	kit_do(k, "Add-VMNetworkAdapter", "{'VMName': 'red1'}");
	second = adapter_new_mac(k->docs, "host1");
	other = adapter_new_mac(k->docs, "host2");
	assert_memory_equal(first.b, "\x00\x15\x5d", 3);
	assert_false(mac_equal(&first, &second));
	assert_memory_equal(first.b, second.b, 5);
	assert_memory_not_equal(first.b, other.b, 5);
}

static void port_settings(void **state)
{
	struct kit *k = *state;
	json_t *adapters;

	make_lab(k);
	kit_do(k, "Start-VM", "{'Name': '*'}");
	kit_what_if(k, "Set-VMNetworkAdapter", "{'VMName': '*', 'VirtualSubnetId': '5010'}", 2);
	kit_do(k, "Set-VMNetworkAdapter",
	       "{'VMName': 'blue1', 'VirtualSubnetId': '5010', 'MacAddressSpoofing': 'on', "
	       "'PassThru': true}");
	kit_property(k, 0, "VirtualSubnetId", "5010");
	kit_property(k, 0, "MacAddressSpoofing", "'On'");
	/* Each setting alone leaves the other. */
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'VirtualSubnetId': 5011, 'PassThru': true}");
	kit_property(k, 0, "MacAddressSpoofing", "'On'");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'VirtualSubnetId': 5010}");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'MacAddressSpoofing': 'Off', 'PassThru': true}");
	kit_property(k, 0, "VirtualSubnetId", "5010");
	kit_property(k, 0, "DhcpGuard", "'Off'");
	kit_property(k, 0, "RouterGuard", "'Off'");
	kit_what_if(k, "Set-VMNetworkAdapter", "{'VMName': '*', 'DhcpGuard': 'On', 'RouterGuard': 'On'}", 2);
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'DhcpGuard': 'on', 'PassThru': true}");
	kit_property(k, 0, "DhcpGuard", "'On'");
	kit_property(k, 0, "RouterGuard", "'Off'");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'DhcpGuard': 'Off', 'RouterGuard': 'On', 'PassThru': true}");
	kit_property(k, 0, "DhcpGuard", "'Off'");
	kit_property(k, 0, "RouterGuard", "'On'");
	kit_property(k, 0, "StormLimit", "0");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'StormLimit': 4294967295, 'PassThru': true}");
	kit_property(k, 0, "StormLimit", "4294967295");
	kit_property(k, 0, "PortMirroringMode", "'None'");
	kit_property(k, 0, "BandwidthSetting", "null");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'MaximumBandwidth': '10MB', 'MinimumBandwidthWeight': 0, 'PassThru': true}");
	kit_property(k, 0, "BandwidthSetting",
		     "{'MaximumBandwidth':10485760,'MinimumBandwidthAbsolute':0,'MinimumBandwidthWeight':0}");
	/* rounded to a multiple of 8, and not to nothing */
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'MaximumBandwidth': 1000007, 'PassThru': true}");
	kit_property(k, 0, "BandwidthSetting",
		     "{'MaximumBandwidth':1000000,'MinimumBandwidthAbsolute':0,'MinimumBandwidthWeight':0}");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'MaximumBandwidth': 1, 'PassThru': true}");
	kit_property(k, 0, "BandwidthSetting", "{'MaximumBandwidth':8,'MinimumBandwidthAbsolute':0,'MinimumBandwidthWeight':0}");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'MaximumBandwidth': 0, 'PassThru': true}");
	kit_property(k, 0, "BandwidthSetting", "null");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'PortMirroring': 'source', 'PassThru': true}");
	kit_property(k, 0, "PortMirroringMode", "'Source'");
	kit_property(k, 0, "StormLimit", "4294967295");
	kit_property(k, 0, "RouterGuard", "'On'");
	adapters = kit_get(k, "Get-VMNetworkAdapter", "{'VMName': '*'}");
	kit_pipe(k, "Set-VMNetworkAdapter", "{'VirtualSubnetId': 5020, 'PassThru': true}", adapters);
	kit_no_errors(k);
	kit_names(k, "VMName", "blue1 red1");
	kit_property(k, 1, "VirtualSubnetId", "5020");
	/* One that is gone leaves the other. */
	kit_do(k, "Remove-VMNetworkAdapter", "{'VMName': 'blue1'}");
	kit_pipe(k, "Set-VMNetworkAdapter", "{'VirtualSubnetId': 0, 'PassThru': true}", adapters);
	kit_one_error(k, "InvalidParameter", "Network Adapter");
	kit_names(k, "VMName", "red1");
	json_decref(adapters);
	/* No VM at all is no error. */
	kit_do(k, "Stop-VM", "{'Name': '*'}");
	kit_do(k, "Remove-VM", "{'Name': '*'}");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': '*', 'VirtualSubnetId': '0'}");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': '*', 'Name': 'Network Adapter', 'VirtualSubnetId': '0'}");
}

/* HN-12, and the modes of Set-VMNetworkAdapterVlan. */
static void vlans(void **state)
{
	static const struct refusal cases[] = {
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'no', 'Untagged': true}", "InvalidParameter"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 'VMNetworkAdapterName': 'no', 'Untagged': true}", "InvalidParameter"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'Untagged': true}", "MissingMandatoryParameter"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'blue1'}", "MissingMandatoryParameter"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 'Access': true}", "MissingMandatoryParameter"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 'Access': false, 'VlanId': 5}", "MissingMandatoryParameter"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 'Trunk': true, 'NativeVlanId': 5}", "MissingMandatoryParameter"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 'Trunk': true, 'AllowedVlanIdList': '5'}",
			"MissingMandatoryParameter"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 'Access': true, 'Untagged': true, 'VlanId': 5}",
			"AmbiguousParameterSet"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 'Access': true, 'VlanId': 5, 'NativeVlanId': 5}",
			"AmbiguousParameterSet"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 'Untagged': true, 'VlanId': 5}", "AmbiguousParameterSet"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 'Access': true, 'VlanId': 0}", "ParameterArgumentValidationError"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 'Access': true, 'VlanId': 4095}",
			"ParameterArgumentValidationError"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 'Access': true, 'VlanId': 'ten'}",
			"ParameterArgumentTransformationError"),
		REFUSED("Set-VMNetworkAdapterVlan",
			"{'VMName': 'blue1', 'Trunk': true, 'AllowedVlanIdList': '5', 'NativeVlanId': 4095}",
			"ParameterArgumentValidationError"),
		REFUSED("Set-VMNetworkAdapterVlan",
			"{'VMName': 'blue1', 'Trunk': true, 'AllowedVlanIdList': '5,', 'NativeVlanId': 0}", "Adapter.BadVlanList"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 'Isolated': true, 'PrimaryVlanId': 5, 'SecondaryVlanId': 6}",
			"Adapter.PrivateVlanUnavailable"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 'Community': true, 'PrimaryVlanId': 5, 'SecondaryVlanId': 6}",
			"Adapter.PrivateVlanUnavailable"),
		REFUSED("Set-VMNetworkAdapterVlan",
			"{'VMName': 'blue1', 'Promiscuous': true, 'PrimaryVlanId': 5, 'SecondaryVlanIdList': '6'}",
			"Adapter.PrivateVlanUnavailable"),
		REFUSED("Set-VMNetworkAdapterVlan", "{'VMName': 'red1', 'Access': true, 'VlanId': 5}", "Wnv.VlanAndVsid"),
		REFUSED("Set-VMNetworkAdapterVlan",
			"{'VMName': 'red1', 'Trunk': true, 'AllowedVlanIdList': '5', 'NativeVlanId': 0}", "Wnv.VlanAndVsid"),
		REFUSED("Set-VMNetworkAdapter", "{'VMName': 'blue1', 'VirtualSubnetId': 5010}", "Wnv.VlanAndVsid"),
		REFUSED("Get-VMNetworkAdapterVlan", "{'VMName': 'no'}", "InvalidParameter"),
	};
	struct kit *k = *state;

	make_lab(k);
	kit_do(k, "Get-VMNetworkAdapterVlan", "{}");
	kit_names(k, "VMName", "blue1 red1");
	kit_names(k, "OperationMode", "Untagged Untagged");
	kit_what_if(k, "Set-VMNetworkAdapterVlan", "{'VMName': '*', 'Access': true, 'VlanId': 5}", 2);
	kit_do(k, "Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 't': true, 'AllowedVlanIdList': '7, 5-6,200', 'NativeVlanId': 9, "
					      "'PassThru': true}");
	kit_property(k, 0, "OperationMode", "'Trunk'");
	kit_property(k, 0, "NativeVlanId", "9");
	kit_property(k, 0, "AccessVlanId", "0");
	kit_property(k, 0, "AllowedVlanIdList", "[5,6,7,200]");
	kit_property(k, 0, "AllowedVlanIdListString", "'5-7,200'");
	kit_property(k, 0, "VlanList", "'9,5-7,200'");
	kit_do(k, "Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 'Access': true, 'AccessVlanId': 4094, 'PassThru': true}");
	kit_property(k, 0, "OperationMode", "'Access'");
	kit_property(k, 0, "AccessVlanId", "4094");
	kit_property(k, 0, "AllowedVlanIdList", "[]");
	kit_property(k, 0, "VlanList", "'4094'");
	/* Other settings of the port stay, and a virtual subnet may be left while it is in none. */
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'DhcpGuard': 'On', 'VirtualSubnetId': 0}");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'red1', 'VirtualSubnetId': 5010}");
	kit_do(k, "Set-VMNetworkAdapterVlan", "{'VMName': 'red1', 'Untagged': true}");
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
	kit_do(k, "Set-VMNetworkAdapterVlan", "{'VMName': 'blue1', 'Untagged': true, 'PassThru': true}");
	kit_property(k, 0, "VlanList", "''");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'blue1', 'VirtualSubnetId': 5010}");
}

static void connect(void **state)
{
	struct kit *k = *state;
	json_t *adapters, *switches;

	make_lab(k);
	kit_do(k, "New-VMSwitch", "{'Name': 'in', 'SwitchType': 'Internal'}");
	kit_what_if(k, "Disconnect-VMNetworkAdapter", "{'VMName': ['Red*', 'blue*']}", 2);
	kit_do(k, "Disconnect-VMNetworkAdapter", "{'VMName': ['Red*', 'blue*', 'green*'], 'PassThru': true}");
	kit_names(k, "VMName", "blue1 red1");
	kit_names(k, "SwitchName", "- -");
	kit_what_if(k, "Connect-VMNetworkAdapter", "{'VMName': '*', 'SwitchName': 'in'}", 2);
	kit_do(k, "Connect-VMNetworkAdapter",
	       "{'VMName': ['Red*', 'blue*'], 'SwitchName': 'VSWITCH', 'PassThru': true}");
	kit_names(k, "SwitchName", "vswitch vswitch");
	adapters = kit_get(k, "Get-VMNetworkAdapter", "{'All': true}");
	/* The host's adapter stays where it is, the others go on. */
	kit_pipe(k, "Connect-VMNetworkAdapter", "{'SwitchName': 'in', 'PassThru': true}", adapters);
	kit_one_error(k, "Adapter.ManagementOsFixed", "in");
	kit_names(k, "SwitchName", "in in");
	kit_pipe(k, "Disconnect-VMNetworkAdapter", "{'PassThru': true}", adapters);
	kit_one_error(k, "Adapter.ManagementOsFixed", "in");
	kit_names(k, "SwitchName", "- -");
	switches = kit_get(k, "Get-VMSwitch", "{'Name': 'vswitch'}");
	kit_pipe(k, "Connect-VMNetworkAdapter", "{'VMName': 'blue1', 'Name': 'Net*', 'PassThru': true}", switches);
	kit_no_errors(k);
	kit_names(k, "SwitchName", "vswitch");
	kit_do(k, "Remove-VMSwitch", "{'Name': 'vswitch'}");
	kit_pipe(k, "Connect-VMNetworkAdapter", "{'VMName': 'blue1'}", switches);
	kit_one_error(k, "InvalidParameter", "vswitch");
	json_decref(switches);
	json_decref(adapters);
}

static void rename_and_remove(void **state)
{
	struct kit *k = *state;
	json_t *vms;

	make_lab(k);
	kit_do(k, "Add-VMNetworkAdapter", "{'VMName': 'blue1', 'Name': 'second'}");
	kit_what_if(k, "Rename-VMNetworkAdapter", "{'VMName': 'blue1', 'Name': 'second', 'NewName': 'x'}", 1);
	kit_do(k, "Rename-VMNetworkAdapter", "{'VMName': 'blue1', 'Name': 'SECOND', 'NewName': 'x', 'PassThru': true}");
	kit_names(k, "Name", "x");
	kit_what_if(k, "Remove-VMNetworkAdapter", "{'VMName': '*'}", 3);
	vms = kit_get(k, "Get-VM", "{}");
	kit_pipe(k, "Remove-VMNetworkAdapter", "{'Name': 'x', 'PassThru': true}", vms);
	kit_one_error(k, "InvalidParameter", "x");
	kit_names(k, "VMName", "blue1");
	json_decref(vms);
	assert_int_equal(docs_count(k->docs, &adapter_kind), 2);
}

/* The names that the host's interfaces get do not depend on anything but the id. */
static void link_names(void **state)
{
	struct guid id;
	char buf[16];

	(void)state;
	assert_int_equal(guid_parse("01234567-89ab-cdef-0123-456789abcdef", &id), 0);
	assert_string_equal(adapter_port_name(&id, buf), "np0123456789");
	assert_string_equal(adapter_host_link_name(&id, buf), "nv0123456789");
}

int adapter_tests(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(object),
		kit_test(status_of_spoofing),
		kit_test(status_of_virtual_subnet),
		kit_test(management_os),
		kit_test(refusals),
		kit_test(add_and_slots),
		kit_test(macs),
		kit_test(port_settings),
		kit_test(vlans),
		kit_test(connect),
		kit_test(rename_and_remove),
		cmocka_unit_test(link_names),
	};

	return cmocka_run_group_tests_name("feature/adapter", tests, NULL, NULL);
}
