# SPDX-License-Identifier: Apache-2.0
"""Network adapters of virtual machines that run: they come and go, are connected and disconnected, and change their virtual subnet."""

import pytest

from fabric import DOMAIN, PAS
from kit import CmdletError, wait_for
from support import hang_up
from test_machines import BOOT_SECONDS, one_host, refusal

pytestmark = pytest.mark.slow

VSID = 5010
# Tells of every change: "guest: eth0=1 eth1=0 ." has two adapters, of which the first has a carrier.
WATCH = """ip link set eth0 up; ip addr add 10.1.0.5/24 dev eth0
while :; do
 now=
 for n in /sys/class/net/eth*; do ip link set ${n##*/} up; now="$now ${n##*/}=$(cat $n/carrier)"; done
 [ -e /sys/class/net/eth1 ] && ip addr add 10.2.0.5/24 dev eth1 2>/dev/null
 [ "$now" = "$last" ] || echo "guest:$now ."
 last=$now; usleep 100000
done"""


@pytest.fixture(scope="module", name="net")
def _net():
    """A host with the machine m, and a namespace guest on each network that m is going to be on."""
    with one_host() as net:
        net.switch("other", nic=None, SwitchType="Private")
        net.one = net.guest("one", "10.1.0.9")
        net.two = net.guest("two", "10.2.0.9", switch="other")
        net.make("m", net.image, WATCH)
        net.wait_console("m", "guest: eth0=1 .")
        yield net


def sees(net, what, name="m"):
    """The last that the guest told of its adapters."""
    wait_for(lambda: net.console(name).rpartition("guest: ")[2].partition(" .")[0] == what, BOOT_SECONDS, f"{name} to see {what}",
             lambda: net.console(name)[-1500:] + net.daemon.log_tail())



def taps(net):
    return {l["ifname"] for l in net.ns.ip_json("-d", "link", "show") if l.get("linkinfo", {}).get("info_kind") == "tun"}


def attached(net, name="m"):
    return {line.split()[0] for line in net.libvirt.virsh("domiflist", name).out.splitlines() if line.strip()}


def reaches(guest, address):
    """Whoever had the address before is forgotten."""
    guest.run("ip", "neigh", "flush", "all")
    wait_for(lambda: guest.ping(address, count=1), BOOT_SECONDS, f"{address} to answer")


def test_comes_and_goes(net):
    net.do("Add-VMNetworkAdapter", VMName="m", Name="second", SwitchName="other")
    sees(net, "eth0=1 eth1=1")
    reaches(net.two, "10.2.0.5")
    assert attached(net) == taps(net) and len(taps(net)) == 2
    net.do("Remove-VMNetworkAdapter", VMName="m", Name="second")
    assert len(taps(net)) == 1 and attached(net) == taps(net)
    sees(net, "eth0=1")
    assert net.one.ping("10.1.0.5")


def test_disconnected_and_connected(net):
    """As a cable that is pulled: the guest sees it."""
    net.do("Disconnect-VMNetworkAdapter", VMName="m")
    sees(net, "eth0=0")
    assert not net.one.ping("10.1.0.5", count=1)
    net.daemon.kill9()
    net.daemon.start()
    assert hang_up(net.daemon)["lastWrites"] == 0
    sees(net, "eth0=0")
    net.do("Connect-VMNetworkAdapter", VMName="m", SwitchName="vswitch")
    sees(net, "eth0=1")
    reaches(net.one, "10.1.0.5")


def test_daemon_dies_in_between(net):
    """What was asked of it while the daemon was away is done by the next one; so is what was half done."""
    net.do("Add-VMNetworkAdapter", VMName="m", Name="second", SwitchName="other")
    net.daemon.kill9()
    net.daemon.start()
    wait_for(lambda: hang_up(net.daemon)["lastWrites"] == 0, 20, "nothing to do", net.daemon.log_tail)
    sees(net, "eth0=1 eth1=1")
    gone = next(iter(attached(net) - {net.port("m")}))
    net.libvirt.virsh("detach-interface", "m", "ethernet", "--mac", net.do("Get-VMNetworkAdapter", VMName="m", Name="second")[0]["MacAddress"],
                      "--live", check=False)
    net.libvirt.kill9()
    net.libvirt.start()
    wait_for(lambda: gone in attached(net), 40, "the adapter to be back", net.daemon.log_tail)
    sees(net, "eth0=1 eth1=1")
    reaches(net.two, "10.2.0.5")
    net.do("Remove-VMNetworkAdapter", VMName="m", Name="second")
    assert len(taps(net)) == 1 and attached(net) == taps(net)


def test_libvirt_dies_while_it_attaches(net):
    """QEMU was told half of it, which the next libvirt daemon does not know."""
    net.do("Suspend-VM", Name="m")
    net.do("Add-VMNetworkAdapter", VMName="m", Name="second", SwitchName="other")
    (tap,) = taps(net) - attached(net)
    net.libvirt.virsh("qemu-monitor-command", "m", "--hmp", f"netdev_add user,id=hostua-nestor-nic-{tap}")
    net.do("Resume-VM", Name="m")
    sees(net, "eth0=1 eth1=1")
    reaches(net.two, "10.2.0.5")
    net.do("Remove-VMNetworkAdapter", VMName="m", Name="second")
    sees(net, "eth0=1")


def test_while_paused_and_saved(net):
    """What came while it was paused is there when it goes on; a saved machine keeps what it had (E-4)."""
    net.do("Suspend-VM", Name="m")
    net.do("Add-VMNetworkAdapter", VMName="m", Name="second", SwitchName="other")
    assert len(attached(net)) == 1
    net.do("Resume-VM", Name="m")
    sees(net, "eth0=1 eth1=1")
    net.do("Save-VM", Name="m")
    assert taps(net) == set()
    assert refusal(net, "Add-VMNetworkAdapter", VMName="m")["id"] == "InvalidState"
    assert refusal(net, "Remove-VMNetworkAdapter", VMName="m", Name="second")["id"] == "InvalidState"
    net.do("Disconnect-VMNetworkAdapter", VMName="m", Name="second")
    net.do("Start-VM", Name="m")
    sees(net, "eth0=1 eth1=0")
    net.do("Remove-VMNetworkAdapter", VMName="m", Name="second")
    sees(net, "eth0=1")


def test_virtual_subnet_of_a_running_machine(net):
    """Into one, and out of it; what stays behind is reached no more."""
    net.do("Add-VMNetworkAdapter", VMName="m", Name="v", SwitchName="vswitch", StaticMacAddress="000000000011")
    sees(net, "eth0=1 eth1=1")
    inside = net.guest("inside", "10.2.0.8", "000000000012", VSID)
    net.provider(PAS[0])
    net.record(VSID, "10.2.0.5", "000000000011", PAS[0])
    net.record(VSID, "10.2.0.8", "000000000012", PAS[0])
    net.do("New-NetVirtualizationCustomerRoute", RoutingDomainID=DOMAIN.format(vsid=VSID), VirtualSubnetID=VSID,
           DestinationPrefix="10.2.0.0/24", NextHop="0.0.0.0")
    assert not inside.ping("10.2.0.5", count=1)
    net.do("Set-VMNetworkAdapter", VMName="m", Name="v", VirtualSubnetId=VSID)
    reaches(inside, "10.2.0.5")
    net.do("Set-VMNetworkAdapter", VMName="m", Name="v", VirtualSubnetId=0)
    assert not inside.ping("10.2.0.5", count=1)
    error = refusal(net, "Set-VMNetworkAdapter", VMName="m", Name="v", StaticMacAddress="000000000013")
    assert error["id"] == "InvalidState"
    net.do("Rename-VMNetworkAdapter", VMName="m", Name="v", NewName="w")
    net.do("Remove-VMNetworkAdapter", VMName="m", Name="w")
    sees(net, "eth0=1")


def test_as_many_as_there_are_places(net):
    for number in range(7):
        net.do("Add-VMNetworkAdapter", VMName="m", Name=f"n{number}")
    assert refusal(net, "Add-VMNetworkAdapter", VMName="m", Name="n8")["id"] == "Adapter.TooMany"
    sees(net, "eth0=1 " + " ".join(f"eth{n}=0" for n in range(1, 8)))
    assert len(taps(net)) == 8
    net.do("Remove-VMNetworkAdapter", VMName="m", Name="n[0-9]")
    assert attached(net) == taps(net) == {net.port("m")}


def test_renamed_while_it_runs(net):
    """libvirt's domain gets the name when it is off: until then nothing else can."""
    net.do("Rename-VM", Name="m", NewName="k")
    assert net.vm("k")["State"] == "Running"
    assert net.libvirt.domains() == {"m": "running"}
    net.do("Stop-VM", Name="k", TurnOff=True)
    assert net.libvirt.domains() == {"k": "shut off"}
    assert taps(net) == set()
    net.do("Rename-VM", Name="k", NewName="m")
    assert net.libvirt.domains() == {"m": "shut off"}
    net.do("Start-VM", Name="m")
    assert net.libvirt.domains() == {"m": "running"}


def test_guest_that_does_not_let_go(net):
    """It is told, nothing gets through any more, and the machine's next start is without it."""
    kernel = net.image.parameters(WATCH)
    kernel["KernelCommandLine"] = "acpiphp.disable=1 pcie_hp=nomsi " + kernel["KernelCommandLine"]
    net.do("New-VM", Name="x", MemoryStartupBytes="192MB", **kernel, SwitchName="vswitch")
    net.do("Add-VMNetworkAdapter", VMName="x", Name="second", SwitchName="other")
    net.do("Start-VM", Name="x")
    sees(net, "eth0=1 eth1=1", "x")
    reaches(net.two, "10.2.0.5")
    with pytest.raises(CmdletError) as caught:
        net.do("Remove-VMNetworkAdapter", VMName="x", Name="second")
    assert [e["id"] for e in caught.value.answer["errors"]] == ["Vm.DeviceInUse"]
    assert not net.two.ping("10.2.0.5", count=1)
    assert len(attached(net, "x")) == 2
    # what is tried for another change at that moment fails as well, and is nothing to who turns it off
    other = net.ns.spawn(net.daemon.program("nestor"), "--host", net.daemon.socket, "Disconnect-VMNetworkAdapter", "x")
    wait_for(lambda: not net.adapter("x")["Connected"], 10, "the change to be begun", net.daemon.log_tail)
    net.do("Stop-VM", Name="x", TurnOff=True)
    wait_for(lambda: other.code is not None, 30, "the other change to be answered", lambda: str(other))
    net.do("Connect-VMNetworkAdapter", VMName="x", SwitchName="vswitch")
    assert taps(net) == {net.port("m")}
    net.do("Start-VM", Name="x")
    sees(net, "eth0=1", "x")
    net.do("Stop-VM", Name="x", TurnOff=True)
    net.do("Remove-VM", Name="x", Force=True)
