# SPDX-License-Identifier: Apache-2.0
"""Everything with everything: {IPv4, IPv6} customer addresses x {IPv4, IPv6} provider addresses x {NVGRE, VXLAN, rewrite} x
{same host, other host} x {same subnet, routed} x {ping, UDP, TCP 100 MB with a digest, too big, traceroute}.

Each cell runs, or is refused for a reason that is named here: by the id of a cmdlet's error, or by the drop reason of the
dataplane. One topology serves all: what differs is what the lookup records say, and those are set anew for each combination.

Sources: catalogue 2.4 to 2.8, WG-5, WG-8, WG-10.
"""

import itertools

import pytest

from fabric import Host
from kit import CmdletError, Lab, underlay, wait_for
from matrix import LOADS, Silence
from support import BUILD_DIR, assert_settled, drops

DOMAIN = "{11111111-2222-3333-4444-000000005000}"
VSIDS = (5001, 5002)
RULES = {"nvgre": "TranslationMethodEncap", "vxlan": "TranslationMethodEncapVxlan", "rewrite": "TranslationMethodNat"}
FAMILIES = ("v4", "v6")
DUMMY = "169.254.254.254"
# Name, virtual subnet, host, last part of the customer addresses. From the first to each of the others.
PLANS = (("a", 0, 0, 11), ("near", 0, 0, 12), ("far", 0, 1, 13), ("near2", 1, 0, 14), ("far2", 1, 1, 15))
TARGETS = {("same-host", "same-subnet"): "near", ("other-host", "same-subnet"): "far",
           ("same-host", "routed"): "near2", ("other-host", "routed"): "far2"}
# What is left of 1500 for the guests' packets (WG-5, WG-10); by rewrite, all of it.
ROOM = {("nvgre", "v4"): 1458, ("nvgre", "v6"): 1438, ("vxlan", "v4"): 1450, ("vxlan", "v6"): 1430}


def customer(family, subnet, last):
    return f"10.0.{subnet + 1}.{last}" if family == "v4" else f"fd00:0:0:{subnet + 1}::{last}"


def provider(family, host, number=0):
    """number 0: the host's; else one for a single customer address."""
    return f"192.168.{host + 1}.{number + 1}" if family == "v4" else f"fd01:0:0:{host + 1}::{number + 1}"


def mac_of(subnet, last):
    return f"00500{subnet}0000{last:02d}"


# What cannot be, and why.

def provider_refused(pa):
    """The error of a provider address of that family; None: there is none."""
    return None


def rule_refused(rule):
    """The error of a record of that rule."""
    return None


def drop_reason(ca, pa, rule, place, subnet):
    """The dataplane's reason to drop what goes between two guests; None: it arrives."""
    # there is no such record: one address cannot stand for another of the other family (2.7)
    if rule == "rewrite" and ca != pa:
        return "SOURCE_NOT_IN_POLICY" if ca == "v4" else "IPV6_NOT_CARRIED"
    if rule == "rewrite" and place == "other-host" and subnet == "routed":
        return "REWRITE_ROUTED"
    return None


class Topology:
    """Two hosts, the guests with addresses of both families, the subnets; records come later."""

    def __init__(self, lab):
        namespaces = lab.namespaces("host1", "host2")
        underlay.build("veth", *namespaces, BUILD_DIR)
        self.hosts = [Host(ns, ns.label) for ns in namespaces]
        self.refused = {}
        for number, host in enumerate(self.hosts):
            host.switch()
            host.do("Enable-NetAdapterBinding", Name=underlay.UPLINK, ComponentID="ms_netwnv")
            self.provider_addresses(host, number)
            for subnet, vsid in enumerate(VSIDS):
                for prefix, hop in ((f"10.0.{subnet + 1}.0/24", "0.0.0.0"), (f"fd00:0:0:{subnet + 1}::/64", "::")):
                    host.do("New-NetVirtualizationCustomerRoute", RoutingDomainID=DOMAIN, VirtualSubnetID=vsid,
                            DestinationPrefix=prefix, NextHop=hop, Metric=255)
        self.guests = {plan[0]: self.guest(*plan) for plan in PLANS}

    def provider_addresses(self, host, number):
        """All that any combination needs; whole /16 and /32 are on the link, so that no provider route is."""
        for family in FAMILIES:
            for i in range(11):
                try:
                    host.do("New-NetVirtualizationProviderAddress", InterfaceIndex=host.nic_index(),
                            ProviderAddress=provider(family, number, i), PrefixLength=16 if family == "v4" else 32)
                except CmdletError as refused:
                    self.refused[family] = refused.answer["errors"][0]["id"]
                    break

    def guest(self, name, subnet, where, last):
        guest = self.hosts[where].guest(name, customer("v4", subnet, last), mac_of(subnet, last), VSIDS[subnet])
        guest.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.eth0.accept_ra=0",
                  # each cell asks for some errors; the kernel gives six, and then one a second
                  "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
        guest.run("ip", "-6", "addr", "add", customer("v6", subnet, last) + "/64", "dev", "eth0", "nodad")
        for family in FAMILIES:
            guest.run("ip", "-6" if family == "v6" else "-4", "route", "add", "default", "via", customer(family, subnet, 1))
        return guest

    def records(self, rule, pa):
        """On both hosts, instead of what was there. IP rewrite has a provider address for each customer address."""
        for host in self.hosts:
            if host.do("Get-NetVirtualizationLookupRecord"):
                host.do("Remove-NetVirtualizationLookupRecord")
            for subnet, vsid in enumerate(VSIDS):
                for family in FAMILIES:
                    self.record(host, vsid, customer(family, subnet, 1), mac_of(subnet, 1), DUMMY, "nvgre")
            for number, (_name, subnet, where, last) in enumerate(PLANS):
                for at, family in enumerate(FAMILIES):
                    address = provider(pa, where, 1 + number * 2 + at if rule == "rewrite" else 0)
                    record = host, VSIDS[subnet], customer(family, subnet, last), mac_of(subnet, last), address, rule
                    if rule != "rewrite" or family == pa:
                        self.record(*record)
                        continue
                    with pytest.raises(CmdletError) as refused:
                        self.record(*record)
                    assert refused.value.answer["errors"][0]["id"] == "Wnv.RewriteFamily"

    @staticmethod
    def record(host, vsid, ca, mac, pa, rule):
        host.do("New-NetVirtualizationLookupRecord", VirtualSubnetID=vsid, CustomerAddress=ca, MACAddress=mac, ProviderAddress=pa,
                Rule=RULES[rule])

    def reasons(self):
        """Drops so far, of both hosts, by reason."""
        counts = {}
        for host in self.hosts:
            for (_interface, reason), count in drops(host.daemon).items():
                counts[reason] = counts.get(reason, 0) + count
        return counts


@pytest.fixture(scope="module", name="topology")
def _topology():
    with Lab("nst") as lab:
        topology = Topology(lab)
        yield topology
        for host in topology.hosts:
            assert_settled(host.daemon)


class Policy:
    """The topology with the records of one rule and one family of provider addresses, or the error's id that forbids it."""

    def __init__(self, topology, rule, pa):
        self.topology, self.rule, self.pa = topology, rule, pa
        self.refused = topology.refused.get(pa)
        if self.refused:
            return
        try:
            topology.records(rule, pa)
        except CmdletError as refused:
            self.refused = refused.answer["errors"][0]["id"]


@pytest.fixture(scope="module", name="policy", params=list(itertools.product(RULES, FAMILIES)), ids="-over-".join)
def _policy(request, topology):
    return Policy(topology, *request.param)


@pytest.mark.parametrize("subnet", ["same-subnet", "routed"])
@pytest.mark.parametrize("place", ["same-host", "other-host"])
@pytest.mark.parametrize("ca", FAMILIES)
@pytest.mark.parametrize("load", LOADS)
def test_cell(policy, ca, place, subnet, load):
    refusal = provider_refused(policy.pa) or rule_refused(policy.rule)
    assert policy.refused == refusal
    if refusal:
        return
    topology = policy.topology
    name = TARGETS[place, subnet]
    source, target = topology.guests["a"], topology.guests[name]
    _name, at, _host, last = next(plan for plan in PLANS if plan[0] == name)
    router, address = customer(ca, 0, 1), customer(ca, at, last)
    options = {"mtu": ROOM.get((policy.rule, policy.pa)) if place == "other-host" else None, "answerer": router,
               "path": (router, address) if subnet == "routed" else (address,)}
    reason = drop_reason(ca, policy.pa, policy.rule, place, subnet)
    if not reason:
        LOADS[load](source, target, address, **options)
        return
    # what was tried before must not keep it from trying again
    source.run("ip", "-6" if ca == "v6" else "-4", "neigh", "flush", "dev", "eth0")
    before = topology.reasons()
    with pytest.raises(Silence):
        LOADS[load](source, target, address, seconds=0.3, **options)
    wait_for(lambda: topology.reasons().get(reason, 0) > before.get(reason, 0), 5, f"a drop: {reason}", topology.reasons)
