# SPDX-License-Identifier: Apache-2.0
"""The transcripts T5, T6 and T9 of the catalogue (section 6), as an administrator would type them: the NIC is called WNVNIC there."""

import pytest

import frames
from fabric import Host
from kit import Capture, CmdletError, Lab, underlay
from labs import PINGS, colons
from support import BUILD_DIR, Dropped, Wire, assert_settled, objects

NIC = "WNVNIC"
PAS = ("192.168.4.11", "192.168.4.22")
# Name, host, MAC, address, virtual subnet
GUESTS = (("Blue1", 0, "060600000005", "10.0.0.5", 5001), ("Blue2", 1, "060600000007", "10.0.0.7", 5001),
          ("Red1", 0, "080800000005", "10.0.0.5", 6001), ("Red2", 1, "080800000007", "10.0.0.7", 6001))
DUMMY = "169.254.254.254"


def record(vsid, ca, mac, pa, more=""):
    return (f'New-NetVirtualizationLookupRecord -CustomerAddress "{ca}" -ProviderAddress "{pa}" -VirtualSubnetID "{vsid}" '
            f'-MACAddress "{mac}" -Rule "TranslationMethodEncap" {more}')


def route(rdid, vsid, prefix, hop="0.0.0.0"):
    return (f'New-NetVirtualizationCustomerRoute -RoutingDomainID "{{11111111-2222-3333-4444-{rdid:012}}}" -VirtualSubnetID "{vsid}" '
            f'-DestinationPrefix "{prefix}" -NextHop "{hop}" -Metric 255')


def t5(host):
    """On one host. What was there before goes with the binding."""
    policy = "\n".join([record(vsid, ca, mac, PAS[where], f'-VMName "{name}"') for name, where, mac, ca, vsid in GUESTS]
                       + [route(vsid, vsid, "10.0.0.0/24") for vsid in (5001, 6001)])
    ports = "\n".join(f'Get-VMNetworkAdapter "{name}" | where {{$_.MacAddress -eq "{mac}"}} | Set-VMNetworkAdapter -VirtualSubnetID {vsid}'
                      for name, where, mac, _ca, vsid in GUESTS if where == host)
    return f"""
Disable-NetAdapterBinding {NIC} -ComponentID ms_netwnv
Enable-NetAdapterBinding {NIC} -ComponentID ms_netwnv
{policy}
$WNVNIC = Get-NetAdapter {NIC}
New-NetVirtualizationProviderAddress -InterfaceIndex $WNVNIC.InterfaceIndex -ProviderAddress "{PAS[host]}" -PrefixLength 24
{ports}
"""


# What T6 adds: a tenant with a gateway in a virtual subnet of its own.
T6 = "\n".join([
    record(6000, "10.0.0.5", "101010101105", PAS[0]), record(6000, "10.0.0.7", "101010101107", PAS[1]),
    record(6000, "10.0.0.1", "101010101101", DUMMY), record(5000, "10.0.1.2", "101010101002", "192.168.4.103"),
    record(5000, "10.0.1.1", "101010101001", DUMMY),
    record(5000, "0.0.0.0", "101010101002", "192.168.4.103", '-Type "GatewayWildcard"'),
    route(0, 6000, "10.0.0.0/24"), route(0, 5000, "10.0.1.0/24"), route(0, 5000, "0.0.0.0/0", "10.0.1.2"),
    f'New-NetVirtualizationProviderRoute -InterfaceIndex (Get-NetAdapter {NIC}).InterfaceIndex -DestinationPrefix "0.0.0.0/0" '
    '-NextHop "192.168.4.1"'])


class Fabric:
    def __init__(self, lab):
        self.lab = lab
        namespaces = lab.namespaces("host1", "host2")
        underlay.build("veth", *namespaces, BUILD_DIR, name1=NIC, name2=NIC)
        self.hosts = [Host(ns, ns.label) for ns in namespaces]
        for host in self.hosts:
            host.switch(nic=NIC)
        self.guests = {name: self.hosts[where].guest(name, ca, mac) for name, where, mac, ca, _vsid in GUESTS}

    def run(self, host, text):
        path = self.lab.path("transcript.ps1")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return self.hosts[host].daemon.script(path)


@pytest.fixture(scope="module", name="fabric")
def _fabric():
    with Lab("nst") as lab:
        fabric = Fabric(lab)
        for host in (0, 1):
            fabric.run(host, t5(host))
        yield fabric
        for host in fabric.hosts:
            assert_settled(host.daemon)


def test_t5_blue_pings_blue_and_red_pings_red(fabric):
    wrong = []
    for name, _where, _mac, own, vsid in GUESTS:
        for address in {"10.0.0.5", "10.0.0.7"} - {own}:
            before = {n: g.echo_requests() for n, g in fabric.guests.items()}
            answered = fabric.guests[name].ping(address)
            heard = {n for n, g in fabric.guests.items() if g.echo_requests() != before[n]}
            expected = {g[0] for g in GUESTS if g[3] == address and g[4] == vsid}
            if not answered or heard != expected:
                wrong.append((name, address, answered, heard))
    assert wrong == []


def test_t5_again_is_the_same(fabric):
    """It begins with what removes everything: an administrator runs it as often as he likes, and traffic is there again."""
    before = objects(fabric.hosts[0].daemon)
    fabric.run(0, t5(0))
    assert objects(fabric.hosts[0].daemon) == before
    assert fabric.guests["Blue1"].ping("10.0.0.7")
    assert fabric.guests["Red2"].ping("10.0.0.5")


def test_t6_resolves_as_documented(fabric):
    """The policy; the gateway itself is another matter."""
    host = fabric.hosts[0]
    fabric.run(0, T6)
    extra = host.guest("Tenant", "10.0.0.5", "101010101105", 6000)

    def select(vsid, to):
        found = host.do("Select-NetVirtualizationNextHop", SourceVirtualSubnetID=vsid, DestinationCustomerAddress=to)[0]
        return found["NextHopAddress"], found["NextHopMACAddress"]

    assert select(6000, "10.0.0.7") == ("10.0.0.7", "101010101107")
    assert select(6000, "10.0.1.2") == ("10.0.1.2", "101010101002")
    for outside in ("8.8.8.8", "172.16.0.1", "10.0.2.1"):
        assert select(6000, outside) == ("10.0.1.2", "101010101002")
    assert select(5000, "10.0.0.7") == ("10.0.0.7", "101010101107")
    for vsid, nobody in ((6000, "10.0.0.99"), (5000, "10.0.0.99")):
        with pytest.raises(CmdletError) as refused:
            select(vsid, nobody)
        assert refused.value.answer["errors"][0]["id"] == "Wnv.NextHopUnresolvable"
    # "Ping 10.0.0.1 gives no reply but arp shows 10-10-10-10-11-01"
    with Dropped(host.daemon, host.port("Tenant"), ROUTER_ADDRESS=PINGS):
        extra.run("ip", "route", "add", "default", "via", "10.0.0.1")
        assert not extra.ping("10.0.0.1")
    assert f"lladdr {colons('101010101101')} " in extra.run("ip", "neigh", "show", "10.0.0.1").out
    # what has no record goes to the gateway's host
    with Capture(host.ns, NIC) as capture:
        extra.ping("8.8.8.8")
        asked = capture.wait_packets("arp.dst.proto_ipv4", filter="arp.opcode == 1 && arp.dst.proto_ipv4 == 192.168.4.103")
    assert asked
    host.do("Stop-VM", Name="Tenant", TurnOff=True)
    host.do("Remove-VM", Name="Tenant", Force=True)
    host.do("Remove-NetVirtualizationProviderRoute")
    for vsid in (5000, 6000):
        host.do("Remove-NetVirtualizationLookupRecord", VirtualSubnetID=vsid)
        host.do("Remove-NetVirtualizationCustomerRoute", VirtualSubnetID=vsid)
    assert fabric.guests["Blue1"].ping("10.0.0.7")


def t9_frame(macs, **options):
    inner = frames.udp(src=colons("060600000007"), dst=colons("060600000005"), ip_src="10.0.0.7", ip_dst="10.0.0.5",
                       tags=options.pop("tags", ()))
    return frames.nvgre(inner, macs, **{"vsid": 5001, "src": PAS[1], "dst": PAS[0], **options})


@pytest.mark.parametrize("reason, options", [
    ("INNER_VLAN_TAG", {"tags": (0x8100,)}), ("VSID_RESERVED", {"vsid": 0xfff}), ("VSID_RESERVED", {"vsid": 0xffffff}),
    ("WRONG_SOURCE_PA", {"src": "192.168.4.33"}), ("OUTER_FRAGMENT", {"ip": {"flags": "MF"}}),
    ("OUTER_FRAGMENT", {"ip": {"frag": 185}})])
def test_t9_dropped(fabric, reason, options):
    macs = [host.ns.mac(NIC) for host in fabric.hosts]
    with Wire(fabric.hosts[1].ns, NIC) as wire, Dropped(fabric.hosts[0].daemon, NIC, **{reason: 1}):
        wire.send(t9_frame((macs[1], macs[0]), **options))


@pytest.mark.parametrize("size", [1459, 1500])
def test_t9_answered(fabric, size):
    blue = fabric.guests["Blue1"]
    blue.run("ip", "link", "set", "eth0", "mtu", 1500)
    try:
        out = blue.run("ping", "-n", "-c", 1, "-W", 2, "-M", "do", "-s", size - 28, "10.0.0.7", check=False).out
        assert "Frag needed and DF set (mtu = 1458)" in out
        assert blue.ping_size("10.0.0.7", 1458)
    finally:
        blue.run("ip", "link", "set", "eth0", "mtu", 1458)
        blue.run("ip", "route", "flush", "cache")
