"""`quorate drill`: break something under load, and judge what clients saw."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from quorate.cli import drill_sequences, drill_table, ordering
from quorate.cli.ending import end_like_ctrl_c
from quorate.cli.ordering import DEFAULTS, Options
from quorate.cli.progress import progress
from quorate.cli.site import DEFAULT_FILE, ClusterFile, Format, Output, Site
from quorate.cluster.findings import suggestion
from quorate.drill import report, runner
from quorate.drill.faults import FAULTS
from quorate.drill.judgement.verdict import Verdict
from quorate.drill.order import REPAIR_LIMIT
from quorate.drill.sequences import campaign
from quorate.drill.sequences.campaign import Held
from quorate.errors import InputError, Refused
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
    everything: Annotated[bool, typer.Option("--all", help="Hold every fault that fits the site.")] = False,
    chance: Annotated[
        bool, typer.Option("--random", help="Hold faults drawn by chance, one after another, until one fails.")
    ] = False,
    span: Annotated[str, typer.Option("--for", help="How long to begin new ones with --random: 30m, 2h.")] = "30m",
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Draw the same ones again.", show_default="by chance")
    ] = None,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="With --random: go on after a failed one.")] = False,
    replay: Annotated[
        Path | None, typer.Option("--replay", metavar="FOLDER", help="Hold a drill or a sequence again.")
    ] = None,
    shrink: Annotated[
        bool, typer.Option("--shrink", help="With --replay: find the shortest part of the sequence that fails.")
    ] = False,
    guarded: Annotated[
        bool, typer.Option("--guard", help="In a lab, too: stop at a second failure. A real cluster always does.")
    ] = False,
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
    if [bool(fault), everything, chance, replay is not None].count(True) != 1 or bool(fault) != bool(on):
        raise InputError(
            "name a FAULT and what it is done `--on`, or one of `--all`, `--random` and `--replay`",
            todo="`quorate drill --list` has the faults",
        )
    if shrink and not replay:
        raise InputError("`--shrink` needs a sequence that failed", todo="name its folder: `--replay FOLDER --shrink`")
    seconds = drill_sequences.seconds(span)
    past = drill_sequences.read(replay) if replay else None
    if fault and fault not in FAULTS:
        raise InputError(
            f"there is no fault `{fault}`", todo=suggestion(fault, FAULTS) or "`quorate drill --list` has them"
        )
    options = Options(ordering.names(probe), rate, thorough=not quick, patience=patience, guarded=guarded)
    site = Site.open(file)
    if not site.lab.exists() and on_production != site.cluster.name:
        raise Refused(
            f"{site.cluster.name} has no lab, so this would break a real cluster",
            where=str(file),
            todo=f"`quorate lab up` makes its twin; if it shall be the real one: --on-production {site.cluster.name}",
        )
    site.enter()
    end_like_ctrl_c()
    if past:
        kept = drill_sequences.hold_again(site, past, options, output, shrink=shrink)
        raise typer.Exit(0 if kept else 1)
    if chance:
        held = drill_sequences.hold_random(site, options, output, seconds=seconds, seed=seed, keep_going=keep_going)
        kept = not any(each.failed for each in held)
    elif everything:
        held = hold_all(site, options=options, output=output)
        kept = all(each.verdict and each.verdict.kept for each in held)
    else:
        verdicts = hold(site, fault, on, count=count, options=options, output=output)
        kept = all(verdict.kept for verdict in verdicts)
    if not fault:
        verdicts = [each.verdict for each in held if each.verdict]
    if output is Format.JSON and not chance:
        reports = [report.as_json(verdict) for verdict in verdicts]
        print(json.dumps(reports if count > 1 or everything else reports[0], indent=2))
    raise typer.Exit(0 if kept else 1)


def hold(
    site: Site,
    fault: str,
    on: str,
    *,
    count: int = 1,
    options: Options = DEFAULTS,
    output: Format = Format.TEXT,
) -> Sequence[Verdict]:
    """Holds drills one after another and shows each verdict as it comes. Raises QuorateError."""
    quiet = output is Format.JSON
    console = Console(quiet=quiet)

    async def all_of_them() -> list[Verdict]:
        verdicts: list[Verdict] = []
        async with ordering.ordered(site, options, FAULTS[fault], on) as ordered:
            async for verdict in runner.series(ordered, count, Silent() if quiet else progress()):
                report.show(verdict, console)
                verdicts.append(verdict)
        return verdicts

    verdicts = asyncio.run(all_of_them())
    ordering.draw(site, console)
    if count > 1:
        report.show_series(verdicts, console)
    return verdicts


def hold_all(site: Site, *, options: Options = DEFAULTS, output: Format = Format.TEXT) -> Sequence[Held]:
    """Holds every fault that fits the site, one after another, and shows a matrix at the end. Raises QuorateError."""
    quiet = output is Format.JSON
    console = Console(quiet=quiet)

    async def all_of_them() -> list[Held]:
        held: list[Held] = []
        async with ordering.ordered(site, options) as first:
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
    ordering.draw(site, console)
    return held
