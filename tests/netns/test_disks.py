# SPDX-License-Identifier: Apache-2.0
"""Disks of virtual machines: images that guests really write to, DVDs, and what happens to them while a machine runs."""

import os

import pytest

from kit import CmdletError, Image, Lab, run, underlay, wait_for
from support import BUILD_DIR, assert_settled, hang_up
from test_machines import Machines

READY = "for i in $(seq 50); do {test} && break; usleep 200000; done\n"


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        ns, outside = lab.namespaces("host1", "outside")
        underlay.veth(ns, outside)
        net = Machines(ns, "host1")
        net.switch()
        net.image = Image(lab, BUILD_DIR, disks=True)
        net.disks = lab.path("disks")
        os.mkdir(net.disks)
        yield net
        assert_settled(net.daemon)


@pytest.fixture(autouse=True)
def _alone(net):
    yield
    for vm in net.do("Get-VM"):
        if vm["State"] != "Off":
            net.do("Stop-VM", Name=vm["Name"], TurnOff=True)
        net.do("Remove-VM", Name=vm["Name"], Force=True)
    assert net.libvirt.domains() == {}


def make_image(net, name, size="8M", kind=None, *more):
    path = os.path.join(net.disks, name)
    run("qemu-img", "create", "-q", "-f", kind or name.rpartition(".")[2], *more, path, size)
    return path


def make_iso(net, name, text):
    """As much of a DVD as a guest reads without mounting it."""
    path = os.path.join(net.disks, name)
    with open(path, "wb") as file:
        file.write(text.encode().ljust(2 << 20, b"\0"))
    return path


def refusal(net, cmdlet, **parameters):
    with pytest.raises(CmdletError) as caught:
        net.do(cmdlet, **parameters)
    return caught.value.answer["errors"][0]


def test_what_is_written_is_there_after_a_restart(net):
    """An IDE disk of each format that machines run from, and one on SCSI."""
    paths = [make_image(net, "a.qcow2"), make_image(net, "b.img", kind="raw"), make_image(net, "c.vhd", kind="vpc"), make_image(net, "d.raw")]
    script = "for d in sda sdb sdc sdd; do n=$(dd if=/dev/$d bs=16 count=1 2>/dev/null | tr -d '\\0'); echo guest: $d has [$n]\n" \
             "echo \"written$n\" | dd of=/dev/$d conv=sync,notrunc bs=16 oflag=direct 2>/dev/null || echo guest: no; done; sync; echo guest: synced"
    net.make("w", net.image, READY.format(test="[ -e /dev/sdd ]") + script, start=False)
    for path in paths:
        net.do("Add-VMHardDiskDrive", VMName="w", Path=path)
    drives = net.do("Get-VMHardDiskDrive", VMName="w")
    assert [(d["ControllerType"], d["ControllerNumber"], d["ControllerLocation"], d["Path"]) for d in drives] == [
        ("IDE", 0, 0, paths[0]), ("IDE", 0, 1, paths[1]), ("IDE", 1, 0, paths[2]), ("IDE", 1, 1, paths[3])]
    net.do("Set-VMHardDiskDrive", VMName="w", ControllerType="IDE", ControllerNumber=1, ControllerLocation=1, ToControllerType="SCSI",
           ToControllerNumber=2, ToControllerLocation=9)
    net.do("Start-VM", Name="w")
    net.wait_console("w", "guest: synced")
    for name in "abcd":
        assert f"guest: sd{name} has []" in net.console("w")
    net.do("Stop-VM", Name="w", TurnOff=True)
    net.daemon.restart()
    net.do("Start-VM", Name="w")
    for name in "abcd":
        net.wait_console("w", f"guest: sd{name} has [written")
    wait_for(lambda: net.console("w").count("guest: synced") == 2, 60, "the second round", lambda: net.console("w"))
    for path, kind in zip(paths, ("qcow2", "raw", "vpc", "raw")):
        out = net.disks + "/read"
        run("qemu-img", "convert", "-U", "-f", kind, "-O", "raw", path, out)
        with open(out, "rb") as file:
            assert file.read(17).startswith(b"writtenwritten\n"), path


def test_while_it_runs(net):
    """SCSI disks come and go, media change; what is there is not disturbed by a daemon that starts anew."""
    first, second, iso, other = make_image(net, "1.qcow2"), make_image(net, "2.qcow2"), make_iso(net, "1.iso", "one"), make_iso(net, "2.iso", "two")
    script = "old=; while :; do new=$(cd /sys/block; for d in sd*; do [ -e $d ] && echo -n \"$d:$(cat $d/device/vpd_pg80 2>/dev/null | tail -c 20) \"; done)\n" \
             "new=\"$new$(dd if=/dev/sr0 bs=2048 count=1 2>/dev/null | tr -d '\\0')\"\n" \
             "[ \"$new\" = \"$old\" ] || echo \"guest: has $new.\"; old=\"$new\"; usleep 300000; done"
    net.make("h", net.image, READY.format(test="[ -e /dev/sr0 ]") + script, start=False, VHDPath=first, Generation=2)
    net.do("Add-VMDvdDrive", VMName="h", Path=iso)
    net.do("Start-VM", Name="h")
    serial = net.do("Get-VMHardDiskDrive", VMName="h")[0]["Id"].replace("-", "")[:20]
    net.wait_console("h", f"guest: has sda:{serial} one.")
    before = net.libvirt.machines()
    net.do("Add-VMHardDiskDrive", VMName="h", Path=second, ControllerLocation=5)
    more = net.do("Get-VMHardDiskDrive", VMName="h", ControllerLocation=5)[0]["Id"].replace("-", "")[:20]
    net.wait_console("h", f"guest: has sda:{serial} sdb:{more} one.")
    net.do("Set-VMDvdDrive", VMName="h", Path=other)
    net.wait_console("h", f"guest: has sda:{serial} sdb:{more} two.")
    net.daemon.kill9()
    net.daemon.start()
    wait_for(lambda: net.vm("h")["State"] == "Running", 10, "the daemon to find the machine", net.daemon.log_tail)
    account = hang_up(net.daemon)
    assert (account["lastWrites"], account["failures"]) == (0, 0), net.daemon.log_tail()
    net.do("Remove-VMHardDiskDrive", VMName="h", ControllerType="SCSI", ControllerNumber=0, ControllerLocation=5)
    net.do("Set-VMDvdDrive", VMName="h", Path=None)
    wait_for(lambda: net.console("h").rstrip().endswith(f"guest: has sda:{serial} ."), 60, "the disk and the DVD to be out", lambda: net.console("h"))
    net.do("Suspend-VM", Name="h")
    net.do("Add-VMHardDiskDrive", VMName="h", Path=second)
    net.do("Resume-VM", Name="h")
    net.wait_console("h", "sdb:")
    assert net.libvirt.machines() == before
    net.do("Stop-VM", Name="h", TurnOff=True)
    disks = net.libvirt.virsh("domblklist", "h").out.split()
    assert disks == ["sda", first, "sdb", "-", "sdc", second]
