# SPDX-License-Identifier: Apache-2.0
"""Open vSwitch's userspace datapath in a namespace: no kernel module, nothing of the system's own instance."""

import os

from .wait import wait_for

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


class Switch:
    """The two daemons of one host, with all their files in the lab's directory. They end with the lab."""

    def __init__(self, lab, ns, name):
        self.ns, self.directory = ns, lab.path(name)
        os.makedirs(self.directory)
        self.database = self._file("db.sock")
        ns.run("ovsdb-tool", "create", self._file("conf.db"), SCHEMA)
        common = ["--no-chdir", "-vconsole:off"]
        ns.spawn("ovsdb-server", self._file("conf.db"), f"--remote=punix:{self.database}", f"--unixctl={self._file('db.ctl')}",
                 f"--log-file={self._file('db.log')}", *common)
        wait_for(lambda: os.path.exists(self.database), 10, "ovsdb-server")
        self.control("--no-wait", "init")
        environment = ["env", f"OVS_RUNDIR={self.directory}", f"OVS_LOGDIR={self.directory}"]
        ns.spawn(*environment, "ovs-vswitchd", f"unix:{self.database}", f"--unixctl={self._file('switch.ctl')}",
                 f"--log-file={self._file('switch.log')}", "--disable-system", *common)
        wait_for(lambda: os.path.exists(self._file("switch.ctl")), 10, "ovs-vswitchd")

    def _file(self, name):
        return os.path.join(self.directory, name)

    def control(self, *args):
        return self.ns.run("ovs-vsctl", f"--db=unix:{self.database}", *args)

    def flow(self, bridge, text):
        """One OpenFlow rule, as ovs-ofctl has it."""
        return self.ns.run("ovs-ofctl", "-O", "OpenFlow13", "add-flow", f"unix:{self._file(bridge + '.mgmt')}", text)
