"""Never two primaries: who was primary of which volume, and when, from the kernels' own messages. Pure.

DRBD 8.4 writes `drbd NAME/0 drbd1: role( Secondary -> Primary )`; what it says of its `peer(` is hearsay.
"""

import itertools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from quorate.drill.audit.journals import Entry

_ROLE = re.compile(r"\bdrbd(?P<minor>\d+): .*\brole\( (?P<old>\w+) -> (?P<new>\w+) \)")
_FROZEN = re.compile(r"\bdrbd (?P<volume>\S+?): .*\bsusp\( [01] -> (?P<new>[01]) \)")

Change = tuple[float, str, str]
"""When, which node, and what it is since: `Primary` or something else."""


@dataclass(frozen=True)
class Reign:
    """A time during which one node was primary."""

    node: str
    start: float
    end: float


@dataclass(frozen=True)
class Overlap:
    """Two primaries at once: the disaster."""

    volume: str
    nodes: tuple[str, str]
    start: float
    seconds: float


def reigns(
    entries: Iterable[Entry],
    minor: int,
    before: Iterable[str],
    cuts: Mapping[str, Sequence[float]],
    start: float,
    end: float,
    frozen: Iterable[Change] = (),
) -> list[Reign]:
    """Works out when each node was primary of a volume.

    Args:
        entries: the journals.
        minor: the volume's DRBD minor.
        before: the nodes that were primary at `start`.
        cuts: by node, the times at which its power was cut for certain: a dead node writes no last line.
        start: since when the journals were read.
        end: until when.
        frozen: when a primary stopped to carry out what is written, and when it went on, for those where that counts.
    """
    changes = [*frozen, *((entry.time, entry.node, found["new"]) for entry, found in _roles(entries, minor))]
    changes += [(time, node, "Gone") for node, times in cuts.items() for time in times]
    since = dict.fromkeys(before, start)
    result = []
    for time, node, role in sorted(changes):
        if role == "Primary":
            since.setdefault(node, time)
        elif node in since:
            result.append(Reign(node, since.pop(node), time))
    return result + [Reign(node, begun, end) for node, begun in since.items()]


def overlaps(volume: str, reigns: Iterable[Reign], uncertainty: float) -> list[Overlap]:
    """Finds every time when two nodes reigned at once for longer than the clocks' uncertainty."""
    found = []
    for one, other in itertools.combinations(reigns, 2):
        start, end = max(one.start, other.start), min(one.end, other.end)
        if one.node != other.node and end - start > uncertainty:
            found.append(Overlap(volume, (one.node, other.node), start, end - start))
    return found


def frozen(entries: Iterable[Entry], volume: str, nodes: Collection[str]) -> list[Change]:
    """When DRBD on these nodes stopped to carry out what is written, and went on; only a primary is asked to stop."""
    told = [(entry, _FROZEN.search(entry.message)) for entry in entries if entry.node in nodes]
    return [
        (entry.time, entry.node, "Frozen" if found["new"] == "1" else "Primary")
        for entry, found in told
        if entry.source == "kernel" and found and found["volume"] == volume
    ]


def _roles(entries: Iterable[Entry], minor: int) -> Iterable[tuple[Entry, re.Match[str]]]:
    for entry in entries:
        if entry.source == "kernel" and (found := _ROLE.search(entry.message)) and int(found["minor"]) == minor:
            yield entry, found
