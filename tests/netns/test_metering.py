# SPDX-License-Identifier: Apache-2.0
"""Measure-VM: what machines and namespace guests have used, through restarts of both them and the daemon."""

import pytest

from fabric import PAS
from kit import wait_for
from test_machines import addressed, one_host, refusal

pytestmark = pytest.mark.slow

A, B = "10.10.10.11", "10.10.10.12"
SECONDS = 30


@pytest.fixture(scope="module", name="net")
def _net():
    """A machine that works for a living, and a namespace guest beside it."""
    with one_host() as net:
        net.provider(PAS[0])
        net.make("a", net.image, f"{addressed(A)}\nnc -l -p 99 > /dev/null; echo guest: got it; while :; do :; done")
        net.b = net.guest("b", B)
        net.wait_console("a", "guest: up")
        yield net


def measured(net, name):
    return net.do("Measure-VM", VMName=name)[0]


def total(report, direction):
    return sum(t["TotalBytes"] for t in report["NetworkMeteredTrafficReport"] if t["Direction"] == direction)


def seconds(report):
    hours, minutes, rest = report["MeteringDuration"].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(rest)


MEGABYTES = 3


def test_what_is_used_is_counted(net):
    assert refusal(net, "Measure-VM", VMName="a")["id"] == "Vm.MeteringDisabled"
    net.do("Enable-VMResourceMetering", VMName="*")
    assert total(measured(net, "a"), "Inbound") < 10000
    wait_for(lambda: net.b.run("sh", "-c", f"head -c {MEGABYTES << 20} /dev/zero | busybox nc -w 5 {A} 99", check=False).code == 0, SECONDS,
             "a to take it")
    net.wait_console("a", "guest: got it")
    wait_for(lambda: measured(net, "a")["AvgCPU"] > 0 and seconds(measured(net, "a")) > 0, SECONDS, "processor time",
             lambda: str(measured(net, "a")) + net.daemon.log_tail())
    a, b = measured(net, "a"), measured(net, "b")
    assert (a["MinRAM"], a["AvgRAM"], a["MaxRAM"]) == (192, 192, 192)
    assert MEGABYTES << 20 < total(a, "Inbound") < (MEGABYTES << 20) * 1.1
    assert total(b, "Outbound") == total(a, "Inbound") and total(b, "Inbound") == total(a, "Outbound")
    assert (a["NetworkInbound"], b["NetworkOutbound"]) == (MEGABYTES, MEGABYTES)
    assert b["MaxRAM"] >= b["AvgRAM"] >= b["MinRAM"]
    head = net.daemon.nestor("Measure-VM", "a").out.split("\n")[1].split()
    assert head == ["VMName", "AvgCPU(MHz)", "AvgRAM(M)", "MaxRAM(M)", "MinRAM(M)", "TotalDisk(M)", "NetworkInbound(M)", "NetworkOutbound(M)"]


def test_through_restarts(net):
    """Of the daemon (also by a crash) and of the machine; what was counted stays."""
    before = measured(net, "a")
    net.daemon.restart()
    after = measured(net, "a")
    assert total(after, "Inbound") >= total(before, "Inbound") and seconds(after) >= seconds(before)
    before = after
    net.daemon.kill9()
    net.daemon.start()
    wait_for(lambda: seconds(measured(net, "a")) > seconds(before), SECONDS, "it to be counted on", lambda: str(measured(net, "a")))
    net.do("Stop-VM", Name="a", TurnOff=True)
    off = measured(net, "a")
    assert total(off, "Inbound") >= total(before, "Inbound")
    assert measured(net, "a") == off
    net.do("Start-VM", Name="a")
    assert total(measured(net, "a"), "Inbound") >= total(off, "Inbound")


def test_reset_and_disable(net):
    net.do("Reset-VMResourceMetering", VMName="a")
    again = measured(net, "a")
    assert total(again, "Inbound") < 10000 and seconds(again) < SECONDS
    net.do("Disable-VMResourceMetering", VMName="*")
    assert refusal(net, "Measure-VM", VMName="b")["id"] == "Vm.MeteringDisabled"
    assert not net.vm("a")["ResourceMeteringEnabled"]
