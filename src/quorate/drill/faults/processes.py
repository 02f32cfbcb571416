"""Faults of a service's processes."""

import asyncio
from collections.abc import Awaitable, Callable

from quorate.drill.faults import transient
from quorate.drill.faults.fault import Fault, Tools
from quorate.drill.targets import Target
from quorate.node import ocf

LOOP = 'while :; do systemctl kill --kill-whom=all --signal=SIGKILL -- "$@"; sleep 0.5; done 2> /dev/null'
"""Its words are units; one that has no process is no matter."""
LOOP_NAME = "kill-loop"
PAUSE = 8.0
"""Seconds: longer than any client likes, shorter than a monitor's interval and patience together."""
THAWED_AFTER = 120.0
"""Seconds after which a node lets its own processes go on, if nobody else has: no monitor waits so long."""
TIMER = "thaw-units"


def _send(signal: str) -> Callable[[Tools, Target], Awaitable[None]]:
    async def send(tools: Tools, target: Target) -> None:
        assert tools.processes
        for node in target.nodes:
            await asyncio.gather(*(tools.processes.signal(node, unit, signal) for unit in target.units))

    return send


async def _nothing(_tools: Tools, _target: Target) -> None:
    """The cluster has started it again by now, or nobody can."""


async def _kill_again_and_again(tools: Tools, target: Target) -> None:
    await transient.begin(tools, target, LOOP_NAME, "sh", "-c", LOOP, "sh", *target.units)


async def _let_live(tools: Tools, target: Target) -> None:
    await transient.end(tools, target, LOOP_NAME)
    await transient.forgive(tools, target)


def _continue(target: Target) -> tuple[str, ...]:
    return ("systemctl", "kill", "--kill-whom=all", "--signal=SIGCONT", "--", *target.units)


def _stop(seconds: float) -> Callable[[Tools, Target], Awaitable[None]]:
    """SIGSTOP, and a timer on the node that ends it."""

    async def stop(tools: Tools, target: Target) -> None:
        assert tools.commands
        for node in target.nodes:
            await tools.commands.run_later(node, TIMER, seconds, *_continue(target))
        await _send("SIGSTOP")(tools, target)

    return stop


async def _go_on(tools: Tools, target: Target) -> None:
    assert tools.commands
    for node in target.nodes:
        await tools.commands.undo(node, TIMER, *_continue(target))


KILL = Fault(
    name="kill",
    needs=("processes",),
    telling="every process of {service} on {target} is killed (SIGKILL)",
    inject=_send("SIGKILL"),
    heal=_nothing,
    of_service=True,
    reported=("monitor", ocf.NOT_RUNNING),
    safe=True,
    usual=("active:*",),
)
FREEZE = Fault(
    name="freeze",
    needs=("commands", "processes"),
    telling="every process of {service} on {target} is stopped for good (SIGSTOP)",
    inject=_stop(THAWED_AFTER),
    heal=_go_on,
    of_service=True,
    reported=("monitor", ocf.ERR_GENERIC),
    safe=True,
    usual=("active:*",),
)
KILL_LOOP = Fault(
    name="kill-loop",
    needs=("commands",),
    telling="every process of {service} on {target} is killed (SIGKILL), again and again",
    inject=_kill_again_and_again,
    heal=_let_live,
    of_service=True,
    reported=("start", ocf.ERR_GENERIC),
    lasts=transient.LASTS,
    safe=True,
    usual=("active:*",),
)
FREEZE_AWHILE = Fault(
    name="freeze-awhile",
    needs=("commands", "processes"),
    telling="every process of {service} on {target} is stopped (SIGSTOP), and goes on after 8 s",
    inject=_stop(PAUSE),
    heal=_go_on,
    of_service=True,
    lasts=PAUSE,
    safe=True,
    usual=("active:*",),
)

FAULTS = (KILL, FREEZE, KILL_LOOP, FREEZE_AWHILE)
