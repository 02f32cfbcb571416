"""One machine's BMC and firmware: an IPMI 2.0 power switch on an address of its own, as a process of its own.

    python -m quorate.lab.bmc LABFOLDER MACHINE

so that the fencing which the cluster uses is the real one (`fence_ipmilan`), network and password included.
Every request that changes power is kept in `bmc.log`, one JSON object a line.
"""

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pyghmi.ipmi.bmc import Bmc

from quorate.lab.lab import Lab

_ACTIONS = {0: "off", 1: "on", 2: "cycle", 3: "reset"}  # IPMI 2.0, 28.3 Chassis Control


class MachineBmc(Bmc):  # type: ignore[misc]  # pyghmi has no types
    """Chassis control and status of one machine."""

    def __init__(self, lab: Lab, name: str) -> None:
        spec = lab.spec.machine(name).bmc
        password = spec.password_file.read_text().strip()
        super().__init__({spec.user: password}, address=str(spec.address))
        self._lab, self._machine = lab, lab.machine(name)
        self._log = lab.bmc_log_file(name)

    def control_chassis(self, request: dict[str, Any], session: Any) -> None:
        """Keeps a record of who asked for what, and does it."""
        action = _ACTIONS.get(request["data"][0], "other")
        with self._log.open("a") as log:
            client = session.sockaddr[0].removeprefix("::ffff:")
            log.write(json.dumps({"time": time.time(), "client": client, "action": action}) + "\n")
        super().control_chassis(request, session)

    def get_power_state(self) -> str:
        """What the switch says, `on` or `off`."""
        return "on" if self._machine.is_on() else "off"

    def power_off(self) -> None:
        """Off at once, not by asking the system."""
        self._machine.power_off()

    def power_on(self) -> None:
        """On; the system starts when the firmware is through."""
        if not self._machine.is_on():
            self._machine.switch_on()
            threading.Timer(self._lab.spec.firmware_seconds, self._lab.start_if_on, [self._machine.name]).start()

    def power_reset(self) -> None:
        """Off and on again."""
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
