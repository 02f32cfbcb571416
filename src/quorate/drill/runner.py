"""One drill from its beginning to its verdict, as a sequence to be read.

Whatever happens on the way, Ctrl-C included: the fault is healed, the probe stopped, the drill's account removed, and
what is evidence stays where it is. The rows are dropped only after a drill whose objective was kept.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from quorate import live
from quorate.cluster.model import Cluster
from quorate.design.model import Design
from quorate.drill import audit, database, journals, ledger, outage, probing, replicas, report, targets
from quorate.drill.audit import Blow
from quorate.drill.database import Scratch
from quorate.drill.faults import Fault, Tools
from quorate.drill.fencing import BmcLog
from quorate.drill.probes.sql import Config
from quorate.drill.record import Record
from quorate.drill.replicas import Replicas
from quorate.drill.verdict import Promise, Verdict
from quorate.drill.waiting import until
from quorate.errors import HostError, QuorateError, Refused
from quorate.hosts import Host, Hosts
from quorate.live.state import State
from quorate.progress import Progress, Say

STEADY = 3.0
"""Seconds of clean answers before a fault is injected, and after it before clients count as served again."""
PATIENCE = 10.0
"""Seconds for a cluster that should be ready already: a link may have been down for a moment."""
START_LIMIT = 30.0
OUTAGE_LIMIT = 180.0
REPAIR_LIMIT = 180.0
"""Seconds in which the cluster should be ready again by itself; as long again once the drill has healed the fault."""
ACCOUNT_LIMIT = 60.0


@dataclass(frozen=True)
class Drill:
    """One drill, as ordered, and the site that it is held on."""

    fault: Fault
    on: str
    cluster: Cluster
    design: Design
    hosts: Hosts
    tools: Tools
    bmcs: BmcLog
    reports: Path
    """The folder in which each drill gets one."""
    rate: float = 200.0


class DrillStopped(QuorateError):
    """A drill did not come to its verdict."""


class Interrupted(DrillStopped):
    """Somebody stopped it."""

    exit_status = 130


async def series(drill: Drill, count: int, progress: Progress) -> AsyncIterator[Verdict]:
    """Holds the same drill several times. A target by role is another node each time."""
    service = targets.service(drill.on, drill.design)
    last: Verdict | None = None
    for _ in range(count):
        if last and drill.on not in drill.design.hosts:
            state = await live.read(drill.hosts, drill.design)
            if targets.node(drill.on, drill.design, state) == last.node:
                to = next(host for host in drill.design.services[service].hosts if host != state.active[service])
                with progress.phase(f"Planned switch-over to {to}, so that another node's turn comes") as say:
                    await replicas.switch_over(drill.hosts, drill.design, service, to)
                    await _wait_until_ready(drill, say)
        last = await run(drill, progress)
        yield last


async def run(drill: Drill, progress: Progress) -> Verdict:
    """Holds a drill and writes its report.

    Raises:
        InputError: the target is none.
        Refused: the cluster isn't ready, or the site lacks what the fault needs; nothing was touched.
        DrillStopped: something failed on the way; everything is healed, and it says where the evidence lies.
    """
    begun = time.monotonic()
    service = targets.service(drill.on, drill.design)
    if missing := drill.fault.missing(drill.tools):
        raise Refused(
            f"{drill.fault.name} needs {', '.join(missing)}, which this site doesn't have",
            todo="Hold it on the site's twin: `quorate lab up` makes it.",
        )
    with progress.phase("Is the cluster ready?") as say:
        state = await _require_ready(drill, say)
    node = targets.node(drill.on, drill.design, state)
    folder, scratch = _begin(drill)
    problems: list[str] = []
    with _stopped_with_evidence(folder):
        async with _account(drill, service, scratch, progress):
            record, blow = await _break_under_load(drill, node, service, scratch, folder, problems, progress)
            after = (await live.read(drill.hosts, drill.design)).active.get(service)
            found = await _look_again(drill, service, scratch, record, problems, progress)
            with progress.phase("Audit of journals, BMCs and constraints"):
                left = await audit.leftovers(drill.hosts, after or blow.node, drill.design)
                read = await journals.collect(drill.hosts, drill.design.hosts, blow.injected)
            objective = drill.cluster.objectives[service]
            verdict = Verdict(
                fault=drill.fault.name,
                target=drill.on,
                node=node,
                service=service,
                before=state.active[service] or "",
                after=after,
                injected=blow.injected,
                fences=drill.fault.cuts_power,
                promise=Promise(objective.downtime.total_seconds(), objective.lost_writes),
                clients=outage.seen(record, blow.injected),
                replicas=found,
                audit=audit.audit(blow, state, read, time.time(), drill.bmcs, left, drill.design),
                problems=tuple(problems),
                seconds=time.monotonic() - begun,
                folder=str(folder),
            )
            report.write(verdict, read, folder)
            if verdict.kept:
                await database.drop_schema(await _active_host(drill, service), scratch)
    return verdict


async def _require_ready(drill: Drill, say: Say) -> State:
    try:
        return await live.wait_until_ready(drill.hosts, drill.design, say, timeout=PATIENCE)
    except HostError as error:
        raise Refused(
            f"the cluster is {error.what}",
            means="A drill now would break what has nothing in reserve.",
            todo="`quorate status` shows the cluster; `quorate apply` brings it to where the cluster file wants it.",
        ) from None


def _begin(drill: Drill) -> tuple[Path, Scratch]:
    """The drill's folder, and the name and password of its schema and account."""
    now = datetime.now(UTC)
    folder = drill.reports / f"{now:%Y%m%dT%H%M%SZ}-{drill.fault.name}"
    folder.mkdir(parents=True, mode=0o700)
    return folder, Scratch(f"quorate_drill_{now:%Y%m%dt%H%M%Sz}", secrets.token_urlsafe(24))


@contextlib.contextmanager
def _stopped_with_evidence(folder: Path) -> Iterator[None]:
    """Says where the evidence lies, whatever went wrong."""
    todo = f"The evidence is in {folder}."
    try:
        yield
    except QuorateError as error:
        raise DrillStopped(
            error.what, where=error.where, means=error.means, todo=f"{error.todo} {todo}".strip()
        ) from error
    except asyncio.CancelledError:
        raise Interrupted("the drill was interrupted", means="The fault is healed.", todo=todo) from None


@contextlib.asynccontextmanager
async def _account(drill: Drill, service: str, scratch: Scratch, progress: Progress) -> AsyncIterator[None]:
    """Makes the drill's schema and account; the account goes away with the block."""
    await database.prepare(await _active_host(drill, service), scratch)

    async def removed() -> bool:
        await database.drop_account(await _active_host(drill, service), scratch)
        return True

    try:
        yield
    finally:
        with progress.phase("The drill's account is removed") as say:
            if not await until(removed, ACCOUNT_LIMIT):
                say(f"{service} doesn't serve: the account {scratch.name} is still there, and may go")


async def _break_under_load(
    drill: Drill, node: str, service: str, scratch: Scratch, folder: Path, problems: list[str], progress: Progress
) -> tuple[Record, Blow]:
    """The fault and the recovery from it, under load all the time."""
    design = drill.design.services[service]
    config = Config(
        host=str(design.address),
        port=design.port,
        user=scratch.name,
        password=scratch.password,
        schema=scratch.name,
        output=str(folder / "writes.tsv"),
        rate=drill.rate,
    )
    async with probing.running(config, folder) as probe:
        with progress.phase(f"{drill.rate:g} writes a second to {config.host}, all acknowledged for {STEADY:g} s"):
            if not await probe.steady(STEADY, time.time(), START_LIMIT):
                raise QuorateError(
                    f"{service} doesn't acknowledge {drill.rate:g} writes a second steadily ({probe.last_trouble()})",
                    where=f"{config.host}:{config.port}",
                    todo="`quorate status` shows the cluster; --rate sets a smaller load.",
                )
        try:
            with progress.phase(drill.fault.telling.format(node=node)):
                injected = time.time()
                await drill.fault.inject(drill.tools, node)
                powerless = time.time() if drill.fault.cuts_power else None
            with progress.phase("Clients are served again") as say:
                if not await probe.steady(STEADY, injected, OUTAGE_LIMIT):
                    problems.append(f"clients were not served steadily within {OUTAGE_LIMIT:g} s")
                    say(problems[-1])
            with progress.phase(f"{node} is back, the replicas are equal, the cluster is ready") as say:
                if not await _wait_until_ready(drill, say):
                    problems.append(f"the cluster was not ready again within {REPAIR_LIMIT:g} s")
                    say(f"{problems[-1]}; healing {drill.fault.name}")
                    await drill.fault.heal(drill.tools, node)
                    await _wait_until_ready(drill, say)
        finally:
            await drill.fault.heal(drill.tools, node)
        return await probe.stop(), Blow(node, service, injected, powerless, over=time.time())


async def _look_again(
    drill: Drill, service: str, scratch: Scratch, record: Record, problems: list[str], progress: Progress
) -> Replicas:
    """Looks for every acknowledged write on both replicas, and compares them. Not if the cluster isn't ready."""
    design = drill.design.services[service]
    found: dict[str, ledger.Ledger] = {}
    verify = None
    if not await _wait_until_ready(drill, lambda _line: None, PATIENCE):
        unmet = live.unmet(drill.design, await live.read(drill.hosts, drill.design))
        problems.extend(sentence.rstrip(".") for sentence in unmet)
        return Replicas(design.hosts, found, verify)

    async def look() -> str:
        host = await _active_host(drill, service)
        with progress.phase(f"Every acknowledged write is looked for on {host.name}") as say:
            found[host.name] = ledger.compare(record, await database.rows(host, scratch))
            say(f"{found[host.name].acknowledged} acknowledged, {len(found[host.name].lost)} lost")
        return host.name

    first = await look()
    other = next(host for host in design.hosts if host != first)
    with progress.phase(f"Planned switch-over to {other}") as say:
        await replicas.switch_over(drill.hosts, drill.design, service, other)
        if not await _wait_until_ready(drill, say):
            problems.append("the cluster was not ready after a planned switch-over")
    await look()
    for volume in drill.design.volumes:
        if volume.name == design.volume:
            with progress.phase("Both replicas are compared, block by block"):
                verify = await replicas.verify(await drill.hosts.host(other), volume)
    return Replicas(design.hosts, found, verify)


async def _wait_until_ready(drill: Drill, say: Say, limit: float = REPAIR_LIMIT) -> bool:
    """Not by looking too often: a look costs each node a process, and clients are being served."""
    try:
        await live.wait_until_ready(drill.hosts, drill.design, say, timeout=limit, interval=2)
    except HostError:
        return False
    return True


async def _active_host(drill: Drill, service: str) -> Host:
    state = await live.read(drill.hosts, drill.design)
    node = state.active[service]
    if node is None:
        raise HostError(f"{service} is active on no node", todo="`quorate status` says what is wrong.")
    return await drill.hosts.host(node)
