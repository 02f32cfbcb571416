"""Programs that a drill has on nodes for a while, as transient units of systemd's that end by themselves."""

import asyncio
import contextlib

from quorate.drill.faults.fault import Tools
from quorate.drill.targets import Target
from quorate.errors import HostError

LASTS = 40.0
"""Seconds that they run, whatever becomes of the machine that started them."""


async def begin(tools: Tools, target: Target, name: str, *argv: str, ready: bool = False) -> None:
    """Starts a program on each node; with `ready` it has said that it is, sd_notify(3), once this returns."""
    assert tools.commands
    options = (f"--unit=quorate-drill-{name}", f"--property=RuntimeMaxSec={LASTS:g}")
    kind = ("--property=Type=notify", "--property=TimeoutStopSec=5") if ready else ("--property=TimeoutStopSec=5",)
    run = ("systemd-run", "--quiet", "--collect", *options, *kind, "--", *argv)
    await asyncio.gather(*(tools.commands.run(node, *run) for node in target.nodes))


async def end(tools: Tools, target: Target, name: str) -> None:
    """Ends it at once; harmless if it has ended, or its node is away."""
    assert tools.commands
    for node in target.nodes:
        with contextlib.suppress(HostError):
            await tools.commands.run(node, "systemctl", "stop", f"quorate-drill-{name}.service")


async def forgive(tools: Tools, target: Target) -> None:
    """Lets Pacemaker forget that the target's resources failed there, so that they may come back.

    Without it that is forgotten after `failure-timeout`.
    """
    assert tools.commands
    for node in target.nodes:
        for resource in target.resources:
            with contextlib.suppress(HostError):
                await tools.commands.run(node, "crm_resource", "--cleanup", "--resource", resource, "--node", node)
