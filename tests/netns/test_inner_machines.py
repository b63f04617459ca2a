# SPDX-License-Identifier: Apache-2.0
"""T2 end to end: a Linux in a QEMU in a virtual machine, and its network; and machines' traffic in large segments.

Besides, what nested virtualization is (test_nested.py): there the hypervisor inside is a small one, here it is QEMU.
"""

import contextlib
import hashlib

import pytest

from fabric import PAS
from kit import Image, Lab, Process, underlay, wait_for
from labs import colons
from support import BUILD_DIR, assert_settled
from test_machines import BOOT_SECONDS, Machines, addressed

pytestmark = pytest.mark.slow

VSID = 5010
L1_MAC, L2_MAC, FAR_MAC = "000000000011", "000000000051", "000000000012"
C_MAC, D_MAC = "000000000021", "000000000022"
C, D = "10.10.10.21", "10.10.10.22"
FAR, LEASE, PLAIN_LEASE = "10.10.10.12", "10.10.10.51", "10.10.10.61"
# eth0 and the inner machines' taps are ports of br0, which has the adapter's own MAC address.
BRIDGE = """ip link add br0 type bridge
ip link set br0 address $(cat /sys/class/net/eth0/address)
ip link set eth0 master br0 up
ip link set br0 up
echo guest: up
"""
# Asks for an address until it has one, then for answers until there are none, and so on.
CLIENT = """ip link set eth0 up
while :; do
  if ! udhcpc -i eth0 -n -q -f -t 3 -T 1 -s /etc/udhcpc >/dev/null 2>&1; then echo "L2: no lease"; continue; fi
  echo "L2: has $(ip -4 -o addr show eth0 | sed 's/.*inet //; s/ .*//')"
  while ping -c 1 -W 3 $(cat /server) >/dev/null; do echo "L2: pong"; sleep 1; done
  echo "L2: lost"
  ip addr flush dev eth0
done
"""


class Net:
    def __init__(self, lab):
        self.lab = lab
        namespaces = lab.namespaces("host1", "host2")
        underlay.build("cable", *namespaces, BUILD_DIR)
        self.host, self.other = Machines(namespaces[0], "host1"), Machines(namespaces[1], "host2")
        for host, pa in zip((self.host, self.other), PAS):
            host.switch()
            host.provider(pa)
            host.subnet(VSID, "10.10.10.0/24")
            host.record(VSID, "10.10.10.11", L1_MAC, PAS[0])
            host.record(VSID, C, C_MAC, PAS[0])
            host.record(VSID, D, D_MAC, PAS[1])
            host.record(VSID, FAR, FAR_MAC, PAS[1])
            host.do("New-NetVirtualizationLookupRecord", VirtualSubnetID=VSID, CustomerAddress="0.0.0.0", MACAddress=L2_MAC,
                    ProviderAddress=PAS[0], Rule="TranslationMethodEncap", Type="L2Only")
            host.do("New-NetVirtualizationBroadcast", VirtualSubnetID=VSID)
        # Host1 learns it; the other one has its policy from an administrator.
        self.other.record(VSID, LEASE, L2_MAC, PAS[0])
        self.far = self.other.guest("far", FAR, FAR_MAC, VSID)
        self.outside = self.host.guest("outside", "10.10.10.99")

    @contextlib.contextmanager
    def dhcp_server(self, guest, address):
        """In a guest, with this address alone to give."""
        server = Process(*guest.command(
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--no-ping", "--interface=eth0", "--user=root",
            f"--dhcp-range={address},{address},255.255.255.0,1h", f"--dhcp-leasefile={self.lab.path('leases-' + guest.name)}",
            "--log-facility=-", f"--pid-file={self.lab.path('dnsmasq-' + guest.name)}"))
        with contextlib.closing(server):
            wait_for(lambda: ":67 " in guest.run("ss", "-lun").out, 10, "dnsmasq to listen")
            yield


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        net = Net(lab)
        yield net
        for host in (net.host, net.other):
            for vm in host.do("Get-VM"):
                host.do("Stop-VM", Name=vm["Name"], TurnOff=True)
            assert_settled(host.daemon)


class Console:
    """What a guest says from now on."""

    def __init__(self, host, name):
        self.host, self.name = host, name
        self.start = len(host.console(name))

    def wait(self, text):
        wait_for(lambda: text in self.host.console(self.name)[self.start:], BOOT_SECONDS, f"{text!r} from now on",
                 lambda: self.host.console(self.name)[-3000:] + self.host.daemon.log_tail())

    def said(self, text):
        return text in self.host.console(self.name)[self.start:]


def spoofing(net, on):
    """As T2 has it."""
    net.host.daemon.pipeline(f"Get-VMNetworkAdapter -VMName L1 | Set-VMNetworkAdapter -MacAddressSpoofing {'On' if on else 'Off'}")


def status(net):
    adapter = net.host.adapter("L1")
    return adapter["Status"], adapter["StatusDescription"]


def refused_then_leased_then_lost(net, address, peer):
    """T2: nothing; with spoofing on an address, and answers in both directions; off again, nothing."""
    console = Console(net.host, "L1")
    console.wait("L2: no lease")
    assert not console.said("leased")
    assert status(net)[0] == "Degraded" and "MacAddressSpoofing is off" in status(net)[1]
    spoofing(net, True)
    console.wait(f"L2: has {address}/24")
    console.wait("L2: pong")
    wait_for(lambda: peer.ping(address), 20, f"{address} to answer")
    assert status(net) == ("Ok", "OK")
    spoofing(net, False)
    assert not peer.ping(address, 1)
    console = Console(net.host, "L1")
    console.wait("L2: lost")
    console.wait("L2: no lease")
    assert not console.said("leased")


def test_an_inner_machine_bridged(net):
    """By a DHCP server outside of L1: without a virtual subnet, and in one from the other host."""
    image = Image(net.lab, BUILD_DIR, hypervisor=True, qemu=True)
    net.host.make("L1", image, BRIDGE + image.l2_by_qemu(CLIENT, colons(L2_MAC)), start=False)
    net.host.do("Set-VMMemory", VMName="L1", StartupBytes="512MB")
    net.host.do("Set-VMNetworkAdapter", VMName="L1", StaticMacAddress=L1_MAC)
    net.host.do("Set-VMProcessor", VMName="L1", ExposeVirtualizationExtensions=True)
    net.host.do("Start-VM", Name="L1")
    net.host.wait_console("L1", "guest: up")
    wait_for(lambda: net.host.vm("L1")["NestedHypervisor"] == "Running", BOOT_SECONDS, "QEMU to run in L1",
             lambda: net.host.console("L1"))
    with net.dhcp_server(net.outside, PLAIN_LEASE):
        refused_then_leased_then_lost(net, PLAIN_LEASE, net.outside)
    net.host.do("Set-VMNetworkAdapter", VMName="L1", VirtualSubnetId=VSID)
    with net.dhcp_server(net.far, LEASE):
        refused_then_leased_then_lost(net, LEASE, net.far)
    net.host.do("Stop-VM", Name="L1", TurnOff=True)
    net.host.do("Remove-VM", Name="L1", Force=True)


def carried(host, name):
    """Bytes and packets that have left the host for the guest, and come from it."""
    link = next(l for l in host.ns.ip_json("-statistics", "link", "show") if l["ifname"] == host.port(name))
    return [(link["stats64"][way]["bytes"], link["stats64"][way]["packets"]) for way in ("tx", "rx")]


def bytes_a_packet(before, after):
    return (after[0] - before[0]) / (after[1] - before[1])


def test_large_segments(net):
    """Segmentation and checksums are left to whoever is last, from one machine's virtio to the other's; what arrives is right."""
    image = Image(net.lab, BUILD_DIR)
    with open("/bin/busybox", "rb") as file:
        expected = hashlib.md5(file.read() * 16).hexdigest()
    send = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do cat /bin/busybox; done"
    # Each takes what the other sends, is told, and sends.
    for host, name, mac, own, other in ((net.host, "c", C_MAC, C, D), (net.other, "d", D_MAC, D, C)):
        host.make(name, image, f"{addressed(own)}\nsleep 1000 | nc -l -p 7 | md5sum &\nnc -l -p 99\n{send} | nc {other} 7", start=False)
        host.do("Set-VMNetworkAdapter", VMName=name, StaticMacAddress=mac, VirtualSubnetId=VSID)
        host.do("Start-VM", Name=name)
        host.wait_console(name, "guest: up")
    for (sender, name, address), (taker, other) in (((net.host, "c", C), (net.other, "d")), ((net.other, "d", D), (net.host, "c"))):
        before = carried(sender, name)[1], carried(taker, other)[0]
        wait_for(lambda: net.far.run("bash", "-c", f"exec 3<>/dev/tcp/{address}/99", check=False).code == 0, BOOT_SECONDS,
                 f"{name} to be told")
        taker.wait_console(other, expected)
        assert bytes_a_packet(before[0], carried(sender, name)[1]) > 1600
        assert bytes_a_packet(before[1], carried(taker, other)[0]) > 1600
