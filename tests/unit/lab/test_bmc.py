"""A BMC that misbehaves: what it says, and what becomes of its machine."""

from pathlib import Path

import pytest

from quorate.lab import Lab
from quorate.lab.bmc import SLOW, MachineBmc, Manner, Passwords


class Switch:
    """A machine's power switch."""

    name = "ctl1"

    def __init__(self) -> None:
        self.on = True

    def is_on(self) -> bool:
        return self.on

    def switch_on(self) -> None:
        self.on = True

    def power_off(self) -> None:
        self.on = False


class Unplugged(MachineBmc):
    """A BMC without its network."""

    def __init__(self, lab: Lab, switch: Switch) -> None:
        self._lab, self._machine = lab, switch  # type: ignore[assignment]
        self._manner = lab.bmc_manner_file("ctl1")
        self._said = "on"
        self._going_off = None


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    (tmp_path / "ctl1").mkdir()
    return Lab(tmp_path)


def test_a_liar_says_what_it_was_told_and_does_nothing(lab: Lab) -> None:
    switch = Switch()
    bmc = Unplugged(lab, switch)
    lab.spoil_bmc("ctl1", "liar")
    assert bmc.get_power_state() == "on"
    bmc.power_off()
    assert (bmc.get_power_state(), switch.on) == ("off", True)
    bmc.power_on()
    assert (bmc.get_power_state(), switch.on) == ("on", True)
    bmc.power_off()
    lab.bmc_manner_file("ctl1").unlink()
    assert bmc.get_power_state() == "on", "it sees its machine again"


def test_a_slow_one_says_yes_at_once_and_what_is_true(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[float] = []

    class Clock:
        def __init__(self, seconds: float, _then: object, _args: object = None) -> None:
            waiting.append(seconds)

        def start(self) -> None:
            pass

        def is_alive(self) -> bool:
            return True

    monkeypatch.setattr("quorate.lab.bmc.threading.Timer", Clock)
    switch = Switch()
    bmc = Unplugged(lab, switch)
    lab.spoil_bmc("ctl1", "slow")
    bmc.power_off()
    assert (waiting, bmc.get_power_state()) == ([SLOW], "on")
    bmc.power_off()
    assert waiting == [SLOW], "asked again, it doesn't switch off once more after it was told to switch on"


def test_a_slow_one_has_nothing_to_switch_off_twice(lab: Lab) -> None:
    switch = Switch()
    bmc = Unplugged(lab, switch)
    lab.spoil_bmc("ctl1", "slow")
    switch.on = False
    bmc.power_off()
    assert bmc._going_off is None


def test_a_stranger_knows_no_password(lab: Lab) -> None:
    bmc = Unplugged(lab, Switch())
    passwords = Passwords(bmc, "admin", "secret")
    assert (passwords.get("admin"), passwords.get("root")) == ("secret", None)
    lab.spoil_bmc("ctl1", Manner.STRANGER)
    assert passwords.get("admin") is None
