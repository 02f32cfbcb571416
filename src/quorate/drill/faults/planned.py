"""What an operator does on purpose. Nobody is fenced for it, and the objectives hold."""

from quorate.drill.faults.fault import Fault, Tools
from quorate.drill.faults.node import reboot
from quorate.drill.targets import Target

LASTS = 40.0
MARGIN = 120.0
"""Seconds after which a node leaves standby by itself."""
TIMER = "standby"


def _attribute(node: str, *words: str) -> tuple[str, ...]:
    """crm_attribute(8), "--lifetime": until the node restarts, which so heals it, too."""
    return ("crm_attribute", "--node", node, "--name", "standby", "--lifetime", "reboot", *words)


async def _stand_by(tools: Tools, target: Target) -> None:
    assert tools.commands
    for node in target.nodes:
        await tools.commands.run_later(node, TIMER, LASTS + MARGIN, *_attribute(node, "--delete"))
        await tools.commands.run(node, *_attribute(node, "--update", "on"))


async def _come_back(tools: Tools, target: Target) -> None:
    assert tools.commands
    for node in target.nodes:
        await tools.commands.undo(node, TIMER, *_attribute(node, "--delete"))


async def _roll(tools: Tools, target: Target) -> None:
    """The next one goes only when nothing is missing: that is what makes it harmless."""
    assert tools.membership
    for node in target.nodes:
        one = Target((node,), None, ())
        await reboot(tools, one)
        await tools.membership.without(node)
        await tools.membership.whole()


async def _nothing(_tools: Tools, _target: Target) -> None:
    """Every node comes back by itself."""


STANDBY = Fault(
    name="standby",
    needs=("commands",),
    telling="{target} is put into standby",
    inject=_stand_by,
    heal=_come_back,
    lasts=LASTS,
    safe=True,
)
ROLLING_REBOOT = Fault(
    name="rolling-reboot",
    needs=("commands", "membership"),
    telling="{target} restart one after another, each when the one before is back",
    inject=_roll,
    heal=_nothing,
    lasts=1.0,
    safe=True,
    usual=("all",),
)

FAULTS = (STANDBY, ROLLING_REBOOT)
