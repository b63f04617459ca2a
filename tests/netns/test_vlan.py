# SPDX-License-Identifier: Apache-2.0
"""VLANs of switches (Set-VMNetworkAdapterVlan): who reaches whom within a host and between two, and which tags the wire carries."""

import glob
import itertools
import os

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from fabric import Host
from frames import BROADCAST, MARKER
from kit import Capture, CmdletError, Lab, Process, underlay, wait_for
from labs import colons
from support import Dropped, Wire, assert_settled, pins

# name: (host, address, VLAN; 0: untagged)
GUESTS = {"a10": (0, "10.1.0.1", 10), "b10": (0, "10.1.0.2", 10), "c20": (0, "10.1.0.3", 20), "d": (0, "10.1.0.4", 0),
          "e10": (1, "10.1.0.5", 10), "f20": (1, "10.1.0.6", 20), "g": (1, "10.1.0.7", 0)}
MANAGEMENT = "10.1.0.100"


def set_vlan(host, vm, vlan):
    parameters = {"Access": True, "VlanId": vlan} if vlan else {"Untagged": True}
    host.do("Set-VMNetworkAdapterVlan", VMName=vm, **parameters)


def kept_apart(host):
    """How many ports have a program that keeps frames of other VLANs from their guests."""
    return len(glob.glob(os.path.join(os.path.dirname(pins(host.daemon)), "link-vport_egress-*")))


@pytest.fixture(scope="module", name="net")
def _net():
    """Two hosts on one wire."""
    with Lab("nst") as lab:
        namespaces = lab.namespaces("host1", "host2")
        underlay.veth(*namespaces)
        hosts = [Host(ns, ns.label) for ns in namespaces]
        for host in hosts:
            host.switch()
        guests = {}
        for name, (where, address, vlan) in GUESTS.items():
            guests[name] = hosts[where].guest(name, address)
            if vlan:
                set_vlan(hosts[where], name, vlan)
        guests["t"] = hosts[0].guest("t")
        yield hosts, guests
        for host in hosts:
            assert_settled(host.daemon)


def test_who_reaches_whom(net):
    """Everyone in the same VLAN, on whatever host, and nobody else."""
    _hosts, guests = net
    for one, other in itertools.permutations(GUESTS, 2):
        (_, _, vlan), (_, address, other_vlan) = GUESTS[one], GUESTS[other]
        expected = vlan == other_vlan
        assert guests[one].ping(address, *(() if expected else (1, 0.2))) == expected, (one, other)


def test_tags_on_the_wire(net):
    """802.1Q with the port's VLAN, or no tag at all; inside the guest never one."""
    hosts, guests = net
    for one, other in (("a10", "e10"), ("c20", "f20"), ("d", "g")):
        with Capture(hosts[0].ns, underlay.UPLINK) as wire, Capture(guests[other].netns, "eth0",
                                                                    hosts[0].ns.lab.path(f"{other}.pcap")) as inside:
            assert guests[one].ping(GUESTS[other][1])
            tags = {tuple(p["vlan.id"]) for p in wire.wait_packets("vlan.id", count=4, filter="icmp")}
            seen = {tuple(p["vlan.id"]) for p in inside.wait_packets("vlan.id", count=4, filter="icmp")}
        vlan = GUESTS[one][2]
        assert (tags, seen) == ({(str(vlan),) if vlan else ()}, {()})


def frame(source, text, vlan=None, destination=BROADCAST):
    """A broadcast of the guest's, or a frame to one MAC address."""
    tag = Dot1Q(vlan=vlan) if vlan is not None else None
    ether = Ether(src=colons(source.plan.mac), dst=destination)
    packet = IP(src="10.1.0.77", dst="10.1.0.78") / UDP(sport=7, dport=9) / Raw(text)
    return bytes(ether / tag / packet if tag else ether / packet)


def heard(lab, receivers, sends, end):
    """{receiver: [(text, tag)]} of marked frames; `end`: (guest, frame) that every receiver hears."""
    captures = {name: Capture(guest.netns, "eth0", lab.path(f"heard-{name}.pcap")) for name, guest in receivers.items()}
    for guest, data in [*sends, *end]:
        with Wire(guest, "eth0") as wire:
            wire.send(data)
    result = {}
    for name, capture in captures.items():
        with capture:
            capture.wait_packets("frame.number", filter=f"udp.payload contains {MARKER.hex(':')}")
            packets = capture.packets("udp.payload", "vlan.id", "eth.src", filter="ip.src == 10.1.0.77 && udp")
        own = colons(receivers[name].plan.mac)
        result[name] = sorted((bytes.fromhex(p["udp.payload"][0].replace(":", "")).decode(), (p["vlan.id"] or [""])[0])
                              for p in packets if p["eth.src"] != [own] and MARKER not in
                              bytes.fromhex(p["udp.payload"][0].replace(":", "")))
    return result


def test_trunk(net):
    """A guest that speaks tags: those it is allowed, its native VLAN without one, and no other."""
    hosts, guests = net
    t = guests["t"]
    setting = hosts[0].do("Set-VMNetworkAdapterVlan", VMName="t", Trunk=True, AllowedVlanIdList="30-31, 10", NativeVlanId=20,
                          PassThru=True)[0]
    assert {k: setting[k] for k in ("OperationMode", "NativeVlanId", "AllowedVlanIdListString", "AllowedVlanIdList", "VlanList")} == {
        "OperationMode": "Trunk", "NativeVlanId": 20, "AllowedVlanIdListString": "10,30-31", "AllowedVlanIdList": [10, 30, 31],
        "VlanList": "20,10,30-31"}
    receivers = {name: guests[name] for name in ("a10", "c20", "d", "e10", "f20", "g")}
    sends = [(t, frame(t, "in 10", 10)), (t, frame(t, "native")), (t, frame(t, "in 20", 20)), (t, frame(t, "not allowed", 11)),
             (t, frame(t, "nor 4094", 4094)), (t, frame(t, "priority alone", 0))]
    end = [(guests[name], frame(guests[name], MARKER)) for name in ("b10", "c20", "d", "e10", "f20", "g")]
    # A tag of the native VLAN is that VLAN, too; one of VLAN 0 is none.
    native = [("in 20", ""), ("native", ""), ("priority alone", "")]
    with Dropped(hosts[0].daemon, hosts[0].port("t"), VLAN_NOT_ALLOWED=2):
        assert heard(hosts[0].ns.lab, receivers, sends, end) == {
            "a10": [("in 10", "")], "e10": [("in 10", "")], "c20": native, "f20": native, "d": [], "g": []}
    sends = [(guests["b10"], frame(guests["b10"], "from 10")), (guests["f20"], frame(guests["f20"], "from 20")),
             (guests["d"], frame(guests["d"], "from none")),
             (guests["a10"], frame(guests["a10"], "for t alone", destination=colons(t.plan.mac)))]
    assert heard(hosts[0].ns.lab, {"t": t}, sends, [(guests["c20"], frame(guests["c20"], MARKER))]) == {
        "t": [("for t alone", "10"), ("from 10", "10"), ("from 20", "")]}
    hosts[0].do("Set-VMNetworkAdapterVlan", VMName="t", Trunk=True, AllowedVlanIdList="1-4094", NativeVlanId=0)
    shown = hosts[0].do("Get-VMNetworkAdapter", VMName="t")[0]["VlanSetting"]
    assert (shown["OperationMode"], shown["AllowedVlanIdListString"]) == ("Trunk", "1-4094")
    sends = [(t, frame(t, "in 10", 10)), (t, frame(t, "in none"))]
    assert heard(hosts[0].ns.lab, receivers, sends, end) == {
        "a10": [("in 10", "")], "e10": [("in 10", "")], "c20": [], "f20": [], "d": [("in none", "")], "g": [("in none", "")]}
    hosts[0].do("Set-VMNetworkAdapterVlan", VMName="t", Untagged=True)


def test_tags_of_guests_that_may_not(net):
    """An access port or an untagged one is in its one network: what it tags itself for another does not get there."""
    hosts, guests = net
    receivers = {name: guests[name] for name in ("b10", "c20", "d", "e10", "f20", "g")}
    sends = [(guests["a10"], frame(guests["a10"], "to 20", 20)), (guests["t"], frame(guests["t"], "to 10", 10))]
    end = [(guests[name], frame(guests[name], MARKER)) for name in ("a10", "e10", "c20", "f20", "d", "g")]
    with Dropped(hosts[0].daemon, hosts[0].port("a10"), VLAN_NOT_ALLOWED=1), \
            Dropped(hosts[0].daemon, hosts[0].port("t"), VLAN_NOT_ALLOWED=1):
        assert heard(hosts[0].ns.lab, receivers, sends, end) == {name: [] for name in receivers}


def test_management_os(net):
    """The host's own adapter, too; and the rest of the host stays where it was."""
    hosts, guests = net
    nic = hosts[0].do("Get-VMNetworkAdapter", ManagementOS=True, SwitchName="vswitch")[0]["InterfaceName"]
    hosts[0].ns.ip(f"addr add {MANAGEMENT}/24 dev {nic}")
    assert guests["d"].ping(MANAGEMENT)
    hosts[0].do("Set-VMNetworkAdapterVlan", ManagementOS=True, VMNetworkAdapterName="vswitch", Access=True, VlanId=10)
    for name in ("a10", "e10"):
        assert guests[name].ping(MANAGEMENT)
    for name in ("c20", "d", "g"):
        assert not guests[name].ping(MANAGEMENT, count=1)
    assert hosts[0].do("Get-VMNetworkAdapterVlan", ManagementOS=True)[0]["VlanList"] == "10"
    hosts[0].do("Set-VMNetworkAdapterVlan", ManagementOS=True, Untagged=True)
    assert guests["g"].ping(MANAGEMENT)
    hosts[0].ns.ip(f"addr del {MANAGEMENT}/24 dev {nic}")


def test_without_a_daemon(net):
    hosts, guests = net
    hosts[0].daemon.kill9()
    assert guests["a10"].ping(GUESTS["e10"][1]) and guests["d"].ping(GUESTS["g"][1])
    assert not guests["a10"].ping(GUESTS["c20"][1], count=1)
    hosts[0].daemon.start()


def test_a_virtual_subnet_excludes_a_vlan(net):
    """HN-12, both ways."""
    hosts, _guests = net
    with pytest.raises(CmdletError) as refused:
        hosts[0].do("Set-VMNetworkAdapter", VMName="a10", VirtualSubnetId=5010)
    assert refused.value.answer["errors"][0]["id"] == "Wnv.VlanAndVsid"
    hosts[0].do("Set-VMNetworkAdapter", VMName="t", VirtualSubnetId=5010)
    with pytest.raises(CmdletError) as refused:
        set_vlan(hosts[0], "t", 10)
    assert refused.value.answer["errors"][0]["id"] == "Wnv.VlanAndVsid"
    hosts[0].do("Set-VMNetworkAdapter", VMName="t", VirtualSubnetId=0)


def test_nobody_is_disturbed(net):
    """While VLANs come and go on their switch, two guests without one lose not a packet; with the last one gone, nothing is
    looked at any more."""
    hosts, guests = net
    assert kept_apart(hosts[0]) == 6
    ping = Process(*guests["d"].command("ping", "-n", "-q", "-i", "0.01", "-c", "300", GUESTS["g"][1]))
    for _ in range(3):
        for name in ("a10", "b10", "c20"):
            set_vlan(hosts[0], name, 0)
        assert kept_apart(hosts[0]) == 0
        for name in ("a10", "b10", "c20"):
            set_vlan(hosts[0], name, GUESTS[name][2])
        assert kept_apart(hosts[0]) == 6
    result = ping.wait(30)
    ping.close()
    assert " 300 received, 0% packet loss" in result.out
    assert guests["a10"].ping(GUESTS["e10"][1])


def test_a_new_port_is_in_its_vlan_from_the_start(net):
    """A machine that starts with its adapter in a VLAN, on a switch that keeps them apart already, and one without."""
    hosts, guests = net
    hosts[0].guest("new", start=False)
    set_vlan(hosts[0], "new", 20)
    new = hosts[0].start("new", "10.1.0.50")
    assert new.ping(GUESTS["f20"][1]) and not new.ping(GUESTS["a10"][1], count=1)
    set_vlan(hosts[0], "new", 0)
    assert wait_for(lambda: new.ping(GUESTS["g"][1]), 10, "the untagged network")
    assert not guests["c20"].ping("10.1.0.50", count=1)
    hosts[0].daemon.pipeline("Stop-VM new -TurnOff; Remove-VM new -Force")
