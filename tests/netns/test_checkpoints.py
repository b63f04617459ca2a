# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of real machines: their disks, their memory, their configuration, and what becomes of the images."""

import glob
import os

import pytest

from kit import START_AGENT, Image, Lab, run, underlay, wait_for
from support import BUILD_DIR, VOLATILE, assert_settled, health, prune
from test_machines import Machines, refusal
from test_what_if import CHECKPOINT_LINES

pytestmark = pytest.mark.slow

COUNT = "i=0; while :; do i=$((i+1)); echo guest: count $i; echo $i | dd of=/dev/sda conv=sync,notrunc bs=512 oflag=direct 2>/dev/null; sleep 1; done"
READY = "for i in $(seq 50); do [ -e /dev/sda ] && break; usleep 200000; done; "


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        ns, outside = lab.namespaces("host1", "outside")
        underlay.veth(ns, outside)
        small = lab.small_disk("4608k")
        net = Machines(ns, "host1")
        net.small = small
        net.small_mount = lambda options: net.ns.run("mount", "-o", options, small)
        net.switch()
        net.image = Image(lab, BUILD_DIR, disks=True)
        net.disks = lab.path("disks")
        os.mkdir(net.disks)
        yield net
        assert_settled(net.daemon)


@pytest.fixture(scope="module", name="agent")
def _agent(net):
    return Image(net.ns.lab, BUILD_DIR, disks=True, agent=True)


@pytest.fixture(autouse=True)
def _alone(net):
    yield
    for vm in net.do("Get-VM"):
        if vm["State"] == "Saved":
            net.do("Remove-VMSavedState", Name=vm["Name"])
        elif vm["State"] != "Off":
            net.do("Stop-VM", Name=vm["Name"], TurnOff=True)
        net.do("Remove-VM", Name=vm["Name"], Force=True)
    assert net.libvirt.domains() == {}
    for name in os.listdir(net.disks):
        os.unlink(os.path.join(net.disks, name))


def disk(net, name, text=None):
    path = os.path.join(net.disks, name)
    run("qemu-img", "create", "-q", "-f", "qcow2" if name.endswith("qcow2") else "raw", path, "8M")
    if text:
        write(path, text)
    return path


def kind(path):
    return "qcow2" if path.endswith("qcow2") else "raw"


def write(path, letter):
    run("qemu-io", "-f", kind(path), "-c", f"write -P {ord(letter)} 0 64k", path)


def reads(path, letter):
    """Does the image begin with this letter?"""
    out = run("qemu-io", "-r", "-U", "-f", kind(path), "-c", f"read -P {ord(letter)} 0 64k", path, check=False)
    return out.code == 0 and "verification failed" not in out.out


def current(net, vm):
    return [d["Path"] for d in net.do("Get-VMHardDiskDrive", VMName=vm)]


def snapshots(net, vm):
    return [s["Name"] for s in net.do("Get-VMSnapshot", VMName=vm)]


def files(net):
    return sorted(os.listdir(net.disks))


def memory_files(net):
    return glob.glob(os.path.join(net.daemon.state_dir, "machines", "*.memory"))


def spawn(net, *words):
    """A cmdlet whose answer nobody waits for."""
    return net.ns.spawn(net.daemon.program("nestor"), "--host", net.daemon.socket, *words)


def children(net):
    """Programs that the daemon runs."""
    found = []
    for task in glob.glob(f"/proc/{net.daemon.pid}/task/*/children"):
        with open(task, encoding="ascii") as file:
            found += file.read().split()
    return found


def test_off(net):
    """Configuration and disks come back; removing merges what was written since, to the image that was there first."""
    root = disk(net, "a.img", "a")
    net.do("New-VM", Name="o", VHDPath=root, SwitchName="vswitch")
    before = prune(net.do("Get-VM", Name="o"), VOLATILE)[0]
    net.do("Checkpoint-VM", Name="o", SnapshotName="first")
    one = current(net, "o")[0]
    assert one != root and os.path.dirname(one) == net.disks
    vm = net.vm("o")
    assert (vm["ParentCheckpointName"], snapshots(net, "o")) == ("first", ["first"])
    write(one, "b")
    assert reads(one, "b") and reads(root, "a")
    net.do("Set-VM", Name="o", ProcessorCount=3, NewVMName="renamed")
    net.do("Checkpoint-VM", Name="renamed", SnapshotName="second")
    two = current(net, "renamed")[0]
    write(two, "c")
    # back to the first: what came after is another branch
    net.do("Restore-VMSnapshot", Name="first", VMName="renamed")
    back = current(net, "renamed")[0]
    assert back not in (root, one, two) and reads(back, "a") and not os.path.exists(two)
    vm = net.vm("renamed")
    assert (vm["ProcessorCount"], vm["ParentCheckpointName"], vm["State"]) == (before["ProcessorCount"], "first", "Off")
    write(back, "d")
    net.do("Restore-VMSnapshot", Name="second", VMName="renamed")
    assert reads(current(net, "renamed")[0], "b") and net.vm("renamed")["ProcessorCount"] == 3 and not os.path.exists(back)
    net.do("Remove-VMSnapshot", VMName="renamed", Name="first")
    assert snapshots(net, "renamed") == ["second"] and reads(current(net, "renamed")[0], "b")
    assert net.do("Get-VMSnapshot", VMName="renamed")[0]["ParentSnapshotName"] is None
    write(current(net, "renamed")[0], "e")
    net.do("Remove-VMSnapshot", VMName="renamed")
    assert current(net, "renamed") == [root] and files(net) == ["a.img"] and reads(root, "e")
    assert net.vm("renamed")["ParentCheckpointId"] is None


def test_running_with_memory(net):
    """Standard: the guest goes on where it was when the checkpoint was taken, memory and disk alike; restored as Saved."""
    root = disk(net, "c.qcow2")
    net.make("r", net.image, READY + COUNT, start=False, VHDPath=root)
    net.do("Set-VM", Name="r", CheckpointType="Standard")
    net.do("Start-VM", Name="r")
    net.wait_console("r", "guest: count 2\n")
    machines = net.libvirt.machines()
    made = net.do("Checkpoint-VM", Name="r", SnapshotName="here", PassThru=True)[0]
    assert (made["State"], made["CheckpointType"], len(memory_files(net))) == ("Saved", "Standard", 1)
    at = net.console("r").count("guest: count")
    assert net.libvirt.machines() == machines and net.vm("r")["State"] == "Running"
    net.wait_console("r", f"guest: count {at + 3}\n")
    net.do("Restore-VMSnapshot", Name="here", VMName="r")
    assert net.vm("r")["State"] == "Saved"
    said = len(net.console("r"))
    net.do("Start-VM", Name="r")
    wait_for(lambda: f"guest: count {at + 2}\n" in net.console("r")[said:], 60, "it to go on", lambda: net.console("r")[said:])
    assert "guest: count 1\n" not in net.console("r")[said:]
    # merged while it runs, and the guest does not notice
    net.do("Remove-VMSnapshot", VMName="r", Name="here")
    assert current(net, "r") == [root] and files(net) == ["c.qcow2"] and memory_files(net) == []
    assert net.vm("r")["State"] == "Running"
    seen = net.console("r").count("guest: count")
    wait_for(lambda: net.console("r").count("guest: count") > seen + 1, 30, "it to count on", lambda: net.console("r")[said:])


def test_the_older_of_two_is_merged_while_it_runs(net):
    """An image between two others goes: QEMU merges it below what the guest writes to."""
    root = disk(net, "m.qcow2")
    net.make("m", net.image, READY + COUNT, start=False, VHDPath=root)
    net.do("Set-VM", Name="m", CheckpointType="Standard")
    net.do("Checkpoint-VM", Name="m", SnapshotName="1")
    net.do("Start-VM", Name="m")
    net.wait_console("m", "guest: count 2\n")
    net.do("Checkpoint-VM", Name="m", SnapshotName="2")
    assert len(files(net)) == 3
    net.do("Remove-VMSnapshot", VMName="m", Name="1")
    assert len(files(net)) == 2 and net.vm("m")["State"] == "Running"
    said = len(net.console("m"))
    net.do("Restore-VMSnapshot", Name="2", VMName="m")
    net.do("Start-VM", Name="m")
    wait_for(lambda: "guest: count" in net.console("m")[said:], 60, "it to go on", lambda: net.console("m")[said:])
    assert "guest: count 1\n" not in net.console("m")[said:]
    net.do("Stop-VM", Name="m", TurnOff=True)
    net.do("Remove-VM", Name="m", Force=True)
    assert files(net) == ["m.qcow2"] and memory_files(net) == []


def test_without_disks_and_with_extensions(net):
    """NV-11: memory alone; a machine that shows virtualization extensions is kept like any other."""
    net.make("n", net.image, "i=0; while :; do i=$((i+1)); echo guest: count $i; sleep 1; done", start=False)
    net.do("Set-VMProcessor", VMName="n", ExposeVirtualizationExtensions=True)
    net.do("Start-VM", Name="n")
    net.wait_console("n", "guest: count 2\n")
    net.do("Suspend-VM", Name="n")
    net.do("Checkpoint-VM", Name="n")
    made = net.do("Get-VMSnapshot", VMName="n")[0]
    assert made["Name"].startswith("n - (20") and made["State"] == "Saved"
    assert (net.vm("n")["State"], net.libvirt.domains()["n"]) == ("Paused", "paused")
    net.do("Stop-VM", Name="n", TurnOff=True)
    said = len(net.console("n"))
    net.do("Restore-VMSnapshot", VMSnapshot=made)
    net.do("Start-VM", Name="n")
    wait_for(lambda: "guest: count" in net.console("n")[said:], 60, "it to go on", lambda: net.console("n")[said:])
    assert "guest: count 1\n" not in net.console("n")[said:]
    checks = {c["Check"]: c["Result"] for c in net.do("Test-VMNestedVirtualization", VMName="n")}
    assert checks["ParentCheckpoint"] == "Warning"


def test_production(net, agent):
    """Without memory where the guest's agent makes it hold still; without an agent with it, or not at all."""
    net.make("p", agent, START_AGENT + READY + COUNT, start=False, VHDPath=disk(net, "p.qcow2"))
    net.make("q", net.image, READY + COUNT, start=False, VHDPath=disk(net, "q.qcow2"))
    for name in "pq":
        net.do("Set-VM", Name=name, CheckpointType="ProductionOnly")
        net.do("Start-VM", Name=name)
        net.wait_console(name, "guest: count 1\n")
    wait_for(lambda: net.vm("p")["Heartbeat"].startswith("Ok"), 60, "the agent", net.daemon.log_tail)
    net.do("Checkpoint-VM", Name="p", SnapshotName="quiet")
    made = net.do("Get-VMSnapshot", VMName="p")[0]
    assert (made["State"], made["CheckpointType"], memory_files(net)) == ("Off", "Production", [])
    before = current(net, "q"), files(net)
    error = refusal(net, "Checkpoint-VM", Name="q")
    assert error["id"] == "Checkpoint.Failed" and "agent" in error["message"]
    assert (current(net, "q"), files(net), snapshots(net, "q")) == (*before, [])
    net.do("Set-VM", Name="q", CheckpointType="Production")
    net.do("Checkpoint-VM", Name="q", SnapshotName="fell back")
    assert net.do("Get-VMSnapshot", VMName="q")[0]["CheckpointType"] == "Standard"
    net.do("Restore-VMSnapshot", Name="quiet", VMName="p")
    assert (net.vm("p")["State"], net.libvirt.domains()["p"]) == ("Off", "shut off")


def test_refusals(net):
    net.do("New-VM", Name="k", VHDPath=disk(net, "k.qcow2"))
    net.do("Set-VM", Name="k", CheckpointType="Disabled")
    assert refusal(net, "Checkpoint-VM", Name="k")["id"] == "Checkpoint.Disabled"
    net.do("Set-VM", Name="k", CheckpointType="Production")
    for name, error in (("x" * 101, "InvalidName"), (" x", "InvalidName"), ("", "ParameterArgumentValidationErrorEmptyStringNotAllowed")):
        assert refusal(net, "Checkpoint-VM", Name="k", SnapshotName=name)["id"] == error
    assert refusal(net, "Restore-VMSnapshot", Name="no", VMName="k")["id"] == "InvalidParameter"
    net.do("Checkpoint-VM", Name="k", SnapshotName="c")
    before = net.do("Get-VM"), net.do("Get-VMSnapshot", VMName="*"), files(net)
    for line in CHECKPOINT_LINES:
        assert "What if: " in net.daemon.pipeline(f"{line} -WhatIf").out
    after = net.do("Get-VM"), net.do("Get-VMSnapshot", VMName="*"), files(net)
    assert prune(list(after), VOLATILE) == prune(list(before), VOLATILE)
    assert "c" in net.daemon.pipeline("Get-VMCheckpoint k").out
    # an image that is gone: nothing of the checkpoint is left
    net.do("New-VM", Name="gone", VHDPath=disk(net, "gone.qcow2"))
    os.unlink(os.path.join(net.disks, "gone.qcow2"))
    error = refusal(net, "Checkpoint-VM", Name="gone")
    assert error["id"] == "Checkpoint.Failed" and "gone.qcow2" in error["message"]
    assert snapshots(net, "gone") == [] and current(net, "gone") == [os.path.join(net.disks, "gone.qcow2")]
    assert health(net.daemon)["reconcile"]["failures"] == 0


def test_a_full_disk_while_merging(net):
    """Nothing is lost, and it goes on when there is room."""
    root = os.path.join(net.small, "f.img")
    run("truncate", "-s", "8M", root)
    net.do("New-VM", Name="f", VHDPath=root)
    net.do("Checkpoint-VM", Name="f", SnapshotName="1")
    write(current(net, "f")[0], "z")
    run("qemu-io", "-f", "qcow2", "-c", "write -P 1 1M 3M", current(net, "f")[0])
    error = refusal(net, "Remove-VMSnapshot", VMName="f")
    assert error["id"] == "Checkpoint.MergeFailed" and reads(current(net, "f")[0], "z")
    net.small_mount("remount,size=32M")
    net.do("Set-VM", Name="f", Notes="tried again with the next round")
    wait_for(lambda: current(net, "f") == [root], 60, "the merge", net.daemon.log_tail)
    wait_for(lambda: os.listdir(net.small) == ["f.img"], 10, "the overlay to be gone")
    assert reads(root, "z")


def goes_on(net, vm):
    count = net.console(vm).count("guest: count")
    wait_for(lambda: net.console(vm).count("guest: count") > count, 30, f"{vm} to go on", lambda: net.console(vm) + net.daemon.log_tail())


def test_no_room_for_the_memory(net):
    """A checkpoint that does not fit is none, and the machine goes on as before; so it does where its saved state does not fit."""
    root = disk(net, "t.qcow2")
    net.make("t", net.image, "i=0; while :; do i=$((i+1)); echo guest: count $i; sleep 1; done", start=False, VHDPath=root)
    os.chmod(net.small, 0o700)
    net.do("Set-VM", Name="t", CheckpointType="Standard", SnapshotFileLocation=net.small)
    net.do("Start-VM", Name="t")
    net.wait_console("t", "guest: count 2\n")
    before = files(net), sorted(os.listdir(net.small)), net.libvirt.machines()
    error = refusal(net, "Checkpoint-VM", Name="t")
    assert error["id"] == "Checkpoint.Failed" and "No space left" in error["message"], error
    assert (files(net), sorted(os.listdir(net.small)), net.libvirt.machines()) == before
    assert (snapshots(net, "t"), net.vm("t")["State"], current(net, "t")) == ([], "Running", [root])
    goes_on(net, "t")
    saved = net.libvirt.path("lib/qemu/save")
    os.rename(saved, saved + ".away")
    os.symlink(net.small, saved)
    error = refusal(net, "Save-VM", Name="t")
    assert (error["id"], "could not be saved" in error["message"]) == ("Vhd.DiskFull", True), error
    assert (net.vm("t")["State"], net.vm("t")["Status"], net.libvirt.machines()) == ("Running", "Operating normally", before[2])
    goes_on(net, "t")
    net.do("Suspend-VM", Name="t")
    assert refusal(net, "Save-VM", Name="t")["id"] == "Vhd.DiskFull"
    assert (net.vm("t")["State"], net.libvirt.domains()["t"]) == ("Paused", "paused")
    net.do("Resume-VM", Name="t")
    os.unlink(saved)
    os.rename(saved + ".away", saved)
    assert sorted(os.listdir(net.small)) == before[1]


def test_paused_and_kept(net):
    """QEMU writes the memory of a paused machine once: what wants it again is refused by name, and the machine is as it was."""
    root = disk(net, "k.qcow2")
    net.make("k", net.image, READY + COUNT, start=False, VHDPath=root)
    net.do("Set-VM", Name="k", CheckpointType="Standard")
    net.do("Start-VM", Name="k")
    net.wait_console("k", "guest: count 2\n")
    net.do("Suspend-VM", Name="k")
    net.do("Checkpoint-VM", Name="k", SnapshotName="1")
    assert refusal(net, "Save-VM", Name="k")["id"] == "Vm.MemoryWritten"
    assert (net.vm("k")["State"], net.libvirt.domains()["k"]) == ("Paused", "paused")
    net.do("Resume-VM", Name="k")
    goes_on(net, "k")
    net.do("Save-VM", Name="k")
    assert net.vm("k")["State"] == "Saved"
    net.do("Remove-VMSavedState", Name="k")


def test_killed_in_the_middle(net):
    """Each time a restarted daemon finishes what the documents say, or nothing of it is left."""
    root = disk(net, "x.qcow2")
    net.make("x", net.image, READY + COUNT, start=False, VHDPath=root)
    net.do("Set-VM", Name="x", CheckpointType="Standard")
    net.do("Start-VM", Name="x")
    net.wait_console("x", "guest: count 2\n")
    spawn(net, "Checkpoint-VM", "x", "-SnapshotName", "1")
    wait_for(lambda: memory_files(net), 30, "the memory to be written")
    net.daemon.kill9()
    net.daemon.start()
    wait_for(lambda: current(net, "x") != [root], 60, "the checkpoint to be finished", net.daemon.log_tail)
    assert snapshots(net, "x") == ["1"] and len(files(net)) == 2 and len(memory_files(net)) == 1
    assert net.vm("x")["State"] == "Running"
    spawn(net, "Restore-VMSnapshot", "1", "x")
    wait_for(lambda: len(files(net)) == 3, 30, "the new overlay")
    net.daemon.kill9()
    net.daemon.start()
    wait_for(lambda: net.vm("x")["State"] == "Saved" and len(files(net)) == 2, 60, "it to be restored", net.daemon.log_tail)
    said = len(net.console("x"))
    net.do("Start-VM", Name="x")
    wait_for(lambda: "guest: count" in net.console("x")[said:], 60, "it to go on", lambda: net.console("x")[said:] + net.daemon.log_tail())
    assert "guest: count 1\n" not in net.console("x")[said:]
    net.do("Stop-VM", Name="x", TurnOff=True)
    run("qemu-io", "-f", "qcow2", "-c", "write -P 7 64k 7M", current(net, "x")[0])
    spawn(net, "Remove-VMSnapshot", "x")
    wait_for(lambda: children(net) or current(net, "x") == [root], 30, "the merge to begin")
    net.daemon.kill9()
    net.daemon.start()
    wait_for(lambda: current(net, "x") == [root] and files(net) == ["x.qcow2"], 60, "it to be merged", net.daemon.log_tail)
    assert snapshots(net, "x") == [] and memory_files(net) == []
    # 3: clusters that the merge which was cut short had taken are lost, and nothing else is
    assert run("qemu-img", "check", "-q", root, check=False).code in (0, 3)
