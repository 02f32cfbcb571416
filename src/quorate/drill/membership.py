"""Waiting for nodes to leave the cluster, and for the cluster to be whole again."""

from functools import partial

from quorate import live
from quorate.design.model import Design
from quorate.drill.settling import settle
from quorate.drill.waiting import until
from quorate.errors import HostError
from quorate.hosts import Hosts

LEAVE_LIMIT = 120.0
"""Seconds that a node may take to stop what it runs."""
WHOLE_LIMIT = 300.0


class ClusterMembership:
    """See `faults.Membership`."""

    def __init__(self, hosts: Hosts, design: Design) -> None:
        self._hosts, self._design = hosts, design

    async def without(self, node: str) -> None:
        """Until it is no member. Raises HostError if it stays one."""
        if not await until(partial(self._away, node), LEAVE_LIMIT, every=1):
            raise HostError(f"it has not left the cluster within {LEAVE_LIMIT:g} s", where=node)

    async def whole(self) -> None:
        """Until the cluster is ready. Raises HostError if it isn't in time."""
        if not (await settle(self._hosts, self._design, lambda _line: None, WHOLE_LIMIT)).ready:
            raise HostError(f"the cluster was not ready within {WHOLE_LIMIT:g} s")

    async def _away(self, node: str) -> bool:
        return not (await live.read(self._hosts, self._design)).nodes[node].online
