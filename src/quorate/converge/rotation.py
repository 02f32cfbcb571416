"""Rotating a key repository on all hosts, in an order in which no token is ever unreadable anywhere.

    1  every host holds the operator's keys, by hash; so every host has the staged key
    2  the staged key is promoted on one host after the other        (tokens of both primaries are read everywhere)
    3  all hosts are looked at: they have promoted
    4  the operator's copy gets a new staged key, in one step on disk
    5  the hosts get it, and lose keys that no token can stand on    (the new key makes no tokens yet)
    6  all hosts are looked at: they hold the operator's keys

Interrupted anywhere, it is run again: the operator's copy and the hosts' keys say how far it came. Before 4 the hosts
are at most one promotion ahead of the copy, and promoting is no secret; after 4 they are at most one step behind.

A key is removed only when its last token has expired: its successor was written that long ago. Until then it is kept,
beyond the number of keys that the repository asks for.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from quorate.cluster.keyring import STAGED, KeyRing, new_key
from quorate.converge import keys
from quorate.converge.keys import Standing
from quorate.converge.obstacle import Obstructed
from quorate.errors import HostError, Refused
from quorate.hosts import Hosts
from quorate.hosts.inspection import KeysSeen, Seen, look
from quorate.progress import Say
from quorate.services.identity import ROTATION
from quorate.services.parts import KeyRepository

MIGRATE_TIMEOUT = 900.0
CREDENTIALS = "identity-credentials"
MIGRATE = ("runuser", "--user", "keystone", "--", "keystone-manage", "credential_migrate")
"""What is encrypted with older keys is encrypted with the primary; it looks at each credential first."""

View = Mapping[str, KeysSeen | None]


@dataclass(frozen=True)
class Rotated:
    """What a rotation did."""

    ring: KeyRing
    resumed: bool
    """It ended an earlier one, and began none."""
    removed: tuple[int, ...]


async def seen(hosts: Hosts, repository: KeyRepository) -> dict[str, KeysSeen | None]:
    """The repository on every host, by hash. Raises the HostError of the first host that can't be looked at."""
    answers = await look(hosts, keys.ask(repository))
    for answer in answers.values():
        if isinstance(answer, HostError):
            raise answer
    return {name: answer.keys.get(repository.path) for name, answer in answers.items() if isinstance(answer, Seen)}


async def rotate(
    hosts: Hosts, repository: KeyRepository, ring: KeyRing, save: Callable[[KeyRing], None], now: float, say: Say
) -> Rotated:
    """Rotates once, or ends a rotation that was interrupted. `save` replaces the operator's copy.

    Raises:
        HostError: a host can't be reached; all of them have to take part.
        Refused: the keys of some host are neither the operator's nor amid a rotation of them.
    """
    view = await seen(hosts, repository)
    standings = {name: keys.standing(ring, found) for name, found in view.items()}
    _must_be_ours(repository, ring, view, standings)
    if Standing.BEHIND in standings.values():
        say("an earlier rotation is ended")
        removed = await _distribute(hosts, repository, ring, view, say)
        return Rotated(ring, True, removed)

    promoted = ring.promoted()
    for name, found in standings.items():
        if found is Standing.EQUAL:
            await keys.change(hosts, name, repository, {promoted.primary: promoted.keys[promoted.primary]})
            say(f"{name}: key {promoted.primary} is the primary")
    view = await _verified(hosts, repository, promoted)
    if repository.name == CREDENTIALS:
        host = await hosts.host(repository.hosts[0])
        await host.run(*MIGRATE, timeout=MIGRATE_TIMEOUT)
        say(f"{host.name}: credentials are encrypted with key {promoted.primary}")

    following = promoted.staged(new_key(), without=expendable(promoted, repository.most, view.values(), now))
    save(following)
    removed = await _distribute(hosts, repository, following, view, say)
    return Rotated(following, False, removed)


def expendable(ring: KeyRing, most: int, seen: Iterable[KeysSeen | None], now: float) -> list[int]:
    """The keys beyond `most` that no token stands on any more, by the time when their successor was written."""
    folders = [found.keys for found in seen if found]
    numbers = sorted(ring.keys)

    def superseded(number: int) -> float:
        successor = numbers[numbers.index(number) + 1]
        # A host that was set up anew wrote all its keys later.
        return min(folder[successor].written for folder in folders)

    return [number for number in ring.oldest(most) if folders and superseded(number) <= now - ROTATION]


async def _distribute(hosts: Hosts, repository: KeyRepository, ring: KeyRing, view: View, say: Say) -> tuple[int, ...]:
    """Movement 5 on every host that isn't there yet, and its verification."""
    gone: set[int] = set()
    for name, found in view.items():
        if found is None or keys.standing(ring, found) is Standing.EQUAL:
            continue
        old = set(found.keys) - set(ring.keys)
        await keys.change(hosts, name, repository, {STAGED: ring.keys[STAGED]}, old)
        gone |= old
        say(f"{name}: a new key is staged{f', and key {_list(old)} removed' if old else ''}")
    await _verified(hosts, repository, ring)
    return tuple(sorted(gone))


async def _verified(hosts: Hosts, repository: KeyRepository, ring: KeyRing) -> dict[str, KeysSeen | None]:
    view = await seen(hosts, repository)
    wrong = [name for name, found in view.items() if keys.standing(ring, found) is not Standing.EQUAL]
    if wrong:
        raise HostError(
            f"the keys in {repository.path} aren't what was just written there",
            where=" and ".join(wrong),
            means="The rotation stopped there. Every host can still read every token.",
            todo="`quorate keys show` compares the hosts; does something else write that folder?",
        )
    return view


def _must_be_ours(repository: KeyRepository, ring: KeyRing, view: View, standings: Mapping[str, Standing]) -> None:
    steps = [keys.WriteKeys(name, repository, ring) for name in standings if standings[name] is Standing.OTHER]
    found = list(keys.obstacles(steps, {name: Seen(name, keys={repository.path: view[name]}) for name in standings}))
    if found:
        raise Obstructed(found)
    if lacking := [name for name, each in standings.items() if each is Standing.LACKING]:
        raise Refused(
            f"keys are missing in {repository.path}",
            where=" and ".join(lacking),
            todo="`quorate apply` puts them there; then rotate.",
        )


def _list(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
