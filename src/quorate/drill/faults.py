"""Faults: ways to break something, and their healing. Each is a small package.

Nothing here knows how a site does what a fault needs; it is handed in as `Tools`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol


class Power(Protocol):
    """The switch of every node's power, past its BMC: what a hand at the PDU would do."""

    async def off(self, node: str) -> None:
        """Cuts a node's power at once."""
        ...

    async def on(self, node: str) -> None:
        """Gives a node power, and starts it; nothing if it is on."""
        ...

    async def is_on(self, node: str) -> bool:
        """Whether a node has power."""
        ...


@dataclass(frozen=True)
class Tools:
    """What faults need from outside, as far as the site has it."""

    power: Power | None = None


@dataclass(frozen=True)
class Fault:
    """One way to break a node."""

    name: str
    needs: tuple[str, ...]
    """The fields of `Tools` that must be there."""
    telling: str
    """What is done, with `{node}` in it."""
    inject: Callable[[Tools, str], Awaitable[None]]
    heal: Callable[[Tools, str], Awaitable[None]]
    """Undoes whatever is left of it; harmless if nothing is."""
    cuts_power: bool = False
    """The node is gone at once: it is primary of nothing from then on, and the cluster must fence it."""

    def missing(self, tools: Tools) -> list[str]:
        """What it needs and the site doesn't have."""
        return [need for need in self.needs if getattr(tools, need) is None]


async def _cut_power(tools: Tools, node: str) -> None:
    assert tools.power
    await tools.power.off(node)


async def _give_power(tools: Tools, node: str) -> None:
    assert tools.power
    if not await tools.power.is_on(node):
        await tools.power.on(node)


POWER_LOSS = Fault(
    name="power-loss",
    needs=("power",),
    telling="the power of {node} is cut; its BMC still answers",
    inject=_cut_power,
    heal=_give_power,
    cuts_power=True,
)

FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in (POWER_LOSS,)}
