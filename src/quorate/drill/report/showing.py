"""A verdict for people: tables and a timeline on a terminal, plain lines elsewhere."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table

from quorate.drill.audit.phases import Phase
from quorate.drill.judgement.course import Followed
from quorate.drill.judgement.verdict import Served, Verdict

MOST_TURNS = 6
"""Of the machines that had an address, those that are told."""
BAR = 40
"""The timeline's width in characters."""


def show(verdict: Verdict, console: Console) -> None:
    """Prints a verdict: tables and a timeline on a terminal, plain lines elsewhere."""
    if console.is_terminal:
        table = _table([verdict])
        console.print(Group("", _title(verdict), table, "After the fault:", _timeline(verdict), ""))
    else:
        console.print(_title(verdict), markup=False, soft_wrap=True)
        for part in verdict.services.values():
            cells = zip(_HEADINGS[1:], _row(verdict, part)[1:], strict=True)
            console.print("; ".join(f"{heading}: {cell}" for heading, cell in cells), markup=False, soft_wrap=True)
        for name, seconds, evidence in _moments(verdict):
            console.print(f"  {_seconds(seconds)}  {name}  {evidence}".rstrip(), markup=False, soft_wrap=True)
    for line in _remarks(verdict):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def show_series(verdicts: Sequence[Verdict], console: Console) -> None:
    """Prints many drills as one table, and how many were kept."""
    console.print(_table(verdicts))
    console.print(_count(verdicts), markup=False, highlight=False)


_HEADINGS = ["fault", "service", "downtime", "acknowledged", "lost", "unknown", "refused", "objective", "verdict"]


def _row(verdict: Verdict, part: Served) -> list[str]:
    outcomes, outage, promise = part.clients.outcomes, part.clients.outage, part.promise
    if outage is None:
        downtime = "not measured"
    elif outage.gap.end is None:
        downtime = f"at least {outage.downtime:.2f} s"
    else:
        downtime = f"{outage.downtime:.2f} ± {outage.precision:.2f} s"
    allowed = "any time" if promise.downtime is None else f"{promise.downtime:g} s"
    moved = part.before if part.after == part.before else f"{part.before} → {part.after or 'nowhere'}"
    return [
        f"{verdict.fault} on {_aim(verdict)}",
        f"{part.service}: {moved}",
        downtime,
        str(outcomes["acknowledged"]),
        ("not looked for" if part.holding.lost is None else str(part.holding.lost)) if part.writes else "-",
        str(outcomes["unknown"]),
        str(outcomes["refused"]),
        f"{allowed}, {promise.lost_writes} lost" if part.writes else "-",
        "broken" if part.broken(verdict.thorough) else "kept",
    ]


def _aim(verdict: Verdict) -> str:
    nodes = " and ".join(verdict.prediction.forecast.parts if verdict.prediction else verdict.nodes)
    of_service = verdict.fault != "power-loss" and verdict.target
    return f"{verdict.target} on {nodes}" if of_service else nodes


def _title(verdict: Verdict) -> str:
    return f"{verdict.fault} on {_aim(verdict)}: {'kept' if verdict.kept else 'broken'}"


def _table(verdicts: Sequence[Verdict]) -> Table:

    table = Table(*_HEADINGS, box=box.SIMPLE_HEAD)
    for verdict in verdicts:
        for number, part in enumerate(verdict.services.values()):
            fault, *cells, last = _row(verdict, part)
            colour = "green" if last == "kept" else "red"
            table.add_row("" if number else escape(fault), *map(escape, cells), f"[bold {colour}]{last}[/]")
    return table


def _moments(verdict: Verdict) -> list[tuple[str, float | None, str]]:
    """The recovery's phases in the order in which they came, those not seen last, and the first answered operations.

    A service that stayed where it was has no takeover: of its phases only those that were seen are told.
    """
    several = len(verdict.services) > 1
    full_stop = verdict.may_fence and not verdict.fences  # then nobody need notice it, or fence anybody
    moments = [_moment(p, "") for p in verdict.audit.phases if p.seconds is not None or not full_stop]
    for name, part in verdict.services.items():
        prefix = f"{name}: " if several else ""
        moments += [_moment(p, prefix) for p in part.phases if part.after != part.before or p.seconds is not None]
        outage = part.clients.outage
        if outage and outage.gap.start > verdict.injected + 1:  # the service stood the fault, and stumbled later
            moments.append((f"{prefix}the last answer for a while", outage.gap.start - verdict.injected, ""))
        if outage and outage.gap.end:
            moments.append((f"{prefix}a client is answered", outage.gap.end - verdict.injected, ""))
    return sorted(moments, key=lambda moment: float("inf") if moment[1] is None else moment[1])


def _moment(phase: Phase, prefix: str) -> tuple[str, float | None, str]:
    return f"{prefix}{phase.name}", phase.seconds, f"{phase.node}: {phase.evidence}" if phase.node else "not seen"


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
    audit = verdict.audit
    for node, requests in audit.fenced.items():
        actions = ", ".join(f"{r.action} from {r.client} after {r.time - verdict.injected:.2f} s" for r in requests)
        yield f"{node} was fenced through its BMC: {actions}."
    for part in verdict.services.values():
        yield from _of_service(part)
    for volume, reigns in audit.reigns.items():
        turns = ", ".join(f"{r.node} from {max(0.0, r.start - verdict.injected):.2f} s" for r in reigns)
        twice = sum(overlap.volume == volume for overlap in audit.overlaps)
        yield f"Primary of {volume}, by the nodes' journals: {turns}; {twice} times two at once."
    for crash in audit.crashes:
        by_fault = ", as the fault has it" if crash.expected else ""
        after = crash.time - verdict.injected
        yield f"{crash.kind} on {crash.node} after {after:.2f} s{by_fault} ({crash.lines} lines): {crash.evidence}"
    for address, holders in audit.holders.items():
        turns = ", ".join(f"{h.mac} until {max(0.0, h.end - verdict.injected):.2f} s" for h in holders[:MOST_TURNS])
        turns += f" and {len(holders) - MOST_TURNS} turns more" if len(holders) > MOST_TURNS else ""
        contests = sum(contest.address == address for contest in audit.contests)
        yield f"Who answered for {address}, by ARP: {turns or 'nobody'}; {contests} times two at once."
    for address, why in audit.unasked.items():
        yield f"Nobody was asked who has {address}: {why}."
    if verdict.prediction:
        as_it_was = "it was not so" if verdict.prediction.differences else "as predicted"
        yield f"Predicted beforehand: {'; '.join(verdict.prediction.forecast.sentences())}: {as_it_was}."
    if verdict.course:
        yield from _of_course(verdict.course)
    for failure in audit.failures:
        yield f"An action failed meanwhile: {failure}. The drill cleaned this history up."
    if verdict.time_to_ready is not None:
        since = "the fault" if verdict.healed_after is None else f"it was healed ({verdict.healed_after:.1f} s)"
        yield f"Everything was where the design wants it {verdict.time_to_ready:.1f} s after {since}, at the latest."
    if not verdict.thorough:
        yield "Nothing was switched over: the other replica was neither asked nor compared."
    yield from (f"Broken: {sentence}." for sentence in verdict.broken)
    yield f"The whole drill took {verdict.seconds:.0f} s; its record is in {verdict.folder}"


def _of_course(followed: Followed) -> Iterable[str]:
    """What the scheduler predicted, with the moments at which it was through."""
    timed = zip(followed.steps, followed.seconds, strict=True)
    told = [f"{step} ({'not seen' if at is None else f'{at:.1f} s'})" for step, at in timed]
    yield f"Predicted by Pacemaker's scheduler, and seen: {', '.join(told) or 'nothing'}."
    for service, takes in followed.takes.items():
        seen = followed.downtimes.get(service)
        yield (
            f"Predicted for {service}: {takes.expected:.1f} s without answers, {takes.longest:.0f} s at most"
            f"{'' if seen is None else f'; seen: {seen:.1f} s at least'}."
        )


def _of_service(part: Served) -> Iterable[str]:
    clients, name = part.clients, part.service
    latencies = (
        ("before", clients.latency_before),
        ("during the outage", clients.latency_during),
        ("after", clients.latency_after),
    )
    told = [f"{x} p50 {y.p50 * 1000:.1f} ms, p99 {y.p99 * 1000:.1f} ms" for x, y in latencies if y]
    if told:
        yield f"Latency of {name}: {'; '.join(told)}."
    if clients.outage and clients.outage.others:
        gaps = ", ".join(f"{gap.seconds:.2f} s" for gap in clients.outage.others)
        yield f"Further gaps between answers of {name}: {gaps}."
    if clients.probe_lag > 0.1:
        yield (
            f"The probe of {name} itself was up to {clients.probe_lag:.2f} s behind its schedule; "
            "this machine was too busy."
        )
    for node, ledger in part.holding.ledgers.items():
        yield (
            f"Found of {name} with {node}: {ledger.acknowledged - len(ledger.lost)} of {ledger.acknowledged} "
            f"acknowledged {part.what}, "
            f"and {ledger.unknown_found} of {ledger.unknown_found + ledger.unknown_missing} unknown ones."
        )
        if twice := len(ledger.duplicated):
            yield f"There twice or more: {twice} {part.what} of {name} with {node}."
        if late := len(ledger.disordered):
            yield f"Out of order: {late} {part.what} of {name} with {node}."
        if again := ledger.redelivered:
            yield f"Delivered again, which is allowed: {again} {part.what} of {name} with {node}."
    if verify := part.holding.verify:
        yield f"Both replicas of {name} compared in {verify.seconds:.1f} s: {verify.out_of_sync} KiB differ."


def _count(verdicts: Sequence[Verdict]) -> str:
    return f"{sum(verdict.kept for verdict in verdicts)} of {len(verdicts)} kept."
