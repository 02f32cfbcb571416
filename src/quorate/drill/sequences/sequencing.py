"""Holding a sequence of faults, each once the cluster is ready again, and what is kept of it.

Its folder has `sequence.json`, written anew after each drill, and the folders of its drills: one that is interrupted
can still be held again (`replay`).
"""

import contextlib
import dataclasses
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quorate import __version__, live
from quorate.drill import regression
from quorate.drill.faults import FAULTS
from quorate.drill.judgement import replicas
from quorate.drill.order import Drill, DrillStopped
from quorate.drill.regression import Step
from quorate.drill.report.model import Result
from quorate.drill.sequences import campaign
from quorate.drill.sequences.campaign import SETTLE_LIMIT, Held
from quorate.drill.settling import settle
from quorate.errors import QuorateError
from quorate.progress import Progress, Say

NAME = "sequence.json"
VERSION = 1


@dataclass
class Course:
    """A sequence while it is held, and afterwards."""

    folder: Path
    cluster: str
    seed: int | None = None
    """None if it wasn't drawn."""
    after: str = ""
    """The folder of the sequence, or of the drill, that it repeats, or of which it is a part."""
    held: list[Held] = field(default_factory=list)

    @property
    def failed(self) -> Held | None:
        """The first drill that failed."""
        return next((each for each in self.held if each.failed), None)

    def document(self) -> dict[str, Any]:
        """What is kept of it."""
        return {
            "sequence": VERSION,
            "made_by": f"quorate {__version__}",
            "cluster": self.cluster,
            "seed": self.seed,
            "after": self.after,
            "failed": self.held.index(self.failed) if self.failed else None,
            "summary": dataclasses.asdict(summary(self.held)),
            "steps": [
                {
                    "fault": each.fault,
                    "on": each.on,
                    "result": each.result,
                    "why": each.why or "; ".join(each.verdict.broken if each.verdict else ()),
                    "folder": Path(each.folder).name,
                }
                for each in self.held
            ],
        }

    def keep(self) -> None:
        """Writes it down as it is now."""
        (self.folder / NAME).write_text(json.dumps(self.document(), indent=2) + "\n")


@dataclass(frozen=True)
class Summary:
    """What many drills come to."""

    results: Mapping[Result, int]
    lost: int
    """Acknowledged operations, over all services and drills."""
    unasked: int
    """The drills after which some service could not be asked what it still has."""
    worst: Mapping[str, tuple[float, str]]
    """By service: the longest downtime in seconds, and the drill that cost it."""


def summary(held: Sequence[Held]) -> Summary:
    """Counts results and losses, and finds each service's worst drill."""
    verdicts = [(each, each.verdict) for each in held if each.verdict]
    worst: dict[str, tuple[float, str]] = {}
    for each, verdict in verdicts:
        for name, part in verdict.services.items():
            downtime = part.clients.outage.downtime if part.clients.outage else 0.0
            if name not in worst or downtime > worst[name][0]:
                worst[name] = downtime, f"{each.fault} on {each.on}"
    return Summary(
        results=dict(Counter(each.result for each in held)),
        lost=sum(part.holding.lost or 0 for _, verdict in verdicts for part in verdict.services.values()),
        unasked=sum(verdict.lost is None for _, verdict in verdicts),
        worst=worst,
    )


def begin(drill: Drill, what: str, *, seed: int | None = None, after: str = "") -> Course:
    """Makes a sequence's folder."""
    now = datetime.now(UTC)
    for number in itertools.count(1):
        folder = drill.reports / f"{now:%Y%m%dT%H%M%SZ}-{what}{f'-{number}' if number > 1 else ''}"
        with contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True, mode=0o700)
            break
    regression.write_cluster(folder, drill.cluster)
    course = Course(folder, drill.cluster.name, seed, after)
    course.keep()
    return course


async def hold(
    drill: Drill,
    steps: Iterable[Step],
    course: Course,
    progress: Progress,
    *,
    over: Callable[[], bool] = lambda: False,
    keep_going: bool = False,
) -> AsyncIterator[Held]:
    """Holds steps until there are no more, it is over, or one fails; and the cluster must be ready after the last.

    Args:
        drill: how each of them is held.
        steps: may be without end.
        course: takes what becomes of them.
        progress: where it is told.
        over: asked before each; a step that has begun is held to its end.
        keep_going: a failed one doesn't end it, as long as the cluster is ready again.

    Raises:
        Interrupted: somebody stopped it.
    """
    drill, last = dataclasses.replace(drill, reports=course.folder), None
    for number, step in enumerate(steps):
        if over():
            break
        last = dataclasses.replace(drill, fault=FAULTS[step.fault], on=step.on)
        if unready := await _made_ready(last, step.serving, f"{number + 1}: {step}", progress):
            yield _noted(course, unready)
            return
        held = await campaign.attempt(last, progress)
        yield _noted(course, held)
        if held.failed and (not keep_going or campaign.is_over(drill, held)):
            return
    if last and (left := await _made_ready(last, {}, "Nothing is left broken", progress)):
        yield _noted(course, left)


def _noted(course: Course, held: Held) -> Held:
    course.held.append(held)
    course.keep()
    return held


async def _made_ready(drill: Drill, serving: Mapping[str, str | None], title: str, progress: Progress) -> Held | None:
    """Waits for the cluster, and has its services where they were. If that can't be, that is what became of it."""
    try:
        with progress.phase(title) as say:
            if not await campaign.ready_again(drill, say):
                unmet = live.unmet(drill.design, await live.read(drill.hosts, drill.design))
                raise DrillStopped(
                    f"the cluster was not ready within {SETTLE_LIMIT:g} s", means=" ".join(unmet) or "It is by now."
                )
            await _arrange(drill, serving, say)
    except QuorateError as error:
        return campaign.unheld(drill, error)
    return None


async def _arrange(drill: Drill, serving: Mapping[str, str | None], say: Say) -> None:
    """Has each service served by the node that is named, as far as a planned switch-over can bring it there."""
    for service, node in serving.items():
        design = drill.design.services.get(service)
        if design is None or node not in design.hosts or not replicas.movable(drill.design, service):
            continue
        if (await live.read(drill.hosts, drill.design)).active.get(service) != node:
            say(f"{service} is moved to {node}, which served it then")
            await replicas.switch_over(drill.hosts, drill.design, service, node)
            await settle(drill.hosts, drill.design, say, SETTLE_LIMIT)
