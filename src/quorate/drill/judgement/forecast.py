"""What the graph says that a drill will show, written down before it, and what then differed from it. Pure.

The graph (`proof.faulttree`) takes the worst where it depends on who serves. A drill knows who does: a node that can't
be fenced stops what it served, and nothing that others serve.
"""

import enum
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from quorate.cluster.model import Cluster
from quorate.design.model import Design
from quorate.drill.clients.outage import Outage
from quorate.proof.damage import Damage, Standing, standing
from quorate.proof.downtime import behind_front, stands_on
from quorate.proof.topology import Study, study, what_if, with_serving
from quorate.proof.tree import Tree

BEFORE_HEALING = 5.0
"""Seconds just before the healing in which a service that is gone answered nobody."""


class Fate(enum.StrEnum):
    """What becomes of a service while parts are broken."""

    STAYS = "goes on where it is"
    MOVES = "is taken over"
    GONE = "is gone until it is healed"


@dataclass(frozen=True)
class Forecast:
    """What is predicted."""

    parts: tuple[str, ...]
    """That fail."""
    damage: Damage
    lost: tuple[str, ...]
    """The nodes that the cluster loses."""
    fenced: tuple[str, ...]
    """Those of them that it fences while the parts are broken; the others can't be, or nobody may."""
    quorate: bool
    """Whether those that are left have the majority."""
    fates: Mapping[str, Fate]
    """By service."""
    why: Mapping[str, str]
    """By service: what `quorate check --what-if` says of it."""
    borne: tuple[str, ...] = ()
    """The services that are gone and may be: more than one part has failed, or a waiver of the cluster file says so."""

    def sentences(self) -> Iterator[str]:
        """The same for a person."""
        left = [node for node in self.lost if node not in self.fenced]
        if not self.lost:
            yield "no node is lost"
        if self.fenced:
            yield f"{' and '.join(self.fenced)} lost and fenced"
        if left:
            yield f"{' and '.join(left)} lost and not fenced"
        yield from (f"{service} {fate}" for service, fate in self.fates.items())


@dataclass(frozen=True)
class Glimpse:
    """The cluster while the parts were broken, just before they were healed."""

    lost: tuple[str, ...]
    """The nodes that were no members."""
    fenced: tuple[str, ...]
    """The nodes whose BMC was asked for something since the fault."""
    serving: Mapping[str, str | None]
    """By service: the node that served it."""
    healed: float
    """When healing began."""


@dataclass(frozen=True)
class Prediction:
    """What was predicted, what was seen, and whether that is the same."""

    forecast: Forecast
    seen: Glimpse
    fates: Mapping[str, Fate] = field(default_factory=dict)
    """By service that was probed: what became of it."""

    @property
    def differences(self) -> list[str]:
        """What was not as predicted, in sentences."""
        forecast, seen = self.forecast, self.seen
        found = [
            *_nodes("lost", forecast.lost, seen.lost),
            *_nodes("fenced", forecast.fenced, seen.fenced),
        ]
        return found + [
            f"{service} {fate}, and was predicted otherwise: it {forecast.fates[service]}"
            for service, fate in self.fates.items()
            if fate is not forecast.fates[service]
        ]


def foretell(
    cluster: Cluster,
    design: Design,
    parts: tuple[str, ...],
    active: Mapping[str, str | None],
    *,
    today: date = date.min,
) -> Forecast:
    """Predicts what the failure of some parts does.

    Args:
        cluster: the cluster file.
        design: its design.
        parts: as `understand` gives them.
        active: by service, the node that serves it now.
        today: on which a waiver holds, or has run out.
    """
    stands, found = standing(design, cluster), study(cluster, design, today=today)
    down, below = found.tree.failing(parts), stands.tree.failing(parts)
    lost = tuple(node for node, member in found.tree.members.items() if member in down)
    quorate = "quorum" not in down
    fates: dict[str, Fate] = {}
    why: dict[str, str] = {}
    for service in design.services:
        serving = _serving(found.tree, service, active)
        known = with_serving(found, set(serving.values()))
        each = next(each for each in what_if(known, parts) if each.service == service)
        moves = any(found.tree.left.get(place) in down for place in serving.items())
        fates[service] = Fate.GONE if each.verdict == "outage" else Fate.MOVES if moves else Fate.STAYS
        why[service] = f"{each.verdict}: {each.what}"
    return Forecast(
        parts=parts,
        damage=stands.damage(parts),
        lost=lost,
        fenced=tuple(node for node in lost if quorate and stands.bmcs[node] not in below),
        quorate=quorate,
        fates=fates,
        why=why,
        borne=tuple(name for name, fate in fates.items() if fate is Fate.GONE and _borne(found, name, parts)),
    )


def _borne(found: Study, service: str, parts: Collection[str]) -> bool:
    """Whether a service may be gone without these parts; `quorate check` has counted it in the downtime a year."""
    waived = (each for each in found.weaknesses if each.waiver and service in each.services)
    return len(parts) > 1 or any(part in each.parts for each in waived for part in parts)


def _serving(tree: Tree, service: str, active: Mapping[str, str | None]) -> dict[str, str]:
    """Of all that a service stands on and that is on one node at a time: the node that it is on."""
    groups = {name: active.get(name) for name in stands_on(service)}
    if behind_front(tree, service):
        groups["front"] = active.get(service)
    return {group: node for group, node in groups.items() if node and tree.active.get(group)}


def understand(text: str, stands: Standing) -> tuple[str, ...]:
    """The parts that a drill's target names. Raises InputError, with a suggestion."""
    return stands.parts(text.split(","), where=f"--on {text}")


def fate(outage: Outage | None, before: str, seen: Glimpse, service: str) -> Fate:
    """What became of a service, by what its clients saw and by who served it just before the healing."""
    gaps = [outage.gap, *outage.others] if outage else []
    if any(g.start < seen.healed - BEFORE_HEALING and (g.end is None or g.end > seen.healed) for g in gaps):
        return Fate.GONE
    return Fate.STAYS if seen.serving.get(service) == before else Fate.MOVES


def fates(
    forecast: Forecast, outages: Mapping[str, Outage | None], before: Mapping[str, str | None], seen: Glimpse
) -> Mapping[str, Fate]:
    """What became of every service that was probed; one that stands on another is taken over with it."""
    found = {name: fate(outage, before.get(name) or "", seen, name) for name, outage in outages.items()}
    moved = {name for name, node in seen.serving.items() if node != before.get(name)}
    for name, became in found.items():
        with_others = forecast.fates.get(name) is Fate.MOVES and moved & stands_on(name)
        if became is Fate.STAYS and with_others:
            found[name] = Fate.MOVES
    return found


def _nodes(what: str, predicted: Collection[str], seen: Collection[str]) -> Iterator[str]:
    if more := [node for node in seen if node not in predicted]:
        yield f"{' and '.join(more)} {what}, which was not predicted"
    if missing := [node for node in predicted if node not in seen]:
        yield f"{' and '.join(missing)} not {what}, which was predicted"
