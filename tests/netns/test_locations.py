# SPDX-License-Identifier: Apache-2.0
"""Where files of virtual machines lie: Set-VMHost, New-VM -Path, Set-VM -SnapshotFileLocation, and what may be such a place."""

import os
import shutil
import stat

import pytest

from kit import wait_for
from support import VOLATILE, prune
from test_checkpoints import COUNT, READY, current, disk, kind, reads, write
from test_machines import Machines, one_host, refusal

pytestmark = pytest.mark.slow

NOBODY = 65534


@pytest.fixture(scope="module", name="net")
def _net():
    with one_host(disks=True) as net:
        net.disks = net.lab.path("disks")
        os.mkdir(net.disks)
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
    net.do("Set-VMHost", VirtualHardDiskPath=None, VirtualMachinePath=None)


def directory(net, name, mode=0o755):
    path = net.lab.path(name)
    os.mkdir(path)
    os.chmod(path, mode)
    return path


def places(vm):
    assert (vm["Path"], vm["SnapshotFileLocation"]) == (vm["ConfigurationLocation"], vm["CheckpointFileLocation"])
    return vm["Path"], vm["SnapshotFileLocation"]


def made(net, **parameters):
    return places(net.do("New-VM", **parameters)[0])


def test_of_the_host(net):
    """Images that are named without a directory, and new machines; both survive a restart, and $null brings back the daemon's own."""
    own = os.path.join(net.daemon.state_dir, "disks"), os.path.join(net.daemon.state_dir, "machines")
    host = net.do("Get-VMHost")[0]
    assert (host["VirtualHardDiskPath"], host["VirtualMachinePath"]) == own
    assert made(net, Name="before") == (own[1], own[1])
    images, machines = directory(net, "images"), directory(net, "machines")
    host = net.do("Set-VMHost", VirtualHardDiskPath=images + "/", VirtualMachinePath=machines, PassThru=True)[0]
    assert (host["VirtualHardDiskPath"], host["VirtualMachinePath"]) == (images, machines)
    net.daemon.restart()
    of_a = os.path.join(machines, "a")
    assert made(net, Name="a", NewVHDPath="a.qcow2", NewVHDSizeBytes="8MB") == (of_a, of_a)
    assert stat.S_IMODE(os.stat(of_a).st_mode) == 0o711
    assert current(net, "a") == [os.path.join(images, "a.qcow2")]
    assert net.do("New-VHD", Path="b.img", SizeBytes="8MB")[0]["Path"] == os.path.join(images, "b.img")
    assert sorted(os.listdir(images)) == ["a.qcow2", "b.img"]
    odd = net.do("New-VM", Name="..b")[0]
    assert odd["Path"] == os.path.join(machines, odd["Id"])
    assert net.do("New-VM", Name="n", Engine="Namespace")[0]["Path"] is None
    assert places(net.vm("before")) == (own[1], own[1])
    net.do("Set-VMHost", VirtualMachinePath=None)
    host = net.do("Get-VMHost")[0]
    assert (host["VirtualHardDiskPath"], host["VirtualMachinePath"]) == (images, own[1])
    assert sorted(os.listdir(machines)) == sorted(["a", odd["Id"]])


def test_checkpoints_lie_where_they_are_told(net):
    """Memory in the machine's own directory and overlays beside their images; all of it in the place for checkpoints, once there is one."""
    base, place, root = directory(net, "base"), directory(net, "place"), disk(net, "c.qcow2")
    net.make("c", net.image, READY + COUNT, start=False, VHDPath=root, Path=base)
    own = os.path.join(base, "c")
    assert places(net.vm("c")) == (own, own)
    net.do("Set-VM", Name="c", CheckpointType="Standard")
    net.do("Start-VM", Name="c")
    net.wait_console("c", "guest: count 2\n")
    net.do("Checkpoint-VM", Name="c", SnapshotName="1")
    assert [name.rpartition(".")[2] for name in os.listdir(own)] == ["memory"] and os.path.dirname(current(net, "c")[0]) == net.disks
    net.do("Set-VM", Name="c", SnapshotFileLocation=place)
    assert places(net.vm("c")) == (own, place)
    net.do("Checkpoint-VM", Name="c", SnapshotName="2")
    assert sorted(name.rpartition(".")[2] for name in os.listdir(place)) == ["memory", "qcow2"]
    assert os.path.dirname(current(net, "c")[0]) == place and len(os.listdir(own)) == 1
    # what was kept says another place: a machine stays where it is
    net.do("Restore-VMSnapshot", Name="1", VMName="c")
    assert places(net.vm("c")) == (own, place) and os.path.dirname(current(net, "c")[0]) == place
    said = len(net.console("c"))
    net.do("Start-VM", Name="c")
    wait_for(lambda: "guest: count" in net.console("c")[said:], 60, "it to go on", lambda: net.console("c")[said:])
    net.do("Remove-VMSnapshot", VMName="c", Name="*")
    wait_for(lambda: current(net, "c") == [root], 60, "the merge", net.daemon.log_tail)
    wait_for(lambda: os.listdir(place) == [] and os.listdir(own) == [], 10, "the files to be gone", lambda: str(os.listdir(place)))
    net.do("Set-VM", Name="c", SnapshotFileLocation="")
    assert places(net.vm("c")) == (own, own)


def test_exported_and_imported(net):
    """An exported machine brings no places along; those are said where it goes to."""
    place, exports, new, images = (directory(net, name) for name in ("x-place", "x-exports", "x-new", "x-images"))
    net.do("New-VM", Name="e", VHDPath=disk(net, "e.img", "e"), Path=place)
    net.do("Set-VM", Name="e", SnapshotFileLocation=place)
    net.do("Checkpoint-VM", Name="e")
    write(current(net, "e")[0], "f")
    net.do("Export-VM", Name="e", Path=exports)
    net.do("Remove-VM", Name="e", Force=True)
    wait_for(lambda: os.listdir(place) == ["e"], 10, "the checkpoint's files to be gone", lambda: str(os.listdir(place)))
    with open(os.path.join(exports, "e", "Virtual Machines", os.listdir(os.path.join(exports, "e", "Virtual Machines"))[0]), encoding="utf-8") as file:
        assert place not in file.read()
    own = os.path.join(net.daemon.state_dir, "machines")
    path = os.path.join(exports, "e")
    net.do("Set-VMHost", VirtualHardDiskPath=images)
    one = net.do("Import-VM", Path=path, Copy=True, GenerateNewId=True, VirtualMachinePath=new, SnapshotFilePath=place)[0]
    overlay, base = one["HardDrives"][0]["Path"], os.path.join(images, "e.img")
    assert places(one) == (new, place) and sorted(os.listdir(images)) == sorted(["e.img", os.path.basename(overlay)])
    assert os.path.dirname(overlay) == images and reads(overlay, "f") and reads(base, "e") and kind("e.img") == "raw"
    net.do("Remove-VMSnapshot", VMName="e")
    wait_for(lambda: current(net, "e") == [base], 10, "the checkpoint to be merged")
    assert reads(base, "f") and os.listdir(images) == ["e.img"]
    net.do("Remove-VM", Name="e", Force=True)
    # what is imported in place is the machine's from then on, and goes with it
    shutil.copytree(path, path + "-again")
    assert places(net.do("Import-VM", Path=path)[0]) == (own, own)
    net.do("Remove-VM", Name="e", Force=True)
    net.do("Set-VMHost", VirtualMachinePath=new)
    assert places(net.do("Import-VM", Path=path + "-again")[0]) == (os.path.join(new, "e"),) * 2


def test_what_is_no_place(net):
    """Named by id, and nothing has changed."""
    good, theirs, shared, open_to_all = (directory(net, name, mode) for name, mode in (
        ("good", 0o755), ("theirs", 0o755), ("shared", 0o1777), ("open", 0o777)))
    os.chown(theirs, NOBODY, NOBODY)
    below = os.path.join(open_to_all, "below")
    os.mkdir(below)
    group = directory(net, "group", 0o775)
    os.chown(group, 0, NOBODY)
    file = os.path.join(good, "file")
    os.mknod(file)
    link = os.path.join(good, "link")
    os.symlink(theirs, link)
    net.do("New-VM", Name="w")
    before = net.do("Get-VM"), net.do("Get-VMHost"), os.listdir(good)
    for path, error in (("here", "Vm.PathInvalid"), ("/" + "x" * 300, "Location.NotFound"), ("/a\nb", "Vm.PathInvalid"),
                        (os.path.join(good, "gone"), "Location.NotFound"), (file, "Location.NotFound"), (theirs, "Location.Unsafe"),
                        (shared, "Location.Unsafe"), (open_to_all, "Location.Unsafe"), (below, "Location.Unsafe"), (group, "Location.Unsafe"),
                        (link, "Location.Unsafe")):
        for cmdlet, parameters in (("Set-VMHost", {"VirtualHardDiskPath": path}), ("Set-VMHost", {"VirtualMachinePath": path}),
                                   ("New-VM", {"Name": "new", "Path": path}), ("Set-VM", {"Name": "w", "SnapshotFileLocation": path})):
            assert refusal(net, cmdlet, **parameters)["id"] == error, (cmdlet, path)
    os.symlink("/nowhere", os.path.join(good, "new"))
    assert refusal(net, "New-VM", Name="new", Path=good)["id"] == "Location.NotFound"
    os.unlink(os.path.join(good, "new"))
    after = net.do("Get-VM"), net.do("Get-VMHost"), os.listdir(good)
    assert prune(list(after), VOLATILE) == prune(list(before), VOLATILE)
    # a link of the administrator's own is followed once
    os.symlink(good, os.path.join(good, "alias"))
    assert made(net, Name="l", Path=os.path.join(good, "alias")) == (os.path.join(good, "l"),) * 2


def test_a_place_that_vanishes(net):
    """It is not made anew: what was meant is perhaps not mounted."""
    images, place = directory(net, "v-images"), directory(net, "v-place")
    net.do("Set-VMHost", VirtualHardDiskPath=images, VirtualMachinePath=place)
    net.do("New-VM", Name="v", VHDPath=disk(net, "v.qcow2"))
    net.do("Set-VM", Name="v", SnapshotFileLocation=place)
    net.do("Checkpoint-VM", Name="v", SnapshotName="1")
    os.rename(images, images + ".away")
    os.rename(place, place + ".away")
    before = net.do("Get-VM", Name="v"), net.do("Get-VMSnapshot", VMName="v")
    for cmdlet, parameters in (("Checkpoint-VM", {"Name": "v"}), ("Restore-VMSnapshot", {"Name": "1", "VMName": "v"}), ("New-VM", {"Name": "new"}),
                               ("New-VHD", {"Path": "n.qcow2", "SizeBytes": "8MB"}),
                               ("New-VM", {"Name": "new", "NewVHDPath": "n.qcow2", "NewVHDSizeBytes": "8MB"})):
        assert refusal(net, cmdlet, **parameters)["id"] == "Location.NotFound", cmdlet
    assert not os.path.exists(images) and not os.path.exists(place)
    os.rename(images + ".away", images)
    os.rename(place + ".away", place)
    assert prune([net.do("Get-VM", Name="v"), net.do("Get-VMSnapshot", VMName="v")], VOLATILE) == prune(list(before), VOLATILE)
    net.do("Restore-VMSnapshot", Name="1", VMName="v")
    assert os.path.dirname(current(net, "v")[0]) == place
