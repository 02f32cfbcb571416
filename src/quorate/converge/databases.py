"""The SQL service as its clients need it: a database and an account for each schema, and the release's tables in it.

All looks are one run of the `mariadb` client on the node where the server is. No password goes there: an account is
compared by the hash that the server itself keeps, which is worked out here.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from quorate.converge.obstacle import Obstacle
from quorate.converge.step import Phase, View
from quorate.errors import HostError
from quorate.hosts import Host, Hosts
from quorate.hosts.inspection import Request, SqlSeen
from quorate.progress import Say
from quorate.services.parts import Cell, Schema

SERVE_TIMEOUT = 180.0
MIGRATE_TIMEOUT = 900.0
IDENTITY = "keystone"
"""The schema that Identity keeps its catalogue in."""
PLUGIN = "mysql_native_password"
CLIENT = ("mariadb", "--no-defaults", "--user=root", "--socket=/run/mysqld/mysqld.sock", "--connect-timeout=5")


def password_hash(password: bytes) -> str:
    """What MariaDB keeps of a password for `mysql_native_password`: twice SHA-1, hexadecimal, after an asterisk."""
    # The protocol's own hash, chosen by the server; pymysql knows no better one that MariaDB has.
    once = hashlib.sha1(password, usedforsecurity=False).digest()
    return f"*{hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()}"


def seen(view: View) -> SqlSeen | None:
    """What the SQL server says, wherever it runs; None if none could be asked."""
    found = (host.sql for host in view.values() if host.sql is not None and not host.sql.error)
    return next(found, None)


def why_unseen(view: View) -> str:
    """Why no SQL server could be asked."""
    errors = [f"{host.host}: {host.sql.error}" for host in view.values() if host.sql is not None and host.sql.error]
    return f"the database can't be asked ({'; '.join(errors)})" if errors else "no database serves yet"


async def serving(hosts: Hosts, candidates: Iterable[str], say: Say) -> Host:
    """The host on which the SQL server answers, waited for.

    Raises:
        HostError: none does within three minutes.
    """
    said, told = "", False
    try:
        async with asyncio.timeout(SERVE_TIMEOUT):
            while True:
                for name in candidates:
                    host = await hosts.host(name)
                    answer = await host.run(*CLIENT, "--execute=SELECT 1", check=False)
                    if answer.status == 0:
                        return host
                    said = f"{name}: {answer.stderr.strip()}"
                if not told:
                    say("waiting for the database")
                    told = True
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise HostError(
            f"no database serves after {SERVE_TIMEOUT:g} s ({said})",
            where="the cluster",
            todo="`quorate status` shows what it waits for.",
        ) from None


@dataclass(frozen=True)
class CreateSchemas:
    """The databases, each with the one account that may use it."""

    schemas: tuple[Schema, ...]
    passwords: Mapping[str, bytes] = field(repr=False)
    """By schema."""
    candidates: tuple[str, ...]
    """The hosts on which the SQL server may run."""
    catalogue: str
    phase: ClassVar[Phase] = Phase.SCHEMAS
    host: ClassVar[None] = None
    title: ClassVar[str] = "make databases and their accounts"

    def asks(self) -> Mapping[str, Request]:
        """The schemas, with them Identity's catalogue and Nova's cells: it is the same run of the client."""
        request = Request(
            schemas=frozenset(schema.name for schema in self.schemas),
            cells=frozenset(schema.cell.within for schema in self.schemas if schema.cell),
            catalogue=self.catalogue,
        )
        return dict.fromkeys(self.candidates, request)

    def differs(self, view: View) -> str | None:
        """Which are missing, or differ."""
        if (sql := seen(view)) is None:
            return why_unseen(view)
        found = [f"{schema.name} {why}" for schema in self.schemas if (why := self._differs(schema, sql))]
        return "; ".join(found) or None

    def _differs(self, schema: Schema, sql: SqlSeen) -> str | None:
        if schema.name not in sql.databases:
            return "isn't there"
        if schema.name not in sql.accounts:
            return "has no account"
        if sql.accounts[schema.name] != (PLUGIN, password_hash(self.passwords[schema.name])):
            return "has an account with another password"
        return None if (schema.name, schema.name) in sql.grants else "may not be used by its account"

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Makes what is missing, by statements that leave alone what is right."""
        host = await serving(hosts, self.candidates, say)
        statements = (line for schema in self.schemas for line in self.statements(schema))
        await host.run(*CLIENT, input="".join(f"{line};\n" for line in statements))

    def statements(self, schema: Schema) -> Iterator[str]:
        """The SQL statements for one of them."""
        name = schema.name
        identified = f"'{name}'@'%' IDENTIFIED VIA {PLUGIN} USING '{password_hash(self.passwords[name])}'"
        yield f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb3"
        yield f"CREATE USER IF NOT EXISTS {identified}"
        yield f"ALTER USER {identified}"
        # In GRANT an underscore stands for any character.
        pattern = name.replace("_", r"\_")
        yield f"GRANT ALL PRIVILEGES ON `{pattern}`.* TO '{name}'@'%'"


@dataclass(frozen=True)
class Migrate:
    """The tables of a schema, as the release that is installed wants them. On one host; each schema on another."""

    host: str
    schema: Schema
    phase: ClassVar[Phase] = Phase.MIGRATIONS

    @property
    def title(self) -> str:
        """What it does."""
        return f"migrate {self.schema.name}: {' '.join(self.schema.migrate)}"

    def asks(self) -> Mapping[str, Request]:
        """The release's revisions; what the database has comes with the look of `CreateSchemas`."""
        return {self.host: Request(revisions=frozenset(self.schema.revisions))}

    def differs(self, view: View) -> str | None:
        """Whether the database's revisions are the release's latest."""
        if (sql := seen(view)) is None:
            return why_unseen(view)
        has, (_, heads) = sql.revisions.get(self.schema.name, frozenset()), release(self.schema, self.host, view)
        if has == heads and heads:
            return None
        return f"it is at {_names(has)}, the release at {_names(heads)}" if has else "it holds nothing yet"

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Runs the service's own command, as the service's own user. What has failed for want of it is tried again."""
        host = await hosts.host(self.host)
        as_user = ("runuser", "--user", self.schema.user, "--")
        await host.run(*self.schema.migrate, under=as_user, timeout=MIGRATE_TIMEOUT)
        for resource in self.schema.resources:
            await host.run("crm_resource", "--cleanup", "--resource", resource)


@dataclass(frozen=True)
class MakeCell:
    """A cell of Nova's, known to its API database. Between that database's migration and the cell's own."""

    host: str
    cell: Cell
    user: str
    readers: tuple[str, ...]
    """The hosts with programs that read which cells there are."""
    phase: ClassVar[Phase] = Phase.MIGRATIONS

    @property
    def title(self) -> str:
        """What it does."""
        return f"make {self.cell.name} known to {self.cell.within}"

    def asks(self) -> Mapping[str, Request]:
        """Nothing more: cells come with the look of `CreateSchemas`."""
        return {}

    def differs(self, view: View) -> str | None:
        """Whether it is known, and by the right addresses."""
        if (sql := seen(view)) is None:
            return why_unseen(view)
        found = sql.cells.get((self.cell.within, self.cell.name))
        if found is None:
            return "it isn't known"
        return None if found[1:] == (self.cell.database, self.cell.transport) else "it has another address"

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Runs Nova's own command, as the service's own user. What is known already it refuses to make.

        What runs is started anew later (`restarts`): its configuration is younger than it, from then on.
        """
        if (sql := seen(view)) is None:
            raise HostError(why_unseen(view), where="the cluster", todo="`quorate status` shows what it waits for.")
        host, found = await hosts.host(self.host), sql.cells.get((self.cell.within, self.cell.name))
        command = (*self.cell.change, found[0]) if found else self.cell.make
        await self._outdate_readers(hosts)  # before, too, should nobody be left to do it afterwards
        await host.run(*command, under=("runuser", "--user", self.user, "--"), timeout=MIGRATE_TIMEOUT)
        await self._outdate_readers(hosts)

    async def _outdate_readers(self, hosts: Hosts) -> None:
        for name in self.readers:
            await (await hosts.host(name)).run("touch", "--no-create", "--", self.cell.config)


def release(schema: Schema, host: str, view: View) -> tuple[frozenset[str], frozenset[str]]:
    """The revisions that the release on a host knows, and its latest: those on which no other builds."""
    found = [view[host].revisions[folder] for folder in schema.revisions if folder in view[host].revisions]
    known = frozenset().union(*(each.known for each in found))
    return known, known - frozenset().union(*(each.beneath for each in found))


def obstacles(migrations: Iterable[Migrate], view: View) -> Iterator[Obstacle]:
    """A database with tables that the installed release doesn't know: it was migrated by a newer one."""
    if (sql := seen(view)) is None:
        return
    for step in migrations:
        known, _ = release(step.schema, step.host, view)
        strange = sql.revisions.get(step.schema.name, frozenset()) - known
        if strange and known:
            yield Obstacle(
                step.host,
                f"database {step.schema.name} is newer than the release: it has revision {_names(strange)}, which "
                f"`{step.schema.migrate[0]}` there doesn't know",
                "Install the release that the database was last used with on all hosts; or put back a copy of the "
                "database from before that.",
            )


def migrations(schemas: tuple[Schema, ...]) -> tuple[Migrate | MakeCell, ...]:
    """The steps of all schemas: those of a service on one host, in order; services in turn, so side by side."""
    turns: dict[str, int] = {}
    found: list[Migrate | MakeCell] = []
    for schema in schemas:
        turn = turns.setdefault(schema.secret, len(turns))
        host = schema.hosts[turn % len(schema.hosts)]
        if schema.cell:
            found.append(MakeCell(host, schema.cell, schema.user, schema.hosts))
        found.append(Migrate(host, schema))
    return tuple(found)


def create(schemas: tuple[Schema, ...], candidates: tuple[str, ...], secret: Callable[[str], bytes]) -> CreateSchemas:
    """The step for all schemas; their passwords are looked up here and nowhere else."""
    identity = IDENTITY if any(schema.name == IDENTITY for schema in schemas) else ""
    return CreateSchemas(schemas, {schema.name: secret(schema.secret) for schema in schemas}, candidates, identity)


def _names(revisions: Iterable[str]) -> str:
    return " and ".join(sorted(revisions)) or "none"
