"""From a verdict to its report, and what is kept of it: report.json, report.html, junit.xml, journals.tsv."""

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quorate import __version__
from quorate.drill.audit.journals import Journals
from quorate.drill.clients.record import Record
from quorate.drill.judgement.course import Followed
from quorate.drill.judgement.forecast import Prediction
from quorate.drill.judgement.verdict import Served, Verdict
from quorate.drill.report import junit, page
from quorate.drill.report.events import events
from quorate.drill.report.model import SCHEMA, Report, Result
from quorate.drill.report.operations import columns, time_to_repair
from quorate.errors import QuorateError

MADE_BY = f"quorate {__version__}"
_NUMBERS = re.compile(r"\[\s+(-?\d+(?:,\s+-?\d+)*)\s+\]")


def build(verdict: Verdict, records: Mapping[str, Record], journals: Journals | None) -> Report:
    """The report of a drill. Without a service's record its `operations` are null; no journals, no events."""
    fields = {field.name: getattr(verdict, field.name) for field in dataclasses.fields(verdict)}
    until = max((w.ended for record in records.values() for w in record.writes), default=verdict.injected)
    return Report.model_validate(
        {
            **{name: _plain(value) for name, value in fields.items()},
            "schema": SCHEMA,
            "made_by": MADE_BY,
            "run": Path(verdict.folder).name,
            "result": Result.KEPT if verdict.kept else Result.BROKEN,
            "kept": verdict.kept,
            "broken": verdict.broken,
            "lost": verdict.lost,
            "services": {name: _service(part, verdict, records.get(name)) for name, part in verdict.services.items()},
            "prediction": _foreseen(verdict.prediction),
            "course": _foreseen(verdict.course),
            "events": events(journals.entries, verdict.audit.fenced, verdict.injected, until) if journals else [],
        }
    )


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The report as a program reads it from standard output: without operations and events, which are kept."""
    document = build(verdict, {}, None).model_dump(mode="json", by_alias=True, exclude={"events"})
    for part in document["services"].values():
        del part["operations"]
    return document


def write(verdict: Verdict, records: Mapping[str, Record], journals: Journals, folder: Path) -> None:
    """Writes everything that is kept of a drill into its folder."""
    keep(build(verdict, records, journals), folder)
    lines = (f"{e.time:.6f}\t{e.node}\t{e.source}\t{' '.join(e.message.split())}\n" for e in journals.entries)
    (folder / "journals.tsv").write_text("".join(lines))


def write_unheld(result: Result, fault: str, on: str, cluster: str, error: QuorateError, folder: Path) -> None:
    """Writes down that a drill was refused or stopped, so that a series says so of it."""
    why = ". ".join(sentence.rstrip(".") for sentence in (str(error), error.means) if sentence)
    report = Report(
        made_by=MADE_BY,
        run=folder.name,
        cluster=cluster,
        result=result,
        why=why,
        kept=False,
        fault=fault,
        on=on,
        folder=str(folder),
    )
    keep(report, folder)


def keep(report: Report, folder: Path) -> None:
    """Writes a report as a document for programs, a page for people and JUnit XML for a CI server."""
    (folder / "report.json").write_text(text(report))
    (folder / "report.html").write_text(page.html([report]))
    (folder / "junit.xml").write_bytes(junit.xml([report]))


def text(report: Report) -> str:
    """A report as report.json has it: indented, a column of numbers on one line."""
    document = json.dumps(report.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False)
    return (
        _NUMBERS.sub(lambda found: f"[{','.join(found[1].split(','))}]".replace("\n", "").replace(" ", ""), document)
        + "\n"
    )


def _service(part: Served, verdict: Verdict, record: Record | None) -> dict[str, Any]:
    broken = part.broken(verdict.thorough)
    return {
        **_plain(part),
        "kept": not broken,
        "broken": broken,
        "lost": part.holding.lost,
        "duplicated": part.holding.duplicated,
        "disordered": part.holding.disordered,
        "time_to_repair": time_to_repair(part.clients, verdict.injected),
        "operations": columns(record, verdict.injected) if record else None,
    }


def _foreseen(foreseen: Prediction | Followed | None) -> dict[str, Any] | None:
    return {**_plain(foreseen), "differences": foreseen.differences} if foreseen else None


def _plain(value: Any) -> Any:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value
