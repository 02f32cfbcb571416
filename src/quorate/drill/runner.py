"""One drill from its beginning to its verdict, as a sequence to be read.

Whatever happens on the way, Ctrl-C included: the fault is healed, the probes are stopped, the drill's accounts removed,
and what is evidence stays where it is. What was written is erased only after a drill whose objectives were kept.
"""

import asyncio
import contextlib
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from quorate import live
from quorate.drill import evidence, guard, naming, regression, report, targets
from quorate.drill.audit import audit, journals, leftovers, phases
from quorate.drill.audit.audit import Blow
from quorate.drill.audit.journals import Journals
from quorate.drill.breaking import break_under_load, rates_of
from quorate.drill.clients import outage
from quorate.drill.clients.probe import Place, Probe
from quorate.drill.clients.record import Record
from quorate.drill.judgement import addresses, course, expectation, holding, replicas
from quorate.drill.judgement.course import Course
from quorate.drill.judgement.forecast import Forecast, foretell, understand
from quorate.drill.judgement.holding import Holding
from quorate.drill.judgement.verdict import Promise, Served, Verdict
from quorate.drill.order import Drill, DrillStopped, Interrupted, new_folder, serving
from quorate.drill.probes.address import Address
from quorate.drill.probes.probed import PROBES
from quorate.drill.report.model import Result
from quorate.drill.settling import settle
from quorate.drill.targets import Aim, Target
from quorate.drill.waiting import until
from quorate.drill.wiring import wiring
from quorate.errors import HostError, QuorateError, Refused
from quorate.live.state import State
from quorate.progress import Progress, Say
from quorate.proof.damage import standing

PATIENCE = 10.0
"""Seconds for a cluster that should be ready already: a link may have been down for a moment."""
WITHDRAWAL_LIMIT = 60.0


async def series(drill: Drill, count: int, progress: Progress) -> AsyncIterator[Verdict]:
    """Holds the same drill several times. A target by role is another node each time, where the role can be moved."""
    aim = _aim(drill)
    last: Verdict | None = None
    for _ in range(count):
        if last and aim.role and aim.service and replicas.movable(drill.design, aim.service):
            state = await live.read(drill.hosts, drill.design)
            if targets.resolve(aim, drill.design, state).nodes == last.nodes:
                service = drill.design.services[aim.service]
                to = next(host for host in service.hosts if host != state.active[service.name])
                with progress.phase(f"Planned switch-over to {to}, so that another node's turn comes") as say:
                    await replicas.switch_over(drill.hosts, drill.design, service.name, to)
                    await settle(drill.hosts, drill.design, say, drill.patience)
        last = await run(drill, progress)
        yield last


async def run(drill: Drill, progress: Progress) -> Verdict:
    """Holds a drill and writes its report.

    Raises:
        InputError: the target is none, or none for this fault.
        Refused: the cluster isn't ready, or the site lacks what the fault needs; nothing was touched.
        DrillStopped: something failed on the way; everything is healed, and it says where the evidence lies.
    """
    begun = time.time()
    aim, names = _aim(drill), drill.probed()
    drill.fault.check_aim(aim)
    parts = understand(drill.on, standing(drill.design, drill.cluster)) if drill.fault.of_parts else ()
    with progress.phase("Is the cluster ready?") as say:
        state = await _require_ready(drill, say)
    if parts:
        today = datetime.now(UTC).date()
        forecast: Forecast | None = foretell(drill.cluster, drill.design, parts, state.active, today=today)
        target = Target(forecast.lost if forecast else (), None, (), parts=parts)
    else:
        target = targets.resolve(aim, drill.design, state)
        forecast = expectation.foretold(drill, target, state)
    target = dataclasses.replace(target, wiring=wiring(drill.cluster, drill.design))
    drill.fault.check(target, drill.tools)
    if not drill.tools.twin:
        guard.check(drill, target, expectation.lost_nodes(drill, target, forecast))
    if drill.fault.finding:
        with progress.phase(f"Is {drill.fault.finding} found before it is there?"):
            await naming.require_unnamed(drill)
    foreseen: Course | None = None
    if forecast or drill.fault.reported is not None:
        with progress.phase("What would Pacemaker's scheduler do?") as say:
            foreseen = await course.foretell(drill, target, forecast, state)
            for step in foreseen.steps if foreseen else ():
                say(str(step))
    folder, places = _begin(drill, names)
    for name, predicted in (("forecast", forecast), ("course", foreseen)):
        if predicted:
            (folder / f"{name}.json").write_text(json.dumps(dataclasses.asdict(predicted), indent=2) + "\n")
    probes = {name: PROBES[name](place) for name, place in places.items()}
    watching = addresses.probes(drill, places)
    regression.write(folder, drill, target, state.active, rates_of(drill, probes))
    try:
        verdict = await _hold(drill, target, forecast, foreseen, state, probes, watching, folder, begun, progress)
    except Interrupted:
        raise
    except DrillStopped:
        await _explain(drill, folder, begun, progress)
        raise
    if not verdict.kept:
        await _explain(drill, folder, begun, progress)
    return verdict


async def _explain(drill: Drill, folder: Path, begun: float, progress: Progress) -> None:
    """Fetches what explains a drill that was not kept."""
    with progress.phase("What explains it is fetched from the nodes") as say:
        for line in await evidence.collect(drill.hosts, drill.design, folder, begun):
            say(line)


async def _hold(
    drill: Drill,
    target: Target,
    forecast: Forecast | None,
    foreseen: Course | None,
    state: State,
    probes: Mapping[str, Probe],
    watching: Mapping[str, Address],
    folder: Path,
    begun: float,
    progress: Progress,
) -> Verdict:
    """The drill itself, once everything says that it may be held."""
    problems: list[str] = []
    with _stopped_with_evidence(drill, folder):
        async with _prepared(probes, progress):
            records, blow, seen, failed = await break_under_load(
                drill, target, forecast, state, {**probes, **watching}, folder, problems, progress
            )
            failures = [*failed]
            after = await live.read(drill.hosts, drill.design)
            problems.extend(expectation.moved(drill, state, after))
            held = await holding.look_again(drill, probes, records, problems, failures, progress)
            with progress.phase("Audit of journals, BMCs and constraints") as say:
                # A connection that broke for a moment since then, say, is no trace of the fault, and goes by itself.
                failures.extend((await settle(drill.hosts, drill.design, say, PATIENCE)).failures)
                left = await leftovers.leftovers(drill.hosts, drill.design)
                read = await journals.collect(drill.hosts, drill.design.hosts, blow.injected)
            services = {
                name: _served(drill, probe, name, records[name], held[name], blow, (state, after), read, forecast)
                for name, probe in probes.items()
            }
            services |= {
                name: addresses.served(probe, name, records[name], blow, (state, after))
                for name, probe in watching.items()
            }
            outages = {name: part.clients.outage for name, part in services.items()}
            downtimes = {name: max(0.0, each.downtime - each.precision) for name, each in outages.items() if each}
            heard = addresses.heard(watching)
            verdict = Verdict(
                fault=drill.fault.name,
                on=drill.on,
                nodes=target.nodes,
                target=target.service,
                injected=blow.injected,
                fences=expectation.must_fence(drill, blow, forecast),
                may_fence=expectation.may_fence(drill, blow),
                thorough=drill.thorough,
                services=services,
                audit=audit.audit(blow, state, read, time.time(), drill.bmcs, left, failures, heard, drill.design),
                problems=tuple(problems),
                prediction=expectation.prediction(drill, forecast, seen, blow, (state, after), services),
                course=course.follow(foreseen, blow.recovery(read), blow.injected, downtimes) if foreseen else None,
                seconds=time.time() - begun,
                folder=str(folder),
                over=blow.over,
                cluster=drill.cluster.name,
                healed_after=None if blow.healed is None else blow.healed - blow.injected,
                time_to_ready=blow.time_to_ready,
            )
            report.write(verdict, records, read, folder)
            if verdict.kept:
                with progress.phase("What was written is erased"):
                    await asyncio.gather(*(probe.erase() for probe in probes.values()))
    return verdict


def _served(
    drill: Drill,
    probe: Probe,
    name: str,
    record: Record,
    held: Holding,
    blow: Blow,
    states: tuple[State, State],
    read: Journals,
    forecast: Forecast | None,
) -> Served:
    objective = drill.cluster.objectives[name]
    promised = drill.fault.promised and expectation.promised(name, blow, forecast)
    signs = phases.of_service(drill.design, name)
    return Served(
        service=name,
        what=probe.what,
        before=states[0].active.get(name) or "",
        after=states[1].active.get(name),
        volume=drill.design.services[name].volume,
        promise=Promise(expectation.allowed(drill, name) if promised else None, objective.lost_writes),
        clients=outage.seen(record, blow.injected),
        holding=held,
        phases=tuple(phases.find(blow.recovery(read), blow.injected, signs)),
    )


async def _require_ready(drill: Drill, say: Say) -> State:
    try:
        return await live.wait_until_ready(drill.hosts, drill.design, say, timeout=PATIENCE)
    except HostError as error:
        raise Refused(
            f"the cluster is {error.what}",
            means="A drill now would break what has nothing in reserve.",
            todo="`quorate status` shows the cluster; `quorate apply` brings it to where the cluster file wants it.",
        ) from None


def _begin(drill: Drill, names: tuple[str, ...]) -> tuple[Path, Mapping[str, Place]]:
    """The drill's folder, and where each probe works."""
    now = datetime.now(UTC)
    folder = new_folder(drill, now)
    return folder, {
        name: Place(
            service=drill.design.services[name],
            name=f"quorate_drill_{now:%Y%m%dt%H%M%Sz}",
            folder=folder,
            serving=partial(serving, drill, name),
            secret=drill.secret,
            authority=drill.authority,
            services=drill.design.services,
        )
        for name in names
    }


@contextlib.contextmanager
def _stopped_with_evidence(drill: Drill, folder: Path) -> Iterator[None]:
    """Says where the evidence lies, whatever went wrong, and writes down that there is no verdict."""
    todo = f"The evidence is in {folder}."
    stopped: DrillStopped
    try:
        yield
        return
    except QuorateError as error:
        kind = type(error) if isinstance(error, DrillStopped) else DrillStopped
        stopped = kind(error.what, where=error.where, means=error.means, todo=f"{error.todo} {todo}".strip())
        stopped.__cause__ = error
    except asyncio.CancelledError:
        stopped = Interrupted("the drill was interrupted", means="The fault is healed.", todo=todo)
    stopped.folder = str(folder)
    report.write_unheld(Result.STOPPED, drill.fault.name, drill.on, drill.cluster.name, stopped, folder)
    raise stopped


@contextlib.asynccontextmanager
async def _prepared(probes: Mapping[str, Probe], progress: Progress) -> AsyncIterator[None]:
    """Makes what the probes need; what must not stay goes away with the block."""
    begun: list[str] = []

    async def withdrawn(probe: Probe) -> bool:
        await probe.withdraw()
        return True

    try:
        with progress.phase(f"Probes are prepared: {', '.join(probes)}"):
            for name, probe in probes.items():
                begun.append(name)
                await probe.prepare()
        yield
    finally:
        with progress.phase("The drill's accounts are removed") as say:
            for name in begun:
                if not await until(partial(withdrawn, probes[name]), WITHDRAWAL_LIMIT):
                    say(f"{name} doesn't serve: what the drill made there is still there, and may go")


def _aim(drill: Drill) -> Aim:
    """What is aimed at; parts of the facility are looked up by `forecast.understand`."""
    if drill.fault.of_parts:
        return Aim(drill.on, (), None, None)
    return targets.parse(drill.on, drill.design)
