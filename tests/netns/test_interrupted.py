# SPDX-License-Identifier: Apache-2.0
"""The daemon is killed in the middle of an administrator's work, anywhere: what is done stays done, and going on from there
leads to the same end as never having been interrupted."""

import json
import os
import re
import socket

import pytest

from fabric import DOMAIN, PAS, Host
from kit import underlay
from support import UNREPEATABLE, assert_settled, differences, kernel, maps, objects, settle


def record(end, pa):
    return "New-NetVirtualizationLookupRecord", {
        "VirtualSubnetID": 5010, "CustomerAddress": f"10.10.10.{end}", "MACAddress": f"0000000000{end}", "ProviderAddress": pa,
        "Rule": "TranslationMethodEncap"}


STEPS = [
    ("New-VMSwitch", {"Name": "vswitch", "NetAdapterName": underlay.UPLINK}),
    ("New-VMSwitch", {"Name": "int", "SwitchType": "Internal"}),
    ("New-VM", {"Name": "a", "Engine": "Namespace", "SwitchName": "vswitch"}),
    ("New-VM", {"Name": "b", "Engine": "Namespace", "SwitchName": "int"}),
    ("Set-VMNetworkAdapter", {"VMName": "a", "StaticMacAddress": "000000000011"}),
    ("Set-VMNetworkAdapter", {"VMName": "b", "StaticMacAddress": "000000000012"}),
    ("Start-VM", {"Name": ["a", "b"]}),
    ("Enable-NetAdapterBinding", {"Name": underlay.UPLINK, "ComponentID": "ms_netwnv"}),
    record(11, PAS[0]), record(12, PAS[0]), record(13, PAS[1]),
    ("New-NetVirtualizationCustomerRoute", {"RoutingDomainID": DOMAIN.format(vsid=5010), "VirtualSubnetID": 5010,
                                            "DestinationPrefix": "10.10.10.0/24", "NextHop": "0.0.0.0"}),
    ("New-NetVirtualizationProviderAddress", {"InterfaceIndex": "uplink", "ProviderAddress": PAS[0], "PrefixLength": 24}),
    ("Set-VMNetworkAdapter", {"VMName": ["a", "b"], "VirtualSubnetId": 5010}),
    ("Connect-VMNetworkAdapter", {"VMName": "b", "SwitchName": "vswitch"}),
    ("Add-VMNetworkAdapter", {"VMName": "a", "Name": "second", "SwitchName": "int"}),
    ("Remove-VMSwitch", {"Name": "int", "Force": True}),
    ("Remove-NetVirtualizationLookupRecord", {"CustomerAddress": "10.10.10.13"}),
    ("Rename-VM", {"Name": "b", "NewName": "c"}),
    ("Restart-VM", {"Name": "c", "Force": True}),
]


class Worker(Host):
    """A host that an administrator sets up by STEPS."""

    def __init__(self, lab, label):
        ns, outside = lab.namespaces(label, f"{label}-out")
        underlay.veth(ns, outside)
        super().__init__(ns, "host")

    def parameters(self, given):
        return {k: self.nic_index() if v == "uplink" and k == "InterfaceIndex" else v for k, v in given.items()}

    def step(self, cmdlet, given):
        self.do(cmdlet, **self.parameters(given))

    def ask(self, cmdlet, given):
        """Send the request, and do not wait for the answer."""
        body = json.dumps({"parameters": self.parameters(given)}).encode()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(self.daemon.socket)
        sock.sendall(f"POST /v1/cmdlet/{cmdlet} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        return sock

    def result(self):
        """What there is in the end, without what is new in every run: ids, and names and MACs made of them."""
        settle(self.daemon)

        def nameless(value):
            return re.sub(r"\b(n[bpvox])[0-9a-f]{8,10}\b", r"\1", str(value))
        shape = sorted((nameless(l["ifname"]), nameless(l.get("master")), l["mtu"], "UP" in l["flags"],
                        nameless(l.get("ifalias", "")).rpartition(":")[2]) for l in self.ns.ip_json("link", "show"))
        addresses = sorted((nameless(a), local, length) for a, local, length in kernel(self.ns)["addresses"])
        counts = {name: len(entries) for name, entries in maps(self.daemon).items()}
        return json.loads(nameless(json.dumps(objects(self.daemon, UNREPEATABLE)))), shape, addresses, counts

    def reaches(self):
        """b (now c) is reached from a, in the virtual subnet."""
        a, c = self.start("a", "10.10.10.11"), self.start("c", "10.10.10.12")
        return a.ping("10.10.10.12") and c.ping("10.10.10.11")


@pytest.fixture(scope="module", name="undisturbed")
def _undisturbed(lab):
    host = Worker(lab, "quiet")
    for step in STEPS:
        host.step(*step)
    return host.result()


def test_killed_after_each_command(lab, undisturbed):
    """An answered command is done for good: after SIGKILL and a restart, the next one goes on from there."""
    host = Worker(lab, "each")
    for step in STEPS:
        host.step(*step)
        done = objects(host.daemon), kernel(host.ns), maps(host.daemon)
        host.daemon.kill9()
        host.daemon.start()
        now = objects(host.daemon), kernel(host.ns), maps(host.daemon)
        assert differences(now, done) == [], step
    assert differences(host.result(), undisturbed) == []
    assert host.reaches()
    assert_settled(host.daemon)


@pytest.mark.parametrize("turns", [0, 30, 100, 300, 1000])
def test_killed_during_each_command(lab, undisturbed, turns):
    """SIGKILL while a command is on its way, a little later each time: it was done or it was not, never a half. What was not
    is done then."""
    host = Worker(lab, f"during{turns}")
    for step in STEPS:
        before = objects(host.daemon)
        with host.ask(*step):
            # Not a wait for anything: just some time for the daemon to get a little further than the last time.
            for _ in range(turns):
                os.sched_yield()
            host.daemon.kill9()
        host.daemon.start()
        if objects(host.daemon) == before:
            host.step(*step)
    assert differences(host.result(), undisturbed) == []
    assert host.reaches()
    assert_settled(host.daemon)
