"""`quorate check`: what can take a cluster down, what happens when something fails, and how long it takes."""

import asyncio
import enum
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated

import typer

from quorate.cli import check_output, check_topology
from quorate.cli.site import DEFAULT_FILE, Site, read_file
from quorate.cluster import loading
from quorate.cluster.facility import Waiver
from quorate.design import work_out
from quorate.errors import InputError
from quorate.hosts import Endpoint, Hosts
from quorate.live.survey import survey
from quorate.proof import services, topology
from quorate.proof.budget import budgets
from quorate.proof.downtime import Takeover
from quorate.proof.evidence import Documents, Evidence, Text, archive, designed, read
from quorate.proof.evidence.documents import LARGEST
from quorate.proof.examination import Examined, examine, failure_of, what_if
from quorate.proof.fixes import Fix, fixes, helping
from quorate.proof.lint.run import Finding
from quorate.proof.picture import svg
from quorate.proof.services import Service


class Form(enum.StrEnum):
    """How a result is printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


@dataclass(frozen=True)
class Subject:
    """What is checked, and what was promised for it."""

    evidence: Evidence
    services: tuple[Service, ...]
    objectives: dict[str, float]
    waivers: tuple[Waiver, ...] = ()
    topology: "Topology | None" = None
    """Only of a cluster file: what the nodes hang on stands nowhere else."""

    def examined(self) -> Examined:
        """The whole check."""
        return examine(
            self.evidence,
            self.services,
            today=_today(),
            objectives=self.objectives,
            waivers=self.waivers,
            more=self.topology.findings() if self.topology else (),
        )


@dataclass(frozen=True)
class Topology:
    """What the graph of a cluster file says."""

    file: loading.Loaded
    name: str
    study: topology.Study
    takeovers: dict[str, Takeover]

    @cached_property
    def fixes(self) -> list[Fix]:
        """What would help, tried out."""
        return fixes(self.file.cluster, self.study, takeovers=self.takeovers, today=_today())

    def findings(self) -> list[Finding]:
        """The weaknesses, each with what would help here."""
        return topology.findings(self.study, self.name, self.file.line, helping(self.fixes))


def _today() -> date:
    return datetime.now(UTC).date()


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(check)


def check(
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", envvar="QUORATE_FILE", help="A cluster file: what Quorate would build."),
    ] = None,
    live: Annotated[
        str | None, typer.Option(metavar="USER@HOST", help="A node of a running cluster; read-only, over SSH.")
    ] = None,
    cib: Annotated[Path | None, typer.Option(help="A CIB, as `cibadmin --query` prints it.")] = None,
    corosync: Annotated[Path | None, typer.Option(help="The corosync.conf that goes with it.")] = None,
    drbd: Annotated[
        list[Path] | None, typer.Option(help="A DRBD resource file, or what `drbdadm dump` prints; may be repeated.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="An archive of `crm report` or `pcs config backup`.")] = None,
    what: Annotated[
        str | None, typer.Option("--what-if", metavar="fail:A,B", help="Only what the failure of these leads to.")
    ] = None,
    diff: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="OLD NEW", help="What differs between two cluster files or CIBs."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw the topology, what is a finding in red.")
    ] = None,
    output: Annotated[
        Form, typer.Option("--output", "-o", help="For people, for programs, for code review.")
    ] = Form.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="Exit status 1 for warnings, too.")] = False,
) -> None:
    """Find what can take a cluster down, and foresee every failure. Changes nothing.

    Exit status 0: clean. 1: an error among the findings, a single point of failure, a missed objective; with --diff,
    one that is new. 2: bad input.
    """
    if diff:
        old, new = (_subject_of(path).examined() for path in diff)
        print(check_output.difference(old, new))
        known = {(each.code, each.what) for each in old.findings}
        added = tuple(each for each in new.findings if (each.code, each.what) not in known)
        raise typer.Exit(_status(replace(new, findings=added), strict))
    subject = _subject(file, live, cib, corosync, drbd or [], report)
    if picture is not None:
        _draw(subject, picture)
    if what is not None and (parts := _parts(what, subject)):
        assert subject.topology, "parts are of a topology"
        print(check_topology.consequences(parts, topology.what_if(subject.topology.study, parts)))
        if not {*parts} <= {*subject.evidence.nodes}:
            return
    if what is not None:
        failure = failure_of(subject.evidence, _names(what))
        print(check_output.consequence(what_if(subject.evidence, subject.services, failure), subject.evidence))
        return
    examined = subject.examined()
    match output:
        case Form.JSON:
            more = check_topology.as_data(subject.topology.study, subject.topology.fixes) if subject.topology else None
            print(check_output.as_json(examined, more))
        case Form.SARIF:
            print(check_output.as_sarif(examined))
        case Form.TEXT:
            check_output.show(examined)
            if subject.topology:
                check_topology.show(subject.topology.study, subject.topology.fixes)
    raise typer.Exit(_status(examined, strict))


def _status(examined: Examined, strict: bool) -> int:
    return 1 if examined.errors or (strict and examined.findings) else 0


def _names(what: str) -> list[str]:
    verb, colon, names = what.partition(":")
    found = [name.strip() for name in names.split(",") if name.strip()]
    if verb != "fail" or not colon or not found:
        raise InputError(
            f"`{what[:60]}` is no event", todo="Write `--what-if fail:ctl1` or `--what-if fail:ctl1,ctl2`."
        )
    return found


def _parts(what: str, subject: Subject) -> tuple[str, ...]:
    """The parts of the topology that are named, if all names are parts; a resource of Pacemaker's isn't one."""
    names = _names(what)
    if subject.topology is None or all(name in subject.evidence.nodes for name in names):
        return tuple(names) if subject.topology else ()
    pacemaker = subject.evidence.pacemaker
    if pacemaker and any(name in pacemaker.primitives or name in pacemaker.holders for name in names):
        return ()
    return topology.parse_failures(what, subject.topology.study.tree)


def _draw(subject: Subject, picture: Path) -> None:
    if subject.topology is None:
        raise InputError("only a cluster file has a topology to draw", where="--svg")
    try:
        picture.write_text(svg(subject.topology.file.cluster, subject.topology.study))
    except OSError as error:
        raise InputError(f"it can't be written: {error.strerror}", where=str(picture)) from None


def _subject(
    file: Path | None,
    live: str | None,
    cib: Path | None,
    corosync: Path | None,
    drbd: Iterable[Path],
    report: Path | None,
) -> Subject:
    documents = [option for option in (live, report, cib or corosync) if option is not None]
    if len(documents) > 1:
        raise InputError(
            "more than one cluster is named", todo="Give --live, or --report, or --cib with --corosync and --drbd."
        )
    if live is not None:
        return _of_documents(_live(live, file))
    if report is not None:
        return _of_documents(archive.read(_bytes(report), str(report)))
    if cib or corosync or drbd:
        return _of_documents(
            Documents(
                cib=_text(cib) if cib else None,
                corosync=_text(corosync) if corosync else None,
                drbd=tuple(_text(path) for path in drbd),
            )
        )
    return _of_file(file or DEFAULT_FILE)


def _subject_of(path: Path) -> Subject:
    """Of a file whose kind its content tells: a CIB, an archive, or a cluster file."""
    content = _bytes(path)
    if content.lstrip().startswith(b"<"):
        return _of_documents(Documents(cib=_text(path)))
    if path.suffix in (".bz2", ".gz", ".xz", ".tar"):
        return _of_documents(archive.read(content, str(path)))
    return _of_file(path)


def _of_file(path: Path) -> Subject:
    loaded = loading.read(read_file(path), str(path))
    cluster, design = loaded.cluster, work_out(loaded.cluster)
    evidence = read(designed.documents(design, cluster))
    assert evidence.pacemaker, "a design always has a CIB"
    subject = Subject(
        evidence,
        services.of_design(design, evidence.pacemaker),
        {name: each.downtime.total_seconds() for name, each in cluster.objectives.items()},
        cluster.waivers,
    )
    takeovers = {
        budget.service: Takeover(budget.expected, "the time budget")
        for service in subject.services
        for budget in budgets(evidence, service, None)
        if budget.failure == "node"
    }
    found = topology.study(cluster, design, takeovers=takeovers, today=_today())
    return replace(subject, topology=Topology(loaded, str(path), found, takeovers))


def _of_documents(documents: Documents) -> Subject:
    evidence = read(documents)
    found = services.of_cluster(evidence.pacemaker) if evidence.pacemaker else ()
    return Subject(evidence, found, {})


def _live(target: str, file: Path | None) -> Documents:
    """The documents of a running cluster. With a cluster file that has this node, hosts are reached as by `apply`."""
    user, _, host = target.rpartition("@")
    if not host or host.startswith("-"):
        raise InputError(f"`{target[:60]}` is no host", todo="Write `--live root@HOST`.")
    site = _site_of(host, file)
    if site is not None:
        endpoints = {name: Endpoint(name, str(site.cluster.ssh_address(name))) for name in site.cluster.nodes}
        hosts = site.enter().hosts()
        found = asyncio.run(_survey(hosts, host, endpoints))
        return replace(found, notes=(*found.notes, f"{host} is taken for the node of {site.path}"))
    return asyncio.run(_survey(Hosts([Endpoint(host, host, user=user or "root")]), host, None))


async def _survey(hosts: Hosts, host: str, others: dict[str, Endpoint] | None) -> Documents:
    async with hosts:
        return await survey(hosts, host, others)


def _site_of(host: str, file: Path | None) -> Site | None:
    """The cluster file that knows this node: the one that was named, else the default one if its lab is up."""
    if file is None and not DEFAULT_FILE.exists():
        return None
    try:
        site = Site.open(file or DEFAULT_FILE)
    except InputError:
        if file is not None:
            raise
        return None
    known = host in site.cluster.nodes and (file is not None or site.lab.exists())
    return site if known else None


def _text(path: Path) -> Text:
    return Text(str(path), _bytes(path).decode(errors="replace"))


def _bytes(path: Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read(LARGEST + 1)[:LARGEST]
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"it can't be read: {error.strerror}", where=str(path)) from None
    if len(content) > LARGEST:
        raise InputError(f"it has more than {LARGEST:,} bytes", where=str(path), todo="Name a CIB, not a whole disk.")
    return content
