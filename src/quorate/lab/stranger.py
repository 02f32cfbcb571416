"""A machine that isn't one of the lab's, on one of its networks, with an address that is somebody else's.

It has a namespace of its own. Its kernel answers who asks for the address, and refuses every connection, as a computer
does on which nobody listens; this program, there, announces the address again and again by gratuitous ARP (RFC 5227,
section 3), in both forms that there are.
"""

import contextlib
import socket
import struct
import sys
import time
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from quorate.errors import LabError
from quorate.lab.command import run
from quorate.lab.network import Namespace
from quorate.lab.process import Process

PORT, NIC = "stranger", "eth0"
"""Its link's end at the bridge, and its own."""
EVERY = 1.0
"""Seconds between two announcements. Linux heeds one a second (arp(7), `locktime`)."""
ARP = 0x0806
BROADCAST = b"\xff" * 6
REQUEST, REPLY = 1, 2


class Stranger:
    """The one stranger that a lab may have."""

    def __init__(self, lab: Namespace, folder: Path) -> None:
        self._lab = lab
        self._own = Namespace(f"{lab.name}-stranger")
        self._output = folder / "stranger.output"
        self._process = Process(folder / "stranger.process")

    def appear(self, bridge: str, address: IPv4Interface) -> None:
        """Plugs it into a bridge of the lab's, with this address. Raises LabError."""
        self.leave()
        run("ip", "netns", "add", self._own.name)
        run("ip", "-netns", self._lab.name, "link", "add", "name", PORT, "type", "veth", "peer", "name", NIC, *self._in)
        run("ip", "-netns", self._lab.name, "link", "set", PORT, "master", bridge, "up")
        run("ip", "-netns", self._own.name, "address", "add", str(address), "dev", NIC)
        run("ip", "-netns", self._own.name, "link", "set", NIC, "up")
        self._process.start(self._own.argv(sys.executable, "-m", "quorate.lab.stranger", str(address.ip)), self._output)

    def leave(self) -> None:
        """Takes it away with all that it had; nothing if there is none. Raises LabError."""
        self._process.kill()
        if self._own.exists():
            # Gone at once; its namespace goes when the kernel gets to it.
            with contextlib.suppress(LabError):
                run("ip", "-netns", self._lab.name, "link", "delete", PORT)
            run("ip", "netns", "delete", self._own.name)

    @property
    def _in(self) -> tuple[str, str]:
        return "netns", self._own.name


def announcement(operation: int, mac: bytes, address: IPv4Address) -> bytes:
    """A whole frame that says who has an address, to everybody. Pure."""
    sender = mac + address.packed
    target = (bytes(6) if operation == REQUEST else BROADCAST) + address.packed
    return BROADCAST + mac + struct.pack("!HHHBBH", ARP, 1, 0x0800, 6, 4, operation) + sender + target


def main() -> None:
    """Announces an address until somebody ends it."""
    address = IPv4Address(sys.argv[1])
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind((NIC, ARP))
        mac = link.getsockname()[4]
        while True:
            for operation in (REQUEST, REPLY):
                link.send(announcement(operation, mac, address))
            time.sleep(EVERY)


if __name__ == "__main__":
    main()
