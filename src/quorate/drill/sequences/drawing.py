"""Faults one after another, drawn from a seed: never more of them at a time than the objectives are meant for. Pure.

An objective is what a service promises after one failure (`cluster.model.Objective`). So one fault is held at a time,
on one node, and the next one only once the cluster is ready again, which `campaign` waits for.
"""

import random
from collections.abc import Iterable, Iterator, Sequence

from quorate.drill.faults import Fault
from quorate.drill.order import Drill
from quorate.drill.regression import Step

MOVES = frozenset({"address", "certificate", "volume"})
"""What a fault may want of a service that only the node has that serves it."""


def choices(programme: Iterable[tuple[Fault, str]], drill: Drill) -> tuple[Step, ...]:
    """All steps among which is drawn: of what fits the site, all for which the objectives hold, on every target."""
    found: dict[Step, None] = {}
    for fault, usual in programme:
        if _one_failure(fault):
            found |= dict.fromkeys(Step(fault.name, on) for on in _targets(usual, fault, drill))
    return tuple(found)


def drawn(among: Sequence[Step], seed: int) -> Iterator[Step]:
    """Steps without end; the same ones for the same seed and choice. Every fault is as likely as any other."""
    chance = random.Random(seed)  # noqa: S311  (drawn so that it can be drawn again; nothing secret)
    by_fault: dict[str, list[Step]] = {}
    for step in among:
        by_fault.setdefault(step.fault, []).append(step)
    while by_fault:
        yield chance.choice(by_fault[chance.choice(list(by_fault))])


def _one_failure(fault: Fault) -> bool:
    """A BMC that fails beside its node, or that lies, is a second failure."""
    return fault.promised and "bmcs" not in fault.needs


def _targets(usual: str, fault: Fault, drill: Drill) -> Iterator[str]:
    """The targets that a usual one stands for, as far as they are one node each."""
    match usual:
        case "one":
            yield from drill.design.hosts
        case "all" if "membership" in fault.needs:
            yield usual  # one node after another, each when the one before is back
        case "all" | "half" | "majority" | "minority":
            return
        case _:
            yield from _places(usual, fault, drill)


def _places(on: str, fault: Fault, drill: Drill) -> Iterator[str]:
    """A service that works on all of its nodes at once is hit on each of them; any other where it is."""
    service = drill.design.services.get(on.removeprefix("active:"))
    if service is None or service.volume is not None or fault.wants in MOVES:
        yield on
    else:
        yield from (f"{host}:{service.name}" for host in service.hosts)
