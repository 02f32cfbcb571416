"""Faults of what nodes hang on: a power feed, a rack, a switch, a BMC, by the name that the cluster file has for it."""

from quorate.drill.faults.fault import Fault, Tools
from quorate.drill.targets import Target


async def _fail(tools: Tools, target: Target) -> None:
    assert tools.facility
    await tools.facility.fail(target.parts)


async def _mend(tools: Tools, target: Target) -> None:
    assert tools.facility
    await tools.facility.heal(target.parts)


DOMAIN_LOSS = Fault(
    name="domain-loss",
    needs=("facility",),
    telling="{target} fails, and all that hangs on it alone",
    inject=_fail,
    heal=_mend,
    of_parts=True,
    usual=(),
)
