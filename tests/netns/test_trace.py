# SPDX-License-Identifier: Apache-2.0
"""Trace-VMNetworkPacket: what it says of each outcome, to the letter; that a made packet leaves nothing behind; and real
packets followed while a port works on, whatever happens to the daemon."""

import json
import os
import re
import threading

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from fabric import DOMAIN, PAS, Host
from frames import nvgre
from kit import Capture, CmdletError, Lab, Process, run, underlay, wait_for
from labs import TOP, colons
from support import BUILD_DIR, Wire, assert_settled, differences, drops, dump, hang_up, maps, pins

GOLDEN = os.path.join(TOP, "tests", "golden", "trace")
NICS = ("02:00:00:00:00:a1", "02:00:00:00:00:b1")
MACS = {"Blue1": "060600000005", "Blue2": "060600000007", "Blue3": "060600000006", "Green1": "0e0700000005",
        "Nat1": "0e0300000005",
        "Lab1": "0a0000000001", "Lab2": "0a0000000002", "Plain1": "0a0000000011", "Plain2": "0a0000000012"}
RECORDS = ((5001, "10.0.0.1", "101010101101", "169.254.254.254"), (5001, "10.0.0.5", MACS["Blue1"], PAS[0]),
           (5001, "10.0.0.6", MACS["Blue3"], PAS[0]), (5001, "10.0.0.7", MACS["Blue2"], PAS[1]),
           (5001, "10.0.0.8", "060600000008", "214.214.51.99"),
           (5002, "10.0.1.1", "101010101102", "169.254.254.254"), (5002, "10.0.1.5", MACS["Green1"], PAS[0]),
           (5002, "10.0.1.7", "0e0700000007", PAS[1]),
           (5001, "fd00:1::1", "101010101106", "169.254.254.254"), (5001, "fd00:1::5", MACS["Blue1"], PAS[0]),
           (5001, "fd00:1::7", MACS["Blue2"], PAS[1]))
VXLAN = (5001, "10.0.0.9", "060600000009", PAS[1])
REWRITE_PAS = ("214.214.51.44", "214.214.51.45")
REWRITE = ((5003, "10.4.0.5", MACS["Nat1"], REWRITE_PAS[0]), (5003, "10.4.0.7", "0e0300000007", REWRITE_PAS[1]))


class World:
    """Two hosts. VSID 5001 on both, 5002 of the same routing domain, 5020 without records, and two machines without a VSID."""

    def __init__(self, lab, kind="veth"):
        namespaces = lab.namespaces("host1", "host2")
        underlay.build(kind, *namespaces, BUILD_DIR)
        for ns, mac in zip(namespaces, NICS):
            ns.run("ip", "link", "set", "dev", underlay.UPLINK, "address", mac)
        self.hosts = [Host(ns, ns.label) for ns in namespaces]
        for host, pa in zip(self.hosts, PAS):
            host.switch(AllowManagementOS=False)
            host.provider(pa)
            for record in RECORDS:
                host.record(*record)
            host.record(*VXLAN)
            host.do("Set-NetVirtualizationLookupRecord", CustomerAddress=VXLAN[1], Rule="TranslationMethodEncapVxlan")
            for record in REWRITE:
                host.record(*record)
            host.do("Set-NetVirtualizationLookupRecord", VirtualSubnetID=5003, Rule="TranslationMethodNat")
            for vsid, prefix in ((5001, "fd00:1::/64"), (5001, "10.0.0.0/24"), (5002, "10.0.1.0/24")):
                host.do("New-NetVirtualizationCustomerRoute", RoutingDomainID=DOMAIN.format(vsid=5001), VirtualSubnetID=vsid,
                        DestinationPrefix=prefix, NextHop="::" if ":" in prefix else "0.0.0.0", Metric=255)
        self.host, self.other = self.hosts
        for host, pa in zip(self.hosts, REWRITE_PAS):
            host.do("New-NetVirtualizationProviderAddress", InterfaceIndex=host.nic_index(), ProviderAddress=pa, PrefixLength=24)
        self.host.guest("Nat1", "10.4.0.5", MACS["Nat1"], 5003)
        self.blue1 = self.host.guest("Blue1", "10.0.0.5", MACS["Blue1"], 5001)
        self.blue3 = self.host.guest("Blue3", "10.0.0.6", MACS["Blue3"], 5001)
        self.green1 = self.host.guest("Green1", "10.0.1.5", MACS["Green1"], 5002)
        for name, vsid, address in (("Lab1", 5020, "10.2.0.1"), ("Lab2", 5020, "10.2.0.2"), ("Plain1", 0, "10.3.0.1"),
                                    ("Plain2", 0, "10.3.0.2")):
            guest = self.host.guest(name, address, MACS[name], vsid)
            if name == "Lab2":
                self.lab2 = guest
        self.blue2 = self.other.guest("Blue2", "10.0.0.7", MACS["Blue2"], 5001)
        # From here on the next hops between the hosts are known.
        assert self.blue1.ping("10.0.0.7", wait=10)
        wait_for(lambda: "is reached by" in self.daemon.pipeline("Trace-VMNetworkPacket Nat1 10.4.0.7").out, 10, "the way to Nat1's peer")

    @property
    def daemon(self):
        return self.host.daemon


@pytest.fixture(scope="module", name="world", params=["veth", "cable"])
def _world(request):
    with Lab("nst") as lab:
        world = World(lab, request.param)
        yield world
        for host in world.hosts:
            assert_settled(host.daemon)


# -- made packets

OUTER = "020000 0000a1 020000 0000b1 0800 4500 0046 0000 4000 40 2f {check} d6d6332b d6d6332a 2000 6558 00138900"
INNER = "060600000005 060600000007 0800 4500 001c 0001 4000 40 01 26d5 0a000007 0a000005 0800 f7fd 0001 0001"

CASES = {
    "remote-tcp": "Blue1 10.0.0.7 -Protocol Tcp -DestinationPort 80",
    "remote-asked": "Blue1 10.0.0.8",
    "remote-vxlan": "Blue1 10.0.0.9 -Protocol Tcp -DestinationPort 80",
    "remote-rewrite": "Nat1 10.4.0.7 -Protocol Udp -DestinationPort 53",
    "from-wire-rewrite": "Nat1 -Inbound -SourceAddress 10.4.0.7 -Protocol Udp -DestinationPort 53",
    "ipv6-remote": "Blue1 fd00:1::7 -Protocol Tcp -DestinationPort 80",
    "ipv6-unknown": "Blue1 fd00:1::99",
    "ipv6-no-route": "Blue1 fd00:9::9",
    "local": "Blue1 10.0.0.6 -Protocol Udp -DestinationPort 53",
    "routed-local": "Blue1 10.0.1.5",
    "routed-remote": "Blue1 10.0.1.7",
    "routed-ttl": "Blue1 10.0.1.7 -TimeToLive 1",
    "router-itself": "Blue1 10.0.0.1",
    "arp-answered": "Blue1 10.0.0.7 -Protocol Arp",
    "arp-unknown": "Blue1 10.0.0.99",
    "no-route": "Blue1 10.9.9.9",
    "no-record": "Blue1 10.0.1.99",
    "too-big": "Blue1 10.0.0.7 -Length 1459",
    "too-big-in-silence": "Blue1 10.0.0.7 -Length 1459 -DontFragment:$false",
    "source-not-in-policy": "Blue1 10.0.0.7 -SourceAddress 10.0.0.77",
    "source-spoofed": "Blue1 10.0.0.7 -SourceMACAddress 060600000099",
    "destination-moved": "Blue1 10.0.0.7 -DestinationMACAddress 060600000099",
    "broadcast": "Blue1 10.0.0.255 -DestinationMACAddress ffffffffffff",
    "two-tags": f"Blue1 -Hex '{MACS['Blue2']} {MACS['Blue1']} 8100 0001 8100 0002 0800 4500'",
    "hex": f"Blue1 -Hex '{MACS['Blue2']} {MACS['Blue1']} 88b5 0102030405060708'",
    "from-wire": "Blue1 -Inbound -SourceAddress 10.0.0.7 -Protocol Tcp -DestinationPort 22",
    "from-wire-wrong-host": f"Blue1 -Inbound -Hex '{OUTER.format(check='0000').replace('d6d6332b', 'd6d63363')} {INNER}'",
    "from-wire-unknown-sender": f"Blue1 -Inbound -Hex '{OUTER.format(check='0000')} {INNER.replace('0a000007', '0a0000aa')}'"
                                .replace("060600000007 0800", "0606000000aa 0800"),
    "from-wire-nobody": f"Blue1 -FromWire -Hex '{OUTER.format(check='0000')} {INNER}'".replace("060600000005 06", "060600000055 06"),
    "from-wire-not-ours": "Blue1 -FromWire -Hex '020000 0000a1 020000 0000b1 0800 4500 001c 0000 4000 4011 0000 d6d6332b d6d6332a "
                          "1234 0035 0008 0000'",
    "segment": "Lab1 10.2.0.2",
    "segment-flood": "Lab1 10.2.0.99",
    "plain": "Plain1 10.3.0.2",
    "plain-unknown": "Plain1 10.3.0.99",
    "plain-elsewhere": "Plain1 10.3.0.99 -DestinationMACAddress 0c0000000001",
}


def golden(name, text):
    """The text must be that of the file. Made anew with NESTOR_REGENERATE=1; then read the difference."""
    path = os.path.join(GOLDEN, f"{name}.txt")
    if os.environ.get("NESTOR_REGENERATE"):
        os.makedirs(GOLDEN, exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    with open(path, encoding="utf-8") as file:
        assert text == file.read()


def same_everywhere(text):
    """Without what differs from run to run: the names that links get from ids."""
    return re.sub(r"\bn([bp])[0-9a-f]{10}\b", r"n\1..........", text)


@pytest.mark.parametrize("name", CASES)
def test_what_is_said(world, name):
    done = world.daemon.pipeline(f"Trace-VMNetworkPacket {CASES[name]}")
    assert done.err == ""
    golden(name, f"PS> Trace-VMNetworkPacket {CASES[name]}\n{same_everywhere(done.out)}")


def counts(host):
    """Of the ports in virtual subnets: to the others the switch brings whatever the host asks by ARP."""
    return [o for o in host.do("Get-VMNetworkAdapterStatistics", All=True) if o["VirtualSubnetId"]]


def state(host):
    return {"adapters": counts(host), "drops": drops(host.daemon), "maps": maps(host.daemon), "limits": dump(host.daemon, "limits")}


def test_nothing_remains_of_a_made_packet(world):
    """No counter moves, no table changes, and nothing is on any wire."""
    before = state(world.host)
    lab = world.host.ns.lab
    with Capture(world.host.ns, underlay.UPLINK) as wire, Capture(world.blue3.netns, "eth0", lab.path("blue3.pcap")) as neighbour, \
            Capture(world.lab2.netns, "eth0", lab.path("lab2.pcap")) as segment:
        for words in CASES.values():
            world.daemon.pipeline(f"Trace-VMNetworkPacket {words}")
    assert differences(before, state(world.host)) == []
    assert wire.packets("ip.proto", filter="gre") == []
    assert neighbour.packets("ip.src", filter="ip") == []
    assert segment.packets("arp.opcode", filter="ip or arp") == []


def test_objects(world):
    (found,) = world.daemon.objects("Trace-VMNetworkPacket Blue1 10.0.0.7 -Protocol Tcp -DestinationPort 80")
    assert (found["Verdict"], found["Target"], found["Reason"], found["Advice"]) == ("Sent", underlay.UPLINK, None, None)
    assert [s["Stage"] for s in found["Stages"]] == ["Packet", "Packet", "Port", "Guards", "Source", "Destination", "Encapsulate",
                                                     "Next hop"]
    assert len(found["WireFrame"]) == len(found["Frame"]) + 2 * 42
    (found,) = world.daemon.objects("Trace-VMNetworkPacket Blue1 10.0.0.99")
    assert (found["Verdict"], found["Reason"], found["Rule"], found["WireFrame"]) == ("Dropped", "ARP_UNKNOWN_TARGET", "2.5", None)


def test_the_advice_helps(world):
    """The record that a trace asks for, made as it says."""
    (found,) = world.daemon.objects("Trace-VMNetworkPacket Blue1 10.0.0.33")
    advice = found["Advice"].replace("<its MAC address>", "060600000033").replace("<its host's>", PAS[1])
    world.daemon.pipeline(advice)
    (found,) = world.daemon.objects("Trace-VMNetworkPacket Blue1 10.0.0.33")
    assert found["Verdict"] == "Sent"
    world.daemon.pipeline("Remove-NetVirtualizationLookupRecord -VirtualSubnetID 5001 -CustomerAddress 10.0.0.33")


# -- real packets

def datagram(sender, receiver, source, destination, port=9):
    return bytes(Ether(src=colons(MACS[sender]), dst=colons(MACS[receiver])) / IP(src=source, dst=destination)
                 / UDP(sport=7, dport=port))


def programs(daemon):
    """{link's pin: id of its program}"""
    directory = os.path.dirname(pins(daemon))
    return {name: json.loads(run("bpftool", "-j", "link", "show", "pinned", os.path.join(directory, name)).out)["prog_id"]
            for name in os.listdir(directory) if name.startswith("link-")}


class Live:
    """A trace that runs in the background, from the moment in which its programs are in place."""

    def __init__(self, world, **parameters):
        self.world, self.parameters = world, {"VMName": "Blue1", "Live": True, **parameters}
        self.before = programs(world.daemon)
        self.answer = self.error = None
        self.thread = threading.Thread(target=self._ask)
        self.thread.start()
        wait_for(lambda: programs(world.daemon) != self.before or self.error, 10, "the tracing program")

    def _ask(self):
        try:
            self.answer = self.world.daemon.http("POST", "/v1/cmdlet/Trace-VMNetworkPacket", {"parameters": self.parameters}, timeout=90)[1]
        except Exception as error:  # pylint: disable=broad-exception-caught
            self.error = error

    def changed(self):
        now = programs(self.world.daemon)
        return sorted(re.sub(r"\d+$", "", name) for name in self.before if now.get(name) != self.before[name])

    def end(self):
        self.thread.join(80)
        assert not self.thread.is_alive()
        return self.answer["objects"] if self.answer else None

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.thread.join(80)
        return False


def test_live_outbound(world):
    with Live(world, Count=3, TimeoutSec=60) as live:
        assert live.changed() == ["link-vport-"]
        # Other ports go on as ever.
        assert world.blue3.ping("10.0.0.7", wait=10)
        assert world.blue1.ping("10.0.0.7", count=5, wait=10)
        found = live.end()
    assert [(o["Number"], o["Verdict"], o["Direction"]) for o in found] == [(n, "Sent", "Outbound") for n in (1, 2, 3)]
    assert [s["Stage"] for s in found[0]["Stages"]] == ["Port", "Guards", "Source", "Destination", "Encapsulate", "Next hop"]
    ids = [re.search(r"ICMP echo request, id (\d+), sequence (\d+), 10.0.0.5 -> 10.0.0.7 \(98 bytes\)", o["Packet"]).groups()
           for o in found]
    assert [sequence for _id, sequence in ids] == ["1", "2", "3"] and len({i for i, _sequence in ids}) == 1
    assert programs(world.daemon) == live.before


def test_live_inbound(world):
    """What comes to a machine: from the wire, and from another subnet on the same host."""
    with Live(world, Inbound=True, Count=2, TimeoutSec=60, Protocol="Icmp") as live:
        assert "link-uplink-" in live.changed() and "link-vport-" in live.changed()
        assert world.blue2.ping("10.0.0.5", count=1, wait=10)
        assert world.green1.run("ip", "route", "replace", "10.0.0.0/24", "via", "10.0.1.1", check=False).code == 0
        assert world.blue1.run("ip", "route", "replace", "10.0.1.0/24", "via", "10.0.0.1", check=False).code == 0
        assert world.green1.ping("10.0.0.5", count=1, wait=10)
        found = live.end()
    assert [o["Verdict"] for o in found] == ["Delivered", "Delivered"]
    assert [s["Stage"] for s in found[0]["Stages"]] == ["Outer", "Source", "Destination", "Decapsulate", "Deliver"]
    assert "10.0.0.7 -> 10.0.0.5" in found[0]["Packet"] and "encapsulated" in found[0]["Packet"]
    assert [s["Stage"] for s in found[1]["Stages"]] == ["Port", "Guards", "Source", "Destination", "Route", "Route", "Route", "Deliver"]
    assert "10.0.1.5 -> 10.0.0.5" in found[1]["Packet"]
    assert programs(world.daemon) == live.before


def test_live_filter(world):
    """Only what agrees in all that was said, and other packets pass unseen."""
    with Live(world, Count=2, TimeoutSec=3, Protocol="Udp", DestinationPort=4242, DestinationAddress="10.0.0.7") as live:
        frames = [datagram("Blue1", "Blue2", "10.0.0.5", to, port)
                  for to, port in (("10.0.0.7", 4243), ("10.0.0.6", 4242), ("10.0.0.7", 4242))]
        with Wire(world.blue1, "eth0") as wire:
            wire.send(*frames)
        assert world.blue1.ping("10.0.0.7", wait=10)
        found = live.end()
    assert len(found) == 1
    assert re.search("UDP 10.0.0.5:7 -> 10.0.0.7:4242 ", found[0]["Packet"])
    assert live.answer["warnings"] == []


def test_live_drop(world):
    with Live(world, Count=1, TimeoutSec=60, Protocol="Arp") as live:
        world.blue1.ping("10.0.0.99", count=1)
        (found,) = live.end()
    assert (found["Verdict"], found["Reason"]) == ("Dropped", "ARP_UNKNOWN_TARGET")
    assert "-CustomerAddress 10.0.0.99" in found["Advice"]


def test_live_drop_from_the_wire(world):
    """A peer whose record is another's; and one that nobody can say for whom it is."""
    macs = tuple(reversed(NICS))
    good = datagram("Blue2", "Blue1", "10.0.0.7", "10.0.0.5")
    with Live(world, Inbound=True, Count=2, TimeoutSec=60) as live:
        with Wire(world.other.ns, underlay.UPLINK) as wire:
            wire.send(nvgre(good, macs, vsid=5001, src="214.214.51.77", dst=PAS[0]))
            wire.send(nvgre(good, macs, vsid=5001, src=PAS[1], dst=PAS[0])[:38])
        found = live.end()
    assert [(o["Verdict"], o["Reason"]) for o in found] == [("Dropped", "WRONG_SOURCE_PA"), ("Dropped", "OUTER_TRUNCATED")]


def test_nothing_to_see(world):
    before = programs(world.daemon)
    done = world.daemon.pipeline("Trace-VMNetworkPacket Blue1 -Live -TimeoutSec 1 -Protocol Tcp -DestinationPort 1")
    assert (done.out, done.err) == ("", "WARNING: No packet has matched.\n")
    assert programs(world.daemon) == before


def test_two_at_once(world):
    """One follows a port's packets; at another port somebody else may."""
    with Live(world, Count=1, TimeoutSec=60) as live:
        with pytest.raises(CmdletError) as refused:
            world.host.do("Trace-VMNetworkPacket", VMName="Blue1", Live=True, Count=1)
        assert refused.value.answer["errors"][0]["id"] == "Trace.Busy"
        found = world.host.do("Trace-VMNetworkPacket", VMName="Blue3", Live=True, TimeoutSec=1)
        assert found == []
        assert live.changed() == ["link-vport-"]
        assert world.blue1.ping("10.0.0.7", wait=10)
        assert len(live.end()) == 1
    assert programs(world.daemon) == live.before


def test_a_pass_leaves_the_trace_alone(world):
    with Live(world, Count=1, TimeoutSec=60) as live:
        tracing = programs(world.daemon)
        account = hang_up(world.daemon)
        assert (account["lastWrites"], account["failures"]) == (0, 0)
        assert programs(world.daemon) == tracing
        assert world.blue1.ping("10.0.0.7", wait=10)
        assert len(live.end()) == 1


def test_who_asked_goes_away(world):
    """Ctrl-C: the trace ends with its client, not with its time."""
    before = programs(world.daemon)
    client = Process(world.daemon.program("nestor"), "--host", world.daemon.socket, "-c",
                     "Trace-VMNetworkPacket Blue1 -Live -TimeoutSec 600")
    wait_for(lambda: programs(world.daemon) != before, 10, "the tracing program")
    client.close()
    wait_for(lambda: programs(world.daemon) == before, 10, "the plain program")


def test_a_port_goes_away_meanwhile(world):
    world.host.guest("Short", "10.0.0.9", "060600000009", 5001)
    with Live(world, VMName="Short", Count=1, TimeoutSec=4) as live:
        world.host.do("Stop-VM", Name="Short", TurnOff=True)
        assert live.end() == []
    world.host.do("Remove-VM", Name="Short", Force=True)
    assert {k: v for k, v in live.before.items() if k in programs(world.daemon)} == programs(world.daemon)


def test_killed_while_it_traces(world):
    """The port is never without a program: the tracing one works on alone, and the next start takes it away."""
    with Live(world, Inbound=True, Count=1000, TimeoutSec=600) as live:
        tracing = programs(world.daemon)
        world.daemon.kill9()
        assert programs(world.daemon) == tracing
        assert world.blue1.ping("10.0.0.7", count=20, wait=10) and world.blue1.ping("10.0.0.6", wait=10) and world.blue2.ping("10.0.0.5", wait=10)
        world.daemon.start()
        assert programs(world.daemon) == live.before
    assert world.blue1.ping("10.0.0.7", wait=10) and world.blue2.ping("10.0.0.5", wait=10)


def test_live_beside_other_programs(world):
    """What a port runs besides is left alone."""
    for name, mode in (("Plain1", "Destination"), ("Plain2", "Source")):
        world.host.do("Set-VMNetworkAdapter", VMName=name, PortMirroring=mode)
    with Live(world, VMName="Green1", Inbound=True, Count=1, TimeoutSec=2) as live:
        assert any("egress" in name for name in live.before) and not [name for name in live.changed() if "egress" in name]
        assert live.end() == []
    assert programs(world.daemon) == live.before
    world.host.do("Set-VMNetworkAdapter", VMName="Plain*", PortMirroring="None")


# -- rules of a port

@pytest.fixture(name="rules")
def _rules(world):
    """Blue1 lets in only what belongs to what it has sent; Blue3 nothing of Blue1."""
    for arguments in ({"Action": "Deny", "Direction": "Inbound", "Weight": 1},
                      {"Action": "Allow", "Direction": "Outbound", "Weight": 10, "Protocol": "udp", "Stateful": True}):
        world.host.do("Add-VMNetworkAdapterExtendedAcl", VMName="Blue1", **arguments)
    world.host.do("Add-VMNetworkAdapterAcl", VMName="Blue3", Action="Deny", Direction="Inbound", RemoteIPAddress="10.0.0.5")
    yield
    world.daemon.pipeline("Get-VMNetworkAdapterExtendedAcl -VMName Blue1 | Remove-VMNetworkAdapterExtendedAcl; "
                          "Get-VMNetworkAdapterAcl -VMName Blue3 | Remove-VMNetworkAdapterAcl")


def reason(world, words):
    (found,) = world.daemon.objects(f"Trace-VMNetworkPacket {words}")
    return found["Reason"], [step["Decision"] for step in found["Stages"] if step["Stage"] == "ACL"]


@pytest.mark.usefixtures("rules")
def test_rules_of_a_port(world):
    assert reason(world, "Blue1 10.0.0.6 -Protocol Udp -DestinationPort 9")[0] == "ACL_INBOUND"
    answer = "Blue1 -Inbound -SourceAddress 10.0.0.7 -Protocol Udp -SourcePort 4242 -DestinationPort 7"
    assert reason(world, answer)[0] == "EXTENDED_ACL_INBOUND"
    # A made packet opens no session, ...
    assert reason(world, "Blue1 10.0.0.7 -Protocol Udp -SourcePort 7 -DestinationPort 4242")[0] is None
    assert reason(world, answer)[0] == "EXTENDED_ACL_INBOUND"
    # ... and sees the one that a real packet has opened.
    with Wire(world.blue1, "eth0") as wire:
        wire.send(datagram("Blue1", "Blue2", "10.0.0.5", "10.0.0.7", 4242))
    wait_for(lambda: reason(world, answer)[0] is None, 10, "a session")
    assert "it belongs to a session that a stateful rule has let begin" in reason(world, answer)[1]
