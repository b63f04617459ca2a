# SPDX-License-Identifier: Apache-2.0
"""Namespaces, and the Lab that removes what was created in it."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading

from .process import Process, run


class LabError(Exception):
    """The lab cannot be built here."""


class _Terminated(SystemExit):
    """A signal asks for the end: an exception, so that every block on the way out cleans up."""


class _Deferred:
    """A signal that came while something was being created."""
    depth = 0
    pending = None


def _raise_for(number):
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise _Terminated(128 + number)


class Namespace:
    """A network namespace. `name` is what `ip netns` knows it by, `label` is what the test calls it."""

    def __init__(self, lab, label):
        self.lab = lab
        self.label = label
        self.name = f"{lab.prefix}-{label}"
        if os.path.exists(self.path):
            raise LabError(f"network namespace {self.name} exists already")
        # `ip netns add` itself refuses a name that exists: there is no gap between the question and the deed.
        with lab.uninterrupted():
            run("ip", "netns", "add", self.name)
            lab.on_close(self._remove)
        self.ip("link set lo up")
        # Router solicitations and duplicate address detection only disturb counts and captures.
        self.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
        self.sysctl("net.ipv6.conf.default.disable_ipv6", 1)

    @property
    def path(self):
        return f"/run/netns/{self.name}"

    def __repr__(self):
        return f"<namespace {self.name}>"

    def _remove(self):
        run("ip", "netns", "del", self.name)

    def command(self, *args):
        """The command line that runs `args` in here."""
        return ["ip", "netns", "exec", self.name, *map(str, args)]

    def run(self, *args, **options):
        """Run a command in here to its end; options and result as process.run()."""
        return run(*self.command(*args), **options)

    def spawn(self, *args, **options):
        """Start a command in here; the lab ends it at the latest."""
        return self.lab.own(Process(*self.command(*args), **options))

    def ip(self, *lines):
        """Lines for `ip -batch`, all in one go; a line is a string as after the word `ip`."""
        run("ip", "-n", self.name, "-batch", "-", stdin="\n".join(lines) + "\n")

    def ip_json(self, *args):
        """Objects of `ip -json ARGS` (without the empty ones that some versions print)."""
        out = run("ip", "-n", self.name, "-json", "-details", *args).out.strip()
        return [entry for entry in json.loads(out or "[]") if entry]

    def tc(self, *args, **options):
        return run("tc", "-n", self.name, *args, **options)

    def sysctl(self, name, value):
        self.run("sysctl", "-qw", f"{name}={value}")

    def ethtool(self, interface, *features):
        """ethtool -K, e.g. ethtool("uplink", "tx", "off")."""
        self.run("ethtool", "-K", interface, *features)

    def link(self, interface):
        """The interface as `ip -json link show` has it, None when there is none."""
        return next((l for l in self.ip_json("link", "show") if l["ifname"] == interface), None)

    def mac(self, interface):
        return self.link(interface)["address"]

    def ping(self, address, count=1, seconds=2):
        """True when every request was answered."""
        args = ["ping", "-n", "-q", "-c", count, "-i", "0.05", "-W", seconds, address]
        done = self.run(*args, check=False, timeout=seconds * count + 10)
        return done.code == 0 and f" {count} received" in done.out


class Lab:
    """Everything one test creates: namespaces, processes, files. A context manager.

    Leaving the block, also by an exception, SIGINT, SIGTERM or SIGHUP, removes all of it in reverse order. Namespace
    names are unique: they contain this process's id and a random part.
    """

    def __init__(self, prefix="nst", keep=False):
        self.prefix = f"{prefix}-{os.getpid()}-{secrets.token_hex(3)}"
        self.keep = keep
        self.directory = None
        self._undo = []
        self._handlers = {}

    def __enter__(self):
        if os.geteuid() != 0:
            raise LabError("network namespaces need root")
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                self._handlers[number] = signal.signal(number, self._on_signal)
        self.directory = tempfile.mkdtemp(prefix=f"{self.prefix}-")
        self.on_close(lambda: shutil.rmtree(self.directory))
        return self

    @staticmethod
    def _on_signal(number, _frame):
        if _Deferred.depth:
            _Deferred.pending = number
        else:
            _raise_for(number)

    def __exit__(self, kind, value, _traceback):
        self.close()
        return False

    def close(self):
        """Remove everything. An error in one step is told and does not stop the others."""
        # A second signal must not interrupt the cleaning up after the first.
        for number in self._handlers:
            signal.signal(number, signal.SIG_IGN)
        if self.keep:
            print(f"kept: namespaces {self.prefix}-*, files {self.directory}", file=sys.stderr)
            self._undo.clear()
        while self._undo:
            step = self._undo.pop()
            try:
                step()
            except Exception as error:  # pylint: disable=broad-except
                print(f"cleaning up {self.prefix}: {error}", file=sys.stderr)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def on_close(self, step):
        """Have step() called when the lab is left, before everything that was created earlier is removed."""
        self._undo.append(step)

    @contextlib.contextmanager
    def uninterrupted(self):
        """Signals wait until the block is left: for creating something and noting how to remove it.

        They are not blocked, because a process started in the block would inherit that.
        """
        _Deferred.depth += 1
        try:
            yield
        finally:
            _Deferred.depth -= 1
        if not _Deferred.depth and _Deferred.pending:
            number, _Deferred.pending = _Deferred.pending, None
            _raise_for(number)

    def own(self, process):
        """End this process with the lab."""
        self.on_close(process.close)
        return process

    def namespace(self, label):
        return Namespace(self, label)

    def namespaces(self, *labels):
        return [self.namespace(label) for label in labels]

    def path(self, *parts):
        """A path in the lab's own temporary directory."""
        return os.path.join(self.directory, *parts)

    def small_disk(self, size):
        """A disk with so much room ("4m"): where it is. Daemons that start later see it, in whatever mount namespace."""
        where = self.path("small")
        os.mkdir(where)
        with self.uninterrupted():
            run("mount", "-t", "tmpfs", "-o", f"size={size}", "none", where)
            self.on_close(lambda: run("umount", "-l", where))
        return where
