"""`quorate drill`: break something under load, and judge what clients saw."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from quorate.cli.progress import progress
from quorate.cli.site import DEFAULT_FILE, ClusterFile, Format, Output, Site
from quorate.drill import report, runner
from quorate.drill.faults import FAULTS, Tools
from quorate.drill.fencing import PowerRequest
from quorate.drill.runner import Drill
from quorate.drill.verdict import Verdict
from quorate.errors import InputError
from quorate.lab import Lab
from quorate.progress import Silent


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(drill)


def drill(
    fault: Annotated[str, typer.Argument(help=f"One of: {', '.join(FAULTS)}.", metavar="FAULT")],
    on: Annotated[str, typer.Option("--on", help="active:SERVICE, standby:SERVICE or a node.")],
    file: ClusterFile = DEFAULT_FILE,
    output: Output = Format.TEXT,
    count: Annotated[int, typer.Option("--count", min=1, help="How many drills in a row.")] = 1,
    rate: Annotated[float, typer.Option("--rate", min=1, max=2000, help="Writes a second.")] = 200,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write the table to this file, too.")] = None,
) -> None:
    """Break something while clients write, and judge what they saw; exit status 0 only if the objective was kept."""
    verdicts = hold(Site.open(file).enter(), fault, on, count=count, rate=rate, output=output)
    if output is Format.JSON:
        reports = [report.as_json(verdict) for verdict in verdicts]
        print(json.dumps(reports if count > 1 else reports[0], indent=2))
    if markdown:
        markdown.write_text(report.markdown(verdicts))
    raise typer.Exit(0 if all(verdict.kept for verdict in verdicts) else 1)


def hold(
    site: Site, fault: str, on: str, *, count: int = 1, rate: float = 200, output: Format = Format.TEXT
) -> Sequence[Verdict]:
    """Holds drills one after another and shows each verdict as it comes. Raises QuorateError."""
    if fault not in FAULTS:
        raise InputError(f"there is no fault `{fault}`", todo=f"choose one of: {', '.join(FAULTS)}")
    quiet = output is Format.JSON
    console = Console(quiet=quiet)

    async def all_of_them() -> list[Verdict]:
        verdicts: list[Verdict] = []
        async with site.hosts() as hosts:
            ordered = Drill(
                fault=FAULTS[fault],
                on=on,
                cluster=site.cluster,
                design=site.design,
                hosts=hosts,
                tools=Tools(power=_Switches(site.lab) if site.lab.exists() else None),
                bmcs=_BmcLogs(site.lab),
                reports=site.folder / "drills",
                rate=rate,
            )
            async for verdict in runner.series(ordered, count, Silent() if quiet else progress()):
                report.show(verdict, console)
                verdicts.append(verdict)
        return verdicts

    verdicts = asyncio.run(all_of_them())
    if count > 1:
        report.show_series(verdicts, console)
    return verdicts


class _Switches:
    """The power of the lab's machines."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    async def off(self, node: str) -> None:
        await asyncio.to_thread(self._lab.power_off, node)

    async def on(self, node: str) -> None:
        await asyncio.to_thread(self._lab.power_on, node)

    async def is_on(self, node: str) -> bool:
        return self._lab.machine(node).is_on()


class _BmcLogs:
    """What the lab's BMCs wrote down."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def requests(self, node: str) -> Sequence[PowerRequest]:
        return [PowerRequest(**request) for request in self._lab.bmc_log(node)]
