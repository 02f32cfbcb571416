"""Sets a node's clock wrong, and right again; drills use it. Started with one of:

    step SECONDS            sets the wall clock so far from what is right
    strobe SECONDS EVERY    sets it so far forward and back by turns, until it is ended
    right                   sets it to what is right; nothing if it was never wrong

What is right is what the clock said before the first step, plus the time since then by the clock that nobody can set
(clock_gettime(2), CLOCK_BOOTTIME).
"""

import contextlib
import os
import sys
import time

KEPT = "/run/quorate-drill-clock"
"""What the wall clock said when the other clock began; gone with a reboot, which sets the clock anyway."""


def offset() -> float:
    """What `KEPT` has, written down at the first call."""
    with contextlib.suppress(FileExistsError), open(KEPT, "x") as file:
        file.write(repr(time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)))
    with open(KEPT) as file:
        return float(file.read())


def put(wrong: float) -> None:
    """Sets the clock, so many seconds from what is right."""
    right = offset() + time.clock_gettime(time.CLOCK_BOOTTIME)
    time.clock_settime(time.CLOCK_REALTIME, right + wrong)


def strobe(seconds: float, every: float) -> None:
    """To and fro."""
    while True:
        for wrong in (seconds, -seconds):
            put(wrong)
            time.sleep(every)


def right() -> None:
    """The end of it."""
    if os.path.exists(KEPT):
        put(0.0)
        os.remove(KEPT)


def main() -> None:
    """What was asked for."""
    match sys.argv[1:]:
        case ["step", seconds]:
            put(float(seconds))
        case ["strobe", seconds, every]:
            strobe(float(seconds), float(every))
        case ["right"]:
            right()


if __name__ == "__main__":
    main()
