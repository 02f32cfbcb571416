"""Guardrails: what must be true of a real cluster before a fault, and what ends a drill while the fault is there.

A drill is one failure, and the cluster is built for one. If a second one shows, or clients wait much longer than was
promised, the drill is no longer a test: it heals at once, and says why.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from quorate import live
from quorate.design.model import Design
from quorate.drill.clients.record import Reader
from quorate.drill.faults import Fencing
from quorate.drill.order import Aborted, Drill
from quorate.drill.targets import Target
from quorate.errors import HostError, Refused
from quorate.hosts.inspection import Seen, look_at
from quorate.live.state import State

EVERY = 2.0
"""Seconds between two looks."""
PATIENCE = 5.0
"""Seconds that a node has to answer in: SSH takes longer to notice that one has lost its power."""
CONFIRMED = 6.0
"""Seconds for which a second failure must be seen: while a DC is elected nobody knows anything for a moment."""
EXCESS = 3.0
"""How many times its objective a service may be away."""


def check(drill: Drill, target: Target, lost: Collection[str]) -> None:
    """Whether a real cluster may be broken so. That it is ready has been seen by then, its fencing included.

    Raises:
        Refused: more than one node at a time.
    """
    one_by_one = "membership" in drill.fault.needs
    if len(lost) > 1 or (len(target.nodes) > 1 and not one_by_one):
        raise Refused(
            f"{drill.fault.name} on {target} breaks more than one node of a real cluster at a time",
            means="The objectives are promises for one failure.",
            todo="Name one node; hold the rest on the site's twin: `quorate lab up` makes it.",
        )


@dataclass(frozen=True)
class Watch:
    """What is watched for."""

    design: Design
    before: State
    """The cluster just before the fault."""
    hit: frozenset[str]
    """The nodes at which anything may happen."""
    limits: Mapping[str, float]
    """By service that is probed, the seconds for which it may be away."""

    def second_failures(self, now: State) -> Iterator[str]:
        """What is broken that the fault doesn't explain."""
        if not any(node.reachable for node in now.nodes.values()):
            yield "no node can be looked at"
            return
        if now.dc is not None and not now.quorate:
            yield "quorum is lost"
        for name, node in now.nodes.items():
            here, was = node.online or node.standby, self.before.nodes[name]
            if now.dc is not None and name not in self.hit and (was.online or was.standby) and not here:
                yield f"{name} is no member any more"
        for volume, sides in now.replicas.items():
            for host, side in sides.items():
                if host not in self.hit and side.disk != "UpToDate":
                    yield f"the replica of {volume} on {host} is {side.disk}"

    def overdue(self, served: Mapping[str, float], now: float) -> Iterator[str]:
        """The services that nobody has been served by for too long; `served` is when somebody last was."""
        for service, limit in self.limits.items():
            if now - served[service] > limit:
                yield f"{service} has answered nobody for {limit:g} s, {EXCESS:g} times its objective"


def watch(drill: Drill, target: Target, lost: Collection[str], before: State) -> Watch:
    """What is watched for in a drill."""
    anybody = drill.fault.fencing is Fencing.ANYBODY
    return Watch(
        design=drill.design,
        before=before,
        hit=frozenset(drill.design.hosts if anybody else (*target.nodes, *lost)),
        limits={name: EXCESS * drill.cluster.objectives[name].downtime.total_seconds() for name in drill.probed()},
    )


@contextlib.asynccontextmanager
async def guarded(drill: Drill, target: Target, watched: Watch, folder: Path) -> AsyncIterator[None]:
    """Ends the block, and heals the fault, as soon as something is seen that is watched for.

    Raises:
        Aborted: it was.
    """
    task = asyncio.current_task()
    assert task
    watcher, inside = asyncio.create_task(_look(drill, watched, folder)), True

    def stop(done: asyncio.Task[str]) -> None:
        if inside and not done.cancelled():
            task.cancel()

    watcher.add_done_callback(stop)
    try:
        yield
    except asyncio.CancelledError:
        if not watcher.done() or watcher.cancelled():
            raise
        await drill.fault.heal(drill.tools, target)  # again: the block may have been about to
        if task.uncancel() > 0:  # and somebody wants an end besides
            raise
        raise Aborted(
            f"aborted: {watcher.result()}",
            means="A drill is one failure, and this is more than that. The fault is healed.",
            todo="`quorate status` shows the cluster.",
        ) from None
    finally:
        inside = False
        watcher.cancel()


async def _look(drill: Drill, watched: Watch, folder: Path) -> str:
    """Looks until there is a reason to stop, and says it."""
    readers = {service: Reader(folder / f"{service}.tsv") for service in watched.limits}
    served, first_seen = dict.fromkeys(readers, time.time()), dict[str, float]()
    while True:
        for service, reader in readers.items():
            served[service] = max([served[service], *(write.ended for write in reader.more() if write.served)])
        if overdue := list(watched.overdue(served, time.time())):
            return "; ".join(overdue)
        seen = list(watched.second_failures(await _state(drill)))
        now = time.time()
        first_seen = {what: first_seen.get(what, now) for what in seen}
        if lasting := [what for what, since in first_seen.items() if now - since >= CONFIRMED]:
            return "; ".join(lasting)
        await asyncio.sleep(EVERY)


async def _state(drill: Drill) -> State:
    """The cluster now, by the nodes that answer soon; what the others are, these say."""
    asks = live.asks(drill.design)

    async def ask(node: str) -> Seen | HostError:
        try:
            async with asyncio.timeout(PATIENCE):
                return await look_at(drill.hosts, node, asks[node])
        except TimeoutError:
            return HostError(f"no answer within {PATIENCE:g} s", where=node)
        except HostError as error:
            return error

    return live.interpret(dict(zip(asks, await asyncio.gather(*map(ask, asks)), strict=True)), drill.design)
