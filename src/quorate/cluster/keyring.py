"""A ring of numbered Fernet keys as keystone understands it, and the two movements of its rotation. Pure.

The key with the highest number is the primary: new tokens are made with it. Key 0 is staged: it will be the next
primary. With all of them tokens can be read. So a rotation has two movements, and each may reach the hosts one by one:

    promoted   the staged key gets the next number, and is the primary from then on; it stays 0, too
    staged     a new key becomes 0, and the oldest keys go

Invariant: at every moment every host can read every token that any host makes. Before `promoted` all hosts have the
staged key as 0, so it doesn't matter which of them makes tokens with it first; `staged` begins when all have promoted,
and the new 0 makes no tokens until the next rotation, which begins by finding it on all hosts.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from quorate.errors import InputError

STAGED = 0
SHORT = 12


@dataclass(frozen=True)
class KeyRing:
    """Keys by number."""

    keys: Mapping[int, str] = field(repr=False)

    @classmethod
    def new(cls) -> "KeyRing":
        """A first ring: a staged key and a primary."""
        return cls({STAGED: new_key(), 1: new_key()})

    @classmethod
    def parse(cls, content: bytes) -> "KeyRing":
        """The ring in a secret: a line `number key` for each. Raises InputError."""
        pairs = [line.split() for line in content.decode().splitlines()]
        keys = {int(number): key for number, key in pairs}
        if len(keys) != len(pairs) or STAGED not in keys or len(keys) < 2:
            raise InputError("a key ring needs a key 0 and at least one other, each once")
        return cls(keys)

    def render(self) -> bytes:
        """The ring as it stands in a secret."""
        return "\n".join(f"{number} {self.keys[number]}" for number in sorted(self.keys)).encode()

    @property
    def primary(self) -> int:
        """The number of the key that tokens are made with."""
        return max(self.keys)

    def promoted(self) -> "KeyRing":
        """The first movement."""
        return KeyRing({**self.keys, self.primary + 1: self.keys[STAGED]})

    def oldest(self, most: int) -> list[int]:
        """The numbers of the keys beyond the `most` newest, the staged one counted among those."""
        return sorted(number for number in self.keys if number != STAGED)[: -(most - 1)]

    def staged(self, key: str, without: Iterable[int] = ()) -> "KeyRing":
        """The second movement."""
        kept = {number: own for number, own in self.keys.items() if number not in without}
        return KeyRing({**kept, STAGED: key})

    def follows(self, hashes: Mapping[int, str]) -> bool:
        """Whether the second movement makes this ring of those keys, given by their hash, even if it has begun."""
        own = self.hashes()
        older = [number for number in hashes if number not in own]
        return (
            hashes.get(STAGED) in (own[self.primary], own[STAGED])
            and all(hashes.get(number) == hash_ for number, hash_ in own.items() if number != STAGED)
            and all(number < min(set(own) - {STAGED}) for number in older)
            and hashes != own
        )

    def hashes(self) -> dict[int, str]:
        """SHA-256 of each key as it stands in its file, hexadecimal."""
        return {number: hashlib.sha256(key.encode()).hexdigest() for number, key in self.keys.items()}


def new_key() -> str:
    """A Fernet key: 32 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def fingerprint(sha256: str) -> str:
    """So much of a hash as a person compares."""
    return sha256[:SHORT]
