"""Who was fenced, by the cluster's own word, where no BMC's log is at hand: on a real cluster.

It is asked again and again while a drill is held, and what was once heard is kept: a node that restarts forgets.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from lxml import etree

from quorate.design.model import Design
from quorate.drill.audit.fencing import PowerRequest
from quorate.drill.audit.journals import measure_clock
from quorate.errors import HostError
from quorate.hosts import Hosts

EVERY = 3.0
"""Seconds between two questions."""


class FencingHistory:
    """A `fencing.BmcLog` of what Pacemaker's fencer says that it has done."""

    def __init__(self) -> None:
        self._heard: dict[str, dict[float, PowerRequest]] = {}

    def requests(self, node: str) -> Sequence[PowerRequest]:
        """All that was heard so far, the oldest first."""
        return [request for _, request in sorted(self._heard.get(node, {}).items())]

    def hear(self, text: str, offset: float) -> None:
        """Takes what `stonith_admin --history '*' --output-as=xml` printed on a node that is so many seconds ahead."""
        for event in etree.fromstring(text.encode()).iter("fence_event"):
            completed = event.get("completed")
            if event.get("status") == "success" and completed:
                # "2026-11-23 07:41:23.123456Z", or with a space before the offset, as older ones have it
                at = datetime.fromisoformat(completed.replace(" +", "+").replace(" -", "-")).timestamp()
                action = {"reboot": "cycle"}.get(str(event.get("action")), str(event.get("action")))
                request = PowerRequest(at - offset, str(event.get("delegate") or event.get("origin")), action)
                self._heard.setdefault(str(event.get("target")), {}).setdefault(at, request)


@contextlib.asynccontextmanager
async def followed(hosts: Hosts, design: Design) -> AsyncIterator[FencingHistory]:
    """Asks the cluster as long as the block lasts."""
    history = FencingHistory()
    following = asyncio.create_task(_follow(history, hosts, design))
    try:
        yield history
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following


async def _follow(history: FencingHistory, hosts: Hosts, design: Design) -> None:
    offsets: dict[str, float] = {}
    while True:
        for node in design.hosts:
            with contextlib.suppress(HostError, ValueError, etree.XMLSyntaxError):
                host = await hosts.host(node)
                if node not in offsets:
                    offsets[node] = (await measure_clock(host)).offset
                said = await host.run("stonith_admin", "--history", "*", "--output-as=xml", timeout=10)
                history.hear(said.stdout, offsets[node])
                break
        await asyncio.sleep(EVERY)
