# SPDX-License-Identifier: Apache-2.0
"""Lab 3 of the source documents: two tenants with the same addresses on two hosts, by the runbooks as they stand.

The tests of this file go through the lab from its beginning to its end; each goes on where the one before has stopped.
"""

import socket

import pytest

import labs
from kit import Capture, Lab, underlay
from kit.capture import _inside as inside
from runbooks import assert_untouched, lab3_tables, lines
from support import BUILD_DIR, UNREPEATABLE, assert_settled, drops, maps, objects

RUNBOOKS = ("lab3-nvgre-host1.ps1", "lab3-nvgre-host2.ps1")
VSIDS = {"blue": 5010, "red": 5011}
FLOWS = 256
GRE_FIELDS = ("eth.src", "eth.dst", "ip.src", "ip.dst", "ip.flags.df", "ip.ttl", "ip.checksum.status", "ip.proto",
              "gre.flags_and_version", "gre.proto", "gre.key", "udp.srcport")


@pytest.fixture(scope="module", name="fabric")
def _fabric():
    with Lab("nst") as lab:
        fabric = labs.lab3(lab, BUILD_DIR)
        fabric.prepare()
        yield fabric


def run_runbooks(fabric):
    return [daemon.script(labs.runbook(name)).out for daemon, name in zip(fabric.daemons, RUNBOOKS)]


def wrong(fabric):
    return [cell for cell in fabric.reachability() if not cell.right]


def datagrams(guest, address, ports, count):
    """From each of these source ports, `count` datagrams to a port where nobody is."""
    for port in ports:
        with inside(guest.netns):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sock:
            sock.bind(("", port))
            for number in range(count):
                sock.sendto(bytes([number]) * 16, (address, 9))


def test_runbooks_print_these_tables(fabric):
    assert_untouched(*RUNBOOKS)
    for index, (ns, out) in enumerate(zip(fabric.hosts, run_runbooks(fabric))):
        expected = lab3_tables(index, ns.link(underlay.UPLINK)["ifindex"])
        assert lines(out)[-len(expected):] == expected


def test_who_reaches_whom(fabric):
    with Capture(fabric.hosts[0], underlay.UPLINK) as capture:
        assert wrong(fabric) == []
    fabric.capture = capture


def test_only_encapsulated_packets_are_on_the_wire(fabric):
    """Of the reachability table's traffic: NVGRE, and ARP for provider addresses."""
    packets = fabric.capture.packets("eth.src", "ip.proto", "arp.src.proto_ipv4", "arp.dst.proto_ipv4", "gre.key")
    assert packets
    tenants = {labs.colons(plan.mac) for plan in labs.LAB3}
    for packet in packets:
        if not packet["gre.key"]:
            assert all(a.startswith("214.214.51.") for a in packet["arp.src.proto_ipv4"] + packet["arp.dst.proto_ipv4"])
            assert packet["arp.src.proto_ipv4"], packet
        assert packet["eth.src"][0] not in tenants


def test_tenants_arp_stays_on_its_host(fabric):
    for guest in fabric.guests.values():
        guest.run("ip", "neigh", "flush", "all")
    with Capture(fabric.hosts[0], underlay.UPLINK) as capture:
        assert fabric.guests["blue1"].ping("10.10.10.12")
        assert fabric.guests["red2"].ping("10.10.10.11")
    assert [p for p in capture.packets("arp.src.proto_ipv4", filter="arp") if p["arp.src.proto_ipv4"][0].startswith("10.")] == []
    assert capture.packets("frame.number", filter="gre && arp") == []


def test_what_nvgre_looks_like(fabric):
    """RFC 7637: K alone, version 0, type 0x6558, key = VSID and FlowID; DF; inner addresses as the guests have them."""
    macs = [ns.mac(underlay.UPLINK) for ns in fabric.hosts]
    with Capture(fabric.hosts[1], underlay.UPLINK) as capture:
        assert fabric.guests["blue1"].ping("10.10.10.12")
        assert fabric.guests["red1"].ping("10.10.10.12")
    for tenant, guest, peer in (("blue", "11", "12"), ("red", "21", "22")):
        key = VSIDS[tenant] << 8
        found = capture.packets(*GRE_FIELDS, filter=f"icmp.type == 8 && gre.key >= {key} && gre.key <= {key | 0xff}",
                                preferences=["ip.check_checksum:TRUE"])
        assert len(found) == labs.PINGS
        for p in found:
            assert p["eth.src"] == [macs[0], f"00:00:00:00:00:{guest}"]
            assert p["eth.dst"] == [macs[1], f"00:00:00:00:00:{peer}"]
            assert p["ip.src"] == ["214.214.51.42", "10.10.10.11"]
            assert p["ip.dst"] == ["214.214.51.43", "10.10.10.12"]
            assert p["ip.proto"] == ["47", "1"]
            assert (p["gre.flags_and_version"], p["gre.proto"]) == (["0x2000"], ["0x6558"])
            assert p["ip.flags.df"][0] in ("1", "True")
            assert p["ip.checksum.status"][0] == "1"
            assert int(p["ip.ttl"][0]) == 64
        assert len({p["gre.key"][0] for p in found}) == 1


@pytest.mark.parametrize("tenant", VSIDS)
def test_flow_ids(fabric, tenant):
    """Constant within a flow; spread over flows."""
    source = fabric.guests[f"{tenant}1"]
    ports = range(20000, 20000 + FLOWS)
    assert source.ping("10.10.10.12")
    with Capture(fabric.hosts[1], underlay.UPLINK) as capture:
        datagrams(source, "10.10.10.12", ports, 3)
        found = capture.wait_packets("gre.key", "udp.srcport", filter="udp && !icmp", count=3 * FLOWS)
    flows = {}
    for packet in found:
        flows.setdefault(int(packet["udp.srcport"][0]), []).append(int(packet["gre.key"][0], 16))
    assert sorted(flows) == list(ports)
    assert {key >> 8 for keys in flows.values() for key in keys} == {VSIDS[tenant]}
    assert all(len(keys) == 3 and len(set(keys)) == 1 for keys in flows.values())
    # 256 flows on 256 values by chance: 162 different ones.
    assert len({keys[0] & 0xFF for keys in flows.values()}) > 120


def test_nothing_was_dropped_that_should_have_arrived(fabric):
    """Between guests of a tenant; across tenants nobody even has an address to send to."""
    for ns, daemon in zip(fabric.hosts, fabric.daemons):
        assert {reason for (name, reason) in drops(daemon) if name == underlay.UPLINK} == set(), ns


def test_runbooks_a_second_time(fabric):
    before = [(objects(daemon), maps(daemon)) for daemon in fabric.daemons]
    run_runbooks(fabric)
    assert [(objects(daemon), maps(daemon)) for daemon in fabric.daemons] == before
    assert wrong(fabric) == []


def test_settled(fabric):
    for daemon in fabric.daemons:
        assert_settled(daemon)
    assert wrong(fabric) == []


def test_cleanup_removes_the_policy(fabric):
    assert_untouched("lab3-cleanup.ps1")
    for daemon in fabric.daemons:
        daemon.script(labs.runbook("lab3-cleanup.ps1"))
        now = objects(daemon, UNREPEATABLE)
        for cmdlet in ("Get-NetVirtualizationLookupRecord", "Get-NetVirtualizationCustomerRoute",
                       "Get-NetVirtualizationProviderAddress"):
            assert now[cmdlet] == []
        assert {a["VirtualSubnetId"] for a in now["Get-VMNetworkAdapter"]} == {0}
        assert {a["SwitchName"] for a in now["Get-VMNetworkAdapter"]} == {"vswitch"}
        assert not any(maps(daemon).values())
        assert_settled(daemon)
    # Back on one plain network: both blue1 and red1 answer for their address.
    assert len(fabric.arp_answers(fabric.guests["blue2"], "10.10.10.11")) == 2


def test_cleanup_leaves_nothing(fabric):
    fabric.remove_all()
    for daemon in fabric.daemons:
        daemon.stop()
    assert fabric.leftovers() == []
