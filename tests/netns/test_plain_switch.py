# SPDX-License-Identifier: Apache-2.0
"""Switches without virtual subnets: who is connected to whom, host adapters, guards, and the lives of VMs and switches."""

import os
import signal

import pytest

from fabric import Host
from frames import FORBIDDEN, MARKER, arp, udp
from kit import Capture, CmdletError, Lab, underlay, wait_for
from labs import colons
from support import Dropped, Wire, assert_settled

A, B, C = "10.1.0.1", "10.1.0.2", "10.1.0.3"
HOST = "10.1.0.100"
OUTSIDE = "10.1.0.200"


@pytest.fixture(scope="module", name="net")
def _net():
    """On one host: a External, an Internal and a Private switch, with two guests each that have the same addresses."""
    with Lab("nst") as lab:
        ns, outside = lab.namespaces("host", "outside")
        underlay.veth(ns, outside)
        outside.ip(f"addr add {OUTSIDE}/24 dev {underlay.UPLINK}")
        host = Host(ns, "host")
        host.outside = outside
        host.switch("ext")
        host.switch("int", nic=None, SwitchType="Internal")
        host.switch("priv", nic=None, SwitchType="Private")
        host.guests = {f"{switch}-{name}": host.guest(f"{switch}-{name}", address, switch=switch)
                       for switch in ("ext", "int", "priv") for name, address in (("a", A), ("b", B))}
        yield host
        assert_settled(host.daemon)


def host_nic(host, switch):
    """The Linux interface of "vEthernet (SWITCH)"."""
    return host.do("Get-VMNetworkAdapter", ManagementOS=True, SwitchName=switch)[0]["InterfaceName"]


@pytest.mark.parametrize("switch", ["ext", "int", "priv"])
def test_guests_of_a_switch_reach_each_other(net, switch):
    assert net.guests[f"{switch}-a"].ping(B)
    assert net.guests[f"{switch}-b"].ping(A)


def test_switches_are_apart(net):
    """The addresses are the same on all of them: whoever answers is of the same switch."""
    for switch in ("ext", "int", "priv"):
        a, others = net.guests[f"{switch}-a"], [g for n, g in net.guests.items() if n.endswith("-b") and switch not in n]
        before = [g.echo_requests() for g in others]
        assert a.ping(B)
        assert [g.echo_requests() for g in others] == before
        out = a.run("arping", "-I", "eth0", "-c", 1, "-w", 1, B, check=False).out
        assert set(_macs(out)) == {colons(net.guests[f"{switch}-b"].plan.mac)}


def _macs(text):
    return [word.strip("[]").lower() for word in text.split() if word.startswith("[") and word.count(":") == 5]


def test_only_external_reaches_the_outside(net):
    assert net.guests["ext-a"].ping(OUTSIDE)
    assert net.outside.ping(B, count=2)
    for switch in ("int", "priv"):
        assert not net.guests[f"{switch}-a"].ping(OUTSIDE, count=1)


@pytest.mark.parametrize("switch", ["ext", "int"])
def test_the_host_is_on_the_switch(net, switch):
    """By an ordinary interface with an ordinary address, called vEthernet (SWITCH) by everyone."""
    nic = host_nic(net, switch)
    assert net.do("Get-NetAdapter", Name=f"vEthernet ({switch})")[0]["InterfaceName"] == nic
    net.ns.ip(f"addr add {HOST}/24 dev {nic}")
    assert net.ns.ping(A, count=2)
    assert net.guests[f"{switch}-b"].ping(HOST)
    if switch == "ext":
        assert net.outside.ping(HOST, count=2)
    # What an administrator has put there is his.
    assert_settled(net.daemon)
    assert net.do("Get-VMNetworkAdapter", ManagementOS=True, SwitchName=switch)[0]["IPAddresses"] == [HOST]
    net.ns.ip(f"addr del {HOST}/24 dev {nic}")


def test_a_private_switch_has_no_host_adapter(net):
    assert net.do("Get-VMNetworkAdapter", ManagementOS=True, SwitchName="priv") == []


def test_mac_spoofing_is_off_until_it_is_on(net):
    """NN-1, live: with Off a foreign source is dropped and nothing for it is delivered; with On both pass."""
    a, b, port = net.guests["priv-a"], net.guests["priv-b"], net.port("priv-a")
    forged = udp(src="02:00:00:00:00:77", dst=colons(b.plan.mac))
    own = udp(MARKER, src=colons(a.plan.mac), dst=colons(b.plan.mac))
    with Wire(a, "eth0") as wire, Capture(b.netns, "eth0", net.ns.lab.path("spoof.pcap")) as capture:
        with Dropped(net.daemon, port, SOURCE_MAC_SPOOFED=2):
            wire.send(forged, forged, own)
        capture.wait_packets("frame.number", filter=f"udp.payload == {MARKER.hex(':')}")
        assert capture.packets("frame.number", filter="eth.src == 02:00:00:00:00:77") == []
        net.do("Set-VMNetworkAdapter", VMName="priv-a", MacAddressSpoofing="On")
        with Dropped(net.daemon, port):
            wire.send(forged)
            capture.wait_packets("frame.number", filter="eth.src == 02:00:00:00:00:77")
        # Answers to the foreign MAC find their way back, though nobody has learnt it from the guest's own address.
        with Wire(b, "eth0") as back, Capture(a.netns, "eth0", net.ns.lab.path("spoof-back.pcap")) as returned:
            back.send(udp(MARKER, src=colons(b.plan.mac), dst="02:00:00:00:00:77"))
            returned.wait_packets("frame.number", filter="eth.dst == 02:00:00:00:00:77")
        net.do("Set-VMNetworkAdapter", VMName="priv-a", MacAddressSpoofing="Off")
        with Dropped(net.daemon, port, SOURCE_MAC_SPOOFED=1):
            wire.send(forged)


def test_foreign_destinations_are_not_delivered(net):
    """With spoofing off, frames to unknown MACs are not for this port (no flooding into guests)."""
    a, b = net.guests["priv-a"], net.guests["priv-b"]
    with Wire(a, "eth0") as wire, Capture(b.netns, "eth0", net.ns.lab.path("flood.pcap")) as capture:
        wire.send(udp(FORBIDDEN, src=colons(a.plan.mac), dst="02:00:00:00:00:78"))
        wire.send(udp(MARKER, src=colons(a.plan.mac), dst=colons(b.plan.mac)))
        capture.wait_packets("frame.number", filter=f"udp.payload == {MARKER.hex(':')}")
    assert capture.packets("frame.number", filter="eth.dst == 02:00:00:00:00:78") == []


def test_guards_hold_on_a_plain_switch(net):
    a, b, port = net.guests["priv-a"], net.guests["priv-b"], net.port("priv-a")
    with Wire(a, "eth0") as wire:
        with Dropped(net.daemon, port, SOURCE_MAC_GROUP=1):
            wire.send(udp(src="01:00:5e:00:00:05", dst=colons(b.plan.mac)))
        with Dropped(net.daemon, port, ARP_SPOOFED=1):
            wire.send(arp(src=colons(a.plan.mac), sha=colons(b.plan.mac)))


def test_disconnect_and_connect(net):
    a = net.guests["int-a"]
    net.do("Disconnect-VMNetworkAdapter", VMName="int-a")
    assert net.adapter("int-a")["SwitchName"] is None
    assert not a.ping(B, count=1)
    net.do("Connect-VMNetworkAdapter", VMName="int-a", SwitchName="priv")
    before = net.guests["priv-b"].echo_requests()
    a.run("ip", "neigh", "flush", "all")
    a.run("ip", "addr", "flush", "dev", "eth0")
    a.run("ip", "addr", "add", f"{C}/24", "dev", "eth0")
    assert a.ping(B)
    assert net.guests["priv-b"].echo_requests() > before
    net.do("Connect-VMNetworkAdapter", VMName="int-a", SwitchName="int")
    a.run("ip", "neigh", "flush", "all")
    before = net.guests["int-b"].echo_requests()
    assert a.ping(B)
    assert net.guests["int-b"].echo_requests() > before


# -- lives

@pytest.fixture(name="short")
def _short(net):
    """A VM for one test."""
    guest = net.guest("short", C, switch="priv")
    yield guest
    if net.do("Get-VM", Name="short*"):
        net.do("Stop-VM", Name="short*", TurnOff=True)
        net.do("Remove-VM", Name="short*", Force=True)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def vm(net, name="short"):
    return net.do("Get-VM", Name=name)[0]


def test_stop_and_start(net, short):
    port = net.port("short")
    net.do("Stop-VM", Name="short")
    assert vm(net)["State"] == "Off"
    assert vm(net)["ProcessId"] is None
    wait_for(lambda: not alive(short.pid), 5, "the guest to end")
    assert net.ns.link(port) is None
    again = net.start("short", C)
    assert again.pid != short.pid
    assert again.ping(B)
    # It is the same adapter.
    assert net.port("short") == port
    assert again.plan.mac == short.plan.mac


def test_restart(net, short):
    net.do("Restart-VM", Name="short", Force=True)
    now = vm(net)
    assert now["State"] == "Running"
    assert now["ProcessId"] not in (None, short.pid)
    assert not alive(short.pid)
    # Its adapter is there when the answer is: nothing is left to come.
    again = net.start("short", C)
    assert again.ping(B)


def test_remove(net, short):
    port = net.port("short")
    with pytest.raises(CmdletError) as refused:
        net.do("Remove-VM", Name="short", Force=True)
    assert refused.value.answer["errors"][0]["id"] == "InvalidState"
    assert vm(net)["State"] == "Running"
    net.do("Stop-VM", Name="short", TurnOff=True)
    net.do("Remove-VM", Name="short", Force=True)
    assert net.do("Get-VM", Name="short*") == []
    assert net.ns.link(port) is None
    assert not alive(short.pid)


def test_rename_keeps_it_running(net, short):
    net.do("Rename-VM", Name="short", NewName="shorter")
    assert vm(net, "shorter")["ProcessId"] == short.pid
    assert short.ping(B)


def test_a_guest_that_dies_by_itself_is_off(net, short):
    os.kill(short.pid, signal.SIGKILL)
    wait_for(lambda: vm(net)["State"] == "Off", 5, "the VM to be Off", net.daemon.log_tail)
    assert_settled(net.daemon)
    assert vm(net)["State"] == "Off"
    assert net.start("short", C).ping(B)


def test_a_guest_that_died_while_the_daemon_was_away_is_started(net, short):
    """As after a restart of the host: what should run and does not is started (AutomaticStartAction StartIfRunning)."""
    net.daemon.kill9()
    os.kill(short.pid, signal.SIGKILL)
    wait_for(lambda: not alive(short.pid), 5, "the guest to end")
    net.daemon.start()
    now = vm(net)
    assert now["State"] == "Running"
    assert now["ProcessId"] not in (None, short.pid)


def test_remove_a_switch_with_connected_guests(net, short):
    net.switch("gone", nic=None, SwitchType="Internal")
    net.do("Connect-VMNetworkAdapter", VMName="short", SwitchName="gone")
    bridge, nic = net.bridge("gone"), host_nic(net, "gone")
    net.do("Remove-VMSwitch", Name="gone", Force=True)
    assert net.ns.link(bridge) is None
    assert net.ns.link(nic) is None
    adapter = net.adapter("short")
    assert (adapter["SwitchName"], adapter["Connected"]) == (None, False)
    assert vm(net)["State"] == "Running"
    net.do("Connect-VMNetworkAdapter", VMName="short", SwitchName="priv")
    assert short.ping(B)


def test_hot_added_adapters(net, short):
    """eth1 comes while the guest runs, and goes."""
    net.do("Add-VMNetworkAdapter", VMName="short", Name="second", SwitchName="int")
    short.run("ip", "addr", "flush", "dev", "eth0")
    short.run("ip", "addr", "add", f"{C}/24", "dev", "eth1")
    before = net.guests["int-b"].echo_requests()
    short.run("ping", "-n", "-c", 1, "-W", 2, "-I", "eth1", B)
    assert net.guests["int-b"].echo_requests() == before + 1
    net.do("Remove-VMNetworkAdapter", VMName="short", Name="second")
    assert "eth1" not in short.run("ip", "link", "show").out
