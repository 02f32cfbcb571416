"""What must not stand in a journal, whatever was broken: panics, oopses, segmentation faults, exhausted memory. Pure.

A fault may make one of these itself, on the nodes that it is done to; it says so (`Fault.crashes`), and there it is
only written down. Stalls (`BUG: soft lockup`, RCU) are none: a machine that stood still or was starved tells of that.
"""

import enum
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from quorate.drill.audit.journals import Entry


class Kind(enum.StrEnum):
    """What crashed."""

    PANIC = "kernel panic"
    OOPS = "kernel oops"
    BUG = "kernel bug"
    SEGFAULT = "segmentation fault"
    MEMORY = "out of memory"
    CORE = "core dump"


@dataclass(frozen=True)
class Crash:
    """Something that crashed on a node."""

    node: str
    kind: Kind
    time: float
    """Of the first line that says so."""
    evidence: str
    """That line."""
    lines: int
    """How many there are of this kind."""
    expected: bool
    """The fault does that, and did it here."""


_KERNEL = {
    Kind.PANIC: r"Kernel panic - not syncing",
    Kind.SEGFAULT: r": segfault at |^traps: ",  # before the next: a program's own protection fault reads like one
    Kind.OOPS: r"\bOops\b|\bunable to handle (kernel|page fault)|general protection fault",
    Kind.BUG: r"\bkernel BUG at |\bBUG: (?!soft lockup|workqueue lockup)",
    Kind.MEMORY: r"\b(out of memory: killed process|invoked oom-killer)",
}
_CORE = r"\bcode=dumped\b|\bdumped core\b"
"""systemd (src/core/service.c, `service_sigchld_event`), systemd-coredump and pacemakerd."""


def kind(entry: Entry) -> Kind | None:
    """What a line says that crashed."""
    if entry.source == "kernel":
        return next((each for each, sign in _KERNEL.items() if re.search(sign, entry.message, re.IGNORECASE)), None)
    return Kind.CORE if re.search(_CORE, entry.message) else None


def crashes(entries: Iterable[Entry], since: float, nodes: Collection[str], made: Collection[str]) -> list[Crash]:
    """By node and kind, in the order of time.

    Args:
        entries: the journals.
        since: what was written before is no drill's.
        nodes: those that the fault was done to.
        made: the kinds that it makes there itself.
    """
    found: dict[tuple[str, Kind], list[Entry]] = {}
    for entry in entries:
        if entry.time >= since and (crashed := kind(entry)):
            found.setdefault((entry.node, crashed), []).append(entry)
    return [
        Crash(node, crashed, lines[0].time, lines[0].message, len(lines), node in nodes and crashed in made)
        for (node, crashed), lines in found.items()
    ]
