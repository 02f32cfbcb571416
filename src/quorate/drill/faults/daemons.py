"""Faults of the cluster's own daemons: Corosync, and Pacemaker's, each of which `pacemakerd` starts again."""

import asyncio
from collections.abc import Awaitable, Callable

from quorate.drill.faults.fault import Fault, Fencing, Lost, Tools
from quorate.drill.targets import Target

SIGNAL = 'pids=$(pidof -- "$2") && kill -s "$1" $pids'
"""$1 signal, $2 program. systemctl(1), "kill", knows units only, and all of Pacemaker is one."""
TIMER = "thaw-corosync"
THAWED_AFTER = 120.0
"""Seconds after which a node thaws its own Corosync, if nobody has fenced it."""
NOTICED_AFTER = 10.0
"""Seconds for the cluster to begin with whatever it does about it."""


def _send(signal: str, program: str) -> Callable[[Tools, Target], Awaitable[None]]:
    async def send(tools: Tools, target: Target) -> None:
        assert tools.commands
        run = tools.commands.run
        await asyncio.gather(*(run(node, "sh", "-c", SIGNAL, "sh", signal, program) for node in target.nodes))

    return send


async def _freeze(tools: Tools, target: Target) -> None:
    assert tools.commands
    thaw = ("sh", "-c", SIGNAL, "sh", "CONT", "corosync")
    await asyncio.gather(*(tools.commands.run_later(node, TIMER, THAWED_AFTER, *thaw) for node in target.nodes))
    await _send("STOP", "corosync")(tools, target)


async def _thaw(tools: Tools, target: Target) -> None:
    assert tools.commands
    for node in target.nodes:
        await tools.commands.undo(node, TIMER, "sh", "-c", SIGNAL, "sh", "CONT", "corosync")


async def _nothing(_tools: Tools, _target: Target) -> None:
    """By now systemd or pacemakerd has started it again, or the node was fenced."""


def _killed(name: str, program: str, fencing: Fencing = Fencing.NOBODY, usual: tuple[str, ...] = ("one",)) -> Fault:
    """One of Pacemaker's daemons, killed."""
    return Fault(
        name=name,
        needs=("commands",),
        telling=f"{program} on {{target}} is killed (SIGKILL)",
        inject=_send("KILL", program),
        heal=_nothing,
        fencing=fencing,
        lasts=NOTICED_AFTER,
        safe=True,
        usual=usual,
    )


COROSYNC_KILL = Fault(
    name="corosync-kill",
    needs=("commands",),
    telling="Corosync on {target} is killed (SIGKILL)",
    inject=_send("KILL", "corosync"),
    heal=_nothing,
    lost=Lost.TARGET,
    fencing=Fencing.NEEDED,
    predicted=True,
    safe=True,
)
COROSYNC_FREEZE = Fault(
    name="corosync-freeze",
    needs=("commands",),
    telling="Corosync on {target} is stopped for good (SIGSTOP)",
    inject=_freeze,
    heal=_thaw,
    lost=Lost.TARGET,
    fencing=Fencing.NEEDED,
    predicted=True,
    safe=True,
)
# Pacemaker's daemons that hold the state of its node (what is there, what runs, who is a member) may cost that node its
# membership for a moment; whoever is the DC then decides whether that was long enough to fence it.
PACEMAKERD_KILL = _killed("pacemakerd-kill", "pacemakerd")
BASED_KILL = _killed("based-kill", "pacemaker-based", Fencing.ALLOWED)
CONTROLD_KILL = _killed("controld-kill", "pacemaker-controld", Fencing.ALLOWED, ("one", "dc"))
EXECD_KILL = _killed("execd-kill", "pacemaker-execd", Fencing.ALLOWED)
FENCED_KILL = _killed("fenced-kill", "pacemaker-fenced")
ATTRD_KILL = _killed("attrd-kill", "pacemaker-attrd")
SCHEDULERD_KILL = _killed("schedulerd-kill", "pacemaker-schedulerd", usual=("dc",))

FAULTS = (
    COROSYNC_KILL,
    COROSYNC_FREEZE,
    PACEMAKERD_KILL,
    BASED_KILL,
    CONTROLD_KILL,
    EXECD_KILL,
    FENCED_KILL,
    ATTRD_KILL,
    SCHEDULERD_KILL,
)
