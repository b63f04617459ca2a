# SPDX-License-Identifier: Apache-2.0
"""Virtual machines: real ones, emulated by QEMU under a libvirt daemon of each test's own. They boot a small Linux."""

import contextlib
import glob
import os
import pathlib
import re
import shutil
import signal
import sqlite3

import pytest

from fabric import PAS, Host
from kit import CmdletError, Image, Lab, Libvirt, run, underlay, wait_for
from support import BUILD_DIR, VOLATILE, assert_settled, health, hang_up, prune
from test_what_if import MACHINE_LINES, PAUSED_LINES, SAVED_LINES

pytestmark = pytest.mark.slow

BOOT_SECONDS = 60
VSID = 5010
A_MAC, B_MAC = "000000000011", "000000000012"
A, B = "10.10.10.11", "10.10.10.12"


class Machines(Host):
    """A host with a libvirt daemon."""

    def __init__(self, ns, name, **libvirt):
        self.libvirt = Libvirt(ns, **libvirt)
        super().__init__(ns, name, "--libvirt", self.libvirt.uri)

    def make(self, name, image, script, start=True, switch="vswitch", **parameters):
        self.do("New-VM", Name=name, MemoryStartupBytes="192MB", **image.parameters(script), SwitchName=switch, **parameters)
        if start:
            self.do("Start-VM", Name=name)

    def vm(self, name):
        return self.do("Get-VM", Name=name)[0]

    def console(self, name):
        """All that the guest wrote to its serial console."""
        path = os.path.join(self.daemon.state_dir, "machines", f"{self.vm(name)['Id']}.log")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_console(self, name, text):
        wait_for(lambda: text in self.console(name), BOOT_SECONDS, f"{text!r} on the console of {name}",
                 lambda: self.console(name) + self.daemon.log_tail())


@contextlib.contextmanager
def one_host(qemu_user="root", **image):
    """A host of machines, whose switch has a wire that leads nowhere. Parameters: of Libvirt and Image."""
    with Lab("nst") as lab:
        os.chmod(lab.directory, 0o711)
        ns, outside = lab.namespaces("host", "outside")
        underlay.veth(ns, outside)
        net = Machines(ns, "host", qemu_user=qemu_user)
        net.lab = lab
        net.image = Image(lab, BUILD_DIR, **image)
        net.switch()
        yield net
        assert_settled(net.daemon)


def addressed(address):
    return f"ip link set eth0 up; ip addr add {address}/24 dev eth0; echo MTU $(cat /sys/class/net/eth0/mtu); echo guest: up"


@pytest.fixture(scope="module", name="net")
def _net():
    """host1 runs machines, host2 a namespace guest; one virtual subnet across."""
    with Lab("nst") as lab:
        ns1, ns2 = lab.namespaces("host1", "host2")
        underlay.veth(ns1, ns2)
        net = Machines(ns1, "host1")
        net.other = Host(ns2, "host2")
        net.image = Image(lab, BUILD_DIR)
        for host, pa in zip((net, net.other), PAS):
            host.switch()
            host.provider(pa)
            host.record(VSID, A, A_MAC, PAS[0])
            host.record(VSID, B, B_MAC, PAS[1])
            host.subnet(VSID, "10.10.10.0/24")
        net.make("a", net.image, addressed(A), start=False)
        net.do("Set-VMNetworkAdapter", VMName="a", StaticMacAddress=A_MAC, VirtualSubnetId=VSID)
        net.do("Start-VM", Name="a")
        net.b = net.other.guest("b", B, B_MAC, VSID)
        net.wait_console("a", "guest: up")
        yield net
        assert_settled(net.daemon)
        assert_settled(net.other.daemon)


@pytest.fixture(autouse=True)
def _alone(net):
    """Whatever a test that failed left running would only spoil those after it."""
    yield
    for vm in net.do("Get-VM"):
        if vm["Name"] != "a":
            if vm["State"] == "Saved":
                net.do("Remove-VMSavedState", Name=vm["Name"])
            elif vm["State"] != "Off":
                net.do("Stop-VM", Name=vm["Name"], TurnOff=True)
            net.do("Remove-VM", Name=vm["Name"], Force=True)


def refusal(host, cmdlet, **parameters):
    with pytest.raises(CmdletError) as caught:
        host.do(cmdlet, **parameters)
    return caught.value.answer["errors"][0]


def test_in_a_virtual_subnet_across_hosts(net):
    """A tap is a port like any other: guards, encapsulation and delivery by the same programs. WG-5: the guest learns its MTU."""
    assert "MTU 1458" in net.console("a")
    assert net.b.ping(A)
    assert net.vm("a")["State"] == "Running"
    assert net.libvirt.domains() == {"a": "running"}
    link = net.ns.link(net.port("a"))
    assert (link["linkinfo"]["info_kind"], "master" in link) == ("tun", True)


def test_extensions_are_hidden_and_exposed(net):
    """NV-1, seen by the guest: EPYC has svm by default."""
    net.make("n", net.image, "echo guest: svm=$(grep -c svm /proc/cpuinfo)", start=False)
    net.do("Start-VM", Name="n")
    net.wait_console("n", "guest: svm=0")
    error = refusal(net, "Set-VMProcessor", VMName="n", ExposeVirtualizationExtensions=True)
    assert error["id"] == "Nested.VmNotOff"
    net.do("Stop-VM", Name="n", TurnOff=True)
    net.do("Set-VMProcessor", VMName="n", ExposeVirtualizationExtensions=True, Count=2)
    net.do("Start-VM", Name="n")
    net.wait_console("n", "guest: svm=2")
    net.do("Stop-VM", Name="n", TurnOff=True)
    net.do("Remove-VM", Name="n", Force=True)
    assert net.libvirt.domains() == {"a": "running"}
    assert len(net.libvirt.machines()) == 1


def test_paused_and_saved(net):
    """Its state survives: a counter in the guest goes on where it was, also after the daemon and libvirt died."""
    net.make("q", net.image, "i=0; while :; do i=$((i+1)); echo guest: count $i; sleep 1; done")
    net.wait_console("q", "guest: count 2\n")
    net.do("Suspend-VM", Name="q")
    assert (net.vm("q")["State"], net.libvirt.domains()["q"]) == ("Paused", "paused")
    net.daemon.kill9()
    net.daemon.start()
    wait_for(lambda: net.vm("q")["State"] == "Paused", 10, "the daemon to find it paused", net.daemon.log_tail)
    net.do("Resume-VM", Name="q")
    assert net.libvirt.domains()["q"] == "running"
    net.do("Save-VM", Name="q")
    assert (net.vm("q")["State"], net.libvirt.domains()["q"]) == ("Saved", "shut off")
    count = net.console("q").count("guest: count")
    net.daemon.restart()
    net.do("Start-VM", Name="q")
    net.wait_console("q", f"guest: count {count + 2}")
    assert net.console("q").count("guest: count 1\n") == 1
    net.do("Stop-VM", Name="q", Save=True)
    net.do("Remove-VMSavedState", Name="q")
    net.do("Start-VM", Name="q")
    wait_for(lambda: net.console("q").count("guest: count 1\n") == 2, BOOT_SECONDS, "a fresh start", lambda: net.console("q"))
    net.do("Stop-VM", Name="q", TurnOff=True)
    net.do("Remove-VM", Name="q", Force=True)
    assert net.libvirt.domains() == {"a": "running"}


def what_if(net, lines):
    before = net.do("Get-VM"), net.do("Get-VMMemory"), net.do("Get-VMProcessor"), net.libvirt.domains()
    for line in lines:
        assert "What if: " in net.daemon.pipeline(f"{line} -WhatIf".replace("{disk}", net.ns.lab.path("disk"))).out
    after = net.do("Get-VM"), net.do("Get-VMMemory"), net.do("Get-VMProcessor"), net.libvirt.domains()
    assert prune(list(after), VOLATILE) == prune(list(before), VOLATILE)


def test_what_if(net):
    for name in ("disk.img", "disk2.img"):
        run("qemu-img", "create", "-q", "-f", "raw", net.ns.lab.path(name), "1M")
    net.do("New-VM", Name="off", Version="9.3", VHDPath=net.ns.lab.path("disk.img"))
    net.do("New-VM", Name="off2", Generation=2)
    net.do("Add-VMScsiController", VMName="off2")
    what_if(net, MACHINE_LINES)
    net.do("Suspend-VM", Name="a")
    what_if(net, PAUSED_LINES)
    net.do("Save-VM", Name="a")
    what_if(net, SAVED_LINES)
    net.do("Start-VM", Name="a")
    net.do("Remove-VM", Name="off,off2".split(","), Force=True)
    wait_for(lambda: net.b.ping(A), 10, "a to answer again")


def test_orderly_shutdown_and_end_by_itself(net):
    """The power button; a guest that powers off by itself is off, and the wish to run it has ended."""
    script = "for e in /dev/input/event*; do (while :; do dd if=$e bs=24 count=1 of=/dev/null 2>/dev/null && poweroff -f; sleep 1; done) & done\n" \
             "for e in /dev/input/event*; do until ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q $e; do :; done; done\n" \
             "echo guest: listening"
    net.make("s", net.image, script)
    net.wait_console("s", "guest: listening")
    try:
        net.do("Stop-VM", Name="s")
    except (CmdletError, OSError) as error:
        raise AssertionError(net.console("s") + net.daemon.log_tail()) from error
    assert net.vm("s")["State"] == "Off"
    net.do("Remove-VM", Name="s", Force=True)
    net.make("p", net.image, "poweroff -f")
    wait_for(lambda: net.vm("p")["State"] == "Off", BOOT_SECONDS, "p to be off", net.daemon.log_tail)
    net.do("Remove-VM", Name="p", Force=True)
    assert net.libvirt.domains() == {"a": "running"}


def test_daemon_dies(net):
    """The machine goes on, its port too; the daemon that comes back finds it and does nothing."""
    before = net.libvirt.machines()
    net.daemon.kill9()
    assert net.b.ping(A)
    net.daemon.start()
    wait_for(lambda: net.vm("a")["State"] == "Running", 10, "the daemon to find the machine", net.daemon.log_tail)
    assert net.libvirt.machines() == before
    assert net.b.ping(A)
    account = hang_up(net.daemon)
    assert (account["lastWrites"], account["failures"]) == (0, 0), net.daemon.log_tail()


def test_libvirt_dies(net):
    """Nothing happens to the machine; what is asked meanwhile is refused with the reason, and works later."""
    before = net.libvirt.machines()
    net.libvirt.kill9()
    wait_for(lambda: "connection to libvirt" in net.daemon.log(), 20, "the daemon to notice", net.daemon.log_tail)
    error = refusal(net, "New-VM", Name="later", **net.image.parameters("echo guest: later"))
    assert error["id"] in ("Vm.LibvirtUnreachable", "Vm.EngineUnavailable")
    assert net.b.ping(A)
    net.libvirt.start()
    wait_for(lambda: net.vm("a")["State"] == "Running" and health(net.daemon)["reconcile"]["failures"] == 0, 40,
             "the daemon to be connected again", net.daemon.log_tail)
    assert net.libvirt.machines() == before
    if error["id"] == "Vm.LibvirtUnreachable":
        wait_for(lambda: net.libvirt.domains().get("later") == "shut off", 40, "what was wanted meanwhile", net.daemon.log_tail)
        net.do("Remove-VM", Name="later", Force=True)
    assert net.libvirt.domains() == {"a": "running"}


def lost_by_libvirt(libvirt):
    """Status files of machines that libvirt 9.0 holds for ever, because it died when it had said that it starts them, and not what by."""
    return [path for path in glob.glob(libvirt.path("run/qemu/*.xml")) if " pid='0'" in pathlib.Path(path).read_text("utf-8")]


def find_again(net, lost):
    """The remedy of docs/operations.md."""
    net.libvirt.kill9()
    for path in lost:
        os.unlink(path)
    net.libvirt.start()


def test_lost_by_libvirt(net):
    """The status file of one that starts, as libvirtd writes it before it has a process. It is said what is the matter, and what helps."""
    net.make("l", net.image, "echo guest: up", start=False)
    before = net.libvirt.machines()
    net.do("Start-VM", Name="l")
    (process,) = net.libvirt.machines() - before
    net.libvirt.kill9()
    os.kill(process, signal.SIGKILL)
    path = pathlib.Path(net.libvirt.path("run/qemu/l.xml"))
    text = re.sub("<domstatus [^>]*>", "<domstatus state='paused' reason='starting up' pid='0'>", path.read_text("utf-8"))
    text, jobs = re.subn("<job [^>]*/>", "", text)
    path.write_text(re.sub("(<domstatus [^>]*>)", r"\1<job type='none' async='start' flags='0x0' asyncStarted='1'/>", text), "utf-8")
    net.libvirt.start()
    assert lost_by_libvirt(net.libvirt) == [str(path)] and jobs <= 1
    wait_for(lambda: "libvirt died over its start" in net.vm("l")["Status"], 60, "it to be noticed", net.daemon.log_tail)
    assert (net.vm("l")["State"], net.libvirt.domains()["l"]) == ("Starting", "paused")
    # nothing waits for half a minute any more
    error = refusal(net, "Stop-VM", Name="l", TurnOff=True)
    assert (error["id"], net.vm("l")["State"]) == ("Vm.LibvirtLost", "Off") and "/run/libvirt/qemu" in error["recommendation"]
    net.do("Set-VM", Name="a", Notes="y")
    net.do("Start-VM", Name="a")
    find_again(net, [path])
    wait_for(lambda: health(net.daemon)["reconcile"]["failures"] == 0, 40, "all to be well", net.daemon.log_tail)
    assert net.libvirt.domains() == {"a": "running", "l": "shut off"}
    net.do("Start-VM", Name="l")
    assert (net.vm("l")["State"], net.vm("l")["Status"]) == ("Running", "Operating normally")


def test_what_libvirt_refuses_is_told(net):
    """It is off, and says why, until it is started again; nobody else is bothered with it."""
    net.do("New-VM", Name="m", KernelPath="/nowhere/vmlinuz")
    for _ in range(2):
        error = refusal(net, "Start-VM", Name="m")
        assert (error["id"], error["target"]) == ("Vm.FileMissing", "m")
        assert "/nowhere/vmlinuz" in error["message"] and '"m" could not be started' in error["message"]
        assert (net.vm("m")["State"], net.vm("m")["Status"]) == ("Off", error["message"])
    net.do("Set-VM", Name="a", Notes="x")
    account = hang_up(net.daemon)
    assert (account["lastWrites"], account["failures"]) == (0, 0), net.daemon.log_tail()
    net.do("Remove-VM", Name="m", Force=True)
    assert net.libvirt.domains() == {"a": "running"}


def test_a_start_that_was_not_asked_for_is_not_given_up(net):
    """What was to run before the daemon died is tried until it runs, whoever waits for something else meanwhile."""
    kernel = net.ns.lab.path("kernel")
    shutil.copy(net.image.kernel, kernel)
    net.do("New-VM", Name="m", MemoryStartupBytes="192MB", **{**net.image.parameters("echo guest: up"), "KernelPath": kernel})
    before = net.libvirt.machines()
    net.do("Start-VM", Name="m")
    net.daemon.stop()
    (process,) = net.libvirt.machines() - before
    os.kill(process, signal.SIGKILL)
    wait_for(lambda: net.libvirt.domains()["m"] == "shut off", 20, "m to be off")
    os.rename(kernel, kernel + ".away")
    net.daemon.start()
    wait_for(lambda: "No such file" in net.vm("m")["Status"] or "could not load kernel" in net.vm("m")["Status"], 20, "the start to fail", net.daemon.log_tail)
    # one that waits for another machine hears nothing of it; one that changes it does, and does not end the wish either
    net.make("w", net.image, "echo guest: up")
    error = refusal(net, "Add-VMNetworkAdapter", VMName="m", Name="more")
    assert (error["id"], net.vm("m")["State"]) == ("Vm.FileMissing", "Starting")
    os.rename(kernel + ".away", kernel)
    net.do("Remove-VMNetworkAdapter", VMName="m", Name="more")
    assert (net.vm("m")["State"], net.vm("m")["Status"]) == ("Running", "Operating normally")


def test_each_hears_of_its_own(net):
    """Two cmdlets wait at once: the failure is that of who asked for it."""
    net.do("New-VM", Name="m", KernelPath="/nowhere/vmlinuz")
    net.make("w", net.image, "echo guest: up", start=False)
    waits = net.ns.spawn(net.daemon.program("nestor"), "--host", net.daemon.socket, "Start-VM", "w")
    wait_for(lambda: net.vm("w")["State"] != "Off", 10, "the start to be asked for", lambda: str(waits))
    error = refusal(net, "Start-VM", Name="m")
    assert (error["id"], error["target"]) == ("Vm.FileMissing", "m")
    assert waits.wait().err == "", waits
    assert (net.vm("w")["State"], net.vm("m")["State"]) == ("Running", "Off")


def test_not_enough_memory(net):
    net.do("New-VM", Name="big", MemoryStartupBytes="16TB", KernelPath=net.image.kernel)
    assert refusal(net, "Start-VM", Name="big")["id"] == "Vm.NotEnoughMemory"
    assert "Cannot allocate memory" in net.vm("big")["Status"]
    net.do("Stop-VM", Name="big", TurnOff=True)
    net.do("Set-VMMemory", VMName="big", StartupBytes="192MB")
    net.do("Start-VM", Name="big")
    assert (net.vm("big")["State"], net.vm("big")["Status"]) == ("Running", "Operating normally")


class Panicking(Image):
    """With the driver of the device by which a kernel tells that it panics."""

    def _build(self, modules_dir, modules, more):
        self.initrd = f"{self.initrd}-panic"
        super()._build(modules_dir, (*modules, "pvpanic_mmio"), more)


def test_crashed(net):
    """It is off, why is told until it is started again, and nothing of it is left."""
    net.make("c", Panicking(net.ns.lab, BUILD_DIR), "echo guest: up; read x; echo c > /proc/sysrq-trigger")
    net.wait_console("c", "guest: up")
    with open(net.libvirt.virsh("ttyconsole", "c").out.strip(), "wb", buffering=0) as tty:
        tty.write(b"\n")
        wait_for(lambda: net.vm("c")["State"] == "Off", BOOT_SECONDS, "c to be off", lambda: net.console("c") + net.daemon.log_tail())
    assert net.vm("c")["Status"] == "The guest crashed: its kernel panicked"
    net.do("Start-VM", Name="c")
    assert net.vm("c")["Status"] == "Operating normally"
    before = net.libvirt.machines()
    net.make("k", net.image, "echo guest: up")
    net.wait_console("k", "guest: up")
    (process,) = net.libvirt.machines() - before
    os.kill(process, signal.SIGKILL)
    wait_for(lambda: net.vm("k")["State"] == "Off", 20, "k to be off", net.daemon.log_tail)
    assert net.vm("k")["Status"] == "The guest crashed: QEMU ended, or was killed"
    assert health(net.daemon)["reconcile"]["failures"] == 0
    assert net.adapter("k")["PortName"] not in {l["ifname"] for l in net.ns.ip_json("link", "show")}
    net.daemon.restart()
    assert net.vm("k")["Status"] == "The guest crashed: QEMU ended, or was killed"
    net.do("Start-VM", Name="k")
    assert net.vm("k")["Status"] == "Operating normally"


def test_domains_of_others_are_left_alone(net):
    """A domain that somebody else made keeps its name and its life."""
    xml = "<domain type='qemu'><name>theirs</name><memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>"
    path = os.path.join(net.libvirt.directory, "theirs.xml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(xml)
    net.libvirt.virsh("define", path)
    error = refusal(net, "New-VM", Name="theirs")
    assert error["id"] == "Vm.NameTaken" and "already exists" in error["message"]
    net.do("Remove-VM", Name="theirs", Force=True)
    assert net.libvirt.domains() == {"a": "running", "theirs": "shut off"}
    net.daemon.restart()
    assert net.libvirt.domains() == {"a": "running", "theirs": "shut off"}
    net.libvirt.virsh("undefine", "theirs")


def test_removed_while_the_daemon_was_away(net):
    """No orphan: a machine whose document has gone is found by its mark."""
    net.make("o", net.image, "echo guest: orphan")
    net.wait_console("o", "guest: orphan")
    net.daemon.stop()
    with contextlib.closing(sqlite3.connect(os.path.join(net.daemon.state_dir, "nestor.db"))) as store, store:
        removed = store.execute("DELETE FROM document WHERE kind = 'vm' AND json_extract(value, '$.name') = 'o'").rowcount
    assert removed == 1
    net.daemon.start()
    wait_for(lambda: net.libvirt.domains() == {"a": "running"}, 20, "the orphan to be gone", net.daemon.log_tail)
