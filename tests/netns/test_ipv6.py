# SPDX-License-Identifier: Apache-2.0
"""IPv6 customer addresses: real guests of two tenants over two hosts, dual stack in every virtual subnet, routed and not.

Sources: catalogue 2.4 (HN-3, HN-4, HN-7, HN-9), 2.5, 2.6 (WG-5), NN-3; RFC 4443, 4861, 4862.
"""

import json
import os
import re
import socket
from types import SimpleNamespace

import pytest
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6NDOptDstLLAddr,
                                ICMPv6NDOptSrcLLAddr, IPv6, UDP)
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import frames
from fabric import PAS, two_hosts
from kit import Capture, Lab, Process, underlay, wait_for
from labs import PINGS
from support import Dropped, Wire, assert_settled, drops
from test_segments import SO_RCVBUFFORCE, TOTAL, UDP_SEGMENT, counters, socket_in, transfer

BLUE, RED = "{11111111-2222-3333-4444-000000000001}", "{11111111-2222-3333-4444-000000000002}"
DUMMY = "169.254.254.254"
# Name, tenant, virtual subnet, host, last digits of both addresses. Red has blue's addresses.
PLANS = (
    ("b1a", BLUE, 5001, 0, 11), ("b1b", BLUE, 5001, 1, 12), ("b2a", BLUE, 5002, 0, 11), ("b2b", BLUE, 5002, 1, 12),
    ("r1a", RED, 6001, 0, 11), ("r1b", RED, 6001, 1, 12), ("r1c", RED, 6001, 1, 13),
)
SUBNETS = {BLUE: (5001, 5002), RED: (6001,)}
# A machine with an IPv4 record alone.
FOUR = ("four", BLUE, 5001, 1, 14)


def mac_of(vsid, last):
    return f"00{vsid:04d}0000{last:02d}"


def colons(mac):
    return ":".join(re.findall("..", mac.lower()))


def v4(vsid, last):
    return f"10.0.{vsid % 10}.{last}"


def v6(vsid, last):
    return f"2001:db8:{vsid % 10}::{last}"


def link_local(vsid, last):
    b = bytes.fromhex(mac_of(vsid, last))
    text = f"fe80::{b[0] ^ 2:02x}{b[1]:02x}:{b[2]:02x}ff:fe{b[3]:02x}:{b[4]:02x}{b[5]:02x}"
    return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text))


class DroppedHere(Dropped):
    """Without what a guest says for its own reasons and at its own times: it repeats its reports about multicast."""

    def _here(self):
        return {reason: n for reason, n in super()._here().items() if reason != "MLD"}


class Fabric:
    """The two hosts, all policy on both, and the guests by name."""

    def __init__(self, lab, kind):
        self.kind = kind
        self.hosts = two_hosts(lab, kind)
        for host in self.hosts:
            self.policy(host)
        self.guests = {}
        for name, _tenant, vsid, where, last in (*PLANS, FOUR):
            guest = self.hosts[where].guest(name, v4(vsid, last), mac_of(vsid, last), vsid, address6=v6(vsid, last))
            guest.run("ip", "route", "add", "default", "via", v4(vsid, 1))
            guest.run("ip", "-6", "route", "add", "default", "via", v6(vsid, 1))
            self.guests[name] = guest
        for guest in self.guests.values():
            wait_for(lambda guest=guest: not any("tentative" in a["flags"] for a in addresses(guest)), 15, f"addresses of {guest.name}")

    @staticmethod
    def policy(host):
        for tenant, vsids in SUBNETS.items():
            for vsid in vsids:
                for prefix, hop, router in ((f"{v4(vsid, 0)}/24", "0.0.0.0", v4(vsid, 1)), (f"{v6(vsid, 0)}/64", "::", v6(vsid, 1))):
                    host.do("New-NetVirtualizationCustomerRoute", RoutingDomainID=tenant, VirtualSubnetID=vsid,
                            DestinationPrefix=prefix, NextHop=hop, Metric=255)
                    host.record(vsid, router, mac_of(vsid, 1), DUMMY)
        for _name, _tenant, vsid, where, last in PLANS:
            host.record(vsid, v4(vsid, last), mac_of(vsid, last), PAS[where])
            host.record(vsid, v6(vsid, last), mac_of(vsid, last), PAS[where])
        _name, _tenant, vsid, where, last = FOUR
        host.record(vsid, v4(vsid, last), mac_of(vsid, last), PAS[where])

    def pair(self, a, b):
        return SimpleNamespace(a=self.guests[a], b=self.guests[b])

    def host_of(self, name):
        return next(self.hosts[plan[3]] for plan in (*PLANS, FOUR) if plan[0] == name)

    def dropped(self, name, **reasons):
        """These drops, and no others, at the port of a guest."""
        host = self.host_of(name)
        return DroppedHere(host.daemon, host.port(name), **reasons)

    def drops_at(self, name):
        host = self.host_of(name)
        port = host.port(name)
        return {reason: n for (where, reason), n in drops(host.daemon).items() if where == port}


def addresses(guest):
    """IPv6 addresses of eth0, with their flags."""
    found = json.loads(guest.run("ip", "-j", "-6", "addr", "show", "dev", "eth0").out)
    return [{"local": a["local"], "scope": a["scope"], "flags": [k for k, v in a.items() if v is True]}
            for link in found for a in link.get("addr_info", [])]


def neighbours(guest):
    return {n["dst"]: n for n in json.loads(guest.run("ip", "-j", "-6", "neigh", "show", "dev", "eth0").out or "[]")}


def echo_requests(guest):
    with open(f"/proc/{guest.pid}/net/snmp6", encoding="ascii") as file:
        return int(dict(line.split() for line in file)["Icmp6InEchos"])


def bad(pair):
    """What the two guests have received that was wrong: checksums above all."""
    now = counters(pair.a.pid, pair.b.pid)
    sums = {name: now.get(name, 0) for name in ("TcpInErrs", "TcpExtTCPBadCsum", "TcpInCsumErrors")}
    for guest in (pair.a, pair.b):
        with open(f"/proc/{guest.pid}/net/snmp6", encoding="ascii") as file:
            for name, value in (line.split() for line in file):
                if name in ("Ip6InHdrErrors", "Udp6InCsumErrors", "Icmp6InErrors", "Icmp6InCsumErrors"):
                    sums[name] = sums.get(name, 0) + int(value)
    return sums


@pytest.fixture(scope="module", name="fabric", params=["veth", "cable"])
def _fabric(request):
    with Lab("nst") as lab:
        fabric = Fabric(lab, request.param)
        yield fabric
        for host in fabric.hosts:
            assert_settled(host.daemon)


def test_addresses_are_the_guests(fabric):
    """Duplicate address detection comes to its end: nobody else has the addresses, and the guest may use them."""
    for name, _tenant, vsid, _where, last in PLANS:
        found = addresses(fabric.guests[name])
        assert {a["local"] for a in found} == {v6(vsid, last), link_local(vsid, last)}
        for address in found:
            assert not {"tentative", "dadfailed"} & set(address["flags"]), address
        assert fabric.drops_at(name)["ND_OWN_ADDRESS"] >= 2


def test_duplicate_address_is_noticed(fabric):
    """RFC 4862 5.4: the address of a machine on another host, of one on this host, of the router."""
    guest = fabric.guests["r1b"]
    for address in (v6(6001, 11), v6(6001, 13), v6(6001, 1)):
        guest.run("ip", "addr", "add", f"{address}/64", "dev", "eth0")
        wait_for(lambda address=address: any(a["local"] == address and "dadfailed" in a["flags"] for a in addresses(guest)), 10,
                 f"{address} to be found a duplicate", lambda: addresses(guest))
        guest.run("ip", "addr", "del", f"{address}/64", "dev", "eth0")


def test_who_reaches_whom(fabric):
    """Each machine reaches those of its tenant, in whichever subnet and on whichever host; nobody else ever hears of it."""
    wrong = []
    for name, tenant, vsid, _where, last in PLANS:
        for address in sorted({v6(plan[2], plan[4]) for plan in PLANS} - {v6(vsid, last)}):
            owners = {plan[0] for plan in PLANS if plan[1] == tenant and v6(plan[2], plan[4]) == address}
            before = {n: echo_requests(g) for n, g in fabric.guests.items()}
            answered = fabric.guests[name].ping(address)
            heard = {n for n, g in fabric.guests.items() if echo_requests(g) != before[n]}
            if answered != bool(owners) or heard != owners:
                wrong.append((name, address, answered, heard, owners))
    assert wrong == []


def test_both_families_at_once(fabric):
    """All pairs of blue's machines, by both families at the same time."""
    blue = [plan for plan in PLANS if plan[1] == BLUE]
    pings = [Process(*fabric.guests[a[0]].ping_command(address(b[2], b[4]), count=10))
             for a in blue for b in blue if a is not b for address in (v4, v6)]
    done = [ping.wait(30, check=False) for ping in pings]
    for ping in pings:
        ping.close()
    assert [d.out for d in done if " 10 received" not in d.out] == []


def test_link_local(fabric):
    """Without a record: by the MAC address that makes it, where its machine has another IPv6 address."""
    b1a = fabric.guests["b1a"]
    assert b1a.ping(link_local(5001, 12))
    assert neighbours(b1a)[link_local(5001, 12)]["lladdr"] == colons(mac_of(5001, 12))
    assert not b1a.ping(link_local(5001, 14))
    assert fabric.guests["r1b"].ping(link_local(6001, 13))


def test_discovery_stays_on_its_host(fabric):
    """On the wire is what was asked for, and nothing that asks whose an address is."""
    for guest in fabric.guests.values():
        guest.run("ip", "neigh", "flush", "all")
    with Capture(fabric.hosts[1].ns, underlay.UPLINK) as capture:
        assert fabric.guests["b1b"].ping(v6(5001, 11))
        assert fabric.guests["r1b"].ping(v6(6001, 11))
        assert fabric.guests["b2b"].ping(v6(5001, 11))
        capture.wait_packets("frame.number", filter="icmpv6.type == 128", count=3 * PINGS)
    assert capture.packets("frame.number", filter="icmpv6.type != 128 && icmpv6.type != 129") == []
    assert capture.packets("frame.number", filter="_ws.malformed") == []


def test_wire(fabric):
    """Routed: the wire carries the destination's subnet; inside, its router sends, and the hop limit is one less."""
    with Capture(fabric.hosts[1].ns, underlay.UPLINK) as capture:
        assert fabric.guests["b1b"].ping(v6(5002, 11))
        fields = ("eth.src", "eth.dst", "ipv6.src", "ipv6.dst", "ipv6.hlim", "gre.key", "icmpv6.checksum.status")
        found = capture.wait_packets(*fields, filter="icmpv6.type == 128", count=PINGS)
    assert len(found) == PINGS
    for packet in found:
        assert int(packet["gre.key"][0], 16) >> 8 == 5002
        assert (packet["eth.src"][1], packet["eth.dst"][1]) == (colons(mac_of(5002, 1)), colons(mac_of(5002, 11)))
        assert (packet["ipv6.src"], packet["ipv6.dst"], packet["ipv6.hlim"]) == ([v6(5001, 12)], [v6(5002, 11)], ["63"])
        assert packet["icmpv6.checksum.status"] == ["1"]


def hops(guest, address, most=4):
    """Who answers for each hop limit, as traceroute asks; the last is the one that has the address."""
    found = []
    for limit in range(1, most + 1):
        out = guest.run("ping", "-6", "-n", "-c", 1, "-W", 1, "-t", limit, address, check=False).out
        found += re.findall(r"^From (\S+) icmp_seq=1 Time exceeded: Hop limit|^\d+ bytes from (\S+):", out, re.M)
        if found and found[-1][1]:
            break
    return [a or b for a, b in found]


@pytest.mark.parametrize("source, target, expected", [
    ("b1a", (5002, 12), [(5001, 1), (5002, 12)]), ("b1a", (5002, 11), [(5001, 1), (5002, 11)]),
    ("b2b", (5001, 11), [(5002, 1), (5001, 11)]), ("b1a", (5001, 12), [(5001, 12)]), ("r1b", (6001, 13), [(6001, 13)])])
def test_traceroute(fabric, source, target, expected):
    assert hops(fabric.guests[source], v6(*target)) == [v6(*hop) for hop in expected]


def test_traceroute_program(fabric):
    """One that knows nothing of these tests: UDP, three probes a hop, and port unreachable from the end."""
    out = fabric.guests["b1a"].run("traceroute", "-6", "-n", "-w", 2, v6(5002, 12)).out
    found = re.findall(r"^ *(\d+) +(\S+) ", out, re.M)
    assert found == [("1", v6(5001, 1)), ("2", v6(5002, 12))], out


def test_router_is_known_and_silent(fabric):
    """HN-4: it answers neighbour solicitations, as a router, and no ping."""
    guest = fabric.guests["b1a"]
    for router in (v6(5001, 1), v6(5002, 1)):
        with fabric.dropped("b1a", ROUTER_ADDRESS=PINGS):
            assert not guest.ping(router)
    entry = neighbours(guest)[v6(5001, 1)]
    assert entry["lladdr"] == colons(mac_of(5001, 1))
    assert "router" in entry


def test_reasons(fabric):
    b1a, r1b = fabric.guests["b1a"], fabric.guests["r1b"]
    with fabric.dropped("b1a", NO_ROUTE=PINGS):
        assert not b1a.ping("2620:0:2d0:200::8")
    with fabric.dropped("b1a", NO_NEXT_HOP_RECORD=PINGS):
        assert not b1a.ping(v6(5002, 99))
    with fabric.dropped("r1b", NO_ROUTE=PINGS):
        assert not r1b.ping(v6(5002, 12))
    with fabric.dropped("b1a", TTL_EXCEEDED=1):
        b1a.run("ping", "-6", "-n", "-c", 1, "-W", 1, "-t", 1, v6(5002, 12), check=False)
    b1a.run("ip", "-6", "neigh", "add", v6(5001, 77), "lladdr", "00:00:00:00:00:77", "dev", "eth0")
    with fabric.dropped("b1a", DESTINATION_NOT_IN_POLICY=PINGS):
        assert not b1a.ping(v6(5001, 77))
    b1a.run("ip", "-6", "neigh", "del", v6(5001, 77), "dev", "eth0")


def icmp6(payload, **ip):
    return Ether(src=colons(mac_of(5001, 11)), dst=colons(mac_of(5001, 12))) / IPv6(src=v6(5001, 11), dst=v6(5001, 12), **ip) / payload


MINE, THEIRS = colons(mac_of(5001, 11)), colons(mac_of(5001, 12))


@pytest.mark.parametrize("reason, frame", [
    ("SOURCE_NOT_IN_POLICY", Ether(src=MINE, dst=THEIRS) / IPv6(src=v6(5001, 12), dst=v6(5001, 12)) / ICMPv6EchoRequest()),
    ("SOURCE_NOT_IN_POLICY", Ether(src=MINE, dst=THEIRS) / IPv6(src=link_local(5001, 12), dst=v6(5001, 12)) / ICMPv6EchoRequest()),
    ("ND_ADVERTISEMENT", icmp6(ICMPv6ND_NA(tgt=v6(5001, 11)) / ICMPv6NDOptDstLLAddr(lladdr=MINE), hlim=255)),
    ("ND_SPOOFED", icmp6(ICMPv6ND_NA(tgt=v6(5001, 11)) / ICMPv6NDOptDstLLAddr(lladdr=THEIRS), hlim=255)),
    ("ND_SPOOFED", icmp6(ICMPv6ND_NS(tgt=v6(5001, 12)) / ICMPv6NDOptSrcLLAddr(lladdr=THEIRS), hlim=255)),
    ("ND_MALFORMED", icmp6(ICMPv6ND_NS(tgt=v6(5001, 12)), hlim=64)),
    ("ND_FROM_NO_ROUTER", icmp6(ICMPv6ND_RA(), hlim=255)),
    ("ROUTED_LINK_LOCAL", Ether(src=MINE, dst=colons(mac_of(5001, 1))) / IPv6(src=link_local(5001, 11), dst=v6(5002, 12))
     / ICMPv6EchoRequest()),
])
def test_what_a_guest_may_not_say(fabric, reason, frame):
    heard = {name: echo_requests(fabric.guests[name]) for name in fabric.guests}
    with Wire(fabric.guests["b1a"], "eth0") as wire, fabric.dropped("b1a", **{reason: 2}):
        wire.send(frame, frame)
    assert heard == {name: echo_requests(fabric.guests[name]) for name in fabric.guests}


def test_machine_without_ipv6_record(fabric):
    """It speaks IPv4 alone, whatever it has given itself."""
    four = fabric.guests["four"]
    before = fabric.drops_at("four")
    assert not four.ping(v6(5001, 12))
    assert not four.ping(link_local(5001, 12))
    assert four.ping(v4(5001, 11))
    assert not fabric.guests["b1a"].ping(v6(5001, 14))
    after = fabric.drops_at("four")
    assert {reason for reason in after if after[reason] != before.get(reason, 0)} == {"IPV6_NOT_CARRIED"}


def inner(source, *, mac=THEIRS, payload=None):
    return bytes(Ether(src=mac, dst=MINE) / IPv6(src=source, dst=v6(5001, 11), hlim=255)
                 / (payload or UDP(sport=7, dport=9) / Raw(frames.FORBIDDEN)))


@pytest.mark.parametrize("reason, frame", [
    ("INNER_SOURCE_UNKNOWN", inner(v6(5001, 99))), ("INNER_SOURCE_UNKNOWN", inner(v6(5001, 1))),
    ("INNER_SOURCE_UNKNOWN", inner(v6(5001, 12), mac="00:00:00:00:00:99")),
    ("INNER_SOURCE_UNKNOWN", inner("::ffff:" + v4(5001, 12))),
    ("IPV6_NOT_CARRIED", inner(v6(5001, 12), mac=colons(mac_of(5001, 14)))),
    ("ROUTED_SOURCE_UNKNOWN", inner(v6(5002, 11), mac=colons(mac_of(5001, 1)))),
    ("ND_FROM_WIRE", inner(v6(5001, 12), payload=ICMPv6ND_NA(tgt=v6(5001, 12)) / ICMPv6NDOptDstLLAddr(lladdr=THEIRS))),
    ("ND_FROM_WIRE", inner(link_local(5001, 12), payload=ICMPv6ND_RA())),
])
def test_what_another_host_may_not_say(fabric, reason, frame):
    macs = [host.ns.mac(underlay.UPLINK) for host in fabric.hosts]
    outer = frames.nvgre(frame, (macs[1], macs[0]), vsid=5001, src=PAS[1], dst=PAS[0])
    with Wire(fabric.hosts[1].ns, underlay.UPLINK) as wire, Dropped(fabric.hosts[0].daemon, underlay.UPLINK, **{reason: 2}):
        wire.send(outer, outer)


@pytest.mark.parametrize("a, b", [("b1a", "b1b"), ("b1a", "b2b"), ("b1a", "b2a")])
def test_tcp_content(fabric, a, b):
    """100 MB within the subnet, routed to the other host, and routed on this one."""
    pair = fabric.pair(a, b)
    before = bad(pair)
    address = next(v6(plan[2], plan[4]) for plan in PLANS if plan[0] == b)
    sent, received, count = transfer(pair, 7001, TOTAL, address)
    assert (count, received) == (TOTAL, sent)
    assert bad(pair) == before


@pytest.mark.parametrize("b", ["b1b", "b2b"])
def test_segments_stay_large(fabric, b):
    """What the receiving guest gets is far larger than its MTU: not cut on the way, or on a cable joined again."""
    pair = fabric.pair("b1a", b)
    address = next(v6(plan[2], plan[4]) for plan in PLANS if plan[0] == b)
    with Capture(pair.b.netns, "eth0", fabric.hosts[0].ns.lab.path(f"{fabric.kind}-{b}-large.pcap")) as capture:
        transfer(pair, 7002, 8 << 20, address)
    sizes = [int(p["frame.len"][0]) for p in capture.packets("frame.len", filter="tcp.dstport == 7002")]
    assert max(sizes) > (16000 if fabric.kind == "veth" else 1500)
    assert sum(sizes) > 8 << 20
    assert sum(sizes) / len(sizes) > (4000 if fabric.kind == "veth" else 1500)


@pytest.mark.parametrize("payload, size", [(103 * 40 - 1, 103), (1400 * 40, 1400)])
def test_udp_segments(fabric, payload, size):
    """UDP_SEGMENT: one large datagram that someone has to cut; every piece arrives, whole and in order."""
    data = os.urandom(payload)
    pair = fabric.pair("b1a", "b1b")
    before = bad(pair)
    with socket_in(pair.b, socket.SOCK_DGRAM, socket.AF_INET6) as receiver, \
            socket_in(pair.a, socket.SOCK_DGRAM, socket.AF_INET6) as sender:
        receiver.bind((v6(5001, 12), 7003))
        receiver.settimeout(10)
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
        sender.sendto(data, (v6(5001, 12), 7003))
        pieces = [receiver.recv(65536) for _ in range(-(-payload // size))]
    assert b"".join(pieces) == data
    assert bad(pair) == before


@pytest.mark.parametrize("size", [5000, 60000])
def test_udp_fragments(fabric, size):
    data = os.urandom(size)
    pair = fabric.pair("b1a", "b2b")
    before = bad(pair)
    with socket_in(pair.b, socket.SOCK_DGRAM, socket.AF_INET6) as receiver, \
            socket_in(pair.a, socket.SOCK_DGRAM, socket.AF_INET6) as sender:
        receiver.bind((v6(5002, 12), 7004))
        receiver.settimeout(10)
        sender.sendto(data, (v6(5002, 12), 7004))
        assert receiver.recv(65536) == data
    assert bad(pair) == before


def test_too_big(fabric):
    """WG-5: the guest is told what fits by the router, whether it goes to another subnet or to its own, and believes it."""
    b1a = fabric.guests["b1a"]
    pair = fabric.pair("b1a", "b2b")
    before = bad(pair)
    try:
        b1a.run("ip", "link", "set", "eth0", "mtu", 1500)
        for size, address in ((1459, v6(5002, 12)), (1500, v6(5001, 12))):
            out = b1a.run("ping", "-6", "-n", "-c", 1, "-W", 2, "-M", "do", "-s", size - 48, address, check=False).out
            assert f"From {v6(5001, 1)} icmp_seq=1 Packet too big: mtu=1458" in out, out
            assert "mtu 1458" in b1a.run("ip", "-6", "route", "get", address).out
        # TCP of large segments finds its way with what it has learnt, and without
        for address in (v6(5002, 12), v6(5002, 12)):
            b1a.run("ip", "-6", "route", "flush", "cache")
            sent, received, count = transfer(pair, 7005, 4 << 20, address)
            assert (count, received) == (4 << 20, sent)
        assert b1a.run("ip", "-6", "route", "get", v6(5002, 11)).out.count("mtu 1458") == 0
    finally:
        b1a.run("ip", "link", "set", "eth0", "mtu", 1458)
        b1a.run("ip", "-6", "route", "flush", "cache")
    assert bad(pair) == before


def test_guest_that_forwards(fabric):
    """HN-7, HN-9: a default route to a machine that forwards: what comes out of one tunnel goes into the next, still large."""
    b1a, b2a, b2b = (fabric.guests[name] for name in ("b1a", "b2a", "b2b"))
    outside = "2001:db8:99::1"
    for host in fabric.hosts:
        host.do("New-NetVirtualizationCustomerRoute", RoutingDomainID=BLUE, VirtualSubnetID=5002, DestinationPrefix="::/0",
                NextHop=v6(5002, 12), Metric=255)
        host.do("New-NetVirtualizationLookupRecord", VirtualSubnetID=5002, CustomerAddress="::", MACAddress=mac_of(5002, 12),
                ProviderAddress=PAS[1], Rule="TranslationMethodEncap", Type="GatewayWildcard")
        host.record(5002, outside, mac_of(5002, 11), PAS[0])
    b2a.run("ip", "addr", "add", f"{outside}/128", "dev", "lo")
    b2b.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
    b2b.run("ip", "-6", "route", "add", f"{outside}/128", "via", v6(5002, 11))
    try:
        assert b1a.ping(outside)
        assert hops(b1a, outside) == [v6(5001, 1), v6(5002, 12), outside]
        before = bad(fabric.pair("b1a", "b2a"))
        # the second time the kernel has to cut what leaves, as for a NIC that cannot: by what it takes the packets for
        for segmentation in ("on", "off"):
            fabric.hosts[1].ns.run("ethtool", "-K", underlay.UPLINK, "tso", segmentation, check=fabric.kind == "veth")
            sent, received, count = transfer(fabric.pair("b1a", "b2a"), 7006, 32 << 20, outside)
            assert (count, received) == (32 << 20, sent)
        assert bad(fabric.pair("b1a", "b2a")) == before
        select = fabric.hosts[0].do("Select-NetVirtualizationNextHop", SourceVirtualSubnetID=5001, SourceCustomerAddress=v6(5001, 11),
                                    DestinationCustomerAddress=outside)[0]
        assert select["NextHopAddress"] == v6(5002, 12)
        # IPv4 has no default route: that of IPv6 is none of its
        with fabric.dropped("b1a", NO_ROUTE=PINGS):
            assert not b1a.ping("8.8.8.8")
    finally:
        for host in fabric.hosts:
            host.do("Remove-NetVirtualizationCustomerRoute", DestinationPrefix="::/0")
            host.do("Remove-NetVirtualizationLookupRecord", CustomerAddress=["::", outside])
        fabric.hosts[1].ns.run("ethtool", "-K", underlay.UPLINK, "tso", "on", check=fabric.kind == "veth")
        b2a.run("ip", "addr", "del", f"{outside}/128", "dev", "lo")
        b2b.run("ip", "-6", "route", "del", f"{outside}/128")
        b2b.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=0")


def test_records_come_and_go(fabric):
    """A record is all that a machine needs to be found, and without it nobody finds it."""
    b1a = fabric.guests["b1a"]
    assert b1a.ping(v6(5001, 12))
    for host in fabric.hosts:
        host.do("Remove-NetVirtualizationLookupRecord", CustomerAddress=v6(5001, 12), VirtualSubnetID=5001)
    b1a.run("ip", "neigh", "flush", "all")
    assert not b1a.ping(v6(5001, 12))
    assert not b1a.ping(link_local(5001, 12))
    assert b1a.ping(v4(5001, 12))
    for host in fabric.hosts:
        host.record(5001, v6(5001, 12), mac_of(5001, 12), PAS[1])
    b1a.run("ip", "neigh", "flush", "all")
    assert b1a.ping(v6(5001, 12))
