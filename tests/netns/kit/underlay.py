# SPDX-License-Identifier: Apache-2.0
"""What lies between hosts: veth pairs, and an emulated cable."""

import os

from .lab import LabError

UPLINK = "uplink"
MTU = 1500


def pair(ns1, name1, ns2, name2, mtu=MTU, mac1=None, mac2=None, index=None):
    """A veth pair between two namespaces, both ends up. `index` chooses the interface index of the first end."""
    options = f" index {index}" if index else ""
    end1 = f"{name1} mtu {mtu}" + (f" address {mac1}" if mac1 else "")
    end2 = f"{name2} mtu {mtu}" + (f" address {mac2}" if mac2 else "")
    ns1.ip(f"link add {end1}{options} type veth peer name {end2} netns {ns2.name}", f"link set {name1} up")
    ns2.ip(f"link set {name2} up")


def veth(ns1, ns2, name1=UPLINK, name2=UPLINK, mtu=MTU):
    """A plain veth pair straight between two hosts: large segments stay large, checksums are left unfinished."""
    pair(ns1, name1, ns2, name2, mtu)


def cable(ns1, ns2, build_dir, name1=UPLINK, name2=UPLINK, mtu=MTU, label="cable"):
    """An emulated cable between two hosts: the receiver gets packets as from a NIC.

    A third namespace joins two veth pairs by XDP_REDIRECT. At the hosts, `tx off` has segmentation and checksums done
    before the cable, and `gro on` makes a veth take redirected frames (it switches NAPI on) and join segments again.
    """
    program = os.path.join(build_dir, "bench", "cable.bpf.o")
    if not os.path.exists(program):
        raise LabError(f"{program} is missing: build first")
    middle = ns1.lab.namespace(label)
    # cable.bpf.c sends from each index to the one that differs in the last bit.
    for host, name, port, index in ((ns1, name1, "end1", 100), (ns2, name2, "end2", 101)):
        pair(middle, port, host, name, mtu, index=index)
        host.ethtool(name, "tx", "off")
        host.ethtool(name, "gro", "on")
    for port in ("end1", "end2"):
        middle.ip(f"link set dev {port} xdpdrv obj {program} sec xdp")
    return middle


def switch(middle, *hosts, name=UPLINK, mtu=MTU):
    """A switch between any number of hosts, which learns who listens to which multicast address (IGMP snooping)."""
    middle.ip(f"link add switch mtu {mtu} type bridge mcast_snooping 1", "link set switch up")
    for number, host in enumerate(hosts):
        pair(middle, f"port{number}", host, name, mtu)
        middle.ip(f"link set port{number} master switch")


def build(kind, ns1, ns2, build_dir, **options):
    """The underlay by name: "veth" or "cable"."""
    if kind == "veth":
        return veth(ns1, ns2, **options)
    if kind == "cable":
        return cable(ns1, ns2, build_dir, **options)
    raise LabError(f"unknown underlay {kind}")
