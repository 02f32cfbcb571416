"""The words in which a blueprint says what a service needs: plain data, worked out from the cluster file.

A blueprint is a pure function `(service, cluster) -> Part`; `design` joins the parts of all services into one `Design`.
Nothing here knows how a thing is put onto a host (`converge`) or written as XML (`design.cib`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Secret:
    """A secret by name; its bytes are looked up only where a file is written to a host."""

    name: str


@dataclass(frozen=True)
class File:
    """A file on a host, its content in pieces so that secrets can stand in the middle of text.

    `restarts` names the unit, not under Pacemaker, that must see a change.
    """

    path: str
    content: tuple[str | Secret, ...]
    mode: int = 0o644
    restarts: str | None = None


@dataclass(frozen=True)
class Unit:
    """A systemd unit, and whether systemd starts it at boot. What Pacemaker manages is disabled in systemd."""

    name: str
    enabled: bool


@dataclass(frozen=True)
class Volume:
    """A file system on a DRBD device that two hosts hold and that the primary mounts."""

    name: str
    hosts: tuple[str, str]
    device: str
    backing: Mapping[str, str]
    """By host: the block device that the volume's logical volume is cut from."""
    size: int
    minor: int
    port: int
    mountpoint: str
    filesystem: str
    owner: str
    """User and group of the mounted root directory, `user:group`."""
    initialise: tuple[tuple[str, ...], ...] = ()
    """Commands, each an argument list, run once on the freshly made and mounted file system."""

    @property
    def logical_volume(self) -> str:
        """The path of the logical volume beneath DRBD."""
        return f"/dev/quorate/{self.name}"


@dataclass(frozen=True)
class Operation:
    """One operation of a resource; times in whole seconds."""

    name: str
    timeout: int
    interval: int = 0
    role: str | None = None
    on_fail: str | None = None


@dataclass(frozen=True)
class Primitive:
    """A cluster resource; `agent` as Pacemaker's tools write it, `ocf:heartbeat:IPaddr2` or `stonith:fence_ipmilan`."""

    id: str
    agent: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    operations: tuple[Operation, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Clone:
    """A resource that runs on several nodes; promotable if its meta attributes say so."""

    id: str
    primitive: Primitive
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Colocation:
    """`resource` runs only where `with_resource` is (in that role)."""

    id: str
    resource: str
    with_resource: str
    with_role: str | None = None
    score: str = "INFINITY"


@dataclass(frozen=True)
class Order:
    """`then` starts after `first` has done `first_action`."""

    id: str
    first: str
    then: str
    first_action: str = "start"
    then_action: str = "start"
    kind: str = "Mandatory"


@dataclass(frozen=True)
class Location:
    """How much a resource likes a node; `probed` is whether the cluster looks for it there at all."""

    id: str
    resource: str
    node: str
    score: str
    probed: bool = True


Resource = Primitive | Clone
Constraint = Colocation | Order | Location


@dataclass(frozen=True)
class ServiceDesign:
    """One user-facing service: where clients find it, and how to tell which node serves it."""

    name: str
    address: IPv4Address
    port: int
    hosts: tuple[str, ...]
    """The hosts that can serve it."""
    resources: tuple[str, ...]
    """Its cluster resources in start order: by these a status says what runs where."""
    active_resource: str
    """The node on which this resource is started serves the clients."""
    volume: str | None
    """The replicated volume that it stands on."""


@dataclass(frozen=True)
class Part:
    """What one service adds to the design, or one piece that several services stand on."""

    packages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By host."""
    files: Mapping[str, tuple[File, ...]] = field(default_factory=dict)
    """By host."""
    units: Mapping[str, tuple[Unit, ...]] = field(default_factory=dict)
    """By host."""
    volumes: tuple[Volume, ...] = ()
    resources: tuple[Resource, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    services: tuple[ServiceDesign, ...] = ()


def join(parts: Iterable[Part]) -> Part:
    """All parts as one, in their order. What several of them ask of a host is asked once."""
    parts = tuple(parts)
    return Part(
        packages=_by_host(part.packages for part in parts),
        files=_by_host(part.files for part in parts),
        units=_by_host(part.units for part in parts),
        volumes=tuple(volume for part in parts for volume in part.volumes),
        resources=tuple(resource for part in parts for resource in part.resources),
        constraints=tuple(constraint for part in parts for constraint in part.constraints),
        services=tuple(service for part in parts for service in part.services),
    )


def _by_host(mappings: Iterable[Mapping[str, tuple[T, ...]]]) -> dict[str, tuple[T, ...]]:
    joined: dict[str, dict[T, None]] = {}
    for mapping in mappings:
        for host, items in mapping.items():
            joined.setdefault(host, {}).update(dict.fromkeys(items))
    return {host: tuple(items) for host, items in joined.items()}
