# SPDX-License-Identifier: Apache-2.0
"""Frames of the pair's guests as bytes, right and wrong, plain and encapsulated. Sources: RFC 7637, catalogue 2.5 and 2.6."""

import struct

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

A_MAC, A_IP, A_PA = "00:00:00:00:00:11", "10.10.10.11", "214.214.51.42"
B_MAC, B_IP, B_PA = "00:00:00:00:00:12", "10.10.10.12", "214.214.51.43"
OTHER_MAC, OTHER_IP, OTHER_PA = "00:00:00:00:00:99", "10.10.10.99", "214.214.51.99"
BROADCAST = "ff:ff:ff:ff:ff:ff"
VSID = 5010
K, C, S, ROUTING = 0x2000, 0x8000, 0x1000, 0x4000
FORBIDDEN, MARKER = b"forbidden", b"the marker"


def udp(payload=FORBIDDEN, *, src=A_MAC, dst=B_MAC, ip_src=A_IP, ip_dst=B_IP, tags=(), sport=7):
    """A frame from a to b; the port of destination is one where nothing answers."""
    return bytes(_tagged(Ether(src=src, dst=dst), tags) / IP(src=ip_src, dst=ip_dst) / UDP(sport=sport, dport=9) / Raw(payload))


def _tagged(ether, tags):
    """Each of tags is a tag protocol: 0x8100, 0x88a8."""
    frame = ether
    for number, kind in enumerate(tags):
        if number == 0:
            frame.type = kind
        else:
            frame.lastlayer().type = kind
        frame = frame / Dot1Q(vlan=7)
    return frame


def arp(*, op="who-has", src=A_MAC, dst=BROADCAST, sha=A_MAC, spa=A_IP, tpa=B_IP):
    return bytes(Ether(src=src, dst=dst) / ARP(op=op, hwsrc=sha, psrc=spa, pdst=tpa) / Raw(FORBIDDEN))


def nvgre(inner, outer, *, vsid=VSID, flow=0, flags=K, protocol=0x6558, src=A_PA, dst=B_PA, ip=None):
    """inner, encapsulated; outer: (source MAC, destination MAC); ip: other fields of the outer IPv4 header."""
    key = struct.pack(">I", vsid << 8 | flow) if flags & K else b""
    gre = struct.pack(">HH", flags, protocol) + (bytes(4) if flags & C else b"") + key + (bytes(4) if flags & S else b"")
    return bytes(Ether(src=outer[0], dst=outer[1]) / IP(**{"src": src, "dst": dst, "proto": 47, "flags": "DF", **(ip or {})}) / Raw(gre + inner))


def dhcp_ack(*, src, dst, ip_src, address):
    """A DHCP server's message that gives an address."""
    return bytes(Ether(src=src, dst=dst) / IP(src=ip_src, dst=address) / UDP(sport=67, dport=68) /
                 BOOTP(op=2, yiaddr=address, chaddr=bytes.fromhex(dst.replace(":", ""))) /
                 DHCP(options=[("message-type", "ack"), ("server_id", ip_src), "end"]))
