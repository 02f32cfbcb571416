"""What the predictions and the time budget mean for a person: findings, as lint has them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from quorate.proof.budget import Budget
from quorate.proof.evidence import Evidence, Spot
from quorate.proof.lint.rule import ERROR, WARNING, Found, Hit, Rule, Severity, described
from quorate.proof.lint.run import Finding
from quorate.proof.scheduler import Effect, Prediction


@dataclass(frozen=True)
class Foreseen:
    """All that was foreseen for a cluster."""

    evidence: Evidence
    never_run: tuple[str, ...] = ()
    """Services that don't run even while nothing has failed."""
    predictions: tuple[Prediction, ...] = ()
    budgets: tuple[Budget, ...] = ()

    @property
    def singles(self) -> Iterator[Prediction]:
        """The predictions of one failure: a node, a resource, a link, or what stands outside the nodes."""
        return (each for each in self.predictions if each.failure.size == 1)


Check = Callable[[Foreseen], Found]
FORESEEN: dict[str, tuple[Rule, Check]] = {}
"""By code."""


def _foreseen(code: str, severity: Severity) -> Callable[[Check], Check]:
    def decorate(function: Check) -> Check:
        FORESEEN[code] = (described(code, severity, function, lambda _: iter(())), function)
        return function

    return decorate


def findings(foreseen: Foreseen) -> Iterable[Finding]:
    """Every finding, worst first."""
    for rule, check in FORESEEN.values():
        for hit in check(foreseen):
            if isinstance(hit, Hit):
                todo = hit.todo or rule.fix
                yield Finding(rule.code, rule.severity, rule.subject, hit.where, hit.what, rule.why, todo)


def _where(foreseen: Foreseen, name: str = "") -> Spot:
    pacemaker = foreseen.evidence.pacemaker
    return Spot(pacemaker.source if pacemaker else "", 0, name)


@_foreseen("never-runs", ERROR)
def every_service_runs(foreseen: Foreseen) -> Found:
    """Every service runs while nothing has failed.

    Asked to start this configuration on healthy nodes, Pacemaker's scheduler leaves a part of the service stopped.

    Fix: look for constraints that contradict each other, `target-role`, maintenance, nodes in standby; without any
    fence device Pacemaker starts nothing, unless `stonith-enabled` is false. `crm_simulate -sL` shows the scores.
    """
    for name in foreseen.never_run:
        yield Hit(_where(foreseen, name), f"{name} isn't started, or not all of it, on healthy nodes")


@_foreseen("single-point-of-failure", ERROR)
def one_failure_is_survived(foreseen: Foreseen) -> Found:
    """No single failure of a node or a resource takes a service away until a person comes.

    Pacemaker's own scheduler was asked what it would do after this failure, and the service isn't running afterwards.

    Fix: a second place for it: another node, a replica, a fence device that works, a quorum device.
    """
    by_cause: dict[tuple[str, str], list[str]] = {}
    for each in foreseen.singles:
        for service, effect in each.effects.items():
            if effect is Effect.GONE and service not in foreseen.never_run and not each.unnoticed:
                by_cause.setdefault((each.failure.name, _why(each)), []).append(service)
    for (failure, why), services in by_cause.items():
        yield Hit(_where(foreseen, failure), f"without {failure}, {_listed(services)} stay{_s(services)} down: {why}")


def _why(each: Prediction) -> str:
    if each.stuck:
        return f"nothing can fence {_listed(each.stuck)}, so it is waited for"
    if not each.quorate:
        return "the rest has no quorum"
    return "Pacemaker starts it nowhere else"


@_foreseen("failure-unnoticed", ERROR)
def every_failure_is_noticed(foreseen: Foreseen) -> Found:
    """Every failure of a resource is noticed.

    Nothing monitors the instance that clients use: when it dies, Pacemaker goes on believing that it runs.

    Fix: a recurring monitor, for the promoted role in a promotable clone.
    """
    for each in foreseen.singles:
        for id_ in each.unnoticed:
            yield Hit(_where(foreseen, id_), f"nobody would notice that {id_} has failed")


@_foreseen("objective-missed", ERROR)
def objectives_can_be_kept(foreseen: Foreseen) -> Found:
    """What a failure is expected to take is within the objective.

    The parts of the outage, each as it is configured or was measured, add up to more than what was promised.

    Fix: shorten the longest part that a setting decides, or promise less.
    """
    for each in foreseen.budgets:
        if not each.is_kept:
            what = f"{each.service}: the loss of a {each.failure} takes {each.expected:.1f} s"
            what += f", {each.objective:g} s are promised"
            yield Hit(_where(foreseen, each.service), what, each.cheapest())


@_foreseen("monitor-too-slow", WARNING)
def monitors_come_round_in_time(foreseen: Foreseen) -> Found:
    """A monitor comes round more often than the objective lasts.

    A process that dies just after a look is found dead by the next one: the interval alone is longer than the outage
    that was promised.

    Fix: a shorter interval.
    """
    for each in foreseen.budgets:
        first = each.parts[0]
        if each.failure == "process" and each.objective is not None and first.seconds > each.objective:
            what = f"{each.service}: {first.name} after {first.seconds:g} s, {each.objective:g} s are promised"
            yield Hit(_where(foreseen, each.service), what)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _s(names: list[str]) -> str:
    return "s" if len(names) == 1 else ""
