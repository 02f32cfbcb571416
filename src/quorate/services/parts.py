"""The words in which a blueprint says what a service needs: plain data, worked out from the cluster file.

A blueprint is a pure function `(service, cluster) -> Part`; `design` joins the parts of all services into one `Design`.
Nothing here knows how a thing is put onto a host (`converge`) or written as XML (`design.cib`).
"""

import enum
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

    `restarts` names the systemd units that must see a change, whoever runs them: systemd or Pacemaker.
    """

    path: str
    content: tuple[str | Secret, ...]
    mode: int = 0o644
    restarts: tuple[str, ...] = ()
    owner: str = "root"
    group: str = "root"


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
    mount_options: str = "noatime"

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


@dataclass(frozen=True)
class AttributeRule:
    """How much a resource, or its instance in a role, likes a node because of a node attribute there.

    `operation` is `eq` or `ne`. Where the attribute isn't set it is nothing's equal: `ne` holds, and `eq` doesn't.
    """

    id: str
    resource: str
    attribute: str
    operation: str
    value: str
    score: str
    role: str | None = None

    @property
    def rule(self) -> str:
        """The id of the rule within the constraint: Pacemaker's tools show it in place of the constraint's own."""
        return f"{self.id}-rule"


Resource = Primitive | Clone
Constraint = Colocation | Order | Location | AttributeRule


class Reach(enum.StrEnum):
    """Who may connect to a port."""

    HOST = "host"
    """The host itself: it listens on a loopback address."""
    CLUSTER = "cluster"
    """The cluster's nodes, and nobody else."""
    NETWORK = "network"
    """Whoever is on the network of the address that it listens on: operators, not the world beyond a router."""
    CLIENTS = "clients"
    """Whoever comes."""


@dataclass(frozen=True)
class Listener:
    """A port on which a host listens. The firewall is made of these, and nothing may listen that isn't among them."""

    port: int
    address: str
    """An IPv4 address of the host, a floating one that it may have, or `0.0.0.0`."""
    process: str
    """What listens, as `ss -p` names it; empty for the kernel."""
    reach: Reach
    protocol: str = "tcp"
    beside: str = ""
    """A floating address: it listens only where that is. Empty: wherever its own address is."""


@dataclass(frozen=True)
class Balanced:
    """A service behind the front: clients reach `port` of the front's address by TLS, `servers` speak plain HTTP."""

    name: str
    port: int
    servers: Mapping[str, str]
    """By host: `address:port`."""
    check: str
    """The path that is asked for a server's health."""
    healthy: tuple[int, ...] = (200,)
    """The HTTP statuses that count as healthy."""


@dataclass(frozen=True)
class Cell:
    """What Nova calls a cell: a database and brokers, which its API database has to know (table `cell_mappings`)."""

    name: str
    within: str
    """The API database."""
    database: str
    """Where its database is: a template that Nova fills in from its configuration, so that no password stands in it."""
    transport: str
    """Where its brokers are, likewise."""
    make: tuple[str, ...]
    """The command that makes it known, an argument list."""
    change: tuple[str, ...]
    """The command that corrects it; the cell's id is its last argument."""
    config: str
    """The configuration of the programs that read which cells there are, once, when they start."""


@dataclass(frozen=True)
class Schema:
    """A database in the SQL service, and the account of the same name that alone may use it.

    `migrate` brings it to the release that is installed; what it has is in its table `alembic_version`, what the
    release knows in the revision files beneath `revisions`.
    """

    name: str
    secret: str
    """The name of the account's password."""
    hosts: tuple[str, ...]
    """Where `migrate` may be run."""
    migrate: tuple[str, ...]
    """An argument list."""
    user: str
    """The system user that runs it."""
    revisions: tuple[str, ...]
    """Folders of Alembic revision files, looked through with all folders beneath."""
    cell: Cell | None = None
    """The cell whose database it is; to be known before `migrate` is run."""
    resources: tuple[str, ...] = ()
    """Cluster resources that end when they find it empty, and are given up until somebody says otherwise."""


@dataclass(frozen=True)
class KeyRepository:
    """A folder of numbered keys that is the same on all its hosts (keystone's Fernet and credential keys)."""

    name: str
    path: str
    owner: str
    """User and group, `user:group`."""
    hosts: tuple[str, ...]
    most: int
    """How many keys are kept, the staged one included."""

    @property
    def secret(self) -> str:
        """The name of the operator's copy of all keys, by which the hosts' are judged."""
        return f"keys-{self.name}"


@dataclass(frozen=True)
class Endpoint:
    """An entry of Identity's catalogue, the same URL for all interfaces."""

    type: str
    name: str
    description: str
    url: str


@dataclass(frozen=True)
class Account:
    """A service's own user in Identity, in the project `service`."""

    name: str
    secret: str
    """The name of its password."""
    roles: tuple[str, ...] = ("service", "admin")


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
    """The node on which this resource is started serves the clients; behind the front, the front's address."""
    volume: str | None
    """The replicated volume that it stands on."""
    units: tuple[str, ...] = ()
    """The systemd units that are this service on a host."""
    addresses: tuple[IPv4Address, ...] = ()
    """Where clients find it, if they are to know more addresses than `address`."""


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
    listeners: Mapping[str, tuple[Listener, ...]] = field(default_factory=dict)
    """By host."""
    balanced: tuple[Balanced, ...] = ()
    schemas: tuple[Schema, ...] = ()
    keys: tuple[KeyRepository, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    accounts: tuple[Account, ...] = ()


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
        listeners=_by_host(part.listeners for part in parts),
        balanced=tuple(balanced for part in parts for balanced in part.balanced),
        schemas=tuple(schema for part in parts for schema in part.schemas),
        keys=tuple(repository for part in parts for repository in part.keys),
        endpoints=tuple(endpoint for part in parts for endpoint in part.endpoints),
        accounts=tuple(account for part in parts for account in part.accounts),
    )


def _by_host(mappings: Iterable[Mapping[str, tuple[T, ...]]]) -> dict[str, tuple[T, ...]]:
    joined: dict[str, dict[T, None]] = {}
    for mapping in mappings:
        for host, items in mapping.items():
            joined.setdefault(host, {}).update(dict.fromkeys(items))
    return {host: tuple(items) for host, items in joined.items()}
