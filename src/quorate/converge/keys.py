"""Key repositories: folders of numbered keys that are the same on all hosts (`cluster.keyring` has the rules).

`apply` fills an empty folder and completes one that lacks keys, which only ever lets a host accept more tokens. A
folder with other keys than the operator's is an obstacle: tokens may stand on them that nobody could read any more.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from quorate import node
from quorate.cluster.keyring import KeyRing, fingerprint
from quorate.converge.obstacle import Obstacle
from quorate.converge.step import Phase, View
from quorate.hosts import Hosts
from quorate.hosts.inspection import KeysSeen, Request
from quorate.progress import Say
from quorate.services.parts import KeyRepository

FOLDER_MODE, KEY_MODE = 0o700, 0o400


class Standing(enum.Enum):
    """How a host's keys stand to the operator's."""

    EQUAL = "as it should be"
    LACKING = "lacks keys"
    BEHIND = "before a rotation that hasn't ended"
    AHEAD = "in a rotation that hasn't ended"
    OTHER = "other keys"


def standing(ring: KeyRing, seen: KeysSeen | None) -> Standing:
    """Compares by hash. Pure."""
    has = {number: key.sha256 for number, key in seen.keys.items()} if seen else {}
    wanted = ring.hashes()
    if has == wanted:
        return Standing.EQUAL
    if has.items() <= wanted.items():
        return Standing.LACKING
    if has == ring.promoted().hashes():
        return Standing.AHEAD
    return Standing.BEHIND if ring.follows(has) else Standing.OTHER


def ask(repository: KeyRepository) -> dict[str, Request]:
    """What has to be seen of it, by host."""
    return dict.fromkeys(repository.hosts, Request(keys=frozenset({repository.path})))


async def change(
    hosts: Hosts, host: str, repository: KeyRepository, write: Mapping[int, str], remove: Iterable[int] = ()
) -> None:
    """Writes and removes keys on a host; they travel through stdin only."""
    owner, _, group = repository.owner.partition(":")
    request = {
        "path": repository.path,
        "owner": owner,
        "group": group,
        "write": {str(number): key for number, key in write.items()},
        "remove": sorted(remove),
    }
    await (await hosts.host(host)).python(node.source("keys"), request)


@dataclass(frozen=True)
class WriteKeys:
    """The keys of one repository on one host."""

    host: str
    repository: KeyRepository
    ring: KeyRing = field(repr=False)
    phase: ClassVar[Phase] = Phase.FILES

    @property
    def title(self) -> str:
        """What it does."""
        return f"write the keys in {self.repository.path}"

    def asks(self) -> Mapping[str, Request]:
        """The folder, on this host."""
        return {self.host: ask(self.repository)[self.host]}

    def differs(self, view: View) -> str | None:
        """Whether keys are missing, or others may read them; never whether they are others."""
        seen = view[self.host].keys.get(self.repository.path)
        found = standing(self.ring, seen)
        if found is Standing.LACKING:
            missing = sorted(set(self.ring.keys) - set(seen.keys if seen else ()))
            return f"it lacks {', '.join(map(str, missing))}"
        if seen is None or found is not Standing.EQUAL:
            return None
        modes = {(f"{key.owner}:{key.group}", key.mode) for key in seen.keys.values()}
        if modes != {(self.repository.owner, KEY_MODE)}:
            return f"not all keys are {self.repository.owner} {KEY_MODE:04o}"
        if (f"{seen.owner}:{seen.group}", seen.mode) != (self.repository.owner, FOLDER_MODE):
            return f"the folder is {seen.owner}:{seen.group} {seen.mode:04o}"
        return None

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Writes all, the primary last."""
        await change(hosts, self.host, self.repository, self.ring.keys)


def obstacles(steps: Iterable[WriteKeys], view: View) -> Iterator[Obstacle]:
    """Repositories that differ from the operator's keys: which hosts, and by which keys."""
    for step in steps:
        seen = view[step.host].keys.get(step.repository.path)
        match standing(step.ring, seen):
            case Standing.EQUAL | Standing.LACKING:
                continue
            case Standing.AHEAD | Standing.BEHIND:
                yield Obstacle(
                    step.host,
                    f"its keys in {step.repository.path} are amid a rotation that was interrupted",
                    "`quorate keys rotate` ends it.",
                )
            case Standing.OTHER:
                yield Obstacle(
                    step.host,
                    f"{step.repository.path} holds {_list(seen)}, and the secret {step.repository.secret} is "
                    f"{_shown(step.ring.hashes())}",
                    "`quorate keys show` compares all hosts. If the keys there are the good ones, put them into the "
                    "secret; if nobody needs tokens or credentials made with them, remove that folder on the host.",
                )


def _list(seen: KeysSeen | None) -> str:
    return _shown({number: key.sha256 for number, key in seen.keys.items()}) if seen else "no keys"


def _shown(hashes: Mapping[int, str]) -> str:
    return ", ".join(f"{number} ({fingerprint(hashes[number])})" for number in sorted(hashes)) or "no keys"
