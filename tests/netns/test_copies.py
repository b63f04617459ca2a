# SPDX-License-Identifier: Apache-2.0
"""Virtual machines that come from elsewhere and go elsewhere: domains of libvirt that somebody else made."""

import os

import pytest

from kit import Image, Lab, underlay, wait_for
from support import BUILD_DIR, VOLATILE, assert_settled, prune
from test_machines import Machines, refusal
from test_what_if import DOMAIN_LINES

ID = "11111111-2222-3333-4444-555555555555"
MAC = "525400000077"
DOMAIN = """
<domain type='qemu'>
  <name>theirs</name><uuid>{id}</uuid><memory unit='MiB'>192</memory><vcpu>2</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type><kernel>{KernelPath}</kernel><initrd>{InitrdPath}</initrd><cmdline>{KernelCommandLine}</cmdline></os>
  <features><acpi/><apic/></features>
  <devices>
    <interface type='user'><mac address='52:54:00:00:00:77'/><model type='virtio'/></interface>
    {more}
  </devices>
</domain>
"""


@pytest.fixture(scope="module", name="net")
def _net():
    with Lab("nst") as lab:
        ns, outside = lab.namespaces("host1", "outside")
        underlay.veth(ns, outside)
        net = Machines(ns, "host1")
        net.image = Image(lab, BUILD_DIR)
        net.switch()
        yield net
        assert_settled(net.daemon)


def define(net, script="echo guest: up", more=""):
    path = os.path.join(net.libvirt.directory, "theirs.xml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(DOMAIN.format(id=ID, more=more, **net.image.parameters(script)))
    net.libvirt.virsh("define", path)


def dump(net):
    return net.libvirt.virsh("dumpxml", "--inactive", "theirs").out


def test_a_domain_becomes_a_virtual_machine(net):
    """Same id, name, memory, processors and MAC address; from then on it is ours like any other."""
    define(net, "echo guest: mac=$(cat /sys/class/net/eth0/address) cpus=$(grep -c ^processor /proc/cpuinfo)")
    taken = net.do("Import-VM", Domain="theirs", SwitchName="vswitch")[0]
    assert (taken["Id"], taken["Name"], taken["State"], taken["ProcessorCount"]) == (ID, "theirs", "Off", 2)
    assert taken["NetworkAdapters"][0]["MacAddress"] == MAC
    assert "urn:nestor:machine" in dump(net) and "type='user'" not in dump(net)
    assert net.libvirt.domains() == {"theirs": "shut off"}
    net.do("Start-VM", Name="theirs")
    net.wait_console("theirs", "guest: mac=52:54:00:00:00:77 cpus=2")
    net.daemon.restart()
    wait_for(lambda: net.vm("theirs")["State"] == "Running", 10, "the daemon to find it", net.daemon.log_tail)
    net.do("Stop-VM", Name="theirs", TurnOff=True)
    net.do("Remove-VM", Name="theirs", Force=True)
    assert net.libvirt.domains() == {}


def test_refused_domains_are_left_as_they_are(net):
    """What cannot be held is named; what would be lost needs -Force; nothing is changed before."""
    define(net, more="<graphics type='vnc' port='-1'/><watchdog model='i6300esb' action='reset'/>")
    before = dump(net)
    error = refusal(net, "Import-VM", Domain="theirs")
    assert error["id"] == "Import.WouldLose" and "graphics" in error["message"] and "watchdog" in error["message"]
    for line in DOMAIN_LINES:
        assert "What if: " in net.daemon.pipeline(f"{line} -WhatIf").out
    net.libvirt.virsh("start", "theirs")
    assert refusal(net, "Import-VM", Domain="theirs", Force=True)["id"] == "Import.DomainNotOff"
    net.libvirt.virsh("managedsave", "theirs")
    assert refusal(net, "Import-VM", Domain="theirs", Force=True)["id"] == "Import.DomainSaved"
    net.libvirt.virsh("managedsave-remove", "theirs")
    assert refusal(net, "Import-VM", Domain="nobody")["id"] == "Import.DomainNotFound"
    assert dump(net) == before
    assert prune(net.do("Get-VM"), VOLATILE) == []
    net.libvirt.virsh("undefine", "theirs")
    define(net, more="<filesystem type='mount'><source dir='/tmp'/><target dir='x'/></filesystem>")
    error = refusal(net, "Import-VM", Domain="theirs", Force=True)
    assert error["id"] == "Import.CannotHold" and "filesystem" in error["message"]
    net.libvirt.virsh("undefine", "theirs")


def test_ours_are_not_taken_in_again(net):
    """Nor another daemon's: the mark in its metadata says so."""
    net.do("New-VM", Name="mine")
    assert refusal(net, "Import-VM", Domain="mine")["id"] == "Import.DomainInUse"
    net.do("Remove-VM", Name="mine", Force=True)
