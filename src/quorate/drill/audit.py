"""The audit after a drill: what the nodes' journals, the BMCs and the cluster itself say about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from quorate.design.model import Design
from quorate.drill import fencing, phases, primaries
from quorate.drill.fencing import BmcLog, PowerRequest
from quorate.drill.journals import Entry, Journals
from quorate.drill.phases import Phase
from quorate.drill.primaries import Overlap, Reign
from quorate.drill.targets import Target
from quorate.errors import HostError
from quorate.hosts import Hosts
from quorate.live.state import State


@dataclass(frozen=True)
class Audit:
    """What is found afterwards."""

    phases: tuple[Phase, ...]
    """Of the recovery, as far as they are common to all services."""
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
    failures: tuple[str, ...] = ()
    """Actions of the cluster that failed meanwhile; the drill wrote them down and cleaned their history up."""


@dataclass(frozen=True)
class Blow:
    """A fault as it was injected, for those who look for its traces."""

    target: Target
    injected: float
    """Just before."""
    powerless: Mapping[str, float]
    """By node: when it had certainly lost its power."""
    lost: tuple[str, ...]
    """The nodes that the cluster loses by it."""
    spared: bool
    """Nodes went on that have a majority: what the others write down later is of their return, not of the recovery."""
    over: float
    """When the cluster was ready again, or the drill no longer waited for it; what moved later, the drill moved."""
    lying: tuple[str, ...] = ()
    """The nodes whose BMC said that they were off, and they weren't."""

    def recovery(self, read: Journals) -> list[Entry]:
        """What the nodes wrote down about the recovery."""
        gone = self.lost if self.spared else ()
        return [e for e in read.entries if self.injected <= e.time <= self.over and e.node not in gone]


def audit(
    blow: Blow,
    before: State,
    read: Journals,
    now: float,
    bmcs: BmcLog,
    leftovers: Sequence[str],
    failures: Sequence[str],
    design: Design,
) -> Audit:
    """Draws the conclusions. Pure, but for the BMCs' log.

    Args:
        blow: the fault.
        before: the cluster just before it.
        read: the journals since then.
        now: until when.
        bmcs: what the BMCs were asked.
        leftovers: see `leftovers`.
        failures: see `Audit`.
        design: what should be.
    """
    reigns: dict[str, tuple[Reign, ...]] = {}
    overlaps: list[Overlap] = []
    fenced = fencing.since(bmcs, list(design.hosts), blow.injected)
    cuts = {node: [time] for node, time in blow.powerless.items()}
    for node, requests in fenced.items():  # a node that is cut off is primary until its power is
        if node not in blow.lying:
            # `on`, too: fencing asks for that once the BMC has said that the node is off, as after a panic.
            cuts.setdefault(node, []).extend(request.time for request in requests)
    for volume in design.volumes:
        first = [host for host, replica in before.replicas[volume.name].items() if replica.role == "Primary"]
        seen = primaries.reigns(read.entries, volume.minor, first, cuts, blow.injected, now)
        reigns[volume.name] = tuple(sorted(seen, key=lambda reign: reign.start))
        overlaps += primaries.overlaps(volume.name, seen, read.uncertainty)
    signs = phases.of_power_loss(blow.lost) if blow.lost else phases.of_a_failure(blow.target)
    return Audit(
        phases=tuple(phases.find(blow.recovery(read), blow.injected, signs)),
        fenced=fenced,
        reigns=reigns,
        overlaps=tuple(overlaps),
        journals_unread=read.unread,
        leftovers=tuple(leftovers),
        failures=tuple(failures),
    )


async def leftovers(hosts: Hosts, design: Design) -> list[str]:
    """The constraints in the cluster that aren't the design's: a move that stays, a fence-peer's ban.

    Raises:
        HostError: no node answers.
    """
    for node in design.hosts:
        try:
            host = await hosts.host(node)
            text = (await host.run("cibadmin", "--query", "--scope", "constraints")).stdout
            break
        except HostError:
            continue
    else:
        raise HostError("no node says which constraints there are")
    ours = {constraint.id for constraint in design.constraints}
    return [id_ for child in etree.fromstring(text) if (id_ := str(child.get("id"))) not in ours]
