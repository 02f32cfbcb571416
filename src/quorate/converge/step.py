"""What a step is: one change of one host, or of the cluster. It can look, say what differs, and do it.

Every step may be cut short at any point (Ctrl-C, kill -9, a node's power) and run again: `differs` then sees what is
still missing, from what is true on the hosts and never from a memory of what was done.
"""

import enum
from collections.abc import Mapping
from typing import Protocol

from quorate.hosts import Hosts
from quorate.hosts.inspection import Request, Seen
from quorate.progress import Say

View = Mapping[str, Seen]
"""What was seen on every host, by name."""


class Phase(enum.Enum):
    """Steps of one phase run on all hosts side by side, then those of the cluster. Phases follow each other."""

    PYTHON = "Python, to look at the hosts with"
    USERS = "Users"
    PACKAGES = "Packages"
    FILES = "Files"
    UNITS = "Units"
    VOLUMES = "Volumes"
    REPLICATION = "Replication"
    FIRST = "First configuration of the cluster"
    START = "Start of the cluster"
    CONFIGURATION = "Cluster configuration"
    SCHEMAS = "Databases"
    MIGRATIONS = "Migrations"
    IDENTITY = "Restart of Identity"
    CATALOGUE = "Catalogue and accounts"
    RESTARTS = "Restarts"


class Step(Protocol):
    """One change. `host` is None for a change of the whole cluster."""

    @property
    def phase(self) -> Phase:
        """When it is its turn."""
        ...

    @property
    def host(self) -> str | None:
        """The host that it changes."""
        ...

    @property
    def title(self) -> str:
        """What it does, in an imperative phrase."""
        ...

    def asks(self) -> Mapping[str, Request]:
        """By host what `differs` needs to see."""
        ...

    def differs(self, view: View) -> str | None:
        """Why it has to be done; None if it hasn't. Pure."""
        ...

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Does it. Raises HostError or Refused."""
        ...
