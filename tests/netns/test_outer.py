# SPDX-License-Identifier: Apache-2.0
"""Every encapsulation between two hosts: {NVGRE, VXLAN} over {IPv4, IPv6} (WG-8, WG-10), on both underlays."""

from types import SimpleNamespace

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import GRE, Ether
from scapy.layers.vxlan import VXLAN as SCAPY_VXLAN
from scapy.packet import Raw

from fabric import Host, Pair
from frames import A_IP, A_MAC, B_IP, B_MAC, MARKER, OTHER_IP, OTHER_MAC, VSID, udp
from kit import Capture, Lab, underlay, wait_for
from support import Dropped, Wire, assert_settled, health
from test_segments import TOTAL, bad, link_mtu, transfer

NVGRE, VXLAN = "TranslationMethodEncap", "TranslationMethodEncapVxlan"
PAS4, PAS6 = ("214.214.51.42", "214.214.51.43"), ("2001:db8:51::42", "2001:db8:51::43")
OVERHEAD = {(NVGRE, 4): 42, (VXLAN, 4): 50, (NVGRE, 6): 62, (VXLAN, 6): 70}
COMBINATIONS = [(rule, family, kind) for (rule, family) in OVERHEAD for kind in ("veth", "cable") if (rule, family) != (NVGRE, 4)]


class OuterPair(Pair):
    """The pair with one way between its hosts."""

    def __init__(self, lab, rule, family, kind):
        self.rule, self.family = rule, family
        self.pas = PAS4 if family == 4 else PAS6
        super().__init__(lab, kind, rule=rule, pas=self.pas)

    @property
    def overhead(self):
        return OVERHEAD[self.rule, self.family]


@pytest.fixture(scope="module", name="pair", params=COMBINATIONS, ids=lambda p: f"{p[0][len('TranslationMethod'):]}{p[1]}-{p[2]}")
def _pair(request):
    with Lab("nst") as lab:
        pair = OuterPair(lab, *request.param)
        yield pair
        for daemon in pair.daemons:
            assert_settled(daemon)


def test_reach(pair):
    assert pair.a.ping("10.10.10.12")
    assert pair.b.ping("10.10.10.11")


def test_tcp_content(pair):
    before = bad(pair)
    sent, received, count = transfer(pair, 7001)
    assert (count, received) == (TOTAL, sent)
    assert bad(pair) == before


def test_mtu(pair):
    """What the guests are given fits to the byte; one more is answered by ICMP at the guest."""
    fits = 1500 - pair.overhead
    assert (link_mtu(pair.a), link_mtu(pair.b)) == (fits, fits)
    assert pair.a.ping_size("10.10.10.12", fits)
    pair.a.run("ip", "link", "set", "eth0", "mtu", 1500)
    assert not pair.a.ping_size("10.10.10.12", fits + 1)
    route = pair.a.run("ip", "route", "get", "10.10.10.12").out
    assert f"mtu {fits}" in route
    pair.a.run("ip", "route", "flush", "cache")
    pair.a.run("ip", "link", "set", "eth0", "mtu", fits)


def outer_ip(pair, **changes):
    """From host1 to host2, by scapy."""
    if pair.family == 6:
        return IPv6(src=changes.get("src", pair.pas[0]), dst=pair.pas[1])
    return IP(src=changes.get("src", pair.pas[0]), dst=pair.pas[1], flags="DF")


def outer(pair, inner, *, vsid=5010, flags="Instance", tail=b"", **changes):
    """inner in the pair's outer headers, by scapy; tail: bytes behind it, which no length counts."""
    macs = [host.ns.mac(underlay.UPLINK) for host in pair.hosts]
    if pair.rule == VXLAN:
        tunnel = UDP(sport=50000, dport=4789, chksum=0) / SCAPY_VXLAN(vni=vsid, flags=flags)
    else:
        tunnel = GRE(key_present=1, proto=0x6558, key=vsid << 8 | 0x6f)
    return bytes(Ether(src=macs[0], dst=macs[1]) / outer_ip(pair, **changes) / tunnel / Raw(inner)) + tail


def test_frames_by_scapy(pair):
    """A guest gets what scapy has encapsulated, byte for byte, without what the wire adds to short frames."""
    frame = udp(MARKER)
    with Capture(pair.b.netns, "eth0", pair.hosts[0].ns.lab.path(f"scapy-{pair.rule}-{pair.family}-{pair.kind}.pcap")) as capture, \
            Wire(pair.hosts[0].ns, underlay.UPLINK) as wire:
        wire.send(outer(pair, frame), outer(pair, frame, tail=b"tail"))
        found = capture.wait_packets("udp.payload", "frame.len", filter=f"eth.src == {A_MAC} && frame contains {MARKER.hex(':')}", count=2)
    assert [p["frame.len"] for p in found] == [[str(len(frame))]] * 2


BAD = {
    "wrong source": (dict(), dict(src=("214.214.51.99", "2001:db8:51::99")), "WRONG_SOURCE_PA"),
    "its own address": (dict(), dict(src=(PAS4[1], PAS6[1])), "OWN_PA_AS_SOURCE"),
    "reserved VSID": (dict(), dict(vsid=0xfff), "VSID_RESERVED"),
    "vendor's VSID": (dict(), dict(vsid=0xffffff), "VSID_RESERVED"),
    "other VSID": (dict(), dict(vsid=5011), "INNER_SOURCE_UNKNOWN"),
    "unknown machine": (dict(src=OTHER_MAC, ip_src=OTHER_IP), dict(), "INNER_SOURCE_UNKNOWN"),
    "another's machine": (dict(src=B_MAC, ip_src=B_IP, dst=A_MAC, ip_dst=A_IP), dict(), "WRONG_SOURCE_PA"),
    "tag inside": (dict(tags=(0x8100,)), dict(), "INNER_VLAN_TAG"),
    "nobody here": (dict(dst=OTHER_MAC), dict(), "DESTINATION_NOT_LOCAL"),
    "for all": (dict(dst="ff:ff:ff:ff:ff:ff"), dict(), "BROADCAST_OFF"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_frames(pair, what):
    inner, changes, reason = BAD[what]
    if "src" in changes:
        changes = {**changes, "src": changes["src"][pair.family == 6]}
    with Wire(pair.hosts[0].ns, underlay.UPLINK) as wire, Dropped(pair.hosts[1].daemon, underlay.UPLINK, **{reason: 3}):
        wire.send(*[outer(pair, udp(**inner), **changes)] * 3)


def test_no_vni(pair):
    if pair.rule != VXLAN:
        pytest.skip("NVGRE has its own checks of the key")
    with Wire(pair.hosts[0].ns, underlay.UPLINK) as wire, Dropped(pair.hosts[1].daemon, underlay.UPLINK, VXLAN_NO_VNI=2):
        wire.send(*[outer(pair, udp(), flags=0)] * 2)


def test_fragments(pair):
    frame = Ether(outer(pair, udp(bytes(1200))))
    if pair.family == 6:
        packet = frame[IPv6]
        whole = IPv6(src=packet.src, dst=packet.dst) / IPv6ExtHdrFragment(nh=packet.nh) / Raw(bytes(packet.payload))
        pieces = [Ether(src=frame.src, dst=frame.dst) / piece for piece in fragment6(whole, 600)]
    else:
        frame[IP].flags = 0
        pieces = frame.fragment(600)
    # Of UDP only the first fragment has ports; the others are nobody's, and the kernel waits for the rest in vain.
    dropped = 1 if pair.rule == VXLAN else len(pieces)
    with Wire(pair.hosts[0].ns, underlay.UPLINK) as wire, Dropped(pair.hosts[1].daemon, underlay.UPLINK, OUTER_FRAGMENT=dropped):
        wire.send(*pieces)


def test_without_a_daemon(pair):
    for host in pair.hosts:
        host.daemon.kill9()
    assert pair.a.ping("10.10.10.12", count=5)
    assert pair.b.ping("10.10.10.11", count=5)
    for host in pair.hosts:
        host.daemon.start()
        account = health(host.daemon)["reconcile"]
        assert (account["totalWrites"], account["failures"]) == (0, 0), host.daemon.log_tail()
    assert pair.a.ping("10.10.10.12")


def resolved(host, peer):
    found = [n for n in host.ns.ip_json("neigh", "show") if n["dst"] == peer]
    return [n["lladdr"] for n in found if n.get("lladdr")]


def test_next_hops_are_asked_for_again(pair):
    """Who forgets a next hop's link address asks, and sends meanwhile what the kernel keeps until it knows: nothing is lost."""
    for host, peer in zip(pair.hosts, reversed(pair.pas)):
        host.ns.run("ip", "neigh", "flush", "dev", host.bridge())
        assert pair.a.ping("10.10.10.12", count=5)
        wait_for(lambda h=host, p=peer: resolved(h, p), 10, f"the link address of {peer}")
        assert resolved(host, peer) == [pair.hosts[host is pair.hosts[0]].ns.mac(underlay.UPLINK)]


@pytest.fixture(scope="module", name="routed")
def _routed():
    """Two provider networks and a router between them, known by its link-local address, as routers are."""
    with Lab("nst") as lab:
        host1, router, host2 = lab.namespaces("host1", "router", "host2")
        prefixes = ("2001:db8:51::", "2001:db8:52::")
        pas = (f"{prefixes[0]}42", f"{prefixes[1]}43")
        hosts = []
        router.sysctl("net.ipv6.conf.all.disable_ipv6", 0)
        router.sysctl("net.ipv6.conf.all.forwarding", 1)
        for number, ns in enumerate((host1, host2)):
            underlay.veth(ns, router, underlay.UPLINK, f"p{number}")
            router.sysctl(f"net.ipv6.conf.p{number}.disable_ipv6", 0)
            router.ip(f"addr add {prefixes[number]}1/64 dev p{number} nodad", f"addr add fe80::1/64 dev p{number} nodad")
        for number, ns in enumerate((host1, host2)):
            host = Host(ns, ns.label)
            host.switch()
            host.provider(pas[number])
            host.do("New-NetVirtualizationProviderRoute", InterfaceIndex=host.nic_index(), DestinationPrefix=f"{prefixes[1 - number]}/64",
                    NextHop="fe80::1")
            for ca, mac, pa in ((A_IP, A_MAC, pas[0]), (B_IP, B_MAC, pas[1])):
                host.record(VSID, ca, mac, pa, VXLAN)
            host.subnet(VSID, "10.10.10.0/24")
            hosts.append(host)
        a, b = hosts[0].guest("a", A_IP, A_MAC, VSID), hosts[1].guest("b", B_IP, B_MAC, VSID)
        yield SimpleNamespace(a=a, b=b, hosts=hosts, router=router, pas=pas)
        for host in hosts:
            assert_settled(host.daemon)


def test_provider_routes(routed):
    """HN-13: the next hop of a provider route is asked for, and gets the packets."""
    assert routed.a.ping(B_IP)
    with Capture(routed.hosts[0].ns, underlay.UPLINK) as near, Capture(routed.hosts[1].ns, underlay.UPLINK) as far:
        assert routed.a.ping(B_IP)
    request = "icmp.type == 8 && vxlan"
    for packet in near.packets("eth.dst", "ipv6.dst", "ipv6.hlim", filter=request):
        assert packet == {"eth.dst": [routed.router.mac("p0"), B_MAC], "ipv6.dst": [routed.pas[1]], "ipv6.hlim": ["64"]}
    assert [p["ipv6.hlim"] for p in far.packets("ipv6.hlim", filter=request)] == [["63"]] * 2
    sent, received, count = transfer(routed, 7001, 20 << 20)
    assert (count, received) == (20 << 20, sent)


def test_provider_routes_go(routed):
    host = routed.hosts[0]
    host.do("Remove-NetVirtualizationProviderRoute", DestinationPrefix="2001:db8:52::/64")
    assert [r for r in host.ns.ip_json("-6", "route", "show") if r["dst"] == "2001:db8:52::/64"] == []
    with Dropped(host.daemon, host.port("a"), NO_NEXT_HOP=2):
        assert not routed.a.ping(B_IP)
    host.do("New-NetVirtualizationProviderRoute", InterfaceIndex=host.nic_index(), DestinationPrefix="2001:db8:52::/64", NextHop="fe80::1")
    wait_for(lambda: routed.a.ping(B_IP), 10, "a to reach b again")


def test_provider_addresses_go(routed):
    """With the last one the bridge loses all of IPv6 that was made for it."""
    host = routed.hosts[0]
    assert {"fe80", "2001"} <= {a["local"][:4] for i in host.ns.ip_json("addr", "show", "dev", host.bridge()) for a in i["addr_info"]}
    host.do("Remove-NetVirtualizationProviderAddress", ProviderAddress=routed.pas[0])
    assert [a["local"] for i in host.ns.ip_json("addr", "show", "dev", host.bridge()) for a in i["addr_info"]] == []
    with Dropped(host.daemon, host.port("a"), NO_SOURCE_PA=2):
        assert not routed.a.ping(B_IP)
    host.provider(routed.pas[0])
    wait_for(lambda: routed.a.ping(B_IP), 10, "a to reach b again")
