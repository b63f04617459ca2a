# SPDX-License-Identifier: Apache-2.0
"""Distributed routing: three virtual subnets of one routing domain over two hosts, and a second tenant with the same addresses.

Sources: catalogue 2.4 (HN-4, HN-6, HN-9), 2.5, 2.6 (WG-5), transcripts T6 and T9.
"""

import contextlib
import re

import pytest

import frames
from fabric import PAS, two_hosts
from kit import Capture, CmdletError, Lab, Process, underlay, wait_for
from labs import PINGS
from support import Dropped, Wire, assert_settled, dump, total_writes

BLUE, RED = "{11111111-2222-3333-4444-000000000001}", "{11111111-2222-3333-4444-000000000002}"
T6 = "{11111111-2222-3333-4444-000000000000}"
DUMMY = "169.254.254.254"
# Name, tenant, virtual subnet, host, address. Red has blue's addresses, and one subnet less.
PLANS = (
    ("b1a", BLUE, 5001, 0, "10.0.1.11"),
    ("b1b", BLUE, 5001, 1, "10.0.1.12"),
    ("b2a", BLUE, 5002, 0, "10.0.2.11"),
    ("b2b", BLUE, 5002, 1, "10.0.2.12"),
    ("b3b", BLUE, 5003, 1, "10.0.3.12"),
    ("r1a", RED, 6001, 0, "10.0.1.11"),
    ("r2b", RED, 6002, 1, "10.0.2.12"),
    ("r2a", RED, 6002, 0, "10.0.2.13"),
)
SUBNETS = {BLUE: (5001, 5002, 5003), RED: (6001, 6002)}


def mac_of(vsid, last):
    return f"00{vsid:04d}0000{last:02d}"


def router_mac(vsid):
    return mac_of(vsid, 1)


def network(vsid):
    return f"10.0.{vsid % 10}"


def colons(mac):
    return ":".join(re.findall("..", mac.lower()))


def last(address):
    return int(address.rpartition(".")[2])


class Routed:
    """The two hosts, all policy on both, and the guests by name."""

    def __init__(self, lab):
        self.hosts = two_hosts(lab)
        for host in self.hosts:
            self.policy(host)
        self.guests = {}
        for name, _tenant, vsid, where, address in PLANS:
            guest = self.hosts[where].guest(name, address, mac_of(vsid, last(address)), vsid)
            guest.run("ip", "route", "add", "default", "via", f"{network(vsid)}.1")
            self.guests[name] = guest

    @staticmethod
    def policy(host):
        for tenant, vsids in SUBNETS.items():
            for vsid in vsids:
                host.do("New-NetVirtualizationCustomerRoute", RoutingDomainID=tenant, VirtualSubnetID=vsid,
                        DestinationPrefix=f"{network(vsid)}.0/24", NextHop="0.0.0.0", Metric=255)
                host.record(vsid, f"{network(vsid)}.1", router_mac(vsid), DUMMY)
        for _name, _tenant, vsid, where, address in PLANS:
            host.record(vsid, address, mac_of(vsid, last(address)), PAS[where])

    def dropped(self, name, **reasons):
        """These drops, and no others, at the port of a guest."""
        host = next(self.hosts[where] for guest, _tenant, _vsid, where, _address in PLANS if guest == name)
        return Dropped(host.daemon, host.port(name), **reasons)


@pytest.fixture(scope="module", name="routed")
def _routed():
    with Lab("nst") as lab:
        routed = Routed(lab)
        yield routed
        for host in routed.hosts:
            assert_settled(host.daemon)


def test_who_reaches_whom(routed):
    """Each machine reaches those of its tenant, in whichever subnet and on whichever host; nobody else ever hears of it."""
    wrong = []
    for name, tenant, _vsid, _where, _address in PLANS:
        for address in sorted({plan[4] for plan in PLANS} - {_address}):
            owners = {plan[0] for plan in PLANS if plan[1] == tenant and plan[4] == address}
            before = {n: g.echo_requests() for n, g in routed.guests.items()}
            answered = routed.guests[name].ping(address)
            heard = {n for n, g in routed.guests.items() if g.echo_requests() != before[n]}
            if answered != bool(owners) or heard != owners:
                wrong.append((name, address, answered, heard, owners))
    assert wrong == []


def test_wire(routed):
    """The wire carries the destination's subnet; inside, its router sends, and the time to live is one less."""
    b1a = routed.guests["b1a"]
    with Capture(routed.hosts[0].ns, underlay.UPLINK) as capture:
        assert b1a.ping("10.0.2.12")
    fields = ("eth.src", "eth.dst", "ip.src", "ip.dst", "ip.ttl", "gre.key", "ip.checksum.status", "icmp.checksum.status")
    found = capture.packets(*fields, filter="icmp.type == 8", preferences=["ip.check_checksum:TRUE"])
    assert len(found) == PINGS
    for packet in found:
        assert int(packet["gre.key"][0], 16) >> 8 == 5002
        assert (packet["eth.src"][1], packet["eth.dst"][1]) == (colons(router_mac(5002)), colons(mac_of(5002, 12)))
        assert (packet["ip.src"], packet["ip.dst"]) == ([PAS[0], "10.0.1.11"], [PAS[1], "10.0.2.12"])
        assert [int(ttl) for ttl in packet["ip.ttl"]] == [64, 63]
        assert set(packet["ip.checksum.status"] + packet["icmp.checksum.status"]) == {"1"}
    back = capture.packets(*fields, filter="icmp.type == 0")
    assert [int(packet["gre.key"][0], 16) >> 8 for packet in back] == [5001] * PINGS
    assert capture.packets("frame.number", filter="_ws.malformed") == []


def test_same_host_without_the_wire(routed):
    with Capture(routed.hosts[0].ns, underlay.UPLINK) as capture:
        assert routed.guests["b1a"].ping("10.0.2.11")
        assert routed.guests["b2a"].ping("10.0.1.11")
    assert capture.packets("frame.number", filter="icmp || gre") == []


def hops(guest, address, most=4):
    """Who answers for each time to live, as traceroute asks; the last is the one that has the address."""
    found = []
    for ttl in range(1, most + 1):
        out = guest.run("ping", "-n", "-c", 1, "-W", 1, "-t", ttl, address, check=False).out
        found += re.findall(r"^From (\S+) icmp_seq=1 Time to live exceeded|^\d+ bytes from (\S+):", out, re.M)
        if found and found[-1][1]:
            break
    return [a or b for a, b in found]


@pytest.mark.parametrize("source, address, expected", [
    ("b1a", "10.0.3.12", ["10.0.1.1", "10.0.3.12"]), ("b1a", "10.0.2.11", ["10.0.1.1", "10.0.2.11"]),
    ("b3b", "10.0.1.11", ["10.0.3.1", "10.0.1.11"]), ("b1a", "10.0.1.12", ["10.0.1.12"]),
    ("r1a", "10.0.2.12", ["10.0.1.1", "10.0.2.12"])])
def test_traceroute(routed, source, address, expected):
    assert hops(routed.guests[source], address) == expected


@pytest.mark.parametrize("source, router", [("b1a", "10.0.1.1"), ("b1a", "10.0.2.1"), ("b3b", "10.0.3.1"), ("r1a", "10.0.1.1")])
def test_router_answers_arp_alone(routed, source, router):
    """HN-4: no answer to ping; the check is arp -a."""
    guest = routed.guests[source]
    with routed.dropped(source, ROUTER_ADDRESS=PINGS):
        assert not guest.ping(router)
    vsid = next(plan[2] for plan in PLANS if plan[0] == source)
    neighbours = guest.run("ip", "neigh", "show", f"{network(vsid)}.1").out
    assert f"lladdr {colons(router_mac(vsid))} " in neighbours


def test_reasons(routed):
    b1a, r1a = routed.guests["b1a"], routed.guests["r1a"]
    with routed.dropped("b1a", NO_ROUTE=PINGS):
        assert not b1a.ping("8.8.8.8")
    with routed.dropped("b1a", NO_NEXT_HOP_RECORD=PINGS):
        assert not b1a.ping("10.0.3.99")
    with routed.dropped("r1a", NO_ROUTE=PINGS):
        assert not r1a.ping("10.0.3.12")
    with routed.dropped("b1a", TTL_EXCEEDED=1):
        b1a.run("ping", "-n", "-c", 1, "-W", 1, "-t", 1, "10.0.3.12", check=False)


def test_only_the_domains_own_records_may_be_routed_from(routed):
    """As another host would send it: a tenant's packet into a subnet of the other."""
    macs = [host.ns.mac(underlay.UPLINK) for host in routed.hosts]
    b1a, r1a = routed.guests["b1a"], routed.guests["r1a"]

    def frame(vsid, ip_src):
        inner = frames.udp(src=colons(router_mac(vsid)), dst=colons(mac_of(vsid, 11)), ip_src=ip_src, ip_dst="10.0.1.11")
        return frames.nvgre(inner, (macs[1], macs[0]), vsid=vsid, src=PAS[1], dst=PAS[0])

    with Wire(routed.hosts[1].ns, underlay.UPLINK) as wire:
        for vsid, source in ((6001, "10.0.3.12"), (6001, "10.0.2.13"), (5001, "10.0.2.13"), (5001, "10.0.2.11")):
            with Dropped(routed.hosts[0].daemon, underlay.UPLINK, ROUTED_SOURCE_UNKNOWN=1):
                wire.send(frame(vsid, source))
        for guest, vsid, source in ((b1a, 5001, "10.0.3.12"), (r1a, 6001, "10.0.2.12")):
            with Capture(guest.netns, "eth0", routed.hosts[0].ns.lab.path(f"routed-{vsid}.pcap")) as capture:
                wire.send(frame(vsid, source))
                capture.wait_packets("frame.number", filter=f"ip.src == {source} && udp.dstport == 9 && !icmp")


def test_too_big(routed):
    """T9: 1459 to 1500 bytes with DF are answered with the MTU that fits, by the router; also to the same subnet."""
    b1a = routed.guests["b1a"]
    try:
        b1a.run("ip", "link", "set", "eth0", "mtu", 1500)
        for size, address in ((1459, "10.0.2.12"), (1500, "10.0.3.12"), (1500, "10.0.1.12")):
            out = b1a.run("ping", "-n", "-c", 1, "-W", 2, "-M", "do", "-s", size - 28, address, check=False).out
            assert "From 10.0.1.1 icmp_seq=1 Frag needed and DF set (mtu = 1458)" in out, out
            assert "mtu 1458" in b1a.run("ip", "route", "get", address).out
            # the stack has learnt it
            assert b1a.ping_size(address, 1458)
            assert not b1a.ping_size(address, 1459)
        # on this host there is no path that is too narrow: nobody is told anything
        assert b1a.run("ip", "route", "get", "10.0.2.11").out.count("mtu 1458") == 0
    finally:
        b1a.run("ip", "link", "set", "eth0", "mtu", 1458)
        b1a.run("ip", "route", "flush", "cache")
    assert b1a.ping("10.0.2.12")


@pytest.mark.parametrize("target", ["b2b", "b2a"])
def test_large_segments(routed, target):
    """A stream whose packets the kernel keeps large, routed to the other host and to this one."""
    source, guest = routed.guests["b1a"], routed.guests[target]
    with contextlib.closing(Process(*guest.command("iperf3", "-s", "-1", "-p", 5300))) as server:
        wait_for(lambda: ":5300 " in guest.run("ss", "-ltn").out, 10, "iperf3 to listen")
        assert "iperf Done." in source.run("iperf3", "-c", guest.plan.address, "-p", 5300, "-n", "100M").out
        server.wait(30)


def test_external_router(routed):
    """UseExternalRouter: the distributed router routes nothing; within the subnet everything is as before."""
    b1a = routed.guests["b1a"]
    tables = [[dump(host.daemon, name) for name in ("routes", "subnets", "sources")] for host in routed.hosts]
    assert all(all(table) for table in tables)
    for host in routed.hosts:
        host.do("Set-NetVirtualizationGlobal", UseExternalRouter=True)
        assert [dump(host.daemon, name) for name in ("routes", "subnets", "sources")] == [[], [], []]
    with routed.dropped("b1a", DESTINATION_NOT_IN_POLICY=PINGS):
        assert not b1a.ping("10.0.2.12")
    assert b1a.ping("10.0.1.12")
    for host in routed.hosts:
        host.do("Set-NetVirtualizationGlobal", UseExternalRouter=False)
    assert b1a.ping("10.0.2.12")


def test_next_hop_route(routed):
    """A machine of the tenant as next hop: it gets what nobody else has, at whatever subnet the sender is."""
    b1a, b3b = routed.guests["b1a"], routed.guests["b3b"]
    b3b.run("ip", "addr", "add", "8.8.8.8/32", "dev", "lo")
    for host in routed.hosts:
        host.do("New-NetVirtualizationCustomerRoute", RoutingDomainID=BLUE, VirtualSubnetID=5003, DestinationPrefix="0.0.0.0/0",
                NextHop="10.0.3.12", Metric=255)
    before = b3b.echo_requests()
    # The answer's source is nobody's record: it takes a wildcard record of the gateway (HN-7).
    with Dropped(routed.hosts[1].daemon, routed.hosts[1].port("b3b"), SOURCE_NOT_IN_POLICY=PINGS):
        assert not b1a.ping("8.8.8.8")
    assert b3b.echo_requests() == before + PINGS
    for host in routed.hosts:
        host.do("New-NetVirtualizationLookupRecord", VirtualSubnetID=5003, CustomerAddress="0.0.0.0", MACAddress=mac_of(5003, 12),
                ProviderAddress=PAS[1], Rule="TranslationMethodEncap", Type="GatewayWildcard")
    assert b1a.ping("8.8.8.8")
    assert routed.guests["b2b"].ping("8.8.8.8")
    assert not routed.guests["r1a"].ping("8.8.8.8")
    for host in routed.hosts:
        assert host.do("Select-NetVirtualizationNextHop", SourceVirtualSubnetID=5001, SourceCustomerAddress="10.0.1.11",
                       DestinationCustomerAddress="8.8.8.8")[0]["NextHopAddress"] == "10.0.3.12"
        host.do("Remove-NetVirtualizationCustomerRoute", DestinationPrefix="0.0.0.0/0")
        host.do("Remove-NetVirtualizationLookupRecord", CustomerAddress="0.0.0.0")
    with routed.dropped("b1a", NO_ROUTE=PINGS):
        assert not b1a.ping("8.8.8.8")


def test_gateway_policy_resolves(routed):
    """T6."""
    host = routed.hosts[0]
    for vsid, ca, mac, pa in ((6000, "10.0.0.5", "101010101105", "192.168.4.11"), (6000, "10.0.0.7", "101010101107", "192.168.4.22"),
                              (6000, "10.0.0.1", "101010101101", DUMMY), (5000, "10.0.1.2", "101010101002", "192.168.4.103"),
                              (5000, "10.0.1.1", "101010101001", DUMMY)):
        host.record(vsid, ca, mac, pa)
    host.do("New-NetVirtualizationLookupRecord", VirtualSubnetID=5000, CustomerAddress="0.0.0.0", MACAddress="101010101002",
            ProviderAddress="192.168.4.103", Rule="TranslationMethodEncap", Type="GatewayWildcard")
    for vsid, prefix, hop in ((6000, "10.0.0.0/24", "0.0.0.0"), (5000, "10.0.1.0/24", "0.0.0.0"), (5000, "0.0.0.0/0", "10.0.1.2")):
        host.do("New-NetVirtualizationCustomerRoute", RoutingDomainID=T6, VirtualSubnetID=vsid, DestinationPrefix=prefix, NextHop=hop,
                Metric=255)

    def select(vsid, to):
        found = host.do("Select-NetVirtualizationNextHop", SourceVirtualSubnetID=vsid, DestinationCustomerAddress=to)[0]
        return found["NextHopAddress"], found["NextHopMACAddress"]

    assert select(6000, "10.0.0.7") == ("10.0.0.7", "101010101107")
    assert select(6000, "10.0.1.2") == ("10.0.1.2", "101010101002")
    assert select(6000, "8.8.8.8") == ("10.0.1.2", "101010101002")
    assert select(5000, "10.0.0.7") == ("10.0.0.7", "101010101107")
    with pytest.raises(CmdletError):
        select(6000, "10.0.0.99")
    for vsid in (5000, 6000):
        host.do("Remove-NetVirtualizationLookupRecord", VirtualSubnetID=vsid)
        host.do("Remove-NetVirtualizationCustomerRoute", VirtualSubnetID=vsid)


def test_restart_writes_nothing_and_routes_on(routed):
    tables = ("routes", "subnets", "sources", "ports")
    before = [[dump(host.daemon, name) for name in tables] for host in routed.hosts]
    for host in routed.hosts:
        host.daemon.kill9()
    assert routed.guests["b1a"].ping("10.0.3.12")
    assert routed.guests["b3b"].ping("10.0.2.11")
    for host in routed.hosts:
        host.daemon.start()
        assert total_writes(host.daemon) == 0
    assert [[dump(host.daemon, name) for name in tables] for host in routed.hosts] == before
