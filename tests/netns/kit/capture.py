# SPDX-License-Identifier: Apache-2.0
"""Packets as they were: caught here, decoded by tshark.

The catching is a packet socket of our own and not tshark's: an open socket catches from that moment on, and what is in
it when the capture stops is read to the end. dumpcap promises neither.
"""

import contextlib
import ctypes
import errno
import json
import os
import select
import socket
import struct
import threading
import time

from .process import run
from .wait import wait_for

ETH_P_ALL = 0x0003
SOL_PACKET = 263
PACKET_AUXDATA = 8
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6
SO_RCVBUFFORCE = 33
CLONE_NEWNET = 0x40000000
RECEIVE_BUFFER_BYTES = 32 << 20
FRAME_BYTES_MAX = 256 << 10
PCAP_NANOSECONDS = 0xA1B23C4D
LINKTYPE_ETHERNET = 1

_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def _inside(path):
    """This thread in the network namespace at `path`."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(path, "rb") as there:
        if _libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns to {path}")
        try:
            yield
        finally:
            if _libc.setns(home.fileno(), CLONE_NEWNET):
                # Going on in the wrong network would test the wrong thing.
                os.abort()


def _retag(frame, ancillary):
    """Put an 802.1Q tag back that the kernel moved out of the frame."""
    for level, kind, data in ancillary:
        if level != SOL_PACKET or kind != PACKET_AUXDATA or len(data) < 20:
            continue
        status, _len, _snap, _mac, _net, tci, tpid = struct.unpack("=IIIHHHH", data[:20])
        if status & TP_STATUS_VLAN_VALID:
            tag = struct.pack(">HH", tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100, tci)
            return frame[:12] + tag + frame[12:]
    return frame


class Capture:
    """Catches everything that passes an interface, both ways, from the constructor's return until stop().

	with Capture(host1, "uplink") as capture:
		...
	packets = capture.packets("frame.number", "gre.key", filter="gre")

    `where` is a Namespace, or the path of a network namespace such as /proc/PID/ns/net of a guest.
    """

    def __init__(self, where, interface, file=None):
        path = getattr(where, "path", where)
        self._directory = None
        if file is None:
            file = where.lab.path(f"{interface}-{time.monotonic_ns()}.pcap")
        self.file = str(file)
        self.count = 0
        with _inside(path):
            # Bound later: with protocol 0 nothing arrives from other interfaces in between.
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
            self._socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
            self._socket.bind((interface, ETH_P_ALL))
        self._socket.setblocking(False)
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC)
        self._pcap = open(self.file, "wb")
        self._pcap.write(struct.pack("=IHHiIII", PCAP_NANOSECONDS, 2, 4, 0, 0, FRAME_BYTES_MAX, LINKTYPE_ETHERNET))
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.stop()
        return False

    def _work(self):
        stopping = False
        while not stopping:
            ready, _, _ = select.select([self._socket, self._wake], [], [])
            stopping = self._wake in ready
            self._drain()

    def _drain(self):
        while True:
            try:
                frame, ancillary, _flags, _from = self._socket.recvmsg(FRAME_BYTES_MAX, 256)
            except BlockingIOError:
                break
            except OSError as error:
                # The interface went down: told once, and there may be more once it is back.
                if error.errno != errno.ENETDOWN:
                    raise
                continue
            frame = _retag(frame, ancillary)
            seconds, nanoseconds = divmod(time.time_ns(), 10 ** 9)
            self._pcap.write(struct.pack("=IIII", seconds, nanoseconds, len(frame), len(frame)) + frame)
            self.count += 1
        self._pcap.flush()

    def stop(self):
        """Stop catching. Everything that passed before the call is in the file."""
        if self._thread is None:
            return
        os.write(self._waker, b"x")
        self._thread.join()
        self._thread = None
        self._socket.close()
        self._pcap.close()
        os.close(self._wake)
        os.close(self._waker)

    def packets(self, *fields, **options):
        """decode() of what was caught so far."""
        return decode(self.file, *fields, **options)

    def wait_packets(self, *fields, count=1, seconds=10, **options):
        """Wait until at least `count` packets pass the display filter, and return them decoded."""
        def enough():
            found = self.packets(*fields, **options)
            return found if len(found) >= count else None
        what = f"{count} packets of {options.get('filter', 'any kind')}"
        return wait_for(enough, seconds, what, lambda: show(self.file))


def decode(file, *fields, filter=None, preferences=()):  # pylint: disable=redefined-builtin
    """Fields of the packets in a capture file that pass tshark's display filter, one dict a packet.

    Every value is a list of strings in the order of the layers, outermost first: {"ip.src": ["214.214.51.42",
    "10.10.10.11"]}; a field that a packet does not have is an empty list. Without fields: all of tshark's JSON.
    Preferences are tshark's, such as "tcp.check_checksum:TRUE".
    """
    args = ["tshark", "-n", "-r", file, "-T", "json"]
    for preference in preferences:
        args += ["-o", preference]
    for field in fields:
        args += ["-e", field]
    if filter:
        args += ["-Y", filter]
    out = run(*args).out
    # Without fields, a layer that occurs twice is a repeated key: keep the layers apart by joining them to lists.
    packets = json.loads(out or "[]", object_pairs_hook=None if fields else _join_pairs)
    layers = [packet["_source"]["layers"] for packet in packets]
    return [{f: layer.get(f, []) for f in fields} for layer in layers] if fields else layers


def _join_pairs(pairs):
    joined = {}
    for key, value in pairs:
        if key in joined:
            joined[key] = (joined[key] if isinstance(joined[key], list) else [joined[key]]) + [value]
        else:
            joined[key] = value
    return joined


def show(file, filter=None, details=False):  # pylint: disable=redefined-builtin
    """What tshark prints about a capture file: a line a packet, or with `details` everything."""
    return run("tshark", "-n", "-r", file, *(["-V"] if details else []), *(["-Y", filter] if filter else [])).out
