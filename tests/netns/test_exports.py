# SPDX-License-Identifier: Apache-2.0
"""Exported machines with all that belongs to them: checkpoints, memory, UEFI's variables; of machines that are off, saved, or go on meanwhile."""

import glob
import json
import os
import shutil

import pytest

from kit import Image, Lab, run, underlay, wait_for
from support import BUILD_DIR, assert_settled
from test_checkpoints import COUNT, READY, current, reads, snapshots, spawn, write
from test_copies import tree
from test_machines import Machines, refusal

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        ns, outside = lab.namespaces("host1", "outside")
        underlay.veth(ns, outside)
        small = lab.small_disk("2M")
        net = Machines(ns, "host1")
        net.small = small
        net.lab = lab
        net.switch()
        net.image = Image(lab, BUILD_DIR, disks=True)
        yield net
        assert_settled(net.daemon)


def remove_all(net):
    for vm in net.do("Get-VM"):
        if vm["State"] == "Saved":
            net.do("Remove-VMSavedState", Name=vm["Name"])
        elif vm["State"] != "Off":
            net.do("Stop-VM", Name=vm["Name"], TurnOff=True)
        net.do("Remove-VM", Name=vm["Name"], Force=True)
    assert net.libvirt.domains() == {}


@pytest.fixture(autouse=True, name="place")
def _place(net):
    """An empty directory, and nothing left behind in the daemon's own."""
    path = net.lab.path("place")
    os.mkdir(path)
    net.disks = path
    yield path
    remove_all(net)
    assert kept(net) == []
    shutil.rmtree(path)


def kept(net):
    """What the daemon keeps of machines and checkpoints besides logs."""
    names = os.listdir(os.path.join(net.daemon.state_dir, "machines"))
    return sorted(name for name in names if name.split(".", 1)[-1] in ("memory", "fd", "secure.fd", "memory.part"))


def disk(place, name):
    path = os.path.join(place, name)
    run("qemu-img", "create", "-q", "-f", "qcow2" if name.endswith("qcow2") else "raw", path, "8M")
    return path


def export(net, place, name, **more):
    net.do("Export-VM", Name=name, Path=os.path.join(place, "out"), **more)
    return os.path.join(place, "out", name)


def counted(net, name, since=0):
    """The last number that the guest has counted to since."""
    numbers = [line.split()[-1] for line in net.console(name)[since:].splitlines() if line.startswith("guest: count ")]
    return int(numbers[-1]) if numbers else 0


def goes_on(net, name, at):
    """The guest of a saved machine counts on where it was, and does not boot."""
    said = len(net.console(name))
    net.do("Start-VM", Name=name)
    wait_for(lambda: counted(net, name, said) >= at + 2, 60, "it to go on", lambda: net.console(name)[said:] + net.daemon.log_tail())
    assert "guest: count 1\n" not in net.console(name)[said:]


def test_checkpoints_come_back(net, place):
    """Two branches, each with what was on the disk then; the same ids in place, others in a copy, and both can be restored."""
    root = disk(place, "a.img")
    net.do("New-VM", Name="e", VHDPath=root, SwitchName="vswitch", Generation=2)
    write(root, "a")
    net.do("Checkpoint-VM", Name="e", SnapshotName="one")
    write(current(net, "e")[0], "b")
    net.do("Set-VM", Name="e", ProcessorCount=3)
    net.do("Checkpoint-VM", Name="e", SnapshotName="two")
    net.do("Restore-VMSnapshot", Name="one", VMName="e")
    write(current(net, "e")[0], "c")
    before = net.do("Get-VMSnapshot", VMName="e")
    out = export(net, place, "e")
    assert current(net, "e")[0].startswith(place) and len(glob.glob(f"{out}/Snapshots/*.json")) == 2
    assert len(glob.glob(f"{out}/Virtual Hard Disks/*")) == 4 - 1
    remove_all(net)
    os.rename(os.path.join(place, "out"), os.path.join(place, "moved"))
    out = os.path.join(place, "moved", "e")
    files = tree(out)
    copies = os.path.join(place, "copies")
    copy = net.do("Import-VM", Path=out, Copy=True, GenerateNewId=True, VhdDestinationPath=copies)[0]
    assert tree(out) == files and reads(current(net, "e")[0], "c") and copy["ParentCheckpointName"] == "one"
    ids = [s["Id"] for s in net.do("Get-VMSnapshot", VMName="e")]
    assert snapshots(net, "e") == ["one", "two"] and not set(ids) & {s["Id"] for s in before}
    net.do("Restore-VMSnapshot", Name="two", VMName="e")
    assert reads(current(net, "e")[0], "b") and net.vm("e")["ProcessorCount"] == 3
    net.do("Rename-VM", Name="e", NewName="copy")
    net.do("Import-VM", Path=out)
    assert net.do("Get-VMSnapshot", VMName="e") == before
    net.do("Restore-VMSnapshot", Name="two", VMName="e")
    assert reads(current(net, "e")[0], "b") and net.vm("e")["ProcessorCount"] == 3
    net.do("Restore-VMSnapshot", Name="one", VMName="e")
    assert reads(current(net, "e")[0], "a") and net.vm("e")["ProcessorCount"] == 1
    # merged like any other's, to the images that came along
    for name, where in (("copy", copies), ("e", os.path.join(out, "Virtual Hard Disks"))):
        net.do("Remove-VMSnapshot", VMName=name)
        assert os.listdir(where) == ["a.img"] and current(net, name) == [os.path.join(where, "a.img")]


def test_a_checkpoint_as_a_machine(net, place):
    root = disk(place, "a.img")
    net.do("New-VM", Name="e", VHDPath=root)
    write(root, "a")
    net.do("Checkpoint-VM", Name="e", SnapshotName="one")
    write(current(net, "e")[0], "b")
    net.do("Checkpoint-VM", Name="e", SnapshotName="two")
    net.do("Export-VMSnapshot", VMName="e", Name="two", Path=place)
    assert tree(os.path.join(place, "e")) == ["Virtual Hard Disks/a.img", f"Virtual Machines/{net.vm('e')['Id']}.json"]
    assert refusal(net, "Export-VMSnapshot", VMName="e", Name="one", Path=place)["id"] == "Export.Exists"
    net.do("Rename-VM", Name="e", NewName="first")
    made = net.do("Import-VM", Path=os.path.join(place, "e"), Copy=True, GenerateNewId=True, VhdDestinationPath=os.path.join(place, "c"))[0]
    assert snapshots(net, "e") == [] and made["ParentCheckpointId"] is None and reads(os.path.join(place, "c", "a.img"), "b")
    net.do("Remove-VMSnapshot", VMName="first")
    assert current(net, "first") == [root]


def test_one_that_runs(net, place):
    """It goes on, its disk is the one that it was, and the copy goes on from the same moment with its memory."""
    root = disk(place, "r.qcow2")
    net.make("r", net.image, READY + COUNT, start=False, VHDPath=root)
    net.do("Start-VM", Name="r")
    net.wait_console("r", "guest: count 2\n")
    machines = net.libvirt.machines()
    at = counted(net, "r")
    out = export(net, place, "r")
    assert net.libvirt.machines() == machines and current(net, "r") == [root] and snapshots(net, "r") == [] and kept(net) == []
    assert net.vm("r")["ParentCheckpointId"] is None and sorted(os.listdir(place)) == ["out", "r.qcow2"]
    wait_for(lambda: counted(net, "r") > at + 2, 60, "it to count on", net.daemon.log_tail)
    remove_all(net)
    assert net.do("Import-VM", Path=out)[0]["State"] == "Saved" and net.libvirt.domains() == {"r": "shut off"}
    goes_on(net, "r", at)
    assert kept(net) == []
    remove_all(net)
    made = net.do("Import-VM", Path=out, Copy=True, GenerateNewId=True, VhdDestinationPath=os.path.join(place, "copies"))[0]
    assert made["State"] == "Saved"
    goes_on(net, "r", at)


def test_without_its_memory(net, place):
    root = disk(place, "r.qcow2")
    net.make("r", net.image, READY + COUNT, start=False, VHDPath=root)
    net.do("Start-VM", Name="r")
    net.wait_console("r", "guest: count 2\n")
    error = refusal(net, "Export-VM", Name="r", Path=os.path.join(place, "out"), CaptureLiveState="CaptureDataConsistentState")
    assert error["id"] == "Export.CaptureFailed" and "agent" in error["message"] and current(net, "r") == [root]
    out = export(net, place, "r", CaptureLiveState="CaptureCrashConsistentState")
    assert not [name for name in tree(out) if name.endswith("memory")] and current(net, "r") == [root]
    remove_all(net)
    assert net.do("Import-VM", Path=out)[0]["State"] == "Off"


def test_one_that_is_saved(net, place):
    root = disk(place, "s.qcow2")
    net.make("s", net.image, READY + COUNT, start=False, VHDPath=root)
    net.do("Start-VM", Name="s")
    net.wait_console("s", "guest: count 2\n")
    net.do("Save-VM", Name="s")
    at = counted(net, "s")
    out = export(net, place, "s")
    assert net.vm("s")["State"] == "Saved" and current(net, "s") == [root] and kept(net) == []
    goes_on(net, "s", at)
    remove_all(net)
    net.do("Import-VM", Path=out)
    goes_on(net, "s", at)


def test_checkpoints_with_memory(net, place):
    """In another daemon's hands by other ids: what is restored there goes on as it was."""
    root = disk(place, "m.qcow2")
    net.make("m", net.image, READY + COUNT, start=False, VHDPath=root)
    net.do("Set-VM", Name="m", CheckpointType="Standard")
    net.do("Start-VM", Name="m")
    net.wait_console("m", "guest: count 2\n")
    net.do("Checkpoint-VM", Name="m", SnapshotName="here")
    at = counted(net, "m")
    net.do("Stop-VM", Name="m", TurnOff=True)
    out = export(net, place, "m")
    remove_all(net)
    net.do("Import-VM", Path=out, Copy=True, GenerateNewId=True, VhdDestinationPath=os.path.join(place, "copies"))
    assert net.vm("m")["State"] == "Off"
    for _ in range(2):
        net.do("Restore-VMSnapshot", Name="here", VMName="m")
        assert net.vm("m")["State"] == "Saved"
        goes_on(net, "m", at)
        net.do("Stop-VM", Name="m", TurnOff=True)


def test_firmware_variables(net, place):
    """Those of both kinds are part of checkpoints and exports."""
    net.do("New-VM", Name="u", Generation=2, VHDPath=disk(place, "u.qcow2"))
    ids = {"first": net.vm("u")["Id"]}
    own = [os.path.join(net.daemon.state_dir, "machines", f"{ids['first']}.{ending}") for ending in ("fd", "secure.fd")]

    def put(letter):
        for path in own:
            with open(path, "w", encoding="ascii") as file:
                file.write(letter + path[-9:])

    def has(letter, paths=own):
        return [open(path, encoding="ascii").read() for path in paths] == [letter + path[-9:] for path in own]

    put("a")
    net.do("Checkpoint-VM", Name="u", SnapshotName="a")
    put("b")
    out = export(net, place, "u")
    net.do("Restore-VMSnapshot", Name="a", VMName="u")
    assert has("a")
    remove_all(net)
    assert kept(net) == []
    net.do("Import-VM", Path=out)
    assert has("b")
    net.do("Restore-VMSnapshot", Name="a", VMName="u")
    assert has("a")
    # there were none: then there are none again
    for path in own:
        os.unlink(path)
    net.do("Checkpoint-VM", Name="u", SnapshotName="none")
    put("c")
    net.do("Restore-VMSnapshot", Name="none", VMName="u")
    assert not any(os.path.exists(path) for path in own)


def test_a_full_disk(net, place):
    """The machine is as it was."""
    root = disk(place, "f.qcow2")
    run("qemu-io", "-f", "qcow2", "-c", "write -P 1 1M 6M", root)
    net.make("f", net.image, READY + COUNT, start=False, VHDPath=root)
    net.do("Start-VM", Name="f")
    net.wait_console("f", "guest: count 1\n")
    error = refusal(net, "Export-VM", Name="f", Path=net.small)
    assert error["id"] == "Vhd.DiskFull" and os.listdir(net.small) == []
    assert current(net, "f") == [root] and os.listdir(place) == ["f.qcow2"] and kept(net) == [] and net.vm("f")["State"] == "Running"


def test_killed_in_the_middle(net, place):
    """While its state is kept, and while it is copied: nothing of it is left, and the machine goes on."""
    root = disk(place, "k.qcow2")
    run("qemu-img", "resize", "-q", "-f", "qcow2", root, "1G")
    run("qemu-io", "-f", "qcow2", "-c", "write -P 1 1M 400M", root)
    net.make("k", net.image, READY + COUNT, start=False, VHDPath=root)
    net.do("Start-VM", Name="k")
    net.wait_console("k", "guest: count 2\n")
    out = os.path.join(place, "out")
    for begun in (lambda: kept(net), lambda: os.path.isdir(out) and any(name.startswith(".k.") for name in os.listdir(out))):
        spawn(net, "Export-VM", "k", "-Path", out)
        wait_for(begun, 60, "the export to have begun", net.daemon.log_tail)
        net.daemon.kill9()
        net.daemon.start()
        wait_for(lambda: "What if: " in net.daemon.pipeline("Checkpoint-VM k -WhatIf", check=False).out, 60, "nothing to be kept for it",
                 net.daemon.log_tail)
        wait_for(lambda: current(net, "k") == [root] and sorted(set(os.listdir(place)) - {"out"}) == ["k.qcow2"] and kept(net) == [], 60,
                 "the machine to be as it was", net.daemon.log_tail)
        assert net.vm("k")["State"] == "Running" and (not os.path.isdir(out) or os.listdir(out) == [])
    at = counted(net, "k")
    wait_for(lambda: counted(net, "k") > at, 30, "it to count on", net.daemon.log_tail)


def test_checkpoints_from_anybody(net, place):
    """Each is held against the rules, and nothing is changed by one that is refused."""
    root = disk(place, "h.img")
    net.do("New-VM", Name="h", VHDPath=root)
    net.do("Checkpoint-VM", Name="h", SnapshotName="c")
    out = export(net, place, "h")
    remove_all(net)
    main, checkpoint = glob.glob(f"{out}/Virtual Machines/*.json")[0], glob.glob(f"{out}/Snapshots/*.json")[0]
    overlay = [path for path in glob.glob(f"{out}/Virtual Hard Disks/*") if path.endswith("qcow2")][0]
    good = {path: open(path, encoding="utf-8").read() for path in (main, checkpoint)}

    def refused(path, change, error):
        config = json.loads(good[path])
        config["drives"].sort(key=lambda d: d["type"], reverse=True)
        change(config)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        assert refusal(net, "Import-VM", Path=out)["id"] == error
        assert net.do("Get-VM") == [] and net.libvirt.domains() == {} and kept(net) == []
        with open(path, "w", encoding="utf-8") as file:
            file.write(good[path])

    other = "11111111-2222-3333-4444-555555555555"
    refused(main, lambda c: c["checkpoints"].append(c["checkpoints"][0]), "Config.Invalid")
    refused(main, lambda c: c["checkpoints"].append("../../x"), "Config.Invalid")
    refused(main, lambda c: c["checkpoints"].append(other), "Import.NotFound")
    refused(main, lambda c: c["vm"][0].update(checkpoint=other), "Config.Invalid")
    refused(main, lambda c: c["vm"][0].update(state="Saved"), "Import.FileInvalid")
    refused(main, lambda c: c["images"][0].update(backing=c["images"][0]["name"]), "Config.Invalid")
    refused(main, lambda c: c["images"][0].update(backing="../a.img"), "Config.Invalid")
    refused(main, lambda c: c["images"][0].update(backing="none.img"), "Vhd.NotFound")
    refused(main, lambda c: c["drives"][0].update(path="Virtual Hard Disks/h.img", format="raw"), "Config.Invalid")
    refused(checkpoint, lambda c: c["checkpoint"].update(id=other), "Config.Invalid")
    refused(checkpoint, lambda c: c["checkpoint"].update(parent=other), "Config.Invalid")
    refused(checkpoint, lambda c: c["checkpoint"].update(parent=c["checkpoint"]["id"]), "Config.Invalid")
    refused(checkpoint, lambda c: c["checkpoint"].update(hidden=True), "Config.Invalid")
    refused(checkpoint, lambda c: c["checkpoint"].update(disks=["/etc/passwd"]), "Config.Invalid")
    refused(checkpoint, lambda c: c["checkpoint"].update(name="a\nb"), "InvalidName")
    refused(checkpoint, lambda c: c["checkpoint"].update(memory=True), "Import.FileInvalid")
    refused(checkpoint, lambda c: c["vm"][0].update(id=other), "Config.Invalid")
    refused(checkpoint, lambda c: c["vm"][0].update(memoryStartup=1), "Vm.SizeInvalid")
    refused(checkpoint, lambda c: c["drives"][0].update(path="/etc/passwd"), "Config.Invalid")
    refused(checkpoint, lambda c: c.pop("checkpoint"), "Config.Invalid")
    # an image that lies on something else than the configuration says, and memory that is none
    run("qemu-img", "create", "-q", "-f", "raw", os.path.join(place, "theirs.img"), "8M")
    run("qemu-img", "rebase", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", os.path.join(place, "theirs.img"), overlay)
    refused(main, lambda c: None, "Config.Invalid")
    run("qemu-img", "rebase", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", "h.img", overlay)
    memory = checkpoint.replace(".json", ".memory")
    with open(memory, "wb") as file:
        file.write(b"LibvirtQemudSave" + b"\xff" * 4096)
    refused(checkpoint, lambda c: c["checkpoint"].update(memory=True), "Import.FileInvalid")
    os.unlink(memory)
    os.symlink("/etc/passwd", memory)
    refused(checkpoint, lambda c: c["checkpoint"].update(memory=True), "Import.FileInvalid")
    os.unlink(memory)
    net.do("Import-VM", Path=out)
    assert snapshots(net, "h") == ["c"]


def checkpointed(net, place, name):
    """The disk of a machine that is off, whose checkpoint "here" has its memory, and what its guest had counted to then."""
    root = disk(place, f"{name}.qcow2")
    net.make(name, net.image, READY + COUNT, start=False, VHDPath=root)
    net.do("Set-VM", Name=name, CheckpointType="Standard")
    net.do("Start-VM", Name=name)
    net.wait_console(name, "guest: count 2\n")
    net.do("Checkpoint-VM", Name=name, SnapshotName="here")
    at = counted(net, name)
    net.do("Stop-VM", Name=name, TurnOff=True)
    return root, at


def test_memory_under_another_name(net, place):
    """The machine's, an imported checkpoint's, and that of a machine that Export-VMSnapshot has made of one."""
    _, at = checkpointed(net, place, "n")
    for was, name in (("n", "a name that is longer & has <signs>"), ("a name that is longer & has <signs>", "x")):
        net.do("Rename-VM", Name=was, NewName=name)
        net.do("Restore-VMSnapshot", Name="here", VMName=name)
        goes_on(net, name, at)
        net.do("Stop-VM", Name=name, TurnOff=True)
    net.do("Export-VMSnapshot", VMName="x", Name="here", Path=place)
    out = export(net, place, "x")
    remove_all(net)
    # saved, and renamed before it has ever run here
    made = net.do("Import-VM", Path=os.path.join(place, "x"), Copy=True, GenerateNewId=True, VhdDestinationPath=os.path.join(place, "c"))[0]
    assert (made["Name"], made["State"]) == ("x", "Saved")
    net.do("Rename-VM", Name="x", NewName="y")
    goes_on(net, "y", at)
    remove_all(net)
    net.do("Import-VM", Path=out)
    net.do("Rename-VM", Name="x", NewName="third")
    net.do("Restore-VMSnapshot", Name="here", VMName="third")
    goes_on(net, "third", at)


def test_one_that_is_paused(net, place):
    """It stays so, its copy goes on from there, and its disk is merged when it is resumed: until then QEMU has let go of it."""
    root = disk(place, "p.qcow2")
    net.make("p", net.image, READY + COUNT, start=False, VHDPath=root)
    net.do("Start-VM", Name="p")
    net.wait_console("p", "guest: count 2\n")
    net.do("Suspend-VM", Name="p")
    at = counted(net, "p")
    out = export(net, place, "p")
    assert (net.vm("p")["State"], net.libvirt.domains(), kept(net)) == ("Paused", {"p": "paused"}, [])
    net.do("Resume-VM", Name="p")
    wait_for(lambda: current(net, "p") == [root], 60, "the merge", net.daemon.log_tail)
    assert sorted(os.listdir(place)) == ["out", "p.qcow2"]
    wait_for(lambda: counted(net, "p") > at + 1, 60, "it to count on", net.daemon.log_tail)
    remove_all(net)
    assert net.do("Import-VM", Path=out)[0]["State"] == "Saved"
    goes_on(net, "p", at)


def saved_file(net, name):
    return net.libvirt.path(f"lib/qemu/save/{name}.save")


def test_killed_with_the_state_of_a_saved_one_in_its_hands(net, place):
    """It is nowhere but in QEMU, then nowhere but in a file of ours: whenever the daemon dies, the machine is saved, and goes on."""
    root = disk(place, "s.qcow2")
    net.make("s", net.image, READY + COUNT, start=False, VHDPath=root)
    net.do("Start-VM", Name="s")
    net.wait_console("s", "guest: count 2\n")
    net.do("Save-VM", Name="s")
    at = counted(net, "s")
    moments = (
        (lambda: not os.path.exists(saved_file(net, "s")), lambda: net.libvirt.domains() == {"s": "paused"}),
        (lambda: kept(net), lambda: net.libvirt.domains() == {"s": "shut off"}),
        (lambda: kept(net) and os.path.exists(saved_file(net, "s")), lambda: True),
    )
    for begun, then in moments:
        spawn(net, "Export-VM", "s", "-Path", os.path.join(place, "out"))
        wait_for(begun, 60, "the export to have begun", net.daemon.log_tail)
        net.daemon.kill9()
        wait_for(then, 60, "libvirt to have done what it was told", lambda: net.libvirt.virsh("list", "--all").out)
        net.daemon.start()
        wait_for(lambda: kept(net) == [] and os.path.exists(saved_file(net, "s")) and net.libvirt.domains() == {"s": "shut off"}, 60,
                 "its state to be where it was", net.daemon.log_tail)
        wait_for(lambda: net.vm("s")["State"] == "Saved", 10, "it to be saved", net.daemon.log_tail)
        assert current(net, "s") == [root]
    goes_on(net, "s", at)


def test_killed_while_importing(net, place):
    """There is no such machine, and nothing in the way of another attempt."""
    root = disk(place, "i.qcow2")
    run("qemu-img", "resize", "-q", "-f", "qcow2", root, "1G")
    run("qemu-io", "-f", "qcow2", "-c", "write -P 1 1M 400M", root)
    net.do("New-VM", Name="i", VHDPath=root)
    out = export(net, place, "i")
    remove_all(net)
    copies = os.path.join(place, "copies")
    spawn(net, "Import-VM", "-Path", out, "-Copy", "-GenerateNewId", "-VhdDestinationPath", copies)
    wait_for(lambda: os.path.isdir(copies) and os.listdir(copies), 60, "it to copy", net.daemon.log_tail)
    net.daemon.kill9()
    net.daemon.start()
    wait_for(lambda: os.listdir(copies) == [], 30, "what was copied to be gone", net.daemon.log_tail)
    assert net.do("Get-VM") == [] and net.libvirt.domains() == {} and kept(net) == []
    net.do("Import-VM", Path=out, Copy=True, GenerateNewId=True, VhdDestinationPath=copies)
    assert os.listdir(copies) == ["i.qcow2"] and current(net, "i") == [os.path.join(copies, "i.qcow2")]


# Waits for a second disk and adapter, then tells how many it has of both, and how much memory.
HOT = """for i in $(seq 300); do [ -e /dev/sdb ] && [ -e /sys/class/net/eth1 ] && break; usleep 200000; done
i=0
while :; do
 i=$((i+1))
 echo guest: has $(ls -d /dev/sd? /sys/class/net/eth? | wc -l) $(($(sed -n 's/MemTotal: *\\([0-9]*\\).*/\\1/p' /proc/meminfo) / 1024))
 echo guest: count $i
 sleep 1
done"""


def has_now(net):
    """What the guest of HOT told last: how many devices, and how many MiB."""
    lines = [line.split() for line in net.console("h").splitlines() if line.startswith("guest: has ")]
    return lines[-1][2:4]


def test_on_another_host_with_what_came_while_it_ran(net, place):
    """A disk, an adapter and memory that came while it ran are at their addresses; its memory lies where the machine's things do."""
    ns, outside = net.lab.namespaces("host2", "outside2")
    underlay.veth(ns, outside)
    other = Machines(ns, "host2")
    other.switch()
    base = os.path.join(place, "machines")
    os.mkdir(base)
    other.do("Set-VMHost", VirtualMachinePath=base)
    roots = [disk(place, "h.qcow2"), disk(place, "hot.qcow2")]
    net.make("h", net.image, HOT, start=False, VHDPath=roots[0])
    net.do("Set-VM", Name="h", CheckpointType="Standard")
    net.do("Start-VM", Name="h")
    net.do("Add-VMHardDiskDrive", VMName="h", ControllerType="SCSI", Path=roots[1])
    net.do("Add-VMNetworkAdapter", VMName="h", Name="second", SwitchName="vswitch")
    net.wait_console("h", "guest: count 1\n")
    has = has_now(net)
    net.do("Set-VMMemory", VMName="h", StartupBytes="384MB")
    wait_for(lambda: int(has_now(net)[1]) > int(has[1]) + 100, 60, "it to have more memory", lambda: net.console("h") + net.daemon.log_tail())
    net.do("Checkpoint-VM", Name="h", SnapshotName="here")
    at = counted(net, "h")
    out = export(net, place, "h")
    net.do("Stop-VM", Name="h", TurnOff=True)
    net.do("Restore-VMSnapshot", Name="here", VMName="h")
    goes_on(net, "h", at)
    net.do("Stop-VM", Name="h", TurnOff=True)
    try:
        made = other.do("Import-VM", Path=out, Copy=True, VhdDestinationPath=os.path.join(place, "copies"))[0]
        assert (made["State"], made["Path"], made["Id"]) == ("Saved", os.path.join(base, "h"), net.vm("h")["Id"])
        for _ in range(2):
            goes_on(other, "h", at)
            assert [name.rpartition(".")[2] for name in os.listdir(made["Path"])] == ["memory"]
            said = len(other.console("h"))
            wait_for(lambda: "guest: has 4 " in other.console("h")[said:], 30, "its devices", lambda: other.console("h")[said:])
            assert int(has_now(other)[1]) > int(has[1]) + 100
            other.do("Stop-VM", Name="h", TurnOff=True)
            other.do("Restore-VMSnapshot", Name="here", VMName="h")
    finally:
        remove_all(other)
    assert os.listdir(made["Path"]) == []
    assert_settled(other.daemon)
    other.daemon.stop()
