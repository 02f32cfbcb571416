"""Rotating keys over hosts that are folders in memory: interrupted at every point, and every token always readable."""

import asyncio
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest

from quorate.cluster.keyring import KeyRing
from quorate.converge import keys, rotation
from quorate.converge.keys import Standing, WriteKeys, standing
from quorate.converge.obstacle import Obstructed
from quorate.errors import InputError, Refused
from quorate.hosts import Hosts
from quorate.hosts.inspection import FileSeen, KeysSeen, Seen
from quorate.services.identity import ROTATION
from quorate.services.parts import KeyRepository

HOSTS = ("ctl1", "ctl2", "ctl3")
TOKENS = KeyRepository("identity-tokens", "/keys", "keystone:keystone", HOSTS, most=3)
LONG_AGO, NOW = 0.0, 2.0 * ROTATION


class PowerCut(Exception):
    """The operator's machine is gone."""


def nothing(_line: str) -> None:
    """Says nothing."""


def seen_as(held: Mapping[int, str], written: float = LONG_AGO) -> KeysSeen:
    files = {number: FileSeen(hash_, 0o400, "keystone", "keystone", written) for number, hash_ in held.items()}
    return KeysSeen(0o700, "keystone", "keystone", files)


@dataclass
class World:
    """The hosts' keys and the operator's. Changes of a host are single keys, as `node/keys.py` makes them."""

    ring: KeyRing
    hosts: dict[str, dict[int, str]]
    written: dict[tuple[str, int], float] = field(default_factory=dict)
    steps_left: int = -1
    """How many more things happen before the power is cut; negative: it isn't."""

    def happen(self) -> None:
        if self.steps_left == 0:
            raise PowerCut
        self.steps_left -= 1

    def check(self) -> None:
        """The invariant: what any host makes tokens with, every host can read."""
        for maker, reader in itertools.product(self.hosts.values(), repeat=2):
            assert maker[max(maker)] in reader.values()

    async def seen(self, _hosts: Hosts, _repository: KeyRepository) -> dict[str, KeysSeen | None]:
        found: dict[str, KeysSeen | None] = {}
        for name, held in self.hosts.items():
            files = {
                number: FileSeen(KeyRing({number: key}).hashes()[number], 0o400, "k", "k", self.written[name, number])
                for number, key in held.items()
            }
            found[name] = KeysSeen(0o700, "k", "k", files)
        return found

    async def change(
        self,
        _hosts: Hosts,
        host: str,
        _repository: KeyRepository,
        write: Mapping[int, str],
        remove: Iterable[int] = (),
    ) -> None:
        for number in sorted(write):
            self.happen()
            self.hosts[host][number] = write[number]
            self.written[host, number] = NOW
            self.check()
        for number in remove:
            self.happen()
            del self.hosts[host][number]
            self.check()

    def save(self, ring: KeyRing) -> None:
        self.happen()
        self.ring = ring

    def rotate(self, now: float = NOW) -> rotation.Rotated:
        return asyncio.run(rotation.rotate(Hosts([]), TOKENS, self.ring, self.save, now, nothing))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    ring = KeyRing.new()
    made = World(ring, {name: dict(ring.keys) for name in HOSTS})
    made.written = {(name, number): LONG_AGO for name in HOSTS for number in ring.keys}
    monkeypatch.setattr(rotation, "seen", made.seen)
    monkeypatch.setattr(keys, "change", made.change)
    return made


def test_a_rotation_promotes_the_staged_key_everywhere(world: World) -> None:
    staged, primary = world.ring.keys[0], world.ring.keys[1]
    done = world.rotate()
    assert (done.resumed, done.removed) == (False, ())
    for held in world.hosts.values():
        assert (held[1], held[2]) == (primary, staged)
        assert held[0] not in (primary, staged), "the new staged key was never there before"
        assert held == dict(world.ring.keys)


def test_the_oldest_key_goes_when_no_token_stands_on_it_any_more(world: World) -> None:
    world.rotate(NOW)
    assert world.rotate(NOW + ROTATION - 1).removed == (), "its last tokens are still good"
    assert sorted(world.ring.keys) == [0, 1, 2, 3]
    world.written = dict.fromkeys(world.written, LONG_AGO)
    assert world.rotate(NOW).removed == (1, 2)
    assert sorted(world.ring.keys) == [0, 3, 4], "as many as the repository keeps"


@pytest.mark.parametrize("before", range(10))
def test_interrupted_anywhere_it_ends_when_it_is_run_again(world: World, before: int) -> None:
    world.rotate()
    world.written = dict.fromkeys(world.written, LONG_AGO)
    world.rotate()  # from now on each rotation removes a key
    world.written = dict.fromkeys(world.written, LONG_AGO)
    primary = world.ring.primary
    world.steps_left = before
    with pytest.raises(PowerCut):
        world.rotate()
    world.check()
    world.steps_left = -1
    world.rotate()
    assert world.ring.primary == primary + 1, "one rotation, and not two"
    assert all(held == dict(world.ring.keys) for held in world.hosts.values())
    assert len(world.ring.keys) == TOKENS.most


def test_other_keys_on_a_host_stop_it_before_anything_is_changed(world: World) -> None:
    world.hosts["ctl2"][0] = KeyRing.new().keys[0]
    before = {name: dict(held) for name, held in world.hosts.items()}
    with pytest.raises(Obstructed, match="ctl2: /keys holds 0"):
        world.rotate()
    assert world.hosts == before


def test_a_host_that_lacks_keys_stops_it(world: World) -> None:
    del world.hosts["ctl3"][0]
    with pytest.raises(Refused, match="ctl3: keys are missing"):
        world.rotate()


def test_how_a_host_stands() -> None:
    ring = KeyRing.new()
    promoted = ring.promoted()
    following = promoted.staged(KeyRing.new().keys[0], without=[1])
    assert standing(ring, None) is Standing.LACKING
    assert standing(ring, seen_as({1: ring.hashes()[1]})) is Standing.LACKING
    assert standing(ring, seen_as(ring.hashes())) is Standing.EQUAL
    assert standing(ring, seen_as(promoted.hashes())) is Standing.AHEAD
    assert standing(following, seen_as(promoted.hashes())) is Standing.BEHIND
    assert standing(following, seen_as({**following.hashes(), 1: ring.hashes()[1]})) is Standing.BEHIND
    assert standing(following, seen_as(ring.hashes())) is Standing.OTHER
    assert standing(ring, seen_as(KeyRing.new().hashes())) is Standing.OTHER


def test_apply_writes_what_is_missing_and_stops_at_what_is_other() -> None:
    ring = KeyRing.new()
    step = WriteKeys("ctl1", TOKENS, ring)

    def view(found: KeysSeen | None) -> dict[str, Seen]:
        return {"ctl1": Seen("ctl1", keys={"/keys": found})}

    assert step.differs(view(None)) == "it lacks 0, 1"
    assert step.differs(view(seen_as(ring.hashes()))) is None
    loose = KeysSeen(0o755, "root", "root", seen_as(ring.hashes()).keys)
    assert step.differs(view(loose)) == "the folder is root:root 0755"
    other = view(seen_as(KeyRing.new().hashes()))
    assert step.differs(other) is None
    [obstacle] = keys.obstacles([step], other)
    assert obstacle.host == "ctl1"
    assert ring.keys[0] not in obstacle.what, "hashes are shown, and no keys"
    amid = list(keys.obstacles([step], view(seen_as(ring.promoted().hashes()))))
    assert "keys rotate" in amid[0].todo


def test_a_ring_in_a_secret() -> None:
    ring = KeyRing.new()
    assert KeyRing.parse(ring.render()) == ring
    assert repr(ring) == "KeyRing()", "no key in a traceback"
    with pytest.raises(InputError):
        KeyRing.parse(b"1 a\n2 b")
