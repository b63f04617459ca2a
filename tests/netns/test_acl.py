# SPDX-License-Identifier: Apache-2.0
"""Access control lists with real guests: what passes and what does not, on both hosts, with and without a virtual subnet."""

import contextlib
import glob
import os
import socket
import time

import pytest

from fabric import Host
from frames import A_IP, B_IP
from kit import Lab, underlay, wait_for
from support import Dropped, assert_settled, dump, health, inside
from test_statistics import PING_BYTES, know_each_other, statistics

TIMEOUT = 1.0
SECOND = 10**9


class Rules:
    """Rules of a machine's adapter, taken away again at the end."""

    def __init__(self, host, vm):
        self.host, self.vm = host, vm

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.clear()
        return False

    def entry(self, action, direction="Both", **addresses):
        self.host.do("Add-VMNetworkAdapterAcl", VMName=self.vm, Action=action, Direction=direction, **addresses)

    def remove(self, action, direction="Both", **addresses):
        self.host.do("Remove-VMNetworkAdapterAcl", VMName=self.vm, Action=action, Direction=direction, **addresses)

    def rule(self, action, direction, weight, **more):
        self.host.do("Add-VMNetworkAdapterExtendedAcl", VMName=self.vm, Action=action, Direction=direction, Weight=weight, **more)

    def remove_rule(self, direction, weight):
        self.host.do("Remove-VMNetworkAdapterExtendedAcl", VMName=self.vm, Direction=direction, Weight=weight)

    def deny_the_rest(self, *directions):
        for direction in directions:
            self.rule("Deny", direction, 1)

    def clear(self):
        for noun in ("Acl", "ExtendedAcl"):
            self.host.daemon.pipeline(f"Get-VMNetworkAdapter{noun} {self.vm} | Remove-VMNetworkAdapter{noun}")


@contextlib.contextmanager
def udp_socket(guest, address, port):
    with inside(guest.netns):
        made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    with made:
        made.bind((address, port))
        made.settimeout(TIMEOUT)
        yield made


def says(source, to, target):
    """Does a datagram from one socket arrive at the other?"""
    text = b"%d" % time.monotonic_ns()
    source.sendto(text, to)
    with contextlib.suppress(TimeoutError):
        return target.recvfrom(100)[0] == text
    return False


@contextlib.contextmanager
def listener(guest, address, port):
    with inside(guest.netns):
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen(1)
        made.settimeout(TIMEOUT)
        yield made


def connect(guest, address, port):
    """A connected socket, or None."""
    with inside(guest.netns):
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.settimeout(TIMEOUT)
    try:
        made.connect((address, port))
        return made
    except TimeoutError:
        made.close()
        return None


def connects(guest, other, address, port):
    """Does a connection come about, and carry a word each way?"""
    with listener(other, address, port) as listening:
        client = connect(guest, address, port)
        if not client:
            return False
        with client, listening.accept()[0] as server:
            server.settimeout(TIMEOUT)
            client.sendall(b"there")
            assert server.recv(100) == b"there"
            server.sendall(b"back")
            return client.recv(100) == b"back"


def arrives(connection, other):
    """Of an established connection: does what one end sends reach the other?"""
    connection.sendall(b"x")
    with contextlib.suppress(TimeoutError):
        return other.recv(100) == b"x"
    return False


# -- entries

def test_deny_outbound(pair):
    host = pair.hosts[0]
    know_each_other(pair.a, pair.b)
    with Rules(host, "a") as rules:
        assert pair.a.ping(B_IP)
        rules.entry("Deny", "Outbound", RemoteIPAddress="10.10.10.0/24")
        with Dropped(host.daemon, host.port("a"), ACL_OUTBOUND=3):
            assert not pair.a.ping(B_IP, count=3)
        # AC-2: the longest prefix, not the last word
        rules.entry("Allow", "Outbound", RemoteIPAddress=B_IP)
        assert pair.a.ping(B_IP)
        rules.remove("Allow", "Outbound", RemoteIPAddress=B_IP)
        rules.remove("Deny", "Outbound", RemoteIPAddress="10.10.10.0/24")
        assert pair.a.ping(B_IP)


def test_deny_inbound(pair):
    """At the receiver's host, whatever brings it there; counted where the rule is, and shown with it."""
    host = pair.hosts[1]
    know_each_other(pair.a, pair.b)
    with Rules(host, "b") as rules:
        rules.entry("Deny", "Inbound", RemoteIPAddress=A_IP)
        before = statistics(host, "b")[1].get("ACL_INBOUND", 0)
        with Dropped(host.daemon, host.port("b"), ACL_INBOUND=3), Dropped(host.daemon, underlay.UPLINK):
            assert not pair.a.ping(B_IP, count=3)
        (found,) = host.do("Get-VMNetworkAdapterStatistics", VMName="b")
        (shown,) = [drop for drop in found["Drops"] if drop["Reason"] == "ACL_INBOUND"]
        assert (shown["Packets"], shown["Rule"]) == (before + 3, "AC-2")
        rules.clear()
        assert pair.a.ping(B_IP)


def test_mac_entries(pair):
    with Rules(pair.hosts[0], "a") as rules:
        rules.entry("Deny", "Outbound", RemoteMacAddress="ANY")
        assert not pair.a.ping(B_IP)
        rules.entry("Allow", "Outbound", RemoteMacAddress="000000000012")
        assert pair.a.ping(B_IP)


def test_meters(pair):
    """Each packet once, by the longest prefix; nothing of what is denied. Other rules do not disturb the count."""
    host = pair.hosts[0]
    know_each_other(pair.a, pair.b)
    with Rules(host, "a") as rules:
        rules.entry("Meter", "Both", RemoteIPAddress=["0.0.0.0/0", "10.10.10.0/24"])

        def metered():
            found = host.do("Get-VMNetworkAdapterAcl", VMName="a")
            return {(m["Direction"], m["RemoteAddress"]): (m["MeteredPackets"], m["MeteredBytes"]) for m in found if m["Action"] == "Meter"}
        assert pair.a.ping(B_IP, count=5)
        counted = (5, 5 * PING_BYTES)
        assert metered() == {("Inbound", "0.0.0.0/0"): (0, 0), ("Inbound", "10.10.10.0/24"): counted,
                             ("Outbound", "0.0.0.0/0"): (0, 0), ("Outbound", "10.10.10.0/24"): counted}
        rules.entry("Deny", "Outbound", RemoteIPAddress=B_IP)
        assert not pair.a.ping(B_IP, count=2)
        assert metered()["Outbound", "10.10.10.0/24"] == counted
        rules.remove("Deny", "Outbound", RemoteIPAddress=B_IP)
        assert pair.a.ping(B_IP, count=1)
        assert metered()["Outbound", "10.10.10.0/24"] == (6, 6 * PING_BYTES)


# -- extended rules

def test_ports_and_protocols(pair):
    with Rules(pair.hosts[0], "a") as rules:
        rules.rule("Allow", "Outbound", 10, Protocol="TCP", RemotePort="8080-8089")
        rules.rule("Allow", "Outbound", 9, Protocol="1", RemoteIPAddress=B_IP)
        rules.deny_the_rest("Outbound")
        assert pair.a.ping(B_IP)
        assert connects(pair.a, pair.b, B_IP, 8080) and connects(pair.a, pair.b, B_IP, 8089)
        with Dropped(pair.hosts[0].daemon, pair.hosts[0].port("a"), EXTENDED_ACL_OUTBOUND=1):
            with udp_socket(pair.a, A_IP, 5000) as a, udp_socket(pair.b, B_IP, 5000) as b:
                assert not says(a, (B_IP, 5000), b)
        assert not connects(pair.a, pair.b, B_IP, 8090)


def test_stateful(pair):
    """AC-4: what a begins is answered, what b begins is not."""
    with Rules(pair.hosts[0], "a") as rules:
        rules.rule("Allow", "Outbound", 10, Stateful=True)
        rules.deny_the_rest("Inbound")
        assert pair.a.ping(B_IP)
        assert not pair.b.ping(A_IP)
        assert connects(pair.a, pair.b, B_IP, 8080)
        assert not connects(pair.b, pair.a, A_IP, 8080)
        with udp_socket(pair.a, A_IP, 5000) as a, udp_socket(pair.b, B_IP, 5000) as b:
            assert not says(b, (A_IP, 5000), a)
            assert says(a, (B_IP, 5000), b)
            assert says(b, (A_IP, 5000), a)


def test_too_big_in_a_session(pair):
    """The answer of a host on the way to a packet of a session is let through: path MTU discovery goes on."""
    with Rules(pair.hosts[0], "a") as rules:
        rules.rule("Allow", "Outbound", 10, Protocol="UDP", Stateful=True)
        rules.deny_the_rest("Outbound", "Inbound")
        # nothing listens there: port unreachable
        with udp_socket(pair.a, A_IP, 5001) as a:
            a.connect((B_IP, 5999))
            a.send(b"is anybody there")
            with pytest.raises(ConnectionRefusedError):
                a.recv(100)


def flows(host, remote_port):
    """When each session with that remote port saw its last packet, by CLOCK_MONOTONIC."""
    found = []
    for entry in dump(host.daemon, "acl_flows"):
        key, value = (bytes(int(h, 16) for h in entry[name]) for name in ("key", "value"))
        if key[38:40] == remote_port.to_bytes(2, "big") and int.from_bytes(value[32:36], "little"):
            found.append(int.from_bytes(value[16:24], "little"))
    return found


def test_idle_timeout(pair):
    host = pair.hosts[0]
    with Rules(host, "a") as rules:
        rules.rule("Allow", "Outbound", 10, Protocol="UDP", Stateful=True, IdleSessionTimeout=1)
        rules.deny_the_rest("Inbound")
        with udp_socket(pair.a, A_IP, 5002) as a, udp_socket(pair.b, B_IP, 5777) as b:
            assert says(a, (B_IP, 5777), b)
            assert says(b, (A_IP, 5002), a)
            (seen,) = flows(host, 5777)
            wait_for(lambda: time.monotonic_ns() > seen + 2 * SECOND, 10, "the session to be idle for longer than a second")
            assert not says(b, (A_IP, 5002), a)
            assert says(a, (B_IP, 5777), b)
            assert says(b, (A_IP, 5002), a)


def test_a_removed_rule_ends_its_sessions(pair):
    """At once, in the middle of a connection; another rule that comes or goes does not."""
    with Rules(pair.hosts[0], "a") as rules, listener(pair.b, B_IP, 8080) as listening:
        rules.rule("Allow", "Outbound", 10, Protocol="TCP", Stateful=True)
        rules.deny_the_rest("Inbound")
        client = connect(pair.a, B_IP, 8080)
        with client, listening.accept()[0] as server:
            server.settimeout(TIMEOUT)
            assert arrives(client, server) and arrives(server, client)
            rules.rule("Deny", "Outbound", 20, Protocol="UDP")
            assert arrives(server, client) and arrives(client, server)
            rules.remove_rule("Outbound", 10)
            # Without the rule everything may go out, but nothing comes back.
            assert not arrives(server, client)
        rules.clear()


def test_they_hold_without_the_daemon(pair):
    """Rules and sessions are in the kernel: a daemon that dies takes nothing along, one that comes back writes nothing."""
    host = pair.hosts[0]
    with Rules(host, "a") as rules, listener(pair.b, B_IP, 8080) as listening:
        rules.rule("Allow", "Outbound", 10, Protocol="TCP", Stateful=True)
        rules.rule("Deny", "Outbound", 5)
        rules.deny_the_rest("Inbound")
        rules.entry("Meter", "Both", RemoteIPAddress="ANY")
        client = connect(pair.a, B_IP, 8080)
        with client, listening.accept()[0] as server:
            server.settimeout(TIMEOUT)
            host.daemon.kill9()
            assert arrives(client, server) and arrives(server, client)
            assert not pair.a.ping(B_IP)
            host.daemon.start()
            account = health(host.daemon)["reconcile"]
            assert (account["totalWrites"], account["failures"]) == (0, 0)
            assert arrives(client, server) and arrives(server, client)
            assert not pair.a.ping(B_IP)


def test_both_hosts(pair):
    """A rule at each end: both must agree."""
    with Rules(pair.hosts[0], "a") as a, Rules(pair.hosts[1], "b") as b:
        a.rule("Allow", "Outbound", 10, Protocol="TCP", RemotePort="8080-8081", Stateful=True)
        a.deny_the_rest("Outbound", "Inbound")
        b.rule("Allow", "Inbound", 10, Protocol="TCP", LocalPort="8081-8082", Stateful=True)
        b.deny_the_rest("Outbound", "Inbound")
        assert [connects(pair.a, pair.b, B_IP, port) for port in (8080, 8081, 8082)] == [False, True, False]
        assert not connects(pair.b, pair.a, A_IP, 8081)


def test_a_thousand_rules(pair):
    """The last of them decides."""
    if pair.kind != "veth":
        pytest.skip("the way of the packets makes no difference")
    host = pair.hosts[0]
    with Rules(host, "a") as rules:
        host.daemon.pipeline("1..999 | ForEach-Object { Add-VMNetworkAdapterExtendedAcl a Deny Outbound -RemoteIPAddress "
                             "\"10.20.$($_ % 250).0/24\" -Protocol TCP -RemotePort $_ -Weight ($_ + 100) }")
        rules.rule("Deny", "Outbound", 1, Protocol="TCP", RemotePort="8081")
        assert len(host.do("Get-VMNetworkAdapterExtendedAcl", VMName="a")) == 1000
        assert connects(pair.a, pair.b, B_IP, 8080)
        assert not connects(pair.a, pair.b, B_IP, 8081)
        assert pair.a.ping(B_IP)


# -- on one host: the same addresses in two virtual subnets and on a plain switch

TENANTS = {"blue": 5010, "red": 5011, "plain": 0, "free": 5030}


@pytest.fixture(scope="module", name="net")
def _net():
    """Two guests in each of two virtual subnets with policy, in one without, and without any; the addresses are the same."""
    with Lab("nst") as lab:
        ns, outside = lab.namespaces("host", "outside")
        underlay.veth(ns, outside)
        host = Host(ns, "host")
        host.switch()
        host.provider("214.214.51.42")
        host.guests = {}
        for number, (tenant, vsid) in enumerate(TENANTS.items()):
            for name, last in (("a", 11), ("b", 12)):
                mac = f"0000000000{number + 1}{last - 10}"
                if vsid in (5010, 5011):
                    host.record(vsid, f"10.10.10.{last}", mac, "214.214.51.42")
                host.guests[tenant, name] = host.guest(f"{tenant}-{name}", f"10.10.10.{last}", mac, vsid)
            if vsid in (5010, 5011):
                host.subnet(vsid, "10.10.10.0/24")
        yield host
        # Rules stay: the end of every test holds with them, too.
        for tenant in TENANTS:
            Rules(host, f"{tenant}-a").rule("Deny", "Inbound", 7, RemoteIPAddress=B_IP, Stateful=False)
            Rules(host, f"{tenant}-a").entry("Meter", "Both", RemoteIPAddress="ANY")
        assert_settled(host.daemon)


@pytest.mark.parametrize("direction, where", [("Outbound", "a"), ("Inbound", "b")])
@pytest.mark.parametrize("tenant", TENANTS)
def test_only_this_tenant(net, tenant, direction, where):
    """A firewall tells 10.10.10.11 of one virtual subnet from that of another."""
    with Rules(net, f"{tenant}-{where}") as rules:
        rules.entry("Deny", direction, RemoteIPAddress="10.10.10.0/24")
        assert {t: net.guests[t, "a"].ping(B_IP) for t in TENANTS} == {t: t != tenant for t in TENANTS}
    assert net.guests[tenant, "a"].ping(B_IP)


@pytest.mark.parametrize("tenant", TENANTS)
def test_sessions_of_tenants(net, tenant):
    a, b = net.guests[tenant, "a"], net.guests[tenant, "b"]
    with Rules(net, f"{tenant}-a") as rules:
        rules.rule("Allow", "Outbound", 10, Stateful=True)
        rules.deny_the_rest("Inbound")
        assert connects(a, b, B_IP, 8080)
        assert not connects(b, a, A_IP, 8080)
        assert a.ping(B_IP) and not b.ping(A_IP)
        others = {t: net.guests[t, "b"].ping(A_IP) for t in TENANTS if t != tenant}
        assert others == {t: True for t in others}


def test_isolation_id(net):
    """AC-5: the rule is for one virtual subnet, and sleeps while the port is in another."""
    a = net.guests["free", "a"]
    with Rules(net, "free-a") as rules:
        rules.rule("Deny", "Outbound", 10, IsolationID=5031)
        assert a.ping(B_IP)
        rules.rule("Deny", "Outbound", 11, IsolationID=5030)
        assert not a.ping(B_IP)


@pytest.mark.parametrize("tenant", ["plain", "free"])
def test_ipv6(net, tenant):
    """Neighbour discovery is no rule's business; what it finds is."""
    a, b = net.guests[tenant, "a"], net.guests[tenant, "b"]
    for guest, address in ((a, "fd00::11"), (b, "fd00::12")):
        guest.run("sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=0")
        guest.run("ip", "addr", "replace", f"{address}/64", "dev", "eth0", "nodad")
    try:
        with Rules(net, f"{tenant}-a") as rules:
            rules.entry("Deny", "Both", RemoteIPAddress="::/0")
            assert not a.ping("fd00::12") and a.ping(B_IP)
            rules.entry("Allow", "Both", RemoteIPAddress="fd00::/64")
            assert a.ping("fd00::12")
            rules.rule("Allow", "Outbound", 10, Stateful=True, RemoteIPAddress="fd00::12")
            rules.deny_the_rest("Inbound")
            assert a.ping("fd00::12") and not b.ping("fd00::11")
            with udp_socket(a, "fd00::11", 5000) as one, udp_socket(b, "fd00::12", 5000) as other:
                assert not says(other, ("fd00::11", 5000), one)
                assert says(one, ("fd00::12", 5000), other)
                assert says(other, ("fd00::11", 5000), one)
    finally:
        for guest in (a, b):
            guest.run("sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1")


def test_the_hosts_adapter(net):
    """An adapter of the management OS has rules as any other."""
    (adapter,) = net.do("Get-VMNetworkAdapter", ManagementOS=True)
    net.ns.ip(f"addr add 10.10.10.100/24 dev {adapter['InterfaceName']}")
    guest = net.guests["plain", "a"]
    assert guest.ping("10.10.10.100")
    net.do("Add-VMNetworkAdapterAcl", ManagementOS=True, Action="Deny", Direction="Inbound", RemoteIPAddress=A_IP)
    assert not guest.ping("10.10.10.100")
    assert net.guests["plain", "b"].ping("10.10.10.100")
    net.daemon.pipeline("Get-VMNetworkAdapterAcl -ManagementOS | Remove-VMNetworkAdapterAcl")
    assert guest.ping("10.10.10.100")


def test_a_machine_that_moves(net):
    """Rules are the adapter's: they are there again after a restart, and in another virtual subnet."""
    with Rules(net, "free-b") as rules:
        rules.entry("Deny", "Inbound", RemoteIPAddress=A_IP)
        net.do("Stop-VM", Name="free-b", TurnOff=True)
        assert dump(net.daemon, "acl_rules") == []
        net.guests["free", "b"] = net.start("free-b", B_IP)
        assert not net.guests["free", "a"].ping(B_IP)
        net.do("Set-VMNetworkAdapter", VMName=["free-a", "free-b"], VirtualSubnetId=0)
        assert not net.guests["free", "a"].ping(B_IP, count=1)
        net.do("Set-VMNetworkAdapter", VMName=["free-a", "free-b"], VirtualSubnetId=5030)
    assert net.guests["free", "a"].ping(B_IP)


def test_the_program_at_the_egress(net):
    """Only ports without a virtual subnet that have inbound rules pay for it."""
    def attached():
        # by tcx, or by clsact
        links = [name for name in _pins(net) if name.startswith(("link-vport_egress-", "tc-vport_egress-"))]
        return {int(name.rpartition("-")[2]) for name in links}
    assert attached() == set()
    with Rules(net, "plain-a") as plain, Rules(net, "blue-a") as blue:
        plain.entry("Deny", "Outbound", RemoteIPAddress="10.9.9.9")
        blue.entry("Deny", "Both", RemoteIPAddress="10.9.9.9")
        assert attached() == set()
        plain.entry("Deny", "Inbound", RemoteIPAddress="10.9.9.9")
        assert attached() == {net.ns.link(net.port("plain-a"))["ifindex"]}
    assert attached() == set()


def _pins(host):
    return [os.path.basename(path) for root in ("", "/proc/1/root") for path in glob.glob(f"{root}{host.daemon.run_dir}/bpf/*")]


def test_nothing_is_left(net):
    """The maps are as empty as without rules."""
    for name in ("acl_rules", "acl_sets", "acl_matches", "acl_vectors", "acl_macs", "acl_meters"):
        assert dump(net.daemon, name) == []
