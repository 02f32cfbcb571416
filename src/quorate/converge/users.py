"""The users who own replicated data, with one number on all hosts that hold it.

A file system stores numbers. Debian's packages give a new user the next one that is free, so two hosts that had other
packages before give different ones, and after a takeover the data belong to somebody else. So the users are made before
their packages come, which then leave them alone. A number that is there already is never changed: files have it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from quorate.converge.obstacle import Obstacle
from quorate.converge.step import Phase, View
from quorate.hosts import Hosts
from quorate.hosts.inspection import Request, Seen
from quorate.progress import Say
from quorate.services.parts import Volume

Kind = Literal["user", "group"]
LAST = 999
"""The last number that Debian leaves to a system's own users (Debian policy, 9.2.2)."""


@dataclass(frozen=True)
class User:
    """A user and the group of the same name, as the scripts of Debian's package would make them."""

    name: str
    number: int
    """Taken if it is free on all hosts; if it isn't, the next one that is."""
    home: str
    shell: str
    comment: str


USERS = (
    # Far from both ends: adduser counts upwards from 100, systemd-sysusers downwards from 999.
    User("mysql", 830, "/nonexistent", "/bin/false", "MariaDB Server"),
    User("rabbitmq", 840, "/var/lib/rabbitmq", "/usr/sbin/nologin", "RabbitMQ messaging server"),
    # Debian has set this one aside for it (bug 884178).
    User("glance", 64062, "/var/lib/glance", "/bin/sh", ""),
)


@dataclass(frozen=True)
class Numbers:
    """Which numbers a user and its group have or are to have on all hosts of their data."""

    user: int
    group: int


@dataclass(frozen=True)
class MakeUser:
    """One of them on one host."""

    host: str
    user: User
    volume: Volume
    phase: ClassVar[Phase] = Phase.USERS

    @property
    def title(self) -> str:
        """What it does."""
        return f"make the user {self.user.name}"

    def asks(self) -> Mapping[str, Request]:
        """All hosts' numbers: it has to be free on each."""
        return dict.fromkeys(self.volume.hosts, Request(numbers=frozenset({self.user.name})))

    def differs(self, view: View) -> str | None:
        """Whether it is missing, and the number is known that it has to have."""
        if self.user.name in view[self.host].numbers.users or list(obstacles([self], view)):
            return None
        numbers = agreed(self.user, self.volume.hosts, view)
        group = "" if numbers.group == numbers.user else f", in the group {numbers.group}"
        return f"it isn't there, and is to be {numbers.user}{group}"

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Makes the group, unless it is there, and the user; the password is locked."""
        host, numbers, user = await hosts.host(self.host), agreed(self.user, self.volume.hosts, view), self.user
        if user.name not in view[self.host].numbers.groups:
            await host.run("groupadd", "--system", "--gid", str(numbers.group), "--", user.name)
        identity = ("--uid", str(numbers.user), "--gid", str(numbers.group), "--comment", user.comment)
        place = ("--home-dir", user.home, "--no-create-home", "--shell", user.shell)
        await host.run("useradd", "--system", *identity, *place, "--", user.name)


def steps(volumes: Sequence[Volume]) -> Iterator[MakeUser]:
    """Each owner of a volume, on each of its hosts; of several volumes, the first."""
    known, seen = {user.name: user for user in USERS}, set()
    for volume in volumes:
        name = volume.owner.partition(":")[0]
        for host in volume.hosts:
            if name in known and (host, name) not in seen:
                seen.add((host, name))
                yield MakeUser(host, known[name], volume)


def agreed(user: User, hosts: Sequence[str], view: View) -> Numbers:
    """What it is on a host that has it; where none has it, one number for both that is free on all."""
    theirs, of_group = _theirs("user", user, hosts, view), _theirs("group", user, hosts, view)
    free = next(
        number
        # A group that is there alone: made by `apply`, cut short, or by a package that needs no more.
        for number in (*of_group.values(), user.number, *range(user.number + 1, LAST + 1), *range(LAST, 99, -1))
        if all(
            _whose("user", number, view[host]) in (None, user.name)
            and _whose("group", number, view[host]) in (None, user.name)
            for host in hosts
        )
    )
    return Numbers(next(iter(theirs.values()), free), next(iter(of_group.values()), free))


def obstacles(all_steps: Sequence[MakeUser], view: View) -> Iterator[Obstacle]:
    """Numbers that differ, and those that a host has given to somebody else; each once."""
    for user, volume in {(step.user.name, step.volume.name): (step.user, step.volume) for step in all_steps}.values():
        if not all(view[host].python for host in volume.hosts):
            continue
        wanted = agreed(user, volume.hosts, view)
        yield from _of_kind("user", user, wanted.user, volume, view)
        yield from _of_kind("group", user, wanted.group, volume, view)


def _of_kind(kind: Kind, user: User, number: int, volume: Volume, view: View) -> Iterator[Obstacle]:
    theirs = _theirs(kind, user, volume.hosts, view)
    for host in volume.hosts:
        whose = _whose(kind, number, view[host])
        if (has := theirs.get(host, number)) != number:
            first = next(iter(theirs))
            yield Obstacle(
                host,
                f"the {kind} {user.name} is {has} there and {number} on {first}, and owns the volume {volume.name}",
                _change(kind, user.name, has, number)
                if whose is None
                else f"{number} is {whose}'s there, so it has to change on {first}, or {whose} on {host} first.",
            )
        elif host not in theirs and whose is not None:
            yield Obstacle(
                host,
                f"the {kind} {user.name} has to be {number}, as on {next(iter(theirs))}, and there that is {whose}",
                f"Give {whose} another number there, with all its files, "
                f"or {user.name} one that is free on both, while nothing of it runs.",
            )


def _change(kind: Kind, name: str, old: int, new: int) -> str:
    """How a person does it. On the volume nothing has to be changed: its numbers are those of the other host."""
    find = f"find / -xdev -{kind} {old} -exec"
    if kind == "user":
        change = f"usermod --uid {new} {name} && {find} chown --no-dereference {new} {{}} +"
    else:
        change = f"groupmod --gid {new} {name} && {find} chgrp --no-dereference {new} {{}} +"
    return f"With the service stopped there, and {new} on the volume, too: {change}"


def _theirs(kind: Kind, user: User, hosts: Sequence[str], view: View) -> dict[str, int]:
    """By host the number, where it has one."""
    found = {host: _all(kind, view[host]).get(user.name) for host in hosts}
    return {host: number for host, number in found.items() if number is not None}


def _whose(kind: Kind, number: int, seen: Seen) -> str | None:
    return next((name for name, theirs in _all(kind, seen).items() if theirs == number), None)


def _all(kind: Kind, seen: Seen) -> Mapping[str, int]:
    return seen.numbers.users if kind == "user" else seen.numbers.groups
