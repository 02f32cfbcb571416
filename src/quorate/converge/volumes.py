"""A volume's disk on one host: volume group, logical volume, zeroes, DRBD metadata.

LVM's tags are the journal of this work: LVM commits them to disk with its own metadata, so a tag that is there was
set, and what it stands for was finished before.

    quorate.volume        the logical volume is ours (set in the same commit that makes it)
    quorate.zeroed        every byte was written as zero, and flushed
    quorate.metadata      DRBD's metadata was made
    quorate.initialised   it holds the service's data, or receives them from the peer: never again initialised

Both sides are zeroed, and so identical, before DRBD is told that they are: no first synchronisation, and `drbdadm
verify` finds nothing afterwards. A side whose peer is initialised already (its disk was replaced) isn't zeroed: DRBD
overwrites all of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from quorate.converge import devices, marks, said
from quorate.converge.devices import GROUP
from quorate.converge.obstacle import Obstacle
from quorate.converge.step import Phase, View
from quorate.errors import HostError, Refused
from quorate.hosts import CommandFailed, Host, Hosts, Result
from quorate.hosts.inspection import LogicalVolume, Request
from quorate.progress import Say
from quorate.services.parts import Volume

OURS = "quorate.volume"
ZEROED = "quorate.zeroed"
METADATA = "quorate.metadata"
INITIALISED = "quorate.initialised"

LOCK = "/run/quorate-volumes.lock"
LOCKED = 75
ZEROING_RATE = 20 * 1024**2  # bytes a second that the slowest disk writes


def backing_size(volume: Volume) -> int:
    """Bytes of the logical volume: the data, and DRBD's internal metadata of one bit for 4 KiB, rounded up."""
    return volume.size + volume.size // 32768 + devices.HEADER


def logical(volume: Volume, host: str, view: View) -> LogicalVolume | None:
    """The volume's logical volume on a host, if it is there."""
    lvm = view[host].lvm
    group = lvm.groups.get(GROUP) if lvm else None
    return group.volumes.get(volume.name) if group else None


def tags(volume: Volume, host: str, view: View) -> frozenset[str]:
    """How far the host's side has come."""
    found = logical(volume, host, view)
    return found.tags if found else frozenset()


def is_initialised(volume: Volume, view: View) -> bool:
    """Whether either side holds data."""
    return any(INITIALISED in tags(volume, host, view) for host in volume.hosts)


def look_at(volume: Volume, host: str) -> Request:
    """What all steps of a volume need to see of a host."""
    return Request(devices=frozenset({volume.backing[host]}), modules=frozenset({"drbd"}), volume_group=GROUP)


async def alone(host: Host, *argv: str, timeout: float = 120) -> Result:
    """Runs a command that touches a volume, after any that an `apply` that was killed has left running."""
    # --close: the lock stays with flock(1), or a daemon that LVM starts would hold it for ever.
    lock = ("flock", "--close", "--timeout", f"{timeout:g}", "--conflict-exit-code", str(LOCKED), LOCK)
    result = await host.run(*argv, under=lock, timeout=2 * timeout, check=False)
    if result.status == LOCKED:
        raise HostError(
            f"a command of an earlier `apply` is still at work on its volumes ({LOCK})",
            where=host.name,
            todo=f"Wait for it (`fuser -v {LOCK}` shows it), then run `quorate apply` again.",
        )
    if result.status != 0:
        raise CommandFailed(host.name, argv, result.status, result.stdout, result.stderr)
    return result


async def must_be_blank(host: Host, volume: Volume) -> None:
    """Looks once more, at the last moment before something is overwritten."""
    found = await host.run("lvs", "--noheadings", "--options", "lv_tags", f"{GROUP}/{volume.name}")
    if INITIALISED in found.stdout.strip().split(","):
        raise Refused(f"volume {volume.name} holds data by now; it isn't initialised again", where=host.name)


@dataclass(frozen=True)
class CreateGroup:
    """The volume group on the data device."""

    cluster: str
    host: str
    device: str
    phase: ClassVar[Phase] = Phase.VOLUMES

    @property
    def title(self) -> str:
        """What it does."""
        return f"make volume group {GROUP} on {self.device}"

    def asks(self) -> Mapping[str, Request]:
        """The device and LVM."""
        return {self.host: Request(devices=frozenset({self.device}), volume_group=GROUP)}

    def differs(self, view: View) -> str | None:
        """Whether the group is missing."""
        lvm = view[self.host].lvm
        return None if lvm and GROUP in lvm.groups else "it isn't there"

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Makes it. `pvcreate` asks before it wipes a signature, and nobody answers: so it never does."""
        host, device = await hosts.host(self.host), view[self.host].devices[self.device]
        if device is None or not devices.is_ours(device, self.cluster, self.host):
            uuid = devices.physical_uuid(self.cluster, self.host)
            await alone(host, "pvcreate", "--norestorefile", "--uuid", uuid, self.device)
        await alone(host, "vgcreate", "--addtag", devices.group_tag(self.cluster), GROUP, self.device)


@dataclass(frozen=True)
class CreateVolume:
    """The logical volume."""

    host: str
    volume: Volume
    phase: ClassVar[Phase] = Phase.VOLUMES

    @property
    def title(self) -> str:
        """What it does."""
        return f"make logical volume {GROUP}/{self.volume.name}"

    def asks(self) -> Mapping[str, Request]:
        """LVM."""
        return {self.host: look_at(self.volume, self.host)}

    def differs(self, view: View) -> str | None:
        """Whether it is missing, or not to be used."""
        found = logical(self.volume, self.host, view)
        if found is None:
            return "it isn't there"
        return None if found.active else "it isn't active"

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Makes it, tagged as ours in the same commit; or activates it."""
        host = await hosts.host(self.host)
        if logical(self.volume, self.host, view):
            await alone(host, "lvchange", "--activate", "y", f"{GROUP}/{self.volume.name}")
            return
        size, name = f"{backing_size(self.volume)}b", self.volume.name
        as_it_is = ("--wipesignatures", "n", "--zero", "n")  # the next step zeroes all of it
        await alone(host, "lvcreate", *as_it_is, "--addtag", OURS, "--size", size, "--name", name, GROUP)


@dataclass(frozen=True)
class Zero:
    """Zeroes a logical volume of which neither side holds data."""

    host: str
    volume: Volume
    phase: ClassVar[Phase] = Phase.VOLUMES

    @property
    def title(self) -> str:
        """What it does."""
        return f"fill {GROUP}/{self.volume.name} with zeroes"

    def asks(self) -> Mapping[str, Request]:
        """LVM on both sides."""
        return {host: look_at(self.volume, host) for host in self.volume.hosts}

    def differs(self, view: View) -> str | None:
        """Whether it was never finished, and matters."""
        if is_initialised(self.volume, view) or ZEROED in tags(self.volume, self.host, view):
            return None
        return "what was on the disk before may show through"

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Zeroes, flushes, and only then says so."""
        host, path = await hosts.host(self.host), self.volume.logical_volume
        await must_be_blank(host, self.volume)
        await alone(host, "blkdiscard", "--zeroout", path, timeout=120 + backing_size(self.volume) / ZEROING_RATE)
        await alone(host, "sync", path, timeout=300)
        await alone(host, "lvchange", "--addtag", ZEROED, f"{GROUP}/{self.volume.name}")


@dataclass(frozen=True)
class CreateMetadata:
    """DRBD's metadata on one side."""

    host: str
    volume: Volume
    phase: ClassVar[Phase] = Phase.VOLUMES

    @property
    def title(self) -> str:
        """What it does."""
        return f"make DRBD metadata of {self.volume.name}"

    def asks(self) -> Mapping[str, Request]:
        """LVM on both sides."""
        return {host: look_at(self.volume, host) for host in self.volume.hosts}

    def differs(self, view: View) -> str | None:
        """Whether this side is behind."""
        own = tags(self.volume, self.host, view)
        if INITIALISED in own:
            return None
        if is_initialised(self.volume, view):
            return "its peer holds data, and this side has none yet"
        return None if {ZEROED, METADATA} <= own else "there is none"

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Makes it. Beside an initialised peer this side thereby becomes its replica: DRBD fills it."""
        host = await hosts.host(self.host)
        await must_be_blank(host, self.volume)
        joins = is_initialised(self.volume, view)
        if not (joins and METADATA in tags(self.volume, self.host, view)):
            await alone(host, "drbdadm", "create-md", "--force", self.volume.name)
        joined: tuple[str, ...] = ()
        if joins:
            await marks.make(host, marks.joined(self.volume.name))
            joined = ("--addtag", INITIALISED)
        await alone(host, "lvchange", "--addtag", METADATA, *joined, f"{GROUP}/{self.volume.name}")


def obstacles(cluster: str, volumes: tuple[Volume, ...], view: View) -> Iterator[Obstacle]:
    """What speaks against touching the volumes' devices."""
    for host in sorted({host for volume in volumes for host in volume.hosts}):
        seen = view[host]
        if not seen.python:
            continue  # nothing could be looked at yet
        needed: dict[str, int] = {}
        for volume in volumes:
            if host in volume.hosts:
                device = volume.backing[host]
                needed[device] = needed.get(device, devices.EXTENT) + backing_size(volume) + devices.EXTENT
        for device, size in needed.items():
            yield from devices.obstacles(cluster, device, size, seen)
        if not seen.modules.get("drbd", True):
            yield Obstacle(
                host,
                "its kernel has no DRBD module",
                "Boot Debian's standard kernel (linux-image-amd64); the cloud kernel leaves DRBD out.",
            )
        elif seen.drbd_version and not seen.drbd_version.startswith("8.4"):
            yield Obstacle(
                host,
                f"DRBD {seen.drbd_version} is loaded; Quorate drives 8.4, which Debian's kernel has",
                "Remove the other module (drbd-dkms) and restart.",
            )
    for volume in volumes:
        yield from _volume_obstacles(volume, view)


def _volume_obstacles(volume: Volume, view: View) -> Iterator[Obstacle]:
    for host in volume.hosts:
        found = logical(volume, host, view)
        if found and OURS not in found.tags:
            yield Obstacle(
                host,
                f"logical volume {GROUP}/{volume.name} isn't Quorate's: it lacks the tag {OURS}",
                f"If nothing on it is needed: `lvremove {GROUP}/{volume.name}` there, by hand.",
            )
        elif found and found.bytes < backing_size(volume):
            yield Obstacle(
                host,
                f"logical volume {GROUP}/{volume.name} has {found.bytes} bytes, and the cluster file asks for "
                f"{backing_size(volume)}",
                "Growing a volume isn't `apply`'s: use lvextend and `drbdadm resize`, or put the old size back.",
            )
    managed = [host for host in volume.hosts if view[host].lvm and volume.name in said.drbd_resources(view[host])]
    if managed and not is_initialised(volume, view):
        yield Obstacle(
            managed[0],
            f"the cluster manages volume {volume.name}, and no host has a disk of it that was ever initialised",
            "Were both disks replaced? Bring one back; to start from nothing, take it out of Pacemaker first.",
        )
