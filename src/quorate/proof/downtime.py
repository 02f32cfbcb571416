"""Downtime a year: what every cut set and every takeover adds, from the parts' figures.

A part is gone for `mttr / (mtbf + mttr)` of the time, each independently of the others; a service for 1 - prod(1 - P)
over its cut sets up to order two. To that come takeovers: how often a part fails that takes the node that serves, times
the seconds that a takeover takes. It ranks weaknesses and fixes; what it leaves out is said beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import prod

from quorate.cluster.checks import STANDS_ON
from quorate.cluster.facility import YEAR
from quorate.proof.cutsets import CutSets
from quorate.proof.tree import Part, Tree
from quorate.proof.why import causes

LEFT_OUT = (
    "three parts that fail at once, and parts that fail together for a reason that isn't in the file",
    "software faults, and people's",
    "that a failure may hit a node that isn't serving: the worst is taken",
)
"""What the figure doesn't have in it, in sentences."""


@dataclass(frozen=True)
class Takeover:
    """How long a service is gone when its node fails."""

    seconds: float
    source: str
    """The drill that measured it, or what stands for that."""


@dataclass(frozen=True)
class Share:
    """What one cut set adds."""

    parts: tuple[tuple[str, ...], ...]
    """Each entry is parts in series: any one of them."""
    minutes: float


@dataclass(frozen=True)
class Downtime:
    """One service's downtime in an average year."""

    outages: float
    """Minutes, until something is repaired."""
    takeovers: float
    """Minutes."""
    takeovers_a_year: float
    takeover: Takeover
    shares: tuple[Share, ...]
    """The cut sets, those first that add most."""
    defaulted: tuple[str, ...]
    """The parts in them whose figures are defaults."""

    @property
    def minutes(self) -> float:
        """All of it, in minutes."""
        return self.outages + self.takeovers


MINUTES_A_YEAR = YEAR / timedelta(minutes=1)


def work_out(tree: Tree, cuts: CutSets, takeovers: Mapping[str, Takeover]) -> dict[str, Downtime]:
    """By service. `cuts` are those of all services and members, to order two. Unknown parts count as sound."""
    lost = [1 - prod(1 - _lost(tree.parts[name]) for name in members) for members in cuts.classes]
    found = {}
    for name, top in tree.tops.items():
        merged = [
            (
                cut,
                prod(lost[i] for i in cut)
                if len(cut) > 1
                else sum(gone(tree, top, part) for part in cuts.classes[cut[0]]),
            )
            for cut in cuts.merged(top)
        ]
        shares = [
            Share(tuple(cuts.classes[i] for i in cut), share * MINUTES_A_YEAR) for cut, share in merged if share > 0
        ]
        shares.sort(key=lambda share: -share.minutes)
        parts = dict.fromkeys(part for share in shares for several in share.parts for part in several)
        rate = takeovers_a_year(tree, cuts, name)
        takeover = takeovers.get(name, NOT_MEASURED)
        found[name] = Downtime(
            outages=(1 - prod(1 - share for _, share in merged)) * MINUTES_A_YEAR,
            takeovers=rate * takeover.seconds / 60,
            takeovers_a_year=rate,
            takeover=takeover,
            shares=tuple(shares),
            defaulted=tuple(part for part in parts if tree.parts[part].defaulted and tree.parts[part].known),
        )
    return found


NOT_MEASURED = Takeover(30, "not measured: what an objective allows by default")


def _lost(part: Part) -> float:
    return part.unavailability if part.known else 0.0


def gone(tree: Tree, top: str, name: str) -> float:
    """The share of time in which one part alone keeps a gate failed.

    Where the cluster only stands still because a node can't be fenced, a person ends that, and not the repair.
    """
    part = tree.parts[name]
    codes = {tree.codes.get(cause) for cause in causes(tree, top, tree.failing([name]))}
    if part.known and codes == {"fencing-together"}:
        return min(part.mttr, CONFIRMED) / part.mtbf
    return _lost(part)


CONFIRMED = timedelta(hours=1)
"""Until a person has made sure that a node is off, and has said so (assumed)."""


def takeovers_a_year(tree: Tree, cuts: CutSets, service: str) -> float:
    """How often something that the service stands on moves to another node, and the service is there afterwards."""
    fatal = {part for cut in cuts.merged(tree.tops[service]) if len(cut) == 1 for part in cuts.classes[cut[0]]}
    hit: dict[str, float] = {}
    for group in {*stands_on(service), "front"} & {*tree.active}:
        if group == "front" and not behind_front(tree, service):
            continue
        nodes = tree.active[group]
        of_group: dict[str, float] = {}
        for node in nodes:
            for cut in cuts.merged(tree.left[group, node]):
                for part in cuts.classes[cut[0]] if len(cut) == 1 else ():
                    of_group[part] = of_group.get(part, 0.0) + 1 / len(nodes)
        for part, share in of_group.items():
            hit[part] = min(1.0, hit.get(part, 0.0) + share)
    return sum(
        share * (YEAR / tree.parts[part].mtbf)
        for part, share in hit.items()
        if part not in fatal and tree.parts[part].known
    )


def behind_front(tree: Tree, service: str) -> bool:
    """Whether clients come to it, or to what it stands on, through the front."""
    reached, stack = set(), [tree.tops[service]]
    while stack:
        name = stack.pop()
        if name not in reached and name in tree.gates:
            reached.add(name)
            stack += tree.gates[name].children
    return "front" in reached


def stands_on(service: str) -> set[str]:
    """A service and all that it needs to run, by the cluster file's names."""
    found = {service}
    for other in STANDS_ON.get(service, ()):
        found |= stands_on(other)
    return found
