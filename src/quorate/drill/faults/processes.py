"""Faults of a service's processes."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from quorate.drill.faults.fault import Fault, Tools
from quorate.drill.targets import Target
from quorate.errors import HostError


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


KILL = Fault(
    name="kill",
    needs=("processes",),
    telling="every process of {service} on {target} is killed (SIGKILL)",
    inject=_send("SIGKILL"),
    heal=_nothing,
    of_service=True,
    safe=True,
    usual=("active:*",),
)
FREEZE = Fault(
    name="freeze",
    needs=("processes",),
    telling="every process of {service} on {target} is stopped for good (SIGSTOP)",
    inject=_send("SIGSTOP"),
    heal=_thaw,
    of_service=True,
    safe=True,
    usual=("active:*",),
)
