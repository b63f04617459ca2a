# SPDX-License-Identifier: Apache-2.0
"""Virtual machines that come from elsewhere and go elsewhere: domains of libvirt that somebody else made, exported machines."""

import glob
import json
import os
import shutil

import pytest

from kit import Image, Lab, run, underlay, wait_for
from support import BUILD_DIR, VOLATILE, assert_settled, prune, stop_program
from test_machines import Machines, refusal
from test_what_if import DOMAIN_LINES, EXPORT_LINES

pytestmark = pytest.mark.slow

ID = "11111111-2222-3333-4444-555555555555"
MAC = "525400000077"
DOMAIN = """
<domain type='qemu'>
  <name>theirs</name><uuid>{id}</uuid><memory unit='MiB'>192</memory><vcpu>2</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type><kernel>{KernelPath}</kernel><initrd>{InitrdPath}</initrd><cmdline>{KernelCommandLine}</cmdline></os>
  <features><acpi/><apic/></features>
  <devices>
    <interface type='user'><mac address='52:54:00:00:00:77'/><model type='virtio'/></interface>
    {more}
  </devices>
</domain>
"""


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        ns, outside = lab.namespaces("host1", "outside")
        underlay.veth(ns, outside)
        small = lab.small_disk("2M")
        net = Machines(ns, "host1")
        net.small = small
        net.lab = lab
        net.image = Image(lab, BUILD_DIR)
        net.switch()
        yield net
        assert_settled(net.daemon)


def define(net, script="echo guest: up", more=""):
    path = os.path.join(net.libvirt.directory, "theirs.xml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(DOMAIN.format(id=ID, more=more, **net.image.parameters(script)))
    net.libvirt.virsh("define", path)


def dump(net):
    return net.libvirt.virsh("dumpxml", "--inactive", "theirs").out


def test_a_domain_becomes_a_virtual_machine(net):
    """Same id, name, memory, processors and MAC address; from then on it is ours like any other."""
    define(net, "echo guest: mac=$(cat /sys/class/net/eth0/address) cpus=$(grep -c ^processor /proc/cpuinfo)")
    taken = net.do("Import-VM", Domain="theirs", SwitchName="vswitch")[0]
    assert (taken["Id"], taken["Name"], taken["State"], taken["ProcessorCount"]) == (ID, "theirs", "Off", 2)
    assert taken["NetworkAdapters"][0]["MacAddress"] == MAC
    assert "urn:nestor:machine" in dump(net) and "type='user'" not in dump(net)
    assert net.libvirt.domains() == {"theirs": "shut off"}
    net.do("Start-VM", Name="theirs")
    net.wait_console("theirs", "guest: mac=52:54:00:00:00:77 cpus=2")
    net.daemon.restart()
    wait_for(lambda: net.vm("theirs")["State"] == "Running", 10, "the daemon to find it", net.daemon.log_tail)
    net.do("Stop-VM", Name="theirs", TurnOff=True)
    net.do("Remove-VM", Name="theirs", Force=True)
    assert net.libvirt.domains() == {}


def test_refused_domains_are_left_as_they_are(net):
    """What cannot be held is named; what would be lost needs -Force; nothing is changed before."""
    define(net, more="<graphics type='vnc' port='-1'/><watchdog model='i6300esb' action='reset'/>")
    before = dump(net)
    error = refusal(net, "Import-VM", Domain="theirs")
    assert error["id"] == "Import.WouldLose" and "graphics" in error["message"] and "watchdog" in error["message"]
    for line in DOMAIN_LINES:
        assert "What if: " in net.daemon.pipeline(f"{line} -WhatIf").out
    net.libvirt.virsh("start", "theirs")
    assert refusal(net, "Import-VM", Domain="theirs", Force=True)["id"] == "Import.DomainNotOff"
    net.libvirt.virsh("managedsave", "theirs")
    assert refusal(net, "Import-VM", Domain="theirs", Force=True)["id"] == "Import.DomainSaved"
    net.libvirt.virsh("managedsave-remove", "theirs")
    assert refusal(net, "Import-VM", Domain="nobody")["id"] == "Import.DomainNotFound"
    assert dump(net) == before
    assert prune(net.do("Get-VM"), VOLATILE) == []
    net.libvirt.virsh("undefine", "theirs")
    define(net, more="<filesystem type='mount'><source dir='/tmp'/><target dir='x'/></filesystem>")
    error = refusal(net, "Import-VM", Domain="theirs", Force=True)
    assert error["id"] == "Import.CannotHold" and "filesystem" in error["message"]
    net.libvirt.virsh("undefine", "theirs")


def test_ours_are_not_taken_in_again(net):
    """Nor another daemon's: the mark in its metadata says so."""
    net.do("New-VM", Name="mine")
    assert refusal(net, "Import-VM", Domain="mine")["id"] == "Import.DomainInUse"
    net.do("Remove-VM", Name="mine", Force=True)


# -- exported machines

@pytest.fixture(name="place")
def _place(net):
    """An empty directory, and no machine left behind."""
    path = net.lab.path("place")
    os.mkdir(path)
    yield path
    for vm in net.do("Get-VM"):
        if vm["State"] != "Off":
            net.do("Stop-VM", Name=vm["Name"], TurnOff=True)
        net.do("Remove-VM", Name=vm["Name"], Force=True)
    shutil.rmtree(path)


def write(path, letter, kind="raw"):
    run("qemu-io", "-f", kind, "-c", f"write -P {ord(letter)} 0 64k", path)


def reads(path, letter, kind="raw"):
    out = run("qemu-io", "-r", "-U", "-f", kind, "-c", f"read -P {ord(letter)} 0 64k", path, check=False)
    return out.code == 0 and "verification failed" not in out.out


def tree(path):
    return sorted(os.path.relpath(os.path.join(top, name), path) for top, _, names in os.walk(path) for name in names)


def original(net, place, checkpoint=True):
    """A machine with two disks, in a checkpoint's overlays or not, a DVD drive and an access control list."""
    for name in ("a.img", "b.qcow2"):
        run("qemu-img", "create", "-q", "-f", "qcow2" if name[0] == "b" else "raw", os.path.join(place, name), "4M")
    write(os.path.join(place, "a.img"), "a")
    net.do("New-VM", Name="e", VHDPath=os.path.join(place, "a.img"), SwitchName="vswitch", MemoryStartupBytes="256MB")
    net.do("Add-VMHardDiskDrive", VMName="e", Path=os.path.join(place, "b.qcow2"), ControllerType="SCSI", ControllerLocation=7)
    net.do("Set-VM", Name="e", ProcessorCount=2, Notes="here")
    net.do("Set-VMNetworkAdapter", VMName="e", StaticMacAddress="020000000001")
    net.do("Add-VMNetworkAdapterAcl", VMName="e", Action="Deny", Direction="Both", RemoteIPAddress="10.0.0.0/8")
    if checkpoint:
        net.do("Checkpoint-VM", Name="e", SnapshotName="c")
    write(net.do("Get-VMHardDiskDrive", VMName="e")[0]["Path"], "b", "qcow2" if checkpoint else "raw")
    return net.do("Get-VM", Name="e")[0]


def alike(vm):
    """What a machine and its copy have in common."""
    return ({k: vm[k] for k in ("Name", "Generation", "ProcessorCount", "MemoryStartup", "Notes", "Version")},
            [(d["ControllerType"], d["ControllerNumber"], d["ControllerLocation"]) for d in vm["HardDrives"]],
            [(a["Name"], a["SwitchName"]) for a in vm["NetworkAdapters"]])


def test_exported_and_registered(net, place):
    """Hyper-V's directories; what it was comes back, with what is on its disks now."""
    before = original(net, place)
    acls = [(a["Direction"], a["RemoteIPAddress"]) for a in net.do("Get-VMNetworkAdapterAcl", VMName="e")]
    for line in EXPORT_LINES:
        assert "What if: " in net.daemon.pipeline(line.format(directory=place) + " -WhatIf").out
    assert sorted(os.listdir(place))[:2] == ["a.img", sorted(os.listdir(place))[1]] and "e" not in os.listdir(place)
    net.do("Export-VM", Name="e", Path=os.path.join(place, "out"))
    out = os.path.join(place, "out", "e")
    checkpoint = net.do("Get-VMSnapshot", VMName="e")[0]
    overlays = [os.path.basename(d["Path"]) for d in before["HardDrives"]]
    assert tree(out) == sorted([f"Snapshots/{checkpoint['Id']}.json", *(f"Virtual Hard Disks/{n}" for n in ["a.img", "b.qcow2", *overlays]),
                                f"Virtual Machines/{before['Id']}.json"])
    assert os.listdir(os.path.join(place, "out")) == ["e"]
    assert refusal(net, "Export-VM", Name="e", Path=os.path.join(place, "out"))["id"] == "Export.Exists"
    assert refusal(net, "Import-VM", Path=out)["id"] == "Import.IdInUse"
    net.do("Remove-VM", Name="e", Force=True)
    assert net.libvirt.domains() == {}
    back = net.do("Import-VM", Path=out)[0]
    assert (back["Id"], alike(back)) == (before["Id"], alike(before))
    assert back["NetworkAdapters"][0]["MacAddress"] == "020000000001"
    assert [(a["Direction"], a["RemoteIPAddress"]) for a in net.do("Get-VMNetworkAdapterAcl", VMName="e")] == acls
    assert [d["Path"] for d in back["HardDrives"]] == [os.path.join(out, "Virtual Hard Disks", n) for n in overlays]
    assert reads(back["HardDrives"][0]["Path"], "b", "qcow2") and net.libvirt.domains() == {"e": "shut off"}


def test_imported_as_a_copy(net, place):
    original(net, place, checkpoint=False)
    net.do("Export-VM", Name="e", Path=place)
    out, copies = os.path.join(place, "e"), os.path.join(place, "copies")
    assert refusal(net, "Import-VM", Path=out, Copy=True, GenerateNewId=True)["id"] == "Vm.NameNotUnique"
    net.do("Rename-VM", Name="e", NewName="first")
    made = net.do("Import-VM", Path=out, Copy=True, GenerateNewId=True, VhdDestinationPath=copies)[0]
    first = net.do("Get-VM", Name="first")[0]
    assert alike({**first, "Name": "e"}) == alike(made)
    assert made["Id"] != first["Id"] and made["NetworkAdapters"][0]["Id"] != first["NetworkAdapters"][0]["Id"]
    assert made["HardDrives"][0]["Id"] != first["HardDrives"][0]["Id"] and sorted(os.listdir(copies)) == ["a.img", "b.qcow2"]
    assert reads(os.path.join(copies, "a.img"), "b") and len(tree(out)) == 3
    # what boots first is another's by another id
    with open(os.path.join(out, "Virtual Machines", os.listdir(os.path.join(out, "Virtual Machines"))[0]), "r+", encoding="utf-8") as file:
        config = json.load(file)
        config["vm"][0].update(generation=2, bootOrder=[config["adapters"][0]["id"]])
        config["drives"] = [{**d, "controller": "SCSI", "number": 0, "location": i} for i, d in enumerate(config["drives"])]
        file.seek(0)
        json.dump(config, file)
        file.truncate()
    net.do("Rename-VM", Name="e", NewName="second")
    third = net.do("Import-VM", Path=out, Copy=True, GenerateNewId=True, VhdDestinationPath=os.path.join(place, "third"))[0]
    assert net.do("Get-VMFirmware", VMName="e")[0]["BootOrder"][0]["BootType"] == "Network" and third["Generation"] == 2
    net.do("Rename-VM", Name="e", NewName="third")
    error = refusal(net, "Import-VM", Path=out, Copy=True, GenerateNewId=True, VhdDestinationPath=copies)
    assert error["id"] == "Vhd.Exists" and sorted(os.listdir(copies)) == ["a.img", "b.qcow2"]


def test_a_full_disk_and_a_killed_daemon(net, place):
    """Nothing half that looks whole."""
    original(net, place, checkpoint=False)
    run("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 4M", net.do("Get-VMHardDiskDrive", VMName="e")[1]["Path"])
    error = refusal(net, "Export-VM", Name="e", Path=net.small)
    assert error["id"] == "Vhd.DiskFull" and os.listdir(net.small) == []
    run("qemu-img", "resize", "-q", "-f", "qcow2", net.do("Get-VMHardDiskDrive", VMName="e")[1]["Path"], "1G")
    run("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 300M", net.do("Get-VMHardDiskDrive", VMName="e")[1]["Path"])
    net.ns.spawn(net.daemon.program("nestor"), "--host", net.daemon.socket, "Export-VM", "e", "-Path", place)
    wait_for(lambda: any(name.startswith(".e.") for name in os.listdir(place)), 30, "the export to begin")
    net.daemon.kill9()
    net.daemon.start()
    assert not {"e", ".e."} & {name[:3] for name in os.listdir(place)}
    assert refusal(net, "Import-VM", Path=os.path.join(place, "e"))["id"] == "Import.NotFound"
    net.do("Export-VM", Name="e", Path=place)
    assert len(tree(os.path.join(place, "e"))) == 3 and not any(name.startswith(".e.") for name in os.listdir(place))
    # copies are there for the machine, and a machine that never came has none
    net.do("Rename-VM", Name="e", NewName="first")
    copies, (config,) = os.path.join(place, "copies"), glob.glob(os.path.join(place, "e", "Virtual Machines", "*.json"))
    with open(config, "r+", encoding="utf-8") as file:
        ordered = json.load(file)
        ordered["drives"].sort(key=lambda drive: drive["path"] or "")
        file.seek(0)
        json.dump(ordered, file)
        file.truncate()
    net.ns.spawn(net.daemon.program("nestor"), "--host", net.daemon.socket, "Import-VM", os.path.join(place, "e"), "-Copy", "-GenerateNewId",
                 "-VhdDestinationPath", copies)
    stop_program(net.ns, "convert", os.path.join(place, "e", "Virtual Hard Disks", "b.qcow2"))
    assert sorted(os.listdir(copies))[1:] == ["a.img"]
    net.daemon.kill9()
    net.daemon.start()
    assert os.listdir(copies) == [] and [vm["Name"] for vm in net.do("Get-VM")] == ["first"]
    net.do("Import-VM", Path=os.path.join(place, "e"), Copy=True, GenerateNewId=True, VhdDestinationPath=copies)
    net.do("Remove-VM", Name="e", Force=True)
    net.daemon.kill9()
    net.daemon.start()
    assert sorted(os.listdir(copies)) == ["a.img", "b.qcow2"]


def test_configurations_from_anybody(net, place):
    """What a file says is held against the rules, and nothing is changed by one that is refused."""
    original(net, place, checkpoint=False)
    net.do("Export-VM", Name="e", Path=place)
    net.do("Remove-VM", Name="e", Force=True)
    out = os.path.join(place, "e")
    path = os.path.join(out, "Virtual Machines", os.listdir(os.path.join(out, "Virtual Machines"))[0])
    with open(path, encoding="utf-8") as file:
        good = file.read()

    def refused(change, error):
        config = json.loads(good)
        config["drives"].sort(key=lambda d: d["type"], reverse=True)
        change(config)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        assert refusal(net, "Import-VM", Path=path)["id"] == error
        assert net.do("Get-VM") == [] and net.libvirt.domains() == {}

    refused(lambda c: c["drives"][0].update(path="/etc/passwd"), "Config.Invalid")
    refused(lambda c: c["drives"][0].update(path="Virtual Hard Disks/../a.img"), "Config.Invalid")
    refused(lambda c: c["drives"][0].update(path="Virtual Hard Disks/none.img"), "Vhd.NotFound")
    refused(lambda c: c["vm"][0].update(name="a\nb"), "InvalidName")
    refused(lambda c: c["vm"][0].update(memoryStartup=1), "Vm.SizeInvalid")
    refused(lambda c: c["vm"][0].update(version="99.0"), "Vm.VersionNotSupported")
    refused(lambda c: c["vm"][0].update(engine="Namespace"), "Vm.NotAMachine")
    refused(lambda c: c["vm"][0].update(kernel="vmlinuz"), "Vm.PathInvalid")
    refused(lambda c: c["vm"].append(c["vm"][0]), "Config.Invalid")
    refused(lambda c: c["adapters"][0].update(mac="010000000001"), "Adapter.MacNotUnicast")
    refused(lambda c: c["adapters"][0].update(virtualSubnetId=5), "Config.Invalid")
    refused(lambda c: c["adapters"][0].update(vm="11111111-2222-3333-4444-555555555555"), "Config.Invalid")
    refused(lambda c: c["acls"][0].update(remote="nowhere"), "Acl.BadAddress")
    refused(lambda c: c["drives"][0].update(location=99), "Drive.PlaceInvalid")
    refused(lambda c: c.pop("adapters"), "Config.Invalid")
    refused(lambda c: c.update(format=7), "Config.Invalid")
    # an image that would bring along a file of this host, and a link that leads to one
    image = os.path.join(out, "Virtual Hard Disks", "b.qcow2")
    os.unlink(image)
    run("qemu-img", "create", "-q", "-f", "qcow2", "-u", "-F", "raw", "-b", "/etc/passwd", image, "4M")
    refused(lambda c: None, "Vhd.ParentRefused")
    os.unlink(image)
    os.symlink("/etc/passwd", image)
    refused(lambda c: None, "Vhd.NotFound")
    with open(path, "w", encoding="utf-8") as file:
        file.write("no JSON")
    assert refusal(net, "Import-VM", Path=out)["id"] == "Config.Invalid"
    os.unlink(path)
    os.mkfifo(path)
    assert refusal(net, "Import-VM", Path=path)["id"] == "Import.NotFound"
