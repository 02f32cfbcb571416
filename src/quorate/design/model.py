"""The design: a cluster file with every blueprint worked out. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass

from quorate.services.parts import (
    Account,
    Constraint,
    Endpoint,
    File,
    KeyRepository,
    Listener,
    Resource,
    Schema,
    ServiceDesign,
    Unit,
    Volume,
)

__all__ = ["Design", "HostDesign", "ServiceDesign"]


@dataclass(frozen=True)
class HostDesign:
    """Everything that one host must have."""

    name: str
    packages: tuple[str, ...]
    files: tuple[File, ...]
    units: tuple[Unit, ...]
    listeners: tuple[Listener, ...] = ()


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
    schemas: tuple[Schema, ...] = ()
    keys: tuple[KeyRepository, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    accounts: tuple[Account, ...] = ()
