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
JOIN_LIMIT = 180.0
"""Seconds in which a fenced node starts and comes back."""
REST_LIMIT = 180.0
WHOLE_LIMIT = 300.0


class ClusterMembership:
    """See `faults.Membership`."""

    def __init__(self, hosts: Hosts, design: Design) -> None:
        self._hosts, self._design = hosts, design

    async def without(self, node: str) -> None:
        """Until it is no member. Raises HostError if it stays one."""
        if not await until(partial(self._away, node), LEAVE_LIMIT, every=1):
            raise HostError(f"it has not left the cluster within {LEAVE_LIMIT:g} s", where=node)

    async def joined(self, node: str, standby: bool = False) -> None:
        """Until it is a member, in standby or not. Raises HostError if it doesn't become one."""
        if not await until(partial(self._back, node, standby), JOIN_LIMIT, every=1):
            raise HostError(f"it has not come back to the cluster within {JOIN_LIMIT:g} s", where=node)

    async def at_rest(self, node: str) -> None:
        """Until no action is left to be done, as seen from a node: crm_resource(8), "--wait". Raises HostError."""
        host = await self._hosts.host(node)
        await host.run("crm_resource", "--wait", f"--timeout={REST_LIMIT:g}", timeout=REST_LIMIT + 10)

    async def whole(self) -> None:
        """Until the cluster is ready. Raises HostError if it isn't in time."""
        if not (await settle(self._hosts, self._design, lambda _line: None, WHOLE_LIMIT)).ready:
            raise HostError(f"the cluster was not ready within {WHOLE_LIMIT:g} s")

    async def _away(self, node: str) -> bool:
        return not await self._back(node)

    async def _back(self, node: str, standby: bool = False) -> bool:
        seen = (await live.read(self._hosts, self._design)).nodes[node]
        return seen.standby if standby else seen.online
