# SPDX-License-Identifier: Apache-2.0
"""What all variants are made of: two hosts, two guests, and what these are called by."""

import os
from dataclasses import dataclass

from kit import run, underlay as kit_underlay

GUEST_IF = "eth0"
# What is left of an underlay of 1500 after VXLAN's 50 bytes. NVGRE would have room for 1458, but equal is fair.
GUEST_MTU = 1450
VSID = 5010
ROUTING_DOMAIN = "{11111111-2222-3333-4444-000000005010}"
MACS_FIRST = "02:01:00:00:00:00"


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
    # The link address of frames to this guest; "": its own, else that of a router on the way.
    via: str = ""
    # How many MAC addresses lead to this guest besides its own: MACS_FIRST and those after it.
    macs: int = 0

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


def configure(ns, host):
    ns.ip(f"link set {GUEST_IF} mtu {GUEST_MTU} address {host.mac} up", f"addr add {host.address}/24 dev {GUEST_IF}")
    return Guest(ns.command(), host.mac, host.address)


def two_hosts(lab, name, underlay, build_dir):
    """Two hosts with an uplink each, and an empty guest namespace for each: [(host, guest), (host, guest)]."""
    hosts = lab.namespaces(f"{name}-host1", f"{name}-host2")
    options = {"label": f"{name}-cable"} if underlay == "cable" else {}
    kit_underlay.build(underlay, *hosts, build_dir, **options)
    return list(zip(hosts, lab.namespaces(f"{name}-guest1", f"{name}-guest2")))
