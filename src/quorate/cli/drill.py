"""`quorate drill`: break something under load, and judge what clients saw."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from quorate.cli import breaking, drill_table
from quorate.cli.progress import progress
from quorate.cli.site import DEFAULT_FILE, ClusterFile, Format, Output, Site
from quorate.cluster.findings import suggestion
from quorate.drill import campaign, report, runner
from quorate.drill.campaign import Held
from quorate.drill.faults import FAULTS, POWER_LOSS, Fault
from quorate.drill.fencing import PowerRequest
from quorate.drill.order import REPAIR_LIMIT, Drill
from quorate.drill.probed import PROBES
from quorate.drill.report import drawing
from quorate.drill.verdict import Verdict
from quorate.errors import InputError, Refused
from quorate.hosts import Hosts
from quorate.lab import Lab
from quorate.progress import Silent


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(drill)


def drill(
    fault: Annotated[str, typer.Argument(help="See `--list`.", metavar="[FAULT]", show_default=False)] = "",
    on: Annotated[
        str,
        typer.Option(
            "--on",
            help="active:SERVICE, standby:SERVICE, NODE, NODE:SERVICE, NODE:UNIT, dc, one, minority, half, majority, "
            "all, or PART.",
            show_default=False,
        ),
    ] = "",
    file: ClusterFile = DEFAULT_FILE,
    output: Output = Format.TEXT,
    count: Annotated[int, typer.Option("--count", min=1, help="How many drills in a row.")] = 1,
    probe: Annotated[str, typer.Option("--probe", help="SERVICE,... to probe.", show_default="all")] = "",
    rate: Annotated[str, typer.Option("--rate", help="Operations a second: SERVICE=RATE,... or RATE for all.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Don't switch over to ask and compare the replicas.")] = False,
    patience: Annotated[
        float, typer.Option("--patience", min=1, help="Seconds in which the cluster should be ready again.")
    ] = REPAIR_LIMIT,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write the table to this file, too.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Hold every fault that fits the site.")] = False,
    on_production: Annotated[
        str,
        typer.Option(
            "--on-production",
            metavar="CLUSTER",
            help="Without a lab: the cluster's name, typed out.",
            show_default=False,
        ),
    ] = "",
    listing: Annotated[bool, typer.Option("--list", help="Print all faults; nothing is held.")] = False,
) -> None:
    """Break something while clients write, and judge what they saw; exit status 0 only if all objectives were kept."""
    if listing:
        drill_table.show_faults(Console(), output)
        raise typer.Exit(0)
    if everything == bool(fault) or bool(fault) != bool(on):
        raise InputError("name a FAULT and what it is done `--on`, or `--all`", todo="`quorate drill --list` has them")
    if fault and fault not in FAULTS:
        raise InputError(
            f"there is no fault `{fault}`", todo=suggestion(fault, FAULTS) or "`quorate drill --list` has them"
        )
    options = Options(_names(probe), rate, thorough=not quick, patience=patience)
    site = Site.open(file)
    if not site.lab.exists() and on_production != site.cluster.name:
        raise Refused(
            f"{site.cluster.name} has no lab, so this would break a real cluster",
            where=str(file),
            todo=f"`quorate lab up` makes its twin; if it shall be the real one: --on-production {site.cluster.name}",
        )
    site.enter()
    if everything:
        held = hold_all(site, options=options, output=output)
        verdicts: Sequence[Verdict] = [each.verdict for each in held if each.verdict]
        kept = all(each.verdict and each.verdict.kept for each in held)
    else:
        verdicts = hold(site, fault, on, count=count, options=options, output=output)
        kept = all(verdict.kept for verdict in verdicts)
    if output is Format.JSON:
        reports = [report.as_json(verdict) for verdict in verdicts]
        print(json.dumps(reports if count > 1 or everything else reports[0], indent=2))
    if markdown:
        markdown.write_text(report.markdown(verdicts))
    raise typer.Exit(0 if kept else 1)


@dataclass(frozen=True)
class Options:
    """How a drill is held."""

    probe: tuple[str, ...] = ()
    rate: str = ""
    """As it was typed."""
    thorough: bool = True
    patience: float = REPAIR_LIMIT


def hold(
    site: Site,
    fault: str,
    on: str,
    *,
    count: int = 1,
    options: Options = Options(),
    output: Format = Format.TEXT,
) -> Sequence[Verdict]:
    """Holds drills one after another and shows each verdict as it comes. Raises QuorateError."""
    quiet = output is Format.JSON
    console = Console(quiet=quiet)

    async def all_of_them() -> list[Verdict]:
        verdicts: list[Verdict] = []
        async with site.hosts() as hosts:
            ordered = _order(site, hosts, FAULTS[fault], on, options)
            async for verdict in runner.series(ordered, count, Silent() if quiet else progress()):
                report.show(verdict, console)
                verdicts.append(verdict)
        return verdicts

    verdicts = asyncio.run(all_of_them())
    _draw(site, console)
    if count > 1:
        report.show_series(verdicts, console)
    return verdicts


def hold_all(site: Site, *, options: Options = Options(), output: Format = Format.TEXT) -> Sequence[Held]:
    """Holds every fault that fits the site, one after another, and shows a matrix at the end. Raises QuorateError."""
    quiet = output is Format.JSON
    console = Console(quiet=quiet)

    async def all_of_them() -> list[Held]:
        held: list[Held] = []
        async with site.hosts() as hosts:
            first = _order(site, hosts, POWER_LOSS, "one", options)
            programme = campaign.programme(FAULTS.values(), first)
            async for each in campaign.hold(first, programme, Silent() if quiet else progress()):
                if each.verdict:
                    report.show(each.verdict, console)
                else:
                    console.print(f"{each.fault} on {each.on}: {each.why}", markup=False, soft_wrap=True)
                held.append(each)
        return held

    held = asyncio.run(all_of_them())
    drill_table.show_matrix(held, console)
    _draw(site, console)
    return held


def _order(site: Site, hosts: Hosts, fault: Fault, on: str, options: Options) -> Drill:
    return Drill(
        fault=fault,
        on=on,
        cluster=site.cluster,
        design=site.design,
        hosts=hosts,
        tools=breaking.tools(site, hosts),
        bmcs=_BmcLogs(site.lab),
        reports=site.folder / "drills",
        secret=lambda name: site.secrets.read(name).decode(),
        authority=site.folder / "tls/ca.pem",
        probe=options.probe,
        rates=_rates(options.rate, options.probe or [name for name in site.design.services if name in PROBES]),
        thorough=options.thorough,
        patience=options.patience,
    )


def _draw(site: Site, console: Console) -> None:
    """The page of all drills of this cluster, and JUnit XML."""
    drills = site.folder / "drills"
    drawing.draw([drills], drills / drawing.PAGE, drills / drawing.JUNIT)
    console.print(f"All drills of this cluster on one page: {drills / drawing.PAGE}", markup=False, soft_wrap=True)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _rates(text: str, services: Sequence[str]) -> dict[str, float]:
    """What `--rate` says: by service, or one for all. Raises InputError."""
    rates: dict[str, float] = {}
    for word in _names(text):
        service, equals, number = word.rpartition("=")
        try:
            rate = float(number)
        except ValueError:
            rate = 0.0
        if not 0.1 <= rate <= 2000:
            raise InputError(f"`{number}` is no rate", where=f"--rate {text}", todo="0.1 to 2000 operations a second")
        rates |= {service: rate} if equals else dict.fromkeys(services, rate)
    return rates


class _BmcLogs:
    """What the lab's BMCs wrote down."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def requests(self, node: str) -> Sequence[PowerRequest]:
        return [PowerRequest(**request) for request in self._lab.bmc_log(node)]
