"""A clock that is set wrong comes back to what is right, however often it was set and whatever it says meanwhile."""

from pathlib import Path

import pytest

from quorate.node import clock

STARTED = 1795417956.0


class Wall:
    """A machine's two clocks: one that runs, and one that can be set."""

    def __init__(self) -> None:
        self.uptime, self.offset = 100.0, STARTED

    def boot(self, _id: int) -> float:
        return self.uptime

    def read(self) -> float:
        return self.offset + self.uptime

    def put(self, _id: int, seconds: float) -> None:
        self.offset = seconds - self.uptime


@pytest.fixture
def wall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wall:
    wall = Wall()
    monkeypatch.setattr(clock, "KEPT", str(tmp_path / "kept"))
    monkeypatch.setattr("quorate.node.clock.time.clock_gettime", wall.boot)
    monkeypatch.setattr("quorate.node.clock.time.clock_settime", wall.put)
    monkeypatch.setattr("quorate.node.clock.time.time", wall.read)
    return wall


def test_two_steps_are_no_further_than_one(wall: Wall) -> None:
    for step in (300.0, -300.0, -300.0):
        wall.uptime += 10
        clock.put(step)
        assert wall.offset == STARTED + step
    wall.uptime += 10
    clock.right()
    assert wall.offset == STARTED
    assert not Path(clock.KEPT).exists()


def test_a_strobe_jumps_to_both_sides(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def slept(seconds: float) -> None:
        wall.uptime += seconds
        seen.append(wall.offset - STARTED)
        if len(seen) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("quorate.node.clock.time.sleep", slept)
    with pytest.raises(KeyboardInterrupt):
        clock.strobe(300.0, 1.0)
    assert seen == [300.0, -300.0, 300.0, -300.0]


def test_a_clock_that_was_never_wrong_is_left_alone(wall: Wall) -> None:
    wall.offset += 7.0  # as by NTP
    clock.right()
    assert wall.offset == STARTED + 7.0
