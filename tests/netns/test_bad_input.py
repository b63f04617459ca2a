# SPDX-License-Identifier: Apache-2.0
"""What is refused on the command line: each a named error, exit code 1, and nothing changed."""

import re

import pytest

from fabric import DOMAIN, PAS, Host
from kit import Lab, underlay
from labs import runbook
from support import assert_settled, everything, objects, settle

RECORD = ("New-NetVirtualizationLookupRecord -VirtualSubnetID {vsid} -CustomerAddress {ca} -MACAddress {mac} "
          "-ProviderAddress {pa} -Rule {rule}")
ROUTE = ("New-NetVirtualizationCustomerRoute -RoutingDomainID '{rdid}' -VirtualSubnetID {vsid} -DestinationPrefix {prefix} "
         "-NextHop {hop}")
PROVIDER = "New-NetVirtualizationProviderAddress -InterfaceIndex {index} -ProviderAddress {pa} -PrefixLength {length}"
PROVIDER_ROUTE = "New-NetVirtualizationProviderRoute -InterfaceIndex {index} -DestinationPrefix {prefix} -NextHop {hop}"


def record(vsid=5010, ca="10.10.10.77", mac="000000000077", pa="214.214.51.43", rule="TranslationMethodEncap", more=""):
    return f"{RECORD.format(vsid=vsid, ca=ca, mac=mac, pa=pa, rule=rule)} {more}".rstrip()


def route(domain=5010, vsid=5020, prefix="10.99.0.0/24", hop="0.0.0.0", rdid=None):
    return ROUTE.format(rdid=rdid or DOMAIN.format(vsid=domain), vsid=vsid, prefix=prefix, hop=hop)


def provider(index="{uplink}", pa="214.214.51.44", length=24):
    return PROVIDER.format(index=index, pa=pa, length=length)


def provider_route(index="{uplink}", prefix="192.0.2.0/24", hop="214.214.51.1"):
    return PROVIDER_ROUTE.format(index=index, prefix=prefix, hop=hop)


TRANSFORM, MISSING, UNKNOWN = "ParameterArgumentTransformationError", "MissingMandatoryParameter", "InvalidParameter"
NOT_FOUND = "CmdletizationQuery_NotFound"
VSIDS = (1, 4095, 16777215)

CASES = [
    *[(record(vsid=v), "Wnv.VsidOutOfRange") for v in (0, *VSIDS)],
    *[(route(vsid=v), "Wnv.VsidOutOfRange") for v in (0, *VSIDS)],
    *[(f"Set-VMNetworkAdapter -VMName a -VirtualSubnetId {v}", "Wnv.VsidOutOfRange") for v in VSIDS],
    *[(f"Set-VMNetworkAdapter -VMName a -VirtualSubnetId {v}", TRANSFORM) for v in ("-1", "green", "5010.5")],
    ("Set-VMNetworkAdapter -VMName a -VirtualSubnetId 4294967296", "Wnv.VsidOutOfRange"),
    *[(f"Get-VMNetworkAdapter a | Set-VMNetworkAdapter -VirtualSubnetId {v}", "Wnv.VsidOutOfRange") for v in VSIDS],
    ("Select-NetVirtualizationNextHop -SourceVirtualSubnetID 4095 -DestinationCustomerAddress 10.10.10.11", "Wnv.VsidOutOfRange"),
    # routing domains and their prefixes
    (route(domain=5011, vsid=5010), "Wnv.VsidInOtherRoutingDomain"),
    (route(domain=5011, vsid=5010, prefix="0.0.0.0/0", hop="10.10.10.11"), "Wnv.VsidInOtherRoutingDomain"),
    (route(vsid=5010, prefix="10.10.20.0/24"), "Wnv.SubnetPrefixConflict"),
    (route(prefix="10.10.10.0/24"), "Wnv.PrefixOverlapInRoutingDomain"),
    (route(prefix="10.10.10.128/25"), "Wnv.PrefixOverlapInRoutingDomain"),
    (route(prefix="10.10.0.0/16"), "Wnv.PrefixOverlapInRoutingDomain"),
    (route(rdid="{00000000-0000-0000-0000-000000000000}"), "Wnv.BadRoutingDomain"),
    # the gateway's address, both ways round
    (record(ca="10.10.10.1"), "Wnv.GatewayAddressReserved"),
    (route(domain=5040, vsid=5040, prefix="10.40.0.0/24"), "Wnv.GatewayAddressReserved"),
    # broadcast
    *[(f"New-NetVirtualizationBroadcast -VirtualSubnetID {v}", "Wnv.VsidOutOfRange") for v in (0, *VSIDS)],
    *[(f"New-NetVirtualizationBroadcast -VirtualSubnetID 5010 -ProviderAddress {a}", "Wnv.BadMulticastAddress")
      for a in ("214.214.51.42", "255.255.255.255", "224.0.0.22", "127.0.0.1")],
    ("New-NetVirtualizationBroadcast -VirtualSubnetID 5010 -ProviderAddress 239.1.1", TRANSFORM),
    ("New-NetVirtualizationBroadcast", MISSING),
    ("Set-NetVirtualizationBroadcast -VirtualSubnetID 6000 -ProviderAddress 239.1.1.1", NOT_FOUND),
    ("Remove-NetVirtualizationBroadcast -VirtualSubnetID 6000", NOT_FOUND),
    # records
    (record(more="-UseVmMACAddress $true"), "Wnv.UseVmMacNeedsNat"),
    (record(ca="10.10.10.11"), "Wnv.CustomerAddressInUse"),
    (record(mac="010000000077"), "Wnv.BadMacAddress"),
    (record(mac="000000000000"), "Wnv.BadMacAddress"),
    (record(ca="224.0.0.1"), "Wnv.BadCustomerAddress"),
    (record(ca="127.0.0.1"), "Wnv.BadCustomerAddress"),
    (record(pa="0.0.0.0"), "Wnv.BadProviderAddress"),
    (record(pa="224.0.0.1"), "Wnv.BadProviderAddress"),
    (record(ca="10.10.10.11", mac="000000000011"), "AlreadyExists"),
    # what does not parse
    *[(record(mac=m), TRANSFORM) for m in ("00000000007", "0000000000777", "00-00-00-00-00-zz", "00:00:00-00-00-77", "''")],
    *[(record(ca=a), TRANSFORM) for a in ("10.10.10.300", "10.10.10", "10.10.10.011", "10.10.10.77/24", "blue", "''")],
    *[(record(pa=a), TRANSFORM) for a in ("214.214.51", "fe80::%1", "::12345")],
    *[(route(prefix=p), TRANSFORM) for p in ("10.99.0.0/33", "10.99.0.0", "10.99.0/24", "10.99.0.0/-1", "10.99.0.0/24/24", "/24")],
    *[(route(rdid=g), TRANSFORM) for g in ("{zz}", "{11111111-2222-3333-4444-00000000501}", "11111111222233334444000000005010x",
                                          "{11111111-2222-3333-4444-000000005010")],
    (record(rule="TranslationMethodMagic"), TRANSFORM),
    ("Set-VMNetworkAdapter -VMName a -MacAddressSpoofing Maybe", TRANSFORM),
    *[(f"Set-VMNetworkAdapter -VMName a -{guard} Maybe", TRANSFORM) for guard in ("DhcpGuard", "RouterGuard")],
    ("Set-VMNetworkAdapter -VMName a -PortMirroring Both", TRANSFORM),
    *[(f"Set-VMNetworkAdapter -VMName a -MaximumBandwidth {n}", TRANSFORM) for n in ("fast", "1.5")],
    ("Set-VMNetworkAdapter -VMName a -MaximumBandwidth -8", "ParameterArgumentValidationError"),
    ("Set-VMNetworkAdapter -VMName a -MinimumBandwidthWeight 10", "Adapter.MinimumBandwidthUnavailable"),
    ("Set-VMNetworkAdapter -VMName a -MinimumBandwidthAbsolute 100MB", "Adapter.MinimumBandwidthUnavailable"),
    ("New-VMSwitch -Name new -SwitchType Private -MinimumBandwidthMode Weight", "Switch.MinimumBandwidthUnavailable"),
    # VLANs
    ("Set-VMNetworkAdapterVlan -VMName a -Access -VlanId 10", "Wnv.VlanAndVsid"),
    ("Set-VMNetworkAdapterVlan -VMName a -Trunk -AllowedVlanIdList 1-100 -NativeVlanId 0", "Wnv.VlanAndVsid"),
    *[(f"Set-VMNetworkAdapterVlan -VMName b -Access -VlanId {n}", "ParameterArgumentValidationError") for n in (0, 4095, -1)],
    ("Set-VMNetworkAdapterVlan -VMName b -Access -VlanId ten", TRANSFORM),
    ("Set-VMNetworkAdapterVlan -VMName b -Access", MISSING),
    ("Set-VMNetworkAdapterVlan -VMName b", MISSING),
    ("Set-VMNetworkAdapterVlan -VMName b -Access -Untagged -VlanId 10", "AmbiguousParameterSet"),
    *[(f"Set-VMNetworkAdapterVlan -VMName b -Trunk -AllowedVlanIdList '{text}' -NativeVlanId 0", "Adapter.BadVlanList")
      for text in ("0", "1-4095", "1,,2", "10-5", "a", "1-", "-1")],
    ("Set-VMNetworkAdapterVlan -VMName b -Isolated -PrimaryVlanId 10 -SecondaryVlanId 11", "Adapter.PrivateVlanUnavailable"),
    ("Set-VMNetworkAdapterVlan -VMName nope -Untagged", UNKNOWN),
    ("Get-VMNetworkAdapterVlan nope", UNKNOWN),
    *[(f"Set-VMNetworkAdapter -VMName a -StormLimit {n}", TRANSFORM) for n in ("many", "1.5")],
    *[(f"Set-VMNetworkAdapter -VMName a -StormLimit {n}", "ParameterArgumentValidationError") for n in ("-1", "4294967296")],
    ("Set-VMNetworkAdapter -VMName b -StaticMacAddress 0000", TRANSFORM),
    ("Set-VMNetworkAdapter -VMName b -StaticMacAddress 010000000001", "Adapter.MacNotUnicast"),
    ("Get-VMSwitch -Id 123", TRANSFORM),
    ("New-VMSwitch -Name new -SwitchType Public", TRANSFORM),
    # access control lists
    *[(f"Add-VMNetworkAdapterAcl a -Action Deny -Direction Inbound {more}", error) for more, error in (
        ("", "Acl.NoAddress"), ("-RemoteIPAddress 10.0.0.0/33", "Acl.BadAddress"), ("-RemoteIPAddress 10.0.0.1/8", "Acl.BadAddress"),
        ("-LocalMacAddress zz", "Acl.BadAddress"), ("-RemoteIPAddress ANY -LocalMacAddress ANY", "Acl.MacAndIp"),
        ("-RemoteIPAddress ::1 -LocalIPAddress 1.1.1.1", "Acl.AddressFamily"))],
    ("Add-VMNetworkAdapterAcl a -Action Meter -Direction Both -RemoteMacAddress ANY", "Acl.MeterNeedsIp"),
    ("Add-VMNetworkAdapterAcl a -Action Count -Direction Both -RemoteIPAddress ANY", TRANSFORM),
    ("Add-VMNetworkAdapterAcl a -Action Deny -RemoteIPAddress ANY", MISSING),
    ("Remove-VMNetworkAdapterAcl a -Action Deny -Direction Both -RemoteIPAddress 10.0.0.0/8", "Acl.NotFound"),
    *[(f"Add-VMNetworkAdapterExtendedAcl a {more}", error) for more, error in (
        ("Deny Inbound -Weight 5 -LocalPort 80", "Acl.PortNeedsProtocol"), ("Deny Inbound -Weight 5 -Protocol 256", "Acl.BadProtocol"),
        ("Deny Inbound -Weight 5 -Protocol TCP -LocalPort 9-8", "Acl.BadPort"), ("Deny Inbound -Weight 65536", "ParameterArgumentValidationError"),
        ("Deny Inbound -Weight 5 -Stateful $true", "Acl.StatefulDeny"), ("Deny Inbound -Weight 5 -RemoteIPAddress nope", "Acl.BadAddress"),
        ("Allow Inbound -Weight 5 -IdleSessionTimeout 9", "Acl.TimeoutNeedsStateful"), ("Deny Both -Weight 5", TRANSFORM),
        ("Meter Inbound -Weight 5", TRANSFORM), ("Deny Inbound", MISSING))],
    ("Remove-VMNetworkAdapterExtendedAcl a -Direction Inbound -Weight 5", "Acl.NotFound"),
    ("Remove-VMNetworkAdapterExtendedAcl a -Direction Inbound", MISSING),
    *[(f"{cmdlet} nope", UNKNOWN) for cmdlet in ("Get-VMNetworkAdapterAcl", "Get-VMNetworkAdapterExtendedAcl")],
    # drives
    ("Add-VMHardDiskDrive a -Path /x.img", "Vm.NotAMachine"),
    ("Add-VMHardDiskDrive a", MISSING),
    ("Add-VMHardDiskDrive a Floppy -Path /x.img", TRANSFORM),
    ("Add-VMDvdDrive a", "Vm.NotAMachine"),
    ("Add-VMScsiController a", "Vm.NotAMachine"),
    ("Remove-VMScsiController a 0", "Vm.NotAMachine"),
    ("Get-VMScsiController a 4", "ParameterArgumentValidationError"),
    ("Remove-VMDvdDrive a 0 0", "Drive.NotFound"),
    ("New-VM -Name new -Engine Namespace -VHDPath /x.img", "AmbiguousParameterSet"),
    *[(f"{cmdlet} nope{more}", UNKNOWN) for cmdlet, more in (
        ("Get-VMHardDiskDrive", ""), ("Get-VMDvdDrive", ""), ("Add-VMHardDiskDrive", " -Path /x.img"), ("Add-VMDvdDrive", ""))],
    ("Get-VMFirmware a", "Vm.NotAMachine"),
    ("Set-VMFirmware a -EnableSecureBoot Maybe", TRANSFORM),
    ("Set-VMBios a -StartupOrder USB", TRANSFORM),
    ("Set-VMBios nope -StartupOrder CD", UNKNOWN),
    ("Set-VM a -UserDataPath /new", "Vm.NotAMachine"),
    ("Set-VM a -SnapshotFileLocation /usr", "Vm.NotAMachine"),
    ("New-VM -Name new -Engine Namespace -Path /usr", "AmbiguousParameterSet"),
    ("Set-VMHost -VirtualHardDiskPath here", "Vm.PathInvalid"),
    ("Set-VMHost -VirtualMachinePath /usr -VirtualHardDiskPath /nowhere", "Location.NotFound"),
    ("New-VM -Name new -Engine Namespace -UserDataPath /new", "AmbiguousParameterSet"),
    *[(f"{line} -SizeBytes {size}", error) for line, size, error in (
        ("New-VHD new.abc", "8MB", "Vhd.FormatUnknown"), ("New-VHD sub/new.img", "8MB", "Vm.PathInvalid"),
        ("New-VHD new.img", "much", TRANSFORM), ("New-VHD new.img", "1000001", "ParameterArgumentValidationError"),
        ("New-VHD new.img", "4000001", "Vhd.SizeInvalid"), ("New-VHD /nowhere/new.img", "8MB", "Vhd.NotFound"),
        ("New-VHD /proc/new.img", "8MB", "Vhd.NotFound"), ("Resize-VHD /nowhere/new.img", "8MB", "Vhd.NotFound"),
        ("New-VHD new.img -Fixed -Dynamic", "8MB", "AmbiguousParameterSet"))],
    ("Get-VHD /nowhere/new.img", "Vhd.NotFound"),
    ("Convert-VHD /nowhere/new.img new.qcow2", "Vhd.NotFound"),
    # who does not exist
    *[(f"{cmdlet} nope{more}", UNKNOWN) for cmdlet, more in (
        ("Get-VM", ""), ("Start-VM", ""), ("Stop-VM", ""), ("Remove-VM", " -Force"), ("Rename-VM", " new"), ("Restart-VM", " -Force"),
        ("Get-VMNetworkAdapter", ""), ("Set-VMNetworkAdapter", " -VirtualSubnetId 5010"), ("Add-VMNetworkAdapter", ""),
        ("Remove-VMNetworkAdapter", ""), ("Rename-VMNetworkAdapter", " -NewName new"), ("Connect-VMNetworkAdapter", " -SwitchName vswitch"),
        ("Disconnect-VMNetworkAdapter", ""), ("Get-VMSwitch", ""), ("Set-VMSwitch", " -Notes new"), ("Remove-VMSwitch", " -Force"))],
    ("Invoke-Command -VMName nope -ScriptBlock { touch /new }", UNKNOWN),
    *[(f"Invoke-Command -VMName a -ScriptBlock {{ true }} -TimeoutSec {n}", "ParameterArgumentValidationError") for n in (0, 86401)],
    ("New-VM -Name new -Engine Namespace -SwitchName nope", UNKNOWN),
    ("Add-VMNetworkAdapter -VMName b -SwitchName nope", UNKNOWN),
    ("Connect-VMNetworkAdapter -VMName a -SwitchName nope", UNKNOWN),
    *[(f"{cmdlet} -VMName a -Name nope{more}", UNKNOWN) for cmdlet, more in (
        ("Set-VMNetworkAdapter", " -VirtualSubnetId 5010"), ("Remove-VMNetworkAdapter", ""), ("Rename-VMNetworkAdapter", " -NewName new"),
        ("Connect-VMNetworkAdapter", " -SwitchName vswitch"), ("Disconnect-VMNetworkAdapter", ""))],
    ("New-VMSwitch -Name new -NetAdapterName nope", "Switch.NetAdapterNotFound"),
    ("New-VMSwitch -Name new -NetAdapterInterfaceDescription nope", "Switch.NetAdapterNotFound"),
    ("Get-NetAdapter nope", NOT_FOUND),
    ("Get-NetAdapterBinding nope", NOT_FOUND),
    ("Enable-NetAdapterBinding nope -ComponentID ms_netwnv", NOT_FOUND),
    ("Enable-NetAdapterBinding uplink -ComponentID ms_nope", NOT_FOUND),
    (provider(index=9999), NOT_FOUND),
    ("Remove-NetVirtualizationLookupRecord -CustomerAddress 10.10.10.99", NOT_FOUND),
    ("Set-NetVirtualizationLookupRecord -CustomerAddress 10.10.10.99 -ProviderAddress 214.214.51.43", NOT_FOUND),
    ("Get-NetVirtualizationLookupRecord -VirtualSubnetID 6000", NOT_FOUND),
    ("Remove-NetVirtualizationCustomerRoute -VirtualSubnetID 6000", NOT_FOUND),
    ("Remove-NetVirtualizationProviderAddress -ProviderAddress 214.214.51.99", NOT_FOUND),
    ("Get-Help Get-Nothing", "HelpNotFound"),
    # names that are taken, or are none
    ("New-VMSwitch vswitch -SwitchType Internal", "Switch.NameNotUnique"),
    ("New-VMSwitch VSWITCH -SwitchType Private", "Switch.NameNotUnique"),
    ("New-VM -Name a -Engine Namespace", "Vm.NameNotUnique"),
    ("New-VM -Name A -Engine Namespace", "Vm.NameNotUnique"),
    ("Rename-VM b a", "Vm.NameNotUnique"),
    ("Add-VMNetworkAdapter -ManagementOS -SwitchName vswitch -Name vswitch", "Adapter.NameNotUnique"),
    ("New-VM -Name '' -Engine Namespace", "ParameterArgumentValidationErrorEmptyStringNotAllowed"),
    ("New-VM -Name ' x' -Engine Namespace", "InvalidName"),
    ("New-VM -Name a/b -Engine Namespace", "InvalidName"),
    ("Rename-VM b ..", "InvalidName"),
    (f"New-VM -Name {'x' * 101} -Engine Namespace", "InvalidName"),
    (f"New-VMSwitch -Name {'x' * 52} -SwitchType Private", "InvalidName"),
    (provider(pa=PAS[0]), "AlreadyExists"),
    (route(domain=5010, vsid=5010, prefix="10.10.10.0/24"), "AlreadyExists"),
    # parameters
    ("New-VMSwitch -SwitchType Internal", MISSING),
    ("Start-VM", MISSING),
    ("Set-VMNetworkAdapter -VirtualSubnetId 5010", MISSING),
    ("New-NetVirtualizationLookupRecord -VirtualSubnetID 5010", MISSING),
    ("New-NetVirtualizationCustomerRoute", MISSING),
    ("Invoke-Command -VMName a", MISSING),
    ("Get-VMNetworkAdapter -VMN a", "AmbiguousParameter"),
    ("New-VMSwitch -Name new -NetAdapter nic2", "AmbiguousParameter"),
    ("New-VMSwitch -Name new -NetAdapterName nic2 -SwitchType Internal", "AmbiguousParameterSet"),
    ("Get-VM -Colour red", "NamedParameterNotFound"),
    ("Get-VM -Name a -Name b", "ParameterAlreadyBound"),
    ("Rename-VM b new newer", "PositionalParameterNotFound"),
    ("Rename-VM -Name b -NewName", "MissingArgument"),
    # what does not go together, or not now
    ("New-VMSwitch -Name new -NetAdapterName uplink", "Switch.NetAdapterInUse"),
    ("Set-VMSwitch int -NetAdapterName uplink", "Switch.NetAdapterInUse"),
    ("New-VMSwitch -Name new -NetAdapterName 'vEthernet (int)'", "Switch.NetAdapterNotUsable"),
    ("New-VMSwitch -Name new -NetAdapterName uplink,nic2", "Switch.TeamingUnavailable"),
    ("Remove-VMNetworkAdapter -ManagementOS -SwitchName int", "Switch.ManagementOsFixed"),
    ("Set-VMSwitch int -AllowManagementOS $false", "Switch.ManagementOsFixed"),
    (provider(index="{nic2}"), "Wnv.DriverNotBound"),
    (provider(length=33), "Wnv.BadPrefixLength"),
    (provider(length=256), "ParameterArgumentValidationError"),
    (provider(pa="224.0.0.1"), "Wnv.BadProviderAddress"),
    (provider_route(hop="fd00::1"), "Wnv.NextHopFamily"),
    (provider_route(index="{nic2}"), "Wnv.DriverNotBound"),
    (route(vsid=5010, prefix="0.0.0.0/0", hop="fd00::1"), "Wnv.NextHopFamily"),
    ("Disable-NetAdapterBinding nic2 -ComponentID ms_tcpip", "NetAdapter.BindingFixed"),
    ("Remove-VM a -Force", "InvalidState"),
    ("Set-VMNetworkAdapter -VMName a -StaticMacAddress 000000000077", "InvalidState"),
    ("Invoke-Command -VMName b -ScriptBlock { true }", "InvalidState"),
    ("New-VM -Name new", "Vm.EngineUnavailable"),
    ("New-VM -Name new -Engine Qemu", "Vm.EngineUnavailable"),
    ("Stop-VM a -Save", "Vm.SaveUnavailable"),
    ("New-VM -Name new -Engine Namespace -Version 3.1", "Vm.VersionNotSupported"),
    ("Select-NetVirtualizationNextHop -SourceVirtualSubnetID 5010 -DestinationCustomerAddress 10.10.10.99", "Wnv.NextHopUnresolvable"),
    ("Wait-VM nope", UNKNOWN),
    ("Wait-VM b", "InvalidState"),
    ("Wait-VM a -For Reboot", "Vm.WaitUnavailable"),
    ("Restart-VM a -Timeout 5", "AmbiguousParameterSet"),
    ("Restart-VM a -Wait -For Lunch", TRANSFORM),
    # metering
    *[(f"{cmdlet} nope", UNKNOWN) for cmdlet in ("Measure-VM", "Enable-VMResourceMetering", "Disable-VMResourceMetering", "Reset-VMResourceMetering")],
    ("Measure-VM a", "Vm.MeteringDisabled"),
    ("Reset-VMResourceMetering a", "Vm.MeteringDisabled"),
    # consoles
    ("Get-VMConsole nope", UNKNOWN),
    ("Get-VMConsole a", "Vm.NoConsole"),
    ("Get-VMConsole", MISSING),
    ("Get-VMConsole a -Last 10001", "ParameterArgumentValidationError"),
    # statistics
    ("Get-VMNetworkAdapterStatistics nobody", UNKNOWN),
    ("Get-VMNetworkAdapterStatistics a -Name nobody", UNKNOWN),
    ("Get-VMNetworkAdapterStatistics -VMName a -All", "AmbiguousParameterSet"),
    ("Get-NetVirtualizationStatistics -VMName nobody", UNKNOWN),
    ("Get-NetVirtualizationStatistics -Reason NO_REASON", NOT_FOUND),
    ("Get-NetVirtualizationStatistics -InterfaceIndex 65535", NOT_FOUND),
    ("Get-NetVirtualizationStatistics -InterfaceIndex -1", "ParameterArgumentValidationError"),
    ("Get-NetVirtualizationStatistics -Summary -VMName a", "AmbiguousParameterSet"),
]


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        ns, outside = lab.namespaces("host", "outside")
        underlay.veth(ns, outside)
        underlay.pair(ns, "nic2", outside, "nic2")
        host = Host(ns, "host")
        host.switch()
        host.switch("int", nic=None, SwitchType="Internal")
        host.provider(PAS[0])
        host.record(5010, "10.10.10.11", "000000000011", PAS[0])
        host.record(5011, "10.10.10.11", "000000000021", PAS[0])
        # No prefix is declared for this one yet: the lowest address of one to come.
        host.record(5040, "10.40.0.1", "000000000041", PAS[0])
        host.subnet(5010, "10.10.10.0/24")
        host.subnet(5011, "10.10.10.0/24")
        host.guest("a", "10.10.10.11", "000000000011", 5010)
        host.guest("b", start=False)
        settle(host.daemon)
        yield host
        assert_settled(host.daemon)


@pytest.mark.parametrize("line, error", CASES, ids=[f"{i}-{line[:60]}" for i, (line, _error) in enumerate(CASES)])
def test_refused(net, line, error):
    before = everything(net.daemon)
    line = line.replace("{uplink}", str(net.nic_index())).replace("{nic2}", str(net.nic_index("nic2")))
    done = net.daemon.pipeline(line, check=False)
    ids = re.findall(r"FullyQualifiedErrorId : ([^,\s]+)", done.err)
    assert (done.code, [i if not i.startswith(NOT_FOUND) else NOT_FOUND for i in ids]) == (1, [error]), str(done)
    assert everything(net.daemon) == before


# -- scripts

FINE = "New-VMSwitch -Name made -SwitchType Private\nNew-VM -Name made -Engine Namespace\n"

NOT_UNDERSTOOD = {
    "an unknown command": ("Get-Nothing", "3:1"),
    "an unknown command in a pipeline": ("Get-VM | Get-Nothing", "3:10"),
    "an unknown command in a branch that is not taken": ("if ($false) { Get-Nothing }", "3:15"),
    "an unknown command in a function that nobody calls": ("function f { Get-Nothing }", "3:14"),
    "a workflow": ("workflow w { }", "3:1"),
    "a class": ("class C { }", "3:1"),
    "a trap": ("trap { }", "3:1"),
    "a brace that is not closed": ("foreach ($v in Get-VM) {", None),
    "a string that is not closed": ("$x = \"abc", None),
    "a parenthesis too many": ("Get-VM)", "3:7"),
    "nothing after a bar": ("Get-VM |", None),
    "no type": ("$x = [", None),
    "an assignment to a number": ("5 = 6", None),
    "a NUL": ("Get-VM \0", None),
}


@pytest.mark.parametrize("how", ["run", "check"])
@pytest.mark.parametrize("what", NOT_UNDERSTOOD)
def test_not_understood(net, what, how):
    """Exit code 2 and the place, before anything ran: the lines before it were all right, and did not run either."""
    line, place = NOT_UNDERSTOOD[what]
    path = net.ns.lab.path("script.ps1")
    with open(path, "w", encoding="utf-8") as file:
        file.write(FINE + line + "\n")
    before = everything(net.daemon)
    done = net.daemon.nestor("run", *(["--check"] if how == "check" else []), path, check=False)
    assert done.code == 2, str(done)
    where = re.match(re.escape(path) + r":(\d+:\d+): ", done.err)
    assert where, done.err
    assert where[1] == (place or where[1])
    assert where[1].startswith(("3:", "4:"))
    assert everything(net.daemon) == before


@pytest.mark.parametrize("line, column, error", [("Get-VM -Colour red", 8, "NamedParameterNotFound"),
                                                 ("Get-VMNetworkAdapter -VMN a", 22, "AmbiguousParameter"),
                                                 ("$vm = Get-VM -Name", 14, "MissingArgument")])
@pytest.mark.parametrize("how", ["run", "check"])
def test_parameters_are_bound_before_anything_runs(net, line, column, error, how):
    """A cmdlet's own error, so exit code 1; but it is seen before the first line runs."""
    path = net.ns.lab.path("parameters.ps1")
    with open(path, "w", encoding="utf-8") as file:
        file.write(FINE + line + "\n")
    before = everything(net.daemon)
    done = net.daemon.nestor("run", *(["--check"] if how == "check" else []), path, check=False)
    assert done.code == 1, str(done)
    assert done.err.startswith(f"{path}:3:{column}: ")
    assert f"FullyQualifiedErrorId : {error}," in done.err
    assert everything(net.daemon) == before


def test_check_runs_nothing(net):
    """--check of a script that is all right: exit code 0, and nothing has happened."""
    path = net.ns.lab.path("fine.ps1")
    with open(path, "w", encoding="utf-8") as file:
        file.write(FINE)
    before = everything(net.daemon)
    done = net.daemon.nestor("run", "--check", path)
    assert (done.out, done.err) == ("", "")
    assert everything(net.daemon) == before


@pytest.mark.parametrize("name", ["lab1-virtual-subnet", "lab1-cleanup", "lab3-nvgre-host1", "lab3-nvgre-host2", "lab3-cleanup"])
def test_check_of_the_runbooks(net, name):
    before = everything(net.daemon)
    net.daemon.nestor("run", "--check", runbook(f"{name}.ps1"))
    assert everything(net.daemon) == before


def test_a_script_without_a_file(net):
    done = net.daemon.nestor("run", net.ns.lab.path("there-is-none.ps1"), check=False)
    assert done.code == 2
    assert "there-is-none.ps1" in done.err


def test_a_script_with_a_refused_line_ends_with_1(net):
    """Not so with what is understood and refused: that is a script's normal life, as on Windows."""
    path = net.ns.lab.path("refused.ps1")
    with open(path, "w", encoding="utf-8") as file:
        file.write("New-VMSwitch -Name made -SwitchType Private | Out-Null\nGet-VM nope\nRemove-VMSwitch made -Force\n")
    before = objects(net.daemon)
    done = net.daemon.script(path, check=False)
    assert done.code == 1
    assert f"{path}:2" in done.err
    assert "InvalidParameter,Get-VM" in done.err
    assert objects(net.daemon) == before


def test_one_of_several_is_unknown(net):
    """Errors are per object: the rest of the list goes on (E-1)."""
    done = net.daemon.nestor("-o", "json", "Get-VM", "a,nope,b", check=False)
    assert done.code == 1
    assert [vm["Name"] for vm in done.json()] == ["a", "b"]
    assert 'unable to find a virtual machine with name "nope"' in done.err


def test_no_daemon(net):
    done = net.daemon.nestor("--host", net.ns.lab.path("nobody.sock"), "Get-VM", check=False)
    assert done.code == 1
    assert "nobody.sock" in done.err
