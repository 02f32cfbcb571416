"""Faults of whole nodes that keep their power: they panic, stand still, restart, or have nothing left to work with."""

import asyncio
import contextlib

from quorate.drill.faults.fault import Fault, Fencing, Lost, Tools
from quorate.drill.targets import Target
from quorate.errors import HostError

SOON = 1.0
"""Seconds until a node does what ends the session that asked for it."""
LASTS = 40.0
MARGIN = 60.0
"""Seconds after which a node ends by itself what nobody has ended."""

BUSY = "for n in $(seq $((4 * $(nproc)))); do while :; do :; done & done; wait"
"""Four programs a processor that do nothing."""
GREEDY = """
import time
held = []
while True:
    with open("/proc/meminfo") as file:
        free = next(int(line.split()[1]) for line in file if line.startswith("MemAvailable"))
    if free > 2048:
        held.append(b"x" * (1024 * min(free // 2, 16384)))
    else:
        time.sleep(0.05)
"""
"""Takes what is free, again and again; another one is the kernel's victim, oom_score_adj in proc(5)."""


async def _panic(tools: Tools, target: Target) -> None:
    assert tools.commands
    crash = ("sh", "-c", "echo c > /proc/sysrq-trigger")
    await asyncio.gather(*(tools.commands.run_later(node, "panic", SOON, *crash) for node in target.nodes))


async def reboot(tools: Tools, target: Target) -> None:
    """In good order: systemd stops the cluster's daemons first, and they what they run."""
    assert tools.commands
    reboot = ("systemctl", "reboot")
    await asyncio.gather(*(tools.commands.run_later(node, "reboot", SOON, *reboot) for node in target.nodes))


async def _nothing(_tools: Tools, _target: Target) -> None:
    """It comes back by itself, or is fenced."""


async def _freeze(tools: Tools, target: Target) -> None:
    assert tools.machine
    await asyncio.gather(*(tools.machine.freeze(node) for node in target.nodes))


async def _thaw(tools: Tools, target: Target) -> None:
    assert tools.machine
    await asyncio.gather(*(tools.machine.thaw(node) for node in target.nodes))


async def _hog(tools: Tools, target: Target, *options: str) -> None:
    """A unit of systemd's that ends itself."""
    assert tools.commands
    limit = f"--property=RuntimeMaxSec={LASTS + MARGIN:g}"
    unit = ("systemd-run", "--quiet", "--collect", "--unit=quorate-drill-hog", limit)
    await asyncio.gather(*(tools.commands.run(node, *unit, *options) for node in target.nodes))


async def _starve(tools: Tools, target: Target) -> None:
    weight = ("--property=CPUWeight=10000", "--property=Nice=-10")
    await _hog(tools, target, *weight, "sh", "-c", BUSY)


async def _exhaust(tools: Tools, target: Target) -> None:
    await _hog(tools, target, "--property=OOMScoreAdjust=-900", "python3", "-I", "-S", "-c", GREEDY)


async def _relieve(tools: Tools, target: Target) -> None:
    assert tools.commands
    for node in target.nodes:
        with contextlib.suppress(HostError):  # it has ended, or its node is away
            await tools.commands.run(node, "systemctl", "kill", "--signal=SIGKILL", "quorate-drill-hog.service")


PANIC = Fault(
    name="panic",
    crashes=("kernel panic",),
    needs=("commands",),
    telling="the kernel of {target} panics (sysrq c)",
    inject=_panic,
    heal=_nothing,
    lost=Lost.TARGET,
    fencing=Fencing.NEEDED,
    predicted=True,
)
NODE_FREEZE = Fault(
    name="node-freeze",
    needs=("machine",),
    telling="{target} stands still as a whole; its power stays on",
    inject=_freeze,
    heal=_thaw,
    lost=Lost.TARGET,
    fencing=Fencing.NEEDED,
    predicted=True,
)
REBOOT = Fault(
    name="reboot",
    needs=("commands",),
    telling="{target} is restarted in good order",
    inject=reboot,
    heal=_nothing,
    leaves=True,
    safe=True,
)
CPU_STARVATION = Fault(
    name="cpu-starvation",
    needs=("commands",),
    telling="the processors of {target} are taken by others",
    inject=_starve,
    heal=_relieve,
    fencing=Fencing.ALLOWED,
    lasts=LASTS,
    safe=True,
)
MEMORY_EXHAUSTED = Fault(
    name="memory-exhausted",
    crashes=("out of memory",),
    needs=("commands",),
    telling="the memory of {target} is taken to the last page",
    inject=_exhaust,
    heal=_relieve,
    fencing=Fencing.ALLOWED,
    lasts=LASTS,
)

FAULTS = (PANIC, NODE_FREEZE, REBOOT, CPU_STARVATION, MEMORY_EXHAUSTED)
