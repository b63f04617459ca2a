# SPDX-License-Identifier: Apache-2.0
"""Nested virtualization: a hypervisor in a virtual machine, a Linux in that, and the rules that hold meanwhile (NV-1..NV-7)."""

import pytest

from fabric import Host
from kit import Image, Lab, wait_for
from runbooks import assert_untouched, runbook
from support import BUILD_DIR, assert_settled
from test_machines import BOOT_SECONDS, Machines, addressed, refusal

pytestmark = pytest.mark.slow

L1, OUTSIDE = "10.10.10.21", "10.10.10.22"
MB = 1 << 20


@pytest.fixture(scope="module", name="net")
def _net():
    """A host with a switch, a namespace guest, and an image that can be a hypervisor."""
    with Lab("nst") as lab:
        net = Machines(lab.namespace("host"), "host")
        net.image = Image(lab, BUILD_DIR, hypervisor=True)
        net.switch(nic=None, SwitchType="Private")
        net.outside = net.guest("outside", OUTSIDE)
        yield net
        for vm in net.do("Get-VM", Name="L*"):
            net.do("Stop-VM", Name=vm["Name"], TurnOff=True)
        assert_settled(net.daemon)


def hypervisor(net, name):
    return net.vm(name)["NestedHypervisor"]


def wait_hypervisor(net, name, state):
    wait_for(lambda: hypervisor(net, name) == state, BOOT_SECONDS, f"NestedHypervisor of {name} to be {state}",
             lambda: net.console(name) + net.daemon.log_tail())


def memory(net, name):
    return net.vm(name)["MemoryAssigned"]


def wait_memory(net, name, megabytes):
    wait_for(lambda: memory(net, name) == megabytes * MB, BOOT_SECONDS, f"{name} to have {megabytes} MB",
             lambda: str(memory(net, name) / MB) + net.console(name) + net.daemon.log_tail())


def told(net, address):
    """Tell a script that waits in `nc -l -p 99` to go on."""
    wait_for(lambda: net.outside.run("bash", "-c", f"exec 3<>/dev/tcp/{address}/99", check=False).code == 0, BOOT_SECONDS,
             f"{address} to be told")


def test_not_exposed(net):
    """NV-1: by default there is nothing to be a hypervisor with, and whoever runs keeps what it has."""
    net.make("L0", net.image, "echo guest: kvm=$(ls /dev/kvm 2>/dev/null)=")
    net.wait_console("L0", "guest: kvm==")
    assert hypervisor(net, "L0") == "NotExposed"
    error = refusal(net, "Set-VMProcessor", VMName="L0", ExposeVirtualizationExtensions=True)
    assert error["id"] == "Nested.VmNotOff"
    assert error["message"] == "The operation cannot be performed while the virtual machine is in its current state."
    net.do("Stop-VM", Name="L0", TurnOff=True)
    net.do("Remove-VM", Name="L0", Force=True)


def test_a_linux_inside(net):
    """T1's first half and T3: exposed by the runbook as it stands; L2 boots to userspace; static memory is held meanwhile."""
    l2 = Image.l2("echo L2 here: $(uname -r) $(grep -c processor /proc/cpuinfo)")
    net.make("L1", net.image, addressed(L1) + f"\nls /dev/kvm\n{l2} &\nnc -l -p 99\nkill $!\nwait\necho guest: L2 ended\nnc -l -p 99\n"
             f"{l2} &\nnc -l -p 99\nreboot -f", start=False)
    net.do("Set-VMMemory", VMName="L1", StartupBytes="320MB")
    assert_untouched("nested-virtualization.ps1", "nested-virtualization-off.ps1")
    net.daemon.script(runbook("nested-virtualization.ps1"))
    net.wait_console("L1", "guest: up")
    net.wait_console("L1", "/dev/kvm")
    wait_hypervisor(net, "L1", "Running")
    net.wait_console("L1", "L2 here: 6.1")
    error = refusal(net, "Set-VMMemory", VMName="L1", StartupBytes="512MB")
    assert error["id"] == "Nested.MemoryResizeBlocked"
    assert refusal(net, "Set-VM", Name="L1", MemoryStartupBytes="512MB")["id"] == "Nested.MemoryResizeBlocked"
    assert memory(net, "L1") == 320 * MB
    # It ends: everything works again, beyond what it booted with and below.
    told(net, L1)
    net.wait_console("L1", "guest: L2 ended")
    wait_hypervisor(net, "L1", "Exposed")
    net.do("Set-VMMemory", VMName="L1", StartupBytes="512MB")
    wait_memory(net, "L1", 512)
    net.do("Set-VMMemory", VMName="L1", StartupBytes="256MB")
    wait_memory(net, "L1", 256)
    net.do("Set-VMMemory", VMName="L1", StartupBytes="320MB")
    wait_memory(net, "L1", 320)
    # Again, and a reset of the machine ends it, too.
    told(net, L1)
    wait_hypervisor(net, "L1", "Running")
    net.do("Restart-VM", Name="L1", Force=True)
    wait_hypervisor(net, "L1", "Running")
    net.do("Stop-VM", Name="L1", TurnOff=True)
    assert hypervisor(net, "L1") == "Exposed"
    net.do("Set-VMMemory", VMName="L1", StartupBytes="1GB")
    net.daemon.script(runbook("nested-virtualization-off.ps1"))
    assert hypervisor(net, "L1") == "NotExposed"
    net.do("Remove-VM", Name="L1", Force=True)


def test_dynamic_memory(net):
    """NV-5: what is assigned follows the demand, and stays where it is while a hypervisor runs."""
    l2 = Image.l2("echo L2 here")
    script = addressed(L1) + f"\nnc -l -p 99\n{l2} &\nnc -l -p 99\nkill $!\nwait\necho guest: L2 ended"
    net.make("Ld", net.image, script, start=False)
    net.do("Set-VMMemory", VMName="Ld", StartupBytes="768MB", DynamicMemoryEnabled=True, MinimumBytes="320MB", MaximumBytes="1GB")
    net.do("Set-VMProcessor", VMName="Ld", ExposeVirtualizationExtensions=True)
    net.do("Start-VM", Name="Ld")
    net.wait_console("Ld", "guest: up")
    wait_for(lambda: 320 * MB <= memory(net, "Ld") < 600 * MB, BOOT_SECONDS, "memory to be taken back",
             lambda: str(net.vm("Ld")) + net.daemon.log_tail())
    assert net.vm("Ld")["MemoryDemand"] > 0
    told(net, L1)
    wait_hypervisor(net, "Ld", "Running")
    net.wait_console("Ld", "L2 here")
    before = memory(net, "Ld")
    # Limits may be changed; what is assigned does not follow them now.
    net.do("Set-VMMemory", VMName="Ld", MinimumBytes="640MB")
    for _ in range(3):
        passes(net)
    assert memory(net, "Ld") == before
    told(net, L1)
    net.wait_console("Ld", "guest: L2 ended")
    wait_for(lambda: memory(net, "Ld") >= 640 * MB, BOOT_SECONDS, "the new minimum", lambda: str(net.vm("Ld")) + net.daemon.log_tail())
    net.do("Stop-VM", Name="Ld", TurnOff=True)
    net.do("Remove-VM", Name="Ld", Force=True)


def passes(net):
    """Wait until the daemon has looked at the machine once more."""
    seen = net.daemon.http("GET", "/v1/health")[1]["machines"]["looks"]
    wait_for(lambda: net.daemon.http("GET", "/v1/health")[1]["machines"]["looks"] > seen, 20, "a look at the machines")
