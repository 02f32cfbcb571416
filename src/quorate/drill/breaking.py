"""A fault and the recovery from it, under load all the time."""

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from quorate import live
from quorate.drill import guard, naming
from quorate.drill.audit import fencing
from quorate.drill.audit.audit import Blow
from quorate.drill.clients import probing
from quorate.drill.clients.probe import Probe
from quorate.drill.clients.probing import Probing
from quorate.drill.clients.record import Record
from quorate.drill.faults import Fencing
from quorate.drill.judgement.expectation import lost_nodes, spared
from quorate.drill.judgement.forecast import Forecast, Glimpse
from quorate.drill.lasting import endure
from quorate.drill.order import Drill
from quorate.drill.settling import settle
from quorate.drill.targets import Target
from quorate.drill.waiting import until
from quorate.errors import QuorateError
from quorate.live.state import State
from quorate.progress import Progress

STEADY = 3.0
"""Seconds of clean answers before a fault is injected, and after it before clients count as served again."""
START_LIMIT = 60.0
NOTICE_LIMIT = 90.0
"""Seconds in which the cluster should notice a fault. A process that hangs is noticed by a monitor's time-out."""
OUTAGE_LIMIT = 180.0
BOOT_LIMIT = 600.0
"""Instead of that, and of the drill's patience, once so many nodes lost their power that the cluster could do nothing
before it came back."""
DARK = 5.0
"""Seconds for which the power then stays off."""


@dataclass
class Under:
    """The load while it is on."""

    probings: list[Probing]

    async def steady(self, since: float, limit: float, only: Collection[str] | None = None) -> list[str]:
        """Waits until all services serve steadily, or only some; those that don't, each with a sentence."""
        waited_for = [probing for probing in self.probings if only is None or probing.service in only]
        found = await asyncio.gather(*(probing.steady(STEADY, since, limit) for probing in waited_for))
        return [
            f"{probing.service} did not serve steadily within {limit:g} s ({probing.last_trouble()})"
            for probing, steady in zip(waited_for, found, strict=True)
            if not steady
        ]

    async def stop(self) -> dict[str, Record]:
        """Ends all probes at once."""
        records = await asyncio.gather(*(probing.stop() for probing in self.probings))
        return {probing.service: record for probing, record in zip(self.probings, records, strict=True)}


def rates_of(drill: Drill, probes: Mapping[str, Probe]) -> dict[str, float]:
    """Operations a second, by service."""
    alone = sum(probe.writes for probe in probes.values()) == 1
    return {name: drill.rates.get(name, probe.alone if alone else probe.rate) for name, probe in probes.items()}


async def break_under_load(
    drill: Drill,
    target: Target,
    forecast: Forecast | None,
    before: State,
    probes: Mapping[str, Probe],
    folder: Path,
    problems: list[str],
    progress: Progress,
) -> tuple[dict[str, Record], Blow, Glimpse | None, tuple[str, ...]]:
    """The fault and the recovery from it, under load all the time; also what failed in the cluster meanwhile."""
    fault = drill.fault
    lost = lost_nodes(drill, target, forecast)
    by_rest = spared(drill, lost)
    limit = drill.patience if by_rest else BOOT_LIMIT
    async with contextlib.AsyncExitStack() as stack:
        under = Under([])
        rates = []
        for name, probe in probes.items():
            rate = rates_of(drill, probes)[name]
            rates.append(f"{rate:g} {probe.what}")
            probing_ = probing.running(name, probe.module, probe.config(rate), folder)
            under.probings.append(await stack.enter_async_context(probing_))
        with progress.phase(f"{', '.join(rates)} a second, all acknowledged for {STEADY:g} s"):
            if unsteady := await under.steady(time.time(), START_LIMIT):
                raise QuorateError(
                    "; ".join(unsteady), todo="`quorate status` shows the cluster; --rate sets a smaller load."
                )
        if drill.guarded or not drill.tools.twin:
            await stack.enter_async_context(
                guard.guarded(drill, target, guard.watch(drill, target, lost, before), folder)
            )
        try:
            with progress.phase(fault.telling.format(target=target, service=target.service)):
                injected = time.time()
                await fault.inject(drill.tools, target)
                off = forecast.damage.powerless if forecast and fault.of_parts else lost if fault.cuts_power else ()
                powerless = dict.fromkeys(off, time.time())
            seen, healed = None, injected
            if forecast and (fault.of_parts or fault.lasts):
                seen = await endure(drill, forecast, injected, under.steady, problems, progress)
            elif fault.lasts or not by_rest:
                with progress.phase(f"{fault.name} on {target} has {fault.lasts or DARK:g} s"):
                    problems.extend(await naming.stay(drill, fault.lasts or DARK))
            if seen or fault.lasts or not by_rest:
                healed = time.time()
                with progress.phase(f"What is left of {fault.name} on {target} is healed"):
                    await fault.heal(drill.tools, target)
            with progress.phase("Clients are served again") as say:
                unserved = await under.steady(healed, OUTAGE_LIMIT if by_rest else BOOT_LIMIT)
                problems.extend(unserved)
                for line in unserved:
                    say(line)
            with progress.phase("The cluster has noticed, and is ready again") as say:
                noticed = partial(_noticed, drill, target, injected)
                if by_rest and not seen and not fault.lasts and not await until(noticed, NOTICE_LIMIT, every=1):
                    problems.append(f"the cluster did not notice it within {NOTICE_LIMIT:g} s")
                settled = await settle(drill.hosts, drill.design, say, limit)
                ready = time.time() if settled.ready else None
                if not settled.ready:
                    problems.append(f"the cluster was not ready again within {limit:g} s")
                    say(f"{problems[-1]}; healing {fault.name}")
                    await fault.heal(drill.tools, target)
                    await settle(drill.hosts, drill.design, say, limit)
        finally:
            await fault.heal(drill.tools, target)
        lying = lost if fault.lying else ()
        blow = Blow(
            target,
            injected,
            powerless,
            lost,
            by_rest,
            over=time.time(),
            lying=lying,
            crashes=fault.crashes,
            claimed=(target.address,) if fault.wants == "address" else (),
            healed=None if healed == injected else healed,
            ready=ready,
        )
        return await under.stop(), blow, seen, settled.failures


async def _noticed(drill: Drill, target: Target, injected: float) -> bool:
    """Whether the cluster has done something about it: fenced the nodes, let them go, or written a failure down."""
    if drill.fault.fencing is Fencing.NEEDED:
        lost = drill.fault.loses(target, tuple(drill.design.hosts))
        return set(lost) <= set(fencing.since(drill.bmcs, lost, injected))
    if drill.fault.leaves:
        state = await live.read(drill.hosts, drill.design)
        return any(not state.nodes[node].online for node in target.nodes)
    return not target.resources or bool((await live.read(drill.hosts, drill.design)).failed_actions)
