"""Faults of what a service answers, while its processes are there and its ports are open."""

from collections.abc import Awaitable, Callable

from quorate import node
from quorate.drill.faults import transient
from quorate.drill.faults.fault import Fault, Tools
from quorate.drill.targets import Target
from quorate.node import ocf

NAME = "impostor"


def _take_place(how: str) -> Callable[[Tools, Target], Awaitable[None]]:
    async def take_place(tools: Tools, target: Target) -> None:
        program = ("python3", "-I", "-S", "-c", node.source("impostor"), how, *target.units)
        await transient.begin(tools, target, NAME, *program, ready=True)

    return take_place


async def _give_back(tools: Tools, target: Target) -> None:
    """The addresses are free again; the service may come back."""
    await transient.end(tools, target, NAME)
    await transient.forgive(tools, target)


MUTE = Fault(
    name="mute",
    needs=("commands",),
    telling="{service} on {target} takes every connection and never answers, however often it is started",
    inject=_take_place("silent"),
    heal=_give_back,
    of_service=True,
    reported=("start", ocf.ERR_GENERIC),
    lasts=transient.LASTS,
    safe=True,
    usual=("active:*",),
)
ERRORS = Fault(
    name="errors",
    needs=("commands",),
    telling="{service} on {target} answers every request with the status 500, however often it is started",
    inject=_take_place("errors"),
    heal=_give_back,
    of_service=True,
    reported=("start", ocf.ERR_GENERIC),
    wants="web",
    lasts=transient.LASTS,
    safe=True,
    usual=("active:*",),
)

FAULTS = (MUTE, ERRORS)
