"""What runs with files from before a change: found by comparing moments, and started anew so that nobody notices.

A unit hasn't read a file that was written after it began to start. That is judged from what is true on the host, so
it holds whoever starts the unit in the meantime, and needs no mark. (A clock that was set back since the start shows
a restart too many or one too late; hosts of a cluster have their clocks synchronised.)

    systemd's own units      reloaded, or started anew, by `StartUnits` (`units`)
    HAProxy                  reloaded, one host after the other: it keeps its clients' connections
    clones of Pacemaker's    stopped and started by Pacemaker, one host after the other, each waited for
    single resources         left alone: that is an outage, and a person's to choose. `notices` says so
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from quorate.converge import said
from quorate.converge.step import Phase, View
from quorate.design.model import Design
from quorate.errors import Refused
from quorate.hosts import Hosts
from quorate.hosts.inspection import Request, Seen
from quorate.progress import Say
from quorate.services import identity
from quorate.services.parts import Clone

RELOADED = frozenset({"haproxy.service"})
"""Units that Pacemaker runs and that read their files again without ending."""
STOPPED_WITHIN = "PT5M"
"""How long a ban that an interrupted `apply` leaves behind lasts, ISO 8601."""
RESTART_TIMEOUT = 300.0


@dataclass(frozen=True)
class Managed:
    """A systemd unit that Pacemaker runs."""

    unit: str
    resource: str
    """The clone, or the primitive itself."""
    primitive: str
    is_cloned: bool
    files: Mapping[str, tuple[str, ...]]
    """By host the paths of the files that it must have read."""

    def asks(self) -> dict[str, Request]:
        """By host its files and its state."""
        return {
            host: Request(files=frozenset(paths), units=frozenset({self.unit})) for host, paths in self.files.items()
        }

    def outdated(self, view: View) -> list[str]:
        """The hosts on which it runs with files from before a change."""
        return [host for host, paths in self.files.items() if unread(self.unit, paths, view[host])]


def unread(unit: str, paths: tuple[str, ...], seen: Seen) -> list[str]:
    """The files that a running unit hasn't read as they are now."""
    found = seen.units.get(unit)
    if found is None or found.active != "active":
        return []
    since = found.changed if unit in RELOADED else found.started
    return [path for path in paths if (file := seen.files.get(path)) and file.written > since]


def files_of(unit: str, host: str, design: Design) -> tuple[str, ...]:
    """The files of a host that a unit must have read."""
    return tuple(file.path for file in design.hosts[host].files if unit in file.restarts)


def managed(design: Design) -> Iterator[Managed]:
    """Every unit that Pacemaker runs, as its resources' parameter `unit` says."""
    for resource in design.resources:
        primitive = resource.primitive if isinstance(resource, Clone) else resource
        unit = primitive.parameters.get("unit")
        if unit is None:
            continue
        paths = {host: found for host in design.hosts if (found := files_of(unit, host, design))}
        if paths:
            yield Managed(unit, resource.id, primitive.id, isinstance(resource, Clone) and len(paths) > 1, paths)


@dataclass(frozen=True)
class ReloadManaged:
    """A unit that Pacemaker runs reads its changed files, without ending."""

    managed: Managed
    phase: ClassVar[Phase] = Phase.RESTARTS
    host: ClassVar[None] = None

    @property
    def title(self) -> str:
        """What it does."""
        return f"let {self.managed.unit} read its changed files"

    def asks(self) -> Mapping[str, Request]:
        """Its files and its state."""
        return self.managed.asks()

    def differs(self, view: View) -> str | None:
        """Where it hasn't."""
        hosts = self.managed.outdated(view)
        return f"changed on {', '.join(hosts)}" if hosts else None

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Reloads one after the other: what it refuses, it refuses on the first, and goes on as it was."""
        for name in self.managed.outdated(view):
            await (await hosts.host(name)).run("systemctl", "reload", "--", self.managed.unit)


@dataclass(frozen=True)
class RestartManaged:
    """A clone's instances are started anew, never two at a time. Identity's first: by it accounts are changed, and
    with the old password of its database it answers nobody. The others once their accounts have their passwords.
    """

    managed: Managed
    host: ClassVar[None] = None

    @property
    def phase(self) -> Phase:
        """When it is its turn."""
        return Phase.IDENTITY if self.managed.unit == identity.UNIT else Phase.RESTARTS

    @property
    def title(self) -> str:
        """What it does."""
        return f"restart {self.managed.resource}, one host after the other"

    def asks(self) -> Mapping[str, Request]:
        """Its files and its state, and where Pacemaker has it."""
        return {host: request | said.ASK for host, request in self.managed.asks().items()}

    def differs(self, view: View) -> str | None:
        """Where it runs with old files."""
        if hosts := self.managed.outdated(view):
            return f"files have changed on {', '.join(hosts)} since it was started"
        hosts = self._left_behind(view)
        return f"an earlier restart on {', '.join(hosts)} was interrupted" if hosts else None

    def _left_behind(self, view: View) -> list[str]:
        """Where a ban of ours still stands: one that ends by itself, which a person's doesn't, crm_resource(8)."""
        coordinator = said.coordinator(view)
        cib = said.document(view[coordinator], "cib") if coordinator else None
        if cib is None:
            return []
        bans = "configuration/constraints/rsc_location[@id='cli-ban-{}-on-{}']/rule/date_expression"
        return [host for host in self.managed.files if cib.find(bans.format(self.managed.resource, host)) is not None]

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Has Pacemaker do it: a ban stops the instance, lifting it starts it again, and each is waited for.

        The ban ends by itself, should nobody be left to lift it.
        """
        resource, wait = self.managed.resource, ("crm_resource", "--wait", f"--timeout={RESTART_TIMEOUT:g}")
        for name in self._left_behind(view):
            await (await hosts.host(name)).run("crm_resource", "--clear", "--resource", resource, "--node", name)
        for name in self.managed.outdated(view):
            host = await hosts.host(name)
            at = ("--resource", resource, "--node", name)
            await host.run(*wait, timeout=RESTART_TIMEOUT)
            started = said.started(await said.ask(hosts, name), self.managed.primitive)
            if name in started and len(started) == 1:
                raise Refused(
                    f"{resource} runs on {name} alone: to start it anew would be an outage",
                    where=name,
                    todo="Have it run on another host, too (`quorate status`), then run `quorate apply` again.",
                )
            await host.run("crm_resource", "--ban", *at, "--lifetime", STOPPED_WITHIN)
            await host.run(*wait, timeout=RESTART_TIMEOUT)
            await host.run("crm_resource", "--clear", *at)
            await host.run(*wait, timeout=RESTART_TIMEOUT)
            if name not in said.started(await said.ask(hosts, name), self.managed.primitive):
                raise Refused(
                    f"{resource} didn't start again on {name}; on the other hosts it goes on with its old files",
                    where=name,
                    todo=f"`journalctl -u {self.managed.unit}` there has its reason.",
                )
            say(f"{name}: {resource} runs with its new files")


def notices(design: Design, view: View) -> list[str]:
    """What a person has to choose the time for, each a sentence with the command."""
    return [
        f"{each.unit} on {host} runs with settings from before the last change. To start it anew is an outage of its "
        f"service, so it wasn't done: crm_resource --restart --resource {each.resource}"
        for each in managed(design)
        if not each.is_cloned and each.unit not in RELOADED
        for host in each.outdated(view)
    ]


def steps(design: Design) -> Iterator[ReloadManaged | RestartManaged]:
    """The steps of all units that Pacemaker runs."""
    for each in managed(design):
        if each.unit in RELOADED:
            yield ReloadManaged(each)
        elif each.is_cloned:
            yield RestartManaged(each)
