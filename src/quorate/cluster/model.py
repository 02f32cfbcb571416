"""The cluster file as typed data, with every default worked out. Pure: no disk, no network.

`loading.load` makes a `Cluster` from a file; nothing else does. What a person left out is filled in there
(`defaults.py`), so that every field below is set, and code above never asks whether something was written or derived.
"""

import enum
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from pydantic import BaseModel, ConfigDict, Field

from quorate.cluster.facility import Facility, Need, Waiver


class Model(BaseModel):
    """Immutable; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Use(enum.StrEnum):
    """What a network carries."""

    SSH = "ssh"
    RING = "ring"
    REPLICATION = "replication"
    API = "api"


class Network(Model):
    """One network that nodes have links to."""

    name: str
    cidr: IPv4Network
    uses: frozenset[Use]
    vip: IPv4Interface | None = None
    """On the first network for `api`: the front's address, behind which all API services are."""
    link: str = "ethernet"
    """`ethernet` or `infiniband`."""
    gateway: Need | None = None
    """The routers by which its clients come, if they come from elsewhere."""


class Link(Model):
    """A node's place on a network."""

    network: str
    address: IPv4Interface
    nics: tuple[str, ...] = ()
    """The interface that has the address, or those of the bond that has it; empty: it isn't written."""
    via: Need | None = None
    """The switches that it is plugged into."""

    @property
    def nic(self) -> str | None:
        """The interface's name, if there is one to choose."""
        return self.nics[0] if len(self.nics) == 1 else None


class Bmc(Model):
    """A node's power switch. Its password is a secret, never in the file."""

    ipmi: IPv4Address
    user: str
    via: Need | None = None
    power: Need | None = None


class Node(Model):
    """One controller."""

    name: str
    links: dict[str, Link]
    bmc: Bmc
    data: str
    """The block device that holds replicated data, as a stable path."""
    rack: str | None = None
    power: Need | None = None
    needs: Need | None = None
    """What it needs besides."""
    cards: dict[str, tuple[str, ...]] = {}
    """Network cards, each with its interfaces."""
    mtbf: timedelta | None = None
    mttr: timedelta | None = None

    def address_on(self, network: str) -> IPv4Address:
        """The node's address on a network that it has a link to."""
        return self.links[network].address.ip


class Database(Model):
    """MariaDB on a replicated device, behind a floating address."""

    engine: str
    replicated_by: str
    on: tuple[str, str]
    size: int
    """Bytes of the replicated volume."""
    vip: IPv4Interface
    port: int


class Messaging(Model):
    """RabbitMQ: one cluster with quorum queues over its nodes, or one broker on a replicated device."""

    engine: str
    replicated_by: str
    """`quorum` or `drbd`."""
    on: tuple[str, ...]
    size: int | None = None
    """Bytes of the replicated volume, with `drbd`."""
    vip: IPv4Interface | None = None
    """The address that moves with the broker, with `drbd`."""
    port: int


class Store(Model):
    """Where images are kept. `options` are Glance's own, passed through; `drbd` has none."""

    kind: str
    """`drbd`, `nfs`, `rbd`, `s3` or `swift`."""
    options: dict[str, str] = {}


class Api(Model):
    """An OpenStack service that is active on every node of `on`, behind the front."""

    engine: str
    on: tuple[str, ...]


class Image(Api):
    """Glance. With a store on a replicated device it is active on one node, where that is mounted."""

    store: Store
    size: int | None = None
    """Bytes of the replicated volume, with the store `drbd`."""


class Services(Model):
    """The services that the file asks for, in start order."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    database: Database | None = None
    messaging: Messaging | None = None
    identity: Api | None = None
    image: Image | None = None
    placement: Api | None = None
    compute: Api | None = None
    network: Api | None = None
    block_storage: Api | None = Field(default=None, alias="block-storage")
    dashboard: Api | None = None

    def declared(self) -> "dict[str, Database | Messaging | Api]":
        """The services that there are, by the name that the cluster file has for them, in start order."""
        return {name.replace("_", "-"): body for name, body in self if body is not None}


class Objective(Model):
    """What a user-facing service promises after one failure."""

    downtime: timedelta
    lost_writes: int
    per_year: timedelta | None = None
    """The most downtime in a year; None: nothing is promised."""


class Cluster(Model):
    """A whole cluster file."""

    name: str
    nodes: dict[str, Node]
    networks: dict[str, Network]
    services: Services
    objectives: dict[str, Objective]
    """By service name; every service of the file has one."""
    facility: Facility = Facility()
    waivers: tuple[Waiver, ...] = ()

    def networks_for(self, use: Use) -> list[Network]:
        """The networks that carry something, in the order of the file."""
        return [network for network in self.networks.values() if use in network.uses]

    @property
    def front(self) -> IPv4Interface:
        """The address behind which all API services are; only with any of them."""
        address = self.networks_for(Use.API)[0].vip
        assert address, "the defaults give the first network for `api` one"
        return address

    def internal_address(self, node: str) -> IPv4Address:
        """Where the services of a node listen for the other nodes: on the first network for `ssh`."""
        return self.ssh_address(node)

    def ssh_address(self, node: str) -> IPv4Address:
        """Where a node's SSH daemon is reached on a real site."""
        return self.nodes[node].address_on(self.networks_for(Use.SSH)[0].name)
