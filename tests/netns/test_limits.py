# SPDX-License-Identifier: Apache-2.0
"""Limits of what a guest may send: StormLimit."""

import time

import pytest

from fabric import Host
from frames import BROADCAST, FORBIDDEN, MARKER, udp
from kit import Capture, Lab, wait_for
from labs import colons
from support import Wire, assert_settled, drops

KINDS = {"switch": 0, "subnet": 5020}
A, B = "10.1.0.1", "10.1.0.2"


@pytest.fixture(scope="module", name="net")
def _net():
    """A pair of guests on a plain switch, and one in a virtual subnet without policy."""
    with Lab("nst") as lab:
        host = Host(lab.namespace("host"), "host")
        host.switch("priv", nic=None, SwitchType="Private")
        host.guests = {(kind, name): host.guest(f"{kind}-{name}", address, vsid=vsid, switch="priv")
                       for kind, vsid in KINDS.items() for name, address in (("a", A), ("b", B))}
        yield host
        assert_settled(host.daemon)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("destination", [BROADCAST, "01:00:5e:00:00:05"])
def test_storm(net, kind, destination):
    """Ten in a second get through of a hundred, the rest is counted; what is for one machine all gets through."""
    a, b = net.guests[kind, "a"], net.guests[kind, "b"]
    port, mac = net.port(a.name), colons(a.plan.mac)
    frame = udp(src=mac, dst=destination)
    marker, plain = (udp(payload, src=mac, dst=colons(b.plan.mac)) for payload in (MARKER, FORBIDDEN + b" not"))
    net.do("Set-VMNetworkAdapter", VMName=a.name, StormLimit=10)

    def dropped():
        return drops(net.daemon).get((port, "STORM_LIMIT"), 0)

    def burst():
        """What arrived of a hundred, and what was dropped; None when the machine was too slow for it to be one second."""
        before, start = dropped(), time.monotonic()
        with Wire(a, "eth0") as wire, Capture(b.netns, "eth0", net.ns.lab.path("storm.pcap")) as capture:
            wire.send(*[frame] * 100)
            slow = time.monotonic() - start > 0.9
            wire.send(*[plain] * 20, marker)
            capture.wait_packets("frame.number", filter=f"udp.payload == {MARKER.hex(':')}")
            arrived = capture.packets("frame.number", filter=f"eth.dst == {destination}")
            others = capture.packets("frame.number", filter=f"udp.payload == {(FORBIDDEN + b' not').hex(':')}")
        return None if slow else (len(arrived), dropped() - before, len(others))

    def own_second():
        """A burst that begins within the last one's second finds nothing left."""
        result = burst()
        return result if result and result[0] else None

    seen = wait_for(own_second, 20, "a second of its own")
    assert seen == (10, 90, 20)
    # No limit: no count.
    net.do("Set-VMNetworkAdapter", VMName=a.name, StormLimit=0)
    assert burst() in ((100, 0, 20), None)
