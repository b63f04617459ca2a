# SPDX-License-Identifier: Apache-2.0
"""Lab 1 of the source documents: one host, four guests, the same addresses twice, kept apart by virtual subnets.

The tests of this file go through the lab from its beginning to its end.
"""

import pytest

import labs
from kit import Capture, Lab, underlay
from runbooks import assert_untouched, lab1_table, lines
from support import BUILD_DIR, UNREPEATABLE, assert_settled, maps, objects


@pytest.fixture(scope="module", name="fabric")
def _fabric():
    with Lab("nst") as lab:
        fabric = labs.lab1(lab, BUILD_DIR)
        fabric.prepare()
        yield fabric


def wrong(fabric):
    return [cell for cell in fabric.reachability() if not cell.right]


def test_the_conflict(fabric):
    """On the plain switch both have the address, and both answer."""
    answers = fabric.arp_answers(fabric.guests["Blue2"], "10.10.10.10")
    assert answers == ["00:00:00:00:00:11", "00:00:00:00:00:21"]
    assert wrong(fabric)


def test_runbook_prints_these_tables(fabric):
    assert_untouched("lab1-virtual-subnet.ps1")
    out = lines(fabric.daemons[0].script(labs.runbook("lab1-virtual-subnet.ps1")).out)
    assert out == lab1_table(0, 0) + lab1_table(5010, 5020) + lab1_table(5010, 5020)


def test_two_virtual_subnets(fabric):
    with Capture(fabric.hosts[0], underlay.UPLINK) as capture:
        assert fabric.arp_answers(fabric.guests["Blue2"], "10.10.10.10") == ["00:00:00:00:00:11"]
        assert fabric.arp_answers(fabric.guests["Red2"], "10.10.10.10") == ["00:00:00:00:00:21"]
        assert wrong(fabric) == []
    # No policy, so no way to the wire: not for ARP, not for anything.
    assert capture.packets("frame.number") == []


def test_runbook_a_second_time(fabric):
    daemon = fabric.daemons[0]
    before = objects(daemon), maps(daemon)
    out = lines(daemon.script(labs.runbook("lab1-virtual-subnet.ps1")).out)
    assert out == lab1_table(5010, 5020) * 3
    assert (objects(daemon), maps(daemon)) == before
    assert wrong(fabric) == []


def test_settled(fabric):
    assert_settled(fabric.daemons[0])
    assert wrong(fabric) == []


def test_cleanup_is_back_on_the_plain_switch(fabric):
    assert_untouched("lab1-cleanup.ps1")
    daemon = fabric.daemons[0]
    daemon.script(labs.runbook("lab1-cleanup.ps1"))
    adapters = objects(daemon, UNREPEATABLE)["Get-VMNetworkAdapter"]
    assert {(a["VirtualSubnetId"], a["SwitchName"]) for a in adapters} == {(0, "vswitch")}
    assert not any(maps(daemon).values())
    assert len(fabric.arp_answers(fabric.guests["Blue2"], "10.10.10.10")) == 2
    assert_settled(daemon)


def test_nothing_is_left(fabric):
    fabric.remove_all()
    fabric.daemons[0].stop()
    assert fabric.leftovers() == []
