# SPDX-License-Identifier: Apache-2.0
"""Progress of what takes long: in lines of JSON for whoever accepts them, and as one line on a terminal.

What is held here by SIGSTOP takes exactly as long as the test wants it to.
"""

import concurrent.futures
import contextlib
import fcntl
import glob
import http.client
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios

import pytest

from fabric import Prepared
from kit import Image, Lab, run, underlay, wait_for
from support import BUILD_DIR, assert_settled, health
from test_machines import Machines

pytestmark = pytest.mark.slow

SECONDS = 30
LINES = "application/x-ndjson"


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        ns, outside = lab.namespaces("host1", "outside")
        underlay.veth(ns, outside)
        net = Machines(ns, "host1")
        net.switch()
        net.image = Image(lab, BUILD_DIR, disks=True)
        net.disks = lab.path("disks")
        os.mkdir(net.disks)
        net.source = os.path.join(net.disks, "source.raw")
        # What qemu-img cannot skip, and enough of it to be caught at it.
        with open(net.source, "wb") as file:
            some = os.urandom(4 << 20)
            for _ in range(128):
                file.write(some)
        yield net
        assert_settled(net.daemon)


@pytest.fixture(autouse=True)
def _alone(net):
    yield
    for vm in net.do("Get-VM"):
        if vm["State"] == "Saved":
            net.do("Remove-VMSavedState", Name=vm["Name"])
        elif vm["State"] != "Off":
            net.do("Stop-VM", Name=vm["Name"], TurnOff=True)
        net.do("Remove-VM", Name=vm["Name"], Force=True)
    for path in glob.glob(os.path.join(net.disks, "*")):
        if path != net.source:
            run("rm", "-rf", path)


class Answer:
    """A request whose answer is read line by line as it comes."""

    def __init__(self, net, cmdlet, accept=f"application/json, {LINES}", **parameters):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(net.daemon.socket)
        body = json.dumps({"parameters": parameters}).encode()
        self.sock.sendall(f"POST /v1/cmdlet/{cmdlet} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        self.response = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def begun(self):
        """The answer's head is there."""
        if not self.response:
            self.response = http.client.HTTPResponse(self.sock)
            self.response.begin()
        return self.response

    @property
    def in_lines(self):
        return self.begun().getheader("Content-Type") == LINES

    def line(self):
        assert self.in_lines
        return json.loads(self.response.readline() or "null")

    def progress(self):
        return self.line()["progress"]

    def rest(self):
        """All that comes, and the last line."""
        lines = []
        while (line := self.line()) is not None:
            lines.append(line)
        assert all(list(line) == ["progress"] for line in lines[:-1]), lines
        assert list(lines[-1]) == ["status", "answer"], lines
        return [line["progress"] for line in lines[:-1]], lines[-1]

    def ordinary(self):
        assert self.begun().getheader("Content-Type") == "application/json"
        return self.response.status, json.loads(self.response.read())


def children(net):
    """The command lines of programs that the daemon runs, by their process ids."""
    found = {}
    for task in glob.glob(f"/proc/{net.daemon.pid}/task/*/children"):
        with contextlib.suppress(OSError), open(task, encoding="ascii") as file:
            for pid in file.read().split():
                with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", encoding="utf-8") as line:
                    found[int(pid)] = line.read().split("\0")
    return found


@contextlib.contextmanager
def held(pids):
    """They stand still, and go on at last; a set, from which they may be taken before."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield pids
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def release(pids):
    while pids:
        os.kill(pids.pop(), signal.SIGCONT)


def hold_image(net, name=None, but=()):
    """Holds the qemu-img that copies this file (None: any), as soon as it does; not one of those that were held before."""
    def copying():
        return [pid for pid, line in children(net).items()
                if line[1:2] in (["convert"], ["commit"]) and (not name or name in line) and pid not in but]
    return held({wait_for(copying, SECONDS, "qemu-img to run", net.daemon.log_tail)[0]})


def doing(activity, target, percent=None, number=1, of=1):
    return {"activity": activity, "target": target, "number": number, "of": of, "percent": percent}


def rises(percents):
    return percents == sorted(set(percents)) and all(0 <= p <= 100 for p in percents)


# -- images

def test_a_conversion_in_lines(net):
    """It rises, and the last line is the ordinary answer."""
    first, second = (os.path.join(net.disks, name) for name in ("1.qcow2", "2.qcow2"))
    with Answer(net, "Convert-VHD", Path=net.source, DestinationPath=first, PassThru=True) as asked:
        progress, last = asked.rest()
    assert progress[0] == doing("Converting", net.source), progress
    percents = [p["percent"] for p in progress[1:]]
    assert percents and rises(percents), progress
    assert progress == [doing("Converting", net.source, p) for p in (None, *percents)]
    with Answer(net, "Convert-VHD", accept="application/json", Path=net.source, DestinationPath=second, PassThru=True) as plain:
        status, answer = plain.ordinary()
    assert status == 200
    # Where the file system put them is not the same.
    size = last["answer"]["objects"][0]["FileSize"]
    answer["objects"][0].update(Path=first, FileSize=size)
    assert last == {"status": 200, "answer": answer}


def test_a_failure_within_lines(net):
    """What failed after it had begun says so in the last line; what was refused before, where it always does."""
    target = os.path.join(net.disks, "never.qcow2")
    answers = []
    for accept in (LINES, "*/*"):
        with Answer(net, "Convert-VHD", accept=accept, Path=net.source, DestinationPath=target) as asked, hold_image(net) as image:
            if accept == LINES:
                assert asked.progress() == doing("Converting", net.source)
            for pid in image:
                os.kill(pid, signal.SIGKILL)
            if accept == LINES:
                last = asked.rest()[1]
                answers.append((last["status"], last["answer"]))
            else:
                answers.append(asked.ordinary())
    assert answers[0] == answers[1]
    assert "ended by signal 9" in answers[0][1]["errors"][0]["message"]
    assert not os.path.exists(target)
    with Answer(net, "Convert-VHD", Path="/nowhere", DestinationPath=target) as refused:
        status, answer = refused.ordinary()
    assert (status, answer["errors"][0]["id"]) == (400, "Vhd.FormatUnknown")
    with Answer(net, "Get-VMHost") as quick:
        assert quick.ordinary()[0] == 200


def test_several_images(net):
    paths = [os.path.join(net.disks, f"{i}.raw") for i in range(3)]
    with Answer(net, "New-VHD", Path=paths, SizeBytes="8MB", Fixed=True) as asked:
        progress, last = asked.rest()
    assert [o["Path"] for o in last["answer"]["objects"]] == paths
    assert {(p["number"], p["target"]) for p in progress} <= {(i + 1, path) for i, path in enumerate(paths)}
    assert all(p == doing("Creating", p["target"], None, p["number"], 3) for p in progress), progress
    assert [p["number"] for p in progress] == sorted({p["number"] for p in progress})


def test_who_goes_away_ends_it(net):
    target = os.path.join(net.disks, "gone.qcow2")
    with Answer(net, "Convert-VHD", Path=net.source, DestinationPath=target) as asked:
        with hold_image(net):
            assert asked.progress() == doing("Converting", net.source)
            begun = [name for name in os.listdir(net.disks) if name.startswith(".nestor-")]
            assert len(begun) == 1 and not os.path.exists(target)
            asked.sock.shutdown(socket.SHUT_RDWR)
            wait_for(lambda: not children(net), SECONDS, "qemu-img to be ended")
    wait_for(lambda: begun[0] not in os.listdir(net.disks), SECONDS, "what was begun to be removed")
    assert not os.path.exists(target)
    assert health(net.daemon)["status"] == "ok"



# -- virtual machines

def boot(net, *names):
    """Machines that have booted, with their process ids."""
    for name in names:
        # pages of nothing are not written, and would be over before anybody looks
        net.make(name, net.image, "dd if=/dev/urandom of=/full bs=1M count=100; echo guest: up; while :; do sleep 1; done", start=False)
    with Answer(net, "Start-VM", Name=list(names)) as asked:
        answer = asked.rest()[1] if asked.in_lines else dict(zip(("status", "answer"), asked.ordinary()))
    assert (answer["status"], answer["answer"]["errors"]) == (200, []), answer
    for name in names:
        net.wait_console(name, "guest: up")
    return {name: process_of(net, name) for name in names}


def process_of(net, name):
    for pid in net.libvirt.machines():
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            if f"guest={name},debug-threads=on" in file.read():
                return pid
    raise AssertionError(f"no process of {name}")


def test_several_machines(net):
    """Saved at once: one is told of, until it is over."""
    pids = boot(net, "a", "b")
    with held(set(pids.values())) as stopped, Answer(net, "Save-VM", Name=["a", "b"]) as asked:
        first = asked.progress()
        assert first == doing("Saving", first["target"], None, 1, 2), first
        pid = pids.pop(first["target"])
        stopped.remove(pid)
        release({pid})
        while (second := asked.progress())["number"] == 1:
            assert second["target"] == first["target"], second
        assert second == doing("Saving", *pids, None, 2, 2)
        release(stopped)
        progress, last = asked.rest()
    assert all((p["activity"], p["target"], p["number"]) == ("Saving", *pids, 2) for p in progress), progress
    assert (last["status"], last["answer"]["errors"]) == (200, [])
    assert {vm["State"] for vm in net.do("Get-VM")} == {"Saved"}


def test_a_guest_that_shuts_down(net):
    boot(net, "s")
    with Answer(net, "Stop-VM", Name="s") as asked:
        assert asked.progress() == doing("Shutting down", "s")
        assert net.vm("s")["State"] == "Running"
        net.do("Stop-VM", Name="s", TurnOff=True)
        asked.rest()


def test_how_much_of_a_memory(net):
    """As libvirt tells, while QEMU goes on for a moment now and then."""
    pid = boot(net, "m")["m"]
    with concurrent.futures.ThreadPoolExecutor() as pool, held({pid}), Answer(net, "Checkpoint-VM", Name="m", SnapshotName="c") as asked:
        assert asked.progress() == doing("Making a checkpoint of", "m")
        rest = pool.submit(asked.rest)
        while not rest.done():
            os.kill(pid, signal.SIGCONT)
            concurrent.futures.wait([rest], 0.015)
            os.kill(pid, signal.SIGSTOP)
            concurrent.futures.wait([rest], 0.3)
        progress, last = rest.result()
    percents = [p["percent"] for p in progress if p["activity"].startswith("Making")]
    assert percents and rises(percents), progress
    assert (last["status"], last["answer"]["errors"]) == (200, [])


def told(asked, activity, targets, of):
    """The progress of the rest: what is counted goes up, and each percentage with it."""
    progress, last = asked.rest()
    assert (last["status"], last["answer"]["errors"]) == (200, []), last
    progress = [p for p in progress if p["activity"] == activity]
    assert {p["target"] for p in progress} <= set(targets) and {p["of"] for p in progress} <= {of}, progress
    assert [p["number"] for p in progress] == sorted(p["number"] for p in progress)
    for number in range(1, of + 1):
        assert rises([p["percent"] for p in progress if p["number"] == number and p["percent"] is not None]), progress
    return progress


def test_copies_of_a_machine(net):
    """Its disks one after the other, out and in again; then what a checkpoint kept goes back to where it came from."""
    first, second = (os.path.join(net.disks, name) for name in ("first.raw", "second.raw"))
    for path in (first, second):
        run("cp", "--reflink=auto", net.source, path)
    net.do("New-VM", Name="e", VHDPath=first, MemoryStartupBytes="128MB")
    net.do("Add-VMHardDiskDrive", VMName="e", Path=second)
    out = os.path.join(net.disks, "out")
    with Answer(net, "Export-VM", Name="e", Path=out) as asked, hold_image(net, second) as image:
        shown = asked.progress()
        while shown["number"] == 1:
            shown = asked.progress()
        assert (shown["activity"], shown["target"], shown["number"], shown["of"]) == ("Exporting", "e", 2, 2)
        release(image)
        told(asked, "Exporting", ["e"], 2)
    net.do("Remove-VM", Name="e", Force=True)
    os.unlink(first)
    os.unlink(second)
    with Answer(net, "Import-VM", Path=os.path.join(out, "e"), Copy=True, VhdDestinationPath=net.disks) as asked:
        copies = [os.path.join(out, "e", "Virtual Hard Disks", name) for name in ("first.raw", "second.raw")]
        progress = told(asked, "Copying", copies, 2)
    assert {p["target"] for p in progress if p["percent"] is None} == set(copies)
    net.do("Checkpoint-VM", Name="e", SnapshotName="c")
    top = net.do("Get-VMHardDiskDrive", VMName="e")[0]["Path"]
    run("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 64M", top)
    with Answer(net, "Remove-VMSnapshot", VMName="e", Name="c") as asked, hold_image(net, top) as image:
        shown = asked.progress()
        assert (shown["activity"], shown["target"]) == ("Merging disks of", "e")
        release(image)
        told(asked, "Merging disks of", ["e"], 1)
    shutil.rmtree(out)


def test_a_copy_of_one_that_runs(net):
    """It goes on meanwhile; then what was kept of it is merged again."""
    disk, out = os.path.join(net.disks, "runs.raw"), os.path.join(net.disks, "out")
    run("cp", "--reflink=auto", net.source, disk)
    net.make("r", net.image, "echo guest: up", start=False)
    net.do("Add-VMHardDiskDrive", VMName="r", ControllerType="SCSI", Path=disk)
    net.do("Start-VM", Name="r")
    with Answer(net, "Export-VM", Name="r", Path=out, CaptureLiveState="CaptureCrashConsistentState") as asked, hold_image(net, disk) as image:
        shown = asked.progress()
        while shown["activity"] != "Exporting":
            assert shown["activity"] in ("Making a checkpoint of", "Changing"), shown
            shown = asked.progress()
        assert (shown["target"], shown["number"], shown["of"]) == ("r", 1, 1)
        release(image)
        told(asked, "Exporting", ["r"], 1)
    net.do("Stop-VM", Name="r", TurnOff=True)
    shutil.rmtree(out)


# -- a terminal

class Terminal:
    """`nestor ...` with standard error on a terminal, and with standard output in a file."""

    def __init__(self, net, *words, columns=200, ns=None, env=None):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        command = (ns or net.ns).command(net.daemon.program("nestor"), "--host", net.daemon.socket, *words)
        self.out = tempfile.TemporaryFile("w+", encoding="utf-8")  # pylint: disable=consider-using-with
        with net.ns.lab.uninterrupted():
            self.process = subprocess.Popen(command, stdin=self.slave, stdout=self.out, stderr=self.slave, start_new_session=True,
                                            env={**os.environ, **(env or {})})
        self.shown = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self.out.close()
        os.close(self.master)
        os.close(self.slave)

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            self.shown += os.read(self.master, 65536).decode()
        return self.shown

    def wait(self, pattern):
        return wait_for(lambda: re.search(pattern, self.read()), SECONDS, f"{pattern!r} on the terminal", lambda: repr(self.shown))

    def ended(self):
        """Its exit code, when nothing is left of the line."""
        wait_for(lambda: self.process.poll() is not None, SECONDS, "nestor to end", lambda: repr(self.read()))
        self.read()
        return self.process.returncode

    def left(self):
        """What the last line shows at last."""
        cells, at = {}, 0
        for char in self.shown.rpartition("\n")[2]:
            at = 0 if char == "\r" else at
            if char != "\r":
                cells[at] = char
                at += 1
        return "".join(cells[i] for i in sorted(cells)).rstrip()

    def printed(self):
        self.out.seek(0)
        return self.out.read()


def test_a_line_on_a_terminal(net):
    """It is there from half a second on, is written over itself, fits, and is gone when the answer is printed."""
    target = os.path.join(net.disks, "t.qcow2")
    with Terminal(net, "-o", "json", "Convert-VHD", net.source, target, "-PassThru") as t:
        with hold_image(net) as image:
            t.wait(f"Converting {net.source}: [0-9]+( s|%)")
            assert t.shown.startswith("\r") and "\n" not in t.shown
            assert t.printed() == ""
            assert t.process.poll() is None
            release(image)
            assert t.ended() == 0
        assert t.left() == ""
        assert "\n" not in t.shown
        assert json.loads(t.printed())[0]["Path"] == target


def test_a_narrow_terminal(net):
    with Terminal(net, "Convert-VHD", net.source, os.path.join(net.disks, "n.qcow2"), columns=24) as t, hold_image(net) as image:
        t.wait("Converting /")
        release(image)
        assert t.ended() == 0
        assert t.left() == ""
        assert all(len(part) < 24 for part in t.shown.split("\r")), t.shown


@contextlib.contextmanager
def waiting(net):
    """A call that has nothing to tell, and does not end by itself."""
    net.do("New-VM", Name="ns", Engine="Namespace")
    net.do("Start-VM", Name="ns")
    with Terminal(net, "Invoke-Command", "-VMName", "ns", "-ScriptBlock", "mkfifo /tmp/wait; head -c 1 /tmp/wait") as t:
        yield t
    net.do("Stop-VM", Name="ns", TurnOff=True)


def test_time_where_nothing_is_known(net):
    """The cmdlet, and how long it has been."""
    with waiting(net) as t:
        t.wait("\rInvoke-Command: 0 s")
        t.wait("\rInvoke-Command: 1 s")
        assert t.process.poll() is None


@pytest.mark.parametrize("preference", ["SilentlyContinue", "Ignore"])
def test_preference(net, preference):
    with Terminal(net, "-c", f"$ProgressPreference = '{preference}'; Convert-VHD {net.source} {net.disks}/p.qcow2") as t:
        with hold_image(net) as image:
            # That one began later, so this one's time has come, too.
            with waiting(net) as other:
                other.wait("Invoke-Command: 0 s")
            release(image)
            assert t.ended() == 0
        assert t.shown == ""


def test_no_terminal(net):
    """Nothing at all where standard error is none."""
    command = net.ns.command(net.daemon.program("nestor"), "--host", net.daemon.socket, "Convert-VHD", net.source, f"{net.disks}/q.qcow2")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        with hold_image(net) as image:
            with waiting(net) as other:
                other.wait("Invoke-Command: 0 s")
            release(image)
        assert process.communicate() == (b"", b"")
        assert process.returncode == 0


def test_in_a_script_and_in_the_shell(net):
    """One line for each command that takes long, and none is left; Ctrl-C ends what is under way, and the script, or leads to the prompt."""
    script = os.path.join(net.disks, "two.ps1")
    with open(script, "w", encoding="utf-8") as file:
        file.write("".join(f"Convert-VHD {net.source} {net.disks}/s{i}.qcow2\n" for i in range(3)))
    with Terminal(net, "run", script) as t:
        before = set()
        for i in range(2):
            with hold_image(net, but=before) as image:
                before |= image
                wait_for(lambda: t.read() and t.left().startswith(f"Converting {net.source}: "), SECONDS, "its line", lambda: repr(t.shown))
                if i:
                    t.process.send_signal(signal.SIGINT)
                    assert t.ended() == 1
                else:
                    release(image)
        assert "PipelineStopped" in t.shown and "Converting" not in t.left()
        wait_for(lambda: not children(net), SECONDS, "qemu-img to be ended")
        assert [os.path.exists(f"{net.disks}/s{i}.qcow2") for i in range(3)] == [True, False, False]
    with Terminal(net, "shell") as t:
        os.write(t.master, f"Convert-VHD {net.source} {net.disks}/i.qcow2\n".encode())
        with hold_image(net) as image:
            t.wait(f"Converting {net.source}: [0-9]")
            before |= image
            release(image)
        os.write(t.master, f"Convert-VHD {net.source} {net.disks}/j.qcow2\n".encode())
        with hold_image(net, but=before):
            t.wait("(?s)Converting.*Converting")
            t.process.send_signal(signal.SIGINT)
            t.wait("PipelineStopped")
        os.write(t.master, b"exit\n")
        assert t.ended() == 1
    assert os.path.exists(f"{net.disks}/i.qcow2") and not os.path.exists(f"{net.disks}/j.qcow2")


FORWARD = """
import socket, ssl, sys, threading
context = None
if sys.argv[2:]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
def pump(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.shutdown(socket.SHUT_WR)
while True:
    client = listener.accept()[0]
    daemon = socket.socket(socket.AF_UNIX)
    daemon.connect(sys.argv[1])
    client = context.wrap_socket(client, server_side=True) if context else client
    threading.Thread(target=pump, args=(daemon, client), daemon=True).start()
    threading.Thread(target=lambda: pump(client, daemon), daemon=True).start()
"""


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_another_host(net, scheme):
    """By http and by https, which is libcurl's."""
    certificate = os.path.join(net.disks, "certificate")
    arguments = [net.daemon.socket]
    if scheme == "https":
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", certificate, "-out", certificate + ".crt")
        with open(certificate, "a", encoding="ascii") as file, open(certificate + ".crt", encoding="ascii") as public:
            file.write(public.read())
        arguments.append(certificate)
    forward = net.ns.spawn("python3", "-c", FORWARD, *arguments)
    port = int(wait_for(lambda: forward.out.strip(), SECONDS, "the port", lambda: str(forward)))
    target = f"{net.disks}/{scheme}.qcow2"
    ns = Prepared(net.ns, f"mount --bind {certificate}.crt /etc/ssl/certs/ca-certificates.crt") if scheme == "https" else net.ns
    with Terminal(net, "-o", "json", "-c", f"Convert-VHD {net.source} {target} -PassThru -ComputerName far", ns=ns,
                  env={"NESTOR_HOSTS": f"far={scheme}://127.0.0.1:{port}"}) as t:
        with hold_image(net) as image:
            t.wait(f"\rfar: Converting {net.source}: [0-9]+")
            release(image)
            assert t.ended() == 0, t.shown
        assert t.left() == ""
        assert [(o["Path"], o["PSComputerName"]) for o in json.loads(t.printed())] == [(target, "far")]
    forward.stop()
