"""What a check found, for a person who has to act, and for programs."""

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape

from quorate import __version__
from quorate.cluster.findings import Severity
from quorate.proof.evidence import Evidence
from quorate.proof.examination import Examined
from quorate.proof.lint.quorum import ignores_quorum
from quorate.proof.lint.reference import TITLES
from quorate.proof.lint.run import Finding
from quorate.proof.scheduler import Action, Effect, Prediction

_QUIET = ("monitor", "cancel", "notify", "clear_failcount")
_MOST_PLACES = 6


def show(examined: Examined) -> None:
    """The whole check on standard output."""
    console = Console(highlight=False, soft_wrap=True, emoji=False)
    evidence = examined.evidence
    nodes = ", ".join(evidence.nodes) or "no nodes known"
    console.print(f"Cluster [bold]{escape(evidence.name or 'without a name')}[/bold]: {escape(nodes)}\n")
    _findings(console, examined.findings)
    _failures(console, examined)
    _times(console, examined)
    _margins(console, examined)
    warnings = len(examined.findings) - examined.errors
    console.print(
        f"\n{_count(examined.errors, 'error')}, {_count(warnings, 'warning')}, {len(examined.waived)} waived."
    )


def _findings(console: Console, findings: Iterable[Finding]) -> None:
    """Grouped by cause: one rule is one cause, with all its places."""
    causes: dict[str, list[Finding]] = {}
    for finding in findings:
        causes.setdefault(finding.code, []).append(finding)
    for code, found in causes.items():
        first = found[0]
        mark = "[red]error[/red]" if first.severity is Severity.ERROR else "[yellow]warning[/yellow]"
        title = TITLES.get(first.subject, first.subject.capitalize())
        console.print(f"{mark} [bold]{escape(code)}[/bold] [dim]({escape(title)})[/dim]")
        for each in found[:_MOST_PLACES]:
            console.print(f"  {escape(each.what)}\n    [dim]{escape(str(each.where))}[/dim]")
        if len(found) > _MOST_PLACES:
            console.print(f"  ... and {len(found) - _MOST_PLACES} more")
        console.print(f"  Why: {escape(first.means)}")
        for todo in dict.fromkeys(each.todo for each in found):
            console.print(f"  Fix: {escape(todo)}")
        console.print(f"  [dim]{first.link}[/dim]\n")


def _failures(console: Console, examined: Examined) -> None:
    if not examined.predictions:
        return
    console.print("[bold]What each failure does[/bold], as Pacemaker's own scheduler says")
    width = max(len(each.failure.name) for each in examined.predictions)
    untouched = []
    for each in examined.predictions:
        if each.worst is Effect.NONE and not each.unnoticed:
            untouched.append(each.failure.name)
            continue
        console.print(f"  {escape(each.failure.name):{width}}  {_effects(each)}")
        console.print(f"  {'':{width}}  [dim]{escape(steps(each))}[/dim]")
    if untouched:
        console.print(f"  No service is touched by the loss of {escape(', '.join(untouched))}.")
    if any(not each.quorate for each in examined.predictions) and not _goes_on(examined.evidence):
        console.print("  [dim]Without quorum everything stops: that is by design, and keeps two halves apart.[/dim]")
    console.print()


def _effects(prediction: Prediction) -> str:
    colours = {Effect.GONE: "red", Effect.INTERRUPTED: "yellow", Effect.REDUNDANCY: "default", Effect.NONE: "default"}
    found = []
    for effect in sorted(set(prediction.effects.values()) - {Effect.NONE}, reverse=True):
        names = ", ".join(name for name, each in prediction.effects.items() if each is effect)
        found.append(f"[{colours[effect]}]{effect}[/]: {escape(names)}")
    return "; ".join(found)


def steps(prediction: Prediction) -> str:
    """What the cluster does, in order, in a line."""
    if prediction.unnoticed:
        return "nothing: nobody would notice"
    if prediction.stuck:
        return f"waits: nothing can fence {', '.join(prediction.stuck)}"
    text = "; ".join(_together(each for each in prediction.actions if each.what not in _QUIET))
    return ("" if prediction.quorate else "no quorum: ") + (text or "nothing")


def _together(actions: Iterable[Action]) -> Iterator[str]:
    """Actions of one kind on one node that follow each other as one phrase."""
    for (what, node), group in itertools.groupby(actions, key=lambda each: (each.what, each.node)):
        names = ", ".join(each.resource for each in group)
        yield f"{what} {names} on {node}" if names else f"{what} {node}"


_FAILURES = {
    "node": "the node that serves it dies",
    "process": "its process dies",
    "link": "the node that serves it loses its link",
}


def _times(console: Console, examined: Examined) -> None:
    for budget in examined.budgets:
        against = "" if budget.objective is None else f", {budget.objective:g} s are promised"
        mark = "" if budget.is_kept else "[red]✗[/red] "
        what = _FAILURES[budget.failure]
        console.print(
            f"{mark}[bold]{escape(budget.service)}[/bold], when {what}: {budget.expected:.1f} s expected{against}"
            f"; {budget.worst:.0f} s if every time-out is used up"
        )
        for part in budget.parts:
            limit = "" if part.limit is None else f"; at most {part.limit:g} s"
            console.print(f"  {part.seconds:6.2f} s  {escape(part.name)} [dim]({escape(part.source)}{limit})[/dim]")
    console.print()


def _margins(console: Console, examined: Examined) -> None:
    """What is waived, what nobody looked at, and what wasn't understood."""
    for finding, waiver in examined.waived:
        what = f"{finding.code}, {finding.what.partition(chr(10))[0]} ({waiver.because})"
        console.print(f"Waived until {waiver.until}: {escape(what)}")
    if examined.unseen:
        console.print("\n[bold]Not looked at[/bold]")
    for codes in dict.fromkeys(examined.unseen.values()):
        alike = [each for each, found in examined.unseen.items() if found == codes]
        more = f", and {len(alike) - 1} more like it" if len(alike) > 1 else ""
        shown = ", ".join(codes[:4]) + (f" and {len(codes) - 4} more" if len(codes) > 4 else "")
        console.print(f"  {escape(alike[0])}{more} [dim]({escape(shown)})[/dim]")
    for note in examined.notes:
        console.print(f"[dim]Note: {escape(note)}.[/dim]")


def consequence(prediction: Prediction, evidence: Evidence) -> str:
    """What one failure leads to, as text."""
    lines = [f"If {prediction.failure.name} fails: {_worst(prediction)}"]
    for name, effect in prediction.effects.items():
        lines.append(f"  {name}: {effect}")
    if not prediction.quorate:
        left = [name for name in evidence.nodes if name not in prediction.failure.nodes]
        what = "they go on (no-quorum-policy=ignore)" if _goes_on(evidence) else "everything stops, by design"
        lines.append(f"  {', '.join(left) or 'nobody'} is left, without quorum: {what}.")
    lines += [f"  Nothing can fence {name}: Pacemaker waits for it." for name in prediction.stuck]
    lines += [f"  Nobody would notice that {name} has failed." for name in prediction.unnoticed]
    working = [each for each in prediction.actions if each.what not in _QUIET]
    lines += [f"  {number:3}. {action}" for number, action in enumerate(working, start=1)]
    return "\n".join(lines)


def _goes_on(evidence: Evidence) -> bool:
    """Whether nodes without quorum go on all the same."""
    return evidence.pacemaker is not None and ignores_quorum(evidence.pacemaker)


def _worst(prediction: Prediction) -> str:
    match prediction.worst:
        case Effect.NONE:
            return "no service is touched."
        case Effect.REDUNDANCY:
            return "all services go on, with less redundancy."
        case Effect.INTERRUPTED:
            return "services are interrupted, and come back by themselves."
        case Effect.GONE:
            return "an outage, until it is mended."


def difference(old: Examined, new: Examined) -> str:
    """What is found, or foreseen, in one and not in the other."""
    before = {(each.code, each.what): each for each in old.findings}
    after = {(each.code, each.what): each for each in new.findings}
    lines = [f"+ {_line(after[key])}" for key in after if key not in before]
    lines += [f"- {_line(before[key])}" for key in before if key not in after]
    effects = {each.failure.name: each.effects for each in old.predictions}
    for each in new.predictions:
        for service, effect in each.effects.items():
            was = effects.get(each.failure.name, {}).get(service)
            if was is not None and was is not effect:
                lines.append(f"~ when {each.failure.name} fails, {service} is {effect}, was {was}")
    times = {(each.service, each.failure): each.expected for each in old.budgets}
    for budget in new.budgets:
        expected = times.get((budget.service, budget.failure), budget.expected)
        if abs(expected - budget.expected) >= 0.05:
            what = f"{budget.expected:.1f} s expected, was {expected:.1f} s"
            lines.append(f"~ {budget.service}, loss of a {budget.failure}: {what}")
    return "\n".join(lines) or "No difference in what is found or foreseen."


def _line(finding: Finding) -> str:
    return f"{finding.severity} {finding.code}: {finding.what} ({finding.where})"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def as_json(examined: Examined, topology: dict[str, Any] | None = None) -> str:
    """For programs."""
    return json.dumps(
        {
            "cluster": examined.evidence.name,
            "nodes": examined.evidence.nodes,
            "clean": not examined.findings,
            "findings": [_finding(each) for each in examined.findings],
            "waived": [
                {**_finding(each), "because": waiver.because, "until": str(waiver.until)}
                for each, waiver in examined.waived
            ],
            "failures": [
                {
                    "fails": each.failure.name,
                    "nodes": sorted(each.failure.nodes),
                    "resources": sorted(each.failure.resources),
                    "links": [list(link) for link in sorted(each.failure.links)],
                    "outside": sorted(each.failure.outside),
                    "quorate": each.quorate,
                    "effects": {name: str(effect) for name, effect in each.effects.items()},
                    "unfenceable": each.stuck,
                    "unnoticed": each.unnoticed,
                    "actions": [str(action) for action in each.actions if action.what not in _QUIET],
                }
                for each in examined.predictions
            ],
            "times": [
                {
                    "service": each.service,
                    "failure": each.failure,
                    "expected": round(each.expected, 2),
                    "worst": round(each.worst, 2),
                    "objective": each.objective,
                    "parts": [
                        {"part": part.name, "seconds": part.seconds, "limit": part.limit, "source": part.source}
                        for part in each.parts
                    ],
                }
                for each in examined.budgets
            ],
            "topology": topology,
            "not_looked_at": examined.unseen,
            "notes": examined.notes,
        },
        indent=2,
    )


def _finding(each: Finding) -> dict[str, Any]:
    return {
        "code": each.code,
        "severity": each.severity,
        "subject": each.subject,
        "where": {"source": each.where.source, "line": each.where.line or None, "name": each.where.name},
        "what": each.what,
        "means": each.means,
        "todo": each.todo,
        "link": each.link,
    }


def as_sarif(examined: Examined) -> str:
    """SARIF 2.1.0, which code review tools show beside the lines."""
    rules = {each.code: each for each in examined.findings}
    driver = {
        "name": "quorate",
        "version": __version__,
        "rules": [
            {
                "id": code,
                "shortDescription": {"text": code},
                "fullDescription": {"text": each.means},
                "help": {"text": each.todo},
            }
            for code, each in rules.items()
        ],
    }
    results = [
        {
            "ruleId": each.code,
            "level": "error" if each.severity is Severity.ERROR else "warning",
            "message": {"text": each.what},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": each.where.source.replace(" ", "%20")},
                        "region": {"startLine": max(each.where.line, 1)},
                    },
                    "logicalLocations": [{"name": each.where.name or each.where.source}],
                }
            ],
        }
        for each in examined.findings
    ]
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps(
        {"$schema": schema, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    )
