"""Waiting until a cluster is ready again after a fault.

What failed meanwhile stays in Pacemaker's history for `failure-timeout`, minutes, and keeps "ready" from being true. A
drill writes it down and cleans it up, as a person would who knows why it failed.
"""

import asyncio
import dataclasses
import time
from dataclasses import dataclass

from quorate import live
from quorate.design.model import Design
from quorate.errors import HostError
from quorate.hosts import Hosts
from quorate.live.state import State
from quorate.progress import Say

EVERY = 2.0
"""Seconds between two looks: a look costs each node a process, and clients are being served."""


@dataclass(frozen=True)
class Settled:
    """How it ended."""

    ready: bool
    failures: tuple[str, ...]
    """Actions that failed, cleaned up; each a sentence."""


async def settle(hosts: Hosts, design: Design, say: Say, limit: float) -> Settled:
    """Waits until the cluster is ready but for its failure history, cleans that up, and waits until it is ready."""
    deadline = time.monotonic() + limit
    failures: dict[str, None] = {}
    shown = ""
    while time.monotonic() < deadline:
        state = await live.read(hosts, design)
        missing = live.unmet(design, dataclasses.replace(state, failed_actions=()))
        if not missing and not state.failed_actions:
            return Settled(True, tuple(failures))
        if not missing:
            failures |= dict.fromkeys(state.failed_actions)
            await clean_up(hosts, design, state)
        elif missing[0] != shown:
            shown = missing[0]
            say(f"{shown} (and {len(missing) - 1} more)" if len(missing) > 1 else shown)
        await asyncio.sleep(EVERY)
    return Settled(False, tuple(failures))


async def clean_up(hosts: Hosts, design: Design, state: State) -> None:
    """Lets Pacemaker forget what failed; crm_resource(8), "--cleanup": only resources with failures are concerned."""
    for node in (state.dc, *design.hosts):
        try:
            if node is not None:
                await (await hosts.host(node)).run("crm_resource", "--cleanup")
                return
        except HostError:
            continue
