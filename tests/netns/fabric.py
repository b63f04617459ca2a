# SPDX-License-Identifier: Apache-2.0
"""Hosts and guests for tests that are about something else than a runbook: made by cmdlets, a line each."""

from kit import Daemon, underlay
from labs import Guest, GuestPlan
from support import BUILD_DIR

DOMAIN = "{{11111111-2222-3333-4444-00000000{vsid}}}"


class Host:
    """A namespace with a daemon in it."""

    def __init__(self, ns, name, *args):
        self.ns = ns
        self.daemon = Daemon(ns, BUILD_DIR, name, *args)

    def do(self, cmdlet, **parameters):
        return self.daemon.cmdlet(cmdlet, parameters)

    def switch(self, name="vswitch", nic=underlay.UPLINK, **parameters):
        return self.do("New-VMSwitch", Name=name, **({"NetAdapterName": nic} if nic else {}), **parameters)[0]

    def guest(self, name, address=None, mac=None, vsid=0, switch="vswitch", start=True, address6=None):
        """A running guest with its addresses; a Guest of labs.py."""
        self.do("New-VM", Name=name, Engine="Namespace", **({"SwitchName": switch} if switch else {}))
        if mac:
            self.do("Set-VMNetworkAdapter", VMName=name, StaticMacAddress=mac)
        if vsid:
            self.do("Set-VMNetworkAdapter", VMName=name, VirtualSubnetId=vsid)
        return self.start(name, address, address6) if start else None

    def start(self, name, address=None, address6=None):
        self.do("Start-VM", Name=name)
        adapter = self.adapter(name)
        guest = Guest(GuestPlan(name, 0, adapter["MacAddress"] if adapter else "", address, ""), self.daemon)
        if address6:
            # Else it asks for routers for ever.
            guest.run("sysctl", "-qw", "net.ipv6.conf.eth0.accept_ra=0", "net.ipv6.conf.eth0.router_solicitations=0")
            guest.run("ip", "addr", "add", f"{address6}/64", "dev", "eth0")
        else:
            # What a guest sends by itself (router solicitations) would disturb counts and captures.
            guest.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        if address:
            guest.run("ip", "addr", "add", f"{address}/24", "dev", "eth0")
        return guest

    def adapter(self, vm):
        found = self.do("Get-VMNetworkAdapter", VMName=vm)
        return found[0] if found else None

    def port(self, vm):
        """The host's end of a guest's adapter."""
        return self.adapter(vm)["PortName"]

    def bridge(self, switch="vswitch"):
        """The link of a switch, found by its mark."""
        end = f":{switch}"
        return next(l["ifname"] for l in self.ns.ip_json("link", "show")
                    if ":switch:" in l.get("ifalias", "") and l["ifalias"].endswith(end))

    def nic_index(self, nic=underlay.UPLINK):
        return self.do("Get-NetAdapter", Name=nic)[0]["ifIndex"]

    def provider(self, address):
        """Network virtualization on the uplink, with this provider address."""
        self.do("Enable-NetAdapterBinding", Name=underlay.UPLINK, ComponentID="ms_netwnv")
        self.do("New-NetVirtualizationProviderAddress", InterfaceIndex=self.nic_index(), ProviderAddress=address,
                PrefixLength=64 if ":" in address else 24)

    def record(self, vsid, ca, mac, pa, rule="TranslationMethodEncap"):
        self.do("New-NetVirtualizationLookupRecord", VirtualSubnetID=vsid, CustomerAddress=ca, MACAddress=mac, ProviderAddress=pa,
                Rule=rule)

    def subnet(self, vsid, prefix):
        self.do("New-NetVirtualizationCustomerRoute", RoutingDomainID=DOMAIN.format(vsid=f"{vsid:04}"), VirtualSubnetID=vsid,
                DestinationPrefix=prefix, NextHop="0.0.0.0", Metric=255)


PAS = ("214.214.51.42", "214.214.51.43")


def two_hosts(lab, kind="veth", pas=PAS):
    """On one wire, with a switch and a provider address each."""
    namespaces = lab.namespaces("host1", "host2")
    underlay.build(kind, *namespaces, BUILD_DIR)
    hosts = [Host(ns, ns.label) for ns in namespaces]
    for host, pa in zip(hosts, pas):
        host.switch()
        host.provider(pa)
    return hosts


class Pair:
    """Two hosts and one virtual subnet across them, 5010: a (10.10.10.11) on the first, b (10.10.10.12) on the second."""

    vsid = 5010
    guests = (("a", 0, "000000000011", "10.10.10.11"), ("b", 1, "000000000012", "10.10.10.12"))

    def __init__(self, lab, kind="veth", rule="TranslationMethodEncap", pas=PAS):
        self.kind = kind
        self.hosts = two_hosts(lab, kind, pas)
        for host in self.hosts:
            for _name, where, mac, address in self.guests:
                host.record(self.vsid, address, mac, pas[where], rule)
            host.subnet(self.vsid, "10.10.10.0/24")
        self.a, self.b = (self.hosts[where].guest(name, address, mac, self.vsid) for name, where, mac, address in self.guests)

    @property
    def daemons(self):
        return [host.daemon for host in self.hosts]


class Prepared:
    """A namespace whose commands run behind a shell line, in a mount namespace of their own that it may change."""

    def __init__(self, ns, line):
        self._ns, self._line = ns, line

    def __getattr__(self, name):
        return getattr(self._ns, name)

    def command(self, *args):
        return ["unshare", "--mount", "--", "sh", "-c", self._line + ' && exec "$@"', "sh", *self._ns.command(*args)]
