# SPDX-License-Identifier: Apache-2.0
"""Variants that are Nestor: nestord on both hosts, everything by the cmdlets of the runbooks."""

from dataclasses import dataclass

from kit import Daemon, underlay as kit_underlay
from topology import GUEST_IF, GUEST_MTU, HOSTS, ROUTING_DOMAIN, VSID, Guest

ENCAP, REWRITE = "TranslationMethodEncap", "TranslationMethodNat"
DUMMY = "169.254.254.254"


def plain(mac):
    return mac.replace(":", "")


@dataclass(frozen=True)
class Plan:
    """The policy, the same on both hosts: the guests' virtual subnets, their prefixes, and the MACs of their routers."""
    rule: str = ENCAP
    hosts: tuple = HOSTS
    vsids: tuple = (VSID, VSID)
    # By virtual subnet: prefix, address and MAC of the router; none: within the subnet only.
    routers: tuple = ()
    # Commands for each host after all others; {guest} is its guest.
    more: tuple = ()

    def policy(self):
        for host, vsid in zip(self.hosts, self.vsids):
            yield _record(vsid, host.address, host.mac, host.provider, self.rule)
        if not self.routers:
            yield _route(VSID, "10.10.10.0/24")
        for vsid, prefix, address, mac in self.routers:
            yield _record(vsid, address, mac, DUMMY, ENCAP)
            yield _route(vsid, prefix)

    def gateway(self, vsid):
        return next(((address, mac) for of, _prefix, address, mac in self.routers if of == vsid), None)


def _record(vsid, ca, mac, pa, rule):
    return (f"New-NetVirtualizationLookupRecord -VirtualSubnetID {vsid} -CustomerAddress {ca} -MACAddress {plain(mac)} "
            f"-ProviderAddress {pa} -Rule {rule}")


def _route(vsid, prefix):
    return (f'New-NetVirtualizationCustomerRoute -RoutingDomainID "{ROUTING_DOMAIN}" -VirtualSubnetID {vsid} '
            f"-DestinationPrefix {prefix} -NextHop 0.0.0.0 -Metric 255")


def script(plan, number, uplink_index):
    """What a user types on one host."""
    host, vsid = plan.hosts[number], plan.vsids[number]
    gateway = plan.gateway(vsid)
    default = f"Invoke-Command -VMName {host.guest} -ScriptBlock {{ ip route add default via {gateway[0]} }}" if gateway else ""
    policy = "\n".join(plan.policy())
    more = "\n".join(line.format(guest=host.guest) for line in plan.more)
    return f"""
New-VMSwitch -Name vswitch -NetAdapterName {kit_underlay.UPLINK}
New-VM -Name {host.guest} -Engine Namespace -SwitchName vswitch
Set-VMNetworkAdapter -VMName {host.guest} -StaticMacAddress {plain(host.mac)}
Start-VM -Name {host.guest}
Invoke-Command -VMName {host.guest} -ScriptBlock {{ ip link set {GUEST_IF} mtu {GUEST_MTU} up }}
Invoke-Command -VMName {host.guest} -ScriptBlock {{ ip addr add {host.address}/24 dev {GUEST_IF} }}
{default}
Enable-NetAdapterBinding -Name {kit_underlay.UPLINK} -ComponentID ms_netwnv
{policy}
Set-VMNetworkAdapter -VMName {host.guest} -VirtualSubnetId {vsid}
New-NetVirtualizationProviderAddress -InterfaceIndex {uplink_index} -ProviderAddress {host.provider} -PrefixLength 24
Invoke-Command -VMName {host.guest} -ScriptBlock {{ ip link set {GUEST_IF} mtu {GUEST_MTU} }}
{more}
"""


def build(lab, underlay, build_dir, name, plan):
    """[(daemon, guest), (daemon, guest)]"""
    hosts = lab.namespaces(f"{name}-host1", f"{name}-host2")
    options = {"label": f"{name}-cable"} if underlay == "cable" else {}
    kit_underlay.build(underlay, *hosts, build_dir, **options)
    built = []
    for number, (ns, host) in enumerate(zip(hosts, plan.hosts)):
        daemon = Daemon(ns, build_dir, f"host{number + 1}")
        path = lab.path(f"{name}-host{number + 1}.ps1")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script(plan, number, ns.link(kit_underlay.UPLINK)["ifindex"]))
        daemon.script(path)
        # Frames to this guest go to the router of the other one's subnet, where there is one.
        router = plan.gateway(plan.vsids[1 - number])
        built.append((daemon, Guest(daemon.guest_command(host.guest), host.mac, host.address, via=router[1] if router else "")))
    return built


def nestor(lab, underlay, build_dir):
    """Nestor's NVGRE."""
    return [guest for _daemon, guest in build(lab, underlay, build_dir, "nestor", Plan())]


def nestor_vxlan(lab, underlay, build_dir):
    """Nestor's VXLAN: the same, but for the rule of the records."""
    return [guest for _daemon, guest in build(lab, underlay, build_dir, "vx", Plan("TranslationMethodEncapVxlan"))]


def rewrite(lab, underlay, build_dir):
    """Nestor's IP rewrite: the same, but for the rule of the records."""
    return [guest for _daemon, guest in build(lab, underlay, build_dir, "rewrite", Plan(REWRITE))]


ACL_RULES = 1000


def _rules():
    """A thousand that do not match, and the last that does, with sessions; all of it at both ends."""
    rule = "Add-VMNetworkAdapterExtendedAcl -VMName {guest} -Direction Outbound "
    for n in range(1, ACL_RULES):
        yield (f"{rule} -Action Deny -RemoteIPAddress 10.{20 + n % 50}.{n // 4}.0/24 -Protocol {('TCP', 'UDP')[n % 2]} "
               f"-RemotePort {1000 + n} -Weight {n + 1}")
    yield f"{rule} -Action Allow -Stateful $true -Weight 1"


def acl_1k(lab, underlay, build_dir):
    """Nestor's NVGRE with a thousand extended rules at each guest's port; the loads are established flows."""
    return [guest for _daemon, guest in build(lab, underlay, build_dir, "acl1k", Plan(more=tuple(_rules())))]
