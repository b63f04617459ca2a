# SPDX-License-Identifier: Apache-2.0
"""A libvirt daemon of a namespace's own, and the smallest Linux that its machines can boot."""

import base64
import contextlib
import glob
import grp
import gzip
import os
import pwd
import signal
import stat
import uuid

from .process import Process, run
from .wait import wait_for

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
START_SECONDS = 30
PRIVATE = ("run", "lib", "etc", "log", "cache")
PLACES = {"run": "/run/libvirt", "lib": "/var/lib/libvirt", "etc": "/etc/libvirt", "log": "/var/log/libvirt", "cache": "/var/cache/libvirt"}
QEMU_CONF = """
security_driver = "none"
user = "{user}"
group = "{group}"
dynamic_ownership = {ownership}
remember_owner = {ownership}
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
"""


class Libvirt:
    """libvirtd in a namespace, without systemd, with directories of its own under the lab's.

    qemu_user: as whom QEMU runs. Where that is not root, libvirt gives it the files that it opens, as it does by default.
    """

    def __init__(self, ns, qemu_user="root"):
        self.ns = ns
        self.directory = ns.lab.path(f"{ns.label}-libvirt")
        for name in PRIVATE:
            os.makedirs(self.path(name))
        self._write("etc/libvirtd.conf", 'auth_unix_rw = "none"\nauth_unix_ro = "none"\nunix_sock_group = "root"\n'
                    f'host_uuid = "{uuid.uuid4()}"\nlog_outputs = "3:file:{self.path("log/libvirtd.log")}"\n')
        group = grp.getgrgid(pwd.getpwnam(qemu_user).pw_gid).gr_name
        self._write("etc/qemu.conf", QEMU_CONF.format(user=qemu_user, group=group, ownership=int(qemu_user != "root")))
        self.places = [(place, self.path(name)) for name, place in PLACES.items()]
        self._give_kvm(qemu_user)
        self.process = None
        ns.lab.on_close(self._close)
        self.start()

    def _give_kvm(self, user):
        """As udev does it: libvirt asks QEMU anew before each step what it can do, as long as KVM is there and not for QEMU's user."""
        if user == "root" or not os.path.exists("/dev/kvm"):
            return
        node = self.path("kvm")
        os.mknod(node, stat.S_IFCHR | 0o600, os.stat("/dev/kvm").st_rdev)
        os.chown(node, pwd.getpwnam(user).pw_uid, -1)
        self.places.append(("/dev/kvm", node))

    def path(self, name):
        return os.path.join(self.directory, name)

    def _write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    @property
    def uri(self):
        return f"qemu+unix:///system?socket={self.path('run/libvirt-sock')}"

    def start(self):
        mounts = " && ".join([f"mkdir -p {' '.join(PLACES.values())}"] + [f"mount --bind {own} {place}" for place, own in self.places])
        inside = f"hostname {self.ns.label} && {mounts} && exec libvirtd -p {self.path('run/libvirtd.pid')}"
        with self.ns.lab.uninterrupted():
            self.process = Process(*self.ns.command("unshare", "--mount", "--uts", "--propagation", "private", "sh", "-c", inside))
        wait_for(lambda: self.process.code is not None or self.virsh("version", check=False).code == 0, START_SECONDS,
                 "libvirtd to answer", lambda: str(self.process))
        assert self.process.code is None, self.process

    def virsh(self, *args, **options):
        return run("virsh", "-q", "-c", self.uri, *args, **options)

    def domains(self):
        """{name: state} of all that libvirtd knows."""
        lines = self.virsh("list", "--all").out.splitlines()
        return {words[1]: " ".join(words[2:]) for words in (line.split() for line in lines) if words}

    def kill9(self):
        self.process.kill()

    def machines(self):
        """Process ids of the running machines, which do not end with libvirtd."""
        pids = set()
        for name in set(glob.glob(self.path("run/qemu/*.pid"))) - {self.path("run/qemu/driver.pid")}:
            with contextlib.suppress(OSError, ValueError), open(name, encoding="ascii") as file:
                pids.add(int(file.read()))
        return pids

    def _close(self):
        for pid in self.machines():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process:
            self.process.stop()


# -- what a machine boots

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/usr/sbin
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev
while read -r module; do insmod /modules/$module; done < /modules/order 2>/dev/null
run=$(sed -n 's/.* nestor.run=\\([^ ]*\\).*/\\1/p' /proc/cmdline)
echo "$run" | base64 -d > /run.sh
sh /run.sh 2>&1
echo "guest: done"
while :; do sleep 1000; done
"""
MODULES = ("virtio_pci", "virtio_net", "af_packet", "virtio_balloon", "virtio_mem", "button", "evdev")
HYPERVISOR_MODULES = ("kvm_amd", "tun", "bridge")
QEMU = "/usr/bin/qemu-system-x86_64"
QEMU_ROMS = ("/usr/share/seabios/bios-256k.bin", "/usr/share/qemu/linuxboot_dma.bin", "/usr/share/qemu/kvmvapic.bin")
# What udhcpc does with a lease.
DHCP_SCRIPT = """#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr flush dev "$interface"
ip addr add "$ip/$mask" dev "$interface"
echo "$serverid" > /server
echo "guest: leased $ip"
"""
AGENT = "/usr/sbin/qemu-ga"
# Of a script: starts the agent, whose end of the channel is known by its name. Its answer to being asked to shut down is a command's.
START_AGENT = """for port in /sys/class/virtio-ports/*; do
  [ "$(cat $port/name)" = org.qemu.guest_agent.0 ] && qemu-ga -d -m virtio-serial -p /dev/${port##*/} -t /run -f /run/qemu-ga.pid
done
echo guest: agent
"""
DISK_MODULES = ("virtio_scsi", "ata_piix", "sd_mod", "sr_mod", "isofs", "vfat", "nls_cp437", "nls_ascii")


def _dependencies(modules_dir, name):
    """Files of a module and of what it needs, in the order in which they can be loaded."""
    index = {}
    with open(os.path.join(modules_dir, "modules.order"), encoding="ascii") as file:
        for line in file:
            path = line.strip()
            index[os.path.basename(path).partition(".")[0].replace("-", "_")] = os.path.join(modules_dir, path)
    found = []

    def add(module):
        path = index.get(module)
        if not path or path in found:
            return
        with open(path, "rb") as file:
            image = file.read()
        start = image.find(b"\0depends=") + len(b"\0depends=")
        for needed in image[start:image.index(b"\0", start)].decode().split(","):
            if needed:
                add(needed.replace("-", "_"))
        found.append(path)

    add(name)
    return found


def _program(path):
    """Entries of a program and of the libraries that it is linked with."""
    entries = {}
    for name in [path, *(word for word in run("ldd", path).out.split() if word.startswith("/"))]:
        with open(name, "rb") as file:
            entries[name.lstrip("/")] = (stat.S_IFREG | 0o755, file.read())
    directories = {os.path.dirname(name) for name in entries}
    for name in sorted(directories):
        while name:
            entries.setdefault(name, (stat.S_IFDIR | 0o755, b""))
            name = os.path.dirname(name)
    return dict(sorted(entries.items()))


def _cpio(entries):
    """An archive in the format that the kernel unpacks (newc): {path: (mode, bytes)}."""
    out = bytearray()
    for number, (path, (mode, data)) in enumerate([*entries.items(), ("TRAILER!!!", (0, b""))], 1):
        name = path.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def _qemu():
    """The host's QEMU, and what it gives a guest to boot by."""
    entries = _program(QEMU) | {"roms": (stat.S_IFDIR | 0o755, b"")}
    for path in QEMU_ROMS:
        with open(path, "rb") as file:
            entries[f"roms/{os.path.basename(path)}"] = (stat.S_IFREG | 0o644, file.read())
    return entries


def _command_line(script, more):
    line = base64.b64encode(script.encode()).decode()
    return f"console=ttyS0 quiet panic=-1 {more} nestor.run={line} end"


class Image:
    """A kernel and an initial RAM disk: busybox, virtio, and a script that the command line brings along.

    disks: with the drivers of disks, DVDs and file systems. hypervisor: with KVM's module and tests/machine/vmm, and what that boots: l2()
    is the shell line that does; qemu: besides, the host's QEMU, a bridge and taps: l2_by_qemu(). agent: with QEMU's guest agent, which
    START_AGENT starts. programs: paths of more of the host's.
    """

    def __init__(self, lab, build_dir, hypervisor=False, qemu=False, disks=False, agent=False, programs=()):
        directory = os.path.join(build_dir, "guest-kernel")
        run(os.path.join(TOP, "tools", "guest-kernel"), directory, timeout=300)
        self.kernel = os.path.join(os.path.abspath(directory), "vmlinuz")
        more = {}
        modules = MODULES
        self.initrd = lab.path("initrd.gz")
        if disks:
            modules = (*MODULES, *DISK_MODULES)
            self.initrd = lab.path("initrd-disks.gz")
        if hypervisor:
            inner = Image(lab, build_dir)
            for name, path in (("vmm", os.path.join(build_dir, "tests", "machine", "vmm")), ("vmlinuz", inner.kernel),
                               ("initrd", inner.initrd)):
                with open(path, "rb") as file:
                    more[name] = (stat.S_IFREG | 0o755, file.read())
            if qemu:
                more |= _qemu()
            modules = (*MODULES, *HYPERVISOR_MODULES)
            self.initrd = lab.path("initrd-qemu" if qemu else "initrd-hypervisor.gz")
        if agent:
            more |= _program(AGENT)
            more |= {name: (stat.S_IFDIR | 0o755, b"") for name in ("run", "sbin")}
            more["sbin/shutdown"] = (stat.S_IFREG | 0o755, b"#!/bin/sh\necho guest: shut down by the agent > /dev/console\npoweroff -f\n")
            modules = (*modules, "virtio_console")
            self.initrd = lab.path("initrd-agent.gz")
        for path in programs:
            more |= _program(path)
        if programs:
            self.initrd = lab.path("initrd-programs.gz")
        self._build(os.path.join(directory, "modules"), modules, more)

    def _build(self, modules_dir, modules, more):
        entries = {d: (stat.S_IFDIR | 0o755, b"") for d in ("bin", "proc", "sys", "dev", "modules", "etc", "tmp")}
        with open("/bin/busybox", "rb") as file:
            entries["bin/busybox"] = (stat.S_IFREG | 0o755, file.read())
        order = []
        for module in modules:
            for path in _dependencies(modules_dir, module):
                name = os.path.basename(path)
                if name not in order:
                    order.append(name)
                    with open(path, "rb") as file:
                        entries[f"modules/{name}"] = (stat.S_IFREG | 0o644, file.read())
        entries["modules/order"] = (stat.S_IFREG | 0o644, "".join(f"{name}\n" for name in order).encode())
        entries["init"] = (stat.S_IFREG | 0o755, INIT.encode())
        entries["etc/udhcpc"] = (stat.S_IFREG | 0o755, DHCP_SCRIPT.encode())
        entries.update(more)
        archive = _cpio(entries)
        with open(self.initrd, "wb") as file:
            # An emulated processor takes longer to unpack much than the host to hand it over.
            file.write(gzip.compress(archive, 1) if self.initrd.endswith(".gz") else archive)

    def parameters(self, script):
        """Of New-VM: boots and runs these shell lines."""
        return {"KernelPath": self.kernel, "InitrdPath": self.initrd,
                "KernelCommandLine": _command_line(script, "memhp_default_state=online_movable")}

    @staticmethod
    def l2_by_qemu(script, mac, tap="tap0", megabytes=96):
        """The same by QEMU, with an adapter of that MAC at a tap of the guest's, which is in its bridge br0."""
        line = _command_line(script, "reboot=t")
        return (f"tunctl -t {tap} >/dev/null && ip link set {tap} master br0 up && {QEMU} -L /roms -accel kvm -M pc -nodefaults "
                f"-display none -serial stdio -m {megabytes} -no-reboot -kernel /vmlinuz -initrd /initrd -append '{line}' "
                f"-netdev tap,id=n,ifname={tap},script=no,downscript=no -device virtio-net-pci,netdev=n,mac={mac},romfile= </dev/null")

    @staticmethod
    def l2(script, megabytes=80):
        """The shell line that boots a guest inside the guest, which runs this script."""
        line = _command_line(script, "acpi=off noapic reboot=k")
        return f"/vmm /vmlinuz /initrd '{line}' {megabytes}"
