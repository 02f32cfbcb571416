"""Documents about a cluster, as they were handed in: texts with the name of where each came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from quorate.errors import InputError

LARGEST = 64 << 20
"""Bytes of one document; a CIB of 300 resources with its whole status has about two million."""


class EvidenceError(InputError):
    """A document that can't be read as what it was handed in as."""


@dataclass(frozen=True)
class Text:
    """One document and its name in findings: a path, or `corosync.conf on ctl1`."""

    source: str
    content: str


@dataclass(frozen=True, order=True)
class Spot:
    """Where something stands: a document, its line (from 1; 0: all of it), and the id that it has there."""

    source: str
    line: int = 0
    name: str = ""

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}" if self.line else self.source
        return f"{where} ({self.name})" if self.name else where


@dataclass(frozen=True)
class HostFile:
    """A file on a host. `sha256` is of its whole content; `text` is None where only the hash was brought."""

    mode: int
    owner: str
    sha256: str = ""
    text: str | None = None


@dataclass(frozen=True)
class UnitState:
    """A systemd unit in systemctl(1)'s words."""

    enabled: str
    active: str = ""


@dataclass(frozen=True)
class DiskState:
    """One side of a DRBD device as its host sees it."""

    role: str
    disk: str
    connection: str


@dataclass(frozen=True)
class HostFacts:
    """What is known of one host. None, or a name that is missing: it wasn't looked at."""

    name: str
    files: Mapping[str, HostFile | None] = field(default_factory=dict)
    """By path; None for one that was looked for and isn't there."""
    units: Mapping[str, UnitState] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    """Version by name, as the host's package manager writes it."""
    users: Mapping[str, int] = field(default_factory=dict)
    """User ids by name, of the users that services run as."""
    agents: frozenset[str] | None = None
    """Installed resource agents, `heartbeat:IPaddr2`."""
    networks: tuple[str, ...] | None = None
    """The host's addresses with their prefix, `10.20.0.11/24`."""
    clock: float | None = None
    """Seconds that the host's clock is ahead of the machine that asked, the half of the round trip taken off."""
    clock_precision: float = 0.0
    """Seconds."""
    certificates: Mapping[str, float] | None = None
    """By path of what a service shows its clients: seconds until the first in the file expires, below 0 if it has."""
    disks: Mapping[str, DiskState] | None = None
    """By DRBD resource."""
    drbd: str = ""
    """Version of the loaded DRBD module."""
    pacemaker: str = ""
    """Version of Pacemaker."""
    links: Mapping[str, tuple[bool, ...]] | None = None
    """By peer, whether each of Corosync's links to it is connected."""


@dataclass(frozen=True)
class Documents:
    """All that is known of one cluster. Everything is optional."""

    name: str = ""
    cib: Text | None = None
    corosync: Text | None = None
    drbd: tuple[Text, ...] = ()
    hosts: Mapping[str, HostFacts] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What could not be brought, and why; a sentence each."""
