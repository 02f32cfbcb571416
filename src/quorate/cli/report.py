"""`quorate report`: a page of the drills that were held, and what got better or worse between two sets of them.

quorate report                        all drills of the cluster file
quorate report FOLDER|report.json ... these
quorate report compare BEFORE AFTER
quorate report schema
"""

import dataclasses
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from quorate.cli.site import DEFAULT_FILE, ClusterFile, Format, Output
from quorate.drill.report import comparing, drawing, reading
from quorate.drill.report.comparing import Change, Difference, Span
from quorate.drill.report.model import document_schema
from quorate.drill.report.reading import Found
from quorate.errors import InputError

DEFAULT = "page"


class _Group(TyperGroup):
    """A first word that is no command is a path, and the command is `page`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Group, help="Draw drills that were held (`quorate report FOLDER`), or compare them.", add_completion=False
)


@app.command(DEFAULT)
def write_page(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders of drills, or report.json files.",
            metavar="[FOLDER|report.json]...",
            show_default="FILE.quorate/drills",
        ),
    ] = None,
    file: ClusterFile = DEFAULT_FILE,
    html: Annotated[
        Path | None, typer.Option("--html", help="The page.", show_default="report.html beside what is named")
    ] = None,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", help="The JUnit XML.", show_default="junit.xml beside the page")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="A table for a document, too.", show_default="none")
    ] = None,
) -> None:
    """Write the page and the JUnit XML anew from kept reports (the default: `quorate report FOLDER`)."""
    sources = paths or [file.with_suffix(".quorate") / "drills"]
    html = html or _beside(sources) / drawing.PAGE
    junit_file = junit_file or html.with_name(drawing.JUNIT)
    found = drawing.draw(sources, html, junit_file, markdown)
    _tell_unread(found)
    kept = sum(report.kept for report in found.reports)
    written = ", ".join(str(path) for path in (html, junit_file, markdown) if path)
    print(f"{kept} of {len(found.reports)} drills kept. Written: {written}")


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="A folder of drills, or a report.json.", metavar="BEFORE")],
    after: Annotated[Path, typer.Argument(help="Another one.", metavar="AFTER")],
    output: Output = Format.TEXT,
) -> None:
    """Say what got better or worse; exit status 1 if anything got worse."""
    differences = comparing.compare(_found([before]).reports, _found([after]).reports)
    if all(each.change is Change.NOT_COMPARED for each in differences):
        raise InputError(
            "the two have no drill in common",
            where=f"{before}, {after}",
            todo="Drills are compared with those of the same fault and the same --on.",
        )
    worse = any(each.change is Change.WORSE for each in differences)
    if output is Format.JSON:
        print(json.dumps({"worse": worse, "differences": [_plain(each) for each in differences]}, indent=2))
    else:
        show(differences, Console(highlight=False))
    raise typer.Exit(1 if worse else 0)


@app.command()
def schema() -> None:
    """Print the JSON Schema of report.json."""
    print(document_schema(), end="")


def show(differences: Sequence[Difference], console: Console) -> None:
    """What changed as a table, and how much did not."""
    changed = [each for each in differences if each.change in (Change.WORSE, Change.BETTER)]
    table = Table("fault", "service", "figure", "before", "after", "", box=box.SIMPLE_HEAD)
    for each in sorted(changed, key=lambda each: each.change is not Change.WORSE):
        colour = "red" if each.change is Change.WORSE else "green"
        cells = (
            f"{each.fault} on {each.on}",
            each.service or "(drill)",
            each.figure,
            _told(each, each.before),
            _told(each, each.after),
        )
        table.add_row(*map(escape, cells), f"[{colour}]{each.change}[/]")
    if changed:
        console.print(table)
    for line in _remarks(differences):
        console.print(line, markup=False, soft_wrap=True)


def _remarks(differences: Sequence[Difference]) -> Iterable[str]:
    missing = [each for each in differences if each.change is Change.NOT_COMPARED]
    for each in missing:
        if each.figure == "drill":
            service = f", {each.service}" if each.service else ""
            yield f"Only one side has it: {each.fault} on {each.on}{service}."
    if unknown := sum(each.figure != "drill" for each in missing):
        yield f"{unknown} figures were not measured, or not looked for, on one side."
    if any(
        isinstance(e.before, Span) and e.change in (Change.WORSE, Change.BETTER) and e.before.n == 1
        for e in differences
    ):
        yield "One drill on a side may differ by chance: `quorate drill --count 5` says more."
    worse, better, same = (sum(e.change is c for e in differences) for c in (Change.WORSE, Change.BETTER, Change.SAME))
    yield f"{worse} worse, {better} better, {same} the same, as far as can be measured."


def _told(each: Difference, value: Span | float | None) -> str:
    if isinstance(value, Span):
        most = "∞" if math.isinf(value.high) else f"{value.high:.2f}"
        return f"{value.median:.2f} s ({value.low:.2f} to {most}), n {value.n}"
    return "" if value is None else f"{value:g}"


def _plain(each: Difference) -> dict[str, Any]:
    """JSON has no infinity: an upper end that isn't known is null."""
    fields = dataclasses.asdict(each)
    for side in ("before", "after"):
        if isinstance(fields[side], dict) and math.isinf(fields[side]["high"]):
            fields[side]["high"] = None
    return fields


def _found(sources: Sequence[Path]) -> Found:
    found = reading.find(sources)
    _tell_unread(found)
    return found


def _tell_unread(found: Found) -> None:
    for error in found.unread:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"Passed over: {escape(str(error))}")


def _beside(sources: Sequence[Path]) -> Path:
    """The folder of the one source, or this one if there are several."""
    if len(sources) > 1:
        return Path()
    return sources[0] if sources[0].is_dir() else sources[0].parent
