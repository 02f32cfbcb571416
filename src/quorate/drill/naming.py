"""Whether what a cluster can't mend is named: what `quorate check --live` finds in the middle of a drill."""

import asyncio

from quorate.drill.order import Drill
from quorate.errors import HostError, Refused
from quorate.hosts import Endpoint
from quorate.live.survey import survey
from quorate.proof.evidence import read
from quorate.proof.lint.run import lint


async def require_unnamed(drill: Drill) -> None:
    """What stands there already would be found whether or not the fault is. Raises Refused, HostError."""
    if drill.fault.finding in await _codes(drill):
        raise Refused(
            f"`quorate check --live` finds {drill.fault.finding} before anything is broken",
            todo="Put that right first: nobody could say what the drill did.",
        )


async def stay(drill: Drill, seconds: float) -> list[str]:
    """Lets a fault be there for so long; what should be found meanwhile and isn't, as a sentence."""
    _, unnamed = await asyncio.gather(asyncio.sleep(seconds), _unnamed(drill))
    return unnamed


async def _unnamed(drill: Drill) -> list[str]:
    """Nothing, or why it isn't named; a cluster that can't be asked names nothing."""
    if not drill.fault.finding:
        return []
    try:
        found = await _codes(drill)
    except HostError as error:
        return [f"`quorate check --live` can't say what is wrong: {error}"]
    if drill.fault.finding in found:
        return []
    return [f"`quorate check --live` doesn't find {drill.fault.finding} while it lasts"]


async def _codes(drill: Drill) -> set[str]:
    """The codes of all findings; all nodes are asked."""
    endpoints = {name: Endpoint(name, str(drill.cluster.ssh_address(name))) for name in drill.design.hosts}
    documents = await survey(drill.hosts, next(iter(endpoints)), endpoints)
    return {each.code for each in lint(read(documents)).findings}
