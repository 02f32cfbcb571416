"""Files on the hosts, secrets included: written whole, compared by their hash."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from quorate.converge import marks
from quorate.converge.step import Phase, View
from quorate.hosts import Hosts
from quorate.hosts.inspection import Request
from quorate.progress import Say
from quorate.services.parts import File, Secret

DRBD_FOLDER = "/etc/drbd.d/"
TOLD_BY_MARK = ("corosync.service",)
"""Daemons that read their files again without systemd's knowledge: no start and no reload shows that they did."""


@dataclass(frozen=True)
class WriteFile:
    """One file of a host."""

    host: str
    path: str
    content: bytes = field(repr=False)
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    reader: str | None = None
    """The daemon that hears of a change by a mark: Corosync's unit, or `drbd`. (Others: `restarts`.)"""
    phase: ClassVar[Phase] = Phase.FILES

    @property
    def title(self) -> str:
        """What it does."""
        return f"write {self.path}"

    def asks(self) -> Mapping[str, Request]:
        """The file's hash and mode."""
        units = frozenset({self.reader} if self.reader and self.reader != "drbd" else ())
        return {self.host: Request(files=frozenset({self.path}), units=units)}

    def differs(self, view: View) -> str | None:
        """In what it differs; never the content itself, which may be secret."""
        found = view[self.host].files.get(self.path)
        if found is None:
            return "it isn't there"
        if found.sha256 != hashlib.sha256(self.content).hexdigest():
            return "its content differs"
        if (found.mode, found.owner, found.group) != (self.mode, self.owner, self.group):
            wanted = f"{self.owner}:{self.group} {self.mode:04o}"
            return f"it is {found.owner}:{found.group} {found.mode:04o}, not {wanted}"
        return None

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Writes it, after a mark for its reader if that runs already."""
        host, seen = await hosts.host(self.host), view[self.host]
        if self.reader:
            unit = seen.units.get(self.reader)
            if seen.drbd if self.reader == "drbd" else unit is not None and unit.active == "active":
                await marks.make(host, marks.unread(self.reader))
        await host.put(self.path, self.content, mode=self.mode, owner=self.owner, group=self.group)


def write(host: str, file: File, secret: Callable[[str], bytes]) -> WriteFile:
    """The step for a file of the design; its secrets are looked up here and nowhere else."""
    pieces = (secret(piece.name) if isinstance(piece, Secret) else piece.encode() for piece in file.content)
    told = next((unit for unit in file.restarts if unit in TOLD_BY_MARK), None)
    reader = "drbd" if file.path.startswith(DRBD_FOLDER) else told
    return WriteFile(host, file.path, b"".join(pieces), file.mode, file.owner, file.group, reader)
