# SPDX-License-Identifier: Apache-2.0
"""The kit itself: what it leaves behind (nothing), what it refuses, and that the cable is one."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from kit import Capture, CommandError, Lab, LabError, Process, run, underlay, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD_DIR = os.environ.get("NESTOR_BUILD_DIR", os.path.join(HERE, "..", "..", "..", "build"))


def namespaces():
    return set(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else set()


@pytest.fixture(name="lab")
def _lab():
    with Lab(prefix="kit") as lab:
        yield lab


def two_hosts(lab, kind):
    hosts = lab.namespaces("host1", "host2")
    underlay.build(kind, *hosts, BUILD_DIR)
    for number, host in enumerate(hosts, 1):
        host.ip(f"addr add 10.0.0.{number}/24 dev uplink")
    return hosts


def test_wait_for_returns_what_the_condition_returns():
    values = iter([None, 0, "value"])
    assert wait_for(lambda: next(values)) == "value"


def test_wait_for_says_what_it_waited_for():
    with pytest.raises(TimeoutError, match="in vain for: the moon\nit is cloudy"):
        wait_for(lambda: False, 0.05, "the moon", lambda: "it is cloudy")


def test_command_error_holds_everything():
    with pytest.raises(CommandError) as caught:
        run("sh", "-c", "echo out; echo err >&2; exit 3")
    assert (caught.value.result.code, caught.value.result.out, caught.value.result.err) == (3, "out\n", "err\n")
    assert run("false", check=False).code == 1


def test_a_command_that_takes_too_long_is_killed_and_told():
    with pytest.raises(TimeoutError, match="killed after 0.2 s: sh.*\nbefore"):
        run("sh", "-c", "echo before; exec sleep 600", timeout=0.2)


def test_leaving_removes_only_what_was_created():
    before = namespaces()
    with Lab(prefix="kit") as lab:
        names = {lab.namespace("a").name, lab.namespace("b").name}
        assert namespaces() - before == names
        process = lab.own(Process("sleep", "600"))
        directory = lab.directory
    assert not namespaces() & names
    assert not os.path.exists(f"/proc/{process.pid}")
    assert not os.path.exists(directory)


def test_a_name_that_exists_is_refused_and_stays():
    with Lab(prefix="kit") as lab:
        name = f"{lab.prefix}-taken"
        run("ip", "netns", "add", name)
        try:
            with pytest.raises(LabError, match="exists already"):
                lab.namespace("taken")
            lab.close()
            assert name in namespaces()
        finally:
            run("ip", "netns", "del", name)


def test_an_exception_cleans_up():
    names = set()
    with pytest.raises(KeyError):
        with Lab(prefix="kit") as lab:
            names.add(lab.namespace("a").name)
            raise KeyError
    assert not namespaces() & names


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_cleans_up(number):
    script = textwrap.dedent("""
        import signal, sys
        sys.path.insert(0, sys.argv[1])
        from kit import Lab
        with Lab(prefix="kit") as lab:
            a = lab.namespace("a")
            print(a.name, a.spawn("sleep", "600").pid, lab.directory, flush=True)
            signal.pause()
        """)
    with subprocess.Popen([sys.executable, "-c", script, os.path.dirname(HERE)], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as child:
        name, pid, directory = child.stdout.readline().split()
        assert name in namespaces()
        child.send_signal(number)
        child.wait(20)
    assert child.returncode != 0
    assert name not in namespaces()
    assert not os.path.exists(f"/proc/{pid}") and not os.path.exists(directory)


def test_stop_ends_a_process_with_sigterm(lab):
    with lab.uninterrupted():
        process = lab.own(Process("sleep", "600"))
    assert process.code is None
    assert process.stop().code == -signal.SIGTERM


@pytest.mark.parametrize("kind", ["veth", "cable"])
def test_hosts_reach_each_other(lab, kind):
    host1, host2 = two_hosts(lab, kind)
    assert host1.ping("10.0.0.2", count=3)
    assert not host2.ping("10.0.0.3", seconds=1)


def test_capture_has_every_packet_in_order(lab):
    host1, host2 = two_hosts(lab, "veth")
    with Capture(host2, "uplink") as capture:
        assert host1.ping("10.0.0.2", count=5)
    packets = capture.packets("ip.src", "icmp.type", "icmp.seq", filter="icmp")
    assert packets == [{"ip.src": [f"10.0.0.{1 + answer}"], "icmp.type": [str(8 - 8 * answer)], "icmp.seq": [str(seq)]}
                       for seq in range(1, 6) for answer in (0, 1)]


def test_capture_has_tags_and_sizes(lab):
    host1, host2 = two_hosts(lab, "veth")
    frame = "0200000000020200000000018100007b88b5" + "5a" * 50
    send = ("import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('uplink', 0)); "
            f"s.send(bytes.fromhex('{frame}'))")
    with Capture(host2, "uplink") as capture:
        host1.run(sys.executable, "-c", send)
        found = capture.wait_packets("vlan.id", "frame.len", "eth.dst", filter="vlan")
    assert found == [{"vlan.id": ["123"], "frame.len": ["68"], "eth.dst": ["02:00:00:00:00:02"]}]


@pytest.mark.parametrize("kind", ["veth", "cable"])
def test_only_the_cable_has_wire_sized_and_finished_packets(lab, kind):
    host1, host2 = two_hosts(lab, kind)
    server = host2.spawn("iperf3", "-s", "-1", "--forceflush")
    server.wait_output("Server listening")
    # At the sender: what comes out of the cable at the other end is joined to large segments again before a capture.
    with Capture(host1, "uplink") as capture:
        host1.run("iperf3", "-c", "10.0.0.2", "-n", "2M")
    packets = capture.packets("tcp.checksum.status", "frame.len", filter="ip.src == 10.0.0.1 and tcp.len > 1000",
                              preferences=["tcp.check_checksum:TRUE"])
    assert packets
    is_cable = kind == "cable"
    assert {packet["tcp.checksum.status"][0] for packet in packets} == {"1" if is_cable else "0"}
    assert (max(int(packet["frame.len"][0]) for packet in packets) <= 1514) is is_cable
