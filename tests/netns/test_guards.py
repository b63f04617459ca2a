# SPDX-License-Identifier: Apache-2.0
"""Frames that must not get through, sent by a guest or by the wire: nobody sees them, and the right reason counts them."""

import contextlib
import struct

import pytest
from scapy.layers.inet import IPOption_NOP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from frames import (A_IP, A_MAC, A_PA, B_IP, B_MAC, B_PA, BROADCAST, C, FORBIDDEN, K, MARKER, OTHER_IP, OTHER_MAC, OTHER_PA,
                    ROUTING, S, VSID, arp, nvgre, udp)
from kit import Capture, underlay
from support import Dropped, Wire, drops

IPV6 = bytes(Ether(src=A_MAC, dst=B_MAC) / IPv6(src="fd00::11", dst="fd00::12") / Raw(FORBIDDEN))
GROUP_MAC = "01:00:5e:00:00:05"

FROM_GUEST = {
    "another's MAC": (udp(src=OTHER_MAC), "SOURCE_MAC_SPOOFED"),
    "the receiver's MAC": (udp(src=B_MAC), "SOURCE_MAC_SPOOFED"),
    "a group's MAC": (udp(src=GROUP_MAC), "SOURCE_MAC_GROUP"),
    "an address without record": (udp(ip_src=OTHER_IP), "SOURCE_NOT_IN_POLICY"),
    "another's address": (udp(ip_src=B_IP), "SOURCE_NOT_IN_POLICY"),
    "no address": (udp(ip_src="0.0.0.0"), "SOURCE_NOT_IN_POLICY"),
    "to a MAC without record": (udp(dst=OTHER_MAC), "DESTINATION_NOT_IN_POLICY"),
    "to itself": (udp(dst=A_MAC), "DESTINATION_IS_SOURCE"),
    "broadcast": (udp(dst=BROADCAST, ip_dst="255.255.255.255"), "BROADCAST_OFF"),
    "multicast": (udp(dst=GROUP_MAC, ip_dst="224.0.0.5"), "BROADCAST_OFF"),
    "ARP for another MAC": (arp(sha=OTHER_MAC), "ARP_SPOOFED"),
    "ARP with another's address": (arp(spa=OTHER_IP), "SOURCE_NOT_IN_POLICY"),
    "ARP with the receiver's address": (arp(spa=B_IP, tpa=OTHER_IP), "SOURCE_NOT_IN_POLICY"),
    "ARP announcement": (arp(tpa=A_IP), "ARP_ANNOUNCEMENT"),
    "ARP reply": (arp(op="is-at", dst=B_MAC), "ARP_ANNOUNCEMENT"),
    "ARP for nobody": (arp(tpa=OTHER_IP), "ARP_UNKNOWN_TARGET"),
    "ARP probe for its own address": (arp(spa="0.0.0.0", tpa=A_IP), "ARP_OWN_ADDRESS"),
    "IPv6": (IPV6, "IPV6_NOT_CARRIED"),
    "two tags": (udp(tags=(0x8100, 0x8100)), "GUEST_VLAN_TAG"),
    "a provider's tag": (udp(tags=(0x88A8,)), "GUEST_VLAN_TAG"),
    "nothing behind Ethernet": (udp()[:14], "FRAME_TRUNCATED"),
    "half an IPv4 header": (udp()[:24], "FRAME_TRUNCATED"),
    "half an ARP packet": (arp()[:30], "FRAME_TRUNCATED"),
}


@contextlib.contextmanager
def seen_by(guest, *forbidden):
    """The receiver's capture; at the end, what is in it up to the marker. None of the forbidden may be."""
    with Capture(guest.netns, "eth0", guest.daemon.lab.path(f"{guest.name}-seen.pcap")) as capture:
        yield
        capture.wait_packets("frame.number", filter=f"udp.payload == {MARKER.hex(':')}")
    with open(capture.file, "rb") as file:
        content = file.read()
    for text in forbidden or (FORBIDDEN,):
        assert text not in content


@pytest.fixture(scope="module", name="guest_wire")
def _guest_wire(pair):
    with Wire(pair.a, "eth0") as wire:
        yield wire


@pytest.fixture(scope="module", name="uplink")
def _uplink(pair):
    """A machine at the other end of host2's uplink that says what it likes: (wire, (source MAC, destination MAC))."""
    host1, host2 = pair.hosts
    with Wire(host1.ns, underlay.UPLINK) as wire:
        yield wire, (host1.ns.mac(underlay.UPLINK), host2.ns.mac(underlay.UPLINK))


@pytest.mark.parametrize("what", FROM_GUEST)
def test_from_the_guest(pair, guest_wire, what):
    frame, reason = FROM_GUEST[what]
    host1, host2 = pair.hosts
    before = drops(host2.daemon)
    with seen_by(pair.b), Capture(host1.ns, underlay.UPLINK) as on_wire:
        with Dropped(host1.daemon, host1.port("a"), **{reason: 3}):
            guest_wire.send(frame, frame, frame)
        guest_wire.send(udp(MARKER))
    with open(on_wire.file, "rb") as file:
        assert FORBIDDEN not in file.read()
    assert drops(host2.daemon) == before


def test_one_tag_is_removed(pair, guest_wire):
    """WG-4: the encapsulator removes it."""
    with Capture(pair.b.netns, "eth0", pair.hosts[0].ns.lab.path("tag.pcap")) as capture:
        guest_wire.send(udp(MARKER, tags=(0x8100,)))
        seen = capture.wait_packets("eth.type", "vlan.id", "ip.src", filter="udp")[0]
    assert seen == {"eth.type": ["0x0800"], "vlan.id": [], "ip.src": [A_IP]}


def test_arp_is_answered_in_place(pair, guest_wire):
    with Capture(pair.a.netns, "eth0", pair.hosts[0].ns.lab.path("arp.pcap")) as capture:
        guest_wire.send(arp())
        reply = capture.wait_packets("eth.src", "eth.dst", "arp.src.hw_mac", "arp.src.proto_ipv4", "arp.dst.hw_mac",
                                     "arp.dst.proto_ipv4", filter="arp.opcode == 2")[0]
    assert [v[0] for v in reply.values()] == [B_MAC, A_MAC, B_MAC, B_IP, A_MAC, A_IP]


# -- from the wire

FROM_WIRE = {
    **{f"VSID {vsid}": (udp(), {"vsid": vsid}, "VSID_RESERVED") for vsid in (0, 1, 0xFFF, 0xFFFFFF)},
    "checksum flag": (udp(), {"flags": K | C}, "GRE_FLAGS"),
    "sequence flag": (udp(), {"flags": K | S}, "GRE_FLAGS"),
    "routing flag": (udp(), {"flags": K | ROUTING}, "GRE_FLAGS"),
    "a reserved flag": (udp(), {"flags": K | 0x0008}, "GRE_FLAGS"),
    "no key": (udp(), {"flags": 0}, "GRE_NO_KEY"),
    "version 1": (udp(), {"flags": K | 1}, "GRE_VERSION"),
    "a first fragment": (udp(), {"ip": {"flags": "MF"}}, "OUTER_FRAGMENT"),
    "a later fragment": (udp(), {"ip": {"flags": 0, "frag": 3}}, "OUTER_FRAGMENT"),
    "options": (udp(), {"ip": {"options": [IPOption_NOP()]}}, "OUTER_OPTIONS"),
    "a foreign provider address": (udp(), {"src": OTHER_PA}, "WRONG_SOURCE_PA"),
    "our own provider address": (udp(), {"src": B_PA}, "OWN_PA_AS_SOURCE"),
    "our own provider address and our guest": (udp(src=B_MAC, ip_src=B_IP), {"src": B_PA}, "OWN_PA_AS_SOURCE"),
    "our guest's source": (udp(src=B_MAC, ip_src=B_IP), {}, "WRONG_SOURCE_PA"),
    "inner tag": (udp(tags=(0x8100,)), {}, "INNER_VLAN_TAG"),
    "inner provider's tag": (udp(tags=(0x88A8,)), {}, "INNER_VLAN_TAG"),
    "unknown VSID": (udp(), {"vsid": 5999}, "INNER_SOURCE_UNKNOWN"),
    "inner MAC without record": (udp(src=OTHER_MAC), {}, "INNER_SOURCE_UNKNOWN"),
    "inner address without record": (udp(ip_src=OTHER_IP), {}, "INNER_SOURCE_UNKNOWN"),
    "inner group source": (udp(src=GROUP_MAC), {}, "SOURCE_MAC_GROUP"),
    "inner ARP for another": (arp(sha=OTHER_MAC, dst=B_MAC), {}, "ARP_SPOOFED"),
    "inner ARP with another's address": (arp(spa=OTHER_IP, dst=B_MAC), {}, "INNER_SOURCE_UNKNOWN"),
    "inner IPv6": (IPV6, {}, "IPV6_NOT_CARRIED"),
    "to nobody here": (udp(dst=OTHER_MAC), {}, "DESTINATION_NOT_LOCAL"),
    "to its own host": (udp(dst=A_MAC), {}, "DESTINATION_NOT_LOCAL"),
    "to all": (udp(dst=BROADCAST), {}, "BROADCAST_OFF"),
}


@pytest.mark.parametrize("what", FROM_WIRE)
def test_from_the_wire(pair, uplink, what):
    inner, options, reason = FROM_WIRE[what]
    wire, macs = uplink
    options = {"ip": None, **options}
    if options["ip"] and "flags" in options["ip"]:
        frame = _with_fragment_field(nvgre(inner, macs), options["ip"])
    else:
        frame = nvgre(inner, macs, **options)
    with seen_by(pair.b):
        with Dropped(pair.hosts[1].daemon, underlay.UPLINK, **{reason: 3}):
            wire.send(frame, frame, frame)
        wire.send(nvgre(udp(MARKER), macs, flow=5))


def _with_fragment_field(frame, fields):
    """Flags and offset of the outer header; the checksum does not matter to the receiver of a veth."""
    value = (0x2000 if fields["flags"] == "MF" else 0) | fields.get("frag", 0)
    return frame[:20] + struct.pack(">H", value) + frame[22:]


NOT_OURS = {
    "another provider address": {"dst": OTHER_PA},
    "another protocol type": {"protocol": 0x0800},
}


@pytest.mark.parametrize("what", NOT_OURS)
def test_left_to_the_kernel(pair, uplink, what):
    """Not Nestor's: not dropped by it, and never a guest's."""
    wire, macs = uplink
    with seen_by(pair.b):
        with Dropped(pair.hosts[1].daemon, underlay.UPLINK):
            wire.send(nvgre(udp(), macs, **NOT_OURS[what]))
        wire.send(nvgre(udp(MARKER), macs))


def test_every_truncation(pair, uplink):
    """A valid packet cut off anywhere; the outer length still tells of the whole."""
    wire, macs = uplink
    whole = nvgre(udp(), macs)
    with seen_by(pair.b):
        with Dropped(pair.hosts[1].daemon, underlay.UPLINK, OUTER_TRUNCATED=len(whole) - 14):
            wire.send(*(whole[:n] for n in range(14, len(whole))))
        wire.send(nvgre(udp(MARKER), macs))


def test_every_truncation_of_the_inner_frame(pair, uplink):
    """Cut off with an outer length that agrees: the inner frame is what does not fit."""
    wire, macs = uplink
    inner = udp()
    with seen_by(pair.b):
        with Dropped(pair.hosts[1].daemon, underlay.UPLINK, INNER_TRUNCATED=len(inner)):
            wire.send(*(nvgre(inner[:n], macs) for n in range(len(inner))))
        wire.send(nvgre(udp(MARKER), macs))


def test_too_big_for_the_path(pair):
    """WG-5: never fragmented by us. A guest that raises its MTU is told once what fits (T9), and then knows it."""
    host = pair.hosts[0]
    pair.a.run("ip", "link", "set", "eth0", "mtu", "1500")
    with Dropped(host.daemon, host.port("a"), TOO_BIG=1):
        assert not pair.a.ping_size(B_IP, 1459, count=2)
    assert pair.a.ping_size(B_IP, 1458, count=2)
    pair.a.run("ip", "link", "set", "eth0", "mtu", "1458")


def test_the_good_one_gets_through(pair, uplink):
    """What all of the above changes one thing of."""
    wire, macs = uplink
    with Dropped(pair.hosts[1].daemon, underlay.UPLINK), seen_by(pair.b):
        wire.send(nvgre(udp(MARKER), macs, vsid=VSID, src=A_PA, dst=B_PA))
