# SPDX-License-Identifier: Apache-2.0
"""Commands in guests: Invoke-Command as from a script, `nestor exec` as from a terminal."""

import pytest

from fabric import Host
from kit import Lab, Process, run, wait_for
from support import assert_settled, everything


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        host = Host(lab.namespace("host"), "host")
        host.switch("priv", nic=None, SwitchType="Private")
        host.guests = {name: host.guest(name, f"10.0.0.{n}", switch="priv") for n, name in enumerate(("a", "b"), 1)}
        host.guest("off", switch="priv", start=False)
        yield host
        assert_settled(host.daemon)


def invoke(net, vm, text):
    return net.daemon.pipeline(f"Invoke-Command -VMName {vm} -ScriptBlock {{ {text} }}", check=False)


def test_output_comes_back(net):
    done = invoke(net, "a", "echo one; echo two")
    assert (done.code, done.out.split()) == (0, ["one", "two"])


def test_it_is_the_guest(net):
    assert "10.0.0.1/24" in invoke(net, "a", "ip -o -4 addr show eth0").out
    assert invoke(net, "a", "hostname").out.strip() == "a"
    assert "nestord" not in invoke(net, "a", "cat /proc/[0-9]*/comm").out


def test_several_guests_in_the_order_of_their_names(net):
    assert invoke(net, "b,a", "hostname").out.split() == ["a", "b"]


@pytest.mark.parametrize("code", [1, 3, 127])
def test_a_command_that_fails(net, code):
    done = invoke(net, "a", f"exit {code}")
    assert done.code == 1
    assert str(code) in done.err


@pytest.mark.parametrize("code", [0, 1, 42])
def test_exec_passes_on_the_exit_code(net, code):
    done = net.daemon.nestor("exec", "a", "--", "sh", "-c", f"echo out; echo err >&2; exit {code}", check=False)
    assert (done.code, done.out, done.err) == (code, "out\n", "err\n")


def test_exec_passes_on_the_input(net):
    assert net.daemon.nestor("exec", "b", "--", "tr", "a-z", "A-Z", stdin="hello\n").out == "HELLO\n"


def test_exec_in_a_guest_that_is_off(net):
    before = everything(net.daemon)
    done = net.daemon.nestor("exec", "off", "--", "true", check=False)
    assert done.code not in (0, 2)
    assert "off" in done.err
    assert everything(net.daemon) == before


def test_background_processes_end_with_the_guest(net):
    """Whatever was started in a guest is gone when the guest is: nothing is left that holds its network."""
    net.guest("short", "10.0.0.9", switch="priv")
    invoke(net, "short", "setsid sleep 987654 >/dev/null 2>&1 </dev/null & true")
    assert run("pgrep", "-f", "sleep 987654", check=False).out
    net.do("Stop-VM", Name="short", TurnOff=True)
    assert not run("pgrep", "-f", "sleep 987654", check=False).out
    net.do("Remove-VM", Name="short", Force=True)


def test_a_long_command_does_not_keep_others_waiting(net):
    """While one runs in a guest, the daemon answers others. The client that asked is gone before it ends."""
    client = net.ns.lab.own(Process(net.daemon.program("nestor"), "--host", net.daemon.socket, "-c",
                                    "Invoke-Command -VMName a -ScriptBlock { sleep 123456 }"))
    wait_for(lambda: run("pgrep", "-f", "^sleep 123456", check=False).out, 10, "the command to run")
    assert net.do("Get-VM", Name="b")[0]["State"] == "Running"
    assert invoke(net, "b", "hostname").out.split() == ["b"]
    assert client.code is None
    client.kill()
    assert invoke(net, "a", "hostname").out.split() == ["a"]
