"""`quorate check`: what can take a cluster down, what happens when something fails, and how long it takes."""

import asyncio
import enum
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from quorate.cli import check_output
from quorate.cli.site import DEFAULT_FILE, Site
from quorate.cluster.facility import Waiver
from quorate.errors import InputError
from quorate.hosts import Endpoint, Hosts
from quorate.live.survey import survey
from quorate.proof import services
from quorate.proof.evidence import Documents, Evidence, Text, archive, designed, read
from quorate.proof.evidence.documents import LARGEST
from quorate.proof.examination import Examined, examine, failure_of, what_if
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

    def examined(self) -> Examined:
        """The whole check."""
        today = datetime.now(UTC).date()
        return examine(self.evidence, self.services, today=today, objectives=self.objectives, waivers=self.waivers)


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
    output: Annotated[
        Form, typer.Option("--output", "-o", help="For people, for programs, for code review.")
    ] = Form.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="Exit status 1 for warnings, too.")] = False,
) -> None:
    """Find what can take a cluster down, and foresee every failure. Changes nothing.

    Exit status 0: clean. 1: an error among the findings, a single point of failure, a missed objective. 2: bad input.
    """
    if diff:
        old, new = (_subject_of(path).examined() for path in diff)
        print(check_output.difference(old, new))
        raise typer.Exit(_status(new, strict))
    subject = _subject(file, live, cib, corosync, drbd or [], report)
    if what is not None:
        failure = failure_of(subject.evidence, _names(what))
        print(check_output.consequence(what_if(subject.evidence, subject.services, failure), subject.evidence))
        return
    examined = subject.examined()
    match output:
        case Form.JSON:
            print(check_output.as_json(examined))
        case Form.SARIF:
            print(check_output.as_sarif(examined))
        case Form.TEXT:
            check_output.show(examined)
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
    site = Site.open(path)
    evidence = read(designed.documents(site.design, site.cluster))
    assert evidence.pacemaker, "a design always has a CIB"
    return Subject(
        evidence,
        services.of_design(site.design, evidence.pacemaker),
        {name: each.downtime.total_seconds() for name, each in site.cluster.objectives.items()},
        site.cluster.waivers,
    )


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
        return asyncio.run(_survey(hosts, host, endpoints))
    return asyncio.run(_survey(Hosts([Endpoint(host, host, user=user or "root")]), host, None))


async def _survey(hosts: Hosts, host: str, others: dict[str, Endpoint] | None) -> Documents:
    async with hosts:
        return await survey(hosts, host, others)


def _site_of(host: str, file: Path | None) -> Site | None:
    """The cluster file that knows this node: the one that was named, else the default one if it does."""
    if file is None and not DEFAULT_FILE.exists():
        return None
    try:
        site = Site.open(file or DEFAULT_FILE)
    except InputError:
        if file is not None:
            raise
        return None
    return site if host in site.cluster.nodes else None


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
