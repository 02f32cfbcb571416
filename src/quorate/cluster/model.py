"""The cluster file as typed data, with every default worked out. Pure: no disk, no network.

`loading.load` makes a `Cluster` from a file; nothing else does. What a person left out is filled in there
(`defaults.py`), so that every field below is set, and code above never asks whether something was written or derived.
"""

import enum
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from pydantic import BaseModel, ConfigDict


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


class Link(Model):
    """A node's place on a network."""

    network: str
    address: IPv4Interface
    nic: str | None = None


class Bmc(Model):
    """A node's power switch. Its password is a secret, never in the file."""

    ipmi: IPv4Address
    user: str


class Node(Model):
    """One controller."""

    name: str
    links: dict[str, Link]
    bmc: Bmc
    data: str
    """The block device that holds replicated data, as a stable path."""

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


class Services(Model):
    """The services that the file asks for."""

    database: Database | None = None


class Objective(Model):
    """What a user-facing service promises after one failure."""

    downtime: timedelta
    lost_writes: int


class Cluster(Model):
    """A whole cluster file."""

    name: str
    nodes: dict[str, Node]
    networks: dict[str, Network]
    services: Services
    objectives: dict[str, Objective]
    """By service name; every service of the file has one."""

    def networks_for(self, use: Use) -> list[Network]:
        """The networks that carry something, in the order of the file."""
        return [network for network in self.networks.values() if use in network.uses]

    def ssh_address(self, node: str) -> IPv4Address:
        """Where a node's SSH daemon is reached on a real site."""
        return self.nodes[node].address_on(self.networks_for(Use.SSH)[0].name)
