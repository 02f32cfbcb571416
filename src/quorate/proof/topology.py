"""What in a topology can take a service down, and what the failure of given parts would do. Pure.

A weakness is one part that alone takes a service down for as long as it is broken; parts that do it in the same way are
one weakness. That two parts at once can do it is in every design; those pairs are sorted: by design (two nodes, each
by something of its own), or shared (a switch and a feed, say), which a person may not expect.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from quorate.cluster import units
from quorate.cluster.facility import Kind, Waiver
from quorate.cluster.findings import Path, Problem, Severity, quoted, suggestion
from quorate.cluster.model import Cluster
from quorate.design.model import Design
from quorate.errors import InputError
from quorate.proof import downtime
from quorate.proof.cutsets import CutSets, Gate, cut_sets
from quorate.proof.downtime import Downtime, Share, Takeover
from quorate.proof.evidence import Spot
from quorate.proof.faulttree import build
from quorate.proof.lint.run import Finding
from quorate.proof.topology_rules import RULES
from quorate.proof.tree import Tree
from quorate.proof.why import Why, causes, explain


@dataclass(frozen=True)
class Weakness:
    """One cause, with everything that it takes down."""

    code: str
    severity: Severity
    parts: tuple[str, ...]
    """Any one of them does it; the first is the one that is shown."""
    services: tuple[str, ...]
    why: tuple[str, ...]
    """One failing path, in lines."""
    minutes: float
    """That it adds to a year of all services together."""
    problem: Problem
    """The same as a finding of the cluster file."""
    waiver: Waiver | None = None
    """That covers it; one that has run out doesn't."""


@dataclass(frozen=True)
class Study:
    """Everything that the graph says about a design."""

    tree: Tree
    cuts: CutSets
    weaknesses: tuple[Weakness, ...]
    downtime: Mapping[str, Downtime]
    by_design: Mapping[str, tuple[Share, ...]]
    """By service: pairs that lie at two different nodes, each of them in something of its own."""
    shared: Mapping[str, tuple[Share, ...]]
    """By service: all other pairs."""

    @property
    def counted(self) -> list[Weakness]:
        """The weaknesses that aren't waived."""
        return [weakness for weakness in self.weaknesses if weakness.waiver is None]


def study(
    cluster: Cluster, design: Design, *, takeovers: Mapping[str, Takeover] | None = None, today: date = date.min
) -> Study:
    """Works out everything. `takeovers` are those that were measured; on `today` it is decided which waivers hold."""
    tree = build(design, cluster)
    rings = {node: f"rings {node}" for node in tree.members}
    cuts = cut_sets(tree.gates, [*tree.services, *tree.members.values(), *tree.left.values(), *rings.values()], 2)
    known = downtime.work_out(tree, cuts, _takeovers(cluster, takeovers or {}))
    waivers = [waiver for waiver in cluster.waivers if today <= waiver.until]
    found = [*_single(tree, cuts, waivers), *_rings(tree, cuts, waivers), *_promises(cluster, known, waivers)]
    pairs = {
        name: [share for share in figures.shares if len(share.parts) == 2 and share.minutes > 0]
        for name, figures in known.items()
    }
    at_nodes = {name: [share for share in shares if _at_two_nodes(tree, share)] for name, shares in pairs.items()}
    return Study(
        tree=tree,
        cuts=cuts,
        weaknesses=tuple(found),
        downtime=known,
        by_design={name: tuple(shares) for name, shares in at_nodes.items()},
        shared={
            name: tuple(share for share in shares if share not in at_nodes[name]) for name, shares in pairs.items()
        },
    )


def findings(
    found: Study, source: str, line: Callable[[Path], int], tried: Mapping[str, str] | None = None
) -> list[Finding]:
    """The weaknesses as findings of a check, those included that are waived.

    Args:
        found: the study.
        source: the cluster file's name.
        line: where in it a value or its key stands, from 1.
        tried: by what a weakness says: a change of this site that was seen to help.
    """
    return [
        Finding(
            code=weakness.code,
            severity=weakness.severity,
            subject=RULES[weakness.code].subject,
            where=Spot(source, line(weakness.problem.path), next(iter((*weakness.parts, *weakness.services)))),
            what="\n    ".join([weakness.problem.what, *weakness.why]),
            means=RULES[weakness.code].why,
            todo=(tried or {}).get(weakness.problem.what) or RULES[weakness.code].fix,
        )
        for weakness in found.weaknesses
    ]


def _takeovers(cluster: Cluster, measured: Mapping[str, Takeover]) -> dict[str, Takeover]:
    """What was measured, else the objective."""
    return {
        name: Takeover(objective.downtime.total_seconds(), "not measured: its objective")
        for name, objective in cluster.objectives.items()
    } | dict(measured)


# Single parts


@dataclass
class _Cause:
    """Parts that take down the same services in the same way."""

    code: str
    gate: str
    services: tuple[str, ...]
    waiver: Waiver | None
    parts: dict[str, Why] = field(default_factory=dict)


def _single(tree: Tree, cuts: CutSets, waivers: Sequence[Waiver]) -> list[Weakness]:
    """Every part that alone takes a service down: one weakness for each cause, those first that cost most."""
    hit: dict[str, list[str]] = {}
    for name, top in tree.tops.items():
        for cut in cuts.merged(top):
            for part in cuts.classes[cut[0]] if len(cut) == 1 else ():
                if tree.parts[part].known:
                    hit.setdefault(part, []).append(name)
    found: dict[object, _Cause] = {}
    for part, hurt in hit.items():
        down = tree.failing([part])
        by_cause: dict[str, list[str]] = {}
        for service in hurt:
            cause = min(causes(tree, tree.tops[service], down), key=lambda cause: _rank(tree.codes.get(cause)))
            by_cause.setdefault(cause, []).append(service)
        # A room and a feed may both cost the majority; they are two things if they do it by different nodes.
        nodes = frozenset(node for node, member in tree.members.items() if member in down)
        for cause, services in by_cause.items():
            code = tree.codes.get(cause, "single-part")
            waiver = _waiver(code, part, waivers)
            key = (cause, tuple(services), nodes, waiver and waiver.because)
            of_cause = found.setdefault(key, _Cause(code, cause, tuple(services), waiver))
            of_cause.parts[part] = explain(tree, tree.tops[services[0]], [part], cause)
    return sorted((_weakness(tree, cause) for cause in found.values()), key=lambda weakness: -weakness.minutes)


def _rank(code: str | None) -> int:
    """Of several causes the one to show: what would still be there once the others are put right."""
    order = ("quorum-together", "replicas-together", "no-fencing", "fencing-together", "link-unwatched")
    return order.index(code) if code in order else len(order)


def _weakness(tree: Tree, cause: _Cause) -> Weakness:
    # The part that fails most often is the one to show.
    parts = sorted(cause.parts, key=lambda name: -tree.parts[name].unavailability)
    lines = tuple(cause.parts[parts[0]].lines())
    shown = tree.parts[parts[0]]
    place: Path = shown.place
    if cause.code == "link-unwatched":  # it is the link that needs something, not what broke in it
        _, node, network = cause.gate.split(" ")
        place = ("nodes", node, "links", network)
    share = sum(downtime.gone(tree, tree.tops[cause.services[0]], part) for part in parts)
    any_of = str(shown) if len(parts) == 1 else f"{shown} (or {_listed(parts[1:])})"
    what = f"{any_of} alone takes down {_listed(cause.services)}"
    problem = Problem(
        *(cause.code, place, what, "\n  ".join([RULES[cause.code].why, *lines]), RULES[cause.code].fix), at_key=True
    )
    cost = share * downtime.MINUTES_A_YEAR * len(cause.services)
    return Weakness(cause.code, Severity.ERROR, tuple(parts), cause.services, lines, cost, problem, cause.waiver)


def _rings(tree: Tree, cuts: CutSets, waivers: Sequence[Waiver]) -> list[Weakness]:
    """Parts that take all rings of a node and not the node: a takeover that a second ring was there to avoid."""
    found = []
    for node in tree.members:
        rings = f"rings {node}"
        singles = [part for cut in cuts.merged(rings) if len(cut) == 1 for part in cuts.classes[cut[0]]]
        # What the switch itself hangs on is its own matter; here the question is where cables go.
        kinds = (Kind.CARD, Kind.NIC, Kind.SWITCH)
        parts = [part for part in singles if tree.parts[part].kind in kinds]
        if len(tree.gates[rings].children) < 2 or not parts:
            continue
        parts.sort(key=lambda name: -tree.parts[name].unavailability)
        lines = tuple(explain(tree, tree.members[node], parts[:1]).lines())
        what = f"all rings of {node} go through {_listed(str(tree.parts[part]) for part in parts)}"
        means = "\n  ".join([RULES["rings-together"].why, *lines])
        problem = Problem(
            *("rings-together", ("nodes", node, "links"), what, means, RULES["rings-together"].fix),
            at_key=True,
            severity=Severity.WARNING,
        )
        waiver = _waiver("rings-together", node, waivers) or _waiver("rings-together", parts[0], waivers)
        found.append(Weakness("rings-together", Severity.WARNING, tuple(parts), (), lines, 0.0, problem, waiver))
    return found


def _promises(cluster: Cluster, known: Mapping[str, Downtime], waivers: Sequence[Waiver]) -> list[Weakness]:
    """Objectives that an average year breaks."""
    found = []
    for name, objective in cluster.objectives.items():
        figures = known[name]
        if objective.per_year is None or figures.minutes * 60 <= objective.per_year.total_seconds():
            continue
        promised = units.write_duration(objective.per_year)
        what = f"{name} is expected to be gone for {minutes(figures.minutes)} a year; {promised} are promised"
        lines = [
            f"{minutes(share.minutes)}: {' with '.join(_listed(parts, 3) for parts in share.parts)}"
            for share in figures.shares[:3]
        ]
        if figures.takeovers:
            lines.append(f"{minutes(figures.takeovers)}: takeovers, {figures.takeovers_a_year:.2f} a year")
        code = "downtime-promise"
        means = "\n  ".join([RULES[code].why, *lines])
        problem = Problem(code, ("objectives", name), what, means, RULES[code].fix, at_key=True)
        waiver = _waiver(code, name, waivers)
        found.append(Weakness(code, Severity.ERROR, (), (name,), tuple(lines), figures.minutes, problem, waiver))
    return found


def _waiver(code: str, name: str, waivers: Sequence[Waiver]) -> Waiver | None:
    return next((waiver for waiver in waivers if waiver.finding == code and name in waiver.where), None)


def minutes(count: float) -> str:
    """Minutes a year, as a person says them."""
    if count >= 600:
        return f"{count / 60:.0f} h"
    return f"{count:.0f} min" if count >= 2 else f"{count * 60:.0f} s" if count * 60 >= 1 else "under 1 s"


def _listed(names: Iterable[str], most: int = 6) -> str:
    names = list(names)
    shown = names[:most]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")


def _at_two_nodes(tree: Tree, share: Share) -> bool:
    """Whether each side of a pair belongs to one node, and the two nodes differ."""
    sides = [{tree.parts[part].node for part in parts} for parts in share.parts]
    return all(len(side) == 1 and None not in side for side in sides) and sides[0] != sides[1]


# What if


@dataclass(frozen=True)
class Consequence:
    """What the failure of some parts does to one service."""

    service: str
    verdict: str
    """`outage`, `takeover`, `less redundancy` or `no impact`."""
    what: str
    why: tuple[str, ...] = ()
    seconds: float | None = None
    """How long clients wait; None: until something is repaired, or not at all."""


def parse_failures(said: str, tree: Tree) -> tuple[str, ...]:
    """The parts of `fail:switch-a,ctl2`. Raises InputError, with a suggestion."""
    names = [name.strip() for name in said.removeprefix("fail:").split(",") if name.strip()]
    if not names:
        raise InputError("no part is named", where="--what-if", todo="for example --what-if fail:sw-n1,ctl2")
    for name in names:
        if name not in tree.parts:
            todo = suggestion(name, tree.parts)
            raise InputError(f"{quoted(name)} is no part that a service hangs on", where="--what-if", todo=todo)
    return tuple(dict.fromkeys(names))


def what_if(found: Study, failed: Sequence[str]) -> list[Consequence]:
    """What happens to each service when these parts fail, one after the other or at once, the worst of it."""
    tree = found.tree
    down = tree.failing(failed)
    left = _without(tree, down)
    _settled(left, down)
    alone = cut_sets(left, [top for top in tree.services if top in left], 1)
    consequences = []
    for name, top in tree.tops.items():
        if top in down:
            consequences.append(_outage(tree, name, failed))
            continue
        before = {part for cut in found.cuts.of(top) if len(cut) == 1 for part in cut}
        now = {part for cut in alone.of(top) for part in cut} if top in left else set()
        more = sorted((now - before - set(failed)), key=lambda part: -tree.parts[part].unavailability)
        takeover = found.downtime[name].takeover
        moved = _moved(tree, name, down)
        if moved:
            what = f"a takeover if {' or '.join(moved)} serves it: about {takeover.seconds:g} s ({takeover.source})"
            what += f"; after it {_listed(more)} can take it down" if more else ""
            consequences.append(Consequence(name, "takeover", what, seconds=takeover.seconds))
        elif more:
            what = f"it goes on, and now {_listed(more)} alone can take it down"
            consequences.append(Consequence(name, "less redundancy", what))
        else:
            consequences.append(Consequence(name, "no impact", "it goes on, and survives the next failure as before"))
    return consequences


def with_serving(found: Study, serving: Collection[str]) -> Study:
    """The same where it is known who serves: no other node, lost as it may be, keeps anything from being started."""
    gates = {}
    for name, gate in found.tree.gates.items():
        kind, _, of = name.partition(" ")
        harmless = kind in ("stuck", "unnoticed") and of.split(" ")[0] not in serving
        gates[name] = Gate(1, ()) if harmless else gate
    return replace(found, tree=replace(found.tree, gates=gates))


def _outage(tree: Tree, name: str, failed: Sequence[str]) -> Consequence:
    """Out until one of the parts is back that is needed for it."""
    why = explain(tree, tree.tops[name], failed)
    parts = list(dict.fromkeys(step.name for step in why.path() if step.name in tree.parts))
    part = min(parts, key=lambda part: tree.parts[part].mttr)
    until = tree.parts[part].mttr
    said = units.write_duration(until - until % timedelta(minutes=1))
    what = f"gone until {part} is back: {said} on average{' (a default)' if tree.parts[part].defaulted else ''}"
    for step in why.path():
        if tree.codes.get(step.name) in ("fencing-together", "no-fencing"):
            node = step.name.removeprefix("stuck ")
            what = f"if {node} serves it, gone until a person confirms that {node} is off, or {part} is back"
    return Consequence(name, "outage", what, tuple(why.lines()))


def _moved(tree: Tree, name: str, down: set[str]) -> list[str]:
    """The lost nodes of which one may have served what the service stands on."""
    groups = {*downtime.stands_on(name)} | ({"front"} if downtime.behind_front(tree, name) else set())
    return [node for node in tree.members if any(tree.left.get((group, node)) in down for group in groups)]


def _without(tree: Tree, down: set[str]) -> dict[str, Gate]:
    """The graph once everything in `down` has failed; gates that have failed themselves are gone from it."""
    left = {}
    for name, gate in tree.gates.items():
        if name not in down:
            children = tuple(child for child in gate.children if child not in down)
            left[name] = Gate(gate.fails_at - (len(gate.children) - len(children)), children)
    return left


def _settled(left: dict[str, Gate], down: set[str]) -> None:
    """What can't happen any more: a node that was fenced needn't be, and of a replica that is gone none gets stale."""
    for name in left:
        kind, _, of = name.partition(" ")
        if kind == "stuck" and f"member {of}" in down:
            left[name] = Gate(1, ())
        if kind == "stale" and any(gone.startswith(f"host {of} ") for gone in down):
            left[name] = Gate(1, ())
