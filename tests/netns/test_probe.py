# SPDX-License-Identifier: Apache-2.0
"""Test-VMNetworkAdapter: an echo request from one port to another, over the real network, with guests that answer or do not."""

import threading

import pytest

from kit import CmdletError, wait_for
from support import settle
from test_trace import World, programs
from kit import Lab


@pytest.fixture(scope="module", name="world", params=["veth", "cable"])
def _world(request):
    with Lab("nst") as lab:
        yield World(lab, request.param)


def sender(host, name, source, target, sequence, **more):
    return host.do("Test-VMNetworkAdapter", VMName=name, Sender=True, SenderIPAddress=source, ReceiverIPAddress=target,
                   SequenceNumber=sequence, **more)


def refusal(call):
    with pytest.raises(CmdletError) as refused:
        call()
    (error,) = refused.value.answer["errors"]
    return error


class Receiver:
    """-Receiver in the background; it waits when the constructor is done."""

    def __init__(self, host, name, source, target, sequence, remote):
        self.host, self.found, before = host, None, programs(host.daemon)
        self.thread = threading.Thread(target=self._ask, args=(name, source, target, sequence))
        self.thread.start()
        if remote:
            wait_for(lambda: programs(host.daemon) != before, 10, "the receiver's program")

    def _ask(self, name, source, target, sequence):
        self.found = self.host.do("Test-VMNetworkAdapter", VMName=name, Receiver=True, SenderIPAddress=source,
                                  ReceiverIPAddress=target, SequenceNumber=sequence)

    def end(self):
        self.thread.join(15)
        return self.found


@pytest.fixture(name="deaf")
def _deaf(world):
    """Guests that do not answer pings."""
    guests = (world.blue1, world.blue2, world.blue3, world.green1)
    for guest in guests:
        guest.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
    yield
    for guest in guests:
        guest.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=0")


WAYS = {"other host": "10.0.0.7", "same host": "10.0.0.6", "routed": "10.0.1.5"}


@pytest.mark.parametrize("way", WAYS)
def test_a_guest_that_answers(world, way):
    target = WAYS[way]
    if way == "routed":
        world.green1.run("ip", "route", "replace", "10.0.0.0/24", "via", "10.0.1.1")
    before = programs(world.daemon)
    (found,) = sender(world.host, "Blue1", "10.0.0.5", target, 1000, IsolationId=5001, PayloadSize=100)
    assert 0 < found.pop("RoundTripTime") < 10000
    assert found == {"VMName": "Blue1", "Name": "Network Adapter", "Role": "Sender", "SenderIPAddress": "10.0.0.5",
                     "ReceiverIPAddress": target, "IsolationId": 5001, "SequenceNumber": 1000, "PayloadSize": 100}
    assert programs(world.daemon) == before


def test_a_guest_that_does_not(world, deaf):  # pylint: disable=unused-argument
    error = refusal(lambda: sender(world.host, "Blue1", "10.0.0.5", "10.0.0.7", 1, TimeoutSec=1))
    assert (error["id"], error["message"]) == ("Adapter.TestLost", "No answer came.")
    receiver = Receiver(world.other, "Blue2", "10.0.0.5", "10.0.0.7", 2, remote=True)
    (found,) = sender(world.host, "Blue1", "10.0.0.5", "10.0.0.7", 2)
    assert found["RoundTripTime"] > 0
    (received,) = receiver.end()
    assert (received["Role"], received["VMName"], received["SenderIPAddress"], received["ReceiverIPAddress"],
            received["RoundTripTime"]) == ("Receiver", "Blue2", "10.0.0.5", "10.0.0.7", None)


def test_both_ends_on_one_host(world, deaf):  # pylint: disable=unused-argument
    """The receiver hears of what is delivered beside it; it need not be there first, for as long as the sender waits."""
    receiver = Receiver(world.host, "Blue3", "10.0.0.5", "10.0.0.6", 3, remote=False)

    def answered():
        try:
            return sender(world.host, "Blue1", "10.0.0.5", "10.0.0.6", 3, TimeoutSec=1)
        except CmdletError as error:
            # It asked before the receiver waited.
            assert error.answer["errors"][0]["id"] == "Adapter.TestLost"
            return None
    wait_for(answered, 10, "an answer of Blue3's port")
    assert receiver.end()[0]["Role"] == "Receiver"


def test_no_virtual_subnet(world):
    (found,) = sender(world.host, "Plain1", "10.3.0.1", "10.3.0.2", 4)
    assert found["RoundTripTime"] > 0
    error = refusal(lambda: sender(world.host, "Plain1", "10.3.0.1", "10.3.0.77", 5, NextHopMacAddress="0c0000000001"))
    assert error["id"] == "Adapter.TestNotPossible"


def test_dropped(world):
    error = refusal(lambda: sender(world.host, "Blue1", "10.0.0.5", "10.0.0.99", 6))
    assert error["id"] == "Adapter.TestDropped" and "ARP_UNKNOWN_TARGET" in error["message"]
    assert "-CustomerAddress 10.0.0.99" in error["recommendation"]
    error = refusal(lambda: sender(world.host, "Blue1", "10.0.0.5", "10.0.0.7", 7, PayloadSize=1431))
    assert error["id"] == "Adapter.TestDropped" and "MTU 1458" in error["message"]
    assert sender(world.host, "Blue1", "10.0.0.5", "10.0.0.7", 8, PayloadSize=1430)


def test_a_way_that_nobody_knows_yet(world):
    """The kernel asks for the MAC address of the other host, and sends the request then."""
    bridge = world.host.bridge()
    settle(world.daemon)
    world.host.ns.run("ip", "neigh", "flush", "dev", bridge)
    assert sender(world.host, "Blue1", "10.0.0.5", "10.0.0.7", 9)


def test_refusals(world):
    def code(**parameters):
        return refusal(lambda: world.host.do("Test-VMNetworkAdapter", **{
            "SenderIPAddress": "10.0.0.5", "ReceiverIPAddress": "10.0.0.7", "SequenceNumber": 1, **parameters}))["id"]
    assert code(VMName="Blue1") == "Adapter.TestRole"
    assert code(VMName="Blue1", Sender=True, Receiver=True) == "Adapter.TestRole"
    assert code(VMName="Blue1", Receiver=True, NextHopMacAddress="060600000007") == "AmbiguousParameterSet"
    assert code(VMName="Blue1", Sender=True, IsolationId=5002) == "Adapter.TestIsolationId"
    assert code(VMName="Blue*", Sender=True) == "Adapter.TestOneAdapter"
    assert code(VMName="nobody", Sender=True) == "InvalidParameter"
    assert code(VMName="Blue1", Sender=True, SequenceNumber=65536) == "ParameterArgumentValidationError"
    assert code(VMName="Blue1", Sender=True, PayloadSize=3401) == "ParameterArgumentValidationError"
    assert code(VMName="Blue1", Sender=True, ReceiverIPAddress="fd00::7") == "Trace.AddressFamily"
    assert code(VMName="Blue1", Sender=True, IsolationId=7) == "Wnv.VsidOutOfRange"


def test_what_if(world):
    before = programs(world.daemon)
    done = world.daemon.pipeline("Test-VMNetworkAdapter Blue1 -Sender -SenderIPAddress 10.0.0.5 -ReceiverIPAddress 10.0.0.7 "
                                 "-SequenceNumber 1 -WhatIf")
    assert done.out == 'What if: Performing the operation "Test-VMNetworkAdapter" on target "Network Adapter".\n'
    assert programs(world.daemon) == before
