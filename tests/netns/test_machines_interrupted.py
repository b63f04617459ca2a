# SPDX-License-Identifier: Apache-2.0
"""nestord, libvirtd or both are killed in the middle of each cmdlet of virtual machines: machines go on, nothing is left over, and what
comes back shows the truth and leads to the same end as never having been interrupted.

Who, and when in the middle, is a matter of chance: NESTOR_INTERRUPT_SEED=N gives another. A cmdlet more is a line in STEPS.
"""

import contextlib
import glob
import json
import os
import random
import select
import socket

import pytest

from kit import Image, Lab, wait_for
from support import BUILD_DIR, UNREPEATABLE, assert_settled, differences, hang_up, health, prune
from test_hot_adapters import attached, taps
from test_machines import Machines

pytestmark = pytest.mark.slow

LONGEST = 0.6  # seconds that a kill waits for the answer, at most
SECONDS = 60
GETTERS = ("Get-VM", "Get-VMProcessor", "Get-VMMemory", "Get-VMNetworkAdapter", "Get-VMHardDiskDrive", "Get-VMDvdDrive")
DOMAIN_STATES = {"Running": "running", "Paused": "paused", "Off": "shut off", "Saved": "shut off"}

# "s" runs a Linux, and its adapters and memory come and go with its help; "m" has nothing to boot. {disk} and the like are files.
STEPS = [
    ("New-VM", {"Name": "m", "MemoryStartupBytes": "64MB", "SwitchName": "vswitch", "Version": "9.3", "Generation": 2,
                "KernelPath": "{kernel}"}),
    ("Set-VM", {"Name": "m", "Notes": "text", "ProcessorCount": 2}),
    ("Set-VMProcessor", {"VMName": "m", "Count": 1, "ExposeVirtualizationExtensions": True}),
    ("Set-VMMemory", {"VMName": "m", "StartupBytes": "96MB"}),
    ("Update-VMVersion", {"Name": "m"}),
    ("Add-VMNetworkAdapter", {"VMName": "m", "Name": "second", "SwitchName": "vswitch"}),
    ("Add-VMHardDiskDrive", {"VMName": "m", "Path": "{disk}"}),
    ("Add-VMDvdDrive", {"VMName": "m"}),
    ("Set-VMDvdDrive", {"VMName": "m", "Path": "{dvd}"}),
    ("Start-VM", {"Name": "m"}),
    ("Suspend-VM", {"Name": "m"}),
    ("Resume-VM", {"Name": "m"}),
    ("Disconnect-VMNetworkAdapter", {"VMName": "m", "Name": "second"}),
    ("Restart-VM", {"Name": "m", "Force": True}),
    ("Save-VM", {"Name": "m"}),
    ("Start-VM", {"Name": "m"}),
    ("Connect-VMNetworkAdapter", {"VMName": "m", "Name": "second", "SwitchName": "vswitch"}),
    ("Stop-VM", {"Name": "m", "Save": True}),
    ("Remove-VMSavedState", {"Name": "m"}),
    ("Rename-VM", {"Name": "m", "NewName": "n"}),
    ("Start-VM", {"Name": "n"}),
    ("Stop-VM", {"Name": "n", "TurnOff": True}),
    ("Remove-VMNetworkAdapter", {"VMName": "n", "Name": "second"}),
    ("Remove-VMHardDiskDrive", {"VMName": "n", "ControllerType": "SCSI", "ControllerNumber": 0, "ControllerLocation": 0}),
    ("Add-VMNetworkAdapter", {"VMName": "s", "Name": "more", "SwitchName": "vswitch"}),
    ("Set-VMNetworkAdapter", {"VMName": "s", "Name": "more", "VirtualSubnetId": 5010}),
    ("Set-VMMemory", {"VMName": "s", "StartupBytes": "224MB"}),
    ("Remove-VMNetworkAdapter", {"VMName": "s", "Name": "more"}),
    ("Remove-VM", {"Name": "n", "Force": True}),
]
# A libvirtd 9.0 that is killed while it stops the processors of a machine or writes its state may never again let go of its lock on it.
LIBVIRT_HOLDS = ("Suspend-VM", "Resume-VM", "Save-VM", "Stop-VM")
ADDRESSED = "ip link set eth0 up; ip addr add 10.1.0.5/24 dev eth0; echo guest: up"


class Worker(Machines):
    """A host with the machine "s", which runs all the time, and a namespace guest that asks it."""

    def __init__(self, lab, label):
        super().__init__(lab.namespace(label), "host")
        image = Image(lab, BUILD_DIR)
        self.values = {"disk": lab.path("disk.img"), "dvd": lab.path("dvd.iso"), "kernel": image.kernel}
        for name in ("disk", "dvd"):
            with open(self.values[name], "wb") as file:
                file.truncate(1 << 20)
        self.switch(nic=None, SwitchType="Private")
        self.asks = self.guest("asks", "10.1.0.9")
        self.make("s", image, ADDRESSED)
        self.wait_console("s", "guest: up")
        self.process_of_s = self.libvirt.machines()

    def parameters(self, given):
        return {k: v.format(**self.values) if isinstance(v, str) else v for k, v in given.items()}

    def step(self, cmdlet, given):
        self.do(cmdlet, **self.parameters(given))

    def ask(self, cmdlet, given):
        """Send the request; the answer can be read from this."""
        body = json.dumps({"parameters": self.parameters(given)}).encode()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(self.daemon.socket)
        sock.sendall(f"POST /v1/cmdlet/{cmdlet} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        return sock

    def objects(self, names=frozenset()):
        """Of all machines; as they are, when nothing is under way any more."""
        return prune([self.do(getter, **({"All": True} if "Network" in getter else {"VMName": "*"} if getter != "Get-VM" else {}))
                      for getter in GETTERS], UNREPEATABLE | {"MemoryDemand", "IPAddresses", "Status", *names})

    def quiet(self):
        """Wait until everything is as it is wanted."""
        def done():
            account = hang_up(self.daemon)
            return account["lastWrites"] == account["failures"] == health(self.daemon)["machines"]["busy"] == 0
        wait_for(lambda: done() and done() and self.memory_is_there(), SECONDS, "nothing to be left to do",
                 lambda: "\n".join([str(health(self.daemon)), *(str((vm["Name"], vm["State"], vm["Status"], vm["MemoryAssigned"])) for vm in self.do("Get-VM")),
                                    *(line for line in self.daemon.log().splitlines() if not line.startswith("<6>"))][-20:]))

    def memory_is_there(self):
        s = self.vm("s")
        return s["MemoryAssigned"] == s["MemoryStartup"]

    def assert_whole(self, step):
        """libvirt, the kernel and the disk hold what the machines need, and nothing else."""
        machines = [vm for vm in self.do("Get-VM") if vm["Engine"] == "Qemu"]
        on = [vm for vm in machines if vm["State"] in ("Running", "Paused")]
        assert self.libvirt.domains() == {vm["Name"]: DOMAIN_STATES[vm["State"]] for vm in machines}, step
        assert len(self.libvirt.machines()) == len(on) and self.process_of_s <= self.libvirt.machines(), step
        ports = {vm["Name"]: {a["PortName"] for a in self.do("Get-VMNetworkAdapter", VMName=vm["Name"])} for vm in on}
        assert {name: attached(self, name) for name in ports} == ports, step
        assert taps(self) == set().union(*ports.values()), step
        saved = {os.path.basename(name)[:-len(".save")] for name in glob.glob(self.libvirt.path("lib/qemu/save/*.save"))}
        assert saved == {vm["Name"] for vm in machines if vm["State"] == "Saved"}, step
        logs = set(os.listdir(os.path.join(self.daemon.state_dir, "machines")))
        assert logs <= {f"{vm['Id']}.log" for vm in machines}, step
        assert self.asks.ping("10.1.0.5", count=1), step

    def interrupt(self, victims, cmdlet, given, seconds):
        """The cmdlet, and a kill when it is answered or after that time."""
        with contextlib.closing(self.ask(cmdlet, given)) as sock:
            select.select([sock], [], [], seconds)
            for victim in victims:
                victim.kill9()
        for victim in reversed(victims):
            victim.start()


@pytest.fixture(scope="module", name="lab")
def _lab():
    with Lab("nst") as lab:
        yield lab


@pytest.fixture(scope="module", name="undisturbed")
def _undisturbed(lab):
    """What there is after each step."""
    host = Worker(lab, "quiet")
    results = []
    for step in STEPS:
        host.step(*step)
        host.assert_whole(step)
        host.quiet()
        results.append(host.objects())
    host.do("Stop-VM", Name="s", TurnOff=True)
    return results


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_during_each_cmdlet(lab, undisturbed, seed):
    chance = random.Random(int(os.environ.get("NESTOR_INTERRUPT_SEED", seed)))
    host = Worker(lab, f"seed{seed}")
    host.quiet()
    for number, step in enumerate(STEPS):
        before = host.objects()
        victims = chance.choice([[host.daemon], [host.daemon], [host.libvirt], [host.daemon, host.libvirt]])
        if step[0] in LIBVIRT_HOLDS:
            victims = [host.daemon]
        host.interrupt(victims, *step, LONGEST ** chance.uniform(1, 10))
        host.quiet()
        host.assert_whole(step)
        # It was done or it was not, never a half; what was not is done now.
        if host.objects() == before and undisturbed[number] != before:
            host.step(*step)
            host.quiet()
            host.assert_whole(step)
        assert differences(host.objects(), undisturbed[number]) == [], step
    assert_settled(host.daemon)
    host.do("Stop-VM", Name="s", TurnOff=True)
