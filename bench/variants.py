# SPDX-License-Identifier: Apache-2.0
"""The same two guests, one on each of two hosts, joined in different ways.

A variant is a function (lab, underlay, build_dir) that returns the two guests. All of them give the guests the same
addresses, MACs and MTU, so that every load runs unchanged in each.
"""

import nestord
import openvswitch
import routed
import tables
from kit import underlay as kit_underlay, wait_for
from topology import GUEST_IF, GUEST_MTU, HOSTS, VSID, bench_file, configure, two_hosts

REACH_SECONDS = 10


def direct(lab, underlay, build_dir):
    """No hosts at all: the guests' interfaces are the two ends of the underlay. The limit here."""
    guests = lab.namespaces("direct-guest1", "direct-guest2")
    options = {"label": "direct-cable"} if underlay == "cable" else {}
    kit_underlay.build(underlay, *guests, build_dir, name1=GUEST_IF, name2=GUEST_IF, **options)
    return [configure(ns, host) for ns, host in zip(guests, HOSTS)]


def redirect(lab, underlay, build_dir):
    """A TC program at port and uplink that redirects each to the other: no encapsulation, no look at the packet."""
    program = bench_file(build_dir, "redirect.bpf.o")
    guests = []
    for (host_ns, guest_ns), host in zip(two_hosts(lab, "redirect", underlay, build_dir), HOSTS):
        # redirect.bpf.c sends from each index to the one that differs in the last bit.
        port_index = host_ns.link(kit_underlay.UPLINK)["ifindex"] ^ 1
        kit_underlay.pair(host_ns, "port", guest_ns, GUEST_IF, index=port_index)
        for interface in ("port", kit_underlay.UPLINK):
            host_ns.tc("qdisc", "add", "dev", interface, "clsact")
            host_ns.tc("filter", "add", "dev", interface, "ingress", "bpf", "da", "obj", program, "sec", "tc")
        guests.append(configure(guest_ns, host))
    return guests


def _vxlan(lab, name, underlay, build_dir, tune):
    """Kernel VXLAN and a Linux bridge between the guests; tune(host_ns, host, far) before traffic."""
    uplink = kit_underlay.UPLINK
    guests = []
    for number, (host_ns, guest_ns) in enumerate(two_hosts(lab, name, underlay, build_dir)):
        host, far = HOSTS[number], HOSTS[1 - number]
        kit_underlay.pair(host_ns, "port", guest_ns, GUEST_IF)
        host_ns.ip(
            f"addr add {host.provider}/24 dev {uplink}",
            f"link add vxlan0 type vxlan id {VSID} local {host.provider} dstport 4789 dev {uplink}",
            "link add br0 type bridge",
            f"link set vxlan0 mtu {GUEST_MTU} master br0 up",
            "link set port master br0 up",
            "link set br0 up")
        # All zeroes: where broadcast goes.
        host_ns.run("bridge", "fdb", "append", "00:00:00:00:00:00", "dev", "vxlan0", "dst", far.provider, "self",
                    "permanent")
        tune(host_ns, host, far)
        guests.append(configure(guest_ns, host))
    return guests


def _vxlan_tune(host_ns, host, far):
    # Bridged frames through iptables would cost a fifth.
    for table in ("iptables", "ip6tables", "arptables"):
        host_ns.run("sysctl", "-q", "-e", "-w", f"net.bridge.bridge-nf-call-{table}=0")
    host_ns.run("bridge", "fdb", "append", far.mac, "dev", "vxlan0", "dst", far.provider, "self", "permanent")
    host_ns.run("bridge", "fdb", "append", far.mac, "dev", "vxlan0", "master", "static")
    host_ns.run("bridge", "fdb", "append", host.mac, "dev", "port", "master", "static")
    host_ns.ip("link set vxlan0 type vxlan nolearning", "link set vxlan0 type bridge_slave learning off",
               "link set port type bridge_slave learning off")


def vxlan(lab, underlay, build_dir):
    """As fast as they go: MACs told and not learned, no netfilter in the bridge."""
    return _vxlan(lab, "vxlan", underlay, build_dir, _vxlan_tune)


def vxlan_plain(lab, underlay, build_dir):
    """As `ip link add` makes them and the kernel starts: MACs learned, bridged frames through netfilter if that is loaded."""
    return _vxlan(lab, "plain", underlay, build_dir, lambda host_ns, host, far: None)


def fdb_1m(lab, underlay, build_dir):
    """The same with a million forwarding entries on each host, all of them for the other guest."""
    hosts = []

    def tune(host_ns, host, far):
        _vxlan_tune(host_ns, host, far)
        tables.fdb(host_ns, lab, len(hosts))
        hosts.append(host_ns)
    guests = _vxlan(lab, "fdb1m", underlay, build_dir, tune)
    guests[1].macs = tables.LARGE
    return guests


VARIANTS = {function.__name__: function for function in (
    direct, redirect, vxlan_plain, vxlan, nestord.nestor, nestord.nestor_vxlan, nestord.rewrite, nestord.acl_1k,
    routed.vxlan_routed_plain, routed.vxlan_routed, routed.routed, openvswitch.ovs, tables.records_1k, tables.records_1m, fdb_1m)}
# Those with large tables: with loads of their own, and on the plain underlay alone, where nothing else limits.
TABLES = ("records_1k", "records_1m", "fdb_1m")
# Those that a first impression can do without: they take long to build, or are slow.
SLOW = ("ovs", "acl_1k", *TABLES)


def on(underlay, names):
    """A thousand rules take a while to be written, too: once is enough."""
    return [name for name in names if underlay == "veth" or name not in (*TABLES, "acl_1k")]


def build(name, lab, underlay, build_dir):
    """Build a variant and wait until its guests reach each other."""
    guests = VARIANTS[name](lab, underlay, build_dir)

    def reached():
        return guests[0].run("ping", "-n", "-q", "-c", 1, "-W", 1, guests[1].address, check=False).code == 0
    wait_for(reached, REACH_SECONDS, f"the guests of {name} on {underlay} to reach each other")
    return guests
