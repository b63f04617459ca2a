# SPDX-License-Identifier: Apache-2.0
"""Broadcast and multicast of a virtual subnet: off, by a multicast provider address, by copies. Three hosts, a switch between.

Catalogue 2.5, 2.6 (WG-7), HN-3, HN-8.
"""

import contextlib
import json
import re

import pytest

import frames
from fabric import Host
from kit import Capture, Lab, Process, run, underlay, wait_for
from labs import colons
from support import Dropped, Wire, assert_settled

PAS = ("214.214.51.42", "214.214.51.43", "214.214.51.44")
PAS6 = ("fd00::42", "fd00::43", "fd00::44")
GROUP, GROUP_MAC = "239.192.19.146", "01:00:5e:40:13:92"
# Name: host, VSID, MAC, address. Red has blue's addresses. `lease` gets its address by DHCP.
GUESTS = {
    "a": (0, 5010, "000000000011", "10.10.10.11"),
    "a2": (0, 5010, "000000000012", "10.10.10.12"),
    "b": (1, 5010, "000000000013", "10.10.10.13"),
    "c": (2, 5010, "000000000014", "10.10.10.14"),
    "red_a": (0, 5011, "000000000021", "10.10.10.11"),
    "red_b": (1, 5011, "000000000023", "10.10.10.13"),
    "lease": (0, 5010, "000000000031", None),
    # of a virtual subnet over IPv6, by VXLAN
    "x": (0, 5012, "000000000041", "10.10.10.11"),
    "y": (1, 5012, "000000000042", "10.10.10.12"),
    "z": (2, 5012, "000000000043", "10.10.10.13"),
}
BLUE, GREEN = {"a", "a2", "b", "c"}, {"x", "y", "z"}
GROUP6, GROUP6_MAC = "ff08::1394", "33:33:00:00:13:94"


class Net:
    def __init__(self, lab):
        *namespaces, self.middle = lab.namespaces("host1", "host2", "host3", "switch")
        underlay.switch(self.middle, *namespaces)
        self.hosts = [Host(ns, ns.label) for ns in namespaces]
        for host, pa, pa6 in zip(self.hosts, PAS, PAS6):
            host.switch()
            host.provider(pa)
            host.do("New-NetVirtualizationProviderAddress", InterfaceIndex=host.nic_index(), ProviderAddress=pa6, PrefixLength=64)
            for vsid in (5010, 5011, 5012):
                host.subnet(vsid, "10.10.10.0/24")
            for where, vsid, mac, address in GUESTS.values():
                if vsid == 5012:
                    host.do("New-NetVirtualizationLookupRecord", VirtualSubnetID=vsid, CustomerAddress=address, MACAddress=mac,
                            ProviderAddress=PAS6[where], Rule="TranslationMethodEncapVxlan")
                elif address:
                    host.record(vsid, address, mac, PAS[where])
                else:
                    host.do("New-NetVirtualizationLookupRecord", VirtualSubnetID=vsid, CustomerAddress="0.0.0.0", MACAddress=mac,
                            ProviderAddress=PAS[where], Rule="TranslationMethodEncap", Type="L2Only")
        self.guests = {}
        for name, (where, vsid, mac, address) in GUESTS.items():
            guest = self.hosts[where].guest(name, address, mac, vsid)
            # as most systems but Linux do: then a ping to all tells who heard it
            guest.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_broadcasts=0")
            self.guests[name] = guest

    def dropped(self, name, **reasons):
        host = self.hosts[GUESTS[name][0]]
        return Dropped(host.daemon, host.port(name), **reasons)

    def mode(self, address=None, vsid=5010):
        """Broadcast of the virtual subnet on all hosts, and of no other: by this address, by copies ("0.0.0.0"), or off."""
        for host in self.hosts:
            host.do("Remove-NetVirtualizationBroadcast")
            if address:
                host.do("New-NetVirtualizationBroadcast", VirtualSubnetID=vsid, ProviderAddress=address)

    def heard(self, name, address="255.255.255.255", by=frozenset()):
        """Who heard one ping request from the guest, besides itself; waits until those did who should."""
        before = {n: g.echo_requests() for n, g in self.guests.items()}
        self.guests[name].run("ping", "-n", "-b", "-c", 1, "-W", 1, "-I", "eth0", address, check=False)

        def counts():
            return {n: g.echo_requests() - before[n] for n, g in self.guests.items() if n != name}
        wait_for(lambda: all(counts()[n] for n in by), 10, f"{sorted(by)} to hear {name}", lambda: str(counts()))
        assert set(counts().values()) <= {0, 1}
        return {n for n, count in counts().items() if count}

    def warm(self):
        """Until a first frame has got everywhere: link addresses of the next hops are asked for when policy comes."""
        for host in self.hosts:
            wait_for(lambda host=host: host.do("Get-NetVirtualizationStatistics", Summary=True)[0]["NextHopsUnresolved"] == 0, 10,
                     "link addresses of all next hops")


def echo_replies(guest):
    with open(f"/proc/{guest.pid}/net/snmp", encoding="ascii") as file:
        rows = [line.split() for line in file if line.startswith("Icmp:")]
    return int(dict(zip(*rows))["InEchoReps"])


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        net = Net(lab)
        net.warm()
        yield net
        for host in net.hosts:
            assert_settled(host.daemon)


def test_off(net):
    net.mode()
    with net.dropped("a", BROADCAST_OFF=1), Capture(net.hosts[0].ns, underlay.UPLINK) as wire:
        assert net.heard("a") == set()
    assert wire.packets("frame.number", filter="gre") == []


@pytest.mark.parametrize("mode", [GROUP, "0.0.0.0"])
@pytest.mark.parametrize("to", ["255.255.255.255", "10.10.10.255", "224.0.0.1"])
def test_everybody_of_the_subnet_hears(net, mode, to):
    net.mode(mode)
    for source in ("a", "c"):
        wait_for(lambda source=source: net.heard(source, to) >= BLUE - {source}, 10, f"{source} to be heard")
        before = echo_replies(net.guests[source])
        assert net.heard(source, to, by=BLUE - {source}) - {"lease"} == BLUE - {source}
        # those, and its own kernel
        wait_for(lambda source=source, before=before: echo_replies(net.guests[source]) - before == len(BLUE), 10, "an answer from each")


FIELDS = ("eth.dst", "ip.src", "ip.dst", "gre.key", "ip.ttl", "ip.checksum.status")


def requests(capture, source):
    found = capture.packets(*FIELDS, filter=f"gre && icmp.type == 8 && eth.src == {colons(GUESTS[source][2])}",
                            preferences=["ip.check_checksum:TRUE"])
    for packet in found:
        assert int(packet["gre.key"][0], 16) >> 8 == 5010
        assert packet["eth.dst"][1] == frames.BROADCAST
        assert set(packet["ip.checksum.status"]) == {"1"}
    return [(packet["ip.src"][0], packet["ip.dst"][0], packet["eth.dst"][0]) for packet in found]


def test_multicast_on_the_wire(net):
    """One packet, whoever listens; what comes from the wire does not go back there."""
    net.mode(GROUP)
    with contextlib.ExitStack() as stack:
        captures = [stack.enter_context(Capture(host.ns, underlay.UPLINK)) for host in net.hosts]
        net.heard("a", by={"b", "c"})
    for capture in captures:
        assert requests(capture, "a") == [(PAS[0], GROUP, GROUP_MAC)]
        assert capture.packets("frame.number", filter="_ws.malformed || (gre && arp)") == []


def test_copies_on_the_wire(net):
    net.mode("0.0.0.0")
    macs = [host.ns.mac(underlay.UPLINK) for host in net.hosts]
    with contextlib.ExitStack() as stack:
        captures = [stack.enter_context(Capture(host.ns, underlay.UPLINK)) for host in net.hosts]
        net.heard("a", by={"b", "c"})
    assert requests(captures[0], "a") == [(PAS[0], PAS[i], macs[i]) for i in (1, 2)]
    for i in (1, 2):
        assert requests(captures[i], "a") == [(PAS[0], PAS[i], macs[i])]
        assert captures[i].packets("frame.number", filter="_ws.malformed || (gre && arp)") == []


@pytest.mark.parametrize("mode", [GROUP6, "0.0.0.0"])
def test_over_ipv6_by_vxlan(net, mode):
    """WG-8, WG-10: the same over other outer headers."""
    net.mode(mode, 5012)
    macs = [host.ns.mac(underlay.UPLINK) for host in net.hosts]
    with Capture(net.hosts[0].ns, underlay.UPLINK) as capture:
        assert net.heard("x", by={"y", "z"}) == {"y", "z"}
        assert net.heard("z", by={"x", "y"}) == {"x", "y"}
    found = capture.packets("eth.dst", "ipv6.src", "ipv6.dst", "vxlan.vni", filter=f"icmp.type == 8 && eth.src == {colons(GUESTS['x'][2])}")
    wanted = [(PAS6[0], GROUP6, GROUP6_MAC)] if mode == GROUP6 else [(PAS6[0], PAS6[i], macs[i]) for i in (1, 2)]
    assert [(p["ipv6.src"][0], p["ipv6.dst"][0], p["eth.dst"][0]) for p in found] == wanted
    assert {p["vxlan.vni"][0] for p in found} == {"5012"}
    assert capture.packets("frame.number", filter="_ws.malformed") == []
    if mode == GROUP6:
        wait_for(lambda: members(net, GROUP6) == {"port0", "port1", "port2"}, 10, "the switch to know who listens, by MLD",
                 lambda: str(members(net, GROUP6)))


def members(net, group=GROUP):
    """The switch's ports where somebody has joined the group, by IGMP or MLD."""
    out = run("bridge", "-n", net.middle.name, "-json", "mdb", "show").out
    return {entry["port"] for table in json.loads(out or "[]") for entry in table.get("mdb", []) if entry["grp"] == group}


def joined(host):
    return any(address.get("local") == GROUP for link in host.ns.ip_json("addr", "show", "dev", host.bridge())
               for address in link["addr_info"])


def test_membership(net):
    """The kernel joins, so that the daemon's end changes nothing; who has no machine of the subnet does not listen."""
    net.mode()
    assert not any(joined(host) for host in net.hosts)
    net.mode(GROUP)
    assert all(joined(host) for host in net.hosts)
    wait_for(lambda: members(net) == {"port0", "port1", "port2"}, 10, "the switch to know who listens", lambda: str(members(net)))
    for host in net.hosts:
        host.daemon.kill9()
    net.heard("a", by={"b", "c"})
    assert all(joined(host) for host in net.hosts)
    for host in net.hosts:
        host.daemon.start()
    net.hosts[2].do("Stop-VM", Name="c", TurnOff=True)
    assert not joined(net.hosts[2])
    wait_for(lambda: "port2" not in members(net), 10, "host 3 to leave", lambda: str(members(net)))
    net.guests["c"] = net.hosts[2].start("c", GUESTS["c"][3])
    net.guests["c"].run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_broadcasts=0")
    assert joined(net.hosts[2])
    net.heard("a", by={"c"})


def test_frames_by_hand(net):
    """The rules for what comes from the wire are those of any frame; and some for these."""
    net.mode(GROUP)
    macs = [host.ns.mac(underlay.UPLINK) for host in net.hosts]
    source = {"src": colons(GUESTS["b"][2]), "dst": frames.BROADCAST, "ip_src": GUESTS["b"][3], "ip_dst": "255.255.255.255"}

    def frame(inner, dst=GROUP, vsid=5010, src=PAS[1]):
        return frames.nvgre(inner, (macs[1], GROUP_MAC if dst == GROUP else macs[0]), vsid=vsid, src=src, dst=dst)

    a, red = net.guests["a"], net.guests["red_a"]
    with contextlib.ExitStack() as stack:
        wire = stack.enter_context(Wire(net.hosts[1].ns, underlay.UPLINK))
        at_a, at_red = (stack.enter_context(Capture(g.netns, "eth0", net.hosts[0].ns.lab.path(f"{g.name}.pcap"))) for g in (a, red))
        uplink = net.hosts[0].daemon, underlay.UPLINK
        with Dropped(*uplink, WRONG_SOURCE_PA=1, GROUP_ARP=1, GROUP_UNICAST=1, BROADCAST_OFF=1, INNER_VLAN_TAG=1):
            wire.send(frame(frames.udp(**source), src=PAS[2]))
            wire.send(frame(frames.arp(src=source["src"], sha=source["src"], spa=source["ip_src"], tpa="10.10.10.11")))
            wire.send(frame(frames.udp(**{**source, "dst": colons(GUESTS["a"][2])})))
            wire.send(frame(frames.udp(**{**source, "src": colons(GUESTS["red_b"][2])}), vsid=5011))
            wire.send(frame(frames.udp(**source, tags=(0x8100,))))
        wire.send(frame(frames.udp(frames.MARKER, **source)))
        wire.send(frame(frames.udp(frames.MARKER, **source), dst=PAS[0]))
        at_a.wait_packets("frame.number", count=2, filter=f'udp contains "{frames.MARKER.decode()}" && !icmp')
        forbidden = f'frame contains "{frames.FORBIDDEN.decode()}"'
        assert at_a.packets("frame.number", filter=forbidden) == []
        assert at_red.packets("frame.number", filter="udp.dstport == 9") == []


def test_isolation(net):
    """A frame for all is for all of one virtual subnet; in the other it is off."""
    net.mode("0.0.0.0")
    with net.dropped("red_a", BROADCAST_OFF=1):
        assert net.heard("red_a") == set()
    assert net.heard("a", by={"b", "c"}) & {"red_a", "red_b"} == set()


UDHCPC = """#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr flush dev "$interface"
ip addr add "$ip/$mask" dev "$interface"
"""


@pytest.mark.parametrize("mode", [GROUP, "0.0.0.0"])
def test_dhcp_server_on_another_host(net, mode):
    """A guest without an address asks all; a DHCP server in a guest of another host answers it (HN-8)."""
    net.mode(mode)
    lease, server = net.guests["lease"], net.guests["b"]
    lab = net.hosts[0].ns.lab
    script = lab.path("udhcpc")
    with open(script, "w", encoding="ascii") as file:
        file.write(UDHCPC)
    run("chmod", "755", script)
    lease.run("ip", "addr", "flush", "dev", "eth0")
    dnsmasq = Process(*server.command("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--no-ping",
                                      "--interface=eth0", "--dhcp-range=10.10.10.50,10.10.10.59,255.255.255.0,1h", "--log-dhcp",
                                      f"--dhcp-leasefile={lab.path(f'leases-{mode}')}", "--log-facility=-", "--user=root",
                                      f"--pid-file={lab.path(f'dnsmasq-{mode}.pid')}"))
    with contextlib.closing(dnsmasq), Capture(net.hosts[0].ns, underlay.UPLINK) as wire:
        wait_for(lambda: ":67 " in server.run("ss", "-lun").out, 10, "dnsmasq to listen")
        lease.run("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", 5, "-T", 1, "-s", script)
        address = json.loads(lease.run("ip", "-json", "addr", "show", "dev", "eth0").out)[0]["addr_info"][0]["local"]
    assert re.fullmatch(r"10\.10\.10\.5\d", address)
    kinds = {packet["dhcp.option.dhcp"][0] for packet in wire.packets("dhcp.option.dhcp", filter="gre && dhcp")}
    assert kinds == {"1", "2", "3", "5"}
    # the request reached the wire as one packet or as one for each other host, and never came back
    discover = wire.packets("ip.dst", filter="dhcp.option.dhcp == 1")
    assert {packet["ip.dst"][0] for packet in discover} == ({GROUP} if mode == GROUP else {PAS[1], PAS[2]})
