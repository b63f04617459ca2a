# SPDX-License-Identifier: Apache-2.0
"""Disks of virtual machines: images that guests really write to, DVDs, and what happens to them while a machine runs."""

import contextlib
import glob
import os
import shutil
import uuid

import pytest

from kit import CmdletError, Image, Lab, run, underlay, wait_for
from support import BUILD_DIR, assert_settled, hang_up, programs, stop_program
from test_machines import Machines

pytestmark = pytest.mark.slow

READY = "for i in $(seq 50); do {test} && break; usleep 200000; done\n"


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        ns, outside = lab.namespaces("host1", "outside")
        underlay.veth(ns, outside)
        small = lab.small_disk("4m")
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


def test_another_controller(net):
    """It is there with a start although nothing is on it, and takes a disk while the machine runs."""
    script = "n=$(ls -d /sys/bus/virtio/drivers/virtio_scsi/virtio* | wc -l); echo guest: $n controllers\n" \
             "while :; do [ -e /dev/sdb ] && { for d in sda sdb; do readlink -f /sys/block/$d; done | grep -o 'virtio[0-9]*' | sort -u | wc -l | sed s/^/guest:\\ on\\ /; break; }; usleep 200000; done"
    net.make("s", net.image, READY.format(test="[ -e /dev/sda ]") + script, start=False, Generation=2, VHDPath=make_image(net, "s1.img", kind="raw"))
    net.do("Add-VMScsiController", VMName="s")
    net.do("Start-VM", Name="s")
    net.wait_console("s", "guest: 2 controllers")
    second = make_image(net, "s2.img", kind="raw")
    assert not net.daemon.pipeline(f"Get-VMScsiController s 1 | Add-VMHardDiskDrive -Path {second}").err
    assert [len(c["Drives"]) for c in net.do("Get-VMScsiController", VMName="s")] == [1, 1]
    net.wait_console("s", "guest: on 2")


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


def holds_locks(pid):
    """Looking at the image would take its lock away from who is about to."""
    for name in glob.glob(f"/proc/{pid}/fdinfo/*"):
        with contextlib.suppress(OSError), open(name, encoding="ascii") as file:
            if "lock:" in file.read():
                return True
    return False


def test_what_cannot_be_started_stays_off(net):
    """An image that went, changed or is somebody else's after it was attached: each by its own id, and it starts when that is over."""
    path = make_image(net, "start.qcow2")
    net.do("New-VM", Name="f", **net.image.parameters("echo guest: up"), VHDPath=path)

    def fails(error):
        found = refusal(net, "Start-VM", Name="f")
        assert (found["id"], found["target"]) == (error, "f"), found
        assert (net.vm("f")["State"], net.vm("f")["Status"]) == ("Off", found["message"])
        assert net.libvirt.domains() == {"f": "shut off"}

    os.rename(path, path + ".away")
    fails("Vm.FileMissing")
    run("qemu-img", "create", "-q", "-f", "raw", path, "8M")
    fails("Vhd.WrongFormat")
    os.rename(path + ".away", path)
    # QEMU's lock, held by somebody who has nothing to do with us
    other = net.ns.spawn("qemu-io", "-f", "qcow2", "-c", "sleep 100000", path)
    wait_for(lambda: holds_locks(other.pid), 10, "the lock to be held", lambda: str(other))
    fails("Vhd.InUse")
    net.do("New-VM", Name="g", VHDPath=path)
    assert refusal(net, "Start-VM", Name="g")["id"] == "Vhd.InUse"
    net.do("Remove-VM", Name="g", Force=True)
    other.kill()
    net.do("Start-VM", Name="f")
    assert (net.vm("f")["State"], net.vm("f")["Status"]) == ("Running", "Operating normally")
    net.do("New-VM", Name="g", VHDPath=path)
    assert refusal(net, "Start-VM", Name="g")["id"] == "Vhd.InUse"
    net.do("New-VM", Name="h", **net.image.parameters("echo guest: up"))
    net.do("Start-VM", Name="h")
    assert refusal(net, "Add-VMHardDiskDrive", VMName="h", Path=path)["id"] == "Vhd.InUse"
    assert refusal(net, "Resize-VHD", Path=path, SizeBytes="16MB")["id"] == "Vhd.InUse"
    assert net.vm("h")["HardDrives"] == []


def test_no_room_for_what_a_guest_writes(net):
    """It is paused before anything is lost, says so, and goes on when there is room again."""
    path = os.path.join(net.small, "grows.qcow2")
    net.do("New-VHD", Path=path, SizeBytes="16MB")
    script = "dd if=/dev/urandom of=/dev/sda bs=1M count=8 oflag=direct 2>/dev/null && echo guest: written"
    net.make("p", net.image, READY.format(test="[ -e /dev/sda ]") + script, VHDPath=path, Generation=2)
    wait_for(lambda: net.vm("p")["State"] == "PausedCritical", 60, "it to be paused", lambda: net.console("p") + net.daemon.log_tail())
    assert "no room" in net.vm("p")["Status"]
    net.daemon.restart()
    assert net.vm("p")["State"] in ("PausedCritical", "Starting")
    net.do("Resume-VM", Name="p")
    wait_for(lambda: net.vm("p")["State"] == "PausedCritical", 60, "it to be paused again", lambda: net.console("p") + net.daemon.log_tail())
    run("mount", "-o", "remount,size=32m", net.small)
    net.do("Resume-VM", Name="p")
    net.wait_console("p", "guest: written")
    assert (net.vm("p")["State"], net.vm("p")["Status"]) == ("Running", "Operating normally")
    net.do("Stop-VM", Name="p", TurnOff=True)
    net.do("Remove-VM", Name="p", Force=True)
    os.unlink(path)
    run("mount", "-o", "remount,size=4m", net.small)


# -- what a machine boots from

# A boot sector: prints its message on the serial line, by the BIOS's services, and stops. Assembled by hand:
#   xor ax,ax; mov ds,ax; mov si,0x7c14; L: lodsb; test al,al; jz H; mov ah,1; xor dx,dx; int 0x14; jmp L; H: hlt; jmp H
BOOT_CODE = bytes.fromhex("31c08ed8be187cac84c0740831d2b401cd14ebf3f4ebfd90")


def boot_sector(message):
    return (BOOT_CODE + message.encode() + b"\0").ljust(510, b"\0") + b"\x55\xaa"


def bootable(net, name, message):
    path = os.path.join(net.disks, name)
    with open(path, "wb") as file:
        file.write(boot_sector(message).ljust(1 << 20, b"\0"))
    return path


def test_boots_by_bios(net):
    """Generation 1: whatever kind of device comes first in the order, of disks on IDE and SCSI."""
    ide, scsi = bootable(net, "ide.img", "boots from ide"), bootable(net, "scsi.raw", "boots from scsi")
    net.do("New-VM", Name="b", MemoryStartupBytes="64MB", VHDPath=ide)
    net.do("Add-VMHardDiskDrive", VMName="b", ControllerType="SCSI", Path=scsi)
    assert net.do("Get-VMBios", VMName="b")[0]["StartupOrder"] == ["CD", "IDE", "LegacyNetworkAdapter", "Floppy"]
    net.do("Start-VM", Name="b")
    net.wait_console("b", "boots from ide")
    net.do("Stop-VM", Name="b", TurnOff=True)
    net.do("Remove-VMHardDiskDrive", VMName="b", ControllerType="IDE", ControllerNumber=0, ControllerLocation=0)
    net.do("Set-VMBios", VMName="b", StartupOrder=["IDE", "CD"])
    net.do("Start-VM", Name="b")
    net.wait_console("b", "boots from scsi")


STUB = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"


def efi_disk(net, name, message):
    """A disk with a FAT file system where UEFI looks for a program by default: one of kernel, initial RAM disk and command line."""
    path, program, line = os.path.join(net.disks, name), net.ns.lab.path("bootx64.efi"), net.ns.lab.path("cmdline")
    with open(line, "w", encoding="ascii") as file:
        file.write(net.image.parameters(f"echo guest: {message}")["KernelCommandLine"])
    places = ((".cmdline", line, 0x30000), (".linux", net.image.kernel, 0x2000000), (".initrd", net.image.initrd, 0x4000000))
    run("objcopy", *(word for section, source, place in places for word in (
        "--add-section", f"{section}={source}", "--change-section-vma", f"{section}={place:#x}")), STUB, program)
    with open(path, "wb") as file:
        file.truncate(64 << 20)
    run("mformat", "-i", path, "-v", "EFI", "::")
    run("mmd", "-i", path, "::EFI", "::EFI/BOOT")
    run("mcopy", "-i", path, program, "::EFI/BOOT/BOOTX64.EFI")
    return path


def test_boots_by_uefi(net):
    """Generation 2: an EFI program on the disk, which secure boot refuses. The firmware's variables are the machine's, and go with it."""
    path = efi_disk(net, "efi.img", "by uefi")
    net.do("New-VM", Name="u", MemoryStartupBytes="512MB", Generation=2, VHDPath=path)
    disk = net.do("Get-VMHardDiskDrive", VMName="u")[0]
    assert net.do("Get-VMFirmware", VMName="u")[0]["SecureBoot"] == "On"
    net.do("Start-VM", Name="u")
    net.wait_console("u", "Access Denied")
    net.do("Stop-VM", Name="u", TurnOff=True)
    assert "guest: by uefi" not in net.console("u")
    net.do("Set-VMFirmware", VMName="u", EnableSecureBoot="Off", FirstBootDevice=disk)
    assert [d["Id"] for d in net.do("Get-VMFirmware", VMName="u")[0]["BootOrder"]][0] == disk["Id"]
    net.do("Start-VM", Name="u")
    net.wait_console("u", "guest: by uefi")
    variables = [os.path.join(net.daemon.state_dir, "machines", f"{net.vm('u')['Id']}.{ending}") for ending in ("fd", "secure.fd")]
    assert all(map(os.path.exists, variables))
    net.do("Stop-VM", Name="u", TurnOff=True)
    net.do("Remove-VM", Name="u", Force=True)
    assert not any(map(os.path.exists, variables))


def test_user_data(net):
    """A guest finds its user-data on a volume cidata, as it is at each start, and meta-data that is the same at each."""
    data = net.ns.lab.path("user-data")
    script = "mkdir /c; echo volume $(dd if=/dev/sr0 bs=1 skip=32808 count=8 2>/dev/null); " \
             "mount -t iso9660 -o ro /dev/sr0 /c && cat /c/meta-data /c/user-data && echo guest: read"
    with open(data, "w", encoding="utf-8") as file:
        file.write("#cloud-config\nfirst: time\n")
    net.make("My VM_1", net.image, READY.format(test="[ -e /dev/sr0 ]") + script, UserDataPath=data)
    net.wait_console("My VM_1", "guest: read")
    identity = net.vm("My VM_1")["Id"]
    assert f"instance-id: {identity}" in net.console("My VM_1")
    assert "volume cidata" in net.console("My VM_1")
    assert "local-hostname: my-vm-1" in net.console("My VM_1")
    assert "first: time" in net.console("My VM_1")
    seed = os.path.join(net.daemon.state_dir, "machines", f"{identity}.seed.iso")
    assert glob.glob(f"{seed}*") == [seed]
    net.do("Stop-VM", Name="My VM_1", TurnOff=True)
    with open(data, "w", encoding="utf-8") as file:
        file.write("#cloud-config\nsecond: time\n")
    net.do("Start-VM", Name="My VM_1")
    net.wait_console("My VM_1", "second: time")
    net.do("Stop-VM", Name="My VM_1", TurnOff=True)
    os.unlink(data)
    error = refusal(net, "Start-VM", Name="My VM_1")
    assert (error["id"], "user-data" in error["message"]) == ("Vm.FileMissing", True), error
    net.do("Set-VM", Name="My VM_1", UserDataPath=None)
    assert os.path.exists(seed)
    net.do("Remove-VM", Name="My VM_1", Force=True)
    assert not os.path.exists(seed)


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
    for name in ("e.qcow2", "f.qcow2", "g.raw"):
        net.do("New-VHD", Path=name, SizeBytes="8MB")
    net.do("New-VM", Name="e", VHDPath="e.qcow2")
    net.do("Add-VMHardDiskDrive", VMName="e", Path="f.qcow2")
    net.do("Set-VMHardDiskDrive", VMName="d", Path="g.raw")
    drives = {vm["Name"]: [os.path.relpath(drive["Path"], os.path.dirname(path)) for drive in vm["HardDrives"]] for vm in net.do("Get-VM")}
    assert drives == {"d": ["g.raw"], "e": ["e.qcow2", "f.qcow2"]}


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


@pytest.fixture(name="long")
def _long(net):
    """A directory with an image of which a copy is being made and held, and the client that wants it."""
    place = net.ns.lab.path("long")
    os.mkdir(place)
    source, target = os.path.join(place, "long.raw"), os.path.join(place, "long.qcow2")
    with open(source, "wb") as file:
        file.write(os.urandom(1 << 20) * 256)
    client = net.ns.spawn(net.daemon.program("nestor"), "--host", net.daemon.socket, "Convert-VHD", source, target)
    stop_program(net.ns, "convert")
    assert len(os.listdir(place)) == 2 and not os.path.exists(target)
    yield place, client
    shutil.rmtree(place)


def test_nobody_waits_any_more(net, long):
    """Ctrl+C at the client ends the work, and what was being made is gone."""
    place, client = long
    client.kill()
    wait_for(lambda: os.listdir(place) == ["long.raw"], 10, "it to be gone", net.daemon.log_tail)
    assert programs(net.ns) == {}


def test_killed_while_an_image_is_made(net, long):
    """What makes it ends with the daemon, and the next one takes away what there is of it; it is never seen under its name."""
    place, _client = long
    net.daemon.kill9()
    wait_for(lambda: programs(net.ns) == {}, 10, "qemu-img to end")
    net.daemon.start()
    assert os.listdir(place) == ["long.raw"]
    assert os.listdir(os.path.join(net.daemon.state_dir, "unfinished")) == []
    net.do("Convert-VHD", Path=f"{place}/long.raw", DestinationPath=f"{place}/long.qcow2")
    assert sorted(os.listdir(place)) == ["long.qcow2", "long.raw"] and vhd(net, f"{place}/long.qcow2")["Size"] == 256 << 20
    net.daemon.kill9()
    net.daemon.start()
    assert sorted(os.listdir(place)) == ["long.qcow2", "long.raw"]


def test_what_belongs_to_a_machine_by_now_is_no_part(net):
    """The daemon died right after the import that it was for had been written."""
    net.do("New-VM", Name="imported")
    machines, notes = (os.path.join(net.daemon.state_dir, name) for name in ("machines", "unfinished"))
    files = [f"{name}.memory" for name in (net.vm("imported")["Id"], uuid.uuid4())]
    net.daemon.kill9()
    os.makedirs(notes, exist_ok=True)
    for name in files:
        with open(os.path.join(machines, name), "wb"):
            os.symlink(os.path.join(machines, name), os.path.join(notes, f"of-{name}"))
    net.daemon.start()
    assert [os.path.exists(os.path.join(machines, name)) for name in files] == [True, False]
    assert os.listdir(notes) == []
