"""The faults that there are, and a matrix of drills that were held, for people."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from quorate.cli.site import Format
from quorate.drill.faults import FAMILIES, Fault
from quorate.drill.judgement.verdict import Verdict
from quorate.drill.sequences.campaign import Held
from quorate.drill.sequences.sequencing import summary


def show_faults(console: Console, output: Format) -> None:
    """All faults, family by family."""
    if output is Format.JSON:
        print(json.dumps([_row(family, fault) for family, faults in FAMILIES.items() for fault in faults], indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Fault", "What is done", "Held", "Fenced"):
        table.add_column(heading, no_wrap=heading != "What is done")
    for family, faults in FAMILIES.items():
        table.add_row(f"[bold]{family}[/bold]")
        for fault in faults:
            row = _row(family, fault)
            done = escape(str(row["done"]))
            table.add_row(f"  {fault.name}", done, str(row["held"]), fault.fencing)
    console.print(table)


def _row(family: str, fault: Fault) -> dict[str, object]:
    return {
        "fault": fault.name,
        "family": family,
        "done": fault.telling.format(target="TARGET", service="SERVICE"),
        "needs": fault.needs,
        "held": "anywhere" if fault.safe else "in a lab",
        "fenced": fault.fencing,
        "promised": fault.promised,
        "usual": fault.usual,
    }


def show_matrix(held: Sequence[Held], console: Console) -> None:
    """Faults by services: the downtime of each, and whether the drill was kept."""
    parts = [part for each in held if each.verdict for part in each.verdict.services.values()]
    services = list(dict.fromkeys(part.service for part in parts if part.writes))  # addresses are in the report
    table = Table("Fault", "On", *services, "Lost", "Verdict", box=None)
    for each in held:
        table.add_row(each.fault, escape(each.on), *_cells(each.verdict, services), _judged(each))
    console.print(table)
    kept = sum(each.verdict is not None and each.verdict.kept for each in held)
    console.print(f"{kept} of {len(held)} kept", markup=False, highlight=False)


def show_summary(held: Sequence[Held], seconds: float, console: Console) -> None:
    """What a sequence comes to, in a few lines."""
    found = summary(held)
    counts = ", ".join(f"{count} {result}" for result, count in found.results.items())
    lines = [
        f"{len(held)} {'drill' if len(held) == 1 else 'drills'} in {seconds / 60:.0f} min: {counts or 'none was held'}"
    ]
    asked = f"; {found.unasked} drills could not ask all services" if found.unasked else ""
    lines.append(f"{found.lost} acknowledged operations lost{asked}")
    lines += [f"worst for {name}: {seconds:.1f} s, {drill}" for name, (seconds, drill) in found.worst.items()]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _cells(verdict: Verdict | None, services: Sequence[str]) -> list[str]:
    if verdict is None:
        return ["-"] * (len(services) + 1)
    cells = []
    for name in services:
        part = verdict.services.get(name)
        outage = part.clients.outage if part else None
        cells.append(f"{outage.downtime:.1f} s" if outage else "-")
    return [*cells, "?" if verdict.lost is None else str(verdict.lost)]


def _judged(held: Held) -> str:
    if held.verdict is None:
        return f"[yellow]not held[/yellow]: {escape(held.why)}"
    return "[green]kept[/green]" if held.verdict.kept else f"[red]broken[/red]: {escape(held.verdict.broken[0])}"
