# SPDX-License-Identifier: Apache-2.0
"""The labs of the documents on namespaces: hosts, guests as the runbooks expect them, and who reaches whom.

Used by the demo (`make demo`), which shows them, and by the tests, which hold them to the last address.
"""

import itertools
import os
import re
import tty
from dataclasses import dataclass

from kit import Daemon, Image, Libvirt, Process, Result, run, underlay, wait_for

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

    def begin_ping(self, address):
        """What waits for its end: True when every request was answered."""
        process = Process(*self.ping_command(address))

        def end():
            done = process.wait(30, check=False)
            process.close()
            return done.code == 0 and f" {PINGS} received" in done.out
        return end

    def ping(self, address, count=PINGS, wait=1):
        """True when every request was answered."""
        done = run(*self.ping_command(address, count, wait), check=False)
        return done.code == 0 and f" {count} received" in done.out

    def ping_size(self, address, size, count=PINGS, wait=1):
        """As ping(), with IP packets of that size that may not be fragmented."""
        done = self.run("ping", "-n", "-q", "-c", count, "-i", "0.05", "-W", wait, "-M", "do", "-s", size - 28, address, check=False)
        return done.code == 0 and f" {count} received" in done.out


# A shell on the serial console: "7 echo x" is answered by "[7] x" and "<7 0>", the exit code.
SHELL = """stty -echo
ip link set lo up
ip link set eth0 up
echo guest: up
while read -r n line; do out=$(eval "$line" 2>&1); code=$?; echo "$out" | sed "s/^/[$n] /"; echo "<$n $code>"; done"""
ANSWER_SECONDS = 60


class MachineGuest:
    """A running guest that is a virtual machine, with SHELL on its console: what Guest does, as far as the labs need it."""

    def __init__(self, plan, daemon, libvirt):
        self.plan = plan
        self.name = plan.name
        self.daemon = daemon
        self.number = 0
        self.log = os.path.join(daemon.state_dir, "machines", f"{daemon.cmdlet('Get-VM', {'Name': plan.name})[0]['Id']}.log")
        self.tty = os.open(libvirt.virsh("ttyconsole", plan.name).out.strip(), os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        daemon.lab.on_close(lambda: os.close(self.tty))
        tty.setraw(self.tty)
        wait_for(lambda: "guest: up" in self.console(), ANSWER_SECONDS, f"{self.name} to be up", self.console)

    def console(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def begin(self, *args):
        """What waits for the end of a command: its Result."""
        self.number += 1
        number = self.number
        os.write(self.tty, f"{number} {' '.join(map(str, args))}\n".encode())

        def end():
            wait_for(lambda: re.search(f"^<{number} [0-9]+>", self.console(), re.M), ANSWER_SECONDS, f"{self.name} to do {args}", self.console)
            console = self.console()
            out = "".join(f"{line}\n" for line in re.findall(rf"^\[{number}\] (.*?)\r?$", console, re.M))
            return Result(args, int(re.search(f"^<{number} ([0-9]+)>", console, re.M)[1]), out, "")
        return end

    def run(self, *args, check=True):
        done = self.begin(*args)()
        assert not check or done.code == 0, done
        return done

    def echo_requests(self):
        rows = [line.split() for line in self.run("grep", "^Icmp:", "/proc/net/snmp").out.splitlines()]
        return int(dict(zip(*rows))["InEchos"])

    def begin_ping(self, address, *options):
        end = self.begin("ping", "-q", "-A", "-c", PINGS, "-W", 1, *options, "-I", "eth0", address)
        return lambda: f"{PINGS} packets received" in end().out

    def ping(self, address):
        return self.begin_ping(address)()

    def ping_size(self, address, size):
        return self.begin_ping(address, "-s", size - 28)()


class Fabric:
    """Hosts with their daemons, and the guests of a plan on a switch "vswitch".

    engine: what the guests are, network namespaces or virtual machines, these with a libvirt daemon on each host.
    """

    def __init__(self, lab, build_dir, plans, kind="veth", host_names=("host1", "host2"), engine="Namespace"):
        self.lab = lab
        self.plans = plans
        self.engine = engine
        self.hosts = lab.namespaces(*host_names)
        if len(self.hosts) == 2:
            underlay.build(kind, *self.hosts, build_dir)
        else:
            underlay.veth(self.hosts[0], lab.namespace("outside"))
        self.libvirts = [Libvirt(ns) for ns in self.hosts] if engine == "Qemu" else []
        self.image = Image(lab, build_dir) if engine == "Qemu" else None
        options = [("--libvirt", libvirt.uri) for libvirt in self.libvirts] or [()] * len(self.hosts)
        self.daemons = [Daemon(ns, build_dir, name, *more) for ns, name, more in zip(self.hosts, host_names, options)]
        self.guests = {}

    def prepare_script(self, index):
        """What is there before a runbook starts: a switch on the uplink, and its guests running with their addresses."""
        lines = [f"New-VMSwitch -Name vswitch -NetAdapterName {underlay.UPLINK}"]
        for plan in self.plans:
            if plan.host != index:
                continue
            boots = ""
            if self.image:
                boots = " -MemoryStartupBytes 192MB" + "".join(f" -{key} '{value}'" for key, value in self.image.parameters(SHELL).items())
            lines += [
                f"New-VM -Name {plan.name} -Engine {self.engine} -SwitchName vswitch{boots}",
                f"Set-VMNetworkAdapter -VMName {plan.name} -StaticMacAddress {plan.mac}",
            ]
        names = ",".join(plan.name for plan in self.plans if plan.host == index)
        return "\n".join([*lines, f"Start-VM -Name {names}"]) + "\n"

    def prepare(self):
        outputs = []
        for index, daemon in enumerate(self.daemons):
            path = self.lab.path(f"prepare-{index}.ps1")
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.prepare_script(index))
            outputs.append(daemon.script(path).out)
        for plan in self.plans:
            if self.engine == "Qemu":
                guest = MachineGuest(plan, self.daemons[plan.host], self.libvirts[plan.host])
            else:
                guest = Guest(plan, self.daemons[plan.host])
            guest.run("ip", "addr", "add", f"{plan.address}/24", "dev", "eth0")
            self.guests[plan.name] = guest
        return outputs

    def _reach(self, pairs):
        """For pairs whose targets' addresses all differ: does a ping from source arrive at target itself?

        Another guest with that address does not count: the target must have seen the requests.
        """
        before = [target.echo_requests() for _source, target in pairs]
        pings = [source.begin_ping(target.plan.address) for source, target in pairs]
        done = [end() for end in pings]
        return [answered and target.echo_requests() - old >= PINGS for answered, old, (_source, target) in zip(done, before, pairs)]

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
        return sorted({":".join(f"{int(byte, 16):02X}" for byte in mac.split(":")) for mac in re.findall(r"\[([0-9A-Fa-f:]{11,17})\]", out)})

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
        if self.engine == "Qemu":
            left += [f"domain {name}" for libvirt in self.libvirts for name in libvirt.domains()]
            left += [f"process {pid} of a machine" for libvirt in self.libvirts for pid in libvirt.machines()]
        else:
            left += [f"process {guest.pid} of {guest.name}" for guest in self.guests.values() if lives(guest.pid)]
        return left


def lab3(lab, build_dir, kind="veth", engine="Namespace"):
    return Fabric(lab, build_dir, LAB3, kind, engine=engine)


def lab2(lab, build_dir, kind="veth", engine="Namespace"):
    return Fabric(lab, build_dir, LAB2, kind, engine=engine)


def lab1(lab, build_dir, engine="Namespace"):
    return Fabric(lab, build_dir, LAB1, host_names=("host1",), engine=engine)
