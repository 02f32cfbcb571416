"""The address probe: is an address there, and whose is it?

Each turn opens a TCP connection to the service behind the address and closes it again, and asks the network by ARP who
has the address. Nothing is written, so there is nothing to be found again: a connection that doesn't stand is refused.
Who answered stands in a file beside the record (`drill/holders.py`). Asking takes a raw socket, which only root has,
and a network that the address is on; without either the file says why nobody was asked.
"""

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

from quorate.drill.clients import holders, load
from quorate.drill.clients.holders import Answer
from quorate.drill.clients.ledger import Found
from quorate.drill.clients.load import Turn
from quorate.drill.clients.record import Outcome, Write

if TYPE_CHECKING:
    from quorate.drill.clients.probe import Place

ROUTES = Path("/proc/self/net/route")
"""Of the network namespace that this process is in; proc(5)."""
ETH_P_ARP, ETH_P_IP = 0x0806, 0x0800
REQUEST, REPLY = 1, 2
"""RFC 826's operations."""
SIOCGIFHWADDR = 0x8927
"""netdevice(7)."""
SO_TIMESTAMP = 29
"""socket(7): when a frame arrived, as the kernel has it, however late this process reads it."""
BROADCAST = b"\xff" * 6
ARP = struct.Struct("!6s6sHHHBBH6s4s6s4s")
"""An Ethernet header and an ARP packet for IPv4."""
TIMEVAL = struct.Struct("ll")


@dataclass(frozen=True, kw_only=True)
class Config(load.Config):
    """What the process needs to know."""

    host: str
    """The address."""
    port: int
    heard: str
    """The path of the file for what is heard."""
    timeout: float = 1.0
    """Seconds for a connection: the first packet, and no second one, which would come after a second."""


def question(mac: bytes, own: bytes, address: bytes) -> bytes:
    """A frame that asks everybody who has an address."""
    return ARP.pack(BROADCAST, mac, ETH_P_ARP, 1, ETH_P_IP, 6, 4, REQUEST, mac, own, bytes(6), address)


def answer_in(frame: bytes, mac: bytes, address: bytes) -> str:
    """Who says in a frame that it has the address, and says it to us; else nothing.

    What is said to everybody, unasked, is an announcement: it comes after a move, and doesn't say who would answer.
    """
    if len(frame) < ARP.size:
        return ""
    to, _, kind, _, _, _, _, operation, sender, whose, *_ = ARP.unpack_from(frame)
    if (to, kind, operation, whose) != (mac, ETH_P_ARP, REPLY, address):
        return ""
    return ":".join(f"{byte:02x}" for byte in sender)


def interface_to(address: IPv4Address, routes: str) -> str | None:
    """The interface on whose network an address is, from the kernel's table; None if only a gateway leads there."""
    best: tuple[int, str] | None = None
    for words in map(str.split, routes.splitlines()[1:]):
        name, destination, gateway, _, _, _, _, mask = words[:8]
        network, bits = (int.from_bytes(bytes.fromhex(word)[::-1], "big") for word in (destination, mask))
        if int(address) & bits == network and (best is None or bits >= best[0]):
            best = bits, "" if int(gateway, 16) else name
    return best[1] or None if best else None


class Asking:
    """The raw socket, and what is heard on it."""

    def __init__(self, interface: str, address: IPv4Address, file: int) -> None:
        self._file, self._address = file, address.packed
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
        self._socket.bind((interface, ETH_P_ARP))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMP, 1)
        asked = fcntl.ioctl(self._socket, SIOCGIFHWADDR, struct.pack("256s", interface.encode()))
        self._mac = asked[18:24]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:  # which of our addresses it would see
            way.connect((str(address), 9))
            self._own = socket.inet_aton(way.getsockname()[0])
        asyncio.get_running_loop().add_reader(self._socket, self._hear)

    def ask(self) -> None:
        """Asks once. A network that is down for a moment has nobody on it."""
        with contextlib.suppress(OSError):
            self._socket.send(question(self._mac, self._own, self._address))

    def close(self) -> None:
        """Hears no more."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _hear(self) -> None:
        frame, said, _, _ = self._socket.recvmsg(2048, socket.CMSG_SPACE(TIMEVAL.size))
        if mac := answer_in(frame, self._mac, self._address):
            seconds, microseconds = TIMEVAL.unpack(said[0][2])
            os.write(self._file, holders.line(Answer(seconds + microseconds / 1e6, mac)).encode())


class Client:
    """The process's side."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._asking: Asking | None = None
        self._file = os.open(config.heard, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)

    async def open(self) -> None:
        """Gets ready to ask, if that can be."""
        address = IPv4Address(self._config.host)
        interface = interface_to(address, ROUTES.read_text())  # noqa: ASYNC240  before the first turn
        if interface is None:
            first = holders.head(unasked="it is on no network of this machine's")
        else:
            try:
                self._asking = Asking(interface, address, self._file)
                first = holders.head(address=self._config.host, interface=interface)
            except OSError as error:
                first = holders.head(unasked=f"no raw socket: {error.strerror}")
        os.write(self._file, first.encode())

    async def operate(self, turn: Turn) -> Write:
        """Asks, connects, and judges whether that went."""
        if self._asking:
            self._asking.ask()
        try:
            async with asyncio.timeout(self._config.timeout):
                turn.sends()
                _, writer = await asyncio.open_connection(self._config.host, self._config.port)
        except TimeoutError:
            return turn.ended(Outcome.REFUSED, "no answer in time")
        except OSError as error:
            return turn.ended(Outcome.REFUSED, os.strerror(error.errno) if error.errno else repr(error))
        done = turn.ended(Outcome.ACKNOWLEDGED)
        writer.close()
        return done

    async def close(self) -> None:
        """Hears no more."""
        if self._asking:
            self._asking.close()
        os.close(self._file)


class Address:
    """The drill's side."""

    module, what, rate, alone, writes = __name__, "connections", 4.0, 4.0, False

    def __init__(self, place: "Place") -> None:
        self._place = place

    @property
    def heard(self) -> Path:
        """The file for what is heard."""
        return self._place.record.with_suffix(".arp")

    def config(self, rate: float) -> Config:
        """See `Probe`."""
        service = self._place.service
        return Config(
            host=str(service.address),
            port=service.port,
            heard=str(self.heard),
            output=str(self._place.record),
            rate=rate,
        )

    async def prepare(self) -> None:
        """Nothing: a connection is all."""

    async def found(self) -> Found:
        """Nothing was written."""
        return Found(())

    async def withdraw(self) -> None:
        """Nothing has to go."""

    async def erase(self) -> None:
        """Nothing was written."""


if __name__ == "__main__":
    config = load.configuration(Config)
    asyncio.run(load.run(Client(config), "address", config))
