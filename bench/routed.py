# SPDX-License-Identifier: Apache-2.0
"""Variants whose guests are in two subnets, with routing at the sender's host."""

from dataclasses import replace

import nestord
from kit import underlay as kit_underlay
from topology import GUEST_IF, GUEST_MTU, HOSTS, VSID, configure, two_hosts

VSIDS = (VSID, VSID + 1)
ROUTED_HOSTS = (HOSTS[0], replace(HOSTS[1], address="10.10.20.12"))
# Virtual subnet, prefix, and its router
ROUTERS = ((VSIDS[0], "10.10.10.0/24", "10.10.10.1", "00:00:00:00:00:01"), (VSIDS[1], "10.10.20.0/24", "10.10.20.1", "00:00:00:00:00:02"))


def routed(lab, underlay, build_dir):
    """Nestor's distributed router between two virtual subnets."""
    plan = nestord.Plan(hosts=ROUTED_HOSTS, vsids=VSIDS, routers=ROUTERS)
    return [guest for _daemon, guest in nestord.build(lab, underlay, build_dir, "routed", plan)]


def _bridge_netfilter_off(host_ns):
    for table in ("iptables", "ip6tables", "arptables"):
        host_ns.run("sysctl", "-q", "-e", "-w", f"net.bridge.bridge-nf-call-{table}=0")


def vxlan_routed(lab, underlay, build_dir):
    """VXLAN and a bridge for each subnet, the kernel routes between the bridges of the sender's host; everything told, as in `vxlan`."""
    return _vxlan_routed(lab, "vxrouted", underlay, build_dir, _bridge_netfilter_off)


def vxlan_routed_plain(lab, underlay, build_dir):
    """The same with bridged frames through netfilter where that is loaded. Nothing can be learned: both hosts have the routers' MACs."""
    return _vxlan_routed(lab, "vxroutedp", underlay, build_dir, lambda host_ns: None)


def _vxlan_routed(lab, name, underlay, build_dir, tune):
    guests = []
    for number, (host_ns, guest_ns) in enumerate(two_hosts(lab, name, underlay, build_dir)):
        host, far = ROUTED_HOSTS[number], ROUTED_HOSTS[1 - number]
        kit_underlay.pair(host_ns, "port", guest_ns, GUEST_IF)
        host_ns.ip(f"addr add {host.provider}/24 dev {kit_underlay.UPLINK}")
        host_ns.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        tune(host_ns)
        for subnet, (vsid, _prefix, address, mac) in enumerate(ROUTERS):
            bridge, device = f"br{subnet}", f"vxlan{subnet}"
            host_ns.ip(
                f"link add {device} type vxlan id {vsid} local {host.provider} dstport 4789 nolearning dev {kit_underlay.UPLINK}",
                f"link add {bridge} address {mac} type bridge",
                f"link set {device} mtu {GUEST_MTU} master {bridge} up",
                f"link set {device} type bridge_slave learning off",
                f"link set {bridge} mtu {GUEST_MTU} up",
                f"addr add {address}/24 dev {bridge}")
        # The own guest's subnet is at its port, the other one's machine behind the tunnel.
        host_ns.ip(f"link set port master br{number} up", "link set port type bridge_slave learning off",
                   f"neigh replace {host.address} lladdr {host.mac} dev br{number} nud permanent",
                   f"neigh replace {far.address} lladdr {far.mac} dev br{1 - number} nud permanent")
        host_ns.run("bridge", "fdb", "append", host.mac, "dev", "port", "master", "static")
        host_ns.run("bridge", "fdb", "append", far.mac, "dev", f"vxlan{1 - number}", "dst", far.provider, "self", "permanent")
        host_ns.run("bridge", "fdb", "append", far.mac, "dev", f"vxlan{1 - number}", "master", "static")
        guest = configure(guest_ns, host)
        guest_ns.ip(f"route add default via {ROUTERS[number][2]}")
        guest.via = ROUTERS[1 - number][3]
        guests.append(guest)
    return guests
