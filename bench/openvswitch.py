# SPDX-License-Identifier: Apache-2.0
"""NVGRE by Open vSwitch's userspace datapath on both hosts: GRE with a key, whose upper 24 bits are the virtual subnet."""

from kit import underlay as kit_underlay, wait_for
from kit.openvswitch import Switch
from topology import GUEST_IF, HOSTS, VSID, configure, two_hosts


def ovs(lab, underlay, build_dir):
    """The guests at a bridge of the userspace datapath, the uplink in another one that has the provider address."""
    guests = []
    pairs = two_hosts(lab, "ovs", underlay, build_dir)
    for number, (host_ns, guest_ns) in enumerate(pairs):
        host, far = HOSTS[number], HOSTS[1 - number]
        kit_underlay.pair(host_ns, "port", guest_ns, GUEST_IF)
        # The userspace datapath takes packets as they are on a wire: whole, and with finished checksums.
        for where, interface in ((host_ns, "port"), (guest_ns, GUEST_IF), (host_ns, kit_underlay.UPLINK)):
            where.ethtool(interface, "tx", "off")
        switch = Switch(lab, host_ns, f"ovs-{number}")
        mac = host_ns.mac(kit_underlay.UPLINK)
        switch.control("add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev", f"other_config:hwaddr={mac}",
                       "--", "add-port", "br-phy", kit_underlay.UPLINK)
        switch.control("add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev",
                       "--", "add-port", "br-int", "port",
                       "--", "add-port", "br-int", "gre0", "--", "set", "interface", "gre0", "type=gre",
                       f"options:remote_ip={far.provider}", f"options:local_ip={host.provider}", f"options:key={VSID << 8}")
        host_ns.ip(f"addr add {host.provider}/24 dev br-phy", "link set br-phy up")
        guests.append(configure(guest_ns, host))
    # It learns link addresses of the underlay from what it sees, and asks for none.
    wait_for(lambda: pairs[0][0].ping(HOSTS[1].provider), 10, "the hosts to reach each other by br-phy")
    return guests
