# SPDX-License-Identifier: Apache-2.0
"""Commands that end, and processes that go on until they are stopped."""

import json
import os
import shlex
import signal
import subprocess
import tempfile
from dataclasses import dataclass

from .wait import wait_for


@dataclass
class Result:
    """What a command left: exit code, standard output and standard error."""
    args: list
    code: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"$ {shlex.join(self.args)}\nexit code {self.code}\n{self.out}{self.err}".rstrip()


class CommandError(Exception):
    """A command did not end with 0; .result has all of it."""

    def __init__(self, result):
        super().__init__(str(result))
        self.result = result


def _environment(changes):
    # Where ip, tc and bridge are, and not in everybody's path.
    path = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    return {**os.environ, "PATH": path, **(changes or {})}


def run(*args, check=True, timeout=60, stdin=None, env=None):
    """Run a command to its end. With check, any exit code but 0 is a CommandError; too slow is a TimeoutError."""
    args = [str(a) for a in args]
    try:
        done = subprocess.run(args, input=stdin if stdin is not None else "", capture_output=True, text=True,
                              errors="replace", timeout=timeout, env=_environment(env), check=False)
    except subprocess.TimeoutExpired as late:
        said = b"".join(part or b"" for part in (late.stdout, late.stderr)).decode(errors="replace")
        raise TimeoutError(f"killed after {timeout:g} s: {shlex.join(args)}\n{said}") from None
    result = Result(args, done.returncode, done.stdout, done.stderr)
    if check and result.code:
        raise CommandError(result)
    return result


class Process:
    """A process in the background; what it prints goes to files, so that it never blocks on a reader. session: its own, as a service has."""

    def __init__(self, *args, env=None, log=None, session=False):
        self.args = [str(a) for a in args]
        self._out = tempfile.TemporaryFile("w+", errors="replace")
        self._err = open(log, "a+", encoding="utf-8", errors="replace") if log \
            else tempfile.TemporaryFile("w+", errors="replace")
        self._popen = subprocess.Popen(self.args, stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._err,
                                       env=_environment(env), start_new_session=session)
        self.pid = self._popen.pid

    @staticmethod
    def _read(file):
        # pread leaves the offset alone that the child shares with us.
        return os.pread(file.fileno(), 1 << 24, 0).decode(errors="replace")

    @property
    def out(self):
        return self._read(self._out)

    @property
    def err(self):
        return self._read(self._err)

    @property
    def code(self):
        """Exit code, None while it runs, -N when signal N ended it."""
        return self._popen.poll()

    def __str__(self):
        return f"$ {shlex.join(self.args)}\nexit code {self.code}\n{self.out}{self.err}".rstrip()

    def wait_output(self, text, seconds=10):
        """Wait until it printed `text` on either stream."""
        def printed():
            if text in self.out or text in self.err:
                return True
            if self.code is not None:
                raise CommandError(Result(self.args, self.code, self.out, self.err))
            return False
        wait_for(printed, seconds, f"{text!r} from {self.args[0]}", lambda: str(self))

    def wait(self, seconds=60, check=True):
        """Wait for its end and return the Result."""
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"still running after {seconds:g} s: {self}") from None
        result = Result(self.args, self.code, self.out, self.err)
        if check and result.code:
            raise CommandError(result)
        return result

    def signal(self, number):
        if self.code is None:
            self._popen.send_signal(number)

    def stop(self, seconds=10):
        """SIGTERM, then SIGKILL when that did not help in time. Returns the Result, whatever the exit code."""
        self.signal(signal.SIGTERM)
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        return Result(self.args, self.code, self.out, self.err)

    def kill(self):
        self.signal(signal.SIGKILL)
        self._popen.wait()

    def close(self):
        self.kill()
        self._out.close()
        self._err.close()
