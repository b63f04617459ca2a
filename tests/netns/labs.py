# SPDX-License-Identifier: Apache-2.0
"""The labs of the documents on namespaces: hosts, guests as the runbooks expect them, and who reaches whom.

Used by the demo (`make demo`), which shows them, and by the tests, which hold them to the last address.
"""

import itertools
import os
import re
from dataclasses import dataclass

from kit import Daemon, Process, run, underlay

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
RUNBOOKS = os.path.join(TOP, "examples", "runbooks")
PINGS = 2


@dataclass(frozen=True)
class GuestPlan:
    """A guest as a runbook's first comment describes it."""

    name: str
    host: int
    mac: str
    address: str
    tenant: str


LAB3 = (
    GuestPlan("blue1", 0, "000000000011", "10.10.10.11", "blue"),
    GuestPlan("red1", 0, "000000000021", "10.10.10.11", "red"),
    GuestPlan("blue2", 1, "000000000012", "10.10.10.12", "blue"),
    GuestPlan("red2", 1, "000000000022", "10.10.10.12", "red"),
)
# The same guests: what differs is how their packets are carried.
LAB2 = LAB3
LAB2_PAS = {"blue": ("214.214.51.42", "214.214.51.44"), "red": ("214.214.51.43", "214.214.51.45")}
# The document has no clean-up for lab 2: the commands of lab 3's.
LAB2_CLEANUP = ("Set-VMNetworkAdapter -VMName * -VirtualSubnetId 0; "
                "Remove-NetVirtualizationLookupRecord -VirtualSubnetID 5010,5011; Remove-NetVirtualizationProviderAddress; "
                "Disconnect-VMNetworkAdapter -VMName Red*,blue*; Connect-VMNetworkAdapter -VMName Red*,blue* -SwitchName vswitch")
LAB1 = (
    GuestPlan("Blue1", 0, "000000000011", "10.10.10.10", "blue"),
    GuestPlan("Blue2", 0, "000000000012", "10.10.10.20", "blue"),
    GuestPlan("Red1", 0, "000000000021", "10.10.10.10", "red"),
    GuestPlan("Red2", 0, "000000000022", "10.10.10.20", "red"),
)


def runbook(name):
    return os.path.join(RUNBOOKS, name)


def colons(mac):
    return ":".join(re.findall("..", mac.lower()))


def lives(pid):
    """True for a process that is there; one that waits for its parent's attention has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


@dataclass(frozen=True)
class Reach:
    """One cell of the reachability table: `reached` is what was seen, `expected` what is right."""

    source: str
    target: str
    reached: bool
    expected: bool

    @property
    def right(self):
        return self.reached == self.expected


class Guest:
    """A running guest: a plan, the daemon that has it, and the process whose namespaces it is."""

    def __init__(self, plan, daemon):
        self.plan = plan
        self.name = plan.name
        self.daemon = daemon
        self.pid = int(daemon.cmdlet("Get-VM", {"Name": plan.name})[0]["ProcessId"])

    @property
    def netns(self):
        return f"/proc/{self.pid}/ns/net"

    def command(self, *args):
        return ["nsenter", f"--net={self.netns}", "--", *map(str, args)]

    def run(self, *args, **options):
        return run(*self.command(*args), **options)

    def echo_requests(self):
        """How many ping requests have reached this guest so far."""
        with open(f"/proc/{self.pid}/net/snmp", encoding="ascii") as file:
            rows = [line.split() for line in file if line.startswith("Icmp:")]
        return int(dict(zip(*rows))["InEchos"])

    def ping_command(self, address, count=PINGS, wait=1):
        return self.command("ping", "-n", "-q", "-c", count, "-i", "0.05", "-W", wait, "-I", "eth0", address)

    def ping(self, address, count=PINGS, wait=1):
        """True when every request was answered."""
        done = run(*self.ping_command(address, count, wait), check=False)
        return done.code == 0 and f" {count} received" in done.out

    def ping_size(self, address, size, count=PINGS, wait=1):
        """As ping(), with IP packets of that size that may not be fragmented."""
        done = self.run("ping", "-n", "-q", "-c", count, "-i", "0.05", "-W", wait, "-M", "do", "-s", size - 28, address, check=False)
        return done.code == 0 and f" {count} received" in done.out


class Fabric:
    """Hosts with their daemons, and the guests of a plan on a switch "vswitch"."""

    def __init__(self, lab, build_dir, plans, kind="veth", host_names=("host1", "host2")):
        self.lab = lab
        self.plans = plans
        self.hosts = lab.namespaces(*host_names)
        if len(self.hosts) == 2:
            underlay.build(kind, *self.hosts, build_dir)
        else:
            underlay.veth(self.hosts[0], lab.namespace("outside"))
        self.daemons = [Daemon(ns, build_dir, name) for ns, name in zip(self.hosts, host_names)]
        self.guests = {}

    def prepare_script(self, index):
        """What is there before a runbook starts: a switch on the uplink, and its guests running with their addresses."""
        lines = [f"New-VMSwitch -Name vswitch -NetAdapterName {underlay.UPLINK}"]
        for plan in self.plans:
            if plan.host != index:
                continue
            lines += [
                f"New-VM -Name {plan.name} -Engine Namespace -SwitchName vswitch",
                f"Set-VMNetworkAdapter -VMName {plan.name} -StaticMacAddress {plan.mac}",
                f"Start-VM -Name {plan.name}",
                f"Invoke-Command -VMName {plan.name} -ScriptBlock {{ ip addr add {plan.address}/24 dev eth0 }}",
            ]
        return "\n".join(lines) + "\n"

    def prepare(self):
        outputs = []
        for index, daemon in enumerate(self.daemons):
            path = self.lab.path(f"prepare-{index}.ps1")
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.prepare_script(index))
            outputs.append(daemon.script(path).out)
        for plan in self.plans:
            self.guests[plan.name] = Guest(plan, self.daemons[plan.host])
        return outputs

    def _reach(self, pairs):
        """For pairs whose targets' addresses all differ: does a ping from source arrive at target itself?

        Another guest with that address does not count: the target must have seen the requests.
        """
        before = [target.echo_requests() for _source, target in pairs]
        pings = [Process(*source.ping_command(target.plan.address)) for source, target in pairs]
        done = [ping.wait(30, check=False) for ping in pings]
        for ping in pings:
            ping.close()
        return [result.code == 0 and f" {PINGS} received" in result.out and target.echo_requests() - old >= PINGS
                for result, old, (_source, target) in zip(done, before, pairs)]

    def reachability(self):
        """Every ordered pair. Right is: the same tenant, and only it."""
        guests = list(self.guests.values())
        pairs = [(s, t) for s in guests for t in guests if s is not t]
        by_address = {}
        for pair in pairs:
            by_address.setdefault(pair[1].plan.address, []).append(pair)
        reached = {}
        # Only one at a time asks for an address, or nobody could tell whose request arrived.
        for together in itertools.zip_longest(*by_address.values()):
            together = [pair for pair in together if pair]
            reached.update(zip(together, self._reach(together)))
        return [Reach(s.name, t.name, reached[s, t], s.plan.tenant == t.plan.tenant) for s, t in pairs]

    def arp_answers(self, source, address):
        """The MAC addresses that answer when source asks for address."""
        out = source.run("arping", "-I", "eth0", "-c", 2, "-w", 2, address, check=False).out
        return sorted(set(re.findall(r"\[([0-9A-F:]{17})\]", out)))

    def remove_all(self):
        for daemon in self.daemons:
            daemon.pipeline("Get-VM | Stop-VM -TurnOff; Get-VM | Remove-VM -Force; Get-VMSwitch | Remove-VMSwitch -Force")

    def leftovers(self):
        """Links, processes or mounts that are still there after everything was removed and the daemons have ended."""
        left = []
        for ns, daemon in zip(self.hosts, self.daemons):
            links = [l["ifname"] for l in ns.ip_json("link", "show") if l["ifname"] not in ("lo", underlay.UPLINK)]
            left += [f"{daemon.host_name}: link {name}" for name in links]
            uplink = ns.link(underlay.UPLINK)
            if uplink.get("master"):
                left.append(f"{daemon.host_name}: {underlay.UPLINK} is still in {uplink['master']}")
            filters = ns.run("bpftool", "net", "show", "dev", underlay.UPLINK, check=False).out
            if "nestor" in filters or "uplink_" in filters:
                left.append(f"{daemon.host_name}: programs at {underlay.UPLINK}")
            if os.path.exists(os.path.join(daemon.run_dir, "bpf")):
                left.append(f"{daemon.host_name}: {daemon.run_dir}/bpf")
            guests = os.path.join(daemon.run_dir, "guests")
            left += [f"{daemon.host_name}: guest {name}" for name in (os.listdir(guests) if os.path.isdir(guests) else [])]
        left += [f"process {guest.pid} of {guest.name}" for guest in self.guests.values() if lives(guest.pid)]
        return left


def lab3(lab, build_dir, kind="veth"):
    return Fabric(lab, build_dir, LAB3, kind)


def lab2(lab, build_dir, kind="veth"):
    return Fabric(lab, build_dir, LAB2, kind)


def lab1(lab, build_dir):
    return Fabric(lab, build_dir, LAB1, host_names=("host1",))
