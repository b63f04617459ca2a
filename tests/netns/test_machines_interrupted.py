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
import re
import select
import socket

import pytest

from kit import Image, Lab, wait_for
from support import BUILD_DIR, UNREPEATABLE, assert_settled, differences, hang_up, health, programs, prune
from test_hot_adapters import attached, taps
from test_machines import Machines, find_again, lost_by_libvirt

pytestmark = pytest.mark.slow

LONGEST = 0.6  # seconds that a kill waits for the answer, at most
SECONDS = 120 # a libvirt that has lost a machine says so after 30
GETTERS = ("Get-VM", "Get-VMProcessor", "Get-VMMemory", "Get-VMNetworkAdapter", "Get-VMHardDiskDrive", "Get-VMDvdDrive", "Get-VMScsiController",
           "Get-VMSnapshot")
DOMAIN_STATES = {"Running": "running", "Paused": "paused", "Off": "shut off", "Saved": "shut off"}

# "s" runs a Linux, and its adapters and memory come and go with its help; "m" has nothing to boot; "d" is taken in from libvirt; "c" is a
# copy. {place} is a directory of their disks, in which there are disk.img and dvd.iso.
STEPS = [
    ("New-VHD", {"Path": "{place}/new.qcow2", "SizeBytes": "8MB"}),
    ("Resize-VHD", {"Path": "{place}/new.qcow2", "SizeBytes": "16MB"}),
    ("Convert-VHD", {"Path": "{place}/new.qcow2", "DestinationPath": "{place}/converted.vhdx"}),
    ("Convert-VHD", {"Path": "{place}/large.img", "DestinationPath": "{place}/other.qcow2", "DeleteSource": True}),
    ("New-VM", {"Name": "m", "MemoryStartupBytes": "64MB", "SwitchName": "vswitch", "Version": "9.3", "Generation": 2,
                "KernelPath": "{kernel}", "NewVHDPath": "{place}/m.qcow2", "NewVHDSizeBytes": "8MB"}),
    ("Set-VM", {"Name": "m", "Notes": "text", "ProcessorCount": 2, "CheckpointType": "Standard", "UserDataPath": "{place}/user-data"}),
    ("Set-VMProcessor", {"VMName": "m", "Count": 1, "ExposeVirtualizationExtensions": True}),
    ("Set-VMMemory", {"VMName": "m", "StartupBytes": "96MB"}),
    ("Set-VMFirmware", {"VMName": "m", "EnableSecureBoot": "Off"}),
    ("Update-VMVersion", {"Name": "m"}),
    ("Enable-VMResourceMetering", {"VMName": "m"}),
    ("Add-VMNetworkAdapter", {"VMName": "m", "Name": "second", "SwitchName": "vswitch"}),
    ("Add-VMScsiController", {"VMName": "m"}),
    ("Remove-VMScsiController", {"VMName": "m", "ControllerNumber": 1}),
    ("Add-VMHardDiskDrive", {"VMName": "m", "Path": "{place}/disk.img"}),
    ("Set-VMHardDiskDrive", {"VMName": "m", "ControllerType": "SCSI", "ControllerNumber": 0, "ControllerLocation": 1,
                             "ToControllerLocation": 5}),
    ("Add-VMDvdDrive", {"VMName": "m"}),
    ("Set-VMDvdDrive", {"VMName": "m", "Path": "{place}/dvd.iso"}),
    ("Checkpoint-VM", {"Name": "m", "SnapshotName": "off"}),
    ("Rename-VMSnapshot", {"VMName": "m", "Name": "off", "NewName": "first"}),
    ("Start-VM", {"Name": "m"}),
    ("Suspend-VM", {"Name": "m"}),
    ("Resume-VM", {"Name": "m"}),
    ("Set-VMDvdDrive", {"VMName": "m", "Path": None}),
    ("Checkpoint-VM", {"Name": "m", "SnapshotName": "second"}),
    ("Disconnect-VMNetworkAdapter", {"VMName": "m", "Name": "second"}),
    ("Restart-VM", {"Name": "m", "Force": True}),
    ("Remove-VMSnapshot", {"VMName": "m", "Name": "first"}),
    ("Restore-VMSnapshot", {"VMName": "m", "Name": "second"}),
    ("Start-VM", {"Name": "m"}),
    ("Save-VM", {"Name": "m"}),
    ("Start-VM", {"Name": "m"}),
    ("Remove-VMSnapshot", {"VMName": "m", "Name": "second"}),
    ("Disconnect-VMNetworkAdapter", {"VMName": "m", "Name": "second"}),
    ("Connect-VMNetworkAdapter", {"VMName": "m", "Name": "second", "SwitchName": "vswitch"}),
    ("Stop-VM", {"Name": "m", "Save": True}),
    ("Remove-VMSavedState", {"Name": "m"}),
    ("Export-VM", {"Name": "m", "Path": "{place}"}),
    ("Rename-VM", {"Name": "m", "NewName": "n"}),
    ("Import-VM", {"Path": "{place}/m", "Copy": True, "GenerateNewId": True, "VhdDestinationPath": "{place}/copies"}),
    ("Remove-VM", {"Name": "m", "Force": True}),
    ("Start-VM", {"Name": "n"}),
    ("Stop-VM", {"Name": "n", "TurnOff": True}),
    ("Remove-VMNetworkAdapter", {"VMName": "n", "Name": "second"}),
    ("Remove-VMHardDiskDrive", {"VMName": "n", "ControllerType": "SCSI", "ControllerNumber": 0, "ControllerLocation": 5}),
    ("Remove-VMDvdDrive", {"VMName": "n", "ControllerNumber": 0, "ControllerLocation": 1}),
    ("Reset-VMResourceMetering", {"VMName": "n"}),
    ("Disable-VMResourceMetering", {"VMName": "n"}),
    ("Remove-VM", {"Name": "n", "Force": True}),
    ("Import-VM", {"Path": "{place}/m"}),
    ("Import-VM", {"Domain": "d"}),
    ("Set-VMBios", {"VMName": "d", "StartupOrder": ["IDE", "CD"]}),
    ("Add-VMNetworkAdapter", {"VMName": "s", "Name": "more", "SwitchName": "vswitch"}),
    ("Set-VMNetworkAdapter", {"VMName": "s", "Name": "more", "VirtualSubnetId": 5010}),
    ("Set-VMMemory", {"VMName": "s", "StartupBytes": "224MB"}),
    ("Remove-VMNetworkAdapter", {"VMName": "s", "Name": "more"}),
]
DOMAIN = """<domain type='qemu'><name>d</name><memory unit='MiB'>64</memory><os><type arch='x86_64' machine='pc'>hvm</type></os>
<features><acpi/><apic/></features></domain>"""
ID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}")
ADDRESSED = "ip link set eth0 up; ip addr add 10.1.0.5/24 dev eth0; echo guest: up"


class Worker(Machines):
    """A host with the machine "s", which runs all the time, and a namespace guest that asks it."""

    def __init__(self, lab, label):
        super().__init__(lab.namespace(label), "host")
        image = Image(lab, BUILD_DIR)
        self.place = lab.path(f"{label}-place")
        self.values = {"place": self.place, "kernel": image.kernel}
        os.mkdir(self.place)
        for name, content in (("disk.img", bytes(1 << 20)), ("dvd.iso", bytes(1 << 20)), ("large.img", os.urandom(32 << 20)),
                              ("user-data", b"#cloud-config\n")):
            with open(os.path.join(self.place, name), "wb") as file:
                file.write(content)
        with open(os.path.join(self.place, "domain"), "w", encoding="ascii") as file:
            file.write(DOMAIN)
        self.libvirt.virsh("define", file.name)
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

    def objects(self):
        """Of all machines, and all their files; as they are, when nothing is under way any more. Without what is new in every run."""
        found = [self.do(getter, **({"All": True} if "Network" in getter else {"VMName": "*"} if getter != "Get-VM" else {}))
                 for getter in GETTERS]
        found += [self.do("Get-VMFirmware" if vm["Generation"] == 2 else "Get-VMBios", VMName=vm["Name"]) for vm in found[0]
                  if vm["Engine"] == "Qemu"]
        found += self.do("Get-VHD", Path=f"{self.place}/new.qcow2") if os.path.exists(f"{self.place}/new.qcow2") else []
        found = prune(found, UNREPEATABLE | {"MemoryDemand", "IPAddresses", "Status", "FileSize"})
        text = json.dumps([*found, self.files(self.place), self.files(self.daemon.state_dir)])
        text = text.replace(self.place, "PLACE").replace(self.daemon.state_dir, "STATE")
        return json.loads(ID.sub("ID", text))

    @staticmethod
    def files(top):
        """Of images, exports and machines; what consoles and the store write is there when it is."""
        found = (os.path.relpath(os.path.join(where, name), top) for where, _, names in os.walk(top) for name in names)
        return sorted(ID.sub("ID", name) for name in found if not name.endswith(".log") and not name.startswith("nestor.db"))

    def quiet(self):
        """Wait until everything is as it is wanted."""
        def done():
            account = hang_up(self.daemon)
            return account["lastWrites"] == account["failures"] == health(self.daemon)["machines"]["busy"] == 0
        wait_for(lambda: (self.find_again() or done()) and done() and self.memory_is_there(), SECONDS, "nothing to be left to do",
                 lambda: "\n".join([str(health(self.daemon)), *(str((vm["Name"], vm["State"], vm["Status"], vm["MemoryAssigned"])) for vm in self.do("Get-VM")),
                                    *(line for line in self.daemon.log().splitlines() if not line.startswith("<6>"))][-20:]))

    def find_again(self):
        """What libvirt has lost is said to be lost, and comes back by what docs/operations.md says."""
        lost = lost_by_libvirt(self.libvirt)
        if lost and any("libvirt died over its start" in vm["Status"] for vm in self.do("Get-VM")):
            find_again(self, lost)

    def memory_is_there(self):
        s = self.vm("s")
        return s["MemoryAssigned"] == s["MemoryStartup"]

    def assert_whole(self, step):
        """libvirt, the kernel and the disk hold what the machines need, and nothing else."""
        machines = [vm for vm in self.do("Get-VM") if vm["Engine"] == "Qemu"]
        on = [vm for vm in machines if vm["State"] in ("Running", "Paused")]
        assert self.libvirt.domains() == {"d": "shut off"} | {vm["Name"]: DOMAIN_STATES[vm["State"]] for vm in machines}, step
        assert len(self.libvirt.machines()) == len(on) and self.process_of_s <= self.libvirt.machines(), step
        ports = {vm["Name"]: {a["PortName"] for a in self.do("Get-VMNetworkAdapter", VMName=vm["Name"])} for vm in on}
        assert {name: attached(self, name) for name in ports} == ports, step
        assert taps(self) == set().union(*ports.values()), step
        saved = {os.path.basename(name)[:-len(".save")] for name in glob.glob(self.libvirt.path("lib/qemu/save/*.save"))}
        assert saved == {vm["Name"] for vm in machines if vm["State"] == "Saved"}, step
        owners = {x["Id"] for x in (*machines, *self.do("Get-VMSnapshot", VMName="*"))}
        assert {name.partition(".")[0] for name in os.listdir(os.path.join(self.daemon.state_dir, "machines"))} <= owners, step
        assert programs(self.ns) == {} and os.listdir(os.path.join(self.daemon.state_dir, "unfinished")) == [], step
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
