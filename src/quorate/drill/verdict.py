"""The verdict: what a drill measured, beside what the objective allows. What was not shown is not claimed."""

from dataclasses import dataclass

from quorate.drill.audit import Audit
from quorate.drill.outage import Clients
from quorate.drill.replicas import Replicas


@dataclass(frozen=True)
class Promise:
    """What the objective allows."""

    downtime: float
    """Seconds."""
    lost_writes: int


@dataclass(frozen=True)
class Verdict:
    """One drill. Times are seconds, or seconds since the epoch, UTC."""

    fault: str
    target: str
    """As it was typed: `active:database`."""
    node: str
    """The node that it meant."""
    service: str
    before: str
    """The node that served before the fault."""
    after: str | None
    """The node that served once the cluster was ready again, before any switch-over of the drill's own."""
    injected: float
    fences: bool
    """The cluster must fence the node for this fault."""
    promise: Promise
    clients: Clients
    replicas: Replicas
    audit: Audit
    problems: tuple[str, ...]
    """What else went wrong on the way, in sentences."""
    seconds: float
    """The whole drill."""
    folder: str
    """Where its record lies."""

    @property
    def kept(self) -> bool:
        """The objective was kept, and everything that this takes was shown."""
        return not self.broken

    @property
    def broken(self) -> list[str]:
        """Why the objective is not kept, in sentences; empty if it is."""
        return [*self._of_clients(), *self._of_replicas(), *self._of_the_cluster(), *self.problems]

    def _of_clients(self) -> list[str]:
        outage = self.clients.outage
        if outage is None:
            return ["no write was acknowledged before the fault, so nothing can be measured"]
        if outage.gap.end is None:
            return [f"clients had no answer for {outage.downtime:.1f} s, until the probe ended"]
        if outage.downtime + outage.precision > self.promise.downtime:
            measured = f"{outage.downtime:.2f} ± {outage.precision:.2f} s"
            return [f"clients had no answer for {measured}; {self.promise.downtime:g} s are allowed"]
        return []

    def _of_replicas(self) -> list[str]:
        found = []
        if not self.clients.complete:
            found.append("the probe did not run to its end, so its record may lack writes")
        for node, ledger in self.replicas.ledgers.items():
            if len(ledger.lost) > self.promise.lost_writes:
                found.append(f"{len(ledger.lost)} acknowledged writes are lost on {node}: {_some(ledger.lost)}")
            if ledger.never_sent:
                rows = _some(ledger.never_sent)
                found.append(f"{len(ledger.never_sent)} rows on {node} were refused or never sent: {rows}")
        found += [
            f"acknowledged writes were not looked for on {node}"
            for node in self.replicas.nodes
            if node not in self.replicas.ledgers
        ]
        if self.replicas.verify is None:
            found.append("the replicas were not compared")
        elif self.replicas.verify.out_of_sync:
            found.append(f"the replicas differ in {self.replicas.verify.out_of_sync} KiB")
        return found

    def _of_the_cluster(self) -> list[str]:
        audit = self.audit
        found = [f"two primaries of {o.volume} for {o.seconds:.3f} s: {' and '.join(o.nodes)}" for o in audit.overlaps]
        found += [
            f"{node}'s journal was not read ({why}), so a second primary can't be ruled out"
            for node, why in audit.journals_unread.items()
        ]
        if self.after != self.before:
            found += [
                f"the journals don't show how {self.after} became primary of {volume}"
                for volume, reigns in audit.reigns.items()
                if self.after not in [reign.node for reign in reigns]
            ]
        if self.fences and self.node not in audit.fenced:
            found.append(f"the BMC of {self.node} was asked for nothing: it was not fenced")
        found += [f"{node} was fenced, and nothing called for it" for node in audit.fenced if node != self.node]
        found += [f"a constraint is left behind in the cluster: {constraint}" for constraint in audit.leftovers]
        return found


def _some(numbers: tuple[int, ...], most: int = 5) -> str:
    return ", ".join(map(str, numbers[:most])) + (" ..." if len(numbers) > most else "")
