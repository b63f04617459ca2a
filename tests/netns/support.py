# SPDX-License-Identifier: Apache-2.0
"""What the tests look at and do besides the command line: the daemon's own account, drop counters, frames by hand."""

import contextlib
import glob
import json
import os
import re
import signal
import socket

from kit import run, wait_for
from kit.capture import _inside as inside
from labs import TOP

BUILD_DIR = os.environ.get("NESTOR_BUILD_DIR", os.path.join(TOP, "build"))
GETTERS = ("Get-VMSwitch", "Get-VM", "Get-VMNetworkAdapter", "Get-VMNetworkAdapterAcl", "Get-VMNetworkAdapterExtendedAcl",
           "Get-VMNetworkAdapterVlan", "Get-NetAdapterBinding", "Get-NetVirtualizationLookupRecord",
           "Get-NetVirtualizationCustomerRoute", "Get-NetVirtualizationProviderAddress",
           "Get-NetVirtualizationProviderRoute", "Get-NetVirtualizationBroadcast", "Get-NetVirtualizationGlobal")
# What time changes by itself.
VOLATILE = {"Uptime", "CPUUsage", "MemoryDemand", "MemoryStatus", "Heartbeat",
            "MemoryAssigned", "MemoryAssignedMB", "MeteredMBytes", "MeteredBytes", "MeteredPackets"}
# What is new in every run: ids, names made of ids, numbers that the kernel gives.
UNREPEATABLE = VOLATILE | {"Id", "VMId", "SwitchId", "PortName", "InterfaceName", "ProcessId", "CreationTime", "ifIndex",
                           "InterfaceIndex", "AdapterId", "MacAddress", "MACAddress", "ComputerName", "SystemName"}


def health(daemon):
    return daemon.http("GET", "/v1/health")[1]


def programs(ns):
    """What daemons of a namespace run to work on images: {process id: command line}."""
    found = {}
    for pid in run("ip", "netns", "pids", ns.name).out.split():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            found[int(pid)] = file.read().split("\0")
    return {pid: line for pid, line in found.items() if os.path.basename(line[0]) in ("qemu-img", "xorrisofs")}


def stop_program(ns, *words):
    """Waits for one of those with these words in its command line, and stops it where it is."""
    def found():
        return [pid for pid, line in programs(ns).items() if not set(words) - set(line)]
    os.kill(wait_for(found, 30, f"a program with {words}")[0], signal.SIGSTOP)


def total_writes(daemon):
    return health(daemon)["reconcile"]["totalWrites"]


def hang_up(daemon):
    """SIGHUP, and wait until the pass that it asks for is over. The account of that pass."""
    before = health(daemon)["reconcile"]["passes"]
    daemon.process.signal(signal.SIGHUP)
    wait_for(lambda: health(daemon)["reconcile"]["passes"] > before, 10, "a pass after SIGHUP", daemon.log_tail)
    return health(daemon)["reconcile"]


def settle(daemon):
    """Wait until a pass finds nothing to do. What the kernel tells late (a namespace that was torn down) is over then."""
    def quiet():
        account = hang_up(daemon)
        return account["lastWrites"] == account["failures"] == 0
    wait_for(lambda: quiet() and quiet(), 10, f"passes of {daemon.host_name} that write nothing", daemon.log_tail)


def kernel(ns):
    """What a namespace holds: links with their places, addresses, routes; forwarding entries of machines that do not age."""
    links = {l["ifname"]: (l["ifindex"], l.get("ifalias"), l.get("master"), l["mtu"], l["address"], "UP" in l["flags"])
             for l in ns.ip_json("link", "show")}
    addresses = sorted((a["ifname"], i["local"], i["prefixlen"]) for a in ns.ip_json("addr", "show") for i in a["addr_info"])
    routes = sorted(json.dumps(r, sort_keys=True) for r in ns.ip_json("route", "show", "table", "all"))
    out = run("bridge", "-n", ns.name, "-json", "fdb", "show").out
    entries = sorted((e["ifname"], e["mac"]) for e in json.loads(out or "[]") if e.get("state") in ("permanent", "static")
                     and not int(e["mac"][:2], 16) & 1)
    return {"links": links, "addresses": addresses, "routes": routes, "fdb": entries}


def prune(value, names):
    if isinstance(value, dict):
        return {k: prune(v, names) for k, v in value.items() if k not in names}
    if isinstance(value, list):
        return [prune(v, names) for v in value]
    return value


def objects(daemon, names=VOLATILE):
    """Everything that the Get cmdlets show, without the named properties."""
    def get(cmdlet):
        parameters = {"All": True} if cmdlet == "Get-VMNetworkAdapter" else {}
        if cmdlet == "Get-NetAdapterBinding":
            parameters = {"Name": "*", "ComponentID": "ms_netwnv"}
        status, answer = daemon.http("POST", f"/v1/cmdlet/{cmdlet}", {"parameters": parameters})
        assert status == 200 and not answer["errors"], answer
        return prune(answer["objects"], names)
    return {cmdlet: get(cmdlet) for cmdlet in GETTERS}


def everything(daemon):
    """All that a refused command must leave as it was."""
    return objects(daemon), kernel(daemon.ns), maps(daemon), total_writes(daemon)


def assert_settled(daemon):
    """How every test of a network ends: computing again writes nothing, nor does a daemon that was killed and restarted."""
    settle(daemon)
    before = kernel(daemon.ns), maps(daemon)
    account = hang_up(daemon)
    assert (account["lastWrites"], account["failures"]) == (0, 0), daemon.log_tail()
    daemon.kill9()
    daemon.start()
    account = health(daemon)["reconcile"]
    assert account["passes"] >= 1
    assert (account["totalWrites"], account["failures"]) == (0, 0), daemon.log_tail()
    assert (kernel(daemon.ns), maps(daemon)) == before


def differences(one, other, path=""):
    """Where two values differ, a line each: pytest shows the beginning of both, which rarely is the place."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [line for k in sorted({*one, *other}, key=str)
                for line in differences(one.get(k), other.get(k), f"{path}.{k}")]
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and len(one) == len(other):
        return [line for i, (a, b) in enumerate(zip(one, other)) for line in differences(a, b, f"{path}[{i}]")]
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return [f"{path}: only here: {v}" for v in one if v not in other] + [f"{path}: only there: {v}" for v in other if v not in one] \
            or [f"{path}: {len(one)} != {len(other)} items"]
    return [] if one == other else [f"{path}: {one} != {other}"]


# -- the dataplane's maps

def _reasons():
    with open(os.path.join(TOP, "include", "nestor", "drop_reason.h"), encoding="utf-8") as file:
        return {int(code): name for code, name in re.findall(r"X\((\d+), (\w+),", file.read())}


REASONS = _reasons()


def pins(daemon):
    """The directory of the maps' pins. It is mounted where the first process sees it, which need not be where we do."""
    for root in ("", "/proc/1/root"):
        found = glob.glob(f"{root}{daemon.run_dir}/bpf/abi*")
        if found:
            return found[0]
    return None


def dump(daemon, name):
    directory = pins(daemon)
    return json.loads(run("bpftool", "-j", "map", "dump", "pinned", f"{directory}/{name}").out) if directory else []


def _bytes(hexes):
    return bytes(int(h, 16) for h in hexes)


def maps(daemon):
    """The policy in the kernel, byte for byte."""
    names = ("dests", "cas", "pas", "rewrites", "groups", "acl_rules", "acl_sets", "acl_matches", "acl_vectors", "acl_macs")
    return {name: sorted((_bytes(e["key"]), _bytes(e["value"])) for e in dump(daemon, name)) for name in names}


def drops(daemon):
    """{(interface, reason): packets}"""
    names = {l["ifindex"]: l["ifname"] for l in daemon.ns.ip_json("link", "show")}
    counts = {}
    for entry in dump(daemon, "drops"):
        key = _bytes(entry["key"])
        index, reason = (int.from_bytes(key[i:i + 4], "little") for i in (0, 4))
        counts[names.get(index, str(index)), REASONS[reason]] = int.from_bytes(_bytes(entry["value"]), "little")
    return counts


class Dropped:
    """with Dropped(daemon, port, SOURCE_MAC_SPOOFED=3): ... -- exactly so many more drops at that interface, and no others."""

    def __init__(self, daemon, interface, **reasons):
        assert set(reasons) <= set(REASONS.values())
        self.daemon, self.interface, self.reasons = daemon, interface, reasons

    def _here(self):
        return {reason: n for (name, reason), n in drops(self.daemon).items() if name == self.interface}

    def __enter__(self):
        self.before = self._here()

    def _grown(self):
        return {r: n - self.before.get(r, 0) for r, n in self._here().items() if n != self.before.get(r, 0)}

    def __exit__(self, kind, *_rest):
        if not kind:
            wanted = sum(self.reasons.values())
            wait_for(lambda: sum(self._grown().values()) >= wanted, 10, f"drops at {self.interface}: {self.reasons}",
                     lambda: f"seen: {self._grown()}")
            assert self._grown() == self.reasons
        return False


# -- frames by hand

class Wire:
    """Sends frames as they are from an interface of a namespace (a Namespace, or a Guest)."""

    def __init__(self, where, interface):
        with inside(getattr(where, "netns", None) or where.path):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
            self.socket.bind((interface, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.socket.close()
        return False

    def send(self, *frames):
        for frame in frames:
            self.socket.send(bytes(frame))
