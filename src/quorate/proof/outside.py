"""What is no node, and what quorum and fencing hang on all the same: a quorum device's host, and SBD's shared disks."""

import re
from collections.abc import Collection

from quorate.proof.evidence import Corosync, Evidence, Pacemaker
from quorate.proof.evidence.pacemaker import Primitive, value
from quorate.proof.lint.fencing import devices, is_by_disk, targets, watchdog_fences
from quorate.proof.lint.quorum import ignores_quorum

SETTINGS = ("/etc/default/sbd", "/etc/sysconfig/sbd")
"""Where SBD has its settings: Debian's and SUSE's place, Red Hat's."""


def parts(evidence: Evidence) -> tuple[str, ...]:
    """The names of all of them."""
    host = device_host(evidence.corosync)
    return (*([host] if host else ()), *disks(evidence))


def device_host(conf: Corosync | None) -> str | None:
    """The host that corosync-qnetd runs on; None without a quorum device, or if a member is that host."""
    host = (conf.device.one("net").get("host") or "the quorum device") if conf and conf.has_device else None
    return None if conf and host and is_member(conf, host) else host


def is_member(conf: Corosync, host: str) -> bool:
    """Whether a host, by name or address, is a node of the cluster."""
    return any(host in (member.name, *member.addresses.values()) for member in conf.members)


def disks(evidence: Evidence) -> tuple[str, ...]:
    """SBD's shared disks, as the fence devices name them, or else SBD's settings on the nodes."""
    pacemaker = evidence.pacemaker
    by_disk = [each for each in devices(pacemaker) if is_by_disk(each)] if pacemaker else []
    return tuple(dict.fromkeys(disk for device in by_disk for disk in disks_of(device, evidence)))


def disks_of(device: Primitive, evidence: Evidence) -> tuple[str, ...]:
    """The disks of one fence device by disk; empty if nothing names them."""
    texts = [value(device.parameters, "devices", "sbd_device") or ""]
    files = [host.files.get(path) for host in evidence.hosts.values() for path in SETTINGS]
    for file in files:
        if file and file.text and (match := re.search(r"^\s*SBD_DEVICE=[\"']?([^\"'\n]*)", file.text, re.MULTILINE)):
            texts.append(match[1])
    return next((found for text in texts if (found := tuple(re.split(r"[;,\s]+", text.strip(" ;,")))) != ("",)), ())


def can_fence(evidence: Evidence, pacemaker: Pacemaker, node: str, lost: Collection[str]) -> bool:
    """Whether something is left that can fence a node when some of these parts are lost."""

    def is_usable(device: Primitive) -> bool:
        if not is_by_disk(device):
            return True
        shared = disks_of(device, evidence)
        # sbd(8): of two disks both are needed to fence, of three any two.
        left = len([disk for disk in shared if disk not in lost])
        return left >= (2 if len(shared) > 1 else len(shared))

    usable = {each.id: targets(each) for each in devices(pacemaker) if is_usable(each)}
    if watchdog_fences(pacemaker) or any(found is None or node in found for found in usable.values()):
        return True
    known = {each.id for each in devices(pacemaker)} - {*usable}
    return any(level.target == node and known.isdisjoint(level.devices) for level in pacemaker.levels)


def fences_itself(evidence: Evidence) -> bool:
    """Whether a node that has lost quorum is reset by its own watchdog: SBD without a disk, sbd(8)."""
    pacemaker = evidence.pacemaker
    if pacemaker is None or not watchdog_fences(pacemaker) or any(is_by_disk(each) for each in devices(pacemaker)):
        return False
    return not ignores_quorum(pacemaker)
