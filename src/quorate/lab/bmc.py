"""One machine's BMC and firmware: an IPMI 2.0 power switch on an address of its own, as a process of its own.

    python -m quorate.lab.bmc LABFOLDER MACHINE

so that the fencing which the cluster uses is the real one (`fence_ipmilan`), network and password included.
Every request that changes power is kept in `bmc.log`, one JSON object a line.
"""

import enum
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pyghmi.ipmi.bmc import Bmc

from quorate.lab.lab import Lab

_ACTIONS = {0: "off", 1: "on", 2: "cycle", 3: "reset"}  # IPMI 2.0, 28.3 Chassis Control


SLOW = 8.0
"""Seconds that a slow BMC takes to switch its machine off; it says yes at once."""


class Manner(enum.StrEnum):
    """How a BMC answers."""

    WELL = ""
    SLOW = "slow"
    STRANGER = "stranger"
    """It knows no password any more."""
    LIAR = "liar"
    """It says of its machine what it was told to do, and does nothing."""


class Passwords:
    """The one password, as long as the BMC knows it; pyghmi asks for it with each session."""

    def __init__(self, bmc: "MachineBmc", user: str, password: str) -> None:
        self._bmc, self._known = bmc, {user: password}

    def get(self, user: str) -> str | None:
        """None for a stranger."""
        return None if self._bmc.manner is Manner.STRANGER else self._known.get(user)


class MachineBmc(Bmc):  # type: ignore[misc]  # pyghmi has no types
    """Chassis control and status of one machine."""

    def __init__(self, lab: Lab, name: str) -> None:
        spec = lab.spec.machine(name).bmc
        password = spec.password_file.read_text().strip()
        super().__init__(Passwords(self, spec.user, password), address=str(spec.address))
        self._lab, self._machine = lab, lab.machine(name)
        self._manner = lab.bmc_manner_file(name)
        self._said = "on"
        self._going_off: threading.Timer | None = None
        self._log = lab.bmc_log_file(name)

    def control_chassis(self, request: dict[str, Any], session: Any) -> None:
        """Keeps a record of who asked for what, and does it."""
        action = _ACTIONS.get(request["data"][0], "other")
        with self._log.open("a") as log:
            client = session.sockaddr[0].removeprefix("::ffff:")
            log.write(json.dumps({"time": time.time(), "client": client, "action": action}) + "\n")
        super().control_chassis(request, session)

    @property
    def manner(self) -> Manner:
        """How it is to answer now."""
        try:
            return Manner(self._manner.read_text())
        except FileNotFoundError:
            self._said = "on"
            return Manner.WELL

    def get_power_state(self) -> str:
        """What the switch says, `on` or `off`."""
        if self.manner is Manner.LIAR:
            return self._said
        return "on" if self._machine.is_on() else "off"

    def power_off(self) -> None:
        """Off at once, not by asking the system."""
        match self.manner:
            case Manner.LIAR:
                self._said = "off"
            case Manner.SLOW:
                self._power_off_slowly()
            case _:
                self._machine.power_off()

    def _power_off_slowly(self) -> None:
        """Who asks again meanwhile gets the same one, and not another one that comes after the "on"."""
        if self._machine.is_on() and not (self._going_off and self._going_off.is_alive()):
            self._going_off = threading.Timer(SLOW, self._machine.power_off)
            self._going_off.start()

    def power_on(self) -> None:
        """On; the system starts when the firmware is through."""
        if self.manner is Manner.LIAR:
            self._said = "on"
        elif not self._machine.is_on():
            self._machine.switch_on()
            threading.Timer(self._lab.spec.firmware_seconds, self._lab.start_if_on, [self._machine.name]).start()

    def power_reset(self) -> None:
        """Off and on again."""
        if self.manner is not Manner.LIAR:
            self._machine.power_off()
        self.power_on()

    power_cycle = power_reset


def restart(lab: Lab, name: str) -> None:
    """The machine's firmware: starts it again, for ever, when its own system has asked for that."""
    while True:
        if lab.machine(name).has_restarted():
            time.sleep(lab.spec.firmware_seconds)
            lab.start_if_on(name)
        time.sleep(0.5)  # the machine may be started by any process, so there is no child to wait for


if __name__ == "__main__":
    here, this = Lab(Path(sys.argv[1])), sys.argv[2]
    threading.Thread(target=restart, args=[here, this], daemon=True).start()
    MachineBmc(here, this).listen()
