# SPDX-License-Identifier: Apache-2.0
"""Ten virtual machines started at once beside two hundred namespace guests: states are right, and the daemon stays small and quick.

How quick is printed (pytest -s), and only what is out of all proportion fails: the machine that tests run on has other things to do.
"""

import os
import time

import pytest

from kit import Image, Lab, wait_for
from support import BUILD_DIR, assert_settled, hang_up, health
from test_hot_adapters import taps
from test_machines import BOOT_SECONDS, Machines

pytestmark = pytest.mark.slow

MACHINES, GUESTS = 10, 200
MIB = 1 << 20
RESIDENT = 50 * MIB
SLOW = 2  # seconds


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        net = Machines(lab.namespace("host"), "host")
        net.image = Image(lab, BUILD_DIR)
        net.switch(nic=None, SwitchType="Private")
        yield net


def resident(net):
    with open(f"/proc/{net.daemon.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmRSS:"))


def timed(what, action):
    start = time.monotonic()
    done = action()
    print(f"{what}: {(time.monotonic() - start) * 1000:.0f} ms")
    return done, time.monotonic() - start


def share(pid):
    """Of the processor: what the scheduler gives to the session of a process."""
    with open(f"/proc/{pid}/autogroup", encoding="ascii") as file:
        return int(file.read().split()[-1])


def states(net, name="*"):
    return [vm["State"] for vm in net.do("Get-VM", Name=name)]


def assert_small_and_quick(net, when):
    size = resident(net)
    print(f"{when}: {size / MIB:.1f} MiB resident")
    assert size < RESIDENT, f"{when}: {size / MIB:.1f} MiB resident"
    vms, seconds = timed("Get-VM", lambda: net.do("Get-VM"))
    assert len(vms) == MACHINES + GUESTS and seconds < SLOW
    assert net.daemon.nestor("Get-VM").out.count("Running") == states(net).count("Running")


def test_two_hundred_guests(net):
    lines = [f"New-VM -Name g{n} -Engine Namespace -SwitchName vswitch | Out-Null" for n in range(GUESTS)]
    timed(f"{GUESTS} guests made", lambda: net.daemon.pipeline("; ".join(lines)))
    timed(f"{GUESTS} guests started", lambda: net.daemon.http("POST", "/v1/cmdlet/Start-VM", {"parameters": {"Name": "g*"}}, timeout=120))
    assert states(net) == ["Running"] * GUESTS


def test_ten_machines_at_once(net):
    for n in range(MACHINES):
        net.make(f"m{n}", net.image, f"ip link set eth0 up; ip addr add 10.1.0.{n + 1}/24 dev eth0; echo guest: up", start=False)
    assert states(net, "m*") == ["Off"] * MACHINES
    timed(f"{MACHINES} machines started", lambda: net.daemon.http("POST", "/v1/cmdlet/Start-VM", {"parameters": {"Name": "m*"}}, timeout=120))
    assert states(net, "m*") == ["Running"] * MACHINES
    assert net.libvirt.domains() == {f"m{n}": "running" for n in range(MACHINES)}
    assert len(net.libvirt.machines()) == len(taps(net)) == MACHINES
    assert_small_and_quick(net, "while they boot")
    for n in range(MACHINES):
        net.wait_console(f"m{n}", "guest: up")
    assert_small_and_quick(net, "when they are up")
    net.start("g0", "10.1.0.99")
    asks = net.start("g0")
    for n in range(MACHINES):
        wait_for(lambda n=n: asks.ping(f"10.1.0.{n + 1}", count=1), BOOT_SECONDS, f"m{n} to answer")


@pytest.mark.skipif(not os.path.exists("/proc/self/autogroup"), reason="this kernel's scheduler knows no sessions")
def test_the_daemon_is_not_kept_waiting_by_guests(net):
    assert share(net.daemon.pid) == -10
    assert {share(vm["ProcessId"]) for vm in net.do("Get-VM", Name="g*")} == {share(pid) for pid in net.libvirt.machines()} == {0}


def test_daemon_dies(net):
    before = net.libvirt.machines()
    net.daemon.kill9()
    timed("start beside all of them", net.daemon.start)
    wait_for(lambda: states(net) == ["Running"] * (MACHINES + GUESTS), 20, "the daemon to find them", net.daemon.log_tail)
    assert net.libvirt.machines() == before
    wait_for(lambda: health(net.daemon)["machines"]["busy"] == 0, 20, "the daemon to have looked")
    account, _ = timed("a pass", lambda: hang_up(net.daemon))
    assert (account["lastWrites"], account["failures"]) == (0, 0)
    assert_small_and_quick(net, "after a start")


def test_all_stopped_at_once(net):
    timed("all stopped", lambda: net.daemon.http("POST", "/v1/cmdlet/Stop-VM", {"parameters": {"Name": "*", "TurnOff": True}}, timeout=120))
    assert states(net) == ["Off"] * (MACHINES + GUESTS)
    assert net.libvirt.machines() == taps(net) == set()
    assert_small_and_quick(net, "when all are off")
    timed("all removed", lambda: net.daemon.http("POST", "/v1/cmdlet/Remove-VM", {"parameters": {"Name": "*", "Force": True}}, timeout=120))
    assert net.libvirt.domains() == {}
    assert_settled(net.daemon)
