# SPDX-License-Identifier: Apache-2.0
"""Limits of what a guest may send: StormLimit, MaximumBandwidth."""

import json
import time

import pytest

from fabric import Host
from frames import BROADCAST, FORBIDDEN, MARKER, udp
from kit import Capture, Lab, Process, wait_for
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


# -- MaximumBandwidth


def throughput(client, server, address, *options, seconds=3):
    """Bits a second of data that iperf3 gets through, and its whole account."""
    listener = Process(*server.command("iperf3", "-s", "-1", "--forceflush"))
    try:
        listener.wait_output("listening")
        done = client.run("iperf3", "-c", address, "-t", seconds, "-J", *options, timeout=60)
    finally:
        listener.close()
    end = json.loads(done.out)["end"]
    return (end.get("sum_received") or end["sum"])["bits_per_second"], end


def limit(host, vm, bits):
    host.do("Set-VMNetworkAdapter", VMName=vm, MaximumBandwidth=bits)


def pacers(host):
    return [l["ifname"] for l in host.ns.ip_json("link", "show") if ":pacer:" in l.get("ifalias", "")]


LIMIT = 50_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_bandwidth(net, kind):
    """What the guest sends settles near the limit, with a daemon or without; what it receives is not limited, nor are others."""
    a, b = net.guests[kind, "a"], net.guests[kind, "b"]
    assert pacers(net) == []
    limit(net, a.name, LIMIT)
    assert len(pacers(net)) == 2
    assert net.adapter(a.name)["BandwidthSetting"]["MaximumBandwidth"] == LIMIT
    assert 0.7 * LIMIT < throughput(a, b, B)[0] < 1.1 * LIMIT
    assert throughput(a, b, B, "-R")[0] > 2 * LIMIT
    assert throughput(b, a, A)[0] > 2 * LIMIT
    net.daemon.kill9()
    assert 0.7 * LIMIT < throughput(a, b, B)[0] < 1.1 * LIMIT
    net.daemon.start()
    # A socket waits for what it has sent, so one alone loses nothing; of many what has to wait too long is dropped, and counted.
    before = drops(net.daemon).get((net.port(a.name), "BANDWIDTH_LIMIT"), 0)
    account = throughput(a, b, B, "-u", "-b", "25M", "-l", "1400", "-P", "16")[1]
    lost = drops(net.daemon)[net.port(a.name), "BANDWIDTH_LIMIT"] - before
    assert 0 < account["sum"]["lost_packets"] <= lost
    # A faster one takes effect at once; so does none, and nothing is left of it.
    limit(net, a.name, 4 * LIMIT)
    assert 0.7 * 4 * LIMIT < throughput(a, b, B)[0] < 1.1 * 4 * LIMIT
    limit(net, a.name, 0)
    assert pacers(net) == []
    assert throughput(a, b, B)[0] > 5 * LIMIT


def test_bandwidth_of_each(net):
    """Two limited ports do not share: each has its own."""
    (a, b), (c, d) = ((net.guests[kind, "a"], net.guests[kind, "b"]) for kind in KINDS)
    limit(net, a.name, LIMIT)
    limit(net, c.name, LIMIT // 5)
    listener = Process(*d.command("iperf3", "-s", "-1", "--forceflush"))
    listener.wait_output("listening")
    slow = Process(*c.command("iperf3", "-c", B, "-t", 4, "-J"))
    fast = throughput(a, b, B)[0]
    result = json.loads(slow.wait(60).out)["end"]["sum_received"]["bits_per_second"]
    slow.close()
    listener.close()
    assert 0.7 * LIMIT < fast < 1.1 * LIMIT
    assert 0.7 * LIMIT / 5 < result < 1.1 * LIMIT / 5
    # Nothing is lost at a rate below it.
    assert a.ping(B, count=20)
    for guest in (a, c):
        limit(net, guest.name, 0)


def test_bandwidth_across_hosts(pair):
    """In a virtual subnet with policy, by encapsulation: large segments and their headers."""
    host = pair.hosts[0]
    limit(host, "a", LIMIT)
    assert pair.a.ping("10.10.10.12")
    assert 0.7 * LIMIT < throughput(pair.a, pair.b, "10.10.10.12")[0] < 1.1 * LIMIT
    assert_settled(host.daemon)
    limit(host, "a", 0)
    assert pair.a.ping("10.10.10.12")
