"""Every fault that fits a site, one drill after another; a broken one doesn't keep the others from being held."""

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from quorate.drill import report, runner, targets
from quorate.drill.faults import Fault
from quorate.drill.judgement.verdict import Verdict
from quorate.drill.order import Drill, DrillStopped, Interrupted, new_folder
from quorate.drill.report.model import Result
from quorate.drill.settling import settle
from quorate.errors import HostError, LabError, QuorateError, Refused
from quorate.progress import Progress, Say
from quorate.proof.damage import Damage, standing

SETTLE_LIMIT = 300.0
"""Seconds between two drills in which the cluster may become ready again."""


@dataclass(frozen=True)
class Held:
    """A drill of many, and how it ended."""

    fault: str
    on: str
    result: Result
    verdict: Verdict | None = None
    why: str = ""
    """Why there is no verdict."""
    folder: str = ""
    """Where its report lies."""

    @property
    def failed(self) -> bool:
        """Whether it says something against the cluster, or there is no telling."""
        return self.result in (Result.BROKEN, Result.STOPPED)


def programme(faults: Iterable[Fault], drill: Drill) -> list[tuple[Fault, str]]:
    """The drills that fit: what the site has tools for and allows, on the usual targets of each, or on its parts."""
    found: dict[tuple[str, str], tuple[Fault, str]] = {}
    for fault in faults:
        if fault.missing(drill.tools) or not (fault.safe or drill.tools.twin):
            continue
        for on in _domains(drill) if fault.of_parts else _usual(fault, drill):
            found[fault.name, on] = fault, on
    return list(found.values())


def _usual(fault: Fault, drill: Drill) -> Iterator[str]:
    for usual in fault.usual:
        for service in _services(fault, drill) if "*" in usual else ("",):
            yield usual.replace("*", service)


def _domains(drill: Drill) -> Iterable[str]:
    """The parts of the facility; of those whose failure does the same to all machines, the first in the file."""
    stands = standing(drill.design, drill.cluster)
    found: dict[Damage, str] = {}
    for name in drill.cluster.facility.parts:
        if name in stands.tree.parts:
            found.setdefault(stands.damage((name,)), name)
    return found.values()


def _services(fault: Fault, drill: Drill) -> Iterable[str]:
    """The probed services that have what a fault is done to; of those that share it, as an address, the first."""
    found: dict[str, str] = {}
    for name in drill.probed():
        wanted = getattr(targets.on_first_host(name, drill.design), fault.wants) if fault.wants else name
        if wanted:
            found.setdefault(wanted if isinstance(wanted, str) else name, name)
    return found.values()


async def hold(drill: Drill, order: Sequence[tuple[Fault, str]], progress: Progress) -> AsyncIterator[Held]:
    """Holds them, the cluster ready before each as far as waiting makes it so.

    Raises:
        Interrupted: somebody stopped it all.
    """
    for number, (fault, on) in enumerate(order):
        with progress.phase(f"{number + 1} of {len(order)}: {fault.name} on {on}") as say:
            await ready_again(drill, say)
        held = await attempt(dataclasses.replace(drill, fault=fault, on=on), progress)
        yield held
        if is_over(drill, held):
            return


def is_over(drill: Drill, held: Held) -> bool:
    """Whether a real cluster had a drill that came to no verdict, by a guardrail perhaps: that is enough there."""
    return held.result is Result.STOPPED and not drill.tools.twin


async def ready_again(drill: Drill, say: Say) -> bool:
    """Waits for the cluster, every node with power as far as that is in our hands; whether it is ready then."""
    await _give_power(drill)
    try:
        return (await settle(drill.hosts, drill.design, say, SETTLE_LIMIT)).ready
    except HostError:
        return False


async def attempt(drill: Drill, progress: Progress) -> Held:
    """Holds a drill of many. One that comes to no verdict is in the reports with the reason.

    Raises:
        Interrupted: somebody stopped it.
    """
    try:
        verdict = await runner.run(drill, progress)
    except Interrupted:
        raise
    except DrillStopped as error:
        return Held(drill.fault.name, drill.on, Result.STOPPED, None, str(error), error.folder)
    except QuorateError as error:  # before anything was touched, so that there is no report yet
        return unheld(drill, error)
    result = Result.KEPT if verdict.kept else Result.BROKEN
    return Held(drill.fault.name, drill.on, result, verdict, folder=verdict.folder)


def unheld(drill: Drill, error: QuorateError) -> Held:
    """Writes down that a drill was not held, and why."""
    folder = new_folder(drill, datetime.now(UTC))
    result = Result.REFUSED if isinstance(error, Refused) else Result.STOPPED
    report.write_unheld(result, drill.fault.name, drill.on, drill.cluster.name, error, folder)
    return Held(drill.fault.name, drill.on, result, None, str(error), str(folder))


async def _give_power(drill: Drill) -> None:
    """A node that a broken drill left off would be missing in all that come after it."""
    if drill.tools.power:
        for node in drill.design.hosts:
            with contextlib.suppress(LabError):
                await drill.tools.power.on(node)
