# SPDX-License-Identifier: Apache-2.0
"""Every encapsulation between two hosts: {NVGRE, VXLAN} over {IPv4, IPv6} (WG-8, WG-10), on both underlays."""

import pytest

from fabric import Pair
from kit import Lab
from support import assert_settled
from test_segments import TOTAL, bad, link_mtu, transfer

NVGRE, VXLAN = "TranslationMethodEncap", "TranslationMethodEncapVxlan"
PAS4, PAS6 = ("214.214.51.42", "214.214.51.43"), ("2001:db8:51::42", "2001:db8:51::43")
OVERHEAD = {(NVGRE, 4): 42, (VXLAN, 4): 50, (NVGRE, 6): 62, (VXLAN, 6): 70}
COMBINATIONS = [(rule, family, kind) for (rule, family) in OVERHEAD for kind in ("veth", "cable") if (rule, family) != (NVGRE, 4)]


class OuterPair(Pair):
    """The pair with one way between its hosts."""

    def __init__(self, lab, rule, family, kind):
        self.rule, self.family = rule, family
        self.pas = PAS4 if family == 4 else PAS6
        super().__init__(lab, kind, rule=rule, pas=self.pas)

    @property
    def overhead(self):
        return OVERHEAD[self.rule, self.family]


@pytest.fixture(scope="module", name="pair", params=COMBINATIONS, ids=lambda p: f"{p[0][len('TranslationMethod'):]}{p[1]}-{p[2]}")
def _pair(request):
    with Lab("nst") as lab:
        pair = OuterPair(lab, *request.param)
        yield pair
        for daemon in pair.daemons:
            assert_settled(daemon)


def test_reach(pair):
    assert pair.a.ping("10.10.10.12")
    assert pair.b.ping("10.10.10.11")


def test_tcp_content(pair):
    before = bad(pair)
    sent, received, count = transfer(pair, 7001)
    assert (count, received) == (TOTAL, sent)
    assert bad(pair) == before


def test_mtu(pair):
    """What the guests are given fits to the byte; one more is answered by ICMP at the guest."""
    fits = 1500 - pair.overhead
    assert (link_mtu(pair.a), link_mtu(pair.b)) == (fits, fits)
    assert pair.a.ping_size("10.10.10.12", fits)
    pair.a.run("ip", "link", "set", "eth0", "mtu", 1500)
    assert not pair.a.ping_size("10.10.10.12", fits + 1)
    route = pair.a.run("ip", "route", "get", "10.10.10.12").out
    assert f"mtu {fits}" in route
    pair.a.run("ip", "route", "flush", "cache")
    pair.a.run("ip", "link", "set", "eth0", "mtu", fits)
