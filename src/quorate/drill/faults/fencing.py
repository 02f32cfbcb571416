"""Faults of BMCs. One by itself is noticed by a monitor and hurts nobody; here each meets the loss of its node.

What an operator would expect: a node that can't be fenced keeps what it served, for nobody knows what it still does;
one that is fenced late is taken over late; and no answer of a BMC, however wrong, makes two primaries.
"""

import asyncio
from collections.abc import Awaitable, Callable

from quorate.drill.faults.fault import Fault, Fencing, Lost, Tools
from quorate.drill.faults.network import LASTS, apart
from quorate.drill.targets import Target


async def _spoil(tools: Tools, target: Target, how: str) -> None:
    assert tools.bmcs
    await asyncio.gather(*(tools.bmcs.misbehave(node, how) for node in target.nodes))


async def _behave(tools: Tools, target: Target) -> None:
    assert tools.bmcs
    await asyncio.gather(*(tools.bmcs.behave(node) for node in target.nodes))


def _without_power(how: str) -> Callable[[Tools, Target], Awaitable[None]]:
    async def inject(tools: Tools, target: Target) -> None:
        assert tools.power
        await _spoil(tools, target, how)
        await asyncio.gather(*(tools.power.off(node) for node in target.nodes))

    return inject


async def _give_back(tools: Tools, target: Target) -> None:
    """Power and BMC come back together, as with the PDU that both hang on."""
    assert tools.power
    await _behave(tools, target)
    for node in target.nodes:
        await tools.power.on(node)


async def _freeze(tools: Tools, target: Target) -> None:
    assert tools.machine
    await _spoil(tools, target, "slow")
    await asyncio.gather(*(tools.machine.freeze(node) for node in target.nodes))


async def _thaw(tools: Tools, target: Target) -> None:
    assert tools.machine
    await _behave(tools, target)
    await asyncio.gather(*(tools.machine.thaw(node) for node in target.nodes))


async def _part(tools: Tools, target: Target) -> None:
    assert tools.network
    await _spoil(tools, target, "liar")
    await tools.network.cut(apart(target))


async def _join(tools: Tools, target: Target) -> None:
    assert tools.network
    await tools.network.mend()
    await _behave(tools, target)


def _unfenceable(name: str, how: str, telling: str) -> Fault:
    return Fault(
        name=name,
        needs=("power", "bmcs"),
        telling=telling,
        inject=_without_power(how),
        heal=_give_back,
        lost=Lost.TARGET,
        fencing=Fencing.NEEDED,
        lasts=LASTS,
        cuts_power=True,
        predicted=True,
        with_bmcs=True,
    )


FAULTS = (
    _unfenceable("bmc-dead", "dead", "{target} loses its power, and its BMC is dead"),
    _unfenceable("bmc-password", "stranger", "{target} loses its power, and its BMC takes no password"),
    Fault(
        name="bmc-slow",
        needs=("machine", "bmcs"),
        telling="{target} stands still, and its BMC takes 8 s to switch it off",
        inject=_freeze,
        heal=_thaw,
        lost=Lost.TARGET,
        fencing=Fencing.NEEDED,
        predicted=True,
    ),
    Fault(
        name="bmc-lies",
        needs=("network", "bmcs"),
        telling="{target} is cut off from all others, and its BMC says that it is off, and it isn't",
        inject=_part,
        heal=_join,
        lost=Lost.LESSER,
        fencing=Fencing.NEEDED,
        lasts=LASTS,
        lying=True,
        predicted=True,
        usual=(),
    ),
)
