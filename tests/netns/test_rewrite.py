# SPDX-License-Identifier: Apache-2.0
"""Lab 2 of the source documents: two tenants with the same addresses on two hosts by IP rewrite, by the runbooks as they stand.

The tests of this file go through the lab from its beginning to its end; each goes on where the one before has stopped.
"""

import errno
import os
import socket
from types import SimpleNamespace

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labs
from kit import Capture, Lab, underlay, wait_for
from runbooks import assert_untouched, lab2_tables, lines
from support import BUILD_DIR, UNREPEATABLE, Dropped, Wire, assert_settled, drops, maps, objects
from test_segments import SO_RCVBUFFORCE, TOTAL, UDP_SEGMENT, bad, link_mtu, socket_in, transfer

RUNBOOKS = ("lab2-ip-rewrite-host1.ps1", "lab2-ip-rewrite-host2.ps1")
PAS = {"blue1": "214.214.51.42", "red1": "214.214.51.43", "blue2": "214.214.51.44", "red2": "214.214.51.45"}
B_IP = "10.10.10.12"
SO_NO_CHECK = 11
CHECKSUMS = ["ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE"]
STATUS = ("ip.checksum.status", "tcp.checksum.status", "udp.checksum.status", "icmp.checksum.status")


@pytest.fixture(scope="module", name="fabric", params=["veth", "cable"])
def _fabric(request):
    with Lab("nst") as lab:
        fabric = labs.lab2(lab, BUILD_DIR, request.param)
        fabric.kind = request.param
        fabric.prepare()
        yield fabric


def run_runbooks(fabric):
    return [daemon.script(labs.runbook(name)).out for daemon, name in zip(fabric.daemons, RUNBOOKS)]


def wrong(fabric):
    return [cell for cell in fabric.reachability() if not cell.right]


def blue(fabric):
    return SimpleNamespace(a=fabric.guests["blue1"], b=fabric.guests["blue2"])


def test_runbooks_print_these_tables(fabric):
    assert_untouched(*RUNBOOKS)
    for index, (ns, out) in enumerate(zip(fabric.hosts, run_runbooks(fabric))):
        expected = lab2_tables(index, ns.link(underlay.UPLINK)["ifindex"])
        assert lines(out)[-len(expected):] == expected
        assert "unusable" not in out


def test_who_reaches_whom(fabric):
    with Capture(fabric.hosts[0], underlay.UPLINK) as capture:
        assert wrong(fabric) == []
    fabric.capture = capture


def test_only_provider_addresses_are_on_the_wire(fabric):
    """Of the reachability table's traffic: no encapsulation, no customer address, no guest's MAC address."""
    macs = {ns.mac(underlay.UPLINK) for ns in fabric.hosts}
    packets = fabric.capture.packets("eth.src", "eth.dst", "ip.src", "ip.dst", "ip.proto", "arp.src.proto_ipv4", "arp.dst.proto_ipv4")
    pairs = set()
    assert packets
    for packet in packets:
        addresses = packet["ip.src"] + packet["ip.dst"] + packet["arp.src.proto_ipv4"] + packet["arp.dst.proto_ipv4"]
        assert addresses and set(addresses) <= set(PAS.values()), packet
        assert packet["eth.src"][0] in macs
        if packet["ip.src"]:
            assert packet["ip.proto"] == ["1"]
            assert packet["eth.dst"][0] in macs
            pairs.add((packet["ip.src"][0], packet["ip.dst"][0]))
    assert pairs == {(PAS[a], PAS[b]) for a, b in (("blue1", "blue2"), ("blue2", "blue1"), ("red1", "red2"), ("red2", "red1"))}


def test_tenants_arp_stays_on_its_host(fabric):
    for guest in fabric.guests.values():
        guest.run("ip", "neigh", "flush", "all")
    with Capture(fabric.hosts[0], underlay.UPLINK) as capture:
        assert fabric.guests["blue1"].ping(B_IP)
        assert fabric.guests["red2"].ping("10.10.10.11")
    assert [p for p in capture.packets("arp.src.proto_ipv4", filter="arp") if p["arp.src.proto_ipv4"][0].startswith("10.")] == []


def test_guests_see_each_other_as_they_are(fabric):
    """Customer addresses and MAC addresses of both ends, TTL and identification as sent."""
    with Capture(fabric.guests["blue2"].netns, "eth0", fabric.lab.path(f"{fabric.kind}-inside.pcap")) as capture:
        assert fabric.guests["blue1"].ping(B_IP)
    found = capture.packets("eth.src", "eth.dst", "ip.src", "ip.dst", "ip.ttl", filter="icmp.type == 8")
    assert len(found) == labs.PINGS
    for packet in found:
        assert packet == {"eth.src": ["00:00:00:00:00:11"], "eth.dst": ["00:00:00:00:00:12"], "ip.src": ["10.10.10.11"],
                          "ip.dst": [B_IP], "ip.ttl": ["64"]}


def test_whole_packets_of_the_underlay_fit(fabric):
    """Nothing is added: 1472 bytes of ping with DF over an MTU of 1500."""
    for guest in fabric.guests.values():
        assert link_mtu(guest) == underlay.MTU
    assert fabric.guests["blue1"].ping_size(B_IP, 1500)
    assert not fabric.guests["blue1"].ping_size(B_IP, 1501)


def test_tcp_content(fabric):
    before = bad(blue(fabric))
    sent, received, count = transfer(blue(fabric), 7001)
    assert (count, received) == (TOTAL, sent)
    assert bad(blue(fabric)) == before


@pytest.mark.parametrize("payload, size", [(103 * 40 - 1, 103), (1400 * 40, 1400), (1472 * 40, 1472)])
def test_udp_segments(fabric, payload, size):
    data = os.urandom(payload)
    pair = blue(fabric)
    before = bad(pair)
    with socket_in(pair.b, socket.SOCK_DGRAM) as receiver, socket_in(pair.a, socket.SOCK_DGRAM) as sender:
        receiver.bind((B_IP, 7003))
        receiver.settimeout(10)
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
        sender.sendto(data, (B_IP, 7003))
        pieces = [receiver.recv(65536) for _ in range(-(-payload // size))]
    assert b"".join(pieces) == data
    assert bad(pair) == before


@pytest.mark.parametrize("size, no_checksum", [(5000, False), (60000, False), (700, True), (5000, True)])
def test_udp_fragments(fabric, size, no_checksum):
    """The checksum is over all fragments, and only the first one has it."""
    data = os.urandom(size)
    pair = blue(fabric)
    before = bad(pair)
    with socket_in(pair.b, socket.SOCK_DGRAM) as receiver, socket_in(pair.a, socket.SOCK_DGRAM) as sender:
        receiver.bind((B_IP, 7004))
        receiver.settimeout(10)
        sender.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, int(no_checksum))
        sender.sendto(data, (B_IP, 7004))
        assert receiver.recv(65536) == data
    assert bad(pair) == before


def test_errors_arrive(fabric):
    """ICMP errors quote what their sender saw, which is what the other guest sent."""
    with socket_in(fabric.guests["blue1"], socket.SOCK_DGRAM) as sender:
        sender.settimeout(10)
        sender.connect((B_IP, 9))
        sender.send(b"nobody is there")
        with pytest.raises(OSError) as error:
            sender.recv(1)
    assert error.value.errno == errno.ECONNREFUSED


def test_checksums_on_the_wire(fabric):
    """On a cable, where the guests' checksums are finished before; as tshark computes them of what each host sent.

    What a host receives was joined to large segments before anybody can see it.
    """
    if fabric.kind != "cable":
        pytest.skip("a veth leaves checksums to whoever needs them")
    with Capture(fabric.hosts[0], underlay.UPLINK) as capture, Capture(fabric.hosts[1], underlay.UPLINK) as other:
        transfer(blue(fabric), 7005, 1 << 20)
        with socket_in(fabric.guests["blue1"], socket.SOCK_DGRAM) as sender:
            for size in (1, 100, 1471, 1472):
                sender.sendto(os.urandom(size), (B_IP, 9))
        assert fabric.guests["red1"].ping(B_IP)
        capture.wait_packets("frame.number", filter="udp && !icmp", count=4)
    seen = {field: 0 for field in STATUS}
    for ns, caught in zip(fabric.hosts, (capture, other)):
        sent = f"ip && !icmp.type == 3 && eth.src == {ns.mac(underlay.UPLINK)}"
        for packet in caught.packets(*STATUS, filter=sent, preferences=CHECKSUMS):
            for field in STATUS:
                assert set(packet[field]) <= {"1"}, packet
                seen[field] += len(packet[field])
    assert all(seen.values()), seen


def test_nothing_was_dropped_that_should_have_arrived(fabric):
    for ns, daemon in zip(fabric.hosts, fabric.daemons):
        assert {reason for (name, reason) in drops(daemon) if name == underlay.UPLINK} == set(), ns


@pytest.mark.parametrize("source, reason", [("214.214.51.99", "REWRITE_SOURCE_UNKNOWN"), ("10.10.10.11", "REWRITE_SOURCE_UNKNOWN"),
                                            (PAS["red1"], "REWRITE_SOURCE_ELSEWHERE"), (PAS["red2"], "OWN_PA_AS_SOURCE")])
def test_wrong_source(fabric, source, reason):
    """To blue2 from nobody, from a customer address, from the other tenant, from an address of its own host."""
    macs = [ns.mac(underlay.UPLINK) for ns in fabric.hosts]
    frame = Ether(src=macs[0], dst=macs[1]) / IP(src=source, dst=PAS["blue2"]) / UDP(sport=7, dport=7006) / Raw(b"forbidden")
    with Wire(fabric.hosts[0], underlay.UPLINK) as wire, Dropped(fabric.daemons[1], underlay.UPLINK, **{reason: 3}):
        wire.send(frame, frame, frame)


def test_runbooks_a_second_time(fabric):
    before = [(objects(daemon), maps(daemon)) for daemon in fabric.daemons]
    run_runbooks(fabric)
    assert [(objects(daemon), maps(daemon)) for daemon in fabric.daemons] == before
    assert wrong(fabric) == []


def test_settled(fabric):
    for daemon in fabric.daemons:
        assert_settled(daemon)
    assert wrong(fabric) == []


def test_vm_mac_on_the_wire(fabric):
    for setting, mac in ((True, "00:00:00:00:00:11"), (False, fabric.hosts[0].mac(underlay.UPLINK))):
        for daemon in fabric.daemons:
            daemon.cmdlet("Set-NetVirtualizationLookupRecord", {"MACAddress": "000000000011", "UseVmMACAddress": setting})
        with Capture(fabric.hosts[1], underlay.UPLINK) as capture:
            assert fabric.guests["blue1"].ping(B_IP)
        found = capture.packets("eth.src", filter="icmp.type == 8")
        assert [p["eth.src"] for p in found] == [[mac]] * labs.PINGS


def test_both_rules_in_one_subnet(fabric):
    """blue3 has a record of encapsulation: with it by NVGRE, among the others by rewrite; there is less room for all then."""
    record = {"CustomerAddress": "10.10.10.13", "MACAddress": "000000000013", "ProviderAddress": "214.214.51.46",
              "VirtualSubnetID": 5010, "Rule": "TranslationMethodEncap"}
    index = fabric.hosts[1].link(underlay.UPLINK)["ifindex"]
    for daemon in fabric.daemons:
        daemon.cmdlet("New-NetVirtualizationLookupRecord", record)
    host = fabric.daemons[1]
    host.cmdlet("New-NetVirtualizationProviderAddress", {"InterfaceIndex": index, "ProviderAddress": "214.214.51.46", "PrefixLength": 24})
    host.pipeline("New-VM -Name blue3 -Engine Namespace -SwitchName vswitch; "
                  "Set-VMNetworkAdapter -VMName blue3 -StaticMacAddress 000000000013; "
                  "Set-VMNetworkAdapter -VMName blue3 -VirtualSubnetId 5010; Start-VM -Name blue3; "
                  "Invoke-Command -VMName blue3 -ScriptBlock { ip addr add 10.10.10.13/24 dev eth0 }")
    third = labs.Guest(labs.GuestPlan("blue3", 1, "000000000013", "10.10.10.13", "blue"), host)
    fabric.guests["blue3"] = third
    wait_for(lambda: fabric.guests["blue1"].ping("10.10.10.13"), 10, "blue1 to reach blue3")
    with Capture(fabric.hosts[0], underlay.UPLINK) as capture:
        assert wrong(fabric) == []
    outer = {(p["ip.src"][0], p["ip.dst"][0], p["ip.proto"][0]) for p in capture.packets("ip.src", "ip.dst", "ip.proto", filter="ip")}
    assert {o for o in outer if o[2] == "47"} == {(PAS["blue1"], "214.214.51.46", "47"), ("214.214.51.46", PAS["blue1"], "47")}
    assert (PAS["blue1"], PAS["blue2"], "1") in outer
    assert {name: link_mtu(guest) for name, guest in fabric.guests.items()} == \
        {"blue1": 1458, "blue2": 1458, "blue3": 1458, "red1": 1500, "red2": 1500}
    sent, received, count = transfer(SimpleNamespace(a=fabric.guests["blue1"], b=fabric.guests["blue2"]), 7007, 8 << 20)
    assert (count, received) == (8 << 20, sent)
    for daemon in fabric.daemons:
        assert_settled(daemon)


def test_cleanup_removes_the_policy(fabric):
    """There is no runbook for it in the document: the commands of lab 3's, for all that is there."""
    for daemon in fabric.daemons:
        daemon.pipeline(labs.LAB2_CLEANUP)
        now = objects(daemon, UNREPEATABLE)
        assert now["Get-NetVirtualizationLookupRecord"] == now["Get-NetVirtualizationProviderAddress"] == []
        assert {a["VirtualSubnetId"] for a in now["Get-VMNetworkAdapter"]} == {0}
        assert not any(maps(daemon).values())
        assert_settled(daemon)
    assert len(fabric.arp_answers(fabric.guests["blue2"], "10.10.10.11")) == 2


def test_cleanup_leaves_nothing(fabric):
    fabric.remove_all()
    for daemon in fabric.daemons:
        daemon.stop()
    assert fabric.leftovers() == []
