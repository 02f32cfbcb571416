"""One look at many hosts: `node/inspect.py` asked on each, side by side, in one round trip, and its answers as data."""

import asyncio
import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from quorate import node
from quorate.errors import HostError
from quorate.hosts.errors import NotRoot, PythonMissing
from quorate.hosts.ssh import Host, Hosts


@dataclass(frozen=True, order=True)
class Login:
    """An account of a service, to be tried where the service runs (`node/logins.py`)."""

    service: str
    """`identity` or `messaging`."""
    name: str
    password: str = field(repr=False)

    def is_refused(self, seen: "Seen") -> bool:
        """Whether the service on this host has said that this isn't the password; not if it has said nothing."""
        return seen.logins.get((self.service, self.name)) is False


@dataclass(frozen=True)
class Request:
    """What to look at on a host; requests add up with `|`. The fields are those of `node/inspect.py`, and `logins`."""

    packages: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()
    cluster: frozenset[str] = frozenset()
    schemas: frozenset[str] = frozenset()
    cells: frozenset[str] = frozenset()
    revisions: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    mountpoints: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    logins: frozenset[Login] = frozenset()
    catalogue: str = ""
    volume_group: str = ""
    pending: str = ""

    def __or__(self, other: Self) -> "Request":
        """Both requests in one."""
        return Request(
            **{
                each.name: getattr(self, each.name) | getattr(other, each.name)
                if isinstance(getattr(self, each.name), frozenset)
                else getattr(self, each.name) or getattr(other, each.name)
                for each in dataclasses.fields(self)
            }
        )

    def as_json(self) -> dict[str, object]:
        """What goes to `node/inspect.py`: only what is asked for, in a stable order; never a password."""
        asked = {each.name: getattr(self, each.name) for each in dataclasses.fields(self) if each.name != "logins"}
        return {
            name: sorted(value) if isinstance(value, frozenset) else value for name, value in asked.items() if value
        }


@dataclass(frozen=True)
class Release:
    """The distribution in os-release(5)'s words."""

    id: str = ""
    version: str = ""
    name: str = ""


@dataclass(frozen=True)
class FileSeen:
    """A file that exists."""

    sha256: str
    mode: int
    owner: str
    group: str
    written: float = 0.0
    """When its content was last changed, in seconds since 1970."""


@dataclass(frozen=True)
class KeysSeen:
    """A folder of numbered keys."""

    mode: int
    owner: str
    group: str
    keys: Mapping[int, FileSeen]


@dataclass(frozen=True)
class RevisionsSeen:
    """What the revision files beneath one folder say."""

    known: frozenset[str] = frozenset()
    beneath: frozenset[str] = frozenset()
    """Revisions on which others of them build."""


@dataclass(frozen=True)
class SqlSeen:
    """What the SQL server on this host says of the schemas that were asked for, and of Identity's catalogue."""

    error: str = ""
    databases: frozenset[str] = frozenset()
    accounts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Plugin and password hash by name."""
    grants: frozenset[tuple[str, str]] = frozenset()
    """(account, database) that it may use wholly."""
    revisions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By database what its `alembic_version` holds."""
    regions: frozenset[str] = frozenset()
    services: Mapping[str, tuple[str, str, bool]] = field(default_factory=dict)
    """Type, name and whether it is enabled, by id."""
    endpoints: frozenset[tuple[str, str, str, str]] = frozenset()
    """(service id, interface, region, URL) of those that are enabled."""
    projects: frozenset[str] = frozenset()
    roles: frozenset[tuple[str, str, str]] = frozenset()
    """(account, project, role)."""
    cells: Mapping[tuple[str, str], tuple[str, str, str]] = field(default_factory=dict)
    """By Nova's API database and a cell's name: the cell's id, its database and its brokers, without passwords."""


@dataclass(frozen=True)
class NumbersSeen:
    """The system's own users and groups with their numbers, and those that were asked for."""

    users: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class UnitSeen:
    """A systemd unit in systemctl(1)'s words; `load` is "not-found" if there is none."""

    load: str
    enabled: str
    active: str
    stale: bool
    """Its file has changed and systemd has not read it again."""
    started: float = 0.0
    """When it last began to start, in seconds since 1970."""
    changed: float = 0.0
    """When it last changed its state: a reload does, too."""


@dataclass(frozen=True)
class DeviceSeen:
    """What a path stands for."""

    real: str
    block: bool
    bytes: int = 0
    read_only: bool = False
    signature: Mapping[str, str] = field(default_factory=dict)
    """blkid(8)'s TYPE, PTTYPE, LABEL, UUID; empty if it finds nothing."""
    ambiguous: bool = False
    mounted: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    blank: bool | None = None
    """No signature, and its first and last MiB are zero; None where that wasn't looked for."""


@dataclass(frozen=True)
class LogicalVolume:
    """An LVM logical volume."""

    bytes: int
    tags: frozenset[str]
    active: bool


@dataclass(frozen=True)
class VolumeGroup:
    """An LVM volume group; sizes in bytes."""

    tags: frozenset[str]
    extent: int
    free: int
    volumes: Mapping[str, LogicalVolume]


@dataclass(frozen=True)
class PhysicalVolume:
    """An LVM physical volume; `group` is empty for an orphan."""

    uuid: str
    group: str


@dataclass(frozen=True)
class Lvm:
    """All of a host's LVM, or the error that LVM gave."""

    physical: Mapping[str, PhysicalVolume] = field(default_factory=dict)
    groups: Mapping[str, VolumeGroup] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class DrbdSeen:
    """One configured DRBD device, from /proc/drbd: this side's and the peer's view as this side knows it."""

    connection: str
    role: str
    peer_role: str
    disk: str
    peer_disk: str
    percent: float | None
    out_of_sync: int | None
    """Bytes."""


@dataclass(frozen=True)
class Said:
    """What one of the cluster's own tools said; status 127: it isn't installed, 124: it took too long."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Seen:
    """What is true of one host. Empty where nothing was asked, or where nothing is installed to answer."""

    host: str
    python: bool = True
    hostname: str = ""
    release: Release = field(default_factory=Release)
    free: Mapping[str, int] = field(default_factory=dict)
    """Bytes by mount path."""
    boot: str = ""
    """The kernel's boot id: another one means that the host started anew."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Installed version by name."""
    files: Mapping[str, FileSeen | None] = field(default_factory=dict)
    units: Mapping[str, UnitSeen] = field(default_factory=dict)
    addresses: Mapping[str, bool] = field(default_factory=dict)
    modules: Mapping[str, bool] = field(default_factory=dict)
    devices: Mapping[str, DeviceSeen | None] = field(default_factory=dict)
    lvm: Lvm | None = None
    """None: LVM isn't installed, or wasn't asked for."""
    drbd_version: str = ""
    """Of the loaded kernel module; empty if it isn't loaded."""
    drbd: Mapping[int, DrbdSeen] = field(default_factory=dict)
    """By minor."""
    pending: frozenset[str] = frozenset()
    said: Mapping[str, Said] = field(default_factory=dict)
    corosync_nodes: Mapping[str, str] = field(default_factory=dict)
    """Names by Corosync's node id, from the host's corosync.conf."""
    sql: SqlSeen | None = None
    """None: no SQL server runs here, or it wasn't asked for."""
    revisions: Mapping[str, RevisionsSeen] = field(default_factory=dict)
    """By folder."""
    keys: Mapping[str, KeysSeen | None] = field(default_factory=dict)
    """By folder."""
    mounted: Mapping[str, str] = field(default_factory=dict)
    """By mount point the type of the file system that is mounted there; empty if none is."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """By path, of those that exist."""
    numbers: NumbersSeen = field(default_factory=NumbersSeen)
    logins: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    """By service and account whether it is let in; not there if the service didn't say."""


async def look(hosts: Hosts, requests: Mapping[str, Request]) -> dict[str, Seen | HostError]:
    """Asks every host named in `requests` at once; a host that can't answer gives its error instead."""

    async def one(name: str, request: Request) -> Seen | HostError:
        try:
            return await look_at(hosts, name, request)
        except HostError as error:
            return error

    answers = await asyncio.gather(*(one(name, request) for name, request in requests.items()))
    return dict(zip(requests, answers, strict=True))


async def look_at(hosts: Hosts, name: str, request: Request) -> Seen:
    """Asks one host.

    Raises:
        HostError: it can't be reached, isn't root's, or the program failed. A host without python3 gives a `Seen` that
            says so, and its release.
    """
    host = await hosts.host(name)
    try:
        answer, logins = await asyncio.gather(
            host.python(node.source("inspect"), request.as_json()), _try_logins(host, sorted(request.logins))
        )
    except PythonMissing:
        text = (await host.run("cat", "/etc/os-release", check=False)).stdout
        pairs = dict(line.replace('"', "").partition("=")[::2] for line in text.splitlines())
        found = Release(pairs.get("ID", ""), pairs.get("VERSION_ID", ""), pairs.get("PRETTY_NAME", ""))
        return Seen(name, python=False, release=found)
    if answer["uid"] != 0:
        raise NotRoot(
            "the login works, but it isn't root's",
            where=name,
            todo="Let root log in by key, or set `User root` for this host in ssh_config.",
        )
    return dataclasses.replace(seen(name, answer), logins=logins)


async def _try_logins(host: Host, logins: list[Login]) -> dict[tuple[str, str], bool]:
    """Has a program of its own try them, beside the look: what it is given is secret, and services take their time."""
    if not logins:
        return {}
    answers = await host.python(node.source("logins"), [dataclasses.asdict(login) for login in logins])
    return {
        (login.service, login.name): answer for login, answer in zip(logins, answers, strict=True) if answer is not None
    }


def seen(host: str, answer: Mapping[str, Any]) -> Seen:
    """A node's answer as data."""
    return Seen(
        host,
        hostname=answer["hostname"],
        release=Release(**answer["release"]),
        free=answer["free"],
        boot=answer["boot"],
        packages=answer["packages"],
        files={path: FileSeen(**found) if found else None for path, found in answer["files"].items()},
        units={name: UnitSeen(**found) for name, found in answer["units"].items()},
        addresses=answer["addresses"],
        modules=answer["modules"],
        devices={path: _device(found) if found else None for path, found in answer["devices"].items()},
        lvm=_lvm(answer["lvm"]) if answer["lvm"] is not None else None,
        drbd_version=answer["drbd"]["version"],
        drbd={int(minor): DrbdSeen(**found) for minor, found in answer["drbd"]["devices"].items()},
        pending=frozenset(answer["pending"]),
        said={word: Said(**found) for word, found in answer["said"].items()},
        corosync_nodes=answer.get("corosync_nodes", {}),
        sql=_sql(answer["sql"]) if answer.get("sql") is not None else None,
        revisions={
            folder: RevisionsSeen(frozenset(found["known"]), frozenset(found["beneath"]))
            for folder, found in answer.get("revisions", {}).items()
        },
        keys={path: _keys(found) if found else None for path, found in answer.get("keys", {}).items()},
        mounted=answer.get("mounted", {}),
        texts=answer.get("texts", {}),
        numbers=NumbersSeen(**answer.get("numbers", {})),
    )


def _keys(found: Mapping[str, Any]) -> KeysSeen:
    keys = {int(number): FileSeen(**key) for number, key in found["keys"].items() if key}
    return KeysSeen(found["mode"], found["owner"], found["group"], keys)


def _sql(found: Mapping[str, Any]) -> SqlSeen:
    if "error" in found:
        return SqlSeen(error=found["error"])
    rows: dict[str, list[list[Any]]] = {}
    for word, *values in found["rows"]:
        rows.setdefault(word, []).append(values)
    revisions: dict[str, set[str]] = {}
    for schema, revision in rows.get("revision", ()):
        revisions.setdefault(schema, set()).add(revision)
    return SqlSeen(
        databases=frozenset(name for (name,) in rows.get("database", ())),
        accounts={name: (plugin, hash_) for name, plugin, hash_ in rows.get("account", ())},
        grants=frozenset((account, schema) for account, schema in rows.get("grant", ())),
        revisions={schema: frozenset(known) for schema, known in revisions.items()},
        regions=frozenset(region for (region,) in rows.get("region", ())),
        services={id_: (type_, name or "", bool(on)) for id_, type_, name, on in rows.get("service", ())},
        endpoints=frozenset(
            (service, interface, region, url)
            for service, interface, region, url, enabled in rows.get("endpoint", ())
            if enabled
        ),
        projects=frozenset(name for (name,) in rows.get("project", ())),
        roles=frozenset((account, project, role) for account, project, role in rows.get("role", ())),
        cells={
            (schema, name or ""): (id_, database, transport)
            for schema, name, id_, database, transport in rows.get("cell", ())
        },
    )


def _device(found: Mapping[str, Any]) -> DeviceSeen:
    fields: dict[str, Any] = {key: tuple(each) if isinstance(each, list) else each for key, each in found.items()}
    return DeviceSeen(**fields)


def _lvm(found: Mapping[str, Any]) -> Lvm:
    if "error" in found:
        return Lvm(error=found["error"])
    return Lvm(
        physical={path: PhysicalVolume(**volume) for path, volume in found["physical"].items()},
        groups={
            name: VolumeGroup(
                tags=frozenset(group["tags"]),
                extent=group["extent"],
                free=group["free"],
                volumes={
                    volume: LogicalVolume(each["bytes"], frozenset(each["tags"]), each["active"])
                    for volume, each in group["volumes"].items()
                },
            )
            for name, group in found["groups"].items()
        },
    )


def union(requests: Iterable[Request]) -> Request:
    """All requests in one."""
    whole = Request()
    for request in requests:
        whole |= request
    return whole
