"""The verdict: what a drill measured, beside what the objectives allow. What was not shown is not claimed."""

from collections.abc import Mapping
from dataclasses import dataclass

from quorate.drill.audit.audit import Audit
from quorate.drill.audit.phases import Phase
from quorate.drill.clients.outage import Clients
from quorate.drill.judgement.course import Followed
from quorate.drill.judgement.forecast import Prediction
from quorate.drill.judgement.holding import Holding


@dataclass(frozen=True)
class Promise:
    """What the objective allows."""

    downtime: float | None
    """Seconds; None for a fault that is more than one failure, for which no objective holds."""
    lost_writes: int


@dataclass(frozen=True)
class Served:
    """One service in a drill."""

    service: str
    what: str
    """What its probe wrote: `rows`."""
    before: str
    """The node that served before the fault."""
    after: str | None
    """The node that served once the cluster was ready again, before any switch-over of the drill's own."""
    volume: str | None
    promise: Promise
    clients: Clients
    holding: Holding
    phases: tuple[Phase, ...]
    """Of its recovery."""
    writes: bool = True
    """Its probe writes what is to be found again; that of an address doesn't."""

    def broken(self, thorough: bool) -> list[str]:
        """Why its objective is not kept, in sentences; see `Verdict.thorough`."""
        return [*self._of_clients(), *self._of_holding(), *(self._of_replicas() if thorough else ())]

    def _of_clients(self) -> list[str]:
        outage = self.clients.outage
        if outage is None:
            return ["no operation was acknowledged before the fault, so nothing can be measured"]
        if outage.gap.end is None:
            return [f"clients had no answer for {outage.downtime:.1f} s, until the probe ended"]
        if self.promise.downtime is not None and outage.downtime + outage.precision > self.promise.downtime:
            measured = f"{outage.downtime:.2f} ± {outage.precision:.2f} s"
            return [f"clients had no answer for {measured}; {self.promise.downtime:g} s are allowed"]
        return []

    def _of_holding(self) -> list[str]:
        found = []
        if not self.clients.complete:
            found.append("the probe did not run to its end, so its record may lack operations")
        if not self.writes:
            return found
        if stale := self.clients.stale:
            found.append(f"{len(stale)} operations did not see what had been acknowledged before them: {_some(stale)}")
        for node, ledger in self.holding.ledgers.items():
            if len(ledger.lost) > self.promise.lost_writes:
                found.append(f"{len(ledger.lost)} acknowledged {self.what} are lost on {node}: {_some(ledger.lost)}")
            if ledger.never_sent:
                numbers = _some(ledger.never_sent)
                found.append(f"{len(ledger.never_sent)} {self.what} on {node} were refused or never sent: {numbers}")
            if twice := ledger.duplicated:
                found.append(f"{len(twice)} {self.what} are there twice or more on {node}: {_some(twice)}")
            if late := ledger.disordered:
                found.append(f"{len(late)} {self.what} on {node} are behind what was sent after them: {_some(late)}")
            found += [f"with {node}, {sentence}" for sentence in ledger.wrong]
        if not self.holding.ledgers:
            found.append(f"acknowledged {self.what} were not looked for")
        return found

    def _of_replicas(self) -> list[str]:
        if self.volume is None:
            return []
        asked = self.holding.ledgers
        found = [
            f"acknowledged {self.what} were not looked for on {node}"
            for node in self.holding.nodes
            if asked and node not in asked
        ]
        if self.holding.verify is None:
            found.append("the replicas were not compared")
        elif self.holding.verify.out_of_sync:
            found.append(f"the replicas differ in {self.holding.verify.out_of_sync} KiB")
        return found


@dataclass(frozen=True)
class Verdict:
    """One drill. Times are seconds, or seconds since the epoch, UTC."""

    fault: str
    on: str
    """As it was typed: `active:database`."""
    nodes: tuple[str, ...]
    """The nodes that it meant."""
    target: str | None
    """The service that it was aimed at, if it was at one."""
    injected: float
    fences: tuple[str, ...]
    """The nodes that the cluster must fence for this fault."""
    may_fence: tuple[str, ...]
    """The nodes that it may fence."""
    thorough: bool
    """Both replicas of each volume were to be asked and compared; without that, nothing is said of the other one."""
    services: Mapping[str, Served]
    """By service: those that were probed."""
    audit: Audit
    problems: tuple[str, ...]
    """What else went wrong on the way, in sentences."""
    seconds: float
    """The whole drill."""
    folder: str
    """Where its record lies."""
    prediction: Prediction | None = None
    """Of a fault of the facility: what was predicted for it, and what was seen."""
    over: float | None = None
    """When the cluster was ready again, or was no longer waited for."""
    course: Followed | None = None
    """What Pacemaker's own scheduler predicted, and what was seen of it; None if it was asked nothing."""
    cluster: str = ""
    """The cluster's name."""
    healed_after: float | None = None
    """Seconds from the fault until the drill healed it; None if the cluster was left to itself."""
    time_to_ready: float | None = None
    """Seconds from the fault, or from its healing, until everything was seen where the design wants it; None if it
    wasn't in time."""

    @property
    def kept(self) -> bool:
        """All objectives were kept, and everything that this takes was shown."""
        return not self.broken

    @property
    def broken(self) -> list[str]:
        """Why they are not kept, in sentences; empty if they are."""
        of_services = [
            f"{name}: {sentence}" for name, part in self.services.items() for sentence in part.broken(self.thorough)
        ]
        unlike = [each for of in (self.prediction, self.course) if of for each in of.differences]
        return [*of_services, *self._of_the_cluster(), *self.problems, *unlike]

    @property
    def lost(self) -> int | None:
        """Acknowledged writes that are lost, of all services together; None if one was not asked."""
        lost = [part.holding.lost for part in self.services.values() if part.writes]
        return None if None in lost else sum(filter(None, lost))

    def _of_the_cluster(self) -> list[str]:
        audit = self.audit
        found = [f"two primaries of {o.volume} for {o.seconds:.3f} s: {' and '.join(o.nodes)}" for o in audit.overlaps]
        found += [
            f"{node}'s journal was not read ({why}), so a second primary can't be ruled out"
            for node, why in audit.journals_unread.items()
        ]
        found += [
            f"the journals don't show how {part.after} became primary of {part.volume}"
            for part in self.services.values()
            if part.volume is not None
            and part.after not in (None, part.before)
            and part.after not in [reign.node for reign in audit.reigns[part.volume]]
        ]
        found += [
            f"the BMC of {node} was asked for nothing: it was not fenced"
            for node in self.fences
            if node not in audit.fenced
        ]
        found += [
            f"{node} was fenced, and nothing called for it" for node in audit.fenced if node not in self.may_fence
        ]
        found += [f"a constraint is left behind in the cluster: {constraint}" for constraint in audit.leftovers]
        found += audit.remains
        found += [
            f"{crash.kind} on {crash.node}, after {crash.time - self.injected:.1f} s: {crash.evidence}"
            for crash in audit.crashes
            if not crash.expected
        ]
        found += [
            f"two machines had {contest.address} at once for {contest.seconds:.1f} s: {' and '.join(contest.macs)}"
            for contest in audit.contests
            if not contest.expected
        ]
        return found


def _some(numbers: tuple[int, ...], most: int = 5) -> str:
    return ", ".join(map(str, numbers[:most])) + (" ..." if len(numbers) > most else "")
