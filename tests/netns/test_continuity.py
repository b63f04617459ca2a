# SPDX-License-Identifier: Apache-2.0
"""Packets flow on while daemons die and return, and a daemon that returns finds nothing to do."""

import json
import re

import pytest

from kit import Process, wait_for
from support import hang_up, health, kernel, maps

STREAM_SECONDS = 600


class Traffic:
    """A TCP stream and a ping every 10 ms from a to b, until end()."""

    def __init__(self, pair):
        self.b = pair.b
        lab = pair.hosts[0].ns.lab
        self.server = lab.own(Process(*pair.b.command("iperf3", "-s", "-1")))
        wait_for(lambda: pair.b.run("ss", "-Hltn", "sport = :5201").out, 10, "iperf3 to listen")
        # Bounded: a stream at full speed would leave the daemons no processor.
        self.client = lab.own(Process(*pair.a.command("iperf3", "-c", "10.10.10.12", "-b", "200M", "-t", STREAM_SECONDS, "-J")))
        self.ping = lab.own(Process(*pair.a.command("ping", "-n", "-i", "0.01", "10.10.10.12")))
        self.flowing()

    def received(self):
        with open(f"/proc/{self.b.pid}/net/dev", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.strip().startswith("eth0:"))

    def answers(self):
        return self.ping.out.count("bytes from")

    def flowing(self):
        """Wait until both have got further than they are now."""
        pings, octets = self.answers(), self.received()
        wait_for(lambda: self.answers() >= pings + 20, 10, "20 more answers to ping", lambda: str(self.ping)[-500:])
        wait_for(lambda: self.received() >= octets + 500_000, 10, "500 kB more of the stream", lambda: str(self.client))

    def end(self):
        """(requests that were sent, answers that came, errors that iperf3 tells)."""
        self.ping.signal(2)
        sent, got = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", self.ping.wait(10, check=False).out).groups())
        assert self.client.code is None, f"the stream broke: {self.client}"
        self.client.signal(2)
        report = json.loads(self.client.wait(10, check=False).out)
        return sent, got, report.get("error")


@pytest.fixture(scope="module", name="traffic")
def _traffic(pair):
    return Traffic(pair)


@pytest.mark.parametrize("which", [0, 1])
def test_killed_and_started_again_under_traffic(pair, traffic, which):
    host = pair.hosts[which]
    before = kernel(host.ns), maps(host.daemon)
    guests = [a.pid for a in (pair.a, pair.b)]
    host.daemon.kill9()
    traffic.flowing()
    host.daemon.start()
    account = health(host.daemon)["reconcile"]
    assert account["passes"] >= 1
    assert (account["totalWrites"], account["failures"]) == (0, 0), host.daemon.log_tail()
    traffic.flowing()
    assert (kernel(host.ns), maps(host.daemon)) == before
    assert health(host.daemon)["reconcile"]["totalWrites"] == 0
    assert host.do("Get-VM")[0]["ProcessId"] == guests[which]


@pytest.mark.parametrize("which", [0, 1])
def test_stopped_and_started_again_under_traffic(pair, traffic, which):
    host = pair.hosts[which]
    before = kernel(host.ns), maps(host.daemon)
    host.daemon.stop()
    traffic.flowing()
    host.daemon.start()
    traffic.flowing()
    assert (kernel(host.ns), maps(host.daemon)) == before
    assert health(host.daemon)["reconcile"]["totalWrites"] == 0


@pytest.mark.parametrize("which", [0, 1])
def test_hang_up_writes_nothing(pair, traffic, which):
    host = pair.hosts[which]
    with _Monitor(host.ns) as monitor:
        account = hang_up(host.daemon)
    assert (account["lastWrites"], account["failures"]) == (0, 0)
    assert monitor.heard() == ""
    traffic.flowing()


class _Monitor:
    """What the kernel tells about changes of links, addresses and routes meanwhile: not what the daemon says of itself."""

    def __init__(self, ns):
        self.ns = ns
        self.process = ns.spawn("ip", "-o", "monitor", "link", "address", "route")
        self._mark("192.0.2.1")

    def _mark(self, address):
        """A change of our own, again until it was heard: then everything before it was."""
        def marked():
            self.ns.ip(f"addr add {address}/32 dev lo", f"addr del {address}/32 dev lo")
            return address in self.process.out
        wait_for(marked, 10, "the monitor", lambda: str(self.process))

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self._mark("192.0.2.2")
        self.process.stop()

    def heard(self):
        return "\n".join(line for line in self.process.out.splitlines() if "192.0.2." not in line)


def test_nothing_was_lost(pair, traffic):
    """After all of the above."""
    sent, answered, _error = traffic.end()
    assert sent > 100
    # The last request may have been on its way when ping was asked to end.
    assert answered in (sent, sent - 1)
    assert pair.a.ping("10.10.10.12")
