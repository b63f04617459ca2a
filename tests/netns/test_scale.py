# SPDX-License-Identifier: Apache-2.0
"""A thousand lookup records: all of them are in effect, and a pass over them writes nothing. How long that takes is the
benchmark's business (bench/control)."""

import pytest

from fabric import DOMAIN, Host
from kit import Lab, underlay
from support import assert_settled, hang_up, maps

RECORDS = 1000
PAS = ("214.214.51.42", "214.214.51.43")


def address(number):
    return f"10.10.{number // 250}.{number % 250 + 2}"


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        ns, outside = lab.namespaces("host", "outside")
        underlay.veth(ns, outside)
        host = Host(ns, "host")
        host.switch()
        host.provider(PAS[0])
        lines = [f"New-NetVirtualizationLookupRecord -VirtualSubnetID 5010 -CustomerAddress {address(n)} -MACAddress 0200000{n:05x} "
                 f"-ProviderAddress {PAS[n % 2]} -Rule TranslationMethodEncap" for n in range(RECORDS)]
        lines += [f"New-NetVirtualizationCustomerRoute -RoutingDomainID '{DOMAIN.format(vsid=5010)}' -VirtualSubnetID 5010 "
                  "-DestinationPrefix 10.10.0.0/16 -NextHop 0.0.0.0"]
        with open(lab.path("records.ps1"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        host.daemon.script(lab.path("records.ps1"), timeout=120)
        # Where an even number lives is here, see PAS.
        host.guests = [host.guest(f"g{n}", address(n), f"0200000{n:05x}", 5010) for n in (0, 2)]
        yield host
        assert_settled(host.daemon)


def test_all_are_in_effect(net):
    assert {kind: len(entries) for kind, entries in maps(net.daemon).items()} == {"dests": RECORDS, "cas": RECORDS, "pas": 1, "rewrites": 0, "groups": 0}
    assert net.guests[0].ping(address(2))


def test_a_pass_writes_nothing(net):
    assert hang_up(net.daemon)["lastWrites"] == 0
