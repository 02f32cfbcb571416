"""The dependency graph as data: parts that can fail, gates that fail with them, and what fails when parts do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from quorate.cluster.facility import Kind
from quorate.cluster.findings import Path
from quorate.proof.cutsets import Gate


@dataclass(frozen=True)
class Part:
    """Something that fails as one."""

    name: str
    kind: Kind
    place: Path
    """Where it stands in the cluster file."""
    mtbf: timedelta
    mttr: timedelta
    defaulted: bool
    """Whether one of the two is the default of its kind."""
    node: str | None = None
    """The node that alone it belongs to."""
    known: bool = True
    """False: it stands for something whose insides aren't declared, so nothing is claimed about it."""

    def __str__(self) -> str:
        return self.name if self.kind is Kind.NODE else f"{self.kind} {self.name}"

    @property
    def unavailability(self) -> float:
        """The share of time in which it doesn't work."""
        return self.mttr / (self.mtbf + self.mttr)


@dataclass(frozen=True)
class Tree:
    """The whole graph."""

    gates: Mapping[str, Gate]
    words: Mapping[str, str]
    """By gate: its failure in a few words."""
    codes: Mapping[str, str]
    """By gate: the finding that it is when one part alone fails it on the way to a service."""
    parts: Mapping[str, Part]
    tops: Mapping[str, str]
    """By service or goal: its gate."""
    members: Mapping[str, str]
    """By node: the gate that fails when the cluster loses it."""
    active: Mapping[str, tuple[str, ...]]
    """By service: the nodes of which one serves it, so that its loss is a takeover; empty: all of them serve."""
    left: Mapping[tuple[str, str], str]
    """By service and node: the gate that fails when the service leaves that node, or is to leave it."""
    left_out: tuple[str, ...]
    """What isn't modelled, in sentences."""

    @property
    def services(self) -> tuple[str, ...]:
        """The gates of all services and goals."""
        return tuple(self.tops.values())

    @cached_property
    def above(self) -> Mapping[str, list[str]]:
        """By gate or part: the gates that it is a child of."""
        above: dict[str, list[str]] = {}
        for name, gate in self.gates.items():
            for child in gate.children:
                above.setdefault(child, []).append(name)
        return above

    def failing(self, failed: Iterable[str]) -> set[str]:
        """These parts, and every gate that fails with them."""
        down = set(failed)
        counts: dict[str, int] = {}
        new = list(down)
        while new:
            for name in self.above.get(new.pop(), ()):
                counts[name] = counts.get(name, 0) + 1
                if counts[name] == self.gates[name].fails_at:
                    down.add(name)
                    new.append(name)
        return down
