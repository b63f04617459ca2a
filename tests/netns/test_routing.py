# SPDX-License-Identifier: Apache-2.0
"""Distributed routing: three virtual subnets of one routing domain over two hosts, and a second tenant with the same addresses.

Sources: catalogue 2.4 (HN-4, HN-6, HN-9), 2.5, 2.6 (WG-5), transcripts T6 and T9.
"""

import ipaddress
import json
import re

import pytest

from fabric import PAS, Host
from kit import Capture, Lab, Process, underlay, wait_for
from labs import PINGS
from support import BUILD_DIR, Dropped, assert_settled, dump, drops, everything

BLUE, RED = "{11111111-2222-3333-4444-000000000001}", "{11111111-2222-3333-4444-000000000002}"
T6 = "{11111111-2222-3333-4444-000000000000}"
DUMMY = "169.254.254.254"
# Name, tenant, virtual subnet, host, address. Red has blue's addresses, and one subnet less.
PLANS = (
    ("b1a", BLUE, 5001, 0, "10.0.1.11"),
    ("b1b", BLUE, 5001, 1, "10.0.1.12"),
    ("b2a", BLUE, 5002, 0, "10.0.2.11"),
    ("b2b", BLUE, 5002, 1, "10.0.2.12"),
    ("b3b", BLUE, 5003, 1, "10.0.3.12"),
    ("r1a", RED, 6001, 0, "10.0.1.11"),
    ("r2b", RED, 6002, 1, "10.0.2.12"),
    ("r2a", RED, 6002, 0, "10.0.2.13"),
)
SUBNETS = {BLUE: (5001, 5002, 5003), RED: (6001, 6002)}


def mac_of(vsid, last):
    return f"00{vsid:04d}0000{last:02d}"


def router_mac(vsid):
    return mac_of(vsid, 1)


def network(vsid):
    return f"10.0.{vsid % 10}"


def colons(mac):
    return ":".join(re.findall("..", mac.lower()))


def last(address):
    return int(address.rpartition(".")[2])


class Routed:
    """The two hosts, all policy on both, and the guests by name."""

    def __init__(self, lab):
        namespaces = lab.namespaces("host1", "host2")
        underlay.build("veth", *namespaces, BUILD_DIR)
        self.hosts = [Host(ns, ns.label) for ns in namespaces]
        for host, pa in zip(self.hosts, PAS):
            host.switch()
            host.provider(pa)
            self.policy(host)
        self.guests = {}
        for name, _tenant, vsid, where, address in PLANS:
            guest = self.hosts[where].guest(name, address, mac_of(vsid, last(address)), vsid)
            guest.run("ip", "route", "add", "default", "via", f"{network(vsid)}.1")
            self.guests[name] = guest

    @staticmethod
    def policy(host):
        for tenant, vsids in SUBNETS.items():
            for vsid in vsids:
                host.do("New-NetVirtualizationCustomerRoute", RoutingDomainID=tenant, VirtualSubnetID=vsid,
                        DestinationPrefix=f"{network(vsid)}.0/24", NextHop="0.0.0.0", Metric=255)
                host.record(vsid, f"{network(vsid)}.1", router_mac(vsid), DUMMY)
        for _name, _tenant, vsid, where, address in PLANS:
            host.record(vsid, address, mac_of(vsid, last(address)), PAS[where])

    def daemon(self, name):
        return self.guests[name].daemon

    def host_of(self, name):
        return next(self.hosts[where] for guest, _t, _v, where, _a in PLANS if guest == name)


@pytest.fixture(scope="module", name="routed")
def _routed():
    with Lab("nst") as lab:
        routed = Routed(lab)
        yield routed
        for host in routed.hosts:
            assert_settled(host.daemon)


def test_who_reaches_whom(routed):
    """Each machine reaches those of its tenant, in whichever subnet and on whichever host; nobody else ever hears of it."""
    wrong = []
    for name, tenant, _vsid, _where, _address in PLANS:
        for address in sorted({plan[4] for plan in PLANS} - {_address}):
            owners = {plan[0] for plan in PLANS if plan[1] == tenant and plan[4] == address}
            before = {n: g.echo_requests() for n, g in routed.guests.items()}
            answered = routed.guests[name].ping(address)
            heard = {n for n, g in routed.guests.items() if g.echo_requests() != before[n]}
            if answered != bool(owners) or heard != owners:
                wrong.append((name, address, answered, heard, owners))
    assert wrong == []
