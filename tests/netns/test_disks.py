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
        # A disk of the host with 4 MiB, there before the daemons' mount namespaces are.
        small = lab.path("small")
        os.mkdir(small)
        run("mount", "-t", "tmpfs", "-o", "size=4m", "none", small)
        lab.on_close(lambda: run("umount", "-l", small))
        net = Machines(ns, "host1")
        net.small = small
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


# -- images alone

def vhd(net, path):
    return net.do("Get-VHD", Path=path)[0]


def test_made_resized_and_converted(net):
    at = lambda name: os.path.join(net.disks, name)
    for name, kind in (("n.qcow2", "QCOW2"), ("n.vhdx", "VHDX"), ("n.vhd", "VHD"), ("n.raw", "RAW")):
        made = net.do("New-VHD", Path=at(name), SizeBytes="32MB")[0]
        assert (made["VhdFormat"], made["Size"], made["Attached"]) == (kind, 32 << 20, False)
        assert made["VhdType"] == ("Fixed" if kind == "RAW" else "Dynamic")
        assert os.stat(at(name)).st_mode & 0o777 == 0o600
    for name in ("f.qcow2", "f.vhd", "f.img", "f.vhdx"):
        fixed = net.do("New-VHD", Path=at(name), SizeBytes="32MB", Fixed=True)[0]
        assert (fixed["VhdType"], fixed["Size"]) == ("Fixed", 32 << 20)
    assert os.stat(at("f.img")).st_blocks * 512 >= 32 << 20
    child = net.do("New-VHD", Path=at("child.qcow2"), ParentPath=at("n.vhdx"), Differencing=True)[0]
    assert (child["VhdType"], child["ParentPath"], child["Size"]) == ("Differencing", at("n.vhdx"), 32 << 20)
    with open(at("n.raw"), "r+b") as file:
        file.write(b"some text")
    net.do("Resize-VHD", Path=at("n.raw"), SizeBytes="64MB")
    net.do("Convert-VHD", Path=at("n.raw"), DestinationPath=at("back.vhdx"))
    net.do("Convert-VHD", Path=at("back.vhdx"), DestinationPath=at("back.raw"), DeleteSource=True)
    assert not os.path.exists(at("back.vhdx"))
    with open(at("back.raw"), "rb") as file:
        assert file.read(9) == b"some text"
    assert vhd(net, at("back.raw"))["Size"] == 64 << 20
    assert refusal(net, "Resize-VHD", Path=at("n.vhd"), SizeBytes="64MB")["id"] == "Vhd.Unsupported"
    assert refusal(net, "Resize-VHD", Path=at("n.raw"), SizeBytes="32MB")["id"] == "Vhd.WouldShrink"
    assert net.do("Resize-VHD", Path=at("n.raw"), SizeBytes="32MB", Shrink=True, PassThru=True)[0]["Size"] == 32 << 20


def test_in_the_host_s_directory(net):
    """A name without directory; New-VM makes the disk along with the machine."""
    net.do("New-VM", Name="d", NewVHDPath="d.qcow2", NewVHDSizeBytes="8MB")
    path = os.path.join(net.daemon.state_dir, "disks", "d.qcow2")
    assert net.do("Get-VM", Name="d")[0]["HardDrives"][0]["Path"] == path
    assert net.do("Get-VHD", VMId=net.do("Get-VM", Name="d")[0]["Id"])[0]["Path"] == path
    assert refusal(net, "New-VM", Name="e", NewVHDPath="d.qcow2", NewVHDSizeBytes="8MB")["id"] == "Vhd.Exists"
    assert [vm["Name"] for vm in net.do("Get-VM")] == ["d"]


def test_many_at_once(net):
    """A pipeline of many images: a few processes at a time, and all answers."""
    path = make_image(net, "many.qcow2")
    assert len(net.daemon.cmdlet("Get-VHD", pipeline=[path] * 100)) == 100


def test_images_that_are_refused(net):
    """What is wrong is said by its own id, before a machine is given it; nothing is made or changed."""
    qcow = make_image(net, "really.img", kind="qcow2")
    plain = make_image(net, "plain.qcow2", kind="raw")
    run("qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", "/etc/shadow", "-F", "raw", os.path.join(net.disks, "thief.qcow2"), "8M")
    run("qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", "nbd://127.0.0.1/x.raw", "-F", "raw", os.path.join(net.disks, "caller.qcow2"), "8M")
    run("qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", os.path.join(net.disks, "gone.raw"), "-F", "raw", os.path.join(net.disks, "orphan.qcow2"), "8M")
    ring = make_image(net, "ring.qcow2")
    run("qemu-img", "rebase", "-u", "-f", "qcow2", "-b", ring, "-F", "qcow2", ring)
    run("qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={net.disks}/data.raw", os.path.join(net.disks, "split.qcow2"), "8M")
    make_image(net, "cut.qcow2")
    os.truncate(os.path.join(net.disks, "cut.qcow2"), 100)
    with open(os.path.join(net.disks, "junk.qcow2"), "wb") as file:
        file.write(b"QFI\xfb" + os.urandom(4096))
    net.do("New-VM", Name="r")
    for name, error in (("really.img", "Vhd.WrongFormat"), ("plain.qcow2", "Vhd.WrongFormat"), ("thief.qcow2", "Vhd.ParentRefused"),
                        ("caller.qcow2", "Vhd.ParentRefused"), ("orphan.qcow2", "Vhd.NotFound"), ("ring.qcow2", "Vhd.ParentRefused"),
                        ("split.qcow2", "Vhd.Failed"), ("gone.raw", "Vhd.NotFound")):
        path = os.path.join(net.disks, name)
        for cmdlet, parameters in (("Add-VMHardDiskDrive", {"VMName": "r", "Path": path}), ("New-VM", {"Name": "s", "VHDPath": path}),
                                   ("Convert-VHD", {"Path": path, "DestinationPath": os.path.join(net.disks, "out.raw")}),
                                   ("Set-VMDvdDrive", {"VMName": "r", "Path": path + ".iso"})):
            expected = "Vhd.NotFound" if cmdlet == "Set-VMDvdDrive" else error
            found = refusal(net, cmdlet, **parameters)
            assert found["id"] == expected, (name, cmdlet, found)
    for name in ("cut.qcow2", "junk.qcow2"):
        assert refusal(net, "Add-VMHardDiskDrive", VMName="r", Path=os.path.join(net.disks, name))["id"].startswith("Vhd.")
    assert not os.path.exists(os.path.join(net.disks, "out.raw"))
    assert [vm["Name"] for vm in net.do("Get-VM")] == ["r"]
    assert net.do("Get-VM", Name="r")[0]["HardDrives"] == []
    assert (os.path.getsize(qcow), os.path.getsize(plain)) == (196616, 8 << 20)


def test_a_full_disk(net):
    """What does not fit is refused as that, and nothing of it stays."""
    small = net.small
    source = os.path.join(net.disks, "large.raw")
    with open(source, "wb") as file:
        file.write(os.urandom(8 << 20))
    assert refusal(net, "New-VHD", Path=f"{small}/f.raw", SizeBytes="8MB", Fixed=True)["id"] == "Vhd.DiskFull"
    assert refusal(net, "Convert-VHD", Path=source, DestinationPath=f"{small}/c.qcow2")["id"] == "Vhd.DiskFull"
    assert os.listdir(small) == []


def test_nobody_waits_any_more(net):
    """Ctrl+C at the client ends the work, and what was being made is gone."""
    source, target = os.path.join(net.disks, "long.raw"), os.path.join(net.disks, "long.qcow2")
    with open(source, "wb") as file:
        file.write(os.urandom(1 << 20) * 256)
    client = net.ns.spawn(net.daemon.program("nestor"), "--host", net.daemon.socket, "Convert-VHD", source, target)
    wait_for(lambda: os.path.exists(target), 10, "the new image to be begun", net.daemon.log_tail)
    client.kill()
    wait_for(lambda: not os.path.exists(target), 10, "it to be gone", net.daemon.log_tail)
    assert os.path.exists(source)
