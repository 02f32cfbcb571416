"""Whether a block device may be given to LVM: only if it is blank, or already ours beyond doubt.

Ours is a physical volume with the UUID that follows from the cluster's and the host's name. LVM writes it into the
device's first sectors before anything else, so even a `pvcreate` that was cut short is known again, and a machine
whose system was installed anew finds its old data instead of a reason to format.
"""

import hashlib
import itertools
from collections.abc import Iterator

from quorate.converge.obstacle import Obstacle
from quorate.hosts.inspection import DeviceSeen, Seen

GROUP = "quorate"
"""The volume group on every host."""
EXTENT = 4 * 1024**2
HEADER = 1024**2
"""What LVM keeps at the start of a physical volume."""


def group_tag(cluster: str) -> str:
    """The tag of the volume group that says whose it is, lvm(8)."""
    return f"quorate.cluster={cluster}"


def physical_uuid(cluster: str, host: str) -> str:
    """The UUID of a host's physical volume, in LVM's form."""
    digest = hashlib.sha256(f"quorate/{cluster}/{host}".encode()).hexdigest()
    cuts = [0, 6, 10, 14, 18, 22, 26, 32]
    return "-".join(digest[start:end] for start, end in itertools.pairwise(cuts))


def is_ours(device: DeviceSeen, cluster: str, host: str) -> bool:
    """Whether the device is the physical volume that Quorate made, or began to make, for this cluster on this host."""
    return device.signature.get("TYPE") == "LVM2_member" and device.signature.get("UUID") == physical_uuid(
        cluster, host
    )


def obstacles(cluster: str, path: str, needed: int, seen: Seen) -> Iterator[Obstacle]:
    """Why the device can't be used, as far as was seen; `needed` in bytes."""

    def obstacle(what: str, todo: str) -> Obstacle:
        return Obstacle(seen.host, f"{path}: {what}", todo)

    device = seen.devices.get(path)
    if device is None:
        yield obstacle(
            "there is no such device",
            f"Name another as `data` of {seen.host} in the cluster file, or label a partition for it "
            "(parted's `name`): /dev/disk/by-partlabel/LABEL.",
        )
        return
    if not device.block:
        yield obstacle("this is no block device", f"Name one as `data` of {seen.host} in the cluster file.")
        return
    name = "" if device.real == path else f" ({device.real})"
    erase = f"if nothing on it is needed, erase it by hand, on {seen.host}: blkdiscard --force --zeroout {path}"
    lvm = seen.lvm
    group = lvm.groups.get(GROUP) if lvm else None
    if lvm and lvm.error:
        yield Obstacle(seen.host, f"LVM doesn't answer: {lvm.error}", "Put LVM right: see `pvs`.")
    if group and group_tag(cluster) not in group.tags:
        tags = ", ".join(sorted(group.tags)) or "none"
        yield Obstacle(
            seen.host,
            f"volume group `{GROUP}` isn't this cluster's (its tags: {tags})",
            f"If nothing on it is needed: `vgremove {GROUP}` there, by hand.",
        )
        return
    if is_ours(device, cluster, seen.host):
        return
    if group:
        yield obstacle(
            f"volume group `{GROUP}` of this cluster is there already, on another device",
            f"Name the device of `pvs` as `data` of {seen.host}.",
        )
    elif device.read_only:
        yield obstacle(f"it can't be written to{name}", "Name another device, or make it writable.")
    elif device.mounted or device.holders:
        use = [f"mounted on {place}" for place in device.mounted] + [f"used by {holder}" for holder in device.holders]
        yield obstacle(f"it is in use{name}: {', '.join(use)}", "Name another device, or free this one by hand.")
    elif device.partitions or "PTTYPE" in device.signature:
        parts = ", ".join(device.partitions) or "none"
        yield obstacle(
            f"it is partitioned{name} ({device.signature.get('PTTYPE', 'unknown table')}; partitions: {parts})",
            f"Name one of its partitions, or, {erase}",
        )
    elif device.signature or device.ambiguous:
        kind = device.signature.get("TYPE", "several things at once")
        label = f", labelled {device.signature['LABEL']!r}" if "LABEL" in device.signature else ""
        yield obstacle(
            f"it holds data that Quorate doesn't know{name}: {kind}{label}",
            erase[0].upper() + erase[1:],
        )
    elif not device.blank:
        yield obstacle(
            f"it has no known signature{name}, but its first or last MiB isn't zero: it may hold something",
            erase[0].upper() + erase[1:],
        )
    elif device.bytes < needed:
        yield obstacle(
            f"it is too small{name}: {device.bytes // 1024**2} MiB, and {-(-needed // 1024**2)} MiB are needed",
            "Name a larger one, or ask for a smaller `size`.",
        )
