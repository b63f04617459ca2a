# SPDX-License-Identifier: Apache-2.0
"""The labs of the source documents with virtual machines as guests, by the runbooks as they stand: what a table of them shows, who
reaches whom, and that nothing is left.

The tests of this file go through the labs from the beginning to the end; each goes on where the one before has stopped.
"""

import re

import pytest

import labs
from kit import Capture, Lab, underlay
from runbooks import assert_untouched, lab1_table, lab2_tables, lab3_tables, lines
from support import BUILD_DIR, assert_settled, maps

pytestmark = pytest.mark.slow

LAB3 = ("lab3-nvgre-host1.ps1", "lab3-nvgre-host2.ps1")
LAB2 = ("lab2-ip-rewrite-host1.ps1", "lab2-ip-rewrite-host2.ps1")


@pytest.fixture(scope="module", name="fabric")
def _fabric():
    """Two hosts with two machines each: blue1 and red1, blue2 and red2."""
    with Lab("nst") as lab:
        fabric = labs.lab3(lab, BUILD_DIR, engine="Qemu")
        fabric.prepare()
        yield fabric


@pytest.fixture(scope="module", name="single")
def _single():
    """One host with four machines."""
    with Lab("nst") as lab:
        fabric = labs.lab1(lab, BUILD_DIR, engine="Qemu")
        fabric.prepare()
        yield fabric


def wrong(fabric):
    return [cell for cell in fabric.reachability() if not cell.right]


def table(rows):
    """Without the addresses that a machine has, which only its guest knows, and without what is as wide as they are."""
    return [re.sub(r" +", " ", re.sub(r"\{10[0-9.]*\}|\{\}|-{3,}", "", row)).strip() for row in rows]


def run_runbooks(fabric, names, tables):
    """What they print, without what only the guest knows."""
    assert_untouched(*names)
    for index, (daemon, name) in enumerate(zip(fabric.daemons, names)):
        out = lines(daemon.script(labs.runbook(name)).out)
        expected = tables(index, daemon.ns.link(underlay.UPLINK)["ifindex"])
        assert table(out)[-len(expected):] == table(expected)


def assert_nothing_left(fabric):
    fabric.remove_all()
    for daemon in fabric.daemons:
        daemon.stop()
    assert fabric.leftovers() == []


def test_lab3_by_nvgre(fabric):
    run_runbooks(fabric, LAB3, lab3_tables)
    with Capture(fabric.hosts[0], underlay.UPLINK) as capture:
        assert wrong(fabric) == []
    assert {p["gre.key"][0][:-2] for p in capture.packets("gre.key", filter="gre && icmp")} == {"0x001392", "0x001393"}
    assert capture.packets("frame.number", filter="!gre && ip.addr == 10.10.10.0/24") == []


def test_lab3_daemons_and_libvirt_die(fabric):
    for daemon, libvirt in zip(fabric.daemons, fabric.libvirts):
        daemon.kill9()
        libvirt.kill9()
    assert wrong(fabric) == []
    for daemon, libvirt in zip(fabric.daemons, fabric.libvirts):
        libvirt.start()
        daemon.start()
        assert_settled(daemon)
    assert wrong(fabric) == []


def test_lab3_cleanup(fabric):
    assert_untouched("lab3-cleanup.ps1")
    for daemon in fabric.daemons:
        daemon.script(labs.runbook("lab3-cleanup.ps1"))
        assert not any(maps(daemon).values())


def test_lab2_by_ip_rewrite(fabric):
    """The same machines, and nothing is encapsulated."""
    run_runbooks(fabric, LAB2, lab2_tables)
    with Capture(fabric.hosts[0], underlay.UPLINK) as capture:
        assert wrong(fabric) == []
    pairs = {(p["ip.src"][0], p["ip.dst"][0]) for p in capture.packets("ip.src", "ip.dst", filter="icmp")}
    assert {tuple(sorted(pair)) for pair in pairs} == {tuple(sorted(pas)) for pas in labs.LAB2_PAS.values()}
    assert capture.packets("frame.number", filter="gre") == []


def test_lab2_nothing_is_left(fabric):
    for daemon in fabric.daemons:
        daemon.pipeline(labs.LAB2_CLEANUP)
        assert_settled(daemon)
    assert_nothing_left(fabric)


def test_lab1_by_virtual_subnets(single):
    """Two machines with one address: who answers is a matter of luck, until they are in virtual subnets."""
    assert_untouched("lab1-virtual-subnet.ps1")
    out = lines(single.daemons[0].script(labs.runbook("lab1-virtual-subnet.ps1")).out)
    assert table(out) == table(lab1_table(0, 0) + lab1_table(5010, 5020) + lab1_table(5010, 5020))
    assert wrong(single) == []
    assert_settled(single.daemons[0])


def test_lab1_nothing_is_left(single):
    assert_untouched("lab1-cleanup.ps1")
    single.daemons[0].script(labs.runbook("lab1-cleanup.ps1"))
    assert not any(maps(single.daemons[0]).values())
    assert_nothing_left(single)
