# SPDX-License-Identifier: Apache-2.0
"""Large segments stay large through encapsulation, contents and checksums arrive whole, MTUs fit the path."""

import hashlib
import os
import socket
import threading

import pytest

from frames import A_IP, B_IP
from kit import Capture, underlay
from kit.capture import _inside as inside

MEGABYTE = 1 << 20
TOTAL = 100 * MEGABYTE
UDP_SEGMENT = 103
SO_RCVBUFFORCE = 33
BAD_COUNTERS = ("IpInHdrErrors", "TcpInErrs", "TcpExtTCPBadCsum", "UdpInCsumErrors", "TcpInCsumErrors", "IpExtInCsumErrors")


def counters(*paths):
    """Sums of what /proc/net/snmp and netstat count in these guests, by nstat's names."""
    sums = {}
    for pid in paths:
        for name in ("snmp", "netstat"):
            with open(f"/proc/{pid}/net/{name}", encoding="ascii") as file:
                lines = [line.split() for line in file]
            for names, values in zip(lines[::2], lines[1::2]):
                for key, value in zip(names[1:], values[1:]):
                    sums[names[0][:-1] + key] = sums.get(names[0][:-1] + key, 0) + int(value)
    return sums


def bad(pair):
    now = counters(pair.a.pid, pair.b.pid)
    return {name: now.get(name, 0) for name in BAD_COUNTERS}


def socket_in(guest, kind, family=socket.AF_INET):
    with inside(guest.netns):
        return socket.socket(family, kind)


def transfer(pair, port, total=TOTAL, address=B_IP):
    """Bytes from a to b over TCP; (hash sent, hash received, bytes received)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket_in(pair.b, socket.SOCK_STREAM, family)
    listener.bind((address, port))
    listener.listen(1)
    sent = hashlib.sha256()

    def send():
        with socket_in(pair.a, socket.SOCK_STREAM, family) as client:
            client.connect((address, port))
            block = os.urandom(MEGABYTE)
            for _ in range(total // MEGABYTE):
                # Every block differs, so that one in another's place is noticed.
                block = block[1:] + block[:1]
                sent.update(block)
                client.sendall(block)

    thread = threading.Thread(target=send)
    thread.start()
    listener.settimeout(30)
    received, count = hashlib.sha256(), 0
    server, _ = listener.accept()
    with listener, server:
        server.settimeout(30)
        while data := server.recv(MEGABYTE):
            received.update(data)
            count += len(data)
    thread.join()
    return sent.hexdigest(), received.hexdigest(), count


def test_tcp_content(pair):
    before = bad(pair)
    sent, received, count = transfer(pair, 7001)
    assert (count, received) == (TOTAL, sent)
    assert bad(pair) == before


def test_segments_stay_large(pair):
    """What the receiving guest gets is far larger than its MTU: not cut on the way, or on a cable joined again."""
    with Capture(pair.b.netns, "eth0", pair.hosts[0].ns.lab.path(f"{pair.kind}-large.pcap")) as capture:
        transfer(pair, 7002, 8 * MEGABYTE)
    sizes = [int(p["frame.len"][0]) for p in capture.packets("frame.len", filter="tcp.dstport == 7002")]
    assert max(sizes) > (16000 if pair.kind == "veth" else 1500)
    assert sum(sizes) > 8 * MEGABYTE
    # On the average too: one large one among thousands of small ones is no proof.
    assert sum(sizes) / len(sizes) > (4000 if pair.kind == "veth" else 1500)


@pytest.mark.parametrize("payload, size", [(103 * 40, 103), (103 * 40 - 1, 103), (1400 * 40, 1400)])
def test_udp_segments(pair, payload, size):
    """UDP_SEGMENT: one large datagram that someone has to cut; every piece arrives, whole and in order."""
    data = os.urandom(payload)
    before = bad(pair)
    with socket_in(pair.b, socket.SOCK_DGRAM) as receiver, socket_in(pair.a, socket.SOCK_DGRAM) as sender:
        receiver.bind((B_IP, 7003))
        receiver.settimeout(10)
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
        sender.sendto(data, (B_IP, 7003))
        pieces = [receiver.recv(65536) for _ in range(-(-payload // size))]
    assert [len(p) for p in pieces[:-1]] == [size] * (len(pieces) - 1)
    assert b"".join(pieces) == data
    assert bad(pair) == before


def test_outer_header(pair):
    """On the wire: DF, a checksum that is right, one outer packet for each inner one that fits.

    Seen where host2 sends: what it receives may be decapsulated before a packet socket gets to see it.
    """
    with Capture(pair.hosts[1].ns, underlay.UPLINK) as capture:
        assert pair.a.ping_size(B_IP, 1458)
        found = capture.wait_packets("ip.flags.df", "ip.ttl", "ip.checksum.status", "ip.len", "ip.frag_offset", "ip.proto",
                                     filter="gre && icmp.type == 0", count=2, preferences=["ip.check_checksum:TRUE"])
    assert len(found) == 2
    for packet in found:
        assert packet["ip.flags.df"][0] in ("1", "True")
        assert packet["ip.checksum.status"][0] == "1"
        assert packet["ip.len"] == ["1500", "1458"]
        assert packet["ip.proto"][0] == "47"
        assert int(packet["ip.ttl"][0]) >= 64


@pytest.mark.parametrize("where", [0, 1])
def test_watching_changes_nothing(pair, where):
    """Somebody has tcpdump running on an uplink: packets arrive all the same, and no tenant's frame is on the plain switch."""
    host = pair.hosts[where]
    with Capture(host.ns, underlay.UPLINK) as uplink, Capture(host.ns, host.bridge()) as bridge:
        assert pair.a.ping(B_IP)
        assert pair.b.ping(A_IP)
        assert uplink.count
    assert bridge.packets("frame.number", filter="ip.addr == 10.10.10.0/24 && !gre") == []


def link_mtu(guest):
    out = guest.run("ip", "-o", "link", "show", "eth0").out.split()
    return int(out[out.index("mtu") + 1])


def test_mtu_follows_the_virtual_subnet(pair):
    """1458 inside a virtual subnet over an underlay of 1500, 1500 without, and back: live."""
    host = pair.hosts[0]
    assert link_mtu(pair.a) == 1458
    host.do("Set-VMNetworkAdapter", VMName="a", VirtualSubnetId=0)
    assert link_mtu(pair.a) == 1500
    host.do("Set-VMNetworkAdapter", VMName="a", VirtualSubnetId=pair.vsid)
    assert link_mtu(pair.a) == 1458
    assert pair.a.ping(B_IP)
