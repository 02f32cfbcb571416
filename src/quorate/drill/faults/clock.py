"""Faults of a node's clock: it is set to a wrong time.

Nothing may depend on it: who is a member, who is fenced and what is on a disk are decided by clocks that only run
forward. Not on a real cluster: what is written meanwhile keeps the wrong time, in databases and in tokens.
"""

import asyncio
from collections.abc import Awaitable, Callable

from quorate import node
from quorate.drill.faults import transient
from quorate.drill.faults.fault import Fault, Tools
from quorate.drill.targets import Target

STEP = 300.0
"""Seconds."""
EVERY = 1.0
"""Seconds between two jumps to and fro."""
LASTS = 40.0
MARGIN = 60.0
"""Seconds after which a node puts its clock right by itself, if nobody has."""
TIMER = "clock"
STROBE = "strobe"


def _program(*words: str) -> tuple[str, ...]:
    return ("python3", "-I", "-S", "-c", node.source("clock"), *words)


async def _in_time(tools: Tools, target: Target) -> None:
    """The timer counts by a clock that nobody sets: systemd.timer(5), "OnActiveSec"."""
    assert tools.commands
    for each in target.nodes:
        await tools.commands.run_later(each, TIMER, LASTS + MARGIN, *_program("right"))


def _step(seconds: float) -> Callable[[Tools, Target], Awaitable[None]]:
    async def step(tools: Tools, target: Target) -> None:
        await _in_time(tools, target)
        assert tools.commands
        run = tools.commands.run
        await asyncio.gather(*(run(each, *_program("step", f"{seconds:g}")) for each in target.nodes))

    return step


async def _strobe(tools: Tools, target: Target) -> None:
    await _in_time(tools, target)
    await transient.begin(tools, target, STROBE, *_program("strobe", f"{STEP:g}", f"{EVERY:g}"))


async def _put_right(tools: Tools, target: Target) -> None:
    await transient.end(tools, target, STROBE)
    assert tools.commands
    for each in target.nodes:
        await tools.commands.undo(each, TIMER, *_program("right"))


def _clock(name: str, telling: str, inject: Callable[[Tools, Target], Awaitable[None]]) -> Fault:
    return Fault(
        name=name,
        needs=("commands",),
        telling=telling,
        inject=inject,
        heal=_put_right,
        lasts=LASTS,
        still=True,
        usual=("one", "dc"),
    )


FAULTS = (
    _clock("clock-forward", "the clock of {target} is set five minutes forward", _step(STEP)),
    _clock("clock-back", "the clock of {target} is set five minutes back", _step(-STEP)),
    _clock("clock-strobe", "the clock of {target} jumps five minutes forward and back, every second", _strobe),
)
