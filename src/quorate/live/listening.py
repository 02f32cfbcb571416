"""What listens on a host, beside what the design lists: pure, from the words of `ss` (ss(8))."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from quorate.services.parts import Listener

COMMAND = ("ss", "-H", "-l", "-n", "-t", "-u", "-p")
"""All sockets that listen, TCP and UDP, as numbers, with their processes (for root)."""

ANYWHERE = ("0.0.0.0", "::", "*")  # noqa: S104  as `ss` says it
_PROCESS = re.compile(r'\("([^"]+)",pid=')


@dataclass(frozen=True)
class Socket:
    """One that listens. A kernel's own, as DRBD's, has no process."""

    protocol: str
    address: str
    port: int
    processes: frozenset[str] = frozenset()

    def __str__(self) -> str:
        by = f" ({', '.join(sorted(self.processes))})" if self.processes else ""
        return f"{self.protocol} {self.address}:{self.port}{by}"


@dataclass(frozen=True)
class Difference:
    """Where a host is not as its design says."""

    unexpected: tuple[Socket, ...]
    """These listen for other hosts, and no listener says so."""
    missing: tuple[Listener, ...]
    """At these addresses, which the host has, nothing listens."""


def sockets(output: str) -> list[Socket]:
    """What `COMMAND` printed."""
    found = []
    for line in output.splitlines():
        # Netid, state, two queues, local and peer address, processes if there are any
        protocol, _, _, _, local, _, *processes = line.split(maxsplit=6)
        address, _, port = local.rpartition(":")
        address = address.strip("[]").partition("%")[0]
        found.append(Socket(protocol, address, int(port), frozenset(_PROCESS.findall(" ".join(processes)))))
    return found


def compare(output: str, listeners: Iterable[Listener], addresses: Collection[str]) -> Difference:
    """A host's sockets beside its listeners; `addresses` are those that the host has now.

    A socket of a loopback address is nobody else's affair. A listener of an address that is elsewhere isn't missed, nor
    one beside such an address, nor a kernel's own, which has no process: DRBD listens only while it waits for its peer.
    """
    found, listeners = sockets(output), tuple(listeners)
    return Difference(
        unexpected=tuple(
            socket
            for socket in found
            if not _is_loopback(socket) and not any(_is(socket, listener) for listener in listeners)
        ),
        missing=tuple(
            listener
            for listener in listeners
            if listener.process
            and (listener.address in addresses or listener.address in ANYWHERE)
            and (not listener.beside or listener.beside in addresses)
            and not any(_is(socket, listener) for socket in found)
        ),
    )


def _is(socket: Socket, listener: Listener) -> bool:
    """Whether a socket is the one that a listener announces."""
    return (
        (socket.protocol, socket.port) == (listener.protocol, listener.port)
        and (socket.address == listener.address or {socket.address, listener.address} <= set(ANYWHERE))
        and (not listener.process or listener.process in socket.processes)
    )


def _is_loopback(socket: Socket) -> bool:
    return socket.address not in ANYWHERE and ip_address(socket.address).is_loopback
