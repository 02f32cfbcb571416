"""systemd's units: what it starts at boot and now, and what it leaves to Pacemaker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from quorate.converge import marks, packages, restarts
from quorate.converge.step import Phase, View
from quorate.hosts import Hosts
from quorate.hosts.inspection import Request, Seen
from quorate.progress import Say
from quorate.services.parts import Unit

PACEMAKER = "pacemaker.service"
DAEMONS = ("corosync.service", PACEMAKER)
"""The cluster's own, which are started when all that they need is there."""
START_TIMEOUT = 120.0

WITHOUT_SYSV = ("env", "SYSTEMCTL_SKIP_SYSV=1")
"""Without the detour through update-rc.d, which has systemd read everything again for each unit."""


@dataclass(frozen=True)
class SetUnits:
    """Which units systemd starts at boot. It starts none here: that is Pacemaker's affair, or a later step's."""

    host: str
    units: tuple[Unit, ...]
    phase: ClassVar[Phase] = Phase.UNITS
    title: ClassVar[str] = "set what systemd starts at boot"

    def asks(self) -> Mapping[str, Request]:
        """The units' states, and whether Pacemaker is there to run them."""
        return {self.host: Request(units=frozenset({PACEMAKER, *(unit.name for unit in self.units)})) | marks.ASK}

    def differs(self, view: View) -> str | None:
        """What has to change about each."""
        found = [f"{unit.name} {why}" for unit in self.units if (why := _differs(unit, view[self.host]))]
        return "; ".join(found) or None

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Puts them right, with one reading of systemd's files for all."""
        host, seen = await hosts.host(self.host), view[self.host]
        due = [unit for unit in self.units if _differs(unit, seen)]
        await host.run(*packages.RELEASE)  # should the installation have been killed
        for verb, enabled in (("enable", True), ("disable", False)):
            if names := [unit.name for unit in due if unit.enabled is enabled]:
                await host.run("systemctl", verb, "--quiet", "--no-reload", "--", *names, under=WITHOUT_SYSV)
        await host.run("systemctl", "daemon-reload")
        if started := [unit.name for unit in due if started_by_installation(unit, seen)]:
            await host.run("systemctl", "stop", "--", *started, timeout=120)
        await marks.remove(host, *(marks.new(unit.name) for unit in due))


@dataclass(frozen=True)
class StartUnits:
    """Units that systemd runs, and not Pacemaker: they are started, and read their changed files."""

    host: str
    files: Mapping[str, tuple[str, ...]]
    """By unit the paths of the files that it must have read."""
    phase: ClassVar[Phase] = Phase.UNITS
    title: ClassVar[str] = "start what systemd runs"

    def asks(self) -> Mapping[str, Request]:
        """The units' states, and when they and their files last changed."""
        paths = frozenset(path for paths in self.files.values() for path in paths)
        return {self.host: Request(units=frozenset(self.files), files=paths) | marks.ASK}

    def differs(self, view: View) -> str | None:
        """Which don't run, or run with files from before a change."""
        found = [f"{unit} {why}" for unit in self.files if (why := self._differs(unit, view[self.host]))]
        return "; ".join(found) or None

    def _differs(self, unit: str, seen: Seen) -> str | None:
        found = seen.units.get(unit)
        if found is None or found.active != "active" or marks.new(unit) in seen.pending:
            return "doesn't run"
        paths = restarts.unread(unit, self.files[unit], seen)
        return f"has yet to read {' and '.join(paths)}" if paths else None

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Starts, reloads or restarts each, as it needs and can."""
        host, seen = await hosts.host(self.host), view[self.host]
        due = [unit for unit in self.files if self._differs(unit, seen)]
        running = [unit for unit in due if restarts.unread(unit, self.files[unit], seen)]
        if running:
            # A socket can't be bound anew while the service that it was handed to still runs.
            served = [unit.removesuffix(".socket") + ".service" for unit in running if unit.endswith(".socket")]
            if served:
                await host.run("systemctl", "stop", "--", *served, timeout=START_TIMEOUT)
            await host.run("systemctl", "reload-or-restart", "--", *running, timeout=START_TIMEOUT)
        if others := [unit for unit in due if unit not in running]:
            await host.run("systemctl", "start", "--", *others, timeout=START_TIMEOUT)


def _differs(unit: Unit, seen: Seen) -> str | None:
    found = seen.units.get(unit.name)
    if found is None or found.load == "not-found":
        return "isn't there yet" if unit.enabled else None
    if found.stale:
        return "has changed files that systemd hasn't read"
    if found.enabled.startswith("enabled") != unit.enabled:
        return f"is {found.enabled}"
    if started_by_installation(unit, seen):
        return "was started by its installation"
    return "is newly installed" if marks.new(unit.name) in seen.pending else None


def started_by_installation(unit: Unit, seen: Seen) -> bool:
    """Whether a unit runs only because `apply` was cut short while installing it: with the package's own settings."""
    found = seen.units.get(unit.name)
    return found is not None and found.active == "active" and marks.new(unit.name) in seen.pending


def runs_by_itself(unit: Unit, seen: Seen) -> bool:
    """Whether a unit that Pacemaker is to run is running where no Pacemaker runs."""
    found, pacemaker = seen.units.get(unit.name), seen.units.get(PACEMAKER)
    return (
        not unit.enabled
        and found is not None
        and found.active == "active"
        and (pacemaker is None or pacemaker.active != "active")
    )
