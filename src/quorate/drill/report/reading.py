"""Reports that are kept on disk, read again: one, or all below a folder.

A report of schema 2 lacks what is computed from the records beside it; that is made up for here.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from quorate.drill.audit.fencing import PowerRequest
from quorate.drill.audit.journals import Entry
from quorate.drill.clients import outage, record
from quorate.drill.report.events import events
from quorate.drill.report.model import SCHEMA, Report
from quorate.drill.report.operations import columns, time_to_repair
from quorate.errors import InputError

NAME = "report.json"


@dataclass(frozen=True)
class Found:
    """What lay there."""

    reports: Sequence[Report]
    """The oldest drill first."""
    unread: Sequence[InputError]
    """Why others were passed over."""


def find(paths: Sequence[Path]) -> Found:
    """Reads reports: files, drills' folders, and folders with drills in them.

    Raises:
        InputError: there is none, or a file that was named itself isn't one.
    """
    reports: list[Report] = []
    unread: list[InputError] = []
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob(NAME)):
                try:
                    reports.append(read(file))
                except InputError as error:
                    unread.append(error)
        else:
            reports.append(read(path))
    if not reports:
        raise (
            unread[0]
            if unread
            else InputError(
                f"there is no {NAME}",
                where=", ".join(map(str, paths)),
                todo="`quorate drill` makes one for each drill, in FILE.quorate/drills/",
            )
        )
    return Found(sorted(reports, key=lambda report: (report.injected or 0.0, report.run)), unread)


def read(file: Path) -> Report:
    """One report. Raises InputError."""
    try:
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise InputError(f"the report can't be read: {error.strerror}", where=str(file)) from None
    except ValueError as error:
        raise InputError(f"this is no JSON: {error}", where=str(file)) from None
    version = document.get("schema") if isinstance(document, dict) else None
    try:
        match version:
            case 3:
                return Report.model_validate(document)
            case 2:
                return Report.model_validate(_of_schema_2(document, file.absolute().parent))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"this is no report: {place}: {first['msg']}", where=str(file)) from None
    except (KeyError, TypeError, AttributeError, ValueError):
        raise InputError("this is no report of schema 2", where=str(file)) from None
    raise InputError(
        "this is no report" if version is None else f"reports of schema {version} aren't read",
        where=str(file),
        todo=f"hold the drill again: this version of Quorate reads schemas 2 and {SCHEMA}",
    )


def _of_schema_2(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    injected, ends = document["injected"], [document["injected"]]
    services = {}
    for name, part in document["services"].items():
        clients = dict(part["clients"])
        added: dict[str, Any] = {}
        file = folder / f"{name}.tsv"
        if file.exists():
            written = record.read(file)
            ends += [write.ended for write in written.writes]
            seen = outage.seen(written, injected)
            clients["latency_during"] = seen.latency_during and dataclasses.asdict(seen.latency_during)
            added = {"operations": columns(written, injected), "time_to_repair": time_to_repair(seen, injected)}
        services[name] = {**part, **added, "clients": clients}
    fenced = {
        node: [PowerRequest(**each) for each in requests] for node, requests in document["audit"]["fenced"].items()
    }
    return {
        **document,
        "schema": SCHEMA,
        "run": folder.name,
        "result": "kept" if document["kept"] else "broken",
        "services": services,
        "events": events(_entries(folder / "journals.tsv"), fenced, injected, max(ends)),
    }


def _entries(file: Path) -> list[Entry]:
    if not file.exists():
        return []
    lines = (line.split("\t", 3) for line in file.read_text().splitlines())
    return [Entry(node, float(time), source, message) for time, node, source, message in lines]
