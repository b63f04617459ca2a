# SPDX-License-Identifier: Apache-2.0
"""The loads: each runs between two guests for some seconds and returns what it measured, by metric name."""

import contextlib
import json
import os
from dataclasses import dataclass

from kit import Process
from topology import MACS_FIRST, bench_file

PORT_IPERF = 5201
PORT_UDP = 5301
PORT_RR = 5401
FLOWS = 16
FEW = 1000


@dataclass(frozen=True)
class Metric:
    """A row of the table. `better` is +1 when more is better, -1 when less is."""
    name: str
    title: str
    unit: str
    digits: int
    better: int


METRICS = {m.name: m for m in (
    Metric("forwarding", "forwarding 60 B", "kpps", 0, +1),
    Metric("few", "forwarding 60 B, to a thousand of many", "kpps", 0, +1),
    Metric("uniform", "forwarding 60 B, to all of many", "kpps", 0, +1),
    Metric("udp", "UDP sockets, 18 B", "kpps", 0, +1),
    Metric("tcp1", "TCP, one stream", "Gbit/s", 1, +1),
    Metric("tcp4", "TCP, four streams", "Gbit/s", 1, +1),
    Metric("rtt", "TCP round trip, median", "us", 1, -1),
    Metric("rtt_p99", "TCP round trip, 99th percentile", "us", 1, -1),
    Metric("rtt_udp", "UDP round trip, median", "us", 1, -1),
)}


@contextlib.contextmanager
def _background(guest, *args, ready):
    """A server in a guest, from when it says that it is ready until the block is left."""
    process = Process(*guest.command(*args))
    try:
        process.wait_output(ready)
        yield process
    finally:
        process.close()


def sink_install(guest, build_dir):
    """Count and drop forwarded frames at the receiving guest; taken away again for the other loads."""
    guest.run("tc", "qdisc", "add", "dev", guest.interface, "clsact")
    guest.run("tc", "filter", "add", "dev", guest.interface, "ingress", "bpf", "da", "obj",
              bench_file(build_dir, "sink.bpf.o"), "sec", "tc")


def sink_remove(guest):
    guest.run("tc", "qdisc", "del", "dev", guest.interface, "clsact")


def sink_count(guest):
    qdiscs = json.loads(guest.run("tc", "-s", "-j", "qdisc", "show", "dev", guest.interface, "clsact").out)
    return next(q["drops"] for q in qdiscs if q.get("kind") == "clsact")


def _forward(source, sink, seconds, build_dir, destination, *macs):
    """60-byte frames put into the source's interface as fast as they go, counted at the sink's."""
    sink_install(sink, build_dir)
    try:
        before = sink_count(sink)
        sent = source.run(bench_file(build_dir, "rawblast"), source.interface, source.mac, destination, source.address,
                          sink.address, seconds, FLOWS, *macs).json()
        arrived = sink_count(sink) - before
    finally:
        sink_remove(sink)
    return arrived / sent["seconds"] / 1e3, sent


def forwarding(source, sink, seconds, build_dir):
    """From one machine to another."""
    kpps, sent = _forward(source, sink, seconds, build_dir, sink.via or sink.mac)
    return {"forwarding": kpps, "forwarding_sent": sent["packets"] / sent["seconds"] / 1e3,
            "forwarding_sender_cpu": sent["cpu_seconds"] / sent["seconds"]}


def few(source, sink, seconds, build_dir):
    """To a thousand of the machines that stand for the sink, from all over the table."""
    return {"few": _forward(source, sink, seconds, build_dir, MACS_FIRST, FEW, sink.macs // FEW)[0]}


def uniform(source, sink, seconds, build_dir):
    """To all of them alike: each packet asks for another entry."""
    return {"uniform": _forward(source, sink, seconds, build_dir, MACS_FIRST, sink.macs, 1)[0]}


def udp(source, sink, seconds, build_dir):
    """Small packets from socket to socket; what the receiver got, over the time it got them."""
    tool = bench_file(build_dir, "udpblast")
    with _background(sink, tool, "recv", sink.address, PORT_UDP, ready="ready") as receiver:
        source.run(tool, "send", sink.address, PORT_UDP, seconds)
        got = json.loads(receiver.stop().out.splitlines()[-1])
    return {"udp": got["packets"] / got["seconds"] / 1e3 if got["seconds"] else 0.0}


def _tcp(source, sink, seconds, streams):
    # iperf3 knows whole seconds only.
    whole = max(1, round(seconds))
    with _background(sink, "iperf3", "-s", "-1", "-p", PORT_IPERF, "--forceflush", ready="Server listening"):
        answer = source.run("iperf3", "-c", sink.address, "-p", PORT_IPERF, "-t", whole, "-P", streams, "-J").json()
    return answer["end"]["sum_received"]["bits_per_second"] / 1e9


def tcp1(source, sink, seconds, _build_dir):
    """One bulk stream."""
    return {"tcp1": _tcp(source, sink, seconds, 1)}


def tcp4(source, sink, seconds, _build_dir):
    """Four bulk streams at once."""
    return {"tcp4": _tcp(source, sink, seconds, 4)}


def _round_trip(source, sink, seconds, build_dir, protocol):
    """One byte there and one byte back, both ends on the same CPU.

    On different CPUs every byte would wake a sleeping CPU, which takes several times as long as the way through the
    network (45 us against 15 in a virtual machine) and is the same for all variants.
    """
    tool = bench_file(build_dir, "rr")
    one_cpu = ["taskset", "--cpu-list", min(os.sched_getaffinity(0))]
    with _background(sink, *one_cpu, tool, protocol, "server", sink.address, PORT_RR, ready="ready"):
        return source.run(*one_cpu, tool, protocol, "client", sink.address, PORT_RR, seconds).json()


def rtt(source, sink, seconds, build_dir):
    """Round trip over one TCP connection."""
    answer = _round_trip(source, sink, seconds, build_dir, "tcp")
    return {"rtt": answer["median_us"], "rtt_p99": answer["p99_us"]}


def rtt_udp(source, sink, seconds, build_dir):
    """Round trip between two UDP sockets."""
    return {"rtt_udp": _round_trip(source, sink, seconds, build_dir, "udp")["median_us"]}


LOADS = {function.__name__: function for function in (forwarding, few, uniform, udp, tcp1, tcp4, rtt, rtt_udp)}
OF_TABLES = (few, uniform)


def applies(load, sink):
    """Large tables have loads of their own, and no others: in everything else they are like small ones."""
    return (LOADS[load] in OF_TABLES) == bool(sink.macs)
