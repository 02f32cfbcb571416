"""What the lab can break, as drills want it (`drill.faults.Tools`)."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Sequence
from ipaddress import IPv4Address

from quorate.cli.facility import Parts
from quorate.cli.site import Site
from quorate.cluster.authority import FRONT
from quorate.drill.faults import Cut, Tools
from quorate.drill.tools.commands import NodeCommands
from quorate.drill.tools.membership import ClusterMembership
from quorate.drill.tools.packages import DesignPackages
from quorate.drill.tools.processes import UnitProcesses
from quorate.hosts import Hosts
from quorate.lab import DropSpec, Lab


def tools(site: Site, hosts: Hosts) -> Tools:
    """What faults can use here: a real site has neither switches nor cables that a program could pull."""
    anywhere = Tools(
        processes=UnitProcesses(hosts),
        commands=NodeCommands(hosts),
        membership=ClusterMembership(hosts, site.design),
        packages=DesignPackages(hosts, site.design),
    )
    if not site.lab.exists():
        return anywhere
    return dataclasses.replace(
        anywhere,
        power=_Switches(site.lab),
        facility=Parts(site),
        machine=_Machines(site.lab),
        network=_Cables(site.lab),
        bmcs=_Bmcs(site.lab),
        certificates=_Certificates(site, hosts),
        twin=True,
    )


class _Certificates:
    """The site's CA."""

    def __init__(self, site: Site, hosts: Hosts) -> None:
        self._authority, self._hosts = site.authority, hosts

    async def put_expired(self, node: str, path: str) -> None:
        await (await self._hosts.host(node)).put(path, self._authority.expired(FRONT), mode=0o600)


class _Switches:
    """The power of the lab's machines."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    async def off(self, node: str) -> None:
        await asyncio.to_thread(self._lab.power_off, node)

    async def on(self, node: str) -> None:
        await asyncio.to_thread(self._lab.power_on, node)

    async def is_on(self, node: str) -> bool:
        return self._lab.machine(node).is_on()


class _Machines:
    """The lab's machines as wholes."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    async def freeze(self, node: str) -> None:
        await asyncio.to_thread(self._lab.freeze, node)

    async def thaw(self, node: str) -> None:
        await asyncio.to_thread(self._lab.thaw, node)


class _Bmcs:
    """The BMCs of the lab's machines."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    async def misbehave(self, node: str, how: str) -> None:
        await asyncio.to_thread(self._lab.spoil_bmc, node, how)

    async def behave(self, node: str) -> None:
        await asyncio.to_thread(self._lab.mend_bmc, node)


class _Cables:
    """What the lab's networks carry."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._mended = asyncio.Event()
        self._flapping: asyncio.Task[None] | None = None

    async def cut(self, cuts: Sequence[Cut], every: float | None = None) -> None:
        drops = [
            DropSpec(
                network=cut.network,
                sender=cut.sender,
                receiver=cut.receiver,
                protocol=cut.protocol,
                ports=cut.ports,
                longer_than=cut.longer_than,
            )
            for cut in cuts
        ]
        await asyncio.to_thread(self._lab.drop, drops)
        if every:
            self._mended.clear()
            self._flapping = asyncio.create_task(self._flap(drops, every))

    async def mend(self) -> None:
        self._mended.set()
        if self._flapping:  # not cancelled: what its thread does can't be, and might come last
            await self._flapping
            self._flapping = None
        await asyncio.to_thread(self._lab.drop, ())

    async def impersonate(self, address: str) -> None:
        await asyncio.to_thread(self._lab.impersonate, IPv4Address(address))

    async def banish(self) -> None:
        await asyncio.to_thread(self._lab.banish)

    async def _flap(self, drops: Sequence[DropSpec], every: float) -> None:
        away = True
        while not self._mended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._mended.wait(), every)
                return
            away = not away
            await asyncio.to_thread(self._lab.drop, drops if away else ())
