"""The packages of the design, on the nodes."""

from quorate.design.model import Design
from quorate.hosts import Hosts

TIMEOUT = 900.0


class DesignPackages:
    """See `faults.Packages`."""

    def __init__(self, hosts: Hosts, design: Design) -> None:
        self._hosts, self._design = hosts, design

    async def set_up(self, node: str) -> None:
        """All of them at once; their scripts restart what runs, and know nothing of the cluster. Raises HostError.

        dpkg-reconfigure(8) runs `prerm upgrade` and `postinst configure`, as dpkg does around a new version.
        """
        host = await self._hosts.host(node)
        command = ("dpkg-reconfigure", "--frontend=noninteractive", "--", *self._design.hosts[node].packages)
        await host.run(*command, under=("env", "LC_ALL=C"), timeout=TIMEOUT)
