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
