"""systemd's units: what it starts at boot, and what it leaves to Pacemaker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from quorate.converge import marks
from quorate.converge.step import Phase, View
from quorate.hosts import Hosts
from quorate.hosts.inspection import Request, Seen
from quorate.progress import Say
from quorate.services.parts import Unit

PACEMAKER = "pacemaker.service"


@dataclass(frozen=True)
class SetUnit:
    """Whether systemd starts a unit at boot. It starts none here: that is Pacemaker's affair, or the start's."""

    host: str
    unit: Unit
    phase: ClassVar[Phase] = Phase.UNITS

    @property
    def title(self) -> str:
        """What it does."""
        return f"{'enable' if self.unit.enabled else 'disable'} {self.unit.name}"

    def asks(self) -> Mapping[str, Request]:
        """The unit's state, and whether Pacemaker is there to run it."""
        return {self.host: Request(units=frozenset({self.unit.name, PACEMAKER})) | marks.ASK}

    def differs(self, view: View) -> str | None:
        """The first thing about it that has to change."""
        seen = view[self.host]
        found = seen.units.get(self.unit.name)
        if found is None or found.load == "not-found":
            return "it isn't there yet" if self.unit.enabled else None
        if found.enabled == "masked-runtime":
            return "it is masked until the next boot"
        if found.stale:
            return "systemd has not read its changed files"
        if found.enabled.startswith("enabled") != self.unit.enabled:
            return f"it is {found.enabled}"
        if started_by_installation(self.unit, seen):
            return "its installation started it"
        return "it is newly installed" if marks.new(self.unit.name) in seen.pending else None

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Puts it right."""
        host, seen, name = await hosts.host(self.host), view[self.host], self.unit.name
        found = seen.units.get(name)
        if found and found.enabled == "masked-runtime":
            await host.run("systemctl", "unmask", "--runtime", "--quiet", "--", name)
        if found and found.stale:
            await host.run("systemctl", "daemon-reload")
        if started_by_installation(self.unit, seen):
            await host.run("systemctl", "stop", "--", name, timeout=120)
        await host.run("systemctl", "enable" if self.unit.enabled else "disable", "--quiet", "--", name)
        await marks.remove(host, marks.new(name))


def started_by_installation(unit: Unit, seen: Seen) -> bool:
    """Whether a unit that Pacemaker is to run runs already, only because `apply` was cut short while installing it."""
    return runs_by_itself(unit, seen) and marks.new(unit.name) in seen.pending


def runs_by_itself(unit: Unit, seen: Seen) -> bool:
    """Whether a unit that Pacemaker is to run is running where no Pacemaker runs."""
    found, pacemaker = seen.units.get(unit.name), seen.units.get(PACEMAKER)
    return (
        not unit.enabled
        and found is not None
        and found.active == "active"
        and (pacemaker is None or pacemaker.active != "active")
    )
