# SPDX-License-Identifier: Apache-2.0
"""Nothing is touched that this daemon did not create: not another daemon's objects, not the administrator's."""

import json
import re

import pytest

from fabric import PAS, Host
from kit import CmdletError, Lab, run, underlay
from support import assert_settled, everything, hang_up, health, kernel, objects

VSID = 5010
# The host's own on the NIC that becomes an uplink: they are the switch's host adapter's as long as there is one.
OWN_ADDRESS, OWN_GATEWAY, OWN_ROUTE = "203.0.114.9", "203.0.114.1", "198.51.101.0/24"


def foreign(ns):
    """What an administrator may have made: links, addresses, routes, rules, qdiscs, a classifier, somebody's own mark."""
    ns.ip("link add br-own type bridge", "link add own0 type veth peer name own1", "link set own0 master br-own",
          "link set br-own up", "link set own0 up", "link set own1 up", "addr add 192.0.2.1/24 dev br-own",
          f"addr add {OWN_ADDRESS}/24 dev nic1", f"route add {OWN_ROUTE} via {OWN_GATEWAY} dev nic1", "route add 198.51.100.0/24 via 192.0.2.7 dev br-own",
          "neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev br-own", "rule add from 192.0.2.1 lookup 77",
          "route add 203.0.113.0/24 dev br-own table 77",
          # Of a daemon that is not here, and what only looks like ours.
          "link add nbffffffffff type bridge", "link set nbffffffffff alias nestor:deadbeef:switch:x:theirs",
          "link add np0123456789 type veth peer name nv0123456789", "link set np0123456789 alias nestor-of-mine")
    ns.tc("qdisc", "add", "dev", "own0", "root", "pfifo", "limit", "17")
    for device in ("nic1", "own0"):
        ns.tc("qdisc", "add", "dev", device, "clsact")
        # A classifier that lets everything pass on to the next.
        ns.tc("filter", "add", "dev", device, "ingress", "bpf", "bytecode", "1,6 0 0 0,")


def own(ns):
    """Where the host's own address and route are."""
    state = kernel(ns)
    routes = [json.loads(route) for route in state["routes"]]
    return ([a[0] for a in state["addresses"] if a[1] == OWN_ADDRESS],
            [(r["dev"], r["gateway"]) for r in routes if r["dst"] == OWN_ROUTE])


def seen(ns, without=""):
    """The namespace as `ip`, `tc` and `bridge` show it, without own() and the links that carry an instance's mark."""
    state = kernel(ns)
    state["addresses"] = [a for a in state["addresses"] if a[1] != OWN_ADDRESS]
    state["routes"] = [r for r in state["routes"] if "203.0.114." not in r]
    links = {n: l for n, l in state["links"].items() if not (without and (l[1] or "").startswith(f"nestor:{without}:"))}
    state["links"] = links
    for kind in ("addresses", "fdb"):
        state[kind] = [entry for entry in state[kind] if entry[0] in links]
    state["routes"] = [route for route in state["routes"] if json.loads(route).get("dev") in links]
    state["rules"] = ns.run("ip", "rule", "show").out
    state["neighbours"] = sorted(n["dst"] for n in ns.ip_json("neigh", "show", "nud", "permanent") if n["dev"] in links)
    state["qdiscs"] = sorted(line for line in ns.tc("qdisc", "show").out.splitlines() if line.split()[4] in links)
    state["filters"] = {n: ns.tc("filter", "show", "dev", n, "ingress").out for n in ("nic1", "own0")}
    state["programs"] = {n: re.sub(r"(?m)^.*nestor.*$\n?", "", run("ip", "netns", "exec", ns.name, "bpftool", "net", "show",
                                                                      "dev", n).out) for n in ("own0", "nic1")}
    return state


class Own(Host):
    """One of two daemons in a namespace, with a switch on a NIC of its own."""

    def __init__(self, ns, name, nic):
        super().__init__(ns, name)
        self.nic = nic

    @property
    def instance(self):
        return health(self.daemon)["instance"]

    def bridge(self, switch="vswitch"):
        start, end = f"nestor:{self.instance}:switch:", f":{switch}"
        return next(l["ifname"] for l in self.ns.ip_json("link", "show")
                    if l.get("ifalias", "").startswith(start) and l["ifalias"].endswith(end))

    def build(self, pa):
        self.switch(nic=self.nic)
        self.switch("int", nic=None, SwitchType="Internal")
        self.do("Enable-NetAdapterBinding", Name=self.nic, ComponentID="ms_netwnv")
        self.do("New-NetVirtualizationProviderAddress", InterfaceIndex=self.nic_index(self.nic), ProviderAddress=pa, PrefixLength=24)
        self.subnet(VSID, "10.10.10.0/24")
        for end, name in ((11, "a"), (12, "b")):
            self.record(VSID, f"10.10.10.{end}", f"0000000000{end}", pa)
        # A record of somebody elsewhere: a next hop, and a neighbour entry for it.
        self.record(VSID, "10.10.10.13", "000000000013", "214.214.51.99")
        self.a = self.guest("a", "10.10.10.11", "000000000011", VSID)
        self.b = self.guest("b", "10.10.10.12", "000000000012", VSID)

    def remove(self):
        for line in ("Get-VM | Stop-VM -TurnOff", "Get-VM | Remove-VM -Force",
                     "Disable-NetAdapterBinding * -ComponentID ms_netwnv", "Get-VMSwitch | Remove-VMSwitch -Force"):
            self.daemon.pipeline(line)


@pytest.fixture(scope="module", name="two")
def _two():
    with Lab("nst") as lab:
        ns, outside = lab.namespaces("host", "outside")
        for number in (1, 2):
            underlay.pair(ns, f"nic{number}", outside, f"nic{number}")
        foreign(ns)
        yield Own(ns, "one", "nic1"), Own(ns, "two", "nic2")


def test_instances_differ(two):
    assert two[0].instance != two[1].instance


def test_one_builds_beside_what_is_there(two):
    """Only the NIC that was given to it changes: it becomes a port of the switch."""
    one, _ = two
    assert own(one.ns) == (["nic1"], [("nic1", OWN_GATEWAY)])
    before = seen(one.ns)
    one.build(PAS[0])
    after = seen(one.ns, without=one.instance)
    nic = before["links"].pop("nic1"), after["links"].pop("nic1")
    assert nic[0][:2] == nic[1][:2]
    assert nic[1][2] == one.bridge()
    assert after == before
    assert one.a.ping("10.10.10.12")
    adapter = one.do("Get-NetAdapter", Name="vEthernet (vswitch)")[0]["InterfaceName"]
    assert own(one.ns) == ([adapter], [(adapter, OWN_GATEWAY)])


def test_two_beside_one(two):
    one, other = two
    before = seen(one.ns, without=other.instance), objects(one.daemon)
    del before[0]["links"]["nic2"]
    other.build(PAS[1])
    after = seen(one.ns, without=other.instance), objects(one.daemon)
    assert after[0]["links"].pop("nic2")[2] == other.bridge()
    assert after == before
    # The same names, addresses and virtual subnets, twice: each reaches its own.
    for host, stranger in ((one, other), (other, one)):
        seen_by_strangers = stranger.b.echo_requests()
        assert host.a.ping("10.10.10.12")
        assert stranger.b.echo_requests() == seen_by_strangers


def test_a_nic_of_the_other_cannot_be_taken(two):
    one, other = two
    before = seen(one.ns), objects(one.daemon), objects(other.daemon)
    try:
        with pytest.raises(CmdletError) as refused:
            one.switch("greedy", nic="nic2")
        assert refused.value.answer["errors"][0]["id"] == "Switch.NetAdapterInUse"
        assert (seen(one.ns), objects(one.daemon), objects(other.daemon)) == before
    finally:
        if one.do("Get-VMSwitch", Name="greedy*"):
            one.do("Remove-VMSwitch", Name="greedy", Force=True)
            hang_up(other.daemon)


def test_life_of_one_is_nothing_to_the_other(two):
    one, other = two
    for host, stranger in ((one, other), (other, one)):
        before = seen(host.ns, without=host.instance)
        total = health(stranger.daemon)["reconcile"]["totalWrites"]
        for name in ("a", "b"):
            host.do("Stop-VM", Name=name)
        host.start("a", "10.10.10.11")
        host.do("Set-VMNetworkAdapter", VMName="a", VirtualSubnetId=0)
        host.do("Set-VMNetworkAdapter", VMName="a", VirtualSubnetId=VSID)
        hang_up(host.daemon)
        assert_settled(host.daemon)
        assert seen(host.ns, without=host.instance) == before
        assert stranger.daemon.running
        assert health(stranger.daemon)["reconcile"]["totalWrites"] == total
        host.b = host.start("b", "10.10.10.12")
        host.a.pid = host.do("Get-VM", Name="a")[0]["ProcessId"]
    assert other.a.ping("10.10.10.12")
    assert one.a.ping("10.10.10.12")


def test_one_goes_and_leaves_the_rest(two):
    """All that it made is gone, all that it did not make is as it was, and the other goes on."""
    one, other = two
    instance = one.instance
    before = seen(one.ns, without=instance)
    one.remove()
    one.daemon.stop()
    after = seen(one.ns)
    assert not [n for n, l in after["links"].items() if (l[1] or "").startswith(f"nestor:{instance}:")]
    assert before["links"].pop("nic1")[2]
    assert after["links"].pop("nic1")[2] is None
    assert after == before
    assert own(one.ns) == (["nic1"], [("nic1", OWN_GATEWAY)])
    assert other.a.ping("10.10.10.12")
    assert_settled(other.daemon)


def test_the_other_goes_too(two):
    one, other = two
    other.remove()
    other.daemon.stop()
    left = set(one.ns.link(n)["ifname"] for n in kernel(one.ns)["links"])
    assert left == {"lo", "nic1", "nic2", "br-own", "own0", "own1", "nbffffffffff", "np0123456789", "nv0123456789"}
    assert one.ns.link("nic1").get("master") is None
    assert one.ns.link("nic2").get("master") is None
    assert "nestor" not in run("ip", "netns", "exec", one.ns.name, "bpftool", "net", "show").out


def test_a_second_daemon_with_the_same_directories_is_refused(two):
    """Neither the socket nor the store is taken away from the one that serves."""
    one, _ = two
    one.daemon.start()
    before = everything(one.daemon)
    second = one.ns.run(one.daemon.program("nestord"), "--state-dir", one.daemon.state_dir, "--run-dir", one.daemon.run_dir,
                        check=False, timeout=20)
    assert second.code == 1, str(second)
    assert everything(one.daemon) == before
