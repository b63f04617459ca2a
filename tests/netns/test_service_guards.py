# SPDX-License-Identifier: Apache-2.0
"""DhcpGuard, RouterGuard and the spoofing guard's half of IPv6 (NN-3, AC-7): real servers and clients, and frames by hand."""

import contextlib
import os

import pytest
from scapy.layers.dhcp6 import DHCP6_Advertise
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6NDOptDstLLAddr,
                                ICMPv6NDOptSrcLLAddr, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment)
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from fabric import Host
from frames import FORBIDDEN, MARKER, OTHER_MAC, udp
from kit import Capture, Lab, Process, wait_for
from labs import colons
from support import Dropped, Wire, assert_settled, drops

SERVER, CLIENT = "10.1.0.1", "10.1.0.2"
KINDS = ("switch", "subnet")
ALL_NODES, ALL_NODES_MAC = "ff02::1", "33:33:00:00:00:01"


@pytest.fixture(scope="module", name="net")
def _net():
    """A pair of guests on a plain switch, and one in a virtual subnet without policy."""
    with Lab("nst") as lab:
        host = Host(lab.namespace("host"), "host")
        host.switch("priv", nic=None, SwitchType="Private")
        host.guests = {}
        for kind, vsid in zip(KINDS, (0, 5020)):
            for name, address in (("server", SERVER), ("client", None)):
                host.guests[kind, name] = host.guest(f"{kind}-{name}", address, vsid=vsid, switch="priv")
        yield host
        assert_settled(host.daemon)


@contextlib.contextmanager
def dnsmasq(guest, *options):
    """dnsmasq inside a guest, until the block is left."""
    log = guest.daemon.lab.path(f"dnsmasq-{guest.name}.log")
    args = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--leasefile-ro", "--pid-file=",
            "--log-dhcp", "--no-ping", "--log-facility=-", "--interface=eth0", "--user=root", *options]
    server = Process(*guest.command(*args), log=log)
    try:
        server.wait_output("DHCP")
        yield server
    finally:
        server.close()
        os.unlink(log)


def leases(guest):
    """Does a DHCP client in the guest get an address?"""
    script = "/bin/true"
    return guest.run("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", 2, "-T", 1, "-s", script, check=False).code == 0


def dropped(net, vm, reason):
    return drops(net.daemon).get((net.port(vm), reason), 0)


@pytest.mark.parametrize("kind", KINDS)
def test_dhcp_server(net, kind):
    """AC-7: a guest with DhcpGuard is nobody's DHCP server, and a client as ever."""
    server, client = net.guests[kind, "server"], net.guests[kind, "client"]
    with dnsmasq(server, "--dhcp-range=10.1.0.100,10.1.0.110"):
        net.do("Set-VMNetworkAdapter", VMName=client.name, DhcpGuard="On")
        assert leases(client)
        net.do("Set-VMNetworkAdapter", VMName=server.name, DhcpGuard="On")
        before = dropped(net, server.name, "DHCP_GUARD")
        assert not leases(client)
        assert dropped(net, server.name, "DHCP_GUARD") > before
        # The guard holds without a daemon.
        net.daemon.kill9()
        assert not leases(client)
        net.daemon.start()
        net.do("Set-VMNetworkAdapter", VMName=server.name, DhcpGuard="Off")
        assert leases(client)
    net.do("Set-VMNetworkAdapter", VMName=client.name, DhcpGuard="Off")


def has_prefix(guest, prefix):
    return prefix in guest.run("ip", "-6", "-o", "addr", "show", "dev", "eth0").out


def new_in_ipv6(guest):
    """The guest's IPv6 anew: it asks for routers."""
    guest.run("sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1")
    guest.run("sysctl", "-qw", "net.ipv6.conf.eth0.accept_ra=2", "net.ipv6.conf.eth0.disable_ipv6=0")


@pytest.mark.parametrize("kind", KINDS)
def test_router(net, kind):
    """A guest with RouterGuard is nobody's router: its advertisements give nobody an address."""
    server, client = net.guests[kind, "server"], net.guests[kind, "client"]
    server.run("sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=0")
    server.run("ip", "addr", "add", "fd00:1::1/64", "dev", "eth0", "nodad")
    net.do("Set-VMNetworkAdapter", VMName=server.name, RouterGuard="On")
    with dnsmasq(server, "--enable-ra", "--dhcp-range=fd00:1::,ra-only"):
        before = dropped(net, server.name, "ROUTER_GUARD")
        new_in_ipv6(client)
        wait_for(lambda: dropped(net, server.name, "ROUTER_GUARD") > before, 20, "an advertisement that is dropped")
        assert not has_prefix(client, "fd00:1:")
        net.do("Set-VMNetworkAdapter", VMName=server.name, RouterGuard="Off")
        new_in_ipv6(client)
        wait_for(lambda: has_prefix(client, "fd00:1:"), 20, "an address by the router's advertisement")
    for guest in (server, client):
        guest.run("sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1")


def l6(mac, dst=ALL_NODES, **fields):
    return Ether(src=mac, dst=ALL_NODES_MAC) / IPv6(src="fe80::77", dst=dst, hlim=255, **fields)


def advertisement(mac):
    return ICMPv6ND_RA() / ICMPv6NDOptSrcLLAddr(lladdr=mac) / Raw(b"")


def forged(mac):
    """What each guard drops, by name: (frame, reason)."""
    ra = bytes(advertisement(mac))
    return {
        "DHCP offer": (Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / IP(src=SERVER, dst="255.255.255.255") /
                       UDP(sport=67, dport=68) / Raw(b"\x02" + FORBIDDEN), "DHCP_GUARD"),
        "DHCPv6 advertisement": (l6(mac) / UDP(sport=547, dport=546) / DHCP6_Advertise() / Raw(FORBIDDEN), "DHCP_GUARD"),
        "router advertisement": (l6(mac) / advertisement(mac), "ROUTER_GUARD"),
        "router advertisement in a tag": (Ether(src=mac, dst=ALL_NODES_MAC) / Dot1Q(vlan=7) /
                                          IPv6(src="fe80::77", dst=ALL_NODES, hlim=255) / advertisement(mac), "ROUTER_GUARD"),
        "router advertisement behind options": (l6(mac) / IPv6ExtHdrDestOpt() / advertisement(mac), "ROUTER_GUARD"),
        "redirect": (l6(mac) / ICMPv6ND_Redirect() / Raw(b""), "ROUTER_GUARD"),
        "redirect of IPv4": (Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / IP(src=SERVER, dst=CLIENT) / ICMP(type=5, gw=SERVER) /
                             Raw(FORBIDDEN), "ROUTER_GUARD"),
        "a first fragment that hides it": (l6(mac) / IPv6ExtHdrFragment(nh=60, m=1, id=7) /
                                           Raw(b"\x3a\x01" + bytes(6)), "GUARD_HIDDEN"),
        "a neighbour of another MAC": (l6(mac) / ICMPv6ND_NA(tgt="fe80::77") / ICMPv6NDOptDstLLAddr(lladdr=OTHER_MAC),
                                       "ND_SPOOFED"),
        "a neighbour in fragments": (l6(mac) / IPv6ExtHdrFragment(nh=58, m=1, id=8) /
                                     Raw(bytes(ICMPv6ND_NA(tgt="fe80::77"))), "ND_MALFORMED"),
    } | {f"{n} bytes of a router advertisement": (l6(mac, nh=58) / Raw(ra[:n]), "ROUTER_GUARD" if n >= 16 else "ND_MALFORMED")
         for n in (1, 15, 16)}


@pytest.mark.parametrize("kind", KINDS)
def test_forged(net, kind):
    """Nobody sees them, each is counted under its reason; and what is not forbidden gets through."""
    server, client = net.guests[kind, "server"], net.guests[kind, "client"]
    mac = colons(server.plan.mac)
    fine = [l6(mac) / ICMPv6EchoRequest(data=MARKER), l6(mac) / ICMPv6ND_NA(tgt="fe80::77") / ICMPv6NDOptDstLLAddr(lladdr=mac)]
    net.do("Set-VMNetworkAdapter", VMName=server.name, DhcpGuard="On", RouterGuard="On")
    with Wire(server, "eth0") as wire, Capture(client.netns, "eth0", net.ns.lab.path(f"forged-{kind}.pcap")) as capture:
        for frame, reason in forged(mac).values():
            with Dropped(net.daemon, net.port(server.name), **{reason: 1}):
                wire.send(bytes(frame))
        with Dropped(net.daemon, net.port(server.name)):
            wire.send(*map(bytes, fine), udp(MARKER, src=mac, dst=colons(client.plan.mac)))
            capture.wait_packets("frame.number", filter=f"udp.payload == {MARKER.hex(':')}")
        # What the guest's own kernel sends besides is none of these.
        seen = capture.packets("icmpv6.type", filter="ipv6.src == fe80::77 || ip.src == 10.1.0.1 || udp.port == 68")
    assert [p["icmpv6.type"] for p in seen] == [["128"], ["136"]]
    net.do("Set-VMNetworkAdapter", VMName=server.name, DhcpGuard="Off", RouterGuard="Off")


def test_statistics_name_the_guard(net):
    """Each drop is in the adapter's statistics, with its rule."""
    stats = net.do("Get-VMNetworkAdapterStatistics", VMName="switch-server")[0]
    rules = {d["Reason"]: d["Rule"] for d in stats["Drops"]}
    assert {r: rules[r] for r in ("DHCP_GUARD", "ROUTER_GUARD", "GUARD_HIDDEN", "ND_SPOOFED", "ND_MALFORMED")} == {
        "DHCP_GUARD": "AC-7", "ROUTER_GUARD": "AC-7", "GUARD_HIDDEN": "AC-7", "ND_SPOOFED": "NN-3", "ND_MALFORMED": "NN-3"}
