# SPDX-License-Identifier: Apache-2.0
"""The same two guests, one on each of two hosts, joined in different ways.

A variant is a function (lab, underlay, build_dir) that returns the two guests. All of them give the guests the same
addresses, MACs and MTU, so that every load runs unchanged in each.
"""

import os
from dataclasses import dataclass, field

from kit import Daemon, run, underlay as kit_underlay, wait_for

GUEST_IF = "eth0"
# What is left of an underlay of 1500 after VXLAN's 50 bytes. NVGRE would have room for 1458, but equal is fair.
GUEST_MTU = 1450
VSID = 5010
ROUTING_DOMAIN = "{11111111-2222-3333-4444-000000005010}"
REACH_SECONDS = 10


@dataclass(frozen=True)
class Host:
    """One side of the topology: what its guest and the host itself are called by."""
    guest: str
    mac: str
    address: str
    provider: str


HOSTS = (Host("blue1", "00:00:00:00:00:11", "10.10.10.11", "214.214.51.42"),
         Host("blue2", "00:00:00:00:00:12", "10.10.10.12", "214.214.51.43"))


@dataclass
class Guest:
    """Where loads run: a command prefix that enters the guest's network, and the guest's addresses in it."""
    enter: list
    mac: str
    address: str
    interface: str = GUEST_IF
    extra: dict = field(default_factory=dict)

    def command(self, *args):
        return [*self.enter, *map(str, args)]

    def run(self, *args, **options):
        return run(*self.command(*args), **options)


def bench_file(build_dir, name):
    """A compiled tool or program of this directory."""
    path = os.path.join(build_dir, "bench", name)
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path} is missing: run `make` first")
    return path


def _configure(ns, host):
    ns.ip(f"link set {GUEST_IF} mtu {GUEST_MTU} address {host.mac} up", f"addr add {host.address}/24 dev {GUEST_IF}")
    return Guest(ns.command(), host.mac, host.address)


def direct(lab, underlay, build_dir):
    """No hosts at all: the guests' interfaces are the two ends of the underlay. The limit here."""
    guests = lab.namespaces("direct-guest1", "direct-guest2")
    options = {"label": "direct-cable"} if underlay == "cable" else {}
    kit_underlay.build(underlay, *guests, build_dir, name1=GUEST_IF, name2=GUEST_IF, **options)
    return [_configure(ns, host) for ns, host in zip(guests, HOSTS)]


def _two_hosts(lab, name, underlay, build_dir):
    """Two hosts with an uplink each, and an empty guest namespace for each: [(host, guest), (host, guest)]."""
    hosts = lab.namespaces(f"{name}-host1", f"{name}-host2")
    options = {"label": f"{name}-cable"} if underlay == "cable" else {}
    kit_underlay.build(underlay, *hosts, build_dir, **options)
    return list(zip(hosts, lab.namespaces(f"{name}-guest1", f"{name}-guest2")))


def redirect(lab, underlay, build_dir):
    """A TC program at port and uplink that redirects each to the other: no encapsulation, no look at the packet."""
    program = bench_file(build_dir, "redirect.bpf.o")
    guests = []
    for (host_ns, guest_ns), host in zip(_two_hosts(lab, "redirect", underlay, build_dir), HOSTS):
        # redirect.bpf.c sends from each index to the one that differs in the last bit.
        port_index = host_ns.link(kit_underlay.UPLINK)["ifindex"] ^ 1
        kit_underlay.pair(host_ns, "port", guest_ns, GUEST_IF, index=port_index)
        for interface in ("port", kit_underlay.UPLINK):
            host_ns.tc("qdisc", "add", "dev", interface, "clsact")
            host_ns.tc("filter", "add", "dev", interface, "ingress", "bpf", "da", "obj", program, "sec", "tc")
        guests.append(_configure(guest_ns, host))
    return guests


def _vxlan(lab, name, underlay, build_dir, tune):
    """Kernel VXLAN and a Linux bridge between the guests; tune(host_ns, host, far) before traffic."""
    uplink = kit_underlay.UPLINK
    guests = []
    for number, (host_ns, guest_ns) in enumerate(_two_hosts(lab, name, underlay, build_dir)):
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
        guests.append(_configure(guest_ns, host))
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


def _nestor_script(host, uplink_index, rule):
    """What a user types on one host; the records are the same on both, as in the runbooks."""
    def plain(mac):
        return mac.replace(":", "")
    records = "\n".join(
        f"New-NetVirtualizationLookupRecord -VirtualSubnetID {VSID} -CustomerAddress {h.address} "
        f"-MACAddress {plain(h.mac)} -ProviderAddress {h.provider} -Rule {rule}" for h in HOSTS)
    return f"""
New-VMSwitch -Name vswitch -NetAdapterName {kit_underlay.UPLINK}
New-VM -Name {host.guest} -Engine Namespace -SwitchName vswitch
Set-VMNetworkAdapter -VMName {host.guest} -StaticMacAddress {plain(host.mac)}
Start-VM -Name {host.guest}
Invoke-Command -VMName {host.guest} -ScriptBlock {{ ip link set {GUEST_IF} mtu {GUEST_MTU} up }}
Invoke-Command -VMName {host.guest} -ScriptBlock {{ ip addr add {host.address}/24 dev {GUEST_IF} }}
Enable-NetAdapterBinding -Name {kit_underlay.UPLINK} -ComponentID ms_netwnv
{records}
New-NetVirtualizationCustomerRoute -RoutingDomainID "{ROUTING_DOMAIN}" -VirtualSubnetID {VSID} `
    -DestinationPrefix 10.10.10.0/24 -NextHop 0.0.0.0 -Metric 255
Set-VMNetworkAdapter -VMName {host.guest} -VirtualSubnetId {VSID}
New-NetVirtualizationProviderAddress -InterfaceIndex {uplink_index} -ProviderAddress {host.provider} -PrefixLength 24
Invoke-Command -VMName {host.guest} -ScriptBlock {{ ip link set {GUEST_IF} mtu {GUEST_MTU} }}
"""


def _nestor(lab, underlay, build_dir, name, rule):
    hosts = lab.namespaces(f"{name}-host1", f"{name}-host2")
    options = {"label": f"{name}-cable"} if underlay == "cable" else {}
    kit_underlay.build(underlay, *hosts, build_dir, **options)
    guests = []
    for number, (ns, host) in enumerate(zip(hosts, HOSTS), 1):
        daemon = Daemon(ns, build_dir, f"host{number}")
        script = lab.path(f"{name}-host{number}.ps1")
        with open(script, "w", encoding="utf-8") as file:
            file.write(_nestor_script(host, ns.link(kit_underlay.UPLINK)["ifindex"], rule))
        daemon.script(script)
        guests.append(Guest(daemon.guest_command(host.guest), host.mac, host.address))
    return guests


def nestor(lab, underlay, build_dir):
    """Nestor's NVGRE: nestord on both hosts, set up by the cmdlets of the runbooks."""
    return _nestor(lab, underlay, build_dir, "nestor", "TranslationMethodEncap")


def rewrite(lab, underlay, build_dir):
    """Nestor's IP rewrite: the same, but for the rule of the records."""
    return _nestor(lab, underlay, build_dir, "rewrite", "TranslationMethodNat")


VARIANTS = {function.__name__: function for function in (direct, redirect, vxlan_plain, vxlan, nestor, rewrite)}


def build(name, lab, underlay, build_dir):
    """Build a variant and wait until its guests reach each other."""
    guests = VARIANTS[name](lab, underlay, build_dir)

    def reached():
        return guests[0].run("ping", "-n", "-q", "-c", 1, "-W", 1, guests[1].address, check=False).code == 0
    wait_for(reached, REACH_SECONDS, f"the guests of {name} on {underlay} to reach each other")
    return guests
