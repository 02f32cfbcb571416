"""A whole check of one cluster: rules, predictions, time budget, waivers; and what nobody looked at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from quorate.cluster.facility import Waiver
from quorate.cluster.findings import Severity
from quorate.errors import InputError
from quorate.proof import foreseen, outside
from quorate.proof.budget import Budget, budgets, with_others
from quorate.proof.evidence import Evidence
from quorate.proof.foreseen import Foreseen
from quorate.proof.lint.run import Finding, lint
from quorate.proof.scheduler import Failure, Prediction, Scheduler, Unpredictable
from quorate.proof.services import Service

MOST_FAILURES = 2000
"""So many failures are put before the scheduler at most; what is left out is said."""


@dataclass(frozen=True)
class Examined:
    """What a check found."""

    evidence: Evidence
    services: tuple[Service, ...]
    findings: tuple[Finding, ...]
    """Worst first; without those that are waived."""
    waived: tuple[tuple[Finding, Waiver], ...]
    predictions: tuple[Prediction, ...]
    budgets: tuple[Budget, ...]
    unseen: Mapping[str, tuple[str, ...]]
    """By what nobody brought: the codes of the rules that would have looked at it."""
    notes: tuple[str, ...]

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(each.severity is Severity.ERROR for each in self.findings)


def examine(
    evidence: Evidence,
    services: tuple[Service, ...],
    *,
    today: date,
    objectives: Mapping[str, float] | None = None,
    waivers: Iterable[Waiver] = (),
    more: Iterable[Finding] = (),
) -> Examined:
    """Checks a cluster.

    Args:
        evidence: what is known of it.
        services: what counts as a service in it.
        today: waivers end by it.
        objectives: by service, the seconds that an outage may last.
        waivers: findings that somebody bears.
        more: findings that others made, of the same cluster.
    """
    linted = lint(evidence)
    notes = list(evidence.notes)
    predictions, never_run = _predicted(evidence, services, notes)
    own = [each for one in services for each in budgets(evidence, one, (objectives or {}).get(one.name))]
    times = with_others(own, services)
    seen = Foreseen(evidence, never_run, predictions, times)
    found = [*foreseen.findings(seen), *more, *linted.findings]
    kept, waived = _waive(found, tuple(waivers), today, notes)
    ordered = sorted(kept, key=lambda each: each.severity is not Severity.ERROR)
    return Examined(evidence, services, tuple(ordered), waived, predictions, times, linted.unseen, tuple(notes))


def what_if(evidence: Evidence, services: tuple[Service, ...], failure: Failure) -> Prediction:
    """What one failure, of any size, leads to. Raises Unpredictable."""
    with Scheduler(evidence, services) as scheduler:
        return scheduler.predict(failure)


def failure_of(evidence: Evidence, names: Iterable[str]) -> Failure:
    """The failure of nodes, resources, the quorum device or SBD's disks by name. Raises InputError for other names."""
    names = tuple(names)
    resources = evidence.pacemaker.primitives if evidence.pacemaker else {}
    tops = evidence.pacemaker.holders if evidence.pacemaker else {}
    beyond = outside.parts(evidence)
    nodes: set[str] = set()
    failing: set[str] = set()
    for name in names:
        if name in evidence.nodes:
            nodes.add(name)
        elif evidence.pacemaker and (name in resources or name in tops):
            failing |= set(evidence.pacemaker.members_of(name))
        elif name not in beyond:
            known = ", ".join([*evidence.nodes, *resources, *beyond])
            raise InputError(f"`{name[:60]}` is neither a node nor a resource", todo=f"Known here: {known}.")
    lost = frozenset(name for name in names if name in beyond)
    return Failure(" and ".join(names), frozenset(nodes), frozenset(failing), outside=lost)


def _predicted(
    evidence: Evidence, services: tuple[Service, ...], notes: list[str]
) -> tuple[tuple[Prediction, ...], tuple[str, ...]]:
    if evidence.pacemaker is None or not services:
        return (), ()
    try:
        with Scheduler(evidence, services) as scheduler:
            failures = [*scheduler.single_failures(), *scheduler.double_failures()]
            if len(failures) > MOST_FAILURES:
                notes.append(f"of {len(failures)} failures {len(failures) - MOST_FAILURES} were not predicted")
            predictions = scheduler.predict_all(failures[:MOST_FAILURES])
            notes += [f"what {each.name} leads to isn't predicted: {error}" for each, error in scheduler.unpredicted]
            return tuple(predictions), scheduler.never_run()
    except Unpredictable as error:
        notes.append(f"nothing could be predicted: {error}")
        return (), ()


def _waive(
    found: list[Finding], waivers: tuple[Waiver, ...], today: date, notes: list[str]
) -> tuple[list[Finding], tuple[tuple[Finding, Waiver], ...]]:
    """Takes out what is waived. A waiver whose day is over, or that is for nothing, is said."""
    kept: list[Finding] = []
    waived: list[tuple[Finding, Waiver]] = []
    used: set[int] = set()
    for finding in found:
        fitting = [(index, each) for index, each in enumerate(waivers) if _fits(each, finding)]
        used |= {index for index, _ in fitting}
        current = next((each for _, each in fitting if each.until >= today), None)
        if current:
            waived.append((finding, current))
            continue
        kept.append(finding)
        notes += [f"the waiver of {each.finding} ended on {each.until}" for _, each in fitting]
    for index, each in enumerate(waivers):
        if index not in used:
            notes.append(f"the waiver of {each.finding} is for nothing: no such finding is there")
    return kept, tuple(waived)


def _fits(waiver: Waiver, finding: Finding) -> bool:
    if waiver.finding != finding.code:
        return False
    told = finding.what.partition("\n")[0]  # below stands a path, of whose parts it isn't
    words = {finding.where.name, finding.where.source, *told.replace(",", " ").replace(":", " ").split()}
    return not waiver.where or bool(set(waiver.where) & words)
