"""The course of a recovery: what Pacemaker's own scheduler says it will do, asked before the fault, and what was done.

The graph (`forecast`) says what becomes of the services. The scheduler says how: who is fenced, what is stopped,
started and promoted where, and what waits for what. The time budget says how long that takes. The journals say what
came of it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from quorate import live
from quorate.cluster.model import Cluster
from quorate.design.model import Design
from quorate.drill.audit.journals import Entry
from quorate.drill.judgement.forecast import Fate, Forecast
from quorate.drill.order import Drill
from quorate.drill.targets import Target
from quorate.live.state import State
from quorate.proof.budget import budgets, with_others
from quorate.proof.course import Step
from quorate.proof.evidence import designed, read
from quorate.proof.services import of_design
from quorate.services.parts import Clone, Primitive

CLOCKS = 0.1
"""Seconds by which the nodes' journals may differ once they are on one clock."""
CONTROLLER = "pacemaker-controld"


@dataclass(frozen=True)
class Takes:
    """For how long a service stops, in seconds."""

    expected: float
    longest: float
    """If each step with a time-out takes all of it."""


@dataclass(frozen=True)
class Course:
    """What is predicted."""

    steps: tuple[Step, ...]
    takes: Mapping[str, Takes] = field(default_factory=dict)
    """By service that stops."""


@dataclass(frozen=True)
class Followed(Course):
    """What is predicted, and what was seen of it."""

    seconds: tuple[float | None, ...] = ()
    """By step: when it was through, in seconds from the fault; None if it was not seen."""
    downtimes: Mapping[str, float] = field(default_factory=dict)
    """By service, in seconds: what is certain of it, its precision taken off."""

    @property
    def differences(self) -> list[str]:
        """What was not as predicted, in sentences."""
        return [*self._steps(), *self._times()]

    def _steps(self) -> Iterator[str]:
        for step, at in zip(self.steps, self.seconds, strict=True):
            if at is None:
                yield f"predicted and not seen: {step}"
                continue
            for place in step.after:
                before = self.seconds[place]
                if before is not None and at < before - CLOCKS:
                    yield f"{step} came before {self.steps[place]}, and was predicted to come after it"

    def _times(self) -> Iterator[str]:
        for service, takes in self.takes.items():
            if (downtime := self.downtimes.get(service, 0.0)) > takes.longest:
                yield f"{service} stopped for {downtime:.1f} s at least; at most {takes.longest:.1f} s were predicted"


async def foretell(drill: Drill, target: Target, forecast: Forecast | None, state: State) -> Course | None:
    """Asks the cluster what it would do; None for a fault of which the scheduler knows nothing. Raises HostError."""
    lost: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    if forecast is None:
        reported = drill.fault.reported
        failed = tuple(reports(drill.design, target, reported))
        stopping = [target.service] if target.service and reported and reported[0] == "monitor" else []
    elif forecast.quorate and set(forecast.lost) == set(forecast.fenced):
        lost = forecast.lost
        stopping = [name for name, fate in forecast.fates.items() if fate is Fate.MOVES]
    if not lost and not failed:
        return None
    asked = next(name for name in (state.dc, *drill.design.hosts) if name is not None and name not in lost)
    steps = await live.foresee(await drill.hosts.host(asked), lost=lost, failed=failed)
    started = {f"{step.resource}_start_0@{step.node}" for step in steps if step.what == "start"}
    if any(report.partition("=")[0] in started for report in failed):
        return None  # to this crm_simulate (Pacemaker 2.1) one failed start isn't fatal; to the cluster it is
    known = takes(drill.cluster, drill.design, "node" if lost else "process")
    return Course(binding(steps, drill.design), {name: known[name] for name in stopping if name in known})


def binding(steps: Sequence[Step], design: Design) -> tuple[Step, ...]:
    """The steps without the order between services: it is advisory, and holds within one transition of several only."""
    primitives = {each.id: each.primitive.id if isinstance(each, Clone) else each.id for each in design.resources}
    owner = {primitives[id_]: service.name for service in design.services.values() for id_ in service.resources}
    return tuple(
        replace(
            step,
            after=tuple(
                place
                for place in step.after
                if not steps[place].resource or owner.get(steps[place].resource) == owner.get(step.resource)
            ),
        )
        for step in steps
    )


def reports(design: Design, target: Target, reported: tuple[str, int] | None) -> Iterator[str]:
    """What will be reported of what is hit, in crm_simulate's words; nothing if nothing is known of it."""
    if reported is None:
        return
    operation, status = reported
    primitives = (each.primitive if isinstance(each, Clone) else each for each in design.resources)
    for primitive in primitives:
        interval = 0 if operation == "start" else _interval(primitive)
        if primitive.id in target.resources and interval is not None:
            yield from (f"{primitive.id}_{operation}_{interval * 1000}@{node}={status}" for node in target.nodes)


def _interval(primitive: Primitive) -> int | None:
    """Seconds between two looks at it; None if nobody looks."""
    return min((each.interval for each in primitive.operations if each.name == "monitor"), default=None)


def takes(cluster: Cluster, design: Design, failure: str) -> Mapping[str, Takes]:
    """By service: how long it stops after one kind of failure, by the time budget that `quorate check` shows.

    Not where a balancer alone decides: for a request that is under way its delay is no bound.
    """
    evidence = read(designed.documents(design, cluster))
    assert evidence.pacemaker, "a design always has a CIB"
    services = of_design(design, evidence.pacemaker)
    found = with_others([each for one in services for each in budgets(evidence, one, None)], services)
    bounded = (each for each in found if each.failure == failure and each.worst > each.expected)
    return {each.service: Takes(each.expected, each.worst) for each in bounded}


def follow(course: Course, entries: Sequence[Entry], fault: float, downtimes: Mapping[str, float]) -> Followed:
    """Looks for each step in the journals of a recovery, the oldest entry first."""
    seconds = tuple(_through(step, entries, fault) for step in course.steps)
    return Followed(course.steps, course.takes, seconds, downtimes)


def _through(step: Step, entries: Sequence[Entry], fault: float) -> float | None:
    """When a step was through. A clone's instance is written `ID` or `ID:NUMBER`."""
    node, resource = re.escape(step.node), re.escape(step.resource)
    message = (
        rf"Peer {node} was terminated \(\w+\) by .*: (OK|complete)"
        if step.what == "fence"
        else rf"Result of {step.what} operation for {resource}(:\d+)? on {node}: (OK|ok)\b"
    )
    times = (each.time for each in entries if each.source == CONTROLLER and re.search(message, each.message))
    return next((time - fault for time in times), None)
