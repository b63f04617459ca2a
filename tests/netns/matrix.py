# SPDX-License-Identifier: Apache-2.0
"""What runs in each cell of the matrix: real sockets in the guests' networks, opened from here, one function a load.

Each returns nothing and asserts what the guests see; a load that cannot get through raises Silence.
"""

import contextlib
import errno
import hashlib
import os
import socket
import struct
import threading

from kit import wait_for
from support import inside

SECONDS = 10
BLOCK = os.urandom(1 << 20)
BLOCKS = 100
PORT = 5400
CLOSED = 9
SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6 = 2, 3
# linux/in.h and linux/in6.h; not all of it is in Python's module
IP_MTU_DISCOVER, IP_MTU, IP_RECVERR, IP_PMTUDISC_DO = 10, 14, 11, 2
IPV6_MTU_DISCOVER, IPV6_MTU, IPV6_RECVERR, IPV6_PMTUDISC_DO = 23, 24, 25, 2


class Silence(Exception):
    """Nothing came through."""


@contextlib.contextmanager
def heard():
    """What waited too long, or was told by the guest's own stack that nobody is there."""
    try:
        yield
    except OSError as late:
        if not isinstance(late, TimeoutError) and late.errno not in (errno.EHOSTUNREACH, errno.ENETUNREACH):
            raise
        raise Silence from late


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@contextlib.contextmanager
def sockets(kind, *guests, family):
    """A socket of that kind in the network of each guest."""
    with contextlib.ExitStack() as stack:
        made = []
        for guest in guests:
            with inside(guest.netns):
                made.append(stack.enter_context(socket.socket(family, kind)))
            made[-1].settimeout(SECONDS)
        yield made


def ping(source, _target, address, seconds=None, **_options):
    """Two requests; seconds: one is enough to see that nobody answers."""
    if not (source.ping(address, 1, seconds) if seconds else source.ping(address)):
        raise Silence


def udp(source, target, address, seconds=SECONDS, **_options):
    """There and back, each datagram as it was: also one that takes fragments."""
    with sockets(socket.SOCK_DGRAM, source, target, family=_family(address)) as (client, server):
        server.bind((address, PORT))
        client.connect((address, PORT))
        for sock in (client, server):
            sock.settimeout(seconds)
        for size in (1, 18, 1000, 1400, 4000):
            with heard():
                client.send(BLOCK[:size])
                data, sender = server.recvfrom(65536)
                server.sendto(data, sender)
                assert client.recv(65536) == BLOCK[:size]


def _digest_of_what_is_sent():
    digest = hashlib.sha1()
    for _ in range(BLOCKS):
        digest.update(BLOCK)
    return digest.hexdigest()


SENT = _digest_of_what_is_sent()


def _receive(listener, results):
    digest, size, buffer = hashlib.sha1(), 0, memoryview(bytearray(1 << 20))
    with listener.accept()[0] as connection:
        connection.settimeout(SECONDS)
        while n := connection.recv_into(buffer):
            digest.update(buffer[:n])
            size += n
        # The other end waits for this: all of it has arrived.
        connection.sendall(digest.hexdigest().encode())
    results.append((size, digest.hexdigest()))


def tcp(source, target, address, seconds=SECONDS, **_options):
    """100 MB, and the same digest at both ends."""
    results = []
    with sockets(socket.SOCK_STREAM, source, target, family=_family(address)) as (client, listener):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, PORT))
        listener.listen()
        client.settimeout(seconds)
        receiver = threading.Thread(target=_receive, args=(listener, results))
        with heard():
            client.connect((address, PORT))
        client.settimeout(SECONDS)
        receiver.start()
        for _ in range(BLOCKS):
            client.sendall(BLOCK)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(64).decode() == SENT
        receiver.join()
    assert results == [(len(BLOCK) * BLOCKS, SENT)]


def _ask_for_errors(sock, v6):
    if v6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)


def too_big(source, target, address, mtu=None, answerer=None, seconds=SECONDS, **_options):
    """A packet of 1500 bytes that may not be fragmented: the sender is told what fits, and by whom; or it arrives.

    mtu None: it arrives.
    """
    v6 = ":" in address
    level, option, headers = (socket.IPPROTO_IPV6, IPV6_MTU, 48) if v6 else (socket.IPPROTO_IP, IP_MTU, 28)
    before = source.run("cat", "/sys/class/net/eth0/mtu").out.strip()
    ends = (source, target)
    for guest in ends:
        guest.run("ip", "link", "set", "eth0", "mtu", 1500)
    try:
        with sockets(socket.SOCK_DGRAM, source, target, family=_family(address)) as (client, server):
            _ask_for_errors(client, v6)
            server.bind((address, PORT))
            server.settimeout(seconds)
            client.connect((address, PORT))
            client.send(BLOCK[:1500 - headers])
            if mtu is None:
                with heard():
                    assert server.recv(65536) == BLOCK[:1500 - headers]
                return
            kind, _code, info, offender = error(client, v6, seconds)
            client.setblocking(True)
            assert (kind, info, offender) == (2 if v6 else 3, mtu, answerer)
            assert client.getsockopt(level, option) == mtu
            # what it was told does fit
            client.send(BLOCK[:mtu - headers])
            assert server.recv(65536) == BLOCK[:mtu - headers]
    finally:
        for guest in ends:
            guest.run("ip", "link", "set", "eth0", "mtu", before)
            guest.run("ip", "-6" if v6 else "-4", "route", "flush", "cache")


def error(sock, v6, seconds=SECONDS):
    """The next ICMP error about what the socket has sent: (type, code, info, who says so)."""
    def read():
        try:
            _data, ancillary, _flags, _address = sock.recvmsg(2048, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError as pending:
            # the error itself, which the queue describes
            if pending.errno in (errno.EMSGSIZE, errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.ENETUNREACH):
                return None
            raise
        for level, _kind, data in ancillary:
            if level not in (socket.IPPROTO_IP, socket.IPPROTO_IPV6):
                continue
            _errno, origin, kind, code, _pad, info, _data = struct.unpack("=IBBBBII", data[:16])
            if origin in (SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6):
                where = data[16:]
                return kind, code, info, socket.inet_ntop(socket.AF_INET6, where[8:24]) if v6 else socket.inet_ntop(
                    socket.AF_INET, where[4:8])
        return None
    # with a timeout, Python would wait for something to read first
    sock.setblocking(False)
    with heard():
        found = wait_for(read, seconds, "an ICMP error")
    # the sender's own stack: nobody has told it the link address
    if found[:2] == ((1, 3) if v6 else (3, 1)):
        raise Silence
    return found


def traceroute(source, _target, address, path=(), seconds=SECONDS, **_options):
    """Who says that the time to live has ended, one after the other; the last says that nobody listens at the port."""
    v6 = ":" in address
    found = []
    for ttl in range(1, 5):
        with sockets(socket.SOCK_DGRAM, source, family=_family(address)) as (sock,):
            _ask_for_errors(sock, v6)
            if v6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
            else:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            sock.connect((address, CLOSED))
            sock.send(b"how far")
            kind, code, _info, offender = error(sock, v6, seconds)
        found.append(offender)
        if (kind, code) == ((1, 4) if v6 else (3, 3)):
            break
        assert (kind, code) == ((3, 0) if v6 else (11, 0))
    assert tuple(found) == tuple(path)


LOADS = {load.__name__: load for load in (ping, udp, tcp, too_big, traceroute)}
