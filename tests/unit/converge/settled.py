"""A view in which nothing differs from the design, made from the design itself; tests then spoil one thing in it."""

import dataclasses
import hashlib
from typing import Any

from lxml import etree

from quorate.cluster.loading import load
from quorate.cluster.model import Cluster
from quorate.converge import devices, steps, volumes
from quorate.converge.files import write
from quorate.converge.step import Step, View
from quorate.design import Design, cib, work_out
from quorate.hosts.inspection import (
    DeviceSeen,
    DrbdSeen,
    FileSeen,
    LogicalVolume,
    Lvm,
    NumbersSeen,
    PhysicalVolume,
    Release,
    Said,
    Seen,
    UnitSeen,
    VolumeGroup,
)

FILE = b"cluster: lab\nnodes: [ctl1, ctl2, ctl3]\nservices: {database: {replicated_by: drbd, on: [ctl1, ctl2]}}\n"
CLUSTER: Cluster = load(FILE, "lab.yaml")
DESIGN: Design = work_out(CLUSTER)
DATA = CLUSTER.nodes["ctl1"].data
GIB = 1024**3

EMPTY_CIB = (
    '<cib epoch="1" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.9"><configuration>'
    "<crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>"
)
MONITOR = (
    '<pacemaker-result><summary><current_dc present="true" name="ctl2" with_quorum="true"/></summary><nodes>'
    + "".join(f'<node name="{name}" online="true" pending="false"/>' for name in DESIGN.hosts)
    + "</nodes><resources/></pacemaker-result>"
)
DONE = frozenset({volumes.OURS, volumes.ZEROED, volumes.METADATA, volumes.INITIALISED})


OWNERS = {volume.owner.partition(":")[0]: 830 for volume in DESIGN.volumes}


def secret(name: str) -> bytes:
    return f"the secret {name}".encode()


STEPS: tuple[Step, ...] = steps(DESIGN, secret)


def settled() -> dict[str, Seen]:
    return {name: _host(name) for name in DESIGN.hosts}


def _host(name: str) -> Seen:
    wanted = DESIGN.hosts[name]
    merged = cib.merge(etree.fromstring(EMPTY_CIB), DESIGN)
    files = {
        file.path: FileSeen(hashlib.sha256(write(name, file, secret).content).hexdigest(), file.mode, "root", "root")
        for file in wanted.files
    }
    holds_data = any(name in volume.hosts for volume in DESIGN.volumes)
    return Seen(
        name,
        hostname=name,
        release=Release("debian", "13", "Debian GNU/Linux 13 (trixie)"),
        free={"/": 4 * GIB},
        packages=dict.fromkeys(wanted.packages, "1"),
        files=files,
        units={
            unit.name: UnitSeen(
                "loaded",
                "enabled" if unit.enabled else "disabled",
                "active" if unit.enabled else "inactive",
                False,
            )
            for unit in wanted.units
        },
        addresses={str(link.address.ip): True for link in CLUSTER.nodes[name].links.values()},
        modules={"drbd": True} if holds_data else {},
        devices={DATA: data_device(name)} if holds_data else {},
        lvm=lvm(name, DONE) if holds_data else Lvm(),
        drbd={0: DrbdSeen("Connected", "Secondary", "Primary", "UpToDate", "UpToDate", None, 0)} if holds_data else {},
        numbers=NumbersSeen(OWNERS, OWNERS) if holds_data else NumbersSeen(),
        said={
            "crm_mon": Said(0, MONITOR, ""),
            "cib": Said(0, etree.tostring(merged, encoding="unicode"), ""),
        },
    )


def data_device(host: str, **changes: Any) -> DeviceSeen:
    ours = {"TYPE": "LVM2_member", "UUID": devices.physical_uuid("lab", host)}
    device = DeviceSeen("/dev/sda4", True, 8 * GIB, signature=ours, holders=("dm-0",))
    return dataclasses.replace(device, **changes)


BLANK = DeviceSeen("/dev/sda4", True, 8 * GIB, blank=True)


def lvm(host: str, tags: frozenset[str] | None, size: int = 2 * GIB, group_tags: frozenset[str] | None = None) -> Lvm:
    """The host's LVM; `tags` of the database's logical volume, None if there is none."""
    found = {} if tags is None else {"database": LogicalVolume(size, tags, True)}
    ours = frozenset({devices.group_tag("lab")})
    group = VolumeGroup(ours if group_tags is None else group_tags, devices.EXTENT, 6 * GIB, found)
    return Lvm({"/dev/sda4": PhysicalVolume(devices.physical_uuid("lab", host), "quorate")}, {"quorate": group})


def spoilt(host: str, **changes: Any) -> dict[str, Seen]:
    """The settled view with one host changed."""
    view = settled()
    return {**view, host: dataclasses.replace(view[host], **changes)}


def bare(view: View | None = None) -> dict[str, Seen]:
    """Hosts that have Debian, sshd, python3 and a blank data disk."""
    return {
        name: Seen(
            name,
            hostname=name,
            release=seen.release,
            free=seen.free,
            addresses=seen.addresses,
            modules=seen.modules,
            devices=dict.fromkeys(seen.devices, BLANK),
        )
        for name, seen in (view or settled()).items()
    }
