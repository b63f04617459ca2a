# SPDX-License-Identifier: Apache-2.0
"""Get-VMConsole: the serial console of a machine on a terminal, in a script, for several at once, and whatever ends it."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import termios

import pytest

from fabric import PAS
from kit import wait_for
from test_machines import BOOT_SECONDS, one_host

pytestmark = pytest.mark.slow

# Its terminal echoes, as any; then the line is answered.
ANSWERS = "i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo before $i; done; echo guest: up; while read line; do echo \"got <$line>\"; done"
SECONDS = 20


@pytest.fixture(scope="module", name="net")
def _net():
    with one_host() as net:
        net.provider(PAS[0])
        net.make("a", net.image, ANSWERS)
        net.wait_console("a", "guest: up")
        yield net


class Terminal:
    """`nestor Get-VMConsole ...` on a terminal of its own."""

    def __init__(self, net, *args, program=None):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        program = program or (net.daemon.program("nestor"), "--host", net.daemon.socket, "Get-VMConsole", *args)
        command = net.ns.command(*program)
        with net.ns.lab.uninterrupted():
            # What a shell starts in the background ignores SIGQUIT, and so would this.
            self.process = subprocess.Popen(command, stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
                                            preexec_fn=lambda: signal.signal(signal.SIGQUIT, signal.SIG_DFL))
        self.shown = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            self.shown += os.read(self.master, 65536).decode(errors="replace")
        return self.shown

    def wait(self, text):
        wait_for(lambda: text in self.read(), SECONDS, f"{text!r} on the terminal", lambda: repr(self.shown))

    def type(self, text):
        os.write(self.master, text.encode())

    def is_raw(self):
        return not termios.tcgetattr(self.slave)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def attached(self):
        wait_for(self.is_raw, SECONDS, "the terminal to be raw", lambda: repr(self.read()))
        return self

    def ended(self):
        wait_for(lambda: self.process.poll() is not None, SECONDS, "nestor to end", lambda: repr(self.read()))
        self.read()
        assert termios.tcgetattr(self.slave) == self.before
        return self.process.returncode


def test_on_a_terminal(net):
    """What was written before, the last of it; typed and answered; control characters are the guest's; Ctrl-] ends it."""
    with Terminal(net, "a") as t:
        t.wait("Ctrl-] ends it")
        t.wait("guest: up")
        assert "before 40" in t.shown and "before 10\r" not in t.shown
        t.attached()
        t.type("hello\r")
        t.wait("got <hello>")
        t.type("wrong\x15right\r")
        t.wait("got <right>")
        t.type("ignored\x1d")
        assert t.ended() == 0
    with Terminal(net, "a", "-Last", "0") as t:
        t.attached().type("again\r")
        t.wait("got <ignoredagain>")
        assert "right" not in t.shown


def test_several_look_at_once(net):
    with Terminal(net, "a", "-Last", "0") as one, Terminal(net, "a", "-Last", "0") as two:
        one.attached()
        two.attached().type("from two\r")
        one.wait("got <from two>")
        two.wait("got <from two>")
        two.type("\x1d")
        assert two.ended() == 0
        one.type("from one\r")
        one.wait("got <from one>")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signals_leave_the_terminal_as_it_was(net, number):
    with Terminal(net, "a") as t:
        t.attached()
        t.process.send_signal(number)
        assert t.ended() == -number


def test_the_daemon_dies(net):
    with Terminal(net, "a") as t:
        t.attached()
        net.daemon.kill9()
        assert t.ended() == 1
        assert "cannot be reached" in t.shown
    net.daemon.start()
    wait_for(lambda: net.vm("a")["State"] == "Running", SECONDS, "the daemon to find the machine", net.daemon.log_tail)
    with Terminal(net, "a", "-Last", "0") as t:
        t.attached().type("back\r")
        t.wait("got <back>")
        net.daemon.stop()
        assert t.ended() == 1
    net.daemon.start()
    wait_for(lambda: net.vm("a")["State"] == "Running", SECONDS, "the daemon to find the machine", net.daemon.log_tail)


def test_in_a_script(net):
    """No terminal: until the end of the input; nothing is an escape there."""
    fifo = net.ns.lab.path("fifo")
    os.mkfifo(fifo)
    nestor = f"{net.daemon.program('nestor')} --host {net.daemon.socket}"
    script = net.ns.spawn("sh", "-c", f"(echo 'in a \x1d script'; cat {fifo}) | {nestor} Get-VMConsole a -Last 0; echo code $?")
    script.wait_output("got <in a", SECONDS)
    with open(fifo, "w", encoding="ascii"):
        pass
    script.wait()
    assert "code 0" in script.out and "script>" in script.out
    done = net.daemon.nestor("-o", "json", "-c", "Get-VMConsole a -Last 1 | ForEach-Object { 1 }", stdin="")
    assert "[]" in done.out


class Virsh(Terminal):
    """`virsh console a`, which says that it is connected before it is."""

    def __init__(self, net):
        super().__init__(net, program=("virsh", "-c", net.libvirt.uri, "console", "a"))

    def has_it(self):
        def answered():
            self.type("virsh\r")
            return "got <virsh>" in self.read() or self.process.poll() is not None
        wait_for(answered, SECONDS, "virsh to be answered", lambda: self.shown)
        return self.process.poll() is None


def test_virsh_has_it(net):
    """Somebody else's console is not taken without being told to; who was there is told by virsh."""
    with contextlib.ExitStack() as stack:
        # What a viewer had is given back a moment after it has gone.
        virsh = wait_for(lambda: next((v for v in [stack.enter_context(Virsh(net))] if v.has_it()), None), SECONDS, "virsh to have it")
        done = net.daemon.nestor("Get-VMConsole", "a", check=False, stdin="")
        assert done.code == 1 and "Vm.ConsoleInUse" in done.err and "-Force" in done.err, str(done)
        with Terminal(net, "a", "-Last", "0", "-Force") as t:
            t.attached().type("by force\r")
            t.wait("got <by force>")
            wait_for(lambda: virsh.process.poll() is not None, SECONDS, "virsh to end")


def test_restarted_and_off(net):
    """A console outlives a restart of its machine, and ends with it."""
    with Terminal(net, "a", "-Last", "0") as t:
        t.attached()
        net.do("Restart-VM", Name="a", Force=True)
        wait_for(lambda: "guest: up" in t.read(), BOOT_SECONDS, "the machine to come up on the terminal", lambda: t.shown)

        def answered():
            t.type("new\r")
            return "got <new>" in t.read()

        wait_for(answered, SECONDS, "it to hear what is typed")
        net.do("Stop-VM", Name="a", TurnOff=True)
        assert t.ended() == 0
    done = net.daemon.nestor("Get-VMConsole", "a", check=False)
    assert done.code == 1 and "InvalidState" in done.err
    net.do("Start-VM", Name="a")
    net.wait_console("a", "guest: up")


def test_refused(net):
    net.do("New-VM", Name="ns", Engine="Namespace")
    net.do("Start-VM", Name="ns")
    done = net.daemon.nestor("Get-VMConsole", "ns", check=False)
    assert done.code == 1 and "Vm.NoConsole" in done.err and "nestor exec" in done.err
    net.do("Stop-VM", Name="ns", TurnOff=True)
    net.do("Remove-VM", Name="ns", Force=True)
    status, answer = net.daemon.http("POST", "/v1/cmdlet/Get-VMConsole", {"parameters": {"VMName": "a"}})
    assert (status, answer["errors"][0]["id"]) == (426, "UpgradeRequired")
