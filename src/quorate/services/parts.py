"""The words in which a blueprint says what a service needs: plain data, worked out from the cluster file.

A blueprint is a pure function `(service, cluster) -> Part`; `design` joins the parts of all services into one `Design`.
Nothing here knows how a thing is put onto a host (`converge`) or written as XML (`design.cib`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
    """How much a resource likes a node."""

    id: str
    resource: str
    node: str
    score: str


Resource = Primitive | Clone
Constraint = Colocation | Order | Location


@dataclass(frozen=True)
class Part:
    """What one service adds to the design."""

    packages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By host."""
    files: Mapping[str, tuple[File, ...]] = field(default_factory=dict)
    """By host."""
    units: Mapping[str, tuple[Unit, ...]] = field(default_factory=dict)
    """By host."""
    volumes: tuple[Volume, ...] = ()
    resources: tuple[Resource, ...] = ()
    constraints: tuple[Constraint, ...] = ()
