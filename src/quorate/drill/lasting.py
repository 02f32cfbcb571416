"""A fault that stays until the drill heals it: long enough that what was predicted for the meantime can be seen."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from functools import partial

from quorate import live
from quorate.drill.audit import fencing
from quorate.drill.judgement.forecast import Fate, Forecast, Glimpse
from quorate.drill.order import Drill
from quorate.drill.waiting import until
from quorate.progress import Progress

LASTS = 40.0
"""Seconds at least: more than twice what a takeover takes, so that one that isn't predicted would come."""
SERVED_LIMIT = 180.0
FENCED_LIMIT = 90.0

Steady = Callable[[float, float, Collection[str]], Awaitable[list[str]]]
"""Waits until services are served steadily: since when, for how many seconds at most, which."""


async def endure(
    drill: Drill, forecast: Forecast, injected: float, steady: Steady, problems: list[str], progress: Progress
) -> Glimpse:
    """Waits for what is predicted, and for its opposite, and looks. The caller heals."""
    on_parts = " and ".join(forecast.parts)
    with progress.phase(f"Without {on_parts}, as predicted? {'; '.join(forecast.sentences())}") as say:
        served = [service for service, fate in forecast.fates.items() if fate is not Fate.GONE]
        for line in await steady(injected, SERVED_LIMIT, served):
            problems.append(line)
            say(line)
        await until(partial(_fenced, drill, forecast, injected), min(FENCED_LIMIT, drill.patience), every=1)
        await asyncio.sleep(max(0.0, injected + LASTS - time.time()))
        state = await live.read(drill.hosts, drill.design)
        return Glimpse(
            lost=tuple(name for name, node in state.nodes.items() if not node.online),
            fenced=tuple(fencing.since(drill.bmcs, list(drill.design.hosts), injected)),
            serving=dict(state.active),
            healed=time.time(),
        )


async def _fenced(drill: Drill, forecast: Forecast, injected: float) -> bool:
    return set(forecast.fenced) <= set(fencing.since(drill.bmcs, forecast.fenced, injected))
