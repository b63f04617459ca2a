# SPDX-License-Identifier: Apache-2.0
"""Networks that the tests share. Each ends the same way: computing again writes nothing, and neither does a daemon that was
killed and started again."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
from fabric import Pair
from kit import Lab
from support import assert_settled


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: starts virtual machines; -m 'not slow' leaves them out")


@pytest.fixture(scope="module", name="lab")
def _lab():
    with Lab("nst") as lab:
        yield lab


@pytest.fixture(scope="module", name="pair", params=["veth", "cable"])
def _pair(request):
    """Two hosts with a guest each in one virtual subnet, on both underlays: they take different ways in the kernel."""
    with Lab("nst") as lab:
        pair = Pair(lab, request.param)
        yield pair
        for daemon in pair.daemons:
            assert_settled(daemon)
