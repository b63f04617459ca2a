# SPDX-License-Identifier: Apache-2.0
"""Networks to test in: namespaces, links between them, daemons inside, and packets as they were on the wire.

	from kit import Lab, underlay

	with Lab() as lab:
		host1, host2 = lab.namespace("host1"), lab.namespace("host2")
		underlay.veth(host1, host2)
		...

Everything hangs on a Lab, which removes what it created and nothing else, however the block is left.
"""

from .capture import Capture, decode, show
from .daemon import CmdletError, Daemon
from .lab import Lab, LabError, Namespace
from .libvirt import START_AGENT, Image, Libvirt
from .process import CommandError, Process, Result, run
from .wait import wait_for
from . import underlay

__all__ = ["Capture", "CmdletError", "CommandError", "Daemon", "Image", "Lab", "LabError", "Libvirt", "Namespace", "Process", "Result",
           "START_AGENT", "decode", "run", "show", "underlay", "wait_for"]
