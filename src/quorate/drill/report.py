"""A drill's report: `report.json` for programs, a table and a timeline for people, Markdown for documents.

report.json is `{"schema": 1, "kept": bool, "broken": [sentence], "lost": number or null, ...}` with, after these, the
fields of `verdict.Verdict` under their own names and in its units. Beside it lie `writes.tsv`, the probe's record,
whose lines `record` explains, and `journals.tsv`: time (on one clock), node, source and message of each line read.
"""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table

from quorate.drill.journals import Journals
from quorate.drill.verdict import Verdict

SCHEMA = 1
BAR = 40
"""The timeline's width in characters."""


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as report.json has it."""
    return {
        "schema": SCHEMA,
        "kept": verdict.kept,
        "broken": verdict.broken,
        "lost": verdict.replicas.lost,
        **dataclasses.asdict(verdict),
    }


def write(verdict: Verdict, journals: Journals, folder: Path) -> None:
    """Writes the report into the drill's folder."""
    (folder / "report.json").write_text(json.dumps(as_json(verdict), indent=2) + "\n")
    lines = (f"{e.time:.6f}\t{e.node}\t{e.source}\t{' '.join(e.message.split())}\n" for e in journals.entries)
    (folder / "journals.tsv").write_text("".join(lines))


def show(verdict: Verdict, console: Console) -> None:
    """Prints a verdict: a table and a timeline on a terminal, plain lines elsewhere."""
    if console.is_terminal:
        console.print(Group("", _table(verdict), "", "After the fault:", _timeline(verdict), ""))
    else:
        for heading, value in zip(_HEADINGS, _row(verdict), strict=True):
            console.print(f"{heading}: {value}", markup=False, soft_wrap=True)
        for name, seconds, evidence in _moments(verdict):
            console.print(f"  {_seconds(seconds)}  {name}  {evidence}".rstrip(), markup=False, soft_wrap=True)
    for line in _remarks(verdict):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def show_series(verdicts: Sequence[Verdict], console: Console) -> None:
    """Prints many drills as one table, and how many were kept."""
    headings = [*_HEADINGS[:3], " / ".join(_HEADINGS[3:7]), *_HEADINGS[7:]]
    table = Table(*headings, box=box.SIMPLE_HEAD)
    for verdict in verdicts:
        row = _row(verdict)
        cells = [*row[:3], " / ".join(row[3:7]), row[7]]
        table.add_row(*map(escape, cells), _coloured(verdict))
    console.print(table)
    console.print(_count(verdicts), markup=False, highlight=False)


def markdown(verdicts: Sequence[Verdict]) -> str:
    """Many drills as a table for a document."""
    rows = [_HEADINGS, ["---"] * len(_HEADINGS), *map(_row, verdicts)]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"{table}\n{_count(verdicts)}\n"


_HEADINGS = ["fault", "service", "downtime", "acknowledged", "lost", "unknown", "refused", "objective", "verdict"]


def _row(verdict: Verdict) -> list[str]:
    outcomes, outage, promise = verdict.clients.outcomes, verdict.clients.outage, verdict.promise
    if outage is None:
        downtime = "not measured"
    elif outage.gap.end is None:
        downtime = f"at least {outage.downtime:.2f} s"
    else:
        downtime = f"{outage.downtime:.2f} ± {outage.precision:.2f} s"
    return [
        f"{verdict.fault} on {verdict.node}",
        f"{verdict.service}: {verdict.before} → {verdict.after or 'nowhere'}",
        downtime,
        str(outcomes["acknowledged"]),
        "not looked for" if verdict.replicas.lost is None else str(verdict.replicas.lost),
        str(outcomes["unknown"]),
        str(outcomes["refused"]),
        f"{promise.downtime:g} s, {promise.lost_writes} lost",
        "kept" if verdict.kept else "broken",
    ]


def _table(verdict: Verdict) -> Table:
    grid = Table.grid(padding=(0, 2))
    *headings, last = _HEADINGS
    for heading, value in zip(headings, _row(verdict), strict=False):
        grid.add_row(f"  [dim]{heading}[/dim]", escape(value))
    grid.add_row(f"  [dim]{last}[/dim]", _coloured(verdict))
    return grid


def _coloured(verdict: Verdict) -> str:
    return "[bold green]kept[/]" if verdict.kept else "[bold red]broken[/]"


def _moments(verdict: Verdict) -> list[tuple[str, float | None, str]]:
    """The recovery's phases in the order in which they came, those not seen last, and the first answered write."""
    moments = [
        (phase.name, phase.seconds, f"{phase.node}: {phase.evidence}" if phase.node else "not seen")
        for phase in verdict.audit.phases
    ]
    outage = verdict.clients.outage
    if outage and outage.gap.start > verdict.injected + 1:  # the service stood the fault, and stumbled later
        moments.append(("the last answer for a while", outage.gap.start - verdict.injected, ""))
    if outage and outage.gap.end:
        moments.append(("a client is answered", outage.gap.end - verdict.injected, ""))
    return sorted(moments, key=lambda moment: float("inf") if moment[1] is None else moment[1])


def _timeline(verdict: Verdict) -> Table:
    moments = _moments(verdict)
    end = max((seconds for _, seconds, _ in moments if seconds is not None), default=1.0)
    grid = Table.grid(padding=(0, 1))
    begun = 0.0
    for name, seconds, _ in moments:
        if seconds is None:
            grid.add_row(f"  {escape(name)}", "", "[dim]not seen[/dim]")
            continue
        left, right = round(begun / end * BAR), round(seconds / end * BAR)
        bar = " " * left + "━" * max(1, right - left)
        grid.add_row(f"  {escape(name)}", f"{_seconds(seconds)}", f"[cyan]{bar}[/cyan]")
        begun = seconds
    return grid


def _seconds(seconds: float | None) -> str:
    return "       -" if seconds is None else f"{seconds:6.2f} s"


def _remarks(verdict: Verdict) -> Iterable[str]:
    """What else is worth a line."""
    clients, audit = verdict.clients, verdict.audit
    for node, requests in audit.fenced.items():
        actions = ", ".join(f"{r.action} from {r.client} after {r.time - verdict.injected:.2f} s" for r in requests)
        yield f"{node} was fenced through its BMC: {actions}."
    for name, latency in (("before", clients.latency_before), ("after", clients.latency_after)):
        if latency:
            yield f"Latency {name}: p50 {latency.p50 * 1000:.1f} ms, p99 {latency.p99 * 1000:.1f} ms."
    if clients.outage and clients.outage.others:
        gaps = ", ".join(f"{gap.seconds:.2f} s" for gap in clients.outage.others)
        yield f"Further gaps between answered writes: {gaps}."
    if clients.probe_lag > 0.1:
        yield f"The probe itself was up to {clients.probe_lag:.2f} s behind its schedule; this machine was too busy."
    for node, ledger in verdict.replicas.ledgers.items():
        yield (
            f"Found on {node}: {ledger.acknowledged - len(ledger.lost)} of {ledger.acknowledged} acknowledged writes, "
            f"and {ledger.unknown_found} of {ledger.unknown_found + ledger.unknown_missing} unknown ones."
        )
    if verify := verdict.replicas.verify:
        yield f"Both replicas compared in {verify.seconds:.1f} s: {verify.out_of_sync} KiB differ."
    for volume, reigns in audit.reigns.items():
        turns = ", ".join(f"{r.node} from {max(0.0, r.start - verdict.injected):.2f} s" for r in reigns)
        yield f"Primary of {volume}, by the nodes' journals: {turns}; {len(audit.overlaps)} times two at once."
    yield from (f"Broken: {sentence}." for sentence in verdict.broken)
    yield f"The whole drill took {verdict.seconds:.0f} s; its record is in {verdict.folder}"


def _count(verdicts: Sequence[Verdict]) -> str:
    return f"{sum(verdict.kept for verdict in verdicts)} of {len(verdicts)} kept."
