# SPDX-License-Identifier: Apache-2.0
"""Networks of machines inside machines: bridged, with MAC addresses of their own (NN-1..NN-3, T2; docs/decisions/0020).

The machines are namespaces here, and those inside them too; test_inner_machines.py has real ones.
"""

import contextlib
import hashlib
import json

import pytest

import frames
from fabric import PAS, two_hosts
from kit import Capture, Lab, Process, run, underlay, wait_for
from labs import colons
from support import Dropped, Wire, assert_settled, hang_up
from test_learning import UDHCPC

VSID = 5010
TAKE = """import hashlib, socket
with socket.create_server(("", 7)) as server, server.accept()[0] as taken:
    digest = hashlib.md5()
    while part := taken.recv(1 << 16):
        digest.update(part)
print(digest.hexdigest())
"""
# Name: host, MAC, address; those inside others have no adapter.
GUESTS = {
    "l1": (0, "000000000011", "10.10.10.11"),
    "l1b": (0, "000000000013", "10.10.10.13"),
    "near": (0, "000000000014", "10.10.10.14"),
    "far": (1, "000000000012", "10.10.10.12"),
}
INNER = {"n": ("000000000051", "10.10.10.51"), "d": ("000000000052", None)}


class Net:
    def __init__(self, lab):
        self.lab = lab
        self.hosts = two_hosts(lab)
        self.host = self.hosts[0]
        for host in self.hosts:
            host.subnet(VSID, "10.10.10.0/24")
            for where, mac, address in GUESTS.values():
                host.record(VSID, address, mac, PAS[where])
            host.record(VSID, INNER["n"][1], INNER["n"][0], PAS[0])
            host.do("New-NetVirtualizationLookupRecord", VirtualSubnetID=VSID, CustomerAddress="0.0.0.0", MACAddress=INNER["d"][0],
                    ProviderAddress=PAS[0], Rule="TranslationMethodEncap", Type="L2Only")
            host.do("New-NetVirtualizationBroadcast", VirtualSubnetID=VSID)
        self.guests = {name: self.hosts[where].guest(name, None if name.startswith("l1") else address, mac, VSID)
                       for name, (where, mac, address) in GUESTS.items()}
        self.host.switch("plain", nic=None, SwitchType="Private")
        self.guests["p1"] = self.host.guest("p1", switch="plain")
        self.guests["outside"] = self.host.guest("outside", "10.10.10.99", switch="plain")
        self.inner = {name: lab.namespace(name) for name in (*INNER, "p")}
        for name in ("l1", "l1b", "p1"):
            guest = self.guests[name]
            guest.run("ip", "link", "add", "br0", "address", guest_mac(guest), "type", "bridge")
            guest.run("ip", "link", "set", "eth0", "master", "br0")
            guest.run("ip", "link", "set", "br0", "up")
        self.inside("n", "l1", *INNER["n"])
        self.inside("d", "l1", *INNER["d"])
        self.inside("p", "p1", "020000000061", "10.10.10.61")

    def inside(self, name, guest, mac, address):
        """A machine at the bridge of a guest."""
        ns = self.inner[name]
        self.guests[guest].run("ip", "link", "add", f"v-{name}", "type", "veth", "peer", "name", "eth0", "address", colons(mac),
                               "netns", ns.name)
        self.guests[guest].run("ip", "link", "set", f"v-{name}", "master", "br0", "up")
        ns.ip("link set eth0 up", *([f"addr add {address}/24 dev eth0"] if address else []))

    def spoofing(self, name, on):
        self.host.do("Set-VMNetworkAdapter", VMName=name, MacAddressSpoofing="On" if on else "Off")

    def status(self, name):
        adapter = self.host.adapter(name)
        return adapter["Status"], adapter["StatusDescription"]

    def dropped(self, name, **reasons):
        return Dropped(self.host.daemon, self.host.port(name), **reasons)

    def forget_neighbours(self):
        for inside in self.inner.values():
            inside.ip("neigh flush all")


def guest_mac(guest):
    return json.loads(guest.run("ip", "-json", "link", "show", "eth0").out)[0]["address"]


@pytest.fixture(scope="module", name="all_of_it")
def _all():
    with Lab("nst") as lab:
        net = Net(lab)
        yield net
        for host in net.hosts:
            assert_settled(host.daemon)


@pytest.fixture(name="net")
def _net(all_of_it):
    yield all_of_it
    for name in ("l1", "l1b", "p1"):
        all_of_it.spoofing(name, False)
    all_of_it.forget_neighbours()


def test_plain_switch(net):
    """NN-1, T2: nothing gets out, which is counted and told; with spoofing on it does, and answers come back."""
    outside = net.guests["outside"]
    assert net.status("p1") == ("Ok", "OK")
    with net.dropped("p1", SOURCE_MAC_SPOOFED=2):
        net.inner["p"].run("arping", "-q", "-c", 2, "-w", 2, "-I", "eth0", "10.10.10.99", check=False)
    assert net.status("p1") == (
        "Degraded", "MacAddressSpoofing is off, and 2 frames with other MAC addresses than the adapter's were dropped: "
        "machines inside the guest need it on")
    net.host.daemon.pipeline("Get-VMNetworkAdapter -VMName p1 | Set-VMNetworkAdapter -MacAddressSpoofing On")
    assert net.status("p1") == ("Ok", "OK")
    assert net.inner["p"].ping("10.10.10.99", 3)
    assert outside.ping("10.10.10.61")
    net.spoofing("p1", False)
    assert not net.inner["p"].ping("10.10.10.99", 1, 1)
    assert not outside.ping("10.10.10.61", 1)


def test_arp_for_another(net):
    """NN-3: the frame is the adapter's, what it says is not."""
    with net.dropped("l1", ARP_SPOOFED=1), Wire(net.guests["l1"], "eth0") as wire:
        wire.send(frames.arp(op="is-at", src=colons(GUESTS["l1"][1]), sha=colons(INNER["n"][0]), spa=INNER["n"][1]))
    assert net.status("l1")[0] == "Degraded"


def test_in_a_virtual_subnet(net):
    """The same with VSID, to the other host and on this one; and it stops at once in both directions."""
    n, far, near = net.inner["n"], net.guests["far"], net.guests["near"]
    with net.dropped("l1", SOURCE_MAC_SPOOFED=2):
        assert n.run("arping", "-q", "-c", 2, "-w", 2, "-I", "eth0", "10.10.10.12", check=False).code != 0
    assert "MacAddressSpoofing is off" in net.status("l1")[1]
    with Dropped(net.host.daemon, underlay.UPLINK, DESTINATION_NOT_LOCAL=1):
        assert not far.ping("10.10.10.51", 1)
    net.spoofing("l1", True)
    assert n.ping("10.10.10.12", 3)
    assert far.ping("10.10.10.51") and near.ping("10.10.10.51")
    assert n.ping("10.10.10.14", 3)
    assert net.status("l1") == ("Ok", "OK")
    # The dataplane knows where it is, whether there is a daemon or not.
    net.host.daemon.kill9()
    assert far.ping("10.10.10.51")
    net.host.daemon.start()
    assert far.ping("10.10.10.51")
    assert hang_up(net.host.daemon)["lastWrites"] == 0
    net.spoofing("l1", False)
    assert not n.ping("10.10.10.12", 1, 1)
    assert not far.ping("10.10.10.51", 1) and not near.ping("10.10.10.51", 1)


def test_large_segments(net):
    """TCP with all offloads, both ways: what arrives is what was sent."""
    net.spoofing("l1", True)
    send = "for i in 1 2 3 4 5 6 7 8; do cat /bin/busybox; done"
    with open("/bin/busybox", "rb") as file:
        expected = hashlib.md5(file.read() * 8).hexdigest()
    for taker, sender, address in ((net.guests["far"], net.inner["n"], "10.10.10.12"), (net.inner["n"], net.guests["far"], INNER["n"][1])):
        taking = Process(*taker.command("python3", "-c", TAKE))
        with contextlib.closing(taking):
            wait_for(lambda: ":7 " in taker.run("ss", "-ltn").out, 10, "nc to listen")
            sender.run("sh", "-c", f"({send}) | busybox nc {address} 7")
            taking.wait_output(expected)


def test_not_seen_yet(net):
    """What is for one that has said nothing goes to every port that may have it; once it answers, to one."""
    net.spoofing("l1", True)
    net.spoofing("l1b", True)
    other = net.lab.namespace("silent")
    net.guests["l1"].run("ip", "link", "add", "v-s", "type", "veth", "peer", "name", "eth0", "address", colons("000000000053"),
                         "netns", other.name)
    net.guests["l1"].run("ip", "link", "set", "v-s", "master", "br0", "up")
    for host in net.hosts:
        host.record(VSID, "10.10.10.53", "000000000053", PAS[0])
    with Capture(net.host.ns, net.host.port("l1b")) as both:
        assert not net.guests["far"].ping("10.10.10.53", 1)
        both.wait_packets("icmp.type", filter="icmp")
    other.ip("link set eth0 up", "addr add 10.10.10.53/24 dev eth0")
    assert net.guests["far"].ping("10.10.10.53", 2)
    with Capture(net.host.ns, net.host.port("l1b")) as alone:
        assert net.guests["far"].ping("10.10.10.53") and net.guests["near"].ping("10.10.10.53")
    assert alone.packets("icmp.type", filter="icmp") == []
    for host in net.hosts:
        host.do("Remove-NetVirtualizationLookupRecord", CustomerAddress="10.10.10.53")


def test_moves(net):
    """An inner machine that turns up behind another port is there from its first frame on."""
    net.spoofing("l1", True)
    net.spoofing("l1b", True)
    assert net.guests["far"].ping("10.10.10.51", 2)
    net.guests["l1"].run("ip", "link", "del", "v-n")
    net.inside("n", "l1b", *INNER["n"])
    assert net.inner["n"].ping("10.10.10.12", 2)
    assert net.guests["far"].ping("10.10.10.51", 2)
    net.spoofing("l1b", False)
    assert not net.guests["far"].ping("10.10.10.51", 1)
    net.guests["l1b"].run("ip", "link", "del", "v-n")
    net.inside("n", "l1", *INNER["n"])


def learnt(net):
    return [r["CustomerAddress"] for r in net.host.do("Get-NetVirtualizationLookupRecord") if r["Type"] == "Dynamic"]


def test_dhcp(net):
    """HN-8: an address by DHCP from a server on the other host is learnt of a machine inside a machine, too, and goes with spoofing."""
    far, script = net.guests["far"], net.lab.path("udhcpc")
    with open(script, "w", encoding="ascii") as file:
        file.write(UDHCPC)
    run("chmod", "755", script)
    client = ("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", 5, "-T", 1, "-s", script)
    server = Process(*far.command(
        "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--no-ping", "--interface=eth0", "--user=root",
        "--dhcp-range=10.10.10.100,10.10.10.120,255.255.255.0,1h", f"--dhcp-leasefile={net.lab.path('leases')}",
        "--log-facility=-", f"--pid-file={net.lab.path('dnsmasq')}"))
    with contextlib.closing(server):
        wait_for(lambda: ":67 " in far.run("ss", "-lun").out, 10, "dnsmasq to listen")
        assert net.inner["d"].run(*client, check=False).code != 0
        assert learnt(net) == []
        net.spoofing("l1", True)
        net.inner["d"].run(*client)
    address = net.inner["d"].ip_json("addr", "show", "dev", "eth0")[0]["addr_info"][0]["local"]
    wait_for(lambda: learnt(net) == [address], 10, f"{address} to be learnt", net.host.daemon.log_tail)
    assert net.guests["near"].ping(address)
    # The other host gets its policy from an administrator.
    net.hosts[1].record(VSID, address, INNER["d"][0], PAS[0])
    assert net.inner["d"].ping("10.10.10.12", 2) and far.ping(address)
    # What another record has is not for it to take.
    net.inner["d"].ip("addr add 10.10.10.14/24 dev eth0")
    with net.dropped("l1", SOURCE_NOT_IN_POLICY=1):
        net.inner["d"].run("arping", "-q", "-A", "-c", 1, "-I", "eth0", "10.10.10.14", check=False)
    net.spoofing("l1", False)
    assert learnt(net) == []
    net.hosts[1].do("Remove-NetVirtualizationLookupRecord", CustomerAddress=address)
