# SPDX-License-Identifier: Apache-2.0
"""Progress of what takes long: in lines of JSON for whoever accepts them, and as one line on a terminal.

What is held here by SIGSTOP takes exactly as long as the test wants it to.
"""

import contextlib
import glob
import http.client
import json
import os
import signal
import socket

import pytest

from kit import Image, Lab, run, underlay, wait_for
from support import BUILD_DIR, assert_settled, health
from test_machines import Machines

SECONDS = 30
LINES = "application/x-ndjson"


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        ns, outside = lab.namespaces("host1", "outside")
        underlay.veth(ns, outside)
        small = lab.small_disk("4m")
        net = Machines(ns, "host1")
        net.small = small
        net.switch()
        net.image = Image(lab, BUILD_DIR, disks=True)
        net.disks = lab.path("disks")
        os.mkdir(net.disks)
        net.source = os.path.join(net.disks, "source.raw")
        # What qemu-img cannot skip, and enough of it to be caught at it.
        with open(net.source, "wb") as file:
            for _ in range(64):
                file.write(os.urandom(4 << 20))
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
            os.unlink(path)


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


def hold_image(net, *names):
    """Holds the qemu-img that copies these files (all: any), as soon as it does."""
    def copying():
        return [pid for pid, line in children(net).items() if line[1:2] in (["convert"], ["commit"]) and not set(names) - set(line)]
    return held({wait_for(copying, SECONDS, "qemu-img to run")[0]})


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
    assert last == {"status": 200, "answer": json.loads(json.dumps(answer).replace(second, first))}
    assert answer["objects"][0]["Path"] == second


def test_a_refusal_within_lines(net):
    """What failed after it had begun says so in the last line; what was refused before, where it always does."""
    target = os.path.join(net.small, "large.qcow2")
    with Answer(net, "Convert-VHD", Path=net.source, DestinationPath=target) as asked, hold_image(net) as held_ones:
        assert asked.progress() == doing("Converting", net.source)
        release(held_ones)
        progress, last = asked.rest()
    assert rises([p["percent"] for p in progress])
    assert last["answer"]["errors"][0]["id"] == "Vhd.DiskFull"
    with Answer(net, "Convert-VHD", accept="*/*", Path=net.source, DestinationPath=target) as plain:
        assert plain.ordinary() == (last["status"], last["answer"])
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
