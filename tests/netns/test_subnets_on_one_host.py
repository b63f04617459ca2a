# SPDX-License-Identifier: Apache-2.0
"""Virtual subnets on one host, with policy: delivered here, never by the wire; and nothing leaks out of one."""

import pytest

from fabric import Host
from frames import FORBIDDEN, MARKER, udp
from kit import Capture, Lab, underlay
from labs import colons
from support import Dropped, Wire, assert_settled

PA = "214.214.51.42"
# name: (VSID, MAC, address, switch). 5010 and 5011 have policy, 5030 only isolates; the addresses are the same everywhere.
GUESTS = {
    "b1": (5010, "000000000011", "10.10.10.11", "vswitch"),
    "b2": (5010, "000000000012", "10.10.10.12", "vswitch"),
    "r1": (5011, "000000000021", "10.10.10.11", "vswitch"),
    "r2": (5011, "000000000022", "10.10.10.12", "vswitch"),
    "p1": (0, "000000000031", "10.10.10.11", "vswitch"),
    "p2": (0, "000000000032", "10.10.10.12", "vswitch"),
    "v1": (5030, "000000000041", "10.10.10.11", "vswitch"),
    "v2": (5030, "000000000042", "10.10.10.12", "vswitch"),
    "o1": (5030, "000000000051", "10.10.10.11", "other"),
    "o2": (5030, "000000000052", "10.10.10.12", "other"),
}
PAIRS = [(a, b) for a in GUESTS for b in GUESTS if a != b and GUESTS[a][0::3] == GUESTS[b][0::3]]
STRANGERS = [(a, b) for a in GUESTS for b in GUESTS if a[1] == "1" and b[1] == "2" and GUESTS[a][0::3] != GUESTS[b][0::3]]


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        ns, outside = lab.namespaces("host", "outside")
        underlay.veth(ns, outside)
        host = Host(ns, "host")
        host.switch()
        host.switch("other", nic=None, SwitchType="Private")
        host.provider(PA)
        for vsid in (5010, 5011):
            host.subnet(vsid, "10.10.10.0/24")
        for vsid, mac, address, _switch in GUESTS.values():
            if vsid in (5010, 5011):
                host.record(vsid, address, mac, PA)
        host.guests = {name: host.guest(name, address, mac, vsid, switch) for name, (vsid, mac, address, switch) in GUESTS.items()}
        yield host
        assert_settled(host.daemon)


def counts(net):
    return {name: guest.echo_requests() for name, guest in net.guests.items()}


@pytest.mark.parametrize("source, target", PAIRS)
def test_delivered_to_the_right_one(net, source, target):
    """The requests reach the guest of this virtual subnet, and no other guest that has the address."""
    before = counts(net)
    with Capture(net.ns, underlay.UPLINK) as wire:
        assert net.guests[source].ping(net.guests[target].plan.address)
    after = counts(net)
    assert {name for name in after if after[name] != before[name]} == {target}
    # A frame of a virtual subnet never leaves its host when the receiver is here; what is plain may ask everywhere.
    if GUESTS[source][0]:
        assert wire.packets("frame.number") == []


def frame(net, source, target, payload):
    sender, receiver = net.guests[source].plan, net.guests[target].plan
    return udp(payload, src=colons(sender.mac), dst=colons(receiver.mac), ip_src=sender.address, ip_dst=receiver.address)


@pytest.mark.parametrize("source, target", STRANGERS)
def test_never_delivered_to_another(net, source, target):
    """Not even when the sender knows the MAC."""
    neighbour = target[0] + "1"
    with Wire(net.guests[source], "eth0") as wire, Wire(net.guests[neighbour], "eth0") as marker, \
            Capture(net.guests[target].netns, "eth0", net.ns.lab.path(f"{source}-{target}.pcap")) as capture, \
            Capture(net.ns, underlay.UPLINK) as uplink:
        wire.send(frame(net, source, target, FORBIDDEN))
        marker.send(frame(net, neighbour, target, MARKER))
        capture.wait_packets("frame.number", filter=f"udp.payload == {MARKER.hex(':')}")
    for file in (capture.file, uplink.file):
        with open(file, "rb") as content:
            # A plain switch asks the uplink for a MAC that it does not know; a virtual subnet never does.
            assert FORBIDDEN not in content.read() or (file == uplink.file and source == "p1")


def test_policy_without_record(net):
    """A guest of the virtual subnet that the policy does not know neither sends nor receives (HN-14, HN-17)."""
    stranger = net.guest("stranger", "10.10.10.13", "000000000013", 5010)
    b2 = net.guests["b2"]
    with Wire(stranger, "eth0") as wire, Dropped(net.daemon, net.port("stranger"), SOURCE_NOT_IN_POLICY=2):
        wire.send(*[udp(src="00:00:00:00:00:13", dst=colons(b2.plan.mac), ip_src="10.10.10.13", ip_dst="10.10.10.12")] * 2)
    with Wire(b2, "eth0") as wire, Dropped(net.daemon, net.port("b2"), DESTINATION_NOT_IN_POLICY=1):
        wire.send(udp(src=colons(b2.plan.mac), dst="00:00:00:00:00:13", ip_src="10.10.10.12", ip_dst="10.10.10.13"))
    net.record(5010, "10.10.10.13", "000000000013", PA)
    assert stranger.ping("10.10.10.12")
    net.do("Remove-NetVirtualizationLookupRecord", MACAddress="000000000013")
    with Wire(stranger, "eth0") as wire, Dropped(net.daemon, net.port("stranger"), SOURCE_NOT_IN_POLICY=1):
        wire.send(udp(src="00:00:00:00:00:13", dst=colons(b2.plan.mac), ip_src="10.10.10.13", ip_dst="10.10.10.12"))


def test_a_guest_changes_its_virtual_subnet_live(net):
    """Out to the plain switch and back, while it runs."""
    b1, p2 = net.guests["b1"], net.guests["p2"]
    net.do("Stop-VM", Name="p1")
    net.do("Set-VMNetworkAdapter", VMName="b1", VirtualSubnetId=0)
    b1.run("ip", "neigh", "flush", "all")
    before = p2.echo_requests()
    assert b1.ping("10.10.10.12")
    assert p2.echo_requests() > before
    net.do("Set-VMNetworkAdapter", VMName="b1", VirtualSubnetId=5010)
    b1.run("ip", "neigh", "flush", "all")
    before = net.guests["b2"].echo_requests()
    assert b1.ping("10.10.10.12")
    assert net.guests["b2"].echo_requests() > before
    net.guests["p1"] = net.start("p1", GUESTS["p1"][2])


def test_unbound_network_virtualization_wipes_the_policy(net):
    """Disable-NetAdapterBinding of the last NIC: policy and provider addresses go, the virtual subnets only isolate."""
    net.do("Disable-NetAdapterBinding", Name="*", ComponentID="ms_netwnv")
    assert net.do("Get-NetVirtualizationLookupRecord") == []
    assert net.do("Get-NetVirtualizationProviderAddress") == []
    assert not [i for a in net.ns.ip_json("addr", "show") for i in a["addr_info"] if i["local"] == PA]
    before = counts(net)
    assert net.guests["b1"].ping("10.10.10.12")
    after = counts(net)
    assert {name for name in after if after[name] != before[name]} == {"b2"}
