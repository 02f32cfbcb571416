"""Many kept drills as a table for a document, in Markdown: a row for each kind of drill and service. Pure."""

from collections.abc import Iterable, Sequence

from quorate.drill.report.history import Distribution, Kind, downtime, kinds
from quorate.drill.report.model import Report, Result
from quorate.drill.report.wording import NOTHING, count, moved

HEADINGS = (
    "fault",
    "done to",
    "drills",
    "service",
    "downtime",
    "acknowledged",
    "lost",
    "unknown",
    "fenced",
    "whole again after",
)


def markdown(reports: Sequence[Report]) -> str:
    """The table, and a sentence with the sums.

    Where a kind was held several times: the median, with the least and the most. Bold is the downtime of a service
    whose objective was not kept in each of them. An address writes nothing and has no row.
    """
    rows = [HEADINGS, ("---",) * len(HEADINGS), *(row for kind in kinds(reports) for row in _rows(kind))]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows) + f"\n{_sums(reports)}\n"


def _rows(kind: Kind) -> Iterable[tuple[str, ...]]:
    what = (f"`{kind.fault}`", kind.on)
    if not kind.held:
        yield *what, str(kind.latest.result), *[""] * (len(HEADINGS) - 3)
        return
    nodes = dict.fromkeys(node for run in kind.held if run.audit for node in run.audit.fenced)
    for name in kind.services:
        runs = [run.services[name] for run in kind.held if name in run.services and run.services[name].writes]
        if not runs:
            continue
        lost = [run.lost for run in runs]
        out_of_service = _spread(kind.figures(name, downtime))
        yield (
            *what,
            str(len(runs)),
            f"{name}: {moved(runs[-1])}",
            f"**{out_of_service}**" if kind.broken(name) else out_of_service,
            str(sum(run.clients.outcomes.get("acknowledged", 0) for run in runs)),
            count(None if None in lost else sum(each or 0 for each in lost)),
            str(sum(run.clients.outcomes.get("unknown", 0) for run in runs)),
            ", ".join(nodes) or "nobody",
            _spread(kind.time_to_ready),
        )


def _spread(figure: Distribution | None) -> str:
    """Seconds: `9.2`, or `9.2 (8.1 to 12.2)`."""
    if figure is None:
        return NOTHING
    alone = f"{figure.median:.1f}"
    return alone if figure.n == 1 else f"{alone} ({figure.low:.1f} to {figure.high:.1f})"


def _sums(reports: Sequence[Report]) -> str:
    held = [report for report in reports if report.result in (Result.KEPT, Result.BROKEN)]
    services = [part for report in held for part in report.services.values() if part.writes]
    acknowledged = sum(part.clients.outcomes.get("acknowledged", 0) for part in services)
    lost = sum(part.lost or 0 for part in services)
    unasked = sum(any(part.writes and part.lost is None for part in report.services.values()) for report in held)
    compared = [part.holding.verify for part in services if part.holding.verify]
    said = [
        f"{sum(report.kept for report in held)} of {len(held)} drills kept",
        f"{acknowledged} operations acknowledged, {lost} lost",
    ]
    if unasked:
        said.append(f"in {unasked} of them not everything was looked for")
    if compared:
        differ = sum(each.out_of_sync for each in compared)
        said.append(f"both replicas compared block by block {len(compared)} times, {differ} KiB differ")
    return f"{'; '.join(said)}."
