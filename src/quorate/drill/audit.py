"""The audit after a drill: what the nodes' journals, the BMCs and the cluster itself say about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from quorate.design.model import Design
from quorate.drill import fencing, phases, primaries
from quorate.drill.fencing import BmcLog, PowerRequest
from quorate.drill.journals import Journals
from quorate.drill.phases import Phase
from quorate.drill.primaries import Overlap, Reign
from quorate.hosts import Hosts
from quorate.live.state import State


@dataclass(frozen=True)
class Audit:
    """What is found afterwards."""

    phases: tuple[Phase, ...]
    """Of the recovery."""
    fenced: Mapping[str, tuple[PowerRequest, ...]]
    """By node: what its BMC was asked since the fault."""
    reigns: Mapping[str, tuple[Reign, ...]]
    """By volume: who was primary, and when, from the fault on."""
    overlaps: tuple[Overlap, ...]
    """Two primaries at once."""
    journals_unread: Mapping[str, str]
    """By node: why it can't be said."""
    leftovers: tuple[str, ...]
    """Constraints in the cluster that the design doesn't have."""


@dataclass(frozen=True)
class Blow:
    """A fault as it was injected, for those who look for its traces."""

    node: str
    service: str
    injected: float
    """Just before."""
    powerless: float | None
    """When the node had certainly lost its power; None if it kept it."""
    over: float
    """When the cluster was ready again, or the drill no longer waited for it; what moved later, the drill moved."""


def audit(
    blow: Blow, before: State, read: Journals, now: float, bmcs: BmcLog, leftovers: Sequence[str], design: Design
) -> Audit:
    """Draws the conclusions. Pure, but for the BMCs' log.

    Args:
        blow: the fault.
        before: the cluster just before it.
        read: the journals since then.
        now: until when.
        bmcs: what the BMCs were asked.
        leftovers: see `leftovers`.
        design: what should be.
    """
    reigns: dict[str, tuple[Reign, ...]] = {}
    overlaps: list[Overlap] = []
    cuts = {blow.node: (blow.powerless,)} if blow.powerless else {}
    for volume in design.volumes:
        first = [host for host, replica in before.replicas[volume.name].items() if replica.role == "Primary"]
        seen = primaries.reigns(read.entries, volume.minor, first, cuts, blow.injected, now)
        reigns[volume.name] = tuple(sorted(seen, key=lambda reign: reign.start))
        overlaps += primaries.overlaps(volume.name, seen, read.uncertainty)
    roles = phases.roles(design, blow.service)
    recovery = [entry for entry in read.entries if entry.time <= blow.over]
    return Audit(
        phases=tuple(phases.find(recovery, blow.injected, blow.node, roles)),
        fenced=fencing.since(bmcs, list(design.hosts), blow.injected),
        reigns=reigns,
        overlaps=tuple(overlaps),
        journals_unread=read.unread,
        leftovers=tuple(leftovers),
    )


async def leftovers(hosts: Hosts, node: str, design: Design) -> list[str]:
    """The constraints in the cluster that aren't the design's: a move that stays, a fence-peer's ban."""
    host = await hosts.host(node)
    text = (await host.run("cibadmin", "--query", "--scope", "constraints")).stdout
    ours = {constraint.id for constraint in design.constraints}
    return [id_ for child in etree.fromstring(text) if (id_ := str(child.get("id"))) not in ours]
