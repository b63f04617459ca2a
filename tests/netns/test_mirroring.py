# SPDX-License-Identifier: Apache-2.0
"""PortMirroring: what a Source sends and receives, byte for byte, at every Destination of its switch, and nothing else."""

import pytest
from scapy.utils import rdpcap

from fabric import Host
from frames import A_MAC, B_MAC, MARKER, arp, udp
from kit import Capture, Lab, wait_for
from labs import colons
from support import Wire, assert_settled

A, B = "10.1.0.1", "10.1.0.2"
END = b"the end of all"


def caught(capture):
    """The frames as they are, of our own making alone: what a guest's kernel says by itself is not in question."""
    frames = [bytes(frame) for frame in rdpcap(capture.file)] if capture.count else []
    # nobody listens at the port: ICMP quotes what it could not deliver
    return [frame for frame in frames if (b"mirrored" in frame or END in frame) and (frame[12:14], frame[23]) != (b"\x08\x00", 1)]


def sees(monitor, *sends, count=0):
    """What the monitor's adapter gets of frames that are sent one after the other, (guest, frame): at least `count`."""
    with Capture(monitor.netns, "eth0", monitor.daemon.lab.path(f"mirror-{monitor.name}.pcap")) as capture:
        for guest, frame in sends:
            with Wire(guest, "eth0") as wire:
                wire.send(frame)
        wait_for(lambda: len(seen := caught(capture)) > count and any(END in f for f in seen), 10, "the last frame",
                 lambda: str(caught(capture)))
    return [frame for frame in caught(capture) if END not in frame]


@pytest.fixture(scope="module", name="net", params=[0, 5020], ids=["switch", "subnet"])
def _net(request):
    """Two guests that talk, two that may watch, and one that may on another switch. The monitors are on the plain switch."""
    with Lab("nst") as lab:
        host = Host(lab.namespace("host"), "host")
        host.switch("priv", nic=None, SwitchType="Private")
        host.switch("other", nic=None, SwitchType="Private")
        host.a, host.b = (host.guest(name, address, vsid=request.param, switch="priv") for name, address in (("a", A), ("b", B)))
        host.m1, host.m2 = (host.guest(name, switch="priv") for name in ("m1", "m2"))
        host.m3 = host.guest("m3", switch="other")
        yield host
        assert_settled(host.daemon)


def mode(net, **modes):
    for name in ("a", "b", "m1", "m2", "m3"):
        net.do("Set-VMNetworkAdapter", VMName=name, PortMirroring=modes.get(name, "None"))


def frame(source, destination, text, **more):
    return udp(b"mirrored " + text, src=colons(source.plan.mac), dst=colons(destination.plan.mac), **more)


def last(net, monitor):
    """A frame that every monitor gets without a mirror: it is for it."""
    sender = net.m2 if monitor is net.m1 else net.m1
    if monitor is net.m3:
        return monitor, udp(END, src=colons(monitor.plan.mac), dst="02:00:00:00:00:01")
    return sender, udp(END, src=colons(sender.plan.mac), dst=colons(monitor.plan.mac))


def test_sent_and_received(net):
    there, back = frame(net.a, net.b, b"there"), frame(net.b, net.a, b"and back" + bytes(range(256)))
    tagged = frame(net.a, net.b, b"in a tag", tags=(0x8100,))
    mode(net, a="Source", m1="Destination", m3="Destination")
    sent = [(net.a, there), (net.b, back)]
    assert sees(net.m1, *sent, last(net, net.m1), count=2) == [there, back]
    assert sees(net.m2, *sent, last(net, net.m2)) == []
    assert sees(net.m3, *sent, last(net, net.m3)) == []
    # As the guest sent it.
    assert sees(net.m1, (net.a, tagged), last(net, net.m1), count=1) == [tagged]
    # Two that watch, and a daemon that is gone.
    mode(net, a="Source", m1="Destination", m2="Destination")
    net.daemon.kill9()
    assert [sees(m, *sent, last(net, m), count=2) for m in (net.m1, net.m2)] == [[there, back]] * 2
    net.daemon.start()
    # Both ends watched: each has its own copy.
    mode(net, a="Source", b="Source", m1="Destination")
    assert sees(net.m1, *sent, last(net, net.m1), count=4) == [there, there, back, back]
    # Nobody is watched, or nobody watches.
    mode(net, m1="Destination")
    assert sees(net.m1, *sent, last(net, net.m1)) == []
    mode(net, a="Source")
    assert sees(net.m1, *sent, last(net, net.m1)) == []


def test_what_a_guard_drops_is_not_mirrored(net):
    spoofed = udp(b"mirrored by nobody", src="02:00:00:00:00:99", dst=colons(net.b.plan.mac))
    mode(net, a="Source", m1="Destination")
    assert sees(net.m1, (net.a, spoofed), (net.a, frame(net.a, net.b, b"1")), last(net, net.m1), count=1) == [frame(net.a, net.b, b"1")]


def test_no_loop(net):
    """What a Destination sends by itself goes its way, once; also back to the Source, whose copy then comes."""
    hello = frame(net.m2, net.m1, b"hello")
    mode(net, a="Source", m1="Destination", m2="Destination")
    assert sees(net.m1, (net.m2, hello), last(net, net.m1), count=1) == [hello]


def test_traffic_goes_on(net):
    mode(net, a="Source", m1="Destination")
    assert net.a.ping(B) and net.b.ping(A)
    mode(net)
    assert net.a.ping(B) and net.b.ping(A)


def test_monitor_that_stops(net):
    """The list follows who is there."""
    there = frame(net.a, net.b, b"there")
    mode(net, a="Source", m1="Destination", m2="Destination")
    net.do("Disconnect-VMNetworkAdapter", VMName="m1")
    assert sees(net.m2, (net.a, there), (net.m2, udp(END, src=colons(net.m2.plan.mac), dst="02:00:00:00:00:01")), count=1) == [there]
    net.do("Connect-VMNetworkAdapter", VMName="m1", SwitchName="priv")
    assert sees(net.m1, (net.a, there), last(net, net.m1), count=1) == [there]
    mode(net)


def test_overlay(pair):
    """What another host sends is mirrored as the guest gets it; so is what is answered in place."""
    host = pair.hosts[0]
    monitor = host.guest("m")
    host.do("Set-VMNetworkAdapter", VMName="a", PortMirroring="Source")
    host.do("Set-VMNetworkAdapter", VMName="m", PortMirroring="Destination")
    there = udp(b"mirrored there")
    back = udp(b"mirrored back", src=B_MAC, dst=A_MAC, ip_src="10.10.10.12", ip_dst="10.10.10.11")
    end = (monitor, udp(END, src=colons(monitor.plan.mac)))
    with Capture(pair.b.netns, "eth0", host.ns.lab.path("b.pcap")) as at_b, Wire(pair.a, "eth0") as wire:
        assert sees(monitor, (pair.a, there), end, count=1) == [there]
        at_b.wait_packets("frame.number", filter=f"udp.payload == {b'mirrored there'.hex(':')}")
        wire.send(udp(MARKER))
    with Capture(monitor.netns, "eth0", host.ns.lab.path("m.pcap")) as capture:
        with Wire(pair.b, "eth0") as wire:
            wire.send(back)
        wait_for(lambda: back in caught(capture), 10, "the frame from the other host")
        with Wire(pair.a, "eth0") as wire:
            wire.send(arp())
        answer = capture.wait_packets("arp.src.hw_mac", "arp.src.proto_ipv4", "eth.dst", filter="arp.opcode == 2")[0]
    assert [v[0] for v in answer.values()] == [B_MAC, "10.10.10.12", A_MAC]
    assert pair.a.ping("10.10.10.12")
    host.do("Set-VMNetworkAdapter", VMName="a", PortMirroring="None")
