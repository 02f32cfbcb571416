"""The design: a cluster file with every blueprint worked out. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from quorate.services.parts import Constraint, File, Resource, Unit, Volume


@dataclass(frozen=True)
class HostDesign:
    """Everything that one host must have."""

    name: str
    packages: tuple[str, ...]
    files: tuple[File, ...]
    units: tuple[Unit, ...]


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
class Design:
    """A worked-out cluster."""

    cluster: str
    hosts: Mapping[str, HostDesign]
    volumes: tuple[Volume, ...]
    resources: tuple[Resource, ...]
    constraints: tuple[Constraint, ...]
    properties: Mapping[str, str]
    """Cluster properties of Pacemaker."""
    resource_defaults: Mapping[str, str]
    services: Mapping[str, ServiceDesign]
