# SPDX-License-Identifier: Apache-2.0
"""nestord in a namespace, and the command line that talks to it."""

import contextlib
import http.client
import json
import os
import signal
import socket
import sys

from .lab import LabError
from .process import CommandError, Process, run
from .wait import wait_for

START_SECONDS = 15
LOG_LINES_SHOWN = 60


class CmdletError(Exception):
    """The daemon refused a call; .status is HTTP's, .answer the decoded body."""

    def __init__(self, status, answer):
        texts = [e.get("message", "?") for e in answer.get("errors", [])]
        super().__init__(f"HTTP {status}: {'; '.join(texts) or answer}")
        self.status = status
        self.answer = answer


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Daemon:
    """One host's nestord, with state and run directories of its own under the lab's directory.

    The constructor starts it and waits until it answers. It ends with the lab; so do the guests it started and what it
    mounted, even when it was killed.
    """

    def __init__(self, ns, build_dir, host_name, *args):
        self.ns = ns
        self.lab = ns.lab
        self.host_name = host_name
        self.build_dir = os.path.abspath(build_dir)
        self.directory = self.lab.path(f"{ns.label}-{host_name}")
        self.state_dir = os.path.join(self.directory, "state")
        self.run_dir = os.path.join(self.directory, "run")
        self.socket = os.path.join(self.run_dir, "nestor.sock")
        self.log_file = os.path.join(self.directory, "nestord.log")
        self.args = args
        self.process = None
        for program in (self.program("nestord"), self.program("nestor")):
            if not os.access(program, os.X_OK):
                raise LabError(f"{program} is missing: build first")
        for directory in (self.state_dir, self.run_dir):
            os.makedirs(directory, mode=0o755)
        self.lab.on_close(self._close)
        self.start()

    def program(self, name):
        return os.path.join(self.build_dir, name)

    # -- life

    def start(self):
        """Start it and wait until it answers."""
        command = self.ns.command(self.program("nestord"), "--state-dir", self.state_dir, "--run-dir", self.run_dir,
                                  "--host-name", self.host_name, *self.args)
        with self.lab.uninterrupted():
            self.process = Process(*command, log=self.log_file, session=True)
        wait_for(self._answers_or_dead, START_SECONDS, f"nestord of {self.host_name} to answer", self.log_tail)
        if self.process.code is not None:
            raise LabError(f"nestord of {self.host_name} ended with {self.process.code}\n{self.log_tail()}")

    def _answers_or_dead(self):
        return self.process.code is not None or self.answers()

    def answers(self):
        """True when GET /v1/health is answered with 200."""
        try:
            return self.http("GET", "/v1/health", timeout=2)[0] == 200
        except (OSError, http.client.HTTPException, ValueError):
            return False

    @property
    def running(self):
        return self.process is not None and self.process.code is None

    @property
    def pid(self):
        return self.process.pid

    def kill9(self):
        """SIGKILL: what a crash leaves."""
        self.process.kill()

    def stop(self):
        """SIGTERM; anything but exit code 0 is an error."""
        result = self.process.stop()
        if result.code != 0:
            raise LabError(f"nestord of {self.host_name} ended with {result.code}\n{self.log_tail()}")

    def restart(self):
        """Start it again, stopping it first if it still runs."""
        if self.running:
            self.stop()
        self.start()

    # -- what it says

    def log(self):
        try:
            with open(self.log_file, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def log_tail(self):
        lines = self.log().splitlines()[-LOG_LINES_SHOWN:]
        return "\n".join([f"--- end of {self.log_file}", *lines, "---"])

    # -- talking to it

    def nestor(self, *args, **options):
        """Run `nestor ARGS` against it. Result, or CommandError when it does not end with 0 (check=False: no error)."""
        check = options.pop("check", True)
        result = run(self.program("nestor"), "--host", self.socket, *args, check=False, **options)
        if check and result.code:
            result.err += "\n" + self.log_tail()
            raise CommandError(result)
        return result

    def pipeline(self, text, **options):
        """Run a line of the language: `nestor -c TEXT`."""
        return self.nestor("-c", text, **options)

    def script(self, path, **options):
        """Run a file of the language: `nestor run PATH`."""
        return self.nestor("run", path, **options)

    def objects(self, text):
        """The objects that a line of the language leaves, as a list."""
        out = self.nestor("-o", "json", "-c", text).out
        value = json.loads(out) if out.strip() else []
        return value if isinstance(value, list) else [value]

    def guest_pid(self, vm):
        """The process whose namespaces are the guest's."""
        return int(self.objects(f"Get-VM -Name {vm}")[0]["ProcessId"])

    def guest_command(self, vm, *args):
        """The command line that runs `args` in the guest's network."""
        return ["nsenter", f"--net=/proc/{self.guest_pid(vm)}/ns/net", "--", *map(str, args)]

    def http(self, method, path, body=None, timeout=30, headers=None):
        """One request. (status, decoded JSON or text); `body` is bytes, or anything that JSON can say."""
        connection = _UnixConnection(self.socket, timeout)
        with contextlib.closing(connection):
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        is_json = (answer.getheader("Content-Type") or "").startswith("application/json")
        return answer.status, json.loads(text) if is_json else text

    def cmdlet(self, name, parameters=None, pipeline=None):
        """Call one cmdlet over HTTP: its objects, or CmdletError when the answer holds any error."""
        body = {"parameters": parameters or {}}
        if pipeline is not None:
            body["input"] = pipeline
        status, answer = self.http("POST", f"/v1/cmdlet/{name}", body)
        if status != 200 or answer.get("errors"):
            raise CmdletError(status, answer if isinstance(answer, dict) else {"errors": [{"message": answer}]})
        return answer["objects"]

    # -- the end

    def _close(self):
        failing = sys.exc_info()[0] is not None
        code = self.process.code if self.process else None
        if failing or code not in (None, 0, -signal.SIGKILL):
            print(f"nestord of {self.host_name}:\n{self.log_tail()}", file=sys.stderr)
        guests = self._guests()
        if self.running:
            self.process.stop()
        self._kill(guests | self._ours())
        self._unmount()

    def _guests(self):
        """Processes of guests: they outlive the daemon by design, so whoever made the daemon has to end them."""
        if not self.running:
            return set()
        try:
            return {int(vm["ProcessId"]) for vm in self.cmdlet("Get-VM") if vm.get("ProcessId")}
        except (OSError, http.client.HTTPException, ValueError, CmdletError):
            return set()

    def _ours(self):
        """Processes that name this daemon's directory, which no other has, in their arguments or environment."""
        found = set()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if int(pid) == os.getpid():
                continue
            for kind in ("cmdline", "environ"):
                with contextlib.suppress(OSError), open(f"/proc/{pid}/{kind}", "rb") as file:
                    if (self.directory + "/").encode() in file.read():
                        found.add(int(pid))
        return found

    @staticmethod
    def _kill(pids):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not any(_alive(pid) for pid in pids), 10, f"processes {sorted(pids)} to end")

    def _unmount(self):
        """What is mounted below our directory, here and in the first process's mount namespace if we may look there."""
        for owner in ("self", "1"):
            try:
                with open(f"/proc/{owner}/mountinfo", encoding="utf-8", errors="replace") as file:
                    points = [line.split()[4] for line in file]
            except PermissionError:
                continue
            enter = [] if owner == "self" else ["nsenter", "--mount=/proc/1/ns/mnt", "--"]
            for point in reversed([p for p in points if p.startswith(self.directory + "/")]):
                run(*enter, "umount", point)


def _alive(pid):
    """True for a process that is there and not merely waiting to be reaped."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False
