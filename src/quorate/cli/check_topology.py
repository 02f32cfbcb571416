"""What the topology says, for a person who has to act, and for programs."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from quorate.proof.downtime import LEFT_OUT, Share
from quorate.proof.fixes import Fix
from quorate.proof.topology import Consequence, Study, minutes

_MOST_PAIRS, _MOST_FIXES = 5, 6


def show(found: Study, fixes: Sequence[Fix]) -> None:
    """Downtime, pairs, fixes, and what isn't modelled."""
    console = Console(highlight=False, soft_wrap=True)
    _downtime(console, found)
    _pairs(console, found)
    if fixes:
        console.print("\n[bold]What would help most for its price[/bold], each tried on the graph")
        table = Table("saved a year", "price", "fix", box=None)
        for fix in fixes[:_MOST_FIXES]:
            solved = f"; {len(fix.solves)} of the findings gone" if fix.solves else ""
            table.add_row(minutes(fix.minutes), f"{fix.cost:g}", escape(fix.what + solved))
        console.print(table)
        console.print("[dim]  saved: of all services together; price: 1 is a cable[/dim]")
    console.print("\n[bold]Not modelled[/bold]")
    for sentence in (*found.tree.left_out, *LEFT_OUT):
        console.print(f"  {escape(sentence)}")


def _downtime(console: Console, found: Study) -> None:
    console.print("\n[bold]Downtime in an average year[/bold]")
    table = Table("service", "in all", "takeovers", "most of the rest comes from", box=None)
    for name, figures in found.downtime.items():
        takeovers = f"{figures.takeovers_a_year:.2f} of {figures.takeover.seconds:.3g} s"
        most = f"{minutes(figures.shares[0].minutes)}: {_share(figures.shares[0])}" if figures.shares else "-"
        table.add_row(escape(name), minutes(figures.minutes), takeovers, escape(most))
    console.print(table)
    sources = dict.fromkeys(figures.takeover.source for figures in found.downtime.values())
    defaulted = {part for figures in found.downtime.values() for part in figures.defaulted}
    console.print(f"[dim]  takeovers: {escape('; '.join(sources))}[/dim]")
    if defaulted:
        console.print(f"[dim]  {len(defaulted)} parts have default figures: rules of thumb, for ranking only[/dim]")


def _pairs(console: Console, found: Study) -> None:
    by_design = {share.parts for shares in found.by_design.values() for share in shares}
    worst: dict[tuple[tuple[str, ...], ...], Share] = {}
    for shares in found.shared.values():
        for share in shares:
            if share.parts not in worst or worst[share.parts].minutes < share.minutes:
                worst[share.parts] = share
    console.print(f"\n[bold]Two failures at once[/bold]: {len(by_design)} pairs at two nodes, by design")
    if worst:
        console.print(f"  {len(worst)} others take a service down, those most likely first:")
    for share in sorted(worst.values(), key=lambda share: -share.minutes)[:_MOST_PAIRS]:
        console.print(f"  {minutes(share.minutes):>10} a year: {escape(_share(share))}")


def _share(share: Share) -> str:
    return " with ".join(
        parts[0] if len(parts) == 1 else f"one of {', '.join(parts[:4])}{' ...' if len(parts) > 4 else ''}"
        for parts in share.parts
    )


def consequences(failed: Sequence[str], found: Sequence[Consequence]) -> str:
    """What the failure of some parts leads to, as text."""
    lines = [f"If {' and '.join(failed)} fail{'s' if len(failed) == 1 else ''}:"]
    for each in found:
        lines.append(f"  {each.service}: {each.verdict}: {each.what}")
        lines += [f"      {line}" for line in each.why]
    return "\n".join(lines)


def as_data(found: Study, fixes: Sequence[Fix]) -> dict[str, Any]:
    """For programs."""
    return {
        "downtime": {
            name: {
                "minutes_a_year": round(figures.minutes, 4),
                "outages": round(figures.outages, 4),
                "takeovers": round(figures.takeovers, 4),
                "takeovers_a_year": round(figures.takeovers_a_year, 4),
                "takeover": {"seconds": figures.takeover.seconds, "source": figures.takeover.source},
                "defaulted": figures.defaulted,
                "single_parts": [part for share in figures.shares if len(share.parts) == 1 for part in share.parts[0]],
                "pairs_by_design": [share.parts for share in found.by_design[name]],
                "other_pairs": [share.parts for share in found.shared[name]],
            }
            for name, figures in found.downtime.items()
        },
        "fixes": [
            {"what": fix.what, "price": fix.cost, "minutes_a_year": round(fix.minutes, 4), "solves": fix.solves}
            for fix in fixes
        ],
        "not_modelled": [*found.tree.left_out, *LEFT_OUT],
    }
