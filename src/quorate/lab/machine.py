"""One machine of the lab: a User Mode Linux kernel with disks and links, behind a power switch.

All that is known of it stands in its folder, so that any process (a command, a BMC) sees and does the same:
`power` (on or off, what the switch says), `powerless` (there while there is no power to switch), `process` (pid and
start time), `console` (what it prints).
"""

import contextlib
import enum
import fcntl
import os
import signal
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from quorate.lab.command import run
from quorate.lab.network import Namespace, tap
from quorate.lab.process import Process
from quorate.lab.seed import links_of, mac
from quorate.lab.spec import LabSpec

_RESTARTS = ("reboot: Restarting system", "sysrq: Resetting")
"""What a kernel says last that wants to be started again."""


class Condition(enum.StrEnum):
    """How a machine is."""

    RUNNING = "running"
    STARTING = "starting"
    """Switched on, or restarted by its system; its firmware is at work."""
    OFF = "off"
    POWERLESS = "without power"
    """Whatever its switch says."""
    PANICKED = "panicked"
    DEAD = "dead"
    """Switched on, and its process is gone."""


class Machine:
    """A machine by its folder."""

    def __init__(self, spec: LabSpec, name: str, folder: Path, scratch: Path, namespace: Namespace) -> None:
        self.spec, self.name, self.folder = spec, name, folder
        self._scratch = scratch / name
        self._namespace = namespace
        self._process = Process(folder / "process")

    @property
    def console(self) -> Path:
        """Everything that the machine has printed since it was made."""
        return self.folder / "console"

    def prepare(self) -> None:
        """Makes the data disk, blank but for the partition label by which an operator gives it to Quorate."""
        data = self.folder / "data.img"
        if not data.exists():
            new = data.with_suffix(".new")
            run("truncate", f"--size={self.spec.data_bytes}", new)
            run("sfdisk", "--quiet", new, input="label: gpt\nname=quorate-data, type=linux\n")
            new.rename(data)

    def power_on(self, linux: Path, image: Path, options: tuple[str, ...]) -> None:
        """Switches the machine on; it starts at once. Nothing happens if it runs, or if there is no power."""
        with self._lock():
            (self.folder / "power").write_text("on")
            if self._process.pid() is None and not self.is_powerless():
                self._start(linux, image, options)

    def switch_on(self) -> None:
        """Switches the machine on as its BMC does: the caller starts it when the firmware is through."""
        (self.folder / "power").write_text("on")

    def power_off(self) -> None:
        """Cuts the power: memory, page cache and unfinished writes are gone. Returns when the machine is no more."""
        with self._lock():
            (self.folder / "power").write_text("off")
            self._process.kill()

    def lose_power(self) -> None:
        """What feeds it is gone: as `power_off`, but for the switch, which stays as it is. Returns when it is off."""
        with self._lock():
            self._powerless.touch()
            self._process.kill()

    def freeze(self) -> None:
        """Stops it between two instructions; its power stays on. Nothing if it is off."""
        with self._lock():
            self._process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on. Nothing if it runs, or is off."""
        with self._lock():
            self._process.signal(signal.SIGCONT)

    def regain_power(self) -> bool:
        """What feeds it is back; whether its switch is on, so that it has to start (a BIOS set to "last state")."""
        self._powerless.unlink(missing_ok=True)
        return self._power()

    def is_powerless(self) -> bool:
        """Whether what feeds it is gone."""
        return self._powerless.exists()

    def is_on(self) -> bool:
        """What the power switch says."""
        return self._power() and (self._process.pid() is not None or self.condition() is Condition.STARTING)

    def condition(self) -> Condition:
        """How the machine is now."""
        if self._process.pid() is not None:
            return Condition.RUNNING
        if self.is_powerless():
            return Condition.POWERLESS
        if not self._power():
            return Condition.OFF
        if self.has_restarted() or not self._process.was_started():
            return Condition.STARTING
        if time.time() < self._switched() + self.spec.firmware_seconds + 2:
            return Condition.STARTING
        return Condition.PANICKED if "Kernel panic" in "\n".join(self.tail(60)) else Condition.DEAD

    def has_restarted(self) -> bool:
        """Whether its system has asked for a restart, which its firmware (`bmc.py`) has yet to do."""
        ended = self._power() and self._process.was_started() and self._process.pid() is None
        return ended and any(word in line for line in self.tail(5) for word in _RESTARTS)

    def tail(self, lines: int = 15) -> list[str]:
        """The last lines of the console."""
        if not self.console.exists():
            return []
        with self.console.open("rb") as file:
            file.seek(max(0, self.console.stat().st_size - 200 * lines))
            return list(deque(file.read().decode(errors="replace").splitlines(), maxlen=lines))

    @property
    def _powerless(self) -> Path:
        return self.folder / "powerless"

    def _power(self) -> bool:
        power = self.folder / "power"
        return not self.is_powerless() and power.exists() and power.read_text() == "on"

    def _switched(self) -> float:
        return (self.folder / "power").stat().st_mtime

    def _start(self, linux: Path, image: Path, options: tuple[str, ...]) -> None:
        self._scratch.mkdir(parents=True, exist_ok=True)
        # Real machines have their processors to themselves; what else runs here mustn't make these look dead.
        argv: list[str | Path] = ["nice", "--adjustment=-6"]
        argv += self._namespace.argv(linux, "umid=uml", f"uml_dir={self._scratch}", f"mem={self.spec.memory}")
        argv += [f"ubd0={self.folder / 'root.cow'},{image}", f"ubd1={self.folder / 'data.img'}"]
        argv += [f"ubd2r={self.folder / 'seed.tar'}", "root=/dev/ubda", "rw", *options]
        # Console 0 is the machine's output; no other device of ours is handed to it.
        argv += ["con=null", "con0=null,fd:1", "ssl=null", "init=/etc/quorate-lab/init", "panic=1", "quiet"]
        # A kernel that restarts itself in place finds its own taps still open; the firmware starts another instead.
        argv.append("noreboot")
        for number, _link in enumerate(links_of(self.spec, self.name)):
            argv.append(
                f"vec{number}:transport=tap,ifname={tap(self.spec, self.name, number)},depth=128,gro=1,"
                f"mac={mac(self.spec, self.name, number)}"
            )
        environment = {"TMPDIR": str(self._scratch), "PATH": os.environ["PATH"], "HOME": "/"}
        self._process.start(argv, self.console, environment)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
