# SPDX-License-Identifier: Apache-2.0
"""QEMU as another user than root, as Debian's libvirt has it: what a machine needs is opened by it or handed to it, or named."""

import os
import pwd
import shutil
import stat

import pytest

from kit import wait_for
from support import health
from test_checkpoints import COUNT, READY, current, disk, snapshots
from test_machines import one_host, refusal

pytestmark = pytest.mark.slow

USER = "libvirt-qemu"


@pytest.fixture(scope="module", name="net")
def _net():
    with one_host(qemu_user=USER, disks=True) as net:
        # libvirt gives QEMU what it boots, too.
        net.image.kernel = shutil.copy(net.image.kernel, net.lab.path("vmlinuz"))
        for path in (net.image.kernel, net.image.initrd):
            os.chmod(path, 0o600)
        net.disks = net.lab.path("disks")
        os.mkdir(net.disks, 0o711)
        yield net


@pytest.fixture(autouse=True)
def _alone(net):
    yield
    for vm in net.do("Get-VM"):
        if vm["State"] == "Saved":
            net.do("Remove-VMSavedState", Name=vm["Name"])
        elif vm["State"] != "Off":
            net.do("Stop-VM", Name=vm["Name"], TurnOff=True)
        net.do("Remove-VM", Name=vm["Name"], Force=True)


def users_of_qemu(net):
    found = set()
    for pid in net.libvirt.machines():
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            found.add(int(next(line for line in file if line.startswith("Uid:")).split()[2]))
    return found


def iso(path, text):
    """As much of a DVD as a guest reads without mounting it."""
    with open(path, "wb") as file:
        file.write(text.encode().ljust(2 << 20, b"\0"))
    os.chmod(path, 0o600)
    return path


def private(net, name):
    path = net.lab.path(name)
    os.mkdir(path, 0o700)
    return path


def wait_on(net, vm, said):
    wait_for(lambda: "guest: count" in net.console(vm)[said:], 60, "it to go on", lambda: net.console(vm)[said:] + net.daemon.log_tail())


def test_a_life(net):
    """Disks that the daemon made, a DVD, cloud-init's, the console; kept, saved, restored and merged. All files are root's alone."""
    seed = net.lab.path("user-data")
    with open(seed, "w", encoding="utf-8") as file:
        file.write("#cloud-config\n")
    os.chmod(seed, 0o600)
    look = "for d in sr0 sr1; do dd if=/dev/$d bs=2048 count=64 skip=0 2>/dev/null | strings | grep -m1 -e medium -e CD001 | sed s/^/guest:\\ dvd\\ /; done; "
    net.make("u", net.image, READY + look + COUNT, start=False, NewVHDPath="u.qcow2", NewVHDSizeBytes="8MB", UserDataPath=seed)
    root = current(net, "u")[0]
    assert os.stat(root).st_mode & 0o777 == 0o600
    net.do("Add-VMDvdDrive", VMName="u", Path=iso(os.path.join(net.disks, "m.iso"), "medium one"))
    net.do("Set-VM", Name="u", CheckpointType="Standard")
    net.do("Start-VM", Name="u")
    net.wait_console("u", "guest: count 2\n")
    assert users_of_qemu(net) == {pwd.getpwnam(USER).pw_uid}
    assert sorted(line for line in net.console("u").split("\n") if line.startswith("guest: dvd")) == ["guest: dvd CD001", "guest: dvd medium one"]
    # while it runs
    net.do("Add-VMHardDiskDrive", VMName="u", Path=disk(net, "more.img"), ControllerType="SCSI")
    net.do("Set-VMDvdDrive", VMName="u", Path=iso(os.path.join(net.disks, "n.iso"), "medium two"))
    net.do("Checkpoint-VM", Name="u", SnapshotName="1")
    net.do("Checkpoint-VM", Name="u", SnapshotName="2")
    net.do("Save-VM", Name="u")
    said = len(net.console("u"))
    net.do("Start-VM", Name="u")
    wait_on(net, "u", said)
    net.do("Restore-VMSnapshot", Name="1", VMName="u")
    assert net.vm("u")["State"] == "Saved"
    said = len(net.console("u"))
    net.do("Start-VM", Name="u")
    wait_on(net, "u", said)
    assert "guest: count 1\n" not in net.console("u")[said:]
    net.do("Remove-VMSnapshot", VMName="u", Name="*")
    wait_for(lambda: current(net, "u")[0] == root, 60, "the merge", net.daemon.log_tail)
    said = len(net.console("u"))
    wait_on(net, "u", said)
    net.do("Stop-VM", Name="u", TurnOff=True)
    # what is made while it is off, by the daemon's own user
    net.do("Checkpoint-VM", Name="u", SnapshotName="off")
    net.do("Start-VM", Name="u")
    wait_on(net, "u", len(net.console("u")))
    net.do("Stop-VM", Name="u", TurnOff=True)
    net.do("Remove-VMSnapshot", VMName="u", Name="*")
    wait_for(lambda: current(net, "u")[0] == root, 60, "the merge", net.daemon.log_tail)
    assert health(net.daemon)["reconcile"]["failures"] == 0


def test_uefi(net):
    """Its variables are libvirt's to make."""
    net.do("New-VM", Name="f", Generation=2, MemoryStartupBytes="256MB", VHDPath=disk(net, "f.qcow2"))
    net.do("Set-VMFirmware", VMName="f", EnableSecureBoot="Off")
    net.do("Start-VM", Name="f")
    assert net.vm("f")["State"] == "Running" and users_of_qemu(net) == {pwd.getpwnam(USER).pw_uid}
    net.do("Stop-VM", Name="f", TurnOff=True)
    net.do("Start-VM", Name="f")
    assert net.vm("f")["State"] == "Running"


def test_what_may_not_be_opened_is_named(net):
    """A directory on the way that lets only root pass."""
    closed = private(net, "closed")
    kernel = shutil.copy(net.image.kernel, os.path.join(closed, "vmlinuz"))
    net.do("New-VM", Name="k", KernelPath=kernel)
    error = refusal(net, "Start-VM", Name="k")
    assert error["id"] == "Vm.FileDenied" and net.vm("k")["State"] == "Off", error
    shutil.copy(disk(net, "d.qcow2"), closed)
    net.do("New-VM", Name="d", VHDPath=os.path.join(closed, "d.qcow2"))
    error = refusal(net, "Start-VM", Name="d")
    assert error["id"] == "Vm.FileDenied" and net.vm("d")["State"] == "Off" and "d.qcow2" in error["message"], error
    net.make("r", net.image, READY + COUNT, start=False, VHDPath=disk(net, "r.qcow2"))
    net.do("Add-VMDvdDrive", VMName="r")
    net.do("Set-VM", Name="r", CheckpointType="Standard", SnapshotFileLocation=closed)
    net.do("Start-VM", Name="r")
    net.wait_console("r", "guest: count 1\n")
    before = current(net, "r")
    error = refusal(net, "Checkpoint-VM", Name="r")
    assert error["id"] == "Checkpoint.Failed" and "Permission denied" in error["message"], error
    assert (current(net, "r"), snapshots(net, "r"), sorted(os.listdir(closed))) == (before, [], ["d.qcow2", "vmlinuz"])
    wait_on(net, "r", len(net.console("r")))
    for cmdlet, parameters in (("Add-VMHardDiskDrive", {"Path": os.path.join(closed, "d.qcow2"), "ControllerType": "SCSI"}),
                               ("Set-VMDvdDrive", {"Path": iso(os.path.join(closed, "x.iso"), "x")})):
        error = refusal(net, cmdlet, VMName="r", **parameters)
        assert error["id"] == "Vm.FileDenied", error


def test_the_way_to_the_daemons_own_directories(net):
    """Anybody passes through what it makes, and the store is for its owner alone."""
    state = net.lab.path("fresh")
    daemon = net.ns.spawn(net.daemon.program("nestord"), "--state-dir", state, "--run-dir", net.lab.path("fresh-run"))
    wait_for(lambda: os.path.exists(net.lab.path("fresh-run/nestor.sock")), 15, "it to answer", lambda: str(daemon))
    daemon.stop()
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in (state, os.path.join(state, "nestor.db"))] == [0o711, 0o600]
    own = [os.path.join(net.daemon.state_dir, name) for name in ("disks", "machines")]
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in own] == [0o711, 0o711]
