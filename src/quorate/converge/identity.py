"""Identity's first content, and what the other services have in it: looked at by SQL, changed by its own tools.

`keystone-manage bootstrap` makes the user `admin` and all that it needs, as nobody could log in before; everything
else goes through Identity's API. Passwords are compared nowhere, as Identity keeps them in a form that is made to be
slow to try; a changed secret is set whenever its account is registered, and for `admin` by `bootstrap`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from quorate import node
from quorate.converge import databases
from quorate.converge.step import Phase, View
from quorate.errors import HostError
from quorate.hosts import CommandFailed, Hosts
from quorate.hosts.inspection import Request, SqlSeen
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
    password: bytes = field(repr=False)
    phase: ClassVar[Phase] = Phase.MIGRATIONS
    title: ClassVar[str] = "bootstrap Identity: the region, and the user admin"

    def asks(self) -> Mapping[str, Request]:
        """Nothing more: the catalogue comes with the look at the schemas."""
        return {}

    def differs(self, view: View) -> str | None:
        """Whether there is an `admin` who may do everything."""
        if (sql := databases.seen(view)) is None:
            return databases.why_unseen(view)
        if REGION not in sql.regions:
            return f"there is no region {REGION}"
        return None if (ADMIN, ADMIN, ADMIN) in sql.roles else f"there is no user {ADMIN} with its role"

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Runs Keystone's own command, which makes what is missing; the password stands in its environment only."""
        host = await hosts.host(self.host)
        command = ("keystone-manage", "bootstrap", "--bootstrap-region-id", REGION)
        as_user = ("runuser", "--user", self.schema.user, "--")
        request = {
            "argv": [*as_user, *command],
            "environment": {"OS_BOOTSTRAP_USERNAME": ADMIN, "OS_BOOTSTRAP_PASSWORD": self.password.decode()},
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
    passwords: Mapping[str, bytes] = field(repr=False)
    """By account."""
    phase: ClassVar[Phase] = Phase.CATALOGUE
    host: ClassVar[None] = None
    title: ClassVar[str] = "register services and their accounts"

    def asks(self) -> Mapping[str, Request]:
        """Nothing more: the catalogue comes with the look at the schemas."""
        return {}

    def differs(self, view: View) -> str | None:
        """What isn't registered, or otherwise."""
        if (sql := databases.seen(view)) is None:
            return databases.why_unseen(view)
        endpoints = [f"service {each.name}" for each in self.endpoints if not _is_registered(each, sql)]
        accounts = [f"account {each.name}" for each in self.accounts if not _has_roles(each, sql)]
        missing = [*endpoints, *accounts]
        return f"not registered: {', '.join(missing)}" if missing else None

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
                {"name": each.name, "password": self.passwords[each.name].decode(), "roles": each.roles}
                for each in self.accounts
                if sql is None or not _has_roles(each, sql)
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
    passwords = {account.name: secret(account.secret) for account in accounts}
    return Register(endpoints, accounts, candidates, secret(ADMIN_SECRET), passwords)
