"""The processes of systemd units, reached as everything on a node is: over SSH."""

from quorate.hosts import Hosts


class UnitProcesses:
    """See `faults.Processes`."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    async def signal(self, node: str, unit: str, signal: str) -> None:
        """To the unit's whole control group, systemctl(1), "kill": a shell that started a server is not the server."""
        host = await self._hosts.host(node)
        await host.run("systemctl", "kill", "--kill-whom=all", f"--signal={signal}", unit)
