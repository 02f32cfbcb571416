"""Faults: ways to break something, and their healing. Each is a small package.

Nothing here knows how a site does what a fault needs; it is handed in as `Tools`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from quorate.drill.targets import Aim, Target
from quorate.errors import HostError, InputError, Refused

BOOT_APART = 10.0
"""Seconds between two nodes that get their power back, so that their order means something."""


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


class Processes(Protocol):
    """The processes of systemd units on the nodes."""

    async def signal(self, node: str, unit: str, signal: str) -> None:
        """Sends a signal to every process of a unit. Raises HostError, if the unit has none, too."""
        ...


@dataclass(frozen=True)
class Tools:
    """What faults need from outside, as far as the site has it."""

    power: Power | None = None
    processes: Processes | None = None


@dataclass(frozen=True)
class Fault:
    """One way to break something."""

    name: str
    needs: tuple[str, ...]
    """The fields of `Tools` that must be there."""
    telling: str
    """What is done, with `{target}` and `{service}` in it."""
    inject: Callable[[Tools, Target], Awaitable[None]]
    heal: Callable[[Tools, Target], Awaitable[None]]
    """Undoes whatever is left of it; harmless if nothing is."""
    cuts_power: bool = False
    """The nodes are gone at once, primary of nothing from then on; the cluster must fence them, if it is left to."""
    of_service: bool = False
    """It hits a service on a node, and not the node; nobody may be fenced for it."""

    def check_aim(self, aim: Aim) -> None:
        """Whether it can be aimed there. Raises InputError."""
        if self.of_service and aim.service is None:
            raise InputError(
                f"{self.name} is done to a service on a node",
                where=f"--on {aim.text}",
                todo="choose one of: active:SERVICE, standby:SERVICE, NODE:SERVICE, NODE:UNIT",
            )

    def check(self, target: Target, tools: Tools) -> None:
        """Whether it can be done, here and now. Raises Refused."""
        if self.of_service and not target.units:
            raise Refused(f"{target.service} has no processes of its own on {target}")
        if missing := [need for need in self.needs if getattr(tools, need) is None]:
            raise Refused(
                f"{self.name} needs {', '.join(missing)}, which this site doesn't have",
                todo="Hold it on the site's twin: `quorate lab up` makes it.",
            )


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


def _send(signal: str) -> Callable[[Tools, Target], Awaitable[None]]:
    async def send(tools: Tools, target: Target) -> None:
        assert tools.processes
        for node in target.nodes:
            await asyncio.gather(*(tools.processes.signal(node, unit, signal) for unit in target.units))

    return send


async def _thaw(tools: Tools, target: Target) -> None:
    """Once the cluster has ended what was frozen, there may be nothing to send it to."""
    with contextlib.suppress(HostError):
        await _send("SIGCONT")(tools, target)


async def _nothing(_tools: Tools, _target: Target) -> None:
    """The cluster has started it again by now, or nobody can."""


POWER_LOSS = Fault(
    name="power-loss",
    needs=("power",),
    telling="the power of {target} is cut; BMCs still answer",
    inject=_cut_power,
    heal=_give_power,
    cuts_power=True,
)
KILL = Fault(
    name="kill",
    needs=("processes",),
    telling="every process of {service} on {target} is killed (SIGKILL)",
    inject=_send("SIGKILL"),
    heal=_nothing,
    of_service=True,
)
FREEZE = Fault(
    name="freeze",
    needs=("processes",),
    telling="every process of {service} on {target} is stopped for good (SIGSTOP)",
    inject=_send("SIGSTOP"),
    heal=_thaw,
    of_service=True,
)

FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in (POWER_LOSS, KILL, FREEZE)}
