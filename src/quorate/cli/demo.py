"""`quorate demo`: from nothing to a measured failover, in one command."""

import sys
import time
from typing import Annotated

import typer
from rich.console import Console

from quorate.cli import converge, drill, lab
from quorate.cli.site import DEFAULT_FILE, ClusterFile, Site

FAULT, TARGET = "power-loss", "active:database"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(demo)


def demo(
    file: ClusterFile = DEFAULT_FILE,
    began: Annotated[float | None, typer.Option("--began", help="When it all began, in seconds since 1970.")] = None,
) -> None:
    """Start the lab, make its services highly available, cut the database node's power, and say what clients saw."""
    began = began or time.time()
    site = Site.open(file)
    lab.bring_up(site)
    site.enter()
    converge.converge(site)
    verdicts = drill.hold(site, FAULT, TARGET)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\nFrom nothing to this line: {time.time() - began:.0f} s. The lab runs on; try next:")
    quorate = sys.argv[0]
    of_file = "" if file == DEFAULT_FILE else f" --file {file}"
    console.print(f"  {quorate} status{of_file}    what runs where, right now")
    console.print(f"  {quorate} drill {FAULT} --on {TARGET} --count 2{of_file}    again, each node once")
    console.print(f"  {quorate} lab down{of_file}    remove every trace of the lab")
    raise typer.Exit(0 if all(verdict.kept for verdict in verdicts) else 1)
