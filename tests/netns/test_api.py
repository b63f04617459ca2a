# SPDX-License-Identifier: Apache-2.0
"""The daemon's socket as strangers use it: bad requests, crowds, people without permission; and a full disk."""

import contextlib
import json
import os
import resource
import socket

import pytest

from fabric import Host, Prepared
from kit import CmdletError, Lab, run
from support import assert_settled, everything, health, objects, settle

MEBIBYTE = 1 << 20
CROWD = 1000
NOBODY = 65534
GROUP = 54321
PATH = "/v1/cmdlet/Get-VM"


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        host = Host(lab.namespace("host"), "host")
        host.switch("int", nic=None, SwitchType="Internal")
        host.guest("a", "10.0.0.1", switch="int")
        settle(host.daemon)
        yield host
        assert_settled(host.daemon)


@contextlib.contextmanager
def connected(daemon, data=b""):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(60)
        sock.connect(daemon.socket)
        # Whoever is refused early is not read to the end.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(data)
        yield sock


def read_all(sock):
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while more := sock.recv(65536):
            answer += more
    return answer


def post(body, length=None):
    length = len(body) if length is None else length
    return f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n" \
           f"Content-Length: {length}\r\n\r\n".encode() + body


BODIES = {
    "nothing": b"",
    "no JSON": b"hello",
    "half of it": b'{"parameters": {"Name": "a"',
    "two": b'{} {}',
    "an array": b'[]',
    "a string": b'"Get-VM"',
    "a NUL inside": b'{"parameters": {"Name": "a\x00"}}',
    "no UTF-8": b'{"parameters": {"Name": "\xff\xfe"}}',
    "parameters that are none": b'{"parameters": 5}',
    "input that is none": b'{"input": 5}',
    "nested too deep": b'{"parameters": {"Name": ' + b"[" * 10000 + b"]" * 10000 + b'}}',
    "the same key twice": b'{"parameters": {"Name": "a", "Name": "b"}}',
}


@pytest.mark.parametrize("what", BODIES)
def test_body(net, what):
    before = everything(net.daemon)
    status, answer = net.daemon.http("POST", PATH, BODIES[what])
    assert status == 400, answer
    assert answer["objects"] == []
    assert len(answer["errors"]) == 1
    assert answer["errors"][0]["id"]
    assert answer["errors"][0]["message"]
    assert everything(net.daemon) == before


@pytest.mark.parametrize("size, status", [(MEBIBYTE, 200), (MEBIBYTE + 1, 413), (64 * MEBIBYTE, 413)])
def test_size(net, size, status):
    """1 MiB is the largest that is read; of a larger one not even the rest is waited for."""
    body = b'{"parameters": {}}'
    with connected(net.daemon, post(body + b" " * (min(size, 2 * MEBIBYTE) - len(body)), size)) as sock:
        answer = read_all(sock)
    assert answer.split(b" ", 2)[1] == str(status).encode(), answer[:200]
    if status == 413:
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["errors"][0]["id"]
    assert health(net.daemon)["status"] == "ok"


@pytest.mark.parametrize("keep", [0, 1, 20, 60, -30, -1])
def test_cut_off(net, keep):
    """The client goes away in the middle of its request: nothing of it is done, and the daemon goes on."""
    request = post(b'{"parameters": {"Name": "new", "SwitchType": "Private"}}').replace(b"Get-VM", b"New-VMSwitch")
    before = everything(net.daemon)
    with connected(net.daemon, request[:keep]):
        pass
    assert everything(net.daemon) == before
    assert health(net.daemon)["status"] == "ok"


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/", 404), ("GET", "/v1/nothing", 404), ("POST", "/v1/cmdlet/Get-Nothing", 404), ("GET", "/v1/cmdlet/Get-Nothing", 404),
    ("DELETE", PATH, 405), ("POST", "/v1/health", 405), ("GET", "/v1/cmdlet/../health", 404)])
def test_path(net, method, path, status):
    got, answer = net.daemon.http(method, path, {} if method == "POST" else None)
    assert got == status, answer
    assert answer["errors"][0]["id"]


def test_a_thousand_at_once(net):
    """All are connected before the first asks; every one is answered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * CROWD)), hard))
    before = everything(net.daemon)
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(connected(net.daemon)) for _ in range(CROWD)]
        for sock in crowd:
            sock.sendall(post(b'{"parameters": {"Name": "a"}}'))
        for sock in crowd:
            answer = read_all(sock)
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.split(b" ", 2)[1] == b"200", head
            assert json.loads(body)["objects"][0]["Name"] == "a"
    assert everything(net.daemon) == before


def test_silent_ones_do_not_keep_others_out(net):
    """Those who connect and say nothing, or only half of it, do not stand in the way of the next."""
    with contextlib.ExitStack() as stack:
        for number in range(CROWD // 2):
            stack.enter_context(connected(net.daemon, post(b'{"parameters": {}}')[:-5] if number % 2 else b""))
        assert net.do("Get-VM", Name="a")[0]["Name"] == "a"


# -- permissions

@pytest.fixture(scope="module", name="open_net")
def _open_net():
    """A daemon on a system that has a group nestor, and whose directory everyone may enter."""
    with Lab("nst") as lab:
        os.chmod(lab.directory, 0o755)
        groups = lab.path("group")
        with open("/etc/group", encoding="utf-8") as file, open(groups, "w", encoding="utf-8") as copy:
            copy.write("".join(line for line in file if not line.startswith("nestor:")) + f"nestor:x:{GROUP}:\n")
        host = Host(Prepared(lab.namespace("host"), f"mount --bind {groups} /etc/group"), "host")
        host.switch("int", nic=None, SwitchType="Private")
        settle(host.daemon)
        yield host


def as_someone(daemon, *args, groups=None):
    people = ["--groups", str(groups)] if groups else ["--clear-groups"]
    return run("setpriv", "--reuid", NOBODY, "--regid", NOBODY, *people, "--", daemon.program("nestor"), "--host", daemon.socket, *args,
               check=False)


def test_strangers_do_not_even_get_in(open_net):
    """The socket itself is for root and the group."""
    before = everything(open_net.daemon)
    done = as_someone(open_net.daemon, "Remove-VMSwitch", "int", "-Force")
    assert done.code == 1, str(done)
    assert everything(open_net.daemon) == before


def test_strangers_are_refused_by_who_they_are(open_net):
    """Where the socket's own mode was opened by mistake: E-3."""
    mode = os.stat(open_net.daemon.socket).st_mode
    os.chmod(open_net.daemon.socket, 0o666)
    before = everything(open_net.daemon)
    for line in (("Remove-VMSwitch", "int", "-Force"), ("Get-VMSwitch",)):
        done = as_someone(open_net.daemon, *line)
        assert done.code == 1, str(done)
        assert "You do not have the required permission to complete this task." in done.err
    assert everything(open_net.daemon) == before
    os.chmod(open_net.daemon.socket, mode & 0o7777)


def test_the_group_may(open_net):
    done = as_someone(open_net.daemon, "-o", "json", "Get-VMSwitch", groups=GROUP)
    assert done.code == 0, str(done)
    assert done.json()[0]["Name"] == "int"
    done = as_someone(open_net.daemon, "New-VMSwitch", "theirs", "-SwitchType", "Private", groups=GROUP)
    assert done.code == 0, str(done)
    assert [s["Name"] for s in open_net.do("Get-VMSwitch")] == ["int", "theirs"]
    open_net.do("Remove-VMSwitch", Name="theirs", Force=True)


def test_another_group_may_not(open_net):
    assert as_someone(open_net.daemon, "Get-VMSwitch", groups=GROUP + 1).code == 1


# -- a full disk

@pytest.fixture(name="small")
def _small():
    """A daemon whose state directory is a file system of 1 MiB."""
    with Lab("nst") as lab:
        host = Host(lab.namespace("host"), "host")
        host.daemon.stop()
        run("mount", "-t", "tmpfs", "-o", "size=1m", "nestor-test", host.daemon.state_dir)
        host.daemon.start()
        settle(host.daemon)
        yield host


def fill(path):
    """Write to a file until nothing more fits."""
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_full_disk(small):
    small.switch("first", nic=None, SwitchType="Private")
    filler = os.path.join(small.daemon.state_dir, "filler")
    fill(filler)
    made = 0
    # What was allocated before may take some more.
    with pytest.raises(CmdletError) as refused:
        for made in range(1000):
            before = everything(small.daemon)
            small.switch(f"more{made}", nic=None, SwitchType="Private")
    assert refused.value.answer["errors"][0]["id"] == "Store.Full"
    assert everything(small.daemon) == before
    names = [s["Name"] for s in small.do("Get-VMSwitch")]
    assert f"more{made}" not in names
    # Refused again and again, and what is there can be read.
    for _ in range(3):
        done = small.daemon.nestor("New-VMSwitch", "still", "-SwitchType", "Private", check=False)
        assert done.code == 1
        assert "Store.Full" in done.err
    assert everything(small.daemon) == before
    os.unlink(filler)
    small.switch("after", nic=None, SwitchType="Private")
    assert [s["Name"] for s in small.do("Get-VMSwitch")] == sorted([*names, "after"])
    assert_settled(small.daemon)
    assert [s["Name"] for s in small.do("Get-VMSwitch")] == sorted([*names, "after"])


def test_full_disk_and_killed(small):
    """What was answered with success is there afterwards; what was refused is not."""
    filler = os.path.join(small.daemon.state_dir, "filler")
    fill(filler)
    names = []
    with pytest.raises(CmdletError):
        for number in range(1000):
            small.switch(f"s{number}", nic=None, SwitchType="Private")
            names.append(f"s{number}")
    before = objects(small.daemon)
    small.daemon.kill9()
    os.unlink(filler)
    small.daemon.start()
    assert objects(small.daemon) == before
    assert sorted(s["Name"] for s in small.do("Get-VMSwitch")) == sorted(names)
