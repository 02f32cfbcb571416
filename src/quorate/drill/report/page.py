"""The report as one HTML file: nothing is loaded from anywhere, and whatever a file says is escaped. Pure.

Each kind of drill has a section with its latest run drawn, and those earlier ones that were broken; where there are
several runs, figures are distributions.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from quorate.drill.report import history, wording
from quorate.drill.report.history import Distribution, Kind
from quorate.drill.report.model import Report, Result, Service
from quorate.drill.report.timeline import HEIGHT, STRIP, WIDTH, Timeline, timeline

MOST_DRAWN = 4
"""Runs of one kind: the latest, and as many of the latest that were broken as fit."""
SIGNS = {Result.KEPT: "✓", Result.BROKEN: "✗", Result.REFUSED: wording.NOTHING, Result.STOPPED: "!"}


@dataclass(frozen=True)
class Cell:
    """A service in a row of the matrix."""

    service: str
    style: str
    """`kept`, `broken`, or `none` if it was not probed."""
    sign: str
    figure: str
    note: str


@dataclass(frozen=True)
class Drawn:
    """One run with its timeline."""

    anchor: str
    report: Report
    timeline: Timeline | None
    when: str


@dataclass(frozen=True)
class Section:
    """A kind of drill."""

    anchor: str
    title: str
    kind: Kind
    result: Result
    cells: Sequence[Cell]
    drawn: Sequence[Drawn]
    runs: Sequence[Drawn]
    """All, the latest first; without timelines."""


def html(reports: Sequence[Report]) -> str:
    """The whole file, for these drills, the oldest first."""
    names = history.services(reports)
    clusters = sorted({report.cluster for report in reports if report.cluster})
    sections = [
        _section(number, kind, names, several_clusters=len(clusters) > 1)
        for number, kind in enumerate(history.kinds(reports), start=1)
    ]
    script = _text("page.js")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            clusters=clusters,
            services=names,
            sections=sections,
            counts={result: sum(report.result is result for report in reports) for result in Result},
            reports=reports,
            lost=_lost(reports),
            first=_when(min((r.injected for r in reports if r.injected), default=None)),
            last=_when(max((r.injected for r in reports if r.injected), default=None)),
            makers=sorted({report.made_by for report in reports if report.made_by}),
            style=Markup(_text("page.css")),  # noqa: S704  our own file
            script=Markup(script),  # noqa: S704  our own file
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def _section(number: int, kind: Kind, names: Sequence[str], *, several_clusters: bool) -> Section:
    latest = kind.latest
    held = kind.held
    broken = [run for run in reversed(held) if run.result is Result.BROKEN and run is not latest]
    drawn = [latest, *broken][:MOST_DRAWN]
    return Section(
        anchor=f"drill-{number}",
        title=f"{kind.fault} on {kind.on}" + (f" ({kind.cluster})" if several_clusters else ""),
        kind=kind,
        result=Result.BROKEN if any(run.result is Result.BROKEN for run in held) else latest.result,
        cells=[_cell(kind, name) for name in names],
        drawn=[
            Drawn(f"drill-{number}-{count}", run, timeline(run) if run.services else None, _when(run.injected))
            for count, run in enumerate(drawn)
        ],
        runs=[Drawn("", run, None, _when(run.injected)) for run in reversed(kind.runs)],
    )


def _cell(kind: Kind, name: str) -> Cell:
    parts = [run.services[name] for run in kind.held if name in run.services]
    if not parts:
        return Cell(name, "none", "", "", "not probed")
    broken = kind.broken(name)
    style = "broken" if broken else "kept"
    sign = SIGNS[Result(style)]
    lost = max((part.lost or 0 for part in parts), default=0)
    notes = [f"{lost} lost"] if lost else []
    figure = kind.figures(name, history.downtime)
    if len(parts) == 1:
        told, note = _of_one(parts[0])
        return Cell(name, style, sign, told, ", ".join([note, *notes] if note else notes))
    notes = [f"n {len(parts)}", *([f"{broken} broken"] if broken else []), *notes]
    if figure is None:
        return Cell(name, style, sign, "not measured", ", ".join(notes))
    spread = f"{figure.low:.1f} to {figure.high:.1f}"
    return Cell(name, style, sign, f"{figure.median:.1f} s", ", ".join([spread, *notes]))


def _of_one(part: Service) -> tuple[str, str]:
    outage = part.clients.outage
    if outage is None:
        return "not measured", ""
    if outage.gap.end is None:
        return f"≥ {outage.gap.seconds:.1f} s", "no answer any more"
    digits = 1 if outage.precision >= 0.05 else 2
    return f"{outage.gap.seconds:.1f} s", f"± {outage.precision:.{digits}f}"


def _lost(reports: Sequence[Report]) -> int | None:
    known = [report.lost for report in reports if report.services]
    return None if not known or None in known else sum(filter(None, known))


def _when(moment: float | None) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _mttr(kind: Kind, service: str) -> str:
    figure: Distribution | None = kind.figures(service, lambda part: part.time_to_repair)
    return wording.NOTHING if figure is None else f"{figure.mean:.2f} s"


@cache
def _text(name: str) -> str:
    return (files("quorate.drill.report") / name).read_text()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_text), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "seconds": wording.seconds,
        "latency": wording.latency,
        "downtime": wording.downtime,
        "promised": wording.promised,
        "moved": wording.moved,
        "aim": wording.aim,
        "spread": wording.spread,
        "count": wording.count,
    }
    environment.globals |= {
        "WIDTH": WIDTH,
        "HEIGHT": HEIGHT,
        "STRIP": STRIP,
        "signs": SIGNS,
        "mttr": _mttr,
        "downtime_of": history.downtime,
    }
    return environment
