# SPDX-License-Identifier: Apache-2.0
"""Twenty thousand lookup records: every entry is what it must be, a change changes its own entries and no others, and a
restart changes none. How long that takes is the benchmark's business (bench/records)."""

import ipaddress
import struct

import pytest

from fabric import DOMAIN, Host
from kit import CmdletError, Lab, Process, underlay, wait_for
from support import assert_settled, hang_up, health, maps

SUBNETS, PER_SUBNET = range(5010, 5030), 1000
RECORDS = len(SUBNETS) * PER_SUBNET
HERE, THERE = "214.214.51.42", [f"214.214.51.{n}" for n in range(43, 53)]
ROOM = 25000
A_POST = 2500  # the body of a request has at most a megabyte
# include/nestor/dataplane.h: enum dp_dest_kind
REMOTE, INNER = 2, 3


def record(vsid, number, pa=None):
    """In each virtual subnet the first two live here."""
    return {"VirtualSubnetID": vsid, "CustomerAddress": f"10.10.{number // 250}.{number % 250 + 2}",
            "MACAddress": f"02{vsid:04X}{number:06X}", "ProviderAddress": pa or (HERE if number < 2 else THERE[number % len(THERE)])}


def records(vsids=SUBNETS, numbers=range(PER_SUBNET)):
    return [record(vsid, number) for vsid in vsids for number in numbers]


def load(daemon, wanted):
    for start in range(0, len(wanted), A_POST):
        daemon.cmdlet("New-NetVirtualizationLookupRecord", {"Rule": "TranslationMethodEncap"}, wanted[start:start + A_POST])


def address(text):
    return bytes(10) + b"\xff\xff" + ipaddress.ip_address(text).packed


def check_tables(daemon, wanted):
    """
    The tables of MAC and of customer addresses hold these records and nothing else, each with all it says. No guest runs: the
    machines that are here have no port: they may be behind one (NN-1).
    """
    tables = maps(daemon)
    dests, cas, targets = dict(tables["dests"]), dict(tables["cas"]), {}
    assert (len(dests), len(cas)) == (len(wanted), len(wanted))
    for r in wanted:
        mac, pa, ca = bytes.fromhex(r["MACAddress"]), address(r["ProviderAddress"]), address(r["CustomerAddress"])
        local = r["ProviderAddress"] == HERE
        kind, flags, target, ca4, padding = struct.unpack("<BBxxI4sI", dests[struct.pack("<I6sxx", r["VirtualSubnetID"], mac)][:16])
        assert (kind, flags, ca4, padding) == (INNER if local else REMOTE, 0, ca[12:], 0), r
        assert dests[struct.pack("<I6sxx", r["VirtualSubnetID"], mac)][16:] == pa
        assert cas[struct.pack("<I16s", r["VirtualSubnetID"], ca)] == struct.pack("<6sH16s", mac, int(local), pa), r
        # A provider address has one number, and a number one provider address.
        if not local:
            assert targets.setdefault(target, pa) == pa
    assert len(targets) == len({r["ProviderAddress"] for r in wanted} - {HERE})


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        ns, outside = lab.namespaces("host", "outside")
        underlay.veth(ns, outside)
        host = Host(ns, "host", "--max-records", str(ROOM))
        host.switch()
        host.provider(HERE)
        load(host.daemon, records())
        host.do("New-NetVirtualizationCustomerRoute", RoutingDomainID=DOMAIN.format(vsid=5010), VirtualSubnetID=5010,
                DestinationPrefix="10.10.0.0/16", NextHop="0.0.0.0")
        ours = records([5010], range(2))
        host.guests = [host.guest(f"g{n}", r["CustomerAddress"], r["MACAddress"], 5010) for n, r in enumerate(ours)]
        # A guest that runs has its port in the tables; the others that are said to be here have none.
        yield host
        assert_settled(host.daemon)


@pytest.fixture(name="without_guests")
def _without_guests(net):
    """Ports have numbers of their own; without them every entry of a machine that is here looks the same."""
    for guest in ("g0", "g1"):
        net.do("Stop-VM", Name=guest, TurnOff=True)
    yield net
    for n, r in enumerate(records([5010], range(2))):
        net.guests[n] = net.start(f"g{n}", r["CustomerAddress"])


def pinging(net):
    """Every 5 ms from one guest to the other."""
    process = net.ns.lab.own(Process(*net.guests[0].command("ping", "-n", "-i", "0.005", records([5010], [1])[0]["CustomerAddress"])))
    wait_for(lambda: process.out.count("bytes from") >= 20, 10, "answers to ping", lambda: str(process))
    return process


def lost(process):
    seen = process.out.count("bytes from")
    wait_for(lambda: process.out.count("bytes from") >= seen + 20, 10, "more answers to ping", lambda: str(process)[-500:])
    process.signal(2)
    out = process.wait(10, check=False).out
    sent, got = (int(line.split()[i]) for line in out.splitlines() if "transmitted" in line for i in (0, 3))
    return sent - got


def writes(daemon, action):
    """What an action changed in the kernel, in all the passes that it took."""
    before = health(daemon)["reconcile"]["totalWrites"]
    action()
    return health(daemon)["reconcile"]["totalWrites"] - before


def test_every_entry(without_guests):
    check_tables(without_guests.daemon, records())
    assert len(records()) == RECORDS


def test_guests_are_found(net):
    assert net.guests[0].ping(records([5010], [1])[0]["CustomerAddress"])


def test_a_pass_writes_nothing(net):
    assert hang_up(net.daemon)["lastWrites"] == 0


def test_one_more_and_one_less(without_guests):
    daemon, key = without_guests.daemon, "-VirtualSubnetID 5020 -CustomerAddress 10.99.0.1"
    more = {**record(5020, 0, THERE[0]), "CustomerAddress": "10.99.0.1", "MACAddress": "0613FFFFFFFF"}
    cmdlet = "NetVirtualizationLookupRecord"

    assert writes(daemon, lambda: daemon.pipeline(
        f"New-{cmdlet} {key} -MACAddress {more['MACAddress']} -ProviderAddress {THERE[0]} -Rule TranslationMethodEncap")) == 2
    check_tables(daemon, records() + [more])
    assert writes(daemon, lambda: daemon.pipeline(f"Set-{cmdlet} {key} -ProviderAddress {THERE[1]}")) == 2
    check_tables(daemon, records() + [{**more, "ProviderAddress": THERE[1]}])
    assert writes(daemon, lambda: daemon.pipeline(f"Set-{cmdlet} {key} -VMName label")) == 0
    assert [r["VMName"] for r in daemon.objects(f"Get-{cmdlet} {key}")] == ["label"]
    assert writes(daemon, lambda: daemon.pipeline(f"Remove-{cmdlet} {key}")) == 2
    check_tables(daemon, records())


def test_subnets_go_and_come(without_guests):
    daemon = without_guests.daemon
    piped = range(5016, 5020)  # more objects than one request can hold

    assert writes(daemon, lambda: daemon.pipeline("Remove-NetVirtualizationLookupRecord -VirtualSubnetID 5015")) == 2 * PER_SUBNET
    check_tables(daemon, records([vsid for vsid in SUBNETS if vsid != 5015]))
    assert writes(daemon, lambda: daemon.pipeline(
        f"Get-NetVirtualizationLookupRecord -VirtualSubnetID {','.join(map(str, piped))} | Remove-NetVirtualizationLookupRecord")
    ) == 2 * PER_SUBNET * len(piped)
    check_tables(daemon, records([vsid for vsid in SUBNETS if vsid not in (5015, *piped)]))
    assert writes(daemon, lambda: load(daemon, records([5015, *piped]))) == 2 * PER_SUBNET * (1 + len(piped))
    check_tables(daemon, records())


def test_an_address_comes_to_this_host(net):
    """A provider address that is ours changes every entry of its machines, without a change of any record."""
    before = maps(net.daemon)
    moved = sum(r["ProviderAddress"] == THERE[0] for r in records())
    parameters = {"InterfaceIndex": net.nic_index(), "ProviderAddress": THERE[0], "PrefixLength": 24}

    assert writes(net.daemon, lambda: net.do("New-NetVirtualizationProviderAddress", **parameters)) >= 2 * moved
    after = maps(net.daemon)
    assert sum(one != other for one, other in zip(before["dests"], after["dests"])) == moved
    assert sum(one != other for one, other in zip(before["cas"], after["cas"])) == moved
    # Whoever computes everything says the same.
    net.daemon.kill9()
    net.daemon.start()
    assert health(net.daemon)["reconcile"]["totalWrites"] == 0
    assert maps(net.daemon) == after
    net.do("Remove-NetVirtualizationProviderAddress", ProviderAddress=THERE[0])
    check_same_but_numbers(before, maps(net.daemon))


def check_same_but_numbers(one, other):
    """The same tables; a provider address that went and came again may have another number."""
    def plain(table):
        return [(key, value[:4] + value[8:]) for key, value in table]
    assert plain(one["dests"]) == plain(other["dests"])
    assert one["cas"] == other["cas"]


def test_restarts_disturb_no_packet(net):
    before = maps(net.daemon)
    ping = pinging(net)
    net.daemon.kill9()
    net.daemon.start()
    assert health(net.daemon)["reconcile"]["totalWrites"] == 0
    net.daemon.restart()
    assert health(net.daemon)["reconcile"]["totalWrites"] == 0
    assert lost(ping) == 0
    assert maps(net.daemon) == before


def test_the_tables_are_full_and_grow(net):
    """Too many records are an error that says what to do; with more room they are there, and packets flow meanwhile."""
    before, more = maps(net.daemon), records([5030], range(ROOM - RECORDS + 1))
    with pytest.raises(CmdletError) as refused:
        load(net.daemon, more)
    assert [(e["id"], "--max-records" in e["message"]) for e in refused.value.answer["errors"]] == [("Engine.ApplyFailed", True)]
    assert health(net.daemon)["status"] == "degraded"
    ping = pinging(net)
    net.daemon.args = ("--max-records", str(2 * ROOM))
    net.daemon.restart()
    assert health(net.daemon)["status"] == "ok"
    after = maps(net.daemon)
    assert len(after["dests"]) == len(after["cas"]) == RECORDS + len(more)
    assert set(before["dests"]) <= set(after["dests"]) and set(before["cas"]) <= set(after["cas"])
    # And with less than there is, nothing becomes smaller.
    net.daemon.args = ()
    net.daemon.restart()
    assert health(net.daemon)["reconcile"]["totalWrites"] == 0
    net.do("Remove-NetVirtualizationLookupRecord", VirtualSubnetID=5030)
    assert maps(net.daemon) == before
    assert lost(ping) == 0
