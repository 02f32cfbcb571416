"""Two sets of drills side by side: what got better, and what got worse. Pure.

Downtime is compared by fault, target and service. A set's figure is a span: the middle half of its drills (all of them
if there are fewer than four), wider by the precision on either side. Only spans that don't touch say that something
changed; one slow drill among many doesn't, and what differs by less than can be measured doesn't either.
"""

import enum
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quorate.drill.report import history
from quorate.drill.report.history import Kind
from quorate.drill.report.model import Report, Result, Service

FEW = 4
"""With fewer drills there is no middle half."""


class Change(enum.StrEnum):
    """What became of a figure."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "same"
    NOT_COMPARED = "not compared"
    """One side has no such drill, or could not measure it."""


@dataclass(frozen=True)
class Span:
    """Where a set's downtime lies, in seconds."""

    n: int
    median: float
    low: float
    high: float
    """Infinite if a drill's clients had no answer until its end."""


@dataclass(frozen=True)
class Difference:
    """One figure of one service under one fault, on both sides."""

    fault: str
    on: str
    service: str
    """Empty for the drill as a whole."""
    figure: str
    """`downtime`, `lost`, `duplicated`, `not kept`, or `drill`: one side doesn't have it."""
    change: Change
    before: Span | float | None
    after: Span | float | None


def compare(before: Sequence[Report], after: Sequence[Report]) -> list[Difference]:
    """Everything that can be compared, by fault and service; the cluster's name need not be the same."""
    old, new = _kinds(before), _kinds(after)
    found: list[Difference] = []
    for key in dict.fromkeys([*old, *new]):
        if key not in old or key not in new:
            sides = [float(len(side[key].held)) if key in side else None for side in (old, new)]
            found.append(Difference(*key, "", "drill", Change.NOT_COMPARED, *sides))
        else:
            found += _of_kind(old[key], new[key])
    return found


def span(parts: Sequence[Service]) -> Span | None:
    """Where the downtime of a service lies in these drills; None if one could not measure it."""
    outages = [part.clients.outage for part in parts]
    if not outages or None in outages:
        return None
    known = [outage for outage in outages if outage is not None]
    lows = sorted(outage.gap.seconds for outage in known)
    highs = sorted(math.inf if outage.gap.end is None else outage.gap.seconds for outage in known)
    skip = len(known) // 4 if len(known) >= FEW else 0
    precision = statistics.median(outage.precision for outage in known)
    return Span(
        n=len(known),
        median=statistics.median(lows),
        low=max(0.0, lows[skip] - precision),
        high=highs[len(known) - 1 - skip] + precision,
    )


def _kinds(reports: Iterable[Report]) -> dict[tuple[str, str], Kind]:
    """By fault and target."""
    same_cluster = (report.model_copy(update={"cluster": ""}) for report in reports)
    return {(kind.fault, kind.on): kind for kind in history.kinds(same_cluster)}


def _of_kind(old: Kind, new: Kind) -> Iterable[Difference]:
    if not old.held or not new.held:
        yield Difference(old.fault, old.on, "", "drill", Change.NOT_COMPARED, len(old.held), len(new.held))
        return
    yield _share(
        old,
        new,
        "",
        [run.result is Result.BROKEN for run in old.held],
        [run.result is Result.BROKEN for run in new.held],
    )
    for service in dict.fromkeys([*old.services, *new.services]):
        before, after = _parts(old, service), _parts(new, service)
        if not before or not after:
            yield Difference(old.fault, old.on, service, "drill", Change.NOT_COMPARED, len(before), len(after))
            continue
        spans = span(before), span(after)
        yield Difference(old.fault, old.on, service, "downtime", _of_spans(*spans), *spans)
        yield _share(old, new, service, [not part.kept for part in before], [not part.kept for part in after])
        if not all(part.writes for part in (*before, *after)):
            continue
        yield _most(old, service, "lost", [part.lost for part in before], [part.lost for part in after])
        yield _most(
            old, service, "duplicated", [part.duplicated for part in before], [part.duplicated for part in after]
        )


def _parts(kind: Kind, service: str) -> list[Service]:
    return [run.services[service] for run in kind.held if service in run.services]


def _of_spans(before: Span | None, after: Span | None) -> Change:
    if before is None or after is None:
        return Change.NOT_COMPARED
    if after.low > before.high:
        return Change.WORSE
    return Change.BETTER if after.high < before.low else Change.SAME


def _share(old: Kind, new: Kind, service: str, before: Sequence[bool], after: Sequence[bool]) -> Difference:
    """Objectives that are not kept: any at all where there were none, or the other way round."""
    change = _by_order(any(before), any(after))
    return Difference(old.fault, old.on, service, "not kept", change, sum(before), sum(after))


def _most(
    kind: Kind, service: str, figure: str, before: Sequence[int | None], after: Sequence[int | None]
) -> Difference:
    """The worst drill of each side. What one side did not look for isn't compared."""
    if None in before or None in after:
        return Difference(kind.fault, kind.on, service, figure, Change.NOT_COMPARED, None, None)
    worst = [max(filter(None, side), default=0) for side in (before, after)]
    return Difference(kind.fault, kind.on, service, figure, _by_order(*worst), *worst)


def _by_order(before: float, after: float) -> Change:
    if before == after:
        return Change.SAME
    return Change.WORSE if after > before else Change.BETTER
