"""The audit after a drill: what the nodes' journals, the BMCs and the cluster itself say about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from quorate.design.model import Design
from quorate.drill.audit import fencing, phases, primaries
from quorate.drill.audit.crashes import Crash, crashes
from quorate.drill.audit.fencing import BmcLog, PowerRequest
from quorate.drill.audit.journals import Entry, Journals
from quorate.drill.audit.leftovers import Leftovers
from quorate.drill.audit.phases import Phase
from quorate.drill.audit.primaries import Overlap, Reign
from quorate.drill.clients import holders
from quorate.drill.clients.holders import Contest, Heard, Holder
from quorate.drill.targets import Target
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
    remains: tuple[str, ...] = ()
    """What else is left behind in the cluster, in sentences."""
    crashes: tuple[Crash, ...] = ()
    """What crashed, by the journals; that which the fault makes itself, too."""
    holders: Mapping[str, tuple[Holder, ...]] = field(default_factory=dict)
    """By address: which machine answered for it, and when."""
    contests: tuple[Contest, ...] = ()
    """Addresses that two machines had at once."""
    unasked: Mapping[str, str] = field(default_factory=dict)
    """By address: why nobody was asked who has it."""


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
    crashes: tuple[str, ...] = ()
    """What the fault makes crash on its target itself; see `crashes.Kind`."""
    claimed: tuple[str, ...] = ()
    """The addresses that the fault gives to a stranger."""
    healed: float | None = None
    """When the drill began to heal it; None if the cluster was left to itself."""
    ready: float | None = None
    """When the cluster was seen ready again; None if it wasn't in time."""

    @property
    def time_to_ready(self) -> float | None:
        """Seconds until then, from the fault or, if the drill healed it, from that."""
        return None if self.ready is None else self.ready - (self.healed or self.injected)

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
    leftovers: Leftovers,
    failures: Sequence[str],
    heard: Mapping[str, Heard],
    design: Design,
) -> Audit:
    """Draws the conclusions. Pure, but for the BMCs' log.

    Args:
        blow: the fault.
        before: the cluster just before it.
        read: the journals since then.
        now: until when.
        bmcs: what the BMCs were asked.
        leftovers: what is left behind in the cluster.
        failures: see `Audit`.
        heard: by address, who answered for it.
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
        frozen = primaries.frozen(read.entries, volume.name, blow.lying)
        seen = primaries.reigns(read.entries, volume.minor, first, cuts, blow.injected, now, frozen)
        reigns[volume.name] = tuple(sorted(seen, key=lambda reign: reign.start))
        overlaps += primaries.overlaps(volume.name, seen, read.uncertainty)
    signs = phases.of_power_loss(blow.lost) if blow.lost else phases.of_a_failure(blow.target)
    return Audit(
        phases=tuple(phases.find(blow.recovery(read), blow.injected, signs)),
        fenced=fenced,
        reigns=reigns,
        overlaps=tuple(overlaps),
        journals_unread=read.unread,
        leftovers=leftovers.constraints,
        failures=tuple(failures),
        remains=leftovers.others,
        crashes=tuple(crashes(read.entries, blow.injected, blow.target.nodes, blow.crashes)),
        holders={name: tuple(holders.holders(each.answers)) for name, each in heard.items()},
        contests=tuple(
            contest
            for name, each in heard.items()
            for contest in holders.contests(name, each.answers, expected=each.address in blow.claimed)
        ),
        unasked={name: each.unasked for name, each in heard.items() if each.unasked},
    )
