"""Identity's first content, and what the other services have in it: looked at by SQL, changed by its own tools.

`keystone-manage bootstrap` makes the user `admin` and all that it needs, as nobody could log in before; everything
else goes through Identity's API. Whether an account has its password only Identity can say, which is asked for it on
the hosts in turn, because it takes a quarter of a second each; one that is refused is set, for `admin` by `bootstrap`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from quorate import node
from quorate.converge import databases
from quorate.converge.step import Phase, View
from quorate.errors import HostError
from quorate.hosts import CommandFailed, Hosts
from quorate.hosts.inspection import Login, Request, SqlSeen
from quorate.progress import Say
from quorate.services.identity import ADMIN, ADMIN_SECRET
from quorate.services.openstack import REGION
from quorate.services.parts import Account, Endpoint, Schema

PROJECT = "service"
INTERFACES = ("public", "internal", "admin")
API = "http://127.0.0.1:5000/v3"

BOOTSTRAP_TIMEOUT = 300.0
PATIENCE = 120.0
"""Seconds until Identity must give a token; it may only just be starting."""
REGISTER_TIMEOUT = 300.0


@dataclass(frozen=True)
class BootstrapIdentity:
    """The region, the user `admin`, its project and its role. On the host that migrates the schema, after that."""

    host: str
    schema: Schema
    login: Login
    phase: ClassVar[Phase] = Phase.MIGRATIONS
    title: ClassVar[str] = "bootstrap Identity: the region, and the user admin"

    def asks(self) -> Mapping[str, Request]:
        """Whether `admin` is let in; the catalogue comes with the look at the schemas."""
        return {self.host: Request(logins=frozenset({self.login}))}

    def differs(self, view: View) -> str | None:
        """Whether there is an `admin` who may do everything, and has its password."""
        if (sql := databases.seen(view)) is None:
            return databases.why_unseen(view)
        if REGION not in sql.regions:
            return f"there is no region {REGION}"
        if (ADMIN, ADMIN, ADMIN) not in sql.roles:
            return f"there is no user {ADMIN} with its role"
        return f"the user {ADMIN} has another password" if self.login.is_refused(view[self.host]) else None

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Runs Keystone's own command, which mends what differs; the password stands in its environment only."""
        host = await hosts.host(self.host)
        command = ("keystone-manage", "bootstrap", "--bootstrap-region-id", REGION)
        as_user = ("runuser", "--user", self.schema.user, "--")
        request = {
            "argv": [*as_user, *command],
            "environment": {"OS_BOOTSTRAP_USERNAME": ADMIN, "OS_BOOTSTRAP_PASSWORD": self.login.password},
        }
        ended = await host.python(node.source("environment"), request, timeout=BOOTSTRAP_TIMEOUT)
        if ended["status"] != 0:
            raise CommandFailed(self.host, command, ended["status"], ended["stdout"], ended["stderr"])


@dataclass(frozen=True)
class Register:
    """The services' endpoints in the catalogue, and their accounts, through Identity's API."""

    endpoints: tuple[Endpoint, ...]
    accounts: tuple[Account, ...]
    candidates: tuple[str, ...]
    """The hosts on which Identity runs."""
    admin: bytes = field(repr=False)
    logins: Mapping[str, Login]
    """By account."""
    phase: ClassVar[Phase] = Phase.CATALOGUE
    host: ClassVar[None] = None
    title: ClassVar[str] = "register services and their accounts"

    def asks(self) -> Mapping[str, Request]:
        """Whether accounts are let in, each on another host; the catalogue comes with the look at the schemas."""
        return {
            host: Request(
                logins=frozenset(self.logins[each.name] for each in self.accounts if self._asked(each) == host)
            )
            for host in self.candidates
        }

    def _asked(self, account: Account) -> str:
        """The host that an account is tried on. `admin` is, as a rule, on the first."""
        return self.candidates[(self.accounts.index(account) + 1) % len(self.candidates)]

    def _is_right(self, account: Account, sql: SqlSeen | None, view: View) -> bool:
        login = self.logins[account.name]
        return sql is not None and _has_roles(account, sql) and not login.is_refused(view[self._asked(account)])

    def differs(self, view: View) -> str | None:
        """What isn't registered, or otherwise."""
        if (sql := databases.seen(view)) is None:
            return databases.why_unseen(view)
        endpoints = [f"service {each.name}" for each in self.endpoints if not _is_registered(each, sql)]
        accounts = [f"account {each.name}" for each in self.accounts if not _has_roles(each, sql)]
        missing = [*endpoints, *accounts]
        changed = [each.name for each in self.accounts if _has_roles(each, sql) and not self._is_right(each, sql, view)]
        why = [f"not registered: {', '.join(missing)}"] if missing else []
        return "; ".join([*why, *(f"account {name} has another password" for name in changed)]) or None

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Has a node's program do it, which speaks with the Identity beside it; if that doesn't answer, the next."""
        sql = databases.seen(view)
        request = {
            "url": API,
            "patience": PATIENCE / len(self.candidates),
            "password": self.admin.decode(),
            "region": REGION,
            "services": [
                {"type": each.type, "name": each.name, "description": each.description, "url": each.url}
                for each in self.endpoints
                if sql is None or not _is_registered(each, sql)
            ],
            "accounts": [
                {"name": each.name, "password": self.logins[each.name].password, "roles": each.roles}
                for each in self.accounts
                if not self._is_right(each, sql, view)
            ],
        }
        errors = []
        for name in self.candidates:
            host = await hosts.host(name)
            answer = await host.python(node.source("catalogue"), request, timeout=REGISTER_TIMEOUT)
            for line in answer["done"]:
                say(line)
            if "error" not in answer:
                return
            errors.append(f"{name}: {answer['error']}")
        raise HostError(
            "\n".join(errors),
            where="Identity",
            todo="`quorate status` shows whether Identity runs; `journalctl -u keystone` there has its reasons. A "
            f"password that it refuses isn't the secret {ADMIN_SECRET} any more: put the right one there.",
        )


def _is_registered(endpoint: Endpoint, sql: SqlSeen) -> bool:
    ids = [id_ for id_, found in sql.services.items() if found == (endpoint.type, endpoint.name, True)]
    return any(all((id_, interface, REGION, endpoint.url) in sql.endpoints for interface in INTERFACES) for id_ in ids)


def _has_roles(account: Account, sql: SqlSeen) -> bool:
    return all((account.name, PROJECT, role) in sql.roles for role in account.roles)


def register(
    endpoints: tuple[Endpoint, ...],
    accounts: tuple[Account, ...],
    candidates: tuple[str, ...],
    secret: Callable[[str], bytes],
) -> Register:
    """The step; the passwords are looked up here and nowhere else."""
    logins = {each.name: Login("identity", each.name, secret(each.secret).decode()) for each in accounts}
    return Register(endpoints, accounts, candidates, secret(ADMIN_SECRET), logins)


def bootstrap(host: str, schema: Schema, secret: Callable[[str], bytes]) -> BootstrapIdentity:
    """The step, likewise."""
    return BootstrapIdentity(host, schema, Login("identity", ADMIN, secret(ADMIN_SECRET).decode()))
