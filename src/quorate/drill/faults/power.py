"""Faults of a node's power."""

import asyncio

from quorate.drill.faults.fault import Fault, Fencing, Lost, Tools
from quorate.drill.targets import Target

BOOT_APART = 10.0
"""Seconds between two nodes that get their power back, so that their order means something."""


async def _cut_power(tools: Tools, target: Target) -> None:
    assert tools.power
    await asyncio.gather(*(tools.power.off(node) for node in target.nodes))


async def _give_power(tools: Tools, target: Target) -> None:
    assert tools.power
    for count, node in enumerate(target.nodes):
        if not await tools.power.is_on(node):
            await tools.power.on(node)
            if count + 1 < len(target.nodes):
                await asyncio.sleep(BOOT_APART)


async def _cut_twice(tools: Tools, target: Target) -> None:
    """The second time as soon as they are members again: replication catches up, resources start."""
    assert tools.membership
    await _cut_power(tools, target)
    for node in target.nodes:
        await tools.membership.without(node)
    for node in target.nodes:
        await tools.membership.joined(node)
    await _cut_power(tools, target)


async def _cut_in_turn(tools: Tools, target: Target) -> None:
    """Each when the one before is back and nothing is missing: then the next failure is the first one again."""
    assert tools.power
    assert tools.membership
    for node in target.nodes:
        await tools.power.off(node)
        await tools.membership.without(node)
        await tools.membership.whole()


POWER_LOSS = Fault(
    name="power-loss",
    needs=("power",),
    telling="the power of {target} is cut; BMCs still answer",
    inject=_cut_power,
    heal=_give_power,
    lost=Lost.TARGET,
    fencing=Fencing.NEEDED,
    cuts_power=True,
    predicted=True,
    usual=("one", "dc", "all"),
)
POWER_RELAPSE = Fault(
    name="power-relapse",
    needs=("power", "membership"),
    telling="the power of {target} is cut, and once more as soon as it is back in the cluster",
    inject=_cut_twice,
    heal=_give_power,
    lost=Lost.TARGET,
    fencing=Fencing.NEEDED,
    cuts_power=True,
    predicted=True,
)
ROLLING_POWER_LOSS = Fault(
    name="rolling-power-loss",
    needs=("power", "membership"),
    telling="the power of {target} is cut one after another, each time when nothing is missing",
    inject=_cut_in_turn,
    heal=_give_power,
    fencing=Fencing.ALLOWED,
    lasts=1.0,
    usual=("all",),
)

FAULTS = (POWER_LOSS, POWER_RELAPSE, ROLLING_POWER_LOSS)
