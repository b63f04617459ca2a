# SPDX-License-Identifier: Apache-2.0
"""Variants with large tables: lookup records of Nestor, forwarding entries of VXLAN and bridge.

Nestor's are written into the dataplane's tables as the daemon does it (fill.c), on both hosts, and all stand for the two guests:
there is no way to have a million guests here. The daemon is stopped, the dataplane goes on.
"""

import contextlib
import os

import nestord
from kit import wait_for
from topology import HOSTS, MACS_FIRST, VSID, bench_file

SMALL, LARGE = 1000, 1000000


def _pins(daemon):
    """The pins are where the first process sees them, which need not be where we do."""
    for path in (f"{daemon.run_dir}/bpf", f"/proc/1/root{daemon.run_dir}/bpf"):
        with contextlib.suppress(OSError):
            if os.listdir(path):
                return path
    raise FileNotFoundError(f"{daemon.run_dir}/bpf: no pins")


def _records(lab, underlay, build_dir, name, count):
    built = nestord.build(lab, underlay, build_dir, name, nestord.Plan())

    def reached():
        return built[0][1].run("ping", "-n", "-q", "-c", 1, "-W", 1, HOSTS[1].address, check=False).code == 0
    # The link addresses of the underlay are known then.
    wait_for(reached, 10, f"the guests of {name} to reach each other")
    for daemon, _guest in built:
        daemon.kill9()
        daemon.ns.run(bench_file(build_dir, "fill"), _pins(daemon), VSID, HOSTS[1].mac, MACS_FIRST, count)
    guests = [guest for _daemon, guest in built]
    guests[1].macs = count
    return guests


def records_1k(lab, underlay, build_dir):
    """A thousand lookup records."""
    return _records(lab, underlay, build_dir, "rec1k", SMALL)


def records_1m(lab, underlay, build_dir):
    """A million."""
    return _records(lab, underlay, build_dir, "rec1m", LARGE)


def mac(number):
    first = int(MACS_FIRST.replace(":", ""), 16) + number
    return ":".join(f"{first:012x}"[i:i + 2] for i in range(0, 12, 2))


def fdb(host_ns, lab, number):
    """A million entries as a control plane writes them: of the bridge, and of VXLAN where the machines are behind it."""
    path = lab.path(f"fdb-{number}")
    with open(path, "w", encoding="ascii") as file:
        for n in range(LARGE):
            if number == 0:
                file.write(f"fdb append {mac(n)} dev vxlan0 dst {HOSTS[1].provider} self permanent\n"
                           f"fdb append {mac(n)} dev vxlan0 master static\n")
            else:
                file.write(f"fdb append {mac(n)} dev port master static\n")
    host_ns.run("bridge", "-batch", path, timeout=600)
    os.unlink(path)
