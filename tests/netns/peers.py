# SPDX-License-Identifier: Apache-2.0
"""Other people's hosts beside one of ours: the kernel's vxlan device, and Open vSwitch's userspace datapath.

Each has the machine b (10.10.10.12) of the pair, and our host has a (10.10.10.11), in virtual subnet 5010.
"""

import json

from fabric import Host
from frames import A_IP, A_MAC, B_IP, B_MAC, VSID
from kit import Process, underlay, wait_for
from kit.capture import decode
from kit.openvswitch import Switch
from support import BUILD_DIR

PAS = {4: ("214.214.51.42", "214.214.51.43"), 6: ("2001:db8:51::42", "2001:db8:51::43")}
# Wireshark's expert information: PI_WARN, and PI_SEQUENCE, which is what TCP of the guests has been through, not how it looks
WARNING = 0x600000
SEQUENCE = 0x2000000
CHECKED = ["ip.check_checksum:TRUE", "udp.check_checksum:TRUE", "tcp.check_checksum:TRUE", "tcp.analyze_sequence_numbers:FALSE"]
# RFC 6935; tshark takes it for an error unless told so
ZERO_ALLOWED = ["udp.ignore_ipv6_zero_checksum:TRUE"]


class Machine:
    """The other host's machine: a namespace with eth0 in it. What tests do with a guest goes with it, too."""

    def __init__(self, ns):
        self.ns = ns
        self.netns = ns.path

    def command(self, *args):
        return self.ns.command(*args)

    def run(self, *args, **options):
        return self.ns.run(*args, **options)

    def ping(self, address, count=2):
        done = self.run("ping", "-n", "-q", "-c", count, "-i", "0.05", "-W", 1, address, check=False)
        return done.code == 0 and f" {count} received" in done.out


class Mixed:
    """Our host1 with guest a, somebody else's host2; rule: of the records. segmented: nothing is left for a NIC to do."""

    def __init__(self, lab, rule, family, kind):
        self.lab, self.family, self.kind = lab, family, kind
        self.vxlan = rule == "TranslationMethodEncapVxlan"
        self.segmented = self.is_ovs = False
        self.ours, self.theirs = lab.namespaces("host1", "host2")
        self.pas = PAS[family]
        underlay.build(kind, self.ours, self.theirs, BUILD_DIR)
        self.machine = lab.namespace("b")
        self.host = Host(self.ours, "host1")
        self.host.switch()
        self.host.provider(self.pas[0])
        for ca, mac, pa in ((A_IP, A_MAC, self.pas[0]), (B_IP, B_MAC, self.pas[1])):
            self.host.record(VSID, ca, mac, pa, rule)
        self.host.subnet(VSID, "10.10.10.0/24")
        self.a = self.host.guest("a", A_IP, A_MAC, VSID)
        self.b = Machine(self.machine)

    @property
    def daemons(self):
        return [self.host.daemon]

    def address(self, interface):
        """The other host's provider address."""
        if self.family == 6:
            # The kit has IPv6 off, so that nothing disturbs counts.
            self.theirs.sysctl(f"net.ipv6.conf.{interface}.disable_ipv6", 0)
            self.theirs.ip(f"addr add {self.pas[1]}/64 dev {interface} nodad")
        else:
            self.theirs.ip(f"addr add {self.pas[1]}/24 dev {interface}")

    def configure(self, interface, mtu):
        """b's interface, where it is: it knows a's MAC address, since ARP never leaves our host."""
        self.machine.ip(f"link set {interface} down", f"link set {interface} name eth0 address {B_MAC} mtu {mtu} up",
                        f"addr add {B_IP}/24 dev eth0", f"neigh add {A_IP} lladdr {A_MAC} dev eth0")

    def iperf3(self, reverse):
        """Bytes that had arrived in the end of 20 MB of TCP, from a to b or back."""
        server = self.lab.own(Process(*self.b.command("iperf3", "-s", "-1")))
        wait_for(lambda: self.b.run("ss", "-Hltn", "sport = :5201").out, 10, "iperf3 to listen")
        done = self.a.run("iperf3", "-c", B_IP, "-n", "20M", "-J", *(["-R"] if reverse else []), timeout=120)
        server.wait(10, check=False)
        return json.loads(done.out)["end"]["sum_received"]["bytes"]


def kernel_vxlan(lab, family, kind, options=""):
    """The kernel's vxlan device as it is made by `ip link add`, with these options besides."""
    mixed = Mixed(lab, "TranslationMethodEncapVxlan", family, kind)
    mixed.address(underlay.UPLINK)
    mixed.theirs.ip(f"link add vx type vxlan id {VSID} dstport 4789 local {mixed.pas[1]} remote {mixed.pas[0]} dev {underlay.UPLINK} "
                    f"nolearning {options}", f"link set vx netns {mixed.machine.name}")
    mixed.configure("vx", 1500 - (50 if family == 4 else 70))
    return mixed


def open_vswitch(lab, kind, family):
    """Open vSwitch with a tunnel port of that kind: "gre", which is NVGRE, or "vxlan"."""
    mixed = Mixed(lab, "TranslationMethodEncap" if kind == "gre" else "TranslationMethodEncapVxlan", family, "veth")
    mixed.segmented = mixed.is_ovs = True
    underlay.pair(mixed.theirs, "port", mixed.machine, "inner")
    # It takes packets as they are on a wire: whole, and with finished checksums.
    for ns, interface in ((mixed.ours, underlay.UPLINK), (mixed.theirs, underlay.UPLINK), (mixed.theirs, "port"), (mixed.machine, "inner")):
        ns.ethtool(interface, "tx", "off")
    switch = Switch(lab, mixed.theirs, "ovs")
    switch.control("add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev",
                   f"other_config:hwaddr={mixed.theirs.mac(underlay.UPLINK)}", "--", "add-port", "br-phy", underlay.UPLINK)
    # The lower eight bits of NVGRE's key are not the virtual subnet's: they are what the sender likes (WG-2).
    switch.control("add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev", "fail_mode=secure",
                   "--", "add-port", "br-int", "port", "--", "set", "interface", "port", "ofport_request=1",
                   "--", "add-port", "br-int", "tunnel", "--", "set", "interface", "tunnel", "ofport_request=2", f"type={kind}",
                   f"options:remote_ip={mixed.pas[0]}", f"options:local_ip={mixed.pas[1]}", "options:key=flow")
    key, mask = (VSID << 8, "0xffffff00") if kind == "gre" else (VSID, "0xffffff")
    switch.flow("br-int", f"in_port=1,actions=set_field:{key:#x}->tun_id,output:2")
    switch.flow("br-int", f"in_port=2,tun_id={key:#x}/{mask},actions=output:1")
    mixed.theirs.ip("link set br-phy up")
    mixed.address("br-phy")
    mixed.configure("inner", 1500 - {("gre", 4): 42, ("vxlan", 4): 50, ("gre", 6): 62, ("vxlan", 6): 70}[kind, family])
    # It learns link addresses of the underlay from what it sees, and asks for none.
    wait_for(lambda: mixed.theirs.ping(mixed.pas[0]), 10, "the hosts to reach each other")
    return mixed


def warnings(file, filter=None):  # pylint: disable=redefined-builtin
    """What tshark has to complain about, with all checksums checked: the messages."""
    bad = f"_ws.expert.severity >= {WARNING} && !(_ws.expert.group == {SEQUENCE})"
    filter = f"({filter}) && {bad}" if filter else bad
    found = decode(file, "frame.number", "_ws.expert.message", filter=filter, preferences=CHECKED + ZERO_ALLOWED)
    # One sum in 65536 is 0, which kernels write as all ones in TCP, too: the two mean the same (RFC 1624).
    return [f for f in found if f["_ws.expert.message"] != ["TCP Checksum 0xffff instead of 0x0000 (see RFC 1624)"]]
