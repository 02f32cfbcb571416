"""What an operator does on purpose. Nobody is fenced for it, and the objectives hold."""

from collections.abc import Awaitable, Callable

from quorate.drill.faults.fault import Fault, Tools
from quorate.drill.faults.node import reboot
from quorate.drill.targets import Target

LASTS = 40.0
MARGIN = 120.0
"""Seconds after which a node leaves standby by itself."""
UPGRADE_MARGIN = 1200.0
"""The same, while its packages are set up."""
TIMER = "standby"


def _attribute(lifetime: str, node: str, *words: str) -> tuple[str, ...]:
    """crm_attribute(8), "--lifetime": `reboot` ends with Pacemaker's next start, which so heals it, too."""
    return ("crm_attribute", "--node", node, "--name", "standby", "--lifetime", lifetime, *words)


async def _stand_by(tools: Tools, target: Target, lifetime: str = "reboot", margin: float = LASTS + MARGIN) -> None:
    assert tools.commands
    for node in target.nodes:
        await tools.commands.run_later(node, TIMER, margin, *_attribute(lifetime, node, "--delete"))
        await tools.commands.run(node, *_attribute(lifetime, node, "--update", "on"))


def _come_back(lifetime: str) -> Callable[[Tools, Target], Awaitable[None]]:
    async def come_back(tools: Tools, target: Target) -> None:
        assert tools.commands
        for node in target.nodes:
            await tools.commands.undo(node, TIMER, *_attribute(lifetime, node, "--delete"))

    return come_back


async def _roll(tools: Tools, target: Target) -> None:
    """The next one goes only when nothing is missing: that is what makes it harmless."""
    assert tools.membership
    for node in target.nodes:
        await reboot(tools, Target((node,), None, ()))
        await tools.membership.without(node)
        await tools.membership.whole()


async def _upgrade(tools: Tools, target: Target) -> None:
    """What is set up serves nothing meanwhile, not even once Pacemaker itself was restarted by it."""
    assert tools.packages
    assert tools.membership
    for node in target.nodes:
        one = Target((node,), None, ())
        await _stand_by(tools, one, "forever", UPGRADE_MARGIN)
        await tools.membership.at_rest(node)
        await tools.packages.set_up(node)
        await tools.membership.joined(node, standby=True)
        await _come_back("forever")(tools, one)
        await tools.membership.whole()


async def _nothing(_tools: Tools, _target: Target) -> None:
    """Every node comes back by itself."""


STANDBY = Fault(
    name="standby",
    needs=("commands",),
    telling="{target} is put into standby",
    inject=_stand_by,
    heal=_come_back("reboot"),
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
ROLLING_UPGRADE = Fault(
    name="rolling-upgrade",
    needs=("commands", "membership", "packages"),
    telling="the packages of {target} are set up anew, one node after another, as by an upgrade",
    inject=_upgrade,
    heal=_come_back("forever"),
    lasts=1.0,
    safe=True,
    usual=("all",),
)

FAULTS = (STANDBY, ROLLING_REBOOT, ROLLING_UPGRADE)
