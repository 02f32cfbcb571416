"""What a drill wants of a service's probe: one small module in `probes/`, and a line in `probed`.

A module holds both sides. The process's: a `load.Client`, and under `if __name__ == "__main__"` the run of it. The
drill's: a `Probe`, made of a `Place`. It imports `quorate.hosts` and what stands on it for types only, so that the
process starts quickly.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from quorate.design.model import ServiceDesign
from quorate.drill.clients.ledger import Found
from quorate.drill.clients.load import Config
from quorate.hosts import Host


@dataclass(frozen=True)
class Place:
    """Where a probe works: a service, as one drill meets it."""

    service: ServiceDesign
    name: str
    """The drill's own, for whatever the probe makes in the service: a letter, then letters, digits and `_`."""
    folder: Path
    """The drill's folder."""
    serving: Callable[[], Awaitable[Host]]
    """The node that serves the service now. Raises HostError if none does."""
    secret: Callable[[str], str]
    """A secret of the site by its name."""
    authority: Path
    """The certificates that TLS clients trust."""
    services: Mapping[str, ServiceDesign]
    """All services of the design, for a probe that needs another one (a token, say)."""

    @property
    def record(self) -> Path:
        """The path of the probe's record."""
        return self.folder / f"{self.service.name}.tsv"


class Probe(Protocol):
    """A service's probe from the drill's side. Everything but `config` may raise HostError, and is then tried again."""

    module: str
    """What `python -m` runs."""
    what: str
    """What is written, in the plural: `rows`."""
    rate: float
    """Operations a second, beside other probes on the same machine."""
    alone: float
    """Operations a second, if it is the only probe that writes."""
    writes: bool
    """Whether what it does stays in the service, to be found again."""

    def config(self, rate: float) -> Config:
        """What the process needs to know; its `output` is the place's `record`."""
        ...

    async def prepare(self) -> None:
        """Makes what the probe works in."""
        ...

    async def found(self) -> Found:
        """What the service holds now. Asked after the process has ended, once for every replica, which serves then."""
        ...

    async def withdraw(self) -> None:
        """Takes away what must not stay, accounts above all, whatever became of the drill. Harmless if done before."""
        ...

    async def erase(self) -> None:
        """Takes away what was written; it is not called while that is evidence."""
        ...
