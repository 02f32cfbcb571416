"""The cluster itself: its daemons started, their changed files read, and Pacemaker's configuration (the CIB)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from lxml import etree

from quorate.converge import marks, said
from quorate.converge.step import Phase, View
from quorate.design import cib
from quorate.design.model import Design
from quorate.errors import HostError
from quorate.hosts import CommandFailed, Hosts
from quorate.hosts.inspection import Request, Seen, look
from quorate.progress import Say

COROSYNC = "corosync.service"
PACEMAKER = "pacemaker.service"
DAEMONS = (COROSYNC, PACEMAKER)
CIB_FILE = "/var/lib/pacemaker/cib/cib.xml"
START_TIMEOUT = 120.0
FORM_TIMEOUT = 120.0
CRM_DIFF_DIFFERS = 1
FOLDER = "/run/quorate"

Element = etree._Element


@dataclass(frozen=True)
class BeginConfiguration:
    """The CIB of a cluster that has never run, on all nodes before they start for the first time.

    Pacemaker would begin with an empty one, elect its coordinator by default patience (20 s), complain that there are
    no fence devices, and only then be told better. Where any node has a CIB, or a cluster runs, that one counts.
    """

    design: Design
    phase: ClassVar[Phase] = Phase.FIRST
    host: ClassVar[None] = None
    title: ClassVar[str] = "write the configuration that the cluster begins with"

    def asks(self) -> Mapping[str, Request]:
        """Whether there is a CIB, and whether Pacemaker runs."""
        return dict.fromkeys(self.design.hosts, Request(files=frozenset({CIB_FILE}), units=frozenset(DAEMONS)))

    def differs(self, view: View) -> str | None:
        """Only if no node has one, and none runs."""
        for seen in view.values():
            daemon = seen.units.get(PACEMAKER)
            if seen.files.get(CIB_FILE) or (daemon and daemon.active == "active"):
                return None
        return "no node has any"

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Writes the same on all."""
        content = etree.tostring(cib.first(self.design))
        for name in self.design.hosts:
            await (await hosts.host(name)).put(CIB_FILE, content, mode=0o600, owner="hacluster", group="haclient")


@dataclass(frozen=True)
class StartDaemons:
    """Corosync and Pacemaker on one host."""

    host: str
    phase: ClassVar[Phase] = Phase.START
    title: ClassVar[str] = "start Corosync and Pacemaker"

    def asks(self) -> Mapping[str, Request]:
        """The daemons' states."""
        return {self.host: Request(units=frozenset(DAEMONS))}

    def differs(self, view: View) -> str | None:
        """Which of them doesn't run."""
        units = view[self.host].units
        down = [name for name in DAEMONS if name not in units or units[name].active != "active"]
        return f"not running: {', '.join(down)}" if down else None

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Starts them; Corosync says itself when it is ready."""
        host = await hosts.host(self.host)
        await host.run("systemctl", "start", "--", *DAEMONS, timeout=START_TIMEOUT)


@dataclass(frozen=True)
class ReloadCorosync:
    """A running Corosync reads its changed files: on all nodes at once, after they are everywhere."""

    hosts: tuple[str, ...]
    phase: ClassVar[Phase] = Phase.START
    host: ClassVar[None] = None
    title: ClassVar[str] = "let Corosync read its changed files"

    def asks(self) -> Mapping[str, Request]:
        """The marks that changed files leave."""
        return dict.fromkeys(self.hosts, marks.ASK)

    def differs(self, view: View) -> str | None:
        """On which hosts there are any."""
        marked = [host for host in self.hosts if marks.unread(COROSYNC) in view[host].pending]
        return f"changed on {', '.join(marked)}" if marked else None

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """One reload reaches every member, corosync-cfgtool(8)."""
        await (await hosts.host(self.hosts[0])).run("corosync-cfgtool", "-R")
        for name in self.hosts:
            await marks.remove(await hosts.host(name), marks.unread(COROSYNC))


@dataclass(frozen=True)
class FormCluster:
    """All nodes members, with quorum, and one of them the coordinator."""

    hosts: tuple[str, ...]
    phase: ClassVar[Phase] = Phase.START
    host: ClassVar[None] = None
    title: ClassVar[str] = "wait for quorum and a coordinator"

    def asks(self) -> Mapping[str, Request]:
        """What Pacemaker says."""
        return dict.fromkeys(self.hosts, said.ASK)

    def differs(self, view: View) -> str | None:
        """What is missing to it."""
        if said.coordinator(view) is None:
            return "no partition has quorum and a coordinator"
        absent = [host for host in self.hosts if host not in said.online(view)]
        return f"not online: {', '.join(absent)}" if absent else None

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Looks until it is so."""
        missing: str | None = None
        try:
            async with asyncio.timeout(FORM_TIMEOUT):
                while True:
                    missing = self.differs(await _seen(hosts, self.hosts))
                    if missing is None:
                        return
                    await asyncio.sleep(0.5)
        except TimeoutError:
            raise HostError(
                f"after {FORM_TIMEOUT:g} s: {missing}",
                where="the cluster",
                todo="`journalctl -u corosync -u pacemaker` on the nodes has the reason; "
                "are the ring networks open for UDP port 5405?",
            ) from None


@dataclass(frozen=True)
class Configure:
    """Pacemaker's configuration: what is ours in the CIB becomes what the design says."""

    design: Design
    phase: ClassVar[Phase] = Phase.CONFIGURATION
    host: ClassVar[None] = None
    title: ClassVar[str] = "change the cluster's configuration"

    def asks(self) -> Mapping[str, Request]:
        """The CIB."""
        return dict.fromkeys(self.design.hosts, said.ASK)

    def differs(self, view: View) -> str | None:
        """What has to be added, changed and removed, by id."""
        host = said.coordinator(view)
        current = said.document(view[host], "cib") if host else None
        if current is None:
            return "there is no cluster yet"
        return changes(current, cib.merge(current, self.design))

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Verifies the new configuration with Pacemaker's own tool, then sends what differs as one patch.

        A patch without versions, as crm_diff(8) makes with --no-version: it names only the elements that change, so a
        status update, or a person's work on something else, in the meantime neither spoils it nor is overwritten.
        Pacemaker applies all of it or nothing. The next look compares again.
        """
        name = said.coordinator(view)
        current = said.document(view[name], "cib") if name else None
        if name is None or current is None:
            raise HostError("no partition has quorum and a coordinator", where="the cluster")
        host = await hosts.host(name)
        old, new = f"{FOLDER}/cib-old.xml", f"{FOLDER}/cib-new.xml"
        await host.put(old, etree.tostring(current), mode=0o600)
        await host.put(new, etree.tostring(cib.merge(current, self.design)), mode=0o600)
        await host.run("crm_verify", "--verbose", "--xml-file", new)
        compare = ("crm_diff", "--no-version", "--original", old, "--new", new)
        patch = await host.run(*compare, check=False)
        if patch.status != CRM_DIFF_DIFFERS:
            raise CommandFailed(host.name, compare, patch.status, patch.stdout, patch.stderr)
        await host.run("cibadmin", "--patch", "--xml-pipe", input=patch.stdout)
        await host.run("rm", "-f", "--", old, new)


@dataclass(frozen=True)
class TryAgain:
    """Pacemaker tries a volume again on a host that has got a new disk; a failed start would be final."""

    host: str
    volume: str
    resource: str
    phase: ClassVar[Phase] = Phase.CONFIGURATION

    @property
    def title(self) -> str:
        """What it does."""
        return f"let Pacemaker try {self.resource} again"

    def asks(self) -> Mapping[str, Request]:
        """The mark that a new disk leaves."""
        return {self.host: marks.ASK}

    def differs(self, view: View) -> str | None:
        """Whether there is one."""
        return "its disk was replaced" if marks.joined(self.volume) in view[self.host].pending else None

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Has Pacemaker forget the failures there."""
        host = await hosts.host(self.host)
        await host.run("crm_resource", "--cleanup", "--resource", self.resource, "--node", self.host)
        await marks.remove(host, marks.joined(self.volume))


def changes(old: Element, new: Element) -> str | None:
    """How two CIBs' configurations differ, by id; None if they don't."""
    before, after = _elements(old), _elements(new)
    groups = {
        "add": [id_ for id_ in after if id_ not in before],
        "change": [id_ for id_ in after if id_ in before and after[id_] != before[id_]],
        "remove": [id_ for id_ in before if id_ not in after],
    }
    if not any(groups.values()) and old.get("validate-with") == new.get("validate-with"):
        return None
    return "; ".join(f"{verb} {', '.join(ids)}" for verb, ids in groups.items() if ids) or "change the schema"


def _elements(root: Element) -> dict[str, bytes]:
    """Every resource, constraint, property and so on by its id, as canonical XML."""
    return {
        str(element.get("id")): etree.tostring(element, method="c14n")
        for element in root.iterfind("configuration/*/*[@id]")
        if element.tag != "cluster_property_set"
    } | {
        str(element.get("id")): etree.tostring(element, method="c14n")
        for element in root.iterfind("configuration/crm_config/cluster_property_set/nvpair")
    }


async def _seen(hosts: Hosts, names: tuple[str, ...]) -> dict[str, Seen]:
    """What Pacemaker says on the hosts that answer."""
    answers = await look(hosts, dict.fromkeys(names, said.ASK))
    return {name: answer for name, answer in answers.items() if isinstance(answer, Seen)}
