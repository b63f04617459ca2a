# SPDX-License-Identifier: Apache-2.0
"""-WhatIf on every cmdlet that changes something: it says what it would do, and does nothing."""

import pytest

from fabric import DOMAIN, PAS, Host
from kit import Lab, underlay
from support import assert_settled, everything, settle

RDID = DOMAIN.format(vsid=5020)

LINES = [
    "New-VMSwitch -Name new -SwitchType Internal",
    "New-VMSwitch -Name new -NetAdapterName nic2",
    "Set-VMSwitch int -Notes text",
    "Set-VMSwitch vswitch -AllowManagementOS $false",
    "Remove-VMSwitch int -Force",
    "Get-VMSwitch | Remove-VMSwitch",
    "New-VM -Name new -Engine Namespace -SwitchName int",
    "Start-VM b",
    "Stop-VM a -TurnOff",
    "Restart-VM a -Force",
    "Remove-VM b -Force",
    "Rename-VM b new",
    "Set-VM a -Notes text",
    "Add-VMNetworkAdapter -VMName a -SwitchName int",
    "Add-VMNetworkAdapter -ManagementOS -SwitchName int -Name new",
    "Set-VMNetworkAdapter -VMName a -VirtualSubnetId 5011",
    "Get-VMNetworkAdapter a | Set-VMNetworkAdapter -MacAddressSpoofing On",
    "Set-VMNetworkAdapter -VMName b -StaticMacAddress 000000000099",
    "Set-VMNetworkAdapterVlan -VMName b -Access -VlanId 10",
    "Remove-VMNetworkAdapter -VMName a",
    "Rename-VMNetworkAdapter -VMName a -NewName new",
    "Connect-VMNetworkAdapter -VMName a -SwitchName int",
    "Disconnect-VMNetworkAdapter -VMName a,b",
    "Add-VMNetworkAdapterAcl a -Action Deny -Direction Both -RemoteIPAddress 10.0.0.0/8",
    "Get-VMNetworkAdapter a | Add-VMNetworkAdapterAcl -Action Deny -Direction Inbound -RemoteMacAddress ANY",
    "Remove-VMNetworkAdapterAcl a -Action Deny -Direction Outbound -RemoteIPAddress 10.9.0.0/16",
    "Get-VMNetworkAdapterAcl a | Remove-VMNetworkAdapterAcl",
    "Add-VMNetworkAdapterExtendedAcl a Deny Inbound 10.10.10.11 ANY 80 ANY TCP 10",
    "Remove-VMNetworkAdapterExtendedAcl a -Direction Inbound -Weight 1",
    "Get-VMNetworkAdapterExtendedAcl | Remove-VMNetworkAdapterExtendedAcl",
    "Enable-NetAdapterBinding nic2 -ComponentID ms_netwnv",
    "Disable-NetAdapterBinding * -ComponentID ms_netwnv",
    "New-NetVirtualizationLookupRecord -VirtualSubnetID 5010 -CustomerAddress 10.10.10.77 -MACAddress 000000000077 "
    "-ProviderAddress 214.214.51.43 -Rule TranslationMethodEncap",
    "Set-NetVirtualizationLookupRecord -VirtualSubnetID 5010 -ProviderAddress 214.214.51.99",
    "Remove-NetVirtualizationLookupRecord",
    "Get-NetVirtualizationLookupRecord | Remove-NetVirtualizationLookupRecord",
    f"New-NetVirtualizationCustomerRoute -RoutingDomainID '{RDID}' -VirtualSubnetID 5020 -DestinationPrefix 10.20.0.0/24 -NextHop 0.0.0.0",
    "Set-NetVirtualizationCustomerRoute -VirtualSubnetID 5010 -Metric 7",
    "Remove-NetVirtualizationCustomerRoute",
    "New-NetVirtualizationProviderAddress -InterfaceIndex {uplink} -ProviderAddress 214.214.51.44 -PrefixLength 24",
    "Set-NetVirtualizationProviderAddress -ProviderAddress 214.214.51.42 -PrefixLength 25",
    "Remove-NetVirtualizationProviderAddress",
    "New-NetVirtualizationProviderRoute -InterfaceIndex {uplink} -DestinationPrefix 192.0.3.0/24 -NextHop 214.214.51.1",
    "Set-NetVirtualizationProviderRoute -DestinationPrefix 192.0.2.0/24 -Metric 7",
    "Remove-NetVirtualizationProviderRoute",
    "New-NetVirtualizationBroadcast -VirtualSubnetID 5020",
    "New-NetVirtualizationBroadcast -VirtualSubnetID 5020 -ProviderAddress 239.1.1.1",
    "Set-NetVirtualizationBroadcast -ProviderAddress 239.1.1.1",
    "Remove-NetVirtualizationBroadcast",
    "Set-NetVirtualizationGlobal -UseExternalRouter $true",
    "Set-VMHost -VirtualHardDiskPath /usr -VirtualMachinePath /usr",
    "New-VHD new.qcow2 8MB",
    "Resize-VHD /nowhere/new.qcow2 16MB",
    "Convert-VHD /nowhere/new.qcow2 new.vhd -DeleteSource",
    "Enable-VMResourceMetering b",
    "Disable-VMResourceMetering a",
    "Reset-VMResourceMetering a",
    "Test-VMNetworkAdapter a -Sender -SenderIPAddress 10.10.10.11 -ReceiverIPAddress 10.10.10.12 -SequenceNumber 1",
]

# Of a machine "a" that runs, and "off", which is saved where it says so: tried in test_machines.py.
MACHINE_LINES = [
    "Set-VMProcessor off -Count 2",
    "Set-VMMemory off -StartupBytes 256MB",
    "Suspend-VM a",
    "Save-VM a",
    "Update-VMVersion off",
    "Add-VMHardDiskDrive off -Path {disk}2.img",
    "Set-VMHardDiskDrive off -Path {disk}2.img",
    "Get-VMHardDiskDrive off | Remove-VMHardDiskDrive",
    "Add-VMDvdDrive off",
    "Set-VMDvdDrive off -ToControllerLocation 1",
    "Remove-VMDvdDrive off 1 0",
    "Set-VMBios off -StartupOrder CD",
    "Add-VMScsiController off",
    "Remove-VMScsiController off2 1",
    "Set-VMFirmware off2 -EnableSecureBoot Off",
]
PAUSED_LINES = ["Resume-VM a"]
SAVED_LINES = ["Remove-VMSavedState a"]
# Of a domain "theirs": tried in test_copies.py.
DOMAIN_LINES = ["Import-VM -Domain theirs -Force"]
# Of a machine "e" that is off, in a directory: tried in test_copies.py.
EXPORT_LINES = ["Export-VM e -Path {directory}", "Export-VMSnapshot -VMName e -Name c -Path {directory}"]
# Of a machine "k" with a checkpoint "c": tried in test_checkpoints.py.
CHECKPOINT_LINES = [
    "Checkpoint-VM k",
    "Restore-VMSnapshot c k",
    "Remove-VMSnapshot k -IncludeAllChildSnapshots",
    "Get-VMSnapshot k | Rename-VMSnapshot -NewName new",
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
        host.do("New-NetVirtualizationProviderRoute", InterfaceIndex=host.nic_index(), DestinationPrefix="192.0.2.0/24",
                NextHop="214.214.51.1")
        host.record(5010, "10.10.10.11", "000000000011", PAS[0])
        host.subnet(5010, "10.10.10.0/24")
        host.do("New-NetVirtualizationBroadcast", VirtualSubnetID=5010)
        host.a = host.guest("a", "10.10.10.11", "000000000011", 5010)
        host.guest("b", start=False)
        host.do("Add-VMNetworkAdapterAcl", VMName="a", Action="Deny", Direction="Outbound", RemoteIPAddress="10.9.0.0/16")
        host.do("Add-VMNetworkAdapterExtendedAcl", VMName="a", Action="Allow", Direction="Inbound", Weight=1, Stateful=True)
        host.do("Enable-VMResourceMetering", VMName="a")
        settle(host.daemon)
        yield host
        assert_settled(host.daemon)


def inside(guest):
    return guest.run("ip", "-o", "addr").out, guest.run("ip", "-o", "link").out


@pytest.mark.parametrize("line", LINES)
def test_changes_nothing(net, line):
    before = everything(net.daemon), inside(net.a)
    done = net.daemon.pipeline(f"{line} -WhatIf".replace("{uplink}", str(net.nic_index())))
    assert "What if: " in done.out, str(done)
    assert (everything(net.daemon), inside(net.a)) == before


def test_the_list_is_complete(net):
    changing = {c["name"] for c in net.daemon.http("GET", "/v1/cmdlet")[1]["cmdlets"] if c["changes"]}
    tested = {word for line in [*LINES, *MACHINE_LINES, *PAUSED_LINES, *SAVED_LINES, *DOMAIN_LINES, *CHECKPOINT_LINES, *EXPORT_LINES] for word in line.split() if word in changing}
    assert tested == changing


def test_without_what_if_they_do_change(net):
    """Or the tests above would prove nothing: each of some lines does change something when it is meant."""
    for line, back in (("Set-VMSwitch int -Notes text", "Set-VMSwitch int -Notes ''"),
                       ("Set-NetVirtualizationGlobal -UseExternalRouter $true", "Set-NetVirtualizationGlobal -UseExternalRouter $false"),
                       ("Set-NetVirtualizationCustomerRoute -VirtualSubnetID 5010 -Metric 7",
                        "Set-NetVirtualizationCustomerRoute -VirtualSubnetID 5010 -Metric 255")):
        before = everything(net.daemon)[0]
        net.daemon.pipeline(line)
        assert everything(net.daemon)[0] != before
        net.daemon.pipeline(back)
        assert everything(net.daemon)[0] == before
