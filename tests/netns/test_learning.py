# SPDX-License-Identifier: Apache-2.0
"""Addresses that are learnt of machines whose record has none: by ARP, and by DHCP with real clients and a real server.

Catalogue 2.4 (HN-8), 2.5, 3.5; docs/decisions/0013.
"""

import contextlib
import json
import re

import pytest

import frames
from fabric import DOMAIN, PAS, two_hosts
from kit import Capture, Lab, Process, run, underlay, wait_for
from labs import colons
from support import Dropped, Wire, assert_settled, hang_up, health, total_writes

# Name: host, VSID, MAC, address; None: an L2Only record.
GUESTS = {
    "server": (0, 5010, "000000000011", "10.10.10.11"),
    "far": (1, 5010, "000000000012", "10.10.10.12"),
    "other": (0, 5012, "000000000013", "10.10.12.13"),
    "one": (0, 5010, "000000000021", None),
    "two": (0, 5010, "000000000022", None),
}
V6 = "2001:db8:10::"
UDHCPC = """#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr flush dev "$interface"
ip addr add "$ip/$mask" dev "$interface"
"""


class Net:
    def __init__(self, lab):
        self.lab = lab
        self.hosts = two_hosts(lab)
        self.host = self.hosts[0]
        for host in self.hosts:
            for vsid in (5010, 5012):
                # one routing domain: so what is learnt is routed to, too
                host.do("New-NetVirtualizationCustomerRoute", RoutingDomainID=DOMAIN.format(vsid="5010"), VirtualSubnetID=vsid,
                        DestinationPrefix=f"10.10.{vsid - 5000}.0/24", NextHop="0.0.0.0", Metric=255)
                host.record(vsid, f"10.10.{vsid - 5000}.1", f"00000000{vsid}", "169.254.254.254")
            for name, (where, vsid, mac, address) in GUESTS.items():
                if address:
                    host.record(vsid, address, mac, PAS[where])
                else:
                    self.l2only(name, host)
            host.do("New-NetVirtualizationCustomerRoute", RoutingDomainID=DOMAIN.format(vsid="5010"), VirtualSubnetID=5010,
                    DestinationPrefix=f"{V6}/64", NextHop="::", Metric=255)
            host.record(5010, f"{V6}11", GUESTS["server"][2], PAS[0])
            self.l2only("one", host, "::")
            host.do("New-NetVirtualizationBroadcast", VirtualSubnetID=5010)
        self.guests = {}
        for name, (where, vsid, mac, address) in GUESTS.items():
            self.guests[name] = self.hosts[where].guest(name, address, mac, vsid)
            self.guests[name].run("ip", "link", "set", "eth0", "arp", "on")
        self.guests["other"].run("ip", "route", "add", "default", "via", "10.10.12.1")

    @staticmethod
    def l2only(name, host, address="0.0.0.0"):
        where, vsid, mac, _address = GUESTS[name]
        host.do("New-NetVirtualizationLookupRecord", VirtualSubnetID=vsid, CustomerAddress=address, MACAddress=mac,
                ProviderAddress=PAS[where], Rule="TranslationMethodEncap", Type="L2Only")

    def learnt(self, name=None):
        records = self.host.daemon.http("POST", "/v1/cmdlet/Get-NetVirtualizationLookupRecord", {"parameters": {}})[1]["objects"]
        return {r["CustomerAddress"] for r in records
                if r["Type"] == "Dynamic" and (not name or r["MACAddress"] == GUESTS[name][2])}

    def wait_learnt(self, name, *addresses):
        wait_for(lambda: self.learnt(name) == set(addresses), 10, f"{name} to have {addresses}",
                 lambda: f"{self.learnt(name)}\n{self.host.daemon.log_tail()}")

    def forget(self):
        """As at the start: no addresses at the two, and none learnt."""
        for name in ("one", "two"):
            self.guests[name].run("ip", "addr", "flush", "dev", "eth0")
            self.guests[name].run("ip", "neigh", "flush", "dev", "eth0")
            self.host.do("Set-VMNetworkAdapter", VMName=name, DynamicIPAddressLimit=0)
        for address in self.learnt():
            self.host.do("Remove-NetVirtualizationLookupRecord", CustomerAddress=address)
        assert self.learnt() == set()

    def announce(self, name, address):
        """The address on the guest's adapter, and a gratuitous ARP for it."""
        guest = self.guests[name]
        guest.run("ip", "addr", "add", f"{address}/24", "dev", "eth0")
        guest.run("arping", "-A", "-q", "-c", 1, "-I", "eth0", address, check=False)

    def dropped(self, name, **reasons):
        host = self.hosts[GUESTS[name][0]]
        return Dropped(host.daemon, host.port(name), **reasons)

    @contextlib.contextmanager
    def dhcp_server(self, name, first, last):
        server, tag = self.guests[name], f"{name}-{first}"
        process = Process(*server.command(
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--no-ping", "--interface=eth0",
            f"--dhcp-range={first},{last},255.255.255.0,1h", f"--dhcp-leasefile={self.lab.path('leases-' + tag)}",
            "--log-facility=-", "--user=root", f"--pid-file={self.lab.path('dnsmasq-' + tag)}"))
        with contextlib.closing(process):
            wait_for(lambda: ":67 " in server.run("ss", "-lun").out, 10, "dnsmasq to listen")
            yield

    def lease(self, name):
        """What a DHCP client in the guest gets."""
        script = self.lab.path("udhcpc")
        with open(script, "w", encoding="ascii") as file:
            file.write(UDHCPC)
        run("chmod", "755", script)
        guest = self.guests[name]
        guest.run("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", 5, "-T", 1, "-s", script)
        return json.loads(guest.run("ip", "-json", "addr", "show", "dev", "eth0").out)[0]["addr_info"][0]["local"]


@pytest.fixture(scope="module", name="all_of_it")
def _all():
    with Lab("nst") as lab:
        net = Net(lab)
        yield net
        for host in net.hosts:
            assert_settled(host.daemon)


@pytest.fixture(name="net")
def _net(all_of_it):
    all_of_it.forget()
    return all_of_it


def reaches(guest, address):
    """A guest that found nobody at an address asks again after a while only."""
    guest.run("ip", "neigh", "flush", "dev", "eth0")
    return guest.ping(address)


def test_announced(net):
    server, one = net.guests["server"], net.guests["one"]
    assert not reaches(server, "10.10.10.21")
    net.announce("one", "10.10.10.21")
    net.wait_learnt("one", "10.10.10.21")
    record = net.host.do("Get-NetVirtualizationLookupRecord", Type="Dynamic")
    assert [(r["VirtualSubnetID"], r["CustomerAddress"], r["MACAddress"], r["ProviderAddress"], r["Rule"], r["Type"]) for r in record] \
        == [(5010, "10.10.10.21", GUESTS["one"][2], PAS[0], "TranslationMethodEncap", "Dynamic")]
    # found by ARP, a valid source, and routed to from another subnet of the domain
    assert reaches(server, "10.10.10.21") and one.ping("10.10.10.11")
    assert net.guests["other"].ping("10.10.10.21") is False
    one.run("ip", "route", "replace", "default", "via", "10.10.10.1")
    assert net.guests["other"].ping("10.10.10.21")
    # without an announcement: a first question is one, too
    net.guests["two"].run("ip", "addr", "add", "10.10.10.22/24", "dev", "eth0")
    assert net.guests["two"].ping("10.10.10.11")
    net.wait_learnt("two", "10.10.10.22")
    assert reaches(one, "10.10.10.22")


def test_announced_by_neighbour_discovery(net):
    server, one = net.guests["server"], net.guests["one"]
    for guest, address in ((server, f"{V6}11"), (one, f"{V6}21")):
        guest.run("sysctl", "-qw", "net.ipv6.conf.eth0.accept_ra=0", "net.ipv6.conf.eth0.router_solicitations=0",
                  "net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.eth0.disable_ipv6=0")
        guest.run("ip", "addr", "add", f"{address}/64", "dev", "eth0", "nodad")
    assert net.learnt() == set()
    # its first question says who has its address
    assert one.ping(f"{V6}11")
    net.wait_learnt("one", f"{V6}21")
    server.run("ip", "neigh", "flush", "dev", "eth0")
    assert server.ping(f"{V6}21")
    # neither another's nor one outside
    one.run("ip", "addr", "add", f"{V6}11/64", "dev", "eth0", "nodad")
    one.run("ping", "-n", "-c", 1, "-W", 1, "-I", f"{V6}11", f"{V6}77", check=False)
    one.run("ip", "addr", "add", "2001:db8:99::1/64", "dev", "eth0", "nodad")
    one.run("ping", "-n", "-c", 1, "-W", 1, "2001:db8:99::2", check=False)
    wait_for(lambda: "Wnv.DynamicAddressOutside: 000000000021 in virtual subnet 5010 has 2001:db8:99::1" in net.host.daemon.log_tail(),
             10, "the refusal in the log", net.host.daemon.log_tail)
    assert net.learnt() == {f"{V6}21"}
    for guest in (server, one):
        guest.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")


@pytest.mark.parametrize("server", ["server", "far"])
def test_leased(net, server):
    """By a DHCP server on this host and on another one; a guest that only asks for its address announces nothing."""
    first = "10.10.10.100" if server == "server" else "10.10.10.110"
    with net.dhcp_server(server, first, first[:-1] + "9"):
        address = net.lease("one")
        net.wait_learnt("one", address)
        assert address.startswith(first[:-1])
        # a renewal says nothing new
        writes = total_writes(net.host.daemon)
        assert net.lease("one") == address
        assert hang_up(net.host.daemon)["lastWrites"] == 0 and total_writes(net.host.daemon) == writes
    assert reaches(net.guests["server"], address)
    assert "by its lease" in net.host.daemon.log_tail()


def test_another_lease_replaces_the_first(net):
    with net.dhcp_server("server", "10.10.10.120", "10.10.10.129"):
        first = net.lease("one")
        net.wait_learnt("one", first)
    net.guests["one"].run("ip", "addr", "flush", "dev", "eth0")
    with net.dhcp_server("server", "10.10.10.130", "10.10.10.139"):
        second = net.lease("one")
        net.wait_learnt("one", second)
    assert first != second


def test_survives_a_restart(net):
    net.announce("one", "10.10.10.21")
    net.wait_learnt("one", "10.10.10.21")
    net.host.daemon.kill9()
    assert reaches(net.guests["server"], "10.10.10.21")
    # said while nobody listens: heard as soon as somebody does
    net.announce("two", "10.10.10.22")
    net.host.daemon.start()
    net.wait_learnt("two", "10.10.10.22")
    assert net.learnt() == {"10.10.10.21", "10.10.10.22"}
    net.host.daemon.kill9()
    net.host.daemon.start()
    assert total_writes(net.host.daemon) == 0
    assert net.learnt() == {"10.10.10.21", "10.10.10.22"}


def test_nobody_takes_what_another_has(net):
    """A static record's address, another's learnt one, and the router's: neither by ARP nor as a source."""
    net.announce("one", "10.10.10.21")
    net.wait_learnt("one", "10.10.10.21")
    two = net.guests["two"]
    mac = colons(GUESTS["two"][2])
    for address in ("10.10.10.21", "10.10.10.11", "10.10.10.1"):
        with Wire(two, "eth0") as wire, net.dropped("two", SOURCE_NOT_IN_POLICY=3):
            wire.send(frames.arp(src=mac, sha=mac, spa=address, tpa="10.10.10.12"))
            wire.send(frames.arp(op="is-at", src=mac, sha=mac, spa=address, tpa=address))
            wire.send(frames.udp(src=mac, dst=colons(GUESTS["server"][2]), ip_src=address, ip_dst="10.10.10.11"))
    # nor for another machine
    with Wire(two, "eth0") as wire, net.dropped("two", ARP_SPOOFED=1):
        wire.send(frames.arp(op="is-at", src=mac, sha=colons(GUESTS["one"][2]), spa="10.10.10.77", tpa="10.10.10.77"))
    # nor by a lease that somebody makes up
    lie = frames.dhcp_ack(src=colons(GUESTS["server"][2]), dst=mac, ip_src="10.10.10.11", address="10.10.10.21")
    with Wire(net.guests["server"], "eth0") as wire, Capture(two.netns, "eth0", net.lab.path("lie.pcap")) as capture:
        wire.send(lie)
        capture.wait_packets("frame.number", filter="dhcp.option.dhcp == 5")
    wait_for(lambda: "Wnv.CustomerAddressInUse" in net.host.daemon.log_tail(), 10, "the refusal in the log")
    assert net.learnt() == {"10.10.10.21"}


def test_static_wins(net):
    net.announce("one", "10.10.10.21")
    net.wait_learnt("one", "10.10.10.21")
    record = dict(VirtualSubnetID=5010, ProviderAddress=PAS[0], Rule="TranslationMethodEncap", CustomerAddress="10.10.10.21")
    # of the machine itself: it is no longer learnt, and stays
    answer = net.host.daemon.http("POST", "/v1/cmdlet/New-NetVirtualizationLookupRecord",
                                  {"parameters": {**record, "MACAddress": GUESTS["one"][2]}})[1]
    assert not answer["errors"] and not answer["warnings"]
    assert net.learnt() == set()
    assert reaches(net.guests["server"], "10.10.10.21")
    net.host.do("Remove-NetVirtualizationLookupRecord", CustomerAddress="10.10.10.21")
    net.announce("one", "10.10.10.23")
    net.wait_learnt("one", "10.10.10.23")
    # of another: it says so, and the first one may not use it any more
    answer = net.host.daemon.http("POST", "/v1/cmdlet/New-NetVirtualizationLookupRecord",
                                  {"parameters": {**record, "CustomerAddress": "10.10.10.23", "MACAddress": GUESTS["two"][2]}})[1]
    assert not answer["errors"] and "Wnv.DynamicRecordReplaced" in json.dumps(answer["warnings"])
    assert net.learnt() == set()
    mac = colons(GUESTS["one"][2])
    with Wire(net.guests["one"], "eth0") as wire, net.dropped("one", SOURCE_NOT_IN_POLICY=1):
        wire.send(frames.udp(src=mac, dst=colons(GUESTS["server"][2]), ip_src="10.10.10.23", ip_dst="10.10.10.11"))
    net.host.do("Remove-NetVirtualizationLookupRecord", CustomerAddress="10.10.10.23")


def test_outside_the_subnet(net):
    """What no machine of the subnet can have is not learnt: another prefix, the network's and the broadcast address."""
    for address in ("192.0.2.1", "10.10.10.0", "10.10.10.255"):
        mac = colons(GUESTS["one"][2])
        with Wire(net.guests["one"], "eth0") as wire:
            wire.send(frames.arp(op="is-at", src=mac, sha=mac, spa=address, tpa=address))
        wait_for(lambda address=address: f"has {address}, which is no machine's" in net.host.daemon.log_tail(), 10,
                 f"{address} in the log", net.host.daemon.log_tail)
    assert net.learnt() == set()


def test_limit(net):
    net.host.do("Set-VMNetworkAdapter", VMName="one", DynamicIPAddressLimit=2)
    assert net.host.adapter("one")["DynamicIPAddressLimit"] == 2
    for last in (21, 23):
        net.announce("one", f"10.10.10.{last}")
        net.wait_learnt("one", *[f"10.10.10.{n}" for n in (21, 23) if n <= last])
    # No more is heard of announcements; a lease still is, and refused.
    net.announce("one", "10.10.10.25")
    with net.dhcp_server("server", "10.10.10.140", "10.10.10.149"):
        net.guests["one"].run("ip", "addr", "flush", "dev", "eth0")
        net.lease("one")
        wait_for(lambda: "Wnv.DynamicAddressLimit" in net.host.daemon.log_tail(), 10, "the refusal in the log")
    assert net.learnt("one") == {"10.10.10.21", "10.10.10.23"}
    # of the other guest nothing is taken away
    net.announce("two", "10.10.10.22")
    net.wait_learnt("two", "10.10.10.22")


def test_flood(net):
    """A guest that announces more than anybody has: the host learns so many, hears so many, and goes on working."""
    mac = colons(GUESTS["one"][2])
    before = health(net.host.daemon)["reconcile"]["passes"]
    with Wire(net.guests["one"], "eth0") as wire:
        for i in range(2000):
            address = f"10.10.10.{30 + i % 200}"
            wire.send(frames.arp(op="is-at", src=mac, sha=mac, spa=address, tpa=address))
        wait_for(lambda: net.learnt("one"), 10, "an address to be learnt")
        sent = 0
        while len(net.learnt("one")) < 16:
            # a second later the next few are heard
            address = f"10.10.10.{30 + sent % 200}"
            wire.send(frames.arp(op="is-at", src=mac, sha=mac, spa=address, tpa=address))
            sent += 1
            assert sent < 100000
        for i in range(200):
            address = f"10.10.10.{30 + i}"
            wire.send(frames.arp(op="is-at", src=mac, sha=mac, spa=address, tpa=address))
    net.announce("two", "10.10.10.22")
    net.wait_learnt("two", "10.10.10.22")
    assert len(net.learnt("one")) == 16
    assert health(net.host.daemon)["reconcile"]["passes"] - before <= 16 + 5
    net.host.daemon.kill9()
    net.host.daemon.start()
    assert len(net.learnt("one")) == 16


def test_gone_with_the_record(net):
    net.announce("one", "10.10.10.21")
    net.announce("two", "10.10.10.22")
    net.wait_learnt("one", "10.10.10.21")
    net.wait_learnt("two", "10.10.10.22")
    net.host.do("Remove-NetVirtualizationLookupRecord", MACAddress=GUESTS["one"][2], Type="L2Only")
    assert net.learnt() == {"10.10.10.22"}
    with net.dropped("one", SOURCE_NOT_IN_POLICY=1):
        net.announce("one", "10.10.10.25")
    net.l2only("one", net.host)
    net.guests["one"].run("arping", "-A", "-q", "-c", 1, "-I", "eth0", "10.10.10.25", check=False)
    net.wait_learnt("one", "10.10.10.25")


def test_gone_with_the_port(net):
    net.announce("one", "10.10.10.21")
    net.wait_learnt("one", "10.10.10.21")
    net.host.do("Set-VMNetworkAdapter", VMName="one", VirtualSubnetId=5012)
    assert net.learnt() == set()
    net.host.do("Set-VMNetworkAdapter", VMName="one", VirtualSubnetId=5010)
    net.guests["one"].run("arping", "-A", "-q", "-c", 1, "-I", "eth0", "10.10.10.21", check=False)
    net.wait_learnt("one", "10.10.10.21")
    net.host.do("Stop-VM", Name="one", TurnOff=True)
    assert net.learnt() == set()
    net.guests["one"] = net.host.start("one")


def test_follows_its_record(net):
    """LM-2: when the machine moves, Set-NetVirtualizationLookupRecord on its record moves what was learnt, too."""
    net.announce("one", "10.10.10.21")
    net.wait_learnt("one", "10.10.10.21")

    def address():
        return net.host.do("Get-NetVirtualizationLookupRecord", CustomerAddress="10.10.10.21")[0]["ProviderAddress"]
    net.host.do("Set-NetVirtualizationLookupRecord", MACAddress=GUESTS["one"][2], CustomerAddress="0.0.0.0", ProviderAddress=PAS[1])
    assert address() == PAS[1]
    net.host.do("Set-NetVirtualizationLookupRecord", MACAddress=GUESTS["one"][2], ProviderAddress=PAS[0])
    assert address() == PAS[0]
    assert reaches(net.guests["server"], "10.10.10.21")


def test_other_hosts_know_their_own_policy_alone(net):
    """Nothing tells them; what somebody enters there makes the machine known there."""
    net.announce("one", "10.10.10.21")
    net.wait_learnt("one", "10.10.10.21")
    far = net.guests["far"]
    assert not reaches(far, "10.10.10.21")
    net.hosts[1].do("New-NetVirtualizationLookupRecord", VirtualSubnetID=5010, CustomerAddress="10.10.10.21",
                    MACAddress=GUESTS["one"][2], ProviderAddress=PAS[0], Rule="TranslationMethodEncap", Type="Dynamic")
    assert reaches(far, "10.10.10.21")
    # whatever the first host would let it send as: what a record here gives to another is that one's
    net.hosts[1].record(5010, "10.10.10.99", "000000000099", PAS[0])
    mac = colons(GUESTS["one"][2])
    with Wire(net.guests["one"], "eth0") as wire, Dropped(net.hosts[1].daemon, underlay.UPLINK, INNER_SOURCE_UNKNOWN=1):
        wire.send(frames.udp(src=mac, dst=colons(GUESTS["far"][2]), ip_src="10.10.10.99", ip_dst="10.10.10.12"))
    net.hosts[1].do("Remove-NetVirtualizationLookupRecord", CustomerAddress=["10.10.10.21", "10.10.10.99"])
