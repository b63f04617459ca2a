# SPDX-License-Identifier: Apache-2.0
"""What the cmdlets say of traffic: to the packet, at the right adapter, across restarts, and nothing of what is gone."""

import os
import re

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from fabric import Host
from frames import A_MAC, BROADCAST, OTHER_IP, OTHER_MAC, OTHER_PA, VSID, arp, nvgre, udp
from kit import Lab, underlay, wait_for
from labs import TOP, colons
from support import Wire, assert_settled, drops, health

PING_BYTES = 14 + 20 + 8 + 56
COUNTS = ("SentPackets", "SentBytes", "ReceivedPackets", "ReceivedBytes", "DroppedPackets")
ADAPTER = "Network Adapter"


def statistics(host, vm):
    """(the five counts, {reason: packets}) of a machine's only adapter."""
    (found,) = host.do("Get-VMNetworkAdapterStatistics", VMName=vm)
    reasons = {drop["Reason"]: drop["Packets"] for drop in found["Drops"]}
    assert found["DroppedPackets"] == sum(reasons.values())
    assert (found["VMName"], found["Name"], found["PortName"]) == (vm, ADAPTER, host.port(vm))
    return tuple(found[name] for name in COUNTS), reasons


def dropped(host, **filters):
    """{(adapter, reason): packets}"""
    return {(drop["Adapter"], drop["Reason"]): drop["Packets"] for drop in host.do("Get-NetVirtualizationStatistics", **filters)}


def growth(before, after):
    return {key: n - before.get(key, 0) for key, n in after.items() if n != before.get(key, 0)}


def wait_dropped(host, before, wanted):
    """Wait until as many more packets were dropped, and hold what was to the last packet."""
    wait_for(lambda: sum(growth(before, dropped(host)).values()) >= sum(wanted.values()), 10, f"drops {wanted}",
             lambda: f"seen: {growth(before, dropped(host))}")
    assert growth(before, dropped(host)) == wanted


def know_each_other(one, other):
    """No ARP from here on: it would be counted, too."""
    for guest, neighbour in ((one, other), (other, one)):
        mac = neighbour.run("ip", "-j", "link", "show", "eth0").json()[0]["address"]
        guest.run("ip", "neigh", "replace", neighbour.plan.address, "lladdr", mac, "dev", "eth0", "nud", "permanent")


@pytest.mark.parametrize("count", [1, 7])
def test_pings_between_hosts(pair, count):
    host1, host2 = pair.hosts
    know_each_other(pair.a, pair.b)
    before = statistics(host1, "a"), statistics(host2, "b")
    assert pair.a.ping("10.10.10.12", count=count)
    more = (count, count * PING_BYTES, count, count * PING_BYTES, 0)
    for (counts, reasons), (counts_before, reasons_before) in zip((statistics(host1, "a"), statistics(host2, "b")), before):
        assert tuple(now - then for now, then in zip(counts, counts_before)) == more
        assert reasons == reasons_before


def answer_to_nobody(source, target):
    """A frame that nothing is sent in return for."""
    macs = [guest.run("ip", "-j", "link", "show", "eth0").json()[0]["address"] for guest in (source, target)]
    return bytes(Ether(src=macs[0], dst=macs[1]) / IP(src=source.plan.address, dst=target.plan.address) / ICMP(type="echo-reply")
                 / Raw(bytes(100)))


def wait_growth(host, vm, before, wanted):
    """Wait until the machine's counts have grown, and hold all of them to it."""
    def grown():
        return tuple(now - then for now, then in zip(statistics(host, vm)[0], before))
    wait_for(lambda: sum(grown()) >= sum(wanted), 10, f"{vm} to have {wanted} more", lambda: f"seen: {grown()}")
    assert grown() == wanted


def test_one_way(pair):
    host1, host2 = pair.hosts
    frame = answer_to_nobody(pair.a, pair.b)
    sender, receiver = statistics(host1, "a")[0], statistics(host2, "b")[0]
    with Wire(pair.a, "eth0") as wire:
        wire.send(*[frame] * 6)
    wait_growth(host1, "a", sender, (6, 6 * len(frame), 0, 0, 0))
    wait_growth(host2, "b", receiver, (0, 0, 6, 6 * len(frame), 0))


# Frames of a, and why each is dropped: each reason has a number of its own.
FROM_GUEST = {
    "SOURCE_MAC_SPOOFED": [udp(src=OTHER_MAC)] * 3,
    "SOURCE_NOT_IN_POLICY": [udp(ip_src=OTHER_IP)] * 5,
    "DESTINATION_NOT_IN_POLICY": [udp(dst=OTHER_MAC)] * 7,
    "BROADCAST_OFF": [udp(dst=BROADCAST, ip_dst="255.255.255.255")] * 11,
    "ARP_UNKNOWN_TARGET": [arp(tpa=OTHER_IP)] * 13,
}


def test_drops_at_the_port(pair):
    host1, host2 = pair.hosts
    before, adapter = dropped(host1), statistics(host1, "a")
    others = dropped(host2), statistics(host2, "b")
    with Wire(pair.a, "eth0") as wire:
        for frames in FROM_GUEST.values():
            wire.send(*frames)
    wanted = {reason: len(frames) for reason, frames in FROM_GUEST.items()}
    wait_dropped(host1, before, {(f"a: {ADAPTER}", reason): n for reason, n in wanted.items()})
    counts, reasons = statistics(host1, "a")
    assert growth(adapter[1], reasons) == wanted
    # What is dropped was not sent.
    assert counts == (*adapter[0][:4], adapter[0][4] + sum(wanted.values()))
    assert (dropped(host2), statistics(host2, "b")) == others


def test_drops_at_the_uplink(pair):
    host1, host2 = pair.hosts
    macs = host1.ns.mac(underlay.UPLINK), host2.ns.mac(underlay.UPLINK)
    before, adapter = dropped(host2), statistics(host2, "b")
    with Wire(host1.ns, underlay.UPLINK) as wire:
        wire.send(*[nvgre(udp(), macs, src=OTHER_PA)] * 4)
        wire.send(*[nvgre(udp(), macs, vsid=1)] * 6)
    wait_dropped(host2, before, {(underlay.UPLINK, "WRONG_SOURCE_PA"): 4, (underlay.UPLINK, "VSID_RESERVED"): 6})
    assert statistics(host2, "b") == adapter


def test_as_the_maps_have_it(pair):
    """Rule and sentence are those of the one list, numbers those of the dataplane."""
    with open(os.path.join(TOP, "include", "nestor", "drop_reason.h"), encoding="utf-8") as file:
        listed = {name: (rule, sentence) for name, rule, sentence in re.findall(r'X\(\d+, (\w+), "(.*?)", "(.*?)"\)', file.read())}
    for host in pair.hosts:
        found = host.do("Get-NetVirtualizationStatistics")
        assert {(d["InterfaceName"], d["Reason"]): d["Packets"] for d in found} == drops(host.daemon) != {}
        assert all((d["Rule"], d["Description"]) == listed[d["Reason"]] for d in found)


def test_filters(pair):
    host = pair.hosts[0]
    everything = host.do("Get-NetVirtualizationStatistics")
    assert host.do("Get-NetVirtualizationStatistics", VMName="a") == [d for d in everything if d["VMName"] == "a"] != []
    assert host.do("Get-NetVirtualizationStatistics", Reason="source_*") == \
        [d for d in everything if d["Reason"].startswith("SOURCE_")] != []
    index = host.ns.link(host.port("a"))["ifindex"]
    assert host.do("Get-NetVirtualizationStatistics", InterfaceIndex=index) == [d for d in everything if d["VMName"] == "a"]


def test_shown(pair):
    """The default views: a row for each, its numbers in it."""
    host = pair.hosts[0]
    (counts, reasons) = statistics(host, "a")
    lines = host.daemon.pipeline("Get-VMNetworkAdapterStatistics a").out.split("\n")
    head = next(i for i, line in enumerate(lines) if line.startswith("VMName"))
    assert lines[head].split() == ["VMName", "Name", "VirtualSubnetId", "SentPackets", "ReceivedPackets", "DroppedPackets"]
    assert lines[head + 2].split() == ["a", *ADAPTER.split(), str(VSID), str(counts[0]), str(counts[2]), str(counts[4])]
    out = host.daemon.pipeline("Get-NetVirtualizationStatistics -Reason SOURCE_MAC_SPOOFED").out
    assert re.search(rf"a: {ADAPTER} +SOURCE_MAC_SPOOFED +{reasons['SOURCE_MAC_SPOOFED']} +NN-1 ", out), out
    found = host.daemon.objects("(Get-VMNetworkAdapterStatistics a).Drops | Where-Object Reason -eq SOURCE_MAC_SPOOFED")
    assert [drop["Packets"] for drop in found] == [reasons["SOURCE_MAC_SPOOFED"]]


@pytest.mark.parametrize("end", ["stop", "kill9"])
def test_counts_survive_the_daemon(pair, end):
    host = pair.hosts[0]
    know_each_other(pair.a, pair.b)
    before, drops_before = statistics(host, "a"), dropped(host)
    assert before[1] and drops_before
    getattr(host.daemon, end)()
    assert pair.a.ping("10.10.10.12", count=4)
    with Wire(pair.a, "eth0") as wire:
        wire.send(*[udp(src=OTHER_MAC)] * 2)
    host.daemon.start()
    wait_dropped(host, drops_before, {(f"a: {ADAPTER}", "SOURCE_MAC_SPOOFED"): 2})
    after = statistics(host, "a")
    assert tuple(now - then for now, then in zip(after[0], before[0])) == (4, 4 * PING_BYTES, 4, 4 * PING_BYTES, 2)


def test_a_removed_machines_counts_vanish(pair):
    host = pair.hosts[0]
    kept, reason = dropped(host), "SOURCE_NOT_IN_POLICY"
    guest = host.guest("c", OTHER_IP, "000000000099", VSID)
    counts, reasons = statistics(host, "c")
    # What a machine says by itself when it starts is dropped for other reasons.
    assert (counts[:4], reasons.get(reason, 0)) == ((0, 0, 0, 0), 0)
    with Wire(guest, "eth0") as wire:
        wire.send(*[udp(src=OTHER_MAC, ip_src=OTHER_IP)] * 5)
    wait_for(lambda: statistics(host, "c")[1].get(reason) == 5, 10, "5 drops of c")
    host.do("Stop-VM", Name="c", TurnOff=True)
    # Off: the adapter is there, its port and what it counted are not.
    assert statistics(host, "c") == ((0, 0, 0, 0, 0), {})
    assert dropped(host) == kept
    host.start("c", OTHER_IP)
    counts, reasons = statistics(host, "c")
    assert (counts[:4], reasons.get(reason, 0)) == ((0, 0, 0, 0), 0)
    host.do("Stop-VM", Name="c", TurnOff=True)
    host.do("Remove-VM", Name="c", Force=True)
    assert dropped(host) == kept
    assert [a["VMName"] for a in host.do("Get-VMNetworkAdapterStatistics", All=True) if a["VMName"]] == ["a"]


def test_not_connected(pair):
    """An adapter with a VSID that is on no switch, whether or not its port is in the dataplane: an answer, and no error."""
    host = pair.hosts[0]
    host.guest("c", vsid=VSID, switch=None)
    assert statistics(host, "c")[0][:4] == (0, 0, 0, 0)
    host.do("Stop-VM", Name="c", TurnOff=True)
    host.do("Remove-VM", Name="c", Force=True)


def test_summary(pair):
    host = pair.hosts[0]
    assert pair.a.ping("10.10.10.12")
    (found,) = host.do("Get-NetVirtualizationStatistics", Summary=True)
    account = health(host.daemon)
    names = ("Instance", "Uplinks", "LookupRecords", "CustomerRoutes", "ProviderAddresses", "ProviderRoutes", "NextHopsResolved",
             "NextHopsUnresolved", "DroppedPackets")
    assert {name: found[name] for name in names} == {
        "Instance": account["instance"], "Uplinks": 1, "LookupRecords": 2, "CustomerRoutes": 1, "ProviderAddresses": 1,
        "ProviderRoutes": 0, "NextHopsResolved": 1, "NextHopsUnresolved": 0, "DroppedPackets": sum(dropped(host).values())}
    assert found["Ports"] == len(host.do("Get-VMNetworkAdapter", All=True))
    reconcile = account["reconcile"]
    assert (found["LastPassFailures"], found["TotalWrites"]) == (reconcile["failures"], reconcile["totalWrites"])
    assert re.search(r"(?m)^NextHopsResolved +: 1$", host.daemon.pipeline("Get-NetVirtualizationStatistics -Summary").out)


# -- without a VSID

@pytest.fixture(scope="module", name="plain")
def _plain():
    """Two guests on a switch, no VSID, and an adapter of the host."""
    with Lab("nst") as lab:
        host = Host(lab.namespace("host"), "host")
        host.switch("int", nic=None, SwitchType="Internal")
        host.x = host.guest("x", "10.10.10.11", switch="int")
        host.y = host.guest("y", "10.10.10.12", switch="int")
        know_each_other(host.x, host.y)
        yield host
        assert_settled(host.daemon)


def test_pings_on_a_switch(plain):
    # The bridge learns where both are: what it floods to all ports is nobody's exact number.
    assert plain.x.ping("10.10.10.12")
    before = [statistics(plain, name)[0] for name in "xy"]
    assert plain.x.ping("10.10.10.12", count=9)
    for name, then in zip("xy", before):
        now = statistics(plain, name)[0]
        assert tuple(n - t for n, t in zip(now, then)) == (9, 9 * PING_BYTES, 9, 9 * PING_BYTES, 0)


def test_one_way_on_a_switch(plain):
    frame = answer_to_nobody(plain.x, plain.y)
    sender, receiver = statistics(plain, "x")[0], statistics(plain, "y")[0]
    with Wire(plain.x, "eth0") as wire:
        wire.send(*[frame] * 6)
    wait_growth(plain, "x", sender, (6, 6 * len(frame), 0, 0, 0))
    wait_growth(plain, "y", receiver, (0, 0, 6, 6 * len(frame), 0))


def test_spoofed_on_a_switch(plain):
    before = dropped(plain)
    with Wire(plain.y, "eth0") as wire:
        wire.send(*[udp(src=A_MAC)] * 8)
    wait_dropped(plain, before, {(f"y: {ADAPTER}", "SOURCE_MAC_SPOOFED"): 8})
    assert statistics(plain, "y")[1] == {"SOURCE_MAC_SPOOFED": 8}


def test_the_hosts_adapter(plain):
    """Its own side is the host's: what the host sends by it, it has sent."""
    def counts():
        (found,) = plain.do("Get-VMNetworkAdapterStatistics", ManagementOS=True)
        assert (found["VMName"], found["Name"], found["VirtualSubnetId"]) == (None, "int", 0)
        return tuple(found[name] for name in COUNTS)
    (adapter,) = plain.do("Get-VMNetworkAdapter", ManagementOS=True)
    plain.ns.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    with Wire(plain.ns, adapter["InterfaceName"]) as wire:
        before = counts()
        wire.send(*[udp(src=colons(adapter["MacAddress"]), dst=plain.x.run("ip", "-j", "link", "show", "eth0").json()[0]["address"],
                        ip_dst=OTHER_IP)] * 6)
        wait_for(lambda: counts()[0] >= before[0] + 6, 10, "6 frames of the host's adapter")
    assert tuple(now - then for now, then in zip(counts(), before)) == (6, 6 * len(udp()), 0, 0, 0)
