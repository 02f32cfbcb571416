"""A fault of a service's configuration: what is written there is refused by the program that reads it.

The spoiled copies are mounted over the files, so that nothing on a disk is changed: a restart of the node heals it.
"""

import asyncio

from quorate.drill.faults import transient
from quorate.drill.faults.fault import Fault, Tools
from quorate.drill.targets import Target
from quorate.node import ocf

TIMER = "configuration"
LASTS = 40.0
MARGIN = 60.0
"""Seconds after which a node restores by itself what nobody has restored."""

COPIES = "/run/quorate-drill"
SPOIL = f"""
mkdir -p -m 0700 {COPIES}
for file; do
    grep -qF " $file " /proc/self/mountinfo && continue
    copy=$(mktemp -p {COPIES})
    cp --preserve=mode,ownership -- "$file" "$copy"
    echo spoiled-by-a-drill >> "$copy"
    mount --bind -- "$copy" "$file"
done
"""
"""A line that MariaDB, RabbitMQ, HAProxy, oslo.config and Python all refuse, each with an error of its own."""
RESTORE = f"""
for file; do
    while grep -qF " $file " /proc/self/mountinfo; do umount -l -- "$file" || break; done
done
rm -rf {COPIES}
"""
"""Lazily: a program may have the file open."""


async def _spoil(tools: Tools, target: Target) -> None:
    assert tools.commands and tools.processes
    commands, processes = tools.commands, tools.processes

    async def on(node: str) -> None:
        await commands.run_later(node, TIMER, LASTS + MARGIN, *_restore(target))
        await commands.run(node, "sh", "-ec", SPOIL, "sh", *target.configuration)
        await asyncio.gather(*(processes.signal(node, unit, "SIGKILL") for unit in target.units))

    await asyncio.gather(*(on(node) for node in target.nodes))


async def _heal(tools: Tools, target: Target) -> None:
    assert tools.commands
    for node in target.nodes:
        await tools.commands.undo(node, TIMER, *_restore(target))
    await transient.forgive(tools, target)


def _restore(target: Target) -> tuple[str, ...]:
    return ("sh", "-c", RESTORE, "sh", *target.configuration)


BROKEN_CONFIGURATION = Fault(
    name="broken-configuration",
    needs=("commands", "processes"),
    telling="the configuration of {service} on {target} is spoiled, and its processes are killed",
    inject=_spoil,
    heal=_heal,
    of_service=True,
    reported=("start", ocf.ERR_GENERIC),
    wants="configuration",
    lasts=LASTS,
    safe=True,
    usual=("active:*",),
)

FAULTS = (BROKEN_CONFIGURATION,)
