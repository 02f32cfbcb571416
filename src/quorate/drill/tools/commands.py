"""Programs on the nodes, reached as everything there is: over SSH. Timers are systemd's, so that they need nobody."""

import contextlib

from quorate.errors import HostError
from quorate.hosts import Hosts


class NodeCommands:
    """See `faults.Commands`."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    async def run(self, node: str, *argv: str) -> None:
        """To its end, a minute at most."""
        await (await self._hosts.host(node)).run(*argv)

    async def run_later(self, node: str, name: str, seconds: float, *argv: str) -> None:
        """By a transient timer, systemd-run(1), "--on-active", which is gone with the next boot."""
        unit = f"quorate-drill-{name}"
        options = (f"--unit={unit}", f"--on-active={seconds:g}", "--timer-property=AccuracySec=100ms")
        host = await self._hosts.host(node)
        await host.run("systemctl", "stop", f"{unit}.timer", check=False)  # one of an earlier drill
        await host.run("systemd-run", "--quiet", "--collect", *options, "--", *argv)

    async def undo(self, node: str, name: str, *argv: str) -> None:
        """The timer goes last: until then it still heals, whatever happens here."""
        with contextlib.suppress(HostError):  # fenced or cut off: its next boot or its timer heals it
            host = await self._hosts.host(node)
            await host.run(*argv, check=False)
            await host.run("systemctl", "stop", f"quorate-drill-{name}.timer", check=False)
