"""One site as the command line opens it: the cluster file, what stands beside it, and the way to its hosts."""

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from quorate.cluster import authority
from quorate.cluster.authority import Authority, Settled
from quorate.cluster.document import LARGEST
from quorate.cluster.loading import load
from quorate.cluster.model import Cluster
from quorate.cluster.secrets import Secrets
from quorate.design import secret_names, work_out
from quorate.design.model import Design
from quorate.errors import InputError
from quorate.hosts import Endpoint, Hosts
from quorate.lab import Lab
from quorate.services.identity import ADMIN_SECRET

"""The name of the password of Identity's administrator among the secrets."""
DEFAULT_FILE = Path("examples/lab.yaml")


class Format(enum.StrEnum):
    """How a result is printed."""

    TEXT = "text"
    JSON = "json"


ClusterFile = Annotated[Path, typer.Option("--file", "-f", envvar="QUORATE_FILE", help="The cluster file.")]
Output = Annotated[Format, typer.Option("--output", "-o", help="For people, or for programs.")]


def read_file(path: Path) -> bytes:
    """A cluster file's bytes, or as many as show that it is too large. Raises InputError."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(
            f"the cluster file can't be read: {error.strerror}",
            where=str(path),
            todo="name it with --file, or set QUORATE_FILE; examples/lab.yaml is one to start from",
        ) from None


@dataclass(frozen=True)
class Site:
    """A cluster file and all that belongs to it."""

    path: Path
    cluster: Cluster
    design: Design

    @classmethod
    def open(cls, path: Path) -> "Site":
        """Reads and works out the cluster file. Raises InputError."""
        cluster = load(read_file(path), str(path))
        return cls(path, cluster, work_out(cluster))

    @property
    def folder(self) -> Path:
        """What Quorate keeps beside the file: secrets, the lab, reports of drills."""
        return self.path.with_suffix(".quorate").absolute()

    @property
    def secrets(self) -> Secrets:
        """The site's secrets, which `quorate init` makes."""
        return Secrets(self.folder / "secrets")

    @property
    def authority(self) -> Authority:
        """The site's certificates, which `quorate init` makes unless they are handed in."""
        return Authority(self.folder / "tls", authority.certificates_of(self.cluster), datetime.now(UTC))

    def secret(self, name: str) -> bytes:
        """What stands for a `Secret` in a file: a secret, or a certificate. Raises InputError, Refused."""
        if name.startswith(authority.PREFIX):
            return self.authority.read(name.removeprefix(authority.PREFIX))
        return self.secrets.read(name)

    def make_secrets(self) -> tuple[list[str], Settled]:
        """Makes the secrets and certificates that are missing; those made now. Raises InputError, Refused."""
        return self.secrets.create(self.secret_names()), self.authority.settle()

    def secret_names(self) -> list[str]:
        """The names of all secrets that belong into the secrets' folder."""
        names = {name for name in secret_names(self.cluster) if not name.startswith(authority.PREFIX)}
        return sorted(names | ({ADMIN_SECRET} if self.cluster.services.identity else set()))

    @property
    def lab(self) -> Lab:
        """The site's twin on this machine; it need not exist."""
        return Lab(self.folder / "lab")

    def enter(self) -> "Site":
        """Goes where the hosts are: into the lab's network if there is a lab; from there on it is as real as a site."""
        if self.lab.exists():
            self.lab.enter()
        return self

    def hosts(self) -> Hosts:
        """The way to every node, by the `ssh_config` beside the file if there is one, else by the user's own."""
        endpoints = [Endpoint(name, str(self.cluster.ssh_address(name))) for name in self.cluster.nodes]
        config = self.folder / "ssh_config"
        return Hosts(endpoints, config if config.exists() else None)
