# SPDX-License-Identifier: Apache-2.0
"""Reaching into machines and seeing them: commands and addresses by the guest agent, live properties."""

import pytest

from fabric import PAS
from kit import CmdletError, START_AGENT, wait_for
from test_machines import BOOT_SECONDS, addressed, one_host, refusal

pytestmark = pytest.mark.slow

MB = 1 << 20
SECONDS = 20
A, B = "10.10.10.11", "10.10.10.12"


@pytest.fixture(scope="module", name="net")
def _net():
    """A machine "a" with an agent and one "mute" without, both running."""
    with one_host(agent=True) as net:
        net.provider(PAS[0])
        net.make("a", net.image, f"{addressed(A)}\n{START_AGENT}")
        net.make("mute", net.image, "echo guest: up")
        net.wait_console("a", "guest: agent")
        wait_for(lambda: net.vm("a")["Heartbeat"] == "OkApplicationsUnknown", BOOT_SECONDS, "the agent of a", net.daemon.log_tail)
        net.wait_console("mute", "guest: up")
        yield net


def invoke(net, name, script, **parameters):
    return net.do("Invoke-Command", VMName=name, ScriptBlock=script, **parameters)


def test_commands_in_a_machine(net):
    """PowerShell Direct's like: output by lines, errors among it, the exit code told."""
    assert invoke(net, "a", "echo one; echo two >&2; ip -4 -o addr show eth0 | grep -o 10.10.10.11") == ["one", "two", A]
    with pytest.raises(CmdletError) as caught:
        invoke(net, "a", "echo the reason; exit 7")
    error = caught.value.answer["errors"][0]
    assert (error["id"], error["target"]) == ("RemoteCommandFailed", "a")
    assert "status 7: the reason" in error["message"]
    assert caught.value.answer["objects"] == ["the reason"]
    # Quotes, and a line that is many.
    assert invoke(net, "a", "x='a \"b\" $HOME'\nfor i in 1 2\ndo echo \"$i $x\"\ndone # end") == ["1 a \"b\" $HOME", "2 a \"b\" $HOME"]
    assert net.daemon.pipeline("Invoke-Command -VMName a -ScriptBlock { hostname; uname -s }").out.split()[-1] == "Linux"


def test_bounds_of_commands(net):
    """What writes or runs for ever is ended, with a name; the agent is as well as before."""
    error = refusal(net, "Invoke-Command", VMName="a", ScriptBlock="while :; do echo 0123456789012345678901234567890123456789; done")
    assert error["id"] == "OutputTooLarge"
    error = refusal(net, "Invoke-Command", VMName="a", ScriptBlock="echo $$ > /run/pid; sleep 1000 & wait", TimeoutSec=3)
    assert (error["id"], error["target"]) == ("RemoteCommandTimeout", "a")
    wait_for(lambda: invoke(net, "a", "ps | grep -c '[s]leep 1000' || true") == ["1"], 20, "only init's sleep to be left")
    assert len(invoke(net, "a", "seq 1 50000")) == 50000


@pytest.mark.parametrize("name", ["a", "ns"])
def test_who_goes_away_ends_it(net, name):
    """Also in a namespace guest; and -TimeoutSec holds for both."""
    if name == "ns":
        net.do("New-VM", Name="ns", Engine="Namespace")
        net.do("Start-VM", Name="ns")
        error = refusal(net, "Invoke-Command", VMName=name, ScriptBlock="echo before; sleep 1000", TimeoutSec=1)
        assert error["id"] == "RemoteCommandTimeout"
    runs = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep 4[7]11' || true"
    caller = net.ns.spawn(net.daemon.program("nestor"), "--host", net.daemon.socket, "Invoke-Command", "-VMName", name, "-ScriptBlock",
                          "sleep 4711; true")
    wait_for(lambda: invoke(net, name, runs) != ["0"], 20, "the command to run")
    caller.kill()
    wait_for(lambda: invoke(net, name, runs) == ["0"], 20, "the command to end")
    if name == "ns":
        net.do("Stop-VM", Name="ns", TurnOff=True)
        net.do("Remove-VM", Name="ns", Force=True)


def test_without_an_agent(net):
    error = refusal(net, "Invoke-Command", VMName="mute", ScriptBlock="true")
    assert (error["id"], error["target"]) == ("Vm.NoGuestAgent", "mute")
    assert "qemu-guest-agent" in error["recommendation"]
    assert net.vm("mute")["Heartbeat"] == "NoContact"
    net.do("Suspend-VM", Name="mute")
    assert refusal(net, "Invoke-Command", VMName="mute", ScriptBlock="true")["id"] == "InvalidState"
    assert net.vm("mute")["Heartbeat"] == "Paused"
    net.do("Resume-VM", Name="mute")


def addresses(net, name):
    return net.do("Get-VMNetworkAdapter", VMName=name)[0]["IPAddresses"]


def test_addresses_that_the_agent_tells(net):
    assert addresses(net, "a") == [A]
    assert addresses(net, "mute") == []
    invoke(net, "a", f"ip addr add {B}/24 dev eth0; ip addr add fd00::5/64 dev eth0")
    wait_for(lambda: addresses(net, "a") == [A, B, "fd00::5"], 20, "the new addresses", lambda: str(addresses(net, "a")))
    # Each machine's own: an agent may say that it has another's MAC, but not be heard for it.
    assert addresses(net, "mute") == []


def test_live_properties(net):
    """4.1: CPUUsage of the host's processors, MemoryDemand and its status, Uptime; the default view."""
    a = net.vm("a")
    assert (a["State"], a["Status"], a["AutomaticStartAction"], a["ReplicationState"]) == \
        ("Running", "Operating normally", "StartIfRunning", "Disabled")
    assert 0 < a["MemoryDemand"] < a["MemoryAssigned"] == 192 * MB
    assert a["MemoryStatus"] == "OK"
    invoke(net, "a", "(while :; do :; done) >/dev/null 2>&1 & echo $! > /run/busy")
    wait_for(lambda: 20 <= net.vm("a")["CPUUsage"] <= 100, 20, "a to be busy", lambda: str(net.vm("a")))
    invoke(net, "a", "kill $(cat /run/busy)")
    wait_for(lambda: net.vm("a")["CPUUsage"] < 10, 20, "a to be idle again", lambda: str(net.vm("a")))
    head = net.daemon.nestor("Get-VM", "a").out.split("\n")[1].split()
    assert head == ["Name", "State", "CPUUsage(%)", "MemoryAssigned(M)", "Uptime", "Status", "Version"]


def test_waiting(net):
    """Wait-VM and Restart-VM -Wait: of this start, not of the one before; a time limit, and an end that nobody waits for any more."""
    net.do("Wait-VM", Name="a", For="IPAddress", Timeout=SECONDS)
    boots = net.console("a").count("guest: up")
    net.do("Restart-VM", Name="a", Wait=True, For="IPAddress", Timeout=BOOT_SECONDS)
    assert net.console("a").count("guest: up") == boots + 1
    assert addresses(net, "a") == [A]
    net.do("Restart-VM", Name="a", Wait=True)
    assert net.console("a").count("guest: agent") == boots + 2
    error = refusal(net, "Wait-VM", Name="mute", Timeout=2)
    assert (error["id"], error["target"]) == ("Vm.WaitTimeout", "mute")
    waiter = net.ns.spawn(net.daemon.program("nestor"), "--host", net.daemon.socket, "Wait-VM", "mute")
    net.do("New-VM", Name="ns", Engine="Namespace", SwitchName="vswitch")
    net.do("Start-VM", Name="ns")
    net.do("Restart-VM", Name="ns", Wait=True, Timeout=SECONDS)
    assert refusal(net, "Wait-VM", Name="ns", For="IPAddress", Timeout=1)["id"] == "Vm.WaitTimeout"
    invoke(net, "ns", "ip addr add 10.10.10.13/24 dev eth0")
    net.do("Wait-VM", Name="ns", For="IPAddress", Timeout=SECONDS)
    net.do("Stop-VM", Name="ns", TurnOff=True)
    net.do("Remove-VM", Name="ns", Force=True)
    net.do("Stop-VM", Name="mute", TurnOff=True)
    assert "Vm.WaitEnded" in waiter.wait(check=False).err
    net.do("Start-VM", Name="mute")


def test_the_agent_goes(net):
    """The heartbeat tells; the agent's own end is not lost on the machine's."""
    invoke(net, "a", "(sleep 1; kill $(cat /run/qemu-ga.pid)) >/dev/null 2>&1 &")
    wait_for(lambda: net.vm("a")["Heartbeat"] == "LostCommunication", 30, "the heartbeat to be lost", net.daemon.log_tail)
    assert addresses(net, "a") == []
    assert refusal(net, "Invoke-Command", VMName="a", ScriptBlock="true")["id"] == "Vm.NoGuestAgent"
    net.do("Restart-VM", Name="a", Force=True)
    wait_for(lambda: addresses(net, "a") == [A], BOOT_SECONDS, "a to be back", lambda: net.console("a") + net.daemon.log_tail())


def test_shut_down_by_the_agent(net):
    """Nobody listens to the power button in this guest."""
    net.do("Stop-VM", Name="a")
    assert "guest: shut down by the agent" in net.console("a")
    off = net.vm("a")
    assert (off["State"], off["Heartbeat"], off["CPUUsage"], off["MemoryDemand"], off["MemoryStatus"], off["Uptime"]) == \
        ("Off", "", 0, 0, "", "00:00:00")
    assert addresses(net, "a") == []
    net.do("Start-VM", Name="a")
    wait_for(lambda: addresses(net, "a") == [A], BOOT_SECONDS, "a to be back", lambda: net.console("a") + net.daemon.log_tail())
