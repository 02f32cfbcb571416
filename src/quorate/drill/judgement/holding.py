"""What the services hold after a drill: every acknowledged write is looked for, on both replicas if there are two."""

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass

from quorate import live
from quorate.drill.clients import ledger
from quorate.drill.clients.ledger import Ledger
from quorate.drill.clients.probe import Probe
from quorate.drill.clients.record import Record
from quorate.drill.judgement import replicas
from quorate.drill.judgement.replicas import Verify
from quorate.drill.order import Drill, serving
from quorate.drill.settling import settle
from quorate.errors import HostError
from quorate.progress import Progress

PATIENCE = 10.0
"""Seconds for a cluster that should be ready already."""
SWITCH_OVER_LIMIT = 180.0


@dataclass(frozen=True)
class Holding:
    """What a service holds after a drill, asked again after a planned switch-over if it stands on a volume."""

    nodes: tuple[str, ...]
    """Those that hold a replica; for a service without a volume of its own, none."""
    ledgers: Mapping[str, Ledger]
    """By the node that served when it was asked."""
    verify: Verify | None
    """None if the disks were not compared."""

    @property
    def lost(self) -> int | None:
        """Acknowledged writes that some replica doesn't have; None if nobody was asked."""
        if not self.ledgers:
            return None
        return len(set().union(*(ledger.lost for ledger in self.ledgers.values())))

    @property
    def duplicated(self) -> int | None:
        """Writes that some replica has more than once; None if nobody was asked."""
        if not self.ledgers:
            return None
        return len(set().union(*(ledger.duplicated for ledger in self.ledgers.values())))

    @property
    def disordered(self) -> int | None:
        """Writes that some replica has behind one that was sent later; None if nobody was asked."""
        if not self.ledgers:
            return None
        return len(set().union(*(ledger.disordered for ledger in self.ledgers.values())))


NOTHING = Holding((), {}, None)
"""Of a probe that writes nothing."""


async def look_again(
    drill: Drill,
    probes: Mapping[str, Probe],
    records: Mapping[str, Record],
    problems: list[str],
    failures: list[str],
    progress: Progress,
) -> Mapping[str, Holding]:
    """Looks for every acknowledged write of what serves; on both replicas only if the cluster is ready.

    Adds to `failures` which of the cluster's actions failed meanwhile; their history is cleaned up.
    """
    found: dict[str, dict[str, Ledger]] = {name: {} for name in probes}
    verified: dict[str, Verify] = {}

    async def look(name: str) -> None:
        with progress.phase(f"All acknowledged {probes[name].what} are looked for") as say:
            host = await serving(drill, name)
            ledger_ = ledger.compare(records[name], await probes[name].found())
            found[name][host.name] = ledger_
            say(f"{name}, served by {host.name}: {ledger_.acknowledged} acknowledged, {len(ledger_.lost)} lost")

    async def switch_over(name: str, to: str) -> None:
        with progress.phase(f"Planned switch-over of {name} to {to}") as say:
            await replicas.switch_over(drill.hosts, drill.design, name, to)
            settled = await settle(drill.hosts, drill.design, say, SWITCH_OVER_LIMIT)
            failures.extend(settled.failures)
            if not settled.ready:
                problems.append(f"the cluster was not ready after a planned switch-over of {name}")

    settled = await settle(drill.hosts, drill.design, lambda _line: None, PATIENCE)
    failures.extend(settled.failures)
    if not settled.ready:
        unmet = live.unmet(drill.design, await live.read(drill.hosts, drill.design))
        problems.extend(sentence.rstrip(".") for sentence in unmet)
    for name in probes:
        await _tried(look(name), name, problems)
    for name in probes if settled.ready and drill.thorough else ():
        for volume in drill.design.volumes:
            if volume.name == drill.design.services[name].volume:
                here = next(iter(found[name]), volume.hosts[0])
                other = next(host for host in volume.hosts if host != here)
                await switch_over(name, other)
                await _tried(look(name), name, problems)
                with progress.phase(f"Both replicas of {name} are compared, block by block"):
                    verified[name] = await replicas.verify(await drill.hosts.host(other), volume)
    return {name: Holding(_holders(drill, name), found[name], verified.get(name)) for name in probes}


def _holders(drill: Drill, name: str) -> tuple[str, ...]:
    volume = drill.design.services[name].volume
    return next((each.hosts for each in drill.design.volumes if each.name == volume), ())


async def _tried(look: Coroutine[None, None, None], name: str, problems: list[str]) -> None:
    """A service that can't be asked doesn't keep the others from being asked."""
    try:
        await look
    except HostError as error:
        problems.append(f"{name} could not be asked for what was written: {error}")
