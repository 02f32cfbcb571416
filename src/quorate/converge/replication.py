"""The first life of a volume: DRBD connects both blank sides, one gets the file system and the service's first data.

Whatever was cut short is done again from the start, as long as neither side is marked as initialised. The marks come
last; until they are there, no CIB that could start anything on the volume has been pushed.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from quorate.converge import marks, volumes
from quorate.converge.devices import GROUP
from quorate.converge.files import DRBD_FOLDER
from quorate.converge.step import Phase, View
from quorate.converge.volumes import INITIALISED, alone, must_be_blank
from quorate.errors import HostError
from quorate.hosts import CommandTimedOut, Host, Hosts
from quorate.hosts.inspection import DrbdSeen, Request
from quorate.node import inspect
from quorate.progress import Say
from quorate.services.parts import Volume

CONNECT_TIMEOUT = 60.0
SYNC_TIMEOUT = 4 * 3600.0
INITIALISE_TIMEOUT = 600.0

MAKE_FILESYSTEM = {
    # Nothing is discarded: DRBD would pass it on, and what a disk reads back afterwards is its own affair; the two
    # sides would differ where nobody has written, and `drbdadm verify` would say so.
    "ext4": ("mkfs.ext4", "-q", "-F", "-E", "nodiscard"),
    "xfs": ("mkfs.xfs", "-q", "-f", "-K"),
}


@dataclass(frozen=True)
class Initialise:
    """Both sides connected and equal, a file system, the service's first data."""

    volume: Volume
    phase: ClassVar[Phase] = Phase.REPLICATION
    host: ClassVar[None] = None

    @property
    def title(self) -> str:
        """What it does."""
        return f"initialise volume {self.volume.name}"

    def asks(self) -> Mapping[str, Request]:
        """LVM on both sides."""
        return {host: volumes.look_at(self.volume, host) for host in self.volume.hosts}

    def differs(self, view: View) -> str | None:
        """Whether neither side is marked."""
        return None if volumes.is_initialised(self.volume, view) else "it holds nothing yet"

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Does all of it, from wherever an earlier attempt stopped."""
        volume = self.volume
        first, second = [await hosts.host(name) for name in volume.hosts]
        both = (first, second)
        for host in both:
            await must_be_blank(host, volume)
            await release(host, volume)
        await asyncio.gather(*(alone(host, "drbdadm", "adjust", volume.name) for host in both))
        side = await connected(first, volume)
        if "UpToDate" not in (side.disk, side.peer_disk):
            say("both sides are zero and thereby equal: no first synchronisation")
            await alone(first, "drbdadm", "new-current-uuid", "--clear-bitmap", f"{volume.name}/0")
        await up_to_date(first, volume, say)

        await alone(first, "drbdadm", "primary", volume.name)
        say(f"{first.name}: {volume.filesystem} on {volume.device}")
        make = MAKE_FILESYSTEM[volume.filesystem]
        await alone(first, *make, volume.device, timeout=INITIALISE_TIMEOUT)
        for host in both:
            await host.run("mkdir", "-p", "--", volume.mountpoint)
        await alone(first, "mount", "-t", volume.filesystem, volume.device, volume.mountpoint)
        await alone(first, "chown", "--", volume.owner, volume.mountpoint)
        for command in volume.initialise:
            say(f"{first.name}: {command[0]}")
            await alone(first, *command, timeout=INITIALISE_TIMEOUT)
        await release(first, volume)  # umount flushes
        await up_to_date(first, volume, say)
        for host in both:
            await alone(host, "lvchange", "--addtag", INITIALISED, f"{GROUP}/{volume.name}")
        for host in both:
            await alone(host, "drbdadm", "down", volume.name)


@dataclass(frozen=True)
class Adjust:
    """DRBD hears of a changed configuration while it runs, and looks for a peer that it has given up.

    It does so after two primaries have met. To connect is safe: a side whose data the other has is brought up to date,
    and where both have what the other lacks it gives up again, by its configuration, and nothing is discarded.
    """

    host: str
    volumes: tuple[Volume, ...]
    phase: ClassVar[Phase] = Phase.REPLICATION
    title: ClassVar[str] = "let DRBD read its configuration again"

    def asks(self) -> Mapping[str, Request]:
        """The mark that a changed file leaves."""
        return {self.host: marks.ASK}

    def differs(self, view: View) -> str | None:
        """Whether there is one, or a volume whose peer was given up."""
        seen = view[self.host]
        if marks.unread("drbd") in seen.pending:
            return f"a file in {DRBD_FOLDER} has changed"
        sides = ((each.name, seen.drbd.get(each.minor)) for each in self.volumes)
        lonely = [name for name, side in sides if side and side.connection == "StandAlone"]
        return f"it has given up the peer of {', '.join(lonely)}" if lonely else None

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Adjusts every device that is up; the others read their files when they start."""
        host = await hosts.host(self.host)
        for volume in self.volumes:
            if volume.minor in view[self.host].drbd:
                await alone(host, "drbdadm", "adjust", volume.name)
        await marks.remove(host, marks.unread("drbd"))


async def release(host: Host, volume: Volume) -> None:
    """Takes a volume that an earlier attempt may have left mounted and primary back to a secondary."""
    mounted = await host.run("findmnt", "--noheadings", "--output=TARGET", f"--source={volume.device}", check=False)
    for target in mounted.stdout.splitlines():
        await alone(host, "umount", "--", target.strip())
    side = await replica(host, volume)
    if side and side.role == "Primary":
        await alone(host, "drbdadm", "secondary", volume.name)


async def replica(host: Host, volume: Volume) -> DrbdSeen | None:
    """What DRBD says now of a volume on a host; None if it isn't up there."""
    text = (await host.run("cat", "/proc/drbd", check=False)).stdout
    found = inspect.drbd(text)["devices"].get(str(volume.minor))
    return DrbdSeen(**found) if found else None


async def connected(host: Host, volume: Volume) -> DrbdSeen:
    """Waits until both sides have found each other."""
    try:
        await host.run("drbdadm", "wait-connect", volume.name, timeout=CONNECT_TIMEOUT)
    except CommandTimedOut:
        peer = next(name for name in volume.hosts if name != host.name)
        raise HostError(
            f"volume {volume.name} finds no DRBD on {peer} within {CONNECT_TIMEOUT:g} s",
            where=host.name,
            todo=f"See that TCP port {volume.port} is open between {host.name} and {peer} on the replication network.",
        ) from None
    side = await replica(host, volume)
    if side is None or side.connection in ("StandAlone", "WFConnection"):
        state = side.connection if side else "Unconfigured"
        raise HostError(
            f"volume {volume.name} does not connect to its peer ({state})",
            where=host.name,
            todo="`journalctl -k` there has DRBD's reason.",
        )
    return side


async def up_to_date(host: Host, volume: Volume, say: Say) -> None:
    """Waits until both sides hold the same; after an interruption DRBD may have to carry something over first."""
    try:
        async with asyncio.timeout(SYNC_TIMEOUT):
            shown = -10.0
            while not ((side := await replica(host, volume)) and side.disk == side.peer_disk == "UpToDate"):
                if side is None or side.connection in ("StandAlone", "WFConnection"):
                    side = await connected(host, volume)
                if side.percent is not None and side.percent >= shown + 10:
                    shown = side.percent
                    say(f"{volume.name}: {side.percent:.0f} % synchronised")
                await asyncio.sleep(0.3)
    except TimeoutError:
        raise HostError(f"volume {volume.name} is still not in sync", where=host.name) from None
